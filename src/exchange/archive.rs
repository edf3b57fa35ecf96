//! The archive of everything that `postwarden backup` writes: lines of JSON, packed with gzip.
//!
//! The first line says what it is; then each table has a line with its CREATE TABLE and its columns, and its rows as arrays,
//! a line each; the last line has the rows of every table and the SHA-256 of all lines before it. A value is text, null, or
//! `{"hex": "…"}` where its bytes are not UTF-8: every column byte for byte, in the character set it has in the table.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// The form that is written, and the newest that is read.
pub const FORM: u32 = 1;

/// The longest line that is read, in bytes: one row, with its longest texts.
const LONGEST: u64 = 256 * 1024 * 1024;

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// The form of the archive, [`FORM`].
    pub postwarden_backup: u32,
    /// The version of the program that wrote it.
    pub version: String,
    /// When the tables were as they are in it, UTC, RFC 3339.
    pub at: String,
    /// The database's name.
    pub database: String,
    /// Its tables, in the order they come.
    pub tables: Vec<String>,
}

/// The line before a table's rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableHead {
    /// Its name.
    pub table: String,
    /// The statement that makes it.
    pub create: String,
    /// The columns of its rows.
    pub columns: Vec<ArchivedColumn>,
}

/// A column of an archived table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedColumn {
    /// Its name.
    pub name: String,
    /// Its character set; none for what is no text.
    pub charset: Option<String>,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
struct Foot {
    rows: BTreeMap<String, u64>,
    sha256: String,
}

/// The values of a row, byte for byte; `None` is NULL.
pub type Values = Vec<Option<Vec<u8>>>;

/// Writes an archive; what is written stands in [`ArchiveWriter::take`] until it is taken away.
#[derive(Debug)]
pub struct ArchiveWriter {
    packed: GzEncoder<Vec<u8>>,
    digest: Sha256,
    rows: BTreeMap<String, u64>,
    table: String,
}

impl ArchiveWriter {
    /// Begins an archive.
    ///
    /// # Errors
    /// None that memory does not have.
    pub fn new(head: &Head) -> io::Result<Self> {
        let mut writer = Self {
            packed: GzEncoder::new(Vec::new(), Compression::default()),
            digest: Sha256::new(),
            rows: BTreeMap::new(),
            table: String::new(),
        };
        writer.line(head)?;
        Ok(writer)
    }

    /// A table begins.
    ///
    /// # Errors
    /// As [`ArchiveWriter::new`].
    pub fn table(&mut self, head: &TableHead) -> io::Result<()> {
        self.table.clone_from(&head.table);
        self.rows.insert(head.table.clone(), 0);
        self.line(head)
    }

    /// One row; its values in the order of the columns.
    ///
    /// # Errors
    /// As [`ArchiveWriter::new`].
    pub fn row(&mut self, values: &Values) -> io::Result<()> {
        *self.rows.entry(self.table.clone()).or_default() += 1;
        let values: Vec<Json> = values.iter().map(|value| as_json(value.as_deref())).collect();
        self.line(&values)
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`ArchiveWriter::new`].
    pub fn end(&mut self) -> io::Result<()> {
        let foot = Foot {
            rows: std::mem::take(&mut self.rows),
            sha256: hex::encode(std::mem::take(&mut self.digest).finalize()),
        };
        self.line(&foot)?;
        self.packed.try_finish()
    }

    /// Bytes that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.packed.get_ref().len()
    }

    /// Takes what was written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.packed.get_mut())
    }

    fn line(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.digest.update(&line);
        self.packed.write_all(&line)
    }
}

fn as_json(value: Option<&[u8]>) -> Json {
    match value {
        None => Json::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Json::from(text),
            Err(_) => serde_json::json!({ "hex": hex::encode(bytes) }),
        },
    }
}

fn from_json(value: Json) -> Result<Option<Vec<u8>>, &'static str> {
    match value {
        Json::Null => Ok(None),
        Json::String(text) => Ok(Some(text.into_bytes())),
        Json::Object(object) => {
            let bytes = object.get("hex").and_then(Json::as_str).ok_or(ALTERED)?;
            hex::decode(bytes).map(Some).map_err(|_| ALTERED)
        }
        _ => Err(ALTERED),
    }
}

/// An archive that is whole and unaltered.
#[derive(Debug)]
pub struct Archive {
    file: File,
    /// Its first line.
    pub head: Head,
    /// Its tables, each with the number of its rows.
    pub tables: Vec<(TableHead, u64)>,
}

