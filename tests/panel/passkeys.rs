//! Passkeys, with an authenticator made of a key and no scruples.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use postwarden::access::passkey::{Challenge, RelyingParty, to_text};
use postwarden::access::{Origin, Role};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

/// How the public key of a P-256 pair begins (`SubjectPublicKeyInfo`).
const P256: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// An authenticator with one passkey, and the browser before it. What it answers can be changed at will.
#[derive(Clone)]
struct Authenticator {
    pair: Arc<EcdsaKeyPair>,
    credential: Vec<u8>,
    counter: u32,
    origin: String,
    party: String,
    flags: u8,
    kind: Option<&'static str>,
    cross_origin: bool,
}

impl Authenticator {
    fn of(panel: &Panel) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let secret = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self {
            pair: Arc::new(EcdsaKeyPair::from_pkcs8(algorithm, secret.as_ref(), &random).expect("a key")),
            credential: rand::random::<[u8; 20]>().to_vec(),
            counter: 0,
            origin: format!("http://localhost:{}", panel.address.port()),
            party: "localhost".to_owned(),
            flags: 0x05,
            kind: None,
            cross_origin: false,
        }
    }

    /// The browser's part of an answer; the challenge is base64 as pages have it.
    fn client(&self, kind: &str, challenge: &str) -> String {
        let challenge = STANDARD.decode(challenge).expect("a challenge");
        json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": URL_SAFE_NO_PAD.encode(challenge),
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        })
        .to_string()
    }

    fn data(&self, more_flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(&self.party).to_vec();
        data.push(self.flags | more_flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// What it answers when a passkey is to be made.
    fn make(&self, challenge: &str) -> String {
        let length = u16::try_from(self.credential.len()).expect("short");
        let described = [&[0; 16], &length.to_be_bytes()[..], &self.credential].concat();
        json!({
            "client": to_text(self.client("webauthn.create", challenge).as_bytes()),
            "data": to_text(&[self.data(0x40), described].concat()),
            "key": to_text(&[P256, self.pair.public_key().as_ref()].concat()),
        })
        .to_string()
    }

    /// What it answers when somebody signs in.
    fn sign(&self, challenge: &str) -> String {
        let (client, data) = (self.client("webauthn.get", challenge), self.data(0));
        let message = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &message);
        json!({
            "credential": to_text(&self.credential),
            "client": to_text(client.as_bytes()),
            "data": to_text(&data),
            "signature": to_text(signature.expect("a signature").as_ref()),
        })
        .to_string()
    }
}

/// A panel that browsers know as localhost.
async fn panel() -> Panel {
    Panel::with(Database::fresh().await, |config| {
        config.public_url = format!("http://localhost:{}/", config.listen.port());
    })
    .await
}

/// The number of an account.
async fn number(panel: &Panel, name: &str) -> u32 {
    let id = panel
        .database
        .count(&format!("SELECT id FROM pw_accounts WHERE name = '{name}'"))
        .await;
    u32::try_from(id).expect("a number")
}

/// A code the app of an account shows, which was not used yet.
async fn code(panel: &Panel, id: u32) -> String {
    panel
        .database
        .script("UPDATE pw_second_factors SET last_step = 0")
        .await;
    let factor = panel.store.second_factor(id).await.expect("an answer");
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let now = u64::try_from(now).expect("after 1970");
    factor.expect("an app").secret.code_at(now).expect("a code")
}

/// An account with an app; its number.
async fn with_app(panel: &Panel, name: &str) -> u32 {
    panel.account(name, Role::Operator, &[]).await;
    let id = number(panel, name).await;
    panel.store.begin_second_factor(id).await.expect("begun");
    let code = code(panel, id).await;
    let person = panel.store.person(id, Origin::Web(None)).await;
    let actor = person.expect("an answer").expect("a person").actor;
    let confirmed = panel.store.confirm_second_factor(id, &actor, &code, "").await;
    assert!(confirmed.expect("an answer").is_some());
    id
}

/// A browser in which the password of an account was right, and the page that asks for more.
async fn halfway(panel: &Panel, name: &str) -> (Browser, Answer) {
    let browser = panel.browser();
    let fields = [("username", name), ("password", PASSWORD)];
    assert_eq!(browser.post("login", &fields).await.status, 303);
    let page = browser.get("login").await;
    assert_eq!(page.texts("label"), ["Code"]);
    (browser, page)
}

