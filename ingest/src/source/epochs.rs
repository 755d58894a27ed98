//! Epochs of a log, one after the other: those that were bound before, then new ones
//! as time goes on.

use super::added::Log;
use super::{Binder, EpochReader, Read, SourceError};
use crate::batch::EventBatch;
use crate::binding::{Binding, EpochCounts, PartitionBinding};
use crate::clock::Clock;
use crate::dead_letter::DeadLetter;
use crate::judge::{Close, Released};
use crate::log::{EventLog, LogError, Position};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;
use std::collections::BTreeMap;

/// Most records bound to one epoch: a burst lengthens the epochs' number, not
/// their size.
const MOST_RECORDS: usize = 20_000;
/// An epoch without records is bound after this time, ms: what the clock moves
/// must go on.
const QUIET_MS: i64 = 1_000;

/// How epochs are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// Length of an epoch, ms, above 0.
    pub epoch_ms: i64,
    /// Hash of the settings that the job's outputs are computed by.
    pub settings_hash: u64,
}

/// An epoch that is read, judged and given a binding.
#[derive(Debug)]
pub struct BoundEpoch {
    /// Its binding.
    pub binding: Binding,
    /// Its accepted events of known types.
    pub batch: Option<EventBatch>,
    /// Its rejected records, and partly late ones.
    pub dead_letters: Vec<DeadLetter>,
    /// Whether most likely the next one waits already.
    pub is_full: bool,
}

impl BoundEpoch {
    /// Lets go of its parts in the order in which the dataflow takes them.
    pub fn release(self, release: &mut impl FnMut(Released)) {
        let Binding { epoch, watermark_ms, .. } = self.binding;
        if !self.dead_letters.is_empty() {
            release(Released::DeadLetters(epoch, self.dead_letters));
        }
        if let Some(batch) = self.batch {
            release(Released::Rows(epoch, batch));
        }
        release(Released::Close(Close { epoch, watermark_ms }));
    }
}

/// Reads a log epoch by epoch.
pub struct Source<'a> {
    pub(super) log: Log<'a>,
    clock: &'a dyn Clock,
    pacing: Pacing,
    pub(super) reader: EpochReader,
    pub(super) binder: Binder,
    /// How many partitions the last epoch was bound over; none if there was no epoch.
    pub(super) bound: Option<usize>,
    /// When it was last looked whether partitions were added, ms.
    pub(super) looked_ms: i64,
    /// What epochs are numbered from: the clock, and the number then.
    numbered_from: (i64, u64),
    /// Whether all ids are known that were seen before.
    knows_ids: bool,
    last_epoch: Option<u64>,
    last_bound_ms: i64,
}

impl<'a> Source<'a> {
    /// A source that begins behind an epoch that was bound before; without one, with
    /// what the log still holds.
    ///
    /// # Errors
    /// If the log can't be read from there, or has fewer partitions.
    pub fn new(
        log: &'a dyn EventLog,
        clock: &'a dyn Clock,
        settings: &InputSettings,
        pacing: Pacing,
        after: Option<&Binding>,
    ) -> Result<Self, SourceError> {
        let mut log = Log::Given(log);
        if let Some(binding) = after {
            if let Some(grown) = log.grown_for(binding)? {
                log = Log::Grown(grown);
            }
            log.check(binding, None)?;
        }
        let bound = |partition| after?.partitions.iter().find(|p| p.partition == partition);
        let position = |(partition, bounds): (u32, std::ops::Range<u64>)| {
            let offset = bound(partition).map_or(bounds.start, |bound| bound.hi);
            Position { partition, offset }
        };
        let positions: Vec<_> = (0..).zip(log.get().all_bounds()?).map(position).collect();
        let now_ms = clock.now_ms();
        let mut source = Self {
            reader: EpochReader::new(log.get(), settings, &positions)?,
            log,
            clock,
            pacing,
            binder: Binder::new(pacing.settings_hash),
            bound: None,
            looked_ms: now_ms,
            numbered_from: (now_ms, 0),
            knows_ids: true,
            last_epoch: None,
            last_bound_ms: now_ms,
        };
        if let Some(binding) = after {
            for p in &binding.partitions {
                source.reader.raise(p.partition, p.watermark_ms);
            }
            source.resume(binding);
        }
        Ok(source)
    }

    /// It begins amid a log without the ids that were seen before: a duplicate of what came
    /// before is none to it, and what becomes of records is not held against bindings.
    pub fn begins_amid(&mut self) {
        self.knows_ids = false;
    }

