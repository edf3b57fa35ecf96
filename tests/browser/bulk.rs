//! Many rows at once.

use thirtyfour::Key;

use crate::support::{Database, Panel};
use crate::window::Window;

/// Aliases `n01@blobber.org` to `n60@blobber.org` and no others, on pages of 25.
async fn sixty_aliases() -> Panel {
    let database = Database::howto().await;
    let rows: Vec<String> = (1..=60)
        .map(|n| format!("('n{n:02}@blobber.org', 'joe@x.example')"))
        .collect();
    database
        .script(&format!(
            "DELETE FROM aliases; INSERT INTO aliases (mail, destination) VALUES {}",
            rows.join(",")
        ))
        .await;
    Panel::on(database).await
}

const LIST: &str = "aliases?per=25";

/// How many aliases there are, and how many of them are off.
async fn there_are(panel: &Panel) -> (u64, u64) {
    let count = async |which: &str| {
        let query = format!("SELECT COUNT(*) FROM aliases WHERE {which}");
        panel.database.count(&query).await
    };
    (count("TRUE").await, count("enabled = 0").await)
}

/// Clicks the box of the n-th row, counted from 0; with the shift key if wanted.
async fn pick(window: &Window, n: usize, shift: bool) {
    let boxed = window
        .element(&format!("tbody tr:nth-child({}) .pick input", n + 1))
        .await;
    let mut chain = window.driver().action_chain();
    if shift {
        chain = chain.key_down(Key::Shift);
    }
    chain = chain.click_element(&boxed);
    if shift {
        chain = chain.key_up(Key::Shift);
    }
    chain.perform().await.expect("clicked");
}

/// Positions of the rows whose boxes are ticked.
async fn picked(window: &Window) -> Vec<usize> {
    window
        .script(
            "return [...document.querySelectorAll('tbody .pick input')].flatMap((box, n) => box.checked ? [n] : [])",
        )
        .await
}

/// What the bar says; empty while it is hidden.
async fn bar(window: &Window) -> String {
    window.text("#bulk p").await
}

/// The box of the head: whether it is ticked, and whether it is neither.
async fn head(window: &Window) -> (bool, bool) {
    window
        .script("const it = document.querySelector('#pick-all'); return [it.checked, it.indeterminate]")
        .await
}

#[tokio::test]
async fn rows_are_selected_one_by_one_by_range_and_by_page() {
    let panel = sixty_aliases().await;
    let window = Window::signed_in(&panel).await;
    window.visit(LIST).await;
    assert_eq!(bar(&window).await, "", "nothing is selected");
    assert_eq!(head(&window).await, (false, false));

    pick(&window, 1, false).await;
    assert_eq!(bar(&window).await, "1 selected");
    assert_eq!(head(&window).await, (false, true));
    pick(&window, 5, true).await;
    assert_eq!(picked(&window).await, [1, 2, 3, 4, 5]);
    assert_eq!(bar(&window).await, "5 selected");
    // A range upwards; and one that takes back, as the box does that ends it.
    pick(&window, 8, false).await;
    pick(&window, 7, true).await;
    assert_eq!(picked(&window).await, [1, 2, 3, 4, 5, 7, 8]);
    pick(&window, 3, false).await;
    pick(&window, 5, true).await;
    assert_eq!(picked(&window).await, [1, 2, 7, 8]);
    assert_eq!(bar(&window).await, "4 selected");

    window.click("#pick-all").await;
    assert_eq!(picked(&window).await.len(), 25);
    assert_eq!(bar(&window).await, "25 selected");
    assert_eq!(head(&window).await, (true, false));
    window.click("#bulk [name=all]").await;
    assert_eq!(bar(&window).await, "All 60 selected");
    window.use_here("Clear").await;
    assert_eq!(bar(&window).await, "");
    assert!(picked(&window).await.is_empty());
    assert_eq!(there_are(&panel).await, (60, 0));
    window.close().await;
}