/// A browser signed in with a code.
async fn signed_in(panel: &Panel, name: &str, id: u32) -> Browser {
    let (browser, _) = halfway(panel, name).await;
    let code = code(panel, id).await;
    let answer = browser.post("login", &[("code", code.as_str())]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// The challenge on a page.
fn challenge(page: &Answer) -> String {
    let found = page.attributes("form[data-passkey]", "data-challenge");
    found.into_iter().next().expect("a page that asks for a passkey")
}

async fn try_add(panel: &Panel, browser: &Browser, id: u32, answer: &str) -> Answer {
    let code = code(panel, id).await;
    browser
        .post(
            "account/passkeys",
            &[
                ("name", "Blue key"),
                ("passkey", answer),
                ("own_password", PASSWORD),
                ("own_code", &code),
            ],
        )
        .await
}

/// Adds a passkey to an account.
async fn add(panel: &Panel, browser: &Browser, id: u32) -> Authenticator {
    let key = Authenticator::of(panel);
    let page = browser.get("account/second-factor").await;
    let answer = try_add(panel, browser, id, &key.make(&challenge(&page))).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    key
}

async fn passkeys(panel: &Panel) -> u64 {
    panel.database.count("SELECT COUNT(*) FROM pw_passkeys").await
}

/// The panel as its authenticators know it.
fn party(panel: &Panel) -> RelyingParty {
    let public = format!("http://localhost:{}/", panel.address.port());
    RelyingParty::of(&url::Url::parse(&public).expect("an address")).expect("localhost")
}

#[tokio::test]
async fn a_passkey_takes_the_place_of_the_code() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let browser = signed_in(&panel, "joe", id).await;
    let (_, page) = halfway(&panel, "joe").await;
    assert!(page.attributes("form[data-passkey]", "action").is_empty());

    let key = add(&panel, &browser, id).await;
    let page = browser.get("account/second-factor").await;
    assert_eq!(page.texts("tbody th"), ["Blue key"]);
    assert_eq!(page.texts("tbody td")[1], "never");
    let known = page.attributes("form[data-passkey]", "data-credentials");
    assert_eq!(known, [to_text(&key.credential)], "no authenticator makes two");

    let (browser, page) = halfway(&panel, "joe").await;
    let answer = key.sign(&challenge(&page));
    let arrived = browser.post("login", &[("passkey", answer.as_str())]).await;
    assert_eq!(
        (arrived.status, arrived.location()),
        (303, "/"),
        "{}",
        arrived.body
    );
    let account = browser.get("account").await;
    assert!(
        account.text("main").contains("signed in with a passkey"),
        "{}",
        account.text("main")
    );
    let page = browser.get("account/second-factor").await;
    assert_ne!(page.texts("tbody td")[1], "never");
}

#[tokio::test]
async fn what_was_signed_once_signs_nobody_in_again() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let key = add(&panel, &signed_in(&panel, "joe", id).await, id).await;
    let (browser, page) = halfway(&panel, "joe").await;
    let answer = key.sign(&challenge(&page));
    // The same form twice.
    assert_eq!(
        browser
            .post("login", &[("passkey", answer.as_str())])
            .await
            .status,
        303
    );
    let again = browser.post("login", &[("passkey", answer.as_str())]).await;
    assert_eq!(again.status, 422);
    // In the next session, where another challenge waits.
    let (browser, _) = halfway(&panel, "joe").await;
    let again = browser.post("login", &[("passkey", answer.as_str())]).await;
    assert_eq!(again.status, 422);
    assert!(again.text("[role=alert]").contains("passkey was not taken"));
    // A challenge that was answered wrongly is used up, too.
    let (browser, page) = halfway(&panel, "joe").await;
    let good = key.sign(&challenge(&page));
    assert_eq!(browser.post("login", &[("passkey", "{}")]).await.status, 422);
    assert_eq!(
        browser.post("login", &[("passkey", good.as_str())]).await.status,
        422
    );
    assert_eq!(browser.get("aliases").await.status, 303, "nobody is signed in");
}

#[tokio::test]
async fn of_two_answers_to_one_challenge_at_once_one_counts() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let key = add(&panel, &signed_in(&panel, "joe", id).await, id).await;
    let (party, challenge) = (party(&panel), Challenge::generate());
    // A counter of 0 for ever, as passkeys have that are copied between devices.
    let answer = key.sign(&to_text(challenge.bytes()));
    let check = || panel.store.check_passkey(id, &party, &challenge, &answer);
    let (one, other) = tokio::join!(check(), check());
    assert!(one.expect("an answer") != other.expect("an answer"));
}

