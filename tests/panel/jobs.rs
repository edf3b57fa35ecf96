//! Work that takes longer than a second: it goes on behind the pages, which tell how far it is.

use std::time::Duration;

use postwarden::access::Role;
use sqlx::Connection;

use crate::samples::held;
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const ROWS: &str = "mail,destination\na@x.example,joe@x.example\nb@x.example,joe@x.example\n";

async fn ground() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    panel
        .database
        .script("INSERT INTO domains (domain) VALUES ('x.example')")
        .await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// Imports two aliases at once.
async fn import(operator: &Browser) -> Answer {
    operator
        .post("aliases/import", &[("text", ROWS), ("confirm", "1")])
        .await
}

/// The page of work, once it has ended.
async fn ended(browser: &Browser, page: &str) -> Answer {
    for _ in 0..300 {
        let answer = browser.get(page).await;
        if answer.header("refresh").is_empty() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{page} does not end")
}

#[tokio::test]
async fn long_work_tells_how_far_it_is_and_then_what_it_came_to() {
    let (panel, operator) = ground().await;
    // Another writer of the panel is before it.
    let other = held(&panel.database, "pw_counter").await;
    let begun = import(&operator).await;
    assert_eq!(begun.status, 303, "{}", begun.text("main"));
    let page = begun.location().to_owned();
    assert!(page.starts_with("/jobs/"), "{page}");
    let progress = operator.get(&page).await;
    assert_eq!((progress.status, progress.header("refresh")), (200, "1"));
    assert_eq!(progress.text("h1"), "Import of pasted rows");
    assert_eq!(
        progress.attributes("main progress", "aria-label"),
        ["Import of pasted rows"]
    );
    for place in ["", "changes"] {
        let links = operator.get(place).await.attributes(".notice a", "href");
        assert_eq!(links, std::slice::from_ref(&page), "/{place}");
    }
    let second = panel.signed_in("second", Role::Operator, &[]).await;
    assert_eq!(second.get(&page).await.status, 404, "another's work");
    assert!(!second.get("").await.body.contains(&page));
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    other.close().await.expect("let go");
    let done = ended(&operator, &page).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/aliases"),
        "{}",
        done.text("main")
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 2);
    // In a second tab, and with the Back button.
    for _ in 0..2 {
        let again = operator.get(&page).await;
        assert_eq!((again.status, again.location()), (303, "/aliases"));
        let notice = operator.get("aliases").await.text(".notice");
        assert!(notice.contains("Imported pasted rows: 2 added"), "{notice}");
    }
    assert!(
        !operator.get("").await.body.contains(&page),
        "it is not under way any more"
    );
    // Signing out and in again loses nothing.
    assert_eq!(operator.post("logout", &[]).await.status, 303);
    let fields = [("username", "operator"), ("password", PASSWORD)];
    assert_eq!(operator.post("login", &fields).await.status, 303);
    assert_eq!(operator.get(&page).await.location(), "/aliases");
    // The panel is restarted.
    let panel = Panel::on(panel.database.clone()).await;
    let operator = panel.browser();
    assert_eq!(operator.post("login", &fields).await.status, 303);
    let gone = operator.get(&page).await;
    assert_eq!(gone.status, 404);
    assert_eq!(gone.text("h1"), "Not known any more");
    assert_eq!(gone.attributes("main a.btn", "href"), ["/changes"]);
}

#[tokio::test]
async fn long_work_that_fails_says_why() {
    let (panel, operator) = ground().await;
    let other = held(&panel.database, "pw_counter").await;
    let begun = import(&operator).await;
    assert_eq!(begun.status, 303, "{}", begun.text("main"));
    let page = begun.location().to_owned();
    let failed = ended(&operator, &page).await;
    assert_eq!(failed.status, 500);
    assert!(
        failed.text("main").contains("nothing was changed"),
        "{}",
        failed.text("main")
    );
    assert!(
        failed.text(".summary").contains("keeps these rows locked"),
        "{}",
        failed.text("main")
    );
    other.close().await.expect("let go");
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    assert_eq!(import(&operator).await.status, 303);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 2);
}

#[tokio::test]
async fn a_review_that_takes_long_is_shown_when_it_is_there_and_can_be_applied() {
    let (panel, operator) = ground().await;
    let statement = "LOCK TABLES aliases WRITE; SELECT SLEEP(3); UNLOCK TABLES";
    let database = panel.database.clone();
    let other = tokio::spawn(async move { database.script(statement).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = operator.post("aliases/import", &[("text", ROWS)]).await;
    assert_eq!(begun.status, 303, "{}", begun.text("main"));
    let page = begun.location().to_owned();
    assert!(page.starts_with("/jobs/"), "{page}");
    let review = ended(&operator, &page).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(review.texts(".tally li")[0], "added 2");
    assert_eq!(
        operator.get(&page).await.text("h1"),
        "pasted rows",
        "the same again"
    );
    other.await.expect("let go");
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/aliases"),
        "{}",
        done.text("main")
    );
}
