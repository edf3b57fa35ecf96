//! An owner who looks for a way into a neighbour's domain. Most of it is one question: is the panel, letter by letter, the
//! same to the owner whether or not the neighbour's rows are there?

use postwarden::access::Role;
use regex::Regex;

use crate::samples::{Fields, names};
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

/// What the owner has. Its rows point at the neighbour's in every way there is.
const MINE: &str = "
    INSERT INTO domains (pkid, domain, transport) VALUES (1001, 'mine.example', 'virtual:'),
      (1002, 'away@mine.example', 'smtp:[mx.out.example]');
    INSERT INTO backups (pkid, domain, transport) VALUES (1001, 'mine-kept.example', 'smtp:[mx.out.example]');
    INSERT INTO aliases (pkid, mail, destination) VALUES
      (1001, 'info@mine.example', 'info@theirs.example'), (1002, 'nested@mine.example', 'all@theirs.example,team@theirs.example'),
      (1003, 'team@mine.example', 'info@theirs.example,team@theirs.example,mary@theirs.example,none@theirs.example,\
away@theirs.example,old@theirs.example,r@theirs-kept.example,nested@mine.example'),
      (1004, 'circle@mine.example', 'circle@theirs.example'), (1005, '@mine.example', '@theirs.example'),
      (1006, 'info@theirs.example@mine.example', 'joe@out.example'), (1007, 'away@mine.example', 'away@mine.example'),
      (1008, 'postmaster@mine.example', 'postmaster@theirs.example');
    INSERT INTO users (id, maildir, crypt) VALUES ('mary@mine.example', 'mine.example/mary/', ''),
      ('joe@mine.example', 'mine.example/joe/', '');
    INSERT INTO relays (pkid, recipient) VALUES (1001, 'r@mine-kept.example');
    INSERT INTO relocated (pkid, oldadr, newadr) VALUES (1001, 'old@mine.example', 'mary@theirs.example');
    INSERT INTO access_rules (pkid, kind, pattern) VALUES (1001, 'recipient', 'spam@mine.example');
    UPDATE pw_counter SET last_change = 100;";

/// What the neighbour has, and the whole server.
const THEIRS: &str = "
    INSERT INTO domains (pkid, domain, transport) VALUES (1, 'theirs.example', 'virtual:'),
      (2, 'away@theirs.example', 'smtp:[mx.out.example]'), (3, 'sub.mine.example', 'virtual:'), (4, 'mine.example.', 'virtual:');
    INSERT INTO backups (pkid, domain, transport) VALUES (1, 'theirs-kept.example', ':[]'),
      (2, 'other@theirs.example', 'smtp:[mx.out.example]');
    INSERT INTO aliases (pkid, mail, destination) VALUES
      (1, 'info@theirs.example', 'info@mine.example'), (2, 'all@theirs.example', 'team@theirs.example,secret@theirs.example'),
      (3, 'team@theirs.example', 'team@mine.example,secret@theirs.example'), (4, 'circle@theirs.example', 'circle@mine.example'),
      (5, '@theirs.example', 'mary@mine.example'), (6, 'x@mine.example@theirs.example', 'joe@out.example'),
      (7, 'mary@mine.example.', 'joe@out.example'), (8, 'away@theirs.example', 'away@theirs.example'),
      (9, 'a@sub.mine.example', 'info@mine.example'), (10, 'postmaster@theirs.example', 'joe@mine.example'),
      (11, 'info@mine.example\\t', 'joe@out.example'), (12, 'info@mine.example\\0', 'joe@out.example'),
      (13, ' @mine.example\u{200b}', 'joe@out.example'), (14, 'a\u{ff20}mine.example', 'joe@out.example');
    INSERT INTO users (id, name, maildir, crypt) VALUES ('mary@theirs.example', 'Mary', 'theirs.example/mary/', 'sdtrusfX0Jj66'),
      ('x@mine.example@theirs.example', 'X', 'theirs.example/x/', '');
    INSERT INTO relays (pkid, recipient) VALUES (1, 'r@theirs-kept.example');
    INSERT INTO relocated (pkid, oldadr, newadr) VALUES (1, 'old@theirs.example', 'info@mine.example');
    INSERT INTO access_rules (pkid, kind, pattern) VALUES (1, 'recipient', 'spam@theirs.example'), (2, 'sender', 'boss@mine.example'),
      (3, 'client', 'mine.example');
    INSERT INTO pw_changes (change_id, seq, at, who, origin, action, table_name, row_key, subject, old_subject, row_before, row_after)
      VALUES (1, 0, NOW(), 'neighbour', 'web', 'create', 'aliases', '1', 'info@theirs.example', NULL, NULL, '{\"mail\":\"x\"}'),
      (2, 0, NOW(), 'neighbour', 'web', 'update', 'aliases', '1001', 'info@mine.example', 'x@theirs.example', '{}', '{}'),
      (3, 0, NOW(), 'neighbour', 'web', 'update', 'aliases', '1', 'info@theirs.example', 'info@mine.example', '{}', '{}'),
      (4, 0, NOW(), 'neighbour', 'web', 'create', 'access_rules', '2', 'boss@mine.example', NULL, NULL, '{\"kind\":\"sender\"}');";

