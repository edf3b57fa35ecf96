//! What a request brings along: its form, the visitor's address, and who is signed in.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tower_sessions::Session;

use super::layers::LONGEST;
use super::multipart::Arriving;
use super::{App, error};
use crate::access::{Actor, Origin};
use crate::error::{Due, Error, Result};
use crate::store::{USED, USED_UNIT, VISIT, Visit};

/// Largest form, in bytes: a list of some ten thousand members.
pub const LARGEST_FORM: usize = 1024 * 1024;

/// What is read of a form that is too large, in bytes.
const LARGEST_BODY: usize = 4 * LARGEST_FORM;

/// The fields of a posted form, in order.
#[derive(Debug, Clone, Default)]
pub struct Fields(Arc<Vec<(String, String)>>);

impl Fields {
    /// The first value of a field; `None` where the form does not have it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of a field; empty where the form does not have it.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Names and values, in order.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is no form, or one without fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values of a field that may be repeated.
    pub fn every(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, value)| value.clone())
            .collect()
    }

    /// Whether a button or checkbox of value 1 was sent.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }

    /// Names and values that may be shown again: all but passwords and codes.
    pub fn repeatable(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .filter(|(name, _)| !name.contains("password") && !matches!(name.as_str(), "code" | "own_code"))
            .cloned()
            .collect()
    }
}

impl FromIterator<(String, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(Arc::new(pairs.into_iter().collect()))
    }
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// What a page's address asks for. Parameters that are unknown, missing or repeated are no errors: the first counts.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S: Sync, T: DeserializeOwned + Default> FromRequestParts<S> for Asked<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::by(parts.uri.query().unwrap_or_default()))
    }
}

impl<T: DeserializeOwned + Default> Asked<T> {
    /// What the query of an address asks for.
    pub fn by(query: &str) -> Self {
        let mut first = serde_json::Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            first.entry(name).or_insert_with(|| value.into());
        }
        Self(serde_json::from_value(first.into()).unwrap_or_default())
    }
}

/// The key in a page's address, as it stands there. One that is not UTF-8 is no row's.
#[derive(Debug)]
pub struct KeySegment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for KeySegment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match <Path<String> as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(Path(segment)) => Ok(Self(segment)),
            Err(_) => Err(Error::NotFound),
        }
    }
}

/// Reads the form before anything can go wrong, so that whatever does, the page that says so can repeat it; then
/// turns errors into pages. A file is left for the page that takes it, which knows who sends it.
pub async fn envelope(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let about = error::About::of(&mut request);
    if let Some(arriving) = Arriving::take(&mut request) {
        let response = next.run(request).await;
        arriving.drain(2 * app.config.import.largest_bytes()).await;
        return error::finish(&app, &about, &arriving.fields(), response);
    }
    let fields = match read_form(&mut request).await {
        Ok(fields) => fields,
        Err(failure) => return error::page(&app, &about, &Fields::default(), &failure),
    };
    request.extensions_mut().insert(fields.clone());
    let response = next.run(request).await;
    error::finish(&app, &about, &fields, response)
}

async fn read_form(request: &mut Request) -> Result<Fields> {
    if request.method() != Method::POST {
        return Ok(Fields::default());
    }
    let body = read_body(std::mem::replace(request.body_mut(), Body::empty()));
    // Whoever sends a byte now and then keeps nothing busy for ever.
    let bytes = tokio::time::timeout(LONGEST, body)
        .await
        .map_err(|_| Error::TooSlow)??;
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !bytes.is_empty() && !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Error::NotAForm);
    }
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

/// The body of a form. Of one that is too large the rest is read too, within reason: who still sends when the answer
/// comes, as proxies do, may not see it, and says that the panel broke off.
async fn read_body(mut body: Body) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let data = frame
            .map_err(|_| Error::NotAForm)?
            .into_data()
            .unwrap_or_default();
        length += data.len();
        if length <= LARGEST_FORM {
            bytes.extend_from_slice(&data);
        } else if length > LARGEST_BODY {
            break;
        }
    }
    if length > LARGEST_FORM {
        return Err(Error::TooLarge(LARGEST_FORM));
    }
    Ok(bytes)
}

/// The visitor's address: the peer's, or, from trusted proxies, the last address in `X-Forwarded-For` that is not one
/// of them. What is no address ends the way back: what stands before it may be anybody's.
pub fn visitor_address(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut seen = peer;
    let forwarded = headers.get_all("x-forwarded-for");
    // By bytes: a visitor's own part that is not ASCII does not take away what the proxy added.
    let mut hops = forwarded
        .iter()
        .flat_map(|v| v.as_bytes().split(|b| *b == b','))
        .collect::<Vec<_>>();
    while is_trusted(&seen) {
        let Some(address) = hops.pop().and_then(address_in) else {
            break;
        };
        seen = address.to_canonical();
    }
    Some(seen)
}

/// The address one proxy noted: bare, in brackets, with a port, in quotes.
fn address_in(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let hop = hop
        .strip_prefix('"')
        .and_then(|hop| hop.strip_suffix('"'))
        .unwrap_or(hop);
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

/// The address a request came from.
pub fn address_of(app: &App, parts: &Parts) -> Option<IpAddr> {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip());
    visitor_address(peer, &parts.headers, &app.config.trusted_proxies)
}

