use super::*;
use std::sync::Arc;
use streamgauge_ingest::clock::{Clock as _, ManualClock};
use streamgauge_ingest::log::{MemoryLog, NewRecord};

/// A log with a record of a partition for each, appended at a time.
fn log_of(partitions: u32, records: &[(u32, i64)]) -> MemoryLog {
    let clock = Arc::new(ManualClock::new(0));
    let log = MemoryLog::new(partitions, 1 << 30, clock.clone());
    for (partition, at_ms) in records {
        clock.advance(at_ms - clock.now_ms());
        log.append(&[NewRecord { partition: *partition, key: b"", value: b"x" }]).unwrap();
    }
    log
}

fn at(offsets: &[u64]) -> Vec<Position> {
    (0..).zip(offsets).map(|(partition, offset)| Position { partition, offset: *offset }).collect()
}

/// Times, partitions and offsets in the order in which they come, and the most that waited.
fn in_order(log: &MemoryLog, from: &[u64], until: &[u64]) -> (Vec<(i64, u32, u64)>, u64) {
    let progress = Progress::default();
    let mut records = InOrder::open(log, &at(from), &at(until), &progress).unwrap();
    let (mut all, mut most) = (Vec::new(), 0);
    while let Some((place, value)) = records.next().unwrap() {
        assert_eq!(value, b"x");
        all.push((place.appended_ms, place.partition, place.offset));
        most = most.max(records.parts.iter().map(|part| part.waiting.len() as u64).sum());
    }
    (all, most)
}

#[test]
fn records_come_by_time_then_partition_then_offset() {
    let records = [(1, 5), (0, 5), (1, 5), (2, 6), (0, 7), (2, 7), (1, 9)];
    let log = log_of(3, &records);
    let (all, _) = in_order(&log, &[0, 0, 0], &[9, 9, 9]);
    assert_eq!(all, [(5, 0, 0), (5, 1, 0), (5, 1, 1), (6, 2, 0), (7, 0, 1), (7, 2, 1), (9, 1, 2)]);
    let (part, _) = in_order(&log, &[1, 1, 0], &[2, 2, 1]);
    assert_eq!(part, [(5, 1, 1), (6, 2, 0), (7, 0, 1)]);
    assert!(in_order(&log, &[1, 1, 1], &[1, 0, 1]).0.is_empty());
}

#[test]
fn a_partition_that_is_far_ahead_waits_and_does_not_fill_the_memory() {
    // All of one partition came before all of the other.
    let records: Vec<_> = (0..40_000).map(|i| (u32::from(i >= 20_000), i)).collect();
    let (all, most) = in_order(&log_of(2, &records), &[0, 0], &[20_000, 20_000]);
    assert_eq!(all.len(), 40_000);
    assert!(all.is_sorted());
    assert!(most <= 2 * AHEAD, "{most} waited");
}

#[test]
fn of_large_records_few_are_read_ahead() {
    let place = Place { partition: 0, offset: 0, appended_ms: 0 };
    let of = |records: usize, bytes: usize| {
        std::iter::repeat_n((place, vec![0; bytes]), records).collect::<VecDeque<_>>()
    };
    assert_eq!(ahead(&of(64, 1_000), 64), 128);
    assert_eq!(ahead(&of(640, 1_000), 640), AHEAD);
    assert_eq!(ahead(&of(640, 10_000), 640), 104);
    assert_eq!(ahead(&of(64, 1 << 20), 64), 8);
    assert_eq!(ahead(&of(0, 0), AHEAD), AHEAD);
}

#[test]
fn a_time_that_goes_back_counts_with_the_latest_before_it() {
    let clock = Arc::new(ManualClock::new(0));
    let log = MemoryLog::new(2, 1 << 20, clock.clone());
    for (partition, step_ms) in [(0, 10), (1, 5), (0, -8), (1, 1)] {
        clock.advance(step_ms);
        log.append(&[NewRecord { partition, key: b"", value: b"x" }]).unwrap();
    }
    let (all, _) = in_order(&log, &[0, 0], &[2, 2]);
    assert_eq!(all, [(10, 0, 0), (7, 0, 1), (15, 1, 0), (8, 1, 1)]);
}
