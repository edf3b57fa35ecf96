//! The work itself, in every table: add, edit, search, disable, delete.

use crate::support::{Database, Panel};
use crate::window::Window;

/// What somebody does in one table.
struct Work {
    /// Where its pages are.
    slug: &'static str,
    title: &'static str,
    new: &'static str,
    /// Fields of the new row, the first of which is its subject.
    fields: &'static [(&'static str, &'static str)],
    /// Where the row is: the columns, and the table.
    stored: (&'static str, &'static str),
    /// What the row then consists of: its subject, the column that is changed later, and whether it is enabled last.
    row: &'static [&'static str],
    /// A field that is changed, and what the second column then has.
    change: (&'static str, &'static str, &'static str),
}

const WORK: &[Work] = &[
    Work {
        slug: "domains",
        title: "Domains",
        new: "New domain",
        fields: &[("domain", "Bücher.Example"), ("transport", "virtual:")],
        stored: ("domain, transport", "domains"),
        row: &["xn--bcher-kva.example", "virtual:", "1"],
        change: ("transport", "smtp:[mail.example.com]", "smtp:[mail.example.com]"),
    },
    Work {
        slug: "aliases",
        title: "Aliases",
        new: "New alias",
        fields: &[
            ("mail", "Sales@Blobber.org"),
            ("destination", "Joe <joe@x.example>\nann@y.example"),
        ],
        stored: ("mail, destination", "aliases"),
        row: &["sales@blobber.org", "joe@x.example,ann@y.example", "1"],
        change: ("destination", "ann@y.example", "ann@y.example"),
    },
    Work {
        slug: "backups",
        title: "Backup MX",
        new: "New backup MX entry",
        fields: &[
            ("domain", "friend3.example"),
            ("transport", ":[mail.friend3.example]"),
        ],
        stored: ("domain, transport", "backups"),
        row: &["friend3.example", ":[mail.friend3.example]", "1"],
        change: (
            "transport",
            ":[mx.friend3.example]:2525",
            ":[mx.friend3.example]:2525",
        ),
    },
    Work {
        slug: "relays",
        title: "Relay recipients",
        new: "New relay recipient",
        fields: &[("recipient", "anna@friend1.com"), ("status", "REJECT")],
        stored: ("recipient, status", "relays"),
        row: &["anna@friend1.com", "REJECT", "1"],
        change: ("status", "OK", "OK"),
    },
    Work {
        slug: "relocated",
        title: "Relocated",
        new: "New relocation",
        fields: &[("oldadr", "gone@blobber.org"), ("newadr", "gone@new.example")],
        stored: ("oldadr, newadr", "relocated"),
        row: &["gone@blobber.org", "gone@new.example", "1"],
        change: (
            "newadr",
            "please call +44 20 7946 0000",
            "please call +44 20 7946 0000",
        ),
    },
    Work {
        slug: "lists",
        title: "Mailing lists",
        new: "New mailing list",
        fields: &[
            ("mail", "team@blobber.org"),
            ("destination", "joe@x.example, ann@y.example"),
        ],
        stored: ("mail, destination", "aliases"),
        row: &["team@blobber.org", "ann@y.example,joe@x.example", "1"],
        change: (
            "add",
            "Eve <eve@x.example>",
            "ann@y.example,eve@x.example,joe@x.example",
        ),
    },
    Work {
        slug: "users",
        title: "Mailboxes",
        new: "New mailbox",
        fields: &[
            ("id", "Eve@Blobber.org"),
            ("name", "Eve"),
            ("password", "moss and lichen"),
        ],
        stored: ("id, name, maildir", "users"),
        row: &["eve@blobber.org", "Eve", "blobber.org/eve/", "1"],
        change: ("name", "Eve Ibsen", "Eve Ibsen"),
    },
    Work {
        slug: "overrides",
        title: "Overrides",
        new: "New override",
        fields: &[
            ("mail", "eve@blobber.org"),
            ("transport", "smtp:[mail.example.com]"),
        ],
        stored: ("domain, transport", "domains"),
        row: &["eve@blobber.org", "smtp:[mail.example.com]", "1"],
        change: ("transport", "smtp:[mx.example.com]", "smtp:[mx.example.com]"),
    },
    Work {
        slug: "access",
        title: "Access rules",
        new: "New access rule",
        fields: &[
            ("kind", "client"),
            ("pattern", "192.0.2.0/24"),
            ("action", "DEFER"),
            ("message", "Please try later"),
        ],
        stored: ("pattern, action, kind, message", "access_rules"),
        row: &["192.0.2.0/24", "DEFER", "client", "Please try later", "1"],
        change: ("action", "REJECT", "REJECT"),
    },
];

/// Saves, and saves anyway where the panel asks back; the notice then names the row.
async fn save(window: &Window, key: &str) {
    window.press("Save").await;
    if window.text("main").await.contains("Please confirm") {
        window.press("Save anyway").await;
    }
    assert!(
        window.text(".notice").await.contains(key),
        "{}",
        window.text("main").await
    );
}

/// One table from the first row to its deletion, by what is to be seen on the pages.
async fn do_the_work(window: &Window, database: &Database, work: &Work) {
    let (key, (columns, table)) = (work.row[0], work.stored);
    let (subject, _) = columns.split_once(',').unwrap_or((columns, ""));
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
    save(window, key).await;
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
    save(window, key).await;
    let mut changed: Vec<&str> = work.row.to_vec();
    changed[1] = work.change.2;
    assert_eq!(stored().await, [changed.as_slice()]);
    // Back in the list as it was left.
    assert!(
        window.path().await.starts_with(&format!("/{}?q=", work.slug)),
        "{}",
        window.path().await
    );

    window.press_in_menu(key, "Disable").await;
    if ["users", "overrides"].contains(&work.slug) {
        // The self alias would go on taking mail.
        let page = window.text("main").await;
        assert!(page.contains("bounced"), "{page}");
        window.press_first("button[name=confirm]").await;
    }
    changed[work.row.len() - 1] = "0";
    assert_eq!(stored().await, [changed.as_slice()]);
    assert_eq!(window.text("tbody .status").await, "Disabled");
    assert!(!window.has("tbody tr + tr").await);

    window.press_in_menu(key, "Delete…").await;
    assert!(window.text("h1").await.contains(key));
    assert_eq!(stored().await.len(), 1);
    window.press_first("main .btn-danger").await;
    let notice = window.text(".notice.ok").await;
    assert!(notice.contains("Deleted") && notice.contains(key), "{notice}");
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
            .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes WHERE who = 'operator'")
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
    let window = Window::without_scripts(&panel).await;
    window.sign_in(&panel).await;
    // Those with something of their own: a list to type, a choice to make, members, a password, a transport.
    for work in WORK
        .iter()
        .filter(|work| ["aliases", "relays", "lists", "users", "overrides"].contains(&work.slug))
    {
        do_the_work(&window, &panel.database, work).await;
    }
    window.close().await;
}
