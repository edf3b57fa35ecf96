//! What cleanup(8) makes of an alias: whom its mail goes to in the end, and whether Postfix gives up on the way.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// The most addresses one recipient may become (postconf(5), `virtual_alias_expansion_limit`); one more and
/// the whole message is put off with `451 4.6.0 Alias expansion error` (docs/postfix.md rule 45).
pub const EXPANSION_LIMIT: usize = 1000;
/// How often one address may be replaced in a row (postconf(5), `virtual_alias_recursion_limit`).
pub const RECURSION_LIMIT: usize = 1000;
/// Where counting ends: enough to tell a list that is somewhat too long from one that has no end.
const COUNTED: usize = 20_000;

/// What an address expands to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The addresses in the final list, as Postfix compares them with [`EXPANSION_LIMIT`]: an address that is reached
    /// twice counts twice. Counting ends somewhere above 20,000.
    pub count: usize,
    /// How many different ones there are.
    pub distinct: usize,
    /// The different ones in lower case, sorted: each gets the message once.
    pub recipients: Vec<String>,
    /// The same in the order of the list, each spelled as where it comes first.
    pub list: Vec<String>,
    /// Whether `count` is more than [`EXPANSION_LIMIT`], or an address is replaced [`RECURSION_LIMIT`] times
    /// in a row without a loop.
    pub over_limit: bool,
    /// The addresses of a loop, in the order of expansion and each once; the last expands to the first again. An address
    /// that has itself among its destinations is none, and ends every loop it is in. With a loop `count` and
    /// `recipients` are what is there besides it, each address expanded once.
    pub cycle: Option<Vec<String>>,
}

impl Expansion {
    /// Whether Postfix would answer `451 4.6.0 Alias expansion error` to the whole message.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.over_limit || self.cycle.is_some()
    }
}

/// Expands an address as cleanup(8) of Postfix 3.7 does.
///
/// The list starts with the address alone. Each place of it in turn is looked up again and again: the first result
/// takes the place, the others go to the end. An address that is among its own results is not looked up a second
/// time. `lookup` gets addresses in lower case and answers what the alias maps would, a catch-all included; no
/// results are as good as no answer. `first` is the list of `start` and is used instead of looking it up. Every
/// address is looked up once at most, and some 20,000 in all.
pub fn expand(start: &str, first: &[String], lookup: &dyn Fn(&str) -> Option<Vec<String>>) -> Expansion {
    expand_spelled(start, first, &|address| lookup(&address.to_lowercase()))
}

/// The same with a `lookup` that gets addresses as they are spelled where they are met first.
pub fn expand_spelled(
    start: &str,
    first: &[String],
    lookup: &dyn Fn(&str) -> Option<Vec<String>>,
) -> Expansion {
    let graph = Graph::new(start, first, lookup);
    let list = graph.run(false);
    if !list.too_deep && list.places.len() <= EXPANSION_LIMIT {
        return graph.expansion(&list, None);
    }
    // Only now is it worth to look for a loop. With everything expanded once the run has an end, and has seen all
    // that can be reached.
    let once = graph.run(true);
    match graph.cycle() {
        Some(cycle) => graph.expansion(&once, Some(cycle)),
        None => graph.expansion(&list, None),
    }
}

/// An address, by its place in the order in which they were first met.
type Id = usize;

/// An address in a list, and how it is spelled there.
type Member = (Id, Rc<str>);

/// The addresses met so far.
struct Graph<'l> {
    start: Rc<str>,
    lookup: &'l dyn Fn(&str) -> Option<Vec<String>>,
    nodes: RefCell<Nodes>,
}

#[derive(Default)]
struct Nodes {
    ids: HashMap<Rc<str>, Id>,
    names: Vec<Rc<str>>,
    /// What each expands to, once it was looked up; empty for an address that is final.
    results: Vec<Option<Rc<[Member]>>>,
}

impl Nodes {
    fn id(&mut self, address: &str) -> Id {
        let name: Rc<str> = address.to_lowercase().into();
        if let Some(&id) = self.ids.get(&name) {
            return id;
        }
        self.names.push(Rc::clone(&name));
        self.results.push(None);
        self.ids.insert(name, self.names.len() - 1);
        self.names.len() - 1
    }

