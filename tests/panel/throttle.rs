//! How many guesses anybody has.

use std::time::Duration;

use postwarden::access::{Guess, Role};
use postwarden::store::{AccountChange, Admission, Store};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const WAITING: &str = "Too many attempts. Wait ";

/// A panel behind a proxy on this machine, which tells the address of a visitor.
async fn panel_on(database: Database) -> Panel {
    Panel::with(database, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await
}

async fn panel() -> Panel {
    let panel = panel_on(Database::fresh().await).await;
    panel.account("joe", Role::Operator, &[]).await;
    panel
}

/// Somebody signs in from an address.
async fn sign_in(panel: &Panel, from: &str, name: &str, password: &str) -> Answer {
    post(
        panel.browser(),
        from.to_owned(),
        name.to_owned(),
        password.to_owned(),
    )
    .await
}

async fn post(browser: Browser, from: String, name: String, password: String) -> Answer {
    let request = browser.client.post(browser.url("login"));
    let form = [("username", name), ("password", password)];
    Answer::of(request.header("x-forwarded-for", from).form(&form)).await
}

/// Guesses that are looked at and wrong.
async fn wrong(panel: &Panel, from: &str, name: &str, times: u32) {
    for n in 1..=times {
        let answer = sign_in(panel, from, name, "wrong").await;
        assert_eq!(answer.status, 422, "{name} from {from}, guess {n}");
    }
}

async fn status(panel: &Panel, from: &str, name: &str, password: &str) -> u16 {
    sign_in(panel, from, name, password).await.status
}

/// Lets time pass for everything that is counted.
async fn pass(panel: &Panel, seconds: u32) {
    let statement = format!("UPDATE pw_throttle SET gone_at = gone_at - INTERVAL {seconds} SECOND");
    panel.database.script(&statement).await;
}

#[tokio::test]
async fn after_five_wrong_passwords_the_right_one_has_to_wait_too() {
    let panel = panel().await;
    wrong(&panel, "203.0.113.9", "joe", 5).await;
    for password in [PASSWORD, "wrong"] {
        let answer = sign_in(&panel, "203.0.113.9", " Joe ", password).await;
        assert_eq!(answer.status, 429);
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((25..=30).contains(&seconds), "{seconds}");
        let told = format!("{WAITING}{seconds} seconds and try again.");
        assert_eq!(answer.texts("[role=alert]"), [told]);
        assert_eq!(answer.field("username"), " Joe ", "the name is kept");
        assert_eq!(answer.field("password"), "", "the password is not");
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(
        status(&panel, "203.0.113.8", "joe", PASSWORD).await,
        303,
        "from elsewhere"
    );
    pass(&panel, 20).await;
    let answer = sign_in(&panel, "203.0.113.9", "joe", PASSWORD).await;
    assert_eq!(answer.status, 429);
    assert!(answer.text("[role=alert]").starts_with(WAITING));
    pass(&panel, 10).await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
    wrong(&panel, "203.0.113.9", "joe", 5).await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", "wrong").await, 429);
}

#[tokio::test]
async fn strangers_cannot_keep_a_person_out_where_they_usually_sign_in() {
    let panel = panel().await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
    for n in 1..=20 {
        wrong(&panel, &format!("198.51.100.{n}"), "joe", 1).await;
    }
    assert_eq!(status(&panel, "198.51.100.21", "joe", "wrong").await, 429);
    assert_eq!(status(&panel, "198.51.100.22", "joe", PASSWORD).await, 429);
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
    // Knowing a place is no leave to guess from there.
    wrong(&panel, "203.0.113.9", "joe", 5).await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 429);
    let known = "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), gone_at) DIV 60 FROM pw_throttle ORDER BY gone_at DESC LIMIT 1";
    let hours = panel.database.count(known).await;
    assert!((90 * 24 - 1..=90 * 24).contains(&hours), "{hours}");
    let forget = "UPDATE pw_throttle SET gone_at = gone_at - INTERVAL 90 DAY WHERE gone_at > UTC_TIMESTAMP() + INTERVAL 1 DAY";
    panel.database.script(forget).await;
    pass(&panel, 30).await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 429);
    pass(&panel, 30).await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
}

