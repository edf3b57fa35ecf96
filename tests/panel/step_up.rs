//! That it is still the person who signed in: asked for before what matters most, ten minutes after they last showed it.

use postwarden::access::Role;
use postwarden::web;

use crate::support::program::{Running, create_account};
use crate::support::{Browser, Database, PASSWORD, Panel};

async fn panel() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    panel.account("joe", Role::Owner, &["mine.example"]).await;
    (panel, operator)
}

/// What is stored of people, as far as operators change it.
async fn dump(panel: &Panel) -> Vec<Vec<Vec<Option<String>>>> {
    let mut dump = Vec::new();
    for query in [
        "SELECT name, role, enabled, password_hash FROM pw_accounts ORDER BY id",
        "SELECT * FROM pw_terms",
        "SELECT * FROM pw_grants",
        "SELECT * FROM pw_limits",
        "SELECT * FROM pw_invitations",
        "SELECT account_id, code FROM pw_recovery_codes",
        "SELECT event FROM pw_account_events",
        "SELECT COUNT(*) FROM pw_sessions",
    ] {
        dump.push(panel.database.rows(query).await);
    }
    dump
}

/// Something that each form under /accounts does to Joe.
fn forms() -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let mut forms = Vec::new();
    for (method, route) in web::routes() {
        if method != "POST" || !route.starts_with("/accounts") {
            continue;
        }
        let fields = match route.trim_start_matches("/accounts") {
            "" => vec![
                ("name", "ann"),
                ("role", "owner"),
                ("domain", "one.example\r\ntwo.example"),
                ("expires", ""),
            ],
            "/{name}" => vec![("role", "auditor"), ("expires", "2099-12-31")],
            "/{name}/enabled" => vec![("value", "0")],
            "/{name}/delete" => vec![("confirm", "1")],
            "/{name}/grants" => vec![("domain", "two.example, three.example")],
            "/{name}/grants/{domain}" => vec![
                ("aliases", "20"),
                ("overrides", "these"),
                ("transports", "smtp:[a.example]\r\nsmtp:[b.example]"),
                ("blocks", "1"),
            ],
            "/{name}/invitation" => vec![("mail_to", "")],
            "/{name}/password"
            | "/{name}/sessions"
            | "/{name}/second-factor/delete"
            | "/{name}/grants/{domain}/delete" => vec![],
            other => panic!("what does {other} do?"),
        };
        forms.push((
            route.replace("{name}", "joe").replace("{domain}", "mine.example"),
            fields,
        ));
    }
    forms
}

#[tokio::test]
async fn ten_minutes_after_signing_in_every_form_about_accounts_asks_who_it_is() {
    let (panel, operator) = panel().await;
    let forms = forms();
    assert_eq!(forms.len(), 11);
    panel.database.age_proofs(10).await;
    let before = dump(&panel).await;
    for (path, fields) in &forms {
        let asked = operator.post(path, fields).await;
        assert_eq!(
            (asked.status, asked.text("h1")),
            (403, "Is it you?".to_owned()),
            "{path}"
        );
        let (action, kept) = asked.form();
        assert_eq!(&action, path);
        let kept: Vec<(&str, String)> = kept
            .iter()
            .map(|(n, v)| (n.as_str(), v.replace("\r\n", "\n")))
            .collect();
        let mut expected: Vec<(&str, String)> = fields
            .iter()
            .map(|(n, v)| (*n, v.replace("\r\n", "\n")))
            .collect();
        expected.push(("own_password", String::new()));
        assert_eq!(kept, expected, "{path}");
        assert_eq!(
            asked.attributes("input[type=password]", "name"),
            ["own_password"],
            "{path}"
        );
        let wrong = operator
            .post(
                path,
                &[fields.as_slice(), &[("own_password", "hunter2hunter2")]].concat(),
            )
            .await;
        assert_eq!(wrong.status, 403, "{path}");
        assert!(
            wrong.text("main").contains("password or code is wrong"),
            "{path}: {}",
            wrong.text("main")
        );
        assert!(!wrong.body.contains("hunter2"), "{path}");
        assert_eq!(
            wrong.form().1.len(),
            expected.len(),
            "{path}: the fields are there again"
        );
        panel.database.forget_guesses().await;
    }
    assert_eq!(dump(&panel).await, before);
    for path in [
        "accounts",
        "accounts/joe",
        "accounts/new",
        "accounts/joe/delete",
        "accounts/joe/grants/mine.example",
        "account",
    ] {
        assert_eq!(operator.get(path).await.status, 200, "{path} may be looked at");
    }
}

