//! Rules that the tables alone cannot judge: what DNS says about the hosts in them.

use std::collections::HashSet;
use std::net::IpAddr;

use super::domains::{ROUTES, transport, without_host};
use super::{Case, Finding, Rule, Severity, Told, judge};
use crate::mail::{Host, domain_of, in_ticks, items_of};

/// What DNS knows. An answer that is not known yet is `None`: whoever drives the rules fetches what was asked and runs
/// them again.
pub trait Names {
    /// The mail exchangers of a domain that are asked first, those of the lowest preference; none where it has no MX records.
    fn mx(&self, domain: &str) -> Option<Vec<String>>;

    /// The addresses of a host; none where it does not exist or has none.
    fn addresses(&self, host: &str) -> Option<Vec<IpAddr>>;
}

/// What this server is called, and where it is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// Its names, lower case: `myhostname` and others.
    pub names: Vec<String>,
    /// Its addresses, those of `proxy_interfaces` among them.
    pub addresses: Vec<IpAddr>,
}

/// What the rules of this file ask.
pub struct Dns<'d> {
    /// DNS.
    pub names: &'d dyn Names,
    /// This server.
    pub here: &'d Here,
}

/// A rule about a row that asks DNS.
pub type DnsRule = Rule<fn(&Case<'_>, &Dns<'_>) -> Option<Finding>>;

pub(super) static RULES: &[DnsRule] = &[
    Rule {
        id: "PW117",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A hosted domain whose MX is this server follows its MX records",
        postfix: "The mail is bounced, 5.4.6 mail loops back to myself.",
        fix: "Write a host in brackets, or `virtual:`.",
        judge: follows_own_mx,
    },
    Rule {
        id: "PW128",
        severity: Severity::Warning,
        tables: ROUTES,
        title: "A host without brackets whose MX is this server",
        postfix: "The mail is bounced, 5.4.6 mail loops back to myself.",
        fix: "Write the host in brackets to go straight to it.",
        judge: mx_leads_here,
    },
    Rule {
        id: "PW129",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A host that is this server",
        postfix: "The mail is bounced, 5.4.6 mail loops back to myself.",
        fix: "Name another host, or the port of a filter.",
        judge: host_is_here,
    },
    Rule {
        id: "PW130",
        severity: Severity::Error,
        tables: ROUTES,
        title: "A host that does not exist",
        postfix: "The mail is bounced at once, 5.4.4 Host or domain name not found.",
        fix: "Check the spelling of the host.",
        judge: no_such_host,
    },
    Rule {
        id: "PW148",
        severity: Severity::Warning,
        tables: &["aliases"],
        title: "A destination in a domain that does not exist",
        postfix: "The mail is accepted and then bounced to its sender, 5.4.4 Host or domain name not found.",
        fix: "Check the spelling of the destination.",
        judge: no_such_destination,
    },
];

/// Judges one row by every rule about its table, those that ask DNS among them. Where both the tables and DNS have
/// something to say by the same rule, DNS knows more.
#[must_use]
pub fn judge_with_dns(case: &Case<'_>, dns: &Dns<'_>) -> Vec<Told> {
    let found: Vec<Told> = RULES
        .iter()
        .filter(|rule| case.row.is_enabled() && rule.tables.contains(&case.resource.table))
        .filter_map(|rule| (rule.judge)(case, dns).map(|finding| finding.told(rule, case)))
        .collect();
    let ids: HashSet<_> = found.iter().map(|told| told.rule).collect();
    let mut all = judge(case);
    all.retain(|told| !ids.contains(told.rule));
    all.extend(found);
    all
}

impl Dns<'_> {
    /// An address as it stands in a transport, or the addresses of a host name.
    fn addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        match host.trim_start_matches("IPv6:").parse() {
            Ok(address) => Some(vec![address]),
            Err(_) => self.names.addresses(host),
        }
    }

    fn is_here(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        let is_ours = |address: &IpAddr| address.is_loopback() || self.here.addresses.contains(address);
        self.here.names.contains(&host)
            || self
                .addresses(&host)
                .is_some_and(|addresses| addresses.iter().any(is_ours))
    }

    /// Whether mail that follows the MX records of a domain comes back: no other exchanger is better than this server.
    fn leads_here(&self, domain: &str) -> bool {
        // Every name is asked, so that all are looked up at once.
        let count_here = |best: Vec<String>| best.iter().filter(|host| self.is_here(host)).count();
        self.names.mx(domain).is_some_and(|best| count_here(best) > 0)
    }

    /// Whether there is certainly neither an exchanger nor an address.
    fn lacks(&self, host: &Host<'_>) -> bool {
        let none = |answer: Option<Vec<String>>| answer.is_some_and(|found| found.is_empty());
        if self.is_here(host.name) {
            return false;
        }
        let has_no_address = self.addresses(host.name).is_some_and(|found| found.is_empty());
        has_no_address && (host.in_brackets || none(self.names.mx(host.name)))
    }
}

