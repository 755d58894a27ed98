//! Positions committed to a consumer group, for those who watch how far a reader is.
//!
//! Nothing here reads them back, and nobody waits for a commit or minds if it fails.

use super::Shared;
use super::heard::Heard;
use super::offsets::exactly;
use crate::log::Position;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};

const EVERY_MS: i64 = 5_000;

/// The commits of a reader.
#[derive(Clone, Copy)]
pub(super) struct Commits {
    /// Whether the reader commits at all.
    is_consumer: bool,
    last_ms: i64,
}

impl Commits {
    /// Of a reader that has committed nothing yet.
    pub(super) fn new(is_consumer: bool) -> Self {
        Self { is_consumer, last_ms: 0 }
    }

    /// Whether it is time to.
    fn is_due(&mut self, group: Option<&str>, now_ms: i64) -> bool {
        let is_early = (0..EVERY_MS).contains(&(now_ms - self.last_ms));
        if !self.is_consumer || group.is_none() || is_early {
            return false;
        }
        self.last_ms = now_ms;
        true
    }

    /// Commits where a reader is, if it is the consumer of a group and it is time.
    pub(super) fn commit(
        &mut self,
        shared: &Shared,
        consumer: &BaseConsumer<Heard>,
        positions: impl Iterator<Item = Position>,
    ) {
        if !self.is_due(shared.settings.group.as_deref(), shared.clock.now_ms()) {
            return;
        }
        let positions = positions.map(|at| (at.partition, exactly(at.offset)));
        if let Ok(list) = shared.asker.topics().list(positions) {
            let _ = consumer.commit(&list, CommitMode::Async);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consumer_of_a_group_commits_from_time_to_time_and_nobody_else_does() {
        let mut commits = Commits::new(true);
        let due: Vec<_> =
            [7, 8, 5_006, 5_007].map(|ms| commits.is_due(Some("g"), EVERY_MS + ms)).into();
        assert_eq!(due, [true, false, false, true]);
        assert!(!Commits::new(true).is_due(None, EVERY_MS), "there is no group");
        assert!(!Commits::new(false).is_due(Some("g"), EVERY_MS), "somebody just looks");
    }
}
