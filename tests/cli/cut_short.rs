//! `kill -9` of the program and of the database in the middle of imports, undoing, restoring and upgrading: every table is
//! as before or as after, and the record of changes tells how it became so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use postwarden::mariadb::PrivateMariaDb;
use serde_json::Value as Json;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::block_in_place;

use crate::program::on;
use crate::support::{Database, HOWTO};

/// Rows of a file or of an archive.
const ROWS: u32 = 2_000;

/// Tables that Postfix reads.
const TABLES: [(&str, &str); 7] = [
    ("domains", "pkid"),
    ("aliases", "pkid"),
    ("users", "id"),
    ("backups", "pkid"),
    ("relays", "pkid"),
    ("relocated", "pkid"),
    ("access_rules", "pkid"),
];

/// Every row by table and key, every column as text.
type Rows = BTreeMap<(String, String), BTreeMap<String, Option<String>>>;

/// A database on a server of the test's own, which can be killed.
struct Ground {
    server: PrivateMariaDb,
    database: Database,
}

impl Ground {
    async fn new(name: &str) -> Self {
        let server = block_in_place(|| PrivateMariaDb::start_temporary(name)).expect("a private MariaDB");
        let database = Database {
            url: server.url("maildb"),
            name: "maildb".to_owned(),
        };
        let ground = Self { server, database };
        ground.begin_anew().await;
        ground
    }

    /// The howto's database, adopted.
    async fn begin_anew(&self) {
        let mut connection = MySqlConnection::connect(&self.server.url("mysql"))
            .await
            .expect("it answers");
        let create = "DROP DATABASE IF EXISTS maildb; CREATE DATABASE maildb CHARACTER SET utf8mb4";
        connection.execute(create).await.expect("a database");
        self.database.script(HOWTO).await;
        self.database.store().await.migrate().await.expect("migrated");
    }

    /// Runs the program, kills it or the server at some moment, and waits until whatever it began has ended.
    async fn cut(&mut self, arguments: &[&str], after: Duration, kills_server: bool) {
        let mut child = start(&self.database, arguments);
        tokio::time::sleep(after).await;
        block_in_place(|| {
            if kills_server {
                self.server.kill_9().expect("killed");
                child.wait().expect("ended");
                self.server.restart().expect("it comes up again");
            } else {
                // It may have ended long ago.
                drop(child.kill());
                child.wait().expect("ended");
            }
        });
        let mut other = MySqlConnection::connect(&self.database.url)
            .await
            .expect("it answers");
        // A unit holds this row until it has ended, be it that the server has yet to notice that nobody waits for it.
        let wait = "START TRANSACTION; SELECT last_change FROM pw_counter FOR UPDATE; COMMIT";
        other.execute(wait).await.expect("nobody writes");
    }

    /// How long the program takes when nobody kills it.
    fn uncut(&self, arguments: &[&str]) -> Duration {
        let begun = Instant::now();
        let finished = block_in_place(|| on(&self.database, arguments));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        begun.elapsed()
    }

    async fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for (table, key) in TABLES {
            let columns = self
                .database
                .rows(&format!(
                    "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = \
                     '{table}' AND GENERATION_EXPRESSION IS NULL ORDER BY ORDINAL_POSITION"
                ))
                .await;
            let columns: Vec<String> = columns.into_iter().flatten().flatten().collect();
            let list: Vec<String> = columns.iter().map(|c| format!("CAST(`{c}` AS CHAR)")).collect();
            let found = self
                .database
                .rows(&format!("SELECT `{key}`, {} FROM {table}", list.join(", ")))
                .await;
            for mut row in found {
                let key = row.remove(0).expect("a key");
                rows.insert(
                    (table.to_owned(), key),
                    columns.iter().cloned().zip(row).collect(),
                );
            }
        }
        rows
    }

    /// What the record of changes makes of the rows there were at first.
    async fn replayed(&self, mut rows: Rows) -> Rows {
        let records =
            "SELECT table_name, row_key, row_before, row_after FROM pw_changes ORDER BY change_id, seq";
        for record in self.database.rows(records).await {
            let [Some(table), Some(key), before, after] = record.as_slice() else {
                panic!("{record:?}");
            };
            let key = (table.clone(), key.clone());
            let known = before.as_deref().map(columns_of);
            assert_eq!(rows.remove(&key), known, "{key:?} before");
            if let Some(after) = after {
                rows.insert(key, columns_of(after));
            }
        }
        rows
    }

    /// The number of the last change.
    async fn last(&self) -> u64 {
        self.database
            .count("SELECT COALESCE(MAX(change_id), 0) FROM pw_changes")
            .await
    }
}

/// That all rows are the same; says which are not.
fn expect_same(now: &Rows, then: &Rows, what: &str) {
    let differing = |one: &Rows, other: &Rows| -> Vec<_> {
        let rows = one.iter().filter(|(key, row)| other.get(*key) != Some(*row));
        rows.take(3)
            .map(|(key, row)| (key.clone(), row.clone()))
            .collect()
    };
    let (found, expected) = (differing(now, then), differing(then, now));
    assert!(now == then, "{what}: there is {found:#?} and not {expected:#?}");
}

fn columns_of(image: &str) -> BTreeMap<String, Option<String>> {
    let image: BTreeMap<String, Json> = serde_json::from_str(image).expect("an object");
    image
        .into_iter()
        .map(|(name, value)| (name, value.as_str().map(str::to_owned)))
        .collect()
}

