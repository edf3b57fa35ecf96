//! `/moved`: somebody's mail moved to Google, Microsoft or another server, although their domain stays here.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::review::{Outcome, Planned, refused};
use super::{About, Facts, Kindred, address, beside};
use crate::access::Rights;
use crate::error::{Error, Result};
use crate::mail::MailAddress;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Draft, Problem, Resource, users};
use crate::store::Override;
use crate::web::overrides::{not_allowed, offered, patterns, place_of};
use crate::web::page::{Page, render};
use crate::web::request::{Asked, Fields, Visitor};

const MOVED: Kindred = Kindred {
    path: "/moved",
    verb: "moved",
    section: "overrides",
    title: "Somebody moved to Google or Microsoft",
    lead: "Sends the mail of one address to another provider, with every row this takes; everybody else of the domain stays \
           here.",
};

#[derive(Template)]
#[template(path = "departures/moved.html")]
struct MovedPage {
    page: Page,
    address: String,
    /// What is offered: name, transport, whether it is chosen.
    presets: Vec<(String, String, bool)>,
    /// What was typed instead of a preset.
    transport: String,
    has_mailbox: bool,
    keep_mailbox: bool,
    facts: Facts,
    /// Field and what is wrong with it.
    problems: Vec<(&'static str, String)>,
}

impl MovedPage {
    fn problem(&self, field: &str) -> Option<&str> {
        let of_field = self.problems.iter().find(|(name, _)| *name == field);
        of_field.map(|(_, problem)| problem.as_str())
    }

    /// Whether none of the presets is chosen.
    fn is_other(&self) -> bool {
        !self.presets.iter().any(|(_, _, chosen)| *chosen)
    }
}

/// What was typed.
struct Typed {
    /// Where the mail goes, to the letter.
    transport: String,
    keep_mailbox: bool,
}

impl Typed {
    /// A preset stands for its transport; both may be sent, where they say the same.
    fn read(fields: &Fields) -> Result<Self, (Self, Problem)> {
        let (preset, typed) = (fields.text("preset").trim(), fields.text("transport").trim());
        let chosen = if typed.is_empty() { preset } else { typed };
        let read = Self {
            transport: chosen.to_owned(),
            keep_mailbox: fields.is_set("mailbox"),
        };
        if !preset.is_empty() && !preset.eq_ignore_ascii_case(chosen) {
            let message = format!(
                "`{preset}` is chosen and `{typed}` is typed. Choose another server, or empty the field."
            );
            let problem = Problem {
                column: "transport",
                message,
            };
            return Err((read, problem));
        }
        Ok(read)
    }

    fn fields(&self, address: &MailAddress) -> Vec<(&'static str, String)> {
        vec![
            ("address", address.to_string()),
            ("transport", self.transport.clone()),
            ("mailbox", u8::from(self.keep_mailbox).to_string()),
        ]
    }
}

/// Whose mail moves, and where overrides are kept.
struct Moving {
    visitor: Visitor,
    address: MailAddress,
    place: &'static Resource,
    stored: Option<Override>,
}

impl Moving {
    /// Or the page that asks for the address.
    async fn of(visitor: Visitor, typed: &str) -> Result<Result<Self, Response>> {
        visitor.actor.require_write(&IN_DOMAINS)?;
        let address = match address(&visitor, MOVED, typed).await? {
            Ok(address) => address,
            Err(asking) => return Ok(Err(asking)),
        };
        let own = [address.to_string()];
        let found = visitor.app.store.overrides_of(&visitor.actor, &own).await?;
        let stored = found.into_iter().next();
        let place = place_of(&visitor, stored.as_ref()).await?;
        if visitor.actor.rights(place, address.as_str()) != Rights::All {
            let kept = visitor.actor.kept(place, Some(address.domain().as_str()));
            return Err(Error::Forbidden(kept.join(" ")));
        }
        Ok(Ok(Self {
            visitor,
            address,
            place,
            stored,
        }))
    }

    /// The presets, with the customer's own part of the name as Microsoft derives it from the domain.
    fn presets(&self) -> Vec<(String, String)> {
        let tenant = self.address.domain().as_str().replace('.', "-");
        let patterns = patterns(&self.visitor, Some(self.address.as_str()));
        let offered = offered(patterns).into_iter();
        offered
            .map(|(name, transport)| (name, transport.replace("TENANT", &tenant)))
            .collect()
    }

