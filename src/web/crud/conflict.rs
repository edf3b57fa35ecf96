//! 409: a row that is no longer what the person saw, in both versions.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::error::Result;
use crate::resource::Resource;
use crate::store::Stored;
use crate::web::page::{Page, render};
use crate::web::request::Visitor;
use crate::web::text;

/// A value in a comparison.
pub(super) fn shown(column: &str, value: &str) -> String {
    match (column, value) {
        ("enabled", "1") => "on".to_owned(),
        ("enabled", "" | "0") => "off".to_owned(),
        _ => text::plain(&value.replace(['\r', '\n'], ",").replace(",,", ",")),
    }
}

/// One column in two versions.
pub(super) struct Versions {
    pub label: &'static str,
    pub name: &'static str,
    /// As it is now.
    pub stored: String,
    /// As the person wants it.
    pub mine: String,
    /// The same, as it was typed.
    pub raw: String,
}

impl Versions {
    fn differs(&self) -> bool {
        self.stored != self.mine
    }
}

#[derive(Template)]
#[template(path = "resource/conflict.html")]
struct Conflict {
    page: Page,
    resource: &'static Resource,
    subject: String,
    key: String,
    version: String,
    changed_by: Option<(String, String)>,
    columns: Vec<Versions>,
}

impl Visitor {
    pub(super) async fn conflict(
        &self,
        resource: &'static Resource,
        now: &Stored,
        columns: Vec<Versions>,
    ) -> Result<Response> {
        let changed_by = self.app.store.author(&self.actor, resource, now).await?;
        let template = Conflict {
            page: self.page("Changed by someone else", resource.slug).await?,
            resource,
            subject: text::plain(now.row.text(resource.subject)),
            key: now.row.key.clone(),
            version: now.image.version(),
            changed_by: changed_by.map(|(who, at)| (who, text::moment(at))),
            columns,
        };
        render(StatusCode::CONFLICT, &template)
    }
}
