//! The pages every table has: list, new, edit, enable, delete. What differs between tables is data in
//! [`crate::resource`].

use askama::Template;
use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};

use super::App;
use super::form::{self, Form, Stage, Typed};
use super::page::{Notice, Page, render, see_other};
use super::request::{Fields, KeySegment, Visitor};
use super::text;
use super::urls::{self, query};
use super::view::RowView;
use crate::error::{Error, Result};
use crate::resource::{Draft, Problem, Resource};
use crate::store::{Dependents, ListQuery, Operation, Refusal, Row, Stored, Table, Total, Warning};

/// What running Postfix processes may still answer (docs/postfix.md 3a).
const CACHED: &str =
    "Running Postfix processes may answer from memory for up to 100 s; `postfix reload` ends that.";

/// The routes of one table.
pub fn routes(resource: &'static Resource) -> Router<App> {
    let at = |rest: &str| format!("/{}{rest}", resource.slug);
    Router::new()
        .route(
            &at(""),
            get(move |visitor: Visitor, query: Query<ListQuery>| index(resource, visitor, query.0))
                .post(move |visitor: Visitor, fields: Fields| save(resource, visitor, None, fields)),
        )
        .route(
            &at("/new"),
            get(move |visitor: Visitor, offered: Query<Vec<(String, String)>>| {
                blank(resource, visitor, offered.0)
            }),
        )
        .route(
            &at("/{key}"),
            get(move |visitor: Visitor, key: KeySegment, headers: HeaderMap| {
                edit(resource, visitor, key.0, headers)
            })
            .post(move |visitor: Visitor, key: KeySegment, fields: Fields| {
                save(resource, visitor, Some(urls::key(&key.0).to_owned()), fields)
            }),
        )
        .route(
            &at("/{key}/edit"),
            get(move |visitor: Visitor, key: KeySegment, headers: HeaderMap| {
                edit(resource, visitor, key.0, headers)
            }),
        )
        .route(
            &at("/{key}/delete"),
            get(move |visitor: Visitor, key: KeySegment| ask_delete(resource, visitor, key.0)).post(
                move |visitor: Visitor, key: KeySegment, fields: Fields| {
                    delete(resource, visitor, key.0, fields)
                },
            ),
        )
        .route(
            &at("/{key}/enabled"),
            post(move |visitor: Visitor, key: KeySegment, fields: Fields| {
                set_enabled(resource, visitor, key.0, fields)
            }),
        )
}

/// A list.
#[derive(Template)]
#[template(path = "resource/index.html")]
struct Index {
    page: Page,
    resource: &'static Resource,
    rows: Vec<RowView>,
    headings: Vec<Heading>,
    query: ListQuery,
    here: String,
    total: String,
    first: Option<String>,
    next: Option<String>,
    per: u16,
    /// Addresses of the same list with other page lengths.
    lengths: Vec<(u16, String)>,
    read_only: Option<crate::store::ReadOnly>,
    writable: bool,
    has_enabled: bool,
}

/// A column heading, which may be a link that sorts.
struct Heading {
    label: &'static str,
    sort: Option<String>,
    direction: &'static str,
}

#[derive(Template)]
#[template(path = "resource/missing.html")]
struct Missing {
    page: Page,
    resource: &'static Resource,
}

