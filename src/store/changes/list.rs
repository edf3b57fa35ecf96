//! The record, read: pages of changes, one change, and the rows of many for a file.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use sqlx::mysql::MySqlRow;
use sqlx::{MySql, QueryBuilder, Row as _};
use time::PrimitiveDateTime;

use super::{Action, Change, ChangedRow, Undoing, columns, push_visible};
use crate::access::{Actor, Scope};
use crate::error::{Error, Result};
use crate::mail::{DomainName, domain_of};
use crate::store::connect::classify;
use crate::store::sql::{fragment, push_domains};
use crate::store::{Store, end_of, parse_day};

/// Changes, or rows of one change, that a page has.
const PER_PAGE: usize = 50;
/// Rows of one change that a list shows; the rest are counted.
const ROWS_SHOWN: u32 = 20;

/// What [`read_row_of_change`] reads.
pub(in crate::store) const ROWS_OF_CHANGES: &str = "SELECT change_id, seq, at, who, origin, action, table_name, \
    row_key, subject, old_subject, row_before, row_after FROM pw_changes";

/// One row of the record.
pub(in crate::store) struct RowOfChange {
    pub change: u64,
    pub seq: u32,
    pub at: PrimitiveDateTime,
    pub who: String,
    pub origin: String,
    pub action: Action,
    pub table: String,
    pub key: String,
    pub subject: String,
    pub old_subject: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A row of [`ROWS_OF_CHANGES`].
pub(in crate::store) fn read_row_of_change(row: &MySqlRow) -> Result<RowOfChange, sqlx::Error> {
    Ok(RowOfChange {
        change: row.try_get(0)?,
        seq: row.try_get(1)?,
        at: row.try_get(2)?,
        who: row.try_get_unchecked(3)?,
        origin: row.try_get_unchecked(4)?,
        action: Action::from_word(&row.try_get_unchecked::<String, _>(5)?),
        table: row.try_get_unchecked(6)?,
        key: row.try_get(7)?,
        subject: row.try_get(8)?,
        old_subject: row.try_get(9)?,
        before: row.try_get(10)?,
        after: row.try_get(11)?,
    })
}

impl From<RowOfChange> for ChangedRow {
    fn from(row: RowOfChange) -> Self {
        Self {
            columns: columns(row.before.as_deref(), row.after.as_deref()),
            seq: row.seq,
            action: row.action,
            table: row.table,
            key: row.key,
            subject: row.subject,
        }
    }
}

/// Which changes to list: those with a row that meets all of this.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ChangeQuery {
    /// A fragment of an address or domain.
    pub q: String,
    /// A person's account.
    pub who: String,
    /// A table.
    pub table: String,
    /// The key of a row.
    pub key: String,
    /// A domain: rows that belong to it, or did before the change.
    pub domain: String,
    /// The first day, UTC, as 2026-12-31.
    pub since: String,
    /// The last day.
    pub until: String,
    /// Changes before this number.
    pub before: String,
}

