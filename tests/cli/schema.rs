//! `postwarden schema doctor` and `postwarden schema upgrade`, on databases of every kind.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use postwarden::access::Actor;
use postwarden::adoption::Step;
use postwarden::postfix::MAPS;
use serde_json::Value as Json;

use crate::program::on;
use crate::support::{Database, HOWTO};

pub const POSTFIXADMIN: &str = include_str!("../data/postfixadmin.sql");
pub const SORTING_OFFICE: &str = include_str!("../data/sorting_office.sql");

async fn made_of(options: &str, statements: &str) -> Database {
    let database = Database::empty(options).await;
    database.script(statements).await;
    database
}

/// The howto's own tables on a server as old as the howto, with a panel set up.
async fn old_howto() -> Database {
    let database = made_of("CHARACTER SET latin1", HOWTO).await;
    on(&database, &["migrate"]).done();
    database
}

fn doctor(database: &Database) -> Json {
    let finished = on(database, &["schema", "doctor", "--json"]);
    let json: Json = serde_json::from_str(&finished.stdout).expect("JSON");
    let is_sound = json["findings"] == Json::Array(Vec::new()) && json["plan"] == Json::Array(Vec::new());
    let is_ours = ["postwarden", "howto", "sorting-office"]
        .map(Json::from)
        .contains(&json["origin"]["kind"]);
    assert_eq!(
        finished.code,
        Some(if is_sound && is_ours { 0 } else { 3 }),
        "{json}"
    );
    json
}

/// The statements of a plan that can run now, or those that cannot.
fn statements(diagnosis: &Json, blocked: bool) -> Vec<String> {
    let steps = diagnosis["plan"].as_array().expect("steps").iter();
    steps
        .filter(|step| step["first"].is_null() != blocked)
        .map(|step| step["statement"].as_str().expect("a statement").to_owned())
        .collect()
}

fn finding<'j>(diagnosis: &'j Json, rule: &str, table: &str) -> Option<&'j Json> {
    let findings = diagnosis["findings"].as_array().expect("findings");
    findings.iter().find(|f| f["rule"] == rule && f["table"] == table)
}

/// Everything Postfix can read: every stored column of every row, and what each lookup table answers for each key.
async fn as_postfix_reads(database: &Database) -> Vec<String> {
    let store = database.store().await;
    let names = store.schema().await.expect("a schema").names();
    let mut read = Vec::new();
    for table in ["domains", "aliases", "users", "backups", "relays", "relocated"] {
        let columns = database
            .rows(&format!(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() \
                 AND table_name = '{table}' AND generation_expression IS NULL ORDER BY ordinal_position"
            ))
            .await;
        let hex: Vec<String> = columns
            .iter()
            .filter_map(|row| row[0].clone())
            .map(|column| {
                format!("HEX(CONVERT({column} USING utf8mb4)), HEX(CONVERT({column} USING latin1))")
            })
            .collect();
        for row in database
            .rows(&format!(
                "SELECT {} FROM {table} ORDER BY 1, 2, 3",
                hex.join(", ")
            ))
            .await
        {
            read.push(format!("{table} {row:?}"));
        }
    }
    for map in MAPS.iter().filter(|map| map.table != "access_rules") {
        let query = map.as_query(&names).expect("a query");
        let key = map.needs[0];
        for row in database
            .rows(&format!("SELECT {key} FROM {} ORDER BY HEX({key})", map.table))
            .await
        {
            let key = row[0].clone().unwrap_or_default();
            if let Some(sql) = query.sql(&key) {
                let answer = store.answer(&sql).await.expect("an answer");
                read.push(format!("{} {key:?} {answer:?}", map.name));
            }
        }
    }
    // What it has begun would be in the way of every ALTER.
    store.close().await;
    read
}

