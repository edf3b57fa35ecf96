//! Rows of a file, or pasted, into a table: the form, the step where it is said which column is which, the review of what
//! would change, and the import itself.

mod form;
mod mapping;
mod review;

use axum::response::Response;

use super::crud::{CACHED, live};
use super::jobs::{self, Outcome};
use super::multipart::{Sent, Spooled, Upload};
use super::overrides;
use super::page::Notice;
use super::request::{Fields, Visitor};
use super::routes::Routes;
use super::text;
use crate::access::Role;
use crate::error::{Error, Result};
use crate::exchange::Material;
use crate::progress::Progress;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Kind, Part, Resource};
use crate::store::{Imported, Importing, Refusal};
use form::Form;
use mapping::Question;
use review::Review;

/// What rows that were pasted are called.
const PASTED: &str = "pasted rows";

const NO_ROWS: &str = "There are no rows in it.";

/// Where rows go.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// Into one table, from its pages; of the lists it is the table of the aliases.
    Table(&'static Resource),
    /// Into the table that overrides are kept in.
    Overrides,
    /// Into the tables the file names.
    Any,
}

/// The pages of one table.
pub fn routes_of(resource: &'static Resource) -> Routes {
    routes(format!("/{}/import", resource.slug), Target::Table(resource))
}

/// The pages of overrides, and of files with several tables.
pub fn further_routes() -> Routes {
    routes(format!("/{}/import", IN_DOMAINS.slug), Target::Overrides)
        .merge(routes("/import".to_owned(), Target::Any))
}

fn routes(path: String, target: Target) -> Routes {
    Routes::default()
        .get(&path, move |visitor: Visitor| ask(target, visitor))
        .post(&path, move |visitor: Visitor, sent: Sent| {
            take(target, visitor, sent)
        })
}

impl Target {
    /// The table whose pages these are.
    fn resource(self) -> Option<&'static Resource> {
        match self {
            Self::Table(resource) => Some(resource),
            Self::Overrides => Some(&IN_DOMAINS),
            Self::Any => None,
        }
    }

    fn title(self) -> String {
        self.resource()
            .map_or_else(|| "Import".to_owned(), |r| format!("Import {}", r.words.many))
    }

    fn section(self) -> &'static str {
        self.resource().map_or("import", |r| r.slug)
    }

    fn path(self) -> String {
        self.resource()
            .map_or_else(|| "/import".to_owned(), |r| format!("/{}/import", r.slug))
    }

    /// Where the person goes when it is done.
    fn list(self) -> String {
        self.resource()
            .map_or_else(|| "/changes".to_owned(), |r| format!("/{}", r.slug))
    }

    /// That the visitor may import here, and the table the rows go into.
    ///
    /// # Errors
    /// They may not, or the table cannot be written.
    async fn admit(self, visitor: &Visitor) -> Result<Option<&'static Resource>> {
        let into = match self {
            Self::Table(resource) => resource,
            Self::Overrides => {
                visitor.actor.require_write(&IN_DOMAINS)?;
                // What owners may choose is checked one override at a time.
                if visitor.actor.role == Role::Owner {
                    return Err(Error::Forbidden(
                        "Only operators import overrides. Set up yours one at a time.".to_owned(),
                    ));
                }
                return overrides::place_of(visitor, None).await.map(Some);
            }
            Self::Any => {
                visitor.actor.require_everything()?;
                if visitor.actor.role != Role::Operator {
                    return Err(Error::Forbidden("Only operators import.".to_owned()));
                }
                return Ok(None);
            }
        };
        let table = live(visitor, into).await?;
        visitor.actor.require_write(into)?;
        visitor.require_add(into)?;
        if let Some(why) = table.read_only(into) {
            return Err(Error::ReadOnly(why));
        }
        // Rows of lists are aliases.
        Ok(Some(match into.part {
            Part::Lists => Resource::by_table(into.table).unwrap_or(into),
            Part::Whole | Part::Overrides => into,
        }))
    }
}

/// Columns a file may have, with what they are.
fn columns(into: &'static Resource) -> Vec<(&'static str, &'static str)> {
    let columns = into.columns.iter().map(|column| (column.name, column.label));
    let hash = into.columns.iter().any(|column| column.kind == Kind::Password);
    columns
        .chain(hash.then_some(("crypt", "Hash of the password, instead of it")))
        .collect()
}

async fn ask(target: Target, visitor: Visitor) -> Result<Response> {
    let into = target.admit(&visitor).await?;
    Form::new(&visitor, target, into, &Fields::default())
        .await?
        .respond(None)
}

/// What is to be read, as the form says it.
struct Chosen {
    upload: String,
    spooled: Spooled,
}

