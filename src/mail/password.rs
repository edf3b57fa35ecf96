//! Passwords of mailboxes: what a person may choose, the hashes IMAP and SMTP sign-in checks, and what an
//! already stored hash is.
//!
//! Postfix never reads them. Dovecot does, and through it Postfix's SASL; whatever asks libcrypt (pam, other
//! panels) knows every scheme made here but Argon2id.

use std::fmt;

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha_crypt::ShaCrypt;

use super::{Caution, Fault};
use crate::error::{Error, Result};

/// What bcrypt reads of a password, in bytes; it ignores the rest in silence.
const LONGEST_BCRYPT: usize = 72;
/// The longest password of the other schemes, in bytes: well within what libcrypt takes (512).
const LONGEST: usize = 256;
/// Passwords with fewer characters are remarked upon.
const SHORT: usize = 10;
/// The password every row of the howto starts with, and its DES hash, the default of `users.crypt`
/// (docs/postfix.md rule 54).
const HOWTO_PASSWORD: &str = "ChangeMe";
const HOWTO_HASH: &str = "sdtrusfX0Jj66";
/// Two to the power of this many rounds, the least OWASP recommends: a mail program signs in for every
/// connection.
const BCRYPT_COST: u32 = 10;
/// Written as 16 characters, the longest salt libcrypt and Dovecot read.
const SHA512_SALT: usize = 12;
/// The rounds sha-crypt has when none are written.
const DEFAULT_ROUNDS: &str = "rounds=5000$";

/// How the password of a mailbox is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordScheme {
    /// `$6$…`, 5000 rounds: libcrypt and every Dovecot know it.
    #[default]
    Sha512Crypt,
    /// `$2y$10$…`: libcrypt since Debian 11 and Dovecot 2.3 know it.
    Bcrypt,
    /// `{ARGON2ID}$argon2id$…`: for Dovecot alone, built with libsodium as Debian's is. libcrypt does not know it,
    /// hence Dovecot's prefix.
    Argon2id,
}

impl PasswordScheme {
    /// The longest password in bytes.
    fn longest(self) -> usize {
        match self {
            Self::Bcrypt => LONGEST_BCRYPT,
            Self::Sha512Crypt | Self::Argon2id => LONGEST,
        }
    }
}

/// A password for a mailbox, exactly as typed.
#[derive(Clone, PartialEq, Eq)]
pub struct MailboxPassword(String);

impl MailboxPassword {
    /// Takes what was typed, without trimming or normalising anything.
    ///
    /// # Errors
    /// Nothing typed, control characters, more than the scheme reads (72 bytes for bcrypt, 256 otherwise), and
    /// `ChangeMe`, the howto's default. No message repeats the password.
    pub fn parse(scheme: PasswordScheme, input: &str) -> Result<Self, Fault> {
        let longest = scheme.longest();
        let message = if input.is_empty() {
            "The password is empty. Dovecot refuses every sign-in with an empty one. Write a password, or \
             have one made."
                .to_owned()
        } else if let Some(place) = input.chars().position(char::is_control) {
            format!(
                "Character {} of the password is a control character, such as a tab or a line break. Few mail \
                 programs can send it, so nobody could sign in. Leave it out.",
                place + 1
            )
        } else if input.eq_ignore_ascii_case(HOWTO_PASSWORD) {
            format!(
                "`{HOWTO_PASSWORD}` is the password every mailbox of the howto starts with, and the first one \
                 that is tried. Write another, or have one made."
            )
        } else if input.len() > longest {
            let why = match scheme {
                PasswordScheme::Bcrypt => {
                    "bcrypt ignores what comes after it, so a shorter one would open the mailbox"
                }
                PasswordScheme::Sha512Crypt | PasswordScheme::Argon2id => {
                    "some servers and mail programs cut longer ones off"
                }
            };
            format!(
                "The password is {} bytes long. The limit is {longest}: {why}. Shorten it.",
                input.len()
            )
        } else {
            return Ok(Self(input.to_owned()));
        };
        Err(Fault::new(message))
    }

