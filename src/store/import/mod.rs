//! Rows of a file into tables: what would change, and doing it.

mod batch;
mod columns;
mod directories;
mod found;
mod given;
mod judge;
mod mailbox;
mod tally;
mod write;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::connect::{classify, is_deadlock};
use super::unit::{Stop, TRIES};
use super::{Effect, Note, Refusal, Store, Written};
use crate::access::Actor;
use crate::error::Error;
use crate::exchange::{Material, Refused, Skipped};
use crate::mail::{MailboxPassword, PasswordHash, visible};
use crate::progress::Progress;
use crate::resource::Value;
use batch::Batches;
use judge::{Judge, importable};
use mailbox::hashed;
use tally::{Tally, Write};

/// How a file is taken over.
#[derive(Debug, Clone, Default)]
pub struct Importing {
    /// Whether it is written; otherwise it is only said what would be.
    pub applies: bool,
    /// Whether rows that are refused are left out. Otherwise one of them keeps everything from being written.
    pub skips_refused: bool,
    /// What [`Imported::version`] was when a person looked: where something else would be written now, nothing is.
    pub seen: Option<String>,
}

/// What an import comes to.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Rows that are new.
    pub added: u64,
    /// Rows that are there and would be otherwise.
    pub changed: u64,
    /// Rows that are there as they are.
    pub unchanged: u64,
    /// Rows that cannot be.
    pub refused: u64,
    /// The first of them, at most a thousand.
    pub first_refused: Vec<Refused>,
    /// The first rows that are added or changed, at most a hundred.
    pub samples: Vec<Sample>,
    /// What it does to mail, and what is suspicious, in sentences.
    pub effect: Vec<String>,
    /// A short name of what would be written.
    pub version: String,
    /// The number of the change; `None` where nothing was written.
    pub change: Option<u64>,
}

/// A row an import writes.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its line.
    pub line: u64,
    /// Its table.
    pub table: &'static str,
    /// What it is about.
    pub subject: String,
    /// Columns with what they hold now, `None` for a new row, and what they would hold. Passwords are left out.
    pub columns: Vec<(String, Option<String>, String)>,
}

impl Store {
    /// Reads a file and says what it would change, or changes it, as one unit. Memory does not grow with the file, but for
    /// sixteen bytes a row, and what passwords are to be hashed.
    ///
    /// The file is read twice: to look, and, where nothing keeps it from being written, once more behind the writers'
    /// lock, where every row is judged again.
    ///
    /// # Errors
    /// The file cannot be read ([`Refusal::Unstorable`]), the actor may not write the table, or the database does not
    /// answer. Rows that are refused are no error: they are in the answer, and nothing was written unless they may be
    /// skipped. Nor is it one that something else would be written than was [seen](Importing::seen): the answer has
    /// another [version](Imported::version), and no change.
    pub async fn import(
        &self,
        actor: &Actor,
        material: &Material,
        how: &Importing,
        progress: &Progress,
    ) -> Result<Imported, Refusal> {
        let Looked {
            mut imported,
            written,
            passwords,
        } = answered(self.look(actor, material, progress).await)?;
        // Who has seen it has seen the effect too.
        let mut foreseen = Foreseen::default();
        if how.seen.is_none() {
            foreseen = Foreseen::begin(self, actor, written, &imported);
        }
        if !how.applies || !how.writes(&imported) {
            imported.effect.extend_from_slice(foreseen.sentences().await?);
            return Ok(imported);
        }
        let mut hashes = hashed(passwords, self.rules().password_scheme, progress).await?;
        let mut tries = 1;
        loop {
            progress.begin("writing rows", imported.added + imported.changed);
            let work = self.take_over(actor, material, how, &mut hashes, &mut foreseen, progress);
            match work.await {
                Err(Stop::Database(error)) if is_deadlock(&error) && tries < TRIES => {
                    tracing::info!(%error, tries, "lost a deadlock against another program; importing again");
                    tries += 1;
                }
                ended => return answered(ended),
            }
        }
    }

    /// Judges all of a file and writes nothing.
    async fn look(&self, actor: &Actor, material: &Material, progress: &Progress) -> Result<Looked, Stop> {
        let schema = self.schema.fresh(&self.pool).await?;
        if let Some(resource) = material.reading.into {
            importable(&schema, actor, resource)?;
        }
        progress.begin("reading the file", material.size);
        let mut connection = self.pool.acquire().await?;
        let mut judge = Judge::new(self, actor, schema, "");
        let mut batches = Batches::of(material, Some(progress))?;
        let mut passwords = Vec::new();
        while let Some(batch) = batches.next()? {
            for write in judge.judge(&mut connection, batch).await? {
                passwords.extend(write.password.map(|password| (write.subject, password)));
            }
        }
        tell_skipped(&mut judge.tally, &batches.skipped());
        let (imported, written) = judge.tally.finish();
        Ok(Looked {
            imported,
            written,
            passwords,
        })
    }

