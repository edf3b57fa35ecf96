//! Writing: operations applied together, in one transaction that also records every row before and after.
//!
//! A unit of work begins by taking the next change number. That locks the one row of `pw_counter`, so that the panel's
//! writers stand in line: what a unit reads to judge by (an existing name, a limit) stays true until it commits. Other
//! programs write without asking; against those stand row locks, the tables' own unique keys, and the version in the
//! form.

use std::collections::HashMap;

use sqlx::{MySql, MySqlConnection, QueryBuilder, Row as _, Transaction};
use time::OffsetDateTime;

use super::Row;
use super::changes::{Action, Record, record};
use super::connect::{classify, is_deadlock, number};
use super::limits::{expect_removable, expect_switchable, expect_within_limits};
use super::list::{find_row, find_rows, push_key, push_keys};
use super::row::Stored;
use super::schema::{Schema, Table, require};
use super::sql::{ident, push_scope};
use super::{Store, Warning};
use crate::access::{Actor, Scope};
use crate::error::Error;
use crate::mail::domain_of;
use crate::resource::{Draft, OwnerRights, Resource, Value};

/// How often a unit is tried when it loses a deadlock against another program.
const TRIES: u32 = 4;

/// Rows read and written with one statement.
const ROWS_AT_ONCE: usize = 250;

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
pub(super) enum Stop {
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

impl Store {
    /// Applies operations as one unit: all of them and their record, or nothing.
    ///
    /// # Errors
    /// The first refusal; nothing was written.
    pub async fn apply(&self, actor: &Actor, operations: &[Operation]) -> Result<Applied, Refusal> {
        let mut tries = 1;
        loop {
            match self.try_apply(actor, operations).await {
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

    async fn try_apply(&self, actor: &Actor, operations: &[Operation]) -> Result<Applied, Stop> {
        let mut transaction = self.pool.begin().await?;
        let change = next_change(&mut transaction).await?;
        let schema = Schema::read(&mut transaction).await?;
        let mut unit = Unit {
            transaction,
            actor,
            schema,
            change,
            at: OffsetDateTime::now_utc(),
            recorded: 0,
        };
        let mut keys = Vec::with_capacity(operations.len());
        for operation in operations {
            keys.extend(unit.perform(operation).await?);
        }
        let rows = unit.recorded;
        if rows == 0 {
            unit.transaction.rollback().await?;
            return Ok(Applied {
                change: None,
                keys,
                rows,
            });
        }
        unit.transaction.commit().await?;
        Ok(Applied {
            change: Some(change),
            keys,
            rows,
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
struct Unit<'a> {
    transaction: Transaction<'static, MySql>,
    actor: &'a Actor,
    schema: Schema,
    change: u64,
    at: OffsetDateTime,
    recorded: u32,
}

impl Unit<'_> {
    /// Performs one operation and answers with the keys of its rows.
    async fn perform(&mut self, operation: &Operation) -> Result<Vec<String>, Stop> {
        match operation {
            Operation::Create { resource, draft } => Ok(vec![self.create(resource, draft).await?]),
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
                let assignments: Vec<_> = draft
                    .values()
                    .iter()
                    .filter(|(name, _)| table.has(name))
                    .collect();
                Ok(vec![self.write(resource, &table, &before, &assignments).await?])
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
            before.retain(|stored| !stored.holds(value.0, &value.1));
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
                expect_stored(stored, &[&value])?;
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
    async fn at_rows(
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

    async fn create(&mut self, resource: &'static Resource, draft: &Draft) -> Result<String, Stop> {
        let table = self.writable(resource)?;
        self.expect_storable(resource, &table, draft, None).await?;
        let values: Vec<_> = draft
            .values()
            .iter()
            .filter(|(name, _)| table.has(name))
            .collect();

        let names: Vec<String> = values.iter().map(|(name, _)| ident(name)).collect();
        let mut sql = QueryBuilder::new(format!(
            "INSERT INTO {} ({}) VALUES (",
            ident(resource.table),
            names.join(", ")
        ));
        let mut list = sql.separated(", ");
        for (_, value) in &values {
            match value {
                Value::Text(text) => list.push_bind(text.clone()),
                Value::Number(number) => list.push_bind(*number),
                Value::Bytes(bytes) => list.push_bind(bytes.clone()),
                Value::Null => list.push("NULL"),
            };
        }
        sql.push(")");
        let inserted = match sql.build().execute(&mut *self.transaction).await {
            Ok(inserted) => inserted,
            Err(error) => return Err(refused_write(error, resource, &draft.text(resource.subject))),
        };
        // A numbered key is the one the server just gave; any other is part of the draft.
        let key = match draft.text(resource.key) {
            given if given.is_empty() => inserted.last_insert_id().to_string(),
            given => given,
        };
        let after = self.row(resource, &table, &key).await?;
        expect_stored(&after, &values)?;
        self.record_all(resource, Action::Create, &[], &[after]).await?;
        Ok(key)
    }

    /// Writes values into a row, records it, and answers with the row's key; does nothing where nothing differs.
    async fn write(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        before: &Stored,
        values: &[&(&'static str, Value)],
    ) -> Result<String, Stop> {
        let key = before.row.key.clone();
        let differing: Vec<_> = values
            .iter()
            .filter(|(name, value)| !before.holds(name, value))
            .collect();
        if differing.is_empty() {
            return Ok(key);
        }
        let mut sql = QueryBuilder::new(format!("UPDATE {} SET ", ident(resource.table)));
        let mut list = sql.separated(", ");
        for (name, value) in &differing {
            list.push(format!("{} = ", ident(name)));
            match value {
                Value::Text(text) => list.push_bind_unseparated(text.clone()),
                Value::Number(number) => list.push_bind_unseparated(*number),
                Value::Bytes(bytes) => list.push_bind_unseparated(bytes.clone()),
                Value::Null => list.push_unseparated("NULL"),
            };
        }
        sql.push(format!(" WHERE {} = ", ident(resource.key)));
        push_key(&mut sql, table, resource, &key);
        if let Err(error) = sql.build().execute(&mut *self.transaction).await {
            let subject = values.iter().find(|(name, _)| *name == resource.subject);
            return Err(refused_write(
                error,
                resource,
                &subject.map(|(_, v)| v.to_string()).unwrap_or_default(),
            ));
        }
        // A key that is an address changes with it.
        let key = values
            .iter()
            .find(|(name, _)| *name == resource.key)
            .map_or(key, |(_, v)| v.to_string());
        let after = self.row(resource, table, &key).await?;
        expect_stored(&after, values)?;
        self.record_all(resource, Action::Update, std::slice::from_ref(before), &[after])
            .await?;
        Ok(key)
    }

    fn writable(&self, resource: &'static Resource) -> Result<Table, Stop> {
        writable(&self.schema, self.actor, resource).cloned()
    }

    async fn expect_storable(
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
    async fn row(&mut self, resource: &'static Resource, table: &Table, key: &str) -> Result<Stored, Stop> {
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
    async fn rows(
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
    async fn record_all(
        &mut self,
        resource: &'static Resource,
        action: Action,
        before: &[Stored],
        after: &[Stored],
    ) -> Result<(), sqlx::Error> {
        // A row whose key has changed is alone in its operation.
        let single = before.len() == 1 && after.len() == 1;
        let earlier: HashMap<&str, &Stored> = before.iter().map(|s| (s.row.key.as_str(), s)).collect();
        let rows = if after.is_empty() { before } else { after };
        let mut records = Vec::with_capacity(rows.len());
        for (seq, now) in (self.recorded..).zip(rows) {
            let old = if single {
                before.first()
            } else {
                earlier.get(now.row.key.as_str()).copied()
            };
            let new = (!after.is_empty()).then_some(now);
            let subject = now.row.text(resource.subject);
            let old_subject = old.map(|stored| stored.row.text(resource.subject));
            records.push(Record {
                seq,
                action,
                table: resource.table,
                key: &now.row.key,
                subject,
                old_subject: old_subject.filter(|old| *old != subject),
                before: old.map(|stored| stored.image.to_json()),
                after: new.map(|stored| stored.image.to_json()),
            });
            self.recorded = seq + 1;
        }
        record(&mut self.transaction, self.change, self.at, self.actor, &records).await
    }
}

/// The live table, if this actor may write it and it can be written.
fn writable<'s>(schema: &'s Schema, actor: &Actor, resource: &'static Resource) -> Result<&'s Table, Stop> {
    actor.require_write(resource)?;
    let table = require(schema, resource.table)?;
    match table.read_only(resource) {
        Some(why) => Err(Error::ReadOnly(why).into()),
        None => Ok(table),
    }
}

/// That a draft may be stored: its subject is the actor's and free, and every value fits. The howto's `domains` has no
/// unique key, so the panel looks for the subject itself. `except` is the row being changed.
async fn expect_storable(
    connection: &mut MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    draft: &Draft,
    except: Option<&Row>,
) -> Result<(), Stop> {
    let subject = draft.text(resource.subject);
    let theirs = match resource.owners {
        OwnerRights::WriteWhere(column, value) => draft.text(column) == value,
        OwnerRights::Read | OwnerRights::Write => true,
    };
    if !actor.scope.covers(&domain_of(&subject)) || (actor.scope != Scope::Everything && !theirs) {
        return Err(Refusal::OutOfScope.into());
    }
    expect_room(resource, table, draft)?;
    // Before its directory, which its twin is likely to have too.
    expect_free(&mut *connection, actor, resource, table, draft, except).await?;
    expect_own_directory(connection, actor, resource, table, draft, except).await
}

/// That no other row has the draft's subject.
async fn expect_free(
    connection: &mut MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    draft: &Draft,
    except: Option<&Row>,
) -> Result<(), Stop> {
    let subject = draft.text(resource.subject);
    // A row that keeps its subject, but for its case, may have an older twin; mending it must stay possible.
    let kept = |column: &str| {
        except.is_some_and(|row| row.text(column).trim().eq_ignore_ascii_case(&draft.text(column)))
    };
    if kept(resource.subject) && resource.unique_with.is_none_or(kept) {
        return Ok(());
    }
    let (key, column) = (ident(resource.key), ident(resource.subject));
    let mut sql = QueryBuilder::new(format!(
        "SELECT CAST({key} AS CHAR), CAST({column} AS CHAR) FROM {} WHERE {column} = ",
        ident(resource.table)
    ));
    sql.push_bind(subject);
    if let Some(with) = resource.unique_with.filter(|with| table.has(with)) {
        sql.push(format!(" AND {} = ", ident(with)));
        sql.push_bind(draft.text(with));
    }
    if let Some(own) = except {
        sql.push(format!(" AND {key} <> "));
        push_key(&mut sql, table, resource, &own.key);
    }
    push_scope(&mut sql, &actor.scope, table, resource);
    sql.push(" LIMIT 1");
    match sql.build().fetch_optional(connection).await? {
        None => Ok(()),
        Some(row) => Err(Refusal::Exists {
            resource,
            key: row.try_get_unchecked(0)?,
            subject: row.try_get_unchecked::<Option<String>, _>(1)?.unwrap_or_default(),
        }
        .into()),
    }
}

/// That a row's directory, where it is new, is nobody else's, and below its domain for those who may not see what else
/// there is on the server.
async fn expect_own_directory(
    connection: &mut MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    draft: &Draft,
    except: Option<&Row>,
) -> Result<(), Stop> {
    let Some(column) = resource.directory.filter(|column| table.has(column)) else {
        return Ok(());
    };
    let directory = draft.text(column);
    // The same directory, spelled as Postfix wants it, is no new one.
    let bare = |directory: &str| directory.trim().trim_matches('/').to_owned();
    if except.is_some_and(|row| bare(row.text(column)) == bare(&directory)) {
        return Ok(());
    }
    let own = format!("{}/", domain_of(&draft.text(resource.subject)));
    let shared = |key| Err(Refusal::Shared { column, key }.into());
    if actor.scope != Scope::Everything && !directory.starts_with(&own) {
        return shared(None);
    }
    let (key, subject) = (ident(resource.key), ident(resource.subject));
    let other = format!("TRIM(BOTH '/' FROM TRIM({}))", ident(column));
    let mine = bare(&directory);
    // The same one, one above it, or one below it.
    let mut sql = QueryBuilder::new(format!(
        "SELECT CAST({key} AS CHAR), CAST({subject} AS CHAR), CAST({other} AS CHAR) FROM {} WHERE {other} <> '' AND ({other} = ",
        ident(resource.table)
    ));
    sql.push_bind(mine.clone());
    sql.push(format!(" OR CONCAT({other}, '/') = LEFT("));
    sql.push_bind(mine.clone());
    sql.push(format!(", CHAR_LENGTH({other}) + 1) OR LEFT({other}, "));
    sql.push_bind(mine.chars().count() as u64 + 1);
    sql.push(") = ");
    sql.push_bind(format!("{mine}/"));
    sql.push(")");
    if let Some(own) = except {
        sql.push(format!(" AND {key} <> "));
        push_key(&mut sql, table, resource, &own.key);
    }
    for row in sql.build().fetch_all(connection).await? {
        let text = |i: usize| {
            row.try_get_unchecked::<Option<String>, _>(i)
                .map(Option::unwrap_or_default)
        };
        let (key, whose, theirs) = (text(0)?, text(1)?, text(2)?);
        // An operator may put mailboxes below one another, but not into what IMAP takes for parts of one.
        if actor.scope != Scope::Everything || theirs.len() == mine.len() || is_part(&mine, &theirs) {
            let visible = actor.scope.covers(&domain_of(&whose));
            return shared(visible.then_some(key));
        }
    }
    Ok(())
}

/// Whether the longer of two directories is inside of the shorter one's mailbox: a message store or a folder of Maildir++.
fn is_part(mine: &str, theirs: &str) -> bool {
    let shorter = mine.len().min(theirs.len());
    let longer = if mine.len() > theirs.len() { mine } else { theirs };
    let inner = longer.get(shorter + 1..).unwrap_or_default();
    let first = inner.split('/').next().unwrap_or_default();
    first.starts_with('.') || matches!(first, "cur" | "new" | "tmp")
}

fn expect_version(stored: &Stored, version: Option<&str>) -> Result<(), Stop> {
    match version {
        Some(seen) if seen != stored.image.version() => {
            Err(Refusal::Conflict(Box::new(stored.clone())).into())
        }
        _ => Ok(()),
    }
}

/// That every value fits its column. A server that is not strict would cut it without a word.
fn expect_room(resource: &'static Resource, table: &Table, draft: &Draft) -> Result<(), Stop> {
    for (column, value) in draft.values() {
        let Value::Text(text) = value else { continue };
        let length = text.chars().count() as u64;
        if let Some(capacity) = table
            .column(column)
            .and_then(|c| c.capacity)
            .filter(|most| length > *most)
        {
            return Err(Refusal::TooLong {
                resource,
                column,
                capacity,
                length,
            }
            .into());
        }
    }
    Ok(())
}

/// That the row now holds what was written, to the letter: a trigger or a narrow character set may have had its own idea.
fn expect_stored(after: &Stored, values: &[&(&'static str, Value)]) -> Result<(), Stop> {
    for (column, value) in values {
        if !after.holds(column, value) {
            return Err(Refusal::Unstorable(format!(
                "The database made `{}` of `{value}` in the column {column}: a trigger, or a character set or type that \
                 cannot hold it. Nothing was kept.",
                after.row.text(column)
            ))
            .into());
        }
    }
    Ok(())
}

/// What a failed INSERT or UPDATE means.
fn refused_write(error: sqlx::Error, resource: &'static Resource, subject: &str) -> Stop {
    let numbered = resource.key != resource.subject;
    match number(&error) {
        // Duplicate entry, and the same from AUTO_INCREMENT at the end of its type.
        Some(1062) if numbered && error.to_string().contains("PRIMARY") => Refusal::KeysUsedUp(resource).into(),
        Some(1264) if !numbered => Refusal::Unstorable(format!(
            "A number is larger than its column holds: {error}. Choose a smaller one, or widen the column."
        ))
        .into(),
        Some(1062) => Refusal::Exists {
            resource,
            key: None,
            subject: subject.to_owned(),
        }
        .into(),
        Some(167 | 1264 | 1467) => Refusal::KeysUsedUp(resource).into(),
        // A column without default that the panel does not know; trouble that a trigger raised on purpose.
        Some(1364) => Refusal::Unstorable(format!(
            "The table has a column that must be given and that the panel does not know: {error}. Give it a default, \
             ALTER TABLE … ALTER … SET DEFAULT …, or keep adding rows with the program that knows it."
        ))
        .into(),
        Some(1366) => Refusal::Unstorable(format!(
            "A character is not in the character set of its column: {error}. Write it with other letters, or convert the \
             table: ALTER TABLE {} CONVERT TO CHARACTER SET utf8mb4.",
            resource.table
        ))
        .into(),
        Some(1644) => Refusal::Unstorable(format!("A trigger of the table refused the row: {error}.")).into(),
        _ => Stop::Database(error),
    }
}
