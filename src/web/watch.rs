//! What is known of the live Postfix: its configuration as it is now where the panel may read it, or else what
//! `postwarden postfix verify` found last.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use time::PrimitiveDateTime;
use tokio::sync::Mutex;

use super::{App, text};
use crate::error::{Error, Result};
use crate::postfix::live::Live;
use crate::postfix::{Severity, Verdict};
use crate::resource::Resource;
use crate::resource::overrides::PLACES;
use crate::store::Recorded;
use crate::verification;

/// How old an answer may be that only warns beside something else. Whether anything has changed takes a statement and a look
/// at some files, which is little but not nothing for a list of 2 ms.
pub const GLANCE: Duration = Duration::from_secs(2);

/// As it is now, to act on or to look closely.
pub const NOW: Duration = Duration::ZERO;

/// How long a look counts while its files stay as they are. Another look takes some 40 ms.
const VALID: Duration = Duration::from_mins(1);

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

/// The last look.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Option<Look>>);

/// What a look showed, and what it rests on.
#[derive(Debug)]
struct Look {
    known: Option<Arc<Known>>,
    /// When it was found to be still so.
    checked: Instant,
    at: Instant,
    recorded: Option<PrimitiveDateTime>,
    files: Vec<PathBuf>,
    state: State,
}

/// When each of some files was changed last, in its content or its rights; `None` where it cannot be told.
type State = Vec<Option<(u64, i64, i64)>>;

fn state(files: &[PathBuf]) -> State {
    let of = |file: &PathBuf| {
        let about = std::fs::metadata(file).ok()?;
        Some((about.ino(), about.ctime(), about.ctime_nsec()))
    };
    files.iter().map(of).collect()
}

impl App {
    /// What is known of the live Postfix, and was so at most this long ago; `None` where nothing is, or where it reads another
    /// database.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn known_postfix(&self, at_most: Duration) -> Result<Option<Arc<Known>>> {
        // Whoever comes while somebody looks waits for that.
        let mut kept = self.watch.0.lock().await;
        if let Some(look) = kept.as_ref()
            && look.checked.elapsed() < at_most
        {
            return Ok(look.known.clone());
        }
        let recorded = match self.store.recorded_verdict().await {
            // The account was given its rights table by table, before there was this one.
            Err(Error::Privilege(_)) => None,
            other => other?,
        };
        if let Some(look) = kept.as_mut()
            && look.at.elapsed() < VALID
            && look.recorded == recorded.as_ref().map(|r| r.at)
            && look.state == state(&look.files)
        {
            look.checked = Instant::now();
            return Ok(look.known.clone());
        }
        let look = self.look(recorded).await?;
        let known = look.known.clone();
        *kept = Some(look);
        Ok(known)
    }

    async fn look(&self, recorded: Option<Recorded>) -> Result<Look> {
        // Empty: the panel does not look.
        let dir = &self.config.postfix.config_dir;
        let mut files = vec![dir.join("main.cf")];
        let at = recorded.as_ref().map(|r| r.at);
        let mut unreadable = None;
        let mut known = None;
        if !dir.as_os_str().is_empty() {
            match Live::read(dir).await {
                Ok(live) => {
                    files.extend(live.sources.iter().map(|s| PathBuf::from(&s.path)));
                    let verdict = verification::examine(&self.store, &live).await?;
                    known = Some(Known {
                        verdict,
                        recorded: None,
                        unreadable: None,
                    });
                }
                Err(why) => unreadable = Some(why),
            }
        }
        // One that has nothing to do with this database is another server's, and the one that was verified may be elsewhere.
        let known = known.filter(|k| k.verdict.ours).or_else(|| {
            recorded.map(|r| Known {
                verdict: r.verdict,
                recorded: Some(r.at),
                unreadable,
            })
        });
        Ok(Look {
            known: known.filter(|k| k.verdict.ours).map(Arc::new),
            checked: Instant::now(),
            at: Instant::now(),
            recorded: at,
            state: state(&files),
            files,
        })
    }
}