    /// A password to hand out: five groups of four from an alphabet without look-alikes, 98 bits.
    #[must_use]
    pub fn generate() -> Self {
        const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
        let mut random = rand::rng();
        let groups: Vec<String> = (0..5)
            .map(|_| {
                (0..4)
                    .map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]))
                    .collect()
            })
            .collect();
        Self(groups.join("-"))
    }

    /// The password itself: to be shown once, never stored or logged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is accepted but may lock somebody out, or let somebody in. All are remarks.
    #[must_use]
    pub fn cautions(&self) -> Vec<Caution> {
        let mut found = Vec::new();
        let length = self.0.chars().count();
        if length < SHORT {
            found.push(Caution::remark(format!(
                "The password has fewer than {SHORT} characters. Mail servers are tried with guessed passwords \
                 all day long, and Dovecot lets everybody try. Use a longer one, such as four words."
            )));
        }
        if !self.0.is_ascii() {
            found.push(Caution::remark(
                "The password has a letter outside ASCII. Mail programs encode it in different ways, so it may \
                 work on one device and not on another. Use unaccented letters, digits and signs.",
            ));
        }
        if self.0.trim().len() < self.0.len() {
            found.push(Caution::remark(
                "The password begins or ends with a space, which is part of it. Most people will leave it out \
                 when they type it. Take it away if it was pasted by mistake.",
            ));
        }
        found
    }

    /// Hashes the password with a new salt. Blocks for up to a tenth of a second of pure computing, and takes 19
    /// MiB for Argon2id: call it where blocking is allowed, and bound how many run at once.
    ///
    /// # Errors
    /// The system has no randomness, or the password was parsed for another scheme and is too long for this one.
    pub fn hash(&self, scheme: PasswordScheme) -> Result<PasswordHash> {
        let failed = |cause: &dyn fmt::Display| Error::unexpected("hashing the password of a mailbox", cause);
        let bytes = self.0.as_bytes();
        if bytes.len() > scheme.longest() {
            return Err(failed(&format_args!("{scheme:?} does not read all of it")));
        }
        let hash = match scheme {
            PasswordScheme::Sha512Crypt => {
                let salt: [u8; SHA512_SALT] = rand::random();
                let hash = ShaCrypt::SHA512
                    .hash_password_with_salt(bytes, &salt)
                    .map_err(|e| failed(&e))?;
                // The rounds are not part of what is hashed.
                hash.as_str().replacen(DEFAULT_ROUNDS, "", 1)
            }
            PasswordScheme::Bcrypt => bcrypt::hash_with_result(bytes, BCRYPT_COST)
                .map_err(|e| failed(&e))?
                .format_for_version(bcrypt::Version::TwoY),
            PasswordScheme::Argon2id => {
                let hash = Argon2::default().hash_password(bytes).map_err(|e| failed(&e))?;
                format!("{{ARGON2ID}}{hash}")
            }
        };
        Ok(PasswordHash(hash))
    }
}

impl fmt::Debug for MailboxPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailboxPassword(…)")
    }
}

