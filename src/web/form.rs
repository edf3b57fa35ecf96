//! The form of one row: what stands in its fields, and what is wrong with them.

use std::collections::BTreeMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::changes::History;
use super::limits::Limits;
use super::overrides::Placement;
use super::page::{Page, render};
use super::question::Question;
use super::request::{Fields, Visitor};
use super::text;
use crate::access::{Actor, Scope};
use crate::error::Result;
use crate::resource::{Column, Kind, OwnerRights, Problem, Resource, access};
use crate::store::{Row, Table};

/// Why the page is shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Stage {
    /// To fill it in.
    Fill,
    /// A stored row is not as Postfix wants it.
    Mend,
    /// Something was refused.
    Refused,
    /// Something is suspicious and waits for a confirmation.
    Confirm,
}

/// The page of a form.
#[derive(Template)]
#[template(path = "resource/form.html")]
pub struct Form {
    pub page: Page,
    pub resource: &'static Resource,
    pub stage: Stage,
    /// Key of the row; `None` while it is new.
    pub key: Option<String>,
    /// The row's name in the heading.
    pub subject: String,
    /// Image of the row the person saw.
    pub version: String,
    pub fields: Vec<Field>,
    /// What is wrong, for the summary: anchor of the field and text.
    pub problems: Vec<(String, String)>,
    /// What is suspicious.
    pub question: Question,
    /// What a person should know about the stored row before changing it.
    pub notes: Vec<String>,
    /// Whether another new form follows the save.
    pub again: bool,
    /// Where the list was left.
    pub next: String,
    /// A row that collides: its address.
    pub other: Option<String>,
    /// Whether the actor may save.
    pub writable: bool,
    /// Whether the actor may delete the row.
    pub removable: bool,
    /// What an owner should know of the limits.
    pub limits: Limits,
    /// What the form of this table has that others have not.
    pub extra: Extra,
    /// What is wrong with fields that are no column's.
    pub beside: Vec<Problem>,
    /// What was done to the row.
    pub history: Option<History>,
}

/// What the form of one table has that others have not.
#[derive(Debug)]
pub enum Extra {
    /// Nothing.
    None,
    /// Mailboxes.
    Mailbox(MailboxExtra),
    /// A domain that is new.
    NewDomain(NewDomainExtra),
    /// Mailing lists.
    Members(Box<Members>),
    /// Overrides: the table they are written to, and why that.
    Override(&'static str, Placement),
}

/// The form of a mailbox beyond its columns.
#[derive(Debug)]
pub struct MailboxExtra {
    /// Whether the box for the self alias is ticked.
    pub self_alias: bool,
    /// Whether there is one already; `None` where the database has no table for it.
    pub has_alias: Option<bool>,
    /// How the stored password is hashed and what is wrong with it; `None` for a new mailbox.
    pub password: Option<String>,
    /// Whether a new password is to be generated.
    pub generate: bool,
}

/// What a new domain starts with.
#[derive(Debug)]
pub struct NewDomainExtra {
    /// Nothing, `required` or `copy`.
    pub start: String,
    /// Where postmaster and abuse go.
    pub destination: String,
    /// Where every other address goes; may be empty.
    pub catch_all: String,
    /// The domain whose aliases are copied.
    pub copy: String,
    /// Domains there are.
    pub domains: Vec<String>,
}

/// The members of a mailing list as its page shows them.
#[derive(Debug, Default)]
pub struct Members {
    /// The stored members, sorted.
    pub rows: Vec<Member>,
    /// What was typed to be added.
    pub add: String,
    /// Members ticked to be removed.
    pub removed: Vec<String>,
    /// Recipients the list expands to, of those that Postfix takes.
    pub expanded: Gauge,
    /// Addresses of a loop, if there is one.
    pub cycle: Option<String>,
    /// Members, of those that an owner may put in, where that is limited.
    pub allowed: Option<Gauge>,
    /// Characters of the column in use, where it holds few.
    pub used: Option<Gauge>,
    /// Lists this one is a member of: key and address.
    pub member_of: Vec<(String, String)>,
}

/// So much of so much.
#[derive(Debug, Default, Clone, Copy)]
pub struct Gauge {
    /// In use.
    pub used: u64,
    /// There is.
    pub most: u64,
}

impl Gauge {
    /// How full it is, 0 to 100.
    pub fn percent(self) -> u64 {
        (self.used * 100 / self.most.max(1)).min(100)
    }

