//! The record of changes: one change on its page, the history of a row, filters, files, and how long it is kept.

use postwarden::access::Role;
use time::{Duration, OffsetDateTime};

use crate::samples::{SAMPLES, ground};
use crate::support::{Database, Panel};
use crate::undo::{latest, undo};

#[tokio::test]
async fn a_change_is_shown_whole_fifty_rows_at_a_time() {
    let (panel, operator) = ground().await;
    let values: Vec<String> = (0..120)
        .map(|n| format!("('a{n:03}@shop.example', 'joe@x.example')"))
        .collect();
    panel
        .database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}",
            values.join(", ")
        ))
        .await;
    operator
        .post(
            "aliases/bulk",
            &[("action", "disable"), ("all", "1"), ("confirm", "1")],
        )
        .await;
    let mut subjects = Vec::new();
    let mut next = vec!["changes/1".to_owned()];
    while let Some(address) = next.first() {
        let page = operator.get(address).await;
        assert_eq!(page.status, 200);
        assert!(page.texts(".row-of-change").len() <= 50);
        subjects.extend(page.texts(".row-of-change h2 .mono"));
        next = page.attributes("a[rel=next]", "href");
    }
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 120);
    assert!(
        operator
            .get("changes/1")
            .await
            .text("main form button")
            .contains("all 120 rows")
    );
    let list = operator.get("changes").await;
    assert!(list.text(".log .acts").contains("Undo") || list.body.contains("Undo all 120 rows"));
}

#[tokio::test]
async fn the_form_of_a_row_tells_its_latest_changes() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    assert!(
        operator
            .get(&page)
            .await
            .text(".history")
            .contains("Nothing was changed")
    );
    for destination in ["b@x.example", "c@x.example", "d@x.example"] {
        operator
            .post(&page, &[("destination", destination), ("enabled", "1")])
            .await;
    }
    operator.post(&format!("{page}/enabled"), &[("value", "0")]).await;
    undo(&operator, 4).await;
    let form = operator.get(&page).await;
    let lines = form.texts(".history .entry");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].contains("changed enabled (undo of change 4)") && lines[0].contains("operator"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("changed enabled") && lines[2].contains("changed destination"),
        "{lines:?}"
    );
    let all = form.attributes(".history > p a", "href");
    assert_eq!(
        operator
            .get(&all[0])
            .await
            .texts(".log > li > details > summary")
            .len(),
        5
    );
    // Another row of the same number in another table is not it.
    operator.post("domains/1/enabled", &[("value", "0")]).await;
    assert_eq!(
        operator
            .get(&all[0])
            .await
            .texts(".log > li > details > summary")
            .len(),
        5
    );
    // An owner is told of what they see.
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    assert_eq!(owner.get(&page).await.texts(".history .entry").len(), 3);
}

#[tokio::test]
async fn filters_meet_in_one_row_and_stay_through_the_pages() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    for n in 0..60 {
        let destination = format!("joe{n}@x.example");
        operator
            .post(&page, &[("destination", &destination), ("enabled", "1")])
            .await;
    }
    operator.post("relocated", SAMPLES[4].row).await;
    panel
        .database
        .script(
            "UPDATE pw_changes SET at = '2026-03-01 00:00:00.000' WHERE change_id = 1; \
             UPDATE pw_changes SET at = '2026-03-01 23:59:59.999' WHERE change_id = 2; \
             UPDATE pw_changes SET at = '2026-03-02 00:00:00.000' WHERE change_id = 3",
        )
        .await;
    let key = page.trim_start_matches("aliases/");
    let of_row = format!("table=aliases&key={key}");
    for (filter, count) in [
        ("since=2026-03-01&until=2026-03-01", 2),
        ("until=2026-03-02", 3),
        ("since=2026-03-02&until=2026-03-02", 1),
        ("until=2026-02-28", 0),
        ("since=2026-13-45", 0),
        ("since=yesterday", 0),
        ("who=operator&table=relocated&domain=shop.example", 1),
        ("who=nobody", 0),
        ("key=999", 0),
        (&of_row, 50),
        (&format!("{of_row}&until=2026-03-02"), 3),
    ] {
        let list = operator.get(&format!("changes?{filter}")).await;
        assert_eq!(list.status, 200, "{filter}");
        assert_eq!(
            list.texts(".log > li > details > summary").len(),
            count,
            "{filter}"
        );
        assert_eq!(
            list.text(".empty").contains("No change matches"),
            count == 0,
            "{filter}"
        );
    }
    let first = operator
        .get(&format!(
            "changes?{of_row}&who=operator&q=info&domain=shop.example&since=2026-01-01"
        ))
        .await;
    let next = &first.attributes("a[rel=next]", "href")[0];
    for kept in [
        "table=aliases",
        "who=operator",
        "q=info",
        "domain=shop.example",
        "since=2026-01-01",
        "key=",
    ] {
        assert!(next.contains(kept), "{kept}: {next}");
    }
    assert_eq!(
        operator
            .get(next)
            .await
            .texts(".log > li > details > summary")
            .len(),
        10
    );
}

