//! `postwarden undo`.

use clap::Args;

use super::print;
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::store::{Store, UndoRefusal, Which};

#[derive(Debug, Args)]
pub struct Options {
    /// The number of the change, as `postwarden changes` lists it
    change: u64,
    /// Undo this row of it alone, by its place in the change from 0
    #[arg(long, value_name = "SEQ")]
    row: Option<u32>,
    /// Say what would be put back, and what that would do to mail, instead of doing it
    #[arg(long)]
    dry_run: bool,
}

pub async fn perform(store: &Store, options: Options) -> Result<()> {
    let actor = Actor::command_line();
    let number = options.change;
    let which = options.row.map_or(Which::Whole, Which::Row);
    let progress = Progress::default();
    if options.dry_run {
        let undoable = match store.undoable(&actor, number, which, &progress).await {
            Ok(undoable) => undoable,
            Err(refusal) => return Err(told(number, refusal)?),
        };
        print(&format!("change {number} can be undone: {}", rows(undoable.rows)))?;
        let effect = store.effect_of_written(&actor, undoable.written).await?;
        return effect.sentences().iter().try_for_each(|sentence| print(sentence));
    }
    match store.undo(&actor, number, which, &progress).await {
        Ok(applied) => match applied.change {
            Some(change) => print(&format!(
                "change {number} undone by change {change}: {}",
                rows(applied.rows)
            )),
            None => print(&format!("change {number}: nothing was to be put back")),
        },
        Err(refusal) => Err(told(number, refusal)?),
    }
}

/// Prints the rows that are otherwise now, and answers with the error that ends the command.
fn told(change: u64, refusal: UndoRefusal) -> Result<Error> {
    if let UndoRefusal::Refused(crate::store::Refusal::Failed(Error::NotFound)) = refusal {
        return Ok(Error::Usage(format!(
            "there is no change {change}, or no such row of it; `postwarden changes` lists them"
        )));
    }
    if let UndoRefusal::Otherwise(rows) = &refusal {
        rows.iter().try_for_each(|row| print(&row.line()))?;
    }
    let reason = refusal.reason()?.replace('`', "");
    Ok(Error::Forbidden(format!(
        "change {change} is not undone: {reason}"
    )))
}

fn rows(count: u32) -> String {
    match count {
        1 => "1 row".to_owned(),
        n => format!("{n} rows"),
    }
}
