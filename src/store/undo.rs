//! Undoing: rows are put back as they were before a change, byte for byte, once it is certain that they still are what
//! the change left. Undoing is a change of its own, and can be undone.

mod judge;
mod restore;
mod since;
mod told;

use std::collections::{HashMap, HashSet};

use sqlx::{MySql, QueryBuilder};

use super::changes::{ROWS_OF_CHANGES, STATEMENT, push_visible, read_row_of_change, shown};
use super::connect::{classify, is_deadlock};
use super::list::find_rows;
use super::row::{Image, Stored};
use super::schema::Table;
use super::selection::MOST;
use super::unit::{ROWS_AT_ONCE, Stop, TRIES, Unit};
use super::{Action, Applied, Note, Refusal, Row, Store, Written};
use crate::access::{Actor, Scope};
use crate::error::Error;
use crate::progress::Progress;
use crate::resource::Resource;
use crate::resource::overrides::PLACES;
use since::Since;

/// Rows that a refusal shows in their versions.
const SHOWN: usize = 20;

/// How much of a change is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of it.
    Whole,
    /// One row, by its place in the change, from 0.
    Row(u32),
}

/// What undoing would do.
#[derive(Debug)]
pub struct Undoable {
    /// How many rows would be put back.
    pub rows: u32,
    /// The rows as they are and as they would be, at most [`MOST`].
    pub written: Vec<Written>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// Why nothing was undone.
#[derive(Debug)]
pub enum UndoRefusal {
    /// Rows are no longer what the change left: the first twenty of them.
    Otherwise(Vec<Otherwise>),
    /// The actor sees only part of the change, which can be undone row by row.
    Partly,
    /// What any write may be refused for; [`Error::NotFound`] where there is no such change, or nothing of it is the
    /// actor's.
    Refused(Refusal),
}

/// A row that is no longer what a change left, in three versions.
#[derive(Debug)]
pub struct Otherwise {
    /// Its table.
    pub resource: &'static Resource,
    /// Its key.
    pub key: String,
    /// The domain or address it is about.
    pub subject: String,
    /// Whether there is such a row now.
    pub is_there: bool,
    /// Its columns.
    pub columns: Vec<Versions>,
}

/// A column in three versions; `None` where the row did not exist or the column was NULL. Passwords are not shown.
#[derive(Debug)]
pub struct Versions {
    /// Its name.
    pub name: String,
    /// The value before the change.
    pub before: Option<String>,
    /// What the change left.
    pub left: Option<String>,
    /// What is there now.
    pub now: Option<String>,
    /// Whether it is no longer what the change left.
    pub differs: bool,
}

impl From<Stop> for UndoRefusal {
    fn from(stop: Stop) -> Self {
        Self::Refused(match stop {
            Stop::Refused(refusal) => refusal,
            Stop::Database(error) => Refusal::Failed(classify(error)),
        })
    }
}

/// What stops undoing on its way.
enum Halt {
    Answered(UndoRefusal),
    Stopped(Stop),
}

impl<E: Into<Stop>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Stopped(error.into())
    }
}

/// One row of a change, as it is recorded.
pub(super) struct Recorded {
    pub seq: u32,
    pub who: String,
    pub action: Action,
    pub resource: &'static Resource,
    /// The key it has after the change, or had before its deletion.
    pub key: String,
    /// What it is about after the change, or was before its deletion.
    pub subject: String,
    /// What it was about before, where that differs.
    pub old_subject: Option<String>,
    pub before: Option<Image>,
    pub after: Option<Image>,
    /// Bytes of both images, about.
    pub size: usize,
}

impl Recorded {
    /// What the row will be about again.
    fn restored_subject(&self) -> &str {
        self.old_subject.as_deref().unwrap_or(&self.subject)
    }

