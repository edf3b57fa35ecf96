//! Tables that other hands have changed: without a key, with odd types, with columns nobody told the panel of.

use postwarden::access::Role;

use crate::support::{Browser, Database, Panel};

async fn operator_on(statements: &str) -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(statements).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

#[tokio::test]
async fn a_table_whose_key_is_no_key_is_only_read() {
    let (panel, operator) = operator_on(
        "DROP TABLE domains; \
         CREATE TABLE domains (pkid INT NOT NULL DEFAULT 0, domain VARCHAR(120) NOT NULL, \
           transport VARCHAR(120) NOT NULL DEFAULT 'virtual:', enabled TINYINT(1) NOT NULL DEFAULT 1); \
         INSERT INTO domains (domain) VALUES ('one.example'), ('two.example'), ('three.example')",
    )
    .await;
    let list = operator.get("domains").await;
    assert_eq!((list.status, list.texts("tbody tr").len()), (200, 3));
    assert!(
        list.text("main pre").contains("PRIMARY KEY"),
        "{}",
        list.text("main")
    );
    for (path, fields) in [
        ("domains/0/delete", [("confirm", "1")]),
        ("domains/0/enabled", [("value", "0")]),
        ("domains/0", [("domain", "four.example")]),
        ("domains", [("domain", "four.example")]),
    ] {
        let answer = operator.post(path, &fields).await;
        assert!(matches!(answer.status, 409 | 422), "{path}: {}", answer.status);
    }
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM domains WHERE enabled = 1")
            .await,
        3
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_changes").await, 0);
}

#[tokio::test]
async fn a_table_without_key_or_subject_is_explained_and_breaks_nothing_else() {
    let (_panel, operator) = operator_on(
        "ALTER TABLE relays DROP COLUMN pkid; ALTER TABLE backups DROP KEY domain, DROP COLUMN domain; \
         INSERT INTO domains (domain) VALUES ('here.example')",
    )
    .await;
    for (table, column) in [("relays", "pkid"), ("backups", "domain")] {
        let page = operator.get(table).await;
        assert_eq!(page.status, 200, "{table}");
        assert!(
            page.text("main").contains(&format!("no column {column}")),
            "{}",
            page.text("main")
        );
        assert_eq!(operator.get(&format!("{table}/new")).await.status, 409, "{table}");
    }
    assert_eq!(operator.get("").await.status, 200);
    assert_eq!(operator.get("search?q=here").await.texts("tbody tr").len(), 1);
    assert_eq!(operator.get("domains/1/delete").await.status, 200);
}

