//! Signing in and out, and what a session is worth.

use postwarden::access::{self, Role};
use postwarden::store::AccountChange;

use crate::password_hashes::libcrypt_accepts;
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

async fn panel() -> Panel {
    let panel = Panel::on(Database::fresh().await).await;
    panel.account("operator", Role::Operator, &[]).await;
    panel
}

async fn sign_in(browser: &Browser, name: &str, password: &str) -> Answer {
    browser
        .post("login", &[("username", name), ("password", password)])
        .await
}

#[tokio::test]
async fn there_is_no_account_until_somebody_makes_one() {
    for database in [Database::fresh().await, Database::howto().await] {
        assert_eq!(database.count("SELECT COUNT(*) FROM pw_accounts").await, 0);
        let panel = Panel::on(database).await;
        for (name, password) in [
            ("admin", "admin"),
            ("operator", ""),
            ("", ""),
            ("root", "root"),
            ("root@localhost", "apassword"),
        ] {
            assert_eq!(
                sign_in(&panel.browser(), name, password).await.status,
                422,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn wrong_unknown_and_disabled_get_the_same_answer() {
    let panel = panel().await;
    panel.account("gone", Role::Operator, &[]).await;
    panel.change_account("gone", AccountChange::Enabled(false)).await;
    let long = "x".repeat(5000);
    let attempts = [
        ("operator", "wrong"),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("operator", &long),
        ("operator", ""),
    ];
    let mut pages = Vec::new();
    for (name, password) in attempts {
        let answer = sign_in(&panel.browser(), name, password).await;
        assert_eq!(answer.status, 422, "{name}");
        assert_eq!(answer.text("[role=alert]"), "Account or password is wrong.");
        assert_eq!(answer.field("username"), name, "the name is kept");
        assert_eq!(answer.field("password"), "", "the password is not");
        assert_eq!(answer.header("set-cookie"), "");
        pages.push(answer.body.replace(name, "NAME"));
    }
    pages.dedup();
    assert_eq!(pages.len(), 1, "not a letter differs");
}

#[tokio::test]
async fn an_account_name_is_not_case_sensitive_and_a_password_is() {
    let panel = panel().await;
    assert_eq!(
        sign_in(&panel.browser(), " Operator ", PASSWORD).await.status,
        303
    );
    assert_eq!(
        sign_in(&panel.browser(), "operator", &PASSWORD.to_uppercase())
            .await
            .status,
        422
    );
    assert_eq!(
        sign_in(&panel.browser(), "operator", &format!("{PASSWORD} "))
            .await
            .status,
        422
    );
}

#[tokio::test]
async fn without_a_session_a_page_leads_to_the_sign_in_and_back() {
    let panel = panel().await;
    let browser = panel.browser();
    for (path, location) in [
        ("", "/login?next=%2F"),
        ("aliases?q=a%26b", "/login?next=%2Faliases%3Fq%3Da%2526b"),
        ("domains/1/delete", "/login?next=%2Fdomains%2F1%2Fdelete"),
        ("changes", "/login?next=%2Fchanges"),
    ] {
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.location()), (303, location), "{path}");
    }
    let form = browser.get("login?next=%2Faliases%3Fq%3Da%2526b").await;
    let answer = browser
        .submit(&form, &[("username", "operator"), ("password", PASSWORD)])
        .await;
    assert_eq!((answer.status, answer.location()), (303, "/aliases?q=a%26b"));
    assert_eq!(browser.get("aliases?q=a%26b").await.status, 200);
    assert_eq!(
        browser.get("login").await.location(),
        "/",
        "whoever is signed in goes on"
    );
}

#[tokio::test]
async fn without_a_session_a_form_is_repeated_and_nothing_is_saved() {
    let panel = panel().await;
    let fields = [
        ("mail", "info@shop.example"),
        ("destination", "joe@x.example\nann@y.example"),
        ("enabled", "1"),
        ("password", "hunter2hunter2"),
        ("new_password", "hunter3hunter3"),
    ];
    let answer = panel.browser().post("aliases", &fields).await;
    assert_eq!(answer.status, 401);
    let (action, kept) = answer.form();
    assert_eq!(action, "/aliases");
    let kept: Vec<(&str, &str)> = kept.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let again = [&fields[..3], &[("password", "")]].concat();
    assert_eq!(kept, again, "a password is to be typed again");
    assert!(!answer.body.contains("hunter"), "no password");
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    // Signing in in another tab, then sending the page again.
    let browser = panel.browser();
    let answer = browser.post("aliases", &fields).await;
    sign_in(&browser, "operator", PASSWORD).await;
    let answer = browser.submit(&answer, &[("confirm", "1")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 1);
}

#[tokio::test]
async fn signing_in_leads_only_to_the_panel_itself() {
    let panel = panel().await;
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/\t/evil.example",
        "/\t//evil.example",
        "///evil.example",
        "//evil.example%2f..",
        "//user@evil.example",
        "/.//evil.example",
        &format!("/evil?{}", "x".repeat(100_000)),
    ] {
        let fields = [("username", "operator"), ("password", PASSWORD), ("next", next)];
        let answer = panel.browser().post("login", &fields).await;
        assert_eq!((answer.status, answer.location()), (303, "/"), "{next}");
        let page = panel
            .browser()
            .get(&format!(
                "login?next={}",
                &next.replace('\t', "%09")[..next.len().min(60_000)]
            ))
            .await;
        assert!(!page.body.contains("evil"), "{next}");
    }
}

#[tokio::test]
async fn a_planted_session_is_worth_nothing_after_signing_in() {
    let panel = panel().await;
    // One that was made up, one that was real before.
    let real = sign_in(&panel.browser(), "operator", PASSWORD).await.cookie();
    for planted in ["postwarden=AAAAAAAAAAAAAAAAAAAAAA", &real] {
        let request = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client")
            .post(format!("{}login", panel.base))
            .header("cookie", planted)
            .form(&[("username", "operator"), ("password", PASSWORD)]);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 303);
        let given = answer.cookie();
        assert!(given.starts_with("postwarden=") && given != planted, "{given}");
        assert_eq!(panel.get_with("aliases", &given).await.status, 200);
        assert_eq!(panel.get_with("aliases", planted).await.status, 303, "{planted}");
    }
}

#[tokio::test]
async fn nothing_is_stored_for_visitors_who_do_not_sign_in() {
    let panel = panel().await;
    for path in ["", "login", "aliases", "nowhere", "healthz", "readyz"] {
        let answer = panel.browser().get(path).await;
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_sessions").await, 0);
}

#[tokio::test]
async fn a_copy_of_the_database_opens_no_session() {
    let panel = panel().await;
    let cookie = sign_in(&panel.browser(), "operator", PASSWORD).await.cookie();
    let value = cookie.split_once('=').expect("a value").1;
    let dump = panel
        .database
        .rows("SELECT id, HEX(id), data FROM pw_sessions")
        .await;
    assert_eq!(dump.len(), 1);
    let hex = panel
        .database
        .value(&format!(
            "SELECT HEX(FROM_BASE64(CONCAT(REPLACE(REPLACE('{value}', '-', '+'), '_', '/'), '==')))"
        ))
        .await
        .expect("bytes");
    assert_eq!(hex.len(), 32, "128 bits");
    let text = format!("{dump:?}");
    assert!(!text.contains(value) && !text.contains(&hex), "{text}");
    let by_hash = format!("SELECT COUNT(*) FROM pw_sessions WHERE id = UNHEX(SHA2(UNHEX('{hex}'), 256))");
    assert_eq!(panel.database.count(&by_hash).await, 1);
    let hash = "SELECT COUNT(*) FROM pw_accounts WHERE password_hash LIKE '$argon2id$%'";
    assert_eq!(panel.database.count(hash).await, 1);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let panel = panel().await;
    let browser = panel.browser();
    let cookie = sign_in(&browser, "operator", PASSWORD).await.cookie();
    assert_eq!(browser.get("logout").await.status, 200);
    assert_eq!(
        panel.get_with("aliases", &cookie).await.status,
        200,
        "GET signs nobody out"
    );
    let answer = browser.post("logout", &[]).await;
    assert_eq!((answer.status, answer.location()), (303, "/login"));
    assert_eq!(
        panel.get_with("aliases", &cookie).await.status,
        303,
        "the old cookie is useless"
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_sessions").await, 0);
    assert_eq!(
        panel.browser().post("logout", &[]).await.status,
        303,
        "nobody is signed in: the same"
    );
}

#[tokio::test]
async fn disabling_an_account_or_changing_its_password_ends_its_sessions_at_once() {
    let panel = panel().await;
    panel.account("other", Role::Operator, &[]).await;
    let (browser, other) = (panel.browser(), panel.browser());
    sign_in(&other, "other", PASSWORD).await;
    sign_in(&browser, "operator", PASSWORD).await;
    panel
        .change_account("operator", AccountChange::Enabled(false))
        .await;
    assert_eq!(browser.get("aliases").await.status, 303);
    panel
        .change_account("operator", AccountChange::Enabled(true))
        .await;
    assert_eq!(
        browser.get("aliases").await.status,
        303,
        "the session does not come back"
    );
    sign_in(&browser, "operator", PASSWORD).await;
    assert_eq!(browser.get("aliases").await.status, 200);
    let hash = access::hash("another long password".to_owned())
        .await
        .expect("a hash");
    let change = AccountChange::Password {
        hash: &hash,
        must_change: false,
    };
    panel.change_account("operator", change).await;
    assert_eq!(browser.get("aliases").await.status, 303);
    assert_eq!(sign_in(&browser, "operator", PASSWORD).await.status, 422);
    assert_eq!(
        sign_in(&browser, "operator", "another long password")
            .await
            .status,
        303
    );
    assert_eq!(other.get("aliases").await.status, 200, "nobody else is touched");
    // Even where somebody deletes the row by hand.
    panel
        .database
        .script("DELETE FROM pw_accounts WHERE name = 'other'")
        .await;
    assert_eq!(other.get("aliases").await.status, 303);
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_goes_on() {
    let panel = panel().await;
    let browser = panel.browser();
    sign_in(&browser, "operator", PASSWORD).await;
    let left = "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), expires_at) BETWEEN 58 AND 60 FROM pw_sessions";
    assert_eq!(
        panel.database.value(left).await.as_deref(),
        Some("1"),
        "an hour from now"
    );
    panel
        .database
        .script("UPDATE pw_sessions SET expires_at = UTC_TIMESTAMP() + INTERVAL 5 MINUTE")
        .await;
    assert_eq!(browser.get("aliases").await.status, 200);
    assert_eq!(
        panel.database.value(left).await.as_deref(),
        Some("1"),
        "an hour from now again"
    );
    panel
        .database
        .script("UPDATE pw_sessions SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
        .await;
    assert_eq!(browser.get("aliases").await.status, 303);
}

#[tokio::test]
async fn a_session_ends_after_the_absolute_limit_however_busy_it_is() {
    let panel = panel().await;
    let browser = panel.browser();
    sign_in(&browser, "operator", PASSWORD).await;
    panel
        .database
        .script("UPDATE pw_sessions SET created_at = UTC_TIMESTAMP() - INTERVAL 11 HOUR")
        .await;
    assert_eq!(browser.get("aliases").await.status, 200);
    panel
        .database
        .script("UPDATE pw_sessions SET created_at = UTC_TIMESTAMP() - INTERVAL 721 MINUTE")
        .await;
    assert_eq!(browser.get("aliases").await.status, 303);
}

#[tokio::test]
async fn sessions_that_have_run_out_are_deleted() {
    let panel = panel().await;
    let fresh = panel.browser();
    for browser in [&panel.browser(), &fresh] {
        sign_in(browser, "operator", PASSWORD).await;
    }
    panel
        .database
        .script("UPDATE pw_sessions SET expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND LIMIT 1")
        .await;
    let sessions = postwarden::store::Sessions::new(panel.store.clone(), panel.database.config().session);
    sessions.delete_expired().await.expect("deleted");
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_sessions").await, 1);
}

#[tokio::test]
async fn the_cookie_is_as_strict_as_the_public_address_allows() {
    for (public, name, path, secure) in [
        ("", "postwarden", "/", false),
        (
            "http://panel.example/postwarden/",
            "postwarden",
            "/postwarden",
            false,
        ),
        ("https://mail.example.com/", "__Host-postwarden", "/", true),
        (
            "https://mail.example.com/postwarden/",
            "__Secure-postwarden",
            "/postwarden",
            true,
        ),
    ] {
        let panel = Panel::with(Database::fresh().await, |config| {
            public.clone_into(&mut config.public_url);
        })
        .await;
        panel.account("operator", Role::Operator, &[]).await;
        let answer = sign_in(&panel.browser(), "operator", PASSWORD).await;
        assert_eq!(answer.status, 303, "{public}");
        let set = answer.header("set-cookie");
        let parts: Vec<&str> = set.split("; ").collect();
        assert!(parts[0].starts_with(&format!("{name}=")), "{public}: {set}");
        assert!(
            parts.contains(&"HttpOnly") && parts.contains(&"SameSite=Lax"),
            "{public}: {set}"
        );
        assert!(parts.contains(&&*format!("Path={path}")), "{public}: {set}");
        assert_eq!(parts.contains(&"Secure"), secure, "{public}: {set}");
        assert!(!set.contains("Domain="), "{public}: {set}");
        let answer = panel.get_with("aliases", &answer.cookie()).await;
        assert_eq!(answer.status, 200, "{public}: the cookie opens the panel");
        assert_eq!(panel.browser().get("aliases").await.status, 303);
    }
}

#[tokio::test]
async fn the_last_sign_in_is_noted() {
    let panel = panel().await;
    sign_in(&panel.browser(), "operator", "wrong").await;
    let noted = "SELECT COUNT(*) FROM pw_accounts WHERE last_sign_in_at IS NOT NULL";
    assert_eq!(panel.database.count(noted).await, 0);
    sign_in(&panel.browser(), "operator", PASSWORD).await;
    assert_eq!(panel.database.count(noted).await, 1);
}

#[tokio::test]
async fn without_a_session_a_password_is_asked_for_again_and_not_repeated() {
    let panel = panel().await;
    for password in ["hunter2hunter2", "two words & <more>"] {
        let fields = [
            ("id", "joe@shop.example"),
            ("name", "Joe"),
            ("enabled", "1"),
            ("password", password),
        ];
        let browser = panel.browser();
        let answer = browser.post("users", &fields).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.attributes("input[type=password]", "name"), ["password"]);
        assert_eq!(answer.attributes("input[type=password]", "value"), [""; 0]);
        assert_eq!(answer.attributes("label[for=f-password]", "for").len(), 1);
        assert!(
            !answer.body.contains(password) && !answer.body.contains("two words"),
            "{}",
            answer.text("main")
        );
        assert_eq!(
            (answer.field("id"), answer.field("name")),
            ("joe@shop.example".to_owned(), "Joe".to_owned())
        );
        assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 0);
        // Typed again it is the password.
        sign_in(&browser, "operator", PASSWORD).await;
        let saved = browser
            .submit(&answer, &[("password", password), ("confirm", "1")])
            .await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        let hash = panel
            .database
            .value("SELECT crypt FROM users")
            .await
            .expect("a hash");
        assert!(libcrypt_accepts(&hash, password));
        panel.database.script("DELETE FROM users").await;
    }
    // Where none was typed there is no field for one.
    let answer = panel
        .browser()
        .post("users", &[("id", "joe@shop.example"), ("password", "")])
        .await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.attributes("input[type=password]", "name"), [""; 0]);
}

#[tokio::test]
async fn password_managers_know_every_field() {
    let panel = panel().await;
    let browser = panel.browser();
    let fields = |page: &Answer| page.attributes("input[type=password]", "autocomplete");
    assert_eq!(fields(&browser.get("login").await), ["current-password"]);
    sign_in(&browser, "operator", PASSWORD).await;
    let page = browser.get("account/password").await;
    assert_eq!(
        fields(&page),
        ["current-password", "new-password", "new-password"]
    );
    // Whose password it is they read in a field too.
    assert_eq!(
        page.attributes("input[autocomplete=username]", "value"),
        ["operator"]
    );
    let names = page.attributes("input[name*=password]:not([type=password])", "name");
    assert_eq!(names, [""; 0], "all are typed unseen");
}

#[tokio::test]
async fn a_sign_in_under_way_while_the_password_changes_opens_no_session() {
    let panel = Panel::with(Database::fresh().await, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await;
    panel.account("joe", Role::Operator, &[]).await;
    let hash = access::hash("another long password".to_owned())
        .await
        .expect("a hash");
    let mut under_way = tokio::task::JoinSet::new();
    // Passwords are checked two at a time: some of these are looked at before the change and end after it.
    for n in 1..=16 {
        let browser = panel.browser();
        under_way.spawn(async move {
            let form = [("username", "joe"), ("password", PASSWORD)];
            let request = browser.client.post(browser.url("login")).form(&form);
            let answer = Answer::of(request.header("x-forwarded-for", format!("203.0.113.{n}"))).await;
            (browser, answer.status)
        });
    }
    let change = AccountChange::Password {
        hash: &hash,
        must_change: false,
    };
    tokio::time::sleep(std::time::Duration::from_millis(120)).await;
    panel.change_account("joe", change).await;
    let mut let_in = 0;
    while let Some(done) = under_way.join_next().await {
        let (browser, status) = done.expect("an answer");
        let_in += u32::from(status == 303);
        assert_eq!(browser.get("aliases").await.status, 303, "{status}");
    }
    println!("{let_in} of 16 were let in before the change");
}
