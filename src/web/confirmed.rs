//! Changes that somebody has seen and confirmed: applied as one, behind the pages where that takes long.

use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;

use super::jobs::{self, Outcome};
use super::page::Notice;
use super::request::Visitor;
use crate::error::Result;
use crate::progress::Progress;
use crate::store::{Applied, Note, Operation, Refusal};

/// An answer on its way. The type is spelled out since a page that asks anew is made by the very handler that was
/// confirmed.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// What was confirmed.
pub struct Confirmed {
    /// What it is called while it goes on, such as `Disable 3 aliases`.
    pub title: String,
    /// What is written.
    pub operations: Vec<Operation>,
    /// What the record says of it.
    pub note: Note,
}

impl Confirmed {
    /// Applies it. `done` says what is told afterwards and on which page, `refused` makes the page that says why nothing
    /// was written.
    ///
    /// # Errors
    /// Those of `refused`, or the session cannot be written.
    pub async fn carry_out(
        self,
        visitor: &Arc<Visitor>,
        done: impl FnOnce(&Visitor, &Applied) -> (Notice, String) + Send + 'static,
        refused: impl FnOnce(Arc<Visitor>, Refusal) -> Answering + Send + 'static,
    ) -> Result<Response> {
        let Self {
            title,
            operations,
            note,
        } = self;
        let progress = Progress::default();
        let told = progress.clone();
        let worker = Arc::clone(visitor);
        let work = async move {
            let store = &worker.app.store;
            match store.apply_as(&worker.actor, &operations, &note, &told).await {
                Ok(applied) => {
                    let (notice, next) = done(&worker, &applied);
                    Ok(Outcome::Done(notice, next))
                }
                Err(refusal) => refused(worker, refusal).await.map(Outcome::Page),
            }
        };
        jobs::run(visitor, title, progress, work).await
    }
}

/// From so many rows on a review is made behind the pages: what they do to mail takes its time.
const MANY: usize = 1_000;

/// The page that reviews a change of so many rows.
///
/// # Errors
/// Those of the page.
pub async fn reviewed(
    visitor: &Arc<Visitor>,
    title: String,
    rows: usize,
    page: Answering,
) -> Result<Response> {
    if rows < MANY {
        return page.await;
    }
    let progress = Progress::default();
    progress.begin("looking at what it does to mail", 0);
    jobs::run(
        visitor,
        title,
        progress,
        async move { page.await.map(Outcome::Page) },
    )
    .await
}

/// What is said of a change that was applied, with the way to its record.
pub fn notice(visitor: &Visitor, mut lines: Vec<String>, applied: &Applied) -> Notice {
    if let Some(change) = applied.change {
        lines.push(format!("It is change {change}."));
    }
    Notice {
        link: Some(("Changes".to_owned(), visitor.app.urls.page("/changes"))),
        undo: applied.change,
        ..Notice::ok(lines)
    }
}
