//! `/left`: somebody left.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::review::{Outcome, Planned, refused};
use super::{About, Facts, Kindred, address, beside};
use crate::error::{Error, Result};
use crate::mail::{MailAddress, RelocationText};
use crate::resource::{Problem, Resource, aliases, relocated, users};
use crate::store::{Left, Then, Traces};
use crate::web::page::{Page, render};
use crate::web::request::{Asked, Fields, Visitor};

const LEFT: Kindred = Kindred {
    path: "/left",
    verb: "left",
    section: "users",
    title: "Somebody left",
    lead: "Switches off the mailbox, alias and override of one address together, and says what becomes of its mail.",
};

#[derive(Template)]
#[template(path = "departures/left.html")]
struct LeftPage {
    page: Page,
    address: String,
    typed: Typed,
    facts: Facts,
    /// Whether there is nothing that could be switched off or told.
    is_nothing: bool,
    /// Field and what is wrong with it.
    problems: Vec<(&'static str, String)>,
}

impl LeftPage {
    fn problem(&self, field: &str) -> Option<&str> {
        let of_field = self.problems.iter().find(|(name, _)| *name == field);
        of_field.map(|(_, problem)| problem.as_str())
    }
}

/// What was typed.
struct Typed {
    then: String,
    newadr: String,
    destination: String,
    lists: bool,
}

impl Typed {
    fn offered() -> Self {
        Self {
            then: "refuse".to_owned(),
            newadr: String::new(),
            destination: String::new(),
            lists: true,
        }
    }

    fn read(fields: &Fields) -> Self {
        Self {
            then: fields.text("then").to_owned(),
            newadr: fields.text("newadr").to_owned(),
            destination: fields.text("destination").to_owned(),
            lists: fields.is_set("lists"),
        }
    }

    fn check(&self, address: &MailAddress) -> Result<Left, Problem> {
        let problem = |column, message: &str| Problem {
            column,
            message: message.to_owned(),
        };
        let then = match self.then.as_str() {
            "refuse" => Then::Refuse,
            "tell" => RelocationText::parse(&self.newadr)
                .map(Then::Tell)
                .map_err(|fault| problem("newadr", fault.message()))?,
            "forward" => {
                let colleague = MailAddress::parse_destination(&self.destination);
                let colleague = colleague.map_err(|fault| problem("destination", fault.message()))?;
                if colleague == *address {
                    let message = "This is the address of the person who left. Name somebody who stays.";
                    return Err(problem("destination", message));
                }
                Then::Forward(colleague)
            }
            _ => {
                let message = "Choose what becomes of the mail: it is refused, senders are told, or a colleague gets it.";
                return Err(problem("then", message));
            }
        };
        Ok(Left {
            then,
            remove_from_lists: self.lists,
        })
    }

    /// The table whose columns the fields are named after.
    fn resource(&self) -> &'static Resource {
        if self.then == "tell" {
            &relocated::RESOURCE
        } else {
            &aliases::RESOURCE
        }
    }

    fn fields(&self, address: &MailAddress) -> Vec<(&'static str, String)> {
        vec![
            ("address", address.to_string()),
            ("then", self.then.clone()),
            ("newadr", self.newadr.clone()),
            ("destination", self.destination.clone()),
            ("lists", u8::from(self.lists).to_string()),
        ]
    }
}

pub(super) async fn show(visitor: Visitor, Asked(about): Asked<About>) -> Result<Response> {
    visitor.actor.require_write(&users::RESOURCE)?;
    match address(&visitor, LEFT, &about.address).await? {
        Ok(address) => form(&visitor, &address, Typed::offered(), Vec::new()).await,
        Err(asking) => Ok(asking),
    }
}

async fn form(
    visitor: &Visitor,
    address: &MailAddress,
    typed: Typed,
    problems: Vec<Problem>,
) -> Result<Response> {
    let traces = visitor.app.store.traces(&visitor.actor, address.as_str()).await?;
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = LeftPage {
        page: visitor.page(&format!("{address} left"), LEFT.section).await?,
        address: address.to_string(),
        typed,
        facts: Facts::of(visitor, &traces),
        is_nothing: is_nothing(&traces),
        problems: beside(problems, &["then", "newadr", "destination"]),
    };
    render(status, &page)
}

pub(super) async fn save(visitor: Visitor, fields: Fields) -> Result<Response> {
    visitor.actor.require_write(&users::RESOURCE)?;
    let address = match address(&visitor, LEFT, fields.text("address")).await? {
        Ok(address) => address,
        Err(asking) => return Ok(asking),
    };
    let typed = Typed::read(&fields);
    if fields.is_set("edit") {
        return form(&visitor, &address, typed, Vec::new()).await;
    }
    let left = match typed.check(&address) {
        Ok(left) => left,
        Err(problem) => return form(&visitor, &address, typed, vec![problem]).await,
    };
    for is_stale in [false, true] {
        let plan = visitor
            .app
            .store
            .plan_left(&visitor.actor, address.as_str(), &left);
        let outcome = match plan.await {
            Ok(plan) => {
                let planned = Planned {
                    visitor: &visitor,
                    kindred: LEFT,
                    address: address.as_str(),
                    done: done(&address, &left.then),
                    plan,
                    fields: typed.fields(&address),
                    mine: typed.resource(),
                };
                planned.carry_out(&fields, is_stale).await?
            }
            Err(error) => refused(error.into(), typed.resource())?,
        };
        match outcome {
            Outcome::Answer(response) => return Ok(response),
            Outcome::Refused(problem) => return form(&visitor, &address, typed, vec![problem]).await,
            Outcome::Stale => {}
        }
    }
    Err(Error::Busy)
}

/// Whether an address is nobody's here: no row is about it, and its domain is not one of this server's.
fn is_nothing(traces: &Traces) -> bool {
    traces.rows.is_empty() && traces.lists.is_empty() && !traces.is_hosted && !traces.is_backup
}

fn done(address: &MailAddress, then: &Then) -> String {
    match then {
        Then::Refuse => format!("Done as asked: mail for `{address}` is refused from now on."),
        Then::Tell(text) => format!("Senders who write to `{address}` read that it has moved to `{text}`."),
        Then::Forward(colleague) => format!("Mail for `{address}` goes to `{colleague}`."),
    }
}
