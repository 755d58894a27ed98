//! The embedded log: events in one SQLite file, in compressed batches.
//!
//! An append is one transaction of one or more rows, each a batch of records of any
//! partitions, so it is there as a whole or not at all; any number of processes may
//! append and read. A row says which offset each partition had reached before it, so
//! the batch with an offset is found by halving, and no index grows with the events.
//!
//! Retention cuts whole batches, oldest first, by age and by size, when something is
//! appended. It does not look at who has read what: who needs more keeps more.

mod append;
mod batch;
mod reader;

use super::{EventLog, LogError, LogReader, NewRecord, Position};
use crate::clock::Clock;
use crate::sqlite::{self, OpenError, Schema, Sync};
use reader::EmbeddedReader;
use rusqlite::{Connection, OptionalExtension};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The name of the file in a data directory.
const FILE: &str = "events.db";

const SCHEMA: Schema = Schema {
    // "sge1"
    application_id: 0x7367_6531,
    version: 1,
    create: "
        CREATE TABLE log (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            partitions INTEGER NOT NULL,
            starts BLOB NOT NULL,
            ends BLOB NOT NULL,
            next_batch INTEGER NOT NULL,
            stored_bytes INTEGER NOT NULL
        );
        CREATE TABLE batches (
            id INTEGER PRIMARY KEY,
            at_ms INTEGER NOT NULL,
            firsts BLOB NOT NULL,
            hash INTEGER NOT NULL,
            bytes BLOB NOT NULL
        );
        CREATE INDEX batches_at ON batches (at_ms);",
};

/// What is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Batches appended longer ago than this, ms.
    pub age_ms: i64,
    /// The oldest batches, down to so many bytes as they are stored.
    pub stored_bytes: u64,
}

impl Default for Retention {
    /// A week, 10 GiB.
    fn default() -> Self {
        Self { age_ms: 7 * 86_400_000, stored_bytes: 10 << 30 }
    }
}

/// A log in a data directory. Clones share it.
#[derive(Clone)]
pub struct EmbeddedLog {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
    clock: Arc<dyn Clock>,
    retention: Retention,
    partitions: u32,
}

impl EmbeddedLog {
    /// Opens the log of a directory that exists; where there is none, makes one of
    /// `partitions` partitions. One that is there has the partitions that it has.
    ///
    /// # Errors
    /// If it cannot be opened or made, or is of a newer version.
    pub fn open(
        directory: &Path,
        partitions: u32,
        retention: Retention,
        sync: Sync,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let connection = sqlite::open(&path, SCHEMA, sync)?;
        let zeros = offsets_to_bytes(&vec![0; partitions as usize]);
        let begin = "INSERT OR IGNORE INTO log VALUES (1, ?1, ?2, ?2, 1, 0)";
        let found = connection
            .execute(begin, (partitions, zeros))
            .and_then(|_| connection.query_row("SELECT partitions FROM log", (), |row| row.get(0)));
        let shown = || path.display().to_string();
        let failed = |e| OpenError::Sqlite { path: shown(), reason: sqlite::reason(&e) };
        let partitions = found.map_err(failed)?;
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self { path, connection, clock, retention, partitions })
    }

    /// Whether there is one in a directory.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory.join(FILE).exists()
    }

    /// Bytes of all batches as they are stored.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn stored_bytes(&self) -> Result<u64, LogError> {
        let read = |c: &Connection| {
            c.query_row("SELECT stored_bytes FROM log", (), |row| row.get::<_, i64>(0))
        };
        let bytes = read(&self.connection()).map_err(self.failed("cannot read"))?;
        Ok(bytes.unsigned_abs())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed<'a>(&'a self, what: &'a str) -> impl Fn(rusqlite::Error) -> LogError + 'a {
        move |error| storage(what, &self.path, &error)
    }

    fn check(&self, partition: u32) -> Result<(), LogError> {
        if partition < self.partitions {
            return Ok(());
        }
        Err(LogError::NoPartition { partition, partitions: self.partitions })
    }
}

impl EventLog for EmbeddedLog {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    fn append(&self, records: &[NewRecord<'_>]) -> Result<Vec<u64>, LogError> {
        records.iter().try_for_each(|r| self.check(r.partition))?;
        let now_ms = self.clock.now_ms();
        let mut connection = self.connection();
        let appended = append::append(&mut connection, records, now_ms, self.retention);
        appended.map_err(self.failed("cannot append to"))
    }

    fn bounds(&self, partition: u32) -> Result<Range<u64>, LogError> {
        self.check(partition)?;
        Ok(self.all_bounds()?[partition as usize].clone())
    }

    fn all_bounds(&self) -> Result<Vec<Range<u64>>, LogError> {
        bounds(&self.connection()).map_err(self.failed("cannot read"))
    }

    fn offset_at(&self, partition: u32, appended_ms: i64) -> Result<u64, LogError> {
        let end = self.bounds(partition)?.end;
        let connection = self.connection();
        let first = "SELECT firsts FROM batches WHERE id =
            (SELECT min(id) FROM batches WHERE at_ms >= ?1)";
        let firsts: Option<Vec<u8>> = connection
            .query_row(first, (appended_ms,), |row| row.get(0))
            .optional()
            .map_err(self.failed("cannot read"))?;
        Ok(firsts.map_or(end, |f| offsets_of_bytes(&f)[partition as usize]))
    }

    fn reader(&self, positions: &[Position]) -> Result<Box<dyn LogReader>, LogError> {
        let bounds = self.all_bounds()?;
        for &Position { partition, offset } in positions {
            self.check(partition)?;
            let Range { start, end } = bounds[partition as usize].clone();
            if offset < start {
                return Err(LogError::Lost { partition, lost: offset..start });
            }
            if offset > end {
                return Err(LogError::BeyondEnd { partition, offset, end });
            }
        }
        Ok(Box::new(EmbeddedReader::new(&self.path, positions)?))
    }
}

/// What is held of each partition.
fn bounds(connection: &Connection) -> rusqlite::Result<Vec<Range<u64>>> {
    let mut read = connection.prepare_cached("SELECT starts, ends FROM log")?;
    read.query_row((), |row| {
        let (starts, ends): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let pairs = offsets_of_bytes(&starts).into_iter().zip(offsets_of_bytes(&ends));
        Ok(pairs.map(|(start, end)| start..end).collect())
    })
}

fn storage(what: &str, path: &Path, error: &(dyn std::error::Error + 'static)) -> LogError {
    LogError::Storage { what: format!("{what} {}", path.display()), reason: sqlite::reason(error) }
}

/// Offsets of all partitions, eight bytes each.
fn offsets_to_bytes(offsets: &[u64]) -> Vec<u8> {
    offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect()
}

fn offsets_of_bytes(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect()
}
