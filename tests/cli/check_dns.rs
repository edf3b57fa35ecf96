//! `postwarden check --dns`, asking a name server of the test's own.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::{Finished, run};
use crate::support::Database;
use crate::support::dns::{A, Answer, MX, serve};

const HERE: &str = "mx.self.example";
const TABLES: &str = "INSERT INTO domains (domain, transport) VALUES ('shop.example', 'smtp:'), ('away.example', 'smtp:'), \
    ('equal.example', 'smtp:'), ('kept.example', 'virtual:'); \
    INSERT INTO backups (domain, transport) VALUES ('friend.example', 'smtp:[gone.example]'), \
    ('known.example', 'smtp:[mail.friend.example]'), ('back.example', 'smtp:[alias.self.example]'); \
    INSERT INTO aliases (mail, destination) VALUES ('a@kept.example', 'joe@gone.example'), \
    ('b@kept.example', 'joe@away.example'), ('c@kept.example', 'joe@kept.example')";

/// What the name server knows: this server under two names, a friend, names it fails for and names it says nothing about.
fn answer(name: &str, kind: u16) -> Option<Answer> {
    let exchangers = |hosts: &[(u16, &str)]| {
        let hosts = hosts.iter().map(|(n, host)| (*n, (*host).to_owned()));
        Answer::Exchangers(hosts.collect())
    };
    let friend = "Mail.Friend.example";
    Some(match (name, kind) {
        ("silent.example", _) => return None,
        ("failing.example", _) => Answer::Failure,
        ("shop.example", MX) => exchangers(&[(20, friend), (10, HERE)]),
        ("away.example", MX) => exchangers(&[(20, HERE), (10, friend)]),
        ("equal.example", MX) => exchangers(&[(10, friend), (10, "alias.self.example")]),
        (HERE | "alias.self.example", A) => Answer::Address(Ipv4Addr::new(192, 0, 2, 1)),
        ("mail.friend.example", A) => Answer::Address(Ipv4Addr::new(192, 0, 2, 2)),
        _ if name.contains("gone.example") => Answer::NoSuchName,
        _ => Answer::Nothing,
    })
}

/// Runs the program on a server that Postfix calls by a name, with the name server above.
fn on_server(name: &str, database: &Database, arguments: &[&str]) -> Finished {
    on_server_asking(name, database, arguments).0
}

/// The same, with the names that were asked for.
fn on_server_asking(name: &str, database: &Database, arguments: &[&str]) -> (Finished, Vec<String>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let server = socket.local_addr().expect("an address").to_string();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&asked);
    serve(socket, move |name, kind| {
        notes.lock().expect("the notes").push(name.to_owned());
        answer(name, kind)
    });
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("main.cf"), format!("myhostname = {name}\n")).expect("main.cf");
    let variables = [
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_DNS__SERVER", &server),
        (
            "POSTWARDEN_POSTFIX__CONFIG_DIR",
            dir.path().to_str().expect("a path"),
        ),
    ];
    let finished = run(arguments, &variables);
    let asked = std::mem::take(&mut *asked.lock().expect("the notes"));
    (finished, asked)
}

/// Rule, severity and subject of what the rules that need DNS found, as text.
fn by_dns(run: &Finished) -> Vec<&str> {
    let found = run.stdout.lines().filter(|line| {
        let word = line.split(' ').nth(1).unwrap_or_default();
        ["PW117", "PW128", "PW129", "PW130", "PW148"].contains(&word)
    });
    let mut found: Vec<&str> = found.collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn what_leads_back_here_or_does_not_exist_is_found() {
    let database = Database::fresh().await;
    database.script(TABLES).await;
    let run = on_server("MX.Self.example", &database, &["check", "--dns"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""));
    assert_eq!(
        by_dns(&run),
        [
            "error PW117 domains 1 shop.example",
            "error PW117 domains 3 equal.example",
            "error PW129 backups 3 back.example",
            "error PW130 backups 1 friend.example",
            "warning PW117 domains 2 away.example",
            "warning PW148 aliases 1 a@kept.example",
        ],
        "{}",
        run.stdout
    );
}

#[tokio::test]
async fn the_findings_are_json_that_differs_from_a_check_without_dns() {
    let database = Database::fresh().await;
    database.script(TABLES).await;
    let found = |arguments: &[&str]| {
        let run = on_server(HERE, &database, arguments);
        let found: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).expect("JSON");
        let found = found.iter().map(|told| {
            let word = |name: &str| told[name].as_str().expect(name).to_owned();
            (word("rule"), word("severity"), word("key"))
        });
        found.collect::<Vec<_>>()
    };
    let told = |rule: &str, severity: &str| (rule.to_owned(), severity.to_owned(), "1".to_owned());
    let alone = found(&["check", "--json"]);
    assert!(alone.contains(&told("PW117", "warning")), "{alone:?}");
    assert!(!alone.contains(&told("PW148", "warning")), "{alone:?}");
    let with = found(&["check", "--json", "--dns"]);
    assert!(with.contains(&told("PW117", "error")), "{with:?}");
    assert!(!with.contains(&told("PW117", "warning")), "{with:?}");
    assert!(with.contains(&told("PW148", "warning")), "{with:?}");
}

#[tokio::test]
async fn names_without_an_answer_are_counted_and_nothing_is_said_about_them() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO backups (domain, transport) VALUES ('one.example', 'smtp:[silent.example]'), \
             ('two.example', 'smtp:failing.example')",
        )
        .await;
    let began = Instant::now();
    let run = on_server(HERE, &database, &["check", "--dns"]);
    let took = began.elapsed();
    assert_eq!(run.stdout, on_server(HERE, &database, &["check"]).stdout);
    assert_eq!(
        run.stderr,
        "postwarden: DNS gave no answer for 2 names, failing.example the first: nothing is said about them\n"
    );
    // Both kinds of address are asked for at once, for five seconds at most.
    assert!(took < Duration::from_secs(9), "{took:?}");
}

#[tokio::test]
async fn a_name_is_asked_for_once_however_many_rows_have_it_and_what_is_hosted_not_at_all() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain, transport) VALUES ('kept.example', 'virtual:'), ('ours.example', 'virtual:'); \
             INSERT INTO aliases (mail, destination) SELECT CONCAT('n', seq, '@kept.example'), CONCAT('joe@n', seq MOD 150, \
             '.gone.example,joe@ours.example') FROM seq_1_to_1100",
        )
        .await;
    let (run, asked) = on_server_asking(HERE, &database, &["check", "--dns", "--domain", "kept.example"]);
    assert_eq!(run.stderr, "");
    assert_eq!(by_dns(&run).len(), 1_100);
    // Three kinds of records of each name, with room for a packet that was late.
    assert!((452..500).contains(&asked.len()), "{}", asked.len());
    assert!(!asked.contains(&"ours.example".to_owned()), "it is hosted here");
}

#[tokio::test]
async fn a_name_server_that_does_not_answer_for_this_server_or_is_none_ends_it() {
    let database = Database::fresh().await;
    let line = on_server("silent.example", &database, &["check", "--dns"]).refused(1);
    assert!(line.contains("DNS does not answer for silent.example"), "{line}");
    let variables = [
        ("DATABASE_URL", database.url.as_str()),
        ("POSTWARDEN_DNS__SERVER", "here"),
    ];
    let line = run(&["check", "--dns"], &variables).refused(1);
    assert!(line.contains("dns.server `here`"), "{line}");
}
