//! What the explainer, the linter and the effect of a change cost, at a thousand aliases and at a million.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postwarden::access::Actor;
use postwarden::route::Asked;
use reqwest::header::{COOKIE, LOCATION};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, Row as _};

use super::support::Database;
use super::{
    COMPRESSED, Client, Effort, ROUNDS, Rounds, Served, account, alone, figure, median, milliseconds, posted,
    request, spread, statements_of_each,
};

/// Domains and mailboxes beside the aliases.
const DOMAINS: u32 = 2_000;
const MAILBOXES: u32 = 10_000;
/// Addresses explained by turns, each several times: one of each sort. Looking into the log for each takes a second.
const EXPLAINED: u32 = 8;

/// Statements that are about the visitor rather than the page.
const OF_VISITORS: [&str; 4] = ["pw_sessions", "pw_accounts", "pw_grants", "information_schema"];

/// A fresh installation with so many aliases: a third to mailboxes, a third elsewhere, and chains, lists, catch-alls,
/// aliases that are off and some that lead nowhere.
pub(crate) async fn database(aliases: u32) -> Database {
    let database = Database::fresh().await;
    let domain = |n: &str| format!("'@d', ({n}) % {DOMAINS}, '.example'");
    let mut script = format!(
        "INSERT INTO domains (domain) SELECT CONCAT('d', seq - 1, '.example') FROM seq_1_to_{DOMAINS};
         INSERT INTO backups (domain, transport) SELECT CONCAT('b', seq, '.example'), ':[mx.b.example]' FROM seq_1_to_100;
         INSERT INTO relays (recipient) SELECT CONCAT('@b', seq, '.example') FROM seq_1_to_100;
         INSERT INTO users (id, maildir, crypt) SELECT CONCAT('user', seq, {here}), CONCAT(seq % {DOMAINS}, '/user', seq, '/'),
           '$6$rounds=5000$salt$hash' FROM seq_1_to_{MAILBOXES};
         INSERT INTO aliases (mail, destination) SELECT CONCAT('@d', 10 * seq, '.example'), CONCAT('user', 10 * seq, {tenth})
           FROM seq_1_to_{};
         SET SESSION group_concat_max_len = 1000000;",
        DOMAINS / 20,
        here = domain("seq"),
        tenth = domain("10 * seq"),
    );
    let member = |from: &str, n: u32| {
        format!(
            "CONCAT('user', ({from} + {n}) % {MAILBOXES} + 1, {})",
            domain(&format!("({from} + {n}) % {MAILBOXES} + 1"))
        )
    };
    let members: Vec<String> = (0..5).map(|n| member("seq", n)).collect();
    let outside: Vec<String> = (0..50)
        .map(|n| format!("'member{n}@far', seq % 300, '.example'"))
        .collect();
    write!(
        script,
        "INSERT INTO aliases (mail, destination, enabled) SELECT CONCAT('alias', seq, {here}), CASE
           WHEN seq % 10 < 2 THEN CONCAT('alias', seq + 1, {next})
           WHEN seq % 10 = 2 THEN CONCAT_WS(',', {list})
           WHEN seq % 100 = 3 THEN CONCAT({outside})
           WHEN seq % 100 = 4 THEN CONCAT('gone', seq, {here})
           WHEN seq % 10 < 7 THEN {one}
           ELSE CONCAT('somebody', seq, '@far', seq % 300, '.example') END, seq % 1000 <> 5
         FROM seq_1_to_{aliases};
         ANALYZE TABLE domains, backups, relays, users, aliases",
        here = domain("seq"),
        next = domain("seq + 1"),
        list = members.join(", "),
        outside = outside.join(", ',', "),
        one = member("seq", 0),
    )
    .expect("written");
    database.script(&script).await;
    account(&database).await;
    database
}

/// Addresses of all sorts: names with an alias of any sort, mailboxes, names that only a catch-all takes or nothing.
fn addresses(aliases: u32) -> Vec<String> {
    (0..EXPLAINED)
        .map(|n| {
            let at = n.wrapping_mul(2_654_435_761) % aliases + 1;
            match n % 8 {
                6 => format!(
                    "user{0}@d{1}.example",
                    at % MAILBOXES + 1,
                    (at % MAILBOXES + 1) % DOMAINS
                ),
                7 => format!("whoever@d{}.example", at % DOMAINS),
                _ => format!("alias{at}@d{}.example", at % DOMAINS),
            }
        })
        .collect()
}

