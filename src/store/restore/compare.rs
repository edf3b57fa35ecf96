//! What of a mail table would become otherwise, counted without writing a row anywhere: that takes no right beside those
//! of the panel itself.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, MySqlConnection, Row as _};

use super::difference::Difference;
use crate::exchange::{TableHead, Values};
use crate::resource::Resource;
use crate::store::row::Image;
use crate::store::schema::Table;
use crate::store::sql::ident;
use crate::store::unit::Stop;

/// The rows of one table of an archive, as a number for the key of each and one for all of its bytes.
pub(super) struct Archived {
    columns: Vec<String>,
    /// Which of them is the key.
    key: usize,
    hasher: RandomState,
    rows: HashMap<u64, u64>,
}

impl Archived {
    /// None yet.
    pub fn of(head: &TableHead, resource: &Resource) -> Self {
        let columns: Vec<String> = head.columns.iter().map(|column| column.name.clone()).collect();
        let key = columns
            .iter()
            .position(|name| name.eq_ignore_ascii_case(resource.key));
        Self {
            key: key.unwrap_or_default(),
            columns,
            hasher: RandomState::new(),
            rows: HashMap::new(),
        }
    }

    /// A further row.
    pub fn row(&mut self, row: &Values) {
        let key = self.hasher.hash_one(row.get(self.key));
        self.rows.insert(key, self.hasher.hash_one(row));
    }

    /// What differs from the rows there are. The table has the archive's columns, in whichever order.
    pub async fn difference(
        &self,
        connection: &mut MySqlConnection,
        live: &Table,
    ) -> Result<Difference, Stop> {
        let (select, names) = Image::columns(live);
        let places: Vec<usize> = self
            .columns
            .iter()
            .filter_map(|column| names.iter().position(|name| name.eq_ignore_ascii_case(column)))
            .collect();
        let sql = format!("SELECT {select} FROM {}", ident(&live.name));
        let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(connection);
        let (mut kept, mut difference) = (0, Difference::default());
        while let Some(row) = rows.try_next().await? {
            let values = places.iter().map(|&place| row.try_get_unchecked(place));
            let values = values.collect::<Result<Values, _>>()?;
            match self.rows.get(&self.hasher.hash_one(values.get(self.key))) {
                None => difference.removed += 1,
                Some(archived) => {
                    kept += 1;
                    difference.changed += u64::from(*archived != self.hasher.hash_one(&values));
                }
            }
        }
        difference.added = (self.rows.len() as u64).saturating_sub(kept);
        Ok(difference)
    }
}