/// Ways to write a neighbour's address, for somebody who hopes that one part of the panel reads it otherwise than another.
fn spellings(address: &str) -> Vec<String> {
    let (local, domain) = address.rsplit_once('@').expect("an address");
    let mut all = vec![
        address.to_owned(),
        address.to_uppercase(),
        format!("{address}."),
        format!(" {address} "),
        format!("{address}\t"),
        format!("{address}\n"),
        format!("{address}\0"),
        format!("{address}%00"),
        format!("{address}\0@mine.example"),
        format!("{address}@mine.example"),
        format!("{local}@mine.example@{domain}"),
        format!("x@mine.example,{address}"),
        format!("{local}\u{ff20}{domain}"),
        format!("{local}@{domain}\u{ff20}mine.example"),
        format!("{local}@{}", domain.replace('i', "\u{131}")),
        format!("{local}@{}", domain.replace('i', "\u{130}")),
        format!("{local}@{}", domain.replace('e', "\u{eb}")),
        format!("{local}@{}", domain.replace('.', "\u{3002}")),
        format!("{local}@{domain}\u{200b}"),
        format!("{local}\u{200b}@{domain}"),
        format!("{local}@xn--{domain}-"),
        format!("{local}%40{domain}"),
        format!("{local}%2540{domain}"),
        format!("~{address}"),
        format!("'{address}'"),
        format!("<{address}>"),
        format!("mailto:{address}"),
        format!("{address}' OR '1'='1"),
        format!("{address}/../{local}@mine.example"),
    ];
    all.sort();
    all.dedup();
    all
}

/// Ways to write a number.
const NUMBERS: &[&str] = &[
    "1", "+1", "01", " 1", "1 ", "1.0", "1e0", "0x1", "\u{ff11}", "1;", "1'", "1\0", "-1", "true", "~1",
    "1%00",
];

/// Tables with their subject, other fields that are fine, and a neighbour's subject.
const TABLES: &[(&str, &str, Fields, &str)] = &[
    (
        "domains",
        "domain",
        &[("transport", "virtual:")],
        "x@theirs.example",
    ),
    (
        "aliases",
        "mail",
        &[("destination", "joe@out.example")],
        "info@theirs.example",
    ),
    (
        "lists",
        "mail",
        &[("destination", "joe@out.example,ann@out.example")],
        "team@theirs.example",
    ),
    (
        "users",
        "id",
        &[("name", "N"), ("password", PASSWORD), ("self_alias", "1")],
        "mary@theirs.example",
    ),
    (
        "overrides",
        "mail",
        &[("transport", "smtp:[aspmx.l.google.com]")],
        "away@theirs.example",
    ),
    (
        "backups",
        "domain",
        &[("transport", "smtp:[mx.out.example]")],
        "x@theirs-kept.example",
    ),
    (
        "relays",
        "recipient",
        &[("status", "OK")],
        "r@theirs-kept.example",
    ),
    (
        "relocated",
        "oldadr",
        &[("newadr", "joe@out.example")],
        "old@theirs.example",
    ),
    (
        "access",
        "pattern",
        &[("kind", "recipient"), ("action", "REJECT")],
        "spam@theirs.example",
    ),
];

