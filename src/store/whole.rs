//! Tables of which a check has every row in memory: small ones, whose collation takes for equal what differs in case and
//! spaces at the end, so that what the server would answer is known without asking.

use std::collections::HashMap;

use super::answers::{Live, Reader, is_plain, letters};
use super::list::Failure;
use super::{Known, Row, Store};
use crate::access::Actor;
use crate::error::Result;
use crate::resource::Resource;
use crate::route::Rows;

/// Rows of a small table, at most.
const MOST: usize = 20_000;

/// Ends of the names of collations in which printable ASCII differs in case alone, and which pad with spaces.
const USUAL: &[&str] = &[
    "_general_ci",
    "_unicode_ci",
    "_uca1400_ai_ci",
    "latin1_swedish_ci",
];

/// The rows of a table by the letters of their subjects.
#[derive(Debug)]
pub(super) struct Whole(HashMap<String, Rows>);

impl Whole {
    /// The rows about a subject; `None` where the server has to say.
    pub fn about(&self, subject: &str) -> Option<Rows> {
        let rows = || self.0.get(&letters(subject)).cloned();
        is_plain(subject).then(|| rows().unwrap_or_else(|| Rows::from([])))
    }
}

/// Whether plain subjects of the table are equal where their letters are.
pub(super) fn compares_letters(live: Live<'_>) -> bool {
    let column = live.table.column(live.resource.subject);
    let collation = column.and_then(|column| column.collation.as_deref());
    collation.is_some_and(|name| USUAL.iter().any(|end| name.ends_with(end)))
}

impl Store {
    /// Reads every small table whole: for whoever will ask about many rows.
    pub(super) async fn know_small_tables(&self, actor: &Actor, known: &mut Known) -> Result<()> {
        known.prepare(&actor.scope, self.schema().await?);
        for resource in Resource::tables() {
            let mut whole = self.try_whole(actor, known, resource).await;
            if self.was_stale(&whole) {
                known.prepare(&actor.scope, self.schema().await?);
                whole = self.try_whole(actor, known, resource).await;
            }
            if let Some(whole) = whole.map_err(Failure::into_error)? {
                known.insert_whole(resource.table, whole);
            }
        }
        Ok(())
    }

    async fn try_whole(
        &self,
        actor: &Actor,
        known: &Known,
        resource: &'static Resource,
    ) -> Result<Option<Whole>, Failure> {
        let mut reader = self.reader(actor, known).await?;
        match reader.live(resource.table) {
            Some(live) => Ok(reader.whole(live).await?),
            None => Ok(None),
        }
    }
}

impl<'a> Reader<'a> {
    /// A whole table; `None` where it is too large or cannot be compared here.
    pub async fn whole(&mut self, live: Live<'a>) -> Result<Option<Whole>, sqlx::Error> {
        if !compares_letters(live) || !live.table.is_keyed(live.resource) {
            return Ok(None);
        }
        let rows = self.page(live, None, MOST + 1, |_| ()).await?;
        let subject = |row: &Row| letters(row.text(live.resource.subject));
        if rows.len() > MOST || !rows.iter().all(|row| is_plain(row.text(live.resource.subject))) {
            return Ok(None);
        }
        let mut by_letters: HashMap<String, Vec<Row>> = HashMap::new();
        for row in rows {
            by_letters.entry(subject(&row)).or_default().push(row);
        }
        let whole = by_letters
            .into_iter()
            .map(|(letters, rows)| (letters, rows.into()));
        Ok(Some(Whole(whole.collect())))
    }
}
