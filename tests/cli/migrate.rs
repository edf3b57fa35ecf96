//! `postwarden migrate`.

use crate::program::on;
use crate::support::{Database, HOWTO};

/// What the database consists of: every column of every table with its type.
async fn shape(database: &Database) -> Vec<Vec<Option<String>>> {
    database
        .rows(&format!(
            "SELECT table_name, column_name, column_type, column_default, extra, collation_name \
             FROM information_schema.columns WHERE table_schema = '{}' ORDER BY table_name, ordinal_position",
            database.name
        ))
        .await
}

async fn tables(database: &Database) -> Vec<String> {
    let rows = database.rows("SHOW TABLES").await;
    rows.into_iter().flatten().flatten().collect()
}

#[tokio::test]
async fn a_dry_run_prints_every_statement_and_changes_nothing() {
    let database = Database::empty("CHARACTER SET utf8mb4").await;
    let printed = on(&database, &["migrate", "--dry-run"]).done();
    assert!(tables(&database).await.is_empty());

    // What it prints is what `migrate` runs: fed to the server by hand it makes the same database.
    let by_hand = Database::empty("CHARACTER SET utf8mb4").await;
    by_hand.script(&printed).await;
    assert_eq!(on(&by_hand, &["migrate"]).done(), "nothing is missing\n");
    on(&database, &["migrate"]).done();
    assert_eq!(shape(&by_hand).await, shape(&database).await);
}

#[tokio::test]
async fn migrating_twice_finds_nothing_missing() {
    let database = Database::empty("CHARACTER SET utf8mb4").await;
    let printed = on(&database, &["migrate"]).done();
    for table in tables(&database).await {
        assert!(
            printed.lines().any(|line| line == format!("created {table}")),
            "{table} in {printed}"
        );
    }
    let before = shape(&database).await;
    assert_eq!(on(&database, &["migrate"]).done(), "nothing is missing\n");
    assert_eq!(
        on(&database, &["migrate", "--dry-run"]).done(),
        "nothing is missing\n"
    );
    assert_eq!(shape(&database).await, before);
}

#[tokio::test]
async fn only_what_is_missing_is_added_to_a_howto_database() {
    let database = Database::empty("CHARACTER SET latin1").await;
    database.script(HOWTO).await;
    database
        .script("ALTER TABLE users ADD procmailrc varchar(128) NOT NULL DEFAULT ''; DROP TABLE relays;")
        .await;
    let (before, rows) = (
        shape(&database).await,
        database
            .rows("SELECT * FROM users UNION ALL SELECT * FROM users")
            .await,
    );
    let printed = on(&database, &["migrate"]).done();

    let created: Vec<&str> = printed
        .lines()
        .filter_map(|l| l.strip_prefix("created "))
        .collect();
    assert_eq!(&created[..2], ["relays", "access_rules"], "{printed}");
    assert!(
        created[2..].iter().all(|name| name.starts_with("pw_")),
        "{printed}"
    );
    let after: Vec<_> = shape(&database)
        .await
        .into_iter()
        .filter(|column| {
            let table = column[0].as_deref().unwrap_or_default();
            !created.contains(&table)
        })
        .collect();
    assert_eq!(after, before);
    assert_eq!(
        database
            .rows("SELECT * FROM users UNION ALL SELECT * FROM users")
            .await,
        rows
    );
}

#[tokio::test]
async fn migrating_makes_no_account() {
    let database = Database::empty("CHARACTER SET utf8mb4").await;
    on(&database, &["migrate"]).done();
    assert_eq!(on(&database, &["account", "list"]).done(), "");
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_accounts").await, 0);
}
