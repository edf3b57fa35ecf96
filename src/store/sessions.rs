//! Sessions in the database, by the hash of their cookie.

use std::collections::HashMap;
use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row as _};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::account_events::note;
use super::connect::classify;
use super::{Account, Store};
use crate::access::Actor;
use crate::config::Session as Limits;

/// Key of the session's data that holds the [`Visit`] of somebody who is signed in.
pub const VISIT: &str = "visit";

/// Key of the session's data that holds the [`Halfway`] of somebody whose second factor is still asked for.
pub const HALFWAY: &str = "halfway";

/// Key of the session's data that holds the challenge a passkey was asked to sign last.
pub const CHALLENGE: &str = "challenge";

/// Key of the session's data that holds when it was last used, in units of [`USED_UNIT`].
pub const USED: &str = "used";

/// Seconds to which the last use of a session is known: not every page view is worth a write.
pub const USED_UNIT: i64 = 30;

/// Who is signed in with a session, and how it came about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Visit {
    /// The number of the account.
    pub account: u32,
    /// When they signed in, in seconds since 1970.
    pub since: i64,
    /// When they last proved who they are, in seconds since 1970.
    pub proved: i64,
    /// What their browser calls itself.
    pub device: String,
    /// Where they signed in.
    pub from: Option<IpAddr>,
}

/// Somebody whose password was right.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Halfway {
    /// The number of the account.
    pub account: u32,
    /// The name as it was typed.
    pub name: String,
    /// What the sign-in rests on: [`SignIn::stamp`](super::SignIn::stamp).
    pub stamp: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// Where to go afterwards.
    pub next: String,
}

/// One session of an account.
#[derive(Debug)]
pub struct SessionEntry {
    /// The hash of its id, in hex: names the session and opens none.
    pub name: String,
    /// Who and from where.
    pub visit: Visit,
    /// When it was last used, UTC, to half a minute.
    pub used: OffsetDateTime,
}

/// Which sessions of an account to end.
#[derive(Debug, Clone, Copy)]
pub enum Ending<'a> {
    /// The one of this name.
    One(&'a str),
    /// All but the one of this name.
    Others(&'a str),
    /// All.
    All,
}

/// The name of a session for those who see lists of them.
pub fn session_name(id: &Id) -> String {
    hex::encode(hashed(id))
}

impl Store {
    /// The sessions of an account, the latest first. Everybody may see their own.
    ///
    /// # Errors
    /// The actor is neither an operator nor the person, or the database does not answer.
    pub async fn sessions(
        &self,
        actor: &Actor,
        account: &Account,
    ) -> crate::error::Result<Vec<SessionEntry>> {
        if actor.name != account.name {
            actor.require_operator()?;
        }
        let rows = sqlx::query(
            "SELECT id, data FROM pw_sessions WHERE account_id = ? AND expires_at >= ? ORDER BY created_at DESC",
        )
        .bind(account.id)
        .bind(utc_now())
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        let entry = |row: &MySqlRow| {
            let id: Vec<u8> = row.try_get_unchecked(0).ok()?;
            let data: String = row.try_get_unchecked(1).ok()?;
            let data: HashMap<String, serde_json::Value> = serde_json::from_str(&data).ok()?;
            let visit: Visit = serde_json::from_value(data.get(VISIT)?.clone()).ok()?;
            let used = data.get(USED).and_then(serde_json::Value::as_i64);
            let used = used.map_or(visit.since, |used| used * USED_UNIT);
            Some(SessionEntry {
                name: hex::encode(id),
                used: OffsetDateTime::from_unix_timestamp(used.max(visit.since)).ok()?,
                visit,
            })
        };
        Ok(rows.iter().filter_map(entry).collect())
    }

    /// Ends sessions of an account and says whether there were any. Everybody may end their own.
    ///
    /// # Errors
    /// As [`Store::sessions`].
    pub async fn end_sessions(
        &self,
        actor: &Actor,
        account: &Account,
        which: Ending<'_>,
    ) -> crate::error::Result<bool> {
        if actor.name != account.name {
            actor.require_operator()?;
        }
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let (ended, event) = match which {
            Ending::One(name) => {
                let sql = "DELETE FROM pw_sessions WHERE account_id = ? AND HEX(id) = UPPER(?)";
                let done = sqlx::query(sql).bind(account.id).bind(name);
                let done = done.execute(&mut *transaction).await.map_err(classify)?;
                (done.rows_affected(), "ended a session")
            }
            Ending::Others(kept) => {
                let ended = end_others(&mut transaction, account.id, kept).await;
                (ended.map_err(classify)?, "ended every other session")
            }
            Ending::All => {
                let ended = end_others(&mut transaction, account.id, "").await;
                (ended.map_err(classify)?, "ended every session")
            }
        };
        if ended == 0 {
            return Ok(false);
        }
        note(&mut transaction, actor, &account.name, event)
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)?;
        Ok(true)
    }
}

