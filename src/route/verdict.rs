//! What an explanation comes to, in words for people: the same on the page and in a terminal.

use std::collections::HashSet;

use super::fault::fault;
use super::{Delivery, Explanation, Kind, Outcome, Step};
use crate::mail::{EXPANSION_LIMIT, number};

/// What becomes of the mail, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `ok`, `warn` or `error`, as of a notice.
    pub state: &'static str,
    /// What becomes of it, in one line.
    pub headline: String,
    /// Why, a sentence each.
    pub lines: Vec<String>,
    /// What the sender's server is told, each with what is said before it.
    pub replies: Vec<(&'static str, String)>,
    /// Why it is refused.
    pub cause: Option<Cause>,
    /// The lookup that decided it: place in [`Explanation::steps`].
    pub step: Option<usize>,
}

/// What the row of the lookup that decided has to do with it: its name goes on after that.
#[must_use]
pub fn because(step: &Step) -> String {
    let key = &step.key;
    match step.map {
        "block_recip" => format!("A rule about mail to `{key}` decides:"),
        "client_access" => format!("A rule about the client `{key}` decides:"),
        "sender_access" => format!("A rule about the sender `{key}` decides:"),
        "moved" | "relocated" => format!("What is known of `{key}`:"),
        _ => step.note.clone(),
    }
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An access rule says so.
    Rule,
    /// Whoever had it has moved.
    Moved,
    /// Nobody in a hosted domain has it.
    Unknown,
    /// The domain is relayed, and nobody says that the address exists.
    Unlisted,
    /// The domain is neither hosted nor relayed.
    Foreign,
    /// The name holds a second host.
    Routed,
    /// It has no domain with a dot.
    Unqualified,
    /// It is no address.
    Malformed,
    /// The transport answers with an error.
    Transport,
    /// Anything else: the reply says it.
    Other,
}

/// What is said before the reply to a recipient that is accepted.
const TOLD: &str = "The sender's server is told";

impl Verdict {
    /// What an explanation comes to.
    #[must_use]
    pub fn of(explained: &Explanation) -> Self {
        if explained.rcpt.code >= 400 {
            return Self::refused(explained);
        }
        if let Some(reply) = after_the_message(explained) {
            return Self::refused_whole(explained, reply);
        }
        let (state, headline, mut lines) = match explained.outcome {
            Outcome::Delivered => ("ok", delivered(&explained.deliveries), Vec::new()),
            Outcome::Deferred => (
                "warn",
                of_all(
                    explained,
                    Kind::Defer,
                    ["Waits in the queue", "waits in the queue", "wait in the queue"],
                ),
                reasons(explained, Kind::Defer),
            ),
            Outcome::Bounced | Outcome::Rejected => (
                "error",
                of_all(
                    explained,
                    Kind::Bounce,
                    ["Accepted, then bounced", "is bounced", "are bounced"],
                ),
                reasons(explained, Kind::Bounce),
            ),
        };
        if explained.outcome == Outcome::Bounced {
            lines.push(
                "It is accepted first, so the bounce goes to whoever is named as the sender, also of mail they never \
                 wrote: backscatter."
                    .to_owned(),
            );
        }
        Self {
            state,
            headline,
            lines,
            replies: vec![(TOLD, reply(explained))],
            cause: None,
            step: explained.steps.iter().rposition(holds),
        }
    }

    /// Refused at `RCPT TO`.
    fn refused(explained: &Explanation) -> Self {
        let (cause, step) = cause(explained);
        let (why, line) = cause.words();
        let is_final = explained.rcpt.code >= 500;
        let refused = if is_final { "Refused" } else { "Refused for now" };
        let lines = match cause {
            Cause::Malformed => vec![fault(&explained.address)],
            _ => line.iter().map(|line| (*line).to_owned()).collect(),
        };
        Self {
            state: if is_final { "error" } else { "warn" },
            headline: match why {
                Some(why) => format!("{refused}: {why}"),
                None => format!("{refused}: {}", codes(explained)),
            },
            lines,
            replies: vec![(
                if is_final {
                    "The sender's server is told at once, and tells the sender:"
                } else {
                    "The sender's server keeps the mail and tries again for some days. It is told"
                },
                reply(explained),
            )],
            cause: Some(cause),
            step,
        }
    }

