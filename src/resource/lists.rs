//! Mailing lists: the aliases that deliver to two addresses or more, with a form for their members.

use super::{Applies, Column, ENABLED, Input, Kind, LINE, Part, Resource, Words, aliases};
use crate::mail::{AddressPattern, Destinations};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "lists",
    part: Part::Lists,
    words: Words {
        title: "Mailing lists",
        one: "a mailing list",
        noun: "mailing list",
        many: "mailing lists",
        about: "Aliases that deliver to several people. A member may be a list itself.",
        start: "Add the first list and paste its members.",
        deleting: "",
        unusual: &[(Applies::ToWildcards, "catch-all")],
    },
    columns: &[
        Column {
            name: "mail",
            label: "Address",
            help: "What people write to, such as `friends@example.org`.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "destination",
            label: "Members",
            help: "One address per line; commas and pasted `Name <address>` are fine. Addresses that occur twice are \
                   kept once.",
            kind: Kind::Addresses,
            ..LINE
        },
        ENABLED,
    ],
    check,
    ..aliases::RESOURCE
};

/// As for aliases, but the members are stored in order.
fn check(input: &mut Input<'_>) {
    input.parse("mail", AddressPattern::parse);
    match Destinations::parse(input.text("destination")) {
        Ok(list) => input.keep_list("destination", list.sorted().joined()),
        Err(faults) => {
            for fault in faults {
                input.refuse("destination", fault.message());
            }
        }
    }
    input.enabled();
}
