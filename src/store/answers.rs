//! Questions of the explainer and the linter as SQL: many at once, each answered as the server would answer it alone.
//!
//! A row answers for a subject where the server says that the column equals it, in the collation of the column, as it
//! does for a query of Postfix (docs/postfix.md 3l). For subjects and rows of printable ASCII that is known without
//! asking for each; as soon as there is anything else the server is asked which row is equal to which subject.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use sqlx::pool::PoolConnection;
use sqlx::{MySql, QueryBuilder, Row as _};

use super::connect::number;
use super::list::push_key;
use super::neighbours::text;
use super::row::{read_row, row_columns_and};
use super::schema::{Schema, Table};
use super::sql::{domain_expression, fragment, ident, push_domains, push_granted, push_list, searchable};
use crate::access::Scope;
use crate::mail::{directory_named, domain_of, items_of};
use crate::resource::{Resource, Row};
use crate::route::{MOST_DELIVERING, MOST_IN_DOMAIN, Question, folded};

/// Values compared with one statement.
const AT_ONCE: usize = 500;

/// Up to so many destinations are looked for by the server; for more every list is read.
const FEW: usize = 4;

/// Lists read with one statement.
const PAGE: usize = 10_000;

/// The server's number of the error "Illegal mix of collations": the column cannot hold a character of the value.
const ILLEGAL_MIX: u16 = 1267;

/// The columns of passwords, for the rules about them.
const PASSWORDS: &[&str] = &["crypt", "clear"];

/// The directory of a mailbox as [`directory_named`] writes it.
const DIRECTORY: &str =
    "TRIM(BOTH '/' FROM REGEXP_REPLACE(CONCAT('/', TRIM(maildir), '/'), '/([.]?/)*', '/'))";

/// The columns of the bounds of a network, for the rule about those that are missing.
const BOUNDS: &[&str] = &["cidr_lo", "cidr_hi"];

/// Somebody's view of the tables, on one connection.
pub(super) struct Reader<'a> {
    pub connection: PoolConnection<MySql>,
    pub schema: &'a Schema,
    pub scope: &'a Scope,
    /// Whether mailboxes have their passwords too.
    pub passwords: bool,
}

/// A table that can be read.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub resource: &'static Resource,
    pub table: &'a Table,
}

impl<'a> Live<'a> {
    /// The table, where the database has it with the columns that tell one row from another.
    pub fn of(schema: &'a Schema, table: &str) -> Option<Self> {
        let resource = Resource::by_table(table)?;
        let table = schema.table(table).filter(|t| t.lacks(resource).is_none())?;
        Some(Self { resource, table })
    }
}

/// Rows by what they were asked for with.
type Found = HashMap<String, Vec<Row>>;

