//! What each lookup table answers over rows: the queries of `postfix/maps.rs`, and the howto's.

use super::howto::Configuration;
use super::{Lookups, Question, Rows, folded};
use crate::mail::{AccessKind, AccessPattern};
use crate::postfix::{self, MAPS};
use crate::resource::Row;

/// A lookup table, by its place in [`MAPS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Map {
    Domains,
    Mailbox,
    Alias,
    Backups,
    Relays,
    Transport,
    TransportBackups,
    Relocated,
    Moved,
    BlockRecip,
    ClientAccess,
    SenderAccess,
}

impl Map {
    /// Its description.
    pub fn about(self) -> &'static postfix::Map {
        &MAPS[self as usize]
    }

    /// Its table.
    pub fn table(self) -> &'static str {
        self.about().table
    }
}

/// One row that answers: its key, and its answer.
pub(super) type Answer = (String, String);

/// What a lookup table has for a key.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The rows that answer. Of most tables it is one at most; those of an alias add up.
    pub rows: Vec<Answer>,
    /// A row that is there and does not count, and why, where none answers.
    pub idle: Option<(String, &'static str)>,
}

impl Found {
    fn one(key: &str, value: String) -> Self {
        Self {
            rows: vec![(key.to_owned(), value)],
            idle: None,
        }
    }
}

const OFF: &str = "A row is there, but it is switched off and does not count.";
const EMPTY: &str = "A row is there, but it says nothing and does not count.";

/// Asks a lookup table for a key in lower case.
pub(super) fn ask(map: Map, key: &str, tables: &dyn Lookups, configuration: &Configuration) -> Found {
    let plain = configuration.plain_queries;
    let rows = || tables.about(map.table(), key);
    match map {
        Map::Domains | Map::Backups if plain => column(&rows(), "domain", Plain),
        Map::Domains | Map::Backups => first(&*rows(), |_| Ok("1".to_owned())),
        Map::Mailbox if plain => column(&rows(), "maildir", Plain),
        Map::Mailbox => first(&*rows(), maildir),
        Map::Alias => column(&rows(), "destination", if plain { Plain } else { NotBlank }),
        Map::Relays if plain => column(&rows(), "recipient", Plain),
        Map::Relays => relay_recipient(key, tables),
        Map::TransportBackups if plain => column(&rows(), "transport", Plain),
        Map::Transport | Map::TransportBackups => first(&*rows(), |row| transport(map, row)),
        Map::Relocated if plain => column(&rows(), "newadr", EvenIfOff),
        Map::Relocated => first(&*rows(), new_address),
        Map::Moved => moved(key, tables),
        Map::BlockRecip => first(rules(&rows(), "recipient"), refusal),
        Map::SenderAccess => first(rules(&rows(), "sender"), action),
        Map::ClientAccess => client(key, tables),
    }
}

/// Which rows a plain query takes.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    Plain,
    EvenIfOff,
    NotBlank,
}
use Which::{EvenIfOff, NotBlank, Plain};

/// A column of every row, as `select_field` gives it. Postfix leaves out what is empty.
fn column(rows: &Rows, name: &str, which: Which) -> Found {
    let mut found = Found::default();
    for row in rows.iter() {
        let value = row.text(name);
        if which != EvenIfOff && !row.is_enabled() {
            found.idle.get_or_insert((row.key.clone(), OFF));
        } else if value.is_empty() || which == NotBlank && value.trim_matches(' ').is_empty() {
            found.idle.get_or_insert((row.key.clone(), EMPTY));
        } else {
            found.rows.push((row.key.clone(), value.to_owned()));
        }
    }
    found
}

/// The first row that is on and has an answer, which is what LIMIT 1 gives.
fn first<'r>(
    rows: impl IntoIterator<Item = &'r Row>,
    value: impl Fn(&Row) -> Result<String, &'static str>,
) -> Found {
    let mut idle = None;
    for row in rows {
        let value = if row.is_enabled() { value(row) } else { Err(OFF) };
        let why = match value {
            Ok(value) => return Found::one(&row.key, value),
            Err(why) => why,
        };
        idle.get_or_insert((row.key.clone(), why));
    }
    Found {
        rows: Vec::new(),
        idle,
    }
}

fn maildir(row: &Row) -> Result<String, &'static str> {
    let stored = row.text("maildir").trim_matches(' ');
    let directory = stored.trim_matches('/');
    if matches!(directory.trim_end_matches(' '), "" | ".") {
        Err("A row is there, but it names no directory and does not count.")
    } else if format!("/{stored}/").contains("/../") {
        Err("A row is there, but its directory would leave the mail directory, so it does not count.")
    } else {
        Ok(format!("{directory}/"))
    }
}

