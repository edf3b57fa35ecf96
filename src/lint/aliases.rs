//! Rules about `aliases`: 36 to 40, 45 to 47, and what else is told of an alias. Those about its destinations by themselves
//! are in `destinations.rs`; 48 needs the DNS.

use super::around::{NOBODY, Standing, example, expansion, named, quoted, targets};
use super::destinations::{has_mistake, items};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{DomainName, EXPANSION_LIMIT, domain_of, in_ticks};
use crate::resource::{Row, fill};
use crate::route::{Asked, Kind, Site, follow};

/// How many addresses of a loop a message names.
const NAMED_IN_LOOP: usize = 6;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW136",
        severity: Severity::Error,
        tables: &["aliases"],
        title: "An alias for a bare domain",
        postfix: "With the howto's configuration it refuses every mailbox user of the domain, 550 User unknown in virtual \
                  alias table; with Postwarden's the row is never asked for.",
        fix: "Write `@example.org` to take every address without a row of its own, or delete the row.",
        judge: bare_domain,
    },
    Rule {
        id: "PW137",
        severity: Severity::Error,
        tables: &["aliases"],
        title: "Aliases that go round in a circle",
        postfix: "It takes no message for them, 451 4.6.0 Alias expansion error, not even for other recipients of the same \
                  message.",
        fix: "Take one of the aliases out of the circle.",
        judge: loops,
    },
    Rule {
        id: "PW138",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "An alias that delivers to an address that is not there",
        postfix: "It accepts the mail with 250 and bounces it afterwards, to senders who may never have written it.",
        fix: "Add the mailbox, or take the address out of the alias.",
        judge: dead_end,
    },
    Rule {
        id: "PW140",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "A mailbox whose alias delivers elsewhere",
        postfix: "It delivers where the alias says and nowhere else: the mailbox gets nothing.",
        fix: "Add the address to its own destinations to keep a copy, or delete the mailbox.",
        judge: forwarded_without_copy,
    },
    Rule {
        id: "PW145",
        severity: Severity::Error,
        tables: &["aliases"],
        title: "A list that is too long",
        postfix: "It takes no message for a list that expands to more than 1,000 addresses: 451 4.6.0 Alias expansion error.",
        fix: "Split the list, or raise virtual_alias_expansion_limit in main.cf.",
        judge: too_long,
    },
    Rule {
        id: "PW146",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "An alias in a domain of others",
        postfix: "It refuses strangers with 554 and diverts what local senders write there.",
        fix: "Add the domain, or delete the alias.",
        judge: foreign,
    },
    Rule {
        id: "PW147",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "A catch-all that points to itself",
        postfix: "It accepts every name of the domain and then bounces the unknown ones.",
        fix: "Delete it: the addresses that exist are known without it.",
        judge: own_catch_all,
    },
    Rule {
        id: "PW221",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "An alias in a domain that is switched off",
        postfix: "It refuses strangers with 554 and diverts what local senders write there.",
        fix: "Switch the domain on, or the alias off.",
        judge: switched_off,
    },
    Rule {
        id: "PW222",
        severity: Severity::Notice,
        tables: &["aliases"],
        title: "An alias in a domain this server is only backup MX for",
        postfix: "It delivers by the alias what comes by way of this server; the primary server does not know the alias.",
        fix: "Set the alias up on the primary server.",
        judge: relayed,
    },
];

fn bare_domain(case: &Case<'_>) -> Option<Finding> {
    let subject = case.subject();
    let domain = DomainName::parse(&subject).ok()?;
    (case.row.is_enabled() && !domain.is_single_label() && domain.as_str() == subject).then_some(())?;
    Some(Finding::new(format!(
            "`{domain}` is a bare domain: the howto's own configuration refuses every mailbox user of it for this, 550 User \
             unknown in virtual alias table, and with Postwarden's the row does nothing."
        ), format!(
            "For every address of the domain without a row of its own write `@{domain}`; otherwise switch the row off."
        )).mended_by(Some(Mend::SwitchOff)))
}

fn loops(case: &Case<'_>) -> Option<Finding> {
    let cycle = expansion(case)?.cycle.as_ref()?;
    let mut names: Vec<String> = cycle
        .iter()
        .take(NAMED_IN_LOOP)
        .map(|name| quoted(name))
        .collect();
    if cycle.len() > names.len() {
        names.push("…".to_owned());
    }
    names.push(quoted(&cycle[0]));
    Some(Finding::new(
        format!(
            "This goes round in a circle: {}. Postfix answers 451 Alias expansion error for the whole message, also for its \
             other recipients.",
            names.join(" → ")
        ),
        "Take one of them out.",
    ))
}

