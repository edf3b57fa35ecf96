//! What some tables' forms have beside their own row: the self alias of a mailbox, the addresses a new domain starts
//! with, the members of a mailing list.

use std::borrow::Cow;

use axum::response::Response;

use super::expanding::expansion;
use super::members::members;
use crate::access::Scope;
use crate::error::{Error, Result};
use crate::mail::{DomainName, items_of};
use crate::resource::{Draft, Problem, Resource, access, aliases, domains, users};
use crate::store::{ListQuery, Operation, Plan, Row, Stored, Table, Warning};
use crate::web::form::{Extra, Form, MailboxExtra, NewDomainExtra, Stage, Typed};
use crate::web::request::{Fields, Visitor};

/// Aliases a new domain takes over from another, at most: more is a move, not a start.
const MOST_COPIED: u16 = 500;

/// Aliases whose expansion is looked at when many are switched on, and destinations they may have in all.
const LOOKED_AT: usize = 200;
const MOST_ADDRESSES: usize = 1_000;

/// Domains offered to copy from.
const OFFERED: &str = "200";

/// The part of the form that this table has alone. `fields` is empty where the form is new.
pub(super) async fn extra(
    visitor: &Visitor,
    resource: &'static Resource,
    table: &Table,
    stored: Option<&Stored>,
    values: &Typed,
    fields: &Fields,
) -> Result<Extra> {
    let capacity = table.column("destination").and_then(|column| column.capacity);
    let typed = |name: &str| fields.text(name).to_owned();
    Ok(match (resource.slug, stored) {
        ("users", stored) => {
            let has_alias = match stored {
                Some(stored) => has_self_alias(visitor, &stored.row.subject(resource)).await?,
                None => false,
            };
            let there = visitor.app.store.table(&aliases::RESOURCE).await?;
            Extra::Mailbox(MailboxExtra {
                self_alias: fields.is_set("self_alias") || (fields.is_empty() && stored.is_none()),
                has_alias: there.map(|_| has_alias),
                password: stored.map(password_in_words),
                generate: fields.is_set("generate"),
            })
        }
        ("domains", None) => Extra::NewDomain(NewDomainExtra {
            start: typed("start"),
            destination: typed("start_destination"),
            catch_all: typed("start_catchall"),
            copy: typed("start_copy"),
            domains: hosted_domains(visitor).await?,
        }),
        ("lists", Some(stored)) => Extra::Members(Box::new(
            members(visitor, capacity, stored, values, fields).await?,
        )),
        _ => Extra::None,
    })
}

/// Why a form cannot be saved with all that it asks for.
pub(super) enum Unplanned {
    /// Something in it is wrong.
    Problems(Vec<Problem>),
    /// Something else went wrong.
    Failed(Error),
}

impl From<Error> for Unplanned {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Unplanned {
    /// The form again, with what is wrong.
    pub fn answer(self, form: Form) -> Result<Response> {
        match self {
            Self::Problems(problems) => form.with_problems(Stage::Refused, &problems).respond(),
            Self::Failed(Error::Forbidden(reason)) => form.with_reason(reason).respond(),
            Self::Failed(error) => Err(error),
        }
    }
}

/// What is written together with a draft, and what is suspicious about the two together.
pub(super) async fn plan(
    visitor: &Visitor,
    resource: &'static Resource,
    draft: &Draft,
    stored: Option<&Stored>,
    fields: &Fields,
) -> Result<Plan, Unplanned> {
    let store = &visitor.app.store;
    let subject = draft.text(resource.subject);
    let on = draft.text("enabled") != "0";
    let mut plan = Plan::default();
    match resource.slug {
        "users" if !visitor.actor.scope.covers(&crate::mail::domain_of(&subject)) => {}
        "users" if fields.is_set("self_alias") => {
            plan = store.plan_self_alias(&visitor.actor, &subject).await?;
            // The alias moves with the mailbox; the old name would bounce.
            let old = stored.map(|stored| stored.row.subject(resource));
            if let Some(old) = old.filter(|old| *old != subject) {
                let gone = without_self_aliases(visitor, vec![old]).await?;
                plan.operations.extend(gone.operations);
                plan.told.extend(gone.told);
            }
        }
        "users" if on => {
            let warning = store.mailbox_without_alias(&visitor.actor, &subject).await?;
            // Not news where the mailbox was without one before.
            let renamed = stored.is_none_or(|s| s.row.subject(resource) != subject || !s.row.is_enabled());
            plan.warnings.extend(warning.filter(|_| renamed));
        }
        "access" if visitor.actor.scope != Scope::Everything => {
            let problems = access::beyond_owners(draft);
            if !problems.is_empty() {
                return Err(Unplanned::Problems(problems));
            }
        }
        "domains" if stored.is_none() => return start_of_domain(visitor, &subject, fields).await,
        "aliases" | "lists" if on => {
            let expansion = expansion(visitor, draft, stored, resource, true).await?;
            if let Some(circle) = expansion.closed {
                return Err(Unplanned::Problems(vec![Problem {
                    column: "destination",
                    message: circle,
                }]));
            }
            plan.warnings = expansion.warnings;
        }
        _ => {}
    }
    Ok(plan)
}

/// Rows that somebody may switch on, and those that saving would be refused for: subject and reason.
pub(super) fn switchable<'r>(
    visitor: &Visitor,
    resource: &'static Resource,
    rows: &'r [Row],
) -> (Cow<'r, [Row]>, Vec<(String, String)>) {
    if resource.slug != "access" || visitor.actor.scope == Scope::Everything {
        return (Cow::Borrowed(rows), Vec::new());
    }
    let (mut mine, mut refused) = (Vec::new(), Vec::new());
    for row in rows {
        let on = row.switched_on().check(resource, visitor.app.store.rules());
        let problem = on
            .ok()
            .and_then(|draft| access::beyond_owners(&draft).into_iter().next());
        match problem.filter(|_| !row.is_enabled()) {
            Some(problem) => refused.push((row.text(resource.subject).to_owned(), problem.message)),
            None => mine.push(row.clone()),
        }
    }
    (Cow::Owned(mine), refused)
}

