//! Finding out how a file is written.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::csv::{self, Layout};
use super::records::{Cell, Records};
use super::text::Text;
use super::{
    Foreign, Format, Material, Reading, Refused, Skipped, Source, Stumble, foreign, json, names, sql,
};
use crate::resource::Resource;

/// How many rows are shown of a file.
const SHOWN: usize = 10;

/// What a file seems to be.
#[derive(Debug, Clone)]
pub struct Look {
    /// How it is written.
    pub format: Format,
    /// In which characters, as far as it was looked at: `UTF-8`, `UTF-16` or `Windows-1252`.
    pub charset: &'static str,
    /// What separates the fields; of CSV only.
    pub separator: Option<char>,
    /// Whether the first line names the fields; of CSV only.
    pub has_header: bool,
    /// The names of the fields as the file has them; empty without a header.
    pub header: Vec<String>,
    /// The column each field goes to, as well as that can be told; as many as there are fields.
    pub mapping: Vec<Option<String>>,
    /// Columns of [`Self::mapping`] the panel does not know. The table may have them.
    pub unknown: Vec<String>,
    /// The first rows, ten at most, with a value for each field. `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// What was passed over up to there.
    pub skipped: Skipped,
    certain: bool,
}

impl Look {
    /// Whether it can be read as it is; otherwise a person has to say which field is which column.
    pub fn is_certain(&self) -> bool {
        self.certain
    }
}

impl Material {
    /// Begins to read. Where [`Reading::into`] is said, rows for other tables are left out.
    ///
    /// # Errors
    /// It is nothing that can be read; what it seems to be, and what to do.
    pub fn open(&self) -> Result<Box<dyn Source>, Refused> {
        begin_reading(self.bytes()?, &self.name, &self.reading)
    }

    /// Looks at the beginning.
    ///
    /// # Errors
    /// It is nothing that can be read; what it seems to be, and what to do.
    pub fn look(&self) -> Result<Look, Refused> {
        let opened = begin(self.bytes()?, &self.name, &self.reading)?;
        let look = Look {
            format: opened.format,
            charset: opened.charset,
            separator: None,
            has_header: false,
            header: Vec::new(),
            mapping: Vec::new(),
            unknown: Vec::new(),
            rows: Vec::new(),
            skipped: Skipped::default(),
            certain: true,
        };
        match opened.rows {
            Begun::Rows(source) => look_at_rows(look, source),
            Begun::Table(records, into) => look_at_table(look, *records, &self.reading, into),
        }
    }

    fn bytes(&self) -> Result<Box<dyn Read + Send>, Refused> {
        let file = self
            .file
            .try_clone()
            .map_err(|cause| Refused::whole(format!("The file cannot be read: {cause}.")))?;
        Ok(Box::new(FromStart { file, at: 0 }))
    }
}

/// Begins to read rows.
pub(super) fn begin_reading(
    from: Box<dyn Read + Send>,
    name: &str,
    reading: &Reading,
) -> Result<Box<dyn Source>, Refused> {
    match begin(from, name, reading)?.rows {
        Begun::Rows(source) => Ok(source),
        Begun::Table(records, into) => csv::open(*records, reading, into),
    }
}

/// A file from its beginning, wherever others are in it.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

/// A file whose format is known.
struct Opened {
    format: Format,
    charset: &'static str,
    rows: Begun,
}

/// What is read of a file.
enum Begun {
    /// Rows as they are.
    Rows(Box<dyn Source>),
    /// Records that are rows of a table once it is known which field is which column.
    Table(Box<Records>, &'static Resource),
}

/// Finds out the format.
fn begin(from: Box<dyn Read + Send>, name: &str, reading: &Reading) -> Result<Opened, Refused> {
    let mut text = Text::begin(from)?;
    let charset = text.charset();
    let mut format = match reading.format {
        Some(format) => format,
        None => by_name(name).map_or_else(|| by_content(&mut text), Ok)?,
    };
    let rows = match format {
        Format::Json => Begun::Rows(json::open(text, reading)?),
        Format::Sql => Begun::Rows(sql::open(text, reading)),
        Format::Foreign(panel) => Begun::Rows(foreign::open(csv::records(text)?, panel, reading)?),
        Format::Csv => {
            let mut records = csv::records(text)?;
            match panel(&mut records, reading)? {
                Some(panel) => {
                    format = Format::Foreign(panel);
                    Begun::Rows(foreign::open(records, panel, reading)?)
                }
                None => Begun::Table(Box::new(records), table(reading)?),
            }
        }
    };
    Ok(Opened {
        format,
        charset,
        rows,
    })
}

/// The other panel that wrote a CSV file, unless it is said that none did.
fn panel(records: &mut Records, reading: &Reading) -> Result<Option<Foreign>, Refused> {
    if reading.format.is_some() || reading.mapping.is_some() {
        return Ok(None);
    }
    let panel = foreign::detect(&csv::first(records)?);
    let is_asked = |panel: &Foreign| {
        reading
            .into
            .is_none_or(|into| foreign::tables(*panel).contains(&into.table))
    };
    Ok(panel.filter(is_asked))
}

/// The table that CSV is for.
fn table(reading: &Reading) -> Result<&'static Resource, Refused> {
    reading.into.ok_or_else(|| {
        Refused::whole("A CSV file does not say which table its rows are for: choose the table first.")
    })
}

