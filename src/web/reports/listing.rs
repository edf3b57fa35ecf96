//! Reports that are lists of rows, each narrowed to what is the matter.

use super::shown::{Cell, Line, Section};
use super::{Kind, Look, Narrowed, Report};
use crate::access::Scope;
use crate::error::Result;
use crate::resource::overrides::IN_DOMAINS;
use crate::resource::{Part, Resource, aliases, domains};
use crate::store::{ListQuery, Row, Total, matter};
use crate::web::overrides::view;
use crate::web::request::Visitor;
use crate::web::text;
use crate::web::urls::query;
use crate::web::view::RowView;

/// Rows of each of several lists.
const SHOWN: u16 = 20;

/// Rows of a list that is shown alone.
const PER_PAGE: u16 = 50;

/// Up to here the index counts.
const COUNTED: u64 = 1_000;

/// Addresses every domain must have (RFC 2142 section 5 and RFC 5321 4.5.1).
const REQUIRED: [&str; 2] = ["postmaster", "abuse"];

/// A page of a list.
struct Found {
    rows: Vec<RowView>,
    next: Option<String>,
    total: Total,
}

/// How many rows a report has, for the index; `None` where it has to be told what it is about or takes long.
pub async fn count(visitor: &Visitor, report: &'static Report) -> Result<Option<String>> {
    let narrowed = match &report.kind {
        Kind::Listing(narrowed) => *narrowed,
        Kind::Required => &[(&domains::RESOURCE, "required")][..],
        _ => return Ok(None),
    };
    let mut sum = 0;
    for &(resource, needs) in narrowed {
        if !is_there(visitor, resource).await? || !visitor.app.store.can_ask(resource, needs).await? {
            continue;
        }
        let state = ListQuery {
            needs: needs.to_owned(),
            per: "1".to_owned(),
            ..ListQuery::default()
        };
        sum += match read(visitor, resource, &state).await?.total {
            Total::Exactly(n) | Total::MoreThan(n) => n,
        };
    }
    Ok(Some(if sum > COUNTED {
        format!("{} or more", text::number(COUNTED))
    } else {
        text::number(sum)
    }))
}

/// Whether the database has the table, with what tells its rows apart.
async fn is_there(visitor: &Visitor, resource: &'static Resource) -> Result<bool> {
    let live = visitor.app.store.table(resource).await?;
    Ok(live.is_some_and(|table| table.lacks(resource).is_none()))
}

/// A page of a list, also of the overrides, which stand in two tables.
async fn read(visitor: &Visitor, resource: &'static Resource, state: &ListQuery) -> Result<Found> {
    let (store, actor) = (&visitor.app.store, &visitor.actor);
    if resource.part == Part::Overrides {
        let found = store.overrides(actor, state).await?;
        let mut rows: Vec<RowView> = found.rows.iter().map(|row| view(visitor, row)).collect();
        for row in &mut rows {
            // Where it is stored is no heading here.
            row.cells.truncate(1);
        }
        return Ok(Found {
            rows,
            next: found.next,
            total: found.total,
        });
    }
    let found = store.list(actor, resource, state).await?;
    let rows = found
        .rows
        .iter()
        .map(|row| RowView::new(resource, store, row, ""));
    Ok(Found {
        rows: rows.collect(),
        next: found.next,
        total: found.total,
    })
}

