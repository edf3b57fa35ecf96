//! Where aliases deliver to: their lists are read in the order of the keys, so many at a time.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlRow;
use sqlx::{MySql, QueryBuilder, Row as _};

use crate::access::Actor;
use crate::error::Result;
use crate::mail::{domain_of, items_of};
use crate::resource::{Row, aliases, backups, domains};
use crate::route::{Lookups, folded};
use crate::store::answers::Reader;
use crate::store::connect::classify;
use crate::store::list::Failure;
use crate::store::neighbours::text;
use crate::store::schema::Table;
use crate::store::sql::{domain_expression, fragment, ident, push_domains, push_granted, searchable};
use crate::store::{Known, Store};

/// Aliases read with one statement.
const AT_ONCE: usize = 5_000;

/// Aliases whose destinations are looked up together.
const TOGETHER: usize = 500;

/// Aliases that are counted by where they leave to.
pub const MOST_ALIASES: usize = 500_000;

/// Domains that are told apart when aliases are counted; the rest have no count.
const MOST_DOMAINS: usize = 20_000;

/// How long one page goes on looking when it is not full yet; the next goes on from there.
const PATIENCE: Duration = Duration::from_millis(700);

/// Aliases that leave, by the domain they go to.
#[derive(Debug, Default)]
pub struct Departures {
    /// Domain and how many aliases deliver there, the most first.
    pub domains: Vec<(String, u64)>,
    /// Whether there were more aliases, or domains, than are counted.
    pub is_cut: bool,
}

/// A page of aliases that were picked by their destinations.
#[derive(Debug, Default)]
pub struct Sifted {
    /// The alias, and the destinations it was picked for.
    pub rows: Vec<(Row, Vec<String>)>,
    /// After which key the next page begins. It may be there though this page is not full: looking takes time.
    pub next: Option<String>,
}

/// Which aliases are read.
struct Reading<'a> {
    actor: &'a Actor,
    /// Of this domain only; empty for all.
    domain: &'a str,
    /// With this in their destinations; empty for all.
    mentioning: &'a str,
    /// Also those that are off.
    also_off: bool,
    /// Only those whose destinations need taking apart: more than a plain address.
    lists_only: bool,
}

impl Reading<'_> {
    /// Restricts to these aliases; what is pushed begins with ` AND `.
    fn push(&self, sql: &mut QueryBuilder<MySql>, table: &Table) {
        let subject = aliases::RESOURCE.subject;
        if !self.also_off && table.has("enabled") {
            sql.push(" AND enabled = 1");
        }
        if !self.domain.is_empty() {
            sql.push(" AND ");
            push_domains(sql, &domain_expression(table, subject, subject), &[self.domain]);
        }
        if !self.mentioning.is_empty() {
            sql.push(format!(" AND {} LIKE ", searchable("destination")));
            sql.push_bind(fragment(&format!("@{}", self.mentioning)));
            sql.push(" ESCAPE '!'");
        }
        if self.lists_only {
            sql.push(format!(" AND {LIST}"));
        }
    }
}

/// Destinations that need taking apart.
const LIST: &str = "destination REGEXP '[][,;<>\"():[:space:]]'";

/// Which aliases of those that are read are picked.
enum Picking<'a> {
    /// Those that deliver into a domain.
    Into(&'a str),
    /// Those with a destination in these domains that nothing answers for.
    Unanswered(&'a HashSet<String>),
}

impl Picking<'_> {
    /// Aliases judged together.
    fn at_once(&self) -> usize {
        match self {
            Self::Into(_) => AT_ONCE,
            Self::Unanswered(_) => TOGETHER,
        }
    }
}