    fn store(&mut self, id: Id, found: &[String]) -> Rc<[Member]> {
        let results: Rc<[Member]> = found
            .iter()
            .map(|address| (self.id(address), address.as_str().into()))
            .collect();
        self.results[id] = Some(Rc::clone(&results));
        results
    }
}

/// The list cleanup(8) works on.
struct List {
    places: Vec<Member>,
    too_deep: bool,
}

impl<'l> Graph<'l> {
    fn new(start: &str, first: &[String], lookup: &'l dyn Fn(&str) -> Option<Vec<String>>) -> Self {
        let mut nodes = Nodes::default();
        let id = nodes.id(start);
        nodes.store(id, first);
        Self {
            start: start.into(),
            lookup,
            nodes: RefCell::new(nodes),
        }
    }

    fn results(&self, id: Id, spelled: &str) -> Rc<[Member]> {
        if let Some(results) = &self.nodes.borrow().results[id] {
            return Rc::clone(results);
        }
        let found = (self.lookup)(spelled).unwrap_or_default();
        self.nodes.borrow_mut().store(id, &found)
    }

    /// Expands the first address. Postfix gives up beyond the limit; this goes on a while, to be able to say how much too
    /// long the list is. With `once` no address is expanded twice, so that loops end.
    fn run(&self, once: bool) -> List {
        let mut list = List {
            places: vec![(0, Rc::clone(&self.start))],
            too_deep: false,
        };
        let mut finished: Vec<bool> = Vec::new();
        let mut place = 0;
        while place < list.places.len() && list.places.len() <= COUNTED && !list.too_deep {
            let mut replaced = 0;
            loop {
                let (id, spelled) = list.places[place].clone();
                if finished.get(id) == Some(&true) {
                    break;
                }
                // Before it looks whether there is more: one address fewer than the limit can be followed.
                if replaced == RECURSION_LIMIT && !once {
                    list.too_deep = true;
                    break;
                }
                let results = self.results(id, &spelled);
                let Some((first, others)) = results.split_first() else {
                    break;
                };
                replaced += 1;
                if once || results.iter().any(|&(result, _)| result == id) {
                    finished.resize(finished.len().max(id + 1), false);
                    finished[id] = true;
                }
                list.places[place] = first.clone();
                list.places.extend_from_slice(others);
                if list.places.len() > COUNTED {
                    break;
                }
            }
            place += 1;
        }
        list
    }

    /// Whether an address is among its own results, which ends its expansion.
    fn is_own_result(&self, id: Id) -> bool {
        self.nodes.borrow().results[id]
            .as_ref()
            .is_some_and(|results| results.iter().any(|&(result, _)| result == id))
    }

    /// A loop among the addresses looked up, by a search in depth that leaves out those that end every loop.
    fn cycle(&self) -> Option<Vec<String>> {
        let nodes = self.nodes.borrow();
        let results = |id: Id| nodes.results[id].as_deref().unwrap_or_default();
        let mut done: Vec<bool> = (0..nodes.names.len()).map(|id| self.is_own_result(id)).collect();
        let mut on_path = vec![false; nodes.names.len()];
        for root in 0..nodes.names.len() {
            // An address and how many of its results were followed.
            let mut path: Vec<(Id, usize)> = Vec::new();
            if !done[root] {
                path.push((root, 0));
                on_path[root] = true;
            }
            while let Some((id, followed)) = path.last_mut() {
                let Some(&(next, _)) = results(*id).get(*followed) else {
                    done[*id] = true;
                    on_path[*id] = false;
                    path.pop();
                    continue;
                };
                *followed += 1;
                if on_path[next] {
                    let from = path.iter().position(|&(id, _)| id == next)?;
                    return Some(
                        path[from..]
                            .iter()
                            .map(|&(id, _)| nodes.names[id].to_string())
                            .collect(),
                    );
                }
                if !done[next] {
                    on_path[next] = true;
                    path.push((next, 0));
                }
            }
        }
        None
    }

