//! Rules about `access_rules`: 66 to 69, and what else is told of an access rule.

use super::around::{named, quoted, refused};
use super::keys::is_never_found;
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{AccessAction, AccessKind, AccessMessage, AccessPattern, Caution, access_cautions};
use crate::route::Question;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW166",
        severity: Severity::Error,
        tables: &["access_rules"],
        title: "An action Postfix does not have",
        postfix: "The queries of Postwarden leave such a rule out, and it does nothing; with a query of one's own Postfix \
                  answers 451 to everybody the rule matches, or takes a number for OK.",
        fix: "Choose one of the actions of the form.",
        judge: no_action,
    },
    Rule {
        id: "PW167",
        severity: Severity::Error,
        tables: &["access_rules"],
        title: "A pattern that never matches, or matches a whole top-level domain",
        postfix: "It asks for certain spellings only, and for each label of a domain up to the last.",
        fix: "Write the pattern as Postfix asks for it.",
        judge: no_pattern,
    },
    Rule {
        id: "PW168",
        severity: Severity::Warning,
        tables: &["access_rules"],
        title: "A sender that is let through",
        postfix: "It believes what the client says: whoever writes this sender skips the checks that follow.",
        fix: "Let the client in by its address instead.",
        judge: forgeable,
    },
    Rule {
        id: "PW169",
        severity: Severity::Warning,
        tables: &["access_rules"],
        title: "A blocked address that an alias leads to",
        postfix: "It checks the address that is typed: mail to an alias of a blocked one arrives.",
        fix: "Take the address out of the alias, or block the alias too.",
        judge: reachable,
    },
    Rule {
        id: "PW232",
        severity: Severity::Warning,
        tables: &["access_rules"],
        title: "A rule that covers more than it seems",
        postfix: "It applies the rule to all of them.",
        fix: "Name less.",
        judge: too_wide,
    },
    Rule {
        id: "PW233",
        severity: Severity::Notice,
        tables: &["access_rules"],
        title: "A rule with effects beside its purpose",
        postfix: "It applies the rule to every recipient, domain or subdomain that matches.",
        fix: "Leave it if that is meant.",
        judge: side_effect,
    },
    Rule {
        id: "PW234",
        severity: Severity::Warning,
        tables: &["access_rules"],
        title: "A message that cannot be sent",
        postfix: "It puts the message into one line of an SMTP reply behind its own code.",
        fix: "Write a short text in plain letters, or none.",
        judge: no_message,
    },
];

/// What a rule that Postfix sees is about.
fn kind(case: &Case<'_>) -> Option<AccessKind> {
    AccessKind::parse(case.row.text("kind"))
        .ok()
        .filter(|_| case.row.is_enabled())
}

/// The pattern of a rule, where it is written as Postfix asks for it.
fn pattern(case: &Case<'_>) -> Option<AccessPattern> {
    let pattern = AccessPattern::parse(kind(case)?, case.row.text("pattern")).ok()?;
    (pattern.as_str() == case.subject()).then_some(pattern)
}

/// The action of a rule.
fn action(case: &Case<'_>) -> Option<AccessAction> {
    AccessAction::parse(kind(case)?, case.row.text("action")).ok()
}

fn no_action(case: &Case<'_>) -> Option<Finding> {
    let kind = kind(case)?;
    let stored = case.row.text("action");
    let mut finding = refused(&AccessAction::parse(kind, stored).err()?);
    let word = stored.split_whitespace().next().unwrap_or_default();
    let by_itself = if word.is_empty() {
        "Postfix ignores such a rule"
    } else if word.bytes().all(|byte| byte.is_ascii_digit()) && stored.trim() == word {
        "with a query of one's own Postfix takes the number for OK and lets the mail through"
    } else if AccessAction::is_known_to_postfix(word) {
        "with a query of one's own Postfix does what access(5) says of it"
    } else {
        "with a query of one's own Postfix answers 451 4.3.5 Server configuration error to everybody it matches"
    };
    finding.message = format!(
        "The rule about {} has the action {}, which no rule of the kind {kind} has: the queries of Postwarden leave it out, \
         and it does nothing; {by_itself}.",
        quoted(&case.subject()),
        quoted(stored)
    );
    Some(finding)
}

