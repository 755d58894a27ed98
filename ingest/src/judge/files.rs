//! The records of files, in the order of the files.
//!
//! The order decides the offsets (a record's place among those of its partition),
//! who is idle, and the epochs: a fixed number of records each.

use super::chunk::{DecodedChunk, Outcome};
use super::record::{Case, Judge};
use super::{Close, Place, Released, Watcher};
use crate::END_OF_TIME_MS;
use crate::batch::{EventBatch, Texts};
use crate::settings::InputSettings;
use crate::summary::SourceCounts;
use std::sync::Arc;

/// Judges the records of files and cuts them into epochs.
pub struct FileJudge {
    judge: Judge,
    offsets: Vec<u64>,
    epoch_records: u64,
    epoch: u64,
    in_epoch: u64,
}

impl FileJudge {
    /// A judge at the start of an input.
    ///
    /// `epoch_records` is the number of records that are bound to one epoch.
    #[must_use]
    pub fn new(settings: &InputSettings, epoch_records: u64) -> Self {
        Self {
            judge: Judge::new(settings),
            offsets: vec![0; settings.partitions as usize],
            epoch_records: epoch_records.max(1),
            epoch: 0,
            in_epoch: 0,
        }
    }

    pub(super) fn into_judge(self) -> Judge {
        self.judge
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &SourceCounts {
        &self.judge.counts
    }

    /// Tells `watcher` of every record from now on.
    pub fn watch(&mut self, watcher: Watcher) {
        self.judge.watcher = Some(watcher);
    }

    /// Judges the next records and hands on what they complete.
    pub fn judge(&mut self, chunk: DecodedChunk, release: &mut impl FnMut(Released)) {
        self.judge_all(chunk, None, release);
    }

    /// Judges the next records of a log that is read as if it were a file: each has a
    /// place, and a time at which it was appended.
    pub fn judge_placed(
        &mut self,
        chunk: DecodedChunk,
        places: &[Place],
        release: &mut impl FnMut(Released),
    ) {
        self.judge_all(chunk, Some(places), release);
    }

    fn judge_all(
        &mut self,
        mut chunk: DecodedChunk,
        places: Option<&[Place]>,
        release: &mut impl FnMut(Released),
    ) {
        let texts = Arc::new(std::mem::take(&mut chunk.texts));
        let mut rows = std::mem::take(&mut chunk.rows).into_iter();
        for (line, entry) in chunk.entries.iter_mut().enumerate() {
            let (offset, appended_ms) = match places.and_then(|places| places.get(line)) {
                Some(place) => {
                    entry.partition = place.partition;
                    (place.offset, Some(place.appended_ms))
                }
                None => {
                    let next = &mut self.offsets[entry.partition as usize];
                    (std::mem::replace(next, *next + 1), None)
                }
            };
            let row = if matches!(entry.outcome, Outcome::Row) { rows.next() } else { None };
            let raw = &chunk.raw;
            let case = Case { entry, row, offset, appended_ms, texts: &texts, raw, line };
            self.judge.record(&case);
            self.judge.watermarks.record_read(entry.partition);
            self.in_epoch += 1;
            if self.in_epoch == self.epoch_records {
                self.flush(&texts, release);
                self.close(self.judge.watermarks.global_ms(), release);
            }
        }
        self.flush(&texts, release);
    }

    /// Ends the epoch that is open, whatever number of records it holds.
    pub fn cut(&mut self, release: &mut impl FnMut(Released)) {
        self.close(self.judge.watermarks.global_ms(), release);
    }

    /// The input has ended: one more epoch, without records, at the end of time,
    /// so that every result becomes final.
    pub fn end(&mut self, release: &mut impl FnMut(Released)) {
        if self.in_epoch > 0 {
            self.close(self.judge.watermarks.global_ms(), release);
        }
        self.close(END_OF_TIME_MS, release);
    }

    fn flush(&mut self, texts: &Arc<Texts>, release: &mut impl FnMut(Released)) {
        if !self.judge.dead.is_empty() {
            let dead = std::mem::take(&mut self.judge.dead);
            release(Released::DeadLetters(self.epoch, dead));
        }
        if !self.judge.rows.is_empty() {
            let rows = std::mem::take(&mut self.judge.rows);
            let batch = EventBatch { target: 0, rows, texts: Arc::clone(texts) };
            release(Released::Rows(self.epoch, batch));
        }
    }

    fn close(&mut self, watermark_ms: i64, release: &mut impl FnMut(Released)) {
        release(Released::Close(Close { epoch: self.epoch, watermark_ms }));
        self.epoch += 1;
        self.in_epoch = 0;
    }
}
