//! The alias a mailbox has to itself: written, kept and taken along with it.

use super::{JOE, TYPED, alias, hash_of, joe, stored};
use crate::password_hashes::libcrypt_accepts;
use crate::samples::{both, ground, recorded};
use crate::support::{Browser, Panel};

#[tokio::test]
async fn the_self_alias_is_written_in_the_same_change_and_only_when_asked_for() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        assert_eq!(operator.post("users", &JOE).await.status, 303);
        assert_eq!(alias(&panel, JOE[0].1).await, None);
        assert_eq!(recorded(&panel.database).await, 1);
        let fields = joe(&[("id", "ann@shop.example"), ("self_alias", "1")]);
        assert_eq!(operator.post("users", &fields).await.status, 303);
        assert_eq!(
            alias(&panel, "ann@shop.example").await,
            Some(("ann@shop.example".to_owned(), true))
        );
        let changes = "SELECT change_id, table_name, action FROM pw_changes WHERE subject = 'ann@shop.example' ORDER BY seq";
        let changes = panel.database.rows(changes).await;
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0][0], changes[1][0], "one change");
        assert_eq!(changes[0][1].as_deref(), Some("users"));
        assert_eq!(changes[1][1].as_deref(), Some("aliases"));
        // The new form offers it; a form that is opened again says how it is.
        assert_eq!(
            operator
                .get("users/new")
                .await
                .attributes("[name=self_alias][checked]", "value"),
            ["1"]
        );
        let page = operator.get("users/ann@shop.example").await;
        assert_eq!(page.attributes("[name=self_alias]", "type"), ["hidden"]);
        assert!(page.text("main").contains("It has a self alias"));
        let page = operator.get("users/joe@shop.example").await;
        assert_eq!(page.attributes("[name=self_alias][checked]", "value"), [""; 0]);
        // Added later.
        assert_eq!(operator.submit(&page, &[("self_alias", "1")]).await.status, 303);
        assert_eq!(alias(&panel, JOE[0].1).await, Some((JOE[0].1.to_owned(), true)));
        // Switched on again.
        panel
            .database
            .script("UPDATE aliases SET enabled = 0 WHERE mail = 'joe@shop.example'")
            .await;
        let page = operator.get("users/joe@shop.example").await;
        assert_eq!(operator.submit(&page, &[("self_alias", "1")]).await.status, 303);
        assert_eq!(alias(&panel, JOE[0].1).await, Some((JOE[0].1.to_owned(), true)));
    }
}

#[tokio::test]
async fn a_mailbox_whose_self_alias_cannot_be_written_is_not_written_either() {
    let [_, howto] = both().await;
    howto.script("ALTER TABLE aliases ENGINE=MyISAM").await;
    let panel = Panel::on(howto).await;
    let operator = panel.operator().await;
    let answer = operator.post("users", &joe(&[("self_alias", "1")])).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(answer.text("main").contains("MyISAM"), "{}", answer.text("main"));
    assert_eq!(answer.field("id"), JOE[0].1, "the input is kept");
    assert_eq!(stored(&panel, JOE[0].1, "id").await, None);
    assert_eq!(alias(&panel, JOE[0].1).await, None);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn a_catch_all_that_would_take_the_mailboxs_mail_is_asked_about() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) VALUES ('@shop.example', 'boss@x.example')")
            .await;
        let fields = joe(&[("password", TYPED), ("name", "Joe <Doe>")]);
        let asked = operator.post("users", &fields).await;
        assert!(asked.asks(), "{}", asked.text("main"));
        let alert = asked.text("[role=alert]");
        assert!(
            alert.contains("@shop.example") && alert.contains("boss@x.example"),
            "{alert}"
        );
        for (name, value) in &fields {
            assert_eq!(asked.field(name), *value, "{name} is repeated");
        }
        assert_eq!(stored(&panel, JOE[0].1, "id").await, None);
        let saved = operator.submit(&asked, &[("confirm", "1")]).await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        assert!(libcrypt_accepts(&hash_of(&panel, JOE[0].1).await, TYPED));
        assert_eq!(alias(&panel, JOE[0].1).await, None);
        // With a self alias there is nothing to ask.
        let fields = joe(&[("id", "ann@shop.example"), ("self_alias", "1")]);
        assert_eq!(operator.post("users", &fields).await.status, 303);
        // Nor is it asked again whenever something else of the mailbox is saved.
        let page = operator.get("users/joe@shop.example").await;
        assert_eq!(operator.submit(&page, &[("name", "Joe")]).await.status, 303);
        // It is where a mailbox is switched on again.
        assert_eq!(
            operator
                .post("users/joe@shop.example/enabled", &[("value", "0")])
                .await
                .status,
            303
        );
        let asked = operator
            .post("users/joe@shop.example/enabled", &[("value", "1")])
            .await;
        assert!(asked.asks(), "{}", asked.text("main"));
        assert!(asked.text("[role=alert]").contains("boss@x.example"));
        assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
        assert_eq!(stored(&panel, JOE[0].1, "enabled").await.as_deref(), Some("1"));
        panel
            .database
            .script("UPDATE aliases SET enabled = 0 WHERE mail = '@shop.example'")
            .await;
        assert_eq!(
            operator
                .post("users", &joe(&[("id", "off@shop.example")]))
                .await
                .status,
            303
        );
    }
}

