//! What a change does to mail is said before it is made.

use std::fmt::Write as _;

use postwarden::access::Role;

use crate::samples::held;
use crate::support::{Answer, Browser, Database, Panel};

/// A domain with mailboxes, their self aliases, and aliases that lead to joe.
const HOUSE: &str = "\
    INSERT INTO domains (domain, transport) VALUES ('house.example', 'virtual:'); \
    INSERT INTO users (id, maildir) VALUES ('joe@house.example', 'house/joe/'), ('mary@house.example', 'house/mary/'); \
    INSERT INTO aliases (mail, destination) VALUES ('joe@house.example', 'joe@house.example'), \
    ('mary@house.example', 'mary@house.example'), ('info@house.example', 'joe@house.example'), \
    ('sales@house.example', 'joe@house.example'), ('all@house.example', 'info@house.example,mary@house.example');";

async fn house() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    panel.database.script(HOUSE).await;
    let operator = panel.operator().await;
    (panel, operator)
}

fn assert_says(answer: &Answer, sentence: &str) {
    let text = answer.text("main");
    assert!(text.contains(sentence), "{sentence}\n{text}");
}

fn assert_silent(answer: &Answer, word: &str) {
    let text = answer.text("main");
    assert!(!text.contains(word), "{word}\n{text}");
}

async fn notice(browser: &Browser) -> String {
    browser.get("").await.text(".notice")
}

#[tokio::test]
async fn deleting_a_mailbox_says_whose_mail_will_bounce() {
    let (panel, operator) = house().await;
    let page = operator.get("users/joe@house.example/delete").await;
    assert_says(&page, "What it does to mail");
    assert_says(
        &page,
        "Mail for info@house.example and sales@house.example will be accepted and then bounced",
    );
    // Of a list it is one of several.
    assert_says(
        &page,
        "Mail for all@house.example will no longer reach joe@house.example, where it bounces (5.1.1 unknown user).",
    );
    // Its self alias goes with it.
    assert_says(&page, "Mail for joe@house.example will be refused (550 5.1.1");
    assert_silent(&page, "mary@house.example will");
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 2);
}

#[tokio::test]
async fn a_catch_all_that_takes_the_mail_of_mailboxes_is_asked_about() {
    let (panel, operator) = house().await;
    panel
        .database
        .script(
            "DELETE FROM aliases WHERE mail = 'joe@house.example'; \
             INSERT INTO users (id, maildir) VALUES ('liz@house.example', 'house/liz/')",
        )
        .await;
    let fields = [
        ("mail", "@house.example"),
        ("destination", "mary@house.example"),
        ("enabled", "1"),
    ];
    let answer = operator.post("aliases", &fields).await;
    assert!(answer.asks(), "{}", answer.body);
    assert_says(
        &answer,
        "mary@house.example will take the mail of 2 mailboxes: joe@house.example and liz@house.example.",
    );
    let confirmed = operator.submit(&answer, &[("confirm", "1")]).await;
    assert_eq!(confirmed.status, 303);
}

#[tokio::test]
async fn nothing_to_say_is_one_click() {
    let (panel, operator) = house().await;
    for (path, fields) in [
        (
            "aliases",
            [
                ("mail", "new@house.example"),
                ("destination", "mary@house.example"),
                ("enabled", "1"),
            ],
        ),
        (
            "aliases",
            [
                ("mail", "out@house.example"),
                ("destination", "someone@far.example"),
                ("enabled", "1"),
            ],
        ),
        (
            "domains",
            [
                ("domain", "second.example"),
                ("transport", "virtual:"),
                ("enabled", "1"),
            ],
        ),
        (
            "relocated",
            [
                ("oldadr", "gone@house.example"),
                ("newadr", "new@far.example"),
                ("enabled", "1"),
            ],
        ),
    ] {
        let answer = operator.post(path, &fields).await;
        assert_eq!(answer.status, 303, "{path} {fields:?} {}", answer.text("main"));
    }
    let key = panel
        .database
        .value("SELECT pkid FROM aliases WHERE mail = 'new@house.example'")
        .await;
    let row = format!("aliases/{}", key.expect("a key"));
    let moved = [
        ("mail", "new@house.example"),
        ("destination", "joe@house.example"),
        ("enabled", "1"),
    ];
    assert_eq!(operator.post(&row, &moved).await.status, 303);
    let off = operator.post(&format!("{row}/enabled"), &[("value", "0")]).await;
    assert_eq!(off.status, 303);
    let told = notice(&operator).await;
    assert!(
        told.contains("Mail for new@house.example will be refused"),
        "{told}"
    );
}

