//! Rows of an archive into a table, many with one statement.

use sqlx::{AssertSqlSafe, MySqlConnection, QueryBuilder};

use super::run;
use crate::error::Error;
use crate::exchange::{TableHead, Values};
use crate::store::connect::number;
use crate::store::schema::Table;
use crate::store::sql::ident;
use crate::store::unit::Stop;

/// The temporary table that rows are loaded into to be compared with those there are.
pub(super) const BESIDE: &str = "pw_restoring";

/// Bytes of one INSERT, about: far below every server's `max_allowed_packet`, unless one row alone is larger.
const STATEMENT: usize = 256 * 1024;

/// Values of one INSERT: a statement takes 65,535 at most.
const MOST_VALUES: usize = 10_000;

/// Rows on their way into a table.
pub(super) struct Load {
    insert: String,
    columns: Vec<Kind>,
    rows: Vec<Values>,
    bytes: usize,
}

/// How the bytes of a column become its value.
#[derive(Clone, Copy)]
enum Kind {
    /// By themselves: text takes them as they are, in whichever characters it is.
    Bytes,
    /// As the digits of a number: of bytes BIT takes the bits.
    Number,
    /// As text: JSON refuses bytes.
    Text,
}

impl Kind {
    fn of(live: &Table, column: &str) -> Self {
        match live.column(column).map(|column| column.data_type.as_str()) {
            Some("bit") => Self::Number,
            Some("json") => Self::Text,
            _ => Self::Bytes,
        }
    }
}

impl Load {
    /// Into the table itself; `IGNORE` leaves those that are there as they are.
    pub fn into(head: &TableHead, live: &Table, ignores: bool) -> Self {
        Self::at(head, live, &head.table, if ignores { "IGNORE " } else { "" })
    }

    /// Into a temporary table like it.
    pub async fn beside(
        connection: &mut MySqlConnection,
        head: &TableHead,
        live: &Table,
    ) -> Result<Self, Stop> {
        drop_beside(connection).await?;
        let like = format!("CREATE TEMPORARY TABLE {BESIDE} LIKE {}", ident(&head.table));
        run(connection, like).await.map_err(no_temporary_table)?;
        Ok(Self::at(head, live, BESIDE, ""))
    }

    fn at(head: &TableHead, live: &Table, table: &str, how: &str) -> Self {
        let names: Vec<String> = head.columns.iter().map(|column| ident(&column.name)).collect();
        Self {
            insert: format!("INSERT {how}INTO {} ({}) ", ident(table), names.join(", ")),
            columns: head
                .columns
                .iter()
                .map(|column| Kind::of(live, &column.name))
                .collect(),
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// A further row.
    pub async fn row(&mut self, connection: &mut MySqlConnection, row: Values) -> Result<(), Stop> {
        self.bytes += row.iter().flatten().map(Vec::len).sum::<usize>() + 8 * row.len();
        self.rows.push(row);
        if self.bytes >= STATEMENT || (self.rows.len() + 1) * self.columns.len() > MOST_VALUES {
            self.flush(connection).await?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub async fn finish(mut self, connection: &mut MySqlConnection) -> Result<(), Stop> {
        self.flush(connection).await
    }

    async fn flush(&mut self, connection: &mut MySqlConnection) -> Result<(), Stop> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut sql = QueryBuilder::new(self.insert.clone());
        sql.push_values(std::mem::take(&mut self.rows), |mut list, row| {
            for (kind, value) in self.columns.iter().zip(row) {
                match kind {
                    Kind::Bytes => list.push_bind(value),
                    Kind::Number => list
                        .push("CAST(")
                        .push_bind_unseparated(value)
                        .push_unseparated(" AS UNSIGNED)"),
                    Kind::Text => list
                        .push("CONVERT(")
                        .push_bind_unseparated(value)
                        .push_unseparated(" USING utf8mb4)"),
                };
            }
        });
        self.bytes = 0;
        sql.build().persistent(false).execute(connection).await?;
        Ok(())
    }
}

/// Names the right that is missing: of this one the server says only that access is denied.
fn no_temporary_table(error: sqlx::Error) -> Stop {
    match number(&error) {
        Some(1044) => Error::Privilege(format!(
            "restoring rows into tables that have some takes CREATE TEMPORARY TABLES, and the server said: {error}"
        ))
        .into(),
        _ => error.into(),
    }
}

/// Removes the temporary table, if it is there.
pub(super) async fn drop_beside(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let sql = format!("DROP TEMPORARY TABLE IF EXISTS {BESIDE}");
    sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map(drop)
}