impl Store {
    /// How many enabled aliases, of one domain or of all (empty), deliver into each domain that is neither hosted nor relayed
    /// here. To an owner every domain that is not theirs is elsewhere.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn departures(&self, actor: &Actor, domain: &str) -> Result<Departures> {
        let here = self.domains_here(actor, |_| true).await?;
        let reading = Reading {
            actor,
            domain,
            mentioning: "",
            also_off: false,
            lists_only: true,
        };
        let mut departures = Departures::default();
        let mut counts: HashMap<String, u64> = self
            .plain_destinations(&reading)
            .await?
            .into_iter()
            .filter(|(left, _)| !here.contains(left))
            .collect();
        departures.is_cut = counts.len() >= MOST_DOMAINS;
        let (mut after, mut looked_at) = (None, 0);
        loop {
            let rows = self.aliases_after(&reading, after.as_deref(), AT_ONCE).await?;
            for row in &rows {
                for left in leaving(row, &here) {
                    if counts.len() < MOST_DOMAINS || counts.contains_key(&left) {
                        *counts.entry(left).or_default() += 1;
                    } else {
                        departures.is_cut = true;
                    }
                }
            }
            looked_at += rows.len();
            after = next_of(&rows, AT_ONCE);
            departures.is_cut |= after.is_some() && looked_at >= MOST_ALIASES;
            if after.is_none() || looked_at >= MOST_ALIASES {
                break;
            }
        }
        departures.domains = counts.into_iter().collect();
        departures
            .domains
            .sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        Ok(departures)
    }

    /// A page of the aliases, of one domain or of all (empty), that deliver into a domain; those that are off too where asked.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn aliases_into(
        &self,
        actor: &Actor,
        domain: &str,
        into: &str,
        also_off: bool,
        page: (&str, usize),
    ) -> Result<Sifted> {
        let reading = Reading {
            actor,
            domain,
            mentioning: into,
            also_off,
            lists_only: false,
        };
        self.sift(&reading, &Picking::Into(&folded(into)), page).await
    }

    /// A page of the enabled aliases, of one domain or of all (empty), with destinations in domains delivered here that
    /// nothing answers for: no alias, no mailbox, no override, no relocation, no catch-all.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn unanswered(&self, actor: &Actor, domain: &str, page: (&str, usize)) -> Result<Sifted> {
        let here = self
            .domains_here(actor, |transport| {
                transport
                    .split(':')
                    .next()
                    .is_some_and(|name| name.trim() == "virtual")
            })
            .await?;
        let reading = Reading {
            actor,
            domain,
            mentioning: "",
            also_off: false,
            lists_only: false,
        };
        self.sift(&reading, &Picking::Unanswered(&here), page).await
    }

    /// Reads aliases until a page is full or patience ends.
    async fn sift(
        &self,
        reading: &Reading<'_>,
        picking: &Picking<'_>,
        (after, most): (&str, usize),
    ) -> Result<Sifted> {
        let at_once = picking.at_once();
        let begun = Instant::now();
        let mut after = Some(after.to_owned()).filter(|after| !after.is_empty());
        let mut sifted = Sifted::default();
        loop {
            let rows = self.aliases_after(reading, after.as_deref(), at_once).await?;
            after = next_of(&rows, at_once);
            let picked = self.pick(reading.actor, picking, &rows).await?;
            for (row, items) in rows.into_iter().zip(picked) {
                if items.is_empty() {
                    continue;
                }
                if sifted.rows.len() == most {
                    sifted.next = sifted.rows.last().map(|(row, _)| row.key.clone());
                    return Ok(sifted);
                }
                sifted.rows.push((row, items));
            }
            if after.is_none() || begun.elapsed() > PATIENCE {
                sifted.next = after;
                return Ok(sifted);
            }
        }
    }

    /// For which of its destinations each alias is picked.
    async fn pick(&self, actor: &Actor, picking: &Picking<'_>, rows: &[Row]) -> Result<Vec<Vec<String>>> {
        match picking {
            Picking::Into(domain) => Ok(rows.iter().map(|row| delivering_into(row, domain)).collect()),
            Picking::Unanswered(here) => {
                let mut known = Known::default();
                self.settled_each(actor, &mut known, rows, |known, row| {
                    unanswered_of(known, row, here)
                })
                .await
            }
        }
    }

    /// At most so many aliases after a key, in the order of the keys.
    async fn aliases_after(
        &self,
        reading: &Reading<'_>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Row>> {
        let mut rows = self.try_aliases_after(reading, after, most).await;
        if self.was_stale(&rows) {
            rows = self.try_aliases_after(reading, after, most).await;
        }
        rows.map_err(Failure::into_error)
    }

    async fn try_aliases_after(
        &self,
        reading: &Reading<'_>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Row>, Failure> {
        let schema = self.schema().await?;
        let mut reader = Reader {
            connection: self.pool.acquire().await?,
            schema: &schema,
            scope: &reading.actor.scope,
            passwords: false,
        };
        let live = reader
            .live("aliases")
            .filter(|live| live.table.has("destination"));
        let Some(live) = live else {
            return Ok(Vec::new());
        };
        let narrow = |sql: &mut QueryBuilder<MySql>| reading.push(sql, live.table);
        Ok(reader.page(live, after, most, narrow).await?)
    }

    /// The domains of destinations that are one plain address, in lower case, with how many aliases go there: the server
    /// counts them, since they are nearly all.
    async fn plain_destinations(&self, reading: &Reading<'_>) -> Result<Vec<(String, u64)>> {
        let schema = self.schema().await?;
        let resource = &aliases::RESOURCE;
        let live = schema
            .table(resource.table)
            .filter(|t| t.lacks(resource).is_none());
        let Some(table) = live.filter(|table| table.has("destination")) else {
            return Ok(Vec::new());
        };
        let mut sql = QueryBuilder::new(format!(
            "SELECT LOWER(CONVERT(SUBSTRING_INDEX(RTRIM(destination), '@', -1) USING utf8mb4)) COLLATE utf8mb4_bin AS left_to, \
             COUNT(*) AS many FROM aliases WHERE destination LIKE '%@_%' AND NOT {LIST}"
        ));
        let plain = Reading {
            lists_only: false,
            ..*reading
        };
        plain.push(&mut sql, table);
        push_granted(&mut sql, &reading.actor.scope, table, resource);
        sql.push(format!(
            " GROUP BY left_to ORDER BY many DESC, left_to LIMIT {MOST_DOMAINS}"
        ));
        let found = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
        let read = |row: &MySqlRow| {
            let many = row.try_get_unchecked::<i64, _>(1)?.unsigned_abs();
            Ok((folded(&text(row, 0)?), many))
        };
        found
            .iter()
            .map(read)
            .collect::<Result<_, sqlx::Error>>()
            .map_err(classify)
    }

    /// The domains the actor may see that Postfix knows: those in `domains` whose transport suits, and where any does, those it
    /// relays for. In lower case.
    async fn domains_here(&self, actor: &Actor, suits: impl Fn(&str) -> bool) -> Result<HashSet<String>> {
        let schema = self.schema().await?;
        let mut here = HashSet::new();
        for resource in [&domains::RESOURCE, &backups::RESOURCE] {
            let live = schema
                .table(resource.table)
                .filter(|t| t.lacks(resource).is_none());
            let relays = resource.table == "backups";
            let Some(table) = live.filter(|_| !relays || suits("")) else {
                continue;
            };
            let transport = if table.has("transport") {
                "transport"
            } else {
                "'virtual:'"
            };
            let mut sql = QueryBuilder::new(format!(
                "SELECT CAST(domain AS CHAR), CAST({transport} AS CHAR) FROM {} WHERE domain NOT LIKE '%@%'",
                ident(resource.table)
            ));
            if table.has("enabled") {
                sql.push(" AND enabled = 1");
            }
            push_granted(&mut sql, &actor.scope, table, resource);
            let found = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
            for row in &found {
                let read = |place| text(row, place).map_err(classify);
                if relays || suits(&read(1)?) {
                    here.insert(folded(&read(0)?));
                }
            }
        }
        Ok(here)
    }
}

