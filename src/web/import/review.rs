//! What an import would change, before it does.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Target;
use crate::error::Result;
use crate::exchange::Material;
use crate::resource::Resource;
use crate::store::{Imported, Importing, Sample, Total};
use crate::web::page::{Page, render};
use crate::web::request::Fields;
use crate::web::text;

/// Refused rows that are named; the rest are counted.
const NAMED: usize = 100;

#[derive(Template)]
#[template(path = "import/review.html")]
pub(super) struct Review {
    page: Page,
    target: Target,
    name: String,
    imported: Imported,
    /// Whether it was to be written and something is in the way.
    wanted: bool,
    /// Whether something else would be written than the person has seen.
    is_stale: bool,
    groups: Vec<Group>,
    /// Everything that was sent, to be sent again.
    fields: Vec<(String, String)>,
}

/// Sample rows of one table.
struct Group {
    title: String,
    lines: Vec<Line>,
}

/// One row that would be written.
struct Line {
    number: u64,
    subject: String,
    is_new: bool,
    columns: Vec<Difference>,
}

/// One column that would be otherwise.
struct Difference {
    name: String,
    before: String,
    after: String,
}

impl Line {
    fn of(sample: &Sample) -> Self {
        let differences = sample
            .columns
            .iter()
            .filter(|(_, before, after)| before.as_ref() != Some(after));
        let is_new = sample.columns.iter().all(|(_, before, _)| before.is_none());
        let shown = |value: &str| text::short(&text::plain(value));
        Self {
            number: sample.line,
            subject: text::plain(&sample.subject),
            is_new,
            columns: differences
                // A new row is called by its subject already.
                .filter(|(_, before, after)| {
                    before.is_some() || !after.is_empty() && *after != sample.subject
                })
                .map(|(name, before, after)| Difference {
                    name: name.clone(),
                    before: shown(before.as_deref().unwrap_or_default()),
                    after: shown(after),
                })
                .collect(),
        }
    }
}

impl Review {
    /// Of what an import came to.
    pub fn new(
        page: Page,
        target: Target,
        upload: String,
        sent: &Fields,
        importing: &Importing,
        material: &Material,
        imported: Imported,
    ) -> Self {
        let kept = ["format", "map", "header"];
        let kept = sent.all().filter(|(name, _)| kept.contains(name));
        let mut fields: Vec<(String, String)> = kept
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        fields.push(("upload".to_owned(), upload));
        fields.push(("seen".to_owned(), imported.version.clone()));
        if imported.refused > 0 {
            fields.push(("skip_refused".to_owned(), "1".to_owned()));
        }
        let is_stale = importing.applies
            && importing
                .seen
                .as_ref()
                .is_some_and(|seen| *seen != imported.version);
        let mut groups: Vec<Group> = Vec::new();
        let mut tables: Vec<&str> = Vec::new();
        for sample in &imported.samples {
            if !tables.contains(&sample.table) {
                tables.push(sample.table);
                groups.push(Group {
                    title: Resource::by_table(sample.table)
                        .map_or(sample.table, |r| r.words.title)
                        .to_owned(),
                    lines: Vec::new(),
                });
            }
            if let Some(group) = tables
                .iter()
                .position(|t| *t == sample.table)
                .and_then(|n| groups.get_mut(n))
            {
                group.lines.push(Line::of(sample));
            }
        }
        Self {
            page,
            target,
            name: text::plain(&material.name),
            wanted: importing.applies,
            is_stale,
            groups,
            fields,
            imported,
        }
    }

    /// 200; 409 where something else would be written now; 422 where nothing can be, or rows are in the way.
    pub fn respond(self) -> Result<Response> {
        let in_the_way = self.imported.refused > 0 && (self.wanted || self.total() == 0);
        let status = if self.is_stale {
            StatusCode::CONFLICT
        } else if in_the_way {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        render(status, &self)
    }

    /// Rows that are not refused.
    fn total(&self) -> u64 {
        self.writes() + self.imported.unchanged
    }

    /// Rows that would be written.
    fn writes(&self) -> u64 {
        self.imported.added + self.imported.changed
    }

    /// Counts, each with its word.
    fn counts(&self) -> [(String, &'static str); 4] {
        let Imported {
            added,
            changed,
            unchanged,
            refused,
            ..
        } = self.imported;
        [
            (text::number(added), "added"),
            (text::number(changed), "changed"),
            (text::number(unchanged), "unchanged"),
            (text::number(refused), "refused"),
        ]
    }

    /// The refused rows that are named: line, column and reason.
    fn refused(&self) -> impl Iterator<Item = &crate::exchange::Refused> {
        self.imported.first_refused.iter().take(NAMED)
    }

    /// `and 12 more`
    fn more_refused(&self) -> Option<String> {
        let rest = self
            .imported
            .refused
            .saturating_sub(self.refused().count() as u64);
        (rest > 0).then(|| format!("and {} more", text::number(rest)))
    }

    /// How many rows would be written, in words.
    fn written(&self) -> String {
        rows(self.writes())
    }

    /// How many rows are written that are not shown.
    fn more_written(&self) -> Option<String> {
        let rest = self.writes().saturating_sub(self.imported.samples.len() as u64);
        (rest > 0).then(|| format!("and {} more", rows(rest)))
    }
}

/// `3 rows`
fn rows(n: u64) -> String {
    text::total(Total::Exactly(n), "row", "rows")
}
