//! Signing in, with a second factor where there is one, and out.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;
use tower_sessions::Session;

use super::App;
use super::page::{Notice, Page, leave_notice, render, see_other};
use super::passkeys::{self, Ceremony, PATIENCE};
use super::proof::{self, Shown};
use super::request::{Asked, Fields, SignedIn, address_of, session_of, unavailable};
use crate::access::{Guess, Origin};
use crate::error::{Error, Result};
use crate::store::{HALFWAY, Halfway, Proof, VISIT, Visit};

/// Longest name of a browser that is kept, in characters.
const LONGEST_DEVICE: usize = 200;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    username: String,
    next: String,
    /// Why the form is shown again.
    failed: Option<String>,
    /// Whether a password was just set by a one-time link.
    set: bool,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct CodePage {
    page: Page,
    name: String,
    failed: Option<String>,
    /// How a passkey is asked for; `None` where there is none.
    passkey: Option<Ceremony>,
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage {
    page: Page,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Back {
    next: String,
    set: String,
}

/// The sign-in form, or that for the code of whoever has shown a password; whoever is signed in already goes on.
pub async fn show(
    State(app): State<App>,
    visitor: Option<SignedIn>,
    Asked(back): Asked<Back>,
    request: Request,
) -> Result<Response> {
    let next = app.urls.own(&back.next).unwrap_or_default();
    if visitor.is_some() {
        return Ok(see_other(&onward(&app, &next)));
    }
    let (parts, _) = request.into_parts();
    let session = session_of(&parts)?;
    if let Some(halfway) = halfway(&session).await? {
        return code_page(&app, &session, &halfway)
            .await?
            .show(StatusCode::OK, None);
    }
    let template = SignInPage {
        page: Page::for_anybody(&app, "Sign in"),
        username: String::new(),
        next,
        failed: None,
        set: !back.set.is_empty(),
    };
    render(StatusCode::OK, &template)
}

/// Checks name and password, or the code of somebody whose password was right.
pub async fn enter(State(app): State<App>, fields: Fields, request: Request) -> Result<Response> {
    let (parts, _) = request.into_parts();
    let session = session_of(&parts)?;
    let from = address_of(&app, &parts);
    let second = fields.get("code").or(fields.get("passkey"));
    if second.is_some() && fields.get("username").is_none() {
        return second_step(&app, &session, &parts, from, &fields).await;
    }
    let typed = fields.text("username");
    let next = app.urls.own(fields.text("next")).unwrap_or_default();
    let account = match proof::password(&app, from, typed, fields.text("password")).await? {
        Shown::Right(account) => account,
        Shown::Wrong => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return form(&app, typed, next, status, Some("Account or password is wrong."));
        }
        Shown::Wait(seconds) => return wait(seconds, |status, text| form(&app, typed, next, status, text)),
    };
    let halfway = Halfway {
        account: account.id,
        name: typed.trim().to_lowercase(),
        stamp: account.stamp(),
        at: now(),
        next,
    };
    if !account.second_factor {
        return arrive(&app, &session, &parts, &halfway, "signed in").await;
    }
    session.clear().await;
    session.insert(HALFWAY, halfway).await.map_err(unavailable)?;
    session.cycle_id().await.map_err(unavailable)?;
    Ok(see_other(&app.urls.page("/login")))
}

/// Checks the code or the passkey of somebody whose password was right.
async fn second_step(
    app: &App,
    session: &Session,
    parts: &Parts,
    from: Option<IpAddr>,
    fields: &Fields,
) -> Result<Response> {
    let Some(halfway) = halfway(session).await? else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let late = "That took too long: begin with the password again.";
        return form(app, "", String::new(), status, Some(late));
    };
    let (name, account) = (&halfway.name, halfway.account);
    let (shown, wrong) = if let Some(answer) = fields.get("passkey") {
        let challenge = passkeys::take(session).await?;
        let shown = proof::passkey(app, from, name, account, challenge.as_ref(), answer).await?;
        (shown, "This passkey was not taken. Try again, or type a code.")
    } else {
        let shown = proof::code(app, from, name, account, fields.text("code")).await?;
        let wrong = "This code is wrong, too old, or was used before. Wait for the next one.";
        (shown, wrong)
    };
    match shown {
        Shown::Right(Proof::App) => {
            arrive(app, session, parts, &halfway, "signed in with second factor").await
        }
        Shown::Right(Proof::Passkey) => {
            arrive(app, session, parts, &halfway, "signed in with a passkey").await
        }
        Shown::Right(Proof::RecoveryCode(left)) => {
            let response = arrive(app, session, parts, &halfway, "signed in with a recovery code").await?;
            let codes = if left == 1 { "code is" } else { "codes are" };
            let mut notice = Notice::ok(vec![format!(
                "You signed in with a recovery code. It is used up; {left} {codes} left."
            )]);
            "warn".clone_into(&mut notice.kind);
            let address = app.urls.page("/account/second-factor");
            notice.link = Some(("Second factor".to_owned(), address));
            leave_notice(session, notice).await?;
            Ok(response)
        }
        Shown::Wrong => {
            let page = code_page(app, session, &halfway).await?;
            page.show(StatusCode::UNPROCESSABLE_ENTITY, Some(wrong))
        }
        Shown::Wait(seconds) => {
            let page = code_page(app, session, &halfway).await?;
            wait(seconds, |status, text| page.show(status, text))
        }
    }
}

