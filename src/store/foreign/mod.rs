//! The databases of other panels, read as rows for the howto's tables: [`postfixadmin`] and [`sorting_office`] say what
//! becomes of theirs. The rows go through a temporary file, one in each line, so that they are taken over as those of any
//! file are ([`Store::import`]) and memory does not grow with them.

mod postfixadmin;
mod sorting_office;

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::str::FromStr;

use sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection};

use super::connect::classify;
use super::doctor::{read_facts, text};
use super::schema::Schema;
use super::sql::ident;
use crate::adoption::{Diagnosis, Kind};
use crate::error::{Error, Result};
use crate::exchange::{Format, Material, Reading, Refused};
use crate::postfix::Tables;

/// Rows read with one statement.
const PAGE: usize = 5_000;

/// A panel whose database can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// PostfixAdmin, 2.3 to 4.
    PostfixAdmin,
    /// Sorting Office, 1 and 3.
    SortingOffice,
}

impl Panel {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostfixAdmin => "PostfixAdmin",
            Self::SortingOffice => "Sorting Office",
        }
    }

    /// Whether a database is its own.
    fn made(self, kind: Kind) -> bool {
        match self {
            Self::PostfixAdmin => kind == Kind::PostfixAdmin,
            // Its first version works on the howto's tables.
            Self::SortingOffice => matches!(kind, Kind::SortingOffice | Kind::Howto),
        }
    }
}

/// The rows of another panel's database.
#[derive(Debug)]
pub struct Foreign {
    /// Them, to be taken over: JSON by table, a row in each line.
    pub material: Material,
    /// What is not taken over or not as it was, in sentences.
    pub told: Vec<String>,
    /// Rows that cannot be rows of the howto's tables.
    pub refused: Vec<Refused>,
}

impl Foreign {
    /// What stands in some lines of [`Foreign::material`], to tell rows that are refused.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn lines(&self, wanted: &BTreeSet<u64>) -> Result<HashMap<u64, String>> {
        let mut file = self.material.file.try_clone().map_err(spooling)?;
        file.rewind().map_err(spooling)?;
        let last = wanted.last().copied().unwrap_or(0);
        let mut lines = HashMap::new();
        for (number, line) in (1..=last).zip(BufReader::new(file).lines()) {
            let line = line.map_err(spooling)?;
            if wanted.contains(&number) {
                lines.insert(number, line);
            }
        }
        Ok(lines)
    }
}

/// Reads another panel's database in a transaction that cannot write.
///
/// # Errors
/// The address is none, the database does not answer, or is not that panel's.
pub async fn read_foreign(panel: Panel, url: &str) -> Result<Foreign> {
    let options = MySqlConnectOptions::from_str(url)
        .map_err(|e| Error::Usage(format!("the source is not a mysql:// address: {e}")))?
        .charset("utf8mb4")
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .timezone(None)
        .disable_statement_logging();
    if options.get_database().is_none_or(str::is_empty) {
        return Err(Error::Usage(
            "the source names no database: add it at the end, as in mysql://user@host/postfix".to_owned(),
        ));
    }
    let mut connection = options.connect().await.map_err(classify)?;
    let read = read(panel, &mut connection).await;
    // What was read counts, whether or not the server hears the goodbye.
    let _ = connection.close().await;
    read
}

async fn read(panel: Panel, connection: &mut MySqlConnection) -> Result<Foreign> {
    connection
        .execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        .await
        .map_err(classify)?;
    let origin = Diagnosis::of(&read_facts(connection).await.map_err(classify)?).origin;
    if !panel.made(origin.kind) {
        return Err(Error::Usage(format!(
            "the source is {} and none of {}",
            origin.kind.name(),
            panel.name()
        )));
    }
    let names = Schema::read(connection).await.map_err(classify)?.names();
    let mut reader = Reader {
        connection,
        names,
        spool: Spool::new()?,
        told: Vec::new(),
        refused: Vec::new(),
    };
    match panel {
        Panel::PostfixAdmin => postfixadmin::read(&mut reader).await?,
        Panel::SortingOffice => sorting_office::read(&mut reader).await?,
    }
    Ok(Foreign {
        material: reader.spool.finish(panel.name())?,
        told: reader.told,
        refused: reader.refused,
    })
}

