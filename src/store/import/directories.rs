//! The directories of mailboxes, read once for many rows: no index says whether one is free.

use std::collections::BTreeSet;

use sqlx::{MySqlConnection, QueryBuilder, Row as _};

use crate::access::{Actor, Scope};
use crate::mail::domain_of;
use crate::resource::{Resource, Row};
use crate::store::Refusal;
use crate::store::list::push_key;
use crate::store::schema::Table;
use crate::store::sql::ident;
use crate::store::unit::{bare, is_part};

/// Rows read with one statement.
const ROWS_AT_ONCE: usize = 10_000;

/// Directories that are taken, in small letters, each with the key of its row. Where there are directories the key is
/// what the row is about.
#[derive(Debug)]
pub(super) struct Directories(BTreeSet<(String, String)>);

impl Directories {
    /// Those of a column.
    pub async fn read(
        connection: &mut MySqlConnection,
        resource: &'static Resource,
        table: &Table,
        column: &str,
    ) -> Result<Self, sqlx::Error> {
        let mut taken = BTreeSet::new();
        let key = ident(resource.key);
        let mut last: Option<String> = None;
        loop {
            let mut sql = QueryBuilder::new(format!(
                "SELECT CAST({key} AS CHAR), CAST({} AS CHAR) FROM {}",
                ident(column),
                ident(resource.table)
            ));
            if let Some(last) = &last {
                sql.push(format!(" WHERE {key} > "));
                push_key(&mut sql, table, resource, last);
            }
            sql.push(format!(" ORDER BY {key} LIMIT {ROWS_AT_ONCE}"));
            let rows = sql.build().fetch_all(&mut *connection).await?;
            for row in &rows {
                let key: String = row.try_get_unchecked(0)?;
                let directory: Option<String> = row.try_get_unchecked(1)?;
                last = Some(key.clone());
                taken.insert(entry(&directory.unwrap_or_default(), &key));
            }
            if rows.len() < ROWS_AT_ONCE {
                return Ok(Self(taken));
            }
        }
    }

    /// That a row's directory, where it is new, is nobody else's, as `expect_own_directory` has it; from now on it is taken.
    ///
    /// # Errors
    /// [`Refusal::Shared`].
    pub fn take(
        &mut self,
        actor: &Actor,
        column: &'static str,
        key: &str,
        directory: &str,
        before: Option<&Row>,
    ) -> Result<(), Refusal> {
        if before.is_some_and(|row| bare(row.text(column)) == bare(directory)) {
            return Ok(());
        }
        let own = format!("{}/", domain_of(key));
        if actor.scope != Scope::Everything && !directory.starts_with(&own) {
            return Err(Refusal::Shared { column, key: None });
        }
        let old = before.map(|row| row.key.as_str());
        if let Some(other) = self.in_the_way(actor, &entry(directory, key).0, old) {
            let visible = actor.scope.covers(&domain_of(other));
            return Err(Refusal::Shared {
                column,
                key: visible.then(|| other.to_owned()),
            });
        }
        if let Some(row) = before {
            self.0.remove(&entry(row.text(column), &row.key));
        }
        self.0.insert(entry(directory, key));
        Ok(())
    }

    /// The key of another row that has this directory, one above it or one below it. An operator may put mailboxes below one
    /// another, but not into what IMAP takes for parts of one.
    fn in_the_way(&self, actor: &Actor, mine: &str, except: Option<&str>) -> Option<&str> {
        let same = std::iter::once(mine.to_owned());
        let above = mine.match_indices('/').map(|(at, _)| mine[..at].to_owned());
        let from = |directory: &str| self.0.range((directory.to_owned(), String::new())..);
        let below = format!("{mine}/");
        let around = same.chain(above).flat_map(|directory| {
            let those = from(&directory);
            those.take_while(move |(theirs, _)| *theirs == directory)
        });
        let inside = from(&below).take_while(|(theirs, _)| theirs.starts_with(&below));
        around
            .chain(inside)
            .filter(|(theirs, key)| !theirs.is_empty() && except != Some(key.as_str()))
            .find(|(theirs, _)| {
                actor.scope != Scope::Everything || theirs.len() == mine.len() || is_part(mine, theirs)
            })
            .map(|(_, key)| key.as_str())
    }
}

/// A directory as it is compared.
fn entry(directory: &str, key: &str) -> (String, String) {
    (bare(directory).to_lowercase(), key.to_owned())
}
