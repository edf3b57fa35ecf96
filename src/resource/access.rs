//! `access_rules`: blocked recipients, and senders and clients that are blocked or let through
//! (`check_recipient_access`, `check_sender_access`, `check_client_access`).

use super::{Column, Draft, ENABLED, Input, Kind, LINE, OwnerRights, Part, Problem, Resource, Value, Words};
use crate::mail::{AccessAction, AccessKind, AccessMessage, AccessPattern, access_cautions};

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "access",
    table: "access_rules",
    key: "pkid",
    part: Part::Whole,
    subject: "pattern",
    unique_with: Some("kind"),
    directory: None,
    owners: OwnerRights::WriteWhere("kind", "recipient"),
    words: Words {
        title: "Access rules",
        one: "an access rule",
        noun: "access rule",
        many: "access rules",
        about: "Addresses that get no mail although their domain is here, and senders and clients that are refused or let \
                through. The first rule of a kind that matches decides.",
        start: "Block the first address, sender or client. Postfix needs the configuration of Postwarden to read this \
                table; the howto has none for it.",
        deleting: "",
        unusual: &[],
    },
    columns: &[
        Column {
            name: "kind",
            label: "What",
            help: "Recipient rules hold for everybody, senders inside too. Sender and client rules are asked about mail \
                   from outside.",
            kind: Kind::Choice(&[
                ("recipient", "mail to this address or domain"),
                ("sender", "mail from this address or domain"),
                ("client", "mail from this server or network"),
            ]),
            default: "recipient",
            ..LINE
        },
        Column {
            name: "pattern",
            label: "Pattern",
            help: "Recipient or sender: `joe@example.org`, `example.org` for the domain and its subdomains, `joe@` for any \
                   domain; sender `<>` for bounces. Client: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`, or a name \
                   such as `dsl.example.net`.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "action",
            label: "Action",
            help: "What Postfix answers.",
            kind: Kind::Choice(&[
                ("REJECT", "refuse for good, 554"),
                ("DEFER", "refuse for now, 450; the sender tries again"),
                ("DISCARD", "answer 250 and throw the message away"),
                ("HOLD", "keep it in the queue until an operator releases it"),
                ("OK", "let it through (senders and clients)"),
                ("DUNNO", "leave it to the next rule (senders and clients)"),
            ]),
            default: "REJECT",
            ..LINE
        },
        Column {
            name: "message",
            label: "Message",
            help: "What the sender reads, in English and without special characters. Empty for Postfix's own words.",
            kind: Kind::Prose,
            empty: "",
            ..LINE
        },
        ENABLED,
    ],
    check,
    dependents: &[],
    cached_by_postfix: false,
    create_table: include_str!("../../migrations/tables/access_rules.sql"),
};

fn check(input: &mut Input<'_>) {
    let kind = input.parse("kind", AccessKind::parse);
    let (mut pattern, mut action) = (None, None);
    if let Some(kind) = kind {
        pattern = input.parse("pattern", |text| AccessPattern::parse(kind, text));
        action = input.parse("action", |text| AccessAction::parse(kind, text));
    }
    if let Some(action) = action {
        input.parse("message", |text| AccessMessage::parse(action, text));
    }
    if let Some(pattern) = &pattern {
        // The client query compares addresses with these two (docs/postfix.md 2).
        let bounds = pattern
            .network()
            .map_or((Value::Null, Value::Null), |(lowest, highest)| {
                (Value::Bytes(lowest.to_vec()), Value::Bytes(highest.to_vec()))
            });
        input.compute("cidr_lo", bounds.0);
        input.compute("cidr_hi", bounds.1);
    }
    if let (Some(kind), Some(pattern), Some(action)) = (kind, &pattern, action) {
        input.cautions(access_cautions(kind, pattern, action));
    }
    input.enabled();
}

/// Whether an action of a rule about a recipient acts on the whole message, and so on mail to others; and those that no
/// such rule has. Owners of domains do not choose them.
pub fn reaches_others(action: &str) -> bool {
    !matches!(action, "REJECT" | "DEFER")
}

/// What of an access rule would act on other people's mail: owners have rules about their own addresses.
pub fn beyond_owners(draft: &Draft) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !draft.text("pattern").contains('@') {
        problems.push(Problem {
            column: "pattern",
            message: "A rule for a whole domain holds for its subdomains too, which may be somebody else's. Write the \
                      address, or ask the operator."
                .to_owned(),
        });
    }
    if reaches_others(&draft.text("action")) {
        problems.push(Problem {
            column: "action",
            message: "Postfix throws away or holds the whole message, also for recipients who are not yours. Choose \
                      REJECT or DEFER, or ask the operator."
                .to_owned(),
        });
    }
    problems
}
