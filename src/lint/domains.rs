//! Domains, in `domains` and `backups`.

use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{DomainName, MailAddress, Reading, Transport, domain_of, in_ticks, number};
use crate::resource::{Applies, Row, domains};

/// The tables that hold domains, and overrides among them.
pub(super) const ROUTES: &[&str] = &["domains", "backups"];

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW111",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A row that is no mail domain",
        postfix: "Postfix asks for the domain after the @ and for nothing like it, so strangers get 554 Relay access denied.",
        fix: "Write the domain alone, and a row of its own for each subdomain.",
        judge: no_mail_domain,
    },
    Rule {
        id: "PW112",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A domain in both Domains and Backup MX",
        postfix: "Postfix warns, delivers the mail here and ignores the relay recipients.",
        fix: "Keep the domain in one of the two tables.",
        judge: in_both,
    },
    Rule {
        id: "PW113",
        severity: Severity::Error,
        tables: ROUTES,
        title: "One of Postfix's own names",
        postfix: "Postfix warns, local(8) gives the mail to system users, and nothing is delivered or relayed by the row.",
        fix: "Take the row away, or the name out of `mydestination`.",
        judge: own_name,
    },
    Rule {
        id: "PW114",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A transport for everybody's mail",
        postfix: "`*` is read as a transport key and takes all outgoing mail; `.domain` takes that to all subdomains.",
        fix: "Name one domain.",
        judge: takes_all,
    },
    Rule {
        id: "PW115",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "The same key in several rows",
        postfix: "The database answers with all of them and the first wins by chance.",
        fix: "Keep one row, and add a unique key on the column.",
        judge: duplicate,
    },
    Rule {
        id: "PW116",
        severity: Severity::Warning,
        tables: &["domains"],
        title: "A whole domain passed on without addresses",
        postfix: "Postfix looks for users and aliases before it passes mail on, and refuses every address: 550.",
        fix: "Put the domain into Backup MX.",
        judge: forwarded_domain,
    },
    Rule {
        id: "PW117",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A hosted domain that follows its MX records",
        postfix: "The MX records of a domain that is hosted here usually lead back here: the mail is bounced, 5.4.6 mail \
                  loops back to myself. Where DNS shows that they do, this is an error.",
        fix: "Write a host in brackets, or `virtual:`.",
        judge: follows_own_mx,
    },
    Rule {
        id: "PW120",
        severity: Severity::Warning,
        tables: &["domains"],
        title: "A domain that is off and still has addresses",
        postfix: "Strangers get 554, while mail from local senders leaves for the Internet's MX.",
        fix: "Switch the domain on, or its mailboxes and aliases off.",
        judge: off_with_addresses,
    },
    Rule {
        id: "PW121",
        severity: Severity::Notice,
        tables: &["domains"],
        title: "No postmaster or abuse address",
        postfix: "Mail to them is refused with 550, and RFC 2142 asks every domain for both.",
        fix: "Add aliases for them.",
        judge: no_postmaster,
    },
    Rule {
        id: "PW208",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A domain of one word",
        postfix: "Nobody on the Internet can write to a domain without a dot.",
        fix: "Check whether its ending is missing.",
        judge: one_word,
    },
];

/// The domain a row is about, where it is about a whole one and Postfix can ask for it.
pub(super) fn whole_domain(case: &Case<'_>) -> Option<String> {
    let domain = DomainName::parse(&case.subject()).ok()?;
    (domain.as_str() == case.subject()).then(|| domain.to_string())
}

/// The address a row overrides, and its domain.
pub(super) fn overridden(case: &Case<'_>) -> Option<(String, String)> {
    let address = MailAddress::parse(&case.subject()).ok()?;
    (address.as_str() == case.subject()).then(|| (address.to_string(), address.domain().to_string()))
}

/// Whether Postfix delivers the mail a row is about here as long as no transport is named: a row of `domains`, or an
/// override in such a domain.
pub(super) fn is_hosted(case: &Case<'_>) -> bool {
    match overridden(case) {
        Some((_, domain)) => case.enabled("domains", &domain).is_some(),
        None => case.resource.table == "domains" && whole_domain(case).is_some(),
    }
}

/// The transport of mail for a hosted domain, where it names no host and so follows the MX records of the domain.
pub(super) fn without_host(case: &Case<'_>) -> Option<Transport> {
    let transport = transport(case).filter(|transport| matches!(transport.as_str(), "smtp:" | "relay:"))?;
    is_hosted(case).then_some(transport)
}

