//! `backups`: domains this server is backup MX of (`relay_domains`), and where it relays them.

use super::domains::{domain_or_override, own_name, transport};
use super::{
    Applies, Column, Dependent, ENABLED, Input, Kind, LINE, OwnerRights, Part, Place, Relation, Resource,
    Words,
};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "backups",
    table: "backups",
    key: "pkid",
    part: Part::Whole,
    subject: "domain",
    unique_with: None,
    directory: None,
    owners: OwnerRights::Read,
    words: Words {
        title: "Backup MX",
        one: "a backup MX entry",
        noun: "backup MX entry",
        many: "backup MX entries",
        about: "Domains this server keeps mail for while their own server is away, and then relays it to.",
        start: "Add a domain whose MX records name this server as the second choice. Then say in Relay recipients \
                which of its addresses exist.",
        deleting: "",
        unusual: &[(Applies::ToAddresses, "transport override")],
    },
    columns: &[
        Column {
            name: "domain",
            label: "Domain",
            help: "Such as `example.org`. A subdomain needs a row of its own.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "transport",
            label: "Relay to",
            help: "The primary server in brackets, `:[mail.example.org]`. Leave it empty to follow the MX records: \
                   Postfix leaves itself out and takes the next better one.",
            kind: Kind::Transport(&[":[mail.example.org]", "smtp:[mail.example.org]"]),
            empty: "follows the MX records",
            ..LINE
        },
        ENABLED,
    ],
    check,
    dependents: &[
        Dependent {
            applies: Applies::ToDomains,
            place: Place {
                table: "relays",
                column: "recipient",
                relation: Relation::InDomain,
            },
            what: "in {domain}",
        },
        Dependent {
            applies: Applies::ToDomains,
            place: Place {
                table: "aliases",
                column: "mail",
                relation: Relation::InDomain,
            },
            what: "in {domain}",
        },
        Dependent {
            applies: Applies::ToAddresses,
            place: Place {
                table: "aliases",
                column: "mail",
                relation: Relation::Same,
            },
            what: "with the same address",
        },
    ],
    cached_by_postfix: true,
    create_table: include_str!("../../migrations/tables/backups.sql"),
};

fn check(input: &mut Input<'_>) {
    let subject = input.parse("domain", domain_or_override);
    let transport = transport(input);
    if let Some(message) = subject
        .as_deref()
        .and_then(|subject| own_name(subject, "relay_domains"))
    {
        input.caution(true, message);
    }
    if let (Some(subject), Some(transport)) = (subject, transport)
        && transport.is_local_delivery()
        && Applies::ToDomains.to(&subject)
    {
        input.refuse(
            "transport",
            format!(
                "`{transport}` delivers on this server, where a backup MX domain has no mailboxes: Postfix bounces \
                 everything, 5.1.1 unknown user. Give the primary server, `:[mail.{subject}]`, or put the domain \
                 into Domains."
            ),
        );
    }
    input.enabled();
}
