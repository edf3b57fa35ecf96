//! An explanation as the page shows it: a verdict, a tree of addresses, and the lookups behind it.

use std::collections::HashSet;

use crate::postfix::Map;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Resource, users};
use crate::route::{Delivery, Explanation, Kind, Outcome, Step};
use crate::web::text;
use crate::web::urls::Urls;

/// Branches shown of one address; the rest are folded.
const SHOWN: usize = 20;

/// Addresses whose lookups are shown; the rest are folded.
const LOOKED_UP: usize = 6;

/// From here on the tree is not indented further: a phone is 360 px wide, and 1,000 steps are allowed.
const DEEPEST: usize = 5;

/// What becomes of the mail, in a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `ok`, `warn` or `error`, as of a notice.
    pub state: &'static str,
    /// The sentence.
    pub headline: String,
    /// Why, and what that means for the sender.
    pub lines: Vec<String>,
}

impl Verdict {
    /// What an explanation comes to.
    pub fn of(explained: &Explanation) -> Self {
        match explained.outcome {
            Outcome::Delivered => Self {
                state: "ok",
                headline: delivered(&explained.deliveries),
                lines: Vec::new(),
            },
            Outcome::Deferred if explained.rcpt.code >= 400 => Self {
                state: "warn",
                headline: format!("Refused for now: {}", codes(explained)),
                lines: vec!["The sender's server keeps the mail and tries again for some days.".to_owned()],
            },
            Outcome::Deferred => Self {
                state: "warn",
                headline: of_all(
                    explained,
                    Kind::Defer,
                    "Waits in the queue",
                    "waits in the queue",
                    "wait in the queue",
                ),
                lines: reasons(explained, Kind::Defer),
            },
            Outcome::Bounced => {
                let mut lines = reasons(explained, Kind::Bounce);
                lines.push(
                    "It is accepted first, so the bounce goes to whoever is named as the sender, also of mail they never \
                     wrote: backscatter."
                        .to_owned(),
                );
                Self {
                    state: "error",
                    headline: of_all(
                        explained,
                        Kind::Bounce,
                        "Accepted, then bounced",
                        "is bounced",
                        "are bounced",
                    ),
                    lines,
                }
            }
            Outcome::Rejected => Self {
                state: "error",
                headline: format!("Refused: {}", codes(explained)),
                lines: vec!["The sender's server is told at once and tells the sender.".to_owned()],
            },
        }
    }
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
        several => format!("Delivered to {} places", text::number(several.len() as u64)),
    }
}

/// What becomes of all the mail, or of so many of several deliveries.
fn of_all(explained: &Explanation, kind: Kind, all: &str, one: &str, some: &str) -> String {
    let many = explained.deliveries.len();
    let count = explained.deliveries.iter().filter(|d| d.kind == kind).count();
    match count {
        0 => all.to_owned(),
        _ if count == many => all.to_owned(),
        1 => format!("1 of {} deliveries {one}", text::number(many as u64)),
        _ => format!(
            "{} of {} deliveries {some}",
            text::number(count as u64),
            text::number(many as u64)
        ),
    }
}

/// Why mail is not delivered: the first few different reasons.
fn reasons(explained: &Explanation, kind: Kind) -> Vec<String> {
    const MOST: usize = 3;
    let mut reasons: Vec<String> = Vec::new();
    for delivery in explained.deliveries.iter().filter(|d| d.kind == kind) {
        let reason = delivery.reason.iter().map(|reason| text::plain(reason));
        reasons.extend(
            reason
                .filter(|reason| !reasons.contains(reason))
                .collect::<Vec<_>>(),
        );
    }
    reasons.truncate(MOST);
    reasons
}

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
    /// The lookups.
    pub steps: Vec<StepView>,
}

/// One lookup.
#[derive(Debug)]
pub struct StepView {
    /// The name of the lookup table.
    pub map: &'static str,
    /// The parameter of main.cf that names it; empty where it is that of the lookup before.
    pub parameter: &'static str,
    /// The table.
    pub table: &'static str,
    /// What was asked for.
    pub key: String,
    /// The answer.
    pub value: Option<String>,
    /// The row that answered or does not count: its key and page.
    pub row: Option<(String, String)>,
    /// Whether there is a row that does not count.
    pub idle: bool,
    /// What it means.
    pub note: String,
}

impl StepView {
    fn new(urls: &Urls, step: &Step) -> Self {
        Self {
            map: step.map,
            parameter: Map::named(step.map).map_or("", |map| map.parameter),
            table: step.table,
            key: text::plain(&step.key),
            value: step
                .value
                .as_deref()
                .map(|value| text::short(&text::plain(value))),
            row: step
                .row
                .as_ref()
                .and_then(|row| Some((text::plain(row), page_of(urls, step.table, row, &step.key)?))),
            idle: step.row.is_some() && step.value.is_none(),
            note: step.note.clone(),
        }
    }
}

/// The lookups by address, those that are shown at once and those that are folded.
pub fn lookups(explained: &Explanation, urls: &Urls) -> (Vec<Lookups>, Vec<Lookups>) {
    let mut groups: Vec<Lookups> = explained
        .branches
        .iter()
        .map(|branch| Lookups {
            address: text::plain(&branch.address),
            steps: Vec::new(),
        })
        .collect();
    for step in &explained.steps {
        if let Some(group) = groups.get_mut(step.branch) {
            let mut view = StepView::new(urls, step);
            if group.steps.last().is_some_and(|last| last.map == view.map) {
                view.parameter = "";
            }
            group.steps.push(view);
        }
    }
    groups.retain(|group| !group.steps.is_empty());
    let shown = if groups.len() > LOOKED_UP + 1 {
        LOOKED_UP
    } else {
        groups.len()
    };
    let folded = groups.split_off(shown);
    (groups, folded)
}
