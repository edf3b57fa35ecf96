//! Text as people type and paste it: trimming, invisible characters, decorations around addresses, and the
//! free text of a relocation notice.

use std::borrow::Cow;
use std::fmt;

use super::{Fault, MailAddress};

/// The longest a value is quoted in a message, in characters.
const QUOTED: usize = 80;

/// Trims white space (Unicode's idea of it) at both ends and refuses characters that cannot be seen.
///
/// Refused are control characters, zero-width characters, bidirectional marks and other invisible ones, since
/// a lookup key that holds one never matches (docs/postfix.md rule 1).
///
/// # Errors
/// Names the first such character, as in U+200B, and its position counted in characters from 1.
pub fn clean(input: &str) -> Result<String, Fault> {
    let text = input.trim();
    match text
        .chars()
        .enumerate()
        .find(|&(_, c)| c.is_control() || is_invisible(c))
    {
        None => Ok(text.to_owned()),
        Some((before, c)) => Err(Fault::new(format!(
            "Character {} of {} is U+{:04X} ({}), which cannot be seen. Postfix compares it like any other \
             character, so a row with it never matches. Delete it, or type the text instead of pasting it.",
            before + 1,
            quote(text),
            u32::from(c),
            unseen_name(c),
        ))),
    }
}

/// A number with thin groups: `12,345`.
#[must_use]
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// [`clean`], then takes off what mail programs and browsers put around an address: `Name <a@b>`, `<a@b>`,
/// `mailto:a@b?subject=x` (RFC 6068, with its percent escapes), surrounding quotes, and a trailing `,` or
/// `;`.
///
/// # Errors
/// Those of [`clean`]. Text that is no decorated address comes back as it is, for the caller to judge.
pub fn undecorate(input: &str) -> Result<String, Fault> {
    let mut text = clean(input)?;
    while let Some(inner) = without_one_decoration(&text) {
        text = inner;
    }
    Ok(text)
}

fn without_one_decoration(text: &str) -> Option<String> {
    let bare = text.trim_end_matches([',', ';']).trim();
    if bare.len() < text.len() {
        return Some(bare.to_owned());
    }
    if let Some(inner) = in_angle_brackets(text) {
        return Some(inner.trim().to_owned());
    }
    for mark in ['"', '\''] {
        let inner = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
        if let Some(inner) = inner.filter(|inner| !inner.contains(mark)) {
            return Some(inner.trim().to_owned());
        }
    }
    let scheme = text
        .get(..7)
        .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"))?;
    let target = text[scheme.len()..].split('?').next().unwrap_or_default();
    Some(percent_decoded(target).trim().to_owned())
}

/// The part in `<>` at the end. A name before it that looks like further addresses is not dropped in silence:
/// then there is no answer, and the address parser refuses the whole.
fn in_angle_brackets(text: &str) -> Option<&str> {
    let (name, inner) = text.strip_suffix('>')?.rsplit_once('<')?;
    let name = name.trim();
    let quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    let several = name.contains('@') && name.contains([',', ';', ' ']);
    (quoted || !(several || name.contains('<'))).then_some(inner)
}

/// Undoes `%2B` and the like; text whose escapes are broken, or stand for anything unprintable, stays as it
/// is.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte.filter(u8::is_ascii_graphic) {
            Some(byte) => {
                decoded.push(char::from(byte));
                decoded.push_str(&part[2..]);
            }
            None => return text.to_owned(),
        }
    }
    decoded
}

/// Shows what is odd about a stored value; ordinary text is borrowed unchanged.
///
/// Ordinary spaces at either end become `⟨space⟩`, line breaks and tabs `⟨newline⟩`, `⟨return⟩`, `⟨tab⟩`, other
/// control and invisible characters `⟨U+200B⟩`: words, since few fonts have the control pictures of Unicode. An
/// ideographic space between words stays.
#[must_use]
pub fn visible(input: &str) -> Cow<'_, str> {
    // Nearly every value of a list is plain; telling so is several times cheaper than looking at each character.
    if input.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Cow::Borrowed(input);
    }
    let start = input.len() - input.trim_start().len();
    let end = input.trim_end().len();
    let odd = |at: usize, c: char| shown(c, at < start || at >= end);
    if input.char_indices().all(|(at, c)| odd(at, c).is_none()) {
        return Cow::Borrowed(input);
    }
    let mut text = String::with_capacity(input.len() + 16);
    for (at, c) in input.char_indices() {
        match odd(at, c) {
            Some(picture) => text.push_str(&picture),
            None => text.push(c),
        }
    }
    Cow::Owned(text)
}

/// The same for a value that stands between backticks, which it may hold itself.
#[must_use]
pub fn in_ticks(input: &str) -> Cow<'_, str> {
    let shown = visible(input);
    if shown.contains('`') {
        Cow::Owned(shown.replace('`', "⟨backtick⟩"))
    } else {
        shown
    }
}

