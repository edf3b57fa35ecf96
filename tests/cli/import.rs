//! `postwarden import`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::program::{Finished, on, run, run_with_input, start_on};
use crate::support::Database;

/// A file in a folder of its own.
struct Given {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Given {
    fn new(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        Self {
            _folder: folder,
            path,
        }
    }

    fn path(&self) -> &str {
        self.path.to_str().expect("a path")
    }

    /// Imports it.
    fn import(&self, database: &Database, table: &str, options: &[&str]) -> Finished {
        on(database, &[&["import", table, self.path()], options].concat())
    }
}

fn counts(added: u64, changed: u64, unchanged: u64, refused: u64) -> String {
    format!("added {added}\nchanged {changed}\nunchanged {unchanged}\nrefused {refused}\n")
}

const TWO: &str =
    "mail,destination\na@shop.example,joe@x.example\nb@shop.example,\"joe@x.example,mary@y.example\"\n";

#[tokio::test]
async fn an_import_says_what_it_did_and_a_second_one_that_nothing_was_to_do() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO domains (domain) VALUES ('shop.example')")
        .await;
    let file = Given::new("aliases.csv", TWO);
    assert_eq!(
        file.import(&database, "aliases", &["--dry-run"]).stdout,
        counts(2, 0, 0, 0)
    );
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 0);
    let done = file.import(&database, "aliases", &[]);
    assert_eq!((done.code, done.stdout), (Some(0), counts(2, 0, 0, 0)));
    assert_eq!(
        database
            .rows("SELECT mail, destination, enabled FROM aliases ORDER BY mail")
            .await,
        [
            ["a@shop.example", "joe@x.example", "1"],
            ["b@shop.example", "joe@x.example,mary@y.example", "1"]
        ]
        .map(|row| row.map(|text| Some(text.to_owned())).to_vec())
    );
    let again = file.import(&database, "aliases", &[]);
    assert_eq!((again.code, again.stdout), (Some(0), counts(0, 0, 2, 0)));
    assert_eq!(
        database.rows("SELECT change_id, what FROM pw_change_notes").await,
        [[Some("1".to_owned()), Some("import of aliases.csv".to_owned())]]
    );
    assert_eq!(database.count("SELECT last_change FROM pw_counter").await, 1);
}

#[tokio::test]
async fn a_refused_row_is_named_and_keeps_everything_from_being_written_unless_it_may_be_skipped() {
    let database = Database::fresh().await;
    let file = Given::new(
        "aliases.csv",
        &format!("{TWO}example.org,joe@x.example\nc@shop.example,nobody\n"),
    );
    let refused = file.import(&database, "aliases", &[]);
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (Some(1), counts(0, 0, 0, 2).as_str()),
        "nothing was written"
    );
    let tried = file.import(&database, "aliases", &["--dry-run"]);
    assert_eq!(
        (tried.code, tried.stdout.as_str()),
        (Some(1), counts(2, 0, 0, 2).as_str())
    );
    let first = format!("{}:4: mail: ", file.path());
    assert!(refused.stderr.contains(&first), "{}", refused.stderr);
    assert!(refused.stderr.contains(":5: destination: "), "{}", refused.stderr);
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 0);
    let skipped = file.import(&database, "aliases", &["--skip-refused"]);
    assert_eq!(
        (skipped.code, skipped.stdout.as_str()),
        (Some(0), counts(2, 0, 0, 2).as_str())
    );
    assert!(skipped.stderr.contains(&first), "{}", skipped.stderr);
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 2);
}

