//! What is due when the watermark reaches a time.
//!
//! A timer is a hint to look: whoever set it notes when, and a timer that is not
//! the one noted is stale. So a session that goes on need not move its timer with
//! every event, and nothing has to be taken out from among the others. What is due
//! at once is looked at in no particular order, so timers are kept by spans of
//! time and not sorted within: a heap of all of them costs a cold line per level.

use std::collections::BTreeMap;

/// The bits of a time that tell places within a span: spans are of 1,024 ms.
const SPAN_BITS: u32 = 10;

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The session of a visit that a time lies in.
    Session {
        /// The visit.
        visit: usize,
        /// A time within the session, ms.
        at_ms: i64,
    },
    /// A user's profile.
    User(usize),
    /// A user's first step at a time, of the rule at a place.
    Sequence {
        /// The user.
        user: usize,
        /// The place of the rule.
        rule: u8,
        /// The time of the step, ms.
        at_ms: i64,
    },
}

/// Timers by spans of their times.
#[derive(Default)]
pub(super) struct Timers(BTreeMap<i64, Vec<(i64, Due)>>);

impl Timers {
    /// Sets a timer for when the watermark is `due_ms` or more.
    pub(super) fn set(&mut self, due_ms: i64, due: Due) {
        self.0.entry(due_ms >> SPAN_BITS).or_default().push((due_ms, due));
    }

    /// Takes timers that the watermark has reached, of one span; none are left if
    /// it gives none.
    pub(super) fn take_due(&mut self, watermark_ms: i64) -> Vec<(i64, Due)> {
        let Some(mut span) = self.0.first_entry() else {
            return Vec::new();
        };
        if *span.key() < watermark_ms >> SPAN_BITS {
            return span.remove();
        }
        // The watermark stands in this span or before it.
        let due = span.get_mut().extract_if(.., |(due_ms, _)| *due_ms <= watermark_ms).collect();
        if span.get().is_empty() {
            span.remove();
        }
        due
    }

    /// Number of timers set, stale ones included.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_due_is_taken_and_nothing_else() {
        let mut timers = Timers::default();
        for (i, due_ms) in
            [5_000, 1_023, 1_024, -1, 1_025, 2_047, 2_048, 1_024].into_iter().enumerate()
        {
            timers.set(due_ms, Due::User(i));
        }
        let mut taken = |watermark_ms| {
            let mut all = Vec::new();
            loop {
                let due = timers.take_due(watermark_ms);
                if due.is_empty() {
                    break;
                }
                all.extend(due.into_iter().map(|(due_ms, _)| due_ms));
            }
            all.sort_unstable();
            all
        };
        assert_eq!(taken(-2), [0i64; 0]);
        assert_eq!(taken(1_024), [-1, 1_023, 1_024, 1_024]);
        assert_eq!(taken(1_024), [0i64; 0]);
        assert_eq!(taken(2_047), [1_025, 2_047]);
        assert_eq!(taken(i64::MAX), [2_048, 5_000]);
        assert_eq!(timers.len(), 0);
    }
}
