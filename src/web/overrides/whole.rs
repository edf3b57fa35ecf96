//! Overrides as a whole: deleted, switched on and off, one or many.

use std::collections::HashSet;
use std::sync::Arc;

use axum::response::Response;

use super::allowed::not_allowed;
use super::{Chosen, form, found, leave, live};
use crate::error::{Error, Result};
use crate::resource::Problem;
use crate::resource::overrides::{IN_DOMAINS, PLACES};
use crate::store::{
    Applied, Effect, Enabling, MOST, Note, Operation, Override, Plan, Refusal, Selection, Stored, Table,
};
use crate::web::confirmed::{Answering, Confirmed};
use crate::web::crud::bulk::{
    Action, Asked as AskedBulk, NO_ACTION, NOTHING, Review, already, finish, left_off, refusal, too_many,
    why_not,
};
use crate::web::crud::bulk_edit::{Chosen as ChosenRows, Way};
use crate::web::crud::conflict::Now;
use crate::web::form::Stage;
use crate::web::page::see_other;
use crate::web::question::{ANOTHER, Question};
use crate::web::request::{Fields, KeySegment, Visitor};
use crate::web::text;

pub(super) async fn ask_delete(visitor: Visitor, key: KeySegment) -> Result<Response> {
    let stored = found(&visitor, &key).await?;
    let (chosen, _) = live(&visitor, Some(&stored)).await?;
    visitor.actor.require_write(chosen.place)?;
    let plan = visitor
        .app
        .store
        .plan_without_override(&visitor.actor, &stored)
        .await?;
    confirm_delete(&visitor, &stored, plan, None).await
}

/// With the reason where it stays.
async fn confirm_delete(
    visitor: &Visitor,
    stored: &Override,
    plan: Plan,
    problem: Option<&str>,
) -> Result<Response> {
    let effect = visitor.app.store.effect(&visitor.actor, &plan.operations).await?;
    let fields = vec![
        ("version".to_owned(), stored.version()),
        ("asked".to_owned(), Question::whole(&effect).version()),
    ];
    asking(visitor, stored, Action::Delete, fields, plan, &effect)
        .await?
        .respond(problem)
}

/// Why an owner may not do this to an override.
fn limit(visitor: &Visitor, stored: &Override, action: Action) -> Option<String> {
    let mut rows = stored.rows.iter();
    rows.find_map(|(resource, stored)| refusal(visitor, resource, action, &stored.row))
}

/// What of the limits stood in the way of what was applied.
fn beyond_limits(result: &Result<Applied, Refusal>) -> Option<&str> {
    match result {
        Err(Refusal::Limit { why, .. }) => Some(why),
        _ => None,
    }
}

/// The page that asks about one override, with what is written beside its row.
async fn asking(
    visitor: &Visitor,
    stored: &Override,
    action: Action,
    fields: Vec<(String, String)>,
    plan: Plan,
    effect: &Effect,
) -> Result<Review> {
    let (verb, danger) = (action.verb(), action == Action::Delete);
    let path = if danger { "/delete" } else { "/enabled" };
    let page = visitor
        .page(&format!("{verb} an override"), IN_DOMAINS.slug)
        .await?;
    let mut warnings = plan.told;
    warnings.extend(plan.warnings.into_iter().map(|w| w.message));
    Ok(Review {
        action: page.row_url("overrides", &stored.address) + path,
        back: page.row_url("overrides", &stored.address),
        page,
        resource: &IN_DOMAINS,
        title: format!("{verb} the override of {}?", text::plain(&stored.address)),
        which: String::new(),
        verb,
        what: "the override".to_owned(),
        count: 1,
        fields,
        names: Vec::new(),
        dependents: Vec::new(),
        effect: effect.sentences(),
        companions: Vec::new(),
        warnings,
        left_out: Vec::new(),
        problem: None,
        danger,
    })
}

