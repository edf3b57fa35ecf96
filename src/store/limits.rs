//! The limits of a grant, held: what an owner writes is judged by the grant of the domain it is in, before and after. A
//! unit judges under the writers' lock, so that no two of them use up what is left for one.
//!
//! Only what goes further than what is there is refused: what an operator has set may stay, shrink and go.

use std::collections::HashSet;

use sqlx::{MySqlConnection, QueryBuilder, Row as _};

use super::connect::{classify, number};
use super::list::find_subjects;
use super::schema::Schema;
use super::sql::{domain_expression, ident, push_domains};
use super::unit::Stop;
use super::{Refusal, Row, Store};
use crate::access::{Actor, Grant, Rights, Scope};
use crate::error::Result;
use crate::mail::{domain_of, items_of};
use crate::resource::{Draft, Resource, Value, aliases, users};

/// What a message ends with.
const RAISE: &str = "or ask an operator to raise the limit.";

/// How much of a limited domain is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The domain.
    pub domain: String,
    /// Rows of `aliases`, without those of mailboxes to themselves.
    pub aliases: Used,
    /// Rows of `users`.
    pub mailboxes: Used,
}

/// So many of at most so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// There are.
    pub used: u64,
    /// There may be; `None` for any number.
    pub most: Option<u64>,
}

impl Used {
    /// Whether there can be no more.
    pub fn is_full(self) -> bool {
        self.most.is_some_and(|most| self.used >= most)
    }
}

impl Usage {
    /// What is used of the rows of a table; no limit where it has none.
    pub fn of(&self, resource: &Resource) -> Used {
        match resource.table {
            table if table == aliases::RESOURCE.table => self.aliases,
            table if table == users::RESOURCE.table => self.mailboxes,
            _ => Used::default(),
        }
    }
}

impl Store {
    /// What an owner uses of the domains in which the number of aliases or mailboxes is limited, in the order of the
    /// grants; nothing, and no question to the database, where none is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn usage(&self, actor: &Actor) -> Result<Vec<Usage>> {
        let counted = |grant: &&Grant| grant.limits.aliases.is_some() || grant.limits.mailboxes.is_some();
        let grants: Vec<&Grant> = actor.granted().iter().filter(counted).collect();
        if grants.is_empty() {
            return Ok(Vec::new());
        }
        let schema = self.schema().await?;
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let mut usage = count(&mut connection, &schema, &grants).await;
        // No such table, unknown column: it changed since the schema was read.
        if usage
            .as_ref()
            .is_err_and(|error| matches!(number(error), Some(1146 | 1054)))
        {
            let schema = self.schema.fresh(&self.pool).await?;
            usage = count(&mut connection, &schema, &grants).await;
        }
        usage.map_err(classify)
    }
}

