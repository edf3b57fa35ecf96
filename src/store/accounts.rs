//! People who sign in to the panel: who they are, and what operators do to their accounts.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};
use time::{OffsetDateTime, PrimitiveDateTime};

use super::account_events::note;
use super::connect::{classify, number};
use super::sessions::utc_now;
use super::{Store, grants};
use crate::access::{Actor, Grant, Origin, Role, Scope};
use crate::error::{Error, Result};

/// An account, without its password.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug)]
pub struct Account {
    /// Its number, which no other account ever gets.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Whether it may sign in.
    pub enabled: bool,
    /// When it was made, UTC.
    pub created_at: PrimitiveDateTime,
    /// When somebody last signed in with it, UTC.
    pub last_sign_in: Option<PrimitiveDateTime>,
    /// From when on nobody signs in with it, UTC.
    pub expires_at: Option<PrimitiveDateTime>,
    /// Whether a new password has to be chosen before anything else.
    pub must_change: bool,
    /// Whether it has a password at all: one that was invited and never came has none.
    pub has_password: bool,
    /// Whether signing in asks for a second factor.
    pub second_factor: bool,
    /// Until when its invitation is good, UTC.
    pub invited_until: Option<PrimitiveDateTime>,
    /// How many sessions it has.
    pub sessions: u64,
    /// Domains granted to it.
    pub grants: Vec<Grant>,
}

impl Account {
    /// Whether its time is over.
    pub fn is_expired(&self) -> bool {
        self.expires_at.is_some_and(|at| at <= utc_now())
    }

    /// The last day on which somebody signs in with it, UTC.
    pub fn last_day(&self) -> Option<time::Date> {
        self.expires_at.map(last_day)
    }
}

/// An account to be made.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// 1 to 64 of `a-z0-9._@-`.
    pub name: &'a str,
    /// What it is for.
    pub role: Role,
    /// The PHC string of its password; `None` where an invitation lets the person choose one.
    pub hash: Option<&'a str>,
    /// What is granted to it, for owners.
    pub grants: &'a [Grant],
    /// From when on nobody signs in with it.
    pub expires_at: Option<PrimitiveDateTime>,
}

/// One thing to change about an account.
#[derive(Debug, Clone, Copy)]
pub enum AccountChange<'a> {
    /// A new password, given as PHC string; ends every session. Everybody may change their own.
    Password {
        /// The PHC string.
        hash: &'a str,
        /// Whether the person has to choose another one at once, as with one that somebody else has chosen.
        must_change: bool,
    },
    /// Whether it may sign in; ends every session.
    Enabled(bool),
    /// What it is for; ends every session, and takes back what was granted to somebody who is no owner any more.
    Role(Role),
    /// From when on nobody signs in with it.
    Expiry(Option<PrimitiveDateTime>),
    /// That a new password has to be chosen before anything else.
    MustChange,
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
    /// Whether its time is over.
    pub expired: bool,
    /// Whether signing in asks for a second factor.
    pub second_factor: bool,
}

impl SignIn {
    /// Stands for the password and the second factor there are: whoever began to sign in with others has to begin anew.
    pub fn stamp(&self) -> String {
        let digest = Sha256::digest(format!("{}\0{}", self.hash, self.second_factor));
        hex::encode(&digest[..16])
    }
}

