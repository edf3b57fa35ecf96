//! What is granted to an owner: a domain, and how much of it.

use std::fmt;

use crate::mail::DomainName;

/// A domain that is an owner's, with limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The domain; not its subdomains.
    pub domain: DomainName,
    /// How much of it.
    pub limits: Limits,
}

/// How much of a domain is granted. The default is everything that owners may have.
#[expect(clippy::struct_excessive_bools, reason = "each is a right of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most rows of `aliases`; an alias of a mailbox to itself is not counted.
    pub aliases: Option<u32>,
    /// Most mailboxes.
    pub mailboxes: Option<u32>,
    /// Most destinations of one alias.
    pub members: Option<u32>,
    /// Whether aliases may lead out of the domains granted to the account.
    pub external: bool,
    /// Whether a catch-all may be set up.
    pub catch_all: bool,
    /// Transports that overrides may use; empty: no overrides; `None`: those the settings allow every owner.
    pub transports: Option<Vec<String>>,
    /// Whether relay recipients may be changed.
    pub relays: bool,
    /// Whether relocations may be changed.
    pub relocations: bool,
    /// Whether rules that block mail to an address may be changed.
    pub blocks: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            aliases: None,
            mailboxes: None,
            members: None,
            external: true,
            catch_all: true,
            transports: None,
            relays: true,
            relocations: true,
            blocks: true,
        }
    }
}

impl Grant {
    /// All of a domain.
    pub fn whole(domain: DomainName) -> Self {
        Self {
            domain,
            limits: Limits::default(),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = |count: Option<u32>, what: &str| count.map(|count| format!("{count} {what}"));
        let without = |allowed: bool, what: &str| (!allowed).then(|| format!("no {what}"));
        let overrides = self.transports.as_ref().map(|allowed| match allowed.as_slice() {
            [] => "no overrides".to_owned(),
            some => format!("overrides {}", some.join(" ")),
        });
        let parts: Vec<String> = [
            most(self.aliases, "aliases"),
            most(self.mailboxes, "mailboxes"),
            most(self.members, "members a list"),
            without(self.external, "external destinations"),
            without(self.catch_all, "catch-all"),
            overrides,
            without(self.relays, "relay recipients"),
            without(self.relocations, "relocations"),
            without(self.blocks, "block rules"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_in_words() {
        assert_eq!(Limits::default().to_string(), "none");
        let limits = Limits {
            aliases: Some(20),
            catch_all: false,
            transports: Some(Vec::new()),
            ..Limits::default()
        };
        assert_eq!(limits.to_string(), "20 aliases, no catch-all, no overrides");
    }
}
