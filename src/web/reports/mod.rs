//! `/reports`: questions people ask about the tables every week, each with its page. Everything an answer says is within the
//! visitor's scope, and every row it names is a link.

mod answers;
mod listing;
mod shown;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::page::{Page, render};
use super::request::{Asked, Visitor};
use super::routes::Routes;
use super::urls::query;
use crate::error::Result;
use crate::mail::{DomainName, domain_of};
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Resource, access, aliases, domains, relays, relocated, users};
use shown::Section;

/// One report.
struct Report {
    /// Last part of its address.
    name: &'static str,
    /// What it is for.
    group: &'static str,
    /// What it answers, as a person would ask.
    question: &'static str,
    /// What it shows, in one sentence.
    about: &'static str,
    /// What it says where there is nothing to show.
    none: &'static str,
    /// Whether the howto has it among its common SQL.
    howto: bool,
    kind: Kind,
}

/// How a report finds its answer, and what it wants to know for that.
enum Kind {
    /// Lists of tables, narrowed by [`crate::store::ListQuery::needs`].
    Listing(&'static [Narrowed]),
    /// Rows that are off, of every table.
    Disabled,
    /// Aliases of a domain.
    OfDomain,
    /// Domains without a required address.
    Required,
    /// Who forwards to an address.
    Forwards,
    /// Aliases that deliver into a domain.
    Into,
    /// Aliases that leave.
    Leaving,
    /// Destinations that nothing answers for.
    Unanswered,
    /// What is accepted and bounced.
    Bounces,
}

/// A list, and what it is narrowed to.
type Narrowed = (&'static Resource, &'static str);

const WHERE_TO: &str = "Where mail goes";
const WRONG: &str = "Mail that goes wrong";
const UPKEEP: &str = "Upkeep";

/// All of them, by group.
static REPORTS: &[Report] = &[
    Report {
        name: "forwards",
        group: WHERE_TO,
        question: "Who forwards to this address?",
        about: "Every alias that leads there, also through other aliases, catch-alls and `@domain` aliases, and the overrides \
                and relocations that name it.",
        none: "No alias forwards there.",
        howto: false,
        kind: Kind::Forwards,
    },
    Report {
        name: "leaving",
        group: WHERE_TO,
        question: "Which aliases leave this server?",
        about: "Enabled aliases that deliver into domains neither hosted nor relayed here, by the domain they go to.",
        none: "No enabled alias delivers anywhere else.",
        howto: false,
        kind: Kind::Leaving,
    },
    Report {
        name: "into",
        group: WHERE_TO,
        question: "Which aliases deliver into this domain?",
        about: "Every alias, wherever it is, with a destination in the domain; also disabled ones.",
        none: "No alias delivers there.",
        howto: true,
        kind: Kind::Into,
    },
    Report {
        name: "of-domain",
        group: WHERE_TO,
        question: "Which aliases does this domain have?",
        about: "Every alias of the domain, and its catch-all; also disabled ones.",
        none: "The domain has no alias.",
        howto: true,
        kind: Kind::OfDomain,
    },
    Report {
        name: "bounces",
        group: WRONG,
        question: "What is accepted and then bounced?",
        about: "Addresses whose mail Postfix takes and returns later, to senders who may never have written it: backscatter, \
                for which servers are put on block lists.",
        none: "Nothing is accepted only to be bounced.",
        howto: false,
        kind: Kind::Bounces,
    },
    Report {
        name: "unanswered",
        group: WRONG,
        question: "Which aliases deliver to nobody?",
        about: "Enabled aliases with a destination in a domain delivered here that has no alias, no mailbox, no override, no \
                relocation and no catch-all.",
        none: "Every destination here is answered for.",
        howto: true,
        kind: Kind::Unanswered,
    },
    Report {
        name: "shadowed",
        group: WRONG,
        question: "Whose mailbox gets no mail?",
        about: "Mailboxes whose mail a catch-all takes, for want of a self alias, or whose alias sends all of it elsewhere.",
        none: "No mailbox is in the shadow of an alias.",
        howto: false,
        kind: Kind::Listing(&[
            (&users::RESOURCE, "under-catch-all"),
            (&users::RESOURCE, "left-out"),
        ]),
    },
    Report {
        name: "orphans",
        group: WRONG,
        question: "Which rows have a domain that is not enabled?",
        about: "Rows of every table whose domain is not enabled here: strangers' mail for them is refused, and mail from here \
                may take ways nobody meant.",
        none: "Every row belongs to a domain that is enabled here.",
        howto: true,
        kind: Kind::Listing(&[
            (&aliases::RESOURCE, "orphan"),
            (&users::RESOURCE, "orphan"),
            (&relays::RESOURCE, "orphan"),
            (&relocated::RESOURCE, "orphan"),
            (&IN_DOMAINS, "orphan"),
            (&access::RESOURCE, "orphan"),
        ]),
    },
    Report {
        name: "required",
        group: UPKEEP,
        question: "Which domains have no postmaster or abuse?",
        about: "Domains without an address that RFC 2142 requires and no catch-all takes; the domain's page adds it with one \
                click.",
        none: "Every domain has both addresses, or a catch-all that takes them.",
        howto: false,
        kind: Kind::Required,
    },
    Report {
        name: "no-catch-all",
        group: UPKEEP,
        question: "Which domains have no catch-all?",
        about: "Enabled domains that refuse every name without a row of its own, which is what most of them should do.",
        none: "Every enabled domain has a catch-all.",
        howto: true,
        kind: Kind::Listing(&[(&domains::RESOURCE, "no-catch-all")]),
    },
    Report {
        name: "disabled",
        group: UPKEEP,
        question: "What is disabled?",
        about: "Rows of every table that are kept and that Postfix does not see.",
        none: "Nothing is disabled.",
        howto: true,
        kind: Kind::Disabled,
    },
];

/// The state of a report, as its address has it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct State {
    /// The address it is about.
    address: String,
    /// The domain it is about, or is narrowed to.
    domain: String,
    /// Where aliases leave to.
    to: String,
    /// The one list of several that is shown whole: its slug and what it is narrowed to.
    list: String,
    /// Where the page begins.
    after: String,
}

