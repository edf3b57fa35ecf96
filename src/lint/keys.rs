//! What Postfix looks up, in any table: keys that it never asks for, and the switch.

use super::around::quoted;
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{
    AccessKind, AccessPattern, AddressPattern, DomainName, Fault, MailAddress, clean, domain_of, in_ticks,
    undecorate,
};
use crate::resource::{Row, domains};

/// Every table that has rows to judge.
const EVERY: &[&str] = &[
    "domains",
    "aliases",
    "users",
    "backups",
    "relays",
    "relocated",
    "access_rules",
];

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW101",
        severity: Severity::Error,
        tables: EVERY,
        title: "White space or an invisible character in a key",
        postfix: "No mail is addressed with it, so the row never matches: 550 User unknown or 554 Relay access denied. Spaces \
                  at the end alone are forgiven by collations that pad.",
        fix: "Type the key anew, without spaces and pasted characters around it.",
        judge: unseen,
    },
    Rule {
        id: "PW102",
        severity: Severity::Warning,
        tables: EVERY,
        title: "Upper case in a key",
        postfix: "Postfix asks in lower case: the row matches where the collation folds case (`_ci`) and is dead where it \
                  does not (`_bin`).",
        fix: "Store the key in lower case.",
        judge: upper_case,
    },
    Rule {
        id: "PW103",
        severity: Severity::Error,
        tables: EVERY,
        title: "A dot at the end of a key",
        postfix: "Postfix takes the dot off an address before it asks, so the row never matches.",
        fix: "Take the dot off.",
        judge: final_dot,
    },
    Rule {
        id: "PW104",
        severity: Severity::Error,
        tables: EVERY,
        title: "A domain that is not written in ASCII",
        postfix: "Nearly all mail comes to the `xn--` form of the name, which the row does not match: 554 Relay access \
                  denied.",
        fix: "Store the `xn--` form.",
        judge: foreign_domain,
    },
    Rule {
        id: "PW105",
        severity: Severity::Warning,
        tables: EVERY,
        title: "Keys that differ by accents alone",
        postfix: "The database takes letters with and without accents for the same, so one address gets the mail of \
                  another.",
        fix: "Use names in plain letters, each of its own.",
        judge: accents,
    },
    Rule {
        id: "PW106",
        severity: Severity::Error,
        tables: EVERY,
        title: "A switch that is neither on nor off",
        postfix: "Postfix's queries ask for enabled=1, so the row is off.",
        fix: "Switch the row on or off.",
        judge: switch,
    },
    Rule {
        id: "PW107",
        severity: Severity::Error,
        tables: EVERY,
        title: "A key that is no address or domain",
        postfix: "Postfix asks for bare addresses and domains, and never finds a key with anything around or missing.",
        fix: "Store the bare address or domain.",
        judge: decorated,
    },
    Rule {
        id: "PW108",
        severity: Severity::Warning,
        tables: &["relays", "relocated"],
        title: "The wildcard of another table",
        postfix: "For all addresses of a domain Postfix asks `aliases`, `relays` and `relocated` for `@domain`; the bare \
                  domain is asked of `domains`, `backups` and access rules only.",
        fix: "Write `@domain`.",
        judge: wildcard,
    },
    Rule {
        id: "PW203",
        severity: Severity::Warning,
        tables: &["domains", "aliases", "users", "backups", "relays", "relocated"],
        title: "A key that other servers cannot send to",
        postfix: "Postfix takes the mail that comes for such an address, which few servers send; where dots make it one that is \
                  written in quotes it asks the aliases for those and bounces.",
        fix: "Use a name that the standards allow.",
        judge: refused,
    },
];

/// What is wrong with a key. A key has one fault, the first of these.
pub(super) enum KeyFault {
    Unseen,
    Wildcard,
    FinalDot,
    ForeignDomain,
    Accents,
    Decorated,
    Refused(Fault),
    UpperCase,
}

fn stored<'c>(case: &Case<'c>) -> &'c str {
    case.row.text(case.resource.subject)
}

