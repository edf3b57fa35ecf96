//! What a change does to mail, in sentences: what happens to many addresses alike is said once.

use std::collections::{BTreeMap, BTreeSet};

use super::effect::{Course, Difference, Turn, has_name_of, is_bad, is_own_mailbox};
use super::touched::ANY_NAME;
use super::{Delivery, Kind, Route};
use crate::mail::{domain_of, number};

/// Addresses named in one sentence.
const NAMED: usize = 5;

/// Stands for the mailbox of each address in a sentence about several.
const OWN_MAILBOX: &str = "\0";

/// The turns in sentences, the worst first, of each class by itself; those without a class are not told of.
#[must_use]
pub fn told<Class: Ord + Copy>(
    turns: &[Turn],
    class: impl Fn(&Turn) -> Option<Class>,
) -> Vec<(Class, String)> {
    let mut groups: BTreeMap<(Course, Class, String), BTreeSet<&str>> = BTreeMap::new();
    for turn in turns {
        if let (Some(course), Some(class)) = (turn.course(), class(turn)) {
            groups
                .entry((course, class, predicate(turn, course)))
                .or_default()
                .insert(&turn.address);
        }
    }
    groups
        .into_iter()
        .map(|((course, class, predicate), addresses)| (class, sentence(course, &predicate, &addresses)))
        .collect()
}

/// What happens to the mail of one address, in words that are the same for all to whom the same happens.
fn predicate(turn: &Turn, course: Course) -> String {
    let Turn {
        address,
        before,
        after,
        ..
    } = turn;
    let difference = turn.difference();
    match course {
        Course::Bounced => format!("will be accepted and then bounced{}", because(after)),
        Course::Rejected => format!("will be refused{}", because(after)),
        Course::Deferred => format!("will be put off{}", because(after)),
        Course::Discarded => "will be accepted and thrown away".to_owned(),
        Course::Still if after.is_accepted() => format!("will be put off{}", because(after)),
        Course::Still => format!("will be refused at once{}", because(after)),
        Course::Partly => partly(before, after, &difference),
        Course::Leaves => {
            let domains: BTreeSet<String> = difference
                .gained
                .iter()
                .map(|end| domain_of(&end.address))
                .collect();
            let domains: Vec<String> = domains.iter().map(|domain| format!("`{domain}`")).collect();
            format!(
                "will leave this server for the mail servers of {}",
                list(&domains)
            )
        }
        Course::Taken => named(&difference.gained, address),
        Course::Moved => moved(address, &difference),
        Course::Arrives if !before.arrives() => {
            let bounces = bad_ends(after);
            if bounces.is_empty() {
                "will arrive".to_owned()
            } else {
                format!("will arrive, but not at {}", list(&bounces))
            }
        }
        Course::Arrives => format!(
            "will no longer fail at {}",
            list(&quoted(difference.mended.iter().copied()))
        ),
    }
}

fn partly(before: &Route, after: &Route, difference: &Difference<'_>) -> String {
    let places = list(&quoted(difference.failing.iter().copied()));
    let waits = difference.failing.iter().all(|end| end.kind == Kind::Defer);
    let (verb, reason) = (if waits { "waits" } else { "bounces" }, because(after));
    let mut failing = difference.failing.iter();
    if failing.any(|end| before.reaches(&end.address)) {
        format!("will no longer reach {places}, where it {verb}{reason}")
    } else {
        format!("will also go to {places}, where it {verb}{reason}")
    }
}

fn moved(address: &str, difference: &Difference<'_>) -> String {
    let Difference { gained, lost, .. } = difference;
    match (gained.is_empty(), lost.is_empty()) {
        (_, true) => format!("will also go to {}", named(gained, address)),
        (true, false) => format!("will no longer go to {}", named(lost, address)),
        (false, false) => {
            let addresses = |ends: &[&Delivery]| ends.iter().map(|end| end.address.clone()).collect();
            let (to, from): (BTreeSet<String>, BTreeSet<String>) = (addresses(gained), addresses(lost));
            let words = if to != from {
                named
            } else if gained.iter().chain(lost).all(|end| end.kind == Kind::Mailbox) {
                directories
            } else {
                ways
            };
            format!(
                "will go to {} instead of {}",
                words(gained, address),
                words(lost, address)
            )
        }
    }
}

/// Where mail ends, as seen from its address.
fn named(ends: &[&Delivery], address: &str) -> String {
    all(ends, |end| {
        if end.address.eq_ignore_ascii_case(address) {
            way(end, address)
        } else if has_name_of(end, address) {
            format!("the same name at `{}`", domain_of(&end.address))
        } else {
            format!("`{}`", end.address)
        }
    })
}

