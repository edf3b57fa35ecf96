//! Rows, and the mails that are sent through them.
//!
//! Data sets are written with placeholders and can be put at any place of a database: `~` becomes the number of the place
//! and makes domains and names its own, `$` becomes a network of clients, `^` one of IPv6. So many data sets lie in one database, and no
//! answer that Postfix keeps in memory is another's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A row as another program would insert it: columns that are not named have their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub table: &'static str,
    pub values: Vec<(&'static str, String)>,
}

/// Who speaks to Postfix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// An address without a name, by its last byte.
    Stranger(u8),
    /// One with the name `host.caller.d~.test`.
    Named(u8),
    /// An IPv6 address without a name, by its last four digits.
    Six(u16),
    /// Somebody in `mynetworks`.
    Inside,
}

/// One mail to one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub from: String,
    pub to: String,
}

/// Some tables, and mail to try them by.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub entries: Vec<Entry>,
    pub caller: Caller,
    pub letters: Vec<Letter>,
}

/// The value of a column that has none.
pub const NULL: &str = "NULL";
/// The name that a client with one has.
pub const CALLER_NAME: &str = "host.caller.d~.test";

/// A text at a place.
pub fn placed(text: &str, place: u32) -> String {
    let [a, b, c, _] = caller_address(place, 0).octets();
    text.replace('~', &place.to_string())
        .replace('$', &format!("{a}.{b}.{c}"))
        .replace('^', &format!("2001:db8:{:x}:{:x}", place >> 16, place & 0xffff))
}

/// An address in the network of clients of a place. Nobody listens there; no bed's own network begins with such a number
/// and is asked about.
pub fn caller_address(place: u32, last: u8) -> Ipv4Addr {
    let [_, _, high, low] = place.to_be_bytes();
    Ipv4Addr::new(127, 128 | (high & 0x7f), low, last)
}

/// The same of IPv6, where nobody is at all: Postfix is told of it.
pub fn caller_six(place: u32, last: u16) -> IpAddr {
    let [high, low] = [place >> 16, place & 0xffff].map(|half| u16::try_from(half).expect("16 bits"));
    Ipv6Addr::new(0x2001, 0xdb8, high, low, 0, 0, 0, last).into()
}

impl Dataset {
    /// The same at a place.
    pub fn at(&self, place: u32) -> Self {
        let mut there = self.clone();
        for (_, value) in there.entries.iter_mut().flat_map(|entry| &mut entry.values) {
            *value = placed(value, place);
        }
        for letter in &mut there.letters {
            letter.from = placed(&letter.from, place);
            letter.to = placed(&letter.to, place);
        }
        there
    }

    /// The same without some rows.
    pub fn without(&self, from: usize, count: usize) -> Self {
        let mut less = self.clone();
        less.entries.drain(from..from + count);
        less
    }

    /// The same with one mail only.
    pub fn with_letter(&self, letter: usize) -> Self {
        let mut less = self.clone();
        less.letters = vec![self.letters[letter].clone()];
        less
    }

    /// Whether no row has letters that a collation may take for others.
    pub fn is_ascii(&self) -> bool {
        let mut values = self.entries.iter().flat_map(|entry| &entry.values);
        values.all(|(_, value)| value.is_ascii())
    }

    /// As it stands in `cases.rs`.
    pub fn source(&self) -> String {
        let mut lines = vec!["Case::new(\"name it\")".to_owned()];
        let row = |entry: &Entry| format!("    .row({:?}, &{:?})", entry.table, entry.values);
        lines.extend(self.entries.iter().map(row));
        if self.caller != Caller::Stranger(66) {
            lines.push(format!("    .caller(Caller::{:?})", self.caller));
        }
        let mail = |letter: &Letter| format!("    .mail({:?}, {:?})", letter.from, letter.to);
        lines.extend(self.letters.iter().map(mail));
        lines.join("\n")
    }
}
