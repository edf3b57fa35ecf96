//! What the rules of several tables ask: about the key of a row, the domain it belongs to, and whom it delivers to.

use super::{Case, Finding};
use crate::mail::{AddressPattern, Expansion, Fault, MailAddress, expand, in_ticks, items_of};
use crate::resource::Row;
use crate::route::Lookups;

/// A user name that nobody has: stands for every name that only a catch-all takes.
pub(super) const NOBODY: &str = "postwarden-probe";
/// Names of the machine itself: Postfix knows them without a row (`mydestination`).
const OWN_NAMES: &[&str] = &["localhost", "localhost.localdomain"];
/// How many names a message lists.
const NAMED: usize = 3;

/// A refused value as a finding: the last sentence of a fault says what to write instead.
pub(super) fn refused(fault: &Fault) -> Finding {
    let text = fault.message();
    match text.rsplit_once(". ") {
        Some((message, fix)) => Finding::new(format!("{message}."), fix),
        None => Finding::new(text, "Write another."),
    }
}

/// A stored value in backticks.
pub(super) fn quoted(value: &str) -> String {
    format!("`{}`", in_ticks(value))
}

/// The first few values in backticks, and how many more there are.
pub(super) fn named(values: &[String]) -> String {
    let shown: Vec<String> = values.iter().take(NAMED).map(|value| quoted(value)).collect();
    match values.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl Case<'_> {
    /// The key of a row that Postfix sees, as it asks for it; `None` where the row is off or the key can never match, which
    /// rules about keys tell.
    pub(super) fn pattern(&self) -> Option<&AddressPattern> {
        let work_out = || {
            let subject = self.subject();
            AddressPattern::parse(&subject)
                .ok()
                .filter(|pattern| self.row.is_enabled() && pattern.as_str() == subject)
        };
        self.worked_out.pattern.get_or_init(work_out).as_ref()
    }

    /// The same where it is one address.
    pub(super) fn address(&self) -> Option<&MailAddress> {
        self.pattern()?.address()
    }

    /// Whether there is an enabled row about a subject, this one or another.
    pub(super) fn has_enabled(&self, table: &'static str, subject: &str) -> bool {
        self.tables.about(table, subject).iter().any(Row::is_enabled)
    }

    /// Where a domain stands.
    pub(super) fn standing(&self, domain: &str) -> Standing {
        let rows = ["domains", "backups"].map(|table| self.tables.about(table, domain));
        let on = |rows: &[Row]| rows.iter().any(Row::is_enabled);
        if on(&rows[0]) {
            Standing::Hosted
        } else if on(&rows[1]) {
            Standing::Relayed
        } else if OWN_NAMES.contains(&domain) {
            Standing::Local
        } else if rows.iter().any(|rows| !rows.is_empty()) {
            Standing::Off
        } else {
            Standing::Foreign
        }
    }
}

/// What Postfix takes a domain for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// An enabled row of `domains`: delivered here.
    Hosted,
    /// An enabled row of `backups` alone: relayed to its primary server.
    Relayed,
    /// A name of the machine itself.
    Local,
    /// Its rows are all off.
    Off,
    /// No row at all.
    Foreign,
}

impl Standing {
    /// Whether Postfix accepts mail for the domain because of a row.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Self::Hosted | Self::Relayed)
    }
}

/// An address the row of this key acts on: itself, or for `@domain` a name that has no row of its own.
pub(super) fn example(key: &AddressPattern) -> String {
    if key.is_domain_wide() {
        format!("{NOBODY}{key}")
    } else {
        key.as_str().to_owned()
    }
}

/// What an alias makes of an address it is found for: `@other.domain` alone keeps the user's name.
pub(super) fn targets(alias: &Row, address: &str) -> Vec<String> {
    let local = address.rsplit_once('@').map_or("", |(local, _)| local);
    let mut items = items_of(alias.text("destination"));
    if let [only] = &mut items[..]
        && only.starts_with('@')
    {
        only.insert_str(0, local);
    }
    items
}

/// What an alias expands to for [`example`] of its key.
pub(super) fn expansion<'c>(case: &'c Case<'_>) -> Option<&'c Expansion> {
    let work_out = || {
        let address = example(case.pattern()?);
        let lookup = |address: &str| lookup(case.tables, address);
        Some(expand(&address, &targets(case.row, &address), &lookup))
    };
    case.worked_out.expansion.get_or_init(work_out).as_ref()
}

/// What Postfix finds for an address: its own row, the one without what follows a `+`, or the catch-all of its domain.
fn lookup(tables: &dyn Lookups, address: &str) -> Option<Vec<String>> {
    let (local, domain) = address.rsplit_once('@')?;
    let bare = local
        .split_once('+')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, _)| format!("{name}@{domain}"));
    let catch_all = format!("@{domain}");
    [Some(address), bare.as_deref(), Some(&catch_all)]
        .into_iter()
        .flatten()
        .find_map(|key| {
            let rows = tables.about("aliases", key);
            let items: Vec<String> = rows
                .iter()
                .filter(|row| row.is_enabled())
                .flat_map(|row| targets(row, address))
                .collect();
            (!items.is_empty()).then_some(items)
        })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::lint::{Told, judge};
    use crate::resource::{Resource, Rules};
    use crate::route::Snapshot;

    /// An enabled row of these values; its key is its subject.
    pub(in crate::lint) fn row(table: &str, values: &[(&'static str, &str)]) -> Row {
        let resource = Resource::by_table(table).expect(table);
        let mut row = Row::new(String::new(), vec![("enabled", Some("1".to_owned()))]);
        for (column, value) in values {
            row = row.with(column, value);
        }
        row.key = row.text(resource.subject).to_owned();
        row
    }

    /// Tables of these rows.
    pub(in crate::lint) fn tables(rows: &[(&'static str, &[(&'static str, &str)])]) -> Snapshot {
        rows.iter().fold(Snapshot::new(), |tables, (table, values)| {
            tables.with(table, row(table, values))
        })
    }

    /// What is told of a row.
    pub(in crate::lint) fn findings(tables: &Snapshot, table: &str, key: &str) -> Vec<Told> {
        let rows = tables.table(table);
        judge(&Case::new(
            Resource::by_table(table).expect(table),
            rows.iter().find(|row| row.key == key).expect(key),
            tables,
            &Rules::default(),
        ))
    }

    /// The rules that find something in a row.
    pub(in crate::lint) fn ids(tables: &Snapshot, table: &str, key: &str) -> Vec<&'static str> {
        let told = findings(tables, table, key);
        told.into_iter().map(|told| told.rule).collect()
    }

    /// What a rule finds in a row.
    pub(in crate::lint) fn finding(tables: &Snapshot, table: &str, key: &str, id: &str) -> Told {
        let mut told = findings(tables, table, key);
        let place = told.iter().position(|told| told.rule == id);
        told.swap_remove(place.unwrap_or_else(|| panic!("{id} is not among {told:?}")))
    }

    #[test]
    fn an_address_without_a_row_of_its_own_finds_its_bare_name_and_then_the_catch_all() {
        let tables = tables(&[
            (
                "aliases",
                &[("mail", "joe@a.example"), ("destination", "karl@b.example")],
            ),
            (
                "aliases",
                &[("mail", "@a.example"), ("destination", "@b.example")],
            ),
        ]);
        for (address, expected) in [
            ("joe+x@a.example", &["karl@b.example"][..]),
            ("eve@a.example", &["eve@b.example"]),
        ] {
            assert_eq!(
                lookup(&tables, address).as_deref(),
                Some(&*expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
            );
        }
        assert_eq!(lookup(&tables, "joe@c.example"), None);
    }
}
