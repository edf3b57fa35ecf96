//! A whole domain: every row about it and about addresses in it, planned as one change that deletes, renames or clones
//! them all. Files in mailboxes are no rows: they stay where they are.

mod clone;
mod delete;
mod rename;

pub use rename::Renaming;

use std::collections::HashSet;

use super::change_set::{self, ChangeSet, reason, too_long};
use super::connect::classify;
use super::list::{find_subjects, find_where};
use super::row::Stored;
use super::schema::{Schema, require};
use super::selection::MOST;
use super::sql::{domain_expression, fragment, push_domains, searchable};
use super::{Row, Store};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::mail::{domain_of, items_of};
use crate::resource::overrides::{IN_BACKUPS, IN_DOMAINS};
use crate::resource::{Draft, Resource, access, aliases, backups, domains, relocated, users};

/// Every row that has to do with one domain.
#[derive(Debug)]
pub struct DomainRows {
    /// The domain.
    pub domain: String,
    /// The rows about it and about addresses in it, each with its table, its own row first. Access rules about clients are
    /// none of these.
    pub rows: Vec<(&'static Resource, Stored)>,
    /// Rows of other domains that name an address in it: aliases that deliver there, relocations that lead there.
    pub elsewhere: Vec<(&'static Resource, Stored)>,
    /// Accounts that own it.
    pub owners: Vec<String>,
}

impl DomainRows {
    /// How many rows of each table are about it.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static Resource, usize)> {
        change_set::counted(self.rows.iter().map(|(resource, _)| *resource))
    }

    /// The rows of a table.
    fn of(&self, resource: &Resource) -> impl Iterator<Item = &Stored> {
        let table = resource.table;
        let those = self.rows.iter().filter(move |(found, _)| found.table == table);
        those.map(|(_, stored)| stored)
    }
}

impl Store {
    /// Every row that has to do with a domain (lower-case ASCII).
    ///
    /// # Errors
    /// [`Error::Forbidden`] for those who may not change domains, [`Error::Usage`] where it is more than one change takes,
    /// or the database does not answer.
    pub async fn domain_rows(&self, actor: &Actor, domain: &str) -> Result<DomainRows> {
        actor.require_write(&domains::RESOURCE)?;
        let schema = self.schema().await?;
        let mut found = DomainRows {
            domain: domain.to_owned(),
            rows: Vec::new(),
            elsewhere: Vec::new(),
            owners: self.owners_of(actor, domain).await?,
        };
        for resource in Resource::tables() {
            let rows = self.in_domain(actor, &schema, resource, domain).await?;
            let those = rows.into_iter().filter(|stored| !is_about_clients(&stored.row));
            found
                .rows
                .extend(those.map(|stored| (named(resource, &stored.row), stored)));
        }
        for (resource, column) in [
            (&aliases::RESOURCE, "destination"),
            (&relocated::RESOURCE, "newadr"),
        ] {
            let rows = self
                .mentioning_domain(actor, &schema, resource, column, domain)
                .await?;
            found
                .elsewhere
                .extend(rows.into_iter().map(|stored| (resource, stored)));
        }
        if found.rows.len() + found.elsewhere.len() > MOST {
            return Err(Error::Usage(format!(
                "`{domain}` has more than {MOST} rows, the most of one change. Take its aliases and mailboxes in turns first."
            )));
        }
        Ok(found)
    }

    /// The rows of a table about a domain and about addresses in it; none where the table is missing.
    async fn in_domain(
        &self,
        actor: &Actor,
        schema: &Schema,
        resource: &'static Resource,
        domain: &str,
    ) -> Result<Vec<Stored>> {
        let live = schema.table(resource.table);
        let Some(table) = live.filter(|table| table.lacks(resource).is_none()) else {
            return Ok(Vec::new());
        };
        let expression = domain_expression(table, resource.subject, resource.subject);
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut rows = find_where(
            &mut connection,
            actor,
            resource,
            table,
            |sql| push_domains(sql, &expression, &[domain]),
            "",
        )
        .await
        .map_err(classify)?;
        // The domain's own row first, and rows that are on before those that are not.
        rows.sort_by_cached_key(|stored| {
            let subject = stored.row.subject(resource);
            (subject != domain, subject, !stored.row.is_enabled())
        });
        Ok(rows)
    }

