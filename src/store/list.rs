//! Lists: search, filters, sorting, and pages that cost the same at any depth.

use std::collections::HashSet;

use serde::Deserialize;
use sqlx::{MySql, QueryBuilder, Row as _};

use super::Row;
use super::connect::{classify, number};
use super::row::{Image, Stored, read_row, row_columns};
use super::schema::{Table, require};
use super::sql::{
    domain_expression, fragment, ident, push_domains, push_list, push_part, push_scope, searchable,
};
use super::{Schema, Store, attention};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::resource::{Kind, Resource};

/// Rows of a page where the address says nothing.
const PER_PAGE: u16 = 50;
/// Most rows of a page.
const MOST_PER_PAGE: u16 = 500;
/// Subjects looked up with one statement.
const SUBJECTS_AT_ONCE: usize = 500;
/// Up to here the total is counted; beyond, counting would cost more than the page.
const COUNTED: u64 = 10_000;

/// The state of a list, as its address has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// A fragment of any text column.
    pub q: String,
    /// Rows of this domain only.
    pub domain: String,
    /// `1` or `0`: rows that are on or off only.
    pub enabled: String,
    /// What is the matter with the rows, by the name of a [`super::Finding`]: only those.
    pub needs: String,
    /// A sortable column, `-` in front for descending.
    pub sort: String,
    /// Where the page begins: the [`Page::next`] of the page before.
    pub after: String,
    /// Rows a page has.
    pub per: String,
    /// Whether what the fragment names comes first: the address itself, then what begins with it. Such a list has one page.
    #[serde(skip)]
    pub nearest: bool,
}

/// The order of a list.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// The column.
    pub column: &'static str,
    /// From the end.
    pub descending: bool,
}

impl ListQuery {
    /// The order asked for, or the resource's own: by subject.
    pub fn order(&self, resource: &Resource) -> Sort {
        let (name, descending) = self
            .sort
            .strip_prefix('-')
            .map_or((self.sort.as_str(), false), |n| (n, true));
        resource.column(name).filter(|c| c.sortable).map_or(
            Sort {
                column: resource.subject,
                descending: false,
            },
            |c| Sort {
                column: c.name,
                descending,
            },
        )
    }

    /// Rows a page has, within bounds.
    pub fn per_page(&self) -> u16 {
        self.per.parse().unwrap_or(PER_PAGE).clamp(1, MOST_PER_PAGE)
    }

    /// Whether anything narrows the list.
    pub fn is_filtered(&self) -> bool {
        !self.q.trim().is_empty()
            || !self.domain.trim().is_empty()
            || matches!(self.enabled.as_str(), "0" | "1")
            || !self.needs.is_empty()
    }
}

/// How many rows a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(u64),
    /// More than are counted.
    MoreThan(u64),
}

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// How many rows the whole list has.
    pub total: Total,
}

/// Where a page begins: the sort value and key of the last row before it, as hexadecimal JSON.
pub(super) fn write_cursor(value: Option<&str>, key: &str) -> String {
    hex::encode(serde_json::json!([value, key]).to_string())
}

pub(super) fn read_cursor(text: &str) -> Option<(Option<String>, String)> {
    serde_json::from_slice(&hex::decode(text).ok()?).ok()
}

impl Store {
    /// One page of a resource's rows that the actor may see.
    ///
    /// # Errors
    /// The table is missing, or the database does not answer.
    pub async fn list(&self, actor: &Actor, resource: &'static Resource, query: &ListQuery) -> Result<Page> {
        let mut page = self.list_in(&*self.schema().await?, actor, resource, query).await;
        if self.was_stale(&page) {
            page = self.list_in(&*self.schema().await?, actor, resource, query).await;
        }
        page.map_err(Failure::into_error)
    }

    /// Whether something failed because the table has changed since the schema was read; the next look is a fresh one.
    pub(super) fn was_stale<T>(&self, result: &Result<T, Failure>) -> bool {
        let stale = matches!(result, Err(Failure::Stale));
        if stale {
            self.schema.forget();
        }
        stale
    }

