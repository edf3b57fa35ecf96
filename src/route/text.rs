//! An explanation as plain text, for a terminal and for print.

use std::fmt::Write as _;

use super::{Branch, Delivery, Explanation, Kind, Outcome};
use crate::mail::visible;

/// The explanation as lines: address and verdict, the reply, the tree of addresses, the deliveries, the lookups.
#[must_use]
pub fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let address = visible(&explanation.address);
    let _ = writeln!(text, "{address}: {}", verdict(explanation.outcome));
    let reply = &explanation.rcpt;
    let _ = writeln!(
        text,
        "RCPT TO is answered: {} {}",
        reply.code,
        visible(&reply.text)
    );
    if explanation.branches.len() > 1 {
        text.push('\n');
        tree(&explanation.branches, &mut text);
    }
    if !explanation.deliveries.is_empty() {
        text.push_str("\nDeliveries\n");
    }
    for delivery in &explanation.deliveries {
        let _ = writeln!(
            text,
            "  {}: {}",
            visible(&delivery.address),
            visible(&end(delivery))
        );
    }
    if !explanation.steps.is_empty() {
        text.push_str("\nLookups\n");
    }
    let width = explanation.steps.len().to_string().len();
    for (number, step) in explanation.steps.iter().enumerate() {
        let row = match &step.row {
            Some(row) => format!("{} {}", step.table, visible(row)),
            None => step.table.to_owned(),
        };
        let _ = writeln!(
            text,
            "  {:>width$}. {} ({row}) {}: {}",
            number + 1,
            step.map,
            visible(&step.key),
            visible(&step.note)
        );
    }
    text
}

fn verdict(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Deferred => "deferred",
        Outcome::Bounced => "accepted and then bounced",
        Outcome::Rejected => "rejected",
    }
}

/// What becomes of a delivery, in a few words.
fn end(delivery: &Delivery) -> String {
    let reason = delivery.reason.as_deref().unwrap_or("no reason");
    match (delivery.kind, &delivery.maildir, &delivery.nexthop) {
        (Kind::Mailbox, Some(maildir), _) => format!("mailbox {maildir}"),
        (Kind::Mailbox, None, _) => "mailbox of a system user".to_owned(),
        (Kind::Smtp, _, Some(nexthop)) => format!("sent to {nexthop}"),
        (Kind::Smtp, _, None) => "sent to another server".to_owned(),
        (Kind::Bounce, ..) => format!("bounced, {reason}"),
        (Kind::Defer, ..) => format!("deferred, {reason}"),
        (Kind::Discard, ..) => "thrown away".to_owned(),
    }
}

/// The branches below one another, by a list of what is still to be drawn: no depth is too much for it.
fn tree(branches: &[Branch], text: &mut String) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); branches.len()];
    for (place, branch) in branches.iter().enumerate() {
        if let Some(parent) = branch.parent {
            children[parent].push(place);
        }
    }
    // A branch, what stands before it, and what stands before its own.
    let mut waiting = vec![(0, String::new(), String::new())];
    while let Some((place, before, below)) = waiting.pop() {
        let _ = writeln!(text, "{before}{}", visible(&branches[place].address));
        let last = children[place].last();
        for child in children[place].iter().rev() {
            let (mark, line) = if Some(child) == last {
                ("\u{2514}\u{2500} ", "   ")
            } else {
                ("\u{251c}\u{2500} ", "\u{2502}  ")
            };
            waiting.push((*child, format!("{below}{mark}"), format!("{below}{line}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;

    #[test]
    fn the_text_has_verdict_reply_tree_deliveries_and_lookups() {
        let tables = Tables::usual()
            .row("aliases", &["all@d.test", "team@d.test,x@x.test"])
            .row("aliases", &["team@d.test", "mary@d.test,no@d.test"]);
        let text = super::text(&tables.explain("all@d.test"));
        let start = "\
all@d.test: accepted and then bounced
RCPT TO is answered: 250 2.1.5 Ok

all@d.test
├─ team@d.test
│  ├─ mary@d.test
│  └─ no@d.test
└─ x@x.test

Deliveries
  mary@d.test: mailbox d.test/mary/
  x@x.test: sent to x.test
  no@d.test: bounced, 5.1.1 unknown user: \"no@d.test\"

Lookups
   1. domains (domains 1) d.test: The domain is hosted here.
   2. transport (domains) all@d.test: No row says where the mail goes.
";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn a_refusal_has_neither_tree_nor_deliveries() {
        let text = super::text(&Tables::usual().explain("no@d.test"));
        assert!(
            text.starts_with("no@d.test: rejected\nRCPT TO is answered: 550 5.1.1 <no@d.test>: "),
            "{text}"
        );
        assert!(
            !text.contains("Deliveries") && text.contains("\nLookups\n"),
            "{text}"
        );
    }
}
