//! Writing: operations applied together, in one transaction that also records every row before and after.
//!
//! A unit of work begins by taking the next change number. That locks the one row of `pw_counter`, so that the panel's
//! writers stand in line: what a unit reads to judge by (an existing name, a limit) stays true until it commits. Other
//! programs write without asking; against those stand row locks, the tables' own unique keys, and the version in the
//! form.

mod expect;
mod many;
mod refusal;

use std::collections::HashMap;

use sqlx::{Executor, MySql, MySqlConnection, QueryBuilder, Transaction};
use time::OffsetDateTime;

use super::changes::{Action, Record, record, write_note};
use super::connect::{classify, is_deadlock};
use super::limits::{expect_removable, expect_switchable, expect_within_limits};
use super::list::{find_row, find_rows, push_keys};
use super::row::Stored;
use super::schema::{Schema, Table};
use super::sql::ident;
use super::{Row, Store, Warning};
use crate::access::Actor;
use crate::error::Error;
use crate::progress::Progress;
use crate::resource::{Draft, Resource, Value};
pub(super) use expect::{
    bare, expect_free, expect_own_directory, expect_room, expect_storable, expect_stored, expect_version,
    is_part, refused_write, writable,
};
pub(super) use many::{Values, values_of};
pub use refusal::Refusal;
pub(super) use refusal::{Stop, too_long};

/// How often a unit is tried when it loses a deadlock against another program.
pub(super) const TRIES: u32 = 4;

/// Rows read and written with one statement.
pub(super) const ROWS_AT_ONCE: usize = 250;

/// One thing to do to a row, or to many.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Insert a row.
    Create {
        /// Into this table.
        resource: &'static Resource,
        /// With these values; columns it does not name get their default.
        draft: Draft,
    },
    /// Change a row; columns the draft does not name keep their value.
    Update {
        /// In this table.
        resource: &'static Resource,
        /// The row.
        key: String,
        /// [`super::Image::version`] of the row the person saw; `None` skips the comparison.
        version: Option<String>,
        /// The new values.
        draft: Draft,
    },
    /// Switch rows on or off.
    SetEnabled {
        /// In this table.
        resource: &'static Resource,
        /// The rows.
        keys: Vec<String>,
        /// On.
        enabled: bool,
    },
    /// Delete rows.
    Delete {
        /// In this table.
        resource: &'static Resource,
        /// The rows.
        keys: Vec<String>,
        /// As in [`Operation::Update`], for one row.
        version: Option<String>,
    },
}

impl Operation {
    /// Whether both change a row of one table.
    fn updates_same_table(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Update { resource: one, .. }, Self::Update { resource: other, .. }) => {
                one.table == other.table
            }
            _ => false,
        }
    }

    /// How many rows it is about.
    fn rows(&self) -> u64 {
        match self {
            Self::Create { .. } | Self::Update { .. } => 1,
            Self::SetEnabled { keys, .. } | Self::Delete { keys, .. } => keys.len() as u64,
        }
    }
}

/// What was done.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The number of the change; `None` where everything already was as asked for.
    pub change: Option<u64>,
    /// The keys of the rows, in the order of the operations.
    pub keys: Vec<String>,
    /// How many rows were changed.
    pub rows: u32,
}

/// What a change is, where its rows alone do not say it.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// As the record shows it, such as `import of aliases.csv`; empty where there is nothing to say.
    pub what: String,
    /// The change that is undone, and the one row (`seq`) of it; `None` is all of it.
    pub undoes: Option<(u64, Option<u32>)>,
}

impl Note {
    /// Something to say, and no more.
    pub fn saying(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            undoes: None,
        }
    }
}

impl Store {
    /// Applies operations as one unit: all of them and their record, or nothing.
    ///
    /// # Errors
    /// The first refusal; nothing was written.
    pub async fn apply(&self, actor: &Actor, operations: &[Operation]) -> Result<Applied, Refusal> {
        self.apply_as(actor, operations, &Note::default(), &Progress::default())
            .await
    }

    /// The same for a change that needs a word, and may take long: the progress is told in rows.
    ///
    /// # Errors
    /// As there.
    pub async fn apply_as(
        &self,
        actor: &Actor,
        operations: &[Operation],
        note: &Note,
        progress: &Progress,
    ) -> Result<Applied, Refusal> {
        let mut tries = 1;
        loop {
            progress.begin("writing rows", operations.iter().map(Operation::rows).sum());
            match self.try_apply(actor, operations, note, progress).await {
                Ok(applied) => return Ok(applied),
                Err(Stop::Refused(refusal)) => return Err(refusal),
                Err(Stop::Database(error)) if is_deadlock(&error) && tries < TRIES => {
                    tracing::info!(%error, tries, "lost a deadlock against another program; trying again");
                    tries += 1;
                }
                Err(Stop::Database(error)) => return Err(Refusal::Failed(classify(error))),
            }
        }
    }