    async fn list_in(
        &self,
        schema: &Schema,
        actor: &Actor,
        resource: &'static Resource,
        query: &ListQuery,
    ) -> Result<Page, Failure> {
        let table = require(schema, resource.table)?;
        let (select, columns) = row_columns(resource, table);
        let sort = query.order(resource);
        let per_page = query.per_page();

        let mut sql = QueryBuilder::new(format!(
            "SELECT {select} FROM {} r WHERE TRUE",
            ident(resource.table)
        ));
        push_filters(&mut sql, schema, actor, resource, table, query);
        // Along the index a page of everything costs its own rows; a search would cost a look-up of every row of the table,
        // where reading the table once and sorting the hits is several times cheaper.
        let along_index = query.q.trim().is_empty() && table.column(sort.column).is_some_and(|c| c.unique);
        push_after(&mut sql, resource, table, sort, along_index, &query.after);
        if query.nearest {
            push_nearest(&mut sql, resource, query.q.trim());
        } else {
            sql.push(order_by(resource, sort, along_index));
        }
        sql.push(format!(" LIMIT {}", per_page + 1));
        let found = sql.build().fetch_all(&self.pool).await?;
        let mut rows = found
            .iter()
            .map(|row| read_row(&columns, row))
            .collect::<Result<Vec<_>, sqlx::Error>>()?;
        let more = rows.len() > usize::from(per_page);
        rows.truncate(usize::from(per_page));
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| write_cursor(last.value(sort.column), &last.key));

        // A first page that is not full has been counted already.
        let total = if !more && query.after.is_empty() {
            Total::Exactly(rows.len() as u64)
        } else {
            self.count(schema, actor, resource, table, query).await?
        };
        Ok(Page { rows, next, total })
    }

    async fn count(
        &self,
        schema: &Schema,
        actor: &Actor,
        resource: &Resource,
        table: &Table,
        query: &ListQuery,
    ) -> Result<Total, sqlx::Error> {
        // Looking whether there is a row beyond the limit is half as dear as counting up to it.
        let from = format!("FROM {} r WHERE TRUE", ident(resource.table));
        let mut beyond = QueryBuilder::new(format!("SELECT 1 {from}"));
        push_filters(&mut beyond, schema, actor, resource, table, query);
        beyond.push(format!(" LIMIT {COUNTED}, 1"));
        if beyond.build().fetch_optional(&self.pool).await?.is_some() {
            return Ok(Total::MoreThan(COUNTED));
        }
        let mut all = QueryBuilder::new(format!("SELECT COUNT(*) {from}"));
        push_filters(&mut all, schema, actor, resource, table, query);
        let count: i64 = all.build_query_scalar().fetch_one(&self.pool).await?;
        Ok(Total::Exactly(count.unsigned_abs()))
    }

    /// Rows, and how many of them are off, that the actor may see; `None` where the table is missing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn tally(&self, actor: &Actor, resource: &'static Resource) -> Result<Option<(u64, u64)>> {
        let mut tally = self.try_tally(actor, resource).await;
        if self.was_stale(&tally) {
            tally = self.try_tally(actor, resource).await;
        }
        tally.map_err(Failure::into_error)
    }

    async fn try_tally(
        &self,
        actor: &Actor,
        resource: &'static Resource,
    ) -> Result<Option<(u64, u64)>, Failure> {
        let Some(table) = self
            .table(resource)
            .await?
            .filter(|t| t.lacks(resource).is_none())
        else {
            return Ok(None);
        };
        let off = if table.has("enabled") {
            "COALESCE(SUM(NOT enabled <=> 1), 0)"
        } else {
            "0"
        };
        let mut sql = QueryBuilder::new(format!(
            "SELECT COUNT(*), CAST({off} AS SIGNED) FROM {} WHERE TRUE",
            ident(resource.table)
        ));
        push_scope(&mut sql, &actor.scope, &table, resource);
        push_part(&mut sql, &table, resource);
        let row = sql.build().fetch_one(&self.pool).await?;
        let number = |i: usize| row.try_get_unchecked::<i64, _>(i).map(i64::unsigned_abs);
        Ok(Some((number(0)?, number(1)?)))
    }

    /// The rows about these subjects (lower case) that the actor may see; none where the table is missing.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn about(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        subjects: &[String],
    ) -> Result<Vec<Stored>> {
        let mut found = self
            .about_in(&*self.schema().await?, actor, resource, subjects)
            .await;
        if self.was_stale(&found) {
            found = self
                .about_in(&*self.schema().await?, actor, resource, subjects)
                .await;
        }
        found.map_err(Failure::into_error)
    }

    async fn about_in(
        &self,
        schema: &Schema,
        actor: &Actor,
        resource: &'static Resource,
        subjects: &[String],
    ) -> Result<Vec<Stored>, Failure> {
        let live = schema.table(resource.table);
        let Some(table) = live.filter(|t| t.lacks(resource).is_none()) else {
            return Ok(Vec::new());
        };
        let mut connection = self.pool.acquire().await?;
        Ok(find_subjects(&mut connection, actor, resource, table, subjects).await?)
    }

    /// One row the actor may see.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none or it is not the actor's.
    pub async fn find(&self, actor: &Actor, resource: &'static Resource, key: &str) -> Result<Stored> {
        let mut found = self.find_in(&*self.schema().await?, actor, resource, key).await;
        if self.was_stale(&found) {
            found = self.find_in(&*self.schema().await?, actor, resource, key).await;
        }
        found.map_err(Failure::into_error)?.ok_or(Error::NotFound)
    }

    async fn find_in(
        &self,
        schema: &Schema,
        actor: &Actor,
        resource: &'static Resource,
        key: &str,
    ) -> Result<Option<Stored>, Failure> {
        let table = require(schema, resource.table)?;
        let mut connection = self.pool.acquire().await?;
        Ok(find_row(&mut connection, actor, resource, table, key, "").await?)
    }
}

