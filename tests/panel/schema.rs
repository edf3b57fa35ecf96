//! Tables as they are: creating what is missing, and living with old, wrong and incomplete ones.

use crate::samples::{GROUND, SAMPLES, form_of, links, names, recorded, tables};
use postwarden::store::AccountChange;

use crate::support::{Browser, Database, HOWTO, Panel};

async fn howto_alone(options: &str) -> Database {
    let database = Database::empty(options).await;
    database.script(HOWTO).await;
    database
}

async fn panel_on(database: Database) -> (Panel, Browser) {
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// The definition of every table, byte for byte.
async fn definitions(database: &Database) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for table in ["aliases", "domains", "users", "backups", "relays", "relocated"] {
        found.push(database.rows(&format!("SHOW CREATE TABLE {table}")).await[0][1].clone());
    }
    found
}

#[tokio::test]
async fn migrating_an_empty_database_creates_tables_of_todays_types() {
    let database = Database::fresh().await;
    let tables = database
        .rows("SHOW TABLES")
        .await
        .into_iter()
        .filter_map(|row| row[0].clone());
    let tables: Vec<String> = tables.collect();
    for table in [
        "access_rules",
        "aliases",
        "backups",
        "domains",
        "pw_accounts",
        "pw_changes",
        "relays",
        "relocated",
        "users",
    ] {
        assert!(tables.iter().any(|t| t == table), "{table}: {tables:?}");
    }
    let kinds = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND \
                 COLUMN_NAME = 'pkid' AND COLUMN_TYPE = 'int(10) unsigned'";
    assert_eq!(database.count(kinds).await, 6);
    let destination = "SELECT DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND \
                       TABLE_NAME = 'aliases' AND COLUMN_NAME = 'destination'";
    assert_eq!(database.value(destination).await.as_deref(), Some("text"));
    let bad_default = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND \
                       COLUMN_DEFAULT LIKE '%:[]%'";
    assert_eq!(database.count(bad_default).await, 0);
}

#[tokio::test]
async fn migrating_a_howto_database_leaves_its_tables_byte_for_byte() {
    let database = howto_alone("CHARACTER SET latin1").await;
    let (before, rows) = (
        definitions(&database).await,
        database.rows("CHECKSUM TABLE aliases, domains, users").await,
    );
    database.store().await.migrate().await.expect("migrated");
    assert_eq!(definitions(&database).await, before);
    assert_eq!(
        database.rows("CHECKSUM TABLE aliases, domains, users").await,
        rows
    );
    assert_eq!(database.count("SELECT COUNT(*) FROM access_rules").await, 0);
}

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    for database in [Database::fresh().await, Database::howto().await] {
        let store = database.store().await;
        assert_eq!(store.migrate().await.expect("migrated"), [""; 0]);
        assert_eq!(store.pending_migrations().await.expect("an answer"), [""; 0]);
    }
}

#[tokio::test]
async fn a_dry_run_lists_the_statements_and_changes_nothing() {
    let database = howto_alone("").await;
    database.script("DROP TABLE relays").await;
    let tables = database.rows("SHOW TABLES").await;
    let store = database.store().await;
    let pending = store.pending_migrations().await.expect("an answer");
    assert!(
        pending.iter().any(|s| s.starts_with("CREATE TABLE relays")),
        "{pending:#?}"
    );
    assert!(
        !pending.iter().any(|s| s.starts_with("CREATE TABLE aliases")),
        "{pending:#?}"
    );
    assert!(!pending.iter().any(|s| s.contains("ALTER")), "{pending:#?}");
    assert_eq!(database.rows("SHOW TABLES").await, tables);
    assert_eq!(
        store.migrate().await.expect("migrated"),
        pending,
        "what was listed is what is run"
    );
}

#[tokio::test]
async fn two_programs_that_migrate_at_once_take_turns() {
    let database = Database::empty("").await;
    let (one, two) = (database.store().await, database.store().await);
    let (one, two) = tokio::join!(one.migrate(), two.migrate());
    let (one, two) = (one.expect("migrated"), two.expect("migrated"));
    assert!(one.is_empty() != two.is_empty(), "{one:?} {two:?}");
}