    /// Judges all of a file again, behind the writers' lock, and writes it; nothing where it turns out otherwise.
    async fn take_over(
        &self,
        actor: &Actor,
        material: &Material,
        how: &Importing,
        hashes: &mut HashMap<String, PasswordHash>,
        foreseen: &mut Foreseen,
        progress: &Progress,
    ) -> Result<Imported, Stop> {
        let mut unit = self.begin(actor, progress).await?;
        let mut judge = Judge::new(self, actor, Arc::new(unit.schema.clone()), " FOR UPDATE");
        let mut batches = Batches::of(material, None)?;
        while let Some(batch) = batches.next()? {
            let resource = batch.resource;
            let mut writes = judge.judge(&mut unit.transaction, batch).await?;
            // What is refused now was not when it was looked at; the rest is only counted.
            if judge.tally.imported.refused > 0 && !how.skips_refused {
                continue;
            }
            let Some(resource) = resource else {
                continue;
            };
            let table = unit.writable(resource)?;
            for write in &mut writes {
                self.seal(write, hashes).await?;
            }
            for (write, refusal) in unit.write_lines(resource, &table, &writes).await? {
                judge.tally.take_back(resource, write, &refusal);
            }
        }
        tell_skipped(&mut judge.tally, &batches.skipped());
        let (mut imported, _) = judge.tally.finish();
        // Once it is committed the tables are others.
        imported.effect.extend_from_slice(foreseen.sentences().await?);
        if how.writes(&imported) {
            let note = Note::saying(format!("import of {}", material.name));
            imported.change = unit.finish(&note).await?;
        }
        Ok(imported)
    }

    /// Puts the hash of a password among what is written.
    async fn seal(&self, write: &mut Write, hashes: &mut HashMap<String, PasswordHash>) -> Result<(), Stop> {
        let Some(password) = write.password.take() else {
            return Ok(());
        };
        // A row may have come to need it since the file was looked at.
        if !hashes.contains_key(&write.subject) {
            let scheme = self.rules().password_scheme;
            let one = vec![(write.subject.clone(), password)];
            hashes.extend(hashed(one, scheme, &Progress::default()).await?);
        }
        let hash = &hashes[&write.subject];
        write
            .values
            .push((Cow::Borrowed("crypt"), Value::Text(hash.as_str().to_owned())));
        Ok(())
    }
}

/// Tells what of a file is not read.
fn tell_skipped(tally: &mut Tally, skipped: &Skipped) {
    for (table, rows) in &skipped.rows {
        tally.remark(0, &left_out(table, *rows));
    }
    if !skipped.statements.is_empty() {
        tally.remark(0, &passed_over(&skipped.statements));
    }
}

/// Said of rows of a file that are for none of the tables it is imported into.
fn left_out(table: &str, rows: u64) -> String {
    let rows = if rows == 1 {
        "1 row is".to_owned()
    } else {
        format!("{rows} rows are")
    };
    format!(
        "{rows} left out: they are of `{}`, which this import does not take.",
        visible(table)
    )
}

/// Said of statements of a dump that are not read.
fn passed_over(statements: &BTreeMap<String, u64>) -> String {
    let kinds: Vec<String> = statements
        .iter()
        .map(|(word, count)| format!("{count} {}", visible(word)))
        .collect();
    format!(
        "Statements of the file were passed over: {}. Of a dump the rows of INSERT and REPLACE are read, and nothing is run.",
        kinds.join(", ")
    )
}

/// Said where more rows change than were looked at.
const CUT: &str =
    "More rows change than can be looked at: what is said about mail is about the first of them.";

/// What the first changes of a file do to mail, found out from the tables as they are while they are written to.
#[derive(Default)]
struct Foreseen {
    work: Option<JoinHandle<crate::error::Result<Effect>>>,
    is_all: bool,
    sentences: Vec<String>,
}

impl Foreseen {
    fn begin(store: &Store, actor: &Actor, written: Vec<Written>, imported: &Imported) -> Self {
        let (store, actor) = (store.clone(), actor.clone());
        Self {
            is_all: written.len() as u64 == imported.added + imported.changed,
            work: Some(tokio::spawn(async move {
                store.effect_of_written(&actor, written).await
            })),
            sentences: Vec::new(),
        }
    }

    /// In sentences, as soon as it is known.
    async fn sentences(&mut self) -> crate::error::Result<&[String]> {
        if let Some(work) = self.work.take() {
            let effect = work
                .await
                .map_err(|e| Error::unexpected("judging an import", e))??;
            self.sentences = effect.sentences();
            self.sentences
                .extend((!self.is_all && !effect.is_cut).then(|| CUT.to_owned()));
        }
        Ok(&self.sentences)
    }
}

/// What a first look at a file gives.
struct Looked {
    imported: Imported,
    /// The first changes.
    written: Vec<Written>,
    /// What has to be hashed, by the mailbox.
    passwords: Vec<(String, MailboxPassword)>,
}

impl Importing {
    /// Whether what a file comes to is written.
    fn writes(&self, imported: &Imported) -> bool {
        let is_seen = self.seen.as_ref().is_none_or(|seen| *seen == imported.version);
        let is_whole = imported.refused == 0 || self.skips_refused;
        is_seen && is_whole && imported.added + imported.changed > 0
    }
}

/// What a stop is to whoever asked.
fn answered<T>(result: Result<T, Stop>) -> Result<T, Refusal> {
    result.map_err(|stop| match stop {
        Stop::Refused(refusal) => refusal,
        Stop::Database(error) => Refusal::Failed(classify(error)),
    })
}
