//! The addresses a change to the tables can touch.

use std::collections::BTreeSet;

use super::{Change, Changes, Lookups, MOST_DELIVERING, MOST_IN_DOMAIN, Question, folded};
use crate::mail::domain_of;
use crate::resource::{Resource, Row};

/// How far back from an address its forwarders are followed: as far as lists are nested in earnest.
const LEVELS: usize = 10;

/// The most addresses looked at for one change. Beyond it the effect is told of these.
pub const MOST_ADDRESSES: usize = 25_000;

/// The name that stands for all those of a domain that no row is about.
pub(super) const ANY_NAME: &str = "any-other-name";

/// The tables whose rows have something to do with one address or domain.
pub const ABOUT_ADDRESSES: &[&str] = &["aliases", "users", "relays", "relocated", "domains", "backups"];

/// What an address has to do with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A catch-all that changes takes its mail or gives it back.
    Caught,
    /// It leads to what changes.
    Leading,
    /// It has rows of its own in the domain that the change is about.
    Within,
    /// The change is about it.
    Own,
}

/// The addresses a change can touch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Those it is about.
    pub own: BTreeSet<String>,
    /// Others, of a domain it is about.
    pub within: BTreeSet<String>,
    /// Others that a catch-all takes or gives back.
    pub caught: BTreeSet<String>,
    /// Others that lead to any of these.
    pub leading: BTreeSet<String>,
    /// Whether there are more than were looked at.
    pub is_cut: bool,
}

impl Touched {
    /// The addresses that `changes` can touch, by the tables before and after.
    #[must_use]
    pub fn by(changes: &Changes, before: &dyn Lookups, after: &dyn Lookups) -> Self {
        let mut touched = Self::default();
        for change in changes.all() {
            for subject in change.rows().filter_map(|row| subject(change, row)) {
                touched.add_subject(change, &subject, &[before, after]);
            }
        }
        touched.within = &touched.within - &touched.own;
        touched.caught = &(&touched.caught - &touched.own) - &touched.within;
        touched.follow_back(&[before, after]);
        touched
    }

    /// All of them, each with what it has to do with the change.
    pub fn each(&self) -> impl Iterator<Item = (&String, Part)> {
        self.own
            .iter()
            .map(|address| (address, Part::Own))
            .chain(self.within.iter().map(|address| (address, Part::Within)))
            .chain(self.caught.iter().map(|address| (address, Part::Caught)))
            .chain(self.leading.iter().map(|address| (address, Part::Leading)))
    }

    fn has_room(&mut self) -> bool {
        let known = [&self.own, &self.within, &self.caught, &self.leading];
        let has_room = known.map(BTreeSet::len).iter().sum::<usize>() < MOST_ADDRESSES;
        self.is_cut |= !has_room;
        has_room
    }

    fn add_subject(&mut self, change: &Change, subject: &str, tables: &[&dyn Lookups]) {
        if !self.has_room() {
            return;
        }
        let Some((local, domain)) = subject.rsplit_once('@') else {
            // A whole domain.
            self.own.insert(any_name(subject));
            let (found, is_cut) = in_domain(subject, tables);
            self.within.extend(found);
            self.is_cut |= is_cut;
            return;
        };
        if !local.is_empty() {
            self.own.insert(subject.to_owned());
            return;
        }
        // `@domain`: of an alias for all that no other row takes, of a relay recipient or relocation for all.
        self.own.insert(any_name(domain));
        let (found, is_cut) = in_domain(domain, tables);
        if change.table == "aliases" || change.table == "users" {
            self.caught.extend(found);
        } else {
            self.within.extend(found);
        }
        self.is_cut |= is_cut;
    }

