//! `/account`: one's own account. The password, the second factor, and the browsers one is signed in with.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::device::device;
use super::limits::Limits;
use super::page::{Notice, Page, render, see_other};
use super::passkeys::{self, Ceremony, PasskeyView};
use super::request::{Fields, SignedIn, Visitor, unavailable};
use super::{App, text};
use crate::access::{SharedSecret, strength};
use crate::error::{Due, Error, Result};
use crate::resource::{aliases, users};
use crate::store::{Account, AccountChange, AccountEvent, Ending, SecondFactor, SessionEntry, session_name};

/// Events shown.
const LATEST: u32 = 10;

/// What is said of new recovery codes.
const RECOVERY_CODES: &str = "Your recovery codes. Each signs you in once in place of a code of the app. They are not \
                              shown again: print them, or keep them where your passwords are.";

#[derive(Template)]
#[template(path = "account/account.html")]
struct AccountPage {
    page: Page,
    account: Account,
    codes: u64,
    /// How much of the grants is used, where it is limited.
    limits: Limits,
    sessions: Vec<SessionView>,
    events: Vec<EventView>,
    panel: String,
}

/// A session as a line of a table.
pub struct SessionView {
    pub name: String,
    pub device: String,
    pub from: String,
    pub since: String,
    pub used: String,
    pub current: bool,
}

/// An event as a line of a table.
pub struct EventView {
    pub at: String,
    pub who: String,
    pub origin: String,
    pub event: String,
}

#[derive(Template)]
#[template(path = "account/password.html")]
struct PasswordPage {
    page: Page,
    who: String,
    /// Field and what is wrong with it.
    problems: Vec<(&'static str, String)>,
    due: bool,
    code: bool,
}

impl PasswordPage {
    fn problem(&self, field: &str) -> Option<&str> {
        let of_field = self.problems.iter().find(|(name, _)| *name == field);
        of_field.map(|(_, problem)| problem.as_str())
    }
}

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct SecondFactorPage {
    page: Page,
    /// What is there, confirmed or begun.
    factor: Option<SecondFactor>,
    /// The picture to scan and the secret to type.
    offer: Option<(String, String)>,
    problem: Option<String>,
    due: bool,
    passkeys: Vec<PasskeyView>,
    /// How one is added; `None` where the panel's address can have none.
    ceremony: Option<Ceremony>,
    who: String,
}

/// Sessions as they are shown; the visitor's own is marked.
pub fn session_views(visitor: &Visitor, sessions: Vec<SessionEntry>) -> Vec<SessionView> {
    let own = visitor.session.id().map(|id| session_name(&id));
    let moment = |seconds: i64| time::OffsetDateTime::from_unix_timestamp(seconds).map(text::instant);
    sessions
        .into_iter()
        .map(|session| SessionView {
            current: own.as_deref() == Some(session.name.as_str()),
            device: device(&session.visit.device),
            from: session
                .visit
                .from
                .map_or_else(|| "unknown".to_owned(), |a| a.to_string()),
            since: moment(session.visit.since).unwrap_or_default(),
            used: text::instant(session.used),
            name: session.name,
        })
        .collect()
}

/// Events as they are shown.
pub fn event_views(events: Vec<AccountEvent>) -> Vec<EventView> {
    events
        .into_iter()
        .map(|event| EventView {
            at: text::moment(event.at),
            who: event.who,
            origin: event.origin,
            event: event.event,
        })
        .collect()
}

/// `/account`
pub async fn show(SignedIn(visitor): SignedIn) -> Result<Response> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let account = store.account(actor, &actor.name).await?;
    let sessions = store.sessions(actor, &account).await?;
    let events = store.account_events(actor, &actor.name, LATEST).await?;
    let factor = store.second_factor(visitor.account).await?;
    let mut limits = Limits::default();
    for resource in [&aliases::RESOURCE, &users::RESOURCE] {
        limits.shares.extend(visitor.limits(resource, None).await?.shares);
    }
    let template = AccountPage {
        limits,
        page: visitor.page("Your account", "account").await?,
        codes: factor.map_or(0, |factor| factor.codes),
        sessions: session_views(&visitor, sessions),
        events: event_views(events),
        account,
        panel: visitor.app.urls.origin(),
    };
    render(StatusCode::OK, &template)
}

