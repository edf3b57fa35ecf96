//! The form of a row, and what becomes of it when it is sent.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::conflict::{Versions, shown};
use super::refused::{Answer, refused};
use super::{Done, companions, live, members, report, stored};
use crate::access::{Rights, Scope};
use crate::error::{Error, Result};
use crate::mail::domain_of;
use crate::resource::{Draft, Part, Resource};
use crate::store::{Operation, Refusal, Stored, Table};
use crate::web::form::{self, Form, Stage, Typed};
use crate::web::question::Question;
use crate::web::request::{Fields, Visitor};
use crate::web::text;

pub(super) async fn blank(
    resource: &'static Resource,
    visitor: Visitor,
    offered: BTreeMap<String, String>,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    visitor.actor.require_write(resource)?;
    visitor.require_add(resource)?;
    if let Some(why) = table.read_only(resource) {
        return Err(Error::ReadOnly(why));
    }
    let mut values = form::blank(resource, &table, &offered);
    if let Some(key) = offered.get("copy") {
        let source = super::stored(&visitor, resource, key).await?;
        // What the row is about and its directory are its own.
        for (name, value) in &mut values {
            let own = *name == resource.subject || resource.directory == Some(*name);
            if !own && source.row.has(name) {
                source.row.text(name).clone_into(value);
            }
        }
    }
    new_form(&visitor, resource, &table, &values, &Fields::default())
        .await?
        .respond_with_next(&visitor, offered.get("next"))
}

/// The form of a row that is not there yet.
pub(in crate::web) async fn new_form(
    visitor: &Visitor,
    resource: &'static Resource,
    table: &Table,
    values: &Typed,
    fields: &Fields,
) -> Result<Form> {
    let title = format!("New {}", resource.words.noun);
    let page = visitor.page(&title, resource.slug).await?;
    let mut form = Form::new(page, resource, table, values);
    form.extra = companions::extra(visitor, resource, table, None, values, fields).await?;
    form.limits = visitor.limits(resource, None).await?;
    form.without_rare_for(&visitor.actor);
    Ok(form)
}

pub(in crate::web) async fn edit(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    headers: HeaderMap,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    let stored = stored(&visitor, resource, &key).await?;
    let mut form = edit_form(
        &visitor,
        resource,
        &table,
        &stored,
        &stored.row.fields(),
        &Fields::default(),
    )
    .await?;
    form.next = came_from(&visitor, resource, &headers).unwrap_or_default();
    match stored.row.check(resource, visitor.app.store.rules()) {
        Err(problems) if form.writable => form.with_problems(Stage::Mend, &problems).respond(),
        _ => form.respond(),
    }
}

/// The state of the list a person came from, so that saving leads back there.
pub(in crate::web) fn came_from(
    visitor: &Visitor,
    resource: &Resource,
    headers: &HeaderMap,
) -> Option<String> {
    let referrer = url::Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    let list = visitor.app.urls.page(&format!("/{}", resource.slug));
    let query = referrer.query().filter(|_| referrer.path() == list)?;
    visitor.app.urls.own(&format!("{list}?{query}"))
}

/// The form of a stored row with these values in it.
pub(in crate::web) async fn edit_form(
    visitor: &Visitor,
    resource: &'static Resource,
    table: &Table,
    stored: &Stored,
    values: &Typed,
    fields: &Fields,
) -> Result<Form> {
    let subject = text::plain(stored.row.text(resource.subject));
    let title = if subject.is_empty() {
        resource.words.noun.to_owned()
    } else {
        subject.clone()
    };
    let page = visitor.page(&title, resource.slug).await?;
    let mut form = Form::new(page, resource, table, values);
    form.key = Some(stored.row.key.clone());
    form.version = stored.image.version();
    form.subject = title;
    let changeable = visitor.actor.require_write(resource).is_ok() && table.read_only(resource).is_none();
    let rights = visitor.actor.rights(resource, stored.row.text(resource.subject));
    form.writable = changeable && rights == Rights::All;
    form.removable = changeable && rights != Rights::Read;
    if changeable && rights != Rights::All {
        let domain = domain_of(stored.row.text(resource.subject));
        form.limits.told = visitor.actor.kept(resource, Some(&domain));
    }
    form.extra = companions::extra(visitor, resource, table, Some(stored), values, fields).await?;
    form.history = Some(visitor.history(resource, &stored.row.key).await?);
    form.without_rare_for(&visitor.actor);
    Ok(form)
}

