//! Transport overrides: one address, whose rows in up to three tables are written, moved and removed together.

use postwarden::access::Role;
use postwarden::config::OverrideTable;

use crate::samples::{GROUND, both, ground, links, names, recorded, walk};
use crate::support::{Answer, Browser, Database, Panel};

const GOOGLE: &str = "smtp:[aspmx.l.google.com]";
const ELSEWHERE: &str = "smtp:[mail.elsewhere.example]";
const JOE: &str = "joe@shop.example";

/// The transport rows of single addresses: table, address, transport, enabled.
async fn stored(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', 'domains', domain, transport, enabled) AS line FROM domains WHERE domain LIKE '%@%.example' \
                 UNION ALL SELECT CONCAT_WS(' ', 'backups', domain, transport, enabled) FROM backups WHERE domain LIKE \
                 '%@%.example' ORDER BY line";
    lines(database, query).await
}

/// The aliases of the domains that tests use: address, destinations, enabled.
async fn aliases(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', mail, destination, enabled) FROM aliases WHERE mail LIKE '%.example' ORDER BY mail";
    lines(database, query).await
}

async fn relays(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', recipient, status, enabled) FROM relays WHERE recipient LIKE '%@away.example' \
                 ORDER BY recipient";
    lines(database, query).await
}

/// What the last change recorded, in the order of its rows: action, table, subject.
async fn latest(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', action, table_name, subject) FROM pw_changes WHERE change_id = (SELECT \
                 MAX(change_id) FROM pw_changes) ORDER BY action, table_name, subject";
    lines(database, query).await
}

async fn lines(database: &Database, query: &str) -> Vec<String> {
    let rows = database.rows(query).await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a line"))
        .collect()
}

async fn changes(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
        .await
}

fn row<'a>(mail: &'a str, transport: &'a str) -> [(&'a str, &'a str); 2] {
    [("mail", mail), ("transport", transport)]
}

/// Saves what must neither be asked about nor refused.
async fn saved(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, 303, "{path} {fields:?}: {}", answer.text("main"));
    answer
}

/// Deletes an override by its link, as a person does.
async fn deleted(browser: &Browser, address: &str) -> Answer {
    let ask = browser.get(&format!("overrides/{address}/delete")).await;
    assert_eq!(ask.status, 200, "{}", ask.text("main"));
    let done = browser.submit(&ask, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/overrides"),
        "{}",
        done.text("main")
    );
    ask
}

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
async fn the_setting_says_which_table_overrides_are_kept_in() {
    for database in both().await {
        let panel = Panel::with(database, |config| config.overrides.table = OverrideTable::Backups).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
        assert_eq!(stored(database).await, [format!("backups {JOE} {GOOGLE} 1")]);
        assert_eq!(aliases(database).await, [format!("{JOE} {JOE} 1")]);
        // A row in the other table is moved by saving it.
        database
            .script(&format!(
                "INSERT INTO domains (domain, transport) VALUES ('ann@shop.example', '{GOOGLE}')"
            ))
            .await;
        saved(
            &operator,
            "overrides/ann@shop.example",
            &row("ann@shop.example", ELSEWHERE),
        )
        .await;
        assert_eq!(
            stored(database).await,
            [
                format!("backups ann@shop.example {ELSEWHERE} 1"),
                format!("backups {JOE} {GOOGLE} 1")
            ]
        );
        assert_eq!(changes(database).await, 2);
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
async fn another_transport_changes_the_one_row() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
        let number = database
            .value(&format!("SELECT pkid FROM domains WHERE domain = '{JOE}'"))
            .await;
        let form = operator.get(&format!("overrides/{JOE}")).await;
        assert_eq!(
            (form.field("mail"), form.field("transport")),
            (JOE.to_owned(), GOOGLE.to_owned())
        );
        assert_eq!(
            operator.submit(&form, &[("transport", ELSEWHERE)]).await.status,
            303
        );
        assert_eq!(stored(database).await, [format!("domains {JOE} {ELSEWHERE} 1")]);
        assert_eq!(
            database
                .value(&format!("SELECT pkid FROM domains WHERE domain = '{JOE}'"))
                .await,
            number
        );
        assert_eq!(latest(database).await, [format!("update domains {JOE}")]);
        // What is as it should be is not written again.
        saved(&operator, &format!("overrides/{JOE}"), &row(JOE, ELSEWHERE)).await;
        assert_eq!(changes(database).await, 2);
        // A field that is not sent keeps its value.
        saved(&operator, &format!("overrides/{JOE}"), &[("transport", GOOGLE)]).await;
        assert_eq!(stored(database).await, [format!("domains {JOE} {GOOGLE} 1")]);
    }
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
async fn an_address_stored_several_times_is_one_override_that_shows_them_all() {
    for (kept, rows) in [
        ("domains", [("domains", GOOGLE), ("domains", ELSEWHERE)]),
        ("domains", [("domains", GOOGLE), ("backups", ELSEWHERE)]),
        ("backups", [("domains", GOOGLE), ("backups", ELSEWHERE)]),
    ] {
        let what = format!("{kept} {rows:?}");
        let database = Database::howto().await;
        database.script(GROUND).await;
        for (table, transport) in rows {
            database
                .script(&format!(
                    "INSERT INTO {table} (domain, transport) VALUES ('{JOE}', '{transport}')"
                ))
                .await;
        }
        let panel = Panel::with(database, |config| {
            config.overrides.table = if kept == "domains" {
                OverrideTable::Domains
            } else {
                OverrideTable::Backups
            };
        })
        .await;
        let (operator, database) = (panel.operator().await, &panel.database);
        let list = operator.get("overrides?q=joe@shop").await;
        assert_eq!(names(&list), [JOE], "{what}");
        let said = list.text("tbody .reason");
        assert!(
            said.contains("Stored 2 times") && said.contains(GOOGLE) && said.contains(ELSEWHERE),
            "{what}: {said}"
        );
        assert!(
            rows.iter()
                .all(|(table, _)| said.contains(&format!("in {table}"))),
            "{what}: {said}"
        );
        assert_eq!(list.text(".pager p"), "1 override");
        let form = operator.get(&format!("overrides/{JOE}")).await;
        assert!(form.text("main").contains("Stored 2 times"), "{what}");
        let saved = operator
            .submit(&form, &[("transport", "smtp:[third.example]")])
            .await;
        let saved = if saved.status == 200 {
            operator.submit(&saved, &[("confirm", "1")]).await
        } else {
            saved
        };
        assert_eq!(saved.status, 303, "{what}: {}", saved.text("main"));
        assert_eq!(
            stored(database)
                .await
                .into_iter()
                .filter(|l| l.contains(JOE))
                .collect::<Vec<_>>(),
            [format!("{kept} {JOE} smtp:[third.example] 1")],
            "{what}"
        );
        assert_eq!(changes(database).await, 1);
        assert!(
            operator
                .get("overrides?q=joe@shop")
                .await
                .texts("tbody .reason")
                .is_empty(),
            "{what}"
        );
        deleted(&operator, JOE).await;
        assert!(stored(database).await.iter().all(|line| !line.contains(JOE)));
    }
}

#[tokio::test]
async fn deleting_an_override_that_is_stored_twice_deletes_both() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    for table in ["domains", "backups"] {
        database
            .script(&format!(
                "INSERT INTO {table} (domain, transport) VALUES ('{JOE}', '{GOOGLE}')"
            ))
            .await;
    }
    deleted(&operator, JOE).await;
    assert!(stored(database).await.is_empty());
    assert_eq!(
        latest(database).await,
        [format!("delete backups {JOE}"), format!("delete domains {JOE}")]
    );
}

