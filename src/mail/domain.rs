//! The name of a mail domain.

use std::fmt;
use std::net::IpAddr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::text::quote;
use super::{Fault, clean};

/// A mail domain in the form Postfix looks up: lower-case ASCII, IDNA-encoded, without a trailing dot.
///
/// Labels are 1 to 63 letters, digits and hyphens, and the whole is at most 253 octets (RFC 1035 2.3.4, RFC
/// 1123 2.1). International names are converted by UTS 46, since Postfix asks for the `xn--` form (docs/postfix.md
/// rule 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(String);

impl DomainName {
    /// Parses what was typed: trims it, lower-cases it, takes one trailing dot off and converts it to ASCII.
    ///
    /// # Errors
    /// Whatever Postfix would never match as a domain, and `*`, which would take all outgoing mail.
    pub fn parse(input: &str) -> Result<Self, Fault> {
        let typed = clean(input)?;
        // The full stops that UTS 46 takes for a dot are dots at the end too.
        let text = typed
            .strip_suffix(['.', '。', '．', '｡'])
            .unwrap_or(&typed)
            .to_ascii_lowercase();
        if let Some(fault) = another_thing(&text).or_else(|| broken_name(&text)) {
            return Err(fault);
        }
        // Only ASCII was lower-cased above: UTS 46 folds the rest, and knows better about the final sigma.
        // Two hyphens in places 3 and 4 are let through, as DNS and Postfix do; `xn--` labels are verified
        // all the same.
        let ascii = Uts46::new()
            .to_ascii(
                text.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .map_err(|_| not_convertible(&text))?;
        if ends_in_a_number(&ascii) {
            return Err(an_ip_address(&text));
        }
        Ok(Self(ascii.into_owned()))
    }

    /// The ASCII form, as stored and looked up.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form for people, such as `bücher.example`; None when it is the same as the ASCII form.
    #[must_use]
    pub fn unicode(&self) -> Option<String> {
        let (unicode, valid) = idna::domain_to_unicode(&self.0);
        (valid.is_ok() && unicode != self.0).then_some(unicode)
    }

    /// Whether the name is one label, such as `localhost` or `intern`, which nobody on the Internet can write
    /// to.
    #[must_use]
    pub fn is_single_label(&self) -> bool {
        !self.0.contains('.')
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was typed is something else than a domain name: an address, a wildcard, a URL, an IP address.
fn another_thing(text: &str) -> Option<Fault> {
    let shown = quote(text);
    let message = if text.is_empty() {
        "The domain is empty. Postfix never matches an empty name. Write a domain such as `shop.example`."
            .to_owned()
    } else if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Some(an_ip_address(text));
    } else if text.contains(['/', ':']) {
        format!(
            "{shown} is more than a domain name. Postfix compares it as it stands and never matches it. {}",
            write_instead(&host_part(text))
        )
    } else if let Some(domain) = text.strip_prefix('@') {
        format!(
            "{shown} begins with @. Postfix asks for the plain domain here, so it never matches the row and \
             answers `Relay access denied`. {}",
            write_instead(domain)
        )
    } else if let Some((_, domain)) = text.rsplit_once('@') {
        format!(
            "{shown} is an address. Postfix asks for the domain alone here, so it never matches. {}",
            write_instead(domain)
        )
    } else if text == "*" {
        "`*` is no wildcard for domains: Postfix reads it as a transport key and sends all outgoing mail \
         that way. Name one domain, such as `shop.example`."
            .to_owned()
    } else if let Some(domain) = text.strip_prefix("*.") {
        format!(
            "{shown} is a wildcard. Postfix has none for domains and never matches it. Subdomains need rows \
             of their own; for the domain itself write {}.",
            quote(domain)
        )
    } else if let Some(domain) = text.strip_prefix('.') {
        format!(
            "{shown} begins with a dot. Postfix never matches it as a domain, and as a transport key it \
             takes all outgoing mail to the subdomains. Subdomains need rows of their own; for the domain \
             itself write {}.",
            quote(domain)
        )
    } else {
        return None;
    };
    Some(Fault::new(message))
}

/// It is meant as a domain name, but breaks a rule that can be named.
fn broken_name(text: &str) -> Option<Fault> {
    let shown = quote(text);
    let never = "Postfix would never match it.";
    let longest = text.split('.').map(str::len).max().unwrap_or_default();
    let message = if text.contains(char::is_whitespace) {
        let joined: String = text.split_whitespace().collect();
        format!("{shown} has a space inside. {never} {}", write_instead(&joined))
    } else if text.contains('_') {
        format!(
            "{shown} has an underscore, which a mail domain cannot have (RFC 1123 2.1). Postfix would look \
             it up, but other servers refuse to send to it. {}",
            write_instead(&text.replace('_', "-"))
        )
    } else if text.contains('*') {
        format!(
            "{shown} has a `*`. Postfix has no wildcards for domains. {never} Write one row for each domain."
        )
    } else if text.contains(['[', ']']) {
        format!(
            "{shown} has brackets, which belong in a transport. {never} {}",
            write_instead(&text.replace(['[', ']'], ""))
        )
    } else if text.split('.').any(str::is_empty) {
        format!("{shown} has two dots with nothing between, or one too many. {never} Take the extra dot out.")
    } else if text
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        format!(
            "{shown} has a hyphen at the start or end of a part, which no domain has (RFC 1123 2.1). {never} \
             Take the hyphen out."
        )
    } else if text.is_ascii() && longest > 63 {
        format!(
            "{shown} has a part of {longest} characters; DNS allows 63 (RFC 1035 2.3.4). {never} Shorten it."
        )
    } else if text.is_ascii() && text.len() > 253 {
        format!(
            "{shown} is {} characters long; DNS allows 253 (RFC 1035 2.3.4). {never} Shorten it.",
            text.len()
        )
    } else if let Some(c) = text
        .chars()
        .find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-.".contains(*c))
    {
        let plain: String = text.chars().filter(|&other| other != c).collect();
        format!(
            "{shown} has a `{c}`; domains have letters, digits, hyphens and dots only. {never} {}",
            write_instead(&plain)
        )
    } else {
        return None;
    };
    Some(Fault::new(message))
}

fn not_convertible(text: &str) -> Fault {
    Fault::new(format!(
        "{} cannot be written in ASCII as IDNA asks (UTS 46). Postfix is asked for the ASCII form and would \
         never match the row. Check the spelling, and that each `xn--` part and the whole are complete and \
         not too long.",
        quote(text)
    ))
}

fn an_ip_address(text: &str) -> Fault {
    Fault::new(format!(
        "{} is an IP address or ends in a number, and that is no mail domain here: Postfix is asked for \
         names and would never match it. Write a domain such as `shop.example`.",
        quote(text)
    ))
}

/// DNS has no all-numeric top-level domain, so that a name can be told from an IPv4 address (RFC 1123 2.1).
fn ends_in_a_number(ascii: &str) -> bool {
    ascii
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The host in something like `https://user@shop.example:443/path`.
fn host_part(text: &str) -> String {
    let rest = text.split_once("//").map_or(text, |(_, rest)| rest);
    let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = place.rsplit('@').next().unwrap_or_default();
    host.split(':').next().unwrap_or_default().to_owned()
}

/// The closing sentence of a message: the value that was probably meant, if that is a domain name at all.
fn write_instead(guess: &str) -> String {
    let name = guess.trim_end_matches('.');
    // A single word before a colon is more likely a scheme or a transport than a domain.
    if name.contains('.') && another_thing(name).is_none() && broken_name(name).is_none() {
        format!("Write {}.", quote(name))
    } else {
        "Write a domain such as `shop.example`.".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(input: &str) -> String {
        DomainName::parse(input).expect(input).to_string()
    }

    #[test]
    fn a_name_is_trimmed_and_lower_cased() {
        assert_eq!(parsed("  Shop.EXAMPLE\n"), "shop.example");
        assert_eq!(parsed("a--b.ab--cd.example"), "a--b.ab--cd.example");
        assert_eq!(parsed("1und1.example"), "1und1.example");
    }

    #[test]
    fn a_trailing_dot_is_taken_off() {
        assert_eq!(parsed("shop.example."), "shop.example");
        assert_eq!(parsed("shop.example。"), "shop.example");
        assert!(DomainName::parse("shop.example..").is_err(), "only one");
    }

    #[test]
    fn an_international_name_is_stored_in_ascii_and_shown_in_unicode() {
        let cases = [
            ("Bücher.example", "xn--bcher-kva.example", "bücher.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", "bücher.example"),
            ("straße.example", "xn--strae-oqa.example", "straße.example"),
            ("ΣΑΣ.example", "xn--mxa9ab.example", "σασ.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"),
        ];
        for (input, ascii, unicode) in cases {
            let name = DomainName::parse(input).expect(input);
            assert_eq!(name.as_str(), ascii);
            assert_eq!(name.unicode().as_deref(), Some(unicode));
        }
        assert_eq!(DomainName::parse("shop.example").expect("plain").unicode(), None);
    }

    #[test]
    fn a_single_label_is_a_name() {
        for (input, single) in [("localhost", true), ("intern.", true), ("shop.example", false)] {
            assert_eq!(DomainName::parse(input).expect(input).is_single_label(), single);
        }
    }

    #[test]
    fn what_is_no_domain_is_refused_with_the_reason_and_the_mend() {
        let long_label = "a".repeat(64);
        let long_name = format!("{}example", "abcdefg.".repeat(31));
        let cases: &[(&str, &[&str])] = &[
            ("", &["empty", "never"]),
            (" . ", &["empty"]),
            (
                "@shop.example",
                &["begins with @", "Relay access denied", "Write `shop.example`."],
            ),
            ("*", &["all outgoing mail"]),
            (
                "*.example.org",
                &["wildcard", "never matches", "rows of their own", "`example.org`"],
            ),
            (
                ".example",
                &[
                    "begins with a dot",
                    "all outgoing mail to the subdomains",
                    "rows of their own",
                ],
            ),
            ("a*b.example", &["no wildcards"]),
            (
                "http://www.shop.example/x",
                &["never matches", "Write `www.shop.example`."],
            ),
            ("http://b", &["more than a domain", "such as `shop.example`"]),
            ("shop.example:25", &["Write `shop.example`."]),
            ("smtp:[h]", &["more than a domain", "such as"]),
            ("shop.example/mail", &["Write `shop.example`."]),
            ("joe@shop.example", &["is an address", "Write `shop.example`."]),
            ("192.0.2.1", &["IP address"]),
            ("[192.0.2.1]", &["IP address"]),
            ("2001:db8::1", &["IP address"]),
            ("256.1.1.1", &["ends in a number"]),
            ("shop.123", &["ends in a number"]),
            ("shop.１２", &["ends in a number"]),
            ("[shop.example]", &["brackets", "Write `shop.example`."]),
            ("shop_one.example", &["underscore", "Write `shop-one.example`."]),
            ("shop .example", &["space", "Write `shop.example`."]),
            ("shop..example", &["two dots"]),
            ("-shop.example", &["hyphen"]),
            ("shop-.example", &["hyphen"]),
            ("shop.example,", &["`,`", "Write `shop.example`."]),
            (&long_label, &["64 characters", "63"]),
            (&long_name, &["255 characters", "253"]),
            ("xn--a.example", &["IDNA"]),
            ("\u{300}a.example", &["IDNA"]),
            ("sho\u{200b}p.example", &["U+200B"]),
        ];
        for (input, parts) in cases {
            let fault = DomainName::parse(input).expect_err(input);
            for part in *parts {
                assert!(
                    fault.message().contains(part),
                    "{input:?} lacks {part:?}: {fault}"
                );
            }
        }
    }

    #[test]
    fn the_longest_label_and_name_are_accepted() {
        assert!(DomainName::parse(&format!("{}.example", "a".repeat(63))).is_ok());
        let longest = format!("{}exampl", "abcdefg.".repeat(30)) + ".abcdef";
        assert_eq!(longest.len(), 253);
        assert!(DomainName::parse(&longest).is_ok());
        assert!(DomainName::parse(&format!("{longest}g")).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_typed_makes_a_domain_panic(input in any::<String>()) {
            if let Ok(name) = DomainName::parse(&input) {
                prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name));
            }
        }

        #[test]
        fn a_stored_domain_parses_to_itself(input in concat!("[@*.]?[a-zA-Z0-9äßÜıΣ山_-]{1,8}",
            "([.。][a-zäİς0-9-]{1,6}){0,3}\\.?")) {
            if let Ok(name) = DomainName::parse(&input) {
                prop_assert!(name.as_str().is_ascii() && !name.as_str().ends_with('.'));
                if let Some(unicode) = name.unicode() {
                    prop_assert_eq!(DomainName::parse(&unicode), Ok(name.clone()));
                }
                prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