async fn take(target: Target, visitor: Visitor, sent: Sent) -> Result<Response> {
    let into = target.admit(&visitor).await?;
    let Upload { fields, file } = sent.receive(&visitor.app).await?;
    let form = Form::new(&visitor, target, into, &fields).await?;
    let chosen = match chosen(&visitor, &fields, file)? {
        Ok(chosen) => chosen,
        Err(why) => return form.respond(Some(why)),
    };
    if fields.is_set("edit") {
        return form.holding(&chosen.spooled)?.respond(None);
    }
    let reading = match form::reading(into, &fields) {
        Ok(reading) => reading,
        Err(why) => return form.respond(Some(&why)),
    };
    let material = form::material(chosen.spooled, reading)?;
    let applies = fields.is_set("confirm");
    if let Some(question) = Question::about(&material)? {
        return question.respond(form.into_page(), target, chosen.upload, &fields);
    }
    let work = Work {
        target,
        upload: chosen.upload,
        importing: Importing {
            applies,
            // A review says what would be written without the refused rows, which is what can be.
            skips_refused: fields.is_set("skip_refused") || !applies,
            seen: fields.get("seen").map(str::to_owned),
        },
        fields,
        form,
    };
    work.run(&visitor, material).await
}

/// The file that was sent, what was pasted, or a file that is kept; or why there is none.
fn chosen(visitor: &Visitor, fields: &Fields, file: Option<Spooled>) -> Result<Result<Chosen, &'static str>> {
    let uploads = &visitor.app.uploads;
    let pasted = fields.text("text");
    let new = match file {
        Some(file) if file.size == 0 => return Ok(Err("The file is empty.")),
        Some(file) => Some(file),
        None if !pasted.trim().is_empty() => Some(form::pasted(pasted)?),
        None => None,
    };
    let upload = match new {
        Some(new) => uploads.keep(visitor.account, new, visitor.app.config.import.largest_bytes())?,
        None => fields.text("upload").to_owned(),
    };
    if upload.is_empty() {
        return Ok(Err("Choose a file, or paste rows."));
    }
    Ok(uploads
        .find(visitor.account, &upload)?
        .map(|spooled| Chosen { upload, spooled })
        .ok_or(
            "The file is not kept any more: that is for an hour, or until three others were sent. Choose it again.",
        ))
}

/// An import, looked at or done.
struct Work {
    target: Target,
    upload: String,
    importing: Importing,
    fields: Fields,
    /// To be shown where the file cannot be read.
    form: Form,
}

impl Work {
    /// Does it, behind the pages where it takes long.
    async fn run(self, visitor: &Visitor, material: Material) -> Result<Response> {
        let progress = Progress::default();
        let title = if self.importing.applies {
            format!("Import of {}", text::plain(&material.name))
        } else {
            format!("Looking through {}", text::plain(&material.name))
        };
        let (store, actor) = (visitor.app.store.clone(), visitor.actor.clone());
        let urls = visitor.app.urls.clone();
        let seen = progress.clone();
        jobs::run(visitor, title, progress, async move {
            let imported = store.import(&actor, &material, &self.importing, &seen).await;
            let imported = match imported {
                Ok(imported) => imported,
                Err(refusal) => return self.refused(refusal),
            };
            let rows = imported.added + imported.changed + imported.unchanged;
            if rows + imported.refused == 0 {
                return self.form.respond(Some(NO_ROWS)).map(Outcome::Page);
            }
            let nothing_to_do = imported.added + imported.changed == 0
                && rows > 0
                && (imported.refused == 0 || self.importing.skips_refused);
            let is_done = self.importing.applies && (imported.change.is_some() || nothing_to_do);
            if is_done {
                let changes = urls.page("/changes");
                let notice = self.notice(&material.name, &imported, changes);
                return Ok(Outcome::Done(notice, urls.page(&self.target.list())));
            }
            let page = self.form.into_page();
            Review::new(
                page,
                self.target,
                self.upload,
                &self.fields,
                &self.importing,
                &material,
                imported,
            )
            .respond()
            .map(Outcome::Page)
        })
        .await
    }

    /// The form again, where the store says why.
    fn refused(self, refusal: Refusal) -> Result<Outcome> {
        let why = match refusal {
            Refusal::Unstorable(why) | Refusal::Limit { why, .. } => why,
            Refusal::Failed(error) => return Err(error),
            other => return Err(Error::Unexpected(format!("an import was refused: {other:?}"))),
        };
        self.form.respond(Some(&why)).map(Outcome::Page)
    }

    fn notice(&self, name: &str, imported: &Imported, changes: String) -> Notice {
        let name = text::plain(name);
        let left_out = match imported.refused {
            0 => String::new(),
            n => format!(", {} left out", text::number(n)),
        };
        let mut lines = vec![if imported.change.is_some() {
            format!(
                "Imported `{name}`: {} added, {} changed, {} unchanged{left_out}.",
                text::number(imported.added),
                text::number(imported.changed),
                text::number(imported.unchanged)
            )
        } else {
            format!("What is in `{name}` is there already: nothing was changed{left_out}.")
        }];
        let is_cached = self.target.resource().is_none_or(|r| r.cached_by_postfix);
        if imported.change.is_some() && is_cached {
            lines.push(CACHED.to_owned());
        }
        let notice = Notice {
            link: imported.change.map(|_| ("Changes".to_owned(), changes)),
            ..Notice::ok(lines)
        };
        notice.undoable(imported.change)
    }
}
