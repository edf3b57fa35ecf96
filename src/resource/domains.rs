//! `domains`: what Postfix delivers here (`virtual_mailbox_domains`), and per-domain or per-address transports.

use super::{
    Applies, Column, Dependent, ENABLED, Input, Kind, LINE, OwnerRights, Part, Place, Relation, Resource,
    Words,
};
use crate::mail::{DomainName, Fault, MailAddress, Transport};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "domains",
    table: "domains",
    key: "pkid",
    part: Part::Whole,
    subject: "domain",
    unique_with: None,
    directory: None,
    owners: OwnerRights::Read,
    words: Words {
        title: "Domains",
        one: "a domain",
        noun: "domain",
        many: "domains",
        about: "Domains this server is the final destination of. Postfix accepts mail for them and delivers it to \
                their aliases and mailboxes.",
        start: "Add the first domain whose mail this server delivers. Its addresses go into Aliases; a domain that \
                is only relayed to another server goes into Backup MX instead.",
        deleting: "",
        unusual: &[(Applies::ToAddresses, "transport override")],
    },
    columns: &[
        Column {
            name: "domain",
            label: "Domain",
            help: "Such as `example.org`. A subdomain needs a row of its own. To send one person's mail elsewhere use \
                   Overrides.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "transport",
            label: "Transport",
            help: "`virtual:` delivers into the mailboxes here. A host in brackets, `smtp:[mail.example.com]`, is asked \
                   directly; without brackets its MX records are followed.",
            kind: Kind::Transport(&["virtual:", "smtp:[aspmx.l.google.com]", "smtp:[smtp.google.com]"]),
            default: "virtual:",
            ..LINE
        },
        ENABLED,
    ],
    check,
    dependents: &[
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
            applies: Applies::ToDomains,
            place: Place {
                table: "users",
                column: "id",
                relation: Relation::InDomain,
            },
            what: "in {domain}",
        },
        Dependent {
            applies: Applies::ToDomains,
            place: Place {
                table: "domains",
                column: "domain",
                relation: Relation::InDomain,
            },
            what: "of {domain}",
        },
        Dependent {
            applies: Applies::ToDomains,
            place: Place {
                table: "relocated",
                column: "oldadr",
                relation: Relation::InDomain,
            },
            what: "in {domain}",
        },
        Dependent {
            applies: Applies::ToDomains,
            place: Place {
                table: "aliases",
                column: "destination",
                relation: Relation::MentionsDomain,
            },
            what: "delivering into {domain}",
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
    create_table: include_str!("../../migrations/tables/domains.sql"),
};

fn check(input: &mut Input<'_>) {
    let subject = input.parse("domain", domain_or_override);
    transport(input);
    if let Some(subject) = subject.filter(|subject| !subject.contains('@')) {
        if let Some(message) = own_name(&subject, "virtual_mailbox_domains") {
            input.caution(true, message);
        } else if !subject.contains('.') {
            input.caution(true, format!("`{subject}` has no dot: is its ending missing?"));
        }
    }
    input.enabled();
}

/// What Postfix does with a domain that is one of its own names and stands in another parameter too.
pub fn own_name(domain: &str, parameter: &str) -> Option<String> {
    ["localhost", "localhost.localdomain"].contains(&domain).then(|| {
        format!(
            "{domain} is one of Postfix's own names (mydestination). It warns \"do not list domain {domain} in BOTH \
             mydestination and {parameter}\", and system users get the mail."
        )
    })
}

/// Checks the transport, here and in `backups`.
pub(super) fn transport(input: &mut Input<'_>) -> Option<Transport> {
    let rules = input.rules;
    let transport = input.parse("transport", |text| Transport::parse(text, &rules.transports))?;
    input.cautions(transport.cautions());
    Some(transport)
}

/// A domain, or the full address of a per-address transport override (edition 15 of the howto keeps those in
/// `backups`).
///
/// # Errors
/// Those of [`DomainName::parse`] and [`MailAddress::parse`].
pub fn domain_or_override(text: &str) -> Result<String, Fault> {
    let whole_address = text.trim().rfind('@').is_some_and(|at| at > 0);
    if whole_address {
        return MailAddress::parse(text).map(|address| address.as_str().to_owned());
    }
    DomainName::parse(text).map(|domain| domain.as_str().to_owned())
}
