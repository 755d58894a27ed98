use super::*;
use std::sync::Arc;
use streamgauge_ingest::binding::PartitionBinding;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{MemoryLog, NewRecord};
use streamgauge_sink::results::{MemoryResults, Transaction};

const HOUR_MS: i64 = 3_600_000;

/// A log of one partition with a record an hour, each bound in an epoch whose number is a
/// hundred times its offset; bindings are kept from `first` on, and `most` records.
fn bound(first: u64, most: usize) -> (MemoryLog, MemoryResults) {
    let clock = Arc::new(ManualClock::new(0));
    let log = MemoryLog::new(1, most, clock.clone());
    let results = MemoryResults::new(clock.clone());
    let mut bindings = Vec::new();
    for offset in 0..200 {
        let new = NewRecord { partition: 0, key: b"", value: b"x" };
        assert_eq!(log.append(&[new]), Ok(vec![offset]));
        let (lo, hi) = (offset, offset + 1);
        let at_ms = i64::try_from(offset).unwrap() * HOUR_MS;
        let (watermark_ms, partition) = (at_ms - 5, 0);
        let part = PartitionBinding { partition, lo, hi, count: 1, digest: 0, watermark_ms };
        let (epoch, partitions) = (offset * 100, vec![part]);
        bindings.push(Binding { epoch, at_ms, partitions, watermark_ms, ..Binding::default() });
        clock.advance(HOUR_MS);
    }
    bindings.retain(|b| b.epoch >= first);
    let transaction = Transaction { bindings, ..Transaction::default() };
    results.writer().unwrap().commit(&transaction).unwrap();
    (log, results)
}

/// The offsets judged anew, and the epoch behind which what was bound is read.
fn begin(
    (log, results): &(MemoryLog, MemoryResults),
    times: Range<i64>,
) -> (Option<Range<u64>>, Option<u64>, u64) {
    let begin = Begin::find(log, results, times).unwrap();
    let anew = begin.anew.map(|s| s.from[0].offset..s.until[0].offset);
    (anew, begin.after.map(|b| b.epoch), begin.next)
}

const ALL: Range<i64> = i64::MIN..i64::MAX;
const PLENTY: usize = 1 << 20;

#[test]
fn what_was_bound_is_read_so_and_what_came_before_anew() {
    let all = bound(0, PLENTY);
    assert_eq!(begin(&all, ALL), (None, Some(0), 0));
    assert_eq!(begin(&all, 5 * HOUR_MS..i64::MAX), (None, Some(400), 401));
    assert_eq!(begin(&all, 500 * HOUR_MS..i64::MAX), (None, Some(19_900), 19_901));
    // Bindings are kept from the epoch of offset 100 on.
    let cut = bound(10_000, PLENTY);
    assert_eq!(begin(&cut, ALL), (Some(0..101), Some(10_000), 10_001));
    assert_eq!(begin(&cut, 40 * HOUR_MS..i64::MAX), (Some(40..101), Some(10_000), 10_001));
    assert_eq!(begin(&cut, 150 * HOUR_MS..i64::MAX), (None, Some(14_900), 14_901));
    // All of it was before.
    assert_eq!(begin(&cut, 40 * HOUR_MS..60 * HOUR_MS), (Some(40..60), None, 0));
}

#[test]
fn a_binding_without_a_partition_that_was_cut_is_none_to_go_on_from() {
    let part =
        |hi| PartitionBinding { partition: 0, lo: 0, hi, count: 0, digest: 0, watermark_ms: 0 };
    let binding = Binding { partitions: vec![part(5)], ..Binding::default() };
    let held = |first: u64, added: u64| is_held(&binding, &[first..9, added..3]);
    assert!(held(5, 0));
    assert!(!held(6, 0) && !held(5, 1));
}

#[test]
fn what_is_dropped_while_it_is_replayed_is_told() {
    use crate::replay::{Cut, LogInput};
    use streamgauge_ingest::{files::Progress, settings::InputSettings, source::SourceError};
    let (log, all) = bound(0, PLENTY);
    let begin = Begin::find(&log, &all, ALL).unwrap();
    let clock = ManualClock::new(0);
    let error = |results: &MemoryResults, settings_hash| {
        let (begin, resumed, until_ms) = (Box::new(begin.clone()), None, i64::MAX);
        let cut = Cut::Bound { results, settings_hash, begin, resumed, until_ms };
        let input = LogInput { log: &log, clock: &clock, cut, epoch_records: 1_000 };
        let settings = InputSettings { partitions: 1, ..InputSettings::default() };
        input.run(&settings, &Progress::default(), &mut |_| {}).expect_err("something is wrong")
    };
    let (_, cut) = bound(700, PLENTY);
    assert!(matches!(error(&cut, 0), LogInputError::Dropped { before: 700 }));
    // These bindings have no digests.
    let changed = error(&all, 0);
    assert!(
        matches!(&changed, LogInputError::Source(SourceError::Changed { epoch: 0, .. })),
        "{changed}"
    );
    assert!(matches!(error(&all, 1), LogInputError::OtherSettings { epoch: 0, .. }));
}

#[test]
fn what_the_log_has_lost_is_not_asked_for() {
    let all = bound(0, PLENTY);
    let lost = bound(0, 30 * 9);
    let start = lost.0.bounds(0).unwrap().start;
    assert!((100..199).contains(&start), "{start}");
    assert_eq!(
        begin(&lost, ALL),
        (Some(start..start), Some((start - 1) * 100), (start - 1) * 100 + 1)
    );
    assert_eq!(begin(&all, ALL).0, None);
}
