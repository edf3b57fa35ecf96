//! What owners may undo: what they may write. They get no value back that somebody else took from them and that they could
//! not set themselves.

use super::{Recorded, Undoing};
use crate::access::Scope;
use crate::mail::domain_of;
use crate::resource::{Draft, OwnerRights, Resource};
use crate::store::limits::{expect_removable, expect_switchable, expect_within_limits};
use crate::store::row::Stored;
use crate::store::schema::Table;
use crate::store::unit::{Stop, expect_own_directory};
use crate::store::{Action, Refusal, Row};

impl Undoing<'_> {
    /// That the actor may put this row back.
    pub(super) async fn expect_rightful(
        &mut self,
        table: &Table,
        record: &Recorded,
        now: Option<&Stored>,
    ) -> Result<(), Stop> {
        let (actor, resource) = (self.unit.actor, record.resource);
        if actor.scope == Scope::Everything {
            return Ok(());
        }
        let now = now.map(|stored| &stored.row);
        let differing = record.differing(table);
        match (record.action, now) {
            (Action::Create, Some(row)) => return Ok(expect_removable(actor, resource, row)?),
            (Action::Update, Some(row)) if differing == ["enabled"] => {
                let was = row_of(record, table);
                return Ok(expect_switchable(actor, resource, row, was.is_enabled())?);
            }
            _ => {}
        }
        let was = row_of(record, table);
        let theirs = match resource.owners {
            OwnerRights::WriteWhere(column, value) => was.text(column) == value,
            OwnerRights::Read | OwnerRights::Write => true,
        };
        if !theirs || !actor.scope.covers(&domain_of(record.restored_subject())) {
            return Err(Refusal::OutOfScope.into());
        }
        let draft = Draft::of(&was);
        let connection = &mut *self.unit.transaction;
        expect_within_limits(connection, &self.unit.schema, actor, resource, &draft, now).await?;
        if record.who == actor.name {
            return Ok(());
        }
        expect_own_directory(connection, actor, resource, table, &draft, now).await?;
        expect_settable(table, record, &differing)
    }
}

/// That a change of somebody else is not undone in columns that owners do not set.
fn expect_settable(table: &Table, record: &Recorded, differing: &[&str]) -> Result<(), Stop> {
    let default = |name: &str| table.column(name).and_then(|column| column.default.as_deref());
    let bytes = |name: &str| record.before.as_ref().and_then(|image| image.bytes(name));
    let kept = record
        .resource
        .columns
        .iter()
        .filter(|column| column.rare)
        .find(|column| {
            let returns = match record.action {
                Action::Delete => bytes(column.name) != default(column.name).map(str::as_bytes),
                Action::Create | Action::Update => differing.contains(&column.name),
            };
            returns && table.has(column.name)
        });
    match kept {
        None => Ok(()),
        Some(column) => Err(Refusal::Limit {
            resource: record.resource,
            column: column.name,
            why: format!(
                "`{}` had something in the column {} that only an operator sets, and it was {} who changed it. Ask an \
                 operator to undo this.",
                record.restored_subject(),
                column.name,
                record.who
            ),
        }
        .into()),
    }
}

/// The row before the change, as text.
fn row_of(record: &Recorded, table: &Table) -> Row {
    let resource: &'static Resource = record.resource;
    let text = |name: &str| {
        let bytes = record.before.as_ref().and_then(|image| image.bytes(name));
        bytes.map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        })
    };
    let values = resource
        .columns
        .iter()
        .map(|column| column.name)
        .filter(|name| table.has(name))
        .map(|name| (name, text(name)))
        .collect();
    Row::new(record.key.clone(), values).with(resource.subject, record.restored_subject())
}