    /// The rows of other domains of which a column names an address in this one.
    async fn mentioning_domain(
        &self,
        actor: &Actor,
        schema: &Schema,
        resource: &'static Resource,
        column: &'static str,
        domain: &str,
    ) -> Result<Vec<Stored>> {
        let live = schema.table(resource.table);
        let Some(table) = live.filter(|table| table.lacks(resource).is_none() && table.has(column)) else {
            return Ok(Vec::new());
        };
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut rows = find_where(
            &mut connection,
            actor,
            resource,
            table,
            |sql| {
                sql.push(format!("{} LIKE ", searchable(column)));
                sql.push_bind(fragment(&format!("@{domain}")));
                sql.push(" ESCAPE '!'");
            },
            "",
        )
        .await
        .map_err(classify)?;
        rows.retain(|stored| {
            let names = items_of(stored.row.text(column))
                .iter()
                .any(|item| domain_of(item) == domain);
            names && domain_of(stored.row.text(resource.subject)) != domain
        });
        Ok(rows)
    }

    /// Those of the subjects that rows of a table have already, with the column they are unique with.
    async fn taken(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        subjects: &[String],
    ) -> Result<HashSet<(String, String)>> {
        let schema = self.schema().await?;
        let table = require(&schema, resource.table)?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let rows = find_subjects(&mut connection, actor, resource, table, subjects).await;
        let rows = rows.map_err(classify)?;
        Ok(rows
            .iter()
            .map(|stored| identity(resource, &stored.row))
            .collect())
    }
}

impl Store {
    /// The directories of mailboxes below the one of a domain, without slashes at their ends.
    async fn directories_below(&self, actor: &Actor, domain: &str) -> Result<HashSet<String>> {
        let schema = self.schema().await?;
        let resource = &users::RESOURCE;
        let table = require(&schema, resource.table)?;
        if !table.has("maildir") {
            return Ok(HashSet::new());
        }
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let below = |sql: &mut sqlx::QueryBuilder<sqlx::MySql>| {
            sql.push("maildir LIKE ");
            sql.push_bind(fragment(&format!("{domain}/")));
            sql.push(" ESCAPE '!'");
        };
        let rows = find_where(&mut connection, actor, resource, table, below, "").await;
        let rows = rows.map_err(classify)?;
        let bare = |stored: &Stored| stored.row.text("maildir").trim().trim_matches('/').to_owned();
        Ok(rows.iter().map(bare).collect())
    }
}

/// What no two rows of a table may share: the subject, and the column it is unique with.
fn identity(resource: &Resource, row: &Row) -> (String, String) {
    let with = resource.unique_with.map_or("", |column| row.text(column));
    (row.subject(resource), with.trim().to_lowercase())
}

/// The same of a row that a draft becomes.
fn identity_of(resource: &Resource, draft: &Draft) -> (String, String) {
    let with = resource.unique_with.map(|column| draft.text(column));
    (draft.text(resource.subject), with.unwrap_or_default())
}

/// What rows of a table are called: those about one address among domains are overrides.
fn named(resource: &'static Resource, row: &Row) -> &'static Resource {
    let is_override = row.text(resource.subject).contains('@');
    match resource.table {
        table if is_override && table == domains::RESOURCE.table => &IN_DOMAINS,
        table if is_override && table == backups::RESOURCE.table => &IN_BACKUPS,
        _ => resource,
    }
}

fn is_rule_of(row: &Row, kind: &str) -> bool {
    row.text("kind").trim().eq_ignore_ascii_case(kind)
}

fn is_about_clients(row: &Row) -> bool {
    is_rule_of(row, "client")
}

fn is_about_senders(resource: &Resource, row: &Row) -> bool {
    resource.table == access::RESOURCE.table && is_rule_of(row, "sender")
}

/// A subject in one domain as one in another.
fn in_other_domain(subject: &str, new: &str) -> String {
    match subject.trim().rsplit_once('@') {
        Some((local, _)) => format!("{local}@{new}"),
        None => new.to_owned(),
    }
}

/// `3 aliases`
fn counted(resource: &Resource, count: usize) -> String {
    match count {
        1 => format!("1 {}", resource.words.noun),
        n => format!("{n} {}", resource.words.many),
    }
}

/// `a`, `b` and 3 more
pub(super) fn some(names: &[String]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Checks a row in which some columns are written anew. What is wrong with it goes into the set.
fn checked(
    store: &Store,
    schema: &Schema,
    set: &mut ChangeSet,
    resource: &'static Resource,
    row: &Row,
    values: &[(&'static str, String)],
) -> Result<Option<Draft>> {
    let table = require(schema, resource.table)?;
    let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
    let anew = values
        .iter()
        .fold(row.clone(), |row, (column, value)| row.with(column, value));
    let draft = match anew.check_typed(resource, store.rules(), &columns) {
        Ok(draft) => draft,
        Err(problems) => {
            set.refuse(resource, row, reason(problems));
            return Ok(None);
        }
    };
    match too_long(resource, table, &draft)? {
        Some(why) => {
            set.refuse(resource, row, why);
            Ok(None)
        }
        None => Ok(Some(draft)),
    }
}
