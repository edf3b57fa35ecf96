//! The second factor: setting it up, signing in with it, and what a password alone opens: nothing.

use postwarden::access::Role;
use postwarden::store::AccountChange;
use postwarden::web;
use tokio::task::JoinSet;

use crate::support::people::{Factor, early_in_a_step, secret_on};
use crate::support::program::sign_in;
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const NEW: &str = "violet tractor under nine bridges";
const PAGE: &str = "account/second-factor";

async fn panel() -> Panel {
    Panel::on(Database::fresh().await).await
}

/// A panel where Joe has a second factor, and a browser he is signed in with.
async fn with_factor() -> (Panel, Browser, Factor) {
    let panel = panel().await;
    let joe = panel.signed_in("joe", Role::Operator, &[]).await;
    let factor = joe.set_up_second_factor().await;
    panel.database.forget_codes().await;
    (panel, joe, factor)
}

/// A browser that has shown Joe's password.
async fn halfway(panel: &Panel) -> Browser {
    let browser = panel.browser();
    let answer = sign_in(&browser, "joe", PASSWORD).await;
    assert_eq!((answer.status, answer.location()), (303, "/login"));
    browser
}

#[tokio::test]
async fn it_is_set_up_with_forms_alone_and_its_secret_is_not_shown_again() {
    early_in_a_step().await;
    let panel = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &[]).await;
    let other = panel.browser();
    sign_in(&other, "joe", PASSWORD).await;
    let start = joe.get(PAGE).await;
    assert!(!start.body.contains("<svg"));
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM pw_second_factors")
            .await,
        0,
        "looking begins nothing"
    );
    assert_eq!(joe.submit(&start, &[]).await.location(), "/account/second-factor");
    let offer = joe.get(PAGE).await;
    assert!(offer.body.contains("<svg"), "a picture to scan");
    let app = Factor {
        secret: secret_on(&offer),
        recovery: Vec::new(),
    };
    let wrong = app.wrong_code();
    for (code, password, told) in [
        (&*wrong, PASSWORD, "not the code"),
        ("", PASSWORD, "not the code"),
        (&*app.code(), "wrong", "password or code is wrong"),
        (&*app.code(), "", "Type your own password"),
        (&*app.code_in(10), PASSWORD, "not the code"),
    ] {
        let answer = joe
            .submit(&offer, &[("code", code), ("own_password", password)])
            .await;
        assert_eq!(answer.status, 422, "{code} {password}");
        assert!(
            answer.text(".summary").contains(told),
            "{}",
            answer.text(".summary")
        );
        assert_eq!(
            answer.text("#secret-key"),
            offer.text("#secret-key"),
            "the app has it already"
        );
        assert!(!answer.body.contains(PASSWORD));
    }
    assert_eq!(
        other.get("aliases").await.status,
        200,
        "nothing has happened so far"
    );
    let before = joe.get("account").await;
    assert_eq!(before.text(".settings .status.on"), "");
    let typed = format!(" {} ", app.code());
    let done = joe
        .submit(&offer, &[("code", &typed), ("own_password", PASSWORD)])
        .await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    let after = joe.get(PAGE).await;
    assert_eq!(
        after.text(".secret output").split(' ').count(),
        10,
        "recovery codes"
    );
    for page in [
        after,
        joe.get(PAGE).await,
        joe.post(PAGE, &[]).await,
        joe.get(PAGE).await,
        joe.get("account").await,
    ] {
        assert!(
            !page.body.contains("<svg")
                && !page.body.contains("secret-key")
                && !page.body.contains("otpauth")
        );
        assert!(
            !page
                .body
                .replace(' ', "")
                .contains(&offer.text("#secret-key").replace(' ', ""))
        );
    }
    assert!(
        joe.get(PAGE).await.text(".secret output").is_empty(),
        "codes are shown once"
    );
    assert_eq!(
        other.get("aliases").await.status,
        303,
        "a session that never showed a code"
    );
    assert_eq!(joe.get("aliases").await.status, 200);
    let events = panel.database.events("joe").await;
    assert_eq!(
        events.last().map(String::as_str),
        Some("joe: second factor set up")
    );
}

