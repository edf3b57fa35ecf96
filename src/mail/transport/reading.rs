//! What Postfix makes of a transport as it is stored, where nobody normalised it.

use super::{Effect, Transport, is_client, known_name, nexthops, other_nexthop, reply_text};

/// What Postfix does with a stored transport, taken to the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// What it says.
    Plain,
    /// What was meant, by luck: a bare name, white space after the colon or at the end (docs/postfix.md rule 33).
    Loose,
    /// Something else than it looks like, and nobody else's mail is touched.
    Odd,
    /// Its client dies: empty brackets (rule 22).
    NoHost,
    /// Its client dies: what stands after the colon is malformed (rule 26).
    Dies,
    /// No such transport: the mail is deferred for days (rule 27).
    Unknown,
}

impl Transport {
    /// What Postfix does with a transport that is stored like this. `extra_names` are the server's own services.
    #[must_use]
    pub fn reading(stored: &str, extra_names: &[String]) -> Reading {
        if stored.is_empty() {
            return Reading::Plain;
        }
        if stored.trim().is_empty() {
            return Reading::Loose;
        }
        let (name, rest) = stored.split_once(':').unwrap_or((stored, ""));
        if known_name(name, extra_names).is_none_or(|known| known != name) {
            return Reading::Unknown;
        }
        let trimmed = rest.trim();
        let is_loose = !stored.contains(':') || trimmed.len() < rest.len() || trimmed.contains([' ', '\t']);
        let reading = if is_client(name) {
            client(name, trimmed)
        } else if matches!(name, "error" | "retry" | "discard") {
            return reply_text(stored, trimmed).map_or(Reading::Odd, |_| Reading::Plain);
        } else if extra_names.iter().any(|extra| extra == name) && trimmed.contains(['[', ']']) {
            // The service may be a copy of smtp(8).
            client(name, trimmed)
        } else {
            other_nexthop(name, trimmed).map_or(Reading::Odd, |_| Reading::Plain)
        };
        if reading == Reading::Plain && is_loose {
            Reading::Loose
        } else {
            reading
        }
    }

    /// A malformed value with its punctuation mended, where every letter and digit stays as it was: then it can have
    /// meant nothing else.
    #[must_use]
    pub fn repunctuated(stored: &str, extra_names: &[String]) -> Option<Self> {
        let letters = |text: &str| -> String {
            let kept = text.chars().filter(|c| c.is_alphanumeric());
            kept.flat_map(char::to_lowercase).collect()
        };
        let text = stored.trim();
        let guess = match text.split_once(':') {
            Some((name, rest)) if known_name(name, extra_names).is_some() => {
                super::mended(&name.to_ascii_lowercase(), rest)
            }
            // One bare word may be anything.
            _ if text.contains(['[', ':']) => super::meant(text),
            _ => None,
        };
        let value = Self::parse(text, extra_names)
            .ok()
            .or_else(|| Self::parse(&guess?, extra_names).ok())?;
        (value.as_str() != stored && letters(value.as_str()) == letters(stored)).then_some(value)
    }
}

fn client(name: &str, list: &str) -> Reading {
    // Postfix itself converts no host name to ASCII.
    if !list.is_ascii() {
        return Reading::Dies;
    }
    match nexthops(name, list).map_err(|problem| problem.effect) {
        Ok(_) => Reading::Plain,
        Err(Effect::Skips) => Reading::Loose,
        Err(Effect::LooksUpService) => Reading::Odd,
        Err(Effect::DiesWithoutHost) if list.starts_with('[') => Reading::NoHost,
        Err(Effect::Dies | Effect::DiesWithoutHost) => Reading::Dies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_transport_is_read_to_the_letter() {
        let cases: &[(Reading, &[&str])] = &[
            (
                Reading::Plain,
                &[
                    "",
                    ":",
                    "virtual:",
                    "smtp:[h]",
                    ":[h]:25",
                    "smtp:H",
                    "error:5.1.1 no",
                    "slow:x",
                ],
            ),
            (
                Reading::Loose,
                &[
                    " ",
                    "virtual",
                    "smtp",
                    "smtp: [h]",
                    "smtp:[h] ",
                    "smtp:[h]\n",
                    "smtp:[a], [b]",
                    "smtp:[a],",
                ],
            ),
            (
                Reading::Odd,
                &["smtp:[h]:smtp", "dovecot:a b", "error:5.1.1 fermé", "virtual:[]"],
            ),
            (
                Reading::NoHost,
                &[":[]", "smtp:[]", "relay:[],b", "slow:[]", "smtp:[]:25", ":[] "],
            ),
            (
                Reading::Dies,
                &[
                    "smtp:[h",
                    "smtp:h]",
                    "smtp:[h]25",
                    "smtp:[h:25]",
                    "smtp:[ h ]",
                    "relay:[ ]",
                    "smtp:[a b]",
                    "smtp::25",
                    "smtp:[h]:25:",
                    "smtp:[h]:smpt",
                    "smtp:[h]:0",
                    "smtp:[h]:99999",
                    "smtp://h",
                    "smtp:http://h",
                    "smtp:[-bad.com]",
                    "smtp:[256.1.1.1]",
                    "smtp:[a..b]",
                    "smtp:[h.]",
                    "smtp:[bücher.example]",
                ],
            ),
            (
                Reading::Unknown,
                &[
                    "smtp[h]",
                    "[h]",
                    "h",
                    "10.0.0.1",
                    "SMTP:[h]",
                    " smtp:[h]",
                    "esmtp:",
                    "smtps:",
                    "hold:",
                    "smtp;[h]",
                    "virtual ",
                    "Slow:",
                ],
            ),
        ];
        for (reading, values) in cases {
            for value in *values {
                assert_eq!(
                    Transport::reading(value, &["slow".to_owned()]),
                    *reading,
                    "{value:?}"
                );
            }
        }
    }

    #[test]
    fn only_the_punctuation_of_a_malformed_value_is_mended() {
        let cases = [
            ("smtp[h]", Some("smtp:[h]")),
            ("[h]:25", Some(":[h]:25")),
            ("SMTP:[h]", Some("smtp:[h]")),
            (" smtp:[h]", Some("smtp:[h]")),
            ("smtp:[h", Some("smtp:[h]")),
            ("smtp:[h]25", Some("smtp:[h]:25")),
            ("smtp://h", Some("smtp:[h]")),
            ("virtual", Some("virtual:")),
            ("smtp:[h]", None),
            ("smtp:[h]:0", None),
            ("smtp:http://h", None),
            ("esmtp:[h]", None),
            ("hold:", None),
            ("hold", None),
            ("smtp", None),
            ("smtp:[a b]", None),
        ];
        for (stored, mended) in cases {
            let found = Transport::repunctuated(stored, &[]);
            assert_eq!(found.as_ref().map(Transport::as_str), mended, "{stored:?}");
        }
    }
}
