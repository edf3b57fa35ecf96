//! Undoing changes from the panel: every action, redo, one row of a set, and what is in the way.

use postwarden::access::Role;

use crate::samples::{GROUND, SAMPLES, both, ground, recorded, tables};
use crate::support::{Answer, Browser, Database, Panel};

/// The mail tables, every column byte for byte.
pub async fn dump(database: &Database) -> Vec<(String, Vec<Vec<Option<String>>>)> {
    let columns = "SELECT table_name, GROUP_CONCAT(CONCAT('COALESCE(HEX(`', column_name, '`), ''-'')') ORDER BY \
                   ordinal_position) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name \
                   NOT LIKE 'pw%' AND extra NOT LIKE '%GENERATED%' GROUP BY table_name ORDER BY table_name";
    let mut tables = Vec::new();
    for row in database.rows(columns).await {
        let [Some(table), Some(columns)] = &row[..] else {
            panic!("a table without a name");
        };
        let rows = database
            .rows(&format!("SELECT {columns} FROM {table} ORDER BY 1, 2, 3"))
            .await;
        tables.push((table.clone(), rows));
    }
    tables
}

/// The number of the latest change.
pub async fn latest(database: &Database) -> u64 {
    database.count("SELECT MAX(change_id) FROM pw_changes").await
}

/// Undoes a change, as somebody does who has seen the review.
pub async fn undo(browser: &Browser, change: u64) -> Answer {
    browser
        .post(&format!("changes/{change}/undo"), &[("confirm", "1")])
        .await
}

#[tokio::test]
async fn adding_changing_switching_and_deleting_a_row_of_any_table_is_undone_to_the_byte() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in tables() {
            let mut states = vec![dump(&panel.database).await];
            operator.post(sample.slug, sample.row).await;
            states.push(dump(&panel.database).await);
            let page = sample.page(&panel.database).await;
            operator.post(&page, &[sample.change, ("enabled", "1")]).await;
            states.push(dump(&panel.database).await);
            operator.post(&format!("{page}/enabled"), &[("value", "0")]).await;
            states.push(dump(&panel.database).await);
            operator
                .post(&format!("{page}/delete"), &[("confirm", "1")])
                .await;
            let last = latest(&panel.database).await;
            for (back, state) in states.iter().rev().enumerate() {
                let answer = undo(&operator, last - back as u64).await;
                assert_eq!(answer.status, 303, "{} {back}: {}", sample.slug, answer.body);
                assert_eq!(dump(&panel.database).await, *state, "{} {back}", sample.slug);
            }
        }
    }
}

#[tokio::test]
async fn a_mailbox_comes_back_with_its_password_and_nobody_is_shown_it() {
    let (panel, operator) = ground().await;
    let fields = [
        ("id", "mary@shop.example"),
        ("password", "trompete wolke dreizehn"),
        ("enabled", "1"),
        ("self_alias", "1"),
    ];
    assert_eq!(operator.post_confirmed("users", &fields).await.status, 303);
    let before = dump(&panel.database).await;
    let hash = panel
        .database
        .value("SELECT crypt FROM users")
        .await
        .expect("a hash");
    let deleting = [("confirm", "1"), ("companions", "1")];
    operator.post("users/mary@shop.example/delete", &deleting).await;
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    let review = operator.post("changes/2/undo", &[]).await;
    assert_eq!(review.status, 200);
    assert!(!review.body.contains(&hash));
    assert_eq!(undo(&operator, 2).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);

    // A password that was changed is the old one again.
    let fields = [
        ("name", "Mary"),
        ("password", "anders wolke dreizehn"),
        ("enabled", "1"),
    ];
    assert_eq!(
        operator
            .post_confirmed("users/mary@shop.example", &fields)
            .await
            .status,
        303
    );
    let changed = latest(&panel.database).await;
    let review = operator.post(&format!("changes/{changed}/undo"), &[]).await;
    assert!(
        review.text("main").contains("(not shown)"),
        "{}",
        review.text("main")
    );
    assert_eq!(undo(&operator, changed).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);
}

