//! Overrides: rows about one address in `domains` or `backups`.

use super::domains::{ROUTES, is_hosted, is_idle, overridden, transport};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{in_ticks, items_of};
use crate::resource::fill;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW118",
        severity: Severity::Error,
        tables: ROUTES,
        title: "An override of an unknown address",
        postfix: "Postfix asks whether the address exists before it asks for the transport: 550, or the catch-all gets the \
                  mail.",
        fix: "Add an alias that delivers to itself; for a relayed domain, a relay recipient.",
        judge: unknown_override,
    },
    Rule {
        id: "PW119",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "An override in a foreign domain",
        postfix: "Strangers get 554 Relay access denied, and mail from local senders takes this route.",
        fix: "Add the domain, or delete the override.",
        judge: foreign_override,
    },
    Rule {
        id: "PW201",
        severity: Severity::Error,
        tables: ROUTES,
        title: "An override of an address that has moved",
        postfix: "Postfix looks at relocations first: 550 User has moved, or a bounce, and nothing takes this route.",
        fix: "Delete one of the two rows.",
        judge: moved_override,
    },
    Rule {
        id: "PW204",
        severity: Severity::Notice,
        tables: ROUTES,
        title: "An override that changes nothing",
        postfix: "Without a transport Postfix looks the domain up instead; `virtual:` is delivery here, as without the row.",
        fix: "Delete the row, or choose a transport.",
        judge: idle_override,
    },
    Rule {
        id: "PW206",
        severity: Severity::Warning,
        tables: &["backups"],
        title: "An override in both tables",
        postfix: "Of the same key in two tables Postfix takes the first, `domains`.",
        fix: "Keep one of the two.",
        judge: second_override,
    },
];

fn unknown_override(case: &Case<'_>) -> Option<Finding> {
    let (address, domain) = overridden(case)?;
    if case.enabled("domains", &domain).is_none() {
        case.enabled("backups", &domain)?;
        return unknown_to_relay(case, &address, &domain);
    }
    let aliases = case.others("aliases", &address);
    let alias = aliases.iter().find(|alias| alias.is_enabled());
    if let Some(alias) = alias {
        if items_of(alias.text("destination")).contains(&address) {
            return None;
        }
        let message =
            format!("The alias {address} delivers to others and not to itself, so nothing takes this route.");
        let fix = format!("Add {address} to the destinations of its alias, or delete the override.");
        return Some(Finding::new(message, fix));
    }
    if case.enabled("users", &address).is_some() {
        return None;
    }
    let message = fill(
        "{subject} has no alias that delivers to itself, so Postfix does not know the address (550) or gives its mail to \
         the catch-all.",
        &address,
    );
    let columns = ["mail", "destination"].map(|column| (column, address.clone()));
    let add = Mend::Add(
        "aliases",
        columns.into_iter().chain([("enabled", "1".to_owned())]).collect(),
    );
    // One that is off has the key.
    let mend = aliases.is_empty().then_some(add);
    Some(
        Finding::new(
            message,
            format!("Add an alias {address} that delivers to {address}."),
        )
        .mended_by(mend),
    )
}

/// An override in a relayed domain needs a relay recipient where those are asked.
fn unknown_to_relay(case: &Case<'_>, address: &str, domain: &str) -> Option<Finding> {
    let is_recipient = |key: &str| case.enabled("relays", key).is_some();
    if !case.tables.has("relays", "recipient") || is_recipient(address) || is_recipient(&format!("@{domain}"))
    {
        return None;
    }
    let message = format!(
        "{address} is no relay recipient of the backup MX domain {domain}: with relay_recipient_maps set, Postfix refuses \
         it with 550."
    );
    Some(Finding::new(
        message,
        format!("Add {address} to Relay recipients."),
    ))
}

fn foreign_override(case: &Case<'_>) -> Option<Finding> {
    let (address, domain) = overridden(case)?;
    if ROUTES.iter().any(|table| case.enabled(table, &domain).is_some()) {
        return None;
    }
    let message = fill(
        "{domain} is not an enabled domain of this server, nor a backup MX entry: strangers who write to {subject} get \
         554 Relay access denied, and mail from local senders takes this route.",
        &address,
    );
    Some(Finding::new(
        message,
        format!("Add {domain} to Domains or Backup MX, or delete the override."),
    ))
}

fn moved_override(case: &Case<'_>) -> Option<Finding> {
    let (address, _) = overridden(case)?;
    case.enabled("relocated", &address)?;
    let message = fill(
        "{subject} has moved according to Relocated: Postfix answers 550 User has moved, or bounces, and nothing takes \
         this route.",
        &address,
    );
    Some(Finding::new(message, "Delete the override, or the relocation."))
}

fn idle_override(case: &Case<'_>) -> Option<Finding> {
    overridden(case)?;
    let transport = transport(case)?;
    let message = if is_idle(&transport) {
        "An override without a transport changes nothing: Postfix looks the domain up instead.".to_owned()
    } else if transport.as_str() == "virtual:" && is_hosted(case) {
        format!("`{transport}` is delivery on this server, which is what happens without an override too.")
    } else {
        return None;
    };
    Some(Finding::new(
        message,
        "Delete the row, or write where the mail goes, `smtp:[mail.example.com]`.",
    ))
}

