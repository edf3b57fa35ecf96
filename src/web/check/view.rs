//! Findings as the page shows them.

use std::collections::BTreeMap;

use super::report::{Found, Report};
use super::{About, SEVERITIES, Wanted, act};
use crate::error::{Error, Result};
use crate::lint::{self, Mend, Severity, Told};
use crate::mail::domain_of;
use crate::resource::Resource;
use crate::resource::overrides::IN_DOMAINS;
use crate::store::{Silence, Total};
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
    /// Whether they tried to without saying why.
    pub lacks_reason: bool,
}

/// A finding that is silenced.
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
    /// Whether the visitor may have it shown again.
    pub can_tell: bool,
}

/// The page of what a finding is about: a row, an override by its address, or else the list of its table.
fn page_of(urls: &Urls, table: &str, key: &str, subject: &str) -> String {
    if matches!(table, "domains" | "backups") && subject.find('@').is_some_and(|at| at > 0) {
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

/// Rules about rows that stop the mail of others too, in the order in which they are shown, before all else.
const STOPS_MAIL: [&str; 5] = ["PW122", "PW126", "PW137", "PW145", "PW114"];

/// How many findings are shown, and of how many where that is less: `1 of 5 findings in example.org`.
pub fn total(report: &Report, wanted: &Wanted) -> String {
    let in_domain = Wanted {
        domain: wanted.domain.clone(),
        ..Wanted::default()
    };
    let (shown, all) = (Count::sum(report, wanted), Count::sum(report, &in_domain));
    let of = if shown.number < all.number {
        format!("{} of ", shown.text())
    } else {
        String::new()
    };
    let place = match wanted.domain.trim() {
        "" => "in all".to_owned(),
        domain => format!("in {}", text::plain(domain)),
    };
    format!("{of}{} {place}", all.of_findings())
}

/// `3 errors and 1 warning`
pub fn errors_and_warnings(report: &Report) -> String {
    let [errors, warnings] = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
    ]
    .map(|(severity, one, many)| text::total(Total::Exactly(report.count(severity)), one, many));
    format!("{errors} and {warnings}")
}

/// How many findings there are; of a rule that found more than is kept, at least.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    number: u64,
    is_least: bool,
}

impl Count {
    /// The findings that are wanted.
    fn sum(report: &Report, wanted: &Wanted) -> Self {
        report
            .found()
            .filter(|(severity, rule, _)| wanted.has_rule(*severity, rule))
            .fold(Self::default(), |sum, (_, _, found)| {
                let count = Self::of(found, wanted.of(found).len());
                Self {
                    number: sum.number + count.number,
                    is_least: sum.is_least || count.is_least,
                }
            })
    }

    /// So many of what a rule found and is kept.
    fn of(found: &Found, wanted: usize) -> Self {
        if wanted == found.told.len() {
            return Self {
                number: found.count,
                is_least: false,
            };
        }
        Self {
            number: wanted as u64,
            is_least: found.count > found.told.len() as u64,
        }
    }

    fn text(self) -> String {
        let least = if self.is_least { "at least " } else { "" };
        format!("{least}{}", text::number(self.number))
    }

    fn of_findings(self) -> String {
        let noun = if self.number == 1 { "finding" } else { "findings" };
        format!("{} {noun}", self.text())
    }
}

impl Wanted {
    fn has_rule(&self, severity: Severity, rule: &str) -> bool {
        (self.severity.is_empty() || self.severity == severity.to_string())
            && (self.rule.is_empty() || self.rule == rule)
    }

    /// What is wanted of that which a rule found, as far as it is kept.
    fn of<'f>(&self, found: &'f Found) -> Vec<&'f Told> {
        let domain = self.domain.trim().to_lowercase();
        let told = found.told.iter();
        told.filter(|told| self.table.is_empty() || self.table == told.table)
            .filter(|told| domain.is_empty() || domain_of(&told.subject) == domain)
            .collect()
    }
}

/// The severities there may be.
pub fn severities(report: Option<&Report>, wanted: &Wanted) -> Vec<Choice> {
    let count = |severity| report.map_or(0, |report| report.count(severity));
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
        label: format!(
            "{} ({})",
            heading(rule, found.is_of_table()).0,
            text::number(found.count)
        ),
        chosen: wanted.rule == rule,
    };
    report.into_iter().flat_map(Report::found).map(choice).collect()
}

/// The heading of findings, and what Postfix does.
fn heading(rule: &str, of_table: bool) -> (&'static str, &'static str) {
    lint::heading(rule, of_table).unwrap_or(("Another finding", ""))
}

/// The findings that are wanted, a group for each rule: what stops the mail of others, then errors, warnings and notices.
pub fn groups(visitor: &Visitor, report: &Report, wanted: &Wanted) -> Vec<Group> {
    let mut groups: Vec<Group> = report
        .found()
        .filter(|(severity, rule, _)| wanted.has_rule(*severity, rule))
        .filter_map(|(severity, rule, found)| group(visitor, wanted, severity, rule, found))
        .collect();
    groups.sort_by_key(|group| {
        let place = STOPS_MAIL.iter().position(|rule| *rule == group.rule);
        place.unwrap_or(STOPS_MAIL.len())
    });
    groups
}

fn group(
    visitor: &Visitor,
    wanted: &Wanted,
    severity: Severity,
    rule: &'static str,
    found: &Found,
) -> Option<Group> {
    let told = wanted.of(found);
    if told.is_empty() {
        return None;
    }
    let cut = found.count > found.told.len() as u64;
    let count = Count::of(found, told.len());
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
        .map(|told| line(visitor, wanted, told))
        .collect();
    let left = told.len() - first - lines.len();
    let address = |page: usize| {
        let page = if page > 1 { page.to_string() } else { String::new() };
        wanted.address(visitor, &[("rule", rule), ("page", &page)])
    };
    let (title, postfix) = heading(rule, found.is_of_table());
    Some(Group {
        rule,
        severity,
        title,
        postfix,
        count: count.of_findings(),
        lines,
        more: (left > 0).then(|| {
            if alone {
                ("Next".to_owned(), address(number + 1))
            } else {
                (format!("All {}", count.of_findings()), address(1))
            }
        }),
        before: (alone && number > 1).then(|| address(number - 1)),
        kept: (alone && cut && left == 0).then(|| {
            format!(
                "The first {} are kept. Fix some and check again to see others.",
                text::number(found.told.len() as u64)
            )
        }),
    })
}

fn line(visitor: &Visitor, wanted: &Wanted, told: &Told) -> Line {
    let is_this =
        |about: &About| about.rule == told.rule && about.table == told.table && about.key == told.key;
    let mend = told
        .mend
        .as_ref()
        .filter(|mend| act::may_mend(visitor, told, mend));
    Line {
        subject: subject_of(told.table, &told.subject),
        page: page_of(&visitor.app.urls, told.table, &told.key, &told.subject),
        mend: mend.map(|mend| match mend {
            Mend::Set(_) => "Fix",
            Mend::SwitchOff => "Disable",
            Mend::Add(..) => "Add the row",
        }),
        seen: act::seen(told),
        can_silence: act::may_silence(visitor, told.table, &told.subject),
        lacks_reason: wanted.unreasoned.as_ref().is_some_and(is_this),
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
            title: heading(&silence.rule, silence.key.is_empty()).0,
            page: page_of(&visitor.app.urls, &silence.table, &silence.key, &subject),
            at: text::moment(silence.at),
            can_tell: act::may_tell(visitor, &silence, &subject),
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
