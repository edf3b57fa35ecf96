//! `postwarden backup` and `postwarden restore`.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use url::Url;

use crate::export::below_a_shell;
use crate::program::{Running, create_account, on};
use crate::support::{Database, HOWTO, PASSWORD};

/// What mariadb-dump makes of a database, but for tables that no archive keeps.
fn dump(database: &Database) -> String {
    let url = Url::parse(&database.url).expect("an address");
    let mut command = Command::new("mariadb-dump");
    command
        .args([
            "--no-defaults",
            "--skip-comments",
            "--skip-extended-insert",
            "--hex-blob",
        ])
        .arg(format!("--host={}", url.host_str().expect("a host")))
        .arg(format!("--port={}", url.port().expect("a port")))
        .arg(format!("--user={}", url.username()))
        .arg(format!("--password={}", url.password().expect("a password")));
    for table in ["pw_sessions", "pw_throttle", "pw_backups"] {
        command.arg(format!("--ignore-table={}.{table}", database.name));
    }
    let output = command.arg(&database.name).output().expect("mariadb-dump");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn drop_all(database: &Database) {
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()";
    let mut script = "SET foreign_key_checks = 0".to_owned();
    for row in database.rows(tables).await {
        let name = row[0].as_deref().expect("a name");
        let _ = write!(script, "; DROP TABLE `{name}`");
    }
    database.script(&script).await;
}

/// A place for files, and an archive in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("mail.backup");
    (dir, path)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// A panel that has people and a record.
async fn in_use(database: &Database) {
    create_account(database, "joe", "operator", &[]);
    let panel = Running::serve_on(database);
    let joe = panel.signed_in("joe", PASSWORD).await;
    let fields = [
        ("mail", "new@blobber.org"),
        ("destination", "x@y.example"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    assert_eq!(joe.post("aliases", &fields).await.status, 303);
}

#[tokio::test]
async fn an_archive_brings_back_every_table_byte_for_byte() {
    for database in [Database::odd().await, Database::fresh().await] {
        database
            .script(
                "CREATE TABLE other (x INT); INSERT INTO access_rules (kind, pattern, cidr_lo, cidr_hi) VALUES ('client', \
                 '10.0.0.0/8', X'0A000000', X'0AFFFFFF')",
            )
            .await;
        in_use(&database).await;
        database.script("DROP TABLE other").await;
        let before = dump(&database);
        assert!(before.contains("new@blobber.org") && before.contains("CREATE TABLE `pw_changes`"));
        let (_dir, path) = place();
        let said = on(&database, &["backup", text(&path)]).done();
        assert!(said.starts_with("wrote ") && said.contains(text(&path)), "{said}");
        assert_eq!(dump(&database), before);

        drop_all(&database).await;
        let dry = on(&database, &["restore", "--dry-run", text(&path)]).done();
        assert!(dry.contains("no such table in the database: would be "), "{dry}");
        assert!(!dump(&database).contains("CREATE"), "a dry run makes no table");
        let said = on(&database, &["restore", text(&path)]).done();
        assert!(
            !said.contains("recorded"),
            "nothing was there to be undone: {said}"
        );
        assert_eq!(dump(&database), before);
        // The panel works on it.
        let panel = Running::serve_on(&database);
        let joe = panel.signed_in("joe", PASSWORD).await;
        assert_eq!(joe.get("aliases").await.status, 200);
    }
}

#[tokio::test]
async fn rows_that_differ_are_made_what_they_were_as_one_recorded_change() {
    let database = Database::howto().await;
    in_use(&database).await;
    let rows = "SELECT * FROM aliases ORDER BY pkid";
    let before = database.rows(rows).await;
    let (_dir, path) = place();
    on(&database, &["backup", text(&path)]).done();
    let again = on(&database, &["restore", text(&path)]).done();
    assert!(
        again.contains("0 added, 0 changed, 0 removed") && !again.contains("recorded"),
        "{again}"
    );

    // Two rows swap what only one may have, one is new, two are gone, one has other letters.
    database
        .script(
            "UPDATE aliases SET mail = 'tmp' WHERE pkid = 1; UPDATE aliases SET mail = 'postmaster@localhost' WHERE pkid = 2;
             UPDATE aliases SET mail = 'sysadmin@localhost' WHERE pkid = 1;
             INSERT INTO aliases (pkid, mail, destination) VALUES (900, 'later@blobber.org', 'x@y.example');
             DELETE FROM aliases WHERE pkid IN (3, 4);
             UPDATE users SET id = UPPER(id) WHERE id = 'root@localhost'",
        )
        .await;
    let changed = dump(&database);
    let dry = on(&database, &["restore", "--dry-run", text(&path)]).done();
    assert!(dry.contains(": would be 2 added, 2 changed, 1 removed"), "{dry}");
    assert!(
        dry.contains("\nusers: ") && dry.contains(": would be 1 added, 0 changed, 1 removed"),
        "{dry}"
    );
    assert_eq!(dump(&database), changed, "a dry run changes nothing");

    let said = on(&database, &["restore", text(&path)]).done();
    assert!(said.contains(": 2 added, 2 changed, 1 removed"), "{said}");
    assert!(said.contains("recorded as change 2;"), "{said}");
    assert!(
        said.contains("pw_accounts: 1 in the archive, 1 in the database: left as it is"),
        "{said}"
    );
    assert_eq!(database.rows(rows).await, before);
    let recorded = "SELECT action, COUNT(*), SUM(row_before IS NULL), SUM(row_after IS NULL) FROM pw_changes WHERE change_id \
                    = 2 GROUP BY action ORDER BY action";
    let words = |row: &[&str]| {
        row.iter()
            .map(|word| Some((*word).to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        database.rows(recorded).await,
        [
            words(&["create", "3", "3", "0"]),
            words(&["update", "2", "0", "0"]),
            words(&["delete", "2", "0", "2"])
        ]
    );
    let swapped = "SELECT JSON_VALUE(row_before, '$.mail'), JSON_VALUE(row_after, '$.mail') FROM pw_changes WHERE \
                   change_id = 2 AND action = 'update' AND row_key = '1'";
    assert_eq!(
        database.rows(swapped).await,
        [words(&["sysadmin@localhost", "postmaster@localhost"])]
    );
    let note = database
        .value("SELECT what FROM pw_change_notes WHERE change_id = 2")
        .await;
    assert_eq!(note.as_deref(), Some("restore of mail.backup"));
}

#[tokio::test]
async fn the_panel_s_own_tables_stay_unless_they_are_asked_for_and_everybody_is_then_signed_out() {
    let database = Database::howto().await;
    in_use(&database).await;
    let (_dir, path) = place();
    on(&database, &["backup", text(&path)]).done();
    let accounts = "SELECT COUNT(*) FROM pw_accounts";
    create_account(&database, "ann", "operator", &[]);
    database.script("DELETE FROM aliases").await;
    let panel = Running::serve_on(&database);
    let ann = panel.signed_in("ann", PASSWORD).await;

    on(&database, &["restore", text(&path)]).done();
    assert_eq!(database.count(accounts).await, 2);
    assert_eq!(ann.get("aliases").await.status, 200, "she stays");
    assert_eq!(database.count("SELECT MAX(change_id) FROM pw_changes").await, 2);

    let said = on(&database, &["restore", "--panel", text(&path)]).done();
    assert!(
        said.contains("pw_accounts: 1 in the archive, 2 in the database: replaced"),
        "{said}"
    );
    assert_eq!(database.count(accounts).await, 1);
    assert_eq!(database.count("SELECT MAX(change_id) FROM pw_changes").await, 1);
    assert_eq!(
        database.count("SELECT last_change FROM pw_counter").await,
        2,
        "no number is given twice"
    );
}

#[tokio::test]
async fn an_adopted_database_gets_its_panel_back_and_a_change_to_undo() {
    let database = Database::howto().await;
    in_use(&database).await;
    let (_dir, path) = place();
    on(&database, &["backup", text(&path)]).done();
    let other = Database::howto().await;
    let said = on(&other, &["restore", text(&path)]).done();
    assert!(
        said.contains("recorded as change 2;"),
        "after those of the archive: {said}"
    );
    assert_eq!(other.count("SELECT COUNT(*) FROM pw_accounts").await, 1);
    assert_eq!(other.count("SELECT last_change FROM pw_counter").await, 2);

    let bare = Database::empty("CHARACTER SET utf8mb4").await;
    bare.script(HOWTO).await;
    let dry = on(&bare, &["restore", "--dry-run", text(&path)]).refused(1);
    assert!(dry.contains("postwarden migrate"), "{dry}");
}

#[tokio::test]
async fn a_damaged_archive_is_refused_in_one_line_and_touches_nothing() {
    let database = Database::howto().await;
    let (_dir, path) = place();
    on(&database, &["backup", text(&path)]).done();
    let whole = std::fs::read(&path).expect("read");
    database.script("DELETE FROM aliases").await;
    let before = dump(&database);
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 4;
    for (bytes, why) in [
        (whole[..whole.len() / 2].to_vec(), "is cut short"),
        (whole[..whole.len() - 1].to_vec(), "is cut short"),
        (altered, "is damaged or altered"),
        (b"DROP TABLE users".to_vec(), "is no backup"),
        (Vec::new(), "is cut short"),
    ] {
        std::fs::write(&path, bytes).expect("written");
        let said = on(&database, &["restore", text(&path)]).refused(1);
        assert!(said.contains(why), "{said}");
        assert_eq!(dump(&database), before, "{why}");
    }
    let nowhere = on(&database, &["restore", "/nowhere"]).refused(1);
    assert!(nowhere.contains("/nowhere: No such file"), "{nowhere}");
}

#[tokio::test]
async fn a_table_of_another_shape_is_not_restored_into() {
    let database = Database::howto().await;
    let (_dir, path) = place();
    on(&database, &["backup", text(&path)]).done();
    for change in [
        "ALTER TABLE relays ADD remark TEXT",
        "ALTER TABLE relays DROP remark, CONVERT TO CHARACTER SET latin1",
        "ALTER TABLE relays CONVERT TO CHARACTER SET utf8mb4, ENGINE=MyISAM; INSERT INTO relays (recipient) VALUES ('x')",
    ] {
        database.script(change).await;
        database.script("DELETE FROM aliases").await;
        let before = dump(&database);
        let said = on(&database, &["restore", text(&path)]).refused(1);
        assert!(said.contains("relays"), "{said}");
        assert_eq!(dump(&database), before, "{change}");
    }
}

#[tokio::test]
async fn an_archive_is_its_owner_s_alone_whole_and_never_replaced_unasked() {
    let database = Database::howto().await;
    let (dir, path) = place();
    on(&database, &["backup", text(&path)]).done();
    let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = std::fs::read(&path).expect("read");
    let run = "SELECT file, bytes, sha256, row_count, origin FROM pw_backups ORDER BY id DESC LIMIT 1";
    let recorded = database.rows(run).await.remove(0);
    let sum = hex::encode(Sha256::digest(&bytes));
    assert_eq!(recorded[0].as_deref(), Some(text(&path)));
    assert_eq!(recorded[1].as_deref(), Some(bytes.len().to_string().as_str()));
    assert_eq!(recorded[2].as_deref(), Some(sum.as_str()));
    assert_ne!(recorded[3].as_deref(), Some("0"));
    assert_eq!(recorded[4].as_deref(), Some("command line"));

    let said = on(&database, &["backup", text(&path)]).refused(1);
    assert!(
        said.contains("exists already") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
    on(&database, &["backup", "--force", text(&path)]).done();

    // The disk is full.
    database
        .script(
            "INSERT INTO relocated (oldadr, newadr) SELECT CONCAT(MD5(RAND()), seq), MD5(RAND()) FROM seq_1_to_20000",
        )
        .await;
    let bytes = std::fs::read(&path).expect("read");
    let mut full = below_a_shell(
        "trap '' XFSZ; ulimit -f 200; exec \"$@\"",
        &database,
        &["backup", "--force", text(&path)],
    );
    let output = full.output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(
        (output.status.code(), said.lines().count()),
        (Some(1), 1),
        "{said}"
    );
    assert!(said.contains("File too large"), "{said}");
    assert_eq!(std::fs::read(&path).expect("read"), bytes);
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 1);
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_backups").await, 2);
}

#[tokio::test]
async fn sessions_are_in_no_archive_and_engines_without_transactions_are_named() {
    let database = Database::howto().await;
    create_account(&database, "joe", "operator", &[]);
    let panel = Running::serve_on(&database);
    panel.signed_in("joe", PASSWORD).await;
    database.script("ALTER TABLE relays ENGINE=MyISAM").await;
    let (_dir, path) = place();
    let finished = on(&database, &["backup", text(&path)]);
    assert_eq!(finished.code, Some(0));
    assert!(
        finished.stderr.contains("relays uses the engine MyISAM"),
        "{}",
        finished.stderr
    );
    let other = Database::empty("CHARACTER SET utf8mb4").await;
    on(&other, &["restore", text(&path)]).done();
    assert_eq!(other.count("SELECT COUNT(*) FROM pw_sessions").await, 0);
    assert_eq!(
        other.count("SELECT COUNT(*) FROM relays").await,
        database.count("SELECT COUNT(*) FROM relays").await
    );
}

#[tokio::test]
async fn writes_during_a_backup_are_in_it_whole_or_not_at_all() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@mine.example'), REPEAT('x', 200) FROM \
             seq_1_to_40000",
        )
        .await;
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (database, over) = (database.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                n += 1;
                database
                    .script(&format!(
                        "START TRANSACTION; INSERT INTO aliases (mail, destination) VALUES ('z{n}@pair.example', 'x'); INSERT \
                         INTO relocated (oldadr, newadr) VALUES ('z{n}@pair.example', 'x'); COMMIT"
                    ))
                    .await;
            }
            n
        })
    };
    let (dir, _) = place();
    let mut seen = Vec::new();
    for round in 0..3 {
        let path = dir.path().join(format!("{round}.backup"));
        let (archived, of) = (text(&path).to_owned(), database.clone());
        let finished = tokio::task::spawn_blocking(move || on(&of, &["backup", &archived]));
        finished.await.expect("it ends").done();
        let other = Database::empty("CHARACTER SET utf8mb4").await;
        on(&other, &["restore", text(&path)]).done();
        let aliases = other
            .count("SELECT COUNT(*) FROM aliases WHERE mail LIKE '%@pair.example'")
            .await;
        let relocated = other.count("SELECT COUNT(*) FROM relocated").await;
        assert_eq!(aliases, relocated, "of what was written together both are there");
        seen.push(aliases);
    }
    over.store(true, Ordering::Relaxed);
    let written = writer.await.expect("it writes");
    assert!(seen[0] < seen[2] && seen[2] <= written, "{seen:?} of {written}");
}
