//! Without a mouse.

use serde::Deserialize;
use thirtyfour::Key;

use crate::pages::key_of;
use crate::support::{Database, PASSWORD, Panel};
use crate::window::Window;

/// What has the focus.
#[derive(Debug, Deserialize)]
struct Focus {
    tag: String,
    name: String,
    text: String,
    /// Style and width of the outline.
    outline: (String, f64),
    /// Whether it lies within the window.
    seen: bool,
}

async fn focus(window: &Window) -> Focus {
    window
        .script(
            "const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect(); \
             return {tag: it.tagName.toLowerCase(), name: it.name || it.className, \
                     text: it.textContent.replace(/\\s+/g, ' ').trim(), \
                     outline: [style.outlineStyle, parseFloat(style.outlineWidth)], \
                     seen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth}",
        )
        .await
}

async fn key(window: &Window, key: Key) {
    window.key(key).await.expect("pressed");
}

/// Presses Tab until something with this text or name has the focus.
async fn tab_to(window: &Window, wanted: &str) {
    for _ in 0..80 {
        key(window, Key::Tab).await;
        let focus = focus(window).await;
        if focus.text == wanted || focus.name == wanted {
            return;
        }
    }
    panic!("no way to {wanted} on {}", window.path().await);
}

#[tokio::test]
async fn the_first_tab_stop_skips_to_the_content() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    for page in ["aliases", "changes", "no/such/page"] {
        window.visit(page).await;
        key(&window, Key::Tab).await;
        let first = focus(&window).await;
        assert_eq!(
            (first.text.as_str(), first.seen),
            ("Skip to content", true),
            "{first:?}"
        );
        key(&window, Key::Enter).await;
        assert_eq!(focus(&window).await.tag, "main");
        key(&window, Key::Tab).await;
        let next: bool = window
            .script("return document.activeElement.closest('main') !== null")
            .await;
        assert!(next, "/{page}: {:?}", focus(&window).await);
    }
    window.close().await;
}

#[tokio::test]
async fn whatever_has_the_focus_shows_it() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    let list = key_of(&panel, "aliases", "mail", "listof@domain.com")
        .await
        .replace("aliases", "lists");
    let hub = key_of(&panel, "domains", "domain", "blobber.org").await;
    for page in [
        "",
        "relocated",
        "aliases/new",
        "changes",
        "search?q=karl",
        "lists",
        &list,
        "users",
        "users/new",
        "overrides",
        "overrides/new",
        "access/new",
        "domains/new",
        &hub,
        "bulk",
    ] {
        if page == "bulk" {
            let fields = [("all", "1"), ("action", "delete")];
            window.post("aliases/bulk", &fields).await;
        } else {
            window.visit(page).await;
        }
        let mut stops = 0;
        loop {
            key(&window, Key::Tab).await;
            let focus = focus(&window).await;
            if focus.tag == "body" || (stops > 0 && focus.text == "Skip to content") {
                break;
            }
            stops += 1;
            assert!(
                focus.outline.0 != "none" && focus.outline.1 >= 2.0,
                "/{page}: {focus:?}"
            );
            assert!(focus.seen, "/{page}: {focus:?}");
            assert!(stops < 100, "/{page} never ends");
        }
        assert!(stops >= 12, "/{page}: only {stops} stops");
    }
    window.close().await;
}

#[tokio::test]
async fn an_alias_is_added_by_keyboard_alone() {
    let panel = Panel::on(Database::howto().await).await;
    panel
        .account("joe", postwarden::access::Role::Operator, &[])
        .await;
    let window = Window::open(&panel).await;
    window.visit("").await;
    window.type_keys("joe").await;
    key(&window, Key::Tab).await;
    window.type_keys(PASSWORD).await;
    window.press_key(Key::Enter).await;
    tab_to(&window, "Aliases").await;
    window.press_key(Key::Enter).await;
    tab_to(&window, "New alias").await;
    window.press_key(Key::Enter).await;
    tab_to(&window, "mail").await;
    window.type_keys("sales@blobber.org").await;
    key(&window, Key::Tab).await;
    window.type_keys("joe@x.example").await;
    key(&window, Key::Enter).await;
    window.type_keys("ann@y.example").await;
    key(&window, Key::Tab).await;
    key(&window, Key::Space).await;
    key(&window, Key::Tab).await;
    assert_eq!(focus(&window).await.text, "Save");
    window.press_key(Key::Enter).await;
    assert!(window.text(".notice").await.contains("Saved sales@blobber.org"));
    assert_eq!(
        panel
            .database
            .rows("SELECT destination, enabled FROM aliases WHERE mail = 'sales@blobber.org'")
            .await,
        [[
            Some("joe@x.example,ann@y.example".to_owned()),
            Some("0".to_owned())
        ]]
    );
    window.close().await;
}

#[tokio::test]
async fn what_stays_in_sight_never_covers_what_has_the_focus() {
    let database = Database::howto().await;
    let rows: Vec<String> = (1..=60)
        .map(|n| format!("('n{n:02}@blobber.org', 'joe@x.example')"))
        .collect();
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES {}",
            rows.join(",")
        ))
        .await;
    let panel = Panel::on(database).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases?q=blobber").await;
    window.click("tbody .pick input").await;
    let covered = async || -> Option<String> {
        window
            .script(
                "const it = document.activeElement, box = it.getBoundingClientRect(); \
                 const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2); \
                 return !it.closest('tbody') || it.contains(top) || top?.contains(it) ? null \
                     : it.outerHTML.slice(0, 80) + ' below ' + top?.outerHTML.slice(0, 80)",
            )
            .await
    };
    for _ in 0..150 {
        key(&window, Key::Tab).await;
        assert_eq!(covered().await, None, "on the way down");
    }
    for _ in 0..150 {
        window.chord(Key::Shift, '\u{E004}').await;
        assert_eq!(covered().await, None, "on the way up");
    }
    window.close().await;
}

#[tokio::test]
async fn the_sheet_of_keys_keeps_the_focus_and_shows_it() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases").await;
    tab_to(&window, "Keyboard shortcuts").await;
    key(&window, Key::Enter).await;
    let mut stops = Vec::new();
    for _ in 0..6 {
        let within: bool = window
            .script("return document.activeElement.closest('#keys, body > dialog') !== null || document.activeElement === document.body")
            .await;
        let focus = focus(&window).await;
        assert!(within, "{focus:?}");
        if focus.tag != "body" {
            assert!(
                focus.outline.0 != "none" && focus.outline.1 >= 2.0 && focus.seen,
                "{focus:?}"
            );
            stops.push(focus.tag);
        }
        key(&window, Key::Tab).await;
    }
    assert!(
        stops.contains(&"button".to_owned()) && stops.contains(&"input".to_owned()),
        "{stops:?}"
    );
    key(&window, Key::Escape).await;
    assert_eq!(focus(&window).await.text, "Keyboard shortcuts");
    window.close().await;
}
