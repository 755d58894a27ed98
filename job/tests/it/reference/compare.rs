//! Updates of two kinds made comparable: the consolidated changes of each epoch.

use differential_dataflow::difference::Semigroup;
use std::collections::BTreeMap;
use std::fmt::Debug;
use streamgauge::rows::{ListDiff, Tally};
use streamgauge::time::Epoch;

/// By epoch and datum, the sum of the differences, if there is one.
pub(super) type Changes<D, R> = BTreeMap<(Epoch, D), R>;

/// Adds up updates.
pub(super) fn consolidated<D: Ord, R: Semigroup>(
    updates: impl IntoIterator<Item = (D, Epoch, R)>,
) -> Changes<D, R> {
    let mut changes = BTreeMap::new();
    for (datum, epoch, diff) in updates {
        match changes.entry((epoch, datum)) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(diff);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                place.get_mut().plus_equals(&diff)
            }
        }
    }
    changes.retain(|_, sum| !sum.is_zero());
    changes
}

/// A value that stands under a key, as a difference of it.
pub(super) trait AsDifference {
    /// So many times the value.
    fn times(&self, times: isize) -> Self;
}

impl AsDifference for Tally {
    fn times(&self, times: isize) -> Self {
        let times = i64::try_from(times).unwrap();
        Self { n: self.n.map(|n| n * times), sum: self.sum * i128::from(times) }
    }
}

impl AsDifference for ListDiff {
    fn times(&self, times: isize) -> Self {
        let (views, users) = (i64::try_from(times).unwrap(), i32::try_from(times).unwrap());
        Self { views: self.views * views, users: self.users.map(|n| n * users) }
    }
}

/// Says in which epoch and datum two differ first, if they do.
pub(super) fn difference<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    got: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
) -> Result<(), String> {
    let keys: std::collections::BTreeSet<_> = got.keys().chain(expected.keys()).collect();
    let differing: Vec<_> = keys.into_iter().filter(|k| got.get(*k) != expected.get(*k)).collect();
    let Some(first) = differing.first() else {
        return Ok(());
    };
    Err(format!(
        "{what}: {} differ, the first is {first:?}\n  operator  {:?}\n  reference {:?}",
        differing.len(),
        got.get(*first),
        expected.get(*first),
    ))
}
