//! The second factor: time-based one-time passwords (TOTP, RFC 6238) and recovery codes for the day the phone is gone.
//!
//! Codes have six digits, SHA-1 and 30 seconds, which is what every app understands. One from the step before or after
//! is taken too, for clocks that are a little off; that none is taken twice is up to the store.

use qrcode::QrCode;
use qrcode::render::svg;
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};

use crate::error::{Error, Result};

/// Bytes of a secret: as many as SHA-1 has (RFC 4226, requirement R6, recommends 20).
const SECRET_BYTES: usize = 20;

/// How many recovery codes a person gets.
pub const CODES: usize = 10;

/// Letters of recovery codes: none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Letters of a recovery code: 125 bits, which nobody finds from their hash, however fast it is made (OWASP ASVS 5.0, 6.5.2).
/// A slow hash would cost the time of ten sign-ins.
const LETTERS_OF_A_CODE: usize = 25;

/// Letters between two dashes.
const GROUP: usize = 5;

/// The hash of a recovery code.
pub type CodeHash = [u8; 32];

/// A secret that the panel shares with an app.
#[derive(Clone)]
pub struct SharedSecret(Vec<u8>);

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}

impl SharedSecret {
    /// A new one.
    pub fn generate() -> Self {
        Self(rand::random::<[u8; SECRET_BYTES]>().to_vec())
    }

    /// One that was stored.
    pub fn stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret to be typed, in groups of four (RFC 4648 base32).
    pub fn to_type(&self) -> String {
        let base32 = Secret::from(self.0.clone()).to_base32();
        let groups: Vec<&str> = base32
            .as_bytes()
            .chunks(4)
            .filter_map(|group| std::str::from_utf8(group).ok())
            .collect();
        groups.join(" ")
    }

    /// The `otpauth://` address of an account on this panel, for apps.
    ///
    /// # Errors
    /// A stored secret is no secret.
    pub fn address(&self, account: &str, host: &str) -> Result<String> {
        // A colon would end the name of the panel in the label.
        let issuer = format!("Postwarden {}", host.replace(':', " "));
        self.totp(account, Some(issuer))?
            .to_url()
            .map_err(|e| Error::unexpected("writing an otpauth address", e))
    }

    /// The address as a QR code: an SVG element, dark on light whatever the page's colours.
    ///
    /// # Errors
    /// As [`SharedSecret::address`].
    pub fn picture(address: &str) -> Result<String> {
        let code = QrCode::new(address).map_err(|e| Error::unexpected("drawing a QR code", e))?;
        let svg = code
            .render::<svg::Color>()
            .min_dimensions(220, 220)
            .dark_color(svg::Color("#000"))
            .light_color(svg::Color("#fff"))
            .build();
        // The declaration before the element belongs to files.
        Ok(svg.find("<svg").map_or(String::new(), |at| svg[at..].to_owned()))
    }

    /// The time step whose code this is, at this time in seconds since 1970; `None` where it is the code of none near.
    pub fn step_of(&self, code: &str, seconds: u64) -> Option<u64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        self.totp("", None).ok()?.check(&digits, seconds)
    }

    /// The code of a moment, as an app shows it.
    pub fn code_at(&self, seconds: u64) -> Option<String> {
        self.totp("", None)
            .ok()
            .map(|totp| totp.generate(seconds).to_string())
    }

    fn totp(&self, account: &str, issuer: Option<String>) -> Result<Totp> {
        Builder::new()
            .with_secret(self.0.clone())
            .with_account_name(account)
            .with_issuer(issuer)
            .build()
            .map_err(|e| Error::unexpected("reading the secret of a second factor", e))
    }
}

/// New recovery codes, as people write them down: `k3vd7-m2xqp-…`, five groups of five.
pub fn recovery_codes() -> Vec<String> {
    let code = || {
        let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
        let bytes = rand::random::<[u8; LETTERS_OF_A_CODE]>();
        let groups: Vec<String> = bytes
            .chunks(GROUP)
            .map(|group| group.iter().map(letter).collect())
            .collect();
        groups.join("-")
    };
    (0..CODES).map(|_| code()).collect()
}

/// What somebody typed, if it can be a recovery code: without dashes and blanks, in lower case.
pub fn as_recovery_code(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .flat_map(char::to_lowercase)
        .collect();
    let possible = code.len() == LETTERS_OF_A_CODE && code.bytes().all(|b| LETTERS.contains(&b));
    possible.then_some(code)
}

/// The hash of a recovery code, with the salt of its account.
pub fn hash_code(code: &str, salt: &[u8; 16]) -> CodeHash {
    let bare = as_recovery_code(code).unwrap_or_default();
    Sha256::new()
        .chain_update(salt)
        .chain_update(bare)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the secret `12345678901234567890`, SHA-1, last six of eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = SharedSecret::stored(b"12345678901234567890".to_vec());
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(seconds).as_deref(), Some(code));
            assert_eq!(secret.step_of(code, seconds), Some(seconds / 30));
        }
        assert_eq!(secret.step_of("287 082", 59), Some(1));
    }

    #[test]
    fn a_code_is_good_in_its_step_and_the_two_beside_it() {
        let secret = SharedSecret::generate();
        let code = secret.code_at(900).expect("a code");
        for (seconds, good) in [(869, false), (870, true), (900, true), (959, true), (960, false)] {
            assert_eq!(secret.step_of(&code, seconds).is_some(), good, "{seconds}");
        }
        for no_code in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(secret.step_of(no_code, 900), None, "{no_code}");
        }
    }

    #[test]
    fn an_address_names_the_panel_and_the_account() {
        let secret = SharedSecret::stored(b"12345678901234567890".to_vec());
        let address = secret
            .address("joe@bloggs.com", "mail.example.com:8443")
            .expect("an address");
        assert!(
            address.starts_with("otpauth://totp/Postwarden%20mail.example.com%208443:joe%40bloggs.com?"),
            "{address}"
        );
        assert!(
            address.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{address}"
        );
        assert_eq!(secret.to_type(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let picture = SharedSecret::picture(&address).expect("a picture");
        assert!(
            picture.starts_with("<svg") && !picture.contains("style="),
            "{picture}"
        );
    }

    #[test]
    fn a_recovery_code_is_known_again_however_it_is_typed() {
        let codes = recovery_codes();
        assert_eq!(codes.len(), CODES);
        let salt = [7; 16];
        let typed = format!(" {} ", codes[3].to_uppercase().replace('-', " "));
        assert_eq!(hash_code(&typed, &salt), hash_code(&codes[3], &salt));
        assert_ne!(hash_code(&codes[3], &salt), hash_code(&codes[4], &salt));
        assert_ne!(hash_code(&codes[3], &salt), hash_code(&codes[3], &[8; 16]));
        let short = &codes[3][..codes[3].len() - 1];
        for other in ["", "287082", short, &format!("{short}l")] {
            assert_eq!(as_recovery_code(other), None, "{other}");
        }
    }
}
