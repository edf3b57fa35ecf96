//! What the panel has written since a change: a row that has come to the name or the directory of one that is to be put
//! back is in its way, even where no key of the database says so. Rows that were alike before the change are not.

use std::collections::{BTreeMap, HashMap};

use super::{Recorded, Undoing};
use crate::access::{Actor, Scope};
use crate::mail::domain_of;
use crate::resource::Resource;
use crate::store::list::find_rows;
use crate::store::row::Image;
use crate::store::schema::Table;
use crate::store::unit::{ROWS_AT_ONCE, Stop, Unit, is_part};
use crate::store::{Action, Refusal, Row};

/// Rows of a table that have been written since: by what they are about, and by their directory, where that is new.
#[derive(Default)]
pub(super) struct Since {
    by_subject: HashMap<String, String>,
    /// Key and subject.
    by_directory: BTreeMap<String, (String, String)>,
}

impl Since {
    async fn read(
        unit: &mut Unit<'_>,
        change: u64,
        resource: &'static Resource,
        table: &Table,
    ) -> Result<Self, Stop> {
        // What each row was when the first later change came to it.
        let later: Vec<(String, String, String, Option<String>)> = sqlx::query_as(
            "SELECT row_key, CAST(action AS CHAR), was, row_before FROM (SELECT row_key, action, \
             COALESCE(old_subject, subject) AS was, row_before, \
             ROW_NUMBER() OVER (PARTITION BY row_key ORDER BY change_id, seq) AS place \
             FROM pw_changes WHERE table_name = ? AND change_id > ?) AS later WHERE place = 1",
        )
        .bind(resource.table)
        .bind(change)
        .fetch_all(&mut *unit.transaction)
        .await?;
        // Whosever they are: what is in the way of a row is judged over the whole table.
        let everybody = Actor {
            scope: Scope::Everything,
            ..unit.actor.clone()
        };
        let mut since = Self::default();
        for later in later.chunks(ROWS_AT_ONCE) {
            let keys: Vec<&str> = later.iter().map(|(key, ..)| key.as_str()).collect();
            for stored in find_rows(&mut unit.transaction, &everybody, resource, table, &keys, "").await? {
                let first = later.iter().find(|(key, ..)| *key == stored.row.key);
                let Some((_, action, was, image)) = first else {
                    continue;
                };
                let was = (action != "create").then_some(was.as_str());
                let image = image.as_deref().and_then(Image::from_json);
                since.add(resource, &stored.row, was, image.as_ref());
            }
        }
        Ok(since)
    }

    /// Notes a row, as far as it is not what it was: `was` is what it was about, and `image` its columns.
    fn add(&mut self, resource: &Resource, row: &Row, was: Option<&str>, image: Option<&Image>) {
        let subject = row.subject(resource);
        if let Some(column) = resource.directory {
            let directory = bare(row.text(column));
            let before = image.and_then(|image| image.bytes(column));
            let before = before.map(|bytes| bare(&String::from_utf8_lossy(bytes)));
            if !directory.is_empty() && before.as_ref() != Some(&directory) {
                self.by_directory
                    .insert(directory, (row.key.clone(), subject.clone()));
            }
        }
        if was.map(folded).as_ref() != Some(&subject) {
            self.by_subject.insert(subject, row.key.clone());
        }
    }

    /// The row, by key and subject, whose directory is this one or a mailbox around it or within.
    fn sharing(&self, directory: &str) -> Option<&(String, String)> {
        let above = directory.match_indices('/').map(|(at, _)| &directory[..at]);
        let around = above.filter_map(|above| self.by_directory.get_key_value(above));
        let below = format!("{directory}/");
        let within = self
            .by_directory
            .range(below.clone()..)
            .take_while(|(other, _)| other.starts_with(&below));
        let nested = around.chain(within).find(|(other, _)| is_part(directory, other));
        let same = self.by_directory.get(directory);
        same.or(nested.map(|(_, row)| row))
    }
}

impl Undoing<'_> {
    /// That nobody has taken the name or the directory of a row that is to be put back.
    pub(super) async fn expect_place(&mut self, table: &Table, record: &Recorded) -> Result<(), Stop> {
        let resource = record.resource;
        let differing = record.differing(table);
        let returns = |column: &str| record.action == Action::Delete || differing.contains(&column);
        // Where the database has a unique key, it says so itself.
        let guarded = table.column(resource.subject).is_some_and(|column| column.unique);
        let named = !guarded && resource.unique_with.is_none() && returns(resource.subject);
        let directory = resource
            .directory
            .filter(|column| table.has(column) && returns(column));
        if !named && directory.is_none() {
            return Ok(());
        }
        if !self.since.contains_key(resource.table) {
            let since = Since::read(&mut self.unit, self.change, resource, table).await?;
            self.since.insert(resource.table, since);
        }
        let Some(since) = self.since.get(resource.table) else {
            return Ok(());
        };
        let subject = folded(record.restored_subject());
        if let Some(key) = since
            .by_subject
            .get(&subject)
            .filter(|key| named && **key != record.key)
        {
            return Err(Refusal::Exists {
                resource,
                key: self
                    .unit
                    .actor
                    .scope
                    .covers(&domain_of(&subject))
                    .then(|| key.clone()),
                subject,
            }
            .into());
        }
        let Some(column) = directory else { return Ok(()) };
        let bytes = record.before.as_ref().and_then(|image| image.bytes(column));
        let mine = bare(&String::from_utf8_lossy(bytes.unwrap_or_default()));
        match since
            .sharing(&mine)
            .filter(|(key, _)| !mine.is_empty() && *key != record.key)
        {
            None => Ok(()),
            Some((key, subject)) => {
                let visible = self.unit.actor.scope.covers(&domain_of(subject));
                Err(Refusal::Shared {
                    column,
                    key: visible.then(|| key.clone()),
                }
                .into())
            }
        }
    }
}

/// A directory without the slashes and spaces around it.
fn bare(directory: &str) -> String {
    directory.trim().trim_matches('/').to_owned()
}

/// A subject as Postfix asks for it.
fn folded(subject: &str) -> String {
    subject.trim_end_matches(' ').to_lowercase()
}
