//! Measures the built program: what a page costs beside the SQL it runs, and what the program weighs.
//!
//! The panel runs as a process of its own on a private MariaDB on this machine, and so does the client: requests per
//! second are those of all three together. `BENCH_QUICK=1` asks for a hundredth of the work, to see that it still runs.
#![expect(clippy::disallowed_methods, reason = "the floor is the SQL alone")]
#![expect(clippy::cast_precision_loss, reason = "no figure here comes near 2^52")]

mod export;
mod import;
mod scale;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postwarden::access::{self, Actor, Role};
use postwarden::store::NewAccount;
use reqwest::header::{ACCEPT_ENCODING, COOKIE, SET_COOKIE};
use scraper::{Html, Selector};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};
use support::{Database, PASSWORD};

/// How often everything that takes part in a comparison is measured.
const ROUNDS: usize = 3;
/// Connections of the figure for requests per second.
const CONNECTIONS: usize = 8;
/// The page whose cost is measured.
const LIST: &str = "/aliases";
/// How long the list may take at p95 while others guess passwords, in milliseconds.
const PATIENCE: f64 = 50.0;
/// Connections that guess passwords, step by step; two passwords are hashed at once.
const GUESSERS: &[usize] = &[1, 2, 4, 8, 16];
/// What browsers accept.
const COMPRESSED: Option<&str> = Some("gzip");

/// How much is done.
#[derive(Clone, Copy)]
struct Effort {
    starts: usize,
    requests: usize,
    before_memory: usize,
    span: Duration,
    /// Rows of the bulk change.
    bulk: u32,
    /// Rows searched, over all tables.
    searched: u32,
    /// Aliases of the domain whose hub is shown.
    of_domain: u32,
    /// Aliases among which addresses are explained, tables checked and aliases saved.
    scales: &'static [u32],
    /// Aliases of the files that are imported.
    imported: &'static [u32],
}

