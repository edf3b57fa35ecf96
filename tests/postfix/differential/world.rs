//! Data sets in a database, and mail through the Postfix that reads it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postwarden::access::Actor;
use postwarden::mail::{AccessKind, AccessPattern};
use postwarden::resource::{Resource, Row};
use postwarden::route::{Asked, Explanation, Setup, Snapshot, explain};
use postwarden::store::{Known, Store};
use tokio::sync::{Mutex as Turn, Semaphore};

use super::dataset::{CALLER_NAME, Caller, Dataset, Entry, NULL, caller_address, caller_six, placed};
use super::generator::Kind;
use super::log::{Fate, Log};
use crate::bed::{Bed, Client};
use crate::configuration::generated;
use crate::howto;
use crate::support::Database;

/// The tables that rows are in.
const TABLES: &[&str] = &[
    "domains",
    "aliases",
    "users",
    "backups",
    "relays",
    "relocated",
    "access_rules",
];
/// Columns that may have no value.
const NULLABLE: &[(&str, &[&str])] = &[
    (
        "domains",
        &[
            "transport VARCHAR(120) DEFAULT 'virtual:'",
            "enabled TINYINT(1) DEFAULT 1",
        ],
    ),
    ("aliases", &["enabled TINYINT(1) DEFAULT 1"]),
    ("users", &["maildir VARCHAR(255)", "enabled TINYINT(1) DEFAULT 1"]),
    (
        "backups",
        &["transport VARCHAR(128)", "enabled SMALLINT DEFAULT 1"],
    ),
    (
        "relays",
        &["status VARCHAR(10) DEFAULT 'OK'", "enabled TINYINT(1) DEFAULT 1"],
    ),
    (
        "relocated",
        &["newadr VARCHAR(128)", "enabled TINYINT(1) DEFAULT 1"],
    ),
];
/// People who speak to Postfix at the same time.
const SESSIONS: usize = 12;
/// How long nothing at all may happen while mail is on its way.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// Settings that change nothing about where mail goes, but how long thousands take: nobody waits, nothing is tried again,
/// and a caller who is refused twenty times is answered for the twenty-first.
const HASTE: &[(&str, &str)] = &[
    // In place of the machine's own.
    (
        "alias_maps",
        "inline:{{postmaster=/dev/null},{mailer-daemon=/dev/null}}",
    ),
    ("in_flow_delay", "0"),
    ("queue_run_delay", "1d"),
    ("minimal_backoff_time", "1d"),
    ("maximal_backoff_time", "1d"),
    ("smtpd_soft_error_limit", "1000"),
    ("smtpd_hard_error_limit", "1001"),
    ("initial_destination_concurrency", "20"),
    // Nobody comes from IPv6 addresses: smtpd(8) is told of them.
    ("smtpd_authorized_xclient_hosts", "127.0.0.0/8"),
    ("inet_protocols", "all"),
];

/// What Postfix did with one mail.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The reply to RCPT TO.
    pub rcpt: String,
    /// The reply to the mail, where it came so far.
    pub end: Option<String>,
    /// What became of it for every final recipient, with the directory below the base where it lies here.
    pub fates: Vec<(Fate, Option<String>)>,
    /// It rests in the hold queue.
    pub held: bool,
    /// A rule threw it away.
    pub discarded: bool,
}

/// A data set at its place, and what Postfix did with its mails.
#[derive(Debug)]
pub struct Trial {
    /// As it was written, with placeholders.
    pub dataset: Dataset,
    /// Its rows as they were read back.
    rows: Vec<(&'static str, Row)>,
    /// What is asked and what was seen, in the order of its letters.
    pub results: Vec<(Asked, Observed)>,
    /// What the panel says of each.
    pub told: Vec<Explanation>,
}

impl Trial {
    /// The tables that the model gets.
    pub fn tables(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        for (table, row) in &self.rows {
            snapshot.add(table, row.clone());
        }
        snapshot
    }
}

/// A Postfix for data sets.
pub struct World {
    pub bed: Bed,
    /// The panel's way to the database.
    pub store: Store,
    pub kind: Kind,
    /// Where the next data sets are put, and the keys of their rows.
    next: Turn<Next>,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Next {
    place: u32,
    key: u32,
}

impl World {
    /// Starts a Postfix on an empty database.
    pub async fn start(kind: Kind) -> Self {
        let (database, account) = howto::database().await;
        let mut statements = String::new();
        for table in TABLES {
            writeln!(statements, "DELETE FROM {table};").expect("a line");
            if *table != "users" {
                // The howto's numbers end at 32,767.
                writeln!(
                    statements,
                    "ALTER TABLE {table} MODIFY pkid INT NOT NULL AUTO_INCREMENT;"
                )
                .expect("a line");
            }
        }
        // The howto has no key there. Of equal rows the first is found either way.
        statements += "ALTER TABLE domains ADD KEY domain (domain);";
        if kind == Kind::Generated {
            // Several rows of one address add up: databases of this age lack the key.
            statements +=
                "ALTER TABLE aliases DROP KEY mail, ADD KEY mail (mail), MODIFY destination TEXT NULL;";
            // So do they lack NOT NULL.
            for (table, columns) in NULLABLE {
                for column in *columns {
                    writeln!(statements, "ALTER TABLE {table} MODIFY {column} NULL;").expect("a line");
                }
            }
        }
        database.script(&statements).await;
        let store = database.store().await;
        let bed = match kind {
            Kind::Generated => Bed::start(database, |site| hastened(&generated(site))).await,
            Kind::Howto => Bed::start(database, |site| hastened(&howto::literal(site, &account))).await,
        };
        let log = Mutex::new(Log::new(bed.dir().join("log/maillog")));
        let next = Turn::new(Next { place: 0, key: 1 });
        Self {
            bed,
            store,
            kind,
            next,
            log,
        }
    }

