//! Findings that somebody has decided to live with: of a rule, about a row.

use std::collections::{HashMap, HashSet};

use sqlx::{QueryBuilder, Row as _};
use time::PrimitiveDateTime;

use super::connect::classify;
use super::list::find_rows;
use super::sessions::utc_now;
use super::sql::push_list;
use super::{Row, Store};
use crate::access::{Actor, Rights, Scope};
use crate::error::{Error, Result};
use crate::lint::Told;
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
    /// Whether an owner left it out, which holds for owners alone.
    pub by_owner: bool,
    /// Why, as it was typed.
    pub reason: String,
    /// Who left it out.
    pub who: String,
    /// When, UTC.
    pub at: PrimitiveDateTime,
}

/// What is silenced in a table.
#[derive(Debug, Default)]
pub(super) struct Silenced {
    /// By rule and key: what was told when it was silenced; empty for whatever may be told.
    told: HashMap<(String, String), Vec<String>>,
}

impl Silenced {
    /// Whether a finding is left out. One that says something else than when somebody decided about it is told.
    pub fn has(&self, finding: &Told) -> bool {
        if self.told.is_empty() {
            return false;
        }
        let key = (finding.rule.to_owned(), finding.key.clone());
        let digest = finding.digest();
        let is_same = |told: &String| told.is_empty() || *told == digest;
        self.told.get(&key).is_some_and(|told| told.iter().any(is_same))
    }
}

impl Store {
    /// What is left out of checks, as far as the actor sees the rows; newest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn silences(&self, actor: &Actor) -> Result<Vec<Silence>> {
        let rows = sqlx::query(
            "SELECT rule, table_name, row_key, by_owner, reason, who, at FROM pw_silenced \
             ORDER BY at DESC, table_name, row_key, rule",
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
                    by_owner: row.try_get(3)?,
                    reason: row.try_get_unchecked(4)?,
                    who: row.try_get_unchecked(5)?,
                    at: row.try_get(6)?,
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

    /// Leaves a finding out of checks from now on, as long as it says the same: out of those of owners where an owner decides
    /// so, out of all where somebody else does. A new reason takes the place of the one before. Answers whether there is such
    /// a finding.
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
    ) -> Result<bool> {
        let row = self.expect_writable(actor, table, key).await?;
        let findings = match (Resource::by_table(table), row) {
            (Some(resource), Some(row)) => self.all_findings_of(actor, resource, &[row]).await?,
            _ => self.schema_findings(actor).await?,
        };
        let is_named = |told: &&Told| told.rule == rule && told.table == table && told.key == key;
        let Some(told) = findings.iter().find(is_named) else {
            return Ok(false);
        };
        let who: String = actor.name.chars().take(64).collect();
        let reason: String = reason.trim().chars().take(LONGEST).collect();
        sqlx::query(
            "REPLACE INTO pw_silenced (rule, table_name, row_key, by_owner, told, reason, who, at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(rule)
        .bind(table)
        .bind(key)
        .bind(is_owner(actor))
        .bind(told.digest())
        .bind(reason)
        .bind(who)
        .bind(utc_now())
        .execute(&self.pool)
        .await
        .map_err(classify)?;
        Ok(true)
    }

    /// That the actor may decide about what is found in a row, or, without a key, in a table.
    ///
    /// # Errors
    /// As for [`Store::silence`].
    pub async fn expect_silenceable(&self, actor: &Actor, table: &str, key: &str) -> Result<()> {
        self.expect_writable(actor, table, key).await.map(drop)
    }

    /// Tells a finding again: to owners where an owner says so, to all where an operator does. Where it was not left out
    /// nothing happens.
    ///
    /// # Errors
    /// As for [`Store::silence`].
    pub async fn unsilence(&self, actor: &Actor, rule: &str, table: &str, key: &str) -> Result<()> {
        // An operator also clears away what is said of rows that are gone.
        if actor.require_operator().is_err() {
            self.expect_writable(actor, table, key).await?;
        }
        sqlx::query(
            "DELETE FROM pw_silenced WHERE rule = ? AND table_name = ? AND row_key = ? AND by_owner >= ?",
        )
        .bind(rule)
        .bind(table)
        .bind(key)
        .bind(is_owner(actor))
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(classify)
    }

    /// What is left out of what an actor is told about these rows of a table, or about all of it.
    pub(super) async fn silenced(
        &self,
        actor: &Actor,
        table: &str,
        keys: Option<&[&str]>,
    ) -> Result<Silenced> {
        let mut silenced = Silenced::default();
        let mut sql = QueryBuilder::new("SELECT rule, row_key, told FROM pw_silenced WHERE by_owner <= ");
        sql.push_bind(is_owner(actor));
        sql.push(" AND table_name = ");
        sql.push_bind(table.to_owned());
        if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
            sql.push(" AND row_key IN (");
            push_list(&mut sql, keys);
            sql.push(")");
        }
        for row in sql.build().fetch_all(&self.pool).await.map_err(classify)? {
            let column = |i: usize| row.try_get_unchecked::<String, _>(i).map_err(classify);
            let told = silenced.told.entry((column(0)?, column(1)?)).or_default();
            told.push(column(2)?);
        }
        Ok(silenced)
    }

    /// That the actor may change the row, which is answered, or, without a key, the table.
    async fn expect_writable(&self, actor: &Actor, table: &str, key: &str) -> Result<Option<Row>> {
        let resource = Resource::by_table(table).ok_or(Error::NotFound)?;
        if key.is_empty() {
            return actor.require_operator().map(|()| None);
        }
        let mut refused = Error::NotFound;
        for resource in parts(resource) {
            let row = match self.find(actor, resource, key).await {
                Ok(stored) => stored.row,
                Err(Error::NotFound) => continue,
                Err(error) => return Err(error),
            };
            if actor.rights(resource, row.text(resource.subject)) != Rights::Read {
                return Ok(Some(row));
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

/// Whether somebody decides about findings for owners alone.
fn is_owner(actor: &Actor) -> bool {
    actor.scope != Scope::Everything
}

/// The resources that rows of a table are reached through: the table, and the overrides in it.
fn parts(whole: &'static Resource) -> impl Iterator<Item = &'static Resource> {
    let parts = overrides::PLACES
        .into_iter()
        .filter(|part| part.table == whole.table);
    std::iter::once(whole).chain(parts)
}