    /// The stored columns in which the row before and after differs.
    fn differing<'t>(&self, table: &'t Table) -> Vec<&'t str> {
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return Vec::new();
        };
        let stored = table.columns.iter().filter(|column| column.expression.is_none());
        stored
            .map(|column| column.name.as_str())
            .filter(|name| before.has(name) && before.bytes(name) != after.bytes(name))
            .collect()
    }

    /// Whether putting it back gives it a value that no two rows may have: the order of such rows matters.
    fn moves(&self, table: &Table) -> bool {
        self.differing(table).iter().any(|name| {
            let is_key = table.column(name).is_some_and(|c| c.primary || c.unique);
            is_key || *name == self.resource.subject || self.resource.unique_with == Some(*name)
        })
    }
}

impl Store {
    /// Undoes a change, or one row of it, as a change of its own.
    ///
    /// # Errors
    /// Nothing was written: see [`UndoRefusal`].
    pub async fn undo(
        &self,
        actor: &Actor,
        change: u64,
        which: Which,
        progress: &Progress,
    ) -> Result<Applied, UndoRefusal> {
        let (applied, _) = self.undo_in_turn(actor, change, which, progress, true).await?;
        Ok(applied)
    }

    /// What undoing would do; nothing stays written, though it is tried on the tables themselves.
    ///
    /// # Errors
    /// As [`Store::undo`] would answer now.
    pub async fn undoable(
        &self,
        actor: &Actor,
        change: u64,
        which: Which,
        progress: &Progress,
    ) -> Result<Undoable, UndoRefusal> {
        let (_, undoable) = self.undo_in_turn(actor, change, which, progress, false).await?;
        Ok(undoable)
    }

    async fn undo_in_turn(
        &self,
        actor: &Actor,
        change: u64,
        which: Which,
        progress: &Progress,
        keep: bool,
    ) -> Result<(Applied, Undoable), UndoRefusal> {
        let mut tries = 1;
        loop {
            match self.try_undo(actor, change, which, progress, keep).await {
                Ok(done) => return Ok(done),
                Err(Halt::Answered(refusal)) => return Err(refusal),
                Err(Halt::Stopped(Stop::Database(error))) if is_deadlock(&error) && tries < TRIES => {
                    tracing::info!(%error, tries, "lost a deadlock against another program; trying again");
                    tries += 1;
                }
                Err(Halt::Stopped(stop)) => return Err(stop.into()),
            }
        }
    }

    async fn try_undo(
        &self,
        actor: &Actor,
        change: u64,
        which: Which,
        progress: &Progress,
        keep: bool,
    ) -> Result<(Applied, Undoable), Halt> {
        let unit = self.begin(actor, progress).await?;
        let mut undoing = Undoing::new(unit, change, which, !keep);
        let rows = undoing.extent().await?;
        progress.begin("putting rows back", rows);
        let mut below = u64::from(u32::MAX) + 1;
        loop {
            let recorded = undoing.recorded(below).await?;
            let Some(last) = recorded.last() else { break };
            below = last.seq.into();
            let mut rest = recorded.as_slice();
            while let Some(first) = rest.first() {
                let table = undoing.unit.writable(first.resource)?;
                let (run, later) = rest.split_at(length_of_run(rest, &table));
                rest = later;
                undoing.put_back(&table, run).await?;
                if undoing.otherwise.len() >= SHOWN {
                    rest = &[];
                    below = 0;
                }
            }
        }
        undoing.end(keep).await
    }
}

/// How many of the records can be put back with one statement: the same thing done to different rows of one table.
fn length_of_run(records: &[Recorded], table: &Table) -> usize {
    let Some(first) = records.first() else { return 0 };
    if first.moves(table) {
        return 1;
    }
    let mut keys = HashSet::new();
    let mut size = 0;
    let alike = records.iter().take_while(|record| {
        size += record.size;
        std::ptr::eq(record.resource, first.resource)
            && record.action == first.action
            && !record.moves(table)
            && size <= STATEMENT
            && keys.insert(record.key.as_str())
    });
    alike.count().max(1)
}

