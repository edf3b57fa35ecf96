//! One column of many rows set, or searched and replaced: a page that asks what, the same page with what it comes to, and
//! one change.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::bulk::{Asked, chosen, expect_writable, finish, why_not};
use super::more;
use crate::access::Scope;
use crate::error::{Error, Result};
use crate::mail::Replacement;
use crate::resource::{Column, Draft, Kind, Part, Problem, Resource};
use crate::store::{Applied, Edit, Edited, Note, Refusal, Stored, Table};
use crate::web::confirmed::{self, Answering, Confirmed};
use crate::web::overrides::{not_allowed, offered, patterns};
use crate::web::page::{Page, render};
use crate::web::request::{Fields, Visitor};
use crate::web::text;
use crate::web::written::{Line, key};

/// Rows shown before and after, and rows named that are left out.
const SHOWN: usize = 20;

/// Fields of the form that are no part of the selection.
const OWN: &[&str] = &[
    "action",
    "column",
    "value",
    "find",
    "replace",
    "ignore_case",
    "whole",
    "seen",
    "confirm",
    "count",
    "companions",
];

/// What is to be done to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Way {
    /// Nobody has said yet.
    Ask,
    Set,
    Replace,
}

impl Way {
    pub fn named(action: &str) -> Option<Self> {
        match action {
            "edit" => Some(Self::Ask),
            "set" => Some(Self::Set),
            "replace" => Some(Self::Replace),
            _ => None,
        }
    }
}

/// An answer to the same form.
pub(in crate::web) type Anew = Box<dyn FnOnce(Arc<Visitor>, Fields) -> Answering + Send + Sync>;

/// Rows that are to be edited.
pub(in crate::web) struct Chosen {
    /// What they are called, and whose columns the form offers.
    pub resource: &'static Resource,
    /// The rows, each with its table.
    pub rows: Vec<(&'static Resource, Stored)>,
    /// What was chosen and is not there any more.
    pub left_out: Vec<String>,
    /// How the same form is answered again, once rows were changed meanwhile.
    pub anew: Anew,
}

/// What was typed.
struct Typed {
    way: Way,
    column: String,
    value: String,
    find: String,
    replace: String,
    ignore_case: bool,
    whole: bool,
}

impl Typed {
    fn read(fields: &Fields, way: Way) -> Self {
        let text = |name: &str| fields.text(name).to_owned();
        Self {
            way,
            column: text("column"),
            value: text("value"),
            find: text("find"),
            replace: text("replace"),
            ignore_case: fields.is_set("ignore_case"),
            whole: fields.is_set("whole") || way == Way::Ask,
        }
    }

    /// The edit that is meant; `None` where nobody has said yet.
    fn check(&self, columns: &[&'static Column]) -> Result<Option<Edit>, Problem> {
        let problem = |column, message: String| Problem { column, message };
        if self.way == Way::Ask {
            return Ok(None);
        }
        let Some(column) = columns.iter().find(|column| column.name == self.column) else {
            return Err(problem("column", "Choose the column.".to_owned()));
        };
        match self.way {
            Way::Replace if column.is_searchable() => {
                Replacement::new(&self.find, &self.replace, self.ignore_case, self.whole)
                    .map(|by| Some(Edit::Replace(column, by)))
                    .map_err(|fault| problem("find", fault.message().to_owned()))
            }
            Way::Replace => Err(problem(
                "column",
                format!("{} is one of a few words: set it instead.", column.label),
            )),
            _ if column.is_settable() => Ok(Some(Edit::Set(column, self.value.clone()))),
            _ => Err(problem(
                "column",
                format!(
                    "{} differs from row to row: find and replace in it instead.",
                    column.label
                ),
            )),
        }
    }
}

/// What an edit comes to, as the page shows it.
struct Preview {
    lines: Vec<Line>,
    rest: Option<String>,
    /// What is sent along, so that nobody confirms anything else.
    seen: String,
    /// `2 aliases`
    what: String,
    effect: Vec<String>,
    warnings: Vec<String>,
    /// Rows that stay although they were meant: page, name, reason.
    refused: Vec<(String, String, String)>,
    refused_rest: Option<String>,
    unchanged: Option<String>,
    is_stale: bool,
}

#[derive(Template)]
#[template(path = "resource/bulk_edit.html")]
struct EditPage {
    page: Page,
    title: String,
    which: String,
    columns: Vec<&'static Column>,
    /// Whether there is a column that can be set, and one that can be searched.
    can: (bool, bool),
    typed: Typed,
    suggestions: Vec<(String, String)>,
    /// What was selected, to be sent again.
    selected: Vec<(String, String)>,
    problems: Vec<(&'static str, String)>,
    left_out: Vec<String>,
    preview: Option<Preview>,
    action: String,
    back: String,
}

impl EditPage {
    fn problem(&self, field: &str) -> Option<&str> {
        let of_field = self.problems.iter().find(|(name, _)| *name == field);
        of_field.map(|(_, problem)| problem.as_str())
    }

