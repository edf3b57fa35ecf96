//! Taking over a database that something else made: which one it is ([`kind`]), what is wrong with its tables
//! ([`findings`]), and the statements that give them the shape of a fresh installation, in order ([`plan`]). Knows facts
//! about tables ([`Facts`]), and neither SQL that is run nor HTTP.

mod facts;
mod findings;
mod kind;
mod plan;

use serde::Serialize;

pub use facts::{Column, Facts, Found, Passwords, Table};
pub use findings::Finding;
pub use kind::{Kind, Origin};
pub use plan::{Step, target_collation};

/// What the statements rely on: a value that does not fit is an error and never cut, and a row number 0 stays one.
pub const SESSION: &str =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'";

/// What there is to say about a database.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// What it is.
    pub origin: Origin,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What mends it, in the order in which it has to be run.
    pub plan: Vec<Step>,
}

impl Diagnosis {
    /// Judges a database by its facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let origin = kind::recognise(facts);
        // Tables of the same names in another layout are none of the howto's: nothing is said about them.
        if !origin.kind.has_howto_tables() {
            return Self {
                origin,
                findings: Vec::new(),
                plan: Vec::new(),
            };
        }
        Self {
            findings: findings::judge(facts),
            plan: plan::plan(facts),
            origin,
        }
    }

    /// Whether there is nothing to do: the tables are the panel's, and nothing is wrong with them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.origin.kind.has_howto_tables() && self.findings.is_empty() && self.plan.is_empty()
    }

    /// The plan as a file for the `mariadb` client: a reason as a comment before each statement, and what cannot run yet
    /// as comments alone.
    #[must_use]
    pub fn script(&self) -> String {
        let steps: Vec<String> = self.plan.iter().map(Step::script).collect();
        format!("{SESSION};\n\n{}", steps.join("\n"))
    }
}

/// A number with its noun: `1 row`, `12,345 rows`.
fn count(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let grouped: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped.join(","))
}
