//! PostfixAdmin's tables: `domain`, `mailbox`, `alias`, `alias_domain`. What else it keeps is told and left.

use std::collections::BTreeSet;

use super::Reader;
use crate::error::Result;
use crate::exchange::{hash_of, quota};

/// Tables that are left, and what they are.
const LEFT: &[(&str, &str)] = &[
    (
        "admin",
        "administrators: make accounts with `postwarden account create`",
    ),
    (
        "domain_admins",
        "rights of administrators: `postwarden account grant`",
    ),
    ("vacation", "vacation messages"),
    ("fetchmail", "mailboxes fetched from elsewhere"),
    ("quota", "quotas in use: Dovecot counts anew"),
    ("quota2", "quotas in use: Dovecot counts anew"),
    ("dkim", "DKIM keys"),
];

pub(super) async fn read(reader: &mut Reader<'_>) -> Result<()> {
    let (known, backups) = domains(reader).await?;
    backup_domains(reader, &backups)?;
    mailboxes(reader).await?;
    aliases(reader).await?;
    alias_domains(reader, &known).await?;
    for (table, what) in LEFT {
        let number = reader.count(table).await?;
        if number > 0 {
            reader
                .told
                .push(format!("`{table}` is not taken over ({number}): {what}."));
        }
    }
    Ok(())
}

/// A domain this server is only backup MX for: its name, transport and whether it is on.
type Backup = (String, String, String);

/// Domains of its own are written; gives the names of all, and the others.
async fn domains(reader: &mut Reader<'_>) -> Result<(BTreeSet<String>, Vec<Backup>)> {
    let (mut known, mut backups) = (BTreeSet::new(), Vec::new());
    let mut after: Option<String> = None;
    loop {
        let columns = ["domain", "transport", "backupmx", "active"];
        let page = reader.page("domain", &columns, after.as_deref()).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.key());
        for row in &page {
            let (domain, transport, enabled) = (row.text(0), row.text(1), row.text(3));
            // Its own row for rights on every domain.
            if domain == "ALL" {
                continue;
            }
            known.insert(domain.to_lowercase());
            if row.text(2) == "1" {
                backups.push((domain, transport, enabled));
            } else {
                let fields = [
                    ("domain", domain.as_str()),
                    ("transport", &own_transport(&transport)),
                    ("enabled", &enabled),
                ];
                reader.spool.row("domains", &fields)?;
            }
        }
    }
    // Domains that are but names of others need not be among them.
    for (alias, _, enabled) in alias_rows(reader).await? {
        if known.insert(alias.to_lowercase()) {
            let fields = [
                ("domain", alias.as_str()),
                ("transport", "virtual:"),
                ("enabled", &enabled),
            ];
            reader.spool.row("domains", &fields)?;
        }
    }
    Ok((known, backups))
}

