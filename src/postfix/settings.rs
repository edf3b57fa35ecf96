//! The settings of main.cf that make Postfix ask the lookup tables, each with its reason, and the files they are written
//! to.

use std::fmt::Write as _;

use super::{Account, MAPS, Map, Tables};

/// The file with the settings, to be taken into main.cf.
pub const MAIN_CF: &str = "main.cf.postwarden";

/// Longest line of a comment.
const WIDTH: usize = 100;

/// What stands for the password where it must not be seen.
const HIDDEN: &str = "PASSWORD";

/// One setting of main.cf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, postconf(5).
    pub name: &'static str,
    /// Its value; the parts of a long one, to be separated by commas.
    pub parts: Vec<String>,
    /// Why, in one line.
    pub reason: &'static str,
}

impl Setting {
    /// The value on one line.
    pub fn value(&self) -> String {
        self.parts.join(", ")
    }

    /// The lines of main.cf; a long value goes on in lines that begin with white space, never with a `\`.
    fn lines(&self) -> String {
        if self.parts.len() < 3 {
            return format!("{} = {}", self.name, self.value()).trim_end().to_owned();
        }
        format!("{} =\n    {}", self.name, self.parts.join(",\n    "))
    }

    /// The command that sets it, for a shell.
    pub fn command(&self) -> String {
        let text = format!("{} = {}", self.name, self.value());
        format!("postconf -e '{}'", text.trim_end())
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A whole configuration: what a Postfix needs to serve every row of the tables there are.
#[derive(Debug, Clone)]
pub struct Configuration {
    account: Account,
    tables: Tables,
}

impl Configuration {
    /// The configuration for these tables, with this account.
    pub fn new(account: Account, tables: Tables) -> Self {
        Self { account, tables }
    }

    /// The same with the password hidden, to be shown to people.
    #[must_use]
    pub fn without_password(mut self) -> Self {
        HIDDEN.clone_into(&mut self.account.password);
        self
    }

    /// The lookup tables, each with its query.
    pub fn maps(&self) -> impl Iterator<Item = (&'static Map, String)> {
        MAPS.iter()
            .filter_map(|map| map.query(&self.tables).map(|query| (map, query)))
    }

    /// The file of a lookup table.
    pub fn map_file(&self, map: &Map, query: &str) -> File {
        let account = &self.account;
        let mut text = comment(map.reason);
        let _ = writeln!(
            text,
            "# Named by {} in main.cf. Written by Postwarden; see mysql_table(5).\n",
            map.parameter
        );
        let lines = [
            (
                "The account Postfix signs in with; it needs nothing but to read.",
                "user",
                account.user.as_str(),
            ),
            (
                "Keep this file readable by root and group postfix alone.",
                "password",
                &account.password,
            ),
            ("The database the panel edits.", "dbname", &account.dbname),
            (
                "Where it is: inet: for TCP, since Debian's chrooted processes see no unix socket.",
                "hosts",
                &account.hosts,
            ),
        ];
        for (reason, name, value) in lines {
            let _ = writeln!(text, "# {reason}\n{}", format!("{name} = {value}").trim_end());
        }
        if let Some(file) = &account.tls_ca {
            let _ = writeln!(
                text,
                "# The server has to prove who it is.\ntls_CAfile = {file}\ntls_verify_cert = yes"
            );
        }
        let _ = writeln!(
            text,
            "# On one line and without quotes: Postfix passes it on as it stands.\nquery = {query}"
        );
        File {
            name: map.file(),
            text,
        }
    }

    /// The settings, in the order of main.cf.
    pub fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        if self.tables.has("aliases") {
            settings.push(Setting {
                name: "virtual_alias_domains",
                parts: Vec::new(),
                reason: "Empty: by default a bare domain among the aliases makes every mailbox of that domain unknown.",
            });
        }
        for &(name, reason) in LOOKUPS {
            let parts: Vec<String> = self
                .maps()
                .filter(|(map, _)| map.parameter == name)
                .map(|(map, _)| map.reference())
                .collect();
            if !parts.is_empty() {
                settings.push(Setting { name, parts, reason });
            }
        }
        settings.extend(FIXED.iter().map(|&(name, parts, reason)| Setting {
            name,
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            reason,
        }));
        settings.push(Setting {
            name: "smtpd_recipient_restrictions",
            parts: self.recipient_restrictions(),
            reason: "Moved and blocked addresses come first, for senders inside too; rules that may say OK come last.",
        });
        settings
    }

    fn recipient_restrictions(&self) -> Vec<String> {
        let mut parts = Vec::new();
        for step in RESTRICTIONS {
            match step {
                Step::Plain(word) => parts.push((*word).to_owned()),
                Step::Check(word, name) => {
                    if let Some((map, _)) = self.maps().find(|(map, _)| map.name == *name) {
                        parts.push(format!("{word} {}", map.reference()));
                    }
                }
            }
        }
        parts
    }

    /// main.cf.postwarden.
    pub fn main_cf(&self) -> File {
        let mut text = String::from(
            "# What main.cf needs for the tables that Postwarden edits. Take these lines into main.cf in place of those of the\n\
             # same names, or set them with `postconf -e`; add checks of your own (blocklists, greylisting) at the end of\n\
             # smtpd_recipient_restrictions. Where mailboxes lie (virtual_mailbox_base, virtual_uid_maps, virtual_gid_maps)\n\
             # and what delivers to them stays as you have it.\n",
        );
        for setting in self.settings() {
            let _ = write!(text, "\n# {}\n{}\n", setting.reason, setting.lines());
        }
        File {
            name: MAIN_CF.to_owned(),
            text,
        }
    }

    /// Every file, the settings last.
    pub fn files(&self) -> Vec<File> {
        self.maps()
            .map(|(map, query)| self.map_file(map, &query))
            .chain([self.main_cf()])
            .collect()
    }
}

/// A text as lines of a comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        if length == 0 || length + word.len() >= WIDTH {
            lines += if length == 0 { "#" } else { "\n#" };
            length = 1;
        }
        let _ = write!(lines, " {word}");
        length += word.len() + 1;
    }
    lines + "\n"
}