/// `/account/password`
pub async fn password_form(SignedIn(visitor): SignedIn) -> Result<Response> {
    password_page(&visitor, StatusCode::OK, Vec::new()).await
}

async fn password_page(
    visitor: &Visitor,
    status: StatusCode,
    problems: Vec<(&'static str, String)>,
) -> Result<Response> {
    let template = PasswordPage {
        page: visitor.page("Your password", "account").await?,
        who: visitor.actor.name.clone(),
        problems,
        due: visitor.due == Some(Due::Password),
        code: visitor.second_factor,
    };
    render(status, &template)
}

/// Changes one's own password; every other session ends and this one gets a new id.
pub async fn set_password(SignedIn(visitor): SignedIn, fields: Fields) -> Result<Response> {
    let (app, actor) = (&visitor.app, &visitor.actor);
    let new = fields.text("new_password");
    let mut problems = Vec::new();
    // Before the old one is looked at: a guess is counted, and a weak new one is none.
    if let Err(problem) = strength::check(new, &own_words(app, &actor.name, actor.scope.domains())) {
        problems.push(("new_password", problem));
    }
    if fields.get("repeat_password").is_some_and(|again| again != new) {
        problems.push(("repeat_password", "This is not what stands above.".to_owned()));
    }
    if problems.is_empty() && new == fields.text("own_password") {
        problems.push(("new_password", "This is the password you have.".to_owned()));
    }
    if !problems.is_empty() {
        return password_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problems).await;
    }
    match visitor.prove_anew(&fields).await {
        Ok(()) => {}
        Err(Error::Unproven { lack, .. }) => {
            let problems = vec![("own_password", lack.to_string())];
            return password_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problems).await;
        }
        Err(error) => return Err(error),
    }
    let hash = crate::access::hash(new.to_owned()).await?;
    let change = AccountChange::Password {
        hash: &hash,
        must_change: false,
    };
    app.store.change_account(actor, &actor.name, change).await?;
    // Every session has ended, this one too; it goes on under a new id.
    visitor.renew().await?;
    let line = "Your password is changed. Every other session has ended.".to_owned();
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(see_other(&app.urls.page("/account")))
}

/// Words that a password of this account may not be made of.
pub fn own_words<'a>(app: &App, name: &'a str, domains: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut words = strength::own_words(domains.chain([name]));
    words.append(&mut strength::own_words([app.urls.host().as_str()]));
    words
}

/// `/account/second-factor`
pub async fn second_factor(SignedIn(visitor): SignedIn) -> Result<Response> {
    second_factor_page(&visitor, StatusCode::OK, None).await
}

/// The page of the second factor, with a problem there may be.
pub async fn second_factor_page(
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<String>,
) -> Result<Response> {
    let app = &visitor.app;
    // A secret that waits for its first code is shown to whoever has just proved who they are: with it a stolen session
    // would be worth a code for ever.
    let shown = |factor: &SecondFactor| factor.confirmed || visitor.is_fresh();
    let factor = app.store.second_factor(visitor.account).await?.filter(shown);
    let offer = match factor.as_ref().filter(|factor| !factor.confirmed) {
        Some(begun) => {
            let address = begun.secret.address(&visitor.actor.name, &app.urls.host())?;
            Some((SharedSecret::picture(&address)?, begun.secret.to_type()))
        }
        None => None,
    };
    let passkeys = app.store.passkeys(visitor.account).await?;
    let ceremony = match &factor {
        Some(factor) if factor.confirmed => {
            passkeys::begin(app, &visitor.session, visitor.account, &passkeys).await?
        }
        _ => None,
    };
    let template = SecondFactorPage {
        page: visitor.page("Second factor", "account").await?,
        factor,
        offer,
        problem,
        due: visitor.due == Some(Due::SecondFactor),
        passkeys: passkeys::views(passkeys),
        ceremony,
        who: visitor.actor.name.clone(),
    };
    render(status, &template)
}