/// Reading that failed: for good, or because the table has changed since the schema was read.
pub(super) enum Failure {
    Stale,
    Final(Error),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Stale => {
                Error::Unexpected("a table or column is missing that was there a moment ago".to_owned())
            }
            Self::Final(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        // No such table, unknown column.
        if matches!(number(&error), Some(1146 | 1054)) {
            Self::Stale
        } else {
            Self::Final(classify(error))
        }
    }
}

/// Reads one row with its image, within the actor's scope; `lock` is empty or ` FOR UPDATE`.
pub(super) async fn find_row(
    connection: &mut sqlx::MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    key: &str,
    lock: &str,
) -> Result<Option<Stored>, sqlx::Error> {
    let found = find_rows(connection, actor, resource, table, &[key], lock).await?;
    Ok(found.into_iter().next())
}

/// Reads rows with their images, within the actor's scope, in no particular order; those that are not there are left
/// out. `lock` is empty or ` FOR UPDATE`.
pub(super) async fn find_rows(
    connection: &mut sqlx::MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    keys: &[&str],
    lock: &str,
) -> Result<Vec<Stored>, sqlx::Error> {
    let keys: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|key| is_possible_key(table, resource, key))
        .collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let condition = |sql: &mut QueryBuilder<MySql>| push_keys(sql, table, resource, &keys);
    let mut rows = find_where(connection, actor, resource, table, condition, lock).await?;
    // The server compares leniently (`12abc` = 12, `é` = `e`): the key must be one asked for, to the letter.
    let keys: HashSet<&str> = keys.into_iter().collect();
    rows.retain(|stored| keys.contains(stored.row.key.as_str()));
    Ok(rows)
}