impl Effort {
    fn of_environment() -> Self {
        if std::env::var_os("BENCH_QUICK").is_some() {
            return Self {
                starts: 2,
                requests: 5,
                before_memory: 10,
                span: Duration::from_millis(100),
                bulk: 100,
                searched: 300,
                of_domain: 10,
                scales: &[1_000],
                imported: &[1_000],
            };
        }
        Self {
            starts: 10,
            requests: 500,
            before_memory: 1000,
            span: Duration::from_secs(3),
            bulk: 10_000,
            searched: 30_000,
            of_domain: 1_000,
            scales: &[1_000, 1_000_000],
            imported: &[10_000, 100_000],
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run with make bench"]
async fn figures() {
    let effort = Effort::of_environment();
    let build = if cfg!(debug_assertions) {
        "DEBUG build, not to be quoted"
    } else {
        "release build"
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = env!("CARGO_PKG_VERSION");
    println!("\nPostwarden {version}, {build}; {cores} cores shared by panel, MariaDB and client");
    println!("Medians, least and most in brackets; lists in {ROUNDS} rounds.\n");

    let wanted = std::env::var("BENCH_PART").ok();
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    if is_wanted("panel") {
        panel(effort).await;
    }
    for &rows in effort.imported {
        if is_wanted("import") {
            import::aliases(rows).await;
        }
    }
    let of_scale = ["explain", "check", "saving"];
    for &aliases in effort.scales {
        if !of_scale.into_iter().any(is_wanted) {
            break;
        }
        let database = scale::database(aliases).await;
        if is_wanted("export") {
            export::export(&database, aliases);
        }
        if is_wanted("explain") {
            scale::explain(&database, aliases, effort).await;
        }
        if is_wanted("check") {
            scale::check(&database, aliases).await;
        }
        if is_wanted("saving") {
            scale::saving(&database, aliases, effort).await;
        }
    }
    if is_wanted("reviews") {
        let database = scale::database(effort.bulk).await;
        scale::reviews(&database, effort.bulk).await;
    }
    println!();
}

/// The program, and its pages.
async fn panel(effort: Effort) {
    let small = database(1_000).await;
    let large = database(30_000).await;

    let program = std::fs::metadata(env!("CARGO_BIN_EXE_postwarden"))
        .expect("the program")
        .len();
    figure("program", &format!("{:.1} MB", program as f64 / 1e6));
    cold_start(&small, effort).await;
    memory(&small, effort).await;
    first_visit(&small).await;
    lines_per_table();
    for (database, rows) in [(&small, 1_000), (&large, 30_000)] {
        list(database, rows, effort).await;
    }
    search(effort).await;
    hub(effort).await;
    bulk(effort).await;
    sign_in(&small, effort).await;
}

/// Prints one line of the table.
fn figure(what: &str, value: &str) {
    println!("{what:<42} {value}");
}

/// A howto database with so many aliases, and an operator.
async fn database(aliases: u32) -> Database {
    let database = Database::howto().await;
    let mut insert = String::from("DELETE FROM aliases; INSERT INTO aliases (mail, destination) VALUES ");
    for n in 0..aliases {
        // Spread over the alphabet, so that the rows do not stand in the order of the index.
        let name = n.wrapping_mul(2_654_435_761);
        let between = if n == 0 { "" } else { "," };
        write!(
            insert,
            "{between}('person-{name:08x}@blobber.org','someone-{n}@provider.example')"
        )
        .expect("written");
    }
    database.script(&insert).await;
    database.script("ANALYZE TABLE aliases").await;
    account(&database).await;
    database
}

/// An operator to sign in as.
async fn account(database: &Database) {
    let hash = access::hash(PASSWORD.to_owned()).await.expect("a hash");
    let store = database.store().await;
    let new = NewAccount {
        name: "operator",
        role: Role::Operator,
        hash: Some(&hash),
        grants: &[],
        expires_at: None,
    };
    let made = store.create_account(&Actor::command_line(), &new).await;
    made.expect("an account");
    store.close().await;
}

// What runs

/// `postwarden serve` as people run it, ended with this value.
struct Served {
    process: Child,
    address: SocketAddr,
    /// From the start of the process to its first page.
    until_first_page: Duration,
}

impl Served {
    async fn start(database: &Database) -> Self {
        let settings = tempfile::NamedTempFile::new().expect("an empty settings file");
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let started = Instant::now();
        let process = Command::new(env!("CARGO_BIN_EXE_postwarden"))
            .arg("serve")
            .arg("--config")
            .arg(settings.path())
            .env_clear()
            .env("DATABASE_URL", &database.url)
            .env("POSTWARDEN_LISTEN", address.to_string())
            .env("POSTWARDEN_TRUSTED_PROXIES", "127.0.0.1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the panel starts");
        let mut served = Self {
            process,
            address,
            until_first_page: Duration::ZERO,
        };
        let client = Client::new(address);
        while client
            .try_get("/login", None)
            .await
            .is_none_or(|(status, _)| status != 200)
        {
            let ended = served.process.try_wait().expect("its state");
            assert!(ended.is_none(), "the panel ended by itself");
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the panel shows no page"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        served.until_first_page = started.elapsed();
        served
    }

    /// A figure of the process in kB, from proc(5).
    fn kilobytes(&self, name: &str) -> u64 {
        kilobytes(self.process.id(), name).expect(name)
    }
}

/// A figure of a process in kB, from proc(5); `None` when it has ended.
fn kilobytes(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .find_map(|rest| rest.split_whitespace().next()?.parse().ok())
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One kept-alive connection, which takes bodies as they come over the wire.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    base: String,
    cookie: String,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .no_gzip()
            .no_brotli()
            .no_proxy()
            .pool_max_idle_per_host(1)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self {
            http,
            base: format!("http://{address}"),
            cookie: String::new(),
        }
    }

    /// A connection of somebody who is signed in.
    async fn signed_in(address: SocketAddr) -> Self {
        let mut client = Self::new(address);
        let answer = client
            .http
            .post(format!("{}/login", client.base))
            .form(&[("username", "operator"), ("password", PASSWORD)])
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 303, "signing in");
        let cookie = answer.headers()[SET_COOKIE].to_str().expect("a cookie");
        cookie
            .split(';')
            .next()
            .expect("its value")
            .clone_into(&mut client.cookie);
        client
    }

    /// The status of a sign-in through a proxy: as the operator with the right password, else as somebody new each time.
    async fn sign_in(&self, password: &str, from: &str) -> u16 {
        let name = if password == PASSWORD { "operator" } else { from };
        let answer = self
            .http
            .post(format!("{}/login", self.base))
            .header("x-forwarded-for", from)
            .form(&[("username", name), ("password", password)])
            .send()
            .await
            .expect("an answer");
        let status = answer.status().as_u16();
        answer.bytes().await.expect("a body");
        status
    }

    /// Status and bytes of an answer; `None` where there is none.
    async fn try_get(&self, path: &str, encoding: Option<&'static str>) -> Option<(u16, Vec<u8>)> {
        let mut request = self
            .http
            .get(format!("{}{path}", self.base))
            .header(COOKIE, &self.cookie);
        if let Some(encoding) = encoding {
            request = request.header(ACCEPT_ENCODING, encoding);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.bytes().await.ok()?.to_vec()))
    }

    /// The bytes of a page.
    async fn get(&self, path: &str, encoding: Option<&'static str>) -> Vec<u8> {
        let (status, body) = self.try_get(path, encoding).await.expect("an answer");
        assert_eq!(status, 200, "{path}");
        body
    }
}

// What is measured

async fn cold_start(database: &Database, effort: Effort) {
    let mut starts = Vec::new();
    for _ in 0..effort.starts {
        starts.push(milliseconds(Served::start(database).await.until_first_page));
    }
    let what = format!("start to first page, {} starts", effort.starts);
    figure(&what, &format!("{} ms", spread(&starts)));
}

async fn memory(database: &Database, effort: Effort) {
    let served = Served::start(database).await;
    figure(
        "memory after the first page",
        &megabytes(served.kilobytes("VmRSS")),
    );
    let client = Client::signed_in(served.address).await;
    figure("memory after a sign-in", &megabytes(served.kilobytes("VmRSS")));
    for _ in 0..effort.before_memory {
        client.get(LIST, COMPRESSED).await;
    }
    let (now, most) = (served.kilobytes("VmRSS"), served.kilobytes("VmHWM"));
    figure(
        &format!("memory after {} lists more", effort.before_memory),
        &format!("{}, at most {}", megabytes(now), megabytes(most)),
    );
}

async fn first_visit(database: &Database) {
    let served = Served::start(database).await;
    let client = Client::new(served.address);
    let page = String::from_utf8(client.get("/login", None).await).expect("UTF-8");
    let mut paths = vec!["/login".to_owned()];
    paths.extend(assets(&page));
    let mut sums = Vec::new();
    for encoding in [None, Some("gzip")] {
        let mut sum = 0;
        for path in &paths {
            sum += client.get(path, encoding).await.len();
        }
        sums.push(format!("{} {sum} bytes", encoding.unwrap_or("plain")));
    }
    let what = format!("first visit, bodies of {} answers", paths.len());
    figure(&what, &sums.join(", "));
}

/// Addresses of what a page loads, each once.
fn assets(page: &str) -> Vec<String> {
    let html = Html::parse_document(page);
    let mut paths: Vec<String> = Vec::new();
    for (selector, attribute) in [
        ("link[href]", "href"),
        ("script[src]", "src"),
        ("img[src]", "src"),
    ] {
        let selector = Selector::parse(selector).expect("a selector");
        for path in html.select(&selector).filter_map(|e| e.value().attr(attribute)) {
            if !paths.iter().any(|known| known == path) {
                paths.push(path.to_owned());
            }
        }
    }
    paths
}

/// What tables needed beside their descriptions, tests in the modules included.
const BESIDE: &[(&str, &[&str])] = &[
    (
        "users",
        &[
            "src/mail/maildir.rs",
            "src/mail/password.rs",
            "src/web/secrets.rs",
            "templates/resources/mailbox.html",
        ],
    ),
    (
        "lists",
        &[
            "src/mail/expansion.rs",
            "src/store/expansion.rs",
            "src/web/crud/members.rs",
            "templates/resources/members.html",
        ],
    ),
    ("access", &["src/mail/access.rs", "src/mail/access_pattern.rs"]),
    (
        "overrides",
        &[
            "src/web/overrides/mod.rs",
            "src/web/overrides/save.rs",
            "src/web/overrides/whole.rs",
            "src/store/overrides.rs",
        ],
    ),
    (
        "users, lists and new domains together",
        &["src/web/crud/companions.rs", "src/store/companions.rs"],
    ),
];

/// Lines of the files that each describe one table, and of those it needed beside.
fn lines_per_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let count = |path: &Path| std::fs::read_to_string(path).expect("a file").lines().count();
    let folder = root.join("src/resource");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the resources")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        if name != "mod" && name != "input" {
            lines.push(format!("{name} {}", count(&file)));
        }
    }
    figure("lines of Rust per table", &lines.join(", "));
    let beside: Vec<String> = BESIDE
        .iter()
        .map(|(table, files)| {
            let sum: usize = files.iter().map(|file| count(&root.join(file))).sum();
            format!("{table} {sum}")
        })
        .collect();
    figure("lines beside", &beside.join(", "));
}