#[tokio::test]
async fn selected_rows_are_reviewed_and_then_changed_together() {
    let panel = sixty_aliases().await;
    let window = Window::signed_in(&panel).await;
    window.visit(LIST).await;
    pick(&window, 1, false).await;
    pick(&window, 4, true).await;
    window.press("Disable").await;
    assert_eq!(window.text("h1").await, "Disable 4 aliases?");
    let page = window.text("main").await;
    for n in 2..=5 {
        assert!(page.contains(&format!("n{n:02}@blobber.org")), "{page}");
    }
    assert_eq!(there_are(&panel).await, (60, 0), "asking changes nothing");
    window.press("Leave as it is").await;
    assert_eq!(window.path().await, format!("/{LIST}"));
    assert_eq!(there_are(&panel).await, (60, 0));

    pick(&window, 1, false).await;
    pick(&window, 4, true).await;
    window.press("Disable").await;
    window.press("Disable 4 aliases").await;
    assert!(window.text(".notice").await.contains("Disabled 4 aliases."));
    assert_eq!(window.path().await, format!("/{LIST}"));
    assert_eq!(there_are(&panel).await, (60, 4));

    // All that match a filter, over all pages; one of them is off already.
    window.visit("aliases?q=n0&per=25").await;
    assert!(!window.has("#bulk [name=all]").await, "one page has them all");
    window.visit("aliases?enabled=1&per=25").await;
    pick(&window, 0, false).await;
    window.click("#bulk [name=all]").await;
    assert_eq!(bar(&window).await, "All 56 selected");
    window.press("Delete…").await;
    assert_eq!(window.text("h1").await, "Delete 56 aliases?");
    window.press("Delete 56 aliases").await;
    assert!(window.text(".notice").await.contains("Deleted 56 aliases."));
    assert_eq!(there_are(&panel).await, (4, 4));
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
            .await,
        2
    );
    window.close().await;
}

#[tokio::test]
async fn many_rows_are_changed_without_scripts() {
    let panel = sixty_aliases().await;
    let window = Window::without_scripts(&panel).await;
    window.sign_in(&panel).await;
    window.visit(LIST).await;
    assert_eq!(bar(&window).await, "With the selected rows");
    // Nothing is there that would not work.
    for script_only in ["#pick-all", "#bulk [data-clear]"] {
        let there = window.element(script_only).await;
        assert!(!there.is_displayed().await.expect("an element"), "{script_only}");
    }
    window.press("Disable").await;
    assert!(window.text(".summary").await.contains("No row is selected"));
    window.press("Back to the list").await;

    for n in [0, 2] {
        pick(&window, n, false).await;
    }
    window.press("Disable").await;
    window.press("Disable 2 aliases").await;
    assert!(window.text(".notice").await.contains("Disabled 2 aliases."));
    assert_eq!(there_are(&panel).await, (60, 2));

    window.click("#bulk [name=all]").await;
    window.press("Delete…").await;
    window.press("Delete 60 aliases").await;
    assert!(window.text(".notice").await.contains("Deleted 60 aliases."));
    assert_eq!(there_are(&panel).await, (0, 0));
    window.close().await;
}

#[tokio::test]
async fn the_back_button_counts_what_is_selected() {
    let panel = sixty_aliases().await;
    let window = Window::signed_in(&panel).await;
    let agrees = async || {
        let (said, picked) = (bar(&window).await, picked(&window).await.len());
        match picked {
            0 => assert_eq!(said, ""),
            n => assert_eq!(said, format!("{n} selected")),
        }
        assert_eq!(head(&window).await, (false, picked > 0));
        picked
    };
    window.visit(LIST).await;
    pick(&window, 1, false).await;
    pick(&window, 3, true).await;
    window.press("Disable").await;
    window.back().await;
    assert_eq!(window.path().await, format!("/{LIST}"));
    assert_eq!(agrees().await, 3, "the selection is still there");
    window.press("Disable").await;
    window.press("Disable 3 aliases").await;
    agrees().await;
    window.back().await;
    window.back().await;
    agrees().await;
    window.close().await;
}
