//! How much of what a domain accepts is bounced later.

use sqlx::QueryBuilder;

use crate::access::Actor;
use crate::error::{Error, Result};
use crate::resource::{backups, domains};
use crate::route::{self, Site, Unknown};
use crate::store::connect::classify;
use crate::store::neighbours::text;
use crate::store::route::expect_ordinary;
use crate::store::sql::{ident, push_granted};
use crate::store::{Known, Store};

/// Domains of a page.
const DOMAINS: usize = 100;

/// Addresses of one domain that its score in the list is of, at most.
const SAMPLE: usize = 200;

/// Addresses explained for one page; domains beyond them are on the next.
const MOST_EXPLAINED: usize = 2_000;

/// Addresses explained together.
const TOGETHER: usize = 500;

/// What a domain accepts and bounces.
#[derive(Debug)]
pub struct Score {
    /// The domain.
    pub domain: String,
    /// Addresses that were looked at.
    pub looked_at: usize,
    /// Whether it has more.
    pub is_cut: bool,
    /// How many of them are accepted and bounced.
    pub bounced: usize,
    /// What becomes of names that no row is about.
    pub unknown: Unknown,
}

/// A page of domains with their scores.
#[derive(Debug)]
pub struct Backscatter {
    /// In the order of their names.
    pub scores: Vec<Score>,
    /// After which domain the next page begins.
    pub next: Option<String>,
}

/// A page of the addresses of one domain that are accepted and bounced.
#[derive(Debug)]
pub struct Bouncing {
    /// The address, and why.
    pub addresses: Vec<(String, String)>,
    /// How many addresses were looked at for this page.
    pub looked_at: usize,
    /// After which address the next page begins.
    pub next: Option<String>,
    /// Whether the domain has more addresses than are looked at.
    pub is_cut: bool,
    /// What becomes of names that no row is about.
    pub unknown: Unknown,
}

impl Store {
    /// A page of the domains Postfix knows, after one of that name (empty for the first), each with how many of its addresses
    /// are accepted and bounced.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn backscatter(&self, actor: &Actor, after: &str) -> Result<Backscatter> {
        let mut names = self.domains_after(actor, after, DOMAINS + 1).await?;
        let mut is_more = names.len() > DOMAINS;
        names.truncate(DOMAINS);
        let mut known = Known::default();
        let addresses = self
            .settled_each(actor, &mut known, &names, |known, domain| {
                route::addresses(known, domain)
            })
            .await?;
        let (mut items, mut scores) = (Vec::new(), Vec::new());
        for (domain, (mut addresses, is_cut)) in names.into_iter().zip(addresses) {
            let is_cut = is_cut || addresses.len() > SAMPLE;
            addresses.truncate(SAMPLE);
            if items.len() + addresses.len() > MOST_EXPLAINED && !scores.is_empty() {
                is_more = true;
                break;
            }
            let looked_at = addresses.len();
            items.extend(addresses.into_iter().map(|address| (scores.len(), address)));
            scores.push(Score {
                domain,
                looked_at,
                is_cut,
                bounced: 0,
                unknown: Unknown::Refused,
            });
        }
        let site = Site::default();
        for (_, address) in &items {
            expect_ordinary(&known, address);
        }
        let reasons = self
            .settled_each(actor, &mut known, &items, |known, (_, address)| {
                route::bounce(known, &site, address)
            })
            .await?;
        for ((place, _), _) in items.iter().zip(reasons).filter(|(_, reason)| reason.is_some()) {
            scores[*place].bounced += 1;
        }
        let unknown = self
            .settled_each(actor, &mut known, &scores, |known, score| {
                route::unknown(known, &site, &score.domain)
            })
            .await?;
        for (score, unknown) in scores.iter_mut().zip(unknown) {
            score.unknown = unknown;
        }
        let next = scores.last().filter(|_| is_more).map(|last| last.domain.clone());
        Ok(Backscatter { scores, next })
    }

    /// A page of the addresses of a domain, after one of them (empty for the first), that are accepted and bounced.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a domain that is not the actor's; the database does not answer.
    pub async fn bouncing(&self, actor: &Actor, domain: &str, after: &str, most: usize) -> Result<Bouncing> {
        if !actor.scope.covers(domain) {
            return Err(Error::NotFound);
        }
        let site = Site::default();
        let mut known = Known::default();
        let (unknown, (addresses, is_cut)) = self
            .settled(actor, &mut known, |known| {
                (
                    route::unknown(known, &site, domain),
                    route::addresses(known, domain),
                )
            })
            .await?;
        let mut bouncing = Bouncing {
            addresses: Vec::new(),
            looked_at: 0,
            next: None,
            is_cut,
            unknown,
        };
        let waiting: Vec<String> = addresses.into_iter().filter(|a| a.as_str() > after).collect();
        for together in waiting.chunks(TOGETHER) {
            if bouncing.addresses.len() >= most || bouncing.looked_at >= MOST_EXPLAINED {
                break;
            }
            for address in together {
                expect_ordinary(&known, address);
            }
            let reasons = self
                .settled_each(actor, &mut known, together, |known, address| {
                    route::bounce(known, &site, address)
                })
                .await?;
            for (address, reason) in together.iter().zip(reasons) {
                if bouncing.addresses.len() >= most {
                    break;
                }
                bouncing.looked_at += 1;
                bouncing
                    .addresses
                    .extend(reason.map(|reason| (address.clone(), reason)));
            }
        }
        if bouncing.looked_at < waiting.len() {
            bouncing.next = bouncing
                .looked_at
                .checked_sub(1)
                .map(|last| waiting[last].clone());
        }
        Ok(bouncing)
    }

    /// The names of enabled domains, hosted or relayed, after one, in order and each once.
    async fn domains_after(&self, actor: &Actor, after: &str, most: usize) -> Result<Vec<String>> {
        let schema = self.schema().await?;
        let mut sql = QueryBuilder::new("SELECT name FROM (");
        let mut between = "";
        for resource in [&domains::RESOURCE, &backups::RESOURCE] {
            let live = schema
                .table(resource.table)
                .filter(|t| t.lacks(resource).is_none());
            let Some(table) = live else {
                continue;
            };
            sql.push(format!(
                "{between}SELECT CONVERT(LOWER(RTRIM(domain)) USING utf8mb4) COLLATE utf8mb4_bin AS name FROM {} WHERE domain \
                 NOT LIKE '%@%'",
                ident(resource.table)
            ));
            if table.has("enabled") {
                sql.push(" AND enabled = 1");
            }
            push_granted(&mut sql, &actor.scope, table, resource);
            between = " UNION ";
        }
        if between.is_empty() {
            return Ok(Vec::new());
        }
        sql.push(") AS known WHERE name > ");
        sql.push_bind(after.to_owned());
        sql.push(format!(" ORDER BY name LIMIT {most}"));
        let rows = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
        rows.iter().map(|row| text(row, 0).map_err(classify)).collect()
    }
}
