//! `/overrides`: one person's mail sent elsewhere. The pages look like every table's; an override is kept whole by
//! `store::companions`.

mod save;
mod whole;

use std::collections::BTreeMap;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};

use super::crud::CACHED;
use super::crud::index::{Shown, respond};
use super::form::{Extra, Form, Typed};
use super::page::Notice;
use super::request::{Asked, KeySegment, Visitor};
use super::view::{Cell, RowView};
use super::{App, text, urls};
use crate::config::OverrideTable;
use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::resource::overrides::{IN_BACKUPS, IN_DOMAINS, PRESETS};
use crate::store::{ListQuery, Override, Table, Warning};
use save::{create, save};
use whole::{ask_delete, bulk, delete, set_enabled};

/// The routes of overrides.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/overrides", get(index).post(create))
        .route("/overrides/new", get(blank))
        .route("/overrides/bulk", post(bulk))
        .route("/overrides/{key}", get(edit).post(save))
        .route("/overrides/{key}/edit", get(edit))
        .route("/overrides/{key}/delete", get(ask_delete).post(delete))
        .route("/overrides/{key}/enabled", post(set_enabled))
}

/// The table overrides are written to, and the other one.
fn places(app: &App) -> (&'static Resource, &'static Resource) {
    match app.config.overrides.table {
        OverrideTable::Auto | OverrideTable::Domains => (&IN_DOMAINS, &IN_BACKUPS),
        OverrideTable::Backups => (&IN_BACKUPS, &IN_DOMAINS),
    }
}

/// The live table overrides are written to.
async fn live(visitor: &Visitor) -> Result<(&'static Resource, Table)> {
    let (place, _) = places(&visitor.app);
    let table = visitor.app.store.table(place).await?;
    let table = table.ok_or(Error::MissingTable(place.table))?;
    match table.read_only(place) {
        Some(why) => Err(Error::ReadOnly(why)),
        None => Ok((place, table)),
    }
}

async fn found(visitor: &Visitor, key: &KeySegment) -> Result<Override> {
    visitor
        .app
        .store
        .find_override(&visitor.actor, &urls::key(&key.0).to_lowercase())
        .await
}

async fn index(visitor: Visitor, Asked(query): Asked<ListQuery>) -> Result<Response> {
    let (place, _) = places(&visitor.app);
    let store = &visitor.app.store;
    let list = store.overrides(&visitor.actor, &query).await?;
    let read_only = store.table(place).await?.and_then(|table| table.read_only(place));
    let shown = Shown {
        rows: list.rows.iter().map(|row| view(&visitor, row)).collect(),
        next: list.next,
        total: list.total,
        has_enabled: true,
        read_only,
    };
    let columns = [
        ("domain", "Address", true),
        ("transport", "Goes to", false),
        ("", "Stored in", false),
        ("enabled", "Status", false),
    ];
    respond(&visitor, &IN_DOMAINS, query, columns.into_iter(), shown).await
}

/// An override as a list shows it.
pub(super) fn view(visitor: &Visitor, row: &Override) -> RowView {
    let (resource, first) = &row.rows[0];
    let mut view = RowView::new(resource, &visitor.app.store, &first.row, "");
    view.key.clone_from(&row.address);
    view.enabled = row.is_enabled();
    if row.rows.len() > 1 {
        let others: Vec<String> = row
            .rows
            .iter()
            .map(|(resource, stored)| {
                let state = if stored.row.is_enabled() { "" } else { ", off" };
                format!(
                    "`{}` in {}{state}",
                    text::plain(stored.row.text("transport")),
                    resource.table
                )
            })
            .collect();
        view.problems.push(format!(
            "Stored {} times: {}. Postfix takes whichever its map finds first; saving the override keeps one.",
            row.rows.len(),
            others.join(", ")
        ));
    }
    let mut tables: Vec<String> = row
        .rows
        .iter()
        .map(|(resource, _)| resource.table.to_owned())
        .collect();
    tables.dedup();
    let cell = |label, lines| Cell {
        label,
        lines,
        more: 0,
        prose: false,
        empty: "nothing",
    };
    view.cells = vec![
        cell("Goes to", vec![text::plain(row.transport())]),
        cell("Stored in", tables),
    ];
    view
}

async fn blank(visitor: Visitor, Asked(offered): Asked<BTreeMap<String, String>>) -> Result<Response> {
    let (place, table) = live(&visitor).await?;
    visitor.actor.require_write(place)?;
    let offer = |name: &str| offered.get(name).cloned().unwrap_or_default();
    let mut values = vec![("domain", offer("mail")), ("transport", offer("transport"))];
    if let Some(source) = offered.get("copy") {
        let source = found(&visitor, &KeySegment(source.clone())).await?;
        values = vec![
            ("domain", String::new()),
            ("transport", source.transport().to_owned()),
        ];
    }
    form(&visitor, place, &table, None, &values)
        .await?
        .respond_with_next(&visitor, offered.get("next"))
}

async fn edit(visitor: Visitor, key: KeySegment, headers: HeaderMap) -> Result<Response> {
    let (place, table) = live(&visitor).await?;
    let stored = found(&visitor, &key).await?;
    let values = vec![
        ("domain", stored.address.clone()),
        ("transport", stored.transport().to_owned()),
    ];
    let mut form = form(&visitor, place, &table, Some(&stored), &values).await?;
    form.next = super::crud::came_from(&visitor, place, &headers).unwrap_or_default();
    if stored.rows.len() > 1 {
        let warning = view(&visitor, &stored).problems;
        form.notes = warning;
    }
    form.respond()
}

async fn form(
    visitor: &Visitor,
    place: &'static Resource,
    table: &Table,
    stored: Option<&Override>,
    values: &Typed,
) -> Result<Form> {
    let title = stored.map_or_else(|| "New override".to_owned(), |s| text::plain(&s.address));
    let page = visitor.page(&title, place.slug).await?;
    let mut form = Form::new(page, place, table, values);
    // Switching off is the list's; an override is written to be on.
    form.fields.retain(|field| !field.is_switch());
    for field in &mut form.fields {
        if field.column.name == "domain" {
            field.name = "mail";
        } else {
            field.presets = PRESETS;
            field.suggestions = &[];
        }
    }
    if let Some(stored) = stored {
        form.key = Some(stored.address.clone());
        form.version = stored.version();
        form.subject = title;
    }
    form.writable = visitor.actor.may_write(place);
    let (_, other) = places(&visitor.app);
    form.extra = Extra::Override(place.table, other.table);
    Ok(form)
}

/// Leaves a notice of what was done.
async fn leave(
    visitor: &Visitor,
    mut lines: Vec<String>,
    warnings: Vec<Warning>,
    changed: bool,
    link: Option<(String, String)>,
) -> Result<()> {
    let kind = if warnings.is_empty() { "ok" } else { "warn" };
    lines.extend(warnings.into_iter().map(|w| w.message));
    if changed {
        lines.push(CACHED.to_owned());
    }
    let notice = Notice {
        kind: kind.to_owned(),
        link,
        ..Notice::ok(lines)
    };
    visitor.notify(notice).await
}