#[tokio::test]
async fn a_counter_has_to_go_on() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let mut key = add(&panel, &signed_in(&panel, "joe", id).await, id).await;
    let party = party(&panel);
    for (counter, taken) in [
        (0, true),
        (7, true),
        (7, false),
        (6, false),
        (0, false),
        (8, true),
    ] {
        key.counter = counter;
        let challenge = Challenge::generate();
        let answer = key.sign(&to_text(challenge.bytes()));
        let checked = panel.store.check_passkey(id, &party, &challenge, &answer).await;
        assert_eq!(checked.expect("an answer"), taken, "{counter}");
    }
}

#[tokio::test]
async fn an_answer_that_lies_is_refused() {
    type Lie = fn(&mut Authenticator);
    let lies: [(&str, Lie); 6] = [
        ("another site", |key| {
            key.origin = "http://localhost.example".to_owned();
        }),
        ("another party", |key| key.party = "example.com".to_owned()),
        ("another question", |key| key.kind = Some("webauthn.other")),
        ("in a frame of another site", |key| key.cross_origin = true),
        ("nobody there", |key| key.flags = 0x04),
        ("another name", |key| key.credential[0] ^= 1),
    ];
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let browser = signed_in(&panel, "joe", id).await;
    let added = add(&panel, &browser, id).await;
    let party = party(&panel);
    let mut believed = Vec::new();
    for (what, lie) in lies {
        let (mut key, challenge) = (added.clone(), Challenge::generate());
        let text = to_text(challenge.bytes());
        lie(&mut key);
        let answer = key.sign(&text);
        let checked = panel.store.check_passkey(id, &party, &challenge, &answer).await;
        let made = party.admit(&challenge, &key.make(&text)).is_ok();
        if checked.expect("an answer") || (made && what != "another name") {
            believed.push(what);
        }
    }
    // Another key under the name of the known one; another challenge; and all as it should be.
    let (mut other, challenge) = (Authenticator::of(&panel), Challenge::generate());
    other.credential.clone_from(&added.credential);
    let stale = Challenge::generate();
    for (what, key, signed) in [
        ("another key", &other, &challenge),
        ("another challenge", &added, &stale),
        ("the truth", &added, &challenge),
    ] {
        let answer = key.sign(&to_text(signed.bytes()));
        let checked = panel.store.check_passkey(id, &party, &challenge, &answer).await;
        if checked.expect("an answer") {
            believed.push(what);
        }
    }
    assert_eq!(believed, ["the truth"]);
}

#[tokio::test]
async fn a_passkey_is_worth_nothing_to_another_account() {
    let panel = panel().await;
    let (joe, eve) = (with_app(&panel, "joe").await, with_app(&panel, "eve").await);
    let of_joe = add(&panel, &signed_in(&panel, "joe", joe).await, joe).await;
    let eves = signed_in(&panel, "eve", eve).await;
    add(&panel, &eves, eve).await;

    let (browser, page) = halfway(&panel, "joe").await;
    let (of_eve, _) = halfway(&panel, "eve").await;
    let answer = of_joe.sign(&challenge(&of_eve.get("login").await));
    let refused = of_eve.post("login", &[("passkey", answer.as_str())]).await;
    assert_eq!(refused.status, 422);
    // What was signed for the one session is not taken in the other.
    let answer = of_joe.sign(&challenge(&page));
    assert_eq!(
        of_eve.post("login", &[("passkey", answer.as_str())]).await.status,
        422
    );
    assert_eq!(
        browser
            .post("login", &[("passkey", answer.as_str())])
            .await
            .status,
        303
    );

    // Nor can it be added or removed there.
    let page = eves.get("account/second-factor").await;
    let answer = try_add(&panel, &eves, eve, &of_joe.make(&challenge(&page))).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text("[role=alert]").contains("in use already"));
    let number = format!("SELECT id FROM pw_passkeys WHERE account_id = {joe}");
    let number = panel.database.count(&number).await.to_string();
    let code = code(&panel, eve).await;
    let fields = [
        ("id", number.as_str()),
        ("own_password", PASSWORD),
        ("own_code", &code),
    ];
    let answer = eves.post("account/passkeys/delete", &fields).await;
    assert_eq!(answer.status, 404);
    assert_eq!(passkeys(&panel).await, 2);
}

