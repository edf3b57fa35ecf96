//! Why a unit of work writes nothing, and what that means for people.

use crate::error::Error;
use crate::mail::visible;
use crate::resource::{Kind, Resource};
use crate::store::row::Stored;

/// Why nothing was written.
#[derive(Debug)]
pub enum Refusal {
    /// Another row has this subject already; its key.
    Exists {
        /// In this table.
        resource: &'static Resource,
        /// The key of that row, where the actor may see it.
        key: Option<String>,
        /// Its subject as stored.
        subject: String,
    },
    /// The row is no longer what the person saw.
    Conflict(Box<Stored>),
    /// The submitted subject is not in one of the actor's domains.
    OutOfScope,
    /// A value is longer than its column.
    TooLong {
        /// Of this table.
        resource: &'static Resource,
        /// The column.
        column: &'static str,
        /// Most characters it holds.
        capacity: u64,
        /// Characters of the value.
        length: u64,
    },
    /// The database does not take the row, or made something else of it; why, and what to do.
    Unstorable(String),
    /// Another row has this directory; two mailboxes in one would read each other's mail.
    Shared {
        /// The column.
        column: &'static str,
        /// The other row, where the actor may see it.
        key: Option<String>,
    },
    /// It is beyond what is granted to the actor.
    Limit {
        /// What was to be written.
        resource: &'static Resource,
        /// The column that is beyond it.
        column: &'static str,
        /// The limit, what of it is used, and what to do.
        why: String,
    },
    /// The numbering of this table has reached the end of its type.
    KeysUsedUp(&'static Resource),
    /// Something else went wrong.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What stops a unit: an answer for the person, or the database.
pub(in crate::store) enum Stop {
    Refused(Refusal),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Refused(Refusal::Failed(error))
    }
}

impl Refusal {
    /// What is wrong and how to mend it, and the column it is about; an empty one where it is about the whole row. Nothing
    /// for errors and for conflicts, which no column is to blame for.
    pub fn told(&self, mine: &'static Resource) -> Option<(&'static str, String)> {
        let told = match self {
            Self::Conflict(_) | Self::Failed(_) => return None,
            Self::Unstorable(why) => ("", why.clone()),
            Self::OutOfScope => (mine.subject, "This is not one of your domains.".to_owned()),
            Self::Exists {
                resource, subject, ..
            } => (
                resource.subject,
                format!(
                    "`{}` exists already: a second row could not be told apart by Postfix. Change the row there is.",
                    visible(subject)
                ),
            ),
            Self::TooLong {
                resource,
                column,
                capacity,
                length,
            } => (*column, too_long(resource, column, *capacity, *length)),
            Self::Limit { column, why, .. } => (*column, why.clone()),
            Self::Shared { column, .. } => (
                *column,
                "The directory is not free: two mailboxes in one directory read each other's mail. Leave the field \
                 empty to have one of its own."
                    .to_owned(),
            ),
            Self::KeysUsedUp(resource) => (
                "",
                format!(
                    "The numbering of {} has reached the end of its type (a smallint ends at 32767), so the database \
                     takes no more rows. Widen it: ALTER TABLE {} MODIFY {} INT UNSIGNED NOT NULL AUTO_INCREMENT.",
                    resource.table, resource.table, resource.key
                ),
            ),
        };
        Some(told)
    }
}

/// That a value has more characters than its column holds.
pub(in crate::store) fn too_long(resource: &Resource, column: &str, capacity: u64, length: u64) -> String {
    let table = resource.table;
    // A column with a key on it cannot be a TEXT; nor does a list fit into less.
    let is_list = resource.column(column).is_some_and(|c| c.kind == Kind::Addresses);
    let wider = match capacity {
        _ if !is_list && length <= 255 => "VARCHAR(255)",
        0..65_535 => "TEXT",
        _ => "MEDIUMTEXT",
    };
    format!(
        "This is {length} characters long and the column {table}.{column} holds {capacity}. MySQL would refuse it, or cut \
         it without a word where it is not strict, and mail would go to the cut-off address. Shorten it, or widen the \
         column: ALTER TABLE {table} MODIFY {column} {wider} NOT NULL."
    )
}
