//! A stored row as text: what lists show, the linter judges and the explainer follows.

use super::{Column, Draft, Kind, Problem, Resource, Rules};

/// The columns people edit, as text, whatever their type and character set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The primary key as text.
    pub key: String,
    values: Vec<(&'static str, Option<String>)>,
}

impl Row {
    /// A row of these columns; `None` is NULL.
    #[must_use]
    pub fn new(key: String, values: Vec<(&'static str, Option<String>)>) -> Self {
        Self { key, values }
    }

    /// The same row with another value in a column, which is added where the row has none of that name.
    #[must_use]
    pub fn with(mut self, column: &'static str, value: &str) -> Self {
        match self.values.iter_mut().find(|(name, _)| *name == column) {
            Some((_, stored)) => *stored = Some(value.to_owned()),
            None => self.values.push((column, Some(value.to_owned()))),
        }
        self
    }

    /// The text of a column; `None` where it is NULL or the live table lacks it.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.values
            .iter()
            .find(|(name, _)| *name == column)
            .and_then(|(_, v)| v.as_deref())
    }

    /// The text of a column; empty where it is NULL or the live table lacks it.
    pub fn text(&self, column: &str) -> &str {
        self.value(column).unwrap_or_default()
    }

    /// What Postfix looks up, as it asks for it: lower case, without spaces at the end.
    pub fn subject(&self, resource: &Resource) -> String {
        self.text(resource.subject).trim_end_matches(' ').to_lowercase()
    }

    /// Whether the live table has the column.
    pub fn has(&self, column: &str) -> bool {
        self.values.iter().any(|(name, _)| *name == column)
    }

    /// Whether Postfix sees the row: `enabled` is 1, or there is no such column.
    pub fn is_enabled(&self) -> bool {
        !self.has("enabled") || self.text("enabled") == "1"
    }

    /// The same row with `enabled` on.
    #[must_use]
    pub fn switched_on(&self) -> Self {
        let mut on = self.clone();
        for (_, value) in on.values.iter_mut().filter(|(name, _)| *name == "enabled") {
            *value = Some("1".to_owned());
        }
        on
    }

    /// The row as if it had been typed.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        self.values
            .iter()
            .map(|(name, value)| (*name, value.clone().unwrap_or_default()))
            .collect()
    }

    /// Checks the row: what would be wrong with it had it been typed, and what is wrong with it as it is stored, which
    /// typing it again would mend.
    ///
    /// # Errors
    /// What Postfix or the panel would choke on.
    pub fn check(&self, resource: &Resource, rules: &Rules) -> Result<Draft, Vec<Problem>> {
        self.check_typed(resource, rules, &[])
    }

    /// The same of a row in which these columns have been typed anew: what is normalised in them is no mistake.
    ///
    /// # Errors
    /// As there.
    pub fn check_typed(
        &self,
        resource: &Resource,
        rules: &Rules,
        typed: &[&str],
    ) -> Result<Draft, Vec<Problem>> {
        let draft = resource.check(rules, self.fields_or_defaults(resource))?;
        let problems: Vec<Problem> = resource
            .columns
            .iter()
            .filter(|column| self.has(column.name) && !typed.contains(&column.name))
            .filter_map(|column| {
                let message = unmatched(column, self.text(column.name), &draft.text(column.name))?;
                Some(Problem {
                    column: column.name,
                    message,
                })
            })
            .collect();
        if problems.is_empty() {
            Ok(draft)
        } else {
            Err(problems)
        }
    }

    /// The row with defaults for columns the live table lacks.
    fn fields_or_defaults(&self, resource: &Resource) -> Vec<(&'static str, String)> {
        resource
            .columns
            .iter()
            .map(|c| {
                (
                    c.name,
                    if self.has(c.name) {
                        self.text(c.name)
                    } else {
                        c.default
                    }
                    .to_owned(),
                )
            })
            .collect()
    }
}

/// What is wrong with a value only because of the way it is stored. Postfix asks for keys in lower case, in ASCII, and
/// without white space or a final dot around them (docs/postfix.md rules 1, 3 and 4); most collations forgive case and
/// spaces at the end. The name of a transport is taken to the letter (rule 27).
fn unmatched(column: &Column, stored: &str, normal: &str) -> Option<String> {
    match column.kind {
        Kind::Subject if !stored.trim_end_matches(' ').eq_ignore_ascii_case(normal) => Some(format!(
            "Postfix asks for `{normal}` and never finds the row as it is stored, `{stored}`. Save it to mend it."
        )),
        Kind::Transport(_) => {
            let name = |text: &str| {
                text.split_once(':')
                    .map_or_else(String::new, |(name, _)| name.to_owned())
            };
            let bare = !stored.contains(':');
            (!bare && name(stored) != name(normal)).then(|| {
                format!(
                    "Postfix takes `{stored}` to the letter, knows no such transport and holds the mail for days. \
                     Save the row to mend it: `{normal}`."
                )
            })
        }
        Kind::Directory if stored != normal => Some(format!(
            "Postfix takes `{stored}` to the letter: without its final slash mail goes into one file that IMAP does not \
             see, or is deferred for ever. Save the row to mend it: `{normal}`."
        )),
        _ => None,
    }
}
