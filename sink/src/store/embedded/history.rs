//! Questions about the past.

use super::bytes::Reader;
use super::chunk::{self, CHUNK_MS};
use super::retention::DAY_MS;
use super::{Fault, failed, names, schema};
use crate::points::{category_of, write_series};
use crate::store::{FieldValue, Found, History, HistoryQuery, HistoryStore, StoreError};
use rusqlite::{Connection, OptionalExtension};
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::vec::IntoIter;

/// Chunks of a day.
const DAY_CHUNKS: i64 = DAY_MS / CHUNK_MS;

/// A handle to ask an embedded store, also from another process than its writer's. A
/// question is answered from one state of the store: whole batches of its feed.
pub struct EmbeddedHistory {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl EmbeddedHistory {
    /// Opens the store in this file, which has to be there.
    ///
    /// # Errors
    /// If there is none, or it was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = schema::open_to_read(path);
        let connection = Mutex::new(opened.map_err(|e| failed("open the history", path, e))?);
        Ok(Self { path: path.to_owned(), connection })
    }
}

impl HistoryStore for EmbeddedHistory {
    fn history(&self, query: &HistoryQuery) -> Result<History, StoreError> {
        let db = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        answer(&db, query).map_err(|e| failed("read the history", &self.path, e))
    }

    fn moment(&self, measurements: &[&str], time_ms: i64) -> Result<Vec<Found>, StoreError> {
        let db = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let found = super::moment::answer(&db, measurements, time_ms);
        found.map_err(|e| failed("read the history", &self.path, e))
    }
}

fn answer(db: &Connection, query: &HistoryQuery) -> Result<History, Fault> {
    let mut found = Collected::new(query);
    let Some(series) = series(query) else { return Ok(found.history) };
    // All that is read belongs to the state of the store at the first read.
    let tx = db.unchecked_transaction()?;
    if let Some((column, owner)) = names::find(&tx, &series, &query.field)?
        && query.from_ms < query.to_ms
    {
        let recent = recent(&tx, owner, column, query)?.into_iter().peekable();
        let mut merge = Merge { recent, found: &mut found };
        // Whether it was broken off is all the same: enough was found.
        let _ = merge.run(&tx, owner, column, query)?;
    }
    Ok(found.finish())
}

/// What identifies the series asked for, if there can be one.
fn series(query: &HistoryQuery) -> Option<Vec<u8>> {
    let category = category_of(&query.measurement)?;
    let given = query.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut tags: Vec<_> = given.filter(|(name, _)| *name != "metric").collect();
    tags.push(("metric", category));
    tags.sort_unstable();
    let mut series = Vec::new();
    write_series(&query.measurement, tags, &mut series);
    Some(series)
}

type Recent = (i64, Option<FieldValue>);

/// What recent results of the owner say about a column, in order of time: its value, or
/// that it has none.
fn recent(
    db: &Connection,
    owner: i64,
    column: i64,
    query: &HistoryQuery,
) -> Result<Vec<Recent>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT time_ms, sample FROM recent
         WHERE owner = ?1 AND time_ms >= ?2 AND time_ms < ?3 ORDER BY time_ms",
    )?;
    let mut rows = select.query((owner, query.from_ms, query.to_ms))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let sample = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        found.push((row.get(0)?, value_of(sample, column.cast_unsigned())?));
    }
    Ok(found)
}

fn value_of(sample: &[u8], column: u64) -> Result<Option<FieldValue>, Fault> {
    let mut reader = Reader(sample);
    let mut found = None;
    while !reader.is_at_end() {
        if reader.varint()? == column {
            found = Some(reader.value()?);
        } else {
            reader.skip_value()?;
        }
    }
    Ok(found)
}

/// Chunks and recent results in order of time, a recent one before what a chunk has of
/// the same time.
struct Merge<'a> {
    recent: Peekable<IntoIter<Recent>>,
    found: &'a mut Collected,
}

impl Merge<'_> {
    fn run(
        &mut self,
        db: &Connection,
        owner: i64,
        column: i64,
        query: &HistoryQuery,
    ) -> Result<ControlFlow<()>, Fault> {
        let (first, last) =
            (query.from_ms.div_euclid(CHUNK_MS), (query.to_ms - 1).div_euclid(CHUNK_MS));
        let days: Vec<i64> = db
            .prepare_cached("SELECT day FROM days WHERE day BETWEEN ?1 AND ?2 ORDER BY day")?
            .query_map([first.div_euclid(DAY_CHUNKS), last.div_euclid(DAY_CHUNKS)], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        for day in days {
            let mut select = db.prepare_cached(&format!(
                "SELECT points FROM \"day_{day}\" WHERE owner = ?1 AND chunk = ?2 AND \"column\" = ?3"
            ))?;
            let day_first = day * DAY_CHUNKS;
            for chunk in day_first.max(first)..(day_first + DAY_CHUNKS).min(last + 1) {
                let key = (owner, chunk, column);
                let bytes = select.query_row(key, |row| row.get::<_, Vec<u8>>(0)).optional()?;
                for (time_ms, value) in chunk::decode(&bytes.unwrap_or_else(|| vec![0, 0]))? {
                    if (query.from_ms..query.to_ms).contains(&time_ms)
                        && self.chunk_has(time_ms, value).is_break()
                    {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
        }
        Ok(self.recent_before(i64::MAX))
    }

    fn chunk_has(&mut self, time_ms: i64, value: FieldValue) -> ControlFlow<()> {
        self.recent_before(time_ms)?;
        match self.recent.next_if(|(recent_ms, _)| *recent_ms == time_ms) {
            Some((_, None)) => ControlFlow::Continue(()),
            Some((_, Some(recent))) => self.found.push(time_ms, recent),
            None => self.found.push(time_ms, value),
        }
    }

    fn recent_before(&mut self, time_ms: i64) -> ControlFlow<()> {
        while let Some((recent_ms, value)) = self.recent.next_if(|(t, _)| *t < time_ms) {
            if let Some(value) = value {
                self.found.push(recent_ms, value)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Collects points in order of time: of each step the last one, and not too many.
struct Collected {
    step_ms: Option<i64>,
    most: usize,
    /// The last point of the step at hand.
    held: Option<(i64, FieldValue)>,
    history: History,
}

impl Collected {
    fn new(query: &HistoryQuery) -> Self {
        let step_ms = query.step_ms.filter(|step_ms| *step_ms > 0);
        Self { step_ms, most: query.most, held: None, history: History::default() }
    }

    fn push(&mut self, time_ms: i64, value: FieldValue) -> ControlFlow<()> {
        let same_step = |held_ms: i64| {
            self.step_ms.is_some_and(|step| held_ms.div_euclid(step) == time_ms.div_euclid(step))
        };
        if self.held.as_ref().is_some_and(|(held_ms, _)| !same_step(*held_ms)) {
            self.release();
        }
        self.held = Some((time_ms, value));
        if self.history.truncated { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn release(&mut self) {
        let Some(point) = self.held.take() else { return };
        if self.history.points.len() < self.most {
            self.history.points.push(point);
        } else {
            self.history.truncated = true;
        }
    }

    fn finish(mut self) -> History {
        self.release();
        self.history
    }
}
