//! Access rules: whom Postfix turns away or lets in, with what words (access(5)).

use std::fmt;

use super::text::{is_printable_ascii, quote};
use super::{AccessPattern, Caution, Fault, clean};

/// The sender of bounces.
pub(super) const NULL_SENDER: &str = "<>";
/// Actions of access(5) that the table has no use for.
const OTHER_ACTIONS: [&str; 12] = [
    "PERMIT",
    "WARN",
    "INFO",
    "FILTER",
    "REDIRECT",
    "PREPEND",
    "BCC",
    "HANGUP",
    "SKIP",
    "IGNORE",
    "DEFER_IF_PERMIT",
    "DEFER_IF_REJECT",
];

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// The address a message is for, as typed in `RCPT TO` (`check_recipient_access`).
    Recipient,
    /// The address a message claims to be from, in `MAIL FROM` (`check_sender_access`).
    Sender,
    /// The host that connects, by name and by address (`check_client_access`).
    Client,
}

impl AccessKind {
    const ALL: [Self; 3] = [Self::Recipient, Self::Sender, Self::Client];

    /// Parses `recipient`, `sender` or `client` in any case.
    ///
    /// # Errors
    /// Any other word: no query asks for it.
    pub fn parse(input: &str) -> Result<Self, Fault> {
        let word = input.trim();
        Self::ALL
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind.as_str()))
            .ok_or_else(|| {
                Fault::new(format!(
                    "The kind {} is none of recipient, sender and client. Postfix asks for rules of those only, \
                     so this one would never apply. Write `recipient`, `sender` or `client`.",
                    quote(word)
                ))
            })
    }

    /// The word, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Sender => "sender",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for AccessKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to what a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessAction {
    /// Refused for good, `554 5.7.1`.
    Reject,
    /// Refused for now, `450 4.7.1`; the other server tries again.
    Defer,
    /// Accepted with 250 and thrown away.
    Discard,
    /// Accepted and kept in the queue until somebody releases it.
    Hold,
    /// Let through without the checks that follow.
    Ok,
    /// As if the rule were not there: the exception from a rule that covers more.
    Dunno,
}

impl AccessAction {
    const ALL: [Self; 6] = [
        Self::Reject,
        Self::Defer,
        Self::Discard,
        Self::Hold,
        Self::Ok,
        Self::Dunno,
    ];

    /// Parses the word in any case. Recipients have no `OK` and no `DUNNO`.
    ///
    /// # Errors
    /// Whatever Postfix takes for a configuration error or, worse, for `OK` (docs/postfix.md rule 66).
    pub fn parse(kind: AccessKind, input: &str) -> Result<Self, Fault> {
        let text = clean(input)?;
        let found = Self::ALL
            .into_iter()
            .find(|action| text.eq_ignore_ascii_case(action.as_str()));
        let Some(action) = found else {
            return Err(no_action(kind, &text));
        };
        let why = match action {
            Self::Ok => {
                "it ends the checks of a recipient before Postfix asks whether the address is one of this server's, \
                 and where smtpd_relay_restrictions is empty anybody could relay through it"
            }
            Self::Dunno => {
                "the query for recipients passes on refusals only, so that the rule would do nothing"
            }
            _ => return Ok(action),
        };
        if kind == AccessKind::Recipient {
            return Err(Fault::new(format!(
                "`{action}` is not for recipients: {why}. Choose {}, or delete the rule.",
                words(kind)
            )));
        }
        Ok(action)
    }

    /// Whether Postfix takes this word for an action, be it one of this table or not.
    #[must_use]
    pub fn is_known_to_postfix(word: &str) -> bool {
        let own = Self::ALL.map(Self::as_str);
        own.iter()
            .chain(&OTHER_ACTIONS)
            .any(|action| word.eq_ignore_ascii_case(action))
    }

    /// The word in capitals, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "REJECT",
            Self::Defer => "DEFER",
            Self::Discard => "DISCARD",
            Self::Hold => "HOLD",
            Self::Ok => "OK",
            Self::Dunno => "DUNNO",
        }
    }
}

impl fmt::Display for AccessAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The actions of a kind, for a message.
fn words(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Recipient => "`REJECT`, `DEFER`, `DISCARD` or `HOLD`",
        AccessKind::Sender | AccessKind::Client => "`REJECT`, `DEFER`, `DISCARD`, `HOLD`, `OK` or `DUNNO`",
    }
}

