//! Findings as the page shows them.

use std::collections::BTreeMap;

use super::report::{Found, Report};
use super::{SEVERITIES, Wanted, act};
use crate::error::{Error, Result};
use crate::lint::{self, Mend, Severity, Told};
use crate::mail::domain_of;
use crate::resource::Resource;
use crate::resource::overrides::IN_DOMAINS;
use crate::store::Silence;
use crate::web::request::Visitor;

use crate::web::text;
use crate::web::urls::Urls;

/// Findings shown of each rule among others.
const FEW: usize = 10;

/// Findings of one rule on a page of its own.
const MANY: usize = 100;

/// One value of a filter, with how many findings it leaves.
#[derive(Debug)]
pub struct Choice {
    /// The value.
    pub value: String,
    /// What it is called, with the number.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// The findings of one rule.
#[derive(Debug)]
pub struct Group {
    /// `PW137`
    pub rule: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What Postfix does.
    pub postfix: &'static str,
    /// How many there are.
    pub count: String,
    /// Those that are shown.
    pub lines: Vec<Line>,
    /// Where more of them are: label and address.
    pub more: Option<(String, String)>,
    /// Where those before are.
    pub before: Option<String>,
    /// Why not all of them can be shown.
    pub kept: Option<String>,
}

/// One finding.
#[derive(Debug)]
pub struct Line {
    /// The finding.
    pub told: Told,
    /// The row it is about.
    pub subject: String,
    /// Its page.
    pub page: String,
    /// What one click would do to mend it, where the visitor may.
    pub mend: Option<&'static str>,
    /// What the visitor sees of it, to be compared when they act on it.
    pub seen: String,
    /// Whether the visitor may silence it.
    pub can_silence: bool,
}

/// A finding that is told no more.
#[derive(Debug)]
pub struct Silenced {
    /// What is silenced, and by whom.
    pub silence: Silence,
    /// What the rule finds.
    pub title: &'static str,
    /// The row it is about.
    pub subject: String,
    /// Its page.
    pub page: String,
    /// When, UTC.
    pub at: String,
    /// Whether the visitor may have it told again.
    pub can_tell: bool,
}

/// The page of what a finding is about: a row, an override by its address, or else the list of its table.
fn page_of(urls: &Urls, table: &str, key: &str, subject: &str) -> String {
    if matches!(table, "domains" | "backups") && subject.contains('@') {
        return urls.row(IN_DOMAINS.slug, subject.trim_end());
    }
    match Resource::by_table(table) {
        Some(resource) if key.is_empty() => urls.page(&format!("/{}", resource.slug)),
        Some(resource) => urls.row(resource.slug, key),
        None => urls.page("/check"),
    }
}

/// What a finding is about, for people.
fn subject_of(table: &str, subject: &str) -> String {
    if subject.is_empty() {
        format!("table {table}")
    } else {
        text::plain(subject)
    }
}

/// How many findings there are in all.
pub fn total(report: &Report) -> String {
    findings(report.found().map(|(_, _, found)| found.count).sum())
}

fn findings(count: u64) -> String {
    match count {
        1 => "1 finding".to_owned(),
        many => format!("{} findings", text::number(many)),
    }
}

/// The severities there may be.
pub fn severities(report: Option<&Report>, wanted: &Wanted) -> Vec<Choice> {
    let count = |severity: Severity| -> u64 {
        let found = report.into_iter().flat_map(Report::found);
        found
            .filter(|(s, ..)| *s == severity)
            .map(|(.., found)| found.count)
            .sum()
    };
    let choice = |severity: Severity| {
        let noun = match severity {
            Severity::Error => "Errors",
            Severity::Warning => "Warnings",
            Severity::Notice => "Notices",
        };
        Choice {
            value: severity.to_string(),
            label: format!("{noun} ({})", text::number(count(severity))),
            chosen: wanted.severity == severity.to_string(),
        }
    };
    SEVERITIES.map(choice).into()
}

/// The tables in which something was found. Of a rule that found more than is kept, those that are kept are counted.
pub fn tables(report: Option<&Report>, wanted: &Wanted) -> Vec<Choice> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for told in report
        .into_iter()
        .flat_map(Report::found)
        .flat_map(|(.., found)| &found.told)
    {
        *counts.entry(told.table).or_default() += 1;
    }
    let tables = Resource::tables().filter(|r| counts.contains_key(r.table) || wanted.table == r.table);
    let choice = |resource: &Resource| Choice {
        value: resource.table.to_owned(),
        label: format!(
            "{} ({})",
            resource.words.title,
            text::number(counts.get(resource.table).copied().unwrap_or_default())
        ),
        chosen: wanted.table == resource.table,
    };
    tables.map(choice).collect()
}

/// The rules that found something.
pub fn rules(report: Option<&Report>, wanted: &Wanted) -> Vec<Choice> {
    let choice = |(_, rule, found): (Severity, &'static str, &Found)| Choice {
        value: rule.to_owned(),
        label: format!("{} ({})", title(rule), text::number(found.count)),
        chosen: wanted.rule == rule,
    };
    report.into_iter().flat_map(Report::found).map(choice).collect()
}