async fn index(resource: &'static Resource, visitor: Visitor, query: ListQuery) -> Result<Response> {
    let Some(table) = visitor.app.store.table(resource).await? else {
        return missing(resource, &visitor).await;
    };
    let list = match visitor.app.store.list(&visitor.actor, resource, &query).await {
        // It was dropped within the last second.
        Err(Error::MissingTable(_)) => return missing(resource, &visitor).await,
        other => other?,
    };
    let read_only = table.read_only();
    let address = |changes: &[(&str, &str)]| list_address(&visitor, resource, &query, changes);
    let order = query.order(resource);
    let headings = resource
        .columns
        .iter()
        .filter(|c| table.has(c.name))
        .map(|column| {
            let active = order.column == column.name;
            let flipped = if active && !order.descending { "-" } else { "" };
            Heading {
                label: if column.name == "enabled" {
                    "Status"
                } else {
                    column.label
                },
                sort: column
                    .sortable
                    .then(|| address(&[("sort", &format!("{flipped}{}", column.name)), ("after", "")])),
                direction: match (active, order.descending) {
                    (false, _) => "",
                    (true, false) => "ascending",
                    (true, true) => "descending",
                },
            }
        })
        .collect();
    let template = Index {
        page: visitor.page(resource.words.title, resource.slug).await?,
        rows: list
            .rows
            .iter()
            .map(|row| RowView::new(resource, &visitor.app.store, row))
            .collect(),
        headings,
        here: address(&[]),
        total: text::total(list.total, resource.words.noun, resource.words.many),
        first: (!query.after.is_empty()).then(|| address(&[("after", "")])),
        next: list.next.as_deref().map(|after| address(&[("after", after)])),
        per: query.per_page(),
        lengths: [25, 50, 100]
            .map(|n: u16| (n, address(&[("per", &n.to_string()), ("after", "")])))
            .to_vec(),
        writable: visitor.actor.may_write(resource) && read_only.is_none(),
        has_enabled: table.has("enabled"),
        read_only,
        resource,
        query,
    };
    render(StatusCode::OK, &template)
}

/// What the table would do, and how to create it.
async fn missing(resource: &'static Resource, visitor: &Visitor) -> Result<Response> {
    let page = visitor.page(resource.words.title, resource.slug).await?;
    render(StatusCode::OK, &Missing { page, resource })
}

/// The address of a list in this state, with some of it changed.
fn list_address(
    visitor: &Visitor,
    resource: &Resource,
    state: &ListQuery,
    changes: &[(&str, &str)],
) -> String {
    let mut pairs = vec![
        ("q", state.q.as_str()),
        ("domain", state.domain.as_str()),
        ("enabled", state.enabled.as_str()),
        ("sort", state.sort.as_str()),
        ("per", state.per.as_str()),
        ("after", state.after.as_str()),
    ];
    for (name, value) in changes {
        if let Some(pair) = pairs.iter_mut().find(|(n, _)| n == name) {
            pair.1 = value;
        }
    }
    visitor
        .app
        .urls
        .page(&format!("/{}{}", resource.slug, query(&pairs)))
}

/// The live table of a form; its absence is a page of its own.
async fn live(visitor: &Visitor, resource: &'static Resource) -> Result<Table> {
    visitor
        .app
        .store
        .table(resource)
        .await?
        .ok_or(Error::MissingTable(resource.table))
}

async fn blank(
    resource: &'static Resource,
    visitor: Visitor,
    offered: Vec<(String, String)>,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    may_change(&visitor, resource)?;
    if let Some(why) = table.read_only() {
        return Err(Error::ReadOnly(why.reason));
    }
    let title = format!("New {}", resource.words.noun);
    let page = visitor.page(&title, resource.slug).await?;
    Form::new(page, resource, &table, &form::blank(resource, &table, &offered)).respond()
}

fn may_change(visitor: &Visitor, resource: &Resource) -> Result<()> {
    if visitor.actor.may_write(resource) {
        return Ok(());
    }
    Err(Error::Forbidden(format!(
        "Accounts with the role {} cannot change {}.",
        visitor.actor.role, resource.words.many
    )))
}

async fn edit(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    headers: HeaderMap,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    let stored = visitor
        .app
        .store
        .find(&visitor.actor, resource, urls::key(&key))
        .await?;
    let mut form = edit_form(&visitor, resource, &table, &stored, &stored.row.fields()).await?;
    form.next = came_from(&visitor, resource, &headers).unwrap_or_default();
    match stored.row.check(resource, visitor.app.store.rules()) {
        Err(problems) if form.writable => form.with_problems(Stage::Mend, &problems).respond(),
        _ => form.respond(),
    }
}

/// The state of the list a person came from, so that saving leads back there.
fn came_from(visitor: &Visitor, resource: &Resource, headers: &HeaderMap) -> Option<String> {
    let referrer = url::Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    let list = visitor.app.urls.page(&format!("/{}", resource.slug));
    let query = referrer.query().filter(|_| referrer.path() == list)?;
    visitor.app.urls.own(&format!("{list}?{query}"))
}

