//! Every rule, and where Postfix is seen to do what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use postwarden::lint;

use super::alone::{ALONE, BY_LMTP, EVERYBODY, MALFORMED};
use super::{
    Oracle, aliases, backups, by_dns, by_howto, domains, keys, others, overrides, transports, users,
};

/// How a rule is shown.
enum Shown {
    /// By the oracles of this folder: rows, what Postfix does with them, and which of them the rule finds.
    Here,
    /// By a test of another file, `file::test`, or of this one where the rows are not listed.
    By(&'static str),
    /// Not at all, for this reason.
    Not(&'static str),
}

use Shown::{By, Here, Not};

const PASSWORD: &str = "Passwords are Dovecot's: Postfix reads none.";
const SCHEMA: &str = "It is about writing rows; Postfix only reads them.";

/// The rules about rows.
static OF_ROWS: &[(&str, Shown)] = &[
    ("PW101", Here),
    ("PW102", Here),
    ("PW103", Here),
    ("PW104", Here),
    ("PW105", Here),
    ("PW106", Here),
    ("PW107", Here),
    ("PW108", Here),
    ("PW111", Here),
    ("PW112", Here),
    ("PW113", Here),
    ("PW114", Here),
    ("PW115", Here),
    ("PW116", Here),
    ("PW117", Here),
    ("PW118", Here),
    ("PW119", Here),
    ("PW120", Here),
    ("PW121", Here),
    (
        "PW122",
        By("control::with_the_howtos_configuration_one_default_row_stops_the_mail_of_all_backups"),
    ),
    ("PW123", Here),
    ("PW124", Here),
    ("PW125", Here),
    ("PW126", Here),
    ("PW127", Here),
    ("PW128", Here),
    ("PW129", Here),
    ("PW131", Here),
    ("PW132", Here),
    ("PW133", Here),
    ("PW134", Here),
    ("PW135", Here),
    ("PW136", Here),
    ("PW137", Here),
    ("PW138", Here),
    ("PW139", Here),
    ("PW140", Here),
    ("PW141", Here),
    ("PW142", Here),
    ("PW143", Here),
    ("PW144", Here),
    (
        "PW145",
        By("rules::what_is_told_of_a_list_that_is_too_long_happens"),
    ),
    ("PW146", Here),
    ("PW147", Here),
    ("PW149", Here),
    ("PW150", Here),
    ("PW151", Here),
    ("PW152", Here),
    ("PW153", Here),
    ("PW154", Not(PASSWORD)),
    ("PW155", Here),
    ("PW156", Here),
    ("PW157", Here),
    ("PW159", Here),
    ("PW160", Here),
    ("PW161", Here),
    ("PW162", Here),
    ("PW163", Here),
    ("PW164", Here),
    ("PW165", Here),
    ("PW166", Here),
    ("PW167", Here),
    ("PW168", Here),
    ("PW169", Here),
    ("PW201", Here),
    ("PW202", Here),
    ("PW203", Here),
    ("PW204", Here),
    ("PW205", Here),
    ("PW206", Here),
    ("PW207", Here),
    ("PW208", Here),
    ("PW220", Here),
    ("PW221", Here),
    ("PW222", Here),
    ("PW223", Here),
    ("PW224", Here),
    ("PW225", Here),
    ("PW226", Not(PASSWORD)),
    ("PW227", Here),
    ("PW228", Here),
    ("PW229", Here),
    ("PW230", Here),
    ("PW231", Here),
    ("PW232", Here),
    ("PW233", Here),
    ("PW234", Here),
];

/// Those that ask DNS.
static BY_DNS: &[(&str, Shown)] = &[
    ("PW117", Here),
    ("PW128", Here),
    ("PW129", Here),
    ("PW130", Here),
    ("PW148", Here),
];

/// Those about the tables themselves.
static OF_TABLES: &[(&str, Shown)] = &[
    ("PW109", Not(SCHEMA)),
    ("PW110", Not(SCHEMA)),
    (
        "PW115",
        By("rules::alone::what_is_told_of_other_tables_and_of_malformed_hosts_happens"),
    ),
    (
        "PW122",
        By("control::with_the_howtos_configuration_one_default_row_stops_the_mail_of_all_backups"),
    ),
    (
        "PW153",
        By("rules::with_the_howtos_defaults_two_mailboxes_share_a_directory"),
    ),
    ("PW154", Not(PASSWORD)),
    ("PW209", Not(SCHEMA)),
];

/// The oracles about rows.
static ROWS: &[&[Oracle]] = &[
    keys::KEYS,
    domains::DOMAINS,
    overrides::OVERRIDES,
    backups::BACKUPS,
    transports::TRANSPORTS,
    aliases::ALIASES,
    users::USERS,
    others::OTHERS,
    by_howto::BY_HOWTO,
    ALONE,
    BY_LMTP,
    MALFORMED,
    EVERYBODY,
];

type Ids = BTreeSet<String>;

fn ids<'i>(ids: impl IntoIterator<Item = &'i str>) -> Ids {
    ids.into_iter().map(str::to_owned).collect()
}

/// The rules by the last headings of docs/rules.md, which is made from them; the first is that of all about rows.
fn documented() -> BTreeMap<&'static str, Ids> {
    let mut found: BTreeMap<&str, Ids> = BTreeMap::new();
    let mut section = "";
    let document = lint::document();
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = match heading {
                dns if dns.starts_with("With DNS") => "DNS",
                "The tables themselves" => "tables",
                _ => "rows",
            };
        }
        let id = line.split(' ').nth(1).filter(|word| word.starts_with("PW"));
        found.entry(section).or_default().extend(id.map(str::to_owned));
    }
    found
}

#[test]
fn every_rule_is_shown_or_has_a_reason_why_not() {
    let documented = documented();
    let listed = |list: &[(&'static str, Shown)]| ids(list.iter().map(|(id, _)| *id));
    assert_eq!(documented["rows"], ids(lint::rules().map(|rule| rule.id)));
    assert_eq!(listed(OF_ROWS), documented["rows"]);
    assert_eq!(listed(BY_DNS), documented["DNS"]);
    assert_eq!(listed(OF_TABLES), documented["tables"]);
}

#[test]
fn what_is_said_to_be_shown_here_is() {
    let said = |list: &[(&'static str, Shown)]| {
        let here = list.iter().filter(|(_, shown)| matches!(shown, Here));
        ids(here.map(|(id, _)| *id))
    };
    let shown = ROWS.iter().copied().flatten();
    let shown = ids(shown
        .filter(|oracle| !oracle.about.is_empty())
        .map(|oracle| oracle.rule));
    assert_eq!(said(OF_ROWS), shown);
    assert_eq!(said(BY_DNS), ids(by_dns::BY_DNS.iter().map(|oracle| oracle.rule)));
    assert_eq!(said(OF_TABLES), Ids::new());
}

#[test]
fn the_tests_that_are_named_exist_and_reasons_are_sentences() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postfix");
    for (id, shown) in OF_ROWS.iter().chain(BY_DNS).chain(OF_TABLES) {
        match shown {
            Here => {}
            Not(reason) => assert!(reason.ends_with('.'), "{id}: {reason}"),
            By(path) => {
                let (module, test) = path.rsplit_once("::").expect(path);
                let file = suite.join(module.replace("::", "/")).with_extension("rs");
                let source = fs::read_to_string(file).expect(path);
                assert!(
                    source.contains(&format!("\nasync fn {test}() {{")),
                    "{id}: {path}"
                );
            }
        }
    }
}
