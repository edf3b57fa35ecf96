//! `relocated`: people who moved; senders are told where (`relocated_maps`).

use super::{
    Applies, Column, Dependent, ENABLED, Input, Kind, LINE, OwnerRights, Part, Place, Relation, Resource,
    Words,
};
use crate::mail::{AddressPattern, RelocationText};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "relocated",
    table: "relocated",
    key: "pkid",
    part: Part::Whole,
    subject: "oldadr",
    unique_with: None,
    directory: None,
    owners: OwnerRights::Write,
    words: Words {
        title: "Relocated",
        one: "a relocation",
        noun: "relocation",
        many: "relocations",
        about: "Addresses that are gone. Postfix refuses mail for them with 550 \"User has moved to\" and the new \
                address, which the sender reads.",
        start: "Add an address that moved away and where it moved to.",
        deleting: "",
        unusual: &[(Applies::ToWildcards, "whole domain")],
    },
    columns: &[
        Column {
            name: "oldadr",
            label: "Old address",
            help: "A full address, or `@example.org` for every address of the domain.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "newadr",
            label: "Moved to",
            help: "What the sender reads after \"User has moved to\": an address, or any short text such as a \
                   telephone number.",
            kind: Kind::Prose,
            ..LINE
        },
        ENABLED,
    ],
    check,
    dependents: &[Dependent {
        applies: Applies::Always,
        place: Place {
            table: "aliases",
            column: "destination",
            relation: Relation::Mentions,
        },
        what: "delivering to {subject}",
    }],
    cached_by_postfix: true,
    create_table: include_str!("../../migrations/tables/relocated.sql"),
};

fn check(input: &mut Input<'_>) {
    let old = input.parse("oldadr", AddressPattern::parse);
    let new = input.parse("newadr", RelocationText::parse);
    if let (Some(old), Some(new)) = (old, new) {
        if new.as_str() == old.as_str() {
            input.caution(
                true,
                "The new address is the old one: senders are sent in a circle.",
            );
        } else if new.is_domain_literal() {
            input.caution(
                false,
                format!(
                    "Postfix prints \"User has moved to {new}\" as it stands; it does not fill in the name."
                ),
            );
        }
    }
    input.enabled();
}