/// What switching on rows comes to that a form would ask about, one by one and therefore for the first few.
pub(super) async fn switching_on<'r>(
    visitor: &Visitor,
    resource: &'static Resource,
    rows: impl Iterator<Item = &'r Row>,
) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if !matches!(resource.slug, "aliases" | "lists") {
        return Ok(found);
    }
    let mut addresses = 0;
    for (i, row) in rows.enumerate() {
        addresses += items_of(row.text("destination")).len();
        if i == LOOKED_AT || addresses > MOST_ADDRESSES {
            found.push(format!(
                "Of the first {i} it was looked at whether they go round in a circle or expand too far; of the rest not."
            ));
            break;
        }
        if let Ok(draft) = row.switched_on().check(resource, visitor.app.store.rules()) {
            let expansion = expansion(visitor, &draft, None, resource, false).await?;
            let asked = expansion.warnings.into_iter().map(|warning| warning.message);
            found.extend(
                expansion
                    .closed
                    .into_iter()
                    .chain(asked)
                    .map(|message| format!("`{}`: {message}", draft.text("mail"))),
            );
        }
    }
    Ok(found)
}

/// What can go with rows that are deleted: the self aliases of mailboxes.
pub(super) async fn plan_deletion(
    visitor: &Visitor,
    resource: &'static Resource,
    rows: &[Row],
) -> Result<Plan> {
    if resource.slug != "users" || !visitor.actor.may_write(&aliases::RESOURCE) {
        return Ok(Plan::default());
    }
    without_self_aliases(visitor, rows.iter().map(|row| row.subject(resource)).collect()).await
}

/// Takes the self aliases of mailboxes away, but for those whose mail goes elsewhere: an override needs the alias without
/// the mailbox too.
async fn without_self_aliases(visitor: &Visitor, mut addresses: Vec<String>) -> Result<Plan> {
    let store = &visitor.app.store;
    let overridden = store.overridden(&visitor.actor, &addresses).await?;
    addresses.retain(|address| !overridden.contains(address));
    store.plan_without_self_aliases(&visitor.actor, &addresses).await
}

/// Sets the password that was typed, or a generated one where a mailbox would have none. Answers with the one to show.
pub(super) async fn seal_password(
    visitor: &Visitor,
    table: &Table,
    draft: &mut Draft,
    is_new: bool,
    fields: &Fields,
) -> Result<Option<String>> {
    if table.name != users::RESOURCE.table || !table.has("crypt") {
        return Ok(None);
    }
    let generated = (fields.is_set("generate") || (is_new && draft.password().is_none()))
        .then(crate::mail::MailboxPassword::generate);
    let Some(password) = generated.as_ref().or(draft.password()).cloned() else {
        return Ok(None);
    };
    let scheme = visitor.app.store.rules().password_scheme;
    let hash = tokio::task::spawn_blocking(move || password.hash(scheme))
        .await
        .map_err(|e| Error::unexpected("hashing a password", e))??;
    draft.seal(&hash);
    Ok(generated.map(|password| password.as_str().to_owned()))
}

async fn has_self_alias(visitor: &Visitor, address: &str) -> Result<bool> {
    let own = [address.to_owned()];
    let found = visitor
        .app
        .store
        .about(&visitor.actor, &aliases::RESOURCE, &own)
        .await?;
    Ok(found.iter().any(|alias| {
        alias.row.is_enabled()
            && items_of(alias.row.text("destination"))
                .iter()
                .any(|item| item == address)
    }))
}

fn password_in_words(stored: &Stored) -> String {
    let kept = stored.password();
    let mut words = format!("The password is kept as {kept}.");
    if kept.is_weak() {
        words.push_str(" That is no protection any more: set a new one.");
    }
    if stored.has_clear_password() {
        words.push_str(" A readable copy of it is in the column `clear`; setting a new one empties that.");
    }
    words
}

