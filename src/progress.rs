//! How far work has come that people wait for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How far something has come. Clones tell of the same work: one is given to who works, one kept by who shows it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    phase: Mutex<&'static str>,
    done: AtomicU64,
    of: AtomicU64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What is being done, as in `reading the file`; empty where there is nothing to tell.
    pub phase: &'static str,
    /// So much is done.
    pub done: u64,
    /// Of so much; 0 where nobody knows.
    pub of: u64,
}

impl Seen {
    /// In per cent; 100 only once it is over, since more may come up meanwhile.
    pub fn percent(self) -> u64 {
        (self.done.saturating_mul(100) / self.of.max(1)).min(99)
    }
}

impl Progress {
    /// A new part of the work begins, of so much.
    pub fn begin(&self, phase: &'static str, of: u64) {
        *self.0.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.set(0, of);
    }

    /// So much is done, of so much.
    pub fn set(&self, done: u64, of: u64) {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.of.store(of, Ordering::Relaxed);
    }

    /// So much more is done.
    pub fn add(&self, done: u64) {
        self.0.done.fetch_add(done, Ordering::Relaxed);
    }

    /// How far it is now.
    pub fn seen(&self) -> Seen {
        Seen {
            phase: *self.0.phase.lock().unwrap_or_else(PoisonError::into_inner),
            done: self.0.done.load(Ordering::Relaxed),
            of: self.0.of.load(Ordering::Relaxed),
        }
    }
}
