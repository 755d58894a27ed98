//! The log in a Kafka: a topic, read by partition and offset.
//!
//! What is different from a log in a file: several machines keep it, so it can be away
//! for a while ([`LogError::Away`]), and what one call appends to several partitions is
//! there for each of them or not; no transaction holds it together. What transactions
//! of others have appended is read when they are committed, and not if they are aborted.
//!
//! Consumer groups have no part in it: who reads what is ours to say, and bindings, not
//! committed offsets, say from where.

mod append;
mod commits;
mod follow;
mod heard;
mod offsets;
mod part;
mod reader;
mod refusal;
mod settings;
mod topics;

pub use follow::Follower;
pub use heard::Heard;
pub use part::{EPOCH_HEADER, Held, epoch_of};
pub use settings::{BATCH_BYTES, KafkaSettings, MOST_RECORD_BYTES, Mechanism, Sasl, Security, Tls};
pub use topics::Topics;

use super::{EventLog, LogError, LogReader, NewRecord, Position};
use crate::clock::Clock;
use append::Appender;
use commits::Commits;
use offsets::Asker;
use reader::KafkaReader;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A log in a topic of a Kafka. Clones share it.
#[derive(Clone)]
pub struct KafkaLog {
    shared: Arc<Shared>,
    /// Whether readers commit their positions to the group of the settings.
    is_consumer: bool,
}

struct Shared {
    settings: KafkaSettings,
    clock: Arc<dyn Clock>,
    asker: Asker,
    /// Made when something is appended first: who only reads needs none.
    appender: Mutex<Option<Arc<Appender>>>,
}

impl KafkaLog {
    /// Finds the topic. `clock` gives records their times where the topic does not say
    /// itself when they were appended (`message.timestamp.type=LogAppendTime`).
    ///
    /// # Errors
    /// [`LogError::Away`] if no broker can be reached; another if brokers do not let the
    /// client in (or it does not trust them), there is no such topic, it may not be read, or the program was built without what the settings need.
    pub fn connect(settings: KafkaSettings, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        settings.check()?;
        let asker = Asker::connect(&settings)?;
        let shared = Shared { settings, clock, asker, appender: Mutex::new(None) };
        Ok(Self { shared: Arc::new(shared), is_consumer: false })
    }

    /// The same log for its one consumer: its readers commit their positions to the group of
    /// the settings, if there is one. Those of others, who only look, must not.
    #[must_use]
    pub fn for_consumer(&self) -> Self {
        Self { is_consumer: true, ..self.clone() }
    }

    /// The topics, with their partitions as they are numbered here.
    #[must_use]
    pub fn topics(&self) -> &Topics {
        self.shared.asker.topics()
    }

    /// Follows partitions from positions on, for those who say themselves which record
    /// comes first.
    ///
    /// # Errors
    /// As [`reader`](EventLog::reader).
    pub fn follow(&self, positions: &[Position]) -> Result<Follower, LogError> {
        Ok(Follower::new(self.open(positions)?))
    }

    /// The first offset of each partition that was appended at a time or later; its end
    /// where there is none.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn all_offsets_at(&self, appended_ms: i64) -> Result<Vec<u64>, LogError> {
        let ends = self.shared.asker.ends()?;
        let found = self.shared.asker.at(appended_ms)?;
        Ok(found.into_iter().zip(ends).map(|(found, end)| found.unwrap_or(end).min(end)).collect())
    }

    fn open(&self, positions: &[Position]) -> Result<KafkaReader, LogError> {
        let bounds = self.all_bounds()?;
        let mut reached = Vec::new();
        for at in positions {
            self.check(at.partition)?;
            let bounds = bounds[at.partition as usize].clone();
            reached.push(bounds.end);
            check(*at, bounds)?;
        }
        KafkaReader::new(&self.shared, positions, &reached, Commits::new(self.is_consumer))
    }

    fn check(&self, partition: u32) -> Result<(), LogError> {
        let partitions = self.partitions();
        if partition < partitions {
            return Ok(());
        }
        Err(LogError::NoPartition { partition, partitions })
    }

    fn appender(&self) -> Result<Arc<Appender>, LogError> {
        let mut appender = self.shared.appender.lock().unwrap_or_else(PoisonError::into_inner);
        match &*appender {
            Some(made) => Ok(Arc::clone(made)),
            None => Ok(Arc::clone(appender.insert(Arc::new(Appender::new(
                &self.shared.settings,
                self.shared.asker.topics(),
            )?)))),
        }
    }
}

/// Checks that a position can be read from.
fn check(at: Position, bounds: Range<u64>) -> Result<(), LogError> {
    let (Position { partition, offset }, Range { start, end }) = (at, bounds);
    if offset < start {
        return Err(LogError::Lost { partition, lost: offset..start });
    }
    if offset > end {
        return Err(LogError::BeyondEnd { partition, offset, end });
    }
    Ok(())
}

impl EventLog for KafkaLog {
    fn partitions(&self) -> u32 {
        self.shared.asker.topics().partitions()
    }

    fn append(&self, records: &[NewRecord<'_>]) -> Result<Vec<u64>, LogError> {
        records.iter().try_for_each(|r| self.check(r.partition))?;
        self.appender()?.append(records, self.shared.clock.now_ms())
    }

    fn bounds(&self, partition: u32) -> Result<Range<u64>, LogError> {
        self.check(partition)?;
        Ok(self.all_bounds()?[partition as usize].clone())
    }

    fn all_bounds(&self) -> Result<Vec<Range<u64>>, LogError> {
        // Ends first: what is cut meanwhile lies before them.
        let ends = self.shared.asker.ends()?;
        let starts = self.shared.asker.starts()?;
        Ok(starts.into_iter().zip(ends).map(|(start, end)| start..end.max(start)).collect())
    }

    fn offset_at(&self, partition: u32, appended_ms: i64) -> Result<u64, LogError> {
        let end = self.bounds(partition)?.end;
        let found = self.shared.asker.at(appended_ms)?[partition as usize];
        Ok(found.map_or(end, |found| found.min(end)))
    }

    fn reader(&self, positions: &[Position]) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(self.open(positions)?))
    }

    fn grown(&self) -> Result<Option<Arc<dyn EventLog>>, LogError> {
        let Shared { settings, clock, asker, .. } = &*self.shared;
        let have_grown = asker.topics().have_grown(&asker.look()?);
        let have_grown = have_grown.map_err(|topic| LogError::Storage {
            what: format!(
                "partitions were added to {topic}, and those of other topics are numbered behind it in {}",
                settings.shown()
            ),
            reason: "only the last of several topics may be given more; with a new data directory all are numbered anew"
                .to_owned(),
        })?;
        if !have_grown {
            return Ok(None);
        }
        // What keeps it from connecting now is met again, or is over, when it is asked next.
        let grown = Self::connect(settings.clone(), Arc::clone(clock)).ok();
        // Another broker may not know of them yet.
        let grown = grown.filter(|grown| grown.partitions() > self.partitions());
        let grown = grown.map(|grown| Self { is_consumer: self.is_consumer, ..grown });
        Ok(grown.map(|grown| Arc::new(grown) as Arc<dyn EventLog>))
    }
}
