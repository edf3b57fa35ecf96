//! Rules about `relocated`: 61 to 65, and what else is told of a relocation.

use super::around::{Standing, quoted, refused};
use super::{Case, Finding, Rule, Severity};
use crate::mail::{AddressPattern, RelocationText, clean};
use crate::resource::{Row, fill};
use crate::route::Lookups;

/// How many relocations are followed from one to the next.
const FOLLOWED: usize = 20;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW161",
        severity: Severity::Warning,
        tables: &["relocated"],
        title: "A relocation of an address that an alias takes",
        postfix: "With the howto's configuration the alias or catch-all takes the mail and nobody is told the new address; with \
                  Postwarden's the relocation comes first and the alias gets no mail.",
        fix: "Delete the alias, or the relocation.",
        judge: covered,
    },
    Rule {
        id: "PW162",
        severity: Severity::Error,
        tables: &["relocated"],
        title: "A relocation of an address that has a mailbox",
        postfix: "It looks at relocations first, 550 User has moved: the mailbox gets no more mail.",
        fix: "Delete the relocation, or the mailbox.",
        judge: dead_mailbox,
    },
    Rule {
        id: "PW163",
        severity: Severity::Error,
        tables: &["relocated"],
        title: "A relocation in a domain of others",
        postfix: "It refuses what local senders write to the address, 550 User has moved.",
        fix: "Delete the relocation.",
        judge: foreign,
    },
    Rule {
        id: "PW164",
        severity: Severity::Warning,
        tables: &["relocated"],
        title: "A relocation that leads nowhere",
        postfix: "It ignores a row without a new address, and sends people in a circle where the new address leads back.",
        fix: "Write the address that is read.",
        judge: nowhere,
    },
    Rule {
        id: "PW165",
        severity: Severity::Notice,
        tables: &["relocated"],
        title: "A relocation to a whole domain",
        postfix: "It prints the text as it stands and fills no name in.",
        fix: "Write a row with the whole new address for each person.",
        judge: literal_domain,
    },
    Rule {
        id: "PW231",
        severity: Severity::Warning,
        tables: &["relocated"],
        title: "A new address that cannot be sent",
        postfix: "It puts the text into one line of an SMTP reply, which has to be short and in ASCII.",
        fix: "Write an address or a short text in plain letters.",
        judge: unsendable,
    },
];

/// Whether Postfix has something to say for a row.
fn speaks(row: &Row) -> bool {
    row.is_enabled() && !row.text("newadr").trim().is_empty()
}

/// The key of a relocation that Postfix tells somebody of.
fn key<'c>(case: &'c Case<'_>) -> Option<&'c AddressPattern> {
    case.pattern().filter(|_| speaks(case.row))
}

fn covered(case: &Case<'_>) -> Option<Finding> {
    let key = key(case)?;
    let of_domain = format!("@{}", key.domain());
    case.standing(key.domain().as_str()).is_ours().then_some(())?;
    if dead_mailbox(case).is_some() {
        return None;
    }
    let message = if case.has_enabled("aliases", key.as_str()) {
        "{subject} is also an alias. With the howto's own Postfix configuration the alias takes the mail and nobody is told the \
         new address; with Postwarden's the relocation comes first and the alias gets no mail."
    } else if key.is_domain_wide() && case.tables.count("aliases", key.domain().as_str()) > 0 {
        "{domain} still has aliases. With the howto's own Postfix configuration they take the mail and nobody is told the new \
         address; with Postwarden's the relocation comes first and they get no mail."
    } else if case.has_enabled("aliases", &of_domain) {
        "{domain} has a catch-all. With the howto's own configuration that takes the mail for {subject} first, and nobody is \
         told of the new address."
    } else {
        return None;
    };
    Some(Finding::new(
        fill(message, key.as_str()),
        "Use the configuration Postwarden generates, or delete one of the two.",
    ))
}

fn dead_mailbox(case: &Case<'_>) -> Option<Finding> {
    let key = key(case)?;
    let message = if key.is_domain_wide() && case.tables.count("users", key.domain().as_str()) > 0 {
        "{domain} still has mailboxes. Postfix looks at relocations first: every mailbox of the domain gets no more mail."
    } else if case.has_enabled("users", key.as_str()) {
        "{subject} still has a mailbox. Postfix looks at relocations first: the mailbox gets no more mail."
    } else {
        return None;
    };
    Some(Finding::new(
        fill(message, key.as_str()),
        "Delete the relocation if the mailbox is in use, else the mailbox.",
    ))
}

