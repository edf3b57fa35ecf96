//! Creating what is missing. Two kinds of tables, two ways:
//!
//! - The mail tables (`migrations/tables`) are made where they do not exist and never touched where they do.
//! - The panel's own `pw_` tables (`migrations/panel`) move forward in numbered steps, each applied once. A step may be
//!   cut short and run again: every statement of it can be repeated.

use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

use super::Store;
use super::connect::{classify, number};
use super::schema::Schema;
use crate::error::{Error, Result};

/// The mail tables, by name.
const TABLES: &[(&str, &str)] = &[
    ("domains", include_str!("../../migrations/tables/domains.sql")),
    ("aliases", include_str!("../../migrations/tables/aliases.sql")),
    ("users", include_str!("../../migrations/tables/users.sql")),
    ("backups", include_str!("../../migrations/tables/backups.sql")),
    ("relays", include_str!("../../migrations/tables/relays.sql")),
    ("relocated", include_str!("../../migrations/tables/relocated.sql")),
    (
        "access_rules",
        include_str!("../../migrations/tables/access_rules.sql"),
    ),
];

/// The steps of the panel's own tables, in order. Steps are added at the end and never changed.
const STEPS: &[(u32, &str)] = &[
    (1, include_str!("../../migrations/panel/0001_accounts.sql")),
    (2, include_str!("../../migrations/panel/0002_changes.sql")),
    (3, include_str!("../../migrations/panel/0003_postfix.sql")),
    (4, include_str!("../../migrations/panel/0004_throttle.sql")),
    (5, include_str!("../../migrations/panel/0005_people.sql")),
    (6, include_str!("../../migrations/panel/0006_passkeys.sql")),
    (7, include_str!("../../migrations/panel/0007_silences.sql")),
    (8, include_str!("../../migrations/panel/0008_change_notes.sql")),
    (9, include_str!("../../migrations/panel/0009_backups.sql")),
    (10, include_str!("../../migrations/panel/0010_silenced.sql")),
];

const STEPS_TABLE: &str = "CREATE TABLE IF NOT EXISTS pw_migrations (\n  step INT UNSIGNED NOT NULL PRIMARY KEY,\n  \
                           applied_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP\n) ENGINE=InnoDB";

impl Store {
    /// The statements that [`Store::migrate`] would run now.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn pending_migrations(&self) -> Result<Vec<String>> {
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        pending(&mut connection).await.map_err(classify)
    }

    /// Creates what is missing and answers with the statements that were run.
    ///
    /// # Errors
    /// The account lacks CREATE, or the database does not answer.
    pub async fn migrate(&self) -> Result<Vec<String>> {
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        // Two programs that migrate at once take turns.
        connection
            .execute("DO GET_LOCK(CONCAT('postwarden.', DATABASE()), 60)")
            .await
            .map_err(classify)?;
        let statements = pending(&mut connection).await.map_err(classify)?;
        for statement in &statements {
            connection
                .execute(AssertSqlSafe(statement.clone()))
                .await
                .map_err(classify)?;
        }
        connection
            .execute("DO RELEASE_LOCK(CONCAT('postwarden.', DATABASE()))")
            .await
            .map_err(classify)?;
        self.schema.forget();
        Ok(statements)
    }

    /// That the panel's tables are all there.
    ///
    /// # Errors
    /// [`Error::NotMigrated`] where they are not.
    pub async fn require_migrated(&self) -> Result<()> {
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let done = applied(&mut connection).await.map_err(classify)?;
        if STEPS.iter().all(|(step, _)| done.contains(step)) {
            Ok(())
        } else {
            Err(Error::NotMigrated)
        }
    }
}

/// The steps that have been applied.
async fn applied(connection: &mut MySqlConnection) -> Result<Vec<u32>, sqlx::Error> {
    match sqlx::query_scalar("SELECT step FROM pw_migrations")
        .fetch_all(connection)
        .await
    {
        Err(error) if number(&error) == Some(1146) => Ok(Vec::new()),
        other => other,
    }
}

async fn pending(connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
    let schema = Schema::read(connection).await?;
    let mut statements: Vec<String> = TABLES
        .iter()
        .filter(|(name, _)| schema.table(name).is_none())
        .map(|(_, statement)| statement.trim().to_owned())
        .collect();
    if schema.table("pw_migrations").is_none() {
        statements.push(STEPS_TABLE.to_owned());
    }
    let done = applied(connection).await?;
    for (step, text) in STEPS.iter().filter(|(step, _)| !done.contains(step)) {
        statements.extend(split(text));
        statements.push(format!("INSERT IGNORE INTO pw_migrations (step) VALUES ({step})"));
    }
    Ok(statements)
}

/// The statements of a step: they end in `;` at the end of a line. Comment lines are left out.
fn split(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    code.join("\n")
        .split(";\n")
        .map(|s| s.trim().trim_end_matches(';').to_owned())
        .filter(|s| !s.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_a_step_can_be_repeated() {
        for (step, text) in STEPS {
            for statement in split(text) {
                let repeatable = statement.starts_with("CREATE TABLE IF NOT EXISTS pw_")
                    || statement.starts_with("INSERT IGNORE INTO pw_");
                assert!(repeatable, "step {step}: {statement}");
            }
        }
    }
}