/// The list page beside the SQL it runs and beside a page that does nothing.
async fn list(database: &Database, rows: u32, effort: Effort) {
    println!("\n{LIST} of {rows} aliases");
    let statements = statements_of(database, LIST).await;
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    let of_table: Vec<String> = statements
        .iter()
        .filter(|s| s.contains("FROM `aliases`"))
        .cloned()
        .collect();
    assert!(!of_table.is_empty(), "the page reads its table: {statements:#?}");

    let mut connection = MySqlConnection::connect(&database.url)
        .await
        .expect("the database answers");
    let mut page = Rounds::default();
    let mut compressed = Rounds::default();
    let mut bare = Rounds::default();
    let mut floor = Rounds::default();
    let mut rates = Vec::new();
    // By turns, so that what else the machine does meets all of them.
    for _ in 0..ROUNDS {
        page.add(request(&client, LIST, None, effort.requests).await);
        compressed.add(request(&client, LIST, COMPRESSED, effort.requests).await);
        bare.add(request(&client, "/healthz", None, effort.requests).await);
        floor.add(alone(&mut connection, &of_table, effort.requests).await);
        rates.push(rate(served.address, effort.span).await);
    }
    figure("  page", &page.text());
    figure("  page, compressed", &compressed.text());
    let what = format!(
        "  its {} of {} statements alone",
        of_table.len(),
        statements.len()
    );
    figure(&what, &floor.text());
    let ratio = median(&page.p50) / median(&floor.p50);
    figure(
        "  page over those statements, at p50",
        &format!("{ratio:.2} times"),
    );
    figure("  /healthz", &bare.text());
    let what = format!("  compressed pages/s, {CONNECTIONS} connections");
    figure(&what, &spread(&rates));
}

