//! The command line: reads it, does one thing, answers with an exit code.
//!
//! 0 done, 1 failed, 2 usage, 3 findings. Errors are one line on standard error that says what to do.

mod install;
mod postfix;

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::access::{self, Actor, Grant, Role};
use crate::config::{Config, LogFormat};
use crate::demo;
use crate::error::{Error, Result};
use crate::mail::DomainName;
use crate::store::{AccountChange, ChangeQuery, NewAccount, Store};
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
    Account(AccountCommand),
    /// List changes, newest first, one per line, the id first
    Changes {
        /// How many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// The configuration of Postfix: made, and compared with a live one
    #[command(subcommand)]
    Postfix(postfix::Command),
    /// Print the effective settings, secrets masked
    Config,
    /// Run the panel on a private MariaDB with sample data, all in one folder
    Demo {
        /// The folder
        #[arg(long, default_value = "demo-data", value_name = "DIR")]
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Create an account
    Create {
        /// 1 to 64 of a-z, 0-9 and . _ @ -
        name: String,
        /// operator, auditor or owner
        #[arg(long)]
        role: Role,
        /// A domain an owner may see and change; repeat for more
        #[arg(long = "domain", value_name = "DOMAIN")]
        domains: Vec<String>,
        /// Read the password from the first line of standard input; otherwise one is made and printed
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the accounts
    List,
    /// Set a new password and end the account's sessions
    Password {
        /// The account
        name: String,
        /// Read the password from the first line of standard input; otherwise one is made and printed
        #[arg(long)]
        password_stdin: bool,
    },
    /// Keep an account from signing in and end its sessions
    Disable {
        /// The account
        name: String,
    },
    /// Let a disabled account sign in again
    Enable {
        /// The account
        name: String,
    },
    /// Grant a domain to an owner
    Grant {
        /// The account
        name: String,
        /// The domain
        #[arg(long)]
        domain: String,
    },
    /// Take a domain back from an owner
    Revoke {
        /// The account
        name: String,
        /// The domain
        #[arg(long)]
        domain: String,
    },
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
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

/// Exit code of a command that looked for something wrong and found it.
const FINDINGS: u8 = 3;

/// Prints help and version as they are, and what is wrong with the arguments in one line.
fn answer_or_usage_error(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            // The first paragraph says what is wrong; tips and usage follow it.
            let text = error.to_string();
            let first = text.split("\n\n").next().unwrap_or_default();
            let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
            let _ = writeln!(
                std::io::stderr(),
                "postwarden: {}; --help shows what there is",
                words.join(" ")
            );
            ExitCode::from(2)
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
            account(&store, command).await
        }
        Command::Changes { limit } => {
            let store = Store::connect(&config).await?;
            store.require_migrated().await?;
            changes(&store, limit).await
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
        .with_writer(std::io::stderr);
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
    tracing::info!(
        "Postwarden {} serves {}",
        env!("CARGO_PKG_VERSION"),
        config.public()?
    );
    App::new(store, config)?.serve(listener, web::stopped()).await
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

async fn account(store: &Store, command: AccountCommand) -> Result<()> {
    let actor = Actor::command_line();
    match command {
        AccountCommand::Create {
            name,
            role,
            domains,
            password_stdin,
        } => {
            crate::store::check_name(&name)?;
            if role != Role::Owner && !domains.is_empty() {
                return Err(Error::Usage(format!(
                    "an {role} sees every domain: --domain is for owners"
                )));
            }
            let grants = domains
                .iter()
                .map(|d| domain(d).map(Grant::whole))
                .collect::<Result<Vec<_>>>()?;
            let password = Password::take(password_stdin)?;
            let hash = access::hash(password.text.clone()).await?;
            let new = NewAccount {
                name: &name,
                role,
                hash: Some(&hash),
                grants: &grants,
                expires_at: None,
            };
            store.create_account(&actor, &new).await?;
            print(&format!("created {role} {name}"))?;
            password.tell()
        }
        AccountCommand::List => {
            for account in store.accounts(&actor).await? {
                let state = if account.enabled { "enabled" } else { "disabled" };
                let seen = account
                    .last_sign_in
                    .map_or_else(|| "never".to_owned(), |at| at.date().to_string());
                let domains: Vec<&str> = account.grants.iter().map(|g| g.domain.as_str()).collect();
                let domains = domains.join(",");
                print(format!("{}\t{}\t{state}\t{seen}\t{domains}", account.name, account.role).trim_end())?;
            }
            Ok(())
        }
        AccountCommand::Password { name, password_stdin } => {
            let password = Password::take(password_stdin)?;
            let hash = access::hash(password.text.clone()).await?;
            let change = AccountChange::Password {
                hash: &hash,
                must_change: false,
            };
            store.change_account(&actor, &name, change).await?;
            print(&format!("changed the password of {name}"))?;
            password.tell()
        }
        AccountCommand::Disable { name } => {
            store
                .change_account(&actor, &name, AccountChange::Enabled(false))
                .await?;
            print(&format!("disabled {name}"))
        }
        AccountCommand::Enable { name } => {
            store
                .change_account(&actor, &name, AccountChange::Enabled(true))
                .await?;
            print(&format!("enabled {name}"))
        }
        AccountCommand::Grant { name, domain: text } => {
            let domain = domain(&text)?;
            store.grant(&actor, &name, &Grant::whole(domain.clone())).await?;
            print(&format!("granted {domain} to {name}"))
        }
        AccountCommand::Revoke { name, domain: text } => {
            let domain = domain(&text)?;
            store.revoke(&actor, &name, &domain).await?;
            print(&format!("took {domain} back from {name}"))
        }
    }
}

fn domain(text: &str) -> Result<DomainName> {
    DomainName::parse(text).map_err(|fault| Error::Usage(fault.message().to_owned()))
}

/// A password from standard input, or a new one to be shown once.
struct Password {
    text: String,
    generated: bool,
}

impl Password {
    fn take(from_stdin: bool) -> Result<Self> {
        if !from_stdin {
            return Ok(Self {
                text: access::generate(),
                generated: true,
            });
        }
        Ok(Self {
            text: password_from_stdin()?,
            generated: false,
        })
    }

    fn tell(self) -> Result<()> {
        if self.generated {
            print(&format!("password: {}", self.text))
        } else {
            Ok(())
        }
    }
}

/// The first line of standard input.
fn password_from_stdin() -> Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| Error::unexpected("reading the password", e))?;
    let text = line.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() {
        return Err(Error::Usage(
            "no password on standard input: its first line is empty".to_owned(),
        ));
    }
    Ok(text)
}

async fn changes(store: &Store, limit: usize) -> Result<()> {
    let (changes, _) = store
        .changes(&Actor::command_line(), &ChangeQuery::default(), Some(limit))
        .await?;
    for change in changes {
        let first = change.rows.first();
        let what = first.map(|r| format!("{} {} {}", r.action, r.table, crate::mail::visible(&r.subject)));
        let more = if change.count > 1 {
            format!(" and {} more", change.count - 1)
        } else {
            String::new()
        };
        print(&format!(
            "{}\t{}Z\t{}\t{}\t{}{more}",
            change.id,
            change.at.to_string().replace(' ', "T"),
            change.who,
            change.origin,
            what.unwrap_or_default()
        ))?;
    }
    Ok(())
}
