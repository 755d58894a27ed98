//! Epochs over a log that is away for a while, and whose offsets have gaps.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::log::{
    EventLog, LogError, LogReader, MemoryLog, NewRecord, Position, Record,
};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{Pacing, Source, SourceError};

const START_MS: i64 = 1_700_000_000_000;
const PACING: Pacing = Pacing { epoch_ms: 50, settings_hash: 7 };
/// What stands for the mark of a transaction: an offset, but no record.
const MARK: &[u8] = b"mark";

/// A log in memory that can be away.
#[derive(Clone)]
struct Distant {
    inner: MemoryLog,
    clock: Arc<ManualClock>,
    is_away: Arc<AtomicBool>,
    /// Only its bounds cannot be had.
    is_deaf: Arc<AtomicBool>,
}

fn away() -> LogError {
    LogError::Away { what: "cannot read".to_owned(), reason: "nobody answers".to_owned() }
}

impl Distant {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START_MS));
        let inner = MemoryLog::new(2, usize::MAX, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { inner, clock, is_away: Arc::default(), is_deaf: Arc::default() }
    }

    fn is(&self, flag: &AtomicBool) -> Result<(), LogError> {
        if flag.load(Ordering::SeqCst) { Err(away()) } else { Ok(()) }
    }

    fn write(&self, partition: u32) {
        let at_ms = self.clock.now_ms();
        let value = format!(
            r#"{{"eventId":"e","timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"u"}}"#
        );
        self.write_value(partition, value.as_bytes());
    }

    fn write_value(&self, partition: u32, value: &[u8]) {
        self.inner.append(&[NewRecord { partition, key: b"u", value }]).unwrap();
    }
}

impl EventLog for Distant {
    fn partitions(&self) -> u32 {
        2
    }
    fn append(&self, records: &[NewRecord<'_>]) -> Result<Vec<u64>, LogError> {
        self.inner.append(records)
    }
    fn bounds(&self, partition: u32) -> Result<Range<u64>, LogError> {
        self.is(&self.is_away)?;
        self.is(&self.is_deaf)?;
        self.inner.bounds(partition)
    }
    fn offset_at(&self, partition: u32, appended_ms: i64) -> Result<u64, LogError> {
        self.inner.offset_at(partition, appended_ms)
    }
    fn reader(&self, positions: &[Position]) -> Result<Box<dyn LogReader>, LogError> {
        let inner = self.inner.reader(positions)?;
        Ok(Box::new(Reader { inner, log: self.clone() }))
    }
}

struct Reader {
    inner: Box<dyn LogReader>,
    log: Distant,
}

impl LogReader for Reader {
    fn poll(&mut self, most: usize, each: &mut dyn FnMut(Record<'_>)) -> Result<usize, LogError> {
        self.log.is(&self.log.is_away)?;
        let mut count = 0;
        let mut some = |record: Record<'_>| {
            if record.value != MARK {
                count += 1;
                each(record);
            }
        };
        self.inner.poll(most, &mut some)?;
        Ok(count)
    }
    fn read_until(
        &mut self,
        ends: &[Position],
        each: &mut dyn FnMut(Record<'_>),
    ) -> Result<(), LogError> {
        if self.log.is_away.load(Ordering::SeqCst) {
            // It breaks off in the middle, after a record.
            let at = self.inner.positions();
            self.log.inner.reader(&at)?.poll(1, each)?;
            return Err(away());
        }
        self.inner.read_until(ends, &mut |r| {
            if r.value != MARK {
                each(r)
            }
        })
    }
    fn positions(&self) -> Vec<Position> {
        self.inner.positions()
    }
}

fn settings() -> InputSettings {
    InputSettings { partitions: 2, ..InputSettings::default() }
}

fn is_away<T: std::fmt::Debug>(result: Result<T, SourceError>) -> bool {
    matches!(result, Err(SourceError::Log(LogError::Away { .. })))
}

#[test]
fn nothing_is_bound_while_the_log_is_away_and_nothing_is_lost() {
    let log = Distant::new();
    let mut source = Source::new(&log, &*log.clock, &settings(), PACING, None).unwrap();
    log.write(0);
    let first = source.next_epoch().unwrap().unwrap().binding;
    log.write(1);
    log.is_away.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        log.clock.advance(60_000);
        assert!(is_away(source.next_epoch()));
    }
    log.is_away.store(false, Ordering::SeqCst);
    let second = source.next_epoch().unwrap().unwrap().binding;
    assert_eq!(second.counts.read, 1);
    assert!(second.epoch > first.epoch);
    let joined = first.partitions.iter().zip(&second.partitions).all(|(a, b)| a.hi == b.lo);
    assert!(joined, "{first:?} {second:?}");

    // The same again by the bindings, and away in the middle of an epoch.
    let mut again = Source::new(&log, &*log.clock, &settings(), PACING, None).unwrap();
    log.is_away.store(true, Ordering::SeqCst);
    assert!(is_away(again.again(&first)));
    assert!(is_away(again.again(&first)));
    log.is_away.store(false, Ordering::SeqCst);
    assert_eq!(again.again(&first).unwrap().binding, first);
    assert_eq!(again.again(&second).unwrap().binding, second);
}

#[test]
fn nobody_is_idle_while_ends_are_not_known() {
    let log = Distant::new();
    let mut source = Source::new(&log, &*log.clock, &settings(), PACING, None).unwrap();
    let mut idle = || {
        log.write(0);
        log.clock.advance(6_000);
        source.next_epoch().unwrap().unwrap().binding.idle
    };
    assert_eq!((idle(), idle()), (vec![], vec![1]));
    log.is_deaf.store(true, Ordering::SeqCst);
    assert_eq!((idle(), idle()), (vec![], vec![]));
    log.is_deaf.store(false, Ordering::SeqCst);
    assert_eq!((idle(), idle()), (vec![], vec![1]), "five seconds after that at the earliest");
}

#[test]
fn the_last_epoch_of_a_log_that_is_away_has_nothing() {
    let log = Distant::new();
    let mut source = Source::new(&log, &*log.clock, &settings(), PACING, None).unwrap();
    log.write(0);
    log.is_away.store(true, Ordering::SeqCst);
    let last = source.last_epoch(20).unwrap().binding;
    assert_eq!((last.epoch % 20, last.counts.read), (0, 0));
    assert!(last.partitions.iter().all(|p| p.hi == 0), "{last:?}");
}

#[test]
fn offsets_without_records_are_bound_and_a_partition_that_ends_with_one_falls_idle() {
    let log = Distant::new();
    let mut source = Source::new(&log, &*log.clock, &settings(), PACING, None).unwrap();
    log.write(0);
    log.write_value(0, MARK);
    let first = source.next_epoch().unwrap().unwrap().binding;
    assert_eq!((first.partitions[0].hi, first.partitions[0].count), (2, 1));
    log.clock.advance(50);
    log.write_value(1, MARK);
    let second = source.next_epoch().unwrap().unwrap().binding;
    assert_eq!((second.partitions[1].hi, second.partitions[1].count), (1, 0));
    log.clock.advance(6_000);
    let third = source.next_epoch().unwrap().unwrap().binding;
    assert_eq!(third.idle, [0, 1]);
    let mut again = Source::new(&log, &*log.clock, &settings(), PACING, None).unwrap();
    for bound in [first, second, third] {
        assert_eq!(again.again(&bound).unwrap().binding, bound);
    }
}