#[tokio::test]
async fn a_mailbox_that_was_renamed_has_its_old_key_again() {
    let (panel, operator) = ground().await;
    SAMPLES[5].insert(&panel.database).await;
    let before = dump(&panel.database).await;
    let fields = [
        ("id", "maria@shop.example"),
        ("name", "Maria"),
        ("maildir", "shop.example/mary/"),
        ("enabled", "1"),
    ];
    let answer = operator.post_confirmed("users/mary@shop.example", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let change = latest(&panel.database).await;
    assert_eq!(undo(&operator, change).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);
    // And the new one once more.
    assert_eq!(undo(&operator, change + 1).await.status, 303);
    let key = panel.database.value("SELECT id FROM users").await;
    assert_eq!(key.as_deref(), Some("maria@shop.example"));
}

#[tokio::test]
async fn the_review_says_what_it_does_to_mail_and_writes_nothing() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    operator
        .post(&format!("{page}/delete"), &[("confirm", "1")])
        .await;
    let before = dump(&panel.database).await;
    let review = operator.post("changes/1/undo", &[]).await;
    assert_eq!(review.status, 200);
    let text = review.text("main");
    assert!(
        text.contains("What it does to mail") && text.contains("joe@x.example"),
        "{text}"
    );
    let head = review.text(".page-head");
    assert!(head.contains("deleted alias info@shop.example"), "{head}");
    assert!(text.contains("info@shop.example is there again"), "{text}");
    assert_eq!(
        (dump(&panel.database).await, recorded(&panel.database).await),
        (before, 1)
    );
    let numbers = "SELECT last_change FROM pw_counter";
    assert_eq!(panel.database.count(numbers).await, 1, "no number is used up");
    let answer = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(
        (answer.status, answer.location().ends_with("/changes/2")),
        (303, true)
    );
    let done = operator.get(answer.location()).await;
    assert!(
        done.text(".notice.ok").contains("Change 1 is undone"),
        "{}",
        done.text("main")
    );
    assert!(
        done.text("h1").contains("undo of change 1 info@shop.example"),
        "{}",
        done.text("h1")
    );
    assert!(done.text(".page-head").contains("Undoes #1"));
    assert!(
        operator
            .get("changes/1")
            .await
            .text(".page-head")
            .contains("Undone by #2")
    );
}

#[tokio::test]
async fn the_notice_after_a_change_undoes_it_and_the_next_one_does_it_again() {
    let (panel, operator) = ground().await;
    let before = dump(&panel.database).await;
    let pressed = async || {
        let page = operator.get("aliases").await;
        let action = page.attributes(".notice form", "action");
        assert_eq!(action.len(), 1, "{}", page.text("main"));
        let answer = operator.post(&action[0], &[("confirm", "1")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    };
    operator.post("aliases", SAMPLES[1].row).await;
    let added = dump(&panel.database).await;
    pressed().await;
    assert_eq!(dump(&panel.database).await, before);
    pressed().await;
    assert_eq!(dump(&panel.database).await, added);
    let page = SAMPLES[1].page(&panel.database).await;
    for (path, fields) in [
        (page.clone(), vec![SAMPLES[1].change, ("enabled", "1")]),
        (format!("{page}/enabled"), vec![("value", "0")]),
        (format!("{page}/delete"), vec![("confirm", "1")]),
        (
            "aliases/bulk".to_owned(),
            vec![("action", "disable"), ("all", "1"), ("confirm", "1")],
        ),
    ] {
        assert_eq!(operator.post(&path, &fields).await.status, 303, "{path}");
        pressed().await;
        assert_eq!(dump(&panel.database).await, added, "{path}");
    }
    // Where nothing was changed there is nothing to undo.
    operator.post(&format!("{page}/enabled"), &[("value", "1")]).await;
    assert!(
        operator
            .get("aliases")
            .await
            .attributes(".notice form", "action")
            .is_empty()
    );
}

#[tokio::test]
async fn a_bulk_deletion_comes_back_whole_or_row_by_row() {
    let (panel, operator) = ground().await;
    let values: Vec<String> = (0..600)
        .map(|n| format!("('a{n:03}@shop.example', 'joe@x.example', {})", n % 2))
        .collect();
    let insert = format!(
        "INSERT INTO aliases (mail, destination, enabled) VALUES {}",
        values.join(", ")
    );
    panel.database.script(&insert).await;
    let before = dump(&panel.database).await;
    let deleting = [("action", "delete"), ("all", "1"), ("confirm", "1")];
    assert_eq!(operator.post("aliases/bulk", &deleting).await.status, 303);

    // One row of it.
    let one = [("row", "7"), ("confirm", "1")];
    assert_eq!(operator.post("changes/1/undo", &one).await.status, 303);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 1);
    let note = panel
        .database
        .rows("SELECT what, undoes, undoes_row FROM pw_change_notes")
        .await;
    let texts: Vec<_> = note[0].iter().filter_map(Option::as_deref).collect();
    assert_eq!(texts, ["undo of change 1", "1", "7"]);
    // Then the rest cannot come back as a set, until that one is undone too.
    assert_eq!(undo(&operator, 1).await.status, 409);
    assert_eq!(undo(&operator, 2).await.status, 303);
    assert_eq!(undo(&operator, 1).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);

    // A set of rows with different values each.
    let change = latest(&panel.database).await;
    assert_eq!(undo(&operator, change).await.status, 303);
    assert_eq!(undo(&operator, change + 1).await.status, 303);
    let switching = [("action", "enable"), ("all", "1"), ("confirm", "1")];
    assert_eq!(operator.post("aliases/bulk", &switching).await.status, 303);
    assert_eq!(undo(&operator, change + 3).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);
}

#[tokio::test]
async fn an_override_goes_and_comes_back_with_its_companions() {
    let (panel, operator) = ground().await;
    let before = dump(&panel.database).await;
    let fields = [
        ("mail", "joe@away.example"),
        ("transport", "smtp:[aspmx.l.google.com]"),
    ];
    assert_eq!(operator.post_confirmed("overrides", &fields).await.status, 303);
    let set = dump(&panel.database).await;
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_changes").await, 3);
    assert_eq!(undo(&operator, 1).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);
    assert_eq!(undo(&operator, 2).await.status, 303);
    assert_eq!(dump(&panel.database).await, set);
}

#[tokio::test]
async fn somebody_who_left_is_back_with_one_undo() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO users (id, name, maildir) VALUES ('joe@shop.example', 'Joe', 'shop.example/joe/'), \
             ('ann@shop.example', 'Ann', 'shop.example/ann/'); \
             INSERT INTO aliases (mail, destination) VALUES ('joe@shop.example', 'joe@shop.example'), \
             ('all@shop.example', 'joe@shop.example,ann@shop.example'), ('ann@shop.example', 'ann@shop.example')",
        )
        .await;
    let before = dump(&panel.database).await;
    let fields = [
        ("address", "joe@shop.example"),
        ("then", "forward"),
        ("destination", "ann@shop.example"),
        ("lists", "1"),
    ];
    let review = operator.post("left", &fields).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    let answer = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_ne!(dump(&panel.database).await, before);
    let change = latest(&panel.database).await;
    let answer = undo(&operator, change).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(dump(&panel.database).await, before);
}

