//! People who sign in to the panel, and the domains granted to owners.

use sqlx::Row as _;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::Store;
use super::connect::{classify, number};
use crate::access::{Actor, Origin, Role, Scope};
use crate::error::{Error, Result};
use crate::mail::DomainName;

/// An account, without its password.
#[derive(Debug)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Whether it may sign in.
    pub enabled: bool,
    /// When somebody last signed in with it, UTC.
    pub last_sign_in: Option<PrimitiveDateTime>,
    /// Domains granted to it.
    pub domains: Vec<String>,
}

/// What signing in needs to know of an account.
#[derive(Debug)]
pub struct SignIn {
    /// The account.
    pub id: u32,
    /// The stored PHC string; empty where no password was ever set.
    pub hash: String,
    /// Whether it may sign in.
    pub enabled: bool,
}

/// Checks the name of an account: 1 to 64 of `a-z0-9._@-`.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(good) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "`{name}` is no account name: use 1 to 64 of a-z, 0-9 and . _ @ -"
    )))
}

fn no_such(name: &str) -> Error {
    Error::Usage(format!(
        "there is no account `{name}`; `postwarden account list` shows them"
    ))
}

fn now() -> PrimitiveDateTime {
    let now = OffsetDateTime::now_utc();
    PrimitiveDateTime::new(now.date(), now.time())
}

impl Store {
    /// Creates an account with its grants, all or nothing.
    ///
    /// # Errors
    /// The name is taken or malformed.
    pub async fn create_account(
        &self,
        name: &str,
        role: Role,
        hash: &str,
        domains: &[DomainName],
    ) -> Result<()> {
        check_name(name)?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let created = sqlx::query(
            "INSERT INTO pw_accounts (name, role, password_hash, enabled, created_at) VALUES (?, ?, ?, 1, ?)",
        )
        .bind(name)
        .bind(role.as_str())
        .bind(hash)
        .bind(now())
        .execute(&mut *transaction)
        .await
        .map_err(|e| match number(&e) {
            Some(1062) => Error::Usage(format!("the account `{name}` exists already")),
            _ => classify(e),
        })?;
        for domain in domains {
            sqlx::query("INSERT INTO pw_grants (account_id, domain) VALUES (?, ?)")
                .bind(created.last_insert_id())
                .bind(domain.as_str())
                .execute(&mut *transaction)
                .await
                .map_err(classify)?;
        }
        transaction.commit().await.map_err(classify)
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let rows = sqlx::query(
            "SELECT a.name, a.role, a.enabled, a.last_sign_in_at, GROUP_CONCAT(g.domain ORDER BY g.domain) \
             FROM pw_accounts a LEFT JOIN pw_grants g ON g.account_id = a.id GROUP BY a.id ORDER BY a.name",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        rows.iter()
            .map(|row| {
                let domains: Option<String> = row.try_get_unchecked(4).map_err(classify)?;
                Ok(Account {
                    name: row.try_get_unchecked(0).map_err(classify)?,
                    role: role(&row.try_get_unchecked::<String, _>(1).map_err(classify)?)?,
                    enabled: row.try_get_unchecked::<i8, _>(2).map_err(classify)? == 1,
                    last_sign_in: row.try_get(3).map_err(classify)?,
                    domains: domains
                        .map(|d| d.split(',').map(str::to_owned).collect())
                        .unwrap_or_default(),
                })
            })
            .collect()
    }

    /// Sets a password and ends the account's sessions.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn set_password(&self, name: &str, hash: &str) -> Result<()> {
        self.change_account(
            "UPDATE pw_accounts SET password_hash = ? WHERE name = ?",
            hash,
            name,
        )
        .await
    }

