//! A log in memory, for tests and for runs that need nothing kept.
//!
//! It forgets its oldest records when it holds too many bytes, as a log with
//! retention by size does.

use super::{EventLog, LogError, LogReader, NewRecord, POLL_BYTES, Position, Record};
use crate::clock::Clock;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

struct Stored {
    appended_ms: i64,
    key: Box<[u8]>,
    value: Box<[u8]>,
}

impl Stored {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.value.len()
    }
}

#[derive(Default)]
struct Partition {
    start: u64,
    records: VecDeque<Stored>,
}

impl Partition {
    fn end(&self) -> u64 {
        self.start + self.records.len() as u64
    }

    /// Checks that a position can be read from.
    fn check(&self, at: Position) -> Result<(), LogError> {
        let Position { partition, offset } = at;
        if offset < self.start {
            return Err(LogError::Lost { partition, lost: offset..self.start });
        }
        if offset > self.end() {
            return Err(LogError::BeyondEnd { partition, offset, end: self.end() });
        }
        Ok(())
    }
}

#[derive(Default)]
struct Content {
    partitions: Vec<Partition>,
    bytes: usize,
}

impl Content {
    /// Cuts the oldest records, by the time of appending, down to `most_bytes`.
    fn retain(&mut self, most_bytes: usize) {
        while self.bytes > most_bytes {
            let oldest = self
                .partitions
                .iter_mut()
                .filter(|p| !p.records.is_empty())
                .min_by_key(|p| p.records.front().map(|r| r.appended_ms));
            let Some(oldest) = oldest else { break };
            oldest.start += 1;
            self.bytes -= oldest.records.pop_front().map_or(0, |r| r.bytes());
        }
    }
}

/// A log in memory. Clones share it.
#[derive(Clone)]
pub struct MemoryLog {
    content: Arc<Mutex<Content>>,
    /// As many as there were when it was opened.
    partitions: u32,
    clock: Arc<dyn Clock>,
    most_bytes: usize,
}

impl MemoryLog {
    /// An empty log of `partitions` partitions that keeps at most `most_bytes`.
    #[must_use]
    pub fn new(partitions: u32, most_bytes: usize, clock: Arc<dyn Clock>) -> Self {
        let mut content = Content::default();
        content.partitions.resize_with(partitions as usize, Partition::default);
        Self { content: Arc::new(Mutex::new(content)), partitions, clock, most_bytes }
    }

    /// Adds partitions, up to so many. Who has the log already gets them by
    /// [`grown`](EventLog::grown).
    pub fn grow(&self, partitions: u32) {
        let mut content = self.content();
        let partitions = content.partitions.len().max(partitions as usize);
        content.partitions.resize_with(partitions, Partition::default);
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn partition<'c>(
        &self,
        content: &'c Content,
        partition: u32,
    ) -> Result<&'c Partition, LogError> {
        let partitions = self.partitions;
        let known = content.partitions.get(partition as usize);
        let known = known.filter(|_| partition < partitions);
        known.ok_or(LogError::NoPartition { partition, partitions })
    }
}

impl EventLog for MemoryLog {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn append(&self, records: &[NewRecord<'_>]) -> Result<Vec<u64>, LogError> {
        let mut content = self.content();
        // All or none: nothing is appended before every partition is known to exist.
        records.iter().try_for_each(|r| self.partition(&content, r.partition).map(|_| ()))?;
        let appended_ms = self.clock.now_ms();
        let mut offsets = Vec::with_capacity(records.len());
        for record in records {
            let stored = Stored { appended_ms, key: record.key.into(), value: record.value.into() };
            content.bytes += stored.bytes();
            let partition = &mut content.partitions[record.partition as usize];
            offsets.push(partition.end());
            partition.records.push_back(stored);
        }
        content.retain(self.most_bytes);
        Ok(offsets)
    }

    fn bounds(&self, partition: u32) -> Result<Range<u64>, LogError> {
        self.partition(&self.content(), partition).map(|p| p.start..p.end())
    }

    fn offset_at(&self, partition: u32, appended_ms: i64) -> Result<u64, LogError> {
        let content = self.content();
        let p = self.partition(&content, partition)?;
        Ok(p.start + p.records.partition_point(|r| r.appended_ms < appended_ms) as u64)
    }

    fn reader(&self, positions: &[Position]) -> Result<Box<dyn LogReader>, LogError> {
        let content = self.content();
        for at in positions {
            self.partition(&content, at.partition)?.check(*at)?;
        }
        drop(content);
        let positions = positions.to_vec();
        Ok(Box::new(MemoryReader { log: self.clone(), positions, turn: 0 }))
    }

    fn grown(&self) -> Result<Option<Arc<dyn EventLog>>, LogError> {
        let partitions = u32::try_from(self.content().partitions.len()).unwrap_or(u32::MAX);
        let grown = || Arc::new(Self { partitions, ..self.clone() }) as Arc<dyn EventLog>;
        Ok((partitions > self.partitions).then(grown))
    }
}

/// Gives at most `most` records from a position on, and moves it.
fn read(
    partition: &Partition,
    at: &mut Position,
    most: usize,
    most_bytes: usize,
    each: &mut dyn FnMut(Record<'_>),
) -> Result<usize, LogError> {
    partition.check(*at)?;
    let from = usize::try_from(at.offset - partition.start).unwrap_or(usize::MAX);
    let (mut count, mut bytes) = (0, 0);
    for stored in partition.records.iter().skip(from).take(most) {
        each(Record {
            partition: at.partition,
            offset: at.offset,
            appended_ms: stored.appended_ms,
            key: &stored.key,
            value: &stored.value,
        });
        at.offset += 1;
        count += 1;
        bytes += stored.value.len();
        if bytes >= most_bytes {
            break;
        }
    }
    Ok(count)
}

struct MemoryReader {
    log: MemoryLog,
    positions: Vec<Position>,
    /// The partition that begins the next poll.
    turn: usize,
}

impl LogReader for MemoryReader {
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, LogError> {
        let content = self.log.content.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.positions.len();
        let mut left = most;
        for i in 0..count {
            let turn = (self.turn + i) % count;
            let at = &mut self.positions[turn];
            // What is left is shared, so that the first partition doesn't take all.
            let share = left.div_ceil(count - i);
            left -= read(self.log.partition(&content, at.partition)?, at, share, POLL_BYTES, each)?;
        }
        self.turn = (self.turn + 1) % count.max(1);
        Ok(most - left)
    }

    fn read_until(
        &mut self,
        ends: &[Position],
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), LogError> {
        let content = self.log.content.lock().unwrap_or_else(PoisonError::into_inner);
        for end in ends {
            let Some(at) = self.positions.iter_mut().find(|at| at.partition == end.partition)
            else {
                continue;
            };
            let most = usize::try_from(end.offset.saturating_sub(at.offset)).unwrap_or(usize::MAX);
            read(self.log.partition(&content, at.partition)?, at, most, usize::MAX, each)?;
        }
        Ok(())
    }

    fn positions(&self) -> Vec<Position> {
        self.positions.clone()
    }
}
