//! What is done about a finding: its row is mended, or it is told no more, or again.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::response::Response;

use crate::access::Rights;
use crate::error::{Error, Result};
use crate::lint::{Mend, Told};
use crate::resource::overrides::PLACES;
use crate::resource::{Draft, Problem, Resource};
use crate::store::{Operation, Row, Stored};
use crate::web::crud::refused::{Answer, refused};
use crate::web::crud::{CACHED, live, with_defaults};
use crate::web::overrides::not_allowed;
use crate::web::page::{Notice, see_other};
use crate::web::request::{Fields, Visitor};
use crate::web::text;

/// The finding a form is about.
struct Named<'f> {
    rule: &'f str,
    table: &'f str,
    key: &'f str,
}

impl<'f> Named<'f> {
    fn by(fields: &'f Fields) -> Self {
        Self {
            rule: fields.text("rule"),
            table: fields.text("table"),
            key: fields.text("key"),
        }
    }
}

/// Through which resource a row is written: one about an address in a table of domains is an override.
fn written_as(table: &str, subject: &str) -> Option<&'static Resource> {
    let place = PLACES.into_iter().find(|place| place.table == table);
    place
        .filter(|_| subject.contains('@'))
        .or_else(|| Resource::by_table(table))
}

/// What the visitor may do to a row.
fn rights(visitor: &Visitor, resource: &Resource, subject: &str) -> Rights {
    match visitor.actor.require_write(resource) {
        Ok(()) => visitor.actor.rights(resource, subject),
        Err(_) => Rights::Read,
    }
}

/// Whether the visitor may do what would mend a row.
pub(super) fn may_mend(visitor: &Visitor, told: &Told, mend: &Mend) -> bool {
    let may = |table: &str, subject: &str, enough: fn(Rights) -> bool| {
        written_as(table, subject).is_some_and(|resource| enough(rights(visitor, resource, subject)))
    };
    match mend {
        Mend::Set(_) => may(told.table, &told.subject, |rights| rights == Rights::All),
        Mend::SwitchOff => may(told.table, &told.subject, |rights| rights != Rights::Read),
        Mend::Add(table, columns) => may(table, added_subject(table, columns), |rights| {
            rights == Rights::All
        }),
    }
}

/// Whether the visitor may decide that a finding is told no more.
pub(super) fn may_silence(visitor: &Visitor, table: &str, subject: &str) -> bool {
    if subject.is_empty() {
        return visitor.actor.require_operator().is_ok();
    }
    written_as(table, subject).is_some_and(|resource| rights(visitor, resource, subject) != Rights::Read)
}

