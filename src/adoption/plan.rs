//! The statements that give the howto's tables the shape of a fresh installation, in the order in which they have to be
//! run. The shape is what `migrations/tables` says; what is already as wide or wider stays as it is, and so do columns
//! that are not the howto's.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Column, Facts, Found, Table, count};
use crate::mail::visible;
use crate::postfix::quoted;
use crate::resource::Resource;

/// One statement of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The table.
    pub table: String,
    /// The statement, without a semicolon.
    pub statement: String,
    /// Why, in a line.
    pub reason: String,
    /// What has to be done before it can run; `None` where it can run now.
    pub first: Option<String>,
}

impl Step {
    fn new(table: &Table, clauses: &str, reason: impl Into<String>) -> Self {
        Self {
            table: table.name().to_owned(),
            statement: format!("ALTER TABLE {} {clauses}", table.name()),
            reason: reason.into(),
            first: None,
        }
    }

    fn after(mut self, first: Option<String>) -> Self {
        self.first = first;
        self
    }

    /// As a part of a file for the `mariadb` client.
    pub(super) fn script(&self) -> String {
        match &self.first {
            None => format!("-- {}\n{};\n", self.reason, self.statement),
            Some(first) => format!(
                "-- {}\n-- Not yet. {first}\n-- {};\n",
                self.reason,
                self.statement.replace('\n', "\n-- ")
            ),
        }
    }
}

