//! A name server that answers as a test says (RFC 1035, section 4).

use std::net::{Ipv4Addr, UdpSocket};

/// Kinds of records.
pub const A: u16 = 1;
pub const PTR: u16 = 12;
pub const MX: u16 = 15;

/// What a name server says.
#[derive(Debug)]
pub enum Answer {
    NoSuchName,
    /// The name exists, without records of this kind.
    Nothing,
    /// SERVFAIL.
    Failure,
    Address(Ipv4Addr),
    Name(String),
    /// With their preferences.
    Exchangers(Vec<(u16, String)>),
}

/// Answers what comes to a socket for as long as the process lives: by the name in lower case and the kind of records, or not
/// at all.
pub fn serve(socket: UdpSocket, rule: impl Fn(&str, u16) -> Option<Answer> + Send + 'static) {
    std::thread::spawn(move || {
        let mut query = [0; 1500];
        while let Ok((length, client)) = socket.recv_from(&mut query) {
            if let Some(reply) = reply(&query[..length], &rule) {
                drop(socket.send_to(&reply, client));
            }
        }
    });
}

/// A reply to a query with one question; nothing for what is none.
fn reply(query: &[u8], rule: impl Fn(&str, u16) -> Option<Answer>) -> Option<Vec<u8>> {
    let (name, end) = question(query)?;
    let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
    let message = |code, records: &[_]| Some(message(query, end + 4, code, records));
    match rule(&name, kind)? {
        Answer::NoSuchName => message(3, &[]),
        Answer::Failure => message(2, &[]),
        Answer::Nothing => message(0, &[]),
        Answer::Address(address) => message(0, &[(A, address.octets().to_vec())]),
        Answer::Name(name) => message(0, &[(PTR, encoded(&name))]),
        Answer::Exchangers(servers) => {
            let records = servers
                .iter()
                .map(|(n, host)| (MX, [&n.to_be_bytes()[..], &encoded(host)].concat()));
            message(0, &records.collect::<Vec<_>>())
        }
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