    /// Refused at the end of DATA, for every recipient of the message.
    fn refused_whole(explained: &Explanation, said: &str) -> Self {
        let why = if said.starts_with("451 4.3.0") {
            "an alias has no address in it".to_owned()
        } else if !circle(explained).is_empty() {
            "the aliases go round in a circle".to_owned()
        } else if explained.steps.iter().any(leads_too_far) {
            "an alias leads to an address that is too long".to_owned()
        } else {
            format!(
                "the list expands to more than {} addresses",
                number(EXPANSION_LIMIT as u64)
            )
        };
        Self {
            state: "warn",
            headline: format!("Refused for now, for the whole message: {why}"),
            lines: vec![
                "Nobody gets the message, not even its other recipients. It waits at the sender's server, which tries again \
                 for some days and then returns it."
                    .to_owned(),
            ],
            replies: vec![
                ("To `RCPT TO` the sender's server is told", reply(explained)),
                ("After the message, at the end of `DATA`, it is told", said.to_owned()),
            ],
            cause: None,
            step: None,
        }
    }
}

impl Cause {
    /// The rest of the headline, and a sentence.
    fn words(self) -> (Option<&'static str>, Option<&'static str>) {
        let (why, line) = match self {
            Self::Rule => ("an access rule says so", ""),
            Self::Moved => ("whoever had the address has moved", ""),
            Self::Unknown => (
                "nobody has this address",
                "The domain is hosted here, but no mailbox, alias or catch-all takes mail for the address.",
            ),
            Self::Unlisted => (
                "not among the relay recipients",
                "This server is backup MX for the domain, but no relay recipient says that the primary server knows the \
                 address.",
            ),
            Self::Foreign => (
                "the domain is not one of this server's",
                "It is neither hosted here nor is this server its backup MX, so only those inside may send there.",
            ),
            Self::Routed => (
                "the address names a second host",
                "Another server may read the part before the `@` as an address, and nobody outside may relay that way.",
            ),
            Self::Unqualified => (
                "the domain is not complete",
                "It has no dot, so it may mean any host.",
            ),
            Self::Malformed => ("this is not an address", ""),
            Self::Transport => ("the transport says so", ""),
            Self::Other => ("", ""),
        };
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        (some(why), some(line))
    }
}

/// Why an address is refused, and the lookup that says so.
fn cause(explained: &Explanation) -> (Cause, Option<usize>) {
    let steps = &explained.steps;
    let last = steps.len().checked_sub(1);
    if let Some(step) = steps.last().filter(|step| refuses(step)) {
        let is_moved = step.map == "moved";
        return (if is_moved { Cause::Moved } else { Cause::Rule }, last);
    }
    // A row that is there and does not count says more than that there is none.
    let missed = |maps: &[&str], main: &str| {
        let idle = |step: &Step| maps.contains(&step.map) && step.row.is_some() && step.value.is_none();
        let first = || steps.iter().position(|step| step.map == main);
        steps.iter().position(idle).or_else(first)
    };
    let text = &explained.rcpt.text;
    if explained.rcpt.code == 501 {
        (Cause::Malformed, None)
    } else if text.ends_with("need fully-qualified address") {
        (Cause::Unqualified, None)
    } else if text.ends_with("Relay access denied") {
        let is_ours = |step: &Step| matches!(step.map, "domains" | "backups") && step.value.is_some();
        if steps.iter().any(is_ours) {
            (Cause::Routed, None)
        } else {
            (Cause::Foreign, missed(&["domains", "backups"], "domains"))
        }
    } else if text.ends_with("User unknown in virtual mailbox table") {
        (Cause::Unknown, missed(&["alias", "mailbox"], "mailbox"))
    } else if text.ends_with("User unknown in relay recipient table") {
        (Cause::Unlisted, missed(&["relays"], "relays"))
    } else {
        let answered = |map: &str| {
            steps
                .iter()
                .rposition(|step| step.map.starts_with(map) && step.value.is_some())
        };
        let moved = answered("relocated").map(|step| (Cause::Moved, Some(step)));
        let error = |step: &usize| {
            let value = steps[*step].value.as_deref().unwrap_or_default();
            value.starts_with("error") || value.starts_with("retry")
        };
        let transport = || {
            answered("transport")
                .filter(error)
                .map(|step| (Cause::Transport, Some(step)))
        };
        moved.or_else(transport).unwrap_or((Cause::Other, None))
    }
}