fn second_override(case: &Case<'_>) -> Option<Finding> {
    let (address, _) = overridden(case)?;
    let first = case.enabled("domains", &address)?;
    let message = format!(
        "{address} also has an override in `domains`, `{}`, which Postfix asks first: this one has no effect.",
        in_ticks(first.text("transport"))
    );
    let same = first.text("transport") == case.row.text("transport");
    Some(Finding::new(message, "Keep one of the two.").mended_by(same.then_some(Mend::SwitchOff)))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ROUTES as ALL, assert_found, row, tables, told};
    use super::*;
    use crate::route::Snapshot;

    const HOSTED: (&str, &str, &str) = ("domains", "shop.example", "virtual:");

    #[test]
    fn an_override_of_an_unknown_address_is_found() {
        let joe = row("domains", "joe@shop.example", "smtp:[h.example]");
        let of = |rows: &[(&'static str, &str, &str)]| told(ALL, "domains", &joe, &tables(rows));
        let unknown = of(&[HOSTED]);
        assert_eq!(unknown[0].rule, "PW118");
        let columns = [
            ("mail", "joe@shop.example"),
            ("destination", "joe@shop.example"),
            ("enabled", "1"),
        ];
        let columns = columns.map(|(column, value)| (column, value.to_owned())).to_vec();
        assert_eq!(unknown[0].mend, Some(Mend::Add("aliases", columns)));
        let elsewhere = of(&[HOSTED, ("aliases", "joe@shop.example", "mary@shop.example")]);
        assert_eq!((elsewhere[0].rule, &elsewhere[0].mend), ("PW118", &None));
        let alias = (
            "aliases",
            "joe@shop.example",
            "mary@shop.example, Joe@shop.example",
        );
        assert_eq!(of(&[HOSTED, alias]), []);
        assert_eq!(of(&[HOSTED, ("users", "joe@shop.example", "x/")]), []);
        let off = row("aliases", "joe@shop.example", "joe@shop.example").with("enabled", "0");
        let off = told(ALL, "domains", &joe, &tables(&[HOSTED]).with("aliases", off));
        assert_eq!((off[0].rule, &off[0].mend), ("PW118", &None));
    }

    #[test]
    fn an_override_in_a_relayed_domain_has_to_be_a_relay_recipient() {
        let relayed = ("backups", "friend.example", "");
        let cases: &[(&str, &str, &[&str])] = &[("joe@friend.example", "smtp:[h.example]", &["PW118"])];
        assert_found(ALL, "backups", &tables(&[relayed]), cases);
        for recipient in ["joe@friend.example", "@friend.example"] {
            let tables = tables(&[relayed, ("relays", recipient, "OK")]);
            assert_found(
                ALL,
                "backups",
                &tables,
                &[("joe@friend.example", "smtp:[h.example]", &[])],
            );
        }
        let unasked = tables(&[relayed]).lacking("relays", "");
        assert_found(
            ALL,
            "backups",
            &unasked,
            &[("joe@friend.example", "smtp:[h.example]", &[])],
        );
    }

    #[test]
    fn an_override_in_a_foreign_domain_is_found() {
        let off = row("domains", "shop.example", "virtual:").with("enabled", "0");
        let cases: &[(&str, &str, &[&str])] = &[("joe@shop.example", "smtp:[h.example]", &["PW119"])];
        for table in ROUTES {
            assert_found(ALL, table, &Snapshot::new().with("domains", off.clone()), cases);
        }
    }

    #[test]
    fn an_override_that_does_nothing_is_found() {
        let known = ("aliases", "joe@shop.example", "joe@shop.example");
        let tables = tables(&[HOSTED, known]);
        for table in ROUTES {
            let cases: &[(&str, &str, &[&str])] = &[
                ("joe@shop.example", "", &["PW204"]),
                ("joe@shop.example", ":", &["PW204"]),
                ("joe@shop.example", "virtual:", &["PW204"]),
                ("joe@shop.example", "error:5.1.1 gone", &[]),
            ];
            assert_found(ALL, table, &tables, cases);
        }
    }

    #[test]
    fn an_override_loses_to_a_relocation_and_to_the_other_table() {
        let known = ("aliases", "joe@shop.example", "joe@shop.example");
        let cases: &[(&str, &str, &[&str])] = &[("joe@shop.example", "smtp:[h.example]", &["PW201"])];
        let moved = tables(&[HOSTED, known, ("relocated", "joe@shop.example", "x@y.example")]);
        assert_found(ALL, "domains", &moved, cases);
        let first = ("domains", "joe@shop.example", "smtp:[h.example]");
        let twice = tables(&[HOSTED, known, first]);
        for (transport, mend) in [
            ("smtp:[h.example]", Some(Mend::SwitchOff)),
            ("smtp:[i.example]", None),
        ] {
            let told = told(
                ALL,
                "backups",
                &row("backups", "joe@shop.example", transport),
                &twice,
            );
            assert_eq!((told[0].rule, &told[0].mend), ("PW206", &mend));
        }
        let only_there = tables(&[HOSTED, known, ("backups", "joe@shop.example", "smtp:[i.example]")]);
        assert_found(
            ALL,
            "domains",
            &only_there,
            &[("joe@shop.example", "smtp:[h.example]", &[])],
        );
    }
}
