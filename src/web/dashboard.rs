//! The first page: how much there is, and what happened last.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::changes::ChangeView;
use super::page::{Page, render};
use super::request::Visitor;
use super::text;
use crate::error::Result;
use crate::resource::{self, Resource};
use crate::store::ChangeQuery;

/// Changes shown.
const LATEST: usize = 8;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    page: Page,
    cards: Vec<Card>,
    remarks: Vec<Remark>,
    changes: Vec<ChangeView>,
}

struct Card {
    resource: &'static Resource,
    count: Option<String>,
    off: Option<String>,
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
    for resource in resource::ALL {
        let tally = store.tally(actor, resource).await?;
        cards.push(Card {
            resource,
            count: tally.map(|(count, _)| text::number(count)),
            off: tally
                .filter(|(_, off)| *off > 0)
                .map(|(_, off)| text::number(off)),
        });
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
    let (changes, _) = store
        .changes(actor, &ChangeQuery::default(), Some(LATEST))
        .await?;
    let template = Dashboard {
        page: visitor.page("Dashboard", "dashboard").await?,
        cards,
        remarks,
        changes: changes.into_iter().map(ChangeView::new).collect(),
    };
    render(StatusCode::OK, &template)
}