/// How many mailboxes and aliases a domain has.
pub(super) fn addresses(case: &Case<'_>, domain: &str) -> (u64, u64) {
    let count = |table| case.tables.count(table, domain);
    (count("users"), count("aliases"))
}

/// The transport of a row, where Postfix understands it.
pub(super) fn transport(case: &Case<'_>) -> Option<Transport> {
    let stored = case.row.text("transport");
    let reading = Transport::reading(stored, &case.rules.transports);
    let parsed = Transport::parse(stored, &case.rules.transports).ok()?;
    matches!(reading, Reading::Plain | Reading::Loose).then_some(parsed)
}

/// Whether no transport is named: Postfix goes on as if there were no such row.
pub(super) fn is_idle(transport: &Transport) -> bool {
    matches!(transport.as_str(), "" | ":")
}

fn no_mail_domain(case: &Case<'_>) -> Option<Finding> {
    let key = case.row.text("domain");
    let bare = key
        .strip_prefix('@')
        .or_else(|| key.strip_prefix("*."))
        .or_else(|| key.strip_prefix('.'));
    if takes_all(case).is_some() {
        return None;
    }
    let Some(bare) = bare else {
        return host_name(case);
    };
    let message = format!(
        "`{}` is not what Postfix asks for: it wants the plain domain here, never matches the row and answers 554 Relay \
         access denied.",
        in_ticks(key)
    );
    let fix = match domains::domain_or_override(bare) {
        Ok(domain) => format!("Write `{domain}`, and a row of its own for each subdomain."),
        Err(_) => "Write a domain such as `shop.example`.".to_owned(),
    };
    let mend = key
        .starts_with('@')
        .then(|| super::keys::rekeyed(case, bare))
        .flatten();
    Some(Finding::new(message, fix).mended_by(mend))
}

/// A host of a domain that is not here, and that nobody has an address at.
fn host_name(case: &Case<'_>) -> Option<Finding> {
    if case.resource.table != "domains" {
        return None;
    }
    let host = whole_domain(case)?;
    let parent = host.strip_prefix("www.").or_else(|| host.strip_prefix("mail."))?;
    let is_used = addresses(case, &host) != (0, 0);
    let known = ROUTES.iter().any(|table| case.enabled(table, parent).is_some());
    if is_used || known || !parent.contains('.') {
        return None;
    }
    let message = format!(
        "`{host}` matches mail to `joe@{host}` and nothing else: mail to `joe@{parent}` gets 554 Relay access denied."
    );
    Some(Finding::new(
        message,
        format!("Write `{parent}`, unless people have addresses at `{host}`."),
    ))
}

fn in_both(case: &Case<'_>) -> Option<Finding> {
    let domain = whole_domain(case)?;
    let (other, what) = if case.resource.table == "domains" {
        ("backups", "is also a backup MX entry")
    } else {
        ("domains", "is also an enabled row of Domains")
    };
    case.enabled(other, &domain)?;
    let message = format!(
        "{domain} {what}. Postfix warns \"do not list domain {domain} in BOTH virtual_mailbox_domains and \
         relay_domains\", delivers its mail here, and ignores its relay recipients."
    );
    Some(Finding::new(message, "Keep it in one of the two tables."))
}

pub(super) fn own_name(case: &Case<'_>) -> Option<Finding> {
    let parameter = match case.resource.table {
        "domains" => "virtual_mailbox_domains",
        _ => "relay_domains",
    };
    let message = domains::own_name(&whole_domain(case)?, parameter)?;
    Some(Finding::new(
        message,
        "Delete the row, or take the name out of `mydestination`.",
    ))
}

fn takes_all(case: &Case<'_>) -> Option<Finding> {
    let key = case.row.text("domain").trim_end_matches(' ');
    let message = if key == "*" {
        "`*` is read as a transport key: all outgoing mail goes this way, with the howto's own configuration."
            .to_owned()
    } else {
        // The usual `virtual:` and an empty transport are no transport to anybody.
        let transport = transport(case);
        let names_one =
            transport.is_none_or(|transport| !is_idle(&transport) && transport.as_str() != "virtual:");
        key.strip_prefix('.')
            .filter(|rest| names_one && !rest.is_empty())?;
        format!(
            "`{}` is read as a transport key: all outgoing mail to subdomains of `{}` goes this way.",
            in_ticks(key),
            in_ticks(&key[1..])
        )
    };
    Some(Finding::new(
        message,
        "Name one domain, such as `shop.example`, or delete the row.",
    ))
}

