//! The work itself, in every table: add, edit, search, disable, delete.

use serde_json::json;

use crate::support::{Database, Panel};
use crate::window::Window;

/// What somebody does in one table.
struct Work {
    table: &'static str,
    title: &'static str,
    new: &'static str,
    /// Fields of the new row, the first of which is its subject.
    fields: &'static [(&'static str, &'static str)],
    /// What the row then consists of.
    row: &'static [&'static str],
    /// A field that is changed, and what the row then has.
    change: (&'static str, &'static str, &'static str),
}

const WORK: &[Work] = &[
    Work {
        table: "domains",
        title: "Domains",
        new: "New domain",
        fields: &[("domain", "Bücher.Example"), ("transport", "virtual:")],
        row: &["xn--bcher-kva.example", "virtual:", "1"],
        change: ("transport", "smtp:[mail.example.com]", "smtp:[mail.example.com]"),
    },
    Work {
        table: "aliases",
        title: "Aliases",
        new: "New alias",
        fields: &[
            ("mail", "Sales@Blobber.org"),
            ("destination", "Joe <joe@x.example>\nann@y.example"),
        ],
        row: &["sales@blobber.org", "joe@x.example,ann@y.example", "1"],
        change: ("destination", "ann@y.example", "ann@y.example"),
    },
    Work {
        table: "backups",
        title: "Backup MX",
        new: "New backup MX entry",
        fields: &[
            ("domain", "friend3.example"),
            ("transport", ":[mail.friend3.example]"),
        ],
        row: &["friend3.example", ":[mail.friend3.example]", "1"],
        change: (
            "transport",
            ":[mx.friend3.example]:2525",
            ":[mx.friend3.example]:2525",
        ),
    },
    Work {
        table: "relays",
        title: "Relay recipients",
        new: "New relay recipient",
        fields: &[("recipient", "anna@friend1.com"), ("status", "REJECT")],
        row: &["anna@friend1.com", "REJECT", "1"],
        change: ("status", "OK", "OK"),
    },
    Work {
        table: "relocated",
        title: "Relocated",
        new: "New relocation",
        fields: &[("oldadr", "gone@blobber.org"), ("newadr", "gone@new.example")],
        row: &["gone@blobber.org", "gone@new.example", "1"],
        change: (
            "newadr",
            "please call +44 20 7946 0000",
            "please call +44 20 7946 0000",
        ),
    },
];

/// Saves, and saves anyway where the panel asks back.
async fn save(window: &Window) {
    window.press("Save").await;
    if window.text("main").await.contains("Please confirm") {
        window.press("Save anyway").await;
    }
    assert!(
        window.text(".notice").await.contains("Saved "),
        "{}",
        window.text("main").await
    );
}

/// One table from the first row to its deletion, by what is to be seen on the pages.
async fn do_the_work(window: &Window, database: &Database, work: &Work) {
    let (table, subject) = (work.table, work.fields[0].0);
    let (key, columns) = (
        work.row[0],
        work.fields
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", "),
    );
    let stored = async || {
        let query = format!("SELECT {columns}, enabled FROM {table} WHERE {subject} = '{key}'");
        let rows = database.rows(&query).await;
        rows.into_iter()
            .map(|row| row.into_iter().flatten().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    window.visit("").await;
    window.press(work.title).await;
    window.press(work.new).await;
    for (name, value) in work.fields {
        window.fill(name, value).await;
    }
    save(window).await;
    assert_eq!(stored().await, [work.row]);

    window.fill("q", &key[..key.len() - 3]).await;
    window.press("Search").await;
    assert_eq!(window.text("tbody th a").await, key);
    assert!(
        !window.has("tbody tr + tr").await,
        "{}",
        window.text("main").await
    );

    window.press(&format!("Edit {key}")).await;
    assert_eq!(window.text("h1").await, key);
    window.fill(work.change.0, work.change.1).await;
    save(window).await;
    let mut changed: Vec<&str> = work.row.to_vec();
    changed[1] = work.change.2;
    assert_eq!(stored().await, [changed.as_slice()]);
    // Back in the list as it was left.
    assert!(
        window.path().await.starts_with(&format!("/{table}?q=")),
        "{}",
        window.path().await
    );

    window.press(&format!("Disable {key}")).await;
    changed[2] = "0";
    assert_eq!(stored().await, [changed.as_slice()]);
    assert_eq!(window.text("tbody .status").await, "Disabled");
    assert!(!window.has("tbody tr + tr").await);

    window.press(&format!("Delete {key}")).await;
    assert!(window.text("h1").await.contains(key));
    assert_eq!(stored().await.len(), 1);
    window.press(&format!("Delete {key}")).await;
    assert!(window.text(".notice").await.contains(&format!("Deleted {key}")));
    assert!(stored().await.is_empty());
}

#[tokio::test]
async fn a_person_adds_edits_searches_disables_and_deletes_in_every_table() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    for work in WORK {
        do_the_work(&window, &panel.database, work).await;
    }
    window.press("Changes").await;
    let log = window.text(".log").await;
    for work in WORK {
        assert!(log.contains(work.row[0]), "{log}");
    }
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM pw_changes WHERE who = 'operator'")
            .await,
        4 * WORK.len() as u64
    );
    window.press("Sign out").await;
    window.visit("aliases").await;
    assert_eq!(window.path().await, "/login?next=%2Faliases");
    window.close().await;
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let panel = Panel::on(Database::howto().await).await;
    let preferences = json!({"profile.managed_default_content_settings.javascript": 2});
    let window = Window::open_with(&panel, preferences).await;
    // Proof that scripts are off: this page would say otherwise.
    let page = "data:text/html,<title>off</title><script>document.title = 'on'</script>";
    window.driver().goto(page).await.expect("a page");
    assert_eq!(window.driver().title().await.expect("a title"), "off");

    window.sign_in(&panel).await;
    // One with a list to type, one with a choice to make.
    for work in WORK
        .iter()
        .filter(|work| ["aliases", "relays"].contains(&work.table))
    {
        do_the_work(&window, &panel.database, work).await;
    }
    window.close().await;
}
