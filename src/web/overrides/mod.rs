//! `/overrides`: one person's mail sent elsewhere. The pages look like every table's; an override is kept whole by
//! `store::companions`.

mod allowed;
mod save;
mod whole;

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::response::Response;

use super::crud::CACHED;
use super::crud::index::{Shown, respond};
use super::form::{Extra, Form, Typed};
use super::page::Notice;
use super::request::{Asked, KeySegment, Visitor};
use super::routes::Routes;
use super::view::{Cell, RowView};
use super::watch::{GLANCE, Known, NOW};
use super::{download, text, urls};
use crate::access::Rights;
use crate::config::OverrideTable;
use crate::error::{Error, Result};
use crate::lint::Told;
use crate::mail::domain_of;
use crate::resource::Resource;
use crate::resource::overrides::{IN_BACKUPS, IN_DOMAINS, PLACES};
use crate::store::{ListQuery, Override, Row, Table};
pub(in crate::web) use allowed::{not_allowed, offered, patterns};
use save::{create, save};
use whole::{ask_delete, bulk, delete, set_enabled};

/// The routes of overrides.
pub fn routes() -> Routes {
    Routes::default()
        .get("/overrides", index)
        .post("/overrides", create)
        .get("/overrides/new", blank)
        .post("/overrides/bulk", bulk)
        .merge(download::routes("overrides", &PLACES))
        .get("/overrides/{key}", edit)
        .post("/overrides/{key}", save)
        .get("/overrides/{key}/edit", edit)
        .get("/overrides/{key}/delete", ask_delete)
        .post("/overrides/{key}/delete", delete)
        .post("/overrides/{key}/enabled", set_enabled)
}

/// Which table an override is written to, and why.
#[derive(Debug, Clone, Copy)]
struct Chosen {
    place: &'static Resource,
    why: Placement,
}

/// Why an override goes where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Placement {
    /// The setting `overrides.table` says so.
    Setting,
    /// The live `transport_maps` finds it there, and there alone.
    OnlyRead,
    /// The live `transport_maps` reads both tables.
    BothRead,
    /// Nothing is known of the live Postfix: it stays where it is, or goes where the others are.
    Unknown,
}

/// Chooses the table for an override, new or stored.
async fn choose(visitor: &Visitor, stored: Option<&Override>) -> Result<Chosen> {
    let chosen = |place, why| Ok(Chosen { place, why });
    match visitor.app.config.overrides.table {
        OverrideTable::Domains => return chosen(&IN_DOMAINS, Placement::Setting),
        OverrideTable::Backups => return chosen(&IN_BACKUPS, Placement::Setting),
        OverrideTable::Auto => {}
    }
    let known = visitor.app.known_postfix(NOW).await?;
    let read: Vec<&'static Resource> = known.iter().flat_map(|k| k.read_overrides()).collect();
    if let [only] = read[..] {
        return chosen(only, Placement::OnlyRead);
    }
    let why = if read.is_empty() {
        Placement::Unknown
    } else {
        Placement::BothRead
    };
    let place = match stored {
        Some(stored) => stored.rows[0].0,
        None if read.is_empty() => visitor.app.store.usual_place_of_overrides().await?,
        None => &IN_DOMAINS,
    };
    chosen(place, why)
}

/// The live table an override is written to.
async fn live(visitor: &Visitor, stored: Option<&Override>) -> Result<(Chosen, Table)> {
    let chosen = choose(visitor, stored).await?;
    let table = visitor.app.store.table(chosen.place).await?;
    let table = table.ok_or(Error::MissingTable(chosen.place.table))?;
    match table.read_only(chosen.place) {
        Some(why) => Err(Error::ReadOnly(why)),
        None => Ok((chosen, table)),
    }
}

/// The table an override is written to, which can be written.
pub(in crate::web) async fn place_of(
    visitor: &Visitor,
    stored: Option<&Override>,
) -> Result<&'static Resource> {
    let (chosen, _) = live(visitor, stored).await?;
    Ok(chosen.place)
}

async fn found(visitor: &Visitor, key: &KeySegment) -> Result<Override> {
    visitor
        .app
        .store
        .find_override(&visitor.actor, &urls::key(&key.0).to_lowercase())
        .await
}

