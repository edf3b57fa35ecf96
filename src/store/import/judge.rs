//! What becomes of each line of a file: judged the same way to look at and to write, many lines at a time.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use sqlx::MySqlConnection;

use super::batch::Batch;
use super::columns::Columns;
use super::directories::Directories;
use super::found::{Found, Identity, folded};
use super::given::Given;
use super::mailbox;
use super::tally::{Cells, Tally, Write};
use crate::access::{Actor, Scope};
use crate::error::Error;
use crate::exchange::{Refused, Row as Line};
use crate::mail::{domain_of, visible};
use crate::resource::{Draft, OwnerRights, Part, Problem, Resource, Value, access};
use crate::store::limits::Ledger;
use crate::store::row::Stored;
use crate::store::schema::{Schema, Table};
use crate::store::unit::{Stop, expect_free, too_long, writable};
use crate::store::{Refusal, Store};

/// Different columns of lines that are remembered.
const HEADERS: usize = 50;

/// Why a line is not written.
enum Not {
    /// It is there already.
    Needed,
    /// It cannot be: the column and the reason.
    Possible(String, String),
    /// Something else is wrong.
    Judged(Stop),
}

impl From<Stop> for Not {
    fn from(stop: Stop) -> Self {
        Self::Judged(stop)
    }
}

impl From<(String, String)> for Not {
    fn from((column, reason): (String, String)) -> Self {
        Self::Possible(column, reason)
    }
}

impl From<Problem> for Not {
    fn from(problem: Problem) -> Self {
        Self::Possible(problem.column.to_owned(), problem.message)
    }
}

/// A line that is being judged.
struct Case<'l> {
    line: u64,
    /// Which row of its line it is, where there are others on it.
    number: Option<u64>,
    columns: &'l Columns,
    given: Given<'l>,
    /// The line as a new row.
    draft: Result<Draft, Vec<Problem>>,
    /// What it is about: as it is written, and as it would be stored.
    identities: Vec<Identity>,
}

/// Judges the lines of a file, and keeps count.
pub(super) struct Judge<'a> {
    store: &'a Store,
    actor: &'a Actor,
    schema: Arc<Schema>,
    /// Empty, or ` FOR UPDATE` where rows are about to be written.
    lock: &'static str,
    /// Which columns lines have had so far.
    headers: Vec<Columns>,
    hasher: RandomState,
    seen: HashMap<u64, u64>,
    ledger: Ledger,
    directories: Option<Directories>,
    begun: bool,
    /// What it comes to so far.
    pub tally: Tally,
}

impl<'a> Judge<'a> {
    /// One who has seen nothing yet.
    pub fn new(store: &'a Store, actor: &'a Actor, schema: Arc<Schema>, lock: &'static str) -> Self {
        Self {
            store,
            actor,
            schema,
            lock,
            headers: Vec::new(),
            hasher: RandomState::new(),
            seen: HashMap::new(),
            ledger: Ledger::default(),
            directories: None,
            begun: false,
            tally: Tally::default(),
        }
    }

    /// Judges the lines of a batch and answers with what has to be written, in their order.
    pub async fn judge(
        &mut self,
        connection: &mut MySqlConnection,
        batch: Batch,
    ) -> Result<Vec<Write>, Stop> {
        let mut refused = batch.refused;
        let mut writes = Vec::new();
        if let Some(resource) = batch.resource {
            let places = self.places(resource, &batch.lines)?;
            let headers = std::mem::take(&mut self.headers);
            let mut cases = Vec::with_capacity(batch.lines.len());
            for (place, line) in places.into_iter().zip(&batch.lines) {
                let columns = &headers[place];
                if columns.has(resource.subject) {
                    cases.push(self.case(columns, line));
                } else {
                    let reason = "The row does not say what it is about.".to_owned();
                    let column = resource.subject.to_owned();
                    let told = Refused {
                        line: line.line,
                        column,
                        reason,
                    };
                    refused.push(told.of_row(line.number));
                }
            }
            let table = importable(&self.schema, self.actor, resource)?.clone();
            writes = self
                .judge_cases(connection, resource, &table, cases, &mut refused)
                .await?;
            self.headers = headers;
        }
        refused.sort_by_key(|refused| refused.line);
        for refused in refused {
            self.tally.refuse(refused);
        }
        Ok(writes)
    }

