//! An explanation as the page shows it: a tree of addresses, and the lookups behind it.

use std::collections::HashSet;

use crate::mail::items_of;
use crate::postfix::Map;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Resource, aliases, users};
use crate::route::{self, Delivery, Explanation, Kind, Step};
use crate::web::text;
use crate::web::urls::Urls;

/// Branches shown of one address; the rest are folded.
const SHOWN: usize = 20;

/// Addresses whose lookups are shown; the rest are folded.
const LOOKED_UP: usize = 6;

/// From here on the tree is not indented further: a phone is 360 px wide, and 1,000 steps are allowed.
const DEEPEST: usize = 5;

/// One address of the tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    /// The address.
    pub address: String,
    /// The address it was made of, where the tree no longer shows that by itself.
    pub of: Option<String>,
    /// The rows that make others of it.
    pub by: Vec<By>,
    /// What becomes of it, if it is final.
    pub end: Option<End>,
    /// Whether the same recipient stands above already: there is one copy.
    pub again: bool,
    /// Whether the aliases come back here to where they were before.
    pub closes: bool,
}

/// The row that makes addresses of another.
#[derive(Debug, PartialEq, Eq)]
pub struct By {
    /// `alias`
    pub noun: &'static str,
    /// What Postfix looked up, where that is not the address itself: `@example.org`.
    pub key: Option<String>,
    /// Its page.
    pub page: String,
}

/// Where an address ends.
#[derive(Debug, PartialEq, Eq)]
pub struct End {
    /// `ok`, `warn` or `error`.
    pub state: &'static str,
    /// In a word or two.
    pub word: &'static str,
    /// The directory or server.
    pub place: Option<String>,
    /// The page of the row that says so.
    pub page: Option<String>,
    /// Why it is not delivered.
    pub reason: Option<String>,
}

impl End {
    fn of(delivery: &Delivery, page: Option<String>) -> Self {
        let (state, word, place) = match delivery.kind {
            Kind::Mailbox => ("ok", "mailbox", delivery.maildir.as_ref()),
            Kind::Smtp => ("ok", "to server", delivery.nexthop.as_ref()),
            Kind::Bounce => ("error", "bounced", None),
            Kind::Defer => ("warn", "waits", None),
            Kind::Discard => ("warn", "thrown away", None),
        };
        Self {
            state,
            word,
            place: place.map(|place| text::plain(place)),
            page,
            reason: delivery.reason.as_ref().map(|reason| text::plain(reason)),
        }
    }
}

/// What a template writes to draw the tree as nested lists.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// An item begins.
    Node(Box<Node>),
    /// What it leads to begins.
    Down,
    /// And ends.
    Up,
    /// The item ends.
    End,
    /// So many items follow that are folded.
    Fold(usize),
    /// And end.
    Unfold,
}

/// Draws the tree of addresses.
pub fn tree(explained: &Explanation, urls: &Urls) -> Vec<Piece> {
    let mut children = vec![Vec::new(); explained.branches.len()];
    for (place, branch) in explained.branches.iter().enumerate() {
        if let Some(parent) = branch.parent.filter(|parent| *parent < place) {
            children[parent].push(place);
        }
    }
    let mut drawing = Drawing {
        explained,
        urls,
        children,
        ended: HashSet::new(),
        closing: route::circle(explained),
        pieces: Vec::new(),
    };
    for (place, branch) in explained.branches.iter().enumerate() {
        if branch.parent.is_none() {
            drawing.draw(place, 0);
        }
    }
    drawing.pieces
}

struct Drawing<'e> {
    explained: &'e Explanation,
    urls: &'e Urls,
    children: Vec<Vec<usize>>,
    /// The deliveries some address has ended in.
    ended: HashSet<usize>,
    /// The branches that close a circle.
    closing: HashSet<usize>,
    pieces: Vec<Piece>,
}

