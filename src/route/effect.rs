//! What a change to the tables does to mail: where addresses lead before and after, in sentences.

use std::collections::{BTreeMap, BTreeSet};

use super::touched::ANY_NAME;
use super::{Asked, Delivery, Explanation, Kind, Lookups, Outcome, Part, Reply, Site, follow};

/// Where mail for an address leads: what of an explanation matters to its sender and its readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What becomes of it.
    pub outcome: Outcome,
    /// What its sender's server is told.
    pub rcpt: Reply,
    /// Where it ends.
    pub ends: Vec<Delivery>,
}

impl From<Explanation> for Route {
    fn from(explanation: Explanation) -> Self {
        let mut ends = explanation.deliveries;
        ends.sort_by(|one, two| one.address.cmp(&two.address));
        Self {
            outcome: explanation.outcome,
            rcpt: explanation.rcpt,
            ends,
        }
    }
}

impl Route {
    /// The route of an address by these tables.
    #[must_use]
    pub fn of(tables: &dyn Lookups, address: &str) -> Self {
        let asked = Asked {
            address: address.to_owned(),
            ..Asked::default()
        };
        follow(tables, &Site::default(), &asked).into()
    }

    /// Whether mail for an address ends in its own mailbox and nowhere else.
    fn is_own_mailbox(&self, address: &str) -> bool {
        matches!(&self.ends[..], [end] if end.kind == Kind::Mailbox && end.address.eq_ignore_ascii_case(address))
    }

    /// The addresses where it ends.
    fn places(&self) -> Vec<&str> {
        self.ends.iter().map(|end| end.address.as_str()).collect()
    }

    /// Why it does not arrive.
    fn reason(&self) -> &str {
        if self.outcome == Outcome::Rejected || !(200..300).contains(&self.rcpt.code) {
            return &self.rcpt.text;
        }
        self.ends
            .iter()
            .filter(|end| matches!(end.kind, Kind::Bounce | Kind::Defer))
            .find_map(|end| end.reason.as_deref())
            .unwrap_or_default()
    }
}

/// An address whose mail takes another route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The address.
    pub address: String,
    /// What it has to do with the change.
    pub part: Part,
    /// Its route as it is.
    pub before: Route,
    /// Its route as it will be.
    pub after: Route,
}

/// How a route turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Course {
    Bounced,
    Rejected,
    Deferred,
    Moved,
    Arrives,
}

impl Turn {
    fn course(&self) -> Course {
        match (self.before.outcome, self.after.outcome) {
            (_, Outcome::Bounced) => Course::Bounced,
            (_, Outcome::Rejected) => Course::Rejected,
            (_, Outcome::Deferred) => Course::Deferred,
            (Outcome::Delivered, Outcome::Delivered) => Course::Moved,
            (_, Outcome::Delivered) => Course::Arrives,
        }
    }
}

/// What a change does to mail that took another route before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It arrives.
    None,
    /// It arrives elsewhere.
    Moved,
    /// It does not arrive.
    Lost,
}

/// Something a change does to mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// To whom it happens.
    pub part: Part,
    /// Whether mail does not arrive any more, or arrives elsewhere.
    pub harms: Harm,
    /// How many addresses.
    pub count: usize,
    /// What happens, as a sentence.
    pub message: String,
    /// The first few addresses, to be linked; `@domain` for every other name of it.
    pub examples: Vec<String>,
}

/// Addresses named in one line.
const NAMED: usize = 5;

/// The turns in sentences: what harms others first, alike ones together.
#[must_use]
pub fn told(turns: &[Turn]) -> Vec<Line> {
    let mut groups: BTreeMap<(Part, Course, String), Vec<&Turn>> = BTreeMap::new();
    for turn in turns {
        let course = turn.course();
        let end = match course {
            // Texts of Postfix name the address; the code they begin with is the same for all.
            Course::Bounced | Course::Rejected | Course::Deferred => reason_without_address(&turn.after),
            Course::Moved => format!(
                "{} {:?}",
                turn.after.places().join(", "),
                (!turn.before.is_own_mailbox(&turn.address)).then(|| turn.before.places())
            ),
            Course::Arrives => String::new(),
        };
        groups.entry((turn.part, course, end)).or_default().push(turn);
    }
    groups
        .into_iter()
        .map(|((part, course, end), turns)| line(part, course, &end, &turns))
        .collect()
}

