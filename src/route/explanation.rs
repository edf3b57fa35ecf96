//! What the model answers.

use serde::Serialize;

/// What Postfix answers to `RCPT TO`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The SMTP code.
    pub code: u16,
    /// The text after it, with the enhanced code.
    pub text: String,
}

/// What becomes of a mail. Of several deliveries the worst counts, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It arrives, or goes to another server.
    Delivered,
    /// It waits in the queue, or its sender is told to come again.
    Deferred,
    /// It is accepted first and bounced later, to a sender who may never have written it: backscatter.
    Bounced,
    /// It is refused at the door.
    Rejected,
}

/// What becomes of the mail for one final recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Written into a mailbox here.
    Mailbox,
    /// Handed to another server: smtp, relay and lmtp alike. What that will answer is not predicted.
    Smtp,
    /// Returned to the sender.
    Bounce,
    /// Kept in the queue.
    Defer,
    /// Thrown away, with 250.
    Discard,
}

/// One final recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// As in Postfix's own `to=<…>`.
    pub address: String,
    /// What becomes of it.
    pub kind: Kind,
    /// Where it is sent: what stands in the transport after its name, or the domain whose MX records are followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nexthop: Option<String>,
    /// The directory below `virtual_mailbox_base`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maildir: Option<String>,
    /// Why, where it is not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One lookup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The lookup table, as `postwarden postfix generate` names it: `alias`, `transport_backups`, ...
    pub map: &'static str,
    /// The table of the database.
    pub table: &'static str,
    /// The key that was asked for.
    pub key: String,
    /// The answer; `None` where there was none.
    pub value: Option<String>,
    /// The key of the row that answered, or that is there and does not count; `None` where there is none.
    pub row: Option<String>,
    /// What it means, in one sentence.
    pub note: String,
    /// The address this is about: place in [`Explanation::branches`].
    #[serde(skip)]
    pub branch: usize,
}

/// One address on the way from what was typed to the final recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The address.
    pub address: String,
    /// The address it was made of; `None` for the one that was typed.
    pub parent: Option<usize>,
    /// What made it: table and key of the row, `aliases` `12`.
    pub row: Option<(&'static str, String)>,
    /// What becomes of it, if it is final: place in [`Explanation::deliveries`]. Several branches may end in the same.
    pub delivery: Option<usize>,
}

impl Branch {
    /// The address that was typed.
    pub(super) fn root(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            parent: None,
            row: None,
            delivery: None,
        }
    }
}

/// What happens to mail for an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The address that was asked about.
    pub address: String,
    /// What the sender's server is told.
    pub rcpt: Reply,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Every final recipient; none where it is refused.
    pub deliveries: Vec<Delivery>,
    /// Every lookup, in Postfix's order.
    pub steps: Vec<Step>,
    /// The tree of addresses, the typed one first, each after its parent.
    #[serde(skip)]
    pub branches: Vec<Branch>,
}