fn foreign(case: &Case<'_>) -> Option<Finding> {
    let key = key(case)?;
    let standing = case.standing(key.domain().as_str());
    matches!(standing, Standing::Foreign | Standing::Off).then_some(())?;
    Some(Finding::new(
        fill(
            "{domain} is not an enabled domain of this server. The row then stops outgoing mail: local senders who write to \
             {subject} get 550 User has moved.",
            key.as_str(),
        ),
        format!("Delete the relocation, or add {} to Domains.", key.domain()),
    ))
}

/// The new address that the relocations give for an address: its own row first, then that of its domain.
fn moved_to(tables: &dyn Lookups, address: &AddressPattern) -> Option<AddressPattern> {
    let of_domain = format!("@{}", address.domain());
    [address.as_str(), &of_domain].into_iter().find_map(|key| {
        let rows = tables.about("relocated", key);
        let row = rows.iter().find(|row| speaks(row))?;
        AddressPattern::parse(row.text("newadr")).ok()
    })
}

fn nowhere(case: &Case<'_>) -> Option<Finding> {
    let old = case.pattern()?;
    let new = case.row.text("newadr");
    if new.trim().is_empty() {
        return Some(Finding::new(
            format!(
                "{} has no new address. Postfix ignores such a row, so senders get no notice.",
                quoted(old.as_str())
            ),
            "Write the new address, or delete the row.",
        ));
    }
    let mut next = AddressPattern::parse(new).ok()?;
    if next == *old {
        return Some(Finding::new(
            "The new address is the old one: senders are sent in a circle.",
            "Write the address that is read.",
        ));
    }
    let mut path = vec![quoted(old.as_str()), quoted(next.as_str())];
    while path.len() <= FOLLOWED {
        next = moved_to(case.tables, &next)?;
        path.push(quoted(next.as_str()));
        if next == *old {
            return Some(Finding::new(
                format!("Senders are sent in a circle: {}.", path.join(" → ")),
                "Write the address that is read, and delete the other relocation.",
            ));
        }
    }
    None
}

/// The text of a relocation, as it is sent.
fn text(case: &Case<'_>) -> Option<RelocationText> {
    key(case)?;
    RelocationText::parse(case.row.text("newadr")).ok()
}

fn literal_domain(case: &Case<'_>) -> Option<Finding> {
    let new = text(case)?;
    if !new.is_domain_literal() || nowhere(case).is_some() {
        return None;
    }
    Some(Finding::new(
        format!("Postfix prints \"User has moved to {new}\" as it stands; it does not fill in the name."),
        "Write a row with the whole new address for each person.",
    ))
}

