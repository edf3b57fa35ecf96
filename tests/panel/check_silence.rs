//! Findings that somebody has decided to live with: for whom, and for how long.

use postwarden::access::Role;

use crate::support::{Answer, Browser, Database, Panel};

/// An alias to nobody, in a domain with a mailbox.
const ROWS: &str = "
    INSERT INTO domains (domain) VALUES ('here.example');
    INSERT INTO users (id, maildir) VALUES ('mary@here.example', 'here.example/mary/');
    INSERT INTO aliases (pkid, mail, destination) VALUES (10, 'info@here.example', 'nobody@here.example')";

async fn ground() -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

async fn silence(browser: &Browser, rule: &str, table: &str, key: &str, reason: &str) -> Answer {
    let fields = [
        ("rule", rule),
        ("table", table),
        ("key", key),
        ("reason", reason),
        ("next", "/check?severity=warning"),
    ];
    browser.post("check/silence", &fields).await
}

/// Whether somebody is told that the alias bounces.
async fn is_told(browser: &Browser) -> bool {
    !browser.get("check").await.texts("#PW138").is_empty()
}

#[tokio::test]
async fn a_finding_that_says_something_else_is_told_again() {
    let (panel, operator) = ground().await;
    assert_eq!(
        silence(&operator, "PW138", "aliases", "10", "soon there")
            .await
            .status,
        303
    );
    assert!(!is_told(&operator).await);
    let write = async |to: &str| {
        let query = format!("UPDATE aliases SET destination = '{to}@here.example' WHERE pkid = 10");
        panel.database.script(&query).await;
    };
    write("somebody").await;
    assert!(is_told(&operator).await, "somebody else bounces now");
    write("nobody").await;
    assert!(!is_told(&operator).await);
    let other = "DELETE FROM aliases; INSERT INTO aliases (pkid, mail, destination) \
                 VALUES (10, 'sales@here.example', 'nobody@here.example')";
    panel.database.script(other).await;
    assert!(is_told(&operator).await, "the row of that number is another");
}

#[tokio::test]
async fn what_an_owner_decides_holds_for_owners_and_what_an_operator_decides_for_all() {
    let (panel, operator) = ground().await;
    let owner = panel.signed_in("owner", Role::Owner, &["here.example"]).await;
    let second = panel.signed_in("second", Role::Owner, &["here.example"]).await;
    assert_eq!(
        silence(&owner, "PW138", "aliases", "10", "mine").await.status,
        303
    );
    assert!(
        owner
            .get("check")
            .await
            .text(".notice.ok")
            .contains("operators still see it")
    );
    assert!(!is_told(&owner).await && !is_told(&second).await);
    assert!(is_told(&operator).await);
    assert!(operator.get("aliases").await.text("tbody").contains("bounces"));
    assert!(!owner.get("aliases").await.text("tbody").contains("bounces"));
    assert!(
        operator
            .get("check")
            .await
            .text(".silenced")
            .contains("for owners only")
    );

    assert_eq!(
        silence(&operator, "PW138", "aliases", "10", "all").await.status,
        303
    );
    assert!(!is_told(&operator).await);
    let about = [("rule", "PW138"), ("table", "aliases"), ("key", "10")];
    assert_eq!(owner.post("check/tell", &about).await.status, 303);
    assert!(
        !is_told(&owner).await,
        "the operator's decision is not theirs to undo"
    );
    assert_eq!(operator.post("check/tell", &about).await.status, 303);
    assert!(is_told(&owner).await && is_told(&operator).await);
}

#[tokio::test]
async fn nothing_is_silenced_without_a_reason() {
    let (_panel, operator) = ground().await;
    let refused = silence(&operator, "PW138", "aliases", "10", " \t").await;
    assert_eq!(refused.status, 422, "{}", refused.text("main"));
    assert!(
        refused.text("#PW138 .error-text").contains("Write why"),
        "{}",
        refused.text("main")
    );
    assert_eq!(&*refused.field("severity"), "warning", "the same findings");
    assert!(is_told(&operator).await);
}

#[tokio::test]
async fn what_is_found_in_a_table_has_its_heading_and_is_silenced() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("ALTER TABLE aliases MODIFY mail VARCHAR(100) NOT NULL; ALTER TABLE relays CONVERT TO CHARACTER SET latin1, ENGINE = MyISAM")
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let page = operator.get("check").await;
    assert!(
        page.text("#PW110 h2").contains("Aliases shorter than mailboxes"),
        "{}",
        page.text("main")
    );
    for (rule, table) in [("PW110", "aliases"), ("PW209", "relays")] {
        assert_eq!(
            silence(&operator, rule, table, "", "it is to be so").await.status,
            303,
            "{rule}"
        );
        let page = operator.get("check").await;
        assert!(
            page.texts(&format!("#{rule}")).is_empty(),
            "{}",
            page.text("main")
        );
        assert!(
            !page.text(".silenced").contains("Another finding"),
            "{}",
            page.text(".silenced")
        );
    }
}

#[tokio::test]
async fn what_is_not_found_is_not_silenced() {
    let (panel, operator) = ground().await;
    assert_eq!(
        silence(&operator, "PW137", "aliases", "10", "perhaps later")
            .await
            .status,
        303
    );
    assert!(
        operator
            .get("check")
            .await
            .text(".notice")
            .contains("no such finding")
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_silenced").await, 0);
}

#[tokio::test]
async fn what_was_silenced_before_what_was_told_was_kept_is_silenced_still() {
    let (panel, operator) = ground().await;
    let old = "DELETE FROM pw_migrations WHERE step = 10; DROP TABLE pw_silenced; \
               INSERT INTO pw_silences (rule, table_name, row_key, reason, who, at) \
               VALUES ('PW138', 'aliases', '10', 'long ago', 'joe', NOW())";
    panel.database.script(old).await;
    panel.database.store().await.migrate().await.expect("migrated");
    assert!(!is_told(&operator).await);
    assert!(operator.get("check").await.text(".silenced").contains("long ago"));
}
