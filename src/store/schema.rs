//! The tables and columns the database has right now. Howto databases differ: tables and columns may be missing,
//! unknown columns present, types old. Everything that builds SQL asks here first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{MySqlConnection, Row as _};

use super::connect::classify;
use super::sql::ident;
use crate::error::{Error, ReadOnly, Result};
use crate::postfix::Tables;
use crate::resource::{self, Part, Resource};

/// How old an answer may be for reading; writing always looks anew.
const FRESH: Duration = Duration::from_secs(1);

/// One column of a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own in information_schema"
)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type without length, lower case: `varchar`, `smallint`.
    pub data_type: String,
    /// Whether it is a number without a sign.
    pub unsigned: bool,
    /// How the server compares it, for text.
    pub collation: Option<String>,
    /// Most characters it holds, for text.
    pub capacity: Option<u64>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What a row gets that does not name it, where that is a plain value.
    pub default: Option<String>,
    /// What the server computes it from, where it does.
    pub expression: Option<String>,
    /// Whether it is part of the primary key.
    pub primary: bool,
    /// Whether a unique key is on it alone: no two rows are equal, and none is NULL.
    pub unique: bool,
}

impl Column {
    /// Whether it holds bytes that are no text.
    pub fn is_binary(&self) -> bool {
        self.data_type.ends_with("binary") || self.data_type.ends_with("blob")
    }

    /// Whether it holds whole numbers.
    pub fn is_integer(&self) -> bool {
        self.data_type.ends_with("int")
    }
}

/// One live table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its storage engine; `None` for a view.
    pub engine: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether the table has a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// What a new row has in a column for which nothing is given. For what is rarely needed the live table says so: it may
    /// have been set up for this server's directories and users.
    pub fn default_of(&self, column: &resource::Column) -> String {
        let live = self.column(column.name).and_then(|live| live.default.clone());
        live.filter(|_| column.rare)
            .unwrap_or_else(|| column.default.to_owned())
    }

    /// The column without which the panel cannot show the table's rows, where it is missing.
    pub fn lacks(&self, resource: &Resource) -> Option<&'static str> {
        [resource.key, resource.subject]
            .into_iter()
            .find(|name| !self.has(name))
    }

    /// Whether a value of the resource's key names one row and no more.
    pub(super) fn is_keyed(&self, resource: &Resource) -> bool {
        let alone = self.columns.iter().filter(|c| c.primary).count() == 1;
        self.column(resource.key)
            .is_some_and(|c| c.unique || (c.primary && alone))
    }

    /// Why the table can only be read, and what to do; `None` where it can be written.
    pub fn read_only(&self, resource: &Resource) -> Option<ReadOnly> {
        let name = ident(&self.name);
        let key = ident(resource.key);
        let (reason, statement) = match self.engine.as_deref() {
            None => (
                format!("{} is a view. Postwarden only reads it.", self.name),
                None,
            ),
            Some(engine) if !engine.eq_ignore_ascii_case("InnoDB") => (
                format!(
                    "The table {} uses the engine {engine}, which has no transactions: a failed save would stay half \
                     written and could not be undone. Postwarden only reads it until it is converted.",
                    self.name
                ),
                Some(format!("ALTER TABLE {name} ENGINE=InnoDB;")),
            ),
            Some(_) if self.lacks(resource) == Some(resource.key) => (
                format!(
                    "The table {} has no column {}, by which one row is told from another.",
                    self.name, resource.key
                ),
                Some(format!(
                    "ALTER TABLE {name} ADD {key} INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST;"
                )),
            ),
            Some(_) if !self.is_keyed(resource) => (
                format!(
                    "The column {} of {} is no key: a change to one row could touch others with the same number. \
                     Postwarden only reads the table until the rows are numbered anew.",
                    resource.key, self.name
                ),
                Some(format!(
                    "ALTER TABLE {name} DROP {key}, ADD {key} INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST;"
                )),
            ),
            Some(_) => match self.lacks(resource) {
                None if resource.part == Part::Overrides && !self.has("transport") => {
                    return Some(self.without_transport());
                }
                None => return None,
                Some(column) => (
                    format!(
                        "The table {} has no column {column}, which Postfix looks up.",
                        self.name
                    ),
                    None,
                ),
            },
        };
        Some(ReadOnly { reason, statement })
    }

    /// Why no override can be kept here.
    fn without_transport(&self) -> ReadOnly {
        let column = Resource::by_table(&self.name).and_then(|resource| resource.column("transport"));
        ReadOnly {
            reason: format!(
                "The table {} has no column transport, and an override is a transport: it would be saved without it and do \
                 nothing. Give the table the column, or, with overrides.table in the settings, have overrides written to \
                 a table that has one.",
                self.name
            ),
            statement: Some(format!(
                "ALTER TABLE {} ADD transport VARCHAR(255) NOT NULL DEFAULT '{}';",
                ident(&self.name),
                column.map_or("", |column| column.default)
            )),
        }
    }
}

