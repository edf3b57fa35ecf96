//! Attempts to sign in, counted in the database: so that they are still counted after a restart, by several panels
//! together, and exactly however many come at once. What is counted by what, and the limits: [`crate::access::Guess`].

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor, MySql, MySqlConnection, QueryBuilder, Row as _};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::Store;
use super::connect::{classify, is_deadlock};
use super::sessions::utc;
use crate::access::{Guess, KNOWN_FOR, Key};
use crate::error::Result;

/// How often a statement is tried that loses a deadlock against another attempt.
const TRIES: u32 = 10;

/// Rows deleted with one statement, so that nobody who signs in waits for long.
const ROWS_AT_ONCE: u64 = 1000;

/// Whether an attempt may go ahead.
#[derive(Debug)]
pub enum Admission {
    /// It may, and is counted.
    Go(Ticket),
    /// It may not, until this time has passed. It is not counted.
    Wait(Duration),
}

/// An attempt that is counted, to be [given back](Store::succeeded) if it turns out right.
#[derive(Debug)]
#[must_use = "a right attempt that is not given back counts as a guess"]
pub struct Ticket(Vec<Key>);

/// What there is room for.
enum Room {
    Enough(Vec<(Key, OffsetDateTime)>),
    In(Duration),
}

impl Store {
    /// Counts an attempt by all its keys, or by none and says how long to wait. Call it before the attempt is looked at:
    /// of any number that come at once, no more go ahead than there is room for. Names that do not exist are treated
    /// like the others.
    ///
    /// # Errors
    /// The database does not answer, or attempts keep getting into each other's way.
    pub async fn admit(&self, guess: &Guess<'_>, now: OffsetDateTime) -> Result<Admission> {
        // A flood that is refused anyway is to take no locks and write nothing.
        let seen = room(&self.pool, guess, now, "").await.map_err(classify)?;
        if let Room::In(wait) = seen {
            return Ok(Admission::Wait(wait));
        }
        let mut tries = 1;
        loop {
            match self.try_admit(guess, now).await {
                Err(error) if is_deadlock(&error) && tries < TRIES => tries += 1,
                result => return result.map_err(classify),
            }
        }
    }

    async fn try_admit(&self, guess: &Guess<'_>, now: OffsetDateTime) -> Result<Admission, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // A row there is not cannot be locked. Rows are made and locked in the order of their kinds, the same for everybody.
        let ids = ids(guess);
        set(&mut transaction, ids.iter().map(|id| (*id, now)), "id = id").await?;
        match room(&mut *transaction, guess, now, " FOR UPDATE").await? {
            // What was made for this attempt goes with the transaction.
            Room::In(wait) => Ok(Admission::Wait(wait)),
            Room::Enough(counted) => {
                let moments = counted.iter().map(|(key, forgotten)| (key.id, *forgotten));
                set(&mut transaction, moments, "gone_at = VALUES(gone_at)").await?;
                transaction.commit().await?;
                Ok(Admission::Go(Ticket(
                    counted.into_iter().map(|(key, _)| key).collect(),
                )))
            }
        }
    }

    /// The attempt was right: it does not count as a guess, nor do those of the same person from the same place before
    /// it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn succeeded(&self, ticket: Ticket) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.try_give_back(&ticket).await {
                Err(error) if is_deadlock(&error) && tries < TRIES => tries += 1,
                result => return result.map_err(classify),
            }
        }
    }

    async fn try_give_back(&self, ticket: &Ticket) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        for key in &ticket.0 {
            sqlx::query("UPDATE pw_throttle SET gone_at = gone_at - INTERVAL ? SECOND WHERE id = ?")
                .bind(key.returned.as_secs())
                .bind(key.id.to_vec())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// Notes that somebody has signed in from here, by every factor there is: the place is known from now on.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn note_place(&self, guess: &Guess<'_>, now: OffsetDateTime) -> Result<()> {
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        let place = std::iter::once((guess.place(), now + KNOWN_FOR));
        set(&mut connection, place, "gone_at = VALUES(gone_at)")
            .await
            .map_err(classify)
    }

    /// Deletes attempts that are forgotten and places that are not known any more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn delete_forgotten(&self, now: OffsetDateTime) -> Result<()> {
        loop {
            let deleted = sqlx::query("DELETE FROM pw_throttle WHERE gone_at <= ? ORDER BY gone_at LIMIT ?")
                .bind(utc(now))
                .bind(ROWS_AT_ONCE)
                .execute(&self.pool)
                .await
                .map_err(classify)?;
            if deleted.rows_affected() < ROWS_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// The rows an attempt may have to do with: its keys, then its place.
fn ids(guess: &Guess<'_>) -> Vec<[u8; 32]> {
    let keys = guess.keys(false).into_iter().chain(guess.keys(true));
    let mut ids: Vec<[u8; 32]> = Vec::new();
    for id in keys.map(|key| key.id).chain([guess.place()]) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Whether every key of an attempt has room for it. `lock` is empty or ` FOR UPDATE`.
async fn room<'e>(
    executor: impl Executor<'e, Database = MySql>,
    guess: &Guess<'_>,
    now: OffsetDateTime,
    lock: &str,
) -> Result<Room, sqlx::Error> {
    let ids = ids(guess);
    let places = vec!["?"; ids.len()].join(", ");
    let statement = format!("SELECT id, gone_at FROM pw_throttle WHERE id IN ({places}){lock}");
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for id in &ids {
        query = query.bind(id.to_vec());
    }
    let rows = query.fetch_all(executor).await?;
    let mut stored = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Vec<u8> = row.try_get(0)?;
        let gone_at: PrimitiveDateTime = row.try_get(1)?;
        stored.push((id, gone_at.assume_utc()));
    }
    let gone_at = |id: [u8; 32]| stored.iter().find(|row| row.0 == id).map_or(now, |row| row.1);
    let mut counted = Vec::new();
    let mut longest = Duration::ZERO;
    for key in guess.keys(gone_at(guess.place()) > now) {
        match key.limit.add(gone_at(key.id), now) {
            Ok(forgotten) => counted.push((key, forgotten)),
            Err(wait) => longest = longest.max(wait),
        }
    }
    if longest > Duration::ZERO {
        return Ok(Room::In(longest));
    }
    Ok(Room::Enough(counted))
}

/// Writes rows in this order; what becomes of those that are there, `update` says.
async fn set(
    connection: &mut MySqlConnection,
    rows: impl Iterator<Item = ([u8; 32], OffsetDateTime)>,
    update: &str,
) -> Result<(), sqlx::Error> {
    let mut sql = QueryBuilder::new("INSERT INTO pw_throttle (id, gone_at) ");
    sql.push_values(rows, |mut row, (id, gone_at)| {
        row.push_bind(id.to_vec()).push_bind(utc(gone_at));
    });
    sql.push(" ON DUPLICATE KEY UPDATE ").push(update);
    sql.build().execute(connection).await.map(drop)
}