/// The form of a stored row with these values in it.
async fn edit_form(
    visitor: &Visitor,
    resource: &'static Resource,
    table: &Table,
    stored: &Stored,
    values: &Typed,
) -> Result<Form> {
    let subject = text::plain(stored.row.text(resource.subject));
    let title = if subject.is_empty() {
        resource.words.noun.to_owned()
    } else {
        subject.clone()
    };
    let page = visitor.page(&title, resource.slug).await?;
    let mut form = Form::new(page, resource, table, values);
    form.key = Some(stored.row.key.clone());
    form.version = stored.image.version();
    form.subject = title;
    form.writable = visitor.actor.may_write(resource) && table.read_only().is_none();
    Ok(form)
}

/// A posted form on its way into the table.
struct Saving<'a> {
    visitor: &'a Visitor,
    resource: &'static Resource,
    table: Table,
    /// The row that is edited.
    stored: Option<Stored>,
    fields: Fields,
    values: Typed,
}

async fn save(
    resource: &'static Resource,
    visitor: Visitor,
    key: Option<String>,
    fields: Fields,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    may_change(&visitor, resource)?;
    let stored = match &key {
        Some(key) => Some(visitor.app.store.find(&visitor.actor, resource, key).await?),
        None => None,
    };
    let values = form::typed(resource, &table, &fields, stored.as_ref().map(|s| &s.row));
    Saving {
        visitor: &visitor,
        resource,
        table,
        stored,
        fields,
        values,
    }
    .run()
    .await
}

