//! What happens to mail for an address, by the tables as they are now.

use super::{Known, Store};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::mail::{DomainName, directory_named, domain_of, items_of};
use crate::resource::{Resource, Row};
use crate::route::{self, Asked, Explanation, Question, Site};

impl Store {
    /// What happens to mail for an address. An owner is told what the rows of their domains make of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an address in none of the actor's domains; the database does not answer.
    pub async fn explain(&self, actor: &Actor, asked: &Asked) -> Result<Explanation> {
        // People type the Unicode form of a domain; grants hold the ASCII form.
        let domain = domain_of(&asked.address);
        let ascii = DomainName::parse(&domain).map_or(domain, |domain| domain.as_str().to_owned());
        if !actor.scope.covers(&ascii) {
            return Err(Error::NotFound);
        }
        let mut known = Known::default();
        expect_ordinary(&known, &asked.address);
        let site = Site::default();
        self.settled(actor, &mut known, |known| route::explain(known, &site, asked))
            .await
    }
}

/// Destinations of an alias noted ahead. The others of a long list are read when the rules have asked for them: with six hundred
/// lists of thousands, nobody waits until the last is judged.
const AHEAD: usize = 100;

/// Notes what judging a row asks for: an explanation of what it is about and, of an alias, of where it leads.
pub(super) fn expect_judged(known: &Known, resource: &Resource, row: &Row) {
    expect_ordinary(known, row.text(resource.subject));
    for destination in items_of(row.text("destination")).into_iter().take(AHEAD) {
        expect_ordinary(known, &destination);
    }
    if row.has("maildir") && row.is_enabled() {
        known.expect(Question::Directory(directory_named(row.text("maildir"))));
    }
}

/// Notes what every explanation of an address asks for, so that the first round has it.
pub(super) fn expect_ordinary(known: &Known, address: &str) {
    let address = route::folded(address.trim());
    let Some((local, domain)) = address.rsplit_once('@') else {
        return;
    };
    let wildcard = format!("@{domain}");
    let mut addresses = vec![address.clone(), wildcard];
    if let Some((name, _)) = local.split_once('+') {
        addresses.push(format!("{name}@{domain}"));
    }
    for address in addresses {
        for table in ["aliases", "users", "relays", "relocated"] {
            known.expect(Question::Subject(table, address.clone()));
        }
    }
    for subject in [domain.to_owned(), address.clone()] {
        for table in ["domains", "backups", "access_rules"] {
            known.expect(Question::Subject(table, subject.clone()));
        }
    }
}