#[tokio::test]
async fn zerofill_bits_and_words_are_read_as_postfix_compares_them() {
    let (panel, operator) = operator_on(
        "ALTER TABLE aliases MODIFY pkid SMALLINT(5) UNSIGNED ZEROFILL NOT NULL AUTO_INCREMENT, \
           MODIFY enabled BIT(1) NOT NULL DEFAULT b'1'; \
         ALTER TABLE relocated MODIFY enabled VARCHAR(3) NOT NULL DEFAULT '1'; \
         INSERT INTO domains (domain) VALUES ('here.example')",
    )
    .await;
    let fields = [
        ("mail", "joe@here.example"),
        ("destination", "joe@there.example"),
        ("enabled", "1"),
    ];
    let answer = operator.post("aliases", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let list = operator.get("aliases").await;
    assert_eq!(list.texts(".status"), ["Enabled"]);
    assert!(list.texts(".tag.warn").is_empty());
    let row = list.attributes("tbody th a", "href").remove(0);
    assert_eq!(
        operator
            .post(&format!("{row}/enabled"), &[("value", "0")])
            .await
            .status,
        303
    );
    assert_eq!(panel.database.count("SELECT enabled + 0 FROM aliases").await, 0);
    assert_eq!(
        operator
            .post(&format!("{row}/enabled"), &[("value", "1")])
            .await
            .status,
        303
    );
    assert_eq!(panel.database.count("SELECT enabled + 0 FROM aliases").await, 1);
    let fields = [
        ("oldadr", "old@here.example"),
        ("newadr", "new@there.example"),
        ("enabled", "1"),
    ];
    assert_eq!(operator.post("relocated", &fields).await.status, 303);
    assert_eq!(operator.get("relocated").await.texts(".status"), ["Enabled"]);
}

#[tokio::test]
async fn what_the_database_will_not_take_is_said_and_the_input_kept() {
    let (panel, operator) = operator_on(
        "ALTER TABLE backups ADD custno INT NOT NULL; \
         CREATE TRIGGER other BEFORE INSERT ON domains FOR EACH ROW SET NEW.transport = 'smtp:'; \
         CREATE TRIGGER refuse BEFORE INSERT ON relocated FOR EACH ROW \
           SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ask the boss'",
    )
    .await;
    for (table, fields, why) in [
        (
            "backups",
            vec![("domain", "friend.example"), ("transport", "")],
            "custno",
        ),
        (
            "domains",
            vec![("domain", "here.example"), ("transport", "virtual:")],
            "trigger",
        ),
        (
            "relocated",
            vec![("oldadr", "a@here.example"), ("newadr", "b@x.example")],
            "ask the boss",
        ),
    ] {
        let answer = operator.post_confirmed(table, &fields).await;
        assert_eq!(answer.status, 422, "{table}: {}", answer.body);
        assert!(
            answer.text(".summary").contains(why),
            "{}",
            answer.text(".summary")
        );
        assert_eq!(answer.field(fields[0].0), fields[0].1);
        assert_eq!(
            panel
                .database
                .count(&format!("SELECT COUNT(*) FROM {table}"))
                .await,
            0
        );
    }
}

#[tokio::test]
async fn a_long_decorated_paste_is_saved_and_told_in_short() {
    let (panel, operator) = operator_on("INSERT INTO domains (domain) VALUES ('here.example')").await;
    let members: Vec<String> = (0..1000)
        .map(|n| format!("\"Mr. Person Number {n}\" <Person{n}@There.Example>;"))
        .collect();
    let members = members.join("\r\n");
    let fields = [
        ("mail", "all@here.example"),
        ("destination", &*members),
        ("enabled", "1"),
    ];
    let answer = operator.post("aliases", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let stored = panel
        .database
        .value("SELECT destination FROM aliases")
        .await
        .expect("a row");
    assert_eq!(stored.split(',').count(), 1000);
    let notice = operator.get("aliases").await.text(".notice");
    assert!(
        notice.contains("Saved all@here.example") && notice.len() < 1000,
        "{notice}"
    );
}

#[tokio::test]
async fn what_no_longer_happens_is_told_when_a_domain_is_switched_off_and_asked_about_when_it_is_renamed() {
    let (_panel, operator) = operator_on(
        "INSERT INTO domains (pkid, domain) VALUES (1, 'here.example'); \
         INSERT INTO aliases (mail, destination) VALUES ('a@here.example', 'x@y.example'), ('b@here.example', 'x@y.example')",
    )
    .await;
    operator.post("domains/1/enabled", &[("value", "0")]).await;
    let notice = operator.get("domains").await.text(".notice.warn");
    assert!(
        notice.contains("a@here.example") && notice.contains("b@here.example will be refused (554"),
        "{notice}"
    );
    operator.post("domains/1/enabled", &[("value", "0")]).await;
    let notice = operator.get("domains").await.text(".notice.ok");
    assert!(
        notice.contains("nothing was changed") && !notice.contains("100 s"),
        "{notice}"
    );
    operator.post("domains/1/enabled", &[("value", "1")]).await;
    let renamed = [("domain", "elsewhere.example"), ("enabled", "1")];
    let asked = operator.post("domains/1", &renamed).await;
    assert_eq!(asked.status, 200);
    let alert = asked.text("main");
    assert!(
        alert.contains("a@here.example") && alert.contains("554"),
        "{alert}"
    );
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
}

#[tokio::test]
async fn owners_do_not_reach_override_rows_among_the_domains() {
    let (panel, operator) = operator_on(
        "INSERT INTO domains (pkid, domain, transport) VALUES (1, 'here.example', 'virtual:'), \
           (2, 'joe@here.example', 'smtp:[mail.there.example]')",
    )
    .await;
    assert_eq!(operator.get("domains").await.texts("tbody tr").len(), 2);
    let owner = panel.signed_in("owner", Role::Owner, &["here.example"]).await;
    assert_eq!(owner.get("domains").await.texts("tbody tr").len(), 1);
    assert_eq!(owner.get("domains/2").await.status, 404);
    assert_eq!(owner.get("domains/1").await.status, 200);
    assert_eq!(owner.get("domains/1/delete").await.status, 403);
    assert_eq!(
        owner
            .post("domains/2", &[("domain", "joe@here.example")])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_whole_domain_is_not_relocated_over_living_mailboxes_unasked() {
    let (_panel, operator) = operator_on(
        "INSERT INTO domains (domain) VALUES ('here.example'); \
         INSERT INTO users (id, maildir) VALUES ('mary@here.example', 'mary/')",
    )
    .await;
    let fields = [
        ("oldadr", "@here.example"),
        ("newadr", "new@there.example"),
        ("enabled", "1"),
    ];
    let answer = operator.post("relocated", &fields).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.text(".notice.warn").contains("mailbox"),
        "{}",
        answer.text("main")
    );
    assert_eq!(operator.post_confirmed("relocated", &fields).await.status, 303);
}
