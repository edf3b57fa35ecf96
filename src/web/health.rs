//! Liveness and readiness, for machines.

use axum::extract::State;
use axum::http::StatusCode;

use super::App;

/// `/healthz`: the process runs.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `/readyz`: the database answers.
pub async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