/// The parameters that name lookup tables and nothing else.
pub(super) const LOOKUPS: &[(&str, &str)] = &[
    ("virtual_mailbox_domains", "Domains hosted here."),
    ("virtual_mailbox_maps", "Mailboxes and their directories."),
    ("virtual_alias_maps", "Aliases, mailing lists and catch-alls."),
    ("relay_domains", "Domains this server is backup MX for."),
    (
        "relay_recipient_maps",
        "Which of their addresses exist; without a row of its own or of its @domain an address is refused.",
    ),
    (
        "transport_maps",
        "Servers of backup MX domains and overrides of one address, which editions of the howto keep in either table.",
    ),
    (
        "relocated_maps",
        "People who have moved, where an alias leads to them.",
    ),
];

/// Settings that are the same whatever tables there are: name, parts, reason.
const FIXED: &[(&str, &[&str], &str)] = &[
    (
        "parent_domain_matches_subdomains",
        &["smtpd_access_maps"],
        "Without relay_domains in it: a backup MX entry is for its domain alone, not for every subdomain.",
    ),
    (
        "recipient_delimiter",
        &["+"],
        "mary+shop@ reaches mary@, and a rule or relay recipient for mary@ holds for it too.",
    ),
    (
        "propagate_unmatched_extensions",
        &["canonical"],
        "Mail to list+x@ goes to the members, not to member+x@ of every member.",
    ),
    (
        "smtpd_relay_restrictions",
        &[
            "permit_mynetworks",
            "permit_sasl_authenticated",
            "reject_unauth_destination",
        ],
        "No open relay, whatever the rules below say.",
    ),
];

/// One restriction.
enum Step {
    Plain(&'static str),
    /// A check, and the lookup table it asks.
    Check(&'static str, &'static str),
}

const RESTRICTIONS: &[Step] = &[
    Step::Plain("reject_non_fqdn_recipient"),
    Step::Check("check_recipient_access", "moved"),
    Step::Check("check_recipient_access", "block_recip"),
    Step::Plain("permit_mynetworks"),
    Step::Plain("permit_sasl_authenticated"),
    Step::Plain("reject_unauth_destination"),
    Step::Check("check_client_access", "client_access"),
    Step::Check("check_sender_access", "sender_access"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(tables: Tables) -> Configuration {
        let url = "mysql://postfix:secret@127.0.0.1/maildb";
        Configuration::new(Account::from_url(url).expect("an account"), tables)
    }

    fn setting(configuration: &Configuration, name: &str) -> Option<String> {
        configuration
            .settings()
            .into_iter()
            .find(|s| s.name == name)
            .map(|s| s.value())
    }

    #[test]
    fn every_setting_has_a_reason_of_one_line_above_it() {
        let main = configuration(Tables::all()).main_cf().text;
        for setting in configuration(Tables::all()).settings() {
            assert!(!setting.reason.contains('\n') && !setting.reason.contains("  "));
            let above = format!("# {}\n{} =", setting.reason, setting.name);
            assert!(main.contains(&above), "{above}\n{main}");
            assert!(!setting.lines().contains('\\'));
        }
    }

    #[test]
    fn the_files_are_named_as_the_howto_names_them() {
        let names: Vec<String> = configuration(Tables::all())
            .files()
            .into_iter()
            .map(|f| f.name)
            .collect();
        for name in [
            "mailbox",
            "alias",
            "domains",
            "backups",
            "transport",
            "relays",
            "relocated",
            "block_recip",
        ] {
            assert!(names.contains(&format!("mysql_{name}.cf")), "{names:?}");
        }
        assert_eq!(names.iter().filter(|n| n.starts_with("main")).count(), 1);
    }

    #[test]
    fn what_the_database_lacks_is_not_configured() {
        let nobodys_backup = Tables::all().without("backups", None).without("relays", None);
        let without = configuration(nobodys_backup);
        assert_eq!(setting(&without, "relay_domains"), None);
        assert_eq!(setting(&without, "relay_recipient_maps"), None);
        assert_eq!(
            setting(&without, "transport_maps").as_deref(),
            Some("proxy:mysql:/etc/postfix/mysql_transport.cf")
        );
        let text: String = without.files().iter().map(|f| f.text.clone()).collect();
        assert!(!text.contains("FROM backups") && !text.contains("FROM relays"));

        let without = configuration(Tables::all().without("access_rules", None));
        let restrictions = setting(&without, "smtpd_recipient_restrictions").expect("restrictions");
        assert!(!restrictions.contains("check_client_access"), "{restrictions}");
        assert!(restrictions.contains("mysql_moved.cf"), "{restrictions}");
    }

    #[test]
    fn a_hidden_password_is_in_no_file() {
        let hidden = configuration(Tables::all()).without_password();
        for file in hidden.files() {
            assert!(!file.text.contains("secret"), "{}", file.name);
        }
    }

    #[test]
    fn nothing_is_set_for_parts_that_are_not_there() {
        let main = configuration(Tables::all()).main_cf().text;
        for word in [
            "check_policy_service",
            "autoreply",
            "recipient_bcc_maps",
            "\nvirtual_transport",
        ] {
            assert!(!main.contains(word), "{word}");
        }
    }
}
