//! Second factors: the secret an app shares, the last code that was taken, and recovery codes.

use sqlx::{MySqlConnection, Row as _};
use time::OffsetDateTime;

use super::Store;
use super::account_events::note;
use super::accounts::{execute, lock_account};
use super::connect::classify;
use super::sessions::{end_others, utc_now};
use crate::access::second_factor::{self, CodeHash, SharedSecret};
use crate::access::{Actor, Origin};
use crate::error::{Error, Result};

/// The second factor of an account.
#[derive(Debug)]
pub struct SecondFactor {
    /// The secret.
    pub secret: SharedSecret,
    /// Whether a first code has shown that the app has it; until then signing in does not ask for one.
    pub confirmed: bool,
    /// Recovery codes that are left.
    pub codes: u64,
    salt: [u8; 16],
}

/// What somebody proved to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The app, by a code that was not used before.
    App,
    /// A recovery code, which is used up now; so many are left.
    RecoveryCode(u64),
    /// A passkey.
    Passkey,
}

impl Store {
    /// The second factor of an account, confirmed or begun; `None` where there is none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn second_factor(&self, id: u32) -> Result<Option<SecondFactor>> {
        let row = sqlx::query(
            "SELECT secret, confirmed_at IS NOT NULL, codes_salt, (SELECT COUNT(*) FROM pw_recovery_codes c WHERE \
             c.account_id = f.account_id) FROM pw_second_factors f WHERE account_id = ?",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .map_err(classify)?;
        row.map(|row| {
            let salt: Vec<u8> = row.try_get_unchecked(2)?;
            Ok(SecondFactor {
                secret: SharedSecret::stored(row.try_get_unchecked(0)?),
                confirmed: row.try_get_unchecked::<i64, _>(1)? == 1,
                salt: salt.try_into().unwrap_or_default(),
                codes: row.try_get_unchecked(3)?,
            })
        })
        .transpose()
        .map_err(classify)
    }

    /// Begins a second factor with a new secret. One that is in use already stays as it is.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn begin_second_factor(&self, id: u32) -> Result<()> {
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        sqlx::query("DELETE FROM pw_second_factors WHERE account_id = ? AND confirmed_at IS NULL")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        sqlx::query("INSERT IGNORE INTO pw_second_factors (account_id, secret, codes_salt) VALUES (?, ?, ?)")
            .bind(id)
            .bind(SharedSecret::generate().bytes())
            .bind(rand::random::<[u8; 16]>().as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }

    /// Confirms a second factor by its first code and answers with recovery codes, which are shown once; `None` where the
    /// code is wrong or there is nothing to confirm. Sessions of the account but this one end: they never showed a code.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn confirm_second_factor(
        &self,
        id: u32,
        actor: &Actor,
        code: &str,
        keep: &str,
    ) -> Result<Option<Vec<String>>> {
        let Some(factor) = self.second_factor(id).await?.filter(|f| !f.confirmed) else {
            return Ok(None);
        };
        let Some(step) = factor.secret.step_of(code, seconds()) else {
            return Ok(None);
        };
        let (codes, hashes) = new_codes(&factor.salt);
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let done = sqlx::query(
            "UPDATE pw_second_factors SET confirmed_at = ?, last_step = ? WHERE account_id = ? AND confirmed_at IS NULL",
        )
        .bind(utc_now())
        .bind(step)
        .bind(id)
        .execute(&mut *transaction)
        .await
        .map_err(classify)?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        write_codes(&mut transaction, id, &hashes).await?;
        end_others(&mut transaction, id, keep).await.map_err(classify)?;
        note(&mut transaction, actor, &actor.name, "second factor set up")
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)?;
        Ok(Some(codes))
    }

    /// Gives an account new recovery codes in place of the old ones; they are shown once.
    ///
    /// # Errors
    /// The account has no second factor, or the database does not answer.
    pub async fn renew_recovery_codes(&self, id: u32, actor: &Actor) -> Result<Vec<String>> {
        let factor = self.second_factor(id).await?.filter(|f| f.confirmed);
        let factor = factor.ok_or(Error::NotFound)?;
        let (codes, hashes) = new_codes(&factor.salt);
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        write_codes(&mut transaction, id, &hashes).await?;
        note(&mut transaction, actor, &actor.name, "new recovery codes")
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)?;
        Ok(codes)
    }

    /// Checks a code of the app or a recovery code, and uses it up: none is taken twice, by whichever process. `None`
    /// where it is wrong or was used before.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn check_second_factor(&self, id: u32, typed: &str) -> Result<Option<Proof>> {
        let Some(factor) = self.second_factor(id).await?.filter(|f| f.confirmed) else {
            return Ok(None);
        };
        if let Some(step) = factor.secret.step_of(typed, seconds()) {
            let sql = "UPDATE pw_second_factors SET last_step = ? WHERE account_id = ? AND last_step < ?";
            let taken = sqlx::query(sql).bind(step).bind(id).bind(step);
            let taken = taken.execute(&self.pool).await.map_err(classify)?;
            return Ok((taken.rows_affected() == 1).then_some(Proof::App));
        }
        let Some(code) = second_factor::as_recovery_code(typed) else {
            return Ok(None);
        };
        let hash = second_factor::hash_code(&code, &factor.salt);
        let used = sqlx::query("DELETE FROM pw_recovery_codes WHERE account_id = ? AND code = ?")
            .bind(id)
            .bind(hash.as_slice())
            .execute(&self.pool)
            .await
            .map_err(classify)?;
        let left = factor.codes.saturating_sub(1);
        Ok((used.rows_affected() == 1).then_some(Proof::RecoveryCode(left)))
    }

    /// Takes the second factor from an account: from one's own, or as an operator from somebody's who lost it. Ends the
    /// account's sessions but the one to keep.
    ///
    /// # Errors
    /// There is no such account, or it is somebody else's and the actor no operator.
    pub async fn remove_second_factor(&self, actor: &Actor, name: &str, keep: &str) -> Result<()> {
        if actor.name != name || actor.origin == Origin::Cli {
            actor.require_operator()?;
        }
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let (id, _) = lock_account(&mut transaction, name).await?;
        execute(
            &mut transaction,
            "DELETE FROM pw_second_factors WHERE account_id = ?",
            id,
        )
        .await?;
        end_others(&mut transaction, id, keep).await.map_err(classify)?;
        note(&mut transaction, actor, name, "second factor removed")
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }
}

/// Now, in seconds since 1970.
fn seconds() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default()
}

fn new_codes(salt: &[u8; 16]) -> (Vec<String>, Vec<CodeHash>) {
    let codes = second_factor::recovery_codes();
    let hashes = codes
        .iter()
        .map(|code| second_factor::hash_code(code, salt))
        .collect();
    (codes, hashes)
}

async fn write_codes(connection: &mut MySqlConnection, id: u32, hashes: &[CodeHash]) -> Result<()> {
    execute(
        connection,
        "DELETE FROM pw_recovery_codes WHERE account_id = ?",
        id,
    )
    .await?;
    for hash in hashes {
        sqlx::query("INSERT INTO pw_recovery_codes (account_id, code) VALUES (?, ?)")
            .bind(id)
            .bind(hash.as_slice())
            .execute(&mut *connection)
            .await
            .map_err(classify)?;
    }
    Ok(())
}