/// The types in which text is widened and converted.
const TEXTS: &[&str] = &["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];

/// The types that hold fewer rows than people come to have.
pub(super) const SMALL: &[&str] = &["tinyint", "smallint", "mediumint"];

/// Defaults of the howto that harm every row which does not name the column: the column, and part of the default.
const HARMFUL: &[(&str, &str, &str)] = &[
    ("backups", "transport", "[]"),
    ("users", "maildir", ""),
    ("users", "clear", "ChangeMe"),
    ("users", "crypt", "sdtrusfX0Jj66"),
];

/// How text is to be compared that is compared like this now: as before, in utf8mb4.
#[must_use]
pub fn target_collation(now: &str) -> String {
    let (charset, rest) = now.split_once('_').unwrap_or((now, ""));
    match (charset, rest) {
        ("utf8mb4", _) => now.to_owned(),
        ("utf8" | "utf8mb3", rest) if rest != "general_mysql500_ci" => format!("utf8mb4_{rest}"),
        (_, rest) if rest.ends_with("nopad_bin") => "utf8mb4_nopad_bin".to_owned(),
        (_, rest) if rest.ends_with("nopad_ci") => "utf8mb4_general_nopad_ci".to_owned(),
        (_, rest) if rest.ends_with("bin") || rest.ends_with("_cs") => "utf8mb4_bin".to_owned(),
        _ => "utf8mb4_general_ci".to_owned(),
    }
}

/// What is to be done, in order.
pub(super) fn plan(facts: &Facts) -> Vec<Step> {
    Resource::tables()
        .flat_map(|resource| match facts.table(resource.table) {
            None => vec![create(resource)],
            // A table of the panel's own has its shape; a view, and one of another layout, are not altered.
            Some(table) if table.engine.is_none() || resource.unique_with.is_some() => Vec::new(),
            Some(table) => steps(table),
        })
        .collect()
}

fn create(resource: &Resource) -> Step {
    Step {
        table: resource.table.to_owned(),
        statement: resource.create_table.trim().to_owned(),
        reason: format!(
            "The table {} is missing; Postfix finds no row in it.",
            resource.table
        ),
        first: None,
    }
}

fn steps(table: &Table) -> Vec<Step> {
    let Some(subject) = table.subject() else {
        return Vec::new();
    };
    let Some(key) = table.column(table.resource.key) else {
        return vec![number_rows(table)];
    };
    let shape = Shape::of(table.resource);
    let mut steps = Vec::new();
    steps.extend(storage(table));
    steps.extend(defaults(table));
    steps.extend(convert_subject(table, subject, &shape));
    steps.extend(convert_others(table, &shape));
    steps.extend(widen_key(table, key));
    steps.extend(unique_subject(table, subject));
    steps.extend(add_domain(table, subject, &shape));
    steps
}

/// Rows by whose number nothing can be compared are numbered by hand.
fn number_rows(table: &Table) -> Step {
    let key = table.resource.key;
    Step::new(
        table,
        &format!("ADD {key} INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST"),
        "One row cannot be told from another.",
    )
    .after(Some(
        "Run it by hand: without a number there is nothing to compare the rows by afterwards.".to_owned(),
    ))
}

fn storage(table: &Table) -> Option<Step> {
    let engine = table.engine.as_deref()?;
    if !engine.eq_ignore_ascii_case("InnoDB") {
        return Some(Step::new(
            table,
            "ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
            format!("{engine} has no transactions: a change that fails halfway stays half written."),
        ));
    }
    ["compact", "redundant"]
        .contains(&table.row_format.as_str())
        .then(|| {
            Step::new(
                table,
                "ROW_FORMAT=DYNAMIC",
                format!(
                    "In the row format {} an index ends after 767 bytes, and addresses may be longer.",
                    table.row_format
                ),
            )
        })
}

/// The columns whose default harms.
pub(super) fn harmful(table: &Table) -> Vec<&Column> {
    let is_harmful = |column: &&Column| {
        let default = column.default.as_deref().unwrap_or_default();
        !default.is_empty()
            && HARMFUL.iter().any(|(name, of, part)| {
                *name == table.name() && column.name.eq_ignore_ascii_case(of) && default.contains(part)
            })
    };
    table.columns.iter().filter(is_harmful).collect()
}

fn defaults(table: &Table) -> Option<Step> {
    let columns = harmful(table);
    let clauses: Vec<String> = columns
        .iter()
        .map(|column| format!("ALTER {} SET DEFAULT ''", column.name))
        .collect();
    let named: Vec<String> = columns
        .iter()
        .map(|column| {
            format!(
                "{} = '{}'",
                column.name,
                visible(column.default.as_deref().unwrap_or_default())
            )
        })
        .collect();
    (!clauses.is_empty()).then(|| {
        Step::new(
            table,
            &clauses.join(", "),
            format!("A row that does not name them gets {}.", named.join(", ")),
        )
    })
}

/// The column Postfix looks up: wider at once, in utf8mb4 where no row is found for other addresses then.
fn convert_subject(table: &Table, subject: &Column, shape: &Shape) -> Vec<Step> {
    let Some(clause) = shape.clause(table, subject) else {
        return Vec::new();
    };
    let reason = reason(table, &[subject], shape);
    if table.shifting.count == 0 || is_utf8(subject) {
        return vec![Step::new(
            table,
            &format!("{clause}{}", default_charset(table)),
            reason,
        )];
    }
    let first = format!(
        "In utf8mb4 letters with accents are compared otherwise: {} would be found for other addresses than now ({}). \
         Correct or delete them.",
        count(table.shifting.count, "row"),
        named(&table.shifting)
    );
    let widen = shape.is_wider(subject).then(|| {
        let collation = subject.collation.as_deref().unwrap_or_default();
        let clause = shape.definition(table, subject, collation);
        let reason = format!("{} is too short for an address.", subject.name);
        Step::new(table, &clause, reason)
    });
    let convert = Step::new(table, &clause, reason).after(Some(first));
    widen.into_iter().chain([convert]).collect()
}

fn convert_others(table: &Table, shape: &Shape) -> Option<Step> {
    let others: Vec<(&Column, String)> = table
        .columns
        .iter()
        .filter(|column| !column.name.eq_ignore_ascii_case(table.resource.subject))
        .filter_map(|column| Some((column, shape.clause(table, column)?)))
        .collect();
    let clauses: Vec<&str> = others.iter().map(|(_, clause)| clause.as_str()).collect();
    let columns: Vec<&Column> = others.iter().map(|(column, _)| *column).collect();
    (!clauses.is_empty()).then(|| {
        Step::new(
            table,
            &format!("{}{}", clauses.join(", "), default_charset(table)),
            reason(table, &columns, shape),
        )
    })
}

/// What columns added later get, where that would be something else.
fn default_charset(table: &Table) -> String {
    if table.collation.starts_with("utf8mb4_") {
        return String::new();
    }
    let collation = target_collation(&table.collation);
    format!(", DEFAULT CHARACTER SET utf8mb4 COLLATE {collation}")
}

fn is_utf8(column: &Column) -> bool {
    column
        .collation
        .as_deref()
        .is_some_and(|collation| collation.starts_with("utf8mb4_"))
}

fn reason(table: &Table, columns: &[&Column], shape: &Shape) -> String {
    let names = |which: &dyn Fn(&&&Column) -> bool| {
        let names: Vec<&str> = columns.iter().filter(which).map(|c| c.name.as_str()).collect();
        names.join(", ")
    };
    let short = names(&|column| shape.is_wider(column));
    let foreign = names(&|column| !is_utf8(column));
    let mut reason = Vec::new();
    if !short.is_empty() {
        reason.push(format!("Too short: {short}."));
    }
    if !foreign.is_empty() {
        reason.push(format!("Not in utf8mb4: {foreign}."));
    }
    if reason.is_empty() {
        reason.push(format!(
            "{} may be NULL, which is found for no address.",
            table.resource.subject
        ));
    }
    reason.join(" ")
}

fn widen_key(table: &Table, key: &Column) -> Option<Step> {
    if !SMALL.contains(&key.data_type.as_str()) {
        return None;
    }
    let up = if key.counts_up { " AUTO_INCREMENT" } else { "" };
    let first = table.has_negative_key.then(|| {
        format!(
            "A row has a {} below zero. Give it a number above all others.",
            key.name
        )
    });
    Some(
        Step::new(
            table,
            &format!("MODIFY {} INT UNSIGNED NOT NULL{up}", key.name),
            format!("At the end of {} no row can be added.", key.data_type),
        )
        .after(first),
    )
}

fn unique_subject(table: &Table, subject: &Column) -> Option<Step> {
    if table.has_unique_subject() {
        return None;
    }
    let first = if table.duplicates.count > 0 {
        Some(format!(
            "{} with a {} that another row has too: {}. Keep one of each.",
            count(table.duplicates.count, "row"),
            subject.name,
            named(&table.duplicates)
        ))
    } else if table.nulls > 0 {
        Some(format!(
            "{} without {}: delete them.",
            count(table.nulls, "row"),
            subject.name
        ))
    } else {
        None
    };
    Some(
        Step::new(
            table,
            &format!("ADD UNIQUE KEY ({})", subject.name),
            format!(
                "The same {} can be stored twice, and which row counts is chance.",
                subject.name
            ),
        )
        .after(first),
    )
}

/// The generated column by which the rows of one domain are found, where the table has one on a fresh installation.
fn add_domain(table: &Table, subject: &Column, shape: &Shape) -> Option<Step> {
    let (column, index) = shape.domain?;
    if table.column("dom").is_some() || !["char", "varchar"].contains(&subject.data_type.as_str()) {
        return None;
    }
    let now = subject.collation.as_deref()?;
    let collation = if table.shifting.count > 0 {
        now.to_owned()
    } else {
        target_collation(now)
    };
    let (kind, rest) = column.split_once(" AS ")?;
    let charset = collation.split('_').next().unwrap_or_default();
    Some(Step::new(
        table,
        &format!("ADD {kind} CHARACTER SET {charset} COLLATE {collation} AS {rest}, ADD {index}"),
        "Lists of one domain read the whole table without an index on the domain.",
    ))
}

/// Some rows in a sentence: `12 blobber.org, 14 blobber.org, …`.
pub(super) fn named(found: &Found) -> String {
    let mut text = String::new();
    for (key, value) in &found.first {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{key} `{}`", visible(value));
    }
    if found.count > found.first.len() as u64 {
        text.push_str(", …");
    }
    text
}

/// What a table looks like on a fresh installation.
pub(super) struct Shape {
    /// Name and type of each column, such as `VARCHAR(255)`.
    columns: Vec<(&'static str, &'static str)>,
    /// The generated column and its index.
    domain: Option<(&'static str, &'static str)>,
}

impl Shape {
    /// Reads it from the statement that creates the table: a column or a key in each line.
    pub(super) fn of(resource: &Resource) -> Self {
        let lines = || {
            resource
                .create_table
                .lines()
                .map(|line| line.trim().trim_end_matches(','))
        };
        let columns = lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                Some((words.next()?, words.next()?))
            })
            .filter(|(name, kind)| {
                name.chars().all(char::is_lowercase) && kind.starts_with(char::is_uppercase)
            })
            .collect();
        let find = |start: &str| lines().find(|line| line.starts_with(start));
        Self {
            columns,
            domain: find("dom ").zip(find("KEY dom ")),
        }
    }

    fn kind(&self, column: &Column) -> Option<&'static str> {
        let of = |(name, _): &&(&str, &str)| column.name.eq_ignore_ascii_case(name);
        self.columns.iter().find(of).map(|(_, kind)| *kind)
    }

    /// Whether a fresh installation has more room in the column.
    pub(super) fn is_wider(&self, column: &Column) -> bool {
        let wanted = self.kind(column).and_then(capacity);
        TEXTS.contains(&column.data_type.as_str())
            && wanted
                .zip(column.capacity)
                .is_some_and(|(wanted, now)| now < wanted)
    }

    /// The clause that widens and converts a column, where either is needed.
    fn clause(&self, table: &Table, column: &Column) -> Option<String> {
        if !column.is_text() || !TEXTS.contains(&column.data_type.as_str()) {
            return None;
        }
        self.kind(column)?;
        let fills =
            column.nullable && table.nulls == 0 && column.name.eq_ignore_ascii_case(table.resource.subject);
        (self.is_wider(column) || !is_utf8(column) || fills).then(|| {
            self.definition(
                table,
                column,
                &target_collation(column.collation.as_deref().unwrap_or_default()),
            )
        })
    }

    /// `MODIFY` with everything about the column that is to stay.
    fn definition(&self, table: &Table, column: &Column, collation: &str) -> String {
        let kind = match self.kind(column) {
            Some(wanted) if self.is_wider(column) => wanted.to_owned(),
            _ if column.data_type.ends_with("char") => format!("VARCHAR({})", column.capacity.unwrap_or(255)),
            _ => column.data_type.to_uppercase(),
        };
        let is_subject = column.name.eq_ignore_ascii_case(table.resource.subject);
        let null = if column.nullable && !(is_subject && table.nulls == 0) {
            " NULL"
        } else {
            " NOT NULL"
        };
        let is_harmful = harmful(table).iter().any(|other| other.name == column.name);
        let default = match &column.default {
            Some(_) if kind.ends_with("TEXT") => String::new(),
            Some(_) if is_harmful => " DEFAULT ''".to_owned(),
            Some(default) => format!(" DEFAULT {}", quoted(default)),
            None => String::new(),
        };
        let charset = collation.split('_').next().unwrap_or_default();
        format!(
            "MODIFY {} {kind} CHARACTER SET {charset} COLLATE {collation}{null}{default}",
            column.name
        )
    }
}

