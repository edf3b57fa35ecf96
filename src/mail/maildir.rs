//! Where the mail of a mailbox is kept: `users.maildir`, a directory below `virtual_mailbox_base`.

use std::fmt;

use super::text::quote;
use super::{Fault, MailAddress};

/// The width of the howto's column, and the longest file name of most file systems (`NAME_MAX`).
const LONGEST: usize = 255;
/// What the names in a path may hold besides letters and digits.
const SIGNS: &str = "-_.+=@,~";
/// What a path that names the base directory of all mailboxes begins with, as far as it can be guessed.
const ROOTS: [&str; 6] = ["var", "home", "srv", "mnt", "data", "vmail"];

/// A maildir below `virtual_mailbox_base`, such as `shop.example/joe/`: names of plain ASCII, each followed by a slash.
///
/// The final slash makes it a maildir; without one virtual(8) writes a mailbox file, or defers the mail for ever
/// (docs/postfix.md rule 50).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Maildir(String);

impl Maildir {
    /// Parses what was typed: trims it, adds the final slash and takes out what names no directory (`./`, `//`).
    ///
    /// # Errors
    /// Paths that leave the base or are the base, and characters that Dovecot or a shell takes for something else
    /// (docs/postfix.md rules 51 and 52).
    pub fn parse(input: &str) -> Result<Self, Fault> {
        let text = input.trim();
        if text.starts_with('/') {
            return Err(absolute(text));
        }
        let names: Vec<&str> = names(text).collect();
        if names.is_empty() {
            return Err(Fault::new(format!(
                "{} Write a directory of its own, such as `shop.example/joe/`.",
                if text.is_empty() {
                    "The maildir is empty. Postfix takes such a mailbox for unknown and refuses its mail."
                        .to_owned()
                } else {
                    format!(
                        "{} is the directory all mailboxes are in. Postfix would deliver among them.",
                        quote(text)
                    )
                }
            )));
        }
        if let Some(message) = refusal(text, &names) {
            return Err(Fault::new(message));
        }
        Ok(Self(joined(&names)))
    }

    /// The directory proposed for an address: `shop.example/joe/`. What a maildir may not hold becomes `_`, so two
    /// odd addresses may share a proposal.
    #[must_use]
    pub fn propose(address: &MailAddress) -> Self {
        let local = address.local().replace(|c| !is_allowed(c), "_");
        Self(format!("{}/{local}/", address.domain()))
    }

    /// The path with its final slash, as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Maildir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directory a stored path names, without the slashes and `./` that name none: `./a//b/` and `a/b` are the same.
#[must_use]
pub fn directory_named(path: &str) -> String {
    names(path.trim_matches(' ')).collect::<Vec<_>>().join("/")
}

/// The names of directories in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !["", "."].contains(name))
}

fn joined(names: &[&str]) -> String {
    names.join("/") + "/"
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || SIGNS.contains(c)
}

fn absolute(text: &str) -> Fault {
    let names: Vec<&str> = names(text).collect();
    let is_whole = names.len() > 2 && names.first().is_some_and(|name| ROOTS.contains(name));
    let below = if is_whole {
        &names[names.len() - 2..]
    } else {
        &names[..]
    };
    let write = Maildir::parse(&below.join("/")).map_or_else(
        |_| "a path such as `shop.example/joe/`".to_owned(),
        |maildir| quote(maildir.as_str()),
    );
    Fault::new(format!(
        "{} begins with a slash. Postfix puts virtual_mailbox_base in front of it all the same, so the mail \
         would be somewhere else than the path says. Write {write}.",
        quote(text)
    ))
}

/// Why a path that names a directory is refused.
fn refusal(text: &str, names: &[&str]) -> Option<String> {
    let shown = quote(text);
    let length = joined(names).len();
    Some(if names.contains(&"..") {
        format!(
            "{shown} has `..` in it, which leads out of the directory. Postfix does not stop it and would write \
             there. Write the path without it, such as `shop.example/joe/`."
        )
    } else if let Some(c) = text.chars().find(|&c| c != '/' && !is_allowed(c)) {
        refused_character(&shown, c)
    } else if text.starts_with(['-', '~']) {
        format!(
            "{shown} begins with `{}`. A shell takes that for an option or a home directory, and so does \
             Dovecot with `~`, so the mail would be looked for in another place than Postfix writes to. Begin \
             with a letter or digit.",
            &text[..1]
        )
    } else if length > LONGEST {
        format!(
            "The maildir is {length} characters long and the column holds {LONGEST}: a path that is cut is \
             another directory. Shorten it."
        )
    } else {
        return None;
    })
}

