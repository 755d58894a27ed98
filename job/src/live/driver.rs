//! What drives the dataflow: epochs in their order, first those that were bound
//! before, then new ones, each with the tick that says what is due in it.

use super::checkpoints::{CheckpointState, ToCheckpoints};
use super::start::Start;
use crate::checkpoint::{Part, PartOf, Position};
use crate::time::{Epoch, Extent, Pace, Tick, Ticks};
use std::collections::VecDeque;
use std::sync::Arc;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::judge::Close;
use streamgauge_ingest::source::{BoundEpoch, Source, SourceError};

/// What the driver gives of an epoch, in this order: to the writer, to the
/// checkpoints, to the workers.
#[derive(Debug)]
pub struct Given {
    /// The epoch as it is bound, with its rows and dead letters.
    pub bound: BoundEpoch,
    /// What begins a checkpoint of it.
    pub checkpoint: Vec<ToCheckpoints>,
    /// Its tick.
    pub tick: Tick,
}

/// What came of a step.
#[derive(Debug)]
pub enum Step {
    /// An epoch that was bound before.
    Again(Given),
    /// A new epoch.
    New(Given),
    /// Nothing was there, and nothing is due.
    Nothing,
}

/// Drives epochs.
pub struct Driver<'a> {
    source: Source<'a>,
    clock: &'a dyn Clock,
    ticks: Ticks,
    pace: Pace,
    again: VecDeque<Binding>,
    checkpoints: Arc<CheckpointState>,
    checkpoint_every_ms: i64,
    last_checkpoint_ms: i64,
    settings_hash: u64,
    last: Option<Close>,
}

impl<'a> Driver<'a> {
    /// A driver that goes on from `start`; `source` must begin there, too.
    ///
    /// Returns what the workers are to be given first, if there is a checkpoint.
    #[must_use]
    pub fn new(
        source: Source<'a>,
        clock: &'a dyn Clock,
        pace: Pace,
        start: &Start,
        checkpoints: Arc<CheckpointState>,
        checkpoint_every_ms: i64,
        settings_hash: u64,
    ) -> (Self, Option<(Epoch, Tick)>) {
        let mut source = source;
        source.reader_mut().note_ids();
        if let Some(checkpoint) = &start.checkpoint {
            source.reader_mut().load_seen(&checkpoint.seen);
        }
        let mut ticks = Ticks::new(pace);
        let close = start.checkpoint.as_ref().map(|c| {
            let (epoch, watermark_ms) = (c.manifest.epoch, c.manifest.watermark_ms);
            Close { epoch, watermark_ms }
        });
        let first = close.map(|close| (close.epoch, ticks.restore(close)));
        let driver = Self {
            source,
            clock,
            ticks,
            pace,
            again: start.again.iter().cloned().collect(),
            checkpoints,
            checkpoint_every_ms,
            last_checkpoint_ms: clock.now_ms(),
            settings_hash,
            last: close,
        };
        (driver, first)
    }

    /// The source, to look at.
    #[must_use]
    pub fn source(&self) -> &Source<'a> {
        &self.source
    }

    /// The last epoch that was given, and its watermark.
    #[must_use]
    pub fn last_close(&self) -> Option<Close> {
        self.last
    }

    /// How many epochs that were bound before are still to come.
    #[must_use]
    pub fn epochs_to_redo(&self) -> usize {
        self.again.len()
    }

    /// The next epoch.
    ///
    /// # Errors
    /// If the log can't be read, or is not what was bound.
    pub fn step(&mut self) -> Result<Step, SourceError> {
        if let Some(binding) = self.again.front() {
            let bound = self.source.again(binding)?;
            self.again.pop_front();
            return Ok(Step::Again(self.give(bound)));
        }
        let bound = self.source.next_epoch()?;
        Ok(bound.map_or(Step::Nothing, |bound| Step::New(self.give(bound))))
    }

    /// A last epoch, with a checkpoint of it unless one is being made.
    ///
    /// # Errors
    /// If the log can't be read.
    pub fn last_epoch(&mut self) -> Result<Given, SourceError> {
        // In an epoch with such a number corrections are due, whoever computes it.
        let bound = self.source.last_epoch(self.pace.correction_epochs)?;
        self.last_checkpoint_ms = i64::MIN / 2;
        Ok(self.give(bound))
    }

    fn give(&mut self, bound: BoundEpoch) -> Given {
        let Binding { epoch, watermark_ms, .. } = bound.binding;
        let close = Close { epoch, watermark_ms };
        self.last = Some(close);
        let mut tick = self.ticks.next(close);
        let mut checkpoint = Vec::new();
        if tick.corrections
            && let Some(extent) = self.checkpoint_due()
        {
            tick.checkpoint = Some(extent);
            let settings_hash = self.settings_hash;
            let position = Position { epoch, watermark_ms, settings_hash, extent };
            let seen = self.source.reader_mut().take_seen(extent == Extent::Whole);
            checkpoint.push(ToCheckpoints::Begin(position));
            checkpoint.push(ToCheckpoints::Part(PartOf { epoch, part: Part::Seen(seen) }));
        }
        Given { bound, checkpoint, tick }
    }

    /// Whether a checkpoint is due, and of what.
    fn checkpoint_due(&mut self) -> Option<Extent> {
        let now_ms = self.clock.now_ms();
        let is_due = now_ms.saturating_sub(self.last_checkpoint_ms) >= self.checkpoint_every_ms;
        if !is_due {
            return None;
        }
        let extent = self.checkpoints.begin()?;
        self.last_checkpoint_ms = now_ms;
        Some(extent)
    }
}
