//! The panel away: what Apache says meanwhile, and how soon it is over.

use std::time::{Duration, Instant};

use crate::site::{PLACES, Site};

#[tokio::test]
async fn while_the_panel_is_stopped_a_page_says_so_and_it_is_back_at_once() {
    for place in PLACES {
        let mut site = Site::at(place).await;
        let mut operator = site.operator().await;
        for _ in 0..2 {
            // A connection that Apache keeps open to the panel, and that ends with it.
            assert_eq!(operator.get("").await.status, 200);
            site.stop_panel();
            for answer in [
                operator.get("").await,
                operator.post("domains", &[("domain", "a.example")]).await,
            ] {
                assert_eq!(answer.status, 503, "{}", answer.body);
                assert_eq!(answer.header("retry-after"), "5");
                assert!(answer.header("content-type").starts_with("text/html"));
                assert_eq!(answer.text("h1"), "The panel is not running");
                let text = answer.text("body");
                for part in [
                    "may be restarting",
                    "Mail goes on",
                    "nothing of it was saved",
                    "Reload this page",
                ] {
                    assert!(text.contains(part), "{part}: {text}");
                }
                assert_eq!(
                    answer.attributes("[src], [href]", "src"),
                    [""; 0],
                    "it needs nothing else"
                );
            }
            site.start_panel();
            let back = Instant::now();
            let answer = operator.get("").await;
            assert_eq!(answer.status, 200, "still signed in: {}", answer.body);
            assert!(back.elapsed() < Duration::from_secs(1), "{:?}", back.elapsed());
        }
    }
}

#[tokio::test]
async fn a_panel_that_dies_over_a_form_leaves_a_page_that_says_what_may_have_happened() {
    for place in PLACES {
        let mut site = Site::at(place).await;
        let mut operator = site.operator().await;
        let holder = {
            let database = site.database.clone();
            tokio::spawn(async move {
                database
                    .script("START TRANSACTION; SELECT * FROM pw_counter FOR UPDATE; DO SLEEP(1.5); ROLLBACK")
                    .await;
            })
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        let save = tokio::spawn(async move { operator.post("domains", &[("domain", "a.example")]).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        site.panel.take().expect("a panel").kill_9();
        let answer = save.await.expect("an answer");
        assert_eq!(answer.status, 502, "{}", answer.body);
        assert_eq!(answer.text("h1"), "The panel broke off");
        assert!(
            answer.text("body").contains("may or may not have been saved"),
            "{}",
            answer.body
        );
        holder.await.expect("released");
    }
}
