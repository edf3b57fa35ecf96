//! What a database is, told by its tables and their columns.

use serde::Serialize;

use super::{Facts, Table, count};
use crate::resource::Resource;

/// Who made a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Postwarden, or `schema upgrade` has given it that shape.
    Postwarden,
    /// The statements of the howto.
    Howto,
    /// Sorting Office, version 3; version 1 uses the howto's tables.
    SortingOffice,
    /// PostfixAdmin.
    PostfixAdmin,
    /// iRedMail.
    IRedMail,
    /// `ISPConfig`.
    IspConfig,
    /// modoboa.
    Modoboa,
    /// vexim, for Exim.
    Vexim,
    /// The `ISPmail` guide of workaround.org.
    IspMail,
    /// There is no table in it but perhaps the panel's own.
    Empty,
    /// Nothing that is known.
    Unknown,
}

impl Kind {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postwarden => "a database with tables as Postwarden makes them",
            Self::Howto => "a database of the howto",
            Self::SortingOffice => "a database of Sorting Office 3",
            Self::PostfixAdmin => "a database of PostfixAdmin",
            Self::IRedMail => "a database of iRedMail",
            Self::IspConfig => "a database of ISPConfig",
            Self::Modoboa => "a database of modoboa",
            Self::Vexim => "a database of vexim",
            Self::IspMail => "a database of the ISPmail guide",
            Self::Empty => "an empty database",
            Self::Unknown => "a database of something that is not known here",
        }
    }

    /// Whether its tables are the howto's, which the panel works on as they are.
    #[must_use]
    pub fn has_howto_tables(self) -> bool {
        matches!(self, Self::Postwarden | Self::Howto | Self::SortingOffice)
    }
}

/// What a database is.
#[derive(Debug, Clone, Serialize)]
pub struct Origin {
    /// Who made it.
    pub kind: Kind,
    /// What tells it from others of its kind, and what to do with it, in sentences.
    pub notes: Vec<String>,
}

/// A panel, and the columns that no other has: `table.column`.
const SIGNS: &[(Kind, &[&str])] = &[
    // It has PostfixAdmin's tables too, and began as its relative.
    (
        Kind::IRedMail,
        &["mailbox.storagebasedirectory", "mailbox.maildir", "domain.domain"],
    ),
    (
        Kind::PostfixAdmin,
        &[
            "alias.goto",
            "mailbox.username",
            "domain.backupmx",
            "alias_domain.target_domain",
        ],
    ),
    (
        Kind::IspConfig,
        &["mail_user.email", "mail_forwarding.source", "mail_domain.domain"],
    ),
    (
        Kind::Modoboa,
        &[
            "admin_domain.name",
            "admin_mailbox.address",
            "admin_alias.address",
        ],
    ),
    (
        Kind::Vexim,
        &["users.user_id", "users.localpart", "domains.domain_id"],
    ),
    (
        Kind::IspMail,
        &[
            "virtual_domains.name",
            "virtual_users.email",
            "virtual_aliases.source",
        ],
    ),
];

/// The columns without which a table is not the howto's.
const HOWTO: &[&str] = &[
    "domains.domain",
    "domains.transport",
    "aliases.mail",
    "aliases.destination",
    "users.id",
    "users.maildir",
];

/// Tells what a database is.
pub(super) fn recognise(facts: &Facts) -> Origin {
    let has = |sign: &&str| {
        sign.split_once('.')
            .is_some_and(|(table, column)| facts.names.has_column(table, column))
    };
    if let Some((kind, _)) = SIGNS.iter().find(|(_, signs)| signs.iter().all(has)) {
        return Origin {
            kind: *kind,
            notes: vec![what_to_do(*kind)],
        };
    }
    if HOWTO.iter().filter(|sign| has(sign)).count() >= 4 {
        return howto(facts);
    }
    let kind = if facts.names.is_empty_but_for("pw_") {
        Kind::Empty
    } else {
        Kind::Unknown
    };
    Origin {
        kind,
        notes: vec![what_to_do(kind)],
    }
}

fn what_to_do(kind: Kind) -> String {
    match kind {
        Kind::PostfixAdmin => {
            "Postwarden does not work on these tables. Make a database of its own (`postwarden migrate`) and take the rows over: `postwarden import --from postfixadmin --source URL`."
        }
        Kind::Empty => "`postwarden migrate` creates the tables.",
        Kind::Unknown => {
            "The database has neither the howto's tables nor those of a panel that is known here. Is its name right?"
        }
        _ => {
            "Postwarden does not work on these tables and cannot read them. Export its rows as CSV and import that into a database of its own."
        }
    }
    .to_owned()
}

fn howto(facts: &Facts) -> Origin {
    let has = |table, column| facts.names.has_column(table, column);
    let is_office = has("clients", "client") && has("clients", "status") || has("relocated", "old_address");
    let is_text = |table: &Table| table.column("destination").is_some_and(|c| c.data_type == "text");
    let is_new = has("aliases", "dom") && facts.table("aliases").is_some_and(is_text);
    let kind = if is_office {
        Kind::SortingOffice
    } else if is_new {
        Kind::Postwarden
    } else {
        Kind::Howto
    };
    let mut notes = Vec::new();
    if kind == Kind::Howto {
        notes.push(edition(facts));
    }
    if is_office {
        notes.push(
            "Version 3 of Sorting Office names the columns of `relocated` differently and keeps `clients`; the other tables are the howto's. The panel works on them as they are; `postwarden import --from sorting-office` takes the rows over into another database."
                .to_owned(),
        );
    }
    let missing: Vec<String> = Resource::tables()
        .filter(|resource| facts.table(resource.table).is_none() && resource.table != "access_rules")
        .map(|resource| format!("`{}`", resource.table))
        .collect();
    if !missing.is_empty() {
        notes.push(format!("Without {}.", missing.join(", ")));
    }
    let (in_domains, in_backups) = facts.overrides;
    for (number, table) in [(in_domains, "domains"), (in_backups, "backups")] {
        if number > 0 {
            notes.push(format!(
                "Transports of single addresses are kept in `{table}`: {}.",
                count(number, "row")
            ));
        }
    }
    Origin { kind, notes }
}

/// Which of the howto's editions: they differ in what is filtered for users, and in the types of keys.
fn edition(facts: &Facts) -> String {
    let filters: Vec<&str> = ["procmailrc", "spamassassinrc"]
        .into_iter()
        .filter(|column| facts.names.has_column("users", column))
        .collect();
    let with = if filters.is_empty() {
        "without columns for procmail and SpamAssassin".to_owned()
    } else {
        format!("one of those with `users.{}`", filters.join("` and `users."))
    };
    let key = facts
        .table("aliases")
        .and_then(|table| table.column("pkid"))
        .map_or("no pkid", |key| key.data_type.as_str());
    format!("An edition {with}; its rows are numbered by {key}.")
}