fn too_long(case: &Case<'_>) -> Option<Finding> {
    let expansion = expansion(case)?;
    (expansion.over_limit && expansion.cycle.is_none()).then_some(())?;
    debug_assert_eq!(EXPANSION_LIMIT, 1000, "the sentences say so");
    Some(Finding::new(
        "This expands to more than 1,000 recipients. Postfix then takes nothing: 451 Alias expansion error for the whole \
         message, also for its other recipients, until virtual_alias_expansion_limit is raised in main.cf.",
        "Split the list, or raise the limit.",
    ))
}

fn dead_end(case: &Case<'_>) -> Option<Finding> {
    let key = case.pattern()?;
    if own_catch_all(case).is_some() || has_mistake(case) {
        return None;
    }
    let address = example(key);
    // What is elsewhere is not known to bounce.
    let mut targets = targets(case.row, &address).into_iter();
    if !targets.any(|target| case.standing(&domain_of(target.trim_end_matches('.'))).is_ours()) {
        return None;
    }
    let asked = Asked {
        address,
        ..Asked::default()
    };
    let explanation = follow(case.tables, &Site::default(), &asked);
    // What other aliases lead to is told of those.
    let own = ("aliases", case.row.key.clone());
    let dead = explanation
        .branches
        .iter()
        .filter(|branch| branch.row.as_ref() == Some(&own))
        .filter_map(|branch| explanation.deliveries.get(branch.delivery?))
        .find(|delivery| {
            delivery.kind == Kind::Bounce && case.standing(&domain_of(&delivery.address)).is_ours()
        })?;
    let domain = domain_of(&dead.address);
    if dead.address.starts_with(NOBODY) {
        return Some(Finding::new(
            format!(
                "`{key}` takes every name, also those that {domain} does not have: Postfix accepts their mail and then bounces \
                 it to innocent senders."
            ),
            format!("Write an alias for each address that exists, or give {domain} a catch-all."),
        ));
    }
    let (key, address) = (quoted(key.as_str()), quoted(&dead.address));
    let reason = dead
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!(" ({})", in_ticks(reason)));
    Some(Finding::new(
        format!(
            "{key} delivers to {address}, which bounces{reason}: Postfix accepts the mail first and then returns it to the \
             sender."
        ),
        format!("Add {address}, or take it out of the alias."),
    ))
}

fn forwarded_without_copy(case: &Case<'_>) -> Option<Finding> {
    let address = case.address()?;
    let has_mailbox = case
        .tables
        .about("users", address.as_str())
        .iter()
        .any(Row::is_enabled);
    if !has_mailbox || items(case)?.is_empty() || !case.standing(address.domain().as_str()).is_ours() {
        return None;
    }
    let expansion = expansion(case)?;
    if expansion.fails() || expansion.recipients.iter().any(|to| to == address.as_str()) {
        return None;
    }
    Some(Finding::new(
        format!(
            "`{address}` has a mailbox, and its alias does not deliver there: Postfix sends the mail to {} only, and the mailbox \
             gets none.",
            named(&expansion.recipients)
        ),
        format!("Add `{address}` to its own destinations to keep a copy, or delete the mailbox."),
    ))
}

fn foreign(case: &Case<'_>) -> Option<Finding> {
    let key = case.pattern()?;
    (case.standing(key.domain().as_str()) == Standing::Foreign).then_some(())?;
    Some(Finding::new(
        fill(
            "{domain} is not an enabled domain of this server. Strangers who write to {subject} get 554 Relay access denied, \
             but mail that local senders send there is diverted to this alias.",
            key.as_str(),
        ),
        format!("Add {} to Domains, or delete the alias.", key.domain()),
    ))
}

fn own_catch_all(case: &Case<'_>) -> Option<Finding> {
    let key = case.pattern()?;
    let points_to_itself = matches!(items(case)?, [only] if only == key.as_str());
    (key.is_domain_wide() && points_to_itself).then_some(())?;
    Some(Finding::new(
        "A catch-all that points to itself makes Postfix accept every name of the domain and then bounce the unknown ones to \
         innocent senders.",
        format!(
            "Delete it: addresses of {} that exist are known without it.",
            key.domain()
        ),
    ))
}

