//! What Postfix's log says became of every mail, read once and as it grows.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

/// What became of a mail for one final recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// `to=<…>`.
    pub to: String,
    /// `virtual`, `none`, or a server as `host[address]:port`.
    pub relay: String,
    /// The enhanced status code.
    pub dsn: String,
    /// `sent`, `bounced` or `deferred`.
    pub status: String,
    /// What stands in the parentheses.
    pub said: String,
}

/// One mail.
#[derive(Debug, Default)]
pub struct Track {
    /// How many recipients it has after all aliases.
    recipients: Option<usize>,
    removed: bool,
    /// The last word about each of them.
    pub fates: Vec<Fate>,
}

impl Track {
    /// Whether nothing more happens to it for now.
    pub fn rests(&self) -> bool {
        self.removed || self.recipients.is_some_and(|count| self.fates.len() >= count)
    }

    fn add(&mut self, fate: Fate) {
        match self.fates.iter_mut().find(|known| known.to == fate.to) {
            // Tried again.
            Some(known) if known.status == "deferred" => *known = fate,
            _ => self.fates.push(fate),
        }
    }
}

/// The log so far.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    read: u64,
    rest: Vec<u8>,
    pub tracks: HashMap<String, Track>,
    /// Mail that rules have thrown away.
    pub discarded: HashSet<String>,
    /// The smtpd(8) that a rule has told to throw the next mail away: it says so before the mail has its name.
    discarding: HashSet<String>,
    /// Lines that Postfix means to be read.
    pub complaints: Vec<String>,
}

impl Log {
    /// A log that nothing has been read of.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            rest: Vec::new(),
            tracks: HashMap::new(),
            discarded: HashSet::new(),
            discarding: HashSet::new(),
            complaints: Vec::new(),
        }
    }

    /// Reads what is new, and answers with how much that was.
    pub fn read_on(&mut self) -> usize {
        let mut file = File::open(&self.path).expect("the log");
        file.seek(SeekFrom::Start(self.read)).expect("its end");
        let mut new = Vec::new();
        file.read_to_end(&mut new).expect("its lines");
        self.read += new.len() as u64;
        self.rest.append(&mut new.clone());
        let end = self
            .rest
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..end).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            self.line(line);
        }
        new.len()
    }

    fn line(&mut self, line: &str) {
        // Date and host, then the service.
        let Some((service, text)) = line.split_once("]: ") else {
            return;
        };
        if ["fatal: ", "panic: "].iter().any(|word| text.starts_with(word)) {
            self.complaints.push(line.to_owned());
        }
        let service = service.rsplit(' ').next().unwrap_or_default();
        if text.starts_with("NOQUEUE: discard: ") {
            self.discarding.insert(service.to_owned());
            return;
        }
        let Some((id, text)) = text.split_once(": ") else {
            return;
        };
        let is_id = |id: &str| id.len() > 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id(id) {
            return;
        }
        if text.starts_with("client=") && self.discarding.remove(service) {
            self.discarded.insert(id.to_owned());
        }
        let track = self.tracks.entry(id.to_owned()).or_default();
        if text == "removed" {
            track.removed = true;
        } else if let Some(fate) = fate(text) {
            track.add(fate);
        } else if let Some((_, count)) = text.split_once(", nrcpt=") {
            let count = count.split(' ').next().unwrap_or_default();
            track.recipients = Some(count.parse().expect(text));
        }
    }
}

/// `to=<A>, orig_to=<B>, relay=R, ..., dsn=D, status=S (TEXT)`.
fn fate(text: &str) -> Option<Fate> {
    let rest = text.strip_prefix("to=<")?;
    let (head, rest) = rest.split_once(">, relay=")?;
    let to = head.split_once(">, orig_to=<").map_or(head, |(to, _)| to);
    let (relay, rest) = rest.split_once(", ")?;
    let (_, rest) = rest.split_once("dsn=")?;
    let (dsn, rest) = rest.split_once(", status=")?;
    let (status, said) = rest.split_once(" (")?;
    Some(Fate {
        to: to.to_owned(),
        relay: relay.to_owned(),
        dsn: dsn.to_owned(),
        status: status.to_owned(),
        said: said.trim_end_matches(')').to_owned(),
    })
}
