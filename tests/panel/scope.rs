//! Owners see and change the rows of their domains and nothing else; auditors read.

use postwarden::access::Role;

use crate::samples::{SAMPLES, form_of, names, recorded};
use crate::support::{Browser, Database, Panel};

/// Rows of two owners, of a subdomain, and of an address with several `@`.
const ROWS: &str = "
    INSERT INTO domains (domain) VALUES ('mine.example'), ('other.example'), ('sub.mine.example'), ('notmine.example');
    INSERT INTO backups (domain, transport) VALUES ('kept.mine.example', ''), ('away.example', '');
    INSERT INTO aliases (mail, destination) VALUES
      ('info@mine.example', 'joe@x.example'), ('@mine.example', 'info@mine.example'),
      ('info@other.example', 'info@mine.example'), ('a@sub.mine.example', 'joe@x.example'),
      ('a@notmine.example', 'joe@x.example'), ('joe@mine.example@other.example', 'joe@x.example'),
      ('joe@other.example@mine.example', 'joe@x.example'),
      ('team@mine.example', 'ann@y.example,joe@x.example'), ('team@other.example', 'ann@y.example,joe@x.example');
    INSERT INTO users (id, maildir) VALUES ('mary@mine.example', 'mary/'), ('mary@other.example', 'other.example/mary/');
    INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'spam@mine.example'),
      ('recipient', 'spam@other.example'), ('sender', 'boss@mine.example'), ('client', 'mine.example');
    INSERT INTO relays (recipient) VALUES ('r@mine.example'), ('r@other.example');
    INSERT INTO relocated (oldadr, newadr) VALUES ('old@mine.example', 'n@y.example'), ('old@other.example', 'n@y.example');";

async fn owner() -> Vec<(Panel, Browser)> {
    let mut panels = Vec::new();
    for database in [Database::fresh().await, Database::howto().await] {
        database.script(ROWS).await;
        let panel = Panel::on(database).await;
        let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
        panels.push((panel, owner));
    }
    panels
}

async fn key(panel: &Panel, table: &str, condition: &str) -> String {
    let (slug, key) = match table {
        "users" => ("users", "id"),
        "access_rules" => ("access", "pkid"),
        table => (table, "pkid"),
    };
    let query = format!("SELECT {key} FROM {table} WHERE {condition}");
    format!("{slug}/{}", panel.database.value(&query).await.expect(condition))
}

const MINE: &[(&str, &[&str])] = &[
    ("domains", &["mine.example"]),
    (
        "aliases",
        &[
            "@mine.example",
            "info@mine.example",
            "joe@other.example@mine.example",
            "team@mine.example",
        ],
    ),
    ("lists", &["team@mine.example"]),
    ("users", &["mary@mine.example"]),
    ("overrides", &[]),
    ("backups", &[]),
    ("relays", &["r@mine.example"]),
    ("relocated", &["old@mine.example"]),
    ("access", &["spam@mine.example"]),
];

#[tokio::test]
async fn lists_searches_and_counts_hold_the_owners_rows_alone() {
    for (_panel, owner) in owner().await {
        for (table, mine) in MINE {
            assert_eq!(names(&owner.get(table).await), *mine, "{table}");
            assert_eq!(
                names(
                    &owner
                        .get(&format!("{table}?sort=nonsense&enabled=1&per=100"))
                        .await
                ),
                *mine
            );
            for foreign in [
                "domain=other.example",
                "q=other.example",
                "domain=sub.mine.example",
                "q=away",
            ] {
                let found = names(&owner.get(&format!("{table}?{foreign}")).await);
                assert!(
                    found.iter().all(|name| mine.contains(&name.as_str())),
                    "{table}?{foreign}: {found:?}"
                );
            }
            let total = owner.get(&format!("{table}?per=1")).await.text(".pager p");
            assert!(
                mine.is_empty() || total.starts_with(&format!("{} ", mine.len())),
                "{table}: {total}"
            );
        }
        let found = names(&owner.get("search?q=example").await);
        let tables = MINE.iter().filter(|(slug, _)| *slug != "lists");
        let all: Vec<&str> = tables.flat_map(|(_, mine)| mine.iter().copied()).collect();
        assert_eq!(found, all);
        let counts = owner.get("").await.texts(".cards .count");
        let counts: Vec<Option<&str>> = counts.iter().map(|c| c.split(' ').next()).collect();
        let expected: Vec<String> = MINE.iter().map(|(_, mine)| mine.len().to_string()).collect();
        let expected: Vec<Option<&str>> = expected.iter().map(|n| Some(n.as_str())).collect();
        assert_eq!(counts, expected, "the dashboard counts the same");
    }
}

