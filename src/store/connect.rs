//! Connecting, and telling the ways a database fails apart.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor};

use super::{Store, schema};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::resource::Rules;

/// How long a request waits for a connection before the database counts as away.
const WAIT: Duration = Duration::from_secs(3);

/// Said of a database that gave no connection in that time.
const TIMED_OUT: &str = "no connection was to be had in time";

/// How long an idle connection is taken to be alive without asking.
const TRUSTED: Duration = Duration::from_millis(100);

/// Prepared statements a connection keeps; the panel has some hundred, and more by the length of their lists. Dropping one
/// costs the next statement 40 ms over TCP: the server answers nothing to that, and the driver's next packet waits until
/// the machine has confirmed the last (Nagle's algorithm and delayed ACK).
const STATEMENTS: usize = 400;

/// Every session of the panel is strict, whatever the server's default: a value that does not fit is an error and
/// never cut. A key 0 and a date that is none can be put back where they were. Times are UTC. Lock waits end before a
/// browser gives up.
pub(super) const SESSION: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,\
                       ALLOW_INVALID_DATES', time_zone = '+00:00', innodb_lock_wait_timeout = 10";

impl Store {
    /// Opens a pool of connections to the configured database, and one connection at once.
    ///
    /// # Errors
    /// The address is no database address, or the database does not answer.
    pub async fn connect(config: &Config) -> Result<Self> {
        let options = MySqlConnectOptions::from_str(config.database_url()?)
            .map_err(|e| Error::Usage(format!("DATABASE_URL is not a mysql:// address: {e}")))?
            .charset("utf8mb4")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone(None)
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        if options.get_database().is_none_or(str::is_empty) {
            return Err(Error::Usage(
                "DATABASE_URL names no database: add /maildb at its end".to_owned(),
            ));
        }
        let pool = MySqlPoolOptions::new()
            .max_connections(config.database.connections.max(1))
            .acquire_timeout(WAIT)
            // A connection that has just been used is alive; asking each time would double the round trips.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SESSION).await.map(drop) })
            })
            .connect_with(options.clone())
            .await
            .map_err(|error| unconnected(&options, error))?;
        let rules = Rules {
            transports: config.mail.transports.clone(),
            password_scheme: config.mailboxes.password_scheme,
        };
        Ok(Self {
            pool,
            schema: Arc::new(schema::Cache::default()),
            rules: Arc::new(rules),
        })
    }
}

/// Why there is no first connection, with what to look at. The options know no password that could get into it.
fn unconnected(options: &MySqlConnectOptions, error: sqlx::Error) -> Error {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let database = options.get_database().unwrap_or_default();
    match number(&error) {
        Some(1045) => Error::Usage(format!(
            "the database server at {place} refuses the sign-in: look at user and password in DATABASE_URL ({error})"
        )),
        Some(1044) => Error::Usage(format!(
            "this account may not use the database {database} at {place}: give it the rights of docs/grants.sql, or look \
             at the name in DATABASE_URL ({error})"
        )),
        Some(1049) => Error::Usage(format!(
            "there is no database {database} at {place}: look at the name in DATABASE_URL, or create it"
        )),
        _ => match classify(error) {
            Error::Unavailable(why) => {
                let why = match why.as_str() {
                    TIMED_OUT => format!("nothing does at {place} within {} s", WAIT.as_secs()),
                    _ => format!("{place}: {why}"),
                };
                Error::Unavailable(format!(
                    "{why}; see that the server runs and that DATABASE_URL names its place"
                ))
            }
            other => other,
        },
    }
}

/// The server's error number, where the server spoke.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    match error {
        sqlx::Error::Database(inner) => inner
            .try_downcast_ref::<MySqlDatabaseError>()
            .map(MySqlDatabaseError::number),
        _ => None,
    }
}

/// Whether the server gave up this transaction in favour of another (1213): trying again at once is likely to work. After
/// a lock wait timeout (1205) it is not, and the person has waited long enough.
pub(super) fn is_deadlock(error: &sqlx::Error) -> bool {
    number(error) == Some(1213)
}

/// What an error of the driver or the server means for the person who waits.
pub(super) fn classify(error: sqlx::Error) -> Error {
    match number(&error) {
        Some(1205 | 1213) => Error::Busy,
        // Too many connections, shutting down, wrong password, unknown database, host not allowed, killed,
        // read-only server.
        Some(
            1040 | 1041 | 1045 | 1049 | 1053 | 1129 | 1130 | 1152 | 1203 | 1226 | 1290 | 1317 | 1836 | 1927,
        ) => Error::Unavailable(error.to_string()),
        Some(1044 | 1142 | 1143 | 1227 | 1370) => Error::Privilege(error.to_string()),
        Some(_) => Error::unexpected("the database refused a statement", error),
        None => match error {
            sqlx::Error::PoolTimedOut => Error::Unavailable(TIMED_OUT.to_owned()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Error::Unavailable(error.to_string()),
            other => Error::unexpected("the database answered strangely", other),
        },
    }
}
