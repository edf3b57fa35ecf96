//! What other rows have to do with one: the warnings before a save and the list of what depends on a row that is about
//! to be deleted. Both read only, by index where the tables have one.

use sqlx::{MySql, MySqlConnection, QueryBuilder, Row as _};

use super::connect::classify;
use super::list::push_key;
use super::schema::{Schema, Table};
use super::sql::{domain_expression, fragment, ident, push_domains, push_scope, searchable};
use super::{Row, Store};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::mail::domain_of;
use crate::resource::{Circumstance, Draft, Place, Relation, Resource, fill};

/// Names of the machine itself: Postfix knows them without a row (`mydestination`).
const OWN_NAMES: &[&str] = &["localhost", "localhost.localdomain"];

/// How many dependent rows are named; the rest are counted.
const NAMED: i64 = 5;

/// Something a save makes Postfix do that the person may not have meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Whether the save waits for a confirmation.
    pub confirm: bool,
    /// What Postfix will do.
    pub message: String,
}

/// Rows that depend on one row, of one kind.
#[derive(Debug)]
pub struct Dependents {
    /// The table they are in.
    pub table: &'static str,
    /// What happens to them.
    pub effect: String,
    /// How many there are.
    pub count: u64,
    /// The first few: key and subject.
    pub examples: Vec<(String, String)>,
}

impl Store {
    /// What is suspicious about a draft, by itself and among the other rows, and was not so before.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the draft is about none of the actor's domains, or the database does not answer.
    pub async fn warnings(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        draft: &Draft,
        before: Option<&Row>,
    ) -> Result<Vec<Warning>> {
        // The sentences tell of rows of the draft's own domain and of no other.
        if !actor.scope.covers(&domain_of(&draft.text(resource.subject))) {
            return Err(Error::NotFound);
        }
        let mut warnings = self.judge(resource, draft).await?;
        if let Some(Ok(old)) = before.map(|row| row.check(resource, self.rules())) {
            let known = self.judge(resource, &old).await?;
            warnings.retain(|warning| !known.contains(warning));
        }
        Ok(warnings)
    }

    /// Judges one draft. A row that is off does nothing, so it is not judged among others.
    async fn judge(&self, resource: &'static Resource, draft: &Draft) -> Result<Vec<Warning>> {
        let mut warnings: Vec<Warning> = draft
            .cautions
            .iter()
            .map(|c| Warning {
                confirm: c.confirm,
                message: c.message.clone(),
            })
            .collect();
        let subject = draft.text(resource.subject);
        if draft.text("enabled") == "0" || OWN_NAMES.contains(&domain_of(&subject).as_str()) {
            return Ok(warnings);
        }
        let schema = self.schema().await?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        for circumstance in resource.circumstances {
            if !circumstance.applies.to(&subject) {
                continue;
            }
            if holds(&mut connection, &schema, circumstance, &subject)
                .await
                .map_err(classify)?
            {
                let message = fill(circumstance.message, &subject);
                warnings.push(Warning {
                    confirm: circumstance.confirm,
                    message,
                });
            }
        }
        Ok(warnings)
    }