    fn is_replacing(&self) -> bool {
        self.typed.way == Way::Replace || !self.can.0
    }
}

/// The form of a table's list; `again` where it was answered already and rows were changed meanwhile.
pub(super) fn edit(
    resource: &'static Resource,
    visitor: Arc<Visitor>,
    fields: Fields,
    way: Way,
    again: bool,
) -> Answering {
    Box::pin(async move {
        expect_writable(&visitor, resource).await?;
        let asked = Asked::read(&fields);
        let mut left_out = Vec::new();
        let rows = match chosen(&visitor, resource, &asked, &mut left_out).await? {
            Ok(rows) => rows,
            Err(problem) => return asked.review(&visitor, resource).await?.respond(Some(&problem)),
        };
        let keys: Vec<String> = rows.into_iter().map(|row| row.key).collect();
        let stored = visitor.app.store.stored(&visitor.actor, resource, &keys).await?;
        let chosen = Chosen {
            resource,
            rows: stored.into_iter().map(|stored| (resource, stored)).collect(),
            left_out,
            anew: Box::new(move |visitor, fields| edit(resource, visitor, fields, way, true)),
        };
        chosen.answer(visitor, asked, way, again).await
    })
}

impl Chosen {
    /// The page that asks, shows what it comes to, or, where that was confirmed, says that it is done. `again` never
    /// writes.
    pub async fn answer(
        self,
        visitor: Arc<Visitor>,
        asked: Asked,
        way: Way,
        again: bool,
    ) -> Result<Response> {
        let fields = &asked.fields;
        let mut page = self.page(&visitor, &asked, Typed::read(fields, way)).await?;
        let edit = match page.typed.check(&page.columns) {
            Ok(Some(edit)) => edit,
            Ok(None) => return render(StatusCode::OK, &page),
            Err(problem) => return page.refuse(problem.column, problem.message),
        };
        let owned = Arc::clone(&visitor);
        let overrides = self.resource.part == Part::Overrides;
        let allowed = move |draft: &Draft| {
            let beyond = not_allowed(&owned, &draft.text("domain"), &draft.text("transport"));
            beyond.filter(|_| overrides).map(|problem| problem.message)
        };
        let store = &visitor.app.store;
        let edited = store
            .plan_edit(&visitor.actor, &self.rows, &edit, &allowed)
            .await?;
        let beside = match edit {
            Edit::Set(..) => "value",
            Edit::Replace(..) => "find",
        };
        if let Some(why) = edited.limit {
            return page.refuse(beside, why);
        }
        if edited.set.is_empty() && edited.set.refused.is_empty() {
            return page.refuse(beside, self.nothing(&edit));
        }
        let seen = edited.set.seen();
        let is_stale = again
            || fields
                .get("seen")
                .is_some_and(|shown| shown != seen && fields.is_set("confirm"));
        if fields.is_set("confirm") && !is_stale && !edited.set.is_empty() {
            return self.write(visitor, asked, page, &edit, edited).await;
        }
        let (title, rows) = (page.title.clone(), edited.set.written().len());
        let worker = Arc::clone(&visitor);
        let shown = Box::pin(async move {
            let all_refused = edited.set.is_empty();
            page.preview = Some(self.preview(&worker, &edit, edited, is_stale).await?);
            if all_refused {
                let why = "Every row that this would change has to be left out: see below.";
                return page.refuse(beside, why.to_owned());
            }
            let status = if is_stale {
                StatusCode::CONFLICT
            } else {
                StatusCode::OK
            };
            render(status, &page)
        });
        confirmed::reviewed(&visitor, title, rows, shown).await
    }