/// Begins a visit: nothing of the old session and, last of all, a new id, so that what was planted before signing in is
/// worth nothing after. (`flush` alone would keep the id the browser came with.)
async fn arrive(app: &App, session: &Session, parts: &Parts, who: &Halfway, how: &str) -> Result<Response> {
    let from = address_of(app, parts);
    // The account may have been disabled while the code was typed.
    let person = app.store.person(who.account, Origin::Web(from)).await?;
    let person = person.ok_or(Error::SignedOut)?;
    let agent = parts.headers.get(header::USER_AGENT);
    let device = agent.map_or(String::new(), |agent| {
        String::from_utf8_lossy(agent.as_bytes())
            .chars()
            .take(LONGEST_DEVICE)
            .collect()
    });
    let visit = Visit {
        account: who.account,
        since: now(),
        proved: now(),
        device,
        from,
    };
    session.clear().await;
    session.insert(VISIT, visit).await.map_err(unavailable)?;
    session.cycle_id().await.map_err(unavailable)?;
    session.save().await.map_err(unavailable)?;
    // A new password or second factor ends the sessions there are. One that came a moment before this session was written
    // has not seen it.
    let as_was = app.store.sign_in(&who.name).await?;
    if as_was.is_none_or(|now| now.stamp() != who.stamp) {
        session.flush().await.map_err(unavailable)?;
        return Err(Error::SignedOut);
    }
    app.store.note_sign_in(&person.actor, how).await?;
    let place = Guess::Password {
        name: &who.name,
        from,
    };
    app.store.note_place(&place, OffsetDateTime::now_utc()).await?;
    Ok(see_other(&onward(app, &who.next)))
}

/// Where somebody goes who is signed in.
fn onward(app: &App, next: &str) -> String {
    if next.is_empty() {
        app.urls.page("/")
    } else {
        next.to_owned()
    }
}

/// Whoever has shown a password in this session not long ago.
async fn halfway(session: &Session) -> Result<Option<Halfway>> {
    let halfway: Option<Halfway> = session.get(HALFWAY).await.map_err(unavailable)?;
    Ok(halfway.filter(|halfway| now() - halfway.at < PATIENCE))
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn form(
    app: &App,
    username: &str,
    next: String,
    status: StatusCode,
    failed: Option<&str>,
) -> Result<Response> {
    let page = Page::for_anybody(app, "Sign in");
    let username = username.to_owned();
    let failed = failed.map(str::to_owned);
    render(
        status,
        &SignInPage {
            page,
            username,
            next,
            failed,
            set: false,
        },
    )
}

/// The form for the code, which asks for a passkey too where the account has any.
async fn code_page(app: &App, session: &Session, halfway: &Halfway) -> Result<CodePage> {
    let known = app.store.passkeys(halfway.account).await?;
    let passkey = if known.is_empty() {
        None
    } else {
        passkeys::begin(app, session, halfway.account, &known).await?
    };
    Ok(CodePage {
        page: Page::for_anybody(app, "Second factor"),
        name: halfway.name.clone(),
        failed: None,
        passkey,
    })
}

impl CodePage {
    fn show(mut self, status: StatusCode, failed: Option<&str>) -> Result<Response> {
        self.failed = failed.map(str::to_owned);
        render(status, &self)
    }
}

/// 429, with the form again.
fn wait(seconds: u64, form: impl FnOnce(StatusCode, Option<&str>) -> Result<Response>) -> Result<Response> {
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let text = format!("Too many attempts. Wait {seconds} {unit} and try again.");
    let mut response = form(StatusCode::TOO_MANY_REQUESTS, Some(&text))?;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    Ok(response)
}

/// Asks before signing out, for those who open the address: GET changes nothing.
pub async fn ask_leave(SignedIn(visitor): SignedIn) -> Result<Response> {
    let page = visitor.page("Sign out", "").await?;
    render(StatusCode::OK, &SignOutPage { page })
}

/// Ends the session.
pub async fn leave(State(app): State<App>, request: Request) -> Result<Response, Error> {
    let (parts, _) = request.into_parts();
    session_of(&parts)?.flush().await.map_err(unavailable)?;
    Ok(see_other(&app.urls.page("/login")))
}
