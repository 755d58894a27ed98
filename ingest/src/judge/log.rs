//! The records of a log, each partition in its own order.
//!
//! A record's lateness looks only at its own partition; what depends on all
//! partitions (who is idle, the global watermark) is bound per epoch by whoever
//! sees all of them, and comes back here as [`LogJudge::raise`].

use super::chunk::{Chunk, DecodedChunk, Outcome};
use super::record::{Case, Judge};
use super::seen::SeenId;
use super::{FileJudge, Watcher};
use crate::batch::EventBatch;
use crate::dead_letter::DeadLetter;
use crate::settings::InputSettings;
use crate::summary::SourceCounts;
use std::sync::Arc;

/// Where a record of a log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// When it was appended, ms.
    pub appended_ms: i64,
}

/// What became of records.
#[derive(Debug)]
pub struct JudgedChunk {
    /// Accepted events of known types.
    pub batch: Option<EventBatch>,
    /// Rejected records, and partly late ones.
    pub dead_letters: Vec<DeadLetter>,
    /// The records as they were read.
    pub raw: Chunk,
}

/// Judges the records of some partitions of a log.
pub struct LogJudge {
    judge: Judge,
}

impl LogJudge {
    /// A judge of partitions whose watermarks stand at −∞.
    #[must_use]
    pub fn new(settings: &InputSettings) -> Self {
        Self { judge: Judge::new(settings) }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &SourceCounts {
        &self.judge.counts
    }

    /// The watermark of a partition, ms.
    #[must_use]
    pub fn watermark_ms(&self, partition: u32) -> i64 {
        self.judge.watermarks.partition_ms(partition)
    }

    /// Raises a partition's watermark: it was idle, or is resumed from where it
    /// stood.
    pub fn raise(&mut self, partition: u32, watermark_ms: i64) {
        self.judge.watermarks.raise(partition, watermark_ms);
    }

    /// Adds partitions, up to so many, whose watermarks stand at −∞.
    pub fn grow(&mut self, partitions: u32) {
        self.judge.watermarks.grow(partitions);
        if let Some(seen) = &mut self.judge.seen {
            seen.grow(partitions);
        }
    }

    /// Tells `watcher` of every record from now on.
    pub fn watch(&mut self, watcher: Watcher) {
        self.judge.watcher = Some(watcher);
    }

    /// Notes for checkpoints which ids are seen from now on.
    pub fn note_ids(&mut self) {
        if let Some(seen) = &mut self.judge.seen {
            seen.note_ids();
        }
    }

    /// The ids seen since this was asked last, or all of them.
    pub fn take_seen(&mut self, all: bool) -> Vec<SeenId> {
        self.judge.seen.as_mut().map(|seen| seen.take(all)).unwrap_or_default()
    }

    /// Goes on from what another has counted, and from the ids that it has seen.
    pub fn go_on_from(&mut self, other: FileJudge) {
        let Judge { seen, counts, .. } = other.into_judge();
        (self.judge.seen, self.judge.counts) = (seen, counts);
    }

    /// Goes on from ids that a checkpoint held.
    pub fn load_seen(&mut self, ids: &[(u32, u128, i64)]) {
        if let Some(seen) = &mut self.judge.seen {
            seen.load(ids);
        }
    }

    /// Judges records, each at its place.
    pub fn judge(&mut self, chunk: DecodedChunk, places: &[Place]) -> JudgedChunk {
        let mut chunk = chunk;
        let mut rows = std::mem::take(&mut chunk.rows).into_iter();
        for (line, (entry, place)) in chunk.entries.iter_mut().zip(places).enumerate() {
            // A producer may spread records over partitions as it likes.
            entry.partition = place.partition;
            let row = if matches!(entry.outcome, Outcome::Row) { rows.next() } else { None };
            let (offset, appended_ms) = (place.offset, Some(place.appended_ms));
            let (texts, raw) = (&chunk.texts, &chunk.raw);
            self.judge.record(&Case { entry, row, offset, appended_ms, texts, raw, line });
        }
        let rows = std::mem::take(&mut self.judge.rows);
        let texts = Arc::new(chunk.texts);
        let batch = (!rows.is_empty()).then_some(EventBatch { target: 0, rows, texts });
        JudgedChunk { batch, dead_letters: std::mem::take(&mut self.judge.dead), raw: chunk.raw }
    }
}
