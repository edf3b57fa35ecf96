//! `postwarden export`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{Running, create_account, on};
use crate::support::{Database, PASSWORD};

/// The program below a shell that sets something up for it first and ends in `exec "$@"`.
pub fn below_a_shell(script: &str, database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_postwarden")])
        .args(arguments)
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Most memory a process has had, in kB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}

async fn fill(database: &Database, rows: u32) {
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@mine.example'), \
             CONCAT(REPEAT('x', 200), seq, '@out.example') FROM seq_1_to_{rows}"
        ))
        .await;
}

#[tokio::test]
async fn a_table_is_written_to_standard_output_in_each_format() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO aliases (pkid, mail, destination) VALUES (1, '@mine.example', 'x@out.example'), (2, 'a@theirs.example', \
             'x@out.example')",
        )
        .await;
    let header = "pkid,mail,destination,enabled\n";
    let (first, second) = (
        "1,@mine.example,x@out.example,1\n",
        "2,a@theirs.example,x@out.example,1\n",
    );
    assert_eq!(
        on(&database, &["export", "aliases"]).done(),
        format!("{header}{first}{second}")
    );
    assert_eq!(
        on(&database, &["export", "aliases", "--domain", "MINE.example"]).done(),
        format!("{header}{first}")
    );
    let json = on(&database, &["export", "aliases", "--format", "json"]).done();
    let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(rows[0]["mail"], "@mine.example");
    let all = on(&database, &["export", "all", "--format", "json"]).done();
    let tables: serde_json::Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!(tables["aliases"], rows);
    assert_eq!(tables["relocated"], serde_json::json!([]));
    assert_eq!(tables.as_object().map(serde_json::Map::len), Some(7));

    // A table by its own name or by that of its pages; one of them that is missing is left out of all.
    database.script("DROP TABLE relocated").await;
    for name in ["access", "access_rules"] {
        assert!(
            on(&database, &["export", name])
                .done()
                .starts_with("pkid,kind,pattern,")
        );
    }
    assert_eq!(
        on(&database, &["export", "overrides"]).done(),
        "domain,transport,enabled\n"
    );
    let sql = on(&database, &["export", "all", "--format", "sql"]).done();
    assert!(sql.contains("INSERT INTO `aliases`"), "{sql}");
    let missing = on(&database, &["export", "relocated"]).refused(1);
    assert!(missing.contains("relocated does not exist"), "{missing}");
}

#[tokio::test]
async fn what_makes_no_sense_is_a_usage_error_in_one_line() {
    let database = Database::empty("CHARACTER SET utf8mb4").await;
    let csv = on(&database, &["export", "all"]).refused(2);
    assert!(csv.contains("--format json"), "{csv}");
    let unknown = on(&database, &["export", "mailboxes"]).refused(2);
    assert!(unknown.contains("domains, aliases, lists, users"), "{unknown}");
}

#[tokio::test]
async fn passwords_are_written_only_when_asked_for() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO users (id, clear, crypt) VALUES ('a@mine.example', 'readable', '$6$hashed')")
        .await;
    for format in ["csv", "json", "sql"] {
        let without = on(&database, &["export", "users", "--format", format]).done();
        assert!(without.contains("a@mine.example"));
        assert!(
            !without.contains("readable") && !without.contains("hashed"),
            "{without}"
        );
        let with = on(
            &database,
            &["export", "users", "--format", format, "--with-passwords"],
        )
        .done();
        assert!(with.contains("readable") && with.contains("$6$hashed"), "{with}");
    }
}

#[tokio::test]
async fn a_file_is_there_whole_or_not_at_all() {
    let database = Database::fresh().await;
    fill(&database, 20_000).await;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("aliases.csv");
    let name = path.to_str().expect("a path");
    std::fs::write(&path, "older").expect("written");
    let arguments = ["export", "aliases", "--output", name];

    // No file may be longer than 1 MB here: the disk is full.
    let mut full = below_a_shell("trap '' XFSZ; ulimit -f 2000; exec \"$@\"", &database, &arguments);
    let output = full.output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(
        (output.status.code(), said.lines().count()),
        (Some(1), 1),
        "{said}"
    );
    assert!(said.contains("aliases.csv: File too large"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), "older");
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 1);

    assert_eq!(on(&database, &arguments).done(), "");
    let written = std::fs::read_to_string(&path).expect("read");
    assert_eq!(written, on(&database, &["export", "aliases"]).done());
    assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 1);

    let device = on(&database, &["export", "aliases", "--output", "/dev/null"]).refused(1);
    assert!(device.contains("no regular file"), "{device}");
    let nowhere = on(&database, &["export", "aliases", "--output", "/nowhere/at/all"]).refused(1);
    assert!(nowhere.contains("/nowhere/at/all: No such file"), "{nowhere}");
}

#[tokio::test]
async fn a_full_standard_output_is_an_error_and_a_closed_one_is_not() {
    let database = Database::fresh().await;
    fill(&database, 20_000).await;
    let mut full = below_a_shell("exec \"$@\" >/dev/full", &database, &["export", "aliases"]);
    let output = full.output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(
        (output.status.code(), said.lines().count()),
        (Some(1), 1),
        "{said}"
    );
    assert!(said.contains("No space left"), "{said}");

    let mut child = below_a_shell("exec \"$@\"", &database, &["export", "aliases"])
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, "pkid,mail,destination,enabled\n");
    drop(stdout);
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("UTF-8");
    assert_eq!(
        (child.wait().expect("it ends").code(), said.as_str()),
        (Some(0), "")
    );
}

#[tokio::test]
async fn memory_does_not_grow_with_the_file() {
    let database = Database::fresh().await;
    create_account(&database, "joe", "operator", &[]);
    fill(&database, 200_000).await;

    let mut child = below_a_shell("exec \"$@\"", &database, &["export", "aliases"])
        .spawn()
        .expect("it starts");
    let mut stdout = child.stdout.take().expect("a pipe");
    let (mut bytes, mut most, mut buffer) = (0, 0, vec![0; 1 << 20]);
    loop {
        let read = stdout.read(&mut buffer).expect("read");
        if read == 0 {
            break;
        }
        bytes += read;
        most = most.max(peak(child.id()));
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert!(bytes > 45_000_000, "{bytes}");
    assert!(most > 0 && most < 42_000, "{most} kB for {bytes} bytes");

    let panel = Running::serve_on(&database);
    let joe = panel.signed_in("joe", PASSWORD).await;
    joe.get("aliases").await;
    let before = peak(panel.pid());
    let request = joe.client.get(joe.url("aliases/export.csv"));
    let mut answer = request
        .timeout(Duration::from_mins(2))
        .send()
        .await
        .expect("an answer");
    let mut lines = 0;
    while let Some(chunk) = answer.chunk().await.expect("all of it") {
        lines += chunk.split(|byte| *byte == b'\n').count() - 1;
    }
    assert_eq!(lines, 200_001);
    let more = peak(panel.pid()) - before;
    assert!(more < 16_000, "{more} kB more for {bytes} bytes");
}
