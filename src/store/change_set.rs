//! Changes to many rows that are planned, shown and then applied as one.

use super::changes::Action;
use super::row::Stored;
use super::schema::Table;
use super::unit::{Stop, expect_room};
use super::{Operation, Refusal, Written};
use crate::error::{Error, Result};
use crate::resource::{Draft, Problem, Resource, Row};

/// What is to be written, and what cannot be.
#[derive(Debug, Default)]
pub struct ChangeSet {
    operations: Vec<Operation>,
    written: Vec<Written>,
    /// Rows that stay as they are because something is wrong with what would be written.
    pub refused: Vec<Unfit>,
    /// What becomes of what is not in the rows that are written, in sentences.
    pub told: Vec<String>,
}

/// A row that cannot be written.
#[derive(Debug, Clone)]
pub struct Unfit {
    /// Its table.
    pub resource: &'static Resource,
    /// Its key, where it is there already.
    pub key: String,
    /// What it is about.
    pub subject: String,
    /// What is wrong with it.
    pub reason: String,
}

impl ChangeSet {
    /// What applies it.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The rows it writes, before and after.
    #[must_use]
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// Whether it writes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// A short name of all that it writes: the hidden `seen` of a review, so that what is written is what was shown.
    #[must_use]
    pub fn seen(&self) -> String {
        Written::version(&self.written)
    }

    /// How many rows of each table it adds, changes or deletes, in the order in which it does.
    #[must_use]
    pub fn counts(&self, action: Action) -> Vec<(&'static Resource, usize)> {
        let those = self.written.iter().filter(|written| written.action() == action);
        counted(those.map(|written| written.resource))
    }

    /// Writes a draft into a row, which must be what it is now; whether that changes anything.
    pub(super) fn update(&mut self, resource: &'static Resource, stored: &Stored, draft: Draft) -> bool {
        let written = Written::updated(resource, &stored.row, &draft);
        let changes = written.is_change();
        if changes {
            self.written.push(written);
            self.operations.push(Operation::Update {
                resource,
                key: stored.row.key.clone(),
                version: Some(stored.image.version()),
                draft,
            });
        }
        changes
    }

    /// Adds a row.
    pub(super) fn create(&mut self, resource: &'static Resource, draft: Draft) {
        self.written.push(Written::created(resource, &draft));
        self.operations.push(Operation::Create { resource, draft });
    }

    /// Switches a row off.
    pub(super) fn switch_off(&mut self, resource: &'static Resource, row: &Row) {
        self.written.push(Written {
            resource,
            before: Some(row.clone()),
            after: Some(row.clone().with("enabled", "0")),
        });
        self.operations.push(Operation::SetEnabled {
            resource,
            keys: vec![row.key.clone()],
            enabled: false,
        });
    }

    /// Deletes rows.
    pub(super) fn delete<'r>(
        &mut self,
        resource: &'static Resource,
        rows: impl IntoIterator<Item = &'r Row>,
    ) {
        let mut keys = Vec::new();
        for row in rows {
            keys.push(row.key.clone());
            self.written.push(Written {
                resource,
                before: Some(row.clone()),
                after: None,
            });
        }
        if !keys.is_empty() {
            self.operations.push(Operation::Delete {
                resource,
                keys,
                version: None,
            });
        }
    }

    /// Leaves a row as it is.
    pub(super) fn refuse(&mut self, resource: &'static Resource, row: &Row, reason: String) {
        self.refused.push(Unfit {
            resource,
            key: row.key.clone(),
            subject: row.text(resource.subject).to_owned(),
            reason,
        });
    }
}

/// How many rows there are of each table, in the order of the first of each.
pub(super) fn counted(tables: impl Iterator<Item = &'static Resource>) -> Vec<(&'static Resource, usize)> {
    let mut counts: Vec<(&'static Resource, usize)> = Vec::new();
    for resource in tables {
        match counts.iter_mut().find(|(known, _)| known.slug == resource.slug) {
            Some((_, count)) => *count += 1,
            None => counts.push((resource, 1)),
        }
    }
    counts
}

/// What is wrong with a row, as one reason.
pub(super) fn reason(problems: Vec<Problem>) -> String {
    problems
        .into_iter()
        .next()
        .map(|problem| problem.message)
        .unwrap_or_default()
}

/// Why a draft does not fit into the columns of its table.
pub(super) fn too_long(resource: &'static Resource, table: &Table, draft: &Draft) -> Result<Option<String>> {
    match expect_room(resource, table, draft) {
        Ok(()) => Ok(None),
        Err(Stop::Refused(Refusal::TooLong {
            column,
            capacity,
            length,
            ..
        })) => Ok(Some(format!(
            "It would be {length} characters long, and the column {column} holds {capacity}. Shorten it, or widen the column."
        ))),
        Err(Stop::Refused(Refusal::Failed(error))) => Err(error),
        Err(_) => Err(Error::Unexpected(format!(
            "room in {} could not be judged",
            resource.table
        ))),
    }
}
