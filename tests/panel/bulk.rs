//! Many rows at once: what is asked, what is written, and what is left alone.

use postwarden::access::Role;
use sqlx::Executor;

use crate::samples::{GROUND, ground, held, names, recorded};
use crate::support::{Answer, Browser, Database, Panel};

/// More than a page of a list holds.
const MANY: u32 = 120;

/// A panel with `count` aliases, `a00001@shop.example` and so on; every third is off, every fourth of another domain.
async fn aliases(count: u32) -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    fill(&panel.database, count).await;
    (panel, operator)
}

async fn fill(database: &Database, count: u32) {
    let statement = format!(
        "DELETE FROM aliases; INSERT INTO aliases (mail, destination, enabled) SELECT CONCAT('a', LPAD(seq, 5, '0'), \
         IF(seq % 4, '@shop.example', '@sub.shop.example')), 'joe@x.example', seq % 3 <> 0 FROM seq_1_to_{count}"
    );
    database.script(&statement).await;
}

/// The keys of the rows of a table for which a condition holds, in order.
async fn keys(database: &Database, table: &str, condition: &str) -> Vec<String> {
    let query = format!("SELECT pkid FROM {table} WHERE {condition} ORDER BY pkid");
    let rows = database.rows(&query).await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a key"))
        .collect()
}

/// Every row of a table, to the letter.
async fn all_of(database: &Database, table: &str) -> Vec<Vec<Option<String>>> {
    database.rows(&format!("SELECT * FROM {table} ORDER BY 1")).await
}

/// The fields of a bulk form with these rows ticked.
fn ticked<'a>(keys: &'a [String], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let keys = keys.iter().map(|key| ("key", key.as_str()));
    keys.chain(more.iter().copied()).collect()
}

