//! Addresses as Postfix handles them between its programs: without quotes, with a domain.

use std::borrow::Cow;
use std::net::Ipv4Addr;

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

/// The addresses in what somebody typed or stored, without quotes, brackets and source routes; Postfix takes exactly one in
/// `RCPT TO`.
pub(super) fn read(text: &str) -> Vec<String> {
    let addresses = rfc822::addresses(text).into_iter();
    addresses
        .map(|address| unquoted(&address))
        .filter(|address| !address.is_empty())
        .collect()
}

/// An address without the quotes of its local part. One that has its only `@` in them keeps them, as it has no domain yet.
fn unquoted(address: &str) -> String {
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
    if plain.contains('@') && !has_domain {
        address.to_owned()
    } else {
        plain
    }
}

/// An address as it is written in mail and logs: its local part in quotes where it needs them.
pub(super) fn written(address: &str) -> Cow<'_, str> {
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

/// An address with a domain: trivial-rewrite(8) takes source routes away, reads `host!user` and `user%host` where there is no
/// `@`, and puts `@myorigin` behind what has no domain.
pub(super) fn rewritten(address: &str, site: &Site, configuration: &Configuration) -> String {
    if let Some(local) = address.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return format!(
            "{}@{}",
            local.replace("\\\"", "\"").replace("\\\\", "\\"),
            site.origin
        );
    }
    let mut address = match address.strip_prefix('@').and_then(|route| route.split_once(':')) {
        Some((_, target)) => target.to_owned(),
        None => address.to_owned(),
    };
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
        return literal.len() > 1 && literal.ends_with(']');
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
        && (!is_number || name.parse::<Ipv4Addr>().is_ok())
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
            "1.2.3.4",
            "a_b.c",
            "b\u{fc}cher.example",
            "1.a",
        ] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", "a..b", "-a.b", "a b", "a/b", "1.2.3", "[", "a.b."] {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
