//! Comparing a live Postfix with what the tables need: its configuration is read, its queries are tried on model rows,
//! and its own `postmap` is asked for keys that are known. For the command line and the panel.

use std::path::Path;

use crate::access::Actor;
use crate::error::{Error, Result};
use crate::postfix::live::{self, Live, Source};
use crate::postfix::{Examination, Finding, MAPS, Map, Severity, Tables, UNREAD, Verdict, is_looked_up};
use crate::resource::Resource;
use crate::store::Store;

/// A key that no row has, so that every lookup table is asked for something.
const UNKNOWN: &str = "nobody@postwarden.invalid";

/// Judges a configuration by its settings and by what its queries answer for model rows.
///
/// # Errors
/// The database does not answer.
pub async fn examine(store: &Store, live: &Live) -> Result<Verdict> {
    let tables = store.schema().await?.names();
    let database = store.database_name().await?;
    let examination = Examination::new(live, &tables, &database);
    let answers = store.answers(&examination.questions).await?;
    let mut verdict = examination.judge(&answers);
    for name in live.words("mydestination") {
        if is_hosted(store, &tables, name).await? {
            verdict.add(clashes(name));
        }
    }
    verdict.beside = beside(live, &tables);
    // A table nobody uses is no fault, but somebody will use it one day.
    let filled = store.filled_tables().await?;
    for finding in &mut verdict.findings {
        if finding.rule == UNREAD && !filled.contains(&finding.table.as_str()) {
            finding.severity = Severity::Warning;
            finding.is_idle = true;
        }
    }
    Ok(verdict)
}

/// Reads the configuration in a directory and judges it, as [`examine`] does and by what Postfix itself answers for known
/// keys.
///
/// # Errors
/// The configuration cannot be read ([`Error::Usage`]), or the database does not answer.
pub async fn verify(store: &Store, actor: &Actor, dir: &Path) -> Result<Verdict> {
    let live = Live::read(dir).await.map_err(Error::Usage)?;
    let mut verdict = examine(store, &live).await?;
    probe(store, actor, &live, &mut verdict).await?;
    Ok(verdict)
}

/// Asks Postfix for known keys and compares with what the queries that Postwarden ships answer.
async fn probe(store: &Store, actor: &Actor, live: &Live, verdict: &mut Verdict) -> Result<()> {
    let tables = store.schema().await?.names();
    let known = store.known_keys(actor).await?;
    let mut asked_files: Vec<&str> = Vec::new();
    for map in MAPS.iter().filter(|map| map.query(&tables).is_some()) {
        let sources = live.sources_of(map);
        // What is no SELECT may write; Postfix will ask it soon enough.
        if sources.is_empty() || !sources.iter().all(|s| is_safe(s)) {
            continue;
        }
        asked_files.extend(sources.iter().map(|s| s.path.as_str()));
        let mut keys = vec![UNKNOWN.to_owned()];
        let ours = known.iter().filter(|(of, key)| *of == map && is_askable(key));
        keys.extend(ours.map(|(_, key)| key.clone()));
        let asked: Vec<String> = keys.iter().flat_map(|key| map.keys(key)).collect();
        let mut answers = Vec::new();
        for source in &sources {
            match live.ask(source, &asked).await {
                Ok(found) => answers.push((source.name(), found)),
                Err(complaint) => verdict.add(fails(map.table, map.place().name(), source, &complaint)),
            }
        }
        if answers.len() < sources.len() {
            continue;
        }
        for key in &keys {
            // In the order Postfix asks: for each key every lookup table in turn.
            let answer = map.keys(key).iter().find_map(|key| {
                let mut found = answers
                    .iter()
                    .filter_map(|(file, found)| Some((*file, found.get(key)?.as_str())));
                found.next()
            });
            let text = answer.map(|(_, text)| text);
            let expected = expected(store, &tables, map, key).await?;
            if map.same(expected.as_deref(), text) {
                verdict.probes += 1;
            } else {
                let file =
                    answer.map_or_else(|| live::names(&sources, map.table), |(file, _)| file.to_owned());
                verdict.add(differs(map, &file, key, expected.as_deref(), text));
            }
        }
    }
    // Those of other parameters, and those of tables that are not there: that they answer at all.
    let is_left = |source: &&Source| is_safe(source) && !asked_files.contains(&source.path.as_str());
    for source in live.sources.iter().filter(is_left) {
        if let Err(complaint) = live.ask(source, &[UNKNOWN.to_owned()]).await {
            let parameters = live.set.iter().filter(|(_, value)| value.contains(&source.path));
            let parameter = parameters
                .map(|(name, _)| name.as_str())
                .next()
                .unwrap_or_default();
            verdict.add(fails("", parameter, source, &complaint));
        }
    }
    Ok(())
}