    /// What a save would be refused for, or else what is suspicious about it by itself and new; nothing is written or
    /// locked.
    ///
    /// # Errors
    /// The refusal [`Store::apply`] would answer with now.
    pub async fn review(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        draft: &Draft,
        before: Option<(&Stored, Option<&str>)>,
    ) -> Result<Vec<Warning>, Refusal> {
        match self.try_review(actor, resource, draft, before).await {
            Ok(warnings) => Ok(warnings),
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Database(error)) => Err(Refusal::Failed(classify(error))),
        }
    }

    async fn try_review(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        draft: &Draft,
        before: Option<(&Stored, Option<&str>)>,
    ) -> Result<Vec<Warning>, Stop> {
        let schema = self.schema().await?;
        let table = writable(&schema, actor, resource)?;
        if let Some((stored, seen)) = before {
            expect_version(stored, seen)?;
        }
        let mut connection = self.pool.acquire().await?;
        let row = before.map(|(stored, _)| &stored.row);
        expect_storable(&mut connection, actor, resource, table, draft, row).await?;
        expect_within_limits(&mut connection, &schema, actor, resource, draft, row).await?;
        drop(connection);
        Ok(self.cautions(resource, draft, row))
    }

    async fn try_apply(
        &self,
        actor: &Actor,
        operations: &[Operation],
        note: &Note,
        progress: &Progress,
    ) -> Result<Applied, Stop> {
        let mut unit = self.begin(actor, progress).await?;
        let mut keys = Vec::with_capacity(operations.len());
        for together in operations.chunk_by(Operation::updates_same_table) {
            match together {
                [single] => keys.extend(unit.perform(single).await?),
                updates => keys.extend(unit.update_all(updates).await?),
            }
        }
        let rows = unit.recorded;
        let change = unit.finish(note).await?;
        Ok(Applied { change, keys, rows })
    }

    /// Begins a unit of work: takes the next change number, and with it the writers' lock. Dropped without
    /// [`Unit::finish`] it leaves nothing.
    pub(super) async fn begin<'a>(&self, actor: &'a Actor, progress: &Progress) -> Result<Unit<'a>, Stop> {
        let mut transaction = self.pool.begin().await?;
        let change = next_change(&mut transaction).await?;
        let schema = Schema::read(&mut transaction).await?;
        Ok(Unit {
            transaction,
            actor,
            schema,
            change,
            at: OffsetDateTime::now_utc(),
            recorded: 0,
            progress: progress.clone(),
        })
    }
}

/// Takes the next change number, and with it the writers' lock.
async fn next_change(connection: &mut MySqlConnection) -> Result<u64, sqlx::Error> {
    let taken =
        sqlx::query("UPDATE pw_counter SET last_change = LAST_INSERT_ID(last_change + 1) WHERE id = 1")
            .execute(connection)
            .await?;
    Ok(taken.last_insert_id())
}

/// A transaction in which an actor writes.
pub(super) struct Unit<'a> {
    pub transaction: Transaction<'static, MySql>,
    pub actor: &'a Actor,
    pub schema: Schema,
    /// Its number in the record.
    pub change: u64,
    at: OffsetDateTime,
    /// Rows recorded so far.
    pub recorded: u32,
    progress: Progress,
}