/// A change on its way back.
struct Undoing<'a> {
    unit: Unit<'a>,
    change: u64,
    which: Which,
    /// Rows that are no longer what the change left.
    otherwise: Vec<Otherwise>,
    /// What the panel has written since, by table.
    since: HashMap<&'static str, Since>,
    keys: Vec<String>,
    /// Whether the rows are to be shown.
    shows: bool,
    written: Vec<Written>,
    is_cut: bool,
    /// Where a row stands in `written`, by the key it has by now: a change may have touched it twice.
    places: HashMap<(&'static str, String), usize>,
}

impl<'a> Undoing<'a> {
    fn new(unit: Unit<'a>, change: u64, which: Which, shows: bool) -> Self {
        Self {
            unit,
            change,
            which,
            otherwise: Vec::new(),
            since: HashMap::new(),
            keys: Vec::new(),
            shows,
            written: Vec::new(),
            is_cut: false,
            places: HashMap::new(),
        }
    }

    /// How many rows are to be put back, all of which have to be the actor's.
    async fn extent(&mut self) -> Result<u64, Halt> {
        let connection = &mut *self.unit.transaction;
        let all: (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), CAST(COALESCE(MAX(seq) + 1, 0) AS SIGNED) FROM pw_changes WHERE change_id = ?",
        )
        .bind(self.change)
        .fetch_one(&mut *connection)
        .await?;
        let mut sql = QueryBuilder::new("SELECT COUNT(*) FROM pw_changes WHERE ");
        self.push_rows(&mut sql);
        let theirs: i64 = sql
            .build_query_scalar()
            .fetch_one(&mut *self.unit.transaction)
            .await?;
        if theirs == 0 {
            return Err(Error::NotFound.into());
        }
        if self.which == Which::Whole && theirs < all.0 {
            return Err(Halt::Answered(UndoRefusal::Partly));
        }
        if self.which == Which::Whole && all.0 < all.1 {
            let why = "Part of this change is older than the record is kept (the setting changes.keep_days) and has been \
                       deleted from it.";
            return Err(Refusal::Unstorable(why.to_owned()).into());
        }
        Ok(theirs.unsigned_abs())
    }

    fn push_rows(&self, sql: &mut QueryBuilder<MySql>) {
        sql.push("change_id = ");
        sql.push_bind(self.change);
        if let Which::Row(seq) = self.which {
            sql.push(" AND seq = ");
            sql.push_bind(seq);
        }
        push_visible(sql, self.unit.actor);
    }

    /// The next rows of the record, the last first.
    async fn recorded(&mut self, below: u64) -> Result<Vec<Recorded>, Halt> {
        let mut sql = QueryBuilder::new(format!("{ROWS_OF_CHANGES} WHERE "));
        self.push_rows(&mut sql);
        sql.push(" AND seq < ");
        sql.push_bind(below);
        sql.push(format!(" ORDER BY seq DESC LIMIT {ROWS_AT_ONCE}"));
        let rows = sql.build().fetch_all(&mut *self.unit.transaction).await?;
        rows.iter()
            .map(|row| {
                let row = read_row_of_change(row)?;
                let resource = resource_of(
                    self.unit.actor,
                    &row.table,
                    &row.subject,
                    row.old_subject.as_deref(),
                );
                let resource = resource.ok_or_else(|| unknown(&row.table))?;
                let size = |image: &Option<String>| image.as_ref().map_or(0, String::len);
                Ok(Recorded {
                    seq: row.seq,
                    who: row.who,
                    action: row.action,
                    resource,
                    key: row.key,
                    subject: row.subject,
                    old_subject: row.old_subject,
                    size: size(&row.before) + size(&row.after),
                    before: image(row.before.as_deref())?,
                    after: image(row.after.as_deref())?,
                })
            })
            .collect()
    }

    /// Puts rows back, or notes those that are otherwise now; the latter are left alone.
    async fn put_back(&mut self, table: &Table, run: &[Recorded]) -> Result<(), Halt> {
        let Some(Recorded { resource, action, .. }) = run.first() else {
            return Ok(());
        };
        let resource: &'static Resource = resource;
        let keys: Vec<&str> = run.iter().map(|record| record.key.as_str()).collect();
        let connection = &mut self.unit.transaction;
        let live = find_rows(connection, self.unit.actor, resource, table, &keys, " FOR UPDATE").await?;
        let mut live: HashMap<String, Stored> = live
            .into_iter()
            .map(|stored| (stored.row.key.clone(), stored))
            .collect();
        let mut rows = Vec::with_capacity(run.len());
        for record in run {
            let now = live.remove(&record.key);
            if is_left(table, record, now.as_ref())? {
                self.expect_rightful(table, record, now.as_ref()).await?;
                self.expect_place(table, record).await?;
                rows.push((record, now));
            } else if self.otherwise.len() < SHOWN {
                self.otherwise.push(versions(record, now.as_ref()));
            }
        }
        let (records, now): (Vec<&Recorded>, Vec<Option<Stored>>) = rows.into_iter().unzip();
        let now: Vec<Stored> = now.into_iter().flatten().collect();
        if records.is_empty() {
            return Ok(());
        }
        let written = match action {
            Action::Create => self.unit.take_away(resource, table, &records).await,
            Action::Update => self.unit.write_back(resource, table, &records).await,
            Action::Delete => self.unit.bring_back(resource, table, &records).await,
        };
        let after = match written {
            Ok(after) => after,
            // What is in the way may be what is to be shown.
            Err(Stop::Refused(_)) if !self.otherwise.is_empty() => return Err(self.conflict()),
            Err(stop) => return Err(stop.into()),
        };
        let done = match action {
            Action::Create => Action::Delete,
            Action::Update => Action::Update,
            Action::Delete => Action::Create,
        };
        self.unit.record_all(resource, done, &now, &after).await?;
        self.keys.extend(records.iter().map(|record| record.key.clone()));
        if self.shows {
            self.show(resource, &now, after);
        }
        Ok(())
    }

    /// Notes rows for the review, each once, whatever the change did to it in turn.
    fn show(&mut self, resource: &'static Resource, now: &[Stored], after: Vec<Stored>) {
        let mut after: HashMap<String, Row> = after
            .into_iter()
            .map(|stored| (stored.row.key.clone(), stored.row))
            .collect();
        // A row whose key changes is put back alone.
        let renamed = (now.len() == 1 && after.len() == 1).then(|| after.drain().next().map(|(_, row)| row));
        let renamed = renamed.flatten();
        for stored in now {
            let will_be = renamed.clone().or_else(|| after.remove(&stored.row.key));
            self.note(resource, Some(stored.row.clone()), will_be);
        }
        for (_, row) in after {
            self.note(resource, None, Some(row));
        }
    }

    fn note(&mut self, resource: &'static Resource, before: Option<Row>, after: Option<Row>) {
        let place = |row: &Row| (resource.table, row.key.clone());
        let known = before.as_ref().and_then(|row| self.places.remove(&place(row)));
        let at = match known {
            Some(at) => at,
            None if self.written.len() >= MOST => {
                self.is_cut = true;
                return;
            }
            None => {
                self.written.push(Written {
                    resource,
                    before,
                    after: None,
                });
                self.written.len() - 1
            }
        };
        if let Some(row) = &after {
            self.places.insert(place(row), at);
        }
        self.written[at].after = after;
    }

    fn conflict(&mut self) -> Halt {
        Halt::Answered(UndoRefusal::Otherwise(std::mem::take(&mut self.otherwise)))
    }

    async fn end(mut self, keep: bool) -> Result<(Applied, Undoable), Halt> {
        if !self.otherwise.is_empty() {
            return Err(self.conflict());
        }
        let rows = self.unit.recorded;
        let change = if keep {
            let note = Note {
                what: format!("undo of change {}", self.change),
                undoes: Some((
                    self.change,
                    match self.which {
                        Which::Whole => None,
                        Which::Row(seq) => Some(seq),
                    },
                )),
            };
            self.unit.finish(&note).await?
        } else {
            self.unit.transaction.rollback().await?;
            None
        };
        self.written.retain(|row| row.before != row.after);
        let undoable = Undoable {
            rows,
            written: self.written,
            is_cut: self.is_cut,
        };
        let keys = self.keys;
        Ok((Applied { change, keys, rows }, undoable))
    }
}

