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
use crate::error::{Error, Result};
use crate::exchange::{Format, Material, Reading};
use crate::progress::Progress;
use crate::resource::Resource;
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
        hide_default_value = true
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
pub(super) async fn perform(store: &Store, options: Options) -> Result<bool> {
    let material = material(&options)?;
    let how = options.how();
    let imported = watched(store, &material, &how)
        .await
        .map_err(|refusal| failed(refusal, &options.table, &options.file))?;
    for (word, count) in [
        ("added", imported.added),
        ("changed", imported.changed),
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
fn material(options: &Options) -> Result<Material> {
    let into = match options.table.as_str() {
        "all" => None,
        name => Some(resource(name)?),
    };
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

/// The table of this name.
fn resource(name: &str) -> Result<&'static Resource> {
    Resource::tables()
        .find(|resource| resource.table == name || resource.slug == name)
        .ok_or_else(|| {
            let names: Vec<&str> = Resource::tables().map(|resource| resource.table).collect();
            Error::Usage(format!(
                "there is no table {name} to import into; choose one of {}, or all for a file that names its tables",
                names.join(", ")
            ))
        })
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
