//! One fragment, looked for in every table.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::overrides::view;
use super::page::{Page, render};
use super::request::{Asked, Visitor};
use super::text;
use super::urls::query;
use super::view::RowView;
use crate::access::Scope;
use crate::error::Result;
use crate::resource::Resource;
use crate::resource::overrides::IN_DOMAINS;
use crate::store::{ListQuery, Total};

/// Hits shown of each table.
const SHOWN: &str = "10";

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    q: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Search {
    page: Page,
    q: String,
    groups: Vec<Group>,
}

struct Group {
    resource: &'static Resource,
    rows: Vec<RowView>,
    total: String,
    count: String,
    all: Option<String>,
}

impl Group {
    fn new(
        visitor: &Visitor,
        resource: &'static Resource,
        rows: Vec<RowView>,
        total: Total,
        next: Option<String>,
        q: &str,
    ) -> Self {
        let all = format!("/{}{}", resource.slug, query(&[("q", q)]));
        Self {
            resource,
            rows,
            total: text::total(total, resource.words.noun, resource.words.many),
            count: match total {
                Total::Exactly(n) => text::number(n),
                Total::MoreThan(n) => format!("{}+", text::number(n)),
            },
            all: next.map(|_| visitor.app.urls.page(&all)),
        }
    }
}

/// `/search?q=`
pub async fn show(visitor: Visitor, Asked(wanted): Asked<Wanted>) -> Result<Response> {
    let q = wanted.q.trim().to_owned();
    let mut groups = Vec::new();
    for resource in Resource::tables() {
        let table = visitor.app.store.table(resource).await?;
        if q.is_empty() || table.is_none_or(|t| t.lacks(resource).is_some()) {
            continue;
        }
        let state = ListQuery {
            q: q.clone(),
            per: SHOWN.to_owned(),
            nearest: true,
            ..ListQuery::default()
        };
        let found = visitor.app.store.list(&visitor.actor, resource, &state).await?;
        let rows = found.rows.iter();
        let rows = rows
            .map(|row| RowView::new(resource, &visitor.app.store, row, &q))
            .collect();
        groups.push(Group::new(&visitor, resource, rows, found.total, found.next, &q));
    }
    // Everybody else finds these rows in their tables; for owners those hold whole domains alone.
    if visitor.actor.scope != Scope::Everything && !q.is_empty() {
        let state = ListQuery {
            q: q.clone(),
            per: SHOWN.to_owned(),
            ..ListQuery::default()
        };
        let found = visitor.app.store.overrides(&visitor.actor, &state).await?;
        let mut rows: Vec<RowView> = found.rows.iter().map(|row| view(&visitor, row)).collect();
        for row in &mut rows {
            // Where it is stored is no heading here.
            row.cells.truncate(1);
        }
        groups.push(Group::new(
            &visitor,
            &IN_DOMAINS,
            rows,
            found.total,
            found.next,
            &q,
        ));
    }
    groups.retain(|group| !group.rows.is_empty());
    let page = visitor.page("Search", "").await?;
    render(StatusCode::OK, &Search { page, q, groups })
}
