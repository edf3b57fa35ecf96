//! The keys of the script.

use thirtyfour::Key;

use crate::support::{Database, Panel};
use crate::window::Window;

/// Where the focus is: the address in a row, or the tag and name.
async fn focus(window: &Window) -> String {
    window
        .script(
            "const it = document.activeElement; \
             return it.closest('tbody th') ? it.textContent.trim() : it.tagName.toLowerCase() + ' ' + (it.name ?? '')",
        )
        .await
}

/// The addresses of the rows of a list, from the first.
async fn rows(window: &Window) -> Vec<String> {
    window
        .script("return [...document.querySelectorAll('tbody th > a')].map(link => link.textContent.trim())")
        .await
}

#[tokio::test]
async fn keys_move_among_the_rows_select_and_open_them() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases").await;
    let rows = rows(&window).await;

    window.type_keys("/").await;
    assert_eq!(focus(&window).await, "input q");
    assert_eq!(window.value("q").await, "", "the key itself is not typed");
    let of_the_list: bool = window
        .script("return document.activeElement.closest('main') !== null")
        .await;
    assert!(of_the_list, "the list has a search of its own");

    window.visit("aliases").await;
    for (keys, row) in [("j", 0), ("j", 1), ("jj", 3), ("k", 2), ("kkkkk", 0)] {
        window.type_keys(keys).await;
        assert_eq!(focus(&window).await, rows[row], "after {keys}");
    }
    window.type_keys(&"j".repeat(rows.len() + 3)).await;
    assert_eq!(&focus(&window).await, rows.last().expect("rows"));
    let seen: bool = window
        .script(
            "const box = document.activeElement.getBoundingClientRect(); \
             return box.top >= 0 && box.bottom <= innerHeight",
        )
        .await;
    assert!(seen, "the list scrolls along");

    window.type_keys("kx").await;
    let marked: Vec<String> = window
        .script(
            "return [...document.querySelectorAll('tbody tr:has(.pick :checked) th > a')].map(a => a.textContent.trim())",
        )
        .await;
    assert_eq!(marked, [rows[rows.len() - 2].clone()]);
    assert_eq!(window.text("#bulk p").await, "1 selected");
    window.type_keys("x").await;
    assert_eq!(window.text("#bulk p").await, "");

    window.type_onward("e").await;
    assert_eq!(window.text("h1").await, rows[rows.len() - 2]);
    window.visit("aliases").await;
    window.type_onward("n").await;
    assert_eq!(window.path().await, "/aliases/new");

    // Where a page has no search of its own, the one of the menu.
    window.visit("changes?who=nobody").await;
    window.type_keys("/").await;
    assert_eq!(focus(&window).await, "input q");
    window.visit("aliases/new").await;
    window.type_keys("/").await;
    assert_eq!(focus(&window).await, "input q");
    window.close().await;
}

#[tokio::test]
async fn keys_copy_the_address_of_a_row() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases").await;
    let first = rows(&window).await.remove(0);
    window.type_keys("jc").await;
    window.comes_to(".copy-value", "Copied").await;
    window.type_keys("/").await;
    window.chord(Key::Control, 'v').await;
    assert_eq!(window.value("q").await, first);
    window.close().await;
}

#[tokio::test]
async fn the_sheet_of_keys_opens_and_closes() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases").await;
    window.type_keys("j").await;
    let row = focus(&window).await;
    window.type_keys("?").await;
    assert!(window.text("#keys").await.contains("Keyboard shortcuts"));
    assert_eq!(focus(&window).await, "button ", "its button has the focus");
    // The page below it does not move.
    window.type_keys("jxe").await;
    assert!(window.has("#keys[open]").await);
    window.press_key_here(Key::Escape).await;
    assert!(!window.has("#keys[open]").await);
    assert_eq!(focus(&window).await, row, "the focus is where it was");
    assert_eq!(window.path().await, "/aliases");
    assert_eq!(window.text("#bulk p").await, "");
    window.close().await;
}

#[tokio::test]
async fn keys_do_nothing_while_something_is_typed() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    let all = "/jkxecn?";
    for (page, field) in [("aliases", "q"), ("aliases/new", "destination")] {
        window.visit(page).await;
        let there = window.element(&format!("main [name={field}]")).await;
        there.focus().await.expect("focused");
        window.type_keys(all).await;
        assert_eq!(window.value(field).await, all);
        assert_eq!(window.path().await, format!("/{page}"));
        assert!(!window.has("#keys[open]").await);
    }
    window.visit("aliases").await;
    window.element("#enabled").await.focus().await.expect("focused");
    window.type_keys("j").await;
    assert_eq!(focus(&window).await, "select enabled");
    // Those of the browser stay the browser's.
    window.visit("aliases").await;
    window.chord(Key::Alt, 'j').await;
    assert_eq!(focus(&window).await, "body ");
    window.close().await;
}

#[tokio::test]
async fn keys_can_be_turned_off_in_a_browser() {
    let panel = Panel::on(Database::howto().await).await;
    let window = Window::signed_in(&panel).await;
    window.visit("aliases").await;
    window.type_keys("?").await;
    window.click("#keys-off").await;
    window.press_key_here(Key::Escape).await;
    for _ in 0..2 {
        window.type_keys("j").await;
        assert!(!window.has("tbody th a:focus").await, "a key that is turned off");
        window.type_keys("?").await;
        assert!(!window.has("#keys[open]").await);
        window.visit("aliases").await;
    }
    window.use_here("Keyboard shortcuts").await;
    assert!(
        window
            .element("#keys-off")
            .await
            .is_selected()
            .await
            .expect("a box")
    );
    window.click("#keys-off").await;
    window.use_here("Close").await;
    window.visit("aliases").await;
    window.type_keys("j").await;
    assert!(window.has("tbody th a:focus").await);
    window.close().await;
}