fn switched_off(case: &Case<'_>) -> Option<Finding> {
    let key = case.pattern()?;
    (case.standing(key.domain().as_str()) == Standing::Off).then_some(())?;
    Some(Finding::new(
        fill(
            "{domain} is switched off. Strangers who write to {subject} get 554 Relay access denied, but mail that local senders \
             send there is diverted to this alias.",
            key.as_str(),
        ),
        format!("Switch {} on, or the alias off.", key.domain()),
    ))
}

fn relayed(case: &Case<'_>) -> Option<Finding> {
    let key = case.pattern()?;
    // The self alias of an override belongs there.
    if case.standing(key.domain().as_str()) != Standing::Relayed || items(case)? == [key.as_str()] {
        return None;
    }
    Some(Finding::new(
        fill(
            "{domain} is a backup MX entry. Mail for {subject} that comes by way of this server goes where the alias says; the \
             primary server, which gets most of it, does not know the alias.",
            key.as_str(),
        ),
        "Set the alias up on the primary server.",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, ids, row, tables};
    use super::*;
    use crate::route::Snapshot;

    /// A hosted domain with a mailbox, a relayed and a switched-off one, and these aliases.
    fn with(aliases: &[(&str, &str)]) -> Snapshot {
        let domains = tables(&[
            (
                "domains",
                &[("domain", "here.example"), ("transport", "virtual:")],
            ),
            (
                "domains",
                &[("domain", "full.example"), ("transport", "virtual:")],
            ),
            (
                "backups",
                &[
                    ("domain", "backup.example"),
                    ("transport", ":[mx.backup.example]"),
                ],
            ),
            (
                "domains",
                &[
                    ("domain", "off.example"),
                    ("transport", "virtual:"),
                    ("enabled", "0"),
                ],
            ),
            ("users", &[("id", "mary@here.example"), ("maildir", "mary/")]),
            ("users", &[("id", "box@full.example"), ("maildir", "box/")]),
            (
                "aliases",
                &[("mail", "@full.example"), ("destination", "box@full.example")],
            ),
        ]);
        aliases.iter().fold(domains, |tables, (mail, to)| {
            tables.with("aliases", row("aliases", &[("mail", mail), ("destination", to)]))
        })
    }

    /// The rules that find something in an alias of the hosted domain.
    fn judged(to: &str) -> Vec<&'static str> {
        ids(&with(&[("joe@here.example", to)]), "aliases", "joe@here.example")
    }

    fn members(count: usize) -> String {
        let members: Vec<String> = (0..count).map(|n| format!("m{n}@far.example")).collect();
        members.join(",")
    }

    #[test]
    fn an_alias_is_for_an_address_or_a_whole_domain() {
        let tables = with(&[
            ("here.example", "mary@here.example"),
            ("@here.example", "mary@here.example"),
        ]);
        assert_eq!(ids(&tables, "aliases", "here.example"), ["PW136"]);
        assert_eq!(
            finding(&tables, "aliases", "here.example", "PW136").mend,
            Some(Mend::SwitchOff)
        );
        assert!(ids(&tables, "aliases", "@here.example").is_empty());
    }

    #[test]
    fn aliases_that_lead_back_to_themselves_are_a_loop() {
        let tables = with(&[
            ("a@here.example", "b@here.example"),
            ("b@here.example", "a@here.example,mary@here.example"),
            ("into@here.example", "a@here.example"),
            ("@here.example", "@full2.example"),
            ("@full2.example", "@here.example"),
            ("self@here.example", "self@here.example"),
        ])
        .with("domains", row("domains", &[("domain", "full2.example")]))
        .with(
            "users",
            row("users", &[("id", "self@here.example"), ("maildir", "self/")]),
        );
        for key in [
            "a@here.example",
            "b@here.example",
            "into@here.example",
            "@here.example",
            "@full2.example",
        ] {
            assert_eq!(ids(&tables, "aliases", key), ["PW137"], "{key}");
        }
        let told = finding(&tables, "aliases", "b@here.example", "PW137");
        assert!(
            told.message
                .contains("`b@here.example` → `a@here.example` → `b@here.example`"),
            "{told:?}"
        );
        assert!(ids(&tables, "aliases", "self@here.example").is_empty());
    }

    #[test]
    fn a_destination_in_a_hosted_domain_exists() {
        for (to, expected) in [
            ("mary@here.example", &[][..]),
            ("gone@here.example", &["PW138"]),
            ("joe@here.example", &["PW138"]),
            ("mary@here.example,gone@here.example", &["PW138"]),
            ("anybody@full.example", &[]),
            ("anybody@far.example", &[]),
            ("anybody@backup.example", &[]),
        ] {
            assert_eq!(judged(to), expected, "{to}");
        }
        // It is told of the alias that names it.
        let tables = with(&[
            ("via@here.example", "joe@here.example"),
            ("joe@here.example", "gone@here.example"),
        ]);
        assert!(ids(&tables, "aliases", "via@here.example").is_empty());
        assert_eq!(ids(&tables, "aliases", "joe@here.example"), ["PW138"]);
        let told = finding(&tables, "aliases", "joe@here.example", "PW138");
        assert!(
            told.message.contains("`gone@here.example`, which bounces"),
            "{told:?}"
        );
    }

    #[test]
    fn a_domain_that_keeps_names_leads_to_names_that_are_there() {
        let tables = with(&[
            ("@lala.example", "@here.example"),
            ("@lulu.example", "@full.example"),
        ])
        .with("domains", row("domains", &[("domain", "lala.example")]))
        .with("domains", row("domains", &[("domain", "lulu.example")]));
        assert_eq!(ids(&tables, "aliases", "@lala.example"), ["PW138"]);
        let told = finding(&tables, "aliases", "@lala.example", "PW138");
        assert!(
            told.message.contains("that here.example does not have"),
            "{told:?}"
        );
        assert!(ids(&tables, "aliases", "@lulu.example").is_empty());
    }

    #[test]
    fn an_alias_of_a_mailbox_keeps_a_copy() {
        let judged = |to: &str| {
            let tables = with(&[
                ("mary@here.example", to),
                ("list@here.example", "mary@here.example"),
            ]);
            ids(&tables, "aliases", "mary@here.example")
        };
        assert_eq!(judged("mary@far.example"), ["PW140"]);
        for to in ["mary@here.example", "mary@far.example,MARY@here.example"] {
            assert!(judged(to).is_empty(), "{to}");
        }
        assert_eq!(judged("list@here.example"), ["PW137"]);
    }

    #[test]
    fn a_list_expands_to_a_thousand_addresses_at_most() {
        let tables = with(&[
            ("joe@here.example", &members(1001)),
            ("ann@here.example", &members(1000)),
            ("all@here.example", "ann@here.example,mary@here.example"),
        ]);
        assert_eq!(ids(&tables, "aliases", "joe@here.example"), ["PW145"]);
        assert!(ids(&tables, "aliases", "ann@here.example").is_empty());
        assert_eq!(ids(&tables, "aliases", "all@here.example"), ["PW145"]);
    }

    #[test]
    fn an_alias_belongs_to_a_domain_of_this_server() {
        for (key, expected) in [
            ("boss@gmail.example", &["PW146"][..]),
            ("@gmail.example", &["PW146"]),
            ("joe@sub.here.example", &["PW146"]),
            ("joe@off.example", &["PW221"]),
            ("joe@backup.example", &["PW222"]),
            ("joe@here.example", &[]),
            ("root@localhost", &[]),
        ] {
            assert_eq!(
                ids(&with(&[(key, "mary@here.example")]), "aliases", key),
                expected,
                "{key}"
            );
        }
        let own = with(&[("joe@backup.example", "joe@backup.example")]);
        assert!(ids(&own, "aliases", "joe@backup.example").is_empty());
    }

    #[test]
    fn a_catch_all_does_not_point_to_itself() {
        for (to, expected) in [
            ("@here.example", &["PW147"][..]),
            ("@HERE.example", &["PW147"]),
            ("@here.example,mary@here.example", &["PW143"]),
            ("mary@here.example", &[]),
        ] {
            assert_eq!(
                ids(&with(&[("@here.example", to)]), "aliases", "@here.example"),
                expected,
                "{to}"
            );
        }
    }

    #[test]
    fn an_alias_that_is_off_is_not_judged() {
        for (mail, to) in [
            ("here.example", "x"),
            ("joe@here.example", ""),
            ("boss@gmail.example", "gone@here.example"),
        ] {
            let values = [("mail", mail), ("destination", to), ("enabled", "0")];
            let tables = with(&[]).with("aliases", row("aliases", &values));
            assert!(ids(&tables, "aliases", mail).is_empty(), "{mail}");
        }
    }
}
