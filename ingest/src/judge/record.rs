//! One record: what becomes of it.

use super::chunk::{Chunk, Entry, LineRef, Outcome};
use super::seen::Seen;
use super::watch::{Fate, Judged, Watcher};
use crate::BEFORE_TIME_MS;
use crate::batch::{Row, Texts};
use crate::dead_letter::{DeadLetter, Head, value_hash};
use crate::decode::{Kind, Reason};
use crate::lateness::{Families, LatenessRule};
use crate::settings::{BotMode, InputSettings};
use crate::summary::{JUMP_MS, Jump, SourceCounts};
use crate::watermark::{Advance, Watermarks};
use std::borrow::Cow;

/// How far ahead of the time of appending a timestamp may lie, ms.
const FUTURE_MS: i64 = 300_000;

/// A record to be judged, and where it stands.
pub(super) struct Case<'a> {
    pub(super) entry: &'a Entry,
    /// Of a record of a known type.
    pub(super) row: Option<Row>,
    pub(super) offset: u64,
    /// When it was appended, where the input knows that, ms.
    pub(super) appended_ms: Option<i64>,
    pub(super) texts: &'a Texts,
    pub(super) raw: &'a Chunk,
    pub(super) line: usize,
}

/// Judges records one after the other.
pub(super) struct Judge {
    rule: LatenessRule,
    sequence_spans_ms: Vec<i64>,
    bots: BotMode,
    pub(super) seen: Option<Seen>,
    pub(super) watermarks: Watermarks,
    pub(super) counts: SourceCounts,
    /// Accepted so far.
    pub(super) rows: Vec<Row>,
    /// Rejected, or partly late, so far.
    pub(super) dead: Vec<DeadLetter>,
    pub(super) watcher: Option<Watcher>,
}

impl Judge {
    pub(super) fn new(settings: &InputSettings) -> Self {
        Self {
            rule: settings.lateness_rule(),
            sequence_spans_ms: settings.sequence_spans_ms.clone(),
            bots: settings.bots,
            seen: settings.dedup.then(|| Seen::new(settings)),
            watermarks: Watermarks::new(
                settings.partitions,
                settings.allowed_disorder_ms,
                settings.idle_after_records,
            ),
            counts: SourceCounts::default(),
            rows: Vec::new(),
            dead: Vec::new(),
            watcher: None,
        }
    }

    pub(super) fn record(&mut self, case: &Case<'_>) {
        self.counts.read += 1;
        let fate = self.decide(case);
        if let Some(watcher) = &mut self.watcher {
            let entry = case.entry;
            let is_read = !matches!(entry.outcome, Outcome::Rejected(_));
            watcher(&Judged {
                partition: entry.partition,
                offset: case.offset,
                appended_ms: case.appended_ms,
                value: match case.raw.line(case.line) {
                    LineRef::Value(value) => Some(value),
                    LineRef::Oversize { .. } => None,
                },
                at_ms: is_read.then_some(entry.at_ms),
                row: case.row.as_ref(),
                texts: case.texts,
                watermark_ms: self.watermarks.partition_ms(entry.partition),
                fate,
            });
        }
    }

    fn decide(&mut self, case: &Case<'_>) -> Fate {
        let entry = case.entry;
        if let Outcome::Rejected(rejection) = &entry.outcome {
            let (reason, detail) = rejection.as_ref();
            return self.reject(case, *reason, detail.clone());
        }
        let mut moves_to_ms = entry.at_ms;
        if let Some(appended_ms) = case.appended_ms {
            if entry.at_ms > appended_ms + FUTURE_MS {
                let detail = format!("{} ms ahead of its appending", entry.at_ms - appended_ms);
                return self.reject(case, Reason::Future, detail.into());
            }
            moves_to_ms = moves_to_ms.min(appended_ms);
        }
        let advance = self.watermarks.observe(entry.partition, moves_to_ms);
        self.note(case, advance);
        let seen = self.seen.as_mut();
        if seen.is_some_and(|seen| seen.is_duplicate(entry, advance.after_ms)) {
            self.counts.duplicates += 1;
            return Fate::Duplicate;
        }
        self.counts.bots += u64::from(entry.bot);
        self.counts.unknown_types += u64::from(entry.kind == Kind::Unknown);
        let excluded = entry.bot && self.bots == BotMode::Exclude;
        match case.row {
            Some(row) if !excluded => Fate::Known(self.known(case, row, advance.after_ms)),
            _ => {
                self.counts.accepted += 1;
                if excluded { Fate::Bot } else { Fate::UnknownType }
            }
        }
    }

    fn note(&mut self, case: &Case<'_>, advance: Advance) {
        self.counts.bad_leaves += u64::from(case.entry.bad_leaves);
        if advance.before_ms == BEFORE_TIME_MS {
            return;
        }
        let ms = advance.after_ms - advance.before_ms;
        if ms > JUMP_MS {
            let partition = case.entry.partition;
            self.counts.note_jump(Jump { partition, offset: case.offset, ms });
        }
    }

    /// A record of a known type: each family takes it, or it is late for it.
    fn known(&mut self, case: &Case<'_>, mut row: Row, watermark_ms: i64) -> Families {
        let late = self.rule.late_for(row.at_ms, watermark_ms);
        for family in late.iter() {
            self.counts.late[family as usize] += 1;
        }
        if !late.is_empty() {
            let detail = format!("the watermark of its partition was {watermark_ms}");
            self.bury(case, Reason::Late, late, detail.into());
        }
        if late == Families::ALL {
            self.counts.dead_letters[Reason::Late as usize] += 1;
            return late;
        }
        self.counts.accepted += 1;
        self.counts.partly_late += u64::from(!late.is_empty());
        row.partition = case.entry.partition;
        row.offset = case.offset;
        row.late = late;
        row.late_spans = self.rule.late_spans(row.at_ms, watermark_ms, &self.sequence_spans_ms);
        self.rows.push(row);
        late
    }

    fn reject(&mut self, case: &Case<'_>, reason: Reason, detail: Cow<'static, str>) -> Fate {
        self.counts.dead_letters[reason as usize] += 1;
        self.bury(case, reason, Families::NONE, detail);
        Fate::Rejected(reason)
    }

    fn bury(
        &mut self,
        case: &Case<'_>,
        reason: Reason,
        families: Families,
        detail: Cow<'static, str>,
    ) {
        let (hash, head) = match case.raw.line(case.line) {
            LineRef::Value(value) => (value_hash(value), Head::of(value, value.len())),
            LineRef::Oversize { hash, head, len } => (hash, Head::of(head, len)),
        };
        let (partition, offset) = (case.entry.partition, case.offset);
        let ahead_ms = match reason {
            Reason::Future => case.appended_ms.map_or(0, |at_ms| case.entry.at_ms - at_ms),
            _ => 0,
        };
        self.dead.push(DeadLetter {
            partition,
            offset,
            reason,
            families,
            ahead_ms,
            detail,
            hash,
            head,
        });
    }
}