    /// Lets an account sign in, or not; not ends its sessions.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn set_account_enabled(&self, name: &str, enabled: bool) -> Result<()> {
        let value = if enabled { "1" } else { "0" };
        self.change_account("UPDATE pw_accounts SET enabled = ? WHERE name = ?", value, name)
            .await
    }

    /// Changes an account and ends its sessions, in one transaction.
    async fn change_account(&self, statement: &'static str, value: &str, name: &str) -> Result<()> {
        check_name(name).map_err(|_| no_such(name))?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let id: Option<u32> = sqlx::query_scalar("SELECT id FROM pw_accounts WHERE name = ? FOR UPDATE")
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(classify)?;
        let id = id.ok_or_else(|| no_such(name))?;
        sqlx::query(statement)
            .bind(value)
            .bind(name)
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        sqlx::query("DELETE FROM pw_sessions WHERE account_id = ?")
            .bind(id)
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }

    /// Grants a domain to an account, or takes it back; effective with the next request.
    ///
    /// # Errors
    /// There is no such account, or it is no owner.
    pub async fn set_grant(&self, name: &str, domain: &DomainName, granted: bool) -> Result<()> {
        check_name(name).map_err(|_| no_such(name))?;
        let found: Option<(u32, String)> =
            sqlx::query_as("SELECT id, CAST(role AS CHAR) FROM pw_accounts WHERE name = ?")
                .bind(name)
                .fetch_optional(&self.pool)
                .await
                .map_err(classify)?;
        let (id, word) = found.ok_or_else(|| no_such(name))?;
        if role(&word)? != Role::Owner {
            return Err(Error::Usage(format!(
                "`{name}` is an {word}: only owners have domains granted to them"
            )));
        }
        let statement = if granted {
            "INSERT IGNORE INTO pw_grants (account_id, domain) VALUES (?, ?)"
        } else {
            "DELETE FROM pw_grants WHERE account_id = ? AND domain = ?"
        };
        sqlx::query(statement)
            .bind(id)
            .bind(domain.as_str())
            .execute(&self.pool)
            .await
            .map_err(classify)?;
        Ok(())
    }

    /// What signing in under a name needs; `None` where there is no such account.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn sign_in(&self, name: &str) -> Result<Option<SignIn>> {
        // The column is ASCII: MariaDB refuses to compare it with anything else.
        if check_name(name).is_err() {
            return Ok(None);
        }
        let row = sqlx::query("SELECT id, password_hash, enabled FROM pw_accounts WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(classify)?;
        row.map(|row| {
            Ok(SignIn {
                id: row.try_get(0)?,
                hash: row.try_get_unchecked::<Option<String>, _>(1)?.unwrap_or_default(),
                enabled: row.try_get_unchecked::<i8, _>(2)? == 1,
            })
        })
        .transpose()
        .map_err(classify)
    }

    /// Notes that somebody has just signed in.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn note_sign_in(&self, id: u32) -> Result<()> {
        sqlx::query("UPDATE pw_accounts SET last_sign_in_at = ? WHERE id = ?")
            .bind(now())
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(classify)
    }

    /// The actor behind an account as it is now: rights take effect with the next request. `None` where the account is
    /// gone or may not sign in.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn actor(&self, id: u32, origin: Origin) -> Result<Option<Actor>> {
        let rows = sqlx::query(
            "SELECT a.name, a.role, g.domain FROM pw_accounts a LEFT JOIN pw_grants g ON g.account_id = a.id \
             WHERE a.id = ? AND a.enabled = 1",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .map_err(classify)?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let name = first.try_get_unchecked(0).map_err(classify)?;
        let role = role(&first.try_get_unchecked::<String, _>(1).map_err(classify)?)?;
        let scope = match role {
            Role::Operator | Role::Auditor => Scope::Everything,
            Role::Owner => Scope::Domains(
                rows.iter()
                    .filter_map(|row| row.try_get_unchecked::<Option<String>, _>(2).ok().flatten())
                    .filter_map(|domain| DomainName::parse(&domain).ok())
                    .collect(),
            ),
        };
        Ok(Some(Actor {
            name,
            role,
            scope,
            origin,
        }))
    }
}

fn role(word: &str) -> Result<Role> {
    word.parse().map_err(Error::Unexpected)
}