/// The hash of a mailbox password, as stored in `users.crypt`: at most 128 characters of ASCII. Made by
/// [`MailboxPassword::hash`], or taken from a mailbox as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// What another mailbox has stored, whatever it is: the same password signs in to both.
    #[must_use]
    pub fn kept(stored: &str) -> Self {
        Self(stored.to_owned())
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What kind of password a row holds: enough to show and to warn, and nothing of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredPassword {
    /// Empty: Dovecot lets nobody in.
    None,
    /// Begins with `!` or `*`, which no password hashes to.
    Locked,
    /// The default of the howto's column, the hash of `ChangeMe` (docs/postfix.md rule 54).
    HowtoDefault,
    /// Not hashed at all.
    Plain,
    /// The oldest crypt(3), or its extension that begins with `_`.
    Des,
    /// `$1$`.
    Md5Crypt,
    /// `$5$`.
    Sha256Crypt,
    /// `$6$`.
    Sha512Crypt,
    /// `$2y$` and its relatives.
    Bcrypt,
    /// `$y$`, Debian's own since 11.
    Yescrypt,
    /// `$argon2i$`.
    Argon2i,
    /// `$argon2id$`.
    Argon2id,
    /// One of Dovecot's schemes that take many rounds: PBKDF2, SCRAM.
    ManyRounds,
    /// One of Dovecot's schemes of one round, such as `{SHA256}`, `{SSHA}` or `{PLAIN-MD5}`.
    OneRound,
    /// Nothing the panel knows; perhaps a password that was never hashed.
    Unknown,
}

impl StoredPassword {
    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Locked => "locked",
            Self::HowtoDefault => "the howto's default ChangeMe",
            Self::Plain => "plain text",
            Self::Des => "traditional DES (first 8 characters only)",
            Self::Md5Crypt => "MD5-crypt",
            Self::Sha256Crypt => "SHA256-CRYPT",
            Self::Sha512Crypt => "SHA512-CRYPT",
            Self::Bcrypt => "bcrypt",
            Self::Yescrypt => "yescrypt",
            Self::Argon2i => "Argon2i",
            Self::Argon2id => "Argon2id",
            Self::ManyRounds => "PBKDF2 or SCRAM",
            Self::OneRound => "a hash of one round",
            Self::Unknown => "unknown",
        }
    }

    /// Whether whoever knows the stored text, or the howto, soon knows the password: a new one should be set.
    #[must_use]
    pub fn is_weak(self) -> bool {
        match self {
            Self::HowtoDefault
            | Self::Plain
            | Self::Des
            | Self::Md5Crypt
            | Self::OneRound
            | Self::Unknown => true,
            Self::None
            | Self::Locked
            | Self::Sha256Crypt
            | Self::Sha512Crypt
            | Self::Bcrypt
            | Self::Yescrypt
            | Self::Argon2i
            | Self::Argon2id
            | Self::ManyRounds => false,
        }
    }
}

impl fmt::Display for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Tells what kind of password a stored `users.crypt` is, with or without one of Dovecot's `{SCHEME}` prefixes.
#[must_use]
pub fn describe_stored(crypt: &str) -> StoredPassword {
    let (scheme, hash) = dovecot_scheme(crypt.trim());
    // Of the schemes only crypt(3)'s and Argon2's are known by the hash: PBKDF2's begins with `$1$` as well.
    let by_hash = ["", "CRYPT"].contains(&scheme.as_str())
        || scheme.ends_with("-CRYPT")
        || scheme.starts_with("ARGON2");
    if let Some(kind) = by_prefix(hash).filter(|_| by_hash) {
        return kind;
    }
    match scheme.as_str() {
        "" | "CRYPT" | "DES-CRYPT" if hash == HOWTO_HASH => StoredPassword::HowtoDefault,
        _ if hash.is_empty() => StoredPassword::None,
        "PLAIN" | "CLEAR" | "CLEARTEXT" | "PLAIN-TRUNC" => StoredPassword::Plain,
        "" if hash.starts_with(['!', '*']) => StoredPassword::Locked,
        "" | "CRYPT" | "DES-CRYPT" if is_des(hash) => StoredPassword::Des,
        "PBKDF2" | "SCRAM-SHA-1" | "SCRAM-SHA-256" => StoredPassword::ManyRounds,
        "MD5" | "SMD5" | "LDAP-MD5" | "PLAIN-MD4" | "PLAIN-MD5" | "CRAM-MD5" | "DIGEST-MD5" | "HMAC-MD5"
        | "SHA" | "SHA1" | "SSHA" | "SHA256" | "SSHA256" | "SHA512" | "SSHA512" => StoredPassword::OneRound,
        _ => StoredPassword::Unknown,
    }
}

/// Takes off `{SCHEME}` or `{SCHEME.encoding}`: the scheme in capitals, and the rest.
fn dovecot_scheme(text: &str) -> (String, &str) {
    text.strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .map_or((String::new(), text), |(scheme, hash)| {
            let scheme = scheme.split('.').next().unwrap_or_default();
            (scheme.to_ascii_uppercase(), hash)
        })
}

fn by_prefix(hash: &str) -> Option<StoredPassword> {
    let id = hash.strip_prefix('$')?.split('$').next()?;
    match id {
        "1" => Some(StoredPassword::Md5Crypt),
        "5" => Some(StoredPassword::Sha256Crypt),
        "6" => Some(StoredPassword::Sha512Crypt),
        "2" | "2a" | "2b" | "2x" | "2y" => Some(StoredPassword::Bcrypt),
        "y" => Some(StoredPassword::Yescrypt),
        "argon2i" => Some(StoredPassword::Argon2i),
        "argon2id" => Some(StoredPassword::Argon2id),
        _ => None,
    }
}

