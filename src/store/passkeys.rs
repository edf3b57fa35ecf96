//! Passkeys: what authenticators have made for an account, and what they signed last.

use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use time::PrimitiveDateTime;

use super::Store;
use super::account_events::note;
use super::connect::{classify, number};
use super::sessions::{end_others, utc_now};
use crate::access::Actor;
use crate::access::passkey::{Assertion, Challenge, NewPasskey, RelyingParty};
use crate::error::{Error, Result};

/// A passkey as its person knows it.
#[derive(Debug)]
pub struct Passkey {
    /// Its number.
    pub id: u32,
    /// What the person calls it.
    pub name: String,
    /// The authenticator's name for it.
    pub credential: Vec<u8>,
    /// When it was added, UTC.
    pub created_at: PrimitiveDateTime,
    /// When somebody last signed in with it, UTC.
    pub last_used: Option<PrimitiveDateTime>,
}

impl Store {
    /// The passkeys of an account, the oldest first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn passkeys(&self, account: u32) -> Result<Vec<Passkey>> {
        let rows = sqlx::query(
            "SELECT id, name, credential, created_at, last_used_at FROM pw_passkeys WHERE account_id = ? ORDER BY id",
        )
        .bind(account)
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        let passkey = |row: &MySqlRow| {
            Ok(Passkey {
                id: row.try_get(0)?,
                name: row.try_get_unchecked(1)?,
                credential: row.try_get_unchecked(2)?,
                created_at: row.try_get(3)?,
                last_used: row.try_get(4)?,
            })
        };
        rows.iter()
            .map(passkey)
            .collect::<Result<_, sqlx::Error>>()
            .map_err(classify)
    }

    /// Adds a passkey to one's own account, made in answer to this challenge. `false` where there is one of its name
    /// already, whoever's.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the account has no confirmed second factor, which its recovery codes belong to.
    pub async fn add_passkey(
        &self,
        account: u32,
        actor: &Actor,
        name: &str,
        made: &NewPasskey,
        challenge: &Challenge,
    ) -> Result<bool> {
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let added = sqlx::query(
            "INSERT INTO pw_passkeys (account_id, credential, public_key, counter, last_challenge, name, created_at) \
             SELECT account_id, ?, ?, ?, ?, ?, ? FROM pw_second_factors WHERE account_id = ? AND confirmed_at IS NOT \
             NULL",
        )
        .bind(made.credential.as_slice())
        .bind(made.key.as_slice())
        .bind(made.counter)
        .bind(challenge.bytes())
        .bind(name)
        .bind(utc_now())
        .bind(account)
        .execute(&mut *transaction)
        .await;
        match added {
            Ok(added) if added.rows_affected() == 0 => return Err(Error::NotFound),
            Ok(_) => {}
            Err(error) if number(&error) == Some(1062) => return Ok(false),
            Err(error) => return Err(classify(error)),
        }
        note(
            &mut transaction,
            actor,
            &actor.name,
            &format!("passkey `{name}` added"),
        )
        .await
        .map_err(classify)?;
        transaction.commit().await.map_err(classify)?;
        Ok(true)
    }

    /// Whether a passkey of the account signed this challenge. No challenge is taken twice, by whichever process, and no
    /// counter that has not gone on: somebody may have copied the authenticator.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn check_passkey(
        &self,
        account: u32,
        party: &RelyingParty,
        challenge: &Challenge,
        typed: &str,
    ) -> Result<bool> {
        let Ok(signed) = Assertion::parse(typed) else {
            return Ok(false);
        };
        let key: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT public_key FROM pw_passkeys WHERE account_id = ? AND credential = ?")
                .bind(account)
                .bind(signed.credential.as_slice())
                .fetch_optional(&self.pool)
                .await
                .map_err(classify)?;
        let Some(Ok(counter)) = key.map(|key| party.verify(challenge, &key, &signed)) else {
            return Ok(false);
        };
        let taken = sqlx::query(
            "UPDATE pw_passkeys SET counter = ?, last_challenge = ?, last_used_at = ? WHERE account_id = ? AND \
             credential = ? AND last_challenge <> ? AND (counter < ? OR (counter = 0 AND ? = 0))",
        )
        .bind(counter)
        .bind(challenge.bytes())
        .bind(utc_now())
        .bind(account)
        .bind(signed.credential.as_slice())
        .bind(challenge.bytes())
        .bind(counter)
        .bind(counter)
        .execute(&self.pool)
        .await
        .map_err(classify)?;
        Ok(taken.rows_affected() == 1)
    }

    /// Removes a passkey of one's own account. Ends the account's sessions but the one to keep.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the account has none of this number.
    pub async fn remove_passkey(&self, account: u32, actor: &Actor, id: u32, keep: &str) -> Result<()> {
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let name: Option<String> =
            sqlx::query_scalar("SELECT name FROM pw_passkeys WHERE account_id = ? AND id = ? FOR UPDATE")
                .bind(account)
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(classify)?;
        let name = name.ok_or(Error::NotFound)?;
        sqlx::query("DELETE FROM pw_passkeys WHERE id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        end_others(&mut transaction, account, keep)
            .await
            .map_err(classify)?;
        let event = format!("passkey `{name}` removed");
        note(&mut transaction, actor, &actor.name, &event)
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }
}