async fn index(visitor: Visitor, Asked(query): Asked<ListQuery>) -> Result<Response> {
    let place = choose(&visitor, None).await?.place;
    let store = &visitor.app.store;
    let list = store.overrides(&visitor.actor, &query).await?;
    let read_only = store.table(place).await?.and_then(|table| table.read_only(place));
    let known = visitor.app.known_postfix(GLANCE).await?;
    let mut rows: Vec<RowView> = list.rows.iter().map(|row| view(&visitor, row)).collect();
    let findings = findings(&visitor, &list.rows).await?;
    for (row, shown) in list.rows.iter().zip(&mut rows) {
        let is_own = |told: &&Told| {
            let mut own = row.rows.iter();
            own.any(|(place, stored)| place.table == told.table && stored.row.key == told.key)
        };
        let own: Vec<Told> = findings.iter().filter(is_own).cloned().collect();
        shown.add(&own);
        shown.problems.extend(known.as_ref().and_then(|k| unread(k, row)));
    }
    let shown = Shown {
        rows,
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

/// What the linter finds in the rows of overrides.
async fn findings(visitor: &Visitor, overrides: &[Override]) -> Result<Vec<Told>> {
    let mut findings = Vec::new();
    for place in PLACES {
        let all = overrides.iter().flat_map(|o| &o.rows);
        let rows: Vec<Row> = all
            .filter(|(resource, _)| resource.table == place.table)
            .map(|(_, stored)| stored.row.clone())
            .collect();
        if !rows.is_empty() {
            let store = &visitor.app.store;
            findings.extend(store.findings_of(&visitor.actor, place, &rows).await?);
        }
    }
    Ok(findings)
}

/// That Postfix does not look where an override is kept.
fn unread(known: &Known, row: &Override) -> Option<String> {
    let read = known.read_overrides();
    let is_read = |(resource, _): &(&Resource, _)| read.iter().any(|r| r.table == resource.table);
    if row.rows.iter().any(is_read) {
        return None;
    }
    let cure = if read.is_empty() {
        "`postwarden postfix generate` writes a transport_maps that does."
    } else {
        "Saving it moves it to where Postfix looks."
    };
    Some(format!(
        "The live Postfix does not look overrides up in {}: this one does nothing. {cure}",
        row.rows[0].0.table
    ))
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
    let (chosen, table) = live(&visitor, None).await?;
    visitor.actor.require_write(chosen.place)?;
    visitor.require_add(chosen.place)?;
    let offer = |name: &str| offered.get(name).cloned().unwrap_or_default();
    let mut values = vec![("domain", offer("mail")), ("transport", offer("transport"))];
    if let Some(source) = offered.get("copy") {
        let source = found(&visitor, &KeySegment(source.clone())).await?;
        values = vec![
            ("domain", String::new()),
            ("transport", source.transport().to_owned()),
        ];
    }
    form(&visitor, chosen, &table, None, &values)
        .await?
        .respond_with_next(&visitor, offered.get("next"))
}

async fn edit(visitor: Visitor, key: KeySegment, headers: HeaderMap) -> Result<Response> {
    let stored = found(&visitor, &key).await?;
    let (chosen, table) = live(&visitor, Some(&stored)).await?;
    let place = chosen.place;
    let values = vec![
        ("domain", stored.address.clone()),
        ("transport", stored.transport().to_owned()),
    ];
    let mut form = form(&visitor, chosen, &table, Some(&stored), &values).await?;
    form.next = super::crud::came_from(&visitor, place, &headers).unwrap_or_default();
    if stored.rows.len() > 1 {
        let warning = view(&visitor, &stored).problems;
        form.notes = warning;
    }
    form.respond()
}

async fn form(
    visitor: &Visitor,
    chosen: Chosen,
    table: &Table,
    stored: Option<&Override>,
    values: &Typed,
) -> Result<Form> {
    let place = chosen.place;
    let title = stored.map_or_else(|| "New override".to_owned(), |s| text::plain(&s.address));
    let page = visitor.page(&title, place.slug).await?;
    let mut form = Form::new(page, place, table, values);
    let presets = offered(patterns(visitor, stored.map(|stored| stored.address.as_str())));
    // Switching off is the list's; an override is written to be on.
    form.fields.retain(|field| !field.is_switch());
    for field in &mut form.fields {
        if field.column.name == "domain" {
            field.name = "mail";
        } else {
            field.presets.clone_from(&presets);
            field.suggestions = &[];
        }
    }
    if let Some(stored) = stored {
        let (resource, first) = &stored.rows[0];
        form.history = Some(visitor.history(resource, &first.row.key).await?);
        form.key = Some(stored.address.clone());
        form.version = stored.version();
        form.subject = title;
    }
    let may_write = visitor.actor.require_write(place).is_ok();
    match stored.map(|stored| {
        (
            visitor.actor.rights(place, &stored.address),
            domain_of(&stored.address),
        )
    }) {
        None => form.limits = visitor.limits(place, None).await?,
        Some((rights, domain)) => {
            form.writable = may_write && rights == Rights::All;
            form.removable = may_write && rights != Rights::Read;
            form.limits.told = visitor.actor.kept(place, Some(&domain));
        }
    }
    form.extra = Extra::Override(place.table, chosen.why);
    Ok(form)
}

/// Leaves a notice of what was done.
async fn leave(
    visitor: &Visitor,
    mut lines: Vec<String>,
    warnings: Vec<String>,
    change: Option<u64>,
    link: Option<(String, String)>,
) -> Result<()> {
    let kind = if warnings.is_empty() { "ok" } else { "warn" };
    lines.extend(warnings);
    if change.is_some() {
        lines.push(CACHED.to_owned());
    }
    let notice = Notice {
        kind: kind.to_owned(),
        link,
        undo: change,
        ..Notice::ok(lines)
    };
    visitor.notify(notice).await
}
