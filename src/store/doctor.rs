//! What has to be known of a database that is taken over: read, and never written.

use std::collections::{BTreeSet, HashMap};

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};

use super::Store;
use super::connect::classify;
use super::schema::{Schema, Table as Live};
use super::sql::ident;
use crate::access::Actor;
use crate::adoption::{Column, Diagnosis, Facts, Found, Passwords, Table, target_collation};
use crate::error::Result;
use crate::mail::{StoredPassword, describe_stored};
use crate::resource::Resource;

/// Rows named; the rest are counted.
const NAMED: usize = 10;

/// What a letter with an accent may be taken for by a collation, besides the letters.
const DIGRAPHS: &[&str] = &["aa", "ae", "ij", "oe", "ss", "th", "ue"];

/// Most characters a hash of DES has with its prefix; those of other kinds are longer.
const LONGEST_DES: usize = 40;

impl Store {
    /// Says what the database is, what is wrong with its tables and which statements mend it.
    ///
    /// # Errors
    /// The actor does not see the whole database, or it does not answer.
    pub async fn diagnose(&self, actor: &Actor) -> Result<Diagnosis> {
        actor.require_everything()?;
        let mut reading = self.reading().await?;
        let facts = read_facts(&mut reading).await.map_err(classify)?;
        // At once: as long as it lasts, no statement of the plan gets at the tables.
        reading.rollback().await.map_err(classify)?;
        Ok(Diagnosis::of(&facts))
    }
}

/// All there is to know.
pub(super) async fn read_facts(connection: &mut MySqlConnection) -> Result<Facts, sqlx::Error> {
    let schema = Schema::read(connection).await?;
    let layout = Layout::read(connection).await?;
    let mut facts = Facts {
        names: schema.names(),
        ..Facts::default()
    };
    for resource in Resource::tables() {
        if let Some(live) = schema.table(resource.table) {
            let mut table = describe(resource, live, &layout);
            look_at_rows(connection, &mut table).await?;
            facts.tables.push(table);
        }
    }
    facts.passwords = read_passwords(connection, &schema).await?;
    facts.overrides = (
        count_overrides(connection, &schema, "domains").await?,
        count_overrides(connection, &schema, "backups").await?,
    );
    Ok(facts)
}

/// What [`Schema`] does not say, since only this module asks: how tables are laid out, and which columns count up.
struct Layout {
    tables: HashMap<String, (String, String)>,
    counting: BTreeSet<(String, String)>,
}

impl Layout {
    async fn read(connection: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let tables = rows(
            connection,
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(LOWER(ROW_FORMAT) AS CHAR), CAST(TABLE_COLLATION AS CHAR) \
             FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()",
        )
        .await?;
        let counting = rows(
            connection,
            "SELECT CAST(TABLE_NAME AS CHAR), CAST(COLUMN_NAME AS CHAR) FROM information_schema.COLUMNS \
             WHERE TABLE_SCHEMA = DATABASE() AND EXTRA LIKE '%auto_increment%'",
        )
        .await?;
        Ok(Self {
            tables: tables
                .iter()
                .map(|row| (text(row, 0), (text(row, 1), text(row, 2))))
                .collect(),
            counting: counting.iter().map(|row| (text(row, 0), text(row, 1))).collect(),
        })
    }
}

/// A howto table by what the server says of it, without a look at its rows; `None` where it is not there.
pub(super) async fn read_table(
    connection: &mut MySqlConnection,
    name: &str,
) -> Result<Option<Table>, sqlx::Error> {
    let schema = Schema::read(connection).await?;
    let layout = Layout::read(connection).await?;
    let live = Resource::by_table(name).zip(schema.table(name));
    Ok(live.map(|(resource, live)| describe(resource, live, &layout)))
}

fn describe(resource: &'static Resource, live: &Live, layout: &Layout) -> Table {
    let (row_format, collation) = layout.tables.get(&live.name).cloned().unwrap_or_default();
    let columns = live.columns.iter().map(|column| Column {
        name: column.name.clone(),
        data_type: column.data_type.clone(),
        unsigned: column.unsigned,
        collation: column.collation.clone(),
        capacity: column.capacity,
        longest: 0,
        nullable: column.nullable,
        default: column.default.clone(),
        counts_up: layout
            .counting
            .contains(&(live.name.clone(), column.name.clone())),
        primary: column.primary,
        unique: column.unique,
        expression: column.expression.clone(),
    });
    Table {
        resource,
        engine: live.engine.clone(),
        row_format,
        collation,
        columns: columns.collect(),
        highest_key: None,
        has_negative_key: false,
        rows: 0,
        duplicates: Found::default(),
        nulls: 0,
        shifting: Found::default(),
        misread: Found::default(),
    }
}

async fn look_at_rows(connection: &mut MySqlConnection, table: &mut Table) -> Result<(), sqlx::Error> {
    measure(connection, table).await?;
    let is_keyed = table.column(table.resource.key).is_some() && table.subject().is_some();
    if is_keyed && table.resource.unique_with.is_none() {
        table.duplicates = duplicates(connection, table).await?;
        table.shifting = shifting(connection, table).await?;
        table.misread = misread(connection, table).await?;
    }
    Ok(())
}

