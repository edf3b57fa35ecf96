//! One column of many rows: set, or searched and replaced, after it was shown.

use std::time::Duration;

use postwarden::access::{Actor, Grant, Limits, Role};
use postwarden::mail::DomainName;
use sqlx::Executor;

use crate::samples::{ground, held, recorded};
use crate::support::{Answer, Browser, Database, Panel};

const ALIASES: &str = "
    INSERT INTO aliases (pkid, mail, destination, enabled) VALUES
      (1, 'a@shop.example', 'joe@old.example', 1),
      (2, 'b@shop.example', 'xjoe@old.example, Joe@OLD.example', 1),
      (3, 'c@shop.example', 'ann@else.example', 1),
      (4, 'd@shop.example', 'joe@old.example.org,joe@old.example', 0),
      (5, 'e@shop.example', 'joe@old.example,ann@else.example', 1);";

/// Everybody's word for the aliases of [`ALIASES`].
const ALL: [(&str, &str); 2] = [("all", "1"), ("q", "@shop.example")];

const REPLACE: [(&str, &str); 5] = [
    ("action", "replace"),
    ("column", "destination"),
    ("find", "joe@old.example"),
    ("replace", "mary@new.example"),
    ("whole", "1"),
];

async fn column(database: &Database, query: &str) -> Vec<String> {
    let rows = database.rows(query).await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a value"))
        .collect()
}

async fn destinations(database: &Database) -> Vec<String> {
    column(database, "SELECT destination FROM aliases ORDER BY pkid").await
}

async fn note(database: &Database) -> String {
    let query = "SELECT what FROM pw_change_notes ORDER BY change_id DESC LIMIT 1";
    database.value(query).await.unwrap_or_default()
}

async fn confirm(browser: &Browser, review: &Answer) -> Answer {
    let done = browser.submit(review, &[("confirm", "1")]).await;
    browser.finished(done).await
}

fn fields<'a>(parts: &[&[(&'a str, &'a str)]]) -> Vec<(&'a str, &'a str)> {
    parts.concat()
}

#[tokio::test]
async fn what_is_found_is_shown_first_and_replaced_as_one_change() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database.script(ALIASES).await;
    let before = destinations(database).await;

    let review = operator.post("aliases/bulk", &fields(&[&ALL, &REPLACE])).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(review.text("h1"), "Edit 5 aliases");
    assert_eq!(review.text("button[name=confirm]"), "Change 4 aliases");
    assert!(
        review.text("main").contains("1 alias stays as it is."),
        "{}",
        review.text("main")
    );
    let shown = review.texts("table.diff tbody tr");
    assert_eq!(shown.len(), 4);
    assert!(
        shown[0].contains("a@shop.example") && shown[0].contains("mary@new.example"),
        "{}",
        shown[0]
    );
    assert_eq!(destinations(database).await, before, "asking writes nothing");
    assert_eq!(recorded(database).await, 0);

    let done = confirm(&operator, &review).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/aliases?q=%40shop.example")
    );
    assert_eq!(
        destinations(database).await,
        [
            "mary@new.example",
            "xjoe@old.example,mary@new.example",
            "ann@else.example",
            "joe@old.example.org,mary@new.example",
            "mary@new.example,ann@else.example",
        ]
    );
    let enabled = column(database, "SELECT enabled FROM aliases ORDER BY pkid").await;
    assert_eq!(enabled, ["1", "1", "1", "0", "1"], "nothing else of any row");
    assert_eq!(recorded(database).await, 4);
    assert_eq!(
        database
            .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
            .await,
        1
    );
    assert_eq!(
        note(database).await,
        "replaced `joe@old.example` by `mary@new.example` in destination of 4 aliases"
    );
    let notice = operator.get("aliases").await.text(".notice");
    assert!(
        notice.contains("Changed 4 aliases") && notice.contains("It is change 1."),
        "{notice}"
    );
}

#[tokio::test]
async fn without_whole_addresses_every_occurrence_is_replaced() {
    let (panel, operator) = ground().await;
    panel.database.script(ALIASES).await;
    let loose = &REPLACE[..4];
    let review = operator.post("aliases/bulk", &fields(&[&ALL, loose])).await;
    assert_eq!(confirm(&operator, &review).await.status, 303);
    let now = destinations(&panel.database).await;
    assert_eq!(now[1], "xmary@new.example,mary@new.example");
    assert_eq!(now[3], "mary@new.example.org,mary@new.example");
}

