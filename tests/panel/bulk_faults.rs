//! A bulk change that is cut short, or meets a small packet, a deadlock or another writer: all of it or nothing, and the
//! record says which.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use postwarden::access::Role;
use postwarden::mariadb::PrivateMariaDb;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::block_in_place;

use crate::samples::{GROUND, recorded};
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const ROWS: u64 = 5_000;
const ROUNDS: u32 = 10;

const FILL: &str = "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', LPAD(seq, 5, '0'), '@shop.example'), \
                    'joe@x.example' FROM seq_1_to_5000";

/// The built panel in a process of its own. Dropping it kills it.
struct Program(Child);

impl Program {
    /// Ready to answer.
    fn start(database: &Database, address: SocketAddr) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_postwarden"))
            .arg("serve")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("POSTWARDEN_CONFIG", "/dev/null")
            .env("DATABASE_URL", &database.url)
            .env("POSTWARDEN_LISTEN", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert_eq!(child.try_wait().expect("a child"), None, "it ended by itself");
            assert!(Instant::now() < deadline, "it does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self(child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SIGKILL; it may have ended long ago.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server of the test's own, and somebody signed in on a panel over it.
async fn own_server(name: &str, global: &str) -> (PrivateMariaDb, Panel, Browser) {
    let server = block_in_place(|| PrivateMariaDb::start_temporary(name)).expect("a private MariaDB");
    let mut connection = MySqlConnection::connect(&server.url("mysql"))
        .await
        .expect("it answers");
    connection
        .execute(sqlx::AssertSqlSafe(format!(
            "CREATE DATABASE maildb CHARACTER SET utf8mb4; {global}"
        )))
        .await
        .expect("a database");
    let database = Database {
        url: server.url("maildb"),
        name: "maildb".to_owned(),
    };
    database.store().await.migrate().await.expect("migrated");
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (server, panel, operator)
}

/// The bulk form that turns every alias over, whatever they are now.
fn turned(on: bool) -> [(&'static str, &'static str); 3] {
    [
        ("all", "1"),
        ("action", if on { "disable" } else { "enable" }),
        ("confirm", "1"),
    ]
}

/// Sends a confirmed bulk form and waits for what it comes to.
async fn posted(browser: &Browser, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.post("aliases/bulk", fields).await;
    browser.finished(answer).await
}

/// A moment somewhere in the `round`th part of a stretch of time that is a little longer than the work takes.
fn moment(round: u32, work: Duration) -> Duration {
    let nanos = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("a clock")
        .subsec_nanos();
    let within = f64::from(nanos % 1_000_000) / 1_000_000.0;
    work.mul_f64(1.1 * (f64::from(round) + within) / f64::from(ROUNDS))
}

/// What came of a request whose other side was killed: it never waits for ever.
async fn ended<T>(sent: tokio::task::JoinHandle<T>) -> T {
    let ended = tokio::time::timeout(Duration::from_secs(30), sent).await;
    ended.expect("within half a minute").expect("an end")
}

/// Checks that all rows are alike and that the record tells exactly of the changes that made them so. Answers whether they
/// are on, and with the number of changes.
async fn expect_whole(database: &Database, what: &str) -> (bool, u64) {
    let mut other = MySqlConnection::connect(&database.url).await.expect("it answers");
    // A unit holds this row until it has ended, be it that the server has yet to notice that nobody waits for it.
    let wait = "START TRANSACTION; SELECT last_change FROM pw_counter FOR UPDATE; COMMIT";
    other.execute(wait).await.expect("nobody writes");
    let (rows, on, changes, records, last) = (
        database.count("SELECT COUNT(*) FROM aliases").await,
        database
            .count("SELECT COUNT(*) FROM aliases WHERE enabled = 1")
            .await,
        database
            .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
            .await,
        recorded(database).await,
        database.count("SELECT last_change FROM pw_counter").await,
    );
    assert!(on == 0 || on == ROWS, "{what}: {on} of {rows} rows are on");
    assert_eq!(
        (rows, records, last),
        (ROWS, changes * ROWS, changes),
        "{what}: every change has all its rows, and no number is lost"
    );
    // From the record to the rows by their key: the other way round it is every pair of them.
    let agreeing = "SELECT COUNT(*) FROM pw_changes c STRAIGHT_JOIN aliases a ON a.pkid = CAST(c.row_key AS UNSIGNED) \
                    WHERE change_id = (SELECT MAX(change_id) FROM pw_changes) AND JSON_VALUE(row_after, '$.enabled') = \
                    a.enabled AND JSON_VALUE(row_before, '$.enabled') = 1 - a.enabled AND JSON_VALUE(row_after, '$.mail') \
                    = a.mail";
    assert_eq!(
        database.count(agreeing).await,
        ROWS,
        "{what}: the last change made the rows what they are"
    );
    (on == ROWS, changes)
}

/// What became of the rounds.
#[derive(Default)]
struct Tally {
    done: u32,
    cut: u32,
}

impl Tally {
    /// Notes one round: `answered` where the panel said that it was done.
    fn note(&mut self, answered: bool, before: (bool, u64), after: (bool, u64), what: &str) {
        let changed = before.0 != after.0;
        assert_eq!(after.1, before.1 + u64::from(changed), "{what}");
        assert!(changed || !answered, "{what}: answered with 303, and not done");
        if changed {
            self.done += 1;
        } else {
            self.cut += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panel_killed_during_a_bulk_change_leaves_all_of_it_or_nothing() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    database.script(FILL).await;
    let panel = Panel::on(database).await;
    let database = &panel.database;
    // An address of its own, so that no outgoing connection takes the port while nobody listens.
    let free = TcpListener::bind((Ipv4Addr::new(127, 0, 78, 1), 0)).expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    panel.account("operator", Role::Operator, &[]).await;
    let browser = Browser {
        base: format!("http://{address}/"),
        ..panel.browser()
    };
    let signing_in = block_in_place(|| Program::start(database, address));
    let fields = [("username", "operator"), ("password", PASSWORD)];
    assert_eq!(browser.post("login", &fields).await.status, 303);
    drop(signing_in);
    let mut work = Duration::MAX;
    for on in [true, false] {
        let program = block_in_place(|| Program::start(database, address));
        let begun = Instant::now();
        let answer = posted(&browser, &turned(on)).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        work = work.min(begun.elapsed());
        drop(program);
    }
    let mut before = expect_whole(database, "at first").await;
    let mut tally = Tally::default();
    for round in 0..ROUNDS {
        let program = block_in_place(|| Program::start(database, address));
        let (client, url) = (browser.client.clone(), browser.url("aliases/bulk"));
        let sent = tokio::spawn(async move {
            let answer = client.post(url).form(&turned(before.0)).send().await;
            // On its way to the page that tells how far it is, it has promised nothing yet.
            answer.is_ok_and(|answer| answer.status() == 303 && answer.headers()["location"] == "/aliases")
        });
        let moment = moment(round, work);
        tokio::time::sleep(moment).await;
        block_in_place(|| drop(program));
        let answered = ended(sent).await;
        let what = format!("killed after {moment:?} of {work:?}");
        let after = expect_whole(database, &what).await;
        tally.note(answered, before, after, &what);
        before = after;
    }
    assert!(tally.cut >= 2, "{} done, {} cut: too late", tally.done, tally.cut);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_killed_during_a_bulk_change_has_all_of_it_or_nothing() {
    let (mut server, panel, operator) = own_server("bulk-killed", "").await;
    let database = &panel.database;
    database.script(FILL).await;
    let mut work = Duration::MAX;
    for on in [true, false] {
        let begun = Instant::now();
        let answer = posted(&operator, &turned(on)).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        work = work.min(begun.elapsed());
    }
    let mut before = expect_whole(database, "at first").await;
    let mut tally = Tally::default();
    for round in 0..ROUNDS {
        let browser = operator.clone();
        let sent = tokio::spawn(async move { browser.post("aliases/bulk", &turned(before.0)).await });
        let moment = moment(round, work);
        tokio::time::sleep(moment).await;
        block_in_place(|| server.kill_9()).expect("killed");
        let answer = ended(sent).await;
        block_in_place(|| server.restart()).expect("restarted");
        let answer = operator.finished(answer).await;
        let what = format!("killed after {moment:?} of {work:?}: {}", answer.status);
        assert!(
            matches!(answer.status, 303 | 500 | 503),
            "{what}: {}",
            answer.text("main")
        );
        let after = expect_whole(database, &what).await;
        tally.note(answer.status == 303, before, after, &what);
        before = after;
    }
    assert!(tally.cut >= 2, "{} done, {} cut: too late", tally.done, tally.cut);
    let answer = posted(&operator, &turned(before.0)).await;
    assert_eq!(answer.status, 303, "the panel works on: {}", answer.text("main"));
    expect_whole(database, "at last").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_far_larger_than_a_packet_is_written_in_parts() {
    let (_server, panel, operator) =
        own_server("bulk-packets", "SET GLOBAL max_allowed_packet = 512 * 1024").await;
    let database = &panel.database;
    // 20 kB each, and a few as long as the column holds: 5 MB before and after, ten packets.
    database
        .script(
            "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@shop.example'), CONCAT(REPEAT(CONCAT('member', \
             seq, '@long.example,'), IF(seq % 20, 900, 2700)), 'z@x.example') FROM seq_1_to_100",
        )
        .await;
    let size = database
        .count("SELECT SUM(LENGTH(destination)) FROM aliases")
        .await;
    assert!(size > 2_000_000, "{size}");
    for (action, changes) in [("disable", 1), ("enable", 2), ("delete", 3)] {
        let review = operator
            .post("aliases/bulk", &[("all", "1"), ("action", action)])
            .await;
        assert_eq!(review.status, 200, "{action}: {}", review.text("h1"));
        let done = operator.submit(&review, &[("confirm", "1")]).await;
        let done = operator.finished(done).await;
        assert_eq!(done.status, 303, "{action}: {}", done.text("h1"));
        let last = format!("SELECT COUNT(*) FROM pw_changes WHERE change_id = {changes}");
        assert_eq!(database.count(&last).await, 100, "{action}");
    }
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 0);
    let whole =
        "SELECT COUNT(*) FROM pw_changes WHERE LENGTH(JSON_VALUE(row_before, '$.destination')) > 12000";
    assert_eq!(database.count(whole).await, 300, "each row in full");
}

/// Rows that another program has written and holds, some of those a bulk change comes to late; and a weight that makes
/// the server end the other side of a deadlock.
async fn writer(database: &Database) -> MySqlConnection {
    database
        .script("CREATE TABLE ballast (n INT) ENGINE=InnoDB")
        .await;
    let mut other = MySqlConnection::connect(&database.url).await.expect("it answers");
    other
        .execute(
            "START TRANSACTION; INSERT INTO ballast SELECT seq FROM seq_1_to_40000; \
             UPDATE aliases SET destination = 'theirs@x.example' WHERE mail BETWEEN 'a04500' AND 'a04510'",
        )
        .await
        .expect("written");
    other
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_change_that_loses_a_deadlock_is_done_once_and_whole() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    database.script(FILL).await;
    let panel = Panel::on(database).await;
    let (operator, database) = (panel.operator().await, &panel.database);
    let mut other = writer(database).await;
    let writing = tokio::spawn(async move { posted(&operator, &turned(true)).await });
    // Until the panel has written most rows and waits for those of the other program.
    let waits = format!(
        "SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = \
         t.trx_mysql_thread_id WHERE p.DB = '{}' AND trx_state = 'LOCK WAIT' AND trx_rows_modified > 4000",
        database.name
    );
    let deadline = Instant::now() + Duration::from_secs(9);
    while database.count(&waits).await == 0 {
        assert!(!writing.is_finished() && Instant::now() < deadline, "it waits");
        // The server answers from memory to who asks again within a tenth of a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    other
        .execute("UPDATE pw_counter SET last_change = last_change")
        .await
        .expect("the panel was ended, all it had written taken back");
    other.execute("COMMIT").await.expect("let go");
    let answer = writing.await.expect("an answer");
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let (on, changes) = expect_whole(database, "after a deadlock").await;
    assert_eq!((on, changes), (false, 1));
    let theirs = "SELECT COUNT(*) FROM pw_changes c STRAIGHT_JOIN aliases a ON a.pkid = CAST(c.row_key AS UNSIGNED) WHERE \
                  destination = 'theirs@x.example' AND JSON_VALUE(row_before, '$.destination') = 'theirs@x.example' AND \
                  JSON_VALUE(row_after, '$.destination') = 'theirs@x.example'";
    assert_eq!(
        database.count(theirs).await,
        10,
        "what the other program wrote stays, and is what is recorded"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_change_that_waits_too_long_for_another_program_leaves_nothing() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    database.script(FILL).await;
    let panel = Panel::on(database).await;
    let (operator, database) = (panel.operator().await, &panel.database);
    let mut other = writer(database).await;
    let answer = posted(&operator, &turned(true)).await;
    assert_eq!(answer.status, 200, "{}", answer.text("main"));
    assert!(answer.text("main").contains("locked"), "{}", answer.text("main"));
    other.execute("COMMIT").await.expect("let go");
    assert_eq!(recorded(database).await, 0);
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM aliases WHERE enabled = 1")
            .await,
        ROWS
    );
    let again = operator.submit(&answer, &[("confirm", "1")]).await;
    let again = operator.finished(again).await;
    assert_eq!(
        again.status,
        303,
        "the page sends it again: {}",
        again.text("main")
    );
    assert_eq!(expect_whole(database, "sent again").await, (false, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_changes_of_two_people_at_once_follow_each_other() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    database.script(FILL).await;
    let panel = Panel::on(database).await;
    let (operator, database) = (panel.operator().await, &panel.database);
    let (off, gone) = (
        [turned(true)[0], turned(true)[1], turned(true)[2]],
        [
            ("all", "1"),
            ("action", "delete"),
            ("q", "a0000"),
            ("confirm", "1"),
        ],
    );
    let (disabled, deleted) = tokio::join!(posted(&operator, &off), posted(&operator, &gone),);
    assert!(matches!(deleted.status, 303), "{}", deleted.text("main"));
    // Whoever came second either met the rows as they are now or was asked about them again.
    assert!(matches!(disabled.status, 200 | 303), "{}", disabled.text("main"));
    let left = database.count("SELECT COUNT(*) FROM aliases").await;
    let on = database
        .count("SELECT COUNT(*) FROM aliases WHERE enabled = 1")
        .await;
    assert_eq!(left, ROWS - 9);
    let disabled_rows = database
        .count("SELECT COUNT(*) FROM pw_changes WHERE action = 'update'")
        .await;
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM pw_changes WHERE action = 'delete'")
            .await,
        9
    );
    if disabled.status == 303 {
        assert!(
            on == 0 && (disabled_rows == ROWS || disabled_rows == left),
            "{on} {disabled_rows}"
        );
    } else {
        assert_eq!((on, disabled_rows), (left, 0));
        assert_eq!(disabled.text("h1"), "Disable 4,991 aliases?");
    }
}