#[tokio::test]
async fn one_address_cannot_try_name_after_name() {
    let panel = panel().await;
    for n in 1..=30 {
        // Signing in with one's own account in between changes nothing.
        if n % 10 == 0 {
            assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
        }
        wrong(&panel, "203.0.113.9", &format!("name{n}"), 1).await;
    }
    let rows = "SELECT COUNT(*) FROM pw_throttle";
    let before = panel.database.count(rows).await;
    for name in ["name31", "joe"] {
        assert_eq!(status(&panel, "203.0.113.9", name, PASSWORD).await, 429, "{name}");
    }
    assert_eq!(
        panel.database.count(rows).await,
        before,
        "what is refused adds nothing"
    );
    assert_eq!(status(&panel, "203.0.113.8", "joe", PASSWORD).await, 303);
    pass(&panel, 10).await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
}

#[tokio::test]
async fn the_right_password_is_never_too_much() {
    let panel = panel().await;
    for n in 0..35 {
        assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303, "{n}");
        let elsewhere = format!("198.51.100.{n}");
        assert_eq!(status(&panel, &elsewhere, "joe", PASSWORD).await, 303, "{n}");
    }
}

#[tokio::test]
async fn a_restart_forgets_nothing_and_two_panels_count_together() {
    let first = panel().await;
    let second = panel_on(first.database.clone()).await;
    wrong(&first, "203.0.113.9", "joe", 2).await;
    wrong(&second, "203.0.113.9", "joe", 3).await;
    for panel in [&first, &second, &panel_on(first.database.clone()).await] {
        assert_eq!(status(panel, "203.0.113.9", "joe", PASSWORD).await, 429);
    }
}

