//! An explanation as plain text, for a terminal and for print.

use std::fmt::Write as _;

use super::{Delivery, Explanation, Kind, Verdict, because, circle};
use crate::mail::visible;

/// The explanation as lines, in the order of the page: what becomes of the mail and why, what the sender's server is told,
/// the tree of addresses, the deliveries, the lookups. The one that decided is marked with `>`.
#[must_use]
pub fn text(explanation: &Explanation) -> String {
    let mut text = String::new();
    let verdict = Verdict::of(explanation);
    let _ = writeln!(text, "{}: {}", visible(&explanation.address), verdict.headline);
    for line in &verdict.lines {
        let _ = writeln!(text, "{}", visible(line));
    }
    if let Some(step) = verdict.step.map(|step| &explanation.steps[step])
        && let Some(row) = &step.row
    {
        let _ = writeln!(
            text,
            "{} {} {}",
            visible(&because(step)),
            step.table,
            visible(row)
        );
    }
    for (before, reply) in &verdict.replies {
        let _ = writeln!(text, "{} {}", before.trim_end_matches(':'), visible(reply));
    }
    if explanation.branches.len() > 1 {
        text.push('\n');
        tree(explanation, &mut text);
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
            "{} {:>width$}. {} ({row}) {}: {}",
            if verdict.step == Some(number) { ">" } else { " " },
            number + 1,
            step.map,
            visible(&step.key),
            visible(&step.note)
        );
    }
    text
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
fn tree(explanation: &Explanation, text: &mut String) {
    let branches = &explanation.branches;
    let closing = circle(explanation);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); branches.len()];
    for (place, branch) in branches.iter().enumerate() {
        if let Some(parent) = branch.parent {
            children[parent].push(place);
        }
    }
    // A branch, what stands before it, and what stands before its own.
    let mut waiting = vec![(0, String::new(), String::new())];
    while let Some((place, before, below)) = waiting.pop() {
        let mark = if closing.contains(&place) {
            " (closes the circle)"
        } else {
            ""
        };
        let _ = writeln!(text, "{before}{}{mark}", visible(&branches[place].address));
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
all@d.test: 1 of 3 deliveries is bounced
5.1.1 unknown user: \"no@d.test\"
It is accepted first, so the bounce goes to whoever is named as the sender, also of mail they never wrote: backscatter.
The sender's server is told 250 2.1.5 Ok

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
    fn a_refusal_tells_its_reason_and_marks_the_lookup_and_has_neither_tree_nor_deliveries() {
        let text = super::text(&Tables::usual().explain("no@d.test"));
        let start = "\
no@d.test: Refused: nobody has this address
The domain is hosted here, but no mailbox, alias or catch-all takes mail for the address.
The sender's server is told at once, and tells the sender 550 5.1.1 <no@d.test>: ";
        assert!(text.starts_with(start), "{text}");
        assert!(!text.contains("Deliveries"), "{text}");
        let marked: Vec<&str> = text.lines().filter(|line| line.starts_with('>')).collect();
        assert_eq!(marked.len(), 1, "{text}");
        assert!(
            marked[0].contains("mailbox (users) no@d.test: No mailbox"),
            "{text}"
        );
    }

    #[test]
    fn a_circle_is_told_with_both_replies_and_marked_where_it_closes() {
        let tables = Tables::usual()
            .row("aliases", &["a@d.test", "b@d.test,mary@d.test"])
            .row("aliases", &["b@d.test", "A@d.test"]);
        let text = super::text(&tables.explain("a@d.test"));
        for part in [
            "a@d.test: Refused for now, for the whole message: the aliases go round in a circle\n",
            "is told 250 2.1.5 Ok\n",
            "it is told 451 4.6.0 Alias expansion error\n",
            "A@d.test (closes the circle)\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.matches("closes the circle").count(), 1, "{text}");
    }
}
