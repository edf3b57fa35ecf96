//! `postwarden serve` as a process: how it begins and how it ends.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::program::{Running, create_account, free_address, on, run};
use crate::support::{Database, PASSWORD};

#[tokio::test]
async fn without_migrate_it_says_to_run_it() {
    for database in [Database::empty("").await, {
        let howto = Database::empty("").await;
        howto.script(crate::support::HOWTO).await;
        howto
    }] {
        let before = database.rows("SHOW TABLES").await;
        let line = on(&database, &["serve"]).refused(1);
        assert!(line.contains("postwarden migrate"), "{line}");
        assert_eq!(database.rows("SHOW TABLES").await, before);
    }
}

#[test]
fn without_a_database_it_says_what_to_set() {
    let line = run(&["serve"], &[]).refused(1);
    assert!(line.contains("DATABASE_URL="), "{line}");
    let line = run(&["serve"], &[("DATABASE_URL", "mysql://a:b@127.0.0.1/")]).refused(1);
    assert!(line.contains("/maildb"), "{line}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_one_line() {
    let line = run(&["serve"], &[("DATABASE_URL", "mysql://a:b@127.0.0.1:1/maildb")]).refused(1);
    assert!(line.contains("database does not answer"), "{line}");
    let database = Database::fresh().await;
    let missing = database.url.replace(&database.name, "nosuchdatabase");
    let line = run(&["serve"], &[("DATABASE_URL", &missing)]).refused(1);
    assert!(line.contains("nosuchdatabase"), "{line}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_one_line() {
    let database = Database::fresh().await;
    let taken = TcpListener::bind(free_address()).expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let variables = [
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_LISTEN", &address),
    ];
    let line = run(&["serve"], &variables).refused(1);
    assert!(
        line.contains(&address) && line.contains("POSTWARDEN_LISTEN"),
        "{line}"
    );
}

#[tokio::test]
async fn it_says_when_it_is_ready_and_answers_without_a_session() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    let line = panel.stderr.wait_for(" serves http");
    assert!(
        line.contains(&format!("serves http://{}/", panel.address)),
        "{line}"
    );
    for page in ["healthz", "readyz"] {
        assert_eq!(panel.browser().get(page).await.status, 200, "{page}");
    }
    assert!(panel.stdout.all().is_empty());
    let url = std::fs::read(format!("/proc/{}/cmdline", panel.pid())).expect("a command line");
    assert!(!String::from_utf8_lossy(&url).contains("mysql:"));
    panel.stop();
}

#[tokio::test]
async fn told_to_stop_it_finishes_the_request_under_way() {
    let database = Database::howto().await;
    create_account(&database, "joe", "operator", &[]);
    let panel = Running::serve_on(&database);
    let joe = panel.signed_in("joe", PASSWORD).await;

    // The row every save has to pass is held for a while, as a slow disk would hold it.
    let holder = {
        let database = database.clone();
        tokio::spawn(async move {
            database
                .script("START TRANSACTION; SELECT * FROM pw_counter FOR UPDATE; DO SLEEP(1.5); ROLLBACK")
                .await;
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let save = tokio::spawn(async move {
        let fields = [
            ("mail", "late@blobber.org"),
            ("destination", "x@y.example"),
            ("enabled", "1"),
        ];
        joe.post("aliases", &fields).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopping = tokio::task::spawn_blocking(move || panel.stop());
    assert_eq!(save.await.expect("an answer").status, 303);
    stopping.await.expect("stopped");
    holder.await.expect("released");
    let count = "SELECT COUNT(*) FROM aliases WHERE mail = 'late@blobber.org'";
    assert_eq!(database.count(count).await, 1);
}

#[tokio::test]
async fn connections_without_a_request_do_not_keep_it_from_stopping() {
    let database = Database::fresh().await;
    for signal in ["TERM", "INT"] {
        let mut panel = Running::serve_on(&database);
        // Browsers connect ahead of what they may need; others begin a request and never end it.
        let mut idle = TcpStream::connect(panel.address).expect("a connection");
        let mut half = TcpStream::connect(panel.address).expect("a connection");
        half.write_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nusername=")
            .expect("sent");
        let mut kept = TcpStream::connect(panel.address).expect("a connection");
        kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("sent");
        assert!(kept.read(&mut [0; 500]).expect("an answer") > 0);

        let asked = Instant::now();
        panel.signal(signal);
        // The panel waits some seconds for requests under way; the rest is room for a busy machine.
        assert_eq!(panel.ended_within(Duration::from_secs(12)), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(12));
        assert!(matches!(idle.read(&mut [0; 1]), Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn what_somebody_may_not_do_is_logged_with_the_account() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    create_account(&database, "ann", "owner", &["a.example"]);
    let ann = panel.signed_in("ann", PASSWORD).await;
    assert_eq!(ann.get("accounts?token=x").await.status, 404);
    panel.stderr.wait_for("refused ann GET /accounts:");
    assert_eq!(ann.post("domains", &[("domain", "b.example")]).await.status, 403);
    panel.stderr.wait_for("refused ann POST /domains:");
    assert!(!panel.stderr.all().iter().any(|line| line.contains("token")));
}
