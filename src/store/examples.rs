//! The demo's database: the examples of the flurdy howto, and a sample of the size of a real mail server.

use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, QueryBuilder, Row as _};

use super::Store;
use super::connect::classify;
use super::sample::{Content, Sample};
use super::sql::ident;
use crate::error::Result;

const EXAMPLES: &str = include_str!("examples.sql");

/// Rows of one INSERT: few statements, each far below the server's limits of 65,535 parameters and `max_allowed_packet`.
const AT_ONCE: usize = 500;

impl Store {
    /// Creates a database on the server this store is connected to; says whether it was missing.
    ///
    /// # Errors
    /// The account lacks CREATE.
    pub async fn create_database(&self, name: &str) -> Result<bool> {
        let found = sqlx::query("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?")
            .bind(name)
            .fetch_one(&self.pool)
            .await
            .map_err(classify)?;
        let missing = found.try_get_unchecked::<i64, _>(0).map_err(classify)? == 0;
        let statement = format!(
            "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4",
            super::sql::ident(name)
        );
        self.pool
            .execute(AssertSqlSafe(statement))
            .await
            .map_err(classify)?;
        Ok(missing)
    }

    /// Fills empty mail tables with the howto's examples.
    ///
    /// # Errors
    /// A row is there already.
    pub async fn load_examples(&self) -> Result<()> {
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        insert_examples(&mut transaction).await.map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }

    /// Fills empty mail tables with the howto's examples and about 2,600 further rows, which are the same every time.
    /// All of them or none.
    ///
    /// # Errors
    /// A row is there already.
    pub async fn load_demo(&self) -> Result<()> {
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        insert_examples(&mut transaction).await.map_err(classify)?;
        for table in Sample::tables() {
            insert(&mut transaction, &table).await.map_err(classify)?;
        }
        transaction.commit().await.map_err(classify)
    }
}

async fn insert_examples(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    for statement in EXAMPLES.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// Inserts the rows of a table. Texts in columns `cidr_` are IP addresses, or empty for NULL.
async fn insert(connection: &mut MySqlConnection, table: &Content) -> Result<(), sqlx::Error> {
    let columns: Vec<String> = table.columns.iter().map(|column| ident(column)).collect();
    let begin = format!("INSERT INTO {} ({}) ", ident(table.table), columns.join(", "));
    for rows in table.rows.chunks(AT_ONCE) {
        let mut sql: QueryBuilder<MySql> = QueryBuilder::new(begin.clone());
        sql.push_values(rows, |mut values, row| {
            for (column, text) in table.columns.iter().zip(row) {
                if column.starts_with("cidr_") {
                    values
                        .push("INET6_ATON(NULLIF(")
                        .push_bind_unseparated(text)
                        .push_unseparated(", ''))");
                } else {
                    values.push_bind(text);
                }
            }
        });
        sql.build().execute(&mut *connection).await?;
    }
    Ok(())
}
