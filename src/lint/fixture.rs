//! Rows for the tests of the rules.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{Case, Rule, Told, backups, domains, judge_by, keys, overrides, transports};
use crate::resource::{Resource, Row, Rules};
use crate::route::{Lookups, Snapshot};

/// The rules that judge rows of `domains` and `backups`, together: a mistake is told by one of them.
pub static ROUTES: &[&[Rule]] = &[
    keys::RULES,
    domains::RULES,
    overrides::RULES,
    backups::RULES,
    transports::RULES,
];

static LAST_KEY: AtomicU32 = AtomicU32::new(0);

/// An enabled row with a key of its own: its subject, and the column that says what becomes of the mail.
pub fn row(table: &str, subject: &str, value: &str) -> Row {
    let resource = Resource::by_table(table).expect(table);
    let main = match table {
        "domains" | "backups" => "transport",
        "aliases" => "destination",
        "users" => "maildir",
        "relays" => "status",
        "relocated" => "newadr",
        _ => "action",
    };
    let columns = resource.columns.iter();
    let values = columns.map(|column| (column.name, Some(column.default.to_owned())));
    let key = LAST_KEY.fetch_add(1, Ordering::Relaxed);
    Row::new(key.to_string(), values.collect())
        .with(resource.subject, subject)
        .with(main, value)
}

/// Tables with these rows: table, subject, value.
pub fn tables(rows: &[(&'static str, &str, &str)]) -> Snapshot {
    rows.iter()
        .fold(Snapshot::new(), |tables, (table, subject, value)| {
            tables.with(table, row(table, subject, value))
        })
}

/// What some rules tell of a row among others.
pub fn told(judging: &[&'static [Rule]], table: &str, row: &Row, tables: &dyn Lookups) -> Vec<Told> {
    let rules = Rules::default();
    let case = Case::new(Resource::by_table(table).expect(table), row, tables, &rules);
    judge_by(judging.iter().copied().flatten(), &case)
}

/// Which of some rules find something in a row among others.
pub fn found(rules: &[&'static [Rule]], table: &str, row: &Row, tables: &dyn Lookups) -> Vec<&'static str> {
    let told = told(rules, table, row, tables);
    told.iter().map(|told| told.rule).collect()
}

/// Asserts for each row, given as subject and value, that exactly these of some rules find something in it.
pub fn assert_found(
    rules: &[&'static [Rule]],
    table: &str,
    tables: &dyn Lookups,
    cases: &[(&str, &str, &[&str])],
) {
    for (subject, value, expected) in cases {
        let found = found(rules, table, &row(table, subject, value), tables);
        assert_eq!(&found, expected, "{table}: {subject:?} {value:?}");
    }
}
