//! JSON: an array of objects, one object per line, arrays of objects by table, or phpMyAdmin's export, which is an array
//! with an object per table. Objects are cut out of the text one at a time and only then parsed.

use serde_json::{Map, Value};

use super::text::Text;
use super::{Incoming, LONGEST, MOST_COLUMNS, Reading, Refused, Skipped, Source, Stumble, incoming, names};
use crate::resource::Resource;

/// How far into an object the array of a table's rows may begin, in bytes.
const LONGEST_NAME: usize = 4096;

/// How far behind a row it is looked whether another one is on its line, in bytes.
const LOOKED_AT: usize = 16;

/// Where in a file one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between the objects of a file that has one per line.
    Lines,
    /// In the array that is the whole file.
    Array,
    /// In the array of one table, which is in an object.
    Table,
    /// Behind the last one.
    End,
}

/// What follows an array of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    /// Nothing.
    Nothing,
    /// Further tables: the file is an object by table.
    Tables,
    /// The end of an object of phpMyAdmin's, and then further ones.
    Objects,
}

/// The rows of a JSON file.
struct Rows {
    text: Text,
    into: Option<&'static Resource>,
    place: Place,
    around: Around,
    /// Whether nothing was read of the array one is in.
    first: bool,
    /// The table of the rows one is in, and the name the file gives it.
    table: (Option<&'static Resource>, String),
    /// The names of the last object's members, and the columns they are.
    given: Vec<String>,
    columns: Vec<Option<String>>,
    /// Rows so far, and the line on which the last one ended.
    counted: (u64, u64),
    skipped: Skipped,
}

/// Begins to read.
pub(super) fn open(mut text: Text, reading: &Reading) -> Result<Box<dyn Source>, Refused> {
    skip_space(&mut text)?;
    let mut rows = Rows {
        into: reading.into,
        place: Place::Lines,
        around: Around::Nothing,
        first: true,
        table: (reading.into, String::new()),
        given: Vec::new(),
        columns: Vec::new(),
        counted: (0, 0),
        skipped: Skipped::default(),
        text,
    };
    if rows.text.take(b"[")? {
        rows.place = Place::Array;
    } else if rows.text.peek()? != Some(b'{') {
        return Err(Refused::at(
            rows.text.line(),
            "This is no JSON of rows: it begins with neither `[` nor `{`. Give an array of objects.",
        ));
    }
    Ok(Box::new(rows))
}

fn skip_space(text: &mut Text) -> Result<(), Refused> {
    while text.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
        text.next()?;
    }
    Ok(())
}

/// An object cut out of the text.
enum Cut {
    /// All of it.
    Whole(Vec<u8>),
    /// Up to an array of rows in it, with the name of its table.
    Opened(String, Around),
}

impl Rows {
    /// Goes to the next object of where one is; `false` where there is none.
    fn advance(&mut self) -> Result<bool, Refused> {
        skip_space(&mut self.text)?;
        while self.place != Place::Lines && self.text.take(b"]")? {
            self.leave()?;
            skip_space(&mut self.text)?;
        }
        if self.place == Place::End {
            return Ok(false);
        }
        if self.place == Place::Lines {
            // Some programs put a comma at the end of each line.
            if !self.first && self.text.take(b",")? {
                skip_space(&mut self.text)?;
            }
            return Ok(self.text.peek()?.is_some());
        }
        if !self.first {
            self.expect(b",")?;
            skip_space(&mut self.text)?;
        }
        Ok(true)
    }

    /// Leaves an array.
    fn leave(&mut self) -> Result<(), Refused> {
        let around = std::mem::replace(&mut self.around, Around::Nothing);
        self.first = false;
        skip_space(&mut self.text)?;
        match around {
            Around::Objects => {
                self.expect(b"}")?;
                self.place = Place::Array;
            }
            Around::Tables if self.text.take(b",")? => {
                let name = self.key()?;
                self.expect(b":")?;
                skip_space(&mut self.text)?;
                self.expect(b"[")?;
                self.enter(name, Around::Tables);
            }
            Around::Tables => {
                self.expect(b"}")?;
                self.finish()?;
            }
            Around::Nothing => self.finish()?,
        }
        Ok(())
    }

