//! A session that has ended, with all that results over sessions need of it.

use std::sync::Arc;
use streamgauge_ingest::decode::kept_ms;
use streamgauge_sink::session::SessionRecord;

/// A step of a funnel that a session reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepTaken {
    /// Which funnel, in the order of their names.
    pub funnel: u8,
    /// Which step, from 1.
    pub step: u8,
    /// The time from the step before, ms as load times are kept; of the first step 0.
    pub took_ms: i64,
}

impl StepTaken {
    /// The steps that events at these times reached, in ms.
    pub(super) fn of(funnel: u8, at_ms: impl Iterator<Item = i64>) -> impl Iterator<Item = Self> {
        let mut before_ms = None;
        (1..).zip(at_ms).map(move |(step, at_ms)| {
            let took_ms = at_ms - before_ms.replace(at_ms).unwrap_or(at_ms);
            Self { funnel, step, took_ms: kept_ms(took_ms) }
        })
    }
}

/// A session that has ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    /// As it is published.
    pub record: Arc<SessionRecord>,
    /// The steps that it reached, funnel by funnel.
    pub steps: Vec<StepTaken>,
    /// Whether another session of its user began before it and had its last event in
    /// the 24 hours before it, or later.
    pub is_returning: bool,
}