pub(super) async fn delete(visitor: Visitor, key: KeySegment, fields: Fields) -> Result<Response> {
    let stored = found(&visitor, &key).await?;
    let (chosen, _) = live(&visitor, Some(&stored)).await?;
    visitor.actor.require_write(chosen.place)?;
    let store = &visitor.app.store;
    let plan = store.plan_without_override(&visitor.actor, &stored).await?;
    if !fields.is_set("confirm") {
        return confirm_delete(&visitor, &stored, plan, None).await;
    }
    if fields.get("version").is_some_and(|seen| seen != stored.version()) {
        let now = Now {
            key: stored.address.clone(),
            version: stored.version(),
            subject: text::plain(&stored.address),
            changed_by: None,
        };
        return visitor.conflict(chosen.place, now, Vec::new(), &fields).await;
    }
    if fields.get("asked").is_some() {
        let effect = store.effect(&visitor.actor, &plan.operations).await?;
        if !Question::whole(&effect).is_what_was_seen(&fields) {
            let mut plan = plan;
            plan.told.insert(0, ANOTHER.to_owned());
            return confirm_delete(&visitor, &stored, plan, None).await;
        }
    }
    let result = store.apply(&visitor.actor, &plan.operations).await;
    if let Some(why) = beyond_limits(&result) {
        return confirm_delete(&visitor, &stored, plan, Some(why)).await;
    }
    let change = applied(result)?;
    let mut lines = vec![format!("Deleted the override of `{}`.", stored.address)];
    lines.extend(plan.told);
    leave(&visitor, lines, Vec::new(), change, None).await?;
    let next = visitor.app.urls.own(fields.text("next"));
    Ok(see_other(
        &next.unwrap_or_else(|| visitor.app.urls.page("/overrides")),
    ))
}

/// The number of the change, where nothing about it can be refused for what was typed.
fn applied(result: Result<Applied, Refusal>) -> Result<Option<u64>> {
    match result {
        Ok(applied) => Ok(applied.change),
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::Unstorable(why)) => Err(Error::Forbidden(why)),
        Err(Refusal::Conflict(_)) => Err(Error::Busy),
        Err(other) => Err(Error::Unexpected(format!(
            "a change of overrides was refused: {other:?}"
        ))),
    }
}

/// Sets every row of the override.
fn switching(overrides: &[&Override], enabled: bool) -> Vec<Operation> {
    let mut operations = Vec::new();
    for place in PLACES {
        let keys: Vec<String> = overrides
            .iter()
            .flat_map(|o| &o.rows)
            .filter(|(resource, stored)| resource.table == place.table && stored.row.is_enabled() != enabled)
            .map(|(_, stored)| stored.row.key.clone())
            .collect();
        if !keys.is_empty() {
            operations.push(Operation::SetEnabled {
                resource: place,
                keys,
                enabled,
            });
        }
    }
    operations
}

/// The first row that is off and that Postfix would choke on, or that the visitor may not have on, with what is wrong with
/// it.
fn unusable<'o>(visitor: &Visitor, stored: &'o Override) -> Option<(&'o Stored, Vec<Problem>)> {
    let rules = visitor.app.store.rules();
    let mut off = stored.rows.iter().filter(|(_, row)| !row.row.is_enabled());
    off.find_map(|(resource, row)| {
        if let Err(problems) = row.row.switched_on().check(resource, rules) {
            return Some((row, problems));
        }
        let problem = not_allowed(visitor, &stored.address, row.row.text("transport").trim())?;
        Some((row, vec![problem]))
    })
}