    /// Expects nothing more.
    fn finish(&mut self) -> Result<(), Refused> {
        self.place = Place::End;
        skip_space(&mut self.text)?;
        match self.text.peek()? {
            None => Ok(()),
            Some(_) => Err(self.broken("the end of the file")),
        }
    }

    /// Goes into the array of a table's rows.
    fn enter(&mut self, name: String, around: Around) {
        let known = Resource::by_table(&name).or_else(|| by_slug(&name));
        let asked = |table: &&'static Resource| self.into.is_none_or(|into| into.table == table.table);
        self.table = (known.filter(asked).map(|table| self.into.unwrap_or(table)), name);
        self.given.clear();
        self.columns.clear();
        self.place = Place::Table;
        self.around = around;
        self.first = true;
    }

    /// Reads the name of a member.
    fn key(&mut self) -> Result<String, Refused> {
        skip_space(&mut self.text)?;
        if self.text.peek()? != Some(b'"') {
            return Err(self.broken("the name of a table, in quotes"));
        }
        let (line, mut bytes) = (self.text.line(), Vec::new());
        self.string(line, &mut bytes)?;
        skip_space(&mut self.text)?;
        serde_json::from_slice(&bytes).map_err(|_| Refused::at(line, "This is no name of a table."))
    }

    fn expect(&mut self, what: &[u8]) -> Result<(), Refused> {
        if self.text.take(what)? {
            return Ok(());
        }
        Err(self.broken(&format!("`{}`", String::from_utf8_lossy(what))))
    }

    fn broken(&mut self, expected: &str) -> Refused {
        let found = match self.text.ahead(1) {
            Ok([]) | Err(_) => "the file ends".to_owned(),
            Ok([byte, ..]) => format!("there is `{}`", char::from(*byte).escape_default()),
        };
        Refused::at(
            self.text.line(),
            format!("The JSON is broken here: {found} where {expected} has to be."),
        )
    }

