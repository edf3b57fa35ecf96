//! Writing rows, one or some hundred with the same few statements: inserted or updated, read back, compared with what was
//! meant, and recorded. Whether they may be written has been asked before.

use std::collections::HashMap;

use sqlx::query_builder::Separated;
use sqlx::{MySql, QueryBuilder, Row as _};

use super::expect::{expect_stored, refused_write};
use super::{Stop, Unit};
use crate::error::Error;
use crate::resource::{Draft, Resource, Value};
use crate::store::changes::Action;
use crate::store::list::push_keys;
use crate::store::row::Stored;
use crate::store::schema::Table;
use crate::store::sql::ident;

/// Columns of one row with what is to stand in them.
pub(in crate::store) type Values<'a> = Vec<(&'a str, &'a Value)>;

/// What of a draft the live table has columns for.
pub(in crate::store) fn values_of<'a>(table: &Table, draft: &'a Draft) -> Values<'a> {
    let values = draft.values().iter().map(|(name, value)| (*name, value));
    values.filter(|(name, _)| table.has(name)).collect()
}

impl Unit<'_> {
    /// Inserts rows, records them and answers with their keys, in the same order. They have to fit into one statement.
    ///
    /// Of several rows that are refused one is named, or none: whoever needs to know which takes the unit back and writes
    /// them one by one.
    pub async fn create_many(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        rows: &[Values<'_>],
    ) -> Result<Vec<String>, Stop> {
        let mut keys = Vec::with_capacity(rows.len());
        for alike in rows.chunk_by(|one, next| names(one).eq(names(next))) {
            let inserted = self.insert(resource, alike).await?;
            let after = self.rows_in_order(resource, table, &inserted).await?;
            for (stored, values) in after.iter().zip(alike) {
                expect_stored(stored, table, values)?;
            }
            let pairs: Vec<_> = after.iter().map(|stored| (None, Some(stored))).collect();
            self.record_pairs(resource, Action::Create, &pairs).await?;
            keys.extend(inserted);
        }
        Ok(keys)
    }

    /// Writes values into rows that are locked, records those that differ by it, and answers with the keys of all, in the
    /// same order. As with [`Unit::create_many`] a refusal may be about any of them.
    pub async fn write_many(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        rows: &[(&Stored, Values<'_>)],
    ) -> Result<Vec<String>, Stop> {
        let differing: Vec<(&Stored, Values<'_>)> = rows
            .iter()
            .map(|(before, values)| (*before, differing(before, table, values)))
            .filter(|(_, values)| !values.is_empty())
            .collect();
        // A key that is an address changes with it, and then names another row within the very statement: such a row is
        // written alone.
        let is_renamed = |values: &Values<'_>| values.iter().any(|(name, _)| *name == resource.key);
        for alike in differing.chunk_by(|(_, one), (_, next)| !is_renamed(one) && names(one).eq(names(next)))
        {
            self.update(resource, table, alike).await?;
            let keys: Vec<String> = alike
                .iter()
                .map(|(before, values)| key_after(resource, before, values))
                .collect();
            let after = self.rows_in_order(resource, table, &keys).await?;
            for (stored, (_, values)) in after.iter().zip(alike) {
                expect_stored(stored, table, values)?;
            }
            let pairs: Vec<_> = alike
                .iter()
                .zip(&after)
                .map(|((before, _), stored)| (Some(*before), Some(stored)))
                .collect();
            self.record_pairs(resource, Action::Update, &pairs).await?;
        }
        Ok(rows
            .iter()
            .map(|(before, values)| key_after(resource, before, values))
            .collect())
    }

    /// Inserts rows of the same columns and answers with their keys.
    async fn insert(
        &mut self,
        resource: &'static Resource,
        rows: &[Values<'_>],
    ) -> Result<Vec<String>, Stop> {
        let columns: Vec<String> = names(&rows[0]).map(ident).collect();
        let mut sql = QueryBuilder::new(format!(
            "INSERT INTO {} ({}) ",
            ident(resource.table),
            columns.join(", ")
        ));
        sql.push_values(rows, |mut row, values| {
            for (_, value) in values {
                push_value(&mut row, value);
            }
        });
        let inserted = match sql.build().execute(&mut *self.transaction).await {
            Ok(inserted) => inserted,
            Err(error) => return Err(refused_write(error, resource, &text(&rows[0], resource.subject))),
        };
        // A numbered key is one the server just gave; any other is part of the row.
        if names(&rows[0]).any(|name| name == resource.key) {
            return Ok(rows.iter().map(|values| text(values, resource.key)).collect());
        }
        let first = inserted.last_insert_id();
        let step = if rows.len() == 1 {
            1
        } else {
            self.key_step().await?
        };
        // The rows of one statement are numbered one after the other; if they were not, reading them back would tell.
        Ok((0..rows.len() as u64)
            .map(|n| (first + n * step).to_string())
            .collect())
    }

    /// How far apart the keys are that the server gives.
    async fn key_step(&mut self) -> Result<u64, sqlx::Error> {
        let row = sqlx::query("SELECT CAST(@@auto_increment_increment AS UNSIGNED)")
            .fetch_one(&mut *self.transaction)
            .await?;
        row.try_get_unchecked(0)
    }

    /// Updates rows in the same columns.
    async fn update(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        rows: &[(&Stored, Values<'_>)],
    ) -> Result<(), Stop> {
        let mut sql = QueryBuilder::new(format!("UPDATE {} SET ", ident(resource.table)));
        let mut list = sql.separated(", ");
        for (i, (name, value)) in rows[0].1.iter().enumerate() {
            list.push(format!("{} = ", ident(name)));
            if let [_] = rows {
                push_value_unseparated(&mut list, value);
                continue;
            }
            list.push_unseparated(format!("CASE {}", ident(resource.key)));
            for (before, values) in rows {
                list.push_unseparated(" WHEN ");
                list.push_bind_unseparated(before.row.key.clone());
                list.push_unseparated(" THEN ");
                push_value_unseparated(&mut list, values[i].1);
            }
            list.push_unseparated(" END");
        }
        sql.push(" WHERE ");
        let keys: Vec<&str> = rows.iter().map(|(before, _)| before.row.key.as_str()).collect();
        push_keys(&mut sql, table, resource, &keys);
        match sql.build().execute(&mut *self.transaction).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refused_write(
                error,
                resource,
                &text(&rows[0].1, resource.subject),
            )),
        }
    }

    /// [`Unit::rows`] in the order of their keys.
    async fn rows_in_order(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        keys: &[String],
    ) -> Result<Vec<Stored>, Stop> {
        let rows = self.rows(resource, table, keys).await?;
        let mut rows: HashMap<String, Stored> = rows
            .into_iter()
            .map(|stored| (stored.row.key.clone(), stored))
            .collect();
        let in_order = keys.iter().map(|key| rows.remove(key)).collect::<Option<_>>();
        in_order.ok_or_else(|| Error::NotFound.into())
    }
}

/// Those of the values that a row does not hold already.
fn differing<'a>(before: &Stored, table: &Table, values: &Values<'a>) -> Values<'a> {
    let differing = values
        .iter()
        .filter(|(name, value)| !before.holds(table, name, value));
    differing.copied().collect()
}

fn names<'a>(values: &'a Values<'_>) -> impl Iterator<Item = &'a str> {
    values.iter().map(|(name, _)| *name)
}

fn text(values: &Values<'_>, column: &str) -> String {
    let value = values.iter().find(|(name, _)| *name == column);
    value.map(|(_, value)| value.to_string()).unwrap_or_default()
}

/// The key of a row once the values are in it.
fn key_after(resource: &Resource, before: &Stored, values: &Values<'_>) -> String {
    match text(values, resource.key) {
        kept if kept.is_empty() => before.row.key.clone(),
        key => key,
    }
}

fn push_value(list: &mut Separated<'_, MySql, &'static str>, value: &Value) {
    match value {
        Value::Text(text) => list.push_bind(text.clone()),
        Value::Number(number) => list.push_bind(*number),
        Value::Bytes(bytes) => list.push_bind(bytes.clone()),
        Value::Null => list.push("NULL"),
    };
}

fn push_value_unseparated(list: &mut Separated<'_, MySql, &'static str>, value: &Value) {
    match value {
        Value::Text(text) => list.push_bind_unseparated(text.clone()),
        Value::Number(number) => list.push_bind_unseparated(*number),
        Value::Bytes(bytes) => list.push_bind_unseparated(bytes.clone()),
        Value::Null => list.push_unseparated("NULL"),
    };
}
