//! The documented accounts of the database: each can do its work, and no more.

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use crate::program::{Running, create_account, run, run_with_input};
use crate::support::{Database, HOWTO, PASSWORD};

const GRANTS: &str = include_str!("../../docs/grants.sql");

/// The address of the database for another account.
fn url(database: &Database, account: &str, password: &str) -> String {
    let (_, place) = database.url.split_once('@').expect("an address");
    format!("mysql://{account}:{password}@{place}")
}

/// Whether an account is allowed a statement.
async fn may(url: &str, statement: &str) -> bool {
    let mut connection = MySqlConnection::connect(url).await.expect("the account connects");
    match connection.execute(AssertSqlSafe(statement.to_owned())).await {
        Ok(_) => true,
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("denied"), "{statement}: {error}");
            false
        }
    }
}

#[tokio::test]
async fn every_documented_account_can_do_its_work_and_no_more() {
    let database = Database::empty("CHARACTER SET utf8mb4").await;
    database.script(HOWTO).await;
    let grants = GRANTS.replace("maildb.", &format!("{}.", database.name));
    let (before_migrate, after_migrate) = grants.split_once("-- Postfix, which").expect("Postfix's part");

    database.script(before_migrate).await;
    let migration = url(&database, "postwarden_migrate", "migrate-password");
    run(&["migrate"], &[("DATABASE_URL", &migration)]).done();
    assert!(!may(&migration, "ALTER TABLE aliases ADD x INT").await);
    assert!(!may(&migration, "DROP TABLE pw_changes").await);
    database.script(&format!("-- {after_migrate}")).await;

    the_panel_works_with(&database, &url(&database, "postwarden", "panel-password")).await;
    postfix_reads_with(&url(&database, "postfix", "postfix-password")).await;
}

#[tokio::test]
async fn a_restore_is_tried_with_the_panel_s_account_and_done_with_that_of_migrate() {
    let database = Database::empty("CHARACTER SET utf8mb4").await;
    database.script(HOWTO).await;
    let grants = GRANTS.replace("maildb.", &format!("{}.", database.name));
    // Another test makes the same accounts on this server.
    let grants = grants
        .replace("'postwarden_migrate'", "'restoring'")
        .replace("'postwarden'", "'trying'");
    let (accounts, _) = grants.split_once("-- Postfix, which").expect("Postfix's part");
    database.script(accounts).await;
    let migration = url(&database, "restoring", "migrate-password");
    let panel = url(&database, "trying", "panel-password");
    run(&["migrate"], &[("DATABASE_URL", &migration)]).done();
    create_account(&database, "joe", "operator", &[]);
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("mail.backup");
    let path = path.to_str().expect("a path");
    run(&["backup", path], &[("DATABASE_URL", &panel)]).done();
    let rows = "SELECT * FROM aliases ORDER BY pkid";
    let before = database.rows(rows).await;
    database
        .script(
            "DELETE FROM aliases WHERE pkid = 1; UPDATE aliases SET destination = 'x@y.example' WHERE pkid = 2;
             INSERT INTO aliases (pkid, mail, destination) VALUES (900, 'a@b.example', 'c@d.example')",
        )
        .await;
    let changed = database.rows(rows).await;
    for account in [&panel, &migration] {
        let dry = run(&["restore", "--dry-run", path], &[("DATABASE_URL", account)]).done();
        assert!(
            dry.contains(": would be 1 added, 1 changed, 1 removed\n"),
            "{dry}"
        );
        assert!(
            dry.contains(": would be 0 added, 0 changed, 0 removed\n"),
            "{dry}"
        );
        assert_eq!(database.rows(rows).await, changed);
    }
    let line = run(&["restore", path], &[("DATABASE_URL", &panel)]).refused(1);
    assert!(
        line.contains("CREATE TEMPORARY TABLES") && line.contains("postwarden_migrate"),
        "{line}"
    );
    assert!(!line.contains("does not answer"), "{line}");
    assert_eq!(database.rows(rows).await, changed);

    let said = run(&["restore", path], &[("DATABASE_URL", &migration)]).done();
    assert!(said.contains(": 1 added, 1 changed, 1 removed\n"), "{said}");
    assert_eq!(database.rows(rows).await, before);
    // A table that is gone is made again, which the panel's account may not.
    database.script("DROP TABLE relays").await;
    let line = run(&["restore", path], &[("DATABASE_URL", &panel)]).refused(1);
    assert!(
        line.contains("CREATE command denied") && line.contains("postwarden_migrate"),
        "{line}"
    );
    run(&["restore", path], &[("DATABASE_URL", &migration)]).done();
    assert_ne!(database.count("SELECT COUNT(*) FROM relays").await, 0);
}