#[tokio::test]
async fn what_postfix_would_choke_on_is_refused_and_the_input_kept() {
    let (panel, operator) = ground().await;
    for (mail, transport, column) in [
        (JOE, "", "transport"),
        (JOE, "  ", "transport"),
        (JOE, ":[]", "transport"),
        (JOE, "smtp:[]", "transport"),
        (JOE, "[mail.x.example]", "transport"),
        (JOE, "smtp:[mail.x.example", "transport"),
        ("shop.example", GOOGLE, "mail"),
        ("@shop.example", GOOGLE, "mail"),
        ("joe", GOOGLE, "mail"),
        ("*@shop.example", GOOGLE, "mail"),
        ("", GOOGLE, "mail"),
    ] {
        let sent = [("mail", mail), ("transport", transport), ("confirm", "1")];
        let answer = operator.post("overrides", &sent).await;
        assert_eq!(answer.status, 422, "{mail} {transport}");
        assert_eq!(
            (answer.field("mail"), answer.field("transport")),
            (mail.to_owned(), transport.to_owned())
        );
        assert!(
            !answer.texts(&format!("#{column}-error")).is_empty(),
            "{mail} {transport}: {}",
            answer.text("main")
        );
        assert!(!answer.text(".summary").is_empty());
    }
    assert!(stored(&panel.database).await.is_empty());
    assert_eq!(recorded(&panel.database).await, 0);

    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    let again = operator
        .post("overrides", &row("JOE@shop.example", ELSEWHERE))
        .await;
    assert_eq!(again.status, 422, "there is one already");
    assert_eq!(
        again.attributes(".summary p a", "href"),
        [format!("/overrides/{JOE}")]
    );
    let bad = operator
        .post(&format!("overrides/{JOE}"), &[("transport", ":[]")])
        .await;
    assert_eq!(bad.status, 422);
    assert_eq!(
        stored(&panel.database).await,
        [format!("domains {JOE} {GOOGLE} 1")]
    );
}

