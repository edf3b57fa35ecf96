//! Rules about `users.maildir`: 50 to 53, and what else is told of a directory.

use super::around::{named, quoted, refused};
use super::{Case, Finding, Mend, Rule, Severity};
use crate::mail::{Maildir, directory_named};
use crate::resource::Row;
use crate::route::Question;

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "PW150",
        severity: Severity::Error,
        tables: &["users"],
        title: "A directory without its final slash, or with white space around it",
        postfix: "It takes the path to the letter: mail goes into one file or is deferred for ever.",
        fix: "End the directory with a slash.",
        judge: no_slash,
    },
    Rule {
        id: "PW151",
        severity: Severity::Error,
        tables: &["users"],
        title: "A directory that is none of its own",
        postfix: "It takes a mailbox without a directory for unknown, 550; with `/` the directory all mailboxes are in is the \
                  mailbox, and an absolute path is looked for below that directory.",
        fix: "Write a directory such as `example.org/joe/`.",
        judge: no_directory,
    },
    Rule {
        id: "PW152",
        severity: Severity::Error,
        tables: &["users"],
        title: "A directory that leads out of the mailboxes",
        postfix: "With the howto's configuration it follows `..` and writes outside virtual_mailbox_base; with Postwarden's the \
                  mailbox is unknown.",
        fix: "Write the directory without `..`.",
        judge: upwards,
    },
    Rule {
        id: "PW153",
        severity: Severity::Error,
        tables: &["users"],
        title: "Mailboxes in the same directory",
        postfix: "It delivers both users' mail into one mailbox, and each reads the other's.",
        fix: "Give each mailbox a directory of its own.",
        judge: shared_directory,
    },
    Rule {
        id: "PW225",
        severity: Severity::Warning,
        tables: &["users"],
        title: "A directory that other programs read differently",
        postfix: "It makes a directory of the path as it stands; Dovecot or a shell may look into another.",
        fix: "Rename the directory, on disk and here.",
        judge: odd_directory,
    },
];

/// The directory of a mailbox that Postfix sees; empty for NULL.
fn directory<'c>(case: &Case<'c>) -> Option<&'c str> {
    (case.row.is_enabled() && case.row.has("maildir")).then(|| case.row.text("maildir"))
}

/// Whether a path names no directory below the base.
fn names_none(path: &str) -> bool {
    path.trim().split('/').all(|name| ["", "."].contains(&name))
}

/// Whether a path leads out of the base.
fn leads_out(path: &str) -> bool {
    path.trim().split('/').any(|name| name == "..")
}

fn no_slash(case: &Case<'_>) -> Option<Finding> {
    let stored = directory(case)?;
    let is_exact = stored.trim() == stored && stored.ends_with('/');
    if is_exact || names_none(stored) || leads_out(stored) || stored.trim().starts_with('/') {
        return None;
    }
    let normal = Maildir::parse(stored).ok()?.to_string();
    Some(Finding::new(format!(
            "The howto's own configuration takes {} to the letter: without its final slash, or with white space around it, mail \
             goes into one file that IMAP does not see, or is deferred for ever.",
            quoted(stored)
        ), format!("Save it as `{normal}`.")).mended_by(Some(Mend::Set(vec![("maildir", normal)]))))
}

fn no_directory(case: &Case<'_>) -> Option<Finding> {
    let stored = directory(case)?;
    let write = case.address().map_or_else(
        || "such as `example.org/joe/`".to_owned(),
        |address| quoted(Maildir::propose(address).as_str()),
    );
    let fix = format!("Write a directory of its own, {write}.");
    if stored.trim().is_empty() {
        return Some(Finding::new(
            format!(
                "{} has no directory. Postfix takes such a mailbox for unknown and refuses its mail with 550.",
                quoted(&case.subject())
            ),
            fix,
        ));
    }
    if names_none(stored) {
        return Some(Finding::new(
            format!(
                "{} is the directory all mailboxes are in: the howto's own configuration delivers among them, and Postwarden's \
                 refuses the mail with 550.",
                quoted(stored)
            ),
            fix,
        ));
    }
    (stored.trim().starts_with('/') && !leads_out(stored)).then_some(())?;
    Some(Finding::new(
        format!(
            "{} begins with a slash. Postfix puts virtual_mailbox_base in front of it all the same, so the mail is somewhere else \
             than the path says.",
            quoted(stored)
        ),
        "Write the path below virtual_mailbox_base, without a slash in front.",
    ))
}

