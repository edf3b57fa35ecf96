//! The members of a mailing list: what the page says of each, and what becomes of those added and removed.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::mail::{Destinations, EXPANSION_LIMIT, domain_of, expand, items_of};
use crate::resource::{Resource, aliases, backups, domains, users};
use crate::store::{Aliases, Stored};
use crate::web::form::{Gauge, Member, Members, Typed};
use crate::web::request::{Fields, Visitor};

/// Members whose kind is looked up; the rest of a long list is shown without.
const DESCRIBED: usize = 2_000;

/// The members of a list after those ticked are removed and those typed are added.
pub(super) fn with_members(values: &mut Typed, fields: &Fields) {
    let (add, gone) = (fields.text("add"), fields.every("remove"));
    let Some((_, members)) = values.iter_mut().find(|(name, _)| *name == "destination") else {
        return;
    };
    if !gone.is_empty() {
        let gone: HashSet<String> = gone.iter().map(|item| item.to_ascii_lowercase()).collect();
        let left = |item: &String| !gone.contains(&item.to_ascii_lowercase());
        *members = items_of(members)
            .into_iter()
            .filter(left)
            .collect::<Vec<_>>()
            .join("\n");
    }
    if !add.trim().is_empty() {
        *members = format!("{members}\n{add}");
    }
}

/// What the page of a list says about its members.
pub(super) async fn members(
    visitor: &Visitor,
    capacity: Option<u64>,
    stored: &Stored,
    values: &Typed,
    fields: &Fields,
) -> Result<Members> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let address = stored.row.subject(&aliases::RESOURCE);
    let mut items = items_of(stored.row.text("destination"));
    items.sort_by_cached_key(|item| (!item.starts_with('@'), item.clone()));
    items.dedup();
    let known = store.aliases_from(actor, &items).await?;
    let expansion = expand(&address, &items, &|address| known.lookup(address));
    let described = &items[..items.len().min(DESCRIBED)];
    let surroundings = Surroundings::of(visitor, described, known).await?;
    let mut room = OPENED;
    let rows = items
        .iter()
        .map(|item| surroundings.member(visitor, item, &mut room))
        .collect();
    let used = match Destinations::parse(
        values
            .iter()
            .find(|(n, _)| *n == "destination")
            .map_or("", |(_, v)| v),
    ) {
        Ok(list) => list.joined().chars().count(),
        Err(_) => stored.row.text("destination").chars().count(),
    };
    Ok(Members {
        rows,
        add: fields.text("add").to_owned(),
        removed: fields.every("remove"),
        expanded: Gauge {
            used: expansion.count as u64,
            most: EXPANSION_LIMIT as u64,
        },
        allowed: actor.scope.grant(&domain_of(&address)).and_then(|grant| {
            let most = grant.limits.members?.into();
            let used = items.len() as u64;
            Some(Gauge { used, most })
        }),
        cycle: expansion.cycle.map(|cycle| cycle.join(" → ")),
        used: capacity.filter(|most| *most < 1000).map(|most| Gauge {
            used: used as u64,
            most,
        }),
        member_of: store
            .mentioning(actor, &address)
            .await?
            .into_iter()
            .filter(|(key, _)| *key != stored.row.key)
            .collect(),
    })
}

/// Members of nested lists that a page shows in all.
const OPENED: usize = 3_000;

/// Lists in lists in lists are opened so far.
const DEEPEST: usize = 4;

/// What there is around the members of a list.
struct Surroundings {
    aliases: Aliases,
    pages: Vec<(String, String)>,
    mailboxes: Vec<String>,
    hosted: Vec<String>,
    relayed: Vec<String>,
    overrides: Vec<String>,
}

impl Surroundings {
    async fn of(visitor: &Visitor, items: &[String], aliases: Aliases) -> Result<Self> {
        let (store, actor) = (&visitor.app.store, &visitor.actor);
        let mut domain_names: Vec<String> = items.iter().map(|item| domain_of(item)).collect();
        domain_names.sort();
        domain_names.dedup();
        let own_aliases = store.about(actor, &aliases::RESOURCE, items).await?;
        let overrides = store.overrides_of(actor, items).await?;
        let enabled = async |resource: &'static Resource, subjects: &[String]| {
            let rows = store.about(actor, resource, subjects).await?;
            let on = rows.iter().filter(|stored| stored.row.is_enabled());
            Ok::<Vec<String>, Error>(on.map(|stored| stored.row.subject(resource)).collect())
        };
        Ok(Self {
            aliases,
            pages: own_aliases
                .iter()
                .map(|alias| (alias.row.subject(&aliases::RESOURCE), alias.row.key.clone()))
                .collect(),
            mailboxes: enabled(&users::RESOURCE, items).await?,
            hosted: enabled(&domains::RESOURCE, &domain_names).await?,
            relayed: enabled(&backups::RESOURCE, &domain_names).await?,
            overrides: overrides.into_iter().map(|o| o.address).collect(),
        })
    }

    fn member(&self, visitor: &Visitor, item: &str, room: &mut usize) -> Member {
        let has = |list: &[String]| list.iter().any(|known| known == item);
        let domain = domain_of(item);
        let here = self.hosted.contains(&domain);
        let page = self
            .pages
            .iter()
            .find(|(address, _)| address == item)
            .map(|(_, key)| key);
        let to = self.aliases.lookup(item).unwrap_or_default();
        let to_itself = to.len() == 1 && to[0] == item;
        let (tag, bounces) = if to.len() > 1 {
            ("list", false)
        } else if !to.is_empty() && !to_itself {
            ("alias", false)
        } else if has(&self.overrides) {
            ("override", false)
        } else if has(&self.mailboxes) && here {
            ("mailbox here", false)
        } else if here {
            ("unknown here: bounces", true)
        } else if self.relayed.contains(&domain) {
            ("backup MX", false)
        } else {
            ("outside", false)
        };
        Member {
            address: item.to_owned(),
            tag,
            bounces,
            page: page.map(|key| {
                let slug = if to.len() > 1 { "lists" } else { "aliases" };
                visitor.app.urls.row(slug, key)
            }),
            nested: if to.len() > 1 {
                self.nested(item, room)
            } else {
                Vec::new()
            },
            to: (to.len(), to.into_iter().next().filter(|_| !to_itself)),
        }
    }

    /// The members of a list and of the lists in it, each list opened once.
    fn nested(&self, item: &str, room: &mut usize) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut opened = vec![item.to_owned()];
        self.open(item, 1, &mut opened, &mut found, room);
        found
    }

    fn open(
        &self,
        list: &str,
        depth: usize,
        opened: &mut Vec<String>,
        found: &mut Vec<(usize, String)>,
        room: &mut usize,
    ) {
        for inner in self.aliases.lookup(list).unwrap_or_default() {
            if *room == 0 {
                return;
            }
            *room -= 1;
            found.push((depth, inner.clone()));
            let is_list = self.aliases.lookup(&inner).is_some_and(|to| to.len() > 1);
            if is_list && depth < DEEPEST && !opened.contains(&inner) {
                opened.push(inner.clone());
                self.open(&inner, depth + 1, opened, found, room);
            }
        }
    }
}