/// Counts with one statement what there is in some domains.
async fn count(
    connection: &mut MySqlConnection,
    schema: &Schema,
    grants: &[&Grant],
) -> Result<Vec<Usage>, sqlx::Error> {
    let names: Vec<&str> = grants.iter().map(|grant| grant.domain.as_str()).collect();
    let mut usage: Vec<Usage> = grants
        .iter()
        .map(|grant| {
            let used = |most: Option<u32>| Used {
                used: 0,
                most: most.map(u64::from),
            };
            Usage {
                domain: grant.domain.to_string(),
                aliases: used(grant.limits.aliases),
                mailboxes: used(grant.limits.mailboxes),
            }
        })
        .collect();
    // In one collation, whatever the tables'.
    let exact = |text: &str| format!("CONVERT(LOWER(TRIM({text})) USING utf8mb4) COLLATE utf8mb4_bin");
    // Every address once, with what there is of it: a join of the two tables would compare each row with each.
    let mut sql = QueryBuilder::new(
        "SELECT d, CAST(SUM(a) - SUM(IF(m > 0, s, 0)) AS SIGNED), CAST(SUM(m) AS SIGNED) FROM (SELECT d, SUM(a) AS a, \
         SUM(s) AS s, SUM(m) AS m FROM (",
    );
    let mut between = "";
    for resource in [&aliases::RESOURCE, &users::RESOURCE] {
        let live = schema.table(resource.table);
        let Some(table) = live.filter(|table| table.lacks(resource).is_none()) else {
            continue;
        };
        let subject = ident(resource.subject);
        let domain = domain_expression(table, resource.subject, resource.subject);
        // Whether the row is an alias, one that delivers to itself alone, a mailbox.
        let kind = if resource.table == users::RESOURCE.table {
            "0 AS a, 0 AS s, 1 AS m".to_owned()
        } else if table.has("destination") {
            let same = format!("{} = {}", exact(&subject), exact("destination"));
            format!("1 AS a, COALESCE({same}, 0) AS s, 0 AS m")
        } else {
            "1 AS a, 0 AS s, 0 AS m".to_owned()
        };
        sql.push(format!(
            "{between}SELECT {} AS k, {} AS d, {kind} FROM {} WHERE ",
            exact(&subject),
            exact(&domain),
            ident(resource.table)
        ));
        push_domains(&mut sql, &domain, &names);
        between = " UNION ALL ";
    }
    if between.is_empty() {
        return Ok(usage);
    }
    sql.push(") every_row GROUP BY k, d) every_address GROUP BY d");
    for row in sql.build().fetch_all(connection).await? {
        let domain: String = row.try_get_unchecked(0)?;
        let number = |i: usize| row.try_get_unchecked::<i64, _>(i).map(i64::unsigned_abs);
        for usage in usage.iter_mut().filter(|usage| usage.domain == domain) {
            usage.aliases.used = number(1)?;
            usage.mailboxes.used = number(2)?;
        }
    }
    Ok(usage)
}

/// That what is about to be stored keeps to the grants of its domain, and of the domain it was in. Of rows whose number
/// is limited it looks how many there are.
pub(super) async fn expect_within_limits(
    connection: &mut MySqlConnection,
    schema: &Schema,
    actor: &Actor,
    resource: &'static Resource,
    draft: &Draft,
    before: Option<&Row>,
) -> Result<(), Stop> {
    Ledger::default()
        .take(connection, schema, actor, resource, draft, before)
        .await
}

/// What is used of limited domains while many rows are judged, of which the earlier ones are not written yet.
#[derive(Debug, Default)]
pub(super) struct Ledger(Vec<Usage>);

