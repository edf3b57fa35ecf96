//! The tables as the explainer and the linter ask them: what is known of them, and finding out what is not.
//!
//! Whoever asks runs without waiting, on what is [`Known`]. What was asked and is not known counts as not there and is
//! noted; all that was noted is then read with a few statements, and whoever asked runs again, until nothing is missing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answers::Reader;
use super::list::Failure;
use super::whole::Whole;
use super::{Row, Schema, Store};
use crate::access::{Actor, Scope};
use crate::error::{Error, Result};
use crate::mail::{domain_of, items_of};
use crate::route::{Lookups, Question, Rows};

/// How long whoever asks runs before others have their turn.
const TURN: Duration = Duration::from_millis(10);

/// Questions about aliases followed ahead of being asked, in one round.
const FOLLOWED: usize = 5_000;

/// Rounds before whoever asks is taken to ask for ever. A chain of aliases takes a round a link, and Postfix follows a
/// thousand (`virtual_alias_recursion_limit`).
const ROUNDS: usize = 1_100;

/// Answers that stay from one page of a check to the next, at most.
const KEPT: usize = 50_000;

/// Answers of the tables to one actor, as far as they have been read.
///
/// A value made by [`Default`] knows nothing; [`Store::settled`] fills it. It may be used again: answers stay as they were
/// read, and those for another actor's scope are forgotten first.
#[derive(Debug, Default)]
pub struct Known {
    schema: Arc<Schema>,
    scope: Option<Scope>,
    passwords: bool,
    /// Tables that are known whole.
    whole: HashMap<&'static str, Whole>,
    /// Answers to [`Question::Subject`], which are most.
    subjects: HashMap<&'static str, HashMap<String, Rows>>,
    /// All others.
    rows: HashMap<Question, Rows>,
    counts: HashMap<&'static str, HashMap<String, u64>>,
    missing: Mutex<Missing>,
}

/// What was asked and is not known.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Questions for rows.
    pub questions: BTreeSet<Question>,
    /// Domains whose rows are to be counted, by table.
    pub counts: BTreeMap<&'static str, BTreeSet<String>>,
}

