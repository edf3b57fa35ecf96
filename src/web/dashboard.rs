//! The first page: how much there is, and what happened last.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::archive::Age;
use super::changes::ChangeView;
use super::check;
use super::page::{Page, render};
use super::request::Visitor;
use super::text;
use super::urls::query;
use super::watch::NOW;
use crate::error::Result;
use crate::lint::Severity;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{self, Part, Resource};
use crate::store::{ChangeQuery, Override, Total};

/// Changes shown.
const LATEST: usize = 8;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    page: Page,
    /// What goes on behind the pages: title and address.
    works: Vec<(String, String)>,
    drift: Option<Drift>,
    /// How old the last backup is, where that is too old.
    backup: Option<String>,
    cards: Vec<Card>,
    remarks: Vec<Remark>,
    findings: Vec<Attention>,
    /// `3 errors and 1 warning`, where that is known.
    found: Option<String>,
    changes: Vec<ChangeView>,
}

struct Card {
    slug: &'static str,
    title: &'static str,
    count: Option<String>,
    off: Option<String>,
}

/// Rows to look at.
struct Attention {
    /// `3 mailboxes`
    count: String,
    /// The list they are in.
    list: String,
    message: &'static str,
    severity: Severity,
    /// The first few: page and name.
    examples: Vec<(String, String)>,
    rest: u64,
}

/// The live Postfix does not do what the rows say.
struct Drift {
    /// `2 errors and 1 warning`
    count: String,
    /// What it does not read although there are rows.
    unread: Vec<String>,
}

/// Something about the database an operator should know.
struct Remark {
    resource: &'static Resource,
    text: String,
}

/// `/`
pub async fn show(visitor: Visitor) -> Result<Response> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let mut cards = Vec::new();
    let mut remarks = Vec::new();
    let mut rows = 0;
    for resource in resource::ALL {
        let tally = store.tally(actor, resource).await?;
        cards.push(Card {
            slug: resource.slug,
            title: resource.words.title,
            count: tally.map(|(count, _)| text::number(count)),
            off: tally
                .filter(|(_, off)| *off > 0)
                .map(|(_, off)| text::number(off)),
        });
        if resource.part != Part::Whole {
            continue;
        }
        rows += tally.map_or(0, |(count, _)| count);
        match store.table(resource).await? {
            None => remarks.push(Remark {
                resource,
                text: format!("The table {} does not exist in this database.", resource.table),
            }),
            Some(table) => {
                remarks.extend(table.read_only(resource).map(|why| Remark {
                    resource,
                    text: why.reason,
                }));
            }
        }
    }
    let overrides = store.all_overrides(actor).await?;
    let off = overrides.iter().filter(|o| !o.is_enabled()).count() as u64;
    let place = cards
        .iter()
        .position(|card| card.slug == "backups")
        .unwrap_or(cards.len());
    cards.insert(
        place,
        Card {
            slug: IN_DOMAINS.slug,
            title: IN_DOMAINS.words.title,
            count: Some(text::number(overrides.len() as u64)),
            off: (off > 0).then(|| text::number(off)),
        },
    );
    let (changes, _) = store
        .changes(actor, &ChangeQuery::default(), Some(LATEST))
        .await?;
    let template = Dashboard {
        page: visitor.page("Dashboard", "dashboard").await?,
        works: visitor.app.jobs.under_way(visitor.account),
        drift: drift(&visitor).await?,
        backup: Age::of_last(&visitor)
            .await?
            .filter(|age| age.is_old)
            .map(|age| age.text),
        cards,
        remarks,
        findings: findings(&visitor, &overrides).await?,
        found: check::in_short(&visitor, rows).await?,
        changes: changes
            .into_iter()
            .map(|change| ChangeView::new(actor, change))
            .collect(),
    };
    render(StatusCode::OK, &template)
}

async fn drift(visitor: &Visitor) -> Result<Option<Drift>> {
    if visitor.actor.require_everything().is_err() {
        return Ok(None);
    }
    let known = visitor.app.known_postfix(NOW).await?;
    Ok(known.filter(|k| k.verdict.has_drifted()).map(|known| Drift {
        count: known.count(),
        unread: known.verdict.unread().map(|f| f.message.clone()).collect(),
    }))
}

async fn findings(visitor: &Visitor, overrides: &[Override]) -> Result<Vec<Attention>> {
    let urls = &visitor.app.urls;
    let found = visitor.app.store.attention(&visitor.actor, overrides).await?;
    Ok(found
        .into_iter()
        .map(|finding| {
            let words = &finding.resource.words;
            let slug = finding.resource.slug;
            Attention {
                count: text::total(Total::Exactly(finding.count), words.noun, words.many),
                list: urls.page(&format!("/{slug}{}", query(&[("needs", finding.name)]))),
                message: finding.message,
                severity: finding.severity,
                rest: finding.count - finding.examples.len() as u64,
                examples: finding
                    .examples
                    .iter()
                    .map(|(key, name)| (urls.row(slug, key), text::plain(name)))
                    .collect(),
            }
        })
        .collect())
}
