//! `/accounts`: operators manage the people who sign in. What changes somebody's rights or way of signing in is asked to be
//! proved ([`Visitor::prove`]).

mod grants;
mod new;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::account::{EventView, SessionView, event_views, session_views};
use super::page::{Notice, Page, render, see_other};
use super::request::{Fields, KeySegment, Visitor};
use super::routes::Routes;
use super::urls;
use crate::access::Role;
use crate::error::Result;
use crate::invitation::{self, Invited, Post};
use crate::store::{Account, AccountChange, Ending, end_of, last_day, parse_day, today};

/// Events shown.
const LATEST: u32 = 20;

/// What is said of a link.
const LINK: &str = "Whoever opens this link first sets the password. It works once and is not shown again.";

#[derive(Template)]
#[template(path = "accounts/index.html")]
struct IndexPage {
    page: Page,
    accounts: Vec<Account>,
}

impl IndexPage {
    /// How many domains of an account stand in its line.
    const SHOWN: usize = 3;

    #[expect(clippy::unused_self, reason = "the template calls it on its page")]
    fn domains(&self, account: &Account) -> String {
        let names = account.grants.iter().map(|grant| grant.domain.as_str());
        let shown: Vec<&str> = names.take(Self::SHOWN).collect();
        match account.grants.len().saturating_sub(Self::SHOWN) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

#[derive(Template)]
#[template(path = "accounts/account.html")]
struct AccountPage {
    page: Page,
    account: Account,
    /// Role and whether it is chosen.
    roles: Vec<(Role, bool)>,
    expires: String,
    domain: String,
    problem: Option<String>,
    sessions: Vec<SessionView>,
    events: Vec<EventView>,
    /// Whether it is the visitor's own.
    own: bool,
    mails: bool,
    mail_to: String,
}

#[derive(Template)]
#[template(path = "accounts/delete.html")]
struct DeletePage {
    page: Page,
    name: String,
}

/// The routes.
pub fn routes() -> Routes {
    Routes::default()
        .get("/accounts", index)
        .post("/accounts", new::create)
        .get("/accounts/new", new::blank)
        .get("/accounts/{name}", show)
        .post("/accounts/{name}", save)
        .post("/accounts/{name}/enabled", set_enabled)
        .get("/accounts/{name}/delete", ask_delete)
        .post("/accounts/{name}/delete", delete)
        .post("/accounts/{name}/invitation", invite)
        .post("/accounts/{name}/password", demand_password)
        .post("/accounts/{name}/sessions", end_sessions)
        .post("/accounts/{name}/second-factor/delete", remove_second_factor)
        .post("/accounts/{name}/grants", grants::add)
        .get("/accounts/{name}/grants/{domain}", grants::show)
        .post("/accounts/{name}/grants/{domain}", grants::save)
        .post("/accounts/{name}/grants/{domain}/delete", grants::delete)
}

/// `/accounts`
async fn index(visitor: Visitor) -> Result<Response> {
    let accounts = visitor.app.store.accounts(&visitor.actor).await?;
    let page = visitor.page("Accounts", "accounts").await?;
    render(StatusCode::OK, &IndexPage { page, accounts })
}

/// `/accounts/{name}`
async fn show(visitor: Visitor, name: KeySegment) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    account_page(&visitor, account, &Fields::default(), None).await
}

/// The account in the address, for operators.
async fn find(visitor: &Visitor, name: &KeySegment) -> Result<Account> {
    visitor.actor.require_operator()?;
    visitor
        .app
        .store
        .account(&visitor.actor, urls::key(&name.0))
        .await
}

/// The page of an account, with what was typed into the form that was refused.
async fn account_page(
    visitor: &Visitor,
    account: Account,
    fields: &Fields,
    problem: Option<String>,
) -> Result<Response> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let sessions = store.sessions(actor, &account).await?;
    let events = store.account_events(actor, &account.name, LATEST).await?;
    let roles = [Role::Operator, Role::Auditor, Role::Owner];
    let chosen = fields.text("role").parse().unwrap_or(account.role);
    let typed = |field: &str, else_: String| fields.get(field).map_or(else_, str::to_owned);
    let address = Some(&account.name).filter(|name| name.contains('@'));
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let template = AccountPage {
        page: visitor.page(&account.name, "accounts").await?,
        roles: roles.map(|role| (role, role == chosen)).to_vec(),
        expires: typed(
            "expires",
            account.last_day().map_or(String::new(), |day| day.to_string()),
        ),
        domain: typed("domain", String::new()),
        problem,
        sessions: session_views(visitor, sessions),
        events: event_views(events),
        own: account.name == actor.name,
        mails: !visitor.app.config.smtp.url.is_empty(),
        mail_to: typed("mail_to", address.cloned().unwrap_or_default()),
        account,
    };
    render(status, &template)
}

/// The end of a day that was typed as `2026-12-31`; nothing for nothing.
///
/// # Errors
/// What is wrong with it.
fn expiry(text: &str) -> Result<Option<time::PrimitiveDateTime>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day = parse_day(text).map_err(|why| why + ".")?;
    if day < today() {
        return Err(format!(
            "{day} has passed. To shut the account at once, disable it."
        ));
    }
    Ok(Some(end_of(day)))
}