fn unsendable(case: &Case<'_>) -> Option<Finding> {
    key(case)?;
    let stored = case.row.text("newadr");
    let fault = RelocationText::parse(stored).err()?;
    if clean(stored).is_err() {
        let message = format!(
            "The new address of {}, {}, has a character that cannot be seen: senders read it garbled, or a server on the way \
             takes offence at it.",
            quoted(&case.subject()),
            quoted(stored)
        );
        return Some(Finding::new(message, "Type it anew instead of pasting it."));
    }
    Some(refused(&fault))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, ids, row, tables};
    use crate::route::Snapshot;

    /// Relocations, with the domain here.
    fn moved(rows: &[(&str, &str)]) -> Snapshot {
        let here = tables(&[("domains", &[("domain", "here.example")])]);
        rows.iter().fold(here, |tables, (old, new)| {
            tables.with("relocated", row("relocated", &[("oldadr", old), ("newadr", new)]))
        })
    }

    fn alias(key: &str, enabled: &str) -> crate::resource::Row {
        row(
            "aliases",
            &[
                ("mail", key),
                ("destination", "box@far.example"),
                ("enabled", enabled),
            ],
        )
    }

    #[test]
    fn an_alias_or_catch_all_hides_a_relocation_from_the_howto() {
        let tables = moved(&[("pete@here.example", "p@new.example"), ("@here.example", "gone")]);
        for (covering, old, part) in [
            ("pete@here.example", "pete@here.example", "also an alias"),
            ("@here.example", "pete@here.example", "has a catch-all"),
            ("@here.example", "@here.example", "also an alias"),
            ("joe@here.example", "@here.example", "still has aliases"),
        ] {
            let with = moved(&[("pete@here.example", "p@new.example"), ("@here.example", "gone")])
                .with("aliases", alias(covering, "1"));
            assert_eq!(ids(&with, "relocated", old), ["PW161"], "{covering} {old}");
            let told = finding(&with, "relocated", old, "PW161");
            assert!(told.message.contains(part), "{covering} {old}: {told:?}");
        }
        assert!(ids(&tables, "relocated", "pete@here.example").is_empty());
        for near in [
            alias("pete@here.example", "0"),
            alias("ann@here.example", "1"),
            alias("@new.example", "1"),
        ] {
            let with = moved(&[("pete@here.example", "p@new.example")]).with("aliases", near.clone());
            assert!(
                ids(&with, "relocated", "pete@here.example").is_empty(),
                "{near:?}"
            );
        }
    }

    #[test]
    fn a_mailbox_that_is_said_to_have_moved_is_dead() {
        let user =
            |id: &str, enabled: &str| row("users", &[("id", id), ("maildir", "x/"), ("enabled", enabled)]);
        for old in ["pete@here.example", "@here.example"] {
            let both = moved(&[(old, "p@new.example")]).with("users", user("pete@here.example", "1"));
            assert_eq!(ids(&both, "relocated", old), ["PW162"], "{old}");
            assert_eq!(
                super::super::around::tests::ids(&both, "users", "pete@here.example"),
                ["PW227"],
                "{old}"
            );
            let off = moved(&[(old, "p@new.example")]).with("users", user("pete@here.example", "0"));
            assert!(ids(&off, "relocated", old).is_empty(), "{old}");
            let silent = moved(&[(old, "")]).with("users", user("pete@here.example", "1"));
            assert_eq!(ids(&silent, "relocated", old), ["PW164"], "{old}");
            assert!(ids(&silent, "users", "pete@here.example").is_empty(), "{old}");
        }
        let other =
            moved(&[("pete@here.example", "p@new.example")]).with("users", user("ann@here.example", "1"));
        assert!(ids(&other, "relocated", "pete@here.example").is_empty());
    }

    #[test]
    fn a_relocation_of_others_stops_outgoing_mail() {
        let tables = moved(&[
            ("boss@far.example", "b@new.example"),
            ("pete@here.example", "p@new.example"),
        ])
        .with(
            "domains",
            row("domains", &[("domain", "far.example"), ("enabled", "0")]),
        );
        assert_eq!(ids(&tables, "relocated", "boss@far.example"), ["PW163"]);
        assert!(ids(&tables, "relocated", "pete@here.example").is_empty());
        let relayed = moved(&[("boss@far.example", "b@new.example")]).with(
            "backups",
            row("backups", &[("domain", "far.example"), ("transport", "")]),
        );
        assert!(ids(&relayed, "relocated", "boss@far.example").is_empty());
    }

    #[test]
    fn a_relocation_leads_to_somewhere_else() {
        let tables = moved(&[
            ("same@here.example", "Same@here.example"),
            ("none@here.example", " "),
            ("a@here.example", "b@here.example"),
            ("b@here.example", "c@here.example"),
            ("c@here.example", "a@here.example"),
            ("into@here.example", "a@here.example"),
            ("phone@here.example", "+44 20 7946 0000"),
            ("pete@here.example", "p@new.example"),
        ]);
        for (old, expected) in [
            ("same", &["PW164"][..]),
            ("none", &["PW164"]),
            ("a", &["PW164"]),
            ("b", &["PW164"]),
            ("c", &["PW164"]),
            ("into", &[]),
            ("phone", &[]),
            ("pete", &[]),
        ] {
            assert_eq!(
                ids(&tables, "relocated", &format!("{old}@here.example")),
                expected,
                "{old}"
            );
        }
        let told = finding(&tables, "relocated", "b@here.example", "PW164");
        let circle = "`b@here.example` → `c@here.example` → `a@here.example` → `b@here.example`";
        assert!(told.message.contains(circle), "{told:?}");
    }

    #[test]
    fn the_text_of_a_relocation_is_read_as_it_stands() {
        let tables = moved(&[
            ("@here.example", "@new.example"),
            ("umlaut@here.example", "Straße 5"),
            ("unseen@here.example", "line1\nline2"),
            ("pete@here.example", "new.example"),
        ]);
        assert_eq!(ids(&tables, "relocated", "@here.example"), ["PW165"]);
        assert_eq!(ids(&tables, "relocated", "umlaut@here.example"), ["PW231"]);
        let unseen = finding(&tables, "relocated", "unseen@here.example", "PW231");
        assert!(unseen.message.contains("`unseen@here.example`"), "{unseen:?}");
        assert!(!unseen.message.contains("never matches"), "{unseen:?}");
        assert!(ids(&tables, "relocated", "pete@here.example").is_empty());
    }
}