/// Explaining one address after the other, beside the statements of each alone.
pub(crate) async fn explain(database: &Database, aliases: u32, effort: Effort) {
    println!("\nexplaining addresses among {aliases} aliases");
    let addresses = addresses(aliases);
    let paths: Vec<String> = addresses
        .iter()
        .map(|address| format!("/explain?address={}", address.replace('@', "%40")))
        .collect();
    let mut of_pages = statements_of_each(database, &paths).await;
    for of_page in &mut of_pages {
        of_page.retain(|statement| !OF_VISITORS.iter().any(|table| statement.contains(table)));
    }
    let store = database.store().await;
    let actor = Actor::command_line();
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    let mut connection = connection(database).await;
    let (mut explained, mut page, mut floor) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        let (mut by_store, mut by_page, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..effort.requests.div_ceil(EXPLAINED as usize) {
            for address in &addresses {
                let asked = Asked {
                    address: address.clone(),
                    ..Asked::default()
                };
                let started = Instant::now();
                store.explain(&actor, &asked).await.expect("explained");
                by_store.push(milliseconds(started.elapsed()));
            }
            for path in &paths {
                by_page.extend(request(&client, path, COMPRESSED, 1).await);
            }
        }
        for of_page in &of_pages {
            by_hand.extend(
                alone(
                    &mut connection,
                    of_page,
                    effort.requests.div_ceil(EXPLAINED as usize),
                )
                .await,
            );
        }
        explained.add(by_store);
        page.add(by_page);
        floor.add(by_hand);
    }
    figure("  Store::explain", &explained.text());
    figure("  GET /explain, compressed", &page.text());
    let counts: Vec<f64> = of_pages.iter().map(|of_page| of_page.len() as f64).collect();
    figure(
        &format!("  its {} statements alone", spread(&counts)),
        &floor.text(),
    );
    let ratio = |of: &Rounds| format!("{:.2} times", median(&of.p50) / median(&floor.p50));
    figure("  Store::explain over those, at p50", &ratio(&explained));
    figure("  page over those, at p50", &ratio(&page));
    store.close().await;
}

/// `postwarden check --json`, beside reading every row once.
pub(crate) async fn check(database: &Database, aliases: u32) {
    println!("\npostwarden check of {aliases} aliases, {MAILBOXES} mailboxes, {DOMAINS} domains");
    let (mut taken, mut floor, mut most) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = if aliases > 100_000 { 1 } else { ROUNDS };
    for _ in 0..rounds {
        let (duration, kilobytes) = checked(database);
        taken.push(duration.as_secs_f64());
        most.push(kilobytes as f64 * 1024.0 / 1e6);
        let started = Instant::now();
        read_all(database).await;
        floor.push(started.elapsed().as_secs_f64());
    }
    figure("  check --json", &format!("{} s", spread(&taken)));
    figure("  its memory at most", &format!("{} MB", spread(&most)));
    figure("  SELECT of every row alone", &format!("{} s", spread(&floor)));
    figure(
        "  check over that",
        &format!("{:.1} times", median(&taken) / median(&floor)),
    );
}

/// One run of the program: how long it took, and its peak memory in kB, which is asked for until it ends.
fn checked(database: &Database) -> (Duration, u64) {
    let output = tempfile::tempfile().expect("a file");
    let started = Instant::now();
    let mut process = Command::new(env!("CARGO_BIN_EXE_postwarden"))
        .args(["check", "--json"])
        .env_clear()
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .env("DATABASE_URL", &database.url)
        .stdout(Stdio::from(output))
        .spawn()
        .expect("the program starts");
    let mut most = 0;
    let status = loop {
        most = super::kilobytes(process.id(), "VmHWM").unwrap_or(most);
        if let Some(status) = process.try_wait().expect("its state") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(3), "it finds something");
    (started.elapsed(), most)
}

