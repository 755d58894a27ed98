//! Which event ids were seen, for as long as any family could still take a
//! second record with one of them.
//!
//! Invariant: a partition remembers, per (event id, user), the largest timestamp
//! it came with; what no later record can be a duplicate of is forgotten.

use super::chunk::Entry;
use crate::lateness::ALERT_PANE_MS;
use crate::settings::InputSettings;
use hashbrown::HashMap;
use std::collections::VecDeque;

/// The ids that each partition has seen.
pub(super) struct Seen {
    /// How long after its timestamp an id still matters, in ms.
    reach_ms: i64,
    partitions: Vec<Partition>,
}

#[derive(Default)]
struct Partition {
    latest_ms: HashMap<u128, i64>,
    /// Ids in the order they were noted, to be forgotten from the front.
    order: VecDeque<(i64, u128)>,
}

impl Seen {
    pub(super) fn new(settings: &InputSettings) -> Self {
        let slice_ms = settings.session_gap_ms.max(ALERT_PANE_MS);
        let mut partitions = Vec::new();
        partitions.resize_with(settings.partitions as usize, Partition::default);
        Self { reach_ms: slice_ms + settings.lateness_ms, partitions }
    }

    /// Whether the record repeats an earlier one; notes it either way.
    ///
    /// `watermark_ms` is its partition's watermark after it.
    pub(super) fn is_duplicate(&mut self, entry: &Entry, watermark_ms: i64) -> bool {
        let Some(id) = entry.identity else {
            return false;
        };
        let p = &mut self.partitions[entry.partition as usize];
        let mut duplicate = false;
        let mut latest_ms = entry.at_ms;
        if let Some(&earlier_ms) = p.latest_ms.get(&id) {
            duplicate = earlier_ms + self.reach_ms > watermark_ms;
            latest_ms = latest_ms.max(earlier_ms);
        }
        if latest_ms + self.reach_ms > watermark_ms {
            p.latest_ms.insert(id, latest_ms);
            p.order.push_back((entry.at_ms, id));
        }
        p.forget(watermark_ms, self.reach_ms);
        duplicate
    }
}

impl Partition {
    /// Forgets what has come of age at the front. Ids noted out of order are
    /// forgotten a little later, never too early.
    fn forget(&mut self, watermark_ms: i64, reach_ms: i64) {
        while let Some(&(at_ms, id)) = self.order.front() {
            if at_ms + reach_ms > watermark_ms {
                break;
            }
            self.order.pop_front();
            if self.latest_ms.get(&id).is_some_and(|&ms| ms + reach_ms <= watermark_ms) {
                self.latest_ms.remove(&id);
            }
        }
    }
}
