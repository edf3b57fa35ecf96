//! The form of an import, and what is read of it.

use std::io::Write;
use std::os::unix::fs::FileExt;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{PASTED, Target, columns};
use crate::error::{Error, Result};
use crate::exchange::{Foreign, Format, Material, Reading};
use crate::resource::{Part, Resource};
use crate::web::multipart::Spooled;
use crate::web::page::{Page, render};
use crate::web::request::{Fields, LARGEST_FORM, Visitor};

/// How a file may be written: the word of the form, what people call it, and what it is.
const FORMATS: &[(&str, &str, Format)] = &[
    ("csv", "CSV, with comma, semicolon or tab", Format::Csv),
    ("json", "JSON", Format::Json),
    ("sql", "SQL of mysqldump or phpMyAdmin", Format::Sql),
];

/// The same of files of other panels, which name tables themselves.
const FOREIGN: &[(&str, &str, Format)] = &[
    (
        "postfixadmin-aliases",
        "PostfixAdmin: aliases as CSV",
        Format::Foreign(Foreign::PostfixAdminAliases),
    ),
    (
        "postfixadmin-mailboxes",
        "PostfixAdmin: mailboxes as CSV",
        Format::Foreign(Foreign::PostfixAdminMailboxes),
    ),
    ("modoboa", "modoboa: CSV", Format::Foreign(Foreign::Modoboa)),
    (
        "cpanel-forwarders",
        "cPanel: forwarders as CSV",
        Format::Foreign(Foreign::CpanelForwarders),
    ),
    (
        "cpanel-accounts",
        "cPanel: mail accounts as CSV",
        Format::Foreign(Foreign::CpanelAccounts),
    ),
    (
        "google-users",
        "Google Admin: users as CSV",
        Format::Foreign(Foreign::GoogleUsers),
    ),
];

/// The form.
#[derive(Template)]
#[template(path = "import/form.html")]
pub(super) struct Form {
    page: Page,
    target: Target,
    /// The table whose columns are shown.
    into: Option<&'static Resource>,
    problem: Option<String>,
    text: String,
    format: String,
    skips_refused: bool,
    /// Largest file, in MiB.
    largest: u32,
    /// Whether the visitor may also import files with several tables.
    has_further: bool,
}

impl Form {
    /// The form with what was chosen in it.
    pub async fn new(
        visitor: &Visitor,
        target: Target,
        into: Option<&'static Resource>,
        fields: &Fields,
    ) -> Result<Self> {
        Ok(Self {
            page: visitor.page(&target.title(), target.section()).await?,
            target,
            into,
            problem: None,
            text: fields.text("text").to_owned(),
            format: fields.text("format").to_owned(),
            skips_refused: fields.is_set("skip_refused"),
            largest: visitor.app.config.import.largest,
            has_further: visitor.actor.require_operator().is_ok(),
        })
    }

    /// The form with rows that were pasted before, to change them.
    pub fn holding(mut self, spooled: &Spooled) -> Result<Self> {
        if spooled.name == PASTED {
            self.text = text_of(spooled)?;
        }
        Ok(self)
    }

    /// 200, or 422 with what is wrong.
    pub fn respond(mut self, problem: Option<&str>) -> Result<Response> {
        self.problem = problem.map(str::to_owned);
        let status = match problem {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        render(status, &self)
    }

    /// The frame, for another page in its place.
    pub fn into_page(self) -> Page {
        self.page
    }

    /// Formats to choose from: word, meaning, and whether it is chosen.
    fn formats(&self) -> Vec<(&'static str, &'static str, bool)> {
        let foreign = if self.into.is_none() { FOREIGN } else { &[] };
        let all = FORMATS.iter().chain(foreign);
        all.map(|(word, label, _)| (*word, *label, self.format == *word))
            .collect()
    }

    /// Whether the first two columns are what most rows are: an address and where its mail goes.
    fn is_pairs(&self) -> bool {
        self.into
            .is_some_and(|into| !matches!(into.table, "access_rules" | "users" | "relays"))
    }

    /// A file with one row.
    fn example(&self) -> &'static str {
        self.into.map_or("", example)
    }

    /// Columns a file may have, with what they are.
    fn columns(&self) -> Vec<(&'static str, &'static str)> {
        self.into.map(columns).unwrap_or_default()
    }
}

