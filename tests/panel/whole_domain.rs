//! A whole domain deleted, renamed and cloned: every row about it, as one change.

use postwarden::access::Role;

use crate::samples::recorded;
use crate::support::{Answer, Browser, Database, Panel};

/// A domain with a row in every table, a neighbour that leads to it, and a longer name that is another domain.
const ROWS: &str = "
    INSERT INTO domains (pkid, domain, transport) VALUES (1, 'old.example', 'virtual:'), (2, 'else.example', 'virtual:'),
      (3, 'away@old.example', 'smtp:[smtp.google.com]'), (4, 'sub.old.example', 'virtual:');
    INSERT INTO backups (domain, transport) VALUES ('old.example', ':[mail.else.example]');
    INSERT INTO aliases (pkid, mail, destination, enabled) VALUES
      (1, 'info@old.example', 'joe@old.example,ann@else.example', 1),
      (2, 'joe@old.example', 'joe@old.example', 1),
      (3, 'away@old.example', 'away@old.example', 1),
      (4, 'off@old.example', 'joe@far.example', 0),
      (5, 'team@else.example', 'Info@old.example, ann@else.example', 1),
      (6, 'only@else.example', 'info@old.example', 1),
      (7, 'x@sub.old.example', 'joe@sub.old.example', 1),
      (8, 'far@else.example', 'joe@old.example.org', 1);
    INSERT INTO users (id, name, maildir, home, crypt, clear, quota, enabled) VALUES
      ('joe@old.example', 'Joe', 'old.example/joe/', '/var/mail', '{CRYPT}hash-of-joe', '', '1G', 1);
    INSERT INTO relays (recipient, status) VALUES ('r@old.example', 'OK');
    INSERT INTO relocated (oldadr, newadr) VALUES ('gone@old.example', 'joe@old.example'),
      ('moved@else.example', 'info@old.example');
    INSERT INTO access_rules (kind, pattern, action) VALUES ('recipient', 'spam@old.example', 'REJECT'),
      ('sender', 'boss@old.example', 'OK'), ('client', 'old.example', 'REJECT');";

/// Without the howto's own examples.
const EMPTY: &str = "DELETE FROM domains; DELETE FROM backups; DELETE FROM aliases; DELETE FROM users; DELETE FROM relays; \
                     DELETE FROM relocated";

async fn ground() -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// Every row of every table as `subject value`, in the order of the subjects.
async fn everything(database: &Database) -> Vec<String> {
    let mut found = Vec::new();
    for (table, subject, value) in [
        ("domains", "domain", "transport"),
        ("backups", "domain", "transport"),
        ("aliases", "mail", "destination"),
        ("users", "id", "CONCAT_WS(' ', maildir, crypt, quota)"),
        ("relays", "recipient", "status"),
        ("relocated", "oldadr", "newadr"),
        ("access_rules", "CONCAT_WS(' ', kind, pattern)", "action"),
    ] {
        let query = format!("SELECT CONCAT_WS(' ', {subject}, {value}, enabled) FROM {table} ORDER BY 1");
        let rows = database.rows(&query).await;
        found.extend(rows.into_iter().map(|mut row| row.remove(0).expect("a row")));
    }
    found
}

async fn confirm(browser: &Browser, review: &Answer) -> Answer {
    assert_eq!(review.status, 200, "{}", review.text("main"));
    let done = browser.submit(review, &[("confirm", "1")]).await;
    browser.finished(done).await
}

async fn notes(database: &Database) -> Vec<String> {
    let rows = database
        .rows("SELECT what FROM pw_change_notes ORDER BY change_id")
        .await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a note"))
        .collect()
}

async fn changes(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
        .await
}