fn line(part: Part, course: Course, end: &str, turns: &[&Turn]) -> Line {
    let names: Vec<String> = turns.iter().map(|turn| name(&turn.address)).collect();
    let examples: Vec<String> = turns
        .iter()
        .take(NAMED)
        .map(|turn| match turn.address.split_once('@') {
            Some((ANY_NAME, domain)) => format!("@{domain}"),
            _ => turn.address.clone(),
        })
        .collect();
    let (whose, reason) = (whose(&names), because(end));
    let message = match course {
        Course::Bounced => format!("{whose} will be accepted and then bounced{reason}."),
        Course::Rejected => format!("{whose} will be refused{reason}."),
        Course::Deferred => format!("{whose} will be put off{reason}."),
        Course::Arrives => format!("{whose} will arrive."),
        Course::Moved => moved(&whose, turns),
    };
    Line {
        part,
        harms: match course {
            Course::Arrives => Harm::None,
            Course::Moved if turns.iter().all(|turn| turn.after.is_own_mailbox(&turn.address)) => Harm::None,
            Course::Moved => Harm::Moved,
            Course::Bounced | Course::Rejected | Course::Deferred => Harm::Lost,
        },
        count: turns.len(),
        message,
        examples,
    }
}

/// Mail that takes another way: to whom in place of whom, of mailboxes by their number.
fn moved(whose: &str, turns: &[&Turn]) -> String {
    let Some(first) = turns.first() else {
        return String::new();
    };
    let quoted = |places: &[&str]| {
        list(
            &places
                .iter()
                .map(|place| format!("`{place}`"))
                .collect::<Vec<_>>(),
        )
    };
    let (to, from) = (first.after.places(), first.before.places());
    if to == from {
        return format!(
            "{whose} will go {} instead of {}.",
            ways(&first.after),
            ways(&first.before)
        );
    }
    if turns.iter().all(|turn| turn.before.is_own_mailbox(&turn.address)) {
        let mailboxes = if turns.len() == 1 { "mailbox" } else { "mailboxes" };
        let names: Vec<String> = turns.iter().map(|turn| name(&turn.address)).collect();
        return format!(
            "{} will take the mail of {} {mailboxes}: {}.",
            quoted(&to),
            turns.len(),
            list(&names)
        );
    }
    format!("{whose} will go to {} instead of {}.", quoted(&to), quoted(&from))
}

/// How mail is delivered, where only that changes.
fn ways(route: &Route) -> String {
    let ways: BTreeSet<String> = route
        .ends
        .iter()
        .map(|end| match (end.kind, &end.nexthop, &end.maildir) {
            (Kind::Mailbox, _, Some(maildir)) => format!("into the mailbox `{maildir}`"),
            (Kind::Smtp, Some(nexthop), _) => format!("to the server `{nexthop}`"),
            (Kind::Discard, ..) => "nowhere, thrown away".to_owned(),
            _ => format!("to `{}`", end.address),
        })
        .collect();
    list(&ways.into_iter().collect::<Vec<_>>())
}

/// The reason in Postfix's words, without the address it names.
fn reason_without_address(route: &Route) -> String {
    let reason = route.reason();
    let code = if route.outcome == Outcome::Rejected || !(200..300).contains(&route.rcpt.code) {
        format!("{} ", route.rcpt.code)
    } else {
        String::new()
    };
    let plain: Vec<&str> = reason
        .split(' ')
        .filter(|word| !(word.starts_with('<') && word.trim_end_matches(':').ends_with('>')))
        .filter(|word| !(word.starts_with('"') && word.ends_with('"') && word.contains('@')))
        .collect();
    format!("{code}{}", plain.join(" ").trim_end_matches([':', ' ']))
}

fn because(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" (`{reason}`)")
    }
}

fn name(address: &str) -> String {
    match address.split_once('@') {
        Some((ANY_NAME, domain)) => format!("every other name at `{domain}`"),
        _ => format!("`{address}`"),
    }
}

fn whose(names: &[String]) -> String {
    format!("Mail for {}", list(names))
}