impl Saving<'_> {
    async fn run(self) -> Result<Response> {
        let checked = with_defaults(self.resource, &self.table, &self.values);
        let draft = match self.resource.check(self.visitor.app.store.rules(), checked) {
            Ok(draft) => draft,
            Err(problems) => {
                return self
                    .form()
                    .await?
                    .with_problems(Stage::Refused, &problems)
                    .respond();
            }
        };
        let before = self
            .stored
            .as_ref()
            .map(|stored| (stored, self.fields.get("version")));
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let warnings = match store.review(actor, self.resource, &draft, before).await {
            Ok(warnings) => warnings,
            Err(refusal) => return self.refused(refusal).await,
        };
        let (ask, tell): (Vec<Warning>, Vec<Warning>) = warnings.into_iter().partition(|w| w.confirm);
        if !ask.is_empty() && !self.fields.is_set("confirm") {
            let ask = ask.into_iter().map(|w| w.message).collect();
            return self.form().await?.with_warnings(ask).respond();
        }
        match store.apply(actor, &[self.operation(&draft)]).await {
            Ok(applied) => {
                let key = applied.keys.first().map(String::as_str).unwrap_or_default();
                self.done(&draft, key, applied.change.is_some(), tell).await
            }
            Err(refusal) => self.refused(refusal).await,
        }
    }

    fn operation(&self, draft: &Draft) -> Operation {
        let (resource, draft) = (self.resource, draft.clone());
        match &self.stored {
            None => Operation::Create { resource, draft },
            Some(stored) => Operation::Update {
                resource,
                key: stored.row.key.clone(),
                version: self.fields.get("version").map(str::to_owned),
                draft,
            },
        }
    }

    /// The form as it was sent.
    async fn form(&self) -> Result<Form> {
        let mut form = if let Some(stored) = &self.stored {
            let mut form = edit_form(self.visitor, self.resource, &self.table, stored, &self.values).await?;
            // The comparison stays with the row the person saw, not with the one there is now.
            if let Some(seen) = self.fields.get("version") {
                seen.clone_into(&mut form.version);
            }
            form
        } else {
            let title = format!("New {}", self.resource.words.noun);
            let page = self.visitor.page(&title, self.resource.slug).await?;
            Form::new(page, self.resource, &self.table, &self.values)
        };
        form.again = self.fields.is_set("again");
        form.next = self
            .visitor
            .app
            .urls
            .own(self.fields.text("next"))
            .unwrap_or_default();
        Ok(form)
    }

    async fn refused(self, refusal: Refusal) -> Result<Response> {
        let subject = self.resource.subject;
        let problem = |column, message: String| vec![Problem { column, message }];
        match refusal {
            Refusal::Failed(Error::ReadOnly(why)) => self.form().await?.with_reason(why).respond(),
            Refusal::Failed(error) => Err(error),
            Refusal::Conflict(now) => self.conflict(&now).await,
            Refusal::OutOfScope => {
                let problems = problem(subject, "This is not one of your domains.".to_owned());
                self.form()
                    .await?
                    .with_problems(Stage::Refused, &problems)
                    .respond()
            }
            Refusal::Exists { key, subject: taken } => {
                let message = format!(
                    "`{}` exists already: a second row could not be told apart by Postfix. Change the row there is.",
                    text::plain(&taken)
                );
                let mut form = self
                    .form()
                    .await?
                    .with_problems(Stage::Refused, &problem(subject, message));
                form.other = key.map(|key| self.visitor.app.urls.row(self.resource.slug, &key));
                form.respond()
            }
            Refusal::TooLong {
                column,
                capacity,
                length,
            } => {
                let message = format!(
                    "This is {length} characters long and the column {}.{column} holds {capacity}. MySQL would refuse \
                     it, or cut it without a word where it is not strict, and mail would go to the cut-off address. \
                     Shorten it, or widen the column: ALTER TABLE {} MODIFY {column} TEXT NOT NULL.",
                    self.resource.table, self.resource.table
                );
                self.form()
                    .await?
                    .with_problems(Stage::Refused, &problem(column, message))
                    .respond()
            }
            Refusal::KeysUsedUp => {
                let reason = format!(
                    "The numbering of {} has reached the end of its type (a smallint ends at 32767), so the database \
                     takes no more rows. Widen it: ALTER TABLE {} MODIFY {} INT UNSIGNED NOT NULL AUTO_INCREMENT.",
                    self.resource.table, self.resource.table, self.resource.key
                );
                self.form().await?.with_reason(reason).respond()
            }
        }
    }

    /// 409: the row was changed in between; both versions side by side, nothing written.
    async fn conflict(&self, now: &Stored) -> Result<Response> {
        let columns = self
            .values
            .iter()
            .map(|(name, mine)| Versions {
                label: self.resource.column(name).map_or("", |c| c.label),
                name,
                stored: shown(name, now.row.text(name)),
                mine: shown(name, mine),
                raw: mine.clone(),
            })
            .collect();
        self.visitor.conflict(self.resource, now, columns).await
    }

    /// 303 to the list, or to another new form, with a notice of what happened.
    async fn done(self, draft: &Draft, key: &str, changed: bool, tell: Vec<Warning>) -> Result<Response> {
        let urls = &self.visitor.app.urls;
        let subject = draft.text(self.resource.subject);
        let mut lines = vec![if changed {
            format!("Saved `{subject}`.")
        } else {
            format!("`{subject}` was as you want it already; nothing was changed.")
        }];
        for (column, typed, stored) in &draft.normalised {
            let label = self.resource.column(column).map_or("", |c| c.label);
            if !typed.is_empty() && !stored.is_empty() {
                lines.push(format!(
                    "{label} is stored as `{stored}` (typed: `{}`).",
                    text::plain(typed)
                ));
            }
        }
        let warned = !tell.is_empty();
        lines.extend(tell.into_iter().map(|w| w.message));
        let is_override = self.resource.table == "domains" && subject.contains('@');
        if changed && (self.resource.cached_by_postfix || is_override) {
            lines.push(CACHED.to_owned());
        }
        self.visitor
            .notify(Notice {
                kind: if warned { "warn" } else { "ok" }.to_owned(),
                lines,
                link: Some(("Edit again".to_owned(), urls.row(self.resource.slug, key))),
            })
            .await?;
        let list = urls.page(&format!("/{}", self.resource.slug));
        Ok(see_other(&if self.fields.is_set("again") {
            format!("{list}/new")
        } else {
            urls.own(self.fields.text("next")).unwrap_or(list)
        }))
    }
}

/// What the form has, and defaults for columns the live table lacks.
fn with_defaults(resource: &Resource, table: &Table, values: &Typed) -> Typed {
    let lacking = resource
        .columns
        .iter()
        .filter(|c| !table.has(c.name))
        .map(|c| (c.name, c.default.to_owned()));
    values.iter().cloned().chain(lacking).collect()
}