    /// Cuts the next object out of the text, or goes into the array of rows it has.
    fn cut(&mut self) -> Result<Cut, Refused> {
        let (line, mut bytes, mut depth) = (self.text.line(), Vec::new(), 0_usize);
        loop {
            match self.text.peek()? {
                None => {
                    return Err(Refused::at(
                        line,
                        "What begins here is never closed: the file is cut off.",
                    ));
                }
                Some(b'"') => self.string(line, &mut bytes)?,
                Some(byte) => {
                    if byte == b'['
                        && depth == 1
                        && let Some((name, around)) = self.opens(&bytes)
                    {
                        self.text.next()?;
                        return Ok(Cut::Opened(name, around));
                    }
                    if depth == 0
                        && !bytes.is_empty()
                        && !byte.is_ascii_alphanumeric()
                        && !b"+-.".contains(&byte)
                    {
                        return Ok(Cut::Whole(bytes));
                    }
                    self.push(line, &mut bytes)?;
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => continue,
                    }
                }
            }
            if depth == 0 {
                return Ok(Cut::Whole(bytes));
            }
        }
    }

    /// Takes a byte of an object.
    fn push(&mut self, line: u64, bytes: &mut Vec<u8>) -> Result<Option<u8>, Refused> {
        if bytes.len() == LONGEST {
            return Err(Refused::at(
                line,
                "The object that begins here is longer than 1 MiB, which no row of these tables is.",
            ));
        }
        let byte = self.text.next()?;
        bytes.extend(byte);
        Ok(byte)
    }

    /// Takes a string with its quotes.
    fn string(&mut self, line: u64, bytes: &mut Vec<u8>) -> Result<(), Refused> {
        let begun = self.text.line();
        self.push(line, bytes)?;
        loop {
            match self.push(line, bytes)? {
                Some(b'"') => return Ok(()),
                Some(b'\\') => {
                    self.push(line, bytes)?;
                }
                Some(_) => {}
                None => return Err(Refused::at(begun, "The string that begins here is never closed.")),
            }
        }
    }

    /// Whether an array that comes now has rows: the only or the next member of an object by table, or the data of a
    /// table in phpMyAdmin's export. `bytes` is the object up to there.
    fn opens(&self, bytes: &[u8]) -> Option<(String, Around)> {
        let is_inside = self.place == Place::Table || (self.place == Place::Lines && !self.first);
        if is_inside || bytes.len() > LONGEST_NAME {
            return None;
        }
        let object: Map<String, Value> = serde_json::from_slice(&[bytes, b"[]}"].concat()).ok()?;
        match self.place {
            Place::Lines if object.len() == 1 => Some((object.keys().next()?.clone(), Around::Tables)),
            Place::Array if object.get("type")? == "table" && object.keys().next_back()? == "data" => {
                Some((object.get("name")?.as_str()?.to_owned(), Around::Objects))
            }
            _ => None,
        }
    }

    /// Counts the row that was just cut out; gives its number where its line has others too.
    fn number(&mut self, line: u64) -> Result<Option<u64>, Refused> {
        let (count, ended) = self.counted;
        self.counted = (count + 1, self.text.line());
        let behind = self.text.ahead(LOOKED_AT)?;
        let next = behind.iter().find(|byte| !b" \t,".contains(byte));
        let follows = next.is_some_and(|byte| !b"\r\n]}".contains(byte));
        Ok((ended == line || follows).then_some(count + 1))
    }

    /// Makes a row of an object. `None` where it is not for the panel.
    fn row(&mut self, line: u64, bytes: &[u8]) -> Result<Option<Incoming>, Refused> {
        let value: Value = serde_json::from_slice(bytes).map_err(|fault| {
            Refused::at(
                line,
                format!("This is not JSON as it should be: {}.", words(&fault)),
            )
        })?;
        let Value::Object(object) = value else {
            return Err(Refused::at(
                line,
                "This is no object: a row is `{\"column\": \"value\", ...}`.",
            ));
        };
        let is_note = |kind: &Value| ["header", "database"].iter().any(|word| kind == word);
        if self.place == Place::Array && object.get("type").is_some_and(is_note) {
            return Ok(None);
        }
        if self.place == Place::Table && self.table.0.is_none() {
            self.skipped.row(&self.table.1);
            return Ok(None);
        }
        let resource = self.table.0.ok_or_else(|| {
            Refused::at(
                line,
                "The file does not say which table its rows are for: choose the table first.",
            )
        })?;
        if object.len() > MOST_COLUMNS {
            return Err(Refused::at(
                line,
                format!(
                    "There are more than {MOST_COLUMNS} fields here: no table of a mail server has that many."
                ),
            ));
        }
        if !object.keys().eq(&self.given) {
            self.given = object.keys().cloned().collect();
            self.columns = names::columns(resource, &self.given);
        }
        let mut fields = Vec::with_capacity(object.len());
        for (column, (_, value)) in self.columns.iter().zip(object) {
            let Some(column) = column else { continue };
            let value = scalar(value).map_err(|reason| Refused::cell(line, column, reason))?;
            fields.push((column.clone(), value));
        }
        incoming(resource, line, fields).map(Some)
    }
}

/// A table by what its page is called.
fn by_slug(name: &str) -> Option<&'static Resource> {
    Resource::tables().find(|resource| resource.slug == name)
}

/// What `serde_json` found, without the place, which is counted within the object.
fn words(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// A value as text.
///
/// # Errors
/// No column can have it.
fn scalar(value: Value) -> Result<Option<String>, &'static str> {
    Ok(match value {
        Value::Null => None,
        Value::Bool(is) => Some(if is { "1" } else { "0" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text),
        Value::Array(_) | Value::Object(_) => {
            return Err(
                "There is a list or an object here: a value is a string, a number, true, false or null.",
            );
        }
    })
}

impl Source for Rows {
    fn next(&mut self) -> Result<Option<Incoming>, Stumble> {
        while self.advance()? {
            let line = self.text.line();
            match self.cut()? {
                Cut::Opened(name, around) => self.enter(name, around),
                Cut::Whole(bytes) => {
                    self.first = false;
                    let number = self.number(line)?;
                    match self.row(line, &bytes) {
                        Ok(None) => {}
                        Ok(Some(mut incoming)) => {
                            incoming.row.number = number;
                            return Ok(Some(incoming));
                        }
                        Err(refused) => return Err(Stumble::Row(refused.of_row(number))),
                    }
                }
            }
        }
        Ok(None)
    }

    fn at(&self) -> u64 {
        self.text.at()
    }

    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }
}
