//! Offsets that are no records: where transactions end, or were aborted, or records were
//! compacted away.

use super::{Topic, append, at, note, open};
use std::time::Duration;
use streamgauge_ingest::log::{EventLog, KafkaLog, NewRecord};

fn named(records: &[(u64, &str)]) -> Vec<(u64, String)> {
    records.iter().map(|(offset, text)| (*offset, (*text).to_owned())).collect()
}

/// Waits until a partition has an end: the mark of a transaction is written after it was
/// said to be committed.
fn reaches(log: &KafkaLog, end: u64) {
    for _ in 0..500 {
        if log.bounds(0).unwrap().end == end {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(log.bounds(0), Ok(0..end));
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn transactions_are_read_when_they_are_committed_and_their_marks_are_passed() {
    let topic = Topic::new(2, &[]);
    let log = open(&topic);
    let writer = topic.transactions();
    let mut reader = log.reader(&[at(0, 0), at(1, 0)]).unwrap();
    let mut read = Vec::new();
    writer.write(0, &["a", "b"]);
    assert_eq!(log.bounds(0), Ok(0..0), "what is not committed is not there");
    assert_eq!(reader.poll(10, &mut note(&mut read)), Ok(0));
    writer.commit();
    reaches(&log, 3);
    while reader.poll(10, &mut note(&mut read)).unwrap() > 0 {}
    assert_eq!(read, named(&[(0, "a"), (1, "b")]));
    assert_eq!(reader.positions(), [at(0, 3), at(1, 0)], "at the end, behind the mark");
    writer.write(0, &["c", "d"]);
    writer.abort();
    reaches(&log, 6);
    assert_eq!(reader.poll(10, &mut |r| panic!("{r:?}")), Ok(0));
    assert_eq!(reader.positions(), [at(0, 6), at(1, 0)], "what was aborted is passed, too");
    assert_eq!(append(&log, 0, &["e"]), Ok(vec![6]));
    read.clear();
    assert_eq!(reader.poll(10, &mut note(&mut read)), Ok(1));
    assert_eq!(read, named(&[(6, "e")]));
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_range_may_end_anywhere_in_a_gap() {
    let topic = Topic::new(1, &[]);
    let log = open(&topic);
    let writer = topic.transactions();
    // 0 a, 1 mark, 2 3 4 aborted, 5 b, 6 mark, 7 8 aborted, 9 10 aborted
    writer.write(0, &["a"]);
    writer.commit();
    writer.write(0, &["x", "y"]);
    writer.abort();
    writer.write(0, &["b"]);
    writer.commit();
    for value in ["x", "y"] {
        writer.write(0, &[value]);
        writer.abort();
    }
    reaches(&log, 11);
    for end in 0..=12 {
        let mut reader = log.reader(&[at(0, 0)]).unwrap();
        let mut read = Vec::new();
        reader.read_until(&[at(0, end)], &mut note(&mut read)).unwrap();
        let all = named(&[(0, "a"), (5, "b")]);
        let expected: Vec<_> = all.iter().filter(|r| r.0 < end).cloned().collect();
        assert_eq!(read, expected, "up to {end}");
        assert_eq!(reader.positions(), [at(0, end.min(11))]);
        // And then the rest, each once.
        while reader.poll(10, &mut note(&mut read)).unwrap() > 0 {}
        assert_eq!(read, all, "after {end}");
        assert_eq!(reader.positions(), [at(0, 11)]);
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_partition_that_was_compacted_is_read_to_its_end() {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("max.compaction.lag.ms", "100"),
    ];
    let topic = Topic::new(1, &settings);
    let log = open(&topic);
    for _ in 0..20 {
        let new = NewRecord { partition: 0, key: b"one", value: b"v" };
        log.append(&[new]).unwrap();
        std::thread::sleep(Duration::from_millis(120));
    }
    let mut tries = 0;
    loop {
        let mut reader = log.reader(&[at(0, 0)]).unwrap();
        let mut read = Vec::new();
        reader.read_until(&[at(0, 20)], &mut note(&mut read)).unwrap();
        assert_eq!(reader.positions(), [at(0, 20)]);
        assert_eq!(read.last().map(|r| r.0), Some(19));
        if read.len() < 20 {
            break;
        }
        tries += 1;
        assert!(tries < 60, "the broker compacts nothing");
        std::thread::sleep(Duration::from_millis(500));
    }
}
