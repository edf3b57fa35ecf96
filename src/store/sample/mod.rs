//! A made-up mail server of some size, for the demo: the same rows every time and everywhere. The names are in
//! `words.rs`.
//!
//! Its rows are what Postfix makes sense of (docs/postfix.md section 4), except a handful that are wrong on purpose, the
//! [`MISTAKES`](words::MISTAKES).

mod random;
mod words;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use ipnet::IpNet;

use random::Random;
use words::{
    ACCESS, BACKUPS, BIG_CLUB, CLOSED, ELSEWHERE, FAMILY, FORMER_NAMES, GIVEN, MISTAKES, MOVED_TEXTS,
    OUTSIDE, PARKED, RECIPIENT_RULES, SITES, WITH_CATCH_ALL,
};

/// `users.crypt` of every mailbox: SHA-512 crypt with 16 characters of salt, of a password nobody knows.
const CRYPT: &str = "$6$z6nngUeLKCPaEoE5$bgxMviCxZdQle8G59DarK.JQxlQ7jwSM1QG6Jg7jA6CxOqyynB6UERAgkkWlOmfNQ2wGWeD/\
                     RRAOCYdZmWA310";

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) table: &'static str,
    pub(super) columns: &'static [&'static str],
    /// As many texts in each as there are columns.
    pub(super) rows: Vec<Vec<String>>,
}

impl Content {
    fn of(table: &'static str, columns: &'static [&'static str]) -> Self {
        Self {
            table,
            columns,
            rows: Vec::new(),
        }
    }

    fn add(&mut self, row: &[&str]) {
        debug_assert_eq!(row.len(), self.columns.len(), "{row:?}");
        self.rows.push(row.iter().map(|&text| text.to_owned()).collect());
    }
}

/// What a hosted domain is for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Company,
    Club,
    Family,
}

/// A hosted domain with mailboxes.
#[derive(Debug, Clone, Copy)]
struct Site {
    domain: &'static str,
    kind: Kind,
    mailboxes: usize,
}

impl Site {
    fn has_catch_all(&self) -> bool {
        WITH_CATCH_ALL.contains(&self.domain)
    }
}

/// The rows while they are being made up.
#[derive(Debug)]
pub(super) struct Sample {
    random: Random,
    given: Vec<&'static str>,
    family: Vec<&'static str>,
    /// Addresses that have a row already, so that none has two.
    taken: HashSet<String>,
    domains: Content,
    aliases: Content,
    users: Content,
    backups: Content,
    relays: Content,
    relocated: Content,
    access_rules: Content,
}

impl Sample {
    /// All of the sample, table by table.
    pub(super) fn tables() -> [Content; 7] {
        let mut sample = Self::new();
        for (position, site) in SITES.iter().enumerate() {
            sample.site(site, position);
        }
        sample.other_domains();
        sample.backups();
        sample.access_rules();
        sample.tables_with_mistakes()
    }

    fn new() -> Self {
        Self {
            random: Random::new(),
            given: GIVEN.split_whitespace().collect(),
            family: FAMILY.split_whitespace().collect(),
            taken: HashSet::new(),
            domains: Content::of("domains", &["domain", "transport", "enabled"]),
            aliases: Content::of("aliases", &["mail", "destination", "enabled"]),
            users: Content::of("users", &["id", "name", "maildir", "crypt", "enabled"]),
            backups: Content::of("backups", &["domain", "transport", "enabled"]),
            relays: Content::of("relays", &["recipient", "status", "enabled"]),
            relocated: Content::of("relocated", &["oldadr", "newadr", "enabled"]),
            access_rules: Content::of(
                "access_rules",
                &[
                    "kind", "pattern", "cidr_lo", "cidr_hi", "action", "message", "enabled",
                ],
            ),
        }
    }

    fn tables_with_mistakes(self) -> [Content; 7] {
        let mut tables = [
            self.domains,
            self.aliases,
            self.users,
            self.backups,
            self.relays,
            self.relocated,
            self.access_rules,
        ];
        for (table, row) in MISTAKES {
            if let Some(rows) = tables.iter_mut().find(|rows| rows.table == *table) {
                rows.add(row);
            }
        }
        tables
    }

    /// A hosted domain and everything in it. What only some domains have goes by the position.
    fn site(&mut self, site: &Site, position: usize) {
        self.domains.add(&[site.domain, "virtual:", "1"]);
        let people = self.mailboxes(site, position);
        self.roles(site, position, &people);
        self.lists(site, &people);
        self.forwards(site);
        if position % 4 == 1 {
            self.transport_override(site, position);
        }
        if !site.has_catch_all() {
            self.moved(site, &people);
        }
    }

