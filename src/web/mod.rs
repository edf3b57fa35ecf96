//! The only HTTP: routes, the layers around them, and the pages.
//!
//! A request passes, from the outside in: request log and security headers, base path, compression, cross-site
//! refusal, the envelope (`request::envelope`) that reads forms and turns errors into pages, panic guard, time limit,
//! session, route.

mod account;
mod accounts;
mod archive;
mod assets;
mod changes;
mod check;
mod confirmed;
mod crud;
mod dashboard;
mod departures;
mod device;
mod download;
mod error;
mod explain;
mod form;
mod health;
mod hub;
mod import;
mod invitation;
mod jobs;
mod layers;
mod limits;
mod metrics;
mod multipart;
mod overrides;
mod page;
mod passkeys;
mod postfix;
mod proof;
mod question;
mod reports;
mod request;
mod room;
mod routes;
mod schema;
mod search;
mod secrets;
mod sign_in;
mod text;
mod undo;
mod uploads;
mod urls;
mod view;
mod watch;
mod whole_domain;
mod written;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::util::BoxCloneSyncService;

use crate::access;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::exchange::Writing;
use crate::mailer::Mailer;
use crate::resource;
use crate::store::{ChangeQuery, Sessions, Store};
use check::Checking;
use download::Downloads;
use jobs::Jobs;
use metrics::Metrics;
use request::{Asked, Visitor};
use routes::Routes;
use secrets::Secrets;
use uploads::Uploads;
use urls::Urls;
use watch::Watch;

/// How long requests under way may take once the panel is told to stop. Connections on which nothing was asked yet (as
/// browsers open them ahead of need) and requests that never end would otherwise keep it for ever.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

/// How long taking leave of the database may take.
const CLOSING: Duration = Duration::from_millis(500);

/// What every handler can reach.
#[derive(Debug, Clone)]
pub struct App {
    store: Store,
    config: Arc<Config>,
    urls: Arc<Urls>,
    secrets: Arc<Secrets>,
    watch: Arc<Watch>,
    checking: Arc<Checking>,
    jobs: Arc<Jobs>,
    uploads: Arc<Uploads>,
    downloads: Arc<Downloads>,
    metrics: Arc<Metrics>,
}

/// The whole panel as one service.
pub type Panel = BoxCloneSyncService<Request, Response, std::convert::Infallible>;

impl App {
    /// A panel over this database, with these settings.
    ///
    /// # Errors
    /// The public address is none, or mail cannot be sent as the settings say.
    pub fn new(store: Store, config: Config) -> Result<Self> {
        let urls = Urls::new(config.public()?);
        // Said now, and not to the first operator who wants to invite somebody.
        Mailer::new(&config)?;
        Ok(Self {
            store,
            config: Arc::new(config),
            urls: Arc::new(urls),
            secrets: Arc::new(Secrets::default()),
            watch: Arc::default(),
            checking: Arc::default(),
            jobs: Arc::default(),
            uploads: Arc::default(),
            downloads: Arc::default(),
            metrics: Arc::default(),
        })
    }

    /// The panel as a service, layers and all.
    ///
    /// # Errors
    /// The public address cannot be an origin.
    pub fn panel(&self) -> Result<Panel> {
        let sessions = layers::sessions(self);
        let pages = pages()
            .router()
            .fallback(error::no_such_page)
            .method_not_allowed_fallback(error::no_such_method)
            .layer(sessions)
            .merge(open_pages().router());
        layers::around(self, pages)
    }

    /// Serves the panel until `stop` resolves, then lets requests under way finish for some seconds; and `/metrics` on the
    /// address of the settings, where there is one.
    ///
    /// # Errors
    /// The listener fails, or there can be none for `/metrics`.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        let panel = self.panel()?;
        let metrics = tokio::spawn(metrics::serve(self.clone(), metrics::listen(&self.config).await?));
        // The decoy for unknown names is made now, so that the first of them takes no longer than the rest.
        access::verify_nobody(String::new()).await?;
        let sweeper = tokio::spawn(sweep(
            self.store.clone(),
            Arc::clone(&self.uploads),
            Sessions::new(self.store.clone(), self.config.session),
            self.config.changes.keep_days,
        ));
        let make = axum::ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(panel);
        let (stopping, stopped) = oneshot::channel();
        let stop = async {
            stop.await;
            // Nobody waits for it any more where the listener has failed.
            let _ = stopping.send(());
        };
        let out_of_patience = async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(LAST_REQUESTS).await;
        };
        let served = tokio::select! {
            served = axum::serve(listener, make).with_graceful_shutdown(stop) => served,
            () = out_of_patience => {
                tracing::warn!("stopping although some connections are still open");
                Ok(())
            }
        };
        sweeper.abort();
        metrics.abort();
        // Connections to the database that are still in use are not waited for either.
        let _ = tokio::time::timeout(CLOSING, self.store.close()).await;
        served.map_err(|e| Error::unexpected("listening", e))
    }
}

