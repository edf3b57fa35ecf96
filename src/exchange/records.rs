//! Records of a CSV file. Written here because whether a field was quoted matters: only an unquoted `\N` or `NULL` is
//! NULL, and because no record may be longer than memory should be.

use super::text::Text;
use super::{LONGEST, MOST_COLUMNS, Refused, Stumble, unguarded};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    quoted: bool,
}

impl Cell {
    /// What it says, to the letter.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The value it stands for: mysqldump writes NULL as `\N`, phpMyAdmin as `NULL`, neither in quotes. The apostrophe is
    /// taken away that keeps a spreadsheet from reading the field as a formula.
    pub(super) fn into_value(self) -> Option<String> {
        if !self.quoted && ["\\N", "NULL"].contains(&self.text.as_str()) {
            return None;
        }
        Some(unguarded(&self.text).to_owned())
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The line it begins in.
    pub(super) line: u64,
    /// Its fields.
    pub(super) cells: Vec<Cell>,
}

/// The records of a file.
pub(super) struct Records {
    text: Text,
    separator: u8,
    /// Read already.
    held: Option<Record>,
}

/// What comes after a field.
#[derive(PartialEq, Eq)]
enum Next {
    Field,
    Record,
}

/// What is left of a record's bounds while it is read.
struct Room {
    line: u64,
    bytes: usize,
}

impl Room {
    fn take(&mut self) -> Result<(), Refused> {
        self.bytes = self.bytes.checked_sub(1).ok_or_else(|| {
            Refused::at(
                self.line,
                "The record that begins here is longer than 1 MiB, which no row of these tables is. Perhaps a quote is \
                 missing.",
            )
        })?;
        Ok(())
    }
}

impl Records {
    /// Reads with this separator.
    pub(super) fn new(text: Text, separator: u8) -> Self {
        Self {
            text,
            separator,
            held: None,
        }
    }

    /// The file.
    pub(super) fn text(&self) -> &Text {
        &self.text
    }

    /// What separates fields.
    pub(super) fn separator(&self) -> u8 {
        self.separator
    }

    /// Puts a record back, to be the next one again.
    pub(super) fn hold(&mut self, record: Record) {
        self.held = Some(record);
    }

    /// The next record; empty lines are none.
    pub(super) fn next(&mut self) -> Result<Option<Record>, Stumble> {
        if let Some(record) = self.held.take() {
            return Ok(Some(record));
        }
        while matches!(self.text.peek()?, Some(b'\r' | b'\n')) {
            self.text.next()?;
        }
        if self.text.peek()?.is_none() {
            return Ok(None);
        }
        let line = self.text.line();
        let mut room = Room { line, bytes: LONGEST };
        let (mut cells, mut astray) = (Vec::new(), None);
        loop {
            let (cell, next) = self.cell(&mut room, &mut astray)?;
            cells.push(cell);
            if cells.len() > MOST_COLUMNS {
                return Err(Stumble::File(Refused::at(
                    line,
                    format!(
                        "There are more than {MOST_COLUMNS} fields here: no table of a mail server has that many."
                    ),
                )));
            }
            if next == Next::Record {
                break;
            }
        }
        match astray {
            Some(line) => Err(Stumble::Row(Refused::at(
                line,
                "A quoted field goes on after its closing quote. Write a quote inside a quoted field twice.",
            ))),
            None => Ok(Some(Record { line, cells })),
        }
    }

    /// Reads a field and what ends it; `astray` becomes the line where something follows a closing quote.
    fn cell(&mut self, room: &mut Room, astray: &mut Option<u64>) -> Result<(Cell, Next), Refused> {
        let mut bytes = Vec::new();
        let quoted = self.text.take(b"\"")?;
        if quoted {
            self.quoted(room, &mut bytes)?;
        }
        let next = loop {
            let line = self.text.line();
            match self.text.next()? {
                None | Some(b'\n') => break Next::Record,
                Some(b'\r') => {
                    self.text.take_line_feed()?;
                    break Next::Record;
                }
                Some(byte) if byte == self.separator => break Next::Field,
                Some(b' ') if quoted => room.take()?,
                Some(byte) => {
                    room.take()?;
                    bytes.push(byte);
                    if quoted {
                        astray.get_or_insert(line);
                    }
                }
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok((Cell { text, quoted }, next))
    }

    /// Reads up to the closing quote.
    fn quoted(&mut self, room: &mut Room, bytes: &mut Vec<u8>) -> Result<(), Refused> {
        let line = self.text.line();
        loop {
            let byte = self.text.next()?.ok_or_else(|| {
                Refused::at(line, "A quote is opened here and never closed. Close it, or write it twice if it is part of the text.")
            })?;
            if byte == b'"' && !self.text.take(b"\"")? {
                return Ok(());
            }
            room.take()?;
            bytes.push(byte);
        }
    }
}
