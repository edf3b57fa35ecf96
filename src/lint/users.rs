//! Rules about `users`: 39, 49, 54 to 56, and what else is told of a mailbox. Those about its directory are in
//! `directories.rs`.

use super::around::{Standing, named, quoted, targets};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{StoredPassword, describe_stored, domain_of};
use crate::resource::{Row, fill};

/// Where the howto keeps all mailboxes, `virtual_mailbox_base`.
const HOWTO_BASE: &str = "/var/spool/mail/virtual";
/// The system user and group of the howto's mailboxes, `virtual_uid_maps` and `virtual_gid_maps`.
const HOWTO_OWNER: &str = "5000";
/// What the howto's column `clear` holds where nobody wrote a password into it.
const HOWTO_CLEAR: &str = "ChangeMe";
/// The longest address that fits into the howto's aliases.
const LONGEST_ALIAS: usize = 120;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW139",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A mailbox without a self alias under a catch-all",
        postfix: "It asks aliases first: the catch-all of the domain takes the mail and the mailbox gets none.",
        fix: "Add an alias of the address to itself.",
        judge: under_catch_all,
    },
    Rule {
        id: "PW149",
        severity: Severity::Error,
        tables: &["users"],
        title: "A mailbox nothing can reach",
        postfix: "It looks mailboxes up by whole addresses of domains in `domains`: another mailbox is never found, and one named \
                  `@example.org` takes all mail of the domain.",
        fix: "Write the whole address, or add the domain.",
        judge: unreachable,
    },
    Rule {
        id: "PW154",
        severity: Severity::Error,
        tables: &["users"],
        title: "A password that others know or soon guess",
        postfix: "It reads no passwords; whoever signs in with this one reads the mail and sends as the user.",
        fix: "Set a new password.",
        judge: known_password,
    },
    Rule {
        id: "PW155",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A mail base or owner other than the howto's",
        postfix: "It reads neither column: mail is written as the user and below the directory of main.cf, and IMAP looks where \
                  the row says.",
        fix: "Write what virtual_mailbox_base, virtual_uid_maps and virtual_gid_maps say.",
        judge: other_base,
    },
    Rule {
        id: "PW156",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A mailbox in a domain this server is only backup MX for",
        postfix: "It relays the mail to the primary server and never delivers it here.",
        fix: "Move the domain from Backup MX to Domains, or delete the mailbox.",
        judge: relayed,
    },
    Rule {
        id: "PW224",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A mailbox in a domain that is switched off",
        postfix: "It answers 554 Relay access denied, and the mailbox stays empty.",
        fix: "Switch the domain on, or the mailbox off.",
        judge: switched_off,
    },
    Rule {
        id: "PW226",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A password with a weak hash",
        postfix: "It reads no passwords; whoever sees this hash soon knows the password.",
        fix: "Set a new password.",
        judge: weak_hash,
    },
    Rule {
        id: "PW227",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A mailbox of somebody who has moved",
        postfix: "It looks at relocations first: 550 User has moved.",
        fix: "Delete the relocation, or the mailbox.",
        judge: moved,
    },
];

fn under_catch_all(case: &Case<'_>) -> Option<Finding> {
    let address = case.address()?;
    let subject = address.as_str();
    let catch_all = format!("@{}", address.domain());
    let aliases = case.tables.about("aliases", subject);
    let row = case.enabled("aliases", &catch_all)?;
    let takers = targets(&row, subject);
    let is_taken = !aliases.iter().any(Row::is_enabled)
        && !takers.is_empty()
        && !takers.iter().any(|taker| taker == subject)
        && case.standing(address.domain().as_str()).is_ours();
    is_taken.then_some(())?;
    let mend = (aliases.is_empty() && subject.len() <= LONGEST_ALIAS).then(|| {
        let values = [("mail", subject), ("destination", subject), ("enabled", "1")];
        Mend::Add(
            "aliases",
            values.map(|(column, value)| (column, value.to_owned())).to_vec(),
        )
    });
    let fix = if aliases.is_empty() {
        format!("Add an alias of {subject} to itself.")
    } else {
        format!("Switch the alias of {subject} on, and let it deliver to itself.")
    };
    Some(Finding::new(format!(
            "The catch-all `{catch_all}` takes all mail of addresses without an alias of their own, that of {subject} too: it \
             goes to {}.",
            named(&takers)
        ), fix).mended_by(mend))
}

