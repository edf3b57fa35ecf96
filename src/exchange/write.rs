//! Rows as text: CSV for spreadsheets, JSON for programs, SQL for a database. What is written here is read back by this
//! module's readers as the same rows.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One value of a row that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A number, as it is written.
    Number(String),
    /// Text.
    Text(String),
    /// Bytes that are no text, as those of an address in a network.
    Bytes(Vec<u8>),
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// RFC 4180 with a header, but lines end in LF alone: that is what `grep`, `sort` and `diff` expect, and no reader is
    /// known that minds. NULL is `\N`, text that could be a formula has an apostrophe in front ([`guarded`]), bytes are
    /// hexadecimal digits behind `0x`. A NUL byte in a text stays what it is, and readers refuse the file
    /// for it: JSON and SQL can say it.
    Csv,
    /// An array of objects, one on each line; of several tables an object of such arrays. Bytes as in CSV.
    Json,
    /// INSERT statements for MySQL and MariaDB.
    Sql,
}

impl Writing {
    /// The last part of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Sql => "sql",
        }
    }

    /// What the header of an answer calls it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Sql => "application/sql; charset=utf-8",
        }
    }
}

/// Bytes of one INSERT, about: far below the `max_allowed_packet` of every server.
const STATEMENT: usize = 256 * 1024;

/// How a file of SQL begins: what its quotes and backslashes mean is said, whatever the session's mode was before.
const SQL_HEADER: &str =
    "SET NAMES utf8mb4;\nSET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';\n";

/// Characters with which a cell begins that spreadsheets may take for a formula.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r'];

/// Text of a cell that no spreadsheet takes for a formula: where it begins like one, an apostrophe stands in front. Text that
/// already begins like a guarded one gets a further apostrophe, so that [`unguarded`] gives back just what there was. `@` and
/// a host name calls no function, and stays as it is: other programs compare such keys.
pub fn guarded(text: &str) -> Cow<'_, str> {
    if !is_whole_domain(text) && text.trim_start_matches('\'').starts_with(FORMULA) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a text is `@` and a host name, as the key of a catch-all is.
fn is_whole_domain(text: &str) -> bool {
    let of_host = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    text.strip_prefix('@')
        .is_some_and(|host| !host.is_empty() && host.chars().all(of_host))
}

/// The text that [`guarded`] made this of; any other as it is.
pub fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        _ => text,
    }
}

/// Writes rows, table by table: [`Writer::begin`], then for each [`Writer::table`] and its rows, then [`Writer::end`]. What is
/// written stands in [`Writer::take`] until it is taken away.
#[derive(Debug)]
pub struct Writer {
    how: Writing,
    /// Whether the file has several tables, by name.
    named: bool,
    out: String,
    table: String,
    columns: Vec<String>,
    /// Rows of this table so far.
    rows: u64,
    /// Tables so far.
    tables: usize,
    /// Bytes of the INSERT that is not ended yet; 0 where there is none.
    statement: usize,
}

impl Writer {
    /// A file of this kind, of one table or of several.
    pub fn new(how: Writing, several: bool) -> Self {
        Self {
            how,
            named: several,
            out: String::new(),
            table: String::new(),
            columns: Vec::new(),
            rows: 0,
            tables: 0,
            statement: 0,
        }
    }

    /// What a file begins with. `about` is a line for people; only SQL has a place for it.
    pub fn begin(&mut self, about: &str) {
        match self.how {
            Writing::Csv => {}
            Writing::Json => self.out.push_str(if self.named { "{" } else { "[" }),
            Writing::Sql => {
                let line: String = about.chars().filter(|c| !c.is_control()).collect();
                let _ = write!(self.out, "-- {line}\n{SQL_HEADER}");
            }
        }
    }

    /// A table begins, with these columns.
    pub fn table(&mut self, name: &str, columns: Vec<String>) {
        self.end_table();
        name.clone_into(&mut self.table);
        self.columns = columns;
        self.rows = 0;
        self.tables += 1;
        match self.how {
            Writing::Csv => {
                let header: Vec<Cell> = self.columns.iter().cloned().map(Cell::Text).collect();
                self.csv_row(&header);
            }
            Writing::Json if self.named => {
                self.out.push_str(if self.tables == 1 { "\n" } else { ",\n" });
                self.json_text(name);
                self.out.push_str(": [");
            }
            Writing::Json | Writing::Sql => {}
        }
    }

