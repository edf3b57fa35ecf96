//! Whether a live Postfix makes every row mean what the panel says it means.
//!
//! Its queries are not compared as texts, since there are many right ones. They are put to the database with *model rows* in
//! place of the real ones, such as a single alias that is switched off, and judged by what they answer.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Tables;
use super::live::{self, Live, Source};
use super::maps::{MAPS, Place};
use super::probes::{Expect, PROBES, Probe};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Mail breaks, or rows do not do what they say.
    #[default]
    Error,
    /// Surprising.
    Warning,
    /// Worth knowing; no drift.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `PW100` and the number of the rule in docs/postfix.md section 4, or above `PW250`.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// The table whose rows it is about; empty where it is about the installation.
    pub table: String,
    /// The column of that table; empty where it is about whole rows.
    pub column: String,
    /// The key that was asked for, where it was one.
    pub key: String,
    /// The parameter of main.cf.
    pub parameter: String,
    /// The file.
    pub file: String,
    /// What is wrong and what Postfix does.
    pub message: String,
    /// What to do.
    pub fix: String,
    /// Whether the table has no rows, so that nothing is lost yet.
    #[serde(default)]
    pub is_idle: bool,
}

/// A column that the live configuration goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Honoured {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Where Postfix looks it up.
    pub parameter: String,
    /// The files, with commas between them.
    pub file: String,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The directory of the configuration.
    pub config_dir: String,
    /// The columns it goes by.
    pub honoured: Vec<Honoured>,
    /// Columns that no lookup table of any Postfix has to do with, such as what only an IMAP server reads: `users.quota`.
    #[serde(default)]
    pub beside: Vec<String>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// The tables in which `transport_maps` finds overrides of one address.
    pub overrides: Vec<String>,
    /// Whether any lookup table reads the database the panel edits.
    pub ours: bool,
    /// Keys that were put to Postfix itself and answered as they should be.
    pub probes: usize,
}

impl Verdict {
    /// Whether the configuration has drifted from what the tables need.
    pub fn has_drifted(&self) -> bool {
        self.findings.iter().any(|f| f.severity < Severity::Notice)
    }

    /// Places where the rows of a table are not looked up although there are some, by a configuration that reads others of
    /// this database.
    pub fn unread(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|f| f.rule == UNREAD && self.ours && !f.is_idle)
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
        self.findings.sort_by_key(|f| f.severity);
    }
}

/// Whether Postfix has to do with a column at all.
pub fn is_looked_up(table: &str, column: &str) -> bool {
    PROBES
        .iter()
        .any(|probe| probe.table == table && probe.column == column)
}

/// That the rows of a table are not looked up.
pub const UNREAD: &str = "PW251";

/// A row that exists only while a query is tried.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// Its table.
    pub table: &'static str,
    /// Its values, those of binary columns in hexadecimal; other columns have their default.
    pub values: &'static [(&'static str, &'static str)],
}

/// A statement to be tried on model rows.
#[derive(Debug)]
pub struct Question {
    /// The statement, as Postfix would send it.
    pub sql: String,
    /// All the rows there are of the tables in question.
    pub rows: &'static [Model],
    /// Rows of other tables that a statement may join.
    pub around: &'static [Model],
    probe: usize,
    source: usize,
}

/// What the database said: the first column of each row, or its complaint.
pub type Answer = Result<Vec<String>, String>;

/// Everything to be asked of the database about a configuration.
#[derive(Debug)]
pub struct Examination<'l> {
    live: &'l Live,
    tables: &'l Tables,
    database: &'l str,
    /// The statements to be tried, in any order.
    pub questions: Vec<Question>,
}

impl<'l> Examination<'l> {
    /// Prepares to examine what `live` makes of these tables of this database.
    pub fn new(live: &'l Live, tables: &'l Tables, database: &'l str) -> Self {
        let mut examination = Self {
            live,
            tables,
            database,
            questions: Vec::new(),
        };
        let mut questions = Vec::new();
        for (number, probe) in examination.probes() {
            for source in examination.asked_in(probe) {
                let place = live.sources.iter().position(|s| s.path == source.path);
                let Some(place) = place.filter(|_| examination.is_tried(source)) else {
                    continue;
                };
                for key in probe.keys {
                    let sql = source.query.sql_for_model(key, database);
                    questions.extend(sql.map(|sql| Question {
                        sql,
                        rows: probe.rows,
                        around: probe.around(),
                        probe: number,
                        source: place,
                    }));
                }
            }
        }
        examination.questions = questions;
        examination
    }

