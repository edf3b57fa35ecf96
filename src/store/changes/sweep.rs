//! Forgetting: the record is kept for as many days as the settings say.

use time::OffsetDateTime;

use super::{PrimitiveDateTime, Result, Store, classify};

/// Rows deleted with one statement, so that nobody waits long for it.
const ROWS_AT_ONCE: u64 = 1000;

impl Store {
    /// Deletes changes that are older than so many days, oldest first; 0 keeps them for ever, and the newest is always
    /// kept. Answers with the number of rows.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn forget_changes(&self, keep_days: u32, now: OffsetDateTime) -> Result<u64> {
        if keep_days == 0 {
            return Ok(0);
        }
        let oldest = now - time::Duration::days(keep_days.into());
        let oldest = oldest.to_offset(time::UtcOffset::UTC);
        let oldest = PrimitiveDateTime::new(oldest.date(), oldest.time());
        let first_kept: Option<u64> = sqlx::query_scalar(
            "SELECT COALESCE((SELECT change_id FROM pw_changes WHERE seq = 0 AND at >= ? ORDER BY change_id LIMIT 1), \
             (SELECT MAX(change_id) FROM pw_changes))",
        )
        .bind(oldest)
        .fetch_one(&self.pool)
        .await
        .map_err(classify)?;
        let Some(first_kept) = first_kept else {
            return Ok(0);
        };
        // From the first row of a change on: one whose first row is gone is known to be no longer whole.
        let rows = self
            .delete_before(
                "DELETE FROM pw_changes WHERE change_id < ? ORDER BY change_id, seq LIMIT ?",
                first_kept,
            )
            .await?;
        self.delete_before(
            "DELETE FROM pw_change_notes WHERE change_id < ? ORDER BY change_id LIMIT ?",
            first_kept,
        )
        .await?;
        Ok(rows)
    }

    async fn delete_before(&self, statement: &'static str, first_kept: u64) -> Result<u64> {
        let mut rows = 0;
        loop {
            let deleted = sqlx::query(statement)
                .bind(first_kept)
                .bind(ROWS_AT_ONCE)
                .execute(&self.pool)
                .await
                .map_err(classify)?
                .rows_affected();
            rows += deleted;
            if deleted < ROWS_AT_ONCE {
                return Ok(rows);
            }
        }
    }
}
