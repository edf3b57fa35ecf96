//! The linter over the tables as they are now: every row, a page at a time, or the rows of one list.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::{MySql, QueryBuilder};

use super::answers::{Live, is_plain};
use super::list::Failure;
use super::route::expect_judged;
use super::silences::Silenced;
use super::sql::{domain_expression, push_domains};
use super::whole::compares_letters;
use super::{Known, Row, Store};
use crate::access::{Actor, Scope};
use crate::dns::Resolver;
use crate::error::{Error, Result};
use crate::lint::{Case, ColumnFacts, Severity, TableFacts, Told, judge, judge_schema, judge_with_dns};
use crate::mail::{DomainName, directory_named};
use crate::resource::Resource;
use crate::route::{Lookups, Question};

/// Rows of a list that are judged in any case, and how long it waits for the others.
const BADGES: (usize, Duration) = (10, Duration::from_secs(1));

/// Rows judged together.
const PAGE: usize = 1_000;

/// What comes out of a check while it runs.
#[derive(Debug)]
pub enum News {
    /// Something was found.
    Finding(Told),
    /// So many rows are done.
    Progress {
        /// Rows judged so far.
        done: u64,
        /// Rows there were when the check began.
        of: u64,
    },
}

/// What came out of a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Rows judged.
    pub rows: u64,
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are notices.
    pub notices: u64,
    /// Findings left out because somebody decided to live with them.
    pub silenced: u64,
}

impl Checked {
    fn count(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Notice => self.notices += 1,
        }
    }
}

impl Store {
    /// Judges every row the actor may see, of one domain where one is given, and tells what is found as it is found: by table,
    /// in the order of the keys. However many rows there are, no more than a page of them and the small tables are in memory.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the domain is not the actor's; the database does not answer.
    pub async fn check(
        &self,
        actor: &Actor,
        domain: Option<&DomainName>,
        tell: impl FnMut(News),
    ) -> Result<Checked> {
        self.check_with_dns(actor, domain, None, tell).await
    }

    /// The same, by the rules that need DNS too where it may be asked.
    ///
    /// # Errors
    /// As [`Store::check`].
    pub async fn check_with_dns(
        &self,
        actor: &Actor,
        domain: Option<&DomainName>,
        dns: Option<&mut Resolver>,
        tell: impl FnMut(News),
    ) -> Result<Checked> {
        if domain.is_some_and(|domain| !actor.scope.covers(domain.as_str())) {
            return Err(Error::NotFound);
        }
        let mut known = Known::with_passwords();
        known.prepare(&actor.scope, self.schema().await?);
        let mut check = Check {
            store: self,
            actor,
            domain,
            known,
            dns,
            sum: Checked::default(),
            of: 0,
            tell,
        };
        check.of = check.size().await?;
        if actor.scope == Scope::Everything && domain.is_none() {
            check.schema().await?;
        }
        if domain.is_none() {
            self.know_small_tables(actor, &mut check.known).await?;
        }
        for resource in Resource::tables() {
            check.table(resource).await?;
        }
        Ok(check.sum)
    }

    /// What is found in rows of a table, those of one page of a list, say; without what is silenced. A list does not fail for
    /// it: where it takes too long, the last rows are not judged.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn findings_of(&self, actor: &Actor, resource: &Resource, rows: &[Row]) -> Result<Vec<Told>> {
        let mut found = self.all_findings_of(actor, resource, rows).await?;
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        let silenced = self.silenced(actor, resource.table, Some(&keys)).await?;
        found.retain(|told| !silenced.has(told));
        Ok(found)
    }

    /// The same with what is silenced.
    pub(super) async fn all_findings_of(
        &self,
        actor: &Actor,
        resource: &Resource,
        rows: &[Row],
    ) -> Result<Vec<Told>> {
        let whole = Resource::by_table(resource.table).ok_or(Error::MissingTable(resource.table))?;
        let mut known = Known::with_passwords();
        for row in rows {
            expect_judged(&known, whole, row);
        }
        let (judged, _) = self
            .settled_in_time(actor, &mut known, rows, BADGES, |known, row| {
                // A list reads no passwords: the row is judged as it is known here.
                let same = known.about(whole.table, row.text(whole.subject));
                let own = same.iter().find(|own| own.key == row.key).unwrap_or(row);
                judge(&Case::new(whole, own, known, self.rules()))
            })
            .await?;
        Ok(judged.into_iter().flatten().collect())
    }

    /// What is found in the tables themselves, with what is silenced.
    pub(super) async fn schema_findings(&self, actor: &Actor) -> Result<Vec<Told>> {
        let mut known = Known::with_passwords();
        known.prepare(&actor.scope, self.schema().await?);
        let mut facts = self.try_facts(actor, &known).await;
        if self.was_stale(&facts) {
            known.prepare(&actor.scope, self.schema().await?);
            facts = self.try_facts(actor, &known).await;
        }
        Ok(judge_schema(&facts.map_err(Failure::into_error)?))
    }

    async fn try_facts(&self, actor: &Actor, known: &Known) -> Result<Vec<TableFacts>, Failure> {
        let mut reader = self.reader(actor, known).await?;
        let mut facts = Vec::new();
        for resource in Resource::tables() {
            if let Some(live) = reader.live(resource.table) {
                facts.push(facts_of(live, reader.highest_key(live).await?));
            }
        }
        Ok(facts)
    }
}