impl Drawing<'_> {
    fn draw(&mut self, place: usize, depth: usize) {
        let node = self.node(place, depth);
        self.pieces.push(Piece::Node(Box::new(node)));
        let children = std::mem::take(&mut self.children[place]);
        let deeper = depth < DEEPEST && !children.is_empty();
        self.pieces.push(if deeper { Piece::Down } else { Piece::End });
        let next = (depth + 1).min(DEEPEST + 1);
        let shown = if children.len() > SHOWN + 1 {
            SHOWN
        } else {
            children.len()
        };
        for child in &children[..shown] {
            self.draw(*child, next);
        }
        if shown < children.len() {
            self.pieces.push(Piece::Fold(children.len() - shown));
            for child in &children[shown..] {
                self.draw(*child, next);
            }
            self.pieces.push(Piece::Unfold);
        }
        if deeper {
            self.pieces.extend([Piece::Up, Piece::End]);
        }
    }

    fn node(&mut self, place: usize, depth: usize) -> Node {
        let branch = &self.explained.branches[place];
        let ending = branch
            .delivery
            .and_then(|at| Some((at, self.explained.deliveries.get(at)?)));
        let again = ending.is_some_and(|(at, _)| !self.ended.insert(at));
        let parent = branch
            .parent
            .and_then(|parent| self.explained.branches.get(parent));
        Node {
            address: text::plain(&branch.address),
            of: parent
                .filter(|_| depth > DEEPEST)
                .map(|parent| text::plain(&parent.address)),
            by: self.rows_at(place),
            end: ending.map(|(_, delivery)| End::of(delivery, self.page_of_end(place, delivery.kind))),
            again,
            closes: self.closing.contains(&place),
        }
    }

    /// The rows that make other addresses of this one, by the keys that found them.
    fn rows_at(&self, place: usize) -> Vec<By> {
        let address = &self.explained.branches[place].address;
        let children = self.children[place]
            .iter()
            .map(|child| &self.explained.branches[*child]);
        let mut rows: Vec<By> = Vec::new();
        let mut last = None;
        for row in children.filter_map(|child| child.row.as_ref()) {
            // A list of 500 has one row.
            if last != Some(row) {
                rows.extend(self.by(row, address).filter(|by| !rows.contains(by)));
                last = Some(row);
            }
        }
        rows
    }

    fn by(&self, (table, row): &(&'static str, String), address: &str) -> Option<By> {
        let mut steps = self.explained.steps.iter();
        let key = steps
            .find(|step| step.table == *table && step.row.as_ref() == Some(row) && step.value.is_some())
            .map(|step| step.key.as_str());
        Some(By {
            noun: Resource::by_table(table)?.words.noun,
            key: key
                .filter(|key| !key.eq_ignore_ascii_case(address))
                .map(text::plain),
            page: page_of(self.urls, table, row, key.unwrap_or_default())?,
        })
    }

    /// The page of the row that says where an address ends: its mailbox, or its transport.
    fn page_of_end(&self, place: usize, kind: Kind) -> Option<String> {
        let says = |step: &&Step| match kind {
            Kind::Mailbox => step.table == users::RESOURCE.table,
            Kind::Smtp => matches!(step.table, "domains" | "backups") && step.map.starts_with("transport"),
            _ => false,
        };
        let address = &self.explained.branches[place].address;
        let about = |step: &&Step| step.branch == place || step.key.eq_ignore_ascii_case(address);
        let mut steps = self.explained.steps.iter().rev();
        let step = steps.find(|step| step.value.is_some() && says(step) && about(step))?;
        page_of(self.urls, step.table, step.row.as_ref()?, &step.key)
    }
}

/// The page of a row that a key has found: of an override, that of its address.
fn page_of(urls: &Urls, table: &str, row: &str, key: &str) -> Option<String> {
    if matches!(table, "domains" | "backups") && key.contains('@') {
        return Some(urls.row(IN_DOMAINS.slug, key));
    }
    Resource::by_table(table).map(|resource| urls.row(resource.slug, row))
}

/// The lookups of one address.
#[derive(Debug)]
pub struct Lookups {
    /// The address.
    pub address: String,
    /// The lookups, in their order.
    pub runs: Vec<Run>,
}

