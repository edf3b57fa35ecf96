//! What a file comes to: counted, and what is told of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Imported, Sample};
use crate::exchange::Refused;
use crate::mail::MailboxPassword;
use crate::resource::{Draft, Resource, Row, Value};
use crate::store::changes::SECRET;
use crate::store::row::Stored;
use crate::store::schema::Table;
use crate::store::unit::Values;
use crate::store::{Refusal, Warning, Written};

/// Lines that are refused and named.
const REFUSED: usize = 1_000;

/// Rows that are shown.
const SAMPLES: usize = 100;

/// Changes whose effect on mail is looked at.
const LOOKED_AT: usize = 2_000;

/// Remarks about rows that are told.
const REMARKS: usize = 50;

/// Columns with what is to stand in them.
pub(super) type Cells = Vec<(Cow<'static, str>, Value)>;

/// A row on its way into a table.
#[derive(Debug)]
pub(super) struct Write {
    /// Its line.
    pub line: u64,
    /// What it is about.
    pub subject: String,
    /// The row there is; `None` where it is new.
    pub before: Option<Stored>,
    /// What is written.
    pub values: Cells,
    /// A password to be hashed first.
    pub password: Option<MailboxPassword>,
}

impl Write {
    /// What is written.
    pub fn values(&self) -> Values<'_> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_ref(), value))
            .collect()
    }
}

/// What a file comes to so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// As it is answered.
    pub imported: Imported,
    written: Vec<Written>,
    digest: Sha256,
    /// Remarks, the first line each is about, and how many.
    remarks: BTreeMap<String, (u64, u64)>,
}

impl Tally {
    /// What it came to.
    pub fn finish(mut self) -> (Imported, Vec<Written>) {
        self.imported.version = hex::encode(&self.digest.finalize()[..12]);
        self.imported.effect = self
            .remarks
            .into_iter()
            .map(|(remark, (first, lines))| match lines {
                _ if first == 0 => remark,
                1 => format!("Line {first}: {remark}"),
                n => format!("Line {first} and {} more: {remark}", n - 1),
            })
            .collect();
        (self.imported, self.written)
    }

    /// Counts a line that cannot be written.
    pub fn refuse(&mut self, refused: Refused) {
        self.imported.refused += 1;
        if self.imported.first_refused.len() < REFUSED {
            self.imported.first_refused.push(refused);
        }
    }

    /// Counts a line among those refused that the database would not take.
    pub fn take_back(&mut self, resource: &'static Resource, write: &Write, refusal: &Refusal) {
        match write.before {
            None => self.imported.added -= 1,
            Some(_) => self.imported.changed -= 1,
        }
        let (column, reason) = refusal.told(resource).unwrap_or_else(|| {
            let reason = "The database does not have the row it was just given.";
            ("", reason.to_owned())
        });
        self.refuse(Refused {
            line: write.line,
            column: column.to_owned(),
            reason,
        });
    }

    /// Notes something to be told about a line; 0 is about all of them.
    pub fn remark(&mut self, line: u64, remark: &str) {
        if self.remarks.len() < REMARKS || self.remarks.contains_key(remark) {
            let (_, lines) = self.remarks.entry(remark.to_owned()).or_insert((line, 0));
            *lines += 1;
        }
    }

    /// Counts a row that is written, and keeps what is told about it.
    pub fn note(
        &mut self,
        table: &Table,
        resource: &'static Resource,
        draft: &Draft,
        write: &Write,
        cautions: Vec<Warning>,
    ) {
        let before = write.before.as_ref();
        match before {
            None => self.imported.added += 1,
            Some(_) => self.imported.changed += 1,
        }
        self.digest(resource, draft, write);
        let row = before.map(|stored| &stored.row);
        for warning in cautions {
            self.remark(write.line, &warning.message);
        }
        if self.imported.samples.len() < SAMPLES {
            self.imported.samples.push(sample(table, resource, write));
        }
        if self.written.len() < LOOKED_AT {
            let blank = || Row::new(String::new(), Vec::new());
            let after = write
                .values
                .iter()
                .fold(row.cloned().unwrap_or_else(blank), |row, (name, value)| {
                    match (name, value) {
                        (Cow::Borrowed(name), Value::Text(_) | Value::Number(_))
                            if resource.column(name).is_some() =>
                        {
                            row.with(name, &value.to_string())
                        }
                        _ => row,
                    }
                });
            self.written.push(Written {
                resource,
                before: row.cloned(),
                after: Some(after),
            });
        }
    }

    /// Takes a row into the name of what would be written. The key of a new row is no part of it: the database has the last
    /// word on that.
    fn digest(&mut self, resource: &Resource, draft: &Draft, write: &Write) {
        let key = write.before.as_ref().map(|stored| stored.row.key.as_str());
        // A row that somebody has changed since the review is not written over.
        let seen = write.before.as_ref().map(|stored| stored.image.version());
        self.digest.update(format!("{} {key:?} {seen:?}", resource.table));
        for (name, value) in write
            .values
            .iter()
            .filter(|(name, _)| key.is_some() || name != resource.key)
        {
            self.digest.update(format!(" {name}={value:?}"));
        }
        if let Some(password) = draft.password() {
            self.digest.update(password.as_str());
        }
        self.digest.update("\n");
    }
}

/// A row as it is shown.
fn sample(table: &Table, resource: &'static Resource, write: &Write) -> Sample {
    let before = write.before.as_ref();
    let columns = write
        .values
        .iter()
        .filter(|(name, _)| !SECRET.contains(&name.as_ref()));
    Sample {
        line: write.line,
        table: resource.table,
        subject: write.subject.clone(),
        columns: columns
            .map(|(name, value)| {
                let now = before.map(|stored| stored.text(table, name));
                (name.clone().into_owned(), now, value.to_string())
            })
            .collect(),
    }
}