fn follows_own_mx(case: &Case<'_>, dns: &Dns<'_>) -> Option<Finding> {
    let transport = without_host(case)?;
    let domain = domain_of(&case.subject());
    dns.leads_here(&domain).then(|| {
        let message = format!(
            "`{transport}` names no host, and the MX of {domain} is this server: Postfix bounces the mail, 5.4.6 mail for \
             {domain} loops back to myself."
        );
        let fix = format!("Write the host in brackets, `{transport}[mail.example.com]`, or `virtual:` to deliver here.");
        Finding::new(message, fix)
    })
}

/// Whether a host is asked on the port of mail exchangers.
fn on_port_25(host: &Host<'_>) -> bool {
    host.port.is_none_or(|port| port == "25")
}

fn mx_leads_here(case: &Case<'_>, dns: &Dns<'_>) -> Option<Finding> {
    let transport = transport(case)?;
    let hosts = transport.hosts();
    let host = hosts
        .iter()
        .find(|host| !host.in_brackets && on_port_25(host) && dns.leads_here(host.name))?;
    let name = in_ticks(host.name);
    let message = format!(
        "`{name}` has no brackets, and its MX is this server: Postfix bounces the mail, 5.4.6 loops back to myself."
    );
    Some(Finding::new(
        message,
        format!("Write `[{name}]` to go straight to that host."),
    ))
}

fn host_is_here(case: &Case<'_>, dns: &Dns<'_>) -> Option<Finding> {
    let transport = transport(case)?;
    let hosts = transport.hosts();
    let host = hosts
        .iter()
        .find(|host| host.in_brackets && on_port_25(host) && dns.is_here(host.name))?;
    let name = in_ticks(host.name);
    let message = format!(
        "`[{name}]` is this server itself. Postfix bounces the mail with `5.4.6 loops back to myself`."
    );
    let fix =
        format!("Name another host, or another port such as `[{name}]:10025` if a filter listens there.");
    Some(Finding::new(message, fix))
}

fn no_such_host(case: &Case<'_>, dns: &Dns<'_>) -> Option<Finding> {
    let transport = transport(case)?;
    let hosts = transport.hosts();
    let first = hosts.first()?;
    // The next of a list is tried when one does not resolve (docs/postfix.md 3f).
    let are_all_missing = hosts.iter().all(|host| dns.lacks(host));
    are_all_missing.then(|| {
        let message = format!(
            "`{}` does not exist in DNS: Postfix bounces the mail at once, 5.4.4 Host or domain name not found.",
            in_ticks(first.name)
        );
        Finding::new(message, "Check the spelling of the host.")
    })
}

