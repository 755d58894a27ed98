//! The judgement of records in their order: number, watermark, duplicate, late.
//!
//! Decoding needs no order and may run anywhere; what depends on the order of
//! the records is done here, once, by one thread, cheaply. The result for a
//! record depends on the records before it and on the settings alone.

mod chunk;
mod seen;

pub use chunk::{Chunk, ChunkDecoder, DecodedChunk, Line};

use crate::batch::{EventBatch, Row, Texts};
use crate::dead_letter::{DeadLetter, Head, value_hash};
use crate::decode::{Kind, Reason};
use crate::lateness::{Families, LatenessRule};
use crate::settings::{BotMode, InputSettings};
use crate::summary::{JUMP_MS, Jump, SourceCounts};
use crate::watermark::{Advance, Watermarks};
use crate::{BEFORE_TIME_MS, END_OF_TIME_MS};
use chunk::{Entry, Outcome};
use seen::Seen;
use std::borrow::Cow;
use std::sync::Arc;

/// What the judge lets go, in this order: all of an epoch's rows and dead
/// letters, then its close.
#[derive(Debug)]
pub enum Released {
    /// Rows of the epoch that is open.
    Rows(u64, EventBatch),
    /// Rejected records, and partly late ones, of the epoch that is open.
    DeadLetters(u64, Vec<DeadLetter>),
    /// The epoch is complete, and bound to this global watermark.
    Close(Close),
}

/// The end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The epoch.
    pub epoch: u64,
    /// The global watermark after it, ms.
    pub watermark_ms: i64,
}

/// Judges the records of one input, in the order of the input, and cuts them
/// into epochs of a fixed number of records.
pub struct Judge {
    rule: LatenessRule,
    bots: BotMode,
    watermarks: Watermarks,
    offsets: Vec<u64>,
    seen: Option<Seen>,
    epoch_records: u64,
    epoch: u64,
    in_epoch: u64,
    counts: SourceCounts,
    rows: Vec<Row>,
    dead: Vec<DeadLetter>,
}

impl Judge {
    /// A judge at the start of an input.
    ///
    /// `epoch_records` is the number of records that are bound to one epoch.
    #[must_use]
    pub fn new(settings: &InputSettings, epoch_records: u64) -> Self {
        Self {
            rule: settings.lateness_rule(),
            bots: settings.bots,
            watermarks: Watermarks::new(
                settings.partitions,
                settings.allowed_disorder_ms,
                settings.idle_after_records,
            ),
            offsets: vec![0; settings.partitions as usize],
            seen: settings.dedup.then(|| Seen::new(settings)),
            epoch_records: epoch_records.max(1),
            epoch: 0,
            in_epoch: 0,
            counts: SourceCounts::default(),
            rows: Vec::new(),
            dead: Vec::new(),
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> &SourceCounts {
        &self.counts
    }

    /// Judges the next records and hands on what they complete.
    pub fn judge(&mut self, chunk: DecodedChunk, release: &mut impl FnMut(Released)) {
        let texts = Arc::new(chunk.texts);
        let mut rows = chunk.rows.into_iter();
        for (i, entry) in chunk.entries.iter().enumerate() {
            let row = match entry.outcome {
                Outcome::Row => rows.next(),
                _ => None,
            };
            self.record(entry, row, &chunk.raw, i);
            self.in_epoch += 1;
            if self.in_epoch == self.epoch_records {
                self.flush(&texts, release);
                self.close(self.watermarks.global_ms(), release);
            }
        }
        self.flush(&texts, release);
    }

    /// The input has ended: one more epoch, without records, at the end of time,
    /// so that every result becomes final.
    pub fn end(&mut self, release: &mut impl FnMut(Released)) {
        if self.in_epoch > 0 {
            self.close(self.watermarks.global_ms(), release);
        }
        self.close(END_OF_TIME_MS, release);
    }

    fn record(&mut self, entry: &Entry, row: Option<Row>, raw: &Chunk, line: usize) {
        self.counts.read += 1;
        let offset = self.offsets[entry.partition as usize];
        self.offsets[entry.partition as usize] += 1;
        if let Outcome::Rejected(reason) = &entry.outcome {
            let (reason, detail) = reason.as_ref();
            self.counts.dead_letters[*reason as usize] += 1;
            self.bury(entry, offset, *reason, Families::NONE, detail.clone(), raw, line);
        } else {
            let advance = self.watermarks.observe(entry.partition, entry.at_ms);
            self.note(entry, offset, advance);
            let duplicate = self
                .seen
                .as_mut()
                .is_some_and(|seen| seen.is_duplicate(entry, advance.after_ms));
            if duplicate {
                self.counts.duplicates += 1;
            } else {
                self.well_formed(entry, row, offset, advance.after_ms, raw, line);
            }
        }
        self.watermarks.record_read(entry.partition);
    }

    fn note(&mut self, entry: &Entry, offset: u64, advance: Advance) {
        self.counts.bad_leaves += u64::from(entry.bad_leaves);
        if advance.before_ms != BEFORE_TIME_MS && advance.after_ms - advance.before_ms > JUMP_MS {
            let ms = advance.after_ms - advance.before_ms;
            self.counts.note_jump(Jump { partition: entry.partition, offset, ms });
        }
    }

    fn well_formed(
        &mut self,
        entry: &Entry,
        row: Option<Row>,
        offset: u64,
        watermark_ms: i64,
        raw: &Chunk,
        line: usize,
    ) {
        self.counts.bots += u64::from(entry.bot);
        self.counts.unknown_types += u64::from(entry.kind == Kind::Unknown);
        let excluded = entry.bot && self.bots == BotMode::Exclude;
        let Some(mut row) = row.filter(|_| !excluded) else {
            self.counts.accepted += 1;
            return;
        };
        let late = self.rule.late_for(row.at_ms, watermark_ms);
        for family in late.iter() {
            self.counts.late[family as usize] += 1;
        }
        if late == Families::ALL {
            self.counts.dead_letters[Reason::Late as usize] += 1;
        } else {
            self.counts.accepted += 1;
            self.counts.partly_late += u64::from(!late.is_empty());
            row.partition = entry.partition;
            row.offset = offset;
            row.late = late;
            self.rows.push(row);
        }
        if !late.is_empty() {
            let detail = Cow::Owned(format!("the watermark of its partition was {watermark_ms}"));
            self.bury(entry, offset, Reason::Late, late, detail, raw, line);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one dead letter, passed once")]
    fn bury(
        &mut self,
        entry: &Entry,
        offset: u64,
        reason: Reason,
        families: Families,
        detail: Cow<'static, str>,
        raw: &Chunk,
        line: usize,
    ) {
        let (hash, head) = match raw.line(line) {
            chunk::LineRef::Value(value) => (value_hash(value), Head::of(value, value.len())),
            chunk::LineRef::Oversize { hash, head, len } => (hash, Head::of(head, len)),
        };
        let partition = entry.partition;
        self.dead.push(DeadLetter { partition, offset, reason, families, detail, hash, head });
    }

    fn flush(&mut self, texts: &Arc<Texts>, release: &mut impl FnMut(Released)) {
        if !self.dead.is_empty() {
            release(Released::DeadLetters(self.epoch, std::mem::take(&mut self.dead)));
        }
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
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
