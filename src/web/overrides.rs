//! `/overrides`: one person's mail sent elsewhere. The pages look like every table's; an override is kept whole by
//! `store::companions`.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};

use super::App;
use super::crud::CACHED;
use super::crud::bulk::{Action, Asked as AskedBulk, Review, already, finish, left_off};
use super::crud::conflict::{Now, Versions};
use super::crud::index::{Shown, respond};
use super::crud::refused::{Answer, refused};
use super::form::{Extra, Form, Stage, Typed};
use super::page::{Notice, see_other};
use super::request::{Asked, Fields, KeySegment, Visitor};
use super::text;
use super::urls;
use super::view::{Cell, RowView};
use crate::access::Scope;
use crate::config::OverrideTable;
use crate::error::{Error, Result};
use crate::resource::overrides::{IN_BACKUPS, IN_DOMAINS, PRESETS};
use crate::resource::{Draft, Problem, Resource};
use crate::store::{
    Enabling, ListQuery, MOST, Operation, Override, Plan, Refusal, Selection, Stored, Table, Warning,
};

/// The routes of overrides.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/overrides", get(index).post(create))
        .route("/overrides/new", get(blank))
        .route("/overrides/bulk", post(bulk))
        .route("/overrides/{key}", get(edit).post(save))
        .route("/overrides/{key}/edit", get(edit))
        .route("/overrides/{key}/delete", get(ask_delete).post(delete))
        .route("/overrides/{key}/enabled", post(set_enabled))
}

/// The table overrides are written to, and the other one.
fn places(app: &App) -> (&'static Resource, &'static Resource) {
    match app.config.overrides.table {
        OverrideTable::Domains => (&IN_DOMAINS, &IN_BACKUPS),
        OverrideTable::Backups => (&IN_BACKUPS, &IN_DOMAINS),
    }
}

/// The live table overrides are written to.
async fn live(visitor: &Visitor) -> Result<(&'static Resource, Table)> {
    let (place, _) = places(&visitor.app);
    let table = visitor.app.store.table(place).await?;
    let table = table.ok_or(Error::MissingTable(place.table))?;
    match table.read_only(place) {
        Some(why) => Err(Error::ReadOnly(why)),
        None => Ok((place, table)),
    }
}

async fn found(visitor: &Visitor, key: &KeySegment) -> Result<Override> {
    visitor
        .app
        .store
        .find_override(&visitor.actor, &urls::key(&key.0).to_lowercase())
        .await
}

async fn index(visitor: Visitor, Asked(query): Asked<ListQuery>) -> Result<Response> {
    let (place, _) = places(&visitor.app);
    let store = &visitor.app.store;
    let list = store.overrides(&visitor.actor, &query).await?;
    let read_only = store.table(place).await?.and_then(|table| table.read_only(place));
    let shown = Shown {
        rows: list.rows.iter().map(|row| view(&visitor, row)).collect(),
        next: list.next,
        total: list.total,
        has_enabled: true,
        read_only,
    };
    let columns = [
        ("domain", "Address", true),
        ("transport", "Goes to", false),
        ("", "Stored in", false),
        ("enabled", "Status", false),
    ];
    respond(&visitor, &IN_DOMAINS, query, columns.into_iter(), shown).await
}

/// An override as a list shows it.
pub(super) fn view(visitor: &Visitor, row: &Override) -> RowView {
    let (resource, first) = &row.rows[0];
    let mut view = RowView::new(resource, &visitor.app.store, &first.row, "");
    view.key.clone_from(&row.address);
    view.enabled = row.is_enabled();
    if row.rows.len() > 1 {
        let others: Vec<String> = row
            .rows
            .iter()
            .map(|(resource, stored)| {
                let state = if stored.row.is_enabled() { "" } else { ", off" };
                format!(
                    "`{}` in {}{state}",
                    text::plain(stored.row.text("transport")),
                    resource.table
                )
            })
            .collect();
        view.problems.push(format!(
            "Stored {} times: {}. Postfix takes whichever its map finds first; saving the override keeps one.",
            row.rows.len(),
            others.join(", ")
        ));
    }
    let mut tables: Vec<String> = row
        .rows
        .iter()
        .map(|(resource, _)| resource.table.to_owned())
        .collect();
    tables.dedup();
    let cell = |label, lines| Cell {
        label,
        lines,
        more: 0,
        prose: false,
        empty: "nothing",
    };
    view.cells = vec![
        cell("Goes to", vec![text::plain(row.transport())]),
        cell("Stored in", tables),
    ];
    view
}

