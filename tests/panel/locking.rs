//! Several people at once: nobody's work is overwritten unseen, and a new name is taken once.

use std::time::Duration;

use sqlx::Executor;

use crate::samples::{SAMPLES, both, form_of, ground, held, recorded};
use crate::support::{Answer, Browser, Panel};
use postwarden::access::Role;

/// A form about to be sent: by whom, where to, its fields.
type Post = (Browser, String, Vec<(&'static str, String)>);

/// Sends forms at the same time.
async fn at_once(posts: Vec<Post>) -> Vec<Answer> {
    let tasks: Vec<_> = posts
        .into_iter()
        .map(|(browser, path, fields)| {
            tokio::spawn(async move {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
                browser.post(&path, &fields).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("an answer"));
    }
    answers
}

fn owned(fields: &[(&'static str, &'static str)]) -> Vec<(&'static str, String)> {
    fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect()
}

#[tokio::test]
async fn a_row_changed_meanwhile_is_not_overwritten_and_both_versions_are_shown() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let (operator, second) = (
            panel.operator().await,
            panel.signed_in("second", Role::Operator, &[]).await,
        );
        for sample in SAMPLES {
            let page = sample.insert(&panel.database).await;
            let form = form_of(&page);
            let seen = operator.get(&form).await;
            let theirs = second.submit(&second.get(&form).await, &[sample.change]).await;
            assert_eq!(theirs.status, 303, "{}", sample.slug);
            let changes = recorded(&panel.database).await;

            let off = owned_without_enabled(&seen);
            let off: Vec<(&str, &str)> = off.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let conflict = operator.post(&page, &off).await;
            assert_eq!(conflict.status, 409, "{}", sample.slug);
            let alert = conflict.text("[role=alert]");
            assert!(alert.contains("second changed this row"), "{alert}");
            let diff = conflict.text("table.diff");
            let (column, theirs) = sample.change;
            let mine = sample
                .row
                .iter()
                .find(|(n, _)| *n == column)
                .expect("the field")
                .1;
            assert!(
                diff.contains(theirs) && diff.contains(mine),
                "both versions: {diff}"
            );
            assert_eq!(
                sample.stored(&panel.database, column).await.as_deref(),
                Some(theirs)
            );
            assert_eq!(
                sample.stored(&panel.database, "enabled").await.as_deref(),
                Some("1")
            );
            assert_eq!(recorded(&panel.database).await, changes, "nothing was written");

            let answer = operator.submit(&conflict, &[]).await;
            assert_eq!(
                answer.status,
                303,
                "my version is saved from there: {}",
                answer.text("main")
            );
            assert_eq!(
                sample.stored(&panel.database, column).await.as_deref(),
                Some(mine)
            );
            assert_eq!(
                sample.stored(&panel.database, "enabled").await.as_deref(),
                Some("0")
            );
        }
    }
}

/// What a browser sends when the person has taken the tick of Enabled away.
fn owned_without_enabled(page: &Answer) -> Vec<(String, String)> {
    page.form()
        .1
        .into_iter()
        .filter(|(name, _)| name != "enabled")
        .collect()
}

#[tokio::test]
async fn a_row_that_another_program_changed_is_noticed_too() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let seen = operator.get(&page).await;
    panel.database.script("UPDATE aliases SET enabled = 0").await;
    let conflict = operator.submit(&seen, &[SAMPLES[1].change]).await;
    assert_eq!(conflict.status, 409);
    assert!(conflict.text("[role=alert]").contains("Another program wrote it"));
    let old = seen.field("version");
    let answer = operator
        .post(&format!("{page}/delete"), &[("version", &old), ("confirm", "1")])
        .await;
    assert_eq!(answer.status, 409, "nor is it deleted unseen");
    assert!(SAMPLES[1].is_there(&panel.database).await);
}

#[tokio::test]
async fn a_row_changed_between_the_warning_and_its_confirmation_is_not_overwritten() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let asked = operator
        .submit(&operator.get(&page).await, &[("mail", "boss@foreign.example")])
        .await;
    assert_eq!(asked.status, 200);
    panel
        .database
        .script("UPDATE aliases SET destination = 'ann@y.example'")
        .await;
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 409);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn saving_a_row_that_is_gone_says_so_and_repeats_what_was_typed() {
    let (panel, operator) = ground().await;
    for sample in SAMPLES {
        let page = sample.insert(&panel.database).await;
        let seen = operator.get(&form_of(&page)).await;
        panel
            .database
            .script(&format!(
                "DELETE FROM {} WHERE {} = '{}'",
                sample.table,
                sample.subject,
                sample.name()
            ))
            .await;
        let answer = operator.submit(&seen, &[sample.change]).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.field(sample.subject), sample.name());
        assert_eq!(answer.field(sample.change.0), sample.change.1);
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_people_who_save_the_same_new_name_at_once_one_wins() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let posts = (0..8)
                .map(|_| (operator.clone(), sample.slug.to_owned(), owned(sample.row)))
                .collect();
            let answers = at_once(posts).await;
            let statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
            assert_eq!(
                statuses.iter().filter(|s| **s == 303).count(),
                1,
                "{}: {statuses:?}",
                sample.slug
            );
            for refused in answers.iter().filter(|a| a.status != 303) {
                assert_eq!(refused.status, 422, "{}: {}", sample.slug, refused.body);
                assert!(
                    refused.text(".error-text").contains("exists already"),
                    "the ordinary message"
                );
            }
            let rows = format!(
                "SELECT COUNT(*) FROM {} WHERE {} = '{}'",
                sample.table,
                sample.subject,
                sample.name()
            );
            assert_eq!(panel.database.count(&rows).await, 1);
        }
        assert_eq!(recorded(&panel.database).await, SAMPLES.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_taken_once_even_where_no_unique_key_says_so_and_writing_is_slow() {
    let [_, howto] = both().await;
    let panel = Panel::on(howto).await;
    let operator = panel.operator().await;
    // Everybody has looked whether the name is free before anybody can write.
    let mut other = held(&panel.database, "domains").await;
    let posts = (0..6).map(|_| (operator.clone(), "domains".to_owned(), owned(SAMPLES[0].row)));
    let saving = tokio::spawn(at_once(posts.collect()));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!saving.is_finished(), "they wait");
    other.execute("COMMIT").await.expect("let go");
    let answers = saving.await.expect("answers");
    let mut statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422, 422, 422, 422, 422]);
    let rows = "SELECT COUNT(*) FROM domains WHERE domain = 'new.example'";
    assert_eq!(panel.database.count(rows).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_people_who_save_the_same_row_at_once_one_wins() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let version = operator.get(&page).await.field("version");
    let posts = (0..8).map(|n| {
        let fields = vec![
            ("destination", format!("joe{n}@y.example")),
            ("enabled", "1".to_owned()),
            ("version", version.clone()),
        ];
        (operator.clone(), page.clone(), fields)
    });
    let answers = at_once(posts.collect()).await;
    let statuses: Vec<u16> = answers.iter().map(|a| a.status).collect();
    assert_eq!(statuses.iter().filter(|s| **s == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|s| **s == 409).count(), 7, "{statuses:?}");
    assert_eq!(recorded(&panel.database).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_to_different_rows_at_once_all_succeed() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) SELECT CONCAT('p', seq, '@shop.example'), 'joe@x.example' FROM seq_1_to_16")
            .await;
        let keys = panel
            .database
            .rows("SELECT pkid FROM aliases WHERE mail LIKE 'p%@shop.example'")
            .await;
        let posts = keys.iter().map(|key| {
            let page = format!("aliases/{}", key[0].as_deref().expect("a key"));
            (
                operator.clone(),
                page,
                vec![
                    ("destination", "ann@y.example".to_owned()),
                    ("enabled", "1".to_owned()),
                ],
            )
        });
        let answers = at_once(posts.collect()).await;
        assert!(
            answers.iter().all(|a| a.status == 303),
            "{:?}",
            answers.iter().map(|a| a.status).collect::<Vec<_>>()
        );
        let changed = "SELECT COUNT(*) FROM aliases WHERE mail LIKE 'p%' AND destination = 'ann@y.example'";
        assert_eq!(panel.database.count(changed).await, 16);
        assert_eq!(recorded(&panel.database).await, 16);
        assert_eq!(
            panel
                .database
                .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
                .await,
            16
        );
    }
}

#[tokio::test]
async fn nobody_is_named_for_what_another_program_changed_after_them() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    operator.post(&format!("{page}/enabled"), &[("value", "0")]).await;
    let seen = operator.get(&page).await;
    panel.database.script("UPDATE aliases SET enabled = 1").await;
    let conflict = operator.submit(&seen, &[SAMPLES[1].change]).await;
    assert_eq!(conflict.status, 409);
    assert!(
        conflict.text("[role=alert]").contains("Another program wrote it"),
        "{}",
        conflict.text("[role=alert]")
    );
}
