//! The one writer: all of a transaction in one transaction.

use super::bell::{Bell, Ringer};
use super::{rows, storage, stored_epoch, topic_number};
use crate::results::{Progress, Record, ResultError, ResultWriter, Topic, Transaction};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use streamgauge_ingest::binary;
use streamgauge_ingest::clock::Clock;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long the records of a topic are kept, ms.
const fn kept_ms(topic: Topic) -> i64 {
    match topic {
        Topic::ProcessedMetrics => DAY_MS,
        Topic::Sessions | Topic::DeadLetters => 7 * DAY_MS,
        Topic::Alerts => 3 * DAY_MS,
        Topic::LiveMetrics | Topic::JobStatus => HOUR_MS,
    }
}

/// Why a commit did not come about.
enum Failed {
    Fenced(u64),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// A row of each topic that has records: its compressed bytes, and their hash.
type Rows = Vec<(Topic, (Vec<u8>, i64))>;

pub(super) fn rows_of(records: &[Record], path: &Path) -> Result<Rows, ResultError> {
    let mut all = Vec::new();
    for topic in Topic::ALL {
        let row = rows::encode(topic, records);
        let row = row.map_err(|e| storage("cannot compress for", path, e))?;
        all.extend(row.map(|row| (topic, row)));
    }
    Ok(all)
}

/// Inserts rows from this number on; gives the one behind them.
fn insert(t: &Connection, rows: Rows, mut next_row: i64, now_ms: i64) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO rows (id, topic, at_ms, hash, bytes) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (topic, (bytes, hash)) in rows {
        let row = (next_row, topic_number(topic), now_ms, hash, bytes);
        t.prepare_cached(insert)?.execute(row)?;
        next_row += 1;
    }
    Ok(next_row)
}

/// Keeps rows of who is no writer, in a transaction of their own.
pub(super) fn append(connection: &mut Connection, rows: Rows, now_ms: i64) -> rusqlite::Result<()> {
    let t = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let next_row = t.query_row("SELECT next_row FROM log", (), |row| row.get(0))?;
    let next_row = insert(&t, rows, next_row, now_ms)?;
    t.execute("UPDATE log SET next_row = ?1", (next_row,))?;
    t.commit()
}

pub(super) struct EmbeddedWriter {
    path: PathBuf,
    connection: Connection,
    ringer: Ringer,
    clock: Arc<dyn Clock>,
    own: u64,
    /// A commit that failed may have come about: only a new writer can tell.
    is_broken: bool,
}

impl EmbeddedWriter {
    pub(super) fn new(
        path: PathBuf,
        connection: Connection,
        bell: &Arc<Bell>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ResultError> {
        let take = "UPDATE log SET writer = writer + 1 RETURNING writer";
        let own: i64 = connection
            .query_row(take, (), |row| row.get(0))
            .map_err(|e| storage("cannot write to", &path, e))?;
        let (ringer, own) = (bell.ringer(), own.unsigned_abs());
        Ok(Self { path, connection, ringer, clock, own, is_broken: false })
    }

    fn in_transaction(
        &mut self,
        act: impl FnOnce(&rusqlite::Transaction<'_>, i64) -> Result<i64, rusqlite::Error>,
    ) -> Result<(), ResultError> {
        if self.is_broken {
            let error = std::io::Error::other("an earlier commit failed; start again");
            return Err(storage("cannot write to", &self.path, error));
        }
        let own = self.own;
        let result = (|| {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (writer, next_row): (i64, i64) = transaction
                .prepare_cached("SELECT writer, next_row FROM log")?
                .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))?;
            if writer.unsigned_abs() != own {
                return Err(Failed::Fenced(writer.unsigned_abs()));
            }
            let next_row = act(&transaction, next_row)?;
            transaction.prepare_cached("UPDATE log SET next_row = ?1")?.execute((next_row,))?;
            transaction.commit()?;
            Ok(())
        })();
        match result {
            Ok(()) => {
                self.ringer.ring();
                Ok(())
            }
            Err(Failed::Fenced(newer)) => Err(ResultError::Fenced { newer, own }),
            Err(Failed::Sqlite(error)) => {
                self.is_broken = true;
                Err(storage("cannot write to", &self.path, error))
            }
        }
    }
}

