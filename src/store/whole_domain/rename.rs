//! A domain under another name.

use std::collections::{HashMap, HashSet};

use super::{DomainRows, checked, counted, identity, identity_of, in_other_domain, some};
use crate::access::Actor;
use crate::error::Result;
use crate::mail::{DomainName, Replacement};
use crate::resource::{Draft, Resource, Row, aliases, domains, relocated, users};
use crate::store::Store;
use crate::store::change_set::ChangeSet;
use crate::store::row::Stored;

/// How a domain is renamed.
#[derive(Debug, Clone, Copy)]
pub struct Renaming {
    /// Rows of other domains that name its addresses name the new ones.
    pub elsewhere: bool,
    /// The old name stays a domain, of which every address leads to the same one in the new domain.
    pub keeps_old: bool,
}

impl Store {
    /// What renaming a domain writes. Where rows are refused the rename cannot be done: some addresses would stay behind.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn plan_domain_rename(
        &self,
        actor: &Actor,
        whole: &DomainRows,
        new: &DomainName,
        how: Renaming,
    ) -> Result<ChangeSet> {
        let mut set = ChangeSet::default();
        let schema = self.schema().await?;
        let (old, new) = (whole.domain.as_str(), new.as_str());
        let by = Replacement::of_domain(old, new);
        let mut drafts: Vec<(&'static Resource, &Stored, Draft)> = Vec::new();
        let mut twins: HashMap<&'static str, Vec<&Row>> = HashMap::new();
        let mut known = HashSet::new();
        for (resource, stored) in &whole.rows {
            // Twins could not be renamed without one of them: Postfix reads the first that is on.
            if !known.insert((resource.table, identity(resource, &stored.row))) {
                twins.entry(resource.slug).or_default().push(&stored.row);
                continue;
            }
            let mut values = vec![(
                resource.subject,
                in_other_domain(&stored.row.subject(resource), new),
            )];
            values.extend(mentions(resource, &stored.row, &by));
            let draft = checked(self, &schema, &mut set, resource, &stored.row, &values)?;
            drafts.extend(draft.map(|draft| (*resource, stored, draft)));
        }
        self.refuse_taken(actor, &mut set, &mut drafts).await?;
        for (resource, _) in whole.counts() {
            let Some(rows) = twins.remove(resource.slug) else {
                continue;
            };
            set.told.push(format!(
                "{} that {} double is deleted: there cannot be two rows of one name.",
                counted(resource, rows.len()),
                if rows.len() == 1 { "is" } else { "are" }
            ));
            set.delete(resource, rows);
        }
        for (resource, stored, draft) in drafts {
            set.update(resource, stored, draft);
        }
        if how.elsewhere {
            for (resource, stored) in &whole.elsewhere {
                let values: Vec<_> = mentions(resource, &stored.row, &by).collect();
                if let Some(draft) = checked(self, &schema, &mut set, resource, &stored.row, &values)? {
                    set.update(resource, stored, draft);
                }
            }
        }
        if how.keeps_old {
            self.keep_old(&mut set, whole, old, new)?;
        }
        tell(&mut set, whole, new, how);
        Ok(set)
    }

    /// Refuses what would have the name of a row there is.
    pub(super) async fn refuse_taken(
        &self,
        actor: &Actor,
        set: &mut ChangeSet,
        drafts: &mut Vec<(&'static Resource, &Stored, Draft)>,
    ) -> Result<()> {
        for resource in Resource::tables() {
            let those = drafts.iter().filter(|(found, ..)| found.table == resource.table);
            let subjects: Vec<String> = those.map(|(_, _, draft)| draft.text(resource.subject)).collect();
            if subjects.is_empty() {
                continue;
            }
            let taken = self.taken(actor, resource, &subjects).await?;
            drafts.retain(|(found, stored, draft)| {
                let free = found.table != resource.table || !taken.contains(&identity_of(resource, draft));
                if !free {
                    let name = draft.text(resource.subject);
                    set.refuse(found, &stored.row, format!("`{name}` exists already."));
                }
                free
            });
        }
        Ok(())
    }

    /// The old name as a domain that leads to the new one.
    fn keep_old(&self, set: &mut ChangeSet, whole: &DomainRows, old: &str, new: &str) -> Result<()> {
        let first = whole.of(&domains::RESOURCE).next();
        let transport = first.map_or("virtual:", |stored| stored.row.text("transport"));
        let draft = self.draft(
            &domains::RESOURCE,
            &[("domain", old), ("transport", transport), ("enabled", "1")],
        )?;
        set.create(&domains::RESOURCE, draft);
        let (from, to) = (format!("@{old}"), format!("@{new}"));
        let draft = self.draft(
            &aliases::RESOURCE,
            &[("mail", &from), ("destination", &to), ("enabled", "1")],
        )?;
        set.create(&aliases::RESOURCE, draft);
        set.told.push(format!(
            "`{old}` stays a domain, and `{from}` leads every name of it to the same one in `{new}`. Postfix accepts every \
             name of `{old}` then, and bounces those that `{new}` does not have."
        ));
        Ok(())
    }
}

/// What a row names in the domain beside its subject, with what it is to hold.
fn mentions(
    resource: &Resource,
    row: &Row,
    by: &Replacement,
) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let value = match resource.table {
        table if table == aliases::RESOURCE.table => by
            .in_list(row.text("destination"))
            .map(|list| ("destination", list)),
        table if table == relocated::RESOURCE.table => {
            by.in_text(row.text("newadr")).map(|text| ("newadr", text))
        }
        _ => None,
    };
    value.into_iter()
}

/// Says what stays.
fn tell(set: &mut ChangeSet, whole: &DomainRows, new: &str, how: Renaming) {
    let old = &whole.domain;
    let mailboxes = whole.of(&users::RESOURCE).count();
    if mailboxes > 0 {
        set.told.push(format!(
            "The files of {} stay in the directories they are in, which keep the name `{old}`. People sign in with their new \
             address and the password they have.",
            counted(&users::RESOURCE, mailboxes)
        ));
    }
    if !how.elsewhere && !whole.elsewhere.is_empty() {
        let names: Vec<String> = whole
            .elsewhere
            .iter()
            .map(|(resource, stored)| stored.row.subject(resource))
            .collect();
        set.told.push(format!(
            "Rows of other domains go on leading to `{old}`: {}.",
            some(&names)
        ));
    }
    if !whole.owners.is_empty() {
        set.told.push(format!(
            "`{old}` is granted to {}. They see nothing of the renamed rows until `{new}` is granted to them too, on the \
             pages of their accounts.",
            some(&whole.owners)
        ));
    }
}