    /// The mailboxes of a domain; answers with those that are on, at least one.
    ///
    /// Where a catch-all would take their mail, and in every second domain, they have an alias to themselves.
    fn mailboxes(&mut self, site: &Site, position: usize) -> Vec<String> {
        let mut people = Vec::new();
        for number in 0..site.mailboxes {
            let (name, address) = self.person(site.domain, position);
            let local = address.split('@').next().unwrap_or_default();
            let maildir = format!("{}/{local}/", site.domain);
            let enabled = on(number == 0 || !self.random.one_in(30));
            self.users.add(&[&address, &name, &maildir, CRYPT, enabled]);
            if site.has_catch_all() || position.is_multiple_of(2) {
                self.aliases.add(&[&address, &address, enabled]);
            }
            if enabled == "1" {
                people.push(address);
            }
        }
        for address in &people {
            let short = address.split(['.', '@']).next().unwrap_or_default();
            let short = format!("{short}@{}", site.domain);
            if self.random.one_in(6) && self.taken.insert(short.clone()) {
                self.aliases.add(&[&short, address, "1"]);
            }
        }
        people
    }

    /// Addresses that go to whoever is in charge: `info@`, `postmaster@`, the catch-all. A few domains lack what RFC
    /// 2142 asks for.
    fn roles(&mut self, site: &Site, position: usize, people: &[String]) {
        let first = people.first().map_or("", String::as_str);
        for role in site.kind.roles() {
            let enabled = on(!self.random.one_in(25));
            let person = self.random.pick(people);
            self.alias(&format!("{role}@{}", site.domain), &person, enabled);
        }
        let postmaster = format!("postmaster@{}", site.domain);
        let has_postmaster = position % 11 != 7;
        if has_postmaster {
            self.alias(&postmaster, first, "1");
        }
        if position % 7 != 3 {
            let who = if has_postmaster { &postmaster } else { first };
            self.alias(&format!("abuse@{}", site.domain), who, "1");
        }
        if site.has_catch_all() {
            self.alias(&format!("@{}", site.domain), first, "1");
        }
    }

    /// The mailing lists of a domain, the last of which may have the others as members.
    fn lists(&mut self, site: &Site, people: &[String]) {
        let names = site.kind.lists();
        let count = match people.len() {
            0..7 => 0,
            many => (many / 18).clamp(1, names.len()),
        };
        let mut lists = Vec::new();
        for name in &names[..count] {
            let size = 3 + self.random.below(people.len().min(58));
            let list = format!("{name}@{}", site.domain);
            let members = self.members(people, size);
            self.alias(&list, &members.join(","), "1");
            lists.push(list);
        }
        if lists.len() > 1 {
            lists.extend(self.members(people, 2));
            self.alias(&format!("all@{}", site.domain), &lists.join(","), "1");
        }
        if site.domain == BIG_CLUB {
            let members = self.members(people, 400);
            self.alias(&format!("members@{BIG_CLUB}"), &members.join(","), "1");
            let former = self.members(people, 12);
            self.alias(&format!("members-2019@{BIG_CLUB}"), &former.join(","), "0");
        }
    }

    /// So many different addresses, three in four of them from here while there are enough.
    fn members(&mut self, people: &[String], size: usize) -> Vec<String> {
        let mut members: Vec<String> = Vec::new();
        let mut own: Vec<&String> = people.iter().collect();
        while members.len() < size {
            let member = if own.is_empty() || self.random.one_in(4) {
                self.outsider()
            } else {
                own.swap_remove(self.random.below(own.len())).clone()
            };
            if !members.contains(&member) {
                members.push(member);
            }
        }
        members
    }

    /// Addresses of people who read their mail elsewhere.
    fn forwards(&mut self, site: &Site) {
        for _ in 0..=site.mailboxes / 4 {
            let (_, address) = self.person(site.domain, site.mailboxes);
            let outsider = self.outsider();
            let enabled = on(!self.random.one_in(20));
            self.aliases.add(&[&address, &outsider, enabled]);
        }
    }

    /// One person of a domain whose mailbox is at another provider: the transport, and the alias that makes the address
    /// known.
    fn transport_override(&mut self, site: &Site, position: usize) {
        let (_, address) = self.person(site.domain, position);
        let transport =
            ELSEWHERE[position / 4 % ELSEWHERE.len()].replace("{}", &site.domain.replace('.', "-"));
        let enabled = on(position != 5);
        self.domains.add(&[&address, &transport, enabled]);
        self.aliases.add(&[&address, &address, enabled]);
    }