#[tokio::test]
async fn a_domain_is_renamed_with_every_row_that_names_it() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let before = everything(database).await;
    let form = operator.get("domains/1/rename").await;
    assert_eq!(form.status, 200);
    assert!(form.text("aside").contains("4 aliases"), "{}", form.text("aside"));

    let review = operator.submit(&form, &[("domain", "New.example")]).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(
        review.text("h1"),
        "Rename old.example to New.example?".replace("New", "new")
    );
    let shown = review.text("main");
    assert!(shown.contains("stay in the directories they are in"), "{shown}");
    assert!(shown.contains("What it does to mail"), "{shown}");
    assert_eq!(everything(database).await, before, "asking writes nothing");

    let done = confirm(&operator, &review).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/domains/1"),
        "{}",
        done.text("main")
    );
    assert_eq!(
        everything(database).await,
        [
            "away@new.example smtp:[smtp.google.com] 1",
            "else.example virtual: 1",
            "new.example virtual: 1",
            "sub.old.example virtual: 1",
            "new.example :[mail.else.example] 1",
            "away@new.example away@new.example 1",
            "far@else.example joe@old.example.org 1",
            "info@new.example joe@new.example,ann@else.example 1",
            "joe@new.example joe@new.example 1",
            "off@new.example joe@far.example 0",
            "only@else.example info@new.example 1",
            "team@else.example info@new.example,ann@else.example 1",
            "x@sub.old.example joe@sub.old.example 1",
            "joe@new.example old.example/joe/ {CRYPT}hash-of-joe 1G 1",
            "r@new.example OK 1",
            "gone@new.example joe@new.example 1",
            "moved@else.example info@new.example 1",
            "client old.example REJECT 1",
            "recipient spam@new.example REJECT 1",
            "sender boss@new.example OK 1",
        ]
    );
    assert_eq!(changes(database).await, 1);
    assert_eq!(notes(database).await, ["rename of old.example to new.example"]);
    let notice = operator.get("domains/1").await.text(".notice");
    assert!(notice.contains("It is change 1."), "{notice}");
}

#[tokio::test]
async fn the_old_name_can_stay_and_lead_to_the_new_one() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('@old.example', 'joe@old.example')")
        .await;
    let fields = [("domain", "new.example"), ("keep", "1")];
    let review = operator.post("domains/1/rename", &fields).await;
    assert!(
        review
            .text("main")
            .contains("Rows of other domains go on leading"),
        "{}",
        review.text("main")
    );
    assert_eq!(confirm(&operator, &review).await.status, 303);
    let rows = everything(database).await;
    for row in [
        "new.example virtual: 1",
        "old.example virtual: 1",
        "@old.example @new.example 1",
        "@new.example joe@new.example 1",
        "only@else.example info@old.example 1",
        "moved@else.example info@old.example 1",
    ] {
        assert!(rows.contains(&row.to_owned()), "{row}: {rows:#?}");
    }
    let mails = operator
        .get("explain?address=info%40old.example")
        .await
        .text("main");
    assert!(
        mails.contains("old.example/joe/"),
        "it arrives where it did: {mails}"
    );
}

#[tokio::test]
async fn a_name_that_is_taken_or_too_long_is_refused_with_a_list() {
    let database = Database::howto().await;
    database.script(EMPTY).await;
    database
        .script(&ROWS.replace("home, ", "").replace("'/var/mail', ", ""))
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO aliases (mail, destination) VALUES ('info@new.example', 'x@far.example'); \
                 INSERT INTO domains (domain) VALUES ('new.example')",
        )
        .await;
    let before = everything(database).await;
    let taken = operator
        .post("domains/1/rename", &[("domain", "new.example"), ("confirm", "1")])
        .await;
    assert_eq!(taken.status, 422, "{}", taken.text("main"));
    for name in ["info@new.example", "new.example"] {
        let sentence = format!("{name} exists already.");
        assert!(
            taken.text(".depends").contains(&sentence),
            "{}",
            taken.text(".depends")
        );
    }
    assert_eq!(taken.texts("button[name=confirm]").len(), 0);

    let labels = ["a".repeat(55), "b".repeat(55)].join(".");
    let long = operator
        .post("domains/1/rename", &[("domain", &labels), ("confirm", "1")])
        .await;
    assert_eq!(long.status, 422);
    assert!(
        long.text(".depends").contains("holds 120"),
        "{}",
        long.text(".depends")
    );

    for name in ["", "old.example", "no domain", "joe@new.example"] {
        let answer = operator
            .post("domains/1/rename", &[("domain", name), ("confirm", "1")])
            .await;
        assert_eq!(answer.status, 422, "{name}");
        assert_eq!(answer.field("domain"), name, "what was typed is kept");
    }
    assert_eq!(everything(database).await, before);
    assert_eq!(recorded(database).await, 0);
}

#[tokio::test]
async fn a_domain_that_is_double_keeps_one_row_when_it_is_renamed() {
    let database = Database::howto().await;
    database.script(EMPTY).await;
    database
        .script("INSERT INTO domains (pkid, domain, transport, enabled) VALUES (1, 'old.example', 'virtual:', 0), \
                 (2, 'old.example', 'smtp:[mx.example]', 1)")
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let review = operator
        .post("domains/1/rename", &[("domain", "bücher.example")])
        .await;
    assert!(
        review.text("main").contains("that is double is deleted"),
        "{}",
        review.text("main")
    );
    let done = confirm(&operator, &review).await;
    assert_eq!((done.status, done.location()), (303, "/domains/2"));
    assert_eq!(
        everything(&panel.database).await,
        ["xn--bcher-kva.example smtp:[mx.example] 1"]
    );
}

