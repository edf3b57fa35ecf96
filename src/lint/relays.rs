//! Rules about `relays`: 57, 59, 60, and what else is told of a relay recipient. Rule 58, which the howto's configuration
//! alone breaks, is found by `postwarden postfix verify`.

use super::around::{Standing, quoted};
use super::{Case, Finding, Mend, Rule, Severity, backups};
use crate::mail::{AddressPattern, RelayStatus};
use crate::resource::{Row, fill};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW157",
        severity: Severity::Error,
        tables: &["relays"],
        title: "A status that is neither OK nor REJECT",
        postfix: "With Postwarden's configuration it refuses the address; with the howto's any word accepts it.",
        fix: "Write `OK` or `REJECT`.",
        judge: no_status,
    },
    Rule {
        id: "PW159",
        severity: Severity::Warning,
        tables: &["relays"],
        title: "A recipient that is off under a domain that is on",
        postfix: "It does not see the row and accepts the address by the row of its domain.",
        fix: "Switch it on with the status `REJECT`, or delete it.",
        judge: still_accepted,
    },
    Rule {
        id: "PW160",
        severity: Severity::Notice,
        tables: &["relays"],
        title: "A relay recipient in a domain that is not relayed",
        postfix: "It asks for relay recipients of backup MX domains only.",
        fix: "Add the domain to Backup MX, or delete the row.",
        judge: not_asked,
    },
    Rule {
        id: "PW228",
        severity: Severity::Notice,
        tables: &["relays"],
        title: "A status in small letters",
        postfix: "It finds the status while the column ignores case; with a binary collation the address is refused.",
        fix: "Write it in capitals.",
        judge: small_letters,
    },
    Rule {
        id: "PW229",
        severity: Severity::Warning,
        tables: &["relays"],
        title: "A whole domain that is refused",
        postfix: "It refuses addresses without a row of their own anyway.",
        fix: "Delete the row.",
        judge: domain_refused,
    },
    Rule {
        id: "PW230",
        severity: Severity::Notice,
        tables: &["relays"],
        title: "A whole domain that is accepted",
        postfix: "It accepts every name, and what the primary server then refuses bounces to senders who may never have written \
                  it.",
        fix: "Write a row for each address that exists.",
        judge: domain_accepted,
    },
];

/// The status of a row that Postfix sees, as stored, where there is such a column.
fn stored<'c>(case: &Case<'c>) -> Option<&'c str> {
    (case.row.is_enabled() && case.row.has("status")).then(|| case.row.text("status"))
}

/// The status a row means; without the column every row means that the address exists.
fn meant(row: &Row) -> Option<RelayStatus> {
    if row.has("status") {
        RelayStatus::parse(row.text("status")).ok()
    } else {
        Some(RelayStatus::Ok)
    }
}

/// Whether Postfix accepts an address for a row, or those of a domain.
pub(super) fn is_accepted(row: &Row) -> bool {
    let recipient = row.text("recipient").trim_end_matches(' ').to_lowercase();
    let is_asked = AddressPattern::parse(&recipient).is_ok_and(|key| key.as_str() == recipient);
    let status = row.text("status").trim_end_matches(' ');
    let says_ok = !row.has("status") || status.eq_ignore_ascii_case(RelayStatus::Ok.as_str());
    row.is_enabled() && is_asked && says_ok
}

fn no_status(case: &Case<'_>) -> Option<Finding> {
    let stored = stored(case)?;
    let (recipient, shown) = (quoted(&case.subject()), quoted(stored));
    match RelayStatus::parse(stored) {
        Ok(status) if stored.trim_end_matches(' ').eq_ignore_ascii_case(status.as_str()) => None,
        Ok(status) => Some(Finding::new(format!(
                "The status {shown} of {recipient} has white space around it: with Postwarden's configuration Postfix does not \
                 take it for `{status}`, with the howto's any word accepts the address."
            ), format!("Write `{status}`.")).mended_by(Some(Mend::Set(vec![("status", status.to_string())])))),
        Err(_) => Some(Finding::new(format!(
                "The status {shown} of {recipient} is neither OK nor REJECT: Postfix refuses the address with Postwarden's \
                 configuration, and accepts it with the howto's own, where any word means that it exists."
            ), "Write `OK` or `REJECT`.")),
    }
}