#[tokio::test]
async fn rows_that_are_otherwise_now_are_shown_in_three_versions_and_nothing_is_written() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO aliases (mail, destination) VALUES ('a@shop.example', 'one@x.example'), \
             ('b@shop.example', 'one@x.example'), ('c@shop.example', 'one@x.example')",
        )
        .await;
    let disabling = [("action", "disable"), ("all", "1"), ("confirm", "1")];
    assert_eq!(operator.post("aliases/bulk", &disabling).await.status, 303);
    panel
        .database
        .script(
            "UPDATE aliases SET destination = 'two@x.example' WHERE mail = 'b@shop.example'; \
             DELETE FROM aliases WHERE mail = 'c@shop.example'",
        )
        .await;
    let before = dump(&panel.database).await;
    for fields in [&[][..], &[("confirm", "1")]] {
        let answer = operator.post("changes/1/undo", fields).await;
        assert_eq!(answer.status, 409);
        let headings = answer.texts(".row-of-change h2");
        assert_eq!(headings.len(), 2, "{headings:?}");
        assert!(
            headings
                .iter()
                .any(|h| h.contains("c@shop.example is not there any more")),
            "{headings:?}"
        );
        let differing = answer.texts("tr.differs");
        assert!(
            differing
                .iter()
                .any(|row| row == "destination differs one@x.example one@x.example two@x.example"),
            "{differing:?}"
        );
        assert_eq!(dump(&panel.database).await, before);
        assert_eq!(
            recorded(&panel.database).await,
            3,
            "the three rows of the one change"
        );
    }
    // The row that is as it was left comes back alone.
    let seq = panel
        .database
        .value("SELECT seq FROM pw_changes WHERE subject = 'a@shop.example'")
        .await;
    let seq = seq.expect("a row");
    let answer = operator
        .post("changes/1/undo", &[("row", &seq), ("confirm", "1")])
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM aliases WHERE enabled = 1")
            .await,
        1
    );
}

