//! CSV of other panels. What a line of theirs is becomes one row or several.

use std::collections::VecDeque;

use super::accounts::{password, quota, with_domain};
use super::names::plain;
use super::records::{Record, Records};
use super::{Foreign, Incoming, Reading, Refused, Skipped, Source, Stumble, csv, incoming, modoboa};
use crate::resource::{Resource, aliases, users};

/// Panels by the columns their header has, named as [`plain`] writes them. The first that has all of a line is it.
const HEADERS: &[(Foreign, &[&str])] = &[
    // Columns of the tables `mailbox` and `alias`, upgrade.php of PostfixAdmin.
    (
        Foreign::PostfixAdminMailboxes,
        &["username", "maildir", "localpart"],
    ),
    (Foreign::PostfixAdminAliases, &["address", "goto", "active"]),
    (Foreign::PostfixAdminAliases, &["address", "goto", "domain"]),
    // list.php?output=csv of PostfixAdmin: the titles of model/MailboxHandler.php and AliasHandler.php in English.
    (
        Foreign::PostfixAdminMailboxes,
        &["username", "domain", "quota", "active", "lastmodified"],
    ),
    (
        Foreign::PostfixAdminMailboxes,
        &["username", "domain", "quotamb", "active"],
    ),
    (Foreign::PostfixAdminAliases, &["alias", "to", "active"]),
    (Foreign::PostfixAdminAliases, &["forward", "to", "active"]),
    // The template of "Bulk update users" in Google's Admin console, and what "Download users" writes.
    (
        Foreign::GoogleUsers,
        &["firstnamerequired", "lastnamerequired", "emailaddressrequired"],
    ),
];

/// The columns that cPanel's Address Importer knows: a header of others is not its.
const CPANEL: &[(Foreign, &[&str], &[&str])] = &[
    (
        Foreign::CpanelAccounts,
        &["email", "password"],
        &["email", "password", "domain", "quota"],
    ),
    (
        Foreign::CpanelForwarders,
        &["source", "target"],
        &["source", "target"],
    ),
    (
        Foreign::CpanelForwarders,
        &["source", "destination"],
        &["source", "destination"],
    ),
];

/// Which panel wrote a file that begins with this record.
pub(super) fn detect(first: &Record) -> Option<Foreign> {
    if modoboa::is_line(first) {
        return Some(Foreign::Modoboa);
    }
    let names: Vec<String> = first.cells.iter().map(|cell| plain(cell.text())).collect();
    let has = |all: &[&str]| all.iter().all(|name| names.iter().any(|n| n == name));
    let only = |all: &[&str]| {
        names
            .iter()
            .all(|name| name.is_empty() || all.contains(&name.as_str()))
    };
    HEADERS
        .iter()
        .find(|(_, needed)| has(needed))
        .map(|(panel, _)| *panel)
        .or_else(|| {
            let cpanel = CPANEL
                .iter()
                .find(|(_, needed, known)| has(needed) && only(known));
            cpanel.map(|(panel, _, _)| *panel)
        })
}

/// The tables that a panel's file has rows for.
pub(super) fn tables(panel: Foreign) -> &'static [&'static str] {
    match panel {
        Foreign::PostfixAdminAliases | Foreign::CpanelForwarders => &["aliases"],
        Foreign::PostfixAdminMailboxes => &["users"],
        Foreign::CpanelAccounts | Foreign::GoogleUsers => &["users", "aliases"],
        Foreign::Modoboa => &["domains", "backups", "relays", "users", "aliases"],
    }
}

/// A row before it is known whether it is asked for.
pub(super) struct Made {
    table: &'static Resource,
    fields: Vec<(String, Option<String>)>,
}

impl Made {
    /// A row of these columns; those without a value are left out.
    pub(super) fn new(table: &'static Resource, fields: &[(&str, Option<&str>)]) -> Self {
        let fields = fields.iter().filter_map(|(column, value)| {
            let value = value.map(str::trim)?;
            Some(((*column).to_owned(), Some(value.to_owned())))
        });
        Self {
            table,
            fields: fields.collect(),
        }
    }

