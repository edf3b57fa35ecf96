//! `/account`: one's own password, and the browsers one is signed in with.

use postwarden::access::Role;
use postwarden::store::AccountChange;

use crate::support::program::sign_in;
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const NEW: &str = "violet tractor under nine bridges";

async fn panel() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    let joe = panel
        .signed_in("joe.bloggs", Role::Owner, &["wonderland.example"])
        .await;
    (panel, joe)
}

/// The form of the password page, filled in.
async fn change(browser: &Browser, own: &str, new: &str, again: &str) -> Answer {
    let page = browser.get("account/password").await;
    assert_eq!(page.status, 200, "{}", page.text("main"));
    let fields = [
        ("own_password", own),
        ("new_password", new),
        ("repeat_password", again),
    ];
    browser.submit(&page, &fields).await
}

/// Signs in with a browser of this name.
async fn as_device(panel: &Panel, agent: &[u8]) -> Browser {
    let mut browser = panel.browser();
    let agent = reqwest::header::HeaderValue::from_bytes(agent).expect("a header");
    browser.client = reqwest::Client::builder()
        .user_agent(agent)
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    assert_eq!(sign_in(&browser, "joe.bloggs", PASSWORD).await.status, 303);
    browser
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_every_other_session_ends() {
    let (panel, _) = panel().await;
    let (joe, phone) = (panel.browser(), panel.browser());
    let old = sign_in(&joe, "joe.bloggs", PASSWORD).await.cookie();
    sign_in(&phone, "joe.bloggs", PASSWORD).await;
    panel.account("ann", Role::Owner, &[]).await;
    let ann = panel.browser();
    sign_in(&ann, "ann", PASSWORD).await;
    let done = change(&joe, PASSWORD, NEW, NEW).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/account"),
        "{}",
        done.text("main")
    );
    let new = done.cookie();
    assert!(new.starts_with("postwarden=") && new != old, "{new}");
    assert!(
        joe.get("account")
            .await
            .text(".notice.ok")
            .contains("Your password is changed")
    );
    assert_eq!(
        panel.get_with("aliases", &old).await.status,
        303,
        "the old id is dead"
    );
    assert_eq!(panel.get_with("aliases", &new).await.status, 200);
    assert_eq!(phone.get("aliases").await.status, 303);
    assert_eq!(ann.get("aliases").await.status, 200);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_sessions").await, 2);
    assert_eq!(
        sign_in(&panel.browser(), "joe.bloggs", PASSWORD).await.status,
        422
    );
    assert_eq!(sign_in(&panel.browser(), "joe.bloggs", NEW).await.status, 303);
    let events = panel.database.events("joe.bloggs").await;
    assert!(
        events.contains(&"joe.bloggs: new password".to_owned()),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_password_that_is_refused_is_told_why_and_nothing_changes() {
    let (panel, joe) = panel().await;
    let hash = "SELECT password_hash FROM pw_accounts";
    let before = panel.database.value(hash).await;
    let too_long = "é".repeat(512) + "x";
    for (own, new, again, field, why) in [
        ("wrong", NEW, NEW, "own_password", "password or code is wrong"),
        ("", NEW, NEW, "own_password", "Type your own password"),
        (
            PASSWORD,
            "eleven chrs",
            "eleven chrs",
            "new_password",
            "has 11 characters",
        ),
        (PASSWORD, "", "", "new_password", "has 0 characters"),
        (
            PASSWORD,
            "password1234",
            "password1234",
            "new_password",
            "among the first",
        ),
        (
            PASSWORD,
            "aaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaa",
            "new_password",
            "among the first",
        ),
        (
            PASSWORD,
            "wonderland2026",
            "wonderland2026",
            "new_password",
            "among the first",
        ),
        (
            PASSWORD,
            "joe.bloggs.joe.bloggs",
            "joe.bloggs.joe.bloggs",
            "new_password",
            "among the first",
        ),
        (
            PASSWORD,
            PASSWORD,
            PASSWORD,
            "new_password",
            "the password you have",
        ),
        (
            PASSWORD,
            NEW,
            "violet tractor",
            "repeat_password",
            "not what stands above",
        ),
        (PASSWORD, NEW, "", "repeat_password", "not what stands above"),
        (
            PASSWORD,
            &too_long,
            &too_long,
            "new_password",
            "longer than 1024 bytes",
        ),
    ] {
        let answer = change(&joe, own, new, again).await;
        assert_eq!(answer.status, 422, "{own} {new}");
        let told = answer.text(&format!("#{field}-error"));
        assert!(told.contains(why), "{own} {new}: {told}");
        assert!(answer.text(".summary").contains(why), "{own} {new}");
        assert_eq!(answer.attributes("input[type=password][value]", "value"), [""; 0]);
        for typed in [own, new, again] {
            assert!(
                typed.len() < 12 || !answer.body.contains(typed),
                "{typed} is not shown"
            );
        }
        assert_eq!(joe.get("aliases").await.status, 200);
    }
    assert_eq!(panel.database.value(hash).await, before);
    assert_eq!(
        panel.database.events("joe.bloggs").await.len(),
        2,
        "created and signed in"
    );
}

#[tokio::test]
async fn long_passwords_in_any_script_work_to_the_last_character() {
    let (panel, joe) = panel().await;
    let mut old = PASSWORD.to_owned();
    for new in [
        "seven Swans sail on 64 silver streams, each one slower than others".to_owned(),
        "a sentence with very many words that goes on and on until it ends here ".repeat(15)[..1000]
            .to_owned(),
        "ωραία θάλασσα το πρωί 🌊".to_owned(),
        "   blanks on  both ends of it   ".to_owned(),
        "+&=%00;quotes\"'<b>and backslash\\".to_owned(),
        "é".repeat(12) + &"volcano umbrella river ".repeat(44)[..1000],
    ] {
        assert!(new.len() <= 1024);
        let done = change(&joe, &old, &new, &new).await;
        assert_eq!(done.status, 303, "{new}: {}", done.text("main"));
        panel.database.forget_guesses().await;
        assert_eq!(
            sign_in(&panel.browser(), "joe.bloggs", &new).await.status,
            303,
            "{new}"
        );
        let mut shorter = new.clone();
        shorter.pop();
        assert_eq!(
            sign_in(&panel.browser(), "joe.bloggs", &shorter).await.status,
            422,
            "{new}"
        );
        assert_eq!(
            sign_in(&panel.browser(), "joe.bloggs", &new.to_uppercase())
                .await
                .status,
            422,
            "{new}"
        );
        old = new;
    }
}

#[tokio::test]
async fn wrong_old_passwords_are_counted_as_guesses() {
    let (panel, joe) = panel().await;
    for _ in 0..5 {
        assert_eq!(change(&joe, "wrong", NEW, NEW).await.status, 422);
    }
    for own in ["wrong", PASSWORD] {
        let answer = change(&joe, own, NEW, NEW).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text("#own_password-error").contains("Too many attempts"),
            "{own}"
        );
    }
    // A new password that is refused anyway is no guess at the old one.
    panel.database.forget_guesses().await;
    for _ in 0..7 {
        assert_eq!(change(&joe, "wrong", "short", "short").await.status, 422);
    }
    assert_eq!(change(&joe, PASSWORD, NEW, NEW).await.status, 303);
}

#[tokio::test]
async fn whoever_has_to_change_it_does_so_first() {
    let (panel, joe) = panel().await;
    panel
        .change_account("joe.bloggs", AccountChange::MustChange)
        .await;
    for path in ["", "aliases", "changes", "search?q=x", "account/nothing"] {
        let answer = joe.get(path).await;
        if path == "account/nothing" {
            assert_eq!(answer.status, 404);
        } else {
            assert_eq!(
                (answer.status, answer.location()),
                (303, "/account/password"),
                "{path}"
            );
        }
    }
    let refused = joe
        .post(
            "aliases",
            &[("mail", "a@wonderland.example"), ("destination", "x@y.example")],
        )
        .await;
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .text("main")
            .contains("choose a new password before anything else")
    );
    assert_eq!(
        refused.field("mail"),
        "a@wonderland.example",
        "what was typed is kept"
    );
    assert_eq!(joe.post("account/second-factor", &[]).await.status, 403);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    assert!(
        joe.get("account/password")
            .await
            .text(".notice.warn")
            .contains("before anything else")
    );
    assert_eq!(
        change(&joe, PASSWORD, PASSWORD, PASSWORD).await.status,
        422,
        "another one"
    );
    assert_eq!(joe.get("aliases").await.location(), "/account/password");
    assert_eq!(change(&joe, PASSWORD, NEW, NEW).await.status, 303);
    assert_eq!(joe.get("aliases").await.status, 200);
    assert_eq!(joe.post("logout", &[]).await.status, 303);
}

