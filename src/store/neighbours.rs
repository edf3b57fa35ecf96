//! What other rows have to do with some: what depends on rows that are about to be deleted. It only reads, by index where
//! the tables have one, and for many rows with a few statements.

use std::collections::{BTreeSet, HashSet};

use sqlx::{MySql, QueryBuilder, Row as _};

use super::connect::classify;
use super::list::push_keys;
use super::schema::Table;
use super::sql::{domain_expression, fragment, ident, push_domains, push_list, push_scope, searchable};
use super::{Operation, Row, Store};
use crate::access::Actor;
use crate::error::Result;
use crate::mail::domain_of;
use crate::resource::{Dependent, Draft, Place, Relation, Resource, aliases, fill};

/// How many dependent rows are named; the rest are counted.
const NAMED: usize = 5;

/// Values compared with one statement.
const VALUES_AT_ONCE: usize = 500;

/// Up to so many addresses are looked for in lists by the server; for more the lists are read once.
const FEW: usize = 4;

/// Something a save makes Postfix do that the person may not have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Whether the save waits for a confirmation.
    pub confirm: bool,
    /// What Postfix will do.
    pub message: String,
}

/// Rows that depend on others, of one kind.
#[derive(Debug)]
pub struct Dependents {
    /// The table they are in.
    pub table: &'static str,
    /// What they have to do with the others, to be said after how many they are.
    pub what: String,
    /// How many there are.
    pub count: u64,
    /// How many of them are off.
    pub off: u64,
    /// The first few.
    pub examples: Vec<Neighbour>,
}

/// A row that depends on others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its key.
    pub key: String,
    /// Its name.
    pub subject: String,
    /// Whether it is off.
    pub is_off: bool,
}

impl Store {
    /// What is suspicious about a draft by itself and was not so before. What it does among the other rows is its
    /// [`Effect`](super::Effect).
    pub fn cautions(&self, resource: &Resource, draft: &Draft, before: Option<&Row>) -> Vec<Warning> {
        let known = before
            .and_then(|row| row.check(resource, self.rules()).ok())
            .map_or_else(Vec::new, |old| old.cautions);
        draft
            .cautions
            .iter()
            .filter(|caution| !known.contains(caution))
            .map(|caution| Warning {
                confirm: caution.confirm,
                message: caution.message.clone(),
            })
            .collect()
    }

    /// What depends on rows that are about to go away together, as far as the actor may see it: each row once, and not
    /// those that `with` writes too. On a row whose name another enabled one has as well nothing depends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn dependents(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        rows: &[Row],
        with: &[Operation],
    ) -> Result<Vec<Dependents>> {
        let schema = self.schema().await?;
        let kept = self.kept(actor, resource, rows).await?;
        let mut found = Vec::new();
        let mut told: Vec<(&Place, Vec<String>)> = Vec::new();
        for dependent in resource.dependents {
            let place = &dependent.place;
            // The other rows of the same name are among these.
            let names_them = place.table == resource.table && place.relation == Relation::InDomain;
            let subjects: Vec<&str> = rows
                .iter()
                .map(|row| row.text(resource.subject).trim())
                .filter(|subject| !subject.is_empty() && dependent.applies.to(subject))
                .filter(|subject| names_them || !kept.contains(&subject.to_lowercase()))
                .collect();
            let live = Resource::by_table(place.table).zip(schema.table(place.table));
            let Some((other, table)) = live.filter(|(_, table)| table.has(place.column)) else {
                continue;
            };
            let Some(first) = subjects.first() else {
                continue;
            };
            let mut leaving = written(with, place.table);
            if place.table == resource.table {
                leaving.extend(rows.iter().map(|row| row.key.as_str()));
            }
            let look = Look {
                actor,
                table,
                place,
                resource: other,
                leaving: &leaving,
                told: told
                    .iter()
                    .filter(|(place, _)| place.table == table.name)
                    .collect(),
            };
            let seen = look.at(&self.pool, &subjects).await.map_err(classify)?;
            told.push((place, values(place.relation, &subjects)));
            if seen.count > 0 {
                found.push(Dependents {
                    table: place.table,
                    what: what(dependent, first, subjects.len()),
                    count: seen.count,
                    off: seen.off,
                    examples: seen.examples,
                });
            }
        }
        Ok(found)
    }

    /// The names of rows that another row has too, which is on and stays.
    async fn kept(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        rows: &[Row],
    ) -> Result<HashSet<String>> {
        let schema = self.schema().await?;
        let Some(table) = schema
            .table(resource.table)
            .filter(|table| table.has(resource.subject))
        else {
            return Ok(HashSet::new());
        };
        let leaving: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        let place = Place {
            table: resource.table,
            column: resource.subject,
            relation: Relation::Same,
        };
        let look = Look {
            actor,
            table,
            place: &place,
            resource,
            leaving: &leaving,
            told: Vec::new(),
        };
        let subjects: Vec<&str> = rows.iter().map(|row| row.text(resource.subject).trim()).collect();
        let rest = if table.has("enabled") {
            " AND enabled = 1"
        } else {
            ""
        };
        let mut found = HashSet::new();
        for values in values(Relation::Same, &subjects).chunks(VALUES_AT_ONCE) {
            let mut sql = look.query(&look.names(), values, rest);
            for row in &sql.build().fetch_all(&self.pool).await.map_err(classify)? {
                found.insert(text(row, 1).map_err(classify)?.trim().to_lowercase());
            }
        }
        Ok(found)
    }
}

