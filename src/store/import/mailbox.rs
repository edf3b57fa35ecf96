//! Passwords of mailboxes that come with a file: to be hashed, hashed already, or readable.

use std::borrow::Cow;
use std::collections::HashMap;

use super::given::Given;
use super::tally::Cells;
use crate::error::{Error, Result};
use crate::mail::{MailboxPassword, PasswordHash, PasswordScheme, StoredPassword, describe_stored};
use crate::progress::Progress;
use crate::resource::{Resource, Value, users};
use crate::store::schema::Table;

/// What is said about readable passwords.
pub(super) const READABLE: &str = "The file has a column `clear`: whoever reads the table or a backup of it reads these \
                                   passwords. Nothing needs it; leave the column out.";

/// What stands in the columns of passwords besides what is hashed here.
///
/// # Errors
/// The column, and why it cannot be taken.
pub(super) fn secrets(
    resource: &'static Resource,
    table: &Table,
    given: &Given<'_>,
    is_new: bool,
) -> Result<Cells, (String, String)> {
    let mut values = Vec::new();
    if resource.table != users::RESOURCE.table || !table.has("crypt") {
        return Ok(values);
    }
    let refused = |why: &str| Err(("crypt".to_owned(), why.to_owned()));
    match given.hash {
        Some(_) if given.password.is_some() => {
            return refused("The line has a password and a hash of one. Leave one of them out.");
        }
        Some(hash) => match describe_stored(hash) {
            StoredPassword::None | StoredPassword::Plain | StoredPassword::Unknown => {
                return refused(
                    "This is no hash that is known, so nobody could sign in, or whoever reads the table could. Give the \
                     password itself in a column `password`: it is hashed.",
                );
            }
            _ => values.push((Cow::Borrowed("crypt"), text(hash))),
        },
        None if is_new && given.password.is_none() => {
            return refused(
                "A new mailbox needs a password: a column `password`, or `crypt` with the hash of one.",
            );
        }
        None => {}
    }
    // A readable copy of the password before would stay otherwise, or the howto's default come.
    let is_set = given.hash.is_some() || given.password.is_some();
    match given.clear {
        Some(clear) if table.has("clear") => values.push((Cow::Borrowed("clear"), text(clear))),
        None if is_set && table.has("clear") => values.push((Cow::Borrowed("clear"), text(""))),
        _ => {}
    }
    Ok(values)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Hashes passwords, each of a mailbox, on as many processors as there are. The progress is told in passwords.
///
/// # Errors
/// The system has no randomness.
pub(super) async fn hashed(
    passwords: Vec<(String, MailboxPassword)>,
    scheme: PasswordScheme,
    progress: &Progress,
) -> Result<HashMap<String, PasswordHash>> {
    if passwords.is_empty() {
        return Ok(HashMap::new());
    }
    progress.begin("hashing passwords", passwords.len() as u64);
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tasks = Vec::new();
    for part in passwords.chunks(passwords.len().div_ceil(at_once)) {
        let (part, progress) = (part.to_vec(), progress.clone());
        tasks.push(tokio::task::spawn_blocking(move || {
            let hash = |(mailbox, password): (String, MailboxPassword)| {
                let hash = password.hash(scheme)?;
                progress.add(1);
                Ok((mailbox, hash))
            };
            part.into_iter().map(hash).collect::<Result<Vec<_>>>()
        }));
    }
    let mut hashes = HashMap::with_capacity(passwords.len());
    for task in tasks {
        hashes.extend(
            task.await
                .map_err(|e| Error::unexpected("hashing passwords", e))??,
        );
    }
    Ok(hashes)
}
