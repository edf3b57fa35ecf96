//! What has to be so before a row is written, and after; and what it means where the server refuses it.

use sqlx::{MySqlConnection, QueryBuilder, Row as _};

use super::{Refusal, Stop};
use crate::access::{Actor, Scope};
use crate::error::Error;
use crate::mail::domain_of;
use crate::resource::{Draft, OwnerRights, Resource, Value};
use crate::store::Row;
use crate::store::connect::number;
use crate::store::list::push_key;
use crate::store::row::Stored;
use crate::store::schema::{Schema, Table, require};
use crate::store::sql::{ident, push_scope};

/// The live table, if this actor may write it and it can be written.
pub(in crate::store) fn writable<'s>(
    schema: &'s Schema,
    actor: &Actor,
    resource: &'static Resource,
) -> Result<&'s Table, Stop> {
    actor.require_write(resource)?;
    let table = require(schema, resource.table)?;
    match table.read_only(resource) {
        Some(why) => Err(Error::ReadOnly(why).into()),
        None => Ok(table),
    }
}

/// That a draft may be stored: its subject is the actor's and free, and every value fits. The howto's `domains` has no
/// unique key, so the panel looks for the subject itself. `except` is the row being changed.
pub(in crate::store) async fn expect_storable(
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
pub(in crate::store) async fn expect_free(
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
pub(in crate::store) async fn expect_own_directory(
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

/// A directory as it is compared with others.
pub(in crate::store) fn bare(directory: &str) -> String {
    directory.trim().trim_matches('/').to_owned()
}

/// Whether the longer of two directories is inside of the shorter one's mailbox: a message store or a folder of Maildir++.
pub(in crate::store) fn is_part(mine: &str, theirs: &str) -> bool {
    let shorter = mine.len().min(theirs.len());
    let longer = if mine.len() > theirs.len() { mine } else { theirs };
    let inner = longer.get(shorter + 1..).unwrap_or_default();
    let first = inner.split('/').next().unwrap_or_default();
    first.starts_with('.') || matches!(first, "cur" | "new" | "tmp")
}

pub(in crate::store) fn expect_version(stored: &Stored, version: Option<&str>) -> Result<(), Stop> {
    match version {
        Some(seen) if seen != stored.image.version() => {
            Err(Refusal::Conflict(Box::new(stored.clone())).into())
        }
        _ => Ok(()),
    }
}

/// That every value fits its column. A server that is not strict would cut it without a word.
pub(in crate::store) fn expect_room(
    resource: &'static Resource,
    table: &Table,
    draft: &Draft,
) -> Result<(), Stop> {
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
pub(in crate::store) fn expect_stored(
    after: &Stored,
    table: &Table,
    values: &[(&str, &Value)],
) -> Result<(), Stop> {
    for (column, value) in values {
        if !after.holds(table, column, value) {
            return Err(Refusal::Unstorable(format!(
                "The database made `{}` of `{value}` in the column {column}: a trigger, or a character set or type that \
                 cannot hold it. Nothing was kept.",
                after.text(table, column)
            ))
            .into());
        }
    }
    Ok(())
}

/// What a failed INSERT or UPDATE means.
pub(in crate::store) fn refused_write(
    error: sqlx::Error,
    resource: &'static Resource,
    subject: &str,
) -> Stop {
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
