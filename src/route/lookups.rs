//! What the model and the linter ask the tables.

use std::net::IpAddr;
use std::sync::Arc;

use crate::resource::Row;

/// Rows that answer [`Question::Delivering`], [`Question::DeliveringInto`] or [`Question::Directory`], at most.
pub const MOST_DELIVERING: usize = 1_000;

/// Rows that answer [`Question::InDomain`], at most.
pub const MOST_IN_DOMAIN: usize = 2_000;

/// Rows that answer a question, by key.
pub type Rows = Arc<[Row]>;

/// One question to the tables. Rows that are switched off answer too: whoever asks decides what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// The rows of a table whose subject the server takes for equal to this text, as a query of Postfix does: usually
    /// without regard to case, accents and spaces at the end.
    Subject(&'static str, String),
    /// The rules about clients whose network has this address.
    Network(IpAddr),
    /// The mailboxes in this directory, written as [`directory_named`](crate::mail::directory_named) does.
    Directory(String),
    /// The aliases, also those that are off, one of whose destinations is this address, by [`folded`] comparison; at most
    /// [`MOST_DELIVERING`].
    Delivering(String),
    /// The aliases, also those that are off, one of whose destinations is in this domain; at most
    /// [`MOST_DELIVERING`].
    DeliveringInto(String),
    /// The rows of a table that are about a domain: it itself, its addresses, its `@domain`; at most
    /// [`MOST_IN_DOMAIN`].
    InDomain(&'static str, String),
}

/// The tables, as far as they are known.
///
/// An implementation that does not know an answer yet answers with nothing, and remembers what it was asked.
pub trait Lookups {
    /// The rows that answer, in the order of their keys.
    fn rows(&self, question: &Question) -> Rows;

    /// How many enabled rows of a table are about a domain: it itself, its addresses, its `@domain`.
    fn count(&self, table: &'static str, domain: &str) -> u64;

    /// Whether the database has the table, with this column.
    fn has(&self, table: &str, column: &str) -> bool;

    /// The rows of a table about this subject: [`Question::Subject`].
    fn about(&self, table: &'static str, subject: &str) -> Rows {
        self.rows(&Question::Subject(table, subject.to_owned()))
    }
}

/// A key in the form in which most collations compare it: lower case, without spaces at the end.
pub fn folded(key: &str) -> String {
    key.trim_end_matches(' ').to_lowercase()
}
