//! `/postfix`: what Postfix is told so that it looks the tables up, as `postwarden postfix generate` writes it.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, render};
use super::request::Visitor;
use super::text;
use super::watch::{Known, NOW};
use crate::error::{Error, Result};
use crate::postfix::{Account, Configuration, MAPS, Map, Severity, grants};
use crate::resource::Resource;

/// The account the page shows: the panel's own may write, and Postfix needs one that may not.
const USER: &str = "postfix";

#[derive(Template)]
#[template(path = "postfix.html")]
struct Postfix {
    page: Page,
    known: Option<Arc<Known>>,
    lookups: Vec<Lookup>,
    left_out: Vec<LeftOut>,
    main_cf: String,
    commands: String,
    grants: String,
}

/// A lookup table.
struct Lookup {
    map: &'static Map,
    /// Name of its file.
    file: String,
    /// What is in the file.
    text: String,
    /// The list of the rows it reads.
    list: String,
    /// How many of them are enabled, and how many there are, where they can be counted.
    rows: Option<(String, String)>,
}

/// A lookup table that cannot be asked.
struct LeftOut {
    file: String,
    /// What the database lacks.
    lacks: String,
}

/// `/postfix`
pub async fn show(visitor: Visitor) -> Result<Response> {
    visitor.actor.require_everything()?;
    let tables = visitor.app.store.schema().await?.names();
    let account = account(&visitor)?;
    let configuration = Configuration::new(account.clone(), tables.clone()).without_password();
    let commands: Vec<String> = configuration
        .settings()
        .iter()
        .map(|setting| setting.command() + "\n")
        .collect();
    let template = Postfix {
        page: visitor.page("Postfix", "postfix").await?,
        known: visitor.app.known_postfix(NOW).await?,
        lookups: lookups(&visitor, &configuration).await?,
        left_out: MAPS
            .iter()
            .filter_map(|map| {
                Some(LeftOut {
                    lacks: map.lacks(&tables)?,
                    file: map.file(),
                })
            })
            .collect(),
        main_cf: configuration.main_cf().text,
        commands: commands.concat(),
        grants: grants(&account, &tables),
    };
    render(StatusCode::OK, &template)
}

/// The database as the panel reaches it, with an account for Postfix and without the panel's password.
fn account(visitor: &Visitor) -> Result<Account> {
    let own = Account::from_url(visitor.app.config.database_url()?).map_err(Error::Usage)?;
    Ok(Account {
        user: USER.to_owned(),
        password: String::new(),
        ..own
    })
}

async fn lookups(visitor: &Visitor, configuration: &Configuration) -> Result<Vec<Lookup>> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    let mut lookups: Vec<Lookup> = Vec::new();
    for (map, query) in configuration.maps() {
        let Some(resource) = Resource::by_table(map.table) else {
            continue;
        };
        let counted = lookups.iter().find(|other| other.map.table == map.table);
        let rows = match counted {
            Some(other) => other.rows.clone(),
            None => store
                .tally(actor, resource)
                .await?
                .map(|(all, off)| (text::number(all - off), text::number(all))),
        };
        let file = configuration.map_file(map, &query);
        lookups.push(Lookup {
            map,
            file: file.name,
            text: file.text,
            list: visitor.app.urls.page(map.list),
            rows,
        });
    }
    Ok(lookups)
}
