//! What the linter finds in the rows, with a way to fix each or to silence it.

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
use crate::web::request::{Asked, Fields, Visitor};
use crate::web::routes::Routes;
use crate::web::text;
use crate::web::urls::query;
pub use report::{Checking, Report};
use view::{Choice, Group, Silenced};

/// Up to so many rows are checked for every page. More are checked behind it.
const AT_ONCE: u64 = 20_000;

/// How long a page waits for a check of its own; one that takes longer goes on behind it too.
const PATIENCE: Duration = Duration::from_secs(5);

/// Up to so many rows are checked for a page that is about something else, and how long it waits for that.
const GLANCE: (u64, Duration) = (2_000, Duration::from_millis(1_500));

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
    /// The finding that was to be silenced without a reason.
    #[serde(skip)]
    unreasoned: Option<About>,
}

/// A finding: of this rule, in this table, about the row of this key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct About {
    rule: String,
    table: String,
    key: String,
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
    /// How many findings there are: `3 findings in all`.
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
    shown(&visitor, wanted).await
}

/// The findings again, with the one that was to be silenced without a reason.
async fn unreasoned(visitor: &Visitor, fields: &Fields) -> Result<Response> {
    let field = |name: &str| fields.text(name).to_owned();
    let about = About {
        rule: field("rule"),
        table: field("table"),
        key: field("key"),
    };
    let check = visitor.app.urls.page("/check");
    let next = visitor.app.urls.own(fields.text("next")).unwrap_or_default();
    let mut wanted = match next.strip_prefix(&check) {
        Some(query) => Asked::by(query.trim_start_matches('?')).0,
        None => Wanted {
            rule: about.rule.clone(),
            ..Wanted::default()
        },
    };
    wanted.unreasoned = Some(about);
    shown(visitor, wanted).await
}

async fn shown(visitor: &Visitor, wanted: Wanted) -> Result<Response> {
    let status = match wanted.unreasoned {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
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
        total: report.map(|report| view::total(report, &wanted)),
        at: report
            .filter(|_| found.kept)
            .map(|report| text::instant(report.at)),
        percent: found.percent,
        failed: found.failed,
        kept: found.kept,
        page: visitor.page("Findings", "check").await?,
        wanted,
    };
    let mut response = render(status, &template)?;
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
        Ok(Ok(report)) => {
            let found = Found::now(report);
            if waits && let Some(report) = &found.report {
                visitor.app.metrics.checked(report);
                visitor.app.checking.note(Arc::clone(report));
            }
            Ok(found)
        }
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

/// How much is wrong with everything the visitor may see: `3 errors and 1 warning`; `None` where that takes long and is not known
/// from the last check.
///
/// # Errors
/// The database does not answer.
pub async fn in_short(visitor: &Visitor, rows: u64) -> Result<Option<String>> {
    if rows <= GLANCE.0
        && let Some(report) = at_a_glance(visitor, None).await?
    {
        return Ok(Some(view::errors_and_warnings(&report)));
    }
    // Owners have some domains of what is kept.
    let noted = visitor.app.checking.noted();
    let noted = noted.filter(|_| visitor.actor.scope == Scope::Everything);
    Ok(noted.map(|report| format!("{} at the last check", view::errors_and_warnings(&report))))
}

/// What is found in a domain now; `None` where that takes long.
///
/// # Errors
/// The database does not answer.
pub async fn known_of(visitor: &Visitor, domain: &str) -> Result<Option<Report>> {
    match DomainName::parse(domain) {
        Ok(domain) => at_a_glance(visitor, Some(domain)).await,
        Err(_) => Ok(None),
    }
}

async fn at_a_glance(visitor: &Visitor, domain: Option<DomainName>) -> Result<Option<Report>> {
    let (store, actor) = (visitor.app.store.clone(), visitor.actor.clone());
    let check = check(store, actor, domain, Arc::default());
    tokio::time::timeout(GLANCE.1, check).await.ok().transpose()
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
pub const SEVERITIES: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Notice];
