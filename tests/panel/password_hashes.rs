//! The hashes of mailbox passwords, checked by those who will check them: Dovecot, and crypt(3) of libcrypt.

use std::process::{Command, Stdio};

use postwarden::mail::{MailboxPassword, PasswordScheme};

const SCHEMES: [PasswordScheme; 3] = [
    PasswordScheme::Sha512Crypt,
    PasswordScheme::Bcrypt,
    PasswordScheme::Argon2id,
];

/// Passwords of every kind and length, with the longest each scheme takes.
fn passwords(scheme: PasswordScheme) -> Vec<MailboxPassword> {
    let longest = if scheme == PasswordScheme::Bcrypt { 72 } else { 256 };
    let typed = [
        "x".to_owned(),
        "correct horse battery".to_owned(),
        " $6$ 'quoted\" \\ %u ".to_owned(),
        "pässwörd 日本".to_owned(),
        "y".repeat(longest),
    ];
    typed
        .iter()
        .map(|text| MailboxPassword::parse(scheme, text).expect("accepted"))
        .chain([MailboxPassword::generate()])
        .collect()
}

/// Whether Dovecot lets the password in. A hash without a prefix is crypt(3)'s, as with
/// `default_pass_scheme = CRYPT`.
pub fn dovecot_accepts(hash: &str, password: &str) -> bool {
    let hash = if hash.starts_with('{') {
        hash.to_owned()
    } else {
        format!("{{CRYPT}}{hash}")
    };
    let output = Command::new("doveadm")
        .args(["pw", "-t", &hash, "-p", password])
        .stdin(Stdio::null())
        .output()
        .expect("doveadm runs: scripts/setup test installs it");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // It fails in other ways too, and those must not pass for a wrong password.
    assert!(
        said.contains("(verified)") || said.contains("Password mismatch"),
        "{said}"
    );
    assert_eq!(output.status.success(), said.contains("(verified)"), "{said}");
    output.status.success()
}

/// Whether crypt(3) makes the same hash of the password; perl-base, which every Debian has, calls it.
pub fn libcrypt_accepts(hash: &str, password: &str) -> bool {
    let output = Command::new("perl")
        .args([
            "-e",
            "print crypt($ARGV[0], $ARGV[1]) // ''",
            "--",
            password,
            hash,
        ])
        .output()
        .expect("perl runs");
    assert!(output.status.success(), "{output:?}");
    output.stdout == hash.as_bytes()
}

#[test]
fn dovecot_lets_in_who_knows_the_password_and_nobody_else() {
    for scheme in SCHEMES {
        for password in passwords(scheme) {
            let hash = password.hash(scheme).expect("a hash");
            assert!(dovecot_accepts(hash.as_str(), password.as_str()), "{scheme:?}");
            let mut short = password.as_str().to_owned();
            short.pop();
            for wrong in [short.as_str(), "correct horse batterz", "ChangeMe"] {
                assert!(!dovecot_accepts(hash.as_str(), wrong), "{scheme:?}");
            }
        }
    }
}

#[test]
fn dovecot_knows_the_hashes_by_the_names_of_their_own_schemes() {
    for (scheme, prefix) in [
        (PasswordScheme::Sha512Crypt, "{SHA512-CRYPT}"),
        (PasswordScheme::Bcrypt, "{BLF-CRYPT}"),
    ] {
        let password = MailboxPassword::generate();
        let hash = format!("{prefix}{}", password.hash(scheme).expect("a hash").as_str());
        assert!(dovecot_accepts(&hash, password.as_str()), "{scheme:?}");
        assert!(!dovecot_accepts(&hash, "wrong"), "{scheme:?}");
    }
}

#[test]
fn libcrypt_knows_sha512_crypt_and_bcrypt() {
    for scheme in [PasswordScheme::Sha512Crypt, PasswordScheme::Bcrypt] {
        for password in passwords(scheme) {
            let hash = password.hash(scheme).expect("a hash");
            assert!(libcrypt_accepts(hash.as_str(), password.as_str()), "{scheme:?}");
            assert!(
                !libcrypt_accepts(hash.as_str(), "correct horse batterz"),
                "{scheme:?}"
            );
        }
    }
}