#[tokio::test]
async fn the_case_of_other_columns_counts_unless_it_is_ignored() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script("INSERT INTO users (id, name, maildir) VALUES ('a@shop.example', 'Sales Team', 'shop.example/a/'), \
                 ('b@shop.example', 'sales team', 'shop.example/b/')")
        .await;
    let typed = [
        ("all", "1"),
        ("action", "replace"),
        ("column", "name"),
        ("find", "sales"),
        ("replace", "Orders"),
    ];
    let review = operator.post("users/bulk", &typed).await;
    assert_eq!(review.text("button[name=confirm]"), "Change 1 mailbox");
    let review = operator
        .post("users/bulk", &fields(&[&typed, &[("ignore_case", "1")]]))
        .await;
    assert_eq!(review.text("button[name=confirm]"), "Change 2 mailboxes");
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        column(database, "SELECT name FROM users ORDER BY id").await,
        ["Orders Team", "Orders team"]
    );
}

#[tokio::test]
async fn rows_that_postfix_would_choke_on_are_left_out_and_listed() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database.script(ALIASES).await;
    // Nothing is left of the first.
    let gone = [
        ("action", "replace"),
        ("column", "destination"),
        ("find", "joe@old.example"),
        ("replace", ""),
        ("whole", "1"),
    ];
    let review = operator.post("aliases/bulk", &fields(&[&ALL, &gone])).await;
    assert_eq!(review.status, 200);
    assert_eq!(review.text("button[name=confirm]"), "Change 3 aliases");
    let refused = review.texts(".depends li").join(" ");
    assert!(
        refused.contains("Left out") && refused.contains("a@shop.example"),
        "{refused}"
    );
    assert!(refused.contains("The list is empty"), "{refused}");
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        destinations(database).await,
        [
            "joe@old.example",
            "xjoe@old.example",
            "ann@else.example",
            "joe@old.example.org",
            "ann@else.example"
        ]
    );
    let notice = operator.get("aliases").await.text(".notice");
    assert!(notice.contains("1 alias stays as before."), "{notice}");
}

#[tokio::test]
async fn a_value_is_set_in_every_chosen_row_that_can_have_it() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "DELETE FROM domains; INSERT INTO domains (pkid, domain, transport) VALUES (1, 'a.example', 'virtual:'), \
             (2, 'b.example', 'smtp:[mx.example]'), (3, 'c.example', 'virtual:'), (4, 'bad..example', 'virtual:')",
        )
        .await;
    let set = |value| {
        [
            ("action", "set"),
            ("column", "transport"),
            ("value", value),
            ("all", "1"),
        ]
    };
    let review = operator.post("domains/bulk", &set("smtp:[MX.example]")).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(review.text("button[name=confirm]"), "Change 2 domains");
    assert!(
        review.text("main").contains("1 domain stays"),
        "one has it already"
    );
    assert!(
        review.text(".depends").contains("bad..example"),
        "one is not as Postfix wants it"
    );
    assert!(
        review.text(".depends").contains("What it does to mail"),
        "{}",
        review.text(".depends")
    );
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        column(database, "SELECT transport FROM domains ORDER BY pkid").await,
        [
            "smtp:[mx.example]",
            "smtp:[mx.example]",
            "smtp:[mx.example]",
            "virtual:"
        ]
    );
    assert_eq!(
        note(database).await,
        "set transport of 2 domains to `smtp:[MX.example]`"
    );

    let wrong = operator.post("domains/bulk", &set("no such thing")).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text("main"));
    assert_eq!(wrong.texts("button[name=confirm]").len(), 0);
    assert_eq!(wrong.field("value"), "no such thing", "what was typed is kept");
    let same = operator
        .post("domains/bulk", &fields(&[&set("virtual:"), &[("q", "bad")]]))
        .await;
    assert_eq!(same.status, 422);
    assert_eq!(recorded(database).await, 2);
}