/// What was read of it.
type Learnt = (
    Vec<(Question, Vec<Row>)>,
    Vec<(&'static str, HashMap<String, u64>)>,
);

impl Missing {
    fn is_empty(&self) -> bool {
        self.questions.is_empty() && self.counts.is_empty()
    }
}

impl Known {
    /// One whose mailboxes also have `crypt` and `clear`, for the rules about passwords. They are never to be shown.
    #[must_use]
    pub fn with_passwords() -> Self {
        Self {
            passwords: true,
            ..Self::default()
        }
    }

    /// Notes a question that will be asked, so that the first round reads it too.
    pub fn expect(&self, question: Question) {
        if self.known(&question).is_none() {
            self.note(|missing| missing.questions.insert(question));
        }
    }

    fn known(&self, question: &Question) -> Option<Rows> {
        match question {
            Question::Subject(table, subject) => self.known_about(table, subject),
            _ => self.rows.get(question).cloned(),
        }
    }

    fn known_about(&self, table: &str, subject: &str) -> Option<Rows> {
        let known = self.subjects.get(table).and_then(|rows| rows.get(subject));
        known.cloned().or_else(|| self.whole.get(table)?.about(subject))
    }

    /// Forgets what was asked for single addresses: the next page of a check asks for others. What many rows ask for stays,
    /// until that is too much.
    pub(super) fn forget_rows(&mut self) {
        self.rows
            .retain(|question, _| matches!(question, Question::Directory(_)));
        for subjects in self.subjects.values_mut() {
            subjects.retain(|subject, _| subject.starts_with('@') || !subject.contains('@'));
        }
        let subjects = self.subjects.values().flat_map(HashMap::values);
        if subjects
            .chain(self.rows.values())
            .map(|rows| 1 + rows.len())
            .sum::<usize>()
            > KEPT
        {
            self.forget_all_rows();
        }
        if self.counts.values().map(HashMap::len).sum::<usize>() > KEPT {
            self.counts.clear();
        }
    }

    fn forget_all_rows(&mut self) {
        self.subjects.clear();
        self.rows.clear();
    }

    /// Whether a table is known whole.
    pub(super) fn has_whole(&self, table: &str) -> bool {
        self.whole.contains_key(table)
    }

    /// Puts a whole table in.
    pub(super) fn insert_whole(&mut self, table: &'static str, whole: Whole) {
        self.whole.insert(table, whole);
    }

    /// Puts an answer in that is known from elsewhere.
    pub(super) fn insert(&mut self, question: Question, rows: Rows) {
        match question {
            Question::Subject(table, subject) => {
                self.subjects.entry(table).or_default().insert(subject, rows);
            }
            _ => {
                self.rows.insert(question, rows);
            }
        }
    }

    fn unknown(&self, question: Question) -> Rows {
        self.note(|missing| missing.questions.insert(question));
        Rows::from([])
    }

    fn note<T>(&self, note: impl FnOnce(&mut Missing) -> T) {
        note(&mut self.missing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take_missing(&mut self) -> Missing {
        std::mem::take(self.missing.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes ready for this scope and these tables.
    pub(super) fn prepare(&mut self, scope: &Scope, schema: Arc<Schema>) {
        if self.scope.as_ref() != Some(scope) {
            self.forget_all_rows();
            self.whole.clear();
            self.counts.clear();
            self.scope = Some(scope.clone());
        }
        self.schema = schema;
    }
}

impl Lookups for Known {
    fn rows(&self, question: &Question) -> Rows {
        self.known(question)
            .unwrap_or_else(|| self.unknown(question.clone()))
    }

    fn about(&self, table: &'static str, subject: &str) -> Rows {
        self.known_about(table, subject)
            .unwrap_or_else(|| self.unknown(Question::Subject(table, subject.to_owned())))
    }

    fn count(&self, table: &'static str, domain: &str) -> u64 {
        let known = self.counts.get(table).and_then(|counts| counts.get(domain));
        known.copied().unwrap_or_else(|| {
            self.note(|missing| missing.counts.entry(table).or_default().insert(domain.to_owned()));
            0
        })
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.schema
            .table(table)
            .is_some_and(|live| column.is_empty() || live.has(column))
    }
}

impl Store {
    /// What `run` makes of the tables as the actor may see them: run again and again until all it asks for is known.
    ///
    /// An owner's answers are the rows of their domains, overrides among them, and of access rules those about their
    /// recipients: the same whatever else there is.
    ///
    /// # Errors
    /// It goes on asking for ever, or the database does not answer.
    pub async fn settled<T>(
        &self,
        actor: &Actor,
        known: &mut Known,
        mut run: impl FnMut(&Known) -> T,
    ) -> Result<T> {
        let settled = self
            .settled_each(actor, known, &[()], |known, ()| run(known))
            .await?;
        settled.into_iter().next().ok_or_else(endless)
    }

    /// The same for many items, in their order: what is missing for any is read together, and only those run again that
    /// missed something.
    ///
    /// # Errors
    /// One goes on asking for ever, or the database does not answer.
    pub async fn settled_each<I, T>(
        &self,
        actor: &Actor,
        known: &mut Known,
        items: &[I],
        mut run: impl FnMut(&Known, &I) -> T,
    ) -> Result<Vec<T>> {
        known.prepare(&actor.scope, self.schema().await?);
        let mut settled: Vec<Option<T>> = items.iter().map(|_| None).collect();
        let mut waiting: Vec<usize> = (0..items.len()).collect();
        let mut missing = known.take_missing();
        for _ in 0..ROUNDS {
            self.learn(actor, known, missing).await?;
            missing = Missing::default();
            let mut again = Vec::new();
            let mut turn = Instant::now();
            for i in waiting {
                let made = run(known, &items[i]);
                let missed = known.take_missing();
                if missed.is_empty() {
                    settled[i] = Some(made);
                } else {
                    missing.questions.extend(missed.questions);
                    for (table, domains) in missed.counts {
                        missing.counts.entry(table).or_default().extend(domains);
                    }
                    again.push(i);
                }
                if turn.elapsed() > TURN {
                    tokio::task::yield_now().await;
                    turn = Instant::now();
                }
            }
            waiting = again;
            if waiting.is_empty() {
                return settled.into_iter().map(|made| made.ok_or_else(endless)).collect();
            }
        }
        Err(endless())
    }

    /// As [`Store::settled_each`], for as many of the items as somebody waits for; and whether these were all. The clock is
    /// looked at after the first batch, and then after each that is twice as large.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn settled_in_time<I, T>(
        &self,
        actor: &Actor,
        known: &mut Known,
        items: &[I],
        (first, patience): (usize, Duration),
        mut run: impl FnMut(&Known, &I) -> T,
    ) -> Result<(Vec<T>, bool)> {
        let started = Instant::now();
        let mut made = Vec::with_capacity(items.len());
        let mut batch = first;
        while made.len() < items.len() {
            if started.elapsed() > patience {
                return Ok((made, false));
            }
            let rest = &items[made.len()..];
            let now = &rest[..batch.min(rest.len())];
            made.extend(self.settled_each(actor, known, now, &mut run).await?);
            batch *= 2;
        }
        Ok((made, true))
    }

    /// Reads what is missing; once more where a table has changed meanwhile.
    async fn learn(&self, actor: &Actor, known: &mut Known, missing: Missing) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        let mut learnt = self.try_learn(actor, known, &missing).await;
        if self.was_stale(&learnt) {
            known.prepare(&actor.scope, self.schema().await?);
            learnt = self.try_learn(actor, known, &missing).await;
        }
        let (answers, counts) = learnt.map_err(Failure::into_error)?;
        for question in missing.questions {
            known.insert(question, Rows::from([]));
        }
        for (question, rows) in answers {
            known.insert(question, rows.into());
        }
        for (table, counts) in counts {
            known.counts.entry(table).or_default().extend(counts);
        }
        Ok(())
    }

    async fn try_learn(&self, actor: &Actor, known: &Known, missing: &Missing) -> Result<Learnt, Failure> {
        let mut reader = self.reader(actor, known).await?;
        let mut answers = reader.answers(&missing.questions).await?;
        // Where aliases lead is asked next, link by link: a chain of a thousand is not run a thousand times.
        let mut asked = missing.questions.clone();
        let mut from = 0;
        while from < answers.len() && asked.len() < FOLLOWED {
            let next: BTreeSet<Question> = answers[from..]
                .iter()
                .filter(|(question, _)| matches!(question, Question::Subject("aliases", _)))
                .flat_map(|(_, rows)| rows.iter().filter(|row| row.is_enabled()))
                .flat_map(|row| items_of(row.text("destination")))
                .flat_map(|item| [item.to_lowercase(), format!("@{}", domain_of(&item))])
                .map(|key| Question::Subject("aliases", key))
                .filter(|question| !known.rows.contains_key(question) && !asked.contains(question))
                .collect();
            if next.is_empty() {
                break;
            }
            from = answers.len();
            answers.extend(reader.answers(&next).await?);
            let found: HashSet<&Question> = answers[from..].iter().map(|(question, _)| question).collect();
            let nobody: Vec<Question> = next.iter().filter(|q| !found.contains(q)).cloned().collect();
            asked.extend(next);
            answers.extend(nobody.into_iter().map(|question| (question, Vec::new())));
        }
        let mut counts = Vec::new();
        for (&table, domains) in &missing.counts {
            counts.push((table, reader.counts(table, domains).await?));
        }
        Ok((answers, counts))
    }

    /// A reader of the tables that are known, for what the actor may see.
    pub(super) async fn reader<'a>(&self, actor: &'a Actor, known: &'a Known) -> Result<Reader<'a>, Failure> {
        Ok(Reader {
            connection: self.pool.acquire().await?,
            schema: &known.schema,
            scope: &actor.scope,
            passwords: known.passwords,
        })
    }
}

fn endless() -> Error {
    Error::Unexpected(format!("still asking the tables after {ROUNDS} rounds"))
}