/// Listens on the configured address.
///
/// # Errors
/// The address is taken or not this machine's.
pub async fn listen(config: &Config) -> Result<TcpListener> {
    TcpListener::bind(config.listen).await.map_err(|e| {
        Error::Usage(format!(
            "cannot listen on {}: {e}; set POSTWARDEN_LISTEN to another address",
            config.listen
        ))
    })
}

/// Resolves on SIGINT or SIGTERM, which are listened for from now on.
///
/// # Errors
/// The system has no signals to give.
pub fn stopped() -> Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|e| Error::unexpected("listening for signals", e));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Method and path of every page there is, as in `GET /aliases/{key}`. HEAD follows GET and is not named.
pub fn routes() -> Vec<(Method, String)> {
    pages().merge(open_pages()).listed()
}

/// Pages that know their visitor.
fn pages() -> Routes {
    let pages = Routes::default()
        .get("/", dashboard::show)
        .get("/login", sign_in::show)
        .post("/login", sign_in::enter)
        .get("/logout", sign_in::ask_leave)
        .post("/logout", sign_in::leave)
        .get("/changes", changes::index)
        .get(
            "/changes/export.csv",
            |visitor: Visitor, query: Asked<ChangeQuery>| changes::export(visitor, query.0, Writing::Csv),
        )
        .get(
            "/changes/export.json",
            |visitor: Visitor, query: Asked<ChangeQuery>| changes::export(visitor, query.0, Writing::Json),
        )
        .get("/changes/{id}", changes::show)
        .post("/changes/{id}/undo", undo::undo)
        .get("/jobs/{name}", jobs::show)
        .get("/search", search::show)
        .get("/explain", explain::show)
        .get("/postfix", postfix::show)
        .get("/schema", schema::show)
        .get("/account", account::show)
        .get("/account/password", account::password_form)
        .post("/account/password", account::set_password)
        .get("/account/second-factor", account::second_factor)
        .post("/account/second-factor", account::set_second_factor)
        .post("/account/second-factor/codes", account::new_codes)
        .post("/account/second-factor/delete", account::remove_second_factor)
        .post("/account/passkeys", passkeys::add)
        .post("/account/passkeys/delete", passkeys::remove)
        .post("/account/sessions", account::end_sessions)
        .get("/invitation", invitation::show)
        .post("/invitation", invitation::accept)
        .merge(archive::routes())
        .merge(check::routes())
        .merge(accounts::routes())
        .merge(departures::routes())
        .merge(whole_domain::routes())
        .merge(reports::routes())
        .merge(overrides::routes())
        .merge(import::further_routes());
    resource::ALL.iter().fold(pages, |pages, resource| {
        pages
            .merge(crud::routes(resource))
            .merge(import::routes_of(resource))
    })
}

/// Pages for anybody, without a session.
fn open_pages() -> Routes {
    Routes::default()
        .get("/healthz", health::live)
        .get("/readyz", health::ready)
        .get("/static/{name}", assets::file)
}

/// Deletes sessions and files that have run out, attempts that are forgotten and changes that are older than so many days,
/// now and then.
async fn sweep(store: Store, uploads: Arc<Uploads>, sessions: Sessions, keep_days: u32) {
    let mut hourly = tokio::time::interval(Duration::from_hours(1));
    loop {
        hourly.tick().await;
        uploads.delete_expired();
        if let Err(error) = sessions.delete_expired().await {
            tracing::warn!(%error, "could not delete expired sessions");
        }
        if let Err(error) = store.delete_forgotten(OffsetDateTime::now_utc()).await {
            tracing::warn!(%error, "could not delete forgotten attempts to sign in");
        }
        match store.forget_changes(keep_days, OffsetDateTime::now_utc()).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, keep_days, "deleted old rows from the record of changes"),
            Err(error) => tracing::warn!(%error, "could not delete old changes"),
        }
    }
}

/// Boxes a service, so that the type of the layers does not leak.
fn boxed<S>(service: S) -> Panel
where
    S: tower::Service<Request, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service)
}
