//! Rules about `aliases.destination` by itself: 41 to 44, and what else is told of it.

use super::around::{quoted, refused};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{AddressPattern, Destinations, Fault, clean, domain_of, in_ticks, items_of};

/// How long a destination can be in the howto's tables.
const HOWTO_LENGTH: usize = 120;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW141",
        severity: Severity::Error,
        tables: &["aliases"],
        title: "A destination without an address",
        postfix: "It ignores an empty destination and refuses the mail, takes no message for one that is nothing but separators, \
                  451 queue file write error, and sends a word without @ to a user of that name on this server, which bounces.",
        fix: "Write whole addresses.",
        judge: no_address,
    },
    Rule {
        id: "PW142",
        severity: Severity::Error,
        tables: &["aliases"],
        title: "A destination that is no address",
        postfix: "It accepts the mail and bounces it: an alias runs no commands, writes no files and knows no comments or \
                  wildcards.",
        fix: "Write addresses only.",
        judge: broken,
    },
    Rule {
        id: "PW143",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "A domain among other destinations",
        postfix: "`@example.org` keeps the user's name only where it is alone: with others behind it all become one address that \
                  nobody has, and behind others it is an address without a user.",
        fix: "Write it alone, or whole addresses.",
        judge: wide_among_others,
    },
    Rule {
        id: "PW144",
        severity: Severity::Error,
        tables: &["aliases"],
        title: "A destination that was cut",
        postfix: "It delivers to the part of the last address that fitted into the column, which is somebody else or nobody.",
        fix: "Widen the column to TEXT with `postwarden schema upgrade --apply` and write the last address again.",
        judge: cut,
    },
    Rule {
        id: "PW220",
        severity: Severity::Notice,
        tables: &["aliases"],
        title: "Destinations that are not separated by commas",
        postfix: "It takes semicolons, line ends and spaces for separators, which nothing promises.",
        fix: "Separate them by commas.",
        judge: separators,
    },
    Rule {
        id: "PW223",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "A destination other servers may not take",
        postfix: "It sends to it as it stands, and other servers may refuse or not find such an address.",
        fix: "Write it in plain letters.",
        judge: odd,
    },
];

/// What is wrong with a destination by itself.
pub(super) enum Mistake {
    /// No @ in it: a user of this server.
    Word,
    /// What Postfix bounces.
    Broken,
    /// `@domain` where it keeps no name.
    NamelessDomain,
    /// What others may refuse.
    Odd(Fault),
}

fn mistake(item: &str, keeps_name: bool) -> Option<Mistake> {
    let (local, domain) = item.rsplit_once('@').unwrap_or((item, ""));
    let is_other_thing = ["#", "|", "/", "<", ":include:", "mailto:"]
        .iter()
        .any(|start| item.starts_with(start));
    let is_quoted = local.starts_with('"') && local.ends_with('"');
    if is_other_thing
        || item.ends_with(['>', '@'])
        || item.contains("://")
        || (local.contains('@') && !is_quoted)
        || (["*", "%"].contains(&local) && !domain.is_empty())
        || clean(item).is_err()
    {
        return Some(Mistake::Broken);
    }
    if !item.contains('@') {
        return Some(Mistake::Word);
    }
    if local.is_empty() && !keeps_name {
        return Some(Mistake::NamelessDomain);
    }
    // A final dot is harmless in a destination.
    let plain = item.trim_end_matches('.');
    match AddressPattern::parse(plain) {
        Ok(parsed) if parsed.as_str() == plain => None,
        Ok(parsed) => Some(Mistake::Odd(Fault::new(format!(
            "Postfix sends to `{}` as it stands, which most servers know as `{parsed}` only. Write `{parsed}`.",
            in_ticks(item)
        )))),
        Err(fault) => Some(Mistake::Odd(fault)),
    }
}

/// The destinations of an alias that Postfix sees.
pub(super) fn items<'c>(case: &'c Case<'_>) -> Option<&'c [String]> {
    let work_out = || {
        let has_any = case.row.is_enabled() && case.row.has("destination");
        has_any.then(|| items_of(case.row.text("destination")))
    };
    case.worked_out.items.get_or_init(work_out).as_deref()
}

/// Whether Postfix puts the user's name in front of what is stored, all of it.
fn leads_with_domain(case: &Case<'_>) -> bool {
    case.row.text("destination").starts_with('@')
}

