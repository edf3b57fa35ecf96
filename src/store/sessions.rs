//! Sessions in the database, by the hash of their cookie.

use std::collections::HashMap;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use super::Store;
use crate::config::Session as Limits;

/// Key of the session's data that holds the number of the account.
pub const ACCOUNT: &str = "account";

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
        let account = record.data.get(ACCOUNT).and_then(serde_json::Value::as_u64);
        sqlx::query(
            "INSERT INTO pw_sessions (id, account_id, data, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(hashed(&record.id))
        .bind(account)
        .bind(encode(record)?)
        .bind(utc(OffsetDateTime::now_utc()))
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
