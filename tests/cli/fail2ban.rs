//! The filter and the jail for fail2ban, judged by fail2ban itself. Nothing is banned: its server is not started.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::program::{Running, create_account};
use crate::support::{Browser, Database, PASSWORD};

/// What a hostile line would like to have banned.
const VICTIM: &str = "198.51.100.1";

fn packaging(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(path)
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup test installs it"))
}

/// The addresses fail2ban finds in a log with the shipped filter, in order.
fn found(log: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log");
    fs::write(&file, log).expect("a log");
    let filter = packaging("fail2ban/filter.d/postwarden.conf");
    let arguments = [
        "-e",
        "UTF-8",
        "-o",
        "ip",
        file.to_str().expect("a path"),
        filter.to_str().expect("a path"),
    ];
    let output = run("fail2ban-regex", &arguments);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    printed.lines().map(str::to_owned).collect()
}

/// Names that would like to be another line or another address, and where they come from.
fn attempts() -> Vec<(String, String)> {
    let imitation = format!(
        r#"2026-11-22T07:40:01.123Z postwarden[812]: auth failure from {VICTIM} for "y": bad-password"#
    );
    let names = [
        "joe@bloggs.com".to_owned(),
        format!("from {VICTIM}"),
        format!(r#"x" from {VICTIM} for "y"#),
        format!(r#"x\" from {VICTIM} for \"y"#),
        r#"joe": bad-password"#.to_owned(),
        imitation.clone(),
        format!("x\n{imitation}"),
        format!("x\": bad-password\r\n{imitation}"),
        format!("x\": bad-password\n{imitation}\nx"),
        format!("\u{2028}{imitation}"),
        format!("\u{85}{imitation}"),
        format!("\u{b}\u{c}{imitation}"),
        format!("\0{imitation}"),
        format!("\u{1b}[2K\u{1b}[1A\u{8}{imitation}"),
        "\\".to_owned(),
        "\\\"".to_owned(),
        "\\\\\"".to_owned(),
        "\"\"\"\"".to_owned(),
        "'".to_owned(),
        "jürgen@bücher.example".to_owned(),
        "\u{202e}elpmaxe.eoj\u{feff}".to_owned(),
        "\u{1f4e7}".repeat(200),
        "x".repeat(100_000),
        format!("{}{imitation}", "\\\"".repeat(5_000)),
        "%0a%0d%s%n".to_owned(),
        "<ADDR> <HOST> (?P<host>.*)".to_owned(),
        String::new(),
    ];
    let from = |n: usize| match n % 3 {
        0 => format!("2001:db8:{:x}::9", n + 1),
        _ => format!("203.0.113.{n}"),
    };
    names
        .into_iter()
        .enumerate()
        .map(|(n, name)| (from(n), name))
        .collect()
}

/// Somebody at this address fails to sign in.
async fn fail(browser: &Browser, from: &str, name: &str) {
    let form = [("username", name), ("password", "wrong")];
    let request = browser.client.post(browser.url("login")).form(&form);
    let answer = request.header("x-forwarded-for", from).send().await;
    assert_eq!(answer.expect("an answer").status(), 422, "{name:?}");
}

/// Requests that would like their line in the log to be that of a failure.
async fn imitate(panel: &Running) {
    let browser = panel.browser();
    let line = format!(r#"postwarden[1]: auth failure from {VICTIM} for "y": bad-password"#);
    for path in [
        "postwarden[1]:%20auth%20failure%20from%20198.51.100.1%20for%20%22y%22:%20bad-password",
        "postwarden:%0Apostwarden:%20auth%20failure%20from%20198.51.100.1%20for%20%22y%22:%20bad-password",
    ] {
        browser.get(path).await;
        browser.get(&format!("search?q={path}")).await;
        browser.get(&format!("login?next=/{path}")).await;
    }
    let request = browser.client.get(browser.url("aliases"));
    for name in ["x-forwarded-for", "user-agent", "referer", "cookie"] {
        let request = request.try_clone().expect("a request");
        request.header(name, &line).send().await.expect("an answer");
    }
    for start in [
        format!("{} /{} HTTP/1.1", "POSTWARDEN", line.replace(' ', "\u{a0}")),
        format!("GET /{} HTTP/1.1", line.replace(' ', "\t")),
        format!("GET /{} HTTP/1.1", line.replace(' ', "_")),
        line.clone(),
    ] {
        let mut stream = TcpStream::connect(panel.address).expect("connected");
        let head = format!("{start}\r\nHost: panel\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
    }
}

#[tokio::test]
async fn fail2ban_finds_every_failure_and_nobody_else() {
    let database = Database::fresh().await;
    create_account(&database, "joe", "operator", &[]);
    let panel = Running::serve(&[
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_TRUSTED_PROXIES", "127.0.0.0/8"),
    ]);
    let attempts = attempts();
    imitate(&panel).await;
    for (from, name) in &attempts {
        fail(&panel.browser(), from, name).await;
    }
    panel.signed_in("joe", PASSWORD).await;
    imitate(&panel).await;
    fail(&panel.browser(), "192.0.2.99", "the end").await;
    panel.stderr.wait_for("the end");
    let lines = panel.stderr.all();
    let mut expected: Vec<&str> = attempts.iter().map(|(from, _)| from.as_str()).collect();
    expected.push("192.0.2.99");
    // In a file of the panel's own, as the journal hands it out, and as two kinds of syslog write it.
    for front in [
        "",
        "mail postwarden[812]: ",
        "Nov 22 07:40:01 mail postwarden[812]: ",
        "2026-11-22T07:40:01.123456+01:00 mail postwarden[812]: ",
    ] {
        let log: Vec<String> = lines.iter().map(|line| format!("{front}{line}\n")).collect();
        assert_eq!(found(&log.concat()), expected, "{front}: {lines:#?}");
        // Each by itself: which line it is that an address comes from.
        let failures: Vec<&String> = log
            .iter()
            .filter(|l| l.contains("]: auth failure from "))
            .collect();
        for (line, address) in failures.iter().zip(&expected).step_by(5) {
            assert_eq!(found(line), [*address], "{line}");
        }
    }
}

#[test]
fn fail2ban_takes_the_jail_and_watches_the_unit_that_is_shipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().to_str().expect("a path");
    // What Debian ships, without anything of this machine's.
    let copied = run(
        "cp",
        &[
            "-r",
            "/etc/fail2ban/action.d",
            "/etc/fail2ban/filter.d",
            "/etc/fail2ban/fail2ban.conf",
            "/etc/fail2ban/jail.conf",
            "/etc/fail2ban/paths-debian.conf",
            "/etc/fail2ban/paths-common.conf",
            packaging("fail2ban/jail.d").to_str().expect("a path"),
            dir,
        ],
    );
    assert!(copied.status.success(), "{copied:?}");
    let filter = packaging("fail2ban/filter.d/postwarden.conf");
    fs::copy(filter, folder.path().join("filter.d/postwarden.conf")).expect("copied");
    let tested = run("fail2ban-client", &["-c", dir, "-t"]);
    assert!(tested.status.success(), "{tested:?}");
    let printed = run("fail2ban-client", &["-c", dir, "-d"]);
    let printed = String::from_utf8(printed.stdout).expect("UTF-8");
    for told in [
        "['add', 'postwarden', 'systemd']",
        "['set', 'postwarden', 'addjournalmatch', '_SYSTEMD_UNIT=postwarden.service']",
        "['set', 'postwarden', 'maxretry', 10]",
        "['start', 'postwarden']",
    ] {
        assert!(printed.lines().any(|line| line == told), "{told}: {printed}");
    }
    assert!(
        printed.contains("['set', 'postwarden', 'addfailregex', "),
        "{printed}"
    );
    // The name the journal puts in front is the one the filter looks for.
    let unit = fs::read_to_string(packaging("systemd/postwarden.service")).expect("the unit");
    assert!(unit.contains("\nSyslogIdentifier=postwarden\n"), "{unit}");
}