#[tokio::test]
async fn a_refused_row_is_told_by_line_and_column_and_by_its_number_where_all_are_on_one_line() {
    let database = Database::fresh().await;
    let file = Given::new(
        "aliases.csv",
        "mail,destination,enabled\na@shop.example\nb@shop.example,joe@x.example,1,more\n",
    );
    let refused = file.import(&database, "aliases", &[]);
    assert_eq!((refused.code, refused.stdout), (Some(1), counts(0, 0, 0, 2)));
    for begins in [
        ":2: destination: There are 1 fields",
        ":3: enabled: There are 4 fields",
    ] {
        let begins = format!("{}{begins}", file.path());
        assert!(
            refused.stderr.lines().any(|line| line.starts_with(&begins)),
            "{}",
            refused.stderr
        );
    }
    let row = |mail: &str| format!("{{\"mail\": \"{mail}\", \"destination\": \"joe@x.example\"}}");
    let rows = [
        row("a@shop.example"),
        row("nobody"),
        row("b@shop.example"),
        row("*"),
    ];
    let file = Given::new("aliases.json", &format!("[{}]", rows.join(", ")));
    let refused = file.import(&database, "aliases", &[]);
    assert_eq!((refused.code, refused.stdout), (Some(1), counts(0, 0, 0, 2)));
    for begins in [":1: mail: Row 2: ", ":1: mail: Row 4: "] {
        let begins = format!("{}{begins}", file.path());
        assert!(
            refused.stderr.lines().any(|line| line.starts_with(&begins)),
            "{}",
            refused.stderr
        );
    }
    let file = Given::new("aliases.json", &format!("[\n{}\n]", rows.join(",\n")));
    let refused = file.import(&database, "aliases", &[]);
    assert!(
        refused.stderr.contains(":3: mail: ") && !refused.stderr.contains("Row "),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn lists_and_overrides_are_imported_as_on_their_pages() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO domains (domain) VALUES ('shop.example')")
        .await;
    let lists = Given::new("lists.csv", TWO);
    assert_eq!(lists.import(&database, "lists", &[]).stdout, counts(2, 0, 0, 0));
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 2);
    let overrides = Given::new(
        "overrides.csv",
        "domain,transport\na@shop.example,smtp:[mx.there.example]\nother.example,smtp:[mx.there.example]\n",
    );
    let refused = overrides.import(&database, "overrides", &["--skip-refused"]);
    assert_eq!(refused.stdout, counts(1, 0, 0, 1), "{}", refused.stderr);
    assert!(refused.stderr.contains(":3: domain: "), "{}", refused.stderr);
    let stored = "SELECT COUNT(*) FROM domains WHERE domain = 'a@shop.example' AND transport = 'smtp:[mx.there.example]'";
    assert_eq!(database.count(stored).await, 1);
    let again = Given::new(
        "overrides.csv",
        "domain,transport\nb@shop.example,smtp:[mx.there.example]\n",
    );
    let variables = [
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_OVERRIDES__TABLE", "backups"),
    ];
    let done = run(&["import", "overrides", again.path()], &variables);
    assert_eq!(
        (done.code, done.stdout),
        (Some(0), counts(1, 0, 0, 0)),
        "{}",
        done.stderr
    );
    assert_eq!(database.count("SELECT COUNT(*) FROM backups").await, 1);
}

#[tokio::test]
async fn statements_of_a_dump_that_are_not_read_are_counted_by_kind() {
    let database = Database::fresh().await;
    let dump = Given::new(
        "dump.sql",
        "SET NAMES utf8mb4;\nINSERT INTO aliases (mail, destination) VALUES ('a@shop.example', 'joe@x.example');\n\
         UPDATE aliases SET enabled = 0;\nupdate users set enabled = 0;\nDELETE FROM domains;\n\
         CREATE VIEW x AS SELECT 1;\n",
    );
    let done = dump.import(&database, "aliases", &[]);
    assert_eq!(
        (done.code, done.stdout),
        (Some(0), counts(1, 0, 0, 0)),
        "{}",
        done.stderr
    );
    let line = done.stderr.lines().find(|line| line.contains("passed over"));
    let line = line.unwrap_or_else(|| panic!("{}", done.stderr));
    assert!(line.contains("1 CREATE, 1 DELETE, 2 UPDATE."), "{line}");
}

