//! Tables with a change laid over them that is written nowhere.

use std::collections::{BTreeSet, HashMap};

use super::snapshot::{answers, subject_of, table_of};
use super::{Lookups, Question, Rows, folded};
use crate::mail::{directory_named, domain_of, items_of};
use crate::resource::Row;

/// What happens to one row.
#[derive(Debug, Clone)]
pub struct Change {
    /// The table.
    pub table: &'static str,
    /// The row as it is; `None` where it is added.
    pub before: Option<Row>,
    /// The row as it will be; `None` where it is deleted.
    pub after: Option<Row>,
}

impl Change {
    /// The row before and after, as far as there is one.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.before.iter().chain(&self.after)
    }
}

/// Changes, to be laid over tables. Made once: it may be large.
#[derive(Debug, Default)]
pub struct Changes {
    all: Vec<Change>,
    /// By table and key, the changes of rows that are there.
    by_key: HashMap<&'static str, HashMap<String, usize>>,
    /// The changes that leave a row, by what that answers to.
    by_answer: HashMap<Question, Vec<usize>>,
    /// Those that leave a rule about clients, which may answer for many addresses.
    of_clients: Vec<usize>,
    /// How many enabled rows of a table and domain there will be more.
    more: HashMap<(&'static str, String), i64>,
}

impl Changes {
    /// These changes, no two of which are of the same row.
    #[must_use]
    pub fn new(all: Vec<Change>) -> Self {
        let mut changes = Self::default();
        for (i, change) in all.iter().enumerate() {
            let table = change.table;
            if let Some(before) = &change.before {
                changes
                    .by_key
                    .entry(table)
                    .or_default()
                    .insert(before.key.clone(), i);
                changes.weigh(table, before, -1);
            }
            let Some(after) = &change.after else { continue };
            changes.weigh(table, after, 1);
            if table == "access_rules" {
                changes.of_clients.push(i);
            }
            for question in questions(table, after) {
                let answering = changes.by_answer.entry(question).or_default();
                // A list may name the same address twice.
                if answering.last() != Some(&i) {
                    answering.push(i);
                }
            }
        }
        changes.all = all;
        changes
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Change] {
        &self.all
    }

    fn weigh(&mut self, table: &'static str, row: &Row, weight: i64) {
        let domain = folded(&domain_of(subject_of(table, row)));
        if row.is_enabled() {
            *self.more.entry((table, domain)).or_default() += weight;
        }
    }

    /// What happens to a row of a table.
    fn of(&self, table: &str, row: &Row) -> Option<&Change> {
        let place = self.by_key.get(table)?.get(&row.key)?;
        self.all.get(*place)
    }

    /// The changes that may leave a row which answers.
    fn candidates(&self, question: &Question) -> &[usize] {
        let key = match question {
            Question::Network(_) => return &self.of_clients,
            Question::Subject(table, key) => Question::Subject(table, folded(key)),
            Question::Delivering(address) => Question::Delivering(folded(address)),
            Question::DeliveringInto(domain) => Question::DeliveringInto(folded(domain)),
            Question::InDomain(table, domain) => Question::InDomain(table, folded(domain)),
            Question::Directory(_) => question.clone(),
        };
        self.by_answer.get(&key).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The questions a row answers, rules about networks aside.
fn questions(table: &'static str, row: &Row) -> Vec<Question> {
    let subject = folded(subject_of(table, row));
    let mut found = vec![
        Question::InDomain(table, domain_of(&subject)),
        Question::Subject(table, subject),
    ];
    if table == "users" {
        found.push(Question::Directory(directory_named(row.text("maildir"))));
    }
    if table == "aliases" {
        let items: BTreeSet<String> = items_of(row.text("destination"))
            .iter()
            .map(|item| folded(item))
            .collect();
        let domains: BTreeSet<String> = items.iter().map(|item| domain_of(item)).collect();
        found.extend(domains.into_iter().map(Question::DeliveringInto));
        found.extend(items.into_iter().map(Question::Delivering));
    }
    found
}

/// Other tables with changes made to them.
pub struct Overlay<'b> {
    base: &'b dyn Lookups,
    changes: &'b Changes,
}

impl<'b> Overlay<'b> {
    /// The tables of `base` after these changes.
    #[must_use]
    pub fn new(base: &'b dyn Lookups, changes: &'b Changes) -> Self {
        Self { base, changes }
    }
}

impl Lookups for Overlay<'_> {
    fn rows(&self, question: &Question) -> Rows {
        let table = table_of(question);
        let found = self.base.rows(question);
        let candidates = self.changes.candidates(question);
        let change_of = |row: &Row| self.changes.of(table, row);
        if candidates.is_empty() && !found.iter().any(|row| change_of(row).is_some()) {
            return found;
        }
        let mut rows: Vec<Row> = Vec::with_capacity(found.len() + 1);
        for row in found.iter() {
            match change_of(row).map(|change| change.after.as_ref()) {
                None => rows.push(row.clone()),
                // The server found it by its own comparison: where the subject stays, so does the answer.
                Some(Some(after))
                    if matches!(question, Question::Subject(..))
                        && subject_of(table, after) == subject_of(table, row) =>
                {
                    rows.push(after.clone());
                }
                Some(_) => {}
            }
        }
        for change in candidates.iter().filter_map(|&i| self.changes.all.get(i)) {
            let Some(after) = &change.after else { continue };
            let is_there = change.before.is_some() && rows.iter().any(|row| row.key == after.key);
            if !is_there && answers(question, table, after) {
                rows.push(after.clone());
            }
        }
        rows.into()
    }

