//! Which of the mail tables a database has, and with which columns: what is not there is not asked for.

use std::collections::{HashMap, HashSet};

/// The tables and columns there are.
#[derive(Debug, Clone, Default)]
pub struct Tables(HashMap<String, HashSet<String>>);

impl Tables {
    /// Whether there is such a table.
    pub fn has(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    /// Whether there is such a column.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.0
            .get(table)
            .is_some_and(|columns| columns.contains(&column.to_ascii_lowercase()))
    }

    /// Whether there is no table but those whose names begin like this.
    pub fn is_empty_but_for(&self, prefix: &str) -> bool {
        self.0.keys().all(|name| name.starts_with(prefix))
    }
}

impl<T: Into<String>> FromIterator<(T, Vec<String>)> for Tables {
    fn from_iter<I: IntoIterator<Item = (T, Vec<String>)>>(tables: I) -> Self {
        let lower = |columns: Vec<String>| columns.iter().map(|c| c.to_ascii_lowercase()).collect();
        Self(
            tables
                .into_iter()
                .map(|(table, columns)| (table.into(), lower(columns)))
                .collect(),
        )
    }
}

#[cfg(test)]
impl Tables {
    /// Every table of a fresh installation.
    pub fn all() -> Self {
        [
            ("domains", "pkid domain transport enabled"),
            ("aliases", "pkid mail destination enabled"),
            ("users", "id name maildir enabled"),
            ("backups", "pkid domain transport enabled"),
            ("relays", "pkid recipient enabled status"),
            ("relocated", "pkid oldadr newadr enabled"),
            (
                "access_rules",
                "pkid kind pattern cidr_lo cidr_hi action message enabled",
            ),
        ]
        .into_iter()
        .map(|(table, columns)| (table, columns.split(' ').map(str::to_owned).collect()))
        .collect()
    }

    /// Without one column, or without one table.
    #[must_use]
    pub fn without(mut self, table: &str, column: Option<&str>) -> Self {
        match column {
            None => drop(self.0.remove(table)),
            Some(column) => {
                if let Some(columns) = self.0.get_mut(table) {
                    columns.remove(column);
                }
            }
        }
        self
    }
}