fn no_pattern(case: &Case<'_>) -> Option<Finding> {
    if !case.row.is_enabled() || is_never_found(case) {
        return None;
    }
    let kind = match AccessKind::parse(case.row.text("kind")) {
        Ok(kind) => kind,
        Err(fault) => return Some(refused(&fault)),
    };
    let pattern = match AccessPattern::parse(kind, case.row.text("pattern")) {
        Ok(pattern) => pattern,
        Err(fault) => return Some(refused(&fault)),
    };
    // Of addresses and domains only what is wrong with any key can differ, which is told of any table; so is upper case.
    if kind == AccessKind::Client && pattern.as_str() != case.subject() {
        return Some(
            Finding::new(
                format!(
                    "Postfix asks for `{pattern}` and never finds the rule as it is stored, {}.",
                    quoted(case.row.text("pattern"))
                ),
                format!("Write `{pattern}`."),
            )
            .mended_by(
                // A network has columns of its own, which the form fills in.
                pattern
                    .network()
                    .is_none()
                    .then(|| Mend::Set(vec![("pattern", pattern.to_string())])),
            ),
        );
    }
    if let Some(finding) = other_bounds(case, &pattern) {
        return Some(finding);
    }
    let caution = cautions(case).into_iter().find(is_one_label)?;
    Some(told(&caution))
}

/// A rule whose columns `cidr_lo` and `cidr_hi` are not those of its pattern: the query compares addresses with these
/// alone (docs/postfix.md 2).
fn other_bounds(case: &Case<'_>, pattern: &AccessPattern) -> Option<Finding> {
    (kind(case)? == AccessKind::Client).then_some(())?;
    let columns = ["cidr_lo", "cidr_hi"];
    columns.iter().all(|column| case.row.has(column)).then_some(())?;
    let stored = columns.map(|column| case.row.value(column));
    let meant = pattern
        .network()
        .map(|(lowest, highest)| [lowest, highest].map(hex::encode_upper));
    let same = match &meant {
        Some(bounds) => stored
            .iter()
            .zip(bounds)
            .all(|(stored, bound)| *stored == Some(bound)),
        None => stored.iter().any(Option::is_none),
    };
    if same {
        return None;
    }
    let message = match (meant, stored) {
        (None, _) => format!(
            "The columns `cidr_lo` and `cidr_hi` of the rule about {} name a network, and the pattern names none: Postfix \
             applies the rule to that network too.",
            quoted(pattern.as_str())
        ),
        (Some(_), [Some(_), Some(_)]) => format!(
            "The columns `cidr_lo` and `cidr_hi` of the rule about {} name another network: Postfix applies the rule to \
             that one.",
            quoted(pattern.as_str())
        ),
        (Some(_), _) => format!(
            "The rule about {} lacks the bounds of the network in `cidr_lo` and `cidr_hi`, with which Postfix's query \
             compares: it never finds the rule.",
            quoted(pattern.as_str())
        ),
    };
    let mend = Mend::Set(vec![("pattern", pattern.to_string())]);
    Some(Finding::new(message, "Save the rule again, which fills the two columns.").mended_by(Some(mend)))
}

/// Whether a caution is about a name without a dot.
fn is_one_label(caution: &Caution) -> bool {
    caution.confirm && caution.message.contains(" has no dot, so Postfix ")
}

/// A caution as a finding: where it has one, the last sentence says what to do.
fn told(caution: &Caution) -> Finding {
    const ADVICE: &[&str] = &[
        "Write ",
        "Name ",
        "For ",
        "If ",
        "To ",
        "`REJECT`",
        "Every server has",
    ];
    match caution.message.rsplit_once(". ") {
        Some((message, fix)) if ADVICE.iter().any(|start| fix.starts_with(start)) => {
            Finding::new(format!("{message}."), fix)
        }
        _ => Finding::new(caution.message.clone(), "Leave it if all of that is meant."),
    }
}

/// What a rule does that may not be meant.
fn cautions(case: &Case<'_>) -> Vec<Caution> {
    match (kind(case), pattern(case), action(case)) {
        (Some(kind), Some(pattern), Some(action)) => access_cautions(kind, &pattern, action),
        _ => Vec::new(),
    }
}

/// Whether a caution is that anybody can write a sender.
fn is_of_forging(caution: &Caution) -> bool {
    caution.message.starts_with("Anybody can write")
}

/// Whether a rule lets a sender through.
fn lets_a_sender_through(case: &Case<'_>) -> bool {
    kind(case) == Some(AccessKind::Sender) && action(case) == Some(AccessAction::Ok)
}

