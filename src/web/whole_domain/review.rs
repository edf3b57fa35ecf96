//! What will be written, before it is; and its being written.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Deed, Subject, Typed, save, written};
use crate::error::{Error, Result};
use crate::mail::DomainName;
use crate::resource::domains;
use crate::store::{Applied, ChangeSet, Note, Refusal};
use crate::web::confirmed::{self, Answering, Confirmed};
use crate::web::crud::CACHED;
use crate::web::crud::bulk::LOCKED;
use crate::web::crud::refused::{Answer, refused};
use crate::web::page::{Notice, Page, render};
use crate::web::request::{Fields, Visitor};
use crate::web::text;
use crate::web::urls::query;
use crate::web::written::{Line, key};

/// Rows shown before and after, and rows named that are refused.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "whole_domain/review.html")]
struct Review {
    page: Page,
    deed: Deed,
    title: String,
    /// The domain, as people read it.
    domain: String,
    hub: String,
    action: String,
    is_stale: bool,
    /// Why nothing can be done.
    problem: Option<String>,
    /// What is done to how many rows of what.
    counts: Vec<(&'static str, String)>,
    lines: Vec<Line>,
    rest: Option<String>,
    /// Rows that cannot be written: page, name, reason.
    refused: Vec<(String, String, String)>,
    refused_rest: Option<String>,
    effect: Vec<String>,
    told: Vec<String>,
    /// What was typed, to be sent again.
    fields: Vec<(&'static str, String)>,
    /// `412 rows`
    what: String,
}

impl Review {
    fn is_possible(&self) -> bool {
        self.problem.is_none() && !self.lines.is_empty()
    }
}

/// A domain's change that is checked and planned.
pub(super) struct Planned {
    pub subject: Subject,
    pub typed: Typed,
    /// The new name; none for a deletion.
    pub new: Option<DomainName>,
    pub set: ChangeSet,
}

impl Planned {
    /// Shows what will be written, or writes it where the person has seen that and confirms. `again` never writes.
    pub async fn carry_out(self, fields: Fields, seen: Option<String>, again: bool) -> Result<Response> {
        let problem = self.impossible();
        let confirms = fields.is_set("confirm");
        let is_stale = again || (confirms && seen.is_some_and(|seen| seen != self.set.seen()));
        if confirms && !is_stale && problem.is_none() {
            return self.write(fields).await;
        }
        let visitor = Arc::clone(&self.subject.visitor);
        let (title, rows) = (self.title(), self.set.written().len());
        let page = Box::pin(async move { self.review(problem, is_stale).await });
        confirmed::reviewed(&visitor, title, rows, page).await
    }

    /// Why it cannot be done at all.
    fn impossible(&self) -> Option<String> {
        if self.subject.deed == Deed::Rename && !self.set.refused.is_empty() {
            let why = "Some rows cannot have the new name, and would stay behind. Mend or delete them first, or choose another \
                       name.";
            return Some(why.to_owned());
        }
        if self.set.is_empty() {
            return Some("There is no row that it would write.".to_owned());
        }
        None
    }

    /// `rename of old.example to new.example`
    fn note(&self) -> String {
        let new = self.new.as_ref().map_or("", DomainName::as_str);
        self.subject.deed.note(&self.subject.whole.domain, new)
    }

    fn title(&self) -> String {
        let (deed, old) = (self.subject.deed, &self.subject.whole.domain);
        match (&self.new, deed) {
            (Some(new), Deed::Rename) => format!("Rename {old} to {new}?"),
            (Some(new), _) => format!("Clone {old} as {new}?"),
            (None, _) => format!("Delete {old} with everything?"),
        }
    }

    async fn review(&self, problem: Option<String>, is_stale: bool) -> Result<Response> {
        let (visitor, set) = (&self.subject.visitor, &self.set);
        let status = match (is_stale, problem.is_some()) {
            (true, _) => StatusCode::CONFLICT,
            (false, true) => StatusCode::UNPROCESSABLE_ENTITY,
            (false, false) => StatusCode::OK,
        };
        let rows_written = set.written();
        let effect = match problem {
            None => visitor
                .app
                .store
                .effect_of_written(&visitor.actor, rows_written.to_vec())
                .await?
                .sentences(),
            Some(_) => Vec::new(),
        };
        let unfit = set.refused.iter().take(SHOWN).map(|unfit| {
            let key = match unfit.resource.slug {
                "overrides" => unfit.subject.trim().to_lowercase(),
                _ => unfit.key.clone(),
            };
            (
                visitor.app.urls.row(unfit.resource.slug, &key),
                text::plain(&unfit.subject),
                unfit.reason.clone(),
            )
        });
        let mut fields = self.typed.fields();
        fields.push(("seen", set.seen()));
        let title = self.title();
        let review = Review {
            page: visitor.page(&title, "domains").await?,
            deed: self.subject.deed,
            title,
            domain: text::plain(&self.subject.whole.domain),
            hub: self.subject.hub(),
            action: self.subject.action(),
            is_stale,
            problem,
            counts: written(set),
            lines: rows_written
                .iter()
                .take(SHOWN)
                .map(|row| Line::of(visitor, row))
                .collect(),
            rest: rest(rows_written.len()),
            refused: unfit.collect(),
            refused_rest: rest(set.refused.len()),
            effect,
            told: set.told.clone(),
            fields,
            what: rows(rows_written.len()),
        };
        render(status, &review)
    }

    async fn write(self, fields: Fields) -> Result<Response> {
        let (deed, key, note) = (self.subject.deed, self.subject.key.clone(), self.note());
        let visitor = Arc::clone(&self.subject.visitor);
        let confirmed = Confirmed {
            title: self.title().trim_end_matches('?').to_owned(),
            operations: self.set.operations().to_vec(),
            note: Note::saying(&note),
        };
        let next = self.next();
        let mut lines = vec![format!(
            "Done: {note}. {} written, as one change.",
            match self.set.written().len() {
                1 => "1 row was".to_owned(),
                n => format!("{} rows were", text::number(n as u64)),
            }
        )];
        if !self.set.refused.is_empty() {
            lines.push(format!("{} left out.", rows(self.set.refused.len())));
        }
        lines.extend(self.set.told.iter().cloned());
        lines.push(CACHED.to_owned());
        let done = move |visitor: &Visitor, applied: &Applied| -> (Notice, String) {
            (confirmed::notice(visitor, lines, applied), next)
        };
        let stopped = move |visitor: Arc<Visitor>, refusal: Refusal| -> Answering {
            if matches!(refusal, Refusal::Conflict(_) | Refusal::Failed(Error::NotFound)) {
                return save(deed, visitor, key, fields, true);
            }
            Box::pin(async move {
                let why = match refused(refusal, &domains::RESOURCE) {
                    Answer::Problem(problem, _) => problem.message,
                    Answer::Reason(why) | Answer::Error(Error::Forbidden(why)) => why,
                    Answer::Conflict(_) | Answer::Error(Error::Busy) => LOCKED.to_owned(),
                    Answer::Error(error) => return Err(error),
                };
                self.review(Some(why), false).await
            })
        };
        confirmed.carry_out(&visitor, done, stopped).await
    }

    /// The page it is told on: the domain's own where there is one afterwards.
    fn next(&self) -> String {
        let urls = &self.subject.visitor.app.urls;
        let own = self.set.written().iter().find(|row| {
            row.resource.table == domains::RESOURCE.table && row.before.is_some() && row.after.is_some()
        });
        match (
            self.subject.deed,
            own.and_then(|row| row.before.as_ref()),
            &self.new,
        ) {
            (Deed::Rename, Some(row), _) => urls.row("domains", &key(&domains::RESOURCE, row)),
            (_, _, Some(new)) => urls.page(&format!("/domains{}", query(&[("q", new.as_str())]))),
            _ => urls.page("/domains"),
        }
    }
}

fn rows(count: usize) -> String {
    match count {
        1 => "1 row".to_owned(),
        n => format!("{} rows", text::number(n as u64)),
    }
}

/// How many more there are than are shown.
fn rest(count: usize) -> Option<String> {
    let rest = count.saturating_sub(SHOWN);
    (rest > 0).then(|| format!("And {} more.", text::number(rest as u64)))
}
