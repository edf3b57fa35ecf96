//! What Postfix would be told: its statements tried on model rows and on the real ones, and the last verdict on a live
//! configuration.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, MySql, MySqlConnection, Row as _, Transaction};
use time::PrimitiveDateTime;

use super::connect::classify;
use super::sql::ident;
use super::{Schema, Store, Table};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::postfix::{Answer, MAPS, Map, Question, Verdict, quoted};
use crate::resource::Resource;

/// A verdict that was recorded, and when (UTC).
#[derive(Debug, Clone)]
pub struct Recorded {
    /// What came out.
    pub verdict: Verdict,
    /// When it was looked at.
    pub at: PrimitiveDateTime,
}

impl Store {
    /// The name of the mail database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn database_name(&self) -> Result<String> {
        sqlx::query_scalar("SELECT CAST(DATABASE() AS CHAR)")
            .fetch_one(&self.pool)
            .await
            .map_err(classify)
    }

    /// What the database says to statements when the mail tables hold nothing but model rows.
    ///
    /// The rows are common table expressions that hide the tables of the same names: nothing is written and nothing real
    /// is read. A statement the server refuses is an answer too.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn answers(&self, questions: &[Question]) -> Result<Vec<Answer>> {
        let schema = self.schema().await?;
        let mut reading = self.reading().await?;
        let mut answers = Vec::new();
        for question in questions {
            let sql = format!("WITH {} {}", model(&schema, question), question.sql);
            answers.push(ask(&mut reading, sql).await?);
        }
        Ok(answers)
    }

    /// What the database says to a statement of a lookup table now.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn answer(&self, sql: &str) -> Result<Answer> {
        ask(&mut *self.reading().await?, sql.to_owned()).await
    }

    /// A transaction that cannot write, whatever is asked in it; it ends when it is dropped.
    pub(super) async fn reading(&self) -> Result<Transaction<'_, MySql>> {
        self.pool
            .begin_with("START TRANSACTION READ ONLY")
            .await
            .map_err(classify)
    }

    /// Keys to ask each lookup table for: of rows that are on, that are off, and that stand for a whole domain, where there
    /// are such.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn known_keys(&self, actor: &Actor) -> Result<Vec<(&'static Map, String)>> {
        actor.require_everything()?;
        let schema = self.schema().await?;
        let mut reading = self.reading().await?;
        let mut keys = Vec::new();
        for map in MAPS {
            let (Some(resource), Some(table)) = (Resource::by_table(map.table), schema.table(map.table))
            else {
                continue;
            };
            if map.query(&schema.names()).is_none() {
                continue;
            }
            for condition in conditions(table, map) {
                // The newest, which another server of the same name would not have, and any.
                for order in [format!("ORDER BY {} DESC", ident(resource.key)), String::new()] {
                    let sql = format!(
                        "SELECT CAST({} AS CHAR) FROM {} WHERE {condition} {order} LIMIT 1",
                        ident(resource.subject),
                        ident(&table.name)
                    );
                    for key in ask(&mut reading, sql).await?.unwrap_or_default() {
                        let known = (map, map.example(&key));
                        if !keys.contains(&known) {
                            keys.push(known);
                        }
                    }
                }
            }
        }
        Ok(keys)
    }

    /// The mail tables that hold any row.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn filled_tables(&self) -> Result<Vec<&'static str>> {
        let schema = self.schema().await?;
        let mut reading = self.reading().await?;
        let mut filled = Vec::new();
        for resource in Resource::tables().filter(|r| schema.table(r.table).is_some()) {
            let sql = format!("SELECT 1 FROM {} LIMIT 1", ident(resource.table));
            if ask(&mut reading, sql).await?.is_ok_and(|rows| !rows.is_empty()) {
                filled.push(resource.table);
            }
        }
        Ok(filled)
    }

    /// Keeps a verdict in place of the one before.
    ///
    /// # Errors
    /// The database does not answer, or the account may not write.
    pub async fn record_verdict(&self, verdict: &Verdict) -> Result<()> {
        let text = serde_json::to_string(verdict).map_err(|e| Error::unexpected("writing a verdict", e))?;
        sqlx::query("REPLACE INTO pw_postfix (id, verified_at, verdict) VALUES (1, UTC_TIMESTAMP(3), ?)")
            .bind(text)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(classify)
    }

    /// The verdict kept last.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn recorded_verdict(&self) -> Result<Option<Recorded>> {
        let row = sqlx::query("SELECT verified_at, verdict FROM pw_postfix WHERE id = 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(classify)?;
        let Some(row) = row else { return Ok(None) };
        let text: String = row.try_get_unchecked(1).map_err(classify)?;
        // One of another version of the program says nothing.
        let verdict = serde_json::from_str(&text).ok();
        let at = row.try_get(0).map_err(classify)?;
        Ok(verdict.map(|verdict| Recorded { verdict, at }))
    }
}