fn small_letters(case: &Case<'_>) -> Option<Finding> {
    let stored = stored(case)?.trim_end_matches(' ');
    let status = RelayStatus::parse(stored).ok()?;
    (stored != status.as_str() && stored.eq_ignore_ascii_case(status.as_str())).then_some(())?;
    Some(Finding::new(format!(
            "The status of {} is {}, which Postfix takes for `{status}` only while the column ignores case.",
            quoted(&case.subject()),
            quoted(stored)
        ), format!("Write `{status}`.")).mended_by(Some(Mend::Set(vec![("status", status.to_string())]))))
}

fn still_accepted(case: &Case<'_>) -> Option<Finding> {
    if case.row.is_enabled() {
        return None;
    }
    let subject = case.subject();
    let key = AddressPattern::parse(&subject).ok()?;
    let address = key.address().filter(|address| address.as_str() == subject)?;
    let wide = format!("@{}", address.domain());
    let is_accepted = case
        .tables
        .about("relays", &wide)
        .iter()
        .any(|row| row.is_enabled() && meant(row) == Some(RelayStatus::Ok))
        && case.standing(address.domain().as_str()) == Standing::Relayed;
    is_accepted.then_some(())?;
    Some(Finding::new(
        format!(
            "`{address}` is off, and Postfix accepts it all the same: `{wide}` accepts every name of the domain."
        ),
        "Switch it on with the status `REJECT` to refuse it, or delete it.",
    ))
}

fn not_asked(case: &Case<'_>) -> Option<Finding> {
    // Said better there.
    if backups::in_subdomain(case).is_some() {
        return None;
    }
    let key = case.pattern()?;
    let (message, fix) = match case.standing(key.domain().as_str()) {
        Standing::Relayed => return None,
        Standing::Hosted => (
            "{domain} is delivered on this server, so Postfix does not ask this table about it.",
            format!("Delete it, or move {} from Domains to Backup MX.", key.domain()),
        ),
        _ => (
            "{domain} is not an enabled backup MX entry, so Postfix does not ask this table about it yet.",
            format!("Add {} to Backup MX, or delete it.", key.domain()),
        ),
    };
    Some(Finding::new(fill(message, key.as_str()), fix))
}

/// Whether a row is about all of a relayed domain and has this status.
fn is_wide(case: &Case<'_>, status: RelayStatus) -> bool {
    case.pattern()
        .is_some_and(|key| key.is_domain_wide() && case.standing(key.domain().as_str()) == Standing::Relayed)
        && meant(case.row) == Some(status)
}

fn domain_refused(case: &Case<'_>) -> Option<Finding> {
    is_wide(case, RelayStatus::Reject).then_some(())?;
    Some(Finding::new(
        "A domain-wide REJECT refuses nothing by itself: Postfix refuses addresses without a row of their own anyway, and with \
         the howto's own configuration any row of this table, this one too, means accept.",
        "Delete it.",
    ))
}

