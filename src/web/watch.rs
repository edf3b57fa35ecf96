//! What is known of the live Postfix: its configuration as it is now where the panel may read it, or else what
//! `postwarden postfix verify` found last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::PrimitiveDateTime;
use tokio::sync::Mutex;

use super::{App, text};
use crate::error::Result;
use crate::postfix::live::Live;
use crate::postfix::{Severity, Verdict};
use crate::resource::Resource;
use crate::resource::overrides::PLACES;
use crate::verification;

/// How old an answer may be. Looking takes some 30 ms.
const FRESH: Duration = Duration::from_secs(2);

/// A verdict, and where it comes from.
#[derive(Debug)]
pub struct Known {
    /// What came out.
    pub verdict: Verdict,
    /// When `postwarden postfix verify` found it (UTC); `None` where the panel has just looked itself.
    pub recorded: Option<PrimitiveDateTime>,
    /// Why the panel could not look itself.
    pub unreadable: Option<String>,
}

impl Known {
    /// When that was, for people; `None` where it is now.
    pub fn at(&self) -> Option<String> {
        self.recorded.map(text::moment)
    }

    /// How much is wrong: `2 errors and 1 warning`.
    pub fn count(&self) -> String {
        let counted = |severity: Severity, noun: &str| {
            let findings = &self.verdict.findings;
            match findings.iter().filter(|f| f.severity == severity).count() {
                0 => None,
                1 => Some(format!("1 {noun}")),
                many => Some(format!("{many} {noun}s")),
            }
        };
        let parts = [
            counted(Severity::Error, "error"),
            counted(Severity::Warning, "warning"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }

    /// The tables in which the live `transport_maps` finds overrides.
    pub fn read_overrides(&self) -> Vec<&'static Resource> {
        let read = &self.verdict.overrides;
        PLACES
            .into_iter()
            .filter(|place| read.iter().any(|table| table == place.table))
            .collect()
    }
}

/// The last look, kept for a moment.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Option<(Instant, Option<Arc<Known>>)>>);

impl App {
    /// What is known of the live Postfix; `None` where nothing is, or where it reads another database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn known_postfix(&self) -> Result<Option<Arc<Known>>> {
        // Whoever comes while somebody looks waits for that.
        let mut kept = self.watch.0.lock().await;
        if let Some((at, known)) = kept.as_ref()
            && at.elapsed() < FRESH
        {
            return Ok(known.clone());
        }
        let known = self.look().await?.filter(|k| k.verdict.ours).map(Arc::new);
        *kept = Some((Instant::now(), known.clone()));
        Ok(known)
    }

    async fn look(&self) -> Result<Option<Known>> {
        let recorded = self.store.recorded_verdict().await?;
        let configured = &self.config.postfix.config_dir;
        if configured.as_os_str().is_empty() {
            return Ok(recorded.map(|r| Known {
                verdict: r.verdict,
                recorded: Some(r.at),
                unreadable: None,
            }));
        }
        // The directory that was verified last is the one people mean.
        let dir = recorded
            .as_ref()
            .map_or_else(|| configured.clone(), |r| PathBuf::from(&r.verdict.config_dir));
        match Live::read(&dir).await {
            Ok(live) => Ok(Some(Known {
                verdict: verification::examine(&self.store, &live).await?,
                recorded: None,
                unreadable: None,
            })),
            Err(why) => Ok(recorded.map(|r| Known {
                verdict: r.verdict,
                recorded: Some(r.at),
                unreadable: Some(why),
            })),
        }
    }
}
