//! The lookups, in Postfix's order.

use std::collections::HashMap;
use std::net::IpAddr;

use super::address::{typed, written};
use super::expand::Recipients;
use super::smtpd::{Fate, reply};
use super::trace::Trace;
use super::{Branch, Delivery, Explanation, Kind, Lookups, Outcome, Reply};

/// Which configuration the tables are read by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Setup {
    /// That of `postwarden postfix generate`.
    #[default]
    Postwarden,
    /// The howto's own, letter by letter (`tests/data/howto-postfix`).
    Howto,
}

/// What of a server matters to mail beside its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The domains of local(8), `mydestination`.
    pub destinations: Vec<String>,
    /// What is appended to addresses without a domain, `myorigin`.
    pub origin: String,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            destinations: Vec::new(),
            origin: "localhost".to_owned(),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The address mail is sent to, as typed.
    pub address: String,
    /// The envelope sender; without it rules about senders are left out. The empty one is `<>`.
    pub sender: Option<String>,
    /// The address of the client; without it rules about clients are left out.
    pub client: Option<IpAddr>,
    /// The client's host name, where it has one.
    pub client_name: Option<String>,
    /// Whether the client is in `mynetworks` or has signed in.
    pub inside: bool,
    /// Which configuration.
    pub setup: Setup,
}

/// Explains what happens to mail for an address.
#[must_use]
pub fn explain(tables: &dyn Lookups, site: &Site, asked: &Asked) -> Explanation {
    explained(Trace::new(tables, site, asked, true))
}

/// The same without the steps, for whoever asks where mail ends and not why.
#[must_use]
pub fn follow(tables: &dyn Lookups, site: &Site, asked: &Asked) -> Explanation {
    explained(Trace::new(tables, site, asked, false))
}

fn explained(trace: Trace<'_>) -> Explanation {
    let asked = trace.asked;
    let Some(address) = typed(&asked.address) else {
        return refused(
            trace,
            asked.address.trim(),
            reply(501, "5.1.3 Bad recipient address syntax"),
        );
    };
    let address = &*address;
    let dialogue = trace.dialogue(address);
    if dialogue.reply.code != 250 {
        return refused(trace, &written(address), dialogue.reply);
    }
    let mut recipients = trace.expand(address);
    if recipients.list.is_ok() && dialogue.fate == Some(Fate::Discard) {
        recipients = Recipients::unexpanded(&trace, address);
    }
    let Recipients { list, mut branches } = recipients;
    let whole = |kind, reason| vec![whole(&branches[0].address, kind, reason)];
    let deliveries = match (list, dialogue.fate) {
        (Err(reply), _) => whole(Kind::Defer, reply),
        (Ok(_), Some(Fate::Discard)) => whole(Kind::Discard, "A rule throws the message away."),
        (Ok(_), Some(Fate::Hold)) => whole(Kind::Defer, "on hold"),
        (Ok(list), None) => delivered(&trace, &list, &mut branches),
    };
    if branches.len() == 1 {
        branches[0].delivery = Some(0);
    }
    Explanation {
        address: written(address).into_owned(),
        rcpt: dialogue.reply,
        outcome: deliveries
            .iter()
            .map(|delivery| outcome(delivery.kind))
            .max()
            .unwrap_or(Outcome::Delivered),
        deliveries,
        steps: trace.into_steps(),
        branches,
    }
}

fn refused(trace: Trace<'_>, address: &str, rcpt: Reply) -> Explanation {
    Explanation {
        address: address.to_owned(),
        outcome: if rcpt.code < 500 {
            Outcome::Deferred
        } else {
            Outcome::Rejected
        },
        rcpt,
        deliveries: Vec::new(),
        steps: trace.into_steps(),
        branches: vec![Branch::root(address)],
    }
}

/// What becomes of the message as a whole.
fn whole(address: &str, kind: Kind, reason: &str) -> Delivery {
    Delivery {
        address: written(address).into_owned(),
        kind,
        nexthop: None,
        maildir: None,
        reason: Some(reason.to_owned()),
    }
}