/// What a recorded row is to this actor: for owners a row about one address among the domains is an override, which they
/// may write.
fn resource_of(
    actor: &Actor,
    table: &str,
    subject: &str,
    old_subject: Option<&str>,
) -> Option<&'static Resource> {
    let is_address = |subject: &str| subject.find('@').is_some_and(|at| at > 0);
    let of_addresses = is_address(subject) && old_subject.is_none_or(is_address);
    let place = PLACES.into_iter().find(|place| place.table == table);
    place
        .filter(|_| of_addresses && actor.scope != Scope::Everything)
        .or_else(|| Resource::by_table(table))
}

fn unknown(table: &str) -> Refusal {
    Refusal::Unstorable(format!(
        "This change is in the table {table}, which this version of the panel does not know."
    ))
}

fn image(json: Option<&str>) -> Result<Option<Image>, Error> {
    json.map(|json| {
        Image::from_json(json)
            .ok_or_else(|| Error::Unexpected("a row of the record cannot be read".to_owned()))
    })
    .transpose()
}

/// Whether a row is what the change left.
fn is_left(table: &Table, record: &Recorded, now: Option<&Stored>) -> Result<bool, Refusal> {
    if let Some(before) = &record.before {
        expect_columns(table, before)?;
    }
    match (&record.after, now) {
        (None, now) => Ok(now.is_none()),
        (Some(_), None) => Ok(false),
        (Some(left), Some(now)) => {
            if !agree(table, &now.image, left) {
                return Ok(false);
            }
            expect_nothing_new(table, &now.image, left)?;
            Ok(true)
        }
    }
}