#[tokio::test]
async fn rows_of_others_answer_as_if_they_did_not_exist() {
    for (panel, owner) in owner().await {
        for (table, foreign) in [
            ("aliases", "mail = 'info@other.example'"),
            ("aliases", "mail = 'a@sub.mine.example'"),
            ("aliases", "mail = 'a@notmine.example'"),
            ("aliases", "mail = 'joe@mine.example@other.example'"),
            ("relays", "recipient = 'r@other.example'"),
            ("relocated", "oldadr = 'old@other.example'"),
            ("users", "id = 'mary@other.example'"),
            ("access_rules", "pattern = 'spam@other.example'"),
            ("access_rules", "pattern = 'boss@mine.example'"),
            ("access_rules", "pattern = 'mine.example'"),
        ] {
            let page = key(&panel, table, foreign).await;
            let nowhere = format!("{}/30000", page.split('/').next().expect("a slug"));
            let row = panel
                .database
                .rows(&format!("SELECT * FROM {table} WHERE {foreign}"))
                .await;
            for (path, fields) in [
                ("", None),
                ("/delete", None),
                (
                    "",
                    Some(vec![
                        ("mail", "x@mine.example"),
                        ("recipient", "x@mine.example"),
                        ("oldadr", "x@mine.example"),
                    ]),
                ),
                ("/delete", Some(vec![])),
                ("/delete", Some(vec![("confirm", "1")])),
                ("/enabled", Some(vec![("value", "0")])),
                ("/enabled", Some(vec![("value", "nonsense")])),
            ] {
                let mut answers = Vec::new();
                for page in [&page, &nowhere] {
                    let path = format!("{page}{path}");
                    let answer = match &fields {
                        None => owner.get(&path).await,
                        Some(fields) => owner.post(&path, fields).await,
                    };
                    assert_eq!(answer.status, 404, "{path}");
                    answers.push(answer.body.replace(page.as_str(), "ROW"));
                }
                assert_eq!(answers[0], answers[1], "not a letter tells the two apart");
            }
            assert_eq!(
                panel
                    .database
                    .rows(&format!("SELECT * FROM {table} WHERE {foreign}"))
                    .await,
                row
            );
        }
        for (table, foreign) in [
            ("domains", "domain = 'other.example'"),
            ("backups", "domain = 'away.example'"),
        ] {
            assert_eq!(owner.get(&key(&panel, table, foreign).await).await.status, 404);
        }
        assert_eq!(recorded(&panel.database).await, 0);
    }
}

#[tokio::test]
async fn owners_change_their_own_rows() {
    for (panel, owner) in owner().await {
        let fields = [
            ("mail", "new@mine.example"),
            ("destination", "joe@x.example"),
            ("enabled", "1"),
        ];
        assert_eq!(owner.post("aliases", &fields).await.status, 303);
        let page = key(&panel, "aliases", "mail = 'joe@other.example@mine.example'").await;
        assert_eq!(
            owner
                .post(&format!("{page}/delete"), &[("confirm", "1")])
                .await
                .status,
            303
        );
        let page = key(&panel, "aliases", "mail = 'info@mine.example'").await;
        assert_eq!(
            owner
                .post(&page, &[("destination", "ann@y.example"), ("enabled", "1")])
                .await
                .status,
            303
        );
        assert_eq!(
            owner
                .post(&format!("{page}/enabled"), &[("value", "0")])
                .await
                .status,
            303
        );
        assert_eq!(recorded(&panel.database).await, 4);
    }
}