impl<'a> Reader<'a> {
    /// The table, where the database has it with the columns that tell one row from another.
    pub fn live(&self, table: &str) -> Option<Live<'a>> {
        Live::of(self.schema, table)
    }

    /// The answers; a question that no row answers may be left out.
    pub async fn answers(
        &mut self,
        questions: &BTreeSet<Question>,
    ) -> Result<Vec<(Question, Vec<Row>)>, sqlx::Error> {
        let mut subjects: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        let mut domains: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        let (mut directories, mut destinations, mut into) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = Vec::new();
        for question in questions {
            match question {
                Question::Subject(table, subject) => subjects.entry(table).or_default().push(subject),
                Question::Directory(directory) => directories.push(directory.as_str()),
                Question::Delivering(address) => destinations.push(address.as_str()),
                Question::DeliveringInto(domain) => into.push(domain.as_str()),
                Question::InDomain(table, domain) => domains.entry(table).or_default().push(domain),
                Question::Network(address) => {
                    answers.push((question.clone(), self.network(*address).await?));
                }
            }
        }
        for (table, subjects) in subjects {
            let found = self.subjects(table, &subjects).await?;
            answers.extend(answered(found, |subject| Question::Subject(table, subject)));
        }
        answers.extend(answered(
            self.directories(&directories).await?,
            Question::Directory,
        ));
        for (table, domains) in domains {
            let found = self.in_domains(table, &domains).await?;
            answers.extend(answered(found, |domain| Question::InDomain(table, domain)));
        }
        let found = self.delivering(&destinations, folded).await?;
        answers.extend(answered(found, Question::Delivering));
        let found = self.delivering(&into, |item| folded(&domain_of(item))).await?;
        answers.extend(answered(found, Question::DeliveringInto));
        Ok(answers)
    }

    /// How many enabled rows of a table are about each of these domains.
    pub async fn counts(
        &mut self,
        table: &str,
        domains: &BTreeSet<String>,
    ) -> Result<HashMap<String, u64>, sqlx::Error> {
        let mut counts: HashMap<String, u64> = domains.iter().map(|d| (d.clone(), 0)).collect();
        let Some(live) = self.live(table) else {
            return Ok(counts);
        };
        let names: BTreeSet<String> = domains.iter().map(|domain| folded(domain)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let domain = domain_expression(live.table, live.resource.subject, live.resource.subject);
        let mut counted: HashMap<String, u64> = HashMap::new();
        for names in names.chunks(AT_ONCE) {
            let mut sql = QueryBuilder::new(format!(
                "SELECT LOWER(CONVERT({domain} USING utf8mb4)) COLLATE utf8mb4_bin AS counted, COUNT(*) FROM {} WHERE ",
                ident(table)
            ));
            push_domains(&mut sql, &domain, &padded(names));
            push_granted(&mut sql, self.scope, live.table, live.resource);
            if live.table.has("enabled") {
                sql.push(" AND enabled = 1");
            }
            sql.push(" GROUP BY counted");
            for row in sql.build().fetch_all(&mut *self.connection).await? {
                let count = row.try_get_unchecked::<i64, _>(1)?.unsigned_abs();
                *counted.entry(folded(&text(&row, 0)?)).or_default() += count;
            }
        }
        for (domain, count) in &mut counts {
            *count = counted.get(&folded(domain)).copied().unwrap_or_default();
        }
        Ok(counts)
    }

    /// The rows about each of these subjects.
    async fn subjects(&mut self, table: &str, subjects: &[&str]) -> Result<Found, sqlx::Error> {
        let mut found = Found::new();
        let Some(live) = self.live(table) else {
            return Ok(found);
        };
        let (mut plain, strange): (Vec<&str>, Vec<&str>) = subjects.iter().partition(|s| is_plain(s));
        // Two of the same letters are not asked together: which of them a row is equal to is the server's to say.
        while !plain.is_empty() {
            let mut asked = HashSet::new();
            let (now, later): (Vec<&str>, Vec<&str>) =
                plain.into_iter().partition(|s| asked.insert(letters(s)));
            for subjects in now.chunks(AT_ONCE) {
                found.extend(self.plainly(live, subjects).await?);
            }
            plain = later;
        }
        for subjects in strange.chunks(AT_ONCE) {
            found.extend(self.exactly(live, subjects).await?);
        }
        Ok(found)
    }

    /// The rows about subjects of printable ASCII, no two of the same letters.
    async fn plainly(&mut self, live: Live<'a>, subjects: &[&str]) -> Result<Found, sqlx::Error> {
        let equal = |sql: &mut QueryBuilder<MySql>| push_equal(sql, live.resource, subjects);
        let rows = self.select(live, equal).await?;
        let by_letters: HashMap<String, &str> = subjects.iter().map(|s| (letters(s), *s)).collect();
        let mut found = Found::new();
        for row in rows {
            let stored = row.text(live.resource.subject);
            let subject = by_letters.get(&letters(stored)).filter(|_| is_plain(stored));
            let Some(subject) = subject else {
                return self.exactly(live, subjects).await;
            };
            found.entry((*subject).to_owned()).or_default().push(row);
        }
        Ok(found)
    }

    /// The rows about these subjects, as the server says for each.
    async fn exactly(&mut self, live: Live<'a>, subjects: &[&str]) -> Result<Found, sqlx::Error> {
        let found = self.try_exactly(live, subjects).await;
        if !found
            .as_ref()
            .is_err_and(|error| number(error) == Some(ILLEGAL_MIX))
        {
            return found;
        }
        let mut each = Found::new();
        for subject in subjects {
            match self.try_exactly(live, &[subject]).await {
                // Postfix is answered an error, and no row.
                Err(error) if number(&error) == Some(ILLEGAL_MIX) => {}
                found => each.extend(found?),
            }
        }
        Ok(each)
    }

    async fn try_exactly(&mut self, live: Live<'a>, subjects: &[&str]) -> Result<Found, sqlx::Error> {
        let (select, columns) = self.columns(live);
        let column = ident(live.resource.subject);
        let mut sql = QueryBuilder::new(format!("SELECT {select}, CONCAT("));
        for (i, subject) in padded(subjects).into_iter().enumerate() {
            sql.push(if i > 0 { ", " } else { "" });
            sql.push(format!("{column} = "));
            sql.push_bind(subject.to_owned());
        }
        sql.push(format!(") FROM {} WHERE ", ident(live.resource.table)));
        push_equal(&mut sql, live.resource, subjects);
        self.finish(&mut sql, live);
        let mut found = Found::new();
        for row in sql.build().fetch_all(&mut *self.connection).await? {
            let equal = text(&row, columns.len() + 1)?;
            let row = read_row(&columns, &row)?;
            for (subject, _) in subjects.iter().zip(equal.bytes()).filter(|(_, is)| *is == b'1') {
                found.entry((*subject).to_owned()).or_default().push(row.clone());
            }
        }
        Ok(found)
    }

    /// The rules about clients whose network has an address: the comparison of the shipped `mysql_client_access.cf`.
    async fn network(&mut self, address: IpAddr) -> Result<Vec<Row>, sqlx::Error> {
        let needed = ["kind", "cidr_lo", "cidr_hi"];
        let live = self.live("access_rules");
        let Some(live) = live.filter(|live| needed.iter().all(|column| live.table.has(column))) else {
            return Ok(Vec::new());
        };
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let condition = |sql: &mut QueryBuilder<MySql>| {
            sql.push("kind = 'client' AND cidr_lo IS NOT NULL AND LENGTH(cidr_lo) = ");
            sql.push_bind(i64::try_from(bytes.len()).unwrap_or_default());
            sql.push(" AND ");
            sql.push_bind(bytes);
            sql.push(" BETWEEN cidr_lo AND cidr_hi");
        };
        self.select(live, condition).await
    }

    /// The mailboxes in each of these directories, written as the shipped `mysql_mailbox.cf` reads them.
    async fn directories(&mut self, directories: &[&str]) -> Result<Found, sqlx::Error> {
        let mut found = Found::new();
        let live = self.live("users").filter(|live| live.table.has("maildir"));
        let Some(live) = live else {
            return Ok(found);
        };
        for wanted in directories.chunks(AT_ONCE) {
            let condition = |sql: &mut QueryBuilder<MySql>| {
                sql.push(format!(" AND {DIRECTORY} IN ("));
                push_list(sql, &padded(wanted));
                sql.push(")");
            };
            // The server compares leniently, the file system does not.
            let wanted: HashSet<&str> = wanted.iter().copied().collect();
            let take = |row: &Row| {
                let directory = directory_named(row.text("maildir"));
                if wanted.contains(directory.as_str()) {
                    add(&mut found, &directory, row, MOST_DELIVERING);
                }
            };
            self.each(live, condition, take).await?;
        }
        Ok(found)
    }

    /// The directories that two mailboxes have or more.
    pub async fn shared_directories(&mut self) -> Result<HashSet<String>, sqlx::Error> {
        let live = self.live("users").filter(|live| live.table.has("maildir"));
        let Some(live) = live else {
            return Ok(HashSet::new());
        };
        let mut sql = QueryBuilder::new(format!(
            "SELECT CONVERT({DIRECTORY} USING utf8mb4) COLLATE utf8mb4_bin AS shared FROM users WHERE TRUE"
        ));
        push_granted(&mut sql, self.scope, live.table, live.resource);
        sql.push(" GROUP BY shared HAVING COUNT(*) > 1");
        let shared = sql.build().fetch_all(&mut *self.connection).await?;
        shared
            .iter()
            .map(|row| Ok(text(row, 0)?.trim_end_matches(' ').to_owned()))
            .collect()
    }

    /// The rows of a table about each of these domains, at most [`MOST_IN_DOMAIN`] of each.
    async fn in_domains(&mut self, table: &str, domains: &[&str]) -> Result<Found, sqlx::Error> {
        let mut found = Found::new();
        let Some(live) = self.live(table) else {
            return Ok(found);
        };
        let subject = live.resource.subject;
        let domain = domain_expression(live.table, subject, subject);
        for domains in domains.chunks(AT_ONCE) {
            let mut wanted: HashMap<String, Vec<&str>> = HashMap::new();
            for domain in domains {
                wanted.entry(folded(domain)).or_default().push(domain);
            }
            let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
            let condition = |sql: &mut QueryBuilder<MySql>| {
                sql.push(" AND ");
                push_domains(sql, &domain, &padded(&names));
            };
            let take = |row: &Row| {
                let own = folded(&domain_of(row.text(subject)));
                for asked in wanted.get(&own).into_iter().flatten() {
                    add(&mut found, asked, row, MOST_IN_DOMAIN);
                }
            };
            self.each(live, condition, take).await?;
        }
        Ok(found)
    }

    /// The aliases with a destination that comes to each of these values by `of`. There is no index to use: few are looked
    /// for by the server, for many the lists are read once, in the order of their keys.
    async fn delivering(
        &mut self,
        addresses: &[&str],
        of: impl Fn(&str) -> String,
    ) -> Result<Found, sqlx::Error> {
        let mut found = Found::new();
        let live = self.live("aliases").filter(|live| live.table.has("destination"));
        let Some(live) = live.filter(|_| !addresses.is_empty()) else {
            return Ok(found);
        };
        let mut wanted: HashMap<String, Vec<&str>> = HashMap::new();
        for address in addresses {
            wanted.entry(folded(address)).or_default().push(address);
        }
        let few: Vec<&String> = wanted.keys().take(FEW + 1).collect();
        let mentions = |sql: &mut QueryBuilder<MySql>| {
            if few.len() <= FEW {
                let mut between = " AND (";
                for address in &few {
                    sql.push(format!("{between}{} LIKE ", searchable("destination")));
                    sql.push_bind(fragment(address));
                    sql.push(" ESCAPE '!'");
                    between = " OR ";
                }
                sql.push(")");
            }
        };
        let take = |row: &Row| {
            let items: BTreeSet<String> = items_of(row.text("destination"))
                .iter()
                .map(|item| of(item))
                .collect();
            for address in items.iter().filter_map(|item| wanted.get(item)).flatten() {
                add(&mut found, address, row, MOST_DELIVERING);
            }
        };
        self.each(live, mentions, take).await?;
        Ok(found)
    }

    /// Reads every row that meets a condition (which begins with ` AND `), in the order of the keys and so many at a time that
    /// memory does not depend on how many there are.
    async fn each(
        &mut self,
        live: Live<'a>,
        condition: impl Fn(&mut QueryBuilder<MySql>),
        mut take: impl FnMut(&Row),
    ) -> Result<(), sqlx::Error> {
        let mut after: Option<String> = None;
        loop {
            let rows = self.page(live, after.as_deref(), PAGE, &condition).await?;
            rows.iter().for_each(&mut take);
            match rows.last().filter(|_| rows.len() == PAGE) {
                Some(last) => after = Some(last.key.clone()),
                None => return Ok(()),
            }
        }
    }

    /// At most `most` rows after a key, in the order of the keys, that meet a condition (which begins with ` AND `). A table
    /// whose keys are not unique comes whole.
    pub async fn page(
        &mut self,
        live: Live<'a>,
        after: Option<&str>,
        most: usize,
        condition: impl FnOnce(&mut QueryBuilder<MySql>),
    ) -> Result<Vec<Row>, sqlx::Error> {
        let (select, columns) = self.columns(live);
        let (resource, table) = (live.resource, live.table);
        let mut sql = QueryBuilder::new(format!(
            "SELECT {select} FROM {} WHERE TRUE",
            ident(resource.table)
        ));
        condition(&mut sql);
        if let Some(after) = after {
            sql.push(format!(" AND {} > ", ident(resource.key)));
            push_key(&mut sql, table, resource, after);
        }
        self.finish(&mut sql, live);
        if table.is_keyed(resource) {
            sql.push(format!(" LIMIT {most}"));
        }
        let found = sql.build().fetch_all(&mut *self.connection).await?;
        found.iter().map(|row| read_row(&columns, row)).collect()
    }

    /// How many rows meet a condition (which begins with ` AND `).
    pub async fn size(
        &mut self,
        live: Live<'a>,
        condition: impl FnOnce(&mut QueryBuilder<MySql>),
    ) -> Result<u64, sqlx::Error> {
        let table = ident(live.resource.table);
        let mut sql = QueryBuilder::new(format!("SELECT COUNT(*) FROM {table} WHERE TRUE"));
        condition(&mut sql);
        push_granted(&mut sql, self.scope, live.table, live.resource);
        let size: i64 = sql.build_query_scalar().fetch_one(&mut *self.connection).await?;
        Ok(size.unsigned_abs())
    }

    /// The highest number in a table's key, where that is one and there are rows.
    pub async fn highest_key(&mut self, live: Live<'a>) -> Result<Option<u64>, sqlx::Error> {
        let key = live.table.column(live.resource.key);
        if !key.is_some_and(super::schema::Column::is_integer) {
            return Ok(None);
        }
        let (key, table) = (ident(live.resource.key), ident(live.resource.table));
        let mut sql = QueryBuilder::new(format!("SELECT CAST(MAX({key}) AS UNSIGNED) FROM {table}"));
        sql.build_query_scalar().fetch_one(&mut *self.connection).await
    }

    /// The rows that meet a condition, in the order of their keys.
    async fn select(
        &mut self,
        live: Live<'a>,
        condition: impl FnOnce(&mut QueryBuilder<MySql>),
    ) -> Result<Vec<Row>, sqlx::Error> {
        let (select, columns) = self.columns(live);
        let mut sql = QueryBuilder::new(format!(
            "SELECT {select} FROM {} WHERE ",
            ident(live.resource.table)
        ));
        condition(&mut sql);
        self.finish(&mut sql, live);
        let found = sql.build().fetch_all(&mut *self.connection).await?;
        found.iter().map(|row| read_row(&columns, row)).collect()
    }

    /// The select list of a table's rows, and the names of their columns.
    fn columns(&self, live: Live<'a>) -> (String, Vec<&'static str>) {
        let further = match live.resource.table {
            "users" if self.passwords => PASSWORDS,
            "access_rules" => BOUNDS,
            _ => &[],
        };
        row_columns_and(live.resource, live.table, further)
    }

    /// Restricts to the rows that the scope covers, and puts them in order.
    fn finish(&self, sql: &mut QueryBuilder<MySql>, live: Live<'a>) {
        push_granted(sql, self.scope, live.table, live.resource);
        sql.push(format!(" ORDER BY {}", ident(live.resource.key)));
    }
}