#[tokio::test]
async fn words_of_a_few_are_set_and_what_differs_from_row_to_row_is_not() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO relays (pkid, recipient, status) VALUES (1, 'a@away.example', 'OK'), (2, 'b@away.example', 'OK'); \
             INSERT INTO access_rules (kind, pattern, action) VALUES ('recipient', 'x@shop.example', 'REJECT'), \
             ('sender', 'y@shop.example', 'REJECT')",
        )
        .await;
    let keys = [("key", "1"), ("key", "2")];
    let set = |column, value| [("action", "set"), ("column", column), ("value", value)];
    let review = operator
        .post("relays/bulk", &fields(&[&keys, &set("status", "reject")]))
        .await;
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        column(database, "SELECT status FROM relays").await,
        ["REJECT", "REJECT"]
    );
    // OK is for senders and clients; a recipient rule cannot have it.
    let review = operator
        .post("access/bulk", &fields(&[&[("all", "1")], &set("action", "OK")]))
        .await;
    assert_eq!(review.text("button[name=confirm]"), "Change 1 access rule");
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        column(database, "SELECT action FROM access_rules ORDER BY kind").await,
        ["REJECT", "OK"]
    );
    for (path, column) in [
        ("relays", "recipient"),
        ("relays", "enabled"),
        ("aliases", "destination"),
        ("access", "kind"),
        ("relays", "nonsense"),
    ] {
        if path == "aliases" {
            database.script(ALIASES).await;
        }
        let answer = operator
            .post(
                &format!("{path}/bulk"),
                &fields(&[&[("all", "1")], &set(column, "x")]),
            )
            .await;
        assert_eq!(answer.status, 422, "{path} {column}");
    }
}

#[tokio::test]
async fn a_form_without_anything_typed_asks_for_it() {
    let (panel, operator) = ground().await;
    panel.database.script(ALIASES).await;
    let list = operator.get("aliases").await;
    assert!(
        list.attributes("#bulk button", "value")
            .contains(&"edit".to_owned()),
        "the list leads there"
    );
    let page = operator
        .post("aliases/bulk", &[("key", "1"), ("key", "2"), ("action", "edit")])
        .await;
    assert_eq!((page.status, page.text("h1").as_str()), (200, "Edit 2 aliases"));
    let page = operator
        .submit(
            &page,
            &[("find", "joe@old.example"), ("replace", "mary@new.example")],
        )
        .await;
    assert_eq!(
        page.text("button[name=confirm]"),
        "Change 2 aliases",
        "{}",
        page.text("main")
    );
    let empty = operator.submit(&page, &[("find", " ")]).await;
    assert_eq!(empty.status, 422);
    let nowhere = operator
        .submit(&page, &[("find", "nobody@nowhere.example")])
        .await;
    assert_eq!(nowhere.status, 422, "{}", nowhere.text("main"));
    let none = operator.post("aliases/bulk", &[("action", "edit")]).await;
    assert_eq!(none.status, 422);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn what_was_not_shown_is_not_written() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database.script(ALIASES).await;
    let review = operator.post("aliases/bulk", &fields(&[&ALL, &REPLACE])).await;
    // Another text than the one that was shown.
    let other = operator
        .submit(&review, &[("replace", "else@new.example"), ("confirm", "1")])
        .await;
    assert_eq!(other.status, 409, "{}", other.text("main"));
    assert!(other.text("main").contains("else@new.example"));
    // A row that was changed meanwhile.
    database
        .script("UPDATE aliases SET destination = 'joe@old.example,late@else.example' WHERE pkid = 1")
        .await;
    let stale = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(stale.status, 409);
    assert!(
        stale.text("table.diff").contains("late@else.example"),
        "it shows what there is now"
    );
    assert_eq!(recorded(database).await, 0);
    assert_eq!(confirm(&operator, &stale).await.status, 303);
    assert_eq!(
        destinations(database).await[0],
        "mary@new.example,late@else.example"
    );
    // The same form sent twice writes once.
    let twice = operator.submit(&stale, &[("confirm", "1")]).await;
    assert_eq!(twice.status, 422, "{}", twice.text("main"));
    assert_eq!(recorded(database).await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_changed_while_the_answer_is_written_is_shown_anew() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database.script(ALIASES).await;
    let mut other = held(database, "aliases").await;
    other
        .execute("UPDATE aliases SET destination = 'joe@old.example,late@else.example' WHERE pkid = 1")
        .await
        .expect("changed");
    let writing = {
        let operator = operator.clone();
        tokio::spawn(async move {
            let answer = operator
                .post("aliases/bulk", &fields(&[&ALL, &REPLACE, &[("confirm", "1")]]))
                .await;
            operator.finished(answer).await
        })
    };
    tokio::time::sleep(Duration::from_millis(600)).await;
    other.execute("COMMIT").await.expect("let go");
    let answer = writing.await.expect("an answer");
    assert_eq!(answer.status, 409, "{}", answer.text("main"));
    assert_eq!(recorded(database).await, 0);
    assert_eq!(confirm(&operator, &answer).await.status, 303);
    assert_eq!(recorded(database).await, 4);
}

#[tokio::test]
async fn all_that_match_are_replaced_and_no_row_beside_them() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO aliases (mail, destination) SELECT CONCAT('n', seq, IF(seq % 2, '@shop.example', '@sub.shop.example')), \
             'joe@old.example' FROM seq_1_to_700",
        )
        .await;
    let review = operator
        .post(
            "aliases/bulk",
            &fields(&[&[("all", "1"), ("domain", "shop.example")], &REPLACE]),
        )
        .await;
    assert_eq!(review.text("button[name=confirm]"), "Change 350 aliases");
    assert_eq!(review.texts("table.diff tbody tr").len(), 20);
    assert!(
        review.text("main").contains("and 330 more"),
        "{}",
        review.text("main")
    );
    assert_eq!(confirm(&operator, &review).await.status, 303);
    let wrong = "SELECT COUNT(*) FROM aliases WHERE (mail LIKE '%@shop.example') <> (destination = 'mary@new.example')";
    assert_eq!(database.count(wrong).await, 0);
    assert_eq!(recorded(database).await, 350);
}

