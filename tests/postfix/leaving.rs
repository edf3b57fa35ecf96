//! Beds end with the program that started them, however it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bed::Bed;
use crate::configuration::generated;
use crate::support::Database;

/// Says to the second program that it is one.
const HELD: &str = "MAIL_BED_HELD";

/// What [`another_program`] runs; nothing when it is run as a test.
#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_bed_is_held_until_standard_input_ends() {
    if std::env::var_os(HELD).is_some() {
        let bed = Bed::start(Database::fresh().await, generated).await;
        // All its processes are there once it has answered.
        bed.stranger().recipient("nobody@far.test").await;
        println!("\nbed {}", bed.dir().display());
        // As in a static, which nobody drops.
        std::mem::forget(bed);
        std::io::stdin().read_to_end(&mut Vec::new()).expect("an end");
    }
}

/// A program of this suite with a bed of its own, what it prints, and the directory of the bed.
fn another_program() -> (Child, impl BufRead, PathBuf) {
    let mut program = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("leaving::a_bed_is_held_until_standard_input_ends")
        .env(HELD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut output = BufReader::new(program.stdout.take().expect("its output"));
    let bed = output
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("bed ").map(PathBuf::from));
    (program, output, bed.expect("a bed"))
}

/// The processes that work in a directory, or see a mount of it.
fn processes_in(dir: &Path) -> Vec<String> {
    let name = dir.display().to_string();
    let entries = fs::read_dir("/proc").expect("processes").flatten();
    entries
        .filter(|entry| {
            let process = entry.path();
            let works = fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
            let sees =
                fs::read_to_string(process.join("mountinfo")).is_ok_and(|mounts| mounts.contains(&name));
            let named = fs::read(process.join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&name));
            works || sees || named
        })
        .map(|entry| entry.path().display().to_string())
        .collect()
}

/// Waits until nothing of a bed is left.
fn expect_nothing(dir: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let processes = processes_in(dir);
        if processes.is_empty() && !dir.exists() {
            return;
        }
        assert!(Instant::now() < deadline, "{processes:?} {}", dir.exists());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs root: run by make test"]
fn a_program_that_is_killed_leaves_no_process_no_mount_and_no_file() {
    let (mut program, _output, dir) = another_program();
    // The keeper's own three, and Postfix.
    let processes = processes_in(&dir);
    assert!(processes.len() > 3, "{processes:?}");
    program.kill().expect("SIGKILL");
    program.wait().expect("its end");
    expect_nothing(&dir);
}

#[test]
#[ignore = "needs root: run by make test"]
fn a_program_that_ends_leaves_no_process_no_mount_and_no_file() {
    let (mut program, _output, dir) = another_program();
    drop(program.stdin.take());
    assert!(program.wait().expect("its end").success());
    expect_nothing(&dir);
}
