//! What an override needs beside its row: the self alias and the relay recipient.

use super::{GOOGLE, JOE, aliases, changes, deleted, latest, relays, row, saved, stored};
use crate::samples::{both, ground, links, names, recorded};
use crate::support::Panel;

#[tokio::test]
async fn a_new_override_writes_its_transport_and_its_self_alias_as_one_change() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        // Mail and transport are all there is to send: it is on.
        let answer = saved(&operator, "overrides", &row("Joe@SHOP.example", GOOGLE)).await;
        assert_eq!(answer.location(), "/overrides");
        assert_eq!(stored(database).await, [format!("domains {JOE} {GOOGLE} 1")]);
        assert_eq!(aliases(database).await, [format!("{JOE} {JOE} 1")]);
        assert!(
            relays(database).await.is_empty(),
            "its domain is no backup MX entry"
        );
        assert_eq!(
            latest(database).await,
            [format!("create aliases {JOE}"), format!("create domains {JOE}")]
        );
        assert_eq!(changes(database).await, 1);
        let list = operator.get("overrides?domain=shop.example").await;
        assert_eq!(names(&list), [JOE]);
        assert_eq!(links(&list), [format!("/overrides/{JOE}")]);
        assert_eq!(list.texts("tbody td[data-label='Goes to']"), [GOOGLE]);
        assert!(
            list.text(".notice").contains("postfix reload"),
            "{}",
            list.text(".notice")
        );
    }
}

#[tokio::test]
async fn where_the_domain_is_relayed_the_address_becomes_a_relay_recipient_too() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        let ann = "ann@away.example";
        saved(&operator, "overrides", &row(ann, GOOGLE)).await;
        assert_eq!(relays(database).await, [format!("{ann} OK 1")]);
        assert_eq!(
            latest(database).await,
            [
                format!("create aliases {ann}"),
                format!("create domains {ann}"),
                format!("create relays {ann}")
            ]
        );
        deleted(&operator, ann).await;
        assert_eq!(changes(database).await, 2);
        assert_eq!(
            (
                stored(database).await,
                relays(database).await,
                aliases(database).await
            ),
            (vec![], vec![], vec![])
        );

        // One that is there already and refused is asked about.
        database
            .script(&format!(
                "INSERT INTO relays (recipient, status) VALUES ('{ann}', 'REJECT')"
            ))
            .await;
        let ask = operator.post("overrides", &row(ann, GOOGLE)).await;
        assert_eq!(ask.status, 200);
        assert!(
            ask.text("[role=alert]").contains("refused or off now"),
            "{}",
            ask.text("main")
        );
        assert_eq!(
            relays(database).await,
            [format!("{ann} REJECT 1")],
            "nothing is written yet"
        );
        assert!(stored(database).await.is_empty());
        assert_eq!(operator.submit(&ask, &[("confirm", "1")]).await.status, 303);
        assert_eq!(relays(database).await, [format!("{ann} OK 1")]);
        assert_eq!(changes(database).await, 3);
    }
}

#[tokio::test]
async fn without_a_table_of_relay_recipients_none_is_needed() {
    let (panel, operator) = ground().await;
    panel.database.script("DROP TABLE relays").await;
    saved(&operator, "overrides", &row("ann@away.example", GOOGLE)).await;
    assert_eq!(
        stored(&panel.database).await,
        [format!("domains ann@away.example {GOOGLE} 1")]
    );
    deleted(&operator, "ann@away.example").await;
}

#[tokio::test]
async fn an_alias_that_delivers_elsewhere_is_asked_about_and_kept() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES ('{JOE}', 'ann@x.example,bob@y.example')"
        ))
        .await;
    let ask = operator.post("overrides", &row(JOE, GOOGLE)).await;
    assert_eq!(ask.status, 200);
    let said = ask.text("[role=alert]");
    assert!(
        said.contains("ann@x.example, bob@y.example") && said.contains("not to itself"),
        "{said}"
    );
    assert_eq!(
        (ask.field("mail"), ask.field("transport")),
        (JOE.to_owned(), GOOGLE.to_owned())
    );
    assert_eq!(recorded(database).await, 0);
    assert!(stored(database).await.is_empty());

    assert_eq!(operator.submit(&ask, &[("confirm", "1")]).await.status, 303);
    assert_eq!(
        aliases(database).await,
        [format!("{JOE} ann@x.example,bob@y.example,{JOE} 1")]
    );
    assert_eq!(
        latest(database).await,
        [format!("create domains {JOE}"), format!("update aliases {JOE}")]
    );
    assert_eq!(changes(database).await, 1);

    // The others stay when the override goes.
    let asked = deleted(&operator, JOE).await;
    assert!(
        asked.text("main").contains("goes on delivering to"),
        "{}",
        asked.text("main")
    );
    assert_eq!(
        aliases(database).await,
        [format!("{JOE} ann@x.example,bob@y.example 1")]
    );
    assert!(stored(database).await.is_empty());
    assert_eq!(changes(database).await, 2);
}

#[tokio::test]
async fn a_self_alias_that_is_there_stays_and_one_that_is_off_is_enabled() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination, enabled) VALUES ('{JOE}', '{JOE}', 0), ('ann@shop.example', \
             'x@y.example, ann@shop.example', 1)"
        ))
        .await;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    assert_eq!(
        latest(database).await,
        [format!("create domains {JOE}"), format!("update aliases {JOE}")]
    );
    saved(&operator, "overrides", &row("ann@shop.example", GOOGLE)).await;
    assert_eq!(latest(database).await, ["create domains ann@shop.example"]);
    assert_eq!(
        aliases(database).await,
        [
            "ann@shop.example x@y.example, ann@shop.example 1".to_owned(),
            format!("{JOE} {JOE} 1")
        ]
    );
}

