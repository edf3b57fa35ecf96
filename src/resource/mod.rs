//! The tables people edit, each described by data: what it is called, its columns, how a row is checked, what other
//! rows have to do with it. Forms, lists, deletion pages and the SQL all come from these descriptions.
//!
//! To add a table write one file beside this one and name it in [`ALL`]; `CONTRIBUTING.md` has the steps.

pub mod access;
pub mod aliases;
pub mod backups;
pub mod domains;
mod input;
pub mod lists;
pub mod overrides;
pub mod relays;
pub mod relocated;
mod row;
pub mod users;

use crate::mail::{domain_of, in_ticks};
pub use input::{Draft, Input, Problem, Rules, Value};
pub use row::Row;

/// Everything that has the generic pages, in the order of the menu. A table comes before the parts of it that have pages
/// of their own.
pub static ALL: &[&Resource] = &[
    &domains::RESOURCE,
    &aliases::RESOURCE,
    &lists::RESOURCE,
    &users::RESOURCE,
    &backups::RESOURCE,
    &relays::RESOURCE,
    &relocated::RESOURCE,
    &access::RESOURCE,
];

/// Which rows of its table a resource is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    Whole,
    /// Those that deliver to two addresses or more; any other can become one, so only lists leave the rest out.
    Lists,
    /// Those about one address among rows about domains; nothing else of the table is reached through it.
    Overrides,
}

/// What domain owners may do with a table's rows in their domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerRights {
    /// See those about a whole domain.
    Read,
    /// See and change them.
    Write,
    /// See and change those where this column has this value; the others act on everybody's mail.
    WriteWhere(&'static str, &'static str),
}

/// One editable table, or a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// First part of the page addresses.
    pub slug: &'static str,
    /// Name of the table in the mail database.
    pub table: &'static str,
    /// Its primary key.
    pub key: &'static str,
    /// Which of its rows.
    pub part: Part,
    /// The column Postfix looks up; its value names the domain a row belongs to.
    pub subject: &'static str,
    /// The column together with which the subject is unique, where it is not so by itself.
    pub unique_with: Option<&'static str>,
    /// The column with a directory that no other row may have.
    pub directory: Option<&'static str>,
    /// What domain owners may do.
    pub owners: OwnerRights,
    /// Name of the page and of a row, and what the table does for mail.
    pub words: Words,
    /// The columns people edit, in the order of the form. Others are kept as they are.
    pub columns: &'static [Column],
    /// Checks what was typed; everything else about a row is data.
    pub check: fn(&mut Input<'_>),
    /// What else is touched when a row goes away.
    pub dependents: &'static [Dependent],
    /// Whether running Postfix processes may answer from memory after a change (docs/postfix.md 3a).
    pub cached_by_postfix: bool,
    /// How the table is made on a fresh install; shown where it is missing.
    pub create_table: &'static str,
}

/// What a table and its rows are called, in sentences for people.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// Title of the list.
    pub title: &'static str,
    /// One row, with its article: `an alias`.
    pub one: &'static str,
    /// One row without article: `alias`.
    pub noun: &'static str,
    /// Several rows: `aliases`.
    pub many: &'static str,
    /// What the table does for mail, in a sentence or two, shown above the list.
    pub about: &'static str,
    /// How to start, shown while the table is empty.
    pub start: &'static str,
    /// What a person should know before a row is deleted; may be empty.
    pub deleting: &'static str,
    /// A word for rows that are not of the usual kind, such as a catch-all.
    pub unusual: &'static [(Applies, &'static str)],
}

/// One editable column.
#[derive(Debug)]
pub struct Column {
    /// Name of the column, and of the form field.
    pub name: &'static str,
    /// Label of the field and heading of the list's column.
    pub label: &'static str,
    /// What to type, and what it does.
    pub help: &'static str,
    /// How it is typed and shown.
    pub kind: Kind,
    /// What a new form offers.
    pub default: &'static str,
    /// What the list says where it holds nothing.
    pub empty: &'static str,
    /// Whether the list can be sorted by it.
    pub sortable: bool,
    /// Seldom needed: under "More" in the form, not in the list, and not for domain owners, since it says where on the
    /// server and as which user mail is written.
    pub rare: bool,
}

impl Column {
    /// Whether many rows can be given one and the same value here.
    pub fn is_settable(&self) -> bool {
        matches!(
            self.kind,
            Kind::Transport(_) | Kind::Choice(_) | Kind::Line | Kind::Prose | Kind::Number
        )
    }