    /// The log, with all partitions that are read.
    #[must_use]
    pub fn log(&self) -> &dyn EventLog {
        self.log.get()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &SourceCounts {
        self.reader.counts()
    }

    /// When the last record that was read was appended, ms.
    #[must_use]
    pub fn last_appended_ms(&self) -> Option<i64> {
        self.reader.last_appended_ms()
    }

    /// The reader, for what a checkpoint keeps of it.
    pub fn reader_mut(&mut self) -> &mut EpochReader {
        &mut self.reader
    }

    /// How long until the next epoch is due, ms.
    #[must_use]
    pub fn wait_ms(&self) -> i64 {
        let epoch_ms = self.pacing.epoch_ms;
        let passed_ms = (self.clock.now_ms() - self.numbered_from.0).max(0);
        epoch_ms - passed_ms % epoch_ms
    }

    /// The next epoch as it was bound before.
    ///
    /// # Errors
    /// If the log is away: then the same can be asked again.
    /// If the log no longer holds what was bound, or the settings or the partitions
    /// are others.
    pub fn again(&mut self, binding: &Binding) -> Result<BoundEpoch, SourceError> {
        let epoch = binding.epoch;
        if let Some(grown) = self.log.grown_for(binding)? {
            self.grow(grown)?;
        }
        self.log.check(binding, self.bound)?;
        self.check_begun(binding)?;
        if binding.settings_hash != self.pacing.settings_hash {
            return Err(SourceError::OtherSettings { epoch });
        }
        let Read { partitions, counts, batch, dead_letters, .. } =
            self.reader.read_bound(&binding.partitions)?;
        let same = |(read, bound): (&PartitionBinding, &PartitionBinding)| read == bound;
        let differs = partitions.iter().zip(&binding.partitions).find(|pair| !same(*pair));
        if let Some((_, bound)) = differs {
            let (partition, offsets) = (bound.partition, bound.lo..bound.hi);
            return Err(SourceError::Changed { epoch, partition, offsets });
        }
        if self.knows_ids && counts != binding.counts {
            return Err(SourceError::JudgedOtherwise { epoch });
        }
        self.resume(binding);
        Ok(BoundEpoch { binding: binding.clone(), batch, dead_letters, is_full: true })
    }

    /// The next epoch of what is there now. None if there were no records, and no
    /// epoch without records is due.
    ///
    /// # Errors
    /// If the log can't be read. Where it is away, the same can be asked again, and
    /// nothing is bound until it is back.
    pub fn next_epoch(&mut self) -> Result<Option<BoundEpoch>, SourceError> {
        self.check_added()?;
        let now_ms = self.clock.now_ms();
        let read = self.reader.read(MOST_RECORDS)?;
        // What is no record has its place in an epoch, too.
        let has_nothing = read.partitions.iter().all(|p| p.lo == p.hi);
        let is_quiet = has_nothing && self.last_epoch.is_some();
        if is_quiet && (0..QUIET_MS).contains(&(now_ms - self.last_bound_ms)) {
            return Ok(None);
        }
        let epoch = self.number(now_ms);
        let bound = self.bind(read, epoch, now_ms)?;
        self.look_for_more(now_ms)?;
        Ok(Some(bound))
    }

    /// A last epoch of what is there now, perhaps nothing, whose number is a multiple
    /// of `multiple`, above 0. If the log is away, it is one of nothing.
    ///
    /// # Errors
    /// If the log can't be read.
    pub fn last_epoch(&mut self, multiple: u64) -> Result<BoundEpoch, SourceError> {
        self.check_added()?;
        let now_ms = self.clock.now_ms();
        let read = match self.reader.read(MOST_RECORDS) {
            Err(SourceError::Log(LogError::Away { .. })) => self.reader.read_nothing(),
            read => read?,
        };
        let epoch = self.number(now_ms).next_multiple_of(multiple);
        self.last_epoch = Some(epoch);
        self.bind(read, epoch, now_ms)
    }

    /// The end of each partition. While the log is away nobody knows them, and no
    /// partition counts as read to its end: none is idle then.
    fn ends(&self) -> Result<BTreeMap<u32, u64>, LogError> {
        let log = self.log.get();
        let ends = match log.all_bounds() {
            Err(LogError::Away { .. }) => vec![u64::MAX; log.partitions() as usize],
            bounds => bounds?.into_iter().map(|b| b.end).collect(),
        };
        Ok((0..).zip(ends).collect())
    }

    fn bind(&mut self, read: Read, epoch: u64, now_ms: i64) -> Result<BoundEpoch, SourceError> {
        let Read { partitions, counts, batch, dead_letters, is_full } = read;
        let ends = self.ends()?;
        let binding = self.binder.bind(epoch, partitions, counts, &ends, now_ms);
        self.last_bound_ms = now_ms;
        self.bound = Some(binding.partitions.len());
        self.raise_idle(&binding);
        Ok(BoundEpoch { binding, batch, dead_letters, is_full })
    }

    /// Goes on behind an epoch that was bound before.
    fn resume(&mut self, binding: &Binding) {
        self.raise_idle(binding);
        self.binder.resume(binding);
        self.bound = Some(binding.partitions.len());
        self.raise_added();
        self.last_epoch = Some(binding.epoch);
        self.numbered_from = (self.clock.now_ms(), binding.epoch + 1);
    }

    fn raise_idle(&mut self, binding: &Binding) {
        for partition in &binding.idle {
            self.reader.raise(*partition, binding.watermark_ms);
        }
    }

    /// Epochs are numbered by the time that has passed, from 0 on, and never twice.
    fn number(&mut self, now_ms: i64) -> u64 {
        let (from_ms, from_epoch) = self.numbered_from;
        let passed = u64::try_from((now_ms - from_ms) / self.pacing.epoch_ms).unwrap_or(0);
        let by_time = from_epoch + passed;
        let epoch = self.last_epoch.map_or(0, |last| by_time.max(last + 1));
        self.last_epoch = Some(epoch);
        epoch
    }
}

impl EpochCounts {
    /// What was counted between two moments.
    #[must_use]
    pub fn between(before: &SourceCounts, after: &SourceCounts) -> Self {
        let mut dead_letters = after.dead_letters;
        dead_letters.iter_mut().zip(before.dead_letters).for_each(|(a, b)| *a -= b);
        Self {
            read: after.read - before.read,
            accepted: after.accepted - before.accepted,
            dead_letters,
            duplicates: after.duplicates - before.duplicates,
        }
    }
}
