//! Writing rows as the record has them, byte for byte, and making sure of it.

use sqlx::{MySql, QueryBuilder};

use super::{Recorded, agree};
use crate::error::Error;
use crate::resource::Resource;
use crate::store::Refusal;
use crate::store::connect::number;
use crate::store::list::{comparable, find_subjects, push_key};
use crate::store::row::{Image, Stored};
use crate::store::schema::{Column, Table};
use crate::store::sql::ident;
use crate::store::unit::{Stop, Unit, refused_write};

impl Unit<'_> {
    /// Deletes rows that a change created.
    pub(super) async fn take_away(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        records: &[&Recorded],
    ) -> Result<Vec<Stored>, Stop> {
        let keys: Vec<String> = records.iter().map(|record| record.key.clone()).collect();
        let sql = QueryBuilder::new(format!("DELETE FROM {}", ident(resource.table)));
        let deleted = self.at_rows(sql, resource, table, &keys).await?;
        if deleted != keys.len() as u64 {
            let reason = format!(
                "deleting {} rows of {} took {deleted}",
                keys.len(),
                resource.table
            );
            return Err(Error::Unexpected(reason).into());
        }
        Ok(Vec::new())
    }

    /// Inserts rows that a change deleted, with their keys.
    pub(super) async fn bring_back(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        records: &[&Recorded],
    ) -> Result<Vec<Stored>, Stop> {
        let images: Vec<&Image> = records
            .iter()
            .filter_map(|record| record.before.as_ref())
            .collect();
        let Some(first) = images.first() else {
            return Ok(Vec::new());
        };
        // A column that is new since gets its default.
        let columns: Vec<&Column> = stored_columns(table)
            .filter(|column| first.has(&column.name))
            .collect();
        let names: Vec<String> = columns.iter().map(|column| ident(&column.name)).collect();
        let mut sql = QueryBuilder::new(format!(
            "INSERT INTO {} ({}) VALUES ",
            ident(resource.table),
            names.join(", ")
        ));
        for (i, image) in images.iter().enumerate() {
            sql.push(if i > 0 { ", (" } else { "(" });
            for (j, column) in columns.iter().enumerate() {
                if j > 0 {
                    sql.push(", ");
                }
                push_bytes(&mut sql, column, image.bytes(&column.name));
            }
            sql.push(")");
        }
        self.run(sql, resource, table, records).await?;
        let keys: Vec<String> = records.iter().map(|record| record.key.clone()).collect();
        self.restored(resource, table, records, &keys).await
    }

    /// Gives rows that a change updated their values from before.
    pub(super) async fn write_back(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        records: &[&Recorded],
    ) -> Result<Vec<Stored>, Stop> {
        let mut groups: Vec<(Vec<&str>, Vec<&Recorded>)> = Vec::new();
        for record in records {
            let columns = record.differing(table);
            match groups.iter_mut().find(|(known, _)| *known == columns) {
                Some((_, alike)) => alike.push(record),
                None => groups.push((columns, vec![record])),
            }
        }
        for (columns, records) in &groups {
            let sql = update(resource, table, columns, records);
            self.run(sql, resource, table, records).await?;
        }
        let keys: Vec<String> = records.iter().map(|record| old_key(record, table)).collect();
        self.restored(resource, table, records, &keys).await
    }

    async fn run(
        &mut self,
        mut sql: QueryBuilder<MySql>,
        resource: &'static Resource,
        table: &Table,
        records: &[&Recorded],
    ) -> Result<(), Stop> {
        let Err(error) = sql.build().execute(&mut *self.transaction).await else {
            return Ok(());
        };
        // Duplicate entry.
        if number(&error) == Some(1062) {
            return Err(self.taken(error, resource, table, records).await?.into());
        }
        let subject = records.first().map_or("", |record| record.restored_subject());
        Err(refused_write(error, resource, subject))
    }

    /// Which row has the place of one that is to be put back.
    async fn taken(
        &mut self,
        error: sqlx::Error,
        resource: &'static Resource,
        table: &Table,
        records: &[&Recorded],
    ) -> Result<Refusal, Stop> {
        let subjects: Vec<String> = records
            .iter()
            .map(|record| record.restored_subject().trim_end_matches(' ').to_lowercase())
            .collect();
        let connection = &mut *self.transaction;
        let there = find_subjects(connection, self.actor, resource, table, &subjects).await?;
        let own = |stored: &Stored| records.iter().any(|record| record.key == stored.row.key);
        Ok(match there.iter().find(|stored| !own(stored)) {
            Some(stored) => Refusal::Exists {
                resource,
                key: Some(stored.row.key.clone()),
                subject: stored.row.text(resource.subject).to_owned(),
            },
            None => Refusal::Unstorable(format!(
                "Another row of {} has a value by now that no two may have: {error}.",
                resource.table
            )),
        })
    }

    /// Reads rows back that were written: they have to be what they were, to the byte.
    async fn restored(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        records: &[&Recorded],
        keys: &[String],
    ) -> Result<Vec<Stored>, Stop> {
        let rows = self.rows(resource, table, keys).await?;
        for (record, key) in records.iter().zip(keys) {
            let stored = rows.iter().find(|stored| stored.row.key == *key);
            let is_back = |stored: &Stored| {
                let before = record.before.as_ref();
                before.is_some_and(|before| agree(table, &stored.image, before))
            };
            if !stored.is_some_and(is_back) {
                return Err(Refusal::Unstorable(format!(
                    "The database made something else of `{}` than it was: a trigger, or a column whose type has been \
                     changed since. Nothing was kept.",
                    record.restored_subject()
                ))
                .into());
            }
        }
        Ok(rows)
    }
}