    /// Whether text can be found and replaced here. Keys and directories are left alone: other rows and files hang on them.
    pub fn is_searchable(&self) -> bool {
        matches!(
            self.kind,
            Kind::Transport(_) | Kind::Line | Kind::Prose | Kind::Addresses
        )
    }
}

/// A column that is one optional line of text.
const LINE: Column = Column {
    name: "",
    label: "",
    help: "",
    kind: Kind::Line,
    default: "",
    empty: "nothing",
    sortable: false,
    rare: false,
};

/// How a column is typed and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The domain or address Postfix looks up.
    Subject,
    /// A transport of master.cf and where it delivers to, with suggestions.
    Transport(&'static [&'static str]),
    /// One line of text that a program reads.
    Line,
    /// One line of text that people read.
    Prose,
    /// A directory for mail; Postfix takes it to the letter.
    Directory,
    /// A whole number.
    Number,
    /// Addresses, one per line.
    Addresses,
    /// One of a few words, each with its meaning.
    Choice(&'static [(&'static str, &'static str)]),
    /// On or off.
    Switch,
    /// A password that is typed and never read back: the form's field `password`, kept as a hash in `crypt`.
    Password,
}

/// Which rows a [`Dependent`] is about, by the form of their subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applies {
    /// All.
    Always,
    /// `example.org`
    ToDomains,
    /// `joe@example.org`
    ToAddresses,
    /// `@example.org`
    ToWildcards,
}

impl Applies {
    /// Whether a subject is of this form.
    pub fn to(self, subject: &str) -> bool {
        match self {
            Self::Always => true,
            Self::ToDomains => !subject.contains('@'),
            Self::ToWildcards => subject.starts_with('@'),
            Self::ToAddresses => !subject.starts_with('@') && subject.contains('@'),
        }
    }
}

/// A place where other rows are looked for.
#[derive(Debug)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column compared.
    pub column: &'static str,
    /// How it is compared.
    pub relation: Relation,
}

/// How another row relates to a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The column equals the subject.
    Same,
    /// The column equals the subject's domain.
    ItsDomain,
    /// The column is a domain or an address of the subject's domain.
    InDomain,
    /// The column is a list of addresses, one of which is the subject.
    Mentions,
    /// The column is a list of addresses, one of which is in the subject's domain.
    MentionsDomain,
}

/// Rows that depend on one that is about to be deleted.
#[derive(Debug)]
pub struct Dependent {
    /// Which rows it is about.
    pub applies: Applies,
    /// Where the dependent rows are.
    pub place: Place,
    /// What they have to do with it, to be said after how many they are; `{subject}` and `{domain}` are filled in. What
    /// becomes of their mail is the effect of the change, which is computed.
    pub what: &'static str,
}

/// Fills the names of a row into a sentence, with everything invisible in them made visible.
pub fn fill(sentence: &str, subject: &str) -> String {
    sentence
        .replace("{subject}", &in_ticks(subject))
        .replace("{domain}", &in_ticks(&domain_of(subject)))
}

impl Resource {
    /// The whole tables, without the parts of them that have pages of their own.
    pub fn tables() -> impl Iterator<Item = &'static Self> {
        ALL.iter().filter(|r| r.part == Part::Whole).copied()
    }

    /// The columns of a list of rows, the subject first.
    pub fn listed(&self) -> impl Iterator<Item = &'static Column> {
        let first = self.columns.iter().filter(|c| c.name == self.subject);
        let others = self.columns.iter().filter(|c| c.name != self.subject);
        first
            .chain(others)
            .filter(|c| !c.rare && c.kind != Kind::Password)
    }

    /// The description of a table, if the panel edits it.
    pub fn by_table(table: &str) -> Option<&'static Self> {
        ALL.iter().find(|r| r.table == table).copied()
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Checks one row's fields.
    ///
    /// # Errors
    /// Everything wrong with them.
    pub fn check(&self, rules: &Rules, fields: Vec<(&'static str, String)>) -> Result<Draft, Vec<Problem>> {
        let mut input = Input::new(rules, fields);
        (self.check)(&mut input);
        input.finish()
    }
}

/// The checkbox every table has.
const ENABLED: Column = Column {
    name: "enabled",
    label: "Enabled",
    help: "A row that is off is kept here, but Postfix does not see it.",
    kind: Kind::Switch,
    default: "1",
    empty: "",
    ..LINE
};
