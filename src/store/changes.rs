//! The record of every change: who, when, from where, and the row before and after.

mod export;
mod list;
mod sweep;

use std::fmt;

use sqlx::{MySql, MySqlConnection, QueryBuilder};
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::connect::classify;
use super::row::Image;
use super::sql::{fragment, push_domains};
use super::{Note, Store, Stored};
use crate::access::{Actor, Scope};
use crate::error::Result;
use crate::resource::{OwnerRights, Resource};
pub use list::{ChangeLine, ChangeQuery};
pub(super) use list::{ROWS_OF_CHANGES, read_row_of_change};

/// Columns that are recorded, so that undo is exact, but never shown.
pub(super) const SECRET: &[&str] = &["crypt", "clear", "password"];

/// A moment as programs read it (ISO 8601), UTC, to the millisecond.
pub fn written_moment(at: PrimitiveDateTime) -> String {
    at.format(format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    ))
    .unwrap_or_default()
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was inserted.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "create" => Self::Create,
            "delete" => Self::Delete,
            _ => Self::Update,
        }
    }

    /// What the person did, in the past tense.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Create => "added",
            Self::Update => "changed",
            Self::Delete => "deleted",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One row's part of a change, on its way into the record.
pub(super) struct Record<'a> {
    pub seq: u32,
    pub action: Action,
    pub table: &'static str,
    pub key: &'a str,
    pub subject: &'a str,
    pub old_subject: Option<&'a str>,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Record<'_> {
    /// About how many bytes it makes of a statement.
    fn size(&self) -> usize {
        let image = |image: &Option<String>| image.as_ref().map_or(0, String::len);
        let subjects = self.subject.len() + self.old_subject.map_or(0, str::len);
        150 + self.key.len() + subjects + image(&self.before) + image(&self.after)
    }
}

/// Bytes of one INSERT, about: far below every server's `max_allowed_packet`, unless one row alone is larger.
pub(super) const STATEMENT: usize = 256 * 1024;