/// What stands for a character that would not be seen, or None for one that can be shown as it is.
fn shown(c: char, at_an_end: bool) -> Option<String> {
    let code = u32::from(c);
    match c {
        ' ' => at_an_end.then(|| "⟨space⟩".to_owned()),
        '\n' => Some("⟨newline⟩".to_owned()),
        '\r' => Some("⟨return⟩".to_owned()),
        '\t' => Some("⟨tab⟩".to_owned()),
        '\u{3000}' if !at_an_end => None,
        _ if c.is_control() || c.is_whitespace() || is_invisible(c) => Some(format!("⟨U+{code:04X}⟩")),
        _ => None,
    }
}

/// Characters other than control characters and white space that leave no mark: default-ignorable ones of
/// Unicode, line separators, annotation marks, and the blanks that count as letters.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn unseen_name(c: char) -> &'static str {
    match c {
        '\t' => "tab",
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "line break",
        '\0' => "NUL",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero-width space",
        '\u{200c}' => "zero-width non-joiner",
        '\u{200d}' => "zero-width joiner",
        '\u{2060}' => "word joiner",
        '\u{feff}' => "byte order mark",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "writing direction mark"
        }
        _ if c.is_control() => "control character",
        _ => "invisible character",
    }
}

/// A value in backticks for a message, made visible, and cut when it is very long.
pub(super) fn quote(value: &str) -> String {
    let shown = in_ticks(value);
    match shown.char_indices().nth(QUOTED) {
        None => format!("`{shown}`"),
        Some((cut, _)) => format!("`{}…`", &shown[..cut]),
    }
}

/// Whether every character is printable ASCII or an ordinary space.
pub(super) fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// What `relocated.newadr` says: the new address, or free text such as a telephone number.
///
/// It is sent as the text of an SMTP reply, `User has moved to ...`, so it is printable ASCII (RFC 5321 4.2)
/// and at most 400 octets long, which leaves room for the rest of a 512-octet reply line (RFC 5321
/// 4.5.3.1.5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelocationText(String);

impl RelocationText {
    const LONGEST: usize = 400;

    /// Parses what was typed: one address, however decorated, becomes its normalised form; other text is kept
    /// as typed, with runs of white space squeezed to one space.
    ///
    /// # Errors
    /// Empty text, text that is too long, and characters an SMTP reply cannot carry.
    pub fn parse(input: &str) -> Result<Self, Fault> {
        let text = clean(input)?;
        if text.is_empty() {
            return Err(Fault::new(
                "The new address is empty. Postfix ignores such a row, so senders get no notice. Write the \
                 new address, or a text such as `+44 20 7946 0000`.",
            ));
        }
        let text = match MailAddress::parse(&text) {
            Ok(address) => address.as_str().to_owned(),
            Err(_) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        if let Some(c) = text.chars().find(|c| !c.is_ascii()) {
            return Err(Fault::new(format!(
                "{} holds `{c}`. Postfix sends this text in an SMTP reply, which may hold printable ASCII \
                 only (RFC 5321 4.2), so the sender would see it garbled. Write it in unaccented letters.",
                quote(&text),
            )));
        }
        if text.len() > Self::LONGEST {
            return Err(Fault::new(format!(
                "The text is {} characters long. Postfix sends it in one line of an SMTP reply, which holds \
                 512 with everything around it (RFC 5321 4.5.3.1.5). Shorten it to {} or less.",
                text.len(),
                Self::LONGEST,
            )));
        }
        Ok(Self(text))
    }

    /// The text as it is stored and sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it begins with `@`: Postfix prints it literally and does not put the user's name before it
    /// (docs/postfix.md rule 65), which is hardly what was meant.
    #[must_use]
    pub fn is_domain_literal(&self) -> bool {
        self.0.starts_with('@')
    }
}

impl fmt::Display for RelocationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn white_space_at_both_ends_is_trimmed() {
        for input in ["shop", " shop ", "\tshop\r\n", "\u{a0}shop\u{3000}"] {
            assert_eq!(clean(input).as_deref(), Ok("shop"), "{input:?}");
        }
    }

    #[test]
    fn an_unseen_character_is_refused_with_its_name_and_position() {
        let cases = [
            (
                "sh\u{200b}op",
                "Character 3 of `sh⟨U+200B⟩op` is U+200B (zero-width space)",
            ),
            (
                "\u{feff}shop",
                "Character 1 of `⟨U+FEFF⟩shop` is U+FEFF (byte order mark)",
            ),
            (" é\tb", "Character 2 of `é⟨tab⟩b` is U+0009 (tab)"),
            ("a\nb", "Character 2 of `a⟨newline⟩b` is U+000A (line break)"),
            ("a\u{202e}b", "U+202E (writing direction mark)"),
            ("a\u{ad}b", "U+00AD (soft hyphen)"),
            ("a\u{0}b", "U+0000 (NUL)"),
            ("a\u{3164}b", "U+3164 (invisible character)"),
            ("a\u{9b}b", "U+009B (control character)"),
            ("a\u{e0041}b", "U+E0041"),
        ];
        for (input, part) in cases {
            let fault = clean(input).expect_err(input);
            assert!(fault.message().contains(part), "{input:?}: {fault}");
            assert!(fault.message().contains("never matches"), "{input:?}: {fault}");
        }
    }