/// The live tables of the database.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    tables: HashMap<String, Table>,
}

impl Schema {
    /// The live table of this name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Every live table, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// The names of it all, for what Postfix is asked to look up.
    pub fn names(&self) -> Tables {
        self.tables
            .values()
            .map(|table| {
                let columns = table.columns.iter().map(|c| c.name.clone()).collect();
                (table.name.clone(), columns)
            })
            .collect()
    }

    /// Reads the whole schema of the connection's database.
    ///
    /// Two queries, because MariaDB fills the inner side of a join of these two views once for every table: 45 ms
    /// where the two take 4.
    pub(super) async fn read(connection: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let tables = sqlx::query(
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(ENGINE AS CHAR) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA = DATABASE()",
        )
        .fetch_all(&mut *connection)
        .await?;
        let columns = sqlx::query(
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR), CAST(LOWER(DATA_TYPE) AS CHAR), \
                    CAST(CHARACTER_MAXIMUM_LENGTH AS UNSIGNED), IS_NULLABLE = 'YES', \
                    CAST(IF(EXTRA LIKE '%GENERATED%' AND EXTRA NOT LIKE '%DEFAULT_GENERATED%', \
                            COALESCE(GENERATION_EXPRESSION, ''), NULL) AS CHAR), \
                    COLUMN_KEY = 'UNI' AND IS_NULLABLE = 'NO', \
                    COLUMN_KEY = 'PRI', CAST(COLUMN_DEFAULT AS CHAR), COLUMN_TYPE LIKE '%unsigned%', \
                    CAST(COLLATION_NAME AS CHAR) \
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION",
        )
        .fetch_all(connection)
        .await?;
        let mut schema = Self::default();
        for row in tables {
            let name: String = row.try_get_unchecked(0)?;
            let table = Table {
                name: name.clone(),
                engine: row.try_get_unchecked(1)?,
                columns: Vec::new(),
            };
            schema.tables.insert(name, table);
        }
        for row in columns {
            // A table that was created between the two queries is seen the next time.
            let Some(table) = schema.tables.get_mut(&row.try_get_unchecked::<String, _>(0)?) else {
                continue;
            };
            table.columns.push(Column {
                name: row.try_get_unchecked(1)?,
                data_type: row.try_get_unchecked(2)?,
                capacity: row.try_get_unchecked(3)?,
                nullable: row.try_get_unchecked::<i64, _>(4)? != 0,
                expression: row.try_get_unchecked(5)?,
                unique: row.try_get_unchecked::<i64, _>(6)? != 0,
                primary: row.try_get_unchecked::<i64, _>(7)? != 0,
                unsigned: row.try_get_unchecked::<i64, _>(9)? != 0,
                default: row
                    .try_get_unchecked::<Option<String>, _>(8)?
                    .and_then(|default| plain_default(&default)),
                collation: row.try_get_unchecked(10)?,
            });
        }
        // One that was dropped between them has no columns.
        schema.tables.retain(|_, table| !table.columns.is_empty());
        Ok(schema)
    }
}

/// A column default as the value it stands for. MariaDB quotes it as in a statement, MySQL does not.
fn plain_default(default: &str) -> Option<String> {
    if default.eq_ignore_ascii_case("NULL") || default.ends_with(')') {
        return None;
    }
    let inner = default
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    Some(inner.map_or_else(|| default.to_owned(), |text| text.replace("''", "'")))
}

/// The last schema read, kept for a second.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Option<(Instant, Arc<Schema>)>>);

impl Cache {
    /// A schema at most a second old.
    pub async fn recent(&self, pool: &sqlx::MySqlPool) -> Result<Arc<Schema>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match kept {
            Some((read_at, schema)) if read_at.elapsed() < FRESH => Ok(schema),
            _ => self.fresh(pool).await,
        }
    }

    /// The schema as it is now.
    pub async fn fresh(&self, pool: &sqlx::MySqlPool) -> Result<Arc<Schema>> {
        let mut connection = pool.acquire().await.map_err(classify)?;
        let schema = Arc::new(Schema::read(&mut connection).await.map_err(classify)?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&schema)));
        Ok(schema)
    }

    /// Forgets what was read: a statement just failed for lack of a table or column.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The live table, or the error that the database has none.
pub(super) fn require<'s>(schema: &'s Schema, name: &'static str) -> Result<&'s Table> {
    schema.table(name).ok_or(Error::MissingTable(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_read_as_the_value_it_stands_for() {
        assert_eq!(plain_default("'/var/mail'").as_deref(), Some("/var/mail"));
        assert_eq!(plain_default("5000").as_deref(), Some("5000"));
        assert_eq!(plain_default("''").as_deref(), Some(""));
        assert_eq!(plain_default("'o''brien'").as_deref(), Some("o'brien"));
        assert_eq!(plain_default("NULL"), None);
        assert_eq!(plain_default("current_timestamp()"), None);
    }
}
