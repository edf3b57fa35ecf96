//! `postwarden postfix`: the configuration of Postfix, made and compared with a live one.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::install::{self, Outcome};
use super::{FINDINGS, print};
use crate::access::Actor;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::postfix::{Account, Configuration, MAPS, Severity, Verdict};
use crate::store::Store;
use crate::verification;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the lookup tables (mysql_*.cf) and the settings for main.cf
    Generate(Generate),
    /// Compare the live configuration with what the tables need; exit 3 when it has drifted
    Verify(Verify),
}

/// Where to, and with which account Postfix signs in to the database.
#[derive(Debug, Args)]
pub struct Generate {
    /// The directory to write to; made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Postfix's own database account [default: that of `DATABASE_URL`]
    #[arg(long)]
    user: Option<String>,
    /// The database [default: that of `DATABASE_URL`]
    #[arg(long)]
    dbname: Option<String>,
    /// Database servers as Postfix takes them, `inet:host:port` or `unix:/path` [default: that of `DATABASE_URL`]
    #[arg(long)]
    hosts: Option<String>,
    /// Read the account's password from the first line of this file
    #[arg(long, value_name = "FILE", group = "password")]
    password_file: Option<PathBuf>,
    /// Read the account's password from the first line of standard input
    #[arg(long, group = "password")]
    password_stdin: bool,
    /// Ask for the account's password on the terminal
    #[arg(long, group = "password")]
    ask_password: bool,
    /// Write into a directory that is not empty; files that differ are kept as .bak-TIME
    #[arg(long)]
    force: bool,
}

/// Which configuration, and how it is told.
#[derive(Debug, Args)]
pub struct Verify {
    /// The directory of main.cf [default: the setting `postfix.config_dir`]
    #[arg(long, value_name = "DIR")]
    config_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Do not tell the panel what was found
    #[arg(long)]
    dry_run: bool,
}

/// Where Postfix reads its configuration, and where main.cf finds the files.
const HOME: &str = "/etc/postfix";

/// Does it.
pub async fn perform(config: &Config, command: Command) -> Result<ExitCode> {
    match command {
        Command::Generate(options) => generate(config, options).await.map(|()| ExitCode::SUCCESS),
        Command::Verify(options) => verify(config, options).await,
    }
}

async fn verify(config: &Config, options: Verify) -> Result<ExitCode> {
    let dir = options
        .config_dir
        .unwrap_or_else(|| config.postfix.config_dir.clone());
    if dir.as_os_str().is_empty() {
        return Err(Error::Usage(
            "the setting postfix.config_dir is empty: name the directory of main.cf with --config-dir DIR"
                .to_owned(),
        ));
    }
    let dir = std::path::absolute(&dir).map_err(|e| Error::unexpected("naming the directory", e))?;
    let store = Store::connect(config).await?;
    let verdict = verification::verify(&store, &Actor::command_line(), &dir).await?;
    if options.json {
        let mut value = serde_json::to_value(&verdict).map_err(|e| Error::unexpected("writing JSON", e))?;
        value["drift"] = verdict.has_drifted().into();
        print(&serde_json::to_string_pretty(&value).map_err(|e| Error::unexpected("writing JSON", e))?)?;
    } else {
        tell(&verdict)?;
    }
    if !options.dry_run
        && let Err(error) = store.record_verdict(&verdict).await
    {
        let cure = match error {
            Error::Privilege(_) => "it takes the panel's own account of the database",
            _ => "`postwarden migrate` makes room for it",
        };
        eprintln!("postwarden: the panel was not told ({error}); {cure}");
    }
    Ok(if verdict.has_drifted() {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::SUCCESS
    })
}