#[tokio::test]
async fn the_database_holds_no_recovery_code_and_the_record_no_secret() {
    let (panel, _, factor) = with_factor().await;
    let mut dump = Vec::new();
    for table in [
        "pw_recovery_codes",
        "pw_sessions",
        "pw_account_events",
        "pw_accounts",
    ] {
        dump.push(panel.database.rows(&format!("SELECT * FROM {table}")).await);
    }
    let dump = format!("{dump:?}");
    for code in &factor.recovery {
        assert!(!dump.contains(code.as_str()) && !dump.contains(&code.replace('-', "")));
    }
    let salted = "SELECT COUNT(DISTINCT code) FROM pw_recovery_codes WHERE LENGTH(code) = 32";
    assert_eq!(panel.database.count(salted).await, 10);
}

/// Addresses of every page, with something for what stands in braces.
fn every_route() -> impl Iterator<Item = (bool, String)> {
    web::routes().into_iter().map(|(method, route)| {
        let path = route
            .replace("{key}", "1")
            .replace("{name}", "joe")
            .replace("{domain}", "mine.example");
        (method == "GET", path)
    })
}

/// Pages for anybody.
fn is_open(path: &str) -> bool {
    path.starts_with("/static") || ["/healthz", "/readyz", "/login", "/logout", "/invitation"].contains(&path)
}

async fn answer(browser: &Browser, get: bool, path: &str) -> Answer {
    if get {
        browser.get(path).await
    } else {
        browser.post(path, &[("value", "0"), ("confirm", "1")]).await
    }
}

#[tokio::test]
async fn a_session_that_has_shown_the_password_alone_opens_nothing() {
    let (panel, _, factor) = with_factor().await;
    let (half, nobody) = (halfway(&panel).await, panel.browser());
    let mut seen = 0;
    for (get, path) in every_route().filter(|(_, path)| !is_open(path)) {
        let (ours, theirs) = (answer(&half, get, &path).await, answer(&nobody, get, &path).await);
        let status = if get { 303 } else { 401 };
        assert_eq!(
            (ours.status, ours.location()),
            (status, theirs.location()),
            "{path}"
        );
        assert_eq!(ours.body, theirs.body, "{path}");
        assert!(
            get && ours.location().starts_with("/login") || !get && !ours.body.contains("joe@"),
            "{path}"
        );
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
    // The form for the code says nothing but the name; the password does not help again.
    let form = half.get("login?next=%2Faliases").await;
    assert!(
        form.text("form").contains("Second factor of joe"),
        "{}",
        form.text("form")
    );
    assert_eq!(half.get("account").await.status, 303);
    assert_eq!(
        panel
            .database
            .count("SELECT COUNT(*) FROM pw_accounts WHERE enabled = 1")
            .await,
        1
    );
    let signed_in = half.enter_code(&factor.code()).await;
    assert_eq!((signed_in.status, signed_in.location()), (303, "/"));
    assert_eq!(half.get("aliases").await.status, 200);
}

#[tokio::test]
async fn after_the_code_a_person_goes_where_they_wanted_to_with_a_new_session() {
    let (panel, _, factor) = with_factor().await;
    let browser = panel.browser();
    let fields = [
        ("username", " JOE "),
        ("password", PASSWORD),
        ("next", "/aliases?q=a"),
    ];
    let first = browser.post("login", &fields).await;
    let (half, _) = first.header("set-cookie").split_once(';').expect("a cookie");
    let half = half.to_owned();
    let wrong = browser.enter_code(&factor.wrong_code()).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text("[role=alert]").contains("This code is wrong"));
    assert_eq!(wrong.field("code"), "");
    let done = browser.enter_code(&factor.code()).await;
    assert_eq!((done.status, done.location()), (303, "/aliases?q=a"));
    assert!(!done.header("set-cookie").starts_with(&half), "a new id");
    let old = panel.browser();
    let planted = old.client.get(old.url("aliases")).header("cookie", &half);
    assert_eq!(
        Answer::of(planted).await.status,
        303,
        "the old one is worth nothing"
    );
    let planted = old
        .client
        .post(old.url("login"))
        .header("cookie", &half)
        .form(&[("code", &factor.recovery[0])]);
    assert_eq!(Answer::of(planted).await.status, 422, "nor for a second code");
    let events = panel.database.events("joe").await;
    assert_eq!(
        events.last().map(String::as_str),
        Some("joe: signed in with second factor")
    );
}

