//! docs/rules.md, written from the rules.

use std::fmt::Write as _;

use super::{Rule, Severity, dns, rules, schema};
use crate::resource::Resource;

/// The rules whose findings the panel can mend with one click, where that is safe for the row.
pub(super) const MENDED: &[&str] = &[
    "PW101", "PW102", "PW103", "PW104", "PW106", "PW107", "PW108", "PW111", "PW115", "PW118", "PW122",
    "PW126", "PW127", "PW133", "PW134", "PW136", "PW139", "PW141", "PW142", "PW150", "PW157", "PW167",
    "PW206", "PW220", "PW228",
];

/// Above it, a section is about any table.
const MOST_NAMED: usize = 4;

const INTRODUCTION: &str = "# What the linter finds

`postwarden check` and the panel judge every row by these rules. An error breaks mail or keeps a row from doing what it
says; a warning surprises; a notice is worth knowing. Rows that are off are judged by PW106, PW120 and PW159 alone. Rule PW100
and n is rule n of section 4 in [postfix.md](postfix.md), which has what Postfix was seen to do; those that only a live
Postfix shows are in section 7. The last column says where the panel can mend a row with one click: not every row, only
where it can have meant one thing.

This page is written from the rules by `cargo test --test documents write_the_rules -- --ignored`.
";

/// The whole page.
#[must_use]
pub fn document() -> String {
    let mut page = INTRODUCTION.to_owned();
    let all: Vec<&Rule> = rules().collect();
    for tables in sections(&all) {
        let title = match tables {
            several if several.len() > MOST_NAMED => "Any table".to_owned(),
            few => few
                .iter()
                .map(|table| heading(table))
                .collect::<Vec<_>>()
                .join(" and "),
        };
        let lines = all.iter().filter(|rule| is_of(rule.tables, tables));
        write_section(&mut page, &title, lines.map(|rule| Line::of_row(rule)).collect());
    }
    write_section(
        &mut page,
        "With DNS: `postwarden check --dns`",
        dns::RULES.iter().map(Line::of).collect(),
    );
    write_section(
        &mut page,
        "The tables themselves",
        schema::RULES.iter().map(Line::of).collect(),
    );
    page
}

/// The groups of tables that rules are about, in the order of the rules; all large ones are one.
fn sections(rules: &[&'static Rule]) -> Vec<&'static [&'static str]> {
    let mut found: Vec<&'static [&'static str]> = Vec::new();
    for rule in rules {
        if !found.iter().any(|tables| is_of(rule.tables, tables)) {
            found.push(rule.tables);
        }
    }
    found
}

/// Whether a rule about these tables belongs to a section.
fn is_of(tables: &[&str], section: &[&str]) -> bool {
    tables == section || (tables.len() > MOST_NAMED && section.len() > MOST_NAMED)
}

fn heading(table: &str) -> &'static str {
    Resource::by_table(table).map_or("Others", |resource| resource.words.title)
}

/// A rule as a line.
struct Line {
    id: &'static str,
    severity: Severity,
    cells: [&'static str; 3],
    mended: bool,
}

impl Line {
    fn of<Judge>(rule: &Rule<Judge>) -> Self {
        Self {
            id: rule.id,
            severity: rule.severity,
            cells: [rule.title, rule.postfix, rule.fix],
            mended: false,
        }
    }

    fn of_row(rule: &Rule) -> Self {
        Self {
            mended: MENDED.contains(&rule.id),
            ..Self::of(rule)
        }
    }
}

fn write_section(page: &mut String, title: &str, mut lines: Vec<Line>) {
    lines.sort_by_key(|line| line.id);
    let _ = write!(
        page,
        "\n## {title}\n\n| Rule | | What is wrong | What Postfix does | What to do | Mended |\n|---|---|---|---|---|---|\n"
    );
    for line in lines {
        let [wrong, postfix, fix] = line.cells.map(|cell| cell.replace('|', "\\|"));
        let mended = if line.mended { "by a click" } else { "" };
        let _ = writeln!(
            page,
            "| {} | {} | {wrong} | {postfix} | {fix} | {mended} |",
            line.id, line.severity
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_line_for_every_rule() {
        let page = document();
        let ids = (rules().map(|rule| rule.id))
            .chain(dns::RULES.iter().map(|rule| rule.id))
            .chain(schema::RULES.iter().map(|rule| rule.id));
        let mut expected = 0;
        for id in ids {
            assert!(page.contains(&format!("\n| {id} | ")), "{id}");
            expected += 1;
        }
        assert_eq!(page.matches("\n| PW").count(), expected);
        assert_eq!(page.matches("## Any table\n").count(), 1);
    }

    #[test]
    fn only_rules_that_are_there_are_said_to_mend() {
        for id in MENDED {
            assert!(rules().any(|rule| rule.id == *id), "{id}");
        }
    }
}
