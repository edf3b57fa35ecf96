//! The way back: whose mail ends up at an address.

use std::collections::{BTreeSet, VecDeque};

use super::touched::{ANY_NAME, leading_to};
use super::{Lookups, folded};
use crate::mail::{domain_of, items_of};
use crate::resource::Row;

/// Aliases that are followed back for one address, at most.
pub const MOST_FORWARDERS: usize = 1_000;

/// Addresses whose forwarders are asked for, at most: each is looked for in every list of destinations.
const MOST_ASKED: usize = 100;

/// An alias through which mail comes to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarder {
    /// Its row.
    pub alias: Row,
    /// The address mail comes from: the alias's own, or that of this name where an `@domain` keeps the name; `None` for
    /// whatever a catch-all takes.
    pub from: Option<String>,
    /// The addresses the mail goes through, the one that was asked about last.
    pub way: Vec<String>,
    /// Whether every alias on the way is on.
    pub is_live: bool,
}

/// Whose mail ends up at an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forwarders {
    /// The aliases, the nearest first.
    pub found: Vec<Forwarder>,
    /// Whether there are more than were followed.
    pub is_cut: bool,
}

/// An address on the way back.
struct Station {
    address: String,
    way: Vec<String>,
    is_live: bool,
}

/// The aliases that forward to an address: directly, through other aliases, and by their `@domain`. A catch-all ends its
/// way: nobody can say which names it takes. An alias that delivers to itself too forwards nothing by that.
#[must_use]
pub fn forwarders(tables: &dyn Lookups, address: &str) -> Forwarders {
    let address = folded(address.trim());
    let mut forwarders = Forwarders::default();
    let mut seen = BTreeSet::from([address.clone()]);
    let mut waiting = VecDeque::from([Station {
        way: vec![address.clone()],
        address,
        is_live: true,
    }]);
    let mut asked = 0;
    while let Some(station) = waiting.pop_front() {
        asked += 1;
        if asked > MOST_ASKED {
            forwarders.is_cut = true;
            break;
        }
        for lead in leading_to(&station.address, tables) {
            if forwarders.found.len() >= MOST_FORWARDERS {
                forwarders.is_cut = true;
                return forwarders;
            }
            let from = Some(lead.from).filter(|from| !from.starts_with(&format!("{ANY_NAME}@")));
            if from
                .as_deref()
                .is_some_and(|from| !leads(tables, &lead.alias, from, &station.address))
            {
                continue;
            }
            let is_live = station.is_live && lead.alias.is_enabled();
            if let Some(from) = &from {
                if !seen.insert(from.clone()) {
                    continue;
                }
                let mut way = vec![from.clone()];
                way.extend(station.way.iter().cloned());
                waiting.push_back(Station {
                    address: from.clone(),
                    way,
                    is_live,
                });
            }
            forwarders.found.push(Forwarder {
                alias: lead.alias,
                from,
                way: station.way.clone(),
                is_live,
            });
        }
    }
    forwarders
}

/// Whether an alias takes mail from one address to another. A catch-all does not where the address has a row of its own,
/// and `@domain` keeps the name where it is alone (docs/postfix.md rule 43).
fn leads(tables: &dyn Lookups, alias: &Row, from: &str, to: &str) -> bool {
    let items = items_of(alias.text("destination"));
    let is_named = items.iter().any(|item| folded(item) == to);
    let keeps_name = matches!(&items[..], [item] if folded(item) == format!("@{}", domain_of(to)));
    let is_own = folded(alias.text("mail")) == from;
    from != to
        && (is_named || keeps_name)
        && (is_own || !tables.about("aliases", from).iter().any(Row::is_enabled))
}

#[cfg(test)]
mod tests {
    use super::super::Snapshot;
    use super::*;

    fn alias(key: &str, mail: &str, destination: &str, enabled: &str) -> Row {
        let columns = [("mail", mail), ("destination", destination), ("enabled", enabled)];
        let columns = columns.map(|(name, text)| (name, Some(text.to_owned())));
        Row::new(key.to_owned(), columns.into())
    }

    /// Each as `key: way`, `off` where it does not work now.
    fn ways(rows: &[(&str, &str, &str)], address: &str) -> Vec<String> {
        let mut tables = Snapshot::new();
        for (n, (mail, destination, enabled)) in rows.iter().enumerate() {
            tables = tables.with("aliases", alias(&n.to_string(), mail, destination, enabled));
        }
        let found = forwarders(&tables, address).found;
        let mut ways: Vec<String> = found
            .iter()
            .map(|f| {
                let off = if f.is_live { "" } else { " off" };
                let from = f.from.as_deref().unwrap_or("any");
                format!("{}: {from} {}{off}", f.alias.key, f.way.join(" "))
            })
            .collect();
        ways.sort();
        ways
    }

    #[test]
    fn aliases_are_followed_back_through_aliases_and_domain_aliases() {
        let rows = [
            ("info@a.test", "karl@c.test, Joe@a.test", "1"),
            ("all@b.test", "info@a.test", "1"),
            ("@old.test", "@a.test", "1"),
            ("@else.test", "joe@a.test", "1"),
            ("joey@a.test", "joey@a.test,bigjoe@a.test", "1"),
        ];
        assert_eq!(
            ways(&rows, "JOE@a.test"),
            [
                "0: info@a.test joe@a.test",
                "1: all@b.test info@a.test joe@a.test",
                "2: info@old.test info@a.test joe@a.test",
                "2: joe@old.test joe@a.test",
                "3: any joe@a.test",
            ]
        );
    }

    #[test]
    fn what_is_off_does_not_forward_and_neither_does_what_is_behind_it() {
        let rows = [
            ("info@a.test", "joe@a.test", "0"),
            ("all@b.test", "info@a.test", "1"),
        ];
        assert_eq!(
            ways(&rows, "joe@a.test"),
            [
                "0: info@a.test joe@a.test off",
                "1: all@b.test info@a.test joe@a.test off"
            ]
        );
    }

    #[test]
    fn a_domain_alias_does_not_lead_where_the_address_has_a_row_or_the_domain_is_not_first() {
        let rows = [
            ("@old.test", "@a.test", "1"),
            ("joe@old.test", "mary@c.test", "1"),
            ("@new.test", "mary@c.test, @a.test", "1"),
            ("joe@a.test", "joe@a.test", "1"),
        ];
        assert_eq!(ways(&rows, "joe@a.test"), [""; 0]);
    }

    #[test]
    fn a_circle_comes_to_an_end() {
        let rows = [("a@a.test", "b@a.test", "1"), ("b@a.test", "a@a.test", "1")];
        assert_eq!(ways(&rows, "a@a.test"), ["1: b@a.test a@a.test"]);
    }
}
