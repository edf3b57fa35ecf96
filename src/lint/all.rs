//! Every rule there is about rows.

use super::{
    Rule, access, aliases, backups, destinations, directories, dns, domains, keys, overrides, relays,
    relocated, schema, transports, users,
};

/// The rules by what they are about.
#[rustfmt::skip] // A line for each file.
pub static RULES: &[&[Rule]] = &[
    keys::RULES,
    domains::RULES,
    overrides::RULES,
    backups::RULES,
    transports::RULES,
    aliases::RULES,
    destinations::RULES,
    users::RULES,
    directories::RULES,
    relays::RULES,
    relocated::RULES,
    access::RULES,
];

/// Every rule about rows.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied().flatten()
}

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}

/// What the rule of this id finds and what Postfix does, for a heading. Where one about rows and one about a table share
/// the id, `of_table` says which is meant.
#[must_use]
pub fn heading(id: &str, of_table: bool) -> Option<(&'static str, &'static str)> {
    fn among<Judge>(rules: &'static [Rule<Judge>], id: &str) -> Option<(&'static str, &'static str)> {
        let rule = rules.iter().find(|rule| rule.id == id)?;
        Some((rule.title, rule.postfix))
    }
    let about_table = among(schema::RULES, id);
    let about_row = || {
        RULES
            .iter()
            .find_map(|rules| among(rules, id))
            .or_else(|| among(dns::RULES, id))
    };
    about_table
        .filter(|_| of_table)
        .or_else(about_row)
        .or(about_table)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::Severity;
    use super::*;
    use crate::resource::Resource;

    /// Rules of section 4 that no row, table or host shows: those about the installation, which `postwarden postfix verify`
    /// finds.
    const OF_THE_INSTALLATION: [u16; 7] = [58, 70, 71, 72, 73, 74, 75];

    /// The rules of docs/postfix.md section 4 with their severities.
    fn documented() -> BTreeMap<u16, Severity> {
        let text = include_str!("../../docs/postfix.md");
        let (_, section) = text.split_once("\n## 4. Lint rules").expect("its heading");
        let (_, section) = section.split_once('\n').expect("its end");
        let (section, _) = section.split_once("\n## 5.").expect("the next");
        let words: Vec<&str> = section.split_whitespace().collect();
        let mut found = BTreeMap::new();
        for pair in words.windows(2) {
            let number = pair[0].strip_suffix('.').and_then(|number| number.parse().ok());
            let severity = match pair[1] {
                "E" => Severity::Error,
                "W" => Severity::Warning,
                "I" => Severity::Notice,
                _ => continue,
            };
            if let Some(number) = number {
                found.insert(number, severity);
            }
        }
        assert_eq!(found.len(), 75, "{found:?}");
        found
    }

    fn number(id: &str) -> u16 {
        id.strip_prefix("PW1")
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    }

    #[test]
    fn every_rule_has_a_heading_also_one_about_a_table_or_of_dns() {
        let title = |id: &str, of_table| heading(id, of_table).map(|(title, _)| title);
        assert_eq!(title("PW109", true), Some("Row numbers that run out"));
        assert_eq!(title("PW115", false), Some("The same key in several rows"));
        assert_eq!(title("PW115", true), Some("No unique key on the domain"));
        assert_eq!(title("PW999", false), None);
        for rule in dns::RULES {
            assert!(title(rule.id, false).is_some(), "{}", rule.id);
        }
    }

    #[test]
    fn every_rule_has_an_id_of_its_own_and_each_file_has_them_in_order() {
        let mut seen = BTreeSet::new();
        for file in RULES {
            assert!(
                file.windows(2).all(|pair| pair[0].id < pair[1].id),
                "{}",
                file[0].id
            );
            for rule in *file {
                assert!(seen.insert(rule.id), "{} is there twice", rule.id);
                assert!(
                    rule.id.len() == 5 && ("PW101".."PW250").contains(&rule.id),
                    "{}",
                    rule.id
                );
                assert!(!rule.tables.is_empty());
                for table in rule.tables {
                    assert!(Resource::by_table(table).is_some(), "{}: {table}", rule.id);
                }
            }
        }
        assert_eq!(rule("PW122").map(|rule| rule.id), Some("PW122"));
        assert!(rule("PW199").is_none());
    }

    #[test]
    fn every_rule_is_as_bad_as_the_document_says() {
        let documented = documented();
        let of_rows = rules().map(|rule| (rule.id, rule.severity));
        let by_dns = dns::RULES.iter().map(|rule| (rule.id, rule.severity));
        for (id, severity) in of_rows.chain(by_dns) {
            // What the tables cannot prove is a warning until DNS does.
            let expected = match id {
                "PW117" if severity == Severity::Warning => Some(&Severity::Warning),
                _ => documented.get(&number(id)),
            };
            assert!(
                expected.is_none_or(|expected| *expected == severity),
                "{id}: {severity}"
            );
            assert!(expected.is_some() || id >= "PW201", "{id} is not documented");
        }
        assert!(schema::RULES.iter().all(|rule| rule.severity == Severity::Notice));
    }

    #[test]
    fn every_rule_of_the_document_is_there() {
        let there: BTreeSet<u16> = (rules().map(|rule| rule.id))
            .chain(dns::RULES.iter().map(|rule| rule.id))
            .chain(schema::RULES.iter().map(|rule| rule.id))
            .map(number)
            .chain(OF_THE_INSTALLATION)
            .collect();
        let missing: Vec<u16> = documented().into_keys().filter(|n| !there.contains(n)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn what_the_rules_say_are_sentences() {
        for rule in rules() {
            for text in [rule.postfix, rule.fix] {
                assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", rule.id);
            }
            assert!(!rule.title.ends_with('.'), "{}", rule.id);
        }
    }
}