/// Reads the rows about these subjects, in the case and with the spaces at their end that they happen to have.
pub(super) async fn find_subjects(
    connection: &mut sqlx::MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    subjects: &[String],
) -> Result<Vec<Stored>, sqlx::Error> {
    let mut found = Vec::new();
    for subjects in subjects.chunks(SUBJECTS_AT_ONCE) {
        let condition = |sql: &mut QueryBuilder<MySql>| {
            sql.push(format!("{} IN (", comparable(resource.subject, subjects)));
            push_list(sql, subjects);
            sql.push(")");
        };
        let mut rows = find_where(&mut *connection, actor, resource, table, condition, "").await?;
        rows.retain(|stored| subjects.contains(&stored.row.subject(resource)));
        found.append(&mut rows);
    }
    Ok(found)
}

/// Reads the rows for which a condition holds, with their images, within the actor's scope.
pub(super) async fn find_where(
    connection: &mut sqlx::MySqlConnection,
    actor: &Actor,
    resource: &'static Resource,
    table: &Table,
    condition: impl FnOnce(&mut QueryBuilder<MySql>),
    lock: &str,
) -> Result<Vec<Stored>, sqlx::Error> {
    let (select, columns) = row_columns(resource, table);
    let (image_select, image_columns) = Image::columns(table);
    let mut sql = QueryBuilder::new(format!(
        "SELECT {select}, {image_select} FROM {} WHERE ",
        ident(resource.table)
    ));
    condition(&mut sql);
    push_scope(&mut sql, &actor.scope, table, resource);
    sql.push(lock);
    let found = sql.build().fetch_all(connection).await?;
    found
        .iter()
        .map(|found| {
            let row = read_row(&columns, found)?;
            let image = Image::read(&image_columns, found, columns.len() + 1)?;
            Ok(Stored { row, image })
        })
        .collect()
}

/// A column that can be compared with these values: a character that its character set lacks is an error to the server, not
/// merely unequal.
pub(super) fn comparable<T: AsRef<str>>(column: &str, values: &[T]) -> String {
    if values.iter().all(|value| value.as_ref().is_ascii()) {
        ident(column)
    } else {
        format!("CONVERT({} USING utf8mb4)", ident(column))
    }
}

/// Restricts to rows with these keys.
pub(super) fn push_keys(sql: &mut QueryBuilder<MySql>, table: &Table, resource: &Resource, keys: &[&str]) {
    sql.push(format!("{} IN (", comparable(resource.key, keys)));
    for (i, key) in keys.iter().enumerate() {
        if i > 0 {
            sql.push(", ");
        }
        push_key(sql, table, resource, key);
    }
    sql.push(")");
}

/// Whether a key can exist: a number for a numeric column.
fn is_possible_key(table: &Table, resource: &Resource, key: &str) -> bool {
    match table.column(resource.key) {
        Some(column) => !column.is_integer() || key.parse::<i64>().is_ok(),
        None => false,
    }
}

/// Binds a key as the type of its column, so that the comparison uses the primary key.
pub(super) fn push_key(sql: &mut QueryBuilder<MySql>, table: &Table, resource: &Resource, key: &str) {
    match key.parse::<i64>() {
        Ok(number)
            if table
                .column(resource.key)
                .is_some_and(super::schema::Column::is_integer) =>
        {
            sql.push_bind(number)
        }
        _ => sql.push_bind(key.to_owned()),
    };
}

/// Restricts rows of a table that the statement calls `r` to those of a list.
pub(super) fn push_filters(
    sql: &mut QueryBuilder<MySql>,
    schema: &Schema,
    actor: &Actor,
    resource: &Resource,
    table: &Table,
    query: &ListQuery,
) {
    push_scope(sql, &actor.scope, table, resource);
    push_part(sql, table, resource);
    let domain = crate::mail::domain_of(&query.domain);
    if !domain.is_empty() {
        // People type the Unicode form of a domain; rows hold the ASCII form.
        let ascii = crate::mail::DomainName::parse(&domain).map_or(domain, |d| d.as_str().to_owned());
        sql.push(" AND ");
        push_domains(
            sql,
            &domain_expression(table, resource.subject, resource.subject),
            &[&ascii],
        );
    }
    if table.has("enabled") {
        match query.enabled.as_str() {
            "1" => sql.push(" AND enabled = 1"),
            "0" => sql.push(" AND NOT enabled <=> 1"),
            _ => sql,
        };
    }
    if !query.needs.is_empty() {
        let condition = attention::condition(schema, resource, &query.needs);
        sql.push(format!(" AND ({})", condition.as_deref().unwrap_or("FALSE")));
    }
    let fragment_typed = query.q.trim();
    if !fragment_typed.is_empty() {
        let texts = resource
            .listed()
            .filter(|c| c.kind != Kind::Switch && table.has(c.name));
        let mut between = " AND (";
        for column in texts {
            sql.push(format!("{between}{} LIKE ", searchable(column.name)));
            sql.push_bind(fragment(fragment_typed));
            sql.push(" ESCAPE '!'");
            between = " OR ";
        }
        sql.push(")");
    }
}