    /// Adds the aliases that lead to these addresses.
    fn follow_back(&mut self, tables: &[&dyn Lookups]) {
        let mut edge: BTreeSet<String> = &(&self.own | &self.within) | &self.caught;
        for _ in 0..LEVELS {
            let mut found = BTreeSet::new();
            for address in &edge {
                if !self.has_room() {
                    return;
                }
                for table in tables {
                    let leads = leading_to(address, *table);
                    self.is_cut |= leads.len() >= MOST_DELIVERING;
                    let leads = leads.into_iter();
                    found.extend(leads.filter(|lead| lead.alias.is_enabled()).map(|lead| lead.from));
                }
            }
            edge = found
                .into_iter()
                .filter(|address| {
                    ![&self.own, &self.within, &self.caught, &self.leading]
                        .iter()
                        .any(|known| known.contains(address))
                })
                .collect();
            if edge.is_empty() {
                return;
            }
            self.leading.extend(edge.iter().cloned());
        }
        self.is_cut = true;
    }
}

/// An alias with an address among its destinations.
pub(super) struct Lead {
    /// Its row.
    pub alias: Row,
    /// The address mail comes from this way; [`ANY_NAME`] stands for what a catch-all takes.
    pub from: String,
}

/// The aliases, also those that are off, that have this address among their destinations, by itself or through an
/// `@domain`.
pub(super) fn leading_to(address: &str, tables: &dyn Lookups) -> Vec<Lead> {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return Vec::new();
    };
    let is_any = local == ANY_NAME;
    let named = if is_any {
        Question::DeliveringInto(domain.to_owned())
    } else {
        Question::Delivering(address.to_owned())
    };
    let keeping_name = Question::Delivering(format!("@{domain}"));
    let mut found = Vec::new();
    for (question, keeps_name) in [(named, false), (keeping_name, true)] {
        for alias in tables.rows(&question).iter() {
            let mail = folded(alias.text("mail"));
            let from = match mail.rsplit_once('@') {
                Some(("", from)) if keeps_name => format!("{local}@{from}"),
                Some(("", from)) => any_name(from),
                Some((name, _)) if !keeps_name || is_any || name == local => mail,
                _ => continue,
            };
            let alias = alias.clone();
            found.push(Lead { alias, from });
        }
    }
    found
}

/// Whom or what a row is about, where that says something about addresses; rows that are off do nothing.
fn subject(change: &Change, row: &Row) -> Option<String> {
    let resource = Resource::by_table(change.table)?;
    if !row.is_enabled() || (change.table == "access_rules" && row.text("kind") != "recipient") {
        return None;
    }
    let subject = row.subject(resource);
    let is_name = subject.ends_with('@') || subject.is_empty();
    (!is_name).then_some(subject)
}

/// The address that stands for the names of a domain that no row is about.
pub fn any_name(domain: &str) -> String {
    format!("{ANY_NAME}@{domain}")
}

/// The addresses of a domain that rows are about, and whether there may be more.
pub(super) fn in_domain(domain: &str, tables: &[&dyn Lookups]) -> (BTreeSet<String>, bool) {
    let (mut found, mut is_cut) = (BTreeSet::new(), false);
    for lookups in tables {
        for table in ABOUT_ADDRESSES {
            let Some(resource) = Resource::by_table(table) else {
                continue;
            };
            let rows = lookups.rows(&Question::InDomain(table, domain.to_owned()));
            is_cut |= rows.len() >= MOST_IN_DOMAIN;
            for row in rows.iter() {
                let subject = row.subject(resource);
                if row.is_enabled()
                    && subject.find('@').is_some_and(|at| at > 0)
                    && domain_of(&subject) == domain
                {
                    found.insert(subject);
                }
            }
        }
    }
    (found, is_cut)
}

#[cfg(test)]
mod tests {
    use super::super::{Overlay, Snapshot};
    use super::*;