#[tokio::test]
async fn a_submitted_value_of_another_domain_is_refused_alike_whether_or_not_the_row_exists() {
    for (panel, owner) in owner().await {
        let page = key(&panel, "aliases", "mail = 'info@mine.example'").await;
        let mut pages = Vec::new();
        for name in [
            "info@other.example",
            "none@other.example",
            "@sub.mine.example",
            "a@sub.mine.example",
            "b@sub.mine.example",
        ] {
            for path in ["aliases", &page] {
                for confirm in [None, Some(("confirm", "1"))] {
                    let fields = [("mail", name), ("destination", "joe@x.example"), ("enabled", "1")]
                        .into_iter()
                        .chain(confirm);
                    let fields: Vec<_> = fields.collect();
                    let answer = owner.post(path, &fields).await;
                    assert_eq!(answer.status, 422, "{path}: {name}");
                    assert!(
                        answer.text("#mail-error").contains("not one of your domains"),
                        "{}",
                        answer.text("main")
                    );
                    assert_eq!(
                        answer.attributes(".summary p a", "href"),
                        [""; 0],
                        "no link to the row"
                    );
                    pages.push((path == "aliases", answer.body.replace(name, "NAME")));
                }
            }
        }
        pages.sort();
        pages.dedup();
        assert_eq!(pages.len(), 2, "one answer for new rows and one for old");
        for (table, fields) in [
            ("relays", [("recipient", "x@other.example"), ("status", "OK")]),
            (
                "relocated",
                [("oldadr", "x@other.example"), ("newadr", "n@y.example")],
            ),
        ] {
            assert_eq!(owner.post(table, &fields).await.status, 422, "{table}");
        }
        assert_eq!(recorded(&panel.database).await, 0);
    }
}

#[tokio::test]
async fn owners_read_domains_and_backups_and_never_write_them() {
    for (panel, owner) in owner().await {
        panel.grant("owner", "kept.mine.example").await;
        for (table, condition) in [
            ("domains", "domain = 'mine.example'"),
            ("backups", "domain = 'kept.mine.example'"),
        ] {
            let page = key(&panel, table, condition).await;
            let list = owner.get(table).await;
            assert!(names(&list).iter().any(|name| name.ends_with("mine.example")));
            assert_eq!(
                list.attributes("main form[method=post], main a.btn-primary", "action"),
                [""; 0]
            );
            assert!(
                !list
                    .attributes("main a", "href")
                    .iter()
                    .any(|href| href.ends_with("/new") || href.ends_with("/delete"))
            );
            let form = owner.get(&page).await;
            assert_eq!(form.status, 200);
            assert_eq!(form.texts("button.btn-primary"), [""; 0], "nothing to save with");
            let new = [("domain", "x.mine.example"), ("transport", ""), ("enabled", "1")];
            for (path, fields) in [
                (table.to_owned(), &new[..]),
                (page.clone(), &[("transport", "smtp:[evil.example]")]),
                (format!("{page}/enabled"), &[("value", "0")]),
                (format!("{page}/delete"), &[("confirm", "1")]),
            ] {
                let answer = owner.post_confirmed(&path, fields).await;
                assert_eq!(answer.status, 403, "{path}: {}", answer.text("main"));
            }
            for path in [format!("{table}/new"), format!("{page}/delete")] {
                assert_eq!(owner.get(&path).await.status, 403, "{path}");
            }
        }
        assert_eq!(recorded(&panel.database).await, 0);
    }
}