    /// One row; its cells in the order of the columns.
    pub fn row(&mut self, cells: &[Cell]) {
        match self.how {
            Writing::Csv => self.csv_row(cells),
            Writing::Json => self.json_row(cells),
            Writing::Sql => self.sql_row(cells),
        }
        self.rows += 1;
    }

    /// What a file ends with.
    pub fn end(&mut self) {
        self.end_table();
        if self.how == Writing::Json {
            self.out.push_str(if self.named { "\n}\n" } else { "\n]\n" });
        }
    }

    /// Bytes that wait to be taken.
    pub fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Takes what was written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out).into_bytes()
    }

    fn end_table(&mut self) {
        if self.statement > 0 {
            self.out.push_str(";\n");
            self.statement = 0;
        }
        if self.how == Writing::Json && self.named && self.tables > 0 {
            self.out.push_str("\n]");
        }
    }

    fn csv_row(&mut self, cells: &[Cell]) {
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            match cell {
                Cell::Null => self.out.push_str("\\N"),
                Cell::Number(number) => self.out.push_str(number),
                Cell::Bytes(bytes) => {
                    let _ = write!(self.out, "0x{}", hex::encode(bytes));
                }
                Cell::Text(text) => self.csv_text(text),
            }
        }
        self.out.push('\n');
    }

    fn csv_text(&mut self, text: &str) {
        let text = guarded(text);
        let plain = !text.is_empty()
            && !matches!(&*text, "\\N" | "NULL")
            && !text.contains(['"', ',', ';', '\n', '\r', '\t'])
            && !text.starts_with(' ')
            && !text.ends_with(' ');
        if plain {
            self.out.push_str(&text);
        } else {
            let _ = write!(self.out, "\"{}\"", text.replace('"', "\"\""));
        }
    }

    fn json_row(&mut self, cells: &[Cell]) {
        self.out.push_str(if self.rows == 0 { "\n{" } else { ",\n{" });
        let columns = std::mem::take(&mut self.columns);
        for (i, (column, cell)) in columns.iter().zip(cells).enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.json_text(column);
            self.out.push_str(": ");
            match cell {
                Cell::Null => self.out.push_str("null"),
                Cell::Number(number) => self.out.push_str(number),
                Cell::Text(text) => self.json_text(text),
                Cell::Bytes(bytes) => self.json_text(&format!("0x{}", hex::encode(bytes))),
            }
        }
        self.columns = columns;
        self.out.push('}');
    }

    fn json_text(&mut self, text: &str) {
        let _ = write!(self.out, "{}", serde_json::Value::from(text));
    }

    fn sql_row(&mut self, cells: &[Cell]) {
        let before = self.out.len();
        if self.statement > STATEMENT {
            self.out.push_str(";\n");
            self.statement = 0;
        }
        if self.statement == 0 {
            let names: Vec<String> = self.columns.iter().map(|name| quoted_name(name)).collect();
            let _ = write!(
                self.out,
                "INSERT INTO {} ({}) VALUES\n(",
                quoted_name(&self.table),
                names.join(", ")
            );
        } else {
            self.out.push_str(",\n(");
        }
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            match cell {
                Cell::Null => self.out.push_str("NULL"),
                Cell::Number(number) => self.out.push_str(number),
                Cell::Text(text) => self.sql_text(text),
                // `0x` without digits is no literal.
                Cell::Bytes(bytes) if bytes.is_empty() => self.out.push_str("''"),
                Cell::Bytes(bytes) => {
                    let _ = write!(self.out, "0x{}", hex::encode(bytes));
                }
            }
        }
        self.out.push(')');
        self.statement += self.out.len() - before;
    }

    fn sql_text(&mut self, text: &str) {
        self.out.push('\'');
        for c in text.chars() {
            match c {
                '\0' => self.out.push_str("\\0"),
                '\'' => self.out.push_str("\\'"),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\x1a' => self.out.push_str("\\Z"),
                c => self.out.push(c),
            }
        }
        self.out.push('\'');
    }
}

