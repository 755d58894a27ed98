//! What has to be deleted when a result is replaced or ends.

use super::catalogue::{CITIES, MOST_OF_DAY, MOST_PLACES, MOST_TRANSITIONS, Shape, TRANSITIONS};
use super::{Point, ResultKey};

/// Points to be deleted: those of this measurement and time that have these tags,
/// whatever other tags they have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The measurement.
    pub measurement: &'static str,
    /// Tags they have, in the order of their names.
    pub tags: Vec<(&'static str, String)>,
    /// Their time, ms.
    pub time_ms: i64,
}

impl Selector {
    /// Whether it covers a point.
    #[must_use]
    pub fn covers(&self, point: &Point) -> bool {
        self.measurement == point.measurement
            && self.time_ms == point.time_ms
            && self.tags.iter().all(|tag| point.tags.contains(tag))
    }
}

/// The value of the tag `rank` of a place that is counted from 0.
pub(super) fn rank(place: usize) -> String {
    format!("{:02}", place + 1)
}

/// All points that a result can own: what to delete when it ends.
#[must_use]
pub fn owned(key: &ResultKey) -> Vec<Selector> {
    let entry = key.entry;
    let all = |measurement| {
        let mut tags = vec![("metric", entry.category.to_owned())];
        tags.extend(entry.dimension.zip(key.dimension.clone()));
        tags.sort_unstable();
        Selector { measurement, tags, time_ms: key.end_ms }
    };
    match entry.shape {
        Shape::Nothing => vec![],
        Shape::Geo => vec![all(entry.measurement), all(CITIES)],
        Shape::Journeys => vec![all(entry.measurement), all(TRANSITIONS)],
        _ => vec![all(entry.measurement)],
    }
}

/// What to delete, *before* `new` is written, if what the result owned until now is
/// not known: the ranks behind the last one. Where places are not numbered, or a point
/// can lose a field (which writing it again would leave there), it is everything.
#[must_use]
pub fn stale(key: &ResultKey, new: &[Point]) -> Vec<Selector> {
    let mut selectors = vec![];
    for all in owned(key) {
        let measurement = all.measurement;
        if let Some(most) = most_ranks(key.entry.shape, measurement) {
            let is_place = |point: &&Point| {
                point.measurement == measurement && point.tags.iter().any(|(k, _)| *k == "rank")
            };
            let places = new.iter().filter(is_place).count();
            selectors.extend((places..most).map(|place| {
                let mut gone = all.clone();
                gone.tags.push(("rank", rank(place)));
                gone
            }));
        } else if matches!(key.entry.shape, Shape::Geo | Shape::Funnel) {
            selectors.push(all);
        }
    }
    selectors
}

/// Places in the numbered list of a measurement, if it has one.
fn most_ranks(shape: Shape, measurement: &str) -> Option<usize> {
    match (shape, measurement) {
        (_, TRANSITIONS) => Some(MOST_TRANSITIONS),
        (Shape::Pages | Shape::Names | Shape::Journeys, _) | (Shape::Geo, CITIES) => {
            Some(MOST_PLACES)
        }
        (Shape::DayNames | Shape::Campaigns, _) => Some(MOST_OF_DAY),
        _ => None,
    }
}

/// Which of the points a result owned until now have to be deleted before `new` is
/// written: those whose place is gone, and those that lose a field.
#[must_use]
pub fn gone<'a>(old: &'a [Point], new: &[Point]) -> Vec<&'a Point> {
    let loses_nothing = |old: &Point, new: &Point| {
        old.fields.iter().all(|(name, _)| new.fields.iter().any(|(other, _)| other == name))
    };
    let stays = |old: &Point| new.iter().any(|new| old.is_place_of(new) && loses_nothing(old, new));
    old.iter().filter(|old| !stays(old)).collect()
}
