//! `postwarden check`: what the linter finds in the tables.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};

use clap::Args;

use super::print;
use crate::access::Actor;
use crate::config::Config;
use crate::dns::Resolver;
use crate::error::{Error, Result};
use crate::lint::{Severity, Told};
use crate::mail::{DomainName, visible};
use crate::store::{Checked, News, Store};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Only rows of this domain
    #[arg(long, value_name = "D")]
    domain: Option<String>,
    /// Ask DNS about the hosts and domains in the tables, too; for the mail server itself
    #[arg(long)]
    dns: bool,
}

/// Checks; whether there was an error or a warning.
pub(super) async fn perform(store: &Store, config: &Config, options: Options) -> Result<bool> {
    let domain = options.domain.as_deref().map(DomainName::parse).transpose();
    let domain = domain.map_err(|fault| Error::Usage(fault.to_string()))?;
    let mut dns = if options.dns {
        Some(Resolver::new(config).await?)
    } else {
        None
    };
    let mut output = if options.json {
        Output::json()
    } else {
        Output::text()?
    };
    let mut printed = Ok(());
    let checked = store
        .check_with_dns(&Actor::command_line(), domain.as_ref(), dns.as_mut(), |news| {
            if let (News::Finding(told), Ok(())) = (news, &printed) {
                printed = output.tell(&told);
            }
        })
        .await?;
    printed?;
    output.finish(&checked)?;
    if let Some(dns) = &dns {
        tell_unanswered(&dns.unanswered());
    }
    Ok(checked.errors + checked.warnings > 0)
}

/// Where findings go as they come.
enum Output {
    /// One array of objects, a line each.
    Json {
        /// Whether there was one already.
        begun: bool,
    },
    /// Errors at once; warnings and notices wait in files, since there may be more of them than fit into memory.
    Text {
        warnings: BufWriter<File>,
        notices: BufWriter<File>,
    },
}

impl Output {
    const fn json() -> Self {
        Self::Json { begun: false }
    }

    fn text() -> Result<Self> {
        let file = || tempfile::tempfile().map(BufWriter::new).map_err(spooling);
        Ok(Self::Text {
            warnings: file()?,
            notices: file()?,
        })
    }

    fn tell(&mut self, told: &Told) -> Result<()> {
        match self {
            Self::Json { begun } => {
                let json = serde_json::to_string(told).map_err(|e| Error::unexpected("writing JSON", e))?;
                let before = if *begun { "," } else { "[" };
                *begun = true;
                print(&format!("{before}{json}"))
            }
            Self::Text { warnings, notices } => match told.severity {
                Severity::Error => print(&block(told)),
                Severity::Warning => writeln!(warnings, "{}", block(told)).map_err(spooling),
                Severity::Notice => writeln!(notices, "{}", block(told)).map_err(spooling),
            },
        }
    }

    fn finish(self, checked: &Checked) -> Result<()> {
        match self {
            Self::Json { begun } => print(if begun { "]" } else { "[]" }),
            Self::Text { warnings, notices } => {
                for waiting in [warnings, notices] {
                    let mut file = waiting.into_inner().map_err(|e| spooling(e.into_error()))?;
                    file.rewind().map_err(spooling)?;
                    for line in BufReader::new(file).lines() {
                        print(&line.map_err(spooling)?)?;
                    }
                }
                print(&summary(checked))
            }
        }
    }
}

/// Says that some names could not be judged by.
fn tell_unanswered(names: &[&str]) {
    let Some(first) = names.first() else {
        return;
    };
    let number = number(names.len() as u64, "name");
    // A closed standard error is no reason for an error.
    let _ = writeln!(
        std::io::stderr(),
        "postwarden: DNS gave no answer for {number}, {} the first: nothing is said about them",
        visible(first)
    );
}

fn spooling(error: std::io::Error) -> Error {
    Error::unexpected("keeping findings in a temporary file", error)
}

/// A finding for people.
fn block(told: &Told) -> String {
    format!(
        "{} {} {} {} {}\n  {}\n  {}\n",
        told.severity,
        told.rule,
        told.table,
        visible(&told.key),
        visible(&told.subject),
        told.message,
        told.fix
    )
}

fn number(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

fn summary(checked: &Checked) -> String {
    let silenced = match checked.silenced {
        0 => String::new(),
        n => format!("; {n} silenced"),
    };
    format!(
        "{}, {}, {} in {}{silenced}",
        number(checked.errors, "error"),
        number(checked.warnings, "warning"),
        number(checked.notices, "notice"),
        number(checked.rows, "row")
    )
}
