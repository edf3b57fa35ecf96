//! Errors as pages: what happened, what to do, and whatever was typed, ready to be sent again.

use std::sync::{Arc, OnceLock};

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::layers::RequestId;
use super::page::{Page, render, see_other};
use super::request::{Fields, SignedIn};
use super::urls::query;
use crate::access::{Actor, Role};
use crate::error::{Due, Error};
use crate::resource::Resource;

/// Marks an answer that [`finish`] turns into a page.
#[derive(Clone)]
struct Failed(Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound | Error::MissingTable(_) => StatusCode::NOT_FOUND,
        Error::Forbidden(_) | Error::Due(_) | Error::Unproven { .. } => StatusCode::FORBIDDEN,
        Error::SignedOut => StatusCode::UNAUTHORIZED,
        Error::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
        Error::TooLarge(_) | Error::FileTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Error::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::Unavailable(_) | Error::Busy | Error::TookTooLong | Error::NotMigrated => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Error::ReadOnly(_) => StatusCode::CONFLICT,
        Error::Usage(_) => StatusCode::BAD_REQUEST,
        Error::Privilege(_) | Error::Unexpected(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What an error page needs to know of its request.
#[derive(Debug)]
pub struct About {
    method: Method,
    target: String,
    id: String,
    seen: Seen,
}

/// Who turned out to be signed in while a request was dealt with, so that an error page can show the menu.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<OnceLock<(String, Role)>>);

impl Seen {
    /// Notes the account's name and role.
    pub fn note(&self, actor: &Actor) {
        // Told twice in one request it is the same account.
        let _ = self.0.set((actor.name.clone(), actor.role));
    }
}

impl About {
    /// Of this request, as seen below the base path.
    pub fn of(request: &mut Request) -> Self {
        let seen = Seen::default();
        request.extensions_mut().insert(seen.clone());
        let uri = request.uri();
        Self {
            seen,
            method: request.method().clone(),
            target: uri
                .path_and_query()
                .map_or_else(|| uri.path().to_owned(), ToString::to_string),
            id: request
                .extensions()
                .get::<RequestId>()
                .map(|id| id.0.clone())
                .unwrap_or_default(),
        }
    }

    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    heading: String,
    lines: Vec<String>,
    statement: Option<String>,
    id: Option<String>,
    search: bool,
    echo: Option<Echo>,
    sign_in: bool,
    /// Whether the person's own password is asked for, and whether a code too.
    prove: Option<bool>,
}

impl ErrorPage {
    /// Fields that are the form's own and mean nothing to people.
    fn is_hidden(&self, name: &str) -> bool {
        self.prove.is_some()
            || matches!(
                name,
                "version"
                    | "next"
                    | "again"
                    | "confirm"
                    | "value"
                    | "enabled"
                    | "key"
                    | "all"
                    | "needs"
                    | "passkey"
                    | "count"
                    | "companions"
                    | "self_alias"
                    | "generate"
                    | "start"
                    | "remove"
            )
    }
}

/// A form that could not be dealt with, to be sent again.
struct Echo {
    action: String,
    fields: Vec<(String, String)>,
    /// Whether a password was among them, which is not repeated and has to be typed again.
    password: bool,
}

/// Passes answers through, errors as pages.
pub fn finish(app: &App, about: &About, fields: &Fields, response: Response) -> Response {
    if let Some(Failed(error)) = response.extensions().get::<Failed>() {
        let mut answer = page(app, about, fields, error);
        if let Some(allow) = response.headers().get(header::ALLOW) {
            answer.headers_mut().insert(header::ALLOW, allow.clone());
        }
        return answer;
    }
    // Bare answers of layers: the session could not be saved (500), the time was up (503). Either way the database
    // kept the request waiting or went away in between.
    let status = response.status();
    if matches!(
        status,
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE
    ) && !response.headers().contains_key(header::CONTENT_TYPE)
    {
        return page(
            app,
            about,
            fields,
            &if status == StatusCode::SERVICE_UNAVAILABLE {
                Error::TookTooLong
            } else {
                Error::Unavailable(format!("a layer answered {status}"))
            },
        );
    }
    response
}

/// The page for an error.
pub fn page(app: &App, about: &About, fields: &Fields, error: &Error) -> Response {
    if matches!(error, Error::SignedOut) && about.reads() {
        let target = app.urls.page(&about.target);
        return see_other(&app.urls.page(&format!("/login{}", query(&[("next", &target)]))));
    }
    if let (Error::Due(due), true) = (error, about.reads()) {
        return see_other(&app.urls.page(match due {
            Due::Password => "/account/password",
            Due::SecondFactor => "/account/second-factor",
        }));
    }
    let status = status(error);
    if status.is_server_error() {
        tracing::error!(%error, "a request failed: {error}");
    }
    if let (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, Some((account, role))) =
        (status, about.seen.0.get())
    {
        let (method, path) = (&about.method, about.target.split('?').next().unwrap_or_default());
        tracing::info!(account, %role, %method, path, "refused {account} {method} {path}: {error}");
    }
    let mut words = words(error);
    // The server's own message names accounts and tables of the database.
    if about.seen.0.get().is_none_or(|(_, role)| *role == Role::Owner) && matches!(error, Error::Privilege(_))
    {
        words.lines = vec!["Nothing was saved. The log says more under the number below.".to_owned()];
    }
    let prove = match error {
        Error::Unproven { code, .. } => Some(*code),
        _ => None,
    };
    let worth = prove.is_some() || !fields.repeatable().is_empty();
    // A file is asked for with GET, and proved for with POST.
    let echo = (worth && (!about.reads() || prove.is_some())).then(|| Echo {
        action: app.urls.page(&about.target),
        fields: fields.repeatable(),
        password: !fields.text("password").is_empty(),
    });
    let mut frame = Page::for_anybody(app, words.heading);
    (frame.who, frame.role) = about.seen.0.get().cloned().unzip();
    let template = ErrorPage {
        page: frame,
        heading: words.heading.to_owned(),
        lines: words.lines,
        statement: words.statement,
        id: status.is_server_error().then(|| about.id.clone()),
        search: matches!(error, Error::NotFound),
        echo,
        sign_in: matches!(error, Error::SignedOut),
        prove,
    };
    let mut response = match render(status, &template) {
        Ok(response) => response,
        Err(_) => (status, error.to_string()).into_response(),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// What an error means for whoever waited for what failed.
pub fn lines(error: &Error) -> Vec<String> {
    words(error).lines
}

struct Words {
    heading: &'static str,
    lines: Vec<String>,
    statement: Option<String>,
}

fn words(error: &Error) -> Words {
    let plain = |heading, line: &str| Words {
        heading,
        lines: vec![line.to_owned()],
        statement: None,
    };
    match error {
        Error::NotFound => plain(
            "Nothing here",
            "This page or row does not exist. It may have been deleted or renamed since the link was made.",
        ),
        Error::MissingTable(name) => Words {
            heading: "The table does not exist",
            lines: vec![format!(
                "This database has no table `{name}`. `postwarden migrate` creates it:"
            )],
            statement: Resource::by_table(name).map(|r| format!("{};", r.create_table.trim())),
        },
        Error::Forbidden(why) => plain("Not yours to change", why),
        Error::Due(due) => plain("Not yet", &due.to_string()),
        Error::Unproven { lack, .. } => plain("Is it you?", &lack.to_string()),
        Error::SignedOut => plain(
            "You are signed out",
            "The session ended while this form was open. Nothing was saved and nothing is lost: sign in in another \
             tab, come back here and send the form again.",
        ),
        Error::TooLarge(most) => plain(
            "Too large",
            &format!("A form may have {} kB. Nothing was saved.", most / 1024),
        ),
        Error::FileTooLarge(most) => plain(
            "Too large",
            &format!(
                "A file may have {most} MiB (`import.largest` in the settings). Nothing was saved. `postwarden import` on \
                 the server takes files of any size; or import this one in parts."
            ),
        ),
        Error::TooSlow => plain(
            "Too slow",
            "A form has to arrive within half a minute, and of a file 64 kB in each. Nothing was saved.",
        ),
        Error::NotAForm => plain(
            "Not a form",
            "Forms are sent as application/x-www-form-urlencoded, whole. Nothing was saved.",
        ),
        Error::Unavailable(_) => plain(
            "The database does not answer",
            "What you sent was not saved, or at the very worst saved without an answer; sending it again is safe, \
             nothing is saved twice. Postfix uses the same database: while it is away, mail is not lost but answered \
             with 451 and sent again later. The log says what failed.",
        ),
        Error::TookTooLong => plain(
            "It took too long",
            "The panel gave up after half a minute. What was sent with a form was not saved, or at the very worst saved without \
             an answer; sending it again is safe, nothing is saved twice. Ask for less at once, a domain or a part of a list.",
        ),
        Error::Busy => plain(
            "Too much at once",
            "Another program keeps these rows locked, or too many people sign in or fetch files at the same time. Nothing was \
             saved. Try again in a moment.",
        ),
        Error::NotMigrated => plain(
            "Not set up yet",
            "Run `postwarden migrate` on this database first.",
        ),
        Error::ReadOnly(why) => Words {
            heading: "This table can only be read",
            lines: vec![why.reason.clone()],
            statement: why.statement.clone(),
        },
        Error::WrongMethod(method) => plain(
            "Not that way",
            &format!(
                "This page does not take {method}. Pages are opened with GET and forms are sent with POST."
            ),
        ),
        Error::Usage(why) => plain("That does not work", why),
        Error::Privilege(what) => plain(
            "The database account may not do that",
            &format!("Nothing was saved. The grants the panel needs are in README. The server said: {what}"),
        ),
        Error::Unexpected(_) => plain(
            "Something went wrong",
            "Nothing was saved. The log says more under the number below.",
        ),
    }
}

/// The answer to a form from another site. It repeats nothing: the form is not the visitor's own. `host` is its Host
/// header; one that is not the panel's may mean that the set-up is wrong and the form honest.
pub fn cross_site(app: &App, host: Option<&str>) -> Response {
    let origin = app.urls.origin();
    let refused = "This form did not come from a page of this panel, so nothing was done.";
    let mut lines = vec![format!(
        "{refused} If it did, open {origin} and send it again from there."
    )];
    if let Some(host) = host.filter(|host| !app.urls.is_host(host)) {
        lines.push(format!(
            "The request asks for the host {host}, and the panel's public_url is at {origin}. Whoever runs the panel: \
             public_url must be the address people use, and a proxy must pass on the Host header it got (Apache: \
             ProxyPreserveHost On)."
        ));
    }
    let template = ErrorPage {
        page: Page::for_anybody(app, "Sent from another site"),
        heading: "Sent from another site".to_owned(),
        lines,
        statement: None,
        id: None,
        search: false,
        echo: None,
        sign_in: false,
        prove: None,
    };
    render(StatusCode::FORBIDDEN, &template).unwrap_or_else(|_| StatusCode::FORBIDDEN.into_response())
}

/// For every address without a page. Asks who is there for the sake of the menu.
pub async fn no_such_page(_: Option<SignedIn>) -> Error {
    Error::NotFound
}

/// For every page without that method.
pub async fn no_such_method(request: Request) -> Error {
    Error::WrongMethod(request.method().to_string())
}
