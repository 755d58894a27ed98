//! The live source: paced epochs over a log that grows.

use super::{Binder, EpochReader, Read, SourceError};
use crate::batch::EventBatch;
use crate::binding::{Binding, BindingLog};
use crate::clock::Clock;
use crate::judge::{Close, Released};
use crate::log::{EventLog, Position};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;
use std::collections::BTreeMap;

/// Most records bound to one epoch: a burst lengthens the epochs' number, not
/// their size.
const MOST_RECORDS: usize = 20_000;
/// An epoch without records is bound after this time, ms: what the clock moves
/// must go on.
const QUIET_MS: i64 = 1_000;

/// Reads a log epoch by epoch as time goes on.
pub struct Live<'a, B> {
    log: &'a dyn EventLog,
    bindings: &'a B,
    clock: &'a dyn Clock,
    epoch_ms: i64,
    reader: EpochReader,
    binder: Binder,
    started_ms: i64,
    last_epoch: Option<u64>,
    last_bound_ms: i64,
}

impl<'a, B: BindingLog> Live<'a, B> {
    /// A source from the beginning of the log, epochs of `epoch_ms`, above 0.
    ///
    /// # Errors
    /// If the log can't be read, or its partitions are not as many as the settings
    /// say.
    pub fn new(
        log: &'a dyn EventLog,
        bindings: &'a B,
        clock: &'a dyn Clock,
        settings: &InputSettings,
        epoch_ms: i64,
    ) -> Result<Self, SourceError> {
        let mut positions = Vec::new();
        for partition in 0..log.partitions() {
            positions.push(Position { partition, offset: log.bounds(partition)?.start });
        }
        let now_ms = clock.now_ms();
        Ok(Self {
            log,
            bindings,
            clock,
            epoch_ms,
            reader: EpochReader::new(log, settings, &positions)?,
            binder: Binder::new(settings.hash()),
            started_ms: now_ms,
            last_epoch: None,
            last_bound_ms: now_ms,
        })
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &SourceCounts {
        self.reader.counts()
    }

    /// How long until the next epoch is due, ms.
    #[must_use]
    pub fn wait_ms(&self) -> i64 {
        let passed_ms = (self.clock.now_ms() - self.started_ms).max(0);
        self.epoch_ms - passed_ms % self.epoch_ms
    }

    /// One epoch: reads, proposes, binds, releases. Returns how many records it
    /// holds; none were bound if there were none and none had to be.
    ///
    /// # Errors
    /// If the log can't be read or the binding can't be kept; nothing of the
    /// epoch is released then.
    pub fn epoch(&mut self, release: &mut impl FnMut(Released)) -> Result<usize, SourceError> {
        let now_ms = self.clock.now_ms();
        let read = self.reader.read(MOST_RECORDS)?;
        let records: u64 = read.partitions.iter().map(|p| p.count).sum();
        if records == 0 && now_ms - self.last_bound_ms < QUIET_MS && self.last_epoch.is_some() {
            return Ok(0);
        }
        let mut ends = BTreeMap::new();
        for p in &read.partitions {
            ends.insert(p.partition, self.log.bounds(p.partition)?.end);
        }
        let epoch = self.next_epoch(now_ms);
        let Read { partitions, batch, dead_letters } = read;
        let binding = self.binder.bind(epoch, partitions, &ends, now_ms);
        self.bindings.append(&binding).map_err(|e| SourceError::Bindings(Box::new(e)))?;
        self.last_bound_ms = now_ms;
        for partition in &binding.idle {
            self.reader.raise(*partition, binding.watermark_ms);
        }
        release_epoch(&binding, batch, dead_letters, release);
        Ok(usize::try_from(records).unwrap_or(usize::MAX))
    }

    /// Epochs are numbered by the time that has passed, and never twice.
    fn next_epoch(&mut self, now_ms: i64) -> u64 {
        let by_time = u64::try_from((now_ms - self.started_ms) / self.epoch_ms).unwrap_or(0);
        let epoch = self.last_epoch.map_or(by_time, |last| by_time.max(last + 1));
        self.last_epoch = Some(epoch);
        epoch
    }
}

/// Lets go of an epoch that is bound.
pub(super) fn release_epoch(
    binding: &Binding,
    batch: Option<EventBatch>,
    dead_letters: Vec<crate::dead_letter::DeadLetter>,
    release: &mut impl FnMut(Released),
) {
    if !dead_letters.is_empty() {
        release(Released::DeadLetters(binding.epoch, dead_letters));
    }
    if let Some(batch) = batch {
        release(Released::Rows(binding.epoch, batch));
    }
    let watermark_ms = binding.watermark_ms;
    release(Released::Close(Close { epoch: binding.epoch, watermark_ms }));
}
