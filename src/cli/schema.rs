//! `postwarden schema`: what a database is that is taken over, what is wrong with its tables, and mending it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use super::backup::Backup;
use super::print;
use crate::access::Actor;
use crate::adoption::{Diagnosis, Finding, Step};
use crate::error::{Error, Result};
use crate::mail::visible;
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what the database is and what is wrong with its tables; exit code 3 where something is
    Doctor(Doctor),
    /// Print the statements that mend the tables, or run them; needs ALTER
    Upgrade(Upgrade),
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Upgrade {
    /// Run the statements, each followed by a look at every row
    #[arg(long)]
    apply: bool,
    /// Where the backup goes that is made first
    #[arg(long, value_name = "FILE", requires = "apply")]
    backup: Option<PathBuf>,
}

/// Runs a command; whether it found something that is wrong.
pub(super) async fn perform(store: &Store, command: Command) -> Result<bool> {
    match command {
        Command::Doctor(options) => doctor(store, &options).await,
        Command::Upgrade(options) if options.apply => {
            let backup = options.backup.unwrap_or_else(backup_file);
            apply(store, &backup).await.map(|()| false)
        }
        Command::Upgrade(_) => show(store).await.map(|()| false),
    }
}

async fn doctor(store: &Store, options: &Doctor) -> Result<bool> {
    let diagnosis = store.diagnose(&Actor::command_line()).await?;
    if options.json {
        let json = serde_json::to_string(&diagnosis).map_err(|e| Error::unexpected("writing JSON", e))?;
        print(&json)?;
    } else {
        print(&report(&diagnosis))?;
    }
    Ok(!diagnosis.is_sound())
}

/// Prints the plan, which is as it would be run.
async fn show(store: &Store) -> Result<()> {
    let diagnosis = store.diagnose(&Actor::command_line()).await?;
    expect_howto(&diagnosis)?;
    if diagnosis.plan.is_empty() {
        return print("-- There is nothing to do.");
    }
    print(&format!(
        "-- Nothing has been run: `postwarden schema upgrade --apply` does it.\n{}",
        diagnosis.script().trim_end()
    ))
}

async fn apply(store: &Store, backup: &Path) -> Result<()> {
    let actor = Actor::command_line();
    store.require_migrated().await?;
    let diagnosis = store.diagnose(&actor).await?;
    expect_howto(&diagnosis)?;
    let (steps, blocked): (Vec<&Step>, Vec<&Step>) =
        diagnosis.plan.iter().partition(|step| step.first.is_none());
    if !steps.is_empty() {
        let options = Backup {
            file: backup.to_owned(),
            force: false,
        };
        super::backup::backup(store, options).await?;
    }
    for step in &steps {
        let begun = Instant::now();
        let stopped = |why: &str| {
            Error::Unexpected(format!(
                "stopped at `{}`: {why} The statements before it are done; the backup is {}",
                step.statement,
                backup.display()
            ))
        };
        let differences = match store.run_step(&actor, step).await {
            Ok(differences) => differences,
            Err(Error::Privilege(why)) => {
                return Err(stopped(&format!(
                    "the account needs ALTER and CREATE on the database ({why})."
                )));
            }
            Err(Error::Busy) => {
                return Err(stopped(
                    "another program has been using the table for a minute; it is as it was before. Run this again.",
                ));
            }
            Err(error) => return Err(stopped(&format!("{error}; the table is as it was before."))),
        };
        if !differences.is_empty() {
            let what = differences.join(" ");
            return Err(stopped(&format!(
                "afterwards Postfix reads something else. {what} If no other program wrote these rows just now, restore \
                 the backup into an empty database."
            )));
        }
        let first = step
            .statement
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches(" (");
        print(&format!(
            "{first}: {:.1} s, every row reads as before",
            begun.elapsed().as_secs_f64()
        ))?;
    }
    if steps.is_empty() {
        print("nothing to do")?;
    }
    for step in blocked {
        let first = step.first.as_deref().unwrap_or_default();
        print(&format!("left: {}\n  {}", step.statement, visible(first)))?;
    }
    Ok(())
}

/// Where a backup goes that nobody gave a name.
fn backup_file() -> PathBuf {
    let now = OffsetDateTime::now_utc();
    PathBuf::from(format!(
        "postwarden-before-upgrade-{}-{:02}{:02}{:02}.backup",
        now.date(),
        now.hour(),
        now.minute(),
        now.second()
    ))
}

/// Tables of another layout are not altered.
fn expect_howto(diagnosis: &Diagnosis) -> Result<()> {
    if diagnosis.origin.kind.has_howto_tables() {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "this is {}: {}",
        diagnosis.origin.kind.name(),
        diagnosis.origin.notes.join(" ")
    )))
}

/// The report as a file for the `mariadb` client: all but the statements are comments.
fn report(diagnosis: &Diagnosis) -> String {
    let mut lines = vec![format!("-- This is {}.", diagnosis.origin.kind.name())];
    lines.extend(diagnosis.origin.notes.iter().map(|note| format!("-- {note}")));
    lines.extend(diagnosis.findings.iter().flat_map(told));
    if diagnosis.is_sound() {
        lines.push("-- There is nothing to do.".to_owned());
    }
    if !diagnosis.plan.is_empty() {
        lines.push(String::new());
        lines.push(diagnosis.script().trim_end().to_owned());
    }
    lines.join("\n")
}

fn told(finding: &Finding) -> Vec<String> {
    let mut lines = vec![
        "--".to_owned(),
        format!(
            "-- {} {}: {}",
            finding.rule,
            finding.table,
            visible(&finding.message)
        ),
        format!("--   {}", finding.fix),
    ];
    let rows = finding.rows.first.iter();
    lines.extend(rows.map(|(key, value)| format!("--   row {} {}", visible(key), visible(value))));
    let more = finding.rows.count - finding.rows.first.len() as u64;
    lines.extend((more > 0).then(|| format!("--   and {more} more")));
    lines
}
