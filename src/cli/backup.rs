//! `postwarden backup` and `postwarden restore`: everything in one file, and back.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;

use super::aside::Aside;
use super::print;
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::exchange::Archive;
use crate::progress::Progress;
use crate::store::{Difference, Fate, Refusal, RestoredTable, Restoring, Store, Sum};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The archive: every table with every password in it, readable by its owner alone
    pub(super) file: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// An archive that `postwarden backup` wrote
    file: PathBuf,
    /// Say what would become of each table, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace the panel's own tables too where they are in use: people, grants, and the record of changes, which loses what
    /// was done since the archive was written
    #[arg(long)]
    panel: bool,
}

/// Says something that is no error on standard error.
fn warn(line: &str) {
    // A closed standard error is no reason for an error.
    let _ = writeln!(std::io::stderr(), "postwarden: {line}");
}

pub(super) async fn backup(store: &Store, options: Backup) -> Result<()> {
    let actor = Actor::command_line();
    let mut file = Aside::of(&options.file, options.force)?;
    let progress = Progress::default();
    let mut backup = store.backup(&actor, None, &progress, None).await?;
    for warning in &backup.warnings {
        warn(warning);
    }
    let mut sum = Sum::default();
    while let Some(bytes) = backup.outgoing.next().await? {
        sum.add(&bytes);
        file.write(&bytes)?;
    }
    file.put()?;
    let name = options.file.display().to_string();
    let rows = progress.seen().done;
    let said = format!("wrote {rows} rows to {name}, {sum}");
    store.record_backup(&actor, &name, sum, rows).await?;
    print(&said)
}

pub(super) async fn restore(store: &Store, options: Restore) -> Result<()> {
    let name = options.file.display();
    let file = File::open(&options.file).map_err(|e| Error::Usage(format!("{name}: {e}")))?;
    let archive = Archive::open(file).map_err(|why| Error::Usage(format!("{name} {why}")))?;
    let how = Restoring {
        applies: !options.dry_run,
        panel: options.panel,
        name: options
            .file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
    };
    if std::io::stderr().is_terminal() {
        warn(&format!(
            "{name} is whole: {} as it was on {}",
            archive.head.database, archive.head.at
        ));
    }
    let restored = store
        .restore(&Actor::command_line(), &archive, &how, &Progress::default())
        .await
        .map_err(error_of)?;
    for table in &restored.tables {
        print(&line(table, options.dry_run))?;
    }
    match restored.change {
        Some(change) => print(&format!(
            "recorded as change {change}; `postwarden undo {change}` takes it back"
        )),
        None => Ok(()),
    }
}

fn error_of(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Failed(error) => error,
        Refusal::Unstorable(why) => Error::Usage(why),
        other => Error::Unexpected(format!("{other:?}")),
    }
}

/// `aliases: 12 in the archive, 10 in the database: 3 added, 1 changed, 1 removed`
fn line(table: &RestoredTable, dry_run: bool) -> String {
    let RestoredTable { name, archived, .. } = table;
    let there = match table.rows {
        Some(rows) => format!("{rows} in the database"),
        None => "no such table in the database".to_owned(),
    };
    let would = if dry_run { "would be " } else { "" };
    let fate = match table.fate {
        Fate::Matched(Difference {
            added,
            changed,
            removed,
        }) => format!("{would}{added} added, {changed} changed, {removed} removed"),
        Fate::Replaced => format!("{would}replaced"),
        Fate::Left => "left as it is; --panel replaces it".to_owned(),
    };
    format!("{name}: {archived} in the archive, {there}: {fate}")
}