    /// People who have left a domain.
    fn moved(&mut self, site: &Site, people: &[String]) {
        for _ in 0..=1 + site.mailboxes / 40 {
            let (_, old) = self.person(site.domain, site.mailboxes);
            let new = match self.random.below(8) {
                0 => self.random.pick(MOVED_TEXTS).to_owned(),
                1 => self.random.pick(people),
                _ => self.outsider(),
            };
            let enabled = on(!self.random.one_in(20));
            self.relocated.add(&[&old, &new, enabled]);
        }
    }

    /// Domains without mailboxes.
    fn other_domains(&mut self) {
        for (former, domain) in FORMER_NAMES {
            self.domains.add(&[former, "virtual:", "1"]);
            self.alias(&format!("@{former}"), &format!("@{domain}"), "1");
        }
        for domain in PARKED {
            self.domains.add(&[domain, "virtual:", "0"]);
        }
        let (closed, new) = CLOSED;
        self.domains.add(&[closed, "virtual:", "1"]);
        self.relocated.add(&[&format!("@{closed}"), new, "1"]);
    }

    /// Domains whose mail is kept for their own server, and who there is. Every fourth takes any name but a few.
    fn backups(&mut self) {
        for (position, (domain, transport)) in BACKUPS.iter().enumerate() {
            self.backups.add(&[domain, transport, on(position != 10)]);
            let takes_any = position % 4 == 3;
            if takes_any {
                self.relays.add(&[&format!("@{domain}"), "OK", "1"]);
            }
            for role in ["info", "postmaster", "trap"] {
                let status = if role == "trap" { "REJECT" } else { "OK" };
                self.relays.add(&[&format!("{role}@{domain}"), status, "1"]);
            }
            for _ in 0..20 + self.random.below(8) {
                let (_, address) = self.person(domain, position);
                let refused = self.random.one_in(if takes_any { 3 } else { 15 });
                let status = if refused { "REJECT" } else { "OK" };
                let enabled = on(!self.random.one_in(25));
                self.relays.add(&[&address, status, enabled]);
            }
        }
    }

    fn access_rules(&mut self) {
        for (position, (kind, pattern, action, message)) in ACCESS.iter().enumerate() {
            let (low, high) = pattern.parse::<IpNet>().map_or_else(
                |_| (String::new(), String::new()),
                |network| (network.network().to_string(), network.broadcast().to_string()),
            );
            let enabled = on(position % 13 != 9);
            self.access_rules
                .add(&[kind, pattern, &low, &high, action, message, enabled]);
        }
        for (position, site) in SITES.iter().enumerate().filter(|(position, _)| position % 2 == 1) {
            let (local, action, message) = RECIPIENT_RULES[position / 2 % RECIPIENT_RULES.len()];
            let address = format!("{local}@{}", site.domain);
            self.access_rules.add(&[
                "recipient",
                &address,
                "",
                "",
                action,
                message,
                on(position % 12 != 11),
            ]);
        }
    }

    /// An alias, unless the address has a row already.
    fn alias(&mut self, mail: &str, destination: &str, enabled: &str) {
        if self.taken.insert(mail.to_owned()) {
            self.aliases.add(&[mail, destination, enabled]);
        }
    }

    /// A name and an address nobody has yet, in one of three styles.
    fn person(&mut self, domain: &str, style: usize) -> (String, String) {
        loop {
            let (given, given_ascii) = spelt(self.random.pick(&self.given));
            let (family, family_ascii) = spelt(self.random.pick(&self.family));
            let local = match style % 3 {
                0 => format!("{given_ascii}.{family_ascii}"),
                1 => format!("{}.{family_ascii}", &given_ascii[..1]),
                _ => format!("{given_ascii}{}", &family_ascii[..1]),
            };
            let address = format!("{local}@{domain}");
            if self.taken.insert(address.clone()) {
                return (format!("{given} {family}"), address);
            }
        }
    }

    /// An address at one of the providers outside.
    fn outsider(&mut self) -> String {
        let (_, given) = spelt(self.random.pick(&self.given));
        let (_, family) = spelt(self.random.pick(&self.family));
        let year = 60 + self.random.below(40);
        format!("{given}.{family}{year}@{}", self.random.pick(OUTSIDE))
    }
}

/// A name as it is written, and as it stands in an address.
fn spelt(name: &'static str) -> (&'static str, String) {
    let (written, ascii) = name.split_once('/').unwrap_or((name, name));
    (written, ascii.to_ascii_lowercase())
}

/// The value of `enabled`.
const fn on(on: bool) -> &'static str {
    if on { "1" } else { "0" }
}
