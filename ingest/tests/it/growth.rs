//! Partitions that are added to a log: live, after a restart, and by bindings.

use std::sync::Arc;
use streamgauge_ingest::binding::{Binding, PartitionBinding};
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::decode::Reason;
use streamgauge_ingest::log::{EventLog, LogError, MemoryLog, NewRecord};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{BoundEpoch, Pacing, Source, SourceError};

const START_MS: i64 = 1_700_000_000_000;
const EPOCH_MS: i64 = 50;
/// A source looks so often whether there are more.
const LOOK_MS: i64 = 5_000;
const PACING: Pacing = Pacing { epoch_ms: EPOCH_MS, settings_hash: 7 };
const DISORDER_MS: i64 = 1_000;
/// A record that is so far behind the watermark of its partition is late for all.
const LATE_MS: i64 = 400_000;

fn settings() -> InputSettings {
    InputSettings {
        allowed_disorder_ms: DISORDER_MS,
        lateness_ms: 10_000,
        session_gap_ms: 5_000,
        ..InputSettings::default()
    }
}

struct Site {
    clock: Arc<ManualClock>,
    /// As it was when it had two partitions.
    log: MemoryLog,
}

impl Site {
    fn new(most_bytes: usize) -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let log = MemoryLog::new(2, most_bytes, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { clock, log }
    }

    fn source(&self, after: Option<&Binding>) -> Result<Source<'_>, SourceError> {
        Source::new(&self.log, &*self.clock, &settings(), PACING, after)
    }

    fn append(&self, log: &dyn EventLog, partition: u32, at_ms: i64) {
        let value =
            format!(r#"{{"timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"u{partition}"}}"#);
        let value = value.as_bytes();
        log.append(&[NewRecord { partition, key: b"u", value }]).unwrap();
    }

    /// A record of now in each of the first two partitions, and the epoch of both.
    fn epoch(&self, source: &mut Source<'_>) -> BoundEpoch {
        let now_ms = self.clock.now_ms();
        [0, 1].into_iter().for_each(|partition| self.append(&self.log, partition, now_ms));
        self.next(source)
    }

    fn next(&self, source: &mut Source<'_>) -> BoundEpoch {
        let epoch = source.next_epoch().unwrap().expect("there is something");
        self.clock.advance(EPOCH_MS);
        epoch
    }

    /// The log with partitions up to so many.
    fn grow(&self, partitions: u32) -> Arc<dyn EventLog> {
        self.log.grow(partitions);
        self.log.grown().unwrap().expect("it has more")
    }
}

fn watermarks(binding: &Binding) -> Vec<i64> {
    binding.partitions.iter().map(|p| p.watermark_ms).collect()
}

/// What of an epoch a replay must give, too.
fn shown(epoch: &BoundEpoch) -> String {
    let rows: Vec<_> = epoch.batch.iter().flat_map(|b| &b.rows).collect();
    let mut rows: Vec<_> = rows.iter().map(|r| (r.partition, r.offset, r.at_ms, r.late)).collect();
    // Partitions take turns in any order.
    rows.sort_unstable();
    format!("{:?} {rows:?} {:?}", epoch.binding, epoch.dead_letters)
}

/// Epochs over two partitions, then over four, then over five; late and punctual records
/// are the first of those that were added.
fn live(site: &Site) -> Vec<BoundEpoch> {
    let mut source = site.source(None).unwrap();
    let mut all: Vec<_> = (0..5).map(|_| site.epoch(&mut source)).collect();
    let more = site.grow(4);
    let now_ms = site.clock.now_ms();
    site.append(&*more, 2, now_ms - LATE_MS);
    site.append(&*more, 3, now_ms);
    all.push(site.epoch(&mut source));
    site.clock.advance(LOOK_MS);
    all.push(site.epoch(&mut source));
    assert_eq!(all[6].binding.partitions.len(), 2, "it is seen with this epoch, and read after");
    all.push(site.next(&mut source));
    let more = site.grow(5);
    site.append(&*more, 4, site.clock.now_ms());
    site.clock.advance(LOOK_MS);
    all.push(site.epoch(&mut source));
    all.push(site.epoch(&mut source));
    all
}

#[test]
fn partitions_that_are_added_begin_at_the_global_watermark() {
    let all = live(&Site::new(usize::MAX));
    let counts: Vec<_> = all.iter().map(|e| e.binding.partitions.len()).collect();
    assert_eq!(counts, [2, 2, 2, 2, 2, 2, 2, 4, 4, 5]);
    let (before, first) = (&all[6].binding, &all[7]);
    assert!(before.watermark_ms > START_MS);
    assert_eq!(first.binding.counts.read, 2);
    assert_eq!(first.binding.counts.dead_letters[Reason::Late as usize], 1, "{first:?}");
    assert_eq!((first.dead_letters[0].partition, first.dead_letters[0].offset), (2, 0));
    // The punctual record is older than the last epoch, and moves nothing.
    assert_eq!(watermarks(&first.binding)[2..], [before.watermark_ms; 2]);
    assert!(all.windows(2).all(|w| w[0].binding.watermark_ms <= w[1].binding.watermark_ms));
    for pair in all.windows(2) {
        let (a, b) = (&pair[0].binding.partitions, &pair[1].binding.partitions);
        assert!(a.iter().zip(b).all(|(a, b)| a.hi == b.lo), "{pair:?}");
        assert!(b[a.len()..].iter().all(|p| p.lo == 0), "{pair:?}");
    }
}

