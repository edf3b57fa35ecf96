//! Where domains, backup MX domains and overrides send mail: the column `transport` of both tables.

use super::domains::{ROUTES, addresses, is_hosted, overridden, transport, whole_domain};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{Reading, Surprise, Transport, clean, in_ticks};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW122",
        severity: Severity::Error,
        tables: ROUTES,
        title: "Empty brackets, `:[]`",
        postfix: "smtp(8) dies of it, and all outgoing mail halts for 60 seconds after each try.",
        fix: "Leave the transport empty to follow the MX records.",
        judge: empty_brackets,
    },
    Rule {
        id: "PW126",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A malformed host or port",
        postfix: "smtp(8) dies of it, and other people's mail stops with it.",
        fix: "Write `smtp:[host]`, with `:port` after the bracket where one is needed.",
        judge: malformed,
    },
    Rule {
        id: "PW127",
        severity: Severity::Error,
        tables: ROUTES,
        title: "No such transport",
        postfix: "The mail waits for days, 4.3.0 mail transport unavailable, and is then returned.",
        fix: "Write a transport of master.cf and a colon; name the server's own ones in `mail.transports`.",
        judge: unknown,
    },
    Rule {
        id: "PW128",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A host without brackets",
        postfix: "Postfix looks for the MX records of the host first, and bounces the mail where they lead back here.",
        fix: "Write the host in brackets to go straight to it.",
        judge: |case| surprise(case, Surprise::NoBrackets),
    },
    Rule {
        id: "PW129",
        severity: Severity::Error,
        tables: ROUTES,
        title: "Mail sent to this server itself",
        postfix: "The mail is bounced, 5.4.6 mail loops back to myself.",
        fix: "Name another host, or the port of a filter.",
        judge: |case| surprise(case, Surprise::ThisServer),
    },
    Rule {
        id: "PW131",
        severity: Severity::Error,
        tables: ROUTES,
        title: "Delivery to mailboxes that are not there",
        postfix: "A backup MX domain has no mailboxes here, 5.1.1 unknown user; `local:` looks for system users.",
        fix: "Give the primary server, or use `virtual:` in Domains.",
        judge: local_delivery,
    },
    Rule {
        id: "PW132",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "Mail that vanishes",
        postfix: "`discard` answers 250 and throws the mail away, and nobody is told.",
        fix: "Refuse it with a reason, `error:5.1.1 No such domain here`.",
        judge: |case| surprise(case, Surprise::Vanishes),
    },
    Rule {
        id: "PW133",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A transport that works by luck",
        postfix: "A bare name is taken as if it had a colon, and white space around the host is passed over.",
        fix: "Write it out, without spaces.",
        judge: loose,
    },
    Rule {
        id: "PW134",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A port for clients on a mail exchanger",
        postfix: "Mail exchangers such as Google's listen on port 25 only: no connection, and the mail waits for days.",
        fix: "Remove the port.",
        judge: closed_port,
    },
    Rule {
        id: "PW135",
        severity: Severity::Notice,
        tables: ROUTES,
        title: "A host with an underscore",
        postfix: "Postfix accepts it, but no host name has one (RFC 1123 2.1).",
        fix: "Check whether a hyphen is meant.",
        judge: |case| surprise(case, Surprise::Underscore),
    },
    Rule {
        id: "PW202",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A host without a transport, for a hosted domain",
        postfix: "Without a name before the colon the transport stays that of the domain (transport(5)): virtual(8) delivers \
                  the mail here and passes the host over, and where virtual_transport is lmtp it connects to the host by LMTP.",
        fix: "Write `smtp:` before the host.",
        judge: host_alone,
    },
    Rule {
        id: "PW205",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A transport that the program takes otherwise",
        postfix: "Mail of this row goes another way than the value looks, or by a name that only /etc/services knows.",
        fix: "Write it as the form asks.",
        judge: odd,
    },
    Rule {
        id: "PW207",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A preset that was not filled in",
        postfix: "There is no such host: the mail is bounced, 5.4.4 Host or domain name not found.",
        fix: "Write the customer's own part of the name.",
        judge: placeholder,
    },
];

fn stored<'c>(case: &Case<'c>) -> &'c str {
    case.row.text("transport")
}

fn reads_as(case: &Case<'_>, reading: Reading) -> bool {
    Transport::reading(stored(case), &case.rules.transports) == reading
}