    fn row(key: &str, columns: &[(&'static str, &str)]) -> Row {
        let mut values: Vec<_> = columns
            .iter()
            .map(|(name, text)| (*name, Some((*text).to_owned())))
            .collect();
        values.push(("enabled", Some("1".to_owned())));
        Row::new(key.to_owned(), values)
    }

    fn alias(key: &str, mail: &str, destination: &str) -> Row {
        row(key, &[("mail", mail), ("destination", destination)])
    }

    fn mailbox(id: &str) -> Row {
        row(id, &[("id", id), ("maildir", "box/")])
    }

    fn touched(tables: &Snapshot, change: Change) -> Touched {
        let changes = Changes::new(vec![change]);
        Touched::by(&changes, tables, &Overlay::new(tables, &changes))
    }

    fn gone(table: &'static str, row: Row) -> Change {
        Change {
            table,
            before: Some(row),
            after: None,
        }
    }

    fn set(addresses: &[&str]) -> BTreeSet<String> {
        addresses.iter().map(|&address| address.to_owned()).collect()
    }

    #[test]
    fn a_mailbox_touches_itself_and_whatever_leads_to_it_through_any_number_of_aliases() {
        let tables = Snapshot::new()
            .with("users", mailbox("joe@a.test"))
            .with("aliases", alias("1", "info@a.test", "karl@a.test, Joe@a.test"))
            .with("aliases", alias("2", "all@b.test", "info@a.test"))
            .with("aliases", alias("3", "karl@a.test", "karl@c.test"));
        let touched = touched(&tables, gone("users", mailbox("joe@a.test")));
        assert_eq!(touched.own, set(&["joe@a.test"]));
        assert_eq!(touched.leading, set(&["all@b.test", "info@a.test"]));
    }

    #[test]
    fn a_catch_all_touches_every_name_of_its_domain_that_has_a_row() {
        let tables = Snapshot::new()
            .with("users", mailbox("joe@a.test"))
            .with("users", mailbox("joe@b.test"))
            .with("aliases", alias("1", "@a.test", "mary@b.test"));
        let touched = touched(&tables, gone("aliases", alias("1", "@a.test", "mary@b.test")));
        assert_eq!(touched.own, set(&["any-other-name@a.test"]));
        assert_eq!(touched.caught, set(&["joe@a.test"]));
    }

    #[test]
    fn a_domain_is_about_all_its_addresses_and_touches_what_leads_into_it() {
        let tables = Snapshot::new()
            .with("users", mailbox("joe@a.test"))
            .with("aliases", alias("1", "info@b.test", "nobody@a.test"));
        let domain = row("1", &[("domain", "a.test"), ("transport", "virtual:")]);
        let touched = touched(&tables, gone("domains", domain));
        assert_eq!(touched.own, set(&["any-other-name@a.test"]));
        assert_eq!(touched.within, set(&["joe@a.test"]));
        assert_eq!(touched.leading, set(&["info@b.test"]));
    }

    #[test]
    fn a_domain_that_leads_to_another_name_by_name_is_touched_by_that_name_alone() {
        let tables = Snapshot::new()
            .with("users", mailbox("joe@b.test"))
            .with("aliases", alias("1", "@a.test", "@b.test"))
            .with("aliases", alias("2", "karl@c.test", "@b.test"));
        let touched = touched(&tables, gone("users", mailbox("joe@b.test")));
        assert_eq!(touched.leading, set(&["joe@a.test"]));
    }

    #[test]
    fn rows_that_are_off_and_rules_about_clients_touch_nothing() {
        let tables = Snapshot::new();
        let off = mailbox("joe@a.test").with("enabled", "0");
        assert_eq!(touched(&tables, gone("users", off)), Touched::default());
        let rule = row(
            "1",
            &[("kind", "client"), ("pattern", "a.test"), ("action", "REJECT")],
        );
        assert_eq!(touched(&tables, gone("access_rules", rule)), Touched::default());
    }

    #[test]
    fn aliases_that_lead_to_each_other_come_to_an_end() {
        let tables = Snapshot::new()
            .with("aliases", alias("1", "a@a.test", "b@a.test"))
            .with("aliases", alias("2", "b@a.test", "a@a.test"));
        let touched = touched(&tables, gone("aliases", alias("1", "a@a.test", "b@a.test")));
        assert_eq!(touched.leading, set(&["b@a.test"]));
    }
}
