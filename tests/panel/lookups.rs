//! The tables as the explainer and the linter ask them: the rows that answer are those the server takes for equal, and an
//! owner's are their own.

use std::collections::HashSet;

use postwarden::access::{Actor, Grant, Origin, Role, Scope};
use postwarden::mail::DomainName;
use postwarden::route::{Lookups, Question, Rows, Snapshot};
use postwarden::store::{Known, Store};

use crate::support::Database;

pub fn owner(domains: &[&str]) -> Actor {
    let grants = domains
        .iter()
        .map(|domain| Grant::whole(DomainName::parse(domain).expect("a domain")));
    Actor {
        name: "owner".to_owned(),
        role: Role::Owner,
        scope: Scope::Domains(grants.collect()),
        origin: Origin::Cli,
    }
}

/// The keys of the rows that answer each question, asked together.
async fn asked(store: &Store, actor: &Actor, questions: &[Question]) -> Vec<Vec<String>> {
    let mut known = Known::default();
    let answers = store
        .settled(actor, &mut known, |known| {
            questions.iter().map(|q| known.rows(q)).collect::<Vec<Rows>>()
        })
        .await
        .expect("settled");
    answers
        .iter()
        .map(|rows| rows.iter().map(|row| row.key.clone()).collect())
        .collect()
}

fn subject(table: &'static str, subject: &str) -> Question {
    Question::Subject(table, subject.to_owned())
}

/// What the server says to the query that Postfix would send.
async fn server(database: &Database, key: &str) -> Vec<String> {
    let quoted = key.replace('\\', "\\\\").replace('\'', "''");
    let query = format!("SELECT pkid FROM aliases WHERE mail = '{quoted}' ORDER BY pkid");
    let rows = database.rows(&query).await;
    rows.into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect()
}

const COLLATIONS: &[&str] = &[
    "latin1 COLLATE latin1_swedish_ci",
    "latin1 COLLATE latin1_german2_ci",
    "latin1 COLLATE latin1_bin",
    "utf8mb4 COLLATE utf8mb4_general_ci",
    "utf8mb4 COLLATE utf8mb4_unicode_ci",
    "utf8mb4 COLLATE utf8mb4_bin",
    "utf8mb4 COLLATE utf8mb4_unicode_520_nopad_ci",
    "utf8mb4 COLLATE utf8mb4_nopad_bin",
];

const STORED: &[&str] = &[
    "joe@x.example",
    "Joe@x.example",
    "joe@x.example ",
    " joe@x.example",
    "jose@x.example",
    "josé@x.example",
    "strasse@x.example",
    "straße@x.example",
    "müller@x.example",
    "myller@x.example",
    "mueller@x.example",
    "o'brien@x.example",
    "a_b@x.example",
    "axb@x.example",
    "back\\\\slash@x.example",
    "tab\\t@x.example",
    "",
];

#[tokio::test]
async fn the_rows_that_answer_are_those_the_server_takes_for_equal_in_every_collation() {
    let keys = [
        "joe@x.example",
        "JOE@x.example",
        "joe@x.example  ",
        "jose@x.example",
        "josé@x.example",
        "JOSÉ@x.example",
        "strasse@x.example",
        "straße@x.example",
        "müller@x.example",
        "muller@x.example",
        "myller@x.example",
        "mueller@x.example",
        "o'brien@x.example",
        "a_b@x.example",
        "a%b@x.example",
        "back\\slash@x.example",
        "tab\t@x.example",
        "nobody@x.example",
        "",
        " ",
    ];
    for collation in COLLATIONS {
        let database = Database::empty("CHARACTER SET utf8mb4").await;
        database
            .script(&format!(
                "CREATE TABLE aliases (pkid SMALLINT AUTO_INCREMENT PRIMARY KEY, mail VARCHAR(120), destination VARCHAR(120), \
                 enabled TINYINT(1) DEFAULT 1, KEY (mail)) CHARACTER SET {collation}"
            ))
            .await;
        for stored in STORED {
            let stored = stored.replace('\'', "''");
            database
                .script(&format!(
                    "INSERT INTO aliases (mail, destination) VALUES ('{stored}', 'x@y.example')"
                ))
                .await;
        }
        let store = database.store().await;
        let actor = Actor::command_line();
        let questions: Vec<Question> = keys.iter().map(|key| subject("aliases", key)).collect();
        let together = asked(&store, &actor, &questions).await;
        // Of plain keys alone one is answered by a row that is not plain.
        let plain: Vec<Question> = keys
            .iter()
            .filter(|key| key.is_ascii())
            .map(|key| subject("aliases", key))
            .collect();
        let plainly = asked(&store, &actor, &plain).await;
        let mut plainly = plainly.into_iter();
        for (key, answered) in keys.iter().zip(together) {
            let expected = server(&database, key).await;
            assert_eq!(answered, expected, "{collation}: {key:?}");
            if key.is_ascii() {
                assert_eq!(
                    plainly.next(),
                    Some(expected.clone()),
                    "{collation}: {key:?} among plain ones"
                );
            }
            let alone = asked(&store, &actor, &[subject("aliases", key)]).await;
            assert_eq!(alone, [expected], "{collation}: {key:?} alone");
        }
    }
}