#[tokio::test]
async fn a_code_is_taken_once_by_whichever_panel_and_however_many_come_at_once() {
    early_in_a_step().await;
    let (panel, _, factor) = with_factor().await;
    let second = Panel::on(panel.database.clone()).await;
    let mut tries = JoinSet::new();
    let code = factor.code();
    let mut browsers = Vec::new();
    for n in 0..20 {
        let panel = if n % 2 == 0 { &panel } else { &second };
        browsers.push(halfway(panel).await);
    }
    for browser in browsers {
        let code = code.clone();
        tries.spawn(async move { browser.enter_code(&code).await.status });
    }
    let statuses = tries.join_all().await;
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    // Of those at once five are looked at, and some more once the right one has cleared the count.
    assert_eq!((count(303), count(422) + count(429)), (1, 19), "{statuses:?}");
    assert!(count(422) >= 4, "{statuses:?}");
    panel.database.forget_guesses().await;
    for panel in [&panel, &second] {
        let browser = halfway(panel).await;
        assert_eq!(browser.enter_code(&code).await.status, 422, "used before");
    }
}

#[tokio::test]
async fn the_code_before_and_the_one_after_are_taken_too_but_none_from_before_one_that_was_used() {
    early_in_a_step().await;
    let (panel, _, factor) = with_factor().await;
    for (steps, taken) in [
        (-2, 422),
        (2, 422),
        (-1, 303),
        (-1, 422),
        (0, 303),
        (-1, 422),
        (1, 303),
        (0, 422),
        (1, 422),
    ] {
        panel.database.forget_guesses().await;
        let browser = halfway(&panel).await;
        assert_eq!(
            browser.enter_code(&factor.code_in(steps)).await.status,
            taken,
            "{steps}"
        );
    }
}

#[tokio::test]
async fn a_recovery_code_is_taken_once_in_any_spelling_and_the_rest_are_told() {
    let (panel, _, factor) = with_factor().await;
    let spellings = [
        factor.recovery[0].clone(),
        factor.recovery[1].to_uppercase(),
        factor.recovery[2].replace('-', ""),
        format!("  {} ", factor.recovery[3].replace('-', " - ")),
    ];
    for (used, typed) in spellings.iter().enumerate() {
        panel.database.forget_guesses().await;
        let browser = halfway(&panel).await;
        let answer = browser.enter_code(typed).await;
        assert_eq!(answer.status, 303, "{typed}: {}", answer.text("main"));
        let told = browser.get("").await.text(".notice.warn");
        assert!(told.contains(&format!("{} codes are left", 9 - used)), "{told}");
        assert!(
            browser
                .get(PAGE)
                .await
                .text(".facts")
                .contains(&format!("{} of 10", 9 - used))
        );
        for again in [typed, &factor.recovery[used]] {
            assert_eq!(
                halfway(&panel).await.enter_code(again).await.status,
                422,
                "{again}"
            );
        }
    }
    panel
        .database
        .script("DELETE FROM pw_recovery_codes WHERE code <> (SELECT MIN(c.code) FROM pw_recovery_codes c)")
        .await;
    panel.database.forget_guesses().await;
    let mut tries = JoinSet::new();
    let mut opened = 0;
    for code in &factor.recovery[4..] {
        let browser = halfway(&panel).await;
        panel.database.forget_guesses().await;
        let answer = browser.enter_code(code).await;
        if answer.status == 303 {
            opened += 1;
            assert!(
                browser
                    .get("")
                    .await
                    .text(".notice.warn")
                    .contains("0 codes are left")
            );
        }
        // Once more.
        let code = code.clone();
        tries.spawn(async move { browser.enter_code(&code).await.status });
    }
    assert_eq!(opened, 1);
    assert!(tries.join_all().await.iter().all(|status| *status != 303));
    let events = panel.database.events("joe").await;
    assert_eq!(
        events
            .iter()
            .filter(|event| event.ends_with("signed in with a recovery code"))
            .count(),
        5
    );
}