impl Unit<'_> {
    /// Commits what was recorded, with its note, and answers with the number of the change; rolls back where nothing was.
    pub async fn finish(mut self, note: &Note) -> Result<Option<u64>, Stop> {
        if self.recorded == 0 {
            self.transaction.rollback().await?;
            return Ok(None);
        }
        write_note(&mut self.transaction, self.change, note).await?;
        self.transaction.commit().await?;
        Ok(Some(self.change))
    }

    /// Remembers how far the unit is, for [`Unit::back`].
    pub async fn mark(&mut self) -> Result<u32, sqlx::Error> {
        self.transaction.execute("SAVEPOINT mark").await?;
        Ok(self.recorded)
    }

    /// Takes back what was written since the last mark, which had recorded so many rows.
    pub async fn back(&mut self, recorded: u32) -> Result<(), sqlx::Error> {
        self.transaction.execute("ROLLBACK TO SAVEPOINT mark").await?;
        self.recorded = recorded;
        Ok(())
    }

    /// Performs one operation and answers with the keys of its rows.
    async fn perform(&mut self, operation: &Operation) -> Result<Vec<String>, Stop> {
        match operation {
            Operation::Create { resource, draft } => {
                let table = self.writable(resource)?;
                self.expect_storable(resource, &table, draft, None).await?;
                self.create_many(resource, &table, &[values_of(&table, draft)])
                    .await
            }
            Operation::Update {
                resource,
                key,
                version,
                draft,
            } => {
                let table = self.writable(resource)?;
                let before = self.row(resource, &table, key).await?;
                expect_version(&before, version.as_deref())?;
                self.expect_storable(resource, &table, draft, Some(&before.row))
                    .await?;
                let values = values_of(&table, draft);
                self.write_many(resource, &table, &[(&before, values)]).await
            }
            Operation::SetEnabled {
                resource,
                keys,
                enabled,
            } => {
                self.switch(resource, keys, *enabled).await?;
                Ok(keys.clone())
            }
            Operation::Delete {
                resource,
                keys,
                version,
            } => {
                self.delete(resource, keys, version.as_deref()).await?;
                Ok(keys.clone())
            }
        }
    }

    /// Performs changes to rows of one table, many with the same few statements.
    async fn update_all(&mut self, updates: &[Operation]) -> Result<Vec<String>, Stop> {
        let mut keys = Vec::with_capacity(updates.len());
        for updates in updates.chunks(ROWS_AT_ONCE) {
            match self.update_together(updates).await? {
                Some(written) => keys.extend(written),
                None => {
                    for update in updates {
                        keys.extend(self.perform(update).await?);
                    }
                }
            }
        }
        Ok(keys)
    }

    /// Performs changes to different rows that keep what they are about; `None` where they are of another kind: what a row may
    /// be called depends on those written before it.
    async fn update_together(&mut self, updates: &[Operation]) -> Result<Option<Vec<String>>, Stop> {
        let mut wanted = HashMap::with_capacity(updates.len());
        let mut keys = Vec::with_capacity(updates.len());
        let Some(Operation::Update { resource, .. }) = updates.first() else {
            return Ok(None);
        };
        for update in updates {
            if let Operation::Update {
                key, version, draft, ..
            } = update
            {
                wanted.insert(key.as_str(), (version, draft));
                keys.push(key.clone());
            }
        }
        if wanted.len() < updates.len() {
            return Ok(None);
        }
        let table = self.writable(resource)?;
        let rows = self.rows(resource, &table, &keys).await?;
        let mut writes = Vec::with_capacity(rows.len());
        for before in &rows {
            let (version, draft) = wanted[before.row.key.as_str()];
            if draft.text(resource.subject) != before.row.text(resource.subject) {
                return Ok(None);
            }
            expect_version(before, version.as_deref())?;
            self.expect_storable(resource, &table, draft, Some(&before.row))
                .await?;
            writes.push((before, values_of(&table, draft)));
        }
        self.write_many(resource, &table, &writes).await?;
        Ok(Some(keys))
    }

    async fn switch(
        &mut self,
        resource: &'static Resource,
        keys: &[String],
        enabled: bool,
    ) -> Result<(), Stop> {
        let table = self.writable(resource)?;
        if !table.has("enabled") {
            let reason = format!(
                "The table {} has no column `enabled`: every row of it is on.",
                resource.table
            );
            return Err(Refusal::Unstorable(reason).into());
        }
        let value = ("enabled", Value::Number(enabled.into()));
        for keys in keys.chunks(ROWS_AT_ONCE) {
            let mut before = self.rows(resource, &table, keys).await?;
            before.retain(|stored| !stored.holds(&table, value.0, &value.1));
            if before.is_empty() {
                continue;
            }
            for stored in &before {
                expect_switchable(self.actor, resource, &stored.row, enabled)?;
            }
            let keys: Vec<String> = before.iter().map(|stored| stored.row.key.clone()).collect();
            let mut sql = QueryBuilder::new(format!("UPDATE {} SET enabled = ", ident(resource.table)));
            sql.push_bind(i64::from(enabled));
            self.at_rows(sql, resource, &table, &keys).await?;
            let after = self.rows(resource, &table, &keys).await?;
            for stored in &after {
                expect_stored(stored, &table, &[(value.0, &value.1)])?;
            }
            self.record_all(resource, Action::Update, &before, &after).await?;
        }
        Ok(())
    }

    async fn delete(
        &mut self,
        resource: &'static Resource,
        keys: &[String],
        version: Option<&str>,
    ) -> Result<(), Stop> {
        let table = self.writable(resource)?;
        for keys in keys.chunks(ROWS_AT_ONCE) {
            let before = self.rows(resource, &table, keys).await?;
            if let [stored] = before.as_slice() {
                expect_version(stored, version)?;
            }
            for stored in &before {
                expect_removable(self.actor, resource, &stored.row)?;
            }
            let sql = QueryBuilder::new(format!("DELETE FROM {}", ident(resource.table)));
            let deleted = self.at_rows(sql, resource, &table, keys).await?;
            if deleted != keys.len() as u64 {
                let reason = format!(
                    "deleting {} rows of {} took {deleted}",
                    keys.len(),
                    resource.table
                );
                return Err(Error::Unexpected(reason).into());
            }
            self.record_all(resource, Action::Delete, &before, &[]).await?;
        }
        Ok(())
    }

    /// Runs a statement on the rows with these keys and says how many it touched.
    pub async fn at_rows(
        &mut self,
        mut sql: QueryBuilder<MySql>,
        resource: &'static Resource,
        table: &Table,
        keys: &[String],
    ) -> Result<u64, Stop> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        sql.push(" WHERE ");
        push_keys(&mut sql, table, resource, &keys);
        match sql.build().execute(&mut *self.transaction).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(error) => Err(refused_write(error, resource, "")),
        }
    }

    pub fn writable(&self, resource: &'static Resource) -> Result<Table, Stop> {
        writable(&self.schema, self.actor, resource).cloned()
    }

    pub async fn expect_storable(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        draft: &Draft,
        except: Option<&Row>,
    ) -> Result<(), Stop> {
        let connection = &mut *self.transaction;
        expect_storable(connection, self.actor, resource, table, draft, except).await?;
        expect_within_limits(connection, &self.schema, self.actor, resource, draft, except).await
    }

    /// Reads and locks a row the actor may see.
    pub async fn row(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        key: &str,
    ) -> Result<Stored, Stop> {
        find_row(
            &mut self.transaction,
            self.actor,
            resource,
            table,
            key,
            " FOR UPDATE",
        )
        .await?
        .ok_or_else(|| Error::NotFound.into())
    }

    /// Reads and locks rows, all of which must be there and the actor's.
    pub async fn rows(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        keys: &[String],
    ) -> Result<Vec<Stored>, Stop> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let connection = &mut self.transaction;
        let rows = find_rows(connection, self.actor, resource, table, &keys, " FOR UPDATE").await?;
        if rows.len() == keys.len() {
            Ok(rows)
        } else {
            Err(Error::NotFound.into())
        }
    }

    /// Records rows before and after; the two need not be in the same order.
    pub async fn record_all(
        &mut self,
        resource: &'static Resource,
        action: Action,
        before: &[Stored],
        after: &[Stored],
    ) -> Result<(), sqlx::Error> {
        // A row whose key has changed is alone.
        if let ([old], [new]) = (before, after) {
            return self
                .record_pairs(resource, action, &[(Some(old), Some(new))])
                .await;
        }
        let earlier: HashMap<&str, &Stored> = before.iter().map(|s| (s.row.key.as_str(), s)).collect();
        let pairs: Vec<_> = if after.is_empty() {
            before.iter().map(|stored| (Some(stored), None)).collect()
        } else {
            let old = |now: &Stored| earlier.get(now.row.key.as_str()).copied();
            after.iter().map(|now| (old(now), Some(now))).collect()
        };
        self.record_pairs(resource, action, &pairs).await
    }

    /// Records rows, each before and after.
    async fn record_pairs(
        &mut self,
        resource: &'static Resource,
        action: Action,
        pairs: &[(Option<&Stored>, Option<&Stored>)],
    ) -> Result<(), sqlx::Error> {
        let mut records = Vec::with_capacity(pairs.len());
        for (seq, (old, new)) in (self.recorded..).zip(pairs) {
            let Some(row) = new.or(*old).map(|stored| &stored.row) else {
                continue;
            };
            let subject = row.text(resource.subject);
            let old_subject = old.map(|stored| stored.row.text(resource.subject));
            records.push(Record {
                seq,
                action,
                table: resource.table,
                key: &row.key,
                subject,
                old_subject: old_subject.filter(|old| *old != subject),
                before: old.map(|stored| stored.image.to_json()),
                after: new.map(|stored| stored.image.to_json()),
            });
            self.recorded = seq + 1;
        }
        record(&mut self.transaction, self.change, self.at, self.actor, &records).await?;
        self.progress.add(records.len() as u64);
        Ok(())
    }
}
