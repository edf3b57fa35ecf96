//! Whole tables in memory: for tests, and wherever all of them are at hand anyway.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::{Lookups, Question, Rows, folded};
use crate::mail::{AccessKind, AccessPattern, directory_named, domain_of, items_of};
use crate::resource::{Resource, Row};

/// Every row of every table. Compares as the usual collations do, by [`folded`].
#[derive(Debug, Default)]
pub struct Snapshot {
    tables: HashMap<&'static str, Vec<Row>>,
    lacking: HashSet<(String, String)>,
}

impl Snapshot {
    /// A snapshot of no rows; a table that was never added to is there and empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with another row in a table.
    #[must_use]
    pub fn with(mut self, table: &'static str, row: Row) -> Self {
        self.add(table, row);
        self
    }

    /// Adds a row to a table.
    pub fn add(&mut self, table: &'static str, row: Row) {
        self.tables.entry(table).or_default().push(row);
    }

    /// The same without a column of a table, or, with an empty column, without the table.
    #[must_use]
    pub fn lacking(mut self, table: &str, column: &str) -> Self {
        self.lacking.insert((table.to_owned(), column.to_owned()));
        self
    }

    /// The rows of a table.
    pub fn table(&self, table: &str) -> &[Row] {
        self.tables.get(table).map(Vec::as_slice).unwrap_or_default()
    }

    fn picked(&self, table: &str, wanted: impl Fn(&Row) -> bool) -> Rows {
        if self.has(table, "") {
            self.table(table)
                .iter()
                .filter(|row| wanted(row))
                .cloned()
                .collect()
        } else {
            Rows::from([])
        }
    }
}

/// The subject column of a table.
pub(super) fn subject_of<'r>(table: &str, row: &'r Row) -> &'r str {
    Resource::by_table(table).map_or("", |resource| row.text(resource.subject))
}

/// Whether a row answers a question about its own table.
pub(super) fn answers(question: &Question, table: &str, row: &Row) -> bool {
    match question {
        Question::Subject(asked, key) => *asked == table && folded(subject_of(table, row)) == folded(key),
        Question::Network(address) => table == "access_rules" && has_address(row, *address),
        Question::Directory(directory) => {
            table == "users" && directory_named(row.text("maildir")) == *directory
        }
        Question::Delivering(address) => {
            table == "aliases"
                && items_of(row.text("destination"))
                    .iter()
                    .any(|item| folded(item) == folded(address))
        }
        Question::DeliveringInto(domain) => {
            table == "aliases"
                && items_of(row.text("destination"))
                    .iter()
                    .any(|item| folded(&domain_of(item)) == folded(domain))
        }
        Question::InDomain(asked, domain) => {
            *asked == table && folded(&domain_of(subject_of(table, row))) == folded(domain)
        }
    }
}

/// Whether a rule about clients is about a network that has the address. Its bounds are computed from the pattern, as the
/// panel does when it saves it.
fn has_address(row: &Row, address: IpAddr) -> bool {
    if row.text("kind") != "client" {
        return false;
    }
    let Ok(pattern) = AccessPattern::parse(AccessKind::Client, row.text("pattern")) else {
        return false;
    };
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    pattern
        .network()
        .is_some_and(|(low, high)| low.len() == bytes.len() && low <= &*bytes && &*bytes <= high)
}

/// The table a question is about.
pub(super) fn table_of(question: &Question) -> &'static str {
    match question {
        Question::Subject(table, _) | Question::InDomain(table, _) => table,
        Question::Network(_) => "access_rules",
        Question::Directory(_) => "users",
        Question::Delivering(_) | Question::DeliveringInto(_) => "aliases",
    }
}

impl Lookups for Snapshot {
    fn rows(&self, question: &Question) -> Rows {
        let table = table_of(question);
        self.picked(table, |row| answers(question, table, row))
    }

    fn count(&self, table: &'static str, domain: &str) -> u64 {
        let is = |row: &Row| folded(&domain_of(subject_of(table, row))) == folded(domain);
        self.picked(table, |row| row.is_enabled() && is(row)).len() as u64
    }

    fn has(&self, table: &str, column: &str) -> bool {
        let lacks = |column: &str| self.lacking.contains(&(table.to_owned(), column.to_owned()));
        !lacks("") && !lacks(column)
    }
}