/// A value in a comparison.
fn shown(column: &str, value: &str) -> String {
    match (column, value) {
        ("enabled", "1") => "on".to_owned(),
        ("enabled", "" | "0") => "off".to_owned(),
        _ => text::plain(&value.replace(['\r', '\n'], ",").replace(",,", ",")),
    }
}

/// One column in two versions.
struct Versions {
    label: &'static str,
    name: &'static str,
    stored: String,
    mine: String,
    raw: String,
}

impl Versions {
    fn differs(&self) -> bool {
        self.stored != self.mine
    }
}

#[derive(Template)]
#[template(path = "resource/conflict.html")]
struct Conflict {
    page: Page,
    resource: &'static Resource,
    subject: String,
    key: String,
    version: String,
    changed_by: Option<(String, String)>,
    columns: Vec<Versions>,
}

impl Visitor {
    async fn conflict(
        &self,
        resource: &'static Resource,
        now: &Stored,
        columns: Vec<Versions>,
    ) -> Result<Response> {
        let changed_by = self
            .app
            .store
            .last_change(&self.actor, resource, &now.row.key)
            .await?;
        let template = Conflict {
            page: self.page("Changed by someone else", resource.slug).await?,
            resource,
            subject: text::plain(now.row.text(resource.subject)),
            key: now.row.key.clone(),
            version: now.image.version(),
            changed_by: changed_by.map(|(who, at)| (who, text::moment(at))),
            columns,
        };
        render(StatusCode::CONFLICT, &template)
    }
}

#[derive(Template)]
#[template(path = "resource/confirm_delete.html")]
struct ConfirmDelete {
    page: Page,
    resource: &'static Resource,
    key: String,
    subject: String,
    version: String,
    values: Vec<(&'static str, String)>,
    dependents: Vec<Dependents>,
}

impl ConfirmDelete {
    /// `3 aliases`; rows of tables the panel does not edit yet go by the table's name.
    #[expect(clippy::unused_self, reason = "the template calls it")]
    fn count_of(&self, group: &Dependents) -> String {
        let (one, many) = match Resource::by_table(group.table) {
            Some(resource) => (resource.words.noun, resource.words.many),
            None if group.table == "users" => ("mailbox", "mailboxes"),
            None => (group.table, group.table),
        };
        text::total(Total::Exactly(group.count), one, many)
    }

    fn page_of(&self, group: &Dependents, key: &str) -> Option<String> {
        Resource::by_table(group.table).map(|resource| self.page.row_url(resource.slug, key))
    }