async fn blank(visitor: Visitor, Asked(offered): Asked<BTreeMap<String, String>>) -> Result<Response> {
    let (place, table) = live(&visitor).await?;
    visitor.actor.require_write(place)?;
    let offer = |name: &str| offered.get(name).cloned().unwrap_or_default();
    let mut values = vec![("domain", offer("mail")), ("transport", offer("transport"))];
    if let Some(source) = offered.get("copy") {
        let source = found(&visitor, &KeySegment(source.clone())).await?;
        values = vec![
            ("domain", String::new()),
            ("transport", source.transport().to_owned()),
        ];
    }
    form(&visitor, place, &table, None, &values)
        .await?
        .respond_with_next(&visitor, offered.get("next"))
}

async fn edit(visitor: Visitor, key: KeySegment, headers: HeaderMap) -> Result<Response> {
    let (place, table) = live(&visitor).await?;
    let stored = found(&visitor, &key).await?;
    let values = vec![
        ("domain", stored.address.clone()),
        ("transport", stored.transport().to_owned()),
    ];
    let mut form = form(&visitor, place, &table, Some(&stored), &values).await?;
    form.next = super::crud::came_from(&visitor, place, &headers).unwrap_or_default();
    if stored.rows.len() > 1 {
        let warning = view(&visitor, &stored).problems;
        form.notes = warning;
    }
    form.respond()
}

async fn form(
    visitor: &Visitor,
    place: &'static Resource,
    table: &Table,
    stored: Option<&Override>,
    values: &Typed,
) -> Result<Form> {
    let title = stored.map_or_else(|| "New override".to_owned(), |s| text::plain(&s.address));
    let page = visitor.page(&title, place.slug).await?;
    let mut form = Form::new(page, place, table, values);
    // Switching off is the list's; an override is written to be on.
    form.fields.retain(|field| !field.is_switch());
    for field in &mut form.fields {
        if field.column.name == "domain" {
            field.name = "mail";
        } else {
            field.presets = PRESETS;
            field.suggestions = &[];
        }
    }
    if let Some(stored) = stored {
        form.key = Some(stored.address.clone());
        form.version = stored.version();
        form.subject = title;
    }
    form.writable = visitor.actor.may_write(place);
    let (_, other) = places(&visitor.app);
    form.extra = Extra::Override(place.table, other.table);
    Ok(form)
}

async fn create(visitor: Visitor, fields: Fields) -> Result<Response> {
    Saving::begin(visitor, None, fields).await?.run().await
}

async fn save(visitor: Visitor, key: KeySegment, fields: Fields) -> Result<Response> {
    let stored = found(&visitor, &key).await?;
    Saving::begin(visitor, Some(stored), fields).await?.run().await
}

/// A posted override on its way into the tables.
struct Saving {
    visitor: Visitor,
    place: &'static Resource,
    table: Table,
    stored: Option<Override>,
    fields: Fields,
    values: Typed,
}

impl Saving {
    async fn begin(visitor: Visitor, stored: Option<Override>, fields: Fields) -> Result<Self> {
        let (place, table) = live(&visitor).await?;
        visitor.actor.require_write(place)?;
        let typed = |name: &str, kept: &str| fields.get(name).unwrap_or(kept).to_owned();
        let (address, transport) = stored
            .as_ref()
            .map_or(("", ""), |stored| (stored.address.as_str(), stored.transport()));
        let values = vec![
            ("domain", typed("mail", address)),
            ("transport", typed("transport", transport)),
        ];
        Ok(Self {
            visitor,
            place,
            table,
            stored,
            fields,
            values,
        })
    }

