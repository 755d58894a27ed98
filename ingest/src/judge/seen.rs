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
    /// Ids noted since they were last taken for a checkpoint, if there are any.
    noted: Option<Vec<(u32, u128)>>,
}

/// An id that was seen: partition, id, the largest timestamp it came with, and when it
/// may be forgotten, ms.
pub type SeenId = (u32, u128, i64, i64);

#[derive(Default)]
struct Partition {
    latest_ms: HashMap<u128, i64>,
    /// Ids in the order they were noted, to be forgotten from the front.
    order: VecDeque<(i64, u128)>,
}

impl Seen {
    pub(super) fn new(settings: &InputSettings) -> Self {
        let longest_span_ms = settings.sequence_spans_ms.last().copied().unwrap_or(0);
        let slice_ms = settings.session_gap_ms.max(ALERT_PANE_MS).max(longest_span_ms);
        let reach_ms = slice_ms + settings.lateness_ms;
        let mut seen = Self { reach_ms, partitions: Vec::new(), noted: None };
        seen.grow(settings.partitions);
        seen
    }

    /// Adds partitions, up to so many, that have seen nothing.
    pub(super) fn grow(&mut self, partitions: u32) {
        let partitions = self.partitions.len().max(partitions as usize);
        self.partitions.resize_with(partitions, Partition::default);
    }

    /// Notes for checkpoints what is seen from now on.
    pub(super) fn note_ids(&mut self) {
        self.noted.get_or_insert_default();
    }

    /// The ids noted since this was asked last, or all of them, in order.
    pub(super) fn take(&mut self, all: bool) -> Vec<SeenId> {
        let mut ids = self.noted.replace(Vec::new()).unwrap_or_default();
        if all {
            ids.clear();
            for (partition, p) in (0..).zip(&self.partitions) {
                ids.extend(p.order.iter().map(|(_, id)| (partition, *id)));
            }
        }
        ids.sort_unstable();
        ids.dedup();
        let latest = |(partition, id): (u32, u128)| {
            let at_ms = *self.partitions.get(partition as usize)?.latest_ms.get(&id)?;
            Some((partition, id, at_ms, at_ms.saturating_add(self.reach_ms)))
        };
        ids.into_iter().filter_map(latest).collect()
    }

    /// Goes on from ids that a checkpoint held.
    pub(super) fn load(&mut self, ids: &[(u32, u128, i64)]) {
        let mut ids = ids.to_vec();
        ids.sort_unstable_by_key(|(partition, id, at_ms)| (*at_ms, *partition, *id));
        for (partition, id, at_ms) in ids {
            if let Some(p) = self.partitions.get_mut(partition as usize) {
                p.latest_ms.insert(id, at_ms);
                p.order.push_back((at_ms, id));
            }
        }
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
            if let Some(noted) = &mut self.noted {
                noted.push((entry.partition, id));
            }
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

#[cfg(test)]
mod tests {
    use super::super::chunk::Outcome;
    use super::*;
    use crate::decode::Kind;

    const REACH_MS: i64 = 300_000 + 1_000;

    fn seen() -> Seen {
        Seen::new(&InputSettings {
            partitions: 1,
            lateness_ms: 1_000,
            session_gap_ms: 5_000,
            ..InputSettings::default()
        })
    }

    fn entry(id: u128, at_ms: i64) -> Entry {
        let (kind, outcome, identity) = (Kind::PageView, Outcome::Row, Some(id));
        Entry { at_ms, partition: 0, bad_leaves: 0, kind, bot: false, identity, outcome }
    }

    #[test]
    fn an_id_matters_until_its_latest_record_is_late_for_all() {
        for (third_ms, is_duplicate) in [(REACH_MS + 99, true), (REACH_MS + 100, false)] {
            let mut seen = seen();
            assert!(!seen.is_duplicate(&entry(1, 0), 0));
            assert!(seen.is_duplicate(&entry(1, 100), 100));
            // What passes the first record's time must not forget the second's.
            assert!(!seen.is_duplicate(&entry(2, REACH_MS), REACH_MS));
            assert_eq!(seen.is_duplicate(&entry(1, 50), third_ms), is_duplicate, "{third_ms}");
        }
    }

    #[test]
    fn ids_that_no_longer_matter_are_forgotten() {
        let mut seen = seen();
        let held =
            |seen: &Seen| (seen.partitions[0].latest_ms.len(), seen.partitions[0].order.len());
        for id in 0..10u8 {
            assert!(!seen.is_duplicate(&entry(u128::from(id), i64::from(id)), i64::from(id)));
        }
        assert_eq!(held(&seen), (10, 10));
        assert!(seen.is_duplicate(&entry(9, 9), REACH_MS + 4));
        assert_eq!(held(&seen), (5, 6), "five are of age, and the last was noted twice");
        assert!(!seen.is_duplicate(&entry(10, 4), REACH_MS + 4));
        assert_eq!(held(&seen), (5, 6), "what is of age when it comes is not noted");
        assert!(!seen.is_duplicate(&entry(11, REACH_MS + 9), REACH_MS + 9));
        assert_eq!(held(&seen), (1, 1));
    }
}
