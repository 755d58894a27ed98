//! What every log must do, whatever keeps it.
//!
//! A log takes part by a function that makes an empty one: see the end.

use crate::kafka::Topic;
use std::ops::Range;
use std::sync::Arc;
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{
    EmbeddedLog, EventLog, KafkaLog, LogError, MemoryLog, NewRecord, Position, Record, Retention,
};
use streamgauge_ingest::sqlite::Sync;

/// A log to be tested, and how to turn its clock.
struct Fixture {
    log: Box<dyn EventLog>,
    advance_ms: Box<dyn Fn(i64)>,
    /// Where it is kept, until the test ends.
    _directory: Option<tempfile::TempDir>,
}

const PARTITIONS: u32 = 3;
const START_MS: i64 = 1_700_000_000_000;

fn new(partition: u32, value: &[u8]) -> NewRecord<'_> {
    NewRecord { partition, key: b"k", value }
}

fn at(partition: u32, offset: u64) -> Position {
    Position { partition, offset }
}

/// Everything there is from these positions on, in polls of `most`.
fn read_all(log: &dyn EventLog, positions: &[Position], most: usize) -> Vec<(u32, u64, Vec<u8>)> {
    let mut reader = log.reader(positions).unwrap();
    let mut read = Vec::new();
    let mut note = |r: Record<'_>| read.push((r.partition, r.offset, r.value.to_vec()));
    while reader.poll(most, &mut note).unwrap() > 0 {}
    read
}

fn of(partition: u32, read: &[(u32, u64, Vec<u8>)]) -> Vec<(u64, Vec<u8>)> {
    let mine = read.iter().filter(|r| r.0 == partition);
    mine.map(|(_, offset, value)| (*offset, value.clone())).collect()
}

fn starts_empty(f: &Fixture) {
    assert_eq!(f.log.partitions(), PARTITIONS);
    for partition in 0..PARTITIONS {
        assert_eq!(f.log.bounds(partition), Ok(0..0));
    }
    assert_eq!(read_all(&*f.log, &[at(0, 0)], 10), []);
    assert_eq!(f.log.append(&[]), Ok(Vec::new()));
}

fn keeps_order_and_bytes(f: &Fixture) {
    let values: Vec<Vec<u8>> = (0..200u8).map(|i| vec![i; usize::from(i)]).collect();
    for (i, chunk) in values.chunks(7).enumerate() {
        let records: Vec<_> = chunk.iter().map(|v| new((i % 2) as u32, v)).collect();
        let offsets = f.log.append(&records).unwrap();
        assert!(offsets.windows(2).all(|w| w[1] == w[0] + 1), "offsets of a call are consecutive");
    }
    for most in [1, 3, 1000] {
        let read = read_all(&*f.log, &[at(0, 0), at(1, 0), at(2, 0)], most);
        assert_eq!(read.len(), values.len());
        for partition in 0..2u32 {
            let mine = of(partition, &read);
            assert!(mine.iter().map(|(offset, _)| *offset).eq(0..mine.len() as u64));
            let chunks = values.chunks(7).enumerate();
            let expected = chunks.filter(|(i, _)| (i % 2) as u32 == partition).flat_map(|(_, c)| c);
            assert!(mine.iter().map(|(_, value)| value).eq(expected), "partition {partition}");
        }
    }
}

fn reads_from_any_position(f: &Fixture) {
    let records: Vec<_> = (0..10u8).map(|i| vec![i]).collect();
    let appended: Vec<_> = records.iter().map(|v| new(1, v)).collect();
    f.log.append(&appended).unwrap();
    for from in 0..=10u64 {
        let read = of(1, &read_all(&*f.log, &[at(1, from)], 4));
        assert!(read.iter().map(|(offset, _)| *offset).eq(from..10), "from {from}");
    }
}

fn goes_on_where_it_was(f: &Fixture) {
    let mut reader = f.log.reader(&[at(0, 0)]).unwrap();
    let mut seen = Vec::new();
    for round in 0..5u8 {
        assert_eq!(reader.poll(10, &mut |_| panic!("nothing new")).unwrap(), 0);
        f.log.append(&[new(0, &[round])]).unwrap();
        assert_eq!(reader.poll(10, &mut |r| seen.push(r.value.to_vec())).unwrap(), 1);
        assert_eq!(reader.positions(), [at(0, u64::from(round) + 1)]);
    }
    assert_eq!(seen, [[0], [1], [2], [3], [4]]);
}

fn no_partition_waits_for_another(f: &Fixture) {
    let many: Vec<_> = (0..100).map(|_| new(0, b"many")).collect();
    f.log.append(&many).unwrap();
    f.log.append(&[new(2, b"one")]).unwrap();
    // However many come later to the other: it has its turn with what came before.
    f.log.append(&many).unwrap();
    let mut reader = f.log.reader(&[at(0, 0), at(2, 0)]).unwrap();
    let mut partitions = Vec::new();
    for _ in 0..11 {
        reader.poll(10, &mut |r| partitions.push(r.partition)).unwrap();
    }
    assert!(partitions.contains(&2), "{partitions:?}");
}

