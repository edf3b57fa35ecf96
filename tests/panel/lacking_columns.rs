//! Tables that lack a column or are missing: what is typed for it is never lost without a word.

use crate::support::{Browser, Database, Panel};

async fn operator_on(statements: &str) -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(statements).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

const OVERRIDE: [(&str, &str); 3] = [
    ("mail", "joe@here.example"),
    ("transport", "smtp:[mx.there.example]"),
    ("confirm", "1"),
];

#[tokio::test]
async fn a_transport_for_a_table_without_that_column_is_refused_and_nothing_is_written() {
    let (panel, operator) = operator_on(
        "ALTER TABLE domains DROP COLUMN transport; INSERT INTO domains (pkid, domain) VALUES (7, 'here.example')",
    )
    .await;
    let fields = [
        ("domain", "new.example"),
        ("transport", "smtp:[mx.there.example]"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    for path in ["domains", "domains/7"] {
        let answer = operator.post(path, &fields).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text("main"));
        assert!(
            answer.text(".summary").contains("no column transport"),
            "{path}: {}",
            answer.text(".summary")
        );
    }
    let new = "SELECT COUNT(*) FROM domains WHERE domain = 'new.example'";
    assert_eq!(panel.database.count(new).await, 0);
    // Without one, and with what every domain has anyway, it is a row like every other.
    for (domain, transport) in [("one.example", ""), ("two.example", "virtual:")] {
        let fields = [
            ("domain", domain),
            ("transport", transport),
            ("enabled", "1"),
            ("confirm", "1"),
        ];
        assert_eq!(operator.post("domains", &fields).await.status, 303, "{domain}");
    }
}

#[tokio::test]
async fn an_override_goes_where_there_is_a_column_for_it() {
    let (panel, operator) = operator_on(
        "ALTER TABLE domains DROP COLUMN transport; INSERT INTO domains (domain) VALUES ('here.example')",
    )
    .await;
    let answer = operator.post("overrides", &OVERRIDE).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(
        panel.database.rows("SELECT domain, transport FROM backups").await,
        [[
            Some("joe@here.example".to_owned()),
            Some("smtp:[mx.there.example]".to_owned())
        ]]
    );
}

#[tokio::test]
async fn without_a_column_anywhere_the_pages_of_overrides_explain_it_and_save_nothing() {
    let (panel, operator) = operator_on(
        "ALTER TABLE domains DROP COLUMN transport; ALTER TABLE backups DROP COLUMN transport; \
         INSERT INTO domains (domain) VALUES ('here.example')",
    )
    .await;
    let page = operator.get("overrides").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text("main").contains("no column transport"),
        "{}",
        page.text("main")
    );
    assert!(
        page.text("main pre").contains("ADD transport"),
        "{}",
        page.text("main")
    );
    assert_eq!(operator.get("overrides/new").await.status, 409);
    assert_eq!(operator.post("overrides", &OVERRIDE).await.status, 409);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM domains").await, 1);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM backups").await, 0);
}

#[tokio::test]
async fn without_a_table_of_aliases_a_mailbox_says_that_there_is_no_self_alias() {
    let (panel, operator) =
        operator_on("DROP TABLE aliases; INSERT INTO domains (domain) VALUES ('here.example')").await;
    let form = operator.get("users/new").await;
    assert_eq!(form.attributes("input[name=self_alias]", "type"), [""; 0]);
    assert!(
        form.text("main").contains("no table aliases"),
        "{}",
        form.text("main")
    );
    let fields = [
        ("id", "joe@here.example"),
        ("password", "a long enough password"),
        ("enabled", "1"),
        ("self_alias", "1"),
        ("confirm", "1"),
    ];
    assert_eq!(operator.post("users", &fields).await.status, 303);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 1);
    let list = operator.get("users").await;
    assert!(
        list.text("main").contains("was not added"),
        "{}",
        list.text("main")
    );
}

#[tokio::test]
async fn a_row_of_a_table_that_cannot_switch_says_so_beside_its_form() {
    let (_panel, operator) = operator_on(
        "ALTER TABLE domains DROP COLUMN enabled; INSERT INTO domains (pkid, domain) VALUES (7, 'here.example')",
    )
    .await;
    let answer = operator
        .post("domains/7/enabled", &[("value", "0"), ("confirm", "1")])
        .await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    assert!(
        answer.text(".summary").contains("no column enabled"),
        "{}",
        answer.text("main")
    );
}
