//! Passkeys, with Chromium's virtual authenticator.

use postwarden::access::{Origin, Role};
use serde_json::json;

use crate::support::{Database, PASSWORD, Panel};
use crate::window::Window;

/// A panel that browsers know as localhost, with an operator who has an app.
async fn panel() -> Panel {
    let mut panel = Panel::with(Database::fresh().await, |config| {
        config.public_url = format!("http://localhost:{}/", config.listen.port());
    })
    .await;
    panel.base = format!("http://localhost:{}/", panel.address.port());
    panel.account("operator", Role::Operator, &[]).await;
    let id = account(&panel).await;
    panel.store.begin_second_factor(id).await.expect("begun");
    let code = code(&panel).await;
    let person = panel.store.person(id, Origin::Web(None)).await;
    let actor = person.expect("an answer").expect("a person").actor;
    let confirmed = panel.store.confirm_second_factor(id, &actor, &code, "").await;
    assert!(confirmed.expect("an answer").is_some());
    panel
}

async fn account(panel: &Panel) -> u32 {
    let id = panel.database.count("SELECT id FROM pw_accounts").await;
    u32::try_from(id).expect("a number")
}

/// A code that was not used yet.
async fn code(panel: &Panel) -> String {
    panel
        .database
        .script("UPDATE pw_second_factors SET last_step = 0")
        .await;
    let factor = panel.store.second_factor(account(panel).await).await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let now = u64::try_from(now).expect("after 1970");
    let secret = factor.expect("an answer").expect("an app").secret;
    secret.code_at(now).expect("a code")
}

/// Types the password, and is asked for the second factor.
async fn go_halfway(window: &Window) {
    window.visit("login").await;
    window.fill("username", "operator").await;
    window.fill("password", PASSWORD).await;
    window.press("Sign in").await;
    assert!(window.text("main").await.contains("Second factor of operator"));
}

/// Types password and code into a form that asks for them.
async fn prove(panel: &Panel, window: &Window) {
    window.fill("own_password", PASSWORD).await;
    window.fill("own_code", &code(panel).await).await;
}

#[tokio::test]
async fn a_passkey_is_added_signs_in_and_is_removed() {
    let panel = panel().await;
    let window = Window::open(&panel).await;
    window.devtools("WebAuthn.enable", json!({})).await;
    let authenticator = json!({"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    }});
    window
        .devtools("WebAuthn.addVirtualAuthenticator", authenticator)
        .await;
    go_halfway(&window).await;
    assert!(!window.has("[data-passkey]").await);
    window.fill("code", &code(&panel).await).await;
    window.press("Go on").await;

    window.visit("account/second-factor").await;
    window.fill("name", "Blue key").await;
    prove(&panel, &window).await;
    window.press("Add a passkey").await;
    assert_eq!(
        window.text("tbody th").await,
        "Blue key",
        "{}",
        window.text("main").await
    );

    // The authenticator knows that it has one already.
    window.fill("name", "Again").await;
    prove(&panel, &window).await;
    window.use_here("Add a passkey").await;
    window
        .comes_to(
            "[data-passkey] [role=alert]",
            "This authenticator has a passkey for your account already.",
        )
        .await;

    window.visit("logout").await;
    window.press("Sign out").await;
    go_halfway(&window).await;
    window.press("Use a passkey").await;
    assert_eq!(window.path().await, "/", "{}", window.text("main").await);
    window.visit("account").await;
    assert!(window.text("main").await.contains("signed in with a passkey"));

    window.visit("account/second-factor").await;
    window.press("Remove Blue key").await;
    prove(&panel, &window).await;
    window.press("Go on").await;
    assert!(!window.has("tbody").await, "{}", window.text("main").await);
    window.close().await;
}

#[tokio::test]
async fn without_scripts_the_code_is_asked_for_as_ever() {
    let panel = panel().await;
    panel
        .database
        .script(
            "INSERT INTO pw_passkeys (account_id, credential, public_key, counter, last_challenge, name, created_at) \
             SELECT account_id, 'key', 'none', 0, REPEAT('-', 32), 'Blue key', UTC_TIMESTAMP() FROM pw_second_factors",
        )
        .await;
    let window = Window::without_scripts(&panel).await;
    go_halfway(&window).await;
    assert!(window.has("[data-passkey]").await);
    assert!(!window.text("main").await.contains("Use a passkey"));
    window.fill("code", &code(&panel).await).await;
    window.press("Go on").await;
    assert_eq!(window.path().await, "/");
    window.visit("account/second-factor").await;
    assert_eq!(window.text("tbody th").await, "Blue key");
    window.close().await;
}