    /// Where in the headers the columns of each line are.
    fn places(&mut self, resource: &'static Resource, lines: &[Line]) -> Result<Vec<usize>, Stop> {
        if self.headers.len() > HEADERS {
            self.headers.clear();
        }
        let mut places = Vec::with_capacity(lines.len());
        let mut last = 0;
        for line in lines {
            let names = || line.fields.iter().map(|(name, _)| name.as_str());
            let are = |columns: &Columns| columns.are(resource, names());
            if !self.headers.get(last).is_some_and(are) {
                let known = self.headers.iter().position(are);
                last = match known {
                    Some(known) => known,
                    None => self.learn(resource, line.line, names())?,
                };
            }
            places.push(last);
        }
        Ok(places)
    }

    /// Finds out what columns of these names are; those that are refused are so once.
    fn learn<'n>(
        &mut self,
        resource: &'static Resource,
        line: u64,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<usize, Stop> {
        let table = importable(&self.schema, self.actor, resource)?;
        let (columns, refused) = Columns::of(self.actor, resource, table, names);
        // The header of a file is its first line; of a table further down it is not known where.
        let line = if self.begun { line } else { 1 };
        self.begun = true;
        for refused in refused {
            let hash = self.hasher.hash_one((resource.table, "column", &refused.column));
            if self.seen.insert(hash, line).is_none() {
                self.tally.refuse(Refused { line, ..refused });
            }
        }
        for name in &columns.left {
            let remark = format!("The column {name} is for operators to set: it is left as it is.");
            self.tally.remark(0, &remark);
        }
        self.headers.push(columns);
        Ok(self.headers.len() - 1)
    }

    async fn judge_cases(
        &mut self,
        connection: &mut MySqlConnection,
        resource: &'static Resource,
        table: &Table,
        cases: Vec<Case<'_>>,
        refused: &mut Vec<Refused>,
    ) -> Result<Vec<Write>, Stop> {
        let wanted: HashSet<Identity> = cases.iter().flat_map(|case| case.identities.clone()).collect();
        let keys: Vec<&str> = cases.iter().filter_map(|case| case.given.key).collect();
        let found = Found::read(connection, self.actor, resource, table, &wanted, &keys, self.lock).await?;
        if self.directories.is_none()
            && let Some(column) = resource.directory.filter(|column| table.has(column))
        {
            self.directories = Some(Directories::read(connection, resource, table, column).await?);
        }
        let mut writes = Vec::new();
        for case in cases {
            let (line, number) = (case.line, case.number);
            let told = |column, reason| Refused { line, column, reason }.of_row(number);
            match self.judge_line(connection, &found, case).await {
                Ok(write) => writes.push(write),
                Err(Not::Needed) => self.tally.imported.unchanged += 1,
                Err(Not::Possible(column, reason)) => refused.push(told(column, reason)),
                Err(Not::Judged(Stop::Refused(refusal))) => {
                    let Some((column, reason)) = refusal.told(resource) else {
                        return Err(refusal.into());
                    };
                    refused.push(told(column.to_owned(), reason));
                }
                Err(Not::Judged(stop)) => return Err(stop),
            }
        }
        Ok(writes)
    }

