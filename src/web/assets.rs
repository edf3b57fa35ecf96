//! The stylesheet, the script and the icon, built into the program. Their addresses carry a hash of the content, so that browsers
//! keep them for good and never show an old one.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::error::Error;

const STYLE: &str = include_str!("../../static/postwarden.css");
const SCRIPT: &str = include_str!("../../static/postwarden.js");
const ICON: &str = include_str!("../../static/favicon.svg");

/// A year, in seconds.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let digest = Sha256::new()
        .chain_update(STYLE)
        .chain_update(SCRIPT)
        .chain_update(ICON)
        .finalize();
    hex::encode(&digest[..6])
});

/// Name of an asset with its version, below `/static/`.
pub fn versioned(name: &str) -> String {
    format!("/static/{name}?v={}", *VERSION)
}

/// `/static/{name}`.
pub async fn file(Path(name): Path<String>) -> Result<Response, Error> {
    let (kind, content) = match name.as_str() {
        "postwarden.css" => ("text/css; charset=utf-8", STYLE),
        "postwarden.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "favicon.svg" => ("image/svg+xml; charset=utf-8", ICON),
        _ => return Err(Error::NotFound),
    };
    Ok((
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_GOOD)],
        content,
    )
        .into_response())
}