pub(super) async fn set_enabled(visitor: Visitor, key: KeySegment, fields: Fields) -> Result<Response> {
    let stored = found(&visitor, &key).await?;
    let (chosen, table) = live(&visitor, Some(&stored)).await?;
    visitor.actor.require_write(chosen.place)?;
    let enabled = match fields.text("value") {
        "1" => true,
        "0" => false,
        other => {
            let reason = format!("`{}` is neither 1 (on) nor 0 (off).", text::plain(other));
            return refused(&visitor, chosen, &table, &stored, reason).await;
        }
    };
    let action = if enabled { Action::Enable } else { Action::Disable };
    if let Some(why) = limit(&visitor, &stored, action).filter(|_| enabled != stored.is_enabled()) {
        return refused(&visitor, chosen, &table, &stored, why).await;
    }
    // Switching on is saving: Postfix must be able to use the transport, and the self alias has to be there.
    let mut operations = switching(&[&stored], enabled);
    let mut plan = Plan::default();
    if enabled && !stored.is_enabled() {
        if let Some((row, problems)) = unusable(&visitor, &stored) {
            let values = vec![
                ("domain", stored.address.clone()),
                ("transport", row.row.text("transport").to_owned()),
            ];
            return form(&visitor, chosen, &table, Some(&stored), &values)
                .await?
                .with_problems(Stage::Refused, &problems)
                .respond();
        }
        plan = visitor
            .app
            .store
            .plan_companions(&visitor.actor, &stored.address)
            .await?;
        operations.append(&mut plan.operations.clone());
    }
    let effect = visitor.app.store.effect(&visitor.actor, &operations).await?;
    let mut warnings = plan.warnings.clone();
    // Whatever is odd about its companions is asked about.
    for warning in &mut warnings {
        warning.confirm = true;
    }
    let question = Question::new(warnings, &effect);
    // As with every switch: off is asked about only with `ask`.
    let asks = enabled || fields.is_set("ask");
    if asks && question.is_open(&fields) {
        let mut again = fields.repeatable();
        again.retain(|(name, _)| !matches!(name.as_str(), "confirm" | "asked"));
        again.push(("asked".to_owned(), question.version()));
        if fields.is_set("confirm") {
            plan.told.insert(0, ANOTHER.to_owned());
        }
        return asking(&visitor, &stored, action, again, plan, &effect)
            .await?
            .respond(None);
    }
    let result = visitor.app.store.apply(&visitor.actor, &operations).await;
    if let Some(why) = beyond_limits(&result) {
        return refused(&visitor, chosen, &table, &stored, why.to_owned()).await;
    }
    let change = applied(result)?;
    let line = match (change.is_some(), enabled) {
        (true, true) => format!("Enabled the override of `{}`.", stored.address),
        (true, false) => format!(
            "Disabled the override of `{}`: its mail takes the route of its domain again.",
            stored.address
        ),
        (false, _) => format!(
            "`{}` was as you want it already; nothing was changed.",
            stored.address
        ),
    };
    let mut lines = vec![line];
    lines.extend(plan.told);
    leave(&visitor, lines, question.notice(asks), change, None).await?;
    let next = visitor.app.urls.own(fields.text("next"));
    Ok(see_other(
        &next.unwrap_or_else(|| visitor.app.urls.page("/overrides")),
    ))
}

/// The override's form as it is, with why nothing was switched.
async fn refused(
    visitor: &Visitor,
    chosen: Chosen,
    table: &Table,
    stored: &Override,
    reason: String,
) -> Result<Response> {
    let values = vec![
        ("domain", stored.address.clone()),
        ("transport", stored.transport().to_owned()),
    ];
    form(visitor, chosen, table, Some(stored), &values)
        .await?
        .with_reason(reason)
        .respond()
}

pub(super) async fn bulk(visitor: Visitor, fields: Fields) -> Result<Response> {
    if let Some(way) = Way::named(fields.text("action")) {
        return edit_many(Arc::new(visitor), fields, way, false).await;
    }
    change_many(Arc::new(visitor), fields).await
}

/// The overrides that were chosen, or why nothing can be done.
async fn chosen(visitor: &Visitor, asked: &AskedBulk) -> Result<Result<Vec<Override>, String>> {
    let store = &visitor.app.store;
    let addresses = match &asked.selection {
        Selection::Keys(keys) => keys.iter().map(|key| key.to_lowercase()).collect(),
        Selection::Matching(query) => {
            store
                .override_addresses(&visitor.actor, query, Some(MOST + 1))
                .await?
        }
    };
    if addresses.len() > MOST {
        return Ok(Err(too_many()));
    }
    store.overrides_of(&visitor.actor, &addresses).await.map(Ok)
}

