//! What is exported is read back: as the same rows into an empty table, as no change where it came from.

use crate::program::{on, run};
use crate::support::Database;

/// Every mail table and its key.
const TABLES: [(&str, &str); 7] = [
    ("domains", "pkid"),
    ("aliases", "pkid"),
    ("users", "id"),
    ("backups", "pkid"),
    ("relays", "pkid"),
    ("relocated", "pkid"),
    ("access_rules", "pkid"),
];

const FORMATS: [&str; 3] = ["csv", "json", "sql"];

/// Rows with what files may stumble over: quotes, separators, formulas, letters that are not ASCII, networks, nothing.
const ROWS: &str = "
    INSERT INTO domains (pkid, domain, transport, enabled) VALUES
      (3, 'mine.example', 'virtual:', 1), (5, 'xn--mnchen-3ya.example', 'smtp:[mx.out.example]:2525', 0);
    INSERT INTO aliases (pkid, mail, destination, enabled) VALUES
      (7, '@mine.example', 'joe@mine.example', 1), (9, 'team@mine.example', 'a@out.example,b@out.example', 0),
      (11, '+more@mine.example', '+plus@out.example', 1), (12, 'o''brien@mine.example', 'back@out.example', 1);
    INSERT INTO users (id, name, maildir, quota, clear, crypt, enabled) VALUES
      ('joe@mine.example', 'Joe \"the; boss\", Dé', 'mine.example/joe/', '10M', '', '$6$saltsalt$hash', 1),
      ('ann@mine.example', '=1+1', 'mine.example/ann/', '', 'ChangeMe', '$6$saltsalt$other', 0);
    INSERT INTO backups (pkid, domain, transport) VALUES (2, 'kept.example', 'smtp:[mx.kept.example]');
    INSERT INTO relays (pkid, recipient, status) VALUES (4, '@kept.example', 'OK');
    INSERT INTO relocated (pkid, oldadr, newadr) VALUES (6, 'old@mine.example', 'New <new@out.example>, or \"call\"');
    INSERT INTO access_rules (pkid, kind, pattern, cidr_lo, cidr_hi, action, message) VALUES
      (8, 'client', '10.0.0.0/8', X'0A000000', X'0AFFFFFF', 'REJECT', 'not; here, please'),
      (10, 'sender', 'spam@out.example', NULL, NULL, 'DISCARD', '')";

/// What an import said of numbers of rows.
fn counts(printed: &str) -> Vec<&str> {
    let words = ["added", "changed", "unchanged", "refused"];
    let count = |word: &str| {
        let mut lines = printed.lines();
        let found = lines.find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        found.unwrap_or("?")
    };
    words.iter().map(|word| count(word)).collect()
}

#[tokio::test]
async fn an_exported_table_comes_back_as_it_was() {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let dir = tempfile::tempdir().expect("a directory");
    for format in FORMATS {
        for (table, key) in TABLES {
            let path = dir.path().join(format!("{table}.{format}"));
            let path = path.to_str().expect("a path");
            let arguments = [
                "export",
                table,
                "--format",
                format,
                "--with-passwords",
                "--output",
                path,
            ];
            on(&database, &arguments).done();
            let rows = format!("SELECT * FROM {table} ORDER BY {key}");
            let before = database.rows(&rows).await;
            database.script(&format!("DELETE FROM {table}")).await;
            let imported = run(&["import", table, path], &[("DATABASE_URL", &database.url)]);
            assert_eq!(imported.code, Some(0), "{table} as {format}: {imported:?}");
            assert_eq!(database.rows(&rows).await, before, "{table} as {format}");
        }
    }
}

#[tokio::test]
async fn every_table_at_once_comes_back_too() {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let dir = tempfile::tempdir().expect("a directory");
    for format in ["json", "sql"] {
        let path = dir.path().join(format!("all.{format}"));
        let path = path.to_str().expect("a path");
        let arguments = [
            "export",
            "all",
            "--format",
            format,
            "--with-passwords",
            "--output",
            path,
        ];
        on(&database, &arguments).done();
        let mut before = Vec::new();
        for (table, key) in TABLES {
            before.push(
                database
                    .rows(&format!("SELECT * FROM {table} ORDER BY {key}"))
                    .await,
            );
            database.script(&format!("DELETE FROM {table}")).await;
        }
        let imported = on(&database, &["import", "all", path]);
        assert_eq!(imported.code, Some(0), "{format}: {imported:?}");
        for ((table, key), before) in TABLES.iter().zip(before) {
            let now = database
                .rows(&format!("SELECT * FROM {table} ORDER BY {key}"))
                .await;
            assert_eq!(now, before, "{table} as {format}");
        }
    }
}

#[tokio::test]
async fn importing_an_export_again_changes_nothing_however_odd_the_rows() {
    let fresh = Database::fresh().await;
    fresh.script(ROWS).await;
    let odd = Database::odd().await;
    // No CSV holds a NUL byte: it is refused, as in any other text.
    odd.script("UPDATE domains SET domain = REPLACE(domain, CHAR(0), '')")
        .await;
    for database in [fresh, odd] {
        let dir = tempfile::tempdir().expect("a directory");
        for format in FORMATS {
            for (table, key) in TABLES {
                let path = dir.path().join(format!("{table}.{format}"));
                let path = path.to_str().expect("a path");
                let arguments = [
                    "export",
                    table,
                    "--format",
                    format,
                    "--with-passwords",
                    "--output",
                    path,
                ];
                on(&database, &arguments).done();
                let rows = format!("SELECT * FROM {table} ORDER BY {key}");
                let before = database.rows(&rows).await;
                let imported = on(&database, &["import", table, path]);
                let of = before.len().to_string();
                assert_eq!(
                    counts(&imported.stdout),
                    ["0", "0", of.as_str(), "0"],
                    "{table} as {format}: {}",
                    imported.stderr
                );
                assert_eq!(database.rows(&rows).await, before);
            }
        }
        assert_eq!(database.count("SELECT COUNT(*) FROM pw_changes").await, 0);
    }
}
