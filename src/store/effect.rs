//! What operations would do to mail, known before they are applied: the explainer and the linter over the tables and over
//! the tables with the operations laid over them. Nothing is written and nothing is locked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lookups::Known;
use super::route::{expect_judged, expect_ordinary};
use super::written::Written;
use super::{Operation, Store, Warning};
use crate::access::Actor;
use crate::error::Result;
use crate::lint::{self, Case, Severity, Told};
use crate::mail::number;
use crate::resource::{Resource, Row};
use crate::route::{
    ABOUT_ADDRESSES, Change, Changes, Harm, Lookups, Outcome, Overlay, Part, Question, Route, Touched, Turn,
    told,
};

/// From more changes on small tables are read whole.
const MANY: usize = 500;

/// Looked at in any case, and how long routes are looked at. A page that asks is there within two seconds.
const PATIENCE: (usize, Duration) = (10, Duration::from_millis(1_200));

/// The same of findings.
const PATIENCE_FOR_FINDINGS: (usize, Duration) = (10, Duration::from_millis(500));

/// Up to so many addresses the other rows about them are judged too. What a change of more does to others is told by their
/// routes.
const JUDGED_AROUND: usize = 200;

/// What operations would do to mail.
#[derive(Debug, Default)]
pub struct Effect {
    /// Addresses whose mail takes another route.
    pub turns: Vec<Turn>,
    /// What the linter would find that it does not find now, and that no form says itself.
    pub found: Vec<Told>,
    /// What it would find, and the form of the row says itself.
    pub said_by_forms: Vec<Told>,
    /// What it would find no more, of rows that stay.
    pub gone: Vec<Told>,
    /// How many addresses were looked at, of how many that were read, where not all were.
    pub looked_at: Option<(usize, usize)>,
    /// Whether there are more addresses than were read.
    pub has_more: bool,
    /// Whether more is touched than was looked at.
    pub is_cut: bool,
}

/// Whether a person who saves is asked about a turn, or told of it afterwards; `None` where it speaks for itself.
fn is_asked(turn: &Turn) -> Option<bool> {
    match (turn.part, turn.harm()) {
        // Whoever leads to what changes means to follow it, and what people write about an address they mean.
        (_, Harm::None) | (Part::Own | Part::Leading, Harm::Moved) => None,
        // An address that is left behind to bounce is no longer what people write about.
        (Part::Own, Harm::Lost) => {
            Some(turn.before.outcome == Outcome::Delivered && turn.after.outcome == Outcome::Bounced)
        }
        (Part::Within, Harm::Moved) => Some(turn.empties_a_mailbox()),
        (Part::Within | Part::Caught | Part::Leading, _) => Some(true),
    }
}

impl Effect {
    /// What a person who saves is asked about, or told afterwards: asked about what happens to others, told what happens
    /// to what they change.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let lines = told(&self.turns, |turn| is_asked(turn).map(Reverse));
        let lines = lines
            .into_iter()
            .map(|(Reverse(confirm), message)| Warning { confirm, message });
        let findings = by_rule(&self.found).into_iter().map(|(told, message)| Warning {
            confirm: told.severity != Severity::Notice && !lint::is_still_to_come(told.rule),
            message,
        });
        let cut = self.cut().map(|message| Warning {
            confirm: true,
            message,
        });
        lines.chain(findings).chain(cut).collect()
    }

    /// What [`Effect::warnings`] leaves out, in sentences: what speaks for itself or is mended.
    #[must_use]
    pub fn rest(&self) -> Vec<String> {
        let rest = told(&self.turns, |turn| is_asked(turn).is_none().then_some(()));
        rest.into_iter()
            .map(|((), line)| line)
            .chain(self.mended())
            .collect()
    }

    fn mended(&self) -> impl Iterator<Item = String> {
        let gone = by_rule(&self.gone).into_iter();
        gone.map(|(_, message)| format!("No longer so: {message}"))
    }

    /// All of it in sentences, for a page that asks anyway and has no form that speaks.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let lines = told(&self.turns, |_| Some(())).into_iter().map(|((), line)| line);
        let found = by_rule(self.found.iter().chain(&self.said_by_forms));
        let found = found.into_iter().map(|(_, message)| message);
        lines
            .chain(found)
            .chain(self.mended())
            .chain(self.cut())
            .collect()
    }

    /// That not all was looked at.
    fn cut(&self) -> Option<String> {
        match self.looked_at {
            Some((looked_at, all)) => Some(format!(
                "Of {}{} addresses {} were looked at while you wait: what is said here is not all.",
                if self.has_more { "more than " } else { "" },
                number(all as u64),
                number(looked_at as u64)
            )),
            None => self.is_cut.then(|| CUT.to_owned()),
        }
    }
}

/// Findings of a rule together, by the first of them.
fn by_rule<'t>(findings: impl IntoIterator<Item = &'t Told>) -> Vec<(&'t Told, String)> {
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
                n => format!("{} And {} more alike.", first.message, number(n as u64 - 1)),
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
        let looked_at = (!in_time).then_some((turns.len(), addresses.len()));
        let mut effect = Effect {
            turns: turns.into_iter().flatten().collect(),
            has_more: touched.is_cut,
            is_cut: touched.is_cut || !in_time,
            looked_at,
            ..Effect::default()
        };
        self.add_findings(actor, &mut known, &changes, &touched, &mut effect)
            .await?;
        Ok(effect)
    }

    /// The findings that come and those that go: of the rows that change, and of those around them whose addresses keep
    /// their routes.
    async fn add_findings(
        &self,
        actor: &Actor,
        known: &mut Known,
        changes: &Changes,
        touched: &Touched,
        effect: &mut Effect,
    ) -> Result<()> {
        let mut judged: Vec<Change> = changes.all().to_vec();
        if touched.own.len() + touched.within.len() + touched.caught.len() <= JUDGED_AROUND {
            let turned: BTreeSet<&str> = effect.turns.iter().map(|turn| turn.address.as_str()).collect();
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
            .settled_in_time(actor, known, &judged, PATIENCE_FOR_FINDINGS, |known, change| {
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
        effect.is_cut |= !in_time;
        let is_in = |one: &Told, others: &[Told]| {
            let same = |other: &Told| other.rule == one.rule && other.message == one.message;
            others.iter().any(same)
        };
        for (place, ((before, after), change)) in told.into_iter().zip(&judged).enumerate() {
            let is_own = place < changes.all().len();
            for one in after.iter().filter(|one| !is_in(one, &before)) {
                if lint::is_said_by_the_form(one.rule, is_own) {
                    effect.said_by_forms.push(one.clone());
                } else {
                    effect.found.push(one.clone());
                }
            }
            // What is deleted is not mended, and of a row that is switched off only what did harm.
            if let Some(row) = &change.after {
                let stays = |one: &Told| row.is_enabled() || one.severity != Severity::Notice;
                let gone = before.into_iter().filter(|one| stays(one) && !is_in(one, &after));
                effect.gone.extend(gone);
            }
        }
        Ok(())
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
    let near = [&touched.own, &touched.within, &touched.caught];
    for address in near
        .into_iter()
        .flatten()
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
