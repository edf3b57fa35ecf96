//! A browser on the other side of Apache: it resolves the site's name to this machine, trusts the site's certificate and
//! keeps cookies. It speaks HTTP over TLS itself, so that a test can send what no browser would.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{Answer, PASSWORD};

/// The address visitors come from, which is neither Apache's nor the panel's.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 9);

/// Somebody with a browser.
#[derive(Clone)]
pub struct Visitor {
    name: String,
    port: u16,
    base: String,
    from: Ipv4Addr,
    tls: Option<TlsConnector>,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// Of the site with this name on this port, where pages are below `base`, which has slashes at both ends.
    pub fn of(name: &str, port: u16, base: &str, certificate: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(certificate).expect("a certificate"))
            .expect("a certificate");
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            name: name.to_owned(),
            port,
            base: base.to_owned(),
            from: ADDRESS,
            tls: Some(TlsConnector::from(Arc::new(config))),
            cookies: BTreeMap::new(),
        }
    }

    /// The same one without TLS, on another port.
    pub fn in_the_clear(mut self, port: u16) -> Self {
        self.tls = None;
        self.port = port;
        self
    }

    /// The same one on a machine with another address.
    pub fn from(mut self, address: Ipv4Addr) -> Self {
        self.from = address;
        self
    }

    /// The whole address of a page given without a leading slash, as it stands in the address bar.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin(), self.base)
    }

    /// What a browser names as the origin of forms on these pages.
    pub fn origin(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.name, self.port)
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Posts a form as today's browsers do.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.origin();
        self.post_with(
            path,
            &[("origin", &origin), ("sec-fetch-site", "same-origin")],
            fields,
        )
        .await
    }

    /// Posts a form with headers of one's own.
    pub async fn post_with(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Answer {
        let body: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &[headers, &form].concat(), &body).await
    }

    /// Signs in; the account has the password of all tests.
    pub async fn sign_in(&mut self, name: &str) -> Answer {
        self.post("login", &[("username", name), ("password", PASSWORD)])
            .await
    }

    /// Any request to a page below the base; a path with a leading slash is one of the whole site.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let target = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let mut request = Request::builder()
            .method(method)
            .uri(&target)
            .header(header::HOST, format!("{}:{}", self.name, self.port))
            .header(header::ACCEPT_ENCODING, "gzip");
        let cookies: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .expect("a request");
        let answer = self.exchange(request).await;
        self.keep_cookies(&answer.headers);
        answer
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = self.connect().await;
        let (parts, bytes) = match &self.tls {
            None => converse(stream, request).await,
            Some(tls) => {
                let name = ServerName::try_from(self.name.clone()).expect("a name");
                converse(tls.connect(name, stream).await.expect("TLS"), request).await
            }
        };
        let bytes = if parts
            .headers
            .get(header::CONTENT_ENCODING)
            .is_some_and(|e| e == "gzip")
        {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..])
                .read_to_end(&mut plain)
                .expect("gzip, and all of it");
            plain
        } else {
            bytes.to_vec()
        };
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(bytes).expect("UTF-8"),
        }
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((self.from, 0))).expect("an address");
        socket
            .connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
            .await
            .expect("Apache answers")
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            if cookie.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// One request over a connection of its own, and the whole answer.
async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> (Parts, Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .expect("a connection");
    let connection = tokio::spawn(async move { drop(connection.await) });
    let (parts, body) = sender
        .send_request(request)
        .await
        .expect("an answer")
        .into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    connection.abort();
    (parts, bytes)
}