    fn expansion(&self, list: &List, cycle: Option<Vec<String>>) -> Expansion {
        let nodes = self.nodes.borrow();
        // Where a loop was cut, addresses are left in the list that are not final.
        let is_final = |id: Id| {
            nodes.results[id]
                .as_ref()
                .is_none_or(|results| results.is_empty())
                || self.is_own_result(id)
        };
        let left = || {
            list.places
                .iter()
                .filter(|&&(id, _)| cycle.is_none() || is_final(id))
        };
        let mut recipients: BTreeSet<&str> = BTreeSet::new();
        let spelled = left()
            .filter(|&&(id, _)| recipients.insert(&nodes.names[id]))
            .map(|(_, spelled)| spelled.to_string())
            .collect();
        let count = left().count();
        Expansion {
            count,
            distinct: recipients.len(),
            recipients: recipients.into_iter().map(str::to_owned).collect(),
            list: spelled,
            over_limit: count > EXPANSION_LIMIT || (list.too_deep && cycle.is_none()),
            cycle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    type Map = HashMap<String, Vec<String>>;

    fn map(rows: &[(&str, &str)]) -> Map {
        rows.iter()
            .map(|(key, list)| ((*key).to_owned(), list.split(',').map(str::to_owned).collect()))
            .collect()
    }

    fn expanded(map: &Map, start: &str) -> Expansion {
        expand(start, &map[start], &|address| map.get(address).cloned())
    }

    fn numbered(name: &str, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{name}{number}")).collect()
    }

    #[test]
    fn a_list_of_lists_becomes_its_members() {
        let map = map(&[("all", "a,sales,a"), ("sales", "b,A,team"), ("team", "c")]);
        let found = expanded(&map, "all");
        assert_eq!((found.count, found.distinct), (5, 3));
        assert_eq!(found.recipients, ["a", "b", "c"]);
        assert!(!found.fails());
    }

    #[test]
    fn the_list_given_counts_and_not_the_stored_one() {
        let stored = map(&[("joe", "old"), ("new", "newer")]);
        let found = expand("Joe", &["new".to_owned()], &|address| {
            stored.get(address).cloned()
        });
        assert_eq!(found.recipients, ["newer"]);
        let found = expand("joe", &[], &|address| stored.get(address).cloned());
        assert_eq!((found.recipients, found.count), (vec!["joe".to_owned()], 1));
    }

    #[test]
    fn an_address_among_its_own_destinations_is_no_loop() {
        for (rows, recipients) in [
            (&[("joe", "joe")][..], &["joe"][..]),
            (&[("joe", "joe,karl")], &["joe", "karl"]),
            (&[("joe", "karl,Joe")], &["joe", "karl"]),
            (&[("joe", "karl,joe"), ("karl", "joe")], &["joe"]),
            (&[("joe", "karl"), ("karl", "joe,karl,eve")], &["eve", "karl"]),
        ] {
            let found = expanded(&map(rows), "joe");
            assert_eq!(found.cycle, None, "{rows:?}");
            assert!(!found.fails(), "{rows:?}");
            if rows.len() == 1 {
                assert_eq!(found.recipients, recipients, "{rows:?}");
            }
        }
    }

    #[test]
    fn who_is_spelled_twice_is_spelled_as_in_the_first_place_of_the_list() {
        let found = expanded(&map(&[("all", "b,C@x,D"), ("b", "c@x")]), "all");
        assert_eq!(found.recipients, ["c@x", "d"]);
        // `b` has the first place before `C@x` gets the second.
        assert_eq!(found.list, ["c@x", "D"]);
        let seen = RefCell::new(Vec::new());
        expand_spelled("Joe", &["Karl".to_owned()], &|address| {
            seen.borrow_mut().push(address.to_owned());
            None
        });
        assert_eq!(seen.into_inner(), ["Karl"]);
    }

    #[test]
    fn a_loop_is_found_wherever_it_is() {
        for (rows, cycle, recipients) in [
            (&[("joe", "karl"), ("karl", "joe")][..], "joe karl", ""),
            (&[("joe", "eve,karl"), ("karl", "Joe,eva")], "joe karl", "eva eve"),
            (
                &[("joe", "x,y"), ("y", "z"), ("z", "x,w"), ("w", "y")],
                "y z w",
                "x",
            ),
            // The way through s is none, since s ends it, and the other is there all the same.
            (&[("joe", "s,b"), ("s", "s,b"), ("b", "joe")], "joe b", "s"),
        ] {
            let found = expanded(&map(rows), "joe");
            let cycle: Vec<String> = cycle.split(' ').map(str::to_owned).collect();
            assert_eq!(found.cycle, Some(cycle), "{rows:?}");
            assert_eq!(found.recipients.join(" "), recipients, "{rows:?}");
            assert!(found.fails() && !found.over_limit, "{rows:?}");
        }
    }

    #[test]
    fn a_thousand_addresses_are_fine_and_one_more_is_not() {
        for (size, over) in [(1, false), (1000, false), (1001, true), (10_000, true)] {
            let found = expand("list", &numbered("m", size), &|_| None);
            assert_eq!(
                (found.count, found.distinct, found.over_limit),
                (size, size, over)
            );
            assert_eq!(found.cycle, None);
            let nested = expand("outer", &["list".to_owned()], &|address| {
                (address == "list").then(|| numbered("m", size))
            });
            assert_eq!((nested.count, nested.fails()), (size, over));
        }
    }

    #[test]
    fn who_is_reached_twice_counts_twice() {
        let members = numbered("m", 600);
        let found = expand("list", &["a".to_owned(), "b".to_owned()], &|address| {
            ["a", "b"].contains(&address).then(|| members.clone())
        });
        assert_eq!((found.count, found.distinct, found.over_limit), (1200, 600, true));
    }

    #[test]
    fn a_thousand_replacements_in_a_row_are_fine_and_one_more_is_not() {
        for (length, fails) in [(999, false), (1000, true)] {
            let found = expand("a0", &["a1".to_owned()], &|address| {
                let number: usize = address[1..].parse().expect("a number");
                (number < length).then(|| vec![format!("a{}", number + 1)])
            });
            assert_eq!((found.over_limit, found.cycle), (fails, None));
        }
    }

    #[test]
    fn a_loop_and_too_many_addresses_are_both_told() {
        let mut first = numbered("m", 1500);
        first.push("back".to_owned());
        let found = expand("list", &first, &|address| {
            (address == "back").then(|| vec!["list".to_owned()])
        });
        assert_eq!((found.count, found.over_limit), (1500, true));
        assert_eq!(found.cycle, Some(vec!["list".to_owned(), "back".to_owned()]));
    }

    #[test]
    fn what_has_no_end_ends() {
        let doubling = expand("0", &["1".to_owned(), "1".to_owned()], &|address| {
            let next = (address.parse::<usize>().expect("a number") + 1).to_string();
            Some(vec![next.clone(), next])
        });
        assert!(doubling.over_limit && doubling.cycle.is_none());
        let everybody = numbered("m", 300);
        let knot = expand("m0", &everybody[1..], &|address| {
            Some(
                everybody
                    .iter()
                    .filter(|other| *other != address)
                    .cloned()
                    .collect(),
            )
        });
        assert!(knot.cycle.is_some());
    }

    /// The plain algorithm of cleanup(8), step by step on text, to compare with: None where Postfix gives up.
    fn cleanup_map1n(map: &Map, start: &str) -> Option<Vec<String>> {
        let mut list = vec![start.to_owned()];
        let mut been_here = HashSet::new();
        let mut place = 0;
        while place < list.len() {
            if list.len() > EXPANSION_LIMIT {
                return None;
            }
            for count in 0.. {
                if been_here.contains(&list[place]) {
                    break;
                }
                if count >= RECURSION_LIMIT {
                    return None;
                }
                let Some(found) = map.get(&list[place]) else {
                    break;
                };
                let key = list[place].clone();
                for (number, address) in found.iter().enumerate() {
                    if number == 0 {
                        list[place].clone_from(address);
                    } else {
                        list.push(address.clone());
                    }
                    if *address == key {
                        been_here.insert(key.clone());
                    }
                }
            }
            place += 1;
        }
        Some(list)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_ends_as_in_postfix(
            rows in proptest::collection::hash_map("[a-h]", proptest::collection::vec("[a-m]", 1..4), 1..8),
        ) {
            for start in rows.keys() {
                let found = expanded(&rows, start);
                match cleanup_map1n(&rows, start) {
                    None => prop_assert!(found.fails()),
                    Some(list) => {
                        prop_assert!(!found.fails(), "{:?}", found);
                        prop_assert_eq!(found.count, list.len());
                        let distinct: BTreeSet<String> = list.into_iter().collect();
                        prop_assert_eq!(found.recipients, Vec::from_iter(distinct));
                    }
                }
            }
        }
    }
}