#[tokio::test]
async fn of_two_who_use_one_recovery_code_at_once_one_gets_in() {
    let (panel, _, factor) = with_factor().await;
    let (a, b) = (halfway(&panel).await, halfway(&panel).await);
    let (a, b) = tokio::join!(
        a.enter_code(&factor.recovery[0]),
        b.enter_code(&factor.recovery[0])
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
}

#[tokio::test]
async fn codes_are_guessed_five_times_and_then_the_right_one_has_to_wait_too() {
    let (panel, joe, factor) = with_factor().await;
    // Setting it up was the sign-in that made this place known: it has a count of its own.
    let browser = halfway(&panel).await;
    for _ in 0..5 {
        assert_eq!(browser.enter_code(&factor.wrong_code()).await.status, 422);
    }
    for code in [factor.wrong_code(), factor.code(), factor.recovery[0].clone()] {
        let answer = browser.enter_code(&code).await;
        assert_eq!(answer.status, 429);
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((50..=60).contains(&seconds), "{seconds}");
        assert!(answer.text("[role=alert]").contains("Too many attempts. Wait "));
        assert!(
            answer.text("form").contains("Second factor of joe"),
            "the form again"
        );
    }
    // Nor from a session that begins anew, nor for who is signed in.
    assert_eq!(halfway(&panel).await.enter_code(&factor.code()).await.status, 429);
    let renewed = joe
        .post(
            "account/second-factor/delete",
            &[("own_password", PASSWORD), ("own_code", &factor.code())],
        )
        .await;
    assert_eq!(renewed.status, 403);
    assert!(
        renewed.text("main").contains("Too many attempts"),
        "{}",
        renewed.text("main")
    );
    let pass = "UPDATE pw_throttle SET gone_at = gone_at - INTERVAL 60 SECOND";
    panel.database.script(pass).await;
    assert_eq!(browser.enter_code(&factor.code()).await.status, 303);
}

#[tokio::test]
async fn whatever_happens_to_the_account_ends_the_half_sign_in() {
    let (panel, _, factor) = with_factor().await;
    let hash = postwarden::access::hash(NEW.to_owned()).await.expect("a hash");
    let password = AccountChange::Password {
        hash: &hash,
        must_change: false,
    };
    for (n, change) in [
        AccountChange::Enabled(false),
        password,
        AccountChange::Role(Role::Owner),
    ]
    .into_iter()
    .enumerate()
    {
        panel.database.forget_guesses().await;
        panel.database.forget_codes().await;
        let browser = halfway(&panel).await;
        panel.change_account("joe", change).await;
        let answer = browser.enter_code(&factor.code()).await;
        assert!(matches!(answer.status, 401 | 422), "{n}: {}", answer.status);
        assert_eq!(browser.get("aliases").await.status, 303, "{n}");
        panel.change_account("joe", AccountChange::Enabled(true)).await;
        assert_eq!(browser.get("aliases").await.status, 303, "{n}");
        let again = browser.enter_code(&factor.code()).await;
        assert_eq!(again.status, 422, "{n}");
        assert!(
            again.text("[role=alert]").contains("begin with the password"),
            "{n}"
        );
        let hash = postwarden::access::hash(PASSWORD.to_owned())
            .await
            .expect("a hash");
        panel
            .change_account(
                "joe",
                AccountChange::Password {
                    hash: &hash,
                    must_change: false,
                },
            )
            .await;
    }
    // Its time is over, and the patience.
    panel.database.forget_guesses().await;
    panel.database.forget_codes().await;
    let browser = halfway(&panel).await;
    panel
        .database
        .script("UPDATE pw_terms SET expires_at = UTC_TIMESTAMP()")
        .await;
    assert_eq!(browser.enter_code(&factor.code()).await.status, 401);
    assert_eq!(browser.get("aliases").await.status, 303);
    panel
        .database
        .script("UPDATE pw_terms SET expires_at = NULL")
        .await;
    panel.database.forget_codes().await;
    let browser = halfway(&panel).await;
    panel
        .database
        .script("UPDATE pw_sessions SET data = JSON_SET(data, '$.halfway.at', JSON_VALUE(data, '$.halfway.at') - 601)")
        .await;
    assert_eq!(
        browser.enter_code(&factor.code()).await.status,
        422,
        "after ten minutes"
    );
    assert!(browser.get("login").await.body.contains("name=\"password\""));
}

#[tokio::test]
async fn where_operators_must_have_one_they_can_do_nothing_before() {
    let database = Database::fresh().await;
    let panel = Panel::with(database, |config| {
        config.accounts.second_factor = vec![Role::Operator];
    })
    .await;
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('a@mine.example', 'x@y.example')")
        .await;
    panel.account("owner", Role::Owner, &["mine.example"]).await;
    let joe = panel.signed_in("joe", Role::Operator, &[]).await;
    let dumps = || async {
        let mut dump = Vec::new();
        for table in [
            "aliases",
            "domains",
            "pw_accounts",
            "pw_grants",
            "pw_changes",
            "pw_second_factors",
        ] {
            dump.push(panel.database.rows(&format!("SELECT * FROM {table}")).await);
        }
        dump
    };
    let before = dumps().await;
    let mut seen = 0;
    for (get, path) in every_route()
        .filter(|(_, path)| !is_open(path) && !path.starts_with("/account/") && path != "/account")
    {
        let path = path.replace("joe", "owner");
        let answer = answer(&joe, get, &path).await;
        if get {
            assert_eq!(
                (answer.status, answer.location()),
                (303, "/account/second-factor"),
                "{path}"
            );
        } else {
            assert_eq!(answer.status, 403, "{path}");
            assert!(
                answer.text("main").contains("second factor before anything else"),
                "{path}"
            );
        }
        seen += 1;
    }
    assert!(seen > 100, "{seen}");
    for path in ["account/second-factor/codes", "account/second-factor/delete"] {
        assert_eq!(
            joe.post(path, &[("own_password", PASSWORD)]).await.status,
            403,
            "{path}"
        );
    }
    assert_eq!(dumps().await, before);
    assert!(
        joe.get(PAGE)
            .await
            .text(".notice.warn")
            .contains("Accounts of your role")
    );
    joe.set_up_second_factor().await;
    assert_eq!(joe.get("aliases").await.status, 200);
    let owner = panel.browser();
    sign_in(&owner, "owner", PASSWORD).await;
    assert_eq!(owner.get("aliases").await.status, 200, "owners need none");
}

#[tokio::test]
async fn one_takes_it_off_with_password_and_code_and_every_other_session_ends() {
    let (panel, joe, factor) = with_factor().await;
    let other = halfway(&panel).await;
    other.enter_code(&factor.code()).await;
    assert_eq!(other.get("aliases").await.status, 200);
    panel.database.forget_codes().await;
    let (right, wrong) = (factor.code(), factor.wrong_code());
    for (fields, told) in [
        (vec![], "Type your own password"),
        (vec![("own_password", PASSWORD)], "wrong"),
        (vec![("own_password", PASSWORD), ("own_code", &wrong)], "wrong"),
        (vec![("own_password", "wrong"), ("own_code", &right)], "wrong"),
    ] {
        let answer = joe.post("account/second-factor/delete", &fields).await;
        assert_eq!(answer.status, 403, "{fields:?}");
        assert!(
            answer.text("main").contains(told),
            "{fields:?}: {}",
            answer.text("main")
        );
        assert_eq!(
            answer.attributes("form input", "name").len(),
            3,
            "search, password, code"
        );
    }
    let page = joe.post("account/second-factor/delete", &[]).await;
    let done = joe
        .submit(&page, &[("own_password", PASSWORD), ("own_code", &right)])
        .await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/account"),
        "{}",
        done.text("main")
    );
    assert_eq!(other.get("aliases").await.status, 303);
    assert_eq!(joe.get("aliases").await.status, 200);
    let fresh = panel.browser();
    assert_eq!(sign_in(&fresh, "joe", PASSWORD).await.location(), "/");
    for table in ["pw_second_factors", "pw_recovery_codes"] {
        assert_eq!(
            panel
                .database
                .count(&format!("SELECT COUNT(*) FROM {table}"))
                .await,
            0
        );
    }
    let again = fresh.set_up_second_factor().await;
    assert_ne!(again.secret.bytes(), factor.secret.bytes(), "another secret");
}