#[tokio::test]
async fn the_record_as_a_file_is_what_is_listed_without_passwords_and_formulas() {
    let (panel, operator) = ground().await;
    let fields = [
        ("id", "mary@shop.example"),
        ("name", "=cmd|' /C calc'!A0"),
        ("password", "trompete wolke dreizehn"),
        ("enabled", "1"),
    ];
    assert_eq!(operator.post_confirmed("users", &fields).await.status, 303);
    panel
        .database
        .script("INSERT INTO domains (domain) VALUES ('other.example')")
        .await;
    for mail in ["@shop.example", "a@other.example"] {
        let fields = [("mail", mail), ("destination", "x@y.example"), ("enabled", "1")];
        assert_eq!(operator.post_confirmed("aliases", &fields).await.status, 303);
    }
    undo(&operator, 3).await;
    let hash = panel
        .database
        .value("SELECT crypt FROM users")
        .await
        .expect("a hash");
    let csv = operator.get("changes/export.csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    assert!(csv.header("content-disposition").contains("changes-"));
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!(lines.len(), 5, "{}", csv.body);
    assert_eq!(
        lines[0],
        "change,seq,at,who,origin,what,action,table,key,subject,before,after"
    );
    assert!(
        lines[1].starts_with("4,0,") && lines[1].contains("undo of change 3"),
        "{}",
        lines[1]
    );
    assert!(lines[3].contains(",@shop.example,"), "{}", lines[3]);
    assert!(!csv.body.contains(&hash) && csv.body.contains("(not shown)"));

    let json = operator.get("changes/export.json?table=users").await;
    let rows: serde_json::Value = serde_json::from_str(&json.body).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(1));
    let after: serde_json::Value =
        serde_json::from_str(rows[0]["after"].as_str().expect("text")).expect("JSON");
    assert_eq!(
        (&after["id"], &after["crypt"]),
        (&"mary@shop.example".into(), &"(not shown)".into())
    );
    assert!(rows[0]["before"].is_null());

    let owner = panel.signed_in("owner", Role::Owner, &["other.example"]).await;
    let theirs = owner.get("changes/export.csv").await;
    assert_eq!(theirs.body.lines().count(), 3, "{}", theirs.body);
    assert!(!theirs.body.contains("shop.example") && !theirs.body.contains("127.0.0.1"));
}

#[tokio::test]
async fn a_long_record_as_a_file_has_every_row_once() {
    let (panel, operator) = ground().await;
    let values: Vec<String> = (0..1300)
        .map(|n| format!("('a{n:04}@shop.example', 'joe@x.example')"))
        .collect();
    panel
        .database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}",
            values.join(", ")
        ))
        .await;
    for action in ["disable", "enable"] {
        operator
            .post(
                "aliases/bulk",
                &[("action", action), ("all", "1"), ("confirm", "1")],
            )
            .await;
    }
    let json = operator.get("changes/export.json").await;
    let rows: serde_json::Value = serde_json::from_str(&json.body).expect("JSON");
    let mut seen: Vec<(u64, u64)> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            (
                row["change"].as_u64().expect("a number"),
                row["seq"].as_u64().expect("a number"),
            )
        })
        .collect();
    assert_eq!(seen.len(), 2600);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 2600);
}