#[tokio::test]
async fn a_domain_is_deleted_with_everything_and_its_neighbours_are_told_of() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let form = operator.get("domains/1/everything/delete").await;
    assert_eq!(form.status, 200);
    let review = operator.submit(&form, &[]).await;
    let shown = review.text("main");
    assert!(
        shown.contains("/var/mail/old.example/joe/"),
        "it says which files stay: {shown}"
    );
    assert!(
        shown.contains("Changed: 2 aliases") && shown.contains("Deleted: 1 domain, 1 override"),
        "{shown}"
    );
    assert!(
        shown.contains(
            "1 alias of other domains delivers to nobody else and is switched off: only@else.example."
        ),
        "{shown}"
    );
    let done = confirm(&operator, &review).await;
    assert_eq!((done.status, done.location()), (303, "/domains"));
    assert_eq!(
        everything(database).await,
        [
            "else.example virtual: 1",
            "sub.old.example virtual: 1",
            "far@else.example joe@old.example.org 1",
            "only@else.example info@old.example 0",
            "team@else.example ann@else.example 1",
            "x@sub.old.example joe@sub.old.example 1",
            "moved@else.example info@old.example 1",
            "client old.example REJECT 1",
            "sender boss@old.example OK 1",
        ]
    );
    assert_eq!(changes(database).await, 1);
    assert_eq!(notes(database).await, ["deletion of old.example with everything"]);
}

#[tokio::test]
async fn without_being_asked_to_aliases_of_other_domains_stay() {
    let (panel, operator) = ground().await;
    let review = operator.post("domains/1/everything/delete", &[]).await;
    assert!(
        review.text("main").contains("go on delivering to old.example"),
        "{}",
        review.text("main")
    );
    assert_eq!(confirm(&operator, &review).await.status, 303);
    let rows = everything(&panel.database).await;
    assert!(
        rows.contains(&"team@else.example Info@old.example, ann@else.example 1".to_owned()),
        "{rows:#?}"
    );
    assert!(
        rows.contains(&"only@else.example info@old.example 1".to_owned()),
        "{rows:#?}"
    );
}

#[tokio::test]
async fn a_clone_leads_to_the_mailboxes_there_are() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let before = everything(database).await;
    let review = operator
        .post("domains/1/clone", &[("domain", "new.example")])
        .await;
    assert!(
        review.text("main").contains("goes on arriving there"),
        "{}",
        review.text("main")
    );
    let done = confirm(&operator, &review).await;
    assert_eq!((done.status, done.location()), (303, "/domains?q=new.example"));
    let rows = everything(database).await;
    let added: Vec<&String> = rows.iter().filter(|row| !before.contains(row)).collect();
    assert_eq!(
        added,
        [
            "away@new.example smtp:[smtp.google.com] 1",
            "new.example virtual: 1",
            "new.example :[mail.else.example] 1",
            "away@new.example away@new.example 1",
            "info@new.example joe@old.example,ann@else.example 1",
            "joe@new.example joe@old.example 1",
            "off@new.example joe@far.example 0",
            "r@new.example OK 1",
            "gone@new.example joe@new.example 1",
            "recipient spam@new.example REJECT 1",
        ]
    );
    assert_eq!(
        rows.len(),
        before.len() + added.len(),
        "what was there is as it was"
    );
    assert_eq!(changes(database).await, 1);
}

#[tokio::test]
async fn a_clone_has_mailboxes_of_its_own_where_that_is_ticked() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('info@new.example', 'x@far.example')")
        .await;
    let review = operator
        .post(
            "domains/1/clone",
            &[("domain", "new.example"), ("mailboxes", "1")],
        )
        .await;
    assert!(
        review
            .text(".depends")
            .contains("info@new.example exists already."),
        "{}",
        review.text(".depends")
    );
    assert!(!review.body.contains("hash-of-joe"), "no hash is shown");
    assert_eq!(confirm(&operator, &review).await.status, 303);
    let rows = everything(database).await;
    for row in [
        "joe@new.example joe@new.example 1",
        "joe@new.example new.example/joe/ {CRYPT}hash-of-joe 1G 1",
        "info@new.example x@far.example 1",
    ] {
        assert!(rows.contains(&row.to_owned()), "{row}: {rows:#?}");
    }
    let changes = operator.get("changes").await;
    assert!(!changes.body.contains("hash-of-joe"));
}