    /// Puts data sets into the database, each at a place of its own, and sends their mails.
    pub async fn tried(&'static self, datasets: &[Dataset]) -> Vec<Trial> {
        // One at a time: who reads the log has to know which mails are on their way.
        let mut next = self.next.lock().await;
        let first = next.place;
        next.place += u32::try_from(datasets.len()).expect("few data sets");
        let places = first..next.place;
        let placed: Vec<(u32, Dataset)> = places
            .zip(datasets)
            .map(|(n, dataset)| (n, dataset.at(n)))
            .collect();
        let mut rows = self.load(&placed, &mut next.key).await;
        let mut letters = self.send(&placed).await;
        self.settle(&mut letters).await;
        let mut trials: Vec<Trial> = placed
            .iter()
            .zip(datasets)
            .map(|((place, _), dataset)| Trial {
                dataset: dataset.clone(),
                rows: rows.remove(place).unwrap_or_default(),
                results: Vec::new(),
                told: Vec::new(),
            })
            .collect();
        let told = self.told(&letters).await;
        for (letter, told) in letters.into_iter().zip(told) {
            let at = usize::try_from(letter.place - first).expect("few data sets");
            trials[at].told.push(told);
            trials[at].results.push((letter.asked, letter.observed));
        }
        trials
    }

    /// What the panel says, which asks the database as people do.
    async fn told(&self, letters: &[Letter]) -> Vec<Explanation> {
        let mut known = Known::default();
        let actor = Actor::command_line();
        self.store
            .settled_each(&actor, &mut known, letters, |known, letter| {
                explain(known, &super::site(), &letter.asked)
            })
            .await
            .expect("the database answers")
    }

    /// Adds their rows, and answers with what of each is there afterwards.
    async fn load(&self, placed: &[(u32, Dataset)], key: &mut u32) -> HashMap<u32, Vec<(&'static str, Row)>> {
        let first = *key;
        let mut places = Vec::new();
        let mut statements = String::from("START TRANSACTION;\n");
        for (place, dataset) in placed {
            for entry in &dataset.entries {
                statements += &insertion(entry, *key);
                places.push(*place);
                *key += 1;
            }
        }
        statements += "COMMIT;";
        self.bed.database.script(&statements).await;
        let mut rows: HashMap<u32, Vec<_>> = HashMap::new();
        for table in TABLES {
            for (key, row) in stored(&self.bed.database, table, first).await {
                let at = usize::try_from(key - first).expect("few rows");
                rows.entry(places[at]).or_default().push((*table, row));
            }
        }
        rows
    }

    async fn send(&'static self, datasets: &[(u32, Dataset)]) -> Vec<Letter> {
        let turns = Arc::new(Semaphore::new(SESSIONS));
        let talks: Vec<_> = datasets
            .iter()
            .map(|(place, dataset)| {
                let (place, dataset, turns) = (*place, dataset.clone(), Arc::clone(&turns));
                tokio::spawn(async move {
                    let _turn = turns.acquire().await.expect("it is open");
                    self.talk(place, &dataset).await
                })
            })
            .collect();
        let mut letters = Vec::new();
        for talk in talks {
            letters.extend(talk.await.expect("a session"));
        }
        letters
    }

