//! Whom an access rule is about: the keys Postfix asks access(5) tables for, and networks.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::access::{AccessKind, NULL_SENDER};
use super::text::quote;
use super::{Caution, DomainName, Fault, MailAddress, clean, undecorate};

/// The name Postfix asks for when a client's address has no name it can verify.
const UNKNOWN_CLIENT: &str = "unknown";
/// IPv4 networks with a prefix this short or shorter hold a 256th of the Internet or more.
const WIDE_V4: u8 = 8;
/// The same for IPv6, in which providers get a /19 to a /32.
const WIDE_V6: u8 = 16;

/// Whom a rule is about: one of the keys Postfix asks for (docs/postfix.md 3h), or a network for the query to compute.
///
/// For recipients and senders `user@domain`, `domain` with its subdomains, and `user@` in any domain; for senders also
/// `<>`. For clients a host or domain name with its subdomains, `unknown`, an IP address, the first one to three numbers
/// of an IPv4 address, the first groups of an IPv6 address, and a network such as `198.51.100.64/26`. Never longer than
/// 255 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPattern {
    kind: AccessKind,
    text: String,
    network: Option<Bounds>,
}

/// The lowest and the highest address of a network, as `INET6_ATON` gives them, and how wide it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bounds {
    lowest: Vec<u8>,
    highest: Vec<u8>,
    is_wide: bool,
}

impl AccessPattern {
    /// Parses what was typed: lower case, IDNA in ASCII, IP addresses as Postfix prints them (RFC 5952; an IPv4 address
    /// mapped into IPv6 becomes the IPv4 address), networks with the host bits cleared. A network of one address
    /// becomes that address.
    ///
    /// # Errors
    /// Whatever Postfix would never ask for (docs/postfix.md rule 67), with the spelling it does ask for; and networks
    /// of the whole Internet.
    pub fn parse(kind: AccessKind, input: &str) -> Result<Self, Fault> {
        let (text, network) = match kind {
            AccessKind::Client => client(&clean(input)?.to_ascii_lowercase())?,
            AccessKind::Sender if clean(input)? == NULL_SENDER => (NULL_SENDER.to_owned(), None),
            AccessKind::Sender | AccessKind::Recipient => {
                let text = undecorate(input)?;
                (mail_key(kind, clean(input)?.as_str(), &text)?, None)
            }
        };
        Ok(Self { kind, text, network })
    }

    /// The pattern as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The lowest and the highest address of a network, both as 4 bytes or both as 16, as MariaDB's `INET6_ATON` gives
    /// them. None for everything else, single addresses too.
    #[must_use]
    pub fn network(&self) -> Option<(&[u8], &[u8])> {
        self.network
            .as_ref()
            .map(|bounds| (bounds.lowest.as_slice(), bounds.highest.as_slice()))
    }

    /// What the pattern covers that may not be meant, whatever the action.
    #[must_use]
    pub fn cautions(&self) -> Vec<Caution> {
        let text = self.as_str();
        let shown = quote(text);
        let caution = if self.network.as_ref().is_some_and(|bounds| bounds.is_wide) {
            Caution::ask(format!(
                "{shown} is millions of addresses in many countries and of many providers. Name a smaller \
                 network unless all of them are meant."
            ))
        } else if text == NULL_SENDER {
            return Vec::new();
        } else if self.kind == AccessKind::Client {
            return client_caution(text).into_iter().collect();
        } else if let Some(user) = text.strip_suffix('@') {
            Caution::remark(format!(
                "{shown} means `{user}` in every domain. For one domain write the whole address, such as \
                 `{user}@shop.example`."
            ))
        } else if text.contains('@') {
            return Vec::new();
        } else if !text.contains('.') {
            Caution::ask(format!(
                "{shown} has no dot, so Postfix takes it for a top-level domain and applies the rule to every \
                 address that ends in `.{text}`. If a user is meant, write `{text}@`."
            ))
        } else if self.kind == AccessKind::Recipient {
            Caution::remark(format!(
                "{shown} means every address of the domain and of its subdomains. For one address write it \
                 whole, such as `joe@{text}`."
            ))
        } else {
            return Vec::new();
        };
        vec![caution]
    }
}