async fn hosted_domains(visitor: &Visitor) -> Result<Vec<String>> {
    let query = ListQuery {
        per: OFFERED.to_owned(),
        ..ListQuery::default()
    };
    let page = visitor
        .app
        .store
        .list(&visitor.actor, &domains::RESOURCE, &query)
        .await?;
    let names = page.rows.iter().map(|row| row.subject(&domains::RESOURCE));
    Ok(names.filter(|name| !name.contains('@')).collect())
}

/// The aliases a new domain starts with.
async fn start_of_domain(visitor: &Visitor, domain: &str, fields: &Fields) -> Result<Plan, Unplanned> {
    let start = fields.text("start");
    if domain.contains('@') && !start.is_empty() {
        return Err(Unplanned::Problems(vec![Problem {
            column: "start_copy",
            message: format!("`{domain}` is one address, which starts with nothing. Use Overrides for it."),
        }]));
    }
    let wanted: Vec<(String, String, bool)> = match start {
        "required" => {
            let destination = fields.text("start_destination");
            let mut wanted = vec![
                (format!("postmaster@{domain}"), destination.to_owned(), true),
                (format!("abuse@{domain}"), destination.to_owned(), true),
            ];
            let catch_all = fields.text("start_catchall").trim();
            if !catch_all.is_empty() {
                wanted.push((format!("@{domain}"), catch_all.to_owned(), true));
            }
            wanted
        }
        "copy" => copied(visitor, domain, fields.text("start_copy")).await?,
        _ => Vec::new(),
    };
    let mut plan = Plan::default();
    let (mut problems, mut added) = (Vec::new(), 0);
    let subjects: Vec<String> = wanted.iter().map(|(mail, _, _)| mail.clone()).collect();
    let there = visitor
        .app
        .store
        .about(&visitor.actor, &aliases::RESOURCE, &subjects)
        .await?;
    for (mail, destination, enabled) in wanted {
        if there
            .iter()
            .any(|alias| alias.row.subject(&aliases::RESOURCE) == mail)
        {
            plan.told
                .push(format!("`{mail}` was there already and stays as it is."));
            continue;
        }
        let column = match (start, mail.starts_with('@')) {
            ("copy", _) => "start_copy",
            (_, true) => "start_catchall",
            (_, false) => "start_destination",
        };
        let fields = vec![
            ("mail", mail.clone()),
            ("destination", destination),
            ("enabled", u8::from(enabled).to_string()),
        ];
        match aliases::RESOURCE.check(visitor.app.store.rules(), fields) {
            Ok(draft) if column == "start_destination" && draft.text("destination") == mail => problems.push(Problem {
                column,
                message: format!(
                    "`{mail}` would deliver to itself, and there is no such mailbox yet: its mail would be accepted and \
                     then bounced. Give an address that somebody reads."
                ),
            }),
            Ok(draft) => {
                added += 1;
                let asking = draft.cautions.iter().filter(|caution| caution.confirm);
                plan.warnings.extend(asking.map(|caution| Warning {
                    confirm: true,
                    message: format!("`{mail}`: {}", caution.message),
                }));
                plan.operations.push(Operation::Create {
                    resource: &aliases::RESOURCE,
                    draft,
                });
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| Problem {
                column,
                message: format!("`{mail}`: {}", problem.message),
            })),
        }
    }
    // postmaster and abuse share a field: what is wrong with it is said once.
    problems.dedup_by_key(|problem: &mut Problem| problem.column);
    if !problems.is_empty() {
        return Err(Unplanned::Problems(problems));
    }
    if added > 0 {
        let what = if added == 1 { "alias" } else { "aliases" };
        plan.told.push(format!("{added} {what} of the domain added."));
    }
    Ok(plan)
}

/// The aliases of another domain under the new one's name: address, destinations as they are, and whether it is on.
async fn copied(
    visitor: &Visitor,
    domain: &str,
    source: &str,
) -> Result<Vec<(String, String, bool)>, Unplanned> {
    let problem = |message: String| {
        Err(Unplanned::Problems(vec![Problem {
            column: "start_copy",
            message,
        }]))
    };
    let source = match DomainName::parse(source) {
        Ok(source) => source,
        Err(fault) => return problem(fault.message().to_owned()),
    };
    let query = ListQuery {
        domain: source.as_str().to_owned(),
        per: MOST_COPIED.to_string(),
        ..ListQuery::default()
    };
    let page = visitor
        .app
        .store
        .list(&visitor.actor, &aliases::RESOURCE, &query)
        .await?;
    if page.rows.is_empty() {
        return problem(format!("`{source}` has no aliases to copy."));
    }
    if page.next.is_some() {
        return problem(format!(
            "`{source}` has more than {MOST_COPIED} aliases. Copy another domain, or start with the required addresses."
        ));
    }
    let rows = page.rows.iter().filter_map(|row| {
        let mail = row.subject(&aliases::RESOURCE);
        let (local, _) = mail.rsplit_once('@')?;
        Some((
            format!("{local}@{domain}"),
            row.text("destination").to_owned(),
            row.is_enabled(),
        ))
    });
    Ok(rows.collect())
}