    #[expect(clippy::unused_self, reason = "the template calls it")]
    fn rest_of(&self, group: &Dependents) -> u64 {
        group.count - group.examples.len() as u64
    }
}

async fn ask_delete(resource: &'static Resource, visitor: Visitor, key: String) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    may_change(&visitor, resource)?;
    if let Some(why) = table.read_only() {
        return Err(Error::ReadOnly(why.reason));
    }
    let stored = visitor
        .app
        .store
        .find(&visitor.actor, resource, urls::key(&key))
        .await?;
    confirm_delete(resource, &visitor, &stored).await
}

async fn confirm_delete(resource: &'static Resource, visitor: &Visitor, stored: &Stored) -> Result<Response> {
    let template = ConfirmDelete {
        page: visitor
            .page(&format!("Delete {}", resource.words.one), resource.slug)
            .await?,
        resource,
        key: stored.row.key.clone(),
        subject: text::plain(stored.row.text(resource.subject)),
        version: stored.image.version(),
        values: values_of(resource, &stored.row),
        dependents: visitor
            .app
            .store
            .dependents(&visitor.actor, resource, &stored.row)
            .await?,
    };
    render(StatusCode::OK, &template)
}

fn values_of(resource: &Resource, row: &Row) -> Vec<(&'static str, String)> {
    resource
        .columns
        .iter()
        .filter(|c| row.has(c.name))
        .map(|c| (c.label, shown(c.name, row.text(c.name))))
        .collect()
}

async fn delete(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    fields: Fields,
) -> Result<Response> {
    if !fields.is_set("confirm") {
        return ask_delete(resource, visitor, key).await;
    }
    let key = urls::key(&key).to_owned();
    live(&visitor, resource).await?;
    let stored = visitor.app.store.find(&visitor.actor, resource, &key).await?;
    let version = fields.get("version").map(str::to_owned);
    match visitor
        .app
        .store
        .apply(
            &visitor.actor,
            &[Operation::Delete {
                resource,
                key,
                version,
            }],
        )
        .await
    {
        Ok(_) => {
            let subject = text::plain(stored.row.text(resource.subject));
            let mut lines = vec![format!("Deleted `{subject}`. It is kept in Changes.")];
            if resource.cached_by_postfix {
                lines.push(CACHED.to_owned());
            }
            visitor
                .notify(Notice {
                    kind: "ok".to_owned(),
                    lines,
                    link: None,
                })
                .await?;
            Ok(see_other(&visitor.app.urls.page(&format!("/{}", resource.slug))))
        }
        Err(Refusal::Conflict(now)) => visitor.conflict(resource, &now, Vec::new()).await,
        Err(Refusal::Failed(error)) => Err(error),
        Err(other) => Err(Error::Unexpected(format!("deleting was refused: {other:?}"))),
    }
}

/// Sets `enabled`, never toggles it. What a form would refuse or ask about is refused or asked about here too: switching
/// on a row that stops all mail is no better than typing it.
async fn set_enabled(
    resource: &'static Resource,
    visitor: Visitor,
    key: String,
    fields: Fields,
) -> Result<Response> {
    let table = live(&visitor, resource).await?;
    may_change(&visitor, resource)?;
    let key = urls::key(&key).to_owned();
    let stored = visitor.app.store.find(&visitor.actor, resource, &key).await?;
    let enabled = match fields.text("value") {
        "1" => true,
        "0" => false,
        other => {
            let message = format!("`{}` is neither 1 (on) nor 0 (off).", text::plain(other));
            let form = edit_form(&visitor, resource, &table, &stored, &stored.row.fields()).await?;
            return form
                .with_problems(
                    Stage::Refused,
                    &[Problem {
                        column: "enabled",
                        message,
                    }],
                )
                .respond();
        }
    };
    if enabled && !stored.row.is_enabled() {
        let mut values = stored.row.fields();
        for value in values.iter_mut().filter(|(name, _)| *name == "enabled") {
            "1".clone_into(&mut value.1);
        }
        let mut form = edit_form(&visitor, resource, &table, &stored, &values).await?;
        form.next = visitor.app.urls.own(fields.text("next")).unwrap_or_default();
        match resource.check(
            visitor.app.store.rules(),
            with_defaults(resource, &table, &values),
        ) {
            Err(problems) => return form.with_problems(Stage::Refused, &problems).respond(),
            Ok(draft) => {
                let warnings = visitor.app.store.warnings(resource, &draft).await?;
                let ask: Vec<String> = warnings
                    .into_iter()
                    .filter(|w| w.confirm)
                    .map(|w| w.message)
                    .collect();
                if !ask.is_empty() && !fields.is_set("confirm") {
                    return form.with_warnings(ask).respond();
                }
            }
        }
    }
    match visitor
        .app
        .store
        .apply(
            &visitor.actor,
            &[Operation::SetEnabled {
                resource,
                key,
                enabled,
            }],
        )
        .await
    {
        Ok(_) => {}
        Err(Refusal::Failed(error)) => return Err(error),
        Err(other) => return Err(Error::Unexpected(format!("switching was refused: {other:?}"))),
    }
    let subject = text::plain(stored.row.text(resource.subject));
    let mut lines = vec![format!(
        "{} `{subject}`.",
        if enabled { "Enabled" } else { "Disabled" }
    )];
    if resource.cached_by_postfix {
        lines.push(CACHED.to_owned());
    }
    visitor
        .notify(Notice {
            kind: "ok".to_owned(),
            lines,
            link: None,
        })
        .await?;
    let list = visitor.app.urls.page(&format!("/{}", resource.slug));
    Ok(see_other(
        &visitor.app.urls.own(fields.text("next")).unwrap_or(list),
    ))
}