/// Whether a rule that was found is why nothing more was asked.
fn refuses(step: &Step) -> bool {
    action(step).is_some_and(|word| {
        word.starts_with(|c: char| c.is_ascii_digit())
            || word.eq_ignore_ascii_case("reject")
            || word.eq_ignore_ascii_case("defer")
    })
}

/// Whether a rule that was found decides what becomes of the message later.
fn holds(step: &Step) -> bool {
    action(step).is_some_and(|word| word.eq_ignore_ascii_case("hold") || word.eq_ignore_ascii_case("discard"))
}

/// The action a rule answered.
fn action(step: &Step) -> Option<&str> {
    let is_rule = matches!(
        step.map,
        "moved" | "block_recip" | "client_access" | "sender_access"
    );
    step.value.as_deref().filter(|_| is_rule)?.split(' ').next()
}

/// What the sender's server is told at the end of the message, where that is an error for all of it.
fn after_the_message(explained: &Explanation) -> Option<&str> {
    let [only] = explained.deliveries.as_slice() else {
        return None;
    };
    let reason = only.reason.as_deref().filter(|_| only.kind == Kind::Defer);
    reason.filter(|reason| reason.starts_with("451 "))
}

/// Whether an alias leads to an address that is longer than Postfix goes along with.
fn leads_too_far(step: &Step) -> bool {
    let value = step
        .value
        .as_deref()
        .filter(|_| step.map == "alias")
        .unwrap_or_default();
    super::address::read(value)
        .iter()
        .any(|address| address.len() > super::expand::LONGEST)
}

/// The ends of the tree where the aliases come back to an address they began with: places in
/// [`Explanation::branches`]. None where Postfix has not given up.
#[must_use]
pub fn circle(explained: &Explanation) -> HashSet<usize> {
    if after_the_message(explained).is_none() {
        return HashSet::new();
    }
    let names: Vec<String> = explained
        .branches
        .iter()
        .map(|b| b.address.to_lowercase())
        .collect();
    let edges = explained.branches.iter().zip(&names);
    let edges = edges.filter_map(|(branch, name)| Some((names[branch.parent?].as_str(), name.as_str())));
    let mut edges: Vec<(&str, &str)> = edges.collect();
    // An address among its own destinations is final.
    let own: HashSet<&str> = edges
        .iter()
        .filter(|(from, to)| from == to)
        .map(|(from, _)| *from)
        .collect();
    edges.retain(|(from, _)| !own.contains(from));
    // What leads nowhere and what nothing leads to is in no circle; nor is then what is left without them.
    loop {
        let before = edges.len();
        let from: HashSet<&str> = edges.iter().map(|(from, _)| *from).collect();
        edges.retain(|(_, to)| from.contains(to));
        let to: HashSet<&str> = edges.iter().map(|(_, to)| *to).collect();
        edges.retain(|(from, _)| to.contains(from));
        if edges.len() == before {
            break;
        }
    }
    let round: HashSet<&str> = edges.iter().map(|(from, _)| *from).collect();
    let parents: HashSet<usize> = explained
        .branches
        .iter()
        .filter_map(|branch| branch.parent)
        .collect();
    let ends = (0..names.len()).filter(|place| !parents.contains(place));
    ends.filter(|place| round.contains(names[*place].as_str()))
        .collect()
}

