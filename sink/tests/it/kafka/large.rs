//! Records as large as input can make them, and larger than a topic takes.

use super::{again, all, fixture, fixture_with, kafka};
use crate::results::{METRICS, commit, record, transaction};
use streamgauge_sink::dead_letters::{TOO_LARGE, too_large};
use streamgauge_sink::results::{Position, Record, ResultLog, Topic};

/// Text that no codec of Kafka makes much smaller.
fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'0' + u8::try_from((state >> 32) % 64).unwrap())
    };
    (0..bytes).map(|_| next()).collect()
}

/// Topic, key, epoch and length of value of all records of topics, as they are read.
fn lengths(log: &dyn ResultLog, topics: &[Topic]) -> Vec<(Topic, usize, u64, Option<usize>)> {
    let mut reader = log.reader(topics, Position::default()).unwrap();
    let mut lengths = Vec::new();
    let mut note = |s: streamgauge_sink::results::Stored<'_>| {
        lengths.push((s.topic, s.key.len(), s.epoch, s.value.map(<[u8]>::len)));
    };
    while reader.poll(10, &mut note).unwrap() > 0 {}
    lengths
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_session_whose_pages_are_as_long_as_events_goes_through() {
    let (f, prefix) = fixture();
    let mut writer = f.log.writer().unwrap();
    // A journey of 50 pages, with the first and the last once more.
    let session = noise(52 * 900_000);
    let list = noise(10 * 900_000);
    let records = vec![
        record(Topic::Sessions, 1, "s", Some(&session)),
        record(METRICS, 1, "m", Some(&list)),
        record(METRICS, 1, "n", Some("1")),
    ];
    commit(&f, &mut *writer, &transaction(1, records));
    commit(&f, &mut *writer, &transaction(2, vec![record(METRICS, 2, "n", Some("22"))]));
    assert_eq!(writer.take_too_large(), [""; 0]);
    let mut read = lengths(&again(&prefix), &[Topic::Sessions, METRICS, Topic::DeadLetters]);
    read.sort();
    let expected = [
        (METRICS, 1, 1, Some(1)),
        (METRICS, 1, 1, Some(list.len())),
        (METRICS, 1, 2, Some(2)),
        (Topic::Sessions, 1, 1, Some(session.len())),
    ];
    assert_eq!(read, expected);
}

/// Commits what is too large among what is not; it ends where it stood, with a letter, and
/// the next transaction is as every other.
fn is_set_aside(f: crate::results::Fixture, prefix: &str, large: &str) {
    let mut writer = f.log.writer().unwrap();
    commit(&f, &mut *writer, &transaction(1, vec![record(METRICS, 1, "k", Some("1"))]));
    let wide_key = noise(large.len());
    let all_large = [
        record(METRICS, 2, "k", Some(large)),
        record(Topic::Alerts, 2, "a", Some(large)),
        record(Topic::Sessions, 2, &wide_key, Some("{}")),
    ];
    let mut records = all_large.to_vec();
    records.push(record(METRICS, 2, "other", Some("2")));
    records.push(record(Topic::LiveMetrics, 2, "k", Some(large)));
    // Many others are on their way when it is refused.
    let crowd = (0..5_000).map(|i| record(Topic::Sessions, 2, &format!("crowd {i}"), Some("{}")));
    records.extend(crowd);
    // What is of another epoch is another record.
    let mut both = transaction(2, records);
    let next = transaction(3, vec![record(METRICS, 3, "k", Some("3"))]);
    both.bindings.extend(next.bindings);
    both.records.extend(next.records);
    both.progress.extend(next.progress);
    commit(&f, &mut *writer, &both);
    let told = writer.take_too_large();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("of processed-metrics, epoch 2, key k"), "{told:?}");
    commit(&f, &mut *writer, &transaction(4, vec![record(METRICS, 4, "k", Some("4"))]));
    assert_eq!(writer.take_too_large(), [""; 0]);

    let log = again(prefix);
    let mut read = all(&log, &[METRICS, Topic::Alerts, Topic::Sessions], 1_000);
    let is_of_crowd = |line: &String| line.starts_with("sessions 2 crowd ");
    assert_eq!(read.iter().filter(|line| is_of_crowd(line)).count(), 5_000);
    read.retain(|line| !is_of_crowd(line));
    read.sort();
    let line =
        |epoch, key, value: Option<&str>| format!("processed-metrics {epoch} {key} {value:?}");
    let mut expected = vec![
        line(1, "k", Some("1")),
        line(2, "k", None),
        line(2, "other", Some("2")),
        line(3, "k", Some("3")),
        line(4, "k", Some("4")),
    ];
    expected.sort();
    assert_eq!(read, expected);
    let letters = all(&log, &[Topic::DeadLetters], 10);
    let mut expected: Vec<String> = all_large
        .iter()
        .map(|result: &Record| {
            let Record { key, value, .. } = too_large(result);
            let text = |bytes| String::from_utf8(bytes).unwrap();
            format!("dead-letters 2 {} {:?}", text(key), value.map(text))
        })
        .collect();
    expected.sort();
    let mut letters: Vec<_> = letters.into_iter().filter(|l| l.contains(TOO_LARGE)).collect();
    letters.sort();
    assert_eq!(letters, expected);
    // A newer writer finds all as it was.
    assert_eq!(log.state().unwrap().committed.map(|p| p.epoch), Some(4));
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn what_is_larger_than_any_limit_is_a_dead_letter_and_the_writer_goes_on() {
    let (f, prefix) = fixture();
    is_set_aside(f, &prefix, &noise(64_000_001));
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn so_is_what_is_larger_than_its_topic_takes() {
    let (f, prefix) = fixture_with(&kafka(), &[("max.message.bytes", "1048588")]);
    is_set_aside(f, &prefix, &noise(2_000_000));
}
