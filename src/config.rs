//! Settings: `/etc/postwarden/config.toml`, the environment above it, defaults below.
//!
//! Every key can be given as `POSTWARDEN_SECTION__KEY`; secrets also as `…_FILE`, which names a file that holds
//! the value. Three keys have short forms: `DATABASE_URL`, `POSTWARDEN_LISTEN` and `POSTWARDEN_PUBLIC_URL`.

mod sources;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::Serialized;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::access::Role;
use crate::error::{Error, Result};
use crate::mail::PasswordScheme;
use sources::{from_environment, from_file, nested, told};

/// Where the settings are read from unless `--config` names another file.
pub const DEFAULT_FILE: &str = "/etc/postwarden/config.toml";

/// The effective settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port the panel listens on.
    pub listen: SocketAddr,
    /// The address people use in their browsers; the only source of absolute links, cookie scope and base path.
    /// Empty means `http://` and [`Config::listen`].
    pub public_url: String,
    /// Peers whose `X-Forwarded-For` counts: addresses or networks. (`X-Forwarded-Proto` is not needed: `public_url` says
    /// whether people use https.)
    #[serde(deserialize_with = "list_of_networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// The mail database.
    pub database: Database,
    /// How long people stay signed in.
    pub session: Session,
    /// People who sign in.
    pub accounts: Accounts,
    /// The mail server that invitations are sent through.
    pub smtp: Smtp,
    /// What the log looks like.
    pub log: Log,
    /// Numbers for a monitoring system.
    pub metrics: Metrics,
    /// What the mail server knows beyond a stock Postfix.
    pub mail: Mail,
    /// Mailboxes.
    pub mailboxes: Mailboxes,
    /// Transport overrides of one address.
    pub overrides: Overrides,
    /// Files of rows.
    pub import: Import,
    /// The record of changes.
    pub changes: Changes,
    /// The mail server itself.
    pub postfix: Postfix,
    /// DNS.
    pub dns: Dns,
}

/// The mail database and how many connections the panel keeps to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `mysql://user:password@host:port/maildb`; `?socket=/run/mysqld/mysqld.sock` for a unix socket,
    /// `?ssl-mode=VERIFY_CA&ssl-ca=/path` for TLS.
    pub url: String,
    /// Most connections at a time.
    pub connections: u32,
}

/// How long a session lasts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Minutes without a request after which a person is signed out.
    pub idle_minutes: u32,
    /// Hours after signing in at which a person is signed out, active or not.
    pub absolute_hours: u32,
}

/// People who sign in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Roles whose accounts have to have a second factor: `operator`, `auditor`, `owner`.
    #[serde(deserialize_with = "list_of_roles")]
    pub second_factor: Vec<Role>,
}

/// The mail server that invitations are sent through.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// `smtp://127.0.0.1:25`, `smtps://user:password@host`, or `smtp://user:password@host:587?tls=required`; empty: no
    /// mail is sent, links are shown.
    pub url: String,
    /// Who the mail is from; empty: `postwarden@` and the host of `public_url`.
    pub from: String,
}

/// What the log looks like.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a `tracing` filter such as `postwarden=debug`.
    pub level: String,
    /// Lines for people or JSON for programs.
    pub format: LogFormat,
}

/// Numbers for a monitoring system.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Address and port of `/metrics`, which asks nobody who they are; none: there is no such page.
    #[serde(deserialize_with = "perhaps_an_address")]
    pub listen: Option<SocketAddr>,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}

/// What the mail server knows beyond a stock Postfix.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Names of further delivery transports in the server's master.cf, allowed in transport fields.
    #[serde(deserialize_with = "list_of_words")]
    pub transports: Vec<String>,
}

/// How mailboxes are kept.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailboxes {
    /// How passwords are hashed: `sha512-crypt`, which every IMAP server on Linux verifies, `bcrypt` or `argon2id`.
    pub password_scheme: PasswordScheme,
}

/// Where transport overrides of one address are kept, and which ones domain owners may set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// The table they are written to.
    pub table: OverrideTable,
    /// Transports domain owners may choose; `*` stands for one label of a host name. Empty means the presets.
    #[serde(deserialize_with = "list_of_transports")]
    pub allow: Vec<String>,
}

/// A table that can hold transport overrides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverrideTable {
    /// The one that the live transport map reads, as far as that is known.
    #[default]
    Auto,
    /// `domains`, as the howto's text has it.
    Domains,
    /// `backups`, as edition 15 of the howto has it.
    Backups,
}

