//! What is done about a finding: its row is mended, or it is silenced, or shown again.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::response::Response;

use crate::access::{Rights, Scope};
use crate::error::{Error, Result};
use crate::lint::{Mend, Told};
use crate::resource::overrides::PLACES;
use crate::resource::{Draft, Part, Problem, Resource};
use crate::store::{Operation, Refusal, Row, Silence, Stored};
use crate::web::crud::refused::{Answer, refused};
use crate::web::crud::{CACHED, edit_form, live, new_form, with_defaults};
use crate::web::form::Typed;
use crate::web::overrides::not_allowed;
use crate::web::page::{Notice, see_other};
use crate::web::question::Question;
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
        .filter(|_| subject.find('@').is_some_and(|at| at > 0))
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

/// Whether the visitor may decide that a finding is silenced.
pub(super) fn may_silence(visitor: &Visitor, table: &str, subject: &str) -> bool {
    if subject.is_empty() {
        return visitor.actor.require_operator().is_ok();
    }
    written_as(table, subject).is_some_and(|resource| rights(visitor, resource, subject) != Rights::Read)
}

/// Whether the visitor may have a finding shown again: of what operators have decided for all, owners may not.
pub(super) fn may_tell(visitor: &Visitor, silence: &Silence, subject: &str) -> bool {
    let is_theirs = silence.by_owner || visitor.actor.scope == Scope::Everything;
    is_theirs && may_silence(visitor, &silence.table, subject)
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
    let planned = match planned(&visitor, resource, &stored, mend).await? {
        Ok(planned) => planned,
        Err(problem) => return left(&visitor, &fields, &subject, &problem.message).await,
    };
    let question = match planned.question(&visitor).await {
        Ok(question) => question,
        Err(refusal) => return left(&visitor, &fields, &subject, &why_refused(refusal, resource)?).await,
    };
    if !question.asked.is_empty() {
        return asked_in_the_form(&visitor, &fields, planned, question).await;
    }
    match visitor
        .app
        .store
        .apply(&visitor.actor, &[planned.operation])
        .await
    {
        Ok(applied) if applied.change.is_some() => {
            visitor.app.checking.forget(named.rule, named.table, named.key);
            let mut notice = mended(&visitor, resource, &subject, mend).undoable(applied.change);
            let told = question.notice(true);
            if !told.is_empty() {
                "warn".clone_into(&mut notice.kind);
                notice.lines.extend(told);
            }
            answer(&visitor, &fields, notice).await
        }
        Ok(_) => {
            let line = format!("`{subject}` was so already; nothing was changed.");
            answer(&visitor, &fields, warning(line)).await
        }
        Err(refusal) => left(&visitor, &fields, &subject, &why_refused(refusal, resource)?).await,
    }
}

/// Why a write was refused, for a notice.
fn why_refused(refusal: Refusal, resource: &'static Resource) -> Result<String> {
    Ok(match refused(refusal, resource) {
        Answer::Error(error) => return Err(error),
        Answer::Conflict(_) => "The row was changed in this very moment. Look at it again.".to_owned(),
        Answer::Problem(problem, _) => problem.message,
        Answer::Reason(reason) => reason,
    })
}

/// Nothing was written, and why.
async fn left(visitor: &Visitor, fields: &Fields, subject: &str, why: &str) -> Result<Response> {
    answer(
        visitor,
        fields,
        warning(format!("`{subject}` was left as it is. {why}")),
    )
    .await
}

/// The form of the row as it would be, with what it asks about: a mend that does more than it seems is not done with one
/// click. Of an override the form holds more than one row, so its page is linked.
async fn asked_in_the_form(
    visitor: &Visitor,
    fields: &Fields,
    planned: Planned,
    question: Question,
) -> Result<Response> {
    let resource = planned.resource;
    if resource.part == Part::Overrides {
        let subject = planned.subject();
        let mut lines = vec![format!(
            "`{subject}` was left as it is, for this may not be what you mean:"
        )];
        lines.extend(question.asked);
        let page = visitor.app.urls.row(resource.slug, subject.trim());
        let notice = Notice {
            kind: "warn".to_owned(),
            link: Some(("Edit it".to_owned(), page)),
            ..Notice::ok(lines)
        };
        return answer(visitor, fields, notice).await;
    }
    let table = live(visitor, resource).await?;
    let (values, typed) = (&planned.values, Fields::default());
    let mut form = match &planned.stored {
        Some(stored) => edit_form(visitor, resource, &table, stored, values, &typed).await?,
        None => new_form(visitor, resource, &table, values, &typed).await?,
    };
    form.next = visitor.app.urls.own(fields.text("next")).unwrap_or_default();
    form.with_question(question).respond()
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
            (format!("Fixed `{subject}`: {}.", set.join(", ")), resource.table)
        }
        Mend::SwitchOff => (format!("Disabled `{subject}`."), resource.table),
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

