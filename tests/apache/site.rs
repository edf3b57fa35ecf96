//! Apache with a shipped configuration, and the panel behind it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::httpd::{Apache, Configuration, free_port};
use crate::support::Database;
use crate::support::program::{Running, create_account, free_address};
use crate::visitor::Visitor;

const README: &str = include_str!("../../README.md");
const AT_THE_ROOT: &str = include_str!("../../packaging/apache/postwarden.conf");
const BELOW_A_PATH: &str = include_str!("../../packaging/apache/postwarden-path.conf");

/// Where the shipped configurations reach the panel.
const PANEL: &str = "127.0.0.1:8025";

/// The two shipped configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A host name of its own: `postwarden.conf`.
    Root,
    /// Below a path of a site: `postwarden-path.conf`, included as README has it.
    Path,
}

pub const PLACES: [Place; 2] = [Place::Root, Place::Path];

impl Place {
    /// The name of the site in the shipped files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "postwarden.example.com",
            Self::Path => "mail.example.com",
        }
    }

    /// Below which the pages are, with slashes at both ends.
    pub fn base(self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::Path => "/postwarden/",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Root => AT_THE_ROOT,
            Self::Path => BELOW_A_PATH,
        }
    }

    /// What its file has enabled. A site with https, which the other file is for, has `ssl` already.
    fn modules(self) -> Vec<&'static str> {
        let (_, rest) = self.file().split_once("a2enmod ").expect("the modules");
        let line = rest.split(['\n', '&']).next().unwrap_or_default();
        let own = if self == Self::Path { "ssl" } else { "" };
        own.split_whitespace().chain(line.split_whitespace()).collect()
    }
}

/// A site with the panel behind it.
#[derive(Debug)]
pub struct Site {
    pub place: Place,
    pub database: Database,
    apache: Apache,
    /// The panel, unless it is stopped.
    pub panel: Option<Running>,
    pub port: u16,
    /// The port without TLS.
    pub clear_port: u16,
    settings: Vec<(String, String)>,
    address: SocketAddr,
    certificate: PathBuf,
}

impl Site {
    /// The site as the files and README have it, with an operator called `operator`.
    pub async fn at(place: Place) -> Self {
        Self::with(place, str::to_owned, &[]).await
    }

    /// The site with its file changed, as by somebody who knows better, and with changed settings of the panel.
    pub async fn with(place: Place, change: impl FnOnce(&str) -> String, settings: &[(&str, &str)]) -> Self {
        let database = Database::fresh().await;
        create_account(&database, "operator", "operator", &[]);
        let (port, clear_port, address) = (free_port(), free_port(), free_address());
        let mut configuration = Configuration::with_modules(&place.modules());
        let certificate = make_certificate(&configuration, place.name());
        let file = replaced(&change(place.file()), &[(PANEL, &address.to_string())]);
        let text = match place {
            Place::Root => own_host(&file, port, clear_port, &configuration),
            Place::Path => existing_site(&file, port, &configuration),
        };
        let ports = if place == Place::Root {
            vec![port, clear_port]
        } else {
            vec![port]
        };
        configuration.add(&ports, &text);
        let apache = configuration.start(port);
        let public_url = format!("https://{}:{port}{}", place.name(), place.base());
        let variables = [
            ("DATABASE_URL", database.url.as_str()),
            ("POSTWARDEN_POSTFIX__CONFIG_DIR", ""),
            ("POSTWARDEN_PUBLIC_URL", &public_url),
            ("POSTWARDEN_TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let variables = variables.iter().chain(settings);
        let variables = variables
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let mut site = Self {
            place,
            database,
            apache,
            panel: None,
            port,
            clear_port,
            settings: variables,
            address,
            certificate,
        };
        site.start_panel();
        site
    }

    /// Starts the panel, where it was before.
    pub fn start_panel(&mut self) {
        let settings: Vec<(&str, &str)> = self
            .settings
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        self.panel = Some(Running::serve_at(self.address, &settings));
    }

    /// Stops the panel, as systemd does.
    pub fn stop_panel(&mut self) {
        self.panel.take().expect("a panel that runs").stop();
    }

    /// The running panel.
    pub fn panel(&self) -> &Running {
        self.panel.as_ref().expect("a panel that runs")
    }

    /// A browser nobody has signed in with.
    pub fn visitor(&self) -> Visitor {
        Visitor::of(self.place.name(), self.port, self.place.base(), &self.certificate)
    }

    /// A browser with the operator signed in.
    pub async fn operator(&self) -> Visitor {
        let mut visitor = self.visitor();
        let answer = visitor.sign_in("operator").await;
        assert_eq!(answer.status, 303, "{}{}", answer.body, self.apache.log());
        visitor
    }
}

/// `postwarden.conf` on ports of its own, with a certificate that is there.
fn own_host(file: &str, port: u16, clear_port: u16, configuration: &Configuration) -> String {
    let dir = configuration.dir().to_str().expect("a path");
    replaced(
        file,
        &[
            ("*:80>", &format!("127.0.0.1:{clear_port}>")),
            ("*:443>", &format!("127.0.0.1:{port}>")),
            (
                "https://postwarden.example.com/\n</",
                &format!("https://postwarden.example.com:{port}/\n</"),
            ),
            (
                "/etc/ssl/certs/postwarden.example.com.pem",
                &format!("{dir}/certificate.pem"),
            ),
            (
                "/etc/ssl/private/postwarden.example.com.key",
                &format!("{dir}/certificate.key"),
            ),
        ],
    )
}

/// The site README shows, with `postwarden-path.conf` where its `Include` finds it and pages of its own.
fn existing_site(file: &str, port: u16, configuration: &Configuration) -> String {
    let dir = configuration.dir().to_str().expect("a path");
    configuration.write("postwarden-path.conf", file);
    configuration.write("www/index.html", "<p>the site's own page\n");
    configuration.write("www/postwarden.txt", "the site's own file\n");
    let (_, rest) = README.split_once("```apache\n").expect("the site in README");
    let (site, _) = rest.split_once("```\n").expect("its end");
    let tls = format!(
        "SSLEngine On\nSSLCertificateFile {dir}/certificate.pem\nSSLCertificateKeyFile {dir}/certificate.key"
    );
    replaced(
        site,
        &[
            ("*:443>", &format!("127.0.0.1:{port}>")),
            ("# SSLEngine and the certificate as on your other sites", &tls),
        ],
    )
}

/// A text with some parts replaced, each of which has to be there.
fn replaced(text: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text.replace(from, to)
    })
}

/// A throw-away certificate for a name and its key, in the configuration's directory.
fn make_certificate(configuration: &Configuration, name: &str) -> PathBuf {
    let file = configuration.dir().join("certificate.pem");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=DNS:{name}")])
        // A certificate that could sign others would not be taken for a server's.
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(configuration.dir().join("certificate.key"))
        .arg("-out")
        .arg(&file)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    file
}
