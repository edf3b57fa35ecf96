//! What some tables' forms have beside their own row: the self alias of a mailbox, the addresses a new domain starts
//! with, the members of a mailing list.

use crate::error::{Error, Result};
use crate::mail::{Destinations, DomainName, EXPANSION_LIMIT, items_of};
use crate::resource::{Draft, Problem, Resource, aliases, backups, domains, users};
use crate::store::{Aliases, ListQuery, Operation, Plan, Stored, Table, Warning};
use crate::web::form::{Extra, Gauge, MailboxExtra, Member, Members, NewDomainExtra, Typed};
use crate::web::request::{Fields, Visitor};
use crate::web::text;

/// Aliases a new domain takes over from another, at most: more is a move, not a start.
const MOST_COPIED: u16 = 500;

/// Domains offered to copy from.
const OFFERED: &str = "200";

/// Members whose kind is looked up; the rest of a long list is shown without.
const DESCRIBED: usize = 2_000;

/// The part of the form that this table has alone. `fields` is empty where the form is new.
pub(super) async fn extra(
    visitor: &Visitor,
    resource: &'static Resource,
    table: &Table,
    stored: Option<&Stored>,
    values: &Typed,
    fields: &Fields,
) -> Result<Extra> {
    let capacity = table.column("destination").and_then(|column| column.capacity);
    let typed = |name: &str| fields.text(name).to_owned();
    Ok(match (resource.slug, stored) {
        ("users", stored) => {
            let has_alias = match stored {
                Some(stored) => has_self_alias(visitor, &stored.row.subject(resource)).await?,
                None => false,
            };
            Extra::Mailbox(MailboxExtra {
                self_alias: fields.is_set("self_alias") || (fields.is_empty() && stored.is_none()),
                has_alias,
                password: stored.map(password_in_words),
                generate: fields.is_set("generate"),
            })
        }
        ("domains", None) => Extra::NewDomain(NewDomainExtra {
            start: typed("start"),
            destination: typed("start_destination"),
            catch_all: typed("start_catchall"),
            copy: typed("start_copy"),
            domains: hosted_domains(visitor).await?,
        }),
        ("lists", Some(stored)) => Extra::Members(Box::new(
            members(visitor, capacity, stored, values, fields).await?,
        )),
        _ => Extra::None,
    })
}

/// Why a form cannot be saved with all that it asks for.
pub(super) enum Unplanned {
    /// Something in it is wrong.
    Problems(Vec<Problem>),
    /// Something else went wrong.
    Failed(Error),
}