/// Their transports, set or searched and replaced.
fn edit_many(visitor: Arc<Visitor>, fields: Fields, way: Way, again: bool) -> Answering {
    Box::pin(async move {
        let (usual, _) = live(&visitor, None).await?;
        visitor.actor.require_write(usual.place)?;
        let asked = AskedBulk::read(&fields);
        let problem = match chosen(&visitor, &asked).await? {
            Ok(overrides) if overrides.is_empty() => NOTHING.to_owned(),
            Ok(overrides) => {
                let chosen = ChosenRows {
                    resource: &IN_DOMAINS,
                    rows: overrides.into_iter().flat_map(|stored| stored.rows).collect(),
                    left_out: Vec::new(),
                    anew: Box::new(move |visitor, fields| edit_many(visitor, fields, way, true)),
                };
                return chosen.answer(visitor, asked, way, again).await;
            }
            Err(problem) => problem,
        };
        asked.review(&visitor, &IN_DOMAINS).await?.respond(Some(&problem))
    })
}

async fn change_many(visitor: Arc<Visitor>, fields: Fields) -> Result<Response> {
    let (usual, _) = live(&visitor, None).await?;
    visitor.actor.require_write(usual.place)?;
    let asked = AskedBulk::read(&fields);
    let mut review = asked.review(&visitor, &IN_DOMAINS).await?;
    let Some(action) = asked.action else {
        return review.respond(Some(NO_ACTION));
    };
    let all = match chosen(&visitor, &asked).await? {
        Ok(all) => all,
        Err(problem) => return review.respond(Some(&problem)),
    };
    let chosen = concerned(&visitor, action, &all, &mut review);
    if let Some(why) = chosen.iter().find_map(|stored| limit(&visitor, stored, action)) {
        return review.respond(Some(&why));
    }
    let subjects: Vec<&str> = chosen.iter().map(|o| o.address.as_str()).collect();
    review.counting(&subjects);
    if chosen.is_empty() {
        return review.respond(Some("No override is selected that this would change."));
    }
    let store = &visitor.app.store;
    let mut operations = match action {
        Action::Enable | Action::Disable => switching(&chosen, action == Action::Enable),
        Action::Delete => Vec::new(),
    };
    for stored in &chosen {
        let plan = match action {
            Action::Disable => break,
            Action::Enable => store.plan_companions(&visitor.actor, &stored.address).await?,
            Action::Delete => store.plan_without_override(&visitor.actor, stored).await?,
        };
        review.warnings.extend(plan.told);
        review
            .warnings
            .extend(plan.warnings.into_iter().map(|w| w.message));
        operations.extend(plan.operations);
    }
    if !asked.is_confirmed(chosen.len()) {
        review.effect = store.effect(&visitor.actor, &operations).await?.sentences();
        return review.respond(None);
    }
    let confirmed = Confirmed {
        title: format!("{} {}", review.verb, review.what),
        operations,
        note: Note::default(),
    };
    let (line, back) = (format!("{} {}.", action.past(), review.what), review.back.clone());
    let done =
        move |visitor: &Visitor, applied: &Applied| (finish(visitor, &IN_DOMAINS, line, applied), back);
    let refused = move |_: Arc<Visitor>, refusal: Refusal| -> Answering {
        Box::pin(async move { review.respond(Some(&why_not(refusal)?)) })
    };
    confirmed.carry_out(&visitor, done, refused).await
}

/// Those of the overrides that would change; the page says what becomes of the others.
fn concerned<'o>(
    visitor: &Visitor,
    action: Action,
    all: &'o [Override],
    review: &mut Review,
) -> Vec<&'o Override> {
    match action {
        Action::Enable => {
            let mut enabling = Enabling::default();
            for stored in all.iter().filter(|o| !o.is_enabled()) {
                match unusable(visitor, stored) {
                    None => enabling.keys.push(stored.address.clone()),
                    Some((_, problems)) => {
                        let reason = problems.into_iter().next().map(|p| p.message).unwrap_or_default();
                        enabling.refused.push((stored.address.clone(), reason));
                    }
                }
            }
            review.left_out = left_off(&enabling, all.len());
            let on: HashSet<&String> = enabling.keys.iter().collect();
            all.iter().filter(|o| on.contains(&o.address)).collect()
        }
        Action::Disable => {
            let on: Vec<&Override> = all.iter().filter(|o| o.is_enabled()).collect();
            review.left_out = already(all.len() - on.len(), "disabled");
            on
        }
        Action::Delete => all.iter().collect(),
    }
}
