//! What is due when the watermark reaches a time.
//!
//! A timer is a hint to look: whoever set it notes when, and a timer that is not
//! the one noted is stale. So a session that goes on need not move its timer with
//! every event, and nothing has to be taken out of the middle of the heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

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
}

/// Timers in the order of their times.
#[derive(Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(i64, Due)>>);

impl Timers {
    /// Sets a timer for when the watermark is `due_ms` or more.
    pub(super) fn set(&mut self, due_ms: i64, due: Due) {
        self.0.push(Reverse((due_ms, due)));
    }

    /// The first timer that the watermark has reached.
    pub(super) fn next(&mut self, watermark_ms: i64) -> Option<(i64, Due)> {
        let Reverse((due_ms, _)) = self.0.peek()?;
        if *due_ms > watermark_ms { None } else { self.0.pop().map(|Reverse(timer)| timer) }
    }

    /// Number of timers set, stale ones included.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