    #[test]
    fn decorations_are_taken_off() {
        for input in [
            "a@b",
            "<a@b>",
            "Joe <a@b>",
            "Joe<a@b>",
            "Doe, Joe <a@b>",
            "\"Doe, Joe\" <a@b>",
            "\"x@y, z@y\" <a@b>",
            "x@y <a@b>",
            "mailto:a@b",
            "MailTo:a@b?subject=Hi%20there&cc=c@d",
            "<mailto:a@b>",
            "mailto:%61@b",
            "\"a@b\"",
            "'a@b'",
            "a@b,",
            "a@b ; ",
            "Joe < a@b >;",
            "'Joe <a@b>',",
        ] {
            assert_eq!(undecorate(input).as_deref(), Ok("a@b"), "{input:?}");
        }
    }

    #[test]
    fn what_may_be_a_second_address_is_not_taken_for_a_decoration() {
        for input in [
            "x@y, Joe <a@b>",
            "x@y Joe <a@b>",
            "<x@y> <a@b>",
            "\"joe\"@b",
            "<a@b",
            "a@b>",
            "mailto:a%zz@b",
        ] {
            let kept = undecorate(input).expect("no unseen characters");
            assert_eq!(kept, input.trim_start_matches("mailto:"), "{input:?}");
        }
    }

    #[test]
    fn odd_text_is_made_visible() {
        let cases = [
            (" joe ", "⟨space⟩joe⟨space⟩"),
            ("  ", "⟨space⟩⟨space⟩"),
            ("a\tb\nc\u{7f}\u{85}", "a⟨tab⟩b⟨newline⟩c⟨U+007F⟩⟨U+0085⟩"),
            ("a\u{200b}b\u{a0}c", "a⟨U+200B⟩b⟨U+00A0⟩c"),
            ("山田\u{3000}太郎\u{3000}", "山田\u{3000}太郎⟨U+3000⟩"),
            ("joe\n ", "joe⟨newline⟩⟨space⟩"),
        ];
        for (input, expected) in cases {
            assert_eq!(visible(input), expected, "{input:?}");
        }
    }

    #[test]
    fn ordinary_text_is_borrowed_unchanged() {
        for input in ["", "joe@shop.example", "Zoë O'Neil (sales) 山田 🙂"] {
            assert!(
                matches!(visible(input), Cow::Borrowed(text) if text == input),
                "{input:?}"
            );
        }
    }

    #[test]
    fn a_long_value_is_cut_when_quoted() {
        assert_eq!(quote("short"), "`short`");
        assert_eq!(quote(&"é".repeat(500)), format!("`{}…`", "é".repeat(QUOTED)));
    }

    #[test]
    fn a_relocation_is_an_address_or_plain_text() {
        let cases = [
            (" Joe <Joe@New.Example.> ", "joe@new.example"),
            ("joe@bücher.example", "joe@xn--bcher-kva.example"),
            ("Phone  +44 20   7946 0000", "Phone +44 20 7946 0000"),
            ("a@new.example, B@new.example", "a@new.example, B@new.example"),
            ("@New.example", "@New.example"),
        ];
        for (input, expected) in cases {
            let text = RelocationText::parse(input).expect(input);
            assert_eq!(text.as_str(), expected);
            assert_eq!(text.to_string(), expected);
            assert_eq!(text.is_domain_literal(), expected.starts_with('@'));
        }
    }

    #[test]
    fn a_relocation_that_has_no_effect_or_cannot_be_sent_is_refused() {
        let longest = "x".repeat(RelocationText::LONGEST);
        assert!(RelocationText::parse(&longest).is_ok());
        let cases = [
            (" ", "Postfix ignores such a row"),
            ("ring Zoë", "printable ASCII"),
            ("a\nb", "line break"),
            (&format!("{longest}x"), "401 characters long"),
        ];
        for (input, part) in cases {
            let fault = RelocationText::parse(input).expect_err(input);
            assert!(fault.message().contains(part), "{input:?}: {fault}");
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(12345), "12,345");
        assert_eq!(number(1_000_000), "1,000,000");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_typed_makes_text_panic(input in any::<String>()) {
            let shown = visible(&input);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)));
            if let Ok(text) = undecorate(&input) {
                prop_assert_eq!(text.trim(), &text);
            }
        }

        #[test]
        fn a_stored_relocation_parses_to_itself(input in "(<|mailto:)?[ -~é]{1,30}(@[a-z.]{1,9})?>?") {
            if let Ok(text) = RelocationText::parse(&input) {
                prop_assert_eq!(RelocationText::parse(text.as_str()), Ok(text));
            }
        }
    }
}
