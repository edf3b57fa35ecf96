//! Transport overrides: rows of one address among the domains, which send that person's mail elsewhere
//! (`transport_maps`). Editions of the howto keep them in `domains` or in `backups`; both are understood.
//!
//! An override is more than its row: without an alias that delivers to itself Postfix does not know the address, and
//! where the domain is relayed it has to be a relay recipient too (docs/postfix.md 3f). `store::overrides` keeps these
//! together.

use super::{Column, ENABLED, Input, Kind, LINE, OwnerRights, Part, Resource, Words, backups, domains};
use crate::mail::MailAddress;

/// What an override can be set to without knowing the grammar of transports, and what owners may use unless the setting
/// `overrides.allow` says otherwise: a name and the transport. `TENANT` is the customer's own part.
pub const PRESETS: &[(&str, &str)] = &[
    ("Google Workspace", "smtp:[aspmx.l.google.com]"),
    (
        "Google Workspace, with fallbacks",
        "smtp:[aspmx.l.google.com],[alt1.aspmx.l.google.com],[alt2.aspmx.l.google.com]",
    ),
    ("Google Workspace, single MX", "smtp:[smtp.google.com]"),
    ("Microsoft 365", "smtp:[TENANT.mail.protection.outlook.com]"),
];

/// Overrides kept in `domains`, as the howto's text has it.
pub static IN_DOMAINS: Resource = Resource {
    slug: "overrides",
    part: Part::Overrides,
    owners: OwnerRights::Write,
    words: WORDS,
    columns: COLUMNS,
    check,
    dependents: &[],
    ..domains::RESOURCE
};

/// Overrides kept in `backups`, as edition 15 of the howto has it.
pub static IN_BACKUPS: Resource = Resource {
    slug: "overrides",
    part: Part::Overrides,
    owners: OwnerRights::Write,
    words: WORDS,
    columns: COLUMNS,
    check,
    dependents: &[],
    ..backups::RESOURCE
};

/// Both places, in the order Postfix asks them.
pub static PLACES: [&Resource; 2] = [&IN_DOMAINS, &IN_BACKUPS];

const WORDS: Words = Words {
    title: "Overrides",
    one: "an override",
    noun: "override",
    many: "overrides",
    about: "People whose mail goes to another server although their domain is here, such as one person at Google.",
    start: "Send the first person's mail elsewhere; everybody else of the domain stays here.",
    deleting: "",
    unusual: &[],
};

const COLUMNS: &[Column] = &[
    Column {
        name: "domain",
        label: "Address",
        help: "The person whose mail goes elsewhere, such as `joe@example.org`.",
        kind: Kind::Subject,
        sortable: true,
        ..LINE
    },
    Column {
        name: "transport",
        label: "Goes to",
        help: "A host in brackets is asked directly, `smtp:[mail.example.com]`; without brackets its MX records are \
               followed.",
        kind: Kind::Transport(&[PRESETS[0].1, PRESETS[1].1, PRESETS[2].1]),
        ..LINE
    },
    ENABLED,
];

fn check(input: &mut Input<'_>) {
    input.parse("domain", MailAddress::parse);
    if input.text("transport").trim().is_empty() {
        input.refuse(
            "transport",
            "An override without a transport changes nothing: Postfix looks the domain up instead. Choose one of the \
             presets, or write the server in brackets, `smtp:[mail.example.com]`.",
        );
    } else if input.text("transport").contains("TENANT") {
        input.refuse(
            "transport",
            "There is no such host: TENANT stands for the customer's own part of the name, which Microsoft 365 shows as the \
             MX of the domain. It is the domain with - for each dot, `example-org` for example.org.",
        );
    } else if let Some(transport) = domains::transport(input) {
        if transport.is_local_delivery() {
            input.caution(
                true,
                format!(
                    "`{transport}` is delivery on this server, which is what happens without an override too; the \
                     configuration Postwarden generates leaves such rows out."
                ),
            );
        }
        if transport.as_str().ends_with(':') && matches!(transport.transport_name(), "" | "smtp" | "relay") {
            input.caution(
                true,
                format!(
                    "`{transport}` names no host: Postfix asks for the MX of the address's own domain. Where that is this \
                     server it bounces the mail, 5.4.6 mail loops back to myself. Write the host in brackets."
                ),
            );
        }
    }
    input.enabled();
}
