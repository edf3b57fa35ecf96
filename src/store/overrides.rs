//! Transport overrides: every row of one address, in whichever of the two tables it stands.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::connect::classify;
use super::list::{find_subjects, push_filters, read_cursor, write_cursor};
use super::row::Stored;
use super::sql::ident;
use super::{ListQuery, Store, Total};
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::resource::overrides::PLACES;

/// The override of one address.
#[derive(Debug, Clone)]
pub struct Override {
    /// The address, lower case.
    pub address: String,
    /// Its rows with the table each stands in, in the order Postfix asks; never empty. More than one is a mistake.
    pub rows: Vec<(&'static Resource, Stored)>,
}

impl Override {
    /// Whether Postfix sees any of the rows.
    pub fn is_enabled(&self) -> bool {
        self.rows.iter().any(|(_, stored)| stored.row.is_enabled())
    }

    /// The transport Postfix uses: that of the first row that is on, or else of the first.
    pub fn transport(&self) -> &str {
        let on = self.rows.iter().find(|(_, stored)| stored.row.is_enabled());
        on.or(self.rows.first())
            .map_or("", |(_, stored)| stored.row.text("transport"))
    }

    /// The hidden `version` of its form: a hash of all its rows.
    pub fn version(&self) -> String {
        let mut digest = Sha256::new();
        for (resource, stored) in &self.rows {
            digest.update(resource.table);
            digest.update(stored.image.version());
        }
        hex::encode(&digest.finalize()[..12])
    }
}

/// One page of overrides.
#[derive(Debug)]
pub struct Overrides {
    /// The overrides, by address.
    pub rows: Vec<Override>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// How many there are.
    pub total: Total,
}

impl Store {
    /// One page of the overrides the actor may see.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn overrides(&self, actor: &Actor, query: &ListQuery) -> Result<Overrides> {
        let per_page = query.per_page();
        let mut addresses = self
            .override_addresses(actor, query, Some(usize::from(per_page) + 1))
            .await?;
        let more = addresses.len() > usize::from(per_page);
        addresses.truncate(usize::from(per_page));
        let total = if !more && query.after.is_empty() {
            addresses.len()
        } else {
            let whole = ListQuery {
                after: String::new(),
                ..query.clone()
            };
            self.override_addresses(actor, &whole, None).await?.len()
        };
        let next = addresses
            .last()
            .filter(|_| more)
            .map(|last| write_cursor(Some(last), last));
        let rows = self.overrides_of(actor, &addresses).await?;
        Ok(Overrides {
            rows,
            next,
            total: Total::Exactly(total as u64),
        })
    }

    /// Every override the actor may see.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn all_overrides(&self, actor: &Actor) -> Result<Vec<Override>> {
        let addresses = self
            .override_addresses(actor, &ListQuery::default(), None)
            .await?;
        self.overrides_of(actor, &addresses).await
    }

    /// The table that holds the overrides there are; `domains` where there are none, or in both. One that has no column for
    /// their transport holds none, and is taken only where no other can.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn usual_place_of_overrides(&self) -> Result<&'static Resource> {
        let schema = self.schema().await?;
        let can_hold = |place: &&'static Resource| {
            let table = schema.table(place.table);
            table.is_some_and(|table| table.lacks(place).is_none() && table.has("transport"))
        };
        let places: Vec<&'static Resource> = PLACES.into_iter().filter(can_hold).collect();
        for &place in &places {
            let sql = format!(
                "SELECT 1 FROM {} WHERE {} LIKE '%_@_%' LIMIT 1",
                ident(place.table),
                ident(place.subject)
            );
            let found = sqlx::query(AssertSqlSafe(sql))
                .fetch_optional(&self.pool)
                .await
                .map_err(classify)?;
            if found.is_some() {
                return Ok(place);
            }
        }
        Ok(places.first().copied().unwrap_or(PLACES[0]))
    }

    /// The override of an address.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none or it is not the actor's.
    pub async fn find_override(&self, actor: &Actor, address: &str) -> Result<Override> {
        let found = self.overrides_of(actor, &[address.to_owned()]).await?;
        found.into_iter().next().ok_or(Error::NotFound)
    }

    /// The overrides of these addresses (lower case), in their order; addresses without one are left out.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn overrides_of(&self, actor: &Actor, addresses: &[String]) -> Result<Vec<Override>> {
        let schema = self.schema().await?;
        let mut found: BTreeMap<String, Vec<(&'static Resource, Stored)>> = BTreeMap::new();
        let mut connection = self.pool.acquire().await.map_err(classify)?;
        for resource in PLACES {
            let Some(table) = schema
                .table(resource.table)
                .filter(|t| t.lacks(resource).is_none())
            else {
                continue;
            };
            let mut rows = find_subjects(&mut connection, actor, resource, table, addresses)
                .await
                .map_err(classify)?;
            rows.sort_by_key(|stored| stored.row.key.parse::<u64>().unwrap_or_default());
            for stored in rows {
                let address = stored.row.subject(resource);
                found.entry(address).or_default().push((resource, stored));
            }
        }
        Ok(addresses
            .iter()
            .filter_map(|address| {
                let rows = found.remove(address)?;
                Some(Override {
                    address: address.clone(),
                    rows,
                })
            })
            .collect())
    }

    /// Addresses that have an override, sorted, each once, and no more than `most`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn override_addresses(
        &self,
        actor: &Actor,
        query: &ListQuery,
        most: Option<usize>,
    ) -> Result<Vec<String>> {
        let schema = self.schema().await?;
        let after = read_cursor(&query.after).and_then(|(value, _)| value);
        let descending = query.sort.starts_with('-');
        let mut sql = QueryBuilder::new("SELECT address FROM (");
        let mut between = "";
        for resource in PLACES {
            let Some(table) = schema
                .table(resource.table)
                .filter(|t| t.lacks(resource).is_none())
            else {
                continue;
            };
            sql.push(format!(
                "{between}SELECT CONVERT(LOWER(RTRIM({})) USING utf8mb4) COLLATE utf8mb4_bin AS address FROM {} r WHERE TRUE",
                ident(resource.subject),
                ident(resource.table)
            ));
            push_filters(&mut sql, &schema, actor, resource, table, query);
            between = " UNION ";
        }
        if between.is_empty() {
            return Ok(Vec::new());
        }
        sql.push(") AS stored");
        if let Some(after) = after {
            sql.push(format!(" WHERE address {} ", if descending { "<" } else { ">" }));
            sql.push_bind(after);
        }
        sql.push(format!(
            " ORDER BY address {}",
            if descending { "DESC" } else { "ASC" }
        ));
        if let Some(most) = most {
            sql.push(format!(" LIMIT {most}"));
        }
        let rows = sql.build().fetch_all(&self.pool).await.map_err(classify)?;
        rows.iter()
            .map(|row| row.try_get_unchecked(0).map_err(classify))
            .collect()
    }
}