/// The search page over rows spread over every table, a thousandth of which it finds.
async fn search(effort: Effort) {
    let rows = effort.searched;
    println!("\n/search over {rows} rows in seven tables");
    let database = Database::howto().await;
    account(&database).await;
    // Shares as on a server with many mailboxes.
    for ((insert, row), share) in [
        ("INSERT INTO domains (domain) VALUES ", "('{}.example')"),
        (
            "INSERT INTO aliases (mail, destination) VALUES ",
            "('{}@blobber.org','{}@provider.example')",
        ),
        (
            "INSERT INTO users (id, name, maildir) VALUES ",
            "('{}@blobber.org','{}','blobber.org/{}/')",
        ),
        (
            "INSERT INTO backups (domain, transport) VALUES ",
            "('{}.test','')",
        ),
        ("INSERT INTO relays (recipient) VALUES ", "('{}@friend1.com')"),
        (
            "INSERT INTO relocated (oldadr, newadr) VALUES ",
            "('{}@lala.com','{}@new.example')",
        ),
        (
            "INSERT INTO access_rules (kind, pattern) VALUES ",
            "('sender','{}@spam.example')",
        ),
    ]
    .into_iter()
    .zip([3, 40, 30, 2, 15, 5, 5])
    .map(|(table, percent)| (table, rows * percent / 100))
    {
        let values: Vec<String> = (0..share)
            .map(|n| {
                let spread = n.wrapping_mul(2_654_435_761);
                let word = if n % 1_000 == 7 { "needle" } else { "person" };
                row.replace("{}", &format!("{word}-{spread:08x}"))
            })
            .collect();
        database.script(&format!("{insert}{}", values.join(","))).await;
    }
    database
        .script("ANALYZE TABLE domains, aliases, users, backups, relays, relocated, access_rules")
        .await;
    beside_sql(&database, "/search?q=needle", effort.requests.div_ceil(5)).await;
}

