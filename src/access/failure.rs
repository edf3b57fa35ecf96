//! A sign-in that failed, as one line for fail2ban.
//!
//! ```text
//! 2026-11-22T07:40:01.123Z postwarden[812]: auth failure from 203.0.113.9 for "joe@bloggs.com": bad-password
//! ```
//! The address stands before anything the visitor typed, and what was typed is quoted and escaped, so that no name can
//! pass for another address or another line.

use std::fmt;
use std::io::Write;
use std::net::IpAddr;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// ISO 8601 with milliseconds, UTC.
const MOMENT: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Most characters of a name that are logged.
const LONGEST_NAME: usize = 128;

/// Why somebody could not sign in. Only the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no account of this name.
    UnknownName,
    /// The account has another password.
    BadPassword,
    /// The password is right and the account disabled.
    Disabled,
    /// The password is right and the account's time is over.
    Expired,
    /// The password was right, and the code of the second factor is not.
    BadCode,
    /// Too many attempts before this one: the password was not looked at.
    Throttled,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownName => "unknown-name",
            Self::BadPassword => "bad-password",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::BadCode => "bad-code",
            Self::Throttled => "throttled",
        })
    }
}

/// A sign-in that failed. Displayed, it is the line without time and program.
#[derive(Debug)]
pub struct Failure<'a> {
    /// The visitor's address, if it could be told.
    pub from: Option<IpAddr>,
    /// The name as it was typed.
    pub name: &'a str,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("auth failure from ")?;
        match self.from {
            Some(address) => write!(f, "{address}")?,
            None => f.write_str("unknown")?,
        }
        f.write_str(" for \"")?;
        for c in self.name.chars().take(LONGEST_NAME) {
            match c {
                '\'' => f.write_str("'")?,
                // Quotes, backslashes, control characters and whatever is not ASCII.
                _ => write!(f, "{}", c.escape_default())?,
            }
        }
        write!(f, "\": {}", self.reason)
    }
}

impl Failure<'_> {
    /// Writes the whole line to standard error, whatever the log's level: a filter that does not see failures bans
    /// nobody.
    pub fn print(&self) {
        let line = self.line(OffsetDateTime::now_utc(), std::process::id());
        // In one piece, so that it does not mix with others. A closed standard error is no reason for another error.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    fn line(&self, at: OffsetDateTime, process: u32) -> String {
        let at = at.format(MOMENT).unwrap_or_else(|_| "-".to_owned());
        format!("{at} postwarden[{process}]: {self}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> String {
        let failure = Failure {
            from: Some(IpAddr::from([203, 0, 113, 9])),
            name,
            reason: Reason::BadPassword,
        };
        failure.line(time::macros::datetime!(2026-11-22 07:40:01.1234 UTC), 812)
    }

    #[test]
    fn a_failure_is_the_line_that_fail2ban_reads() {
        assert_eq!(
            line("joe@bloggs.com"),
            "2026-11-22T07:40:01.123Z postwarden[812]: auth failure from 203.0.113.9 for \"joe@bloggs.com\": \
             bad-password\n"
        );
    }

    #[test]
    fn a_name_stays_one_quoted_word_on_one_line() {
        let quoted = |name: &str| {
            let line = line(name);
            let from = line.find(" for ").expect("the name") + 5;
            line[from..].trim_end_matches(": bad-password\n").to_owned()
        };
        assert_eq!(quoted("o'brien"), r#""o'brien""#);
        assert_eq!(
            quoted(r#"x": bad-password from 198.51.100.1"#),
            r#""x\": bad-password from 198.51.100.1""#
        );
        assert_eq!(quoted(r"back\slash\"), r#""back\\slash\\""#);
        assert_eq!(quoted("a\r\nb\tc\0"), r#""a\r\nb\tc\u{0}""#);
        assert_eq!(
            quoted("a\u{85}b\u{2028}c\u{202e}"),
            r#""a\u{85}b\u{2028}c\u{202e}""#
        );
        assert_eq!(quoted(&"x".repeat(1000)).len(), LONGEST_NAME + 2);
    }

    #[test]
    fn a_visitor_without_an_address_is_not_given_one() {
        let failure = Failure {
            from: None,
            name: "joe",
            reason: Reason::UnknownName,
        };
        assert_eq!(
            failure.to_string(),
            "auth failure from unknown for \"joe\": unknown-name"
        );
    }
}
