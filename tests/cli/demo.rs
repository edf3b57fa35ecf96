//! `postwarden demo`: one folder, one command, nothing left behind but the folder.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use postwarden::mariadb::{Durability, PrivateMariaDb};

use crate::program::{Running, sign_in};

/// The command lines of this machine's processes, arguments separated by spaces.
fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}

/// The MariaDB servers whose data is in the folder.
fn servers(dir: &Path) -> Vec<String> {
    let data = format!("--datadir={}", dir.join("data").display());
    command_lines()
        .into_iter()
        .filter(|line| line.contains("mariadbd") && line.contains(&data))
        .collect()
}

#[tokio::test]
async fn the_demo_keeps_its_data_and_leaves_no_process() {
    let parent = tempfile::tempdir().expect("a folder");
    let dir = parent.path().canonicalize().expect("a path").join("demo data");

    let (demo, first_password) = Running::demo(&dir);
    assert!(
        demo.stdout.find(&format!("http://{}/", demo.address)).is_some(),
        "{demo:?}"
    );
    assert!(!servers(&dir).is_empty());
    assert!(!command_lines().iter().any(|line| line.contains(&first_password)));
    let root = fs::read_to_string(dir.join("root-password")).expect("the password of MariaDB");
    assert!(!command_lines().iter().any(|line| line.contains(root.trim())));
    let operator = demo.signed_in("operator", &first_password).await;
    for (page, example) in [
        ("domains?q=blobber", "blobber.org"),
        ("domains?q=harbour", "harbour-cafe.example"),
        ("aliases?q=listof", "listof@domain.com"),
        ("aliases?q=info%40vesper", "info@vesper-hotels.example"),
        ("backups", "friend1.com"),
        ("relays", "@friend1.com"),
        ("relays?q=ferries", "info@island-ferries.example"),
        ("relocated?q=pete", "pete@domain1.com"),
        ("", "Latest changes"),
    ] {
        let answer = operator.get(page).await;
        assert_eq!(answer.status, 200, "/{page}");
        assert!(answer.body.contains(example), "{example} on /{page}");
    }
    let fields = [
        ("mail", "new@blobber.org"),
        ("destination", "x@y.example"),
        ("enabled", "1"),
    ];
    assert_eq!(operator.post("aliases", &fields).await.status, 303);
    demo.stop();
    assert_eq!(servers(&dir), Vec::<String>::new());

    let (demo, second_password) = Running::demo(&dir);
    assert_ne!(first_password, second_password);
    assert_eq!(
        sign_in(&demo.browser(), "operator", &first_password).await.status,
        422
    );
    let operator = demo.signed_in("operator", &second_password).await;
    assert!(
        operator
            .get("aliases?q=new")
            .await
            .body
            .contains("new@blobber.org")
    );
    let fields = [
        ("mail", "newer@blobber.org"),
        ("destination", "x@y.example"),
        ("enabled", "1"),
    ];
    assert_eq!(operator.post("aliases", &fields).await.status, 303);
    demo.kill_9();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !servers(&dir).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", servers(&dir));
        std::thread::sleep(Duration::from_millis(20));
    }

    let (demo, password) = Running::demo(&dir);
    let operator = demo.signed_in("operator", &password).await;
    assert!(
        operator
            .get("aliases?q=new")
            .await
            .body
            .contains("newer@blobber.org")
    );
    demo.stop();
}

/// Sends a signal such as `STOP`, by the builtin, because the `kill` program is not on every machine.
fn signal(name: &str, process: u32) {
    let status = Command::new("sh")
        .args(["-c", r#"kill -s "$1" "$2""#, "sh", name, &process.to_string()])
        .status()
        .expect("a shell");
    assert!(status.success());
}

/// The process that started another.
fn parent(process: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let (_, rest) = stat.rsplit_once(") ").expect("the end of its name");
    let parent = rest.split(' ').nth(1).expect("its parent");
    parent.parse().expect("a number")
}

#[test]
fn a_server_is_not_taken_for_ended_because_the_one_before_has() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = PrivateMariaDb::start(dir.path(), Durability::Relaxed).expect("a server");
    // As if the one that watches it were slow to notice.
    let keeper = parent(first.pid());
    signal("STOP", keeper);
    signal("KILL", first.pid());
    let second = PrivateMariaDb::start(dir.path(), Durability::Relaxed).expect("another server");
    signal("CONT", keeper);
    drop(first);
    let runs = second.is_running();
    // A server that is taken for ended would be waited for without end.
    signal("KILL", second.pid());
    second.stop().expect("stopped");
    assert!(runs);
}
