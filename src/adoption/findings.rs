//! What is wrong with a database that is taken over, beyond what the linter says of its tables.

use serde::Serialize;

use super::plan::{SMALL, Shape, harmful, named};
use super::{Column, Facts, Found, Table, count};
use crate::lint::judge_schema;
use crate::resource::Resource;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which kind of thing: the linter's id where it has a rule for it, PW301 and on of the others.
    pub rule: &'static str,
    /// The table.
    pub table: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
    /// The rows it is about, where it is about some.
    pub rows: Found,
}

impl Finding {
    fn new(rule: &'static str, table: &str, message: String, fix: &str) -> Self {
        Self {
            rule,
            table: table.to_owned(),
            message,
            fix: fix.to_owned(),
            rows: Found::default(),
        }
    }

    fn with(mut self, rows: &Found) -> Self {
        self.rows = rows.clone();
        self
    }
}

/// The statement of the plan that mends it.
const PLANNED: &str = "The plan has the statement.";

/// Judges a database with the howto's tables.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = missing(facts);
    findings.extend(linted(facts));
    for table in facts.tables.iter().filter(|table| table.engine.is_some()) {
        let shape = Shape::of(table.resource);
        findings.extend(
            [
                no_subject(table),
                small_key(table, &findings),
                narrow(table, &shape),
                foreign_charset(table),
                shifting(table),
                misread(table),
                duplicates(table),
                no_domain(table),
            ]
            .into_iter()
            .flatten(),
        );
    }
    findings.extend(passwords(facts));
    // Those of a table together, in the order of the menu.
    findings.sort_by_key(|finding| Resource::tables().position(|resource| resource.table == finding.table));
    findings
}

fn missing(facts: &Facts) -> Vec<Finding> {
    Resource::tables()
        .filter(|resource| facts.table(resource.table).is_none())
        .map(|resource| {
            Finding::new(
                "PW301",
                resource.table,
                format!("The table {} is missing.", resource.table),
                "`postwarden migrate` creates it, and so does the plan.",
            )
        })
        .collect()
}

/// What the linter says of the tables, with the rows that are in the way.
fn linted(facts: &Facts) -> Vec<Finding> {
    let tables: Vec<_> = facts.tables.iter().map(Table::for_rules).collect();
    judge_schema(&tables)
        .into_iter()
        .map(|told| {
            let finding = Finding::new(told.rule, told.table, told.message, &told.fix);
            match facts.table(told.table) {
                Some(table) if told.rule == "PW115" => finding.with(&table.duplicates),
                _ => finding,
            }
        })
        .collect()
}

fn no_subject(table: &Table) -> Option<Finding> {
    let missing = [table.resource.key, table.resource.subject]
        .into_iter()
        .find(|name| table.column(name).is_none())?;
    Some(Finding::new(
        "PW302",
        table.name(),
        format!(
            "{} has no column {missing}: it is another program's.",
            table.name()
        ),
        "The panel shows no rows of it. Rename the column, or the table and let `postwarden migrate` make a new one.",
    ))
}

fn small_key(table: &Table, so_far: &[Finding]) -> Option<Finding> {
    let key = table.column(table.resource.key)?;
    let is_told = so_far
        .iter()
        .any(|f| f.rule == "PW109" && f.table == table.name());
    if is_told || !SMALL.contains(&key.data_type.as_str()) {
        return None;
    }
    let bits = match key.data_type.as_str() {
        "tinyint" => 8,
        "smallint" => 16,
        _ => 24,
    };
    let most = (1_u64 << (bits - u32::from(!key.unsigned))) - 1;
    Some(Finding::new(
        "PW109",
        table.name(),
        format!(
            "{}.{} is a {}: its row numbers have come to {} of {most}.",
            table.name(),
            key.name,
            key.data_type,
            table.highest_key.unwrap_or(0)
        ),
        PLANNED,
    ))
}

