//! Many rows at once: first a page that counts and says what it comes to, then one change.

use std::collections::HashSet;
use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::bulk_edit::{self, Way};
use super::index::list_address;
use super::refused::beyond;
use super::{CACHED, Depending, companions, live};
use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::store::{
    Applied, Enabling, ListQuery, MOST, Note, Operation, Plan, Refusal, Row, Selection, expect_removable,
    expect_switchable,
};
use crate::web::confirmed::{self, Answering, Confirmed};
use crate::web::page::{Notice, Page, render};
use crate::web::request::{Fields, Visitor};
use crate::web::text;

/// Rows named on the page; the rest are counted.
const NAMED: usize = 6;

/// What is done to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Action {
    Enable,
    Disable,
    Delete,
}

impl Action {
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "enable" => Some(Self::Enable),
            "disable" => Some(Self::Disable),
            "delete" => Some(Self::Delete),
            _ => None,
        }
    }

    pub fn verb(self) -> &'static str {
        match self {
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::Delete => "Delete",
        }
    }

    /// The operation on rows with these keys.
    fn on(self, resource: &'static Resource, keys: Vec<String>) -> Operation {
        match self {
            Self::Enable | Self::Disable => Operation::SetEnabled {
                resource,
                keys,
                enabled: self == Self::Enable,
            },
            Self::Delete => Operation::Delete {
                resource,
                keys,
                version: None,
            },
        }
    }

    pub fn past(self) -> &'static str {
        match self {
            Self::Enable => "Enabled",
            Self::Disable => "Disabled",
            Self::Delete => "Deleted",
        }
    }
}

/// The page that asks.
#[derive(Template)]
#[template(path = "resource/bulk.html")]
pub(in crate::web) struct Review {
    pub page: Page,
    pub resource: &'static Resource,
    pub title: String,
    /// Which rows these are, where a filter says so.
    pub which: String,
    pub verb: &'static str,
    /// `3 aliases`
    pub what: String,
    /// How many rows would change: sent along, so that nobody confirms another number.
    pub count: usize,
    /// What was sent, to be sent again.
    pub fields: Vec<(String, String)>,
    pub names: Vec<String>,
    pub dependents: Vec<Depending>,
    /// What it does to mail.
    pub effect: Vec<String>,
    pub warnings: Vec<String>,
    /// What can go with the rows.
    pub companions: Vec<String>,
    /// Rows that are left out: how many and why.
    pub left_out: Vec<String>,
    /// Why nothing can be done.
    pub problem: Option<String>,
    pub danger: bool,
    /// Where the form is sent.
    pub action: String,
    pub back: String,
}

impl Review {
    fn rest(&self) -> Option<String> {
        super::more((self.count - self.names.len()) as u64)
    }
}

/// A posted bulk form.
pub(in crate::web) struct Asked {
    pub action: Option<Action>,
    pub selection: Selection,
    pub filter: ListQuery,
    pub fields: Fields,
}

impl Asked {
    pub fn read(fields: &Fields) -> Self {
        let filter = ListQuery {
            q: fields.text("q").to_owned(),
            domain: fields.text("domain").to_owned(),
            enabled: fields.text("enabled").to_owned(),
            needs: fields.text("needs").to_owned(),
            ..ListQuery::default()
        };
        let selection = if fields.is_set("all") {
            Selection::Matching(filter.clone())
        } else {
            Selection::Keys(fields.every("key"))
        };
        Self {
            action: Action::named(fields.text("action")),
            selection,
            filter,
            fields: fields.clone(),
        }
    }

    /// Where the list was left.
    pub fn back(&self, visitor: &Visitor, resource: &Resource) -> String {
        visitor
            .app
            .urls
            .own(self.fields.text("next"))
            .unwrap_or_else(|| list_address(visitor, resource, &self.filter, &[]))
    }

    /// Which rows these are, where a filter says so.
    pub fn which(&self, resource: &Resource) -> String {
        match (&self.selection, self.filter.is_filtered()) {
            (Selection::Keys(_), _) => String::new(),
            (Selection::Matching(_), false) => format!("All {} there are.", resource.words.many),
            (Selection::Matching(_), true) => format!("All that match{}.", described(&self.filter)),
        }
    }

