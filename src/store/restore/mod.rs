//! An archive back into a database.
//!
//! Tables that are missing are made first: that ends every transaction, so it happens before any row is written. All rows
//! are then one transaction, which ends only once the archive's checksum has been seen to be right again.
//!
//! - **Mail tables** become what they are in the archive: rows that differ are changed, others added or removed. Where there
//!   were any rows before, that is a change like every other: recorded, shown and undone.
//! - **The panel's tables**, and others without a record of changes, are replaced where the panel has no people and no
//!   record yet, as after `migrate`. Otherwise they stay as they are unless that is asked for: an older record in place of a
//!   newer one would lose what was done since, and older accounts would let in who is let in no more. Even then numbers of
//!   changes go on from the higher of both counters.
//! - Where accounts are replaced everybody is signed out: sessions are not in an archive, and were begun with other rights.
//!
//! The server does the comparing: a table's rows are loaded beside it, into a temporary table, and joined. Memory does not
//! grow with the archive. Where it is only to be said what would happen, nothing is loaded, and memory grows by some bytes
//! for each row of one table (`compare.rs`).

mod compare;
mod difference;
mod load;

use sqlx::{AssertSqlSafe, MySqlConnection};

use super::Store;
use super::backup::{charset, is_archived};
use super::connect::{SESSION, classify};
use super::schema::{Schema, Table};
use super::sql::ident;
use super::unit::{Note, Refusal, Stop, Unit};
use crate::access::Actor;
use crate::error::Error;
use crate::exchange::{Archive, Next, TableHead};
use crate::progress::Progress;
use crate::resource::Resource;
use compare::Archived;
pub use difference::Difference;
use load::Load;

/// A session that takes keys as they are, 0 too, and rows in any order. It is the command line's, which ends with it.
const AS_THEY_ARE: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO', \
                           foreign_key_checks = 0";

/// How an archive is restored.
#[derive(Debug, Clone, Default)]
pub struct Restoring {
    /// Whether it is; otherwise it is only said what would become of each table.
    pub applies: bool,
    /// Whether the panel's own tables are replaced although they are in use.
    pub panel: bool,
    /// What the archive is called, for the record.
    pub name: String,
}

/// What a restore comes to.
#[derive(Debug, Default)]
pub struct Restored {
    /// The tables of the archive, in its order.
    pub tables: Vec<RestoredTable>,
    /// The number of the change; `None` where nothing was recorded.
    pub change: Option<u64>,
}

/// One table of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredTable {
    /// Its name.
    pub name: String,
    /// Rows in the archive.
    pub archived: u64,
    /// Rows in the database before; `None` where it had no such table.
    pub rows: Option<u64>,
    /// What becomes of them.
    pub fate: Fate,
}

/// What becomes of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Those that differ are made what they are in the archive.
    Matched(Difference),
    /// All of them go, and those of the archive come.
    Replaced,
    /// They stay: the panel is in use.
    Left,
}

/// A table of an archive and what is to become of it.
struct Planned {
    name: String,
    archived: u64,
    /// Whether it is made first.
    missing: bool,
    rows: u64,
    resource: Option<&'static Resource>,
    left: bool,
}

impl Planned {
    /// What becomes of its rows where there is nothing to compare them with.
    fn fate_alone(&self) -> Fate {
        match self.resource {
            _ if self.left => Fate::Left,
            Some(_) => Fate::Matched(Difference {
                added: self.archived,
                ..Difference::default()
            }),
            None => Fate::Replaced,
        }
    }

    fn told(&self, fate: Fate) -> RestoredTable {
        RestoredTable {
            name: self.name.clone(),
            archived: self.archived,
            rows: (!self.missing).then_some(self.rows),
            fate,
        }
    }
}

impl Store {
    /// Restores an archive, or says what would become of each table.
    ///
    /// # Errors
    /// [`Refusal::Unstorable`] where a table of the database has other columns, or cannot be written; nothing was written.
    /// The database does not answer, or the account may not create tables.
    pub async fn restore(
        &self,
        actor: &Actor,
        archive: &Archive,
        how: &Restoring,
        progress: &Progress,
    ) -> Result<Restored, Refusal> {
        match self.try_restore(actor, archive, how, progress).await {
            Ok(restored) => Ok(restored),
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Database(error)) => Err(Refusal::Failed(classify(error))),
        }
    }

    async fn try_restore(
        &self,
        actor: &Actor,
        archive: &Archive,
        how: &Restoring,
        progress: &Progress,
    ) -> Result<Restored, Stop> {
        let mut connection = self.pool.acquire().await?;
        let plan = plan(&mut connection, archive, how).await?;
        if how.applies {
            create(&mut connection, archive, &plan).await?;
        }
        drop(connection);
        self.schema.forget();
        if !how.applies
            && plan
                .iter()
                .any(|table| table.missing && table.name == "pw_counter")
        {
            return unmigrated(&plan);
        }
        let unit = self.begin(actor, progress).await?;
        progress.begin(
            "restoring rows",
            archive.tables.iter().map(|(_, rows)| rows).sum(),
        );
        let records = plan
            .iter()
            .any(|table| table.resource.is_some() && table.rows > 0);
        let mut restore = Restore {
            before: unit.change.saturating_sub(1),
            unit,
            applies: how.applies,
            replaces_accounts: plan
                .iter()
                .any(|table| table.name == "pw_accounts" && !table.left),
            records,
            progress: progress.clone(),
        };
        let tables = restore.all(archive, &plan).await?;
        let change = restore.finish(how).await?;
        self.schema.forget();
        Ok(Restored { tables, change })
    }
}