/// The hub of a domain with many aliases.
async fn hub(effort: Effort) {
    println!("\nhub of a domain with {} aliases", effort.of_domain);
    let database = database(effort.of_domain).await;
    let key = database
        .value("SELECT pkid FROM domains WHERE domain = 'blobber.org'")
        .await;
    let path = format!("/domains/{}", key.expect("the howto's domain"));
    beside_sql(&database, &path, effort.requests).await;
}

/// A page beside the statements it runs for its content.
async fn beside_sql(database: &Database, path: &str, times: usize) {
    let statements = statements_of(database, path).await;
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    let visitor = ["pw_sessions", "pw_accounts", "pw_grants", "information_schema"];
    let of_page: Vec<String> = statements
        .iter()
        .filter(|statement| !visitor.iter().any(|table| statement.contains(table)))
        .cloned()
        .collect();
    assert!(!of_page.is_empty(), "the page reads its tables: {statements:#?}");
    let mut connection = MySqlConnection::connect(&database.url)
        .await
        .expect("the database answers");
    let (mut page, mut floor) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        page.add(request(&client, path, COMPRESSED, times).await);
        floor.add(alone(&mut connection, &of_page, times).await);
    }
    figure("  page, compressed", &page.text());
    let what = format!("  its {} of {} statements alone", of_page.len(), statements.len());
    figure(&what, &floor.text());
    let ratio = median(&page.p50) / median(&floor.p50);
    figure(
        "  page over those statements, at p50",
        &format!("{ratio:.2} times"),
    );
}

/// Switching many aliases off: the page that asks, the change, and the plain SQL that comes to the same rows.
async fn bulk(effort: Effort) {
    let rows = effort.bulk;
    println!("\nbulk disable of {rows} aliases");
    let database = database(rows).await;
    let served = Served::start(&database).await;
    let client = Client::signed_in(served.address).await;
    let mut connection = MySqlConnection::connect(&database.url)
        .await
        .expect("the database answers");
    let count = rows.to_string();
    let asking = [("all", "1"), ("action", "disable")];
    let confirming = [asking[0], asking[1], ("count", &count), ("confirm", "1")];
    let (mut review, mut confirm, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        database.script("UPDATE aliases SET enabled = 1").await;
        review.push(posted(&client, "/aliases/bulk", &asking, 200).await);
        confirm.push(posted(&client, "/aliases/bulk", &confirming, 303).await);
        let off = "SELECT COUNT(*) FROM aliases WHERE enabled = 0";
        assert_eq!(database.count(off).await, u64::from(rows), "all of them are off");

        let inserts = same_record(&database).await;
        database.script("UPDATE aliases SET enabled = 1").await;
        plain.push(by_hand(&mut connection, &inserts).await);
        assert_eq!(database.count(off).await, u64::from(rows), "all of them are off");
    }
    figure("  review", &format!("{} ms", spread(&review)));
    figure("  confirm", &format!("{} ms", spread(&confirm)));
    figure("  UPDATE and INSERTs alone", &format!("{} ms", spread(&plain)));
    let ratio = |of: &[f64]| format!("{:.2} times", median(of) / median(&plain));
    figure("  confirm over that SQL", &ratio(&confirm));
    figure("  review over that SQL", &ratio(&review));
}

