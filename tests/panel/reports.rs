//! The reports: each finds its rows and no others, and says no more than the visitor may know.

use postwarden::access::Role;

use crate::samples::{names, walk};
use crate::support::{Browser, Database, Panel};

/// Every report, with what it is asked.
const PAGES: &[&str] = &[
    "reports",
    "reports/forwards?address=joe@mine.example",
    "reports/leaving",
    "reports/leaving?to=gmail.example",
    "reports/leaving?domain=mine.example",
    "reports/into?domain=mine.example",
    "reports/of-domain?domain=mine.example",
    "reports/bounces",
    "reports/bounces?domain=mine.example",
    "reports/unanswered",
    "reports/shadowed",
    "reports/orphans",
    "reports/orphans?list=aliases.orphan",
    "reports/required",
    "reports/no-catch-all",
    "reports/disabled",
];

/// One domain with something for every report, and near misses.
const MINE: &str = "
    INSERT INTO domains (domain) VALUES ('mine.example'), ('mine-all.example');
    INSERT INTO domains (domain, enabled) VALUES ('mine-off.example', 0);
    INSERT INTO backups (domain, transport) VALUES ('mine-kept.example', 'smtp:[mx.mine-kept.example]'),
      ('mine-any.example', 'smtp:[mx.mine-any.example]');
    INSERT INTO relays (recipient) VALUES ('r@mine-kept.example'), ('@mine-any.example'), ('r@mine-off.example');
    INSERT INTO users (id, maildir) VALUES ('joe@mine.example', 'mine/joe/'), ('ann@mine.example', 'mine/ann/'),
      ('under@mine-all.example', 'mine/under/'), ('old@mine-off.example', 'mine/old/');
    INSERT INTO aliases (mail, destination) VALUES ('joe@mine.example', 'joe@mine.example'),
      ('ann@mine.example', 'joann@mine.example, joe@mine.example'),
      ('joann@mine.example', 'JOE@mine.example'),
      ('info@mine.example', 'karl@gmail.example, Joe@mine.example'),
      ('all@mine.example', 'info@mine.example'),
      ('dead@mine.example', 'nobody@mine.example'),
      ('self@mine.example', 'self@mine.example'),
      ('plus@mine.example', 'joe+tag@mine.example'),
      ('away@mine.example', 'karl@gmail.example,ann@gmail.example'),
      ('near@mine.example', 'karl@notgmail.example'),
      ('@mine-all.example', '@mine-all.example'),
      ('lost@mine-off.example', 'joe@mine.example'),
      ('postmaster@mine.example', 'joe@mine.example');
    INSERT INTO aliases (mail, destination, enabled) VALUES ('off@mine.example', 'joe@mine.example', 0),
      ('behind@mine.example', 'off@mine.example', 1), ('gone@mine.example', 'karl@gmail.example', 0);
    INSERT INTO relocated (oldadr, newadr) VALUES ('left@mine.example', 'joe@mine.example');";

/// The domains of [`MINE`].
const DOMAINS: &[&str] = &[
    "mine.example",
    "mine-all.example",
    "mine-off.example",
    "mine-kept.example",
    "mine-any.example",
];

/// The same of a neighbour, with aliases that lead to the first one's.
fn theirs() -> String {
    let more = "INSERT INTO aliases (mail, destination) VALUES ('fan@theirs.example', 'joe@mine.example'), \
                ('@theirs-fan.example', 'joe@mine.example'), ('far@theirs.example', 'karl@far.example');";
    MINE.replace("mine", "theirs") + more
}