fn no_such_destination(case: &Case<'_>, dns: &Dns<'_>) -> Option<Finding> {
    let items = items_of(case.row.text("destination"));
    let mut asked = HashSet::new();
    let missing = items.iter().filter(|item| item.contains('@')).find_map(|item| {
        let domain = domain_of(item);
        let is_new = asked.insert(domain.clone());
        let host = Host {
            name: &domain,
            in_brackets: false,
            port: None,
        };
        let is_ours = || ROUTES.iter().any(|table| case.enabled(table, &domain).is_some());
        // What is hosted here need not be in DNS, and `joe@[192.0.2.1]` is not.
        let is_name = !domain.is_empty() && !domain.starts_with('[');
        (is_new && is_name && !is_ours() && dns.lacks(&host)).then(|| domain.clone())
    })?;
    let missing = in_ticks(&missing);
    let message = format!(
        "It delivers to {missing}, which does not exist in DNS: the mail is accepted and then bounced to its sender, 5.4.4 \
         Host or domain name not found."
    );
    Some(Finding::new(message, format!("Check the spelling of {missing}.")))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{row, tables};
    use super::*;
    use crate::resource::{Resource, Rules};

    /// DNS in which mx.self.example is this server, some other hosts exist, and slow.example is not known yet.
    struct Fake;

    impl Names for Fake {
        fn mx(&self, domain: &str) -> Option<Vec<String>> {
            let best: &[&str] = match domain {
                "slow.example" => return None,
                "shop.example" | "loop.example" => &["mx.self.example"],
                "equal.example" => &["mail.friend.example", "mx.self.example"],
                "away.example" => &["mail.friend.example"],
                _ => &[],
            };
            Some(best.iter().map(|host| (*host).to_owned()).collect())
        }

        fn addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
            let last = match host {
                "slow.example" => return None,
                "alias.self.example" => 1,
                "mail.friend.example" => 2,
                _ => return Some(Vec::new()),
            };
            Some(vec![IpAddr::from([192, 0, 2, last])])
        }
    }

    fn by_dns(table: &str, subject: &str, value: &str) -> Vec<&'static str> {
        let here = Here {
            names: vec!["mx.self.example".to_owned()],
            addresses: vec![IpAddr::from([192, 0, 2, 1])],
        };
        let dns = Dns {
            names: &Fake,
            here: &here,
        };
        let tables = tables(&[
            ("domains", "shop.example", "virtual:"),
            ("domains", "away.example", "virtual:"),
            ("domains", "kept.example", "virtual:"),
        ]);
        let (row, rules) = (row(table, subject, value), Rules::default());
        let case = Case::new(Resource::by_table(table).expect(table), &row, &tables, &rules);
        let told = judge_with_dns(&case, &dns);
        let found: Vec<_> = RULES
            .iter()
            .filter(|rule| rule.tables.contains(&table) && (rule.judge)(&case, &dns).is_some())
            .collect();
        for rule in &found {
            let same: Vec<_> = told.iter().filter(|told| told.rule == rule.id).collect();
            assert_eq!(same.len(), 1, "{}", rule.id);
            assert_eq!(same[0].severity, rule.severity, "DNS knows more");
        }
        found.iter().map(|rule| rule.id).collect()
    }

    #[test]
    fn a_hosted_domain_that_follows_its_mx_here_is_an_error() {
        assert_eq!(by_dns("domains", "shop.example", "smtp:"), ["PW117"]);
        assert_eq!(by_dns("domains", "joe@shop.example", "smtp:"), ["PW117"]);
        assert_eq!(by_dns("domains", "away.example", "smtp:"), [""; 0]);
        assert_eq!(
            by_dns("backups", "loop.example", "smtp:"),
            [""; 0],
            "it is the backup of another"
        );
        assert_eq!(
            by_dns("domains", "slow.example", "smtp:"),
            [""; 0],
            "nothing is known yet"
        );
    }

    /// That a row of this key with each of these values is told of by these rules.
    fn assert_by_dns(table: &'static str, key: &str, cases: &[(&str, &[&str])]) {
        for (value, rules) in cases {
            assert_eq!(&by_dns(table, key, value), rules, "{value}");
        }
    }

    #[test]
    fn a_host_that_leads_here_is_found_by_name_address_or_mx() {
        let cases: &[(&str, &[&str])] = &[
            ("smtp:loop.example", &["PW128"]),
            ("smtp:equal.example", &["PW128"]),
            ("smtp:away.example", &[]),
            ("smtp:[mx.self.example]", &["PW129"]),
            ("smtp:[alias.self.example]", &["PW129"]),
            ("smtp:[192.0.2.1]", &["PW129"]),
            ("smtp:[127.0.0.1]", &["PW129"]),
            ("smtp:[192.0.2.1]:10025", &[]),
            ("smtp:[mail.friend.example]", &[]),
        ];
        assert_by_dns("backups", "friend.example", cases);
    }

    #[test]
    fn a_host_that_does_not_exist_is_found_unless_another_of_the_list_does() {
        let cases: &[(&str, &[&str])] = &[
            ("smtp:[gone.example]", &["PW130"]),
            ("smtp:gone.example", &["PW130"]),
            ("smtp:[gone.example],[gone.too.example]", &["PW130"]),
            ("smtp:[gone.example],[mail.friend.example]", &[]),
            ("smtp:away.example", &[]),
            ("smtp:[slow.example]", &[]),
            ("smtp:slow.example", &[]),
            ("lmtp:unix:private/x", &[]),
        ];
        assert_by_dns("backups", "friend.example", cases);
    }

    #[test]
    fn a_destination_in_a_domain_that_does_not_exist_is_found() {
        let cases: &[(&str, &[&str])] = &[
            ("joe@gone.example", &["PW148"]),
            ("joe@away.example,joe@gone.example", &["PW148"]),
            ("joe@shop.example", &[]),
            ("joe@slow.example", &[]),
            ("joe@kept.example", &[]),
            ("joe@[192.0.2.9]", &[]),
            ("joe@mail.friend.example", &[]),
        ];
        assert_by_dns("aliases", "info@shop.example", cases);
    }
}
