//! What becomes of a final recipient: trivial-rewrite(8), the queue manager and the delivery agents.

use super::address::{domain, is_domain, parts, rewritten, without_extension, written};
use super::maps::Map;
use super::trace::{Trace, joined};
use super::{Delivery, Kind};
use crate::mail::Transport;

/// The class of an address, which goes by its domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `mydestination`
    Local,
    /// `virtual_alias_domains`
    Alias,
    /// `virtual_mailbox_domains`
    Mailbox,
    /// `relay_domains`
    Relay,
    /// Everybody else's.
    Internet,
}

/// Where an address leads, as trivial-rewrite(8) answers.
#[derive(Debug)]
pub(super) struct Route {
    /// The address with its domain, without quotes.
    pub address: String,
    pub class: Class,
    /// The service of master.cf.
    pub transport: String,
    /// What it is told: a host, a domain, the text of an error.
    pub nexthop: String,
    /// Whether other servers may read a second host in the name: nobody outside may relay through it.
    pub is_routed: bool,
    /// Whether the domain is none, or the address looks like an option of a command.
    pub is_malformed: bool,
}

/// Strips of `@this.server` and the like; far more than any address has.
const MOST_HOSTS: usize = 20;

/// System accounts and aliases(5) that are on every Debian: what local(8) knows is in no table.
const SYSTEM_USERS: [&str; 7] = [
    "root",
    "postmaster",
    "mailer-daemon",
    "www-data",
    "nobody",
    "daemon",
    "mail",
];

