//! The log of results: topics, who writes them and how they are read.
//!
//! What every log of results promises, whatever keeps it: all records have one
//! order, the same for every reader (but for topics beside transactions: provisional
//! results, and how the job does, come when they come); a [`Transaction`] is there as a whole or not at
//! all, and durable when [`ResultWriter::commit`] returns; there is one writer, and a
//! newer one ends an older one's right to commit. What retention has cut is told.
//!
//! It deliberately knows nothing of how results are computed: it keeps bytes.

mod around;
mod embedded;
mod kafka;
mod memory;
mod records;

pub use around::Around;
pub use embedded::EmbeddedResults;
pub use kafka::KafkaResults;
pub use memory::MemoryResults;
pub use records::{Position, Progress, Record, Stored, Topic, Transaction};

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use thiserror::Error;

/// Why a log of results could not do what was asked.
#[derive(Debug, Error)]
pub enum ResultError {
    /// A newer writer has taken over.
    #[error(
        "another job has taken over the results (writer {newer}; this one was {own}): it ends here, and nothing is written twice"
    )]
    Fenced {
        /// The writer that is in charge.
        newer: u64,
        /// This one.
        own: u64,
    },
    /// Retention has cut records that were to be read.
    #[error("results up to {kept_from:?} are gone: retention has cut them")]
    Lost {
        /// Where what is kept begins.
        kept_from: Position,
    },
    /// What keeps the log cannot be reached now, or does not answer. Nothing is lost by it:
    /// the same can be asked again.
    #[error("{what}: {reason}")]
    Away {
        /// What was tried.
        what: String,
        /// What came of it.
        reason: String,
    },
    /// The writer has come to its end. What it committed last may be there or not: only a
    /// new writer can tell.
    #[error("{what}: {reason}")]
    Ended {
        /// What came of it.
        what: String,
        /// Why.
        reason: String,
    },
    /// What keeps the log has failed.
    #[error("{what}: {reason}")]
    Storage {
        /// What was tried.
        what: String,
        /// What came of it, and what to do.
        reason: String,
    },
}

/// A log of results.
pub trait ResultLog: Send + Sync {
    /// Takes the right to write from whoever has it.
    ///
    /// # Errors
    /// If it cannot be taken.
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError>;

    /// Keeps records outside of a job's transactions: of those who feed from results and
    /// have something to report. Durable when it returns; it needs no right to write, and
    /// takes none from whoever has it.
    ///
    /// # Errors
    /// If they cannot be kept. They may be there nevertheless.
    fn append(&self, records: &[Record]) -> Result<(), ResultError>;

    /// A reader of these topics from a position on.
    ///
    /// # Errors
    /// If what comes next was cut by retention.
    fn reader(
        &self,
        topics: &[Topic],
        from: Position,
    ) -> Result<Box<dyn ResultReader>, ResultError>;

    /// Where the records begin that were kept at `at_ms` or later.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn position_at(&self, at_ms: i64) -> Result<Position, ResultError>;

    /// The bindings of epochs from `epoch` on that are kept, in order, `most` at most.
    ///
    /// # Errors
    /// If they cannot be read.
    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError>;

    /// The bindings around the first that `is_such`, given that all after one that is such
    /// are, too: of those that are kept.
    ///
    /// # Errors
    /// If they cannot be read.
    fn around(&self, is_such: &dyn Fn(&Binding) -> bool) -> Result<Around, ResultError> {
        let LogState { first_bound, bound, .. } = self.state()?;
        let epochs = first_bound.unwrap_or(0)..bound.map_or(0, |last| last + 1);
        let (around, _) = Around::find(epochs, is_such, |range| {
            let next = self.bindings(range.start, 1)?.pop();
            Ok(next.filter(|b| b.epoch < range.end).map(|b| (b.epoch, b)))
        })?;
        Ok(around)
    }

    /// The last epoch that was committed, and the last that is bound.
    ///
    /// # Errors
    /// If they cannot be read.
    fn state(&self) -> Result<LogState, ResultError>;

    /// The settings, as JSON, that a hash in bindings stands for.
    ///
    /// # Errors
    /// If they cannot be read.
    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError>;

    /// The partition of a topic that keeps the records of a key.
    fn partition(&self, _topic: Topic, _key: &[u8]) -> u32 {
        0
    }

    /// Of each partition of a topic, whether retention has cut records of it.
    ///
    /// # Errors
    /// If it cannot be told.
    fn is_cut(&self, _topic: Topic) -> Result<Vec<bool>, ResultError> {
        Ok(vec![false])
    }
}

/// How far what is kept reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// The last committed epoch.
    pub committed: Option<Progress>,
    /// The last bound epoch.
    pub bound: Option<u64>,
    /// The first epoch whose binding is kept.
    pub first_bound: Option<u64>,
}

/// The one writer of a log of results.
pub trait ResultWriter: Send {
    /// Its number: a later writer has a higher one.
    fn number(&self) -> u64;

    /// What is set when the job is asked to end: what keeps the log may be away then, and is
    /// not waited for much longer.
    fn end_when(&mut self, _asked: &Arc<AtomicBool>) {}

    /// Keeps all of a transaction or nothing; it is durable when this returns.
    ///
    /// # Errors
    /// If a newer writer has taken over, or nothing can be kept. What was not kept
    /// may be there nevertheless: only a new writer can tell.
    fn commit(&mut self, transaction: &Transaction) -> Result<(), ResultError>;

    /// What was larger than its topic takes since the last time, in words. It is a dead letter
    /// (`too_large`); where results stand by their keys, nothing stands under its key.
    fn take_too_large(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Drops the bindings of epochs before `epoch` that were bound before
    /// `bound_before_ms`, the progress that belongs to them, and the records that
    /// retention cuts now.
    ///
    /// # Errors
    /// If a newer writer has taken over, or nothing can be dropped now: on that nothing hangs.
    fn retain(&mut self, epoch: u64, bound_before_ms: i64) -> Result<(), ResultError>;

    /// The progress of an epoch that was committed and is still kept.
    ///
    /// # Errors
    /// If it cannot be read.
    fn progress(&self, epoch: u64) -> Result<Option<Progress>, ResultError>;
}

/// Reads some topics.
pub trait ResultReader: Send {
    /// Gives at most `most` records that are there now to `each`, in order; returns
    /// how many.
    ///
    /// # Errors
    /// If retention has cut what was to be read next.
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Stored<'_>))
    -> Result<usize, ResultError>;

    /// Where it is: what is behind is read, wherever its topic is.
    fn position(&self) -> Position;

    /// Returns when there may be something new, at the latest after `at_most`.
    fn wait(&mut self, at_most: Duration);
}