#[tokio::test]
async fn a_key_the_column_cannot_hold_is_answered_with_nothing_and_the_others_as_ever() {
    let database = Database::odd().await;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('plain@odd.example', 'x@y.example')")
        .await;
    let store = database.store().await;
    let questions = [
        subject("aliases", "漢字@odd.example"),
        subject("aliases", "plain@odd.example"),
        subject("aliases", "😀@odd.example"),
    ];
    let answers = asked(&store, &Actor::command_line(), &questions).await;
    assert_eq!(answers[0].len() + answers[2].len(), 0);
    assert_eq!(answers[1].len(), 1);
}

#[tokio::test]
async fn many_keys_are_answered_at_once_each_with_its_own_row() {
    let database = Database::fresh().await;
    let values: Vec<String> = (0..600)
        .map(|n| format!("('User{n}@many.example', 'x{n}@y.example')"))
        .collect();
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}",
            values.join(", ")
        ))
        .await;
    let store = database.store().await;
    let mut known = Known::default();
    let numbers: Vec<usize> = (0..700).collect();
    let mut runs = 0;
    let answers = store
        .settled_each(&Actor::command_line(), &mut known, &numbers, |known, n| {
            runs += 1;
            let rows = known.about("aliases", &format!("user{n}@many.example"));
            rows.iter()
                .map(|row| row.text("destination").to_owned())
                .collect::<Vec<_>>()
        })
        .await
        .expect("settled");
    for (n, answer) in answers.iter().enumerate() {
        let expected = if n < 600 {
            vec![format!("x{n}@y.example")]
        } else {
            vec![]
        };
        assert_eq!(*answer, expected);
    }
    assert_eq!(runs, 1400, "once to ask and once to be answered");
}

#[tokio::test]
async fn only_items_that_missed_something_run_again() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO domains (domain) VALUES ('a.example'), ('b.example')")
        .await;
    let store = database.store().await;
    let mut known = Known::default();
    let mut runs = Vec::new();
    let items = ["a.example", "b.example"];
    for _ in 0..2 {
        let there = store
            .settled_each(
                &Actor::command_line(),
                &mut known,
                &items[..1],
                |known, domain| known.about("domains", domain).len(),
            )
            .await
            .expect("settled");
        assert_eq!(there, [1]);
    }
    let there = store
        .settled_each(&Actor::command_line(), &mut known, &items, |known, domain| {
            runs.push(*domain);
            known.about("domains", domain).len()
        })
        .await
        .expect("settled");
    assert_eq!(there, [1, 1]);
    assert_eq!(runs, ["a.example", "b.example", "b.example"]);
}

#[tokio::test]
async fn a_chain_of_three_hundred_aliases_is_followed_to_its_end() {
    let database = Database::howto().await;
    let values: Vec<String> = (0..300)
        .map(|n| format!("('a{n}@chain.example', 'a{}@chain.example')", n + 1))
        .collect();
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}",
            values.join(", ")
        ))
        .await;
    let store = database.store().await;
    let end = store
        .settled(&Actor::command_line(), &mut Known::default(), |known| {
            let mut address = "a0@chain.example".to_owned();
            while let Some(row) = known.about("aliases", &address).first() {
                row.text("destination").clone_into(&mut address);
            }
            address
        })
        .await
        .expect("settled");
    assert_eq!(end, "a300@chain.example");
}

#[tokio::test]
async fn who_asks_for_ever_is_stopped() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let mut n = 0;
    let endless = store
        .settled(&Actor::command_line(), &mut Known::default(), |known| {
            n += 1;
            known.about("domains", &format!("{n}.example")).len()
        })
        .await;
    assert!(endless.is_err());
}