async fn owner(panel: &Panel, limits: Limits) -> Browser {
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    let grant = Grant {
        domain: DomainName::parse("shop.example").expect("a domain"),
        limits,
    };
    let store = &panel.store;
    store
        .grant(&Actor::command_line(), "owner", &grant)
        .await
        .expect("granted");
    owner
}

#[tokio::test]
async fn owners_edit_their_rows_within_their_limits_and_nobody_elses() {
    let (panel, _) = ground().await;
    let database = &panel.database;
    database.script(ALIASES).await;
    database
        .script(
            "INSERT INTO aliases (pkid, mail, destination) VALUES (9, 'z@else.example', 'joe@old.example'); \
             INSERT INTO domains (domain, transport) VALUES ('else.example', 'virtual:'), ('joe@shop.example', 'smtp:[smtp.google.com]')",
        )
        .await;
    let owner = owner(
        &panel,
        Limits {
            external: false,
            ..Limits::default()
        },
    )
    .await;
    // A selection is meant whole: one row beyond the limit stops all.
    let review = owner
        .post("aliases/bulk", &fields(&[&[("all", "1")], &REPLACE]))
        .await;
    assert_eq!(review.status, 422, "{}", review.text("main"));
    assert!(
        review.text("main").contains("may not lead out"),
        "{}",
        review.text("main")
    );
    let within = [
        ("action", "replace"),
        ("column", "destination"),
        ("find", "joe@old.example"),
        ("replace", "a@shop.example"),
        ("whole", "1"),
    ];
    let review = owner
        .post("aliases/bulk", &fields(&[&[("all", "1"), ("key", "9")], &within]))
        .await;
    assert_eq!(review.text("button[name=confirm]"), "Change 4 aliases");
    assert!(!review.body.contains("z@else.example"), "nothing of a neighbour");
    assert_eq!(confirm(&owner, &review).await.status, 303);
    assert_eq!(
        database
            .value("SELECT destination FROM aliases WHERE pkid = 9")
            .await
            .as_deref(),
        Some("joe@old.example")
    );
    let neighbour = owner
        .post("aliases/bulk", &fields(&[&[("key", "9")], &within]))
        .await;
    assert_eq!(neighbour.status, 422);

    let transport = |value| {
        [
            ("action", "set"),
            ("column", "transport"),
            ("value", value),
            ("all", "1"),
        ]
    };
    let domains = owner
        .post("domains/bulk", &transport("smtp:[smtp.google.com]"))
        .await;
    assert_eq!(domains.status, 403, "domains are the operator's");
    let there = owner
        .post("overrides/bulk", &transport("smtp:[evil.example]"))
        .await;
    assert_eq!(there.status, 422);
    assert!(
        there.text("main").contains("may send mail to these only"),
        "{}",
        there.text("main")
    );
    let review = owner
        .post("overrides/bulk", &transport("smtp:[aspmx.l.google.com]"))
        .await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(confirm(&owner, &review).await.status, 303);
    assert_eq!(
        column(database, "SELECT transport FROM domains ORDER BY pkid").await,
        ["virtual:", "virtual:", "smtp:[aspmx.l.google.com]"]
    );
    let rare = owner
        .post(
            "users/bulk",
            &[("action", "set"), ("column", "uid"), ("value", "1"), ("all", "1")],
        )
        .await;
    assert_eq!(rare.status, 422);
}