    fn case<'l>(&self, columns: &'l Columns, line: &'l Line) -> Case<'l> {
        let (resource, table) = (columns.resource, &columns.table);
        let given = Given::of(columns, &line.fields);
        let draft = resource.check(self.store.rules(), given.fields(resource, table, None));
        let with = resource.unique_with.filter(|with| table.has(with));
        let text = |column: &'static str| match resource.column(column) {
            Some(edited) if !columns.has(column) => table.default_of(edited),
            _ => given.text(column).to_owned(),
        };
        let mut identities = vec![(
            folded(&text(resource.subject)),
            with.map_or_else(String::new, |with| folded(text(with).trim())),
        )];
        if let Ok(draft) = &draft {
            let stored = (
                folded(&draft.text(resource.subject)),
                with.map_or_else(String::new, |with| folded(&draft.text(with))),
            );
            if stored != identities[0] {
                identities.push(stored);
            }
        }
        Case {
            line: line.line,
            number: line.number,
            columns,
            given,
            draft,
            identities,
        }
    }

    async fn judge_line(
        &mut self,
        connection: &mut MySqlConnection,
        found: &Found,
        case: Case<'_>,
    ) -> Result<Write, Not> {
        let columns = case.columns;
        let (resource, table) = (columns.resource, &columns.table);
        self.expect_own(resource, &case)?;
        let before = expect_one(&case, found.about(&case.identities))?;
        self.expect_first(resource, &case, before)?;
        if before.is_some_and(|stored| case.given.is_in(stored, table)) {
            return Err(Not::Needed);
        }
        let row = before.map(|stored| &stored.row);
        let draft = match case.draft {
            Ok(draft) if before.is_none() || columns.is_complete => draft,
            Err(problems) if before.is_none() || columns.is_complete => return Err(first(problems)),
            // What the line does not give is as it is stored.
            _ => {
                let fields = case.given.fields(resource, table, row);
                resource.check(self.store.rules(), fields).map_err(first)?
            }
        };
        if resource.table == access::RESOURCE.table
            && self.actor.scope != Scope::Everything
            && let Some(problem) = access::beyond_owners(&draft).into_iter().next()
        {
            return Err(problem.into());
        }
        let mut values = self.values(columns, &case.given, &draft, before, found)?;
        if let Some(stored) = before {
            values.retain(|(name, value)| !stored.holds(table, name, value));
            if values.is_empty() && draft.password().is_none() {
                return Err(Not::Needed);
            }
        }
        expect_room(resource, table, &values)?;
        if before.is_none() && found.has_alike {
            expect_free(connection, self.actor, resource, table, &draft, None).await?;
        }
        if let Some(directories) = &mut self.directories
            && let Some(column) = resource.directory
            && values.iter().any(|(name, _)| name == column)
        {
            let (key, directory) = (draft.text(resource.key), draft.text(column));
            let taken = directories.take(self.actor, column, &key, &directory, row);
            taken.map_err(Stop::from)?;
        }
        let schema = Arc::clone(&self.schema);
        self.ledger
            .take(connection, &schema, self.actor, resource, &draft, row)
            .await?;
        let write = Write {
            line: case.line,
            subject: draft.text(resource.subject),
            before: before.cloned(),
            values,
            password: draft.password().cloned(),
        };
        let cautions = self.store.cautions(resource, &draft, row);
        self.tally.note(table, resource, &draft, &write, cautions);
        Ok(write)
    }

    /// That a line is about something the actor may write; whether it is there makes no difference.
    fn expect_own(&self, resource: &'static Resource, case: &Case<'_>) -> Result<(), Not> {
        let last = case.identities.last();
        let (subject, with) = last
            .map(|(subject, with)| (subject.as_str(), with.as_str()))
            .unwrap_or_default();
        let theirs = match resource.owners {
            OwnerRights::WriteWhere(_, value) => with == value,
            OwnerRights::Read | OwnerRights::Write => true,
        };
        if self.actor.scope == Scope::Everything || (self.actor.scope.covers(&domain_of(subject)) && theirs) {
            return Ok(());
        }
        Err(Stop::from(Refusal::OutOfScope).into())
    }

    /// That no line before was about the same row.
    fn expect_first(
        &mut self,
        resource: &'static Resource,
        case: &Case<'_>,
        before: Option<&Stored>,
    ) -> Result<(), Not> {
        let identity = case.identities.last();
        let new = self.hasher.hash_one((resource.table, identity));
        let own = before.map_or(new, |stored| {
            self.hasher.hash_one((resource.table, &stored.row.key))
        });
        if let Some(earlier) = self.seen.get(&own).or_else(|| self.seen.get(&new)) {
            return Err(Not::Possible(
                resource.subject.to_owned(),
                format!(
                    "Line {earlier} is about `{}` too, and one row cannot be both. Leave one of them out.",
                    visible(&case.identities[0].0)
                ),
            ));
        }
        self.seen.insert(own, case.line);
        Ok(())
    }

    /// What a line writes: of a new row everything, of one that is there what the line gives.
    fn values(
        &mut self,
        columns: &Columns,
        given: &Given<'_>,
        draft: &Draft,
        before: Option<&Stored>,
        found: &Found,
    ) -> Result<Cells, Not> {
        let (resource, table) = (columns.resource, &columns.table);
        let mut values: Cells = draft
            .values()
            .iter()
            .filter(|(name, _)| {
                let is_computed = resource.column(name).is_none();
                table.has(name) && (before.is_none() || is_computed || columns.has(name))
            })
            .map(|(name, value)| (Cow::Borrowed(*name), value.clone()))
            .collect();
        for (name, value) in given.kept_values(before, table)? {
            // What is computed from the other columns is right.
            if !values.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
                values.push((name, value));
            }
        }
        if let Some(key) = given.key.filter(|_| before.is_none()) {
            let number = key.parse::<i64>().ok().filter(|number| *number > 0);
            let Some(number) = number else {
                let why = format!("`{}` is no number that a row could have.", visible(key));
                return Err(Not::Possible(resource.key.to_owned(), why));
            };
            let hash = self.hasher.hash_one((resource.table, "key", number));
            if !found.is_taken(key) && self.seen.insert(hash, 0).is_none() {
                values.push((Cow::Borrowed(resource.key), Value::Number(number)));
            }
        }
        let secrets = mailbox::secrets(resource, table, given, before.is_none())?;
        if secrets
            .iter()
            .any(|(name, value)| *name == "clear" && *value != Value::Text(String::new()))
        {
            self.tally.remark(0, mailbox::READABLE);
        }
        values.extend(secrets);
        Ok(values)
    }
}