fn duplicate(case: &Case<'_>) -> Option<Finding> {
    let subject = case.subject();
    let others: Vec<Row> = case
        .others(case.resource.table, &subject)
        .into_iter()
        .filter(|other| other.is_enabled() && other.subject(case.resource) == subject)
        .collect();
    let other = others.first()?;
    let number = |row: &Row| row.key.parse::<u64>().unwrap_or(u64::MAX);
    let transport = case.row.text("transport");
    let shown = in_ticks(&subject);
    let message = if others.iter().all(|other| other.text("transport") == transport) {
        format!(
            "{shown} has {} rows, all with the same transport.",
            others.len() + 1
        )
    } else {
        format!(
            "{shown} also has a row with the transport `{}`: Postfix gets both answers, and the first row wins by chance.",
            in_ticks(other.text("transport"))
        )
    };
    let repeats_another = others
        .iter()
        .any(|other| number(other) < number(case.row) && other.text("transport") == transport);
    let mend = repeats_another.then_some(Mend::SwitchOff);
    Some(Finding::new(message, "Keep one of them.").mended_by(mend))
}

fn forwarded_domain(case: &Case<'_>) -> Option<Finding> {
    let domain = whole_domain(case)?;
    let transport = transport(case)?;
    let passes_on = !transport.hosts().is_empty() || matches!(transport.as_str(), "smtp:" | "relay:");
    (passes_on && addresses(case, &domain) == (0, 0)).then(|| {
        let message = format!(
            "{domain} has neither mailboxes nor aliases, so Postfix refuses every address of it with 550 before it would \
             pass anything on to `{transport}`."
        );
        Finding::new(message, "Put the domain into Backup MX instead.")
    })
}

fn follows_own_mx(case: &Case<'_>) -> Option<Finding> {
    let transport = without_host(case)?;
    let domain = domain_of(&case.subject());
    let message = format!(
        "`{transport}` names no host: Postfix follows the MX records of {domain}, which usually lead back here, and \
         bounces the mail, 5.4.6 mail for {domain} loops back to myself."
    );
    let fix = format!(
        "Write the host in brackets, `{transport}[mail.example.com]`, or `virtual:` to deliver here."
    );
    Some(Finding::new(message, fix))
}

fn off_with_addresses(case: &Case<'_>) -> Option<Finding> {
    let domain = whole_domain(case)?;
    let is_elsewhere = ROUTES.iter().any(|table| case.enabled(table, &domain).is_some());
    if case.row.text("enabled") != "0" || is_elsewhere {
        return None;
    }
    let counted = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{} {many}", number(count))),
    };
    let (users, aliases) = addresses(case, &domain);
    let has: Vec<String> = [
        counted(users, "mailbox", "mailboxes"),
        counted(aliases, "alias", "aliases"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!has.is_empty()).then(|| {
        let message = format!(
            "{domain} is off and still has {}: strangers get 554, while mail from local senders leaves for the Internet.",
            has.join(" and ")
        );
        Finding::new(message, "Switch the domain on, or its mailboxes and aliases off.")
    })
}

fn no_postmaster(case: &Case<'_>) -> Option<Finding> {
    let domain = whole_domain(case)?;
    let is_nobodys =
        host_name(case).is_some() || own_name(case).is_some() || forwarded_domain(case).is_some();
    if is_nobodys || case.enabled("aliases", &format!("@{domain}")).is_some() {
        return None;
    }
    let missing: Vec<String> = ["postmaster", "abuse"]
        .into_iter()
        .map(|name| format!("{name}@{domain}"))
        .filter(|address| {
            let is_known = |table| case.enabled(table, address).is_some();
            !is_known("aliases") && !is_known("users")
        })
        .collect();
    let who = match &missing[..] {
        [] => return None,
        [one] => format!("{one} does not exist"),
        several => format!("{} do not exist", several.join(" and ")),
    };
    let message = format!("{who}: Postfix answers 550, though RFC 2142 asks every domain for both.");
    Some(Finding::new(
        message,
        format!("Add an alias for {}.", missing.join(" and ")),
    ))
}

