//! `postwarden import --from`: the rows of another panel's database.

use std::io::{Write, stderr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use super::{import, print};
use crate::error::{Error, Result};
use crate::mail::visible;
use crate::store::{Foreign, Imported, Importing, Panel, Store, read_foreign};

/// The variable that may hold the address with its password.
const VARIABLE: &str = "SOURCE_DATABASE_URL";

#[derive(Debug, Args)]
pub(super) struct Elsewhere {
    /// Take over the rows of another panel's database instead of a file
    #[arg(long, value_enum, value_name = "PANEL")]
    from: Option<Whose>,
    /// Its address without a password, as in <mysql://reader@db.example.org/postfix>; the variable `SOURCE_DATABASE_URL` may
    /// hold one with a password
    #[arg(long, value_name = "URL", requires = "from")]
    source: Option<Url>,
    /// The password of the address, in the first line of this file
    #[arg(long, value_name = "FILE", requires = "source")]
    source_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Whose {
    #[value(name = "postfixadmin")]
    PostfixAdmin,
    SortingOffice,
}

impl Elsewhere {
    /// Whose database it is; `None` where a file is imported.
    pub(super) fn panel(&self) -> Option<Panel> {
        self.from.map(|whose| match whose {
            Whose::PostfixAdmin => Panel::PostfixAdmin,
            Whose::SortingOffice => Panel::SortingOffice,
        })
    }
}

/// Takes the rows over; whether every row was taken, or those that were not were to be left out.
pub(super) async fn perform(
    store: &Store,
    panel: Panel,
    elsewhere: &Elsewhere,
    options: &import::Options,
) -> Result<bool> {
    let foreign = read_foreign(panel, &address(elsewhere)?).await?;
    for told in &foreign.told {
        print(&format!("note: {}", visible(told)))?;
    }
    let asked = options.how();
    let how = Importing {
        applies: asked.applies && (foreign.refused.is_empty() || asked.skips_refused),
        ..asked.clone()
    };
    let imported = import::watched(store, &foreign.material, &how)
        .await
        .map_err(|refusal| import::failed(refusal, "", panel.name()))?;
    let refused = imported.refused + foreign.refused.len() as u64;
    for (word, count) in [
        ("added", imported.added),
        ("changed", imported.changed),
        ("unchanged", imported.unchanged),
        ("refused", refused),
    ] {
        print(&format!("{word} {count}"))?;
    }
    tell(&foreign, &imported)?;
    Ok(refused == 0 || asked.skips_refused)
}

/// The address to read from. A password on the command line is seen by everybody on the machine.
fn address(given: &Elsewhere) -> Result<String> {
    let Some(source) = &given.source else {
        return std::env::var(VARIABLE).map_err(|_| {
            Error::Usage(format!(
                "name the other database with --source, or in the variable {VARIABLE}"
            ))
        });
    };
    if source.password().is_some() {
        return Err(Error::Usage(format!(
            "a password on the command line is seen by everybody on this machine: put it into a file and name that with \
             --source-password-file, or the whole address into the variable {VARIABLE}"
        )));
    }
    let mut url = source.clone();
    if let Some(file) = &given.source_password_file {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Error::Usage(format!("{} cannot be read: {error}", file.display())))?;
        let password = text.lines().next().unwrap_or_default();
        if url.set_password(Some(password)).is_err() {
            return Err(Error::Usage("the source is not a mysql:// address".to_owned()));
        }
    }
    Ok(url.into())
}

/// Says which rows were refused and why, on standard error.
fn tell(foreign: &Foreign, imported: &Imported) -> Result<()> {
    // A closed standard error is no reason for an error.
    for refused in &foreign.refused {
        let _ = writeln!(
            stderr(),
            "{}: {}: {}",
            foreign.material.name,
            visible(&refused.column),
            visible(&refused.reason)
        );
    }
    let lines = foreign.lines(
        &imported
            .first_refused
            .iter()
            .map(|refused| refused.line)
            .collect(),
    )?;
    for refused in &imported.first_refused {
        let row = lines.get(&refused.line).map(String::as_str).unwrap_or_default();
        let _ = writeln!(
            stderr(),
            "{}: {}: {}: {}",
            foreign.material.name,
            visible(&subject(row)),
            refused.column,
            visible(&refused.reason)
        );
    }
    for sentence in &imported.effect {
        let _ = writeln!(stderr(), "warning: {}", visible(sentence));
    }
    Ok(())
}

/// What a row is about: the first column of it.
fn subject(line: &str) -> String {
    let row = line.get(line.rfind('{').unwrap_or(0)..).unwrap_or_default();
    let row = row.trim_end_matches(|c| c != '}');
    let object: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(row).ok();
    object
        .and_then(|object| object.values().next()?.as_str().map(str::to_owned))
        .unwrap_or_default()
}
