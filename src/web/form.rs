//! The form of one row: what stands in its fields, and what is wrong with them.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, render};
use super::request::Fields;
use super::text;
use crate::error::Result;
use crate::resource::{Column, Kind, Problem, Resource};
use crate::store::{Row, Table};

/// Why the page is shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Stage {
    /// To fill it in.
    Fill,
    /// A stored row is not as Postfix wants it.
    Mend,
    /// Something was refused.
    Refused,
    /// Something is suspicious and waits for a confirmation.
    Confirm,
}

/// The page of a form.
#[derive(Template)]
#[template(path = "resource/form.html")]
pub struct Form {
    pub page: Page,
    pub resource: &'static Resource,
    pub stage: Stage,
    /// Key of the row; `None` while it is new.
    pub key: Option<String>,
    /// The row's name in the heading.
    pub subject: String,
    /// Image of the row the person saw.
    pub version: String,
    pub fields: Vec<Field>,
    /// What is wrong, for the summary: anchor of the field and text.
    pub problems: Vec<(String, String)>,
    /// What is suspicious.
    pub warnings: Vec<String>,
    /// Whether another new form follows the save.
    pub again: bool,
    /// Where the list was left.
    pub next: String,
    /// A row that collides: its address.
    pub other: Option<String>,
    /// Whether the actor may save.
    pub writable: bool,
}

/// One field of a form.
#[derive(Debug)]
pub struct Field {
    pub column: &'static Column,
    /// What stands in it.
    pub value: String,
    /// Below the field, in red.
    pub problems: Vec<String>,
    /// The value in Unicode, where it is punycode.
    pub unicode: Option<String>,
    /// Choices: value, meaning, chosen.
    pub choices: Vec<(String, String, bool)>,
    /// Suggestions for a line of text.
    pub suggestions: &'static [&'static str],
    /// Most characters the live column holds.
    pub capacity: Option<u64>,
}

/// What was typed, or stands in the row, by column.
pub type Typed = Vec<(&'static str, String)>;

/// What a new form offers; fields named in the address are filled in.
pub fn blank(resource: &Resource, table: &Table, offered: &BTreeMap<String, String>) -> Typed {
    let offer = |column: &Column| offered.get(column.name).cloned();
    columns(resource, table)
        .map(|c| (c.name, offer(c).unwrap_or_else(|| c.default.to_owned())))
        .collect()
}

/// What was posted. A field the form did not have keeps what is stored, or gets its default; a checkbox that is absent
/// is off.
pub fn typed(resource: &Resource, table: &Table, fields: &Fields, stored: Option<&Row>) -> Typed {
    columns(resource, table)
        .map(|column| {
            let value = match (fields.get(column.name), column.kind, stored) {
                (Some(value), _, _) => value.to_owned(),
                (None, Kind::Switch, _) => String::new(),
                (None, _, Some(row)) => row.text(column.name).to_owned(),
                (None, _, None) => column.default.to_owned(),
            };
            (column.name, value)
        })
        .collect()
}

/// The columns of a form: those the live table has.
fn columns<'a>(resource: &'a Resource, table: &'a Table) -> impl Iterator<Item = &'static Column> + 'a {
    resource.columns.iter().filter(|c| table.has(c.name))
}

impl Form {
    /// A form to fill in.
    pub fn new(page: Page, resource: &'static Resource, table: &Table, values: &Typed) -> Self {
        let fields = columns(resource, table)
            .map(|column| Field::new(column, table, values))
            .collect();
        Self {
            page,
            resource,
            stage: Stage::Fill,
            key: None,
            subject: String::new(),
            version: String::new(),
            fields,
            problems: Vec::new(),
            warnings: Vec::new(),
            again: false,
            next: String::new(),
            other: None,
            writable: true,
        }
    }