/// Posts a bulk form, reads the page that asks, and confirms it.
async fn confirmed(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> (Answer, Answer) {
    let review = browser.post(path, fields).await;
    let review = browser.finished(review).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    let done = browser.submit(&review, &[("confirm", "1")]).await;
    let done = browser.finished(done).await;
    (review, done)
}

/// What the last change recorded: action, key, `enabled` before and after.
async fn latest(database: &Database) -> Vec<[Option<String>; 4]> {
    let rows = database
        .rows(
            "SELECT action, row_key, JSON_VALUE(row_before, '$.enabled'), JSON_VALUE(row_after, '$.enabled') FROM \
             pw_changes WHERE change_id = (SELECT MAX(change_id) FROM pw_changes) ORDER BY row_key + 0, row_key",
        )
        .await;
    rows.into_iter()
        .map(|row| row.try_into().expect("four columns"))
        .collect()
}

/// What [`latest`] should be for rows with these keys.
fn records(
    keys: &[String],
    action: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> Vec<[Option<String>; 4]> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    keys.iter()
        .map(|key| {
            [
                owned(Some(action)),
                Some(key.clone()),
                owned(before),
                owned(after),
            ]
        })
        .collect()
}

async fn changes(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
        .await
}

#[tokio::test]
async fn ticked_rows_are_counted_first_and_written_as_one_change_when_that_is_confirmed() {
    let (panel, operator) = aliases(12).await;
    let database = &panel.database;
    let before = all_of(database, "aliases").await;
    let on = keys(
        database,
        "aliases",
        "mail IN ('a00001@shop.example', 'a00002@shop.example', 'a00005@shop.example')",
    )
    .await;
    let fields = ticked(&on, &[("action", "disable"), ("next", "/aliases?q=a0&per=25")]);

    let review = operator.post("aliases/bulk", &fields).await;
    assert_eq!(review.status, 200);
    assert_eq!(review.text("h1"), "Disable 3 aliases?");
    assert_eq!(review.text("button[name=confirm]"), "Disable 3 aliases");
    for name in [
        "a00001@shop.example",
        "a00002@shop.example",
        "a00005@shop.example",
    ] {
        assert!(review.text(".depends").contains(name), "{}", review.text("main"));
    }
    assert!(!review.body.contains("a00004"), "it names the ticked rows alone");
    assert_eq!(all_of(database, "aliases").await, before, "asking writes nothing");
    assert_eq!(recorded(database).await, 0);

    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!((done.status, done.location()), (303, "/aliases?q=a0&per=25"));
    assert_eq!(
        latest(database).await,
        records(&on, "update", Some("1"), Some("0"))
    );
    assert_eq!((recorded(database).await, changes(database).await), (3, 1));
    for (row, old) in all_of(database, "aliases").await.into_iter().zip(before) {
        let mut expected = old;
        if on.iter().any(|key| expected[0].as_ref() == Some(key)) {
            expected[3] = Some("0".to_owned());
        }
        assert_eq!(row, expected, "nothing else of any row");
    }
    let notice = operator.get("aliases").await.text(".notice");
    assert!(notice.contains("Disabled 3 aliases."), "{notice}");

    let (_, done) = confirmed(&operator, "aliases/bulk", &ticked(&on, &[("action", "enable")])).await;
    assert_eq!(done.status, 303);
    assert_eq!(
        latest(database).await,
        records(&on, "update", Some("0"), Some("1"))
    );

    let (_, done) = confirmed(&operator, "aliases/bulk", &ticked(&on, &[("action", "delete")])).await;
    assert_eq!(done.status, 303);
    assert_eq!(latest(database).await, records(&on, "delete", Some("1"), None));
    assert_eq!(changes(database).await, 3);
    let gone = format!("pkid IN ({})", on.join(", "));
    assert!(keys(database, "aliases", &gone).await.is_empty());
    assert_eq!(keys(database, "aliases", "TRUE").await.len(), 9);
}

#[tokio::test]
async fn all_that_match_are_changed_over_every_page_and_no_row_beside_them() {
    let (panel, operator) = aliases(MANY).await;
    let database = &panel.database;
    for (action, wrong) in [("disable", "1"), ("enable", "0"), ("delete", "")] {
        for (filter, condition) in [
            (&[][..], "TRUE"),
            (&[("q", "a0001")][..], "mail LIKE 'a0001%'"),
            (&[("domain", "shop.example")][..], "mail LIKE '%@shop.example'"),
            (
                &[("domain", "SUB.shop.example")][..],
                "mail LIKE '%@sub.shop.example'",
            ),
            (&[("enabled", "1")][..], "enabled = 1"),
            (&[("enabled", "0")][..], "enabled = 0"),
            (
                &[("q", "a00"), ("domain", "shop.example"), ("enabled", "1")][..],
                "mail LIKE 'a00%@shop.example' AND enabled = 1",
            ),
        ] {
            fill(database, MANY).await;
            let what = format!("{action} {filter:?}");
            let before = all_of(database, "aliases").await;
            let matching = keys(database, "aliases", condition).await;
            let concerned = if action == "delete" {
                matching.clone()
            } else {
                keys(database, "aliases", &format!("{condition} AND enabled = {wrong}")).await
            };
            let fields = [&[("all", "1"), ("action", action)], filter].concat();
            let count = changes(database).await;
            let review = operator.post("aliases/bulk", &fields).await;
            if concerned.is_empty() {
                assert_eq!(review.status, 422, "{what}");
                assert_eq!(changes(database).await, count);
                continue;
            }
            assert_eq!(review.status, 200, "{what}: {}", review.text("main"));
            assert!(
                review
                    .text("h1")
                    .contains(&format!(" {} aliases?", concerned.len())),
                "{what}: {}",
                review.text("h1")
            );
            assert_eq!(all_of(database, "aliases").await, before, "{what}");
            let done = operator.submit(&review, &[("confirm", "1")]).await;
            assert_eq!(done.status, 303, "{what}: {}", done.text("main"));
            assert_eq!(changes(database).await, count + 1, "{what}: one change");
            let recorded: Vec<_> = latest(database).await.into_iter().map(|r| r[1].clone()).collect();
            let expected: Vec<_> = concerned.iter().cloned().map(Some).collect();
            assert_eq!(recorded, expected, "{what}: those that changed and no other");
            let after = all_of(database, "aliases").await;
            let untouched: Vec<_> = before
                .iter()
                .filter(|row| !concerned.contains(row[0].as_ref().expect("a key")))
                .collect();
            let left: Vec<_> = after
                .iter()
                .filter(|row| !concerned.contains(row[0].as_ref().expect("a key")))
                .collect();
            assert_eq!(left, untouched, "{what}");
            let changed = after.len() - left.len();
            assert_eq!(
                changed,
                if action == "delete" { 0 } else { concerned.len() },
                "{what}"
            );
            let still = format!(
                "pkid IN ({}) AND enabled = {}",
                concerned.join(","),
                if wrong.is_empty() { "enabled" } else { wrong }
            );
            assert!(keys(database, "aliases", &still).await.is_empty(), "{what}");
        }
    }
}

#[tokio::test]
async fn the_list_offers_all_that_match_and_sends_its_filter_along() {
    let (panel, operator) = aliases(MANY).await;
    let page = operator
        .get("aliases?enabled=1&domain=shop.example&q=a0&per=10")
        .await;
    assert_eq!(page.attributes("input[form=bulk][name=key]", "value").len(), 10);
    let sent = |name: &str| page.attributes(&format!("form.bulk input[name={name}]"), "value");
    assert_eq!(
        (sent("q"), sent("domain"), sent("enabled"), sent("all")),
        (
            vec!["a0".to_owned()],
            vec!["shop.example".to_owned()],
            vec!["1".to_owned()],
            vec!["1".to_owned()]
        )
    );
    let matching = keys(
        &panel.database,
        "aliases",
        "mail LIKE 'a0%@shop.example' AND enabled = 1",
    )
    .await;
    assert!(
        page.text("form.bulk .check")
            .contains(&format!("all {} ", matching.len())),
        "{}",
        page.text("form.bulk")
    );
}

#[tokio::test]
async fn the_filter_of_the_form_is_no_value_and_does_not_narrow_ticked_rows() {
    let (panel, operator) = aliases(12).await;
    let database = &panel.database;
    let off = keys(database, "aliases", "enabled = 0").await;
    // The list shows what is off; its form says so, and `enable` still enables.
    let state = [("enabled", "0"), ("q", "a0"), ("domain", "")];
    let fields = ticked(&off[..2], &[&state[..], &[("action", "enable")]].concat());
    let (_, done) = confirmed(&operator, "aliases/bulk", &fields).await;
    assert_eq!(done.status, 303);
    assert_eq!(done.location(), "/aliases?q=a0&enabled=0");
    assert_eq!(
        latest(database).await,
        records(&off[..2], "update", Some("0"), Some("1"))
    );
    // Ticked is ticked: rows that the filter would not show are meant too.
    let fields = ticked(
        &off[..2],
        &[("enabled", "0"), ("q", "nowhere"), ("action", "delete")],
    );
    let (_, done) = confirmed(&operator, "aliases/bulk", &fields).await;
    assert_eq!(done.status, 303);
    assert_eq!(
        latest(database).await,
        records(&off[..2], "delete", Some("1"), None)
    );
}

#[tokio::test]
async fn rows_that_are_so_already_are_left_out_and_not_recorded() {
    let (panel, operator) = aliases(12).await;
    let database = &panel.database;
    let (on, off) = (
        keys(database, "aliases", "enabled = 1").await,
        keys(database, "aliases", "enabled = 0").await,
    );
    let both = [&on[..3], &off[..2]].concat();
    let (review, done) = confirmed(
        &operator,
        "aliases/bulk",
        &ticked(&both, &[("action", "disable")]),
    )
    .await;
    assert_eq!(review.text("h1"), "Disable 3 aliases?");
    assert!(
        review.text("main").contains("2 are disabled already."),
        "{}",
        review.text("main")
    );
    assert_eq!(done.status, 303);
    assert_eq!(
        latest(database).await,
        records(&on[..3], "update", Some("1"), Some("0"))
    );

    let again = operator
        .post(
            "aliases/bulk",
            &ticked(&both, &[("action", "disable"), ("confirm", "1")]),
        )
        .await;
    assert_eq!(again.status, 422, "there is nothing to do");
    assert!(
        again.text("main").contains("5 are disabled already."),
        "{}",
        again.text("main")
    );
    assert_eq!(changes(database).await, 1);

    let (review, done) = confirmed(
        &operator,
        "aliases/bulk",
        &ticked(&[&off[..1], &on[5..6]].concat(), &[("action", "enable")]),
    )
    .await;
    assert!(
        review.text("main").contains("1 is enabled already."),
        "{}",
        review.text("main")
    );
    assert_eq!(done.status, 303);
    assert_eq!(
        latest(database).await,
        records(&off[..1], "update", Some("0"), Some("1"))
    );
}

#[tokio::test]
async fn rows_that_are_neither_on_nor_off_become_what_was_asked_for() {
    let (panel, operator) = aliases(4).await;
    let database = &panel.database;
    database.script("UPDATE aliases SET enabled = 2").await;
    let odd = keys(database, "aliases", "TRUE").await;
    let (review, done) = confirmed(
        &operator,
        "aliases/bulk",
        &[("all", "1"), ("enabled", "0"), ("action", "enable")],
    )
    .await;
    assert_eq!(
        review.text("h1"),
        "Enable 4 aliases?",
        "2 is off, as Postfix reads it"
    );
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(
        latest(database).await,
        records(&odd, "update", Some("2"), Some("1"))
    );
}

#[tokio::test]
async fn what_postfix_would_choke_on_stays_off_and_the_page_says_why() {
    for database in [Database::fresh().await, Database::howto().await] {
        database
            .script(
                "DELETE FROM backups; INSERT INTO backups (domain, transport, enabled) VALUES \
                 ('good.example', ':[mail.good.example]', 0), ('bad.example', ':[]', 0), \
                 ('worse.example', 'smtp:[]', 0), ('fine.example', '', 0)",
            )
            .await;
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        let good = keys(database, "backups", "domain IN ('good.example', 'fine.example')").await;
        let all = [("all", "1"), ("action", "enable")];
        let (review, done) = confirmed(&operator, "backups/bulk", &all).await;
        assert_eq!(review.text("h1"), "Enable 2 backup MX entries?");
        let page = review.text("main");
        for bad in ["bad.example stays off", "worse.example stays off"] {
            assert!(page.contains(bad), "{page}");
        }
        assert_eq!(done.status, 303, "{}", done.text("main"));
        assert_eq!(
            latest(database).await,
            records(&good, "update", Some("0"), Some("1"))
        );
        assert_eq!(keys(database, "backups", "enabled = 1").await, good);

        let (bad, count) = (
            keys(database, "backups", "enabled = 0").await,
            changes(database).await,
        );
        let refused = operator
            .post(
                "backups/bulk",
                &ticked(&bad, &[("action", "enable"), ("confirm", "1")]),
            )
            .await;
        assert_eq!(refused.status, 422, "{}", refused.text("main"));
        assert!(
            refused.text("main").contains("bad.example stays off"),
            "{}",
            refused.text("main")
        );
        assert_eq!(keys(database, "backups", "enabled = 0").await, bad);
        assert_eq!(changes(database).await, count);
    }
}

#[tokio::test]
async fn enabling_says_what_is_suspicious_about_the_rows() {
    let (panel, operator) = ground().await;
    let row = "INSERT INTO aliases (mail, destination, enabled) VALUES ('a@nowhere.example', 'joe@x.example', 0), \
               ('b@nowhere.example', 'joe@x.example', 0), ('c@shop.example', 'joe@x.example', 0)";
    panel.database.script(row).await;
    let (review, done) = confirmed(&operator, "aliases/bulk", &[("all", "1"), ("action", "enable")]).await;
    let page = review.text("main");
    assert!(
        page.contains("Strangers who write to a@nowhere.example get 554 Relay access denied")
            && page.contains("And 1 more alike."),
        "{page}"
    );
    assert_eq!(done.status, 303);
    assert_eq!(keys(&panel.database, "aliases", "enabled = 1").await.len(), 3);
}

#[tokio::test]
async fn another_number_of_rows_than_was_shown_is_asked_about_again() {
    let (panel, operator) = aliases(30).await;
    let database = &panel.database;
    let fields = [("all", "1"), ("q", "a0000"), ("action", "delete")];
    let review = operator.post("aliases/bulk", &fields).await;
    assert_eq!(review.text("h1"), "Delete 9 aliases?");
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('xa0000@shop.example', 'joe@x.example')")
        .await;
    let again = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(again.status, 200);
    assert_eq!(again.text("h1"), "Delete 10 aliases?");
    assert_eq!(
        keys(database, "aliases", "TRUE").await.len(),
        31,
        "nothing was deleted"
    );
    assert_eq!(recorded(database).await, 0);
    let done = operator.submit(&again, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303);
    assert_eq!(keys(database, "aliases", "TRUE").await.len(), 21);
    assert_eq!((recorded(database).await, changes(database).await), (10, 1));
}

#[tokio::test]
async fn rows_that_go_away_between_the_question_and_the_answer_are_asked_about_again() {
    let (panel, operator) = aliases(30).await;
    let database = &panel.database;
    let some = keys(database, "aliases", "pkid <= 5").await;
    let review = operator
        .post("aliases/bulk", &ticked(&some, &[("action", "delete")]))
        .await;
    assert_eq!(review.text("h1"), "Delete 5 aliases?");
    database
        .script(&format!("DELETE FROM aliases WHERE pkid = {}", some[1]))
        .await;
    let again = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!((again.status, &*again.text("h1")), (200, "Delete 4 aliases?"));
    assert!(
        again.text("main").contains("1 is not there any more."),
        "{}",
        again.text("main")
    );
    assert_eq!(recorded(database).await, 0);
    assert_eq!(operator.submit(&again, &[("confirm", "1")]).await.status, 303);
    assert_eq!((recorded(database).await, changes(database).await), (4, 1));
    // A script that confirms at once gets what is left.
    let rest = ticked(&some, &[("action", "delete"), ("confirm", "1")]);
    assert_eq!(
        operator.post("aliases/bulk", &rest).await.status,
        422,
        "nothing is left"
    );
    assert_eq!(keys(database, "aliases", "TRUE").await.len(), 25);
}

#[tokio::test]
async fn nothing_selected_and_no_action_are_refused() {
    let (panel, operator) = aliases(5).await;
    let before = all_of(&panel.database, "aliases").await;
    for (fields, said) in [
        (
            &[("action", "delete"), ("confirm", "1")][..],
            "No row is selected",
        ),
        (
            &[
                ("action", "delete"),
                ("all", "1"),
                ("q", "nowhere"),
                ("confirm", "1"),
            ],
            "No row is selected",
        ),
        (
            &[("action", "delete"), ("key", "99999"), ("confirm", "1")],
            "No row is selected",
        ),
        (
            &[
                ("action", "delete"),
                ("key", "nonsense"),
                ("key", ""),
                ("confirm", "1"),
            ],
            "No row is selected",
        ),
        (
            &[("action", "delete"), ("all", "0"), ("confirm", "1")],
            "No row is selected",
        ),
        (
            &[("all", "1"), ("confirm", "1")],
            "Choose Enable, Disable or Delete",
        ),
        (
            &[("all", "1"), ("action", "toggle"), ("confirm", "1")],
            "Choose Enable, Disable or Delete",
        ),
        (&[], "Choose Enable, Disable or Delete"),
    ] {
        let answer = operator.post("aliases/bulk", fields).await;
        assert_eq!(answer.status, 422, "{fields:?}");
        assert!(
            answer.text("[role=alert]").contains(said),
            "{fields:?}: {}",
            answer.text("main")
        );
    }
    assert_eq!(all_of(&panel.database, "aliases").await, before);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn a_key_is_meant_to_the_letter_and_once() {
    let (panel, operator) = aliases(5).await;
    let one = keys(&panel.database, "aliases", "mail = 'a00001@shop.example'")
        .await
        .remove(0);
    let sloppy = [
        format!("{one}abc"),
        format!(" {one}"),
        format!("0{one}"),
        format!("{one}.0"),
    ];
    let answer = operator
        .post(
            "aliases/bulk",
            &ticked(&sloppy, &[("action", "delete"), ("confirm", "1")]),
        )
        .await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    assert_eq!(recorded(&panel.database).await, 0);
    let twice = [one.clone(), one.clone()];
    let (review, done) = confirmed(
        &operator,
        "aliases/bulk",
        &ticked(&twice, &[("action", "delete")]),
    )
    .await;
    assert_eq!(review.text("h1"), "Delete 1 alias?");
    assert_eq!(done.status, 303);
    assert_eq!(recorded(&panel.database).await, 1);
}

#[tokio::test]
async fn auditors_change_nothing_in_bulk() {
    let (panel, _) = aliases(5).await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    let before = all_of(&panel.database, "aliases").await;
    for action in ["enable", "disable", "delete"] {
        for table in [
            "aliases",
            "lists",
            "users",
            "domains",
            "backups",
            "relays",
            "relocated",
            "access",
            "overrides",
        ] {
            let fields = [("all", "1"), ("action", action), ("confirm", "1")];
            assert_eq!(
                auditor.post(&format!("{table}/bulk"), &fields).await.status,
                403,
                "{table}"
            );
        }
    }
    assert_eq!(all_of(&panel.database, "aliases").await, before);
    let list = auditor.get("aliases").await;
    assert!(
        list.attributes("form.bulk, input[name=key]", "name").is_empty(),
        "nothing to tick"
    );
}

#[tokio::test]
async fn owners_reach_rows_of_their_own_domains_alone() {
    for database in [Database::fresh().await, Database::howto().await] {
        database
            .script(
                "INSERT INTO domains (domain) VALUES ('mine.example'), ('other.example'), ('notmine.example'); \
                 INSERT INTO aliases (mail, destination) VALUES ('a@mine.example', 'joe@x.example'), \
                   ('b@mine.example', 'joe@x.example'), ('@mine.example', 'joe@x.example'), \
                   ('a@other.example', 'a@mine.example'), ('a@sub.mine.example', 'joe@x.example'), \
                   ('a@notmine.example', 'joe@x.example'), ('a@mine.example@other.example', 'joe@x.example')",
            )
            .await;
        let panel = Panel::on(database).await;
        let database = &panel.database;
        let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
        let mine = keys(database, "aliases", "mail LIKE '%@mine.example'").await;
        let others = keys(database, "aliases", "mail NOT LIKE '%@mine.example'").await;

        // Somebody else's key is as if it were not there.
        let answer = owner
            .post(
                "aliases/bulk",
                &ticked(&others, &[("action", "delete"), ("confirm", "1")]),
            )
            .await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text("main").contains("No row is selected"),
            "{}",
            answer.text("main")
        );
        let mixed = [&mine[..2], &others[..]].concat();
        let (review, done) =
            confirmed(&owner, "aliases/bulk", &ticked(&mixed, &[("action", "disable")])).await;
        assert_eq!(review.text("h1"), "Disable 2 aliases?");
        assert!(!review.body.contains("other.example"), "{}", review.text("main"));
        let nowhere = ["30001", "30002"].map(str::to_owned);
        let unknown = [&mine[2..], &nowhere[..]].concat();
        let strangers = [&mine[2..], &others[..2]].concat();
        let said = |keys: Vec<String>| {
            let owner = owner.clone();
            async move {
                owner
                    .post("aliases/bulk", &ticked(&keys, &[("action", "disable")]))
                    .await
                    .text(".depends")
            }
        };
        assert_eq!(
            said(unknown).await,
            said(strangers).await,
            "not there and not yours are the same"
        );
        assert_eq!(done.status, 303);
        assert_eq!(
            latest(database).await,
            records(&mine[..2], "update", Some("1"), Some("0"))
        );

        for filter in [
            &[][..],
            &[("domain", "other.example")],
            &[("q", "other")],
            &[("q", "example")],
        ] {
            let fields = [&[("all", "1"), ("action", "delete")], filter].concat();
            let review = owner.post("aliases/bulk", &fields).await;
            assert!(!review.body.contains("a@other.example"), "{filter:?}");
            if review.status == 200 {
                assert_eq!(review.text("h1"), "Delete 3 aliases?", "{filter:?}");
            } else {
                assert_eq!(review.status, 422, "{filter:?}");
            }
        }
        let (_, done) = confirmed(&owner, "aliases/bulk", &[("all", "1"), ("action", "delete")]).await;
        assert_eq!(done.status, 303);
        assert!(
            keys(database, "aliases", "mail LIKE '%@mine.example'")
                .await
                .is_empty()
        );
        assert_eq!(keys(database, "aliases", "TRUE").await, others);
    }
}

#[tokio::test]
async fn owners_reach_neither_rules_about_senders_nor_whole_domains() {
    for database in [Database::fresh().await, Database::howto().await] {
        database
            .script(
                "INSERT INTO domains (domain) VALUES ('mine.example'), ('notmine.example'); \
                 INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'trap@mine.example'), \
                   ('sender', 'spam@mine.example'), ('recipient', 'trap@other.example')",
            )
            .await;
        let panel = Panel::on(database).await;
        let database = &panel.database;
        let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
        let (review, done) = confirmed(&owner, "access/bulk", &[("all", "1"), ("action", "delete")]).await;
        assert_eq!(
            (review.text("h1").as_str(), done.status),
            ("Delete 1 access rule?", 303)
        );
        let rules = database
            .rows("SELECT pattern FROM access_rules ORDER BY pattern")
            .await;
        assert_eq!(
            rules,
            [
                [Some("spam@mine.example".to_owned())],
                [Some("trap@other.example".to_owned())]
            ]
        );
        for table in ["domains", "backups"] {
            let answer = owner
                .post(
                    &format!("{table}/bulk"),
                    &[("all", "1"), ("action", "delete"), ("confirm", "1")],
                )
                .await;
            assert_eq!(answer.status, 403, "{table}");
        }
        assert_eq!(
            keys(database, "domains", "domain LIKE '%mine.example'")
                .await
                .len(),
            2
        );
    }
}

#[tokio::test]
async fn deleting_names_what_depends_on_the_rows_and_not_what_goes_with_them() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO aliases (mail, destination) VALUES ('team@shop.example', 'a1@shop.example,a2@shop.example'), \
             ('boss@shop.example', 'a1@shop.example'), ('apart@shop.example', 'else@x.example'); \
             INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@shop.example'), 'joe@x.example' FROM seq_1_to_9; \
             INSERT INTO users (id, maildir) VALUES ('a2@shop.example', 'a2/')",
        )
        .await;
    // Two rows are looked for by the server, nine by reading every list once.
    for (leaving, names, dependents) in [
        (
            "'a1@shop.example', 'a2@shop.example'",
            "Delete 2 aliases?",
            &["boss@shop.example", "team@shop.example"][..],
        ),
        (
            "'a1@shop.example', 'team@shop.example'",
            "Delete 2 aliases?",
            &["boss@shop.example"],
        ),
        (
            "'a1@shop.example', 'team@shop.example', 'boss@shop.example'",
            "Delete 3 aliases?",
            &[],
        ),
    ] {
        for more in [
            "",
            ", 'a3@shop.example', 'a4@shop.example', 'a5@shop.example', 'a6@shop.example', 'a7@shop.example'",
        ] {
            let chosen = keys(database, "aliases", &format!("mail IN ({leaving}{more})")).await;
            let review = operator
                .post("aliases/bulk", &ticked(&chosen, &[("action", "delete")]))
                .await;
            if more.is_empty() {
                assert_eq!(review.text("h1"), names);
            }
            let mut named = review.texts(".depends a.mono");
            named.retain(|name| name != "a2@shop.example");
            named.sort();
            assert_eq!(named, dependents, "{leaving}{more}");
            let effect = review.text("main").contains("delivering to");
            assert_eq!(effect, !dependents.is_empty(), "{leaving}{more}");
        }
    }
    let chosen = keys(
        database,
        "aliases",
        "mail IN ('a2@shop.example', 'a3@shop.example')",
    )
    .await;
    let review = operator
        .post("aliases/bulk", &ticked(&chosen, &[("action", "delete")]))
        .await;
    assert!(
        review.text("main").contains("1 mailbox"),
        "{}",
        review.text("main")
    );
    assert_eq!(
        review
            .attributes(".depends a.mono", "href")
            .last()
            .map(String::as_str),
        Some("/users/a2@shop.example")
    );
}