#[tokio::test]
async fn new_recovery_codes_make_the_old_ones_worthless() {
    let (panel, joe, factor) = with_factor().await;
    let asked = joe.post("account/second-factor/codes", &[]).await;
    assert_eq!(asked.status, 403, "also of who has just signed in");
    let own = [("own_password", PASSWORD), ("own_code", &*factor.code())];
    let answer = joe.submit(&asked, &own).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let shown = joe.get(PAGE).await.text(".secret output");
    let new: Vec<&str> = shown.split(' ').collect();
    assert_eq!(new.len(), 10);
    assert!(!new.contains(&&*factor.recovery[0]));
    assert_eq!(
        halfway(&panel).await.enter_code(&factor.recovery[0]).await.status,
        422
    );
    assert_eq!(halfway(&panel).await.enter_code(new[9]).await.status, 303);
    let nobody = panel.signed_in("ann", Role::Owner, &[]).await;
    assert_eq!(
        nobody.post("account/second-factor/codes", &[]).await.status,
        404,
        "who has none"
    );
}

#[tokio::test]
async fn an_operator_takes_it_from_somebody_who_lost_it() {
    let (panel, joe, _) = with_factor().await;
    let operator = panel.operator().await;
    assert!(
        operator
            .get("accounts/joe")
            .await
            .body
            .contains("accounts/joe/second-factor/delete")
    );
    let asked = operator.post("accounts/joe/second-factor/delete", &[]).await;
    assert_eq!(asked.status, 403, "however fresh the sign-in is");
    let done = operator.submit(&asked, &[("own_password", PASSWORD)]).await;
    assert_eq!((done.status, done.location()), (303, "/accounts/joe"));
    assert_eq!(joe.get("aliases").await.status, 303, "sessions end");
    assert_eq!(sign_in(&joe, "joe", PASSWORD).await.location(), "/");
    let events = panel.database.events("joe").await;
    assert!(
        events.contains(&"operator: second factor removed".to_owned()),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_secret_is_begun_and_shown_to_whoever_has_just_proved_who_they_are() {
    let panel = panel().await;
    let joe = panel.signed_in("joe", Role::Operator, &[]).await;
    assert_eq!(joe.post(PAGE, &[]).await.status, 303);
    assert!(joe.get(PAGE).await.body.contains("<svg"));
    panel.database.age_proofs(10).await;
    let page = joe.get(PAGE).await;
    assert!(
        !page.body.contains("<svg") && page.text("main").contains("Set it up"),
        "{}",
        page.text("main")
    );
    let asked = joe.post(PAGE, &[]).await;
    assert_eq!(asked.status, 403);
    assert_eq!(
        joe.submit(&asked, &[("own_password", PASSWORD)]).await.status,
        303
    );
    assert!(joe.get(PAGE).await.body.contains("<svg"));
}
