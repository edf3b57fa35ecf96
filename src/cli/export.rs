//! `postwarden export`: the rows of a table for other programs.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use clap::{Args, ValueEnum};

use super::answer_or_usage_error;
use super::aside::Aside;
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::exchange::Writing;
use crate::mail::DomainName;
use crate::resource::overrides::PLACES;
use crate::resource::{self, Resource};
use crate::store::{Exporting, ListQuery, Outgoing, Store};

/// The name of every table together.
const ALL: &str = "all";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The table, such as `aliases`; `all` for every table in one JSON or SQL file
    #[arg(value_parser = known_table)]
    table: String,
    /// How the rows are written
    #[arg(long, value_enum, default_value_t = Writing::Csv)]
    format: Writing,
    /// With the hashes of mailbox passwords, and readable copies of them where there are any
    #[arg(long)]
    with_passwords: bool,
    /// The rows of this domain only
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    domain: Option<DomainName>,
    /// Write to this file, whole or not at all, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl ValueEnum for Writing {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Csv, Self::Json, Self::Sql]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.extension()))
    }
}

/// The tables of a name; none where it is unknown.
fn tables(name: &str) -> Vec<&'static Resource> {
    if name == ALL {
        return Resource::tables().collect();
    }
    if name == PLACES[0].slug {
        return PLACES.to_vec();
    }
    let mut known = resource::ALL.iter().copied();
    known
        .find(|resource| resource.slug == name || resource.table == name)
        .into_iter()
        .collect()
}

fn known_table(name: &str) -> Result<String, String> {
    if !tables(name).is_empty() {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = resource::ALL.iter().map(|resource| resource.slug).collect();
    Err(format!(
        "there is {}, {} and {ALL}",
        names.join(", "),
        PLACES[0].slug
    ))
}

fn domain(typed: &str) -> Result<DomainName, String> {
    DomainName::parse(typed).map_err(|fault| fault.to_string())
}

pub(super) async fn perform(store: &Store, options: Options) -> Result<ExitCode> {
    if options.table == ALL && options.format == Writing::Csv {
        let why = "a CSV file holds one table: add --format json or --format sql, or name one table";
        return Ok(answer_or_usage_error(&clap::Error::raw(
            ErrorKind::ArgumentConflict,
            why,
        )));
    }
    let what = Exporting {
        resources: tables(&options.table),
        query: ListQuery {
            domain: options
                .domain
                .map(|domain| domain.to_string())
                .unwrap_or_default(),
            ..ListQuery::default()
        },
        how: options.format,
        passwords: options.with_passwords,
        named: options.table == ALL,
    };
    let outgoing = store.export(&Actor::command_line(), what, None).await?;
    match options.output {
        Some(path) => to_file(outgoing, Aside::of(&path, true)?).await?,
        None => to_standard_output(outgoing).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn to_file(mut outgoing: Outgoing, mut file: Aside) -> Result<()> {
    while let Some(bytes) = outgoing.next().await? {
        file.write(&bytes)?;
    }
    file.put()
}

/// A reader that went away (`| head`) ends the program quietly.
async fn to_standard_output(mut outgoing: Outgoing) -> Result<()> {
    let mut stdout = std::io::stdout();
    while let Some(bytes) = outgoing.next().await? {
        match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            other => other.map_err(|error| Error::unexpected("standard output", error))?,
        }
    }
    Ok(())
}