    /// The class that says it is nearly full, or more than full.
    pub fn state(self) -> &'static str {
        match self.used * 100 / self.most.max(1) {
            0..=80 => "",
            _ if self.used <= self.most => " near",
            _ => " over",
        }
    }
}

/// One member of a list.
#[derive(Debug)]
pub struct Member {
    /// The address.
    pub address: String,
    /// What it is: a mailbox here, an alias, outside.
    pub tag: &'static str,
    /// Whether mail to it bounces.
    pub bounces: bool,
    /// How many addresses an alias delivers to, and the first of them where that is another.
    pub to: (usize, Option<String>),
    /// The members of a nested list, and of the lists in it: how deep each stands, from 1, and the address.
    pub nested: Vec<(usize, String)>,
    /// The page of the alias.
    pub page: Option<String>,
}

impl Members {
    /// Whether this member is ticked to be removed.
    pub fn is_removed(&self, address: &str) -> bool {
        self.removed.iter().any(|gone| gone == address)
    }
}

/// One field of a form.
#[derive(Debug)]
pub struct Field {
    pub column: &'static Column,
    /// Its name in the form: that of the column, but for the address of an override.
    pub name: &'static str,
    /// What stands in it.
    pub value: String,
    /// Below the field, in red.
    pub problems: Vec<String>,
    /// The value in Unicode, where it is punycode.
    pub unicode: Option<String>,
    /// Choices: value, meaning, chosen.
    pub choices: Vec<(String, String, bool)>,
    /// Suggestions for a line of text.
    pub suggestions: &'static [&'static str],
    /// Most characters the live column holds.
    pub capacity: Option<u64>,
    /// Ready-made values: name and value.
    pub presets: Vec<(String, String)>,
}

/// What was typed, or stands in the row, by column.
pub type Typed = Vec<(&'static str, String)>;

/// What a new form offers; fields named in the address are filled in.
pub fn blank(resource: &Resource, table: &Table, offered: &BTreeMap<String, String>) -> Typed {
    // Nobody is sent a link with a password for somebody else's mailbox in it.
    let open = |column: &Column| column.kind != Kind::Password;
    let offer = |column: &Column| offered.get(column.name).filter(|_| open(column)).cloned();
    columns(resource, table)
        .map(|c| (c.name, offer(c).unwrap_or_else(|| table.default_of(c))))
        .collect()
}

/// What was posted. A field the form did not have keeps what is stored, or gets its default; a checkbox that is absent
/// is off.
pub fn typed(resource: &Resource, table: &Table, fields: &Fields, stored: Option<&Row>) -> Typed {
    columns(resource, table)
        .map(|column| {
            let value = match (fields.get(column.name), column.kind, stored) {
                (Some(value), _, _) => value.to_owned(),
                (None, Kind::Switch, _) => String::new(),
                (None, _, Some(row)) => row.text(column.name).to_owned(),
                (None, _, None) => table.default_of(column),
            };
            (column.name, value)
        })
        .collect()
}

/// Columns that decide what becomes of mail, or who reads it. What people note beside it may get lost in a table without the
/// column.
const DECISIVE: [&str; 8] = [
    "transport",
    "destination",
    "maildir",
    "password",
    "status",
    "newadr",
    "kind",
    "action",
];

/// Why a form cannot be saved as it was sent: it decides something in a column that the live table lacks, which would be lost.
pub fn without_column(resource: &Resource, table: &Table, fields: &Fields) -> Option<String> {
    let lost = |column: &&Column| {
        let typed = fields.get(column.name).unwrap_or_default().trim();
        DECISIVE.contains(&column.name)
            && !typed.is_empty()
            && typed != column.default
            && !table.has(kept_in(column))
    };
    let column = resource.columns.iter().find(lost)?;
    let name = kept_in(column);
    Some(format!(
        "{}: the table `{}` of this database has no column `{name}`, so that this value cannot be stored. Leave it out, or \
         give the table the column first, as `postwarden migrate` makes it in a new database.",
        column.label, table.name
    ))
}

/// Puts back what domain owners may not set, whatever they sent: which user writes mail where.
pub fn keep_rare(values: &mut Typed, resource: &Resource, table: &Table, stored: Option<&Row>) {
    for (name, value) in values {
        if let Some(column) = resource.column(name).filter(|column| column.rare) {
            *value = stored.map_or_else(|| table.default_of(column), |row| row.text(name).to_owned());
        }
    }
}

/// The columns of a form: those the live table has.
fn columns<'a>(resource: &'a Resource, table: &'a Table) -> impl Iterator<Item = &'static Column> + 'a {
    resource.columns.iter().filter(|c| table.has(kept_in(c)))
}