#[tokio::test]
async fn sessions_are_listed_with_browser_and_address_and_the_one_in_use_is_marked() {
    let (panel, _) = panel().await;
    let firefox = as_device(
        &panel,
        b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )
    .await;
    as_device(
        &panel,
        b"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
    )
    .await;
    panel
        .database
        .script("DELETE FROM pw_sessions WHERE JSON_VALUE(data, '$.visit.device') = ''")
        .await;
    let page = firefox.get("account").await;
    let mut devices = page.texts("form ~ * th[scope=row], .table th[scope=row]");
    devices.retain(|text| text.contains(" on "));
    devices.sort();
    assert_eq!(devices, ["Firefox on Linux this one", "Safari on iPhone"]);
    assert_eq!(page.texts("td[data-label=From]")[..2], ["127.0.0.1", "127.0.0.1"]);
    let today = time::OffsetDateTime::now_utc().date().to_string();
    assert!(
        page.texts("td[data-label='Signed in']")
            .iter()
            .all(|at| at.starts_with(&today))
    );
    let names = page.attributes("input[name=session]", "value");
    assert_eq!(names.len(), 1, "one's own ends by signing out");
    assert!(
        names.iter().all(|name| name.len() == 64),
        "names open nothing: {names:?}"
    );
}

#[tokio::test]
async fn a_hostile_browser_name_is_only_text() {
    let (panel, _) = panel().await;
    let agents: [&[u8]; 4] = [
        b"<script>alert(1)</script>",
        "\u{202e}evil\" onclick=\"x".as_bytes(),
        b"\xff\xfe bytes",
        b"'; DROP TABLE pw_sessions; -- {\"visit\": 1}",
    ];
    for agent in agents {
        as_device(&panel, agent).await;
    }
    let long = as_device(&panel, "x".repeat(5000).as_bytes()).await;
    let page = long.get("account").await;
    assert_eq!(page.status, 200);
    assert!(
        !page.body.contains("<script>alert")
            && !page.body.contains("\u{202e}")
            && !page.body.contains("onclick=\"x")
    );
    assert!(page.attributes("[onclick]", "onclick").is_empty());
    assert!(page.body.contains("⟨U+202E⟩evil"), "made visible");
    assert!(!page.body.contains(&"x".repeat(41)), "cut off");
    assert_eq!(page.attributes("input[name=session]", "value").len(), 5);
    let stored = "SELECT MAX(CHAR_LENGTH(JSON_VALUE(data, '$.visit.device'))) FROM pw_sessions";
    assert_eq!(panel.database.count(stored).await, 200);
}

