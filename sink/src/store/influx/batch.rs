//! Records on their way into an InfluxDB: what is to be written, what to be deleted.
//!
//! Of the records of one result only the last one counts: results own different points,
//! so what becomes of one has nothing to do with another, and their order is of no matter.

use super::sessions::SessionChange;
use crate::points::{self, Point, PointError, ResultKey};
use crate::results::{Stored, Topic};
use crate::store::FieldValue;
use hashbrown::HashMap;

/// What becomes of a result.
pub(super) struct Change {
    pub(super) key: ResultKey,
    pub(super) epoch: u64,
    /// Its points; none: it has ended.
    pub(super) points: Option<Vec<Point>>,
    /// Whether there may be points of it that are not among these.
    pub(super) replaces: bool,
}

/// Changes that gather.
#[derive(Default)]
pub(super) struct Batch {
    changes: Vec<Change>,
    sessions: Vec<SessionChange>,
    /// Where what has a key is, among changes or among sessions.
    places: HashMap<Vec<u8>, usize>,
    /// Points that were gathered, those that others have replaced among them.
    pub(super) points: usize,
    /// Records that were read.
    pub(super) records: usize,
    /// When the first record was kept in the log, ms.
    pub(super) since_ms: Option<i64>,
    /// Records that could not be understood, and the first of them with the reason.
    pub(super) unreadable: u64,
    pub(super) first_unreadable: Option<String>,
}

impl Batch {
    /// Takes the next record.
    pub(super) fn take(&mut self, stored: Stored<'_>) {
        self.records += 1;
        self.since_ms.get_or_insert(stored.at_ms);
        let taken = match stored.topic {
            Topic::Sessions => self.take_session(&stored),
            _ => self.take_result(&stored),
        };
        if let Err(error) = taken {
            self.unreadable += 1;
            let key = String::from_utf8_lossy(stored.key);
            self.first_unreadable.get_or_insert_with(|| format!("{key}: {error}"));
        }
    }

    fn take_result(&mut self, stored: &Stored<'_>) -> Result<(), PointError> {
        let (key, points) = read(stored)?;
        if !key.has_points() {
            return Ok(());
        }
        // A deletion is a request of its own: it counts as much as a point.
        self.points += points.as_ref().map_or(1, Vec::len);
        let replaces = points.as_deref().is_some_and(is_corrected);
        let change = Change { key, epoch: stored.epoch, points, replaces };
        let again = |change| Change { replaces: true, ..change };
        put(&mut self.changes, &mut self.places, stored.key, change, again);
        Ok(())
    }

    fn take_session(&mut self, stored: &Stored<'_>) -> Result<(), PointError> {
        let change = SessionChange::read(stored)?;
        self.points += 1;
        let again = |change| SessionChange { replaces: true, ..change };
        put(&mut self.sessions, &mut self.places, stored.key, change, again);
        Ok(())
    }

    /// The changes, each of another result, and those of sessions.
    pub(super) fn into_changes(self) -> (Vec<Change>, Vec<SessionChange>) {
        (self.changes, self.sessions)
    }
}

/// Puts a change in the place of an earlier one of its key, as `again` makes it: what was to
/// be deleted for that still is.
fn put<T>(
    all: &mut Vec<T>,
    places: &mut HashMap<Vec<u8>, usize>,
    key: &[u8],
    change: T,
    again: impl FnOnce(T) -> T,
) {
    match places.get(key).and_then(|place| all.get_mut(*place)) {
        Some(earlier) => *earlier = again(change),
        None => {
            places.insert(key.to_vec(), all.len());
            all.push(change);
        }
    }
}

fn read(stored: &Stored<'_>) -> Result<(ResultKey, Option<Vec<Point>>), PointError> {
    let key = ResultKey::parse(stored.key)?;
    let Some(value) = stored.value else { return Ok((key, None)) };
    let mut found = Vec::new();
    points::points(&key, value, &mut found)?;
    Ok((key, Some(found)))
}

/// Whether these points are of a correction: what was there before may have had more.
/// A final result is the first of its key.
fn is_corrected(points: &[Point]) -> bool {
    let state = |point: &Point| {
        point
            .fields
            .iter()
            .any(|(name, value)| *name == "state" && *value == FieldValue::Text("corrected".into()))
    };
    points.iter().any(state)
}

/// A line that is to be written.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    pub(super) epoch: u64,
}

/// The lines of changes.
pub(super) fn lines(changes: &[Change]) -> Vec<Line> {
    let mut lines = Vec::new();
    for change in changes {
        for point in change.points.iter().flatten() {
            let mut text = Vec::new();
            points::write_line(point, &mut text);
            lines.push(Line { text, epoch: change.epoch });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(places: usize, state: &str) -> String {
        let items: Vec<_> =
            (0..places).map(|i| format!(r#"{{"name":"n{i}","views":1,"users":1}}"#)).collect();
        format!(
            r#"{{"metricType":"DEVICES","category":"business","windowStart":0,"windowEnd":60000,"dimensions":{{}},"items":[{}],"other":0,"count":3,"state":"{state}"}}"#,
            items.join(",")
        )
    }

    fn take(batch: &mut Batch, key: &str, value: Option<&str>) {
        let (key, value) = (key.as_bytes(), value.map(str::as_bytes));
        let (topic, epoch, at_ms) = (Topic::ProcessedMetrics, 4, 7);
        batch.take(Stored { at_ms, topic, partition: 0, offset: 0, epoch, key, value });
    }

    #[test]
    fn the_last_record_of_a_result_counts_and_remembers_that_there_was_another() {
        let mut batch = Batch::default();
        let (key, other) = ("DEVICES|0|60000|", "ACTIVE_USERS_5M|55000|60000|");
        take(&mut batch, key, Some(&devices(3, "final")));
        take(&mut batch, other, None);
        take(&mut batch, "odd", Some("{}"));
        take(&mut batch, "SESSION|5||session=s,user=u", Some("{}"));
        assert_eq!((batch.points, batch.records, batch.unreadable), (5, 4, 1));
        take(&mut batch, key, Some(&devices(1, "final")));
        assert_eq!(batch.since_ms, Some(7));
        let told = "odd: not the key of a result: fewer than four parts";
        assert_eq!(batch.first_unreadable.as_deref(), Some(told));
        let (changes, _) = batch.into_changes();
        assert_eq!(changes.len(), 2);
        assert!(changes[0].replaces);
        assert_eq!(lines(&changes).len(), 2, "one place, and the line of the rest");
        assert!(changes[1].points.is_none());
    }

    #[test]
    fn a_correction_may_leave_points_behind_and_a_first_result_cannot() {
        let check = |state: &str, expected: bool| {
            let mut batch = Batch::default();
            take(&mut batch, "DEVICES|0|60000|", Some(&devices(1, state)));
            assert_eq!(batch.into_changes().0[0].replaces, expected, "{state}");
        };
        check("final", false);
        check("corrected", true);
    }
}
