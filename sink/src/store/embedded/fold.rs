//! From recent results to chunks.

use super::Fault;
use super::bytes::Reader;
use super::chunk::{self, CHUNK_MS, Points};
use super::retention::DAY_MS;
use super::schema::{self, State};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// How much waits in the table of recent results before it is folded.
pub(super) struct Limits {
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Default for Limits {
    /// About an hour of a site's results: each chunk is written twice or so.
    fn default() -> Self {
        Self { rows: 8192, bytes: 4 << 20 }
    }
}

impl Limits {
    pub(super) fn are_reached(&self, state: &State) -> bool {
        state.recent_rows >= self.rows || state.recent_bytes >= self.bytes
    }
}

/// Moves all recent results into chunks, but for those before `first_day`.
pub(super) fn fold(db: &Connection, state: &mut State, first_day: i64) -> Result<(), Fault> {
    let days = db
        .prepare("SELECT day FROM days")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<BTreeSet<i64>, _>>()?;
    let mut fold = Fold { db, days, group: Group::default() };
    let mut select = db.prepare(
        "SELECT owner, time_ms, sample FROM recent WHERE time_ms >= ?1 ORDER BY owner, time_ms",
    )?;
    let mut rows = select.query([first_day.saturating_mul(DAY_MS)])?;
    while let Some(row) = rows.next()? {
        let (owner, time_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
        let hour = (owner, time_ms.div_euclid(CHUNK_MS));
        if hour != (fold.group.owner, fold.group.chunk) {
            fold.write()?;
            fold.group = Group { owner: hour.0, chunk: hour.1, ..Group::default() };
        }
        let sample = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        fold.group.take(time_ms, sample)?;
    }
    fold.write()?;
    drop(rows);
    db.execute("DELETE FROM recent", [])?;
    (state.recent_rows, state.recent_bytes) = (0, 0);
    state.oldest_day = schema::oldest_day(db)?;
    Ok(())
}

/// Recent results of one owner in one hour.
#[derive(Default)]
struct Group {
    owner: i64,
    chunk: i64,
    /// Their times, ms, in order: whatever chunks have of these is replaced.
    times_ms: Vec<i64>,
    columns: BTreeMap<i64, Points>,
}

impl Group {
    fn take(&mut self, time_ms: i64, sample: &[u8]) -> Result<(), Fault> {
        self.times_ms.push(time_ms);
        let mut reader = Reader(sample);
        while !reader.is_at_end() {
            let column = reader.varint()?.cast_signed();
            let points = self.columns.entry(column).or_default();
            let value = reader.value()?;
            match points.last_mut() {
                // A place that is in a result twice.
                Some((last_ms, last)) if *last_ms == time_ms => *last = value,
                _ => points.push((time_ms, value)),
            }
        }
        Ok(())
    }
}

struct Fold<'a> {
    db: &'a Connection,
    days: BTreeSet<i64>,
    group: Group,
}

impl Fold<'_> {
    /// Writes the group at hand into its chunks.
    fn write(&mut self) -> Result<(), Fault> {
        let group = std::mem::take(&mut self.group);
        if group.times_ms.is_empty() {
            return Ok(());
        }
        let day = group.chunk.div_euclid(DAY_MS / CHUNK_MS);
        if self.days.insert(day) {
            schema::create_day(self.db, day)?;
        }
        let Group { owner, chunk, times_ms, mut columns } = group;
        let mut select = self.db.prepare_cached(&format!(
            "SELECT \"column\", points FROM \"day_{day}\" WHERE owner = ?1 AND chunk = ?2"
        ))?;
        let mut rows = select.query((owner, chunk))?;
        let mut emptied = Vec::new();
        while let Some(row) = rows.next()? {
            let column = row.get(0)?;
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let old = chunk::decode(bytes)?;
            let new = columns.remove(&column).unwrap_or_default();
            let (is_changed, merged) = replace(old, &times_ms, new);
            if merged.is_empty() {
                emptied.push(column);
            } else if is_changed {
                columns.insert(column, merged);
            }
        }
        drop(rows);
        self.store(day, (owner, chunk), &columns)?;
        let mut delete = self.db.prepare_cached(&format!(
            "DELETE FROM \"day_{day}\" WHERE owner = ?1 AND chunk = ?2 AND \"column\" = ?3"
        ))?;
        for column in emptied {
            delete.execute((owner, chunk, column))?;
        }
        Ok(())
    }

    fn store(
        &self,
        day: i64,
        (owner, chunk): (i64, i64),
        columns: &BTreeMap<i64, Points>,
    ) -> Result<(), Fault> {
        let mut insert = self.db.prepare_cached(&format!(
            "INSERT OR REPLACE INTO \"day_{day}\" (owner, chunk, \"column\", points)
             VALUES (?1, ?2, ?3, ?4)"
        ))?;
        let mut touch = self
            .db
            .prepare_cached("UPDATE columns SET last_ms = max(last_ms, ?1) WHERE id = ?2")?;
        for (column, points) in columns {
            insert.execute((owner, chunk, column, chunk::encode(points)))?;
            touch.execute((chunk.saturating_mul(CHUNK_MS), column))?;
        }
        Ok(())
    }
}

/// The points of `old` but for those at `times_ms`, and those of `new`, which are all at
/// such times; and whether that changes anything. All are in order.
fn replace(old: Points, times_ms: &[i64], new: Points) -> (bool, Points) {
    let is_behind = old.last().is_none_or(|(last_ms, _)| *last_ms < times_ms[0]);
    let before = old.len();
    let mut merged = old;
    if !is_behind {
        merged.retain(|(time_ms, _)| times_ms.binary_search(time_ms).is_err());
    }
    let is_changed = merged.len() < before || !new.is_empty();
    merged.extend(new);
    if !is_behind {
        merged.sort_unstable_by_key(|(time_ms, _)| *time_ms);
    }
    (is_changed, merged)
}