/// What is to become of each table, as the database is now.
async fn plan(
    connection: &mut MySqlConnection,
    archive: &Archive,
    how: &Restoring,
) -> Result<Vec<Planned>, Stop> {
    let schema = Schema::read(connection).await?;
    let mut in_use = false;
    for table in ["pw_accounts", "pw_changes"] {
        in_use |= schema.table(table).is_some() && count(connection, table).await? > 0;
    }
    let mut plan = Vec::new();
    for (head, archived) in &archive.tables {
        let name = &head.table;
        if !is_archived(name)
            || !head
                .create
                .starts_with(&format!("CREATE TABLE {} (", ident(name)))
        {
            return Err(refused(format!(
                "The archive has a table {name}, which no backup has."
            )));
        }
        let resource = Resource::by_table(name);
        let left = resource.is_none() && in_use && !how.panel;
        let live = schema.table(name);
        let rows = match live {
            Some(live) if !left => {
                expect_same_columns(head, live)?;
                count(connection, name).await?
            }
            Some(_) => count(connection, name).await?,
            None => 0,
        };
        let read_only = resource
            .zip(live)
            .and_then(|(resource, live)| live.read_only(resource));
        if let Some(why) = read_only.filter(|_| rows > 0) {
            return Err(refused(why.reason));
        }
        plan.push(Planned {
            name: name.clone(),
            archived: *archived,
            missing: live.is_none(),
            rows,
            resource,
            left,
        });
    }
    Ok(plan)
}

/// Makes the tables that are missing, and the row that changes are numbered by.
async fn create(connection: &mut MySqlConnection, archive: &Archive, plan: &[Planned]) -> Result<(), Stop> {
    run(connection, AS_THEY_ARE.to_owned()).await?;
    let made = async {
        for ((head, _), _) in archive.tables.iter().zip(plan).filter(|(_, table)| table.missing) {
            run(connection, head.create.clone()).await?;
        }
        run(
            connection,
            "INSERT IGNORE INTO pw_counter (id, last_change) VALUES (1, 0)".to_owned(),
        )
        .await
    };
    let made = made.await;
    run(connection, format!("{SESSION}, foreign_key_checks = 1")).await?;
    made.map(drop).map_err(Stop::from)
}

/// Where the rows of a table go.
enum Rows {
    /// Into a table.
    Load(Load),
    /// Nowhere: they are compared with those there are.
    Compare(Archived),
}

/// A restore in its transaction.
struct Restore<'a> {
    unit: Unit<'a>,
    /// The last number of a change before, or in the archive where that is restored and higher.
    before: u64,
    applies: bool,
    /// Whether other people may sign in afterwards.
    replaces_accounts: bool,
    /// Whether there were rows that somebody may want back.
    records: bool,
    progress: Progress,
}

