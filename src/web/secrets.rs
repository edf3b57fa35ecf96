//! Passwords that are shown once, on the page after the one that made them. They are kept in this process alone and for
//! minutes: what a page is about to show has no business in the database beside the sessions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a password waits to be shown.
const WAIT: Duration = Duration::from_mins(5);

/// Passwords that wait to be shown.
#[derive(Default)]
pub struct Secrets(Mutex<HashMap<String, (Instant, String)>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Keeps a password and answers with the name under which it is found again.
    pub fn keep(&self, password: &str) -> String {
        let name = hex::encode(rand::random::<[u8; 16]>());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (since, _)| since.elapsed() < WAIT);
        kept.insert(name.clone(), (Instant::now(), password.to_owned()));
        name
    }

    /// The password of this name, which is forgotten with that.
    pub fn take(&self, name: &str) -> Option<String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, password) = kept.remove(name)?;
        (since.elapsed() < WAIT).then_some(password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_given_out_once() {
        let secrets = Secrets::default();
        let name = secrets.keep("moss");
        assert_eq!(secrets.take(&name).as_deref(), Some("moss"));
        assert_eq!(secrets.take(&name), None);
    }
}
