//! Rules about `access_rules`: 66 to 69, and what else is told of an access rule.

use super::around::{named, quoted, refused};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{AccessAction, AccessKind, AccessMessage, AccessPattern, Caution, access_cautions};
use crate::route::Question;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW166",
        severity: Severity::Error,
        tables: &["access_rules"],
        title: "An action Postfix does not have",
        postfix: "It answers 451 to everybody the rule matches, or takes a number for OK; the queries of Postwarden leave such a \
                  rule out.",
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
    Some(refused(
        &AccessAction::parse(kind(case)?, case.row.text("action")).err()?,
    ))
}

fn no_pattern(case: &Case<'_>) -> Option<Finding> {
    case.row.is_enabled().then_some(())?;
    let kind = match AccessKind::parse(case.row.text("kind")) {
        Ok(kind) => kind,
        Err(fault) => return Some(refused(&fault)),
    };
    let pattern = match AccessPattern::parse(kind, case.row.text("pattern")) {
        Ok(pattern) => pattern,
        Err(fault) => return Some(refused(&fault)),
    };
    // Of addresses and domains only what is wrong with any key can differ, which is told of any table.
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
    let caution = cautions(case).into_iter().find(is_one_label)?;
    Some(told(&caution))
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

/// Whether a rule lets a sender through.
fn lets_a_sender_through(case: &Case<'_>) -> bool {
    kind(case) == Some(AccessKind::Sender) && action(case) == Some(AccessAction::Ok)
}

fn forgeable(case: &Case<'_>) -> Option<Finding> {
    lets_a_sender_through(case).then_some(())?;
    Some(told(
        &cautions(case).into_iter().find(|caution| !caution.confirm)?,
    ))
}

fn too_wide(case: &Case<'_>) -> Option<Finding> {
    let mut found = cautions(case).into_iter();
    Some(told(
        &found.find(|caution| caution.confirm && !is_one_label(caution))?,
    ))
}

fn side_effect(case: &Case<'_>) -> Option<Finding> {
    // That anybody can write a sender is a rule of its own.
    let is_remark = |caution: &Caution| !caution.confirm && !caution.message.starts_with("Anybody can write");
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
            told.message.ends_with("the mail would be let through."),
            "{told:?}"
        );
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

    #[test]
    fn a_sender_that_is_let_through_can_be_written_by_anybody() {
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
