//! Running the statements of a plan, each followed by a look at every row: whether Postfix reads the same as before.
//!
//! The server cannot take an ALTER back together with others, but each is all or nothing by itself: whenever the program
//! or the server is killed, a table is as before its statement or as after it, and the plan made anew has what is left.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use super::Store;
use super::connect::classify;
use super::doctor::{as_text, letters_of, read_table, rows, strange, taken_for, text};
use super::sql::ident;
use crate::access::Actor;
use crate::adoption::{Column, SESSION, Step, Table};
use crate::error::{Error, Result};
use crate::mail::visible;

/// Rows read with one statement.
const PAGE: usize = 20_000;

/// Differences told.
const TOLD: usize = 5;

/// How long a statement waits for a table that others are reading, in seconds.
const PATIENCE: u32 = 60;

impl Store {
    /// Runs one statement of a plan, and says what Postfix would read differently after it: nothing, if all went well.
    /// A row that another program writes meanwhile is such a difference too.
    ///
    /// # Errors
    /// The statement failed and changed nothing: the account lacks ALTER, the table is in use, a value does not fit.
    pub async fn run_step(&self, actor: &Actor, step: &Step) -> Result<Vec<String>> {
        actor.require_everything()?;
        // The session is another than the panel's, so the connection is not given back.
        let mut connection = self.pool.acquire().await.map_err(classify)?.detach();
        let differences = run(&mut connection, step).await;
        self.schema.forget();
        // What was found out counts, whether or not the server hears the goodbye.
        let _ = connection.close().await;
        differences
    }
}

async fn run(connection: &mut MySqlConnection, step: &Step) -> Result<Vec<String>> {
    for statement in [
        SESSION.to_owned(),
        format!("SET SESSION lock_wait_timeout = {PATIENCE}"),
    ] {
        connection
            .execute(AssertSqlSafe(statement))
            .await
            .map_err(classify)?;
    }
    take_turn(connection).await?;
    let before = look(connection, step).await.map_err(classify)?;
    connection
        .execute(AssertSqlSafe(step.statement.clone()))
        .await
        .map_err(classify)?;
    let after = look(connection, step).await.map_err(classify)?;
    Ok(match (before, after) {
        // A table that was not there is one Postfix found nothing in; it is empty.
        (None, _) => Vec::new(),
        (Some(_), None) => vec![format!("The table {} is gone.", step.table)],
        (Some(before), Some(after)) => before.differences(&after),
    })
}

/// Two programs that alter tables at once take turns, `migrate` among them.
async fn take_turn(connection: &mut MySqlConnection) -> Result<()> {
    let sql = format!("SELECT GET_LOCK(CONCAT('postwarden.', DATABASE()), {PATIENCE})");
    let taken = rows(connection, &sql).await.map_err(classify)?;
    if taken.first().is_some_and(|row| text(row, 0) == "1") {
        Ok(())
    } else {
        Err(Error::Busy)
    }
}

/// What there is to read in a table.
#[derive(Debug)]
struct Look {
    columns: Vec<String>,
    /// The key of each row, and a hash of all it holds: text as a client in utf8mb4 reads it and as one in latin1 does,
    /// since which of the two Postfix is depends on its version.
    rows: Vec<(String, String)>,
    /// Rows that are found together with others, since their subjects count as equal: by the lowest key.
    together: BTreeMap<String, String>,
    /// Which plain letters those with accents are taken for in the subject.
    letters: BTreeSet<(char, String)>,
}

async fn look(connection: &mut MySqlConnection, step: &Step) -> Result<Option<Look>, sqlx::Error> {
    match read_table(connection, &step.table).await? {
        Some(table) => Look::at(connection, &table).await.map(Some),
        None => Ok(None),
    }
}

impl Look {
    async fn at(connection: &mut MySqlConnection, table: &Table) -> Result<Self, sqlx::Error> {
        let stored: Vec<&Column> = table.columns.iter().filter(|c| c.expression.is_none()).collect();
        let strange = strange(connection, table, table.resource.subject).await?;
        let collation = table.subject().and_then(|subject| subject.collation.as_deref());
        let letters = match collation {
            Some(collation) => taken_for(connection, collation, &letters_of(&strange)).await?,
            None => BTreeSet::new(),
        };
        Ok(Self {
            rows: read_rows(connection, table, &stored).await?,
            together: read_together(connection, table).await?,
            letters,
            columns: stored.iter().map(|column| column.name.clone()).collect(),
        })
    }