fn title(rule: &str) -> &'static str {
    lint::rule(rule).map_or("Another finding", |rule| rule.title)
}

/// The findings that are wanted, a group for each rule.
pub fn groups(visitor: &Visitor, report: &Report, wanted: &Wanted) -> Vec<Group> {
    let of_rule = |severity: Severity, rule: &str| {
        (wanted.severity.is_empty() || wanted.severity == severity.to_string())
            && (wanted.rule.is_empty() || wanted.rule == rule)
    };
    report
        .found()
        .filter(|(severity, rule, _)| of_rule(*severity, rule))
        .filter_map(|(severity, rule, found)| group(visitor, wanted, severity, rule, found))
        .collect()
}

fn group(
    visitor: &Visitor,
    wanted: &Wanted,
    severity: Severity,
    rule: &'static str,
    found: &Found,
) -> Option<Group> {
    let domain = wanted.domain.trim().to_lowercase();
    let told: Vec<&Told> = found
        .told
        .iter()
        .filter(|told| wanted.table.is_empty() || wanted.table == told.table)
        .filter(|told| domain.is_empty() || domain_of(&told.subject) == domain)
        .collect();
    if told.is_empty() {
        return None;
    }
    let cut = found.count > found.told.len() as u64;
    let narrowed = told.len() < found.told.len();
    let count = if narrowed { told.len() as u64 } else { found.count };
    let at_least = if cut && narrowed { "at least " } else { "" };
    let alone = !wanted.rule.is_empty();
    let per = if alone { MANY } else { FEW };
    let number = wanted.page.parse::<usize>().unwrap_or(1).max(1);
    let first = if alone {
        (number - 1).saturating_mul(MANY).min(told.len())
    } else {
        0
    };
    let lines: Vec<Line> = told
        .iter()
        .skip(first)
        .take(per)
        .map(|told| line(visitor, told))
        .collect();
    let left = told.len() - first - lines.len();
    let address = |page: usize| {
        let page = if page > 1 { page.to_string() } else { String::new() };
        wanted.address(visitor, &[("rule", rule), ("page", &page)])
    };
    Some(Group {
        rule,
        severity,
        title: title(rule),
        postfix: lint::rule(rule).map_or("", |rule| rule.postfix),
        count: format!("{at_least}{}", findings(count)),
        lines,
        more: (left > 0).then(|| {
            if alone {
                ("Next".to_owned(), address(number + 1))
            } else {
                (format!("All {}", findings(count)), address(1))
            }
        }),
        before: (alone && number > 1).then(|| address(number - 1)),
        kept: (alone && cut && left == 0).then(|| {
            format!(
                "The first {} are kept. Mend some and check again to see others.",
                text::number(found.told.len() as u64)
            )
        }),
    })
}

fn line(visitor: &Visitor, told: &Told) -> Line {
    let mend = told
        .mend
        .as_ref()
        .filter(|mend| act::may_mend(visitor, told, mend));
    Line {
        subject: subject_of(told.table, &told.subject),
        page: page_of(&visitor.app.urls, told.table, &told.key, &told.subject),
        mend: mend.map(|mend| match mend {
            Mend::Set(_) => "Fix",
            Mend::SwitchOff => "Switch off",
            Mend::Add(..) => "Add the row",
        }),
        seen: act::seen(told),
        can_silence: act::may_silence(visitor, told.table, &told.subject),
        told: told.clone(),
    }
}

/// The findings that are silenced, of those that are wanted.
pub async fn silenced(visitor: &Visitor, silences: Vec<Silence>, wanted: &Wanted) -> Result<Vec<Silenced>> {
    let domain = wanted.domain.trim().to_lowercase();
    let is_wanted = |silence: &Silence| {
        let severity = lint::rule(&silence.rule).map(|rule| rule.severity.to_string());
        (wanted.rule.is_empty() || wanted.rule == silence.rule)
            && (wanted.table.is_empty() || wanted.table == silence.table)
            && (wanted.severity.is_empty() || severity.is_some_and(|severity| severity == wanted.severity))
    };
    let mut shown = Vec::new();
    for silence in silences.into_iter().filter(is_wanted).take(MANY) {
        let subject = match act::row_of(visitor, &silence.table, &silence.key).await {
            Ok((resource, stored)) => stored.row.text(resource.subject).to_owned(),
            Err(Error::NotFound) => String::new(),
            Err(error) => return Err(error),
        };
        if !domain.is_empty() && domain_of(&subject) != domain {
            continue;
        }
        let gone = subject.is_empty() && !silence.key.is_empty();
        shown.push(Silenced {
            title: title(&silence.rule),
            page: page_of(&visitor.app.urls, &silence.table, &silence.key, &subject),
            at: text::moment(silence.at),
            can_tell: act::may_silence(visitor, &silence.table, &subject),
            subject: if gone {
                format!("{} {}, which is gone", silence.table, text::plain(&silence.key))
            } else {
                subject_of(&silence.table, &subject)
            },
            silence,
        });
    }
    Ok(shown)
}
