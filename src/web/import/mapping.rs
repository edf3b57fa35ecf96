//! The step before the review of a CSV file that does not say which column is which.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Target, columns};
use crate::error::{Error, Result};
use crate::exchange::{Format, Look, Material, Reading};
use crate::resource::Resource;
use crate::web::page::{Page, render};
use crate::web::request::Fields;
use crate::web::text;

/// Values shown of each field.
const SHOWN: usize = 3;

/// The step.
#[derive(Template)]
#[template(path = "import/mapping.html")]
struct Mapping {
    page: Page,
    target: Target,
    question: Question,
    upload: String,
    skips_refused: bool,
}

/// What a file leaves open.
pub(super) struct Question {
    into: &'static Resource,
    /// What the file is called.
    name: String,
    problem: Option<String>,
    has_header: bool,
    fields: Vec<Field>,
}

/// One field of the file.
struct Field {
    /// What the file calls it.
    heading: String,
    values: Vec<String>,
    /// The column it goes to; empty where it is left out.
    column: String,
}

impl Question {
    /// What is to be asked about a file; `None` where it says itself which column is which, or a person has.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn about(material: &Material) -> Result<Option<Self>> {
        let Some(into) = material.reading.into else {
            return Ok(None);
        };
        let said = material.reading.mapping.as_deref();
        let problem = said.and_then(|said| wrong(into, said));
        if said.is_some() && problem.is_none() {
            return Ok(None);
        }
        let file = material.file.try_clone();
        let unsaid = Material {
            file: file.map_err(|error| Error::unexpected("opening an uploaded file", error))?,
            name: material.name.clone(),
            size: material.size,
            reading: Reading {
                mapping: None,
                ..material.reading.clone()
            },
        };
        // Why a file cannot be read is said by whoever reads it.
        let Ok(look) = unsaid.look() else {
            return Ok(None);
        };
        let is_open = look.format == Format::Csv && !look.is_certain();
        Ok((is_open || problem.is_some()).then(|| Self {
            into,
            name: text::plain(&material.name),
            problem,
            has_header: look.has_header,
            fields: fields(&look, said.unwrap_or(&look.mapping)),
        }))
    }

    /// 200, or 422 where something was to be done already or was said wrongly.
    pub fn respond(mut self, page: Page, target: Target, upload: String, sent: &Fields) -> Result<Response> {
        if sent.is_set("confirm") && self.problem.is_none() {
            self.problem =
                Some("The file does not say which column is which, so nothing was imported.".to_owned());
        }
        let status = match self.problem {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        let template = Mapping {
            page,
            target,
            question: self,
            upload,
            skips_refused: sent.is_set("skip_refused"),
        };
        render(status, &template)
    }

    /// Columns to choose from.
    fn columns(&self) -> Vec<(&'static str, &'static str)> {
        columns(self.into)
    }
}

/// What is wrong with a mapping.
fn wrong(into: &Resource, mapping: &[Option<String>]) -> Option<String> {
    let chosen: Vec<&String> = mapping.iter().flatten().collect();
    let subject = into.column(into.subject)?;
    if !chosen.iter().any(|column| *column == subject.name) {
        return Some(format!(
            "Say which column is `{}`: {}.",
            subject.name, subject.label
        ));
    }
    let twice = chosen
        .iter()
        .enumerate()
        .find(|(n, column)| chosen[..*n].contains(column))?;
    Some(format!(
        "Two columns of the file are `{}`: leave one of them out.",
        twice.1
    ))
}

fn fields(look: &Look, mapping: &[Option<String>]) -> Vec<Field> {
    let shown = |value: &Option<String>| value.as_deref().map(|value| text::short(&text::plain(value)));
    let field = |(n, column): (usize, &Option<String>)| Field {
        heading: look
            .header
            .get(n)
            .map(|name| text::plain(name))
            .unwrap_or_default(),
        values: look
            .rows
            .iter()
            .filter_map(|row| row.get(n).and_then(shown))
            .filter(|value| !value.is_empty())
            .take(SHOWN)
            .collect(),
        column: column.clone().unwrap_or_default(),
    };
    mapping.iter().enumerate().map(field).collect()
}