/// Whether every recorded column holds what was recorded.
fn agree(table: &Table, live: &Image, recorded: &Image) -> bool {
    let stored = |name: &str| table.column(name).is_some_and(|c| c.expression.is_none());
    recorded
        .each()
        .filter(|(name, _)| stored(name))
        .all(|(name, bytes)| live.bytes(name) == bytes)
}

/// That the table still has every column of a row that held something.
fn expect_columns(table: &Table, recorded: &Image) -> Result<(), Refusal> {
    let lost = recorded
        .each()
        .find(|(name, bytes)| bytes.is_some() && !table.has(name));
    match lost {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::Unstorable(format!(
            "The table {} no longer has the column {name}, and the row held something in it that cannot be put back.",
            table.name
        ))),
    }
}

/// That columns the table has anew hold nothing but their default.
fn expect_nothing_new(table: &Table, live: &Image, recorded: &Image) -> Result<(), Refusal> {
    let is_default = |name: &str, bytes: &[u8]| {
        let default = table.column(name).and_then(|column| column.default.as_deref());
        default.map(str::as_bytes) == Some(bytes)
    };
    let new = live
        .each()
        .find(|(name, bytes)| !recorded.has(name) && bytes.is_some_and(|bytes| !is_default(name, bytes)));
    match new {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::Unstorable(format!(
            "The table {} has the column {name} since, and it holds something: what the row was before is not known as a \
             whole.",
            table.name
        ))),
    }
}

/// A row that is otherwise now, in three versions.
fn versions(record: &Recorded, now: Option<&Stored>) -> Otherwise {
    let images = [
        record.before.as_ref(),
        record.after.as_ref(),
        now.map(|stored| &stored.image),
    ];
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in images.iter().flatten().flat_map(|image| image.each()) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name);
        }
    }
    let [before, left, now_is] =
        images.map(|image| move |name: &str| image.and_then(|image| image.bytes(name)));
    let columns = names
        .into_iter()
        .map(|name| Versions {
            name: name.to_owned(),
            before: before(name).map(|bytes| shown(name, bytes)),
            left: left(name).map(|bytes| shown(name, bytes)),
            now: now_is(name).map(|bytes| shown(name, bytes)),
            differs: left(name) != now_is(name),
        })
        .collect();
    Otherwise {
        resource: record.resource,
        key: record.key.clone(),
        subject: record.subject.clone(),
        is_there: now.is_some(),
        columns,
    }
}