/// The table's column for one of the form: a password is kept in another.
fn kept_in(column: &Column) -> &'static str {
    if column.kind == Kind::Password {
        "crypt"
    } else {
        column.name
    }
}

impl Form {
    /// The address whose mail the row has to do with, where it is about one.
    fn explained(&self) -> Option<&str> {
        let explains = matches!(
            self.resource.slug,
            "aliases" | "lists" | "users" | "relays" | "relocated" | "overrides"
        );
        Some(&*self.subject).filter(|subject| explains && text::is_address(subject))
    }

    /// A form to fill in.
    pub fn new(page: Page, resource: &'static Resource, table: &Table, values: &Typed) -> Self {
        let fields = columns(resource, table)
            .map(|column| Field::new(column, table, values))
            .collect();
        Self {
            page,
            resource,
            stage: Stage::Fill,
            key: None,
            subject: String::new(),
            version: String::new(),
            fields,
            problems: Vec::new(),
            question: Question::default(),
            notes: Vec::new(),
            again: false,
            next: String::new(),
            other: None,
            writable: true,
            removable: true,
            limits: Limits::default(),
            extra: Extra::None,
            beside: Vec::new(),
            history: None,
        }
    }

    /// The members that stand in place of this field.
    pub fn members_for(&self, field: &Field) -> Option<&Members> {
        match &self.extra {
            Extra::Members(members) if field.is_list() => Some(members),
            _ => None,
        }
    }

    /// The mailbox whose password this field is for.
    pub fn mailbox_for(&self, field: &Field) -> Option<&MailboxExtra> {
        match &self.extra {
            Extra::Mailbox(mailbox) if field.column.kind == Kind::Password => Some(mailbox),
            _ => None,
        }
    }

    /// Whether something stands beside the form.
    pub fn has_aside(&self) -> bool {
        matches!(self.extra, Extra::Members(_) | Extra::Override(..))
    }

    /// What is wrong with a field that is no column's.
    pub fn problems_of(&self, name: &str) -> Vec<&str> {
        let of_field = self.beside.iter().filter(|problem| problem.column == name);
        of_field.map(|problem| problem.message.as_str()).collect()
    }

    /// The fields everybody needs.
    pub fn usual(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.column.rare)
    }

    /// The fields under "More".
    pub fn rare(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.column.rare)
    }

    /// Whether something under "More" is wrong, so that it has to be open.
    pub fn rare_problem(&self) -> bool {
        self.rare().any(|field| !field.problems.is_empty())
    }

    /// Shows what is wrong, in the summary and beside the fields.
    pub fn with_problems(mut self, stage: Stage, problems: &[Problem]) -> Self {
        for problem in problems {
            let short = text::first_sentence(&problem.message);
            if let Some(field) = self.fields.iter_mut().find(|f| f.column.name == problem.column) {
                self.problems
                    .push((field.name.to_owned(), format!("{}: {short}", field.column.label)));
                field.problems.push(problem.message.clone());
            } else {
                self.problems.push((problem.column.to_owned(), short.to_owned()));
                self.beside.push(problem.clone());
            }
        }
        self.stage = stage;
        self
    }

    /// Shows a reason that belongs to no field.
    pub fn with_reason(mut self, reason: String) -> Self {
        self.problems.push(("main".to_owned(), reason));
        self.stage = Stage::Refused;
        self
    }

    /// Leaves out what domain owners may not set.
    pub fn without_rare_for(&mut self, actor: &Actor) {
        if actor.scope == Scope::Everything {
            return;
        }
        self.fields.retain(|field| !field.column.rare);
        for field in &mut self.fields {
            let name = field.column.name;
            field.choices.retain(|(value, _, chosen)| {
                *chosen
                    || match self.resource.owners {
                        OwnerRights::WriteWhere(column, only) if column == name => value == only,
                        OwnerRights::WriteWhere(..) if name == "action" => !access::reaches_others(value),
                        _ => true,
                    }
            });
        }
    }

    /// The page, which leads back to where its link said.
    ///
    /// # Errors
    /// The template failed.
    pub fn respond_with_next(mut self, visitor: &Visitor, next: Option<&String>) -> Result<Response> {
        self.next = next
            .and_then(|next| visitor.app.urls.own(next))
            .unwrap_or_default();
        self.respond()
    }

    /// Asks to confirm.
    pub fn with_question(mut self, question: Question) -> Self {
        self.question = question;
        self.stage = Stage::Confirm;
        self
    }

    /// The page, with the status its stage asks for.
    ///
    /// # Errors
    /// The template failed.
    pub fn respond(&self) -> Result<Response> {
        let status = if self.stage == Stage::Refused {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        render(status, self)
    }

    /// Where the form is sent.
    pub fn action(&self) -> String {
        match &self.key {
            Some(key) => self.page.row_url(self.resource.slug, key),
            None => self.page.url(&format!("/{}", self.resource.slug)),
        }
    }

    /// The address of the one person a stored row is about, who may leave or move.
    pub fn person(&self) -> Option<&str> {
        let is_stored = self.key.is_some() && self.writable;
        let has_people = matches!(self.resource.slug, "users" | "aliases" | "overrides");
        let is_one = self.subject.find('@').is_some_and(|at| at > 0);
        (is_stored && has_people && is_one).then_some(self.subject.as_str())
    }

    /// Where leaving without saving goes.
    pub fn back(&self) -> String {
        if self.next.is_empty() {
            self.page.url(&format!("/{}", self.resource.slug))
        } else {
            self.next.clone()
        }
    }

    /// The heading of the summary.
    pub fn summary(&self) -> String {
        let count = match self.problems.len() {
            1 => "1 thing to correct".to_owned(),
            n => format!("{n} things to correct"),
        };
        match self.stage {
            Stage::Mend => format!("This row is not as Postfix wants it: {count}"),
            _ => format!("Nothing was saved: {count}"),
        }
    }
}