async fn ground(database: Database) -> (Panel, Browser) {
    database.script(MINE).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// The names on a report, sorted.
async fn found(browser: &Browser, report: &str) -> Vec<String> {
    let page = browser.get(&format!("reports/{report}")).await;
    assert_eq!(page.status, 200, "{report}: {}", page.text("main"));
    let mut names = names(&page);
    names.sort();
    names
}

#[tokio::test]
async fn each_report_finds_its_rows_and_no_near_misses() {
    for database in [Database::fresh().await, Database::howto().await] {
        let (_panel, operator) = ground(database).await;
        for (report, expected) in [
            ("leaving", &["gmail.example", "notgmail.example"][..]),
            (
                "leaving?to=gmail.example",
                &["away@mine.example", "info@mine.example"],
            ),
            ("leaving?domain=mine-all.example", &[]),
            (
                "into?domain=gmail.example",
                &["away@mine.example", "gone@mine.example", "info@mine.example"],
            ),
            ("into?domain=mail.example", &[]),
            ("of-domain?domain=mine-all.example", &["@mine-all.example"]),
            (
                "unanswered",
                &["behind@mine.example", "dead@mine.example", "self@mine.example"],
            ),
            ("shadowed", &["ann@mine.example", "under@mine-all.example"]),
            (
                "orphans",
                &[
                    "lost@mine-off.example",
                    "old@mine-off.example",
                    "r@mine-off.example",
                ],
            ),
            ("orphans?list=users.orphan", &["old@mine-off.example"]),
            ("orphans?domain=mine.example", &[]),
            ("required", &["mine.example", "abuse@"][..1]),
            ("no-catch-all", &["mine.example"]),
            (
                "disabled",
                &["gone@mine.example", "mine-off.example", "off@mine.example"],
            ),
            (
                "bounces",
                &[
                    "mine-all.example",
                    "mine-any.example",
                    "mine-kept.example",
                    "mine.example",
                ],
            ),
            (
                "bounces?domain=mine.example",
                &["behind@mine.example", "dead@mine.example", "self@mine.example"],
            ),
        ] {
            // The howto's own rows are in other domains.
            let mut found = found(&operator, report).await;
            found.retain(|name| name.contains("mine") || name.contains("gmail.example"));
            assert_eq!(found, expected, "{report}");
        }
    }
}

#[tokio::test]
async fn whoever_forwards_to_an_address_is_told_with_the_way() {
    let (panel, operator) = ground(Database::fresh().await).await;
    let more = "INSERT INTO aliases (mail, destination) VALUES ('@old.example', '@mine.example'), \
                ('@any.example', 'joe@mine.example');
                INSERT INTO domains (domain, transport) VALUES ('joe@mine.example', 'smtp:[mx.else.example]')";
    panel.database.script(more).await;
    let page = operator.get("reports/forwards?address=Joe@mine.example").await;
    let lines: Vec<String> = page
        .texts("tbody tr")
        .iter()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for expected in [
        "info@mine.example its own mail joe@mine.example Enabled",
        "all@mine.example its own mail info@mine.example → joe@mine.example Enabled",
        "off@mine.example its own mail joe@mine.example Disabled",
        "behind@mine.example its own mail off@mine.example → joe@mine.example behind a disabled alias",
        "@old.example info@old.example domain alias info@mine.example → joe@mine.example Enabled",
        "@any.example any name without a row at any.example catch-all joe@mine.example Enabled",
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:#?}"
        );
    }
    assert!(
        lines
            .iter()
            .all(|line| !line.starts_with("joe@mine.example its own")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("left@mine.example")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("smtp:[mx.else.example]")),
        "{lines:#?}"
    );
    let greyed = page.texts("tr.disabled th");
    // Each of the two, and what the domain alias makes of it.
    assert_eq!(greyed.len(), 4, "{greyed:?}");
}

#[tokio::test]
async fn bounces_are_scored_by_domain_and_risks_are_named() {
    let (_panel, operator) = ground(Database::fresh().await).await;
    let page = operator.get("reports/bounces").await;
    let lines = page.text("tbody");
    assert!(lines.contains("accepted and bounced"), "{lines}");
    assert!(lines.contains("accepted for another server"), "{lines}");
    assert!(lines.contains("3 of 13 backscatter"), "{lines}");
    assert_eq!(
        page.texts("details tbody tr").len(),
        1,
        "what bounces nothing is folded: {lines}"
    );
    let page = operator.get("reports/bounces?domain=mine.example").await;
    let links = page.attributes("tbody th a", "href");
    assert!(
        links
            .iter()
            .any(|link| link.ends_with("/explain?address=dead%40mine.example")),
        "{links:?}"
    );
    let page = operator.get("reports/bounces?domain=mine-all.example").await;
    assert!(page.text("tbody").contains("any other name at mine-all.example"));
}

#[tokio::test]
async fn what_is_missing_of_the_required_addresses_is_named_with_the_domains_page() {
    let (panel, operator) = ground(Database::fresh().await).await;
    let page = operator.get("reports/required").await;
    assert_eq!(page.texts("tbody td").join(" "), "abuse@");
    let key = panel
        .database
        .value("SELECT pkid FROM domains WHERE domain = 'mine.example'")
        .await
        .expect("a key");
    assert_eq!(page.attributes("tbody th a", "href"), [format!("/domains/{key}")]);
}