    /// Whether the person has seen this very number.
    pub fn is_confirmed(&self, count: usize) -> bool {
        let seen = self
            .fields
            .get("count")
            .is_none_or(|seen| seen == count.to_string());
        self.fields.is_set("confirm") && seen
    }

    /// An empty page to ask with.
    pub async fn review(&self, visitor: &Visitor, resource: &'static Resource) -> Result<Review> {
        let words = &resource.words;
        let verb = self.action.map_or("", Action::verb);
        let fields = self
            .fields
            .repeatable()
            .into_iter()
            .filter(|(name, _)| !matches!(name.as_str(), "confirm" | "count" | "companions"))
            .collect();
        Ok(Review {
            page: visitor
                .page(&format!("{verb} {}", words.many), resource.slug)
                .await?,
            resource,
            title: String::new(),
            which: self.which(resource),
            verb,
            what: String::new(),
            count: 0,
            fields,
            names: Vec::new(),
            dependents: Vec::new(),
            effect: Vec::new(),
            warnings: Vec::new(),
            companions: Vec::new(),
            left_out: Vec::new(),
            problem: None,
            danger: self.action == Some(Action::Delete),
            action: visitor.app.urls.page(&format!("/{}/bulk", resource.slug)),
            back: self.back(visitor, resource),
        })
    }
}

impl Review {
    /// Fills in how many rows it is about and the first few of them.
    pub fn counting(&mut self, subjects: &[&str]) {
        self.count = subjects.len();
        self.what = match self.count {
            1 => format!("1 {}", self.resource.words.noun),
            n => format!("{} {}", text::number(n as u64), self.resource.words.many),
        };
        self.title = format!("{} {}?", self.verb, self.what);
        self.names = subjects.iter().take(NAMED).map(|s| text::plain(s)).collect();
    }

    /// 200 to ask, 422 where there is nothing to ask about.
    pub fn respond(mut self, problem: Option<&str>) -> Result<Response> {
        self.problem = problem.map(str::to_owned);
        if problem.is_some() && self.count == 0 {
            "Nothing was changed".clone_into(&mut self.title);
        }
        let status = if problem.is_some() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        render(status, &self)
    }
}

/// What a filter narrows a list to, as the end of a sentence.
fn described(filter: &ListQuery) -> String {
    let (q, domain) = (filter.q.trim(), filter.domain.trim());
    let fragment = if q.is_empty() {
        String::new()
    } else {
        format!(" “{q}”")
    };
    let place = if domain.is_empty() {
        String::new()
    } else {
        format!(" in {domain}")
    };
    let state = match filter.enabled.as_str() {
        "1" => " and are enabled",
        "0" => " and are disabled",
        _ => "",
    };
    format!("{fragment}{place}{state}")
}

pub(in crate::web) const NOTHING: &str =
    "No row is selected. Tick the rows in the list, or \"all that match\", and choose what to do with them.";
pub(in crate::web) const NO_ACTION: &str = "Choose Enable, Disable or Delete, or Edit.";

const GONE: &str = "Some of the rows are not there any more. Look again at what is left.";

/// What is said where another program holds rows longer than anybody waits.
pub(in crate::web) const LOCKED: &str =
    "Another program has locked some of the rows: nothing was written. Try again in a moment.";

/// What is said of more rows than one change takes.
pub(in crate::web) fn too_many() -> String {
    format!(
        "That is more than {} rows, the most of one change. Narrow the list, by domain for instance, and take it in turns.",
        text::number(MOST as u64)
    )
}

pub(super) async fn bulk(resource: &'static Resource, visitor: Visitor, fields: Fields) -> Result<Response> {
    if let Some(way) = Way::named(fields.text("action")) {
        return bulk_edit::edit(resource, Arc::new(visitor), fields, way, false).await;
    }
    run(resource, Arc::new(visitor), fields, None).await
}

