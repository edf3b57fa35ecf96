//! Where settings come from: the file and the environment, and what is said of a setting that cannot be.

use std::collections::BTreeMap;
use std::path::Path;

use figment::error::Kind;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};

use super::SECRETS;
use crate::error::{Error, Result};

/// Environment names that are not `POSTWARDEN_SECTION__KEY`.
const SHORT_FORMS: &[(&str, &str)] = &[("DATABASE_URL", "database.url")];

/// What a settings file says.
pub(super) fn from_file(path: &Path) -> Result<Dict> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::Usage(format!("cannot read the settings in {name}: {e}")))?;
    Toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = 1 + before.unwrap_or_default().matches('\n').count();
        let why = error.message().replace('\n', ", ");
        Error::Usage(format!("settings: {name}, line {line}: {why}"))
    })
}

/// What the environment says: for each key the variable and its value.
pub(super) type Variables = BTreeMap<String, (String, String)>;

/// The settings among the environment's variables.
pub(super) fn from_environment(variables: impl Iterator<Item = (String, String)>) -> Result<Variables> {
    let mut keys = Variables::new();
    let mut all: Vec<(String, String)> = variables.collect();
    // The long form of a key outranks its short form.
    all.sort_by_key(|(name, _)| name.starts_with("POSTWARDEN_"));
    for (variable, value) in all {
        let (name, value) = match variable.strip_suffix("_FILE") {
            Some(short) if setting_of(short).is_some() => (short, read_secret(&variable, &value)?),
            _ => (variable.as_str(), value),
        };
        if let Some(key) = setting_of(name) {
            keys.insert(key, (variable, value));
        }
    }
    Ok(keys)
}

/// The same as a nested dictionary.
pub(super) fn nested(variables: &Variables) -> Dict {
    let mut root = Dict::new();
    for (key, (_, value)) in variables {
        insert(&mut root, key, value.clone());
    }
    root
}

/// What is wrong with a setting: its key, where it stands, and what it may be.
pub(super) fn told(error: &figment::Error, file: &Path, variables: &Variables) -> String {
    let key = error.path.join(".");
    let mut keys = variables.iter();
    let is_it = |name: &str| name == key || name.starts_with(&format!("{key}."));
    let place = match keys.find(|(name, _)| is_it(name)) {
        Some((_, (variable, _))) => format!("the variable {variable}"),
        None => file.display().to_string(),
    };
    let why = match &error.kind {
        Kind::UnknownField(_, known) => {
            let section = key.rsplit_once('.').map(|(section, _)| format!("{section}."));
            let section = section.unwrap_or_default();
            let known: Vec<String> = known.iter().map(|name| format!("{section}{name}")).collect();
            return format!(
                "settings: {place}: there is no setting {key}; there is {}",
                known.join(", ")
            );
        }
        Kind::UnknownVariant(found, known) => format!("is `{found}` and has to be {}", known.join(" or ")),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let found = if SECRETS.contains(&key.as_str()) {
                "something else".to_owned()
            } else {
                found.to_string()
            };
            format!("is {found} and has to be {}", expected_words(expected))
        }
        other if matches!(key.as_str(), "listen" | "metrics.listen") => {
            format!("has to be an address and a port such as 127.0.0.1:8025 ({other})")
        }
        other => other.to_string(),
    };
    format!("settings: {place}: {key} {}", why.replace('\n', " "))
}

/// What is expected, without the names of types.
fn expected_words(expected: &str) -> &str {
    match expected {
        "u16" | "u32" | "u64" => "a whole number, 0 or more",
        words if words.starts_with("struct ") => "a section with settings of its own",
        words => words,
    }
}

/// The settings key an environment variable stands for.
fn setting_of(variable: &str) -> Option<String> {
    if let Some((_, key)) = SHORT_FORMS.iter().find(|(name, _)| *name == variable) {
        return Some((*key).to_owned());
    }
    // POSTWARDEN_CONFIG names the file itself; it is an option of the command line.
    let key = variable
        .strip_prefix("POSTWARDEN_")
        .filter(|rest| !rest.is_empty() && *rest != "CONFIG")?;
    Some(key.to_ascii_lowercase().replace("__", "."))
}

fn read_secret(variable: &str, file: &str) -> Result<String> {
    std::fs::read_to_string(file)
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|e| Error::Usage(format!("cannot read {file}, named by {variable}: {e}")))
}

/// Puts a text at `a.b.c`, as a number where it is one, so that `…__CONNECTIONS=5` works.
fn insert(dict: &mut Dict, key: &str, text: String) {
    if let Some((section, rest)) = key.split_once('.') {
        let entry = dict
            .entry(section.to_owned())
            .or_insert_with(|| Value::from(Dict::new()));
        if let Value::Dict(_, inner) = entry {
            insert(inner, rest, text);
        }
        return;
    }
    let value = text
        .parse::<u32>()
        .map_or_else(|_| Value::from(text), Value::from);
    dict.insert(key.to_owned(), value);
}
