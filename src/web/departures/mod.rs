//! `/left` and `/moved`: everything about the address of somebody who goes, changed together. A form, a review of every
//! row that will be written, and one change.

mod left;
mod moved;
mod review;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::page::{Page, render};
use super::request::Visitor;
use super::routes::Routes;
use super::text;
use super::written::{items, key, noun};
use crate::error::{Error, Result};
use crate::mail::MailAddress;
use crate::resource::{Problem, Resource, aliases};
use crate::store::{Row, Traces};

/// The two pages.
pub fn routes() -> Routes {
    Routes::default()
        .get("/left", left::show)
        .post("/left", left::save)
        .get("/moved", moved::show)
        .post("/moved", moved::save)
}

/// Whom a page is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct About {
    address: String,
}

/// One of the two pages.
#[derive(Debug, Clone, Copy)]
struct Kindred {
    /// Its path.
    path: &'static str,
    /// What the person did, after their address.
    verb: &'static str,
    /// The menu entry it belongs to.
    section: &'static str,
    /// Its heading where nobody is named yet.
    title: &'static str,
    /// What it does.
    lead: &'static str,
}

/// The page that asks for an address.
#[derive(Template)]
#[template(path = "departures/ask.html")]
struct Ask {
    page: Page,
    kindred: Kindred,
    address: String,
    problems: Vec<(&'static str, String)>,
}

impl Ask {
    fn problem(&self) -> Option<&str> {
        self.problems.first().map(|(_, problem)| problem.as_str())
    }
}

/// Either the address somebody typed, which is the visitor's to ask about, or the page that asks for one.
async fn address(visitor: &Visitor, kindred: Kindred, typed: &str) -> Result<Result<MailAddress, Response>> {
    // A hub's link has the domain filled in.
    let unfinished = typed.trim().is_empty() || typed.starts_with('@');
    let problem = match MailAddress::parse(typed) {
        Ok(address) if visitor.actor.scope.covers(address.domain().as_str()) => return Ok(Ok(address)),
        Ok(_) => return Err(Error::NotFound),
        Err(fault) => fault.message().to_owned(),
    };
    let mut ask = Ask {
        page: visitor.page(kindred.title, kindred.section).await?,
        kindred,
        address: typed.to_owned(),
        problems: Vec::new(),
    };
    if unfinished {
        return Ok(Err(render(StatusCode::OK, &ask)?));
    }
    ask.problems.push(("address", problem));
    Ok(Err(render(StatusCode::UNPROCESSABLE_ENTITY, &ask)?))
}

/// One row about an address, as it is.
#[derive(Debug)]
struct Fact {
    noun: String,
    page: String,
    value: String,
    enabled: bool,
}

/// What there is about an address, for the side of a form.
#[derive(Debug)]
struct Facts {
    rows: Vec<Fact>,
    /// Aliases that deliver to it: page, address.
    lists: Vec<(String, String)>,
    /// What a person should know about the address.
    notes: Vec<String>,
}

impl Facts {
    fn of(visitor: &Visitor, traces: &Traces) -> Self {
        let urls = &visitor.app.urls;
        let fact = |resource: &'static Resource, row: &Row| Fact {
            noun: noun(resource),
            page: urls.row(resource.slug, &key(resource, row)),
            value: items(resource, row).join(", "),
            enabled: row.is_enabled(),
        };
        let rows = traces.rows.iter();
        let lists = traces.lists.iter().map(|list| {
            let resource = &aliases::RESOURCE;
            (
                urls.row(resource.slug, &list.row.key),
                text::plain(&list.row.subject(resource)),
            )
        });
        let mut notes = Vec::new();
        let domain = crate::mail::domain_of(&traces.address);
        if !traces.is_hosted && !traces.is_backup {
            notes.push(format!(
                "`{domain}` is not an enabled domain of this server, nor a backup MX entry: strangers who write there get 554 \
                 Relay access denied."
            ));
        } else if traces.rows.is_empty() && traces.lists.is_empty() {
            notes.push(format!("No row here is about `{}`.", traces.address));
        }
        Self {
            rows: rows
                .map(|(resource, stored)| fact(resource, &stored.row))
                .collect(),
            lists: lists.collect(),
            notes,
        }
    }
}

/// Problems as the summary and the fields of these forms have them; what is no field's is said of the address.
fn beside(problems: Vec<Problem>, fields: &[&'static str]) -> Vec<(&'static str, String)> {
    let field = |column: &'static str| {
        if fields.contains(&column) {
            column
        } else {
            "address"
        }
    };
    problems
        .into_iter()
        .map(|problem| (field(problem.column), problem.message))
        .collect()
}