fn narrow(table: &Table, shape: &Shape) -> Option<Finding> {
    let told = |column: &Column| {
        format!(
            "{} holds {} characters (the longest now has {})",
            column.name,
            column.capacity.unwrap_or(0),
            column.longest
        )
    };
    table.subject()?;
    let narrow: Vec<String> = table
        .columns
        .iter()
        .filter(|c| shape.is_wider(c))
        .map(told)
        .collect();
    (!narrow.is_empty()).then(|| {
        Finding::new(
            "PW303",
            table.name(),
            format!("Short columns of {}: {}.", table.name(), narrow.join(", ")),
            PLANNED,
        )
    })
}

fn foreign_charset(table: &Table) -> Option<Finding> {
    let mut collations: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| column.is_text())
        .filter_map(|column| column.collation.as_deref())
        .filter(|collation| !collation.starts_with("utf8mb4_") && !collation.starts_with("ascii_"))
        .collect();
    collations.sort_unstable();
    collations.dedup();
    // The panel's own table is as it was made.
    (!collations.is_empty() && table.subject().is_some() && table.resource.unique_with.is_none()).then(|| {
        Finding::new(
            "PW304",
            table.name(),
            format!(
                "Text of {} is stored as {}, not in utf8mb4.",
                table.name(),
                collations.join(" and ")
            ),
            PLANNED,
        )
    })
}

fn shifting(table: &Table) -> Option<Finding> {
    (table.shifting.count > 0).then(|| {
        Finding::new(
            "PW305",
            table.name(),
            format!(
                "{} of {} would be found for other addresses in utf8mb4: {}.",
                count(table.shifting.count, "row"),
                table.name(),
                named(&table.shifting)
            ),
            "Correct or delete them: no mail is addressed to letters with accents by a server without SMTPUTF8.",
        )
        .with(&table.shifting)
    })
}

fn misread(table: &Table) -> Option<Finding> {
    (table.misread.count > 0).then(|| {
        Finding::new(
            "PW306",
            table.name(),
            format!(
                "Text of {} of {} looks like UTF-8 that was stored as latin1: {}. It stays as it is read now.",
                count(table.misread.count, "row"),
                table.name(),
                named(&table.misread)
            ),
            "Correct these rows in the panel. No statement can know which of them were meant.",
        )
        .with(&table.misread)
    })
}

fn duplicates(table: &Table) -> Option<Finding> {
    let subject = table.subject()?;
    // Of domains the linter has a rule.
    if table.has_unique_subject() || table.name() == "domains" || table.resource.unique_with.is_some() {
        return None;
    }
    Some(
        Finding::new(
            "PW307",
            table.name(),
            format!("{}.{} has no unique key.", table.name(), subject.name),
            PLANNED,
        )
        .with(&table.duplicates),
    )
}

fn no_domain(table: &Table) -> Option<Finding> {
    let wants = table.resource.create_table.contains("\n  dom ");
    let dom = table.column("dom");
    let is_computed = dom.is_some_and(|dom| dom.expression.is_some());
    (wants && !is_computed && table.subject().is_some()).then(|| {
        let (message, fix) = if dom.is_some() {
            (
                "is an ordinary column",
                "Rename it: the panel then computes one of its own.",
            )
        } else {
            ("is not there: lists of one domain read every row", PLANNED)
        };
        Finding::new(
            "PW308",
            table.name(),
            format!("The column {}.dom {message}.", table.name()),
            fix,
        )
    })
}

fn passwords(facts: &Facts) -> Vec<Finding> {
    let is_default = facts
        .table("users")
        .is_some_and(|users| !harmful(users).is_empty());
    let because = if is_default {
        " The default of the column makes more of them."
    } else {
        ""
    };
    [
        (
            "PW154",
            facts.passwords.default,
            "can be opened by `ChangeMe`, the default of the howto",
            because,
        ),
        (
            "PW226",
            facts.passwords.des,
            "with a hash of DES, which reads the first 8 characters alone",
            "",
        ),
        (
            "PW309",
            facts.passwords.readable,
            "with a readable copy of the password in `clear`",
            "",
        ),
    ]
    .into_iter()
    .filter(|(_, number, _, _)| *number > 0)
    .map(|(rule, number, what, because)| {
        Finding::new(
            rule,
            "users",
            format!("{} of users {what}.{because}", count(number, "row")),
            "Set new passwords.",
        )
    })
    .collect()
}
