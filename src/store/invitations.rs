//! One-time links with which a person sets the first password, or a new one.

use sha2::{Digest, Sha256};
use sqlx::Row as _;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::account_events::note;
use super::accounts::{AccountChange, apply, lock_account};
use super::connect::classify;
use super::sessions::{utc, utc_now};
use super::{Account, Store};
use crate::access::{Actor, Origin};
use crate::error::{Error, Result};

/// How long a link is good.
pub const GOOD_FOR: Duration = Duration::days(3);

/// What goes into a link, and until when it is good.
#[derive(Debug)]
pub struct Invitation {
    /// 192 random bits; the database has their hash alone.
    pub token: String,
    /// UTC.
    pub expires_at: PrimitiveDateTime,
}

fn hashed(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

impl Store {
    /// Makes a one-time link for an account. An earlier one is worth nothing any more; the password there may be stays
    /// good until a new one is set.
    ///
    /// # Errors
    /// There is no such account, or the actor is no operator.
    pub async fn invite(&self, actor: &Actor, name: &str) -> Result<Invitation> {
        let account = self.account(actor, name).await;
        if let Ok(account) = &account
            && (!account.enabled || account.is_expired())
        {
            let state = if account.enabled {
                "has expired"
            } else {
                "is disabled"
            };
            return Err(Error::Usage(format!(
                "`{name}` {state}: nobody could sign in with it. Change that first."
            )));
        }
        actor.require_operator()?;
        let invitation = Invitation {
            token: hex::encode(rand::random::<[u8; 24]>()),
            expires_at: utc(OffsetDateTime::now_utc() + GOOD_FOR),
        };
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let (id, _) = lock_account(&mut transaction, name).await?;
        sqlx::query(
            "REPLACE INTO pw_invitations (account_id, token, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(hashed(&invitation.token))
        .bind(actor.name.chars().take(64).collect::<String>())
        .bind(utc_now())
        .bind(invitation.expires_at)
        .execute(&mut *transaction)
        .await
        .map_err(classify)?;
        note(&mut transaction, actor, name, "invited by a one-time link")
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)?;
        Ok(invitation)
    }

    /// The account a link is for; `None` where it was used, is too old or never was.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn invited(&self, token: &str) -> Result<Option<Account>> {
        let name: Option<String> = sqlx::query(
            "SELECT a.name FROM pw_invitations i JOIN pw_accounts a ON a.id = i.account_id WHERE i.token = ? AND \
             i.expires_at > ? AND a.enabled = 1 AND NOT EXISTS (SELECT 1 FROM pw_terms t WHERE t.account_id = a.id AND \
             t.expires_at <= ?)",
        )
        .bind(hashed(token))
        .bind(utc_now())
        .bind(utc_now())
        .fetch_optional(&self.pool)
        .await
        .and_then(|row| row.map(|row| row.try_get_unchecked(0)).transpose())
        .map_err(classify)?;
        match name {
            Some(name) => self.account(&Actor::command_line(), &name).await.map(Some),
            None => Ok(None),
        }
    }

    /// Sets the password of whoever holds a link and uses the link up. `false` where somebody else was faster.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accept_invitation(&self, token: &str, hash: &str, origin: Origin) -> Result<bool> {
        let Some(account) = self.invited(token).await? else {
            return Ok(false);
        };
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let (id, role) = lock_account(&mut transaction, &account.name).await?;
        let used = sqlx::query("DELETE FROM pw_invitations WHERE account_id = ? AND token = ?")
            .bind(id)
            .bind(hashed(token))
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        if used.rows_affected() == 0 {
            return Ok(false);
        }
        let change = AccountChange::Password {
            hash,
            must_change: false,
        };
        apply(&mut transaction, id, role, change).await?;
        let actor = account.as_actor(origin);
        let event = "set a password by a one-time link";
        note(&mut transaction, &actor, &account.name, event)
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)?;
        Ok(true)
    }

    /// Makes an account's link worthless.
    ///
    /// # Errors
    /// There is no such account, or the actor is no operator.
    pub async fn withdraw_invitation(&self, actor: &Actor, name: &str) -> Result<()> {
        actor.require_operator()?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let (id, _) = lock_account(&mut transaction, name).await?;
        let done = sqlx::query("DELETE FROM pw_invitations WHERE account_id = ?").bind(id);
        let done = done.execute(&mut *transaction).await.map_err(classify)?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        note(&mut transaction, actor, name, "invitation withdrawn")
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }
}

impl Account {
    /// The person behind the account, who acts with its rights.
    fn as_actor(&self, origin: Origin) -> Actor {
        Actor {
            name: self.name.clone(),
            role: self.role,
            // Whoever follows a link has signed in to nothing yet.
            scope: crate::access::Scope::Domains(Vec::new()),
            origin,
        }
    }
}