/// Saves what an account is for and how long.
async fn save(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    let expires_at = match expiry(fields.get("expires").unwrap_or_default()) {
        Ok(at) => at,
        Err(problem) => return account_page(&visitor, account, &fields, Some(problem)).await,
    };
    let role = match fields.get("role").map(str::parse::<Role>) {
        None => account.role,
        Some(Ok(role)) => role,
        Some(Err(problem)) => return account_page(&visitor, account, &fields, Some(problem)).await,
    };
    visitor.prove(&fields).await?;
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let mut lines = Vec::new();
    if role != account.role {
        store
            .change_account(actor, &account.name, AccountChange::Role(role))
            .await?;
        lines.push(format!(
            "`{}` is an {role} now and has to sign in again.",
            account.name
        ));
    }
    if fields.get("expires").is_some() && expires_at != account.expires_at {
        store
            .change_account(actor, &account.name, AccountChange::Expiry(expires_at))
            .await?;
        lines.push(expires_at.map_or_else(
            || format!("`{}` does not expire.", account.name),
            |at| format!("`{}` is good until {} (UTC).", account.name, last_day(at)),
        ));
    }
    if lines.is_empty() {
        lines.push(format!("`{}` was as you want it already.", account.name));
    }
    visitor.notify(Notice::ok(lines)).await?;
    Ok(back_to(&visitor, &account.name))
}

fn back_to(visitor: &Visitor, name: &str) -> Response {
    see_other(&visitor.app.urls.row("accounts", name))
}

/// Lets somebody sign in, or not.
async fn set_enabled(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    let enabled = match fields.text("value") {
        "1" => true,
        "0" => false,
        other => {
            let problem = format!("`{other}` is neither 1 (on) nor 0 (off).");
            return account_page(&visitor, account, &Fields::default(), Some(problem)).await;
        }
    };
    visitor.prove(&fields).await?;
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    store
        .change_account(actor, &account.name, AccountChange::Enabled(enabled))
        .await?;
    let line = if enabled {
        format!("`{}` may sign in again.", account.name)
    } else {
        format!(
            "`{}` cannot sign in any more; every session has ended.",
            account.name
        )
    };
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(back_to(&visitor, &account.name))
}

/// `/accounts/{name}/delete`
async fn ask_delete(visitor: Visitor, name: KeySegment) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    let page = visitor.page(&account.name, "accounts").await?;
    let name = account.name;
    render(StatusCode::OK, &DeletePage { page, name })
}

/// Deletes an account.
async fn delete(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    if !fields.is_set("confirm") {
        return ask_delete(visitor, name).await;
    }
    let account = find(&visitor, &name).await?;
    visitor.prove(&fields).await?;
    visitor
        .app
        .store
        .delete_account(&visitor.actor, &account.name)
        .await?;
    let line = format!("Deleted `{}`.", account.name);
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(see_other(&visitor.app.urls.page("/accounts")))
}

/// Makes a one-time link, or withdraws the one there is.
async fn invite(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    let (app, actor) = (&visitor.app, &visitor.actor);
    if fields.is_set("withdraw") {
        visitor.prove(&fields).await?;
        app.store.withdraw_invitation(actor, &account.name).await?;
        let line = format!("The link for `{}` is worth nothing any more.", account.name);
        visitor.notify(Notice::ok(vec![line])).await?;
        return Ok(back_to(&visitor, &account.name));
    }
    let post = match Post::to(&app.config, fields.text("mail_to")) {
        Ok(post) => post,
        Err(error) => return account_page(&visitor, account, &fields, Some(error.to_string())).await,
    };
    visitor.prove(&fields).await?;
    let post = post.as_ref();
    let invited = invitation::invite(&app.store, &app.config, actor, &account.name, post).await?;
    visitor
        .notify(invited_notice(&visitor, &account.name, post, invited))
        .await?;
    Ok(back_to(&visitor, &account.name))
}

/// The notice of an invitation: with the link, unless the mail server took it.
fn invited_notice(visitor: &Visitor, name: &str, post: Option<&Post>, invited: Invited) -> Notice {
    let until = invited.until;
    match (invited.mail, post) {
        (Some(Ok(())), Some(post)) => Notice::ok(vec![format!(
            "A link for `{name}` is on its way to `{}`. It is good until {until} (UTC).",
            post.address()
        )]),
        (mail, _) => {
            let mut lines = vec![format!("A link for `{name}`, good until {until} (UTC):")];
            let mut notice = Notice::ok(Vec::new());
            if let Some(Err(why)) = mail {
                "warn".clone_into(&mut notice.kind);
                lines.insert(
                    0,
                    format!("The mail could not be sent: {why}. Hand the link on yourself."),
                );
            }
            notice.lines = lines;
            notice.with_secret(&visitor.app, &invited.link, LINK)
        }
    }
}

/// Makes somebody choose a new password at the next request.
async fn demand_password(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    visitor.prove(&fields).await?;
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    store
        .change_account(actor, &account.name, AccountChange::MustChange)
        .await?;
    let line = format!(
        "`{}` has to choose a new password before anything else.",
        account.name
    );
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(back_to(&visitor, &account.name))
}

/// Ends every session of an account.
async fn end_sessions(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    visitor.prove(&fields).await?;
    let which = fields.get("session").map_or(Ending::All, Ending::One);
    let store = &visitor.app.store;
    let line = if store.end_sessions(&visitor.actor, &account, which).await? {
        format!("Ended: `{}` has to sign in again there.", account.name)
    } else {
        "There was no such session any more.".to_owned()
    };
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(back_to(&visitor, &account.name))
}

/// Takes the second factor from somebody who lost it.
async fn remove_second_factor(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    visitor.prove_anew(&fields).await?;
    visitor
        .app
        .store
        .remove_second_factor(&visitor.actor, &account.name, "")
        .await?;
    let line = format!(
        "`{}` signs in with the password alone until a second factor is set up again.",
        account.name
    );
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(back_to(&visitor, &account.name))
}
