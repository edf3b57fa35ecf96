//! `/invitation`: choosing a password with a one-time link. Opening the page uses nothing up.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::App;
use super::account::own_words;
use super::page::{Page, render, see_other};
use super::request::{Asked, Fields, address_of};
use crate::access::{Origin, strength};
use crate::error::Result;
use crate::store::Account;

#[derive(Template)]
#[template(path = "account/invitation.html")]
struct InvitationPage {
    page: Page,
    /// Whose it is; `None` where the link is worth nothing.
    name: Option<String>,
    token: String,
    problem: Option<String>,
    unequal: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Link {
    token: String,
}

/// The form.
pub async fn show(State(app): State<App>, Asked(link): Asked<Link>) -> Result<Response> {
    let account = app.store.invited(&link.token).await?;
    page(&app, account.as_ref(), link.token, None, false)
}

/// Sets the password and uses the link up.
pub async fn accept(State(app): State<App>, fields: Fields, request: Request) -> Result<Response> {
    let (parts, _) = request.into_parts();
    let token = fields.text("token").to_owned();
    let Some(account) = app.store.invited(&token).await? else {
        return page(&app, None, token, None, false);
    };
    let password = fields.text("new_password");
    let domains = account.grants.iter().map(|grant| grant.domain.as_str());
    let problem = strength::check(password, &own_words(&app, &account.name, domains)).err();
    let unequal = fields
        .get("repeat_password")
        .is_some_and(|again| again != password);
    if problem.is_some() || unequal {
        return page(&app, Some(&account), token, problem, unequal);
    }
    let hash = crate::access::hash(password.to_owned()).await?;
    let origin = Origin::Web(address_of(&app, &parts));
    if !app.store.accept_invitation(&token, &hash, origin).await? {
        return page(&app, None, token, None, false);
    }
    Ok(see_other(&app.urls.page("/login?set=1")))
}

fn page(
    app: &App,
    account: Option<&Account>,
    token: String,
    problem: Option<String>,
    unequal: bool,
) -> Result<Response> {
    let status = match account {
        None => StatusCode::NOT_FOUND,
        Some(_) if problem.is_some() || unequal => StatusCode::UNPROCESSABLE_ENTITY,
        Some(_) => StatusCode::OK,
    };
    let template = InvitationPage {
        page: Page::for_anybody(app, "Choose a password"),
        name: account.map(|account| account.name.clone()),
        token,
        problem,
        unequal,
    };
    render(status, &template)
}