fn domain_accepted(case: &Case<'_>) -> Option<Finding> {
    is_wide(case, RelayStatus::Ok).then_some(())?;
    Some(Finding::new(
        "Every name of the domain is accepted. What the primary server then refuses, spam above all, bounces to senders who never \
         wrote it.",
        "Rows for the addresses that exist are better.",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, ids, tables};
    use super::*;
    use crate::route::Snapshot;

    /// Relay recipients of a relayed domain: key, status, `enabled`.
    fn relays(rows: &[(&str, &str, &str)]) -> Snapshot {
        let backup = tables(&[(
            "backups",
            &[("domain", "far.example"), ("transport", ":[mx.far.example]")],
        )]);
        rows.iter().fold(backup, |tables, (recipient, status, enabled)| {
            let row = super::super::around::tests::row(
                "relays",
                &[("recipient", recipient), ("status", status), ("enabled", enabled)],
            );
            tables.with("relays", row)
        })
    }

    #[test]
    fn a_status_is_ok_or_reject_in_capitals() {
        for (status, expected) in [
            ("OK", &[][..]),
            ("REJECT", &[]),
            ("OK ", &[]),
            ("YES", &["PW157"]),
            ("", &["PW157"]),
            ("BLOCKED", &["PW157"]),
            (" OK", &["PW157"]),
            ("ok", &["PW228"]),
            ("Reject ", &["PW228"]),
        ] {
            let tables = relays(&[("joe@far.example", status, "1")]);
            assert_eq!(ids(&tables, "relays", "joe@far.example"), expected, "{status:?}");
        }
        let tables = relays(&[("joe@far.example", " ok", "1")]);
        assert_eq!(
            finding(&tables, "relays", "joe@far.example", "PW157").mend,
            Some(Mend::Set(vec![("status", "OK".to_owned())]))
        );
        let tables = relays(&[("joe@far.example", "YES", "1")]);
        assert_eq!(finding(&tables, "relays", "joe@far.example", "PW157").mend, None);
        let tables = relays(&[("joe@far.example", "YES", "0")]);
        assert!(ids(&tables, "relays", "joe@far.example").is_empty());
    }

    #[test]
    fn a_recipient_that_is_off_is_accepted_by_the_row_of_its_domain() {
        let off = ("joe@far.example", "OK", "0");
        for (wide, expected) in [
            (Some(("@far.example", "OK", "1")), &["PW159"][..]),
            (Some(("@far.example", "OK", "0")), &[]),
            (Some(("@far.example", "REJECT", "1")), &[]),
            (None, &[]),
        ] {
            let rows: Vec<_> = wide.into_iter().chain([off]).collect();
            assert_eq!(
                ids(&relays(&rows), "relays", "joe@far.example"),
                expected,
                "{wide:?}"
            );
        }
        let on = relays(&[("@far.example", "OK", "1"), ("joe@far.example", "REJECT", "1")]);
        assert!(ids(&on, "relays", "joe@far.example").is_empty());
    }

    #[test]
    fn recipients_are_asked_for_in_relayed_domains_only() {
        let other = relays(&[
            ("joe@else.example", "OK", "1"),
            ("joe@sub.far.example", "OK", "1"),
        ]);
        for (key, expected) in [("joe@else.example", "PW160"), ("joe@sub.far.example", "PW125")] {
            assert_eq!(ids(&other, "relays", key), [expected], "{key}");
        }
        let both = relays(&[("joe@far.example", "OK", "1")]).with(
            "domains",
            super::super::around::tests::row("domains", &[("domain", "far.example")]),
        );
        let told = finding(&both, "relays", "joe@far.example", "PW160");
        assert!(told.message.contains("delivered on this server"), "{told:?}");
    }

    #[test]
    fn a_row_about_a_whole_domain_is_told_of() {
        assert_eq!(
            ids(
                &relays(&[("@far.example", "REJECT", "1")]),
                "relays",
                "@far.example"
            ),
            ["PW229"]
        );
        assert_eq!(
            ids(&relays(&[("@far.example", "OK", "1")]), "relays", "@far.example"),
            ["PW230"]
        );
        assert!(ids(&relays(&[("@far.example", "OK", "0")]), "relays", "@far.example").is_empty());
        assert_eq!(
            ids(
                &relays(&[("@else.example", "OK", "1")]),
                "relays",
                "@else.example"
            ),
            ["PW160"]
        );
    }
}
