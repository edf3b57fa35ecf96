//! Reports that follow mail: forward by explaining addresses, back through lists of destinations.

use super::shown::{Cell, Line, Section};
use super::{Look, State};
use crate::error::Result;
use crate::mail::domain_of;
use crate::resource::{aliases, relocated};
use crate::route::{self, Forwarder, Unknown, folded};
use crate::store::{Known, ListQuery, MOST_ALIASES, Row, Score, Sifted, Total};
use crate::web::overrides::view;
use crate::web::text;
use crate::web::urls::query;
use crate::web::view::RowView;

/// Lines of a page.
const PER_PAGE: usize = 50;

/// Domains elsewhere on one page.
const GROUPS: usize = 100;

/// Relocations looked through for those that name an address.
const RELOCATIONS: &str = "500";

impl Look<'_> {
    /// Who forwards to an address, and which other rows name it.
    pub(super) async fn forwards(&self) -> Result<Vec<Section>> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let address = &self.state.address;
        let mut known = Known::default();
        let found = store
            .settled(actor, &mut known, |known| route::forwarders(known, address))
            .await?;
        let mut notes =
            vec!["The nearest first. What is greyed is disabled, or behind an alias that is.".to_owned()];
        if found.is_cut {
            notes.push("There are more than are followed.".to_owned());
        }
        let mut sections = vec![Section {
            title: aliases::RESOURCE.words.title.to_owned(),
            total: text::total(
                Total::Exactly(found.found.len() as u64),
                aliases::RESOURCE.words.noun,
                aliases::RESOURCE.words.many,
            ),
            notes: if found.found.is_empty() { Vec::new() } else { notes },
            headings: vec!["Alias", "Takes", "Path", "Status"],
            lines: found.found.iter().map(|f| self.forwarder(f)).collect(),
            ..Section::default()
        }];
        sections.extend(self.named_by_overrides().await?);
        sections.extend(self.named_by_relocations().await?);
        Ok(sections)
    }

    fn forwarder(&self, forwarder: &Forwarder) -> Line {
        let row = &forwarder.alias;
        let mail = text::plain(row.text("mail"));
        let takes = match &forwarder.from {
            Some(from) if *from == folded(row.text("mail")) => Cell::words("its own mail"),
            Some(from) => Cell::stored(text::plain(from)).tagged(Some("domain alias")),
            None => {
                let any = format!("any name without a row at {}", domain_of(row.text("mail")));
                Cell::words(any).tagged(Some("catch-all"))
            }
        };
        let way: Vec<String> = forwarder.way.iter().map(|address| text::plain(address)).collect();
        let status = match (row.is_enabled(), forwarder.is_live) {
            (false, _) => "Disabled",
            (true, false) => "behind a disabled alias",
            (true, true) => "Enabled",
        };
        Line {
            cells: vec![
                Cell::link(mail, self.visitor.app.urls.row("aliases", &row.key)),
                takes,
                Cell::stored(way.join(" → ")),
                Cell::words(status),
            ],
            is_live: forwarder.is_live,
        }
    }

    async fn named_by_overrides(&self) -> Result<Option<Section>> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let address = std::slice::from_ref(&self.state.address);
        let found = store.overrides_of(actor, address).await?;
        let Some(first) = found.first() else {
            return Ok(None);
        };
        let resource = first.rows[0].0;
        let mut row = view(self.visitor, first);
        // Where it is stored is no heading here.
        row.cells.truncate(1);
        Ok(Some(Section {
            title: resource.words.title.to_owned(),
            notes: vec!["Mail for the address goes to another server.".to_owned()],
            rows: Some((resource, vec![row])),
            ..Section::default()
        }))
    }

    async fn named_by_relocations(&self) -> Result<Option<Section>> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let resource = &relocated::RESOURCE;
        let live = store.table(resource).await?;
        if live.is_none_or(|table| table.lacks(resource).is_some()) {
            return Ok(None);
        }
        let state = ListQuery {
            q: self.state.address.clone(),
            per: RELOCATIONS.to_owned(),
            ..ListQuery::default()
        };
        let found = store.list(actor, resource, &state).await?;
        let names = |row: &Row, column: &str| folded(row.text(column).trim()) == self.state.address;
        let rows: Vec<RowView> = found
            .rows
            .iter()
            .filter(|row| names(row, "oldadr") || names(row, "newadr"))
            .map(|row| RowView::new(resource, store, row, ""))
            .collect();
        Ok((!rows.is_empty()).then(|| Section {
            title: resource.words.title.to_owned(),
            notes: vec!["Senders are told the new address; nothing is forwarded.".to_owned()],
            rows: Some((resource, rows)),
            ..Section::default()
        }))
    }

    /// Aliases that deliver into a domain.
    pub(super) async fn delivering(&self) -> Result<Section> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let into = &self.state.domain;
        let page = (self.state.after.as_str(), PER_PAGE);
        let found = store.aliases_into(actor, "", into, true, page).await?;
        Ok(self.sifted(&found, "Delivers there to"))
    }

    /// Aliases that leave: by the domain they go to, or those that go to one.
    pub(super) async fn leaving(&self) -> Result<Section> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let State {
            domain, to, after, ..
        } = self.state;
        if !to.is_empty() {
            let page = (after.as_str(), PER_PAGE);
            let found = store.aliases_into(actor, domain, to, false, page).await?;
            let mut section = self.sifted(&found, "Delivers there to");
            section
                .notes
                .push(format!("Aliases that deliver into `{}`.", text::plain(to)));
            let back = ("All domains they leave to".to_owned(), self.here(&[("to", "")]));
            section.links.push(back);
            return Ok(section);
        }
        let found = store.departures(actor, domain).await?;
        let begin: usize = after.parse().unwrap_or_default();
        let rest = found.domains.get(begin..).unwrap_or_default();
        let lines = rest.iter().take(GROUPS).map(|(domain, count)| Line {
            cells: vec![
                Cell::link(text::plain(domain), self.here(&[("to", domain)])),
                Cell::words(text::total(Total::Exactly(*count), "alias", "aliases")),
            ],
            is_live: true,
        });
        let mut notes = Vec::new();
        if self.visitor.actor.require_everything().is_err() {
            notes.push("Domains that are not yours count as elsewhere.".to_owned());
        }
        if found.is_cut {
            let most = text::number(MOST_ALIASES as u64);
            notes.push(format!(
                "Only the first {most} aliases are counted, and not every domain they go to."
            ));
        }
        let next = (rest.len() > GROUPS).then(|| (begin + GROUPS).to_string());
        Ok(Section {
            headings: vec!["They go to", "Aliases"],
            total: text::total(Total::Exactly(found.domains.len() as u64), "domain", "domains"),
            lines: lines.collect(),
            notes,
            pages: self.pages("", next.as_deref()),
            ..Section::default()
        })
    }

    /// Aliases with destinations that nothing answers for.
    pub(super) async fn unanswered(&self) -> Result<Section> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let page = (self.state.after.as_str(), PER_PAGE);
        let found = store.unanswered(actor, &self.state.domain, page).await?;
        Ok(self.sifted(&found, "Nobody there"))
    }

    fn sifted(&self, found: &Sifted, heading: &'static str) -> Section {
        let lines = found.rows.iter().map(|(row, items)| {
            let mut items: Vec<String> = items.iter().map(|item| text::plain(item)).collect();
            items.dedup();
            let subject = text::plain(row.text("mail"));
            Line {
                cells: vec![
                    Cell::link(subject, self.visitor.app.urls.row("aliases", &row.key)),
                    Cell::stored(text::short(&items.join(", "))),
                    Cell::words(if row.is_enabled() { "Enabled" } else { "Disabled" }),
                ],
                is_live: row.is_enabled(),
            }
        });
        let mut notes = Vec::new();
        if found.next.is_some() && found.rows.len() < PER_PAGE {
            notes.push("Not all aliases have been looked at yet: the next page goes on.".to_owned());
        }
        Section {
            headings: vec!["Alias", heading, "Status"],
            lines: lines.collect(),
            notes,
            pages: self.pages("", found.next.as_deref()),
            ..Section::default()
        }
    }

    /// Domains with how much of what they accept is bounced.
    pub(super) async fn scores(&self) -> Result<Section> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let found = store.backscatter(actor, &self.state.after).await?;
        let lines = |scores: Vec<&Score>| scores.into_iter().map(|score| self.score(score)).collect();
        let (bouncing, quiet) = found
            .scores
            .iter()
            .partition(|score| score.bounced > 0 || risk(score.unknown).is_some());
        Ok(Section {
            headings: vec!["Domain", "Accepted and bounced", "Names without a row"],
            lines: lines(bouncing),
            folded: lines(quiet),
            fold: "nothing is bounced",
            pages: self.pages("", found.next.as_deref()),
            ..Section::default()
        })
    }

    fn score(&self, score: &Score) -> Line {
        let of = text::number(score.looked_at as u64);
        let of = if score.is_cut {
            format!("the first {of}")
        } else {
            of
        };
        let share = format!("{} of {of}", text::number(score.bounced as u64));
        let tag = (score.bounced > 0).then_some("backscatter");
        Line {
            cells: vec![
                Cell::link(
                    text::plain(&score.domain),
                    self.here(&[("domain", &score.domain)]),
                ),
                Cell::words(share).tagged(tag),
                Cell::words(told(score.unknown)).tagged(risk(score.unknown)),
            ],
            is_live: true,
        }
    }

    /// Addresses of a domain that are accepted and bounced.
    pub(super) async fn bounces(&self) -> Result<Section> {
        let (store, actor) = (&self.visitor.app.store, &self.visitor.actor);
        let State { domain, after, .. } = self.state;
        let found = store.bouncing(actor, domain, after, PER_PAGE).await?;
        let explain = |address: &str| {
            let path = format!("/explain{}", query(&[("address", address)]));
            self.visitor.app.urls.page(&path)
        };
        let line = |name: String, address: &str, reason: &str| Line {
            cells: vec![
                Cell::link(name, explain(address)),
                Cell::words(text::plain(reason)),
            ],
            is_live: true,
        };
        let mut lines: Vec<Line> = found
            .addresses
            .iter()
            .map(|(address, reason)| line(text::plain(address), address, reason))
            .collect();
        if risk(found.unknown).is_some() && after.is_empty() {
            let any = route::any_name(domain);
            lines.insert(
                0,
                line(
                    format!("any other name at {}", text::plain(domain)),
                    &any,
                    told(found.unknown),
                ),
            );
        }
        let looked_at = text::total(Total::Exactly(found.looked_at as u64), "address", "addresses");
        let mut notes = vec![
            format!("Mail for names without a row is {}.", told(found.unknown)),
            format!("Looked at {looked_at} with rows for this page."),
        ];
        if found.is_cut {
            notes.push("The domain has more rows than are looked at.".to_owned());
        }
        let back = ("All domains".to_owned(), self.here(&[("domain", "")]));
        Ok(Section {
            headings: vec!["Address", "Why"],
            lines,
            notes,
            links: vec![back],
            pages: self.pages("", found.next.as_deref()),
            ..Section::default()
        })
    }
}

/// What becomes of mail for names that no row is about.
fn told(unknown: Unknown) -> &'static str {
    match unknown {
        Unknown::Refused => "refused",
        Unknown::Taken => "taken by a catch-all",
        Unknown::Relayed => "accepted for another server, which may refuse it",
        Unknown::Bounced => "accepted and bounced",
    }
}

fn risk(unknown: Unknown) -> Option<&'static str> {
    match unknown {
        Unknown::Refused | Unknown::Taken => None,
        Unknown::Relayed => Some("risk"),
        Unknown::Bounced => Some("backscatter"),
    }
}
