//! The record of changes: who, when, from where, and the row before and after.

use crate::samples::{SAMPLES, both, form_of, ground, recorded};
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};
use postwarden::access::Role;

/// A recorded image.
fn image(text: Option<&String>) -> serde_json::Value {
    text.map_or(serde_json::Value::Null, |text| {
        serde_json::from_str(text).expect("JSON")
    })
}

#[tokio::test]
async fn every_write_is_recorded_with_every_column_before_and_after() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let table = sample.table;
            operator.post(sample.slug, sample.row).await;
            let page = sample.page(&panel.database).await;
            operator.post(&page, &[sample.change, ("enabled", "1")]).await;
            operator.post(&format!("{page}/enabled"), &[("value", "0")]).await;
            operator
                .post(&format!("{page}/delete"), &[("confirm", "1")])
                .await;
            let query = format!(
                "SELECT action, who, origin, row_key, subject, row_before, row_after FROM pw_changes \
                 WHERE table_name = '{table}' AND subject = '{}' AND \
                 ABS(TIMESTAMPDIFF(SECOND, at, UTC_TIMESTAMP())) < 60 ORDER BY change_id",
                sample.name()
            );
            let rows = panel.database.rows(&query).await;
            let actions: Vec<_> = rows.iter().filter_map(|r| r[0].as_deref()).collect();
            assert_eq!(actions, ["create", "update", "update", "delete"], "{table}");
            for row in &rows {
                assert_eq!(row[1].as_deref(), Some("operator"));
                assert_eq!(row[2].as_deref(), Some("127.0.0.1"));
                assert_eq!(row[3].as_deref(), page.split('/').nth(1));
                assert_eq!(row[4].as_deref(), Some(sample.name()));
            }
            let columns = format!(
                "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND \
                 TABLE_NAME = '{table}' AND EXTRA NOT LIKE '%GENERATED%'"
            );
            let columns = panel.database.count(&columns).await;
            let images: Vec<_> = rows
                .iter()
                .map(|r| (image(r[5].as_ref()), image(r[6].as_ref())))
                .collect();
            assert!(
                images[0].0.is_null() && images[3].1.is_null(),
                "nothing before a creation and after a deletion"
            );
            for (n, (name, value)) in sample.row.iter().enumerate() {
                assert_eq!(images[0].1[*name], *value, "{table}.{name} {n}");
            }
            assert_eq!(images[1].1[sample.change.0], sample.change.1);
            assert_eq!(
                (&images[2].0["enabled"], &images[2].1["enabled"]),
                (&"1".into(), &"0".into())
            );
            for n in 1..4 {
                assert_eq!(
                    images[n].0,
                    images[n - 1].1,
                    "{table}: what was after is what is before"
                );
                assert_eq!(
                    images[n].0.as_object().map(|o| o.len() as u64),
                    Some(columns),
                    "{table}"
                );
            }
        }
        let units = "SELECT COUNT(DISTINCT change_id) FROM pw_changes";
        assert_eq!(
            panel.database.count(units).await,
            recorded(&panel.database).await,
            "one change for each save"
        );
    }
}