/// The format a name says.
fn by_name(name: &str) -> Option<Format> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "csv" | "tsv" | "tab" => Some(Format::Csv),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "sql" => Some(Format::Sql),
        _ => None,
    }
}

/// The format a file begins like.
fn by_content(text: &mut Text) -> Result<Format, Refused> {
    let beginning = text.ahead(256)?;
    let beginning = String::from_utf8_lossy(&beginning[..beginning.len().min(256)]).to_ascii_lowercase();
    let beginning = beginning.trim_start();
    let statements = [
        "-- ",
        "--\n",
        "--\r",
        "/*",
        "create ",
        "insert ",
        "replace ",
        "set ",
        "drop ",
        "lock ",
        "use ",
        "start ",
        "begin;",
        "delimiter ",
    ];
    Ok(if beginning.starts_with(['[', '{']) {
        Format::Json
    } else if statements.iter().any(|word| beginning.starts_with(word)) {
        Format::Sql
    } else {
        Format::Csv
    })
}

/// Looks at CSV for one table.
fn look_at_table(
    look: Look,
    mut records: Records,
    reading: &Reading,
    into: &'static Resource,
) -> Result<Look, Refused> {
    let layout = Layout::find(&mut records, reading, into)?;
    if layout.has_header {
        let _ = records.next();
    }
    let mut rows = Vec::new();
    while rows.len() < SHOWN {
        match records.next() {
            Ok(Some(record)) => rows.push(record.cells.into_iter().map(Cell::into_value).collect()),
            Ok(None) => break,
            Err(Stumble::Row(_)) => {}
            Err(Stumble::File(refused)) => return Err(refused),
        }
    }
    let is_unknown = |column: &&String| !names::known(into).any(|known| known == column.as_str());
    Ok(Look {
        separator: Some(char::from(layout.separator)),
        has_header: layout.has_header,
        unknown: layout
            .columns
            .iter()
            .flatten()
            .filter(is_unknown)
            .cloned()
            .collect(),
        header: layout.header,
        mapping: layout.columns,
        rows,
        certain: layout.is_certain,
        ..look
    })
}

/// Looks at rows that say themselves what they are.
fn look_at_rows(look: Look, mut source: Box<dyn Source>) -> Result<Look, Refused> {
    let (mut header, mut unknown, mut shown): (Vec<String>, Vec<String>, Vec<Vec<_>>) = Default::default();
    while shown.len() < SHOWN {
        let incoming = match source.next() {
            Ok(Some(incoming)) => incoming,
            Ok(None) => break,
            Err(Stumble::Row(_)) => continue,
            Err(Stumble::File(refused)) => return Err(refused),
        };
        for (name, _) in &incoming.row.fields {
            if !header.contains(name) {
                header.push(name.clone());
                if !names::known(incoming.resource).any(|known| known == name) {
                    unknown.push(name.clone());
                }
            }
        }
        shown.push(incoming.row.fields);
    }
    let value = |fields: &Vec<(String, Option<String>)>, name: &String| {
        fields
            .iter()
            .find(|(n, _)| n == name)
            .and_then(|(_, value)| value.clone())
    };
    let rows = shown
        .iter()
        .map(|fields| header.iter().map(|name| value(fields, name)).collect());
    Ok(Look {
        rows: rows.collect(),
        mapping: header.iter().cloned().map(Some).collect(),
        header,
        unknown,
        skipped: source.skipped(),
        ..look
    })
}