/// The destinations with a mistake. None where the whole was cut, which explains the last of them.
fn mistakes(case: &Case<'_>) -> Vec<(String, Mistake)> {
    if is_cut(case) {
        return Vec::new();
    }
    let items = items(case).unwrap_or_default();
    let keeps_name = items.len() == 1 && leads_with_domain(case);
    items
        .iter()
        .filter_map(|item| Some((item.clone(), mistake(item, keeps_name)?)))
        .collect()
}

/// The first destination with a mistake, where none has a worse one.
fn worst<'c>(case: &'c Case<'_>) -> Option<&'c (String, Mistake)> {
    let rank = |mistake: &Mistake| match mistake {
        Mistake::Broken => 0,
        Mistake::Word => 1,
        Mistake::NamelessDomain => 2,
        Mistake::Odd(_) => 3,
    };
    let work_out = || {
        mistakes(case)
            .into_iter()
            .min_by_key(|(_, mistake)| rank(mistake))
    };
    case.worked_out.mistake.get_or_init(work_out).as_ref()
}

/// Whether something is wrong with the destinations by themselves, so that nothing more need be said of them.
pub(super) fn has_mistake(case: &Case<'_>) -> bool {
    is_cut(case) || worst(case).is_some()
}

/// The destinations as a form would store them, where it can tell what is meant.
fn rejoined(case: &Case<'_>) -> Option<Mend> {
    let list = Destinations::parse(case.row.text("destination")).ok()?;
    Some(Mend::Set(vec![("destination", list.joined())]))
}

fn no_address(case: &Case<'_>) -> Option<Finding> {
    let subject = quoted(&case.subject());
    if items(case)?.is_empty() && !case.row.text("destination").trim_matches(' ').is_empty() {
        return Some(
            Finding::new(
                format!(
                    "The destination of {subject} is nothing but separators: Postfix accepts the recipient, and then takes no \
                     message for it, 451 queue file write error, not even for its other recipients."
                ),
                "Write where its mail goes, or switch the row off.",
            )
            .mended_by(Some(Mend::SwitchOff)),
        );
    }
    if items(case)?.is_empty() {
        return Some(Finding::new(format!(
                "{subject} has no destination: Postfix ignores the row, and refuses the mail with 550 unless a mailbox or a \
                 catch-all takes it."
            ), "Write where its mail goes, or switch the row off.").mended_by(Some(Mend::SwitchOff)));
    }
    match worst(case)? {
        (item, Mistake::Word) => {
            let item = quoted(item);
            Some(Finding::new(
                format!(
                    "The destination {item} of {subject} has no @: Postfix puts its own name behind it ($myorigin), and the mail \
                     bounces."
                ),
                "Write the whole address.",
            ))
        }
        _ => None,
    }
}

fn broken(case: &Case<'_>) -> Option<Finding> {
    match worst(case)? {
        (item, Mistake::Broken) => Some(Finding::new(format!(
                "The destination {} of {} is no address: Postfix accepts the mail and bounces it to the sender.",
                quoted(item),
                quoted(&case.subject())
            ), "Write addresses only.").mended_by(rejoined(case))),
        _ => None,
    }
}

fn wide_among_others(case: &Case<'_>) -> Option<Finding> {
    let (item, Mistake::NamelessDomain) = worst(case)? else {
        return None;
    };
    let shown = quoted(item);
    let message = if leads_with_domain(case) {
        format!(
            "{shown} keeps the user's name only where it is alone: Postfix puts the name in front, takes all the destinations \
             for one address, and bounces."
        )
    } else {
        format!(
            "{shown} keeps the user's name only where it is alone: here Postfix sends to `\"\"{}`, which bounces.",
            in_ticks(item)
        )
    };
    Some(Finding::new(message, "Write it alone, or whole addresses."))
}

fn odd(case: &Case<'_>) -> Option<Finding> {
    match worst(case)? {
        (_, Mistake::Odd(fault)) => Some(refused(fault)),
        _ => None,
    }
}

/// Whether a destination fills the howto's column, and its last address is none of a domain that is known here or that
/// another of them has.
fn is_cut(case: &Case<'_>) -> bool {
    let stored = case.row.text("destination");
    if stored.chars().count() != HOWTO_LENGTH {
        return false;
    }
    let items = items_of(stored);
    let Some((last, others)) = items.split_last() else {
        return false;
    };
    let domain = domain_of(last);
    let is_whole = AddressPattern::parse(last).is_ok()
        && (others.iter().any(|other| domain_of(other) == domain) || case.standing(&domain).is_ours());
    !is_whole
}