#[tokio::test]
async fn text_keys_with_any_character_are_ticked_like_numbers() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO users (id, maildir) VALUES ('joe@shop.example', 'joe/'), ('50%off@shop.example', '50/'), \
             ('o''brien+x@shop.example', 'ob/'), ('a&b=c@shop.example', 'ab/'), ('josé@shop.example', 'jose/'), \
             ('a_b@shop.example', 'a_b/'), ('axb@shop.example', 'axb/'), ('7', 'seven/'), ('a/b@shop.example', 'a-b/')",
        )
        .await;
    let list = operator.get("users?per=100").await;
    let mut shown = list.attributes("input[form=bulk][name=key]", "value");
    shown.sort();
    assert_eq!(shown.len(), 9);
    let chosen: Vec<String> = [
        "50%off@shop.example",
        "o'brien+x@shop.example",
        "a&b=c@shop.example",
        "a_b@shop.example",
        "a/b@shop.example",
        "7",
    ]
    .map(str::to_owned)
    .to_vec();
    let (review, done) = confirmed(
        &operator,
        "users/bulk",
        &ticked(&chosen, &[("action", "disable")]),
    )
    .await;
    assert_eq!(review.text("h1"), "Disable 6 mailboxes?");
    assert_eq!(done.status, 303, "{}", done.text("main"));
    let off = database
        .rows("SELECT id FROM users WHERE enabled = 0 ORDER BY id")
        .await;
    let mut off: Vec<String> = off
        .into_iter()
        .map(|mut row| row.remove(0).expect("an id"))
        .collect();
    let mut expected = chosen.clone();
    off.sort();
    expected.sort();
    assert_eq!(off, expected, "neither axb for a_b nor 500off for 50%off");
    assert_eq!((recorded(database).await, changes(database).await), (6, 1));

    // The server takes é for e and JOE for joe; a key is meant to the letter.
    let near = ["jose@shop.example", "JOE@shop.example"].map(str::to_owned);
    let answer = operator
        .post(
            "users/bulk",
            &ticked(&near, &[("action", "delete"), ("confirm", "1")]),
        )
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(database.count("SELECT COUNT(*) FROM users").await, 9);
    let exact = ["josé@shop.example".to_owned()];
    let (_, done) = confirmed(&operator, "users/bulk", &ticked(&exact, &[("action", "delete")])).await;
    assert_eq!(done.status, 303);
    assert_eq!(database.count("SELECT COUNT(*) FROM users").await, 8);
}