#[tokio::test]
async fn of_fifty_guesses_at_once_no_more_are_looked_at_than_there_is_room_for() {
    let first = panel().await;
    let second = panel_on(first.database.clone()).await;
    // Of one name from one address, and of one name from fifty addresses.
    for (room, one_address) in [(5, true), (20, false)] {
        let name = format!("name{room}");
        let mut guesses = JoinSet::new();
        for n in 0..50 {
            let panel = if n % 2 == 0 { &first } else { &second };
            let from = if one_address {
                "203.0.113.9".to_owned()
            } else {
                format!("198.51.100.{n}")
            };
            guesses.spawn(post(panel.browser(), from, name.clone(), "wrong".to_owned()));
        }
        let answers: Vec<u16> = guesses
            .join_all()
            .await
            .iter()
            .map(|answer| answer.status)
            .collect();
        let looked_at = answers.iter().filter(|status| **status == 422).count();
        assert_eq!(looked_at, room, "{answers:?}");
        assert!(
            answers.iter().all(|status| matches!(status, 422 | 429)),
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_answered_like_one_that_does() {
    let panel = panel().await;
    panel.account("gone", Role::Operator, &[]).await;
    panel.change_account("gone", AccountChange::Enabled(false)).await;
    let mut runs = Vec::new();
    for (n, name) in ["joe", "ann", "gone", "no name at all"].into_iter().enumerate() {
        let mut run = Vec::new();
        for _ in 0..7 {
            let answer = sign_in(&panel, &format!("203.0.113.{n}"), name, "wrong").await;
            let mut headers = answer.headers.clone();
            headers.remove("date");
            let mut body = answer.body.replace(name, "NAME");
            // The seconds left are the clock's.
            if let Some(seconds) = headers.remove("retry-after") {
                let told = format!("Wait {} seconds", seconds.to_str().expect("seconds"));
                assert!(body.contains(&told), "{told}");
                body = body.replace(&told, "Wait");
            }
            headers.remove("content-length");
            run.push((answer.status, headers, body));
        }
        let statuses: Vec<u16> = run.iter().map(|(status, ..)| *status).collect();
        assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429], "{name}");
        runs.push(run);
    }
    runs.dedup();
    assert_eq!(runs.len(), 1, "not a letter differs");
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_network_count_as_one() {
    let panel = panel().await;
    for n in 1..=5 {
        wrong(&panel, &format!("2001:db8:1:2:{n}::{n}"), "joe", 1).await;
    }
    assert_eq!(status(&panel, "2001:db8:1:2:ffff::", "joe", PASSWORD).await, 429);
    assert_eq!(status(&panel, "2001:db8:1:3::1", "joe", PASSWORD).await, 303);
}

#[tokio::test]
async fn what_is_forgotten_is_deleted() {
    let panel = panel().await;
    assert_eq!(status(&panel, "203.0.113.9", "joe", PASSWORD).await, 303);
    wrong(&panel, "203.0.113.9", "ann", 1).await;
    let many = "INSERT INTO pw_throttle SELECT UNHEX(SHA2(seq, 256)), UTC_TIMESTAMP() FROM seq_1_to_2500";
    panel.database.script(many).await;
    let rows = "SELECT COUNT(*) FROM pw_throttle";
    let after = |seconds| OffsetDateTime::now_utc() + Duration::from_secs(seconds);
    let mut left = Vec::new();
    for seconds in [1, 15, 45, 90, 89 * 86400, 91 * 86400] {
        panel
            .store
            .delete_forgotten(after(seconds))
            .await
            .expect("deleted");
        left.push(panel.database.count(rows).await);
    }
    // Ann's attempt by address, pair and name, then the place Joe is known at.
    assert_eq!(left, [4, 3, 2, 1, 1, 0]);
}

#[tokio::test]
async fn nothing_that_was_typed_is_kept() {
    let panel = panel().await;
    let typed = "Hunter2 typed in the wrong field";
    for (name, password) in [(typed, ""), ("joe", typed), ("joe", PASSWORD)] {
        sign_in(&panel, "203.0.113.9", name, password).await;
    }
    let mut dump = String::new();
    for table in [
        "pw_throttle",
        "pw_accounts",
        "pw_sessions",
        "pw_changes",
        "pw_account_events",
    ] {
        let rows = panel.database.rows(&format!("SELECT * FROM {table}")).await;
        let rows = format!("{rows:?}").to_lowercase();
        assert!(table != "pw_throttle" || !rows.contains("203.0.113"), "{rows}");
        dump.push_str(&rows);
    }
    assert!(dump.contains("joe") && !dump.contains("hunter2"), "{dump}");
    let ids = "SELECT COUNT(*) FROM pw_throttle WHERE LENGTH(id) = 32";
    assert!(panel.database.count(ids).await >= 5);
}

/// Whether a guess may go ahead; if not, the seconds to wait.
async fn admitted(store: &Store, guess: &Guess<'_>, now: OffsetDateTime) -> Result<(), u64> {
    match store.admit(guess, now).await.expect("an answer") {
        Admission::Go(_) => Ok(()),
        Admission::Wait(wait) => Err(wait.as_secs()),
    }
}

#[tokio::test]
async fn codes_of_the_second_factor_are_counted_for_an_account_from_wherever_they_come() {
    let panel = panel().await;
    let store = &panel.store;
    // Not over yet for the panel, which deletes what is.
    let now = time::macros::datetime!(2199-11-22 07:40 UTC);
    let code = |n: u8| Guess::Code {
        name: "joe",
        from: Some([198, 51, 100, n].into()),
    };
    let home = Guess::Code {
        name: "joe",
        from: Some([203, 0, 113, 9].into()),
    };
    store.note_place(&home, now).await.expect("noted");
    for n in 0..5 {
        assert_eq!(admitted(store, &code(n), now).await, Ok(()));
    }
    assert_eq!(admitted(store, &code(6), now).await, Err(60));
    // At home there are as many of one's own, and no more.
    for _ in 0..5 {
        assert_eq!(admitted(store, &home, now).await, Ok(()));
    }
    assert_eq!(admitted(store, &home, now).await, Err(60));
    let later = now + Duration::from_mins(1);
    let Admission::Go(ticket) = store.admit(&home, later).await.expect("an answer") else {
        panic!("no room after a minute");
    };
    store.succeeded(ticket).await.expect("given back");
    for _ in 0..5 {
        assert_eq!(
            admitted(store, &home, later).await,
            Ok(()),
            "the right one clears the count"
        );
    }
}

#[tokio::test]
async fn of_many_right_sign_ins_at_once_from_one_place_none_is_refused() {
    let panel = panel().await;
    let mut sign_ins = JoinSet::new();
    for _ in 0..9 {
        let form = ("203.0.113.9".to_owned(), "joe".to_owned(), PASSWORD.to_owned());
        sign_ins.spawn(post(panel.browser(), form.0, form.1, form.2));
    }
    let answers = sign_ins.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 303), "{answers:?}");
}