/// Ends the sessions of an account but the one of this name, and says how many there were.
pub(super) async fn end_others(
    connection: &mut MySqlConnection,
    account: u32,
    kept: &str,
) -> std::result::Result<u64, sqlx::Error> {
    sqlx::query("DELETE FROM pw_sessions WHERE account_id = ? AND HEX(id) <> UPPER(?)")
        .bind(account)
        .bind(kept)
        .execute(connection)
        .await
        .map(|done| done.rows_affected())
}

/// The store behind tower-sessions. `save` updates and never inserts, so that a request which was under way while its
/// person signed out cannot bring the session back.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    absolute: Duration,
}

impl Sessions {
    /// Sessions in this database, with these limits.
    pub fn new(store: Store, limits: Limits) -> Self {
        Self {
            store,
            absolute: Duration::hours(i64::from(limits.absolute_hours)),
        }
    }

    /// Deletes sessions that have run out.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_expired(&self) -> Result<()> {
        sqlx::query("DELETE FROM pw_sessions WHERE expires_at < ? OR created_at < ?")
            .bind(utc(OffsetDateTime::now_utc()))
            .bind(utc(OffsetDateTime::now_utc() - self.absolute))
            .execute(&self.store.pool)
            .await
            .map(drop)
            .map_err(backend)
    }
}

fn hashed(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_le_bytes()).to_vec()
}

pub(super) fn utc(at: OffsetDateTime) -> PrimitiveDateTime {
    let at = at.to_offset(time::UtcOffset::UTC);
    PrimitiveDateTime::new(at.date(), at.time())
}

/// Now, as columns hold it.
pub(super) fn utc_now() -> PrimitiveDateTime {
    utc(OffsetDateTime::now_utc())
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(error.to_string())
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|e| Error::Encode(e.to_string()))
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        // 128 random bits do not collide; if they ever did, the unique key would refuse the sign-in.
        let visit = record.data.get(VISIT);
        let of = |data: &serde_json::Value, name: &str| data.get(name).and_then(serde_json::Value::as_i64);
        let halfway = record.data.get(HALFWAY);
        let account = visit.or(halfway).and_then(|data| of(data, "account"));
        // A new id in the middle of a visit does not make it longer.
        let since = visit.and_then(|data| of(data, "since"));
        let since = since.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        sqlx::query(
            "INSERT INTO pw_sessions (id, account_id, data, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(hashed(&record.id))
        .bind(account)
        .bind(encode(record)?)
        .bind(since.map_or_else(utc_now, utc))
        .bind(utc(record.expiry_date))
        .execute(&self.store.pool)
        .await
        .map(drop)
        .map_err(backend)
    }

    async fn save(&self, record: &Record) -> Result<()> {
        sqlx::query("UPDATE pw_sessions SET data = ?, expires_at = ? WHERE id = ?")
            .bind(encode(record)?)
            .bind(utc(record.expiry_date))
            .bind(hashed(&record.id))
            .execute(&self.store.pool)
            .await
            .map(drop)
            .map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = OffsetDateTime::now_utc();
        let row = sqlx::query(
            "SELECT data, expires_at FROM pw_sessions WHERE id = ? AND expires_at >= ? AND created_at >= ?",
        )
        .bind(hashed(id))
        .bind(utc(now))
        .bind(utc(now - self.absolute))
        .fetch_optional(&self.store.pool)
        .await
        .map_err(backend)?;
        let Some(row) = row else { return Ok(None) };
        let data: String = row.try_get(0).map_err(backend)?;
        let expiry: PrimitiveDateTime = row.try_get(1).map_err(backend)?;
        let data: HashMap<String, serde_json::Value> =
            serde_json::from_str(&data).map_err(|e| Error::Decode(e.to_string()))?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date: expiry.assume_utc(),
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        sqlx::query("DELETE FROM pw_sessions WHERE id = ?")
            .bind(hashed(id))
            .execute(&self.store.pool)
            .await
            .map(drop)
            .map_err(backend)
    }
}
