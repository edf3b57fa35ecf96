//! The list of a table, or what stands in its place where the table is missing.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::access::Role;
use crate::error::{Error, ReadOnly, Result};
use crate::resource::{Kind, Resource};
use crate::store::{ListQuery, Total, matter};
use crate::web::limits::Limits;
use crate::web::page::{Page, render};
use crate::web::request::Visitor;
use crate::web::text;
use crate::web::urls::query;
use crate::web::view::{RowView, judged};
use crate::web::watch::GLANCE;

/// A list.
#[derive(Template)]
#[template(path = "resource/index.html")]
struct Index {
    page: Page,
    resource: &'static Resource,
    rows: Vec<RowView>,
    headings: Vec<Heading>,
    query: ListQuery,
    /// What is the matter with the rows, where only those are shown with which something is.
    matter: Option<&'static str>,
    here: String,
    total: String,
    /// How many rows the whole list has, as a word for the box that takes them all.
    many: String,
    first: Option<String>,
    next: Option<String>,
    per: u16,
    /// Addresses of the same list with other page lengths.
    lengths: Vec<(u16, String)>,
    /// The same rows as files: what they are called, and where they are.
    files: Vec<(&'static str, String)>,
    read_only: Option<ReadOnly>,
    /// What the live Postfix does not look up.
    unread: Vec<String>,
    /// Whether something can be done to a row of the page.
    changeable: bool,
    /// Whether a row can be added now.
    addable: bool,
    /// Why not, where all that there may be are there.
    full: Option<String>,
    limits: Limits,
    has_enabled: bool,
}

/// A column heading, which may be a link that sorts.
struct Heading {
    label: &'static str,
    sort: Option<String>,
    direction: &'static str,
}

#[derive(Template)]
#[template(path = "resource/missing.html")]
struct Missing {
    page: Page,
    resource: &'static Resource,
    /// Why the table there is cannot be shown.
    unusable: Option<ReadOnly>,
}

pub(super) async fn index(
    resource: &'static Resource,
    visitor: Visitor,
    query: ListQuery,
) -> Result<Response> {
    let Some(table) = visitor.app.store.table(resource).await? else {
        return missing(resource, &visitor, None).await;
    };
    if table.lacks(resource).is_some() {
        return missing(resource, &visitor, table.read_only(resource)).await;
    }
    let list = match visitor.app.store.list(&visitor.actor, resource, &query).await {
        // It was dropped within the last second.
        Err(Error::MissingTable(_)) => return missing(resource, &visitor, None).await,
        other => other?,
    };
    let read_only = table.read_only(resource);
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let rows = judged(actor, resource, store, &list.rows, &query.q).await?;
    let columns = resource.listed().filter(|c| table.has(c.name)).map(|column| {
        (
            column.name,
            if column.name == "enabled" {
                "Status"
            } else {
                column.label
            },
            column.sortable,
        )
    });
    let shown = Shown {
        rows,
        next: list.next,
        total: list.total,
        has_enabled: table.has("enabled"),
        read_only,
    };
    respond(&visitor, resource, query, columns, shown).await
}

/// What stands in a list.
pub(in crate::web) struct Shown {
    pub rows: Vec<RowView>,
    pub next: Option<String>,
    pub total: Total,
    pub has_enabled: bool,
    pub read_only: Option<ReadOnly>,
}

/// The page of a list with these columns: name, heading, and whether it sorts.
pub(in crate::web) async fn respond(
    visitor: &Visitor,
    resource: &'static Resource,
    query: ListQuery,
    columns: impl Iterator<Item = (&'static str, &'static str, bool)>,
    shown: Shown,
) -> Result<Response> {
    let address = |changes: &[(&str, &str)]| list_address(visitor, resource, &query, changes);
    let order = query.order(resource);
    let headings = columns
        .map(|(name, label, sortable)| {
            let active = order.column == name;
            let flipped = if active && !order.descending { "-" } else { "" };
            Heading {
                label,
                sort: sortable.then(|| address(&[("sort", &format!("{flipped}{name}")), ("after", "")])),
                direction: match (active, order.descending) {
                    (false, _) => "",
                    (true, false) => "ascending",
                    (true, true) => "descending",
                },
            }
        })
        .collect();
    let many = match shown.total {
        Total::Exactly(n) => text::number(n),
        Total::MoreThan(n) => format!("more than {}", text::number(n)),
    };
    let mut rows = shown.rows;
    for row in &mut rows {
        row.rights = visitor.actor.rights(resource, &row.subject);
    }
    let writable = visitor.actor.may_write(resource) && shown.read_only.is_none();
    let limits = visitor.limits(resource, None).await?;
    let full = visitor.full(resource, &limits).filter(|_| writable);
    let template = Index {
        unread: unread(visitor, resource).await?,
        matter: matter(resource, &query.needs),
        page: visitor.page(resource.words.title, resource.slug).await?,
        headings,
        here: address(&[]),
        total: text::total(shown.total, resource.words.noun, resource.words.many),
        many,
        first: (!query.after.is_empty()).then(|| address(&[("after", "")])),
        next: shown.next.as_deref().map(|after| address(&[("after", after)])),
        per: query.per_page(),
        lengths: [25, 50, 100]
            .map(|n: u16| (n, address(&[("per", &n.to_string()), ("after", "")])))
            .to_vec(),
        files: files(visitor, resource, &query),
        changeable: writable && rows.iter().any(RowView::is_removable),
        addable: writable && visitor.actor.may_add(resource) && full.is_none(),
        full,
        limits,
        rows,
        has_enabled: shown.has_enabled,
        read_only: shown.read_only,
        resource,
        query,
    };
    render(StatusCode::OK, &template)
}

/// The rows of a list as files; those with passwords for who may have them.
fn files(visitor: &Visitor, resource: &Resource, state: &ListQuery) -> Vec<(&'static str, String)> {
    let at = |extension: &str, passwords: &str| {
        let pairs = [
            ("q", state.q.as_str()),
            ("domain", state.domain.as_str()),
            ("enabled", state.enabled.as_str()),
            ("needs", state.needs.as_str()),
            ("sort", state.sort.as_str()),
            ("passwords", passwords),
        ];
        let path = format!("/{}/export.{extension}{}", resource.slug, query(&pairs));
        visitor.app.urls.page(&path)
    };
    let mut files = vec![
        ("CSV", at("csv", "")),
        ("JSON", at("json", "")),
        ("SQL", at("sql", "")),
    ];
    let has_passwords = resource.columns.iter().any(|c| c.kind == Kind::Password);
    if has_passwords && visitor.actor.role == Role::Operator {
        files.push(("SQL with password hashes", at("sql", "1")));
    }
    files
}

/// Why the live Postfix does nothing with rows there are, for those who can see to it.
async fn unread(visitor: &Visitor, resource: &Resource) -> Result<Vec<String>> {
    if visitor.actor.require_everything().is_err() {
        return Ok(Vec::new());
    }
    let known = visitor.app.known_postfix(GLANCE).await?;
    let findings = known.iter().flat_map(|k| k.verdict.unread());
    Ok(findings
        .filter(|f| f.table == resource.table)
        .map(|f| f.message.clone())
        .collect())
}

/// What the table would do, and how to create it.
async fn missing(
    resource: &'static Resource,
    visitor: &Visitor,
    unusable: Option<ReadOnly>,
) -> Result<Response> {
    let page = visitor.page(resource.words.title, resource.slug).await?;
    let template = Missing {
        page,
        resource,
        unusable,
    };
    render(StatusCode::OK, &template)
}

/// The address of a list in this state, with some of it changed.
pub(in crate::web) fn list_address(
    visitor: &Visitor,
    resource: &Resource,
    state: &ListQuery,
    changes: &[(&str, &str)],
) -> String {
    let mut pairs = vec![
        ("q", state.q.as_str()),
        ("domain", state.domain.as_str()),
        ("enabled", state.enabled.as_str()),
        ("needs", state.needs.as_str()),
        ("sort", state.sort.as_str()),
        ("per", state.per.as_str()),
        ("after", state.after.as_str()),
    ];
    for (name, value) in changes {
        if let Some(pair) = pairs.iter_mut().find(|(n, _)| n == name) {
            pair.1 = value;
        }
    }
    visitor
        .app
        .urls
        .page(&format!("/{}{}", resource.slug, query(&pairs)))
}