#[tokio::test]
async fn an_override_that_gets_another_address_takes_its_companions_along() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let (ann, bob) = ("ann@away.example", "bob@away.example");
    saved(&operator, "overrides", &row(ann, GOOGLE)).await;
    let answer = saved(&operator, &format!("overrides/{ann}"), &row(bob, GOOGLE)).await;
    assert_eq!(answer.location(), "/overrides");
    assert_eq!(stored(database).await, [format!("domains {bob} {GOOGLE} 1")]);
    assert_eq!(aliases(database).await, [format!("{bob} {bob} 1")]);
    assert_eq!(relays(database).await, [format!("{bob} OK 1")]);
    assert_eq!(changes(database).await, 2, "all of it is one change");
    assert_eq!(operator.get(&format!("overrides/{ann}")).await.status, 404);
    // Into a domain that is delivered here, where no relay recipient is needed.
    saved(&operator, &format!("overrides/{bob}"), &row(JOE, GOOGLE)).await;
    assert_eq!(aliases(database).await, [format!("{JOE} {JOE} 1")]);
    assert!(relays(database).await.is_empty());
    assert_eq!(operator.get(&format!("overrides/{JOE}")).await.status, 200);
}

#[tokio::test]
async fn deleting_removes_all_of_an_override_and_keeps_what_a_mailbox_needs() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
        let ask = operator.get(&format!("overrides/{JOE}/delete")).await;
        assert_eq!(recorded(database).await, 2, "asking writes nothing");
        let said = ask.text("main");
        assert!(
            said.contains(GOOGLE) && said.contains("in domains is deleted"),
            "{said}"
        );
        assert!(said.contains("delivers to itself alone, is deleted"), "{said}");
        deleted(&operator, JOE).await;
        assert_eq!(
            (stored(database).await, aliases(database).await),
            (vec![], vec![])
        );
        assert_eq!(
            latest(database).await,
            [format!("delete aliases {JOE}"), format!("delete domains {JOE}")]
        );
        assert_eq!(changes(database).await, 2);
        assert_eq!(operator.get(&format!("overrides/{JOE}")).await.status, 404);
        assert_eq!(
            operator
                .post(&format!("overrides/{JOE}/delete"), &[("confirm", "1")])
                .await
                .status,
            404
        );

        database
            .script(&format!(
                "INSERT INTO users (id, maildir) VALUES ('{JOE}', 'joe/')"
            ))
            .await;
        saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
        let asked = deleted(&operator, JOE).await;
        assert!(
            asked.text("main").contains("gets the mail again"),
            "{}",
            asked.text("main")
        );
        assert!(stored(database).await.is_empty());
        assert_eq!(
            aliases(database).await,
            [format!("{JOE} {JOE} 1")],
            "the mailbox needs it under a catch-all"
        );
        assert_eq!(latest(database).await, [format!("delete domains {JOE}")]);
    }
}

#[tokio::test]
async fn a_relay_recipient_that_was_there_before_its_override_stays_when_that_goes() {
    for database in both().await {
        database
            .script("INSERT INTO relays (recipient, status) VALUES ('ok@away.example', 'OK'), ('no@away.example', 'REJECT')")
            .await;
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        for name in ["ok", "no", "own"] {
            let address = format!("{name}@away.example");
            let answer = operator.post_confirmed("overrides", &row(&address, GOOGLE)).await;
            assert_eq!(answer.status, 303, "{name}: {}", answer.text("main"));
        }
        let all = [
            "no@away.example OK 1",
            "ok@away.example OK 1",
            "own@away.example OK 1",
        ];
        assert_eq!(relays(database).await, all);
        for (name, said) in [
            ("ok", "stays: it was not added by the override"),
            ("no", "stays: it was not added by the override"),
            ("own", "The relay recipient own@away.example is deleted"),
        ] {
            let asked = deleted(&operator, &format!("{name}@away.example")).await;
            assert!(
                asked.text("main").contains(said),
                "{name}: {}",
                asked.text("main")
            );
            let notice = operator.get("overrides").await.text("[role=status]");
            assert!(notice.contains(said), "{name}: {notice}");
        }
        assert_eq!(relays(database).await, all[..2]);
        // Of several at once the same goes.
        for name in ["ok", "own"] {
            saved(
                &operator,
                "overrides",
                &row(&format!("{name}@away.example"), GOOGLE),
            )
            .await;
        }
        let review = operator
            .post("overrides/bulk", &[("all", "1"), ("action", "delete")])
            .await;
        assert!(
            review.text("main").contains("stays: it was not added"),
            "{}",
            review.text("main")
        );
        assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
        assert!(stored(database).await.is_empty());
        assert_eq!(relays(database).await, all[..2]);
    }
}

#[tokio::test]
async fn a_relay_recipient_stays_behind_when_its_override_is_given_another_address() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script("INSERT INTO relays (recipient) VALUES ('ann@away.example')")
        .await;
    saved(&operator, "overrides", &row("ann@away.example", GOOGLE)).await;
    saved(
        &operator,
        "overrides/ann@away.example",
        &row("bob@away.example", GOOGLE),
    )
    .await;
    assert_eq!(
        relays(database).await,
        ["ann@away.example OK 1", "bob@away.example OK 1"]
    );
    deleted(&operator, "bob@away.example").await;
    assert_eq!(relays(database).await, ["ann@away.example OK 1"]);
}
