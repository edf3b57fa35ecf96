//! The lookups of one explanation: each is made once, remembered and told.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::address::{domain, dotted_parents, parts, without_extension, written};
use super::howto::Configuration;
use super::maps::{self, Answer, Found, Map};
use super::{Asked, Lookups, Site, Step};

/// The rows that answered, in the order of their keys; at least one.
pub(super) type Answers = Rc<[Answer]>;

/// What is known about the question, and what was looked up so far.
pub(super) struct Trace<'a> {
    pub tables: &'a dyn Lookups,
    pub site: &'a Site,
    pub asked: &'a Asked,
    pub configuration: &'static Configuration,
    /// The address lookups are about by now: place in [`Explanation::branches`](super::Explanation::branches).
    pub branch: Cell<usize>,
    /// `None` where nobody wants to be told.
    steps: Option<RefCell<Vec<Step>>>,
    answers: RefCell<HashMap<(Map, String), Option<Answers>>>,
}

impl<'a> Trace<'a> {
    /// Nothing looked up yet.
    pub fn new(tables: &'a dyn Lookups, site: &'a Site, asked: &'a Asked, tells: bool) -> Self {
        Self {
            tables,
            site,
            asked,
            configuration: asked.setup.configuration(),
            branch: Cell::new(0),
            steps: tells.then(RefCell::default),
            answers: RefCell::default(),
        }
    }

    /// Every lookup, in its order; none where nobody wants to be told.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps.map(RefCell::into_inner).unwrap_or_default()
    }

    /// Whether the configuration has the lookup table: it is left out where the database lacks what it reads.
    pub fn has(&self, map: Map) -> bool {
        let about = map.about();
        about
            .needs
            .iter()
            .all(|column| self.tables.has(about.table, column))
    }

    /// Looks up a key.
    pub fn ask(&self, map: Map, key: &str) -> Option<Answers> {
        self.looked_up(map, key, true)
    }

    /// Looks up a key that hardly ever has a row, which is told only if it has.
    pub fn ask_quietly(&self, map: Map, key: &str) -> Option<Answers> {
        self.looked_up(map, key, false)
    }

    fn looked_up(&self, map: Map, key: &str, tell: bool) -> Option<Answers> {
        let id = (map, key.to_lowercase());
        if let Some(known) = self.answers.borrow().get(&id) {
            return known.clone();
        }
        if !self.has(map) {
            return None;
        }
        let found = maps::ask(map, &id.1, self.tables, self.configuration);
        if let Some(steps) = &self.steps {
            self.add_steps(&mut steps.borrow_mut(), &id, &found, tell);
        }
        let answers = (!found.rows.is_empty()).then(|| Answers::from(found.rows));
        self.answers.borrow_mut().insert(id, answers.clone());
        answers
    }

    fn add_steps(&self, steps: &mut Vec<Step>, (map, key): &(Map, String), found: &Found, tell: bool) {
        let map = *map;
        let step = |value: Option<String>, row: Option<String>, note: String| Step {
            map: map.about().name,
            table: map.table(),
            key: key.clone(),
            value,
            row,
            note,
            branch: self.branch.get(),
        };
        for (row, value) in &found.rows {
            steps.push(step(
                Some(value.clone()),
                Some(row.clone()),
                meaning(map, key, Some(value)),
            ));
        }
        if found.rows.is_empty() && (tell || found.idle.is_some()) {
            steps.push(match &found.idle {
                Some((row, why)) => step(None, Some(row.clone()), (*why).to_owned()),
                None => step(None, None, meaning(map, key, None)),
            });
        }
    }

    /// Looks for an address the usual way: with its extension, without, by its name alone where its domain is this server's
    /// own, and by `@domain`.
    pub fn find(&self, map: Map, address: &str) -> Option<Match> {
        self.find_spelled(map, address, true)
    }

    /// The same; what needs quotes is asked for without them too only where that is said: smtpd(8) does, cleanup(8) does not.
    pub fn find_spelled(&self, map: Map, address: &str, plain_too: bool) -> Option<Match> {
        if address.is_empty() {
            return None;
        }
        let bare = without_extension(address, self.configuration.delimiter);
        let forms = [Some(address), bare.as_deref()];
        let forms = || forms.iter().flatten().enumerate();
        for (number, form) in forms() {
            let key = written(form);
            let answers = self.ask(map, &key);
            let is_quoted = key != *form;
            let answers = answers.or_else(|| (plain_too && is_quoted).then(|| self.ask(map, form)).flatten());
            if let Some(answers) = answers {
                return Some(Match::new(answers, number == 1));
            }
        }
        let (_, Some(domain)) = parts(address) else {
            return None;
        };
        if domain.eq_ignore_ascii_case(&self.site.origin) || self.is_destination(domain) {
            for (number, form) in forms() {
                // An address in quotes is a name here.
                let whole = written(form);
                let name = whole.strip_suffix(domain).and_then(|name| name.strip_suffix('@'));
                let answers = name
                    .filter(|name| !matches!(*name, "" | "\"\""))
                    .and_then(|name| self.ask(map, name));
                if let Some(answers) = answers {
                    return Some(Match::new(answers, number == 1));
                }
            }
        }
        self.ask(map, &format!("@{domain}"))
            .map(|answers| Match::new(answers, false))
    }

    /// Looks for an address the way of access(5): whole, by its domain and those above it, by its name alone.
    pub fn find_rule(&self, map: Map, address: &str) -> Option<Answers> {
        let bare = without_extension(address, self.configuration.delimiter);
        let forms = || [Some(address), bare.as_deref()].into_iter().flatten();
        if let Some(found) = forms().find_map(|form| self.ask(map, form)) {
            return Some(found);
        }
        // Its query has the name in it and is not run without one.
        if map == Map::Moved {
            return None;
        }
        let domain = domain(address);
        let above = dotted_parents(domain).map(|parent| &parent[1..]);
        let domains = (!domain.is_empty()).then_some(domain).into_iter().chain(above);
        domains
            .filter(|name| !name.is_empty())
            .find_map(|name| self.ask(map, name))
            .or_else(|| {
                let names = forms().map(parts).filter(|(name, _)| !name.is_empty());
                names
                    .map(|(name, _)| format!("{name}@"))
                    .find_map(|key| self.ask(map, &key))
            })
    }

    /// Looks for an address the way of transport(5), in all tables for each key in turn.
    pub fn find_transport(&self, address: &str) -> Option<Answers> {
        let maps = self.configuration.transports;
        let bare = without_extension(address, self.configuration.delimiter);
        let name = domain(address);
        [Some(address), bare.as_deref(), Some(name)]
            .into_iter()
            .flatten()
            .find_map(|key| maps.iter().find_map(|&map| self.ask(map, key)))
            .or_else(|| {
                dotted_parents(name).find_map(|key| maps.iter().find_map(|&map| self.ask_quietly(map, key)))
            })
            .or_else(|| {
                // The query of the generated tables leaves this row out.
                let wild = self.configuration.plain_queries;
                wild.then(|| maps.iter().find_map(|&map| self.ask_quietly(map, "*")))
                    .flatten()
            })
    }

    /// Whether this server is backup MX for a domain.
    pub fn is_relayed(&self, name: &str) -> bool {
        if self.ask(Map::Backups, name).is_some() {
            return true;
        }
        let with_dot = usize::from(self.configuration.relays_subdomains);
        dotted_parents(name).any(|parent| self.ask_quietly(Map::Backups, &parent[with_dot..]).is_some())
    }

    /// Whether a domain is among those of local(8).
    pub fn is_destination(&self, domain: &str) -> bool {
        self.site
            .destinations
            .iter()
            .any(|name| name.eq_ignore_ascii_case(domain))
    }
}