impl fmt::Display for AccessPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The caution of a client pattern that is no network.
fn client_caution(text: &str) -> Option<Caution> {
    let shown = quote(text);
    if text == UNKNOWN_CLIENT {
        Some(Caution::ask(format!(
            "{shown} is every client whose address has no name, or one that does not lead back to it. That is \
             much spam, and some honest servers that are badly set up or whose DNS is down just now."
        )))
    } else if let Some(network) = octet_network(text).filter(|_| !text.contains('.')) {
        Some(Caution::ask(format!(
            "{shown} is every IPv4 address that begins with it, 16 million of them. Write more of the address, \
             such as `{text}.0.113`, or the network `{network}` if all are meant."
        )))
    } else if !text.contains(['.', ':']) && is_group(text) && text.bytes().any(|byte| byte.is_ascii_digit()) {
        Some(Caution::ask(format!(
            "{shown} is every IPv6 address that begins with it, which is many providers. Write more of the \
             address, such as `{text}:db8`."
        )))
    } else if !text.contains(['.', ':']) {
        Some(Caution::ask(format!(
            "{shown} has no dot, so Postfix applies the rule to every host whose name ends in `.{text}`, a whole \
             top-level domain. Write more of the name, such as `dsl.shop.{text}`."
        )))
    } else if text.ends_with("::") && text.parse::<Ipv6Addr>().is_ok() {
        Some(Caution::ask(format!(
            "{shown} is one single address, which hardly any host has. For the network write its length too, \
             such as `{}`.",
            network_of_groups(text.trim_end_matches(':'))
        )))
    } else {
        None
    }
}

/// A recipient or a sender: an address, a domain or `user@`. `typed` is what stood there before decorations were taken
/// off.
fn mail_key(kind: AccessKind, typed: &str, text: &str) -> Result<String, Fault> {
    if typed == NULL_SENDER {
        return Err(Fault::new(
            "`<>` is the sender of bounces, and no message is for it: Postfix would never ask for it as a \
             recipient. Choose the kind `sender`, or write an address.",
        ));
    }
    if let Some(fault) = not_asked_for(kind, text) {
        return Err(fault);
    }
    if let Some(local) = text.strip_suffix('@').filter(|local| !local.contains('@')) {
        // Whatever the domain, it is left out again.
        return match MailAddress::parse(&format!("{local}@x.example")) {
            Ok(address) => Ok(format!("{}@", address.local())),
            Err(_) => Err(Fault::new(format!(
                "{} has no user name that mail can have before the @ (RFC 5321 4.1.2). Postfix would never ask \
                 for it. Write it as in `sales@`.",
                quote(text)
            ))),
        };
    }
    if text.contains('@') {
        return MailAddress::parse(text).map(|address| address.as_str().to_owned());
    }
    host_or_domain(text, kind == AccessKind::Sender)
}

/// What is no key for recipients and senders, wherever it has its `@`.
fn not_asked_for(kind: AccessKind, text: &str) -> Option<Fault> {
    let shown = quote(text);
    let domain_of = |rest: &str| domain_or_example(rest);
    let message = if text.is_empty() {
        let null = if kind == AccessKind::Sender {
            ", or `<>` for the empty sender of bounces"
        } else {
            ""
        };
        format!(
            "The pattern is empty. Postfix never asks for an empty key. Write an address or a domain, such as \
             `joe@shop.example` or `shop.example`{null}."
        )
    } else if let Some(domain) = ["@", "*@", "%@"]
        .iter()
        .find_map(|start| text.strip_prefix(start))
    {
        format!(
            "{shown} never matches: for all addresses of a domain Postfix asks for the plain domain in access \
             rules. Write {}.",
            domain_of(domain)
        )
    } else if let Some(domain) = wild_subdomains(text) {
        format!(
            "{shown} never matches: Postfix asks for the plain domain, which covers its subdomains as well. \
             Write {}.",
            domain_of(domain)
        )
    } else if text == "*" {
        "`*` never matches: Postfix has no such wildcard in access rules. Name an address or a domain, such as \
         `shop.example`."
            .to_owned()
    } else if looks_like_ip(text) {
        format!(
            "{shown} is an IP address or a network. For a {kind} Postfix asks for addresses and domains only, so it \
             never matches. Choose the kind `client` to go by the host that connects."
        )
    } else {
        return None;
    };
    Some(Fault::new(message))
}

