//! One column of many rows: set to a value, or searched and replaced.

use std::collections::HashMap;

use super::change_set::{ChangeSet, reason, too_long};
use super::connect::classify;
use super::limits::expect_within_limits;
use super::list::find_rows;
use super::row::Stored;
use super::schema::require;
use super::selection::grouped;
use super::unit::Stop;
use super::{Refusal, Store, Warning};
use crate::access::Actor;
use crate::error::Result;
use crate::mail::Replacement;
use crate::resource::{Column, Draft, Kind, Resource};

/// Rows read with one statement.
const ROWS_AT_ONCE: usize = 500;

/// What is done to a column.
#[derive(Debug, Clone)]
pub enum Edit {
    /// It gets this value.
    Set(&'static Column, String),
    /// What is found in it is replaced.
    Replace(&'static Column, Replacement),
}

impl Edit {
    /// The column.
    #[must_use]
    pub fn column(&self) -> &'static Column {
        match self {
            Self::Set(column, _) | Self::Replace(column, _) => column,
        }
    }

    /// What the column is to hold; `None` where it stays.
    fn of(&self, stored: &str) -> Option<String> {
        match self {
            Self::Set(_, value) => Some(value.clone()),
            Self::Replace(column, by) if column.kind == Kind::Addresses => by.in_list(stored),
            Self::Replace(_, by) => by.in_text(stored),
        }
    }
}

/// What an edit comes to.
#[derive(Debug, Default)]
pub struct Edited {
    /// What it writes; rows that would be wrong afterwards are refused, and stay.
    pub set: ChangeSet,
    /// Rows that are as they would be.
    pub unchanged: usize,
    /// What is suspicious about what is written.
    pub warnings: Vec<Warning>,
    /// What an owner may not do: then nothing is done, since a selection is meant whole.
    pub limit: Option<String>,
}

/// Why somebody may not write this; `None` where they may.
pub type Allowed<'a> = &'a (dyn Fn(&Draft) -> Option<String> + Sync);

impl Store {
    /// The rows with these keys that the actor may see, in their order; those that are not there any more are left out.
    ///
    /// # Errors
    /// The table is missing, or the database does not answer.
    pub async fn stored(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        keys: &[String],
    ) -> Result<Vec<Stored>> {
        let schema = self.schema().await?;
        let table = require(&schema, resource.table)?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut found = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(ROWS_AT_ONCE) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let rows = find_rows(&mut connection, actor, resource, table, &keys, "").await;
            let rows = rows.map_err(classify)?.into_iter();
            found.extend(rows.map(|stored| (stored.row.key.clone(), stored)));
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    /// What an edit of these rows would write; nothing is written or locked.
    ///
    /// # Errors
    /// A table is missing or can only be read, or the database does not answer.
    pub async fn plan_edit(
        &self,
        actor: &Actor,
        rows: &[(&'static Resource, Stored)],
        edit: &Edit,
        allowed: Allowed<'_>,
    ) -> Result<Edited> {
        let schema = self.schema().await?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut edited = Edited::default();
        let mut cautions = Vec::new();
        let column = edit.column();
        for (resource, stored) in rows {
            let row = &stored.row;
            let table = require(&schema, resource.table)?;
            let wanted = edit.of(row.text(column.name)).filter(|_| table.has(column.name));
            let Some(value) = wanted else {
                edited.unchanged += 1;
                continue;
            };
            let typed = row.clone().with(column.name, &value);
            let draft = match typed.check_typed(resource, self.rules(), &[column.name]) {
                Ok(draft) => draft,
                Err(problems) => {
                    edited.set.refuse(resource, row, reason(problems));
                    continue;
                }
            };
            if draft.text(column.name) == row.text(column.name) {
                edited.unchanged += 1;
                continue;
            }
            if let Some(why) = too_long(resource, table, &draft)? {
                edited.set.refuse(resource, row, why);
                continue;
            }
            let limits = expect_within_limits(&mut connection, &schema, actor, resource, &draft, Some(row));
            let beyond = match limits.await {
                Ok(()) => allowed(&draft),
                Err(Stop::Refused(Refusal::Limit { why, .. })) => Some(why),
                Err(Stop::Refused(Refusal::Failed(error))) => return Err(error),
                Err(Stop::Refused(_)) => Some("This is not one of your domains.".to_owned()),
                Err(Stop::Database(error)) => return Err(classify(error)),
            };
            if let Some(why) = beyond {
                edited.limit = Some(format!("`{}`: {why}", row.subject(resource)));
                return Ok(edited);
            }
            let new = self.cautions(resource, &draft, Some(row)).into_iter();
            cautions.extend(new.map(|warning| (warning.message, row.subject(resource))));
            edited.set.update(resource, stored, draft);
        }
        edited.warnings = grouped(cautions);
        Ok(edited)
    }
}
