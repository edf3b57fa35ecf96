//! The log line of a sign-in that failed, as fail2ban reads it.

use regex::Regex;

use crate::program::{Running, create_account, on, sign_in};
use crate::support::{Database, PASSWORD};

/// The filter to install, with fail2ban's `<ADDR>` written out.
const FILTER: &str = r#"^\s*(?:\S+ )?postwarden(?:\[\d+\])?: auth failure from (?<addr>[0-9A-Fa-f:.]+) for "(?:[^"\\]|\\.)*": [a-z-]+$"#;

/// The addresses the filter finds in a log.
fn found(lines: &[String]) -> Vec<String> {
    let filter = Regex::new(FILTER).expect("a pattern");
    lines
        .iter()
        .flat_map(|line| line.split(['\n', '\r']))
        .filter_map(|line| filter.captures(line).map(|found| found["addr"].to_owned()))
        .collect()
}

#[tokio::test]
async fn a_failed_sign_in_is_exactly_one_line() {
    let database = Database::fresh().await;
    create_account(&database, "joe@bloggs.com", "operator", &[]);
    create_account(&database, "gone", "operator", &[]);
    on(&database, &["account", "disable", "gone"]).done();
    let panel = Running::serve_on(&database);
    for (name, password) in [
        ("joe@bloggs.com", "wrong"),
        ("nobody", "wrong"),
        ("gone", PASSWORD),
        ("joe@bloggs.com", PASSWORD),
    ] {
        sign_in(&panel.browser(), name, password).await;
    }
    panel.stderr.wait_for("signed in");
    let lines: Vec<String> = panel
        .stderr
        .all()
        .into_iter()
        .filter(|line| line.contains("auth failure"))
        .collect();
    let pid = panel.pid();
    let moment = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ").expect("a pattern");
    let expected = [
        format!(r#"postwarden[{pid}]: auth failure from 127.0.0.1 for "joe@bloggs.com": bad-password"#),
        format!(r#"postwarden[{pid}]: auth failure from 127.0.0.1 for "nobody": unknown-name"#),
        format!(r#"postwarden[{pid}]: auth failure from 127.0.0.1 for "gone": disabled"#),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(moment.is_match(line), "{line}");
        assert_eq!(line[25..], expected);
    }
    assert_eq!(found(&lines), ["127.0.0.1"; 3]);
    assert!(
        !panel
            .stderr
            .all()
            .iter()
            .any(|line| line.contains(PASSWORD) || line.contains("wrong"))
    );
}

#[tokio::test]
async fn whoever_guesses_on_is_counted_on() {
    let database = Database::fresh().await;
    create_account(&database, "joe", "operator", &[]);
    let panel = Running::serve_on(&database);
    for password in ["wrong"; 5].into_iter().chain([PASSWORD; 2]) {
        sign_in(&panel.browser(), "joe", password).await;
    }
    sign_in(&panel.browser(), "the end", "wrong").await;
    panel.stderr.wait_for("the end");
    let line = |reason| format!(r#"auth failure from 127.0.0.1 for "joe": {reason}"#);
    let lines = panel.stderr.all();
    let about: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("auth failure"))
        .collect();
    assert_eq!(about.len(), 8, "{about:#?}");
    assert!(
        about[..5].iter().all(|l| l.ends_with(&line("bad-password"))),
        "{about:#?}"
    );
    assert!(
        about[5..7].iter().all(|l| l.ends_with(&line("throttled"))),
        "{about:#?}"
    );
    assert_eq!(found(&lines), ["127.0.0.1"; 8]);
}

#[tokio::test]
async fn no_name_passes_for_another_address() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    let names = [
        r#"joe": bad-password"#,
        r#"x" from 198.51.100.1 for "y"#,
        "from 198.51.100.1",
        "x\n2026-11-22T07:40:01.123Z postwarden[812]: auth failure from 198.51.100.1 for \"y\": bad-password",
        "x\": bad-password\r\npostwarden: auth failure from 198.51.100.1 for \"y",
        r#"\": bad-password postwarden[1]: auth failure from 198.51.100.1 for \"y"#,
        "\\",
        "\\\"",
        "\u{2028}postwarden: auth failure from 198.51.100.1 for \"y\": bad-password",
        "\u{1b}[2K\u{8}\0\u{85}",
        "jürgen@bücher.example",
        "",
    ];
    for name in names {
        let answer = sign_in(&panel.browser(), name, "wrong").await;
        assert_eq!(answer.status, 422, "{name:?}");
    }
    let end = "the end";
    sign_in(&panel.browser(), end, "wrong").await;
    panel.stderr.wait_for(end);
    let lines = panel.stderr.all();
    let about: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("auth failure"))
        .collect();
    assert_eq!(about.len(), names.len() + 1, "{lines:#?}");
    assert!(
        about
            .iter()
            .all(|line| !line.contains(|c: char| c.is_control() || !c.is_ascii())),
        "{about:#?}"
    );
    assert_eq!(found(&lines), vec!["127.0.0.1"; names.len() + 1], "{lines:#?}");
}

#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let database = Database::fresh().await;
    let post = async |panel: &Running, forwarded: &str| {
        let browser = panel.browser();
        let form = [("username", "joe"), ("password", "wrong")];
        let request = browser.client.post(browser.url("login")).form(&form);
        request
            .header("x-forwarded-for", forwarded)
            .send()
            .await
            .expect("an answer");
        panel.stderr.wait_for("auth failure");
        found(&panel.stderr.all())
    };
    let open = Running::serve_on(&database);
    assert_eq!(post(&open, "203.0.113.9").await, ["127.0.0.1"]);
    let variables = [
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let behind = Running::serve(&variables);
    assert_eq!(post(&behind, "198.51.100.1, 2001:db8::9").await, ["2001:db8::9"]);
}

#[tokio::test]
async fn the_line_is_there_at_every_level_of_the_log() {
    let database = Database::fresh().await;
    let address = crate::program::free_address();
    let listen = address.to_string();
    let quiet = [
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_LOG__LEVEL", "postwarden::cli=info"),
        ("POSTWARDEN_LISTEN", &listen),
    ];
    let panel = Running::serve(&quiet);
    sign_in(&panel.browser(), "joe", "wrong").await;
    panel
        .stderr
        .wait_for("auth failure from 127.0.0.1 for \"joe\": unknown-name");
}