fn one_word(case: &Case<'_>) -> Option<Finding> {
    let domain =
        whole_domain(case).filter(|domain| Applies::ToDomains.to(domain) && !domain.contains('.'))?;
    if own_name(case).is_some() {
        return None;
    }
    let message = format!("`{domain}` has no dot: nobody on the Internet can write to it.");
    Some(Finding::new(message, "Check whether its ending is missing."))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ROUTES as ALL, assert_found, found, row, tables, told};
    use super::*;
    use crate::route::Snapshot;

    /// A hosted domain with addresses that do not matter.
    const POSTMASTER: (&str, &str, &str) = ("aliases", "@shop.example", "joe@shop.example");

    #[test]
    fn a_row_that_is_no_mail_domain_is_found() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("@shop.example", "virtual:", &["PW111"]),
            ("*.shop.example", "virtual:", &["PW111"]),
            (".shop.example", "virtual:", &["PW111"]),
            ("www.shop.example", "virtual:", &["PW111"]),
            ("mail.shop.example", "virtual:", &["PW111"]),
            ("shop.example", "virtual:", &[]),
        ];
        assert_found(ALL, "domains", &tables(&[POSTMASTER]), cases);
        assert_found(
            ALL,
            "backups",
            &Snapshot::new(),
            &[("@friend.example", "", &["PW111"])],
        );
        let used = tables(&[("aliases", "@mail.shop.example", "joe@shop.example")]);
        assert_found(ALL, "domains", &used, &[("mail.shop.example", "virtual:", &[])]);
        let with_parent = tables(&[("domains", "shop.example", "virtual:")]);
        let row = row("domains", "www.shop.example", "virtual:");
        assert!(!found(ALL, "domains", &row, &with_parent).contains(&"PW111"));
    }

    #[test]
    fn the_at_sign_before_a_domain_is_taken_off() {
        let told = told(
            ALL,
            "domains",
            &row("domains", "@shop.example", "virtual:"),
            &Snapshot::new(),
        );
        let mend = Mend::Set(vec![("domain", "shop.example".to_owned())]);
        assert_eq!(told[0].mend, Some(mend));
    }

    #[test]
    fn a_domain_in_both_tables_is_found_in_either() {
        let hosted = tables(&[("domains", "shop.example", "virtual:")]);
        assert_found(ALL, "backups", &hosted, &[("shop.example", "", &["PW112"])]);
        let relayed = tables(&[POSTMASTER, ("backups", "shop.example", "")]);
        assert_found(
            ALL,
            "domains",
            &relayed,
            &[("shop.example", "virtual:", &["PW112"])],
        );
        let off = row("backups", "shop.example", "").with("enabled", "0");
        let relayed = tables(&[POSTMASTER]).with("backups", off);
        assert_found(ALL, "domains", &relayed, &[("shop.example", "virtual:", &[])]);
    }

    #[test]
    fn a_name_of_postfix_itself_and_one_word_are_told_apart() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("localhost", "virtual:", &["PW113"]),
            ("localhost.localdomain", "virtual:", &["PW113"]),
            ("intern", "virtual:", &["PW121", "PW208"]),
        ];
        assert_found(ALL, "domains", &Snapshot::new(), cases);
        let own = row("backups", "localhost", ":[h.example]");
        let told = told(ALL, "backups", &own, &Snapshot::new());
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].rule, "PW113");
        assert!(
            told[0].message.contains("mydestination and relay_domains"),
            "{told:?}"
        );
    }

    #[test]
    fn a_transport_key_for_everybodys_mail_is_found() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("*", "smtp:[mail.friend.example]", &["PW114"]),
            ("*", "virtual:", &["PW114"]),
            (".example", "smtp:[mail.friend.example]", &["PW114"]),
            (".example", "virtual:", &["PW111"]),
            (".example", "", &["PW111"]),
        ];
        for table in ROUTES {
            let cases: Vec<_> = cases
                .iter()
                .filter(|(_, transport, _)| *table == "domains" || *transport != "virtual:")
                .copied()
                .collect();
            assert_found(ALL, table, &Snapshot::new(), &cases);
        }
    }

    #[test]
    fn a_duplicate_is_found_and_only_a_repetition_goes_away() {
        let first = row("domains", "shop.example", "virtual:");
        let same = row("domains", "Shop.example ", "virtual:");
        let other = row("domains", "shop.example", "smtp:[h.example]");
        let both = |second: &Row| {
            tables(&[POSTMASTER])
                .with("domains", first.clone())
                .with("domains", second.clone())
        };
        let of = |row: &Row, second: &Row| {
            let told = told(ALL, "domains", row, &both(second));
            told.into_iter()
                .find(|told| told.rule == "PW115")
                .expect("a duplicate")
                .mend
        };
        assert_eq!(of(&first, &same), None, "one of them has to stay");
        assert_eq!(of(&same, &same), Some(Mend::SwitchOff));
        assert_eq!(of(&other, &other), None, "either may be meant");
        let off = same.clone().with("enabled", "0");
        assert_eq!(found(ALL, "domains", &first, &both(&off)), [""; 0]);
    }

    #[test]
    fn a_whole_domain_that_is_passed_on_without_addresses_is_found() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("shop.example", "smtp:[h.example]", &["PW116"]),
            ("shop.example", ":[h.example]", &["PW116"]),
            ("shop.example", "smtp:", &["PW116", "PW117"]),
            ("shop.example", "relay:", &["PW116", "PW117"]),
            ("shop.example", "lmtp:unix:private/x", &["PW121"]),
            ("shop.example", "virtual:", &["PW121"]),
        ];
        assert_found(ALL, "domains", &Snapshot::new(), cases);
        let with_one = tables(&[("users", "postmaster@shop.example", "x/"), POSTMASTER]);
        assert_found(
            ALL,
            "domains",
            &with_one,
            &[("shop.example", "smtp:[h.example]", &[])],
        );
    }

    #[test]
    fn a_hosted_domain_that_follows_its_mx_is_found() {
        let tables = tables(&[
            POSTMASTER,
            ("domains", "shop.example", "virtual:"),
            ("aliases", "joe@shop.example", "joe@shop.example"),
            ("relays", "joe@friend.example", "OK"),
            ("backups", "friend.example", ""),
        ]);
        for table in ROUTES {
            let cases: &[(&str, &str, &[&str])] = &[("joe@shop.example", "smtp:", &["PW117"])];
            assert_found(ALL, table, &tables, cases);
            assert_found(ALL, table, &tables, &[("joe@friend.example", "smtp:", &[])]);
        }
        let friend = tables.table("backups")[0].clone().with("transport", "relay:");
        assert_eq!(
            found(ALL, "backups", &friend, &tables),
            [""; 0],
            "a backup is meant to"
        );
    }

    const HOSTED: (&str, &str, &str) = ("domains", "shop.example", "virtual:");

    #[test]
    fn a_domain_that_is_off_and_has_addresses_is_found() {
        let off = row("domains", "shop.example", "virtual:").with("enabled", "0");
        let used = [
            ("users", "joe@shop.example", "x/"),
            ("users", "mary@shop.example", "y/"),
            POSTMASTER,
        ];
        let told = told(ALL, "domains", &off, &tables(&used));
        assert_eq!(told[0].rule, "PW120");
        assert!(
            told[0].message.contains("2 mailboxes and 1 alias:"),
            "{}",
            told[0].message
        );
        assert_eq!(found(ALL, "domains", &off, &Snapshot::new()), [""; 0]);
        let twice = tables(&[POSTMASTER, HOSTED]);
        assert_eq!(
            found(ALL, "domains", &off, &twice),
            [""; 0],
            "another row has it on"
        );
        let relayed = tables(&[POSTMASTER, ("backups", "shop.example", "")]);
        assert_eq!(found(ALL, "domains", &off, &relayed), [""; 0]);
        let odd = off.with("enabled", "2");
        assert_eq!(found(ALL, "domains", &odd, &tables(&used)), ["PW106"]);
    }

    #[test]
    fn the_addresses_that_every_domain_has_are_missed() {
        let shop = row("domains", "shop.example", "virtual:");
        let none = told(ALL, "domains", &shop, &Snapshot::new());
        assert!(
            none[0]
                .message
                .starts_with("postmaster@shop.example and abuse@shop.example do not exist")
        );
        let one = tables(&[("aliases", "abuse@shop.example", "x@y.example")]);
        let one = told(ALL, "domains", &shop, &one);
        assert!(
            one[0]
                .message
                .starts_with("postmaster@shop.example does not exist")
        );
        let both = [
            ("aliases", "abuse@shop.example", "x@y.example"),
            ("users", "postmaster@shop.example", "x/"),
        ];
        assert_eq!(found(ALL, "domains", &shop, &tables(&both)), [""; 0]);
        assert_eq!(found(ALL, "domains", &shop, &tables(&[POSTMASTER])), [""; 0]);
    }
}
