//! Domains granted to owners, and the limits of each grant.

use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row as _};

use super::Store;
use super::account_events::note;
use super::accounts::lock_account;
use super::connect::classify;
use crate::access::{Actor, Grant, Limits, Role};
use crate::error::{Error, Result};
use crate::mail::DomainName;

/// The columns of a grant, for a query with `pw_grants g` and `pw_limits l`.
pub(super) const COLUMNS: &str = "g.domain, l.account_id IS NOT NULL AS limited, l.aliases, l.mailboxes, l.members, \
                                  l.external, l.catch_all, l.transports, l.relays, l.relocations, l.blocks";

/// Reads the columns of a grant that begin at this one; `None` where a LEFT JOIN found no grant.
pub(super) fn read(row: &MySqlRow, first: usize) -> Result<Option<Grant>, sqlx::Error> {
    let text = |i: usize| row.try_get_unchecked::<Option<String>, _>(first + i);
    let number = |i: usize| row.try_get_unchecked::<Option<u32>, _>(first + i);
    let yes = |i: usize| {
        row.try_get_unchecked::<Option<i8>, _>(first + i)
            .map(|flag| flag == Some(1))
    };
    let Some(domain) = text(0)?.and_then(|domain| DomainName::parse(&domain).ok()) else {
        return Ok(None);
    };
    let limited = row.try_get_unchecked::<Option<i64>, _>(first + 1)? == Some(1);
    if !limited {
        return Ok(Some(Grant::whole(domain)));
    }
    let lines = |text: String| text.lines().map(str::to_owned).collect();
    Ok(Some(Grant {
        domain,
        limits: Limits {
            aliases: number(2)?,
            mailboxes: number(3)?,
            members: number(4)?,
            external: yes(5)?,
            catch_all: yes(6)?,
            transports: text(7)?.map(lines),
            relays: yes(8)?,
            relocations: yes(9)?,
            blocks: yes(10)?,
        },
    }))
}

impl Store {
    /// Grants a domain to an owner, or changes the limits of a grant; effective with the next request.
    ///
    /// # Errors
    /// There is no such account, it is no owner, or the actor is no operator.
    pub async fn grant(&self, actor: &Actor, name: &str, grant: &Grant) -> Result<()> {
        actor.require_operator()?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let id = lock_owner(&mut transaction, name).await?;
        let before = one(&mut transaction, id, &grant.domain).await.map_err(classify)?;
        if before.as_ref() != Some(grant) {
            write(&mut transaction, id, grant).await.map_err(classify)?;
            let limits = grant.limits.to_string();
            let event = match before {
                None if grant.limits == Limits::default() => format!("granted {}", grant.domain),
                None => format!("granted {} with limits: {limits}", grant.domain),
                Some(_) => format!("changed the limits of {}: {limits}", grant.domain),
            };
            note(&mut transaction, actor, name, &event)
                .await
                .map_err(classify)?;
        }
        transaction.commit().await.map_err(classify)
    }

    /// The names of those to whom a domain is granted.
    ///
    /// # Errors
    /// The actor is no operator, or the database does not answer.
    pub async fn owners_of(&self, actor: &Actor, domain: &str) -> Result<Vec<String>> {
        actor.require_operator()?;
        sqlx::query_scalar(
            "SELECT a.name FROM pw_grants g JOIN pw_accounts a ON a.id = g.account_id WHERE g.domain = ? ORDER BY a.name",
        )
        .bind(domain)
        .fetch_all(&self.pool)
        .await
        .map_err(classify)
    }

    /// Takes a domain back from an owner; effective with the next request. Nothing happens where it is not granted.
    ///
    /// # Errors
    /// As [`Store::grant`].
    pub async fn revoke(&self, actor: &Actor, name: &str, domain: &DomainName) -> Result<()> {
        actor.require_operator()?;
        let mut transaction = self.pool.begin().await.map_err(classify)?;
        let id = lock_owner(&mut transaction, name).await?;
        let done = sqlx::query("DELETE FROM pw_grants WHERE account_id = ? AND domain = ?")
            .bind(id)
            .bind(domain.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(classify)?;
        if done.rows_affected() > 0 {
            let event = format!("took {domain} back");
            note(&mut transaction, actor, name, &event)
                .await
                .map_err(classify)?;
        }
        transaction.commit().await.map_err(classify)
    }
}

/// The id of an account, locked, that must be an owner's.
async fn lock_owner(connection: &mut MySqlConnection, name: &str) -> Result<u32> {
    let (id, role) = lock_account(connection, name).await?;
    if role != Role::Owner {
        return Err(Error::Usage(format!(
            "`{name}` is an {role}: only owners have domains granted to them"
        )));
    }
    Ok(id)
}

async fn one(
    connection: &mut MySqlConnection,
    id: u32,
    domain: &DomainName,
) -> Result<Option<Grant>, sqlx::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM pw_grants g LEFT JOIN pw_limits l ON l.account_id = g.account_id AND l.domain = g.domain \
         WHERE g.account_id = ? AND g.domain = ?"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(domain.as_str())
        .fetch_optional(connection)
        .await?;
    row.map_or(Ok(None), |row| read(&row, 0))
}

/// Writes a grant and its limits over what there is.
pub(super) async fn write(
    connection: &mut MySqlConnection,
    id: u32,
    grant: &Grant,
) -> Result<(), sqlx::Error> {
    let (domain, limits) = (grant.domain.as_str(), &grant.limits);
    for statement in [
        "INSERT IGNORE INTO pw_grants (account_id, domain) VALUES (?, ?)",
        "DELETE FROM pw_limits WHERE account_id = ? AND domain = ?",
    ] {
        sqlx::query(statement)
            .bind(id)
            .bind(domain)
            .execute(&mut *connection)
            .await?;
    }
    if *limits == Limits::default() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO pw_limits (account_id, domain, aliases, mailboxes, members, external, catch_all, transports, \
         relays, relocations, blocks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(domain)
    .bind(limits.aliases)
    .bind(limits.mailboxes)
    .bind(limits.members)
    .bind(limits.external)
    .bind(limits.catch_all)
    .bind(limits.transports.as_ref().map(|lines| lines.join("\n")))
    .bind(limits.relays)
    .bind(limits.relocations)
    .bind(limits.blocks)
    .execute(connection)
    .await
    .map(drop)
}