#[test]
fn a_replay_over_them_gives_the_same_from_any_epoch_on() {
    let site = Site::new(usize::MAX);
    let all = live(&site);
    let expected: Vec<_> = all.iter().map(shown).collect();
    let grown = Site { clock: Arc::clone(&site.clock), log: site.log.clone() };
    grown.log.grow(6);
    for begin in 0..all.len() {
        let after = begin.checked_sub(1).map(|i| &all[i].binding);
        // Whoever has opened the log before it had more finds them by the bindings.
        let mut source = site.source(after).unwrap();
        for (epoch, expected) in all.iter().zip(&expected).skip(begin) {
            assert_eq!(shown(&source.again(&epoch.binding).unwrap()), *expected, "from {begin}");
        }
    }
    // And whoever opens it when it has even more.
    let now = grown.log.grown().unwrap().unwrap();
    let mut source = Source::new(&*now, &*site.clock, &settings(), PACING, None).unwrap();
    for (epoch, expected) in all.iter().zip(&expected) {
        assert_eq!(shown(&source.again(&epoch.binding).unwrap()), *expected);
    }
    site.append(&*now, 5, site.clock.now_ms() - LATE_MS);
    let next = site.next(&mut source);
    assert_eq!(next.binding.counts.dead_letters[Reason::Late as usize], 1, "{next:?}");
}

#[test]
fn partitions_that_were_added_while_nobody_read_begin_where_the_last_epoch_ended() {
    let site = Site::new(usize::MAX);
    let mut source = site.source(None).unwrap();
    let last = (0..5).map(|_| site.epoch(&mut source)).last().unwrap().binding;
    let more = site.grow(3);
    site.append(&*more, 2, site.clock.now_ms() - LATE_MS);
    let mut source = Source::new(&*more, &*site.clock, &settings(), PACING, Some(&last)).unwrap();
    let next = site.next(&mut source);
    assert_eq!(next.binding.counts.dead_letters[Reason::Late as usize], 1, "{next:?}");
    assert_eq!(watermarks(&next.binding)[2], last.watermark_ms);
    assert_eq!(next.binding.partitions[2].lo, 0);
}

#[test]
fn an_added_partition_without_records_holds_the_watermark_until_it_is_idle() {
    let site = Site::new(usize::MAX);
    let mut source = site.source(None).unwrap();
    let mut last = site.epoch(&mut source).binding;
    while last.idle != [0, 1] {
        site.clock.advance(1_000);
        last = site.next(&mut source).binding;
    }
    let more = site.grow(3);
    let mut source = Source::new(&*more, &*site.clock, &settings(), PACING, Some(&last)).unwrap();
    let mut held = 0;
    loop {
        site.clock.advance(1_000);
        let next = site.next(&mut source).binding;
        if next.idle == [0, 1, 2] {
            break;
        }
        assert_eq!((&next.idle[..], next.watermark_ms), (&[0, 1][..], last.watermark_ms));
        held += 1;
    }
    assert!((4..=6).contains(&held), "{held} s");
    site.clock.advance(1_000);
    assert!(site.next(&mut source).binding.watermark_ms > last.watermark_ms, "all are idle again");
}

#[test]
fn what_is_cut_of_an_added_partition_before_it_is_read_is_told() {
    let site = Site::new(2_000);
    let mut source = site.source(None).unwrap();
    let last = site.epoch(&mut source).binding;
    let more = site.grow(3);
    (0..40).for_each(|_| site.append(&*more, 2, START_MS));
    let start = more.bounds(2).unwrap().start;
    assert!(start > 0, "some of it is cut");
    let mut source = Source::new(&*more, &*site.clock, &settings(), PACING, Some(&last)).unwrap();
    let lost = LogError::Lost { partition: 2, lost: 0..start };
    let ended = source.next_epoch().map(|_| ());
    assert!(matches!(&ended, Err(SourceError::Log(error)) if *error == lost), "{ended:?}");
    // The same of epochs that were bound over it.
    let part = PartitionBinding { partition: 2, lo: 0, hi: 1, count: 1, ..last.partitions[0] };
    let mut next = Binding { epoch: 1, ..last.clone() };
    next.partitions.iter_mut().for_each(|p| (p.lo, p.count) = (p.hi, 0));
    next.partitions.push(part);
    let ended = source.again(&next).map(|_| ());
    assert!(matches!(&ended, Err(SourceError::Log(error)) if *error == lost), "{ended:?}");
}

#[test]
fn partitions_are_never_fewer_than_before() {
    let site = Site::new(usize::MAX);
    let all = live(&site);
    let mut source = site.source(Some(&all[7].binding)).unwrap();
    let mut fewer = all[8].binding.clone();
    fewer.partitions.pop();
    let ended = source.again(&fewer).map(|_| ());
    assert!(matches!(ended, Err(SourceError::PartitionsChanged { .. })), "{ended:?}");
}
