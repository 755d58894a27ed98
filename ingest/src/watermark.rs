//! Watermarks of partitions and of the whole.
//!
//! The watermark of a partition is its largest timestamp less the allowed
//! disorder; it never goes back. The global watermark is the minimum over the
//! partitions that are not idle, and never goes back either. It closes, expires
//! and publishes; lateness looks only at the record's own partition.
//!
//! Invariants: after [`Watermarks::record_read`] every idle partition stands at
//! the global watermark or above; a partition that has had no well-formed record
//! stands at −∞ (and so holds the global one there) until it is idle.

use crate::BEFORE_TIME_MS;

#[derive(Clone, Copy, Debug)]
struct Partition {
    watermark_ms: i64,
    /// Number of the last record that was its own, counted from 1 over all partitions.
    last_read: u64,
    idle: bool,
}

impl Partition {
    const FRESH: Self = Self { watermark_ms: BEFORE_TIME_MS, last_read: 0, idle: false };
}

/// How a well-formed record moved its partition's watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// Before the record; −∞ if it is the partition's first and nothing raised it.
    pub before_ms: i64,
    /// After it: what its lateness is judged against.
    pub after_ms: i64,
}

/// The watermarks of all partitions of one input read in one order.
#[derive(Clone, Debug)]
pub struct Watermarks {
    partitions: Vec<Partition>,
    allowed_disorder_ms: i64,
    idle_after_records: u64,
    read: u64,
    /// No partition becomes idle before so many records are read.
    next_idle_check: u64,
    global_ms: i64,
    /// A partition that held the global watermark back has moved since it was computed.
    low_moved: bool,
}

impl Watermarks {
    /// Watermarks at the start of an input: none of the partitions is idle.
    #[must_use]
    pub fn new(partitions: u32, allowed_disorder_ms: i64, idle_after_records: u64) -> Self {
        Self {
            partitions: vec![Partition::FRESH; partitions as usize],
            allowed_disorder_ms,
            idle_after_records,
            read: 0,
            next_idle_check: idle_after_records,
            global_ms: BEFORE_TIME_MS,
            low_moved: false,
        }
    }

    /// Adds partitions, up to so many, at −∞.
    pub fn grow(&mut self, partitions: u32) {
        let partitions = self.partitions.len().max(partitions as usize);
        self.partitions.resize(partitions, Partition::FRESH);
    }

    /// The global watermark, in ms; −∞ while a partition that is not idle has none.
    #[must_use]
    pub fn global_ms(&self) -> i64 {
        self.global_ms
    }

    /// The watermark of one partition, in ms.
    #[must_use]
    pub fn partition_ms(&self, partition: u32) -> i64 {
        self.partitions[partition as usize].watermark_ms
    }

    /// Whether a partition is idle.
    #[must_use]
    pub fn is_idle(&self, partition: u32) -> bool {
        self.partitions[partition as usize].idle
    }

    /// A well-formed record of `partition` at `timestamp_ms`: moves that
    /// partition's watermark, and no other.
    pub fn observe(&mut self, partition: u32, timestamp_ms: i64) -> Advance {
        let p = &mut self.partitions[partition as usize];
        let before_ms = p.watermark_ms;
        p.watermark_ms = before_ms.max(timestamp_ms - self.allowed_disorder_ms);
        self.low_moved |= before_ms <= self.global_ms && before_ms < p.watermark_ms;
        Advance { before_ms, after_ms: p.watermark_ms }
    }

    /// Raises the watermark of a partition to at least `watermark_ms`.
    pub fn raise(&mut self, partition: u32, watermark_ms: i64) {
        let p = &mut self.partitions[partition as usize];
        p.watermark_ms = p.watermark_ms.max(watermark_ms);
    }