/// Reads every row of every table, a page at a time.
async fn read_all(database: &Database) {
    const PAGE: usize = 10_000;
    let mut connection = connection(database).await;
    for (table, key) in [
        ("domains", "pkid"),
        ("backups", "pkid"),
        ("relays", "pkid"),
        ("users", "id"),
        ("aliases", "pkid"),
    ] {
        let page = format!(
            "SELECT CAST({key} AS CHAR), {table}.* FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT {PAGE}"
        );
        let mut after = "0".to_owned();
        loop {
            let query = sqlx::query(AssertSqlSafe(page.clone())).bind(after.clone());
            let rows = query.fetch_all(&mut connection).await.expect(table);
            match rows.last().filter(|_| rows.len() == PAGE) {
                Some(last) => after = last.get_unchecked(0),
                None => break,
            }
        }
    }
}

/// Saving one alias: its effect looks for the aliases that lead to it.
pub(crate) async fn saving(database: &Database, aliases: u32, effort: Effort) {
    println!("\nsaving an alias among {aliases}");
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    let times = if aliases > 100_000 {
        3
    } else {
        effort.requests.div_ceil(10)
    };
    let mut connection = connection(database).await;
    let (mut saved, mut floor) = (Rounds::default(), Rounds::default());
    for round in 0..ROUNDS {
        let mut durations = Vec::new();
        for n in 0..times {
            let mail = format!("new{round}x{n}@d1.example");
            let fields = [
                ("mail", mail.as_str()),
                ("destination", "user1@d1.example"),
                ("enabled", "1"),
            ];
            durations.push(posted(&client, "/aliases", &fields, 303).await);
        }
        saved.add(durations);
        let scan = "SELECT COUNT(*) FROM aliases WHERE CONVERT(destination USING utf8mb4) COLLATE utf8mb4_general_ci \
                    LIKE '%new@d1.example%'";
        floor.add(alone(&mut connection, &[scan.to_owned()], times).await);
    }
    figure("  POST /aliases", &saved.text());
    figure("  one LIKE over the destinations alone", &floor.text());
    database
        .script("DELETE FROM aliases WHERE mail LIKE 'new%x%@d1.example'")
        .await;
}

/// Milliseconds until a review is there: one that takes longer than a second comes from behind a page that tells so.
async fn reviewed(client: &Client, path: &str, fields: &[(&str, &str)]) -> f64 {
    let started = Instant::now();
    let answer = client
        .http
        .post(format!("{}{path}", client.base))
        .header(COOKIE, &client.cookie)
        .form(fields)
        .send()
        .await
        .expect("an answer");
    if answer.status() == 303 {
        let job = answer.headers()[LOCATION]
            .to_str()
            .expect("an address")
            .to_owned();
        let waits = |page: Vec<u8>| String::from_utf8_lossy(&page).contains("This page looks again");
        while waits(client.get(&job, None).await) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    } else {
        assert_eq!(answer.status(), 200, "{fields:?}");
        answer.bytes().await.expect("a body");
    }
    milliseconds(started.elapsed())
}

/// The pages that ask before many rows are switched off or deleted.
pub(crate) async fn reviews(database: &Database, aliases: u32) {
    println!("\nreviews among {aliases} aliases and {MAILBOXES} mailboxes");
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    for (what, path, fields) in [
        (
            "  disable all aliases",
            "/aliases/bulk",
            [("all", "1"), ("action", "disable")],
        ),
        (
            "  delete all mailboxes",
            "/users/bulk",
            [("all", "1"), ("action", "delete")],
        ),
    ] {
        let mut durations = Vec::new();
        for _ in 0..ROUNDS {
            durations.push(reviewed(&client, path, &fields).await);
        }
        figure(what, &format!("{} ms", spread(&durations)));
    }
    // They wait for nobody: other rows' locks are not theirs.
    let mut connection = connection(database).await;
    let mut transaction = connection.begin().await.expect("a transaction");
    for table in ["aliases", "users"] {
        let lock = format!("SELECT COUNT(*) FROM {table} FOR UPDATE");
        transaction.execute(AssertSqlSafe(lock)).await.expect("locked");
    }
    reviewed(&client, "/aliases/bulk", &[("all", "1"), ("action", "disable")]).await;
    reviewed(&client, "/users/bulk", &[("all", "1"), ("action", "delete")]).await;
    transaction.rollback().await.expect("given back");
    figure("  with every row locked by another", "answered all the same");
}

async fn connection(database: &Database) -> MySqlConnection {
    MySqlConnection::connect(&database.url)
        .await
        .expect("the database answers")
}
