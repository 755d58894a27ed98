//! The end of the bindings' topic: what was bound and committed last.

use super::entry::{Ends, Entry};
use super::{Shared, failed};
use crate::results::{LogState, Progress, ResultError};
use streamgauge_ingest::log::{EventLog, Follower, Position};

/// So many of the last records are looked at first; if they do not suffice, more.
const LAST: u64 = 256;

/// Follows the end of the bindings' topic.
pub(super) struct Tail {
    follower: Follower,
    start: u64,
    first_bound: Option<u64>,
    bound: Option<u64>,
    committed: Option<Progress>,
    ends: Ends,
}

impl Tail {
    /// Looks at the last records, more and more of them until there is one of each kind.
    pub(super) fn find(shared: &Shared) -> Result<Self, ResultError> {
        let partition = shared.places.bindings();
        let bounds = shared.log.bounds(partition).map_err(failed)?;
        let mut count = LAST;
        loop {
            let offset = bounds.end.saturating_sub(count).max(bounds.start);
            let follower = shared.log.follow(&[Position { partition, offset }]).map_err(failed)?;
            let mut tail = Self {
                follower,
                start: u64::MAX,
                first_bound: None,
                bound: None,
                committed: None,
                ends: Ends::new(),
            };
            tail.read_until(bounds.end)?;
            if offset == bounds.start || (tail.bound.is_some() && tail.committed.is_some()) {
                return tail.refreshed(shared);
            }
            count *= 16;
        }
    }

    /// With what has come since.
    pub(super) fn refreshed(mut self, shared: &Shared) -> Result<Self, ResultError> {
        let bounds = shared.log.bounds(shared.places.bindings()).map_err(failed)?;
        self.read_until(bounds.end)?;
        if self.start != bounds.start || self.first_bound.is_none() {
            self.start = bounds.start;
            self.first_bound = None;
            shared.look_up(|probe, bounds| {
                probe.read(bounds, &mut |_, entry| {
                    if let Entry::Binding(binding) = entry {
                        self.first_bound = Some(binding.epoch);
                    }
                    self.first_bound.is_none()
                })
            })?;
        }
        Ok(self)
    }

    fn read_until(&mut self, end: u64) -> Result<(), ResultError> {
        self.follower.serve().map_err(failed)?;
        let mut waits = 0;
        loop {
            let Some(held) = self.follower.head(0).map_err(failed)? else {
                if !self.follower.wait_for(&[end], &mut waits).map_err(failed)? {
                    return Ok(());
                }
                continue;
            };
            if held.offset >= end {
                return Ok(());
            }
            waits = 0;
            let entry = self.follower.take(0).and_then(|held| Entry::parse(&held.value?));
            match entry {
                Some(Entry::Binding(binding)) => self.bound = Some(binding.epoch),
                Some(Entry::Commit { progress, ends }) => {
                    self.committed = progress.last().copied().or(self.committed);
                    self.ends = ends;
                }
                _ => {}
            }
        }
    }

    /// How far what is kept reaches.
    pub(super) fn state(&self) -> LogState {
        let Self { committed, bound, first_bound, .. } = *self;
        LogState { committed, bound, first_bound }
    }

    /// Where the records of all transactions end, and the next record of the topic.
    pub(super) fn ends(&self) -> (Ends, u64) {
        (self.ends.clone(), self.follower.at(0))
    }
}