/// Somebody who is signed in and may go about their work. A handler without one has no actor, and without an actor the
/// store gives nothing out.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who acts, with the rights of this moment.
    pub actor: Actor,
    /// The number of the account.
    pub account: u32,
    /// Whether the account has a second factor.
    pub second_factor: bool,
    /// What has to be done before anything else.
    pub due: Option<Due>,
    /// How they signed in.
    pub visit: Visit,
    /// Their session.
    pub session: Session,
    /// The panel.
    pub app: App,
    /// Whether they asked for the headers alone, with HEAD: they will not see what the page says.
    pub headers_only: bool,
}

impl Visitor {
    /// Where this request came from.
    pub fn address(&self) -> Option<IpAddr> {
        match self.actor.origin {
            Origin::Web(address) => address,
            Origin::Cli => None,
        }
    }
}

/// Somebody who is signed in, whatever has to be done first: for the pages where it is done.
#[derive(Debug)]
pub struct SignedIn(pub Visitor);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let session = session_of(parts)?;
        note_use(&session).await?;
        let visit: Option<Visit> = session.get(VISIT).await.map_err(unavailable)?;
        let visit = visit.ok_or(Error::SignedOut)?;
        let origin = Origin::Web(address_of(app, parts));
        let person = app.store.person(visit.account, origin).await?;
        let person = person.ok_or(Error::SignedOut)?;
        if let Some(seen) = parts.extensions.get::<error::Seen>() {
            seen.note(&person.actor);
        }
        let required = app.config.accounts.second_factor.contains(&person.actor.role);
        let due = match (person.must_change, required && !person.second_factor) {
            (true, _) => Some(Due::Password),
            (false, true) => Some(Due::SecondFactor),
            (false, false) => None,
        };
        Ok(Self(Visitor {
            actor: person.actor,
            account: person.id,
            second_factor: person.second_factor,
            due,
            visit,
            session,
            app: app.clone(),
            headers_only: parts.method == Method::HEAD,
        }))
    }
}

impl OptionalFromRequestParts<App> for SignedIn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>> {
        match <Self as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(visitor) => Ok(Some(visitor)),
            Err(Error::SignedOut) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let SignedIn(visitor) = <SignedIn as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        visitor.due.map_or(Ok(()), |due| Err(Error::Due(due)))?;
        Ok(visitor)
    }
}

/// Keeps a session alive that is in use. The time without a request after which people are signed out is kept to within
/// [`USED_UNIT`].
async fn note_use(session: &Session) -> Result<()> {
    let now = OffsetDateTime::now_utc().unix_timestamp() / USED_UNIT;
    let used: Option<i64> = session.get(USED).await.map_err(unavailable)?;
    // Reading takes the id away from a session that is not in the store: writing would make a new one for a stranger.
    if session.id().is_some() && used != Some(now) {
        session.insert(USED, now).await.map_err(unavailable)?;
    }
    Ok(())
}

/// The session of a request, whoever is behind it.
pub fn session_of(parts: &Parts) -> Result<Session> {
    parts
        .extensions
        .get::<Session>()
        .cloned()
        .ok_or_else(|| Error::Unexpected("no session layer".to_owned()))
}

/// A session that cannot be read or written is a database that does not answer.
pub fn unavailable(error: tower_sessions::session::Error) -> Error {
    Error::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(peer: &str, forwarded: &str, trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().expect("a header"));
        let trusted: Vec<IpNet> = trusted.iter().map(|t| t.parse().expect("a network")).collect();
        visitor_address(peer.parse().ok(), &headers, &trusted)
            .expect("an address")
            .to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_the_address_that_is_recorded() {
        assert_eq!(seen("203.0.113.9", "10.0.0.1", &["127.0.0.1/32"]), "203.0.113.9");
        assert_eq!(seen("127.0.0.1", "10.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_tells_the_address_and_nobody_before_it() {
        assert_eq!(
            seen("127.0.0.1", "1.2.3.4, 203.0.113.9", &["127.0.0.1/32"]),
            "203.0.113.9"
        );
        assert_eq!(
            seen(
                "127.0.0.1",
                "203.0.113.9, 10.0.0.2",
                &["127.0.0.1/32", "10.0.0.0/8"]
            ),
            "203.0.113.9"
        );
    }

    #[test]
    fn an_address_may_have_a_port_brackets_or_quotes() {
        for (forwarded, address) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("\"203.0.113.9:4711\"", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]\"", "2001:db8::1"),
            ("1.2.3.4 , \"[2001:db8::1]:443\"", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(
                seen("127.0.0.1", forwarded, &["127.0.0.1/32"]),
                address,
                "{forwarded}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_ignored_and_so_is_what_stands_before_it() {
        for forwarded in [
            "nonsense",
            "",
            ",",
            "1.2.3.4, unknown",
            "1.2.3.4, 203.0.113.9:port",
            "1.2.3.4, 203.0.113.9:99999",
            "1.2.3.4, [2001:db8::1",
            "1.2.3.4, \"203.0.113.9",
            "1.2.3.4, _hidden",
            "1.2.3.4, 203.0.113.256",
            "1.2.3.4, 203.0.113.9 198.51.100.1",
            "1.2.3.4,",
        ] {
            assert_eq!(
                seen("127.0.0.1", forwarded, &["127.0.0.1/32"]),
                "127.0.0.1",
                "{forwarded}"
            );
        }
        let mut headers = HeaderMap::new();
        let odd = HeaderValue::from_bytes(b"\xff\xfe, 203.0.113.9").expect("a header");
        headers.insert("x-forwarded-for", odd);
        let trusted = ["127.0.0.1/32".parse().expect("a network")];
        assert_eq!(
            visitor_address("127.0.0.1".parse().ok(), &headers, &trusted),
            Some(IpAddr::from([203, 0, 113, 9])),
            "nobody hides behind the proxy by sending what is not ASCII"
        );
    }
}
