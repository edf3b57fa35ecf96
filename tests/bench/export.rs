//! What exporting a whole table costs, beside the client of the server that does the same.

use std::process::{Command, Stdio};
use std::time::Instant;

use url::Url;

use super::support::Database;
use super::{ROUNDS, figure, kilobytes, median, spread};

/// Seconds and peak memory (MB) of each of the rounds of a program.
#[derive(Default)]
struct Cost {
    seconds: Vec<f64>,
    memory: Vec<f64>,
    /// Bytes it wrote.
    bytes: u64,
}

impl Cost {
    fn print(&self, what: &str) {
        let bytes = self.bytes as f64 / 1e6;
        figure(what, &format!("{} s, {bytes:.0} MB", spread(&self.seconds)));
        figure("  its memory at most", &format!("{} MB", spread(&self.memory)));
    }

    /// Runs a program with a file for its output, and asks for its memory until it ends.
    fn add(&mut self, command: &mut Command) {
        let output = tempfile::tempfile().expect("a file");
        let written = output.try_clone().expect("a file");
        let started = Instant::now();
        let mut process = command.stdout(Stdio::from(output)).spawn().expect("it starts");
        let mut most = 0;
        let status = loop {
            most = kilobytes(process.id(), "VmHWM").unwrap_or(most);
            if let Some(status) = process.try_wait().expect("its state") {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        };
        assert!(status.success(), "{status}");
        self.seconds.push(started.elapsed().as_secs_f64());
        self.memory.push(most as f64 * 1024.0 / 1e6);
        self.bytes = written.metadata().expect("of a file").len();
    }
}

fn program(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postwarden"));
    command
        .args(arguments)
        .env_clear()
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .env("DATABASE_URL", &database.url);
    command
}

/// The server's own client; by itself it keeps the whole answer in memory, `--quick` is as good as it gets.
fn client(database: &Database) -> Command {
    let url = Url::parse(&database.url).expect("an address");
    let mut command = Command::new("mariadb");
    command
        .args([
            "--no-defaults",
            "--batch",
            "--quick",
            "-e",
            "SELECT * FROM aliases",
        ])
        .arg(format!("--host={}", url.host_str().expect("a host")))
        .arg(format!("--port={}", url.port().expect("a port")))
        .arg(format!("--user={}", url.username()))
        .arg(format!("--password={}", url.password().expect("a password")))
        .arg(&database.name);
    command
}

/// Every alias exported in each format, and everything backed up.
pub(crate) fn export(database: &Database, aliases: u32) {
    println!("\nExport of {aliases} aliases by the command line");
    let formats = ["csv", "json", "sql"];
    let mut costs = [Cost::default(), Cost::default(), Cost::default()];
    let (mut floor, mut backup) = (Cost::default(), Cost::default());
    for _ in 0..ROUNDS {
        floor.add(&mut client(database));
        for (format, cost) in formats.iter().zip(&mut costs) {
            cost.add(&mut program(database, &["export", "aliases", "--format", format]));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("backup");
        let path = path.to_str().expect("a path");
        backup.add(&mut program(database, &["backup", path]));
        backup.bytes = std::fs::metadata(path).expect("of a file").len();
    }
    floor.print("mariadb -e 'SELECT * FROM aliases'");
    for (format, cost) in formats.iter().zip(&costs) {
        cost.print(&format!("export --format {format}"));
        let ratio = median(&cost.seconds) / median(&floor.seconds);
        figure("  over the client", &format!("{ratio:.1} times"));
    }
    backup.print("backup of every table");
}
