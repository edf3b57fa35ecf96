//! A file, read some hundred lines at a time.

use super::Refusal;
use crate::exchange::{Incoming, Material, Refused, Row, Skipped, Source, Stumble};
use crate::progress::Progress;
use crate::resource::Resource;

/// Lines of a batch, at most.
const LINES: usize = 500;

/// Bytes of its fields, about: so that a batch fits into one statement wherever a line does.
const BYTES: usize = 256 * 1024;

/// Lines about one table.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Their table; `None` where there is no line.
    pub resource: Option<&'static Resource>,
    /// The lines.
    pub lines: Vec<Row>,
    /// Those between them that could not be read.
    pub refused: Vec<Refused>,
}

/// The batches of a file.
pub(super) struct Batches<'a> {
    source: Box<dyn Source>,
    next: Option<Incoming>,
    size: u64,
    progress: Option<&'a Progress>,
}

impl<'a> Batches<'a> {
    /// Opens a file; the progress is told in bytes of it.
    pub fn of(material: &Material, progress: Option<&'a Progress>) -> Result<Self, Refusal> {
        let source = material.open().map_err(unreadable)?;
        Ok(Self {
            source,
            next: None,
            size: material.size,
            progress,
        })
    }

    /// What of it is for none of the tables, as far as it is read.
    pub fn skipped(&self) -> Skipped {
        self.source.skipped()
    }

    /// The next batch; `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<Batch>, Refusal> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while batch.lines.len() < LINES && bytes < BYTES && batch.refused.len() < LINES {
            let next = match self.next.take() {
                Some(next) => next,
                None => match self.source.next() {
                    Ok(Some(next)) => next,
                    Ok(None) => break,
                    Err(Stumble::Row(refused)) => {
                        batch.refused.push(refused);
                        continue;
                    }
                    Err(Stumble::File(refused)) => return Err(unreadable(refused)),
                },
            };
            if batch
                .resource
                .is_some_and(|resource| !std::ptr::eq(resource, next.resource))
            {
                self.next = Some(next);
                break;
            }
            batch.resource = Some(next.resource);
            bytes += next
                .row
                .fields
                .iter()
                .filter_map(|(_, value)| Some(value.as_ref()?.len()))
                .sum::<usize>();
            batch.lines.push(next.row);
        }
        if let Some(progress) = self.progress {
            progress.set(self.source.at(), self.size);
        }
        let is_over = batch.lines.is_empty() && batch.refused.is_empty();
        Ok((!is_over).then_some(batch))
    }
}

/// A file that cannot be read, or no further.
fn unreadable(refused: Refused) -> Refusal {
    Refusal::Unstorable(match refused.line {
        0 => refused.reason,
        line => format!("Line {line}: {}", refused.reason),
    })
}