fn quoted_name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    fn written(how: Writing, several: bool, rows: &[Vec<Cell>]) -> String {
        let mut writer = Writer::new(how, several);
        writer.begin("made\nby hand");
        writer.table("aliases", vec!["pkid".to_owned(), "mail".to_owned()]);
        for row in rows {
            writer.row(row);
        }
        if several {
            writer.table("odd`name", vec!["a".to_owned()]);
        }
        writer.end();
        String::from_utf8(writer.take()).expect("UTF-8")
    }

    #[test]
    fn a_formula_is_guarded_and_every_text_comes_back() {
        for (plain, guard) in [
            ("=1+1", "'=1+1"),
            ("@example.org", "@example.org"),
            ("@xn--mller-kva.example-1.a_b", "@xn--mller-kva.example-1.a_b"),
            ("@", "'@"),
            ("@SUM(1)", "'@SUM(1)"),
            ("@a.example,@b.example", "'@a.example,@b.example"),
            ("@a.example\n", "'@a.example\n"),
            ("'@example.org", "''@example.org"),
            ("-example.org", "'-example.org"),
            ("+41", "'+41"),
            ("-", "'-"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=1", "''=1"),
            ("''@x", "'''@x"),
            ("joe@example.org", "joe@example.org"),
            ("'", "'"),
            ("'joe", "'joe"),
            ("", ""),
        ] {
            assert_eq!(guarded(plain), guard);
            assert_eq!(unguarded(&guarded(plain)), plain);
        }
    }

    #[test]
    fn csv_quotes_what_needs_it_and_tells_null_from_text() {
        let rows = [
            vec![Cell::Number("1".to_owned()), text("a,\"b\"\nc")],
            vec![Cell::Null, text("")],
            vec![Cell::Bytes(vec![0, 255]), text("\\N")],
            vec![text("=x"), text(" y")],
            vec![text("NULL"), text("a;b")],
        ];
        assert_eq!(
            written(Writing::Csv, false, &rows),
            "pkid,mail\n1,\"a,\"\"b\"\"\nc\"\n\\N,\"\"\n0x00ff,\"\\N\"\n'=x,\" y\"\n\"NULL\",\"a;b\"\n"
        );
    }

    #[test]
    fn json_is_an_object_on_each_line() {
        let rows = [
            vec![Cell::Number("1".to_owned()), text("a\"\u{1}é")],
            vec![Cell::Null, Cell::Bytes(vec![1])],
        ];
        let one = written(Writing::Json, false, &rows);
        assert_eq!(
            one,
            "[\n{\"pkid\": 1, \"mail\": \"a\\\"\\u0001é\"},\n{\"pkid\": null, \"mail\": \"0x01\"}\n]\n"
        );
        let several = written(Writing::Json, true, &rows);
        let parsed: serde_json::Value = serde_json::from_str(&several).expect("JSON");
        assert_eq!(parsed["aliases"].as_array().map(Vec::len), Some(2));
        assert_eq!(parsed["odd`name"].as_array().map(Vec::len), Some(0));
        let empty: serde_json::Value =
            serde_json::from_str(&written(Writing::Json, false, &[])).expect("JSON");
        assert_eq!(empty, serde_json::json!([]));
    }

    #[test]
    fn sql_says_what_its_backslashes_mean_before_it_uses_them() {
        let rows = [
            vec![Cell::Number("1".to_owned()), text("o'brien\\\n\0\u{1a}")],
            vec![Cell::Null, Cell::Bytes(vec![0, 255])],
            vec![Cell::Null, Cell::Bytes(Vec::new())],
        ];
        assert_eq!(
            written(Writing::Sql, false, &rows),
            "-- madeby hand\nSET NAMES utf8mb4;\nSET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';\n\
             INSERT INTO `aliases` (`pkid`, `mail`) VALUES\n(1, 'o\\'brien\\\\\\n\\0\\Z'),\n(NULL, 0x00ff),\n(NULL, '');\n"
        );
        assert!(!written(Writing::Sql, true, &[]).contains("INSERT"));
    }

    #[test]
    fn a_long_table_is_several_statements_of_bounded_length() {
        let mut writer = Writer::new(Writing::Sql, false);
        writer.table("aliases", vec!["mail".to_owned()]);
        for _ in 0..1_000 {
            writer.row(&[Cell::Text("x".repeat(1_000))]);
        }
        writer.end();
        let sql = String::from_utf8(writer.take()).expect("UTF-8");
        let statements: Vec<&str> = sql.split_inclusive(";\n").collect();
        assert_eq!(statements.len(), 4);
        assert!(
            statements
                .iter()
                .all(|s| s.starts_with("INSERT INTO `aliases` (`mail`) VALUES\n("))
        );
        assert!(statements.iter().all(|s| s.len() < STATEMENT + 2_000));
    }
}
