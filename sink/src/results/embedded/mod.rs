//! The embedded log of results: one SQLite file.
//!
//! A transaction of the job is one transaction here: per topic a row with its records,
//! compressed together, and beside them the bindings and the progress. Rows are
//! numbered in one order, so every reader sees the same.
//!
//! A writer takes a number when it is made; each commit checks that no later one was
//! given. What others append takes its place among the rows, and leaves that number alone:
//! a writer asks for the next row in each transaction. Retention cuts whole rows by topic and age.

mod bell;
mod reader;
mod rows;
mod writer;

use super::{
    LogState, Position, Record, ResultError, ResultLog, ResultReader, ResultWriter, Topic,
};
use bell::Bell;
use reader::EmbeddedReader;
use rusqlite::{Connection, OptionalExtension};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamgauge_ingest::binary;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::sqlite::{self, OpenError, Schema, Sync};
use writer::EmbeddedWriter;

/// The name of the file in a data directory.
const FILE: &str = "results.db";

const SCHEMA: Schema = Schema {
    // "sgr1"
    application_id: 0x7367_7231,
    version: 1,
    create: "
        CREATE TABLE log (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            writer INTEGER NOT NULL,
            next_row INTEGER NOT NULL
        );
        INSERT INTO log VALUES (1, 0, 1);
        CREATE TABLE topics (
            topic INTEGER PRIMARY KEY,
            cut_row INTEGER NOT NULL
        );
        CREATE TABLE rows (
            id INTEGER PRIMARY KEY,
            topic INTEGER NOT NULL,
            at_ms INTEGER NOT NULL,
            hash INTEGER NOT NULL,
            bytes BLOB NOT NULL
        );
        CREATE INDEX rows_by_topic ON rows (topic, at_ms);
        CREATE TABLE bindings (
            epoch INTEGER PRIMARY KEY,
            at_ms INTEGER NOT NULL,
            bytes BLOB NOT NULL
        );
        CREATE TABLE progress (epoch INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
        CREATE TABLE settings (hash INTEGER PRIMARY KEY, json TEXT NOT NULL);",
};

/// Results in a data directory. Clones share the file.
#[derive(Clone)]
pub struct EmbeddedResults {
    path: PathBuf,
    sync: Sync,
    connection: Arc<Mutex<Connection>>,
    bell: Arc<Bell>,
    clock: Arc<dyn Clock>,
}

impl EmbeddedResults {
    /// Opens the results of a directory that exists, and makes them where there are
    /// none.
    ///
    /// # Errors
    /// If they cannot be opened or made, or are of a newer version.
    pub fn open(directory: &Path, sync: Sync, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let connection = Arc::new(Mutex::new(sqlite::open(&path, SCHEMA, sync)?));
        Ok(Self { path, sync, connection, bell: Arc::default(), clock })
    }

    /// Whether there are some in a directory.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory.join(FILE).exists()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed<'a, E>(&'a self, what: &'a str) -> impl Fn(E) -> ResultError + 'a
    where
        E: std::error::Error + 'static,
    {
        move |error| storage(what, &self.path, error)
    }
}

fn storage<E>(what: &str, path: &Path, error: E) -> ResultError
where
    E: std::error::Error + 'static,
{
    let what = format!("{what} {}", path.display());
    ResultError::Storage { what, reason: sqlite::reason(&error) }
}

/// The number by which a topic is stored.
fn topic_number(topic: Topic) -> i64 {
    match topic {
        Topic::ProcessedMetrics => 1,
        Topic::Sessions => 2,
        Topic::Alerts => 3,
        Topic::DeadLetters => 4,
        Topic::LiveMetrics => 5,
        Topic::JobStatus => 6,
    }
}

/// Epochs as SQLite has numbers.
fn stored_epoch(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX)
}