impl ChangeQuery {
    /// Names and values of what narrows the list, which is all but where the page begins.
    pub fn filters(&self) -> [(&'static str, &str); 7] {
        [
            ("q", &self.q),
            ("who", &self.who),
            ("table", &self.table),
            ("key", &self.key),
            ("domain", &self.domain),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    /// Whether anything narrows the list.
    pub fn is_filtered(&self) -> bool {
        self.filters().iter().any(|(_, value)| !value.trim().is_empty())
    }
}

/// One row of a change, for a file.
#[derive(Debug)]
pub struct ChangeLine {
    /// The number of the change.
    pub change: u64,
    /// When it was committed, UTC.
    pub at: PrimitiveDateTime,
    /// Account that made it.
    pub who: String,
    /// Address of the browser, or `command line`.
    pub origin: String,
    /// What the change was, where its rows alone do not say it.
    pub what: String,
    /// The row.
    pub row: ChangedRow,
}

/// What a change was, and what it has to do with others.
#[derive(Default)]
struct Noted {
    what: String,
    undoes: Option<(u64, Option<u32>)>,
    undone_by: Vec<Undoing>,
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
        push_query(&mut sql, query);
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
        let ids: Vec<u64> = listed.iter().map(|(id, _)| *id).collect();
        let changes = self.changes_by_id(actor, &ids).await.map_err(classify)?;
        Ok((changes, next))
    }

    /// One change with a page of its rows from this place on, and where the next page begins.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such change, or nothing of it is the actor's.
    pub async fn change(&self, actor: &Actor, change: u64, from: u32) -> Result<(Change, Option<u32>)> {
        let found = self.changes_by_id(actor, &[change]).await.map_err(classify)?;
        let mut change = found.into_iter().next().ok_or(Error::NotFound)?;
        let mut sql = QueryBuilder::new(format!("{ROWS_OF_CHANGES} WHERE change_id = "));
        sql.push_bind(change.id);
        sql.push(" AND seq >= ");
        sql.push_bind(from);
        push_visible(&mut sql, actor);
        sql.push(format!(" ORDER BY seq LIMIT {}", PER_PAGE + 1));
        let rows = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
        let mut rows = rows
            .iter()
            .map(|row| read_row_of_change(row).map(ChangedRow::from))
            .collect::<Result<Vec<_>, _>>()
            .map_err(classify)?;
        let next = rows.get(PER_PAGE).map(|row| row.seq);
        rows.truncate(PER_PAGE);
        change.rows = rows;
        Ok((change, next))
    }

    /// Rows of the record that the actor may see and that meet a query, newest change first, for a file; `after` is the
    /// change and place of the last one that is known already.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn change_lines(
        &self,
        actor: &Actor,
        query: &ChangeQuery,
        after: Option<(u64, u32)>,
        most: usize,
    ) -> Result<Vec<ChangeLine>> {
        let mut sql = QueryBuilder::new(format!("{ROWS_OF_CHANGES} WHERE TRUE"));
        push_visible(&mut sql, actor);
        push_query(&mut sql, query);
        if let Some((change, seq)) = after {
            sql.push(" AND change_id <= ");
            sql.push_bind(change);
            sql.push(" AND (change_id < ");
            sql.push_bind(change);
            sql.push(" OR seq > ");
            sql.push_bind(seq);
            sql.push(")");
        }
        sql.push(format!(" ORDER BY change_id DESC, seq LIMIT {most}"));
        let rows = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
        let rows: Vec<RowOfChange> = rows
            .iter()
            .map(read_row_of_change)
            .collect::<Result<_, _>>()
            .map_err(classify)?;
        let mut ids: Vec<u64> = rows.iter().map(|row| row.change).collect();
        ids.dedup();
        let (mut noted, totals) = self.notes_of(actor, &ids).await.map_err(classify)?;
        noted.retain(|id, noted| {
            totals.get(id).is_none_or(|(all, theirs)| all == theirs) || noted.undoes.is_some()
        });
        Ok(rows
            .into_iter()
            .map(|row| ChangeLine {
                change: row.change,
                at: row.at,
                origin: actor.shown_origin(&row.who, row.origin.clone()),
                who: row.who.clone(),
                what: noted
                    .get(&row.change)
                    .map_or_else(String::new, |noted| noted.what.clone()),
                row: row.into(),
            })
            .collect())
    }

    /// Reads changes with their first rows, in the order of the numbers.
    async fn changes_by_id(&self, actor: &Actor, ids: &[u64]) -> Result<Vec<Change>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (mut noted, totals) = self.notes_of(actor, ids).await?;
        // An owner's first row of a change may be any of it.
        let ranked = "ROW_NUMBER() OVER (PARTITION BY change_id ORDER BY seq)";
        let mut sql = if actor.scope == Scope::Everything {
            QueryBuilder::new(format!(
                "{ROWS_OF_CHANGES} WHERE seq < {ROWS_SHOWN} AND change_id IN ("
            ))
        } else {
            let ranked = ROWS_OF_CHANGES.replace(" FROM", &format!(", {ranked} AS place FROM"));
            QueryBuilder::new(format!("SELECT * FROM ({ranked} WHERE change_id IN ("))
        };
        push_ids(&mut sql, ids);
        push_visible(&mut sql, actor);
        if actor.scope != Scope::Everything {
            sql.push(format!(") AS ranked WHERE place <= {ROWS_SHOWN}"));
        }
        sql.push(" ORDER BY change_id DESC, seq");
        let mut changes: Vec<Change> = Vec::with_capacity(ids.len());
        for row in sql.build().fetch_all(&self.pool).await? {
            let row = read_row_of_change(&row)?;
            if changes.last().is_none_or(|change| change.id != row.change) {
                let noted = noted.remove(&row.change).unwrap_or_default();
                let (all, theirs) = totals.get(&row.change).copied().unwrap_or_default();
                let is_whole = all == theirs;
                changes.push(Change {
                    id: row.change,
                    at: row.at,
                    origin: actor.shown_origin(&row.who, row.origin.clone()),
                    who: row.who.clone(),
                    what: if is_whole || noted.undoes.is_some() {
                        noted.what
                    } else {
                        String::new()
                    },
                    undoes: noted.undoes,
                    undone_by: noted.undone_by,
                    count: theirs,
                    is_whole,
                    rows: Vec::new(),
                });
            }
            if let Some(change) = changes.last_mut() {
                change.rows.push(row.into());
            }
        }
        Ok(changes)
    }

