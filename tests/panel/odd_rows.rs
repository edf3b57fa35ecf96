//! Rows that other programs wrote, however odd: they list, open, and can be mended or deleted.

use crate::samples::{SAMPLES, form_of, links, tables, walk};
use crate::support::{Browser, Database, Panel};

async fn odd() -> (Panel, Browser) {
    let panel = Panel::on(Database::odd().await).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// The page of the one row a condition finds.
async fn page_of(panel: &Panel, table: &str, condition: &str) -> String {
    let rows = panel
        .database
        .rows(&format!("SELECT pkid FROM {table} WHERE {condition}"))
        .await;
    assert_eq!(rows.len(), 1, "{table}: {condition}");
    format!("{table}/{}", rows[0][0].as_deref().expect("a key"))
}

#[tokio::test]
async fn every_row_is_listed_once_and_opens() {
    let (panel, operator) = odd().await;
    for sample in tables() {
        let (table, slug) = (sample.table, sample.slug);
        let mut rows = walk(&operator, &format!("{slug}?per=7")).await;
        let count = panel
            .database
            .count(&format!("SELECT COUNT(*) FROM {table}"))
            .await;
        assert_eq!(rows.len() as u64, count, "{table}");
        rows.sort();
        rows.dedup();
        assert_eq!(rows.len() as u64, count, "{table}: no row twice");
        for row in rows {
            // What is no domain has no page of everything that belongs to it.
            let page = operator.get(&row).await;
            let at_once = page.status == 200 || (page.status, page.location()) == (303, &form_of(&row));
            assert!(at_once, "{row}: {}", page.status);
            let form = operator.get(&form_of(&row)).await;
            assert_eq!(form.status, 200, "{row}");
            assert_eq!(form.form().0, row, "its form saves that row");
        }
    }
}

#[tokio::test]
async fn every_odd_row_can_be_switched_off() {
    let (panel, operator) = odd().await;
    for sample in SAMPLES {
        for row in walk(&operator, sample.slug).await {
            let answer = operator.post(&format!("{row}/enabled"), &[("value", "0")]).await;
            assert_eq!(answer.status, 303, "{row}: {}", answer.body);
        }
        let on = format!("SELECT COUNT(*) FROM {} WHERE enabled <> 0", sample.table);
        assert_eq!(panel.database.count(&on).await, 0);
    }
}

#[tokio::test]
async fn every_odd_row_can_be_deleted_by_its_link() {
    let (panel, operator) = odd().await;
    for sample in SAMPLES {
        for row in walk(&operator, sample.slug).await {
            let asked = operator.get(&format!("{row}/delete")).await;
            assert_eq!(asked.status, 200, "{row}");
            let answer = operator.submit(&asked, &[("confirm", "1")]).await;
            assert_eq!(answer.status, 303, "{row}: {}", answer.body);
        }
        assert_eq!(
            panel
                .database
                .count(&format!("SELECT COUNT(*) FROM {}", sample.table))
                .await,
            0
        );
    }
}

/// Odd rows, and what mends them: table, condition, fields to type, the stored subject after.
const MENDED: &[(&str, &str, crate::samples::Fields, &str)] = &[
    (
        "domains",
        "domain = '*'",
        &[("domain", "star.example")],
        "star.example",
    ),
    (
        "domains",
        "domain = 'new'",
        &[("domain", "new.example")],
        "new.example",
    ),
    (
        "domains",
        "domain = 'two.example'",
        &[("enabled", "1")],
        "two.example",
    ),
    ("domains", "domain = 'www.example.org.'", &[], "www.example.org"),
    (
        "domains",
        "HEX(domain) LIKE '6DFC6E%'",
        &[],
        "xn--mnchen-3ya.example",
    ),
    (
        "domains",
        "domain LIKE 'markup%'",
        &[("transport", "virtual:")],
        "markup.example",
    ),
    (
        "aliases",
        "mail LIKE 'empty@%'",
        &[("destination", "root@localhost")],
        "empty@blobber.org",
    ),
    (
        "aliases",
        "mail LIKE 'sales/north@%'",
        &[],
        "sales/north@blobber.org",
    ),
    (
        "aliases",
        "mail = 'blobber.org'",
        &[("mail", "all@blobber.org")],
        "all@blobber.org",
    ),
    ("aliases", "mail LIKE 'named@%'", &[], "named@blobber.org"),
    (
        "aliases",
        "HEX(mail) LIKE '6A6F73E9%'",
        &[("mail", "jo@blobber.org"), ("destination", "jo@example.org")],
        "jo@blobber.org",
    ),
    (
        "backups",
        "transport = ':[]'",
        &[("transport", ":[mail.default.example]")],
        "default.example",
    ),
    (
        "backups",
        "domain LIKE 'large%'",
        &[("enabled", "1")],
        "large.example",
    ),
    (
        "relays",
        "recipient LIKE 'yes@%'",
        &[("status", "OK")],
        "yes@friend1.com",
    ),
    (
        "relays",
        "recipient LIKE 'a/b%'",
        &[("enabled", "1")],
        "a/b?c#d%e&f@friend1.com",
    ),
    (
        "relocated",
        "oldadr LIKE 'gone@%'",
        &[("newadr", "new@example.org")],
        "gone@domain1.com",
    ),
];

#[tokio::test]
async fn odd_rows_can_be_mended_in_their_form() {
    let (panel, operator) = odd().await;
    for (table, condition, typed, subject) in MENDED {
        let page = page_of(&panel, table, condition).await;
        let mut answer = operator.submit(&operator.get(&form_of(&page)).await, typed).await;
        if answer.status == 200 {
            answer = operator.submit(&answer, &[("confirm", "1")]).await;
        }
        assert_eq!(
            answer.status,
            303,
            "{table}: {condition}: {}",
            answer.text("main")
        );
        let column = SAMPLES.iter().find(|s| s.slug == *table).expect(table).subject;
        let key = page.rsplit('/').next().expect("a key");
        let stored = format!("SELECT {column} FROM {table} WHERE pkid = {key}");
        assert_eq!(panel.database.value(&stored).await.as_deref(), Some(*subject));
    }
}

#[tokio::test]
async fn a_row_postfix_would_choke_on_says_so_in_the_list_and_in_its_form() {
    let (panel, operator) = odd().await;
    let list = operator.get("backups?q=default.example").await;
    assert_eq!(list.texts("tbody .tag.error"), ["error"]);
    assert!(list.text("tbody .reason").contains("all outgoing mail stops"));
    let form = operator
        .get(&page_of(&panel, "backups", "transport = ':[]'").await)
        .await;
    assert!(form.text(".summary").contains("not as Postfix wants it"));
    assert!(form.text("#transport-error").contains("all outgoing mail stops"));
    assert!(
        !operator
            .get("backups?q=friend1.com&domain=friend1.com")
            .await
            .text("tbody tr")
            .contains("friend2")
    );
}

#[tokio::test]
async fn a_row_that_postfix_never_finds_as_it_is_stored_needs_attention() {
    let (panel, operator) = odd().await;
    panel
        .database
        .script("INSERT INTO backups (domain, transport) VALUES ('case.example', 'SMTP:[mail.case.example]')")
        .await;
    for (table, fragment, needs) in [
        ("domains", "leading", true),
        ("domains", "newline", true),
        ("domains", "www.example", true),
        ("domains", "nchen", true),
        ("backups", "case.example", true),
        // Spaces at the end are forgiven by the collation of this database, not by every one.
        ("domains", "trailing", true),
        ("domains", "whopper", false),
        ("domains", "nocolon", false),
    ] {
        let list = operator.get(&format!("{table}?q={fragment}")).await;
        assert_eq!(list.texts("tbody tr").len(), 1, "{fragment}");
        assert_eq!(
            !list.texts(".tag.error").is_empty(),
            needs,
            "{fragment}: {}",
            list.text("tbody")
        );
    }
}

#[tokio::test]
async fn what_cannot_be_seen_is_shown() {
    let (_panel, operator) = odd().await;
    let domains = operator.get("domains?per=100").await.text("tbody");
    for shown in [
        "newline.example⟨newline⟩",
        "crtemp.example⟨return⟩⟨newline⟩",
        "control⟨U+0000⟩⟨U+0001⟩⟨U+001B⟩[31m.example",
        "⟨space⟩leading.example",
        "trailing.example⟨space⟩",
    ] {
        assert!(domains.contains(shown), "{shown}: {domains}");
    }
    let aliases = operator.get("aliases?per=100").await;
    assert!(aliases.text("tbody").contains("⟨tab⟩") && aliases.text("tbody").contains("⟨U+0007⟩"));
    assert!(!aliases.body.contains('\u{7}') && !aliases.body.contains('\u{1b}'));
}

#[tokio::test]
async fn markup_in_a_row_is_text_on_every_page() {
    let (panel, operator) = odd().await;
    let alias = page_of(&panel, "aliases", "mail LIKE '<script>%'").await;
    let domain = page_of(&panel, "domains", "domain LIKE 'markup%'").await;
    let fields = [("value", "0")];
    operator.post(&format!("{alias}/enabled"), &fields).await;
    let pages = [
        "aliases?q=<script>",
        "domains?q=<script>",
        "search?q=<script>",
        "changes?q=<script>",
        &alias,
        &domain,
        &form_of(&domain),
        &format!("{alias}/delete"),
        "",
    ];
    for page in pages {
        let answer = operator.get(page).await;
        assert_eq!(answer.status, 200, "{page}");
        let own = answer.attributes("script, img[src=x]", "src");
        assert!(
            own.len() == 1 && own[0].starts_with("/static/"),
            "{page}: {own:?}"
        );
        assert_eq!(answer.body.matches("<script").count(), 1, "{page}");
        assert!(
            answer.body.contains("&lt;script&gt;") || answer.body.contains("&#60;script&#62;"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn a_row_whose_enabled_is_neither_0_nor_1_is_shown_as_disabled_because_postfix_skips_it() {
    let (panel, operator) = odd().await;
    for (table, q) in [
        ("domains", "two.example"),
        ("domains", "minus.example"),
        ("backups", "large.example"),
    ] {
        let list = operator.get(&format!("{table}?q={q}")).await;
        assert_eq!(list.texts("tbody .status"), ["Disabled"], "{q}");
        assert_eq!(
            links(&operator.get(&format!("{table}?enabled=1&q={q}")).await),
            [""; 0]
        );
        assert_eq!(
            links(&operator.get(&format!("{table}?enabled=0&q={q}")).await).len(),
            1
        );
    }
    let page = page_of(&panel, "domains", "domain = 'two.example'").await;
    let answer = operator.post(&format!("{page}/enabled"), &[("value", "1")]).await;
    assert_eq!(answer.status, 303, "it can be switched on");
}

#[tokio::test]
async fn bytes_of_an_old_character_set_survive_a_change_of_another_column() {
    let (panel, operator) = odd().await;
    let page = page_of(&panel, "aliases", "HEX(mail) LIKE '6A6F73E9%'").await;
    let bytes = "SELECT HEX(mail), HEX(destination) FROM aliases WHERE HEX(mail) LIKE '6A6F73E9%'";
    let before = panel.database.rows(bytes).await;
    assert_eq!(
        operator
            .post(&format!("{page}/enabled"), &[("value", "0")])
            .await
            .status,
        303
    );
    assert_eq!(panel.database.rows(bytes).await, before);
}

#[tokio::test]
async fn a_change_records_bytes_that_are_not_utf_8_as_hex() {
    let (panel, operator) = odd().await;
    let page = page_of(&panel, "aliases", "HEX(mail) LIKE '6A6F73E9%'").await;
    operator
        .post(&format!("{page}/delete"), &[("confirm", "1")])
        .await;
    let before = panel
        .database
        .value("SELECT row_before FROM pw_changes")
        .await
        .expect("a record");
    let image: serde_json::Value = serde_json::from_str(&before).expect("JSON");
    assert_eq!(
        image["mail"]["hex"], "6a6f73e940626c6f626265722e6f7267",
        "{before}"
    );
    assert_eq!(image["destination"]["hex"], "6a6f73e9406578616d706c652e6f7267");
    assert_eq!(image["enabled"], "1");
    let shown = operator.get("changes").await.text(".log");
    assert!(shown.contains("josé@blobber.org"), "{shown}");
}

#[tokio::test]
async fn each_of_several_equal_domains_can_be_changed_and_the_others_stay() {
    let (panel, operator) = odd().await;
    let query = "SELECT pkid FROM domains WHERE BINARY domain = 'blobber.org' ORDER BY pkid";
    let keys = panel.database.rows(query).await;
    assert_eq!(keys.len(), 3);
    for (n, key) in keys.iter().enumerate() {
        let key = key[0].as_deref().expect("a key");
        let transport = format!("smtp:[mx{n}.example.org]");
        let form = operator.get(&format!("domains/{key}/edit")).await;
        let mut answer = operator.submit(&form, &[("transport", &transport)]).await;
        if answer.status == 200 {
            answer = operator.submit(&answer, &[("confirm", "1")]).await;
        }
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
    }
    let stored = panel
        .database
        .rows("SELECT transport FROM domains WHERE BINARY domain = 'blobber.org' ORDER BY pkid")
        .await;
    let expected: Vec<_> = (0..3)
        .map(|n| vec![Some(format!("smtp:[mx{n}.example.org]"))])
        .collect();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn names_that_an_old_character_set_lacks_are_nothing_there_and_refused_in_forms() {
    let (panel, operator) = odd().await;
    let before = panel.database.rows("SELECT * FROM users ORDER BY id").await;
    for key in ["日本@blobber.org", "ž", "👍", "josé日@blobber.org"] {
        for slug in ["users", "overrides", "aliases", "domains", "access", "lists"] {
            for page in ["", "/delete", "/edit"] {
                let path = format!("{slug}/{key}{page}");
                assert_eq!(operator.get(&path).await.status, 404, "{path}");
            }
            for (page, field) in [
                ("", ("mail", "x@blobber.org")),
                ("/delete", ("confirm", "1")),
                ("/enabled", ("value", "0")),
            ] {
                let path = format!("{slug}/{key}{page}");
                assert_eq!(operator.post(&path, &[field]).await.status, 404, "{path}");
            }
            for action in ["enable", "disable", "delete"] {
                let fields = [("key", key), ("action", action), ("confirm", "1")];
                let answer = operator.post(&format!("{slug}/bulk"), &fields).await;
                assert_eq!(
                    answer.status,
                    422,
                    "{slug} {action} {key}: {}",
                    answer.text("main")
                );
            }
            // Looked for it is not found either.
            let list = operator.get(&format!("{slug}?q={key}")).await;
            assert_eq!((list.status, links(&list).len()), (200, 0), "{slug} {key}");
            let copy = operator.get(&format!("{slug}/new?copy={key}")).await;
            assert_eq!(copy.status, 404, "{slug} {key}");
        }
    }
    // Among others the key is one that is not there.
    let fields = [
        ("key", "mary@bloggs.com"),
        ("key", "日本@blobber.org"),
        ("action", "disable"),
    ];
    let review = operator.post("users/bulk", &fields).await;
    assert_eq!((review.status, &*review.text("h1")), (200, "Disable 1 mailbox?"));
    assert!(
        review.text("main").contains("1 is not there any more"),
        "{}",
        review.text("main")
    );
    // What is typed is refused with the reason, and kept.
    let named = [
        ("id", "new@blobber.org"),
        ("name", "日本 太郎"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    let odd_id = [
        ("id", "ž@blobber.org"),
        ("name", "Ž"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    for (path, fields) in [
        ("users", named),
        ("users/mary@bloggs.com", named),
        ("users", odd_id),
    ] {
        let answer = operator.post(path, &fields).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text("main"));
        for (name, value) in &fields[..2] {
            assert_eq!(answer.field(name), *value, "{path}");
        }
    }
    assert_eq!(
        panel.database.rows("SELECT * FROM users ORDER BY id").await,
        before
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_changes").await, 0);
}
