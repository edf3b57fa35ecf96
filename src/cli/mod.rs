//! The command line: reads it, does one thing, answers with an exit code.
//!
//! 0 done, 1 failed, 2 usage, 3 findings. Errors are one line on standard error that says what to do.

mod account;
mod adopt;
mod aside;
mod backup;
mod check;
mod explain;
mod export;
mod import;
mod install;
mod log;
mod postfix;
mod schema;
mod undo;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::access::Actor;
use crate::config::{Config, LogFormat};
use crate::demo;
use crate::error::{Error, Result};
use crate::store::{ChangeQuery, Store, parse_day, written_moment};
use crate::web::{self, App};

/// A web panel for Postfix lookup tables in MySQL or MariaDB.
#[derive(Debug, Parser)]
#[command(name = "postwarden", version, disable_help_subcommand = true)]
struct Cli {
    /// Read the settings from this file instead of /etc/postwarden/config.toml
    #[arg(long, global = true, env = "POSTWARDEN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the panel
    Serve,
    /// Create the tables that are missing; never alters an existing mail table
    Migrate {
        /// Print the statements instead of running them
        #[arg(long)]
        dry_run: bool,
    },
    /// Manage the accounts that sign in to the panel
    #[command(subcommand)]
    Account(account::Command),
    /// Say what happens to mail for an address, lookup by lookup
    Explain(explain::Options),
    /// Look for mistakes in every row; exit code 3 where there is an error or a warning
    Check(check::Options),
    /// Take rows of a file into a table, all of them or none; prints how many are added, changed, unchanged and refused
    Import {
        #[command(flatten)]
        options: import::Options,
        #[command(flatten)]
        elsewhere: adopt::Elsewhere,
    },
    /// Write the rows of a table as CSV, JSON or SQL
    Export(export::Options),
    /// Write every table into one archive, as all of them are at one moment
    Backup(backup::Backup),
    /// Make the tables what they are in an archive
    Restore(backup::Restore),
    /// List changes, newest first, one per line, the id first
    Changes {
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Of rows of this table
        #[arg(long, default_value = "")]
        table: String,
        /// Of the row with this key
        #[arg(long, default_value = "")]
        key: String,
        /// By this account
        #[arg(long, default_value = "")]
        who: String,
        /// From this day on, UTC
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
        since: Option<String>,
    },
    /// Put back every row as it was before a change
    Undo(undo::Options),
    /// The configuration of Postfix: made, and compared with a live one
    #[command(subcommand)]
    Postfix(postfix::Command),
    /// A database that is taken over: what it is, and giving its tables today's types
    #[command(subcommand)]
    Schema(schema::Command),
    /// Print the effective settings, secrets masked
    Config,
    /// Run the panel on a private MariaDB with sample data, all in one folder
    Demo {
        /// The folder
        #[arg(long, default_value = "demo-data", value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let cli = match arguments() {
        Ok(cli) => cli,
        Err(error) => return answer_or_usage_error(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::unexpected("starting", error)),
    };
    match runtime.block_on(perform(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// The arguments of this process. A command without the one that belongs behind it is an error like any other, told in one
/// line.
fn arguments() -> Result<Cli, clap::Error> {
    let strict = |command: clap::Command| command.arg_required_else_help(false);
    let command = strict(Cli::command()).mut_subcommands(strict);
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// Exit code of a command that looked for something wrong and found it.
const FINDINGS: u8 = 3;

/// Prints help and version as they are, and what is wrong with the arguments in one line.
fn answer_or_usage_error(error: &clap::Error) -> ExitCode {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let line = |what: &str| {
        let _ = writeln!(
            std::io::stderr(),
            "postwarden: {what}; --help shows what there is"
        );
        ExitCode::from(2)
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        ErrorKind::MissingSubcommand => {
            let said = |kind| match error.get(kind) {
                Some(ContextValue::String(text)) => text.clone(),
                Some(ContextValue::Strings(names)) => names.join(", "),
                _ => String::new(),
            };
            let command = said(ContextKind::InvalidSubcommand).replace("postwarden", "");
            let command = match command.trim() {
                "" => String::new(),
                command => format!("{command}: "),
            };
            line(&format!(
                "{command}choose one of {}",
                said(ContextKind::ValidSubcommand)
            ))
        }
        _ => {
            // The first paragraph says what is wrong; tips and usage follow it.
            let text = error.to_string();
            let first = text.split("\n\n").next().unwrap_or_default();
            let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
            line(&words.join(" "))
        }
    }
}

fn fail(error: &Error) -> ExitCode {
    let line = error.to_string().replace('\n', " ");
    // A closed standard error is no reason for another error.
    let _ = writeln!(std::io::stderr(), "postwarden: {line}");
    ExitCode::from(1)
}

/// Prints a line on standard output. A reader that went away (`| head`) ends the program quietly.
fn print(line: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|e| Error::unexpected("printing", e)),
    }
}

async fn perform(cli: Cli) -> Result<ExitCode> {
    let config = Config::load(cli.config.as_deref())?;
    match cli.command {
        Command::Postfix(command) => return postfix::perform(&config, command).await,
        Command::Config => print(&config.masked()),
        Command::Serve => serve(config).await,
        Command::Demo { dir } => {
            start_log(&config);
            demo::run(config, &dir).await
        }
        Command::Migrate { dry_run } => migrate(&Store::connect(&config).await?, dry_run).await,
        Command::Account(command) => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            account::perform(&store, &config, command).await
        }
        Command::Explain(options) => explain::perform(&Store::connect(&config).await?, options).await,
        Command::Check(options) => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            if check::perform(&store, &config, options).await? {
                return Ok(ExitCode::from(FINDINGS));
            }
            Ok(())
        }
        Command::Import { options, elsewhere } => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            let taken = match elsewhere.panel() {
                Some(panel) => adopt::perform(&store, panel, &elsewhere, &options).await?,
                None => import::perform(&store, &config, options).await?,
            };
            if !taken {
                return Ok(ExitCode::FAILURE);
            }
            Ok(())
        }
        Command::Schema(command) => {
            if schema::perform(&Store::connect(&config).await?, command).await? {
                return Ok(ExitCode::from(FINDINGS));
            }
            Ok(())
        }
        Command::Backup(options) => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            backup::backup(&store, options).await
        }
        Command::Restore(options) => backup::restore(&Store::connect(&config).await?, options).await,
        Command::Export(options) => return export::perform(&Store::connect(&config).await?, options).await,
        Command::Changes {
            limit,
            table,
            key,
            who,
            since,
        } => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            let query = ChangeQuery {
                table,
                key,
                who,
                since: since.unwrap_or_default(),
                ..ChangeQuery::default()
            };
            changes(&store, &query, limit).await
        }
        Command::Undo(options) => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            undo::perform(&store, options).await
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Starts the log on standard error, as the settings say.
fn start_log(config: &Config) {
    use tracing_subscriber::EnvFilter;
    // An expired cookie is no news, and a database that is away is reported by the request it stops.
    let directives = format!(
        "tower_sessions=error,tower_sessions_core=off,{}",
        config.log.level
    );
    let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| log::OneLine(std::io::stderr()));
    // A log that has been started already (by a test) stays as it is.
    let _ = match config.log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

