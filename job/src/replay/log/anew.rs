//! A log as if it were a file: its records in the order of their times of appending,
//! partitions and offsets.
//!
//! A partition is read in its own order. Where its times go back, as they can where
//! producers set them, a record counts with the latest one before it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::judge::{Chunk, ChunkDecoder, FileJudge, Line, Place, Released};
use streamgauge_ingest::log::{EventLog, LogError, LogReader, Position, Record};
use streamgauge_ingest::settings::InputSettings;

/// Records that are judged at once.
const RECORDS: usize = 10_000;
/// About how many bytes of them at most.
const BYTES: usize = 16 << 20;
/// Offsets of a partition that are read ahead: memory must not follow how far one is
/// ahead of the others.
const AHEAD: u64 = 1_000;
/// About so many bytes are, of a partition whose last records tell how large they are.
const AHEAD_BYTES: u64 = 1 << 20;
/// Offsets that are read first.
const AHEAD_FIRST: u64 = 64;
/// Offsets of a partition with the largest records.
const LEAST_AHEAD: u64 = 8;
/// How often a log that is away is tried.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// Judges the records of a log from some positions up to others as if they were a file's.
///
/// # Errors
/// If the log can't be read; while it is away it is waited for.
pub(crate) fn anew(
    log: &dyn EventLog,
    from: &[Position],
    until: &[Position],
    settings: &InputSettings,
    progress: &Progress,
    judge: &mut FileJudge,
    release: &mut impl FnMut(Released),
) -> Result<(), LogError> {
    let mut decoder = ChunkDecoder::new(settings);
    let mut records = InOrder::open(log, from, until, progress)?;
    loop {
        let (mut chunk, mut places) = (Chunk::default(), Vec::new());
        while places.len() < RECORDS && chunk.bytes.len() < BYTES {
            let Some((place, value)) = records.next()? else { break };
            let start = chunk.bytes.len();
            chunk.bytes.extend_from_slice(&value);
            chunk.lines.push(Line::Value(start..chunk.bytes.len()));
            places.push(place);
        }
        if places.is_empty() || progress.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        progress.records.fetch_add(places.len() as u64, Ordering::Relaxed);
        judge.judge_placed(decoder.decode(chunk), &places, release);
    }
}

/// A partition: what is read of it and waits for its turn.
struct Part {
    at: Position,
    end: u64,
    latest_ms: i64,
    waiting: VecDeque<(Place, Vec<u8>)>,
    /// Offsets to be read at once.
    ahead: u64,
}

impl Part {
    /// The time that its next record counts with.
    fn turn(&mut self) -> Option<i64> {
        let (place, _) = self.waiting.front()?;
        self.latest_ms = self.latest_ms.max(place.appended_ms);
        Some(self.latest_ms)
    }

    fn is_read(&self) -> bool {
        self.at.offset >= self.end
    }
}

/// The records of several partitions in one order.
struct InOrder<'a> {
    reader: Box<dyn LogReader>,
    parts: Vec<Part>,
    /// Partitions with a record that waits: its time, the partition's place.
    turns: BinaryHeap<Reverse<(i64, usize)>>,
    /// Partitions of which nothing waits, and something is still to be read.
    empty: Vec<usize>,
    progress: &'a Progress,
}

impl<'a> InOrder<'a> {
    fn open(
        log: &dyn EventLog,
        from: &[Position],
        until: &[Position],
        progress: &'a Progress,
    ) -> Result<Self, LogError> {
        let mut from = from.to_vec();
        from.sort_by_key(|at| at.partition);
        let end = |at: &Position| until.iter().find(|end| end.partition == at.partition);
        let part = |at: &Position| Part {
            at: *at,
            end: end(at).map_or(0, |end| end.offset),
            latest_ms: i64::MIN,
            waiting: VecDeque::new(),
            ahead: AHEAD_FIRST,
        };
        let parts: Vec<_> = from.iter().map(part).collect();
        let empty = (0..parts.len()).filter(|i| !parts[*i].is_read()).collect();
        let reader = log.reader(&from)?;
        Ok(Self { reader, parts, turns: BinaryHeap::new(), empty, progress })
    }

    /// The next record; none at the end, or if it is asked to stop.
    fn next(&mut self) -> Result<Option<(Place, Vec<u8>)>, LogError> {
        while !self.empty.is_empty() {
            if self.progress.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            self.fill()?;
        }
        let Some(Reverse((_, i))) = self.turns.pop() else { return Ok(None) };
        let next = self.parts[i].waiting.pop_front();
        self.line_up(i);
        Ok(next)
    }

    /// Gives a partition its turn, or has it read on.
    fn line_up(&mut self, i: usize) {
        match self.parts[i].turn() {
            Some(ms) => self.turns.push(Reverse((ms, i))),
            None if self.parts[i].is_read() => {}
            None => self.empty.push(i),
        }
    }

    /// Reads on in partitions of which little waits.
    fn fill(&mut self) -> Result<(), LogError> {
        let mut ends = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let has_few = (part.waiting.len() as u64) < part.ahead / 4 || part.waiting.is_empty();
            let most = if has_few { part.ahead } else { 0 };
            let offset = part.end.min(part.at.offset + most).max(part.at.offset);
            ends.push(Position { offset, ..part.at });
        }
        let mut read: Vec<(Place, Vec<u8>)> = Vec::new();
        let mut note = |record: Record<'_>| {
            let Record { partition, offset, appended_ms, value, .. } = record;
            read.push((Place { partition, offset, appended_ms }, value.to_vec()));
        };
        match self.reader.read_until(&ends, &mut note) {
            Err(LogError::Away { .. }) => {
                thread::sleep(AGAIN);
                return Ok(());
            }
            done => done?,
        }
        for (place, value) in read {
            let i = self.parts.binary_search_by_key(&place.partition, |part| part.at.partition);
            if let Ok(i) = i {
                self.parts[i].waiting.push_back((place, value));
            }
        }
        for (part, end) in self.parts.iter_mut().zip(ends) {
            if end.offset > part.at.offset {
                part.ahead = ahead(&part.waiting, part.ahead);
            }
            part.at = end;
        }
        for i in std::mem::take(&mut self.empty) {
            self.line_up(i);
        }
        Ok(())
    }
}

/// How many offsets are read next of a partition of which so much waits: at most twice as
/// many as before.
fn ahead(waiting: &VecDeque<(Place, Vec<u8>)>, before: u64) -> u64 {
    let bytes: u64 = waiting.iter().map(|(_, value)| value.len() as u64).sum();
    let fits = (waiting.len() as u64 * AHEAD_BYTES).checked_div(bytes).unwrap_or(AHEAD);
    fits.min(2 * before).clamp(LEAST_AHEAD, AHEAD)
}

#[cfg(test)]
mod tests;