/// What was found for an address.
pub(super) struct Match {
    /// The rows.
    pub answers: Answers,
    /// Whether the extension was left out to find them.
    pub without_extension: bool,
}

impl Match {
    fn new(answers: Answers, without_extension: bool) -> Self {
        Self {
            answers,
            without_extension,
        }
    }
}

/// The answers as Postfix gets them: joined with commas.
pub(super) fn joined(answers: &[Answer]) -> String {
    match answers {
        [(_, only)] => only.clone(),
        many => {
            let values: Vec<&str> = many.iter().map(|(_, value)| value.as_str()).collect();
            values.join(",")
        }
    }
}

/// What an answer means.
fn meaning(map: Map, key: &str, value: Option<&String>) -> String {
    let is_wide = key.starts_with('@');
    let Some(value) = value else {
        let text = match map {
            Map::Domains => "The domain is not hosted here.",
            Map::Mailbox => "No mailbox has this name.",
            Map::Alias if is_wide => "The domain has no catch-all.",
            Map::Alias => "No alias has this name.",
            Map::Backups => "This server is not backup MX for the domain.",
            Map::Relays => "No row says that the address exists on the primary server.",
            Map::Transport | Map::TransportBackups => "No row says where the mail goes.",
            Map::Relocated | Map::Moved => "Nobody has moved from here.",
            Map::BlockRecip => "Mail to this is not blocked.",
            Map::ClientAccess => "No rule is about this client.",
            Map::SenderAccess => "No rule is about this sender.",
        };
        return text.to_owned();
    };
    match map {
        Map::Domains => "The domain is hosted here.".to_owned(),
        Map::Mailbox => format!("There is a mailbox, in the directory {value}."),
        Map::Alias if is_wide => format!("What nothing else takes in this domain goes to {value}."),
        Map::Alias => format!("Its mail goes to {value}."),
        Map::Backups => "This server is backup MX for the domain.".to_owned(),
        Map::Relays => "The address exists on the primary server.".to_owned(),
        Map::Transport | Map::TransportBackups => format!("The mail is handed to {value}."),
        Map::Relocated => format!("Whoever had the address has moved to {value}."),
        Map::Moved | Map::BlockRecip => format!("The sender's server is answered {value}."),
        Map::ClientAccess => format!("The rule about this client says {value}."),
        Map::SenderAccess => format!("The rule about this sender says {value}."),
    }
}