#[tokio::test]
async fn an_unknown_domain_and_a_relocation_are_asked_about() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(&format!(
            "INSERT INTO relocated (oldadr, newadr) VALUES ('{JOE}', 'joe@new.example')"
        ))
        .await;
    for (mail, said) in [
        ("joe@nowhere.example", "554 Relay access denied"),
        (JOE, "has moved"),
    ] {
        let ask = operator.post("overrides", &row(mail, GOOGLE)).await;
        assert_eq!(ask.status, 200, "{mail}");
        assert!(ask.text("[role=alert]").contains(said), "{}", ask.text("main"));
        assert_eq!(operator.submit(&ask, &[("confirm", "1")]).await.status, 303);
    }
    assert_eq!(changes(&panel.database).await, 2);
}

#[tokio::test]
async fn an_override_changed_meanwhile_is_not_overwritten() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    let (form, ask) = (
        operator.get(&format!("overrides/{JOE}")).await,
        operator.get(&format!("overrides/{JOE}/delete")).await,
    );
    // A second row counts as a change as well as another value.
    for change in [
        format!("UPDATE domains SET transport = '{ELSEWHERE}' WHERE domain = '{JOE}'"),
        format!(
            "UPDATE domains SET transport = '{GOOGLE}' WHERE domain = '{JOE}'; INSERT INTO backups (domain, transport) VALUES ('{JOE}', '{ELSEWHERE}')"
        ),
    ] {
        database.script(&change).await;
        let before = stored(database).await;
        let conflict = operator
            .submit(&form, &[("transport", "smtp:[mine.example]")])
            .await;
        assert_eq!(conflict.status, 409, "{}", conflict.text("main"));
        assert!(
            conflict.text("main").contains("smtp:[mine.example]"),
            "{}",
            conflict.text("main")
        );
        assert_eq!(operator.submit(&ask, &[("confirm", "1")]).await.status, 409);
        assert_eq!(stored(database).await, before);
        assert_eq!(changes(database).await, 1);
    }
    // A script that sends no version is not compared.
    saved(
        &operator,
        &format!("overrides/{JOE}"),
        &row(JOE, "smtp:[mine.example]"),
    )
    .await;
    assert_eq!(
        stored(database).await,
        [format!("domains {JOE} smtp:[mine.example] 1")]
    );
}

const TENANT: &str = "smtp:[acme-example.mail.protection.outlook.com]";

#[tokio::test]
async fn owners_set_the_presets_or_what_the_operator_allows_and_nothing_else() {
    for (allow, good, bad) in [
        (
            &[][..],
            &[
                GOOGLE,
                TENANT,
                "smtp:[smtp.google.com]",
                "smtp:[aspmx.l.google.com],[alt1.aspmx.l.google.com],[alt2.aspmx.l.google.com]",
            ][..],
            &[
                ELSEWHERE,
                "virtual:",
                "discard:",
                "smtp:[aspmx.l.google.com]:587",
                "smtp:[a.b.mail.protection.outlook.com]",
                "smtp:[evil.example],[x.mail.protection.outlook.com]",
            ][..],
        ),
        (
            &["smtp:[mx.partner.example]", "smtp:[*.hosted.example]"][..],
            &["smtp:[mx.partner.example]", "smtp:[acme.hosted.example]"][..],
            &[
                GOOGLE,
                TENANT,
                "smtp:[a.b.hosted.example]",
                "smtp:[hosted.example]",
                "relay:[mx.partner.example]",
            ][..],
        ),
    ] {
        let database = Database::fresh().await;
        database.script(GROUND).await;
        let panel = Panel::with(database, |config| {
            config.overrides.allow = allow.iter().map(|s| (*s).to_owned()).collect();
        })
        .await;
        let database = &panel.database;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        saved(&owner, "overrides", &row(JOE, good[0])).await;
        for transport in &good[1..] {
            saved(&owner, &format!("overrides/{JOE}"), &[("transport", *transport)]).await;
            assert_eq!(stored(database).await, [format!("domains {JOE} {transport} 1")]);
        }
        let before = stored(database).await;
        for transport in bad {
            for (path, mail) in [
                ("overrides", "ann@shop.example"),
                (&*format!("overrides/{JOE}"), JOE),
            ] {
                let answer = owner
                    .post(
                        path,
                        &[("mail", mail), ("transport", transport), ("confirm", "1")],
                    )
                    .await;
                assert_eq!(answer.status, 422, "{path} {transport}");
                assert_eq!(answer.field("transport"), *transport);
                assert!(
                    answer.text("#transport-error").contains("these only"),
                    "{transport}: {}",
                    answer.text("main")
                );
            }
        }
        assert_eq!(stored(database).await, before);
        // The operator is not bound by it.
        let operator = panel.operator().await;
        saved(
            &operator,
            &format!("overrides/{JOE}"),
            &[("transport", ELSEWHERE)],
        )
        .await;
        // What the operator has set stays for this address, and is not handed on to another.
        saved(&owner, &format!("overrides/{JOE}"), &row(JOE, ELSEWHERE)).await;
        let moved = owner
            .post(&format!("overrides/{JOE}"), &row("ann@shop.example", ELSEWHERE))
            .await;
        assert_eq!(moved.status, 422, "{}", moved.text("main"));
        assert_eq!(stored(database).await, [format!("domains {JOE} {ELSEWHERE} 1")]);
    }
}