#[tokio::test]
async fn the_right_password_goes_on_with_the_form_and_counts_for_ten_minutes() {
    let (panel, operator) = panel().await;
    panel.database.age_proofs(10).await;
    let fields = [
        ("name", "ann"),
        ("role", "owner"),
        ("domain", "one.example\r\ntwo.example"),
        ("expires", "2099-12-31"),
    ];
    let asked = operator.post("accounts", &fields).await;
    assert_eq!(asked.status, 403);
    let done = operator.submit(&asked, &[("own_password", PASSWORD)]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/accounts/ann"),
        "{}",
        done.text("main")
    );
    let page = operator.get("accounts/ann").await;
    assert_eq!(page.texts("tr th a.mono"), ["one.example", "two.example"]);
    assert_eq!(page.field("expires"), "2099-12-31");
    assert_eq!(
        operator
            .post("accounts/joe/enabled", &[("value", "0")])
            .await
            .status,
        303,
        "not asked again"
    );
    panel.database.age_proofs(9).await;
    assert_eq!(
        operator
            .post("accounts/joe/enabled", &[("value", "1")])
            .await
            .status,
        303
    );
    panel.database.age_proofs(1).await;
    assert_eq!(
        operator
            .post("accounts/joe/enabled", &[("value", "0")])
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn a_proof_gives_the_session_a_new_id_and_not_a_longer_life() {
    let (panel, _) = panel().await;
    let browser = panel.browser();
    let fields = [("username", "operator"), ("password", PASSWORD)];
    let old = browser.post("login", &fields).await.cookie();
    let other = "DELETE FROM pw_sessions WHERE id <> UNHEX(SHA2(FROM_BASE64(CONCAT(REPLACE(REPLACE('";
    let value = old.split_once('=').expect("a value").1;
    panel
        .database
        .script(&format!("{other}{value}', '-', '+'), '_', '/'), '==')), 256))"))
        .await;
    // Eleven hours ago, of twelve.
    panel
        .database
        .script(
            "UPDATE pw_sessions SET created_at = created_at - INTERVAL 11 HOUR, \
             data = JSON_SET(data, '$.visit.since', JSON_VALUE(data, '$.visit.since') - 39600)",
        )
        .await;
    panel.database.age_proofs(660).await;
    let created = "SELECT DATE_FORMAT(created_at, '%Y-%m-%d %H:%i:%s') FROM pw_sessions";
    let before = panel.database.rows(created).await;
    assert_eq!(before.len(), 1);
    let done = browser
        .post(
            "accounts/joe/enabled",
            &[("value", "0"), ("own_password", PASSWORD)],
        )
        .await;
    assert_eq!(done.status, 303);
    let new = done.cookie();
    assert!(!new.is_empty() && new != old);
    assert_eq!(
        panel.get_with("aliases", &old).await.status,
        303,
        "the old id is dead"
    );
    assert_eq!(panel.get_with("aliases", &new).await.status, 200);
    assert_eq!(panel.database.rows(created).await, before, "as old as before");
    panel
        .database
        .script("UPDATE pw_sessions SET created_at = created_at - INTERVAL 61 MINUTE")
        .await;
    assert_eq!(panel.get_with("aliases", &new).await.status, 303);
}

#[tokio::test]
async fn proofs_are_guesses_counted_together_with_those_at_the_sign_in() {
    let (panel, operator) = panel().await;
    panel.database.age_proofs(10).await;
    let ask = async |own: &str| {
        operator
            .post("accounts/joe/enabled", &[("value", "0"), ("own_password", own)])
            .await
    };
    let long = "x".repeat(2000);
    for wrong in ["wrong", &PASSWORD.to_uppercase(), &long, "x", " "] {
        let answer = ask(wrong).await;
        assert_eq!(answer.status, 403);
        assert!(
            answer.text("main").contains("password or code is wrong"),
            "{wrong:.20}"
        );
    }
    let answer = ask(PASSWORD).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text("main").contains("Too many attempts"),
        "{}",
        answer.text("main")
    );
    let fields = [("username", "operator"), ("password", PASSWORD)];
    assert_eq!(panel.browser().post("login", &fields).await.status, 429);
    assert_eq!(
        operator
            .post("accounts/joe/enabled", &[("value", "0")])
            .await
            .status,
        403,
        "asking is no guess"
    );
    let enabled = "SELECT enabled FROM pw_accounts WHERE name = 'joe'";
    assert_eq!(panel.database.count(enabled).await, 1);
    panel
        .database
        .script("UPDATE pw_throttle SET gone_at = gone_at - INTERVAL 30 SECOND")
        .await;
    assert_eq!(ask(PASSWORD).await.status, 303);
    assert_eq!(panel.database.count(enabled).await, 0);
}

#[tokio::test]
async fn a_wrong_proof_is_one_line_in_the_log_without_what_was_typed() {
    let database = Database::fresh().await;
    for (name, role) in [("operator", "operator"), ("joe", "owner")] {
        create_account(&database, name, role, &[]);
    }
    let program = Running::serve(&[
        ("DATABASE_URL", &database.url),
        ("POSTWARDEN_LOG__LEVEL", "trace"),
    ]);
    let operator = program.signed_in("operator", PASSWORD).await;
    database.age_proofs(10).await;
    let fields = [("value", "0"), ("own_password", "hunter2hunter2")];
    assert_eq!(operator.post("accounts/joe/enabled", &fields).await.status, 403);
    let fields = [("value", "0"), ("own_password", PASSWORD)];
    assert_eq!(operator.post("accounts/joe/enabled", &fields).await.status, 303);
    program.stderr.wait_for("account joe: disabled");
    let log = program.stderr.all();
    let failures: Vec<&String> = log.iter().filter(|line| line.contains("auth failure")).collect();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(
        failures[0].ends_with("auth failure from 127.0.0.1 for \"operator\": bad-password"),
        "{failures:?}"
    );
    let log = log.join("\n");
    assert!(!log.contains("hunter2") && !log.contains(PASSWORD), "{log}");
    program.stop();
}

#[tokio::test]
async fn whoever_has_a_second_factor_is_asked_for_a_code_too() {
    let (panel, operator) = panel().await;
    let factor = operator.set_up_second_factor().await;
    panel.database.forget_codes().await;
    panel.database.age_proofs(10).await;
    let codes = "SELECT HEX(code) FROM pw_recovery_codes ORDER BY code";
    let before = panel.database.rows(codes).await;
    for path in ["account/second-factor/codes", "accounts/joe/enabled"] {
        let asked = operator.post(path, &[("value", "0")]).await;
        assert_eq!(asked.status, 403, "{path}");
        assert_eq!(
            asked.attributes("main form input", "name"),
            ["value", "own_password", "own_code"]
        );
        for code in ["", &*factor.wrong_code(), "no code"] {
            panel.database.forget_guesses().await;
            let answer = operator
                .submit(&asked, &[("own_password", PASSWORD), ("own_code", code)])
                .await;
            assert_eq!(answer.status, 403, "{path} {code}");
            assert!(!answer.body.contains(PASSWORD));
            assert_eq!(answer.field("own_code"), "", "nor is the code shown again");
        }
    }
    assert_eq!(panel.database.rows(codes).await, before);
    panel.database.forget_guesses().await;
    let fields = [("own_password", PASSWORD), ("own_code", &*factor.code())];
    let done = operator.post("account/second-factor/codes", &fields).await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_ne!(panel.database.rows(codes).await, before);
    assert_eq!(
        operator
            .post("accounts/joe/enabled", &[("value", "0")])
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn an_account_that_is_thrown_out_while_it_is_asked_stays_out() {
    let (panel, operator) = panel().await;
    panel.database.age_proofs(10).await;
    let asked = operator.post("accounts/joe/enabled", &[("value", "0")]).await;
    panel
        .change_account("operator", postwarden::store::AccountChange::Enabled(false))
        .await;
    let answer = operator.submit(&asked, &[("own_password", PASSWORD)]).await;
    assert_eq!(answer.status, 401);
    assert!(!answer.body.contains(PASSWORD));
    let enabled = "SELECT enabled FROM pw_accounts WHERE name = 'joe'";
    assert_eq!(panel.database.count(enabled).await, 1);
}