    /// Shows what is wrong, in the summary and beside the fields.
    pub fn with_problems(mut self, stage: Stage, problems: &[Problem]) -> Self {
        for problem in problems {
            let label = self.resource.column(problem.column).map_or("", |c| c.label);
            let short = text::first_sentence(&problem.message);
            self.problems
                .push((problem.column.to_owned(), format!("{label}: {short}")));
            if let Some(field) = self.fields.iter_mut().find(|f| f.column.name == problem.column) {
                field.problems.push(problem.message.clone());
            }
        }
        self.stage = stage;
        self
    }

    /// Shows a reason that belongs to no field.
    pub fn with_reason(mut self, reason: String) -> Self {
        self.problems.push(("main".to_owned(), reason));
        self.stage = Stage::Refused;
        self
    }

    /// Asks to confirm.
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self.stage = Stage::Confirm;
        self
    }

    /// The page, with the status its stage asks for.
    ///
    /// # Errors
    /// The template failed.
    pub fn respond(&self) -> Result<Response> {
        let status = if self.stage == Stage::Refused {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        render(status, self)
    }

    /// Where the form is sent.
    pub fn action(&self) -> String {
        match &self.key {
            Some(key) => self.page.row_url(self.resource.slug, key),
            None => self.page.url(&format!("/{}", self.resource.slug)),
        }
    }

    /// Where leaving without saving goes.
    pub fn back(&self) -> String {
        if self.next.is_empty() {
            self.page.url(&format!("/{}", self.resource.slug))
        } else {
            self.next.clone()
        }
    }

    /// The heading of the summary.
    pub fn summary(&self) -> String {
        let count = match self.problems.len() {
            1 => "1 thing to correct".to_owned(),
            n => format!("{n} things to correct"),
        };
        match self.stage {
            Stage::Mend => format!("This row is not as Postfix wants it: {count}"),
            _ => format!("Nothing was saved: {count}"),
        }
    }
}

impl Field {
    fn new(column: &'static Column, table: &Table, values: &Typed) -> Self {
        let stored = values
            .iter()
            .find(|(name, _)| *name == column.name)
            .map_or("", |(_, v)| v.as_str());
        let (mut choices, mut suggestions) = (Vec::new(), [].as_slice());
        match column.kind {
            Kind::Choice(known) => {
                let is_known = known.iter().any(|(value, _)| *value == stored);
                if !is_known {
                    choices.push((stored.to_owned(), "not known to Postfix".to_owned(), true));
                }
                choices.extend(
                    known.iter().map(|(value, meaning)| {
                        ((*value).to_owned(), (*meaning).to_owned(), *value == stored)
                    }),
                );
            }
            Kind::Transport(list) => suggestions = list,
            _ => {}
        }
        let value = match column.kind {
            Kind::Addresses => one_per_line(stored),
            _ => stored.to_owned(),
        };
        Self {
            column,
            unicode: text::unicode(&value),
            value,
            problems: Vec::new(),
            choices,
            suggestions,
            capacity: table.column(column.name).and_then(|c| c.capacity),
        }
    }

    /// Whether the checkbox is ticked.
    pub fn is_on(&self) -> bool {
        self.value == "1"
    }

    /// Whether the field is several lines high.
    pub fn is_list(&self) -> bool {
        self.column.kind == Kind::Addresses
    }

    /// Whether the field is a checkbox.
    pub fn is_switch(&self) -> bool {
        self.column.kind == Kind::Switch
    }

    /// Most characters of a list whose column a few addresses fill (the howto's holds 120).
    pub fn small_capacity(&self) -> Option<u64> {
        self.capacity.filter(|most| self.is_list() && *most < 1000)
    }

    /// Lines of a list field: as many as it has and some room, within reason.
    pub fn rows(&self) -> usize {
        (self.value.lines().count() + 2).clamp(4, 20)
    }
}

/// A stored list one item per line. What was typed with line breaks already stays as it was typed.
fn one_per_line(stored: &str) -> String {
    if stored.contains('\n') {
        return stored.to_owned();
    }
    stored.split(',').map(str::trim).collect::<Vec<_>>().join("\n")
}