#[tokio::test]
async fn owners_reach_overrides_of_their_own_domains_alone() {
    for database in both().await {
        database
            .script(&format!(
                "INSERT INTO domains (domain, transport) VALUES ('{JOE}', '{GOOGLE}'), ('ann@other.example', '{GOOGLE}'), \
                 ('a@sub.shop.example', '{GOOGLE}'), ('other.example', 'virtual:'), ('{JOE}@other.example', '{GOOGLE}'); \
                 INSERT INTO backups (domain, transport) VALUES ('bob@shop.example', '{GOOGLE}'), ('bob@other.example', '{GOOGLE}')"
            ))
            .await;
        let panel = Panel::on(database).await;
        let database = &panel.database;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        assert_eq!(names(&owner.get("overrides").await), ["bob@shop.example", JOE]);
        for foreign in ["q=other", "domain=other.example", "q=sub.shop"] {
            assert!(
                names(&owner.get(&format!("overrides?{foreign}")).await).is_empty(),
                "{foreign}"
            );
        }
        let before = (stored(database).await, aliases(database).await);
        for foreign in [
            "ann@other.example",
            "bob@other.example",
            "a@sub.shop.example",
            "joe@shop.example@other.example",
            "nobody@nowhere.example",
            "shop.example",
            "other.example",
        ] {
            for page in ["", "/edit", "/delete"] {
                assert_eq!(
                    owner.get(&format!("overrides/{foreign}{page}")).await.status,
                    404,
                    "{foreign}{page}"
                );
            }
            for (page, fields) in [
                ("", vec![("mail", "new@shop.example"), ("transport", GOOGLE)]),
                ("/delete", vec![("confirm", "1")]),
                ("/enabled", vec![("value", "0")]),
            ] {
                assert_eq!(
                    owner
                        .post(&format!("overrides/{foreign}{page}"), &fields)
                        .await
                        .status,
                    404,
                    "{foreign}{page}"
                );
            }
        }
        // The same words whether or not there is such a row.
        for (path, mail) in [
            ("overrides", "ann@other.example"),
            ("overrides", "nobody@other.example"),
            (&*format!("overrides/{JOE}"), "ann@other.example"),
            (&*format!("overrides/{JOE}"), "nobody@other.example"),
        ] {
            let answer = owner
                .post(path, &[("mail", mail), ("transport", GOOGLE), ("confirm", "1")])
                .await;
            assert_eq!(answer.status, 422, "{path} {mail}");
            assert_eq!(answer.text("#mail-error"), "This is not one of your domains.");
            assert!(
                answer.attributes(".summary p a", "href").is_empty(),
                "no link to it"
            );
        }
        assert_eq!((stored(database).await, aliases(database).await), before);
        assert_eq!(recorded(database).await, 0);

        // A row of one address is no domain to them: only /overrides leads there.
        let row_page = database
            .value(&format!("SELECT pkid FROM domains WHERE domain = '{JOE}'"))
            .await
            .expect("a row");
        assert_eq!(owner.get(&format!("domains/{row_page}")).await.status, 404);
        assert_eq!(owner.get(&format!("domains/{row_page}/edit")).await.status, 404);
        saved(&owner, &format!("overrides/{JOE}"), &[("transport", TENANT)]).await;
        deleted(&owner, JOE).await;
        assert_eq!(names(&owner.get("overrides").await), ["bob@shop.example"]);
    }
}

#[tokio::test]
async fn auditors_read_overrides() {
    let (panel, operator) = ground().await;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(names(&auditor.get("overrides").await), [JOE]);
    assert_eq!(auditor.get(&format!("overrides/{JOE}")).await.status, 200);
    for (path, fields) in [
        ("overrides".to_owned(), row("x@shop.example", GOOGLE).to_vec()),
        (format!("overrides/{JOE}"), vec![("transport", ELSEWHERE)]),
        (format!("overrides/{JOE}/delete"), vec![("confirm", "1")]),
        (format!("overrides/{JOE}/enabled"), vec![("value", "0")]),
    ] {
        assert_eq!(auditor.post(&path, &fields).await.status, 403, "{path}");
    }
    assert_eq!(auditor.get("overrides/new").await.status, 403);
    assert_eq!(changes(&panel.database).await, 1);
}

#[tokio::test]
async fn the_lists_of_domains_and_backups_mark_override_rows() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(&format!(
            "INSERT INTO domains (domain, transport) VALUES ('{JOE}', '{GOOGLE}'); INSERT INTO backups (domain, transport) \
             VALUES ('ann@away.example', '{GOOGLE}')"
        ))
        .await;
    for (table, all) in [
        ("domains", [JOE, "shop.example"]),
        ("backups", ["ann@away.example", "away.example"]),
    ] {
        let list = operator.get(table).await;
        assert_eq!(names(&list), all);
        let tagged: Vec<bool> = list
            .texts("tbody th")
            .iter()
            .map(|th| th.contains("transport override"))
            .collect();
        assert_eq!(tagged, [true, false], "{table}");
    }
}