/// A posted form on its way into the table.
struct Saving<'a> {
    visitor: &'a Visitor,
    resource: &'static Resource,
    table: Table,
    /// The row that is edited.
    stored: Option<Stored>,
    fields: Fields,
    values: Typed,
}

pub(super) async fn save(
    resource: &'static Resource,
    visitor: Visitor,
    key: Option<String>,
    fields: Fields,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    // Looked for first: a row that is not the actor's is not there, whatever else the actor may not do.
    let stored = match &key {
        Some(key) => Some(super::stored(&visitor, resource, key).await?),
        None => None,
    };
    visitor.actor.require_write(resource)?;
    let mut values = form::typed(resource, &table, &fields, stored.as_ref().map(|s| &s.row));
    if visitor.actor.scope != Scope::Everything {
        form::keep_rare(&mut values, resource, &table, stored.as_ref().map(|s| &s.row));
    }
    Saving {
        visitor: &visitor,
        resource,
        table,
        stored,
        fields,
        values,
    }
    .run()
    .await
}

impl Saving<'_> {
    async fn run(self) -> Result<Response> {
        if let Some(why) = form::without_column(self.resource, &self.table, &self.fields) {
            return self.form().await?.with_reason(why).respond();
        }
        let checked = with_defaults(self.resource, &self.table, &self.meant());
        let mut draft = match self.resource.check(self.visitor.app.store.rules(), checked) {
            Ok(draft) => draft,
            Err(problems) => {
                return self
                    .form()
                    .await?
                    .with_problems(Stage::Refused, &problems)
                    .respond();
            }
        };
        let before = self
            .stored
            .as_ref()
            .map(|stored| (stored, self.fields.get("version")));
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let mut warnings = match store.review(actor, self.resource, &draft, before).await {
            Ok(warnings) => warnings,
            Err(refusal) => return self.refused(refusal).await,
        };
        let stored = self.stored.as_ref();
        let planned = companions::plan(self.visitor, self.resource, &draft, stored, &self.fields);
        let mut plan = match planned.await {
            Ok(plan) => plan,
            Err(why) => return why.answer(self.form().await?),
        };
        warnings.append(&mut plan.warnings);
        let planned = [vec![self.operation(&draft)], plan.operations.clone()].concat();
        let effect = store.effect(actor, &planned).await?;
        let question = Question::new(warnings, &effect);
        if question.is_open(&self.fields) {
            // What is asked about may be a row of the same name that somebody else has just added.
            if let Err(refusal) = store.review(actor, self.resource, &draft, before).await {
                return self.refused(refusal).await;
            }
            return self
                .form()
                .await?
                .with_question(question.after(&self.fields))
                .respond();
        }
        let is_new = self.stored.is_none();
        let secret =
            companions::seal_password(self.visitor, &self.table, &mut draft, is_new, &self.fields).await?;
        let mut operations = vec![self.operation(&draft)];
        operations.append(&mut plan.operations);
        match store.apply(actor, &operations).await {
            Ok(applied) => {
                let key = applied.keys.first().map(String::as_str).unwrap_or_default();
                let outcome = Outcome {
                    change: applied.change,
                    told: plan.told,
                    secret,
                };
                self.done(&draft, key, outcome, question.notice(true)).await
            }
            Err(refusal) => self.refused(refusal).await,
        }
    }

    /// The values as they are meant: of a list, with the members that are added and without those that are removed.
    fn meant(&self) -> Typed {
        let mut values = self.values.clone();
        if self.resource.part == Part::Lists {
            members::with_members(&mut values, &self.fields);
        }
        values
    }

    fn operation(&self, draft: &Draft) -> Operation {
        let (resource, draft) = (self.resource, draft.clone());
        match &self.stored {
            None => Operation::Create { resource, draft },
            Some(stored) => Operation::Update {
                resource,
                key: stored.row.key.clone(),
                version: self.fields.get("version").map(str::to_owned),
                draft,
            },
        }
    }

    /// The form as it was sent.
    async fn form(&self) -> Result<Form> {
        let mut form = if let Some(stored) = &self.stored {
            let mut form = edit_form(
                self.visitor,
                self.resource,
                &self.table,
                stored,
                &self.values,
                &self.fields,
            )
            .await?;
            // The comparison stays with the row the person saw, not with the one there is now.
            if let Some(seen) = self.fields.get("version") {
                seen.clone_into(&mut form.version);
            }
            form
        } else {
            new_form(
                self.visitor,
                self.resource,
                &self.table,
                &self.values,
                &self.fields,
            )
            .await?
        };
        form.again = self.fields.is_set("again");
        form.next = self
            .visitor
            .app
            .urls
            .own(self.fields.text("next"))
            .unwrap_or_default();
        Ok(form)
    }

    async fn refused(self, refusal: Refusal) -> Result<Response> {
        match refused(refusal, self.resource) {
            Answer::Error(error) => Err(error),
            Answer::Conflict(now) => self.conflict(&now).await,
            Answer::Reason(reason) => self.form().await?.with_reason(reason).respond(),
            Answer::Problem(problem, other) => {
                let mut form = self.form().await?.with_problems(Stage::Refused, &[problem]);
                form.other = other.map(|(slug, key)| self.visitor.app.urls.row(slug, &key));
                form.respond()
            }
        }
    }

    /// 409: the row was changed in between; both versions side by side, nothing written.
    async fn conflict(&self, now: &Stored) -> Result<Response> {
        let columns = self
            .meant()
            .iter()
            .filter(|(name, _)| now.row.has(name))
            .map(|(name, mine)| Versions {
                label: self.resource.column(name).map_or("", |c| c.label),
                name,
                stored: shown(name, now.row.text(name)),
                mine: shown(name, mine),
                raw: mine.clone(),
            })
            .collect();
        let now = self.visitor.now(self.resource, now).await?;
        self.visitor
            .conflict(self.resource, now, columns, &self.fields)
            .await
    }

    /// 303 to the list, or to another new form, with a notice of what happened.
    async fn done(
        self,
        draft: &Draft,
        key: &str,
        outcome: Outcome,
        warnings: Vec<String>,
    ) -> Result<Response> {
        let change = outcome.change;
        let urls = &self.visitor.app.urls;
        let subject = draft.text(self.resource.subject);
        let next = if self.fields.is_set("again") {
            Some(urls.page(&format!("/{}/new", self.resource.slug)))
        } else {
            urls.own(self.fields.text("next"))
        };
        let mut lines = vec![if change.is_some() {
            format!("Saved `{subject}`.")
        } else {
            format!("`{subject}` was as you want it already; nothing was changed.")
        }];
        for (column, typed, stored) in &draft.normalised {
            let label = self.resource.column(column).map_or("", |c| c.label);
            if !typed.is_empty() && !stored.is_empty() {
                let (typed, stored) = (text::short(&text::plain(typed)), text::short(stored));
                lines.push(format!("{label} is stored as `{stored}` (typed: `{typed}`)."));
            }
        }
        lines.extend(outcome.told);
        let link = Some(("Edit again".to_owned(), urls.row(self.resource.slug, key)));
        let done = Done {
            change,
            lines,
            warnings,
            link,
            secret: outcome
                .secret
                .map(|password| self.visitor.app.secrets.keep(&password)),
        };
        report(self.visitor, self.resource, done, next).await
    }
}

/// What became of a save.
struct Outcome {
    /// The number of the change; `None` where everything was so already.
    change: Option<u64>,
    /// What was written beside the row itself.
    told: Vec<String>,
    /// A password to be shown once.
    secret: Option<String>,
}

/// What the form has, and defaults for columns the live table lacks.
pub(in crate::web) fn with_defaults(resource: &Resource, table: &Table, values: &Typed) -> Typed {
    let lacking = resource
        .columns
        .iter()
        .filter(|c| !table.has(c.name))
        .map(|c| (c.name, c.default.to_owned()));
    values.iter().cloned().chain(lacking).collect()
}