impl Trace<'_> {
    /// An address without the hosts of this server behind it.
    pub fn resolved(&self, typed: &str) -> String {
        let mut address = rewritten(typed, self.site, self.configuration);
        if address.is_empty() {
            return rewritten("MAILER-DAEMON", self.site, self.configuration);
        }
        for _ in 0..MOST_HOSTS {
            let (local, Some(host)) = parts(&address) else {
                break;
            };
            if !(self.is_destination(host) && local.contains(['@', '!', '%'])) {
                break;
            }
            address = rewritten(local, self.site, self.configuration);
        }
        address
    }

    /// Resolves an address.
    pub fn resolve(&self, typed: &str) -> Route {
        let address = self.resolved(typed);
        let (local, name) = (parts(&address).0, domain(&address));
        let is_routed = !self.is_destination(name) && local.contains(['@', '!', '%']);
        let class = self.class(name);
        let mut route = Route {
            class,
            transport: match class {
                Class::Local => "local",
                Class::Alias => "error",
                Class::Mailbox => "virtual",
                Class::Relay => "relay",
                Class::Internet => "smtp",
            }
            .to_owned(),
            nexthop: if class == Class::Alias {
                "5.1.1 User unknown in virtual alias table".to_owned()
            } else {
                name.to_owned()
            },
            is_routed,
            is_malformed: !is_domain(name) || address.starts_with('-'),
            address,
        };
        if class != Class::Alias
            && let Some(found) = self.find_transport(&route.address)
        {
            let value = joined(&found);
            route.follow(&value);
        }
        if let Some(new) = self.find(Map::Relocated, &route.address) {
            "error".clone_into(&mut route.transport);
            route.nexthop = format!("5.1.6 User has moved to {}", joined(&new.answers));
        }
        route
    }

    fn class(&self, name: &str) -> Class {
        if self.is_destination(name) {
            Class::Local
        } else if self.configuration.has_alias_domains && self.ask_quietly(Map::Alias, name).is_some() {
            Class::Alias
        } else if self.ask(Map::Domains, name).is_some() {
            Class::Mailbox
        } else if self.is_relayed(name) {
            Class::Relay
        } else {
            Class::Internet
        }
    }

    /// What becomes of the mail for a final recipient.
    pub fn deliver(&self, recipient: &str) -> Delivery {
        let route = self.resolve(recipient);
        let address = written(&route.address).into_owned();
        let with = |kind, reason: Option<String>| Delivery {
            address: address.clone(),
            kind,
            nexthop: None,
            maildir: None,
            reason,
        };
        if route.is_malformed {
            return with(Kind::Bounce, Some("5.1.3 bad address syntax".to_owned()));
        }
        match route.transport.as_str() {
            "error" => with(Kind::Bounce, Some(coded("5.0.0", &route.nexthop))),
            "retry" => with(Kind::Defer, Some(coded("4.0.0", &route.nexthop))),
            "discard" => with(
                Kind::Discard,
                Some("The transport throws its mail away.".to_owned()),
            ),
            "virtual" => self.mailbox(&route, with(Kind::Mailbox, None)),
            "local" => {
                let bare = without_extension(&route.address, self.configuration.delimiter);
                let user = parts(bare.as_ref().unwrap_or(&route.address)).0.to_lowercase();
                if user.is_empty() {
                    let reason = format!("5.1.3 null username in \"{}\"", route.address);
                    with(Kind::Bounce, Some(reason))
                } else if self.is_system_user(&route.address) {
                    with(Kind::Mailbox, None)
                } else {
                    with(Kind::Bounce, Some(format!("5.1.1 unknown user: \"{user}\"")))
                }
            }
            name if !is_service(name) => {
                with(Kind::Defer, Some("4.3.0 mail transport unavailable".to_owned()))
            }
            name if is_client(name) && !is_reachable(name, &route.nexthop) => {
                with(Kind::Defer, Some("4.3.0 unknown mail transport error".to_owned()))
            }
            _ => Delivery {
                nexthop: Some(route.nexthop.trim().to_owned()),
                ..with(Kind::Smtp, None)
            },
        }
    }

    /// Whether local(8) knows the name of an address on any server.
    pub fn is_system_user(&self, address: &str) -> bool {
        let bare = without_extension(address, self.configuration.delimiter);
        let is = |address: &str| {
            SYSTEM_USERS
                .iter()
                .any(|user| parts(address).0.eq_ignore_ascii_case(user))
        };
        is(address) || bare.as_deref().is_some_and(is)
    }

    /// virtual(8).
    fn mailbox(&self, route: &Route, delivery: Delivery) -> Delivery {
        let Some(found) = self.find(Map::Mailbox, &route.address) else {
            return Delivery {
                kind: Kind::Bounce,
                reason: Some(format!(
                    "5.1.1 unknown user: \"{}\"",
                    route.address.to_lowercase()
                )),
                ..delivery
            };
        };
        let maildir = joined(&found.answers);
        if [".", ".."].contains(&maildir.rsplit('/').next().unwrap_or_default()) {
            return Delivery {
                kind: Kind::Defer,
                reason: Some(format!(
                    "4.2.0 delivery failed to mailbox {maildir}: cannot open file: Is a directory"
                )),
                ..delivery
            };
        }
        // A file in a directory that nobody makes.
        if !maildir.ends_with('/') && maildir.contains('/') {
            return Delivery {
                kind: Kind::Defer,
                reason: Some(format!(
                    "4.2.0 delivery failed to mailbox {maildir}: unable to create lock file {maildir}.lock: No such \
                     file or directory"
                )),
                ..delivery
            };
        }
        Delivery {
            maildir: Some(maildir),
            ..delivery
        }
    }
}

impl Route {
    /// Takes what a lookup in the transport table answered: `transport:nexthop`, either of which may be missing.
    fn follow(&mut self, value: &str) {
        let (name, hop) = value.split_once(':').unwrap_or((value, ""));
        if !hop.is_empty() {
            hop.clone_into(&mut self.nexthop);
        } else if ["error", "retry"].contains(&name) {
            "Address is undeliverable".clone_into(&mut self.nexthop);
        } else if !name.is_empty() {
            domain(&self.address).to_owned().clone_into(&mut self.nexthop);
        }
        if !name.is_empty() {
            name.clone_into(&mut self.transport);
        }
    }
}

/// The text of an error with its enhanced code, or with this one where it has none of the same class.
pub(super) fn coded(default: &str, text: &str) -> String {
    let (code, text) = split_code(default, text);
    let code = if code[..1] == default[..1] { code } else { default };
    format!("{code} {text}")
}