impl Ledger {
    /// As [`expect_within_limits`]; from now on the row counts as being there.
    pub async fn take(
        &mut self,
        connection: &mut MySqlConnection,
        schema: &Schema,
        actor: &Actor,
        resource: &'static Resource,
        draft: &Draft,
        before: Option<&Row>,
    ) -> Result<(), Stop> {
        if actor.scope == Scope::Everything {
            return Ok(());
        }
        expect_rights(actor, resource, draft, before)?;
        let subject = draft.text(resource.subject);
        let Some(grant) = actor.scope.grant(&domain_of(&subject)) else {
            return Err(Refusal::OutOfScope.into());
        };
        // What a row brings along from another domain is new here.
        let here = before.filter(|row| domain_of(row.text(resource.subject)) == grant.domain.as_str());
        if resource.table == aliases::RESOURCE.table {
            let items = items_of(&draft.text("destination"));
            expect_destinations(actor, grant, resource, &items, draft.text("enabled") != "0", here)?;
        }
        let Some(most) = grant.limits.most(resource).map(u64::from) else {
            return Ok(());
        };
        let used = self.used(&mut *connection, schema, grant, resource).await?;
        let after = if resource.table == aliases::RESOURCE.table {
            let own = Own { schema, actor };
            own.aliases_after(connection, *used, draft, here).await?
        } else {
            here.is_none().then_some(*used + 1)
        };
        match after {
            Some(after) if after > most => {
                // A list is counted among the aliases.
                let many =
                    Resource::by_table(resource.table).map_or(resource.words.many, |table| table.words.many);
                let why = format!(
                    "{used} {many} of `{}` are there and {most} is the most your account may have. Delete one first, {RAISE}",
                    grant.domain
                );
                Err(limit(resource, resource.subject, why).into())
            }
            Some(after) => {
                *used = after;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// How many rows of a table there are in a domain, which is counted when it is asked for the first time.
    async fn used(
        &mut self,
        connection: &mut MySqlConnection,
        schema: &Schema,
        grant: &Grant,
        resource: &Resource,
    ) -> Result<&mut u64, sqlx::Error> {
        let is_counted = |usage: &Usage| usage.domain == grant.domain.as_str();
        if !self.0.iter().any(is_counted) {
            self.0.extend(count(connection, schema, &[grant]).await?);
        }
        let place = self.0.iter().position(is_counted).unwrap_or_default();
        let usage = &mut self.0[place];
        let is_alias = resource.table == aliases::RESOURCE.table;
        Ok(if is_alias {
            &mut usage.aliases.used
        } else {
            &mut usage.mailboxes.used
        })
    }
}

/// Which aliases are a mailbox's own.
struct Own<'a> {
    schema: &'a Schema,
    actor: &'a Actor,
}

impl Own<'_> {
    /// How many aliases count once a draft is stored; `None` where it takes no room that the row did not have before.
    async fn aliases_after(
        &self,
        connection: &mut MySqlConnection,
        used: u64,
        draft: &Draft,
        before: Option<&Row>,
    ) -> Result<Option<u64>, sqlx::Error> {
        let (mail, to) = (draft.text("mail"), draft.text("destination"));
        let Some(before) = before else {
            let counts = self.counts(connection, &mail, &to).await?;
            // One that is not counted takes no room, but beyond the limit there are no new ones either: what is left of
            // mailboxes that went away would pile up.
            return Ok(Some(used + u64::from(counts)));
        };
        let (old_mail, old_to) = (before.text("mail"), before.text("destination"));
        let kept = leads_to_itself(&mail, &to) && old_mail.trim().eq_ignore_ascii_case(&mail);
        if !leads_to_itself(old_mail, old_to) || kept || !self.counts(&mut *connection, &mail, &to).await? {
            return Ok(None);
        }
        // It may have been counted only since its mailbox went away: no way around the limit.
        let counted = self.counts(connection, old_mail, old_to).await?;
        Ok(Some(if counted { used } else { used + 1 }))
    }

    /// Whether an alias counts: a mailbox's own does not.
    async fn counts(
        &self,
        connection: &mut MySqlConnection,
        mail: &str,
        destination: &str,
    ) -> Result<bool, sqlx::Error> {
        let users = &users::RESOURCE;
        let live = self.schema.table(users.table);
        let Some(table) = live.filter(|table| table.lacks(users).is_none()) else {
            return Ok(true);
        };
        if !leads_to_itself(mail, destination) {
            return Ok(true);
        }
        let address = [mail.trim().to_lowercase()];
        let found = find_subjects(connection, self.actor, users, table, &address).await?;
        Ok(found.is_empty())
    }
}

fn leads_to_itself(mail: &str, destination: &str) -> bool {
    mail.trim().eq_ignore_ascii_case(destination.trim())
}

/// That the rows of this table are the actor's to change, where they are and where they go.
fn expect_rights(
    actor: &Actor,
    resource: &'static Resource,
    draft: &Draft,
    before: Option<&Row>,
) -> Result<(), Refusal> {
    // Switching off is left to whom a row is not to be set by.
    let only_off = before.is_some_and(|row| {
        let same = |(column, value): &(&'static str, Value)| match *column {
            "enabled" => draft.text("enabled") == "0" || row.is_enabled(),
            "destination" => items_of(row.text(column)) == items_of(&value.to_string()),
            column => !row.has(column) || row.text(column) == value.to_string(),
        };
        draft.values().iter().all(same)
    });
    let subject = draft.text(resource.subject);
    for subject in before
        .map(|row| row.text(resource.subject))
        .into_iter()
        .chain([subject.as_str()])
    {
        match actor.rights(resource, subject) {
            Rights::All => {}
            Rights::Remove if only_off => {}
            Rights::Remove | Rights::Read => return Err(kept(actor, resource, subject)),
        }
    }
    Ok(())
}

/// That an alias has no more destinations, and none further away, than the grant allows or than were there before.
fn expect_destinations(
    actor: &Actor,
    grant: &Grant,
    resource: &'static Resource,
    items: &[String],
    on: bool,
    before: Option<&Row>,
) -> Result<(), Refusal> {
    let there = before.map_or_else(Vec::new, |row| items_of(row.text("destination")));
    let there: HashSet<&str> = there.iter().map(String::as_str).collect();
    let mut new = items.iter().filter(|item| !there.contains(item.as_str()));
    let domain = &grant.domain;
    if let Some(most) = grant.limits.members.filter(|most| items.len() > *most as usize)
        && new.clone().next().is_some()
    {
        let why = format!(
            "These are {} destinations, and an alias of `{domain}` may have {most} at most. Take some out, {RAISE}",
            items.len()
        );
        return Err(limit(resource, "destination", why));
    }
    if grant.limits.external {
        return Ok(());
    }
    let woken = on && before.is_some_and(|row| !row.is_enabled());
    let outside = |item: &&String| !actor.scope.covers(&domain_of(item));
    let found = if woken {
        items.iter().find(outside)
    } else {
        new.find(outside)
    };
    found.map_or(Ok(()), |item| Err(external(resource, grant, item)))
}

/// That rows may be switched on or off by this actor, whatever else is to be said about them.
///
/// # Errors
/// [`Refusal::Limit`].
pub fn expect_switchable(
    actor: &Actor,
    resource: &'static Resource,
    row: &Row,
    enabled: bool,
) -> Result<(), Refusal> {
    let subject = row.text(resource.subject);
    match actor.rights(resource, subject) {
        Rights::Read => return Err(kept(actor, resource, subject)),
        Rights::Remove if enabled => return Err(kept(actor, resource, subject)),
        Rights::Remove | Rights::All => {}
    }
    let grant = actor.scope.grant(&domain_of(subject));
    match grant.filter(|grant| enabled && !grant.limits.external && resource.table == aliases::RESOURCE.table)
    {
        None => Ok(()),
        Some(grant) => {
            let items = items_of(row.text("destination"));
            let outside = items.iter().find(|item| !actor.scope.covers(&domain_of(item)));
            outside.map_or(Ok(()), |item| Err(external(resource, grant, item)))
        }
    }
}

/// That a row may be deleted by this actor.
///
/// # Errors
/// [`Refusal::Limit`].
pub fn expect_removable(actor: &Actor, resource: &'static Resource, row: &Row) -> Result<(), Refusal> {
    let subject = row.text(resource.subject);
    match actor.rights(resource, subject) {
        Rights::Read => Err(kept(actor, resource, subject)),
        Rights::Remove | Rights::All => Ok(()),
    }
}

fn limit(resource: &'static Resource, column: &'static str, why: String) -> Refusal {
    Refusal::Limit {
        resource,
        column,
        why,
    }
}

/// That rows are the operator's to change.
fn kept(actor: &Actor, resource: &'static Resource, subject: &str) -> Refusal {
    let domain = domain_of(subject);
    let mut sentences = actor.kept(resource, Some(&domain));
    sentences.push(format!(
        "Ask an operator to change `{subject}`, or to raise the limit."
    ));
    limit(resource, resource.subject, sentences.join(" "))
}

fn external(resource: &'static Resource, grant: &Grant, item: &str) -> Refusal {
    let why = format!(
        "`{item}` is not in a domain of yours, and aliases of `{}` may not lead out of these. Choose an address of your \
         own, {RAISE}",
        grant.domain
    );
    limit(resource, "destination", why)
}