impl Field {
    fn new(column: &'static Column, table: &Table, values: &Typed) -> Self {
        let stored = values
            .iter()
            .find(|(name, _)| *name == column.name)
            .map_or("", |(_, v)| v.as_str());
        let (mut choices, mut suggestions) = (Vec::new(), [].as_slice());
        match column.kind {
            Kind::Choice(known) => {
                let is_known = known.iter().any(|(value, _)| *value == stored);
                if !is_known {
                    choices.push((stored.to_owned(), "not known to Postfix".to_owned(), true));
                }
                choices.extend(
                    known.iter().map(|(value, meaning)| {
                        ((*value).to_owned(), (*meaning).to_owned(), *value == stored)
                    }),
                );
            }
            Kind::Transport(list) => suggestions = list,
            _ => {}
        }
        let value = match column.kind {
            Kind::Addresses => one_per_line(stored),
            _ => stored.to_owned(),
        };
        Self {
            column,
            name: column.name,
            unicode: text::unicode(&value),
            value,
            problems: Vec::new(),
            choices,
            suggestions,
            capacity: table.column(column.name).and_then(|c| c.capacity),
            presets: Vec::new(),
        }
    }

    /// Whether the checkbox is ticked.
    pub fn is_on(&self) -> bool {
        self.value == "1"
    }

    /// Whether the field is several lines high.
    pub fn is_list(&self) -> bool {
        self.column.kind == Kind::Addresses
    }

    /// Whether the field is a checkbox.
    pub fn is_switch(&self) -> bool {
        self.column.kind == Kind::Switch
    }

    /// Whether the field holds prose: not set like an address.
    pub fn is_prose(&self) -> bool {
        self.column.kind == Kind::Prose
    }

    /// Whether the field is for a whole number.
    pub fn is_number(&self) -> bool {
        self.column.kind == Kind::Number
    }

    /// Most characters of a list whose column a few addresses fill (the howto's holds 120).
    pub fn small_capacity(&self) -> Option<u64> {
        self.capacity.filter(|most| self.is_list() && *most < 1000)
    }

    /// Lines of a list field: as many as it has and some room, within reason.
    pub fn rows(&self) -> usize {
        (self.value.lines().count() + 2).clamp(4, 20)
    }
}

/// A stored list one item per line. What was typed with line breaks already stays as it was typed.
fn one_per_line(stored: &str) -> String {
    if stored.contains('\n') {
        return stored.to_owned();
    }
    stored.split(',').map(str::trim).collect::<Vec<_>>().join("\n")
}
