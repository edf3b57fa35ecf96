//! Rows for other programs: every stored column of a table, as text, in the order of a list or of the keys.

use futures_util::TryStreamExt;
use sqlx::mysql::MySqlRow;
use sqlx::{MySql, MySqlConnection, QueryBuilder, Row as _};
use time::OffsetDateTime;

use super::changes::SECRET;
use super::connect::classify;
use super::list::{order_by, push_filters};
use super::outgoing::{Feed, Outgoing, PIECE, Patience, hang_up};
use super::schema::{Column, Schema, Table, require};
use super::sql::ident;
use super::{ListQuery, Store};
use crate::access::{Actor, Role, Scope};
use crate::error::{Error, Result};
use crate::exchange::{Cell, Writer, Writing};
use crate::resource::{Kind, Part, Resource};

/// What is exported, and how.
#[derive(Debug, Clone)]
pub struct Exporting {
    /// The tables.
    pub resources: Vec<&'static Resource>,
    /// Which of their rows, in which order; without one in that of the keys.
    pub query: ListQuery,
    /// How they are written.
    pub how: Writing,
    /// Whether hashes of passwords, and readable copies of them, are among the columns. Operators alone may ask.
    pub passwords: bool,
    /// Whether the file is of several tables, by name.
    pub named: bool,
}

impl Store {
    /// The rows of tables that the actor may see, as they all are at one moment. Columns that the server computes are left
    /// out, and for owners those that they do not see; of several tables those that the database lacks.
    ///
    /// # Errors
    /// The one table is missing or cannot be listed, the passwords are not for the actor, or the database does not answer.
    pub async fn export(
        &self,
        actor: &Actor,
        what: Exporting,
        patience: Option<Patience>,
    ) -> Result<Outgoing> {
        if what.passwords && actor.role != Role::Operator {
            return Err(Error::Forbidden(
                "Only operators export passwords, and only when they ask for them.".to_owned(),
            ));
        }
        let mut connection = self.snapshot().await?;
        let schema = Schema::read(&mut connection).await.map_err(classify)?;
        let mut tables = Vec::new();
        for resource in &what.resources {
            let table = match require(&schema, resource.table) {
                Ok(table) => table,
                Err(Error::MissingTable(_)) if what.resources.len() > 1 => continue,
                Err(error) => return Err(error),
            };
            if let Some(why) = table
                .read_only(resource)
                .filter(|_| table.lacks(resource).is_some())
            {
                return Err(Error::ReadOnly(why));
            }
            let fields = fields(actor, resource, table, what.passwords);
            let sql = select(&schema, actor, resource, table, &what.query, &fields);
            tables.push((resource.table, fields, sql));
        }
        Outgoing::start(patience, move |feed| {
            write(connection, tables, what.how, what.named, feed)
        })
        .await
    }
}

/// A column on its way out.
struct Field {
    name: String,
    /// As it stands in the select list: what Postfix's queries compare and lists show.
    expression: String,
    form: Form,
}

/// What a column's values are written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Number,
    Text,
    Bytes,
}

impl Field {
    fn of(resource: &Resource, column: &Column) -> Self {
        let is_switch = resource
            .column(&column.name)
            .is_some_and(|known| known.kind == Kind::Switch);
        let name = ident(&column.name);
        let (form, expression) = match column.data_type.as_str() {
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                (Form::Bytes, format!("CAST({name} AS BINARY)"))
            }
            // Printed as it is FLOAT would lose digits.
            "float" => (Form::Number, format!("CAST({name} + 0e0 AS CHAR)")),
            "double" | "decimal" => (Form::Number, format!("CAST({name} AS CHAR)")),
            kind if kind == "bit" || is_switch || column.is_integer() => {
                (Form::Number, format!("CAST({name} + 0 AS CHAR)"))
            }
            _ => (Form::Text, format!("CAST({name} AS CHAR)")),
        };
        Self {
            name: column.name.clone(),
            expression,
            form,
        }
    }

    /// A column the table may lack.
    fn common(resource: &Resource, table: &Table, name: &str) -> Self {
        table.column(name).map_or_else(
            || Self {
                name: name.to_owned(),
                expression: "NULL".to_owned(),
                form: Form::Text,
            },
            |column| Self::of(resource, column),
        )
    }

    fn cell(&self, row: &MySqlRow, i: usize) -> Result<Cell, sqlx::Error> {
        let Some(bytes) = row.try_get_unchecked::<Option<Vec<u8>>, _>(i)? else {
            return Ok(Cell::Null);
        };
        if self.form == Form::Bytes {
            return Ok(Cell::Bytes(bytes));
        }
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Ok(if self.form == Form::Number {
            Cell::Number(text)
        } else {
            Cell::Text(text)
        })
    }
}

