//! Rows that a review shows before and after.

use super::request::Visitor;
use super::text;
use crate::mail::items_of;
use crate::resource::{Column, Kind, Part, Resource};
use crate::store::{Row, Written};

/// Items that stay the same are named up to so many; the rest are counted.
const NAMED: usize = 3;

/// One row that is written.
pub(super) struct Line {
    /// What it is.
    pub noun: String,
    /// What it is about.
    pub subject: String,
    /// Its page; `None` where it is new.
    pub page: Option<String>,
    /// As it is; `None` where it is new.
    pub before: Option<State>,
    /// As it will be; `None` where it is deleted.
    pub after: Option<State>,
}

/// A row before or after.
pub(super) struct State {
    /// What it does, and whether it does not do so on the other side: what differs first.
    pub items: Vec<(String, bool)>,
    /// Items that stay and are not named.
    pub more: usize,
    /// Whether Postfix sees it; `None` where that is not what it is about.
    pub enabled: Option<bool>,
}

impl Line {
    /// A row with what it does, and with what it is about where that changes.
    pub fn of(visitor: &Visitor, written: &Written) -> Self {
        let resource = written.resource;
        let subject = |row: &Row| text::plain(&row.subject(resource));
        let renamed = match (&written.before, &written.after) {
            (Some(before), Some(after)) => subject(before) != subject(after),
            _ => false,
        };
        Self::with(visitor, written, true, |row| {
            let own = renamed.then(|| subject(row));
            own.into_iter().chain(items(resource, row)).collect()
        })
    }

    /// A row with what one column of it holds.
    pub fn of_column(visitor: &Visitor, written: &Written, column: &Column) -> Self {
        Self::with(visitor, written, false, |row| held(column, row))
    }

    fn with(
        visitor: &Visitor,
        written: &Written,
        switches: bool,
        shown: impl Fn(&Row) -> Vec<String>,
    ) -> Self {
        let resource = written.resource;
        let items = |row: &Option<Row>| row.as_ref().map(&shown).unwrap_or_default();
        let (before, after) = (items(&written.before), items(&written.after));
        let state = |row: &Option<Row>, items: &[String], others: &[String]| {
            row.as_ref()
                .map(|row| State::of(items, others, switches.then(|| row.is_enabled())))
        };
        let row = written.before.as_ref().or(written.after.as_ref());
        Self {
            noun: noun(resource),
            subject: row
                .map(|row| text::plain(&row.subject(resource)))
                .unwrap_or_default(),
            page: written
                .before
                .as_ref()
                .map(|row| visitor.app.urls.row(resource.slug, &key(resource, row))),
            before: state(&written.before, &before, &after),
            after: state(&written.after, &after, &before),
        }
    }
}

impl State {
    fn of(items: &[String], others: &[String], enabled: Option<bool>) -> Self {
        let (kept, differing): (Vec<&String>, Vec<&String>) =
            items.iter().partition(|item| others.contains(item));
        let more = kept.len().saturating_sub(NAMED);
        let named = differing.iter().map(|item| ((*item).clone(), true));
        Self {
            items: named
                .chain(kept.iter().take(NAMED).map(|item| ((*item).clone(), false)))
                .collect(),
            more,
            enabled,
        }
    }
}

/// What a row is, at the beginning of a line.
pub(super) fn noun(resource: &Resource) -> String {
    let noun = resource.words.noun;
    noun[..1].to_uppercase() + &noun[1..]
}

/// The key in the address of a row's page: overrides go by their address.
pub(super) fn key(resource: &Resource, row: &Row) -> String {
    match resource.part {
        Part::Overrides => row.subject(resource),
        Part::Whole | Part::Lists => row.key.clone(),
    }
}

/// What a row does, item by item.
pub(super) fn items(resource: &Resource, row: &Row) -> Vec<String> {
    let column = match resource.table {
        "users" => resource.column("maildir"),
        "access_rules" => {
            let rule = format!("{} {}", row.text("action"), row.text("message"));
            return vec![text::plain(rule.trim())];
        }
        _ => {
            let mut columns = resource.listed();
            columns.find(|column| column.name != resource.subject && column.kind != Kind::Switch)
        }
    };
    column.map_or_else(Vec::new, |column| held(column, row))
}

/// What a column of a row holds, item by item.
fn held(column: &Column, row: &Row) -> Vec<String> {
    let stored = row.text(column.name);
    match column.kind {
        Kind::Addresses => items_of(stored).iter().map(|item| text::plain(item)).collect(),
        _ => vec![text::plain(stored)],
    }
}
