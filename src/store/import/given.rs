//! One line of a file: what it gives for which column, and whether a stored row is that already.

use std::borrow::Cow;

use super::columns::{Columns, Target};
use super::tally::Cells;
use crate::resource::{Kind, Resource, Row, Value};
use crate::store::row::Stored;
use crate::store::schema::{Column, Table};

/// The fields of a line by what they are.
#[derive(Debug, Default)]
pub(super) struct Given<'a> {
    /// Of the columns that people edit; NULL is as good as nothing there.
    pub edited: Vec<(&'static str, &'a str)>,
    /// The number of the row.
    pub key: Option<&'a str>,
    /// A password to be hashed.
    pub password: Option<&'a str>,
    /// The hash of a password.
    pub hash: Option<&'a str>,
    /// A readable password.
    pub clear: Option<&'a str>,
    /// Of columns the panel does not know.
    pub kept: Vec<(&'a Column, Option<&'a str>)>,
}

impl<'a> Given<'a> {
    /// The fields of a line.
    pub fn of(columns: &'a Columns, fields: &'a [(String, Option<String>)]) -> Self {
        let mut given = Self::default();
        for (target, (_, value)) in columns.targets.iter().zip(fields) {
            let value = value.as_deref();
            let something = value.filter(|value| !value.is_empty());
            match target {
                Target::Edited(name) => given.edited.push((*name, value.unwrap_or_default())),
                Target::Key => given.key = something,
                Target::Password => given.password = something,
                Target::Hash => given.hash = something,
                Target::Clear => given.clear = value,
                Target::Kept(column) => given.kept.push((column, value)),
                Target::Nothing => {}
            }
        }
        given
    }

    /// What it gives for a column that people edit; empty where it gives nothing.
    pub fn text(&self, column: &str) -> &'a str {
        let found = self.edited.iter().find(|(name, _)| *name == column);
        found.map_or("", |(_, value)| *value)
    }

    /// The line as a form of its table would send it: what it does not give is as it is stored, or the default.
    pub fn fields(
        &self,
        resource: &Resource,
        table: &Table,
        stored: Option<&Row>,
    ) -> Vec<(&'static str, String)> {
        let field = |column: &'static crate::resource::Column| {
            let given = self.edited.iter().find(|(name, _)| *name == column.name);
            let text = match (given, stored) {
                _ if column.kind == Kind::Password => self.password.unwrap_or_default().to_owned(),
                (Some((_, value)), _) => (*value).to_owned(),
                (None, Some(row)) if row.has(column.name) => row.text(column.name).to_owned(),
                (None, _) => table.default_of(column),
            };
            (column.name, text)
        };
        resource.columns.iter().map(field).collect()
    }

    /// Whether a stored row holds all of it already, byte for byte. What is NULL there may be nothing here: few formats
    /// tell the two apart.
    pub fn is_in(&self, stored: &Stored, table: &Table) -> bool {
        let image = |column: &str| stored.image.text(table, column).unwrap_or_default();
        self.password.is_none()
            && self
                .edited
                .iter()
                .all(|(name, value)| stored.row.text(name) == *value)
            && self.hash.is_none_or(|hash| image("crypt") == hash)
            && self.clear.is_none_or(|clear| image("clear") == clear)
            && self
                .kept
                .iter()
                .all(|(column, value)| is_kept(stored, table, column, *value))
    }

    /// What is to stand in the columns the panel does not know.
    ///
    /// # Errors
    /// The column that cannot hold what is given.
    pub fn kept_values(&self, stored: Option<&Stored>, table: &Table) -> Result<Cells, (String, String)> {
        let mut values = Vec::new();
        for (column, value) in &self.kept {
            if stored.is_some_and(|stored| is_kept(stored, table, column, *value)) {
                continue;
            }
            let value = match value {
                None if column.nullable => Value::Null,
                // A field that is empty is no number and no date.
                Some("") if column.nullable && column.collation.is_none() => Value::Null,
                None => continue,
                Some(text) if column.is_binary() => {
                    let bytes = hex::decode(bare_hex(text)).map_err(|_| {
                        let why = "The column holds bytes: write them in hexadecimal digits, two for each.";
                        (column.name.clone(), why.to_owned())
                    })?;
                    Value::Bytes(bytes)
                }
                Some(text) => Value::Text((*text).to_owned()),
            };
            values.push((Cow::Owned(column.name.clone()), value));
        }
        Ok(values)
    }
}

/// Whether a stored row holds a value in a column the panel does not know.
fn is_kept(stored: &Stored, table: &Table, column: &Column, value: Option<&str>) -> bool {
    let bytes = stored.image.bytes(&column.name);
    match (bytes, value) {
        (None, value) => value.is_none_or(str::is_empty),
        (Some(_), None) => false,
        (Some(bytes), Some(text)) if column.is_binary() => {
            bytes == text.as_bytes() || hex::encode(bytes).eq_ignore_ascii_case(bare_hex(text))
        }
        (Some(_), Some(text)) => stored.image.text(table, &column.name).as_deref() == Some(text),
    }
}

fn bare_hex(text: &str) -> &str {
    text.strip_prefix("0x").unwrap_or(text)
}
