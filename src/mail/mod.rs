//! Checked values: the newtypes that every form, import and lint rule parses what was typed into.
//!
//! A value of one of these types can only be made by parsing, and holds the normalised form: trimmed,
//! lower-case, IDNA in ASCII. What Postfix would choke on, or would never match, is refused with a [`Fault`]
//! that says what was wrong, what Postfix would have done with it and how to mend it. Nothing here knows of
//! tables, rows or DNS.

mod access;
mod access_pattern;
mod address;
mod domain;
mod expansion;
mod maildir;
mod password;
mod replacement;
mod text;
mod transport;

use std::fmt;

pub use access::{AccessAction, AccessKind, AccessMessage, access_cautions};
pub use access_pattern::AccessPattern;
pub use address::{AddressPattern, Destinations, MailAddress, RelayStatus, items_of};
pub use domain::DomainName;
pub use expansion::{EXPANSION_LIMIT, Expansion, RECURSION_LIMIT, expand, expand_spelled};
pub use maildir::{Maildir, directory_named};
pub use password::{MailboxPassword, PasswordHash, PasswordScheme, StoredPassword, describe_stored};
pub use replacement::Replacement;
pub use text::{RelocationText, clean, in_ticks, number, undecorate, visible};
pub use transport::{Host, Reading, Surprise, Transport};

/// Why a value was refused: whole sentences, ready to be shown beside the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// Wraps a message, which should say what is wrong, what Postfix would do and how to mend it.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The message as plain text; values in it stand in backticks.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

/// Something an accepted value does that may not be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caution {
    /// Whether the save should ask first; otherwise it is a remark.
    pub confirm: bool,
    /// What will happen and what to write instead, in whole sentences.
    pub message: String,
}

impl Caution {
    /// A caution that has to be confirmed before the save.
    pub fn ask(message: impl Into<String>) -> Self {
        Self {
            confirm: true,
            message: message.into(),
        }
    }

    /// A caution that is said and stands in nobody's way.
    pub fn remark(message: impl Into<String>) -> Self {
        Self {
            confirm: false,
            message: message.into(),
        }
    }
}

/// The domain a stored value belongs to: what stands after its last `@`, or all of it; lower case.
pub fn domain_of(value: &str) -> String {
    value.rsplit('@').next().unwrap_or_default().trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_domain_after_its_last_at() {
        assert_eq!(domain_of("joe@x.example"), "x.example");
        assert_eq!(domain_of("@X.example"), "x.example");
        assert_eq!(domain_of("joe@mine.example@other.example"), "other.example");
        assert_eq!(domain_of("x.example "), "x.example");
    }

    #[test]
    fn a_fault_is_its_message() {
        let fault = Fault::new("what, why, how");
        assert_eq!(fault.message(), "what, why, how");
        assert_eq!(fault.to_string(), "what, why, how");
        assert_eq!(fault, Fault::new(String::from("what, why, how")));
    }
}