#[tokio::test]
async fn an_auditor_edits_nothing() {
    let (panel, _) = ground().await;
    panel.database.script(ALIASES).await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    for action in ["edit", "replace"] {
        let mut sent = fields(&[&ALL, &REPLACE, &[("confirm", "1")]]);
        sent.retain(|(name, _)| *name != "action");
        sent.push(("action", action));
        assert_eq!(auditor.post("aliases/bulk", &sent).await.status, 403, "{action}");
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn overrides_in_both_tables_are_edited_together() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO domains (domain, transport) VALUES ('joe@shop.example', 'smtp:[old.example]'); \
             INSERT INTO backups (domain, transport) VALUES ('ann@away.example', 'smtp:[old.example]:25')",
        )
        .await;
    let replace = [
        ("all", "1"),
        ("action", "replace"),
        ("find", "old.example"),
        ("replace", "new.example"),
        ("column", "transport"),
        ("whole", "1"),
    ];
    let review = operator.post("overrides/bulk", &replace).await;
    assert_eq!(
        review.text("button[name=confirm]"),
        "Change 2 overrides",
        "{}",
        review.text("main")
    );
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        column(
            database,
            "SELECT transport FROM domains WHERE domain LIKE '%@%' UNION ALL SELECT transport FROM backups"
        )
        .await,
        [
            "smtp:[new.example]",
            ":[mail.away.example]",
            "smtp:[new.example]:25"
        ]
    );
    assert_eq!(
        database
            .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
            .await,
        1
    );
}

#[tokio::test]
async fn a_value_longer_than_its_column_is_left_out() {
    let database = Database::howto().await;
    database
        .script("DELETE FROM aliases; INSERT INTO domains (domain) VALUES ('shop.example')")
        .await;
    database.script(ALIASES).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let long = format!("{}@{}.example", "x".repeat(60), "y".repeat(50));
    let typed = [
        ("action", "replace"),
        ("column", "destination"),
        ("find", "joe@old.example"),
        ("replace", &long),
        ("whole", "1"),
    ];
    let review = operator.post("aliases/bulk", &fields(&[&ALL, &typed])).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(
        review.text("button[name=confirm]"),
        "Change 1 alias",
        "the others would not fit"
    );
    assert!(
        review.text(".depends").contains("destination holds 120"),
        "{}",
        review.text(".depends")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_change_tells_how_far_it_is_and_ends_although_nobody_looks() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database.script(ALIASES).await;
    let confirmed = fields(&[&ALL, &REPLACE, &[("confirm", "1")]]);
    let mut other = held(database, "aliases").await;
    let sent = operator.post("aliases/bulk", &confirmed).await;
    assert!(
        sent.status == 303 && sent.location().starts_with("/jobs/"),
        "{} {}",
        sent.status,
        sent.location()
    );
    let page = operator.get(sent.location()).await;
    assert_eq!(
        (page.status, page.text("h1").as_str()),
        (200, "Change 4 aliases"),
        "{}",
        page.text("main")
    );
    let somebody = panel.signed_in("somebody", Role::Operator, &[]).await;
    assert_eq!(
        somebody.get(sent.location()).await.status,
        404,
        "it is nobody else's"
    );
    other.execute("ROLLBACK").await.expect("let go");
    let done = operator.finished(sent).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/aliases?q=%40shop.example")
    );
    assert!(
        operator
            .get("aliases")
            .await
            .text(".notice")
            .contains("Changed 4 aliases")
    );
    assert_eq!(recorded(database).await, 4);

    // Back again; and this time the tab is closed at once.
    database
        .script("UPDATE aliases SET destination = 'joe@old.example'")
        .await;
    let mut other = held(database, "aliases").await;
    let closed = tokio::time::timeout(
        Duration::from_millis(500),
        operator.post("aliases/bulk", &confirmed),
    );
    assert!(closed.await.is_err(), "nobody waits any more");
    other.execute("ROLLBACK").await.expect("let go");
    for _ in 0..100 {
        if recorded(database).await == 9 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} rows recorded", recorded(database).await);
}
