//! A new account: who, what for, and a one-time link with which the person chooses a password. Nobody types a password
//! for somebody else.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{expiry, invited_notice};
use crate::access::{Grant, Role};
use crate::error::{Error, Result};
use crate::invitation::{self, Post};
use crate::mail::DomainName;
use crate::store::{NewAccount, check_name};
use crate::web::page::{Page, render, see_other};
use crate::web::request::{Fields, Visitor};

#[derive(Template)]
#[template(path = "accounts/new.html")]
struct NewPage {
    page: Page,
    name: String,
    role: String,
    domains: String,
    expires: String,
    mail_to: String,
    mails: bool,
    /// Field and what is wrong with it.
    problems: Vec<(&'static str, String)>,
}

impl NewPage {
    fn problem(&self, field: &str) -> Option<&str> {
        let of_field = self.problems.iter().find(|(name, _)| *name == field);
        of_field.map(|(_, problem)| problem.as_str())
    }
}

/// `/accounts/new`
pub async fn blank(visitor: Visitor) -> Result<Response> {
    visitor.actor.require_operator()?;
    form(&visitor, &Fields::default(), Vec::new()).await
}

async fn form(visitor: &Visitor, fields: &Fields, problems: Vec<(&'static str, String)>) -> Result<Response> {
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let text = |name: &str| fields.text(name).to_owned();
    let template = NewPage {
        page: visitor.page("New account", "accounts").await?,
        name: text("name"),
        role: fields.get("role").unwrap_or("owner").to_owned(),
        domains: text("domain"),
        expires: text("expires"),
        mail_to: text("mail_to"),
        mails: !visitor.app.config.smtp.url.is_empty(),
        problems,
    };
    render(status, &template)
}

/// The domains in a field, one a line or separated by commas and blanks.
///
/// # Errors
/// What is wrong with the first that is none.
pub fn domains(fields: &Fields) -> Result<Vec<DomainName>, String> {
    let typed = fields.every("domain").join("\n");
    let words = typed.split([',', ';', ' ', '\n', '\r', '\t']);
    let mut domains: Vec<DomainName> = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        let domain = DomainName::parse(word).map_err(|fault| fault.message().to_owned())?;
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    Ok(domains)
}

/// Creates an account and invites the person.
pub async fn create(visitor: Visitor, fields: Fields) -> Result<Response> {
    visitor.actor.require_operator()?;
    let name = fields.text("name").trim().to_lowercase();
    let mut problems = Vec::new();
    if let Err(error) = check_name(&name) {
        problems.push(("name", error.to_string()));
    }
    let role = fields.text("role").parse::<Role>();
    if let Err(problem) = &role {
        problems.push(("role", problem.clone()));
    }
    let domains = domains(&fields);
    match (&domains, &role) {
        (Err(problem), _) => problems.push(("domain", problem.clone())),
        (Ok(domains), Ok(Role::Operator | Role::Auditor)) if !domains.is_empty() => {
            let problem = "Operators and auditors see every domain: domains are for owners.";
            problems.push(("domain", problem.to_owned()));
        }
        _ => {}
    }
    let expires_at = expiry(fields.text("expires"));
    if let Err(problem) = &expires_at {
        problems.push(("expires", problem.clone()));
    }
    // Whatever keeps the mail from being sent is said before there is an account.
    let post = Post::to(&visitor.app.config, fields.text("mail_to"));
    if let Err(error) = &post {
        problems.push(("mail_to", error.to_string()));
    }
    let (Ok(role), Ok(domains), Ok(expires_at), Ok(post), []) =
        (role, domains, expires_at, post, problems.as_slice())
    else {
        return form(&visitor, &fields, problems).await;
    };
    visitor.prove(&fields).await?;
    let grants: Vec<Grant> = domains.into_iter().map(Grant::whole).collect();
    let (app, actor) = (&visitor.app, &visitor.actor);
    let new = NewAccount {
        name: &name,
        role,
        hash: None,
        grants: &grants,
        expires_at,
    };
    match app.store.create_account(actor, &new).await {
        Ok(()) => {}
        Err(Error::Usage(problem)) => return form(&visitor, &fields, vec![("name", problem)]).await,
        Err(error) => return Err(error),
    }
    let post = post.as_ref();
    let invited = invitation::invite(&app.store, &app.config, actor, &name, post).await?;
    visitor
        .notify(invited_notice(&visitor, &name, post, invited))
        .await?;
    Ok(see_other(&app.urls.row("accounts", &name)))
}
