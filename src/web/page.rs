//! What every page shows around its content: menu, name, notices.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::assets;
use super::request::{Visitor, unavailable};
use super::urls::{Urls, query};
use super::{App, text};
use crate::access::Role;
use crate::error::{Error, Result};
use crate::resource::Resource;

/// Key of the session's data that holds notices for the next page.
const NOTICES: &str = "notices";

/// A group of the menu: its heading, and pages with their address and title.
type Group = (&'static str, &'static [(&'static str, &'static str)]);

/// The menu beside the dashboard, with the titles of [`crate::resource::Words`].
const MENU: &[Group] = &[
    (
        "Addresses",
        &[
            ("aliases", "Aliases"),
            ("lists", "Mailing lists"),
            ("users", "Mailboxes"),
            ("relocated", "Relocated"),
        ],
    ),
    (
        "Routing",
        &[
            ("overrides", "Overrides"),
            ("backups", "Backup MX"),
            ("relays", "Relay recipients"),
            ("access", "Access rules"),
            ("explain", "Explain"),
        ],
    ),
    (
        "Record",
        &[
            ("check", "Findings"),
            ("reports", "Reports"),
            ("changes", "Changes"),
        ],
    ),
];

/// What follows for those who see the whole database: an owner of domains has nothing to do with the server.
const SERVER: Group = ("Server", &[("postfix", "Postfix"), ("archive", "Archive")]);

/// The same for operators.
const OPERATION: Group = (
    "Server",
    &[
        ("import", "Import"),
        ("archive", "Archive"),
        ("postfix", "Postfix"),
        ("accounts", "Accounts"),
    ],
);

/// A notice on top of the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// `ok` or `warn`.
    pub kind: String,
    /// Sentences.
    pub lines: Vec<String>,
    /// A link behind them: label and address.
    pub link: Option<(String, String)>,
    /// The change that was made, which can be undone from here.
    #[serde(default)]
    pub undo: Option<u64>,
    /// A password, link or list of codes that is shown this once. In the session it is only the name under which this
    /// process keeps it.
    #[serde(default)]
    pub secret: Option<String>,
    /// What the secret is and what to do with it.
    #[serde(default)]
    pub about_secret: String,
}

impl Notice {
    /// That something went as it should.
    pub fn ok(lines: Vec<String>) -> Self {
        Self {
            kind: "ok".to_owned(),
            lines,
            link: None,
            undo: None,
            secret: None,
            about_secret: String::new(),
        }
    }

    /// With a button that undoes what was done, where anything was.
    #[must_use]
    pub fn undoable(mut self, change: Option<u64>) -> Self {
        self.undo = change;
        self
    }

    /// With something that is shown this once.
    pub fn with_secret(mut self, app: &App, secret: &str, about: &str) -> Self {
        self.secret = Some(app.secrets.keep(secret));
        about.clone_into(&mut self.about_secret);
        self
    }
}

/// The frame of a page.
#[derive(Debug)]
pub struct Page {
    /// Title of the browser's tab.
    pub title: String,
    /// The menu entry the page belongs to.
    pub section: &'static str,
    /// Name of the account that is signed in.
    pub who: Option<String>,
    /// What that account is for.
    pub role: Option<Role>,
    /// What happened just before.
    pub notices: Vec<Notice>,
    urls: Arc<Urls>,
}

