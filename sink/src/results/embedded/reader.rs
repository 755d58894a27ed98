//! Reading topics in the order in which they were written.

use super::bell::Bell;
use super::{SCHEMA, rows, storage, topic_number};
use crate::results::{Position, ResultError, ResultReader, Stored, Topic};
use rusqlite::{Connection, OptionalExtension};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use streamgauge_ingest::sqlite;

/// A row, uncompressed.
struct Row {
    id: i64,
    topic: Topic,
    at_ms: i64,
    plain: Vec<u8>,
    /// Bytes of it that are read.
    read: usize,
}

pub(super) struct EmbeddedReader {
    path: PathBuf,
    connection: Connection,
    topics: Vec<Topic>,
    bell: Arc<Bell>,
    /// How often the bell had rung when there was nothing new.
    rung: u64,
    /// The next row, and how many of its records are read.
    next: (i64, usize),
    /// The row that is read in part.
    current: Option<Row>,
}

impl EmbeddedReader {
    pub(super) fn new(
        path: &Path,
        topics: &[Topic],
        from: &Position,
        bell: Arc<Bell>,
    ) -> Result<Self, ResultError> {
        let connection =
            sqlite::open_to_read(path, SCHEMA).map_err(|e| storage("cannot open", path, e))?;
        let number = |i: usize| from.0.get(i).copied().unwrap_or(0);
        let row = i64::try_from(number(0)).unwrap_or(i64::MAX);
        let next = (row, usize::try_from(number(1)).unwrap_or(usize::MAX));
        let (topics, path) = (topics.to_vec(), path.to_owned());
        let mut reader = Self { path, connection, topics, bell, rung: 0, next, current: None };
        reader.check()?;
        Ok(reader)
    }

    /// Whether all from the position on is still there. A position of nothing is
    /// where what is there begins.
    fn check(&mut self) -> Result<(), ResultError> {
        let Some(cut) = self.cut_row().map_err(|e| storage("cannot read", &self.path, e))? else {
            return Ok(());
        };
        match self.next.0 {
            0 => self.next = (cut + 1, 0),
            next if next <= cut => {
                let kept_from = Position(vec![cut.unsigned_abs() + 1, 0]);
                return Err(ResultError::Lost { kept_from });
            }
            _ => {}
        }
        Ok(())
    }

    /// The last row that was cut of any of the topics.
    fn cut_row(&self) -> rusqlite::Result<Option<i64>> {
        let mut last = None;
        for topic in &self.topics {
            last = last.max(cut_row(&self.connection, *topic)?);
        }
        Ok(last)
    }

    /// The next row of the topics. Those of others are passed over once and for all: rows
    /// are numbered as they are committed, so none comes between them later.
    fn load(&mut self) -> Result<Option<Row>, ResultError> {
        let (found, behind) = self.find()?;
        if found.is_none() && behind > self.next.0 {
            self.next = (behind, 0);
        }
        Ok(found)
    }

    /// The next row of the topics, and where what was looked at ends.
    fn find(&self) -> Result<(Option<Row>, i64), ResultError> {
        let failed = |e: rusqlite::Error| storage("cannot read", &self.path, e);
        let next = "SELECT id, topic, at_ms, hash, bytes FROM rows WHERE id >= ?1 ORDER BY id";
        let mut next = self.connection.prepare_cached(next).map_err(failed)?;
        let mut found = next.query((self.next.0,)).map_err(failed)?;
        let mut behind = 0;
        while let Some(row) = found.next().map_err(failed)? {
            let id: i64 = row.get(0).map_err(failed)?;
            behind = id.saturating_add(1);
            let number: i64 = row.get(1).map_err(failed)?;
            let Some(topic) = self.topics.iter().find(|t| topic_number(**t) == number) else {
                continue;
            };
            let at_ms = row.get(2).map_err(failed)?;
            let hash = row.get(3).map_err(failed)?;
            let bytes = row.get_ref(4).and_then(|b| Ok(b.as_blob()?)).map_err(failed)?;
            let plain = rows::decompress(hash, bytes).ok_or_else(|| damaged(&self.path, id))?;
            return Ok((Some(Row { id, topic: *topic, at_ms, plain, read: 0 }), behind));
        }
        Ok((None, behind))
    }
}

/// The last row that was cut of a topic.
pub(super) fn cut_row(connection: &Connection, topic: Topic) -> rusqlite::Result<Option<i64>> {
    let mut cut = connection.prepare_cached("SELECT cut_row FROM topics WHERE topic = ?1")?;
    cut.query_row((topic_number(topic),), |row| row.get(0)).optional()
}

fn damaged(path: &Path, id: i64) -> ResultError {
    let error = std::io::Error::other(format!("row {id} is damaged"));
    storage("cannot read", path, error)
}

impl ResultReader for EmbeddedReader {
    fn poll(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Stored<'_>),
    ) -> Result<usize, ResultError> {
        // What is committed after this rings again.
        self.rung = self.bell.rung();
        if self.current.is_none() {
            self.check()?;
        }
        let mut count = 0;
        while count < most {
            let loaded = match self.current.take() {
                Some(row) => Some(row),
                None => self.load()?,
            };
            let Some(mut row) = loaded else { break };
            if row.id != self.next.0 {
                self.next = (row.id, 0);
            }
            // A position within a row that was just loaded: behind so many records.
            let mut behind = if row.read == 0 { self.next.1 } else { 0 };
            while row.read < row.plain.len() && (behind > 0 || count < most) {
                let (record, length) = rows::first(&row.plain[row.read..])
                    .ok_or_else(|| damaged(&self.path, row.id))?;
                if behind == 0 {
                    let rows::Row { epoch, key, value } = record;
                    let (partition, offset) = (0, row.id.unsigned_abs());
                    let (at_ms, topic) = (row.at_ms, row.topic);
                    each(Stored { at_ms, topic, partition, offset, epoch, key, value });
                    self.next.1 += 1;
                    count += 1;
                }
                behind = behind.saturating_sub(1);
                row.read += length;
            }
            if row.read == row.plain.len() {
                self.next = (row.id + 1, 0);
            } else {
                self.current = Some(row);
            }
        }
        Ok(count)
    }

    fn position(&self) -> Position {
        Position(vec![self.next.0.unsigned_abs(), self.next.1 as u64])
    }

    fn wait(&mut self, at_most: Duration) {
        self.bell.wait(self.rung, at_most);
    }
}