#[tokio::test]
async fn five_thousand_rows_are_one_change() {
    let (panel, operator) = aliases(5_000).await;
    let database = &panel.database;
    database.script("UPDATE aliases SET enabled = 1").await;
    let begun = std::time::Instant::now();
    let (review, done) = confirmed(&operator, "aliases/bulk", &[("all", "1"), ("action", "disable")]).await;
    assert_eq!(review.text("h1"), "Disable 5,000 aliases?");
    assert!(review.body.len() < 100_000, "the page does not list them all");
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM aliases WHERE enabled = 0")
            .await,
        5_000
    );
    let whole = "SELECT COUNT(*) FROM pw_changes c STRAIGHT_JOIN aliases a ON a.pkid = CAST(c.row_key AS UNSIGNED) AND a.mail = c.subject WHERE \
                 JSON_VALUE(row_before, '$.enabled') = '1' AND JSON_VALUE(row_after, '$.enabled') = '0' AND \
                 JSON_VALUE(row_before, '$.mail') = a.mail AND JSON_VALUE(row_after, '$.mail') = a.mail";
    assert_eq!(
        database.count(whole).await,
        5_000,
        "each row with its own before and after"
    );
    assert_eq!((recorded(database).await, changes(database).await), (5_000, 1));
    let seqs = "SELECT COUNT(DISTINCT seq) FROM pw_changes";
    assert_eq!(database.count(seqs).await, 5_000);

    // And the same ticked one by one.
    let every = keys(database, "aliases", "TRUE").await;
    let (review, done) = confirmed(
        &operator,
        "aliases/bulk",
        &ticked(&every, &[("action", "delete")]),
    )
    .await;
    assert_eq!(review.text("h1"), "Delete 5,000 aliases?");
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 0);
    assert_eq!((recorded(database).await, changes(database).await), (10_000, 2));
}