#[tokio::test]
async fn adding_and_removing_ask_for_password_and_code() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let browser = signed_in(&panel, "joe", id).await;
    let key = Authenticator::of(&panel);
    let page = browser.get("account/second-factor").await;
    let made = key.make(&challenge(&page));
    let fields = [
        ("name", "Blue key"),
        ("passkey", &made),
        ("own_password", "a wrong one"),
    ];
    let asked = browser.post("account/passkeys", &fields).await;
    assert_eq!(passkeys(&panel).await, 0);
    // The page that asks again has the authenticator's answer, which is still good.
    let now = code(&panel, id).await;
    let proof = [("own_password", PASSWORD), ("own_code", &now)];
    assert_eq!(browser.submit(&asked, &proof).await.status, 303);
    assert_eq!(passkeys(&panel).await, 1);

    let other = signed_in(&panel, "joe", id).await;
    let number = panel
        .database
        .count("SELECT id FROM pw_passkeys")
        .await
        .to_string();
    let asked = browser
        .post("account/passkeys/delete", &[("id", number.as_str())])
        .await;
    assert_eq!(passkeys(&panel).await, 1);
    let now = code(&panel, id).await;
    let proof = [("own_password", PASSWORD), ("own_code", &now)];
    assert_eq!(browser.submit(&asked, &proof).await.status, 303);
    assert_eq!(passkeys(&panel).await, 0);
    assert_eq!(
        other.get("aliases").await.status,
        303,
        "the other session has ended"
    );
    assert_eq!(browser.get("aliases").await.status, 200);
    let (browser, page) = halfway(&panel, "joe").await;
    assert!(page.attributes("form[data-passkey]", "action").is_empty());
    let answer = key.sign(&to_text(&[0; 32]));
    assert_eq!(
        browser
            .post("login", &[("passkey", answer.as_str())])
            .await
            .status,
        422
    );
}

#[tokio::test]
async fn there_is_no_passkey_without_the_app_and_its_recovery_codes() {
    let panel = panel().await;
    let browser = panel.operator().await;
    let page = browser.get("account/second-factor").await;
    assert!(page.attributes("form[data-passkey]", "action").is_empty());
    let key = Authenticator::of(&panel);
    let made = key.make(&to_text(&[0; 32]));
    let fields = [
        ("name", "Blue key"),
        ("passkey", &made),
        ("own_password", PASSWORD),
    ];
    assert_eq!(browser.post("account/passkeys", &fields).await.status, 404);

    // And with the app the passkeys go.
    let id = with_app(&panel, "joe").await;
    let browser = signed_in(&panel, "joe", id).await;
    add(&panel, &browser, id).await;
    let now = code(&panel, id).await;
    let proof = [("own_password", PASSWORD), ("own_code", now.as_str())];
    assert_eq!(
        browser.post("account/second-factor/delete", &proof).await.status,
        303
    );
    assert_eq!(passkeys(&panel).await, 0);
}

#[tokio::test]
async fn wrong_passkeys_count_as_wrong_codes() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let key = add(&panel, &signed_in(&panel, "joe", id).await, id).await;
    let (browser, _) = halfway(&panel, "joe").await;
    for _ in 0..5 {
        assert_eq!(browser.post("login", &[("passkey", "{}")]).await.status, 422);
    }
    let page = browser.get("login").await;
    let answer = key.sign(&challenge(&page));
    let refused = browser.post("login", &[("passkey", answer.as_str())]).await;
    assert_eq!(refused.status, 429);
    let now = code(&panel, id).await;
    let refused = browser.post("login", &[("code", now.as_str())]).await;
    assert_eq!(refused.status, 429);
}

#[tokio::test]
async fn a_challenge_waits_ten_minutes() {
    let panel = panel().await;
    let id = with_app(&panel, "joe").await;
    let browser = signed_in(&panel, "joe", id).await;
    let key = Authenticator::of(&panel);
    let page = browser.get("account/second-factor").await;
    let made = key.make(&challenge(&page));
    panel
        .database
        .script("UPDATE pw_sessions SET data = JSON_SET(data, '$.challenge.at', JSON_VALUE(data, '$.challenge.at') - 600)")
        .await;
    let answer = try_add(&panel, &browser, id, &made).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text("[role=alert]").contains("took too long"));
}

#[tokio::test]
async fn an_address_that_can_have_no_passkeys_says_so_and_asks_for_none() {
    let panel = Panel::on(Database::fresh().await).await;
    let id = with_app(&panel, "joe").await;
    let browser = signed_in(&panel, "joe", id).await;
    let page = browser.get("account/second-factor").await;
    assert!(page.text("main").contains("There are none here"));
    assert!(page.attributes("form[data-passkey]", "action").is_empty());
    let made = Authenticator::of(&panel).make(&to_text(&[0; 32]));
    assert_eq!(try_add(&panel, &browser, id, &made).await.status, 404);
}
