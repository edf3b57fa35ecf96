//! Mailboxes and their passwords.

use thirtyfour::Key;

use crate::support::{Database, Panel};
use crate::window::Window;

/// Makes a mailbox without typing a password; gives the one that is shown.
async fn generated(window: &Window, address: &str) -> String {
    window.visit("users").await;
    window.press("New mailbox").await;
    window.fill("id", address).await;
    window.press("Save").await;
    let secret = window.text("#secret").await;
    assert!(secret.len() >= 12, "{}", window.text("main").await);
    secret
}

/// Copies the password and pastes it into the search field: what the clipboard holds.
async fn copied(window: &Window) -> String {
    window.use_here("Copy").await;
    window.comes_to("[data-copy=secret]", "Copied").await;
    let field = window.element("main [name=q]").await;
    field.focus().await.expect("focused");
    window.chord(Key::Control, 'v').await;
    window.value("q").await
}

#[tokio::test]
async fn a_generated_password_is_shown_once_and_can_be_copied() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    let secret = generated(&window, "eve@blobber.org").await;
    let crypt = panel
        .database
        .value("SELECT crypt FROM users WHERE id = 'eve@blobber.org'")
        .await
        .expect("a hash");
    assert!(!crypt.contains(&secret) && crypt.starts_with('$'), "{crypt}");
    assert_eq!(copied(&window).await, secret);

    window.driver().refresh().await.expect("a page");
    assert!(!window.has("#secret").await);
    let source = window.driver().source().await.expect("a page");
    assert!(!source.contains(&secret), "it is not shown again");
    window.close().await;
}

#[tokio::test]
async fn a_password_can_be_copied_where_the_page_has_no_clipboard() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    // As on a panel that is reached without https.
    let without =
        serde_json::json!({"source": "Object.defineProperty(navigator, 'clipboard', {value: undefined})"});
    window
        .devtools("Page.addScriptToEvaluateOnNewDocument", without)
        .await;
    let secret = generated(&window, "eve@blobber.org").await;
    let there: bool = window.script("return navigator.clipboard !== undefined").await;
    assert!(!there);
    assert_eq!(copied(&window).await, secret);
    window.close().await;
}

#[tokio::test]
async fn a_typed_password_can_be_looked_at() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("users/new").await;
    window.fill("id", "eve@blobber.org").await;
    window.fill("password", "moss and lichen").await;
    let kind = async || {
        let field = window.element("#password").await;
        field.attr("type").await.expect("a field").unwrap_or_default()
    };
    assert_eq!(kind().await, "password");
    window.use_here("Show").await;
    assert_eq!(kind().await, "text");
    window.use_here("Hide").await;
    assert_eq!(kind().await, "password");
    window.use_here("Show").await;
    assert_eq!(window.value("password").await, "moss and lichen");
    window.press("Save").await;
    assert!(window.text(".notice").await.contains("eve@blobber.org"));
    assert!(!window.has("#secret").await, "it is known already");
    let source = window.driver().source().await.expect("a page");
    assert!(!source.contains("moss and lichen"));
    window.close().await;
}