/// What mends a row, and what its form would have in it.
struct Planned {
    resource: &'static Resource,
    operation: Operation,
    /// The row that is there, where one is mended.
    stored: Option<Stored>,
    /// The row as it would be.
    values: Typed,
}

impl Planned {
    /// What the form would say about it. Switching off is not asked about: switching on again undoes it.
    async fn question(&self, visitor: &Visitor) -> Result<Question, Refusal> {
        let (store, actor) = (&visitor.app.store, &visitor.actor);
        let before = self.stored.as_ref().map(|stored| (stored, None));
        let warnings = match &self.operation {
            Operation::Create { draft, .. } | Operation::Update { draft, .. } => {
                store.review(actor, self.resource, draft, before).await?
            }
            _ => return Ok(Question::default()),
        };
        let operations = std::slice::from_ref(&self.operation);
        let effect = store.effect(actor, operations).await.map_err(Refusal::Failed)?;
        Ok(Question::new(warnings, &effect))
    }

    fn subject(&self) -> String {
        let stored = self.stored.as_ref();
        text::plain(stored.map_or("", |stored| stored.row.text(self.resource.subject)))
    }
}

/// What mends a row, checked as a form is; or what a form would refuse.
async fn planned(
    visitor: &Visitor,
    resource: &'static Resource,
    stored: &Stored,
    mend: &Mend,
) -> Result<Result<Planned, Problem>> {
    let key = stored.row.key.clone();
    let planned = |resource, row: &Row, stored: Option<&Stored>, operation| Planned {
        resource,
        operation,
        stored: stored.cloned(),
        values: row.fields(),
    };
    Ok(match mend {
        Mend::SwitchOff => {
            let operation = Operation::SetEnabled {
                resource,
                keys: vec![key],
                enabled: false,
            };
            Ok(planned(resource, &stored.row, Some(stored), operation))
        }
        Mend::Set(columns) => {
            let row = with(stored.row.clone(), columns);
            let transport = stored.row.value("transport");
            draft(visitor, resource, &row, transport).await?.map(|draft| {
                let version = Some(stored.image.version());
                let operation = Operation::Update {
                    resource,
                    key,
                    version,
                    draft,
                };
                planned(resource, &row, Some(stored), operation)
            })
        }
        Mend::Add(table, columns) => {
            let resource = written_as(table, added_subject(table, columns)).ok_or(Error::NotFound)?;
            visitor.actor.require_write(resource)?;
            let enabled = Row::new(String::new(), vec![("enabled", Some("1".to_owned()))]);
            let row = with(enabled, columns);
            let draft = draft(visitor, resource, &row, None).await?;
            draft.map(|draft| planned(resource, &row, None, Operation::Create { resource, draft }))
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

/// `POST /check/silence`: the finding is silenced.
pub(super) async fn silence(visitor: Visitor, fields: Fields) -> Result<Response> {
    let named = Named::by(&fields);
    expect_rule(&named)?;
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let reason = fields.text("reason").trim();
    if reason.is_empty() {
        store.expect_silenceable(actor, named.table, named.key).await?;
        return super::unreasoned(&visitor, &fields).await;
    }
    let is_there = store
        .silence(actor, named.rule, named.table, named.key, reason)
        .await?;
    let is_owner = actor.scope != Scope::Everything;
    if !(is_there && is_owner) {
        // Of what owners do not want to be told, others are.
        visitor.app.checking.forget(named.rule, named.table, named.key);
    }
    let line = match (is_there, is_owner) {
        (false, _) => "There is no such finding any more; nothing was silenced.",
        (true, false) => "This finding is silenced. “Silenced” below lists it, and can show it again.",
        (true, true) => {
            "This finding is silenced for owners of the domain; operators still see it. “Silenced” below lists it, and can \
             show it again."
        }
    };
    answer(&visitor, &fields, Notice::ok(vec![line.to_owned()])).await
}

/// `POST /check/tell`: the finding is shown again.
pub(super) async fn tell(visitor: Visitor, fields: Fields) -> Result<Response> {
    let named = Named::by(&fields);
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    store.unsilence(actor, named.rule, named.table, named.key).await?;
    let line = "This finding is shown again where it is still so: a kept check has it once it is done again.";
    answer(&visitor, &fields, Notice::ok(vec![line.to_owned()])).await
}

/// That there is such a rule: what is silenced by another name would never be told again.
fn expect_rule(named: &Named<'_>) -> Result<()> {
    crate::lint::heading(named.rule, named.key.is_empty())
        .map(drop)
        .ok_or(Error::NotFound)
}

async fn answer(visitor: &Visitor, fields: &Fields, notice: Notice) -> Result<Response> {
    visitor.notify(notice).await?;
    let urls = &visitor.app.urls;
    let next = urls.own(fields.text("next"));
    Ok(see_other(&next.unwrap_or_else(|| urls.page("/check"))))
}