fn fault<'c>(case: &'c Case<'_>) -> Option<&'c KeyFault> {
    case.worked_out
        .key_fault
        .get_or_init(|| find_fault(case))
        .as_ref()
}

fn find_fault(case: &Case<'_>) -> Option<KeyFault> {
    let key = stored(case);
    if key.trim() != key || clean(key).is_err() {
        return Some(KeyFault::Unseen);
    }
    let table = case.resource.table;
    if is_told_elsewhere(table, key) {
        return None;
    }
    if table == "access_rules" {
        return pattern_fault(case, key);
    }
    let has_upper_case = key.chars().any(char::is_uppercase);
    let is_bare = !key.contains('@') && key.contains('.');
    if matches!(table, "relays" | "relocated") && is_bare && domains::domain_or_override(key).is_ok() {
        return Some(KeyFault::Wildcard);
    }
    if key.ends_with('.') && !key.starts_with('@') {
        return Some(KeyFault::FinalDot);
    }
    if !domain_of(key).is_ascii() {
        return Some(KeyFault::ForeignDomain);
    }
    if !key.is_ascii() {
        return Some(KeyFault::Accents);
    }
    if is_decorated(table, key) {
        return Some(KeyFault::Decorated);
    }
    match normal(case.resource.table, case.row, key) {
        Err(fault) => Some(KeyFault::Refused(fault)),
        Ok(_) => has_upper_case.then_some(KeyFault::UpperCase),
    }
}

/// What is wrong with a pattern that Postfix would ask for in another spelling. Of others PW167 tells, and of clients whose
/// addresses are written otherwise.
fn pattern_fault(case: &Case<'_>, key: &str) -> Option<KeyFault> {
    let (local, domain) = key.rsplit_once('@').unwrap_or(("", key));
    if !local.is_ascii() {
        return Some(KeyFault::Accents);
    }
    let normal = normal(case.resource.table, case.row, key).ok()?;
    if normal == key {
        None
    } else if normal == key.to_lowercase() {
        Some(KeyFault::UpperCase)
    } else if !domain.is_ascii() {
        Some(KeyFault::ForeignDomain)
    } else if normal == key.trim_end_matches('.').to_lowercase() {
        Some(KeyFault::FinalDot)
    } else {
        let is_client = AccessKind::parse(case.row.text("kind")) == Ok(AccessKind::Client);
        (!is_client).then_some(KeyFault::Decorated)
    }
}

/// Whether a rule about keys says why Postfix never finds a row.
pub(super) fn is_never_found(case: &Case<'_>) -> bool {
    fault(case).is_some_and(|fault| !matches!(fault, KeyFault::UpperCase | KeyFault::Refused(_)))
}

/// Whether a rule about this table alone says what is wrong with a key of this form: PW111 and PW114, PW136, PW149.
fn is_told_elsewhere(table: &str, key: &str) -> bool {
    let lower = key.to_lowercase();
    match table {
        "domains" | "backups" => {
            let is_wildcard = key == "*" || key.starts_with("*.") || key.starts_with('.');
            is_wildcard || key.rfind('@') == Some(0)
        }
        "aliases" => {
            DomainName::parse(key).is_ok_and(|domain| !domain.is_single_label() && domain.as_str() == lower)
        }
        "users" => match key.rfind('@') {
            None => !key.is_empty(),
            Some(0) => AddressPattern::parse(key).is_ok_and(|domain| domain.as_str() == lower),
            Some(_) => false,
        },
        _ => false,
    }
}

/// Whether something is around the key or missing that Postfix asks without or with.
fn is_decorated(table: &str, key: &str) -> bool {
    let (local, domain) = key.rsplit_once('@').unwrap_or(("", key));
    let is_domain = matches!(table, "domains" | "backups") && !key.contains('@');
    let lacks = domain.is_empty() || (!is_domain && !key.contains('@'));
    lacks
        || key.contains(char::is_whitespace)
        || key.contains(['<', '>', '/', ':'])
        || local.contains('@')
        || matches!(local, "*" | "%")
        || (key.starts_with('@') && key.ends_with('.'))
        || (is_domain && key.contains(['*', '[', ']']))
        || undecorate(key).is_ok_and(|bare| bare != key)
}

