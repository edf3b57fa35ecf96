//! What the linter finds in the rows, with a way to mend each or to be told no more of it.

mod act;
mod report;
mod view;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use crate::access::{Actor, Role, Scope};
use crate::error::{Error, Result};
use crate::lint::Severity;
use crate::mail::DomainName;
use crate::progress::Progress;
use crate::resource::Resource;
use crate::store::{ListQuery, News, Store, Total};
use crate::web::App;
use crate::web::page::{Page, render, see_other};
use crate::web::request::{Asked, Visitor};
use crate::web::routes::Routes;
use crate::web::text;
use crate::web::urls::query;
pub use report::Checking;
use report::Report;
use view::{Choice, Group, Silenced};

/// Up to so many rows are checked for every page. More are checked behind it.
const AT_ONCE: u64 = 20_000;

/// How long a page waits for a check of its own; one that takes longer goes on behind it too.
const PATIENCE: Duration = Duration::from_secs(5);

/// Seconds after which a page that waits for a check is asked for again.
const AGAIN: HeaderValue = HeaderValue::from_static("3");

/// The routes of the findings.
pub fn routes() -> Routes {
    Routes::default()
        .get("/check", show)
        .post("/check/again", again)
        .post("/check/mend", act::mend)
        .post("/check/silence", act::silence)
        .post("/check/tell", act::tell)
}

/// Which findings are shown.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    severity: String,
    table: String,
    domain: String,
    rule: String,
    page: String,
}

impl Wanted {
    fn is_filtered(&self) -> bool {
        [&self.severity, &self.table, &self.domain, &self.rule]
            .iter()
            .any(|field| !field.trim().is_empty())
    }

    /// The address of the findings, with some of what is wanted changed.
    fn address(&self, visitor: &Visitor, changes: &[(&str, &str)]) -> String {
        let mut pairs = [
            ("severity", self.severity.as_str()),
            ("table", &self.table),
            ("domain", &self.domain),
            ("rule", &self.rule),
            ("page", &self.page),
        ];
        for (name, value) in changes {
            if let Some(pair) = pairs.iter_mut().find(|(n, _)| n == name) {
                pair.1 = value;
            }
        }
        visitor.app.urls.page(&format!("/check{}", query(&pairs)))
    }
}

#[derive(Template)]
#[template(path = "check.html")]
struct Check {
    page: Page,
    wanted: Wanted,
    here: String,
    severities: Vec<Choice>,
    tables: Vec<Choice>,
    rules: Vec<Choice>,
    groups: Vec<Group>,
    silenced: Vec<Silenced>,
    /// How many findings there are at all: `3 findings`.
    total: Option<String>,
    /// How old they are, where they are not of this moment.
    at: Option<String>,
    /// How far a check that is under way has come.
    percent: Option<u64>,
    failed: bool,
    /// Whether the check is one that is kept and can be done again.
    kept: bool,
}

/// `/check`
async fn show(visitor: Visitor, Asked(wanted): Asked<Wanted>) -> Result<Response> {
    let visitor = &visitor;
    let found = found(visitor, &wanted).await?;
    let report = found.report.as_deref();
    let silences = visitor.app.store.silences(&visitor.actor).await?;
    let template = Check {
        here: wanted.address(visitor, &[]),
        severities: view::severities(report, &wanted),
        tables: view::tables(report, &wanted),
        rules: view::rules(report, &wanted),
        groups: report
            .map(|report| view::groups(visitor, report, &wanted))
            .unwrap_or_default(),
        silenced: view::silenced(visitor, silences, &wanted).await?,
        total: report.map(view::total),
        at: report
            .filter(|_| found.kept)
            .map(|report| text::instant(report.at)),
        percent: found.percent,
        failed: found.failed,
        kept: found.kept,
        page: visitor.page("Findings", "check").await?,
        wanted,
    };
    let mut response = render(StatusCode::OK, &template)?;
    if found.percent.is_some() {
        response.headers_mut().insert(header::REFRESH, AGAIN);
    }
    Ok(response)
}

/// `POST /check/again`
async fn again(visitor: Visitor) -> Result<Response> {
    visitor.actor.require_everything()?;
    visitor.app.checking.clear();
    let rows = rows(&visitor).await?;
    if rows > AT_ONCE {
        start(&visitor.app, &visitor.actor, rows);
    }
    Ok(see_other(&visitor.app.urls.page("/check")))
}