/// The condition that the subject is equal to one of these.
fn push_equal(sql: &mut QueryBuilder<MySql>, resource: &Resource, subjects: &[&str]) {
    sql.push(format!("{} IN (", ident(resource.subject)));
    push_list(sql, &padded(subjects));
    sql.push(")");
}

/// The values with the last repeated, to one of a few lengths: each length is a statement the server has to prepare.
fn padded<'v>(values: &[&'v str]) -> Vec<&'v str> {
    let mut padded = values.to_vec();
    if let Some(last) = values.last() {
        padded.resize(values.len().next_power_of_two(), last);
    }
    padded
}

/// Whether a value is of printable ASCII alone, in which the common collations differ in case and spaces at the end only.
pub(super) fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// What two plain values have in common that some collation takes for equal.
pub(super) fn letters(value: &str) -> String {
    value.trim_end_matches(' ').to_ascii_lowercase()
}

/// Adds a row to those of a question, of which there are so many at most.
fn add(found: &mut Found, asked: &str, row: &Row, most: usize) {
    let rows = found.entry(asked.to_owned()).or_default();
    if rows.len() < most {
        rows.push(row.clone());
    }
}

fn answered(
    found: Found,
    question: impl Fn(String) -> Question,
) -> impl Iterator<Item = (Question, Vec<Row>)> {
    found
        .into_iter()
        .map(move |(asked, rows)| (question(asked), rows))
}
