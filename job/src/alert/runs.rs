//! Windows in a row beyond a limit, and the alarms that follow.
//!
//! A *run* is a longest row of windows beyond the limit, one step from each other. A run
//! of k windows or more has one alarm: that of its first k windows.
//!
//! Invariant: runs neither touch nor overlap, and each window of a run that can still
//! change has its value.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The alarm of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// End of the first window, ms.
    pub first_end_ms: i64,
    /// End of the window with which the row was long enough, ms.
    pub last_end_ms: i64,
    /// The value in that window, in millionths.
    pub value: i128,
}

/// The runs of one rule and one result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// Values beyond the limit in millionths, by the end of the window in ms.
    values: BTreeMap<i64, i128>,
    /// Runs: end of the first window, end of the last, ms.
    runs: BTreeMap<i64, i64>,
}

impl Runs {
    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.runs.is_empty()
    }

    /// Sets the value of a window, or none where it is not beyond the limit.
    pub fn set(&mut self, end_ms: i64, value: Option<i128>, step_ms: i64) {
        let was = match value {
            Some(value) => self.values.insert(end_ms, value).is_some(),
            None => self.values.remove(&end_ms).is_some(),
        };
        match (was, value.is_some()) {
            (false, true) => self.join(end_ms, step_ms),
            (true, false) => self.split(end_ms, step_ms),
            _ => {}
        }
    }

    fn join(&mut self, end_ms: i64, step_ms: i64) {
        let mut last_ms = end_ms;
        if let Some(after_ms) = self.runs.remove(&(end_ms + step_ms)) {
            last_ms = after_ms;
        }
        match self.run_at(end_ms - step_ms) {
            Some(first_ms) => self.runs.insert(first_ms, last_ms),
            None => self.runs.insert(end_ms, last_ms),
        };
    }

    fn split(&mut self, end_ms: i64, step_ms: i64) {
        let Some(first_ms) = self.run_at(end_ms) else {
            return;
        };
        let Some(last_ms) = self.runs.remove(&first_ms) else {
            return;
        };
        if first_ms < end_ms {
            self.runs.insert(first_ms, end_ms - step_ms);
        }
        if end_ms < last_ms {
            self.runs.insert(end_ms + step_ms, last_ms);
        }
    }

    /// The run that a window is in: the end of its first window.
    fn run_at(&self, end_ms: i64) -> Option<i64> {
        let (first_ms, last_ms) = self.runs.range(..=end_ms).next_back()?;
        (end_ms <= *last_ms).then_some(*first_ms)
    }

    /// The alarms of the runs that a window is in or next to.
    pub fn alarms_around(
        &self,
        end_ms: i64,
        step_ms: i64,
        windows: u32,
    ) -> impl Iterator<Item = Alarm> {
        let length_ms = i64::from(windows - 1) * step_ms;
        let runs = self.runs.range(..=end_ms + step_ms).rev();
        let near = runs.take_while(move |(_, last_ms)| **last_ms >= end_ms - step_ms);
        near.filter_map(move |(first_end_ms, run_end_ms)| {
            let last_end_ms = first_end_ms + length_ms;
            // A value that is no longer held can no longer change: nor can the alarm.
            let value = *self.values.get(&last_end_ms).filter(|_| last_end_ms <= *run_end_ms)?;
            Some(Alarm { first_end_ms: *first_end_ms, last_end_ms, value })
        })
    }

    /// Drops what nothing can change any more: windows that end at or before this time
    /// are frozen.
    pub fn forget(&mut self, frozen_end_ms: i64, step_ms: i64) {
        self.values = self.values.split_off(&(frozen_end_ms + 1));
        // A window right after a run can still make it longer.
        self.runs.retain(|_, last_ms| *last_ms + step_ms > frozen_end_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(values: &BTreeMap<i64, i128>, windows: u32) -> Vec<Alarm> {
        let k = i64::from(windows);
        let has = |end: i64| values.contains_key(&end);
        let begins = |first: &i64| !has(first - 1) && (*first..first + k).all(has);
        let alarm = |first: i64| {
            let last = first + k - 1;
            Alarm { first_end_ms: first, last_end_ms: last, value: values[&last] }
        };
        (-50..50).filter(begins).map(alarm).collect()
    }

    proptest! {
        #[test]
        fn alarms_are_those_of_the_definition(
            sets in proptest::collection::vec((0i64..12, proptest::option::of(0i128..3)), 1..60),
            windows in 1u32..5,
        ) {
            let (mut runs, mut values) = (Runs::default(), BTreeMap::new());
            let mut alarms = Vec::new();
            for (end, value) in sets {
                let before: Vec<_> = runs.alarms_around(end, 1, windows).collect();
                runs.set(end, value, 1);
                alarms.retain(|alarm| !before.contains(alarm));
                alarms.extend(runs.alarms_around(end, 1, windows));
                alarms.sort();
                match value {
                    Some(value) => values.insert(end, value),
                    None => values.remove(&end),
                };
                prop_assert_eq!(&alarms, &naive(&values, windows));
            }
        }
    }

    #[test]
    fn what_is_frozen_is_forgotten_and_what_it_began_goes_on() {
        let mut runs = Runs::default();
        (1..=4).for_each(|end| runs.set(end, Some(7), 1));
        runs.forget(3, 1);
        assert_eq!(runs.alarms_around(5, 1, 2).count(), 0);
        runs.set(5, Some(7), 1);
        assert_eq!(runs.runs, BTreeMap::from([(1, 5)]));
        runs.forget(5, 1);
        assert!(!runs.is_empty());
        runs.forget(6, 1);
        assert!(runs.is_empty());
    }
}
