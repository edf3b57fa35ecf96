//! The pages every table has: list, form, deletion, switching on and off. What differs between tables is data in
//! [`crate::resource`].

pub(super) mod bulk;
pub(super) mod bulk_edit;
mod companions;
pub(super) mod conflict;
mod delete;
mod expanding;
pub(super) mod index;
mod members;
pub(super) mod refused;
mod save;
mod switch;

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;

use super::page::{Notice, see_other};
use super::request::{Asked, Fields, KeySegment, Visitor};
use super::routes::Routes;
use super::{download, hub, text, urls};
use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::resource::overrides::IN_DOMAINS;
use crate::store::{Dependents, ListQuery, Stored, Table, Total};
use bulk::bulk;
use delete::{ask_delete, delete};
use index::index;
use save::{blank, save};
pub(super) use save::{came_from, edit, edit_form, new_form, with_defaults};
use switch::set_enabled;

/// What running Postfix processes may still answer (docs/postfix.md 3a).
pub(super) const CACHED: &str =
    "Running Postfix processes may answer from memory for up to 100 s; `postfix reload` ends that.";

/// What is said of a mailbox's new password.
const MAILBOX_PASSWORD: &str = "This is its password. It will not be shown again: only its hash is stored.";

/// The routes of one table.
pub fn routes(resource: &'static Resource) -> Routes {
    let at = |rest: &str| format!("/{}{rest}", resource.slug);
    download::routes(resource.slug, &[resource])
        .get(&at(""), move |visitor: Visitor, query: Asked<ListQuery>| {
            index(resource, visitor, query.0)
        })
        .post(&at(""), move |visitor: Visitor, fields: Fields| {
            save(resource, visitor, None, fields)
        })
        .get(
            &at("/new"),
            move |visitor: Visitor, offered: Asked<BTreeMap<String, String>>| {
                blank(resource, visitor, offered.0)
            },
        )
        .post(&at("/bulk"), move |visitor: Visitor, fields: Fields| {
            bulk(resource, visitor, fields)
        })
        .get(
            &at("/{key}"),
            move |visitor: Visitor, key: KeySegment, headers: HeaderMap| async move {
                if resource.slug == "domains" {
                    hub::show(visitor, key.0, headers).await
                } else {
                    edit(resource, visitor, key.0, headers).await
                }
            },
        )
        .post(
            &at("/{key}"),
            move |visitor: Visitor, key: KeySegment, fields: Fields| {
                save(resource, visitor, Some(key.0), fields)
            },
        )
        .get(
            &at("/{key}/edit"),
            move |visitor: Visitor, key: KeySegment, headers: HeaderMap| {
                edit(resource, visitor, key.0, headers)
            },
        )
        .get(&at("/{key}/delete"), move |visitor: Visitor, key: KeySegment| {
            ask_delete(resource, visitor, key.0)
        })
        .post(
            &at("/{key}/delete"),
            move |visitor: Visitor, key: KeySegment, fields: Fields| delete(resource, visitor, key.0, fields),
        )
        .post(
            &at("/{key}/enabled"),
            move |visitor: Visitor, key: KeySegment, fields: Fields| {
                set_enabled(resource, visitor, key.0, fields)
            },
        )
}

/// The live table of a form; its absence is a page of its own.
pub(super) async fn live(visitor: &Visitor, resource: &'static Resource) -> Result<Table> {
    let table = visitor.app.store.table(resource).await?;
    let table = table.ok_or(Error::MissingTable(resource.table))?;
    match table.read_only(resource) {
        Some(why) if table.lacks(resource).is_some() => Err(Error::ReadOnly(why)),
        _ => Ok(table),
    }
}

/// The row behind the last part of an address, if the visitor may see it.
pub(super) async fn stored(visitor: &Visitor, resource: &'static Resource, segment: &str) -> Result<Stored> {
    visitor
        .app
        .store
        .find(&visitor.actor, resource, urls::key(segment))
        .await
}

/// What was done to a row, on its way into a notice.
struct Done {
    /// The number of the change; `None` where everything was so already.
    change: Option<u64>,
    /// What, in sentences.
    lines: Vec<String>,
    /// What Postfix makes of it that the person may not have meant.
    warnings: Vec<String>,
    /// A link behind the sentences: label and address.
    link: Option<(String, String)>,
    /// As in [`Notice`].
    secret: Option<String>,
}

/// 303 to the list with a notice of what was done to one of its rows, or to another of the panel's pages.
async fn report(
    visitor: &Visitor,
    resource: &Resource,
    done: Done,
    next: Option<String>,
) -> Result<Response> {
    let kind = if done.warnings.is_empty() { "ok" } else { "warn" };
    let mut lines = done.lines;
    lines.extend(done.warnings);
    if done.change.is_some() && resource.cached_by_postfix {
        lines.push(CACHED.to_owned());
    }
    let notice = Notice {
        kind: kind.to_owned(),
        lines,
        link: done.link,
        undo: done.change,
        about_secret: done.secret.as_ref().map_or("", |_| MAILBOX_PASSWORD).to_owned(),
        secret: done.secret,
    };
    visitor.notify(notice).await?;
    let list = || visitor.app.urls.page(&format!("/{}", resource.slug));
    Ok(see_other(&next.unwrap_or_else(list)))
}

/// `3 aliases in shop.example, 1 of them off`
fn heading(group: &Dependents) -> String {
    let is_override = |name: &str| matches!(group.table, "domains" | "backups") && name.contains('@');
    let resource = Resource::by_table(group.table);
    let (one, many) = if group.examples.iter().all(|row| is_override(&row.subject)) {
        (IN_DOMAINS.words.noun, IN_DOMAINS.words.many)
    } else if group.table == "domains" {
        // A domain has no domains: these are further rows for it.
        ("row", "rows")
    } else {
        resource.map_or((group.table, group.table), |r| (r.words.noun, r.words.many))
    };
    let count = text::total(Total::Exactly(group.count), one, many);
    let off = match group.off {
        0 => String::new(),
        all if all == group.count => ", off".to_owned(),
        some => format!(", {} of them off", text::number(some)),
    };
    format!("{count} {}{off}", group.what)
}

/// Rows that depend on others, as the pages that ask show them.
pub(super) struct Depending {
    /// How many of what, and what they have to do with the others.
    heading: String,
    /// The first few.
    examples: Vec<Example>,
    /// ` and 12 more` than are named.
    more: Option<String>,
}

/// A row that is named.
struct Example {
    name: String,
    /// Its page, where it has one.
    page: Option<String>,
    is_off: bool,
}

impl Depending {
    fn all(visitor: &Visitor, groups: Vec<Dependents>) -> Vec<Self> {
        let page = |table: &str, key: &str| {
            let resource = Resource::by_table(table)?;
            Some(visitor.app.urls.row(resource.slug, key))
        };
        let view = |group: Dependents| Self {
            heading: heading(&group),
            more: more(group.count - group.examples.len() as u64),
            examples: group
                .examples
                .iter()
                .map(|row| Example {
                    name: text::plain(&row.subject),
                    page: page(group.table, &row.key),
                    is_off: row.is_off,
                })
                .collect(),
        };
        groups.into_iter().map(view).collect()
    }
}

/// ` and 12 more` than are named.
fn more(rest: u64) -> Option<String> {
    (rest > 0).then(|| format!(" and {} more", text::number(rest)))
}
