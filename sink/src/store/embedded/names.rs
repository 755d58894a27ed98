//! Numbers for names: owners (results without their window) and columns (fields of
//! series).
//!
//! What was looked up is remembered; whoever takes names back, or gives a transaction
//! up, has to make it forget.

use super::Fault;
use crate::points::{Point, write_series};
use hashbrown::HashMap;
use rusqlite::{Connection, OptionalExtension};

/// Names that are remembered before the memory is emptied.
const MOST_REMEMBERED: usize = 1 << 16;

/// Names and their numbers.
#[derive(Default)]
pub(super) struct Names {
    owners: HashMap<String, i64>,
    columns: HashMap<Vec<u8>, i64>,
    /// The series at hand, and room for a field behind it.
    series: Vec<u8>,
    series_len: usize,
}

impl Names {
    pub(super) fn forget(&mut self) {
        self.owners.clear();
        self.columns.clear();
    }

    /// The number of an owner, given to it if it has none.
    pub(super) fn owner(&mut self, db: &Connection, name: &str) -> Result<i64, Fault> {
        if let Some(id) = self.owners.get(name) {
            return Ok(*id);
        }
        let mut insert =
            db.prepare_cached("INSERT INTO owners (name) VALUES (?1) ON CONFLICT DO NOTHING")?;
        insert.execute([name])?;
        let mut select = db.prepare_cached("SELECT id FROM owners WHERE name = ?1")?;
        let id = select.query_row([name], |row| row.get(0))?;
        self.owners.insert(name.to_owned(), id);
        Ok(id)
    }

    /// Sets the series at hand.
    pub(super) fn series(&mut self, point: &Point) {
        self.series.clear();
        let tags = point.tags.iter().map(|(name, value)| (*name, value.as_str()));
        write_series(point.measurement, tags, &mut self.series);
        self.series_len = self.series.len();
    }

    /// The number of a field of the series at hand, given to it if it has none.
    pub(super) fn column(
        &mut self,
        db: &Connection,
        owner: i64,
        field: &str,
        time_ms: i64,
    ) -> Result<i64, Fault> {
        self.series.truncate(self.series_len);
        self.series.push(b' ');
        self.series.extend_from_slice(field.as_bytes());
        if let Some(id) = self.columns.get(&self.series) {
            return Ok(*id);
        }
        let series = &self.series[..self.series_len];
        let id = match find(db, series, field)? {
            Some((id, _)) => id,
            None => {
                let mut insert = db.prepare_cached(
                    "INSERT INTO columns (series, field, owner, last_ms) VALUES (?1, ?2, ?3, ?4)",
                )?;
                insert.insert((series, field, owner, time_ms))?
            }
        };
        if self.columns.len() >= MOST_REMEMBERED {
            self.columns.clear();
        }
        self.columns.insert(self.series.clone(), id);
        Ok(id)
    }
}

/// The number of a column, and its owner's.
pub(super) fn find(
    db: &Connection,
    series: &[u8],
    field: &str,
) -> Result<Option<(i64, i64)>, Fault> {
    let mut select =
        db.prepare_cached("SELECT id, owner FROM columns WHERE series = ?1 AND field = ?2")?;
    Ok(select.query_row((series, field), |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