#[tokio::test]
async fn a_missing_table_of_backups_breaks_nothing() {
    let (panel, operator) = ground().await;
    panel.database.script("DROP TABLE backups").await;
    assert_eq!(operator.get("overrides").await.status, 200);
    assert_eq!(operator.get("overrides/new").await.status, 200);
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    saved(
        &operator,
        &format!("overrides/{JOE}"),
        &[("transport", ELSEWHERE)],
    )
    .await;
    assert_eq!(names(&operator.get("overrides").await), [JOE]);
    assert_eq!(operator.get("").await.status, 200);
    let done = operator
        .post(
            "overrides/bulk",
            &[("all", "1"), ("action", "disable"), ("confirm", "1")],
        )
        .await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    deleted(&operator, JOE).await;
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM domains WHERE domain LIKE '%@%'")
            .await,
        0
    );
}

#[tokio::test]
async fn where_the_table_for_overrides_is_missing_the_rows_of_the_other_are_still_shown() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    database
        .script(&format!(
            "DROP TABLE backups; INSERT INTO domains (domain, transport) VALUES ('{JOE}', '{GOOGLE}')"
        ))
        .await;
    let panel = Panel::with(database, |config| config.overrides.table = OverrideTable::Backups).await;
    let operator = panel.operator().await;
    assert_eq!(names(&operator.get("overrides").await), [JOE]);
    assert_eq!(operator.get("").await.status, 200);
    let answer = operator.post("overrides", &row("x@shop.example", GOOGLE)).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn a_table_without_transactions_is_left_alone() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(&format!(
            "ALTER TABLE domains ENGINE=MyISAM; INSERT INTO domains (domain, transport) VALUES ('{JOE}', '{GOOGLE}')"
        ))
        .await;
    let list = operator.get("overrides").await;
    assert_eq!(names(&list), [JOE]);
    assert!(list.text("main").contains("InnoDB"), "{}", list.text("main"));
    for (path, fields) in [
        ("overrides".to_owned(), row("x@shop.example", GOOGLE).to_vec()),
        (format!("overrides/{JOE}"), vec![("transport", ELSEWHERE)]),
        (format!("overrides/{JOE}/delete"), vec![("confirm", "1")]),
        (
            "overrides/bulk".to_owned(),
            vec![("all", "1"), ("action", "delete"), ("confirm", "1")],
        ),
    ] {
        assert_eq!(operator.post(&path, &fields).await.status, 409, "{path}");
    }
    assert_eq!(
        stored(&panel.database).await,
        [format!("domains {JOE} {GOOGLE} 1")]
    );
    assert!(aliases(&panel.database).await.is_empty());
}

/// Overrides in both tables, those of `other.example` among them.
async fn many() -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(&format!(
            "INSERT INTO domains (domain) VALUES ('other.example'); \
             INSERT INTO domains (domain, transport, enabled) SELECT CONCAT('d', LPAD(seq, 3, '0'), '@shop.example'), \
               '{GOOGLE}', seq % 3 <> 0 FROM seq_1_to_60; \
             INSERT INTO backups (domain, transport, enabled) SELECT CONCAT('b', LPAD(seq, 3, '0'), '@other.example'), \
               '{ELSEWHERE}', seq % 2 FROM seq_1_to_60; \
             INSERT INTO backups (domain, transport) SELECT CONCAT('d', LPAD(seq, 3, '0'), '@shop.example'), '{GOOGLE}' \
               FROM seq_1_to_5; \
             INSERT INTO aliases (mail, destination) SELECT domain, domain FROM domains WHERE domain LIKE 'd%@%'"
        ))
        .await;
    (panel, operator)
}

#[tokio::test]
async fn pages_hold_every_override_once_whatever_table_it_is_in() {
    let (_panel, operator) = many().await;
    let all = walk(&operator, "overrides?per=7").await;
    let mut expected: Vec<String> = (1..=60)
        .map(|n| format!("/overrides/b{n:03}@other.example"))
        .collect();
    expected.extend((1..=60).map(|n| format!("/overrides/d{n:03}@shop.example")));
    assert_eq!(all, expected);
    expected.reverse();
    assert_eq!(walk(&operator, "overrides?per=7&sort=-domain").await, expected);
    assert_eq!(
        operator.get("overrides?per=7").await.text(".pager p"),
        "120 overrides"
    );
    assert_eq!(
        walk(&operator, "overrides?per=7&domain=shop.example").await.len(),
        60
    );
    assert_eq!(walk(&operator, "overrides?per=7&q=elsewhere").await.len(), 60);
    assert_eq!(
        operator
            .get("overrides?per=7&domain=OTHER.example&q=b00")
            .await
            .text(".pager p"),
        "9 overrides"
    );
    assert_eq!(operator.get("overrides?q=nowhere").await.status, 200);
    let cards = operator.get("").await.texts(".cards li");
    assert!(
        cards
            .iter()
            .any(|card| card.contains("Overrides") && card.contains("120")),
        "{cards:?}"
    );
}

