//! One fragment, looked for in every table.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::page::{Page, render};
use super::request::{Asked, Visitor};
use super::text;
use super::urls::query;
use super::view::RowView;
use crate::error::Result;
use crate::resource::Resource;
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
            ..ListQuery::default()
        };
        let found = visitor.app.store.list(&visitor.actor, resource, &state).await?;
        if found.rows.is_empty() {
            continue;
        }
        groups.push(Group {
            resource,
            rows: found
                .rows
                .iter()
                .map(|row| RowView::new(resource, &visitor.app.store, row, &q))
                .collect(),
            total: text::total(found.total, resource.words.noun, resource.words.many),
            count: match found.total {
                Total::Exactly(n) => text::number(n),
                Total::MoreThan(n) => format!("{}+", text::number(n)),
            },
            all: found.next.map(|_| {
                visitor
                    .app
                    .urls
                    .page(&format!("/{}{}", resource.slug, query(&[("q", &q)])))
            }),
        });
    }
    let page = visitor.page("Search", "").await?;
    render(StatusCode::OK, &Search { page, q, groups })
}
