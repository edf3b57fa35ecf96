//! `/metrics` in the text format of Prometheus, version 0.0.4, on an address of its own that knows no visitors: numbers only,
//! and no label ever holds what somebody typed.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

use super::App;
use super::check::{Report, SEVERITIES};
use crate::config::Config;
use crate::error::{Error, Result};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Methods that are told apart, and the name of all others.
const METHODS: [&str; 3] = ["GET", "POST", "other"];

/// Classes of answers.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Upper bounds of what a request took, in milliseconds, and as they are written, in seconds.
const BOUNDS: [(u64, &str); 9] = [
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (250, "0.25"),
    (1_000, "1"),
    (5_000, "5"),
    (30_000, "30"),
];

/// How long the sizes of tables are not read again.
const SIZES_LAST: Duration = Duration::from_mins(1);

/// What is counted while the panel runs.
#[derive(Debug)]
pub struct Metrics {
    begun: (SystemTime, Instant),
    /// Requests by method and class of the answer.
    requests: [[AtomicU64; CLASSES.len()]; METHODS.len()],
    /// Requests by what they took, each in the first bucket that holds it; the last has no bound.
    took: [AtomicU64; BOUNDS.len() + 1],
    /// All they took, in microseconds.
    micros: AtomicU64,
    sign_in_failures: AtomicU64,
    sizes: Mutex<Option<(Instant, BTreeMap<String, u64>)>>,
    /// Findings by severity, of the last check of everything that a page made by itself.
    found: Mutex<Option<Found>>,
}

/// How many findings there were, by severity, and when.
#[derive(Debug, Clone, Copy)]
struct Found {
    at: time::OffsetDateTime,
    counts: [u64; SEVERITIES.len()],
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            begun: (SystemTime::now(), Instant::now()),
            requests: Default::default(),
            took: Default::default(),
            micros: AtomicU64::new(0),
            sign_in_failures: AtomicU64::new(0),
            sizes: Mutex::default(),
            found: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts a request that was answered.
    pub fn request(&self, method: &Method, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET | Method::HEAD => 0,
            Method::POST => 1,
            _ => 2,
        };
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.requests[method][class].fetch_add(1, Ordering::Relaxed);
        let bucket = BOUNDS
            .iter()
            .position(|(millis, _)| took <= Duration::from_millis(*millis));
        self.took[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Counts a password or code that was wrong, or not looked at after too many.
    pub fn sign_in_failed(&self) {
        self.sign_in_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps how much a check of everything found.
    pub fn checked(&self, report: &Report) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Found::of(report));
    }
}

impl Found {
    fn of(report: &Report) -> Self {
        let mut counts = [0; SEVERITIES.len()];
        for (severity, _, found) in report.found() {
            if let Some(place) = SEVERITIES.iter().position(|known| *known == severity) {
                counts[place] += found.count;
            }
        }
        Self {
            at: report.at,
            counts,
        }
    }
}

/// Listens on the address of `/metrics`, where one is set.
///
/// # Errors
/// The address is taken or not this machine's.
pub async fn listen(config: &Config) -> Result<Option<TcpListener>> {
    let Some(address) = config.metrics.listen else {
        return Ok(None);
    };
    let listener = TcpListener::bind(address).await.map_err(|e| {
        Error::Usage(format!(
            "cannot listen on {address} for /metrics: {e}; set POSTWARDEN_METRICS__LISTEN to another address"
        ))
    })?;
    tracing::info!("metrics are at http://{address}/metrics");
    Ok(Some(listener))
}

/// Serves `/metrics` for as long as the listener can; without one it waits for ever.
pub async fn serve(app: App, listener: Option<TcpListener>) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    if let Err(error) = axum::serve(listener, Router::new().fallback(answer).with_state(app)).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}

async fn answer(State(app): State<App>, method: Method, uri: Uri) -> Response {
    if uri.path() != "/metrics" || !matches!(method, Method::GET | Method::HEAD) {
        return (
            StatusCode::NOT_FOUND,
            "There is GET /metrics here and nothing else.\n",
        )
            .into_response();
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], exposition(&app).await).into_response()
}

/// Lines of the text format.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Begins a metric of this name.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A value of it; the labels are `name="value"`, and the value has nothing that would have to be escaped.
    fn value(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            _ => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    /// A metric that has one value.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.metric(name, kind, help);
        self.value(name, "", value);
    }
}

async fn exposition(app: &App) -> String {
    let mut lines = Lines::default();
    process(&mut lines, &app.metrics);
    requests(&mut lines, &app.metrics);
    database(&mut lines, app).await;
    findings(&mut lines, app);
    lines.0
}

