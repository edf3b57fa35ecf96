//! What people do with their accounts: following links, setting up a second factor, letting time pass.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postwarden::access::SharedSecret;

use super::{Answer, Browser, Database, PASSWORD};

/// A second factor as its owner has it: the app's secret and the printed codes.
#[derive(Debug)]
pub struct Factor {
    pub secret: SharedSecret,
    pub recovery: Vec<String>,
}

/// Seconds since 1970.
pub fn seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_secs()
}

/// Waits until a step of 30 seconds has at least ten left, so that codes are not too old when they arrive.
pub async fn early_in_a_step() {
    let into = seconds() % 30;
    if into > 20 {
        tokio::time::sleep(Duration::from_secs(30 - into)).await;
    }
}

impl Factor {
    /// What the app shows now.
    pub fn code(&self) -> String {
        self.secret.code_at(seconds()).expect("a code")
    }

    /// What it shows some steps from now.
    pub fn code_in(&self, steps: i64) -> String {
        let at = seconds().checked_add_signed(steps * 30).expect("a time");
        self.secret.code_at(at).expect("a code")
    }

    /// A code that is not right now, nor just before or after.
    pub fn wrong_code(&self) -> String {
        let near = [-1, 0, 1].map(|steps| self.code_in(steps));
        let mut codes = (0..10).map(|n| format!("00000{n}"));
        codes.find(|code| !near.contains(code)).expect("ten codes")
    }
}

/// The secret on the page that offers it, as an app reads it when it is typed (RFC 4648, base32).
pub fn secret_on(page: &Answer) -> SharedSecret {
    secret_from(&page.text("#secret-key"))
}

/// The secret of a typed key.
pub fn secret_from(typed: &str) -> SharedSecret {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for letter in typed.bytes().filter(|b| *b != b' ') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => panic!("no base32: {typed}"),
        };
        held = held << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).expect("a byte"));
        }
    }
    assert_eq!(bytes.len(), 20, "{typed}");
    SharedSecret::stored(bytes)
}

impl Browser {
    /// Sets up a second factor, as somebody does who has just signed in.
    pub async fn set_up_second_factor(&self) -> Factor {
        let begun = self.post("account/second-factor", &[]).await;
        assert_eq!(begun.status, 303, "{}", begun.text("main"));
        let secret = secret_on(&self.get("account/second-factor").await);
        let mut factor = Factor {
            secret,
            recovery: Vec::new(),
        };
        let fields = [("code", &*factor.code()), ("own_password", PASSWORD)];
        let done = self.post("account/second-factor", &fields).await;
        assert_eq!(done.status, 303, "{}", done.text("main"));
        let shown = self.get("account/second-factor").await.text(".secret output");
        factor.recovery = shown.split(' ').map(str::to_owned).collect();
        assert_eq!(factor.recovery.len(), 10, "{shown}");
        factor
    }

    /// Shows a code of the second factor, after the password.
    pub async fn enter_code(&self, code: &str) -> Answer {
        self.post("login", &[("code", code)]).await
    }
}

impl Database {
    /// Lets minutes pass since anybody last proved who they are.
    pub async fn age_proofs(&self, minutes: u32) {
        self.script(&format!(
            "UPDATE pw_sessions SET data = JSON_SET(data, '$.visit.proved', \
             JSON_VALUE(data, '$.visit.proved') - {minutes} * 60)"
        ))
        .await;
    }

    /// Forgets which code was taken last, as if half a minute had gone by.
    pub async fn forget_codes(&self) {
        self.script("UPDATE pw_second_factors SET last_step = 0").await;
    }

    /// Forgets all guesses, and known places too.
    pub async fn forget_guesses(&self) {
        self.script("DELETE FROM pw_throttle").await;
    }

    /// What was done to an account, oldest first, as `who: event`.
    pub async fn events(&self, account: &str) -> Vec<String> {
        let query = format!(
            "SELECT CONCAT(who, ': ', event) FROM pw_account_events WHERE account = '{account}' ORDER BY id"
        );
        let rows = self.rows(&query).await;
        rows.into_iter().filter_map(|row| row[0].clone()).collect()
    }
}