fn transport(map: Map, row: &Row) -> Result<String, &'static str> {
    let stored = row.text("transport");
    let value = stored.trim_matches(' ');
    if row.text("domain").trim_end_matches(' ') == "*" {
        Err("A row is there, but it would take all outgoing mail and is left out.")
    } else if matches!(value, "" | ":") {
        Err("A row is there, but it names no server, so the MX records are followed.")
    } else if stored.contains("[]") {
        Err("A row is there, but `[]` would stop all outgoing mail, so it is left out.")
    } else if map == Map::Transport && matches!(&*value.to_lowercase(), "virtual" | "virtual:") {
        Err("The row says that mail stays here, which is what happens without one.")
    } else {
        Ok(value.to_owned())
    }
}

fn new_address(row: &Row) -> Result<String, &'static str> {
    let new = row.text("newadr");
    if new.trim_matches(' ').is_empty() {
        Err(EMPTY)
    } else {
        Ok(new.to_owned())
    }
}

/// A key of an address without what follows the first `+` of its name, as the queries compute it.
fn base(local: &str, domain: &str) -> String {
    let name = local.split('+').next().unwrap_or_default();
    format!("{name}@{domain}")
}

/// Only keys with a name and a domain are asked for: the queries have `%u` and `%d`.
fn name_and_domain(key: &str) -> Option<(&str, &str)> {
    key.rsplit_once('@')
        .filter(|(local, domain)| !(local.is_empty() || domain.is_empty()))
}

fn relay_recipient(key: &str, tables: &dyn Lookups) -> Found {
    let Some((local, domain)) = name_and_domain(key) else {
        return Found::default();
    };
    let table = Map::Relays.table();
    let has_status = tables.has(table, "status");
    let is = |row: &Row, status: &str| folded(row.text("status")) == status;
    let exact = tables.about(table, key);
    let base = base(local, domain);
    let stem = if base == key {
        Rows::from([])
    } else {
        tables.about(table, &base)
    };
    let refused = exact
        .iter()
        .chain(stem.iter())
        .find(|row| has_status && row.is_enabled() && is(row, "reject"));
    if let Some(row) = refused {
        return Found {
            rows: Vec::new(),
            idle: Some((
                row.key.clone(),
                "The row says REJECT: the address does not exist.",
            )),
        };
    }
    let accepted = |row: &Row| {
        if !has_status || is(row, "ok") {
            Ok("1".to_owned())
        } else {
            Err("A row is there, but its status is neither OK nor REJECT, so it does not count.")
        }
    };
    let own = first(&*exact, accepted);
    if !own.rows.is_empty() {
        return own;
    }
    let mut wide = first(&*tables.about(table, &format!("@{domain}")), accepted);
    if wide.rows.is_empty() && own.idle.is_some() {
        wide.idle = own.idle;
    }
    wide
}

fn moved(key: &str, tables: &dyn Lookups) -> Found {
    let Some((local, domain)) = name_and_domain(key) else {
        return Found::default();
    };
    let mut idle = None;
    for subject in [key.to_owned(), base(local, domain), format!("@{domain}")] {
        let found = first(&*tables.about(Map::Moved.table(), &subject), |row| {
            new_address(row).map(|new| format!("550 5.1.6 User has moved to {new}"))
        });
        if !found.rows.is_empty() {
            return found;
        }
        idle = idle.or(found.idle);
    }
    Found {
        rows: Vec::new(),
        idle,
    }
}

/// The access rules of a kind.
fn rules<'r>(rows: &'r Rows, kind: &'static str) -> impl Iterator<Item = &'r Row> {
    rows.iter().filter(move |row| folded(row.text("kind")) == kind)
}

const NO_ACTION: &str = "A rule is there, but its action is none that is passed on, so it does not count.";

/// What access(5) is answered for a recipient.
fn refusal(row: &Row) -> Result<String, &'static str> {
    let (word, message) = (row.text("action"), row.text("message"));
    match &*folded(word) {
        "reject" if has_code(message) => Ok(format!("550 {message}")),
        "reject" if message.trim_matches(' ').is_empty() => {
            Ok("550 5.7.1 Recipient address blocked".to_owned())
        }
        "reject" => Ok(format!("550 5.7.1 {message}")),
        "defer" | "discard" | "hold" => Ok(format!("{word} {message}").trim_matches(' ').to_owned()),
        _ => Err(NO_ACTION),
    }
}

/// What access(5) is answered for a sender or a client.
fn action(row: &Row) -> Result<String, &'static str> {
    let (word, message) = (row.text("action"), row.text("message"));
    match &*folded(word) {
        "ok" | "dunno" => Ok(word.to_owned()),
        "reject" | "defer" | "discard" | "hold" => {
            Ok(format!("{word} {message}").trim_matches(' ').to_owned())
        }
        _ => Err(NO_ACTION),
    }
}