    /// The session of one data set.
    async fn talk(&self, place: u32, dataset: &Dataset) -> Vec<Letter> {
        let (client, name) = self.caller(place, dataset.caller);
        let mut session = client.session().await;
        if let Caller::Six(last) = dataset.caller {
            let told = format!("XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:{}", caller_six(place, last));
            let greeting = session.command(&told).await;
            assert!(greeting.starts_with("220 "), "{greeting}");
            session.command("EHLO client.test").await;
        }
        let from = match dataset.caller {
            Caller::Six(last) => caller_six(place, last),
            _ => client.source.into(),
        };
        let mut letters = Vec::new();
        for (n, letter) in dataset.letters.iter().enumerate() {
            let utf8 = if letter.to.is_ascii() { "" } else { " SMTPUTF8" };
            let said = session
                .command(&format!("MAIL FROM:<{}>{utf8}", letter.from))
                .await;
            assert_eq!(said, "250 2.1.0 Ok", "{letter:?}");
            let rcpt = session.command(&format!("RCPT TO:<{}>", letter.to)).await;
            let mut end = None;
            let token = format!("token-{place}-{n}-");
            if rcpt.starts_with('2') {
                let mut said = session.command("DATA").await;
                if said.starts_with("354") {
                    said = session
                        .command(&format!("Subject: a test\r\n\r\n{token}\r\n."))
                        .await;
                }
                end = Some(said);
            } else {
                session.command("RSET").await;
            }
            letters.push(Letter {
                place,
                token,
                asked: self.asked(letter, from, name.clone(), dataset.caller),
                observed: Observed {
                    rcpt,
                    end,
                    fates: Vec::new(),
                    held: false,
                    discarded: false,
                },
            });
        }
        session.command("QUIT").await;
        letters
    }

    fn caller(&self, place: u32, caller: Caller) -> (Client, Option<String>) {
        let at = |last| Client {
            source: caller_address(place, last),
            ..self.bed.stranger()
        };
        match caller {
            Caller::Inside => (self.bed.inside(), None),
            Caller::Stranger(last) => (at(last), None),
            Caller::Six(_) => (at(6), None),
            Caller::Named(last) => {
                let name = placed(CALLER_NAME, place);
                self.bed.names.call(caller_address(place, last), &name);
                (at(last), Some(name))
            }
        }
    }

    fn asked(
        &self,
        letter: &super::dataset::Letter,
        client: IpAddr,
        name: Option<String>,
        caller: Caller,
    ) -> Asked {
        let sender = if letter.from.is_empty() {
            "<>"
        } else {
            &letter.from
        };
        Asked {
            address: letter.to.clone(),
            sender: Some(sender.to_owned()),
            client: Some(client),
            client_name: name,
            inside: caller == Caller::Inside,
            setup: match self.kind {
                Kind::Generated => Setup::Postwarden,
                Kind::Howto => Setup::Howto,
            },
        }
    }

