//! Random tables in which things collide, and addresses that go through them.
//!
//! Left out is what the model is known not to follow: an `@` by itself among the destinations.

use super::dataset::{Caller, Dataset, Entry, Letter, NULL};
use super::random::Random;
use crate::bed::FRIEND;

/// Which configuration the tables are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The generated one.
    Generated,
    /// The howto's, which some values stop altogether.
    Howto,
}

/// Domains that rows are about; the last is nobody's unless a row says otherwise.
const DOMAINS: &[&str] = &[
    "alpha.d~.test",
    "sub.alpha.d~.test",
    "beta.d~.test",
    "gamma.d~.test",
    "delta.d~.test",
    "d~.kept.test",
    "foreign.d~.test",
];
const LOCALS: &[&str] = &["mary~", "joe~", "info~", "bob~", "o'neil~", "postmaster"];
/// What rows are about: never without a value.
const SUBJECTS: &[&str] = &["domain", "mail", "id", "recipient", "oldadr"];
const SENDERS: &[&str] = &[
    "",
    "writer@far.test",
    "ann~@news.sender~.test",
    "Ann~+shop@news.sender~.test",
    "bob~@sender~.test",
    "mary~@alpha.d~.test",
    "\"bob~\"@sender~.test",
    "\"two words\"@sender~.test",
    "bob~@SENDER~.test.",
    "bob~%sender~.test",
    "@relay.test:bob~@sender~.test",
    "bob~@[127.0.0.9]",
    "bob~",
];

/// The rows and mails of a number, always the same.
pub fn dataset(number: u32, kind: Kind) -> Dataset {
    let mut maker = Maker {
        random: Random::new(number),
        kind,
        served: Vec::new(),
        entries: Vec::new(),
    };
    maker.domains();
    maker.backups();
    maker.relays();
    maker.aliases();
    maker.users();
    maker.relocated();
    let ruled = maker.random.percent(40);
    if ruled {
        maker.access_rules();
    }
    let caller = match maker.random.below(if ruled { 4 } else { 12 }) {
        0 => Caller::Inside,
        1 => Caller::Named(maker.random.pick(&[40, 77])),
        2 => Caller::Six(maker.random.pick(&[0x66, 0x77, 0x200])),
        _ => Caller::Stranger(maker.random.pick(&[66, 77, 200])),
    };
    let letters = maker.letters(ruled);
    Dataset {
        entries: maker.entries,
        caller,
        letters,
    }
}

struct Maker {
    random: Random,
    kind: Kind,
    /// The domains that have a row, enabled or not.
    served: Vec<&'static str>,
    entries: Vec<Entry>,
}