    /// Adds a column.
    pub(super) fn and(mut self, field: Option<(&str, String)>) -> Self {
        self.fields
            .extend(field.map(|(column, value)| (column.to_owned(), Some(value))));
        self
    }
}

/// The alias by which a mailbox keeps its mail although its domain has a catch-all.
pub(super) fn self_alias(address: &str, enabled: Option<&str>) -> Made {
    alias(address, address, enabled)
}

/// An alias; a catch-all is `*@example.org` for some.
pub(super) fn alias(mail: &str, destination: &str, enabled: Option<&str>) -> Made {
    let mail = mail.trim();
    let mail = if mail.starts_with("*@") { &mail[1..] } else { mail };
    let fields = [
        ("mail", Some(mail)),
        ("destination", Some(destination)),
        ("enabled", enabled),
    ];
    Made::new(&aliases::RESOURCE, &fields)
}

/// The rows of another panel's file.
struct Lines {
    records: Records,
    panel: Foreign,
    /// What the header says, as [`plain`] writes it.
    header: Vec<String>,
    into: Option<&'static Resource>,
    made: VecDeque<Incoming>,
    /// Accounts of modoboa's.
    waiting: modoboa::Waiting,
    skipped: Skipped,
}

/// Begins to read.
pub(super) fn open(
    mut records: Records,
    panel: Foreign,
    reading: &Reading,
) -> Result<Box<dyn Source>, Refused> {
    let mut header = Vec::new();
    if panel != Foreign::Modoboa {
        let first = csv::first(&mut records)?;
        if detect(&first) != Some(panel) {
            return Err(Refused::at(
                first.line,
                "The first line does not have the column names that this panel writes. Export with column names, or choose \
                 CSV and say which field is which column.",
            ));
        }
        header = first.cells.iter().map(|cell| plain(cell.text())).collect();
        let _ = records.next();
    }
    Ok(Box::new(Lines {
        records,
        panel,
        header,
        into: reading.into,
        made: VecDeque::new(),
        waiting: modoboa::Waiting::default(),
        skipped: Skipped::default(),
    }))
}

/// A record with the names of its fields.
struct Named<'a> {
    header: &'a [String],
    record: &'a Record,
}

impl Named<'_> {
    /// The field of the first of these names that the header has and that is not empty.
    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let at = self.header.iter().position(|n| n == name)?;
            self.record
                .cells
                .get(at)
                .map(|cell| cell.text().trim())
                .filter(|text| !text.is_empty())
        })
    }
}

impl Lines {
    /// Adds a row, if its table is asked for.
    fn push(&mut self, line: u64, made: Made) -> Result<(), Stumble> {
        if self.into.is_none_or(|into| into.table == made.table.table) {
            let row = incoming(self.into.unwrap_or(made.table), line, made.fields).map_err(Stumble::Row)?;
            self.made.push_back(row);
        } else {
            self.skipped.row(made.table.table);
        }
        Ok(())
    }

    /// Makes the rows of a record.
    fn make(&mut self, record: &Record) -> Result<Vec<Made>, Refused> {
        let line = Named {
            header: &self.header,
            record,
        };
        if self.panel != Foreign::Modoboa && record.cells.len() != self.header.len() {
            return Err(Refused::at(
                record.line,
                format!(
                    "There are {} fields here and {} columns.",
                    record.cells.len(),
                    self.header.len()
                ),
            ));
        }
        Ok(match self.panel {
            Foreign::PostfixAdminAliases => vec![postfixadmin_alias(&line)],
            Foreign::PostfixAdminMailboxes => vec![postfixadmin_mailbox(&line)],
            Foreign::CpanelForwarders => vec![alias(
                line.get(&["source"]).unwrap_or_default(),
                line.get(&["target", "destination"]).unwrap_or_default(),
                None,
            )],
            Foreign::CpanelAccounts => cpanel_account(&line),
            Foreign::GoogleUsers => google_user(&line),
            Foreign::Modoboa => modoboa::rows(record, &mut self.waiting, &mut self.skipped)?,
        })
    }
}

