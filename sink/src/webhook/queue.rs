//! What is not answered yet, and what was given up, on disk.
//!
//! One file for all webhooks of a data directory. A commit does not wait for the disk: if
//! the machine loses the last ones, the position is lost with what was queued, and what
//! was deleted is sent again.
//!
//! Invariant: the position of a webhook and what was queued up to it are kept in one
//! transaction.

use super::schedule::Delivery;
use crate::results::Position;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior};
use std::path::{Path, PathBuf};
use streamgauge_ingest::sqlite::{self, OpenError, Schema, Sync};
use thiserror::Error;

/// The name of the file in a data directory.
pub const FILE_NAME: &str = "webhooks.db";

/// Most dead letters that are kept; of more the oldest are dropped.
const MOST_DEAD: i64 = 100_000;

const SCHEMA: Schema = Schema {
    // "sgw1"
    application_id: 0x7367_7731,
    version: 1,
    create: "
        CREATE TABLE webhooks (name TEXT PRIMARY KEY, position TEXT NOT NULL);
        CREATE TABLE waiting (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            webhook TEXT NOT NULL,
            delivery TEXT NOT NULL,
            alert TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            first_ms INTEGER,
            due_ms INTEGER NOT NULL,
            body BLOB NOT NULL
        );
        CREATE INDEX waiting_by_webhook ON waiting (webhook, id);
        CREATE TABLE dead (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            webhook TEXT NOT NULL,
            delivery TEXT NOT NULL,
            alert TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            first_ms INTEGER NOT NULL,
            dead_ms INTEGER NOT NULL,
            status INTEGER,
            reason TEXT NOT NULL,
            body BLOB NOT NULL
        );",
};

/// Why the queue could not do what was asked.
#[derive(Debug, Error)]
pub enum QueueError {
    /// Its file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read or written.
    #[error("cannot use {path}: {reason}")]
    Storage {
        /// The file.
        path: String,
        /// What came of it, and what to do.
        reason: String,
    },
}

/// An alert that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct New {
    pub(super) key: String,
    pub(super) alert: String,
    pub(super) body: Vec<u8>,
}

/// What becomes of a delivery.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The receiver has it.
    Delivered(i64),
    /// It is tried again.
    Again(Delivery),
    /// It is given up.
    Dead { delivery: Delivery, dead_ms: i64, status: Option<u16>, reason: String },
}

/// An alert that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The webhook.
    pub webhook: String,
    /// What the receiver knows the delivery by.
    pub delivery: String,
    /// The alert.
    pub alert: String,
    /// Number of attempts.
    pub attempts: u32,
    /// When the first was made, ms.
    pub first_ms: i64,
    /// When it was given up, ms.
    pub dead_ms: i64,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// Why.
    pub reason: String,
    /// The alert, as it stands on its topic.
    pub body: Vec<u8>,
}

/// The queue of a data directory.
pub struct Queue {
    path: PathBuf,
    connection: Connection,
}

impl Queue {
    /// Opens the queue of a directory that exists, and makes it where there is none.
    ///
    /// # Errors
    /// If it cannot be opened or made, or is of a newer version.
    pub fn open(directory: &Path) -> Result<Self, QueueError> {
        let path = directory.join(FILE_NAME);
        let connection = sqlite::open(&path, SCHEMA, Sync::Normal)?;
        Ok(Self { path, connection })
    }

    fn failed(&self, error: &rusqlite::Error) -> QueueError {
        QueueError::Storage { path: self.path.display().to_string(), reason: sqlite::reason(error) }
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueueError> {
        read(&self.connection).map_err(|e| self.failed(&e))
    }

    fn write<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueueError> {
        let done = (|| {
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        })();
        done.map_err(|e| self.failed(&e))
    }

    /// Up to where a webhook has the topic of alerts; none if it is new.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn position(&self, webhook: &str) -> Result<Option<Position>, QueueError> {
        let text: Option<String> = self.read(|c| {
            let position = "SELECT position FROM webhooks WHERE name = ?1";
            c.prepare_cached(position)?.query_row((webhook,), |row| row.get(0)).optional()
        })?;
        Ok(text.map(|text| Position(text.split(' ').filter_map(|n| n.parse().ok()).collect())))
    }

    /// Queues what stands before a position, and keeps the position.
    pub(super) fn put(
        &mut self,
        webhook: &str,
        new: &[New],
        position: &Position,
        now_ms: i64,
    ) -> Result<(), QueueError> {
        let position: Vec<String> = position.0.iter().map(u64::to_string).collect();
        let position = position.join(" ");
        self.write(|c| {
            let mut insert = c.prepare_cached(
                "INSERT INTO waiting (webhook, delivery, alert, attempts, due_ms, body)
                 VALUES (?1, ?2, ?3, 0, ?4, ?5)",
            )?;
            for New { key, alert, body } in new {
                insert.execute((webhook, key, alert, now_ms, body))?;
            }
            let keep = "INSERT INTO webhooks VALUES (?1, ?2)
                ON CONFLICT (name) DO UPDATE SET position = excluded.position";
            c.prepare_cached(keep)?.execute((webhook, position))?;
            Ok(())
        })
    }

