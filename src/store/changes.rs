//! The record of every change: who, when, from where, and the row before and after.

use std::fmt;

use serde::Deserialize;
use serde_json::Value as Json;
use sqlx::{MySql, MySqlConnection, QueryBuilder, Row as _};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::connect::classify;
use super::sql::{fragment, push_domains};
use super::{Store, Stored};
use crate::access::{Actor, Scope};
use crate::error::Result;
use crate::mail::{DomainName, domain_of};
use crate::resource::{OwnerRights, Resource};

/// Changes a page has.
const PER_PAGE: usize = 50;
/// Rows of one change that a list shows; the rest are counted.
const ROWS_SHOWN: u32 = 20;
/// Columns that are recorded, so that undo is exact, but never shown.
const SECRET: &[&str] = &["crypt", "clear", "password"];

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
        500 + image(&self.before) + image(&self.after)
    }
}

/// Bytes of one INSERT, about: far below every server's `max_allowed_packet`, unless one row alone is larger.
const STATEMENT: usize = 256 * 1024;

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

/// Which changes to list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ChangeQuery {
    /// A fragment of an address or domain.
    pub q: String,
    /// A person's account.
    pub who: String,
    /// A table.
    pub table: String,
    /// A domain: rows that belong to it, or did before the change.
    pub domain: String,
    /// Changes before this number.
    pub before: String,
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
    /// Rows it changed that the actor may see.
    pub count: u64,
    /// The first of them.
    pub rows: Vec<ChangedRow>,
}

/// One row's part of a change.
#[derive(Debug)]
pub struct ChangedRow {
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
    /// Changes the actor may see, newest first, and where the next page begins.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn changes(
        &self,
        actor: &Actor,
        query: &ChangeQuery,
        per_page: Option<usize>,
    ) -> Result<(Vec<Change>, Option<u64>)> {
        let per_page = per_page.unwrap_or(PER_PAGE);
        let mut sql = QueryBuilder::new("SELECT change_id, COUNT(*) FROM pw_changes WHERE TRUE");
        push_visible(&mut sql, actor);
        for (column, value) in [("who", &query.who), ("table_name", &query.table)] {
            if column == "table_name" && !value.is_ascii() {
                // The column is ASCII: MariaDB refuses the comparison.
                sql.push(" AND FALSE");
            } else if !value.trim().is_empty() {
                sql.push(format!(" AND {column} = "));
                sql.push_bind(value.trim().to_owned());
            }
        }
        if !query.q.trim().is_empty() {
            let mut between = " AND (";
            for column in ["subject", "old_subject"] {
                sql.push(format!("{between}{column} COLLATE utf8mb4_general_ci LIKE "));
                sql.push_bind(fragment(query.q.trim()));
                sql.push(" ESCAPE '!'");
                between = " OR ";
            }
            sql.push(")");
        }
        let domain = domain_of(&query.domain);
        if !domain.is_empty() {
            let ascii = DomainName::parse(&domain).map_or(domain, |d| d.as_str().to_owned());
            sql.push(" AND (");
            push_domains(&mut sql, "SUBSTRING_INDEX(subject, '@', -1)", &[&ascii]);
            sql.push(" OR ");
            push_domains(&mut sql, "SUBSTRING_INDEX(old_subject, '@', -1)", &[&ascii]);
            sql.push(")");
        }
        if let Ok(before) = query.before.parse::<u64>() {
            sql.push(" AND change_id < ");
            sql.push_bind(before);
        }
        sql.push(format!(
            " GROUP BY change_id ORDER BY change_id DESC LIMIT {}",
            per_page.saturating_add(1)
        ));
        let found: Vec<(u64, i64)> = sql
            .build_query_as()
            .fetch_all(&self.pool)
            .await
            .map_err(classify)?;
        let listed = &found[..found.len().min(per_page)];
        let next = listed
            .last()
            .filter(|_| found.len() > per_page)
            .map(|(id, _)| *id);
        let changes = self.changes_by_id(actor, listed).await.map_err(classify)?;
        Ok((changes, next))
    }

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

    /// Reads the first rows of the listed changes.
    async fn changes_by_id(&self, actor: &Actor, listed: &[(u64, i64)]) -> Result<Vec<Change>, sqlx::Error> {
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = QueryBuilder::new(
            "SELECT change_id, at, who, origin, action, table_name, row_key, subject, row_before, row_after \
             FROM pw_changes WHERE change_id IN (",
        );
        let mut ids = sql.separated(", ");
        for (id, _) in listed {
            // Not bound: a statement takes 65,535 bound values at most, and these are numbers.
            ids.push(id);
        }
        sql.push(")");
        push_visible(&mut sql, actor);
        sql.push(format!(" AND seq < {ROWS_SHOWN} ORDER BY change_id DESC, seq"));
        let mut changes: Vec<Change> = Vec::with_capacity(listed.len());
        for row in sql.build().fetch_all(&self.pool).await? {
            let id: u64 = row.try_get(0)?;
            if changes.last().is_none_or(|c| c.id != id) {
                let count = listed
                    .iter()
                    .find(|(listed_id, _)| *listed_id == id)
                    .map_or(0, |(_, n)| n.unsigned_abs());
                changes.push(Change {
                    id,
                    at: row.try_get(1)?,
                    who: row.try_get(2)?,
                    origin: actor.shown_origin(row.try_get_unchecked(2)?, row.try_get_unchecked(3)?),
                    count,
                    rows: Vec::new(),
                });
            }
            let before: Option<String> = row.try_get(8)?;
            let after: Option<String> = row.try_get(9)?;
            let changed = ChangedRow {
                action: Action::from_word(&row.try_get_unchecked::<String, _>(4)?),
                table: row.try_get_unchecked(5)?,
                key: row.try_get(6)?,
                subject: row.try_get(7)?,
                columns: columns(before.as_deref(), after.as_deref()),
            };
            if let Some(change) = changes.last_mut() {
                change.rows.push(changed);
            }
        }
        Ok(changes)
    }
}

/// Restricts to rows of the actor's domains, before the change and after it.
fn push_visible(sql: &mut QueryBuilder<MySql>, actor: &Actor) {
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
    let parse = |image: Option<&str>| -> serde_json::Map<String, Json> {
        image
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    };
    let (before, after) = (parse(before), parse(after));
    let mut names: Vec<&String> = before.keys().collect();
    names.extend(after.keys().filter(|name| !before.contains_key(*name)));
    names
        .into_iter()
        .map(|name| ChangedColumn {
            name: name.clone(),
            before: before.get(name).and_then(|v| shown(name, v)),
            after: after.get(name).and_then(|v| shown(name, v)),
            differs: before.get(name).filter(|v| !v.is_null()) != after.get(name).filter(|v| !v.is_null()),
        })
        .collect()
}

/// A recorded value as people may read it.
fn shown(column: &str, value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        _ if SECRET.contains(&column) => Some("(not shown)".to_owned()),
        Json::String(text) => Some(text.clone()),
        Json::Object(object) => {
            // Bytes that are not UTF-8 come from latin1 columns nearly always.
            let bytes = object
                .get("hex")
                .and_then(Json::as_str)
                .and_then(|text| hex::decode(text).ok());
            bytes.map(|bytes| bytes.into_iter().map(char::from).collect())
        }
        other => Some(other.to_string()),
    }
}
