//! Why nothing was undone, in sentences.

use super::{Otherwise, UndoRefusal};
use crate::error::{Error, Result};
use crate::mail::visible;
use crate::store::Refusal;

impl UndoRefusal {
    /// The reason, for people.
    ///
    /// # Errors
    /// What is no answer but an error.
    pub fn reason(self) -> Result<String> {
        match self {
            Self::Otherwise(rows) if rows.len() == 1 => {
                Ok("A row is no longer what the change left. Nothing was put back.".to_owned())
            }
            Self::Otherwise(_) => {
                Ok("Rows are no longer what the change left. Nothing was put back.".to_owned())
            }
            Self::Partly => Ok(
                "Rows of other domains than yours are part of this change, so it cannot be undone as a \
                                whole. Undo the rows that are yours one by one, or ask an operator."
                    .to_owned(),
            ),
            Self::Refused(refusal) => reason(refusal),
        }
    }
}

fn reason(refusal: Refusal) -> Result<String> {
    match refusal {
        Refusal::Failed(Error::ReadOnly(why)) => Ok(why.reason),
        Refusal::Failed(Error::MissingTable(table)) => Ok(format!(
            "The table {table} is gone, and with it the place of these rows."
        )),
        Refusal::Failed(error) => Err(error),
        Refusal::Unstorable(why) | Refusal::Limit { why, .. } => Ok(why),
        Refusal::OutOfScope => Ok("A row would be in a domain that is not yours again.".to_owned()),
        Refusal::Exists {
            resource,
            key,
            subject,
        } => {
            let place = key.map_or_else(String::new, |key| format!(" (`{key}` of {})", resource.table));
            Ok(format!(
                "`{}` is there again by now{place}: a second row could not be told apart by Postfix. Delete or rename the \
                 row there is first.",
                visible(&subject)
            ))
        }
        Refusal::Shared { key, .. } => {
            let whose = key.map_or_else(
                || "Another mailbox".to_owned(),
                |key| format!("The mailbox `{}`", visible(&key)),
            );
            Ok(format!(
                "{whose} has the directory by now: two mailboxes in one directory read each other's mail. Give it another \
                 directory first."
            ))
        }
        Refusal::KeysUsedUp(resource) => Ok(format!(
            "A number of the row no longer fits its column of {}: widen the column first.",
            resource.table
        )),
        Refusal::Conflict(_) | Refusal::TooLong { .. } => {
            Err(Error::Unexpected(format!("undoing was refused: {refusal:?}")))
        }
    }
}

impl Otherwise {
    /// What is otherwise now, in one line: table, key, and each column that differs.
    pub fn line(&self) -> String {
        let row = format!("{} {}", self.resource.table, visible(&self.key));
        if !self.is_there {
            return format!("{row}: not there any more");
        }
        if self.columns.iter().all(|column| column.left.is_none()) {
            return format!("{row}: deleted by the change, and there again");
        }
        let text = |value: &Option<String>| {
            let value = value.as_deref();
            value.map_or_else(|| "NULL".to_owned(), |value| format!("`{}`", visible(value)))
        };
        let differing = self.columns.iter().filter(|column| column.differs);
        let columns: Vec<String> = differing
            .map(|column| {
                format!(
                    "{}: left {}, now {}",
                    column.name,
                    text(&column.left),
                    text(&column.now)
                )
            })
            .collect();
        format!("{row}: {}", columns.join("; "))
    }
}