impl ResultWriter for EmbeddedWriter {
    fn number(&self) -> u64 {
        self.own
    }

    fn commit(&mut self, transaction: &Transaction) -> Result<(), ResultError> {
        let now_ms = self.clock.now_ms();
        let rows = rows_of(&transaction.records, &self.path)?;
        self.in_transaction(|t, next_row| {
            let next_row = insert(t, rows, next_row, now_ms)?;
            let mut insert = t.prepare_cached("INSERT INTO bindings VALUES (?1, ?2, ?3)")?;
            for binding in &transaction.bindings {
                let bytes = binary::encode(binding);
                insert.execute((stored_epoch(binding.epoch), binding.at_ms, bytes))?;
            }
            let mut insert = t.prepare_cached("INSERT INTO progress VALUES (?1, ?2)")?;
            for progress in &transaction.progress {
                insert.execute((stored_epoch(progress.epoch), binary::encode(progress)))?;
            }
            let mut insert = t.prepare_cached("INSERT OR IGNORE INTO settings VALUES (?1, ?2)")?;
            if let Some((hash, json)) = &transaction.settings {
                insert.execute((hash.cast_signed(), json))?;
            }
            Ok(next_row)
        })
    }

    fn retain(&mut self, epoch: u64, bound_before_ms: i64) -> Result<(), ResultError> {
        let now_ms = self.clock.now_ms();
        self.in_transaction(|t, next_row| {
            // Epochs and their times grow together, but for clocks that are set back.
            let last = "SELECT epoch FROM bindings WHERE epoch >= ?1 OR at_ms >= ?2
                ORDER BY epoch LIMIT 1";
            let values = (stored_epoch(epoch), bound_before_ms);
            let first: Option<i64> =
                t.prepare_cached(last)?.query_row(values, |row| row.get(0)).optional()?;
            let before = (first.unwrap_or(stored_epoch(epoch)),);
            t.prepare_cached("DELETE FROM bindings WHERE epoch < ?1")?.execute(before)?;
            t.prepare_cached("DELETE FROM progress WHERE epoch < ?1")?.execute(before)?;
            for topic in Topic::ALL {
                let (number, cut_ms) = (topic_number(topic), now_ms - kept_ms(topic));
                let last = "SELECT max(id) FROM rows WHERE topic = ?1 AND at_ms < ?2";
                let last: Option<i64> =
                    t.prepare_cached(last)?.query_row((number, cut_ms), |row| row.get(0))?;
                let Some(last) = last else {
                    continue;
                };
                let cut = "DELETE FROM rows WHERE topic = ?1 AND at_ms < ?2 AND id <= ?3";
                t.prepare_cached(cut)?.execute((number, cut_ms, last))?;
                let note = "INSERT INTO topics VALUES (?1, ?2)
                    ON CONFLICT (topic) DO UPDATE SET cut_row = excluded.cut_row";
                t.prepare_cached(note)?.execute((number, last))?;
            }
            Ok(next_row)
        })
    }

    fn progress(&self, epoch: u64) -> Result<Option<Progress>, ResultError> {
        let failed = |e| storage("cannot read", &self.path, e);
        let bytes = self
            .connection
            .prepare_cached("SELECT bytes FROM progress WHERE epoch = ?1")
            .and_then(|mut p| p.query_row((stored_epoch(epoch),), |row| row.get(0)).optional())
            .map_err(failed)?;
        let decoded = bytes.map(|bytes: Vec<u8>| binary::decode(&bytes)).transpose();
        decoded.map_err(|e| storage("cannot understand the progress in", &self.path, e))
    }
}