#[tokio::test]
async fn a_table_without_transactions_is_left_alone() {
    let (panel, operator) = aliases(5).await;
    panel
        .database
        .script("ALTER TABLE aliases DROP COLUMN dom, ENGINE=MyISAM")
        .await;
    let before = all_of(&panel.database, "aliases").await;
    for path in ["aliases/bulk", "lists/bulk"] {
        for fields in [
            &[("all", "1"), ("action", "delete"), ("confirm", "1")][..],
            &[("all", "1"), ("action", "disable")],
        ] {
            let answer = operator.post(path, fields).await;
            assert_eq!(answer.status, 409, "{path} {fields:?}");
            assert!(answer.text("main").contains("InnoDB"), "{}", answer.text("main"));
        }
    }
    assert_eq!(all_of(&panel.database, "aliases").await, before);
    assert_eq!(recorded(&panel.database).await, 0);
    let list = operator.get("aliases").await;
    assert!(
        list.attributes("form.bulk", "action").is_empty(),
        "the list offers nothing"
    );
}

#[tokio::test]
async fn all_mailing_lists_are_lists_and_no_other_alias() {
    for database in [Database::fresh().await, Database::howto().await] {
        database.script(GROUND).await;
        database
            .script(
                "DELETE FROM aliases; INSERT INTO aliases (mail, destination) VALUES \
                 ('one@shop.example', 'joe@x.example'), ('two@shop.example', 'joe@x.example,ann@y.example'), \
                 ('three@shop.example', 'joe@x.example ann@y.example; bob@z.example'), \
                 ('copy@shop.example', 'copy@shop.example, joe@x.example'), ('comma@shop.example', 'joe@x.example,'), \
                 ('empty@shop.example', ''), ('@shop.example', '@other.example')",
            )
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let lists = names(&operator.get("lists").await);
        assert_eq!(
            lists,
            ["copy@shop.example", "three@shop.example", "two@shop.example"]
        );
        let (review, done) = confirmed(&operator, "lists/bulk", &[("all", "1"), ("action", "disable")]).await;
        assert_eq!(review.text("h1"), "Disable 3 mailing lists?");
        assert_eq!((done.status, done.location()), (303, "/lists"));
        let off = panel
            .database
            .rows("SELECT mail FROM aliases WHERE enabled = 0 ORDER BY mail")
            .await;
        let off: Vec<String> = off
            .into_iter()
            .map(|mut row| row.remove(0).expect("an address"))
            .collect();
        assert_eq!(off, lists);
        assert_eq!(
            (recorded(&panel.database).await, changes(&panel.database).await),
            (3, 1)
        );
    }
}

