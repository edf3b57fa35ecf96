//! What a check found, and the check of a large database that goes on behind the pages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use crate::error::{Error, Result};
use crate::lint::{Severity, Told};
use crate::progress::Progress;

/// Findings kept of one rule; of the others only the number is.
pub const KEPT: usize = 1_000;

/// What a check found, by severity and rule.
#[derive(Debug, Clone)]
pub struct Report {
    found: BTreeMap<(Severity, &'static str), Found>,
    /// When it was begun.
    pub at: OffsetDateTime,
}

/// The findings of one rule.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How many there are.
    pub count: u64,
    /// The first [`KEPT`] of them.
    pub told: Vec<Told>,
}

impl Found {
    /// Whether they are about tables rather than rows.
    pub fn is_of_table(&self) -> bool {
        self.told.first().is_some_and(|told| told.key.is_empty())
    }
}

impl Report {
    /// A report that begins now.
    pub fn new() -> Self {
        Self {
            found: BTreeMap::new(),
            at: OffsetDateTime::now_utc(),
        }
    }

    /// Adds a finding.
    pub fn add(&mut self, told: Told) {
        let found = self.found.entry((told.severity, told.rule)).or_default();
        found.count += 1;
        if found.told.len() < KEPT {
            found.told.push(told);
        }
    }

    /// Takes out what a rule found in a row, where it is known.
    pub fn forget(&mut self, rule: &str, table: &str, key: &str) {
        for found in self.found.values_mut() {
            let before = found.told.len();
            found
                .told
                .retain(|told| told.rule != rule || told.table != table || told.key != key);
            found.count -= (before - found.told.len()) as u64;
        }
        self.found.retain(|_, found| found.count > 0);
    }

    /// How many findings of this severity there are.
    pub fn count(&self, severity: Severity) -> u64 {
        let found = self.found().filter(|(of, ..)| *of == severity);
        found.map(|(.., found)| found.count).sum()
    }

    /// How many findings there are.
    pub fn total(&self) -> u64 {
        self.found().map(|(.., found)| found.count).sum()
    }

    /// What was found in a row.
    pub fn of_row(&self, table: &str, key: &str) -> impl Iterator<Item = &Told> {
        self.found
            .values()
            .flat_map(|found| &found.told)
            .filter(move |told| told.table == table && told.key == key)
    }

    /// The findings, errors first, then by rule.
    pub fn found(&self) -> impl Iterator<Item = (Severity, &'static str, &Found)> {
        self.found
            .iter()
            .map(|((severity, rule), found)| (*severity, *rule, found))
    }
}

/// The check of the whole database, which is kept and done once at a time.
#[derive(Debug, Default)]
pub struct Checking(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Arc<Report>>,
    /// What a check of the whole database for a page found last, where that is not kept for the page itself.
    noted: Option<Arc<Report>>,
    failed: bool,
    running: Option<Arc<Progress>>,
}

/// What is known of the check of the whole database.
#[derive(Debug)]
pub struct Status {
    /// How far the one that is under way has come, in per cent.
    pub percent: Option<u64>,
    /// The last one that came to its end.
    pub last: Option<Arc<Report>>,
    /// Whether the one after that did not.
    pub failed: bool,
}

impl Status {
    /// Whether there was no check yet, and is none now.
    pub fn is_blank(&self) -> bool {
        self.percent.is_none() && self.last.is_none() && !self.failed
    }
}

impl Checking {
    /// What is known now.
    pub fn status(&self) -> Status {
        let state = self.state();
        Status {
            percent: state.running.as_ref().map(|progress| progress.seen().percent()),
            last: state.last.clone(),
            failed: state.failed,
        }
    }

    /// Begins a check of so many rows, unless one is under way.
    pub fn start<C>(self: &Arc<Self>, rows: u64, check: impl FnOnce(Arc<Progress>) -> C)
    where
        C: Future<Output = Result<Report>> + Send + 'static,
    {
        let progress = Arc::new(Progress::default());
        progress.set(0, rows);
        {
            let mut state = self.state();
            if state.running.is_some() {
                return;
            }
            state.running = Some(Arc::clone(&progress));
        }
        let check = tokio::spawn(check(progress));
        let checking = Arc::clone(self);
        tokio::spawn(async move {
            // A check that panics ends like any other.
            let ended = check
                .await
                .map_err(|e| Error::unexpected("checking the tables", e));
            let mut state = checking.state();
            state.running = None;
            match ended.and_then(|report| report) {
                Ok(report) => {
                    state.last = Some(Arc::new(report));
                    state.failed = false;
                }
                Err(error) => {
                    tracing::error!(%error, "the check of the tables did not come to its end");
                    state.failed = true;
                }
            }
        });
    }

