//! A log of results in memory, for tests.

use super::{
    LogState, Position, Progress, Record, ResultError, ResultLog, ResultReader, ResultWriter,
    Stored, Topic, Transaction,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;

#[derive(Default)]
struct Content {
    writer: u64,
    records: Vec<(i64, Record)>,
    bindings: BTreeMap<u64, Binding>,
    progress: BTreeMap<u64, Progress>,
    settings: BTreeMap<u64, String>,
}

/// Results in memory. Clones share them.
#[derive(Clone)]
pub struct MemoryResults {
    content: Arc<(Mutex<Content>, Condvar)>,
    clock: Arc<dyn Clock>,
}

impl MemoryResults {
    /// An empty log.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { content: Arc::default(), clock }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records that were ever kept, in order.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.content().records.iter().map(|(_, record)| record.clone()).collect()
    }
}

impl ResultLog for MemoryResults {
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
        let mut content = self.content();
        content.writer += 1;
        Ok(Box::new(MemoryWriter { log: self.clone(), own: content.writer }))
    }

    fn append(&self, records: &[Record]) -> Result<(), ResultError> {
        let now_ms = self.clock.now_ms();
        self.content().records.extend(records.iter().map(|r| (now_ms, r.clone())));
        self.content.1.notify_all();
        Ok(())
    }

    fn reader(
        &self,
        topics: &[Topic],
        from: Position,
    ) -> Result<Box<dyn ResultReader>, ResultError> {
        let next = from.0.first().map_or(0, |n| usize::try_from(*n).unwrap_or(usize::MAX));
        Ok(Box::new(MemoryReader { log: self.clone(), topics: topics.to_vec(), next }))
    }

    fn position_at(&self, at_ms: i64) -> Result<Position, ResultError> {
        let before = self.content().records.partition_point(|(kept_ms, _)| *kept_ms < at_ms);
        Ok(Position(vec![before as u64]))
    }

    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
        Ok(self.content().bindings.range(epoch..).take(most).map(|(_, b)| b.clone()).collect())
    }

    fn state(&self) -> Result<LogState, ResultError> {
        let content = self.content();
        let committed = content.progress.last_key_value().map(|(_, p)| *p);
        let bound = content.bindings.last_key_value().map(|(epoch, _)| *epoch);
        let first_bound = content.bindings.first_key_value().map(|(epoch, _)| *epoch);
        Ok(LogState { committed, bound, first_bound })
    }

    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
        Ok(self.content().settings.get(&hash).cloned())
    }
}

struct MemoryWriter {
    log: MemoryResults,
    own: u64,
}

impl MemoryWriter {
    fn in_charge(&self) -> Result<MutexGuard<'_, Content>, ResultError> {
        let content = self.log.content();
        if content.writer == self.own {
            return Ok(content);
        }
        Err(ResultError::Fenced { newer: content.writer, own: self.own })
    }
}

impl ResultWriter for MemoryWriter {
    fn number(&self) -> u64 {
        self.own
    }

    fn commit(&mut self, transaction: &Transaction) -> Result<(), ResultError> {
        let now_ms = self.log.clock.now_ms();
        let mut content = self.in_charge()?;
        content.bindings.extend(transaction.bindings.iter().map(|b| (b.epoch, b.clone())));
        content.progress.extend(transaction.progress.iter().map(|p| (p.epoch, *p)));
        content.settings.extend(transaction.settings.clone());
        content.records.extend(transaction.records.iter().map(|r| (now_ms, r.clone())));
        drop(content);
        self.log.content.1.notify_all();
        Ok(())
    }

    fn retain(&mut self, epoch: u64, bound_before_ms: i64) -> Result<(), ResultError> {
        let mut content = self.in_charge()?;
        content.bindings.retain(|e, b| *e >= epoch || b.at_ms >= bound_before_ms);
        let first = content.bindings.first_key_value().map_or(epoch, |(first, _)| *first);
        content.progress = content.progress.split_off(&first);
        Ok(())
    }

    fn progress(&self, epoch: u64) -> Result<Option<Progress>, ResultError> {
        Ok(self.log.content().progress.get(&epoch).copied())
    }
}

struct MemoryReader {
    log: MemoryResults,
    topics: Vec<Topic>,
    next: usize,
}

impl ResultReader for MemoryReader {
    fn poll(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, ResultError> {
        let content = self.log.content.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        while count < most
            && let Some((at_ms, record)) = content.records.get(self.next)
        {
            self.next += 1;
            if self.topics.contains(&record.topic) {
                let Record { topic, epoch, key, value } = record;
                let (topic, epoch, at_ms) = (*topic, *epoch, *at_ms);
                each(Stored { at_ms, topic, epoch, key, value: value.as_deref() });
                count += 1;
            }
        }
        Ok(count)
    }

    fn position(&self) -> Position {
        Position(vec![self.next as u64])
    }

    fn wait(&mut self, at_most: Duration) {
        let content = self.log.content();
        if content.records.len() <= self.next {
            // Whether it was woken or has waited long enough is all the same.
            drop(self.log.content.1.wait_timeout(content, at_most));
        }
    }
}