/// What the checked value says of a row that it refuses; else of one that it would normalise what is odd about it, and what
/// comes of that, which is also said of one with a character that cannot be seen.
fn refusal(case: &Case<'_>, odd: &str, consequence: &str) -> Finding {
    match Transport::parse(stored(case), &case.rules.transports) {
        Err(_) if clean(stored(case)).is_err() => {
            let message = format!(
                "`{}` has a character that cannot be seen: {consequence}",
                in_ticks(stored(case))
            );
            Finding::new(message, "Type it anew instead of pasting it.")
        }
        Err(fault) => Finding::from(&fault),
        Ok(transport) => {
            let message = format!("`{}` {odd}: {consequence}", in_ticks(stored(case)));
            Finding::new(message, format!("Write `{transport}`."))
        }
    }
}

fn set(transport: impl Into<String>) -> Mend {
    Mend::Set(vec![("transport", transport.into())])
}

/// The value with its punctuation mended, where that leaves no doubt what it does: a host alone does something else for a
/// hosted domain.
fn repunctuated(case: &Case<'_>) -> Option<Mend> {
    let value = Transport::repunctuated(stored(case), &case.rules.transports)?;
    let is_certain = !value.transport_name().is_empty() || !is_hosted(case);
    is_certain.then(|| set(value.as_str()))
}

fn empty_brackets(case: &Case<'_>) -> Option<Finding> {
    reads_as(case, Reading::NoHost).then(|| {
        let finding = refusal(
            case,
            "names no host",
            "smtp(8) dies of it, and all outgoing mail halts.",
        );
        // An override without a transport would change nothing.
        if overridden(case).is_some() {
            let fix = "Write where the mail goes, `smtp:[mail.example.com]`, or switch the row off.";
            return Finding::new(finding.message, fix).mended_by(Some(Mend::SwitchOff));
        }
        finding.mended_by(Some(set("")))
    })
}

fn malformed(case: &Case<'_>) -> Option<Finding> {
    reads_as(case, Reading::Dies).then(|| {
        let finding = refusal(
            case,
            "has a host that is not written in ASCII",
            "smtp(8) dies of it, and all outgoing mail stops for a minute after each try.",
        );
        finding.mended_by(repunctuated(case))
    })
}

fn unknown(case: &Case<'_>) -> Option<Finding> {
    reads_as(case, Reading::Unknown).then(|| {
        let finding = refusal(
            case,
            "is taken to the letter",
            "Postfix knows no such transport and holds the mail for days.",
        );
        finding.mended_by(repunctuated(case))
    })
}

fn surprise(case: &Case<'_>, kind: Surprise) -> Option<Finding> {
    let transport = transport(case)?;
    let surprises = transport.surprises();
    let (_, caution) = surprises.iter().find(|(found, _)| *found == kind)?;
    // The host is passed over.
    let is_idle = is_host_alone(case, &transport) && kind != Surprise::Underscore;
    (!is_idle).then(|| Finding::from(caution))
}

fn local_delivery(case: &Case<'_>) -> Option<Finding> {
    let transport = transport(case).filter(Transport::is_local_delivery)?;
    if let Some(domain) = whole_domain(case).filter(|_| case.resource.table == "backups") {
        let message = format!(
            "`{transport}` delivers on this server, where a backup MX domain has no mailboxes: Postfix bounces \
             everything, 5.1.1 unknown user."
        );
        let fix = format!("Give the primary server, `:[mail.{domain}]`, or put the domain into Domains.");
        return Some(Finding::new(message, fix));
    }
    (transport.transport_name() == "local").then(|| {
        let message =
            format!("`{transport}` delivers to system users: mailboxes and their directories are not asked.");
        Finding::new(message, "Write `virtual:`.")
    })
}

fn loose(case: &Case<'_>) -> Option<Finding> {
    reads_as(case, Reading::Loose).then(|| {
        let normal = Transport::parse(stored(case), &case.rules.transports).ok();
        let value = normal.map_or_else(|| format!("{}:", stored(case).trim()), |value| value.to_string());
        let message = format!(
            "`{}` works by luck: Postfix takes it for `{value}`.",
            in_ticks(stored(case))
        );
        // Written out it would follow the MX records of the domain, which lead back here (rule 117).
        let loops = matches!(value.as_str(), "smtp:" | "relay:") && is_hosted(case);
        let fix = match value.as_str() {
            "" => "Leave it empty.".to_owned(),
            _ if loops => {
                format!(
                    "Write the host in brackets, `{value}[mail.example.com]`, or `virtual:` to deliver here."
                )
            }
            _ => format!("Write `{value}`."),
        };
        let is_whole = !loops && Transport::parse(&value, &case.rules.transports).is_ok();
        Finding::new(message, fix).mended_by(is_whole.then(|| set(value)))
    })
}

fn closed_port(case: &Case<'_>) -> Option<Finding> {
    let finding = surprise(case, Surprise::ClosedPort)?;
    let transport = transport(case)?;
    let ports = ["465", "587"];
    let is_alone = transport.hosts().len() == 1;
    let open = ports
        .iter()
        .find_map(|port| transport.as_str().strip_suffix(&format!(":{port}")));
    Some(finding.mended_by(open.filter(|_| is_alone).map(set)))
}

