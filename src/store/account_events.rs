//! The record of what was done to accounts and with them.

use sqlx::{MySqlConnection, Row as _};
use time::PrimitiveDateTime;

use super::Store;
use super::connect::classify;
use super::sessions::utc_now;
use crate::access::Actor;
use crate::error::Result;
use crate::mail::visible;

/// Longest text of an event, in characters.
const LONGEST: usize = 500;

/// Something that was done to an account, or with it.
#[derive(Debug)]
pub struct AccountEvent {
    /// When, UTC.
    pub at: PrimitiveDateTime,
    /// Who did it.
    pub who: String,
    /// From where: an address, or the command line.
    pub origin: String,
    /// What.
    pub event: String,
}

/// Writes an event into the record and the log.
pub(super) async fn note(
    connection: &mut MySqlConnection,
    actor: &Actor,
    account: &str,
    event: &str,
) -> Result<(), sqlx::Error> {
    let (who, origin) = (actor.name.as_str(), actor.origin.to_string());
    let who: String = who.chars().take(64).collect();
    // What people typed is in it: nothing invisible is kept, or gets into the log.
    let event: String = visible(event).chars().take(LONGEST).collect();
    tracing::info!(account, who, origin, "account {account}: {event}");
    sqlx::query("INSERT INTO pw_account_events (at, account, who, origin, event) VALUES (?, ?, ?, ?, ?)")
        .bind(utc_now())
        .bind(account)
        .bind(who)
        .bind(origin)
        .bind(event)
        .execute(connection)
        .await
        .map(drop)
}

impl Store {
    /// The latest events of an account, newest first. Everybody may read their own.
    ///
    /// # Errors
    /// The actor is neither an operator nor the person, or the database does not answer.
    pub async fn account_events(&self, actor: &Actor, account: &str, most: u32) -> Result<Vec<AccountEvent>> {
        if actor.name != account {
            actor.require_operator()?;
        }
        let rows = sqlx::query(
            "SELECT at, who, origin, event FROM pw_account_events WHERE account = ? ORDER BY id DESC LIMIT ?",
        )
        .bind(account)
        .bind(most)
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        rows.iter()
            .map(|row| {
                let who: String = row.try_get_unchecked(1)?;
                Ok(AccountEvent {
                    at: row.try_get(0)?,
                    origin: actor.shown_origin(&who, row.try_get_unchecked(2)?),
                    who,
                    event: row.try_get_unchecked(3)?,
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(classify)
    }
}
