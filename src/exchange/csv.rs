//! CSV: which character separates, what the first line says, and rows.

use super::names;
use super::records::{Record, Records};
use super::text::Text;
use super::{Incoming, Reading, Refused, Source, Stumble, incoming};
use crate::resource::Resource;

/// What may separate fields.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// How much of a file is looked at to find the separator, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// How the fields of a file are the columns of a table.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// What separates fields.
    pub(super) separator: u8,
    /// Whether the first line is a header.
    pub(super) has_header: bool,
    /// What the header says; empty without one.
    pub(super) header: Vec<String>,
    /// The column of each field; a guess without a header.
    pub(super) columns: Vec<Option<String>>,
    /// Whether that is no guess.
    pub(super) is_certain: bool,
}

/// Begins to read records.
pub(super) fn records(mut text: Text) -> Result<Records, Refused> {
    let separator = separator(text.ahead(LOOKED_AT)?);
    Ok(Records::new(text, separator))
}

/// The first record, which stays the next one.
pub(super) fn first(records: &mut Records) -> Result<Record, Refused> {
    match records.next() {
        Ok(Some(record)) => {
            records.hold(record.clone());
            Ok(record)
        }
        Ok(None) => Err(Refused::whole("There is nothing in this file.")),
        Err(Stumble::Row(refused) | Stumble::File(refused)) => Err(refused),
    }
}

/// The separator: the one that every one of the first lines has equally often, else what the first line has most of.
fn separator(beginning: &[u8]) -> u8 {
    let rank = |separator: &u8| {
        let counts = counts(beginning, *separator);
        let first = counts.first().copied().unwrap_or(0);
        (first > 0 && counts.iter().all(|count| *count == first), first)
    };
    let best = SEPARATORS.iter().map(rank).max().unwrap_or_default();
    SEPARATORS
        .into_iter()
        .find(|separator| rank(separator) == best)
        .unwrap_or(b',')
}

/// How often a character is in each of the first ten lines, outside quotes. A last line that may be cut counts only if
/// it is alone.
fn counts(beginning: &[u8], separator: u8) -> Vec<usize> {
    let (mut counts, mut count, mut quoted, mut empty) = (Vec::new(), 0, false, true);
    for byte in beginning {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => {
                if !empty {
                    counts.push(count);
                }
                (count, empty) = (0, true);
                if counts.len() == 10 {
                    break;
                }
                continue;
            }
            byte if *byte == separator && !quoted => count += 1,
            _ => {}
        }
        empty = false;
    }
    if counts.is_empty() {
        counts.push(count);
    }
    counts
}

impl Layout {
    /// Finds out how a file is laid out, as far as that is not said.
    pub(super) fn find(records: &mut Records, reading: &Reading, into: &Resource) -> Result<Self, Refused> {
        let record = first(records)?;
        let names: Vec<String> = record
            .cells
            .iter()
            .map(|cell| cell.text().trim().to_owned())
            .collect();
        let found = names::columns(into, &names);
        let is_known = |column: &&String| names::known(into).any(|known| known == column.as_str());
        let known: Vec<&String> = found.iter().flatten().filter(is_known).collect();
        let has_header = reading
            .has_header
            .unwrap_or_else(|| !known.is_empty() && !names.iter().any(|name| name.contains('@')));
        let by_place = || {
            let columns = into.columns.iter().map(|column| Some(column.name.to_owned()));
            columns.chain(std::iter::repeat(None)).take(names.len()).collect()
        };
        let subject = into.subject;
        let is_certain = reading.mapping.is_some() || (has_header && known.iter().any(|c| *c == subject));
        let columns = match &reading.mapping {
            Some(mapping) => mapping.clone(),
            None if has_header => found,
            None => by_place(),
        };
        if let Some(twice) = twice(&columns).filter(|_| is_certain) {
            return Err(Refused::cell(
                record.line,
                twice,
                "Two fields are this column: leave one of them out, or name it otherwise.",
            ));
        }
        Ok(Self {
            separator: records.separator(),
            has_header,
            header: if has_header { names } else { Vec::new() },
            columns,
            is_certain,
        })
    }
}

/// A column that is there twice.
fn twice(columns: &[Option<String>]) -> Option<&str> {
    let mut rest = columns.iter().flatten();
    while let Some(column) = rest.next() {
        if rest.clone().any(|other| other == column) {
            return Some(column);
        }
    }
    None
}

/// The rows of a table.
struct Table {
    records: Records,
    into: &'static Resource,
    columns: Vec<Option<String>>,
}

/// Begins to read the rows of a table.
pub(super) fn open(
    mut records: Records,
    reading: &Reading,
    into: &'static Resource,
) -> Result<Box<dyn Source>, Refused> {
    let layout = Layout::find(&mut records, reading, into)?;
    if !layout.is_certain {
        let line = first(&mut records)?.line;
        let example: Vec<&str> = into.columns.iter().filter(|c| !c.rare).map(|c| c.name).collect();
        return Err(Refused::at(
            line,
            format!(
                "The first line does not name the column `{}`. Begin the file with a line of column names, such as `{}`, or \
                 say which field is which column.",
                into.subject,
                example.join(",")
            ),
        ));
    }
    if layout.has_header {
        let _ = records.next();
    }
    Ok(Box::new(Table {
        records,
        into,
        columns: layout.columns,
    }))
}

impl Source for Table {
    fn next(&mut self) -> Result<Option<Incoming>, Stumble> {
        let Some(record) = self.records.next()? else {
            return Ok(None);
        };
        let line = record.line;
        let (has, wants) = (record.cells.len(), self.columns.len());
        let surplus = record
            .cells
            .iter()
            .skip(wants)
            .any(|cell| !cell.text().is_empty());
        if has < wants || surplus {
            // Of a row that is too short the first column without a field, else the last one.
            let rest = self.columns.get(has..).filter(|rest| !rest.is_empty());
            let named = match rest {
                Some(rest) => rest.iter().flatten().next(),
                None => self.columns.iter().flatten().next_back(),
            };
            let column = named.map_or(self.into.subject, String::as_str);
            return Err(Stumble::Row(Refused::cell(
                line,
                column,
                format!(
                    "There are {has} fields here and {wants} columns. Quote a field that has the separator or a line end in \
                     it."
                ),
            )));
        }
        let cells = record.cells.into_iter().zip(&self.columns);
        let fields = cells.filter_map(|(cell, column)| Some((column.clone()?, cell.into_value())));
        incoming(self.into, line, fields.collect())
            .map(Some)
            .map_err(Stumble::Row)
    }

    fn at(&self) -> u64 {
        self.records.text().at()
    }
}
