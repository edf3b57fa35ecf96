//! `relays`: which addresses of the backup MX domains exist (`relay_recipient_maps`).

use super::{
    Applies, Column, Dependent, ENABLED, Input, Kind, LINE, OwnerRights, Part, Place, Relation, Resource,
    Words,
};
use crate::mail::{AddressPattern, RelayStatus};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "relays",
    table: "relays",
    key: "pkid",
    part: Part::Whole,
    subject: "recipient",
    unique_with: None,
    directory: None,
    owners: OwnerRights::Write,
    words: Words {
        title: "Relay recipients",
        one: "a relay recipient",
        noun: "relay recipient",
        many: "relay recipients",
        about: "Which addresses of the backup MX domains exist. Mail for any other is refused at the door instead of \
                being bounced to innocent senders later.",
        start: "Add the addresses the primary server knows, one row each, or @example.org to accept every name of a \
                domain.",
        deleting: "",
        unusual: &[(Applies::ToWildcards, "whole domain")],
    },
    columns: &[
        Column {
            name: "recipient",
            label: "Recipient",
            help: "A full address, or `@example.org` for every address of the domain.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "status",
            label: "Answer",
            help: "`REJECT` makes an exception to an `@example.org` row.",
            kind: Kind::Choice(&[
                ("OK", "accept and relay to the primary server"),
                ("REJECT", "refuse with 550, even under an @domain row"),
            ]),
            default: "OK",
            ..LINE
        },
        ENABLED,
    ],
    check,
    dependents: &[
        Dependent {
            applies: Applies::Always,
            place: Place {
                table: "backups",
                column: "domain",
                relation: Relation::ItsDomain,
            },
            what: "of {domain}",
        },
        Dependent {
            applies: Applies::Always,
            place: Place {
                table: "relays",
                column: "recipient",
                relation: Relation::InDomain,
            },
            what: "in {domain}",
        },
    ],
    cached_by_postfix: false,
    create_table: include_str!("../../migrations/tables/relays.sql"),
};

fn check(input: &mut Input<'_>) {
    let recipient = input.parse("recipient", AddressPattern::parse);
    let status = input.parse("status", RelayStatus::parse);
    let wide = recipient.is_some_and(|r| r.is_domain_wide());
    if wide && status == Some(RelayStatus::Reject) {
        input.caution(
            true,
            "A domain-wide REJECT refuses nothing by itself: Postfix refuses addresses without a row of their own \
             anyway, and with the howto's own configuration any row of this table, this one too, means accept.",
        );
    }
    if wide && status == Some(RelayStatus::Ok) {
        input.caution(
            false,
            "Every name of the domain is accepted now. What the primary server then refuses, spam above all, bounces to \
             senders who never wrote it. Rows for the addresses that exist are better.",
        );
    }
    input.enabled();
}
