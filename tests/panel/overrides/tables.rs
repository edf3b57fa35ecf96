//! Overrides in tables that are missing, odd, or hold an address several times.

use postwarden::config::OverrideTable;

use super::{ELSEWHERE, GOOGLE, JOE, aliases, changes, deleted, latest, row, saved, stored};
use crate::samples::{GROUND, ground, names};
use crate::support::{Database, Panel};

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