    fn nothing(&self, edit: &Edit) -> String {
        let (column, these) = (edit.column().label, self.resource.words.many);
        match edit {
            Edit::Set(..) => {
                format!("Every one of these {these} has this in {column} already: nothing would change.")
            }
            Edit::Replace(..) => format!("It is in {column} of none of these {these}: nothing would change."),
        }
    }

    fn counted(&self, count: usize) -> String {
        match count {
            1 => format!("1 {}", self.resource.words.noun),
            n => format!("{} {}", text::number(n as u64), self.resource.words.many),
        }
    }

    /// The page before anything was typed into it.
    async fn page(&self, visitor: &Visitor, asked: &Asked, mut typed: Typed) -> Result<EditPage> {
        let resource = self.resource;
        let title = format!("Edit {}", self.counted(self.rows.len()));
        let table = visitor
            .app
            .store
            .table(self.rows.first().map_or(resource, |(place, _)| *place));
        let columns = columns(visitor, resource, table.await?.as_ref());
        let can = (
            columns.iter().any(|column| column.is_settable()),
            columns.iter().any(|column| column.is_searchable()),
        );
        if let ([only], true) = (columns.as_slice(), typed.column.is_empty()) {
            only.name.clone_into(&mut typed.column);
        }
        let selected = asked.fields.repeatable().into_iter();
        Ok(EditPage {
            page: visitor.page(&title, resource.slug).await?,
            title,
            which: asked.which(resource),
            suggestions: suggestions(visitor, resource, &columns),
            columns,
            can,
            typed,
            selected: selected
                .filter(|(name, _)| !OWN.contains(&name.as_str()))
                .collect(),
            problems: Vec::new(),
            left_out: self.left_out.clone(),
            preview: None,
            action: visitor.app.urls.page(&format!("/{}/bulk", resource.slug)),
            back: asked.back(visitor, resource),
        })
    }

    async fn preview(
        &self,
        visitor: &Visitor,
        edit: &Edit,
        edited: Edited,
        is_stale: bool,
    ) -> Result<Preview> {
        let (set, store) = (&edited.set, &visitor.app.store);
        let effect = store
            .effect_of_written(&visitor.actor, set.written().to_vec())
            .await?;
        let shown = set.written().iter().take(SHOWN);
        let refused = set.refused.iter().take(SHOWN).map(|unfit| {
            let row = self.rows.iter().find(|(_, stored)| stored.row.key == unfit.key);
            let key = row.map_or_else(String::new, |(place, stored)| key(place, &stored.row));
            (
                visitor.app.urls.row(self.resource.slug, &key),
                text::plain(&unfit.subject),
                unfit.reason.clone(),
            )
        });
        Ok(Preview {
            lines: shown
                .map(|row| Line::of_column(visitor, row, edit.column()))
                .collect(),
            rest: more(set.written().len().saturating_sub(SHOWN) as u64),
            seen: set.seen(),
            what: self.counted(set.written().len()),
            effect: effect.sentences(),
            warnings: edited
                .warnings
                .into_iter()
                .map(|warning| warning.message)
                .collect(),
            refused: refused.collect(),
            refused_rest: more(set.refused.len().saturating_sub(SHOWN) as u64),
            unchanged: match edited.unchanged {
                0 => None,
                1 => Some(format!("{} as it is.", stay(&self.counted(1), 1))),
                n => Some(format!("{} as they are.", stay(&self.counted(n), n))),
            },
            is_stale,
        })
    }