/// What stands after `*.` or a leading dot.
fn wild_subdomains(text: &str) -> Option<&str> {
    text.strip_prefix("*.").or_else(|| text.strip_prefix('.'))
}

/// The domain in backticks if it is one, otherwise an example.
fn domain_or_example(text: &str) -> String {
    host_or_domain(text, true).map_or_else(
        |_| "`shop.example`, for example".to_owned(),
        |domain| quote(&domain),
    )
}

/// The part before a slash, without brackets, is an address, or so many numbers that nothing else is meant.
fn looks_like_ip(text: &str) -> bool {
    let (place, _) = text.split_once('/').unwrap_or((text, ""));
    let place = place.trim_matches(['[', ']']);
    let numbers = place
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".*-".contains(&byte));
    let groups = place.contains(':') && place.split(':').all(|group| group.is_empty() || is_group(group));
    place.parse::<IpAddr>().is_ok() || groups || (numbers && place.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A name as Postfix asks for it. Underscores, which no mail domain has, are in the names of hosts and in the domains
/// spammers send from; Postfix looks those up.
fn host_or_domain(text: &str, underscores: bool) -> Result<String, Fault> {
    if !(underscores && text.is_ascii() && text.contains('_')) {
        return DomainName::parse(text).map(|name| name.as_str().to_owned());
    }
    // The same name with another character in the place of each underscore has to be one.
    DomainName::parse(&text.replace('_', "a"))?;
    let name = text.strip_suffix('.').unwrap_or(text);
    Ok(name.to_ascii_lowercase())
}

type Key = (String, Option<Bounds>);

/// A client: `text` is trimmed and in lower case.
fn client(text: &str) -> Result<Key, Fault> {
    let single = |text: String| Ok((text, None));
    if let Some((address, length)) = text.split_once('/').filter(|_| !text.contains("//")) {
        return network(text, address, length);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return single(address.to_canonical().to_string());
    }
    if text == UNKNOWN_CLIENT || octet_network(text).is_some() {
        return single(text.to_owned());
    }
    if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return groups(text).and_then(single);
    }
    if let Some(fault) = no_client(text) {
        return Err(fault);
    }
    if text.contains(':')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || b":*[]".contains(&byte))
    {
        return groups(text).and_then(single);
    }
    host_or_domain(text, true).and_then(single)
}

/// What is no name and no address of a client.
fn no_client(text: &str) -> Option<Fault> {
    let shown = quote(text);
    let message = if text.is_empty() {
        "The pattern is empty. Postfix never asks for an empty key. Write a host name, an IP address or a network, \
         such as `198.51.100.64/26`."
            .to_owned()
    } else if let Some((_, host)) = text.rsplit_once('@') {
        format!(
            "{shown} is an address, and a client is a host: Postfix asks for its name and its IP address, so this \
             never matches. Choose the kind `sender`, or write {}.",
            domain_or_example(host)
        )
    } else if let Some(domain) = wild_subdomains(text) {
        format!(
            "{shown} never matches: Postfix asks for the plain name, which covers every host below it. Write {}.",
            domain_or_example(domain)
        )
    } else if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        format!(
            "{shown} never matches: Postfix asks for the address without brackets. Write `{}`.",
            address.to_canonical()
        )
    } else if let Some(start) = odd_octets(text) {
        let write = mended_octets(start).map_or_else(
            || "an address, its beginning or a network, such as `203.0.113` or `198.51.100.64/26`".to_owned(),
            |start| quote(&start),
        );
        format!(
            "{shown} never matches: Postfix asks for whole IPv4 addresses, and for their first one to three \
             numbers, without leading zeros and without a dot or star at the end. Write {write}."
        )
    } else {
        return None;
    };
    Some(Fault::new(message))
}