/// What comes next in an archive.
#[derive(Debug)]
pub enum Next {
    /// The rows of this table follow.
    Table(TableHead),
    /// A row.
    Row(Values),
}

impl Archive {
    /// Reads all of it to see whether it is whole and unaltered.
    ///
    /// # Errors
    /// What is wrong with it, in a few words: `is cut short`.
    pub fn open(file: File) -> Result<Self, String> {
        let (head, mut lines) = Lines::of(&file)?;
        let mut tables: Vec<(TableHead, u64)> = Vec::new();
        while let Some(next) = lines.read()? {
            match (next, tables.last_mut()) {
                (Next::Table(table), _) => tables.push((table, 0)),
                (Next::Row(_), Some((_, rows))) => *rows += 1,
                (Next::Row(_), None) => return Err(NOT_ONE.to_owned()),
            }
        }
        Ok(Self { file, head, tables })
    }

    /// Its lines once more, from the beginning. They are checked again: [`Lines::read`] gives `None` only where they still
    /// are what they were.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn lines(&self) -> Result<Lines<'_>, String> {
        Lines::of(&self.file).map(|(_, lines)| lines)
    }
}

const NOT_ONE: &str = "is no backup that Postwarden wrote";
const CUT: &str = "is cut short: it is not all there, and nothing of it is used";
const ALTERED: &str =
    "is damaged or altered: its contents are not those its checksum was made of, and nothing of it is used";

/// The lines of an archive, one at a time.
#[derive(Debug)]
pub struct Lines<'f> {
    reader: BufReader<GzDecoder<BufReader<&'f File>>>,
    digest: Sha256,
    rows: BTreeMap<String, u64>,
    table: String,
    columns: usize,
}

impl<'f> Lines<'f> {
    fn of(mut file: &'f File) -> Result<(Head, Self), String> {
        file.rewind()
            .map_err(|error| format!("cannot be read: {error}"))?;
        let mut lines = Self {
            reader: BufReader::new(GzDecoder::new(BufReader::new(file))),
            digest: Sha256::new(),
            rows: BTreeMap::new(),
            table: String::new(),
            columns: 0,
        };
        // What has no beginning is no archive, rather than a damaged one.
        let first = lines
            .line()
            .map_err(|why| if why == CUT { why } else { NOT_ONE.to_owned() })?;
        let form = serde_json::from_slice::<Json>(&first).ok();
        let form = form
            .as_ref()
            .and_then(|head| head.get("postwarden_backup")?.as_u64());
        if form.is_some_and(|form| form > u64::from(FORM)) {
            return Err("was written by a newer Postwarden: restore it with that one".to_owned());
        }
        let head = serde_json::from_slice(&first).map_err(|_| NOT_ONE)?;
        lines.digest.update(&first);
        Ok((head, lines))
    }

    /// The next line; `None` after the last, and only where all of them are as they were written.
    ///
    /// # Errors
    /// What is wrong, as [`Archive::open`] says it.
    pub fn read(&mut self) -> Result<Option<Next>, String> {
        let line = self.line()?;
        if line.first() == Some(&b'[') {
            let values: Vec<Json> = serde_json::from_slice(&line).map_err(|_| ALTERED)?;
            let values: Values = values.into_iter().map(from_json).collect::<Result<_, _>>()?;
            if values.len() != self.columns {
                return Err(ALTERED.to_owned());
            }
            *self.rows.entry(self.table.clone()).or_default() += 1;
            self.digest.update(&line);
            return Ok(Some(Next::Row(values)));
        }
        if let Ok(table) = serde_json::from_slice::<TableHead>(&line) {
            self.table.clone_from(&table.table);
            self.columns = table.columns.len();
            self.rows.insert(table.table.clone(), 0);
            self.digest.update(&line);
            return Ok(Some(Next::Table(table)));
        }
        let foot: Foot = serde_json::from_slice(&line).map_err(|_| ALTERED)?;
        let sum = hex::encode(std::mem::take(&mut self.digest).finalize());
        if foot.sha256 != sum || foot.rows != self.rows || !self.is_over()? {
            return Err(ALTERED.to_owned());
        }
        Ok(None)
    }