#[tokio::test]
async fn a_missing_table_is_explained_and_noticed_when_it_comes_and_goes() {
    let (panel, operator) = panel_on(Database::howto().await).await;
    for sample in SAMPLES
        .iter()
        .filter(|s| ["backups", "relays", "relocated"].contains(&s.slug))
    {
        let table = sample.slug;
        panel
            .database
            .script(&format!("RENAME TABLE {table} TO kept_{table}"))
            .await;
        let page = operator.get(table).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text("pre").contains(&format!("CREATE TABLE {table}")),
            "{}",
            page.text("main")
        );
        for other in ["", "search?q=example", "changes", "postfix"]
            .into_iter()
            .chain(SAMPLES.iter().map(|s| s.slug))
        {
            assert_eq!(operator.get(other).await.status, 200, "{other} without {table}");
        }
        assert_eq!(operator.post(table, sample.row).await.status, 404);
        let domain = [
            ("domain", "x.example"),
            ("transport", "virtual:"),
            ("enabled", "1"),
        ];
        assert_eq!(
            operator.post("domains", &domain).await.status,
            303,
            "without {table}"
        );
        panel
            .database
            .script("DELETE FROM domains WHERE domain = 'x.example'")
            .await;
        panel
            .database
            .script(&format!("RENAME TABLE kept_{table} TO {table}"))
            .await;
        let page = operator.get(table).await;
        assert!(!links(&page).is_empty(), "{table} is back");
        assert_eq!(operator.get(&format!("{table}/new")).await.status, 200);
    }
}

#[tokio::test]
async fn the_statement_shown_for_a_missing_table_makes_one_the_panel_can_use() {
    let (panel, operator) = panel_on(Database::howto().await).await;
    panel.database.script("DROP TABLE relays").await;
    let statement = operator.get("relays").await.text("pre");
    panel.database.script(&statement).await;
    assert_eq!(operator.post("relays", SAMPLES[3].row).await.status, 303);
}

#[tokio::test]
async fn a_known_column_may_be_missing() {
    for (sample, column) in [
        (&SAMPLES[3], "status"),
        (&SAMPLES[3], "enabled"),
        (&SAMPLES[1], "enabled"),
        (&SAMPLES[0], "transport"),
        (&SAMPLES[2], "transport"),
    ] {
        let what = format!("{} without {column}", sample.slug);
        let database = Database::howto().await;
        database.script(GROUND).await;
        database
            .script(&format!("ALTER TABLE {} DROP COLUMN {column}", sample.table))
            .await;
        let (panel, operator) = panel_on(database).await;
        for page in [
            "",
            sample.slug,
            &format!("{}?enabled=0", sample.slug),
            &format!("{}/new", sample.slug),
            "search?q=a",
        ] {
            assert_eq!(operator.get(page).await.status, 200, "{what}: {page}");
        }
        // As the form sends it: without the field.
        let row: Vec<_> = sample
            .row
            .iter()
            .filter(|(name, _)| *name != column)
            .copied()
            .collect();
        let answer = operator.post(sample.slug, &row).await;
        assert_eq!(answer.status, 303, "{what}: {}", answer.text("main"));
        let page = sample.page(&panel.database).await;
        assert_eq!(operator.get(&page).await.status, 200, "{what}");
        if sample.change.0 != column {
            let answer = operator.post(&page, &[sample.change, ("enabled", "1")]).await;
            assert_eq!(answer.status, 303, "{what}: {}", answer.text("main"));
        }
        let answer = operator
            .post(&format!("{page}/delete"), &[("confirm", "1")])
            .await;
        assert_eq!(answer.status, 303, "{what}: {}", answer.text("main"));
    }
}