/// Files of rows that are uploaded.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Largest file that is taken over the panel's pages, in MiB.
    pub largest: u32,
}

impl Import {
    /// The same in bytes.
    pub fn largest_bytes(self) -> u64 {
        u64::from(self.largest) << 20
    }
}

impl Default for Import {
    fn default() -> Self {
        Self { largest: 64 }
    }
}

/// The record of changes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Days after which a change is forgotten, and cannot be undone any more; 0: never.
    pub keep_days: u32,
}

/// Where the mail server's own configuration is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postfix {
    /// The directory of main.cf, which the panel reads where it may; empty: it does not look.
    pub config_dir: PathBuf,
}

impl Default for Postfix {
    fn default() -> Self {
        Self {
            config_dir: PathBuf::from("/etc/postfix"),
        }
    }
}

/// DNS, for `postwarden check --dns`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Address and port of the name server that is asked; empty: those of `/etc/resolv.conf`.
    pub server: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8025)),
            public_url: String::new(),
            trusted_proxies: Vec::new(),
            database: Database {
                url: String::new(),
                connections: 10,
            },
            session: Session {
                idle_minutes: 60,
                absolute_hours: 12,
            },
            accounts: Accounts::default(),
            smtp: Smtp::default(),
            log: Log {
                level: "info".to_owned(),
                format: LogFormat::Text,
            },
            metrics: Metrics::default(),
            mail: Mail::default(),
            mailboxes: Mailboxes::default(),
            overrides: Overrides::default(),
            import: Import::default(),
            changes: Changes::default(),
            postfix: Postfix::default(),
            dns: Dns::default(),
        }
    }
}

/// Keys whose value never appears whole in `postwarden config`.
const SECRETS: &[&str] = &["database.url", "smtp.url"];

impl Config {
    /// Reads the file and the environment of this process.
    ///
    /// # Errors
    /// A file that was asked for and cannot be read, an unknown key, a value of the wrong kind: one line that names
    /// the key.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        Self::from(file, std::env::vars())
    }

    /// Reads the file and the given environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let path = file.map_or_else(|| PathBuf::from(DEFAULT_FILE), Path::to_path_buf);
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if file.is_some() || path.exists() {
            figment = figment.merge(Serialized::defaults(from_file(&path)?));
        }
        let variables = from_environment(environment)?;
        let config: Self = figment
            .merge(Serialized::defaults(nested(&variables)))
            .extract()
            .map_err(|error| Error::Usage(told(&error, &path, &variables)))?;
        config.public()?;
        Ok(config)
    }

    /// The public address, with a path that ends in `/`.
    ///
    /// # Errors
    /// A `public_url` that is not an http or https address.
    pub fn public(&self) -> Result<Url> {
        let text = if self.public_url.is_empty() {
            format!("http://{}/", self.listen)
        } else {
            self.public_url.clone()
        };
        let refuse = |why: &str| Error::Usage(format!("settings: public_url `{text}` {why}"));
        let mut url = Url::parse(&text).map_err(|e| refuse(&format!("is not an address: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(refuse("must begin with http:// or https:// and a host"));
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(refuse("must be a plain address without user, query or fragment"));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(url)
    }

    /// The address of the database.
    ///
    /// # Errors
    /// None is set.
    pub fn database_url(&self) -> Result<&str> {
        if self.database.url.is_empty() {
            return Err(Error::Usage(
                "no database: set DATABASE_URL=mysql://user:password@127.0.0.1:3306/maildb".to_owned(),
            ));
        }
        Ok(&self.database.url)
    }

    /// The effective settings as TOML-like lines, secrets masked.
    pub fn masked(&self) -> String {
        let mut lines = Vec::new();
        if let Ok(value) = serde_json::to_value(self) {
            flatten("", &value, &mut lines);
        }
        lines.join("\n")
    }
}

/// Writes `section.key = value` for every leaf below `value`.
fn flatten(prefix: &str, value: &serde_json::Value, lines: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, inner) in map {
                let name = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&name, inner, lines);
            }
        }
        _ if SECRETS.contains(&prefix) => lines.push(format!("{prefix} = \"{}\"", mask(value.as_str()))),
        serde_json::Value::Null => lines.push(format!("{prefix} = \"\"")),
        other => lines.push(format!("{prefix} = {other}")),
    }
}

/// An address with its password replaced, or stars where it is none as it should be: then nobody knows which part of it is
/// the password.
fn mask(secret: Option<&str>) -> String {
    match secret {
        None | Some("") => String::new(),
        Some(text) => masked_address(text).unwrap_or_else(|| "****".to_owned()),
    }
}

