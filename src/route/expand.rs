//! What cleanup(8) makes of a recipient: the aliases followed to their ends, and the tree of them.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;

use super::Branch;
use super::address::{parts, read, rewritten, without_extension, written};
use super::maps::Map;
use super::trace::{Trace, joined};
use crate::mail::{EXPANSION_LIMIT, expand_spelled};

/// Branches that are drawn: somewhat more than Postfix would deliver to.
const MOST_BRANCHES: usize = 2 * EXPANSION_LIMIT;
/// The longest address an alias may lead to (postconf(5), `virtual_alias_address_length_limit`).
pub(super) const LONGEST: usize = 1000;

/// A loop, or more than Postfix goes along with.
const GIVES_UP: &str = "451 4.6.0 Alias expansion error";
/// An alias without any address.
const UNREADABLE: &str = "451 4.3.0 Error: queue file write error";

/// One address of an alias, and the key of its row.
type Target = (String, Rc<str>);

/// The end of an expansion.
pub(super) struct Recipients {
    /// The final recipients, each once, or what the sender's server is told at the end of the message.
    pub list: Result<Vec<String>, &'static str>,
    /// The tree of addresses.
    pub branches: Vec<Branch>,
}

impl Recipients {
    /// The address alone.
    pub fn unexpanded(trace: &Trace<'_>, typed: &str) -> Self {
        let start = rewritten(typed, trace.site, trace.configuration);
        Self {
            branches: vec![Branch::root(&start)],
            list: Ok(vec![start]),
        }
    }
}

/// The aliases as far as they were looked up.
struct Aliases<'t, 'a> {
    trace: &'t Trace<'a>,
    known: RefCell<HashMap<String, Option<Rc<[Target]>>>>,
    /// What the sender's server is told because of the first alias that leads nowhere.
    failure: Cell<Option<&'static str>>,
}

impl Aliases<'_, '_> {
    /// What an address is replaced with; `None` for one that is final.
    fn targets(&self, address: &str) -> Option<Rc<[Target]>> {
        let key = address.to_lowercase();
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let found = self.look_up(address);
        self.known.borrow_mut().insert(key, found.clone());
        found
    }

    fn look_up(&self, address: &str) -> Option<Rc<[Target]>> {
        let Trace {
            site, configuration, ..
        } = self.trace;
        let found = self.trace.find_spelled(Map::Alias, address, false)?;
        let mut targets: Vec<Target> = Vec::new();
        let mut add = |list: &str, row: &str| {
            let row: Rc<str> = row.into();
            // By itself it is the empty address, in a list it is nothing.
            let items = if list == "<>" && found.answers.len() == 1 {
                vec![String::new()]
            } else {
                read(list)
            };
            let items = items.into_iter();
            targets.extend(items.map(|item| (rewritten(&item, site, configuration), Rc::clone(&row))));
        };
        if found.answers[0].1.starts_with('@') {
            // `@other.domain` at the very start keeps the name. Postfix takes what it has then for one address, and puts all
            // before its last `@` into quotes: what follows a comma is lost.
            let bare = without_extension(address, configuration.delimiter);
            let bare = bare.filter(|_| found.without_extension);
            let (name, _) = parts(bare.as_deref().unwrap_or(address));
            let whole = format!("{name}{}", joined(&found.answers));
            add(&written(&whole), &found.answers[0].0);
        } else {
            for (row, destination) in found.answers.iter() {
                add(destination, row);
            }
            // Postfix reads them as one text, in which a bracket of one row may swallow another.
            let all = read(&joined(&found.answers));
            if found.answers.len() > 1 && all.len() != targets.len() {
                let row: Rc<str> = found.answers[0].0.as_str().into();
                let all = all.into_iter();
                targets = all
                    .map(|item| (rewritten(&item, site, configuration), Rc::clone(&row)))
                    .collect();
            }
        }
        let failure = if targets.is_empty() {
            Some(UNREADABLE)
        } else {
            let is_long = targets.iter().any(|(address, _)| address.len() > LONGEST);
            is_long.then_some(GIVES_UP)
        };
        if failure.is_some() {
            self.failure.set(self.failure.get().or(failure));
            return None;
        }
        Some(targets.into())
    }