/// `again` says why nothing was written of what was confirmed: what there is now is asked about anew.
fn run(
    resource: &'static Resource,
    visitor: Arc<Visitor>,
    fields: Fields,
    again: Option<&'static str>,
) -> Answering {
    Box::pin(async move {
        let asked = Asked::read(&fields);
        expect_writable(&visitor, resource).await?;
        let mut review = asked.review(&visitor, resource).await?;
        review.warnings.extend(again.map(str::to_owned));
        let Some(action) = asked.action else {
            return review.respond(Some(NO_ACTION));
        };
        let rows = match chosen(&visitor, resource, &asked, &mut review.left_out).await? {
            Ok(rows) => rows,
            Err(problem) => return review.respond(Some(&problem)),
        };
        let keys = concerned(&visitor, resource, action, &rows, &mut review).await?;
        let concerned: HashSet<&str> = keys.iter().map(String::as_str).collect();
        let rows: Vec<Row> = rows
            .into_iter()
            .filter(|row| concerned.contains(row.key.as_str()))
            .collect();
        let mut judged = rows.iter();
        if let Some(why) = judged.find_map(|row| refusal(&visitor, resource, action, row)) {
            return review.respond(Some(&why));
        }
        let subjects: Vec<&str> = rows.iter().map(|row| row.text(resource.subject)).collect();
        review.counting(&subjects);
        if rows.is_empty() {
            return review.respond(Some("None of the selected rows can be changed this way."));
        }
        let companions = match action {
            Action::Delete => companions::plan_deletion(&visitor, resource, &rows).await?,
            Action::Enable | Action::Disable => Plan::default(),
        };
        if again.is_some() || !asked.is_confirmed(rows.len()) {
            let (title, count) = (review.title.clone(), rows.len());
            // What can go with the rows is ticked.
            let with = companions.operations;
            let operations = [vec![action.on(resource, keys)], with.clone()].concat();
            review.companions = companions.told;
            let worker = Arc::clone(&visitor);
            let page = Box::pin(async move {
                let store = &worker.app.store;
                if action != Action::Enable {
                    let dependents = store.dependents(&worker.actor, resource, &rows, &with).await?;
                    review.dependents = Depending::all(&worker, dependents);
                }
                review.effect = store.effect(&worker.actor, &operations).await?.sentences();
                review.respond(None)
            });
            return confirmed::reviewed(&visitor, title, count, page).await;
        }
        let mut operations = vec![action.on(resource, keys)];
        if fields.is_set("companions") {
            operations.extend(companions.operations);
        }
        write(resource, &visitor, asked, review, operations).await
    })
}

/// Writes what was confirmed.
async fn write(
    resource: &'static Resource,
    visitor: &Arc<Visitor>,
    asked: Asked,
    review: Review,
    operations: Vec<Operation>,
) -> Result<Response> {
    let confirmed = Confirmed {
        title: format!("{} {}", review.verb, review.what),
        operations,
        note: Note::default(),
    };
    let line = format!("{} {}.", asked.action.map_or("", Action::past), review.what);
    let back = review.back.clone();
    let done = move |visitor: &Visitor, applied: &Applied| (finish(visitor, resource, line, applied), back);
    let refused = move |visitor: Arc<Visitor>, refusal: Refusal| -> Answering {
        match refusal {
            // Rows went away or were changed while this was answered: what is left is asked about anew, with its own number.
            Refusal::Failed(Error::NotFound) | Refusal::Conflict(_) => {
                run(resource, visitor, asked.fields, Some(GONE))
            }
            Refusal::Failed(Error::Busy) => run(resource, visitor, asked.fields, Some(LOCKED)),
            other => Box::pin(async move { review.respond(Some(&why_not(other)?)) }),
        }
    };
    confirmed.carry_out(visitor, done, refused).await
}

/// Why nothing of a selection was written, where a page can say it.
///
/// # Errors
/// What is no matter of the selection.
pub(in crate::web) fn why_not(refusal: Refusal) -> Result<String> {
    match refusal {
        Refusal::Limit { why, .. } => Ok(why),
        Refusal::Failed(Error::Busy) | Refusal::Conflict(_) => Ok(LOCKED.to_owned()),
        Refusal::Failed(error) => Err(error),
        Refusal::Unstorable(why) => Err(Error::Forbidden(why)),
        other => Err(Error::Unexpected(format!("a bulk change was refused: {other:?}"))),
    }
}

/// That rows of a table can be written, by this visitor.
pub(super) async fn expect_writable(visitor: &Visitor, resource: &'static Resource) -> Result<()> {
    let table = live(visitor, resource).await?;
    visitor.actor.require_write(resource)?;
    match table.read_only(resource) {
        Some(why) => Err(Error::ReadOnly(why)),
        None => Ok(()),
    }
}

