//! Switching a row on or off from the list.

use axum::response::Response;

use super::refused::beyond;
use super::save::edit_form;
use super::{Done, companions, live, report, stored};
use crate::error::{Error, Result};
use crate::resource::{Problem, Resource};
use crate::store::{Operation, Refusal, Stored, Table, expect_switchable};
use crate::web::form::Stage;
use crate::web::question::Question;
use crate::web::request::{Fields, Visitor};
use crate::web::text;

/// Sets `enabled`, never toggles it. What a form would refuse or ask about is refused or asked about here too: switching
/// on a row that stops all mail is no better than typing it. Switching off is asked about only with `ask`, as the panel's
/// own pages send it: what is left to programs is done at once, and told.
pub(super) async fn set_enabled(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    fields: Fields,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    let stored = stored(&visitor, resource, &key).await?;
    let key = stored.row.key.clone();
    visitor.actor.require_write(resource)?;
    let enabled = match fields.text("value") {
        "1" => true,
        "0" => false,
        other => {
            let problem = Problem {
                column: "enabled",
                message: format!("`{}` is neither 1 (on) nor 0 (off).", text::plain(other)),
            };
            return refuse(&visitor, resource, &table, &stored, problem).await;
        }
    };
    if enabled != stored.row.is_enabled()
        && let Err(problem) = beyond(
            expect_switchable(&visitor.actor, resource, &stored.row, enabled),
            resource,
        )
    {
        return refuse(&visitor, resource, &table, &stored, problem).await;
    }
    let next = visitor.app.urls.own(fields.text("next"));
    let store = &visitor.app.store;
    let operation = Operation::SetEnabled {
        resource,
        keys: vec![key],
        enabled,
    };
    let switched = stored
        .row
        .clone()
        .with("enabled", if enabled { "1" } else { "0" });
    let mut warnings = Vec::new();
    if enabled != stored.row.is_enabled() {
        // Made only where it is shown: a page uses up the notices that wait.
        let form = async || {
            let values = switched.fields();
            let mut form =
                edit_form(&visitor, resource, &table, &stored, &values, &Fields::default()).await?;
            form.next = next.clone().unwrap_or_default();
            Ok::<_, Error>(form)
        };
        let mut found = Vec::new();
        if enabled {
            let draft = match switched.check(resource, store.rules()) {
                Ok(draft) => draft,
                Err(problems) => return form().await?.with_problems(Stage::Refused, &problems).respond(),
            };
            found = store.cautions(resource, &draft, Some(&stored.row));
            match companions::plan(&visitor, resource, &draft, Some(&stored), &Fields::default()).await {
                Ok(mut plan) => found.append(&mut plan.warnings),
                Err(why) => return why.answer(form().await?),
            }
        }
        let effect = store
            .effect(&visitor.actor, std::slice::from_ref(&operation))
            .await?;
        let question = Question::new(found, &effect);
        let asks = enabled || fields.is_set("ask");
        if asks && question.is_open(&fields) {
            return form().await?.with_question(question.after(&fields)).respond();
        }
        warnings = question.notice(asks);
    }
    let change = match store.apply(&visitor.actor, &[operation]).await {
        Ok(applied) => applied.change,
        Err(Refusal::Failed(error)) => return Err(error),
        Err(Refusal::Unstorable(why)) => {
            let values = stored.row.fields();
            return edit_form(&visitor, resource, &table, &stored, &values, &Fields::default())
                .await?
                .with_reason(why)
                .respond();
        }
        Err(Refusal::Limit { why, .. }) => return Err(Error::Forbidden(why)),
        Err(other) => return Err(Error::Unexpected(format!("switching was refused: {other:?}"))),
    };
    let subject = text::plain(stored.row.text(resource.subject));
    let line = match (change.is_some(), enabled) {
        (true, true) => format!("Enabled `{subject}`."),
        (true, false) => format!("Disabled `{subject}`."),
        (false, _) => format!("`{subject}` was as you want it already; nothing was changed."),
    };
    let done = Done {
        change,
        lines: vec![line],
        warnings,
        link: None,
        secret: None,
    };
    report(&visitor, resource, done, next).await
}

/// The form of the row as it is, with why it is not switched.
async fn refuse(
    visitor: &Visitor,
    resource: &'static Resource,
    table: &Table,
    stored: &Stored,
    problem: Problem,
) -> Result<Response> {
    let values = stored.row.fields();
    edit_form(visitor, resource, table, stored, &values, &Fields::default())
        .await?
        .with_problems(Stage::Refused, &[problem])
        .respond()
}