/// The deliveries to the final recipients, each named by the branches that end in it.
fn delivered(trace: &Trace<'_>, list: &[String], branches: &mut [Branch]) -> Vec<Delivery> {
    let mut is_parent = vec![false; branches.len()];
    for parent in branches.iter().filter_map(|branch| branch.parent) {
        is_parent[parent] = true;
    }
    let ends = || (0..is_parent.len()).filter(|&place| !is_parent[place]);
    let mut places: HashMap<String, usize> = HashMap::with_capacity(list.len());
    for place in ends() {
        places
            .entry(branches[place].address.to_lowercase())
            .or_insert(place);
    }
    let mut numbers: HashMap<String, usize> = HashMap::with_capacity(list.len());
    let mut deliveries = Vec::with_capacity(list.len());
    for (number, recipient) in list.iter().enumerate() {
        let key = recipient.to_lowercase();
        trace.branch.set(places.get(&key).copied().unwrap_or_default());
        deliveries.push(trace.deliver(recipient));
        numbers.insert(key, number);
    }
    for place in ends() {
        branches[place].delivery = numbers.get(&branches[place].address.to_lowercase()).copied();
    }
    deliveries
}

fn outcome(kind: Kind) -> Outcome {
    match kind {
        Kind::Mailbox | Kind::Smtp | Kind::Discard => Outcome::Delivered,
        Kind::Defer => Outcome::Deferred,
        Kind::Bounce => Outcome::Bounced,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::Tables;
    use super::*;

    #[test]
    fn the_worst_of_the_deliveries_is_the_outcome() {
        let list = |members: &str| {
            let tables = Tables::usual()
                .row("aliases", &["all@d.test", members])
                .row("backups", &["broken.test", "h"]);
            tables.explain("all@d.test").outcome
        };
        assert_eq!(list("mary@d.test,x@x.test"), Outcome::Delivered);
        assert_eq!(list("mary@d.test,x@broken.test"), Outcome::Deferred);
        assert_eq!(list("no@d.test,mary@d.test,x@broken.test"), Outcome::Bounced);
        let rule = |action| {
            let tables = Tables::usual().row("access_rules", &["recipient", "mary@d.test", action, "why"]);
            let explanation = tables.explain("mary@d.test");
            let kinds: Vec<Kind> = explanation.deliveries.iter().map(|d| d.kind).collect();
            (explanation.outcome, kinds)
        };
        assert_eq!(rule("REJECT"), (Outcome::Rejected, vec![]));
        assert_eq!(rule("DEFER"), (Outcome::Deferred, vec![]));
        assert_eq!(rule("HOLD"), (Outcome::Deferred, vec![Kind::Defer]));
        assert_eq!(rule("DISCARD"), (Outcome::Delivered, vec![Kind::Discard]));
    }

    #[test]
    fn branches_lead_from_the_typed_address_to_every_delivery() {
        let tables = Tables::usual()
            .row("aliases", &["all@d.test", "team@d.test,x@x.test"])
            .row("aliases", &["team@d.test", "X@x.test,mary@d.test"]);
        let explanation = tables.explain("all@d.test");
        let branches: Vec<_> = explanation
            .branches
            .iter()
            .map(|branch| {
                let row = branch.row.as_ref().map(|(table, key)| (*table, key.as_str()));
                (branch.address.as_str(), branch.parent, row, branch.delivery)
            })
            .collect();
        let (all, team) = (Some(("aliases", "4")), Some(("aliases", "5")));
        assert_eq!(
            branches,
            [
                ("all@d.test", None, None, None),
                ("team@d.test", Some(0), all, None),
                ("x@x.test", Some(0), all, Some(0)),
                ("X@x.test", Some(1), team, Some(0)),
                ("mary@d.test", Some(1), team, Some(1)),
            ]
        );
        assert_eq!(explanation.deliveries[0].address, "X@x.test");
        let mailbox = explanation.steps.iter().rfind(|step| step.map == "mailbox");
        assert_eq!(mailbox.map(|step| step.branch), Some(4));
        let alone = Tables::usual().explain("mary@d.test");
        assert_eq!((alone.branches.len(), alone.branches[0].delivery), (1, Some(0)));
    }

    #[test]
    fn the_json_has_the_names_that_scripts_rely_on() {
        let explanation = Tables::usual().explain("mary@d.test");
        let json = serde_json::to_value(&explanation).expect("JSON");
        let names = |value: &serde_json::Value| -> Vec<String> {
            let mut names: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
            names.sort();
            names
        };
        assert_eq!(
            names(&json),
            ["address", "deliveries", "outcome", "rcpt", "steps"]
        );
        assert_eq!(json["outcome"], "delivered");
        assert_eq!(json["rcpt"], serde_json::json!({"code": 250, "text": "2.1.5 Ok"}));
        assert_eq!(
            json["deliveries"],
            serde_json::json!([{"address": "mary@d.test", "kind": "mailbox", "maildir": "d.test/mary/"}])
        );
        let step = &json["steps"][0];
        assert_eq!(names(step), ["key", "map", "note", "row", "table", "value"]);
        assert_eq!((&step["map"], &step["row"]), (&"domains".into(), &"1".into()));
        let nothing = json["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .find(|s| s["value"].is_null());
        assert!(nothing.expect("a step without an answer")["row"].is_null());
    }

    #[test]
    fn every_lookup_is_told_once_and_the_class_comes_first() {
        let explanation = Tables::usual().explain("mary@d.test");
        let steps: Vec<_> = explanation
            .steps
            .iter()
            .map(|step| (step.map, step.key.as_str()))
            .collect();
        let mut once = steps.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), steps.len());
        assert_eq!(steps[0], ("domains", "d.test"));
        let place = |map| steps.iter().position(|(name, _)| *name == map).expect(map);
        assert!(place("domains") < place("moved") && place("moved") < place("block_recip"));
        assert!(place("block_recip") < place("alias") && place("alias") < place("mailbox"));
    }

    #[test]
    fn an_answer_that_is_not_known_yet_is_no_end_of_the_question() {
        let site = Site::default();
        let asked = Asked {
            address: "mary@d.test".to_owned(),
            ..Asked::default()
        };
        let explanation = explain(&super::super::Snapshot::new(), &site, &asked);
        assert_eq!(explanation.rcpt.code, 554);
        assert!(explanation.steps.iter().all(|step| step.row.is_none()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_rows_and_no_address_are_too_odd(
            address in "[a+@%!.\" <>\\[\\]\u{e9}-]{0,12}|[ab+]{1,3}@(a|b|a\\.b)",
            aliases in proptest::collection::vec(("[ab+]{0,2}@?(a|b|a\\.b)", "[ab+@, <>\"()]{0,12}"), 0..8),
            transports in proptest::collection::vec(("[ab@.*]{0,4}", "[a-z:\\[\\] ,.]{0,10}"), 0..6),
            inside: bool,
            howto: bool,
        ) {
            let mut tables = Tables::usual().row("domains", &["a.b", "virtual:"]).row("domains", &["a", ""]);
            for (mail, destination) in &aliases {
                tables = tables.row("aliases", &[mail, destination]);
            }
            for (domain, transport) in &transports {
                tables = tables
                    .row("backups", &[domain, transport])
                    .row("domains", &[domain, transport])
                    .row("relocated", &[domain, transport]);
            }
            tables.asked.inside = inside;
            tables.site.destinations = vec!["b".to_owned()];
            if howto {
                tables = tables.howto();
            }
            let explanation = tables.explain(&address);
            let is_accepted = explanation.rcpt.code == 250;
            prop_assert_eq!(is_accepted, !explanation.deliveries.is_empty());
            for (place, branch) in explanation.branches.iter().enumerate() {
                prop_assert!(branch.parent.is_none_or(|parent| parent < place));
                prop_assert!(branch.delivery.is_none_or(|number| number < explanation.deliveries.len()));
            }
            prop_assert!(explanation.steps.iter().all(|step| step.branch < explanation.branches.len()));
            prop_assert!(!super::super::text(&explanation).is_empty());
        }
    }
}
