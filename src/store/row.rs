//! A stored row, read leniently: other programs write these tables too, and reading must never fail.

use encoding_rs::WINDOWS_1252;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;

use super::schema::Table;
use super::sql::ident;
use crate::mail::{StoredPassword, describe_stored};
use crate::resource::{Kind, Resource, Row, Value};

/// The select list for [`read_row`]: key first, then the resource's columns the live table has.
pub(super) fn row_columns(resource: &Resource, table: &Table) -> (String, Vec<&'static str>) {
    row_columns_and(resource, table, &[])
}

/// The same with further columns behind them, where the live table has those; bytes are read as hexadecimal numbers.
pub(super) fn row_columns_and(
    resource: &Resource,
    table: &Table,
    further: &[&'static str],
) -> (String, Vec<&'static str>) {
    let present: Vec<&'static str> = resource
        .columns
        .iter()
        .filter(|c| c.kind != Kind::Password)
        .map(|c| c.name)
        .chain(further.iter().copied())
        .filter(|c| table.has(c))
        .collect();
    // Numbers are read as Postfix's queries compare them: `enabled=1` is true of a BIT and of 001 too.
    let text = |name: &str| {
        let is_bytes =
            further.contains(&name) && table.column(name).is_some_and(super::schema::Column::is_binary);
        if is_bytes {
            return format!("HEX({})", ident(name));
        }
        let is_switch = resource.column(name).is_some_and(|c| c.kind == Kind::Switch);
        let number = is_switch || table.column(name).is_some_and(super::schema::Column::is_integer);
        format!(
            "CAST({}{} AS CHAR)",
            ident(name),
            if number { " + 0" } else { "" }
        )
    };
    let list: Vec<String> = std::iter::once(resource.key)
        .chain(present.iter().copied())
        .map(text)
        .collect();
    (list.join(", "), present)
}

/// A row of the select list of [`row_columns`].
pub(super) fn read_row(columns: &[&'static str], row: &MySqlRow) -> Result<Row, sqlx::Error> {
    let key: Option<String> = row.try_get_unchecked(0)?;
    let values = columns
        .iter()
        .enumerate()
        .map(|(i, name)| Ok((*name, row.try_get_unchecked::<Option<String>, _>(i + 1)?)))
        .collect::<Result<_, sqlx::Error>>()?;
    Ok(Row::new(key.unwrap_or_default(), values))
}

/// Every column of a row, byte for byte, unknown ones too; computed columns are left out, since the server writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image(Vec<(String, Option<Vec<u8>>)>);

impl Image {
    /// The select list for [`Image::read`].
    pub(super) fn columns(table: &Table) -> (String, Vec<String>) {
        let stored: Vec<_> = table.columns.iter().filter(|c| c.expression.is_none()).collect();
        let list: Vec<String> = stored
            .iter()
            .map(|c| match c.data_type.as_str() {
                // Printed as they are these would lose bits: FLOAT prints six digits, BIT prints raw bytes.
                "float" => format!("CAST({} + 0e0 AS BINARY)", ident(&c.name)),
                "bit" => format!("CAST({} + 0 AS BINARY)", ident(&c.name)),
                _ => format!("CAST({} AS BINARY)", ident(&c.name)),
            })
            .collect();
        (list.join(", "), stored.iter().map(|c| c.name.clone()).collect())
    }

    pub(super) fn read(columns: &[String], row: &MySqlRow, offset: usize) -> Result<Self, sqlx::Error> {
        columns
            .iter()
            .enumerate()
            .map(|(i, name)| {
                Ok((
                    name.clone(),
                    row.try_get_unchecked::<Option<Vec<u8>>, _>(offset + i)?,
                ))
            })
            .collect::<Result<_, sqlx::Error>>()
            .map(Self)
    }

    /// The bytes of a column; `None` where it is NULL or the live table lacks it.
    pub(super) fn bytes(&self, column: &str) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(column))
            .and_then(|(_, value)| value.as_deref())
    }

    /// A column as text; `None` where it is NULL, missing, or of a character set that is not read here (UTF-8, ASCII and
    /// latin1 are).
    pub(super) fn text(&self, table: &Table, column: &str) -> Option<String> {
        let bytes = self.bytes(column)?;
        let collation = table.column(column).and_then(|c| c.collation.as_deref());
        if collation.is_some_and(|name| name.starts_with("latin1_")) {
            // MySQL's latin1 is Windows-1252.
            return Some(WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned());
        }
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }

    /// The image as JSON: text, null, or `{"hex": "…"}` where the bytes are not UTF-8.
    pub fn to_json(&self) -> String {
        let object: serde_json::Map<String, Json> = self
            .0
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    None => Json::Null,
                    Some(bytes) => match std::str::from_utf8(bytes) {
                        Ok(text) => Json::from(text),
                        Err(_) => serde_json::json!({ "hex": hex::encode(bytes) }),
                    },
                };
                (name.clone(), value)
            })
            .collect();
        Json::Object(object).to_string()
    }

    /// The image of [`Image::to_json`]; `None` where it is none.
    pub(super) fn from_json(json: &str) -> Option<Self> {
        let object: serde_json::Map<String, Json> = serde_json::from_str(json).ok()?;
        let value = |value: Json| match value {
            Json::Null => Some(None),
            Json::String(text) => Some(Some(text.into_bytes())),
            Json::Object(bytes) => Some(Some(hex::decode(bytes.get("hex")?.as_str()?).ok()?)),
            _ => None,
        };
        let columns = object.into_iter().map(|(name, json)| Some((name, value(json)?)));
        columns.collect::<Option<_>>().map(Self)
    }

    /// Its columns with their bytes.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether it has the column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.0.iter().any(|(name, _)| name.eq_ignore_ascii_case(column))
    }

    /// A short name of these very bytes: the hidden `version` of a form.
    pub fn version(&self) -> String {
        hex::encode(&Sha256::digest(self.to_json().as_bytes())[..12])
    }
}

/// One row with its image.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The columns people edit.
    pub row: Row,
    /// Every column.
    pub image: Image,
}

impl Stored {
    /// What can be told of a mailbox's password without telling it.
    pub fn password(&self) -> StoredPassword {
        let crypt = self.image.bytes("crypt").unwrap_or_default();
        describe_stored(&String::from_utf8_lossy(crypt))
    }

    /// Whether a readable copy of a mailbox's password is stored beside the hash.
    pub fn has_clear_password(&self) -> bool {
        self.image
            .bytes("clear")
            .is_some_and(|clear| !clear.is_empty() && clear != b"ChangeMe")
    }

    /// The text of a column, whoever knows it; empty where it is NULL or no text.
    pub(super) fn text(&self, table: &Table, column: &str) -> String {
        if self.row.has(column) {
            return self.row.text(column).to_owned();
        }
        self.image.text(table, column).unwrap_or_default()
    }

    /// Whether a column holds this very value.
    pub(super) fn holds(&self, table: &Table, column: &str, value: &Value) -> bool {
        if self.row.has(column) {
            return self.row.value(column) == Some(&value.to_string());
        }
        match value {
            Value::Null => self.image.bytes(column).is_none(),
            Value::Bytes(bytes) => self.image.bytes(column) == Some(bytes),
            Value::Text(_) | Value::Number(_) => self.image.text(table, column) == Some(value.to_string()),
        }
    }
}