/// The reply to `RCPT TO`.
fn reply(explained: &Explanation) -> String {
    format!("{} {}", explained.rcpt.code, explained.rcpt.text)
}

/// The SMTP code and the enhanced one (RFC 3463) of a reply.
fn codes(explained: &Explanation) -> String {
    let enhanced = explained.rcpt.text.split(' ').next().unwrap_or_default();
    let is_code = enhanced.contains('.') && enhanced.chars().all(|c| c.is_ascii_digit() || c == '.');
    let enhanced = if is_code { enhanced } else { "" };
    format!("{} {enhanced}", explained.rcpt.code)
        .trim_end()
        .to_owned()
}

fn delivered(deliveries: &[Delivery]) -> String {
    match deliveries {
        [] => "Accepted".to_owned(),
        [only] => match only.kind {
            Kind::Smtp => "Handed to another server",
            Kind::Discard => "Accepted and thrown away",
            _ => "Delivered to a mailbox here",
        }
        .to_owned(),
        several => format!("Delivered to {} places", number(several.len() as u64)),
    }
}

/// What becomes of all the mail, or of one or some of several deliveries.
fn of_all(explained: &Explanation, kind: Kind, [all, one, some]: [&str; 3]) -> String {
    let many = explained.deliveries.len();
    let count = explained.deliveries.iter().filter(|d| d.kind == kind).count();
    match count {
        0 => all.to_owned(),
        _ if count == many => all.to_owned(),
        1 => format!("1 of {} deliveries {one}", number(many as u64)),
        _ => format!(
            "{} of {} deliveries {some}",
            number(count as u64),
            number(many as u64)
        ),
    }
}

