//! Rows that only mean something together: a mailbox and its self alias; an override, its self alias and its relay
//! recipient. A plan reads what there is and says what to write, so that all of it becomes one change.

use std::collections::HashSet;

use super::row::Stored;
use super::{Operation, Override, Refusal, Store, Warning};
use crate::access::{Actor, Rights};
use crate::error::{Error, Result};
use crate::mail::{domain_of, items_of};
use crate::resource::{Draft, Problem, Resource, aliases, backups, relays, users};

/// What to write, and what to say about it.
#[derive(Debug, Default)]
pub struct Plan {
    /// Applied together.
    pub operations: Vec<Operation>,
    /// What the person may not have meant.
    pub warnings: Vec<Warning>,
    /// What is written or kept besides the row itself, in sentences.
    pub told: Vec<String>,
}

impl Plan {
    pub(super) fn merge(&mut self, other: Self) {
        self.operations.extend(other.operations);
        self.warnings.extend(other.warnings);
        self.told.extend(other.told);
    }
}

impl Store {
    /// Makes an address one that Postfix knows and hands on under its own name: an enabled alias that delivers to itself.
    /// An alias that delivers elsewhere keeps its destinations.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn plan_self_alias(&self, actor: &Actor, address: &str) -> Result<Plan> {
        let mut plan = Plan::default();
        // Without the table Postfix has no aliases, and no catch-all either.
        if self.table(&aliases::RESOURCE).await?.is_none() {
            plan.told.push(format!(
                "This database has no table `aliases`: an alias `{address}` that delivers to itself was not added."
            ));
            return Ok(plan);
        }
        let Some(alias) = self.alias_of(actor, address).await? else {
            plan.operations.push(Operation::Create {
                resource: &aliases::RESOURCE,
                draft: self.draft(
                    &aliases::RESOURCE,
                    &[("mail", address), ("destination", address), ("enabled", "1")],
                )?,
            });
            plan.told
                .push(format!("The alias `{address}` that delivers to itself is added."));
            return Ok(plan);
        };
        let mut items = items_of(alias.row.text("destination"));
        let complete = items.iter().any(|item| item == address);
        if complete && alias.row.is_enabled() {
            return Ok(plan);
        }
        let others = items.join(", ");
        if complete {
            plan.told
                .push(format!("The alias `{address}`, which was off, is enabled."));
        } else {
            items.push(address.to_owned());
            plan.told
                .push(format!("The alias `{address}` now delivers to itself too."));
        }
        if !complete && !others.is_empty() {
            plan.warnings.push(Warning {
                confirm: true,
                message: format!(
                    "The alias `{address}` delivers to `{others}` and not to itself. It is kept, and `{address}` is added \
                     to it: the mail goes to all of them. Remove the others from the alias if they should get none."
                ),
            });
        }
        plan.operations.push(Operation::Update {
            resource: &aliases::RESOURCE,
            key: alias.row.key.clone(),
            version: Some(alias.image.version()),
            draft: self.draft(
                &aliases::RESOURCE,
                &[
                    ("mail", address),
                    ("destination", &items.join(",")),
                    ("enabled", "1"),
                ],
            )?,
        });
        Ok(plan)
    }

    /// What a mailbox does not get because of the aliases there are, where no self alias is written with it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn mailbox_without_alias(&self, actor: &Actor, address: &str) -> Result<Option<Warning>> {
        let warn = |confirm, message| Some(Warning { confirm, message });
        if let Some(alias) = self
            .alias_of(actor, address)
            .await?
            .filter(|a| a.row.is_enabled())
        {
            let items = items_of(alias.row.text("destination"));
            if items.iter().any(|item| item == address) {
                return Ok(None);
            }
            return Ok(warn(
                false,
                format!(
                    "The alias `{address}` delivers to `{}` only: nothing reaches this mailbox until the alias lists \
                     `{address}` too.",
                    items.join(", ")
                ),
            ));
        }
        let catch_all = format!("@{}", domain_of(address));
        let there = self
            .alias_of(actor, &catch_all)
            .await?
            .filter(|a| a.row.is_enabled());
        Ok(there.and_then(|row| {
            warn(
                true,
                format!(
                    "The catch-all `{catch_all}` takes all mail of addresses without an alias of their own, this mailbox's \
                     too: it goes to `{}`. Tick \"self alias\" to give the mailbox its own.",
                    items_of(row.row.text("destination")).join(", ")
                ),
            )
        }))
    }

    /// Deletes the aliases of addresses that deliver to nobody but themselves, and takes the addresses out of those that
    /// deliver to others too.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn plan_without_self_aliases(&self, actor: &Actor, addresses: &[String]) -> Result<Plan> {
        let mut plan = Plan::default();
        let resource = &aliases::RESOURCE;
        let (mut alone, mut names) = (Vec::new(), Vec::new());
        for alias in self.about(actor, resource, addresses).await? {
            let address = alias.row.subject(resource);
            let items = items_of(alias.row.text("destination"));
            let others: Vec<&str> = items
                .iter()
                .map(String::as_str)
                .filter(|item| *item != address)
                .collect();
            if others.len() == items.len() {
                continue;
            }
            if others.is_empty() {
                alone.push(alias.row.key.clone());
                names.push(address);
                continue;
            }
            let enabled = if alias.row.is_enabled() { "1" } else { "0" };
            let rest = others.join(",");
            plan.told
                .push(format!("The alias `{address}` goes on delivering to `{rest}`."));
            plan.operations.push(Operation::Update {
                resource,
                key: alias.row.key.clone(),
                version: Some(alias.image.version()),
                draft: self.draft(
                    resource,
                    &[("mail", &address), ("destination", &rest), ("enabled", enabled)],
                )?,
            });
        }
        match names.as_slice() {
            [] => return Ok(plan),
            [name] => plan.told.push(format!(
                "The alias `{name}`, which delivers to itself alone, is deleted."
            )),
            [first, rest @ ..] => plan.told.push(format!(
                "The aliases `{first}` and {} more, which deliver to themselves alone, are deleted.",
                rest.len()
            )),
        }
        plan.operations.push(Operation::Delete {
            resource,
            keys: alone,
            version: None,
        });
        Ok(plan)
    }

    /// Those of the addresses that have an enabled override, which needs their self alias.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn overridden(&self, actor: &Actor, addresses: &[String]) -> Result<HashSet<String>> {
        let overrides = self.overrides_of(actor, addresses).await?;
        let on = overrides.into_iter().filter(Override::is_enabled);
        Ok(on.map(|o| o.address).collect())
    }

    /// Writes an override whole: its transport row in `place`, the self alias, and the relay recipient where the domain is
    /// a backup MX entry. Rows of the same override elsewhere are removed.
    ///
    /// # Errors
    /// [`Refusal::Exists`] where another override has the address, [`Refusal::Conflict`] where the override is no longer
    /// what the person saw.
    pub async fn plan_override(
        &self,
        actor: &Actor,
        place: &'static Resource,
        draft: &Draft,
        before: Option<&Override>,
    ) -> Result<Plan, Refusal> {
        let address = draft.text("domain");
        let renamed = before.is_some_and(|old| old.address != address);
        let own = std::slice::from_ref(&address);
        if (before.is_none() || renamed) && !self.overrides_of(actor, own).await?.is_empty() {
            return Err(Refusal::Exists {
                resource: place,
                key: Some(address.clone()),
                subject: address,
            });
        }
        let mut plan = Plan::default();
        let old: &[_] = before.map_or(&[], |b| b.rows.as_slice());
        let kept = old.iter().position(|(resource, _)| resource.table == place.table);
        match kept.map(|i| &old[i].1) {
            Some(row) => plan.operations.push(Operation::Update {
                resource: place,
                key: row.row.key.clone(),
                version: Some(row.image.version()),
                draft: draft.clone(),
            }),
            None => plan.operations.push(Operation::Create {
                resource: place,
                draft: draft.clone(),
            }),
        }
        for (i, (resource, row)) in old.iter().enumerate() {
            if Some(i) != kept {
                plan.told
                    .push(format!("The row in {} is removed.", resource.table));
                plan.operations.push(delete_row(resource, row));
            }
        }
        if renamed && let Some(old) = before {
            plan.merge(self.plan_without_companions(actor, &old.address).await?);
        }
        if draft.text("enabled") == "1" {
            plan.merge(self.plan_companions(actor, &address).await?);
        }
        Ok(plan)
    }

    /// Writes what an override needs beside its transport row: the self alias, and the relay recipient where the domain is
    /// a backup MX entry.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn plan_companions(&self, actor: &Actor, address: &str) -> Result<Plan> {
        let mut plan = self.plan_self_alias(actor, address).await?;
        plan.merge(self.plan_relay_recipient(actor, address).await?);
        Ok(plan)
    }

    /// Removes an override whole.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn plan_without_override(&self, actor: &Actor, old: &Override) -> Result<Plan> {
        let mut plan = Plan::default();
        for (resource, row) in &old.rows {
            plan.told.push(format!(
                "The transport row `{}` in {} is deleted.",
                row.row.text("transport"),
                resource.table
            ));
            plan.operations.push(delete_row(resource, row));
        }
        plan.merge(self.plan_without_companions(actor, &old.address).await?);
        Ok(plan)
    }

    /// What goes with an override: the self alias, unless a mailbox needs it, and the relay recipient.
    async fn plan_without_companions(&self, actor: &Actor, address: &str) -> Result<Plan> {
        let mut plan = Plan::default();
        let own = [address.to_owned()];
        let mailbox = self.about(actor, &users::RESOURCE, &own).await?;
        if mailbox.iter().any(|stored| stored.row.is_enabled()) {
            plan.told
                .push(format!("The mailbox `{address}` gets the mail again."));
        } else {
            plan.merge(self.plan_without_self_aliases(actor, &own).await?);
        }
        for row in self.about(actor, &relays::RESOURCE, &own).await? {
            if actor.rights(&relays::RESOURCE, address) == Rights::Read {
                plan.told.push(format!(
                    "The relay recipient `{address}` stays: it is kept by the operator."
                ));
            } else if self.came_with_override(&row.row.key, address).await? {
                plan.told
                    .push(format!("The relay recipient `{address}` is deleted."));
                plan.operations.push(delete_row(&relays::RESOURCE, &row));
            } else if self.is_backup(actor, address).await? {
                plan.told.push(format!(
                    "The relay recipient `{address}` stays: it was not added by the override."
                ));
            }
        }
        Ok(plan)
    }

    /// Where the address's domain is a backup MX entry, Postfix knows the address only if it is a relay recipient.
    async fn plan_relay_recipient(&self, actor: &Actor, address: &str) -> Result<Plan> {
        let mut plan = Plan::default();
        // Without the table Postfix has no list of recipients to refuse by.
        if !self.is_backup(actor, address).await? || self.table(&relays::RESOURCE).await?.is_none() {
            return Ok(plan);
        }
        let draft = self.draft(
            &relays::RESOURCE,
            &[("recipient", address), ("status", "OK"), ("enabled", "1")],
        )?;
        let resource = &relays::RESOURCE;
        let there = self.about(actor, resource, &[address.to_owned()]).await?;
        match there.first() {
            None => {
                plan.told
                    .push(format!("The relay recipient `{address}` is added."));
                plan.operations.push(Operation::Create { resource, draft });
            }
            Some(row) if row.row.is_enabled() && row.row.text("status").eq_ignore_ascii_case("OK") => {}
            Some(row) => {
                plan.warnings.push(Warning {
                    confirm: true,
                    message: format!(
                        "The relay recipient `{address}` is refused or off now. It is set to OK and enabled: without that \
                         Postfix answers 550 and the override takes nothing."
                    ),
                });
                plan.operations.push(Operation::Update {
                    resource,
                    key: row.row.key.clone(),
                    version: Some(row.image.version()),
                    draft,
                });
            }
        }
        Ok(plan)
    }

    /// Whether the domain of an address is relayed to its primary server.
    pub(super) async fn is_backup(&self, actor: &Actor, address: &str) -> Result<bool> {
        let backups = &backups::RESOURCE;
        let there = self.about(actor, backups, &[domain_of(address)]).await?;
        Ok(there.iter().any(|stored| stored.row.is_enabled()))
    }

    /// The alias of an address, which must not be missed because the database keeps it in another case.
    async fn alias_of(&self, actor: &Actor, address: &str) -> Result<Option<Stored>> {
        let found = self
            .about(actor, &aliases::RESOURCE, &[address.to_owned()])
            .await?;
        Ok(found.into_iter().next())
    }

    /// A draft of values that the panel itself has put together.
    pub(super) fn draft(&self, resource: &Resource, fields: &[(&'static str, &str)]) -> Result<Draft> {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        resource.check(self.rules(), fields).map_err(|problems| {
            // Such as an alias that other hands have left with something in it that Postfix cannot use.
            let reasons: Vec<String> = problems
                .into_iter()
                .map(|Problem { message, .. }| message)
                .collect();
            Error::Forbidden(format!(
                "A row in {} that belongs to this one has to be mended first: {}",
                resource.table,
                reasons.join(" ")
            ))
        })
    }
}

fn delete_row(resource: &'static Resource, stored: &Stored) -> Operation {
    Operation::Delete {
        resource,
        keys: vec![stored.row.key.clone()],
        version: Some(stored.image.version()),
    }
}
