//! What stands around every page.

use std::any::Any;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::{CsrfLayer, ProtectionError};
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};
use tracing::Instrument;
use url::Url;

use super::multipart::Arriving;
use super::{App, Panel, boxed, error, request};
use crate::error::{Error, Result};
use crate::store::Sessions;

/// A request that takes longer is given up, and so is a form that arrives more slowly.
pub const LONGEST: Duration = Duration::from_secs(30);

/// No inline script, no frame, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                                       base-uri 'none'; frame-ancestors 'none'";

/// Two years without http. Nothing of subdomains: whether they have https is not the panel's to say.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000";

/// Sessions: the cookie is `__Host-` at the root of an https site and `__Secure-` with its path below it; both
/// prefixes make browsers insist on the attributes.
pub fn sessions(app: &App) -> SessionManagerLayer<Sessions> {
    let base = app.urls.base();
    let (name, path) = match (app.urls.is_https(), base.is_empty()) {
        (true, true) => ("__Host-postwarden", "/".to_owned()),
        (true, false) => ("__Secure-postwarden", base.to_owned()),
        (false, true) => ("postwarden", "/".to_owned()),
        (false, false) => ("postwarden", base.to_owned()),
    };
    let idle = time::Duration::minutes(i64::from(app.config.session.idle_minutes));
    SessionManagerLayer::new(Sessions::new(app.store.clone(), app.config.session))
        .with_name(name)
        .with_path(path)
        .with_secure(app.urls.is_https())
        .with_http_only(true)
        // Lax, not Strict: a link in a mail to one's own panel should not ask to sign in again. Posts from elsewhere
        // are refused by the cross-site layer besides.
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(idle))
}

/// The panel's routes with all layers around them.
///
/// # Errors
/// The public address cannot be an origin.
pub fn around(app: &App, pages: Router<App>) -> Result<Panel> {
    let same_site = CsrfLayer::new()
        .add_trusted_origin(app.urls.origin())
        .map_err(|e| Error::Usage(format!("settings: public_url: {e}")))?;
    let router = pages
        .layer(from_fn(in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), request::envelope))
        .layer(same_site)
        .layer(from_fn_with_state(app.clone(), explain_refusal))
        .layer(from_fn_with_state(app.clone(), refuse_other_pages))
        .layer(CompressionLayer::new().gzip(true))
        .with_state(app.clone());
    let base = app.urls.base().to_owned();
    let routed = tower::service_fn(move |request: Request| below(base.clone(), router.clone(), request));
    let state = app.clone();
    Ok(boxed(ServiceBuilder::new().service(tower::service_fn(
        move |request: Request| logged(state.clone(), routed.clone(), request),
    ))))
}

/// Gives up a request that takes too long. The time in which a file arrives does not count.
async fn in_time(request: Request, next: Next) -> Response {
    let arriving = request.extensions().get::<Arriving>().cloned();
    let begun = Instant::now();
    let mut answer = std::pin::pin!(next.run(request));
    loop {
        let until = arriving.as_ref().map_or(begun + LONGEST, Arriving::until);
        if let Ok(answer) = tokio::time::timeout_at(until, &mut answer).await {
            return answer;
        }
        if arriving.as_ref().is_none_or(|arriving| arriving.until() <= until) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
}

/// Gives the refusal of a form from another site a page, which tells by the Host header what to look at.
async fn explain_refusal(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).cloned();
    let response = next.run(request).await;
    if response.extensions().get::<ProtectionError>().is_none() {
        return response;
    }
    error::cross_site(&app, host.as_ref().and_then(|host| host.to_str().ok()))
}

/// Refuses a form of which only the Referer says where it comes from, where that is another site: browsers that send neither
/// Origin nor Sec-Fetch-Site still send it. Programs that send none of the three come from no site.
async fn refuse_other_pages(State(app): State<App>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let host = text(header::HOST);
    let says_more = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
    if request.method().is_safe() || says_more {
        return next.run(request).await;
    }
    match text(header::REFERER).and_then(|referrer| Url::parse(referrer).ok()) {
        Some(page) if !is_own(&app, &page, host) => error::cross_site(&app, host),
        _ => next.run(request).await,
    }
}

/// Whether a page is of the panel: of its public address, or of the host that was asked.
fn is_own(app: &App, page: &Url, host: Option<&str>) -> bool {
    let origin = page.origin().ascii_serialization();
    let place = origin.split_once("://").map(|(_, place)| place);
    origin == app.urls.origin() || (place.is_some() && place == host)
}

/// Serves what is below the base path as if it stood at the root; the health pages answer at the root too.
async fn below(base: String, router: Router, mut request: Request) -> Result<Response, Infallible> {
    let path = request.uri().path();
    if base.is_empty() || matches!(path, "/healthz" | "/readyz") {
        return router.oneshot(request).await;
    }
    if path == base {
        return Ok(Redirect::permanent(&format!("{base}/")).into_response());
    }
    let Some(rest) = path.strip_prefix(&base).filter(|rest| rest.starts_with('/')) else {
        return Ok((StatusCode::NOT_FOUND, format!("The panel is at {base}/\n")).into_response());
    };
    let target = request
        .uri()
        .query()
        .map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
    if let Ok(uri) = target.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    router.oneshot(request).await
}

/// Logs a request under an id that error pages show.
async fn logged<S>(app: App, routed: S, mut request: Request) -> Result<Response, Infallible>
where
    S: tower::Service<Request, Response = Response, Error = Infallible>,
{
    let id = RequestId::new();
    let method = request.method().clone();
    // Without the query: it may hold what people searched for.
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let from = request::address_of(&app, &parts)
        .map(|a| a.to_string())
        .unwrap_or_default();
    request = Request::from_parts(parts, body);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", id = %id.0);
    let started = std::time::Instant::now();
    async move {
        let mut response = routed.oneshot(request).await?;
        secure(response.headers_mut(), &app);
        app.metrics.request(&method, response.status(), started.elapsed());
        let status = response.status().as_u16();
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(%method, path, status, ms, from, "{method} {path} answered {status}");
        Ok(response)
    }
    .instrument(span)
    .await
}

/// A short random name for a request, by which the log finds what an error page speaks of.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl RequestId {
    fn new() -> Self {
        Self(hex::encode(rand::random::<[u8; 4]>()))
    }
}

/// A panic is an error like any other to the person who waits; the log has it too.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Error::Unexpected(format!("a handler panicked: {text}")).into_response()
}

/// Sets the headers every answer carries.
fn secure(headers: &mut HeaderMap, app: &App) {
    if app.urls.is_https() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(STRICT_TRANSPORT_SECURITY),
        );
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // `no-referrer` would make browsers send `Origin: null` with forms.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages hold mail addresses: no cache keeps them. Assets say otherwise themselves.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
