//! What has to be known of a database to judge it; read by `src/store/doctor.rs`.

use serde::Serialize;

use crate::lint::{ColumnFacts, TableFacts};
use crate::postfix::Tables;
use crate::resource::Resource;

/// A database as it is now.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Every table with its columns.
    pub names: Tables,
    /// The howto's tables that are there.
    pub tables: Vec<Table>,
    /// What its mailboxes are protected by.
    pub passwords: Passwords,
    /// Rows about one address among those about domains: in `domains`, in `backups`.
    pub overrides: (u64, u64),
}

impl Facts {
    /// The facts about a howto table, where it is there.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.resource.table == name)
    }
}

/// Mailboxes whose passwords are no secret, or soon none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passwords {
    /// Opened by `ChangeMe`.
    pub default: u64,
    /// Hashed with DES, which reads eight characters.
    pub des: u64,
    /// With a readable copy in `clear`.
    pub readable: u64,
}

/// One of the howto's tables.
#[derive(Debug, Clone)]
pub struct Table {
    /// What the panel knows it as.
    pub resource: &'static Resource,
    /// Its storage engine; `None` for a view.
    pub engine: Option<String>,
    /// How its rows are laid out, lower case; of `compact` and `redundant` an index holds 767 bytes.
    pub row_format: String,
    /// How text of new columns is compared.
    pub collation: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The highest number in its key.
    pub highest_key: Option<u64>,
    /// Whether a key is below zero.
    pub has_negative_key: bool,
    /// How many rows there are.
    pub rows: u64,
    /// Rows whose subject another row has too, as the subject is to be compared.
    pub duplicates: Found,
    /// Rows without a subject.
    pub nulls: u64,
    /// Rows that would be found for other addresses than now, as the subject is to be compared.
    pub shifting: Found,
    /// Rows in which text looks like UTF-8 that was stored as latin1.
    pub misread: Found,
}

/// Some rows, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// All of them.
    pub count: u64,
    /// The first ten: key and value.
    pub first: Vec<(String, String)>,
}

/// A column.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own in information_schema"
)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type without length, lower case: `varchar`.
    pub data_type: String,
    /// Whether it is a number without a sign.
    pub unsigned: bool,
    /// How text in it is compared.
    pub collation: Option<String>,
    /// Most characters it holds, for text.
    pub capacity: Option<u64>,
    /// Characters of the longest text in it.
    pub longest: u64,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What a row gets that does not name it, where that is a plain value.
    pub default: Option<String>,
    /// Whether it counts up by itself.
    pub counts_up: bool,
    /// Whether it is part of the primary key.
    pub primary: bool,
    /// Whether a unique key is on it alone and none is NULL.
    pub unique: bool,
    /// What it is computed from, where it is.
    pub expression: Option<String>,
}

impl Column {
    /// Whether it holds text with a character set.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.collation.is_some() && self.expression.is_none()
    }
}

impl Table {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.resource.table
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The column Postfix looks up.
    #[must_use]
    pub fn subject(&self) -> Option<&Column> {
        self.column(self.resource.subject)
    }

    /// Whether no two rows can have the same subject.
    #[must_use]
    pub fn has_unique_subject(&self) -> bool {
        let primary = self.columns.iter().filter(|c| c.primary).count();
        self.subject()
            .is_some_and(|subject| subject.unique || subject.primary && primary == 1)
    }

    /// The same for the linter's rules about tables.
    #[must_use]
    pub fn for_rules(&self) -> TableFacts {
        let columns = self.columns.iter().map(|column| ColumnFacts {
            name: column.name.to_lowercase(),
            data_type: column.data_type.clone(),
            unsigned: column.unsigned,
            capacity: column.capacity,
            default: column.default.clone(),
            unique: column.unique || column.primary && self.has_unique_subject(),
            primary: column.primary,
        });
        TableFacts {
            table: self.name(),
            columns: columns.collect(),
            highest_key: self.highest_key,
            engine: self.engine.clone(),
        }
    }
}
