//! Passwords of people who sign in to the panel: argon2id, never a default.
//!
//! Parameters are the crate's, which are OWASP's: 19 MiB, 2 passes, 1 lane. Hashing is bounded to two at a time, so
//! that a flood of sign-ins costs at most 38 MiB and two cores.

use std::sync::LazyLock;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::mail::MailboxPassword;

/// How long a sign-in waits for its turn. A flood is turned away instead of piling up.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// The hash of a password nobody has, so that an unknown name costs the time of a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now(&generate()).unwrap_or_default());

fn hash_now(password: &str) -> Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|e| Error::unexpected("hashing a password", e))
}

fn verify_now(password: &str, stored: &str) -> bool {
    let matches = |hash: &PasswordHash| {
        Argon2::default()
            .verify_password(password.as_bytes(), hash)
            .is_ok()
    };
    if let Ok(hash) = PasswordHash::new(stored) {
        return matches(&hash);
    }
    // An account that has no password yet costs the same time as one that has.
    let _ = PasswordHash::new(&NOBODY).is_ok_and(|hash| matches(&hash));
    false
}

/// Does work that takes long, two at a time.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = tokio::time::timeout(LONGEST_WAIT, AT_ONCE.acquire())
        .await
        .map_err(|_| Error::Busy)?
        .map_err(|e| Error::unexpected("hashing a password", e))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::unexpected("hashing a password", e))
}

/// The PHC string (`$argon2id$…`) of a password.
///
/// # Errors
/// The system has no randomness or the hashing thread died.
pub async fn hash(password: String) -> Result<String> {
    aside(move || hash_now(&password)).await?
}

/// Whether the password belongs to the stored PHC string.
///
/// # Errors
/// The hashing thread died.
pub async fn verify(password: String, stored: String) -> Result<bool> {
    aside(move || verify_now(&password, &stored)).await
}

/// Spends the time of [`verify`] for a name that does not exist.
///
/// # Errors
/// As [`verify`].
pub async fn verify_nobody(password: String) -> Result<()> {
    aside(move || verify_now(&password, &NOBODY)).await.map(drop)
}

/// A password to hand out, as mailboxes get them: 98 bits that can be read aloud.
pub fn generate() -> String {
    MailboxPassword::generate().as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_opens_its_own_hash_and_no_other() {
        let stored = hash("correct horse battery".to_owned()).await.expect("a hash");
        assert!(stored.starts_with("$argon2id$"));
        assert!(
            verify("correct horse battery".to_owned(), stored.clone())
                .await
                .expect("checked")
        );
        assert!(
            !verify("correct horse batterz".to_owned(), stored)
                .await
                .expect("checked")
        );
        assert!(!verify(String::new(), String::new()).await.expect("checked"));
    }

    #[test]
    fn generated_passwords_differ() {
        assert_ne!(generate(), generate());
        assert_eq!(generate().len(), 24);
    }
}
