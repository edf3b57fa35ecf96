//! The database goes away, dies in the middle of a save, or is held by somebody else: all or nothing, and no input is
//! lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use postwarden::mariadb::PrivateMariaDb;
use sqlx::{Connection, Executor, MySqlConnection};
use tokio::task::block_in_place;

use crate::samples::{GROUND, SAMPLES, held, recorded};
use crate::support::{Browser, Database, Panel};

/// A server of the test's own, a panel over it, and somebody signed in.
async fn own_server(name: &str) -> (PrivateMariaDb, Panel, Browser) {
    let server = block_in_place(|| PrivateMariaDb::start_temporary(name)).expect("a private MariaDB");
    let mut connection = MySqlConnection::connect(&server.url("mysql"))
        .await
        .expect("it answers");
    connection
        .execute("CREATE DATABASE maildb CHARACTER SET utf8mb4")
        .await
        .expect("a database");
    let database = Database {
        url: server.url("maildb"),
        name: "maildb".to_owned(),
    };
    database.store().await.migrate().await.expect("migrated");
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (server, panel, operator)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_pages_say_so_and_forms_are_repeated() {
    let (mut server, panel, operator) = own_server("away").await;
    let page = SAMPLES[1].insert(&panel.database).await;
    block_in_place(|| server.kill_9()).expect("killed");

    let typed = [
        ("mail", "typed@shop.example"),
        ("destination", "joe@x.example\nann@y.example"),
        ("enabled", "1"),
        ("password", "hunter2hunter2"),
    ];
    let stranger = panel.browser();
    let login = [("username", "operator"), ("password", "hunter2hunter2")];
    let confirm = [("confirm", "1")];
    let (list, postfix, row, new, edit, delete, sign_in, ready, live, form) = tokio::join!(
        operator.get("aliases"),
        operator.get("postfix"),
        operator.get(&page),
        operator.post("aliases", &typed),
        operator.post(&page, &typed),
        operator.post("domains/1/delete", &confirm),
        stranger.post("login", &login),
        stranger.get("readyz"),
        stranger.get("healthz"),
        stranger.get("login"),
    );
    assert_eq!((live.status, ready.status), (200, 503));
    assert_eq!(form.status, 200, "the sign-in form needs no database");
    for (what, answer) in [
        ("list", &list),
        ("postfix", &postfix),
        ("row", &row),
        ("new", &new),
        ("edit", &edit),
        ("delete", &delete),
        ("sign in", &sign_in),
    ] {
        assert_eq!(answer.status, 503, "{what}: {}", answer.text("main"));
        assert!(!answer.header("retry-after").is_empty(), "{what}");
        assert!(
            answer.text("main").contains("The database does not answer"),
            "{what}: {}",
            answer.text("main")
        );
        assert!(!answer.body.contains("hunter2"), "{what}: no password");
        assert!(
            !answer.body.contains("mysql") && !answer.body.contains("127.0.0.1"),
            "{what}: nothing of the inside"
        );
    }
    for (answer, action) in [(&new, "/aliases".to_owned()), (&edit, format!("/{page}"))] {
        let (target, fields) = answer.form();
        assert_eq!(target, action);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let again = [&typed[..3], &[("password", "")]].concat();
        assert_eq!(fields, again, "all but the password, which is to be typed again");
    }
    let again = [("username", "operator"), ("password", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(sign_in.form().1, again);

    block_in_place(|| server.restart()).expect("restarted");
    assert_eq!(stranger.get("readyz").await.status, 200);
    assert_eq!(operator.get("aliases").await.status, 200, "still signed in");
    let saved = operator.submit(&new, &[]).await;
    assert_eq!(
        saved.status,
        303,
        "the page that was kept is sent again: {}",
        saved.text("main")
    );
    let destination = "SELECT destination FROM aliases WHERE mail = 'typed@shop.example'";
    assert_eq!(
        panel.database.value(destination).await.as_deref(),
        Some("joe@x.example,ann@y.example")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_database_during_saves_leaves_all_of_each_or_nothing() {
    let (mut server, panel, operator) = own_server("killed").await;
    let mut confirmed = Vec::new();
    let mut lost = 0;
    for round in 0..5 {
        let done = Arc::new(AtomicU32::new(0));
        let streams: Vec<_> = (0..4)
            .map(|n| {
                tokio::spawn(stream(
                    operator.clone(),
                    format!("r{round}s{n}"),
                    Arc::clone(&done),
                ))
            })
            .collect();
        // In the middle of it, wherever that is.
        let under_way = || !streams.iter().all(tokio::task::JoinHandle::is_finished);
        while done.load(Ordering::Relaxed) < 10 + round && under_way() {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        block_in_place(|| server.kill_9()).expect("killed");
        for stream in streams {
            let (saved, failed) = stream.await.expect("the stream");
            confirmed.extend(saved);
            lost += failed;
        }
        block_in_place(|| server.restart()).expect("restarted");
        // The panel takes a connection for alive that was used within a tenth of a second; the server is back sooner.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert!(
        confirmed.len() >= 50 && lost == 20,
        "{} saves, {lost} streams ended by the death",
        confirmed.len()
    );
    let rows = panel
        .database
        .rows("SELECT mail FROM aliases ORDER BY mail")
        .await;
    let records = panel
        .database
        .rows(
            "SELECT JSON_VALUE(row_after, '$.mail') FROM pw_changes WHERE action = 'create' ORDER BY subject",
        )
        .await;
    assert_eq!(
        rows, records,
        "every row has its record, and every record its row"
    );
    assert_eq!(recorded(&panel.database).await, rows.len() as u64);
    for mail in confirmed {
        assert!(
            rows.contains(&vec![Some(mail.clone())]),
            "{mail} was answered with 303"
        );
    }
    assert_eq!(
        operator.post("domains", SAMPLES[0].row).await.status,
        303,
        "the panel works on"
    );
}

/// Saves one alias after the other until one fails; answers with those that were confirmed and how many failed.
async fn stream(browser: Browser, prefix: String, done: Arc<AtomicU32>) -> (Vec<String>, u32) {
    let mut saved = Vec::new();
    for n in 0..10_000 {
        let mail = format!("{prefix}n{n}@shop.example");
        let answer = browser
            .post(
                "aliases",
                &[
                    ("mail", &mail),
                    ("destination", "joe@x.example"),
                    ("enabled", "1"),
                ],
            )
            .await;
        if answer.status != 303 {
            assert_eq!(answer.status, 503, "{}", answer.text("main"));
            assert_eq!(answer.field("mail"), mail, "the page repeats what was typed");
            return (saved, 1);
        }
        saved.push(mail);
        done.fetch_add(1, Ordering::Relaxed);
    }
    (saved, 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_another_program_holds_for_a_moment_is_waited_for() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let mut other = held(&panel.database, "aliases").await;
    let begun = Instant::now();
    let saving =
        tokio::spawn(async move { operator.post(&page, &[SAMPLES[1].change, ("enabled", "1")]).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!saving.is_finished(), "it waits");
    other.execute("COMMIT").await.expect("let go");
    let answer = saving.await.expect("an answer");
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_another_program_holds_for_long_is_told_and_nothing_typed_is_lost() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let other = held(&panel.database, "aliases").await;
    let begun = Instant::now();
    let answer = operator.post(&page, &[SAMPLES[1].change, ("enabled", "1")]).await;
    assert_eq!(answer.status, 503);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "before a browser or a proxy gives up"
    );
    assert!(answer.text("main").contains("locked"), "{}", answer.text("main"));
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(answer.field("destination"), SAMPLES[1].change.1);
    drop(other);
    assert_eq!(operator.submit(&answer, &[]).await.status, 303);
    assert_eq!(recorded(&panel.database).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_with_another_program_is_tried_again() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let many = "INSERT INTO aliases (mail, destination) SELECT CONCAT('m', seq, '@shop.example'), 'x@x.example' FROM \
                seq_1_to_50";
    panel.database.script(many).await;
    // The panel takes the counter first and the row second; the other program the other way round. InnoDB ends the one
    // that has written less.
    let mut other = held(&panel.database, "aliases").await;
    other
        .execute("UPDATE aliases SET enabled = 0 WHERE mail LIKE 'm%'")
        .await
        .expect("written");
    let saving =
        tokio::spawn(async move { operator.post(&page, &[SAMPLES[1].change, ("enabled", "1")]).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    other
        .execute("UPDATE pw_counter SET last_change = last_change")
        .await
        .expect("the panel was ended");
    other.execute("COMMIT").await.expect("let go");
    let answer = saving.await.expect("an answer");
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(recorded(&panel.database).await, 1);
}