/// What one look at all rows gives: how many there are, and how long their texts.
async fn measure(connection: &mut MySqlConnection, table: &mut Table) -> Result<(), sqlx::Error> {
    let key = table
        .column(table.resource.key)
        .filter(|key| key.data_type.ends_with("int"));
    let (highest, lowest) = key.map_or(("NULL".to_owned(), "NULL".to_owned()), |key| {
        (
            format!("MAX({})", ident(&key.name)),
            format!("MIN({}) < 0", ident(&key.name)),
        )
    });
    let nulls = table.subject().map_or("0".to_owned(), |subject| {
        format!("SUM({} IS NULL)", ident(&subject.name))
    });
    let texts: Vec<usize> = (0..table.columns.len())
        .filter(|i| table.columns[*i].is_text())
        .collect();
    let lengths: Vec<String> = texts
        .iter()
        .map(|i| format!(", MAX(CHAR_LENGTH({}))", ident(&table.columns[*i].name)))
        .collect();
    let sql = format!(
        "SELECT COUNT(*), {highest}, {lowest}, {nulls}{} FROM {}",
        lengths.concat(),
        ident(table.name())
    );
    let found = rows(connection, &sql).await?;
    let Some(row) = found.first() else {
        return Ok(());
    };
    let number = |i: usize| text(row, i).parse::<u64>().ok();
    table.rows = number(0).unwrap_or(0);
    table.highest_key = number(1);
    table.has_negative_key = number(2) == Some(1);
    table.nulls = number(3).unwrap_or(0);
    for (place, column) in texts.into_iter().enumerate() {
        table.columns[column].longest = number(4 + place).unwrap_or(0);
    }
    Ok(())
}

/// The subject as it is to be compared.
fn target(table: &Table) -> Option<String> {
    let subject = table.subject()?;
    let name = ident(&subject.name);
    Some(subject.collation.as_deref().map_or_else(
        || name.clone(),
        |now| format!("CONVERT({name} USING utf8mb4) COLLATE {}", target_collation(now)),
    ))
}

async fn duplicates(connection: &mut MySqlConnection, table: &Table) -> Result<Found, sqlx::Error> {
    let Some(target) = target(table).filter(|_| !table.has_unique_subject()) else {
        return Ok(Found::default());
    };
    let (name, key) = (ident(table.name()), ident(table.resource.key));
    let subject = ident(table.resource.subject);
    let groups = format!("SELECT {target} AS same, COUNT(*) AS n FROM {name} GROUP BY same HAVING n > 1");
    let sum = rows(
        connection,
        &format!("SELECT SUM(n) FROM ({groups} AND same IS NOT NULL) d"),
    )
    .await?;
    let sql = format!(
        "SELECT {}, CONVERT(r.{subject} USING utf8mb4) FROM {name} r JOIN ({groups} AND same IS NOT NULL \
         ORDER BY same LIMIT {NAMED}) d ON d.same = {} ORDER BY d.same, r.{key} LIMIT {NAMED}",
        as_text(table, "r."),
        target.replacen(&subject, &format!("r.{subject}"), 1)
    );
    let first = rows(connection, &sql).await?;
    Ok(Found {
        count: sum.first().and_then(|row| text(row, 0).parse().ok()).unwrap_or(0),
        first: first.iter().map(|row| (text(row, 0), text(row, 1))).collect(),
    })
}

/// Rows whose subject would be found for other addresses in utf8mb4.
async fn shifting(connection: &mut MySqlConnection, table: &Table) -> Result<Found, sqlx::Error> {
    let Some(now) = table.subject().and_then(|subject| subject.collation.clone()) else {
        return Ok(Found::default());
    };
    let then = target_collation(&now);
    if now == then {
        return Ok(Found::default());
    }
    let strange = strange(connection, table, table.resource.subject).await?;
    let letters: BTreeSet<char> = letters_of(&strange);
    let before = taken_for(connection, &now, &letters).await?;
    let after = taken_for(connection, &then, &letters).await?;
    let shifts: BTreeSet<char> = before.symmetric_difference(&after).map(|(c, _)| *c).collect();
    Ok(found(
        strange
            .into_iter()
            .filter(|(_, value)| value.chars().any(|c| shifts.contains(&c))),
    ))
}

/// Rows with text that was UTF-8 before somebody stored it as latin1.
async fn misread(connection: &mut MySqlConnection, table: &Table) -> Result<Found, sqlx::Error> {
    let mut rows = Vec::new();
    for column in table.columns.iter().filter(|column| column.is_text()) {
        rows.extend(strange(connection, table, &column.name).await?);
    }
    rows.retain(|(_, value)| is_misread(value));
    rows.dedup_by(|one, two| one.0 == two.0);
    Ok(found(rows.into_iter()))
}

/// Whether the bytes of a text in latin1 are the UTF-8 of another.
fn is_misread(value: &str) -> bool {
    let (bytes, _, has_others) = encoding_rs::WINDOWS_1252.encode(value);
    !has_others && !value.is_ascii() && std::str::from_utf8(&bytes).is_ok()
}