/// What reads a database and writes rows.
struct Reader<'c> {
    connection: &'c mut MySqlConnection,
    /// The tables and columns there are.
    names: Tables,
    spool: Spool,
    told: Vec<String>,
    refused: Vec<Refused>,
}

/// A row of the source: its columns in the order they were asked for.
struct Source(MySqlRow);

impl Source {
    /// The key, byte for byte: the next page begins behind it.
    fn key(&self) -> String {
        text(&self.0, 0)
    }

    /// A column as text, trimmed; empty for NULL.
    fn text(&self, i: usize) -> String {
        text(&self.0, i).trim().to_owned()
    }
}

impl Reader<'_> {
    /// The next rows of a table behind a key, in the order of its keys. The first column is the key; one that the table
    /// lacks is empty.
    async fn page(&mut self, table: &str, columns: &[&str], after: Option<&str>) -> Result<Vec<Source>> {
        let select: Vec<String> = columns
            .iter()
            .map(|column| {
                if self.names.has_column(table, column) {
                    format!("CONVERT({} USING utf8mb4)", ident(column))
                } else {
                    "''".to_owned()
                }
            })
            .collect();
        let key = ident(columns[0]);
        let condition = if after.is_some() {
            format!("WHERE {key} > ?")
        } else {
            String::new()
        };
        let sql = format!(
            "SELECT {} FROM {} {condition} ORDER BY {key} LIMIT {PAGE}",
            select.join(", "),
            ident(table)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        if let Some(after) = after {
            query = query.bind(after.to_owned());
        }
        let rows = query.fetch_all(&mut *self.connection).await.map_err(classify)?;
        Ok(rows.into_iter().map(Source).collect())
    }

    /// How many rows of a table there are that meet a condition; none where there is no such table.
    async fn count(&mut self, table: &str) -> Result<u64> {
        if !self.names.has(table) {
            return Ok(0);
        }
        let sql = format!("SELECT CAST(COUNT(*) AS UNSIGNED) FROM {}", ident(table));
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut *self.connection)
            .await
            .map_err(classify)
    }

    fn refuse(&mut self, table: &str, key: &str, reason: &str) {
        self.refused.push(Refused {
            line: 0,
            column: format!("{table} {key}"),
            reason: reason.to_owned(),
        });
    }
}

/// Rows as JSON by table: one object whose members are arrays of rows.
struct Spool {
    file: BufWriter<File>,
    table: Option<&'static str>,
}

impl Spool {
    fn new() -> Result<Self> {
        Ok(Self {
            file: BufWriter::new(tempfile::tempfile().map_err(spooling)?),
            table: None,
        })
    }

    /// Writes a row. Those of a table come together.
    fn row(&mut self, table: &'static str, fields: &[(&str, &str)]) -> Result<()> {
        let object: serde_json::Map<_, _> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        let before = match self.table {
            Some(last) if last == table => ",\n".to_owned(),
            Some(_) => format!("],\n\"{table}\":["),
            None => format!("{{\"{table}\":["),
        };
        self.table = Some(table);
        write!(self.file, "{before}{}", serde_json::Value::Object(object)).map_err(spooling)
    }

    fn finish(mut self, name: &str) -> Result<Material> {
        let end = if self.table.is_some() { "]}\n" } else { "[]\n" };
        self.file.write_all(end.as_bytes()).map_err(spooling)?;
        let file = self.file.into_inner().map_err(|e| spooling(e.into_error()))?;
        let size = file.metadata().map_err(spooling)?.len();
        Ok(Material {
            file,
            name: name.to_owned(),
            size,
            reading: Reading {
                format: Some(Format::Json),
                ..Reading::default()
            },
        })
    }
}

fn spooling(error: std::io::Error) -> Error {
    Error::unexpected("keeping rows in a temporary file", error)
}
