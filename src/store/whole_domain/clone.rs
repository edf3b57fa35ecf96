//! A domain's rows once more, under another name.

use std::collections::HashSet;

use super::{DomainRows, checked, counted, identity, in_other_domain, is_about_senders};
use crate::access::Actor;
use crate::error::Result;
use crate::mail::{DomainName, PasswordHash, Replacement, items_of};
use crate::resource::{Draft, Resource, aliases, relocated, users};
use crate::store::Store;
use crate::store::change_set::ChangeSet;
use crate::store::row::Stored;

impl Store {
    /// What cloning a domain writes. Destinations inside of it follow to the new name, others stay. Without `mailboxes`
    /// what leads to one goes on leading to the one there is. Rows that are refused are left out.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn plan_domain_clone(
        &self,
        actor: &Actor,
        whole: &DomainRows,
        new: &DomainName,
        mailboxes: bool,
    ) -> Result<ChangeSet> {
        let mut set = ChangeSet::default();
        let schema = self.schema().await?;
        let new = new.as_str();
        let by = Replacement::of_domain(&whole.domain, new);
        let kept: HashSet<String> = whole
            .of(&users::RESOURCE)
            .filter(|_| !mailboxes)
            .map(|stored| stored.row.subject(&users::RESOURCE))
            .collect();
        let mut drafts: Vec<(&'static Resource, &Stored, Draft)> = Vec::new();
        let mut known = HashSet::new();
        for (resource, stored) in &whole.rows {
            let row = &stored.row;
            let is_mailbox = resource.table == users::RESOURCE.table;
            let is_first = known.insert((resource.table, identity(resource, row)));
            if !is_first || is_about_senders(resource, row) || (is_mailbox && !mailboxes) {
                continue;
            }
            let mut values = vec![(resource.subject, in_other_domain(&row.subject(resource), new))];
            if is_mailbox {
                // A directory of its own is proposed.
                values.push(("maildir", String::new()));
            } else if resource.table == aliases::RESOURCE.table {
                let items = items_of(row.text("destination")).into_iter();
                let items: Vec<String> = items
                    .map(|item| match by.in_text(&item) {
                        Some(inside) if !kept.contains(&without_extension(&item)) => inside,
                        _ => item,
                    })
                    .collect();
                values.push(("destination", items.join(",")));
            } else if resource.table == relocated::RESOURCE.table
                && let Some(text) = by.in_text(row.text("newadr"))
            {
                values.push(("newadr", text));
            }
            let Some(mut draft) = checked(self, &schema, &mut set, resource, row, &values)? else {
                continue;
            };
            if is_mailbox {
                let hash = stored.image.bytes("crypt").unwrap_or_default();
                draft.seal(&PasswordHash::kept(&String::from_utf8_lossy(hash)));
            }
            drafts.push((resource, stored, draft));
        }
        self.refuse_taken(actor, &mut set, &mut drafts).await?;
        self.refuse_shared(actor, &mut set, &mut drafts, new).await?;
        for (resource, _, draft) in drafts {
            set.create(resource, draft);
        }
        tell(&mut set, whole, new, mailboxes);
        Ok(set)
    }

    /// Refuses mailboxes whose proposed directory is another's.
    async fn refuse_shared(
        &self,
        actor: &Actor,
        set: &mut ChangeSet,
        drafts: &mut Vec<(&'static Resource, &Stored, Draft)>,
        new: &str,
    ) -> Result<()> {
        let resource = &users::RESOURCE;
        if !drafts.iter().any(|(found, ..)| found.table == resource.table) {
            return Ok(());
        }
        let taken = self.directories_below(actor, new).await?;
        drafts.retain(|(found, stored, draft)| {
            let directory = draft.text("maildir");
            let free = found.table != resource.table || !taken.contains(directory.trim_matches('/'));
            if !free {
                set.refuse(
                    found,
                    &stored.row,
                    format!("The directory `{directory}` is another mailbox's."),
                );
            }
            free
        });
        Ok(())
    }
}

/// The address whose mailbox an address with an extension leads to (`recipient_delimiter`), in small letters.
fn without_extension(address: &str) -> String {
    let address = address.to_lowercase();
    let (Some((local, _)), Some((_, domain))) = (address.split_once('+'), address.rsplit_once('@')) else {
        return address;
    };
    format!("{local}@{domain}")
}

/// Says what is not cloned.
fn tell(set: &mut ChangeSet, whole: &DomainRows, new: &str, mailboxes: bool) {
    let count = whole.of(&users::RESOURCE).count();
    if count > 0 && mailboxes {
        set.told.push(format!(
            "Without their mail, with the passwords there are: {}. Files are not copied.",
            counted(&users::RESOURCE, count)
        ));
    } else if count > 0 {
        set.told.push(format!(
            "Not cloned: {} of `{}`. What leads to one goes on arriving there.",
            counted(&users::RESOURCE, count),
            whole.domain
        ));
    }
    if !whole.owners.is_empty() {
        set.told.push(format!("`{new}` is granted to nobody by this."));
    }
}