/// The keys of the rows of a table that operations delete or write otherwise.
fn written<'o>(operations: &'o [Operation], table: &str) -> Vec<&'o str> {
    let mut found = Vec::new();
    for operation in operations {
        match operation {
            Operation::Delete { resource, keys, .. } if resource.table == table => {
                found.extend(keys.iter().map(String::as_str));
            }
            Operation::Update { resource, key, .. } if resource.table == table => found.push(key),
            _ => {}
        }
    }
    found
}

impl Store {
    /// The aliases that deliver to an address, as far as the actor may see them: key and address, at most 50.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn mentioning(&self, actor: &Actor, address: &str) -> Result<Vec<(String, String)>> {
        let schema = self.schema().await?;
        let resource = &aliases::RESOURCE;
        let Some(table) = schema.table(resource.table).filter(|t| t.has("destination")) else {
            return Ok(Vec::new());
        };
        let look = Look {
            actor,
            table,
            place: &Place {
                table: "aliases",
                column: "destination",
                relation: Relation::Mentions,
            },
            resource,
            leaving: &[],
            told: Vec::new(),
        };
        let rest = format!(" ORDER BY {} LIMIT 50", ident(resource.subject));
        let mut sql = look.query(&look.names(), &[address.to_owned()], &rest);
        let rows = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
        rows.iter()
            .map(|row| Ok((text(row, 0).map_err(classify)?, text(row, 1).map_err(classify)?)))
            .collect()
    }
}

/// What dependents have to do with a subject, or with several.
fn what(dependent: &Dependent, first: &str, subjects: usize) -> String {
    if subjects == 1 {
        return fill(dependent.what, first);
    }
    dependent
        .what
        .replace("{subject}", "one of them")
        .replace("{domain}", "these domains")
}

/// A look for rows that relate to some subjects.
struct Look<'a> {
    actor: &'a Actor,
    table: &'a Table,
    place: &'a Place,
    resource: &'static Resource,
    /// Rows of the same table that go away themselves.
    leaving: &'a [&'a str],
    /// Relations that rows of the same table were told of for already, with the values.
    told: Vec<&'a (&'a Place, Vec<String>)>,
}

/// What a look found.
#[derive(Default)]
struct Seen {
    count: u64,
    off: u64,
    examples: Vec<Neighbour>,
}

impl Seen {
    fn add(&mut self, row: Neighbour) {
        if self.examples.len() < NAMED {
            self.examples.push(row);
        }
    }
}

