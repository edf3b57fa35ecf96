//! `postwarden import`: rows of a file into a table.

use std::fs::File;
use std::io::{IsTerminal, Write, stderr, stdin};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::access::Actor;
use crate::config::{Config, OverrideTable};
use crate::error::{Error, Result};
use crate::exchange::{Format, Material, Reading};
use crate::progress::Progress;
use crate::resource::overrides::{IN_BACKUPS, IN_DOMAINS, PLACES};
use crate::resource::{self, Part, Resource};
use crate::store::{Imported, Importing, Refusal, Store};

/// How often the bar is drawn anew.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The table, or `all` for a file that names its tables itself
    #[arg(
        required_unless_present = "from",
        conflicts_with = "from",
        default_value = "",
        hide_default_value = true,
        value_parser = known_table
    )]
    table: String,
    /// The file; `-` is standard input
    #[arg(
        required_unless_present = "from",
        default_value = "",
        hide_default_value = true
    )]
    file: String,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the other rows where some are refused
    #[arg(long)]
    skip_refused: bool,
    /// How the file is written; found out where it is not said
    #[arg(long, value_enum, conflicts_with = "from")]
    format: Option<Written>,
}

/// How a file may be written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    Csv,
    Json,
    Sql,
}

impl From<Written> for Format {
    fn from(written: Written) -> Self {
        match written {
            Written::Csv => Self::Csv,
            Written::Json => Self::Json,
            Written::Sql => Self::Sql,
        }
    }
}

impl Options {
    /// What is asked for, whatever the rows come from.
    pub(super) fn how(&self) -> Importing {
        Importing {
            applies: !self.dry_run,
            skips_refused: self.skip_refused,
            seen: None,
        }
    }
}

/// Imports; whether every row was taken, or those that were not were to be left out.
pub(super) async fn perform(store: &Store, config: &Config, options: Options) -> Result<bool> {
    let into = into(store, config, &options.table).await?;
    let material = material(&options, into)?;
    let how = options.how();
    let imported = watched(store, &material, &how)
        .await
        .map_err(|refusal| failed(refusal, &options.table, &options.file))?;
    // Of a file with rows that are refused nothing is written.
    let counts = options.dry_run || imported.change.is_some();
    let written = |count: u64| if counts { count } else { 0 };
    for (word, count) in [
        ("added", written(imported.added)),
        ("changed", written(imported.changed)),
        ("unchanged", imported.unchanged),
        ("refused", imported.refused),
    ] {
        print(&format!("{word} {count}"))?;
    }
    tell(&imported, &options.file);
    Ok(imported.refused == 0 || options.skip_refused)
}

/// Imports, with a bar where somebody looks.
pub(super) async fn watched(
    store: &Store,
    material: &Material,
    how: &Importing,
) -> Result<Imported, Refusal> {
    let progress = Progress::default();
    let actor = Actor::command_line();
    let mut work = pin!(store.import(&actor, material, how, &progress));
    if !stderr().is_terminal() {
        return work.await;
    }
    let style = ProgressStyle::with_template("{msg} [{wide_bar}] {percent} %");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut ticks = tokio::time::interval(TICK);
    let imported = loop {
        tokio::select! {
            imported = &mut work => break imported,
            _ = ticks.tick() => {
                let seen = progress.seen();
                bar.set_message(seen.phase);
                bar.set_length(seen.of);
                bar.set_position(seen.done);
            }
        }
    };
    bar.finish_and_clear();
    imported
}

/// The file, which can be read more than once.
fn material(options: &Options, into: Option<&'static Resource>) -> Result<Material> {
    let reading = |error: std::io::Error| Error::Usage(format!("{} cannot be read: {error}", options.file));
    let (file, name) = if options.file == "-" {
        (
            spooled(&mut stdin().lock()).map_err(reading)?,
            "standard input".to_owned(),
        )
    } else {
        let path = Path::new(&options.file);
        let mut file = File::open(path).map_err(reading)?;
        // A pipe is read once only.
        if !file.metadata().map_err(reading)?.is_file() {
            file = spooled(&mut file).map_err(reading)?;
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        (file, name.to_string_lossy().into_owned())
    };
    Ok(Material {
        size: file.metadata().map_err(reading)?.len(),
        file,
        name,
        reading: Reading {
            into,
            format: options.format.map(Format::from),
            ..Reading::default()
        },
    })
}

/// What comes from a pipe, in a file that nobody else sees and that is gone with the program.
fn spooled(from: &mut impl std::io::Read) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    std::io::copy(from, &mut file)?;
    Ok(file)
}

/// The name of every table together.
const ALL: &str = "all";

/// What goes by a name: as the pages have it, rows of lists are aliases.
fn named(name: &str) -> Option<&'static Resource> {
    let resource = resource::ALL
        .iter()
        .copied()
        .chain([PLACES[0]])
        .find(|resource| resource.slug == name || (resource.part == Part::Whole && resource.table == name))?;
    match resource.part {
        Part::Lists => Resource::by_table(resource.table),
        Part::Whole | Part::Overrides => Some(resource),
    }
}

fn known_table(name: &str) -> Result<String, String> {
    // Nothing is what there is where the rows come from another panel.
    if name.is_empty() || name == ALL || named(name).is_some() {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = resource::ALL.iter().map(|resource| resource.slug).collect();
    Err(format!(
        "there is {}, {}, and {ALL} for a file that names its tables",
        names.join(", "),
        PLACES[0].slug
    ))
}

/// The table the rows go into; `None` where the file says it.
async fn into(store: &Store, config: &Config, name: &str) -> Result<Option<&'static Resource>> {
    Ok(match named(name) {
        Some(resource) if resource.part == Part::Overrides => Some(match config.overrides.table {
            OverrideTable::Domains => &IN_DOMAINS,
            OverrideTable::Backups => &IN_BACKUPS,
            OverrideTable::Auto => place_of_overrides(store).await?,
        }),
        other => other,
    })
}

/// Where overrides go: the one table that Postfix was last seen to read, or else where the others are.
async fn place_of_overrides(store: &Store) -> Result<&'static Resource> {
    let read = store.recorded_verdict().await?.map(|recorded| recorded.verdict);
    let read = read
        .filter(|verdict| verdict.ours)
        .map(|verdict| verdict.overrides);
    match read.as_deref() {
        Some([only]) if *only == IN_DOMAINS.table => Ok(&IN_DOMAINS),
        Some([only]) if *only == IN_BACKUPS.table => Ok(&IN_BACKUPS),
        _ => store.usual_place_of_overrides().await,
    }
}

/// Says on standard error which rows are refused, and what is suspicious.
fn tell(imported: &Imported, file: &str) {
    let refused = imported
        .first_refused
        .iter()
        .map(|refused| format!("{file}:{refused}"));
    let more = imported.refused - imported.first_refused.len() as u64;
    let more = (more > 0).then(|| format!("and {more} more"));
    let warnings = imported
        .effect
        .iter()
        .map(|sentence| format!("warning: {sentence}"));
    for line in refused.chain(more).chain(warnings) {
        // A closed standard error is no reason for an error.
        let _ = writeln!(stderr(), "{}", line.replace('\n', " "));
    }
}

/// Why nothing was written.
pub(super) fn failed(refusal: Refusal, table: &str, file: &str) -> Error {
    match refusal {
        Refusal::Failed(error) => error,
        other => {
            let mine = Resource::tables().find(|resource| resource.table == table);
            let why = other.told(mine.unwrap_or(&crate::resource::domains::RESOURCE));
            Error::Usage(format!("{file}: {}", why.unwrap_or_default().1))
        }
    }
}
