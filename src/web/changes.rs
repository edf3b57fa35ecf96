//! The record of changes, newest first, each with the rows before and after; and one change whole.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::page::{Page, render};
use super::request::{Asked, KeySegment, Visitor};
use super::urls::query;
use super::{download, text};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::exchange::Writing;
use crate::resource::Resource;
use crate::resource::overrides::PLACES;
use crate::store::{Action, Change, ChangeLine, ChangeQuery, ChangedRow, today};

/// Changes to a row that its form shows.
const LATEST: usize = 3;

#[derive(Template)]
#[template(path = "changes.html")]
struct Changes {
    page: Page,
    /// What goes on behind the pages: title and address.
    works: Vec<(String, String)>,
    entries: Vec<ChangeView>,
    query: ChangeQuery,
    filtered: bool,
    first: Option<String>,
    next: Option<String>,
    /// The filter as the end of an address.
    filter: String,
}

#[derive(Template)]
#[template(path = "change.html")]
struct OneChange {
    page: Page,
    change: ChangeView,
    /// The beginning and the next page of its rows.
    first: Option<String>,
    next: Option<String>,
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
    /// Whether it is known by more than its rows, of which there are several: then none of them stands for it.
    is_named: bool,
    pub rows: Vec<RowChange>,
    /// Rows there are.
    pub count: u64,
    /// Rows that are not shown.
    pub more: u64,
    /// The change it undid.
    pub undoes: Option<u64>,
    /// The changes that undid it, or a row of it.
    pub undone_by: Vec<u64>,
    /// Whether all of it is undone, and still is.
    pub is_undone: bool,
    /// Whether there is something to undo in it, and the visitor may undo all of it as far as that is a matter of tables.
    pub may_undo: bool,
}

/// One row of a change.
#[derive(Debug)]
pub struct RowChange {
    /// Its place in the change.
    pub seq: u32,
    pub action: Action,
    pub past: &'static str,
    pub noun: String,
    pub subject: String,
    pub slug: Option<&'static str>,
    pub key: String,
    pub deleted: bool,
    pub columns: Vec<ColumnChange>,
    /// Whether it is undone, and still is.
    pub is_undone: bool,
    /// Whether the visitor may write its table.
    pub may_undo: bool,
}

/// One column of a row.
#[derive(Debug)]
pub struct ColumnChange {
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub differs: bool,
}

impl RowChange {
    /// A row of a recorded change, made readable for this actor.
    pub fn new(actor: &Actor, row: ChangedRow) -> Self {
        let resource = Resource::by_table(&row.table);
        // A row about one address among the domains is an override, which goes by its address.
        let place = PLACES
            .iter()
            .find(|place| place.table == row.table && row.subject.contains('@'));
        let resource = place.copied().or(resource);
        Self {
            seq: row.seq,
            action: row.action,
            past: row.action.past(),
            noun: resource.map_or_else(|| row.table.clone(), |r| r.words.noun.to_owned()),
            subject: text::plain(&row.subject),
            slug: resource.map(|r| r.slug),
            deleted: row.action == Action::Delete,
            is_undone: false,
            may_undo: resource.is_some_and(|resource| actor.require_write(resource).is_ok()),
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
    }

    /// What differs of its columns; where the row was added or deleted, all of them.
    pub fn differing(&self) -> Vec<&ColumnChange> {
        let is_whole = self.action != Action::Update;
        self.columns
            .iter()
            .filter(|column| is_whole || column.differs)
            .collect()
    }

    /// The columns that stayed as they were.
    pub fn unchanged(&self) -> Vec<&ColumnChange> {
        let is_part = self.action == Action::Update;
        self.columns
            .iter()
            .filter(|column| is_part && !column.differs)
            .collect()
    }

    /// The page of the row, unless the change deleted it.
    pub fn page(&self, page: &Page) -> Option<String> {
        let slug = self.slug.filter(|_| !self.deleted)?;
        Some(page.row_url(slug, &self.key))
    }
}

impl ChangeView {
    /// A recorded change, made readable for this actor.
    pub fn new(actor: &Actor, mut change: Change) -> Self {
        let rows: Vec<RowChange> = std::mem::take(&mut change.rows)
            .into_iter()
            .map(|row| RowChange {
                is_undone: change.is_row_undone(row.seq),
                ..RowChange::new(actor, row)
            })
            .collect();
        let count = change.count;
        let is_undone =
            change.is_undone() || (count == rows.len() as u64 && rows.iter().all(|row| row.is_undone));
        let what = match (rows.first(), count) {
            _ if !change.what.is_empty() && count == 1 => change.what.clone(),
            _ if !change.what.is_empty() => format!("{}: {} rows", change.what, text::number(count)),
            (Some(row), 1) => format!("{} {}", row.past, row.noun),
            (Some(row), n) => format!("{} {} rows, first {}", row.past, text::number(n), row.noun),
            (None, _) => String::new(),
        };
        let mut undone_by: Vec<u64> = change.undone_by.iter().map(|undoing| undoing.id).collect();
        undone_by.dedup();
        Self {
            id: change.id,
            at: text::moment(change.at),
            who: change.who,
            origin: change.origin,
            what: text::plain(&what),
            is_named: !change.what.is_empty() && count > 1,
            is_undone,
            may_undo: !is_undone && change.is_whole && rows.iter().all(|row| row.may_undo),
            more: count.saturating_sub(rows.len() as u64),
            rows,
            count,
            undoes: change.undoes.map(|(id, _)| id),
            undone_by,
        }
    }