/// Rows of two domains and of nobody's.
const GROUND: &str = "INSERT INTO domains (domain, transport) VALUES ('mine.example', 'virtual:'), \
    ('theirs.example', 'virtual:'), ('joe@mine.example', 'smtp:[h.example]'), ('joe@theirs.example', 'smtp:[h.example]'); \
    INSERT INTO backups (domain, transport) VALUES ('ann@mine.example', 'smtp:[h.example]'), ('third.example', ':[h.example]'); \
    INSERT INTO aliases (mail, destination, enabled) VALUES ('joe@mine.example', 'ann@mine.example,joe@theirs.example', 1), \
    ('@mine.example', 'Joe@Mine.example ; x@y.example', 0), ('joe@theirs.example', 'joe@mine.example', 1), \
    ('list@theirs.example', 'notjoe@mine.example, joe@mine.example.org', 1); \
    INSERT INTO users (id, maildir) VALUES ('joe@mine.example', '/mine/joe/ '), ('joe@theirs.example', 'mine/joe'), \
    ('ann@mine.example', 'Mine/Joe/'); \
    INSERT INTO relays (recipient) VALUES ('@third.example'), ('x@third.example'); \
    INSERT INTO relocated (oldadr, newadr) VALUES ('old@mine.example', 'new@y.example'), ('old@theirs.example', 'y@y.example'); \
    INSERT INTO access_rules (kind, pattern, cidr_lo, cidr_hi) VALUES ('recipient', 'joe@mine.example', NULL, NULL), \
    ('sender', 'mine.example', NULL, NULL), ('client', '192.0.2.0/24', INET6_ATON('192.0.2.0'), INET6_ATON('192.0.2.255')), \
    ('client', '2001:db8::/32', INET6_ATON('2001:db8::'), INET6_ATON('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff')), \
    ('recipient', 'theirs.example', NULL, NULL)";

/// Every kind of question about the ground.
fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for domain in ["mine.example", "theirs.example", "third.example"] {
        for local in ["", "@", "joe@", "ann@", "old@", "list@", "x@"] {
            for table in [
                "domains",
                "aliases",
                "users",
                "backups",
                "relays",
                "relocated",
                "access_rules",
            ] {
                questions.push(subject(table, &format!("{local}{domain}")));
            }
            questions.push(Question::Delivering(format!("{local}{domain}")));
        }
    }
    for address in ["192.0.2.7", "192.0.3.7", "2001:db8::1", "::1"] {
        questions.push(Question::Network(address.parse().expect("an address")));
    }
    for directory in ["mine/joe", "Mine/Joe", "mine", ""] {
        questions.push(Question::Directory(directory.to_owned()));
    }
    questions
}