#[tokio::test]
async fn a_deleted_row_whose_key_is_there_again_is_otherwise_now() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    operator
        .post(&format!("{page}/delete"), &[("confirm", "1")])
        .await;
    let key = page.trim_start_matches("aliases/");
    let insert = format!(
        "INSERT INTO aliases (pkid, mail, destination) VALUES ({key}, 'new@shop.example', 'x@y.example')"
    );
    panel.database.script(&insert).await;
    let answer = undo(&operator, 1).await;
    assert_eq!(answer.status, 409);
    assert!(
        answer.text("tr.differs").contains("new@shop.example") || answer.body.contains("new@shop.example")
    );
}

#[tokio::test]
async fn an_address_that_has_a_new_row_is_not_given_a_second_one() {
    let (panel, operator) = ground().await;
    // With a unique key of the database, and without one.
    panel.database.script("ALTER TABLE domains DROP KEY domain").await;
    for sample in [&SAMPLES[1], &SAMPLES[0]] {
        let page = sample.insert(&panel.database).await;
        operator
            .post(&format!("{page}/delete"), &[("confirm", "1")])
            .await;
        let change = latest(&panel.database).await;
        assert_eq!(operator.post_confirmed(sample.slug, sample.row).await.status, 303);
        let before = dump(&panel.database).await;
        let answer = undo(&operator, change).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert!(
            answer
                .text(".summary")
                .contains(&format!("{} is there again by now", sample.name())),
            "{}",
            answer.text(".summary")
        );
        assert_eq!(dump(&panel.database).await, before);
    }
}

#[tokio::test]
async fn a_twin_that_was_there_all_along_is_no_hindrance() {
    let database = Database::howto().await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    panel
        .database
        .script("INSERT INTO domains (domain) VALUES ('blobber.org')")
        .await;
    let before = dump(&panel.database).await;
    let key = panel.database.count("SELECT MAX(pkid) FROM domains").await;
    operator
        .post(&format!("domains/{key}/delete"), &[("confirm", "1")])
        .await;
    assert_eq!(undo(&operator, 1).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);
}

#[tokio::test]
async fn a_directory_that_another_mailbox_has_by_now_is_not_shared() {
    let (panel, operator) = ground().await;
    SAMPLES[5].insert(&panel.database).await;
    operator
        .post("users/mary@shop.example/delete", &[("confirm", "1")])
        .await;
    for maildir in ["shop.example/mary/", "shop.example/mary/.Archive/"] {
        let fields = [("id", "new@shop.example"), ("maildir", maildir), ("enabled", "1")];
        assert_eq!(operator.post_confirmed("users", &fields).await.status, 303);
        let answer = undo(&operator, 1).await;
        assert_eq!(answer.status, 422, "{maildir}");
        assert!(
            answer.text(".summary").contains("directory"),
            "{}",
            answer.text(".summary")
        );
        operator
            .post("users/new@shop.example/delete", &[("confirm", "1")])
            .await;
    }
    assert_eq!(undo(&operator, 1).await.status, 303);
}

#[tokio::test]
async fn tables_that_cannot_be_written_any_more_say_why() {
    let database = Database::howto().await;
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    for sample in [&SAMPLES[1], &SAMPLES[4]] {
        operator.post(sample.slug, sample.row).await;
    }
    panel
        .database
        .script("ALTER TABLE aliases ENGINE=MyISAM; DROP TABLE relocated")
        .await;
    let answer = undo(&operator, 1).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("MyISAM"),
        "{}",
        answer.text(".summary")
    );
    let answer = undo(&operator, 2).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("The table relocated is gone"),
        "{}",
        answer.text(".summary")
    );
}

#[tokio::test]
async fn columns_that_came_or_went_stop_undoing_only_where_they_hold_something() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("ALTER TABLE aliases ADD note VARCHAR(20) NULL, ADD tag VARCHAR(20) NOT NULL DEFAULT 'x'")
        .await;
    let page = SAMPLES[1].insert(&panel.database).await;
    operator.post(&format!("{page}/enabled"), &[("value", "0")]).await;
    panel
        .database
        .script("ALTER TABLE aliases DROP note, ADD colour VARCHAR(9) NOT NULL DEFAULT 'red'")
        .await;
    assert_eq!(
        undo(&operator, 1).await.status,
        303,
        "NULL is gone, and a default is new"
    );
    panel.database.script("UPDATE aliases SET colour = 'blue'").await;
    assert_eq!(
        operator
            .post(&format!("{page}/enabled"), &[("value", "0")])
            .await
            .status,
        303
    );
    let last = latest(&panel.database).await;
    panel
        .database
        .script("ALTER TABLE aliases ADD late VARCHAR(9) NULL")
        .await;
    panel.database.script("UPDATE aliases SET late = 'yes'").await;
    let answer = undo(&operator, last).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("column late"),
        "{}",
        answer.text(".summary")
    );
    panel
        .database
        .script("ALTER TABLE aliases DROP late, DROP tag")
        .await;
    let answer = undo(&operator, last).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("no longer has the column tag"),
        "{}",
        answer.text(".summary")
    );
}