/// The columns the actor gets, in the order of the table.
fn fields(actor: &Actor, resource: &Resource, table: &Table, passwords: bool) -> Vec<Field> {
    let is_secret = |column: &Column| SECRET.iter().any(|name| column.name.eq_ignore_ascii_case(name));
    let is_theirs = |column: &Column| {
        let mut known = resource.columns.iter();
        column.name.eq_ignore_ascii_case(resource.key)
            || known.any(|known| known.name.eq_ignore_ascii_case(&column.name) && !known.rare)
    };
    if resource.part == Part::Overrides {
        // Rows of two tables in one list: what is told of them is what they have in common.
        return resource
            .columns
            .iter()
            .map(|known| Field::common(resource, table, known.name))
            .collect();
    }
    table
        .columns
        .iter()
        .filter(|column| column.expression.is_none())
        .filter(|column| passwords || !is_secret(column))
        .filter(|column| actor.scope == Scope::Everything || is_theirs(column))
        .map(|column| Field::of(resource, column))
        .collect()
}

/// A table on its way out: its name, its columns, and the statement that reads it.
type Selected = (&'static str, Vec<Field>, QueryBuilder<MySql>);

fn select(
    schema: &Schema,
    actor: &Actor,
    resource: &Resource,
    table: &Table,
    query: &ListQuery,
    fields: &[Field],
) -> QueryBuilder<MySql> {
    let list: Vec<&str> = fields.iter().map(|field| field.expression.as_str()).collect();
    let mut sql = QueryBuilder::new(format!(
        "SELECT {} FROM {} r WHERE TRUE",
        list.join(", "),
        ident(resource.table)
    ));
    push_filters(&mut sql, schema, actor, resource, table, query);
    if query.sort.is_empty() {
        // Along the primary key: nothing has to be sorted first.
        sql.push(format!(" ORDER BY {}", ident(resource.key)));
    } else {
        sql.push(order_by(resource, query.order(resource), false));
    }
    sql
}

/// Reads the tables and hands them on, written.
async fn write(
    mut connection: MySqlConnection,
    tables: Vec<Selected>,
    how: Writing,
    named: bool,
    feed: Feed,
) -> Result<()> {
    let mut writer = Writer::new(how, named);
    let at = OffsetDateTime::now_utc();
    writer.begin(&format!(
        "Written by Postwarden {} on {} at {:02}:{:02} UTC",
        env!("CARGO_PKG_VERSION"),
        at.date(),
        at.hour(),
        at.minute()
    ));
    for (i, (table, fields, mut sql)) in tables.into_iter().enumerate() {
        // A list with rows of two tables is one to whoever does not ask where they stand.
        if i == 0 || named || how == Writing::Sql {
            writer.table(table, fields.iter().map(|field| field.name.clone()).collect());
        }
        let mut rows = sql.build().fetch(&mut connection);
        while let Some(row) = rows.try_next().await.map_err(classify)? {
            let mut cells = Vec::with_capacity(fields.len());
            for (i, field) in fields.iter().enumerate() {
                cells.push(field.cell(&row, i).map_err(classify)?);
            }
            writer.row(&cells);
            if writer.waiting() >= PIECE {
                feed.send(writer.take()).await?;
            }
        }
    }
    writer.end();
    feed.send(writer.take()).await?;
    hang_up(connection).await;
    Ok(())
}
