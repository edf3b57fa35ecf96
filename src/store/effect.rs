//! What operations would do to mail, known before they are applied: the explainer and the linter over the tables and over
//! the tables with the operations laid over them. Nothing is written and nothing is locked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lookups::Known;
use super::route::{expect_judged, expect_ordinary};
use super::written::Written;
use super::{Operation, Store, Warning};
use crate::access::Actor;
use crate::error::Result;
use crate::lint::{self, Case, Severity, Told};
use crate::resource::{Resource, Row};
use crate::route::{
    ABOUT_ADDRESSES, Change, Changes, Harm, Line, Lookups, Overlay, Part, Question, Route, Touched, Turn,
    told,
};

/// From more changes on small tables are read whole.
const MANY: usize = 500;

/// What is looked at in any case, and how long routes are looked at, and findings again as long.
const PATIENCE: (usize, Duration) = (10, Duration::from_secs(2));

/// Up to so many addresses the other rows about them are judged too. What a change of more does to others is told by their
/// routes.
const JUDGED_AROUND: usize = 200;

/// What operations would do to mail.
#[derive(Debug, Default)]
pub struct Effect {
    /// Addresses whose mail takes another route, in sentences.
    pub lines: Vec<Line>,
    /// What the linter would find that it does not find now.
    pub found: Vec<Told>,
    /// What it would find no more.
    pub gone: Vec<Told>,
    /// Whether more is touched than was looked at.
    pub is_cut: bool,
}

/// Rules that judge a row by itself, and those about mailboxes and lists of which the forms' plans speak
/// (`companions.rs`): the form has said it, as a refusal, a caution or a question.
const SAID_BY_THE_FORM: &[&str] = &[
    "PW101", "PW102", "PW103", "PW104", "PW106", "PW107", "PW108", "PW113", "PW114", "PW115", "PW122",
    "PW126", "PW127", "PW128", "PW129", "PW131", "PW132", "PW133", "PW134", "PW135", "PW136", "PW137",
    "PW139", "PW140", "PW141", "PW142", "PW143", "PW145", "PW147", "PW150", "PW151", "PW152", "PW157",
    "PW164", "PW165", "PW166", "PW167", "PW168", "PW202", "PW203", "PW204", "PW205", "PW207", "PW208",
    "PW223", "PW225", "PW226", "PW228", "PW229", "PW230", "PW231", "PW232", "PW233", "PW234",
];

/// Rules that tell of a step that is still to come, such as the relay recipients of a backup MX entry, or of what may be
/// meant so: told after the save rather than asked about before it.
const STILL_TO_COME: &[&str] = &["PW116", "PW118", "PW121", "PW123", "PW155", "PW160", "PW206"];

impl Effect {
    /// What a person who saves is asked about, or told afterwards. What they change speaks for itself, unless its mail does
    /// not arrive; what happens to others by it is asked about.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let lines = self
            .lines
            .iter()
            .filter_map(|line| match (line.part, line.harms) {
                // Whoever leads to what changes means to follow it.
                (_, Harm::None) | (Part::Own | Part::Leading, Harm::Moved) => None,
                (part, _) => Some(Warning {
                    confirm: part != Part::Own,
                    message: line.message.clone(),
                }),
            });
        let findings = by_rule(&self.found).into_iter().map(|(told, message)| Warning {
            confirm: told.severity != Severity::Notice && !STILL_TO_COME.contains(&told.rule),
            message,
        });
        let cut = self.is_cut.then(|| Warning {
            confirm: true,
            message: CUT.to_owned(),
        });
        lines.chain(findings).chain(cut).collect()
    }

    /// All of it in sentences, for a page that asks anyway.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|line| line.message.clone());
        let found = by_rule(&self.found).into_iter().map(|(_, message)| message);
        let gone = by_rule(&self.gone)
            .into_iter()
            .map(|(_, message)| format!("No longer so: {message}"));
        let cut = self.is_cut.then(|| CUT.to_owned());
        lines.chain(found).chain(gone).chain(cut).collect()
    }
}

/// Findings of a rule together, by the first of them.
fn by_rule(findings: &[Told]) -> Vec<(&Told, String)> {
    let mut groups: Vec<(&Told, usize)> = Vec::new();
    for told in findings {
        match groups.iter_mut().find(|(first, _)| first.rule == told.rule) {
            Some((_, count)) => *count += 1,
            None => groups.push((told, 1)),
        }
    }
    groups
        .into_iter()
        .map(|(first, count)| {
            let message = match count {
                1 => first.message.clone(),
                n => format!("{} And {} more alike.", first.message, n - 1),
            };
            (first, message)
        })
        .collect()
}

/// Said where more is touched than was looked at.
const CUT: &str = "More is touched than can be looked at while you wait: what is said here is not all.";