/// An enhanced status code at the start of a text, or else this one, and the rest of the text.
pub(super) fn split_code<'t>(default: &'t str, text: &'t str) -> (&'t str, &'t str) {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let parts: Vec<&str> = first.split('.').collect();
    let is_number = |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        ["2" | "4" | "5", subject, detail] if is_number(subject) && is_number(detail) => {
            (first, rest.trim_start())
        }
        _ => (default, text),
    }
}

/// Whether master.cf has the service, as far as can be told: Debian's names, to the letter.
fn is_service(name: &str) -> bool {
    Transport::parse(&format!("{name}:"), &[]).is_ok_and(|known| known.transport_name() == name)
}

fn is_client(name: &str) -> bool {
    ["smtp", "relay", "lmtp"].contains(&name)
}

/// Ports that are found in /etc/services.
const NAMED_PORTS: [&str; 4] = [":smtp", ":submission", ":submissions", ":smtps"];

/// Whether smtp(8) can read where it is sent, and does not die of it.
fn is_reachable(name: &str, nexthop: &str) -> bool {
    let mut hops = nexthop
        .split([',', ' ', '\t', '\r', '\n'])
        .filter(|hop| !hop.is_empty());
    let is_read = |hop: &str| {
        let plain = NAMED_PORTS.iter().find_map(|port| hop.strip_suffix(port));
        Transport::parse(&format!("{name}:{}", plain.unwrap_or(hop)), &[]).is_ok()
    };
    hops.clone().next().is_some() && hops.all(is_read)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;
    use super::*;

    /// What becomes of mail for joe at a backup MX domain with this transport.
    fn passed_on(transport: &str) -> String {
        let tables = Tables::new()
            .row("backups", &["b.test", transport])
            .row("relays", &["@b.test", "OK"]);
        let mut ends = tables.ends("joe@b.test");
        assert_eq!(ends.len(), 1, "{transport}");
        ends.remove(0).replace("joe@b.test: ", "")
    }

    #[test]
    fn mail_goes_to_what_stands_after_the_first_colon() {
        for (transport, nexthop) in [
            (":[mail.friend.test]", "[mail.friend.test]"),
            ("smtp:[a]:587", "[a]:587"),
            (" smtp:[a],[b] ", "[a],[b]"),
            ("relay:", "b.test"),
            (":", "b.test"),
            ("", "b.test"),
            (":[]", "b.test"),
            ("lmtp:unix:private/dovecot-lmtp", "unix:private/dovecot-lmtp"),
            ("smtp:[h]:smtp", "[h]:smtp"),
        ] {
            assert_eq!(passed_on(transport), format!("smtp {nexthop}"), "{transport}");
        }
    }

    #[test]
    fn a_next_hop_that_kills_the_client_keeps_the_mail() {
        for transport in [
            "smtp:[h",
            "smtp:h]",
            ":[h]25",
            ":[h:25]",
            "smtp::25",
            ":[h]:25:",
            ":[h]:smpt",
            ":[h]:0",
            ":[h]:99999",
            "smtp://h",
            "smtp:http://h",
            ":[-bad.test]",
            ":[256.1.1.1]",
            ":[a..b]",
            ":[h.]",
        ] {
            assert_eq!(
                passed_on(transport),
                "defer 4.3.0 unknown mail transport error",
                "{transport}"
            );
        }
    }

    #[test]
    fn a_transport_that_is_not_there_keeps_the_mail() {
        for transport in [
            "smtp[h]", "[h]", "h", "10.0.0.1", "SMTP:[h]", "esmtp:", "smtps:", "hold:", "smtp;[h]",
        ] {
            assert_eq!(
                passed_on(transport),
                "defer 4.3.0 mail transport unavailable",
                "{transport}"
            );
        }
    }

    #[test]
    fn other_transports_do_what_they_are_named_after() {
        assert_eq!(passed_on("discard:"), "discard");
        assert_eq!(passed_on("virtual:"), "bounce 5.1.1 unknown user: \"joe@b.test\"");
        assert_eq!(passed_on("local:"), "bounce 5.1.1 unknown user: \"joe\"");
        let errors = Tables::usual()
            .row("backups", &["b.test", "error:5.2.1 closed"])
            .row("backups", &["c.test", "retry:wait"])
            .row("aliases", &["both@d.test", "joe@b.test,joe@c.test"]);
        assert_eq!(
            errors.ends("both@d.test"),
            ["joe@b.test: bounce 5.2.1 closed", "joe@c.test: defer 4.0.0 wait"]
        );
    }

    #[test]
    fn the_key_of_an_override_comes_before_the_table() {
        let tables = Tables::usual()
            .row("domains", &["d.test", "smtp:[domain]"])
            .row("backups", &["mary@d.test", "smtp:[address]"])
            .row("backups", &["d.test", "smtp:[second]"]);
        assert_eq!(tables.ends("mary+x@d.test"), ["mary+x@d.test: smtp [address]"]);
        let tables = Tables::new()
            .row("domains", &["d.test", "smtp:[first]"])
            .row("backups", &["d.test", "smtp:[second]"])
            .row("users", &["mary@d.test", "m/"]);
        assert_eq!(tables.ends("mary@d.test"), ["mary@d.test: smtp [first]"]);
    }

    #[test]
    fn a_row_with_a_dot_in_front_takes_subdomains_and_a_star_takes_nothing() {
        let tables = Tables::usual()
            .row("domains", &["*", "smtp:[star]"])
            .row("domains", &[".far.test", "smtp:[dot]"])
            .inside();
        assert_eq!(tables.ends("a@sub.far.test"), ["a@sub.far.test: smtp [dot]"]);
        assert_eq!(tables.ends("a@far.test"), ["a@far.test: smtp far.test"]);
    }

    #[test]
    fn a_mailbox_is_a_maildir_whatever_slashes_are_stored() {
        for (stored, end) in [
            ("d.test/mary", "mailbox d.test/mary/"),
            ("/var/mary//", "mailbox var/mary/"),
            (" mary/ ", "mailbox mary/"),
            ("a/../b", "bounce 5.1.1 unknown user: \"mary@e.test\""),
            ("./", "bounce 5.1.1 unknown user: \"mary@e.test\""),
            ("/", "bounce 5.1.1 unknown user: \"mary@e.test\""),
        ] {
            let tables = Tables::new()
                .row("domains", &["e.test", "virtual:"])
                .row("users", &["mary@e.test", stored])
                .row("aliases", &["mary@e.test", "Mary@e.test"]);
            assert_eq!(
                tables.ends("mary@e.test"),
                [format!("Mary@e.test: {end}")],
                "{stored}"
            );
        }
        let wide = Tables::usual().row("users", &["@d.test", "all/"]);
        assert_eq!(wide.ends("any+x@d.test"), ["any+x@d.test: mailbox all/"]);
    }

    #[test]
    fn whoever_has_moved_bounces_where_an_alias_leads() {
        let tables = Tables::usual()
            .row("relocated", &["pete@d.test", "p@new.test"])
            .row("domains", &["pete@d.test", "smtp:[h]"])
            .row("aliases", &["info@d.test", "pete@d.test"]);
        assert_eq!(
            tables.ends("info@d.test"),
            ["pete@d.test: bounce 5.1.6 User has moved to p@new.test"]
        );
    }

    #[test]
    fn a_domain_in_both_tables_is_hosted() {
        let tables = Tables::usual().row("backups", &["d.test", ""]);
        assert_eq!(tables.ends("mary@d.test"), ["mary@d.test: mailbox d.test/mary/"]);
    }

    #[test]
    fn a_name_that_begins_with_a_hyphen_bounces() {
        let tables = Tables::usual().row("aliases", &["@d.test", "-x@d.test"]);
        assert_eq!(
            tables.ends("a@d.test"),
            ["-x@d.test: bounce 5.1.3 bad address syntax"]
        );
    }

    #[test]
    fn an_enhanced_code_has_three_numbers() {
        assert_eq!(split_code("5.0.0", "5.1.1 no"), ("5.1.1", "no"));
        assert_eq!(split_code("5.0.0", "5.1 no"), ("5.0.0", "5.1 no"));
        assert_eq!(split_code("5.0.0", "3.1.1 no"), ("5.0.0", "3.1.1 no"));
    }
}