/// Signing in, and how many guesses the panel takes while somebody else works.
async fn sign_in(database: &Database, effort: Effort) {
    println!("\nsigning in");
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    let mut right = Rounds::default();
    let mut quiet = Vec::new();
    for _ in 0..ROUNDS {
        let mut durations = Vec::new();
        for _ in 0..effort.requests.div_ceil(10) {
            let started = Instant::now();
            assert_eq!(client.sign_in(PASSWORD, "192.0.2.1").await, 303);
            durations.push(milliseconds(started.elapsed()));
        }
        right.add(durations);
        quiet.push(p95(request(&client, LIST, COMPRESSED, effort.requests).await));
    }
    figure("  right password", &right.text());
    figure("  list beside nobody, p95", &format!("{} ms", spread(&quiet)));
    let mut sustained = None;
    for guessers in GUESSERS {
        let (rate, list) = guessing(&served, &client, *guessers, effort.span).await;
        let what = format!("  guesses/s, {guessers} connections");
        figure(&what, &format!("{rate:.1}, list beside them p95 {list:.2} ms"));
        if list < PATIENCE && sustained.is_none_or(|most| rate > most) {
            sustained = Some(rate);
        }
    }
    let what = format!("  guesses/s with the list below {PATIENCE:.0} ms");
    figure(
        &what,
        &sustained.map_or("none".to_owned(), |rate| format!("{rate:.1}")),
    );
}

/// Wrong passwords per second that so many connections get looked at, each under another name from another address, and
/// the p95 of the list on a connection beside them, in milliseconds.
async fn guessing(served: &Served, client: &Client, guessers: usize, span: Duration) -> (f64, f64) {
    let started = Instant::now();
    let guessing: Vec<_> = (0..guessers)
        .map(|_| {
            let guesser = Client::new(served.address);
            tokio::spawn(async move {
                let mut looked_at = 0_u32;
                while started.elapsed() < span {
                    assert_eq!(guesser.sign_in("wrong", &nobodys_address()).await, 422);
                    looked_at += 1;
                }
                looked_at
            })
        })
        .collect();
    let mut list = Vec::new();
    while started.elapsed() < span {
        list.extend(request(client, LIST, COMPRESSED, 1).await);
    }
    let mut looked_at = 0;
    for guesser in guessing {
        looked_at += guesser.await.expect("a connection");
    }
    (f64::from(looked_at) / started.elapsed().as_secs_f64(), p95(list))
}

/// An address that was not used before, in a network of its own.
fn nobodys_address() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    std::net::Ipv4Addr::from_bits(0x0a00_0000 + NEXT.fetch_add(1, Ordering::Relaxed)).to_string()
}

/// Milliseconds of a form on its way.
async fn posted(client: &Client, path: &str, fields: &[(&str, &str)], expected: u16) -> f64 {
    let started = Instant::now();
    let answer = client
        .http
        .post(format!("{}{path}", client.base))
        .header(COOKIE, &client.cookie)
        .form(fields)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), expected, "{fields:?}");
    answer.bytes().await.expect("a body");
    milliseconds(started.elapsed())
}