/// The key as the table's form would store it.
fn normal(table: &str, row: &Row, key: &str) -> Result<String, Fault> {
    match table {
        "domains" | "backups" => domains::domain_or_override(key),
        "users" => MailAddress::parse(key).map(|address| address.to_string()),
        "access_rules" => {
            let kind = AccessKind::parse(row.text("kind"))?;
            AccessPattern::parse(kind, key).map(|pattern| pattern.as_str().to_owned())
        }
        _ => AddressPattern::parse(key).map(|pattern| pattern.to_string()),
    }
}

/// Stores the key as it was meant, unless another row has it already.
pub(super) fn rekeyed(case: &Case<'_>, key: &str) -> Option<Mend> {
    let normal = normal(case.resource.table, case.row, key).ok()?;
    let is_free = normal != stored(case) && same_kind(case, &normal).is_empty();
    is_free.then(|| Mend::Set(vec![(case.resource.subject, normal)]))
}

/// The other rows about a subject that Postfix could confuse with this one.
fn same_kind(case: &Case<'_>, subject: &str) -> Vec<Row> {
    let mut others = case.others(case.resource.table, subject);
    if let Some(column) = case.resource.unique_with {
        others.retain(|other| other.text(column) == case.row.text(column));
    }
    others
}

fn unseen(case: &Case<'_>) -> Option<Finding> {
    let KeyFault::Unseen = fault(case)? else {
        return None;
    };
    let key = stored(case);
    let shown = quoted(key);
    let message = if key.trim_end_matches(' ') == key.trim() && clean(key).is_ok() {
        format!("{shown} ends in a space: Postfix finds the row only where the collation pads with spaces.")
    } else if key.trim() != key && clean(key).is_ok() {
        format!("{shown} has white space around it: Postfix asks without it and never finds the row.")
    } else {
        format!(
            "{shown} has a character that cannot be seen, which no mail is addressed with: Postfix never finds the row."
        )
    };
    Some(Finding::new(message, "Type it anew without.").mended_by(rekeyed(case, key)))
}

fn upper_case(case: &Case<'_>) -> Option<Finding> {
    let KeyFault::UpperCase = fault(case)? else {
        return None;
    };
    let key = stored(case);
    let lower = key.to_lowercase();
    let message = format!(
        "{} has upper case, and Postfix asks for {}: with a binary collation it never finds the row.",
        quoted(key),
        quoted(&lower)
    );
    Some(Finding::new(message, format!("Store it as {}.", quoted(&lower))).mended_by(rekeyed(case, key)))
}

fn final_dot(case: &Case<'_>) -> Option<Finding> {
    let KeyFault::FinalDot = fault(case)? else {
        return None;
    };
    let key = stored(case);
    let message = format!(
        "{} ends in a dot: Postfix asks without it and never finds the row.",
        quoted(key)
    );
    let fix = format!("Store it as {}.", quoted(key.trim_end_matches('.')));
    Some(Finding::new(message, fix).mended_by(rekeyed(case, key)))
}

fn foreign_domain(case: &Case<'_>) -> Option<Finding> {
    let KeyFault::ForeignDomain = fault(case)? else {
        return None;
    };
    let key = stored(case);
    let message = format!(
        "The domain of `{}` is not in ASCII: mail comes to its `xn--` form, and Postfix does not find the row.",
        in_ticks(key)
    );
    let fix = match normal(case.resource.table, case.row, key) {
        Ok(ascii) => format!("Store it as `{ascii}`."),
        Err(_) => "Check the spelling, and store the `xn--` form.".to_owned(),
    };
    Some(Finding::new(message, fix).mended_by(rekeyed(case, key)))
}

fn accents(case: &Case<'_>) -> Option<Finding> {
    if let Some(KeyFault::Accents) = fault(case) {
        let message = format!(
            "`{}` has a letter outside ASCII before the @: the database folds accents, so the row also takes mail for the \
             name without them, and most servers cannot send to it.",
            in_ticks(stored(case))
        );
        return Some(Finding::new(message, "Write the name in plain letters."));
    }
    let subject = case.subject();
    let twin = same_kind(case, &subject)
        .into_iter()
        .filter(Row::is_enabled)
        .map(|other| other.subject(case.resource))
        .find(|other| *other != subject)?;
    let message = format!(
        "The database takes `{}` and `{}` for the same, so either row answers for both.",
        in_ticks(&subject),
        in_ticks(&twin)
    );
    Some(Finding::new(message, "Keep one of the two, or rename it."))
}

