//! What will be written, before it is; and its being written.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Kindred;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::resource::{Problem, Resource};
use crate::store::{Applied, Note, Plan, Refusal, Written};
use crate::web::crud::refused::Answer;
use crate::web::crud::{self, CACHED};
use crate::web::page::{Notice, Page, render, see_other};
use crate::web::request::{Fields, Visitor};
use crate::web::text;
use crate::web::urls::query;
use crate::web::written::Line;

#[derive(Template)]
#[template(path = "departures/review.html")]
struct Review {
    page: Page,
    kindred: Kindred,
    address: String,
    /// Whether rows were changed since the person saw a review.
    is_stale: bool,
    lines: Vec<Line>,
    warnings: Vec<String>,
    told: Vec<String>,
    /// What it does to mail.
    effect: Vec<String>,
    /// Everything that was typed, to be sent again.
    fields: Vec<(&'static str, String)>,
}

impl Review {
    /// How many rows, with separators.
    fn count(&self) -> String {
        text::number(self.lines.len() as u64)
    }
}

/// A departure that is checked and planned.
pub(super) struct Planned<'a> {
    pub visitor: &'a Visitor,
    pub kindred: Kindred,
    pub address: &'a str,
    /// What happened, once it has.
    pub done: String,
    pub plan: Plan,
    /// Everything that was typed.
    pub fields: Vec<(&'static str, String)>,
    /// The table whose columns the fields are named after.
    pub mine: &'static Resource,
}

/// What came of it.
pub(super) enum Outcome {
    /// A page.
    Answer(Response),
    /// The form again, with what is wrong.
    Refused(Problem),
    /// A row was changed in this very moment: it has to be planned anew.
    Stale,
}

/// What a refusal of the store means for a form whose fields have the names of a table's columns.
pub(super) fn refused(refusal: Refusal, mine: &'static Resource) -> Result<Outcome> {
    let of_address = |message| Problem {
        column: "address",
        message,
    };
    match crud::refused::refused(refusal, mine) {
        Answer::Problem(problem, _) => Ok(Outcome::Refused(problem)),
        Answer::Reason(message) | Answer::Error(Error::Forbidden(message)) => {
            Ok(Outcome::Refused(of_address(message)))
        }
        Answer::Conflict(_) => Ok(Outcome::Stale),
        Answer::Error(error) => Err(error),
    }
}

impl Planned<'_> {
    /// Shows what will be written, or writes it where the person has seen that and confirms. After [`Outcome::Stale`] it
    /// only shows.
    pub async fn carry_out(self, sent: &Fields, is_stale: bool) -> Result<Outcome> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let written = store.written(actor, &self.plan.operations).await?;
        let seen = Written::version(&written);
        let is_stale = is_stale || sent.get("seen").is_some_and(|shown| shown != seen);
        if is_stale || !sent.is_set("confirm") {
            if let Err(refusal) = store.expect_appliable(actor, &self.plan.operations).await {
                return refused(refusal, self.mine);
            }
            let status = if is_stale {
                StatusCode::CONFLICT
            } else {
                StatusCode::OK
            };
            return Ok(Outcome::Answer(
                self.review(&written, seen, is_stale, status).await?,
            ));
        }
        let note = Note::saying(format!("{} {}", self.address, self.kindred.verb));
        let progress = Progress::default();
        let applied = store.apply_as(actor, &self.plan.operations, &note, &progress);
        match applied.await {
            Ok(applied) => Ok(Outcome::Answer(self.finish(&applied).await?)),
            Err(refusal) => refused(refusal, self.mine),
        }
    }

    async fn review(
        mut self,
        written: &[Written],
        seen: String,
        is_stale: bool,
        status: StatusCode,
    ) -> Result<Response> {
        self.fields.push(("seen", seen));
        let title = format!("{} {}", self.address, self.kindred.verb);
        let store = &self.visitor.app.store;
        let effect = store.effect(&self.visitor.actor, &self.plan.operations).await?;
        let review = Review {
            effect: effect.sentences(),
            page: self.visitor.page(&title, self.kindred.section).await?,
            kindred: self.kindred,
            address: self.address.to_owned(),
            is_stale,
            lines: written.iter().map(|row| Line::of(self.visitor, row)).collect(),
            warnings: self
                .plan
                .warnings
                .into_iter()
                .map(|warning| warning.message)
                .collect(),
            told: self.plan.told,
            fields: self.fields,
        };
        render(status, &review)
    }

    async fn finish(self, applied: &Applied) -> Result<Response> {
        let mut lines = vec![match applied.rows {
            0 => format!(
                "`{}` was as you want it already; nothing was changed.",
                self.address
            ),
            1 => format!("{} One row was written.", self.done),
            n => format!(
                "{} {} rows were written, as one change.",
                self.done,
                text::number(u64::from(n))
            ),
        }];
        lines.extend(self.plan.told);
        if applied.rows > 0 {
            lines.push(CACHED.to_owned());
        }
        let urls = &self.visitor.app.urls;
        let link = Some((
            "Changes".to_owned(),
            urls.page(&format!("/changes{}", query(&[("q", self.address)]))),
        ));
        self.visitor
            .notify(Notice {
                link,
                undo: applied.change,
                ..Notice::ok(lines)
            })
            .await?;
        Ok(see_other(&urls.page(&format!(
            "/explain{}",
            query(&[("address", self.address)])
        ))))
    }
}
