//! Addresses as Postfix handles them between its programs: without quotes, with a domain.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::howto::Configuration;
use super::{Site, rfc822};

/// What stands before the last `@` of an address, and the domain after it.
pub(super) fn parts(address: &str) -> (&str, Option<&str>) {
    match address.rsplit_once('@') {
        Some((local, domain)) => (local, Some(domain)),
        None => (address, None),
    }
}

/// The domain of an address that has one.
pub(super) fn domain(address: &str) -> &str {
    parts(address).1.unwrap_or_default()
}

/// The addresses that are stored in a list, without quotes and brackets. One that has its only `@` in quotes keeps them, as it
/// has no domain yet; an `@` alone is the empty address.
pub(super) fn read(text: &str) -> Vec<String> {
    let addresses = rfc822::addresses(text).into_iter();
    addresses
        .map(|address| {
            let (plain, has_domain) = unquoted(&address);
            if plain.contains('@') && !has_domain {
                address
            } else if plain == "@" {
                String::new()
            } else {
                plain
            }
        })
        .collect()
}

/// The address in what somebody typed, as smtpd(8) takes it from `RCPT TO` and `MAIL FROM`: exactly one, without quotes,
/// brackets and source routes.
pub(super) fn typed(text: &str) -> Option<String> {
    // A source route is one address only between brackets, where it stands in SMTP.
    let text = text.trim();
    let bracketed = text.starts_with('@').then(|| format!("<{text}>"));
    let addresses = rfc822::addresses(bracketed.as_deref().unwrap_or(text));
    let [address] = addresses.as_slice() else {
        return None;
    };
    let (plain, _) = unquoted(without_route(address));
    (!plain.is_empty()).then_some(plain)
}

/// An address without the hosts it is to go by, `@one,@two:user@domain`.
fn without_route(address: &str) -> &str {
    let target = address.strip_prefix('@').and_then(|route| route.split_once(':'));
    target
        .map(|(_, target)| target)
        .filter(|target| !target.is_empty())
        .unwrap_or(address)
}

/// An address without the quotes of its local part, and whether an `@` stands outside of them.
fn unquoted(address: &str) -> (String, bool) {
    let mut plain = String::with_capacity(address.len());
    let (mut is_quoted, mut has_domain) = (false, false);
    let mut chars = address.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => is_quoted = !is_quoted,
            '\\' => plain.extend(chars.next()),
            _ => {
                has_domain |= c == '@' && !is_quoted;
                plain.push(c);
            }
        }
    }
    (plain, has_domain)
}

/// An address as it is written in mail and logs: its local part in quotes where it needs them, a route before it as it is.
pub(super) fn written(address: &str) -> Cow<'_, str> {
    if address.starts_with('@')
        && let Some((route, target)) = address.split_once(':')
    {
        return Cow::Owned(format!("{route}:{}", written(target)));
    }
    let (local, domain) = parts(address);
    let is_plain = !local.is_empty()
        && local.split('.').all(|atom| !atom.is_empty())
        && !local
            .chars()
            .any(|c| c.is_ascii_control() || " ()<>@,;:\\\"[]".contains(c));
    if is_plain {
        return Cow::Borrowed(address);
    }
    let escaped = local.replace('\\', "\\\\").replace('"', "\\\"");
    let domain = domain.map_or_else(String::new, |domain| format!("@{domain}"));
    Cow::Owned(format!("\"{escaped}\"{domain}"))
}

/// An address with a domain: trivial-rewrite(8) takes source routes and an `@` behind the domain away, reads `host!user` and `user%host` where there is no
/// `@`, and puts `@myorigin` behind what has no domain. The empty address stays as it is.
pub(super) fn rewritten(address: &str, site: &Site, configuration: &Configuration) -> String {
    if address.is_empty() {
        return String::new();
    }
    if address.starts_with('"')
        && let (local, false) = unquoted(address)
    {
        return format!("{local}@{}", site.origin);
    }
    let mut address = without_route(address).to_owned();
    if let Some(shorter) = address.strip_suffix('@')
        && shorter.contains('@')
    {
        address.truncate(shorter.len());
    }
    if !address.contains('@') {
        address = if let Some((host, user)) = address.split_once('!') {
            format!("{user}@{host}")
        } else if let Some((user, host)) = address.rsplit_once('%') {
            format!("{user}@{host}")
        } else {
            format!("{address}@{}", site.origin)
        };
    }
    if let Some(shorter) = address.strip_suffix('.')
        && !shorter.ends_with(['.', '@'])
    {
        address.truncate(shorter.len());
    }
    let name = domain(&address);
    if configuration.appends_own_domain && !(name.is_empty() || name.contains('.') || name.starts_with('[')) {
        let own = site.origin.split_once('.').map_or("localdomain", |(_, own)| own);
        address = format!("{address}.{own}");
    }
    address
}