fn forgeable(case: &Case<'_>) -> Option<Finding> {
    lets_a_sender_through(case).then_some(())?;
    Some(told(&cautions(case).into_iter().find(is_of_forging)?))
}

fn too_wide(case: &Case<'_>) -> Option<Finding> {
    let mut found = cautions(case).into_iter();
    Some(told(
        &found.find(|caution| caution.confirm && !is_one_label(caution))?,
    ))
}

fn side_effect(case: &Case<'_>) -> Option<Finding> {
    // That anybody can write a sender is a rule of its own.
    let is_remark = |caution: &Caution| !caution.confirm && !is_of_forging(caution);
    Some(told(&cautions(case).into_iter().find(is_remark)?))
}

fn no_message(case: &Case<'_>) -> Option<Finding> {
    Some(refused(
        &AccessMessage::parse(action(case)?, case.row.text("message")).err()?,
    ))
}

/// Whether an address is blocked by a rule of its own.
fn is_blocked(case: &Case<'_>, address: &str) -> bool {
    case.tables
        .about("access_rules", address)
        .iter()
        .any(|rule| rule.is_enabled() && rule.text("kind") == AccessKind::Recipient.as_str())
}

/// The keys of the other enabled aliases that deliver to an address, or keep names in a domain.
fn leading_to(case: &Case<'_>, to: &str) -> Vec<String> {
    let rows = case.tables.rows(&Question::Delivering(to.to_owned()));
    rows.iter()
        .filter(|alias| alias.is_enabled())
        .map(|alias| alias.text("mail").trim_end_matches(' ').to_lowercase())
        .filter(|alias| alias != to)
        .collect()
}

