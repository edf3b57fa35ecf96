//! A private Postfix that reads a database the panel writes, and the internet around it.
//!
//! Postfix runs in namespaces of its own, in which the bed's directory is `/etc/postfix`: files that name others below
//! `/etc/postfix` work as they are, and nothing of the machine is written. Every bed has addresses of its own on loopback:
//! Postfix, a name server, and recording mail servers that stand for friends, Google and everybody else.

#![allow(dead_code, clippy::allow_attributes, reason = "no suite uses all of it")]

mod client;
mod dns;
mod sink;

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use client::{Client, Sent};
pub use dns::{FRIEND, Names, SELF};
pub use sink::Sink;

use crate::support::Database;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(45);
const POLL: Duration = Duration::from_millis(40);
/// Attempts to find addresses that no other bed uses.
const ADDRESS_ATTEMPTS: u32 = 20;
/// The owner of mailboxes, as the howto has it.
const MAIL_OWNER: u32 = 5000;
/// Where Debian keeps `postfix` and its like, which is not in every path.
const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

const KEEPER: &str = include_str!("keeper.sh");
const PARENT: &str = r#"
trap '' HUP INT TERM
unshare --mount --pid --fork --mount-proc --propagation private --kill-child=KILL sh -c "$2" postwarden-bed "$1"
rm -rf -- "$1"
"#;
const MASTER: &str = include_str!("master.cf");
const GRANTS: &str = include_str!("../../../docs/grants.sql");

/// What a configuration of Postfix is written from.
#[derive(Debug)]
pub struct Site {
    /// The directory that Postfix sees as `/etc/postfix`.
    pub etc: PathBuf,
    /// The database, with all rights.
    pub database: Database,
    /// The account of Postfix in it, with the rights of `docs/grants.sql`.
    pub user: String,
    pub password: String,
    /// A file that holds the password alone.
    pub password_file: PathBuf,
    /// The port of the database server on 127.0.0.1.
    pub database_port: String,
}

impl Site {
    /// Writes a file below `/etc/postfix`, readable by Postfix's own group only, as it holds a password.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.etc.join(name);
        fs::write(&path, content).expect(name);
        let done = Command::new("chgrp").arg("postfix").arg(&path).status();
        assert!(done.expect("chgrp").success(), "{name}");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect(name);
    }
}

/// A running Postfix and the internet around it. It ends when it is dropped or its process ends, however that comes.
#[derive(Debug)]
pub struct Bed {
    dir: PathBuf,
    pub database: Database,
    pub names: Arc<Names>,
    /// The primary MX of [`FRIEND`].
    pub primary: Arc<Sink>,
    /// Everything below `google.com`.
    pub google: Arc<Sink>,
    /// Every other server.
    pub outside: Arc<Sink>,
    sinks: Mutex<Vec<Arc<Sink>>>,
    network: [u8; 2],
    keeper: Mutex<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A mail in the queue.
#[derive(Debug, serde::Deserialize)]
pub struct Queued {
    pub queue_name: String,
    pub queue_id: String,
}

impl Bed {
    /// Starts Postfix on a database. `configure` writes files below `/etc/postfix` and answers with the lines of `main.cf`
    /// that follow the bed's own, or take their place.
    pub async fn start(database: Database, configure: impl FnOnce(&Site) -> String) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("postwarden-bed-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a directory")
            .keep();
        // From here on it removes the directory, whatever happens to this process.
        let mut keeper = Keeper::start(&dir);
        let (network, names, mut sinks) = internet();
        let site = site(&dir, &database).await;
        prepare(&dir, network);
        let lines = configure(&site);
        let base = without(&base(&dir, network), &lines);
        fs::write(dir.join("etc/main.cf"), base + &lines).expect("main.cf");
        keeper.enter();
        let outside = sinks.remove(2);
        let google = sinks.remove(1);
        let primary = sinks.remove(0);
        let bed = Self {
            dir,
            database,
            names,
            sinks: Mutex::new(vec![primary.clone(), google.clone(), outside.clone()]),
            primary,
            google,
            outside,
            network,
            keeper: Mutex::new(keeper),
        };
        bed.command("postfix start >/dev/null");
        let smtpd = bed.server();
        bed.wait("Postfix listens", || TcpStream::connect(smtpd).ok())
            .await;
        bed
    }