/// Somebody who is signed in, as of now.
#[derive(Debug)]
pub struct Person {
    /// The number of the account.
    pub id: u32,
    /// With the account's rights.
    pub actor: Actor,
    /// Whether a new password has to be chosen before anything else.
    pub must_change: bool,
    /// Whether the account has a second factor.
    pub second_factor: bool,
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

impl Store {
    /// Creates an account with its grants, all or nothing.
    ///
    /// # Errors
    /// The name is taken or malformed, or the actor is no operator.
    pub async fn create_account(&self, actor: &Actor, new: &NewAccount<'_>) -> Result<()> {
        actor.require_operator()?;
        let name = new.name;
        check_name(name)?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let created = sqlx::query(
            "INSERT INTO pw_accounts (name, role, password_hash, enabled, created_at) VALUES (?, ?, ?, 1, ?)",
        )
        .bind(name)
        .bind(new.role.as_str())
        .bind(new.hash)
        .bind(utc_now())
        .execute(&mut *transaction)
        .await
        .map_err(|e| match number(&e) {
            Some(1062) => Error::Usage(format!("the account `{name}` exists already")),
            _ => classify(e),
        })?;
        let id = u32::try_from(created.last_insert_id())
            .map_err(|e| Error::unexpected("numbering an account", e))?;
        for grant in new.grants {
            grants::write(&mut transaction, id, grant)
                .await
                .map_err(classify)?;
        }
        set_term(&mut transaction, id, "expires_at", new.expires_at).await?;
        let domains: Vec<&str> = new.grants.iter().map(|grant| grant.domain.as_str()).collect();
        let event = if domains.is_empty() {
            format!("created as {}", new.role)
        } else {
            format!("created as {} of {}", new.role, domains.join(", "))
        };
        note(&mut transaction, actor, name, &event)
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// The actor is no operator, or the database does not answer.
    pub async fn accounts(&self, actor: &Actor) -> Result<Vec<Account>> {
        actor.require_operator()?;
        self.read_accounts(None).await.map_err(classify)?
    }

    /// One account. Everybody may see their own.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this name, or it is not the actor's to see.
    pub async fn account(&self, actor: &Actor, name: &str) -> Result<Account> {
        if actor.name != name {
            actor.require_operator()?;
        }
        check_name(name).map_err(|_| Error::NotFound)?;
        let found = self.read_accounts(Some(name)).await.map_err(classify)??;
        found.into_iter().next().ok_or(Error::NotFound)
    }

    async fn read_accounts(&self, name: Option<&str>) -> Result<Result<Vec<Account>>, sqlx::Error> {
        let sql = format!(
            "SELECT g.account_id, {} FROM pw_grants g LEFT JOIN pw_limits l ON l.account_id = g.account_id AND \
             l.domain = g.domain ORDER BY g.domain",
            grants::COLUMNS
        );
        let mut granted: HashMap<u32, Vec<Grant>> = HashMap::new();
        for row in sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await? {
            if let Some(grant) = grants::read(&row, 1)? {
                granted.entry(row.try_get(0)?).or_default().push(grant);
            }
        }
        let rows = sqlx::query(
            "SELECT a.id, a.name, a.role, a.enabled, a.created_at, a.last_sign_in_at, t.expires_at, \
             COALESCE(t.must_change, 0), COALESCE(a.password_hash, '') <> '', f.confirmed_at IS NOT NULL, i.expires_at, \
             (SELECT COUNT(*) FROM pw_sessions s WHERE s.account_id = a.id AND s.expires_at >= ?) \
             FROM pw_accounts a LEFT JOIN pw_terms t ON t.account_id = a.id \
             LEFT JOIN pw_second_factors f ON f.account_id = a.id \
             LEFT JOIN pw_invitations i ON i.account_id = a.id AND i.expires_at > ? \
             WHERE ? IS NULL OR a.name = ? ORDER BY a.name",
        )
        .bind(utc_now())
        .bind(utc_now())
        .bind(name)
        .bind(name)
        .fetch_all(&self.pool)
        .await?;
        let mut accounts = Vec::with_capacity(rows.len());
        for row in rows {
            let yes = |i: usize| row.try_get_unchecked::<i64, _>(i).map(|flag| flag == 1);
            let id: u32 = row.try_get(0)?;
            let role = match role(&row.try_get_unchecked::<String, _>(2)?) {
                Ok(role) => role,
                Err(error) => return Ok(Err(error)),
            };
            accounts.push(Account {
                id,
                name: row.try_get_unchecked(1)?,
                role,
                enabled: yes(3)?,
                created_at: row.try_get(4)?,
                last_sign_in: row.try_get(5)?,
                expires_at: row.try_get(6)?,
                must_change: yes(7)?,
                has_password: yes(8)?,
                second_factor: yes(9)?,
                invited_until: row.try_get(10)?,
                sessions: row.try_get_unchecked(11)?,
                grants: granted.remove(&id).unwrap_or_default(),
            });
        }
        Ok(Ok(accounts))
    }

    /// Changes one thing about an account.
    ///
    /// # Errors
    /// There is no such account; the actor is no operator, or would shut the last one out.
    pub async fn change_account(&self, actor: &Actor, name: &str, change: AccountChange<'_>) -> Result<()> {
        if actor.name != name || !matches!(change, AccountChange::Password { .. }) {
            actor.require_operator()?;
        }
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let shuts_out = matches!(
            change,
            AccountChange::Enabled(false) | AccountChange::Role(_) | AccountChange::Expiry(Some(_))
        );
        if shuts_out {
            expect_another_operator(&mut transaction, actor, name).await?;
        }
        let (id, was) = lock_account(&mut transaction, name).await?;
        let event = apply(&mut transaction, id, was, change).await?;
        if let Some(event) = event {
            note(&mut transaction, actor, name, &event)
                .await
                .map_err(classify)?;
        }
        transaction.commit().await.map_err(classify)
    }

    /// Deletes an account with its grants and sessions. What it changed stays in the record under its name.
    ///
    /// # Errors
    /// As [`Store::change_account`].
    pub async fn delete_account(&self, actor: &Actor, name: &str) -> Result<()> {
        actor.require_operator()?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        expect_another_operator(&mut transaction, actor, name).await?;
        let (id, _) = lock_account(&mut transaction, name).await?;
        execute(&mut transaction, "DELETE FROM pw_accounts WHERE id = ?", id).await?;
        note(&mut transaction, actor, name, "deleted")
            .await
            .map_err(classify)?;
        transaction.commit().await.map_err(classify)
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
        let row = sqlx::query(
            "SELECT a.id, a.password_hash, a.enabled, t.expires_at, f.confirmed_at IS NOT NULL FROM pw_accounts a \
             LEFT JOIN pw_terms t ON t.account_id = a.id LEFT JOIN pw_second_factors f ON f.account_id = a.id \
             WHERE a.name = ?",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await
        .map_err(classify)?;
        row.map(|row| {
            let expires: Option<PrimitiveDateTime> = row.try_get(3)?;
            Ok(SignIn {
                id: row.try_get(0)?,
                hash: row.try_get_unchecked::<Option<String>, _>(1)?.unwrap_or_default(),
                enabled: row.try_get_unchecked::<i64, _>(2)? == 1,
                expired: expires.is_some_and(|at| at <= utc_now()),
                second_factor: row.try_get_unchecked::<i64, _>(4)? == 1,
            })
        })
        .transpose()
        .map_err(classify)
    }

    /// Notes that somebody has just signed in.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn note_sign_in(&self, actor: &Actor, how: &str) -> Result<()> {
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        sqlx::query("UPDATE pw_accounts SET last_sign_in_at = ? WHERE name = ?")
            .bind(utc_now())
            .bind(&actor.name)
            .execute(&mut *connection)
            .await
            .map_err(classify)?;
        note(&mut connection, actor, &actor.name, how)
            .await
            .map_err(classify)
    }

    /// The person behind an account as it is now: rights take effect with the next request. `None` where the account is
    /// gone or may not sign in.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn person(&self, id: u32, origin: Origin) -> Result<Option<Person>> {
        let sql = format!(
            "SELECT a.name, a.role, COALESCE(t.must_change, 0), f.confirmed_at IS NOT NULL, {} FROM pw_accounts a \
             LEFT JOIN pw_terms t ON t.account_id = a.id LEFT JOIN pw_second_factors f ON f.account_id = a.id \
             LEFT JOIN pw_grants g ON g.account_id = a.id \
             LEFT JOIN pw_limits l ON l.account_id = g.account_id AND l.domain = g.domain \
             WHERE a.id = ? AND a.enabled = 1 AND (t.expires_at IS NULL OR t.expires_at > ?) ORDER BY g.domain",
            grants::COLUMNS
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(id)
            .bind(utc_now())
            .fetch_all(&self.pool)
            .await
            .map_err(classify)?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let text = |i: usize| first.try_get_unchecked::<String, _>(i).map_err(classify);
        let yes = |i: usize| {
            first
                .try_get_unchecked::<i64, _>(i)
                .map(|flag| flag == 1)
                .map_err(classify)
        };
        let role = role(&text(1)?)?;
        let scope = match role {
            Role::Operator | Role::Auditor => Scope::Everything,
            Role::Owner => Scope::Domains(
                rows.iter()
                    .filter_map(|row| grants::read(row, 4).transpose())
                    .collect::<Result<_, sqlx::Error>>()
                    .map_err(classify)?,
            ),
        };
        Ok(Some(Person {
            id,
            must_change: yes(2)?,
            second_factor: yes(3)?,
            actor: Actor {
                name: text(0)?,
                role,
                scope,
                origin,
            },
        }))
    }
}

/// Makes a change and says what it was; `None` where nothing differed.
pub(super) async fn apply(
    connection: &mut MySqlConnection,
    id: u32,
    was: Role,
    change: AccountChange<'_>,
) -> Result<Option<String>> {
    let event = match change {
        AccountChange::Password { hash, must_change } => {
            let sql = "UPDATE pw_accounts SET password_hash = ? WHERE id = ?";
            set(connection, sql, hash, id).await?;
            set_term(connection, id, "must_change", Some(must_change)).await?;
            set_term(connection, id, "password_at", Some(utc_now())).await?;
            // A link that would set yet another password is of no use any more.
            execute(connection, "DELETE FROM pw_invitations WHERE account_id = ?", id).await?;
            "new password".to_owned()
        }
        AccountChange::Enabled(enabled) => {
            let sql = "UPDATE pw_accounts SET enabled = ? WHERE id = ? AND enabled <> ?";
            let done = sqlx::query(sql).bind(enabled).bind(id).bind(enabled);
            let done = done.execute(&mut *connection).await.map_err(classify)?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            if enabled { "enabled" } else { "disabled" }.to_owned()
        }
        AccountChange::Role(role) if role == was => return Ok(None),
        AccountChange::Role(role) => {
            let sql = "UPDATE pw_accounts SET role = ? WHERE id = ?";
            set(connection, sql, role.as_str(), id).await?;
            execute(connection, "DELETE FROM pw_grants WHERE account_id = ?", id).await?;
            format!("{was} became {role}")
        }
        AccountChange::Expiry(at) => {
            set_term(connection, id, "expires_at", at).await?;
            at.map_or_else(
                || "does not expire".to_owned(),
                |at| format!("expires after {}", last_day(at)),
            )
        }
        AccountChange::MustChange => {
            set_term(connection, id, "must_change", Some(true)).await?;
            "has to choose a new password".to_owned()
        }
    };
    if !matches!(change, AccountChange::Expiry(_) | AccountChange::MustChange) {
        execute(connection, "DELETE FROM pw_sessions WHERE account_id = ?", id).await?;
    }
    Ok(Some(event))
}

/// Locks an account and says its number and role.
pub(super) async fn lock_account(connection: &mut MySqlConnection, name: &str) -> Result<(u32, Role)> {
    check_name(name).map_err(|_| no_such(name))?;
    let found: Option<(u32, String)> =
        sqlx::query_as("SELECT id, CAST(role AS CHAR) FROM pw_accounts WHERE name = ? FOR UPDATE")
            .bind(name)
            .fetch_optional(connection)
            .await
            .map_err(classify)?;
    let (id, word) = found.ok_or_else(|| no_such(name))?;
    Ok((id, role(&word)?))
}

/// That operators do not shut themselves out with a click. Whoever is at the command line can always make another.
async fn expect_another_operator(connection: &mut MySqlConnection, actor: &Actor, name: &str) -> Result<()> {
    if actor.origin == Origin::Cli {
        return Ok(());
    }
    if actor.name == name {
        return Err(Error::Usage(
            "this is your own account: another operator can do that, or `postwarden account` on the server"
                .to_owned(),
        ));
    }
    // All of them are locked, so that two operators who throw each other out at once do not both succeed.
    let operators: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM pw_accounts WHERE role = 'operator' AND enabled = 1 ORDER BY id FOR UPDATE",
    )
    .fetch_all(connection)
    .await
    .map_err(classify)?;
    if operators.contains(&actor.name) {
        return Ok(());
    }
    Err(Error::Forbidden("You are no operator any more.".to_owned()))
}

async fn set(connection: &mut MySqlConnection, sql: &'static str, value: &str, id: u32) -> Result<()> {
    sqlx::query(sql)
        .bind(value)
        .bind(id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(classify)
}

pub(super) async fn execute(connection: &mut MySqlConnection, sql: &'static str, id: u32) -> Result<()> {
    sqlx::query(sql)
        .bind(id)
        .execute(connection)
        .await
        .map(drop)
        .map_err(classify)
}

/// Sets one column of `pw_terms`.
async fn set_term<'q, T>(
    connection: &mut MySqlConnection,
    id: u32,
    column: &str,
    value: Option<T>,
) -> Result<()>
where
    T: Clone + Send + sqlx::Encode<'q, sqlx::MySql> + sqlx::Type<sqlx::MySql> + 'q,
{
    let sql = format!(
        "INSERT INTO pw_terms (account_id, {column}) VALUES (?, ?) ON DUPLICATE KEY UPDATE {column} = VALUES({column})"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(id)
        .bind(value)
        .execute(connection)
        .await
        .map(drop)
        .map_err(classify)
}

fn role(word: &str) -> Result<Role> {
    word.parse().map_err(Error::Unexpected)
}

/// Midnight at the end of a day, UTC: the moment an account expires that is good until that day.
pub fn end_of(day: time::Date) -> PrimitiveDateTime {
    day.next_day().unwrap_or(day).midnight()
}

/// The last day before a moment: of the midnight at its end, the day itself.
pub fn last_day(at: PrimitiveDateTime) -> time::Date {
    (at - time::Duration::seconds(1)).date()
}

/// A day as people write it.
///
/// # Errors
/// It is none; how to write one.
pub fn parse_day(text: &str) -> Result<time::Date, String> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, format).map_err(|_| format!("`{text}` is no day: write it as 2026-12-31"))
}

/// Today, UTC.
pub fn today() -> time::Date {
    OffsetDateTime::now_utc().date()
}