fn reachable(case: &Case<'_>) -> Option<Finding> {
    let pattern = pattern(case).filter(|_| kind(case) == Some(AccessKind::Recipient))?;
    action(case)?;
    let (local, domain) = pattern.as_str().rsplit_once('@')?;
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    let of_domain = format!("@{domain}");
    let leading: Vec<String> = [pattern.as_str(), &of_domain]
        .into_iter()
        .flat_map(|to| leading_to(case, to))
        .filter(|alias| alias != pattern.as_str() && !is_blocked(case, alias))
        .collect();
    (!leading.is_empty()).then_some(())?;
    Some(Finding::new(
        format!(
            "`{pattern}` is blocked and gets mail all the same, by way of {}: Postfix checks the address that is typed, not where \
             an alias leads.",
            named(&leading)
        ),
        format!("Take `{pattern}` out of what delivers to it, or block that too."),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, ids, row};
    use super::*;
    use crate::route::Snapshot;

    fn rule(kind: &str, pattern: &str, action: &str) -> Snapshot {
        let values = [
            ("kind", kind),
            ("pattern", pattern),
            ("action", action),
            ("message", ""),
        ];
        Snapshot::new().with("access_rules", row("access_rules", &values))
    }

    fn expect(kind: &str, pattern: &str, action: &str, expected: &[&str]) {
        let tables = rule(kind, pattern, action);
        assert_eq!(
            ids(&tables, "access_rules", pattern),
            expected,
            "{kind} {pattern} {action}"
        );
    }

    #[test]
    fn an_action_is_one_of_those_the_kind_has() {
        for action in ["REJECT", "reject", "DEFER"] {
            expect("recipient", "joe@a.example", action, &[]);
        }
        for action in ["550", "1", "deny", "REJECTED", "OK", "WARN", "", "REJECT no"] {
            expect("recipient", "joe@a.example", action, &["PW166"]);
        }
        expect("client", "203.0.113.7", "OK", &[]);
        expect("client", "203.0.113.7", "yes", &["PW166"]);
        let told = finding(
            &rule("client", "203.0.113.7", "550"),
            "access_rules",
            "203.0.113.7",
            "PW166",
        );
        assert!(
            told.message.contains("`203.0.113.7` has the action `550`"),
            "{told:?}"
        );
        assert!(
            told.message.contains("leave it out, and it does nothing"),
            "{told:?}"
        );
        assert!(told.message.ends_with("lets the mail through."), "{told:?}");
        assert!(told.fix.starts_with("Choose"), "{told:?}");
    }

    #[test]
    fn a_pattern_is_one_that_postfix_asks_for() {
        for pattern in ["@a.example", ".a.example", "*@a.example", "1.2.3.4", "joe"] {
            expect("recipient", pattern, "REJECT", &["PW167"]);
        }
        for pattern in [
            "1.2.3.",
            "1.2.3.*",
            "[1.2.3.4]",
            "2001:0db8::1",
            "com",
            "joe@a.example",
            "1.2.3.4/24",
        ] {
            expect("client", pattern, "REJECT", &["PW167"]);
        }
        for pattern in [
            "203.0.113",
            "203.0.113.7",
            "2001:db8::25",
            "dsl.a.example",
            "203.0.113.0/24",
        ] {
            expect("client", pattern, "REJECT", &[]);
        }
        expect("sender", "com", "REJECT", &["PW167"]);
        expect("sender", "bob@a.example", "REJECT", &[]);
        expect("helo", "a.example", "REJECT", &["PW167"]);
        let told = finding(
            &rule("client", "2001:0db8::1", "REJECT"),
            "access_rules",
            "2001:0db8::1",
            "PW167",
        );
        assert_eq!(
            told.mend,
            Some(Mend::Set(vec![("pattern", "2001:db8::1".to_owned())]))
        );
    }

    /// A client rule with these bounds, as the linter reads them.
    fn bounded(pattern: &str, bounds: [Option<&str>; 2]) -> Snapshot {
        let values = [
            ("kind", "client"),
            ("pattern", pattern),
            ("action", "REJECT"),
            ("enabled", "1"),
        ];
        let of_text = values.map(|(column, value)| (column, Some(value.to_owned())));
        let [lowest, highest] = bounds.map(|bound| bound.map(str::to_owned));
        let of_bytes = [("cidr_lo", lowest), ("cidr_hi", highest)];
        let row =
            crate::resource::Row::new(pattern.to_owned(), of_text.into_iter().chain(of_bytes).collect());
        Snapshot::new().with("access_rules", row)
    }

    #[test]
    fn a_network_has_its_bounds_beside_it() {
        let v6 = ["0", "F"].map(|end| format!("20010DB8{}", end.repeat(24)));
        let v6 = [Some(&*v6[0]), Some(&*v6[1])];
        let cases = [
            ("198.51.100.0/24", [Some("C6336400"), Some("C63364FF")], None),
            ("198.51.100.0/24", [None, None], Some("never finds")),
            ("198.51.100.0/24", [Some("C6336400"), None], Some("never finds")),
            (
                "198.51.100.0/24",
                [Some("C0000200"), Some("C00002FF")],
                Some("another network"),
            ),
            ("2001:db8::/32", v6, None),
            ("2001:db8::/32", [None, None], Some("never finds")),
            ("203.0.113.7", [None, None], None),
            (
                "203.0.113.7",
                [Some("C6336400"), Some("C63364FF")],
                Some("to that network too"),
            ),
        ];
        for (pattern, bounds, part) in cases {
            let tables = bounded(pattern, bounds);
            let Some(part) = part else {
                assert_eq!(
                    ids(&tables, "access_rules", pattern),
                    [""; 0],
                    "{pattern} {bounds:?}"
                );
                continue;
            };
            let told = finding(&tables, "access_rules", pattern, "PW167");
            assert!(told.message.contains(part), "{told:?}");
            let mend = Mend::Set(vec![("pattern", pattern.to_owned())]);
            assert_eq!(told.mend, Some(mend), "saving fills the columns");
        }
    }

    #[test]
    fn a_pattern_in_another_spelling_is_told_of_by_one_rule() {
        for (kind, pattern, rule) in [
            ("sender", " spam.example", "PW101"),
            ("client", " 192.0.2.1", "PW101"),
            ("sender", "Spam.Example", "PW102"),
            ("sender", "spam.example.", "PW103"),
            ("recipient", "joe@a.example.", "PW103"),
            ("client", "host.spam.example.", "PW103"),
            ("sender", "bücher.example", "PW104"),
            ("recipient", "joe@bücher.example", "PW104"),
            ("client", "bücher.example", "PW104"),
            ("sender", "josé@a.example", "PW105"),
            ("sender", "<joe@spam.example>", "PW107"),
            ("sender", "mailto:joe@spam.example", "PW107"),
        ] {
            expect(kind, pattern, "REJECT", &[rule]);
        }
        let told = finding(
            &rule("sender", "spam.example.", "REJECT"),
            "access_rules",
            "spam.example.",
            "PW103",
        );
        let mend = Mend::Set(vec![("pattern", "spam.example".to_owned())]);
        assert_eq!(told.mend, Some(mend));
    }

    #[test]
    fn an_action_that_is_none_does_nothing_by_the_queries_and_something_by_others() {
        for (action, part) in [
            ("1", "takes the number for OK"),
            ("deny", "answers 451 4.3.5"),
            ("WARN", "does what access(5) says"),
            ("", "ignores such a rule"),
        ] {
            let told = finding(
                &rule("sender", "a@spam.example", action),
                "access_rules",
                "a@spam.example",
                "PW166",
            );
            assert!(
                told.message.contains("leave it out, and it does nothing"),
                "{told:?}"
            );
            assert!(told.message.contains(part), "{told:?}");
        }
    }

    #[test]
    fn a_sender_that_is_let_through_can_be_written_by_anybody() {
        let anywhere = finding(&rule("sender", "bob@", "OK"), "access_rules", "bob@", "PW168");
        assert!(
            anywhere.message.starts_with("Anybody can write `bob@`"),
            "{anywhere:?}"
        );
        expect("sender", "friend.example", "OK", &["PW168"]);
        expect("sender", "friend.example", "DUNNO", &[]);
        expect("client", "mx.friend.example", "OK", &[]);
    }

    #[test]
    fn a_rule_that_reaches_far_is_told_of() {
        expect("client", "10.0.0.0/8", "REJECT", &["PW232"]);
        expect("client", "unknown", "REJECT", &["PW232"]);
        expect("client", "unknown", "DUNNO", &[]);
        expect("sender", "<>", "REJECT", &["PW232"]);
        expect("sender", "bob@", "REJECT", &["PW233"]);
        expect("recipient", "a.example", "REJECT", &["PW233"]);
        expect("recipient", "joe@a.example", "DISCARD", &["PW233"]);
        expect("recipient", "joe@a.example", "REJECT", &[]);
    }

    #[test]
    fn a_message_fits_into_a_reply() {
        let with = |message: &str| {
            let values = [
                ("kind", "sender"),
                ("pattern", "a.example"),
                ("action", "REJECT"),
                ("message", message),
            ];
            Snapshot::new().with("access_rules", row("access_rules", &values))
        };
        assert_eq!(ids(&with("Weiße Liste"), "access_rules", "a.example"), ["PW234"]);
        assert_eq!(ids(&with("554 no"), "access_rules", "a.example"), ["PW234"]);
        assert!(ids(&with("no spam please"), "access_rules", "a.example").is_empty());
    }

    #[test]
    fn a_rule_that_is_off_is_not_judged() {
        let values = [
            ("kind", "client"),
            ("pattern", "1.2.3."),
            ("action", "550"),
            ("enabled", "0"),
        ];
        let tables = Snapshot::new().with("access_rules", row("access_rules", &values));
        assert!(ids(&tables, "access_rules", "1.2.3.").is_empty());
    }

    #[test]
    fn a_blocked_address_is_reached_by_an_alias() {
        let alias = |mail: &str, to: &str, enabled: &str| {
            row(
                "aliases",
                &[("mail", mail), ("destination", to), ("enabled", enabled)],
            )
        };
        let blocked = || rule("recipient", "trap@a.example", "REJECT");
        for (mail, to) in [
            ("info@a.example", "joe@a.example,Trap@a.example"),
            ("@a.example", "trap@a.example"),
            ("@b.example", "@a.example"),
        ] {
            let tables = blocked().with("aliases", alias(mail, to, "1"));
            assert_eq!(
                ids(&tables, "access_rules", "trap@a.example"),
                ["PW169"],
                "{mail}"
            );
            let told = finding(&tables, "access_rules", "trap@a.example", "PW169");
            assert!(told.message.contains(&format!("`{mail}`")), "{told:?}");
        }
        for near in [
            alias("trap@a.example", "trap@a.example", "1"),
            alias("info@a.example", "trap@a.example", "0"),
            alias("info@a.example", "joe@a.example", "1"),
            alias("@a.example", "@a.example", "1"),
        ] {
            let tables = blocked().with("aliases", near.clone());
            assert!(
                ids(&tables, "access_rules", "trap@a.example").is_empty(),
                "{near:?}"
            );
        }
        let both = blocked()
            .with("aliases", alias("info@a.example", "trap@a.example", "1"))
            .with(
                "access_rules",
                row(
                    "access_rules",
                    &[
                        ("kind", "recipient"),
                        ("pattern", "info@a.example"),
                        ("action", "REJECT"),
                    ],
                ),
            );
        assert!(ids(&both, "access_rules", "trap@a.example").is_empty());
    }
}
