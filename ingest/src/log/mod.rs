//! The event log: where records wait to be read, in numbered partitions.
//!
//! What every log promises, whatever keeps it: a record that was appended stays
//! at its partition and offset until retention cuts it; offsets of a partition
//! only grow, and may have gaps; appended records are durable when `append` returns.
//! If it fails, a log in one place (in a file, in memory) has none of the call's
//! records; a log on several machines (Kafka) may have any of them. A reader gives the
//! records of its partitions in the order of their offsets, each once. What was cut is
//! told, never skipped in silence. A log that is away for a while loses nothing by it.
//!
//! The conformance suite in the tests of this crate holds every log to it.

mod embedded;
mod kafka;
mod memory;

pub use embedded::{EmbeddedLog, Retention};
pub use kafka::{
    BATCH_BYTES, EPOCH_HEADER, Follower, Heard, Held, KafkaLog, KafkaSettings, MOST_RECORD_BYTES,
    Mechanism, Sasl, Security, Tls, Topics, epoch_of,
};
pub use memory::MemoryLog;

use std::ops::Range;
use std::sync::Arc;
use thiserror::Error;

/// A record to be appended.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// The partition, below the log's number of partitions.
    pub partition: u32,
    /// The key; empty if there is none.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// A record as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// When the log took it, ms since the Unix epoch.
    pub appended_ms: i64,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

/// A position in a partition: the next offset to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The partition.
    pub partition: u32,
    /// The next offset.
    pub offset: u64,
}

/// Why a log could not do what was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LogError {
    /// Retention has cut records that were to be read.
    #[error("lost partition {partition} [{}, {}): retention has cut it", .lost.start, .lost.end)]
    Lost {
        /// The partition.
        partition: u32,
        /// The offsets that are gone.
        lost: Range<u64>,
    },
    /// A position lies beyond the end of its partition.
    #[error("offset {offset} of partition {partition} lies beyond its end, {end}")]
    BeyondEnd {
        /// The partition.
        partition: u32,
        /// The position asked for.
        offset: u64,
        /// The next offset that will be appended.
        end: u64,
    },
    /// What keeps the log has failed.
    #[error("{what}: {reason}")]
    Storage {
        /// What was tried.
        what: String,
        /// What came of it.
        reason: String,
    },
    /// What keeps the log cannot be reached now, or does not answer. Nothing is lost by
    /// it: the same can be asked again.
    #[error("{what}: {reason}")]
    Away {
        /// What was tried.
        what: String,
        /// What came of it.
        reason: String,
    },
    /// What is stored is not what was appended.
    #[error("records of partition {partition} from offset {} up to {} are damaged in {place}: restore the file from a copy, or move it away to begin with an empty log", .offsets.start, .offsets.end)]
    Damaged {
        /// The partition.
        partition: u32,
        /// Its offsets that cannot be read.
        offsets: Range<u64>,
        /// Where.
        place: String,
    },
    /// There is no such partition.
    #[error("there is no partition {partition}: the log has {partitions}")]
    NoPartition {
        /// The partition asked for.
        partition: u32,
        /// How many there are.
        partitions: u32,
    },
}

/// A log of events.
pub trait EventLog: Send + Sync {
    /// Number of partitions.
    fn partitions(&self) -> u32;

    /// Appends records; returns their offsets when all of them are durable.
    ///
    /// # Errors
    /// If a partition doesn't exist: nothing was appended. If the log cannot keep them:
    /// then a log in one place has none of them, one on several machines any, and who
    /// appends them again may have some twice.
    fn append(&self, records: &[NewRecord<'_>]) -> Result<Vec<u64>, LogError>;

    /// The offsets that a partition holds: from the first that was not cut to the
    /// next that will be appended.
    ///
    /// # Errors
    /// If the partition doesn't exist.
    fn bounds(&self, partition: u32) -> Result<Range<u64>, LogError>;

    /// The same of all partitions, in their order.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn all_bounds(&self) -> Result<Vec<Range<u64>>, LogError> {
        (0..self.partitions()).map(|partition| self.bounds(partition)).collect()
    }

    /// The first offset of a partition that was appended at `appended_ms` or
    /// later; its end if there is none.
    ///
    /// # Errors
    /// If the partition doesn't exist.
    fn offset_at(&self, partition: u32, appended_ms: i64) -> Result<u64, LogError>;

    /// A reader of these partitions from these positions on.
    ///
    /// # Errors
    /// If a partition doesn't exist, or a position was cut or lies beyond the end.
    fn reader(&self, positions: &[Position]) -> Result<Box<dyn LogReader>, LogError>;

    /// This log with all partitions that it has now, if these are more than it had when it
    /// was opened: to a topic of Kafka some can be added at any time. Those that there were
    /// keep their numbers.
    ///
    /// # Errors
    /// If the log cannot be asked, or some were added in such a way that others would have
    /// to be numbered anew.
    fn grown(&self) -> Result<Option<Arc<dyn EventLog>>, LogError> {
        Ok(None)
    }
}

/// About how many bytes of records one poll gives at most: memory must
/// not follow the size of what waits.
pub const POLL_BYTES: usize = 16 << 20;

/// Reads some partitions of a log.
pub trait LogReader: Send {
    /// Gives at most `most` records that are there now to `each`, fewer if they are
    /// large ([`POLL_BYTES`]); returns how many. Partitions take turns, or come in the
    /// order of appending: none waits for what came to another later.
    ///
    /// # Errors
    /// If retention has cut what was to be read next, or the log is away; nothing was
    /// given then.
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, LogError>;

    /// Gives the records up to these offsets (not with them), each partition's in
    /// order; what is not there yet is not waited for. The positions are at these offsets
    /// then, or at the ends of partitions that have not reached them.
    ///
    /// # Errors
    /// If retention has cut what was to be read next. If the log is away: then the
    /// positions are what they were, and what was given is given again.
    fn read_until(
        &mut self,
        ends: &[Position],
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), LogError>;

    /// Where it is: per partition the next offset to read.
    fn positions(&self) -> Vec<Position>;
}