#[tokio::test]
async fn the_doctor_knows_who_made_a_database() {
    for (kind, statements) in [
        ("howto", HOWTO),
        ("postfix-admin", POSTFIXADMIN),
        ("sorting-office", SORTING_OFFICE),
        ("empty", "DO 1"),
        ("unknown", "CREATE TABLE wp_posts (id INT)"),
        (
            "i-red-mail",
            "CREATE TABLE mailbox (username INT, storagebasedirectory INT, maildir INT); CREATE TABLE domain (domain INT, \
             backupmx INT); CREATE TABLE alias (address INT, goto INT); CREATE TABLE alias_domain (target_domain INT)",
        ),
        (
            "isp-config",
            "CREATE TABLE mail_user (email INT); CREATE TABLE mail_forwarding (source INT); CREATE TABLE mail_domain (domain INT)",
        ),
        (
            "modoboa",
            "CREATE TABLE admin_domain (name INT); CREATE TABLE admin_mailbox (address INT); CREATE TABLE admin_alias (address INT)",
        ),
        (
            "vexim",
            "CREATE TABLE users (user_id INT, localpart INT); CREATE TABLE domains (domain_id INT, domain INT)",
        ),
        (
            "isp-mail",
            "CREATE TABLE virtual_domains (name INT); CREATE TABLE virtual_users (email INT); \
             CREATE TABLE virtual_aliases (source INT)",
        ),
    ] {
        let database = made_of("", statements).await;
        assert_eq!(doctor(&database)["origin"]["kind"], kind);
    }
    let fresh = Database::fresh().await;
    assert_eq!(doctor(&fresh)["origin"]["kind"], "postwarden");
    assert!(
        on(&fresh, &["schema", "doctor"])
            .done()
            .ends_with("-- There is nothing to do.\n")
    );
}