#[tokio::test]
async fn a_save_that_changes_nothing_records_nothing() {
    let (panel, operator) = ground().await;
    for sample in SAMPLES {
        let page = sample.insert(&panel.database).await;
        let answer = operator.submit(&operator.get(&form_of(&page)).await, &[]).await;
        assert_eq!(answer.status, 303);
        assert!(
            operator
                .get(sample.slug)
                .await
                .text("[role=status]")
                .contains("nothing was changed")
        );
        operator.post(&format!("{page}/enabled"), &[("value", "1")]).await;
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn reading_and_refused_saves_record_nothing() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    for path in [
        "",
        "domains",
        "aliases?q=x",
        "aliases/new",
        &page,
        &format!("{page}/delete"),
        "changes",
        "search?q=a",
        "logout",
    ] {
        assert_eq!(operator.get(path).await.status, 200, "{path}");
    }
    assert_eq!(operator.get(&format!("{page}/enabled?value=0")).await.status, 405);
    assert_eq!(operator.post("aliases", SAMPLES[1].row).await.status, 422);
    assert_eq!(operator.post("aliases", &[("mail", "*")]).await.status, 422);
    assert_eq!(
        operator
            .post(&page, &[("version", "old"), SAMPLES[1].change])
            .await
            .status,
        409
    );
    assert_eq!(
        operator
            .post(&format!("{page}/delete"), &[("version", "old"), ("confirm", "1")])
            .await
            .status,
        409
    );
    assert_eq!(operator.post("aliases/999", SAMPLES[1].row).await.status, 404);
    assert_eq!(recorded(&panel.database).await, 0);
    assert_eq!(
        panel.database.count("SELECT last_change FROM pw_counter").await,
        0
    );
    assert_eq!(
        SAMPLES[1].stored(&panel.database, "enabled").await.as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn the_page_of_changes_shows_and_filters_them() {
    let (panel, operator) = ground().await;
    operator.post("aliases", SAMPLES[1].row).await;
    let second = panel.signed_in("second@shop.example", Role::Operator, &[]).await;
    second.post("domains", SAMPLES[0].row).await;
    let page = SAMPLES[1].page(&panel.database).await;
    second.post(&page, &[SAMPLES[1].change, ("enabled", "1")]).await;

    let all = operator.get("changes").await;
    let entries = all.texts(".log > li > details > summary");
    assert_eq!(entries.len(), 3);
    assert!(
        entries[0].contains("changed alias info@shop.example"),
        "newest first: {entries:?}"
    );
    assert!(
        entries[0].contains("second@shop.example from 127.0.0.1"),
        "{entries:?}"
    );
    assert!(
        entries[2].contains("added alias info@shop.example"),
        "{entries:?}"
    );
    let change = all.texts(".log li:first-child tr.differs");
    assert_eq!(change, ["destination joe@x.example ann@y.example"]);
    for (filter, count) in [
        ("q=info", 2),
        ("q=INFO%40shop", 2),
        ("q=new.example", 1),
        ("q=%25", 0),
        ("table=domains", 1),
        ("table=aliases", 2),
        ("who=operator", 1),
        ("who=second%40shop.example", 2),
        ("who=nobody", 0),
        ("table=aliases&who=operator&q=info", 1),
    ] {
        assert_eq!(
            operator
                .get(&format!("changes?{filter}"))
                .await
                .texts(".log > li > details > summary")
                .len(),
            count,
            "{filter}"
        );
    }
    assert!(
        operator
            .get("changes?q=nowhere")
            .await
            .text(".empty")
            .contains("No change matches")
    );
    assert!(
        operator.get("").await.text(".log").contains("info@shop.example"),
        "the dashboard has the latest"
    );
}

#[tokio::test]
async fn pages_of_changes_hold_every_change_once() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    for n in 0..53 {
        let destination = format!("joe{n}@x.example");
        operator
            .post(&page, &[("destination", &destination), ("enabled", "1")])
            .await;
    }
    let first = operator.get("changes").await;
    let second = operator.get(&first.attributes("a[rel=next]", "href")[0]).await;
    let (first, second) = (first.texts(".log .by"), second.texts(".log .by"));
    assert_eq!((first.len(), second.len()), (50, 3));
    let numbers: Vec<String> = first
        .iter()
        .chain(&second)
        .filter_map(|t| t.split(' ').next().map(str::to_owned))
        .collect();
    let expected: Vec<String> = (1..=53).rev().map(|n| format!("#{n}")).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn a_save_that_fails_halfway_leaves_neither_row_nor_record() {
    let database = Database::fresh().await;
    database.script(crate::samples::GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    // A trigger that rewrites what is stored: the panel notices that the row is not what it wrote.
    panel
        .database
        .script("CREATE TRIGGER meddle BEFORE INSERT ON aliases FOR EACH ROW SET NEW.destination = 'thief@y.example'")
        .await;
    let answer = operator.post("aliases", SAMPLES[1].row).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text(".summary").contains("thief@y.example"));
    assert_eq!(
        answer.field("mail"),
        "info@shop.example",
        "the page repeats what was typed"
    );
    // And a record that cannot be written takes the row back.
    panel
        .database
        .script("DROP TRIGGER meddle; ALTER TABLE pw_changes RENAME TO pw_away")
        .await;
    assert!(operator.post("aliases", SAMPLES[1].row).await.status >= 500);
    panel
        .database
        .script("ALTER TABLE pw_away RENAME TO pw_changes")
        .await;
    assert!(!SAMPLES[1].is_there(&panel.database).await);
    assert_eq!(recorded(&panel.database).await, 0);
    assert_eq!(operator.post("aliases", SAMPLES[1].row).await.status, 303);
}

#[tokio::test]
async fn passwords_of_accounts_are_nowhere_in_the_record() {
    let (panel, operator) = ground().await;
    operator.post("aliases", SAMPLES[1].row).await;
    let dump = panel.database.rows("SELECT * FROM pw_changes").await;
    assert!(!format!("{dump:?}").contains(PASSWORD));
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM pw_changes WHERE table_name LIKE 'pw%'")
            .await,
        0
    );
}

#[tokio::test]
async fn owners_are_not_told_where_others_sit() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    let add = async |browser: &Browser, mail: &str| {
        let fields = [
            ("mail", mail),
            ("destination", "joe@mine.example"),
            ("enabled", "1"),
            ("confirm", "1"),
        ];
        assert_eq!(browser.post("aliases", &fields).await.status, 303);
    };
    add(&operator, "a@mine.example").await;
    add(&owner, "b@mine.example").await;
    let told = |page: &Answer| page.texts(".log .by");
    assert_eq!(
        told(&owner.get("changes").await),
        ["#2 owner from 127.0.0.1", "#1 operator"]
    );
    assert_eq!(
        told(&operator.get("changes").await),
        ["#2 owner from 127.0.0.1", "#1 operator from 127.0.0.1"]
    );
}