/// After which key the next page begins; `None` where all has been read.
fn next_of(rows: &[Row], most: usize) -> Option<String> {
    // A table whose keys are not unique came whole.
    rows.last()
        .filter(|_| rows.len() == most)
        .map(|last| last.key.clone())
}

/// The domains elsewhere that an alias delivers into, each once.
fn leaving(row: &Row, here: &HashSet<String>) -> BTreeSet<String> {
    let items = items_of(row.text("destination"));
    items
        .iter()
        .filter(|item| item.contains('@'))
        .map(|item| folded(&domain_of(item)))
        .filter(|domain| !domain.is_empty() && !here.contains(domain))
        .collect()
}

/// The destinations of an alias in a domain.
fn delivering_into(row: &Row, domain: &str) -> Vec<String> {
    let items = items_of(row.text("destination")).into_iter();
    items
        .filter(|item| item.contains('@') && folded(&domain_of(item)) == domain)
        .collect()
}

/// The destinations of an alias in these domains that nothing answers for.
fn unanswered_of(tables: &Known, row: &Row, here: &HashSet<String>) -> Vec<String> {
    let own = folded(row.text("mail"));
    items_of(row.text("destination"))
        .into_iter()
        .filter(|item| item.find('@').is_some_and(|at| at > 0) && here.contains(&folded(&domain_of(item))))
        .filter(|item| !is_answered(tables, item, folded(item) == own))
        .collect()
}

/// Whether any row answers for an address; the alias it is a destination of does not where that is its own.
fn is_answered(tables: &dyn Lookups, address: &str, is_own: bool) -> bool {
    let domain = domain_of(address);
    let wildcard = format!("@{domain}");
    let mut addresses = vec![address.to_owned()];
    // `recipient_delimiter`
    let local = address.split('@').next().unwrap_or_default();
    if let Some((name, _)) = local.split_once('+').filter(|(name, _)| !name.is_empty()) {
        addresses.push(format!("{name}@{domain}"));
    }
    let mut is_answered = false;
    // All is asked at once, so that all is read at once.
    let mut ask = |table: &'static str, subject: &str| {
        is_answered |= tables.about(table, subject).iter().any(Row::is_enabled);
    };
    for (place, address) in addresses.iter().enumerate() {
        if !is_own || place > 0 {
            ask("aliases", address);
        }
        for table in ["users", "relocated", "domains", "backups"] {
            ask(table, address);
        }
    }
    if !is_own {
        ask("aliases", &wildcard);
    }
    ask("users", &wildcard);
    ask("relocated", &wildcard);
    is_answered
}