/// The network of one to three numbers of an IPv4 address, if that is what it is.
fn octet_network(text: &str) -> Option<IpNet> {
    let mut bytes = [0; 4];
    let mut length: u8 = 0;
    for (place, number) in text.split('.').enumerate() {
        let byte: u8 = number.parse().ok()?;
        if place > 2 || number != byte.to_string() {
            return None;
        }
        bytes[place] = byte;
        length += 8;
    }
    IpNet::new(Ipv4Addr::from(bytes).into(), length).ok()
}

/// The beginning of what can only be meant as numbers of an IPv4 address, without what stands for the rest.
fn odd_octets(text: &str) -> Option<&str> {
    let start = text.trim_end_matches(['.', '*', 'x']);
    let is_numbers = start
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".*- ".contains(&byte));
    (is_numbers && start.starts_with(|c: char| c.is_ascii_digit())).then_some(start)
}

/// Numbers of an IPv4 address without leading zeros, if there are one to four and all are in range.
fn mended_octets(text: &str) -> Option<String> {
    let numbers: Option<Vec<String>> = text
        .split('.')
        .map(|number| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let byte: Option<u8> = number.parse().ok().filter(|_| is_number);
            byte.map(|byte| byte.to_string())
        })
        .collect();
    numbers
        .filter(|numbers| numbers.len() <= 4)
        .map(|numbers| numbers.join("."))
}