impl Page {
    /// A page for somebody who is not signed in, or of whom it is not known.
    pub fn for_anybody(app: &App, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            section: "",
            who: None,
            role: None,
            notices: Vec::new(),
            urls: Arc::clone(&app.urls),
        }
    }

    /// The tables there are, to choose from.
    #[expect(clippy::unused_self, reason = "templates call it on their page")]
    pub fn tables(&self) -> Vec<&'static Resource> {
        Resource::tables().collect()
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> String {
        self.urls.page(path)
    }

    /// The address of a row.
    pub fn row_url(&self, slug: &str, key: &str) -> String {
        self.urls.row(slug, key)
    }

    /// The address of a row's form: a domain has a page of its own before it.
    pub fn edit_url(&self, slug: &str, key: &str) -> String {
        let form = if slug == "domains" { "/edit" } else { "" };
        self.urls.row(slug, key) + form
    }

    /// The address of an asset.
    pub fn asset(&self, name: &str) -> String {
        self.urls.page(&assets::versioned(name))
    }

    /// The menu: groups with a heading, of pages with their address and title.
    pub fn menu(&self) -> impl Iterator<Item = &'static Group> {
        let server = match self.role {
            Some(Role::Operator) => Some(&OPERATION),
            Some(Role::Auditor) => Some(&SERVER),
            Some(Role::Owner) | None => None,
        };
        MENU.iter().chain(server)
    }

    /// Whether the person sees the server's own pages, and not only those of some domains.
    pub fn sees_server(&self) -> bool {
        matches!(self.role, Some(Role::Operator | Role::Auditor))
    }

    /// A message as HTML, escaped, with what stands in backticks as code.
    #[expect(clippy::unused_self, reason = "templates call it on their page")]
    pub fn marked(&self, message: &str) -> String {
        text::marked(message)
    }

    /// The same, with links from addresses to what happens to their mail.
    pub fn linked(&self, message: &str) -> String {
        text::linked(message, |address| {
            Some(self.url(&format!("/explain{}", query(&[("address", address)]))))
        })
    }

    /// `and 1,188 more` than are shown.
    #[expect(clippy::unused_self, reason = "templates call it on their page")]
    pub fn more_than(&self, shown: usize, count: usize) -> Option<String> {
        let rest = count.saturating_sub(shown);
        (rest > 0).then(|| format!("and {} more", text::number(rest as u64)))
    }

    /// A stored text as people can read it.
    #[expect(clippy::unused_self, reason = "templates call it on their page")]
    pub fn plain(&self, stored: &str) -> String {
        text::plain(stored)
    }
}

impl Visitor {
    /// The frame of a page for this visitor, with the notices that wait for it. They go on waiting where nobody will see
    /// them.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn page(&self, title: &str, section: &'static str) -> Result<Page> {
        let mut notices = if self.headers_only {
            Vec::new()
        } else {
            self.waiting_notices().await?
        };
        for notice in &mut notices {
            if let Some(name) = notice.secret.take() {
                notice.secret = self.app.secrets.take(&name);
                if notice.secret.is_none() {
                    let lost = "What was to be shown here is lost, since the panel was restarted or minutes went by: \
                                make a new one.";
                    notice.lines.push(lost.to_owned());
                }
            }
        }
        Ok(Page {
            title: title.to_owned(),
            section,
            who: Some(self.actor.name.clone()),
            role: Some(self.actor.role),
            notices,
            urls: Arc::clone(&self.app.urls),
        })
    }

    async fn waiting_notices(&self) -> Result<Vec<Notice>> {
        let notices: Option<Vec<Notice>> = self.session.get(NOTICES).await.map_err(unavailable)?;
        if notices.is_some() {
            self.session.remove_value(NOTICES).await.map_err(unavailable)?;
        }
        Ok(notices.unwrap_or_default())
    }

    /// Leaves a notice for the next page.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn notify(&self, notice: Notice) -> Result<()> {
        leave_notice(&self.session, notice).await
    }
}

/// Leaves a notice in a session for the next page.
///
/// # Errors
/// The database does not answer.
pub async fn leave_notice(session: &Session, notice: Notice) -> Result<()> {
    let waiting: Option<Vec<Notice>> = session.get(NOTICES).await.map_err(unavailable)?;
    // A password that nobody has seen yet is not lost for the next notice.
    let mut notices: Vec<Notice> = waiting.unwrap_or_default();
    notices.retain(|waiting| waiting.secret.is_some());
    notices.insert(0, notice);
    session.insert(NOTICES, notices).await.map_err(unavailable)
}

/// A rendered page.
///
/// # Errors
/// The template failed.
pub fn render(status: StatusCode, template: &impl Template) -> Result<Response> {
    let html = template
        .render()
        .map_err(|e| Error::unexpected("rendering a page", e))?;
    Ok((status, Html(html)).into_response())
}

/// An answer to a form that sends the browser to a page with GET.
pub fn see_other(address: &str) -> Response {
    Redirect::to(address).into_response()
}