    fn check(&self, typed: &Typed) -> Result<Draft, Vec<Problem>> {
        let fields = vec![
            ("domain", self.address.to_string()),
            ("transport", typed.transport.clone()),
            ("enabled", "1".to_owned()),
        ];
        let draft = self.place.check(self.visitor.app.store.rules(), fields)?;
        let transport = draft.text("transport");
        // What an operator has set for this address may stay there.
        let is_kept = self
            .stored
            .as_ref()
            .is_some_and(|stored| stored.transport() == transport);
        match not_allowed(&self.visitor, self.address.as_str(), &transport).filter(|_| !is_kept) {
            Some(problem) => Err(vec![problem]),
            None => Ok(draft),
        }
    }

    async fn form(&self, typed: Typed, problems: Vec<Problem>) -> Result<Response> {
        let visitor = &self.visitor;
        let traces = visitor
            .app
            .store
            .traces(&visitor.actor, self.address.as_str())
            .await?;
        let status = if problems.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let presets: Vec<_> = self
            .presets()
            .into_iter()
            .map(|(name, transport)| {
                let is_chosen = transport.eq_ignore_ascii_case(&typed.transport);
                (name, transport, is_chosen)
            })
            .collect();
        let is_preset = presets.iter().any(|(_, _, chosen)| *chosen);
        let page = MovedPage {
            page: visitor
                .page(&format!("{} moved", self.address), MOVED.section)
                .await?,
            address: self.address.to_string(),
            presets,
            transport: if is_preset { String::new() } else { typed.transport },
            has_mailbox: traces.of(&users::RESOURCE).any(|stored| stored.row.is_enabled()),
            keep_mailbox: typed.keep_mailbox,
            facts: Facts::of(visitor, &traces),
            problems: beside(problems, &["transport"]),
        };
        render(status, &page)
    }
}

pub(super) async fn show(visitor: Visitor, Asked(about): Asked<About>) -> Result<Response> {
    let moving = match Moving::of(visitor, &about.address).await? {
        Ok(moving) => moving,
        Err(asking) => return Ok(asking),
    };
    let stored = moving.stored.as_ref().map(|stored| stored.transport().to_owned());
    let first = || {
        moving
            .presets()
            .into_iter()
            .next()
            .map(|(_, transport)| transport)
    };
    let typed = Typed {
        transport: stored.or_else(first).unwrap_or_default(),
        keep_mailbox: true,
    };
    moving.form(typed, Vec::new()).await
}

pub(super) async fn save(visitor: Visitor, fields: Fields) -> Result<Response> {
    let moving = match Moving::of(visitor, fields.text("address")).await? {
        Ok(moving) => moving,
        Err(asking) => return Ok(asking),
    };
    let typed = match Typed::read(&fields) {
        Ok(typed) => typed,
        Err((typed, problem)) => return moving.form(typed, vec![problem]).await,
    };
    if fields.is_set("edit") {
        return moving.form(typed, Vec::new()).await;
    }
    let draft = match moving.check(&typed) {
        Ok(draft) => draft,
        Err(problems) => return moving.form(typed, problems).await,
    };
    let (visitor, place) = (&moving.visitor, moving.place);
    for is_stale in [false, true] {
        let store = &visitor.app.store;
        let plan = store.plan_moved(&visitor.actor, place, &draft, typed.keep_mailbox);
        let outcome = match plan.await {
            Ok(plan) => {
                let planned = Planned {
                    visitor,
                    kindred: MOVED,
                    address: moving.address.as_str(),
                    done: format!(
                        "Mail for `{}` goes to `{}`.",
                        moving.address,
                        draft.text("transport")
                    ),
                    plan,
                    fields: typed.fields(&moving.address),
                    mine: place,
                };
                planned.carry_out(&fields, is_stale).await?
            }
            Err(refusal) => refused(refusal, place)?,
        };
        match outcome {
            Outcome::Answer(response) => return Ok(response),
            Outcome::Refused(problem) => return moving.form(typed, vec![problem]).await,
            Outcome::Stale => {}
        }
    }
    Err(Error::Busy)
}