#[tokio::test]
async fn a_trigger_that_has_its_own_idea_of_a_row_stops_undoing() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    operator
        .post(&format!("{page}/delete"), &[("confirm", "1")])
        .await;
    panel
        .database
        .script("CREATE TRIGGER meddle BEFORE INSERT ON aliases FOR EACH ROW SET NEW.destination = 'thief@y.example'")
        .await;
    let answer = undo(&operator, 1).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("made something else"),
        "{}",
        answer.text(".summary")
    );
    assert!(!SAMPLES[1].is_there(&panel.database).await);
    assert_eq!(recorded(&panel.database).await, 1);
}

#[tokio::test]
async fn there_is_nothing_to_undo_of_changes_that_are_not_there() {
    let (panel, operator) = ground().await;
    operator.post("aliases", SAMPLES[1].row).await;
    for path in [
        "changes/2",
        "changes/0",
        "changes/x",
        "changes/-1",
        "changes/99999999999999999999",
    ] {
        assert_eq!(operator.get(path).await.status, 404, "{path}");
        assert_eq!(
            operator
                .post(&format!("{path}/undo"), &[("confirm", "1")])
                .await
                .status,
            404,
            "{path}"
        );
    }
    for row in ["1", "x", "-1"] {
        let fields = [("row", row), ("confirm", "1")];
        assert_eq!(
            operator.post("changes/1/undo", &fields).await.status,
            404,
            "{row}"
        );
    }
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(auditor.get("changes/1").await.status, 200);
    assert!(
        auditor
            .get("changes/1")
            .await
            .attributes("main form", "action")
            .is_empty()
    );
    assert_eq!(undo(&auditor, 1).await.status, 403);
    assert!(SAMPLES[1].is_there(&panel.database).await);
}

/// Whether the page of a change offers to undo all of it.
async fn offers_undo(browser: &Browser, change: u64) -> bool {
    let page = browser.get(&format!("changes/{change}")).await;
    let forms = page.attributes("main form", "action");
    forms.contains(&format!("/changes/{change}/undo"))
}

#[tokio::test]
async fn what_is_undone_offers_no_undo_until_that_is_undone_too() {
    let (panel, operator) = ground().await;
    let row = [("mail", "info@shop.example"), ("destination", "x@y.example")];
    operator.post("aliases", &row).await;
    let added = latest(&panel.database).await;
    assert!(offers_undo(&operator, added).await);
    undo(&operator, added).await;
    let undone = latest(&panel.database).await;
    assert!(!offers_undo(&operator, added).await);
    assert!(offers_undo(&operator, undone).await, "which would bring it again");
    undo(&operator, undone).await;
    assert!(offers_undo(&operator, added).await, "it holds again");
    assert!(!offers_undo(&operator, undone).await);
}

#[tokio::test]
async fn a_conflict_leads_to_the_change_that_is_in_the_way_and_to_the_other_rows() {
    let (panel, operator) = ground().await;
    let rows = "INSERT INTO aliases (pkid, mail, destination) VALUES (91, 'a@shop.example', 'x@y.example'), \
                (92, 'b@shop.example', 'x@y.example')";
    panel.database.script(rows).await;
    let both = [
        ("key", "91"),
        ("key", "92"),
        ("action", "disable"),
        ("confirm", "1"),
    ];
    operator.post("aliases/bulk", &both).await;
    let set = latest(&panel.database).await;
    operator.post("aliases/91/enabled", &[("value", "1")]).await;
    let later = latest(&panel.database).await;
    assert_eq!(later, set + 1, "two changes");
    let conflict = undo(&operator, set).await;
    assert_eq!(conflict.status, 409, "{}", conflict.text("main"));
    let links = conflict.attributes("main a", "href");
    assert!(links.contains(&format!("/changes/{later}")), "{links:?}");
    let said = conflict.text("main");
    assert!(
        said.contains("The other rows of the change can be undone one by one"),
        "{said}"
    );
}