    /// Whether nothing follows, packed or not.
    fn is_over(&mut self) -> Result<bool, String> {
        let rest = self.reader.fill_buf().map_err(|error| damage(&error))?;
        if !rest.is_empty() {
            return Ok(false);
        }
        let behind = self.reader.get_mut().get_mut().fill_buf();
        Ok(behind.map_err(|error| damage(&error))?.is_empty())
    }

    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(LONGEST);
        bounded
            .read_until(b'\n', &mut line)
            .map_err(|error| damage(&error))?;
        match line.last() {
            Some(b'\n') => Ok(line),
            _ if line.len() as u64 == LONGEST => Err(ALTERED.to_owned()),
            _ => Err(CUT.to_owned()),
        }
    }
}

fn damage(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CUT.to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => ALTERED.to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archived() -> Vec<u8> {
        let head = Head {
            postwarden_backup: FORM,
            version: "0".to_owned(),
            at: "2026-11-23T00:00:00Z".to_owned(),
            database: "maildb".to_owned(),
            tables: vec!["aliases".to_owned(), "users".to_owned()],
        };
        let table = |name: &str| TableHead {
            table: name.to_owned(),
            create: format!("CREATE TABLE {name}"),
            columns: vec![ArchivedColumn {
                name: "mail".to_owned(),
                charset: Some("latin1".to_owned()),
            }],
        };
        let mut writer = ArchiveWriter::new(&head).expect("a beginning");
        writer.table(&table("aliases")).expect("a table");
        for value in [None, Some(b"a".to_vec()), Some(vec![0xe9]), Some(Vec::new())] {
            writer.row(&vec![value]).expect("a row");
        }
        writer.table(&table("users")).expect("a table");
        writer.end().expect("an end");
        writer.take()
    }

    fn opened(bytes: &[u8]) -> Result<Archive, String> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(bytes).expect("written");
        Archive::open(file)
    }

    fn packed(lines: &[u8]) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::default());
        gz.write_all(lines).expect("written");
        gz.finish().expect("packed")
    }

    fn unpacked(bytes: &[u8]) -> String {
        let mut text = String::new();
        let read = GzDecoder::new(bytes).read_to_string(&mut text);
        read.expect("unpacked");
        text
    }

    #[test]
    fn what_is_written_is_read_back_byte_for_byte() {
        let archive = opened(&archived()).expect("whole");
        assert_eq!(archive.head.database, "maildb");
        let counts: Vec<_> = archive
            .tables
            .iter()
            .map(|(t, n)| (t.table.as_str(), *n))
            .collect();
        assert_eq!(counts, [("aliases", 4), ("users", 0)]);
        let mut lines = archive.lines().expect("once more");
        let mut values = Vec::new();
        while let Some(next) = lines.read().expect("whole") {
            if let Next::Row(row) = next {
                values.extend(row);
            }
        }
        assert_eq!(
            values,
            [None, Some(b"a".to_vec()), Some(vec![0xe9]), Some(Vec::new())]
        );
    }

    #[test]
    fn no_shortened_archive_is_taken() {
        let whole = archived();
        for length in 0..whole.len() {
            assert!(
                opened(&whole[..length]).is_err(),
                "{length} of {} bytes",
                whole.len()
            );
        }
        assert_eq!(opened(&whole[..whole.len() / 2]).err().as_deref(), Some(CUT));
    }

    #[test]
    fn no_altered_archive_is_taken() {
        let whole = archived();
        // The ten bytes of gzip's own header say nothing about the contents.
        for at in 10..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            assert!(opened(&altered).is_err(), "byte {at}");
        }
        let text = unpacked(&whole);
        for (old, new) in [
            ("[\"a\"]", "[\"b\"]"),
            ("[null]\n", ""),
            ("aliases", "aliased"),
            ("\"0\"", "\"1\""),
        ] {
            let altered = packed(text.replacen(old, new, 1).as_bytes());
            assert_eq!(opened(&altered).err().as_deref(), Some(ALTERED), "{old}");
        }
        let more = [whole.clone(), b"x".to_vec()].concat();
        assert_eq!(opened(&more).err().as_deref(), Some(ALTERED));
        let twice = [whole.clone(), whole].concat();
        assert!(opened(&twice).is_err());
    }

    #[test]
    fn what_is_no_archive_or_of_a_later_form_is_said_to_be() {
        assert_eq!(opened(b"INSERT INTO").err().as_deref(), Some(NOT_ONE));
        assert_eq!(opened(&packed(b"hello\n")).err().as_deref(), Some(NOT_ONE));
        let newer = unpacked(&archived()).replace("\"postwarden_backup\":1", "\"postwarden_backup\":2");
        let said = opened(&packed(newer.as_bytes())).expect_err("newer");
        assert!(said.contains("newer Postwarden"), "{said}");
    }
}