    async fn write(
        self,
        visitor: Arc<Visitor>,
        asked: Asked,
        mut page: EditPage,
        edit: &Edit,
        edited: Edited,
    ) -> Result<Response> {
        let (resource, what) = (self.resource, self.counted(edited.set.written().len()));
        let note = described(edit, &what);
        let confirmed = Confirmed {
            title: format!("Change {what}"),
            operations: edited.set.operations().to_vec(),
            note: Note::saying(&note),
        };
        let left = match edited.set.refused.len() {
            0 => String::new(),
            n => format!(" {} as before.", stay(&self.counted(n), n)),
        };
        let line = format!("Changed {what}: {note}.{left}");
        let back = page.back.clone();
        let done =
            move |visitor: &Visitor, applied: &Applied| (finish(visitor, resource, line, applied), back);
        let (anew, fields) = (self.anew, asked.fields);
        let refused = move |visitor: Arc<Visitor>, refusal: Refusal| -> Answering {
            match refusal {
                Refusal::Failed(Error::NotFound) | Refusal::Conflict(_) => anew(visitor, fields),
                other => Box::pin(async move {
                    page.left_out.clear();
                    page.refuse("column", why_not(other)?)
                }),
            }
        };
        confirmed.carry_out(&visitor, done, refused).await
    }
}

impl EditPage {
    fn refuse(mut self, field: &'static str, message: String) -> Result<Response> {
        self.problems.push((field, message));
        render(StatusCode::UNPROCESSABLE_ENTITY, &self)
    }
}

/// What was done, for the record.
fn described(edit: &Edit, what: &str) -> String {
    match edit {
        Edit::Set(column, value) => {
            format!("set {} of {what} to `{}`", column.name, text::plain(value.trim()))
        }
        Edit::Replace(column, by) => format!(
            "replaced `{}` by `{}` in {} of {what}",
            text::plain(by.find()),
            text::plain(by.with()),
            column.name
        ),
    }
}

fn stay(what: &str, count: usize) -> String {
    format!("{what} {}", if count == 1 { "stays" } else { "stay" })
}

/// The columns that can be edited in many rows at once.
fn columns(visitor: &Visitor, resource: &Resource, table: Option<&Table>) -> Vec<&'static Column> {
    let everything = visitor.actor.scope == Scope::Everything;
    let columns = resource.columns.iter();
    columns
        .filter(|column| column.is_settable() || column.is_searchable())
        .filter(|column| everything || !column.rare)
        .filter(|column| resource.unique_with != Some(column.name))
        .filter(|column| table.is_some_and(|table| table.has(column.name)))
        .collect()
}

/// Values that are offered, with what they mean.
fn suggestions(visitor: &Visitor, resource: &Resource, columns: &[&'static Column]) -> Vec<(String, String)> {
    if resource.part == Part::Overrides {
        let offered = offered(patterns(visitor, None)).into_iter();
        return offered.map(|(name, transport)| (transport, name)).collect();
    }
    let of = |column: &&'static Column| -> Vec<(String, String)> {
        match column.kind {
            Kind::Transport(list) => list
                .iter()
                .map(|one| ((*one).to_owned(), String::new()))
                .collect(),
            Kind::Choice(known) => known
                .iter()
                .map(|(value, meaning)| ((*value).to_owned(), (*meaning).to_owned()))
                .collect(),
            _ => Vec::new(),
        }
    };
    columns.iter().flat_map(of).collect()
}
