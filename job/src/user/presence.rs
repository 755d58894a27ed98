//! Distinct users of sliding windows without a row per window.
//!
//! A window is a run of panes. A user that is present in several of them counts
//! once: in the first. So a pane adds a user to exactly those windows that
//! contain the pane and no earlier pane with the user, and all that must be known
//! is how far back the pane before with the user lies, and how far ahead the next.

use crate::rows::PANES;
use streamgauge_ingest::lateness::BUSINESS_PANE_MS;

/// Where the neighbours of a newly taken pane lie, in panes: 1 to 5, or
/// [`Gap::NONE`] if no window contains both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) before: usize,
    pub(super) after: usize,
}

impl Gap {
    /// So far away that no window contains both.
    pub(super) const NONE: usize = PANES;
}

/// What taking a pane changes: per pane concerned, how many users are new in the
/// window that ends j panes after it.
///
/// The pane itself adds the user to its windows that don't reach back to the pane
/// before. The pane after loses the user in the windows that now begin to have it
/// earlier.
pub(super) fn gaps(pane_end_ms: i64, gap: Gap) -> impl Iterator<Item = (i64, [i32; PANES])> {
    let Gap { before, after } = gap;
    let own = std::array::from_fn(|j| i32::from(is_new(before, j)));
    let next = (after < Gap::NONE).then(|| {
        let was = (before + after).min(Gap::NONE);
        let lost = std::array::from_fn(|j| i32::from(is_new(after, j)) - i32::from(is_new(was, j)));
        let ahead_ms = i64::try_from(after).unwrap_or(0) * BUSINESS_PANE_MS;
        (pane_end_ms + ahead_ms, lost)
    });
    std::iter::once((pane_end_ms, own)).chain(next)
}

/// Whether a pane whose user was last present `before` panes earlier is the
/// window's first with the user, in the window that ends j panes after it: that
/// window begins PANES − 1 − j panes before the pane.
fn is_new(before: usize, j: usize) -> bool {
    before > PANES - 1 - j
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn sums_to_the_distinct_count(panes in proptest::collection::vec(0i64..24, 0..24)) {
            let mut present = BTreeSet::new();
            let mut new: BTreeMap<i64, [i32; PANES]> = BTreeMap::new();
            for pane in panes {
                if !present.insert(pane) {
                    continue;
                }
                let distance = |d: Option<i64>| {
                    d.and_then(|d| usize::try_from(d).ok()).filter(|d| *d < PANES).unwrap_or(Gap::NONE)
                };
                let gap = Gap {
                    before: distance(present.range(..pane).next_back().map(|p| pane - p)),
                    after: distance(present.range(pane + 1..).next().map(|p| p - pane)),
                };
                for (end_ms, counts) in gaps(pane * BUSINESS_PANE_MS, gap) {
                    let sums = new.entry(end_ms / BUSINESS_PANE_MS).or_default();
                    sums.iter_mut().zip(counts).for_each(|(s, c)| *s += c);
                }
                for window in 0..32i64 {
                    let users: i32 = (0..PANES)
                        .zip((0..).map(|j| window - j))
                        .filter_map(|(j, pane)| Some(new.get(&pane)?[j]))
                        .sum();
                    let expected = present.range(window - 5..=window).next().is_some();
                    prop_assert_eq!(users, i32::from(expected), "window {}", window);
                }
            }
        }
    }
}