#[tokio::test]
async fn an_alias_to_nobody_is_asked_about() {
    let (_panel, operator) = house().await;
    let fields = [
        ("mail", "new@house.example"),
        ("destination", "nobody@house.example"),
        ("enabled", "1"),
    ];
    let answer = operator.post("aliases", &fields).await;
    assert!(answer.asks(), "{}", answer.body);
    assert_says(&answer, "nobody@house.example");
    // A row that is off does nothing.
    let off = [
        ("mail", "new@house.example"),
        ("destination", "nobody@house.example"),
    ];
    assert_eq!(operator.post("aliases", &off).await.status, 303);
}

#[tokio::test]
async fn a_program_switches_off_at_once_and_is_told_and_switching_on_again_undoes_it() {
    let (panel, operator) = house().await;
    let off = operator
        .post("users/joe@house.example/enabled", &[("value", "0")])
        .await;
    assert_eq!(off.status, 303);
    let told = notice(&operator).await;
    assert!(
        told.contains("joe@house.example and sales@house.example will be accepted and then bounced"),
        "{told}"
    );
    let page = operator.get("users/joe@house.example").await;
    assert_eq!(operator.submit(&page, &[("enabled", "1")]).await.status, 303);
    let on = "SELECT enabled FROM users WHERE id = 'joe@house.example'";
    assert_eq!(panel.database.value(on).await.as_deref(), Some("1"));
    // The form's own switch is a save like any other.
    let form = operator.get("users/joe@house.example").await;
    let (action, fields) = form.form();
    let without: Vec<(&str, &str)> = fields
        .iter()
        .filter(|(name, _)| name != "enabled")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let asked = operator.post(&action, &without).await;
    assert!(asked.asks(), "{} {}", asked.status, asked.text("main"));
    assert_says(&asked, "will be accepted and then bounced");
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
    assert_eq!(panel.database.value(on).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_renamed_mailbox_leaves_those_who_deliver_to_its_old_name() {
    let (_panel, operator) = house().await;
    let page = operator.get("users/joe@house.example").await;
    let answer = operator.submit(&page, &[("id", "joseph@house.example")]).await;
    assert!(answer.asks(), "{}", answer.body);
    assert_says(
        &answer,
        "info@house.example and sales@house.example will be accepted and then bounced",
    );
}

#[tokio::test]
async fn a_whole_domain_that_goes_says_what_becomes_of_what_leads_into_it() {
    let (panel, operator) = house().await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain, transport) VALUES ('other.example', 'virtual:'); \
             INSERT INTO aliases (mail, destination) VALUES ('friends@other.example', 'mary@house.example')",
        )
        .await;
    let key = panel
        .database
        .value("SELECT pkid FROM domains WHERE domain = 'house.example'")
        .await;
    let page = operator
        .get(&format!("domains/{}/delete", key.expect("a key")))
        .await;
    assert_says(&page, "What it does to mail");
    assert_says(&page, "will be refused (554 5.7.1 Relay access denied)");
    assert_says(
        &page,
        "Mail for friends@other.example will leave this server for the mail servers of house.example.",
    );
}

