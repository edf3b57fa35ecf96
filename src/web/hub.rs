//! `/domains/{key}`: everything about one domain on one page, with what is missing one click away.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::changes::ChangeView;
use super::check::{self, Report};
use super::form::Gauge;
use super::limits::SELF_ALIASES;
use super::page::{Page, render};
use super::request::Visitor;
use super::urls::query;
use super::view::RowView;
use super::{crud, text};
use crate::access::Rights;
use crate::error::Result;
use crate::lint::Told;
use crate::mail::items_of;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{
    Kind, Part, Resource, access, aliases, backups, domains, lists, relays, relocated, users,
};
use crate::store::{ChangeQuery, ListQuery, Override, Row, Stored, Total, Usage, Used};

/// Rows a section shows; the rest are behind a link.
const SHOWN: u16 = 20;

/// Changes shown.
const LATEST: usize = 5;

/// Addresses every domain must have (RFC 2142 section 5 and RFC 5321 4.5.1).
const REQUIRED: [&str; 2] = ["postmaster", "abuse"];

#[derive(Template)]
#[template(path = "hub.html")]
struct Hub {
    page: Page,
    key: String,
    domain: String,
    unicode: Option<String>,
    enabled: bool,
    transport: String,
    /// What the transport does, in a word or two.
    delivery: &'static str,
    problems: Vec<String>,
    /// How many findings there are in the domain: `3 findings`; empty where that is not known.
    findings: String,
    required: Vec<Required>,
    catch_all: Option<Alias>,
    sections: Vec<Section>,
    backup: Option<BackupEntry>,
    changes: Vec<ChangeView>,
    writable: bool,
    /// Whether the visitor may act on people who go.
    departures: bool,
    addable: Addable,
}

/// What can be added to the domain's aliases.
struct Addable {
    /// An address.
    address: bool,
    /// A catch-all.
    catch_all: bool,
    /// What the operator keeps of them.
    kept: Vec<String>,
}

/// An address every domain must have.
struct Required {
    address: String,
    local: &'static str,
    there: Option<Alias>,
    /// Where a new one would go.
    offer: String,
}

/// An alias of its own line.
#[derive(Clone)]
struct Alias {
    page: String,
    /// Where it goes.
    to: String,
    enabled: bool,
}

/// Rows of one kind.
struct Section {
    title: &'static str,
    /// How many there are.
    count: Option<String>,
    /// How many of them there may be, where that is limited.
    share: Option<Gauge>,
    /// What the operator keeps of them.
    kept: Vec<String>,
    lines: Vec<Line>,
    all: Option<String>,
    new: Option<String>,
    none: &'static str,
}

/// One row of a section.
struct Line {
    /// The part before the domain, or the whole.
    name: String,
    /// What follows it, for those who hear the page.
    rest: String,
    page: String,
    /// What it does.
    does: String,
    mono: bool,
    enabled: bool,
    /// What is the matter with it: class and word of a badge.
    badge: Option<(&'static str, &'static str)>,
}

/// The domain as a backup MX entry.
struct BackupEntry {
    page: String,
    transport: String,
    enabled: bool,
    recipients: Section,
}

/// `/domains/{key}`
pub async fn show(visitor: Visitor, key: String, headers: HeaderMap) -> Result<Response> {
    let table = crud::live(&visitor, &domains::RESOURCE).await?;
    let stored = crud::stored(&visitor, &domains::RESOURCE, &key).await?;
    let domain = stored.row.subject(&domains::RESOURCE);
    // A row about one address is no domain; neither is one whose domain cannot be told.
    if domain.contains('@') || domain.is_empty() {
        return crud::edit(&domains::RESOURCE, visitor, key, headers).await;
    }
    let writable =
        visitor.actor.may_write(&domains::RESOURCE) && table.read_only(&domains::RESOURCE).is_none();
    let hub = Look {
        visitor: &visitor,
        domain: &domain,
        usage: visitor.app.store.usage(&visitor.actor).await?,
        findings: check::known_of(&visitor, &domain).await?,
        here: visitor.app.urls.row("domains", &stored.row.key),
    };
    render(StatusCode::OK, &hub.read(&stored, writable).await?)
}

