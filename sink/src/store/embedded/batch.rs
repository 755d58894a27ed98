//! Records on their way into the table of recent results.

use super::names::Names;
use super::schema::State;
use super::{Applied, Fault, Retention, bytes};
use crate::points::{self, Point, PointError, ResultKey};
use crate::results::Record;
use rusqlite::Connection;

/// A batch on its way into the table of recent results.
pub(super) struct Batch<'a> {
    db: &'a Connection,
    names: &'a mut Names,
    state: State,
    retention: &'a Retention,
    applied: Applied,
    points: Vec<Point>,
    sample: Vec<u8>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        db: &'a Connection,
        names: &'a mut Names,
        state: State,
        retention: &'a Retention,
    ) -> Self {
        let (points, sample) = (Vec::new(), Vec::new());
        Self { db, names, state, retention, applied: Applied::default(), points, sample }
    }

    /// The state of the store behind it, and what became of its records.
    pub(super) fn end(self) -> (State, Applied) {
        (self.state, self.applied)
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: &Record) -> Result<(), Fault> {
        self.points.clear();
        let key = match self.read(record) {
            Ok(key) => key,
            Err(error) => {
                self.applied.unreadable += 1;
                self.applied.first_unreadable.get_or_insert_with(|| {
                    format!("{}: {error}", String::from_utf8_lossy(&record.key))
                });
                return Ok(());
            }
        };
        if !key.has_points() {
            return Ok(());
        }
        let time_ms = key.time_ms();
        let ends = record.value.is_none();
        if time_ms < self.retention.horizon_ms(self.state.newest_ms) {
            self.applied.expired += u64::from(!ends);
            return Ok(());
        }
        if ends {
            self.applied.ended += 1;
        } else {
            self.applied.results += 1;
            self.applied.points += self.points.len() as u64;
            self.state.newest_ms = self.state.newest_ms.max(time_ms);
        }
        let owner = self.names.owner(self.db, &key.series())?;
        self.encode(owner)?;
        let mut insert = self.db.prepare_cached(
            "INSERT OR REPLACE INTO recent (owner, time_ms, sample) VALUES (?1, ?2, ?3)",
        )?;
        insert.execute((owner, time_ms, &self.sample))?;
        self.state.recent_rows += 1;
        self.state.recent_bytes += self.sample.len() as u64;
        Ok(())
    }

    fn read(&mut self, record: &Record) -> Result<ResultKey, PointError> {
        let key = ResultKey::parse(&record.key)?;
        if let Some(value) = &record.value {
            points::points(&key, value, &mut self.points)?;
        }
        Ok(key)
    }

    /// All points of a result in one row: columns and values. A result that has ended
    /// has an empty one.
    fn encode(&mut self, owner: i64) -> Result<(), Fault> {
        self.sample.clear();
        for point in &self.points {
            self.names.series(point);
            for (field, value) in &point.fields {
                let column = self.names.column(self.db, owner, field, point.time_ms)?;
                bytes::push_varint(&mut self.sample, column.unsigned_abs());
                bytes::push_value(&mut self.sample, value);
            }
        }
        Ok(())
    }
}