/// The columns that hold what is written to them.
fn stored_columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.expression.is_none())
}

/// The statement that gives rows their values of some columns back. Moments that the server would set by itself
/// (`ON UPDATE CURRENT_TIMESTAMP`) are named, and so kept.
fn update<'r>(
    resource: &Resource,
    table: &Table,
    columns: &[&str],
    records: &'r [&'r Recorded],
) -> QueryBuilder<MySql> {
    let keys: Vec<&str> = records.iter().map(|record| record.key.as_str()).collect();
    let key = comparable(resource.key, &keys);
    let mut sql = QueryBuilder::new(format!("UPDATE {} SET ", ident(resource.table)));
    let mut between = "";
    for column in stored_columns(table) {
        let name = column.name.as_str();
        let is_moment = matches!(column.data_type.as_str(), "timestamp" | "datetime");
        if columns.contains(&name) {
            sql.push(format!("{between}{} = ", ident(name)));
            let value = |record: &'r Recorded| record.before.as_ref().and_then(|image| image.bytes(name));
            let first = records.first().and_then(|record| value(record));
            if records.iter().all(|record| value(record) == first) {
                push_bytes(&mut sql, column, first);
            } else {
                sql.push(format!("CASE {key}"));
                for record in records {
                    sql.push(" WHEN ");
                    push_key(&mut sql, table, resource, &record.key);
                    sql.push(" THEN ");
                    push_bytes(&mut sql, column, value(record));
                }
                sql.push(" END");
            }
        } else if is_moment {
            sql.push(format!("{between}{0} = {0}", ident(name)));
        } else {
            continue;
        }
        between = ", ";
    }
    sql.push(format!(" WHERE {key} IN ("));
    for (i, key) in keys.iter().enumerate() {
        if i > 0 {
            sql.push(", ");
        }
        push_key(&mut sql, table, resource, key);
    }
    sql.push(")");
    sql
}

/// Binds recorded bytes. The server takes bytes into a column as they are, whatever its character set; of a BIT the
/// record has the number.
fn push_bytes(sql: &mut QueryBuilder<MySql>, column: &Column, bytes: Option<&[u8]>) {
    match bytes {
        None => {
            sql.push("NULL");
        }
        Some(bytes) if column.data_type == "bit" => {
            sql.push("CAST(");
            sql.push_bind(bytes.to_vec());
            sql.push(" AS UNSIGNED)");
        }
        Some(bytes) => {
            sql.push_bind(bytes.to_vec());
        }
    }
}

/// The key a row had before the change: a key that is an address may have changed.
fn old_key(record: &Recorded, table: &Table) -> String {
    let key = record.resource.key;
    if !record.differing(table).contains(&key) {
        return record.key.clone();
    }
    if key == record.resource.subject {
        return record.restored_subject().to_owned();
    }
    let bytes = record.before.as_ref().and_then(|image| image.bytes(key));
    let text = String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    // With ZEROFILL the record has the zeros, and a key has not.
    text.parse::<i64>().map_or(text, |number| number.to_string())
}