fn unreachable(case: &Case<'_>) -> Option<Finding> {
    let subject = case.subject();
    case.row.is_enabled().then_some(())?;
    if !subject.contains('@') && !subject.is_empty() {
        return Some(Finding::new(
            format!(
                "{} is no whole address, and Postfix never looks it up: the mailbox stays empty.",
                quoted(&subject)
            ),
            "Write the whole address.",
        ));
    }
    let key = case.pattern()?;
    if key.is_domain_wide() {
        return Some(Finding::new(
            format!(
                "A mailbox named `{key}` takes the mail of every address of {} that has none of its own.",
                key.domain()
            ),
            "Write the whole address; to catch a domain's mail give it an alias of that name.",
        ));
    }
    (case.standing(key.domain().as_str()) == Standing::Foreign).then_some(())?;
    Some(Finding::new(
        fill(
            "{domain} is not an enabled domain of this server: Postfix answers 554 Relay access denied and the mailbox stays \
             empty.",
            &subject,
        ),
        format!("Add {} to Domains.", key.domain()),
    ))
}

/// What is stored of the password of a mailbox that Postfix sees.
fn stored_password(case: &Case<'_>) -> Option<StoredPassword> {
    let crypt = case.row.value("crypt").filter(|_| case.row.is_enabled())?;
    Some(describe_stored(crypt))
}

/// Whether a password is kept readable. The howto's default is in every row, and nobody's password by itself.
fn is_readable(case: &Case<'_>) -> bool {
    case.row.is_enabled() && !["", HOWTO_CLEAR].contains(&case.row.text("clear"))
}

fn known_password(case: &Case<'_>) -> Option<Finding> {
    let subject = quoted(&case.subject());
    let message = match stored_password(case) {
        Some(StoredPassword::HowtoDefault) => format!(
            "The password of {subject} is the one every row of the howto begins with: anybody who has read the howto can sign in, \
             read the mail and send spam."
        ),
        Some(StoredPassword::Plain) => format!(
            "The password of {subject} is stored as it is: whoever sees the table, or a backup of it, can sign in."
        ),
        Some(StoredPassword::Des) => format!(
            "The password of {subject} is hashed with DES, which reads its first 8 characters only and is guessed within hours."
        ),
        Some(StoredPassword::Unknown) => format!(
            "The password of {subject} is stored in a form that is no known hash: it may never have been hashed."
        ),
        _ if is_readable(case) => format!(
            "A password of {subject} is kept readable in the column `clear`: whoever sees the table, or a backup of it, can sign \
             in."
        ),
        _ => return None,
    };
    Some(Finding::new(
        message,
        "Set a new password, which empties `clear` as well.",
    ))
}

fn weak_hash(case: &Case<'_>) -> Option<Finding> {
    let kind = stored_password(case)?;
    if !kind.is_weak() || known_password(case).is_some() {
        return None;
    }
    Some(Finding::new(
        format!(
            "The password of {} is stored as {kind}: whoever sees the table, or a backup of it, soon knows it.",
            quoted(&case.subject())
        ),
        "Set a new password.",
    ))
}