/// Rows of `alias_domain`: the name, what it stands for, whether it is on.
async fn alias_rows(reader: &mut Reader<'_>) -> Result<Vec<(String, String, String)>> {
    let mut rows = Vec::new();
    let mut after: Option<String> = None;
    while reader.names.has("alias_domain") {
        let columns = ["alias_domain", "target_domain", "active"];
        let page = reader.page("alias_domain", &columns, after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        rows.extend(page.iter().map(|row| (row.text(0), row.text(1), row.text(2))));
    }
    Ok(rows)
}

fn own_transport(transport: &str) -> String {
    match transport {
        "" | "virtual" => "virtual:".to_owned(),
        other if other.contains(':') => other.to_owned(),
        other => format!("{other}:"),
    }
}

/// A backup MX needs to know its recipients: Postfix refuses all that are not there, and PostfixAdmin has no list.
fn backup_domains(reader: &mut Reader<'_>, backups: &[Backup]) -> Result<()> {
    for (domain, transport, enabled) in backups {
        let transport = match transport.as_str() {
            "" | "virtual" | "virtual:" | "relay" | "relay:" | "smtp" | "smtp:" => String::new(),
            other => own_transport(other),
        };
        let fields = [
            ("domain", domain.as_str()),
            ("transport", &transport),
            ("enabled", enabled),
        ];
        reader.spool.row("backups", &fields)?;
    }
    for (domain, _, enabled) in backups {
        let recipient = format!("@{domain}");
        let fields = [
            ("recipient", recipient.as_str()),
            ("status", "OK"),
            ("enabled", enabled),
        ];
        reader.spool.row("relays", &fields)?;
    }
    if !backups.is_empty() {
        reader.told.push(format!(
            "Domains this server is backup MX for ({}) get a relay recipient for every address in them: Postfix would refuse \
             all their mail otherwise.",
            backups.len()
        ));
    }
    Ok(())
}

async fn mailboxes(reader: &mut Reader<'_>) -> Result<()> {
    let mut after: Option<String> = None;
    loop {
        let columns = ["username", "password", "name", "maildir", "quota", "active"];
        let page = reader.page("mailbox", &columns, after.as_deref()).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.key());
        for row in &page {
            let id = row.text(0);
            let Some(crypt) = hash_of(&row.text(1)) else {
                let reason = "the password is stored as it was typed: set `encrypt` in PostfixAdmin and a new password";
                reader.refuse("mailbox", &id, reason);
                continue;
            };
            let maildir = match row.text(3) {
                stored if stored.ends_with('/') || stored.is_empty() => stored,
                stored => stored + "/",
            };
            let fields = [
                ("id", id.as_str()),
                ("name", &row.text(2)),
                ("maildir", &maildir),
                ("crypt", &crypt),
                ("quota", &quota(&row.text(4), 1)),
                ("enabled", &row.text(5)),
            ];
            reader.spool.row("users", &fields)?;
        }
    }
}

async fn aliases(reader: &mut Reader<'_>) -> Result<()> {
    let (mut after, mut vacations) = (None::<String>, 0_u64);
    loop {
        let page = reader
            .page("alias", &["address", "goto", "active"], after.as_deref())
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        for row in &page {
            let (address, goto) = (row.text(0), row.text(1));
            let (kept, away): (Vec<&str>, Vec<&str>) = goto
                .split(',')
                .map(str::trim)
                .filter(|destination| !destination.is_empty())
                .partition(|destination| !is_vacation(destination, &address));
            vacations += away.len() as u64;
            if kept.is_empty() {
                reader.refuse("alias", &address, "it delivers nowhere");
                continue;
            }
            let fields = [
                ("mail", address.as_str()),
                ("destination", &kept.join(",")),
                ("enabled", &row.text(2)),
            ];
            reader.spool.row("aliases", &fields)?;
        }
    }
    if vacations > 0 {
        reader.told.push(format!(
            "Aliases delivered to the vacation program too ({vacations}); that destination is left out."
        ));
    }
    Ok(())
}

/// Whether a destination is the address PostfixAdmin makes for its vacation program: `joe#example.org@autoreply.…`.
fn is_vacation(destination: &str, address: &str) -> bool {
    destination
        .rsplit_once('@')
        .is_some_and(|(local, _)| local.eq_ignore_ascii_case(&address.replacen('@', "#", 1)))
}

async fn alias_domains(reader: &mut Reader<'_>, known: &BTreeSet<String>) -> Result<()> {
    let rows = alias_rows(reader).await?;
    for (alias, target, enabled) in &rows {
        if !known.contains(&target.to_lowercase()) {
            reader.refuse(
                "alias_domain",
                alias,
                &format!("{target} is no domain of this server"),
            );
            continue;
        }
        let fields = [
            ("mail", format!("@{alias}")),
            ("destination", format!("@{target}")),
            ("enabled", enabled.clone()),
        ];
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        reader.spool.row("aliases", &fields)?;
    }
    if !rows.is_empty() {
        reader.told.push(format!(
            "Alias domains ({}) become catch-alls to the same address in the other domain: what does not exist there is \
             accepted first and bounced later.",
            rows.len()
        ));
    }
    Ok(())
}
