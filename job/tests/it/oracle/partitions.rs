//! The partitions of a log: where a record goes, and what its place does to the watermarks.
//!
//! Invariant: the watermark of no partition and the global one ever go back, and no partition's is
//! below the global one.
//!
//! It knows only files, where the order of all records says which partitions are idle.

use std::collections::BTreeMap;

use super::event::Event;
use super::{Settings, rules};

/// Where a record went, and the watermarks after it.
pub(super) struct Taken {
    pub(super) partition: u32,
    pub(super) offset: u64,
    /// That of its partition.
    pub(super) watermark_ms: Option<i64>,
    pub(super) global_watermark_ms: Option<i64>,
    /// By how much that of its partition moved, if there was one.
    pub(super) moved_ms: Option<i64>,
    /// Whether it repeats an event, where that is asked for.
    pub(super) is_duplicate: bool,
}

#[derive(Default)]
struct Partition {
    next_offset: u64,
    watermark_ms: Option<i64>,
    /// The number of its last record among all records, from 1; 0 without one.
    last_read: u64,
    /// The latest timestamp of each event id and user.
    seen: BTreeMap<(String, String), i64>,
}

/// The partitions of a log, as far as it has been read.
pub(super) struct Partitions {
    read: u64,
    global_watermark_ms: Option<i64>,
    all: Vec<Partition>,
}

impl Partitions {
    pub(super) fn new(s: &Settings) -> Self {
        Self {
            read: 0,
            global_watermark_ms: None,
            all: (0..s.partitions).map(|_| Partition::default()).collect(),
        }
    }

    /// Takes the next record, with its event if it is well-formed.
    pub(super) fn next(&mut self, key: Option<&str>, event: Option<&Event>, s: &Settings) -> Taken {
        self.read += 1;
        let read = self.read;
        let number = key.map_or(0, |key| partition_of(key, s.partitions));
        let partition = self.partition(number);
        let offset = partition.next_offset;
        partition.next_offset += 1;
        partition.last_read = read;
        let before = partition.watermark_ms;
        // Without a watermark before, `None` is the lower one.
        partition.watermark_ms =
            before.max(event.map(|event| event.timestamp_ms - s.allowed_disorder_ms));
        let mut taken = Taken {
            partition: number,
            offset,
            watermark_ms: partition.watermark_ms,
            global_watermark_ms: None,
            moved_ms: before.zip(partition.watermark_ms).map(|(before, after)| after - before),
            is_duplicate: s.dedup && event.is_some_and(|event| partition.is_duplicate(event, s)),
        };
        self.advance(s);
        taken.global_watermark_ms = self.global_watermark_ms;
        taken
    }

    fn partition(&mut self, number: u32) -> &mut Partition {
        let place = usize::try_from(number).expect("a 32-bit number is an index");
        &mut self.all[place]
    }

    /// Moves the global watermark, and raises those of idle partitions to it.
    fn advance(&mut self, s: &Settings) {
        let read = self.read;
        let idle = |partition: &Partition| read - partition.last_read >= s.idle_after_records;
        // A watermark that is not there yet is below all others, and so is their minimum then.
        let lowest = self
            .all
            .iter()
            .filter(|partition| !idle(partition))
            .map(|p| p.watermark_ms)
            .min()
            .flatten();
        self.global_watermark_ms = self.global_watermark_ms.max(lowest);
        for partition in self.all.iter_mut().filter(|partition| idle(partition)) {
            partition.watermark_ms = partition.watermark_ms.max(self.global_watermark_ms);
        }
    }
}

impl Partition {
    /// Whether an earlier well-formed record says the same, and notes this one.
    fn is_duplicate(&mut self, event: &Event, s: &Settings) -> bool {
        let Some(id) = &event.event_id else {
            return false;
        };
        let kept_ms = s.session_gap_ms.max(300_000).max(rules::longest_ms(s)) + s.lateness_ms;
        let watermark_ms =
            self.watermark_ms.expect("a well-formed record gives its partition a watermark");
        let before = self.seen.get(&(id.clone(), event.user.clone())).copied();
        let latest = before.map_or(event.timestamp_ms, |before| before.max(event.timestamp_ms));
        self.seen.insert((id.clone(), event.user.clone()), latest);
        before.is_some_and(|before| before + kept_ms > watermark_ms)
    }
}

/// The partition of a key: `String.hashCode()`, its absolute value, modulo their number.
fn partition_of(key: &str, partitions: u32) -> u32 {
    let hash = key
        .encode_utf16()
        .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.unsigned_abs() % partitions
}

#[cfg(test)]
mod tests {
    use super::super::example::page_view;
    use super::super::judge;
    use super::*;

    #[test]
    fn keys_have_the_partitions_of_java() {
        for (key, expected) in [
            ("", 0),
            ("user_1234", 1_327_148_330 % 12),
            ("polygenelubricants", 2_147_483_648_u32 % 12),
            ("😀", 1_772_899 % 12),
        ] {
            assert_eq!(partition_of(key, 12), expected, "{key}");
        }
    }

    /// Two partitions: `a` and `c` have partition 1, `b` has 0. All times in s.
    fn watermarks(s: &Settings, records: &[(&str, i64)], expected: &[(Option<i64>, Option<i64>)]) {
        let values: Vec<Vec<u8>> = records
            .iter()
            .map(
                |(user, at_s)| {
                    if user.is_empty() { Vec::new() } else { page_view(user, at_s * 1000, "/") }
                },
            )
            .collect();
        let found: Vec<_> = judge(&values, s)
            .iter()
            .map(|j| {
                (
                    j.partition_watermark_ms.map(|w| w / 1000),
                    j.global_watermark_ms.map(|w| w / 1000),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_global_watermark_is_the_lowest_of_those_not_idle() {
        let s = Settings { partitions: 2, idle_after_records: 3, ..Settings::default() };
        // Partition 1 alone never has a global watermark until partition 0 is idle: after 3 records.
        watermarks(
            &s,
            &[("a", 100), ("c", 90), ("a", 110), ("a", 50)],
            &[(Some(95), None), (Some(95), None), (Some(105), Some(105)), (Some(105), Some(105))],
        );
        // The first record of partition 0 is judged against the watermark to which it was raised.
        watermarks(
            &s,
            &[("a", 100), ("a", 101), ("a", 102), ("b", 50), ("b", 120), ("a", 130)],
            &[
                (Some(95), None),
                (Some(96), None),
                (Some(97), Some(97)),
                (Some(97), Some(97)),
                (Some(115), Some(97)),
                (Some(125), Some(115)),
            ],
        );
        // A rejected record, here in partition 0, ends its idleness too.
        watermarks(
            &s,
            &[("a", 100), ("", 0), ("a", 110), ("a", 120), ("a", 130)],
            &[
                (Some(95), None),
                (None, None),
                (Some(105), None),
                (Some(115), None),
                (Some(125), Some(125)),
            ],
        );
    }
}
