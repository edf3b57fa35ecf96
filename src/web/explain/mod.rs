//! What happens to mail for one address, by the tables alone.

mod verdict;
mod view;

use std::net::IpAddr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::resource::{Resource, aliases, lists, users};
use crate::route::{self, Explanation, Setup};
use crate::store::{ListQuery, Row};
use crate::web::page::{Page, render};
use crate::web::request::{Asked, Visitor};
use crate::web::text;
use crate::web::urls::query;
use verdict::Verdict;
use view::{Lookups, Piece, Run, lookups, tree};

/// How the address of the page names the howto's own configuration.
const HOWTO: &str = "howto";

/// What the page is asked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    address: String,
    from: String,
    client: String,
    name: String,
    inside: String,
    setup: String,
}

impl Wanted {
    /// The question to the model.
    ///
    /// # Errors
    /// What is typed for the client is no address; why.
    fn asked(&self) -> Result<route::Asked, String> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let client: Option<IpAddr> = match given(&self.client) {
            None => None,
            Some(typed) => Some(typed.parse().map_err(|_| {
                format!(
                    "`{typed}` is no address of a client: write one such as `192.0.2.7` or `2001:db8::7`."
                )
            })?),
        };
        Ok(route::Asked {
            address: self.address.trim().to_owned(),
            // Postfix's own way to write the empty sender.
            sender: given(&self.from),
            client,
            client_name: given(&self.name),
            inside: self.inside == "1",
            setup: if self.setup == HOWTO {
                Setup::Howto
            } else {
                Setup::Postwarden
            },
        })
    }

    /// Whether more than the address is asked about.
    fn has_more(&self) -> bool {
        [&self.from, &self.client, &self.name, &self.inside, &self.setup]
            .iter()
            .any(|field| !field.trim().is_empty())
    }
}

#[derive(Template)]
#[template(path = "explain.html")]
struct Explain {
    page: Page,
    wanted: Wanted,
    /// What is wrong with the client's address.
    problem: Option<String>,
    /// Addresses that exist here: what they are, and their explanation.
    examples: Vec<Example>,
    /// Whether the address is in none of the visitor's domains.
    foreign: bool,
    answer: Option<Answer>,
}

struct Example {
    address: String,
    what: &'static str,
    page: String,
}

struct Answer {
    /// What was asked about, as Postfix reads it.
    address: String,
    verdict: Verdict,
    tree: Vec<Piece>,
    shown: Vec<Lookups>,
    folded: Vec<Lookups>,
    /// Whether the lookups are of one address.
    single: bool,
    /// How many lookups there are; `None` for what is no address, about which no table is asked.
    steps: Option<String>,
}

impl Answer {
    fn new(visitor: &Visitor, explained: &Explanation) -> Self {
        let urls = &visitor.app.urls;
        let verdict = route::Verdict::of(explained);
        let (shown, folded) = lookups(explained, verdict.step, urls);
        Self {
            address: text::short(&text::plain(&explained.address)),
            verdict: Verdict::new(visitor, explained, verdict),
            tree: tree(explained, urls),
            single: shown.len() == 1,
            shown,
            folded,
            steps: match explained.steps.len() {
                0 => None,
                1 => Some("1 lookup".to_owned()),
                many => Some(format!("{} lookups", text::number(many as u64))),
            },
        }
    }
}

impl Answer {
    /// Whether there is more to draw than an address that is refused at the door.
    fn leads_on(&self) -> bool {
        self.tree.len() > 2
            || self
                .tree
                .iter()
                .any(|piece| matches!(piece, Piece::Node(node) if node.end.is_some()))
    }
}

/// `/explain?address=`
pub async fn show(visitor: Visitor, Asked(wanted): Asked<Wanted>) -> Result<Response> {
    let (mut problem, mut answer, mut examples, mut foreign) = (None, None, Vec::new(), false);
    match wanted.asked() {
        Err(why) => problem = Some(why),
        Ok(asked) if asked.address.is_empty() => examples = self::examples(&visitor).await?,
        Ok(asked) => match visitor.app.store.explain(&visitor.actor, &asked).await {
            Ok(explained) => answer = Some(Answer::new(&visitor, &explained)),
            // The same for every address of others, whether there is mail for it or not.
            Err(Error::NotFound) => foreign = true,
            Err(error) => return Err(error),
        },
    }
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None if foreign => StatusCode::NOT_FOUND,
        None => StatusCode::OK,
    };
    let title = match &answer {
        Some(_) => format!(
            "What happens to mail for {}",
            text::short(&text::plain(&wanted.address))
        ),
        None => "Explain".to_owned(),
    };
    let template = Explain {
        page: visitor.page(&title, "explain").await?,
        wanted,
        problem,
        examples,
        foreign,
        answer,
    };
    render(status, &template)
}

/// The first address of a few kinds.
async fn examples(visitor: &Visitor) -> Result<Vec<Example>> {
    const KINDS: [(&Resource, &str); 3] = [
        (&lists::RESOURCE, "a mailing list"),
        (&users::RESOURCE, "a mailbox"),
        (&aliases::RESOURCE, "an alias"),
    ];
    let mut examples: Vec<Example> = Vec::new();
    for (resource, what) in KINDS {
        let rows = some_rows(visitor, resource).await?;
        let subjects = rows.iter().map(|row| row.text(resource.subject).to_owned());
        let new = subjects
            .filter(|subject| !subject.starts_with('@') && subject.contains('@'))
            .find(|subject| examples.iter().all(|example| example.address != *subject));
        if let Some(address) = new {
            let path = format!("/explain{}", query(&[("address", &address)]));
            examples.push(Example {
                page: visitor.app.urls.page(&path),
                address,
                what,
            });
        }
    }
    Ok(examples)
}

/// The first few enabled rows of a table; none where it is missing.
async fn some_rows(visitor: &Visitor, resource: &'static Resource) -> Result<Vec<Row>> {
    let state = ListQuery {
        enabled: "1".to_owned(),
        per: "25".to_owned(),
        ..ListQuery::default()
    };
    match visitor.app.store.list(&visitor.actor, resource, &state).await {
        Ok(found) => Ok(found.rows),
        Err(Error::MissingTable(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
