//! Backup MX domains and their relay recipients.

use super::domains::{own_name, transport, whole_domain};
use super::relays::is_accepted;
use super::{Case, Finding, Rule, Severity};
use crate::mail::{domain_of, in_ticks};
use crate::route::Question;

/// Up to so many relay recipients of a domain it is looked whether Postfix accepts any of them; of more one is taken for
/// good.
const LOOKED_AT: u64 = 200;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW123",
        severity: Severity::Error,
        tables: &["backups"],
        title: "A backup MX domain without relay recipients",
        postfix: "With relay_recipient_maps set, every address of the domain is refused with 550.",
        fix: "Add its addresses to Relay recipients, or `@domain` for all of them.",
        judge: without_recipients,
    },
    Rule {
        id: "PW124",
        severity: Severity::Warning,
        tables: &["backups"],
        title: "A backup MX domain that takes any name",
        postfix: "Postfix accepts mail for names that do not exist, spam most of all, and bounces it to senders who never \
                  wrote it when the primary server refuses.",
        fix: "List the addresses there are instead of `@domain`.",
        judge: any_name,
    },
    Rule {
        id: "PW125",
        severity: Severity::Warning,
        tables: &["relays"],
        title: "A relay recipient in a subdomain of a backup MX domain",
        postfix: "Only with parent_domain_matches_subdomains as it is by default does Postfix relay for subdomains, and then \
                  by their own MX records; otherwise strangers get 554.",
        fix: "Add the subdomain to Backup MX.",
        judge: in_subdomain,
    },
];

fn without_recipients(case: &Case<'_>) -> Option<Finding> {
    let domain = whole_domain(case)?;
    let is_asked = case.tables.has("relays", "recipient") && case.enabled("domains", &domain).is_none();
    if !is_asked || is_transport(case, &["error"]) || own_name(case).is_some() {
        return None;
    }
    let rows = match case.tables.count("relays", &domain) {
        0 => 0,
        few if few <= LOOKED_AT => {
            let rows = case.tables.rows(&Question::InDomain("relays", domain.clone()));
            if rows.iter().any(is_accepted) {
                return None;
            }
            rows.iter().filter(|row| row.is_enabled()).count()
        }
        _ => return None,
    };
    let none = match rows {
        0 => format!("No relay recipient of {domain} exists yet"),
        _ => format!("None of the relay recipients of {domain} is an address that is accepted (status OK)"),
    };
    let message =
        format!("{none}: with relay_recipient_maps set, Postfix refuses every address of it with 550.");
    Some(Finding::new(
        message,
        format!("Add its addresses to Relay recipients, or @{domain} for all of them."),
    ))
}

/// Whether mail goes to one of these services.
fn is_transport(case: &Case<'_>, names: &[&str]) -> bool {
    transport(case).is_some_and(|transport| names.contains(&transport.transport_name()))
}

fn any_name(case: &Case<'_>) -> Option<Finding> {
    // No primary server is there to refuse anything.
    let ends_here = is_transport(case, &["error", "discard"]);
    let domain = whole_domain(case).filter(|_| !ends_here)?;
    let wide = case.enabled("relays", &format!("@{domain}"))?;
    let is_accepted = wide.text("status").trim().eq_ignore_ascii_case("OK");
    (is_accepted && case.enabled("domains", &domain).is_none()).then(|| {
        let message = format!(
            "@{domain} is a relay recipient: Postfix accepts any name of {domain}, and what the primary server refuses \
             is bounced to senders who never wrote it."
        );
        Finding::new(message, format!("List the addresses of {domain} in Relay recipients and switch @{domain} off."))
    })
}