async fn the_panel_works_with(database: &Database, account: &str) {
    let variables = [("DATABASE_URL", account)];
    assert_eq!(run(&["migrate"], &variables).done(), "nothing is missing\n");
    run_with_input(
        &[
            "account",
            "create",
            "cli",
            "--role",
            "auditor",
            "--password-stdin",
        ],
        &variables,
        &format!("{PASSWORD}\n"),
    )
    .done();
    create_account(database, "joe", "operator", &[]);
    let panel = Running::serve(&variables);
    let joe = panel.signed_in("joe", PASSWORD).await;
    for page in [
        "",
        "domains",
        "aliases",
        "backups",
        "relays",
        "relocated",
        "changes",
        "search?q=blobber",
    ] {
        assert_eq!(joe.get(page).await.status, 200, "/{page}");
    }
    let fields = [
        ("mail", "shop@blobber.org"),
        ("destination", "x@y.example"),
        ("enabled", "1"),
    ];
    assert_eq!(joe.post("aliases", &fields).await.status, 303);
    let key = database
        .value("SELECT pkid FROM aliases WHERE mail = 'shop@blobber.org'")
        .await;
    let row = format!("aliases/{}", key.expect("a row"));
    assert_eq!(joe.post(&row, &fields[..2]).await.status, 303);
    assert_eq!(
        joe.post(&format!("{row}/enabled"), &[("value", "1")])
            .await
            .status,
        303
    );
    assert_eq!(
        joe.post(&format!("{row}/delete"), &[("confirm", "1")])
            .await
            .status,
        303
    );
    assert_eq!(joe.post("logout", &[]).await.status, 303);
    let changes = run(&["changes"], &variables).done();
    assert_eq!(changes.lines().count(), 4, "{changes}");
    for statement in [
        "CREATE TABLE x (y INT)",
        "ALTER TABLE aliases ADD x INT",
        "DROP TABLE aliases",
    ] {
        assert!(!may(account, statement).await, "{statement}");
    }
    panel.stop();
}

async fn postfix_reads_with(account: &str) {
    for statement in [
        "SELECT domain FROM domains WHERE domain = 'blobber.org' AND enabled = 1",
        "SELECT transport FROM domains WHERE domain = 'blobber.org' AND enabled = 1",
        "SELECT destination FROM aliases WHERE mail = 'karl@blobber.org' AND enabled = 1",
        "SELECT maildir FROM users WHERE id = 'vivita@blobber.org' AND enabled = 1",
        "SELECT transport FROM backups WHERE domain = 'friend1.com' AND enabled = 1",
        "SELECT status FROM relays WHERE recipient = '@friend1.com' AND enabled = 1",
        "SELECT newadr FROM relocated WHERE oldadr = 'pete@domain1.com' AND enabled = 1",
        "SELECT CONCAT(action, ' ', message) FROM access_rules WHERE kind = 'sender' AND enabled = 1",
    ] {
        assert!(may(account, statement).await, "{statement}");
    }
    for statement in [
        "SELECT crypt FROM users",
        "SELECT clear FROM users",
        "SELECT * FROM users",
        "SELECT name FROM pw_accounts",
        "SELECT id FROM pw_sessions",
        "SELECT row_before FROM pw_changes",
        "INSERT INTO aliases (mail, destination) VALUES ('a@b.example', 'c@d.example')",
        "UPDATE domains SET enabled = 0",
        "UPDATE users SET enabled = 0",
        "DELETE FROM relays",
        "CREATE TABLE x (y INT)",
    ] {
        assert!(!may(account, statement).await, "{statement}");
    }
}