/// Whether asking a lookup table writes nothing: it selects, or fails for the quotes around it.
fn is_safe(source: &Source) -> bool {
    source.query.is_select() || source.query.is_quoted()
}

/// Whether a key can be asked for: what an SMTP client may send, and short enough for a column of the panel.
fn is_askable(key: &str) -> bool {
    key.len() <= 255 && key.trim() == key && !key.contains(char::is_control)
}

/// What the shipped queries answer, those of every lookup table of the same place.
async fn expected(store: &Store, tables: &Tables, map: &Map, key: &str) -> Result<Option<String>> {
    for sibling in MAPS.iter().filter(|other| other.shares_place_with(map)) {
        let Some(query) = sibling.as_query(tables) else {
            continue;
        };
        for key in sibling.keys(key) {
            let Some(sql) = query.sql(&key) else { continue };
            match store.answer(&sql).await? {
                Ok(rows) if rows.is_empty() => {}
                Ok(rows) => return Ok(Some(rows.join(","))),
                Err(complaint) => return Err(Error::unexpected("a query of Postwarden's own", complaint)),
            }
        }
    }
    Ok(None)
}

/// The columns the panel edits and neither a lookup table of ours nor one of the live Postfix asks for.
fn beside(live: &Live, tables: &Tables) -> Vec<String> {
    let asks = |column: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut words = live
            .sources
            .iter()
            .flat_map(|s| s.query.template.split(|c| !is_part(c)));
        words.any(|word| word.eq_ignore_ascii_case(column))
    };
    let mut beside = Vec::new();
    for resource in Resource::tables() {
        let edited = resource.columns.iter().map(|column| column.name);
        beside.extend(
            edited
                .filter(|name| tables.has_column(resource.table, name))
                .filter(|name| !is_looked_up(resource.table, name) && !asks(name))
                .map(|name| format!("{}.{name}", resource.table)),
        );
    }
    beside
}

/// Whether the domain is one the panel hosts.
async fn is_hosted(store: &Store, tables: &Tables, domain: &str) -> Result<bool> {
    let query = Map::named("domains").and_then(|map| map.as_query(tables));
    let Some(sql) = query.and_then(|query| query.sql(&domain.to_lowercase())) else {
        return Ok(false);
    };
    Ok(store.answer(&sql).await?.is_ok_and(|rows| !rows.is_empty()))
}

fn clashes(domain: &str) -> Finding {
    Finding {
        rule: "PW113".to_owned(),
        severity: Severity::Error,
        table: "domains".to_owned(),
        column: "domain".to_owned(),
        key: domain.to_owned(),
        parameter: "mydestination".to_owned(),
        file: "main.cf".to_owned(),
        message: format!(
            "{domain} is a domain of the panel and in mydestination too, which wins: its mail goes to the system's users, and its \
             mailboxes are unknown."
        ),
        fix: format!("Take {domain} out of mydestination, or out of the panel."),
        ..Finding::default()
    }
}

fn fails(table: &str, parameter: &str, source: &Source, complaint: &str) -> Finding {
    Finding {
        rule: "PW259".to_owned(),
        severity: Severity::Error,
        table: table.to_owned(),
        parameter: parameter.to_owned(),
        file: source.name().to_owned(),
        message: format!(
            "`postmap -q KEY mysql:{}` fails ({complaint}): Postfix answers 451 to the mail that needs it.",
            source.path
        ),
        fix: "Check the account, the password and the server in the file, and that the package postfix-mysql is installed."
            .to_owned(),
        ..Finding::default()
    }
}

fn differs(map: &Map, file: &str, key: &str, expected: Option<&str>, answer: Option<&str>) -> Finding {
    let shown = |text: Option<&str>| {
        text.map_or("nothing".to_owned(), |t| {
            let short: String = t.chars().take(80).collect();
            format!("`{short}`{}", if short.len() < t.len() { "…" } else { "" })
        })
    };
    Finding {
        rule: "PW258".to_owned(),
        severity: Severity::Warning,
        table: map.table.to_owned(),
        key: key.to_owned(),
        parameter: map.place().name().to_owned(),
        file: file.to_owned(),
        message: format!(
            "Asked for `{key}`, {file} answers {}; the rows say {}.",
            shown(answer),
            shown(expected)
        ),
        fix: format!("Replace {file} with what `postwarden postfix generate` writes, then `postfix reload`."),
        ..Finding::default()
    }
}