fn refused_character(shown: &str, c: char) -> String {
    let (what, why) = match c {
        '%' => (
            "a `%`",
            "Dovecot expands `%u` and the like in paths, and reads another directory than Postfix writes to",
        ),
        ':' => (
            "a `:`",
            "in Dovecot's `mail_location` the path ends there, so it reads another directory than Postfix writes to",
        ),
        '\\' => (
            "a backslash",
            "it separates nothing here: Postfix makes it a part of the name, and scripts drop it",
        ),
        _ if !c.is_ascii() || c.is_control() || (c.is_whitespace() && c != ' ') => (
            "a character that is not printable ASCII",
            "Postfix makes a directory of its bytes, which looks like another one or cannot be typed",
        ),
        ' ' => (
            "a space",
            "Postfix makes a directory of that name, and scripts that back up or remove mail take it for two",
        ),
        _ => (
            "a sign",
            "a shell takes it for something else, so that a script that backs up or removes mail would act on \
             other files",
        ),
    };
    let what = if what == "a sign" {
        format!("a `{c}`")
    } else {
        what.to_owned()
    };
    format!(
        "{shown} has {what} in it: {why}. Write letters, digits and `{SIGNS}`, with slashes between names, such \
         as `shop.example/joe/`."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_maildir_ends_in_a_slash_and_names_directories_only() {
        for (input, stored) in [
            ("bloggs.com/mary/", "bloggs.com/mary/"),
            ("bloggs.com/mary", "bloggs.com/mary/"),
            (" xandros/\n", "xandros/"),
            ("a//b/", "a/b/"),
            ("./a/./b//", "a/b/"),
            ("A/Joe+x=y@z,_1.2-~/", "A/Joe+x=y@z,_1.2-~/"),
            ("a/.b/...", "a/.b/.../"),
        ] {
            let maildir = Maildir::parse(input).expect(input);
            assert_eq!(maildir.as_str(), stored);
            assert_eq!(maildir.to_string(), stored);
        }
    }

    #[test]
    fn what_loses_mail_is_refused_with_the_reason() {
        let long = "x/".repeat(128);
        let cases: &[(&str, &[&str])] = &[
            ("", &["empty", "refuses its mail", "`shop.example/joe/`"]),
            (" \n", &["empty"]),
            ("./", &["all mailboxes"]),
            (".", &["all mailboxes"]),
            ("/", &["slash", "such as"]),
            (
                "/bloggs.com/mary",
                &["virtual_mailbox_base", "Write `bloggs.com/mary/`."],
            ),
            ("/var/vmail/bloggs.com/mary/", &["Write `bloggs.com/mary/`."]),
            ("/../etc", &["slash", "such as"]),
            ("../evil/", &["`..`", "does not stop it"]),
            ("a/../../b", &["`..`"]),
            ("a/..", &["`..`"]),
            ("a\tb/", &["⟨tab⟩", "printable ASCII"]),
            ("a\u{200b}b/", &["printable ASCII"]),
            ("bücher.example/joe/", &["printable ASCII"]),
            ("a b/", &["a space"]),
            ("%d/%n/", &["a `%`", "Dovecot expands"]),
            ("a:b/", &["a `:`", "mail_location"]),
            ("a\\b/", &["backslash"]),
            ("a/$(x)/", &["a `$`", "shell"]),
            ("o'brien/", &["a `'`", "shell"]),
            ("~joe/", &["begins with `~`"]),
            ("-rf/", &["begins with `-`"]),
            (&long, &["256 characters", "255"]),
        ];
        for (input, parts) in cases {
            let fault = Maildir::parse(input).expect_err(input);
            for part in *parts {
                assert!(
                    fault.message().contains(part),
                    "{input:?} lacks {part:?}: {fault}"
                );
            }
        }
    }

    #[test]
    fn the_proposal_is_the_domain_and_the_user() {
        for (address, proposed) in [
            ("Joe@Shop.example", "shop.example/joe/"),
            ("o'brien+x@shop.example", "shop.example/o_brien+x/"),
            ("a/b%c$d@shop.example", "shop.example/a_b_c_d/"),
            ("joe@bücher.example", "xn--bcher-kva.example/joe/"),
        ] {
            let address = MailAddress::parse(address).expect(address);
            assert_eq!(Maildir::propose(&address).as_str(), proposed);
        }
    }

    #[test]
    fn the_longest_address_has_a_proposal() {
        let domain = format!("{}example.com", "abcdefg.".repeat(23));
        let address = format!("{}@{domain}", "a".repeat(254 - 1 - domain.len()));
        let proposed = Maildir::propose(&MailAddress::parse(&address).expect("254 characters"));
        assert_eq!(proposed.as_str().len(), LONGEST);
        assert_eq!(Maildir::parse(proposed.as_str()), Ok(proposed));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_proposal_is_always_accepted(
            input in "[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z]{1,9}(\\.[a-z0-9-]{1,9}){0,3}"
        ) {
            if let Ok(address) = MailAddress::parse(&input) {
                let proposed = Maildir::propose(&address);
                prop_assert_eq!(Maildir::parse(proposed.as_str()), Ok(proposed));
            }
        }

        #[test]
        fn a_stored_maildir_parses_to_itself_and_stays_below_the_base(input in "[a-zé./~% -]{0,12}|\\PC*") {
            if let Ok(maildir) = Maildir::parse(&input) {
                let text = maildir.as_str();
                prop_assert!(text.ends_with('/') && !text.starts_with('/') && !text.contains("//"));
                prop_assert!(text.split('/').all(|name| name != ".." && name != "."));
                prop_assert_eq!(Maildir::parse(text), Ok(maildir.clone()));
            }
        }
    }
}
