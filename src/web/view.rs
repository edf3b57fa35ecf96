//! Rows as a list shows them.

use super::text;
use super::urls::query;
use crate::access::{Actor, Rights};
use crate::error::Result;
use crate::lint::{Severity, Told, is_said_by_the_refusal};
use crate::mail::{Destinations, DomainName, domain_of};
use crate::resource::{Column, Kind, Part, Resource};
use crate::store::{Row, Store};

/// Destinations a list shows of one row; the rest are counted.
const SHOWN: usize = 3;

/// One row of a list.
#[derive(Debug)]
pub struct RowView {
    /// Its key.
    pub key: String,
    /// What Postfix looks up, made readable.
    pub subject: String,
    /// The same with its domain in Unicode, where that differs.
    pub unicode: Option<String>,
    /// A word about the kind of row: catch-all, transport override.
    pub tag: Option<&'static str>,
    /// What Postfix or the panel would choke on, and what else the linter says.
    pub problems: Vec<String>,
    /// How bad the worst is that the linter says.
    severity: Option<Severity>,
    /// The other columns.
    pub cells: Vec<Cell>,
    /// Whether the row is on.
    pub enabled: bool,
    /// What the visitor may do to it, where the list offers anything.
    pub rights: Rights,
}

/// One column of a row.
#[derive(Debug)]
pub struct Cell {
    /// Heading of the column.
    pub label: &'static str,
    /// What it holds, one line each.
    pub lines: Vec<String>,
    /// How many more lines there are.
    pub more: usize,
    /// Whether people read it, rather than programs.
    pub prose: bool,
    /// What stands where it holds nothing.
    pub empty: &'static str,
}

impl RowView {
    /// A row of this resource as the list shows it. Of long lists of addresses those that hold `sought` come first.
    pub fn new(resource: &Resource, store: &Store, row: &Row, sought: &str) -> Self {
        let subject = row.text(resource.subject);
        let problems = match row.check(resource, store.rules()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|p| p.message).collect(),
        };
        let cells = resource
            .listed()
            .filter(|c| row.has(c.name) && c.name != resource.subject && c.kind != Kind::Switch)
            .map(|column| cell(column, row.text(column.name), sought))
            .collect();
        Self {
            key: row.key.clone(),
            subject: text::plain(subject),
            unicode: text::unicode(subject),
            tag: resource
                .words
                .unusual
                .iter()
                .find(|(applies, _)| applies.to(subject))
                .map(|(_, word)| *word),
            problems,
            severity: None,
            cells,
            enabled: row.is_enabled(),
            rights: Rights::All,
        }
    }

    /// Adds what the linter finds in the row, the worst first, but for notices, and for what the row's own grammar has said already.
    pub fn add(&mut self, findings: &[Told]) {
        let refused = !self.problems.is_empty();
        let mut findings: Vec<&Told> = findings.iter().collect();
        findings.sort_by_key(|told| told.severity);
        for told in findings {
            let said = refused && is_said_by_the_refusal(told.rule);
            if told.severity < Severity::Notice {
                self.severity = Some(
                    self.severity
                        .map_or(told.severity, |worst| worst.min(told.severity)),
                );
                if !said {
                    self.problems.push(told.message.clone());
                }
            }
        }
    }

    /// The end of the address of the findings of the row's domain, in its table.
    pub fn findings(&self, resource: &Resource) -> String {
        let domain = DomainName::parse(&domain_of(&self.subject));
        let domain = domain.as_ref().map_or("", DomainName::as_str);
        let table = match resource.part {
            // They stand in two.
            Part::Overrides => "",
            Part::Whole | Part::Lists => resource.table,
        };
        query(&[("table", table), ("domain", domain)])
    }

    /// The badge of a row with which something is the matter: its class and word.
    pub fn badge(&self) -> Option<(&'static str, &'static str)> {
        match self.severity {
            Some(Severity::Error) => Some(("error", "error")),
            _ if self.problems.is_empty() => None,
            Some(Severity::Warning) => Some(("warn", "warning")),
            _ => Some(("warn", "Needs attention")),
        }
    }

    /// Whether it can be switched off and deleted.
    pub fn is_removable(&self) -> bool {
        self.rights != Rights::Read
    }

    /// Whether it can be edited and switched on too.
    pub fn is_editable(&self) -> bool {
        self.rights == Rights::All
    }
}

/// Rows as a list shows them, with what the linter finds in them.
///
/// # Errors
/// The database does not answer.
pub async fn judged(
    actor: &Actor,
    resource: &Resource,
    store: &Store,
    rows: &[Row],
    sought: &str,
) -> Result<Vec<RowView>> {
    let findings = store.findings_of(actor, resource, rows).await?;
    let shown = rows.iter().map(|row| {
        let mut shown = RowView::new(resource, store, row, sought);
        let own: Vec<Told> = findings
            .iter()
            .filter(|told| told.key == row.key)
            .cloned()
            .collect();
        shown.add(&own);
        shown
    });
    Ok(shown.collect())
}

fn cell(column: &'static Column, stored: &str, sought: &str) -> Cell {
    let mut lines: Vec<String> = match column.kind {
        Kind::Addresses => match Destinations::parse(stored) {
            Ok(list) => list.items().iter().map(ToString::to_string).collect(),
            Err(_) => vec![text::plain(stored)],
        },
        _ => vec![text::plain(stored)],
    };
    lines.retain(|line| !line.is_empty());
    let sought = sought.trim().to_lowercase();
    if !sought.is_empty() {
        lines.sort_by_key(|line| !line.contains(&sought));
    }
    let more = lines.len().saturating_sub(SHOWN);
    // "and 1 more" takes as much room as the one.
    let more = if more == 1 { 0 } else { more };
    lines.truncate(if more == 0 { SHOWN + 1 } else { SHOWN });
    Cell {
        label: column.label,
        lines,
        more,
        prose: column.kind == Kind::Prose,
        empty: column.empty,
    }
}