    /// The probes for what this database has.
    fn probes(&self) -> impl Iterator<Item = (usize, &'static Probe)> {
        PROBES.iter().enumerate().filter(|(_, probe)| {
            probe.rows.iter().all(|row| {
                self.tables.has(row.table)
                    && row
                        .values
                        .iter()
                        .all(|(column, _)| self.tables.has_column(row.table, column))
            })
        })
    }

    /// Whether a lookup table is tried on model rows: one that reads a table of the panel, in a way that is safe to try.
    fn is_tried(&self, source: &Source) -> bool {
        source.can_be_tried(self.database) && (reads_ours(source) || source.query.tables().is_empty())
    }

    /// Whether it is known what a place answers: no table there that reads the panel's is left untried, and where only others
    /// are asked they are checks of another kind and no view of the panel's tables.
    fn is_known(&self, place: Place) -> bool {
        let sources = self.live.sources_at(place);
        let mut left = sources.iter().filter(|s| !self.is_tried(s));
        match place {
            Place::Check(_) => !left.any(|s| reads_ours(s)),
            Place::Parameter(_) => {
                let is_any_tried = sources.iter().any(|s| self.is_tried(s));
                !left.any(|s| reads_ours(s) || !is_any_tried)
            }
        }
    }

    /// The lookup tables a probe is about.
    fn asked_in(&self, probe: &Probe) -> Vec<&'l Source> {
        let mut sources = self.live.sources_at(probe.place);
        if probe.expect == Expect::NothingOrRefusal {
            sources.extend(self.live.sources_at(Place::Check("check_recipient_access")));
        }
        sources
    }

    /// Judges by the answers to the questions, in their order.
    pub fn judge(&self, answers: &[Answer]) -> Verdict {
        let mut verdict = Verdict {
            config_dir: self.live.dir.display().to_string(),
            ours: self
                .live
                .sources
                .iter()
                .any(|s| s.query.parameter("dbname") == Some(self.database)),
            ..Verdict::default()
        };
        super::installation::inspect(self.live, self.tables, self.database, &mut verdict);
        for source in self.live.sources.iter().filter(|s| !self.is_tried(s)) {
            verdict.add(not_tried(source));
        }
        // Without an answer to the plain case the others say nothing.
        let mut unread: Vec<(&str, Place)> = Vec::new();
        for (number, probe) in self.probes() {
            if unread.contains(&(probe.table, probe.place)) {
                continue;
            }
            let Some(found) = self.found(number, answers, &mut verdict) else {
                continue;
            };
            let holds = probe.expect.holds(&found);
            if holds && probe.is_override {
                verdict.overrides.push(probe.table.to_owned());
            }
            if !holds {
                if probe.is_plain {
                    unread.push((probe.table, probe.place));
                }
                let finding = self.finding(probe, &found);
                // The first probe of a column that fails says it all.
                let is_said = verdict.findings.iter().any(|f| {
                    (&f.rule, &f.table, &f.column, &f.parameter)
                        == (&finding.rule, &finding.table, &finding.column, &finding.parameter)
                });
                if !is_said {
                    verdict.add(finding);
                }
            }
        }
        verdict.honoured = self.honoured(&verdict.findings);
        verdict
    }

    /// The columns there are probes for and nothing to complain about.
    fn honoured(&self, findings: &[Finding]) -> Vec<Honoured> {
        let mut honoured = Vec::new();
        for (_, probe) in self.probes() {
            let name = probe.place.name();
            if !self.is_known(probe.place) {
                continue;
            }
            let is_wrong = findings.iter().any(|f| {
                f.table == probe.table
                    && f.parameter == name
                    && (f.column == probe.column || [UNREAD, "PW255"].contains(&f.rule.as_str()))
            });
            let new = Honoured {
                table: probe.table.to_owned(),
                column: probe.column.to_owned(),
                parameter: name.to_owned(),
                file: self.files(probe),
            };
            if !is_wrong && !new.file.is_empty() && !honoured.contains(&new) {
                honoured.push(new);
            }
        }
        honoured
    }

    /// The names of the files a probe is about.
    fn files(&self, probe: &Probe) -> String {
        live::names(&self.live.sources_at(probe.place), probe.table)
    }

    /// What the lookup tables of its place answered to a probe, in their order. `None` where that is not known because a query
    /// fails or cannot be tried.
    fn found(&self, probe: usize, answers: &[Answer], verdict: &mut Verdict) -> Option<Vec<String>> {
        let place = PROBES[probe].place;
        let here = self.live.sources_at(place);
        let mut found = Vec::new();
        let mut is_known = self.is_known(place);
        let mut is_refused = false;
        let asked = self.questions.iter().zip(answers);
        for (question, answer) in asked.filter(|(question, _)| question.probe == probe) {
            let source = &self.live.sources[question.source];
            match answer {
                Ok(rows) if rows.is_empty() => {}
                Ok(rows) if here.iter().any(|s| s.path == source.path) => {
                    found.push(source.query.result(rows));
                }
                Ok(rows) => is_refused |= is_refusal(&source.query.result(rows)),
                Err(complaint) => {
                    is_known = false;
                    verdict.add(self.query_fails(question, complaint));
                }
            }
        }
        if is_refused {
            found.clear();
        }
        (is_known || !found.is_empty()).then_some(found)
    }

    fn finding(&self, probe: &Probe, found: &[String]) -> Finding {
        let file = self.files(probe);
        if probe.is_plain {
            return self.not_looked_up(probe, &file);
        }
        Finding {
            rule: probe.rule.to_owned(),
            severity: probe.severity,
            table: probe.table.to_owned(),
            column: probe.column.to_owned(),
            parameter: probe.place.name().to_owned(),
            message: probe
                .message
                .replace("{file}", &file)
                .replace("{answer}", &found.join(",")),
            fix: regenerate(&file),
            file,
            ..Finding::default()
        }
    }

    /// About the table as a whole: nothing of it is looked up, and said once is enough.
    fn query_fails(&self, question: &Question, complaint: &str) -> Finding {
        let source = &self.live.sources[question.source];
        let probe = &PROBES[question.probe];
        Finding {
            rule: "PW255".to_owned(),
            severity: Severity::Error,
            table: probe.table.to_owned(),
            parameter: probe.place.name().to_owned(),
            file: source.name().to_owned(),
            message: format!(
                "The query of {} fails ({complaint}): Postfix answers 451 4.3.0 Temporary lookup failure.",
                source.name()
            ),
            fix: regenerate(source.name()),
            ..Finding::default()
        }
    }

    fn not_looked_up(&self, probe: &Probe, file: &str) -> Finding {
        let parameter = probe.place.name();
        let sources = self.live.sources_at(probe.place);
        let message = if sources.is_empty() {
            match probe.place {
                Place::Parameter(name) => format!(
                    "`{name}` names no lookup table in MySQL: rows of `{}` do nothing. {}",
                    probe.table, probe.message
                ),
                Place::Check(check) => format!(
                    "No smtpd restriction has a `{check}` that asks `{}`. {}",
                    probe.table, probe.message
                ),
            }
        } else {
            let mut read: Vec<String> = sources.iter().flat_map(|s| s.query.tables()).collect();
            read.sort();
            read.dedup();
            let reads = if read.is_empty() || read.iter().any(|t| t == probe.table) {
                String::new()
            } else {
                let verb = if sources.len() == 1 { "reads" } else { "read" };
                format!(" ({file} {verb} {})", read.join(", "))
            };
            format!(
                "`{parameter}` does not find rows of `{}`{reads}. {}",
                probe.table, probe.message
            )
        };
        Finding {
            rule: probe.rule.to_owned(),
            severity: probe.severity,
            table: probe.table.to_owned(),
            column: probe.column.to_owned(),
            parameter: parameter.to_owned(),
            file: file.to_owned(),
            message,
            fix: format!(
                "Set `{}` as `postwarden postfix generate` writes it, and put the files it names beside main.cf.",
                match probe.place {
                    Place::Parameter(name) => name,
                    Place::Check(_) => "smtpd_recipient_restrictions",
                }
            ),
            ..Finding::default()
        }
    }
}

/// Whether a lookup table reads a table of the panel, as far as its query names it.
fn reads_ours(source: &Source) -> bool {
    MAPS.iter().any(|map| source.query.reads(map.table))
}

fn not_tried(source: &Source) -> Finding {
    let name = source.name();
    let why = if source.trusted {
        "it does more than to compare columns of the panel's tables, or reads others"
    } else {
        "the file belongs to neither root nor you"
    };
    Finding {
        rule: "PW257".to_owned(),
        severity: Severity::Notice,
        file: name.to_owned(),
        message: format!(
            "The query of {name} was not tried on model rows: {why}. What it makes of `enabled` and the like is not known."
        ),
        ..Finding::default()
    }
}

/// Whether access(5) takes an answer for a refusal.
pub(super) fn is_refusal(answer: &str) -> bool {
    let word = answer.split_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case("REJECT")
        || (word.len() == 3 && word.starts_with('5') && answer.trim().len() > 3)
}

pub(super) fn regenerate(file: &str) -> String {
    let what = if file.is_empty() { "the files" } else { file };
    format!("Replace {what} with what `postwarden postfix generate` writes, then `postfix reload`.")
}
