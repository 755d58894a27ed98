//! Where events go: into a file, to stdout, or into the log of a data directory.

use anyhow::{Context, Result};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use streamgauge::cli::Destination;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::{EventLog, NewRecord};
use streamgauge_simulator::Output;

/// Records appended at once at most.
const APPEND_RECORDS: usize = 512;
/// Bytes appended at once at most, but for one record.
const APPEND_BYTES: usize = 4 << 20;
/// How long an event may wait for others, to be appended together.
const LINGER: Duration = Duration::from_millis(10);

/// An open target of events.
pub(super) enum Events {
    /// A file, or stdout.
    File(Box<Output>),
    /// A log.
    Log(Appender),
}

impl Events {
    /// Opens a file or stdout.
    pub(super) fn file(to: &Destination) -> Result<Self> {
        let path = match to {
            Destination::File(path) => path,
            // The command line takes no other here.
            Destination::Stdout | Destination::Nowhere | Destination::Log => Path::new("-"),
        };
        Ok(Self::File(Box::new(Output::create(path)?)))
    }

    /// Writes an event.
    pub(super) fn write(&mut self, key: &str, value: &[u8]) -> Result<()> {
        match self {
            Self::File(output) => Ok(output.write_record(value)?),
            Self::Log(appender) => appender.write(key, value),
        }
    }

    /// How long what is written may be held back.
    pub(super) fn longest_held(&self, of_a_file: Duration) -> Duration {
        match self {
            Self::File(_) => of_a_file,
            Self::Log(_) => LINGER,
        }
    }

    /// Hands on what is held back.
    pub(super) fn flush(&mut self) -> Result<()> {
        match self {
            Self::File(output) => Ok(output.flush()?),
            Self::Log(appender) => appender.append(),
        }
    }

    /// Hands on everything, and ends the file.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::File(output) => Ok(output.finish()?),
            Self::Log(mut appender) => appender.append(),
        }
    }
}

/// Appends events to a log, several at once.
pub(super) struct Appender {
    log: Arc<dyn EventLog>,
    bytes: Vec<u8>,
    /// Partition, key and value of each record held back.
    records: Vec<(u32, Range<usize>, Range<usize>)>,
    since: Instant,
}

impl Appender {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, bytes: Vec::new(), records: Vec::new(), since: Instant::now() }
    }

    /// How long until what is held back must be appended; none if nothing is.
    pub(super) fn due_in(&self) -> Option<Duration> {
        (!self.records.is_empty()).then(|| LINGER.saturating_sub(self.since.elapsed()))
    }

    /// Takes an event; appends if there are many.
    pub(super) fn write(&mut self, key: &str, value: &[u8]) -> Result<()> {
        if self.records.is_empty() {
            self.since = Instant::now();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key.as_bytes());
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        let record =
            (partition_of(key, self.log.partitions()), start..middle, middle..self.bytes.len());
        self.records.push(record);
        if self.records.len() >= APPEND_RECORDS || self.bytes.len() >= APPEND_BYTES {
            self.append()?;
        }
        Ok(())
    }

    /// Appends what is held back; it is durable then.
    pub(super) fn append(&mut self) -> Result<()> {
        let new = |(partition, key, value): &(u32, Range<usize>, Range<usize>)| NewRecord {
            partition: *partition,
            key: &self.bytes[key.clone()],
            value: &self.bytes[value.clone()],
        };
        let new: Vec<_> = self.records.iter().map(new).collect();
        self.log.append(&new).context("cannot append events; those before are safe")?;
        self.bytes.clear();
        self.records.clear();
        Ok(())
    }

    /// Number of events held back.
    pub(super) fn held(&self) -> usize {
        self.records.len()
    }
}