impl Maker {
    fn add(&mut self, table: &'static str, values: Vec<(&'static str, String)>) {
        let mut values = values;
        if self.random.percent(13) {
            values.push((
                "enabled",
                self.random
                    .pick(&["0", "0", "0", "0", "2", "-1", NULL])
                    .to_owned(),
            ));
        }
        // Somebody else's program leaves a column without a value.
        if self.kind == Kind::Generated && table != "access_rules" && self.random.percent(2) {
            let at = self.random.below(values.len());
            if !SUBJECTS.contains(&values[at].0) {
                NULL.clone_into(&mut values[at].1);
            }
        }
        self.entries.push(Entry { table, values });
    }

    /// Mostly one that has a row.
    fn domain(&mut self) -> &'static str {
        if self.random.percent(78) && !self.served.is_empty() {
            return self.random.pick(&self.served);
        }
        self.random.pick(DOMAINS)
    }

    fn local(&mut self) -> &'static str {
        self.random.pick(LOCALS)
    }

    fn address(&mut self) -> String {
        format!("{}@{}", self.local(), self.domain())
    }

    /// A key as people mistype it.
    fn odd(&mut self, key: &str) -> String {
        // There is one postmaster without a domain for all data sets.
        let local = self.local().replace("postmaster", "info~");
        let domain = key.rsplit('@').next().unwrap_or_default().to_owned();
        match self.random.below(18) {
            0 => format!(" {key}"),
            1 => format!("{key} "),
            2 => key.to_uppercase(),
            3 => format!("{key}."),
            4 => format!("{local}@"),
            5 => local,
            6 => format!(".{domain}"),
            7 => format!("@{domain}"),
            8 => domain,
            9 => format!("<{key}>"),
            10 => format!("*@{domain}"),
            11 => format!("\"{local}\"@{domain}"),
            12 => format!("\"two words~\"@{domain}"),
            13 => format!("two words~@{domain}"),
            14 => format!("+shop@{domain}"),
            15 => format!("{local}+@{domain}"),
            16 => format!("{local}%far.test@{domain}"),
            _ => key.replacen('@', "+shop@", 1),
        }
    }

    fn perhaps_odd(&mut self, key: String) -> String {
        if self.random.percent(9) {
            self.odd(&key)
        } else {
            key
        }
    }

    /// Where mail goes that is not delivered here, in all spellings that leave other mail alone. With the howto's
    /// configuration some stop it, and what local(8) does depends on the machine.
    fn transport(&mut self) -> String {
        let harmless_here: &[&str] = match self.kind {
            Kind::Generated => &[":[]", "smtp:[]", " ", "local:"],
            Kind::Howto => &[],
        };
        let choices = [
            "smtp:[aspmx.l.google.com]",
            "smtp:[mail.friend.com]",
            ":[mail.friend.com]",
            "relay:[mail.friend.com]",
            "smtp:mail.friend.com",
            "smtp:[aspmx.l.google.com]:25",
            "smtp:[mail.friend.com],[aspmx.l.google.com]",
            "smtp:far.test",
            ":far.test",
            "smtp:",
            "smtp",
            "relay:",
            "error:5.1.1 gone",
            "error:5.7.1 Sorry",
            "error:",
            "error:no code",
            "error",
            "error:4.2.1 odd",
            "retry:4.2.1 later",
            "retry:5.2.1 odd",
            "retry:",
            "discard:",
            "discard",
            "discard:for a reason",
            "virtual:",
            "virtual",
            "virtual:[mail.friend.com]",
            "",
            ":",
            "nosuch:[mail.friend.com]",
            "SMTP:[mail.friend.com]",
            "[mail.friend.com]",
            "mail.friend.com",
            " smtp:[mail.friend.com]",
            "smtp:[mail.friend.com] ",
            "Error:5.1.1 gone",
            "hold:",
        ];
        let at = self.random.below(choices.len() + harmless_here.len());
        let text = choices.get(at).or_else(|| harmless_here.get(at - choices.len()));
        text.expect("one of the two").replace("mail.friend.com", FRIEND)
    }

    fn domains(&mut self) {
        for domain in &DOMAINS[..DOMAINS.len() - 1] {
            if !self.random.percent(60) {
                continue;
            }
            self.served.push(domain);
            let transport = if self.random.percent(80) {
                "virtual:".to_owned()
            } else {
                self.transport()
            };
            let key = self.perhaps_odd((*domain).to_owned());
            self.add("domains", vec![("domain", key), ("transport", transport)]);
            if self.random.percent(6) {
                let other = self.transport();
                self.add(
                    "domains",
                    vec![("domain", (*domain).to_owned()), ("transport", other)],
                );
            }
        }
        self.overrides("domains");
    }

    fn overrides(&mut self, table: &'static str) {
        for _ in 0..self.random.below(3) {
            let address = self.address();
            let key = self.perhaps_odd(address);
            let transport = self.transport();
            self.add(table, vec![("domain", key), ("transport", transport)]);
        }
    }

    fn backups(&mut self) {
        for domain in &DOMAINS[1..DOMAINS.len() - 1] {
            if !self.random.percent(32) {
                continue;
            }
            self.served.push(domain);
            let transport = match self.random.below(10) {
                0..5 => format!(":[{FRIEND}]"),
                5 | 6 => String::new(),
                _ => self.transport(),
            };
            let key = self.perhaps_odd((*domain).to_owned());
            self.add("backups", vec![("domain", key), ("transport", transport)]);
        }
        self.overrides("backups");
    }

    fn relays(&mut self) {
        let backups: Vec<String> = self.subjects("backups", "domain");
        for domain in backups.iter().filter(|key| !key.contains('@')) {
            if self.random.percent(55) {
                let status = self.status();
                self.add(
                    "relays",
                    vec![("recipient", format!("@{domain}")), ("status", status)],
                );
            }
            for _ in 0..self.random.below(4) {
                let key = format!("{}@{domain}", self.local());
                let key = self.perhaps_odd(key);
                let status = self.status();
                self.add("relays", vec![("recipient", key), ("status", status)]);
            }
        }
        if self.random.percent(30) {
            let key = self.address();
            self.add("relays", vec![("recipient", key)]);
        }
    }

    fn status(&mut self) -> String {
        self.random
            .pick(&[
                "OK", "OK", "OK", "OK", "REJECT", "REJECT", "reject", "ok", "YES", "",
            ])
            .to_owned()
    }

    fn aliases(&mut self) {
        for _ in 0..self.random.between(4, 14) {
            let key = if self.random.percent(25) {
                format!("@{}", self.domain())
            } else {
                self.address()
            };
            let key = self.perhaps_odd(key);
            let destination = self.destination(&key);
            self.add("aliases", vec![("mail", key), ("destination", destination)]);
        }
    }

    fn destination(&mut self, key: &str) -> String {
        if self.random.percent(18) {
            return key.to_owned();
        }
        if key.starts_with('@') && self.random.percent(45) {
            return format!("@{}", self.domain());
        }
        if self.random.percent(3) {
            return self.random.pick(&["", " ", ","]).to_owned();
        }
        let count = self.random.pick(&[1, 1, 1, 1, 2, 2, 3, 4]);
        let mut text = String::new();
        for n in 0..count {
            if n > 0 {
                text += self
                    .random
                    .pick(&[",", ",", ", ", ";", " ", "\n", "\r\n", ",,", "\t"]);
            }
            text += &self.item(key);
        }
        if self.random.percent(4) {
            text += self.random.pick(&[",", " ", "\n"]);
        }
        text
    }

    fn item(&mut self, key: &str) -> String {
        let address = self.address();
        match self.random.below(50) {
            40..46 => self.odd_item(&address),
            0..4 => key.to_owned(),
            4..7 => format!("{}@far.test", self.local()),
            7 => address.to_uppercase(),
            8 => format!("Mary Contrary <{address}>"),
            9 => format!("<{address}>"),
            10 => format!("{address} (a comment)"),
            11 => self.local().to_owned(),
            12 => format!("@{}", self.domain()),
            13 => address.replacen('@', "+list@", 1),
            14 => format!("\"{address}\""),
            15 => format!("\"two words~\"@{}", self.domain()),
            16 => format!("{address}."),
            17 => self
                .random
                .pick(&[
                    "|command",
                    "/file",
                    ":include:/file",
                    "mailto:x~@far.test",
                    "a~@b@far.test",
                    "# boss",
                ])
                .to_owned(),
            18 => self.domain().to_owned(),
            19 => format!("Mary~.Contrary@{}", self.domain()),
            _ => address,
        }
    }

    /// What no address of a list should look like.
    fn odd_item(&mut self, address: &str) -> String {
        let (local, domain) = address.split_once('@').expect("an address");
        self.random.pick(&[
            format!("Mary Contrary <{address}"),
            format!("{address}>"),
            format!("Mary, Contrary: {address}, {local}~@far.test;"),
            format!("friends:{address};"),
            "friends:;".to_owned(),
            format!("@relay.test:{address}"),
            format!("<@relay.test,@other.test:{address}>"),
            format!("{local}%far.test@{domain}"),
            format!("{local}%{domain}"),
            format!("far.test!{local}@{domain}"),
            format!("{domain}!{local}"),
            format!("{local}@[127.0.0.9]"),
            format!("{local}@[no address]"),
            format!("{local}\\ x@{domain}"),
            format!("\"{local} \\\"x\\\"\"@{domain}"),
            format!("\"{address}"),
            format!("({address}"),
            format!("(a (nested) \\) comment){address}"),
            "\"\"".to_owned(),
            "<>".to_owned(),
            format!("\"\"@{domain}"),
            format!("{local}@"),
            format!("{local}@@{domain}"),
            format!(".{address}"),
            format!("{local}.@{domain}"),
            format!("{local}..x@{domain}"),
            format!("{local}@.{domain}"),
            format!("{local}@{domain}.."),
            format!("{local} @ {domain}"),
            format!("{local}@-{domain}"),
            format!("-{address}"),
            format!("{local}@1.2.3.4"),
            format!("{local}@1.2.3"),
            format!("{local}@{}.test", "x".repeat(64)),
            format!("{}@{domain}", "x".repeat(70)),
            format!("{}@{domain}", "x".repeat(1000)),
            format!("{local}+a+b@{domain}"),
            format!("+x@{domain}"),
            format!("{local}+@{domain}"),
            format!("mailer-daemon+x@{domain}"),
            format!("[{local}]@{domain}"),
            format!("{local}/x=y@{domain}"),
            // The howto's tables are not in UTF-8.
            match self.kind {
                Kind::Generated => format!("m\u{e4}ry~@{domain}"),
                Kind::Howto => format!("mary~@{domain}"),
            },
        ])
    }

    fn users(&mut self) {
        for _ in 0..self.random.between(5, 12) {
            let address = self.address();
            let id = self.perhaps_odd(address);
            let (local, domain) = id.rsplit_once('@').unwrap_or((&id, ""));
            let maildir = format!("d~/{domain}/{local}").replace(' ', "");
            let maildir = match self.random.below(24) {
                0 => String::new(),
                1 => "/".to_owned(),
                2 => "..".to_owned(),
                3 => format!("d~/../d~/{local}/"),
                4 => format!("/{maildir}/"),
                5 => format!("{maildir}//"),
                6 => format!(" {maildir}/ "),
                7 => format!("d~-{local}"),
                // Nothing makes that directory.
                8 => format!("d~-nowhere/{local}"),
                9 => ".".to_owned(),
                10 => format!("./{maildir}/"),
                11 => format!("{}/", maildir.to_uppercase()),
                _ => format!("{maildir}/"),
            };
            self.add("users", vec![("id", id), ("maildir", maildir)]);
        }
    }

    fn relocated(&mut self) {
        for _ in 0..self.random.below(4) {
            let key = if self.random.percent(20) {
                format!("@{}", self.domain())
            } else {
                self.address()
            };
            let key = self.perhaps_odd(key);
            let to = match self.random.below(8) {
                0 => String::new(),
                1 => "@new.test".to_owned(),
                2 => "phone 555 1234".to_owned(),
                3 => " ".to_owned(),
                4 => self.address(),
                _ => format!("{}@new.test", self.local()),
            };
            self.add("relocated", vec![("oldadr", key), ("newadr", to)]);
        }
    }

    fn access_rules(&mut self) {
        for _ in 0..self.random.between(1, 4) {
            let kind = self
                .random
                .pick(&["recipient", "recipient", "sender", "sender", "client"]);
            let pattern = match kind {
                "recipient" => self.recipient_pattern(),
                "sender" => self
                    .random
                    .pick(&[
                        "writer@far.test~",
                        "ann~@news.sender~.test",
                        "news.sender~.test",
                        "sender~.test",
                        "bob~@",
                        "ann~@",
                        "ann~+shop@news.sender~.test",
                        "ann~+shop@",
                        "@sender~.test",
                        ".sender~.test",
                        "ANN~@news.sender~.test",
                        "alpha.d~.test",
                        "d~.test",
                    ])
                    .to_owned(),
                _ => self
                    .random
                    .pick(&[
                        "$.66",
                        "$.77",
                        "$",
                        "$.0/24",
                        "$.64/26",
                        "$.64/27",
                        "$.76/30",
                        "host.caller.d~.test",
                        "caller.d~.test",
                        "d~.test",
                        ".caller.d~.test",
                        "$.",
                        "[$.66]",
                        "^::66",
                        "^::",
                        "^:",
                        "^",
                        "^::/64",
                        "^::/120",
                        "^::64/126",
                        "^::200/128",
                    ])
                    .to_owned(),
            };
            let (action, message) = self.action(kind);
            self.add(
                "access_rules",
                vec![
                    ("kind", kind.to_owned()),
                    ("pattern", pattern),
                    ("action", action),
                    ("message", message),
                ],
            );
        }
    }

    fn recipient_pattern(&mut self) -> String {
        let address = self.address();
        match self.random.below(10) {
            0..4 => address,
            4 | 5 => self.domain().to_owned(),
            6 => "d~.test".to_owned(),
            7 => format!("{}@", self.local().replace("postmaster", "info~")),
            8 => address.replacen('@', "+shop@", 1),
            _ => self.odd(&address).replace("postmaster@", "info~@"),
        }
    }

    fn action(&mut self, kind: &str) -> (String, String) {
        let mut actions = vec![
            "REJECT", "REJECT", "REJECT", "DEFER", "DISCARD", "HOLD", "reject", "deny", "", "WARN", "550",
        ];
        actions.push("OK");
        if kind != "recipient" {
            actions.extend(["OK", "DUNNO", "OK"]);
        }
        let action = self.random.pick(&actions);
        let message = self.random.pick(&[
            "",
            "",
            "",
            "Go away",
            "5.7.1 Not you",
            "5.1.3 Bad",
            "4.7.1 Later",
            " x ",
            "5.7.1",
            "5.7.1  two spaces",
            "5.1234.1 no code",
            "2.0.0 fine",
            "5.7.x no code",
            "550 5.7.2 twice",
            "100% sure",
        ]);
        (action.to_owned(), message.to_owned())
    }

    fn subjects(&self, table: &str, column: &str) -> Vec<String> {
        let of = |entry: &Entry| {
            entry
                .values
                .iter()
                .find(|(name, _)| *name == column)
                .map(|(_, value)| value.clone())
        };
        self.entries
            .iter()
            .filter(|entry| entry.table == table)
            .filter_map(of)
            .collect()
    }

    /// Twenty mails to as many addresses.
    fn letters(&mut self, ruled: bool) -> Vec<Letter> {
        let keys: Vec<String> = [
            ("aliases", "mail"),
            ("aliases", "mail"),
            ("users", "id"),
            ("relays", "recipient"),
            ("relocated", "oldadr"),
            ("domains", "domain"),
            ("backups", "domain"),
            ("access_rules", "pattern"),
        ]
        .into_iter()
        .flat_map(|(table, column)| self.subjects(table, column))
        .collect();
        let known: Vec<String> = keys.iter().filter_map(|key| self.reached_by(key)).collect();
        let mut letters: Vec<Letter> = Vec::new();
        while letters.len() < 20 {
            let to = if self.random.percent(65) && !known.is_empty() {
                self.random.pick(&known)
            } else {
                self.address()
            };
            let to = self.varied(&to);
            // The howto's Postfix knows no SMTPUTF8.
            if self.kind == Kind::Howto && !to.is_ascii() {
                continue;
            }
            if letters.iter().any(|letter| letter.to == to) {
                continue;
            }
            let from = if ruled { self.random.pick(SENDERS) } else { "" };
            letters.push(Letter {
                from: from.to_owned(),
                to,
            });
        }
        letters
    }

    /// An address that a row may be about, if it can be written in RCPT TO.
    fn reached_by(&mut self, key: &str) -> Option<String> {
        let key = key.trim();
        let key = match key.rsplit_once('@') {
            None | Some(("" | "*", _)) => {
                let domain = key.rsplit('@').next().unwrap_or_default().trim_start_matches('.');
                format!("{}@{domain}", self.local())
            }
            Some((local, "")) => format!("{local}@{}", self.domain()),
            Some(_) => key.to_owned(),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.+-~'".contains(&byte);
        (key.bytes().all(plain) && key.matches('@').count() == 1).then_some(key)
    }

    fn varied(&mut self, to: &str) -> String {
        match self.random.below(36) {
            30..36 => self.odd_recipient(to),
            0..3 => to.replacen('@', "+shop@", 1),
            3 => to.to_uppercase(),
            4 => to.replacen('@', "@sub.", 1),
            5 => to.split('@').next().unwrap_or_default().to_owned(),
            6 => format!("{}@nobody~.test", self.local()),
            7 => to.replacen('@', "@other.", 1),
            8 => format!("nobody~@{}", to.rsplit('@').next().unwrap_or_default()),
            _ => to.to_owned(),
        }
    }

    /// An address as hardly anybody types it.
    fn odd_recipient(&mut self, to: &str) -> String {
        let Some((local, domain)) = to.rsplit_once('@') else {
            return to.to_owned();
        };
        let long = |count| "x".repeat(count);
        self.random.pick(&[
            format!("\"{local}\"@{domain}"),
            format!("\"two words~\"@{domain}"),
            format!("two words~@{domain}"),
            format!("{local}%far.test@{domain}"),
            format!("{local}%{domain}"),
            format!("far.test!{local}@{domain}"),
            format!("{domain}!{local}"),
            format!("@relay.test:{to}"),
            format!("@relay.test,@other.test:{to}"),
            format!("{local}@[127.0.0.9]"),
            format!("{local}@[IPv6:2001:db8::9]"),
            format!("{local}@[{domain}]"),
            format!("{local}@127.0.0.9"),
            format!("{to}."),
            format!("{to}.."),
            format!("\" \"@{domain}"),
            format!("{local}@"),
            "\"\"".to_owned(),
            "@".to_owned(),
            format!("{local}+@{domain}"),
            format!("+shop@{domain}"),
            format!("{local}+a+b@{domain}"),
            format!("{local}++@{domain}"),
            format!("{local}+\"x y\"@{domain}"),
            format!("mailer-daemon+shop@{domain}"),
            format!("double-bounce+shop@{domain}"),
            format!("owner-{to}"),
            format!(".{to}"),
            format!("{local}.@{domain}"),
            format!("{local}..x@{domain}"),
            format!("{local}@.{domain}"),
            format!("{local}@{}", domain.replacen('.', "..", 1)),
            format!("{local}@far.test@{domain}"),
            format!("{local}@@{domain}"),
            format!("{local}(comment)@{domain}"),
            format!("Mary Contrary <{to}>"),
            format!("{to},{to}"),
            format!("{to};"),
            format!("friends:{to};"),
            format!("{local} {to}"),
            format!("ma\\ry~@{domain}"),
            format!("\"ma\\\"ry~\"@{domain}"),
            format!("\"{to}\""),
            format!("\"{to}\"@{domain}"),
            format!("-{to}"),
            format!("{local}@-{domain}"),
            format!("{local}@x_{domain}"),
            format!("{}@{domain}", long(65)),
            format!("{}@{domain}", long(300)),
            format!("{local}@{}.{domain}", long(63)),
            format!("{local}@{}.{domain}", long(64)),
            format!("{local}@{}{domain}", format!("{}.", long(60)).repeat(5)),
            format!("{local}\t@{domain}"),
            format!("[{local}]@{domain}"),
            format!("{local}/x=y@{domain}"),
            format!("m\u{e4}ry~@{domain}"),
            format!("{local}@d\u{f6}.{domain}"),
        ])
    }
}