/// Begins a second factor, or confirms the one that was begun by its first code and one's password.
pub async fn set_second_factor(SignedIn(visitor): SignedIn, fields: Fields) -> Result<Response> {
    let app = &visitor.app;
    let here = app.urls.page("/account/second-factor");
    if visitor.due == Some(Due::Password) {
        return Err(Error::Due(Due::Password));
    }
    let Some(code) = fields.get("code") else {
        visitor.prove(&fields).await?;
        app.store.begin_second_factor(visitor.account).await?;
        return Ok(see_other(&here));
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    match visitor.prove_anew(&fields).await {
        Ok(()) => {}
        Err(Error::Unproven { lack, .. }) => {
            return second_factor_page(&visitor, unprocessable, Some(lack.to_string())).await;
        }
        Err(error) => return Err(error),
    }
    // The session has a new id already, and is the one that stays.
    let kept = current(&visitor).await?;
    let confirmed = app
        .store
        .confirm_second_factor(visitor.account, &visitor.actor, code, &kept);
    let Some(codes) = confirmed.await? else {
        let wrong = "This is not the code your app shows now. Is its clock right?";
        return second_factor_page(&visitor, unprocessable, Some(wrong.to_owned())).await;
    };
    let line =
        "From now on signing in asks for a code of your app. Every other session has ended.".to_owned();
    let notice = Notice::ok(vec![line]).with_secret(app, &codes.join("\n"), RECOVERY_CODES);
    visitor.notify(notice).await?;
    Ok(see_other(&here))
}

/// Makes new recovery codes.
pub async fn new_codes(visitor: Visitor, fields: Fields) -> Result<Response> {
    if !visitor.second_factor {
        return Err(Error::NotFound);
    }
    visitor.prove_anew(&fields).await?;
    let app = &visitor.app;
    let codes = app
        .store
        .renew_recovery_codes(visitor.account, &visitor.actor)
        .await?;
    let line = "The recovery codes you had before are worth nothing any more.".to_owned();
    let notice = Notice::ok(vec![line]).with_secret(app, &codes.join("\n"), RECOVERY_CODES);
    visitor.notify(notice).await?;
    Ok(see_other(&app.urls.page("/account/second-factor")))
}

/// Removes one's own second factor.
pub async fn remove_second_factor(visitor: Visitor, fields: Fields) -> Result<Response> {
    visitor.prove_anew(&fields).await?;
    let kept = current(&visitor).await?;
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    store.remove_second_factor(actor, &actor.name, &kept).await?;
    let line = "Signing in asks for the password alone. Every other session has ended.".to_owned();
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(see_other(&visitor.app.urls.page("/account")))
}

/// The name of the visitor's session, which has been given a new id just now.
pub async fn current(visitor: &Visitor) -> Result<String> {
    visitor.session.save().await.map_err(unavailable)?;
    let id = visitor.session.id();
    Ok(id.map(|id| session_name(&id)).unwrap_or_default())
}

/// Ends one session, every other one, or all.
pub async fn end_sessions(SignedIn(visitor): SignedIn, fields: Fields) -> Result<Response> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let account = store.account(actor, &actor.name).await?;
    let own = visitor
        .session
        .id()
        .map(|id| session_name(&id))
        .unwrap_or_default();
    let which = match (fields.get("session"), fields.text("which")) {
        (Some(name), _) => Ending::One(name),
        (None, "others") => Ending::Others(&own),
        (None, _) => Ending::All,
    };
    let ended = store.end_sessions(actor, &account, which).await?;
    match which {
        Ending::All => {}
        Ending::One(name) if name.eq_ignore_ascii_case(&own) => {}
        _ => {
            let line = if ended {
                "Ended: whoever was there has to sign in again."
            } else {
                "There was no such session any more."
            };
            visitor.notify(Notice::ok(vec![line.to_owned()])).await?;
            return Ok(see_other(&visitor.app.urls.page("/account")));
        }
    }
    visitor.session.flush().await.map_err(unavailable)?;
    Ok(see_other(&visitor.app.urls.page("/login")))
}
