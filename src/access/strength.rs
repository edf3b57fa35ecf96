//! Which passwords people may choose (NIST SP 800-63B 3.1.1, OWASP ASVS 5.0 6.2): long enough, and not among the first
//! that somebody would try. No rules about what they are made of.

use zxcvbn::{Score, zxcvbn};

/// Fewest characters of a password.
pub const SHORTEST: usize = 12;

/// Most bytes of a password that are looked at: hashing is paid per byte.
pub const LONGEST: usize = 1024;

/// Words that anybody would try here: the account's name and domains, with their parts, and the panel's own.
pub fn own_words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut words = vec!["postwarden".to_owned(), "postfix".to_owned()];
    for text in texts {
        let text = text.to_lowercase();
        let parts = text.split(|c: char| !c.is_alphanumeric());
        words.extend(parts.filter(|part| part.chars().count() >= 3).map(str::to_owned));
        words.push(text);
    }
    words
}

/// Whether somebody may choose this password.
///
/// # Errors
/// Why not, and what to do, in a sentence or two.
pub fn check(password: &str, own: &[String]) -> Result<(), String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(format!(
            "This password has {length} characters: use {SHORTEST} or more. A few words that have nothing to do with \
             one another are easy to keep in mind."
        ));
    }
    if password.len() > LONGEST {
        return Err(format!(
            "This password is longer than {LONGEST} bytes. A hundred characters are as safe."
        ));
    }
    let words: Vec<&str> = own.iter().map(String::as_str).collect();
    let weak = |text: &str| zxcvbn(text, &words).score() < Score::Three;
    // What the account's own words leave must be enough alone.
    if weak(password) || weak(&without(password, own)) {
        return Err(
            "This password would be among the first to be tried: it is a common one, follows a pattern, or is made of \
             words of this account. Add a word or two that nobody would expect, or let a password manager make one."
                .to_owned(),
        );
    }
    Ok(())
}

/// A password without these words.
fn without(password: &str, words: &[String]) -> String {
    let lower = password.to_lowercase();
    words
        .iter()
        .fold(lower, |rest, word| rest.replace(word.as_str(), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(password: &str) -> bool {
        let own = own_words(["alice.smith@wonderland.example", "wonderland.example"]);
        check(password, &own).is_err()
    }

    #[test]
    fn long_passwords_of_any_make_are_taken() {
        for good in [
            "correct horse battery staple",
            "trompete wolke dreizehn fahrrad",
            "kV9#mQ2$xT7!",
            "ωραία θάλασσα πρωί",
            &"a sentence of many words, ".repeat(10),
        ] {
            assert!(!refused(good), "{good}");
        }
    }

    #[test]
    fn short_ones_are_refused_whatever_they_are_made_of() {
        assert!(refused("kV9#mQ2$xT7"));
        assert!(refused(""));
    }

    #[test]
    fn common_ones_are_refused() {
        for common in [
            "password1234",
            "passwordpassword",
            "123456789012",
            "qwertyuiopas",
            "Passw0rd2026!",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "iloveyou1234",
            "1q2w3e4r5t6y",
            "letmeinletmein",
        ] {
            assert!(refused(common), "{common}");
        }
    }

    #[test]
    fn the_accounts_own_words_are_refused() {
        for own in [
            "alice.smith@wonderland.example",
            "wonderland2026",
            "AliceSmith1234",
            "wonderland.example",
            "postwarden1234",
            "smith-alice-smith",
        ] {
            assert!(refused(own), "{own}");
        }
    }
}
