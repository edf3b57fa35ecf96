//! `/domains/{key}/rename`, `/clone` and `/everything/delete`: a domain with every row about it, changed as one. A form, a
//! review of what will be written, and one change behind the pages.

mod review;

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::confirmed::Answering;
use super::crud;
use super::page::{Page, render};
use super::request::{Fields, KeySegment, Visitor};
use super::routes::Routes;
use super::text;
use crate::error::{Error, Result};
use crate::mail::DomainName;
use crate::resource::{Resource, domains};
use crate::store::{Action, ChangeSet, DomainRows, Renaming};

/// The three pages.
pub fn routes() -> Routes {
    [Deed::Rename, Deed::Clone, Deed::Delete]
        .into_iter()
        .fold(Routes::default(), |routes, deed| {
            let path = format!("/domains/{{key}}{}", deed.path());
            routes
                .get(&path, move |visitor: Visitor, key: KeySegment| {
                    show(deed, visitor, key)
                })
                .post(&path, move |visitor: Visitor, key: KeySegment, fields: Fields| {
                    save(deed, Arc::new(visitor), key.0, fields, false)
                })
        })
}

/// What is done to the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Rename,
    Clone,
    Delete,
}

impl Deed {
    fn path(self) -> &'static str {
        match self {
            Self::Rename => "/rename",
            Self::Clone => "/clone",
            Self::Delete => "/everything/delete",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Rename => "Rename",
            Self::Clone => "Clone",
            Self::Delete => "Delete",
        }
    }

    /// What is done, before anything is typed.
    fn title(self, domain: &str) -> String {
        match self {
            Self::Rename | Self::Clone => format!("{} {domain}", self.verb()),
            Self::Delete => format!("Delete {domain} with everything"),
        }
    }

    /// The same as the record has it.
    fn note(self, domain: &str, new: &str) -> String {
        match self {
            Self::Rename => format!("rename of {domain} to {new}"),
            Self::Clone => format!("clone of {domain} as {new}"),
            Self::Delete => format!("deletion of {domain} with everything"),
        }
    }
}

/// What was typed.
#[derive(Debug, Clone)]
struct Typed {
    /// The new name, as it was typed.
    domain: String,
    elsewhere: bool,
    keeps_old: bool,
    mailboxes: bool,
}

impl Typed {
    fn offered() -> Self {
        Self {
            domain: String::new(),
            elsewhere: true,
            keeps_old: false,
            mailboxes: false,
        }
    }

    fn read(fields: &Fields) -> Self {
        Self {
            domain: fields.text("domain").to_owned(),
            elsewhere: fields.is_set("elsewhere"),
            keeps_old: fields.is_set("keep"),
            mailboxes: fields.is_set("mailboxes"),
        }
    }

    /// The new name; none for a deletion.
    fn check(&self, deed: Deed, old: &str) -> Result<Option<DomainName>, String> {
        if deed == Deed::Delete {
            return Ok(None);
        }
        let new = DomainName::parse(&self.domain).map_err(|fault| fault.message().to_owned())?;
        if new.as_str() == old {
            return Err("This is the name it has. Write another.".to_owned());
        }
        Ok(Some(new))
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let flag = |set: bool| u8::from(set).to_string();
        vec![
            ("domain", self.domain.clone()),
            ("elsewhere", flag(self.elsewhere)),
            ("keep", flag(self.keeps_old)),
            ("mailboxes", flag(self.mailboxes)),
        ]
    }
}

/// The form.
#[derive(Template)]
#[template(path = "whole_domain/ask.html")]
struct Ask {
    page: Page,
    deed: Deed,
    title: String,
    domain: String,
    /// How many rows of what there are.
    counts: Vec<String>,
    /// How many rows of other domains name it.
    elsewhere: usize,
    owners: Vec<String>,
    typed: Typed,
    problems: Vec<(&'static str, String)>,
    action: String,
    hub: String,
}

impl Ask {
    fn problem(&self) -> Option<&str> {
        self.problems.first().map(|(_, problem)| problem.as_str())
    }
}

/// A domain that is to be changed as a whole.
struct Subject {
    visitor: Arc<Visitor>,
    deed: Deed,
    key: String,
    whole: DomainRows,
}

impl Subject {
    /// The domain of the row in an address, if the visitor may change domains.
    async fn find(visitor: Arc<Visitor>, deed: Deed, key: String) -> Result<Self> {
        let table = crud::live(&visitor, &domains::RESOURCE).await?;
        let stored = crud::stored(&visitor, &domains::RESOURCE, &key).await?;
        visitor.actor.require_write(&domains::RESOURCE)?;
        if let Some(why) = table.read_only(&domains::RESOURCE) {
            return Err(Error::ReadOnly(why));
        }
        let domain = stored.row.subject(&domains::RESOURCE);
        // A row about one address is no domain.
        if domain.contains('@') {
            return Err(Error::NotFound);
        }
        if DomainName::parse(&domain).map_or(true, |name| name.as_str() != domain) {
            return Err(Error::Usage(format!(
                "Postfix never asks for `{}`, so there is no mail of it: mend the row of the domain first.",
                text::plain(&domain)
            )));
        }
        let whole = visitor.app.store.domain_rows(&visitor.actor, &domain).await?;
        Ok(Self {
            visitor,
            deed,
            key: stored.row.key,
            whole,
        })
    }