#[tokio::test]
async fn an_alias_that_delivers_elsewhere_is_kept_and_added_to_after_a_question() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) VALUES ('joe@shop.example', 'joe@x.example')")
            .await;
        let fields = joe(&[("self_alias", "1")]);
        let asked = operator.post("users", &fields).await;
        assert!(asked.asks(), "{}", asked.text("main"));
        assert!(asked.text("[role=alert]").contains("joe@x.example"));
        assert_eq!(asked.attributes("[name=self_alias][checked]", "value"), ["1"]);
        assert_eq!(recorded(&panel.database).await, 0);
        let saved = operator.submit(&asked, &[("confirm", "1")]).await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        let both = "joe@x.example,joe@shop.example".to_owned();
        assert_eq!(alias(&panel, JOE[0].1).await, Some((both, true)));
        let changes = "SELECT COUNT(DISTINCT change_id) FROM pw_changes";
        assert_eq!(panel.database.count(changes).await, 1);
        assert_eq!(recorded(&panel.database).await, 2);
        // Without the box the mailbox is saved, the alias left alone, and the person told.
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) VALUES ('ann@shop.example', 'ann@y.example')")
            .await;
        assert_eq!(
            operator
                .post("users", &joe(&[("id", "ann@shop.example")]))
                .await
                .status,
            303
        );
        let notice = operator.get("users").await.text("[role=status]");
        assert!(notice.contains("nothing reaches this mailbox"), "{notice}");
        assert_eq!(
            alias(&panel, "ann@shop.example").await,
            Some(("ann@y.example".to_owned(), true))
        );
    }
}

/// Mailboxes with a self alias: joe with nothing else, ann with an override, bob with a second destination, eve with an
/// override that is off.
async fn with_self_aliases() -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO users (id, maildir) VALUES ('joe@shop.example', 'joe/'), ('ann@shop.example', 'ann/'), \
               ('bob@shop.example', 'bob/'), ('eve@shop.example', 'eve/'); \
             INSERT INTO aliases (mail, destination) VALUES ('joe@shop.example', 'joe@shop.example'), \
               ('ann@shop.example', 'ann@shop.example'), ('bob@shop.example', 'x@y.example,bob@shop.example'), \
               ('eve@shop.example', 'eve@shop.example'); \
             INSERT INTO backups (domain, transport, enabled) VALUES ('ann@shop.example', 'smtp:[aspmx.l.google.com]', 1), \
               ('eve@shop.example', 'smtp:[aspmx.l.google.com]', 0)",
        )
        .await;
    (panel, operator)
}

/// The last change, sorted: action, table, subject.
async fn last_change(panel: &Panel) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', action, table_name, subject) AS line FROM pw_changes WHERE change_id = (SELECT \
                 MAX(change_id) FROM pw_changes) ORDER BY line";
    let rows = panel.database.rows(query).await;
    rows.into_iter().filter_map(|row| row[0].clone()).collect()
}