/// Most characters a type of a fresh installation holds.
fn capacity(kind: &str) -> Option<u64> {
    if kind == "TEXT" {
        return Some(65_535);
    }
    kind.strip_prefix("VARCHAR(")?.strip_suffix(')')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compared_as_before_in_utf8mb4() {
        for (now, then) in [
            ("latin1_swedish_ci", "utf8mb4_general_ci"),
            ("latin1_bin", "utf8mb4_bin"),
            ("latin1_general_cs", "utf8mb4_bin"),
            ("latin1_swedish_nopad_ci", "utf8mb4_general_nopad_ci"),
            ("utf8mb3_unicode_ci", "utf8mb4_unicode_ci"),
            ("utf8_general_ci", "utf8mb4_general_ci"),
            ("utf8mb3_general_mysql500_ci", "utf8mb4_general_ci"),
            ("utf8mb4_uca1400_ai_ci", "utf8mb4_uca1400_ai_ci"),
        ] {
            assert_eq!(target_collation(now), then, "{now}");
        }
    }

    #[test]
    fn the_shape_of_a_table_is_read_from_the_statement_that_creates_it() {
        let column = |name: &str, capacity| Column {
            name: name.to_owned(),
            data_type: "varchar".to_owned(),
            capacity: Some(capacity),
            ..Column::default()
        };
        let shape = Shape::of(&crate::resource::aliases::RESOURCE);
        assert_eq!(shape.kind(&column("mail", 1)), Some("VARCHAR(255)"));
        assert_eq!(shape.kind(&column("destination", 1)), Some("TEXT"));
        assert_eq!(shape.kind(&column("comment", 1)), None);
        assert!(shape.is_wider(&column("mail", 254)) && !shape.is_wider(&column("mail", 255)));
        let (dom, index) = shape.domain.expect("a domain");
        assert!(dom.starts_with("dom VARCHAR(255) AS (") && index == "KEY dom (dom, mail)");
        assert!(Shape::of(&crate::resource::domains::RESOURCE).domain.is_none());
    }

    #[test]
    fn what_the_tables_hold_cannot_end_a_comment() {
        let step = Step {
            table: "domains".to_owned(),
            statement: "ALTER TABLE domains\nADD UNIQUE KEY (domain)".to_owned(),
            reason: "Because.".to_owned(),
            first: Some(named(&Found {
                count: 1,
                first: vec![("3".to_owned(), "x\nDROP TABLE domains;".to_owned())],
            })),
        };
        assert!(
            step.script().lines().all(|line| line.starts_with("--")),
            "{}",
            step.script()
        );
    }
}
