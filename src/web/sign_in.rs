//! Signing in and out.

use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use time::OffsetDateTime;

use super::App;
use super::page::{Page, render, see_other};
use super::request::{Asked, Fields, Visitor, address_of, session_of, unavailable};
use crate::access::{self, Failure, Guess, Reason};
use crate::config::LogFormat;
use crate::error::{Error, Result};
use crate::store::{ACCOUNT, Admission};

/// Longest password that is looked at, in bytes: hashing is paid per byte.
const LONGEST: usize = 1024;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    username: String,
    next: String,
    failed: bool,
    /// Seconds to wait, where there were too many attempts.
    wait: Option<u64>,
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
}

/// The sign-in form; whoever is signed in already goes on.
pub async fn show(
    State(app): State<App>,
    visitor: Option<Visitor>,
    Asked(back): Asked<Back>,
) -> Result<Response> {
    let next = app.urls.own(&back.next).unwrap_or_default();
    if visitor.is_some() {
        return Ok(see_other(&if next.is_empty() {
            app.urls.page("/")
        } else {
            next
        }));
    }
    let page = Page::for_anybody(&app, "Sign in");
    render(
        StatusCode::OK,
        &SignInPage {
            page,
            username: String::new(),
            next,
            failed: false,
            wait: None,
        },
    )
}

/// Checks name and password. Unknown names, wrong passwords and disabled accounts get the same answer in the same time.
/// Where there were too many attempts the password is not looked at.
pub async fn enter(State(app): State<App>, fields: Fields, request: Request) -> Result<Response> {
    let (parts, _) = request.into_parts();
    let username = fields.text("username").trim().to_lowercase();
    let next = app.urls.own(fields.text("next")).unwrap_or_default();
    let guess = Guess::Password {
        name: &username,
        from: address_of(&app, &parts),
    };
    let ticket = match app.store.admit(&guess, OffsetDateTime::now_utc()).await? {
        Admission::Go(ticket) => ticket,
        Admission::Wait(wait) => return refused(&app, &parts, &fields, Reason::Throttled, Some(wait)),
    };
    match check(&app, &username, fields.text("password")).await? {
        Ok(account) => {
            app.store.succeeded(ticket).await?;
            let session = session_of(&parts)?;
            // Nothing of the old session and, last of all, a new id: what was planted before signing in is worth
            // nothing after. (`flush` alone would keep the id the browser came with.)
            session.clear().await;
            session.insert(ACCOUNT, account).await.map_err(unavailable)?;
            session.cycle_id().await.map_err(unavailable)?;
            app.store.note_sign_in(account).await?;
            app.store.note_place(&guess, OffsetDateTime::now_utc()).await?;
            tracing::info!(username, "signed in");
            Ok(see_other(&if next.is_empty() {
                app.urls.page("/")
            } else {
                next
            }))
        }
        Err(reason) => refused(&app, &parts, &fields, reason, None),
    }
}

/// The line in the log and the form again; `wait` where there were too many attempts.
fn refused(
    app: &App,
    parts: &Parts,
    fields: &Fields,
    reason: Reason,
    wait: Option<Duration>,
) -> Result<Response> {
    let failure = Failure {
        from: address_of(app, parts),
        name: fields.text("username"),
        reason,
    };
    match app.config.log.format {
        LogFormat::Text => failure.print(),
        // A program that reads JSON would stumble over a line that is none.
        LogFormat::Json => tracing::warn!("{failure}"),
    }
    // Whole seconds, after which there is room.
    let wait = wait.map(|wait| (wait + Duration::from_nanos(999_999_999)).as_secs());
    let template = SignInPage {
        page: Page::for_anybody(app, "Sign in"),
        username: fields.text("username").to_owned(),
        next: app.urls.own(fields.text("next")).unwrap_or_default(),
        failed: true,
        wait,
    };
    let Some(seconds) = wait else {
        return render(StatusCode::UNPROCESSABLE_ENTITY, &template);
    };
    let mut response = render(StatusCode::TOO_MANY_REQUESTS, &template)?;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    Ok(response)
}

/// The number of the account, or why not.
async fn check(app: &App, username: &str, password: &str) -> Result<Result<u32, Reason>> {
    if password.len() > LONGEST {
        return Ok(Err(Reason::BadPassword));
    }
    let found = match username {
        "" => None,
        name => app.store.sign_in(name).await?,
    };
    let Some(account) = found else {
        access::verify_nobody(password.to_owned()).await?;
        return Ok(Err(Reason::UnknownName));
    };
    let right = access::verify(password.to_owned(), account.hash).await?;
    Ok(match (right, account.enabled) {
        (true, true) => Ok(account.id),
        (true, false) => Err(Reason::Disabled),
        (false, _) => Err(Reason::BadPassword),
    })
}

/// Asks before signing out, for those who open the address: GET changes nothing.
pub async fn ask_leave(visitor: Visitor) -> Result<Response> {
    let page = visitor.page("Sign out", "").await?;
    render(StatusCode::OK, &SignOutPage { page })
}

/// Ends the session.
pub async fn leave(State(app): State<App>, request: Request) -> Result<Response, Error> {
    let (parts, _) = request.into_parts();
    session_of(&parts)?.flush().await.map_err(unavailable)?;
    Ok(see_other(&app.urls.page("/login")))
}
