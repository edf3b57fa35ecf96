//! What an explanation comes to, with the row that decided it and what can be done about it.

use super::view::{RowLink, StepView};
use crate::access::Rights;
use crate::mail::{DomainName, domain_of};
use crate::resource::{Resource, aliases, backups, domains, relays, users};
use crate::route::{self, Cause, Explanation};
use crate::web::request::Visitor;
use crate::web::text;
use crate::web::urls::{Urls, query};

/// The verdict of a page.
#[derive(Debug)]
pub struct Verdict {
    /// `ok`, `warn` or `error`, as of a notice.
    pub state: &'static str,
    /// The sentence.
    pub headline: String,
    /// Why.
    pub lines: Vec<String>,
    /// What is said before the row that decided, and the row.
    pub decided: Option<(String, RowLink)>,
    /// What the sender's server is told, each with what is said before it.
    pub replies: Vec<(&'static str, String)>,
    /// Rows that would change it, for those who may add them.
    pub offers: Vec<Link>,
    /// Where the domain is looked after.
    pub around: Vec<Link>,
}

/// A way elsewhere.
#[derive(Debug)]
pub struct Link {
    /// What it is called.
    pub label: String,
    /// Its address.
    pub page: String,
}

impl Verdict {
    /// What an explanation comes to.
    pub fn new(visitor: &Visitor, explained: &Explanation, verdict: route::Verdict) -> Self {
        let urls = &visitor.app.urls;
        let decided = verdict.step.and_then(|step| {
            let step = &explained.steps[step];
            Some((route::because(step), StepView::new(urls, step).row?))
        });
        Self {
            state: verdict.state,
            headline: verdict.headline,
            lines: verdict.lines,
            decided,
            replies: verdict
                .replies
                .into_iter()
                .map(|(before, reply)| (before, text::plain(&reply)))
                .collect(),
            offers: offers(visitor, explained, verdict.cause),
            around: around(urls, explained, verdict.cause),
        }
    }
}

/// The forms of rows that would take the mail, as far as there is none that only has to be switched on.
fn offers(visitor: &Visitor, explained: &Explanation, cause: Option<Cause>) -> Vec<Link> {
    let address = &explained.address;
    let domain = domain_of(address);
    let wanted: &[(&'static Resource, &str, &str)] = match cause {
        Some(Cause::Unknown) => &[
            (&users::RESOURCE, address, "Add a mailbox"),
            (&aliases::RESOURCE, address, "Add an alias"),
        ],
        Some(Cause::Unlisted) => &[(&relays::RESOURCE, address, "Add a relay recipient")],
        Some(Cause::Foreign) => &[
            (&domains::RESOURCE, &domain, "Host the domain"),
            (&backups::RESOURCE, &domain, "Be its backup MX"),
        ],
        _ => &[],
    };
    let has_row = |resource: &Resource, subject: &str| {
        explained.steps.iter().any(|step| {
            step.table == resource.table && step.row.is_some() && step.key.eq_ignore_ascii_case(subject)
        })
    };
    wanted
        .iter()
        .filter(|(resource, subject, _)| {
            visitor.actor.rights(resource, subject) == Rights::All && !has_row(resource, subject)
        })
        .map(|(resource, subject, label)| Link {
            label: (*label).to_owned(),
            page: visitor.app.urls.page(&format!(
                "/{}/new{}",
                resource.slug,
                query(&[(resource.subject, subject)])
            )),
        })
        .collect()
}

/// The row of the address's domain, and the findings in it.
fn around(urls: &Urls, explained: &Explanation, cause: Option<Cause>) -> Vec<Link> {
    if matches!(
        cause,
        Some(Cause::Foreign | Cause::Malformed | Cause::Unqualified)
    ) {
        return Vec::new();
    }
    let Ok(domain) = DomainName::parse(&domain_of(&explained.address)) else {
        return Vec::new();
    };
    let domain = domain.as_str();
    let mut links = Vec::new();
    for resource in [&domains::RESOURCE, &backups::RESOURCE] {
        let row = explained.steps.iter().find_map(|step| {
            let is_it = step.map == resource.table && step.key.eq_ignore_ascii_case(domain);
            step.row.as_ref().filter(|_| is_it)
        });
        links.extend(row.map(|row| Link {
            label: format!("The {} {domain}", resource.words.noun),
            page: urls.row(resource.slug, row),
        }));
    }
    if !links.is_empty() {
        links.push(Link {
            label: format!("Findings in {domain}"),
            page: urls.page(&format!("/check{}", query(&[("domain", domain)]))),
        });
    }
    links
}