fn switch(case: &Case<'_>) -> Option<Finding> {
    if !case.row.has("enabled") {
        return None;
    }
    let value = case.row.value("enabled").unwrap_or("NULL");
    (value != "0" && value != "1").then(|| {
        let message = format!(
            "`enabled` is `{}`, neither 1 (on) nor 0 (off). Postfix's queries ask for enabled=1, so the row is off.",
            in_ticks(value)
        );
        Finding::new(message, "Switch it on or off.").mended_by(Some(Mend::SwitchOff))
    })
}

fn decorated(case: &Case<'_>) -> Option<Finding> {
    let KeyFault::Decorated = fault(case)? else {
        return None;
    };
    let key = stored(case);
    let mend = rekeyed(case, key);
    let fix = match &mend {
        Some(Mend::Set(columns)) => format!("Store it as `{}`.", columns[0].1),
        _ if matches!(case.resource.table, "domains" | "backups") => {
            "Store a domain such as `shop.example`.".to_owned()
        }
        _ => "Store an address such as `joe@shop.example`.".to_owned(),
    };
    let message = if key.is_empty() {
        "The key is empty: Postfix never asks for that.".to_owned()
    } else {
        format!(
            "`{}` is not what Postfix asks for: it never finds the row.",
            in_ticks(key)
        )
    };
    Some(Finding::new(message, fix).mended_by(mend))
}

fn wildcard(case: &Case<'_>) -> Option<Finding> {
    let KeyFault::Wildcard = fault(case)? else {
        return None;
    };
    let domain = stored(case);
    let wide = format!("@{}", domain.trim_end_matches('.'));
    let message = format!("`{domain}` is a bare domain, which Postfix never asks this table for.");
    Some(
        Finding::new(message, format!("For all its addresses write `{wide}`."))
            .mended_by(rekeyed(case, &wide)),
    )
}

