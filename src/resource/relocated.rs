//! `relocated`: people who moved; senders are told where (`relocated_maps`).

use super::{
    Applies, Circumstance, Column, Dependent, ENABLED, Input, KNOWN_DOMAINS, Kind, LINE, OwnerRights, Part,
    Place, Relation, Resource, Words,
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
    circumstances: &[
        Circumstance {
            applies: Applies::Always,
            places: &[Place {
                table: "aliases",
                column: "mail",
                relation: Relation::CatchAll,
            }],
            when_found: true,
            unless: &[Place {
                table: "aliases",
                column: "mail",
                relation: Relation::Same,
            }],
            confirm: false,
            message: "{domain} has a catch-all. With the howto's own configuration that takes the mail for {subject} first, and \
                      nobody is told of the new address.",
        },
        Circumstance {
            applies: Applies::Always,
            places: KNOWN_DOMAINS,
            when_found: false,
            unless: &[],
            confirm: true,
            message: "{domain} is not an enabled domain of this server. The row then stops outgoing mail: local \
                      senders who write to {subject} get 550 User has moved.",
        },
        Circumstance {
            applies: Applies::ToAddresses,
            places: &[Place {
                table: "users",
                column: "id",
                relation: Relation::Same,
            }],
            when_found: true,
            unless: &[],
            confirm: true,
            message: "{subject} still has a mailbox. Postfix looks at relocations first: the mailbox gets no more \
                      mail.",
        },
        Circumstance {
            applies: Applies::ToAddresses,
            places: &[Place {
                table: "aliases",
                column: "mail",
                relation: Relation::Same,
            }],
            when_found: true,
            unless: &[],
            confirm: true,
            message: "{subject} is also an alias. With the howto's own Postfix configuration the alias takes the \
                      mail and nobody is told the new address.",
        },
        Circumstance {
            applies: Applies::ToWildcards,
            places: &[
                Place {
                    table: "users",
                    column: "id",
                    relation: Relation::InDomain,
                },
                Place {
                    table: "aliases",
                    column: "mail",
                    relation: Relation::InDomain,
                },
            ],
            when_found: true,
            unless: &[],
            confirm: true,
            message: "{domain} still has mailboxes or aliases. Postfix looks at relocations first: every mailbox of the \
                      domain gets no more mail.",
        },
    ],
    dependents: &[Dependent {
        applies: Applies::Always,
        place: Place {
            table: "aliases",
            column: "destination",
            relation: Relation::Mentions,
        },
        effect: "These deliver to {subject}. Their mail bounced with the new address; now it bounces without one \
                 unless {subject} exists.",
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
