//! Switching a row on or off from the list.

use axum::response::Response;

use super::save::{edit_form, with_defaults};
use super::{live, may_change, report};
use crate::error::{Error, Result};
use crate::resource::{Problem, Resource};
use crate::store::{Operation, Refusal, Warning};
use crate::web::form::Stage;
use crate::web::page::Notice;
use crate::web::request::{Fields, Visitor};
use crate::web::{text, urls};

/// Sets `enabled`, never toggles it. What a form would refuse or ask about is refused or asked about here too: switching
/// on a row that stops all mail is no better than typing it.
pub(super) async fn set_enabled(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    fields: Fields,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    may_change(&visitor, resource)?;
    let key = urls::key(&key).to_owned();
    let stored = visitor.app.store.find(&visitor.actor, resource, &key).await?;
    let enabled = match fields.text("value") {
        "1" => true,
        "0" => false,
        other => {
            let message = format!("`{}` is neither 1 (on) nor 0 (off).", text::plain(other));
            let form = edit_form(&visitor, resource, &table, &stored, &stored.row.fields()).await?;
            return form
                .with_problems(
                    Stage::Refused,
                    &[Problem {
                        column: "enabled",
                        message,
                    }],
                )
                .respond();
        }
    };
    let next = visitor.app.urls.own(fields.text("next"));
    let mut tell = Vec::new();
    if enabled && !stored.row.is_enabled() {
        let mut values = stored.row.fields();
        for value in values.iter_mut().filter(|(name, _)| *name == "enabled") {
            "1".clone_into(&mut value.1);
        }
        let mut form = edit_form(&visitor, resource, &table, &stored, &values).await?;
        form.next = next.clone().unwrap_or_default();
        let store = &visitor.app.store;
        let draft = match resource.check(store.rules(), with_defaults(resource, &table, &values)) {
            Ok(draft) => draft,
            Err(problems) => return form.with_problems(Stage::Refused, &problems).respond(),
        };
        let (ask, others): (Vec<Warning>, Vec<Warning>) = store
            .warnings(&visitor.actor, resource, &draft, Some(&stored.row))
            .await?
            .into_iter()
            .partition(|w| w.confirm);
        if !ask.is_empty() && !fields.is_set("confirm") {
            return form
                .with_warnings(ask.into_iter().map(|w| w.message).collect())
                .respond();
        }
        tell = others;
    }
    let operation = Operation::SetEnabled {
        resource,
        key,
        enabled,
    };
    match visitor.app.store.apply(&visitor.actor, &[operation]).await {
        Ok(_) => {}
        Err(Refusal::Failed(error)) => return Err(error),
        Err(other) => return Err(Error::Unexpected(format!("switching was refused: {other:?}"))),
    }
    let subject = text::plain(stored.row.text(resource.subject));
    let mut lines = vec![format!(
        "{} `{subject}`.",
        if enabled { "Enabled" } else { "Disabled" }
    )];
    let kind = if tell.is_empty() { "ok" } else { "warn" }.to_owned();
    lines.extend(tell.into_iter().map(|w| w.message));
    report(
        &visitor,
        resource,
        Notice {
            kind,
            lines,
            link: None,
        },
        next,
    )
    .await
}