#[tokio::test]
async fn an_owner_sees_their_rows_of_a_large_change_wherever_they_stand_in_it() {
    let (panel, operator) = ground().await;
    let values: Vec<String> = (0..60)
        .map(|n| format!("('a{n:03}@shop.example', 'joe@x.example')"))
        .collect();
    panel
        .database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}, ('z@mine.example', 'joe@x.example')",
            values.join(", ")
        ))
        .await;
    operator
        .post(
            "aliases/bulk",
            &[("action", "disable"), ("all", "1"), ("confirm", "1")],
        )
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    let list = owner.get("changes").await;
    assert_eq!(list.texts(".log > li > details > summary").len(), 1);
    assert!(
        list.text(".log > li > details > summary")
            .contains("changed alias z@mine.example"),
        "{}",
        list.text(".log")
    );
}

#[tokio::test]
async fn old_changes_are_forgotten_and_the_newest_is_kept() {
    let (panel, operator) = ground().await;
    let now = OffsetDateTime::now_utc();
    assert_eq!(
        panel.store.forget_changes(1, now).await.expect("answers"),
        0,
        "of nothing"
    );
    let values: Vec<String> = (0..1500)
        .map(|n| format!("('a{n:04}@shop.example', 'joe@x.example')"))
        .collect();
    panel
        .database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}",
            values.join(", ")
        ))
        .await;
    operator
        .post(
            "aliases/bulk",
            &[("action", "disable"), ("all", "1"), ("confirm", "1")],
        )
        .await;
    undo(&operator, 1).await;
    operator.post("domains/1/enabled", &[("value", "0")]).await;
    panel
        .database
        .script("UPDATE pw_changes SET at = UTC_TIMESTAMP() - INTERVAL 10 DAY WHERE change_id <= 2")
        .await;
    let forget = async |days: u32, later: i64| {
        let at = now + Duration::days(later);
        panel.store.forget_changes(days, at).await.expect("answers")
    };
    assert_eq!(forget(0, 1000).await, 0, "0 is for ever");
    assert_eq!(forget(11, 0).await, 0);
    assert_eq!(forget(9, 0).await, 3000);
    assert_eq!(
        panel.database.count("SELECT COUNT(*) FROM pw_change_notes").await,
        0
    );
    assert_eq!(latest(&panel.database).await, 3);
    assert_eq!(forget(9, 100).await, 0, "the newest stays");
    assert_eq!(undo(&operator, 3).await.status, 303);
    assert_eq!(undo(&operator, 1).await.status, 404);
}

#[tokio::test]
async fn a_change_of_which_rows_are_forgotten_is_not_undone_as_a_whole() {
    let (panel, operator) = ground().await;
    let first = SAMPLES[1].insert(&panel.database).await;
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('b@shop.example', 'x@y.example')")
        .await;
    operator
        .post(
            "aliases/bulk",
            &[("action", "disable"), ("all", "1"), ("confirm", "1")],
        )
        .await;
    panel
        .database
        .script("DELETE FROM pw_changes WHERE seq = 0")
        .await;
    let answer = undo(&operator, 1).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("older than the record is kept"),
        "{}",
        answer.text(".summary")
    );
    assert_eq!(
        panel.database.count("SELECT SUM(enabled) FROM aliases").await,
        0,
        "{first}"
    );
}

#[tokio::test]
async fn the_panel_forgets_by_itself_as_the_settings_say() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO pw_changes (change_id, seq, at, who, origin, action, table_name, row_key, subject) VALUES \
             (1, 0, '2001-01-01', 'x', 'web', 'create', 'aliases', '1', 'a@x.example'), \
             (2, 0, UTC_TIMESTAMP(), 'x', 'web', 'create', 'aliases', '2', 'b@x.example')",
        )
        .await;
    let panel = Panel::with(database, |config| config.changes.keep_days = 30).await;
    for _ in 0..100 {
        if panel.database.count("SELECT COUNT(*) FROM pw_changes").await == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the old change is still there");
}