/// A check that runs.
struct Check<'c, F> {
    store: &'c Store,
    actor: &'c Actor,
    domain: Option<&'c DomainName>,
    known: Known,
    dns: Option<&'c mut Resolver>,
    sum: Checked,
    of: u64,
    tell: F,
}

impl<F: FnMut(News)> Check<'_, F> {
    /// Judges the rows of one table.
    async fn table(&mut self, resource: &'static Resource) -> Result<()> {
        let silenced = self.store.silenced(self.actor, resource.table, None).await?;
        let shared = self.shared_directories(resource).await?;
        let mut after: Option<String> = None;
        loop {
            let rows = self.page(resource, after.as_deref()).await?;
            self.known.forget_rows();
            // A directory that is known to be of one mailbox alone need not be looked for.
            for row in rows.iter().filter(|row| row.has("maildir")) {
                let directory = directory_named(row.text("maildir"));
                if !shared.contains(directory.trim_end_matches(' ')) {
                    let question = Question::Directory(directory);
                    self.known.insert(question, [row.clone()].into());
                }
            }
            self.know_own(resource, &rows).await?;
            self.judge(resource, &rows, &silenced).await?;
            match rows.last().filter(|_| rows.len() == PAGE) {
                Some(last) => after = Some(last.key.clone()),
                None => return Ok(()),
            }
        }
    }

    /// Where no two rows have the same subject, those of a page need not be looked for by it.
    async fn know_own(&mut self, resource: &'static Resource, rows: &[Row]) -> Result<()> {
        let schema = self.store.schema().await?;
        let Some(live) = Live::of(&schema, resource.table) else {
            return Ok(());
        };
        let column = live.table.column(resource.subject);
        let is_key = resource.key == resource.subject && live.table.is_keyed(resource);
        let is_unique = is_key || column.is_some_and(|column| column.unique);
        if !is_unique || !compares_letters(live) || self.known.has_whole(resource.table) {
            return Ok(());
        }
        for row in rows.iter().filter(|row| is_plain(row.text(resource.subject))) {
            let question = Question::Subject(resource.table, row.subject(resource));
            self.known.insert(question, [row.clone()].into());
        }
        Ok(())
    }

    /// Judges the tables themselves, of which owners and checks of one domain are told nothing.
    async fn schema(&mut self) -> Result<()> {
        for told in self.store.schema_findings(self.actor).await? {
            let silenced = self.store.silenced(self.actor, told.table, Some(&[""])).await?;
            self.found(told, &silenced);
        }
        Ok(())
    }

    /// How many rows there are to judge.
    async fn size(&mut self) -> Result<u64> {
        let mut size = self.try_size().await;
        if self.is_stale(&size).await? {
            size = self.try_size().await;
        }
        size.map_err(Failure::into_error)
    }

    async fn try_size(&self) -> Result<u64, Failure> {
        let mut reader = self.store.reader(self.actor, &self.known).await?;
        let mut size = 0;
        for resource in Resource::tables() {
            if let Some(live) = reader.live(resource.table) {
                size += reader
                    .size(live, |sql| push_domain(sql, live, self.domain))
                    .await?;
            }
        }
        Ok(size)
    }

    /// The next page of a table's rows; none where the table is missing.
    async fn page(&mut self, resource: &'static Resource, after: Option<&str>) -> Result<Vec<Row>> {
        let mut page = self.try_page(resource, after).await;
        if self.is_stale(&page).await? {
            page = self.try_page(resource, after).await;
        }
        page.map_err(Failure::into_error)
    }

    async fn try_page(&self, resource: &'static Resource, after: Option<&str>) -> Result<Vec<Row>, Failure> {
        let mut reader = self.store.reader(self.actor, &self.known).await?;
        let Some(live) = reader.live(resource.table) else {
            return Ok(Vec::new());
        };
        let domain = |sql: &mut QueryBuilder<MySql>| push_domain(sql, live, self.domain);
        Ok(reader.page(live, after, PAGE, domain).await?)
    }

    /// The directories that several mailboxes have, where the table is that of mailboxes.
    async fn shared_directories(&mut self, resource: &'static Resource) -> Result<HashSet<String>> {
        if resource.table != "users" {
            return Ok(HashSet::new());
        }
        let mut shared = self.try_shared_directories().await;
        if self.is_stale(&shared).await? {
            shared = self.try_shared_directories().await;
        }
        shared.map_err(Failure::into_error)
    }

    async fn try_shared_directories(&self) -> Result<HashSet<String>, Failure> {
        let mut reader = self.store.reader(self.actor, &self.known).await?;
        Ok(reader.shared_directories().await?)
    }

    /// Whether something failed because a table has changed; it can be tried again then.
    async fn is_stale<T>(&mut self, result: &Result<T, Failure>) -> Result<bool> {
        let stale = self.store.was_stale(result);
        if stale {
            self.known.prepare(&self.actor.scope, self.store.schema().await?);
        }
        Ok(stale)
    }

    async fn judge(&mut self, resource: &'static Resource, rows: &[Row], silenced: &Silenced) -> Result<()> {
        for row in rows {
            expect_judged(&self.known, resource, row);
        }
        let judged = self.judged(resource, rows).await?;
        for told in judged.into_iter().flatten() {
            self.found(told, silenced);
        }
        self.sum.rows += rows.len() as u64;
        (self.tell)(News::Progress {
            done: self.sum.rows,
            of: self.of.max(self.sum.rows),
        });
        Ok(())
    }

    /// What is found in each row. What DNS is asked is looked up for all of them together, and they are judged again.
    async fn judged(&mut self, resource: &'static Resource, rows: &[Row]) -> Result<Vec<Vec<Told>>> {
        let rules = self.store.rules();
        loop {
            let dns = self.dns.as_deref();
            let judged = self
                .store
                .settled_each(self.actor, &mut self.known, rows, |known, row| {
                    let case = Case::new(resource, row, known, rules);
                    // What is asked on tables that are not known yet is taken, and goes with the run that is thrown away.
                    match dns {
                        None => (judge(&case), HashSet::new()),
                        Some(dns) => (judge_with_dns(&case, &dns.dns()), dns.take_asked()),
                    }
                })
                .await?;
            let (told, asked): (Vec<_>, Vec<_>) = judged.into_iter().unzip();
            let asked: HashSet<_> = asked.into_iter().flatten().collect();
            match &mut self.dns {
                Some(dns) if !asked.is_empty() => dns.learn(asked).await,
                _ => return Ok(told),
            }
        }
    }

    fn found(&mut self, told: Told, silenced: &Silenced) {
        if silenced.has(&told) {
            self.sum.silenced += 1;
        } else {
            self.sum.count(told.severity);
            (self.tell)(News::Finding(told));
        }
    }
}

fn facts_of(live: Live<'_>, highest_key: Option<u64>) -> TableFacts {
    let columns = live.table.columns.iter().map(|column| ColumnFacts {
        name: column.name.to_lowercase(),
        data_type: column.data_type.clone(),
        unsigned: column.unsigned,
        capacity: column.capacity,
        default: column.default.clone(),
        unique: column.unique || live.table.is_keyed(live.resource) && column.primary,
        primary: column.primary,
    });
    TableFacts {
        table: live.resource.table,
        columns: columns.collect(),
        highest_key,
        engine: live.table.engine.clone(),
    }
}

/// Restricts to the rows of a domain.
fn push_domain(sql: &mut QueryBuilder<MySql>, live: Live<'_>, domain: Option<&DomainName>) {
    if let Some(domain) = domain {
        let subject = live.resource.subject;
        sql.push(" AND ");
        push_domains(
            sql,
            &domain_expression(live.table, subject, subject),
            &[domain.as_str()],
        );
    }
}