/// Names in a sentence, the first few of many.
fn list(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown = &names[..names.len() - more];
    match (shown, more) {
        ([], _) => String::new(),
        ([one], 0) => one.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (shown, 1) => format!("{} and one more", shown.join(", ")),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(address: &str) -> Delivery {
        Delivery {
            address: address.to_owned(),
            kind: Kind::Mailbox,
            nexthop: None,
            maildir: Some(format!("{address}/")),
            reason: None,
        }
    }

    fn route(outcome: Outcome, ends: Vec<Delivery>) -> Route {
        let rcpt = match outcome {
            Outcome::Rejected => Reply {
                code: 550,
                text: "5.1.1 <x@a.test>: Recipient address rejected: User unknown in virtual mailbox table"
                    .to_owned(),
            },
            _ => Reply {
                code: 250,
                text: "2.1.5 Ok".to_owned(),
            },
        };
        Route { outcome, rcpt, ends }
    }

    fn bounced(address: &str) -> Route {
        let end = Delivery {
            kind: Kind::Bounce,
            maildir: None,
            reason: Some(format!("5.1.1 unknown user: \"{address}\"")),
            ..delivered(address)
        };
        route(Outcome::Bounced, vec![end])
    }

    fn turn(address: &str, part: Part, before: Route, after: Route) -> Turn {
        Turn {
            address: address.to_owned(),
            part,
            before,
            after,
        }
    }

    fn only(turns: &[Turn]) -> Line {
        let mut lines = told(turns);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    #[test]
    fn aliases_that_lead_to_a_mailbox_that_goes_are_told_of_together() {
        let goes = |name: &str| {
            turn(
                &format!("{name}@a.test"),
                Part::Leading,
                route(Outcome::Delivered, vec![delivered("joe@a.test")]),
                bounced("joe@a.test"),
            )
        };
        let line = only(&[goes("info"), goes("sales"), goes("all"), goes("support")]);
        assert_eq!(
            line.message,
            "Mail for `info@a.test`, `sales@a.test`, `all@a.test` and `support@a.test` will be accepted and then bounced \
             (`5.1.1 unknown user`)."
        );
        assert!(line.harms == Harm::Lost && line.part == Part::Leading && line.count == 4);
    }

    #[test]
    fn a_catch_all_that_takes_the_mail_of_mailboxes_says_so() {
        let taken = |name: &str| {
            let address = format!("{name}@a.test");
            turn(
                &address,
                Part::Leading,
                route(Outcome::Delivered, vec![delivered(&address)]),
                route(Outcome::Delivered, vec![delivered("mary@b.test")]),
            )
        };
        let line = only(&[taken("joe"), taken("karl"), taken("liz")]);
        assert_eq!(
            line.message,
            "`mary@b.test` will take the mail of 3 mailboxes: `joe@a.test`, `karl@a.test` and `liz@a.test`."
        );
        assert!(line.harms == Harm::Moved && line.part == Part::Leading);
    }

    #[test]
    fn what_the_change_is_about_is_told_apart() {
        let line = only(&[turn(
            "joe@a.test",
            Part::Own,
            route(Outcome::Delivered, vec![delivered("joe@a.test")]),
            route(Outcome::Rejected, Vec::new()),
        )]);
        assert_eq!(
            line.message,
            "Mail for `joe@a.test` will be refused \
             (`550 5.1.1 Recipient address rejected: User unknown in virtual mailbox table`)."
        );
        assert!(line.harms == Harm::Lost && line.part == Part::Own);
    }

    #[test]
    fn of_many_addresses_the_first_few_are_named() {
        let turns: Vec<Turn> = (0..40)
            .map(|n| {
                let address = format!("n{n:02}@a.test");
                turn(
                    &address,
                    Part::Leading,
                    bounced(&address),
                    route(Outcome::Delivered, vec![delivered(&address)]),
                )
            })
            .collect();
        let line = only(&turns);
        assert_eq!(
            line.message,
            "Mail for `n00@a.test`, `n01@a.test`, `n02@a.test`, `n03@a.test`, `n04@a.test` and 35 more will arrive."
        );
        assert!(line.harms == Harm::None && line.examples.len() == 5 && line.count == 40);
    }

    #[test]
    fn every_other_name_of_a_domain_is_one_line() {
        let line = only(&[turn(
            "any-other-name@a.test",
            Part::Own,
            route(Outcome::Delivered, vec![delivered("mary@a.test")]),
            route(Outcome::Rejected, Vec::new()),
        )]);
        assert!(
            line.message
                .starts_with("Mail for every other name at `a.test` will be refused"),
            "{line:?}"
        );
        assert_eq!(line.examples, ["@a.test"]);
    }

    #[test]
    fn another_server_for_the_same_address_is_another_way() {
        let at = |host: &str| {
            let end = Delivery {
                kind: Kind::Smtp,
                maildir: None,
                nexthop: Some(host.to_owned()),
                ..delivered("joe@a.test")
            };
            route(Outcome::Delivered, vec![end])
        };
        let line = only(&[turn(
            "joe@a.test",
            Part::Leading,
            at("[one.test]"),
            at("[two.test]"),
        )]);
        assert_eq!(
            line.message,
            "Mail for `joe@a.test` will go to the server `[two.test]` instead of to the server `[one.test]`."
        );
    }
}
