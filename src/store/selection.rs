//! Many rows at once: which ones a person means, and what switching them on would do.

use std::collections::HashSet;

use super::Row;
use super::connect::classify;
use super::list::{ListQuery, push_filters, push_keys};
use super::row::{read_row, row_columns};
use super::schema::require;
use super::sql::{ident, push_scope};
use super::{Store, Warning};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::resource::{Draft, Resource};

/// Most rows of one change. Its record is written row by row and a person is waiting.
pub const MOST: usize = 50_000;

/// Keys looked up with one statement.
const KEYS_AT_ONCE: usize = 1_000;

/// The rows a person has chosen.
#[derive(Debug, Clone)]
pub enum Selection {
    /// Those ticked in a list.
    Keys(Vec<String>),
    /// All that a list shows, over all its pages.
    Matching(ListQuery),
}

/// What switching rows on comes to.
#[derive(Debug, Default)]
pub struct Enabling {
    /// Rows that would be switched on.
    pub keys: Vec<String>,
    /// Rows that stay off because Postfix would choke on them: subject and reason.
    pub refused: Vec<(String, String)>,
    /// What is suspicious about the others.
    pub warnings: Vec<Warning>,
}

impl Store {
    /// The chosen rows that the actor may see, at most one more than [`MOST`], in the order of their keys.
    ///
    /// # Errors
    /// The table is missing, or the database does not answer.
    pub async fn selected(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        selection: &Selection,
    ) -> Result<Vec<Row>> {
        let schema = self.schema().await?;
        let table = require(&schema, resource.table)?;
        let (select, columns) = row_columns(resource, table);
        let select = format!("SELECT {select} FROM {} r WHERE ", ident(resource.table));
        let mut rows = Vec::new();
        let mut read = async |mut sql: sqlx::QueryBuilder<sqlx::MySql>| {
            sql.push(format!(" ORDER BY {} LIMIT {}", ident(resource.key), MOST + 1));
            for row in sql.build().fetch_all(&self.pool).await.map_err(classify)? {
                rows.push(read_row(&columns, &row).map_err(classify)?);
            }
            Ok::<_, Error>(())
        };
        match selection {
            Selection::Matching(query) => {
                let mut sql = sqlx::QueryBuilder::new(format!("{select}TRUE"));
                push_filters(&mut sql, &schema, actor, resource, table, query);
                read(sql).await?;
            }
            Selection::Keys(keys) => {
                for chunk in keys.chunks(KEYS_AT_ONCE) {
                    let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
                    let mut sql = sqlx::QueryBuilder::new(&select);
                    push_keys(&mut sql, table, resource, &chunk);
                    push_scope(&mut sql, &actor.scope, table, resource);
                    read(sql).await?;
                }
                // The server compares leniently; a key is meant to the letter, and once.
                let mut asked: HashSet<&str> = keys.iter().map(String::as_str).collect();
                rows.retain(|row| asked.remove(row.key.as_str()));
            }
        }
        Ok(rows)
    }

    /// What switching on these rows comes to, each by itself. Rows that are on already are left out.
    pub fn enabling(&self, resource: &'static Resource, rows: &[Row]) -> Enabling {
        let mut enabling = Enabling::default();
        let mut cautions = Vec::new();
        for row in rows.iter().filter(|row| !row.is_enabled()) {
            match row.switched_on().check(resource, self.rules()) {
                Ok(draft) => {
                    enabling.keys.push(row.key.clone());
                    cautions.extend(asking(&draft).map(|message| (message, draft.text(resource.subject))));
                }
                Err(problems) => {
                    let reason = problems.into_iter().next().map(|p| p.message).unwrap_or_default();
                    enabling
                        .refused
                        .push((row.text(resource.subject).to_owned(), reason));
                }
            }
        }
        enabling.warnings = grouped(cautions);
        enabling
    }
}

/// What a draft would ask about by itself.
fn asking(draft: &Draft) -> impl Iterator<Item = String> {
    draft
        .cautions
        .iter()
        .filter(|caution| caution.confirm)
        .map(|caution| caution.message.clone())
}

/// Equal messages once, with how many rows they are about.
pub(super) fn grouped(cautions: Vec<(String, String)>) -> Vec<Warning> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (message, subject) in cautions {
        match groups.iter_mut().find(|(known, _)| *known == message) {
            Some((_, subjects)) => subjects.push(subject),
            None => groups.push((message, vec![subject])),
        }
    }
    groups
        .into_iter()
        .map(|(message, subjects)| Warning {
            confirm: true,
            message: counted(subjects.len(), &subjects[0], &message),
        })
        .collect()
}

fn counted(rows: usize, first: &str, message: &str) -> String {
    match rows {
        1 => format!("`{first}`: {message}"),
        n => format!("`{first}` and {} more: {message}", n - 1),
    }
}