fn process(lines: &mut Lines, metrics: &Metrics) {
    let name = "postwarden_build_info";
    lines.metric(name, "gauge", "The running version; always 1.");
    lines.value(name, &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")), 1);
    let (at, begun) = metrics.begun;
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    lines.single(
        "process_start_time_seconds",
        "gauge",
        "When the panel was started, in seconds since 1970.",
        at.as_secs(),
    );
    lines.single(
        "postwarden_uptime_seconds",
        "gauge",
        "How long the panel has been running.",
        begun.elapsed().as_secs(),
    );
    lines.single(
        "postwarden_sign_in_failures_total",
        "counter",
        "Passwords and codes that were wrong, or not looked at after too many attempts.",
        metrics.sign_in_failures.load(Ordering::Relaxed),
    );
}

fn requests(lines: &mut Lines, metrics: &Metrics) {
    let name = "postwarden_http_requests_total";
    lines.metric(
        name,
        "counter",
        "Requests the panel answered, by method and class of the status.",
    );
    for (method, by_class) in METHODS.iter().zip(&metrics.requests) {
        for (class, count) in CLASSES.iter().zip(by_class) {
            let labels = format!("method=\"{method}\",status=\"{class}\"");
            lines.value(name, &labels, count.load(Ordering::Relaxed));
        }
    }
    let name = "postwarden_http_request_duration_seconds";
    lines.metric(
        name,
        "histogram",
        "How long requests took until the answer began.",
    );
    let mut count = 0;
    for ((_, bound), bucket) in BOUNDS.iter().chain([&(0, "+Inf")]).zip(&metrics.took) {
        count += bucket.load(Ordering::Relaxed);
        lines.value(&format!("{name}_bucket"), &format!("le=\"{bound}\""), count);
    }
    let micros = metrics.micros.load(Ordering::Relaxed);
    let sum = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    lines.value(&format!("{name}_sum"), "", sum);
    lines.value(&format!("{name}_count"), "", count);
}

async fn database(lines: &mut Lines, app: &App) {
    let answers = app.store.ping().await.is_ok();
    lines.single(
        "postwarden_database_up",
        "gauge",
        "Whether the database answers.",
        u8::from(answers),
    );
    let name = "postwarden_database_connections";
    let (in_use, idle) = app.store.connections();
    lines.metric(name, "gauge", "Connections of the panel to the database.");
    lines.value(name, "state=\"in_use\"", in_use);
    lines.value(name, "state=\"idle\"", idle);
    if !answers {
        return;
    }
    if let Ok(changes) = app.store.changes_so_far().await {
        lines.single(
            "postwarden_changes_total",
            "counter",
            "Changes written to the database so far, by whichever process of the panel; one of many rows is one.",
            changes,
        );
    }
    if let Some(sizes) = sizes(app).await {
        let name = "postwarden_table_rows";
        lines.metric(
            name,
            "gauge",
            "Rows of each mail table, as the database estimates them.",
        );
        for (table, rows) in sizes {
            lines.value(name, &format!("table=\"{table}\""), rows);
        }
    }
}

/// How many rows the mail tables have, about, and did so within the last minute.
async fn sizes(app: &App) -> Option<BTreeMap<String, u64>> {
    let kept = || app.metrics.sizes.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, sizes)) = &*kept()
        && at.elapsed() < SIZES_LAST
    {
        return Some(sizes.clone());
    }
    let sizes = app.store.estimated_rows().await.ok()?;
    *kept() = Some((Instant::now(), sizes.clone()));
    Some(sizes)
}

/// What the last check of everything found; nothing where there was none yet.
fn findings(lines: &mut Lines, app: &App) {
    let by_page = *app.metrics.found.lock().unwrap_or_else(PoisonError::into_inner);
    let behind = app.checking.status().last.map(|report| Found::of(&report));
    let Some(found) = by_page.into_iter().chain(behind).max_by_key(|found| found.at) else {
        return;
    };
    let name = "postwarden_findings";
    lines.metric(
        name,
        "gauge",
        "What the last check of all rows found, by severity.",
    );
    for (severity, count) in SEVERITIES.iter().zip(found.counts) {
        lines.value(name, &format!("severity=\"{severity}\""), count);
    }
    lines.single(
        "postwarden_findings_timestamp_seconds",
        "gauge",
        "When that check was made, in seconds since 1970.",
        found.at.unix_timestamp(),
    );
}