#[tokio::test]
async fn an_owners_reports_are_the_same_letters_whatever_the_neighbours_rows_are() {
    let mut told: Vec<Vec<String>> = Vec::new();
    for neighbours in [String::new(), theirs()] {
        let database = Database::fresh().await;
        database.script(MINE).await;
        if !neighbours.is_empty() {
            database.script(&neighbours).await;
        }
        let panel = Panel::on(database).await;
        let owner = panel.signed_in("owner", Role::Owner, DOMAINS).await;
        let mut pages = Vec::new();
        for page in PAGES.iter().chain(&["reports/into?domain=theirs.example"]) {
            let answer = owner.get(page).await;
            assert_eq!(answer.status, 200, "{page}");
            pages.push(format!("{page}\n{}", answer.text("main")));
        }
        assert_eq!(
            owner.get("reports/bounces?domain=theirs.example").await.status,
            404
        );
        assert_eq!(found(&owner, "unanswered").await.len(), 3, "their own are told");
        if !neighbours.is_empty() {
            let operator = panel.operator().await;
            assert!(
                found(&operator, "leaving")
                    .await
                    .contains(&"far.example".to_owned())
            );
        }
        told.push(pages);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn missing_tables_and_columns_break_no_report() {
    for change in [
        "DROP TABLE backups",
        "DROP TABLE relays, relocated",
        "DROP TABLE aliases",
        "DROP TABLE domains",
        "DROP TABLE users",
        "ALTER TABLE aliases DROP COLUMN destination",
        "ALTER TABLE aliases DROP COLUMN enabled",
        "ALTER TABLE domains DROP COLUMN enabled",
        "ALTER TABLE domains DROP COLUMN transport",
        "ALTER TABLE backups DROP COLUMN enabled",
        "ALTER TABLE relocated DROP COLUMN newadr",
        "ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        "ALTER TABLE aliases CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "ALTER TABLE domains CONVERT TO CHARACTER SET latin1",
    ] {
        let database = Database::fresh().await;
        database.script(MINE).await;
        database.script(change).await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for page in PAGES {
            let answer = operator.get(page).await;
            assert_eq!(
                answer.status,
                200,
                "{page} after {change}: {}",
                answer.text("main")
            );
        }
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_and_not_taken_for_nothing() {
    let database = Database::fresh().await;
    database.script(MINE).await;
    database
        .script("ALTER TABLE users CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci")
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let page = operator.get("reports/shadowed").await;
    assert!(
        page.text("main").contains("cannot be asked"),
        "{}",
        page.text("main")
    );
}

#[tokio::test]
async fn odd_rows_break_no_report() {
    let panel = Panel::on(Database::odd().await).await;
    let operator = panel.operator().await;
    for page in PAGES {
        let page = page.replace("mine.example", "blobber.org");
        let answer = operator.get(&page).await;
        assert_eq!(answer.status, 200, "{page}: {}", answer.text("main"));
        assert!(!answer.body.contains("<script>alert"), "{page}");
        // What the odd rows make of the second page too.
        for next in answer.attributes("a[rel=next]", "href") {
            assert_eq!(operator.get(&next).await.status, 200, "{next}");
        }
    }
}

#[tokio::test]
async fn an_empty_server_has_friendly_reports() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    for page in &PAGES[1..] {
        let answer = operator.get(page).await;
        assert_eq!(
            answer.texts(".empty h2").len(),
            1,
            "{page}: {}",
            answer.text("main")
        );
    }
}

#[tokio::test]
async fn long_reports_come_in_pages_that_hold_every_row_once() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain) VALUES ('d.example');
             INSERT INTO domains (domain) SELECT CONCAT('d', LPAD(seq, 3, '0'), '.example') FROM seq_1_to_120;
             INSERT INTO aliases (mail, destination) SELECT CONCAT('a', LPAD(seq, 4, '0'), '@d.example'),
               CONCAT('x', seq, '@out', seq % 130, '.example') FROM seq_1_to_700;
             INSERT INTO aliases (mail, destination) SELECT CONCAT('b', LPAD(seq, 4, '0'), '@d.example'),
               CONCAT('nobody', seq, '@d.example') FROM seq_1_to_120;
             INSERT INTO aliases (mail, destination) SELECT CONCAT('c', LPAD(seq, 4, '0'), '@nowhere.example'),
               'x@out1.example' FROM seq_1_to_120;",
        )
        .await;
    for (report, count) in [
        ("leaving", 130),
        ("leaving?to=out1.example", 6 + 120),
        ("into?domain=d.example", 120),
        ("unanswered", 120),
        ("bounces", 121),
        ("bounces?domain=d.example", 120),
        ("required", 121),
        ("no-catch-all", 121),
        ("orphans?list=aliases.orphan", 120),
        ("of-domain?domain=d.example", 820),
    ] {
        let mut rows = walk(&operator, &format!("reports/{report}")).await;
        let whole = rows.len();
        rows.sort();
        rows.dedup();
        assert_eq!((rows.len(), whole), (count, count), "{report}");
    }
}

#[tokio::test]
async fn the_index_counts_what_is_quickly_counted_and_the_menu_leads_there() {
    let (_panel, operator) = ground(Database::fresh().await).await;
    let dashboard = operator.get("").await;
    assert!(
        dashboard
            .attributes("nav a", "href")
            .contains(&"/reports".to_owned())
    );
    let page = operator.get("reports").await;
    let lines = page.texts(".reports li");
    let orphans = lines
        .iter()
        .find(|line| line.contains("a domain that is not enabled"));
    assert!(
        orphans.is_some_and(|line| line.trim().ends_with('3')),
        "{lines:#?}"
    );
    for link in page.attributes(".reports a", "href") {
        assert_eq!(operator.get(&link).await.status, 200, "{link}");
    }
}