/// One lookup, or several in a row that found nothing.
#[derive(Debug)]
pub enum Run {
    /// A lookup that found a row, or that decided.
    Told(StepView),
    /// Lookups that found nothing and go without saying.
    Silent(Vec<StepView>),
}

/// One lookup.
#[derive(Debug)]
pub struct StepView {
    /// The name of the lookup table.
    pub map: &'static str,
    /// The parameter of main.cf that names it; empty where it is that of the lookup before.
    pub parameter: &'static str,
    /// What was asked for.
    pub key: String,
    /// The answer.
    pub value: Option<String>,
    /// The row that answered or does not count.
    pub row: Option<RowLink>,
    /// Whether there is a row that does not count.
    pub idle: bool,
    /// Whether it decided what becomes of the mail.
    pub decides: bool,
    /// What it means.
    pub note: String,
}

/// A row and its page.
#[derive(Debug)]
pub struct RowLink {
    /// The table.
    pub table: &'static str,
    /// What one of its rows is called.
    pub noun: &'static str,
    /// The key.
    pub key: String,
    /// Its page.
    pub page: String,
}

impl StepView {
    /// A lookup as it is shown.
    pub fn new(urls: &Urls, step: &Step) -> Self {
        let row = step.row.as_ref();
        Self {
            map: step.map,
            parameter: Map::named(step.map).map_or("", |map| map.parameter),
            key: text::plain(&step.key),
            value: step
                .value
                .as_deref()
                .map(|value| text::short(&text::plain(value))),
            row: row.and_then(|row| {
                Some(RowLink {
                    table: step.table,
                    noun: Resource::by_table(step.table)?.words.noun,
                    key: text::plain(row),
                    page: page_of(urls, step.table, row, &step.key)?,
                })
            }),
            idle: row.is_some() && step.value.is_none(),
            decides: false,
            note: note(step),
        }
    }
}

/// What a lookup means; the members of a list are its answer already and in the tree too.
fn note(step: &Step) -> String {
    match step.value.as_deref() {
        Some(value) if step.table == aliases::RESOURCE.table && items_of(value).len() > 1 => {
            let many = text::number(items_of(value).len() as u64);
            step.note.replacen(value, &format!("{many} addresses"), 1)
        }
        _ => step.note.clone(),
    }
}

/// The lookups by address, those that are shown at once and those that are folded.
pub fn lookups(explained: &Explanation, decided: Option<usize>, urls: &Urls) -> (Vec<Lookups>, Vec<Lookups>) {
    let mut groups: Vec<Lookups> = explained
        .branches
        .iter()
        .map(|branch| Lookups {
            address: text::plain(&branch.address),
            runs: Vec::new(),
        })
        .collect();
    for (number, step) in explained.steps.iter().enumerate() {
        if let Some(group) = groups.get_mut(step.branch) {
            let mut view = StepView::new(urls, step);
            view.decides = decided == Some(number);
            group.add(view);
        }
    }
    groups.retain(|group| !group.runs.is_empty());
    let shown = if groups.len() > LOOKED_UP + 1 {
        LOOKED_UP
    } else {
        groups.len()
    };
    let folded = groups.split_off(shown);
    (groups, folded)
}

impl Lookups {
    fn add(&mut self, mut step: StepView) {
        let last = match self.runs.last() {
            Some(Run::Told(last)) => Some(last.map),
            Some(Run::Silent(run)) => run.last().map(|last| last.map),
            None => None,
        };
        let is_silent = step.value.is_none() && !step.idle && !step.decides;
        match self.runs.last_mut() {
            Some(Run::Silent(run)) if is_silent => {
                if last == Some(step.map) {
                    step.parameter = "";
                }
                run.push(step);
            }
            _ if is_silent => self.runs.push(Run::Silent(vec![step])),
            before => {
                // What is folded does not tell the parameter.
                if matches!(before, Some(Run::Told(_))) && last == Some(step.map) {
                    step.parameter = "";
                }
                self.runs.push(Run::Told(step));
            }
        }
    }
}