pub(super) fn in_subdomain(case: &Case<'_>) -> Option<Finding> {
    let subject = case.subject();
    let domain = domain_of(&subject);
    let is_known = |table| case.enabled(table, &domain).is_some();
    if !subject.contains('@') || is_known("backups") || is_known("domains") {
        return None;
    }
    let mut parents = domain.match_indices('.').map(|(at, _)| &domain[at + 1..]);
    let parent = parents.find(|parent| parent.contains('.') && case.enabled("backups", parent).is_some())?;
    let (domain, parent) = (in_ticks(&domain), in_ticks(parent));
    let message = format!(
        "{domain} is no backup MX entry, only {parent} is: mail for it is refused with 554, or, as Postfix is set by \
         default, relayed by the MX records of {domain}."
    );
    Some(Finding::new(
        message,
        format!("Add {domain} to Backup MX, or delete the row."),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ROUTES, assert_found, found, row, tables, told};
    use super::RULES;
    use crate::route::Snapshot;

    #[test]
    fn a_backup_domain_needs_relay_recipients_where_those_are_asked() {
        let none = tables(&[("relays", "joe@other.example", "OK")]);
        let cases: &[(&str, &str, &[&str])] = &[("friend.example", "", &["PW123"])];
        assert_found(ROUTES, "backups", &none, cases);
        let one = tables(&[("relays", "joe@friend.example", "OK")]);
        assert_found(ROUTES, "backups", &one, &[("friend.example", "", &[])]);
        let no_table = Snapshot::new().lacking("relays", "");
        assert_found(ROUTES, "backups", &no_table, &[("friend.example", "", &[])]);
    }

    #[test]
    fn a_recipient_that_is_not_accepted_is_none() {
        for (recipient, status) in [
            ("joe@friend.example", "REJECT"),
            ("joe@friend.example", "YES"),
            ("joe@friend.example", " OK"),
            ("friend.example", "OK"),
            ("joe @friend.example", "OK"),
        ] {
            let none = tables(&[("relays", recipient, status)]);
            let told = told(ROUTES, "backups", &row("backups", "friend.example", ""), &none);
            assert_eq!(told[0].rule, "PW123", "{recipient} {status}");
            assert!(
                told[0].message.starts_with("None of the relay recipients"),
                "{told:?}"
            );
            let one = none.with("relays", row("relays", "ann@friend.example", "ok"));
            assert_found(ROUTES, "backups", &one, &[("friend.example", "", &[])]);
        }
    }

    #[test]
    fn a_backup_domain_whose_mail_ends_here_may_take_any_name_and_a_refused_one_needs_none() {
        for (rows, of_discard) in [
            (&[][..], &["PW123", "PW132"][..]),
            (&[("relays", "@friend.example", "OK")], &["PW132"]),
        ] {
            let cases: &[(&str, &str, &[&str])] = &[
                ("friend.example", "error:5.1.1 No such domain", &[]),
                ("friend.example", "discard:", of_discard),
            ];
            assert_found(ROUTES, "backups", &tables(rows), cases);
        }
    }

    #[test]
    fn a_backup_domain_that_takes_any_name_is_found() {
        for (status, rules) in [("OK", &["PW124"][..]), ("ok", &["PW124"]), ("REJECT", &["PW123"])] {
            let tables = tables(&[("relays", "@friend.example", status)]);
            let found = found(ROUTES, "backups", &row("backups", "friend.example", ""), &tables);
            assert_eq!(found, rules, "{status}");
        }
        let off = row("relays", "@friend.example", "OK").with("enabled", "0");
        let tables = tables(&[("relays", "joe@friend.example", "OK")]).with("relays", off);
        assert_found(ROUTES, "backups", &tables, &[("friend.example", "", &[])]);
    }

    #[test]
    fn a_recipient_in_a_subdomain_of_a_backup_domain_is_found() {
        let tables = tables(&[
            ("backups", "friend.example", ""),
            ("backups", "own.friend.example", ""),
            ("backups", "example", ""),
        ]);
        let cases: &[(&str, &str, &[&str])] = &[
            ("joe@sub.friend.example", "OK", &["PW125"]),
            ("@a.sub.friend.example", "OK", &["PW125"]),
            ("joe@friend.example", "OK", &[]),
            ("joe@own.friend.example", "OK", &[]),
            ("joe@other.example", "OK", &[]),
        ];
        assert_found(&[RULES], "relays", &tables, cases);
    }
}