impl Restore<'_> {
    async fn all(&mut self, archive: &Archive, plan: &[Planned]) -> Result<Vec<RestoredTable>, Stop> {
        run(&mut self.unit.transaction, AS_THEY_ARE.to_owned()).await?;
        let mut lines = archive.lines().map_err(damaged)?;
        let mut tables = Vec::new();
        let mut rows: Option<Rows> = None;
        let mut plan = plan.iter();
        let mut current: Option<&Planned> = None;
        loop {
            let next = lines.read().map_err(damaged)?;
            if let Some(Next::Row(row)) = next {
                self.progress.add(1);
                match &mut rows {
                    Some(Rows::Load(load)) => load.row(&mut self.unit.transaction, row).await?,
                    Some(Rows::Compare(archived)) => archived.row(&row),
                    None => {}
                }
                continue;
            }
            if let Some(done) = current.take() {
                tables.push(self.end_table(done, rows.take()).await?);
            }
            let Some(Next::Table(head)) = next else {
                return Ok(tables);
            };
            current = plan.next();
            if let Some(table) = current {
                rows = self.begin_table(table, &head).await?;
            }
        }
    }

    /// Whether a table's rows are compared with those of the archive.
    fn compares(&self, table: &Planned) -> bool {
        table.resource.is_some() && self.records && (self.applies || !table.missing)
    }

    /// Where the rows of a table go that come next; `None` where they are not needed.
    async fn begin_table(&mut self, table: &Planned, head: &TableHead) -> Result<Option<Rows>, Stop> {
        if table.left {
            return Ok(None);
        }
        let compares = self.compares(table);
        if !self.applies {
            let resource = table.resource.filter(|_| compares);
            return Ok(resource.map(|resource| Rows::Compare(Archived::of(head, resource))));
        }
        let live = require_live(&self.unit.schema, &head.table)?;
        let connection = &mut *self.unit.transaction;
        let load = match table.name.as_str() {
            _ if compares => Load::beside(connection, head, live).await?,
            // What was migrated since the archive was written stays migrated.
            "pw_migrations" => Load::into(head, live, true),
            // Read by itself: the counter never goes back.
            "pw_counter" => Load::beside(connection, head, live).await?,
            _ => {
                if table.rows > 0 {
                    run(connection, format!("DELETE FROM {}", ident(&table.name))).await?;
                }
                Load::into(head, live, false)
            }
        };
        Ok(Some(Rows::Load(load)))
    }

    async fn end_table(&mut self, table: &Planned, rows: Option<Rows>) -> Result<RestoredTable, Stop> {
        let fate = match (rows, table.resource) {
            (Some(Rows::Compare(archived)), _) => {
                let live = require_live(&self.unit.schema, &table.name)?;
                Fate::Matched(archived.difference(&mut self.unit.transaction, live).await?)
            }
            (Some(Rows::Load(load)), resource) => {
                load.finish(&mut self.unit.transaction).await?;
                match resource.filter(|_| self.compares(table)) {
                    Some(resource) => Fate::Matched(difference::settle(&mut self.unit, resource).await?),
                    None => table.fate_alone(),
                }
            }
            (None, _) => table.fate_alone(),
        };
        if table.name == "pw_counter" && fate == Fate::Replaced && self.applies {
            self.take_counter().await?;
        }
        Ok(table.told(fate))
    }

    /// Goes on numbering where the archive stopped, if that is higher. The panel's tables come first in an archive, so that
    /// nothing has a number yet.
    async fn take_counter(&mut self) -> Result<(), Stop> {
        let archived: Option<u64> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT CAST(MAX(last_change) AS UNSIGNED) FROM {}",
            load::BESIDE
        )))
        .fetch_one(&mut *self.unit.transaction)
        .await?;
        load::drop_beside(&mut self.unit.transaction).await?;
        self.before = self.before.max(archived.unwrap_or_default());
        self.unit.change = self.before + 1;
        Ok(())
    }

    /// Ends the transaction: everything, or, where it was only to be seen, nothing.
    async fn finish(mut self, how: &Restoring) -> Result<Option<u64>, Stop> {
        let connection = &mut *self.unit.transaction;
        if !self.applies {
            run(connection, format!("{SESSION}, foreign_key_checks = 1")).await?;
            self.unit.transaction.rollback().await?;
            return Ok(None);
        }
        if self.replaces_accounts {
            run(connection, "DELETE FROM pw_sessions".to_owned()).await?;
        }
        let last = self.before + u64::from(self.unit.recorded > 0);
        run(
            connection,
            format!("UPDATE pw_counter SET last_change = {last} WHERE id = 1"),
        )
        .await?;
        run(connection, format!("{SESSION}, foreign_key_checks = 1")).await?;
        if self.unit.recorded == 0 {
            // Nothing to be undone, and no number used.
            self.unit.transaction.commit().await?;
            return Ok(None);
        }
        let note = Note::saying(format!("restore of {}", how.name));
        self.unit.finish(&note).await
    }
}

async fn count(connection: &mut MySqlConnection, table: &str) -> Result<u64, sqlx::Error> {
    let sql = format!("SELECT COUNT(*) FROM {}", ident(table));
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?;
    Ok(rows.unsigned_abs())
}

/// Runs one statement, and no second one that may stand in the same text.
async fn run(connection: &mut MySqlConnection, sql: String) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(AssertSqlSafe(sql))
        .persistent(false)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// What would become of tables where the panel has none yet: nothing can be compared there, and nothing need be.
fn unmigrated(plan: &[Planned]) -> Result<Restored, Stop> {
    if plan
        .iter()
        .any(|table| table.resource.is_some() && table.rows > 0)
    {
        return Err(Error::NotMigrated.into());
    }
    let tables = plan.iter().map(|table| table.told(table.fate_alone())).collect();
    Ok(Restored { tables, change: None })
}

fn require_live<'s>(schema: &'s Schema, name: &str) -> Result<&'s Table, Stop> {
    let live = schema.table(name);
    live.ok_or_else(|| refused(format!("The table {name} went away meanwhile.")))
}

/// That the archive's rows fit the table there is: the same columns, and text in the same characters.
fn expect_same_columns(head: &TableHead, live: &Table) -> Result<(), Stop> {
    let stored = || live.columns.iter().filter(|column| column.expression.is_none());
    let same = head.columns.len() == stored().count()
        && head.columns.iter().all(|archived| {
            let column = stored().find(|column| column.name.eq_ignore_ascii_case(&archived.name));
            column.is_some_and(|column| charset(column) == archived.charset)
        });
    if same {
        return Ok(());
    }
    Err(refused(format!(
        "The table {} of this database has other columns, or other character sets, than the one in the archive. Restore into \
         an empty database, and take rows from there with `postwarden export` and `import`.",
        head.table
    )))
}

fn refused(why: String) -> Stop {
    Refusal::Unstorable(why).into()
}

fn damaged(why: String) -> Stop {
    refused(format!("The archive {why}."))
}
