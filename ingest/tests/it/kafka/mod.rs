//! What only a log in a Kafka must do: gaps between offsets, transactions of others,
//! records that were cut, brokers that are away.
//!
//! They need a broker, and are ignored without being asked for:
//! `STREAMGAUGE_KAFKA=host:port cargo test … -- --ignored kafka`, as deploy/test.sh does.

mod away;
mod gaps;
#[cfg(feature = "kafka-tls")]
mod secured;
mod topic;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::log::{
    EventLog, KafkaLog, KafkaSettings, LogError, LogReader, NewRecord, POLL_BYTES, Position, Record,
};
pub(crate) use topic::Topic;

/// A log in a topic, with the clock of the machine.
fn open(topic: &Topic) -> KafkaLog {
    KafkaLog::connect(topic.settings(), Arc::new(SystemClock)).unwrap()
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the broker's clock is the machine's, too")]
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
    }
}

fn at(partition: u32, offset: u64) -> Position {
    Position { partition, offset }
}

fn append(log: &dyn EventLog, partition: u32, values: &[&str]) -> Result<Vec<u64>, LogError> {
    let new = |value: &&'static str| NewRecord { partition, key: b"", value: value.as_bytes() };
    let values: Vec<&'static str> = values.iter().map(|v| &*v.to_string().leak()).collect();
    log.append(&values.iter().map(new).collect::<Vec<_>>())
}