fn other_base(case: &Case<'_>) -> Option<Finding> {
    case.row.is_enabled().then_some(())?;
    let differing: Vec<String> = [("home", HOWTO_BASE), ("uid", HOWTO_OWNER), ("gid", HOWTO_OWNER)]
        .iter()
        .filter(|(column, howto)| {
            case.row.has(column) && case.row.text(column).trim_end_matches('/') != *howto
        })
        .map(|(column, _)| format!("`{column}` is {}", quoted(case.row.text(column))))
        .collect();
    (!differing.is_empty()).then_some(())?;
    Some(Finding::new(
        format!(
            "Of {} {}, which is not the howto's. Postfix does not read it: where main.cf says otherwise, mail is written in one \
             place and read in another, or cannot be read.",
            quoted(&case.subject()),
            differing.join(" and ")
        ),
        format!("Write `{HOWTO_BASE}` and `{HOWTO_OWNER}` unless main.cf has other values too."),
    ))
}

fn relayed(case: &Case<'_>) -> Option<Finding> {
    let address = case.address()?;
    (case.standing(address.domain().as_str()) == Standing::Relayed).then_some(())?;
    Some(Finding::new(
        fill(
            "{domain} is a backup MX entry: its mail is relayed to the primary server and never delivered into this mailbox.",
            address.as_str(),
        ),
        format!(
            "Move {} from Backup MX to Domains, or delete the mailbox.",
            address.domain()
        ),
    ))
}

fn switched_off(case: &Case<'_>) -> Option<Finding> {
    let address = case.address()?;
    (case.standing(address.domain().as_str()) == Standing::Off).then_some(())?;
    Some(Finding::new(
        fill(
            "{domain} is switched off: Postfix answers 554 Relay access denied and the mailbox stays empty.",
            address.as_str(),
        ),
        format!("Switch {} on, or the mailbox off.", address.domain()),
    ))
}