/// What is known of the findings.
struct Found {
    report: Option<Arc<Report>>,
    percent: Option<u64>,
    failed: bool,
    /// Whether it is the check that is kept, and not one of this moment.
    kept: bool,
}

async fn found(visitor: &Visitor, wanted: &Wanted) -> Result<Found> {
    let domain = match wanted.domain.trim() {
        "" => None,
        typed => match DomainName::parse(typed) {
            Ok(domain) => Some(domain),
            Err(_) => return Ok(Found::now(Report::new())),
        },
    };
    // Owners have some domains and no background.
    if visitor.actor.scope == Scope::Everything
        && let Some(kept) = kept(visitor, domain.as_ref()).await?
    {
        return Ok(kept);
    }
    let (store, actor) = (visitor.app.store.clone(), visitor.actor.clone());
    let check = check(store, actor, domain.clone(), Arc::default());
    let waits = visitor.actor.scope == Scope::Everything && domain.is_none();
    let patience = if waits { PATIENCE } else { Duration::MAX };
    match tokio::time::timeout(patience, check).await {
        Ok(Ok(report)) => Ok(Found::now(report)),
        // Not one of theirs: as a list, it has nothing.
        Ok(Err(Error::NotFound)) => Ok(Found::now(Report::new())),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            start(&visitor.app, &visitor.actor, AT_ONCE);
            Ok(Found::kept(visitor))
        }
    }
}

impl Found {
    /// That of this moment.
    fn now(report: Report) -> Self {
        Self {
            report: Some(Arc::new(report)),
            percent: None,
            failed: false,
            kept: false,
        }
    }

    /// What is known of the check that is kept.
    fn kept(visitor: &Visitor) -> Self {
        let status = visitor.app.checking.status();
        Self {
            report: status.last,
            percent: status.percent,
            failed: status.failed,
            kept: true,
        }
    }
}

/// The check that is kept, where there are too many rows for one of this moment; begun where there is none.
async fn kept(visitor: &Visitor, domain: Option<&DomainName>) -> Result<Option<Found>> {
    if visitor.app.checking.status().is_blank() {
        let rows = rows(visitor).await?;
        if rows <= AT_ONCE {
            return Ok(None);
        }
        start(&visitor.app, &visitor.actor, rows);
    }
    // One domain among many is checked now: of what was found in all of them only the first is kept.
    if let Some(domain) = domain
        && is_small(visitor, domain).await?
    {
        return Ok(None);
    }
    Ok(Some(Found::kept(visitor)))
}

/// Whether no table has more rows of a domain than lists count.
async fn is_small(visitor: &Visitor, domain: &DomainName) -> Result<bool> {
    let state = ListQuery {
        domain: domain.as_str().to_owned(),
        per: "1".to_owned(),
        ..ListQuery::default()
    };
    for resource in Resource::tables() {
        match visitor.app.store.list(&visitor.actor, resource, &state).await {
            Ok(list) if matches!(list.total, Total::MoreThan(_)) => return Ok(false),
            Ok(_) | Err(Error::MissingTable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn start(app: &App, actor: &Actor, rows: u64) {
    let (store, actor) = (app.store.clone(), actor.clone());
    app.checking
        .start(rows, move |progress| check(store, actor, None, progress));
}

/// How many rows there are to check.
async fn rows(visitor: &Visitor) -> Result<u64> {
    let mut rows = 0;
    for resource in Resource::tables() {
        let tally = visitor.app.store.tally(&visitor.actor, resource).await?;
        rows += tally.map_or(0, |(count, _)| count);
    }
    Ok(rows)
}

/// Checks every row the actor may see, or those of one domain.
async fn check(
    store: Store,
    actor: Actor,
    domain: Option<DomainName>,
    progress: Arc<Progress>,
) -> Result<Report> {
    let mut report = Report::new();
    let told = |news| match news {
        News::Finding(told) => report.add(told),
        News::Progress { done, of } => progress.set(done, of),
    };
    store.check(&actor, domain.as_ref(), told).await?;
    Ok(report)
}

/// The severities, worst first.
const SEVERITIES: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Notice];
