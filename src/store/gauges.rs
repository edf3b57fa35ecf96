//! Numbers about the database for a monitoring system.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::Store;
use super::connect::classify;
use crate::error::Result;
use crate::resource::Resource;

impl Store {
    /// Connections to the database that are in use, and that are open and idle.
    pub fn connections(&self) -> (usize, usize) {
        let idle = self.pool.num_idle();
        let open = usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
        (open.saturating_sub(idle), idle)
    }

    /// The number of the last change.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn changes_so_far(&self) -> Result<u64> {
        let last = sqlx::query_scalar("SELECT CAST(last_change AS UNSIGNED) FROM pw_counter WHERE id = 1");
        last.fetch_one(&self.pool).await.map_err(classify)
    }

    /// Rows of each mail table, as the server estimates them: no row is read, and some are not counted yet or still.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn estimated_rows(&self) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT CAST(table_name AS CHAR), CAST(table_rows AS UNSIGNED) FROM information_schema.tables \
                   WHERE table_schema = DATABASE()";
        let rows = sqlx::query(sql).fetch_all(&self.pool).await.map_err(classify)?;
        let mut sizes = BTreeMap::new();
        for row in &rows {
            let name: String = row.try_get_unchecked(0).map_err(classify)?;
            // A view has none.
            let size: Option<u64> = row.try_get_unchecked(1).map_err(classify)?;
            sizes.extend(
                size.filter(|_| Resource::by_table(&name).is_some())
                    .map(|size| (name, size)),
            );
        }
        Ok(sizes)
    }
}
