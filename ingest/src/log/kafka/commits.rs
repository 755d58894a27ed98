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
#[derive(Clone, Copy, Default)]
pub(super) struct Commits {
    last_ms: i64,
}

impl Commits {
    /// Commits where a reader is, if there is a group and it is time.
    pub(super) fn commit(
        &mut self,
        shared: &Shared,
        consumer: &BaseConsumer<Heard>,
        positions: impl Iterator<Item = Position>,
    ) {
        if shared.settings.group.is_none() {
            return;
        }
        let now_ms = shared.clock.now_ms();
        if (0..EVERY_MS).contains(&(now_ms - self.last_ms)) {
            return;
        }
        self.last_ms = now_ms;
        let positions = positions.map(|at| (at.partition, exactly(at.offset)));
        if let Ok(list) = shared.asker.topics().list(positions) {
            let _ = consumer.commit(&list, CommitMode::Async);
        }
    }
}
