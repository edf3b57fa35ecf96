//! The linter: mistakes in rows that Postfix does not tell anybody about, and what it does with them.
//!
//! A [`Rule`] judges one row among the others, which it asks through [`Lookups`]; so the same rules judge a whole
//! database that streams by, the rows of one list page, and a change that is not saved yet. docs/rules.md is generated
//! from them.

mod access;
mod advice;
mod aliases;
mod all;
mod around;
mod backups;
mod destinations;
mod directories;
mod dns;
mod document;
mod domains;
#[cfg(test)]
mod fixture;
mod keys;
mod overrides;
mod relays;
mod relocated;
mod said;
mod schema;
mod transports;
mod users;

use std::cell::OnceCell;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use self::all::{RULES, heading, rule, rules};
use self::destinations::Mistake;
pub use self::dns::{Dns, DnsRule, Here, Names, judge_with_dns};
pub use self::document::document;
use self::keys::KeyFault;
pub use self::said::{is_said_by_the_form, is_said_by_the_refusal, is_still_to_come};
pub use self::schema::{ColumnFacts, SchemaRule, TableFacts, judge_schema};
use crate::mail::{AddressPattern, Expansion, in_ticks};
pub use crate::postfix::Severity;
use crate::resource::{Resource, Row, Rules};
use crate::route::Lookups;

/// One rule. What it is asked is its own: a row, what DNS knows about one ([`DnsRule`]), or a table ([`SchemaRule`]).
#[derive(Debug)]
pub struct Rule<Judge = fn(&Case<'_>) -> Option<Finding>> {
    /// `PW100` and the number of the rule in docs/postfix.md section 4, or from `PW201`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The tables whose rows it judges.
    pub tables: &'static [&'static str],
    /// What is wrong, in a few words: the heading in docs/rules.md and on the page.
    pub title: &'static str,
    /// What Postfix does, in one sentence that holds for every such row.
    pub postfix: &'static str,
    /// What to do, in one sentence that holds for every such row.
    pub fix: &'static str,
    /// Finds it.
    pub judge: Judge,
}

/// A row that is judged, and what there is around it.
pub struct Case<'c> {
    /// Its table. Overrides and lists are judged as rows of their tables.
    pub resource: &'static Resource,
    /// The row.
    pub row: &'c Row,
    /// All others.
    pub tables: &'c dyn Lookups,
    /// Settings that rows are judged by.
    pub rules: &'c Rules,
    worked_out: WorkedOut,
}

/// What several rules ask of the same row.
#[derive(Default)]
struct WorkedOut {
    key_fault: OnceCell<Option<KeyFault>>,
    pattern: OnceCell<Option<AddressPattern>>,
    items: OnceCell<Option<Vec<String>>>,
    mistake: OnceCell<Option<(String, Mistake)>>,
    expansion: OnceCell<Option<Expansion>>,
}

impl<'c> Case<'c> {
    /// A row of a table among all others.
    #[must_use]
    pub fn new(resource: &'static Resource, row: &'c Row, tables: &'c dyn Lookups, rules: &'c Rules) -> Self {
        Self {
            resource,
            row,
            tables,
            rules,
            worked_out: WorkedOut::default(),
        }
    }

    /// What Postfix looks up, as it asks for it: lower case, without spaces at the end.
    pub fn subject(&self) -> String {
        self.row.subject(self.resource)
    }

    /// The rows of a table about a subject, without this one.
    pub fn others(&self, table: &'static str, subject: &str) -> Vec<Row> {
        let rows = self.tables.about(table, subject);
        rows.iter()
            .filter(|row| self.is_other(table, row))
            .cloned()
            .collect()
    }

    fn is_other(&self, table: &str, row: &Row) -> bool {
        let is_same_key = table == self.resource.table && row.key == self.row.key;
        // Rows that are to be added have no key yet.
        let subject = self.resource.subject;
        !is_same_key || (row.key.is_empty() && row.text(subject) != self.row.text(subject))
    }

    /// The first enabled row of a table about a subject, without this one.
    pub fn enabled(&self, table: &'static str, subject: &str) -> Option<Row> {
        let rows = self.tables.about(table, subject);
        rows.iter()
            .find(|row| self.is_other(table, row) && row.is_enabled())
            .cloned()
    }
}

/// What a rule found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong with this row and what Postfix does, in one sentence.
    pub message: String,
    /// What to do about this row, in one sentence.
    pub fix: String,
    /// What would mend it, where that is safe to do with one click.
    pub mend: Option<Mend>,
}

/// A safe way to mend a row: it does what the row was meant to do, or makes a row that does nothing go away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Give columns these values.
    Set(Vec<(&'static str, String)>),
    /// Switch the row off.
    SwitchOff,
    /// Add another row: table, columns.
    Add(&'static str, Vec<(&'static str, String)>),
}

/// A finding as it is told: of a rule, about a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The rule.
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The table.
    pub table: &'static str,
    /// The key of the row as used in page addresses; empty where it is about the table itself.
    pub key: String,
    /// What is wrong and what Postfix does.
    pub message: String,
    /// What to do.
    pub fix: String,
    /// The row's subject as stored, for people.
    #[serde(skip)]
    pub subject: String,
    /// What would mend it.
    #[serde(skip)]
    pub mend: Option<Mend>,
}

impl Told {
    /// What is told and of which subject, in a word that another finding does not have: hexadecimal SHA-256.
    #[must_use]
    pub fn digest(&self) -> String {
        let told = [self.rule, &self.subject, &self.message].join("\0");
        hex::encode(Sha256::digest(told.as_bytes()))
    }
}

/// The rules that judge rows which are off: about the switch itself, and about what does not end with it. Such a row
/// breaks no mail, so the others pass it over.
const OF_ROWS_THAT_ARE_OFF: [&str; 3] = ["PW106", "PW120", "PW159"];

/// Judges one row by every rule about its table.
#[must_use]
pub fn judge(case: &Case<'_>) -> Vec<Told> {
    judge_by(rules(), case)
}

fn judge_by(rules: impl Iterator<Item = &'static Rule>, case: &Case<'_>) -> Vec<Told> {
    let is_on = case.row.is_enabled();
    rules
        .filter(|rule| rule.tables.contains(&case.resource.table))
        .filter(|rule| is_on || OF_ROWS_THAT_ARE_OFF.contains(&rule.id))
        .filter_map(|rule| (rule.judge)(case).map(|finding| finding.told(rule, case)))
        .collect()
}

impl Finding {
    fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            fix: fix.into(),
            mend: None,
        }
    }

    /// The same, with what would mend it.
    fn mended_by(mut self, mend: Option<Mend>) -> Self {
        self.mend = mend;
        self
    }

    fn told<Judge>(self, rule: &Rule<Judge>, case: &Case<'_>) -> Told {
        debug_assert!(
            self.mend.is_none() || document::MENDED.contains(&rule.id),
            "docs/rules.md says that {} mends nothing",
            rule.id
        );
        let subject = in_ticks(case.row.text(case.resource.subject)).into_owned();
        let is_named = self.message.to_lowercase().contains(&subject.to_lowercase());
        Told {
            rule: rule.id,
            severity: rule.severity,
            table: case.resource.table,
            key: case.row.key.clone(),
            // Keys are numbers mostly, so a sentence that stands alone has to say which row it is about.
            message: if is_named {
                self.message
            } else {
                format!("`{subject}`: {}", self.message)
            },
            fix: self.fix,
            subject: case.row.text(case.resource.subject).to_owned(),
            mend: self.mend,
        }
    }
}
