//! Files that are sent with a form. Such a body is not read before it is known who sends it, and then goes to the disk
//! piece by piece: memory does not grow with it.

use std::fs::File;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use futures_util::Stream;
use multer::{Field, Multipart};
use tokio::time::Instant;

use super::App;
use super::layers::LONGEST;
use super::request::{Fields, LARGEST_FORM};
use crate::error::{Error, Result};

/// Most parts of a body.
const MOST_PARTS: usize = 20;

/// What has to arrive in [`LONGEST`], in bytes: the slowest line that is waited for, some 17 kbit/s.
const LEAST: u64 = 64 * 1024;

/// Bytes that are held in memory at most: the head of a part, or what is between two writes.
const MOST_HELD: u64 = 1024 * 1024;

/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 100;

/// A body with parts on its way in. Clones are of the same body.
#[derive(Debug, Clone)]
pub struct Arriving(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    body: Body,
    /// What stands between the parts; `None` where it is not said.
    boundary: Option<String>,
    /// Bytes the sender says there are.
    announced: u64,
    /// Whether the sender sends nothing: it waits to be asked for the body, or stands still.
    waits: bool,
    /// Bytes that have come.
    come: u64,
    /// Bytes that may have come before the next call.
    allowed: u64,
    /// Whether a piece was handed on just now.
    handed: bool,
    ended: bool,
    /// When it is given up.
    until: Instant,
    /// What of it was read as fields of a form.
    fields: Fields,
}

/// What a form brought.
#[derive(Debug)]
pub struct Upload {
    /// Its fields.
    pub fields: Fields,
    /// Its file, unless none was chosen.
    pub file: Option<Spooled>,
}

/// A file on the disk that no directory names: it is gone when nobody has it open any more.
#[derive(Debug)]
pub struct Spooled {
    /// What the sender calls it, without directories.
    pub name: String,
    pub file: File,
    /// Bytes.
    pub size: u64,
}

impl Arriving {
    /// Takes the body out of a request to a page that takes files; `None` where it is none with parts. The body is also
    /// left in the request's extensions, for [`Sent`].
    pub fn take(request: &mut Request) -> Option<Self> {
        let kind = text(request.headers(), header::CONTENT_TYPE);
        let with_parts = kind
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/form-data"));
        let takes_files = request.method() == Method::POST && request.uri().path().ends_with("/import");
        if !with_parts || !takes_files {
            return None;
        }
        let state = State {
            boundary: multer::parse_boundary(kind)
                .ok()
                .filter(|boundary| !boundary.is_empty()),
            announced: text(request.headers(), header::CONTENT_LENGTH)
                .parse()
                .unwrap_or_default(),
            waits: request.headers().contains_key(header::EXPECT),
            body: std::mem::replace(request.body_mut(), Body::empty()),
            come: 0,
            allowed: 0,
            handed: false,
            ended: false,
            until: Instant::now() + LONGEST,
            fields: Fields::default(),
        };
        let arriving = Self(Arc::new(Mutex::new(state)));
        request.extensions_mut().insert(arriving.clone());
        Some(arriving)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the request is given up: later with everything that arrives.
    pub fn until(&self) -> Instant {
        self.state().until
    }

    /// The fields that were read.
    pub fn fields(&self) -> Fields {
        self.state().fields.clone()
    }

    /// Reads what nobody wanted and throws it away, within reason: who still sends when the answer comes, as proxies do,
    /// may not see it. Of who stands still, or waits to be asked, nothing comes.
    pub async fn drain(&self, most: u64) {
        {
            let mut state = self.state();
            if state.waits {
                return;
            }
            state.allowed = most;
        }
        let mut pieces = Pieces(self.clone());
        let rest = async {
            while std::future::poll_fn(|cx| Pin::new(&mut pieces).poll_next(cx))
                .await
                .is_some_and(|piece| piece.is_ok())
            {}
        };
        // Whoever does not come to an end by then does not see the answer.
        let _ = tokio::time::timeout(LONGEST, rest).await;
    }

    /// Reads it: the part `file` into a file, the others as fields. `largest` is in MiB.
    ///
    /// # Errors
    /// It is too large, too slow, has too many parts or ends too early.
    async fn read(self, largest: u32) -> Result<Upload> {
        // The boundaries and names of the parts, and the fields.
        let most = (u64::from(largest) << 20) + 2 * MOST_HELD;
        if self.state().announced > most {
            return Err(Error::FileTooLarge(largest));
        }
        let boundary = self.state().boundary.take();
        let boundary = boundary.ok_or_else(|| broken("its Content-Type names no boundary"))?;
        let mut parts = Multipart::new(Pieces(self.clone()), boundary);
        let mut pace = Pace::new(&self);
        let (mut fields, mut length, mut file) = (Vec::new(), 0, None);
        for _ in 0..MOST_PARTS {
            let Some(mut part) = pace.keep(parts.next_field()).await? else {
                // What stands behind the last boundary means nothing. The work with the file begins now.
                self.state().until = Instant::now() + LONGEST;
                return Ok(Upload {
                    fields: self.fields(),
                    file,
                });
            };
            if part.name() == Some("file") {
                if file.is_some() {
                    return Err(broken("it has two files: send one at a time"));
                }
                let spooled = spool(&mut part, &mut pace, largest).await?;
                let chosen = !spooled.name.is_empty() || spooled.size > 0;
                file = chosen.then_some(spooled);
                continue;
            }
            let name = part.name().unwrap_or_default().to_owned();
            let mut value = Vec::new();
            while let Some(piece) = pace.keep(part.chunk()).await? {
                length += piece.len();
                if length > LARGEST_FORM {
                    return Err(Error::TooLarge(LARGEST_FORM));
                }
                value.extend_from_slice(&piece);
            }
            fields.push((name, String::from_utf8_lossy(&value).into_owned()));
            self.state().fields = fields.iter().cloned().collect();
        }
        Err(broken(&format!("it has more than {MOST_PARTS} parts")))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    let value = headers.get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn broken(why: &str) -> Error {
    Error::Usage(format!(
        "The upload cannot be read: {why}. Nothing was saved. Choose the file again."
    ))
}

/// Writes a part to the disk.
async fn spool(part: &mut Field<'static>, pace: &mut Pace<'_>, largest: u32) -> Result<Spooled> {
    let failed = |error| Error::unexpected("keeping an uploaded file", error);
    let name = own_name(part.file_name().unwrap_or_default());
    let mut file = tempfile::tempfile().map_err(failed)?;
    let mut size = 0;
    while let Some(piece) = pace.keep(part.chunk()).await? {
        size += piece.len() as u64;
        if size > u64::from(largest) << 20 {
            return Err(Error::FileTooLarge(largest));
        }
        let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
        file = written
            .await
            .map_err(|error| Error::unexpected("keeping an uploaded file", error))?
            .map_err(failed)?;
    }
    Ok(Spooled { name, file, size })
}

/// The name of a file without its directories, as short as people read it.
fn own_name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    name.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_NAME)
        .collect()
}

/// How fast a body has to come.
struct Pace<'a> {
    arriving: &'a Arriving,
    come: u64,
}