/// Runs one statement that only reads: the first column of each row, or what the server complained about.
async fn ask(connection: &mut MySqlConnection, sql: String) -> Result<Answer> {
    // As text, since preparing a statement that is asked once costs more than asking it.
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await;
    match rows {
        Ok(rows) => Ok(Ok(rows
            .iter()
            .filter_map(|row| {
                let bytes: Option<Vec<u8>> = row.try_get_unchecked(0).ok()?;
                // Postfix leaves NULL and empty answers out.
                bytes
                    .filter(|b| !b.is_empty())
                    .map(|b| String::from_utf8_lossy(&b).into_owned())
            })
            .collect())),
        Err(sqlx::Error::Database(error)) => Ok(Err(error.message().to_owned())),
        Err(other) => Err(classify(other)),
    }
}

/// Which rows of a table are worth asking a lookup table for.
fn conditions(table: &Table, map: &Map) -> Vec<String> {
    let kind = match map.name {
        "block_recip" => "kind='recipient'",
        "client_access" => "kind='client' AND cidr_lo IS NULL",
        "sender_access" => "kind='sender'",
        _ => "1",
    };
    let mut conditions = Vec::new();
    let states: &[&str] = if table.has("enabled") {
        &["enabled=1", "enabled=0"]
    } else {
        &["1"]
    };
    for state in states {
        conditions.push(format!("{kind} AND {state}"));
        if table.has("status") {
            conditions.push(format!("{state} AND status='REJECT'"));
        }
        if map.name == "alias" {
            conditions.push(format!("{state} AND mail LIKE '@%'"));
        }
        if map.parameter == "transport_maps" {
            conditions.push(format!("{state} AND domain LIKE '%_@_%'"));
        }
    }
    conditions
}

/// Common table expressions with the rows of a question and no others.
fn model(schema: &Schema, question: &Question) -> String {
    let mut sql = String::new();
    for resource in Resource::tables() {
        let Some(table) = schema.table(resource.table) else {
            continue;
        };
        let rows = question.rows.iter().chain(question.around);
        let mut selects: Vec<String> = rows
            .filter(|row| row.table == table.name)
            .map(|row| select(table, row.values))
            .collect();
        if selects.is_empty() {
            selects.push(select(table, &[]) + " FROM DUAL WHERE FALSE");
        }
        let separator = if sql.is_empty() { "" } else { ", " };
        let _ = write!(
            sql,
            "{separator}{} AS ({})",
            ident(&table.name),
            selects.join(" UNION ALL ")
        );
    }
    sql
}

/// One row with these values.
fn select(table: &Table, values: &[(&str, &str)]) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let given = values
                .iter()
                .find(|(name, _)| column.name.eq_ignore_ascii_case(name));
            let value = match given {
                Some((_, hex)) if column.data_type.ends_with("binary") => format!("UNHEX('{hex}')"),
                Some((_, text)) => quoted(text),
                None => column.default.as_deref().map_or("NULL".to_owned(), quoted),
            };
            format!("{value} AS {}", ident(&column.name))
        })
        .collect();
    format!("SELECT {}", columns.join(", "))
}