    async fn run(self) -> Result<Response> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let on = self.stored.as_ref().is_none_or(Override::is_enabled);
        let mut checked = self.values.clone();
        checked.push(("enabled", u8::from(on).to_string()));
        let draft = match self.place.check(store.rules(), checked) {
            Ok(draft) => draft,
            Err(problems) => return self.refuse(&problems).await,
        };
        if let Some(problem) = self.not_allowed(&draft) {
            return self.refuse(&[problem]).await;
        }
        if let Some(stored) = &self.stored
            && self
                .fields
                .get("version")
                .is_some_and(|seen| seen != stored.version())
        {
            return self.conflict(stored).await;
        }
        let kept = self.stored.as_ref().and_then(|stored| {
            let mut rows = stored.rows.iter();
            rows.find(|(resource, _)| resource.table == self.place.table)
                .map(|(_, row)| row)
        });
        let mut warnings = match store
            .review(actor, self.place, &draft, kept.map(|row| (row, None)))
            .await
        {
            Ok(warnings) => warnings,
            Err(refusal) => return self.refused(refusal).await,
        };
        let mut plan = match store
            .plan_override(actor, self.place, &draft, self.stored.as_ref())
            .await
        {
            Ok(plan) => plan,
            Err(refusal) => return self.refused(refusal).await,
        };
        warnings.append(&mut plan.warnings);
        let (ask, tell): (Vec<Warning>, Vec<Warning>) = warnings.into_iter().partition(|w| w.confirm);
        if !ask.is_empty() && !self.fields.is_set("confirm") {
            let ask = ask.into_iter().map(|w| w.message).collect();
            return self.form().await?.with_warnings(ask).respond();
        }
        match store.apply(actor, &plan.operations).await {
            Ok(applied) => self.done(&draft, applied.change.is_some(), plan, tell).await,
            Err(refusal) => self.refused(refusal).await,
        }
    }

    /// Why a domain owner may not set this transport.
    fn not_allowed(&self, draft: &Draft) -> Option<Problem> {
        let transport = draft.text("transport");
        // What an operator has set for this address may stay there, and is not handed on to another.
        let kept = self
            .stored
            .as_ref()
            .is_some_and(|stored| stored.transport() == transport && stored.address == draft.text("domain"));
        if self.visitor.actor.scope == Scope::Everything || kept {
            return None;
        }
        let presets: Vec<String> = PRESETS
            .iter()
            .map(|(_, transport)| (*transport).to_owned())
            .collect();
        let configured = &self.visitor.app.config.overrides.allow;
        let allowed = if configured.is_empty() {
            &presets
        } else {
            configured
        };
        if allowed.iter().any(|pattern| allows(pattern, &transport)) {
            return None;
        }
        let list: Vec<String> = allowed.iter().map(|pattern| format!("`{pattern}`")).collect();
        Some(Problem {
            column: "transport",
            message: format!(
                "Your account may send mail to these only: {}. Ask the operator for another.",
                list.join(", ")
            ),
        })
    }

    async fn form(&self) -> Result<Form> {
        let mut form = form(
            &self.visitor,
            self.place,
            &self.table,
            self.stored.as_ref(),
            &self.values,
        )
        .await?;
        if let Some(seen) = self.fields.get("version") {
            seen.clone_into(&mut form.version);
        }
        form.again = self.fields.is_set("again");
        form.next = self
            .visitor
            .app
            .urls
            .own(self.fields.text("next"))
            .unwrap_or_default();
        Ok(form)
    }

    async fn refuse(&self, problems: &[Problem]) -> Result<Response> {
        self.form()
            .await?
            .with_problems(Stage::Refused, problems)
            .respond()
    }

    async fn refused(&self, refusal: Refusal) -> Result<Response> {
        match refused(refusal, self.place) {
            Answer::Error(Error::Forbidden(reason)) | Answer::Reason(reason) => {
                self.form().await?.with_reason(reason).respond()
            }
            Answer::Error(error) => Err(error),
            // One of the rows it consists of was changed in this very moment.
            Answer::Conflict(_) => {
                let reason = "One of the rows this override consists of was changed just now. Nothing was written; look \
                              at it again and save.";
                self.form().await?.with_reason(reason.to_owned()).respond()
            }
            Answer::Problem(problem, other) => {
                let mut form = self.form().await?.with_problems(Stage::Refused, &[problem]);
                form.other = other.map(|(slug, key)| self.visitor.app.urls.row(slug, &key));
                form.respond()
            }
        }
    }

    async fn conflict(&self, now: &Override) -> Result<Response> {
        let (resource, stored) = &now.rows[0];
        let by = self
            .visitor
            .app
            .store
            .author(&self.visitor.actor, resource, stored)
            .await?;
        let versions = |label, name, stored: &str, mine: &str| Versions {
            label,
            name,
            stored: text::plain(stored),
            mine: text::plain(mine),
            raw: mine.to_owned(),
        };
        let columns = vec![
            versions("Address", "mail", &now.address, &self.values[0].1),
            versions("Goes to", "transport", now.transport(), &self.values[1].1),
        ];
        let now = Now {
            key: now.address.clone(),
            version: now.version(),
            subject: text::plain(&now.address),
            changed_by: by.map(|(who, at)| (who, text::moment(at))),
        };
        self.visitor
            .conflict(self.place, now, columns, &self.fields)
            .await
    }

    async fn done(self, draft: &Draft, changed: bool, plan: Plan, tell: Vec<Warning>) -> Result<Response> {
        let address = draft.text("domain");
        let urls = &self.visitor.app.urls;
        let on = draft.text("enabled") == "1";
        let mut lines = vec![if changed && on {
            format!("Mail for `{address}` goes to `{}`.", draft.text("transport"))
        } else if changed {
            format!("Saved the override of `{address}`, which is off.")
        } else {
            format!("`{address}` was as you want it already; nothing was changed.")
        }];
        lines.extend(plan.told);
        let next = if self.fields.is_set("again") {
            Some(urls.page("/overrides/new"))
        } else {
            urls.own(self.fields.text("next"))
        };
        let link = Some(("Edit again".to_owned(), urls.row("overrides", &address)));
        leave(&self.visitor, lines, tell, changed, link).await?;
        Ok(see_other(&next.unwrap_or_else(|| urls.page("/overrides"))))
    }
}

