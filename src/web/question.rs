//! What a page asks before something is written, and whether it was this that a person confirmed.

use sha2::{Digest, Sha256};

use super::request::Fields;
use crate::store::{Effect, Warning};

/// What a page says that asks again, where something else was confirmed than is asked now.
pub const ANOTHER: &str = "This is not what you were asked before. Nothing was written.";

/// What a change has to be confirmed for, and what else it does.
#[derive(Debug, Default)]
pub struct Question {
    /// What has to be confirmed.
    pub asked: Vec<String>,
    /// What is told once it is written.
    told: Vec<String>,
    /// All else that it does to mail.
    rest: Vec<String>,
    /// What a confirmation is compared by.
    seen: Vec<String>,
    /// Whether something else was confirmed.
    pub is_another: bool,
}

impl Question {
    /// What is suspicious about a change by itself, with what it does to mail; each thing once.
    pub fn new(warnings: Vec<Warning>, effect: &Effect) -> Self {
        let mut all = warnings;
        let own = all.len();
        for warning in effect.warnings() {
            if !all.iter().any(|known| known.message == warning.message) {
                all.push(warning);
            }
        }
        let stable = if effect.is_cut { own } else { all.len() };
        let seen = all.iter().take(stable).filter(|warning| warning.confirm);
        let seen = seen.map(|warning| warning.message.clone()).collect();
        let (asked, told): (Vec<Warning>, Vec<Warning>) =
            all.into_iter().partition(|warning| warning.confirm);
        let messages = |warnings: Vec<Warning>| warnings.into_iter().map(|warning| warning.message).collect();
        let (asked, told): (Vec<String>, Vec<String>) = (messages(asked), messages(told));
        Self {
            asked,
            told,
            rest: effect.rest(),
            seen: seen_of(seen, effect),
            is_another: false,
        }
    }

    /// Of a page that asks in any case, such as one that deletes: all that it does to mail.
    pub fn whole(effect: &Effect) -> Self {
        let asked = effect.sentences();
        let seen = if effect.is_cut { Vec::new() } else { asked.clone() };
        Self {
            asked,
            seen: seen_of(seen, effect),
            ..Self::default()
        }
    }

    /// What the page says below what it asks about.
    pub fn also(&self) -> Vec<String> {
        [self.told.as_slice(), &self.rest].concat()
    }

    /// A short name of what is asked: the hidden field `asked` of the page.
    pub fn version(&self) -> String {
        let mut hash = Sha256::new();
        for message in &self.seen {
            hash.update(message.as_bytes());
            hash.update([0]);
        }
        hex::encode(&hash.finalize()[..12])
    }

    /// Whether it has to be asked: not where nothing is, nor where this was confirmed. A program confirms without having
    /// seen anything.
    pub fn is_open(&self, sent: &Fields) -> bool {
        let is_answered = sent.is_set("confirm") && self.is_what_was_seen(sent);
        !(self.asked.is_empty() || is_answered)
    }

    /// Whether the page that was confirmed, if there was one, asked the same.
    pub fn is_what_was_seen(&self, sent: &Fields) -> bool {
        sent.get("asked").is_none_or(|seen| seen == self.version())
    }

    /// With whether something else was confirmed, for the page that asks again.
    #[must_use]
    pub fn after(mut self, sent: &Fields) -> Self {
        self.is_another = sent.is_set("confirm");
        self
    }

    /// What is told once it is written: where nothing was asked, what would have been too.
    pub fn notice(self, is_confirmed: bool) -> Vec<String> {
        if is_confirmed {
            return self.told;
        }
        [self.asked, self.told].concat()
    }
}

/// What was not looked at whole may be told otherwise the next time: then only that counts.
fn seen_of(mut seen: Vec<String>, effect: &Effect) -> Vec<String> {
    if effect.is_cut {
        seen.push("cut".to_owned());
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(messages: &[(&str, bool)]) -> Question {
        let warning = |&(message, confirm): &(&str, bool)| Warning {
            confirm,
            message: message.to_owned(),
        };
        Question::new(messages.iter().map(warning).collect(), &Effect::default())
    }

    fn sent(fields: &[(&str, &str)]) -> Fields {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        fields.iter().map(owned).collect()
    }

    #[test]
    fn what_was_confirmed_is_not_asked_again_and_anything_else_is() {
        let one = question(&[("One bounces.", true), ("Two moves.", false)]);
        assert!(one.is_open(&sent(&[])));
        assert!(one.is_open(&sent(&[("asked", &one.version())])));
        assert!(!one.is_open(&sent(&[("confirm", "1"), ("asked", &one.version())])));
        let other = question(&[("Three bounces.", true)]);
        assert!(other.is_open(&sent(&[("confirm", "1"), ("asked", &one.version())])));
        assert!(!question(&[("Two moves.", false)]).is_open(&sent(&[])));
    }

    #[test]
    fn a_program_confirms_whatever_there_is() {
        assert!(!question(&[("One bounces.", true)]).is_open(&sent(&[("confirm", "1")])));
    }

    #[test]
    fn what_was_looked_at_in_part_may_be_told_otherwise_the_next_time() {
        let cut = Effect {
            is_cut: true,
            ..Effect::default()
        };
        let own = |message: &str| {
            let warning = Warning {
                confirm: true,
                message: message.to_owned(),
            };
            Question::new(vec![warning], &cut).version()
        };
        assert_ne!(
            own("One bounces."),
            own("Two bounces."),
            "what is not of the effect counts"
        );
        assert_ne!(
            Question::whole(&cut).version(),
            Question::whole(&Effect::default()).version()
        );
    }

    #[test]
    fn what_was_asked_is_told_where_nobody_was_asked() {
        let one = || question(&[("One bounces.", true), ("Two moves.", false)]);
        assert_eq!(one().notice(true), ["Two moves."]);
        assert_eq!(one().notice(false), ["One bounces.", "Two moves."]);
        assert_eq!(one().also(), ["Two moves."]);
    }
}
