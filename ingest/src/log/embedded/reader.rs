//! Reading: batch after batch, in the order of appending.
//!
//! Invariant: all records of the reader's partitions in batches before `next_batch`
//! are read.

use super::batch::{self, Batch};
use super::{SCHEMA, offsets_of_bytes, storage};
use crate::log::{LogError, LogReader, POLL_BYTES, Position, Record};
use crate::sqlite;
use rusqlite::{Connection, OptionalExtension};
use std::cell::Cell;
use std::path::{Path, PathBuf};

pub(super) struct EmbeddedReader {
    path: PathBuf,
    connection: Connection,
    positions: Vec<Position>,
    next_batch: i64,
    /// The batch that was read in part.
    current: Option<Batch>,
}

impl EmbeddedReader {
    /// A reader from positions that were checked.
    pub(super) fn new(path: &Path, positions: &[Position]) -> Result<Self, LogError> {
        let connection =
            sqlite::open_to_read(path, SCHEMA).map_err(|e| storage("cannot open", path, &e))?;
        let positions = positions.to_vec();
        let mut reader =
            Self { path: path.to_owned(), connection, positions, next_batch: 0, current: None };
        reader.next_batch = reader.find().map_err(|e| storage("cannot read", path, &e))?;
        Ok(reader)
    }

    /// The last batch in which no partition is beyond its position, by halving.
    fn find(&self) -> rusqlite::Result<i64> {
        let range = "SELECT ifnull(min(id), 1), ifnull(max(id), 0) FROM batches";
        let (mut low, mut high): (i64, i64) =
            self.connection.query_row(range, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut first = self.connection.prepare("SELECT firsts FROM batches WHERE id = ?1")?;
        while low < high {
            let middle = low + (high - low + 1) / 2;
            let firsts: Vec<u8> = first.query_row((middle,), |row| row.get(0))?;
            let firsts = offsets_of_bytes(&firsts);
            let is_before = |p: &Position| firsts[p.partition as usize] <= p.offset;
            if self.positions.iter().all(is_before) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// Reads on until there is `enough`, or nothing more; `wanted` tells whether the
    /// next record of a partition, of so many bytes, is to be given now.
    fn read(
        &mut self,
        enough: impl Fn(&[Position]) -> bool,
        wanted: impl Fn(Position, usize) -> bool,
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<usize, LogError> {
        let mut count = 0;
        let mut at = self.next_batch;
        while !enough(&self.positions) {
            let held = self.current.take_if(|batch| batch.id == at);
            let Some(batch) = held.map_or_else(|| self.load(at), |batch| Ok(Some(batch)))? else {
                break;
            };
            at = batch.id + 1;
            let is_read = give(&batch, &mut self.positions, &wanted, &mut count, each);
            // The first batch with something left is where the next reading begins.
            match &self.current {
                Some(_) => {}
                None if is_read => self.next_batch = at,
                None => {
                    self.next_batch = batch.id;
                    self.current = Some(batch);
                }
            }
        }
        Ok(count)
    }

    /// The first batch from a number on, if there is one.
    fn load(&self, from: i64) -> Result<Option<Batch>, LogError> {
        let failed = |e: rusqlite::Error| storage("cannot read", &self.path, &e);
        let next = "SELECT id, at_ms, firsts, hash, bytes FROM batches
            WHERE id >= ?1 ORDER BY id LIMIT 1";
        let mut next = self.connection.prepare_cached(next).map_err(failed)?;
        let mut rows = next.query((from,)).map_err(failed)?;
        let Some(row) = rows.next().map_err(failed)? else {
            return Ok(None);
        };
        let read = || -> rusqlite::Result<_> {
            let firsts = offsets_of_bytes(row.get_ref(2)?.as_blob()?);
            let id: i64 = row.get(0)?;
            let batch =
                batch::decode(id, row.get(1)?, &firsts, row.get(3)?, row.get_ref(4)?.as_blob()?);
            Ok((id, firsts, batch))
        };
        let (id, firsts, batch) = read().map_err(failed)?;
        // Batches are numbered without gaps: what is missing was cut.
        let is_cut = |p: &&Position| id > from && p.offset < firsts[p.partition as usize];
        if let Some(p) = self.positions.iter().find(is_cut) {
            let lost = p.offset..firsts[p.partition as usize];
            return Err(LogError::Lost { partition: p.partition, lost });
        }
        match batch {
            Some(batch) => Ok(Some(batch)),
            None => {
                let after = self.firsts_after(id).map_err(failed)?;
                Err(batch::damaged(&firsts, after.as_deref(), id, &self.path.display().to_string()))
            }
        }
    }

    fn firsts_after(&self, id: i64) -> rusqlite::Result<Option<Vec<u64>>> {
        let next = "SELECT firsts FROM batches WHERE id > ?1 ORDER BY id LIMIT 1";
        let firsts = self.connection.query_row(next, (id,), |row| row.get::<_, Vec<u8>>(0));
        match firsts.optional()? {
            Some(firsts) => Ok(Some(offsets_of_bytes(&firsts))),
            None => {
                let ends = "SELECT ends FROM log";
                let ends: Vec<u8> = self.connection.query_row(ends, (), |row| row.get(0))?;
                Ok(Some(offsets_of_bytes(&ends)))
            }
        }
    }
}

/// Gives the records of a batch that are wanted and moves the positions; returns
/// whether nothing is left in it for another time.
fn give(
    batch: &Batch,
    positions: &mut [Position],
    wanted: &impl Fn(Position, usize) -> bool,
    count: &mut usize,
    each: &mut dyn FnMut(Record<'_>),
) -> bool {
    let mut is_read = true;
    for place in batch.records() {
        let at = positions.iter_mut().find(|p| p.partition == place.partition);
        let Some(at) = at.filter(|at| at.offset <= place.offset) else {
            continue;
        };
        // What was refused holds back what follows it in its partition.
        let value = batch.value(place);
        if at.offset < place.offset || !wanted(*at, value.len()) {
            is_read = false;
            continue;
        }
        let (partition, offset) = (place.partition, place.offset);
        let (appended_ms, key) = (batch.appended_ms, batch.key(place));
        each(Record { partition, offset, appended_ms, key, value });
        at.offset += 1;
        *count += 1;
    }
    is_read
}

impl LogReader for EmbeddedReader {
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, LogError> {
        let (records, bytes) = (Cell::new(0), Cell::new(0));
        let is_full = || records.get() >= most || bytes.get() >= POLL_BYTES;
        let wanted = |_, value_len| {
            let wanted = !is_full();
            if wanted {
                records.set(records.get() + 1);
                bytes.set(bytes.get() + value_len);
            }
            wanted
        };
        self.read(|_| is_full(), wanted, each)
    }

    fn read_until(
        &mut self,
        ends: &[Position],
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), LogError> {
        let end_of = |partition| ends.iter().find(|e| e.partition == partition).map(|e| e.offset);
        let is_before = |p: &Position| end_of(p.partition).is_some_and(|end| p.offset < end);
        let enough = |positions: &[Position]| !positions.iter().any(is_before);
        self.read(enough, |at, _| is_before(&at), each).map(|_| ())
    }

    fn positions(&self) -> Vec<Position> {
        self.positions.clone()
    }
}
