//! The stored rows that lines of a file are about, read for many lines at once.

use std::collections::{HashMap, HashSet};

use sqlx::{MySqlConnection, QueryBuilder, Row as _};

use crate::access::Actor;
use crate::resource::Resource;
use crate::store::list::{comparable, find_rows, push_keys};
use crate::store::row::Stored;
use crate::store::schema::Table;
use crate::store::sql::{ident, push_list, push_scope};

/// What a row is about, as it is compared: in small letters and without spaces at the end; with what it is unique with.
pub(super) type Identity = (String, String);

/// A value of an [`Identity`].
pub(super) fn folded(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

/// What is stored of a batch of lines.
#[derive(Debug, Default)]
pub(super) struct Found {
    keys: HashMap<Identity, Vec<String>>,
    rows: HashMap<String, Stored>,
    taken: HashSet<String>,
    /// Whether the server takes a row for equal to one of the lines that is not, as `é` is to `e`.
    pub has_alike: bool,
}

impl Found {
    /// Reads what the lines of these identities are about; `keys` are those that lines give for themselves, and `lock` is
    /// empty or ` FOR UPDATE`.
    pub async fn read(
        connection: &mut MySqlConnection,
        actor: &Actor,
        resource: &'static Resource,
        table: &Table,
        wanted: &HashSet<Identity>,
        keys: &[&str],
        lock: &str,
    ) -> Result<Self, sqlx::Error> {
        let mut found = Self::default();
        let subjects: HashSet<&str> = wanted.iter().map(|(subject, _)| subject.as_str()).collect();
        // A letter outside ASCII keeps the server from using an index, so those are asked for by themselves.
        let (plain, other): (Vec<&str>, Vec<&str>) = subjects.iter().partition(|subject| subject.is_ascii());
        for subjects in [plain, other] {
            found
                .read_keys(connection, actor, resource, table, wanted, &subjects)
                .await?;
        }
        let stored: Vec<&str> = found.keys.values().flatten().map(String::as_str).collect();
        for stored in find_rows(&mut *connection, actor, resource, table, &stored, lock).await? {
            found.rows.insert(stored.row.key.clone(), stored);
        }
        if !keys.is_empty() {
            let key = ident(resource.key);
            let mut sql = QueryBuilder::new(format!(
                "SELECT CAST({key} AS CHAR) FROM {} WHERE ",
                ident(resource.table)
            ));
            push_keys(&mut sql, table, resource, keys);
            for row in sql.build().fetch_all(connection).await? {
                found.taken.insert(row.try_get_unchecked(0)?);
            }
        }
        Ok(found)
    }

    async fn read_keys(
        &mut self,
        connection: &mut MySqlConnection,
        actor: &Actor,
        resource: &'static Resource,
        table: &Table,
        wanted: &HashSet<Identity>,
        subjects: &[&str],
    ) -> Result<(), sqlx::Error> {
        if subjects.is_empty() {
            return Ok(());
        }
        let with = resource.unique_with.filter(|with| table.has(with));
        let with = with.map_or("''".to_owned(), |with| format!("CAST({} AS CHAR)", ident(with)));
        let mut sql = QueryBuilder::new(format!(
            "SELECT CAST({} AS CHAR), CAST({} AS CHAR), {with} FROM {} WHERE {} IN (",
            ident(resource.key),
            ident(resource.subject),
            ident(resource.table),
            comparable(resource.subject, subjects)
        ));
        push_list(&mut sql, subjects);
        sql.push(")");
        push_scope(&mut sql, &actor.scope, table, resource);
        for row in sql.build().fetch_all(connection).await? {
            let text = |i: usize| {
                let text = row.try_get_unchecked::<Option<String>, _>(i);
                text.map(Option::unwrap_or_default)
            };
            let identity = (folded(&text(1)?), folded(&text(2)?));
            if wanted.contains(&identity) {
                self.keys.entry(identity).or_default().push(text(0)?);
            } else if !subjects.contains(&identity.0.as_str()) {
                self.has_alike = true;
            }
        }
        Ok(())
    }

    /// The rows of the first of these identities that there is.
    pub fn about(&self, identities: &[Identity]) -> Vec<&Stored> {
        let keys = identities.iter().find_map(|identity| self.keys.get(identity));
        let rows = keys.into_iter().flatten().filter_map(|key| self.rows.get(key));
        rows.collect()
    }

    /// Whether a row has this key already.
    pub fn is_taken(&self, key: &str) -> bool {
        self.taken.contains(key)
    }
}
