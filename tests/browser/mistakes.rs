//! What people run into: refusals, questions, the Back button, two tabs.

use thirtyfour::Key;

use crate::support::{Database, Panel};
use crate::window::Window;

const ALIASES: &str = "SELECT COUNT(*) FROM aliases WHERE mail";

/// What has the focus: its tag, with id and classes.
async fn focus(window: &Window) -> String {
    window
        .script(
            "const it = document.activeElement; \
             return it.tagName.toLowerCase() + (it.id && '#' + it.id) + [...it.classList].map(c => '.' + c).join('')",
        )
        .await
}

#[tokio::test]
async fn a_refusal_keeps_what_was_typed_and_leads_to_the_field() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases/new").await;
    window.fill("mail", "sales@blobber.org").await;
    window.fill("destination", "joe@x.example\nnowhere").await;
    window.element("#enabled").await.click().await.expect("unticked");
    window.press("Save").await;

    assert_eq!(window.value("mail").await, "sales@blobber.org");
    assert_eq!(window.value("destination").await, "joe@x.example\nnowhere");
    assert!(
        !window
            .element("#enabled")
            .await
            .is_selected()
            .await
            .expect("a checkbox")
    );
    assert_eq!(focus(&window).await, "div.summary");
    assert!(window.text(".summary").await.contains("Nothing was saved"));

    // The link in the summary, by keyboard: the field has the focus, and what is wrong is read with it.
    window.key(Key::Tab).await.expect("pressed");
    window.key(Key::Enter).await.expect("pressed");
    assert_eq!(focus(&window).await, "textarea#destination.mono");
    let described: String = window
        .script("return document.activeElement.getAttribute('aria-describedby').split(' ').map(id => document.getElementById(id).textContent).join(' ')")
        .await;
    assert!(described.contains("nowhere"), "{described}");
    assert_eq!(
        window
            .element("#destination")
            .await
            .attr("aria-invalid")
            .await
            .expect("an attribute")
            .as_deref(),
        Some("true")
    );

    window.fill("destination", "joe@x.example").await;
    window.press("Save").await;
    let row = "SELECT destination, enabled FROM aliases WHERE mail = 'sales@blobber.org'";
    assert_eq!(
        panel.database.rows(row).await,
        [[Some("joe@x.example".to_owned()), Some("0".to_owned())]]
    );
    window.close().await;
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_asks_again() {
    let panel = Panel::on(Database::fresh().await).await;
    let window = Window::open(&panel).await;
    window.visit("aliases?q=x").await;
    assert_eq!(focus(&window).await, "input#username");
    window.fill("username", "joe").await;
    window.fill("password", "wrong").await;
    window.press_key(Key::Enter).await;
    assert!(window.text("[role=alert]").await.contains("wrong"));
    assert_eq!(window.value("username").await, "joe");
    assert_eq!(window.value("password").await, "");
    assert_eq!(focus(&window).await, "input#password");

    panel
        .account("joe", postwarden::access::Role::Operator, &[])
        .await;
    window.fill("password", crate::support::PASSWORD).await;
    window.press_key(Key::Enter).await;
    assert_eq!(window.path().await, "/aliases?q=x");
    window.close().await;
}

#[tokio::test]
async fn the_back_button_after_a_save_does_no_harm() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases").await;
    window.press("New alias").await;
    window.fill("mail", "sales@blobber.org").await;
    window.fill("destination", "joe@x.example").await;
    window.press("Save").await;

    // Back in the form: saving it once more says that the row exists, and leads to it.
    window.back().await;
    assert_eq!(window.path().await, "/aliases/new");
    window.fill("mail", "sales@blobber.org").await;
    window.fill("destination", "other@x.example").await;
    window.press("Save").await;
    assert!(window.text(".summary").await.contains("exists already"));
    window.press("Open the row there is").await;
    assert_eq!(window.value("destination").await, "joe@x.example");

    // An edit, back, and another edit: the form is of the row as it is now.
    window.fill("destination", "ann@x.example").await;
    window.press("Save").await;
    window.back().await;
    assert_eq!(window.text("h1").await, "sales@blobber.org");
    assert_eq!(window.value("destination").await, "ann@x.example");
    window.fill("destination", "eve@x.example").await;
    window.press("Save").await;
    assert!(
        window.text(".notice").await.contains("Saved"),
        "{}",
        window.text("main").await
    );
    let row = "SELECT destination FROM aliases WHERE mail = 'sales@blobber.org'";
    assert_eq!(panel.database.value(row).await.as_deref(), Some("eve@x.example"));
    window.close().await;
}

