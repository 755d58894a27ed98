//! Feeding the embedded store from the log of results.
//!
//! The store is a consumer of its own: it follows the topic of final and corrected
//! results from the position that it keeps itself, in bounded batches, and nothing in
//! the job waits for it. Nothing is dropped silently: what is not kept is counted in
//! the store, and said when it first happens.
//!
//! Invariant: after every batch the store is what the records before its position say.
//!
//! It deliberately does not retry: whoever runs it decides when to begin anew, and a
//! new feed goes on where the store is.

use super::{Applied, EmbeddedStore, StoreError};
use crate::results::{Position, Record, ResultError, ResultLog, ResultReader, Topic};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use thiserror::Error;

/// Most records in a batch.
const BATCH: usize = 1000;
/// How long records gather after a batch that was not full, so that a store is not
/// written with every epoch.
const GATHER: Duration = Duration::from_secs(1);
/// How often a feed that waits looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(50);

/// After so many looks at nothing new the position is kept, as records of other topics
/// may have moved it: the log can cut what is behind.
const SETTLE_LOOKS: u32 = 600;

/// Why a feed has ended.
#[derive(Debug, Error)]
pub enum FeedError {
    /// The log could not be read.
    #[error("cannot read the results: {0}")]
    Results(#[from] ResultError),
    /// The store could not keep what was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a feed has to say. Each kind but [`Gap`](Self::Gap) is said once in a feed; the
/// store has the counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedNote {
    /// A record could not be understood: its key, and why. It is not kept.
    Unreadable(String),
    /// Results were older than the store's retention. They are not kept.
    Expired,
    /// The log had cut what was to be read next; the feed goes on from here.
    Gap {
        /// Where what the log keeps begins.
        kept_from: Position,
    },
}

/// Follows the results until `stop` is set. `note` hears what the store does not
/// keep.
///
/// # Errors
/// If the log cannot be read, or the store not be written. The store is then as after
/// the last batch, and another feed goes on from there.
pub fn feed(
    results: &dyn ResultLog,
    store: &mut EmbeddedStore,
    stop: &AtomicBool,
    note: &mut dyn FnMut(FeedNote),
) -> Result<(), FeedError> {
    let notes = Notes { note, unreadable: false, expired: false };
    let mut feeder = Feeder { results, store, notes };
    let mut reader = None;
    let mut looks = 0;
    while !stop.load(Ordering::Relaxed) {
        let Some(open) = &mut reader else {
            reader = feeder.open()?;
            continue;
        };
        let step = feeder.step(open.as_mut())?;
        looks = if step == Step::Nothing { looks + 1 } else { 0 };
        match step {
            Step::Full => {}
            Step::Part => pause(stop),
            Step::Nothing => {
                if looks == SETTLE_LOOKS {
                    looks = 0;
                    feeder.settle(open.as_ref())?;
                }
                open.wait(LOOK_UP);
            }
            Step::Gap => reader = None,
        }
    }
    reader.map_or(Ok(()), |reader| feeder.settle(reader.as_ref()))
}

fn pause(stop: &AtomicBool) {
    let mut left = GATHER;
    while !left.is_zero() && !stop.load(Ordering::Relaxed) {
        let slice = left.min(LOOK_UP);
        thread::sleep(slice);
        left -= slice;
    }
}

/// What a step has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Full,
    Part,
    Nothing,
    Gap,
}

struct Notes<'a> {
    note: &'a mut dyn FnMut(FeedNote),
    unreadable: bool,
    expired: bool,
}

impl Notes<'_> {
    fn of(&mut self, applied: Applied) {
        if let Some(first) = applied.first_unreadable
            && !std::mem::replace(&mut self.unreadable, true)
        {
            (self.note)(FeedNote::Unreadable(first));
        }
        if applied.expired > 0 && !std::mem::replace(&mut self.expired, true) {
            (self.note)(FeedNote::Expired);
        }
    }
}

struct Feeder<'a> {
    results: &'a dyn ResultLog,
    store: &'a mut EmbeddedStore,
    notes: Notes<'a>,
}

impl Feeder<'_> {
    /// A reader from where the store is; none if the log has cut what comes next, which
    /// the store then knows.
    fn open(&mut self) -> Result<Option<Box<dyn ResultReader>>, FeedError> {
        let from = match self.store.position() {
            Some(position) => position.clone(),
            // A new store begins with what there is: nothing of it is lost.
            None => self.results.position_at(i64::MIN)?,
        };
        match self.results.reader(&[Topic::ProcessedMetrics], from) {
            Ok(reader) => Ok(Some(reader)),
            Err(ResultError::Lost { kept_from }) => {
                self.gap(&[], kept_from)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn step(&mut self, reader: &mut dyn ResultReader) -> Result<Step, FeedError> {
        let mut records = Vec::new();
        let polled = reader.poll(BATCH, &mut |stored| {
            records.push(Record {
                topic: stored.topic,
                epoch: stored.epoch,
                key: stored.key.to_vec(),
                value: stored.value.map(<[u8]>::to_vec),
            });
        });
        match polled {
            Ok(_) => {}
            Err(ResultError::Lost { kept_from }) => {
                // What was read before it belongs to the store.
                self.gap(&records, kept_from)?;
                return Ok(Step::Gap);
            }
            Err(error) => return Err(error.into()),
        }
        if records.is_empty() {
            return Ok(Step::Nothing);
        }
        let applied = self.store.apply(&records, &reader.position())?;
        self.notes.of(applied);
        Ok(if records.len() < BATCH { Step::Part } else { Step::Full })
    }

    /// Keeps where the reader is: all before it is in the store.
    fn settle(&mut self, reader: &dyn ResultReader) -> Result<(), FeedError> {
        let position = reader.position();
        if self.store.position() != Some(&position) {
            self.store.apply(&[], &position)?;
        }
        Ok(())
    }

    fn gap(&mut self, records: &[Record], kept_from: Position) -> Result<(), FeedError> {
        let applied = self.store.apply_before_gap(records, &kept_from)?;
        self.notes.of(applied);
        (self.notes.note)(FeedNote::Gap { kept_from });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