    /// The domain's own page.
    fn hub(&self) -> String {
        self.visitor.app.urls.row("domains", &self.key)
    }

    fn action(&self) -> String {
        self.hub() + self.deed.path()
    }

    async fn ask(&self, typed: Typed, problem: Option<String>) -> Result<Response> {
        let status = match problem {
            None => StatusCode::OK,
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let domain = text::plain(&self.whole.domain);
        let title = self.deed.title(&domain);
        let ask = Ask {
            page: self.visitor.page(&title, "domains").await?,
            deed: self.deed,
            title,
            domain,
            counts: counts(self.whole.counts()),
            elsewhere: self.whole.elsewhere.len(),
            owners: self.whole.owners.clone(),
            typed,
            problems: problem.map(|problem| ("domain", problem)).into_iter().collect(),
            action: self.action(),
            hub: self.hub(),
        };
        render(status, &ask)
    }

    async fn plan(&self, typed: &Typed, new: Option<&DomainName>) -> Result<ChangeSet> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        match (self.deed, new) {
            (Deed::Rename, Some(new)) => {
                let how = Renaming {
                    elsewhere: typed.elsewhere,
                    keeps_old: typed.keeps_old,
                };
                store.plan_domain_rename(actor, &self.whole, new, how).await
            }
            (Deed::Clone, Some(new)) => {
                store
                    .plan_domain_clone(actor, &self.whole, new, typed.mailboxes)
                    .await
            }
            _ => Ok(store.plan_domain_deletion(&self.whole, typed.elsewhere)),
        }
    }
}

/// What is done to how many rows of each table: `Deleted` and `3 aliases`.
fn written(set: &ChangeSet) -> Vec<(&'static str, String)> {
    let done = [
        ("Added", Action::Create),
        ("Changed", Action::Update),
        ("Deleted", Action::Delete),
    ];
    done.into_iter()
        .map(|(word, action)| (word, counts(set.counts(action)).join(", ")))
        .filter(|(_, counts)| !counts.is_empty())
        .collect()
}

/// `3 aliases`, for each table.
fn counts(counts: Vec<(&'static Resource, usize)>) -> Vec<String> {
    let counted = |(resource, count): (&'static Resource, usize)| match count {
        1 => format!("1 {}", resource.words.noun),
        n => format!("{} {}", text::number(n as u64), resource.words.many),
    };
    counts.into_iter().map(counted).collect()
}

async fn show(deed: Deed, visitor: Visitor, key: KeySegment) -> Result<Response> {
    let subject = Subject::find(Arc::new(visitor), deed, key.0).await?;
    subject.ask(Typed::offered(), None).await
}

/// `again` where the answer came too late: it is only shown what would be written now.
fn save(deed: Deed, visitor: Arc<Visitor>, key: String, fields: Fields, again: bool) -> Answering {
    Box::pin(async move {
        let subject = Subject::find(visitor, deed, key).await?;
        let typed = Typed::read(&fields);
        if fields.is_set("edit") {
            return subject.ask(typed, None).await;
        }
        let new = match typed.check(deed, &subject.whole.domain) {
            Ok(new) => new,
            Err(problem) => return subject.ask(typed, Some(problem)).await,
        };
        let set = subject.plan(&typed, new.as_ref()).await?;
        let seen = fields.get("seen").map(str::to_owned);
        let planned = review::Planned {
            subject,
            typed,
            new,
            set,
        };
        planned.carry_out(fields, seen, again).await
    })
}
