//! modoboa's CSV: the first field of a line says what it is. Its documentation has the fields, doc/moving.rst; `forward` and
//! `dlist` are what older ones call an alias (modoboa/admin/lib.py).

use std::collections::BTreeMap;

use super::accounts::{password, quota};
use super::foreign::{Made, alias, self_alias};
use super::records::Record;
use super::{Refused, Skipped};
use crate::resource::{backups, domains, relays, users};

/// What a line may be.
const KINDS: &[&str] = &[
    "domain",
    "domainalias",
    "relaydomain",
    "account",
    "alias",
    "forward",
    "dlist",
];

/// How many accounts wait for an alias of theirs.
const MOST_WAITING: usize = 50_000;

/// Accounts that have no alias of their own address yet. A later line may have one, which says where else their mail goes:
/// only those that wait in vain get a self alias.
#[derive(Default)]
pub(super) struct Waiting(BTreeMap<String, (u64, &'static str)>);

impl Waiting {
    /// An account waits from its line on.
    fn account(&mut self, address: &str, line: u64, enabled: &'static str) {
        self.0.insert(address.to_lowercase(), (line, enabled));
    }

    /// There is an alias.
    fn alias(&mut self, address: &str) {
        self.0.remove(&address.to_lowercase());
    }

    /// Whether too many wait for all of them to be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MOST_WAITING
    }

    /// The self aliases of those that wait, with the lines of the accounts; none waits any more.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u64, Made)> {
        let waiting = std::mem::take(&mut self.0).into_iter();
        waiting.map(|(address, (line, enabled))| (line, self_alias(&address, Some(enabled))))
    }
}

/// Whether a record is a line of such a file.
pub(super) fn is_line(record: &Record) -> bool {
    let kind = record
        .cells
        .first()
        .map(|cell| cell.text().trim())
        .unwrap_or_default();
    let name = record
        .cells
        .get(1)
        .map(|cell| cell.text().trim())
        .unwrap_or_default();
    record.cells.len() >= 3 && KINDS.contains(&kind) && name.contains(['.', '@'])
}

/// The rows a line becomes.
pub(super) fn rows(
    record: &Record,
    waiting: &mut Waiting,
    skipped: &mut Skipped,
) -> Result<Vec<Made>, Refused> {
    let fields: Vec<&str> = record.cells.iter().map(|cell| cell.text().trim()).collect();
    let kind = fields[0];
    let made = match (kind, &fields[1..]) {
        // Older versions have no default quota of mailboxes.
        ("domain", [name, _, enabled] | [name, _, _, enabled]) => vec![domain(name, on(enabled))],
        ("domainalias", [name, target, enabled]) => vec![
            domain(name, on(enabled)),
            alias(&format!("@{name}"), &format!("@{target}"), Some(on(enabled))),
        ],
        ("relaydomain", [name, host, port, service, enabled, _]) => {
            relay(name, host, port, service, on(enabled))
        }
        // Older versions have no port.
        ("relaydomain", [name, host, service, enabled, _]) => relay(name, host, "25", service, on(enabled)),
        ("account", [login, secret, first, last, enabled, _, address, rest @ ..]) => {
            let address = if address.is_empty() { login } else { address };
            if !address.contains('@') {
                skipped.row("accounts without a mailbox");
                return Ok(Vec::new());
            }
            let name = format!("{first} {last}");
            waiting.account(address, record.line, on(enabled));
            let enabled = Some(on(enabled));
            let columns = [
                ("id", Some(*address)),
                ("name", Some(name.as_str())),
                ("enabled", enabled),
            ];
            let user = Made::new(&users::RESOURCE, &columns)
                .and((!secret.is_empty()).then(|| password(secret, false)))
                .and(rest.first().map(|mb| ("quota", quota(mb, 1024 * 1024))));
            vec![user]
        }
        ("alias" | "forward" | "dlist", [address, enabled, recipients @ ..]) if !recipients.is_empty() => {
            waiting.alias(address);
            let recipients: Vec<&str> = recipients.iter().copied().filter(|to| !to.is_empty()).collect();
            vec![alias(address, &recipients.join(","), Some(on(enabled)))]
        }
        (kind, _) if KINDS.contains(&kind) => {
            return Err(Refused::at(
                record.line,
                format!("`{kind}` does not have {} fields in modoboa.", fields.len()),
            ));
        }
        (kind, _) => {
            return Err(Refused::at(
                record.line,
                format!(
                    "`{kind}` is nothing that modoboa exports: it has to be one of {}.",
                    KINDS.join(", ")
                ),
            ));
        }
    };
    Ok(made)
}

/// What modoboa takes for on; anything else is off.
fn on(text: &str) -> &'static str {
    if ["true", "1", "yes", "y"].contains(&text.to_ascii_lowercase().as_str()) {
        "1"
    } else {
        "0"
    }
}

fn domain(name: &str, enabled: &str) -> Made {
    Made::new(
        &domains::RESOURCE,
        &[("domain", Some(name)), ("enabled", Some(enabled))],
    )
}

/// A domain that is passed on, whatever the recipient.
fn relay(name: &str, host: &str, port: &str, service: &str, enabled: &str) -> Vec<Made> {
    let port = if port == "25" || port.is_empty() {
        String::new()
    } else {
        format!(":{port}")
    };
    let service = if service.is_empty() { "smtp" } else { service };
    let transport = format!("{service}:[{host}]{port}");
    let everybody = format!("@{name}");
    let enabled = ("enabled", Some(enabled));
    vec![
        Made::new(
            &backups::RESOURCE,
            &[("domain", Some(name)), ("transport", Some(&transport)), enabled],
        ),
        Made::new(
            &relays::RESOURCE,
            &[("recipient", Some(&everybody)), ("status", Some("OK")), enabled],
        ),
    ]
}