fn is_group(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The first groups of an IPv6 address, such as `2001:db8`.
///
/// Postfix cuts the printed address at its colons. Where zeros may be squeezed to `::` the text of an address depends on
/// what follows, so groups of zeros are accepted only between others and alone.
fn groups(text: &str) -> Result<String, Fault> {
    let shown = quote(text);
    let start = text.trim_matches(['[', ']']).trim_end_matches(['*', ':']);
    let typed: Vec<&str> = start.split(':').collect();
    if typed.len() > 7 || !typed.iter().all(|group| is_group(group)) {
        return Err(Fault::new(format!(
            "{shown} is no IPv6 address and not the beginning of one. Postfix asks for the address in its short \
             form and for its first groups, so it never matches. Write one such as `2001:db8:0:1::25` or \
             `2001:db8`, or a network such as `2001:db8::/32`."
        )));
    }
    let groups: Vec<String> = typed
        .iter()
        .map(|group| match group.trim_start_matches('0') {
            "" => "0".to_owned(),
            short => short.to_owned(),
        })
        .collect();
    let key = groups.join(":");
    let squeezed = groups.first().is_some_and(|first| first == "0")
        || groups.last().is_some_and(|last| last == "0")
        || groups
            .windows(2)
            .any(|pair| pair.iter().all(|group| group == "0"));
    if squeezed {
        return Err(Fault::new(format!(
            "{shown} has zeros that are left out of most addresses that begin with it (`::`). Postfix compares the \
             text, so it would match some of them and not the others. Write the network `{}`.",
            network_of_groups(&key)
        )));
    }
    if start.len() < text.len() {
        return Err(Fault::new(format!(
            "{shown} never matches: Postfix asks for the first groups of an address without a colon, star or \
             bracket at the ends. Write {}.",
            quote(&key)
        )));
    }
    Ok(key)
}

/// The network of all addresses that begin with these groups.
fn network_of_groups(start: &str) -> String {
    let count = start.split(':').count();
    let rest = if count < 8 { "::" } else { "" };
    format!("{start}{rest}/{}", 16 * count)
        .parse::<IpNet>()
        .map_or_else(|_| "2001:db8::/32".to_owned(), |network| network.to_string())
}

/// `address/length`.
fn network(text: &str, address: &str, length: &str) -> Result<Key, Fault> {
    let Ok(address) = address.trim().trim_matches(['[', ']']).parse::<IpAddr>() else {
        return Err(no_network(text, address, length));
    };
    let length = length.trim();
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
    let Some(length) = length
        .parse::<u8>()
        .ok()
        .filter(|&length| is_number && length <= longest)
    else {
        return Err(bad_length(text, address, length, longest));
    };
    // A part of the IPv4 addresses written in IPv6: Postfix prints such clients as IPv4.
    let (address, length) = match address.to_canonical() {
        IpAddr::V4(mapped) if address.is_ipv6() && length >= 96 => (IpAddr::V4(mapped), length - 96),
        _ => (address, length),
    };
    if length == 0 {
        return Err(Fault::new(format!(
            "{} is every address there is. Nobody could send mail here any more, or everybody could. Name a \
             network, such as `198.51.100.64/26`.",
            quote(text)
        )));
    }
    let network = IpNet::new(address, length)
        .map_err(|_| no_network(text, &address.to_string(), ""))?
        .trunc();
    if network.prefix_len() == network.max_prefix_len() {
        return Ok((network.addr().to_canonical().to_string(), None));
    }
    let bounds = Bounds {
        lowest: bytes(network.network()),
        highest: bytes(network.broadcast()),
        is_wide: length <= if address.is_ipv4() { WIDE_V4 } else { WIDE_V6 },
    };
    Ok((network.to_string(), Some(bounds)))
}

fn bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Before the slash is no whole address.
fn no_network(text: &str, address: &str, length: &str) -> Fault {
    let octets = mended_octets(address.trim_end_matches(['.', '*']));
    let padded = octets.map(|octets| {
        let missing = 4 - octets.split('.').count();
        format!("{octets}{}/{length}", ".0".repeat(missing))
    });
    let write = padded
        .and_then(|guess| network(&guess, guess.split('/').next()?, length).ok())
        .map_or(
            Cow::from("one such as `198.51.100.64/26` or `2001:db8::/32`"),
            |(key, _)| quote(&key).into(),
        );
    Fault::new(format!(
        "{} is no network: there has to be a whole IP address before the slash. As a name Postfix never asks \
         for it. Write {write}.",
        quote(text)
    ))
}

/// After the slash is no length, but perhaps a netmask.
fn bad_length(text: &str, address: IpAddr, length: &str, longest: u8) -> Fault {
    let by_mask = length
        .parse::<IpAddr>()
        .ok()
        .and_then(|mask| IpNet::with_netmask(address, mask).ok())
        .filter(|network| network.prefix_len() > 0);
    let write = by_mask.map_or_else(
        || {
            format!(
                "a number of bits from 1 to {longest}, such as `{address}/{}`",
                longest - 8
            )
        },
        |network| quote(&network.trunc().to_string()),
    );
    Fault::new(format!(
        "{} has no length of a network after the slash, so no address would ever match. Write {write}.",
        quote(text)
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use AccessKind::{Client, Recipient, Sender};
    use proptest::prelude::*;

    /// For each caution whether it asks, and a part of its text.
    pub type Expected<'t> = &'t [(bool, &'t str)];

    fn pattern(kind: AccessKind, input: &str) -> AccessPattern {
        AccessPattern::parse(kind, input).unwrap_or_else(|fault| panic!("{kind} {input:?}: {fault}"))
    }

    /// Checks that a pattern is refused with these parts in the message, and that the first value it advises is
    /// accepted.
    fn refused(kind: AccessKind, input: &str, parts: &[&str]) {
        let fault = AccessPattern::parse(kind, input).expect_err(input);
        let message = fault.message();
        for part in parts {
            assert!(message.contains(part), "{kind} {input:?} lacks {part:?}: {fault}");
        }
        if let Some((_, value)) = message.split_once("Write `") {
            let value = value.split('`').next().expect("a value");
            assert!(
                AccessPattern::parse(kind, value).is_ok(),
                "{input:?} advises {value:?}: {fault}"
            );
        }
    }

    /// Checks what is said of a rule, in order.
    pub fn expect_cautions(cautions: &[Caution], expected: Expected, what: &str) {
        assert_eq!(cautions.len(), expected.len(), "{what}: {cautions:?}");
        for (caution, (confirm, part)) in cautions.iter().zip(expected) {
            assert_eq!(caution.confirm, *confirm, "{what}: {caution:?}");
            assert!(
                caution.message.contains(part),
                "{what} lacks {part:?}: {caution:?}"
            );
        }
    }

    #[test]
    fn recipients_and_senders_are_addresses_domains_and_users() {
        for (input, stored) in [
            ("Joe@Shop.example", "joe@shop.example"),
            ("Joe <joe+x@shop.example>", "joe+x@shop.example"),
            ("mailto:joe@shop.example", "joe@shop.example"),
            ("joe@bücher.example", "joe@xn--bcher-kva.example"),
            (" Shop.EXAMPLE. ", "shop.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("Sales@", "sales@"),
            ("<sales@>", "sales@"),
            ("com", "com"),
        ] {
            for kind in [Recipient, Sender] {
                let parsed = pattern(kind, input);
                assert_eq!(
                    (parsed.as_str(), parsed.network()),
                    (stored, None),
                    "{kind} {input:?}"
                );
                assert_eq!(parsed.to_string(), stored);
            }
        }
        assert_eq!(pattern(Sender, " <> ").as_str(), "<>");
        assert_eq!(
            pattern(Sender, "Bulk_Mail.Spam.example.").as_str(),
            "bulk_mail.spam.example"
        );
    }

    #[test]
    fn clients_are_names_addresses_and_their_beginnings() {
        for (input, stored) in [
            ("DSL.Spam.example.", "dsl.spam.example"),
            ("host_7.dsl.spam.example", "host_7.dsl.spam.example"),
            ("1.2.3.4.dsl.example", "1.2.3.4.dsl.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("Unknown", "unknown"),
            ("example", "example"),
            ("203.0.113.77", "203.0.113.77"),
            ("203.0.113", "203.0.113"),
            ("203.0", "203.0"),
            ("203", "203"),
            ("2001:0DB8:0:1::0025", "2001:db8:0:1::25"),
            ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
            ("::FFFF:203.0.113.77", "203.0.113.77"),
            ("2001:0db8", "2001:db8"),
            ("2001:db8:0:1", "2001:db8:0:1"),
            ("2001", "2001"),
            ("203.0.113.7/32", "203.0.113.7"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("::ffff:203.0.113.7/128", "203.0.113.7"),
        ] {
            let parsed = pattern(Client, input);
            assert_eq!((parsed.as_str(), parsed.network()), (stored, None), "{input:?}");
        }
    }

    #[test]
    fn a_network_has_bounds_and_no_host_bits() {
        for (input, stored, lowest, highest) in [
            (
                "198.51.100.64/26",
                "198.51.100.64/26",
                "198.51.100.64",
                "198.51.100.127",
            ),
            (
                "198.51.100.77 / 26",
                "198.51.100.64/26",
                "198.51.100.64",
                "198.51.100.127",
            ),
            ("203.0.113.7/31", "203.0.113.6/31", "203.0.113.6", "203.0.113.7"),
            ("128.0.0.0/1", "128.0.0.0/1", "128.0.0.0", "255.255.255.255"),
            (
                "::ffff:203.0.113.0/120",
                "203.0.113.0/24",
                "203.0.113.0",
                "203.0.113.255",
            ),
            (
                "2001:0DB8::1/32",
                "2001:db8::/32",
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
        ] {
            let parsed = pattern(Client, input);
            assert_eq!(parsed.as_str(), stored);
            let address = |text: &str| bytes(text.parse().expect("an address"));
            let (low, high) = (address(lowest), address(highest));
            assert_eq!(
                parsed.network(),
                Some((low.as_slice(), high.as_slice())),
                "{input:?}"
            );
        }
    }

    #[test]
    fn keys_of_recipients_and_senders_that_are_never_asked_for_are_refused() {
        let long = format!("{}@shop.example", "x".repeat(250));
        for kind in [Recipient, Sender] {
            let cases: &[(&str, &[&str])] = &[
                ("", &["empty", "never asks"]),
                ("@Shop.example", &["never matches", "Write `shop.example`."]),
                ("*@shop.example", &["Write `shop.example`."]),
                ("%@shop.example", &["Write `shop.example`."]),
                ("@", &["never matches", "`shop.example`, for example"]),
                ("*.shop.example", &["subdomains", "Write `shop.example`."]),
                (".shop.example", &["subdomains", "Write `shop.example`."]),
                ("*", &["no such wildcard"]),
                ("203.0.113.7", &["IP address", "kind `client`"]),
                ("203.0.113", &["kind `client`"]),
                ("[203.0.113.7]", &["kind `client`"]),
                ("2001:db8::1", &["kind `client`"]),
                ("2001:db8", &["kind `client`"]),
                ("198.51.100.64/26", &["kind `client`"]),
                ("2001:db8::/32", &["kind `client`"]),
                ("a b@shop.example", &["space"]),
                ("joe@@shop.example", &["more than one @"]),
                ("a..b@", &["no user name"]),
                ("é@", &["no user name"]),
                ("joe\u{200b}@shop.example", &["U+200B"]),
                ("shop example", &["space"]),
                ("http://shop.example/", &["Write `shop.example`."]),
                (&long, &["250 characters"]),
            ];
            for (input, parts) in cases {
                refused(kind, input, parts);
            }
        }
        refused(Sender, " ", &["or `<>` for the empty sender"]);
        refused(Recipient, "<>", &["sender of bounces", "kind `sender`"]);
        refused(Recipient, "a_b.example", &["underscore"]);
    }

    #[test]
    fn keys_of_clients_that_are_never_asked_for_are_refused() {
        let cases: &[(&str, &[&str])] = &[
            ("", &["empty"]),
            ("joe@shop.example", &["kind `sender`", "write `shop.example`"]),
            ("@shop.example", &["kind `sender`"]),
            (
                ".dsl.spam.example",
                &["every host below", "Write `dsl.spam.example`."],
            ),
            ("*.dsl.spam.example", &["Write `dsl.spam.example`."]),
            ("1.2.3.", &["Write `1.2.3`."]),
            ("1.2.3.*", &["Write `1.2.3`."]),
            ("1.2.*.*", &["Write `1.2`."]),
            ("1.2.3.x", &["Write `1.2.3`."]),
            ("203.0.113.077", &["Write `203.0.113.77`."]),
            ("256.1.1.1", &["never matches", "198.51.100.64/26"]),
            ("1.2.3.4.5", &["never matches"]),
            ("999", &["never matches"]),
            (
                "203.0.113.0-203.0.113.255",
                &["never matches", "198.51.100.64/26"],
            ),
            ("[1.2.3.4]", &["without brackets", "Write `1.2.3.4`."]),
            ("[2001:DB8::1]", &["without brackets", "Write `2001:db8::1`."]),
            ("2001:db8:", &["Write `2001:db8`."]),
            ("2001:0db8:*", &["Write `2001:db8`."]),
            (
                "2001:db8:0",
                &["some of them", "Write the network `2001:db8::/48`."],
            ),
            ("2001:0:0:1", &["Write the network `2001:0:0:1::/64`."]),
            ("2001:db8::1::2", &["no IPv6 address"]),
            ("2001:db8:12345", &["no IPv6 address"]),
            ("1:2:3:4:5:6:7:8:9", &["no IPv6 address"]),
            ("198.51.100.64/33", &["no length", "1 to 32"]),
            ("2001:db8::/129", &["no length", "1 to 128"]),
            ("198.51.100.64/", &["no length"]),
            ("198.51.100.64/+8", &["no length"]),
            ("198.51.100.77/255.255.255.192", &["Write `198.51.100.64/26`."]),
            ("0.0.0.0/0", &["every address"]),
            ("10.0.0.0/0", &["every address"]),
            ("::/0", &["every address"]),
            ("::ffff:0.0.0.0/96", &["every address"]),
            ("10/8", &["whole IP address", "Write `10.0.0.0/8`."]),
            ("203.0.113/24", &["Write `203.0.113.0/24`."]),
            ("2001:db8/32", &["whole IP address", "2001:db8::/32"]),
            ("spam.example/24", &["whole IP address"]),
            ("spam.example:25", &["Write `spam.example`."]),
            ("http://spam.example/", &["Write `spam.example`."]),
            ("fe80::1%eth0", &["never matches"]),
            ("spam example", &["space"]),
            ("<>", &["never match"]),
            ("1.2.3.4\u{200b}5", &["U+200B"]),
        ];
        for (input, parts) in cases {
            refused(Client, input, parts);
        }
    }

    #[test]
    fn a_pattern_that_covers_much_is_cautioned() {
        let cases: &[(AccessKind, &str, Expected)] = &[
            (Recipient, "joe@shop.example", &[]),
            (Recipient, "shop.example", &[(false, "subdomains")]),
            (Recipient, "sales@", &[(false, "every domain")]),
            (Recipient, "com", &[(true, "top-level domain")]),
            (Sender, "vivita", &[(true, "`vivita@`")]),
            (Sender, "shop.example", &[]),
            (Sender, "unknown", &[(true, "top-level domain")]),
            (Sender, "<>", &[]),
            (Client, "spam.example", &[]),
            (Client, "de", &[(true, "top-level domain")]),
            (Client, "unknown", &[(true, "no name")]),
            (Client, "203", &[(true, "`203.0.0.0/8`")]),
            (Client, "203.0", &[]),
            (Client, "203.0.113.7", &[]),
            (Client, "2001", &[(true, "IPv6")]),
            (Client, "fe80", &[(true, "IPv6")]),
            (Client, "2001:db8", &[]),
            (Client, "2001:db8::", &[(true, "`2001:db8::/32`")]),
            (Client, "2001:db8::1", &[]),
            (Client, "10.0.0.0/8", &[(true, "millions")]),
            (Client, "10.0.0.0/9", &[]),
            (Client, "2001::/16", &[(true, "millions")]),
            (Client, "2001:db8::/32", &[]),
        ];
        for (kind, input, expected) in cases {
            expect_cautions(&pattern(*kind, input).cautions(), expected, input);
        }
    }

    fn any_kind() -> impl Strategy<Value = AccessKind> {
        prop_oneof![Just(Recipient), Just(Sender), Just(Client)]
    }

    fn parses_to_itself(kind: AccessKind, input: &str) -> Result<(), TestCaseError> {
        let Ok(parsed) = AccessPattern::parse(kind, input) else {
            return Ok(());
        };
        let text = parsed.as_str();
        prop_assert!(text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert!(!text.bytes().any(|byte| byte.is_ascii_uppercase()));
        prop_assert_eq!(parsed.network().is_some(), text.contains('/') && kind == Client);
        let _ = parsed.cautions();
        prop_assert_eq!(AccessPattern::parse(kind, text), Ok(parsed.clone()));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_typed_makes_a_pattern_panic(kind in any_kind(), input in any::<String>()) {
            parses_to_itself(kind, &input)?;
        }

        #[test]
        fn a_stored_pattern_parses_to_itself(
            kind in any_kind(),
            input in "[<\\[@*.]?[a-zA-Zéß0-9_:./-]{0,9}[@.:]?[a-z0-9_.:-]{0,9}[@>.*:x\\]]?(/[0-9.]{0,3})?",
        ) {
            parses_to_itself(kind, &input)?;
        }

        #[test]
        fn a_stored_client_parses_to_itself(
            input in "([0-9]{1,3}\\.){0,4}[0-9]{0,3}(/[0-9]{1,2})?|([0-9a-f]{0,4}:){1,8}[0-9a-f]{0,4}(/[0-9]{1,3})?",
        ) {
            parses_to_itself(Client, &input)?;
        }

        #[test]
        fn an_address_is_in_its_network(address in any::<u128>(), length in 1..128_u8, is_v4 in any::<bool>()) {
            let (address, length) = if is_v4 {
                (IpAddr::V4(Ipv4Addr::from((address >> 96) as u32)), length.clamp(1, 31))
            } else {
                (IpAddr::V6(Ipv6Addr::from(address)), length)
            };
            prop_assume!(address == address.to_canonical());
            let parsed = pattern(Client, &format!("{address}/{length}"));
            let (lowest, highest) = parsed.network().expect("a network");
            let own = bytes(address);
            prop_assert!(lowest.len() == own.len() && lowest <= own.as_slice() && own.as_slice() <= highest);
        }
    }
}