/// What is looked up for one domain.
struct Look<'a> {
    visitor: &'a Visitor,
    domain: &'a str,
    /// How much of the limited domains is used.
    usage: Vec<Usage>,
    /// What the linter finds in it, where that is quickly known.
    findings: Option<Report>,
    /// The hub's own address.
    here: String,
}

impl Look<'_> {
    async fn read(&self, stored: &Stored, writable: bool) -> Result<Hub> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let transport = stored.row.text("transport").trim().to_owned();
        let view = RowView::new(&domains::RESOURCE, store, &stored.row, "");
        let query = ChangeQuery {
            domain: self.domain.to_owned(),
            ..ChangeQuery::default()
        };
        let (changes, _) = store.changes(actor, &query, Some(LATEST)).await?;
        let mut sections = Vec::new();
        for resource in [&users::RESOURCE, &aliases::RESOURCE, &lists::RESOURCE] {
            sections.extend(self.section(resource).await?);
        }
        sections.push(self.overrides().await?);
        for resource in [&relocated::RESOURCE, &access::RESOURCE] {
            sections.extend(self.section(resource).await?);
        }
        let backup = self.backup().await?;
        if backup.is_none() {
            // They do nothing for a domain that is not relayed, and are rows of it all the same.
            let recipients = self.section(&relays::RESOURCE).await?;
            sections.extend(recipients.filter(|section| !section.lines.is_empty()));
        }
        let (required, catch_all) = self.required().await?;
        Ok(Hub {
            page: self.visitor.page(&text::plain(self.domain), "domains").await?,
            key: stored.row.key.clone(),
            domain: self.domain.to_owned(),
            unicode: text::unicode(self.domain),
            enabled: stored.row.is_enabled(),
            delivery: match transport.split(':').next().unwrap_or_default() {
                "virtual" => "delivered here",
                "error" | "retry" => "refused",
                "discard" => "thrown away",
                "local" => "delivered to system users",
                _ => "sent on",
            },
            transport,
            problems: view.problems,
            findings: self.findings.as_ref().map_or_else(String::new, |report| {
                text::total(Total::Exactly(report.total()), "finding", "findings")
            }),
            required,
            catch_all,
            sections,
            backup,
            changes: changes
                .into_iter()
                .map(|change| ChangeView::new(actor, change))
                .collect(),
            writable,
            departures: actor.require_write(&users::RESOURCE).is_ok(),
            addable: self.addable().await?,
        })
    }

    async fn addable(&self) -> Result<Addable> {
        let (actor, resource) = (&self.visitor.actor, &aliases::RESOURCE);
        let address = self.may_add(resource) && self.visitor.app.store.table(resource).await?.is_some();
        let at_all = format!("@{}", self.domain);
        Ok(Addable {
            address,
            catch_all: address && actor.rights(resource, &at_all) == Rights::All,
            kept: actor.kept(resource, Some(self.domain)),
        })
    }

    fn state(&self, per: u16) -> ListQuery {
        ListQuery {
            domain: self.domain.to_owned(),
            per: per.to_string(),
            ..ListQuery::default()
        }
    }

    fn page(&self, slug: &str, rest: &str, pairs: &[(&str, &str)]) -> String {
        self.visitor
            .app
            .urls
            .page(&format!("/{slug}{rest}{}", query(pairs)))
    }

    /// The rows of a table that belong to the domain; `None` where the table is missing.
    async fn section(&self, resource: &'static Resource) -> Result<Option<Section>> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let live = store.table(resource).await?;
        if live.is_none_or(|table| table.lacks(resource).is_some()) {
            return Ok(None);
        }
        let found = store.list(actor, resource, &self.state(SHOWN)).await?;
        let lines = found.rows.iter().map(|row| self.line(resource, row)).collect();
        Ok(Some(self.filled(
            resource,
            lines,
            found.total,
            found.next.is_some(),
        )))
    }

    /// How much of a table is used, where that is limited.
    fn used(&self, resource: &Resource) -> Used {
        let usage = self.usage.iter().find(|usage| usage.domain == self.domain);
        usage.map_or_else(Used::default, |usage| usage.of(resource))
    }

    /// Whether a row of the domain can be added to a table.
    fn may_add(&self, resource: &Resource) -> bool {
        let actor = &self.visitor.actor;
        actor.rights(resource, self.domain) == Rights::All && !self.used(resource).is_full()
    }

    fn filled(&self, resource: &'static Resource, lines: Vec<Line>, total: Total, more: bool) -> Section {
        let count = match total {
            Total::Exactly(0) => None,
            Total::Exactly(n) => Some(text::number(n)),
            Total::MoreThan(n) => Some(format!("more than {}", text::number(n))),
        };
        // The part before the @ is for the person to type. Where `@domain` alone would be a row for the whole domain, it is
        // not put into anybody's mouth.
        let subject = match resource.slug {
            "users" | "overrides" | "access" => format!("@{}", self.domain),
            _ => String::new(),
        };
        let field = if resource.slug == "overrides" {
            "mail"
        } else {
            resource.subject
        };
        let offered = self.page(resource.slug, "/new", &[(field, &subject), ("next", &self.here)]);
        // Lists are aliases: their share is said there.
        let used = match resource.part {
            Part::Lists => Used::default(),
            Part::Whole | Part::Overrides => self.used(resource),
        };
        let mut kept = Vec::new();
        if resource.table != aliases::RESOURCE.table {
            kept = self.visitor.actor.kept(resource, Some(self.domain));
        } else if used.most.is_some() && total != Total::Exactly(used.used) {
            kept.push(SELF_ALIASES.to_owned());
        }
        Section {
            title: resource.words.title,
            count,
            lines,
            all: more.then(|| self.page(resource.slug, "", &[("domain", self.domain)])),
            share: used.most.map(|most| Gauge {
                used: used.used,
                most,
            }),
            kept,
            new: self.may_add(resource).then_some(offered),
            none: "none yet",
        }
    }

    fn line(&self, resource: &'static Resource, row: &Row) -> Line {
        let store = &self.visitor.app.store;
        let subject = text::plain(row.text(resource.subject));
        let mut view = RowView::new(resource, store, row, "");
        view.add(&self.told(resource.table, &row.key));
        let (does, mono) = match resource.slug {
            "users" => (row.text("name").to_owned(), false),
            "lists" => (
                format!("{} members", items_of(row.text("destination")).len()),
                false,
            ),
            "aliases" => {
                let items = items_of(row.text("destination"));
                match items.as_slice() {
                    [one] if *one == row.subject(resource) => ("itself".to_owned(), false),
                    [one] => (one.clone(), true),
                    [] => ("nothing".to_owned(), false),
                    [first, rest @ ..] => (format!("{first} and {} more", rest.len()), true),
                }
            }
            "access" => (
                format!("{} {}", row.text("kind"), row.text("action").to_lowercase()),
                false,
            ),
            _ => {
                let second = resource
                    .listed()
                    .find(|c| c.name != resource.subject && c.kind != Kind::Switch);
                (second.map_or("", |c| row.text(c.name)).to_owned(), true)
            }
        };
        let (name, rest) = self.split(&subject);
        Line {
            name,
            rest,
            page: self.visitor.app.urls.row(resource.slug, &row.key),
            does: text::plain(&does),
            mono,
            enabled: row.is_enabled(),
            badge: view.badge(),
        }
    }

    /// What the linter finds in a row.
    fn told(&self, table: &str, key: &str) -> Vec<Told> {
        let findings = self.findings.iter();
        findings
            .flat_map(|report| report.of_row(table, key))
            .cloned()
            .collect()
    }

    /// `joe@` and `example.org`, where the domain is the hub's own.
    fn split(&self, subject: &str) -> (String, String) {
        match subject.rsplit_once('@') {
            Some((local, domain)) if domain.eq_ignore_ascii_case(self.domain) && !local.is_empty() => {
                (format!("{local}@"), domain.to_owned())
            }
            _ => (subject.to_owned(), String::new()),
        }
    }

    async fn overrides(&self) -> Result<Section> {
        let store = &self.visitor.app.store;
        let found = store.overrides(&self.visitor.actor, &self.state(SHOWN)).await?;
        let lines = found
            .rows
            .iter()
            .map(|row| {
                let (name, rest) = self.split(&text::plain(&row.address));
                Line {
                    name,
                    rest,
                    page: self.visitor.app.urls.row("overrides", &row.address),
                    does: text::plain(row.transport()),
                    mono: true,
                    enabled: row.is_enabled(),
                    badge: self.badge(row),
                }
            })
            .collect();
        Ok(self.filled(&IN_DOMAINS, lines, found.total, found.next.is_some()))
    }

    /// The badge of an override: the worst of its rows.
    fn badge(&self, row: &Override) -> Option<(&'static str, &'static str)> {
        let store = &self.visitor.app.store;
        let (resource, stored) = row.rows.first()?;
        let mut view = RowView::new(resource, store, &stored.row, "");
        for (resource, stored) in &row.rows {
            view.add(&self.told(resource.table, &stored.row.key));
        }
        let twice = (row.rows.len() > 1).then_some(("warn", "warning"));
        view.badge().or(twice)
    }

    /// The required addresses and the catch-all.
    async fn required(&self) -> Result<(Vec<Required>, Option<Alias>)> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let mut wanted: Vec<String> = REQUIRED
            .iter()
            .map(|local| format!("{local}@{}", self.domain))
            .collect();
        wanted.push(format!("@{}", self.domain));
        let there = store.about(actor, &aliases::RESOURCE, &wanted).await?;
        let of = |address: &str| {
            let alias = there
                .iter()
                .find(|alias| alias.row.subject(&aliases::RESOURCE) == address)?;
            Some(Alias {
                page: self.visitor.app.urls.row("aliases", &alias.row.key),
                to: items_of(alias.row.text("destination")).join(", "),
                enabled: alias.row.is_enabled(),
            })
        };
        let catch_all = of(&wanted[2]);
        let somebody = self.somebody(catch_all.as_ref()).await?;
        let postmaster = of(&wanted[0]);
        let required = REQUIRED
            .iter()
            .zip(&wanted)
            .map(|(local, address)| Required {
                address: address.clone(),
                local,
                there: of(address),
                offer: match (&postmaster, *local) {
                    (Some(_), "abuse") => wanted[0].clone(),
                    _ => somebody.clone(),
                },
            })
            .collect();
        Ok((required, catch_all))
    }

    /// Who would get the mail of a required address: the first mailbox of the domain, or whoever its catch-all names, or
    /// the postmaster of the first domain that has one.
    async fn somebody(&self, catch_all: Option<&Alias>) -> Result<String> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        if store
            .table(&users::RESOURCE)
            .await?
            .is_some_and(|t| t.lacks(&users::RESOURCE).is_none())
        {
            let mut query = self.state(1);
            "1".clone_into(&mut query.enabled);
            if let Some(row) = store.list(actor, &users::RESOURCE, &query).await?.rows.first() {
                return Ok(row.subject(&users::RESOURCE));
            }
        }
        if let Some(alias) = catch_all.filter(|alias| !alias.to.starts_with('@')) {
            return Ok(alias.to.clone());
        }
        let query = ListQuery {
            q: "postmaster@".to_owned(),
            enabled: "1".to_owned(),
            per: "1".to_owned(),
            ..ListQuery::default()
        };
        if store
            .table(&aliases::RESOURCE)
            .await?
            .is_none_or(|t| t.lacks(&aliases::RESOURCE).is_some())
        {
            return Ok(String::new());
        }
        let found = store.list(actor, &aliases::RESOURCE, &query).await?;
        Ok(found
            .rows
            .first()
            .map(|row| row.subject(&aliases::RESOURCE))
            .unwrap_or_default())
    }

    /// The domain as a backup MX entry, with its relay recipients.
    async fn backup(&self) -> Result<Option<BackupEntry>> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let found = store
            .about(actor, &backups::RESOURCE, &[self.domain.to_owned()])
            .await?;
        let Some(entry) = found.first() else {
            return Ok(None);
        };
        let Some(recipients) = self.section(&relays::RESOURCE).await? else {
            return Ok(None);
        };
        Ok(Some(BackupEntry {
            page: self.visitor.app.urls.row("backups", &entry.row.key),
            transport: text::plain(entry.row.text("transport")),
            enabled: entry.row.is_enabled(),
            recipients,
        }))
    }
}
