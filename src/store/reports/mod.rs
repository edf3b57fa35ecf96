//! What the reports ask: conditions that lists are narrowed to, and what only reading every alias or explaining many
//! addresses can answer, a page at a time.

mod backscatter;
mod destinations;

pub use backscatter::{Backscatter, Bouncing, Score};
pub use destinations::{Departures, MOST_ALIASES, Sifted};

use super::attention::Question;
use super::{Store, attention};
use crate::error::Result;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Resource, access, aliases, domains, relays, relocated, users};

/// The domains Postfix knows.
const KNOWN: &[(&str, &str)] = &[
    ("domains", "domain"),
    ("domains", "enabled"),
    ("backups", "domain"),
    ("backups", "enabled"),
];

/// What rows are in whose domain Postfix does not know.
const HOMELESS: &str = "in a domain that is not enabled here";

/// The condition of such rows.
const NOT_HERE: &str = "{domain} NOT IN (SELECT domain FROM domains WHERE enabled = 1 AND domain IS NOT NULL) AND {domain} \
                        NOT IN (SELECT domain FROM backups WHERE enabled = 1 AND domain IS NOT NULL)";

const fn orphan(resource: &'static Resource, condition: &'static str) -> Question {
    Question {
        name: "orphan",
        resource,
        needs: KNOWN,
        condition,
        message: HOMELESS,
        rule: "",
    }
}

/// Questions of reports that one condition answers, beside those of the dashboard.
pub(super) const REPORTED: &[Question] = &[
    orphan(&aliases::RESOURCE, NOT_HERE),
    orphan(&users::RESOURCE, NOT_HERE),
    orphan(&relocated::RESOURCE, NOT_HERE),
    orphan(&IN_DOMAINS, NOT_HERE),
    Question {
        name: "orphan",
        resource: &relays::RESOURCE,
        needs: &[("backups", "domain"), ("backups", "enabled")],
        condition: "{domain} NOT IN (SELECT domain FROM backups WHERE enabled = 1 AND domain IS NOT NULL)",
        message: "in a domain that is not relayed to its primary server: nothing asks for them",
        rule: "",
    },
    // A rule about a domain is about its subdomains too.
    orphan(
        &access::RESOURCE,
        "r.kind = 'recipient' AND {domain} <> '' AND NOT EXISTS (SELECT 1 FROM domains d WHERE d.enabled = 1 AND (d.domain = \
         {domain} OR d.domain LIKE CONCAT('%.', {domain}))) AND NOT EXISTS (SELECT 1 FROM backups b WHERE b.enabled = 1 \
         AND (b.domain = {domain} OR b.domain LIKE CONCAT('%.', {domain})))",
    ),
    Question {
        name: "left-out",
        resource: &users::RESOURCE,
        needs: &[
            ("aliases", "mail"),
            ("aliases", "destination"),
            ("aliases", "enabled"),
        ],
        condition: "r.enabled = 1 AND EXISTS (SELECT 1 FROM aliases a WHERE a.mail = r.id AND a.enabled = 1 AND LOCATE(CONCAT(',', \
                    TRIM(r.id), ','), CONCAT(',', REGEXP_REPLACE(a.destination, '[,;[:space:]]+', ','), ',')) = 0)",
        message: "whose alias does not list them: what comes for them goes elsewhere, and no copy stays",
        rule: "PW140",
    },
    Question {
        name: "no-catch-all",
        resource: &domains::RESOURCE,
        needs: &[("aliases", "mail"), ("aliases", "enabled")],
        condition: "r.enabled = 1 AND r.domain NOT LIKE '%@%' AND NOT EXISTS (SELECT 1 FROM aliases c WHERE c.mail = \
                    CONCAT('@', r.domain) AND c.enabled = 1)",
        message: "without a catch-all: unknown names are refused",
        rule: "",
    },
];

impl Store {
    /// Whether a list can be narrowed to what goes by this name: the tables and columns it is about are there, and the server
    /// can compare them. A table without `enabled` has no row that is off.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn can_ask(&self, resource: &'static Resource, name: &str) -> Result<bool> {
        let schema = self.schema().await?;
        Ok(attention::condition(&schema, resource, name).is_some())
    }
}