    /// A record of `partition` was read, well-formed or not: decides who is
    /// idle, moves the global watermark and raises the idle ones to it.
    ///
    /// Call it after [`Self::observe`], for every record in the order of the file.
    pub fn record_read(&mut self, partition: u32) {
        self.read += 1;
        let p = &mut self.partitions[partition as usize];
        p.last_read = self.read;
        let woke = std::mem::replace(&mut p.idle, false);
        if woke {
            self.next_idle_check = self.next_idle_check.min(self.read + self.idle_after_records);
        }
        let changed = self.read >= self.next_idle_check && self.find_idle();
        // Nobody stands below the global watermark, so the minimum moves only if
        // the set of partitions did or if one that stood at it has moved.
        if woke || changed || std::mem::take(&mut self.low_moved) {
            self.advance_global();
        }
    }

    fn find_idle(&mut self) -> bool {
        let mut changed = false;
        let mut next = u64::MAX;
        for p in self.partitions.iter_mut().filter(|p| !p.idle) {
            let due = p.last_read + self.idle_after_records;
            if due <= self.read {
                p.idle = true;
                changed = true;
            } else {
                next = next.min(due);
            }
        }
        self.next_idle_check = next;
        changed
    }

    fn advance_global(&mut self) {
        let low = self.partitions.iter().filter(|p| !p.idle).map(|p| p.watermark_ms).min();
        self.global_ms = self.global_ms.max(low.unwrap_or(BEFORE_TIME_MS));
        for p in self.partitions.iter_mut().filter(|p| p.idle) {
            p.watermark_ms = p.watermark_ms.max(self.global_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(w: &mut Watermarks, partition: u32, timestamp_ms: i64) -> Advance {
        let advance = w.observe(partition, timestamp_ms);
        w.record_read(partition);
        advance
    }

    #[test]
    fn the_global_watermark_waits_for_every_partition_that_is_not_idle() {
        let mut w = Watermarks::new(2, 5, 100);
        read(&mut w, 0, 100);
        assert_eq!(w.global_ms(), BEFORE_TIME_MS);
        read(&mut w, 1, 50);
        assert_eq!(w.global_ms(), 45);
        read(&mut w, 1, 200);
        assert_eq!(w.global_ms(), 95);
        assert_eq!(read(&mut w, 0, 10), Advance { before_ms: 95, after_ms: 95 });
    }

    #[test]
    fn a_partition_is_idle_when_none_of_the_last_records_was_its_own() {
        let mut w = Watermarks::new(2, 0, 3);
        read(&mut w, 1, 10);
        read(&mut w, 0, 20);
        read(&mut w, 0, 30);
        assert!(!w.is_idle(1), "the first of the last three records is its own");
        assert_eq!(w.global_ms(), 10);
        read(&mut w, 0, 40);
        assert!(w.is_idle(1));
        assert_eq!((w.global_ms(), w.partition_ms(1)), (40, 40), "idle ones are raised");
        assert_eq!(read(&mut w, 1, 20), Advance { before_ms: 40, after_ms: 40 });
        assert!(!w.is_idle(1));
        read(&mut w, 0, 90);
        assert_eq!(w.global_ms(), 40, "awake again, it holds the watermark");
    }

    #[test]
    fn a_partition_without_a_record_holds_until_it_is_idle() {
        let mut w = Watermarks::new(3, 0, 4);
        for at in 1..=3 {
            read(&mut w, 0, at);
        }
        assert_eq!(w.global_ms(), BEFORE_TIME_MS);
        read(&mut w, 0, 4);
        assert_eq!((w.global_ms(), w.partition_ms(2)), (4, 4));
    }

    #[test]
    fn rejected_records_keep_a_partition_from_being_idle_but_move_nothing() {
        let mut w = Watermarks::new(2, 0, 2);
        read(&mut w, 0, 7);
        w.record_read(1);
        read(&mut w, 0, 8);
        w.record_read(1);
        assert_eq!(w.global_ms(), BEFORE_TIME_MS);
        assert_eq!(w.partition_ms(1), BEFORE_TIME_MS);
    }
}
