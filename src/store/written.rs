//! Operations before they are applied: which rows they write, and whether they would be refused.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::changes::Action;
use super::connect::classify;
use super::list::find_rows;
use super::schema::require;
use super::{Operation, Refusal, Store};
use crate::access::Actor;
use crate::error::Result;
use crate::resource::{Draft, Resource, Row, Value};
use crate::route::Change;

/// Rows read with one statement.
const ROWS_AT_ONCE: usize = 500;

/// A row that operations write.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its table.
    pub resource: &'static Resource,
    /// The row as it is; `None` where it is added.
    pub before: Option<Row>,
    /// The row as it will be; `None` where it is deleted.
    pub after: Option<Row>,
}

impl Written {
    /// A row into which a draft is written.
    pub(super) fn updated(resource: &'static Resource, before: &Row, draft: &Draft) -> Self {
        Self {
            resource,
            before: Some(before.clone()),
            after: Some(overlaid(resource, before.clone(), draft)),
        }
    }

    /// A row that a draft becomes.
    pub(super) fn created(resource: &'static Resource, draft: &Draft) -> Self {
        Self {
            resource,
            before: None,
            after: Some(made(draft)),
        }
    }

    /// What is done to the row.
    pub(super) fn action(&self) -> Action {
        match (&self.before, &self.after) {
            (None, _) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (Some(_), None) => Action::Delete,
        }
    }

    /// A short name of these rows: the hidden `seen` of a review, so that what is written is what was shown.
    pub fn version(rows: &[Self]) -> String {
        let mut digest = Sha256::new();
        for row in rows {
            digest.update(format!(
                "{} {:?} {:?}\n",
                row.resource.table, row.before, row.after
            ));
        }
        hex::encode(&digest.finalize()[..12])
    }

    /// The same for the model.
    pub(super) fn into_change(self) -> Change {
        Change {
            table: self.resource.table,
            before: self.before,
            after: self.after,
        }
    }

    pub(super) fn is_change(&self) -> bool {
        self.before != self.after
    }
}

impl Store {
    /// What the store would refuse of these operations now; nothing is written or locked.
    ///
    /// # Errors
    /// The first refusal [`Store::apply`] would answer with.
    pub async fn expect_appliable(&self, actor: &Actor, operations: &[Operation]) -> Result<(), Refusal> {
        for operation in operations {
            match operation {
                Operation::Create { resource, draft } => {
                    self.review(actor, resource, draft, None).await?;
                }
                Operation::Update {
                    resource,
                    key,
                    version,
                    draft,
                } => {
                    let stored = self.find(actor, resource, key).await?;
                    let before = Some((&stored, version.as_deref()));
                    self.review(actor, resource, draft, before).await?;
                }
                Operation::SetEnabled { .. } | Operation::Delete { .. } => {}
            }
        }
        Ok(())
    }

    /// The rows that operations write, before and after, in the order of the operations; those that stay as they are, and
    /// those that are not there any more, are left out: applying will say so.
    ///
    /// # Errors
    /// A table is missing, or the database does not answer.
    pub async fn written(&self, actor: &Actor, operations: &[Operation]) -> Result<Vec<Written>> {
        let mut written: Vec<Written> = Vec::new();
        // Where a row stands in `written`: a later operation goes on from an earlier one.
        let mut places: HashMap<(&'static str, String), usize> = HashMap::new();
        for operation in operations {
            let (resource, keys): (&'static Resource, &[String]) = match operation {
                Operation::Create { resource, draft } => {
                    written.push(Written::created(resource, draft));
                    continue;
                }
                Operation::Update { resource, key, .. } => (resource, std::slice::from_ref(key)),
                Operation::SetEnabled { resource, keys, .. } | Operation::Delete { resource, keys, .. } => {
                    (resource, keys)
                }
            };
            for row in self.rows_of(actor, resource, keys).await? {
                let place = *places
                    .entry((resource.table, row.key.clone()))
                    .or_insert_with(|| {
                        written.push(Written {
                            resource,
                            before: Some(row.clone()),
                            after: Some(row),
                        });
                        written.len() - 1
                    });
                let now = written[place].after.take();
                written[place].after = now.and_then(|row| match operation {
                    Operation::Update { draft, .. } => Some(overlaid(resource, row, draft)),
                    Operation::SetEnabled { enabled, .. } => {
                        Some(row.with("enabled", if *enabled { "1" } else { "0" }))
                    }
                    Operation::Create { .. } | Operation::Delete { .. } => None,
                });
            }
        }
        written.retain(Written::is_change);
        Ok(written)
    }

    /// The rows with these keys, in no particular order.
    async fn rows_of(&self, actor: &Actor, resource: &'static Resource, keys: &[String]) -> Result<Vec<Row>> {
        let schema = self.schema().await?;
        let table = require(&schema, resource.table)?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut rows = Vec::with_capacity(keys.len());
        for keys in keys.chunks(ROWS_AT_ONCE) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let found = find_rows(&mut connection, actor, resource, table, &keys, "")
                .await
                .map_err(classify)?;
            rows.extend(found.into_iter().map(|stored| stored.row));
        }
        Ok(rows)
    }
}

/// The columns people edit of a row once a draft is written into it, without those that the live table lacks, and its new
/// password.
fn overlaid(resource: &Resource, row: Row, draft: &Draft) -> Row {
    edited(draft).fold(row, |row, (column, value)| {
        if resource.column(column).is_some() && !row.has(column) {
            return row;
        }
        row.with(column, &value.to_string())
    })
}

/// The columns people edit of a row that a draft becomes.
fn made(draft: &Draft) -> Row {
    let row = Row::new(String::new(), Vec::new());
    edited(draft).fold(row, |row, (column, value)| row.with(column, &value.to_string()))
}

/// What people edit; what is computed, such as the bounds of a network, is for Postfix alone.
fn edited(draft: &Draft) -> impl Iterator<Item = &(&'static str, Value)> {
    let values = draft.values().iter();
    values.filter(|(_, value)| !matches!(value, Value::Bytes(_) | Value::Null))
}
