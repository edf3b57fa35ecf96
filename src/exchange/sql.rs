//! Dumps of mysqldump, mariadb-dump and phpMyAdmin: the rows of their INSERT and REPLACE statements, read as data.

use std::collections::HashMap;

use super::scan::{Scanner, Token};
use super::text::Text;
use super::values::{self, Given};
use super::{Incoming, MOST_COLUMNS, Reading, Refused, Skipped, Source, Stumble, incoming, names};
use crate::resource::Resource;

/// The columns of the howto's tables and the panel's own in their order, for an INSERT without column names.
const ORDER: &[(&str, &[&str])] = &[
    ("aliases", &["pkid", "mail", "destination", "enabled"]),
    ("domains", &["pkid", "domain", "transport", "enabled"]),
    (
        "users",
        &[
            "id",
            "name",
            "uid",
            "gid",
            "home",
            "maildir",
            "enabled",
            "change_password",
            "clear",
            "crypt",
            "quota",
        ],
    ),
    ("backups", &["pkid", "domain", "transport", "enabled"]),
    ("relays", &["pkid", "recipient", "enabled", "status"]),
    ("relocated", &["pkid", "oldadr", "newadr", "enabled"]),
    (
        "access_rules",
        &[
            "pkid", "kind", "pattern", "cidr_lo", "cidr_hi", "action", "message", "enabled",
        ],
    ),
];

/// Statements that change no row, or only make the tables that the dump then fills.
const HARMLESS: &[&str] = &[
    "SET", "LOCK", "UNLOCK", "USE", "DROP", "ALTER", "START", "BEGIN", "COMMIT", "FLUSH", "ANALYZE",
];

/// The rows of a dump.
struct Dump {
    scanner: Scanner,
    into: Option<&'static Resource>,
    /// Columns by table, from the CREATE TABLE statements.
    created: HashMap<String, Vec<String>>,
    /// The INSERT one is in.
    insert: Option<Insert>,
    skipped: Skipped,
}

/// An INSERT.
struct Insert {
    /// The table, if its rows are read.
    table: Option<&'static Resource>,
    name: String,
    /// The column of each value; `None` leaves it out.
    columns: Vec<Option<String>>,
    /// Whether the statement names them.
    named: bool,
}

/// Begins to read.
pub(super) fn open(text: Text, reading: &Reading) -> Box<dyn Source> {
    Box::new(Dump {
        scanner: Scanner::new(text),
        into: reading.into,
        created: HashMap::new(),
        insert: None,
        skipped: Skipped::default(),
    })
}

impl Dump {
    /// Reads on to the next INSERT; `false` at the end of the file.
    fn statement(&mut self) -> Result<bool, Stumble> {
        loop {
            let token = self.scanner.token()?;
            let line = self.scanner.line();
            match &token {
                Token::Eof => return Ok(false),
                Token::End => continue,
                token if token.is("INSERT") || token.is("REPLACE") => {
                    self.insert(line)?;
                    return Ok(true);
                }
                token if token.is("CREATE") => {
                    self.create()?;
                    continue;
                }
                token if token.is("DELIMITER") => {
                    self.scanner.delimiter()?;
                    continue;
                }
                token if HARMLESS.iter().any(|word| token.is(word)) => {}
                Token::Word(word) => self.skipped.statement(word),
                Token::Name(_) | Token::String | Token::Other(_) => {
                    return Err(Stumble::File(Refused::at(
                        line,
                        "This is no SQL: no statement begins like this. Give a dump of mysqldump or phpMyAdmin.",
                    )));
                }
            }
            self.scanner.skip_statement()?;
        }
    }

    /// Reads `table` or `database`.`table`, of which the first word may be read already.
    fn name(&mut self, first: Token) -> Result<(Option<String>, Token), Refused> {
        let mut name = first.into_name();
        let mut next = self.scanner.token()?;
        if next == Token::Other(b'.') {
            name = self.scanner.token()?.into_name();
            next = self.scanner.token()?;
        }
        Ok((name, next))
    }