fn start(database: &Database, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_postwarden"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// A moment somewhere in the `round`th part of the time the work takes.
fn moment((round, rounds): (u32, u32), work: Duration) -> Duration {
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("a clock")
        .subsec_nanos();
    let within = f64::from(nanos % 1_000_000) / 1_000_000.0;
    work.mul_f64((f64::from(round) + within) / f64::from(rounds))
}

/// A file with new aliases, and changes to some the howto has.
fn aliases(dir: &Path) -> String {
    let path = dir.join("aliases.csv");
    let mut text = "mail,destination,enabled\n".to_owned();
    for n in 0..ROWS {
        writeln!(text, "new{n}@blobber.org,joe@x.example,1").expect("text");
    }
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("a path").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_or_undoing_it_that_is_killed_leaves_all_of_it_or_nothing() {
    const ROUNDS: u32 = 24;
    let dir = tempfile::tempdir().expect("a directory");
    let file = aliases(dir.path());
    let mut ground = Ground::new("cut-import").await;
    let first = ground.rows().await;
    let import = ["import", "aliases", file.as_str()];
    let import_takes = ground.uncut(&import);
    let with = ground.rows().await;
    assert_eq!(with.len(), first.len() + ROWS as usize);
    let undo_takes = ground.uncut(&["undo", "1"]);
    assert_eq!(
        ground.rows().await.keys().collect::<Vec<_>>(),
        first.keys().collect::<Vec<_>>()
    );
    let (mut done, mut cut) = (0, 0);
    for round in 0..ROUNDS {
        let before = ground.rows().await;
        let is_in = before.len() > first.len();
        let last = ground.last().await;
        let number = last.to_string();
        let after = moment(
            (round / 2, ROUNDS / 2),
            if is_in { undo_takes } else { import_takes },
        );
        let what = format!("round {round}, there {is_in}, killed after {after:?}");
        let undo = ["undo", number.as_str()];
        let work: &[&str] = if is_in { &undo } else { &import };
        // Now and then nobody kills it, so that both are tried however long they take by now.
        if round % 6 == 5 {
            ground.uncut(work);
        } else {
            ground.cut(work, after, round % 2 == 0).await;
        }
        let now = ground.rows().await;
        if now == before {
            cut += 1;
            assert_eq!(ground.last().await, last, "{what}");
        } else {
            done += 1;
            let there = if is_in {
                first.len()
            } else {
                first.len() + ROWS as usize
            };
            assert_eq!(now.len(), there, "{what}");
            assert_eq!(ground.last().await, last + 1, "{what}");
        }
        expect_same(
            &now,
            &ground.replayed(first.clone()).await,
            &format!("{what}, by the record"),
        );
    }
    assert!(cut >= 4 && done >= 4, "{done} done, {cut} cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_all_of_it_or_nothing() {
    const ROUNDS: u32 = 8;
    let dir = tempfile::tempdir().expect("a directory");
    let file = aliases(dir.path());
    let mut ground = Ground::new("cut-restore").await;
    let archive = |name: &str| dir.path().join(name).to_str().expect("a path").to_owned();
    let (little, much) = (archive("little"), archive("much"));
    ground.uncut(&["backup", &little]);
    let few = ground.rows().await;
    ground.uncut(&["import", "aliases", &file]);
    ground.uncut(&["backup", &much]);
    let many = ground.rows().await;
    let takes = [
        ground.uncut(&["restore", &little]),
        ground.uncut(&["restore", &much]),
    ];
    expect_same(&ground.rows().await, &many, "from an archive");
    let first = few.clone();
    let (mut done, mut cut) = (0, 0);
    for round in 0..ROUNDS {
        let before = ground.rows().await;
        let has_many = before == many;
        let after = moment((round, ROUNDS), takes[usize::from(!has_many)]);
        let from = if has_many { &little } else { &much };
        ground.cut(&["restore", from], after, round % 2 == 0).await;
        let now = ground.rows().await;
        let what = format!("round {round}, had many {has_many}, killed after {after:?}");
        assert!(now == few || now == many, "{what}: {} rows", now.len());
        if now == before {
            cut += 1;
        } else {
            done += 1;
        }
        expect_same(
            &now,
            &ground.replayed(first.clone()).await,
            &format!("{what}, by the record"),
        );
    }
    assert!(cut >= 2, "{done} done, {cut} cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_is_killed_loses_nothing_and_can_go_on() {
    const ROUNDS: u32 = 6;
    let dir = tempfile::tempdir().expect("a directory");
    let mut ground = Ground::new("cut-upgrade").await;
    let backup = |round: &str| dir.path().join(round).to_str().expect("a path").to_owned();
    let first = ground.rows().await;
    let takes = ground.uncut(&["schema", "upgrade", "--apply", "--backup", &backup("whole")]);
    expect_same(&ground.rows().await, &first, "upgraded");
    for round in 0..ROUNDS {
        ground.begin_anew().await;
        // The howto's passwords get another salt each time.
        let first = ground.rows().await;
        let (cut, rest) = (backup(&format!("cut-{round}")), backup(&format!("rest-{round}")));
        let after = moment((round, ROUNDS), takes);
        ground
            .cut(
                &["schema", "upgrade", "--apply", "--backup", &cut],
                after,
                round % 2 == 0,
            )
            .await;
        let what = format!("round {round}, killed after {after:?}");
        expect_same(&ground.rows().await, &first, &what);
        ground.uncut(&["schema", "upgrade", "--apply", "--backup", &rest]);
        expect_same(&ground.rows().await, &first, &format!("{what}, at last"));
        let left = on(&ground.database, &["schema", "upgrade"]);
        assert_eq!(left.code, Some(0), "{what}: {left:?}");
    }
}
