//! The page of what Postfix is told: its texts can be taken away whole.

use thirtyfour::Key;

use crate::support::{Database, Panel};
use crate::window::Window;

/// The texts on the page that can be copied.
const COPIED: &[&str] = &[
    "command",
    "mailbox",
    "client_access",
    "main-cf",
    "commands",
    "grants",
];

async fn open_everything(window: &Window) {
    let _: () = window
        .script("for (const it of document.querySelectorAll('details')) it.open = true")
        .await;
}

/// What stands in an element, byte for byte but for the last line break.
async fn content(window: &Window, id: &str) -> String {
    window
        .script(&format!(
            "return document.getElementById('{id}').textContent.trim()"
        ))
        .await
}

#[tokio::test]
async fn each_button_copies_its_text() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    for id in COPIED {
        window.visit("postfix").await;
        open_everything(&window).await;
        let button = format!("[data-copy={id}]");
        window.click(&button).await;
        window.comes_to(&button, "Copied").await;
        window.comes_to(&button, "Copy").await;
        let _: () = window
            .script("document.querySelector('main').prepend(document.createElement('textarea'))")
            .await;
        window.click("main textarea").await;
        window.chord(Key::Control, 'v').await;
        let pasted: String = window
            .script("return document.querySelector('main textarea').value")
            .await;
        assert_eq!(pasted, content(&window, id).await, "{id}");
    }
    window.close().await;
}

#[tokio::test]
async fn a_text_marked_by_hand_is_the_same() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::without_scripts(&panel).await;
    window.sign_in(&panel).await;
    window.visit("postfix").await;
    window.click(".lookups summary").await;
    window.use_here("The same as commands, for root").await;
    assert!(
        window
            .text("#domains")
            .await
            .contains("query = SELECT 1 FROM domains")
    );
    let shown: bool = window
        .script(
            "return [...document.querySelectorAll('[data-copy]')].some(button => button.checkVisibility())",
        )
        .await;
    assert!(!shown, "no button that would do nothing");
    for width in [0, 360] {
        window.be_phone(width).await;
        for id in ["domains", "main-cf", "commands", "grants"] {
            let marked: String = window
                .script(&format!(
                    "const marked = getSelection(); marked.selectAllChildren(document.getElementById('{id}')); \
                     return marked.toString().trim()"
                ))
                .await;
            assert_eq!(marked, content(&window, id).await, "{id} at {width}");
        }
    }
    window.close().await;
}

#[tokio::test]
async fn long_lines_are_seen_whole_on_a_phone() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    for width in [320, 360, 1280] {
        window.be_phone(width).await;
        window.visit("postfix").await;
        open_everything(&window).await;
        let faults: Vec<String> = window
            .script(
                "return [...document.querySelectorAll('pre')].filter(it => it.scrollWidth > it.clientWidth || \
                 !it.checkVisibility()).map(it => it.id)",
            )
            .await;
        assert!(faults.is_empty(), "{faults:?} at {width}");
    }
    window.close().await;
}