/// Writes rows of a change into the record, in the transaction of the change itself.
pub(super) async fn record(
    connection: &mut MySqlConnection,
    change: u64,
    at: OffsetDateTime,
    actor: &Actor,
    records: &[Record<'_>],
) -> Result<(), sqlx::Error> {
    let at = at.to_offset(time::UtcOffset::UTC);
    let at = PrimitiveDateTime::new(at.date(), at.time());
    let who: String = actor.name.chars().take(64).collect();
    let cut = |text: &str| text.chars().take(255).collect::<String>();
    let mut rest = records;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take_while(|entry| {
                bytes += entry.size();
                bytes <= STATEMENT
            })
            .count();
        let (now, later) = rest.split_at(fitting.max(1));
        rest = later;
        let mut sql = QueryBuilder::new(
            "INSERT INTO pw_changes (change_id, seq, at, who, origin, action, table_name, row_key, subject, old_subject, \
             row_before, row_after) ",
        );
        sql.push_values(now, |mut row, entry| {
            row.push_bind(change)
                .push_bind(entry.seq)
                .push_bind(at)
                .push_bind(who.clone())
                .push_bind(actor.origin.to_string())
                .push_bind(entry.action.as_str())
                .push_bind(entry.table)
                .push_bind(cut(entry.key))
                .push_bind(cut(entry.subject))
                .push_bind(entry.old_subject.map(cut))
                .push_bind(entry.before.clone())
                .push_bind(entry.after.clone());
        });
        sql.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Writes what a change was, where there is something to say.
pub(super) async fn write_note(
    connection: &mut MySqlConnection,
    change: u64,
    note: &Note,
) -> Result<(), sqlx::Error> {
    if note.what.is_empty() && note.undoes.is_none() {
        return Ok(());
    }
    let (undoes, row) = note.undoes.unzip();
    sqlx::query("INSERT INTO pw_change_notes (change_id, what, undoes, undoes_row) VALUES (?, ?, ?, ?)")
        .bind(change)
        .bind(note.what.chars().take(200).collect::<String>())
        .bind(undoes)
        .bind(row.flatten())
        .execute(connection)
        .await
        .map(drop)
}

/// One unit of work.
#[derive(Debug)]
pub struct Change {
    /// Its number.
    pub id: u64,
    /// When it was committed, UTC.
    pub at: PrimitiveDateTime,
    /// Account that made it.
    pub who: String,
    /// Address of the browser, or `command line`.
    pub origin: String,
    /// What it was, where its rows alone do not say it; empty where there is nothing to say, and to owners who see only
    /// part of it.
    pub what: String,
    /// The change it undid, and the one row of it; `None` is all of it.
    pub undoes: Option<(u64, Option<u32>)>,
    /// The changes that undid it, or rows of it.
    pub undone_by: Vec<Undoing>,
    /// Rows it changed that the actor may see.
    pub count: u64,
    /// Whether these are all.
    pub is_whole: bool,
    /// The first of them.
    pub rows: Vec<ChangedRow>,
}

impl Change {
    /// Whether all of it is undone, and still is.
    pub fn is_undone(&self) -> bool {
        self.undone_by
            .iter()
            .any(|undoing| undoing.stands && undoing.row.is_none())
    }

    /// Whether the row at this place is undone, and still is.
    pub fn is_row_undone(&self, seq: u32) -> bool {
        self.undone_by
            .iter()
            .any(|undoing| undoing.stands && undoing.row.is_none_or(|row| row == seq))
    }
}

/// A change that undid another one.
#[derive(Debug, Clone, Copy)]
pub struct Undoing {
    /// Its number.
    pub id: u64,
    /// The one row that it undid; `None` is all of them.
    pub row: Option<u32>,
    /// Whether nothing of it has been undone in turn.
    pub stands: bool,
}

/// One row's part of a change.
#[derive(Debug)]
pub struct ChangedRow {
    /// Its place in the change, from 0.
    pub seq: u32,
    /// What happened to it.
    pub action: Action,
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: String,
    /// The domain or address it is about.
    pub subject: String,
    /// Columns with their value before and after; `None` where the row did not exist or the column was NULL.
    pub columns: Vec<ChangedColumn>,
}

impl ChangedRow {
    /// Whether there was such a row before.
    pub fn before_exists(&self) -> bool {
        self.action != Action::Create
    }

    /// Whether there was such a row after it.
    pub fn after_exists(&self) -> bool {
        self.action != Action::Delete
    }
}

/// One column before and after.
#[derive(Debug)]
pub struct ChangedColumn {
    /// Its name.
    pub name: String,
    /// The value before.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
    /// Whether the change touched it; of a password that is all there is to see.
    pub differs: bool,
}

impl Store {
    /// Whether a relay recipient was added in the same change as an override of its address.
    pub(super) async fn came_with_override(&self, key: &str, address: &str) -> Result<bool> {
        let found = sqlx::query(
            "SELECT 1 FROM pw_changes r JOIN pw_changes o ON o.change_id = r.change_id WHERE r.table_name = 'relays' AND \
             r.row_key = ? AND r.action = 'create' AND o.table_name IN ('domains', 'backups') AND o.subject = ? LIMIT 1",
        )
        .bind(key)
        .bind(address)
        .fetch_optional(&self.pool)
        .await
        .map_err(classify)?;
        Ok(found.is_some())
    }

    /// Who made a row what it is now, and when; `None` where that was another program.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn author(
        &self,
        actor: &Actor,
        resource: &Resource,
        now: &Stored,
    ) -> Result<Option<(String, PrimitiveDateTime)>> {
        let mut sql = QueryBuilder::new("SELECT who, at, row_after FROM pw_changes WHERE table_name = ");
        sql.push_bind(resource.table);
        sql.push(" AND row_key = ");
        sql.push_bind(now.row.key.clone());
        push_visible(&mut sql, actor);
        sql.push(" ORDER BY change_id DESC LIMIT 1");
        let last: Option<(String, PrimitiveDateTime, Option<String>)> = sql
            .build_query_as()
            .fetch_optional(&self.pool)
            .await
            .map_err(classify)?;
        // What the last recorded change left is what is there, or somebody else has been at it since.
        let last = last.filter(|(_, _, after)| after.as_deref() == Some(&now.image.to_json()));
        Ok(last.map(|(who, at, _)| (who, at)))
    }
}

/// Restricts to rows of the actor's domains, before the change and after it.
pub(super) fn push_visible(sql: &mut QueryBuilder<MySql>, actor: &Actor) {
    if let Scope::Domains(domains) = &actor.scope {
        let names: Vec<&str> = domains.iter().map(|grant| grant.domain.as_str()).collect();
        sql.push(" AND ");
        push_domains(sql, "SUBSTRING_INDEX(subject, '@', -1)", &names);
        sql.push(" AND (old_subject IS NULL OR ");
        push_domains(sql, "SUBSTRING_INDEX(old_subject, '@', -1)", &names);
        sql.push(")");
        for resource in Resource::tables() {
            if let OwnerRights::WriteWhere(column, value) = resource.owners {
                push_theirs(sql, resource.table, column, value);
            }
        }
    }
}

/// Leaves out rows of a table that owners do not reach for what is in another column, now or before.
fn push_theirs(sql: &mut QueryBuilder<MySql>, table: &'static str, column: &str, value: &str) {
    // As `Image::to_json` writes it; a quote within a value has a backslash in front.
    let member = fragment(&format!("\"{column}\":\"{value}\""));
    sql.push(" AND (table_name <> ");
    sql.push_bind(table);
    for (i, image) in ["row_before", "row_after"].into_iter().enumerate() {
        sql.push(if i == 0 { " OR (" } else { " AND (" });
        sql.push(format!("{image} IS NULL OR {image} LIKE "));
        sql.push_bind(member.clone());
        sql.push(" ESCAPE '!')");
    }
    sql.push(")");
}

/// The columns of two images side by side, in the order of the table.
fn columns(before: Option<&str>, after: Option<&str>) -> Vec<ChangedColumn> {
    let parse = |image: Option<&str>| image.and_then(Image::from_json);
    let (before, after) = (parse(before), parse(after));
    let mut names: Vec<&str> = before
        .iter()
        .flat_map(Image::each)
        .map(|(name, _)| name)
        .collect();
    let new = after.iter().flat_map(Image::each).map(|(name, _)| name);
    names.extend(new.filter(|name| before.as_ref().is_none_or(|image| !image.has(name))));
    let of = |image: &'_ Option<Image>, name: &str| {
        image
            .as_ref()
            .and_then(|image| image.bytes(name).map(<[u8]>::to_vec))
    };
    names
        .into_iter()
        .map(|name| {
            let (before, after) = (of(&before, name), of(&after, name));
            ChangedColumn {
                name: name.to_owned(),
                before: before.as_deref().map(|bytes| shown(name, bytes)),
                after: after.as_deref().map(|bytes| shown(name, bytes)),
                differs: before != after,
            }
        })
        .collect()
}

/// A recorded value as people may read it.
pub(super) fn shown(column: &str, bytes: &[u8]) -> String {
    if SECRET.contains(&column) {
        return "(not shown)".to_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // Bytes that are not UTF-8 come from latin1 columns nearly always.
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