impl Store {
    /// What these operations would do to mail, as far as the actor may see it.
    ///
    /// # Errors
    /// The database does not answer. Rows that are not there any more are left out: applying will say so.
    pub async fn effect(&self, actor: &Actor, operations: &[Operation]) -> Result<Effect> {
        let written = self.written(actor, operations).await?;
        self.effect_of_written(actor, written).await
    }

    /// The same of rows that are known before and after.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn effect_of_written(&self, actor: &Actor, written: Vec<Written>) -> Result<Effect> {
        let changes = Changes::new(written.into_iter().map(Written::into_change).collect());
        if changes.all().is_empty() {
            return Ok(Effect::default());
        }
        let mut known = Known::with_passwords();
        if changes.all().len() > MANY {
            self.know_small_tables(actor, &mut known).await?;
        }
        let touched = self
            .settled(actor, &mut known, |known| {
                Touched::by(&changes, known, &Overlay::new(known, &changes))
            })
            .await?;
        let addresses: Vec<(&String, Part)> = touched.each().collect();
        for (address, _) in &addresses {
            expect_ordinary(&known, address);
        }
        let (turns, in_time) = self
            .settled_in_time(
                actor,
                &mut known,
                &addresses,
                PATIENCE,
                |known, &(address, part)| {
                    let before = Route::of(known, address);
                    let after = Route::of(&Overlay::new(known, &changes), address);
                    (before != after).then(|| Turn {
                        address: address.clone(),
                        part,
                        before,
                        after,
                    })
                },
            )
            .await?;
        let turns: Vec<Turn> = turns.into_iter().flatten().collect();
        let ((found, gone), judged_in_time) = self
            .findings_turned(actor, &mut known, &changes, &touched, &turns)
            .await?;
        Ok(Effect {
            lines: told(&turns),
            found,
            gone,
            is_cut: touched.is_cut || !in_time || !judged_in_time,
        })
    }

    /// The findings that come and those that go: of the rows that change, and of those around them whose addresses keep
    /// their routes.
    async fn findings_turned(
        &self,
        actor: &Actor,
        known: &mut Known,
        changes: &Changes,
        touched: &Touched,
        turns: &[Turn],
    ) -> Result<((Vec<Told>, Vec<Told>), bool)> {
        let mut judged: Vec<Change> = changes.all().to_vec();
        if touched.own.len() <= JUDGED_AROUND {
            let turned: BTreeSet<&str> = turns.iter().map(|turn| turn.address.as_str()).collect();
            let around = self
                .settled(actor, known, |known| around(known, changes, touched, &turned))
                .await?;
            judged.extend(around);
        }
        for change in &judged {
            let resource = Resource::by_table(change.table);
            for (resource, row) in resource
                .into_iter()
                .flat_map(|resource| change.rows().map(move |row| (resource, row)))
            {
                expect_judged(known, resource, row);
            }
        }
        let (told, in_time) = self
            .settled_in_time(actor, known, &judged, PATIENCE, |known, change| {
                let before = judge(self, known, change.table, change.before.as_ref());
                let after = judge(
                    self,
                    &Overlay::new(known, changes),
                    change.table,
                    change.after.as_ref(),
                );
                (before, after)
            })
            .await?;
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        for (before, after) in told {
            let is_in = |one: &Told, others: &[Told]| {
                others
                    .iter()
                    .any(|other| other.rule == one.rule && other.message == one.message)
            };
            let is_new = |one: &&Told| !is_in(one, &before) && !SAID_BY_THE_FORM.contains(&one.rule);
            found.extend(after.iter().filter(is_new).cloned());
            gone.extend(before.into_iter().filter(|one| !is_in(one, &after)));
        }
        Ok(((found, gone), in_time))
    }
}

/// The rows about the addresses a change is about that do not change themselves, and whose addresses keep their routes.
fn around(known: &Known, changes: &Changes, touched: &Touched, turned: &BTreeSet<&str>) -> Vec<Change> {
    let changing: BTreeSet<(&str, &str)> = changes
        .all()
        .iter()
        .filter_map(|change| Some((change.table, change.before.as_ref()?.key.as_str())))
        .collect();
    let mut found: BTreeMap<(&'static str, String), Change> = BTreeMap::new();
    for address in touched
        .own
        .iter()
        .filter(|address| !turned.contains(address.as_str()))
    {
        for table in ABOUT_ADDRESSES {
            for row in known.rows(&Question::Subject(table, address.clone())).iter() {
                if !changing.contains(&(*table, row.key.as_str())) {
                    let change = Change {
                        table,
                        before: Some(row.clone()),
                        after: Some(row.clone()),
                    };
                    found.insert((table, row.key.clone()), change);
                }
            }
        }
    }
    found.into_values().collect()
}

fn judge(store: &Store, tables: &dyn Lookups, table: &str, row: Option<&Row>) -> Vec<Told> {
    let (Some(resource), Some(row)) = (Resource::by_table(table), row) else {
        return Vec::new();
    };
    lint::judge(&Case::new(resource, row, tables, store.rules()))
}