#[tokio::test]
async fn standard_input_is_read_too() {
    let database = Database::fresh().await;
    let variables = [("DATABASE_URL", database.url.as_str())];
    let done = run_with_input(&["import", "aliases", "-", "--format", "csv"], &variables, TWO);
    assert_eq!(
        (done.code, done.stdout),
        (Some(0), counts(2, 0, 0, 0)),
        "{}",
        done.stderr
    );
    let note = database.value("SELECT what FROM pw_change_notes").await;
    assert_eq!(note.as_deref(), Some("import of standard input"));
}

#[tokio::test]
async fn what_cannot_be_imported_is_one_line() {
    let database = Database::howto().await;
    let file = Given::new("aliases.csv", TWO);
    let line = file.import(&database, "people", &[]).refused(2);
    assert!(line.contains("people") && line.contains("aliases"), "{line}");
    let line = on(&database, &["import", "aliases", "/nowhere.csv"]).refused(1);
    assert!(line.contains("/nowhere.csv cannot be read"), "{line}");
    database.script("ALTER TABLE aliases ENGINE=MyISAM").await;
    let line = file.import(&database, "aliases", &[]).refused(1);
    assert!(line.contains("MyISAM"), "{line}");
    database.script("DROP TABLE aliases").await;
    let line = file.import(&database, "aliases", &[]).refused(1);
    assert!(line.contains("the table aliases does not exist"), "{line}");
}

#[tokio::test]
async fn an_import_that_is_killed_leaves_all_of_it_or_nothing() {
    const ROWS: u64 = 2_000;
    const ROUNDS: u32 = 5;
    let database = Database::fresh().await;
    // Half of the rows are there, and change.
    let ground = format!(
        "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@shop.example'), 'old@x.example' FROM seq_1_to_{}",
        ROWS / 2
    );
    let again = format!(
        "TRUNCATE aliases; DELETE FROM pw_changes; DELETE FROM pw_change_notes; UPDATE pw_counter SET last_change = 0; {ground}"
    );
    let lines = (1..=ROWS)
        .map(|n| format!("a{n}@shop.example,new@x.example\n"))
        .collect::<Vec<_>>()
        .concat();
    let file = Given::new("aliases.csv", &format!("mail,destination\n{lines}"));
    let mut work = Duration::MAX;
    for _ in 0..2 {
        database.script(&again).await;
        let begun = Instant::now();
        assert_eq!(
            file.import(&database, "aliases", &[]).stdout,
            counts(ROWS / 2, ROWS / 2, 0, 0)
        );
        work = work.min(begun.elapsed());
    }
    // The second half of the time is spent writing.
    let mut cut_while_writing = 0;
    for round in 0..ROUNDS {
        database.script(&again).await;
        let mut child = start_on(&database, &["import", "aliases", file.path()]);
        let moment = work.mul_f64(0.5 + 0.5 * f64::from(round) / f64::from(ROUNDS));
        let begun = Instant::now();
        let mut is_writing = false;
        while begun.elapsed() < moment {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let lock = "SELECT last_change FROM pw_counter FOR UPDATE SKIP LOCKED";
            is_writing = database.rows(lock).await.is_empty();
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        // Until the server has noticed that nobody waits for it.
        database
            .script("START TRANSACTION; SELECT last_change FROM pw_counter FOR UPDATE; COMMIT")
            .await;
        let counted = database
            .rows(
                "SELECT (SELECT COUNT(*) FROM aliases), (SELECT COUNT(*) FROM aliases WHERE destination = 'new@x.example'), \
                 (SELECT COUNT(*) FROM pw_changes), (SELECT COUNT(*) FROM pw_change_notes), \
                 (SELECT last_change FROM pw_counter)",
            )
            .await;
        let counted: Vec<u64> = counted[0]
            .iter()
            .map(|n| n.as_ref().expect("a count").parse().expect("a number"))
            .collect();
        let (nothing, all) = (vec![ROWS / 2, 0, 0, 0, 0], vec![ROWS, ROWS, ROWS, 1, 1]);
        assert!(
            counted == nothing || counted == all,
            "killed after {moment:?} of {work:?}: {counted:?}"
        );
        cut_while_writing += u32::from(is_writing && counted == nothing);
    }
    assert!(cut_while_writing > 0, "none of them was killed while it wrote");
}