#[tokio::test]
async fn forms_in_two_tabs_both_save_even_after_signing_in_again() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    let fill = async |name: &str| {
        window.fill("mail", &format!("{name}@blobber.org")).await;
        window.fill("destination", "joe@x.example").await;
    };
    window.visit("aliases/new").await;
    fill("first").await;
    let first = window.new_tab().await;
    window.visit("aliases/new").await;
    fill("second").await;
    window.press("Save").await;
    // Another session, as after a night: the form of the first tab is none the wiser.
    window.press("Sign out").await;
    window.fill("username", "operator").await;
    window.fill("password", crate::support::PASSWORD).await;
    window.press("Sign in").await;
    let second = window.show(first).await;
    window.press("Save").await;
    assert!(window.text(".notice").await.contains("Saved first@blobber.org"));
    assert_eq!(
        panel
            .database
            .count(&format!(
                "{ALIASES} IN ('first@blobber.org', 'second@blobber.org')"
            ))
            .await,
        2
    );

    // Signed out in one tab: the form of the other is kept, and can be sent once somebody is signed in again.
    window.visit("aliases/new").await;
    fill("third").await;
    let first = window.show(second).await;
    window.press("Sign out").await;
    let second = window.show(first).await;
    window.press("Save").await;
    assert_eq!(window.text("h1").await, "You are signed out");
    assert_eq!(window.value("mail").await, "third@blobber.org");
    let first = window.show(second).await;
    window.fill("username", "operator").await;
    window.fill("password", crate::support::PASSWORD).await;
    window.press("Sign in").await;
    window.show(first).await;
    window.press("Send again").await;
    assert!(window.text(".notice").await.contains("Saved third@blobber.org"));
    assert_eq!(
        panel
            .database
            .count(&format!("{ALIASES} = 'third@blobber.org' AND enabled = 1"))
            .await,
        1
    );
    window.close().await;
}

#[tokio::test]
async fn what_is_suspicious_is_saved_only_when_confirmed() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    let count = format!("{ALIASES} = 'joe@elsewhere.example'");
    window.visit("aliases/new").await;
    window.fill("mail", "joe@elsewhere.example").await;
    window.fill("destination", "joe@x.example").await;
    window.press("Save").await;
    assert!(window.text("[role=alert]").await.contains("Nothing is saved yet"));
    assert!(focus(&window).await.starts_with("div.notice"));
    assert_eq!(window.value("mail").await, "joe@elsewhere.example");
    assert_eq!(window.value("destination").await, "joe@x.example");

    // Enter in a field checks again; it confirms nothing.
    let field = window.element("#mail").await;
    field.send_keys("").await.expect("focused");
    field.focus().await.expect("focused");
    window.press_key(Key::Enter).await;
    assert!(window.text("[role=alert]").await.contains("Nothing is saved yet"));
    assert_eq!(panel.database.count(&count).await, 0);

    window.press("Save anyway").await;
    assert!(
        window
            .text(".notice")
            .await
            .contains("Saved joe@elsewhere.example")
    );
    assert_eq!(panel.database.count(&count).await, 1);

    // Deleting asks the same way, and can be left.
    window.press_in_menu("joe@elsewhere.example", "Delete…").await;
    window.press("Keep it").await;
    assert_eq!(window.text("h1").await, "joe@elsewhere.example");
    assert_eq!(panel.database.count(&count).await, 1);
    window.close().await;
}

#[tokio::test]
async fn two_people_in_one_row_are_shown_both_versions() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    let key = panel
        .database
        .value("SELECT pkid FROM aliases WHERE mail = 'karl@blobber.org'")
        .await;
    let row = format!("aliases/{}", key.expect("a row"));
    let stored = "SELECT destination FROM aliases WHERE mail = 'karl@blobber.org'";
    window.visit(&row).await;
    window.fill("destination", "mine@x.example").await;
    let first = window.new_tab().await;
    window.visit(&row).await;
    window.fill("destination", "theirs@x.example").await;
    window.press("Save").await;
    let second = window.show(first).await;
    window.press("Save").await;

    let page = window.text("main").await;
    assert!(
        page.contains("operator changed this row since you opened it"),
        "{page}"
    );
    assert!(
        page.contains("mine@x.example") && page.contains("theirs@x.example"),
        "{page}"
    );
    assert_eq!(
        panel.database.value(stored).await.as_deref(),
        Some("theirs@x.example")
    );
    window.press("Save my version").await;
    assert_eq!(
        panel.database.value(stored).await.as_deref(),
        Some("mine@x.example")
    );

    // The same when one of the two deletes it.
    window.visit(&format!("{row}/delete")).await;
    let first = window.show(second).await;
    window.visit(&row).await;
    window.fill("destination", "again@x.example").await;
    window.press("Save").await;
    window.show(first).await;
    window.press("Delete karl@blobber.org").await;
    assert!(window.text("main").await.contains("changed this row"));
    window.press("Look again before deleting").await;
    assert!(window.text("main").await.contains("again@x.example"));
    window.press("Delete karl@blobber.org").await;
    assert_eq!(panel.database.value(stored).await, None);
    window.close().await;
}
