//! Work that may take longer than anybody looks at an empty page: it goes on behind the pages, tells how far it is, and
//! ends whether somebody looks or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::body::{Body, Bytes};
use axum::http::response::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;

use super::error;
use super::page::{Notice, Page, render, see_other};
use super::request::{KeySegment, Visitor};
use super::room::Room;
use crate::error::{Error, Result};
use crate::progress::{Progress, Seen};

/// How long the answer to a form waits for the work before it sends people to a page that tells how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it is known how work ended.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Of how many of an account's works it is known how they ended. Their pages may be long.
const MOST_ENDED: usize = 20;

/// Work that goes on at the same time, of everybody and of one account: each holds a connection to the database or two, and
/// pages need some too. The rest waits.
const AT_ONCE: usize = 3;
const OF_ONE: usize = 2;

/// Bytes of the random name of work in an address.
const NAME: usize = 12;

/// What work comes to.
pub enum Outcome {
    /// It is done: a notice, and the page it is shown on.
    Done(Notice, String),
    /// A page, such as a review of what has changed meanwhile.
    Page(Response),
}

/// The work of this process.
#[derive(Debug)]
pub struct Jobs {
    known: Mutex<BTreeMap<String, Job>>,
    room: Room,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            room: Room::new(AT_ONCE, OF_ONE),
        }
    }
}

#[derive(Debug)]
struct Job {
    account: u32,
    title: String,
    progress: Progress,
    ended: Option<(Instant, End)>,
}

/// How work ended, so that it can be told again and again: a page is opened twice, and the Back button is pressed.
#[derive(Debug, Clone)]
enum End {
    Done(Notice, String),
    Page(Arc<Parts>, Bytes),
    Failed(Vec<String>),
}

impl Jobs {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        let mut jobs = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.retain(|_, job| job.ended.as_ref().is_none_or(|(at, _)| at.elapsed() < REMEMBERED));
        jobs
    }

    /// What an account has under way: titles and the addresses of their pages.
    pub fn under_way(&self, account: u32) -> Vec<(String, String)> {
        let jobs = self.jobs();
        let own = jobs
            .iter()
            .filter(|(_, job)| job.account == account && job.ended.is_none());
        own.map(|(name, job)| (job.title.clone(), format!("/jobs/{name}")))
            .collect()
    }

    /// Remembers work that has begun. How an account's oldest work ended is forgotten for it.
    fn begin(&self, name: String, begun: Job) {
        let mut jobs = self.jobs();
        let ended = jobs
            .iter()
            .filter(|(_, job)| job.account == begun.account && job.ended.is_some());
        if ended.clone().count() >= MOST_ENDED {
            let oldest = ended.min_by_key(|(_, job)| job.ended.as_ref().map(|(at, _)| *at));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                jobs.remove(&oldest);
            }
        }
        jobs.insert(name, begun);
    }
}

/// Does work that ends even when nobody waits for it: the answer is what it comes to, or, after a second, a page that
/// tells how far it is.
///
/// # Errors
/// The work failed while somebody waited.
pub async fn run(
    visitor: &Visitor,
    title: String,
    progress: Progress,
    work: impl Future<Output = Result<Outcome>> + Send + 'static,
) -> Result<Response> {
    let place = visitor.app.jobs.room.wait(visitor.account);
    let waits = progress.clone();
    let mut task = tokio::spawn(async move {
        waits.begin("waiting for other work to end", 0);
        // There always is one in the end: the room is never closed.
        let _place = place.await;
        waits.begin("", 0);
        work.await
    });
    if let Ok(ended) = tokio::time::timeout(PATIENCE, &mut task).await {
        let outcome = ended.map_err(|error| Error::unexpected("a change", error))??;
        return match outcome {
            Outcome::Done(notice, next) => {
                visitor.notify(notice).await?;
                Ok(see_other(&next))
            }
            Outcome::Page(page) => Ok(page),
        };
    }
    let name = hex::encode(rand::random::<[u8; NAME]>());
    let job = Job {
        account: visitor.account,
        title,
        progress,
        ended: None,
    };
    let jobs = Arc::clone(&visitor.app.jobs);
    jobs.begin(name.clone(), job);
    let address = visitor.app.urls.page(&format!("/jobs/{name}"));
    tokio::spawn(async move {
        let end = match task.await {
            Ok(Ok(Outcome::Done(notice, next))) => End::Done(notice, next),
            Ok(Ok(Outcome::Page(page))) => kept(page).await,
            Ok(Err(error)) => {
                tracing::error!(%error, "work that went on behind the pages failed");
                End::Failed(error::lines(&error))
            }
            Err(error) => {
                tracing::error!(%error, "work that went on behind the pages broke off");
                End::Failed(vec!["It broke off: the log says why.".to_owned()])
            }
        };
        if let Some(job) = jobs.jobs().get_mut(&name) {
            job.ended = Some((Instant::now(), end));
        }
    });
    Ok(see_other(&address))
}

async fn kept(page: Response) -> End {
    let (parts, body) = page.into_parts();
    match body.collect().await {
        Ok(body) => End::Page(Arc::new(parts), body.to_bytes()),
        Err(error) => End::Failed(vec![error.to_string()]),
    }
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    page: Page,
    title: String,
    state: State,
}

/// What is known of work.
enum State {
    UnderWay(Seen),
    /// Why it was not done.
    Failed(Vec<String>),
    /// It was another's, ended long ago, or ended with the panel.
    Unknown,
}

impl State {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnderWay(_) => StatusCode::OK,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unknown => StatusCode::NOT_FOUND,
        }
    }
}

/// `/jobs/{name}`: how far it is; once it has ended, what it came to.
pub async fn show(visitor: Visitor, name: KeySegment) -> Result<Response> {
    let found = {
        let jobs = visitor.app.jobs.jobs();
        let job = jobs.get(&name.0).filter(|job| job.account == visitor.account);
        job.map(|job| (job.title.clone(), job.progress.seen(), job.ended.clone()))
    };
    let (title, state) = match found {
        Some((_, _, Some((_, End::Done(notice, next))))) => {
            visitor.notify(notice).await?;
            return Ok(see_other(&next));
        }
        Some((_, _, Some((_, End::Page(parts, body))))) => {
            return Ok(Response::from_parts((*parts).clone(), Body::from(body)));
        }
        Some((title, _, Some((_, End::Failed(why))))) => (title, State::Failed(why)),
        Some((title, seen, None)) => (title, State::UnderWay(seen)),
        None => ("Not known any more".to_owned(), State::Unknown),
    };
    let template = JobPage {
        page: visitor.page(&title, "changes").await?,
        title,
        state,
    };
    let mut answer = render(template.state.status(), &template)?;
    if matches!(template.state, State::UnderWay(_)) {
        // Without JavaScript too.
        answer
            .headers_mut()
            .insert(header::REFRESH, HeaderValue::from_static("1"));
    }
    Ok(answer)
}