#[tokio::test]
async fn the_doctor_tells_editions_of_the_howto_apart() {
    let database = made_of("", HOWTO).await;
    database
        .script(
            "ALTER TABLE users ADD procmailrc varchar(128) NOT NULL DEFAULT ''; DROP TABLE relays; \
             INSERT INTO backups (domain, transport) VALUES ('jane@friend1.com', 'smtp:[mx.example.org]')",
        )
        .await;
    let notes = doctor(&database)["origin"]["notes"].to_string();
    for part in [
        "users.procmailrc",
        "smallint",
        "Without `relays`",
        "kept in `domains`: 1 row",
        "kept in `backups`: 1 row",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

#[tokio::test]
async fn the_doctor_names_what_is_wrong_and_writes_nothing() {
    let database = Database::odd().await;
    database
        .script("UPDATE users SET crypt = 'sdtrusfX0Jj66' WHERE id = 'mary@bloggs.com'; ALTER TABLE relays ENGINE=MyISAM")
        .await;
    let tables = "CHECKSUM TABLE domains, aliases, users, backups, relays, relocated";
    let shape = "SELECT table_name, column_name, column_type, column_default FROM information_schema.columns \
                 WHERE table_schema = DATABASE() ORDER BY 1, 2";
    let before = (database.rows(tables).await, database.rows(shape).await);
    let diagnosis = doctor(&database);
    assert_eq!((database.rows(tables).await, database.rows(shape).await), before);

    let message = |rule, table| {
        let found =
            finding(&diagnosis, rule, table).unwrap_or_else(|| panic!("{rule} {table}: {diagnosis:#}"));
        found["message"].as_str().expect("a message").to_owned()
    };
    assert!(message("PW109", "aliases").contains("of 32767"));
    assert!(
        message("PW303", "aliases").contains("destination holds 120 characters (the longest now has 120)")
    );
    assert!(message("PW304", "users").contains("latin1_swedish_ci"));
    assert!(message("PW122", "backups").contains(":[]"));
    assert!(message("PW154", "users").contains("users.crypt"));
    assert!(message("PW209", "relays").contains("MyISAM"));
    assert!(message("PW226", "users").starts_with("3 rows of users with a hash of DES"));
    assert!(message("PW306", "aliases").contains("josÃ©@blobber.org"));
    assert!(message("PW305", "domains").contains("münchen.example"));
    assert!(message("PW308", "relocated").contains("dom"));
    // blobber.org three times and once in capitals; the blank one and the space, which count as equal.
    let duplicates = &finding(&diagnosis, "PW115", "domains").expect("told")["rows"];
    assert_eq!(duplicates["count"], 6);
    assert_eq!(duplicates["first"].as_array().map(Vec::len), Some(6));
    let blocked = statements(&diagnosis, true);
    assert!(
        blocked.contains(&"ALTER TABLE domains ADD UNIQUE KEY (domain)".to_owned()),
        "{blocked:#?}"
    );
}

#[tokio::test]
async fn what_the_doctor_prints_can_be_fed_to_the_server() {
    let database = made_of("CHARACTER SET latin1", HOWTO).await;
    let before = as_postfix_reads(&database).await;
    let finished = on(&database, &["schema", "doctor"]);
    assert_eq!(finished.code, Some(3));
    database.script(&finished.stdout).await;
    assert_eq!(as_postfix_reads(&database).await, before);
    let left = doctor(&database);
    assert_eq!(left["origin"]["kind"], "postwarden");
    assert_eq!(left["plan"], Json::Array(Vec::new()));
    // The howto's passwords are no matter of types.
    assert_eq!(left["findings"].as_array().map(Vec::len), Some(1), "{left:#}");
}

#[tokio::test]
async fn an_upgrade_prints_its_plan_and_runs_it_only_when_told() {
    let database = old_howto().await;
    let before = doctor(&database);
    let printed = on(&database, &["schema", "upgrade"]).done();
    for statement in statements(&before, false) {
        assert!(
            printed.contains(&format!("{statement};")),
            "{statement} in {printed}"
        );
    }
    assert_eq!(doctor(&database), before);
}

#[tokio::test]
async fn an_upgraded_database_is_read_as_before_and_holds_more() {
    for database in [old_howto().await, Database::odd().await] {
        database.script("ALTER TABLE aliases ENGINE=MyISAM").await;
        let folder = tempfile::tempdir().expect("a folder");
        let backup = folder.path().join("before.backup");
        let backup = backup.to_str().expect("a path");
        let before = as_postfix_reads(&database).await;
        let planned = statements(&doctor(&database), false);
        let finished = on(&database, &["schema", "upgrade", "--apply", "--backup", backup]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        // A table without transactions may be half in the backup.
        assert!(finished.stderr.contains("MyISAM"), "{finished:?}");
        let printed = finished.stdout;
        assert_eq!(
            printed.matches("every row reads as before").count(),
            planned.len(),
            "{printed}"
        );
        assert_eq!(as_postfix_reads(&database).await, before);
        assert!(std::fs::metadata(backup).expect("a backup").len() > 1_000);
        assert_eq!(statements(&doctor(&database), false), [""; 0]);
        let again = on(
            &database,
            &[
                "schema",
                "upgrade",
                "--apply",
                "--backup",
                "/nonexistent/never-written",
            ],
        )
        .done();
        assert!(again.starts_with("nothing to do\n"), "{again}");
        // The panel writes into it, and longer values than before.
        let rows = folder.path().join("rows.csv");
        let members: Vec<String> = (0..40).map(|n| format!("member{n}@example.org")).collect();
        std::fs::write(
            &rows,
            format!("mail,destination\nlong@blobber.org,\"{}\"\n", members.join(",")),
        )
        .expect("a file");
        on(&database, &["import", "aliases", rows.to_str().expect("a path")]);
        assert_eq!(
            database
                .count("SELECT LENGTH(destination) FROM aliases WHERE mail = 'long@blobber.org'")
                .await,
            members.join(",").len() as u64
        );
    }
}

#[tokio::test]
async fn rows_that_would_be_found_for_other_addresses_keep_their_character_set() {
    let database = old_howto().await;
    // In latin1_swedish_ci ä is no a; in utf8mb4_general_ci it is.
    database
        .script("INSERT INTO aliases (mail, destination) VALUES (X'6DE4727461406578616D706C65', 'root@localhost')")
        .await;
    let diagnosis = doctor(&database);
    let blocked = statements(&diagnosis, true);
    assert!(
        blocked
            .iter()
            .any(|s| s.contains("MODIFY mail VARCHAR(255) CHARACTER SET utf8mb4")),
        "{blocked:#?}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let backup = folder.path().join("b");
    let printed = on(
        &database,
        &[
            "schema",
            "upgrade",
            "--apply",
            "--backup",
            backup.to_str().expect("a path"),
        ],
    )
    .done();
    assert!(
        printed.contains("left: ALTER TABLE aliases MODIFY mail"),
        "{printed}"
    );
    let found = "SELECT COUNT(*) FROM aliases WHERE mail = 'marta@example'";
    assert_eq!(database.count(found).await, 0);
    let capacity = "SELECT character_maximum_length FROM information_schema.columns WHERE table_schema = DATABASE() \
                    AND table_name = 'aliases' AND column_name = 'mail'";
    assert_eq!(database.value(capacity).await.as_deref(), Some("255"));
}

#[tokio::test]
async fn whatever_is_read_differently_after_a_statement_is_told() {
    let database = Database::odd().await;
    let store = database.store().await;
    let actor = Actor::command_line();
    for (table, statement, told) in [
        (
            "aliases",
            "ALTER IGNORE TABLE aliases MODIFY destination VARCHAR(10) NOT NULL",
            "reads differently",
        ),
        (
            "aliases",
            "UPDATE aliases SET enabled = 0 WHERE mail = 'karl@blobber.org'",
            "reads differently",
        ),
        (
            "users",
            "UPDATE users SET uid = 5001 WHERE id = 'mary@bloggs.com'",
            "Row mary@bloggs.com reads differently",
        ),
        (
            "relays",
            "DELETE FROM relays WHERE recipient = 'info@example.org'",
            "is gone",
        ),
        (
            "backups",
            "ALTER TABLE backups DROP transport",
            "The column transport is gone",
        ),
        (
            "domains",
            "ALTER TABLE domains MODIFY domain VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL",
            "is found together with others",
        ),
        ("relocated", "DROP TABLE relocated", "The table relocated is gone"),
    ] {
        let step = Step {
            table: table.to_owned(),
            statement: statement.to_owned(),
            reason: String::new(),
            first: None,
        };
        let differences = store.run_step(&actor, &step).await.expect(statement);
        assert!(
            differences.iter().any(|d| d.contains(told)),
            "{statement}: {differences:?}"
        );
        assert!(differences.len() <= 5);
    }
    // The letters alone: no two rows are equal, but another address would find one.
    database
        .script("INSERT INTO users (id, maildir) VALUES (X'6DE4727461406578616D706C65', 'm/')")
        .await;
    let step = Step {
        table: "users".to_owned(),
        statement: "ALTER TABLE users MODIFY id VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL".to_owned(),
        reason: String::new(),
        first: None,
    };
    let differences = store.run_step(&actor, &step).await.expect("run");
    assert!(
        differences
            .iter()
            .any(|d| d.contains("`ä` and `a` are compared otherwise")),
        "{differences:?}"
    );
}

#[tokio::test]
async fn an_upgrade_that_fails_names_the_statement_and_the_backup() {
    let database = old_howto().await;
    // An account as the panel's own, which cannot alter.
    let user = format!("{}_narrow", database.name);
    database
        .script(&format!(
            "CREATE USER '{user}'@'localhost' IDENTIFIED BY 'narrow'; CREATE USER '{user}'@'127.0.0.1' IDENTIFIED BY 'narrow'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {0}.* TO '{user}'@'localhost'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {0}.* TO '{user}'@'127.0.0.1'",
            database.name
        ))
        .await;
    let mut url = url::Url::parse(&database.url).expect("an address");
    url.set_username(&user).expect("a name");
    url.set_password(Some("narrow")).expect("a password");
    let narrow = Database {
        url: url.to_string(),
        name: database.name.clone(),
    };
    let before = as_postfix_reads(&database).await;
    let folder = tempfile::tempdir().expect("a folder");
    let backup = folder.path().join("before.backup");
    let backup = backup.to_str().expect("a path");
    let finished = on(&narrow, &["schema", "upgrade", "--apply", "--backup", backup]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let line = finished.stderr.lines().last().unwrap_or_default();
    for part in ["stopped at `ALTER TABLE domains", "needs ALTER", backup] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(as_postfix_reads(&database).await, before);
    // A backup is never written over.
    let second = on(&database, &["schema", "upgrade", "--apply", "--backup", backup]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("exists already"), "{second:?}");
}

#[tokio::test]
async fn a_killed_upgrade_leaves_each_table_as_before_or_after_a_statement() {
    let database = old_howto().await;
    let before = as_postfix_reads(&database).await;
    let planned = statements(&doctor(&database), false).len();
    let folder = tempfile::tempdir().expect("a folder");
    for (round, after) in [2, 5, 9].into_iter().enumerate() {
        let backup = folder.path().join(format!("{round}.backup"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_postwarden"))
            .args([
                "schema",
                "upgrade",
                "--apply",
                "--backup",
                backup.to_str().expect("a path"),
            ])
            .env("DATABASE_URL", &database.url)
            .env("POSTWARDEN_CONFIG", "/dev/null")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let read = lines.map_while(Result::ok).take(after).count();
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_eq!(read, after);
        assert_eq!(as_postfix_reads(&database).await, before);
        let left = statements(&doctor(&database), false).len();
        assert!(left > 0 && left < planned, "{left} of {planned}");
    }
    let backup = folder.path().join("last.backup");
    on(
        &database,
        &[
            "schema",
            "upgrade",
            "--apply",
            "--backup",
            backup.to_str().expect("a path"),
        ],
    )
    .done();
    assert_eq!(doctor(&database)["plan"], Json::Array(Vec::new()));
    assert_eq!(as_postfix_reads(&database).await, before);
}
