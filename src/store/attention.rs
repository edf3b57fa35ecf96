//! What an operator should look at first: mistakes that whole tables can be asked for with one statement each. The rows
//! of a list say by themselves what is wrong with each.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;

use super::connect::classify;
use super::neighbours::text;
use super::reports::REPORTED;
use super::schema::Schema;
use super::sql::{ident, push_scope};
use super::{Override, Store};
use crate::access::Actor;
use crate::error::Result;
use crate::lint::{self, Severity};
use crate::resource::{Resource, backups, domains, users};

/// Rows named; the rest are counted.
const NAMED: u32 = 3;

/// Something to look at.
#[derive(Debug)]
pub struct Finding {
    /// What [`super::ListQuery::needs`] is to be for a list of these rows alone; empty where there is none.
    pub name: &'static str,
    /// The table.
    pub resource: &'static Resource,
    /// How many rows.
    pub count: u64,
    /// What is the matter, after the number: `mailboxes still have …`.
    pub message: &'static str,
    /// How bad the linter's rule about the same is.
    pub severity: Severity,
    /// The first few: key and subject.
    pub examples: Vec<(String, String)>,
}

/// One question about a table: a condition on its rows.
pub(super) struct Question {
    /// Its name in the address of the list that has these rows alone.
    pub name: &'static str,
    pub resource: &'static Resource,
    /// Columns and tables it needs.
    pub needs: &'static [(&'static str, &'static str)],
    /// Of rows called `r`, whose domain is `{domain}`.
    pub condition: &'static str,
    pub message: &'static str,
    /// The linter's rule about the same, which says how bad it is; empty where the question is of a report alone.
    pub rule: &'static str,
}

/// The rules of docs/postfix.md that one statement finds.
const QUESTIONS: &[Question] = &[
    Question {
        name: "stops-mail",
        resource: &backups::RESOURCE,
        needs: &[("backups", "transport")],
        condition: "r.enabled = 1 AND TRIM(r.transport) IN (':[]', 'smtp:[]', 'relay:[]')",
        message: "with a transport that stops all outgoing mail for a minute after each message",
        rule: "PW122",
    },
    Question {
        name: "howto-password",
        resource: &users::RESOURCE,
        needs: &[("users", "crypt")],
        condition: "r.enabled = 1 AND r.crypt = 'sdtrusfX0Jj66'",
        message: "with the password ChangeMe, which the howto gives every row",
        rule: "PW154",
    },
    Question {
        name: "shared-directory",
        resource: &users::RESOURCE,
        needs: &[("users", "maildir")],
        condition: "r.enabled = 1 AND TRIM(BOTH '/' FROM TRIM(r.maildir)) IN (SELECT shared FROM (SELECT \
                    TRIM(BOTH '/' FROM TRIM(maildir)) AS shared FROM users GROUP BY shared HAVING COUNT(*) > 1) AS twice)",
        message: "in a directory that another mailbox has too: each reads the other's mail",
        rule: "PW153",
    },
    Question {
        name: "under-catch-all",
        resource: &users::RESOURCE,
        needs: &[("aliases", "mail"), ("aliases", "enabled")],
        condition: "r.enabled = 1 AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.mail = r.id AND a.enabled = 1) AND EXISTS \
                    (SELECT 1 FROM aliases c WHERE c.mail = CONCAT('@', {domain}) AND c.enabled = 1)",
        message: "without a self alias, so that the catch-all of the domain takes their mail",
        rule: "PW139",
    },
    Question {
        name: "no-domain",
        resource: &users::RESOURCE,
        needs: &[
            ("domains", "domain"),
            ("domains", "enabled"),
            ("backups", "domain"),
            ("backups", "enabled"),
        ],
        condition: "r.enabled = 1 AND {domain} NOT IN (SELECT domain FROM domains WHERE domain IS NOT NULL) AND {domain} NOT \
                    IN (SELECT domain FROM backups WHERE domain IS NOT NULL)",
        message: "in a domain this server does not know: nothing reaches them",
        rule: "PW149",
    },
    Question {
        name: "domain-off",
        resource: &users::RESOURCE,
        needs: &[
            ("domains", "domain"),
            ("domains", "enabled"),
            ("backups", "domain"),
            ("backups", "enabled"),
        ],
        condition: "r.enabled = 1 AND {domain} NOT IN (SELECT domain FROM domains WHERE enabled = 1 AND domain IS NOT NULL) AND \
                    {domain} NOT IN (SELECT domain FROM backups WHERE enabled = 1 AND domain IS NOT NULL) AND ({domain} IN \
                    (SELECT domain FROM domains WHERE domain IS NOT NULL) OR {domain} IN (SELECT domain FROM backups WHERE \
                    domain IS NOT NULL))",
        message: "in a domain that is disabled: nothing reaches them",
        rule: "PW224",
    },
    Question {
        name: "also-backup",
        resource: &domains::RESOURCE,
        needs: &[("backups", "domain"), ("backups", "enabled")],
        condition: "r.enabled = 1 AND r.domain IN (SELECT domain FROM backups WHERE enabled = 1)",
        message: "that are backup MX entries too: Postfix delivers here and ignores their relay recipients",
        rule: "PW112",
    },
    Question {
        name: "no-recipients",
        resource: &backups::RESOURCE,
        needs: &[("relays", "recipient"), ("relays", "enabled")],
        condition: "r.enabled = 1 AND r.domain NOT LIKE '%@%' AND r.domain NOT IN (SELECT SUBSTRING_INDEX(recipient, '@', -1) \
                    FROM relays WHERE enabled = 1)",
        message: "without a relay recipient: every address of them is refused",
        rule: "PW123",
    },
    Question {
        name: "required",
        resource: &domains::RESOURCE,
        needs: &[("aliases", "mail"), ("aliases", "enabled")],
        condition: "r.enabled = 1 AND r.domain NOT LIKE '%@%' AND NOT EXISTS (SELECT 1 FROM aliases c WHERE c.mail = \
                    CONCAT('@', r.domain) AND c.enabled = 1) AND (NOT EXISTS (SELECT 1 FROM aliases p WHERE p.mail = \
                    CONCAT('postmaster@', r.domain) AND p.enabled = 1) OR NOT EXISTS (SELECT 1 FROM aliases a WHERE \
                    a.mail = CONCAT('abuse@', r.domain) AND a.enabled = 1))",
        message: "without postmaster@ or abuse@, which are required (RFC 2142)",
        rule: "PW121",
    },
];