/// How it gets there, where the addresses stay the same.
fn ways(ends: &[&Delivery], address: &str) -> String {
    all(ends, |end| way(end, address))
}

fn way(end: &Delivery, address: &str) -> String {
    match &end.nexthop {
        _ if is_own_mailbox(end, address) => OWN_MAILBOX.to_owned(),
        Some(nexthop) => format!("the server `{nexthop}`"),
        None => format!("the mailbox `{}`", end.address),
    }
}

/// Where mailboxes lie, where only that changes.
fn directories(ends: &[&Delivery], _: &str) -> String {
    all(ends, |end| {
        format!("the directory `{}`", end.maildir.as_deref().unwrap_or_default())
    })
}

fn all(ends: &[&Delivery], word: impl Fn(&Delivery) -> String) -> String {
    let words: BTreeSet<String> = ends.iter().map(|end| word(end)).collect();
    list(&words.into_iter().collect::<Vec<_>>())
}

fn quoted<'e>(ends: impl Iterator<Item = &'e Delivery>) -> Vec<String> {
    ends.map(|end| format!("`{}`", end.address)).collect()
}

fn bad_ends(route: &Route) -> Vec<String> {
    quoted(route.ends.iter().filter(|end| is_bad(end)))
}

/// A sentence about all these addresses.
fn sentence(course: Course, predicate: &str, addresses: &BTreeSet<&str>) -> String {
    let own = if addresses.len() == 1 {
        "its own mailbox"
    } else {
        "their own mailboxes"
    };
    let predicate = predicate.replace(OWN_MAILBOX, own);
    let names: Vec<String> = addresses.iter().map(|address| name(address)).collect();
    if course == Course::Taken {
        let mailboxes = if names.len() == 1 { "mailbox" } else { "mailboxes" };
        return format!(
            "{predicate} will take the mail of {} {mailboxes}: {}.",
            number(names.len() as u64),
            list(&names)
        );
    }
    if names.len() <= NAMED {
        return format!("Mail for {} {predicate}.", list(&names));
    }
    let (others, named): (Vec<String>, Vec<String>) = names
        .into_iter()
        .partition(|name| name.starts_with("every other"));
    let count = format!("{} addresses", number(named.len() as u64));
    let whose = match &others[..] {
        [] => count,
        others => format!("{} and for {count}", list(others)),
    };
    format!("Mail for {whose} {predicate}: {}.", list(&named))
}

/// The reason in Postfix's words, without the address it names, which the same reason for others does not have.
fn because(route: &Route) -> String {
    let is_refused = !route.is_accepted();
    let reason = if is_refused {
        Some(route.rcpt.text.as_str())
    } else {
        let mut bad = route.ends.iter().filter(|end| is_bad(end));
        bad.find_map(|end| end.reason.as_deref())
    };
    let code = if is_refused {
        format!("{} ", route.rcpt.code)
    } else {
        String::new()
    };
    let plain: Vec<&str> = reason
        .unwrap_or_default()
        .split(' ')
        .filter(|word| !(word.starts_with('<') && word.trim_end_matches(':').ends_with('>')))
        .filter(|word| !(word.starts_with('"') && word.ends_with('"') && word.contains('@')))
        .collect();
    let plain = plain.join(" ");
    match plain.trim_end_matches([':', ' ']) {
        "" => String::new(),
        plain => format!(" (`{code}{plain}`)"),
    }
}