impl State {
    /// What was typed, with domains in the form rows have them in.
    fn tidy(self) -> Self {
        Self {
            address: self.address.trim().to_lowercase(),
            domain: ascii(&self.domain),
            to: ascii(&self.to),
            ..self
        }
    }
}

/// A domain as rows hold it: people type the Unicode form.
fn ascii(typed: &str) -> String {
    let domain = domain_of(typed);
    DomainName::parse(&domain).map_or(domain, |parsed| parsed.as_str().to_owned())
}

/// The routes of the reports.
pub fn routes() -> Routes {
    let index = Routes::default().get("/reports", index);
    REPORTS.iter().fold(index, |routes, report| {
        routes.get(
            &format!("/reports/{}", report.name),
            move |visitor: Visitor, Asked(state): Asked<State>| show(report, visitor, state.tidy()),
        )
    })
}

#[derive(Template)]
#[template(path = "reports/index.html")]
struct Index {
    page: Page,
    groups: Vec<(&'static str, Vec<Entry>)>,
}

/// A report in the index.
struct Entry {
    report: &'static Report,
    /// How many rows it has, where that is quickly said.
    count: Option<String>,
}

/// `/reports`
async fn index(visitor: Visitor) -> Result<Response> {
    let mut groups: Vec<(&'static str, Vec<Entry>)> = Vec::new();
    for report in REPORTS {
        let entry = Entry {
            report,
            count: listing::count(&visitor, report).await?,
        };
        match groups.last_mut().filter(|(group, _)| *group == report.group) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((report.group, vec![entry])),
        }
    }
    let page = visitor.page("Reports", "reports").await?;
    render(StatusCode::OK, &Index { page, groups })
}

#[derive(Template)]
#[template(path = "reports/report.html")]
struct Shown {
    page: Page,
    report: &'static Report,
    state: State,
    /// The field of the form, where the report takes one: name, label and whether nothing can be said without.
    field: Option<(&'static str, &'static str, bool)>,
    sections: Vec<Section>,
}

impl Shown {
    /// What the field holds.
    fn typed(&self) -> &str {
        match self.field {
            Some(("address", _, _)) => &self.state.address,
            Some(_) => &self.state.domain,
            None => "",
        }
    }

    /// Whether the report still waits to be told what it is about.
    fn is_waiting(&self) -> bool {
        self.typed().is_empty() && matches!(self.field, Some((_, _, true)))
    }

    /// Whether there is nothing to show.
    fn is_empty(&self) -> bool {
        self.sections.iter().all(Section::is_empty)
    }
}

async fn show(report: &'static Report, visitor: Visitor, state: State) -> Result<Response> {
    let field = match report.kind {
        Kind::Forwards => Some(("address", "Address", true)),
        Kind::Into | Kind::OfDomain => Some(("domain", "Domain", true)),
        Kind::Leaving | Kind::Unanswered => Some(("domain", "Aliases of any domain", false)),
        Kind::Bounces => Some(("domain", "All domains", false)),
        Kind::Listing(_) | Kind::Disabled => Some(("domain", "Any domain", false)),
        Kind::Required => None,
    };
    let mut shown = Shown {
        page: visitor.page(report.question, "reports").await?,
        report,
        state,
        field,
        sections: Vec::new(),
    };
    if !shown.is_waiting() {
        let look = Look {
            visitor: &visitor,
            report,
            state: &shown.state,
        };
        shown.sections = look.sections().await?;
    }
    render(StatusCode::OK, &shown)
}

/// What is looked up for one report.
struct Look<'a> {
    visitor: &'a Visitor,
    report: &'static Report,
    state: &'a State,
}

impl Look<'_> {
    async fn sections(&self) -> Result<Vec<Section>> {
        Ok(match &self.report.kind {
            Kind::Listing(narrowed) => self.narrowed(narrowed).await?,
            Kind::Disabled => self.disabled().await?,
            Kind::OfDomain => vec![self.of_domain().await?],
            Kind::Required => vec![self.required().await?],
            Kind::Forwards => self.forwards().await?,
            Kind::Into => vec![self.delivering().await?],
            Kind::Leaving => vec![self.leaving().await?],
            Kind::Unanswered => vec![self.unanswered().await?],
            Kind::Bounces if self.state.domain.is_empty() => vec![self.scores().await?],
            Kind::Bounces => vec![self.bounces().await?],
        })
    }

    /// The address of this report in another state; what is not named is as it is, but for the beginning of the page.
    fn here(&self, changes: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("address", self.state.address.as_str()),
            ("domain", self.state.domain.as_str()),
            ("to", self.state.to.as_str()),
            ("list", self.state.list.as_str()),
            ("after", ""),
        ];
        for (name, value) in changes {
            if let Some(pair) = pairs.iter_mut().find(|(n, _)| n == name) {
                pair.1 = value;
            }
        }
        let path = format!("/reports/{}{}", self.report.name, query(&pairs));
        self.visitor.app.urls.page(&path)
    }

    /// First and next page of a section.
    fn pages(&self, list: &str, next: Option<&str>) -> shown::Pages {
        shown::Pages {
            first: (!self.state.after.is_empty()).then(|| self.here(&[("list", list)])),
            next: next.map(|after| self.here(&[("list", list), ("after", after)])),
        }
    }
}