fn masked_address(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    // `user:password@host/db` is an address too, of the scheme `user`; and behind the host a password with a `/`, `?` or
    // `#` in it goes on.
    let rest = [
        url.path(),
        url.query().unwrap_or_default(),
        url.fragment().unwrap_or_default(),
    ];
    if !url.has_host() || rest.iter().any(|part| part.contains('@')) {
        return None;
    }
    if url.password().is_some() {
        url.set_password(Some("****")).ok()?;
    }
    Some(url.to_string())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    Line(String),
}

/// A list, or one line of words separated by commas or spaces as the environment has it.
fn list_of_words<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<String>, D::Error> {
    Ok(match Words::deserialize(from)? {
        Words::List(list) => list,
        Words::Line(line) => line
            .split([',', ' '])
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

/// An address and a port, or nothing where nothing stands there.
fn perhaps_an_address<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<SocketAddr>, D::Error> {
    match Option::<String>::deserialize(from)?.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(D::Error::custom),
    }
}

fn list_of_roles<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<Role>, D::Error> {
    list_of_words(from)?
        .iter()
        .map(|word| word.parse().map_err(D::Error::custom))
        .collect()
}

/// Transports hold commas themselves: in one line they are separated by white space.
fn list_of_transports<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<String>, D::Error> {
    Ok(match Words::deserialize(from)? {
        Words::List(list) => list,
        Words::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
    })
}

fn list_of_networks<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<IpNet>, D::Error> {
    list_of_words(from)?
        .iter()
        .map(|word| {
            word.parse::<IpNet>()
                .or_else(|_| word.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| D::Error::custom(format!("`{word}` is neither an address nor a network")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Config> {
        Config::from(
            None,
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = from(&[("POSTWARDEN_SESION__IDLE_MINUTES", "5")])
            .expect_err("unknown section")
            .to_string();
        assert!(error.contains("sesion"), "{error}");
        let error = from(&[("POSTWARDEN_SESSION__IDLE", "5")])
            .expect_err("unknown key")
            .to_string();
        assert!(error.contains("idle"), "{error}");
    }

    #[test]
    fn a_key_of_the_environment_outranks_the_default() {
        let config = from(&[
            ("POSTWARDEN_SESSION__IDLE_MINUTES", "5"),
            ("POSTWARDEN_LISTEN", "127.0.0.1:9"),
        ])
        .expect("good settings");
        assert_eq!(config.session.idle_minutes, 5);
        assert_eq!(config.listen.port(), 9);
    }

    #[test]
    fn trusted_proxies_are_addresses_or_networks() {
        let config = from(&[("POSTWARDEN_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")]).expect("good settings");
        assert_eq!(config.trusted_proxies.len(), 2);
        assert!(from(&[("POSTWARDEN_TRUSTED_PROXIES", "apache")]).is_err());
    }

    #[test]
    fn a_public_address_with_a_path_keeps_it() {
        let config = from(&[("POSTWARDEN_PUBLIC_URL", "https://mail.example.com/postwarden")]).expect("good");
        assert_eq!(config.public().expect("an address").path(), "/postwarden/");
        assert!(from(&[("POSTWARDEN_PUBLIC_URL", "mail.example.com")]).is_err());
    }

    #[test]
    fn the_password_of_the_database_is_masked() {
        let config =
            from(&[("DATABASE_URL", "mysql://panel:geheim@127.0.0.1/maildb")]).expect("good settings");
        assert!(!config.masked().contains("geheim"));
        assert!(config.masked().contains("panel:****@127.0.0.1"));
    }

    #[test]
    fn of_what_is_no_address_nothing_is_shown() {
        for text in [
            "panel:geheim@127.0.0.1/maildb",
            "mysql:panel:geheim@127.0.0.1/maildb",
            "mysql://panel:12/geheim@127.0.0.1/maildb",
            "mysql://panel:12#geheim@127.0.0.1/maildb",
            "mysql://panel:12?geheim@127.0.0.1/maildb",
            "geheim",
        ] {
            let config = from(&[("DATABASE_URL", text), ("POSTWARDEN_SMTP__URL", text)]).expect("read");
            assert!(!config.masked().contains("geheim"), "{}", config.masked());
        }
    }

    #[test]
    fn a_secret_may_come_from_a_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "mysql://a:b@127.0.0.1/x\n").expect("written");
        let path = file.path().to_str().expect("a path");
        let config = from(&[("DATABASE_URL_FILE", path)]).expect("good settings");
        assert_eq!(config.database.url, "mysql://a:b@127.0.0.1/x");
    }
}
