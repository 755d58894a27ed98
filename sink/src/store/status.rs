//! How the feed of a history does: what readiness and metrics tell of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a feed does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedReport {
    /// The process that writes the store instead of this one, which waits for it to end.
    pub written_by: Option<String>,
    /// Why the store cannot be written at the moment, if so.
    pub failure: Option<String>,
    /// Whether it ever could since the process began.
    pub has_written: bool,
    /// When the first result was kept in the log that is not in the store yet, ms; none
    /// where there is no such.
    pub waiting_since_ms: Option<i64>,
    /// Points that were written.
    pub written: u64,
    /// Deletions of points: of results and of places in lists that are no more.
    pub deleted: u64,
    /// Points that the store refused: each is a dead letter.
    pub refused: u64,
    /// Results and points that were older than the store's retention.
    pub expired: u64,
    /// Records that could not be understood.
    pub unreadable: u64,
    /// Requests that were made once more.
    pub retried: u64,
    /// Times that the log had cut what was to be read next.
    pub gaps: u64,
}

/// How the feed of a store does, shared with those who tell it.
#[derive(Debug)]
pub struct FeedStatus {
    name: String,
    report: Mutex<FeedReport>,
}

impl FeedStatus {
    /// That of a store with a name, such as `InfluxDB`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), report: Mutex::default() }
    }

    /// What the store is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the feed does now.
    #[must_use]
    pub fn report(&self) -> FeedReport {
        self.lock().clone()
    }

    /// Notes how the feed does.
    pub fn note(&self, change: impl FnOnce(&mut FeedReport)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, FeedReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
