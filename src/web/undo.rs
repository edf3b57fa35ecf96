//! Undoing a change: what would be put back and what that does to mail, then the deed; or what is in its way.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::changes::{ChangeView, RowChange};
use super::crud::CACHED;
use super::jobs::{self, Outcome};
use super::overrides::not_allowed;
use super::page::{Notice, Page, render};
use super::request::{Fields, KeySegment, Visitor};
use super::{text, urls};
use crate::access::Scope;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::resource::Resource;
use crate::resource::overrides::PLACES;
use crate::store::{Action, ChangeQuery, Otherwise, UndoRefusal, Which, Written};

/// The page that asks, or says why not.
#[derive(Template)]
#[template(path = "undo.html")]
struct Review {
    page: Page,
    change: ChangeView,
    /// What the first row shown is about, where that says what the change was.
    subject: String,
    /// The row that alone is undone.
    row: Option<u32>,
    /// `3 rows`
    what: String,
    /// The first rows, as they would be put back.
    rows: Vec<RowChange>,
    more: u64,
    effect: Vec<String>,
    /// Why it cannot be undone.
    problem: Option<String>,
}

impl Review {
    /// What becomes of a row.
    #[expect(clippy::unused_self, reason = "the template calls it")]
    fn fate(&self, row: &RowChange) -> &'static str {
        match row.action {
            Action::Create => "is deleted again",
            Action::Update => "is as before",
            Action::Delete => "is there again",
        }
    }
}

/// The page of rows that are no longer what the change left.
#[derive(Template)]
#[template(path = "undo_conflict.html")]
struct Conflict {
    page: Page,
    id: u64,
    rows: Vec<OtherwiseView>,
    /// Whether the change has other rows, which can be undone one by one.
    has_others: bool,
}

/// Such a row.
struct OtherwiseView {
    noun: &'static str,
    subject: String,
    /// Its page, where it is there.
    address: Option<String>,
    /// The latest change to it, where that came later: number and page.
    later: Option<(u64, String)>,
    /// The page of every change to it.
    all: String,
    /// Columns with their values before the change, as it left them, and now, and whether the last two differ.
    columns: Vec<(String, [Option<String>; 3], bool)>,
}

/// `POST /changes/{id}/undo`
pub async fn undo(visitor: Visitor, id: KeySegment, fields: Fields) -> Result<Response> {
    let id: u64 = id.0.parse().map_err(|_| Error::NotFound)?;
    let which = match fields.text("row") {
        "" => Which::Whole,
        seq => Which::Row(seq.parse().map_err(|_| Error::NotFound)?),
    };
    let progress = Progress::default();
    let undoing = Undoing {
        visitor: visitor.clone(),
        id,
        which,
        progress: progress.clone(),
    };
    let confirmed = fields.is_set("confirm");
    jobs::run(&visitor, format!("Undo change {id}"), progress, async move {
        if confirmed {
            undoing.carry_out().await
        } else {
            undoing.ask().await
        }
    })
    .await
}

/// A change on its way back.
struct Undoing {
    visitor: Visitor,
    id: u64,
    which: Which,
    progress: Progress,
}

