//! Making checkpoints beside the job: gathering, writing, and waiting for the commit.

use crate::checkpoint::{CheckpointError, Checkpointer, Keep, Manifest, PartOf, Position, Storage};
use crate::time::{Epoch, Extent};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

/// What comes to the checkpoints.
#[derive(Debug)]
pub enum ToCheckpoints {
    /// A checkpoint begins; its parts follow.
    Begin(Position),
    /// A part of it.
    Part(PartOf),
}

/// What the driver and the checkpoints know of each other.
#[derive(Debug, Default)]
pub struct CheckpointState {
    is_busy: AtomicBool,
    /// What has changed since the last one is not all known: it failed, or what it holds
    /// was changed when the job began.
    needs_whole: AtomicBool,
    last: Mutex<Option<Made>>,
}

/// The last checkpoint that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its epoch.
    pub epoch: Epoch,
    /// When, ms of the clock.
    pub at_ms: i64,
    /// Bytes that it added.
    pub bytes: u64,
    /// What came of the last attempt after it, if that failed.
    pub failed: Option<String>,
}

impl CheckpointState {
    /// Before the first one, which is of everything or of what has changed.
    #[must_use]
    pub fn new(needs_whole: bool) -> Self {
        Self { needs_whole: AtomicBool::new(needs_whole), ..Self::default() }
    }

    /// The right to begin one, and of what; none while one is being made.
    pub fn begin(&self) -> Option<Extent> {
        if self.is_busy.swap(true, Ordering::SeqCst) {
            return None;
        }
        let whole = self.needs_whole.swap(false, Ordering::SeqCst);
        Some(if whole { Extent::Whole } else { Extent::Changes })
    }

    /// The last that was made.
    #[must_use]
    pub fn last(&self) -> Option<Made> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end(&self, result: Result<Made, String>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(made) => *last = Some(made),
            Err(reason) => {
                self.needs_whole.store(true, Ordering::SeqCst);
                let made = Made { epoch: 0, at_ms: 0, bytes: 0, failed: None };
                last.get_or_insert(made).failed = Some(reason);
            }
        }
        drop(last);
        self.is_busy.store(false, Ordering::SeqCst);
    }
}

/// Makes checkpoints one after the other.
pub struct Checkpoints<'a> {
    storage: &'a dyn Storage,
    state: Arc<CheckpointState>,
    keep: Keep,
    checkpointer: Checkpointer,
    /// Written, and to count as soon as its epoch is committed.
    written: Option<Manifest>,
}

impl<'a> Checkpoints<'a> {
    /// Checkpoints of so many workers, after `last`.
    #[must_use]
    pub fn new(
        storage: &'a dyn Storage,
        state: Arc<CheckpointState>,
        keep: Keep,
        workers: usize,
        last: Option<&Manifest>,
    ) -> Self {
        let checkpointer = Checkpointer::new(workers, last);
        Self { storage, state, keep, checkpointer, written: None }
    }

    /// Takes a message; writes the checkpoint that is complete with it. One that
    /// cannot be written is given up, with the reason; the job goes on.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn take(&mut self, message: ToCheckpoints, now_ms: i64) -> Result<(), CheckpointError> {
        let is_complete = match message {
            ToCheckpoints::Begin(position) => {
                self.checkpointer.begin(position);
                false
            }
            ToCheckpoints::Part(part) => self.checkpointer.add(part),
        };
        if !is_complete {
            return Ok(());
        }
        match self.checkpointer.write(self.storage, now_ms) {
            Ok(manifest) => {
                self.written = Some(manifest);
                Ok(())
            }
            Err(error) => {
                self.state.end(Err(error.to_string()));
                Err(error)
            }
        }
    }

    /// The epoch that must be committed before the written checkpoint counts.
    #[must_use]
    pub fn waits_for(&self) -> Option<Epoch> {
        self.written.as_ref().map(|m| m.epoch)
    }

    /// The epoch is committed: the checkpoint counts. Returns the epoch of the oldest
    /// that is kept.
    ///
    /// # Errors
    /// If that cannot be written down; the job goes on.
    pub fn finish(&mut self) -> Result<Option<Epoch>, CheckpointError> {
        let Some(manifest) = self.written.take() else {
            return Ok(None);
        };
        let Manifest { epoch, at_ms, bytes, .. } = manifest;
        match self.checkpointer.finish(self.storage, manifest, self.keep) {
            Ok(oldest) => {
                self.state.end(Ok(Made { epoch, at_ms, bytes, failed: None }));
                Ok(Some(oldest))
            }
            Err(error) => {
                self.state.end(Err(error.to_string()));
                Err(error)
            }
        }
    }
}
