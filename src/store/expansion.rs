//! What an alias delivers to in the end: its destinations' own aliases followed, as far as the actor may see them.

use std::collections::{HashMap, HashSet};

use super::Store;
use crate::access::Actor;
use crate::error::Result;
use crate::mail::{EXPANSION_LIMIT, Expansion, domain_of, expand, items_of};
use crate::resource::aliases;

/// Addresses looked up before a graph is taken for endless; Postfix gives up far earlier.
const MOST_ADDRESSES: usize = 20 * EXPANSION_LIMIT;

/// Lists looked at above one that grows.
const MOST_PARENTS: usize = 20;

/// The enabled aliases around one: what each address delivers to.
#[derive(Debug, Default)]
pub struct Aliases(HashMap<String, Vec<String>>);

impl Aliases {
    /// What Postfix finds for an address: its own row, or else the catch-all of its domain, which may keep the name.
    pub fn lookup(&self, address: &str) -> Option<Vec<String>> {
        if let Some(items) = self.0.get(address) {
            return Some(items.clone());
        }
        let (local, domain) = address.rsplit_once('@')?;
        let items = self.0.get(&format!("@{domain}"))?;
        let keeps_name = |item: &String| items.len() == 1 && item.starts_with('@');
        Some(
            items
                .iter()
                .map(|item| {
                    if keeps_name(item) {
                        format!("{local}{item}")
                    } else {
                        item.clone()
                    }
                })
                .collect(),
        )
    }
}

impl Store {
    /// The enabled aliases that can be reached from these addresses.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn aliases_from(&self, actor: &Actor, addresses: &[String]) -> Result<Aliases> {
        let mut known = Aliases::default();
        let mut asked: HashSet<String> = HashSet::new();
        let mut frontier: Vec<String> = addresses.to_vec();
        while !frontier.is_empty() && asked.len() < MOST_ADDRESSES {
            let mut keys: Vec<String> = Vec::new();
            for address in frontier.drain(..) {
                let catch_all = format!("@{}", domain_of(&address));
                keys.extend(
                    [address.to_lowercase(), catch_all]
                        .into_iter()
                        .filter(|key| asked.insert(key.clone())),
                );
            }
            for stored in self.about(actor, &aliases::RESOURCE, &keys).await? {
                if !stored.row.is_enabled() {
                    continue;
                }
                let items = items_of(stored.row.text("destination"));
                known
                    .0
                    .entry(stored.row.subject(&aliases::RESOURCE))
                    .or_default()
                    .extend(items);
            }
            // What a catch-all makes of an address is an address again.
            frontier = keys
                .iter()
                .filter_map(|key| known.lookup(key))
                .flatten()
                .filter(|item| !asked.contains(item))
                .collect();
        }
        Ok(known)
    }

    /// What Postfix makes of an address that delivers to these.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn expansion(&self, actor: &Actor, address: &str, items: &[String]) -> Result<Expansion> {
        let mut known = self.aliases_from(actor, items).await?;
        known.0.insert(address.to_lowercase(), items.to_vec());
        Ok(expand(address, items, &|address| known.lookup(address)))
    }

    /// What Postfix makes of an address by the tables as they are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn stored_expansion(&self, actor: &Actor, address: &str) -> Result<Expansion> {
        let known = self.aliases_from(actor, &[address.to_owned()]).await?;
        let items = known.lookup(address).unwrap_or_default();
        Ok(expand(address, &items, &|address| known.lookup(address)))
    }

    /// The lists an alias is a member of that would expand to too many recipients with these for the alias.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn outgrown(&self, actor: &Actor, address: &str, items: &[String]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut asked: HashSet<String> = HashSet::from([address.to_owned()]);
        let mut frontier = vec![address.to_owned()];
        while let Some(member) = frontier.pop() {
            for (_, parent) in self.mentioning(actor, &member).await? {
                if asked.len() > MOST_PARENTS || !asked.insert(parent.to_lowercase()) {
                    continue;
                }
                let own = parent.to_lowercase();
                let from = [std::slice::from_ref(&own), items].concat();
                let mut known = self.aliases_from(actor, &from).await?;
                known.0.insert(address.to_owned(), items.to_vec());
                let Some(members) = known.0.get(&own) else {
                    continue;
                };
                if expand(&own, members, &|address| known.lookup(address)).over_limit {
                    found.push(parent);
                }
                frontier.push(own);
            }
        }
        Ok(found)
    }
}