impl Question {
    /// The condition on rows called `r`; `None` where a table or column it needs is missing, or text of one collation would
    /// have to be compared with text of another.
    fn condition(&self, schema: &Schema) -> Option<String> {
        let resource = self.resource;
        if !self.is_comparable(schema) {
            return None;
        }
        let live = |table: &str, column: &str| schema.table(table).is_some_and(|t| t.has(column));
        let usable = schema.table(resource.table)?.lacks(resource).is_none();
        if !usable || !live(resource.table, "enabled") || !self.needs.iter().all(|(t, c)| live(t, c)) {
            return None;
        }
        let domain = format!("SUBSTRING_INDEX(r.{}, '@', -1)", ident(resource.subject));
        Some(self.condition.replace("{domain}", &domain))
    }

    /// Whether the server compares the columns: it refuses two of one character set and different collations.
    fn is_comparable(&self, schema: &Schema) -> bool {
        let own = std::iter::once((self.resource.table, self.resource.subject));
        let mut used: BTreeMap<&str, &str> = BTreeMap::new();
        own.chain(self.needs.iter().copied())
            .filter_map(|(table, column)| schema.table(table)?.column(column)?.collation.as_deref())
            .all(|collation| {
                let charset = collation.split('_').next().unwrap_or_default();
                *used.entry(charset).or_insert(collation) == collation
            })
    }
}

/// The condition of the rows, called `r`, that a list is narrowed to by [`super::ListQuery::needs`]; `None` where nothing can be
/// asked by that name.
pub(super) fn condition(schema: &Schema, resource: &Resource, name: &str) -> Option<String> {
    question(resource, name)?.condition(schema)
}

/// What is the matter with the rows that a list is narrowed to, after `Only those`.
pub fn matter(resource: &Resource, name: &str) -> Option<&'static str> {
    Some(question(resource, name)?.message)
}

fn question(resource: &Resource, name: &str) -> Option<&'static Question> {
    QUESTIONS
        .iter()
        .chain(REPORTED)
        .find(|q| q.name == name && q.resource.slug == resource.slug)
}

/// How bad the linter says it is.
fn severity(rule: &str) -> Severity {
    lint::rule(rule).map_or(Severity::Notice, |rule| rule.severity)
}

impl Store {
    /// What the actor should look at first, also of the overrides; questions about tables or columns that are missing are
    /// left out. The worst first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn attention(&self, actor: &Actor, overrides: &[Override]) -> Result<Vec<Finding>> {
        let schema = self.schema().await?;
        let mut findings = Vec::new();
        for question in QUESTIONS {
            if let Some(finding) = self.ask(&schema, actor, question).await? {
                findings.push(finding);
            }
        }
        // The same address in both tables, or twice in one.
        let twice: Vec<_> = overrides.iter().filter(|o| o.rows.len() > 1).collect();
        if !twice.is_empty() {
            findings.push(Finding {
                name: "",
                resource: &crate::resource::overrides::IN_DOMAINS,
                count: twice.len() as u64,
                message: "stored in several rows: Postfix takes whichever its map finds first",
                severity: severity("PW206"),
                examples: twice
                    .iter()
                    .take(NAMED as usize)
                    .map(|o| (o.address.clone(), o.address.clone()))
                    .collect(),
            });
        }
        findings.sort_by_key(|finding| finding.severity);
        Ok(findings)
    }

    async fn ask(&self, schema: &Schema, actor: &Actor, question: &Question) -> Result<Option<Finding>> {
        let resource = question.resource;
        let Some((table, condition)) = schema.table(resource.table).zip(question.condition(schema)) else {
            return Ok(None);
        };
        let build = |select: &str, rest: &str| {
            let mut sql = QueryBuilder::new(format!(
                "SELECT {select} FROM {} r WHERE {condition}",
                ident(resource.table)
            ));
            push_scope(&mut sql, &actor.scope, table, resource);
            sql.push(rest);
            sql
        };
        let count: i64 = build("COUNT(*)", "")
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await
            .map_err(classify)?;
        if count == 0 {
            return Ok(None);
        }
        let names = format!(
            "CAST(r.{} AS CHAR), CAST(r.{} AS CHAR)",
            ident(resource.key),
            ident(resource.subject)
        );
        let rest = format!(" ORDER BY r.{} LIMIT {NAMED}", ident(resource.subject));
        let rows = build(&names, &rest)
            .build()
            .fetch_all(&self.pool)
            .await
            .map_err(classify)?;
        let examples = rows
            .iter()
            .map(|row| Ok((text(row, 0)?, text(row, 1)?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(classify)?;
        Ok(Some(Finding {
            name: question.name,
            resource,
            count: count.unsigned_abs(),
            message: question.message,
            severity: severity(question.rule),
            examples,
        }))
    }
}