/// Leaves a notice of what was done.
async fn leave(
    visitor: &Visitor,
    mut lines: Vec<String>,
    warnings: Vec<Warning>,
    changed: bool,
    link: Option<(String, String)>,
) -> Result<()> {
    let kind = if warnings.is_empty() { "ok" } else { "warn" };
    lines.extend(warnings.into_iter().map(|w| w.message));
    if changed {
        lines.push(CACHED.to_owned());
    }
    let notice = Notice {
        kind: kind.to_owned(),
        link,
        ..Notice::ok(lines)
    };
    visitor.notify(notice).await
}

/// Whether a pattern allows a transport; `*` and `TENANT` stand for one label of a host name.
fn allows(pattern: &str, transport: &str) -> bool {
    let pattern = pattern.replace("TENANT", "*");
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern.eq_ignore_ascii_case(transport);
    };
    let label = transport
        .strip_prefix(&before.to_lowercase())
        .and_then(|rest| rest.strip_suffix(&after.to_lowercase()));
    label.is_some_and(|l| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

async fn ask_delete(visitor: Visitor, key: KeySegment) -> Result<Response> {
    let (place, _) = live(&visitor).await?;
    let stored = found(&visitor, &key).await?;
    visitor.actor.require_write(place)?;
    let plan = visitor
        .app
        .store
        .plan_without_override(&visitor.actor, &stored)
        .await?;
    confirm_delete(&visitor, &stored, plan).await
}

async fn confirm_delete(visitor: &Visitor, stored: &Override, plan: Plan) -> Result<Response> {
    let page = visitor.page("Delete an override", IN_DOMAINS.slug).await?;
    let review = Review {
        action: page.row_url("overrides", &stored.address) + "/delete",
        back: page.row_url("overrides", &stored.address),
        page,
        resource: &IN_DOMAINS,
        title: format!("Delete the override of {}?", text::plain(&stored.address)),
        which: String::new(),
        verb: "Delete",
        what: "the override".to_owned(),
        count: 1,
        fields: vec![("version".to_owned(), stored.version())],
        names: Vec::new(),
        dependents: Vec::new(),
        companions: Vec::new(),
        warnings: plan.told,
        left_out: Vec::new(),
        problem: None,
        danger: true,
    };
    review.respond(None)
}

async fn delete(visitor: Visitor, key: KeySegment, fields: Fields) -> Result<Response> {
    let (place, _) = live(&visitor).await?;
    let stored = found(&visitor, &key).await?;
    visitor.actor.require_write(place)?;
    let store = &visitor.app.store;
    let plan = store.plan_without_override(&visitor.actor, &stored).await?;
    if !fields.is_set("confirm") {
        return confirm_delete(&visitor, &stored, plan).await;
    }
    if fields.get("version").is_some_and(|seen| seen != stored.version()) {
        let now = Now {
            key: stored.address.clone(),
            version: stored.version(),
            subject: text::plain(&stored.address),
            changed_by: None,
        };
        return visitor.conflict(place, now, Vec::new(), &fields).await;
    }
    applied(store.apply(&visitor.actor, &plan.operations).await)?;
    let mut lines = vec![format!("Deleted the override of `{}`.", stored.address)];
    lines.extend(plan.told);
    leave(&visitor, lines, Vec::new(), true, None).await?;
    let next = visitor.app.urls.own(fields.text("next"));
    Ok(see_other(
        &next.unwrap_or_else(|| visitor.app.urls.page("/overrides")),
    ))
}

/// Rows changed, where nothing about them can be refused for what was typed.
fn applied(result: Result<crate::store::Applied, Refusal>) -> Result<u32> {
    match result {
        Ok(applied) => Ok(applied.rows),
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
    for place in crate::resource::overrides::PLACES {
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

/// The first row that is off and that Postfix would choke on, with what is wrong with it.
fn unusable<'o>(visitor: &Visitor, stored: &'o Override) -> Option<(&'o Stored, Vec<Problem>)> {
    let rules = visitor.app.store.rules();
    let mut off = stored.rows.iter().filter(|(_, row)| !row.row.is_enabled());
    off.find_map(|(resource, row)| {
        let problems = row.row.switched_on().check(resource, rules).err()?;
        Some((row, problems))
    })
}

async fn confirm_enable(
    visitor: &Visitor,
    stored: &Override,
    plan: Plan,
    fields: &Fields,
) -> Result<Response> {
    let page = visitor.page("Enable an override", IN_DOMAINS.slug).await?;
    let mut warnings = plan.told;
    warnings.extend(plan.warnings.into_iter().map(|w| w.message));
    let review = Review {
        action: page.row_url("overrides", &stored.address) + "/enabled",
        back: page.row_url("overrides", &stored.address),
        page,
        resource: &IN_DOMAINS,
        title: format!("Enable the override of {}?", text::plain(&stored.address)),
        which: String::new(),
        verb: "Enable",
        what: "the override".to_owned(),
        count: 1,
        fields: fields.repeatable(),
        names: Vec::new(),
        dependents: Vec::new(),
        companions: Vec::new(),
        warnings,
        left_out: Vec::new(),
        problem: None,
        danger: false,
    };
    review.respond(None)
}

async fn set_enabled(visitor: Visitor, key: KeySegment, fields: Fields) -> Result<Response> {
    let (place, table) = live(&visitor).await?;
    let stored = found(&visitor, &key).await?;
    visitor.actor.require_write(place)?;
    let enabled = match fields.text("value") {
        "1" => true,
        "0" => false,
        other => {
            let values = vec![
                ("domain", stored.address.clone()),
                ("transport", stored.transport().to_owned()),
            ];
            let reason = format!("`{}` is neither 1 (on) nor 0 (off).", text::plain(other));
            return form(&visitor, place, &table, Some(&stored), &values)
                .await?
                .with_reason(reason)
                .respond();
        }
    };
    // Switching on is saving: Postfix must be able to use the transport, and the self alias has to be there.
    let mut operations = switching(&[&stored], enabled);
    let mut plan = Plan::default();
    if enabled && !stored.is_enabled() {
        if let Some((row, problems)) = unusable(&visitor, &stored) {
            let values = vec![
                ("domain", stored.address.clone()),
                ("transport", row.row.text("transport").to_owned()),
            ];
            return form(&visitor, place, &table, Some(&stored), &values)
                .await?
                .with_problems(Stage::Refused, &problems)
                .respond();
        }
        let store = &visitor.app.store;
        plan = store.plan_companions(&visitor.actor, &stored.address).await?;
        if !plan.warnings.is_empty() && !fields.is_set("confirm") {
            return confirm_enable(&visitor, &stored, plan, &fields).await;
        }
        operations.append(&mut plan.operations);
    }
    let changed = applied(visitor.app.store.apply(&visitor.actor, &operations).await)? > 0;
    let line = match (changed, enabled) {
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
    leave(&visitor, lines, Vec::new(), changed, None).await?;
    let next = visitor.app.urls.own(fields.text("next"));
    Ok(see_other(
        &next.unwrap_or_else(|| visitor.app.urls.page("/overrides")),
    ))
}

async fn bulk(visitor: Visitor, fields: Fields) -> Result<Response> {
    let (place, _) = live(&visitor).await?;
    visitor.actor.require_write(place)?;
    let asked = AskedBulk::read(&fields);
    let mut review = asked.review(&visitor, &IN_DOMAINS).await?;
    let Some(action) = asked.action else {
        return review.respond(Some("Choose Enable, Disable or Delete."));
    };
    let store = &visitor.app.store;
    let addresses = match &asked.selection {
        Selection::Keys(keys) => keys.iter().map(|key| key.to_lowercase()).collect(),
        Selection::Matching(query) => {
            store
                .override_addresses(&visitor.actor, query, Some(MOST))
                .await?
        }
    };
    let all = store.overrides_of(&visitor.actor, &addresses).await?;
    let chosen: Vec<&Override> = match action {
        Action::Enable => {
            let mut enabling = Enabling::default();
            for stored in all.iter().filter(|o| !o.is_enabled()) {
                match unusable(&visitor, stored) {
                    None => enabling.keys.push(stored.address.clone()),
                    Some((_, problems)) => {
                        let reason = problems.into_iter().next().map(|p| p.message).unwrap_or_default();
                        enabling.refused.push((stored.address.clone(), reason));
                    }
                }
            }
            review.left_out = left_off(&enabling, all.len());
            all.iter()
                .filter(|o| enabling.keys.contains(&o.address))
                .collect()
        }
        Action::Disable => {
            let on: Vec<&Override> = all.iter().filter(|o| o.is_enabled()).collect();
            review.left_out = already(all.len() - on.len(), "disabled");
            on
        }
        Action::Delete => all.iter().collect(),
    };
    let subjects: Vec<&str> = chosen.iter().map(|o| o.address.as_str()).collect();
    review.counting(&subjects);
    if chosen.is_empty() {
        return review.respond(Some("No override is selected that this would change."));
    }
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
        return review.respond(None);
    }
    applied(store.apply(&visitor.actor, &operations).await)?;
    let count = text::number(chosen.len() as u64);
    let noun = if chosen.len() == 1 {
        "override"
    } else {
        "overrides"
    };
    finish(
        &visitor,
        &IN_DOMAINS,
        &asked,
        format!("{} {count} {noun}.", action.past()),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_one_label_and_nothing_else() {
        let pattern = PRESETS[3].1;
        assert!(allows(pattern, "smtp:[acme-example.mail.protection.outlook.com]"));
        assert!(!allows(
            pattern,
            "smtp:[evil.example].mail.protection.outlook.com]"
        ));
        assert!(!allows(pattern, "smtp:[a.b.mail.protection.outlook.com]"));
        assert!(!allows(pattern, "smtp:[.mail.protection.outlook.com]"));
        assert!(allows("smtp:[aspmx.l.google.com]", "smtp:[aspmx.l.google.com]"));
        assert!(!allows(
            "smtp:[aspmx.l.google.com]",
            "smtp:[aspmx.l.google.com]:587"
        ));
    }
}
