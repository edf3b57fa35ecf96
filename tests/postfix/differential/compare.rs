//! What the model says beside what Postfix did.

use postwarden::route::{Delivery, Explanation, Kind, Outcome};

use super::log::Fate;
use super::world::Observed;
use crate::bed::Names;

/// What became of a mail for one recipient, as both can say it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ending {
    address: String,
    kind: &'static str,
    maildir: Option<String>,
}

/// Every difference, in words; none where model and Postfix agree.
pub fn differences(said: &Explanation, seen: &Observed, names: &Names) -> Vec<String> {
    let mut found = Vec::new();
    let reply = format!("{} {}", said.rcpt.code, said.rcpt.text);
    // Spaces at the end are not seen.
    if reply.trim_end() != seen.rcpt {
        found.push(format!("RCPT TO: Postfix `{}`, the model `{reply}`", seen.rcpt));
        return found;
    }
    let Some(end) = &seen.end else {
        let outcome = if seen.rcpt.starts_with('4') {
            Outcome::Deferred
        } else {
            Outcome::Rejected
        };
        if said.outcome != outcome || !said.deliveries.is_empty() {
            found.push(format!(
                "refused, and the model says {:?} to {:?}",
                said.outcome, said.deliveries
            ));
        }
        return found;
    };
    if !end.starts_with('2') {
        let is_said =
            |delivery: &Delivery| delivery.kind == Kind::Defer && delivery.reason.as_ref() == Some(end);
        if said.outcome != Outcome::Deferred || !said.deliveries.iter().all(is_said) {
            found.push(format!(
                "DATA: Postfix `{end}`, the model {:?}: {}",
                said.outcome,
                reasons(said)
            ));
        }
        return found;
    }
    if seen.held || seen.discarded {
        let (kind, outcome) = if seen.held {
            (Kind::Defer, Outcome::Deferred)
        } else {
            (Kind::Discard, Outcome::Delivered)
        };
        if said.outcome != outcome
            || said.deliveries.iter().any(|d| d.kind != kind)
            || said.deliveries.is_empty()
        {
            found.push(format!(
                "Postfix has {kind:?}, the model {:?} to {:?}",
                said.outcome, said.deliveries
            ));
        }
        return found;
    }
    let mut expected: Vec<Ending> = said
        .deliveries
        .iter()
        .map(|delivery| predicted(delivery, names))
        .collect();
    let mut real: Vec<Ending> = seen
        .fates
        .iter()
        .map(|(fate, place)| ending(fate, place.as_deref()))
        .collect();
    expected.sort();
    real.sort();
    if expected != real {
        found.push(format!("Postfix {real:?}, the model {expected:?}"));
        return found;
    }
    found.extend(
        seen.fates
            .iter()
            .filter_map(|(fate, _)| another_server(fate, said, names)),
    );
    found.extend(seen.fates.iter().filter_map(|(fate, _)| another_code(fate, said)));
    let worst = said.deliveries.iter().map(outcome_of).max();
    if worst != Some(said.outcome) {
        found.push(format!(
            "{:?} is not the worst of {:?}",
            said.outcome, said.deliveries
        ));
    }
    found
}

/// The model's deliveries, in short.
fn reasons(said: &Explanation) -> String {
    let short = |delivery: &Delivery| {
        let reason = delivery.reason.as_deref().unwrap_or_default();
        format!("{:?} {} {reason}", delivery.kind, delivery.address)
    };
    said.deliveries.iter().map(short).collect::<Vec<_>>().join("; ")
}

/// What the model's words come to in the bed's internet, where a next hop may be this server.
fn predicted(delivery: &Delivery, names: &Names) -> Ending {
    let kind = match delivery.kind {
        Kind::Mailbox => "mailbox",
        // Nobody listens at the addresses that people write into addresses.
        Kind::Smtp if is_literal(delivery) => "defer",
        Kind::Smtp if servers(delivery, names).is_empty() => "bounce",
        Kind::Smtp => "smtp",
        Kind::Bounce => "bounce",
        Kind::Defer => "defer",
        Kind::Discard => "discard",
    };
    Ending {
        address: delivery.address.clone(),
        kind,
        maildir: delivery.maildir.as_deref().map(on_disk),
    }
}

/// A directory as the file system has it: `/a//./b/` is `a/b/`.
fn on_disk(directory: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if directory.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("{}{slash}", parts.join("/"))
}

fn ending(fate: &Fate, place: Option<&str>) -> Ending {
    let kind = match (fate.status.as_str(), fate.relay.as_str()) {
        ("sent", "virtual" | "local") => "mailbox",
        ("sent", "none") => "discard",
        ("sent", _) => "smtp",
        // The bed's servers do not take addresses that are not ASCII.
        ("bounced", _) if fate.dsn == "5.6.7" => "smtp",
        ("bounced", _) => "bounce",
        ("deferred", _) => "defer",
        _ => "something else",
    };
    Ending {
        address: fate.to.clone(),
        kind,
        maildir: place.map(str::to_owned),
    }
}

/// A server that the model's next hop does not lead to.
fn another_server(fate: &Fate, said: &Explanation, names: &Names) -> Option<String> {
    let delivery = said
        .deliveries
        .iter()
        .find(|delivery| delivery.address == fate.to)?;
    if delivery.kind != Kind::Smtp || fate.status != "sent" {
        return None;
    }
    let address = fate.relay.split(['[', ']']).nth(1).unwrap_or_default();
    let led_to = servers(delivery, names);
    (!led_to.iter().any(|server| server == address)).then(|| {
        format!(
            "{} took it, the model's {:?} leads to {led_to:?}",
            fate.relay, delivery.nexthop
        )
    })
}

/// An enhanced code that the model's reason does not begin with.
fn another_code(fate: &Fate, said: &Explanation) -> Option<String> {
    let delivery = said
        .deliveries
        .iter()
        .find(|delivery| delivery.address == fate.to)?;
    let reason = delivery.reason.as_deref()?;
    let is_told = matches!(delivery.kind, Kind::Bounce | Kind::Defer);
    (is_told && reason.split(' ').next() != Some(&fate.dsn))
        .then(|| format!("{} {:?}, the model {reason:?}", fate.dsn, fate.said))
}

fn is_literal(delivery: &Delivery) -> bool {
    let nexthop = delivery.nexthop.as_deref().unwrap_or_default();
    nexthop == "[127.0.0.9]" || nexthop == "[IPv6:2001:db8::9]"
}

fn servers(delivery: &Delivery, names: &Names) -> Vec<String> {
    let nexthop = delivery.nexthop.as_deref().unwrap_or_default();
    names.servers(nexthop).iter().map(ToString::to_string).collect()
}

fn outcome_of(delivery: &Delivery) -> Outcome {
    match delivery.kind {
        Kind::Mailbox | Kind::Smtp | Kind::Discard => Outcome::Delivered,
        Kind::Defer => Outcome::Deferred,
        Kind::Bounce => Outcome::Bounced,
    }
}
