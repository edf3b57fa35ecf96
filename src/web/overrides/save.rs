//! The form of an override when it is sent.

use axum::response::Response;

use super::allowed::not_allowed;
use super::{Chosen, form, found, leave, live};
use crate::error::{Error, Result};
use crate::resource::{Draft, Problem, Resource};
use crate::store::{Override, Plan, Refusal, Table};
use crate::web::crud::conflict::{Now, Versions};
use crate::web::crud::refused::{Answer, refused};
use crate::web::form::{Form, Stage, Typed};
use crate::web::page::see_other;
use crate::web::question::Question;
use crate::web::request::{Fields, KeySegment, Visitor};
use crate::web::text;

pub(super) async fn create(visitor: Visitor, fields: Fields) -> Result<Response> {
    Saving::begin(visitor, None, fields).await?.run().await
}

pub(super) async fn save(visitor: Visitor, key: KeySegment, fields: Fields) -> Result<Response> {
    let stored = found(&visitor, &key).await?;
    Saving::begin(visitor, Some(stored), fields).await?.run().await
}

/// A posted override on its way into the tables.
struct Saving {
    visitor: Visitor,
    chosen: Chosen,
    place: &'static Resource,
    table: Table,
    stored: Option<Override>,
    fields: Fields,
    values: Typed,
}

impl Saving {
    async fn begin(visitor: Visitor, stored: Option<Override>, fields: Fields) -> Result<Self> {
        let (chosen, table) = live(&visitor, stored.as_ref()).await?;
        let place = chosen.place;
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
            chosen,
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
        let question = Question::new(warnings, &store.effect(actor, &plan.operations).await?);
        if question.is_open(&self.fields) {
            return self
                .form()
                .await?
                .with_question(question.after(&self.fields))
                .respond();
        }
        match store.apply(actor, &plan.operations).await {
            Ok(applied) => {
                self.done(&draft, applied.change, plan, question.notice(true))
                    .await
            }
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
        if kept {
            return None;
        }
        not_allowed(&self.visitor, &draft.text("domain"), &transport)
    }

    async fn form(&self) -> Result<Form> {
        let mut form = form(
            &self.visitor,
            self.chosen,
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

    async fn done(
        self,
        draft: &Draft,
        change: Option<u64>,
        plan: Plan,
        warnings: Vec<String>,
    ) -> Result<Response> {
        let changed = change.is_some();
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
        leave(&self.visitor, lines, warnings, change, link).await?;
        Ok(see_other(&next.unwrap_or_else(|| urls.page("/overrides"))))
    }
}
