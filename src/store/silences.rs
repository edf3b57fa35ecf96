//! Findings that somebody has decided to live with: of a rule, about a row.

use std::collections::{HashMap, HashSet};

use sqlx::{QueryBuilder, Row as _};
use time::PrimitiveDateTime;

use super::Store;
use super::connect::classify;
use super::list::find_rows;
use super::sessions::utc_now;
use super::sql::push_list;
use crate::access::{Actor, Rights, Scope};
use crate::error::{Error, Result};
use crate::resource::{Resource, overrides};

/// Longest reason, in characters.
const LONGEST: usize = 500;

/// Keys looked up with one statement.
const AT_ONCE: usize = 500;

/// A finding that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The rule.
    pub rule: String,
    /// The table.
    pub table: String,
    /// The key of the row as used in page addresses; empty where the finding is about the table itself.
    pub key: String,
    /// Why, as it was typed; may be empty.
    pub reason: String,
    /// Who left it out.
    pub who: String,
    /// When, UTC.
    pub at: PrimitiveDateTime,
}

/// What is silenced: rule, table and key.
pub(super) type Silenced = HashSet<(String, String, String)>;

impl Store {
    /// What is left out of checks, as far as the actor sees the rows; newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn silences(&self, actor: &Actor) -> Result<Vec<Silence>> {
        let rows = sqlx::query(
            "SELECT rule, table_name, row_key, reason, who, at FROM pw_silences ORDER BY at DESC, table_name, row_key, rule",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        let mut silences = rows
            .iter()
            .map(|row| {
                Ok(Silence {
                    rule: row.try_get_unchecked(0)?,
                    table: row.try_get_unchecked(1)?,
                    key: row.try_get_unchecked(2)?,
                    reason: row.try_get_unchecked(3)?,
                    who: row.try_get_unchecked(4)?,
                    at: row.try_get(5)?,
                })
            })
            .collect::<Result<Vec<Silence>, sqlx::Error>>()
            .map_err(classify)?;
        if actor.scope != Scope::Everything {
            let visible = self.visible(actor, &silences).await?;
            silences.retain(|s| visible.contains(&(s.table.clone(), s.key.clone())));
        }
        Ok(silences)
    }

    /// Leaves a finding out of checks from now on; a new reason takes the place of the one before.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the row is not there or not the actor's, [`Error::Forbidden`] where they may only read it.
    pub async fn silence(
        &self,
        actor: &Actor,
        rule: &str,
        table: &str,
        key: &str,
        reason: &str,
    ) -> Result<()> {
        self.expect_writable(actor, table, key).await?;
        let who: String = actor.name.chars().take(64).collect();
        let reason: String = reason.trim().chars().take(LONGEST).collect();
        sqlx::query(
            "REPLACE INTO pw_silences (rule, table_name, row_key, reason, who, at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(rule)
        .bind(table)
        .bind(key)
        .bind(reason)
        .bind(who)
        .bind(utc_now())
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(classify)
    }

    /// Tells a finding again. Where it was not left out nothing happens.
    ///
    /// # Errors
    /// As for [`Store::silence`].
    pub async fn unsilence(&self, actor: &Actor, rule: &str, table: &str, key: &str) -> Result<()> {
        // An operator also clears away what is said of rows that are gone.
        if actor.require_operator().is_err() {
            self.expect_writable(actor, table, key).await?;
        }
        sqlx::query("DELETE FROM pw_silences WHERE rule = ? AND table_name = ? AND row_key = ?")
            .bind(rule)
            .bind(table)
            .bind(key)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(classify)
    }

    /// What is left out of the findings about these rows of a table, or about all of it.
    pub(super) async fn silenced(&self, table: &str, keys: Option<&[&str]>) -> Result<Silenced> {
        let mut silenced = Silenced::new();
        let mut sql = QueryBuilder::new("SELECT rule, row_key FROM pw_silences WHERE table_name = ");
        sql.push_bind(table.to_owned());
        if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
            sql.push(" AND row_key IN (");
            push_list(&mut sql, keys);
            sql.push(")");
        }
        for row in sql.build().fetch_all(&self.pool).await.map_err(classify)? {
            let column = |i: usize| row.try_get_unchecked::<String, _>(i).map_err(classify);
            silenced.insert((column(0)?, table.to_owned(), column(1)?));
        }
        Ok(silenced)
    }

    /// That the actor may change the row, or, without a key, the table.
    async fn expect_writable(&self, actor: &Actor, table: &str, key: &str) -> Result<()> {
        let resource = Resource::by_table(table).ok_or(Error::NotFound)?;
        if key.is_empty() {
            return actor.require_operator();
        }
        let mut refused = Error::NotFound;
        for resource in parts(resource) {
            let row = match self.find(actor, resource, key).await {
                Ok(stored) => stored.row,
                Err(Error::NotFound) => continue,
                Err(error) => return Err(error),
            };
            if actor.rights(resource, row.text(resource.subject)) != Rights::Read {
                return Ok(());
            }
            refused = Error::Forbidden(format!(
                "You can read this {}, and not decide about what is found in it.",
                resource.words.noun
            ));
        }
        Err(refused)
    }

    /// Which of the rows are the actor's to see: table and key.
    async fn visible(&self, actor: &Actor, silences: &[Silence]) -> Result<HashSet<(String, String)>> {
        let mut by_table: HashMap<&str, Vec<&str>> = HashMap::new();
        for silence in silences {
            by_table.entry(&silence.table).or_default().push(&silence.key);
        }
        let schema = self.schema().await?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut visible = HashSet::new();
        for (name, keys) in by_table {
            let live = Resource::by_table(name).zip(schema.table(name));
            let Some((whole, table)) = live.filter(|(whole, table)| table.lacks(whole).is_none()) else {
                continue;
            };
            for resource in parts(whole) {
                for some in keys.chunks(AT_ONCE) {
                    let rows = find_rows(&mut connection, actor, resource, table, some, "").await;
                    let keys = rows.map_err(classify)?.into_iter().map(|stored| stored.row.key);
                    visible.extend(keys.map(|key| (name.to_owned(), key)));
                }
            }
        }
        Ok(visible)
    }
}

/// The resources that rows of a table are reached through: the table, and the overrides in it.
fn parts(whole: &'static Resource) -> impl Iterator<Item = &'static Resource> {
    let parts = overrides::PLACES
        .into_iter()
        .filter(|part| part.table == whole.table);
    std::iter::once(whole).chain(parts)
}