/// Why mail is not delivered: the first few different reasons.
fn reasons(explained: &Explanation, kind: Kind) -> Vec<String> {
    const MOST: usize = 3;
    let of_kind = explained.deliveries.iter().filter(|d| d.kind == kind);
    let mut seen = HashSet::new();
    of_kind
        .filter_map(|delivery| delivery.reason.as_deref())
        .filter(|reason| seen.insert(*reason))
        .take(MOST)
        .map(|reason| match reason {
            "on hold" => "It is held until somebody releases it with `postsuper -H`.".to_owned(),
            other => other.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;
    use super::*;

    fn verdict(tables: &Tables, address: &str) -> Verdict {
        Verdict::of(&tables.explain(address))
    }

    fn refused(tables: &Tables, address: &str) -> (Cause, Option<Step>) {
        let explained = tables.explain(address);
        let verdict = Verdict::of(&explained);
        let step = verdict.step.map(|step| explained.steps[step].clone());
        (verdict.cause.expect("refused"), step)
    }

    #[test]
    fn every_refusal_has_its_cause_and_the_lookup_that_decided() {
        let rows = || {
            Tables::usual()
                .row("access_rules", &["recipient", "joe@d.test", "REJECT", "no"])
                .row("relocated", &["ann@d.test", "a new place"])
                .off("aliases", &["old@d.test", "mary@d.test"])
                .row("domains", &["closed.test", "error:no"])
        };
        for (address, cause, decided) in [
            ("joe@d.test", Cause::Rule, Some(("block_recip", Some("4")))),
            ("ann@d.test", Cause::Moved, Some(("moved", Some("5")))),
            ("old@d.test", Cause::Unknown, Some(("alias", Some("6")))),
            ("no@d.test", Cause::Unknown, Some(("mailbox", None))),
            ("no@friend.test", Cause::Unlisted, Some(("relays", None))),
            ("joe@far.test", Cause::Foreign, Some(("domains", None))),
            ("joe%far.test@d.test", Cause::Routed, None),
            ("joe@d..test", Cause::Malformed, None),
            ("a@closed.test", Cause::Transport, Some(("transport", Some("7")))),
        ] {
            let (found, step) = refused(&rows(), address);
            let step = step.as_ref().map(|step| (step.map, step.row.as_deref()));
            assert_eq!((found, step), (cause, decided), "{address}");
        }
        assert_eq!(
            refused(&Tables::usual().inside(), "joe@host").0,
            Cause::Unqualified
        );
    }

    #[test]
    fn the_text_of_a_rule_is_not_taken_for_another_reason() {
        let tables = Tables::usual().row(
            "access_rules",
            &["recipient", "mary@d.test", "REJECT", "Relay access denied"],
        );
        assert_eq!(refused(&tables, "mary@d.test").0, Cause::Rule);
    }

    #[test]
    fn a_rule_that_holds_the_message_is_what_decided() {
        let held = Tables::usual().row("access_rules", &["recipient", "mary@d.test", "HOLD", ""]);
        let verdict = verdict(&held, "mary@d.test");
        let explained = held.explain("mary@d.test");
        let because: Vec<String> = verdict
            .step
            .iter()
            .map(|step| because(&explained.steps[*step]))
            .collect();
        assert_eq!(because, ["A rule about mail to `mary@d.test` decides:"]);
        assert_eq!(verdict.headline, "Waits in the queue");
        assert!(verdict.lines[0].contains("`postsuper -H`"), "{verdict:?}");
    }

    #[test]
    fn whatever_fails_at_the_end_of_the_message_is_told_apart() {
        let failing = |rows: &[(&str, &str)]| {
            let rows = rows.iter();
            let tables = rows.fold(Tables::usual(), |tables, (from, to)| {
                tables.row("aliases", &[from, to])
            });
            let explained = tables.explain("a@d.test");
            let verdict = Verdict::of(&explained);
            let replies: Vec<&str> = verdict.replies.iter().map(|(_, reply)| &reply[..9]).collect();
            (
                verdict.headline.split_once(": ").expect("a reason").1.to_owned(),
                circle(&explained).len(),
                replies.join(" and "),
            )
        };
        let many: Vec<String> = (0..1001).map(|n| format!("m{n}@x.test")).collect();
        let data = |reply: &str| format!("250 2.1.5 and {reply}");
        assert_eq!(
            failing(&[("a@d.test", "b@d.test"), ("b@d.test", "x@x.test,a@d.test")]),
            ("the aliases go round in a circle".into(), 1, data("451 4.6.0"))
        );
        // The way into the circle is no part of it.
        assert_eq!(
            failing(&[
                ("a@d.test", "b@d.test,c@d.test"),
                ("b@d.test", "c@d.test"),
                ("c@d.test", "b@d.test")
            ])
            .1,
            2
        );
        assert_eq!(
            failing(&[("a@d.test", &many.join(","))]),
            (
                "the list expands to more than 1,000 addresses".into(),
                0,
                data("451 4.6.0")
            )
        );
        assert_eq!(
            failing(&[("a@d.test", &format!("{}@x.test", "x".repeat(1001)))]).0,
            "an alias leads to an address that is too long"
        );
        assert_eq!(
            failing(&[("a@d.test", "(nobody)")]),
            ("an alias has no address in it".into(), 0, data("451 4.3.0"))
        );
    }

    #[test]
    fn an_address_met_twice_and_one_among_its_own_destinations_close_no_circle() {
        let tables = Tables::usual()
            .row("aliases", &["a@d.test", "a@d.test,b@d.test,mary@d.test"])
            .row("aliases", &["b@d.test", "a@d.test,mary@d.test"]);
        assert!(circle(&tables.explain("a@d.test")).is_empty());
    }
}