    /// Deliveries behind this one, in order, `most` at most.
    pub(super) fn behind(
        &self,
        webhook: &str,
        id: i64,
        most: usize,
    ) -> Result<Vec<Delivery>, QueueError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.read(|c| {
            let mut all = c.prepare_cached(
                "SELECT id, delivery, alert, attempts, first_ms, due_ms FROM waiting
                 WHERE webhook = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let delivery = |row: &Row<'_>| {
                Ok(Delivery {
                    id: row.get(0)?,
                    key: row.get(1)?,
                    alert: row.get(2)?,
                    attempts: row.get(3)?,
                    first_ms: row.get(4)?,
                    due_ms: row.get(5)?,
                })
            };
            all.query_map((webhook, id, most), delivery)?.collect()
        })
    }

    /// What a delivery sends; none if it is not there any more.
    pub(super) fn body(&self, id: i64) -> Result<Option<Vec<u8>>, QueueError> {
        self.read(|c| {
            let body = "SELECT body FROM waiting WHERE id = ?1";
            c.prepare_cached(body)?.query_row((id,), |row| row.get(0)).optional()
        })
    }

    /// Keeps what has become of deliveries.
    pub(super) fn change(&mut self, changes: &[Change]) -> Result<(), QueueError> {
        self.write(|c| {
            let mut delete = c.prepare_cached("DELETE FROM waiting WHERE id = ?1")?;
            for change in changes {
                match change {
                    Change::Delivered(id) => {
                        delete.execute((id,))?;
                    }
                    Change::Again(Delivery { id, attempts, first_ms, due_ms, .. }) => {
                        let again = "UPDATE waiting SET attempts = ?2, first_ms = ?3, due_ms = ?4
                            WHERE id = ?1";
                        c.prepare_cached(again)?.execute((id, attempts, first_ms, due_ms))?;
                    }
                    Change::Dead { delivery, dead_ms, status, reason } => {
                        let bury = "INSERT INTO dead (webhook, delivery, alert, attempts,
                                first_ms, dead_ms, status, reason, body)
                            SELECT webhook, delivery, alert, ?2, ?3, ?4, ?5, ?6, body
                            FROM waiting WHERE id = ?1";
                        let first_ms = delivery.first_ms.unwrap_or(*dead_ms);
                        let attempts = delivery.attempts;
                        let values = (delivery.id, attempts, first_ms, dead_ms, status, reason);
                        c.prepare_cached(bury)?.execute(values)?;
                        delete.execute((delivery.id,))?;
                        let drop = "DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?1";
                        c.prepare_cached(drop)?.execute((MOST_DEAD,))?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Gives the dead letters of a webhook, or of all, in the order in which they were
    /// given up.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn dead(
        &self,
        webhook: Option<&str>,
        mut each: impl FnMut(DeadLetter),
    ) -> Result<(), QueueError> {
        self.read(|c| {
            let mut all = c.prepare(
                "SELECT webhook, delivery, alert, attempts, first_ms, dead_ms, status, reason,
                    body FROM dead WHERE ?1 IS NULL OR webhook = ?1 ORDER BY id",
            )?;
            let mut rows = all.query((webhook,))?;
            while let Some(row) = rows.next()? {
                each(DeadLetter {
                    webhook: row.get(0)?,
                    delivery: row.get(1)?,
                    alert: row.get(2)?,
                    attempts: row.get(3)?,
                    first_ms: row.get(4)?,
                    dead_ms: row.get(5)?,
                    status: row.get(6)?,
                    reason: row.get(7)?,
                    body: row.get(8)?,
                });
            }
            Ok(())
        })
    }

    /// Queues the dead letters of a webhook, or of all, once more, under the same ids and
    /// behind what waits; returns how many. A sender that is at work takes them up.
    ///
    /// # Errors
    /// If that cannot be kept. Then nothing has changed.
    pub fn redeliver(&mut self, webhook: Option<&str>, now_ms: i64) -> Result<usize, QueueError> {
        self.write(|c| {
            let queue = "INSERT INTO waiting (webhook, delivery, alert, attempts, due_ms, body)
                SELECT webhook, delivery, alert, 0, ?2, body FROM dead
                WHERE ?1 IS NULL OR webhook = ?1 ORDER BY id";
            c.execute(queue, (webhook, now_ms))?;
            c.execute("DELETE FROM dead WHERE ?1 IS NULL OR webhook = ?1", (webhook,))
        })
    }
}
