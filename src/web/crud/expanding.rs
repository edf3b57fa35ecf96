//! What Postfix makes of an alias in the end, as its form asks about it and refuses it.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::mail::{EXPANSION_LIMIT, items_of};
use crate::resource::{Draft, Resource};
use crate::store::{Stored, Warning};
use crate::web::request::Visitor;
use crate::web::text;

/// What is wrong with what Postfix makes of an alias in the end.
pub(super) struct Expanding {
    /// What may be meant, or can be made good elsewhere.
    pub warnings: Vec<Warning>,
    /// That it closes a circle that was not there: no message with such a recipient is taken, for nobody.
    pub closed: Option<String>,
}

/// What Postfix makes of an alias in the end: too many recipients, or a loop, which it notices only at DATA. With
/// `parents` the lists it is a member of are looked at too.
pub(super) async fn expansion(
    visitor: &Visitor,
    draft: &Draft,
    stored: Option<&Stored>,
    resource: &Resource,
    parents: bool,
) -> Result<Expanding> {
    let store = &visitor.app.store;
    let (address, items) = (draft.text("mail"), items_of(&draft.text("destination")));
    let now = store.expansion(&visitor.actor, &address, &items).await?;
    let before = match stored {
        Some(s) if s.row.is_enabled() => {
            let items = items_of(s.row.text("destination"));
            Some(
                store
                    .expansion(&visitor.actor, &s.row.subject(resource), &items)
                    .await?,
            )
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
    let mut closed = None;
    let was_its_own = |cycle: &Vec<String>| {
        let before = before.as_ref().and_then(|before| before.cycle.as_ref());
        before.is_some_and(|before| is_same_circle(before, cycle))
    };
    if let Some(cycle) = now.cycle.as_ref().filter(|cycle| !was_its_own(cycle)) {
        let circle = circle(cycle);
        if was_there(visitor, cycle).await? {
            ask(format!("{circle} Take one of them out."));
        } else {
            let next = after(cycle, &address).or_else(|| items.iter().find(|item| cycle.contains(item)));
            let cure = next.map_or_else(String::new, |next| {
                format!(" Take `{next}` out of the destinations of `{address}`.")
            });
            closed = Some(circle + cure.as_str());
        }
    }
    let grows = now.count > before.as_ref().map_or(1, |before| before.count);
    if parents && grows && !now.fails() {
        for parent in store.outgrown(&visitor.actor, &address, &items).await? {
            ask(format!(
                "`{parent}` has this as a member and would expand to more than {} recipients: Postfix then takes nothing \
                 for it, 451 Alias expansion error.",
                text::number(EXPANSION_LIMIT as u64)
            ));
        }
    }
    Ok(Expanding { warnings, closed })
}

/// Whether the tables have this circle as they are.
async fn was_there(visitor: &Visitor, cycle: &[String]) -> Result<bool> {
    let Some(first) = cycle.first() else {
        return Ok(false);
    };
    let stored = visitor.app.store.stored_expansion(&visitor.actor, first).await?;
    Ok(stored.cycle.is_some_and(|stored| is_same_circle(&stored, cycle)))
}

/// The stop of a circle that comes after an address.
fn after<'c>(cycle: &'c [String], address: &str) -> Option<&'c String> {
    let at = cycle.iter().position(|stop| stop.eq_ignore_ascii_case(address))?;
    cycle.get((at + 1) % cycle.len())
}

/// What a circle does.
fn circle(cycle: &[String]) -> String {
    let stops = cycle.iter().chain(cycle.first());
    let stops: Vec<String> = stops.map(|stop| format!("`{stop}`")).collect();
    format!(
        "This goes round in a circle: {}. Postfix answers 451 Alias expansion error for the whole message, also for its \
         other recipients.",
        stops.join(" → ")
    )
}

/// Whether two circles have the same stops, wherever they are entered.
fn is_same_circle(one: &[String], other: &[String]) -> bool {
    let stops = |circle: &[String]| circle.iter().cloned().collect::<BTreeSet<String>>();
    stops(one) == stops(other)
}