/// The chosen rows, or why nothing can be done; what is chosen and not there any more is told as left out.
pub(super) async fn chosen(
    visitor: &Visitor,
    resource: &'static Resource,
    asked: &Asked,
    left_out: &mut Vec<String>,
) -> Result<Result<Vec<Row>, String>> {
    let store = &visitor.app.store;
    let rows = store.selected(&visitor.actor, resource, &asked.selection).await?;
    if rows.len() > MOST {
        return Ok(Err(too_many()));
    }
    if rows.is_empty() {
        return Ok(Err(NOTHING.to_owned()));
    }
    if let Selection::Keys(keys) = &asked.selection {
        let distinct: HashSet<&String> = keys.iter().collect();
        match distinct.len() - rows.len() {
            0 => {}
            1 => left_out.push("1 is not there any more.".to_owned()),
            n => left_out.push(format!("{n} are not there any more.")),
        }
    }
    Ok(Ok(rows))
}

/// Why an owner may not do this to a row: then nothing is done to the others either, since a selection is meant whole.
pub(in crate::web) fn refusal(
    visitor: &Visitor,
    resource: &'static Resource,
    action: Action,
    row: &Row,
) -> Option<String> {
    let judged = match action {
        Action::Enable => expect_switchable(&visitor.actor, resource, row, true),
        Action::Disable => expect_switchable(&visitor.actor, resource, row, false),
        Action::Delete => expect_removable(&visitor.actor, resource, row),
    };
    let why = beyond(judged, resource).err()?.message;
    Some(format!("`{}`: {why}", text::plain(row.text(resource.subject))))
}

/// The keys of those rows that would change; the page says what becomes of the others.
async fn concerned(
    visitor: &Visitor,
    resource: &'static Resource,
    action: Action,
    rows: &[Row],
    review: &mut Review,
) -> Result<Vec<String>> {
    Ok(match action {
        Action::Enable => {
            let (mine, refused) = companions::switchable(visitor, resource, rows);
            let mut enabling = visitor.app.store.enabling(resource, &mine);
            enabling.refused.extend(refused);
            review.left_out.extend(left_off(&enabling, rows.len()));
            review
                .warnings
                .extend(enabling.warnings.into_iter().map(|warning| warning.message));
            let on: HashSet<&str> = enabling.keys.iter().map(String::as_str).collect();
            let off = mine.iter().filter(|row| on.contains(row.key.as_str()));
            review
                .warnings
                .extend(companions::switching_on(visitor, resource, off).await?);
            enabling.keys
        }
        Action::Disable => {
            let on = rows.iter().filter(|row| row.is_enabled());
            let keys: Vec<String> = on.map(|row| row.key.clone()).collect();
            review
                .left_out
                .extend(already(rows.len() - keys.len(), "disabled"));
            keys
        }
        Action::Delete => rows.iter().map(|row| row.key.clone()).collect(),
    })
}

/// What is said of a bulk change that was applied.
pub(in crate::web) fn finish(
    visitor: &Visitor,
    resource: &Resource,
    line: String,
    applied: &Applied,
) -> Notice {
    let mut lines = vec![line];
    if resource.cached_by_postfix {
        lines.push(CACHED.to_owned());
    }
    confirmed::notice(visitor, lines, applied)
}

/// Rows that stay off, and why.
pub(in crate::web) fn left_off(enabling: &Enabling, rows: usize) -> Vec<String> {
    let mut lines = already(rows - enabling.keys.len() - enabling.refused.len(), "enabled");
    for (subject, reason) in enabling.refused.iter().take(NAMED) {
        lines.push(format!(
            "`{}` stays off: {}",
            text::plain(subject),
            text::first_sentence(reason)
        ));
    }
    if enabling.refused.len() > NAMED {
        lines.push(format!(
            "{} more stay off for such reasons.",
            text::number((enabling.refused.len() - NAMED) as u64)
        ));
    }
    lines
}

pub(in crate::web) fn already(rows: usize, what: &str) -> Vec<String> {
    match rows {
        0 => Vec::new(),
        1 => vec![format!("1 is {what} already.")],
        n => vec![format!("{} are {what} already.", text::number(n as u64))],
    }
}