    /// Reads an INSERT up to its first row.
    fn insert(&mut self, line: u64) -> Result<(), Stumble> {
        let mut token = self.scanner.token()?;
        while ["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"]
            .iter()
            .any(|word| token.is(word))
        {
            token = self.scanner.token()?;
        }
        let (name, mut token) = self.name(token)?;
        let name = name.unwrap_or_default();
        let mut columns = None;
        if token == Token::Other(b'(') {
            columns = self.columns()?;
            token = match columns {
                Some(_) => self.scanner.token()?,
                None => Token::Other(b'('),
            };
        }
        let known = Resource::by_table(&name.to_ascii_lowercase());
        let table = known.filter(|table| self.into.is_none_or(|into| into.table == table.table));
        if token.is("VALUES") || token.is("VALUE") {
            let table = table.map(|table| self.into.unwrap_or(table));
            let named = columns.is_some();
            let given = columns.or_else(|| table.map(|table| self.order(table)));
            let columns = table
                .zip(given)
                .map(|(table, given)| names::columns(table, &given));
            self.insert = Some(Insert {
                table,
                name,
                columns: columns.unwrap_or_default(),
                named,
            });
            return Ok(());
        }
        if !matches!(token, Token::End | Token::Eof) {
            self.scanner.skip_statement()?;
        }
        if table.is_none() {
            self.skipped.statement("INSERT");
            return Ok(());
        }
        Err(Stumble::Row(Refused::at(
            line,
            "Of INSERT and REPLACE only lists of values are read: `INSERT INTO table (columns) VALUES (...), (...)`.",
        )))
    }

    /// Reads names in parentheses, of which the first is taken already; `None` where it is something else.
    fn columns(&mut self) -> Result<Option<Vec<String>>, Refused> {
        let mut columns = Vec::new();
        loop {
            let Some(name) = self.scanner.token()?.into_name() else {
                return Ok(None);
            };
            columns.push(name);
            match self.scanner.token()? {
                Token::Other(b')') => return Ok(Some(columns)),
                Token::Other(b',') if columns.len() < MOST_COLUMNS => {}
                _ => return Ok(None),
            }
        }
    }

    /// Reads a CREATE: of a table, what its columns are.
    fn create(&mut self) -> Result<(), Refused> {
        let mut token = self.scanner.token()?;
        while ["OR", "REPLACE", "TEMPORARY"].iter().any(|word| token.is(word)) {
            token = self.scanner.token()?;
        }
        if !token.is("TABLE") {
            let is_harmless = ["DATABASE", "SCHEMA", "INDEX", "UNIQUE"]
                .iter()
                .any(|word| token.is(word));
            if !is_harmless {
                self.skipped.statement("CREATE");
            }
            return self.skip_from(&token);
        }
        let mut token = self.scanner.token()?;
        while ["IF", "NOT", "EXISTS"].iter().any(|word| token.is(word)) {
            token = self.scanner.token()?;
        }
        let (name, token) = self.name(token)?;
        if token != Token::Other(b'(') {
            return self.skip_from(&token);
        }
        let columns = self.definitions()?;
        let name = name.unwrap_or_default().to_ascii_lowercase();
        if Resource::by_table(&name).is_some() {
            self.created.insert(name, columns);
        }
        self.scanner.skip_statement()
    }

    /// Reads the columns of a CREATE TABLE up to its closing parenthesis.
    fn definitions(&mut self) -> Result<Vec<String>, Refused> {
        const KEYS: [&str; 9] = [
            "PRIMARY",
            "KEY",
            "UNIQUE",
            "INDEX",
            "CONSTRAINT",
            "FULLTEXT",
            "SPATIAL",
            "CHECK",
            "FOREIGN",
        ];
        let (mut columns, mut begins) = (Vec::new(), true);
        loop {
            let token = self.scanner.token()?;
            let line = self.scanner.line();
            let is_column = begins && !KEYS.iter().any(|key| token.is(key)) && columns.len() < MOST_COLUMNS;
            begins = token == Token::Other(b',');
            match token {
                Token::Other(b')') => return Ok(columns),
                Token::End | Token::Eof => {
                    return Err(Refused::at(
                        line,
                        "The CREATE TABLE is never closed: the dump is cut off.",
                    ));
                }
                Token::Other(b'(') => self.scanner.skip_tuple()?,
                token if is_column => columns.extend(token.into_name()),
                _ => {}
            }
        }
    }