/// Whether a message begins with an enhanced status code of its own and a space, `5.7.1 `.
fn has_code(message: &str) -> bool {
    let Some((code, _)) = message.split_once(' ') else {
        return false;
    };
    let numbers: Vec<&str> = code.split('.').collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(numbers[..], ["5", subject, detail] if is_number(subject) && is_number(detail))
}

/// The rule about the pattern itself, or else that about the smallest network around the address.
fn client(key: &str, tables: &dyn Lookups) -> Found {
    let own = first(
        rules(&tables.about(Map::ClientAccess.table(), key), "client"),
        action,
    );
    let Ok(address) = key.parse() else {
        return own;
    };
    if !own.rows.is_empty() {
        return own;
    }
    let mut networks: Vec<(AccessPattern, Row)> = tables
        .rows(&Question::Network(address))
        .iter()
        .filter_map(|row| {
            let pattern = AccessPattern::parse(AccessKind::Client, row.text("pattern")).ok()?;
            pattern.network()?;
            Some((pattern, row.clone()))
        })
        .collect();
    networks.sort_by(|(one, _), (two, _)| {
        let bounds = |pattern: &AccessPattern| {
            pattern
                .network()
                .map(|(low, high)| (std::cmp::Reverse(low.to_vec()), high.to_vec()))
        };
        bounds(one).cmp(&bounds(two))
    });
    let rows: Rows = networks.into_iter().map(|(_, row)| row).collect();
    let found = first(rules(&rows, "client"), action);
    if found.rows.is_empty() && own.idle.is_some() {
        own
    } else {
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;
    use super::*;

    #[test]
    fn every_lookup_table_has_its_description() {
        for (map, name) in [
            (Map::Domains, "domains"),
            (Map::Mailbox, "mailbox"),
            (Map::Alias, "alias"),
            (Map::Backups, "backups"),
            (Map::Relays, "relays"),
            (Map::Transport, "transport"),
            (Map::TransportBackups, "transport_backups"),
            (Map::Relocated, "relocated"),
            (Map::Moved, "moved"),
            (Map::BlockRecip, "block_recip"),
            (Map::ClientAccess, "client_access"),
            (Map::SenderAccess, "sender_access"),
        ] {
            assert_eq!(map.about().name, name);
        }
    }

    /// The step of a lookup table that has a row and no answer.
    fn idle(tables: &Tables, address: &str, map: &str) -> String {
        let steps = tables.explain(address).steps;
        let step = steps.iter().find(|step| step.map == map && step.row.is_some());
        let step = step.expect(map);
        assert_eq!(step.value, None);
        step.note.clone()
    }

    #[test]
    fn a_row_that_does_not_count_is_told_with_the_reason() {
        let tables = Tables::new()
            .off("domains", &["d.test", "virtual:"])
            .row("backups", &["d.test", ":[]"])
            .row("relays", &["@d.test", "OK"])
            .row("relays", &["joe@d.test", "REJECT"])
            .off("access_rules", &["recipient", "joe@d.test", "REJECT", ""]);
        assert!(idle(&tables, "joe@d.test", "domains").contains("switched off"));
        assert!(idle(&tables, "joe@d.test", "transport_backups").contains("`[]`"));
        assert!(idle(&tables, "joe@d.test", "relays").contains("REJECT"));
        assert!(idle(&tables, "joe@d.test", "block_recip").contains("switched off"));
    }

    #[test]
    fn a_rule_that_is_off_is_of_its_own_kind_only() {
        let tables = Tables::usual().off("access_rules", &["sender", "mary@d.test", "REJECT", ""]);
        let steps = tables.explain("mary@d.test").steps;
        let blocked: Vec<_> = steps.iter().filter(|step| step.map == "block_recip").collect();
        assert!(!blocked.is_empty() && blocked.iter().all(|step| step.row.is_none()));
    }

    #[test]
    fn what_the_database_lacks_is_not_looked_up() {
        let tables = Tables::usual()
            .row("relocated", &["mary@d.test", "new"])
            .lacking("relocated", "newadr")
            .row("access_rules", &["client", "10.0.0.1", "REJECT", ""])
            .by("10.0.0.1", None)
            .lacking("access_rules", "cidr_lo");
        let explanation = tables.explain("mary@d.test");
        assert_eq!(explanation.rcpt.code, 250);
        for map in ["relocated", "moved", "client_access"] {
            assert!(explanation.steps.iter().all(|step| step.map != map), "{map}");
        }
        assert_eq!(
            Tables::usual().lacking("users", "").rcpt("joe@d.test"),
            "250 2.1.5 Ok"
        );
    }

    #[test]
    fn a_relay_row_of_a_table_without_status_counts() {
        let tables = Tables::usual()
            .row("relays", &["joe@friend.test", ""])
            .lacking("relays", "status");
        assert_eq!(tables.rcpt("joe@friend.test"), "250 2.1.5 Ok");
    }
}