fn found(rows: impl Iterator<Item = (String, String)>) -> Found {
    let mut found = Found::default();
    for row in rows {
        found.count += 1;
        if found.first.len() < NAMED {
            found.first.push(row);
        }
    }
    found
}

/// Keys and values of the rows that have more than ASCII in a column.
pub(super) async fn strange(
    connection: &mut MySqlConnection,
    table: &Table,
    column: &str,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let column = ident(column);
    let sql = format!(
        "SELECT {}, CONVERT({column} USING utf8mb4) FROM {} \
         WHERE LENGTH(CONVERT({column} USING utf8mb4)) <> CHAR_LENGTH({column}) ORDER BY 1",
        as_text(table, ""),
        ident(table.name())
    );
    let rows = rows(connection, &sql).await?;
    Ok(rows.iter().map(|row| (text(row, 0), text(row, 1))).collect())
}

/// The letters beyond ASCII of some values.
pub(super) fn letters_of(rows: &[(String, String)]) -> BTreeSet<char> {
    rows.iter()
        .flat_map(|(_, value)| value.chars())
        .filter(|c| !c.is_ascii())
        .collect()
}

/// Which plain letters a collation takes these for.
pub(super) async fn taken_for(
    connection: &mut MySqlConnection,
    collation: &str,
    letters: &BTreeSet<char>,
) -> Result<BTreeSet<(char, String)>, sqlx::Error> {
    if letters.is_empty() {
        return Ok(BTreeSet::new());
    }
    let charset = collation.split('_').next().unwrap_or_default();
    let union = |texts: Vec<String>| {
        let selects: Vec<String> = texts
            .iter()
            .map(|text| format!("SELECT CONVERT(X'{}' USING utf8mb4) AS t", hex::encode(text)))
            .collect();
        selects.join(" UNION ALL ")
    };
    let plain = ('a'..='z')
        .map(String::from)
        .chain(DIGRAPHS.iter().map(|&s| s.to_owned()));
    let sql = format!(
        "SELECT l.t, p.t FROM ({}) l JOIN ({}) p \
         ON CONVERT(l.t USING {charset}) COLLATE {collation} = CONVERT(p.t USING {charset})",
        union(letters.iter().map(char::to_string).collect()),
        union(plain.collect())
    );
    let rows = rows(connection, &sql).await?;
    Ok(rows
        .iter()
        .filter_map(|row| Some((text(row, 0).chars().next()?, text(row, 1))))
        .collect())
}

async fn read_passwords(connection: &mut MySqlConnection, schema: &Schema) -> Result<Passwords, sqlx::Error> {
    let mut passwords = Passwords::default();
    let Some(users) = schema.table("users") else {
        return Ok(passwords);
    };
    if users.has("crypt") {
        let sql = format!("SELECT CAST(crypt AS CHAR) FROM users WHERE CHAR_LENGTH(crypt) < {LONGEST_DES}");
        for row in rows(connection, &sql).await? {
            match describe_stored(&text(&row, 0)) {
                StoredPassword::HowtoDefault => passwords.default += 1,
                StoredPassword::Des => passwords.des += 1,
                _ => {}
            }
        }
    }
    if users.has("clear") {
        let sql = "SELECT COUNT(*) FROM users WHERE clear NOT IN ('', 'ChangeMe')";
        passwords.readable = number(connection, sql).await?;
    }
    Ok(passwords)
}

async fn count_overrides(
    connection: &mut MySqlConnection,
    schema: &Schema,
    table: &str,
) -> Result<u64, sqlx::Error> {
    if !schema
        .table(table)
        .is_some_and(|live| live.has("domain") && live.has("transport"))
    {
        return Ok(0);
    }
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE domain LIKE '_%@%'");
    number(connection, &sql).await
}

/// The key of a row as text.
pub(super) fn as_text(table: &Table, of: &str) -> String {
    let key = ident(table.resource.key);
    let is_number = table
        .column(table.resource.key)
        .is_some_and(|key| key.data_type.ends_with("int"));
    if is_number {
        format!("CAST({of}{key} + 0 AS CHAR)")
    } else {
        format!("CONVERT({of}{key} USING utf8mb4)")
    }
}

async fn number(connection: &mut MySqlConnection, sql: &str) -> Result<u64, sqlx::Error> {
    let rows = rows(connection, sql).await?;
    Ok(rows
        .first()
        .and_then(|row| text(row, 0).parse().ok())
        .unwrap_or(0))
}

/// The rows of a statement that is asked once, as text.
pub(super) async fn rows(connection: &mut MySqlConnection, sql: &str) -> Result<Vec<MySqlRow>, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .fetch_all(connection)
        .await
}

/// A column as text, whatever is in it; empty for NULL.
pub(super) fn text(row: &MySqlRow, i: usize) -> String {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(i).ok().flatten();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_that_was_stored_as_latin1_is_recognised() {
        for (value, expected) in [
            ("josÃ©@blobber.org", true),
            ("josé@blobber.org", false),
            ("jose@blobber.org", false),
            ("", false),
            ("日本", false),
        ] {
            assert_eq!(is_misread(value), expected, "{value}");
        }
    }
}