/// Notes records as partition, offset and text.
fn note(read: &mut Vec<(u64, String)>) -> impl FnMut(Record<'_>) + '_ {
    |r| read.push((r.offset, String::from_utf8_lossy(r.value).into_owned()))
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_topic_says_itself_when_it_took_a_record() {
    let topic = Topic::new(1, &[("message.timestamp.type", "LogAppendTime")]);
    let log = KafkaLog::connect(topic.settings(), Arc::new(ManualClock::new(0))).unwrap();
    let before_ms = SystemClock.now_ms();
    for value in ["a", "b", "c"] {
        append(&log, 0, &[value]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut times = Vec::new();
    let mut reader = log.reader(&[at(0, 0)]).unwrap();
    while reader.poll(10, &mut |r| times.push(r.appended_ms)).unwrap() > 0 {}
    assert!(times.windows(2).all(|w| w[0] < w[1]), "{times:?}");
    assert!((before_ms..=SystemClock.now_ms()).contains(&times[0]), "{times:?} {before_ms}");
    let found = [times[0], times[0] + 1, times[2], times[2] + 1];
    assert_eq!(found.map(|ms| log.offset_at(0, ms).unwrap()), [0, 1, 2, 3]);
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn partitions_that_are_added_are_found() {
    let topic = Topic::new(2, &[]);
    let log = open(&topic);
    assert!(log.grown().unwrap().is_none());
    topic.grow(5);
    assert_eq!(log.partitions(), 2, "who reads it knows as many as before");
    let grown = log.grown().unwrap().expect("it has more");
    assert_eq!((grown.partitions(), grown.all_bounds().unwrap().len()), (5, 5));
    assert!(grown.grown().unwrap().is_none());
    append(&*grown, 4, &["a"]).unwrap();
    let mut read = Vec::new();
    let mut reader = grown.reader(&[at(0, 0), at(4, 0)]).unwrap();
    assert_eq!(reader.poll(10, &mut note(&mut read)), Ok(1));
    assert_eq!(read, [(0, "a".to_owned())]);
    // Of several topics, only the last: partitions of others would get other numbers.
    let (first, last) = (Topic::new(1, &[]), Topic::new(1, &[]));
    let both = format!("{},{}", first.name(), last.name());
    let settings = KafkaSettings { topic: both, ..first.settings() };
    let log = KafkaLog::connect(settings, Arc::new(SystemClock)).unwrap();
    last.grow(2);
    assert_eq!(log.grown().unwrap().map(|log| log.partitions()), Some(3));
    first.grow(2);
    let refused = log.grown().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains(first.name()), "{refused}");
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn what_was_cut_is_told_and_never_skipped() {
    let topic = Topic::new(1, &[]);
    let log = open(&topic);
    // 120 MB, of which a reader fetches 64 and a little ahead.
    let value = noise(100_000);
    let records = [NewRecord { partition: 0, key: b"", value: &value }; 100];
    (0..12).for_each(|_| drop(log.append(&records).unwrap()));
    let mut reader = log.reader(&[at(0, 0)]).unwrap();
    assert!(reader.poll(1, &mut |_| {}).unwrap() > 0);
    topic.cut(0, 1_199);
    assert_eq!(log.bounds(0), Ok(1_199..1_200));
    let mut next = 1;
    let end = loop {
        let mut each = |r: Record<'_>| {
            assert_eq!(r.offset, next);
            next += 1;
        };
        match reader.poll(1_000, &mut each) {
            Ok(count) => assert!(count > 0),
            Err(error) => break error,
        }
    };
    let lost = LogError::Lost { partition: 0, lost: next..1_199 };
    assert!(next < 1_000, "{next}");
    assert_eq!(end, lost);
    assert_eq!(reader.poll(10, &mut |_| {}), Err(lost.clone()), "and again");
    assert_eq!(reader.read_until(&[at(0, 1_200)], &mut |_| {}), Err(lost.clone()));
    assert_eq!(log.reader(&[at(0, next)]).err(), Some(lost));
    let mut last = log.reader(&[at(0, 1_199)]).unwrap();
    assert_eq!(last.poll(10, &mut |r| assert_eq!(r.value, value)), Ok(1));
}

/// Bytes that cannot be compressed.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn more_than_a_client_holds_is_read_in_pieces_and_whole() {
    let topic = Topic::new(3, &[]);
    let log = open(&topic);
    // 200 MB, of which a reader holds 64 at most.
    let value = noise(50_000);
    for _ in 0..40 {
        let records: Vec<_> =
            (0..100).map(|i| NewRecord { partition: i % 3, key: b"k", value: &value }).collect();
        log.append(&records).unwrap();
    }
    let mut reader = log.reader(&[at(0, 0), at(1, 0), at(2, 0)]).unwrap();
    let (mut next, mut polls) = ([0; 3], 0);
    loop {
        let mut bytes = 0;
        let mut each = |r: Record<'_>| {
            let next = &mut next[r.partition as usize];
            assert_eq!((r.offset, r.value.len()), (*next, value.len()));
            (*next, bytes) = (*next + 1, bytes + r.value.len());
        };
        if reader.poll(100_000, &mut each).unwrap() == 0 {
            break;
        }
        polls += 1;
        assert!(bytes <= POLL_BYTES + 3 * value.len(), "{bytes}");
    }
    assert_eq!(next.iter().sum::<u64>(), 4_000);
    assert!(polls > 200_000_000 / POLL_BYTES, "{polls}");
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn several_write_at_once_and_a_record_that_is_too_large_is_refused() {
    let topic = Topic::new(2, &[]);
    let log = open(&topic);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for round in 0..20 {
                    let offsets = append(&log, writer % 2, &["x"; 7]).unwrap();
                    assert!(offsets.windows(2).all(|w| w[0] < w[1]), "{round}: {offsets:?}");
                }
            });
        }
    });
    assert_eq!(log.all_bounds(), Ok(vec![0..280, 0..280]));
    let large = noise(3 << 20);
    let refused = log.append(&[NewRecord { partition: 0, key: b"", value: &large }]).unwrap_err();
    assert!(matches!(refused, LogError::Storage { .. }), "{refused}");
    assert!(append(&log, 0, &["small"]).is_ok(), "the next is not hurt by that");
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_topic_that_is_not_there_is_said_how_to_make() {
    let topic = Topic::new(1, &[]);
    let settings = KafkaSettings { topic: "no-such-topic".to_owned(), ..topic.settings() };
    let refused = KafkaLog::connect(settings, Arc::new(SystemClock)).err().unwrap().to_string();
    assert!(
        refused.contains("no topic no-such-topic ") && refused.contains("topics create"),
        "{refused}"
    );
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn the_consumer_of_a_group_commits_its_positions_and_no_other_reader_does() {
    let topic = Topic::new(2, &[]);
    let clock = Arc::new(ManualClock::new(SystemClock.now_ms()));
    let settings = KafkaSettings { group: Some(topic.name().to_owned()), ..topic.settings() };
    let log = KafkaLog::connect(settings, clock.clone()).unwrap();
    append(&log, 1, &["a", "b", "c"]).unwrap();
    let mut other = log.reader(&[at(0, 0), at(1, 1)]).unwrap();
    let mut reader = log.for_consumer().reader(&[at(0, 0), at(1, 0)]).unwrap();
    // A new group's coordinator is found while it is read.
    let read_until = |reader: &mut dyn LogReader, committed: [Option<i64>; 2]| {
        for _ in 0..100 {
            reader.poll(10, &mut |_| {}).unwrap();
            clock.advance(5_000);
            if topic.committed(topic.name()) == committed {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        assert_eq!(topic.committed(topic.name()), committed);
    };
    read_until(&mut *reader, [Some(0), Some(3)]);
    // It polls before it has read anything, and goes on being where the other was.
    for _ in 0..20 {
        clock.advance(5_000);
        other.poll(1, &mut |_| {}).unwrap();
        assert_eq!(topic.committed(topic.name()), [Some(0), Some(3)]);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // With more partitions it is the consumer still.
    topic.grow(3);
    append(&log, 0, &["d"]).unwrap();
    let grown = log.for_consumer().grown().unwrap().expect("it has more");
    let mut reader = grown.reader(&[at(0, 0), at(1, 3), at(2, 0)]).unwrap();
    read_until(&mut *reader, [Some(1), Some(3)]);
}
