//! `aliases`: where mail for an address goes (`virtual_alias_maps`). Two or more destinations make a mailing list.

use super::{
    Applies, Column, Dependent, ENABLED, Input, Kind, LINE, OwnerRights, Part, Place, Relation, Resource,
    Words,
};
use crate::mail::{AddressPattern, Destinations};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "aliases",
    table: "aliases",
    key: "pkid",
    part: Part::Whole,
    subject: "mail",
    unique_with: None,
    directory: None,
    owners: OwnerRights::Write,
    words: Words {
        title: "Aliases",
        one: "an alias",
        noun: "alias",
        many: "aliases",
        about: "Where mail for an address goes. An alias may point to one address, to several, or, as @example.org, \
                take all mail of a domain that no other row takes.",
        start: "Add the first alias. Every mailbox needs one that points to itself where its domain has a catch-all; \
                postmaster@ and abuse@ are required of every domain (RFC 2142).",
        deleting: "",
        unusual: &[(Applies::ToWildcards, "catch-all")],
    },
    columns: &[
        Column {
            name: "mail",
            label: "Address",
            help: "A full address, or `@example.org` for every address of the domain that has no row of its own.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "destination",
            label: "Delivers to",
            help: "One address per line. `@other.example` alone keeps the part before the @.",
            kind: Kind::Addresses,
            ..LINE
        },
        ENABLED,
    ],
    check,
    dependents: &[
        Dependent {
            applies: Applies::Always,
            place: Place {
                table: "aliases",
                column: "destination",
                relation: Relation::Mentions,
            },
            what: "delivering to {subject}",
        },
        Dependent {
            applies: Applies::ToAddresses,
            place: Place {
                table: "users",
                column: "id",
                relation: Relation::Same,
            },
            what: "with the same address",
        },
        Dependent {
            applies: Applies::ToAddresses,
            place: Place {
                table: "domains",
                column: "domain",
                relation: Relation::Same,
            },
            what: "with the same address",
        },
        Dependent {
            applies: Applies::ToAddresses,
            place: Place {
                table: "relocated",
                column: "oldadr",
                relation: Relation::Same,
            },
            what: "with the same address",
        },
    ],
    cached_by_postfix: false,
    create_table: include_str!("../../migrations/tables/aliases.sql"),
};

fn check(input: &mut Input<'_>) {
    let mail = input.parse("mail", AddressPattern::parse);
    match Destinations::parse(input.text("destination")) {
        Ok(list) => {
            if list.len() == 1
                && mail
                    .as_ref()
                    .is_some_and(|m| m.is_domain_wide() && list.items() == [m.clone()])
            {
                input.caution(
                    true,
                    "A catch-all that points to itself makes Postfix accept every name of the domain and then bounce \
                     the unknown ones to innocent senders.",
                );
            }
            input.keep_list("destination", list.joined());
        }
        Err(faults) => {
            for fault in faults {
                input.refuse("destination", fault.message());
            }
        }
    }
    input.enabled();
}