#[tokio::test]
async fn what_was_not_shown_is_not_written() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let review = operator
        .post("domains/1/rename", &[("domain", "new.example")])
        .await;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('late@old.example', 'x@far.example')")
        .await;
    let stale = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(stale.status, 409, "{}", stale.text("main"));
    assert_eq!(recorded(database).await, 0);
    let edit = operator.submit(&stale, &[("edit", "1")]).await;
    assert_eq!((edit.status, edit.field("domain").as_str()), (200, "new.example"));
    let done = operator.submit(&stale, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303);
    let left = "SELECT COUNT(*) FROM aliases WHERE mail LIKE '%@old.example'";
    assert_eq!(database.count(left).await, 0, "the late one too");
    // Sent twice: the domain of that row has another name now.
    let twice = operator.submit(&stale, &[("confirm", "1")]).await;
    assert_eq!(twice.status, 422, "{}", twice.text("main"));
    assert_eq!(changes(database).await, 1);
}

#[tokio::test]
async fn whole_domains_are_the_operators() {
    let (panel, operator) = ground().await;
    let owner = panel.signed_in("owner", Role::Owner, &["old.example"]).await;
    let neighbour = panel.signed_in("neighbour", Role::Owner, &["else.example"]).await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    for path in ["rename", "clone", "everything/delete"] {
        let page = format!("domains/1/{path}");
        let sent = [("domain", "new.example"), ("confirm", "1")];
        for (browser, status) in [(&owner, 403), (&neighbour, 404), (&auditor, 403)] {
            assert_eq!(browser.get(&page).await.status, status, "{path}");
            assert_eq!(browser.post(&page, &sent).await.status, status, "{path}");
        }
        assert_eq!(
            operator.get(&format!("domains/3/{path}")).await.status,
            404,
            "an override is no domain"
        );
        assert_eq!(operator.get(&format!("domains/99/{path}")).await.status, 404);
    }
    assert_eq!(recorded(&panel.database).await, 0);
    let odd = "INSERT INTO domains (pkid, domain) VALUES (30, 'bücher.example')";
    panel.database.script(odd).await;
    let answer = operator.get("domains/30/rename").await;
    assert_eq!(answer.status, 400, "{}", answer.text("main"));
    assert!(answer.text("main").contains("mend the row"));
    let hub = operator.get("domains/1").await;
    assert!(
        hub.body.contains("/domains/1/rename"),
        "the domain's page leads there"
    );
    assert!(!owner.get("domains/1").await.body.contains("/domains/1/rename"));
    let form = operator.get("domains/1/rename").await;
    assert!(form.text("aside").contains("owner"), "{}", form.text("aside"));
    let review = operator.submit(&form, &[("domain", "new.example")]).await;
    assert!(
        review.text("main").contains("is granted to owner"),
        "{}",
        review.text("main")
    );
}

#[tokio::test]
async fn a_domain_without_another_row_is_renamed_and_deleted() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let name = format!("{}.{}.example", "a".repeat(20), "b".repeat(11));
    assert_eq!(name.len(), 40);
    database
        .script(&format!(
            "INSERT INTO domains (pkid, domain) VALUES (20, '{name}')"
        ))
        .await;
    let review = operator
        .post("domains/20/rename", &[("domain", "short.example")])
        .await;
    assert_eq!(confirm(&operator, &review).await.location(), "/domains/20");
    let review = operator.post("domains/20/everything/delete", &[]).await;
    assert_eq!(confirm(&operator, &review).await.status, 303);
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM domains WHERE pkid = 20")
            .await,
        0
    );
    assert_eq!(notes(database).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_rows_are_renamed_behind_the_pages() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script("INSERT INTO aliases (mail, destination) SELECT CONCAT('n', seq, '@old.example'), 'joe@old.example' FROM seq_1_to_10000")
        .await;
    let review = operator
        .post(
            "domains/1/rename",
            &[("domain", "new.example"), ("elsewhere", "1")],
        )
        .await;
    let review = operator.finished(review).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert!(review.body.len() < 100_000, "the page does not list them all");
    let sent = operator.submit(&review, &[("confirm", "1")]).await;
    assert!(sent.location().contains("/jobs/"), "{}", sent.location());
    let page = operator.get(sent.location()).await;
    assert!(
        page.text("main").contains("writing rows"),
        "{}",
        page.text("main")
    );
    let done = operator.finished(sent).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/domains/1"),
        "{}",
        done.text("main")
    );
    let left =
        "SELECT COUNT(*) FROM aliases WHERE mail LIKE '%@old.example' OR destination LIKE '%@old.example'";
    assert_eq!(database.count(left).await, 0);
    assert_eq!(changes(database).await, 1);
}
