//! Passwords and quotas of mailboxes as other panels keep them.

use crate::mail::{StoredPassword, describe_stored};

/// The column and the value of a password. `hashed` says that the panel keeps hashes alone; otherwise what does not look
/// like one is a password as people type it.
pub(super) fn password(text: &str, hashed: bool) -> (&'static str, String) {
    let scheme = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    if let Some((scheme, rest)) = scheme {
        let scheme = scheme.to_ascii_uppercase();
        if ["PLAIN", "CLEAR", "CLEARTEXT"].contains(&scheme.as_str()) {
            return ("password", rest.to_owned());
        }
        // The howto's Dovecot takes what has no scheme for crypt(3)'s.
        let is_crypt = scheme == "CRYPT" || scheme.ends_with("-CRYPT");
        let kind = describe_stored(rest);
        let known = !matches!(
            kind,
            StoredPassword::Unknown | StoredPassword::None | StoredPassword::Locked
        );
        if is_crypt && known {
            return ("crypt", rest.to_owned());
        }
        return ("crypt", text.to_owned());
    }
    let is_md5 = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match describe_stored(text) {
        // `$CONF['encrypt'] = 'md5'` of PostfixAdmin.
        StoredPassword::Unknown if hashed && is_md5 => ("crypt", format!("{{PLAIN-MD5}}{text}")),
        // Thirteen letters may be DES as well as a password: only a panel that hashes says which.
        StoredPassword::Unknown
        | StoredPassword::Des
        | StoredPassword::HowtoDefault
        | StoredPassword::Locked
            if !hashed =>
        {
            ("password", text.to_owned())
        }
        // The scheme of these is not told by crypt(3), which Dovecot would ask.
        StoredPassword::Argon2id => ("crypt", format!("{{ARGON2ID}}{text}")),
        StoredPassword::Argon2i => ("crypt", format!("{{ARGON2I}}{text}")),
        _ => ("crypt", text.to_owned()),
    }
}

/// A password that is stored hashed, as it goes into `users.crypt`; `None` for one that can be read.
pub(crate) fn hash_of(text: &str) -> Option<String> {
    match password(text, true) {
        ("crypt", hash) if describe_stored(&hash) != StoredPassword::Unknown => Some(hash),
        _ => None,
    }
}

/// A quota as the howto writes it, `10485760S`, of a number of units of so many bytes; empty for none. What is no number
/// stays as it is.
pub(crate) fn quota(text: &str, unit: u64) -> String {
    match text.trim().parse::<i64>() {
        Ok(number) => match u64::try_from(number).unwrap_or(0).saturating_mul(unit) {
            0 => String::new(),
            bytes => format!("{bytes}S"),
        },
        Err(_) if text.trim().eq_ignore_ascii_case("unlimited") => String::new(),
        Err(_) => text.trim().to_owned(),
    }
}

/// An address, of which the domain may stand in a field of its own.
pub(super) fn with_domain(local: &str, domain: Option<&str>) -> String {
    match domain {
        Some(domain) if !local.contains('@') => format!("{local}@{domain}"),
        _ => local.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_stays_a_hash_and_loses_only_the_scheme_that_dovecot_needs_no_more() {
        for (text, hashed, column, value) in [
            ("{CRYPT}$6$a$b", true, "crypt", "$6$a$b"),
            ("{BLF-CRYPT}$2y$10$x", false, "crypt", "$2y$10$x"),
            ("{SHA512-CRYPT}$6$a$b", false, "crypt", "$6$a$b"),
            ("{SSHA256}xyz", true, "crypt", "{SSHA256}xyz"),
            ("{SHA256-CRYPT}unknown", true, "crypt", "{SHA256-CRYPT}unknown"),
            (
                "{ARGON2ID}$argon2id$v=19$x",
                true,
                "crypt",
                "{ARGON2ID}$argon2id$v=19$x",
            ),
            ("$argon2id$v=19$x", true, "crypt", "{ARGON2ID}$argon2id$v=19$x"),
            ("$1$a$b", false, "crypt", "$1$a$b"),
            (
                "5ebe2294ecd0e0f08eab7690d2a6ee69",
                true,
                "crypt",
                "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
            ),
            ("abJnggxhB/yWI", true, "crypt", "abJnggxhB/yWI"),
            ("abJnggxhB/yWI", false, "password", "abJnggxhB/yWI"),
            ("{PLAIN}secret", true, "password", "secret"),
            ("secret", false, "password", "secret"),
        ] {
            assert_eq!(password(text, hashed), (column, value.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_quota_is_bytes() {
        assert_eq!(quota("10485760", 1), "10485760S");
        assert_eq!(quota(" 10 ", 1024 * 1024), "10485760S");
        for none in ["0", "-1", "unlimited"] {
            assert_eq!(quota(none, 1024), "", "{none}");
        }
        assert_eq!(quota("1G", 1024), "1G");
        assert_eq!(
            quota("9223372036854775807", 1024 * 1024),
            format!("{}S", u64::MAX)
        );
    }
}