fn moved(case: &Case<'_>) -> Option<Finding> {
    let address = case.address()?;
    let keys = [address.to_string(), format!("@{}", domain_of(address.as_str()))];
    keys.iter()
        .any(|key| {
            let rows = case.tables.about("relocated", key);
            rows.iter()
                .any(|row| row.is_enabled() && !row.text("newadr").trim().is_empty())
        })
        .then_some(())?;
    Some(Finding::new(
        fill(
            "{subject} has moved according to Relocated: Postfix asks there first and answers 550 User has moved, so the mailbox \
             receives nothing.",
            address.as_str(),
        ),
        "Delete the relocation if the mailbox is in use, else the mailbox.",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, findings, ids, row, tables};
    use super::*;
    use crate::route::Snapshot;

    const JOE: &str = "joe@here.example";

    /// A hosted, a relayed and a switched-off domain.
    fn domains() -> Snapshot {
        tables(&[
            ("domains", &[("domain", "here.example")]),
            (
                "backups",
                &[
                    ("domain", "backup.example"),
                    ("transport", ":[mx.backup.example]"),
                ],
            ),
            ("domains", &[("domain", "off.example"), ("enabled", "0")]),
        ])
    }

    /// The rules that find something in a mailbox of the hosted domain with these columns.
    fn judged(values: &[(&'static str, &str)]) -> Vec<&'static str> {
        let values = [&[("id", JOE), ("maildir", "here.example/joe/")], values].concat();
        ids(&domains().with("users", row("users", &values)), "users", JOE)
    }

    fn alias(mail: &str, to: &str, enabled: &str) -> Row {
        row(
            "aliases",
            &[("mail", mail), ("destination", to), ("enabled", enabled)],
        )
    }

    #[test]
    fn a_catch_all_takes_the_mail_of_a_mailbox_without_a_self_alias() {
        let user = row("users", &[("id", JOE), ("maildir", "joe/")]);
        let with = |aliases: &[Row]| {
            let tables = domains().with("users", user.clone());
            aliases
                .iter()
                .fold(tables, |tables, row| tables.with("aliases", row.clone()))
        };
        let catch_all = alias("@here.example", "box@far.example", "1");
        let found = |aliases: &[Row]| finding(&with(aliases), "users", JOE, "PW139");
        let bare = found(std::slice::from_ref(&catch_all));
        let columns = vec![
            ("mail", JOE.to_owned()),
            ("destination", JOE.to_owned()),
            ("enabled", "1".to_owned()),
        ];
        assert_eq!(bare.mend, Some(Mend::Add("aliases", columns)));
        assert!(bare.message.contains("`box@far.example`"), "{bare:?}");
        // The row that is there cannot be added a second time.
        assert_eq!(found(&[catch_all.clone(), alias(JOE, JOE, "0")]).mend, None);
        for near in [
            vec![],
            vec![alias("@here.example", "box@far.example", "0")],
            vec![catch_all, alias(JOE, JOE, "1")],
            vec![alias("@here.example", "Joe@here.example", "1")],
            vec![alias("@here.example", "@here.example", "1")],
        ] {
            assert!(ids(&with(&near), "users", JOE).is_empty(), "{near:?}");
        }
    }

    #[test]
    fn a_mailbox_is_reached_by_its_whole_address_in_a_domain_that_is_here() {
        for (id, expected) in [
            (JOE, &[][..]),
            ("joe", &["PW149"]),
            ("joe@else.example", &["PW149"]),
            ("joe@sub.here.example", &["PW149"]),
            ("@here.example", &["PW149"]),
            ("joe@backup.example", &["PW156"]),
            ("joe@off.example", &["PW224"]),
            ("joe@localhost", &[]),
        ] {
            let tables = domains().with("users", row("users", &[("id", id), ("maildir", "joe/")]));
            assert_eq!(ids(&tables, "users", id), expected, "{id}");
        }
    }

    #[test]
    fn a_password_is_hashed_and_not_the_howtos() {
        let good = "$6$saltsaltsalt$5bBVv6V0yWNmhsHZNBqZ2fVqnvQ1XgXxPzOB3vBHzzWcPmQ1uZx8Zk8y1Xm5tqLwM1c0d2e3f4g5h6i7j8k9l0";
        for (crypt, clear, expected) in [
            (good, "", &[][..]),
            (good, "ChangeMe", &[]),
            ("", "ChangeMe", &[]),
            ("!", "", &[]),
            ("sdtrusfX0Jj66", "ChangeMe", &["PW154"]),
            ("{CRYPT}sdtrusfX0Jj66", "", &["PW154"]),
            ("abJnggxhB/yWI", "", &["PW154"]),
            ("{PLAIN}secret", "", &["PW154"]),
            ("secret", "", &["PW154"]),
            (good, "secret", &["PW154"]),
            ("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "", &["PW226"]),
            (
                "{SHA256}47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                "",
                &["PW226"],
            ),
        ] {
            let values = [("crypt", crypt), ("clear", clear)];
            assert_eq!(judged(&values), expected, "{crypt} {clear}");
            let values = [&[("id", JOE), ("maildir", "joe/")][..], &values].concat();
            let tables = domains().with("users", row("users", &values));
            for told in findings(&tables, "users", JOE) {
                for secret in ["secret", "sdtrusf", "abJn", "47DEQ", "qjXM"] {
                    assert!(
                        !told.message.contains(secret) && !told.fix.contains(secret),
                        "{told:?}"
                    );
                }
            }
        }
        assert!(judged(&[]).is_empty());
        assert!(judged(&[("crypt", "sdtrusfX0Jj66"), ("enabled", "0")]).is_empty());
    }

    #[test]
    fn the_base_and_the_owner_are_the_howtos() {
        assert!(
            judged(&[
                ("home", "/var/spool/mail/virtual/"),
                ("uid", "5000"),
                ("gid", "5000")
            ])
            .is_empty()
        );
        for values in [
            [("home", "/srv/mail")],
            [("uid", "1000")],
            [("gid", "0")],
            [("home", "")],
        ] {
            assert_eq!(judged(&values), ["PW155"], "{values:?}");
        }
    }
}