/// The live table, if rows of files may go into it.
pub(super) fn importable<'s>(
    schema: &'s Schema,
    actor: &Actor,
    resource: &'static Resource,
) -> Result<&'s Table, Stop> {
    if resource.part == Part::Overrides && actor.scope != Scope::Everything {
        let why = "Overrides are imported by operators: which servers mail may be sent to is theirs to say.";
        return Err(Error::Forbidden(why.to_owned()).into());
    }
    writable(schema, actor, resource)
}

fn first(problems: Vec<Problem>) -> Not {
    let problem = problems.into_iter().next();
    problem.map_or(Not::Needed, Not::from)
}

/// That every value fits its column.
fn expect_room(resource: &Resource, table: &Table, values: &Cells) -> Result<(), Not> {
    for (name, value) in values {
        let Value::Text(text) = value else { continue };
        let length = text.chars().count() as u64;
        let capacity = table.column(name).and_then(|column| column.capacity);
        if let Some(capacity) = capacity.filter(|most| length > *most) {
            let why = too_long(resource, name, capacity, length);
            return Err(Not::Possible(name.clone().into_owned(), why));
        }
    }
    Ok(())
}

/// The stored row that a line is about.
fn expect_one<'f>(case: &Case<'_>, rows: Vec<&'f Stored>) -> Result<Option<&'f Stored>, Not> {
    let columns = case.columns;
    let key = columns.resource.key;
    let by_key = rows
        .iter()
        .find(|stored| case.given.key == Some(stored.row.key.as_str()));
    let same = || {
        rows.iter()
            .find(|stored| case.given.is_in(stored, &columns.table))
    };
    match (by_key, rows.as_slice()) {
        (None, []) => Ok(None),
        (Some(stored), _) | (None, [stored]) => Ok(Some(stored)),
        (None, _) => match same() {
            Some(stored) => Ok(Some(stored)),
            None => Err(Not::Possible(
                columns.resource.subject.to_owned(),
                format!(
                    "There are {} rows about `{}`. Say which one is meant in a column {key}.",
                    rows.len(),
                    visible(&case.identities[0].0)
                ),
            )),
        },
    }
}