fn cut(case: &Case<'_>) -> Option<Finding> {
    let last = items(case)?.last()?;
    is_cut(case).then_some(())?;
    Some(Finding::new(
        format!(
            "The destination of {} is exactly {HOWTO_LENGTH} characters long, as much as the howto's column holds: its last \
             address, {}, was probably cut, and Postfix delivers to what is left of it.",
            quoted(&case.subject()),
            quoted(last)
        ),
        "Widen the column with `postwarden schema upgrade --apply` and write the last address again.",
    ))
}

fn separators(case: &Case<'_>) -> Option<Finding> {
    let stored = case.row.text("destination").trim();
    let by_commas = |text: &str| text.split(',').filter(|item| !item.trim().is_empty()).count();
    let items = items(case)?;
    let is_plain = stored.contains(['<', '(', '"']) || by_commas(stored) == items.len();
    if is_plain || has_mistake(case) {
        return None;
    }
    Some(Finding::new(format!(
            "The destinations of {} are not all separated by commas. Postfix happens to take semicolons, line ends and spaces \
             for separators as well.",
            quoted(&case.subject())
        ), "Save the alias to have commas between them.").mended_by(rejoined(case)))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, ids, row, tables};
    use super::*;
    use crate::route::Snapshot;

    /// An alias of a hosted domain that has a mailbox.
    fn with(to: &str) -> Snapshot {
        tables(&[
            (
                "domains",
                &[("domain", "here.example"), ("transport", "virtual:")],
            ),
            ("users", &[("id", "mary@here.example"), ("maildir", "mary/")]),
        ])
        .with(
            "aliases",
            row("aliases", &[("mail", "joe@here.example"), ("destination", to)]),
        )
    }

    /// The rules that find something in it.
    fn judged(to: &str) -> Vec<&'static str> {
        ids(&with(to), "aliases", "joe@here.example")
    }

    #[test]
    fn a_destination_is_made_of_addresses() {
        for (to, expected) in [
            ("", &["PW141"][..]),
            (" , ", &["PW141"]),
            ("vivita", &["PW141"]),
            ("somewhere.tld,mary@here.example", &["PW141"]),
            ("mailto:mary@here.example", &["PW142"]),
            ("a@b@far.example", &["PW142"]),
            ("<mary@here.example", &["PW142"]),
            ("*@far.example", &["PW142"]),
            ("|/bin/cat", &["PW142"]),
            ("/var/mail/joe", &["PW142"]),
            ("# the boss", &["PW142"]),
            ("mary@here.example,@far.example", &["PW143"]),
            ("@far.example,mary@here.example", &["PW143"]),
            (" @far.example", &["PW143"]),
            ("@far.example", &[]),
            ("jos\u{e9}@far.example", &["PW223"]),
            ("joe@b\u{fc}cher.example", &["PW223"]),
            ("joe@far.example.", &[]),
            ("Viv <viv@far.example>", &[]),
            ("<mary@here.example>", &[]),
            ("mary@here.example, Viv@far.example", &[]),
            ("mary@here.example;viv@far.example", &["PW220"]),
            ("mary@here.example\nviv@far.example", &["PW220"]),
        ] {
            assert_eq!(judged(to), expected, "{to:?}");
        }
        let mend = |to: &str, id: &str| finding(&with(to), "aliases", "joe@here.example", id).mend;
        let set = |to: &str| Some(Mend::Set(vec![("destination", to.to_owned())]));
        assert_eq!(
            mend("mailto:mary@here.example", "PW142"),
            set("mary@here.example")
        );
        assert_eq!(mend("a@b@far.example", "PW142"), None);
        assert_eq!(
            mend("mary@here.example;viv@far.example", "PW220"),
            set("mary@here.example,viv@far.example")
        );
        assert_eq!(mend("", "PW141"), Some(Mend::SwitchOff));
    }

    #[test]
    fn a_destination_that_fills_the_column_was_probably_cut() {
        let filled = |end: &str| {
            let start = "mary@here.example,";
            format!(
                "{start}{}{end}",
                "x".repeat(HOWTO_LENGTH - start.len() - end.len())
            )
        };
        for (to, expected) in [
            (filled("@far.examp"), &["PW144"][..]),
            (filled("@far.example,v"), &["PW144"]),
        ] {
            assert_eq!(judged(&to), expected, "{to}");
        }
        let long = filled("@far.example,ann@far.example");
        assert!(!judged(&long).contains(&"PW144"), "{long}");
        assert!(!judged(&filled("@far.examp")[1..]).contains(&"PW144"));
    }
}
