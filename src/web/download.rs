//! Files that are made while they are read: rows of tables, the archive of everything.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;

use super::request::{Asked, Fields, Visitor};
use super::room::{Place, Room};
use super::routes::Routes;
use crate::access::Role;
use crate::error::{Error, Result};
use crate::exchange::Writing;
use crate::resource::Resource;
use crate::store::{Exporting, ListQuery, Outgoing, Patience, today};

/// Files that are sent at the same time, of everybody and of one account; each has a connection to the database of its own.
const AT_ONCE: usize = 6;
const OF_ONE: usize = 2;

/// How long a browser may take for a file. The time limit of pages ends with its first byte.
pub(super) const PATIENCE: Patience = Patience {
    piece: Duration::from_mins(1),
    whole: Duration::from_hours(2),
};

/// Room for files that are being sent.
#[derive(Debug)]
pub struct Downloads(Room);

impl Default for Downloads {
    fn default() -> Self {
        Self(Room::new(AT_ONCE, OF_ONE))
    }
}

impl Downloads {
    /// Takes room for one file.
    ///
    /// # Errors
    /// [`Error::Busy`] where there is none.
    pub fn room(&self, account: u32) -> Result<Place> {
        self.0.take(account).ok_or(Error::Busy)
    }
}

/// Sends a file. Where it breaks off, so does the connection: HTTP/1.1 says with a last chunk of no length that all of it has
/// arrived, and browsers and curl report a file without it as failed.
///
/// # Errors
/// The name is none that a header can have.
pub fn send(room: Place, outgoing: Outgoing, name: &str, kind: &str) -> Result<Response> {
    let pieces = stream::try_unfold((outgoing, room), |(mut outgoing, room)| async {
        match outgoing.next().await {
            Ok(Some(bytes)) => Ok(Some((Bytes::from(bytes), (outgoing, room)))),
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::error!(%error, "a file broke off on its way: {error}");
                Err(error)
            }
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_TYPE, kind),
        (
            header::CONTENT_DISPOSITION,
            &format!("attachment; filename=\"{name}\""),
        ),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).map_err(|e| Error::unexpected("a header", e))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// What is asked for besides rows.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Further {
    /// `1`: with the hashes of passwords.
    passwords: String,
}

/// The routes of the files of a list: `resources` are the tables its rows stand in. A file with passwords is asked for with
/// POST where the person has to prove who they are first.
pub fn routes(slug: &'static str, resources: &[&'static Resource]) -> Routes {
    [Writing::Csv, Writing::Json, Writing::Sql]
        .into_iter()
        .fold(Routes::default(), |routes, how| {
            let path = format!("/{slug}/export.{}", how.extension());
            let resources = resources.to_vec();
            let answer = move |visitor: Visitor,
                               query: Asked<ListQuery>,
                               further: Asked<Further>,
                               fields: Fields| async move {
                let what = Exporting {
                    resources,
                    query: query.0,
                    how,
                    passwords: further.0.passwords == "1",
                    named: false,
                };
                export(&visitor, slug, what, &fields).await
            };
            routes.get(&path, answer.clone()).post(&path, answer)
        })
}

async fn export(visitor: &Visitor, slug: &str, what: Exporting, fields: &Fields) -> Result<Response> {
    if what.passwords && visitor.actor.role == Role::Operator {
        visitor.prove(fields).await?;
    }
    let room = visitor.app.downloads.room(visitor.account)?;
    let (extension, kind) = (what.how.extension(), what.how.content_type());
    let outgoing = visitor
        .app
        .store
        .export(&visitor.actor, what, Some(PATIENCE))
        .await?;
    send(room, outgoing, &format!("{slug}-{}.{extension}", today()), kind)
}