/// The subject of a row that would be added.
fn added_subject<'c>(table: &str, columns: &'c [(&'static str, String)]) -> &'c str {
    let subject = Resource::by_table(table).map(|resource| resource.subject);
    let column = columns.iter().find(|(name, _)| Some(*name) == subject);
    column.map_or("", |(_, value)| value)
}

/// A finding as somebody saw it, in a word: where it is another now, they decided about something else.
pub(super) fn seen(told: &Told) -> String {
    let mut hasher = DefaultHasher::new();
    (&told.subject, &told.message, format!("{:?}", told.mend)).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// `POST /check/mend`: judges the row again, and does what the finding says.
pub(super) async fn mend(visitor: Visitor, fields: Fields) -> Result<Response> {
    let named = Named::by(&fields);
    let (resource, stored) = row_of(&visitor, named.table, named.key).await?;
    visitor.actor.require_write(resource)?;
    let subject = text::plain(stored.row.text(resource.subject));
    let rows = std::slice::from_ref(&stored.row);
    let findings = visitor
        .app
        .store
        .findings_of(&visitor.actor, resource, rows)
        .await?;
    let Some(told) = findings.into_iter().find(|told| told.rule == named.rule) else {
        visitor.app.checking.forget(named.rule, named.table, named.key);
        let line = format!("Nothing is wrong with `{subject}` in this way any more; nothing was changed.");
        return answer(&visitor, &fields, Notice::ok(vec![line])).await;
    };
    let changed = fields.get("seen").is_some_and(|before| before != seen(&told));
    let Some(mend) = told.mend.as_ref().filter(|_| !changed) else {
        let line = format!(
            "`{subject}` is not what it was when this page was made; nothing was changed. Look at it again."
        );
        return answer(&visitor, &fields, warning(line)).await;
    };
    let done = match operation(&visitor, resource, &stored, mend).await? {
        Ok(operation) => match visitor.app.store.apply(&visitor.actor, &[operation]).await {
            Ok(applied) => Ok(applied.change),
            Err(refusal) => Err(match refused(refusal, resource) {
                Answer::Error(error) => return Err(error),
                Answer::Conflict(_) => {
                    "The row was changed in this very moment. Look at it again.".to_owned()
                }
                Answer::Problem(problem, _) => problem.message,
                Answer::Reason(reason) => reason,
            }),
        },
        Err(problem) => Err(problem.message),
    };
    let notice = match done {
        Ok(change @ Some(_)) => {
            visitor.app.checking.forget(named.rule, named.table, named.key);
            mended(&visitor, resource, &subject, mend).undoable(change)
        }
        Ok(None) => warning(format!("`{subject}` was so already; nothing was changed.")),
        Err(why) => warning(format!("`{subject}` was left as it is. {why}")),
    };
    answer(&visitor, &fields, notice).await
}

fn mended(visitor: &Visitor, resource: &Resource, subject: &str, mend: &Mend) -> Notice {
    let (line, table) = match mend {
        Mend::Set(columns) => {
            let set = |(name, value): &(&str, String)| {
                let label = resource.column(name).map_or(*name, |column| column.label);
                if value.is_empty() {
                    format!("{label} is now empty")
                } else {
                    format!("{label} is now `{}`", text::short(&text::plain(value)))
                }
            };
            let set: Vec<String> = columns.iter().map(set).collect();
            (format!("Mended `{subject}`: {}.", set.join(", ")), resource.table)
        }
        Mend::SwitchOff => (format!("Switched `{subject}` off."), resource.table),
        Mend::Add(table, columns) => {
            let noun = Resource::by_table(table).map_or(*table, |added| added.words.one);
            let added = text::plain(added_subject(table, columns));
            (format!("Added {noun}: `{added}`."), *table)
        }
    };
    let mut lines = vec![line];
    if Resource::by_table(table).is_some_and(|written| written.cached_by_postfix) {
        lines.push(CACHED.to_owned());
    }
    Notice {
        link: Some(("The change".to_owned(), visitor.app.urls.page("/changes"))),
        ..Notice::ok(lines)
    }
}

fn warning(line: String) -> Notice {
    Notice {
        kind: "warn".to_owned(),
        ..Notice::ok(vec![line])
    }
}

/// A row that something was found in, if the visitor may see it, and what it is written as.
pub(super) async fn row_of(visitor: &Visitor, table: &str, key: &str) -> Result<(&'static Resource, Stored)> {
    let whole = Resource::by_table(table).ok_or(Error::NotFound)?;
    let parts = PLACES.into_iter().filter(|place| place.table == whole.table);
    // Owners reach overrides only as such.
    for resource in std::iter::once(whole).chain(parts) {
        match visitor.app.store.find(&visitor.actor, resource, key).await {
            Ok(stored) => {
                let subject = stored.row.text(whole.subject);
                return Ok((written_as(whole.table, subject).unwrap_or(whole), stored));
            }
            Err(Error::NotFound | Error::MissingTable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::NotFound)
}

/// What mends a row, checked as a form is; or what a form would refuse.
async fn operation(
    visitor: &Visitor,
    resource: &'static Resource,
    stored: &Stored,
    mend: &Mend,
) -> Result<Result<Operation, Problem>> {
    Ok(match mend {
        Mend::SwitchOff => Ok(Operation::SetEnabled {
            resource,
            keys: vec![stored.row.key.clone()],
            enabled: false,
        }),
        Mend::Set(columns) => {
            let row = with(stored.row.clone(), columns);
            let transport = stored.row.value("transport");
            draft(visitor, resource, &row, transport)
                .await?
                .map(|draft| Operation::Update {
                    resource,
                    key: stored.row.key.clone(),
                    version: Some(stored.image.version()),
                    draft,
                })
        }
        Mend::Add(table, columns) => {
            let resource = written_as(table, added_subject(table, columns)).ok_or(Error::NotFound)?;
            visitor.actor.require_write(resource)?;
            let enabled = Row::new(String::new(), vec![("enabled", Some("1".to_owned()))]);
            let row = with(enabled, columns);
            draft(visitor, resource, &row, None)
                .await?
                .map(|draft| Operation::Create { resource, draft })
        }
    })
}

fn with(row: Row, columns: &[(&'static str, String)]) -> Row {
    columns
        .iter()
        .fold(row, |row, (name, value)| row.with(name, value))
}

/// The row as if it had been typed into its form. An override may keep the transport that it has.
async fn draft(
    visitor: &Visitor,
    resource: &'static Resource,
    row: &Row,
    transport: Option<&str>,
) -> Result<Result<Draft, Problem>> {
    let table = live(visitor, resource).await?;
    let typed = with_defaults(resource, &table, &row.fields());
    let draft = match resource.check(visitor.app.store.rules(), typed) {
        Ok(draft) => draft,
        Err(problems) => return Ok(problems.into_iter().next().map_or_else(|| Err(no_reason()), Err)),
    };
    let is_override = PLACES.iter().any(|place| std::ptr::eq(*place, resource));
    let refusal = (is_override && transport != Some(&*draft.text("transport")))
        .then(|| not_allowed(visitor, &draft.text("domain"), &draft.text("transport")))
        .flatten();
    Ok(refusal.map_or(Ok(draft), Err))
}

fn no_reason() -> Problem {
    Problem {
        column: "",
        message: "The row cannot be saved as it would be.".to_owned(),
    }
}

/// `POST /check/silence`: the finding is told no more.
pub(super) async fn silence(visitor: Visitor, fields: Fields) -> Result<Response> {
    let named = Named::by(&fields);
    expect_rule(&named)?;
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    store
        .silence(actor, named.rule, named.table, named.key, fields.text("reason"))
        .await?;
    visitor.app.checking.forget(named.rule, named.table, named.key);
    let line =
        "This finding is told no more. It stands under “Silenced”, where it can be told again.".to_owned();
    answer(&visitor, &fields, Notice::ok(vec![line])).await
}

/// `POST /check/tell`: the finding is told again.
pub(super) async fn tell(visitor: Visitor, fields: Fields) -> Result<Response> {
    let named = Named::by(&fields);
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    store.unsilence(actor, named.rule, named.table, named.key).await?;
    let line =
        "This finding is told again, where it is still there: a kept check has it once it is done again.";
    answer(&visitor, &fields, Notice::ok(vec![line.to_owned()])).await
}

/// That there is such a rule: what is silenced by another name would never be told again.
fn expect_rule(named: &Named<'_>) -> Result<()> {
    crate::lint::rule(named.rule).map(drop).ok_or(Error::NotFound)
}

async fn answer(visitor: &Visitor, fields: &Fields, notice: Notice) -> Result<Response> {
    visitor.notify(notice).await?;
    let urls = &visitor.app.urls;
    let next = urls.own(fields.text("next"));
    Ok(see_other(&next.unwrap_or_else(|| urls.page("/check"))))
}