#[tokio::test]
async fn a_bulk_page_is_never_got() {
    let (_panel, operator) = ground().await;
    for table in [
        "aliases",
        "lists",
        "users",
        "domains",
        "backups",
        "relays",
        "relocated",
        "access",
        "overrides",
    ] {
        assert_eq!(
            operator.get(&format!("{table}/bulk")).await.status,
            405,
            "{table}"
        );
        assert_eq!(
            operator
                .get(&format!("{table}/bulk?all=1&action=delete&confirm=1"))
                .await
                .status,
            405,
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_change_of_domains_says_what_postfix_still_remembers() {
    let (panel, operator) = ground().await;
    panel.database.script("INSERT INTO domains (domain) VALUES ('a.example'), ('b.example'); INSERT INTO relays (recipient) VALUES ('a@away.example')").await;
    let (_, done) = confirmed(
        &operator,
        "domains/bulk",
        &[("all", "1"), ("q", "a.example"), ("action", "disable")],
    )
    .await;
    assert_eq!(done.status, 303);
    let notice = operator.get("domains").await.text(".notice");
    assert!(notice.contains("postfix reload"), "{notice}");
    let (_, done) = confirmed(&operator, "relays/bulk", &[("all", "1"), ("action", "disable")]).await;
    assert_eq!(done.status, 303);
    let notice = operator.get("relays").await.text(".notice");
    assert!(!notice.contains("postfix reload"), "{notice}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_deleted_while_the_answer_is_being_written_stops_all_of_it() {
    let (panel, operator) = aliases(400).await;
    let mut other = held(&panel.database, "aliases").await;
    other
        .execute("DELETE FROM aliases WHERE mail = 'a00399@shop.example'")
        .await
        .expect("deleted");
    let writing = tokio::spawn(async move {
        let fields = [
            ("all", "1"),
            ("action", "delete"),
            ("confirm", "1"),
            ("count", "400"),
        ];
        let answer = operator.post("aliases/bulk", &fields).await;
        let answer = operator.finished(answer).await;
        (operator, answer)
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!writing.is_finished(), "it waits for the other program");
    other.execute("COMMIT").await.expect("let go");
    let (operator, answer) = writing.await.expect("an answer");
    assert_eq!(answer.status, 200, "asked again: {}", answer.text("main"));
    assert!(
        answer.text("main").contains("not there any more"),
        "{}",
        answer.text("main")
    );
    assert_eq!(answer.text("h1"), "Delete 399 aliases?", "it counts what is left");
    assert_eq!(recorded(&panel.database).await, 0);
    assert_eq!(keys(&panel.database, "aliases", "TRUE").await.len(), 399);
    assert_eq!(operator.submit(&answer, &[("confirm", "1")]).await.status, 303);
    assert_eq!(
        (recorded(&panel.database).await, changes(&panel.database).await),
        (399, 1)
    );
}
