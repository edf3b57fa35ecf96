//! What differs between a mail table and the rows that were loaded beside it, and making the one like the other.

use sqlx::{AssertSqlSafe, MySql, QueryBuilder, Row as _};

use super::load::{BESIDE, drop_beside};
use super::{refused, run};
use crate::resource::Resource;
use crate::store::changes::Action;
use crate::store::list::{push_key, push_keys};
use crate::store::row::{Image, Stored, read_row, row_columns};
use crate::store::schema::{Table, require};
use crate::store::sql::ident;
use crate::store::unit::{Stop, Unit};

/// Rows recorded together.
const ROWS_AT_ONCE: usize = 250;

/// How many rows differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows that come.
    pub added: u64,
    /// Rows that are changed.
    pub changed: u64,
    /// Rows that go.
    pub removed: u64,
}

/// A table, `a`, joined with what was loaded beside it, `b`.
struct Join {
    resource: &'static Resource,
    table: Table,
    /// Rows that are only there, only here, and those that are on both sides and differ.
    added: String,
    removed: String,
    changed: String,
}

impl Join {
    fn of(resource: &'static Resource, table: Table) -> Self {
        let live = ident(&table.name);
        let key = ident(resource.key);
        // The index finds the row, bytes decide: letters of another case are another key.
        let same_key = format!("a.{key} = b.{key} AND CAST(a.{key} AS BINARY) = CAST(b.{key} AS BINARY)");
        let same: Vec<String> = table
            .columns
            .iter()
            .filter(|column| column.expression.is_none())
            .map(|column| ident(&column.name))
            .map(|name| format!("CAST(a.{name} AS BINARY) <=> CAST(b.{name} AS BINARY)"))
            .collect();
        let same = same.join(" AND ");
        Self {
            added: format!("FROM {BESIDE} b LEFT JOIN {live} a ON {same_key} WHERE a.{key} IS NULL"),
            removed: format!("FROM {live} a LEFT JOIN {BESIDE} b ON {same_key} WHERE b.{key} IS NULL"),
            changed: format!("FROM {live} a JOIN {BESIDE} b ON {same_key} WHERE NOT ({same})"),
            resource,
            table,
        }
    }

    async fn difference(&self, unit: &mut Unit<'_>) -> Result<Difference, Stop> {
        let mut counts = [0; 3];
        for (count, from) in counts.iter_mut().zip([&self.added, &self.changed, &self.removed]) {
            let sql = format!("SELECT COUNT(*) {from}");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_one(&mut *unit.transaction)
                .await?;
            *count = rows.unsigned_abs();
        }
        let [added, changed, removed] = counts;
        Ok(Difference {
            added,
            changed,
            removed,
        })
    }

    /// Keys of the next rows of one kind, in their order.
    async fn keys(
        &self,
        unit: &mut Unit<'_>,
        from: &str,
        side: &str,
        after: Option<&str>,
    ) -> Result<Vec<String>, Stop> {
        let key = ident(self.resource.key);
        let mut sql = QueryBuilder::<MySql>::new(format!("SELECT CAST({side}.{key} AS CHAR) {from}"));
        if let Some(after) = after {
            sql.push(format!(" AND {side}.{key} > "));
            push_key(&mut sql, &self.table, self.resource, after);
        }
        sql.push(format!(" ORDER BY {side}.{key} LIMIT {ROWS_AT_ONCE}"));
        let rows = sql.build().fetch_all(&mut *unit.transaction).await?;
        let keys: Result<_, sqlx::Error> = rows.iter().map(|row| row.try_get_unchecked(0)).collect();
        Ok(keys?)
    }

    /// Rows as they were loaded.
    async fn loaded(&self, unit: &mut Unit<'_>, keys: &[String]) -> Result<Vec<Stored>, Stop> {
        let (select, columns) = row_columns(self.resource, &self.table);
        let (image, image_columns) = Image::columns(&self.table);
        let mut sql = QueryBuilder::new(format!("SELECT {select}, {image} FROM {BESIDE} WHERE "));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        push_keys(&mut sql, &self.table, self.resource, &keys);
        let rows = sql.build().fetch_all(&mut *unit.transaction).await?;
        let stored = rows.iter().map(|found| {
            let row = read_row(&columns, found)?;
            let image = Image::read(&image_columns, found, columns.len() + 1)?;
            Ok(Stored { row, image })
        });
        let mut stored = stored.collect::<Result<Vec<_>, sqlx::Error>>()?;
        stored.retain(|stored| keys.contains(&stored.row.key.as_str()));
        Ok(stored)
    }

    /// Records what is about to happen to the rows of one kind.
    async fn record(&self, unit: &mut Unit<'_>, action: Action) -> Result<(), Stop> {
        let (from, side) = match action {
            Action::Create => (&self.added, "b"),
            Action::Update => (&self.changed, "a"),
            Action::Delete => (&self.removed, "a"),
        };
        let mut after: Option<String> = None;
        loop {
            let keys = self.keys(unit, from, side, after.as_deref()).await?;
            let Some(last) = keys.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            let before = match action {
                Action::Create => Vec::new(),
                Action::Update | Action::Delete => unit.rows(self.resource, &self.table, &keys).await?,
            };
            let later = match action {
                Action::Delete => Vec::new(),
                Action::Create | Action::Update => self.loaded(unit, &keys).await?,
            };
            unit.record_all(self.resource, action, &before, &later).await?;
        }
    }
}

/// Makes a table the same as what was loaded beside it, recording every row, and says what differed.
pub(super) async fn settle(unit: &mut Unit<'_>, resource: &'static Resource) -> Result<Difference, Stop> {
    let table = require(&unit.schema, resource.table)?.clone();
    let join = Join::of(resource, table);
    let difference = join.difference(unit).await?;
    if difference != Difference::default() {
        for action in [Action::Delete, Action::Update, Action::Create] {
            join.record(unit, action).await?;
        }
        // Rows that are changed go and come again: two may have swapped what only one may have.
        let columns = join
            .table
            .columns
            .iter()
            .filter(|column| column.expression.is_none());
        let columns: Vec<String> = columns.map(|column| ident(&column.name)).collect();
        let chosen: Vec<String> = columns.iter().map(|column| format!("b.{column}")).collect();
        let connection = &mut *unit.transaction;
        run(connection, format!("DELETE a {}", join.removed)).await?;
        run(connection, format!("DELETE a {}", join.changed)).await?;
        run(
            connection,
            format!(
                "INSERT INTO {} ({}) SELECT {} {}",
                ident(resource.table),
                columns.join(", "),
                chosen.join(", "),
                join.added
            ),
        )
        .await?;
        if join.difference(unit).await? != Difference::default() {
            return Err(refused(format!(
                "The database made something else of rows of {}, as a trigger would. Nothing was kept.",
                resource.table
            )));
        }
    }
    drop_beside(&mut unit.transaction).await?;
    Ok(difference)
}
