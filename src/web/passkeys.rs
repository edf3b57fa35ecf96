//! Passkeys: asked for beside the code when somebody signs in, added and removed at `/account/second-factor`.
//!
//! What an authenticator has to sign waits in the session, one challenge at a time: a later page replaces it, and the first
//! answer uses it up, right or wrong.

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tower_sessions::Session;

use super::App;
use super::account::{current, second_factor_page};
use super::page::{Notice, see_other};
use super::request::{Fields, Visitor, unavailable};
use super::text;
use crate::access::passkey::{Challenge, to_text};
use crate::error::{Error, Result};
use crate::store::{CHALLENGE, Passkey};

/// For how long an answer is waited for: ten minutes, as for a code.
pub const PATIENCE: i64 = 10 * 60;

/// Longest name of a passkey, in characters.
const LONGEST_NAME: usize = 64;

/// A challenge that waits in a session.
#[derive(Serialize, Deserialize)]
struct Waiting {
    challenge: Challenge,
    at: i64,
}

/// What a page's script asks the browser's authenticators, as attributes of a form.
pub struct Ceremony {
    pub party: String,
    pub challenge: String,
    /// The passkeys there are, by the authenticators' names for them.
    pub credentials: String,
    /// The account's number, which authenticators keep beside the name.
    pub user: String,
}

/// A passkey as a line of a table.
pub struct PasskeyView {
    pub id: u32,
    pub name: String,
    pub added: String,
    pub used: String,
}

/// Passkeys as they are shown.
pub fn views(passkeys: Vec<Passkey>) -> Vec<PasskeyView> {
    passkeys
        .into_iter()
        .map(|passkey| PasskeyView {
            id: passkey.id,
            name: passkey.name,
            added: text::moment(passkey.created_at),
            used: passkey.last_used.map_or_else(|| "never".to_owned(), text::moment),
        })
        .collect()
}

/// Begins a ceremony for the passkeys of an account; `None` where browsers have none for the panel's address.
pub async fn begin(
    app: &App,
    session: &Session,
    account: u32,
    passkeys: &[Passkey],
) -> Result<Option<Ceremony>> {
    let Some(party) = app.urls.relying_party() else {
        return Ok(None);
    };
    let challenge = Challenge::generate();
    let shown = to_text(challenge.bytes());
    let at = now();
    let waiting = Waiting { challenge, at };
    session.insert(CHALLENGE, waiting).await.map_err(unavailable)?;
    let credentials: Vec<String> = passkeys.iter().map(|p| to_text(&p.credential)).collect();
    Ok(Some(Ceremony {
        party: party.id().to_owned(),
        challenge: shown,
        credentials: credentials.join(" "),
        user: to_text(&account.to_be_bytes()),
    }))
}

/// The challenge that waits in this session, which is used up now; `None` where none does, or it waited too long.
pub async fn take(session: &Session) -> Result<Option<Challenge>> {
    let waiting: Option<Waiting> = session.remove(CHALLENGE).await.map_err(unavailable)?;
    let waiting = waiting.filter(|waiting| now() - waiting.at < PATIENCE);
    Ok(waiting.map(|waiting| waiting.challenge))
}

/// Adds a passkey, after the password and a code in the same form.
pub async fn add(visitor: Visitor, fields: Fields) -> Result<Response> {
    let app = &visitor.app;
    let refuse = async |problem: &str| {
        let problem = Some(problem.to_owned());
        second_factor_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problem).await
    };
    let party = app.urls.relying_party().ok_or(Error::NotFound)?;
    if !visitor.second_factor {
        return Err(Error::NotFound);
    }
    let name = fields.text("name").trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || text::plain(name) != name {
        return refuse("Give the passkey a name of 64 visible characters at most, to know it again by.")
            .await;
    }
    // A wrong password leaves the challenge where it is: the page that asks again repeats the answer to it.
    visitor.prove_anew(&fields).await?;
    let Some(challenge) = take(&visitor.session).await? else {
        return refuse("That took too long. Try again.").await;
    };
    let made = match party.admit(&challenge, fields.text("passkey")) {
        Ok(made) => made,
        Err(fault) => return refuse(&fault.to_string()).await,
    };
    let adding = app
        .store
        .add_passkey(visitor.account, &visitor.actor, name, &made, &challenge);
    if !adding.await? {
        return refuse("This passkey is in use already. Choose another authenticator.").await;
    }
    let line = format!("The passkey {} is added.", text::plain(name));
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(see_other(&app.urls.page("/account/second-factor")))
}

/// Removes a passkey; every other session ends.
pub async fn remove(visitor: Visitor, fields: Fields) -> Result<Response> {
    let id = fields.text("id").parse().map_err(|_| Error::NotFound)?;
    visitor.prove_anew(&fields).await?;
    let kept = current(&visitor).await?;
    let store = &visitor.app.store;
    store
        .remove_passkey(visitor.account, &visitor.actor, id, &kept)
        .await?;
    let line = "The passkey is removed. Every other session has ended.".to_owned();
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(see_other(&visitor.app.urls.page("/account/second-factor")))
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}