#[tokio::test]
async fn all_overrides_that_match_are_switched_as_one_change() {
    let (panel, operator) = many().await;
    let database = &panel.database;
    let before = stored(database).await;
    let review = operator
        .post(
            "overrides/bulk",
            &[("all", "1"), ("domain", "other.example"), ("action", "disable")],
        )
        .await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Disable 30 overrides?"),
        "{}",
        review.text("main")
    );
    assert!(
        review.text("main").contains("30 are disabled already."),
        "{}",
        review.text("main")
    );
    assert_eq!((stored(database).await, recorded(database).await), (before, 0));
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!((recorded(database).await, changes(database).await), (30, 1));
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM backups WHERE domain LIKE '%@other.example' AND enabled = 1")
            .await,
        0
    );
    let others = "SELECT COUNT(*) FROM domains WHERE domain LIKE '%@shop.example' AND enabled = 1";
    assert_eq!(database.count(others).await, 40);
}

/// Counts the addresses that have an override.
const ALL: &str = "SELECT COUNT(DISTINCT domain) FROM (SELECT domain FROM domains UNION ALL SELECT domain FROM backups) o \
                   WHERE domain LIKE '%@%'";

#[tokio::test]
async fn overrides_are_ticked_by_their_addresses_and_deleted_from_both_tables() {
    let (panel, operator) = many().await;
    let database = &panel.database;
    let some = [
        ("key", "D001@shop.example"),
        ("key", "d002@SHOP.example"),
        ("key", "nobody@shop.example"),
        ("action", "delete"),
    ];
    let review = operator.post("overrides/bulk", &some).await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Delete 2 overrides?"),
        "{}",
        review.text("main")
    );
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/overrides"),
        "{}",
        done.text("main")
    );
    let expected: Vec<String> = ["aliases", "backups", "domains"]
        .iter()
        .flat_map(|table| ["d001", "d002"].map(|name| format!("delete {table} {name}@shop.example")))
        .collect();
    assert_eq!(latest(database).await, expected);
    assert_eq!((database.count(ALL).await, changes(database).await), (118, 1));
}

#[tokio::test]
async fn owners_change_overrides_of_their_own_domains_alone_in_bulk() {
    let (panel, _) = many().await;
    let database = &panel.database;
    let owner = panel.signed_in("owner", Role::Owner, &["other.example"]).await;
    let foreign = [
        ("key", "d010@shop.example"),
        ("action", "delete"),
        ("confirm", "1"),
    ];
    assert_eq!(owner.post("overrides/bulk", &foreign).await.status, 422);
    let review = owner
        .post("overrides/bulk", &[("all", "1"), ("action", "delete")])
        .await;
    assert_eq!(review.text("h1"), "Delete 60 overrides?");
    assert!(!review.body.contains("shop.example"));
    assert_eq!(recorded(database).await, 0);
    assert_eq!(owner.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!((database.count(ALL).await, changes(database).await), (60, 1));
}

#[tokio::test]
async fn no_override_no_action_and_another_number_are_no_bulk_change() {
    let (panel, operator) = many().await;
    let database = &panel.database;
    for fields in [
        &[("action", "delete"), ("confirm", "1")][..],
        &[("all", "1"), ("confirm", "1")],
        &[
            ("all", "1"),
            ("action", "delete"),
            ("q", "nowhere"),
            ("confirm", "1"),
        ],
        &[("key", "shop.example"), ("action", "delete"), ("confirm", "1")],
    ] {
        assert_eq!(
            operator.post("overrides/bulk", fields).await.status,
            422,
            "{fields:?}"
        );
    }
    let stale = operator
        .post(
            "overrides/bulk",
            &[
                ("all", "1"),
                ("action", "delete"),
                ("confirm", "1"),
                ("count", "119"),
            ],
        )
        .await;
    assert_eq!(
        (stale.status, &*stale.text("h1")),
        (200, "Delete 120 overrides?"),
        "another number is asked about again"
    );
    assert_eq!((database.count(ALL).await, changes(database).await), (120, 0));
}

#[tokio::test]
async fn overrides_postfix_would_choke_on_stay_off() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('good@shop.example', '{GOOGLE}', 0); \
             INSERT INTO backups (domain, transport, enabled) VALUES ('bad@shop.example', ':[]', 0), \
             ('worse@shop.example', 'smtp:[x', 0)"
        ))
        .await;
    let single = operator
        .post("overrides/bad@shop.example/enabled", &[("value", "1")])
        .await;
    assert_eq!(single.status, 422, "{}", single.text("main"));
    let review = operator
        .post("overrides/bulk", &[("all", "1"), ("action", "enable")])
        .await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Enable 1 override?"),
        "{}",
        review.text("main")
    );
    for bad in ["bad@shop.example stays off", "worse@shop.example stays off"] {
        assert!(review.text("main").contains(bad), "{}", review.text("main"));
    }
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(
        stored(database).await,
        [
            "backups bad@shop.example :[] 0".to_owned(),
            "backups worse@shop.example smtp:[x 0".to_owned(),
            format!("domains good@shop.example {GOOGLE} 1")
        ]
    );
    let rest = operator
        .post(
            "overrides/bulk",
            &[
                ("all", "1"),
                ("action", "enable"),
                ("confirm", "1"),
                ("enabled", "0"),
            ],
        )
        .await;
    assert_eq!(rest.status, 422, "{}", rest.text("main"));
    assert_eq!(changes(database).await, 1);
}