    /// Of each of these changes what it was, and how many rows it has and how many of these are the actor's to see.
    async fn notes_of(
        &self,
        actor: &Actor,
        ids: &[u64],
    ) -> Result<(HashMap<u64, Noted>, HashMap<u64, (u64, u64)>), sqlx::Error> {
        let mut noted: HashMap<u64, Noted> = HashMap::new();
        let mut totals = HashMap::new();
        if ids.is_empty() {
            return Ok((noted, totals));
        }
        let mut sql = QueryBuilder::new(
            "SELECT change_id, what, undoes, undoes_row FROM pw_change_notes WHERE change_id IN (",
        );
        push_ids(&mut sql, ids);
        sql.push(" OR undoes IN (");
        push_ids(&mut sql, ids);
        sql.push(" ORDER BY change_id");
        let notes: Vec<(u64, String, Option<u64>, Option<u32>)> =
            sql.build_query_as().fetch_all(&self.pool).await?;
        let undoing: Vec<u64> = notes
            .iter()
            .filter(|note| note.2.is_some())
            .map(|note| note.0)
            .collect();
        let undone = self.undone_of(&undoing).await?;
        for (id, what, undoes, row) in notes {
            if let Some(origin) = undoes {
                let stands = !undone.contains(&id);
                let undoing = Undoing { id, row, stands };
                noted.entry(origin).or_default().undone_by.push(undoing);
            }
            let own = noted.entry(id).or_default();
            own.what = what;
            own.undoes = undoes.map(|undone| (undone, row));
        }
        for everything in [true, false] {
            let mut sql =
                QueryBuilder::new("SELECT change_id, COUNT(*) FROM pw_changes WHERE change_id IN (");
            push_ids(&mut sql, ids);
            if !everything {
                push_visible(&mut sql, actor);
            }
            sql.push(" GROUP BY change_id");
            let counts: Vec<(u64, i64)> = sql.build_query_as().fetch_all(&self.pool).await?;
            for (id, count) in counts {
                let total: &mut (u64, u64) = totals.entry(id).or_default();
                if everything {
                    total.0 = count.unsigned_abs();
                }
                if !everything || actor.scope == Scope::Everything {
                    total.1 = count.unsigned_abs();
                }
            }
            if actor.scope == Scope::Everything {
                break;
            }
        }
        Ok((noted, totals))
    }

    /// Which of these changes something has undone, or a row of them.
    async fn undone_of(&self, ids: &[u64]) -> Result<HashSet<u64>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let mut sql = QueryBuilder::new("SELECT undoes FROM pw_change_notes WHERE undoes IN (");
        push_ids(&mut sql, ids);
        let found: Vec<u64> = sql.build_query_scalar().fetch_all(&self.pool).await?;
        Ok(found.into_iter().collect())
    }
}

/// The end of a list of numbers. They are not bound: a statement takes 65,535 bound values at most.
fn push_ids(sql: &mut QueryBuilder<MySql>, ids: &[u64]) {
    let mut list = sql.separated(", ");
    for id in ids {
        list.push(id);
    }
    sql.push(")");
}

/// Restricts to rows of changes that meet a query.
fn push_query(sql: &mut QueryBuilder<MySql>, query: &ChangeQuery) {
    for (column, value) in [
        ("who", &query.who),
        ("table_name", &query.table),
        ("row_key", &query.key),
    ] {
        if column == "table_name" && !value.is_ascii() {
            // The column is ASCII: MariaDB refuses the comparison.
            sql.push(" AND FALSE");
        } else if !value.trim().is_empty() {
            sql.push(format!(" AND {column} = "));
            sql.push_bind(value.trim().to_owned());
        }
    }
    for (comparison, day) in [(" AND at >= ", &query.since), (" AND at < ", &query.until)] {
        match parse_day(day.trim()) {
            Ok(day) => {
                sql.push(comparison);
                let until = comparison.ends_with("< ");
                sql.push_bind(if until { end_of(day) } else { day.midnight() });
            }
            Err(_) if day.trim().is_empty() => {}
            Err(_) => {
                sql.push(" AND FALSE");
            }
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
        push_domains(sql, "SUBSTRING_INDEX(subject, '@', -1)", &[&ascii]);
        sql.push(" OR ");
        push_domains(sql, "SUBSTRING_INDEX(old_subject, '@', -1)", &[&ascii]);
        sql.push(")");
    }
}