impl<'a> Pace<'a> {
    fn new(arriving: &'a Arriving) -> Self {
        Self { arriving, come: 0 }
    }

    /// Waits for the next part or piece, for as long as bytes keep coming.
    async fn keep<T>(&mut self, next: impl Future<Output = multer::Result<T>>) -> Result<T> {
        {
            let mut state = self.arriving.state();
            state.allowed = state.come + MOST_HELD;
            if state.come >= self.come + LEAST {
                self.come = state.come;
                state.until = Instant::now() + LONGEST;
            }
        }
        // A moment before the request as a whole is given up, so that this is what is said.
        let until = self.arriving.until() - Duration::from_millis(100);
        let next = tokio::time::timeout_at(until, next).await;
        let next = next.map_err(|_| {
            self.arriving.state().waits = true;
            Error::TooSlow
        })?;
        next.map_err(|_| {
            let state = self.arriving.state();
            if state.come > state.allowed {
                return broken("the name of a part has no end");
            }
            broken("it broke off, or its parts are not where its Content-Type says")
        })
    }
}

/// The body as multer wants it.
struct Pieces(Arriving);

impl Stream for Pieces {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.state();
        // One piece at a time: multer takes into memory whatever is ready.
        if std::mem::take(&mut state.handed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if state.come > state.allowed {
            return Poll::Ready(Some(Err(axum::Error::new("more than is taken at a time"))));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        let frame = std::task::ready!(Pin::new(&mut state.body).poll_frame(cx));
        state.ended = frame.is_none();
        Poll::Ready(frame.map(|frame| {
            let data = frame?.into_data().unwrap_or_default();
            state.come += data.len() as u64;
            state.handed = true;
            state.waits = false;
            Ok(data)
        }))
    }
}

/// A posted form, whether or not it has a file. Nothing of a file is read before [`Sent::receive`].
#[derive(Debug)]
pub struct Sent {
    fields: Fields,
    arriving: Option<Arriving>,
}

impl FromRequestParts<App> for Sent {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        Ok(Self {
            fields: parts.extensions.get().cloned().unwrap_or_default(),
            arriving: parts.extensions.get().cloned(),
        })
    }
}

impl Sent {
    /// Reads all of it.
    ///
    /// # Errors
    /// As for [`Arriving::read`].
    pub async fn receive(self, app: &App) -> Result<Upload> {
        match self.arriving {
            Some(arriving) => arriving.read(app.config.import.largest).await,
            None => Ok(Upload {
                fields: self.fields,
                file: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_its_own_name() {
        assert_eq!(own_name("aliases.csv"), "aliases.csv");
        assert_eq!(own_name("C:\\Users\\joe\\aliases.csv"), "aliases.csv");
        assert_eq!(own_name("../../etc/passwd"), "passwd");
        assert_eq!(own_name("a\r\nb\0.csv"), "ab.csv");
        assert_eq!(own_name(&"x".repeat(300)).len(), LONGEST_NAME);
    }
}