    /// What is otherwise, in sentences; the first few.
    fn differences(&self, after: &Self) -> Vec<String> {
        let mut told = Vec::new();
        for column in self
            .columns
            .iter()
            .filter(|column| !after.columns.contains(column))
        {
            told.push(format!("The column {column} is gone."));
        }
        let before: BTreeMap<&str, &str> = pairs(&self.rows);
        let now: BTreeMap<&str, &str> = pairs(&after.rows);
        for (key, hash) in &before {
            match now.get(key) {
                None => told.push(format!("Row {} is gone.", visible(key))),
                Some(other) if other != hash => told.push(format!("Row {} reads differently.", visible(key))),
                Some(_) => {}
            }
            if told.len() >= TOLD {
                return told;
            }
        }
        if self.rows.len() != after.rows.len() {
            told.push(format!(
                "There were {} rows and now there are {}.",
                self.rows.len(),
                after.rows.len()
            ));
        }
        for key in self.together.keys().chain(after.together.keys()) {
            if self.together.get(key) != after.together.get(key) {
                told.push(format!(
                    "Row {} is found together with others than before.",
                    visible(key)
                ));
            }
        }
        for (letter, plain) in self.letters.symmetric_difference(&after.letters) {
            told.push(format!(
                "`{letter}` and `{plain}` are compared otherwise than before."
            ));
        }
        told.truncate(TOLD);
        told
    }
}

fn pairs(rows: &[(String, String)]) -> BTreeMap<&str, &str> {
    rows.iter()
        .map(|(key, hash)| (key.as_str(), hash.as_str()))
        .collect()
}

/// Every row, by its key.
async fn read_rows(
    connection: &mut MySqlConnection,
    table: &Table,
    stored: &[&Column],
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let values: Vec<String> = stored.iter().map(|column| value(column)).collect();
    let select = format!(
        "SELECT {}, LEFT(SHA2(CONCAT_WS(',', {}), 256), 32) FROM {}",
        as_text(table, ""),
        values.join(", "),
        ident(table.name())
    );
    let key = ident(table.resource.key);
    let is_number = table
        .column(table.resource.key)
        .is_some_and(|key| key.data_type.ends_with("int"));
    if !is_number {
        let rows = rows(connection, &select).await?;
        return Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect());
    }
    let mut all: Vec<(String, String)> = Vec::new();
    loop {
        let after = all
            .last()
            .map_or_else(String::new, |(last, _)| format!("WHERE {key} > {last}"));
        let page = rows(
            connection,
            &format!("{select} {after} ORDER BY {key} LIMIT {PAGE}"),
        )
        .await?;
        all.extend(page.iter().map(|row| (text(row, 0), text(row, 1))));
        if page.len() < PAGE {
            return Ok(all);
        }
    }
}

/// What two programs read of a column: in utf8mb4, and in latin1.
fn value(column: &Column) -> String {
    let name = ident(&column.name);
    let read = if column.data_type.ends_with("int") {
        format!("CAST({name} + 0 AS CHAR)")
    } else if column.collation.is_some() {
        format!("CONCAT(HEX(CONVERT({name} USING utf8mb4)), '/', HEX(CONVERT({name} USING latin1)))")
    } else {
        format!("HEX({name})")
    };
    format!("COALESCE({read}, 'NULL')")
}

/// Rows whose subjects the server takes for the same.
async fn read_together(
    connection: &mut MySqlConnection,
    table: &Table,
) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let key = as_text(table, "");
    let lowest = if key.starts_with("CAST") {
        format!("MIN({})", ident(table.resource.key))
    } else {
        format!("MIN(HEX({key}))")
    };
    let sql = format!(
        "SELECT {lowest}, CONCAT(COUNT(*), '/', BIT_XOR(CAST(CONV(LEFT(MD5({key}), 15), 16, 10) AS UNSIGNED))) \
         FROM {} GROUP BY {} HAVING COUNT(*) > 1",
        ident(table.name()),
        ident(table.resource.subject)
    );
    let rows = rows(connection, &sql).await?;
    Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
}