/// Whether the value names a host and no transport, for mail that is delivered here.
fn is_host_alone(case: &Case<'_>, transport: &Transport) -> bool {
    transport.transport_name().is_empty() && !transport.hosts().is_empty() && is_hosted(case)
}

fn host_alone(case: &Case<'_>) -> Option<Finding> {
    let transport = transport(case).filter(|transport| is_host_alone(case, transport))?;
    // Rule 116 says more where nobody has an address.
    let is_unused = whole_domain(case).is_some_and(|domain| addresses(case, &domain) == (0, 0));
    (!is_unused).then(|| {
        let message = format!(
            "`{transport}` names a host and no transport: for a domain that is hosted here Postfix keeps the transport of \
             mailboxes, so virtual(8) delivers the mail on this server, and lmtp would look for an LMTP server at the host."
        );
        Finding::new(message, format!("Write `smtp{transport}` to send it there."))
    })
}

fn odd(case: &Case<'_>) -> Option<Finding> {
    reads_as(case, Reading::Odd)
        .then(|| refusal(case, "is odd", "it does something else than it looks like."))
}

fn placeholder(case: &Case<'_>) -> Option<Finding> {
    stored(case).contains("[TENANT.").then(|| {
        let message = "There is no such host: TENANT stands for the customer's own part of the name, so Postfix bounces \
                       the mail.";
        let fix = "Write the name that Microsoft 365 shows as the MX of the domain: the domain with - for each dot, \
                   `example-org` for example.org.";
        Finding::new(message, fix)
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ROUTES, assert_found, found, row, tables, told};
    use super::*;
    use crate::route::Snapshot;

    /// A backup domain and a hosted one with nothing wrong about them but their transports.
    fn healthy() -> Snapshot {
        tables(&[
            ("relays", "joe@friend.example", "OK"),
            ("aliases", "@shop.example", "joe@shop.example"),
            ("users", "joe@shop.example", "shop.example/joe/"),
            ("aliases", "joe@shop.example", "joe@shop.example"),
            ("domains", "shop.example", "virtual:"),
        ])
    }

    fn of_backups(cases: &[(&str, &[&str])]) {
        for (transport, rules) in cases {
            assert_found(
                ROUTES,
                "backups",
                &healthy(),
                &[("friend.example", transport, rules)],
            );
        }
    }

    #[test]
    fn a_transport_of_a_backup_domain_has_one_mistake() {
        of_backups(&[
            ("", &[]),
            (":", &[]),
            ("smtp:", &[]),
            (":[mail.friend.example]", &[]),
            ("smtp:[mail.friend.example]:26", &[]),
            ("error:5.1.1 No such domain here", &[]),
            (":[]", &["PW122"]),
            ("smtp:[]", &["PW122"]),
            ("smtp:[h", &["PW126"]),
            ("smtp::25", &["PW126"]),
            (":[bücher.example]", &["PW126"]),
            ("smtp[h]", &["PW127"]),
            ("SMTP:[h]", &["PW127"]),
            (" smtp:[h]", &["PW127"]),
            ("hold:", &["PW127"]),
            ("smtp:mail.friend.example", &["PW128"]),
            ("smtp:10.0.0.1", &["PW128"]),
            (":[127.0.0.1]", &["PW129"]),
            (":[localhost]", &["PW129"]),
            (":[127.0.1.1]", &["PW129"]),
            (":[0.0.0.0]", &["PW129"]),
            (":[localhost.localdomain]", &["PW129"]),
            (":[128.0.0.1]", &[]),
            ("relay:[::1]:25", &["PW129"]),
            (":[127.0.0.1]:10025", &[]),
            ("virtual:", &["PW131"]),
            ("local:", &["PW131"]),
            ("discard:", &["PW132"]),
            ("smtp: [h]", &["PW133"]),
            ("smtp:[h]\n", &["PW133"]),
            ("smtp", &["PW133"]),
            ("smtp:[aspmx.l.google.com]:587", &["PW134"]),
            ("smtp:[aspmx.l.google.com]", &[]),
            (":[mail_friend.example]", &["PW135"]),
            ("smtp:[h]:smtp", &["PW205"]),
            ("dovecot:a b", &["PW205"]),
            ("smtp:[TENANT.mail.protection.outlook.com]", &["PW207"]),
        ]);
    }

    #[test]
    fn a_transport_of_a_hosted_domain_has_one_mistake() {
        let cases: &[(&str, &[&str])] = &[
            ("virtual:", &[]),
            ("", &[]),
            ("lmtp:unix:private/dovecot-lmtp", &[]),
            ("smtp:[mail.friend.example]", &[]),
            ("virtual", &["PW133"]),
            ("local:", &["PW131"]),
            (":[mail.friend.example]", &["PW202"]),
            (":mail.friend.example", &["PW202"]),
            ("smtp:", &["PW117"]),
        ];
        let mail = healthy();
        for (transport, rules) in cases {
            let hosted = mail.table("domains")[0].clone().with("transport", transport);
            assert_eq!(&found(ROUTES, "domains", &hosted, &mail), rules, "{transport:?}");
        }
    }

    #[test]
    fn an_override_needs_a_transport_by_name_where_its_domain_is_hosted() {
        for table in ["domains", "backups"] {
            let cases: &[(&str, &str, &[&str])] = &[
                ("joe@shop.example", ":[mail.friend.example]", &["PW202"]),
                ("joe@shop.example", "smtp:[mail.friend.example]", &[]),
            ];
            assert_found(ROUTES, table, &healthy(), cases);
        }
        let relayed = tables(&[
            ("backups", "friend.example", ""),
            ("relays", "@friend.example", "OK"),
        ]);
        assert_found(
            ROUTES,
            "backups",
            &relayed,
            &[("joe@friend.example", ":[h.example]", &[])],
        );
    }

    #[test]
    fn a_transport_of_the_setting_is_known() {
        let slow = row("backups", "friend.example", "slow:");
        assert_eq!(found(ROUTES, "backups", &slow, &healthy()), ["PW127"]);
        let rules = crate::resource::Rules {
            transports: vec!["slow".to_owned()],
            ..Default::default()
        };
        let tables = healthy();
        let case = Case::new(&crate::resource::backups::RESOURCE, &slow, &tables, &rules);
        assert_eq!(unknown(&case), None);
    }

    #[test]
    fn a_transport_is_mended_where_it_can_have_meant_one_thing() {
        let cases = [
            (":[]", Some("")),
            ("smtp:[h", Some("smtp:[h]")),
            ("smtp:[h]:0", None),
            ("smtp[h]", Some("smtp:[h]")),
            ("[h]", Some(":[h]")),
            ("SMTP:[h]", Some("smtp:[h]")),
            ("hold:", None),
            ("hold", None),
            ("smtp: [h]", Some("smtp:[h]")),
            ("smtp", Some("smtp:")),
            ("smtp:[aspmx.l.google.com]:587", Some("smtp:[aspmx.l.google.com]")),
            ("smtp:h", None),
        ];
        for (transport, value) in cases {
            let told = told(
                ROUTES,
                "backups",
                &row("backups", "friend.example", transport),
                &healthy(),
            );
            assert_eq!(told.len(), 1, "{transport}");
            assert_eq!(told[0].mend, value.map(set), "{transport:?}");
        }
        let follows = row("domains", "joe@shop.example", "smtp");
        let follows = &told(ROUTES, "domains", &follows, &healthy())[0];
        assert_eq!((follows.rule, &follows.mend), ("PW133", &None), "it would loop");
        assert!(follows.fix.contains("`smtp:[mail.example.com]`"), "{follows:?}");
        let empty = row("domains", "joe@shop.example", ":[]");
        let empty = &told(ROUTES, "domains", &empty, &healthy())[0];
        assert_eq!((empty.rule, &empty.mend), ("PW122", &Some(Mend::SwitchOff)));
        let hosted = row("domains", "joe@shop.example", "[h]");
        assert_eq!(told(ROUTES, "domains", &hosted, &healthy())[0].mend, None);
    }

    #[test]
    fn what_is_wrong_and_what_to_do_are_told_apart() {
        let told = told(
            ROUTES,
            "backups",
            &row("backups", "friend.example", "smtp[h]"),
            &healthy(),
        );
        assert_eq!(
            told[0].message,
            "`friend.example`: Postfix has no transport named `smtp[h]`: it would hold the mail for days (`mail transport unavailable`) and \
             then return it."
        );
        assert!(told[0].fix.starts_with("Write `smtp:[h]`."), "{}", told[0].fix);
        for (transport, rule, part) in [
            ("smtp:[h\u{1b}]", "PW126", "smtp(8) dies of it"),
            ("sm\u{200b}tp:[h]", "PW127", "knows no such transport"),
        ] {
            let row = row("backups", "friend.example", transport);
            let told = super::super::fixture::told(ROUTES, "backups", &row, &healthy());
            assert_eq!(told[0].rule, rule, "{told:?}");
            assert!(
                told[0].message.contains("cannot be seen") && told[0].message.contains(part),
                "{told:?}"
            );
            assert!(!told[0].message.contains("never matches"), "{told:?}");
        }
    }
}
