//! `kill -9` in the middle of saves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::program::{Running, create_account};
use crate::support::{Browser, Database, PASSWORD};

const ROUNDS: usize = 5;
const WRITERS: usize = 4;

/// Saves aliases until the panel is gone; gives those it said were saved.
async fn save_until_it_ends(
    browser: Browser,
    round: usize,
    writer: usize,
    answers: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut saved = Vec::new();
    for n in 0.. {
        let mail = format!("r{round}w{writer}n{n}@blobber.org");
        let fields = [
            ("mail", mail.as_str()),
            ("destination", "x@y.example"),
            ("enabled", "1"),
        ];
        let answer = browser
            .client
            .post(browser.url("aliases"))
            .form(&fields)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                assert_eq!(answer.status(), 303);
                saved.push(mail);
                answers.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => break,
        }
    }
    saved
}

#[tokio::test]
async fn a_killed_panel_leaves_all_of_a_save_or_nothing() {
    let database = Database::howto().await;
    create_account(&database, "joe", "operator", &[]);
    let before = database.count("SELECT COUNT(*) FROM aliases").await;
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        let panel = Running::serve_on(&database);
        let joe = panel.signed_in("joe", PASSWORD).await;
        let answers = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(save_until_it_ends(joe.clone(), round, writer, answers.clone())))
            .collect();
        // Every round at another moment of the work.
        while answers.load(Ordering::Relaxed) < 10 + 3 * round {
            assert!(
                !writers.iter().any(tokio::task::JoinHandle::is_finished),
                "{panel:?}"
            );
            tokio::time::sleep(Duration::from_millis(2 + round as u64)).await;
        }
        panel.kill_9();
        for writer in writers {
            answered.extend(writer.await.expect("a writer"));
        }
    }

    // One statement, so that both counts are of the same moment: a commit may still be under way.
    let counts = database
        .rows(
            "SELECT (SELECT COUNT(*) FROM aliases), \
             (SELECT COUNT(*) FROM pw_changes WHERE table_name = 'aliases' AND action = 'create'), \
             (SELECT COUNT(*) FROM aliases JOIN pw_changes ON subject = mail AND row_key = pkid), \
             (SELECT COUNT(DISTINCT change_id) FROM pw_changes), (SELECT last_change FROM pw_counter)",
        )
        .await;
    let counts: Vec<u64> = counts[0]
        .iter()
        .map(|count| count.as_deref().expect("a count").parse().expect("a number"))
        .collect();
    assert_eq!(
        counts,
        [before + counts[1], counts[1], counts[1], counts[1], counts[1]]
    );

    let there: BTreeSet<String> = database
        .rows("SELECT mail FROM aliases")
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let lost: Vec<_> = answered.difference(&there).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?}");
}