/// Why a text is no action.
fn no_action(kind: AccessKind, text: &str) -> Fault {
    let shown = quote(text);
    let words = words(kind);
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    let word = first.to_ascii_uppercase();
    let is_action = AccessAction::ALL.iter().any(|action| action.as_str() == word);
    Fault::new(if text.is_empty() {
        format!("The action is empty. Postfix ignores such a rule. Choose {words}.")
    } else if is_number && rest.is_empty() {
        format!(
            "{shown} is a number alone, and Postfix takes every number for OK: the mail would be let through. \
             Choose {words}."
        )
    } else if is_number {
        let action = if first.starts_with('4') { "DEFER" } else { "REJECT" };
        format!(
            "{shown} is a reply, and the action is one word. Choose `{action}`, for which Postfix sends the code \
             itself, and put the text into the message."
        )
    } else if is_action {
        format!("{shown} is more than the action. Choose `{word}` and put the rest into the message.")
    } else if OTHER_ACTIONS.contains(&word.as_str()) {
        format!(
            "{shown} is an action that Postfix knows and this table has not: the query leaves out such a rule, and \
             it would do nothing. Choose {words}."
        )
    } else {
        format!(
            "{shown} is no action. Postfix takes it for the name of a restriction it does not have and answers \
             `451 4.3.5 Server configuration error` to everybody the rule matches. Choose {words}."
        )
    })
}

/// What the other side is told, or the log for mail that is discarded or held: one line of printable ASCII, which may be
/// empty. Postfix puts the reply code in front of it and its own text where it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessMessage(String);

impl AccessMessage {
    const LONGEST: usize = 200;

    /// Parses what was typed; runs of spaces become one. It may begin with an enhanced status code of the right class,
    /// such as `5.7.1` for `REJECT` (RFC 3463).
    ///
    /// # Errors
    /// What an SMTP reply cannot carry, more than 200 characters, any text for `OK` and `DUNNO`, and a text that repeats
    /// the action or a reply code.
    pub fn parse(action: AccessAction, input: &str) -> Result<Self, Fault> {
        let typed = input.trim();
        let shown = quote(typed);
        let message = if typed.is_empty() {
            return Ok(Self(String::new()));
        } else if matches!(action, AccessAction::Ok | AccessAction::Dunno) {
            format!(
                "The message would never be read: with `{action}` Postfix says nothing. Leave it empty, or choose \
                 another action."
            )
        } else if typed.contains(['\n', '\r']) {
            "The message has more than one line. Postfix sends it in one line of an SMTP reply and would garble it. \
             Write one line."
                .to_owned()
        } else if !is_printable_ascii(typed) {
            format!(
                "{shown} has a character outside printable ASCII. Postfix sends this text in an SMTP reply, which \
                 may hold nothing else (RFC 5321 4.2), so the sender would see it garbled. Write it in unaccented \
                 letters."
            )
        } else if let Some(message) = repeated(action, typed) {
            message
        } else {
            let text = typed.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.len() <= Self::LONGEST {
                return Ok(Self(text));
            }
            format!(
                "The message is {} characters long. Postfix sends it in one line of an SMTP reply, after the \
                 address, and others cut long ones. Shorten it to {} or less.",
                text.len(),
                Self::LONGEST
            )
        };
        Err(Fault::new(message))
    }