    /// What depends on a row, as far as the actor may see it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn dependents(
        &self,
        actor: &Actor,
        resource: &'static Resource,
        row: &Row,
    ) -> Result<Vec<Dependents>> {
        let subject = row.text(resource.subject).trim();
        let schema = self.schema().await?;
        let mut found = Vec::new();
        for dependent in resource.dependents {
            let Some(table) = schema.table(dependent.place.table) else {
                continue;
            };
            if subject.is_empty() || !dependent.applies.to(subject) || !table.has(dependent.place.column) {
                continue;
            }
            let own_key = (dependent.place.table == resource.table).then_some((resource, row.key.as_str()));
            let (count, examples) = self
                .look(actor, table, &dependent.place, subject, own_key)
                .await?;
            if count > 0 {
                let effect = fill(dependent.effect, subject);
                found.push(Dependents {
                    table: dependent.place.table,
                    effect,
                    count,
                    examples,
                });
            }
        }
        Ok(found)
    }

    /// Counts the rows of a place that relate to the subject and names the first few.
    async fn look(
        &self,
        actor: &Actor,
        table: &Table,
        place: &Place,
        subject: &str,
        except: Option<(&'static Resource, &str)>,
    ) -> Result<(u64, Vec<(String, String)>)> {
        // The key and the looked-up column; tables the panel does not edit yet have their key as subject.
        let (key, shown) =
            Resource::by_table(place.table).map_or((place.column, place.column), |r| (r.key, r.subject));
        let build = |select: &str, rest: &str| {
            let mut sql = QueryBuilder::new(format!("SELECT {select} FROM {} WHERE ", ident(place.table)));
            push_relation(&mut sql, table, place, shown, subject);
            push_scope(&mut sql, &actor.scope, table, shown);
            if let Some((resource, own)) = except {
                sql.push(format!(" AND {} <> ", ident(resource.key)));
                push_key(&mut sql, table, resource, own);
            }
            sql.push(rest);
            sql
        };
        let names = format!("CAST({} AS CHAR), CAST({} AS CHAR)", ident(key), ident(shown));
        let (mut count, mut names) = (
            build("COUNT(*)", ""),
            build(&names, &format!(" ORDER BY {} LIMIT {NAMED}", ident(shown))),
        );
        let count: i64 = count
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await
            .map_err(classify)?;
        if count == 0 {
            return Ok((0, Vec::new()));
        }
        let rows = names.build().fetch_all(&self.pool).await.map_err(classify)?;
        let text = |row: &sqlx::mysql::MySqlRow, i: usize| {
            row.try_get_unchecked::<Option<String>, _>(i)
                .map(Option::unwrap_or_default)
                .map_err(classify)
        };
        let examples = rows
            .iter()
            .map(|r| Ok((text(r, 0)?, text(r, 1)?)))
            .collect::<Result<_>>()?;
        Ok((count.unsigned_abs(), examples))
    }
}

/// Whether a circumstance holds for a subject. A place whose table is missing holds nothing; if none of the places
/// exists there is nothing to judge by.
async fn holds(
    connection: &mut MySqlConnection,
    schema: &Schema,
    circumstance: &Circumstance,
    subject: &str,
) -> Result<bool, sqlx::Error> {
    let places: Vec<(&Place, &Table)> = circumstance
        .places
        .iter()
        .filter_map(|place| {
            schema
                .table(place.table)
                .filter(|t| t.has(place.column))
                .map(|t| (place, t))
        })
        .collect();
    if places.is_empty() {
        return Ok(false);
    }
    for (place, table) in places {
        let shown = Resource::by_table(place.table).map_or(place.column, |r| r.subject);
        let mut sql = QueryBuilder::new(format!("SELECT 1 FROM {} WHERE ", ident(place.table)));
        push_relation(&mut sql, table, place, shown, subject);
        if table.has("enabled") {
            sql.push(" AND enabled = 1");
        }
        sql.push(" LIMIT 1");
        if sql.build().fetch_optional(&mut *connection).await?.is_some() {
            return Ok(circumstance.when_found);
        }
    }
    Ok(!circumstance.when_found)
}

/// The condition that a place's column relates to the subject.
fn push_relation(sql: &mut QueryBuilder<MySql>, table: &Table, place: &Place, shown: &str, subject: &str) {
    let column = ident(place.column);
    let domain = domain_of(subject);
    match place.relation {
        Relation::Same => {
            sql.push(format!("{column} = "));
            sql.push_bind(subject.to_owned());
        }
        Relation::ItsDomain => {
            sql.push(format!("{column} = "));
            sql.push_bind(domain);
        }
        Relation::InDomain => push_domains(sql, &domain_expression(table, place.column, shown), &[&domain]),
        Relation::Mentions => push_mention(sql, place.column, "", subject),
        Relation::MentionsDomain => push_mention(sql, place.column, "%", &format!("@{domain}")),
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