impl Look<'_> {
    /// Counts the rows and names the first few.
    async fn at(&self, pool: &sqlx::MySqlPool, subjects: &[&str]) -> Result<Seen, sqlx::Error> {
        let values = values(self.place.relation, subjects);
        if mentions(self.place.relation) && values.len() > FEW {
            return self.read_lists(pool, &values).await;
        }
        let mut seen = Seen::default();
        let counts = format!("COUNT(*), COUNT(CASE WHEN {} THEN 1 END)", self.is_off());
        for values in values.chunks(VALUES_AT_ONCE) {
            let (found, off): (i64, i64) = self
                .query(&counts, values, "")
                .build_query_as()
                .fetch_one(pool)
                .await?;
            seen.count += found.unsigned_abs();
            seen.off += off.unsigned_abs();
            if found > 0 && seen.examples.len() < NAMED {
                let rest = format!(" ORDER BY {} LIMIT {NAMED}", ident(self.resource.subject));
                let rows = self
                    .query(&self.names(), values, &rest)
                    .build()
                    .fetch_all(pool)
                    .await?;
                for row in &rows {
                    seen.add(neighbour(row)?);
                }
            }
        }
        Ok(seen)
    }

    /// The columns that [`neighbour`] reads.
    fn names(&self) -> String {
        format!(
            "CAST({} AS CHAR), CAST({} AS CHAR), CAST({} AS CHAR)",
            ident(self.resource.key),
            ident(self.resource.subject),
            self.is_off()
        )
    }

    /// The condition that a row is off.
    fn is_off(&self) -> &'static str {
        if self.table.has("enabled") {
            "(NOT enabled <=> 1)"
        } else {
            "FALSE"
        }
    }

    /// The conditions on top of the relation.
    fn push_rest(&self, sql: &mut QueryBuilder<MySql>) {
        push_scope(sql, &self.actor.scope, self.table, self.resource);
        for (place, values) in &self.told {
            sql.push(" AND NOT COALESCE((");
            push_relation(sql, self.table, place, self.resource.subject, values);
            sql.push("), FALSE)");
        }
    }

    fn query(&self, select: &str, values: &[String], rest: &str) -> QueryBuilder<MySql> {
        let mut sql = QueryBuilder::new(format!(
            "SELECT {select} FROM {} WHERE (",
            ident(self.place.table)
        ));
        push_relation(&mut sql, self.table, self.place, self.resource.subject, values);
        sql.push(")");
        self.push_rest(&mut sql);
        if !self.leaving.is_empty() {
            sql.push(" AND NOT ");
            push_keys(&mut sql, self.table, self.resource, self.leaving);
        }
        sql.push(rest);
        sql
    }

    /// Reads every list of addresses once and looks which has one of the values in it.
    async fn read_lists(&self, pool: &sqlx::MySqlPool, values: &[String]) -> Result<Seen, sqlx::Error> {
        let wanted: HashSet<&str> = values.iter().map(String::as_str).collect();
        let leaving: HashSet<&str> = self.leaving.iter().copied().collect();
        let mut sql = QueryBuilder::new(format!(
            "SELECT {}, CAST({} AS CHAR) FROM {} WHERE TRUE",
            self.names(),
            ident(self.place.column),
            ident(self.place.table)
        ));
        self.push_rest(&mut sql);
        let mut seen = Seen::default();
        for row in sql.build().fetch_all(pool).await? {
            let found = neighbour(&row)?;
            let list = text(&row, 3)?.to_lowercase();
            let hit = list
                .split([',', ';', ' ', '\n', '\r', '\t'])
                .map(|item| match self.place.relation {
                    Relation::MentionsDomain => item.rsplit('@').next().unwrap_or_default(),
                    _ => item,
                })
                .any(|item| wanted.contains(item));
            if hit && !leaving.contains(found.key.as_str()) {
                seen.count += 1;
                seen.off += u64::from(found.is_off);
                seen.add(found);
            }
        }
        Ok(seen)
    }
}

/// A row of [`Look::names`].
fn neighbour(row: &sqlx::mysql::MySqlRow) -> Result<Neighbour, sqlx::Error> {
    Ok(Neighbour {
        key: text(row, 0)?,
        subject: text(row, 1)?,
        is_off: text(row, 2)? == "1",
    })
}

/// A column as text; empty where it is NULL.
pub(super) fn text(row: &sqlx::mysql::MySqlRow, i: usize) -> Result<String, sqlx::Error> {
    row.try_get_unchecked::<Option<String>, _>(i)
        .map(Option::unwrap_or_default)
}

/// Whether a relation is one to an item of a list.
fn mentions(relation: Relation) -> bool {
    matches!(relation, Relation::Mentions | Relation::MentionsDomain)
}

/// What a column of this relation to a subject holds.
fn value(relation: Relation, subject: &str) -> String {
    match relation {
        Relation::Same | Relation::Mentions => subject.to_lowercase(),
        Relation::ItsDomain | Relation::InDomain | Relation::MentionsDomain => domain_of(subject),
    }
}

/// The values for several subjects, each once.
fn values(relation: Relation, subjects: &[&str]) -> Vec<String> {
    let distinct: BTreeSet<String> = subjects.iter().map(|s| value(relation, s)).collect();
    distinct.into_iter().collect()
}

/// The condition that a place's column relates to one of the values.
fn push_relation(
    sql: &mut QueryBuilder<MySql>,
    table: &Table,
    place: &Place,
    shown: &str,
    values: &[String],
) {
    match place.relation {
        Relation::Same | Relation::ItsDomain => {
            sql.push(format!("{} IN (", ident(place.column)));
            push_list(sql, values);
            sql.push(")");
        }
        Relation::InDomain => {
            let names: Vec<&str> = values.iter().map(String::as_str).collect();
            push_domains(sql, &domain_expression(table, place.column, shown), &names);
        }
        Relation::Mentions | Relation::MentionsDomain => {
            let (before, at) = match place.relation {
                Relation::MentionsDomain => ("%", "@"),
                _ => ("", ""),
            };
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    sql.push(" OR ");
                }
                push_mention(sql, place.column, before, &format!("{at}{value}"));
            }
        }
    }
}

/// The condition that a comma-separated column has an item that ends in `item`, after `before` (`%` or nothing). White
/// space is ignored, as Postfix ignores it there.
fn push_mention(sql: &mut QueryBuilder<MySql>, column: &str, before: &str, item: &str) {
    let text = searchable(column);
    sql.push(format!(
        "CONCAT(',', REPLACE(REPLACE(REPLACE({text}, ' ', ''), '\\n', ','), '\\r', ','), ',') LIKE "
    ));
    // `fragment` puts a % at both ends; the item itself is literal between commas.
    let literal = fragment(item);
    let literal = literal.trim_matches('%');
    sql.push_bind(format!("%,{before}{literal},%"));
    sql.push(" ESCAPE '!'");
}
