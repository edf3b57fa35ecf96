//! What owners see of the limits of their grants: how much is used, and what the operator keeps.

use super::form::Gauge;
use super::request::Visitor;
use super::text;
use crate::access::{Grant, Rights};
use crate::error::{Error, Result};
use crate::resource::{Resource, aliases, users};

/// Why there are more aliases than are counted.
pub const SELF_ALIASES: &str = "Aliases of mailboxes to themselves are not counted.";

/// What a page says of the limits that hold for a table. Empty for those who have none.
#[derive(Debug, Default)]
pub struct Limits {
    /// How much is used of each domain in which the number of rows is limited.
    pub shares: Vec<Share>,
    /// What else is limited, or kept by the operator, in sentences.
    pub told: Vec<String>,
}

/// How much of a limit is used.
#[derive(Debug)]
pub struct Share {
    /// In this domain.
    pub domain: String,
    /// So much.
    pub gauge: Gauge,
    /// Of what: `aliases`.
    pub what: &'static str,
    /// Whether there can be no more.
    pub full: bool,
}

impl Limits {
    /// What stands in place of the button for a new row where every domain has as many as it may; of these the visitor
    /// has `domains`.
    fn full_in(&self, domains: usize) -> Option<String> {
        let (first, rest) = self.shares.split_first()?;
        if self.shares.len() < domains || !first.full || !rest.iter().all(|share| share.full) {
            return None;
        }
        let sum = |of: fn(&Share) -> u64| text::number(self.shares.iter().map(of).sum());
        Some(format!(
            "{} of {} {} used",
            sum(|share| share.gauge.used),
            sum(|share| share.gauge.most),
            first.what
        ))
    }
}

impl Visitor {
    /// The limits that hold for a table, in all of an owner's domains or in one. The database is asked only where the
    /// number of rows is limited, and once.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn limits(&self, resource: &Resource, domain: Option<&str>) -> Result<Limits> {
        let what = match resource.table {
            table if table == aliases::RESOURCE.table => aliases::RESOURCE.words.many,
            table if table == users::RESOURCE.table => users::RESOURCE.words.many,
            _ => "",
        };
        let mut shares = Vec::new();
        if !what.is_empty() {
            for usage in self.app.store.usage(&self.actor).await? {
                let used = usage.of(resource);
                if let Some(most) = used.most
                    && domain.is_none_or(|domain| domain == usage.domain)
                {
                    shares.push(Share {
                        domain: usage.domain,
                        gauge: Gauge {
                            used: used.used,
                            most,
                        },
                        what,
                        full: used.is_full(),
                    });
                }
            }
        }
        let mut told = self.actor.kept(resource, domain);
        if resource.table == aliases::RESOURCE.table {
            if !shares.is_empty() {
                told.push(SELF_ALIASES.to_owned());
            }
            let granted = self.actor.granted().iter();
            let concerned =
                granted.filter(|grant| domain.is_none_or(|domain| grant.domain.as_str() == domain));
            told.extend(concerned.filter_map(destinations));
        }
        Ok(Limits { shares, told })
    }

    /// That the visitor may add rows to this table, in one of their domains at least.
    ///
    /// # Errors
    /// [`Error::Forbidden`] with what the operator keeps.
    pub fn require_add(&self, resource: &Resource) -> Result<()> {
        if self.actor.may_add(resource) {
            return Ok(());
        }
        Err(Error::Forbidden(self.actor.kept(resource, None).join(" ")))
    }

    /// Why there is nothing to be added to a table now: every domain has as many rows as it may.
    pub fn full(&self, resource: &Resource, limits: &Limits) -> Option<String> {
        let may = |grant: &&Grant| grant.limits.rights(resource, grant.domain.as_str()) == Rights::All;
        limits.full_in(self.actor.granted().iter().filter(may).count())
    }
}

/// Where aliases of a domain may lead, and to how many addresses.
fn destinations(grant: &Grant) -> Option<String> {
    let domain = &grant.domain;
    let most = grant.limits.members.map(|most| {
        let what = if most == 1 { "destination" } else { "destinations" };
        format!("may have up to {} {what}", text::number(most.into()))
    });
    let inside = (!grant.limits.external).then_some("may not lead out of your domains");
    let rules: Vec<&str> = most.as_deref().into_iter().chain(inside).collect();
    (!rules.is_empty()).then(|| format!("An alias of {domain} {}.", rules.join(" and ")))
}
