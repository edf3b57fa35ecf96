//! Which column a name in a file means, and which value a word.

use crate::resource::{Part, Resource};

/// Other names of columns, as other programs and people write them: without capitals, spaces and punctuation. Of two
/// that could be the same column the first in the list is taken.
const SYNONYMS: &[(&str, &str, &[&str])] = &[
    (
        "aliases",
        "mail",
        &[
            "address",
            "email",
            "emailaddress",
            "alias",
            "source",
            "src",
            "recipient",
            "from",
        ],
    ),
    (
        "aliases",
        "destination",
        &[
            "goto",
            "forward",
            "forwardto",
            "forwards",
            "target",
            "destinations",
            "dest",
            "to",
        ],
    ),
    (
        "domains",
        "domain",
        &["name", "domainname", "address", "mail", "email"],
    ),
    ("domains", "transport", &["goesto", "route", "nexthop", "target"]),
    (
        "backups",
        "domain",
        &["name", "domainname", "address", "mail", "email"],
    ),
    ("backups", "transport", &["goesto", "route", "nexthop", "target"]),
    (
        "users",
        "id",
        &[
            "username",
            "email",
            "emailaddress",
            "address",
            "mail",
            "mailbox",
            "user",
            "login",
        ],
    ),
    ("users", "name", &["fullname", "realname", "displayname"]),
    ("users", "password", &["plainpassword", "newpassword"]),
    ("users", "crypt", &["passwordhash", "hash", "cryptedpassword"]),
    ("users", "maildir", &["directory", "mailboxdirectory"]),
    (
        "relays",
        "recipient",
        &["address", "email", "emailaddress", "mail"],
    ),
    ("relays", "status", &["action", "answer"]),
    (
        "relocated",
        "oldadr",
        &["oldaddress", "old", "address", "mail", "email", "from"],
    ),
    ("relocated", "newadr", &["newaddress", "new", "to", "goto"]),
    ("access_rules", "kind", &["type"]),
    ("access_rules", "pattern", &["address", "mail", "email"]),
    ("access_rules", "message", &["text", "reason"]),
];

/// Columns of the howto's tables that no form has.
const UNEDITED: &[(&str, &[&str])] = &[("users", &["clear", "crypt", "procmailrc", "spamassassinrc"])];

/// The columns of a table that the panel knows, edited or not.
pub(super) fn known(resource: &Resource) -> impl Iterator<Item = &'static str> {
    let unedited = UNEDITED.iter().filter(|(table, _)| *table == resource.table);
    let key = (resource.part != Part::Overrides).then_some(resource.key);
    let edited = resource.columns.iter().map(|column| column.name);
    edited
        .chain(key.filter(|key| resource.column(key).is_none()))
        .chain(unedited.flat_map(|(_, names)| names.iter().copied()))
}

/// Which column each of these names means. Names the panel does not know stay as they are: the live table may have
/// such a column. An empty name means none.
pub(super) fn columns(resource: &Resource, names: &[String]) -> Vec<Option<String>> {
    let mut columns: Vec<Option<String>> = names.iter().map(|name| exact(resource, name)).collect();
    for (at, name) in names.iter().enumerate() {
        if columns[at].is_some() || name.trim().is_empty() {
            continue;
        }
        let column = synonym(resource, name).filter(|meant| !columns.iter().flatten().any(|c| c == meant));
        columns[at] = Some(column.map_or_else(|| name.trim().to_owned(), str::to_owned));
    }
    columns
}

fn exact(resource: &Resource, name: &str) -> Option<String> {
    let name = name.trim();
    known(resource)
        .find(|column| column.eq_ignore_ascii_case(name) || plain(column) == plain(name))
        .map(str::to_owned)
}

fn synonym(resource: &Resource, name: &str) -> Option<&'static str> {
    let name = plain(name);
    if ["active", "on", "isactive", "isenabled"].contains(&name.as_str()) {
        return Some("enabled");
    }
    SYNONYMS
        .iter()
        .find(|(table, _, others)| *table == resource.table && others.contains(&name.as_str()))
        .map(|(_, column, _)| *column)
}

/// A name without capitals, spaces and punctuation.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Writes on and off as the tables do; any other word is left for the checks to refuse.
pub(super) fn value(column: &str, value: Option<String>) -> Option<String> {
    let value = value?;
    if column != "enabled" {
        return Some(value);
    }
    Some(match value.trim().to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => "1".to_owned(),
        "0" | "no" | "n" | "false" | "f" | "off" => "0".to_owned(),
        _ => value,
    })
}