#[tokio::test]
async fn switching_a_row_of_a_table_without_enabled_is_refused_with_the_reason() {
    let database = Database::howto().await;
    database.script("ALTER TABLE relays DROP COLUMN enabled").await;
    let (panel, operator) = panel_on(database).await;
    let row = links(&operator.get("relays").await).remove(0);
    let answer = operator.post(&format!("{row}/enabled"), &[("value", "0")]).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(
        answer.text("main").contains("no column enabled")
            || answer.text("main").contains("no column `enabled`")
    );
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn unknown_columns_are_kept_and_recorded() {
    let database = Database::howto().await;
    database.script(GROUND).await;
    database
        .script("ALTER TABLE aliases ADD note VARCHAR(50) CHARACTER SET latin1 NULL, ADD ratio FLOAT NULL, ADD raw BLOB NULL")
        .await;
    let (panel, operator) = panel_on(database).await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let others =
        "UPDATE aliases SET note = X'636166E9', ratio = 0.1, raw = X'00FF' WHERE mail = 'info@shop.example'";
    panel.database.script(others).await;
    let kept = "SELECT HEX(note), HEX(raw), ratio = CAST(0.1 AS FLOAT) FROM aliases WHERE mail = 'info@shop.example'";
    let before = panel.database.rows(kept).await;
    let form = operator.get(&page).await;
    assert_eq!(operator.submit(&form, &[SAMPLES[1].change]).await.status, 303);
    assert_eq!(panel.database.rows(kept).await, before);
    let after = panel
        .database
        .value("SELECT row_after FROM pw_changes")
        .await
        .expect("a record");
    let after: serde_json::Value = serde_json::from_str(&after).expect("JSON");
    assert_eq!(after["raw"]["hex"], "00ff");
    assert!(!after["ratio"].is_null() && !after["note"].is_null(), "{after}");
}

#[tokio::test]
async fn a_myisam_table_is_read_and_never_written() {
    let database = Database::howto().await;
    database.script(GROUND).await;
    for sample in SAMPLES {
        database
            .script(&format!("ALTER TABLE {} ENGINE=MyISAM", sample.table))
            .await;
        sample.insert(&database).await;
    }
    let (panel, operator) = panel_on(database).await;
    for sample in SAMPLES {
        let (table, slug) = (sample.table, sample.slug);
        let all = format!("SELECT * FROM {table}");
        let before = panel.database.rows(&all).await;
        let list = operator.get(slug).await;
        assert_eq!(list.status, 200);
        assert!(
            list.text(".notice").contains("no transactions"),
            "{}",
            list.text("main")
        );
        assert_eq!(list.text("pre"), format!("ALTER TABLE `{table}` ENGINE=InnoDB;"));
        let page = sample.page(&panel.database).await;
        assert_eq!(operator.get(&page).await.status, 200);
        let new = sample.with(
            sample.subject,
            if sample.subject == "domain" {
                "o.example"
            } else {
                "o@shop.example"
            },
        );
        for (path, fields) in [
            (slug.to_owned(), new),
            (page.clone(), vec![sample.change, ("enabled", "1")]),
            (format!("{page}/enabled"), vec![("value", "0")]),
            (format!("{page}/delete"), vec![("confirm", "1")]),
        ] {
            let answer = operator.post_confirmed(&path, &fields).await;
            assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
            assert!(
                answer.text("main").contains("MyISAM"),
                "{path}: {}",
                answer.text("main")
            );
        }
        assert_eq!(panel.database.rows(&all).await, before);
    }
    assert_eq!(recorded(&panel.database).await, 0);
    panel.database.script("ALTER TABLE aliases ENGINE=InnoDB").await;
    let page = SAMPLES[1].page(&panel.database).await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(
        operator
            .post(&page, &[SAMPLES[1].change, ("enabled", "1")])
            .await
            .status,
        303,
        "noticed"
    );
}

#[tokio::test]
async fn every_collation_works() {
    for options in [
        "CHARACTER SET latin1 COLLATE latin1_swedish_ci",
        "CHARACTER SET latin1 COLLATE latin1_bin",
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci",
    ] {
        let database = howto_alone(options).await;
        database.script(GROUND).await;
        database.store().await.migrate().await.expect("migrated");
        let (panel, operator) = panel_on(database).await;
        for sample in SAMPLES {
            let what = format!("{} in {options}", sample.slug);
            let answer = operator.post(sample.slug, sample.row).await;
            assert_eq!(answer.status, 303, "{what}: {}", answer.text("main"));
            let list = operator
                .get(&format!("{}?q={}", sample.slug, sample.name().to_uppercase()))
                .await;
            assert_eq!(names(&list), [sample.name()], "{what}");
            let domain = sample.name().rsplit('@').next().expect("a domain");
            let list = operator.get(&format!("{}?domain={domain}", sample.slug)).await;
            assert!(
                names(&list).contains(&sample.name().to_owned()),
                "{what}: {domain}"
            );
            assert_eq!(
                operator.post(sample.slug, sample.row).await.status,
                422,
                "{what}: a second one"
            );
            let page = sample.page(&panel.database).await;
            let answer = operator
                .submit(&operator.get(&form_of(&page)).await, &[sample.change])
                .await;
            assert_eq!(answer.status, 303, "{what}: {}", answer.text("main"));
            assert_eq!(
                operator.get("search?q=%C3%BC%F0%9F%98%80").await.status,
                200,
                "{what}"
            );
        }
        let found = operator.get("changes?q=INFO").await;
        assert!(found.text(".log").contains("info@shop.example"), "{options}");
    }
}

#[tokio::test]
async fn a_smallint_key_that_is_used_up_is_told_with_the_remedy() {
    let (panel, operator) = panel_on(Database::howto().await).await;
    panel.database.script(GROUND).await;
    for sample in tables().filter(|s| s.key == "pkid" && s.table != "access_rules") {
        let last = format!(
            "INSERT INTO {} (pkid, {}) VALUES (32767, 'last@last.example')",
            sample.table, sample.subject
        );
        panel.database.script(&last).await;
        let answer = operator.post(sample.slug, sample.row).await;
        assert_eq!(answer.status, 422, "{}: {}", sample.slug, answer.text("main"));
        let remedy = format!(
            "ALTER TABLE {} MODIFY pkid INT UNSIGNED NOT NULL AUTO_INCREMENT",
            sample.table
        );
        assert!(
            answer.text(".summary").contains(&remedy),
            "{}",
            answer.text(".summary")
        );
        assert_eq!(answer.field(sample.subject), sample.name());
        assert!(!sample.is_there(&panel.database).await);
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn an_account_with_select_insert_update_and_delete_alone_can_run_the_panel() {
    let database = Database::howto().await;
    database.script(GROUND).await;
    let name = format!("panel_{}", database.name);
    database
        .script(&format!(
            "CREATE USER {name}@localhost IDENTIFIED BY 'secret'; CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'secret'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {0}.* TO {name}@localhost; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {0}.* TO {name}@'127.0.0.1'",
            database.name
        ))
        .await;
    let mut url = url::Url::parse(&database.url).expect("an address");
    url.set_username(&name).expect("a name");
    url.set_password(Some("secret")).expect("a password");
    let panel = Panel::with(database, |config| config.database.url = url.to_string()).await;
    let operator = panel.operator().await;
    for sample in SAMPLES {
        assert_eq!(operator.post(sample.slug, sample.row).await.status, 303);
        let page = sample.page(&panel.database).await;
        assert_eq!(
            operator
                .post(&page, &[sample.change, ("enabled", "1")])
                .await
                .status,
            303
        );
        assert_eq!(
            operator
                .post(&format!("{page}/enabled"), &[("value", "0")])
                .await
                .status,
            303
        );
        for get in [
            sample.slug,
            &page,
            &format!("{page}/delete"),
            &format!("{}/new", sample.slug),
        ] {
            assert_eq!(operator.get(get).await.status, 200, "{get}");
        }
        assert_eq!(
            operator
                .post(&format!("{page}/delete"), &[("confirm", "1")])
                .await
                .status,
            303
        );
    }
    for get in ["", "changes", "search?q=shop", "readyz"] {
        assert_eq!(operator.get(get).await.status, 200, "{get}");
    }
    panel
        .change_account("operator", AccountChange::Enabled(false))
        .await;
    assert_eq!(operator.get("").await.status, 303);
    assert_eq!(
        panel.store.migrate().await.expect("nothing to do"),
        [""; 0],
        "a migrated database needs no CREATE"
    );
}

#[tokio::test]
async fn a_database_account_that_may_not_write_gets_a_page_that_says_so() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let name = format!("reader_{}", database.name);
    database
        .script(&format!(
            "CREATE USER {name}@localhost IDENTIFIED BY 'secret'; CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'secret'"
        ))
        .await;
    for table in [
        "pw_sessions",
        "pw_accounts",
        "pw_counter",
        "pw_changes",
        "pw_migrations",
        "pw_grants",
        "pw_limits",
        "pw_terms",
        "pw_second_factors",
        "pw_account_events",
        "pw_throttle",
        "pw_silenced",
    ] {
        for host in ["localhost", "'127.0.0.1'"] {
            database
                .script(&format!(
                    "GRANT SELECT, INSERT, UPDATE, DELETE ON {}.{table} TO {name}@{host}",
                    database.name
                ))
                .await;
        }
    }
    for sample in SAMPLES {
        for host in ["localhost", "'127.0.0.1'"] {
            database
                .script(&format!(
                    "GRANT SELECT ON {}.{} TO {name}@{host}",
                    database.name, sample.table
                ))
                .await;
        }
    }
    let mut url = url::Url::parse(&database.url).expect("an address");
    url.set_username(&name).expect("a name");
    url.set_password(Some("secret")).expect("a password");
    let panel = Panel::with(database, |config| config.database.url = url.to_string()).await;
    let operator = panel.operator().await;
    assert_eq!(operator.get("aliases").await.status, 200);
    let answer = operator.post("aliases", SAMPLES[1].row).await;
    assert!(answer.status >= 400);
    assert!(
        answer.text("main").contains("may not do that"),
        "{}",
        answer.text("main")
    );
    assert_eq!(answer.field("mail"), "info@shop.example");
}

#[tokio::test]
async fn the_dashboard_and_the_list_survive_a_table_that_vanishes_between_two_requests() {
    let (panel, operator) = panel_on(Database::fresh().await).await;
    for page in ["", "relays"] {
        assert_eq!(operator.get(page).await.status, 200);
        panel.database.script("RENAME TABLE relays TO away").await;
        let answer = operator.get(page).await;
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.text("main").contains("does not exist"), "{page}");
        panel.database.script("RENAME TABLE away TO relays").await;
        assert!(
            !operator.get(page).await.text("main").contains("does not exist"),
            "{page}"
        );
    }
}