#[tokio::test]
async fn one_session_the_others_or_all_are_ended() {
    let (panel, joe) = panel().await;
    let (phone, tablet) = (panel.browser(), panel.browser());
    for browser in [&phone, &tablet] {
        sign_in(browser, "joe.bloggs", PASSWORD).await;
    }
    let open = async |browsers: [&Browser; 3]| {
        let mut open = Vec::new();
        for browser in browsers {
            open.push(browser.get("aliases").await.status == 200);
        }
        open
    };
    let names = joe
        .get("account")
        .await
        .attributes("input[name=session]", "value");
    assert_eq!(names.len(), 2);
    let answer = joe.post("account/sessions", &[("session", &names[0])]).await;
    assert_eq!((answer.status, answer.location()), (303, "/account"));
    assert_eq!(
        open([&joe, &phone, &tablet])
            .await
            .iter()
            .filter(|is| **is)
            .count(),
        2
    );
    assert_eq!(open([&joe, &joe, &joe]).await, [true; 3]);
    sign_in(&phone, "joe.bloggs", PASSWORD).await;
    assert_eq!(
        joe.post("account/sessions", &[("which", "others")]).await.status,
        303
    );
    assert_eq!(open([&joe, &phone, &tablet]).await, [true, false, false]);
    sign_in(&phone, "joe.bloggs", PASSWORD).await;
    let all = joe.post("account/sessions", &[("which", "all")]).await;
    assert_eq!((all.status, all.location()), (303, "/login"));
    assert_eq!(open([&joe, &phone, &tablet]).await, [false; 3]);
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_sessions").await, 0);
    // One's own by its name is signing out.
    sign_in(&joe, "joe.bloggs", PASSWORD).await;
    let own = panel
        .database
        .value("SELECT HEX(id) FROM pw_sessions")
        .await
        .expect("a session");
    assert_eq!(
        joe.post("account/sessions", &[("session", &own)])
            .await
            .location(),
        "/login"
    );
    assert_eq!(joe.get("aliases").await.status, 303);
}

#[tokio::test]
async fn nobody_ends_somebody_elses_session_by_its_name() {
    let (panel, joe) = panel().await;
    let ann = panel.signed_in("ann", Role::Operator, &[]).await;
    let query = "SELECT LOWER(HEX(s.id)) FROM pw_sessions s JOIN pw_accounts a ON a.id = s.account_id WHERE a.name = 'ann'";
    let anns = panel.database.value(query).await.expect("a session");
    for name in [
        &*anns,
        &anns.to_uppercase(),
        "",
        "zz",
        "' OR 1=1 -- ",
        &"0".repeat(10_000),
    ] {
        let answer = joe.post("account/sessions", &[("session", name)]).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, "/account"),
            "{name:.70}"
        );
        assert_eq!(
            joe.get("account").await.text(".notice"),
            "There was no such session any more.",
            "{name:.70}"
        );
    }
    assert_eq!(ann.get("aliases").await.status, 200);
    assert!(
        !panel
            .database
            .events("joe.bloggs")
            .await
            .iter()
            .any(|event| event.contains("ended"))
    );
    assert!(!joe.get("account").await.body.contains(&anns));
}

#[tokio::test]
async fn an_owner_sees_their_own_account_and_nothing_of_others() {
    let (panel, joe) = panel().await;
    panel
        .signed_in("ann-of-kent", Role::Owner, &["other.example"])
        .await;
    let page = joe.get("account").await;
    let told = page.text("main");
    assert!(
        told.contains("wonderland.example") && told.contains("joe.bloggs") && told.contains("signed in"),
        "{told}"
    );
    assert!(
        !page.body.contains("other.example") && !page.body.contains("ann-of-kent"),
        "{told}"
    );
}