    /// The text as stored; empty for Postfix's own.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why the beginning of a message is no text: an action, a reply code, or a status code of the wrong class.
fn repeated(action: AccessAction, text: &str) -> Option<String> {
    let (first, rest) = text.split_once([' ', '-']).unwrap_or((text, ""));
    let first = first.trim_end_matches([':', ',']);
    let rest = rest.trim_start();
    let shown = quote(text);
    let write = if rest.is_empty() {
        "Leave it empty for Postfix's own text, or write why".to_owned()
    } else {
        format!("Write {}", quote(rest))
    };
    let own_code = match action {
        AccessAction::Reject => "554 5.7.1",
        AccessAction::Defer => "450 4.7.1",
        _ => "250",
    };
    let is_action = AccessAction::ALL.iter().any(|action| action.as_str() == first)
        || first.eq_ignore_ascii_case(action.as_str());
    let is_code =
        first.len() == 3 && first.starts_with(['4', '5']) && first.bytes().all(|byte| byte.is_ascii_digit());
    if is_action {
        return Some(format!(
            "{shown} begins with an action. The action is `{action}` already, and Postfix would send the word as a \
             part of the text. {write}."
        ));
    }
    if is_code {
        return Some(format!(
            "{shown} begins with a reply code. Postfix puts its own in front, `{own_code}`, and would send this one \
             as a part of the text. {write}."
        ));
    }
    let class = match action {
        AccessAction::Reject => '5',
        AccessAction::Defer => '4',
        _ => return None,
    };
    let word = text.split(' ').next().unwrap_or_default();
    (is_status_code(word) && !word.starts_with(class)).then(|| {
        format!(
            "{shown} begins with a status code of another class than `{action}` has (RFC 3463): Postfix changes the \
             first digit to {class}. Write `{class}{}`, or leave the code out.",
            &word[1..]
        )
    })
}

/// An enhanced status code such as `5.7.1`.
fn is_status_code(word: &str) -> bool {
    let numbers: Vec<&str> = word.split('.').collect();
    let is_number =
        |number: &&str| (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && ["2", "4", "5"].contains(&numbers[0]) && numbers.iter().all(is_number)
}

/// What a rule does that may not be meant: [`AccessPattern::cautions`], then those of the action.
#[must_use]
pub fn access_cautions(kind: AccessKind, pattern: &AccessPattern, action: AccessAction) -> Vec<Caution> {
    // A rule that leaves the answer to the next one may be as wide as it likes.
    let mut found = if action == AccessAction::Dunno {
        Vec::new()
    } else {
        pattern.cautions()
    };
    let is_null = pattern.as_str() == NULL_SENDER;
    match action {
        AccessAction::Ok if kind == AccessKind::Sender => found.push(Caution::remark(format!(
            "Anybody can write {} as the sender, and whoever does skips the checks that follow. To let a server in, \
             make a rule of the kind `client` for its address.",
            quote(pattern.as_str())
        ))),
        AccessAction::Reject | AccessAction::Defer | AccessAction::Discard if is_null => {
            found.push(Caution::ask(
                "`<>` is the sender of bounces and of the checks other servers make. Without them nobody here is told \
                 that a message did not arrive, and servers that check senders take no mail from here. Every server has \
                 to accept it (RFC 5321 6.1, RFC 2505 2.6).",
            ));
        }
        _ => {}
    }
    match action {
        AccessAction::Discard => found.push(Caution::remark(
            "The message vanishes: Postfix answers 250 and throws it away for all its recipients, not only for one \
             that the rule is about, and nobody is told. `REJECT` tells the sender.",
        )),
        AccessAction::Hold => found.push(Caution::remark(
            "The message stays in the queue for all its recipients, not only for one that the rule is about, until \
             somebody releases it with `postsuper -H` or deletes it.",
        )),
        _ => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::access_pattern::tests::{Expected, expect_cautions};
    use super::*;
    use AccessKind::{Client, Recipient, Sender};
    use proptest::prelude::*;

    #[test]
    fn a_kind_is_one_of_three_words() {
        for (input, kind) in [("recipient", Recipient), (" Sender ", Sender), ("CLIENT", Client)] {
            assert_eq!(AccessKind::parse(input), Ok(kind));
            assert_eq!(kind.to_string(), input.trim().to_lowercase());
        }
        let fault = AccessKind::parse("helo").expect_err("no kind");
        assert!(fault.message().contains("never apply"), "{fault}");
    }

    #[test]
    fn an_action_that_surprises_is_cautioned() {
        use AccessAction::{Defer, Discard, Dunno, Hold, Ok, Reject};
        let cases: &[(AccessKind, &str, AccessAction, Expected)] = &[
            (Sender, "spam.example", Reject, &[]),
            (Sender, "spam.example", Dunno, &[]),
            (
                Sender,
                "friend.example",
                Ok,
                &[(false, "Anybody can write `friend.example`")],
            ),
            (Sender, "com", Ok, &[(true, "top-level"), (false, "Anybody")]),
            (Client, "friend.example", Ok, &[]),
            (Sender, "<>", Ok, &[(false, "Anybody can write `<>`")]),
            (Sender, "<>", Reject, &[(true, "RFC 5321 6.1")]),
            (Sender, "<>", Defer, &[(true, "RFC 5321 6.1")]),
            (
                Sender,
                "<>",
                Discard,
                &[(true, "RFC 5321 6.1"), (false, "vanishes")],
            ),
            (Sender, "<>", Hold, &[(false, "postsuper")]),
            (
                Recipient,
                "joe@shop.example",
                Discard,
                &[(false, "all its recipients")],
            ),
            (
                Recipient,
                "shop.example",
                Hold,
                &[(false, "subdomains"), (false, "all its recipients")],
            ),
        ];
        for (kind, input, action, expected) in cases {
            let pattern = AccessPattern::parse(*kind, input).expect(input);
            expect_cautions(
                &access_cautions(*kind, &pattern, *action),
                expected,
                &format!("{input} {action}"),
            );
        }
    }

    #[test]
    fn an_action_is_a_word_in_any_case() {
        for action in AccessAction::ALL {
            for kind in [Sender, Client] {
                let typed = format!(" {} ", action.as_str().to_lowercase());
                assert_eq!(AccessAction::parse(kind, &typed), Ok(action));
            }
        }
        assert_eq!(AccessAction::parse(Recipient, "Hold"), Ok(AccessAction::Hold));
    }

    #[test]
    fn what_postfix_takes_for_something_else_is_no_action() {
        let cases = [
            (Recipient, "OK", "anybody could relay"),
            (Recipient, "dunno", "would do nothing"),
            (Sender, "", "ignores"),
            (Sender, "550", "takes every number for OK"),
            (Sender, "1", "takes every number for OK"),
            (Sender, "550 5.7.1 go away", "Choose `REJECT`"),
            (Sender, "450 later", "Choose `DEFER`"),
            (Sender, "reject go away", "Choose `REJECT` and put the rest"),
            (Sender, "FILTER smtp:[h]", "this table has not"),
            (Client, "permit", "this table has not"),
            (Client, "deny", "451 4.3.5 Server configuration error"),
            (Client, "REJECTED", "451 4.3.5"),
            (Client, "yes", "451 4.3.5"),
            (Client, "rej\u{200b}ect", "U+200B"),
        ];
        for (kind, input, part) in cases {
            let fault = AccessAction::parse(kind, input).expect_err(input);
            assert!(
                fault.message().contains(part),
                "{input:?} lacks {part:?}: {fault}"
            );
        }
    }

    #[test]
    fn a_message_is_a_line_of_ascii() {
        use AccessAction::{Defer, Discard, Dunno, Hold, Ok as Let, Reject};
        let longest = "x".repeat(200);
        for (action, input, stored) in [
            (Reject, " No  spam here ", "No spam here"),
            (Reject, "5.7.1 No spam here", "5.7.1 No spam here"),
            (Defer, "4.7.1 Later", "4.7.1 Later"),
            (Hold, "5.7.1 looked at by hand", "5.7.1 looked at by hand"),
            (Reject, "Hold the line", "Hold the line"),
            (Reject, "", ""),
            (Let, " ", ""),
            (Dunno, "", ""),
            (Discard, &longest, &longest),
        ] {
            let message = AccessMessage::parse(action, input).expect(input);
            assert_eq!((message.as_str(), message.to_string().as_str()), (stored, stored));
        }
        let too_long = format!("{longest}x");
        for (action, input, part) in [
            (Let, "friend", "never be read"),
            (Dunno, "friend", "never be read"),
            (Reject, "two\nlines", "one line"),
            (Reject, "fermé", "RFC 5321 4.2"),
            (Reject, "a\tb", "printable ASCII"),
            (Reject, &too_long, "201 characters"),
            (Reject, "550", "reply code"),
            (Reject, "550 5.7.1 go away", "Write `5.7.1 go away`"),
            (Reject, "550-go away", "Write `go away`"),
            (Defer, "451 later", "`450 4.7.1`"),
            (Reject, "REJECT go away", "Write `go away`"),
            (Reject, "reject: go away", "Write `go away`"),
            (Hold, "DISCARD", "begins with an action"),
            (Reject, "4.7.1 go away", "Write `5.7.1`"),
            (Defer, "5.7.1 go away", "Write `4.7.1`"),
        ] {
            let fault = AccessMessage::parse(action, input).expect_err(input);
            assert!(
                fault.message().contains(part),
                "{input:?} lacks {part:?}: {fault}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_typed_makes_a_message_panic(input in any::<String>()) {
            for action in AccessAction::ALL {
                if let Ok(message) = AccessMessage::parse(action, &input) {
                    prop_assert_eq!(AccessMessage::parse(action, message.as_str()), Ok(message));
                }
            }
            let _ = AccessAction::parse(Sender, &input);
        }
    }
}