    /// What the first row is about.
    pub fn subject(&self) -> &str {
        let first = self.rows.first().filter(|_| !self.is_named);
        first.map(|r| r.subject.as_str()).unwrap_or_default()
    }
}

/// `/changes`
pub async fn index(visitor: Visitor, Asked(state): Asked<ChangeQuery>) -> Result<Response> {
    let (changes, next) = visitor.app.store.changes(&visitor.actor, &state, None).await?;
    let address = |before: &str| {
        let pairs = [&state.filters()[..], &[("before", before)]].concat();
        visitor.app.urls.page(&format!("/changes{}", query(&pairs)))
    };
    let template = Changes {
        page: visitor.page("Changes", "changes").await?,
        works: visitor.app.jobs.under_way(visitor.account),
        entries: changes
            .into_iter()
            .map(|change| ChangeView::new(&visitor.actor, change))
            .collect(),
        filtered: state.is_filtered(),
        first: (!state.before.is_empty()).then(|| address("")),
        next: next.map(|id| address(&id.to_string())),
        filter: query(&state.filters()),
        query: state,
    };
    render(StatusCode::OK, &template)
}

/// Where a page of rows begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct From {
    /// The place in the change.
    from: String,
}

/// `/changes/{id}`
pub async fn show(visitor: Visitor, id: KeySegment, Asked(state): Asked<From>) -> Result<Response> {
    let id: u64 = id.0.parse().map_err(|_| Error::NotFound)?;
    let from: u32 = state.from.parse().unwrap_or_default();
    let (change, next) = visitor.app.store.change(&visitor.actor, id, from).await?;
    let address = |from: &str| {
        let path = format!("/changes/{id}{}", query(&[("from", from)]));
        visitor.app.urls.page(&path)
    };
    let template = OneChange {
        page: visitor.page(&format!("Change {id}"), "changes").await?,
        change: ChangeView::new(&visitor.actor, change),
        first: (from > 0).then(|| address("")),
        next: next.map(|seq| address(&seq.to_string())),
    };
    render(StatusCode::OK, &template)
}

/// `/changes/export.csv` and `/changes/export.json`: the rows of the changes that are listed.
pub async fn export(visitor: Visitor, query: ChangeQuery, how: Writing) -> Result<Response> {
    let room = visitor.app.downloads.room(visitor.account)?;
    let patience = Some(download::PATIENCE);
    let outgoing = visitor
        .app
        .store
        .export_changes(&visitor.actor, query, how, patience)
        .await?;
    let name = format!("changes-{}.{}", today(), how.extension());
    download::send(room, outgoing, &name, how.content_type())
}

/// The latest changes to a row, and the page of all of them.
#[derive(Debug, Default)]
pub struct History {
    pub lines: Vec<HistoryLine>,
    pub all: String,
}

/// A change to a row, in a line.
#[derive(Debug)]
pub struct HistoryLine {
    pub id: u64,
    pub at: String,
    pub who: String,
    /// `changed destination, enabled`
    pub what: String,
}

impl Visitor {
    /// The history of a row, as its form shows it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn history(&self, resource: &Resource, key: &str) -> Result<History> {
        let state = ChangeQuery {
            table: resource.table.to_owned(),
            key: key.to_owned(),
            ..ChangeQuery::default()
        };
        let store = &self.app.store;
        let latest = store.change_lines(&self.actor, &state, None, LATEST).await?;
        Ok(History {
            lines: latest.into_iter().map(line).collect(),
            all: self
                .app
                .urls
                .page(&format!("/changes{}", query(&state.filters()))),
        })
    }
}

fn line(line: ChangeLine) -> HistoryLine {
    let row = line.row;
    let differing = row.columns.iter().filter(|column| column.differs);
    let names: Vec<&str> = differing.map(|column| column.name.as_str()).collect();
    let mut what = match row.action {
        Action::Update => format!("{} {}", row.action.past(), names.join(", ")),
        Action::Create | Action::Delete => row.action.past().to_owned(),
    };
    if !line.what.is_empty() {
        what = format!("{what} ({})", text::plain(&line.what));
    }
    HistoryLine {
        id: line.change,
        at: text::moment(line.at),
        who: line.who,
        what,
    }
}