fn is_des(hash: &str) -> bool {
    let extended = hash.len() == 20 && hash.starts_with('_');
    let digits = if extended { &hash[1..] } else { hash };
    (extended || hash.len() == 13)
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"./".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [PasswordScheme; 3] = [
        PasswordScheme::Sha512Crypt,
        PasswordScheme::Bcrypt,
        PasswordScheme::Argon2id,
    ];

    fn password(text: &str) -> MailboxPassword {
        MailboxPassword::parse(PasswordScheme::default(), text).expect(text)
    }

    #[test]
    fn a_password_is_taken_as_typed() {
        for text in [
            "correct horse",
            " spaces around ",
            "pässwörd",
            "e\u{301}",
            "日本語",
        ] {
            for scheme in SCHEMES {
                let parsed = MailboxPassword::parse(scheme, text).expect(text);
                assert_eq!(parsed.as_str(), text);
            }
        }
    }

    #[test]
    fn what_cannot_be_typed_or_is_known_to_everybody_is_refused_without_repeating_it() {
        for (text, part) in [
            ("", "empty"),
            ("secret\tword", "Character 7"),
            ("secret\n", "control character"),
            ("ChangeMe", "howto"),
            ("changeme", "howto"),
        ] {
            let fault = MailboxPassword::parse(PasswordScheme::default(), text).expect_err(text);
            assert!(fault.message().contains(part), "{text:?}: {fault}");
            assert!(!fault.message().contains("secret"), "{fault}");
        }
    }

    #[test]
    fn a_password_is_no_longer_than_the_scheme_reads() {
        for (scheme, longest) in SCHEMES.into_iter().zip([256, 72, 256]) {
            assert!(MailboxPassword::parse(scheme, &"x".repeat(longest)).is_ok());
            let fault = MailboxPassword::parse(scheme, &"x".repeat(longest + 1)).expect_err("too long");
            assert!(
                fault.message().contains(&format!("limit is {longest}")),
                "{fault}"
            );
        }
        assert!(
            MailboxPassword::parse(PasswordScheme::Bcrypt, &"é".repeat(37)).is_err(),
            "bytes count, not characters"
        );
        assert!(
            password(&"x".repeat(73)).hash(PasswordScheme::Bcrypt).is_err(),
            "never cut"
        );
    }

    #[test]
    fn a_doubtful_password_is_remarked_upon() {
        let cases: &[(&str, &[&str])] = &[
            ("long enough", &[]),
            ("123456789", &["fewer than 10"]),
            ("ééééééééé", &["fewer than 10", "outside ASCII"]),
            ("pässwörter", &["outside ASCII"]),
            ("long enough ", &["space"]),
        ];
        for (text, parts) in cases {
            let cautions = password(text).cautions();
            assert_eq!(cautions.len(), parts.len(), "{text:?}: {cautions:?}");
            for (caution, part) in cautions.iter().zip(*parts) {
                assert!(
                    !caution.confirm && caution.message.contains(part),
                    "{text:?}: {caution:?}"
                );
            }
        }
    }

    #[test]
    fn a_generated_password_can_be_typed_and_is_accepted() {
        let made = MailboxPassword::generate();
        assert_ne!(made, MailboxPassword::generate());
        assert_eq!(made.as_str().len(), 24);
        assert_eq!(made.cautions(), []);
        for scheme in SCHEMES {
            assert_eq!(MailboxPassword::parse(scheme, made.as_str()).as_ref(), Ok(&made));
        }
        assert!(!made.as_str().contains(['0', '1', 'o', 'l', 'i']));
    }

    #[test]
    fn a_hash_fits_the_column_is_salted_and_described() {
        for (scheme, start, length, kind) in [
            (
                PasswordScheme::Sha512Crypt,
                "$6$",
                106,
                StoredPassword::Sha512Crypt,
            ),
            (PasswordScheme::Bcrypt, "$2y$10$", 60, StoredPassword::Bcrypt),
            (
                PasswordScheme::Argon2id,
                "{ARGON2ID}$argon2id$v=19$",
                107,
                StoredPassword::Argon2id,
            ),
        ] {
            let longest = MailboxPassword::parse(scheme, &"x".repeat(scheme.longest())).expect("the longest");
            for password in [password("secret word"), longest] {
                let hash = password.hash(scheme).expect("a hash");
                assert!(hash.as_str().starts_with(start), "{scheme:?}");
                assert_eq!(hash.as_str().len(), length, "{scheme:?}: at most 128");
                assert_ne!(hash, password.hash(scheme).expect("another hash"), "salted");
                assert_eq!(describe_stored(hash.as_str()), kind);
                assert!(!kind.is_weak());
            }
        }
    }

    #[test]
    fn sha512_crypt_has_a_salt_of_16_characters_and_no_rounds() {
        let hash = password("secret word")
            .hash(PasswordScheme::Sha512Crypt)
            .expect("a hash");
        let fields: Vec<&str> = hash.as_str().split('$').collect();
        assert_eq!(fields.len(), 4);
        assert_eq!((fields[2].len(), fields[3].len()), (16, 86));
    }

    #[test]
    fn neither_password_nor_hash_is_printed() {
        let password = password("secret word");
        let hash = password.hash(PasswordScheme::Sha512Crypt).expect("a hash");
        assert_eq!(
            format!("{password:?} {hash:?}"),
            "MailboxPassword(…) PasswordHash(…)"
        );
    }

    #[test]
    fn a_stored_password_is_described() {
        let cases = [
            ("", "none", false),
            (" ", "none", false),
            ("{CRYPT}", "none", false),
            ("!", "locked", false),
            ("*", "locked", false),
            ("sdtrusfX0Jj66", "the howto's default ChangeMe", true),
            ("{CRYPT}sdtrusfX0Jj66", "the howto's default ChangeMe", true),
            ("{PLAIN}sdtrusfX0Jj66", "plain text", true),
            ("abJnggxhB/yWI", "traditional DES (first 8 characters only)", true),
            (
                "_J9..rasmBYk8r9AiWNc",
                "traditional DES (first 8 characters only)",
                true,
            ),
            ("$1$abcdefgh$irWbblnpmw.5z7wgBnprh0", "MD5-crypt", true),
            ("{MD5-CRYPT}$1$abcdefgh$irWbblnpmw.5z7wgBnprh0", "MD5-crypt", true),
            ("$5$salt$x", "SHA256-CRYPT", false),
            ("$6$rounds=100000$salt$x", "SHA512-CRYPT", false),
            ("{sha512-crypt}$6$salt$x", "SHA512-CRYPT", false),
            ("$2a$10$x", "bcrypt", false),
            ("{BLF-CRYPT}$2y$10$x", "bcrypt", false),
            ("$y$j9T$x$x", "yescrypt", false),
            ("$argon2id$v=19$m=65536,t=3,p=1$x$x", "Argon2id", false),
            ("{ARGON2I}$argon2i$v=19$m=65536,t=3,p=1$x$x", "Argon2i", false),
            ("{PBKDF2}$1$salt$5000$x", "PBKDF2 or SCRAM", false),
            ("{PLAIN}$6$not a hash", "plain text", true),
            ("{SSHA256.b64}xyz", "a hash of one round", true),
            (
                "{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69",
                "a hash of one round",
                true,
            ),
            ("{SCRAM-SHA-256}4096,x,x,x", "PBKDF2 or SCRAM", false),
            ("{WHAT}x", "unknown", true),
            ("$9$x", "unknown", true),
            ("hunter2", "unknown", true),
            ("thirteen-chars", "unknown", true),
            ("pässwörd-13", "unknown", true),
        ];
        for (crypt, name, weak) in cases {
            let kind = describe_stored(crypt);
            assert_eq!(
                (kind.to_string().as_str(), kind.is_weak()),
                (name, weak),
                "{crypt:?}"
            );
        }
    }

    #[test]
    fn a_scheme_is_named_in_settings() {
        for (scheme, name) in SCHEMES.into_iter().zip(["sha512-crypt", "bcrypt", "argon2id"]) {
            assert_eq!(serde_json::to_value(scheme).expect("a name"), name);
            assert_eq!(
                serde_json::from_value::<PasswordScheme>(name.into()).expect(name),
                scheme
            );
        }
        assert_eq!(PasswordScheme::default(), PasswordScheme::Sha512Crypt);
    }
}