impl Look<'_> {
    /// Lists that are narrowed, one below the other, or the one that is asked for.
    pub(super) async fn narrowed(&self, narrowed: &[Narrowed]) -> Result<Vec<Section>> {
        let mut sections = Vec::new();
        let mut none: Vec<&str> = Vec::new();
        for &(resource, needs) in narrowed {
            let list = format!("{}.{needs}", resource.slug);
            if !self.is_asked(&list) {
                continue;
            }
            let state = ListQuery {
                needs: needs.to_owned(),
                ..self.of_list(narrowed.len() == 1)
            };
            let mut section = if !is_there(self.visitor, resource).await? {
                continue;
            } else if self.visitor.app.store.can_ask(resource, needs).await? {
                self.rows(resource, &list, &state).await?
            } else {
                let why = "This cannot be asked: a table or column it is about is missing, or the tables' text has different \
                           collations, so that the server does not compare it.";
                Section {
                    notes: vec![why.to_owned()],
                    ..Section::default()
                }
            };
            if narrowed.len() > 1 {
                resource.words.title.clone_into(&mut section.title);
            }
            if section.is_empty() && section.notes.is_empty() {
                none.push(resource.words.title);
                continue;
            }
            if let Some(matter) = told(narrowed, resource, needs) {
                section
                    .notes
                    .insert(0, format!("{} {matter}.", capital(resource.words.many)));
            }
            sections.push(section);
        }
        none.retain(|title| sections.iter().all(|section| section.title != *title));
        if !sections.is_empty() && !none.is_empty() {
            sections.push(Section {
                notes: vec![format!("None: {}.", none.join(", "))],
                ..Section::default()
            });
        }
        Ok(sections)
    }

    /// Rows that are disabled, of every table.
    pub(super) async fn disabled(&self) -> Result<Vec<Section>> {
        let mut resources: Vec<_> = Resource::tables().collect();
        if self.visitor.actor.scope != Scope::Everything {
            // Everybody else finds these in their tables; for owners those hold whole domains alone.
            resources.push(&IN_DOMAINS);
        }
        let mut sections = Vec::new();
        for resource in resources {
            if !self.is_asked(resource.slug) || !is_there(self.visitor, resource).await? {
                continue;
            }
            let state = ListQuery {
                enabled: "0".to_owned(),
                ..self.of_list(false)
            };
            let live = self.visitor.app.store.table(resource).await?;
            if live.is_none_or(|table| !table.has("enabled")) {
                continue;
            }
            let mut section = self.rows(resource, resource.slug, &state).await?;
            resource.words.title.clone_into(&mut section.title);
            sections.push(section);
        }
        Ok(sections)
    }

    /// Every alias of a domain.
    pub(super) async fn of_domain(&self) -> Result<Section> {
        if !is_there(self.visitor, &aliases::RESOURCE).await? {
            return Ok(Section::default());
        }
        self.rows(&aliases::RESOURCE, "", &self.of_list(true)).await
    }

    /// Domains without a required address, each with what is missing.
    pub(super) async fn required(&self) -> Result<Section> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let resource = &domains::RESOURCE;
        if !is_there(self.visitor, resource).await? || !store.can_ask(resource, "required").await? {
            return Ok(Section::default());
        }
        let state = ListQuery {
            needs: "required".to_owned(),
            ..self.of_list(true)
        };
        let found = store.list(actor, resource, &state).await?;
        let address = |row: &Row, local: &str| format!("{local}@{}", row.subject(resource));
        let wanted: Vec<String> = found
            .rows
            .iter()
            .flat_map(|row| REQUIRED.map(|local| address(row, local)))
            .collect();
        let there: Vec<String> = store
            .about(actor, &aliases::RESOURCE, &wanted)
            .await?
            .iter()
            .filter(|alias| alias.row.is_enabled())
            .map(|alias| alias.row.subject(&aliases::RESOURCE))
            .collect();
        let lines = found.rows.iter().map(|row| {
            let missing: Vec<String> = REQUIRED
                .iter()
                .filter(|local| !there.contains(&address(row, local)))
                .map(|local| format!("{local}@"))
                .collect();
            let link = self.visitor.app.urls.row(resource.slug, &row.key);
            Line {
                cells: vec![
                    Cell::link(text::plain(row.text("domain")), link),
                    Cell::stored(missing.join(", ")),
                ],
                is_live: true,
            }
        });
        Ok(Section {
            headings: vec!["Domain", "Missing"],
            lines: lines.collect(),
            total: text::total(found.total, resource.words.noun, resource.words.many),
            pages: self.pages("", found.next.as_deref()),
            ..Section::default()
        })
    }

    /// Whether a list is to be shown: all are, or this one alone.
    fn is_asked(&self, list: &str) -> bool {
        self.state.list.is_empty() || self.state.list == list
    }

    /// The state of a list that is shown alone, or as one of several.
    fn of_list(&self, is_alone: bool) -> ListQuery {
        let is_whole = is_alone || !self.state.list.is_empty();
        ListQuery {
            domain: self.state.domain.clone(),
            after: if is_whole {
                self.state.after.clone()
            } else {
                String::new()
            },
            per: if is_whole { PER_PAGE } else { SHOWN }.to_string(),
            ..ListQuery::default()
        }
    }

    /// A page of a list, with the way to the whole of it and to the table's own page, where rows can be changed together.
    async fn rows(&self, resource: &'static Resource, list: &str, state: &ListQuery) -> Result<Section> {
        let found = read(self.visitor, resource, state).await?;
        let mut links = Vec::new();
        let is_part = !list.is_empty() && self.state.list.is_empty();
        if found.next.is_some() && is_part && state.per == SHOWN.to_string() {
            let all = text::total(found.total, resource.words.noun, resource.words.many);
            links.push((format!("All {all}"), self.here(&[("list", list)])));
        }
        if !found.rows.is_empty() {
            let pairs = [
                ("domain", state.domain.as_str()),
                ("enabled", state.enabled.as_str()),
                ("needs", state.needs.as_str()),
            ];
            let path = format!("/{}{}", resource.slug, query(&pairs));
            let label = format!("Open in {}", resource.words.title);
            links.push((label, self.visitor.app.urls.page(&path)));
        }
        let next = found.next.filter(|_| !is_part || state.per != SHOWN.to_string());
        Ok(Section {
            total: text::total(found.total, resource.words.noun, resource.words.many),
            rows: Some((resource, found.rows)),
            links,
            pages: self.pages(list, next.as_deref()),
            ..Section::default()
        })
    }
}

/// What is the matter with the rows of a list, where the report's own words do not say it: where it is another matter than that
/// of the report's first list, or the table has several lists.
fn told(narrowed: &[Narrowed], resource: &Resource, needs: &str) -> Option<&'static str> {
    let (first, of_first) = narrowed.first()?;
    let several = narrowed
        .iter()
        .filter(|(other, _)| other.slug == resource.slug)
        .count()
        > 1;
    matter(resource, needs).filter(|own| several || matter(first, of_first) != Some(*own))
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