impl ResultLog for EmbeddedResults {
    fn writer(&self) -> Result<Box<dyn ResultWriter>, ResultError> {
        let connection =
            sqlite::open(&self.path, SCHEMA, self.sync).map_err(self.failed("cannot open"))?;
        let clock = Arc::clone(&self.clock);
        let writer = EmbeddedWriter::new(self.path.clone(), connection, &self.bell, clock)?;
        Ok(Box::new(writer))
    }

    fn is_cut(&self, topic: Topic) -> Result<Vec<bool>, ResultError> {
        let row = reader::cut_row(&self.connection(), topic);
        Ok(vec![row.map_err(self.failed("cannot read"))?.is_some()])
    }

    fn append(&self, records: &[Record]) -> Result<(), ResultError> {
        let rows = writer::rows_of(records, &self.path)?;
        let now_ms = self.clock.now_ms();
        let mut connection = self.connection();
        writer::append(&mut connection, rows, now_ms)
            .map_err(self.failed::<rusqlite::Error>("cannot write to"))?;
        drop(connection);
        self.bell.ring();
        Ok(())
    }

    fn reader(
        &self,
        topics: &[Topic],
        from: Position,
    ) -> Result<Box<dyn ResultReader>, ResultError> {
        let reader = EmbeddedReader::new(&self.path, topics, &from, Arc::clone(&self.bell))?;
        Ok(Box::new(reader))
    }

    fn position_at(&self, at_ms: i64) -> Result<Position, ResultError> {
        let connection = self.connection();
        let first = "SELECT ifnull(
            (SELECT min(id) FROM rows WHERE at_ms >= ?1), (SELECT next_row FROM log))";
        let first: i64 = connection
            .query_row(first, (at_ms,), |row| row.get(0))
            .map_err(self.failed("cannot read"))?;
        Ok(Position(vec![first.unsigned_abs(), 0]))
    }

    fn bindings(&self, epoch: u64, most: usize) -> Result<Vec<Binding>, ResultError> {
        let connection = self.connection();
        let all = || {
            let mut all = connection.prepare_cached(
                "SELECT bytes FROM bindings WHERE epoch >= ?1 ORDER BY epoch LIMIT ?2",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            all.query_map((stored_epoch(epoch), most), |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<Vec<u8>>>>()
        };
        let rows = all().map_err(self.failed::<rusqlite::Error>("cannot read"))?;
        let decoded = rows.iter().map(|bytes| binary::decode(bytes));
        let decoded: Result<Vec<Binding>, binary::NotEncoded> = decoded.collect();
        decoded.map_err(self.failed("cannot understand bindings in"))
    }

    fn state(&self) -> Result<LogState, ResultError> {
        let connection = self.connection();
        let read = || {
            let last = "SELECT bytes FROM progress ORDER BY epoch DESC LIMIT 1";
            let last = connection.query_row(last, (), |row| row.get::<_, Vec<u8>>(0)).optional()?;
            let of_bindings = |which: &str| {
                let epoch = format!("SELECT {which}(epoch) FROM bindings");
                connection.query_row(&epoch, (), |row| row.get::<_, Option<i64>>(0))
            };
            rusqlite::Result::Ok((last, of_bindings("max")?, of_bindings("min")?))
        };
        let (last, bound, first) = read().map_err(self.failed::<rusqlite::Error>("cannot read"))?;
        let committed = last.map(|bytes| binary::decode(&bytes)).transpose();
        let committed = committed.map_err(self.failed("cannot understand the progress in"))?;
        let (bound, first_bound) = (bound.map(i64::unsigned_abs), first.map(i64::unsigned_abs));
        Ok(LogState { committed, bound, first_bound })
    }

    fn settings(&self, hash: u64) -> Result<Option<String>, ResultError> {
        let json = "SELECT json FROM settings WHERE hash = ?1";
        let connection = self.connection();
        let json = connection.query_row(json, (hash.cast_signed(),), |row| row.get(0));
        json.optional().map_err(self.failed("cannot read"))
    }
}
