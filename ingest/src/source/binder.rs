//! Binds epochs: from what was read of all partitions to who is idle and where
//! the global watermark stands.
//!
//! Idle: a partition whose end was reached for a while and has had no record
//! since. The global watermark is the minimum over those that are not idle; if
//! all are, it goes on with the clock, so that the last windows of a quiet site
//! close, too. Time enters results here only, as a value that is bound.

use crate::BEFORE_TIME_MS;
use crate::binding::{Binding, EpochCounts, PartitionBinding};
use std::collections::BTreeMap;

/// How long the end of a partition must have been reached, ms.
const IDLE_AFTER_MS: i64 = 5_000;

/// Binds the epochs of one log, one after the other.
pub struct Binder {
    settings_hash: u64,
    watermark_ms: i64,
    /// Since when the end of a partition has been reached, ms of the clock.
    at_end_since_ms: BTreeMap<u32, i64>,
    /// Since when all are idle, and the watermark then.
    all_idle: Option<(i64, i64)>,
}

impl Binder {
    /// A binder whose global watermark stands at −∞.
    #[must_use]
    pub fn new(settings_hash: u64) -> Self {
        Self {
            settings_hash,
            watermark_ms: BEFORE_TIME_MS,
            at_end_since_ms: BTreeMap::new(),
            all_idle: None,
        }
    }

    /// The global watermark after the last epoch that was bound, ms.
    #[must_use]
    pub fn watermark_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Goes on after an epoch that was bound before, perhaps by another process: who
    /// was idle then is idle until there is something to read, and time has passed
    /// meanwhile.
    pub fn resume(&mut self, last: &Binding) {
        self.watermark_ms = last.watermark_ms;
        let idle = last.idle.iter().map(|p| (*p, last.at_ms - IDLE_AFTER_MS));
        self.at_end_since_ms = idle.collect();
        let all_idle = last.idle.len() == last.partitions.len();
        let is_known = last.watermark_ms != BEFORE_TIME_MS;
        self.all_idle = (all_idle && is_known).then_some((last.at_ms, last.watermark_ms));
    }

    /// The binding of an epoch. `ends` tells for each partition the next offset
    /// that will be appended; `now_ms` is the clock.
    ///
    /// The caller raises the watermark of each idle partition to the global one.
    pub fn bind(
        &mut self,
        epoch: u64,
        partitions: Vec<PartitionBinding>,
        counts: EpochCounts,
        ends: &BTreeMap<u32, u64>,
        now_ms: i64,
    ) -> Binding {
        let idle: Vec<u32> = partitions
            .iter()
            .filter(|p| self.is_idle(p, ends, now_ms))
            .map(|p| p.partition)
            .collect();
        let awake = partitions.iter().filter(|p| !idle.contains(&p.partition));
        match awake.map(|p| p.watermark_ms).min() {
            Some(low_ms) => {
                self.all_idle = None;
                self.watermark_ms = self.watermark_ms.max(low_ms);
            }
            None => self.advance_by_clock(&partitions, now_ms),
        }
        let (watermark_ms, settings_hash) = (self.watermark_ms, self.settings_hash);
        Binding { epoch, partitions, idle, watermark_ms, settings_hash, at_ms: now_ms, counts }
    }

    fn is_idle(&mut self, p: &PartitionBinding, ends: &BTreeMap<u32, u64>, now_ms: i64) -> bool {
        let at_end = ends.get(&p.partition).is_none_or(|end| p.hi >= *end);
        if !at_end || p.count > 0 {
            self.at_end_since_ms.remove(&p.partition);
        }
        if !at_end {
            return false;
        }
        let since_ms = *self.at_end_since_ms.entry(p.partition).or_insert(now_ms);
        p.count == 0 && now_ms - since_ms >= IDLE_AFTER_MS
    }