fn reads_exactly_what_is_bound(f: &Fixture) {
    let values: Vec<_> = (0..10u8).map(|i| vec![i]).collect();
    let records: Vec<_> = values.iter().map(|v| new(u32::from(v[0] % 2), v)).collect();
    f.log.append(&records).unwrap();
    let mut reader = f.log.reader(&[at(0, 1), at(1, 0)]).unwrap();
    let mut read = Vec::new();
    reader.read_until(&[at(0, 3), at(1, 2)], &mut |r| read.push((r.partition, r.offset))).unwrap();
    read.sort_unstable();
    assert_eq!(read, [(0, 1), (0, 2), (1, 0), (1, 1)]);
    reader.read_until(&[at(0, 3), at(1, 99)], &mut |r| read.push((r.partition, r.offset))).unwrap();
    assert_eq!(read[4..], [(1, 2), (1, 3), (1, 4)], "what isn't there is not waited for");
}

fn knows_when_records_came(f: &Fixture) {
    for value in [b"a", b"b", b"c"] {
        f.log.append(&[new(0, value), new(0, value)]).unwrap();
        (f.advance_ms)(1_000);
    }
    let mut times = Vec::new();
    let mut reader = f.log.reader(&[at(0, 0)]).unwrap();
    reader.poll(10, &mut |r| times.push(r.appended_ms - START_MS)).unwrap();
    assert_eq!(times, [0, 0, 1_000, 1_000, 2_000, 2_000]);
    let offset_at = |ms: i64| f.log.offset_at(0, START_MS + ms).unwrap();
    assert_eq!([-5, 0, 1, 1_000, 1_001, 2_000, 2_001].map(offset_at), [0, 0, 2, 2, 4, 4, 6]);
}

fn refuses_what_is_not_there(f: &Fixture) {
    let missing = LogError::NoPartition { partition: 9, partitions: PARTITIONS };
    assert_eq!(f.log.append(&[new(0, b"a"), new(9, b"b")]), Err(missing));
    assert_eq!(f.log.bounds(0), Ok(0..0), "all or none");
    assert!(f.log.bounds(9).is_err());
    let beyond = LogError::BeyondEnd { partition: 0, offset: 1, end: 0 };
    assert_eq!(f.log.reader(&[at(0, 1)]).err(), Some(beyond));
}

type Test = fn(&Fixture);

const SUITE: [(&str, Test); 8] = [
    ("starts empty", starts_empty),
    ("keeps order and bytes", keeps_order_and_bytes),
    ("reads from any position", reads_from_any_position),
    ("goes on where it was", goes_on_where_it_was),
    ("no partition waits for another", no_partition_waits_for_another),
    ("reads exactly what is bound", reads_exactly_what_is_bound),
    ("knows when records came", knows_when_records_came),
    ("refuses what is not there", refuses_what_is_not_there),
];

fn check(fixture: impl Fn() -> Fixture) {
    for (name, test) in SUITE {
        println!("{name}");
        test(&fixture());
    }
}

fn memory(most_bytes: usize) -> Fixture {
    let clock = Arc::new(ManualClock::new(START_MS));
    let turned = Arc::clone(&clock);
    Fixture {
        log: Box::new(MemoryLog::new(PARTITIONS, most_bytes, clock)),
        advance_ms: Box::new(move |ms| turned.advance(ms)),
        _directory: None,
    }
}

fn embedded(retention: Retention) -> Fixture {
    let clock = Arc::new(ManualClock::new(START_MS));
    let turned = Arc::clone(&clock);
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path(), PARTITIONS, retention, Sync::Full, clock);
    Fixture {
        log: Box::new(log.unwrap()),
        advance_ms: Box::new(move |ms| turned.advance(ms)),
        _directory: Some(directory),
    }
}

/// In a new topic. It keeps the times that it is given, as those are turned by hand.
fn kafka() -> Fixture {
    let clock = Arc::new(ManualClock::new(START_MS));
    let turned = Arc::clone(&clock);
    let topic = Topic::new(PARTITIONS, &[("message.timestamp.type", "CreateTime")]);
    Fixture {
        log: Box::new(KafkaLog::connect(topic.settings(), clock).unwrap()),
        advance_ms: Box::new(move |ms| turned.advance(ms)),
        _directory: None,
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn the_log_in_kafka_conforms() {
    check(kafka);
}

#[test]
fn the_log_in_memory_conforms() {
    check(|| memory(usize::MAX));
}

#[test]
fn the_embedded_log_conforms() {
    check(|| embedded(Retention::default()));
}

#[test]
fn what_retention_cut_is_told_and_never_skipped() {
    cuts_by_size(&memory(4_000));
    let by_size = Retention { stored_bytes: 200, ..Retention::default() };
    cuts_by_size(&embedded(by_size));
}

fn cuts_by_size(f: &Fixture) {
    let mut reader = f.log.reader(&[at(0, 0)]).unwrap();
    for i in 0..20u8 {
        f.log.append(&[new(0, &[i; 500])]).unwrap();
        (f.advance_ms)(1);
    }
    let Range { start, end } = f.log.bounds(0).unwrap();
    assert!(start > 0 && end == 20, "{start}..{end}");
    let lost = LogError::Lost { partition: 0, lost: 0..start };
    assert_eq!(reader.poll(1, &mut |_| {}), Err(lost));
    assert!(f.log.reader(&[at(0, start - 1)]).is_err());
    assert_eq!(read_all(&*f.log, &[at(0, start)], 3).len() as u64, end - start);
}
