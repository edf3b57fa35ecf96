//! Judged lines, written: together, and where that is refused one by one, so that the reason finds its line.

use super::tally::Write;
use crate::error::Error;
use crate::resource::Resource;
use crate::store::Refusal;
use crate::store::schema::Table;
use crate::store::unit::{Stop, Unit};

impl Unit<'_> {
    /// Writes judged lines and answers with those the database refuses. Of these nothing is kept.
    pub(super) async fn write_lines<'w>(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        writes: &'w [Write],
    ) -> Result<Vec<(&'w Write, Refusal)>, Stop> {
        let mut refused = Vec::new();
        let mut ranges = vec![writes];
        while let Some(some) = ranges.pop() {
            let recorded = self.mark().await?;
            match self.write_some(resource, table, some).await {
                Ok(()) => continue,
                Err(Stop::Refused(refusal)) if is_of_rows(&refusal) => {
                    self.back(recorded).await?;
                    if let [write] = some {
                        refused.push((write, refusal));
                        continue;
                    }
                }
                Err(stop) => return Err(stop),
            }
            // Halves, the first one next: among many rows a few that are refused are found with few statements.
            let (one, other) = some.split_at(some.len() / 2);
            ranges.extend([other, one]);
        }
        Ok(refused)
    }

    async fn write_some(
        &mut self,
        resource: &'static Resource,
        table: &Table,
        writes: &[Write],
    ) -> Result<(), Stop> {
        let (changed, added): (Vec<&Write>, Vec<&Write>) =
            writes.iter().partition(|write| write.before.is_some());
        let changed: Vec<_> = changed
            .into_iter()
            .filter_map(|write| Some((write.before.as_ref()?, write.values())))
            .collect();
        let added: Vec<_> = added.into_iter().map(Write::values).collect();
        self.write_many(resource, table, &changed).await?;
        self.create_many(resource, table, &added).await?;
        Ok(())
    }
}

/// Whether a refusal may be about one of the rows rather than about writing at all.
fn is_of_rows(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Failed(error) => matches!(error, Error::NotFound),
        _ => true,
    }
}
