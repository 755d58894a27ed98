//! What was told of one moment: all points of measurements at one time.
//!
//! Their series are found by name, and what their owners say then is read once: the
//! recent result if there is one, else the chunks of the hour.

use super::Fault;
use super::bytes::Reader;
use super::chunk::{self, CHUNK_MS};
use super::retention::DAY_MS;
use crate::points::{read_series, write_series};
use crate::store::{FieldValue, Found};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The values of an owner's columns.
type Values = BTreeMap<i64, FieldValue>;

pub(super) fn answer(
    db: &Connection,
    measurements: &[&str],
    time_ms: i64,
) -> Result<Vec<Found>, Fault> {
    // All that is read belongs to the state of the store at the first read.
    let tx = db.unchecked_transaction()?;
    let mut owners = BTreeMap::new();
    let mut found = Vec::new();
    for measurement in measurements {
        of_measurement(&tx, measurement, time_ms, &mut owners, &mut found)?;
    }
    Ok(found)
}

fn of_measurement(
    db: &Connection,
    measurement: &str,
    time_ms: i64,
    owners: &mut BTreeMap<i64, Values>,
    found: &mut Vec<Found>,
) -> Result<(), Fault> {
    let mut select = db.prepare_cached(
        "SELECT id, owner, series, field FROM columns
         WHERE series >= ?1 AND series < ?2 ORDER BY series, id",
    )?;
    // Every series has a tag, so a comma follows its measurement; `-` is what follows a comma.
    let mut from = Vec::new();
    write_series(measurement, [], &mut from);
    let mut to = from.clone();
    from.push(b',');
    to.push(b'-');
    let mut rows = select.query((from, to))?;
    let mut last = Vec::new();
    while let Some(row) = rows.next()? {
        let (column, owner): (i64, i64) = (row.get(0)?, row.get(1)?);
        let values = match owners.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(values(db, owner, time_ms)?),
        };
        let Some(value) = values.remove(&column) else { continue };
        let series = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        if series != last || found.is_empty() {
            let (measurement, tags) =
                read_series(series).ok_or(Fault::Damaged("a series that cannot be read"))?;
            found.push(Found { measurement, tags, fields: Vec::new() });
            last = series.to_owned();
        }
        if let Some(point) = found.last_mut() {
            point.fields.push((row.get(3)?, value));
        }
    }
    Ok(())
}

/// What stands of an owner at a time.
fn values(db: &Connection, owner: i64, time_ms: i64) -> Result<Values, Fault> {
    let recent = "SELECT sample FROM recent WHERE owner = ?1 AND time_ms = ?2";
    let recent = db.prepare_cached(recent)?.query_row((owner, time_ms), |row| row.get(0));
    let recent: Option<Vec<u8>> = recent.optional()?;
    match recent {
        Some(sample) => of_sample(&sample),
        None => of_chunks(db, owner, time_ms),
    }
}

fn of_sample(sample: &[u8]) -> Result<Values, Fault> {
    let mut reader = Reader(sample);
    let mut values = Values::new();
    while !reader.is_at_end() {
        let column = reader.varint()?.cast_signed();
        values.insert(column, reader.value()?);
    }
    Ok(values)
}

fn of_chunks(db: &Connection, owner: i64, time_ms: i64) -> Result<Values, Fault> {
    let day = time_ms.div_euclid(DAY_MS);
    let is_kept = "SELECT 1 FROM days WHERE day = ?1";
    let is_kept = db.prepare_cached(is_kept)?.query_row((day,), |_| Ok(())).optional()?;
    let mut values = Values::new();
    if is_kept.is_none() {
        return Ok(values);
    }
    let mut select = db.prepare_cached(&format!(
        "SELECT \"column\", points FROM \"day_{day}\" WHERE owner = ?1 AND chunk = ?2"
    ))?;
    let mut rows = select.query((owner, time_ms.div_euclid(CHUNK_MS)))?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let point = chunk::decode(bytes)?.into_iter().find(|(at_ms, _)| *at_ms == time_ms);
        if let Some((_, value)) = point {
            values.insert(row.get(0)?, value);
        }
    }
    Ok(values)
}
