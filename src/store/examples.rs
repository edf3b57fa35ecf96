//! The demo's database: the examples of the flurdy howto.

use sqlx::{AssertSqlSafe, Executor, Row as _};

use super::Store;
use super::connect::classify;
use crate::error::Result;

const EXAMPLES: &str = include_str!("examples.sql");

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
        for statement in EXAMPLES.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
            transaction
                .execute(AssertSqlSafe(statement))
                .await
                .map_err(classify)?;
        }
        transaction.commit().await.map_err(classify)
    }
}
