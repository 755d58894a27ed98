//! The one writer of the job: what leaves, leaves here.
//!
//! Invariants: the effects of an epoch are in a transaction that has its binding or
//! comes after the one that had it (I1); bindings are kept in order, without a gap
//! (I2); the effects of an epoch and its progress are in one transaction (I4). What an
//! epoch that was committed before gives once more is compared with what was
//! committed and goes nowhere.

use super::effects::{Effects, effects, progress};
use crate::collect::EpochChanges;
use crate::time::Epoch;
use std::collections::VecDeque;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::dead_letter::DeadLetter;
use streamgauge_sink::results::{
    LogState, Progress, Record, ResultError, ResultWriter, Topic, Transaction,
};
use thiserror::Error;

/// About how many bytes of records go into one transaction.
const TRANSACTION_BYTES: usize = 8 << 20;
/// The key of the one record that says how the job does.
const STATUS_KEY: &[u8] = b"job";

/// What comes to the writer.
#[derive(Debug)]
pub enum ToWriter {
    /// An epoch that was read, with its rejected records: to be bound, or bound
    /// before. It comes before its changes.
    Bound(Binding, Vec<DeadLetter>),
    /// What an epoch changes; it is complete.
    Changes(EpochChanges),
    /// How the job does, as JSON.
    Status(Epoch, Vec<u8>),
    /// No epoch before this one is needed by a checkpoint; of those, bindings made
    /// before this time, ms, may go.
    Retain(Epoch, i64),
}

/// How far what was kept reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The last epoch whose effects are kept.
    pub epoch: Option<Epoch>,
    /// The last epoch that is bound.
    pub bound: Option<Epoch>,
}

/// Why the writer had to stop.
#[derive(Debug, Error)]
pub enum WriterError {
    /// Results could not be kept.
    #[error(transparent)]
    Results(#[from] ResultError),
    /// An epoch gives other results than when it was committed.
    #[error("epoch {epoch} was committed with {} records (hash {:016x}), and computed again it has {} (hash {:016x}): the program or what it read is not what it was; nothing was changed", .was.records, .was.hash, .now.records, .now.hash)]
    Differs {
        /// The epoch.
        epoch: Epoch,
        /// What was committed.
        was: Progress,
        /// What it is now.
        now: Progress,
    },
}

/// Gathers what leaves and commits it.
pub struct Writer {
    results: Box<dyn ResultWriter>,
    /// The epoch of the checkpoint that the job went on from: its changes are old.
    restored: Option<Epoch>,
    committed: Option<Progress>,
    bound: Option<Epoch>,
    /// Epochs that are read and whose changes have not come yet.
    open: VecDeque<(Epoch, Vec<DeadLetter>)>,
    next: Transaction,
    next_bytes: usize,
    retain: Option<(Epoch, i64)>,
    /// Why what nobody needs was not dropped.
    not_dropped: Option<ResultError>,
    /// What is to be kept as soon as there is a first transaction.
    settings: Option<(u64, String)>,
}

impl Writer {
    /// A writer that goes on from what is kept. `settings` are kept with their hash
    /// if they are new.
    #[must_use]
    pub fn new(
        results: Box<dyn ResultWriter>,
        state: LogState,
        restored: Option<Epoch>,
        settings: Option<(u64, String)>,
    ) -> Self {
        Self {
            results,
            restored,
            committed: state.committed,
            bound: state.bound,
            open: VecDeque::new(),
            next: Transaction::default(),
            next_bytes: 0,
            retain: None,
            not_dropped: None,
            settings,
        }
    }

    /// The number of this writer.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.results.number()
    }

    /// How far what was kept reaches.
    #[must_use]
    pub fn committed(&self) -> Committed {
        Committed { epoch: self.committed.map(|p| p.epoch), bound: self.bound }
    }

    /// Whether all that was taken is committed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.next.is_empty()
    }

    /// Whether there is as much as one transaction should have.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.next_bytes >= TRANSACTION_BYTES
    }

    /// Takes note of something that is to leave.
    ///
    /// # Errors
    /// If an epoch gives other results than when it was committed.
    pub fn take(&mut self, message: ToWriter) -> Result<(), WriterError> {
        match message {
            ToWriter::Bound(binding, letters) => {
                self.open.push_back((binding.epoch, letters));
                if self.bound.is_none_or(|bound| binding.epoch > bound) {
                    self.bound = Some(binding.epoch);
                    self.next.bindings.push(binding);
                }
            }
            ToWriter::Changes(changes) if Some(changes.epoch) == self.restored => {}
            ToWriter::Changes(changes) => self.changes(&changes)?,
            ToWriter::Status(epoch, value) => {
                let (topic, key) = (Topic::JobStatus, STATUS_KEY.to_vec());
                self.push(vec![Record { topic, epoch, key, value: Some(value) }]);
            }
            ToWriter::Retain(epoch, now_ms) => self.retain = Some((epoch, now_ms)),
        }
        Ok(())
    }

    /// Why what nobody needs was not dropped the last time; it is told once.
    pub fn take_not_dropped(&mut self) -> Option<ResultError> {
        self.not_dropped.take()
    }

    /// What was larger than its topic takes since the last time, in words.
    pub fn take_too_large(&mut self) -> Vec<String> {
        self.results.take_too_large()
    }

    fn changes(&mut self, changes: &EpochChanges) -> Result<(), WriterError> {
        let epoch = changes.epoch;
        let (bound, letters) = self.open.pop_front().expect("an epoch is bound before its changes");
        assert_eq!(bound, epoch, "epochs are complete in the order in which they were bound");
        let Effects { committed, provisional } = effects(changes, letters);
        if self.committed.is_some_and(|done| epoch <= done.epoch) {
            return self.compare(epoch, &committed);
        }
        let now = progress(epoch, &committed, self.committed);
        self.committed = Some(now);
        self.next.progress.push(now);
        self.push(committed);
        self.push(provisional);
        Ok(())
    }

    /// An epoch that was committed before must give the same again.
    fn compare(&self, epoch: Epoch, committed: &[Record]) -> Result<(), WriterError> {
        let Some(was) = self.results.progress(epoch)? else {
            return Ok(());
        };
        let now = progress(epoch, committed, None);
        if (was.records, was.hash) == (now.records, now.hash) {
            return Ok(());
        }
        Err(WriterError::Differs { epoch, was, now })
    }

    fn push(&mut self, records: Vec<Record>) {
        let bytes = |r: &Record| r.key.len() + r.value.as_ref().map_or(0, Vec::len);
        self.next_bytes += records.iter().map(bytes).sum::<usize>();
        self.next.records.extend(records);
    }

    /// Commits all that was taken since the last time; returns how far it reaches.
    ///
    /// # Errors
    /// If it cannot be kept: the job must end.
    pub fn commit(&mut self) -> Result<Committed, WriterError> {
        if !self.next.is_empty() {
            self.next.settings = self.settings.take();
            let transaction = std::mem::take(&mut self.next);
            self.next_bytes = 0;
            self.results.commit(&transaction)?;
        }
        if let Some((epoch, now_ms)) = self.retain.take() {
            match self.results.retain(epoch, now_ms) {
                Err(error @ ResultError::Fenced { .. }) => return Err(error.into()),
                // Nothing hangs on it; who cannot write is told so by what comes next.
                Err(error) => self.not_dropped = Some(error),
                Ok(()) => {}
            }
        }
        Ok(self.committed())
    }
}
