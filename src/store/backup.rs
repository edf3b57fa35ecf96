//! The archive of every table, as all of them are at one moment, and the record of when one was written last.

use std::fmt;

use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::Store;
use super::connect::classify;
use super::outgoing::{Feed, Outgoing, PIECE, Patience, hang_up};
use super::row::Image;
use super::schema::{Column, Schema, Table};
use super::sql::ident;
use crate::access::{Actor, Role};
use crate::error::{Error, Result};
use crate::exchange::{ArchiveWriter, ArchivedColumn, FORM, Head, TableHead};
use crate::progress::Progress;
use crate::resource::Resource;

/// What Postfix will read for automatic replies; no pages of them yet.
const FURTHER: [&str; 2] = ["autoreplies", "autoreply_log"];

/// Tables whose rows stay behind, though they are made again. Who has an archive must not be signed in with it, and after a
/// restore everybody signs in anew anyway: it brings back who may do what. Attempts to sign in are forgotten within the day.
const EMPTIED: [&str; 2] = ["pw_sessions", "pw_throttle"];

/// A moment in UTC as RFC 3339 writes it.
const SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// Whether a table is part of a backup.
pub(super) fn is_archived(name: &str) -> bool {
    name.starts_with("pw_") || FURTHER.contains(&name) || Resource::by_table(name).is_some()
}

/// A backup on its way.
#[derive(Debug)]
pub struct Backup {
    /// The archive.
    pub outgoing: Outgoing,
    /// What is not as good as it should be, in sentences.
    pub warnings: Vec<String>,
}

/// What is known of a file that was written.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    bytes: u64,
    digest: Sha256,
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = hex::encode(self.digest.clone().finalize());
        write!(f, "{} bytes, SHA-256 {digest}", self.bytes)
    }
}

impl Sum {
    /// Further bytes of the file.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }
}

/// A backup that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupRun {
    /// When it was over, UTC.
    pub at: PrimitiveDateTime,
    /// Who wrote it.
    pub who: String,
    /// From where: the address of a browser, or `command line`.
    pub origin: String,
    /// The file's name.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Store {
    /// Begins an archive of every table. The progress is told in rows. `recorded` is the name under which it is noted once all
    /// of it is on its way; without one whoever takes the pieces calls [`Store::record_backup`].
    ///
    /// # Errors
    /// The actor is no operator, or the database does not answer.
    pub async fn backup(
        &self,
        actor: &Actor,
        recorded: Option<String>,
        progress: &Progress,
        patience: Option<Patience>,
    ) -> Result<Backup> {
        actor.require_everything()?;
        if actor.role != Role::Operator {
            let why = "Backups hold every password: they are for operators.";
            return Err(Error::Forbidden(why.to_owned()));
        }
        let mut connection = self.snapshot().await?;
        let schema = Schema::read(&mut connection).await.map_err(classify)?;
        let mut tables: Vec<Table> = schema.all().filter(|t| is_archived(&t.name)).cloned().collect();
        // The panel's first: a restore numbers its own change after those it brings back.
        tables.sort_by_key(|table| (!table.name.starts_with("pw_"), table.name.clone()));
        let warnings = warnings(&tables);
        tables.retain(|table| table.engine.is_some());
        let database: String = sqlx::query_scalar("SELECT CAST(DATABASE() AS CHAR)")
            .fetch_one(&mut connection)
            .await
            .map_err(classify)?;
        let at = OffsetDateTime::now_utc().format(SECONDS);
        let head = Head {
            postwarden_backup: FORM,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at: at.map_err(|error| Error::unexpected("telling the time", error))?,
            database,
            tables: tables.iter().map(|table| table.name.clone()).collect(),
        };
        progress.begin("reading rows", 0);
        let archiving = Archiving {
            store: self.clone(),
            actor: actor.clone(),
            recorded,
            progress: progress.clone(),
            sum: Sum::default(),
        };
        let outgoing =
            Outgoing::start(patience, |feed| archiving.write(connection, head, tables, feed)).await?;
        Ok(Backup { outgoing, warnings })
    }

    /// Notes that a backup was written.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn record_backup(&self, actor: &Actor, file: &str, sum: Sum, rows: u64) -> Result<()> {
        let at = OffsetDateTime::now_utc();
        let who: String = actor.name.chars().take(64).collect();
        let file: String = file.chars().take(255).collect();
        sqlx::query(
            "INSERT INTO pw_backups (at, who, origin, file, bytes, row_count, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(PrimitiveDateTime::new(at.date(), at.time()))
        .bind(who)
        .bind(actor.origin.to_string())
        .bind(file)
        .bind(sum.bytes)
        .bind(rows)
        .bind(hex::encode(sum.digest.finalize()))
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(classify)
    }

    /// The last backups, newest first, for those who see everything.
    ///
    /// # Errors
    /// [`Error::NotFound`] for owners; the database does not answer.
    pub async fn backups(&self, actor: &Actor, most: u32) -> Result<Vec<BackupRun>> {
        actor.require_everything()?;
        let rows = sqlx::query(
            "SELECT at, who, origin, file, bytes, row_count, sha256 FROM pw_backups ORDER BY id DESC LIMIT ?",
        )
        .bind(most)
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        let run = |row: &sqlx::mysql::MySqlRow| -> Result<BackupRun, sqlx::Error> {
            Ok(BackupRun {
                at: row.try_get(0)?,
                who: row.try_get(1)?,
                origin: row.try_get_unchecked(2)?,
                file: row.try_get(3)?,
                bytes: row.try_get(4)?,
                rows: row.try_get(5)?,
                sha256: row.try_get_unchecked(6)?,
            })
        };
        rows.iter().map(run).collect::<Result<_, _>>().map_err(classify)
    }
}

