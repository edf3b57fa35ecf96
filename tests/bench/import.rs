//! What `postwarden import` costs beside `LOAD DATA LOCAL INFILE` of the same file into the same table.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::Database;
use super::{ROUNDS, figure, kilobytes, median, megabytes, milliseconds, spread};

/// Everything the file is about is gone again, as before.
const EMPTIED: &str =
    "TRUNCATE aliases; TRUNCATE pw_changes; TRUNCATE pw_change_notes; UPDATE pw_counter SET last_change = 0";

/// Aliases of a file, in by the panel and in by the server itself, by turns.
pub(crate) async fn aliases(rows: u32) {
    println!("\nimporting {rows} aliases");
    let database = Database::fresh().await;
    database
        .script("INSERT INTO domains (domain) SELECT CONCAT('d', seq, '.example') FROM seq_1_to_2000")
        .await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("aliases.csv");
    std::fs::write(&path, file(rows)).expect("a file");
    let (mut floor, mut imported, mut looked, mut again) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut most = 0;
    for _ in 0..ROUNDS {
        database.script(EMPTIED).await;
        let begun = Instant::now();
        load(&database, &path);
        floor.push(milliseconds(begun.elapsed()));
        assert_eq!(
            database.count("SELECT COUNT(*) FROM aliases").await,
            u64::from(rows)
        );
        database.script(EMPTIED).await;
        looked.push(import(&database, &path, &["--dry-run"]).0);
        let (took, memory) = import(&database, &path, &[]);
        imported.push(took);
        most = most.max(memory);
        assert_eq!(
            database.count("SELECT COUNT(*) FROM pw_changes").await,
            u64::from(rows)
        );
        again.push(import(&database, &path, &[]).0);
    }
    figure("  LOAD DATA LOCAL INFILE", &format!("{} ms", spread(&floor)));
    figure("  postwarden import", &format!("{} ms", spread(&imported)));
    figure(
        "  times the floor",
        &format!("{:.2}", median(&imported) / median(&floor)),
    );
    figure("  with --dry-run", &format!("{} ms", spread(&looked)));
    figure("  once more, unchanged", &format!("{} ms", spread(&again)));
    figure("  most memory", &megabytes(most));
}

/// A CSV file of so many aliases.
fn file(rows: u32) -> String {
    let mut text = String::from("mail,destination,enabled\n");
    for n in 0..rows {
        // Spread over the alphabet, so that the lines do not stand in the order of the index.
        let name = n.wrapping_mul(2_654_435_761);
        writeln!(
            text,
            "person-{name:08x}@d{}.example,someone-{n}@provider.example,1",
            n % 2000 + 1
        )
        .expect("written");
    }
    text
}

/// The floor: the server reads the file by itself.
fn load(database: &Database, path: &Path) {
    let url = url::Url::parse(&database.url).expect("an address");
    let statement = format!(
        "LOAD DATA LOCAL INFILE '{}' INTO TABLE aliases FIELDS TERMINATED BY ',' IGNORE 1 LINES (mail, destination, enabled)",
        path.display()
    );
    let status = Command::new("mariadb")
        .args(["--no-defaults", "--local-infile=1", "--protocol=tcp"])
        .arg(format!("--host={}", url.host_str().unwrap_or_default()))
        .arg(format!("--port={}", url.port().unwrap_or_default()))
        .arg(format!("--user={}", url.username()))
        .arg(&database.name)
        .arg(format!("--execute={statement}"))
        .env("MYSQL_PWD", url.password().unwrap_or_default())
        .status()
        .expect("the client of MariaDB");
    assert!(status.success(), "loaded");
}

/// How long an import takes, in milliseconds, and the most memory it had, in kB.
fn import(database: &Database, path: &Path, options: &[&str]) -> (f64, u64) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_postwarden"))
        .args(["--config", "/dev/null", "import", "aliases"])
        .arg(path)
        .args(options)
        .env_clear()
        .env("DATABASE_URL", &database.url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut most = 0;
    loop {
        most = most.max(kilobytes(child.id(), "VmHWM").unwrap_or_default());
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success(), "imported");
            return (milliseconds(begun.elapsed()), most);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
