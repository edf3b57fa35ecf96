//! The record of changes, newest first, each with the rows before and after.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, render};
use super::request::{Asked, Visitor};
use super::text;
use super::urls::query;
use crate::error::Result;
use crate::resource::Resource;
use crate::resource::overrides::PLACES;
use crate::store::{Action, Change, ChangeQuery};

#[derive(Template)]
#[template(path = "changes.html")]
struct Changes {
    page: Page,
    entries: Vec<ChangeView>,
    query: ChangeQuery,
    filtered: bool,
    first: Option<String>,
    next: Option<String>,
}

impl Changes {
    /// The page of a row, unless the change deleted it.
    fn page_of(&self, row: &RowChange) -> Option<String> {
        let slug = row.slug.filter(|_| !row.deleted)?;
        Some(self.page.row_url(slug, &row.key))
    }
}

/// One change as a page shows it.
#[derive(Debug)]
pub struct ChangeView {
    pub id: u64,
    /// UTC, to the second.
    pub at: String,
    pub who: String,
    pub origin: String,
    /// `added alias info@x.example`
    pub what: String,
    pub rows: Vec<RowChange>,
    /// Rows that are not shown.
    pub more: u64,
}

/// One row of a change.
#[derive(Debug)]
pub struct RowChange {
    pub past: &'static str,
    pub noun: String,
    pub subject: String,
    pub slug: Option<&'static str>,
    pub key: String,
    pub deleted: bool,
    pub columns: Vec<ColumnChange>,
}

/// One column of a row.
#[derive(Debug)]
pub struct ColumnChange {
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub differs: bool,
}

impl ChangeView {
    /// A recorded change, made readable.
    pub fn new(change: Change) -> Self {
        let rows: Vec<RowChange> = change
            .rows
            .into_iter()
            .map(|row| {
                let resource = Resource::by_table(&row.table);
                // A row about one address among the domains is an override, which goes by its address.
                let place = PLACES
                    .iter()
                    .find(|place| place.table == row.table && row.subject.contains('@'));
                let resource = place.copied().or(resource);
                RowChange {
                    past: row.action.past(),
                    noun: resource.map_or_else(|| row.table.clone(), |r| r.words.noun.to_owned()),
                    subject: text::plain(&row.subject),
                    slug: resource.map(|r| r.slug),
                    deleted: row.action == Action::Delete,
                    key: if place.is_some() {
                        row.subject.trim_end().to_lowercase()
                    } else {
                        row.key
                    },
                    columns: row
                        .columns
                        .into_iter()
                        .map(|c| ColumnChange {
                            differs: c.differs,
                            before: c.before.as_deref().map(text::plain),
                            after: c.after.as_deref().map(text::plain),
                            name: c.name,
                        })
                        .collect(),
                }
            })
            .collect();
        let more = change.count.saturating_sub(rows.len() as u64);
        let what = match (rows.first(), change.count) {
            (Some(row), 1) => format!("{} {}", row.past, row.noun),
            (Some(row), n) => format!("{} {} rows, first {}", row.past, text::number(n), row.noun),
            (None, _) => String::new(),
        };
        Self {
            id: change.id,
            at: text::moment(change.at),
            who: change.who,
            origin: change.origin,
            what,
            rows,
            more,
        }
    }

    /// What the first row is about.
    pub fn subject(&self) -> &str {
        self.rows.first().map(|r| r.subject.as_str()).unwrap_or_default()
    }
}

/// `/changes`
pub async fn index(visitor: Visitor, Asked(state): Asked<ChangeQuery>) -> Result<Response> {
    let (changes, next) = visitor.app.store.changes(&visitor.actor, &state, None).await?;
    let address = |before: &str| {
        let pairs = [
            ("q", &*state.q),
            ("who", &*state.who),
            ("table", &*state.table),
            ("domain", &*state.domain),
            ("before", before),
        ];
        visitor.app.urls.page(&format!("/changes{}", query(&pairs)))
    };
    let template = Changes {
        page: visitor.page("Changes", "changes").await?,
        entries: changes.into_iter().map(ChangeView::new).collect(),
        filtered: [&state.q, &state.who, &state.table, &state.domain]
            .iter()
            .any(|s| !s.trim().is_empty()),
        first: (!state.before.is_empty()).then(|| address("")),
        next: next.map(|id| address(&id.to_string())),
        query: state,
    };
    render(StatusCode::OK, &template)
}
