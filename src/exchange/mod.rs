//! Rows in files: how they are written, and how whatever other programs wrote is read. Nothing here knows the database
//! or HTTP.
//!
//! A file is [`Material`]; opened it is a [`Source`] of [`Incoming`] rows, one at a time, so that memory does not grow
//! with the file. Rows are as the file has them: whether they make sense is for [`crate::resource`] to say.

mod accounts;
mod archive;
mod csv;
mod foreign;
mod json;
mod modoboa;
mod names;
mod open;
mod records;
mod scan;
mod sql;
#[cfg(test)]
mod tests;
mod text;
mod values;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;

use crate::resource::Resource;

pub(crate) use accounts::{hash_of, quota};
pub use archive::{Archive, ArchiveWriter, ArchivedColumn, FORM, Head, Lines, Next, TableHead, Values};
pub use open::Look;
pub use write::{Cell, Writer, Writing, guarded, unguarded};

/// The longest row that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// Most fields a row may have.
const MOST_COLUMNS: usize = 200;

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its line, from 1; of a CSV file the header is line 1.
    pub line: u64,
    /// Its number among the rows of the file, from 1, where its line has others too.
    pub number: Option<u64>,
    /// Columns of the table with their values; `None` is NULL.
    pub fields: Vec<(String, Option<String>)>,
}

/// One row on its way into a table.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The table.
    pub resource: &'static Resource,
    /// What the file has.
    pub row: Row,
}

/// Makes a row of what a file has for the columns of a table.
fn incoming(
    resource: &'static Resource,
    line: u64,
    fields: Vec<(String, Option<String>)>,
) -> Result<Incoming, Refused> {
    let mut fields = fields;
    for (column, value) in &mut fields {
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            return Err(Refused::cell(
                line,
                column,
                "There is a NUL character in this value, which no text has. Take it away.",
            ));
        }
        *value = names::value(column, value.take());
    }
    Ok(Incoming {
        resource,
        row: Row {
            line,
            number: None,
            fields,
        },
    })
}

/// Something of a file that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line, from 1; 0 where it is about the file.
    pub line: u64,
    /// The column; empty where it is about the whole row.
    pub column: String,
    /// What is wrong and how to mend it.
    pub reason: String,
}

impl Refused {
    /// About a file.
    fn whole(reason: impl Into<String>) -> Self {
        Self::cell(0, "", reason)
    }

    /// About what begins in a line.
    fn at(line: u64, reason: impl Into<String>) -> Self {
        Self::cell(line, "", reason)
    }

    /// About one column.
    fn cell(line: u64, column: &str, reason: impl Into<String>) -> Self {
        Self {
            line,
            column: column.to_owned(),
            reason: reason.into(),
        }
    }

    /// The same, saying which row of its line it is about.
    #[must_use]
    pub fn of_row(self, number: Option<u64>) -> Self {
        match number {
            None => self,
            Some(number) => Self {
                reason: format!("Row {number}: {}", self.reason),
                ..self
            },
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if !self.column.is_empty() {
            write!(f, "{}: ", self.column)?;
        }
        f.write_str(&self.reason)
    }
}

/// What stops reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stumble {
    /// One row cannot be read; the next one may.
    Row(Refused),
    /// The file cannot be read any further.
    File(Refused),
}

impl From<Refused> for Stumble {
    fn from(refused: Refused) -> Self {
        Self::File(refused)
    }
}

/// The rows of a file, one at a time.
pub trait Source: Send {
    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// It cannot be read. After [`Stumble::Row`] reading may go on.
    fn next(&mut self) -> Result<Option<Incoming>, Stumble>;

    /// Bytes of the file read so far.
    fn at(&self) -> u64;

    /// What was passed over so far.
    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

/// What of a file is not for the tables of the panel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Statements of a dump that change rows and are not read, such as UPDATE and CREATE, by their first word; at most twenty
    /// kinds.
    pub statements: BTreeMap<String, u64>,
    /// Rows of tables the panel does not know, or was not asked to read, by table; at most a hundred tables.
    pub rows: BTreeMap<String, u64>,
}

impl Skipped {
    /// Counts a statement that begins with this word.
    fn statement(&mut self, word: &str) {
        let word: String = word.chars().take(32).flat_map(char::to_uppercase).collect();
        if self.statements.len() < 20 || self.statements.contains_key(&word) {
            *self.statements.entry(word).or_default() += 1;
        }
    }

    /// Counts a row of a table.
    fn row(&mut self, table: &str) {
        // Whatever a file calls them, no table of MySQL's has a longer name.
        let name: String = table.chars().take(64).collect();
        if self.rows.len() < 100 || self.rows.contains_key(&name) {
            *self.rows.entry(name).or_default() += 1;
        }
    }
}

/// How a file is to be read. What is not said is found out.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The table its rows are for; `None` where the file names tables itself, as a dump does, or is another panel's.
    pub into: Option<&'static Resource>,
    /// How it is written.
    pub format: Option<Format>,
    /// Which column each field of a CSV file goes to; `None` leaves it out. Without this the header says it.
    pub mapping: Option<Vec<Option<String>>>,
    /// Whether the first line of a CSV file is a header; found out where it is not said.
    pub has_header: Option<bool>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma, semicolon or tab between the fields.
    Csv,
    /// An array of objects, one object per line, or objects by table.
    Json,
    /// INSERT statements, as mysqldump and phpMyAdmin write them.
    Sql,
    /// Another panel's CSV.
    Foreign(Foreign),
}

/// CSV files of other panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// `alias` table of PostfixAdmin.
    PostfixAdminAliases,
    /// `mailbox` table of PostfixAdmin.
    PostfixAdminMailboxes,
    /// modoboa: the first field of a line says what it is.
    Modoboa,
    /// cPanel's list of forwarders.
    CpanelForwarders,
    /// cPanel's list of mail accounts.
    CpanelAccounts,
    /// Users of Google Admin.
    GoogleUsers,
}

/// A file of rows. It is read from its beginning each time it is opened.
#[derive(Debug)]
pub struct Material {
    /// The file.
    pub file: File,
    /// What people call it, such as `aliases.csv`.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// How it is to be read.
    pub reading: Reading,
}