    /// All are idle: the watermark goes on with the clock from where it stood
    /// when they became so; if it stood nowhere yet, from the highest of them.
    fn advance_by_clock(&mut self, partitions: &[PartitionBinding], now_ms: i64) {
        if self.watermark_ms == BEFORE_TIME_MS {
            let high_ms = partitions.iter().map(|p| p.watermark_ms).max();
            self.watermark_ms = high_ms.unwrap_or(BEFORE_TIME_MS);
        }
        let (since_ms, from_ms) = *self.all_idle.get_or_insert((now_ms, self.watermark_ms));
        if from_ms != BEFORE_TIME_MS {
            let passed_ms = (now_ms - since_ms).max(0);
            self.watermark_ms = self.watermark_ms.max(from_ms.saturating_add(passed_ms));
        } else {
            // Nobody has had a record: it begins with the first that has.
            self.all_idle = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(partition: u32, hi: u64, count: u64, watermark_ms: i64) -> PartitionBinding {
        PartitionBinding { partition, lo: hi - count, hi, count, digest: 0, watermark_ms }
    }

    fn bind(
        b: &mut Binder,
        parts: [PartitionBinding; 2],
        ends: [u64; 2],
        now_ms: i64,
    ) -> (Vec<u32>, i64) {
        let ends = BTreeMap::from([(0, ends[0]), (1, ends[1])]);
        let bound = b.bind(0, parts.to_vec(), EpochCounts::default(), &ends, now_ms);
        (bound.idle, bound.watermark_ms)
    }

    #[test]
    fn a_partition_is_idle_when_its_end_was_reached_for_five_seconds() {
        let mut b = Binder::new(0);
        assert_eq!(bind(&mut b, [part(0, 3, 3, 30), part(1, 2, 2, 20)], [3, 2], 0), (vec![], 20));
        assert_eq!(
            bind(&mut b, [part(0, 4, 1, 50), part(1, 2, 0, 20)], [4, 2], 4_999),
            (vec![], 20)
        );
        assert_eq!(
            bind(&mut b, [part(0, 4, 0, 50), part(1, 2, 0, 20)], [4, 2], 5_000),
            (vec![1], 50)
        );
        // Its next record wakes it, and one that isn't read yet keeps it awake.
        assert_eq!(
            bind(&mut b, [part(0, 5, 1, 60), part(1, 3, 1, 55)], [5, 9], 5_050),
            (vec![], 55)
        );
    }

    #[test]
    fn when_all_are_idle_the_watermark_goes_on_with_the_clock() {
        let mut b = Binder::new(0);
        bind(&mut b, [part(0, 1, 1, 100), part(1, 1, 1, 50)], [1, 1], 0);
        let idle = [part(0, 1, 0, 100), part(1, 1, 0, 50)];
        assert_eq!(bind(&mut b, idle, [1, 1], 6_000), (vec![0, 1], 50));
        assert_eq!(bind(&mut b, idle, [1, 1], 6_700), (vec![0, 1], 750));
        // A clock that is turned back takes nothing back.
        assert_eq!(bind(&mut b, idle, [1, 1], 6_100), (vec![0, 1], 750));
        assert_eq!(
            bind(&mut b, [part(0, 2, 1, 800), part(1, 1, 0, 750)], [2, 1], 7_000),
            (vec![1], 800)
        );
    }

    #[test]
    fn who_was_idle_is_idle_after_a_restart_and_time_has_passed() {
        let mut b = Binder::new(0);
        bind(&mut b, [part(0, 1, 1, 100), part(1, 1, 1, 50)], [1, 1], 0);
        let idle = [part(0, 1, 0, 100), part(1, 1, 0, 50)];
        bind(&mut b, idle, [1, 1], 6_000);
        let ends = BTreeMap::from([(0, 1), (1, 1)]);
        let last = b.bind(0, idle.to_vec(), EpochCounts::default(), &ends, 6_700);
        let mut resumed = Binder::new(0);
        resumed.resume(&last);
        assert_eq!(bind(&mut resumed, idle, [1, 1], 9_000), (vec![0, 1], 3_050));
        // What came meanwhile wakes its partition before time is let go on.
        let mut resumed = Binder::new(0);
        resumed.resume(&last);
        let woken = [part(0, 2, 1, 800), part(1, 1, 0, 750)];
        assert_eq!(bind(&mut resumed, woken, [2, 1], 9_000), (vec![1], 800));
    }

    #[test]
    fn a_site_with_one_record_ever_gets_on() {
        let none = part(1, 0, 0, BEFORE_TIME_MS);
        let mut b = Binder::new(0);
        assert_eq!(bind(&mut b, [part(0, 1, 1, 100), none], [1, 0], 0).1, BEFORE_TIME_MS);
        assert_eq!(bind(&mut b, [part(0, 1, 0, 100), none], [1, 0], 5_000), (vec![0, 1], 100));
        assert_eq!(bind(&mut b, [part(0, 1, 0, 100), none], [1, 0], 5_500).1, 600);
    }
}