fn refused(case: &Case<'_>) -> Option<Finding> {
    match fault(case)? {
        KeyFault::Refused(fault) => {
            let finding = Finding::from(fault);
            // Postfix asks for what it is sent, however odd; the refusal is about keys of any kind.
            let message = finding
                .message
                .replace("Postfix would never match it", "Few servers send to it");
            Some(Finding { message, ..finding })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{assert_found, found, row, told};
    use super::*;
    use crate::route::{Lookups, Question, Rows, Snapshot};

    #[test]
    fn a_key_that_postfix_never_asks_for_is_found_once() {
        let cases: &[(&str, &str, &[&str])] = &[
            (" joe@shop.example", "x@y.example", &["PW101"]),
            ("joe@shop.example\t", "x@y.example", &["PW101"]),
            ("joe@shop.example ", "x@y.example", &["PW101"]),
            ("jo\u{200b}e@shop.example", "x@y.example", &["PW101"]),
            (" <Joe@shop.example", "x@y.example", &["PW101"]),
            ("Joe@shop.example", "x@y.example", &["PW102"]),
            ("joe@shop.example.", "x@y.example", &["PW103"]),
            ("joe@bücher.example", "x@y.example", &["PW104"]),
            ("josé@shop.example", "x@y.example", &["PW105"]),
            ("<joe@shop.example>", "x@y.example", &["PW107"]),
            ("mailto:joe@shop.example", "x@y.example", &["PW107"]),
            ("joe @shop.example", "x@y.example", &["PW107"]),
            ("joe@@shop.example", "x@y.example", &["PW107"]),
            ("*@shop.example", "x@y.example", &["PW107"]),
            ("%@shop.example", "x@y.example", &["PW107"]),
            ("joe@", "x@y.example", &["PW107"]),
            ("joe", "x@y.example", &["PW107"]),
            ("@shop.example.", "x@y.example", &["PW107"]),
            ("", "x@y.example", &["PW107"]),
            ("joe..x@shop.example", "x@y.example", &["PW203"]),
            ("joe@shop.example", "x@y.example", &[]),
            ("joe+x@shop.example", "x@y.example", &[]),
            ("@shop.example", "x@y.example", &[]),
        ];
        assert_found(&[RULES], "relocated", &Snapshot::new(), cases);
    }

    #[test]
    fn a_domain_that_postfix_never_asks_for_is_found_once() {
        for (domain, rule) in [
            ("shop.example\n", "PW101"),
            ("Shop.example", "PW102"),
            ("shop.example.", "PW103"),
            ("bücher.example", "PW104"),
            ("http://shop.example", "PW107"),
            ("a b.example", "PW107"),
            ("shop_a.example", "PW203"),
        ] {
            let rules = found(
                &[RULES],
                "domains",
                &row("domains", domain, "virtual:"),
                &Snapshot::new(),
            );
            assert_eq!(rules, [rule], "{domain:?}");
        }
    }

    #[test]
    fn what_the_rules_of_a_table_say_is_not_said_twice() {
        for (table, key) in [
            ("aliases", "shop.example"),
            ("users", "joe"),
            ("users", "@shop.example"),
            ("users", "@Shop.example"),
            ("domains", "@shop.example"),
            ("backups", "*"),
            ("access_rules", "@shop.example"),
        ] {
            let rules = found(&[RULES], table, &row(table, key, ""), &Snapshot::new());
            assert_eq!(rules, [""; 0], "{table} {key}");
        }
    }

    #[test]
    fn what_the_rules_of_a_table_do_not_say_is_said_by_those_of_keys() {
        for (table, key, rule) in [
            ("aliases", "http://shop.example", "PW107"),
            ("aliases", "shop.example/", "PW107"),
            ("aliases", "*.shop.example", "PW107"),
            ("aliases", ".shop.example", "PW107"),
            ("aliases", "shop..example", "PW107"),
            ("aliases", "bücher.example", "PW104"),
            ("aliases", "shop.example.", "PW103"),
            ("users", "", "PW107"),
            ("users", "@", "PW107"),
            ("users", "@shop.example.", "PW107"),
            ("users", "@bücher.example", "PW104"),
        ] {
            let rules = found(&[RULES], table, &row(table, key, ""), &Snapshot::new());
            assert_eq!(rules, [rule], "{table} {key}");
        }
    }

    #[test]
    fn a_character_that_cannot_be_seen_is_not_called_white_space() {
        let message = |key: &str| {
            let row = row("relocated", key, "x@y.example");
            told(&[RULES], "relocated", &row, &Snapshot::new())[0]
                .message
                .clone()
        };
        for key in ["jo\u{1b}e@shop.example", "\u{202e}joe@shop.example"] {
            let message = message(key);
            assert!(
                !message.contains("white space") && message.contains("⟨U+"),
                "{message}"
            );
        }
        assert!(message(" joe@shop.example").contains("white space around it"));
        assert!(message("a`b`c@shop..example").contains("`a⟨backtick⟩b⟨backtick⟩c@shop..example`"));
    }

    #[test]
    fn a_key_that_is_only_odd_is_not_said_to_match_nothing() {
        for key in ["joe..x@shop.example", "-joe@shop.example"] {
            for told in told(
                &[RULES],
                "relocated",
                &row("relocated", key, "x@y.example"),
                &Snapshot::new(),
            ) {
                assert_eq!(told.rule, "PW203", "{told:?}");
                assert!(!told.message.contains("never match"), "{told:?}");
            }
        }
        let under = told(
            &[RULES],
            "domains",
            &row("domains", "shop_a.example", "virtual:"),
            &Snapshot::new(),
        );
        assert!(!under[0].message.contains("never match"), "{under:?}");
    }

    #[test]
    fn a_bare_domain_is_no_wildcard_of_relays_and_relocations() {
        for table in ["relays", "relocated"] {
            let told = told(
                &[RULES],
                table,
                &row(table, "shop.example", "OK"),
                &Snapshot::new(),
            );
            assert_eq!(told[0].rule, "PW108");
            let subject = if table == "relays" { "recipient" } else { "oldadr" };
            let mend = Mend::Set(vec![(subject, "@shop.example".to_owned())]);
            assert_eq!(told[0].mend, Some(mend));
        }
    }

    #[test]
    fn a_key_is_mended_unless_another_row_has_the_mended_one() {
        let stray = row("relocated", " Joe@Shop.example.", "x@y.example");
        let mend = |tables: &Snapshot| told(&[RULES], "relocated", &stray, tables)[0].mend.clone();
        let mended = Mend::Set(vec![("oldadr", "joe@shop.example".to_owned())]);
        assert_eq!(mend(&Snapshot::new()), Some(mended));
        let taken = Snapshot::new().with(
            "relocated",
            row("relocated", "joe@shop.example", "z@y.example").with("enabled", "0"),
        );
        assert_eq!(mend(&taken), None);
    }

    #[test]
    fn a_rule_about_senders_does_not_take_the_key_of_one_about_recipients() {
        let sender = row("access_rules", "Bad.example", "REJECT").with("kind", "sender");
        let other = row("access_rules", "bad.example", "REJECT");
        let tables = Snapshot::new().with("access_rules", other);
        let told = told(&[RULES], "access_rules", &sender, &tables);
        assert_eq!(told[0].rule, "PW102");
        assert!(told[0].mend.is_some());
    }

    #[test]
    fn a_switch_that_is_neither_on_nor_off_is_found_in_every_table() {
        for table in EVERY {
            for (value, is_odd) in [
                ("2", true),
                ("-1", true),
                ("127", true),
                ("0", false),
                ("1", false),
            ] {
                let row = row(table, "joe@shop.example", "").with("enabled", value);
                let rules = found(&[RULES], table, &row, &Snapshot::new());
                assert_eq!(rules.contains(&"PW106"), is_odd, "{table} {value}");
            }
        }
        let null = Row::new("1".to_owned(), vec![("oldadr", None), ("enabled", None)]);
        assert_eq!(found(&[RULES], "relocated", &null, &Snapshot::new()), ["PW106"]);
        let without = Row::new(
            "1".to_owned(),
            vec![("oldadr", Some("joe@shop.example".to_owned()))],
        );
        assert!(!found(&[RULES], "relocated", &without, &Snapshot::new()).contains(&"PW106"));
    }

    #[test]
    fn a_row_that_is_off_is_not_judged_by_its_key() {
        let off = row("relocated", " joe", "x").with("enabled", "0");
        assert_eq!(found(&[RULES], "relocated", &off, &Snapshot::new()), [""; 0]);
    }

    /// Tables whose collation takes é for e.
    struct Folding(Snapshot);

    impl Lookups for Folding {
        fn rows(&self, question: &Question) -> Rows {
            let Question::Subject(table, key) = question else {
                return Rows::from([]);
            };
            let rows = self.0.table(table).iter();
            let same = |row: &&Row| row.text("oldadr").replace('é', "e") == key.replace('é', "e");
            rows.filter(same).cloned().collect()
        }

        fn count(&self, table: &'static str, domain: &str) -> u64 {
            self.0.count(table, domain)
        }

        fn has(&self, table: &str, column: &str) -> bool {
            self.0.has(table, column)
        }
    }

    #[test]
    fn two_rows_that_differ_by_an_accent_are_both_found() {
        let plain = row("relocated", "jose@shop.example", "x@y.example");
        let accented = row("relocated", "josé@shop.example", "x@y.example");
        let both = Folding(
            Snapshot::new()
                .with("relocated", plain.clone())
                .with("relocated", accented.clone()),
        );
        assert_eq!(found(&[RULES], "relocated", &plain, &both), ["PW105"]);
        assert_eq!(found(&[RULES], "relocated", &accented, &both), ["PW105"]);
        let alone = Folding(Snapshot::new().with("relocated", plain.clone()));
        assert_eq!(found(&[RULES], "relocated", &plain, &alone), [""; 0]);
    }
}
