//! What has to be deleted, and how that is said to InfluxDB.
//!
//! A predicate of InfluxDB joins equalities of tags by `AND`, and knows nothing else: no
//! `OR`, no field. So each place that is gone is a deletion of its own, and what is there is
//! looked up before, where a correction may have left places behind.

use super::batch::Change;
use super::flux::{self, stored};
use crate::points::{Point, Selector, owned, stale, write_series};
use crate::store::Found;

/// The points of one time that a predicate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deletion {
    pub(super) time_ms: i64,
    pub(super) predicate: String,
    pub(super) epoch: u64,
}

/// What a change may have left behind, to be looked up: measurements of its time.
pub(super) fn lookup(change: &Change) -> Vec<&'static str> {
    let Some(points) = change.points.as_deref().filter(|_| change.replaces) else {
        return Vec::new();
    };
    let mut names: Vec<_> =
        stale(&change.key, points).into_iter().map(|selector| selector.measurement).collect();
    names.dedup();
    names
}

/// What to delete of a result that has ended: all that it can own.
pub(super) fn ended(change: &Change) -> Vec<Deletion> {
    let of = |selector: Selector| {
        let tags = selector.tags.iter().map(|(name, value)| (*name, value.as_str()));
        Deletion {
            time_ms: selector.time_ms,
            predicate: predicate(selector.measurement, tags),
            epoch: change.epoch,
        }
    };
    // A point that InfluxDB cannot have is not there, and cannot be named either.
    let all = owned(&change.key).into_iter().filter(|s| flux::can_have(s.time_ms));
    all.map(of).collect()
}

/// What to delete of a result before its points are written again, given what is there at
/// its time: places that are gone, and points that lose a field.
pub(super) fn gone(change: &Change, there: &[Found]) -> Vec<Deletion> {
    let points = change.points.as_deref().unwrap_or_default();
    let own = owned(&change.key);
    let is_own = |found: &&Found| own.iter().any(|selector| covers(selector, found));
    let stays = |found: &Found| points.iter().any(|new| is_kept(found, new));
    let gone = there.iter().filter(is_own).filter(|found| !stays(found));
    let of = |found: &Found| {
        let tags = found.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Deletion {
            time_ms: change.key.time_ms(),
            predicate: predicate(&found.measurement, tags),
            epoch: change.epoch,
        }
    };
    gone.map(of).collect()
}

/// The bytes of a series: tags that are stored in another form than they were given are
/// the same in it.
fn series<'a>(measurement: &str, tags: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_series(measurement, tags, &mut bytes);
    bytes
}

fn covers(selector: &Selector, found: &Found) -> bool {
    let is_there = |(name, value): &(&str, String)| {
        let stored = series("", [(*name, value.as_str())].into_iter());
        found.tag(name).is_some_and(|tag| series("", [(*name, tag)].into_iter()) == stored)
    };
    selector.measurement == found.measurement && selector.tags.iter().all(is_there)
}

/// Whether a point is written again with every field that it has.
fn is_kept(found: &Found, new: &Point) -> bool {
    let own = found.tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let tags = new.tags.iter().map(|(name, value)| (*name, value.as_str()));
    series(&found.measurement, own) == series(new.measurement, tags)
        && found.fields.iter().all(|(name, _)| new.fields.iter().any(|(other, _)| other == name))
}

/// A predicate: this measurement and these tags, whatever others there are.
pub(super) fn predicate<'a>(
    measurement: &str,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut text = format!("_measurement={}", quoted(measurement));
    for (name, value) in tags {
        text.push_str(&format!(" AND {}={}", quoted(name), quoted(&stored(value))));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