    /// Where everything of it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Any address of the bed's own network: 1 is Postfix, 9 is inside, 20 to 99 are servers, above that it is free.
    pub fn address(&self, last: u8) -> Ipv4Addr {
        address(self.network, last)
    }

    fn server(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address(1), 25)
    }

    /// Any address of a network next to the bed's own, for rules about networks.
    pub fn address_next_door(&self, last: u8) -> Ipv4Addr {
        address([self.network[0], self.network[1] ^ 1], last)
    }

    /// Somebody at an address of the network next to the bed's own.
    pub fn next_door(&self, last: u8) -> Client {
        Client {
            server: self.server(),
            source: self.address_next_door(last),
        }
    }

    /// Somebody at an address of the bed's network.
    pub fn client(&self, last: u8) -> Client {
        Client {
            server: self.server(),
            source: self.address(last),
        }
    }

    /// Somebody on the internet.
    pub fn stranger(&self) -> Client {
        self.client(66)
    }

    /// Somebody in `mynetworks`.
    pub fn inside(&self) -> Client {
        self.client(9)
    }

    /// Another recording server, which answers to a host name.
    pub fn another_server(&self, host: &str) -> Arc<Sink> {
        let mut sinks = self.sinks.lock().expect("the servers");
        let last = u8::try_from(20 + sinks.len()).expect("few servers");
        let sink = Sink::open(host, self.address(last)).expect("a server");
        let sink = Arc::new(sink);
        self.names.host(host, sink.address);
        sinks.push(sink.clone());
        sink
    }

    /// Runs a command of Postfix, and answers with what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn command(&self, line: &str) -> String {
        let (printed, status) = self.keeper.lock().expect("the keeper").run(line);
        assert_eq!(status, "0", "{line}: {printed}{}", self.log());
        printed
    }

    /// What `postfix reload` does: what Postfix has cached is forgotten.
    pub fn reload(&self) {
        self.command("postfix reload 2>/dev/null");
    }

    /// Tries again to deliver what is deferred.
    pub fn flush(&self) {
        self.command("postqueue -f");
    }

    /// The mails in the queue.
    pub fn queue(&self) -> Vec<Queued> {
        let listed = self.command("postqueue -j");
        let lines = listed.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }

    /// What Postfix has logged.
    pub fn log(&self) -> String {
        let log = fs::read(self.dir.join("log/maillog")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The lines of the log that name something.
    pub fn logged(&self, what: &str) -> Vec<String> {
        let log = self.log();
        log.lines()
            .filter(|line| line.contains(what))
            .map(str::to_owned)
            .collect()
    }

    /// Waits until something is there.
    ///
    /// # Panics
    /// When that takes too long; shows the end of the log.
    pub async fn wait<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            if Instant::now() > deadline {
                let log = self.log();
                let last: Vec<&str> = log.lines().rev().take(40).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                panic!("{what}: not within {PATIENCE:?}\n{}", last.join("\n"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Where a mail went, once nothing more happens to it: see [`places`](Self::places), and then `bounced ADDRESS` for
    /// recipients whose sender is told, `deferred` or `hold` if it waits in that queue.
    pub async fn outcome(&self, sent: &Sent) -> Vec<String> {
        let id = sent.id();
        let waits = self.wait(&format!("an end of {id}"), || self.rests(id)).await;
        let mut outcome = self.places(sent);
        let bounced = self.logged(&format!("{id}: to=<"));
        let bounced = bounced.iter().filter(|line| line.contains("status=bounced"));
        for line in bounced {
            let address = line.split(['<', '>']).nth(1).unwrap_or_default();
            outcome.push(format!("bounced {address}"));
        }
        outcome.extend(waits);
        outcome
    }

    /// Waits until a mail is in exactly these [`places`](Self::places).
    pub async fn arrives(&self, sent: &Sent, places: &[&str]) {
        let what = format!("{} in {places:?}", sent.end);
        self.wait(&what, || (self.places(sent) == places).then_some(()))
            .await;
    }

    /// The queue a mail rests in, none if it has left; nothing while Postfix is at it.
    fn rests(&self, id: &str) -> Option<Vec<String>> {
        let lines = self.logged(&format!(" {id}: "));
        if lines.iter().any(|line| line.ends_with(": removed")) {
            return Some(Vec::new());
        }
        if lines.iter().any(|line| line.contains("status=deferred"))
            || lines.iter().all(|l| !l.contains("qmgr"))
        {
            let queued = self.queue().into_iter().find(|mail| mail.queue_id == id)?;
            let rests = ["deferred", "hold"].contains(&queued.queue_name.as_str());
            return rests.then(|| vec![queued.queue_name]);
        }
        None
    }

    /// Where a mail is by now, sorted: `mailbox DIRECTORY` for what is delivered here, `SERVER RECIPIENT` for what a
    /// recording server took.
    pub fn places(&self, sent: &Sent) -> Vec<String> {
        let mut places = Vec::new();
        for sink in self.sinks.lock().expect("the servers").iter() {
            for mail in sink.mails() {
                if is(sent, &mail.data) {
                    places.extend(mail.to.iter().map(|to| format!("{} {to}", sink.name)));
                }
            }
        }
        let base = self.dir.join("mail");
        let mut files = Vec::new();
        files_below(&base, &mut files);
        for file in files {
            let content = fs::read(&file).unwrap_or_default();
            if is(sent, &String::from_utf8_lossy(&content)) {
                let place = file
                    .strip_prefix(&base)
                    .expect("below the base")
                    .display()
                    .to_string();
                places.push(match place.rsplit_once("new/") {
                    Some((maildir, _)) => format!("mailbox {maildir}"),
                    None => format!("file {place}"),
                });
            }
        }
        places.sort();
        places
    }
}

/// Whether a mail is the one that was sent, and not a bounce that returns it.
fn is(sent: &Sent, mail: &str) -> bool {
    mail.contains(&sent.token) && !mail.contains("\nSubject: Undelivered Mail Returned to Sender")
}

impl Keeper {
    fn start(dir: &Path) -> Self {
        let mut process = Command::new("sh")
            .args(["-c", PARENT, "postwarden-bed-keeper"])
            .arg(dir)
            .arg(KEEPER)
            .env("PATH", SYSTEM_PATH)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("its output"));
        Self {
            process,
            commands,
            answers,
        }
    }

    /// Makes the bed's files those of the namespace, once they are written.
    fn enter(&mut self) {
        let (printed, status) = self.run("");
        assert_eq!(status, "0", "{printed}");
    }

    /// What a command printed, and its status.
    fn run(&mut self, line: &str) -> (String, String) {
        let mut commands = self.commands.as_ref().expect("it runs");
        writeln!(commands, "{line}").expect("the keeper reads");
        let mut printed = String::new();
        loop {
            let mut answer = String::new();
            let read = self.answers.read_line(&mut answer).expect("an answer");
            assert!(read > 0, "the keeper ended: {printed}");
            if let Some(status) = answer.strip_prefix("=== ") {
                return (printed, status.trim().to_owned());
            }
            printed.push_str(&answer);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.process.wait());
    }
}

/// A network of which nobody else has the addresses: its two middle numbers, the name server, and the servers of friends, of
/// Google and of everybody else.
fn internet() -> ([u8; 2], Arc<Names>, Vec<Arc<Sink>>) {
    let mut reason = None;
    for _ in 0..ADDRESS_ATTEMPTS {
        let network = [rand::random_range(1..=254), rand::random_range(0..=255)];
        match servers(network) {
            Ok((names, sinks)) => return (network, names, sinks),
            Err(error) => reason = Some(error),
        }
    }
    panic!(
        "ports 25 and 53 cannot be had on loopback; is there a server that listens on all addresses? {reason:?}"
    );
}

fn servers(network: [u8; 2]) -> io::Result<(Arc<Names>, Vec<Arc<Sink>>)> {
    // Postfix binds its own port later; whoever has a bed on this network has the name server's.
    let [friend, google, outside] = [20, 21, 22].map(|last| address(network, last));
    let names = Names::serve(address(network, 53), google, outside)?;
    names.host(FRIEND, friend);
    names.host(SELF, address(network, 1));
    let sinks = [("primary", friend), ("google", google), ("outside", outside)];
    let sinks: io::Result<_> = sinks
        .into_iter()
        .map(|(name, address)| Sink::open(name, address).map(Arc::new))
        .collect();
    Ok((names, sinks?))
}

fn address(network: [u8; 2], last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, network[0], network[1], last)
}

/// Postfix's account in the database, with the rights that the project's papers give it.
async fn site(dir: &Path, database: &Database) -> Site {
    // Accounts belong to the server: another bed may be on it.
    let user = format!("postfix_{}", database.name);
    let password = "postfix-password".to_owned();
    let grants: Vec<String> = GRANTS
        .lines()
        .filter(|line| line.contains("'postfix'@"))
        .map(|line| {
            let line = line.replace("'postfix'@", &format!("'{user}'@"));
            line.replace("maildb.", &format!("{}.", database.name))
        })
        .collect();
    assert!(grants.len() > 5, "{grants:?}");
    database.script(&grants.join("\n")).await;
    let etc = dir.join("etc");
    fs::create_dir(&etc).expect("a directory");
    let password_file = dir.join("password");
    fs::write(&password_file, &password).expect("a password");
    fs::set_permissions(&password_file, Permissions::from_mode(0o600)).expect("its mode");
    let url = url::Url::parse(&database.url).expect("an address");
    Site {
        etc,
        database: database.clone(),
        user,
        password,
        password_file,
        database_port: url.port().expect("a port").to_string(),
    }
}

/// The directories and files that stand around the configuration.
fn prepare(dir: &Path, network: [u8; 2]) {
    for part in ["queue", "data", "log", "mail"] {
        fs::create_dir(dir.join(part)).expect(part);
    }
    chown(dir.join("mail"), Some(MAIL_OWNER), Some(MAIL_OWNER)).expect("an owner");
    let owned = Command::new("chown")
        .arg("postfix")
        .arg(dir.join("data"))
        .status();
    assert!(owned.expect("chown").success());
    // What maps there are, and what `postfix start` checks: the package's.
    let copied = Command::new("cp")
        .args(["-a", "/etc/postfix/."])
        .arg(dir.join("etc"))
        .status();
    assert!(copied.expect("cp").success());
    let services = MASTER.replace("ADDRESS", &address(network, 1).to_string());
    fs::write(dir.join("etc/master.cf"), services).expect("master.cf");
    let resolver = format!("nameserver {}\noptions timeout:2\n", address(network, 53));
    fs::write(dir.join("resolv.conf"), resolver).expect("resolv.conf");
    fs::write(dir.join("hosts"), "127.0.0.1 localhost\n").expect("hosts");
    let services = "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";
    fs::write(dir.join("nsswitch.conf"), services).expect("nsswitch.conf");
}

/// What any `main.cf` begins with: what differs from machine to machine.
fn base(dir: &Path, network: [u8; 2]) -> String {
    let dir = dir.display();
    let (server, inside) = (address(network, 1), address(network, 9));
    let mut base = String::new();
    for (name, value) in [
        ("compatibility_level", "3.6".to_owned()),
        ("queue_directory", format!("{dir}/queue")),
        ("data_directory", format!("{dir}/data")),
        ("maillog_file", format!("{dir}/log/maillog")),
        ("maillog_file_prefixes", dir.to_string()),
        ("mail_owner", "postfix".to_owned()),
        ("setgid_group", "postdrop".to_owned()),
        ("myhostname", SELF.to_owned()),
        ("mydestination", String::new()),
        ("mynetworks", format!("{inside}/32")),
        // The server's own address stands in master.cf; here Postfix takes nothing but addresses of interfaces.
        ("inet_interfaces", "127.0.0.1".to_owned()),
        ("proxy_interfaces", server.to_string()),
        ("inet_protocols", "ipv4".to_owned()),
        ("virtual_mailbox_base", format!("{dir}/mail")),
        ("virtual_uid_maps", format!("static:{MAIL_OWNER}")),
        ("virtual_gid_maps", format!("static:{MAIL_OWNER}")),
        // Queue ids are never used twice, so that the log can be read by them.
        ("enable_long_queue_ids", "yes".to_owned()),
        ("smtpd_client_connection_count_limit", "0".to_owned()),
        ("smtpd_error_sleep_time", "0".to_owned()),
        ("notify_classes", String::new()),
        ("biff", "no".to_owned()),
    ] {
        writeln!(base, "{name} = {value}").expect("a line");
    }
    base
}

/// The lines of `base` for parameters that `lines` does not set. Postfix warns of each that is set twice; postlogd(8) warns before
/// it listens, and so many warnings at once are one too many for its socket: everything waits for everything else.
fn without(base: &str, lines: &str) -> String {
    let name = |line: &str| line.split_once('=').map(|(name, _)| name.trim_end().to_owned());
    let set: Vec<String> = lines.lines().filter_map(name).collect();
    base.split_inclusive('\n')
        .filter(|line| name(line).is_none_or(|name| !set.contains(&name)))
        .collect()
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
