//! A domain deleted with everything about it.

use super::{DomainRows, counted, is_about_senders, some};
use crate::mail::{domain_of, items_of};
use crate::resource::{Resource, access, aliases, users};
use crate::store::change_set::{ChangeSet, reason};
use crate::store::{Row, Store, Stored};

impl Store {
    /// What deleting a domain with everything about it writes. With `take_out` its addresses are taken out of the aliases
    /// of other domains that deliver to them; one that delivers to nobody else is switched off.
    #[must_use]
    pub fn plan_domain_deletion(&self, whole: &DomainRows, take_out: bool) -> ChangeSet {
        let mut set = ChangeSet::default();
        let domain = &whole.domain;
        let mut rows = whole.rows.iter().peekable();
        // One operation for each run of rows of a table.
        while let Some((resource, first)) = rows.next() {
            let mut run = vec![&first.row];
            while let Some((_, next)) = rows.next_if(|(next, _)| next.slug == resource.slug) {
                run.push(&next.row);
            }
            run.retain(|row| !is_about_senders(resource, row));
            set.delete(resource, run);
        }
        let stays = whole.of(&access::RESOURCE);
        let stays = stays
            .filter(|stored| is_about_senders(&access::RESOURCE, &stored.row))
            .count();
        if stays > 0 {
            set.told.push(format!(
                "{} about mail from `{domain}` {}: what comes from there is another matter.",
                counted(&access::RESOURCE, stays),
                if stays == 1 { "stays" } else { "stay" },
            ));
        }
        tell_of_files(&mut set, whole);
        let lists = whole
            .elsewhere
            .iter()
            .filter(|(found, _)| found.table == aliases::RESOURCE.table);
        if take_out {
            let mut off = Vec::new();
            for (resource, list) in lists {
                let others: Vec<String> = items_of(list.row.text("destination"))
                    .into_iter()
                    .filter(|item| domain_of(item) != *domain)
                    .collect();
                if !others.is_empty() {
                    self.leave(&mut set, resource, list, &others);
                } else if list.row.is_enabled() {
                    set.switch_off(resource, &list.row);
                    off.push(list.row.subject(resource));
                }
            }
            if !off.is_empty() {
                set.told.push(format!(
                    "{} of other domains {} to nobody else and {} switched off: {}.",
                    counted(&aliases::RESOURCE, off.len()),
                    if off.len() == 1 { "delivers" } else { "deliver" },
                    if off.len() == 1 { "is" } else { "are" },
                    some(&off)
                ));
            }
        } else {
            let names: Vec<String> = lists.map(|(resource, list)| list.row.subject(resource)).collect();
            if !names.is_empty() {
                set.told.push(format!(
                    "{} of other domains {} on delivering to `{domain}`: {}.",
                    counted(&aliases::RESOURCE, names.len()),
                    if names.len() == 1 { "goes" } else { "go" },
                    some(&names)
                ));
            }
        }
        if !whole.owners.is_empty() {
            set.told.push(format!(
                "`{domain}` stays granted to {}: whoever adds it again finds them its owners.",
                some(&whole.owners)
            ));
        }
        set
    }

    /// Leaves an alias with its other destinations.
    fn leave(&self, set: &mut ChangeSet, resource: &'static Resource, list: &Stored, others: &[String]) {
        let row = list.row.clone().with("destination", &others.join(","));
        match row.check_typed(resource, self.rules(), &["destination"]) {
            Ok(draft) => {
                set.update(resource, list, draft);
            }
            Err(problems) => set.refuse(resource, &list.row, reason(problems)),
        }
    }
}

/// Says which files are left.
fn tell_of_files(set: &mut ChangeSet, whole: &DomainRows) {
    let path = |row: &Row| {
        let home = row.text("home").trim_end_matches('/');
        match home {
            "" => row.text("maildir").to_owned(),
            home => format!("{home}/{}", row.text("maildir").trim_start_matches('/')),
        }
    };
    let paths: Vec<String> = whole
        .of(&users::RESOURCE)
        .map(|stored| path(&stored.row))
        .collect();
    if !paths.is_empty() {
        set.told.push(format!(
            "The files in {} stay on disk, and nobody can sign in to read them: {}.",
            counted(&users::RESOURCE, paths.len()),
            some(&paths)
        ));
    }
}
