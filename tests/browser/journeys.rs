//! Whole errands, by what is to be seen on the pages.

use crate::pages::key_of;
use crate::support::{Database, Panel};
use crate::window::Window;

/// A panel with the demo's data in which joe's mail does not go to Google yet.
async fn before_the_override() -> Panel {
    let database = Database::fresh().await;
    database.store().await.load_demo().await.expect("the demo's data");
    database
        .script(
            "DELETE FROM domains WHERE domain = 'joe@bloggs.com'; DELETE FROM aliases WHERE mail = 'joe@bloggs.com';",
        )
        .await;
    Panel::on(database).await
}

/// All rows of the tables an override touches, but those of joe.
async fn of_everybody_else(panel: &Panel) -> Vec<Vec<Vec<Option<String>>>> {
    let mut tables = Vec::new();
    for (table, subject) in [
        ("domains", "domain"),
        ("aliases", "mail"),
        ("users", "id"),
        ("backups", "domain"),
        ("relays", "recipient"),
    ] {
        let query = format!("SELECT * FROM {table} WHERE {subject} <> 'joe@bloggs.com' ORDER BY {subject}");
        tables.push(panel.database.rows(&query).await);
    }
    tables
}

/// What is in the database, and on the page, once joe's mail goes to Google.
async fn joe_is_at_google_and_nobody_else_has_moved(
    window: &Window,
    panel: &Panel,
    before: &[Vec<Vec<Option<String>>>],
) {
    let notice = window.text(".notice").await;
    assert!(
        notice.contains("Mail for joe@bloggs.com goes to smtp:[aspmx.l.google.com]"),
        "{}",
        window.text("main").await
    );
    let some = |text: &str| Some(text.to_owned());
    let transport = "SELECT domain, transport, enabled FROM domains WHERE domain = 'joe@bloggs.com'";
    assert_eq!(
        panel.database.rows(transport).await,
        [[
            some("joe@bloggs.com"),
            some("smtp:[aspmx.l.google.com]"),
            some("1")
        ]]
    );
    let alias = "SELECT mail, destination, enabled FROM aliases WHERE mail = 'joe@bloggs.com'";
    assert_eq!(
        panel.database.rows(alias).await,
        [[some("joe@bloggs.com"), some("joe@bloggs.com"), some("1")]]
    );
    assert!(of_everybody_else(panel).await == before, "somebody else's row");
    let changes = "SELECT COUNT(DISTINCT change_id) FROM pw_changes";
    assert_eq!(panel.database.count(changes).await, 1, "all of it is one change");
}

#[tokio::test]
async fn a_newcomer_sends_joes_mail_to_google_and_marys_stays() {
    let panel = before_the_override().await;
    let before = of_everybody_else(&panel).await;
    let window = Window::signed_in(&panel).await;
    window.press("Overrides").await;
    window.press("New override").await;
    window.fill("mail", "joe@bloggs.com").await;
    window.use_here("Google Workspace").await;
    assert_eq!(window.value("transport").await, "smtp:[aspmx.l.google.com]");
    window.press("Save").await;
    joe_is_at_google_and_nobody_else_has_moved(&window, &panel, &before).await;
    window.close().await;
}

#[tokio::test]
async fn a_newcomer_without_scripts_does_the_same_by_typing_what_is_shown() {
    let panel = before_the_override().await;
    let before = of_everybody_else(&panel).await;
    let window = Window::without_scripts(&panel).await;
    window.sign_in(&panel).await;
    window.press("Overrides").await;
    window.press("New override").await;
    window.fill("mail", "joe@bloggs.com").await;
    let first = window.text(".presets li").await;
    assert!(first.starts_with("Google Workspace"), "{first}");
    let shown = window.text(".presets li code").await;
    window.fill("transport", &shown).await;
    window.press("Save").await;
    joe_is_at_google_and_nobody_else_has_moved(&window, &panel, &before).await;
    window.close().await;
}

#[tokio::test]
async fn a_missing_postmaster_is_added_from_the_domain_with_one_press() {
    let panel = Panel::on(Database::howto().await).await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain) VALUES ('new.example');
             INSERT INTO users (id, name, maildir) VALUES ('ann@new.example', 'Ann', 'new.example/ann/');",
        )
        .await;
    let window = Window::signed_in(&panel).await;
    window.press("Domains").await;
    window.press("new.example").await;
    assert_eq!(
        window.path().await,
        format!("/{}", key_of(&panel, "domains", "domain", "new.example").await)
    );
    let row = "li:has([name=mail][value='postmaster@new.example'])";
    let line = window.text(row).await;
    assert!(line.contains("missing"), "{line}: {}", window.text("main").await);
    window.press_first(&format!("{row} button")).await;
    // Back on the same page, which now has it.
    assert_eq!(window.text("h1").await, "new.example");
    assert!(window.text(".notice").await.contains("postmaster@new.example"));
    assert!(!window.has(row).await, "{}", window.text("main").await);
    assert_eq!(
        panel
            .database
            .rows("SELECT destination, enabled FROM aliases WHERE mail = 'postmaster@new.example'")
            .await,
        [[Some("ann@new.example".to_owned()), Some("1".to_owned())]]
    );
    window.close().await;
}

#[tokio::test]
async fn a_duplicate_takes_over_everything_but_the_address() {
    let panel = Panel::on(Database::howto().await).await;
    panel
        .database
        .script(
            "UPDATE aliases SET destination = 'a@x.example,b@x.example', enabled = 0 WHERE mail = 'karl@blobber.org';
             INSERT INTO access_rules (kind, pattern, action, message)
               VALUES ('sender', 'spam@x.example', 'DEFER', 'Not now');",
        )
        .await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases?q=karl").await;
    window.press_in_menu("karl@blobber.org", "Duplicate").await;
    assert_eq!(window.text("h1").await, "New alias");
    assert_eq!(window.value("mail").await, "");
    assert_eq!(window.value("destination").await, "a@x.example\nb@x.example");
    window.fill("mail", "carl@blobber.org").await;
    window.press("Save").await;
    let row = "SELECT destination, enabled FROM aliases WHERE mail LIKE '%arl@blobber.org'";
    let expected = [Some("a@x.example,b@x.example".to_owned()), Some("0".to_owned())];
    assert_eq!(
        panel.database.rows(row).await,
        [expected.clone(), expected],
        "the copy is like the original, which is as it was"
    );

    window.visit("access").await;
    window.press_in_menu("spam@x.example", "Duplicate").await;
    assert_eq!(window.value("pattern").await, "");
    let chosen = [
        window.value("kind").await,
        window.value("action").await,
        window.value("message").await,
    ];
    assert_eq!(chosen, ["sender", "DEFER", "Not now"]);

    window.visit("users").await;
    let somebody = window.text("tbody th a").await;
    window.press_in_menu(&somebody, "Duplicate").await;
    for own in ["id", "maildir", "password"] {
        assert_eq!(window.value(own).await, "", "{own}");
    }

    window.visit("overrides").await;
    window.press_in_menu("joe@bloggs.com", "Duplicate").await;
    assert_eq!(window.value("mail").await, "");
    let transport = panel
        .database
        .value("SELECT transport FROM domains WHERE domain = 'joe@bloggs.com'")
        .await;
    assert_eq!(Some(window.value("transport").await), transport);
    window.close().await;
}