impl Undoing {
    /// 200 to ask.
    async fn ask(self) -> Result<Outcome> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let undoable = match store.undoable(actor, self.id, self.which, &self.progress).await {
            Ok(undoable) => undoable,
            Err(refusal) => return self.refused(refusal).await,
        };
        if let Some(problem) = self.forbidden(&undoable.written) {
            return self.review(Vec::new(), Some(problem)).await;
        }
        self.progress.begin("looking at what it does to mail", 0);
        let mut effect = store.effect_of_written(actor, undoable.written).await?;
        effect.is_cut |= undoable.is_cut;
        self.review(effect.sentences(), None).await
    }

    /// 303 to the change that undid it.
    async fn carry_out(self) -> Result<Outcome> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        if actor.scope != Scope::Everything {
            let would = store.undoable(actor, self.id, self.which, &self.progress).await;
            match would.map(|undoable| self.forbidden(&undoable.written)) {
                Ok(None) => {}
                Ok(problem) => return self.review(Vec::new(), problem).await,
                Err(refusal) => return self.refused(refusal).await,
            }
        }
        let applied = match store.undo(actor, self.id, self.which, &self.progress).await {
            Ok(applied) => applied,
            Err(refusal) => return self.refused(refusal).await,
        };
        let mut lines = vec![match applied.rows {
            1 => format!("Change {} is undone: the row is as it was before.", self.id),
            n => format!(
                "Change {} is undone: {} rows are as they were before.",
                self.id,
                text::number(n.into())
            ),
        }];
        let done = applied.change.unwrap_or(self.id);
        let (written, _) = store.change(actor, done, 0).await?;
        let cached = |table: &str| Resource::by_table(table).is_some_and(|r| r.cached_by_postfix);
        if written.rows.iter().any(|row| cached(&row.table)) {
            lines.push(CACHED.to_owned());
        }
        let next = self.visitor.app.urls.page(&format!("/changes/{done}"));
        Ok(Outcome::Done(Notice::ok(lines).undoable(applied.change), next))
    }

    /// Why an owner may not have a transport back.
    fn forbidden(&self, written: &[Written]) -> Option<String> {
        let overrides = written
            .iter()
            .filter(|row| PLACES.iter().any(|place| place.table == row.resource.table));
        overrides
            .filter_map(|row| Some((row.before.as_ref(), row.after.as_ref()?, row.resource)))
            .filter(|(before, after, _)| {
                before.is_none_or(|before| before.text("transport") != after.text("transport"))
            })
            .find_map(|(_, after, resource)| {
                not_allowed(
                    &self.visitor,
                    after.text(resource.subject),
                    after.text("transport"),
                )
            })
            .map(|problem| problem.message)
    }

    async fn refused(self, refusal: UndoRefusal) -> Result<Outcome> {
        match refusal {
            UndoRefusal::Otherwise(rows) => self.conflict(rows).await,
            refusal => {
                let problem = refusal.reason()?;
                self.review(Vec::new(), Some(problem)).await
            }
        }
    }

    /// 200, or 422 where it cannot be undone.
    async fn review(self, effect: Vec<String>, problem: Option<String>) -> Result<Outcome> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let row = match self.which {
            Which::Whole => None,
            Which::Row(seq) => Some(seq),
        };
        let (change, _) = store.change(actor, self.id, row.unwrap_or_default()).await?;
        let mut change = ChangeView::new(actor, change);
        let subject = change.subject().to_owned();
        let mut rows = std::mem::take(&mut change.rows);
        rows.truncate(row.map_or(rows.len(), |_| 1));
        for column in rows.iter_mut().flat_map(|row| &mut row.columns) {
            std::mem::swap(&mut column.before, &mut column.after);
        }
        let count = row.map_or(change.count, |_| 1);
        let status = if problem.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        let review = Review {
            page: self
                .visitor
                .page(&format!("Undo change {}", self.id), "changes")
                .await?,
            what: match count {
                1 => "1 row".to_owned(),
                n => format!("{} rows", text::number(n)),
            },
            more: count.saturating_sub(rows.len() as u64),
            change,
            subject,
            row,
            rows,
            effect,
            problem,
        };
        Ok(Outcome::Page(render(status, &review)?))
    }

    /// 409: rows are otherwise now; nothing was written.
    async fn conflict(self, rows: Vec<Otherwise>) -> Result<Outcome> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let (change, _) = store.change(actor, self.id, 0).await?;
        let mut shown = Vec::new();
        for row in rows {
            shown.push(self.otherwise(row).await?);
        }
        let page = Conflict {
            page: self.visitor.page("Changed since", "changes").await?,
            id: self.id,
            has_others: matches!(self.which, Which::Whole) && change.count > shown.len() as u64,
            rows: shown,
        };
        Ok(Outcome::Page(render(StatusCode::CONFLICT, &page)?))
    }

    /// A row that is otherwise now, with the way to what made it so.
    async fn otherwise(&self, row: Otherwise) -> Result<OtherwiseView> {
        let (urls, actor) = (&self.visitor.app.urls, &self.visitor.actor);
        let query = ChangeQuery {
            table: row.resource.table.to_owned(),
            key: row.key.clone(),
            ..ChangeQuery::default()
        };
        let latest = self
            .visitor
            .app
            .store
            .change_lines(actor, &query, None, 1)
            .await?;
        let later = latest.first().map(|line| line.change).filter(|id| *id > self.id);
        Ok(OtherwiseView {
            noun: row.resource.words.noun,
            subject: text::plain(&row.subject),
            address: row.is_there.then(|| urls.row(row.resource.slug, &row.key)),
            later: later.map(|id| (id, urls.page(&format!("/changes/{id}")))),
            all: urls.page(&format!("/changes{}", urls::query(&query.filters()))),
            columns: row
                .columns
                .into_iter()
                .map(|c| {
                    let versions = [c.before, c.left, c.now];
                    (c.name, versions.map(|v| v.as_deref().map(text::plain)), c.differs)
                })
                .collect(),
        })
    }
}