async fn owner_of(database: Database, rows: &[&str]) -> (Panel, Browser) {
    for rows in rows {
        database.script(rows).await;
    }
    let panel = Panel::on(database).await;
    let owner = panel
        .signed_in("owner", Role::Owner, &["mine.example", "mine-kept.example"])
        .await;
    (panel, owner)
}

/// The owner in two worlds: with the neighbour's rows and without.
struct Worlds {
    with: (Panel, Browser),
    without: (Panel, Browser),
    varying: Regex,
    asked: u32,
}

impl Worlds {
    async fn new() -> Self {
        Self {
            with: owner_of(Database::fresh().await, &[THEIRS, MINE]).await,
            without: owner_of(Database::fresh().await, &[MINE]).await,
            // Times, and what depends on the salt of a password.
            varying: Regex::new(r#"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|name="version" value="[0-9a-f]*""#)
                .expect("a pattern"),
            asked: 0,
        }
    }

    /// Asks in both, and answers with what both said.
    async fn ask(&mut self, path: &str, fields: Option<&[(&str, &str)]>) -> Answer {
        let mut answers = Vec::new();
        for (_, owner) in [&self.with, &self.without] {
            answers.push(match fields {
                None => owner.get(path).await,
                Some(fields) => owner.post(path, fields).await,
            });
        }
        self.asked += 1;
        let without = answers.pop().expect("two");
        let with = answers.pop().expect("two");
        let seen = [&with, &without].map(|a| {
            let body = self.varying.replace_all(&a.body, "…").into_owned();
            (a.status, a.location().to_owned(), body)
        });
        assert!(
            seen[0] == seen[1],
            "{path} {fields:?}\n  with the neighbour's rows {} {}: {}\n  without {} {}: {}",
            with.status,
            with.location(),
            with.text("main"),
            without.status,
            without.location(),
            without.text("main")
        );
        with
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.ask(path, None).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(path, Some(fields)).await
    }

    /// Every page the owner has.
    async fn look_around(&mut self) {
        for path in [
            "",
            "changes",
            "search?q=example",
            "search?q=theirs",
            "postfix",
            "domains/1001",
        ] {
            self.get(path).await;
        }
        for (slug, ..) in TABLES {
            let list = self.get(&format!("{slug}?per=500")).await;
            for page in list.attributes("tbody th[scope=row] a.mono", "href") {
                for rest in ["", "/edit", "/delete"] {
                    self.get(&format!("{page}{rest}")).await;
                }
            }
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn reading_is_the_same_to_an_owner_with_a_neighbour_and_without() {
    let mut worlds = Worlds::new().await;
    worlds.look_around().await;
    for (slug, subject, _, foreign) in TABLES {
        let mut queries: Vec<String> = ["q", "domain", "after", "sort", "needs", "enabled", "per"]
            .iter()
            .flat_map(|name| {
                [
                    "theirs.example",
                    "theirs-kept.example",
                    "sub.mine.example",
                    "mine.example.",
                ]
                .map(|value| format!("?{name}={value}"))
            })
            .collect();
        for needs in [
            "stops-mail",
            "howto-password",
            "shared-directory",
            "under-catch-all",
            "no-domain",
            "domain-off",
            "also-backup",
            "no-recipients",
            "required",
        ] {
            queries.push(format!("?needs={needs}"));
        }
        for cursor in [
            format!("[\"{foreign}\",\"1\"]"),
            "[null,\"1\"]".to_owned(),
            format!("[\"{foreign}\",\"{foreign}\"]"),
        ] {
            for sort in [
                String::new(),
                format!("&sort=-{subject}"),
                "&sort=enabled".to_owned(),
            ] {
                queries.push(format!("?after={}{sort}&per=1", hex::encode(&cursor)));
            }
        }
        for key in ["1", "2", foreign] {
            queries.push(format!("/new?copy={}", encoded(key)));
            queries.push(format!(
                "/new?{subject}={}&next=/{slug}/{}",
                encoded(foreign),
                encoded(key)
            ));
        }
        for query in queries {
            worlds.get(&format!("{slug}{query}")).await;
        }
    }
    for query in [
        "q=theirs",
        "domain=theirs.example",
        "who=neighbour",
        "table=access_rules",
        "before=5",
        "q=boss",
    ] {
        let found = worlds.get(&format!("changes?{query}")).await;
        assert_eq!(found.texts(".log li"), [""; 0], "{query}");
    }
    println!("{} requests in two worlds", worlds.asked);
}

#[tokio::test]
async fn no_way_to_write_a_key_reaches_a_neighbours_row() {
    let mut worlds = Worlds::new().await;
    for (slug, subject, fields, foreign) in TABLES {
        let mut keys = spellings(foreign);
        keys.extend(NUMBERS.iter().map(|n| (*n).to_owned()));
        let change: Vec<_> = [
            &[(*subject, "new@mine.example"), ("confirm", "1"), ("enabled", "1")],
            *fields,
        ]
        .concat();
        for key in keys.iter().map(|key| encoded(key)) {
            for rest in ["", "/edit", "/delete"] {
                let answer = worlds.get(&format!("{slug}/{key}{rest}")).await;
                assert!(
                    matches!(answer.status, 403 | 404),
                    "{slug}/{key}{rest}: {}",
                    answer.status
                );
            }
            for (rest, fields) in [
                ("", &change[..]),
                ("/delete", &[("confirm", "1"), ("companions", "1")]),
                ("/enabled", &[("value", "0")]),
            ] {
                let answer = worlds.post(&format!("{slug}/{key}{rest}"), fields).await;
                assert!(
                    matches!(answer.status, 403 | 404),
                    "{slug}/{key}{rest}: {}",
                    answer.status
                );
            }
        }
        for key in keys.iter().map(|key| encoded(&encoded(key))) {
            let answer = worlds.get(&format!("{slug}/{key}")).await;
            assert!(
                matches!(answer.status, 403 | 404),
                "{slug}/{key}: {}",
                answer.status
            );
        }
        for key in &keys {
            for action in ["enable", "disable", "delete"] {
                let fields = [
                    ("key", key.as_str()),
                    ("action", action),
                    ("confirm", "1"),
                    ("companions", "1"),
                ];
                let answer = worlds.post(&format!("{slug}/bulk"), &fields).await;
                assert!(
                    matches!(answer.status, 403 | 422),
                    "{slug} {action} {key}: {}",
                    answer.status
                );
            }
        }
    }
    let recorded = "SELECT COUNT(*) FROM pw_changes WHERE change_id > 4";
    assert_eq!(worlds.with.0.database.count(recorded).await, 0);
    println!("{} requests in two worlds", worlds.asked);
}

/// Every row that is not the owner's.
async fn others(database: &Database) -> Vec<Vec<Option<String>>> {
    let mut rows = Vec::new();
    for (table, subject) in [
        ("domains", "domain"),
        ("backups", "domain"),
        ("aliases", "mail"),
        ("users", "id"),
        ("relays", "recipient"),
        ("relocated", "oldadr"),
        ("access_rules", "pattern"),
    ] {
        let theirs = format!(
            "SELECT * FROM {table} WHERE NOT BINARY SUBSTRING_INDEX({subject}, '@', -1) IN ('mine.example', 'mine-kept.example') \
             ORDER BY {subject}"
        );
        rows.extend(database.rows(&theirs).await);
    }
    rows
}

#[tokio::test]
async fn no_way_to_write_a_value_puts_a_row_into_a_neighbours_domain_or_tells_of_one_there() {
    let mut worlds = Worlds::new().await;
    let before = others(&worlds.with.0.database).await;
    let none = others(&worlds.without.0.database).await;
    for (slug, subject, fields, foreign) in TABLES {
        let own = match *slug {
            "users" => "joe@mine.example",
            "overrides" => "away@mine.example",
            _ => "1001",
        };
        for value in spellings(foreign) {
            for confirm in [&[][..], &[("confirm", "1")]] {
                let typed = [&[(*subject, value.as_str()), ("enabled", "1")], *fields, confirm].concat();
                for path in [(*slug).to_owned(), format!("{slug}/{own}")] {
                    worlds.post(&path, &typed).await;
                }
            }
        }
    }
    assert_eq!(others(&worlds.with.0.database).await, before);
    assert_eq!(others(&worlds.without.0.database).await, none);
    worlds.look_around().await;
    println!("{} requests in two worlds", worlds.asked);
}

#[tokio::test]
async fn what_an_owners_rows_say_of_a_neighbour_is_the_same_whether_or_not_it_is_true() {
    let mut worlds = Worlds::new().await;
    for address in [
        "info@theirs.example",
        "team@theirs.example",
        "mary@theirs.example",
        "none@theirs.example",
        "away@theirs.example",
        "old@theirs.example",
        "r@theirs-kept.example",
        "@theirs.example",
        "circle@theirs.example",
        "a@sub.mine.example",
    ] {
        let two = format!("{address},circle@mine.example");
        for (path, fields) in [
            ("aliases/1004", [("destination", address), ("enabled", "1")]),
            ("lists/1003", [("add", address), ("enabled", "1")]),
            ("lists/1002", [("destination", &two), ("enabled", "1")]),
            ("relocated/1001", [("newadr", address), ("enabled", "1")]),
        ] {
            worlds.post(path, &fields).await;
            worlds
                .post(path, &[&fields[..], &[("confirm", "1")]].concat())
                .await;
            worlds.get(path).await;
            worlds.get(&format!("{path}/delete")).await;
        }
    }
    for fields in [
        [("action", "disable"), ("domain", "theirs.example"), ("all", "1")],
        [("action", "delete"), ("q", "theirs.example"), ("all", "1")],
        [("action", "delete"), ("key", "1"), ("key", "1004")],
        [("action", "disable"), ("key", "3"), ("key", "1003")],
        [("action", "enable"), ("key", "1003"), ("key", "1")],
    ] {
        for slug in [
            "aliases",
            "lists",
            "users",
            "overrides",
            "relays",
            "relocated",
            "access",
        ] {
            worlds.post(&format!("{slug}/bulk"), &fields).await;
            worlds
                .post(
                    &format!("{slug}/bulk"),
                    &[&fields[..], &[("confirm", "1")]].concat(),
                )
                .await;
        }
    }
    let start = [
        ("domain", "new.mine.example"),
        ("start", "copy"),
        ("start_copy", "theirs.example"),
    ];
    assert_eq!(worlds.post("domains", &start).await.status, 403);
    worlds.look_around().await;
    println!("{} requests in two worlds", worlds.asked);
}

#[tokio::test]
async fn a_letter_the_database_lowers_to_ascii_makes_nobody_an_owner() {
    let database = Database::fresh().await;
    let rows = "
        INSERT INTO aliases (mail, destination) VALUES ('a@bank-mine.example', 'x@x.example'), ('b@ban\u{212a}-mine.example', 'x@x.example'),
          ('c@bank-m\u{130}ne.example', 'x@x.example'), ('d@BANK-mine.example', 'x@x.example'), ('e@bank-mine.example ', 'x@x.example'),
          ('f@bank-mine.example\\t', 'x@x.example'), ('g@bank-mine.example\\0', 'x@x.example');";
    database.script(rows).await;
    let panel = Panel::on(database).await;
    let owner = panel
        .signed_in("owner", Role::Owner, &["bank-mine.example"])
        .await;
    assert_eq!(
        names(&owner.get("aliases").await),
        [
            "a@bank-mine.example",
            "d@BANK-mine.example",
            "e@bank-mine.example⟨space⟩"
        ]
    );
}