#[tokio::test]
async fn a_bulk_change_is_reviewed_with_what_it_does_to_mail() {
    let (panel, operator) = house().await;
    let review = operator
        .post(
            "users/bulk",
            &[
                ("action", "disable"),
                ("key", "joe@house.example"),
                ("key", "mary@house.example"),
            ],
        )
        .await;
    assert!(review.asks(), "{}", review.body);
    assert_says(
        &review,
        "Mail for all@house.example, info@house.example, joe@house.example, mary@house.example and sales@house.example will \
         be accepted and then bounced (5.1.1 unknown user).",
    );
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM users WHERE enabled = 1")
            .await,
        2
    );
    // And what it mends is said too.
    panel
        .database
        .script(
            "UPDATE users SET enabled = 0; \
             INSERT INTO users (id, maildir) VALUES ('new@house.example', 'house/new/')",
        )
        .await;
    let review = operator
        .post(
            "users/bulk",
            &[("action", "enable"), ("key", "joe@house.example")],
        )
        .await;
    assert_says(&review, "sales@house.example will arrive.");
}

#[tokio::test]
async fn deleting_an_override_tells_where_the_mail_goes_instead() {
    let (panel, operator) = house().await;
    let fields = [
        ("mail", "joe@house.example"),
        ("transport", "smtp:[aspmx.l.google.com]"),
    ];
    // That the mail goes there is what the person says.
    assert_eq!(operator.post("overrides", &fields).await.status, 303);
    let page = operator.get("overrides/joe@house.example/delete").await;
    assert_says(
        &page,
        "will go to its own mailbox instead of the server [aspmx.l.google.com].",
    );
    panel
        .database
        .script("DELETE FROM users WHERE id = 'joe@house.example'")
        .await;
    let page = operator.get("overrides/joe@house.example/delete").await;
    assert_says(&page, "Mail for joe@house.example will be");
}

#[tokio::test]
async fn looking_at_an_effect_writes_nothing_and_waits_for_nobody() {
    let (panel, operator) = house().await;
    let state = "SELECT CONCAT((SELECT last_change FROM pw_counter), '/', (SELECT COUNT(*) FROM aliases), '/', \
                 (SELECT AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = \
                 'aliases'))";
    let before = panel.database.value(state).await;
    // Other programs hold every row, and another panel the writers' lock.
    let mut holders = Vec::new();
    for table in ["aliases", "users", "domains", "pw_counter"] {
        holders.push(held(&panel.database, table).await);
    }
    let asked = operator
        .post(
            "aliases",
            &[
                ("mail", "new@house.example"),
                ("destination", "nobody@house.example"),
                ("enabled", "1"),
            ],
        )
        .await;
    assert!(asked.asks(), "{}", asked.body);
    let page = operator.get("users/joe@house.example/delete").await;
    assert_says(&page, "will be accepted and then bounced");
    drop(holders);
    assert_eq!(panel.database.value(state).await, before);
}

#[tokio::test]
async fn an_owner_is_told_of_their_own_addresses_alone() {
    let (panel, _operator) = house().await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain, transport) VALUES ('other.example', 'virtual:'); \
             INSERT INTO aliases (mail, destination) VALUES ('friends@other.example', 'joe@house.example')",
        )
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["house.example"]).await;
    let page = owner.get("users/joe@house.example/delete").await;
    assert_says(&page, "info@house.example");
    assert_silent(&page, "other.example");
}

#[tokio::test]
async fn many_addresses_are_told_of_together() {
    let (panel, operator) = house().await;
    let mut rows = String::new();
    for n in 0..300 {
        let _ = write!(
            rows,
            "{}('list{n:03}@house.example', 'joe@house.example')",
            if n > 0 { ", " } else { "" }
        );
    }
    panel
        .database
        .script(&format!("INSERT INTO aliases (mail, destination) VALUES {rows}"))
        .await;
    let page = operator.get("users/joe@house.example/delete").await;
    assert_says(&page, "Mail for 302 addresses will be accepted and then bounced");
    assert_says(&page, "list003@house.example and 297 more.");
}
