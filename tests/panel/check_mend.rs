//! What one click on a finding does, and what it only asks about.

use crate::support::{Answer, Browser, Database, Panel};

async fn on(rows: &str) -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(rows).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

async fn mend(browser: &Browser, rule: &str, table: &str, key: &str) -> Answer {
    let fields = [
        ("rule", rule),
        ("table", table),
        ("key", key),
        ("next", "/check?rule=PW108"),
    ];
    browser.post("check/mend", &fields).await
}

async fn value(panel: &Panel, query: &str) -> String {
    panel.database.value(query).await.unwrap_or_default()
}

#[tokio::test]
async fn a_mend_that_would_take_the_mail_of_others_is_asked_about_in_the_form() {
    let (panel, operator) = on("INSERT INTO domains (domain) VALUES ('here.example'); \
         INSERT INTO users (id, maildir) VALUES ('mary@here.example', 'here.example/mary/'); \
         INSERT INTO relocated (pkid, oldadr, newadr) VALUES (1, 'here.example', 'a@out.example')")
    .await;
    let asked = mend(&operator, "PW108", "relocated", "1").await;
    assert_eq!(asked.status, 200, "{}", asked.text("main"));
    assert!(
        asked.text(".notice.warn").contains("Please confirm"),
        "{}",
        asked.text("main")
    );
    assert!(
        asked.text(".notice.warn").contains("still has mailboxes"),
        "{}",
        asked.text("main")
    );
    assert_eq!(
        (&*asked.field("oldadr"), &*asked.field("next")),
        ("@here.example", "/check?rule=PW108")
    );
    assert_eq!(
        value(&panel, "SELECT oldadr FROM relocated").await,
        "here.example"
    );
    assert_eq!(value(&panel, "SELECT COUNT(*) FROM pw_changes").await, "0");
}

#[tokio::test]
async fn a_mend_that_changes_nothing_for_others_is_done_at_once() {
    let (panel, operator) = on("INSERT INTO domains (domain) VALUES ('here.example'); \
         INSERT INTO relocated (pkid, oldadr, newadr) VALUES (1, '<gone@here.example>', 'a@out.example')")
    .await;
    assert_eq!(mend(&operator, "PW107", "relocated", "1").await.status, 303);
    assert_eq!(
        value(&panel, "SELECT oldadr FROM relocated").await,
        "gone@here.example"
    );
}

#[tokio::test]
async fn an_override_whose_mend_would_ask_is_left_with_a_link_to_its_form() {
    let (panel, operator) = on(
        "INSERT INTO domains (pkid, domain, transport) VALUES (1, 'joe@else.example.', 'smtp:[mx.out.example]')",
    )
    .await;
    assert_eq!(mend(&operator, "PW103", "domains", "1").await.status, 303);
    let page = operator.get("check").await;
    let notice = page.text(".notice.warn");
    assert!(
        notice.contains("was left as it is") && notice.contains("554 Relay access denied"),
        "{notice}"
    );
    assert_eq!(
        value(&panel, "SELECT domain FROM domains").await,
        "joe@else.example."
    );
}

#[tokio::test]
async fn the_at_sign_of_a_domain_is_taken_off() {
    let (panel, operator) = on("INSERT INTO domains (pkid, domain) VALUES (1, '@new.example'); \
         INSERT INTO backups (pkid, domain, transport) VALUES (1, '@kept.example', '')")
    .await;
    for table in ["domains", "backups"] {
        let done = mend(&operator, "PW111", table, "1").await;
        assert_eq!(done.status, 303, "{table}: {}", done.text("main"));
    }
    assert_eq!(value(&panel, "SELECT domain FROM domains").await, "new.example");
    assert_eq!(value(&panel, "SELECT domain FROM backups").await, "kept.example");
}

#[tokio::test]
async fn a_network_without_bounds_gets_them() {
    let (panel, operator) = on(
        "INSERT INTO access_rules (pkid, kind, pattern, action) VALUES (1, 'client', '198.51.100.0/24', 'REJECT'), \
         (2, 'client', '2001:db8::/32', 'REJECT')",
    )
    .await;
    let list = operator.get("access").await;
    assert!(
        list.text("tbody").contains("never finds the rule"),
        "{}",
        list.text("tbody")
    );
    for key in ["1", "2"] {
        let done = mend(&operator, "PW167", "access_rules", key).await;
        assert_eq!(done.status, 303, "{}", done.text("main"));
    }
    let bounds =
        "SELECT GROUP_CONCAT(CONCAT(HEX(cidr_lo), '-', HEX(cidr_hi)) ORDER BY pkid) FROM access_rules";
    let v6 = format!("20010DB8{}-20010DB8{}", "0".repeat(24), "F".repeat(24));
    assert_eq!(value(&panel, bounds).await, format!("C6336400-C63364FF,{v6}"));
    assert!(operator.get("check").await.texts("#PW167").is_empty());
}

#[tokio::test]
async fn mailboxes_whose_directories_are_written_differently_share_one_all_the_same() {
    let (_panel, operator) = on(
        "INSERT INTO domains (domain) VALUES ('here.example'); INSERT INTO users (id, maildir) VALUES \
         ('ann@here.example', 'here.example/one/'), ('bob@here.example', './here.example//one/'), \
         ('cid@here.example', 'here.example/./one/'), ('dan@here.example', 'here.example/two/')",
    )
    .await;
    let page = operator.get("check?rule=PW153&table=users&severity=error").await;
    let told = page.texts(".told > li");
    assert_eq!(told.len(), 3, "{}", page.text("main"));
    assert!(
        !page.text("main").contains("dan@here.example"),
        "{}",
        page.text("main")
    );
}
