//! The name server of a bed: it answers by rules for the whole internet, so that rows such as `smtp:[aspmx.l.google.com]`
//! work as they are written.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

const A: u16 = 1;
const PTR: u16 = 12;
const MX: u16 = 15;

/// What the world's names lead to.
///
/// - A host that was added has its address and no MX records; so has everything below `google.com`.
/// - A domain whose MX records were added has these; everything below `kept.test` has [`FRIEND`] first and this server second.
/// - `nx.test` and everything below it does not exist, nor does any name of a block list (`4.3.2.1.zen.example.org`).
/// - Addresses with a name: see [`Names::call`].
/// - Every other domain has its mail server at the bed's outside.
#[derive(Debug)]
pub struct Names {
    google: Ipv4Addr,
    outside: Ipv4Addr,
    hosts: Mutex<HashMap<String, Ipv4Addr>>,
    exchangers: Mutex<HashMap<String, Vec<(u16, String)>>>,
    callers: Mutex<HashMap<String, String>>,
}

/// The primary MX of the domains below `kept.test`, and of the howto's friends.
pub const FRIEND: &str = "mail.friend.com";
/// What the bed's Postfix calls itself.
pub const SELF: &str = "mx.self.test";

enum Answer {
    NoSuchName,
    Nothing,
    Address(Ipv4Addr),
    Name(String),
    Exchangers(Vec<(u16, String)>),
}

impl Names {
    /// Serves UDP port 53 of an address for as long as the process lives.
    pub fn serve(address: Ipv4Addr, google: Ipv4Addr, outside: Ipv4Addr) -> io::Result<Arc<Self>> {
        let socket = UdpSocket::bind((address, 53))?;
        let names = Arc::new(Self {
            google,
            outside,
            hosts: Mutex::default(),
            exchangers: Mutex::default(),
            callers: Mutex::default(),
        });
        let rules = Arc::clone(&names);
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut query) {
                if let Some(reply) = rules.reply(&query[..length]) {
                    drop(socket.send_to(&reply, client));
                }
            }
        });
        Ok(names)
    }

    /// Gives a host its address.
    pub fn host(&self, name: &str, address: Ipv4Addr) {
        let mut hosts = self.hosts.lock().expect("the hosts");
        hosts.insert(name.to_lowercase(), address);
    }

    /// Gives a domain its MX records.
    pub fn mail_servers(&self, domain: &str, servers: &[(u16, &str)]) {
        let servers = servers.iter().map(|(n, host)| (*n, (*host).to_owned()));
        let mut exchangers = self.exchangers.lock().expect("the exchangers");
        exchangers.insert(domain.to_lowercase(), servers.collect());
    }

    /// Gives an address a name that leads back to it, as Postfix wants it of a client's name.
    pub fn call(&self, address: Ipv4Addr, name: &str) {
        let [a, b, c, d] = address.octets();
        let mut callers = self.callers.lock().expect("the callers");
        callers.insert(format!("{d}.{c}.{b}.{a}.in-addr.arpa"), name.to_owned());
        self.host(name, address);
    }

    fn answer(&self, name: &str, kind: u16) -> Answer {
        if name.ends_with(".in-addr.arpa") {
            let callers = self.callers.lock().expect("the callers");
            return match callers.get(name) {
                Some(caller) if kind == PTR => Answer::Name(caller.clone()),
                Some(_) => Answer::Nothing,
                None => Answer::NoSuchName,
            };
        }
        let numbers = name.split('.').take(4).filter(|l| l.parse::<u8>().is_ok());
        if name == "nx.test" || name.ends_with(".nx.test") || numbers.count() == 4 {
            return Answer::NoSuchName;
        }
        let host = self.hosts.lock().expect("the hosts").get(name).copied();
        let host = host.or_else(|| name.ends_with(".google.com").then_some(self.google));
        match kind {
            A => Answer::Address(host.unwrap_or(self.outside)),
            MX => self.exchangers_of(name, host.is_some()),
            _ => Answer::Nothing,
        }
    }

    fn exchangers_of(&self, name: &str, is_host: bool) -> Answer {
        if let Some(servers) = self.exchangers.lock().expect("the exchangers").get(name) {
            return Answer::Exchangers(servers.clone());
        }
        if is_host {
            return Answer::Nothing;
        }
        if name.ends_with(".kept.test") {
            return Answer::Exchangers(vec![(10, FRIEND.to_owned()), (20, SELF.to_owned())]);
        }
        Answer::Exchangers(vec![(10, "mx.outside.test".to_owned())])
    }

    /// A reply to a query with one question (RFC 1035, section 4); nothing for what is none.
    fn reply(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = question(query)?;
        let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
        let records: Vec<(u16, Vec<u8>)> = match self.answer(&name, kind) {
            Answer::NoSuchName => {
                return Some(message(query, end + 4, 3, &[]));
            }
            Answer::Nothing => Vec::new(),
            Answer::Address(address) => vec![(A, address.octets().to_vec())],
            Answer::Name(name) => vec![(PTR, encoded(&name))],
            Answer::Exchangers(servers) => servers
                .iter()
                .map(|(n, host)| (MX, [&n.to_be_bytes()[..], &encoded(host)].concat()))
                .collect(),
        };
        Some(message(query, end + 4, 0, &records))
    }
}

/// The name asked for, in lower case, and where it ends.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            query.get(at + 3)?;
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
}

fn message(query: &[u8], question_end: usize, code: u8, records: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let count = u8::try_from(records.len()).expect("few records");
    // An answer with authority, recursion available.
    let mut reply = vec![query[0], query[1], 0x85, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
    reply.extend(&query[12..question_end]);
    for (kind, data) in records {
        // The name is the question's; class IN, kept for no time at all.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0]);
        reply.extend(u16::try_from(data.len()).expect("a short record").to_be_bytes());
        reply.extend(data);
    }
    reply
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a label"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