#[tokio::test]
async fn a_deleted_mailbox_takes_its_self_alias_along_unless_an_override_needs_it() {
    let (panel, operator) = with_self_aliases().await;
    for (name, left, change) in [
        ("joe", None, vec!["delete aliases joe", "delete users joe"]),
        ("ann", Some("ann@shop.example"), vec!["delete users ann"]),
        (
            "bob",
            Some("x@y.example"),
            vec!["delete users bob", "update aliases bob"],
        ),
        ("eve", None, vec!["delete aliases eve", "delete users eve"]),
    ] {
        let address = format!("{name}@shop.example");
        let asked = operator.get(&format!("users/{address}/delete")).await;
        let offered = asked.attributes("[name=companions][checked]", "value");
        assert_eq!(
            offered.len(),
            usize::from(name != "ann"),
            "{name}: {}",
            asked.text("main")
        );
        // Whoever sends the field all the same gets no other answer.
        let done = operator
            .submit(&asked, &[("confirm", "1"), ("companions", "1")])
            .await;
        assert_eq!(done.status, 303, "{name}: {}", done.text("main"));
        assert_eq!(stored(&panel, &address, "id").await, None, "{name}");
        let there = alias(&panel, &address).await;
        assert_eq!(there, left.map(|to| (to.to_owned(), true)), "{name}");
        let change: Vec<String> = change.iter().map(|line| format!("{line}@shop.example")).collect();
        assert_eq!(last_change(&panel).await, change);
    }
    // Unticked it stays.
    let (panel, operator) = with_self_aliases().await;
    let done = operator
        .post("users/joe@shop.example/delete", &[("confirm", "1")])
        .await;
    assert_eq!(done.status, 303);
    assert!(alias(&panel, "joe@shop.example").await.is_some());
}

#[tokio::test]
async fn mailboxes_deleted_together_take_their_self_aliases_along_unless_an_override_needs_one() {
    let (panel, operator) = with_self_aliases().await;
    let all = [("all", "1"), ("q", "@shop"), ("action", "delete")];
    let review = operator.post("users/bulk", &all).await;
    assert_eq!(
        review.attributes("[name=companions][checked]", "value"),
        ["1"],
        "{}",
        review.text("main")
    );
    assert!(
        !review.text(".field").contains("ann@"),
        "{}",
        review.text(".field")
    );
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 0);
    assert_eq!(alias(&panel, "joe@shop.example").await, None);
    assert_eq!(alias(&panel, "eve@shop.example").await, None);
    let kept = Some(("ann@shop.example".to_owned(), true));
    assert_eq!(alias(&panel, "ann@shop.example").await, kept);
    let others = Some(("x@y.example".to_owned(), true));
    assert_eq!(alias(&panel, "bob@shop.example").await, others);
    assert_eq!(
        recorded(&panel.database).await,
        7,
        "four mailboxes and three aliases"
    );
    assert_eq!(last_change(&panel).await.len(), 7, "as one change");
    // Where the only one needs its own there is nothing to offer, and the field does nothing.
    let (panel, operator) = with_self_aliases().await;
    let ann = [("key", "ann@shop.example"), ("action", "delete")];
    let review = operator.post("users/bulk", &ann).await;
    assert_eq!(review.attributes("[name=companions]", "value"), [""; 0]);
    let done = operator
        .submit(&review, &[("confirm", "1"), ("companions", "1")])
        .await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(alias(&panel, "ann@shop.example").await, kept);
    assert_eq!(last_change(&panel).await, ["delete users ann@shop.example"]);
}

#[tokio::test]
async fn a_renamed_mailbox_takes_its_self_alias_along_in_the_same_change() {
    let (panel, operator) = with_self_aliases().await;
    let to_itself = |name: &str| Some((format!("{name}@shop.example"), true));
    for (old, new, left, change) in [
        (
            "joe",
            "jim",
            None,
            ["create aliases jim", "delete aliases joe", "update users jim"],
        ),
        // Her mail goes elsewhere and needs the old one.
        (
            "ann",
            "amy",
            to_itself("ann"),
            ["create aliases amy", "update users amy", ""],
        ),
        (
            "bob",
            "ben",
            Some(("x@y.example".to_owned(), true)),
            ["create aliases ben", "update aliases bob", "update users ben"],
        ),
    ] {
        let (before, after) = (format!("{old}@shop.example"), format!("{new}@shop.example"));
        let form = operator.get(&format!("users/{before}")).await;
        let done = operator
            .submit(&form, &[("id", &after), ("self_alias", "1")])
            .await;
        assert_eq!(done.status, 303, "{old}: {}", done.text("main"));
        assert_eq!(stored(&panel, &after, "id").await.as_deref(), Some(&*after));
        assert_eq!(alias(&panel, &after).await, to_itself(new), "{old}");
        assert_eq!(alias(&panel, &before).await, left, "{old}");
        let mut change: Vec<String> = change
            .iter()
            .filter(|line| !line.is_empty())
            .map(|line| format!("{line}@shop.example"))
            .collect();
        change.sort();
        assert_eq!(last_change(&panel).await, change, "{old}");
    }
}