    /// Keeps what a check for a page found, for pages about something else.
    pub fn note(&self, report: Arc<Report>) {
        self.state().noted = Some(report);
    }

    /// What was found last, for pages about something else.
    pub fn noted(&self) -> Option<Arc<Report>> {
        let state = self.state();
        state.last.clone().or_else(|| state.noted.clone())
    }

    /// Takes a finding out of the last report, now that it is mended or silenced.
    pub fn forget(&self, rule: &str, table: &str, key: &str) {
        let mut state = self.state();
        let State { last, noted, .. } = &mut *state;
        for report in [last, noted].into_iter().flatten() {
            Arc::make_mut(report).forget(rule, table, key);
        }
    }

    /// Forgets the last report: the tables have become so small that they are checked for every page.
    pub fn clear(&self) {
        let mut state = self.state();
        state.last = None;
        state.failed = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    fn told(rule: &'static str, severity: Severity, key: usize) -> Told {
        Told {
            rule,
            severity,
            table: "aliases",
            key: key.to_string(),
            message: String::new(),
            fix: String::new(),
            subject: String::new(),
            mend: None,
        }
    }

    #[test]
    fn a_report_counts_everything_and_keeps_the_first_of_each_rule_with_errors_before_the_rest() {
        let mut report = Report::new();
        for key in 0..KEPT + 7 {
            report.add(told("PW102", Severity::Warning, key));
        }
        report.add(told("PW180", Severity::Error, 1));
        let all: Vec<_> = report
            .found()
            .map(|(_, rule, found)| (rule, found.count, found.told.len()))
            .collect();
        assert_eq!(all, [("PW180", 1, 1), ("PW102", KEPT as u64 + 7, KEPT)]);
    }

    #[test]
    fn what_is_mended_is_no_longer_counted_and_the_rest_is() {
        let mut report = Report::new();
        report.add(told("PW102", Severity::Warning, 1));
        report.add(told("PW102", Severity::Warning, 2));
        report.add(told("PW103", Severity::Warning, 1));
        report.forget("PW102", "aliases", "1");
        report.forget("PW102", "users", "2");
        let counts: Vec<_> = report
            .found()
            .map(|(_, rule, found)| (rule, found.count))
            .collect();
        assert_eq!(counts, [("PW102", 1), ("PW103", 1)]);
        report.forget("PW102", "aliases", "2");
        assert_eq!(
            report.found().count(),
            1,
            "a rule that finds nothing has no heading"
        );
    }

    async fn ended(checking: &Checking) -> Status {
        loop {
            let status = checking.status();
            if status.percent.is_none() {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_check_runs_once_at_a_time_and_tells_how_far_it_is() {
        let checking = Arc::new(Checking::default());
        let (go, wait) = oneshot::channel();
        checking.start(200, |progress| async move {
            progress.set(70, 200);
            let _ = wait.await;
            let mut report = Report::new();
            report.add(told("PW102", Severity::Warning, 1));
            Ok(report)
        });
        while checking.status().percent != Some(35) {
            tokio::task::yield_now().await;
        }
        checking.start(1, |_| async { panic!("a second one at the same time") });
        assert!(checking.status().last.is_none());
        go.send(()).expect("it waits");
        let status = ended(&checking).await;
        assert_eq!(status.last.expect("a report").found().count(), 1);
        assert!(!status.failed);
    }

    #[tokio::test]
    async fn a_check_that_fails_or_panics_leaves_the_last_report_and_can_be_tried_again() {
        let checking = Arc::new(Checking::default());
        checking.start(1, |_| async { Ok(Report::new()) });
        ended(&checking).await;
        checking.start(1, |_| async { Err(Error::Busy) });
        let status = ended(&checking).await;
        assert!(status.failed && status.last.is_some());
        checking.start(1, |_| async { panic!("in the middle") });
        assert!(ended(&checking).await.failed);
        checking.start(1, |_| async { Ok(Report::new()) });
        assert!(!ended(&checking).await.failed);
    }
}