/// Plain INSERTs of what the last change recorded, 500 rows each, under a number no change has.
async fn same_record(database: &Database) -> Vec<String> {
    const AT_ONCE: usize = 500;
    let columns =
        "seq, at, who, origin, action, table_name, row_key, subject, old_subject, row_before, row_after";
    let texts = columns
        .split(", ")
        .map(|column| format!("CAST({column} AS CHAR)"))
        .collect::<Vec<_>>()
        .join(", ");
    let last = "(SELECT MAX(change_id) FROM pw_changes)";
    let recorded = database
        .rows(&format!(
            "SELECT {texts} FROM pw_changes WHERE change_id = {last} ORDER BY seq"
        ))
        .await;
    let quoted = |value: &Option<String>| match value {
        Some(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        None => "NULL".to_owned(),
    };
    recorded
        .chunks(AT_ONCE)
        .map(|rows| {
            let rows: Vec<String> = rows
                .iter()
                .map(|row| {
                    format!(
                        "(4000000000,{})",
                        row.iter().map(quoted).collect::<Vec<_>>().join(",")
                    )
                })
                .collect();
            format!(
                "INSERT INTO pw_changes (change_id, {columns}) VALUES {}",
                rows.join(",")
            )
        })
        .collect()
}

/// Milliseconds of one transaction that does by plain SQL what the panel does. Its record is taken away again.
async fn by_hand(connection: &mut MySqlConnection, inserts: &[String]) -> f64 {
    let started = Instant::now();
    let mut transaction = connection.begin().await.expect("a transaction");
    let update = "UPDATE aliases SET enabled = 0 WHERE enabled = 1";
    transaction.execute(update).await.expect(update);
    for insert in inserts {
        transaction
            .execute(AssertSqlSafe(insert.clone()))
            .await
            .expect("recorded");
    }
    transaction.commit().await.expect("committed");
    let taken = milliseconds(started.elapsed());
    let clean = "DELETE FROM pw_changes WHERE change_id = 4000000000";
    connection.execute(clean).await.expect(clean);
    taken
}

/// The statements that one request for a page runs, as the server saw them.
async fn statements_of(database: &Database, path: &str) -> Vec<String> {
    let mut each = statements_of_each(database, &[path.to_owned()]).await;
    each.remove(0)
}

/// The same for each of several pages.
async fn statements_of_each(database: &Database, paths: &[String]) -> Vec<Vec<String>> {
    database
        .script("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1")
        .await;
    // Values are in the log only if it was on when their statement was prepared: a panel of its own, therefore.
    let served = Served::start(database).await;
    let client = Client::signed_in(served.address).await;
    let mut each = Vec::new();
    for path in paths {
        // Once before, so that the schema is known.
        client.get(path, None).await;
        database.script("TRUNCATE TABLE mysql.general_log").await;
        client.get(path, None).await;
        let seen = "SELECT argument FROM mysql.general_log WHERE command_type = 'Execute' AND argument NOT LIKE 'SET %'";
        let rows = database.rows(seen).await.into_iter();
        each.push(rows.filter_map(|row| row.into_iter().next().flatten()).collect());
    }
    database.script("SET GLOBAL general_log = 0").await;
    each
}

/// Durations of the statements, all of them together each time, prepared and on one connection, in milliseconds.
async fn alone(connection: &mut MySqlConnection, statements: &[String], times: usize) -> Vec<f64> {
    /// Rounds in which the server and the driver prepare.
    const PREPARING: usize = 5;
    let mut durations = Vec::with_capacity(times);
    for round in 0..times + PREPARING {
        let started = Instant::now();
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement.clone()))
                .fetch_all(&mut *connection)
                .await
                .expect(statement);
        }
        if round >= PREPARING {
            durations.push(milliseconds(started.elapsed()));
        }
    }
    durations
}

/// Durations of requests on one connection, one after the other, in milliseconds.
async fn request(client: &Client, path: &str, encoding: Option<&'static str>, times: usize) -> Vec<f64> {
    let mut durations = Vec::with_capacity(times);
    for _ in 0..times {
        let started = Instant::now();
        client.get(path, encoding).await;
        durations.push(milliseconds(started.elapsed()));
    }
    durations
}

/// Lists per second on several connections, each with a session of its own, compressed as browsers ask for them.
async fn rate(address: SocketAddr, span: Duration) -> f64 {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::signed_in(address).await);
    }
    let started = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| {
            tokio::spawn(async move {
                let mut done = 0_u32;
                while started.elapsed() < span {
                    client.get(LIST, COMPRESSED).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("a connection");
    }
    f64::from(done) / started.elapsed().as_secs_f64()
}

// How it is summed up

/// Percentiles of every round, in milliseconds.
#[derive(Default)]
struct Rounds {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, mut durations: Vec<f64>) {
        durations.sort_by(f64::total_cmp);
        let at = |percent: usize| durations[(durations.len() * percent / 100).min(durations.len() - 1)];
        self.p50.push(at(50));
        self.p99.push(at(99));
    }

    fn text(&self) -> String {
        format!("p50 {} ms, p99 {} ms", spread(&self.p50), spread(&self.p99))
    }
}

/// What all but a twentieth stay below.
fn p95(mut durations: Vec<f64>) -> f64 {
    durations.sort_by(f64::total_cmp);
    durations[(durations.len() * 95 / 100).min(durations.len() - 1)]
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

/// `1.23 (1.20–1.31)`
fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let digits = if least >= 100.0 { 0 } else { 2 };
    format!("{:.digits$} ({least:.digits$}–{most:.digits$})", median(values))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn megabytes(kilobytes: u64) -> String {
    format!("{:.1} MB", kilobytes as f64 * 1024.0 / 1e6)
}