fn example(resource: &Resource) -> &'static str {
    match resource.table {
        _ if resource.part == Part::Overrides => "mail,transport\njoe@example.org,smtp:[mail.example.net]",
        "domains" => "domain,transport\nexample.org,virtual:",
        "aliases" => "mail,destination\ninfo@example.org,\"joe@example.org, mary@example.net\"",
        "users" => "id,name,password\njoe@example.org,Joe Bloggs,a long new password",
        "backups" => "domain,transport\nexample.net,smtp:[mail.example.net]",
        "relays" => "recipient,status\njoe@example.net,OK",
        "relocated" => "oldadr,newadr\njoe@example.org,joe@example.net",
        "access_rules" => "kind,pattern,action,message\nsender,spam@example.com,REJECT,Not wanted here",
        _ => "",
    }
}

/// How the file is to be read, or what of the form cannot be.
pub(super) fn reading(into: Option<&'static Resource>, fields: &Fields) -> Result<Reading, String> {
    let word = fields.text("format");
    let mut formats = FORMATS.iter().chain(FOREIGN);
    let format = formats
        .find(|(name, ..)| *name == word)
        .map(|(.., format)| *format);
    if format.is_none() && !word.is_empty() {
        return Err("Choose how the file is written, or leave it to be found out.".to_owned());
    }
    let mapping = fields.every("map");
    let is_mapped = !mapping.is_empty();
    let columns = mapping.into_iter().map(|name| (!name.is_empty()).then_some(name));
    Ok(Reading {
        into,
        format,
        mapping: is_mapped.then(|| columns.collect()),
        has_header: is_mapped.then(|| fields.is_set("header")),
    })
}

/// Rows that were pasted, kept like a file.
///
/// # Errors
/// The disk does not take them.
pub(super) fn pasted(text: &str) -> Result<Spooled> {
    let failed = |error| Error::unexpected("keeping pasted rows", error);
    let mut file = tempfile::tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(Spooled {
        name: PASTED.to_owned(),
        file,
        size: text.len() as u64,
    })
}

/// What is read: the file as it is, or, of pasted pairs, what they mean.
///
/// # Errors
/// The disk does not answer.
pub(super) fn material(mut spooled: Spooled, mut reading: Reading) -> Result<Material> {
    if let Some(into) = reading.into
        && spooled.name == PASTED
        && reading.format.is_none_or(|format| format == Format::Csv)
        && reading.mapping.is_none()
        && let Some(fields) = pairs(&text_of(&spooled)?)
    {
        spooled = pasted(&fields)?;
        reading.format = Some(Format::Csv);
        reading.has_header = Some(false);
        reading.mapping = Some(
            into.columns
                .iter()
                .take(2)
                .map(|c| Some(c.name.to_owned()))
                .collect(),
        );
    }
    Ok(Material {
        file: spooled.file,
        name: spooled.name,
        size: spooled.size,
        reading,
    })
}

fn text_of(spooled: &Spooled) -> Result<String> {
    let length = usize::try_from(spooled.size).map_or(LARGEST_FORM, |size| size.min(LARGEST_FORM));
    let mut bytes = vec![0; length];
    spooled
        .file
        .read_exact_at(&mut bytes, 0)
        .map_err(|error| Error::unexpected("reading pasted rows", error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lines such as `info@example.org joe@example.org, mary@example.net` as CSV: what Postfix's own files and notes look
/// like. `None` where a line is not of that kind.
fn pairs(text: &str) -> Option<String> {
    let mut csv = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        let line = line.trim();
        if !line.is_empty() {
            let (subject, rest) = line.split_once([' ', '\t'])?;
            let is_plain = subject.contains(['@', '.']) && !subject.contains([',', ';', '"', '\'']);
            // A spreadsheet separates by tabs, and has none within a field.
            if !is_plain || line.contains(['\t', '"']) {
                return None;
            }
            csv.push_str(subject);
            csv.push_str("\t\"");
            csv.push_str(rest.trim_start());
            csv.push('"');
        }
        // An empty line stays, so that lines are counted as they were typed.
        csv.push('\n');
    }
    Some(csv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_where_it_goes_may_stand_in_one_line() {
        assert_eq!(
            pairs("info@x.example  joe@x.example, mary@y.example\n\n@x.example joe@x.example\n").as_deref(),
            Some("info@x.example\t\"joe@x.example, mary@y.example\"\n\n@x.example\t\"joe@x.example\"\n")
        );
        for csv in [
            "mail,destination\ninfo@x.example,joe@x.example",
            "info@x.example\tjoe@x.example",
            "info@x.example, joe@x.example",
            "\"info@x.example\" joe@x.example",
            "info@x.example",
            "mail destination",
        ] {
            assert_eq!(pairs(csv), None, "{csv}");
        }
    }
}