/// What of these tables cannot be read as it is at one moment, or not at all.
fn warnings(tables: &[Table]) -> Vec<String> {
    let mut warnings = Vec::new();
    for table in tables {
        match table.engine.as_deref() {
            None => warnings.push(format!(
                "{} is a view: the archive has the tables it is made of only where they are the panel's or Postfix's",
                table.name
            )),
            Some(engine) if !engine.eq_ignore_ascii_case("InnoDB") => warnings.push(format!(
                "{} uses the engine {engine}, which has no transactions: what is written to it during the backup may be half \
                 in the archive",
                table.name
            )),
            Some(_) => {}
        }
    }
    warnings
}

/// The character set of a column: the first word of its collation.
pub(super) fn charset(column: &Column) -> Option<String> {
    let collation = column.collation.as_deref()?;
    collation.split('_').next().map(str::to_owned)
}

/// A backup that is written.
struct Archiving {
    store: Store,
    actor: Actor,
    recorded: Option<String>,
    progress: Progress,
    sum: Sum,
}

impl Archiving {
    async fn write(
        mut self,
        mut connection: MySqlConnection,
        head: Head,
        tables: Vec<Table>,
        feed: Feed,
    ) -> Result<()> {
        let mut writer = ArchiveWriter::new(&head).map_err(unpacked)?;
        for table in tables {
            let (select, _) = Image::columns(&table);
            let columns = table.columns.iter().filter(|c| c.expression.is_none());
            let columns: Vec<ArchivedColumn> = columns
                .map(|column| ArchivedColumn {
                    name: column.name.clone(),
                    charset: charset(column),
                })
                .collect();
            let count = columns.len();
            let head = TableHead {
                create: create_statement(&mut connection, &table.name)
                    .await
                    .map_err(classify)?,
                table: table.name,
                columns,
            };
            writer.table(&head).map_err(unpacked)?;
            if EMPTIED.contains(&head.table.as_str()) {
                continue;
            }
            let sql = format!("SELECT {select} FROM {}", ident(&head.table));
            let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut connection);
            while let Some(row) = rows.try_next().await.map_err(classify)? {
                let values = (0..count).map(|i| row.try_get_unchecked(i));
                let values = values.collect::<Result<Vec<_>, _>>().map_err(classify)?;
                writer.row(&values).map_err(unpacked)?;
                self.progress.add(1);
                if writer.waiting() >= PIECE {
                    self.send(&feed, writer.take()).await?;
                }
            }
        }
        writer.end().map_err(unpacked)?;
        self.send(&feed, writer.take()).await?;
        hang_up(connection).await;
        if let Some(file) = &self.recorded {
            let rows = self.progress.seen().done;
            self.store
                .record_backup(&self.actor, file, self.sum, rows)
                .await?;
        }
        Ok(())
    }

    async fn send(&mut self, feed: &Feed, bytes: Vec<u8>) -> Result<()> {
        if self.recorded.is_some() {
            self.sum.add(&bytes);
        }
        feed.send(bytes).await
    }
}

/// The statement that makes a table, as the server has it.
async fn create_statement(connection: &mut MySqlConnection, table: &str) -> Result<String, sqlx::Error> {
    let sql = format!("SHOW CREATE TABLE {}", ident(table));
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await?;
    row.try_get_unchecked(1)
}

fn unpacked(error: std::io::Error) -> Error {
    Error::unexpected("packing the archive", error)
}