async fn serve(config: Config) -> Result<()> {
    start_log(&config);
    let store = Store::connect(&config).await?;
    store.require_migrated().await?;
    let listener = web::listen(&config).await?;
    let stop = web::stopped()?;
    tracing::info!(
        "Postwarden {} serves {}",
        env!("CARGO_PKG_VERSION"),
        config.public()?
    );
    App::new(store, config)?.serve(listener, stop).await
}

async fn migrate(store: &Store, dry_run: bool) -> Result<()> {
    let statements = if dry_run {
        store.pending_migrations().await?
    } else {
        store.migrate().await?
    };
    if statements.is_empty() {
        return print("nothing is missing");
    }
    for statement in &statements {
        if dry_run {
            print(&format!("{statement};\n"))?;
        } else if let Some(table) = statement.strip_prefix("CREATE TABLE ") {
            let name = table
                .trim_start_matches("IF NOT EXISTS ")
                .split_whitespace()
                .next()
                .unwrap_or_default();
            print(&format!("created {name}"))?;
        }
    }
    Ok(())
}

/// A day of an option, as it was written.
fn day(text: &str) -> Result<String, String> {
    parse_day(text).map(|_| text.to_owned())
}

async fn changes(store: &Store, query: &ChangeQuery, limit: usize) -> Result<()> {
    let (changes, _) = store.changes(&Actor::command_line(), query, Some(limit)).await?;
    for change in changes {
        let first = change.rows.first();
        let what = first.map(|r| format!("{} {} {}", r.action, r.table, crate::mail::visible(&r.subject)));
        let more = if change.count > 1 {
            format!(" and {} more", change.count - 1)
        } else {
            String::new()
        };
        print(&format!(
            "{}\t{}\t{}\t{}\t{}{more}",
            change.id,
            written_moment(change.at),
            change.who,
            change.origin,
            what.unwrap_or_default()
        ))?;
    }
    Ok(())
}