fn upwards(case: &Case<'_>) -> Option<Finding> {
    let stored = directory(case)?;
    leads_out(stored).then_some(())?;
    Some(Finding::new(
        format!(
            "{} has `..` in it, which leads out of the directory: the howto's own configuration lets Postfix write there, and \
             with Postwarden's it refuses the mail with 550.",
            quoted(stored)
        ),
        "Write the path without `..`.",
    ))
}

fn odd_directory(case: &Case<'_>) -> Option<Finding> {
    let stored = directory(case)?;
    if names_none(stored) || leads_out(stored) || stored.trim().starts_with('/') {
        return None;
    }
    Some(refused(&Maildir::parse(stored).err()?))
}

fn shared_directory(case: &Case<'_>) -> Option<Finding> {
    let plain = |row: &Row| directory_named(row.text("maildir"));
    let stored = directory(case)?;
    let own = plain(case.row);
    (!names_none(stored)).then_some(())?;
    let others: Vec<String> = case
        .tables
        .rows(&Question::Directory(own.clone()))
        .iter()
        .filter(|other| other.key != case.row.key && other.is_enabled() && plain(other) == own)
        .map(|other| other.text("id").to_owned())
        .collect();
    (!others.is_empty()).then_some(())?;
    Some(Finding::new(
        format!(
            "{} keeps its mail in {}, and so does {}: Postfix delivers both into one mailbox, and each reads the other's mail.",
            quoted(&case.subject()),
            quoted(&own),
            named(&others)
        ),
        "Give it a directory of its own.",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::{finding, ids, row, tables};
    use super::*;
    use crate::route::Snapshot;

    const JOE: &str = "joe@here.example";

    fn domains() -> Snapshot {
        tables(&[("domains", &[("domain", "here.example")])])
    }

    fn judged(maildir: &str) -> Vec<&'static str> {
        let values = [("id", JOE), ("maildir", maildir)];
        ids(&domains().with("users", row("users", &values)), "users", JOE)
    }

    #[test]
    fn a_directory_has_its_final_slash_and_is_one_of_its_own() {
        for (maildir, expected) in [
            ("joe/", &[][..]),
            ("here.example//joe/", &[]),
            ("joe", &["PW150"]),
            ("here.example/joe", &["PW150"]),
            ("joe/ ", &["PW150"]),
            ("joe/\n", &["PW150"]),
            (" joe/", &["PW150"]),
            ("", &["PW151"]),
            (" ", &["PW151"]),
            ("/", &["PW151"]),
            ("./", &["PW151"]),
            (".", &["PW151"]),
            ("/var/mail/joe/", &["PW151"]),
            ("../joe/", &["PW152"]),
            ("/x/../../joe/", &["PW152"]),
            ("..joe/", &[]),
            ("%u/", &["PW225"]),
            ("jo e/", &["PW225"]),
        ] {
            assert_eq!(judged(maildir), expected, "{maildir:?}");
        }
        let tables = domains().with("users", row("users", &[("id", JOE), ("maildir", "joe ")]));
        assert_eq!(
            finding(&tables, "users", JOE, "PW150").mend,
            Some(Mend::Set(vec![("maildir", "joe/".to_owned())]))
        );
        let lacking = domains().with("users", row("users", &[("id", JOE)]));
        assert!(ids(&lacking, "users", JOE).is_empty());
    }

    #[test]
    fn two_mailboxes_in_one_directory_read_each_others_mail() {
        let with = |other: &str, enabled: &str| {
            let values = [
                ("id", "mary@here.example"),
                ("maildir", other),
                ("enabled", enabled),
            ];
            domains()
                .with("users", row("users", &[("id", JOE), ("maildir", "blah/")]))
                .with("users", row("users", &values))
        };
        assert_eq!(ids(&with("blah/", "1"), "users", JOE), ["PW153"]);
        for same in ["/blah", "./blah/", "blah//", "blah/./", " blah/ "] {
            assert_eq!(ids(&with(same, "1"), "users", JOE), ["PW153"], "{same:?}");
        }
        let told = finding(&with("blah/", "1"), "users", JOE, "PW153");
        assert!(told.message.contains("`mary@here.example`"), "{told:?}");
        assert!(ids(&with("blah/", "0"), "users", JOE).is_empty());
        assert!(ids(&with("blah/mary/", "1"), "users", JOE).is_empty());
    }
}