    /// Goes behind the end of a statement of which this word was the last one read.
    fn skip_from(&mut self, token: &Token) -> Result<(), Refused> {
        match token {
            Token::End | Token::Eof => Ok(()),
            _ => self.scanner.skip_statement(),
        }
    }

    /// Reads the next row of an INSERT; `None` behind the last one.
    fn row(&mut self, insert: &Insert) -> Result<Option<Incoming>, Stumble> {
        loop {
            let token = self.scanner.token()?;
            let line = self.scanner.line();
            match token {
                Token::End | Token::Eof => return Ok(None),
                Token::Other(b',') => continue,
                Token::Other(b'(') => {}
                // ON DUPLICATE KEY UPDATE, AS new
                _ => {
                    self.scanner.skip_statement()?;
                    return Ok(None);
                }
            }
            if let Some(table) = insert.table {
                let tuple = self.scanner.tuple()?;
                return row(table, insert, line, &tuple).map(Some).map_err(Stumble::Row);
            }
            self.scanner.skip_tuple()?;
            self.skipped.row(&insert.name);
        }
    }

    /// The columns of a table in their order: as the dump creates it, else as the howto does.
    fn order(&self, table: &Resource) -> Vec<String> {
        let howto = || {
            let columns = ORDER.iter().find(|(name, _)| *name == table.table);
            columns.map(|(_, columns)| columns.iter().map(|&name| name.to_owned()).collect())
        };
        let created = self.created.get(table.table).cloned();
        created.or_else(howto).unwrap_or_default()
    }
}

/// Makes a row of a tuple.
fn row(table: &'static Resource, insert: &Insert, line: u64, tuple: &str) -> Result<Incoming, Refused> {
    let given = values::tuple(tuple).map_err(|reason| Refused::at(line, reason))?;
    if insert.columns.len() != given.len() {
        let advice = if insert.named {
            "Each row has one value for each column."
        } else {
            "Name the columns, `INSERT INTO table (columns) VALUES ...`: mysqldump does with --complete-insert."
        };
        let (has, wants) = (given.len(), insert.columns.len());
        return Err(Refused::at(
            line,
            format!("There are {has} values for {wants} columns. {advice}"),
        ));
    }
    let mut fields = Vec::with_capacity(given.len());
    for (column, given) in insert.columns.iter().zip(given) {
        let Some(column) = column else { continue };
        match given {
            Given::Value(value) => fields.push((column.clone(), value)),
            // A column the panel does not know may hold bytes: they stay as they are, in digits.
            Given::Bytes(bytes) if !names::known(table).any(|known| known == column) => {
                fields.push((column.clone(), Some(format!("0x{}", hex::encode(bytes)))));
            }
            Given::Bytes(bytes) => {
                let text = String::from_utf8(bytes);
                let text =
                    text.map_err(|_| Refused::cell(line, column, "These bytes are no text in UTF-8."))?;
                fields.push((column.clone(), Some(text)));
            }
            Given::Default => {}
            Given::Unreadable(reason) => return Err(Refused::cell(line, column, reason)),
        }
    }
    incoming(table, line, fields)
}

impl Source for Dump {
    fn next(&mut self) -> Result<Option<Incoming>, Stumble> {
        loop {
            let Some(insert) = self.insert.take() else {
                if self.statement()? {
                    continue;
                }
                return Ok(None);
            };
            match self.row(&insert) {
                Ok(None) => {}
                Err(Stumble::File(refused)) => return Err(Stumble::File(refused)),
                row => {
                    self.insert = Some(insert);
                    return row;
                }
            }
        }
    }

    fn at(&self) -> u64 {
        self.scanner.text().at()
    }

    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }
}