fn postfixadmin_alias(line: &Named<'_>) -> Made {
    alias(
        line.get(&["address", "alias", "forward"]).unwrap_or_default(),
        line.get(&["goto", "to"]).unwrap_or_default(),
        line.get(&["active"]),
    )
}

/// The self alias of a mailbox stands in PostfixAdmin's table `alias`, with whatever else its mail is forwarded to: made
/// up here it would overwrite that.
fn postfixadmin_mailbox(line: &Named<'_>) -> Made {
    // The table has bytes, the list in the browser MB.
    let unit = if line.header.iter().any(|name| name == "localpart") {
        1
    } else {
        1024 * 1024
    };
    let fields = [
        ("id", line.get(&["username"])),
        ("name", line.get(&["name"])),
        ("maildir", line.get(&["maildir"])),
        ("enabled", line.get(&["active"])),
    ];
    Made::new(&users::RESOURCE, &fields)
        .and(line.get(&["password"]).map(|stored| password(stored, true)))
        .and(
            line.get(&["quota", "quotamb"])
                .map(|stored| ("quota", quota(stored, unit))),
        )
}

fn cpanel_account(line: &Named<'_>) -> Vec<Made> {
    let id = with_domain(line.get(&["email"]).unwrap_or_default(), line.get(&["domain"]));
    let user = Made::new(&users::RESOURCE, &[("id", Some(&id))])
        .and(line.get(&["password"]).map(|typed| password(typed, false)))
        .and(
            line.get(&["quota"])
                .map(|stored| ("quota", quota(stored, 1024 * 1024))),
        );
    vec![user, self_alias(&id, None)]
}

fn google_user(line: &Named<'_>) -> Vec<Made> {
    let id = line.get(&["emailaddressrequired"]).unwrap_or_default();
    let names = [line.get(&["firstnamerequired"]), line.get(&["lastnamerequired"])];
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let status = line.get(&["newstatusuploadonly", "statusreadonly"]);
    let enabled = status.map(|status| {
        if status.eq_ignore_ascii_case("active") {
            "1"
        } else {
            "0"
        }
    });
    let function = line.get(&["passwordhashfunctionuploadonly"]).map(plain);
    // Asterisks say that the password is to stay.
    let given = line
        .get(&["passwordrequired"])
        .filter(|text| !text.bytes().all(|b| b == b'*'));
    let password = given.map(|given| match function.as_deref() {
        Some("md5") => ("crypt", format!("{{PLAIN-MD5.hex}}{given}")),
        Some("sha1") => ("crypt", format!("{{SHA1.hex}}{given}")),
        Some(_) => password(given, true),
        None => password(given, false),
    });
    let fields = [
        ("id", Some(id)),
        ("name", Some(name.as_str())),
        ("enabled", enabled),
    ];
    let user = Made::new(&users::RESOURCE, &fields).and(password);
    vec![user, self_alias(id, enabled)]
}

impl Source for Lines {
    fn next(&mut self) -> Result<Option<Incoming>, Stumble> {
        loop {
            if let Some(incoming) = self.made.pop_front() {
                return Ok(Some(incoming));
            }
            let record = self.records.next()?;
            if record.is_none() || self.waiting.is_full() {
                let waiting: Vec<_> = self.waiting.take().collect();
                if record.is_none() && waiting.is_empty() {
                    return Ok(None);
                }
                for (line, made) in waiting {
                    self.push(line, made)?;
                }
            }
            let Some(record) = record else { continue };
            for made in self.make(&record).map_err(Stumble::Row)? {
                self.push(record.line, made)?;
            }
        }
    }

    fn at(&self) -> u64 {
        self.records.text().at()
    }

    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }
}