/// Whether Postfix takes a domain for one: a host name, an address in brackets.
pub(super) fn is_domain(name: &str) -> bool {
    if let Some(literal) = name.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(is_literal);
    }
    let labels = || name.split('.');
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    name.len() <= 255
        && labels().all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c) || !c.is_ascii())
        })
        && !is_number
}

/// What may stand in brackets: `192.0.2.1`, `IPv6:2001:db8::1`.
fn is_literal(literal: &str) -> bool {
    match literal.split_at_checked("ipv6:".len()) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("ipv6:") => address.parse::<Ipv6Addr>().is_ok(),
        _ => literal.parse::<Ipv4Addr>().is_ok(),
    }
}

/// An address without its extension, `user+extension@domain`.
pub(super) fn without_extension(address: &str, delimiter: Option<char>) -> Option<String> {
    let (local, domain) = parts(address);
    let at = local.find(delimiter?)?;
    let is_special = ["mailer-daemon", "double-bounce"]
        .iter()
        .any(|name| local.eq_ignore_ascii_case(name));
    if at == 0 || is_special {
        return None;
    }
    Some(match domain {
        Some(domain) => format!("{}@{domain}", &local[..at]),
        None => local[..at].to_owned(),
    })
}

/// The domains above one, each with its dot in front: `.example.org`, `.org`.
pub(super) fn dotted_parents(name: &str) -> impl Iterator<Item = &str> {
    let first = name
        .get(1..)
        .and_then(|rest| rest.find('.'))
        .map(|at| &name[at + 1..]);
    std::iter::successors(first, |parent| parent[1..].find('.').map(|at| &parent[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Setup;

    fn rewrite(address: &str) -> String {
        rewritten(address, &Site::default(), Setup::Postwarden.configuration())
    }

    #[test]
    fn a_word_without_a_domain_is_at_myorigin() {
        assert_eq!(rewrite("vivita"), "vivita@localhost");
        assert_eq!(rewrite("|cmd"), "|cmd@localhost");
        assert_eq!(rewrite("joe@d"), "joe@d");
    }

    #[test]
    fn old_ways_to_write_a_host_are_read_where_there_is_no_at() {
        assert_eq!(rewrite("a.b!joe"), "joe@a.b");
        assert_eq!(rewrite("joe%a.b"), "joe@a.b");
        assert_eq!(rewrite("joe%a.b@c.d"), "joe%a.b@c.d");
        assert_eq!(rewrite("@x.y,@z:joe@a.b"), "joe@a.b");
    }

    #[test]
    fn a_dot_at_the_end_of_a_domain_is_taken_away() {
        assert_eq!(rewrite("joe@a.b."), "joe@a.b");
        assert_eq!(rewrite("joe@a.."), "joe@a..");
    }

    #[test]
    fn the_howtos_configuration_completes_a_domain_without_a_dot() {
        let site = Site {
            origin: "mx.self.test".to_owned(),
            ..Site::default()
        };
        let configuration = Setup::Howto.configuration();
        assert_eq!(
            rewritten("root@localhost", &site, configuration),
            "root@localhost.self.test"
        );
        assert_eq!(rewritten("root", &site, configuration), "root@mx.self.test");
    }

    #[test]
    fn an_address_is_written_with_the_quotes_it_needs() {
        assert_eq!(written("@x.y"), "\"\"@x.y");
        assert_eq!(written("a b@x.y"), "\"a b\"@x.y");
        assert_eq!(written("a..b@x.y"), "\"a..b\"@x.y");
        assert_eq!(written("joe+x@x.y"), "joe+x@x.y");
        assert_eq!(read("Viv <v@x>, (no) \"a b\"@y"), ["v@x", "a b@y"]);
    }

    #[test]
    fn an_extension_needs_a_name_before_it() {
        assert_eq!(
            without_extension("joe+a+b@d", Some('+')).as_deref(),
            Some("joe@d")
        );
        assert_eq!(without_extension("+a@d", Some('+')), None);
        assert_eq!(without_extension("joe+a@d", None), None);
        assert_eq!(without_extension("joe@d+e", Some('+')), None);
    }

    #[test]
    fn the_domains_above_one_keep_their_dot() {
        let parents = |name| dotted_parents(name).collect::<Vec<_>>();
        assert_eq!(parents("a.b.c"), [".b.c", ".c"]);
        assert!(parents("a").is_empty() && parents("").is_empty());
    }

    #[test]
    fn what_is_no_host_name_is_no_domain() {
        for good in [
            "a.b",
            "[1.2.3.4]",
            "[IPv6:2001:db8::1]",
            "a_b.c",
            "b\u{fc}cher.example",
            "1.a",
        ] {
            assert!(is_domain(good), "{good}");
        }
        for bad in [
            "", "a..b", "-a.b", "a b", "a/b", "1.2.3", "1.2.3.4", "[", "[a.b]", "[1.2.3]", "[IPv6:x]", "a.b.",
        ] {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
