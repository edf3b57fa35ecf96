//! Mail that is accepted first and bounced later, to senders who may never have written it.

use super::touched::{any_name, in_domain};
use super::{Asked, Explanation, Kind, Lookups, Outcome, Site, explain};

/// What becomes of mail to names of a domain that nobody wrote a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is refused at the door, or told to come again.
    Refused,
    /// A catch-all takes it.
    Taken,
    /// It is accepted for another server, which may refuse it after that.
    Relayed,
    /// It is accepted and bounced.
    Bounced,
}

/// The addresses of a domain that enabled rows are about, and whether there are more.
#[must_use]
pub fn addresses(tables: &dyn Lookups, domain: &str) -> (Vec<String>, bool) {
    let (found, is_cut) = in_domain(domain, &[tables]);
    (found.into_iter().collect(), is_cut)
}

/// Why mail for an address is accepted and then bounced; `None` where it is not.
#[must_use]
pub fn bounce(tables: &dyn Lookups, site: &Site, address: &str) -> Option<String> {
    let explanation = explained(tables, site, address);
    if explanation.outcome != Outcome::Bounced {
        return None;
    }
    let bounced = explanation.deliveries.iter().find(|d| d.kind == Kind::Bounce)?;
    let reason = bounced.reason.as_deref().unwrap_or("undeliverable");
    Some(if bounced.address == explanation.address {
        reason.to_owned()
    } else {
        format!("{}: {reason}", bounced.address)
    })
}

/// What becomes of mail to any other name of a domain.
#[must_use]
pub fn unknown(tables: &dyn Lookups, site: &Site, domain: &str) -> Unknown {
    let explanation = explained(tables, site, &any_name(domain));
    let own = |address: &str| address == explanation.address;
    match explanation.outcome {
        Outcome::Rejected | Outcome::Deferred => Unknown::Refused,
        Outcome::Bounced => Unknown::Bounced,
        Outcome::Delivered => {
            let mut deliveries = explanation.deliveries.iter();
            if deliveries.any(|d| d.kind == Kind::Smtp && own(&d.address)) {
                Unknown::Relayed
            } else {
                Unknown::Taken
            }
        }
    }
}

fn explained(tables: &dyn Lookups, site: &Site, address: &str) -> Explanation {
    let asked = Asked {
        address: address.to_owned(),
        ..Asked::default()
    };
    explain(tables, site, &asked)
}