fn name(address: &str) -> String {
    match address.split_once('@') {
        Some((ANY_NAME, domain)) => format!("every other name at `{domain}`"),
        _ => format!("`{address}`"),
    }
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
        (shown, more) => format!("{} and {} more", shown.join(", "), number(more as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Harm, Outcome, Part, Reply};
    use super::*;

    fn mailbox(address: &str) -> Delivery {
        Delivery {
            address: address.to_owned(),
            kind: Kind::Mailbox,
            nexthop: None,
            maildir: Some(format!("{address}/")),
            reason: None,
        }
    }

    fn server(address: &str, host: &str) -> Delivery {
        Delivery {
            kind: Kind::Smtp,
            maildir: None,
            nexthop: Some(host.to_owned()),
            ..mailbox(address)
        }
    }

    fn dead(address: &str) -> Delivery {
        Delivery {
            kind: Kind::Bounce,
            maildir: None,
            reason: Some(format!("5.1.1 unknown user: \"{address}\"")),
            ..mailbox(address)
        }
    }

    /// A route to these ends; without any it is refused.
    fn to(ends: &[Delivery]) -> Route {
        let (code, text) = if ends.is_empty() {
            let text = "5.1.1 <x@a.test>: Recipient address rejected: User unknown in virtual mailbox table";
            (550, text)
        } else {
            (250, "2.1.5 Ok")
        };
        let outcome = match ends {
            [] => Outcome::Rejected,
            ends if ends.iter().any(is_bad) => Outcome::Bounced,
            _ => Outcome::Delivered,
        };
        let mut ends = ends.to_vec();
        ends.sort_by(|one, two| one.address.cmp(&two.address));
        Route {
            outcome,
            rcpt: Reply {
                code,
                text: text.to_owned(),
            },
            ends,
        }
    }

    fn turn(address: &str, before: &[Delivery], after: &[Delivery]) -> Turn {
        Turn {
            address: address.to_owned(),
            part: Part::Leading,
            before: to(before),
            after: to(after),
        }
    }

    fn sentences(turns: &[Turn]) -> Vec<String> {
        let told = told(turns, |_| Some(()));
        told.into_iter().map(|((), sentence)| sentence).collect()
    }

    fn only(turns: &[Turn]) -> String {
        let mut lines = sentences(turns);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    #[test]
    fn aliases_that_lead_to_a_mailbox_that_goes_are_told_of_together() {
        let goes = |name: &str| {
            turn(
                &format!("{name}@a.test"),
                &[mailbox("joe@a.test")],
                &[dead("joe@a.test")],
            )
        };
        let turns = [goes("info"), goes("sales"), goes("all"), goes("support")];
        assert_eq!(
            only(&turns),
            "Mail for `all@a.test`, `info@a.test`, `sales@a.test` and `support@a.test` will be accepted and then bounced \
             (`5.1.1 unknown user`)."
        );
        assert_eq!(turns[0].harm(), Harm::Lost);
    }

    #[test]
    fn a_list_that_loses_one_member_is_not_told_of_as_dead() {
        let ann = mailbox("ann@a.test");
        let turn = turn(
            "all@a.test",
            &[ann.clone(), mailbox("joe@a.test")],
            &[ann, dead("joe@a.test")],
        );
        assert_eq!(turn.harm(), Harm::Lost);
        assert_eq!(
            only(&[turn]),
            "Mail for `all@a.test` will no longer reach `joe@a.test`, where it bounces (`5.1.1 unknown user`)."
        );
    }

    #[test]
    fn what_failed_before_is_not_told_of() {
        let was_dead = turn("x@a.test", &[dead("joe@a.test")], &[dead("joe@b.test")]);
        let was_refused = turn("y@a.test", &[], &[]);
        assert_eq!(sentences(&[was_dead.clone(), was_refused]), [""; 0]);
        assert_eq!(was_dead.harm(), Harm::None);
        // A list with a dead member gets another one that is alive.
        let dead_one = dead("nobody@a.test");
        let gains = turn(
            "all@a.test",
            &[mailbox("ann@a.test"), dead_one.clone()],
            &[mailbox("ann@a.test"), dead_one, mailbox("joe@a.test")],
        );
        assert_eq!(gains.harm(), Harm::None);
        assert_eq!(
            only(&[gains]),
            "Mail for `all@a.test` will also go to `joe@a.test`."
        );
    }

    #[test]
    fn of_a_list_only_what_changes_is_told() {
        let members = |names: &[&str]| -> Vec<Delivery> {
            names
                .iter()
                .map(|name| mailbox(&format!("{name}@a.test")))
                .collect()
        };
        let (before, after) = (members(&["ann", "bob", "joe"]), members(&["ann", "bob"]));
        assert_eq!(
            only(&[turn("all@a.test", &before, &after)]),
            "Mail for `all@a.test` will no longer go to `joe@a.test`."
        );
        let elsewhere = [
            server("ann@a.test", "[one.test]"),
            mailbox("bob@a.test"),
            mailbox("joe@a.test"),
        ];
        assert_eq!(
            only(&[turn("all@a.test", &before, &elsewhere)]),
            "Mail for `all@a.test` will go to the server `[one.test]` instead of the mailbox `ann@a.test`."
        );
    }

    #[test]
    fn a_catch_all_that_takes_the_mail_of_mailboxes_says_so() {
        let taken = |name: &str| {
            let address = format!("{name}@a.test");
            turn(&address, &[mailbox(&address)], &[mailbox("mary@b.test")])
        };
        let turns = [taken("joe"), taken("karl"), taken("liz")];
        assert_eq!(
            only(&turns),
            "`mary@b.test` will take the mail of 3 mailboxes: `joe@a.test`, `karl@a.test` and `liz@a.test`."
        );
        assert_eq!(turns[0].harm(), Harm::Moved);
    }

    #[test]
    fn of_many_addresses_the_first_few_are_named_and_all_counted() {
        let turns: Vec<Turn> = (0..1_040)
            .map(|n| {
                let address = format!("n{n:04}@a.test");
                turn(&address, &[dead(&address)], &[mailbox(&address)])
            })
            .collect();
        assert_eq!(
            only(&turns),
            "Mail for 1,040 addresses will arrive: `n0000@a.test`, `n0001@a.test`, `n0002@a.test`, `n0003@a.test`, \
             `n0004@a.test` and 1,035 more."
        );
        assert_eq!(turns[0].harm(), Harm::None);
    }

    #[test]
    fn what_happens_alike_to_mailboxes_is_one_sentence_whatever_their_names() {
        let moves = |after: &dyn Fn(&str) -> Delivery| {
            let turns: Vec<Turn> = ["a", "b", "c", "d", "e", "f"]
                .iter()
                .map(|name| {
                    turn(
                        &format!("{name}@a.test"),
                        &[mailbox(&format!("{name}@a.test"))],
                        &[after(name)],
                    )
                })
                .collect();
            only(&turns)
        };
        let names = "`a@a.test`, `b@a.test`, `c@a.test`, `d@a.test`, `e@a.test` and one more.";
        assert_eq!(
            moves(&|name| server(&format!("{name}@a.test"), "[mx.test]")),
            format!(
                "Mail for 6 addresses will go to the server `[mx.test]` instead of their own mailboxes: {names}"
            )
        );
        assert_eq!(
            moves(&|name| mailbox(&format!("{name}@b.test"))),
            format!(
                "Mail for 6 addresses will go to the same name at `b.test` instead of their own mailboxes: {names}"
            )
        );
        assert_eq!(
            moves(&|name| server(&format!("{name}@a.test"), "a.test")),
            format!("Mail for 6 addresses will leave this server for the mail servers of `a.test`: {names}")
        );
    }

    #[test]
    fn every_other_name_of_a_domain_is_one() {
        let goes = |name: &str| turn(&format!("{name}@a.test"), &[mailbox("mary@a.test")], &[]);
        let reason = "(`550 5.1.1 Recipient address rejected: User unknown in virtual mailbox table`)";
        assert_eq!(
            only(&[goes(ANY_NAME)]),
            format!("Mail for every other name at `a.test` will be refused {reason}.")
        );
        let many: Vec<Turn> = [ANY_NAME, "a", "b", "c", "d", "e"]
            .into_iter()
            .map(goes)
            .collect();
        assert_eq!(
            only(&many),
            format!(
                "Mail for every other name at `a.test` and for 5 addresses will be refused {reason}: `a@a.test`, `b@a.test`, \
                 `c@a.test`, `d@a.test` and `e@a.test`."
            )
        );
    }

    #[test]
    fn mail_that_nobody_gets_any_more_is_lost_also_where_nobody_is_told() {
        let thrown = Delivery {
            kind: Kind::Discard,
            ..mailbox("joe@a.test")
        };
        let mut turn = turn("joe@a.test", &[mailbox("joe@a.test")], &[thrown]);
        turn.after.outcome = Outcome::Delivered;
        assert_eq!(turn.harm(), Harm::Lost);
        assert_eq!(
            only(&[turn]),
            "Mail for `joe@a.test` will be accepted and thrown away."
        );
    }

    #[test]
    fn another_server_or_directory_for_the_same_address_is_another_way() {
        let joe = |end: Delivery, other: Delivery| only(&[turn("joe@a.test", &[end], &[other])]);
        assert_eq!(
            joe(
                server("joe@a.test", "[one.test]"),
                server("joe@a.test", "[two.test]")
            ),
            "Mail for `joe@a.test` will go to the server `[two.test]` instead of the server `[one.test]`."
        );
        let elsewhere = Delivery {
            maildir: Some("other/".to_owned()),
            ..mailbox("joe@a.test")
        };
        assert_eq!(
            joe(mailbox("joe@a.test"), elsewhere),
            "Mail for `joe@a.test` will go to the directory `other/` instead of the directory `joe@a.test/`."
        );
    }

    #[test]
    fn classes_are_told_of_apart_and_some_not_at_all() {
        let turns = [
            turn("a@a.test", &[mailbox("a@a.test")], &[]),
            turn("b@a.test", &[mailbox("b@a.test")], &[]),
            turn("c@a.test", &[mailbox("c@a.test")], &[]),
        ];
        let told = told(&turns, |turn| match turn.address.as_str() {
            "a@a.test" => Some(2),
            "b@a.test" => Some(1),
            _ => None,
        });
        let classes: Vec<i32> = told.iter().map(|(class, _)| *class).collect();
        assert_eq!(classes, [1, 2]);
    }
}