#[tokio::test]
async fn what_depends_on_a_row_is_told_within_the_owners_domains() {
    for (panel, owner) in owner().await {
        let page = key(&panel, "aliases", "mail = 'info@mine.example'").await;
        let asked = owner.get(&format!("{page}/delete")).await.text("main");
        assert!(
            asked.contains("1 alias") && asked.contains("@mine.example"),
            "{asked}"
        );
        assert!(!asked.contains("other.example"), "{asked}");
        let operator = panel.operator().await;
        let asked = operator.get(&format!("{page}/delete")).await.text("main");
        assert!(
            asked.contains("2 aliases") && asked.contains("info@other.example"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn the_record_of_changes_is_scoped_too() {
    for (panel, owner) in owner().await {
        let operator = panel.operator().await;
        for condition in [
            "mail = 'info@other.example'",
            "mail = 'info@mine.example'",
            "mail = 'a@sub.mine.example'",
        ] {
            let page = key(&panel, "aliases", condition).await;
            operator.post(&format!("{page}/enabled"), &[("value", "0")]).await;
        }
        for path in [
            "changes",
            "changes?q=example",
            "changes?table=aliases",
            "changes?who=operator",
            "",
        ] {
            let log = owner.get(path).await.texts(".log .what");
            assert_eq!(log, ["changed alias info@mine.example"], "{path}");
        }
        assert_eq!(owner.get("changes?q=other").await.texts(".log li"), [""; 0]);
        assert_eq!(operator.get("changes").await.texts(".log .what").len(), 3);
    }
}

#[tokio::test]
async fn a_renamed_row_shows_each_owner_only_their_own_part_of_its_history() {
    let (panel, owner) = owner().await.remove(0);
    let operator = panel.operator().await;
    let page = key(&panel, "aliases", "mail = 'info@other.example'").await;
    operator
        .post(&page, &[("mail", "moved@mine.example"), ("enabled", "1")])
        .await;
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_changes").await, 1);
    let log = owner.get("changes").await;
    // The row is the owner's now; what it was before is not.
    assert!(!log.body.contains("info@other.example"), "{}", log.text(".log"));
}

#[tokio::test]
async fn domains_that_the_collation_takes_for_equal_are_not() {
    let database = Database::empty("CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci").await;
    database.script(crate::support::HOWTO).await;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('bücher.example'), ('bucher.example'), ('Bucher.Example'); \
             INSERT INTO aliases (mail, destination) VALUES ('a@bücher.example', 'x@x.example'), ('b@bucher.example', 'x@x.example')",
        )
        .await;
    database.store().await.migrate().await.expect("migrated");
    let panel = Panel::on(database).await;
    let owner = panel.signed_in("owner", Role::Owner, &["bucher.example"]).await;
    assert_eq!(names(&owner.get("aliases").await), ["b@bucher.example"]);
    let mut domains = names(&owner.get("domains").await);
    domains.sort();
    assert_eq!(domains, ["Bucher.Example", "bucher.example"]);
    assert_eq!(
        owner
            .get(&key(&panel, "aliases", "mail = BINARY 'a@bücher.example'").await)
            .await
            .status,
        404
    );
    assert_eq!(
        names(&owner.get("search?q=b").await)
            .iter()
            .filter(|n| n.contains('ü'))
            .count(),
        0
    );
}

#[tokio::test]
async fn grants_take_effect_with_the_next_request() {
    let (panel, owner) = owner().await.remove(1);
    let page = key(&panel, "aliases", "mail = 'info@other.example'").await;
    assert_eq!(owner.get(&page).await.status, 404);
    panel.grant("owner", "other.example").await;
    assert_eq!(owner.get(&page).await.status, 200);
    panel.revoke("owner", "other.example").await;
    assert_eq!(owner.get(&page).await.status, 404);
    assert_eq!(
        owner.post(&page, &[("destination", "x@x.example")]).await.status,
        404
    );
}

#[tokio::test]
async fn an_owner_of_nothing_sees_nothing() {
    let (panel, _) = owner().await.remove(0);
    let nobody = panel.signed_in("nobody", Role::Owner, &[]).await;
    for sample in SAMPLES {
        assert_eq!(names(&nobody.get(sample.slug).await), [""; 0]);
    }
    for path in ["", "changes", "search?q=example"] {
        let page = nobody.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text("main").contains("mine.example"), "{path}");
    }
}

#[tokio::test]
async fn auditors_read_everything_and_change_nothing() {
    let database = Database::fresh().await;
    database.script(crate::samples::GROUND).await;
    let panel = Panel::on(database).await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    for sample in SAMPLES {
        let page = sample.insert(&panel.database).await;
        let before = panel
            .database
            .rows(&format!("SELECT * FROM {}", sample.table))
            .await;
        assert!(names(&auditor.get(sample.slug).await).contains(&sample.name().to_owned()));
        assert_eq!(auditor.get(&page).await.status, 200);
        let form = auditor.get(&form_of(&page)).await;
        assert_eq!(form.status, 200);
        assert_eq!(form.field(sample.subject), sample.name());
        for (path, fields) in [
            (sample.slug.to_owned(), sample.row.to_vec()),
            (page.clone(), vec![sample.change]),
            (format!("{page}/enabled"), vec![("value", "0")]),
            (format!("{page}/delete"), vec![("confirm", "1")]),
        ] {
            assert_eq!(auditor.post(&path, &fields).await.status, 403, "{path}");
        }
        assert_eq!(auditor.get(&format!("{}/new", sample.slug)).await.status, 403);
        assert_eq!(
            panel
                .database
                .rows(&format!("SELECT * FROM {}", sample.table))
                .await,
            before
        );
    }
    assert_eq!(recorded(&panel.database).await, 0);
    assert_eq!(auditor.get("changes").await.status, 200);
}