/// Prints a verdict for people: what is honoured, then what is not.
fn tell(verdict: &Verdict) -> Result<()> {
    print(&format!("Postfix in {}", verdict.config_dir))?;
    if !verdict.honoured.is_empty() {
        print("\nHonoured:")?;
    }
    for place in &verdict.honoured {
        print(&format!(
            "  {:<28} {} ({})",
            format!("{}.{}", place.table, place.column),
            place.parameter,
            place.file
        ))?;
    }
    if !verdict.beside.is_empty() {
        print(&format!(
            "  Not for Postfix, which never reads them: {}",
            verdict.beside.join(", ")
        ))?;
    }
    for finding in &verdict.findings {
        let what = [finding.table.as_str(), finding.column.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(".");
        let subject = [what.as_str(), finding.parameter.as_str(), finding.file.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ");
        print(&format!("\n{} {}  {subject}", finding.rule, finding.severity))?;
        print(&format!("  {}", plain(&finding.message)))?;
        if !finding.fix.is_empty() {
            print(&format!("  Fix: {}", plain(&finding.fix)))?;
        }
    }
    let count = |severity| verdict.findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let end = if verdict.has_drifted() {
        format!(
            "Drift: {errors} error{}, {warnings} warning{}.",
            plural(errors),
            plural(warnings)
        )
    } else {
        "Postfix does what the rows say.".to_owned()
    };
    print(&format!(
        "\n{end} postmap answered {} known key{} as the rows have it.",
        verdict.probes,
        plural(verdict.probes)
    ))
}

/// What rows and files hold may be meant for the terminal, or look like a line of this program.
fn plain(text: &str) -> String {
    crate::mail::visible(text).into_owned()
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

async fn generate(config: &Config, options: Generate) -> Result<()> {
    let out = options.out.clone();
    must_be_below_top(&out)?;
    let force = options.force;
    let own = options.user.is_some();
    let account = account(config, options)?;
    let store = Store::connect(config).await?;
    let tables = store.schema().await?.names();
    let user = account.user.clone();
    let configuration = Configuration::new(account, tables.clone());
    if configuration.maps().next().is_none() {
        return Err(Error::Usage(
            "the database has none of the mail tables, or the account of DATABASE_URL may not see them: nothing to look \
             up; `postwarden migrate` creates them"
                .to_owned(),
        ));
    }
    may_write(&out, force)?;
    let failed = |error: io::Error| Error::Usage(format!("nothing was written: {error}"));
    let outcomes = install::put(&out, &configuration.files()).map_err(failed)?;
    for (path, outcome) in &outcomes {
        let path = path.display();
        match outcome {
            Outcome::Written => print(&format!("wrote {path}"))?,
            Outcome::Unchanged => print(&format!("{path} is as it should be"))?,
            Outcome::Replaced { kept, diff } => {
                print(&format!("wrote {path}; the one before is {}", kept.display()))?;
                print(diff.trim_end())?;
            }
        }
    }
    for map in MAPS {
        if let Some(what) = map.lacks(&tables) {
            print(&format!(
                "left out {}: the database lacks {what} (or the account of DATABASE_URL may not see it)",
                map.file()
            ))?;
        }
    }
    if !own {
        print(&format!(
            "\nThey have the account of DATABASE_URL in them, `{user}`. If it may do more than read, make Postfix one of its \
             own\n(the page /postfix of the panel has the statements) and run this again with --user NAME --ask-password --force."
        ))?;
    }
    print_next_steps(&out, &configuration)
}

/// What root does with the files, beginning with copies of what was there.
fn print_next_steps(out: &Path, configuration: &Configuration) -> Result<()> {
    print(
        "\nThe commands below replace settings of main.cf. Look first what is there: `postconf smtpd_recipient_restrictions`;\n\
         checks of your own (blocklists, greylisting) go to the end of the new value.",
    )?;
    let home = out.canonicalize().is_ok_and(|path| path == Path::new(HOME));
    if home {
        print("As root:\n")?;
    } else {
        print(&format!("The files belong in {HOME}. As root:\n"))?;
    }
    print(&format!(
        "  cp -p --backup=numbered {HOME}/main.cf {HOME}/main.cf.before-postwarden"
    ))?;
    if !home {
        print(&format!(
            "  install --backup=numbered -o root -g postfix -m 640 {}/mysql_*.cf {HOME}/",
            quoted(out)
        ))?;
    }
    for setting in configuration.settings() {
        print(&format!("  {}", setting.command()))?;
    }
    print("  postfix reload\n  postwarden postfix verify")
}

/// The account of `DATABASE_URL`, with what was said otherwise.
fn account(config: &Config, options: Generate) -> Result<Account> {
    let mut account = Account::from_url(config.database_url()?).map_err(Error::Usage)?;
    let password = if let Some(file) = &options.password_file {
        Some(password_from(file)?)
    } else if options.password_stdin {
        Some(super::account::password_from_stdin()?)
    } else if options.ask_password {
        Some(ask_password()?)
    } else {
        None
    };
    match (options.user, password) {
        (Some(user), None) if user != account.user => {
            return Err(Error::Usage(format!(
                "the password of `{user}` is needed, which is not the account of DATABASE_URL: give it with \
                 --password-file FILE, --password-stdin or --ask-password"
            )));
        }
        (user, password) => {
            account.user = user.unwrap_or(account.user);
            account.password = password.unwrap_or(account.password);
        }
    }
    account.dbname = options.dbname.unwrap_or(account.dbname);
    account.hosts = options.hosts.unwrap_or(account.hosts);
    account.check().map_err(Error::Usage)?;
    Ok(account)
}

fn password_from(file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Error::Usage(format!("cannot read the password in {}: {e}", file.display())))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Error::Usage(format!(
            "no password in {}: its first line is empty",
            file.display()
        ))),
    }
}

fn ask_password() -> Result<String> {
    rpassword::prompt_password("Password of Postfix's database account: ").map_err(|e| {
        Error::Usage(format!(
            "--ask-password needs a terminal ({e}): use --password-file FILE or --password-stdin"
        ))
    })
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// Refuses the directory `/`, by whatever name.
fn must_be_below_top(dir: &Path) -> Result<()> {
    if dir.canonicalize().is_ok_and(|path| path == Path::new("/")) {
        return Err(Error::Usage(format!(
            "{} is the top of the file system, no place for these files: name a directory for them, such as --out \
             postfix-tables",
            dir.display()
        )));
    }
    Ok(())
}

/// Asks before writing beside other files.
fn may_write(dir: &Path, force: bool) -> Result<()> {
    let shown = dir.display();
    let occupied =
        install::is_occupied(dir).map_err(|e| Error::Usage(format!("cannot write to {shown}: {e}")))?;
    if force || !occupied {
        return Ok(());
    }
    let refusal =
        format!("{shown} is not empty: --force writes into it, and keeps files that differ as .bak-TIME");
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Error::Usage(refusal));
    }
    eprint!("{shown} is not empty. Write into it, keeping files that differ as .bak-TIME? [y/N] ");
    let _ = io::stderr().flush();
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Error::unexpected("reading the answer", e))?;
    if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        Ok(())
    } else {
        Err(Error::Usage("nothing was written".to_owned()))
    }
}