    /// Waits until every mail that was taken rests, and notes where.
    async fn settle(&self, letters: &mut [Letter]) {
        let mut quiet = Instant::now();
        let held = loop {
            let grown = self.log.lock().expect("the log").read_on();
            let open = self.on_their_way(letters);
            if open.is_empty() {
                break HashSet::new();
            }
            if grown > 0 {
                quiet = Instant::now();
            } else {
                let held: HashSet<String> = self
                    .bed
                    .queue()
                    .into_iter()
                    .filter(|mail| mail.queue_name == "hold")
                    .map(|mail| mail.queue_id)
                    .collect();
                if open.iter().all(|id| held.contains(id)) {
                    break held;
                }
            }
            assert!(
                quiet.elapsed() < PATIENCE,
                "nothing happens to {open:?}:\n{}",
                self.bed.log()
            );
            tokio::time::sleep(POLL).await;
        };
        let lying = files(&self.bed.dir().join("mail"));
        let mut log = self.log.lock().expect("the log");
        for letter in letters.iter_mut() {
            let Some(id) = letter.observed.id().map(str::to_owned) else {
                continue;
            };
            letter.observed.discarded = log.discarded.contains(&id);
            letter.observed.held = held.contains(&id);
            let fates = log.tracks.remove(&id).unwrap_or_default().fates;
            letter.observed.fates = fates
                .into_iter()
                .map(|fate| {
                    let place = lying
                        .get(&(letter.token.clone(), folded_address(&fate.to)))
                        .cloned();
                    (fate, place)
                })
                .collect();
        }
        log.tracks.clear();
        log.discarded.clear();
        let complaints = std::mem::take(&mut log.complaints);
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    fn on_their_way(&self, letters: &[Letter]) -> Vec<String> {
        let log = self.log.lock().expect("the log");
        let rests = |id: &str| log.tracks.get(id).is_some_and(super::log::Track::rests);
        letters
            .iter()
            .filter_map(|letter| letter.observed.id())
            .filter(|id| !(rests(id) || log.discarded.contains(*id)))
            .map(str::to_owned)
            .collect()
    }
}

/// A mail that was tried.
struct Letter {
    place: u32,
    token: String,
    asked: Asked,
    observed: Observed,
}

impl Observed {
    /// The queue id, where it was taken.
    fn id(&self) -> Option<&str> {
        self.end.as_deref()?.split_once("queued as ").map(|(_, id)| id)
    }
}

/// Settings with those of haste in place of their own.
fn hastened(lines: &str) -> String {
    let is_slow = |line: &str| {
        HASTE
            .iter()
            .any(|(name, _)| line.split(['=', ' ']).next() == Some(name))
    };
    let quick: Vec<&str> = lines.lines().filter(|line| !is_slow(line)).collect();
    let mut quick = quick.join(
        "
",
    ) + "
";
    for (name, value) in HASTE {
        writeln!(quick, "{name} = {value}").expect("a line");
    }
    quick
}

/// The statement that adds a row; where another has its subject, nothing is added. A mailbox has its number as its name.
fn insertion(entry: &Entry, key: u32) -> String {
    let quoted = |text: &str| match text {
        NULL => NULL.to_owned(),
        _ => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
    };
    let mut columns: Vec<(&str, String)> = entry
        .values
        .iter()
        .map(|(name, value)| (*name, quoted(value)))
        .collect();
    columns.push((number_of(entry.table), key.to_string()));
    let of = |column: &str| {
        entry
            .values
            .iter()
            .find(|(name, _)| *name == column)
            .map_or("", |(_, value)| value.as_str())
    };
    if of("kind") == "client"
        && let Ok(pattern) = AccessPattern::parse(AccessKind::Client, of("pattern"))
        && let Some((low, high)) = pattern.network()
    {
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        };
        columns.push(("cidr_lo", hex(low)));
        columns.push(("cidr_hi", hex(high)));
    }
    let (names, values): (Vec<&str>, Vec<String>) = columns.into_iter().unzip();
    format!(
        "INSERT IGNORE INTO {} ({}) VALUES ({});\n",
        entry.table,
        names.join(", "),
        values.join(", ")
    )
}

/// The column by which rows of a table are told apart.
fn number_of(table: &str) -> &'static str {
    if table == "users" { "name" } else { "pkid" }
}

/// The rows of a table from a number on, as the panel reads them.
async fn stored(database: &Database, table: &'static str, first: u32) -> Vec<(u32, Row)> {
    let resource = Resource::by_table(table).expect(table);
    let there = database.rows(&format!("SHOW COLUMNS FROM {table}")).await;
    let there: Vec<String> = there
        .into_iter()
        .filter_map(|column| column.into_iter().next().flatten())
        .collect();
    let columns: Vec<&'static str> = resource
        .columns
        .iter()
        .map(|column| column.name)
        .filter(|name| there.iter().any(|column| column == name))
        .collect();
    let number = number_of(table);
    let query = format!(
        "SELECT {number}, {}, {} FROM {table} WHERE CAST({number} AS UNSIGNED) >= {first} ORDER BY 2",
        resource.key,
        columns.join(", ")
    );
    let rows = database.rows(&query).await.into_iter();
    rows.map(|mut values| {
        let texts = values.split_off(2);
        let key = values[1].take().expect("a key");
        let number = values[0]
            .as_deref()
            .and_then(|number| number.parse().ok())
            .expect("a number");
        (
            number,
            Row::new(key, columns.iter().copied().zip(texts).collect()),
        )
    })
    .collect()
}

/// The directories below the base in which mails lie, by a mail's own word and by whom it was delivered to; the files are
/// gone afterwards. A file that is no maildir's has no slash at its end.
fn files(base: &Path) -> HashMap<(String, String), String> {
    let mut lying = HashMap::new();
    let mut paths = Vec::new();
    files_below(base, &mut paths);
    for path in paths {
        let place = path
            .strip_prefix(base)
            .expect("below the base")
            .display()
            .to_string();
        let place = place
            .rsplit_once("new/")
            .map_or(place.clone(), |(maildir, _)| maildir.to_owned());
        let content = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        let mut to = String::new();
        for line in content.lines() {
            if let Some(address) = line.strip_prefix("Delivered-To: ") {
                to = folded_address(address);
            } else if line.starts_with("token-") {
                lying.insert((line.to_owned(), to.clone()), place.clone());
            }
        }
        drop(fs::remove_file(path));
    }
    lying
}

fn files_below(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files_below(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

/// An address as it can be compared in header and log.
fn folded_address(address: &str) -> String {
    address.replace('"', "").to_lowercase()
}