/// The whole tables as the operator reads them.
/// Keys and columns of rows, without the bounds of networks, which only rules ask for.
fn as_listed(rows: &Rows) -> Vec<(String, Vec<(&'static str, String)>)> {
    let listed = |row: &postwarden::resource::Row| {
        let mut fields = row.fields();
        fields.retain(|(name, _)| !name.starts_with("cidr_"));
        (row.key.clone(), fields)
    };
    rows.iter().map(listed).collect()
}

async fn snapshot(store: &Store) -> Snapshot {
    let mut snapshot = Snapshot::new();
    for resource in postwarden::resource::Resource::tables() {
        let query = postwarden::store::ListQuery {
            per: "500".to_owned(),
            ..Default::default()
        };
        let page = store
            .list(&Actor::command_line(), resource, &query)
            .await
            .expect("rows");
        let mut rows = page.rows;
        rows.sort_by_key(|row| (row.key.parse::<u64>().ok(), row.key.clone()));
        for row in rows {
            snapshot.add(resource.table, row);
        }
    }
    snapshot
}

#[tokio::test]
async fn the_database_answers_as_a_snapshot_of_it_does() {
    for database in [Database::fresh().await, Database::howto().await] {
        database.script(GROUND).await;
        let store = database.store().await;
        let snapshot = snapshot(&store).await;
        let mut known = Known::default();
        let questions = questions();
        let answers = store
            .settled(&Actor::command_line(), &mut known, |known| {
                questions.iter().map(|q| known.rows(q)).collect::<Vec<Rows>>()
            })
            .await
            .expect("settled");
        let mut answered = 0;
        for (question, rows) in questions.iter().zip(&answers) {
            assert_eq!(
                as_listed(rows),
                as_listed(&snapshot.rows(question)),
                "{question:?}"
            );
            answered += rows.len();
        }
        assert!(answered > 20, "{answered}");
        // One at a time the server looks for destinations.
        for question in &questions {
            let rows = store
                .settled(&Actor::command_line(), &mut Known::default(), |known| {
                    known.rows(question)
                })
                .await
                .expect("settled");
            assert_eq!(
                as_listed(&rows),
                as_listed(&snapshot.rows(question)),
                "{question:?}"
            );
        }
        for table in ["domains", "aliases", "users", "relays", "access_rules"] {
            for domain in [
                "mine.example",
                "Mine.example",
                "theirs.example",
                "third.example",
                "none.example",
            ] {
                let count = store
                    .settled(&Actor::command_line(), &mut known, |known| {
                        known.count(table, domain)
                    })
                    .await
                    .expect("settled");
                assert_eq!(count, snapshot.count(table, domain), "{table} {domain}");
            }
        }
    }
}

#[tokio::test]
async fn an_owner_is_answered_the_same_whatever_else_there_is() {
    let (both, alone) = (Database::fresh().await, Database::fresh().await);
    both.script(GROUND).await;
    alone.script(GROUND).await;
    alone
        .script(
            "DELETE FROM domains WHERE domain LIKE '%theirs%'; DELETE FROM aliases WHERE mail LIKE '%theirs%'; \
             DELETE FROM users WHERE id LIKE '%theirs%'; DELETE FROM relocated WHERE oldadr LIKE '%theirs%'; \
             DELETE FROM backups WHERE domain LIKE '%third%'; DELETE FROM relays; \
             DELETE FROM access_rules WHERE pattern NOT LIKE 'joe@mine%'",
        )
        .await;
    let owner = owner(&["mine.example"]);
    let questions = questions();
    let here = asked(&both.store().await, &owner, &questions).await;
    let there = asked(&alone.store().await, &owner, &questions).await;
    assert_eq!(here, there);
    let everything: HashSet<Question> = questions
        .iter()
        .zip(&here)
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(question, _)| question.clone())
        .collect();
    for table in ["domains", "aliases", "users", "access_rules"] {
        assert!(
            everything.contains(&subject(table, "joe@mine.example")),
            "{table}"
        );
    }
    assert!(
        everything.contains(&subject("backups", "ann@mine.example")),
        "an override"
    );
    assert!(
        !everything.contains(&subject("access_rules", "mine.example")),
        "a rule about senders"
    );
    let counts =
        |known: &Known| ["mine.example", "theirs.example"].map(|domain| known.count("aliases", domain));
    let counted = both
        .store()
        .await
        .settled(&owner, &mut Known::default(), counts)
        .await
        .expect("settled");
    assert_eq!(counted, [1, 0]);
}

#[tokio::test]
async fn what_one_actor_was_answered_is_forgotten_before_another_asks() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let store = database.store().await;
    let mut known = Known::default();
    let theirs = |known: &Known| known.about("domains", "theirs.example").len();
    let operator = Actor::command_line();
    assert_eq!(
        store
            .settled(&operator, &mut known, theirs)
            .await
            .expect("settled"),
        1
    );
    let owner = owner(&["mine.example"]);
    assert_eq!(
        store.settled(&owner, &mut known, theirs).await.expect("settled"),
        0
    );
}

#[tokio::test]
async fn tables_and_columns_that_are_missing_answer_with_nothing_also_when_they_go_meanwhile() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let store = database.store().await;
    let questions = questions();
    let ask = async || asked(&store, &Actor::command_line(), &questions).await;
    assert!(ask().await.iter().any(|rows| !rows.is_empty()));
    // Within the second in which the schema is not read anew.
    database
        .script(
            "DROP TABLE relocated, backups, relays; ALTER TABLE aliases DROP destination; ALTER TABLE users DROP maildir; \
             ALTER TABLE access_rules DROP cidr_lo; ALTER TABLE domains DROP enabled",
        )
        .await;
    let answers = ask().await;
    let answer = |question: Question| {
        let place = questions.iter().position(|q| *q == question);
        answers[place.expect("asked")].len()
    };
    assert_eq!(answer(subject("relocated", "old@mine.example")), 0);
    assert_eq!(answer(subject("backups", "third.example")), 0);
    assert_eq!(answer(Question::Delivering("joe@mine.example".to_owned())), 0);
    assert_eq!(answer(Question::Directory("mine/joe".to_owned())), 0);
    assert_eq!(answer(subject("domains", "mine.example")), 1);
    assert_eq!(answer(subject("aliases", "joe@mine.example")), 1);
    let known = store
        .settled(&Actor::command_line(), &mut Known::default(), |known| {
            [
                ("relocated", ""),
                ("aliases", ""),
                ("aliases", "destination"),
                ("domains", "domain"),
            ]
            .map(|(table, column)| known.has(table, column))
        })
        .await
        .expect("settled");
    assert_eq!(known, [false, true, false, true]);
}