#[tokio::test]
async fn an_override_is_switched_to_a_value_and_not_over() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    database
        .script(&format!(
            "INSERT INTO backups (domain, transport) VALUES ('{JOE}', '{ELSEWHERE}')"
        ))
        .await;
    for (value, state, count) in [("0", 0, 2), ("0", 0, 2), ("1", 1, 3), ("1", 1, 3)] {
        let answer = saved(
            &operator,
            &format!("overrides/{JOE}/enabled"),
            &[("value", value), ("next", "/overrides?q=j")],
        )
        .await;
        assert_eq!(answer.location(), "/overrides?q=j");
        assert_eq!(
            stored(database).await,
            [
                format!("backups {JOE} {ELSEWHERE} {state}"),
                format!("domains {JOE} {GOOGLE} {state}")
            ]
        );
        assert_eq!(changes(database).await, count);
    }
    assert_eq!(
        operator
            .post(&format!("overrides/{JOE}/enabled"), &[("value", "2")])
            .await
            .status,
        422
    );
    // An edit of one that is off leaves it off.
    saved(&operator, &format!("overrides/{JOE}/enabled"), &[("value", "0")]).await;
    saved(
        &operator,
        &format!("overrides/{JOE}"),
        &[("transport", ELSEWHERE)],
    )
    .await;
    assert_eq!(stored(database).await, [format!("domains {JOE} {ELSEWHERE} 0")]);
}

#[tokio::test]
async fn switching_on_is_saving_with_all_that_belongs_to_it() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('{JOE}', '{GOOGLE}', 0), ('ann@away.example', \
             '{GOOGLE}', 0), ('bob@shop.example', '{GOOGLE}', 0), ('eve@shop.example', '{GOOGLE}', 0); \
             INSERT INTO aliases (mail, destination) VALUES ('bob@shop.example', 'x@y.example')"
        ))
        .await;
    saved(&operator, &format!("overrides/{JOE}/enabled"), &[("value", "1")]).await;
    assert_eq!(
        latest(database).await,
        [format!("create aliases {JOE}"), format!("update domains {JOE}")]
    );
    assert!(aliases(database).await.contains(&format!("{JOE} {JOE} 1")));

    let ask = operator
        .post(
            "overrides/bob@shop.example/enabled",
            &[("value", "1"), ("next", "/overrides?q=b")],
        )
        .await;
    assert_eq!(ask.status, 200);
    assert!(ask.text("main").contains("x@y.example"), "{}", ask.text("main"));
    assert_eq!(changes(database).await, 1, "asking writes nothing");
    let done = operator.submit(&ask, &[("confirm", "1")]).await;
    assert_eq!((done.status, done.location()), (303, "/overrides?q=b"));
    assert!(
        aliases(database)
            .await
            .contains(&"bob@shop.example x@y.example,bob@shop.example 1".to_owned())
    );

    let review = operator
        .post("overrides/bulk", &[("all", "1"), ("action", "enable")])
        .await;
    assert_eq!(review.text("h1"), "Enable 2 overrides?");
    let said = review.text("main");
    assert!(
        said.contains("alias eve@shop.example that delivers to itself is added"),
        "{said}"
    );
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(
        latest(database).await,
        [
            "create aliases ann@away.example",
            "create aliases eve@shop.example",
            "create relays ann@away.example",
            "update domains ann@away.example",
            "update domains eve@shop.example",
        ]
    );
    assert_eq!(changes(database).await, 3);
}

