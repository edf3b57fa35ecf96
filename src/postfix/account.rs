//! With what Postfix signs in to the database: the first lines of every lookup table's file.

use percent_encoding::percent_decode_str;
use url::Url;

/// Account, database and servers, as `mysql_table(5)` takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `user`
    pub user: String,
    /// `password`
    pub password: String,
    /// `dbname`
    pub dbname: String,
    /// `hosts`: `inet:host:port` or `unix:/path`, separated by spaces.
    pub hosts: String,
    /// `tls_CAfile`, where the server's certificate is to be verified.
    pub tls_ca: Option<String>,
}

impl Account {
    /// The account the panel itself uses, from its database address.
    ///
    /// `localhost` becomes `127.0.0.1`: MySQL's client library takes the name for the unix socket, which the chrooted
    /// processes of Debian's Postfix cannot reach.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn from_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| format!("DATABASE_URL is not an address: {e}"))?;
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let option = |names: &[&str]| {
            url.query_pairs()
                .find(|(name, _)| names.contains(&name.as_ref()))
                .map(|(_, value)| value.into_owned())
        };
        let hosts = if let Some(path) = option(&["socket"]) {
            format!("unix:{path}")
        } else {
            let host = match url.host_str().unwrap_or("127.0.0.1") {
                "localhost" => "127.0.0.1",
                host => host.trim_matches(['[', ']']),
            };
            format!("inet:{host}:{}", url.port().unwrap_or(3306))
        };
        let mode = option(&["ssl-mode", "sslmode"]).unwrap_or_default();
        let verified = mode.to_ascii_uppercase().starts_with("VERIFY");
        Ok(Self {
            user: decoded(url.username()),
            password: decoded(url.password().unwrap_or_default()),
            dbname: decoded(url.path().trim_start_matches('/')),
            hosts,
            tls_ca: option(&["ssl-ca", "sslca"]).filter(|_| verified),
        })
    }

    /// Checks that every value survives the file it is written to.
    ///
    /// # Errors
    /// The value that does not, and why (postconf(5): a value is one line, and white space around it is dropped).
    pub fn check(&self) -> Result<(), String> {
        let values = [
            ("user", &self.user),
            ("password", &self.password),
            ("dbname", &self.dbname),
            ("hosts", &self.hosts),
        ];
        for (name, value) in values {
            if value.chars().any(char::is_control) {
                return Err(format!(
                    "the {name} has a line break or another control character in it, and a value of Postfix is one line"
                ));
            }
            if value.trim() != value {
                return Err(format!(
                    "the {name} begins or ends with white space, which Postfix drops"
                ));
            }
            if value.is_empty() && name != "password" {
                return Err(format!(
                    "the {name} is empty: Postfix could not sign in to the database"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(url: &str) -> Account {
        Account::from_url(url).expect("an account")
    }

    #[test]
    fn the_account_is_that_of_the_database_address() {
        let found = account("mysql://post%40fix:p%20w%2F@db.example.org:3307/maildb");
        assert_eq!(found.user, "post@fix");
        assert_eq!(found.password, "p w/");
        assert_eq!(found.dbname, "maildb");
        assert_eq!(found.hosts, "inet:db.example.org:3307");
        assert_eq!(found.tls_ca, None);
    }

    #[test]
    fn a_server_is_named_as_postfix_reaches_it() {
        assert_eq!(account("mysql://p@localhost/maildb").hosts, "inet:127.0.0.1:3306");
        assert_eq!(account("mysql://p@[::1]:3306/maildb").hosts, "inet:::1:3306");
        assert_eq!(
            account("mysql://p@localhost/maildb?socket=/run/mysqld/mysqld.sock").hosts,
            "unix:/run/mysqld/mysqld.sock"
        );
    }

    #[test]
    fn a_verified_certificate_stays_verified() {
        let verified = "mysql://p@db/maildb?ssl-mode=VERIFY_CA&ssl-ca=/etc/ssl/db.pem";
        assert_eq!(account(verified).tls_ca.as_deref(), Some("/etc/ssl/db.pem"));
        assert_eq!(
            account("mysql://p@db/maildb?ssl-mode=PREFERRED&ssl-ca=/x").tls_ca,
            None
        );
    }

    #[test]
    fn a_value_that_would_not_survive_the_file_is_refused() {
        let good = account("mysql://p:secret@localhost/maildb");
        assert!(good.check().is_ok());
        for (password, word) in [("two\nlines", "line break"), (" space", "white space")] {
            let bad = Account {
                password: password.to_owned(),
                ..good.clone()
            };
            let why = bad.check().expect_err("refused");
            assert!(why.contains("password") && why.contains(word), "{why}");
        }
        let nobody = Account {
            user: String::new(),
            ..good
        };
        assert!(nobody.check().is_err());
    }
}