impl From<Error> for Unplanned {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What is written together with a draft, and what is suspicious about the two together.
pub(super) async fn plan(
    visitor: &Visitor,
    resource: &'static Resource,
    draft: &Draft,
    stored: Option<&Stored>,
    fields: &Fields,
) -> Result<Plan, Unplanned> {
    let store = &visitor.app.store;
    let subject = draft.text(resource.subject);
    let on = draft.text("enabled") != "0";
    let mut plan = Plan::default();
    match resource.slug {
        "users" if !visitor.actor.scope.covers(&crate::mail::domain_of(&subject)) => {}
        "users" if fields.is_set("self_alias") => {
            plan = store.plan_self_alias(&visitor.actor, &subject).await?;
        }
        "users" if on => {
            let warning = store.mailbox_without_alias(&visitor.actor, &subject).await?;
            // Not news where the mailbox was without one before.
            let renamed = stored.is_none_or(|s| s.row.subject(resource) != subject || !s.row.is_enabled());
            plan.warnings.extend(warning.filter(|_| renamed));
        }
        "domains" if stored.is_none() => return start_of_domain(visitor, &subject, fields).await,
        "aliases" | "lists" if on => plan.warnings = expansion(visitor, draft, stored, resource).await?,
        _ => {}
    }
    Ok(plan)
}

/// What can go with a row that is deleted: the self alias of a mailbox.
pub(super) async fn plan_deletion(
    visitor: &Visitor,
    resource: &'static Resource,
    stored: &Stored,
) -> Result<Plan> {
    if resource.slug != "users" || !visitor.actor.may_write(&aliases::RESOURCE) {
        return Ok(Plan::default());
    }
    let address = stored.row.subject(resource);
    visitor
        .app
        .store
        .plan_without_self_alias(&visitor.actor, &address)
        .await
}

/// Sets the password that was typed, or a generated one where a mailbox would have none. Answers with the one to show.
pub(super) async fn seal_password(
    visitor: &Visitor,
    table: &Table,
    draft: &mut Draft,
    is_new: bool,
    fields: &Fields,
) -> Result<Option<String>> {
    if table.name != users::RESOURCE.table || !table.has("crypt") {
        return Ok(None);
    }
    let generated = (fields.is_set("generate") || (is_new && draft.password().is_none()))
        .then(crate::mail::MailboxPassword::generate);
    let Some(password) = generated.as_ref().or(draft.password()).cloned() else {
        return Ok(None);
    };
    let scheme = visitor.app.store.rules().password_scheme;
    let hash = tokio::task::spawn_blocking(move || password.hash(scheme))
        .await
        .map_err(|e| Error::unexpected("hashing a password", e))??;
    draft.seal(&hash);
    Ok(generated.map(|password| password.as_str().to_owned()))
}

/// The members of a list after those ticked are removed and those typed are added.
pub(super) fn with_members(values: &mut Typed, fields: &Fields) {
    let (add, gone) = (fields.text("add"), fields.every("remove"));
    let Some((_, members)) = values.iter_mut().find(|(name, _)| *name == "destination") else {
        return;
    };
    if !gone.is_empty() {
        let left = |item: &String| !gone.iter().any(|g| g.eq_ignore_ascii_case(item));
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

async fn has_self_alias(visitor: &Visitor, address: &str) -> Result<bool> {
    let own = [address.to_owned()];
    let found = visitor
        .app
        .store
        .about(&visitor.actor, &aliases::RESOURCE, &own)
        .await?;
    Ok(found.iter().any(|alias| {
        alias.row.is_enabled()
            && items_of(alias.row.text("destination"))
                .iter()
                .any(|item| item == address)
    }))
}

fn password_in_words(stored: &Stored) -> String {
    let kept = stored.password();
    let mut words = format!("The password is kept as {kept}.");
    if kept.is_weak() {
        words.push_str(" That is no protection any more: set a new one.");
    }
    if stored.has_clear_password() {
        words.push_str(" A readable copy of it is in the column `clear`; setting a new one empties that.");
    }
    words
}

async fn hosted_domains(visitor: &Visitor) -> Result<Vec<String>> {
    let query = ListQuery {
        per: OFFERED.to_owned(),
        ..ListQuery::default()
    };
    let page = visitor
        .app
        .store
        .list(&visitor.actor, &domains::RESOURCE, &query)
        .await?;
    let names = page.rows.iter().map(|row| row.subject(&domains::RESOURCE));
    Ok(names.filter(|name| !name.contains('@')).collect())
}

/// The aliases a new domain starts with.
async fn start_of_domain(visitor: &Visitor, domain: &str, fields: &Fields) -> Result<Plan, Unplanned> {
    let wanted: Vec<(String, String, bool)> = match fields.text("start") {
        "required" => {
            let destination = fields.text("start_destination");
            let mut wanted = vec![
                (format!("postmaster@{domain}"), destination.to_owned(), true),
                (format!("abuse@{domain}"), destination.to_owned(), true),
            ];
            let catch_all = fields.text("start_catchall").trim();
            if !catch_all.is_empty() {
                wanted.push((format!("@{domain}"), catch_all.to_owned(), true));
            }
            wanted
        }
        "copy" => copied(visitor, domain, fields.text("start_copy")).await?,
        _ => Vec::new(),
    };
    let mut plan = Plan::default();
    let (mut problems, mut added) = (Vec::new(), 0);
    let subjects: Vec<String> = wanted.iter().map(|(mail, _, _)| mail.clone()).collect();
    let there = visitor
        .app
        .store
        .about(&visitor.actor, &aliases::RESOURCE, &subjects)
        .await?;
    for (mail, destination, enabled) in wanted {
        if there
            .iter()
            .any(|alias| alias.row.subject(&aliases::RESOURCE) == mail)
        {
            plan.told
                .push(format!("`{mail}` was there already and stays as it is."));
            continue;
        }
        let column = if mail.starts_with('@') {
            "start_catchall"
        } else {
            "start_destination"
        };
        let fields = vec![
            ("mail", mail.clone()),
            ("destination", destination),
            ("enabled", u8::from(enabled).to_string()),
        ];
        match aliases::RESOURCE.check(visitor.app.store.rules(), fields) {
            Ok(draft) => {
                added += 1;
                plan.operations.push(Operation::Create {
                    resource: &aliases::RESOURCE,
                    draft,
                });
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                column,
                message: format!("`{mail}`: {}", problem.message),
            })),
        }
    }
    // postmaster and abuse share a field: what is wrong with it is said once.
    problems.dedup_by_key(|problem: &mut Problem| problem.column);
    if !problems.is_empty() {
        return Err(Unplanned::Problems(problems));
    }
    if added > 0 {
        let what = if added == 1 { "alias" } else { "aliases" };
        plan.told.push(format!("{added} {what} of the domain added."));
    }
    Ok(plan)
}

/// The aliases of another domain under the new one's name: address, destinations as they are, and whether it is on.
async fn copied(
    visitor: &Visitor,
    domain: &str,
    source: &str,
) -> Result<Vec<(String, String, bool)>, Unplanned> {
    let problem = |message: String| {
        Err(Unplanned::Problems(vec![Problem {
            column: "start_copy",
            message,
        }]))
    };
    let source = match DomainName::parse(source) {
        Ok(source) => source,
        Err(fault) => return problem(fault.message().to_owned()),
    };
    let query = ListQuery {
        domain: source.as_str().to_owned(),
        per: MOST_COPIED.to_string(),
        ..ListQuery::default()
    };
    let page = visitor
        .app
        .store
        .list(&visitor.actor, &aliases::RESOURCE, &query)
        .await?;
    if page.rows.is_empty() {
        return problem(format!("`{source}` has no aliases to copy."));
    }
    if page.next.is_some() {
        return problem(format!(
            "`{source}` has more than {MOST_COPIED} aliases. Copy another domain, or start with the required addresses."
        ));
    }
    let rows = page.rows.iter().filter_map(|row| {
        let mail = row.subject(&aliases::RESOURCE);
        let (local, _) = mail.rsplit_once('@')?;
        Some((
            format!("{local}@{domain}"),
            row.text("destination").to_owned(),
            row.is_enabled(),
        ))
    });
    Ok(rows.collect())
}

/// What Postfix makes of an alias in the end: too many recipients, or a loop, which it notices only at DATA.
async fn expansion(
    visitor: &Visitor,
    draft: &Draft,
    stored: Option<&Stored>,
    resource: &Resource,
) -> Result<Vec<Warning>> {
    let expand = async |address: String, items: Vec<String>| {
        visitor
            .app
            .store
            .expansion(&visitor.actor, &address, &items)
            .await
    };
    let now = expand(draft.text("mail"), items_of(&draft.text("destination"))).await?;
    let before = match stored {
        Some(s) if s.row.is_enabled() => {
            Some(expand(s.row.subject(resource), items_of(s.row.text("destination"))).await?)
        }
        _ => None,
    };
    let mut warnings = Vec::new();
    let mut ask = |message| {
        warnings.push(Warning {
            confirm: true,
            message,
        });
    };
    if now.over_limit && now.cycle.is_none() && !before.as_ref().is_some_and(|b| b.over_limit) {
        ask(format!(
            "This expands to more than {} recipients. Postfix then takes nothing: 451 Alias expansion error for the whole \
             message, also for its other recipients, until virtual_alias_expansion_limit is raised in main.cf. Split the \
             list, or raise the limit first.",
            text::number(EXPANSION_LIMIT as u64)
        ));
    }
    if let Some(cycle) = &now.cycle
        && before.as_ref().and_then(|b| b.cycle.as_ref()) != Some(cycle)
    {
        ask(format!(
            "This goes round in a circle: {}. Postfix answers 451 Alias expansion error for the whole message, also for its \
             other recipients. Take one of them out.",
            cycle
                .iter()
                .map(|a| format!("`{a}`"))
                .collect::<Vec<_>>()
                .join(" → ")
        ));
    }
    Ok(warnings)
}

/// What the page of a list says about its members.
async fn members(
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
    let expansion = crate::mail::expand(&address, &items, &|address| known.lookup(address));
    let described = &items[..items.len().min(DESCRIBED)];
    let surroundings = Surroundings::of(visitor, described, known).await?;
    let rows = items
        .iter()
        .map(|item| surroundings.member(visitor, item))
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
        add: String::new(),
        removed: fields.every("remove"),
        expanded: Gauge {
            used: expansion.count as u64,
            most: EXPANSION_LIMIT as u64,
        },
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
        let enabled = |rows: Vec<Stored>, resource: &'static Resource| -> Vec<String> {
            let on = rows.iter().filter(|stored| stored.row.is_enabled());
            on.map(|stored| stored.row.subject(resource)).collect()
        };
        let mut domain_names: Vec<String> = items.iter().map(|item| crate::mail::domain_of(item)).collect();
        domain_names.sort();
        domain_names.dedup();
        let mut around = Self {
            aliases,
            pages: Vec::new(),
            mailboxes: Vec::new(),
            hosted: Vec::new(),
            relayed: Vec::new(),
            overrides: Vec::new(),
        };
        for chunk in items.chunks(500) {
            around.mailboxes.extend(enabled(
                store.about(actor, &users::RESOURCE, chunk).await?,
                &users::RESOURCE,
            ));
            let aliases = store.about(actor, &aliases::RESOURCE, chunk).await?;
            around.pages.extend(
                aliases
                    .iter()
                    .map(|alias| (alias.row.subject(&aliases::RESOURCE), alias.row.key.clone())),
            );
            let overrides = store.overrides_of(actor, chunk).await?;
            around.overrides.extend(overrides.into_iter().map(|o| o.address));
        }
        for chunk in domain_names.chunks(500) {
            let hosted = store.about(actor, &domains::RESOURCE, chunk).await?;
            around.hosted.extend(enabled(hosted, &domains::RESOURCE));
            let relayed = store.about(actor, &backups::RESOURCE, chunk).await?;
            around.relayed.extend(enabled(relayed, &backups::RESOURCE));
        }
        Ok(around)
    }

    fn member(&self, visitor: &Visitor, item: &str) -> Member {
        let has = |list: &[String]| list.iter().any(|known| known == item);
        let domain = crate::mail::domain_of(item);
        let here = self.hosted.contains(&domain);
        let page = self
            .pages
            .iter()
            .find(|(address, _)| address == item)
            .map(|(_, key)| key);
        let nested = self.aliases.lookup(item).unwrap_or_default();
        let to_itself = nested.len() == 1 && nested[0] == item;
        let (tag, bounces) = if nested.len() > 1 {
            ("list", false)
        } else if !nested.is_empty() && !to_itself {
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
                let slug = if nested.len() > 1 { "lists" } else { "aliases" };
                visitor.app.urls.row(slug, key)
            }),
            nested: if to_itself { Vec::new() } else { nested },
        }
    }
}