#[tokio::test]
async fn the_address_is_the_key_in_any_case_and_with_any_character() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport) VALUES ('50%off@shop.example', '{GOOGLE}'), ('a/b@shop.example', \
             '{GOOGLE}'), ('o''brien+x@shop.example', '{GOOGLE}'), ('a?b#c&d=e@shop.example', '{GOOGLE}'), \
             ('Ann@Shop.Example', '{GOOGLE}'), ('bob@shop.example  ', '{GOOGLE}'), ('tab@shop.example\t', '{GOOGLE}'), \
             (' lead@shop.example', '{GOOGLE}'), ('new@shop.example', '{GOOGLE}')"
        ))
        .await;
    let list = operator.get("overrides").await;
    assert_eq!(list.text(".pager p"), "9 overrides");
    let pages = links(&list);
    assert_eq!(pages.len(), 9, "none is left out: {:?}", names(&list));
    for page in [
        "/overrides/50%25off@shop.example",
        "/overrides/a%2Fb@shop.example",
        "/overrides/ann@shop.example",
    ] {
        assert!(pages.contains(&page.to_owned()), "{page}: {pages:?}");
    }
    for page in pages {
        assert_eq!(operator.get(&page).await.status, 200, "{page}");
        assert_eq!(
            operator.get(&format!("{page}/delete")).await.status,
            200,
            "{page}"
        );
    }
    for page in [
        "overrides/ANN@shop.EXAMPLE",
        "overrides/ann%40shop.example",
        "overrides/Bob@shop.example",
    ] {
        assert_eq!(operator.get(page).await.status, 200, "{page}");
    }
    for page in [
        "overrides/50@shop.example",
        "overrides/shop.example",
        "overrides/a_b@shop.example",
    ] {
        assert_eq!(operator.get(page).await.status, 404, "{page}");
    }
    saved(
        &operator,
        "overrides/50%25OFF@shop.example",
        &[("transport", ELSEWHERE)],
    )
    .await;
    let changed = format!("SELECT domain FROM domains WHERE transport = '{ELSEWHERE}'");
    assert_eq!(lines(database, &changed).await, ["50%off@shop.example"]);
    // Saving mends what Postfix never finds.
    saved(&operator, "overrides/ann@shop.example", &[]).await;
    assert_eq!(
        lines(
            database,
            "SELECT domain FROM domains WHERE domain = 'ann@shop.example' COLLATE utf8mb4_bin"
        )
        .await,
        ["ann@shop.example"]
    );
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

#[tokio::test]
async fn owners_do_not_switch_on_a_transport_that_they_may_not_set() {
    let (panel, _) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('far@shop.example', '{ELSEWHERE}', 0), \
             ('good@shop.example', '{GOOGLE}', 0)"
        ))
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    let before = stored(database).await;
    let on = [("value", "1"), ("confirm", "1")];
    let answer = owner.post("overrides/far@shop.example/enabled", &on).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text("#transport-error").contains("these only"),
        "{}",
        answer.text("main")
    );
    let bulk = [
        ("key", "far@shop.example"),
        ("action", "enable"),
        ("confirm", "1"),
    ];
    assert_eq!(owner.post("overrides/bulk", &bulk).await.status, 422);
    assert_eq!(stored(database).await, before);
    let answer = owner.post("overrides/good@shop.example/enabled", &on).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
}

#[tokio::test]
async fn owners_too_leave_off_what_postfix_would_choke_on() {
    let (panel, _) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('bad@shop.example', ':[]', 0), \
               ('empty@shop.example', '', 0), ('good@shop.example', '{GOOGLE}', 0), ('bad@other.example', ':[]', 0); \
             INSERT INTO backups (domain, transport, enabled) VALUES ('worse@shop.example', 'smtp:[x', 0)"
        ))
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    let before = stored(database).await;
    for name in ["bad", "empty", "worse"] {
        let page = format!("overrides/{name}@shop.example/enabled");
        let answer = owner.post(&page, &[("value", "1"), ("confirm", "1")]).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text("main"));
        assert!(!answer.text("#transport-error").is_empty(), "{name}");
    }
    let ticked = [
        ("key", "bad@shop.example"),
        ("key", "empty@shop.example"),
        ("key", "worse@shop.example"),
        ("action", "enable"),
        ("confirm", "1"),
    ];
    assert_eq!(owner.post("overrides/bulk", &ticked).await.status, 422);
    assert_eq!((stored(database).await, recorded(database).await), (before, 0));
    for fields in [
        &[("all", "1")][..],
        &[("key", "good@shop.example"), ("key", "bad@shop.example")],
    ] {
        let fields = [fields, &[("action", "enable")]].concat();
        let review = owner.post("overrides/bulk", &fields).await;
        assert_eq!((review.status, &*review.text("h1")), (200, "Enable 1 override?"));
        let said = review.text("main");
        assert!(said.contains("bad@shop.example stays off"), "{said}");
        assert!(!said.contains("other.example"), "{said}");
        let done = owner.submit(&review, &[("confirm", "1")]).await;
        assert_eq!(done.status, 303, "{}", done.text("main"));
        let on = "SELECT domain FROM domains WHERE domain LIKE '%@%' AND enabled = 1 UNION ALL SELECT domain FROM backups \
                  WHERE domain LIKE '%@%' AND enabled = 1";
        assert_eq!(lines(database, on).await, ["good@shop.example"]);
        database
            .script("UPDATE domains SET enabled = 0 WHERE domain LIKE '%@%'")
            .await;
    }
}
