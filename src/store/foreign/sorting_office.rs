//! Sorting Office's tables. Version 1 works on the howto's own, version 3 on its own with nearly the same names.

use super::{Reader, Source};
use crate::error::Result;

/// A table that is taken over: its name in the source, the panel's, and the columns with their names there. The first is
/// the key.
struct Taken {
    from: &'static str,
    into: &'static str,
    columns: &'static [(&'static str, &'static str)],
}

const TABLES: &[Taken] = &[
    Taken {
        from: "domains",
        into: "domains",
        columns: &[
            ("pkid", ""),
            ("domain", "domain"),
            ("transport", "transport"),
            ("enabled", "enabled"),
        ],
    },
    Taken {
        from: "backups",
        into: "backups",
        columns: &[
            ("pkid", ""),
            ("domain", "domain"),
            ("transport", "transport"),
            ("enabled", "enabled"),
        ],
    },
    Taken {
        from: "relays",
        into: "relays",
        columns: &[
            ("pkid", ""),
            ("recipient", "recipient"),
            ("status", "status"),
            ("enabled", "enabled"),
        ],
    },
    Taken {
        from: "users",
        into: "users",
        columns: &[
            ("id", "id"),
            ("name", "name"),
            ("maildir", "maildir"),
            ("home", "home"),
            ("uid", "uid"),
            ("gid", "gid"),
            ("crypt", "crypt"),
            ("quota", "quota"),
            ("change_password", "change_password"),
            ("enabled", "enabled"),
        ],
    },
    Taken {
        from: "aliases",
        into: "aliases",
        columns: &[
            ("pkid", ""),
            ("mail", "mail"),
            ("destination", "destination"),
            ("enabled", "enabled"),
        ],
    },
    Taken {
        from: "relocated",
        into: "relocated",
        columns: &[
            ("pkid", ""),
            ("old_address", "oldadr"),
            ("new_address", "newadr"),
            ("oldadr", "oldadr"),
            ("newadr", "newadr"),
            ("enabled", "enabled"),
        ],
    },
];

pub(super) async fn read(reader: &mut Reader<'_>) -> Result<()> {
    for taken in TABLES {
        copy(reader, taken).await?;
    }
    clients(reader).await
}

async fn copy(reader: &mut Reader<'_>, taken: &Taken) -> Result<()> {
    let columns: Vec<(&str, &str)> = taken
        .columns
        .iter()
        .filter(|(from, _)| reader.names.has_column(taken.from, from))
        .copied()
        .collect();
    // Another table of the name.
    if columns.len() < 2 || columns[0] != taken.columns[0] {
        return Ok(());
    }
    let asked: Vec<&str> = columns.iter().map(|(from, _)| *from).collect();
    let (mut after, mut bare) = (None::<String>, 0_u64);
    loop {
        let page = reader.page(taken.from, &asked, after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        for row in &page {
            let fields = fields(row, &columns, taken.into);
            bare += u64::from(
                fields
                    .iter()
                    .any(|(name, value)| *name == "transport" && value.is_empty()),
            );
            let fields: Vec<(&str, &str)> = fields
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            reader.spool.row(taken.into, &fields)?;
        }
    }
    if bare > 0 {
        reader.told.push(format!(
            "Rows of `backups` without a server, or with `:[]` ({bare}), follow the MX records from now on."
        ));
    }
    Ok(())
}

fn fields(row: &Source, columns: &[(&str, &'static str)], into: &str) -> Vec<(&'static str, String)> {
    columns
        .iter()
        .enumerate()
        .filter(|(_, (_, name))| !name.is_empty())
        .map(|(i, (_, name))| {
            let value = row.text(i);
            let value = match (*name, value.as_str(), into) {
                ("transport", "", "domains") => "virtual:".to_owned(),
                // What would halt all outgoing mail (docs/postfix.md rule 22).
                ("transport", ":[]", "backups") => String::new(),
                _ => value,
            };
            (*name, value)
        })
        .collect()
}

/// Clients become access rules.
async fn clients(reader: &mut Reader<'_>) -> Result<()> {
    let mut after: Option<String> = None;
    while reader.names.has_column("clients", "client") {
        let page = reader
            .page(
                "clients",
                &["id", "client", "status", "enabled"],
                after.as_deref(),
            )
            .await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        for row in &page {
            let (client, status) = (row.text(1), row.text(2).to_lowercase());
            let action = match status.as_str() {
                "allowed" | "ok" => "OK",
                "rejected" | "reject" | "blocked" => "REJECT",
                _ => {
                    reader.refuse(
                        "clients",
                        &client,
                        &format!("nothing is known of the status `{status}`"),
                    );
                    continue;
                }
            };
            let fields = [
                ("kind", "client"),
                ("pattern", client.as_str()),
                ("action", action),
                ("message", ""),
                ("enabled", &row.text(3)),
            ];
            reader.spool.row("access_rules", &fields)?;
        }
    }
    Ok(())
}
