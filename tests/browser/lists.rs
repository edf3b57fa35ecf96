//! The members of mailing lists.

use crate::pages::key_of;
use crate::support::{Database, Panel};
use crate::window::Window;

/// The page of a list.
async fn page_of(panel: &Panel, list: &str) -> String {
    let key = key_of(panel, "aliases", "mail", list).await;
    key.replace("aliases", "lists")
}

/// Characters the counter counts.
async fn counted(window: &Window) -> usize {
    let text = window.text("[data-capacity] b").await;
    text.replace(',', "").parse().expect("a number")
}

#[tokio::test]
async fn members_are_pasted_and_removed_while_a_counter_follows() {
    let panel = Panel::on(Database::howto().await).await;
    let list = page_of(&panel, "listof@domain.com").await;
    let stored = async || {
        let query = "SELECT destination FROM aliases WHERE mail = 'listof@domain.com'";
        panel.database.value(query).await.expect("a list")
    };
    let before = stored().await;
    let window = Window::signed_in(&panel).await;
    window.visit(&list).await;
    assert_eq!(counted(&window).await, before.len());
    assert!(
        window
            .text(".gauge[data-capacity]")
            .await
            .contains("of 120 characters")
    );

    window
        .fill("add", "Ann Lee <ann@x.example>; eve@x.example,")
        .await;
    let more = ",ann@x.example,eve@x.example".len();
    assert_eq!(counted(&window).await, before.len() + more);
    let gone = "[name=remove][value='vic@domain.com']";
    window.click(gone).await;
    let less = ",vic@domain.com".len();
    assert_eq!(counted(&window).await, before.len() + more - less);
    // Who is a member already takes no further room.
    window
        .fill("add", "ann@x.example\neve@x.example\nann@x.example")
        .await;
    assert_eq!(counted(&window).await, before.len() + more - less);
    window.press("Save").await;
    assert!(window.text(".notice").await.contains("Saved"));
    assert_eq!(
        stored().await,
        "ann@x.example,eve@x.example,jj@somewhere.tld,john@ppp.com"
    );
    assert_eq!(stored().await.len(), before.len() + more - less);

    window.visit(&list).await;
    let many: Vec<String> = (0..9).map(|n| format!("somebody{n}@x.example")).collect();
    window.fill("add", &many.join("\n")).await;
    assert!(window.text(".gauge.over").await.contains("too long to be saved"));
    let counted = counted(&window).await;
    assert!(counted > 120, "{counted}");
    window.press("Save").await;
    let summary = window.text(".summary").await;
    assert!(summary.contains("Nothing was saved"), "{summary}");
    assert_eq!(
        window.value("add").await,
        many.join("\n"),
        "what was pasted is kept"
    );
    window.close().await;
}

#[tokio::test]
async fn a_list_within_a_list_can_be_opened() {
    let panel = Panel::on(Database::howto().await).await;
    panel
        .database
        .script(
            "INSERT INTO aliases (mail, destination) VALUES ('inner@domain.com', 'ann@x.example,eve@x.example'),
               ('outer@domain.com', 'inner@domain.com,joe@x.example')",
        )
        .await;
    let window = Window::signed_in(&panel).await;
    window.press("Mailing lists").await;
    window.press("outer@domain.com").await;
    assert!(!window.text("#members").await.contains("eve@x.example"));
    window.use_here("list of 2").await;
    assert!(window.text("#members").await.contains("eve@x.example"));
    assert!(window.text("aside").await.contains("Expands to 3"));
    window.press("inner@domain.com").await;
    assert_eq!(window.text("h1").await, "inner@domain.com");
    assert!(window.text("aside").await.contains("outer@domain.com"));
    window.close().await;
}

#[tokio::test]
async fn four_hundred_members_can_be_handled_on_a_phone() {
    let database = Database::fresh().await;
    let members: Vec<String> = (0..400).map(|n| format!("member-{n:03}@x.example")).collect();
    database
        .script(&format!(
            "INSERT INTO domains (domain) VALUES ('club.example');
             INSERT INTO aliases (mail, destination) VALUES ('all@club.example', '{}')",
            members.join(",")
        ))
        .await;
    let panel = Panel::on(database).await;
    let window = Window::signed_in(&panel).await;
    window.be_phone(360).await;
    window.visit(&page_of(&panel, "all@club.example").await).await;
    assert_eq!(window.text(".members h2").await, "400 members");
    assert_eq!(
        crate::appearance::too_wide(&window, "the list").await,
        Vec::<String>::new()
    );
    window.be_phone(360).await;
    // The members scroll by themselves, so that the rest of the form is a few thumbs away.
    let (own, page): (f64, f64) = window
        .script(
            "return [document.querySelector('.scroll').clientHeight / innerHeight, \
                     document.documentElement.scrollHeight / innerHeight]",
        )
        .await;
    assert!(
        own <= 0.7 && page <= 4.0,
        "{own} of a window, {page} windows in all"
    );

    let field = window.element("[data-filters]").await;
    field.send_keys("R-277").await.expect("typed");
    let left: Vec<String> = window
        .script(
            "return [...document.querySelectorAll('#members tbody tr')].filter(row => row.offsetParent) \
             .map(row => row.querySelector('th').textContent)",
        )
        .await;
    assert_eq!(left, ["member-277@x.example"]);
    window.click("[value='member-277@x.example']").await;
    window.press("Save").await;
    let stored = panel
        .database
        .value("SELECT destination FROM aliases WHERE mail = 'all@club.example'")
        .await
        .expect("a list");
    let expected: Vec<&str> = members
        .iter()
        .map(String::as_str)
        .filter(|member| !member.starts_with("member-277"))
        .collect();
    assert_eq!(stored, expected.join(","));
    window.close().await;
}