    fn count(&self, table: &'static str, domain: &str) -> u64 {
        let more = self.changes.more.get(&(table, folded(domain)));
        self.base
            .count(table, domain)
            .saturating_add_signed(more.copied().unwrap_or_default())
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.base.has(table, column)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Snapshot;
    use super::*;

    const ADDRESSES: &[&str] = &[
        "joe@a.test",
        "Mary@a.test",
        "@a.test",
        "a.test",
        "joe@b.test",
        "b.test",
        "joe@a.test ",
    ];

    fn row(table: &'static str, key: usize) -> impl Strategy<Value = Row> {
        let columns: &[&'static str] = match table {
            "aliases" => &["mail", "destination"],
            "users" => &["id", "maildir"],
            _ => &["domain", "transport"],
        };
        (
            prop::sample::select(ADDRESSES),
            prop::sample::select(ADDRESSES),
            prop::sample::select(&["0", "1"][..]),
        )
            .prop_map(move |(subject, value, enabled)| {
                let text = |text: &str| Some(text.to_owned());
                let values = vec![
                    (columns[0], text(subject)),
                    (columns[1], text(value)),
                    ("enabled", text(enabled)),
                ];
                Row::new(key.to_string(), values)
            })
    }

    /// A row of one of the tables before and after.
    fn change() -> impl Strategy<Value = (&'static str, Option<usize>, Option<usize>)> {
        (
            prop::sample::select(&["aliases", "users", "domains"][..]),
            prop::option::of(Just(0)),
            prop::option::of(Just(0)),
        )
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        prop::collection::vec(change(), 0..8).prop_flat_map(|kinds| {
            let rows: Vec<_> = kinds
                .into_iter()
                .enumerate()
                .map(|(key, (table, before, after))| {
                    (
                        before.map_or(Just(None).boxed(), |_| row(table, key).prop_map(Some).boxed()),
                        after.map_or(Just(None).boxed(), |_| row(table, key).prop_map(Some).boxed()),
                    )
                        .prop_map(move |(before, after)| Change { table, before, after })
                })
                .collect();
            rows
        })
    }

    fn sorted(rows: &Rows) -> Vec<Row> {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    }

    proptest! {
        #[test]
        fn tables_under_an_overlay_answer_as_the_changed_tables_would(changes in changes(), kept in changes()) {
            let (mut before, mut after) = (Snapshot::new(), Snapshot::new());
            for (i, change) in kept.iter().enumerate() {
                if let Some(row) = &change.before {
                    let row = Row::new(format!("k{i}"), row.fields().into_iter().map(|(n, v)| (n, Some(v))).collect());
                    before.add(change.table, row.clone());
                    after.add(change.table, row);
                }
            }
            for change in &changes {
                change.before.iter().for_each(|row| before.add(change.table, row.clone()));
                change.after.iter().for_each(|row| after.add(change.table, row.clone()));
            }
            let changes = Changes::new(changes);
            let overlay = Overlay::new(&before, &changes);
            for address in ADDRESSES {
                let domain = domain_of(address);
                let mut questions = vec![
                    Question::Directory((*address).to_owned()),
                    Question::Delivering((*address).to_owned()),
                    Question::DeliveringInto(domain.clone()),
                ];
                for table in ["aliases", "users", "domains"] {
                    questions.push(Question::Subject(table, (*address).to_owned()));
                    questions.push(Question::InDomain(table, domain.clone()));
                    prop_assert_eq!(overlay.count(table, &domain), after.count(table, &domain));
                }
                for question in questions {
                    prop_assert_eq!(
                        sorted(&overlay.rows(&question)),
                        sorted(&after.rows(&question)),
                        "{:?}",
                        question
                    );
                }
            }
        }
    }
}