    /// The tree, in the order in which Postfix follows it: the first of the results at once, the others later. No address is
    /// followed twice, nor one that is among its own results.
    fn tree(&self, start: &str) -> Vec<Branch> {
        let mut branches = vec![Branch::root(start)];
        let mut followed: HashSet<String> = HashSet::new();
        let mut waiting = VecDeque::from([0]);
        while let Some(mut place) = waiting.pop_front() {
            while branches.len() < MOST_BRANCHES {
                let address = branches[place].address.clone();
                if !followed.insert(address.to_lowercase()) {
                    break;
                }
                self.trace.branch.set(place);
                let Some(targets) = self.targets(&address) else {
                    break;
                };
                let first = branches.len();
                branches.extend(targets.iter().map(|(target, row)| Branch {
                    address: target.clone(),
                    parent: Some(place),
                    row: Some((Map::Alias.table(), row.to_string())),
                    delivery: None,
                }));
                waiting.extend(first + 1..branches.len());
                place = first;
            }
        }
        branches
    }
}

impl Trace<'_> {
    /// Follows the aliases of an address.
    pub fn expand(&self, typed: &str) -> Recipients {
        let start = rewritten(typed, self.site, self.configuration);
        let aliases = Aliases {
            trace: self,
            known: RefCell::default(),
            failure: Cell::new(None),
        };
        let branches = aliases.tree(&start);
        let lookup = |address: &str| {
            let targets = aliases.targets(address)?;
            Some(targets.iter().map(|(target, _)| target.clone()).collect())
        };
        let first: Vec<String> = lookup(&start).unwrap_or_default();
        let expansion = expand_spelled(&start, &first, &lookup);
        // Of several reasons cleanup(8) tells the one that it gives up.
        let failure = expansion.fails().then_some(GIVES_UP).or(aliases.failure.get());
        Recipients {
            list: failure.map_or(Ok(expansion.list), Err),
            branches,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;
    use crate::route::Outcome;

    /// Aliases of a domain whose members are elsewhere, as addresses alone.
    fn reached(rows: &[(&str, &str)], address: &str) -> Vec<String> {
        let mut tables = Tables::usual();
        for (mail, destination) in rows {
            tables = tables.row("aliases", &[mail, destination]);
        }
        let explanation = tables.explain(address);
        assert_eq!(explanation.rcpt.code, 250, "{:?}", explanation.rcpt);
        let deliveries = explanation.deliveries.into_iter();
        deliveries.map(|delivery| delivery.address).collect()
    }

    #[test]
    fn duplicates_collapse_and_the_first_spelling_stays() {
        let rows = [
            ("all@d.test", "B@x.test,team@d.test,b@X.test"),
            ("team@d.test", "b@x.test,c@x.test"),
        ];
        assert_eq!(reached(&rows, "ALL@d.test"), ["B@x.test", "c@x.test"]);
    }

    #[test]
    fn separators_names_and_comments_are_read_as_in_a_header() {
        let list = "a@x.test, b@x.test c@x.test;Viv <v@x.test>\n(the boss) e@x.test";
        assert_eq!(
            reached(&[("all@d.test", list)], "all@d.test"),
            ["a@x.test", "b@x.test", "c@x.test", "v@x.test", "e@x.test"]
        );
    }

    #[test]
    fn words_without_a_domain_are_at_myorigin() {
        assert_eq!(
            reached(&[("all@d.test", "vivita,|cmd,# the")], "all@d.test"),
            [
                "vivita@mx.self.test",
                "|cmd@mx.self.test",
                "#@mx.self.test",
                "the@mx.self.test"
            ]
        );
    }

    #[test]
    fn a_domain_keeps_the_name_only_at_the_very_start() {
        assert_eq!(
            reached(&[("@d.test", "@x.test")], "Joe+a@d.test"),
            ["Joe+a@x.test"]
        );
        assert_eq!(
            reached(&[("@d.test", "a@x.test,@y.test")], "joe@d.test"),
            ["a@x.test", "\"\"@y.test"]
        );
        // What else is in the list becomes a part of the name.
        assert_eq!(
            reached(&[("@d.test", "@x.test,b@y.test")], "joe@d.test"),
            ["\"joe@x.test,b\"@y.test"]
        );
        // For the row of an address the extension was left out.
        assert_eq!(
            reached(&[("joe@d.test", "@x.test")], "joe+a@d.test"),
            ["joe@x.test"]
        );
    }

    #[test]
    fn an_extension_reaches_the_alias_and_goes_no_further() {
        let rows = [("list@d.test", "a@x.test"), ("list+x@d.test", "b@x.test")];
        assert_eq!(reached(&rows, "list+y@d.test"), ["a@x.test"]);
        assert_eq!(reached(&rows, "list+x@d.test"), ["b@x.test"]);
    }

    #[test]
    fn several_rows_of_an_address_add_up() {
        let rows = [("all@d.test", "a@x.test"), ("all@d.test", "b@x.test")];
        assert_eq!(reached(&rows, "all@d.test"), ["a@x.test", "b@x.test"]);
    }

    #[test]
    fn an_address_among_its_own_destinations_gets_its_share() {
        let joe = Tables::usual().row("aliases", &["joe@d.test", "joe@d.test,k@x.test"]);
        assert_eq!(
            joe.ends("joe@d.test"),
            [
                "joe@d.test: bounce 5.1.1 unknown user: \"joe@d.test\"",
                "k@x.test: smtp x.test"
            ]
        );
        assert_eq!(joe.explain("joe@d.test").outcome, Outcome::Bounced);
    }

    #[test]
    fn a_loop_defers_the_message_after_a_250() {
        for rows in [
            &[("a@d.test", "b@d.test"), ("b@d.test", "a@d.test")][..],
            &[("@d.test", "@e.test"), ("@e.test", "@d.test")],
        ] {
            let mut tables = Tables::usual();
            for (mail, destination) in rows {
                tables = tables.row("aliases", &[mail, destination]);
            }
            let explanation = tables.explain("a@d.test");
            assert_eq!(
                (explanation.rcpt.code, explanation.outcome),
                (250, Outcome::Deferred)
            );
            assert_eq!(
                tables.ends("a@d.test"),
                ["a@d.test: defer 451 4.6.0 Alias expansion error"],
                "{rows:?}"
            );
        }
    }

    #[test]
    fn an_alias_without_any_address_defers_the_message() {
        let tables = Tables::usual().row("aliases", &["a@d.test", "(nobody)"]);
        assert_eq!(
            tables.ends("a@d.test"),
            ["a@d.test: defer 451 4.3.0 Error: queue file write error"]
        );
    }

    #[test]
    fn a_thousand_members_are_reached_and_one_more_defers_the_message() {
        let list = |size| {
            let members: Vec<String> = (0..size).map(|n| format!("m{n}@x.test")).collect();
            Tables::usual().row("aliases", &["all@d.test", &members.join(",")])
        };
        assert_eq!(list(1000).ends("all@d.test").len(), 1000);
        assert_eq!(
            list(1001).ends("all@d.test"),
            ["all@d.test: defer 451 4.6.0 Alias expansion error"]
        );
    }

    #[test]
    fn rows_that_are_off_or_empty_do_not_count() {
        let tables = Tables::usual()
            .off("aliases", &["mary@d.test", "x@x.test"])
            .row("aliases", &["mary@d.test", " "]);
        assert_eq!(tables.ends("mary@d.test"), ["mary@d.test: mailbox d.test/mary/"]);
    }

    #[test]
    fn what_grows_with_every_step_comes_to_an_end() {
        let mut tables = Tables::usual();
        for n in 0..40 {
            let next = format!("a{}@d.test,b{n}@d.test,a{}@d.test", n + 1, (n + 7) % 40);
            tables = tables.row("aliases", &[&format!("a{n}@d.test"), &next]);
        }
        assert_eq!(
            tables.ends("a0@d.test"),
            ["a0@d.test: defer 451 4.6.0 Alias expansion error"]
        );
    }
}
