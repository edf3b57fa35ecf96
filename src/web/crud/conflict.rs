//! 409: a row that is no longer what the person saw, in both versions.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::error::Result;
use crate::resource::Resource;
use crate::store::Stored;
use crate::web::page::{Page, render};
use crate::web::request::{Fields, Visitor};
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
pub(in crate::web) struct Versions {
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
    /// Fields that are no columns, to be sent again with the person's version.
    beside: Vec<(String, String)>,
}

/// The row there is now.
pub(in crate::web) struct Now {
    pub key: String,
    pub version: String,
    pub subject: String,
    /// Who made it so, and when, where that is known.
    pub changed_by: Option<(String, String)>,
}

impl Visitor {
    /// The row there is now, of a table with the generic pages.
    pub(super) async fn now(&self, resource: &'static Resource, stored: &Stored) -> Result<Now> {
        let changed_by = self.app.store.author(&self.actor, resource, stored).await?;
        Ok(Now {
            key: stored.row.key.clone(),
            version: stored.image.version(),
            subject: text::plain(stored.row.text(resource.subject)),
            changed_by: changed_by.map(|(who, at)| (who, text::moment(at))),
        })
    }

    pub(in crate::web) async fn conflict(
        &self,
        resource: &'static Resource,
        now: Now,
        columns: Vec<Versions>,
        fields: &Fields,
    ) -> Result<Response> {
        let is_column = |name: &str| columns.iter().any(|column| column.name == name);
        let beside = fields
            .all()
            .filter(|(name, _)| {
                !is_column(name) && !matches!(*name, "version" | "confirm" | "asked" | "add" | "remove")
            })
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let template = Conflict {
            page: self.page("Changed by someone else", resource.slug).await?,
            resource,
            subject: now.subject,
            key: now.key,
            version: now.version,
            changed_by: now.changed_by,
            columns,
            beside,
        };
        render(StatusCode::CONFLICT, &template)
    }
}