/// The order of a page. The key settles the order of equal values; where the column is unique it has nothing to settle,
/// and MariaDB would sort the whole table instead of reading along the index.
pub(super) fn order_by(resource: &Resource, sort: Sort, along_index: bool) -> String {
    let direction = if sort.descending { "DESC" } else { "ASC" };
    let column = ident(sort.column);
    if along_index {
        format!(" ORDER BY {column} {direction}")
    } else {
        format!(
            " ORDER BY {column} {direction}, {} {direction}",
            ident(resource.key)
        )
    }
}

/// The order of a list that has what a fragment names first: the subject itself, its local part, what begins with it, the
/// domains that begin with it, and the rest by subject. The hits are sorted anyway, so it costs a few comparisons of each.
fn push_nearest(sql: &mut QueryBuilder<MySql>, resource: &Resource, typed: &str) {
    let subject = searchable(resource.subject);
    sql.push(format!(" ORDER BY CASE WHEN {subject} = "));
    sql.push_bind(typed.to_owned());
    sql.push(" THEN 0");
    let anywhere = fragment(typed);
    let literal = anywhere.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    let literal = literal.unwrap_or_default();
    let [local, begins, domain] = ["{}@%", "{}%", "%@{}%"].map(|place| place.replace("{}", literal));
    for (pattern, place) in [(local, 1), (begins, 2), (domain, 3)] {
        sql.push(format!(" WHEN {subject} LIKE "));
        sql.push_bind(pattern);
        sql.push(format!(" ESCAPE '!' THEN {place}"));
    }
    sql.push(format!(
        " ELSE 4 END, {}, {}",
        ident(resource.subject),
        ident(resource.key)
    ));
}

/// Restricts to rows after a cursor. The comparison is written out: MariaDB reads the whole index for `(c, k) > (?, ?)`.
fn push_after(
    sql: &mut QueryBuilder<MySql>,
    resource: &Resource,
    table: &Table,
    sort: Sort,
    along_index: bool,
    after: &str,
) {
    let Some((value, key)) = read_cursor(after) else {
        return;
    };
    let column = ident(sort.column);
    let pk = ident(resource.key);
    let beyond = if sort.descending { "<" } else { ">" };
    let nullable = table.column(sort.column).is_some_and(|c| c.nullable);
    match value {
        Some(value) if along_index => {
            sql.push(format!(" AND {column} {beyond} "));
            sql.push_bind(value);
        }
        // NULLs come first when ascending, last when descending.
        None => {
            let rest = if sort.descending {
                String::new()
            } else {
                format!("{column} IS NOT NULL OR ")
            };
            sql.push(format!(" AND ({rest}({column} IS NULL AND {pk} {beyond} "));
            push_key(sql, table, resource, &key);
            sql.push("))");
        }
        Some(value) => {
            sql.push(format!(" AND ({column} {beyond} "));
            sql.push_bind(value.clone());
            sql.push(format!(" OR ({column} = "));
            sql.push_bind(value);
            sql.push(format!(" AND {pk} {beyond} "));
            push_key(sql, table, resource, &key);
            sql.push(if nullable && sort.descending {
                format!(") OR {column} IS NULL)")
            } else {
                "))".to_owned()
            });
        }
    }
}
