//! Deleting a row: first what depends on it, then the deed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::conflict::shown;
use super::refused::beyond;
use super::{Depending, Done, companions, live, report, stored};
use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::store::{Effect, Operation, Plan, Refusal, Row, Stored, expect_removable};
use crate::web::page::{Page, render};
use crate::web::question::Question;
use crate::web::request::{Fields, Visitor};
use crate::web::text;

#[derive(Template)]
#[template(path = "resource/confirm_delete.html")]
struct ConfirmDelete {
    page: Page,
    resource: &'static Resource,
    key: String,
    subject: String,
    version: String,
    values: Vec<(&'static str, String)>,
    dependents: Vec<Depending>,
    /// What can go with the row: a self alias without its mailbox takes mail only to bounce it.
    companions: Vec<String>,
    /// What it does to mail.
    effect: Vec<String>,
    /// The name of what is asked, and whether something else was confirmed.
    asked: String,
    is_another: bool,
    /// Why it stays.
    problem: Option<String>,
}

pub(super) async fn ask_delete(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    let stored = stored(&visitor, resource, &key).await?;
    visitor.actor.require_write(resource)?;
    if let Some(why) = table.read_only(resource) {
        return Err(Error::ReadOnly(why));
    }
    confirm_delete(resource, &visitor, &stored, Why::Asked).await
}

/// Why the page is shown.
enum Why {
    /// It was asked for.
    Asked,
    /// What would be done is not what was confirmed.
    Another,
    /// The row stays, for this reason.
    Refused(String),
}

/// What goes when a row does, with what can go with it, which is ticked.
async fn going(resource: &'static Resource, visitor: &Visitor, stored: &Stored) -> Result<(Plan, Effect)> {
    let companions = companions::plan_deletion(visitor, resource, std::slice::from_ref(&stored.row)).await?;
    let mut operations = vec![Operation::Delete {
        resource,
        keys: vec![stored.row.key.clone()],
        version: None,
    }];
    operations.extend(companions.operations.iter().cloned());
    let effect = visitor.app.store.effect(&visitor.actor, &operations).await?;
    Ok((companions, effect))
}

/// 200 to ask, 422 where the row stays for this reason.
async fn confirm_delete(
    resource: &'static Resource,
    visitor: &Visitor,
    stored: &Stored,
    why: Why,
) -> Result<Response> {
    let is_another = matches!(why, Why::Another);
    let problem = match why {
        Why::Refused(problem) => Some(problem),
        Why::Asked | Why::Another => {
            let judged = expect_removable(&visitor.actor, resource, &stored.row);
            beyond(judged, resource).err().map(|problem| problem.message)
        }
    };
    let status = if problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let rows = std::slice::from_ref(&stored.row);
    let (companions, effect) = going(resource, visitor, stored).await?;
    let dependents = visitor
        .app
        .store
        .dependents(&visitor.actor, resource, rows, &companions.operations)
        .await?;
    let template = ConfirmDelete {
        page: visitor
            .page(&format!("Delete {}", resource.words.one), resource.slug)
            .await?,
        resource,
        key: stored.row.key.clone(),
        subject: text::plain(stored.row.text(resource.subject)),
        version: stored.image.version(),
        values: values_of(resource, &stored.row),
        dependents: Depending::all(visitor, dependents),
        companions: companions.told,
        asked: Question::whole(&effect).version(),
        effect: effect.sentences(),
        is_another,
        problem,
    };
    render(status, &template)
}

fn values_of(resource: &Resource, row: &Row) -> Vec<(&'static str, String)> {
    resource
        .columns
        .iter()
        .filter(|c| !c.rare && row.has(c.name))
        .map(|c| (c.label, shown(c.name, row.text(c.name))))
        .collect()
}

pub(super) async fn delete(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    fields: Fields,
) -> Result<Response> {
    if !fields.is_set("confirm") {
        return ask_delete(resource, visitor, key).await;
    }
    live(&visitor, resource).await?;
    let stored = stored(&visitor, resource, &key).await?;
    let version = fields.get("version").map(str::to_owned);
    // A row that was changed is compared first: its own conflict says more.
    let is_same = version
        .as_ref()
        .is_none_or(|seen| *seen == stored.image.version());
    if is_same && fields.get("asked").is_some() {
        let (_, effect) = going(resource, &visitor, &stored).await?;
        if !Question::whole(&effect).is_what_was_seen(&fields) {
            return confirm_delete(resource, &visitor, &stored, Why::Another).await;
        }
    }
    let key = stored.row.key.clone();
    let mut operations = vec![Operation::Delete {
        resource,
        keys: vec![key],
        version,
    }];
    let mut lines = vec![format!(
        "Deleted `{}`. It is kept in Changes.",
        text::plain(stored.row.text(resource.subject))
    )];
    if fields.is_set("companions") {
        let plan = companions::plan_deletion(&visitor, resource, std::slice::from_ref(&stored.row)).await?;
        operations.extend(plan.operations);
        lines.extend(plan.told);
    }
    match visitor.app.store.apply(&visitor.actor, &operations).await {
        Ok(applied) => {
            let done = Done {
                change: applied.change,
                lines,
                warnings: Vec::new(),
                link: None,
                secret: None,
            };
            report(&visitor, resource, done, None).await
        }
        Err(Refusal::Conflict(now)) => {
            let now = visitor.now(resource, &now).await?;
            visitor.conflict(resource, now, Vec::new(), &fields).await
        }
        Err(Refusal::Limit { why, .. }) => {
            confirm_delete(resource, &visitor, &stored, Why::Refused(why)).await
        }
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::Unstorable(why)) => Err(Error::Forbidden(why)),
        Err(other) => Err(Error::Unexpected(format!("deleting was refused: {other:?}"))),
    }
}
