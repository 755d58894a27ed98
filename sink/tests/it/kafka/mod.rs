//! Results in a Kafka: the suite of all logs, and what only a Kafka must do.
//!
//! They need a broker, and are ignored without being asked for:
//! `STREAMGAUGE_KAFKA=host:port cargo test … -- --ignored kafka`, as deploy/test.sh does.

mod large;
#[cfg(feature = "kafka-tls")]
mod secured;

use crate::results::{
    Fixture, METRICS, START_MS, SUITE, commit, progress, read, record, transaction,
    wakes_whoever_waits,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::KafkaSettings;
use streamgauge_sink::results::{
    KafkaResults, Position, ResultError, ResultLog, Stored, Topic, Transaction,
};
use streamgauge_sink::topics::{Admin, wanted_results};

static COUNT: AtomicU32 = AtomicU32::new(0);

fn kafka() -> KafkaSettings {
    let brokers = std::env::var("STREAMGAUGE_KAFKA")
        .expect("STREAMGAUGE_KAFKA=host:port of a Kafka: deploy/dev/kafka.sh start");
    KafkaSettings::new(brokers, "events")
}

/// Topics that no other test knows, with times that tests make up.
fn fixture() -> (Fixture, String) {
    fixture_in(&kafka())
}

#[expect(clippy::disallowed_methods, reason = "names must differ between runs")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn fixture_in(kafka: &KafkaSettings) -> (Fixture, String) {
    fixture_with(kafka, &[])
}

fn fixture_with(kafka: &KafkaSettings, set: &[(&'static str, &str)]) -> (Fixture, String) {
    let nanos = now().as_nanos();
    let prefix = format!("test-{nanos}-{}-", COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = Admin::new(kafka).unwrap();
    for mut topic in wanted_results(&prefix, 1) {
        topic.settings.retain(|(name, _)| {
            *name != "retention.ms" && set.iter().all(|(other, _)| name != other)
        });
        topic.settings.extend(set.iter().map(|(name, value)| (*name, (*value).to_owned())));
        topic.settings.push(("retention.ms", "-1".to_owned()));
        topic.settings.push(("message.timestamp.after.max.ms", i64::MAX.to_string()));
        assert!(admin.create(&topic, 1).unwrap());
        assert!(admin.wait_for_leaders(&topic).unwrap());
    }
    let clock = Arc::new(ManualClock::new(START_MS));
    let log = KafkaResults::connect(kafka, &prefix, clock.clone()).unwrap();
    // Marks of transactions have the broker's time and are found by it, too: records are
    // later than the marks before them when the clock of a test is ahead by its steps.
    let start_ms = i64::try_from(now().as_millis()).unwrap();
    clock.advance(start_ms - START_MS);
    (
        Fixture { log: Box::new(log), clock, start_ms, is_in_one_place: false, _directory: None },
        prefix,
    )
}

fn again(prefix: &str) -> KafkaResults {
    KafkaResults::connect(&kafka(), prefix, Arc::new(ManualClock::new(START_MS))).unwrap()
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn results_in_kafka_conform() {
    for (name, test) in SUITE {
        println!("{name}");
        test(&fixture().0);
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn whoever_waits_is_woken() {
    wakes_whoever_waits(&fixture().0);
}

/// What every reader must give, by topic and key.
fn all(log: &dyn ResultLog, topics: &[Topic], most: usize) -> Vec<String> {
    let mut reader = log.reader(topics, Position::default()).unwrap();
    let mut all = Vec::new();
    loop {
        let piece = read(&mut *reader, most);
        if piece.is_empty() {
            return all;
        }
        all.extend(piece);
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn all_readers_have_one_order_across_partitions_and_only_whole_transactions() {
    let (f, prefix) = fixture();
    let topics = [METRICS, Topic::Alerts, Topic::Sessions];
    let follower = again(&prefix);
    let mut following = follower.reader(&topics, Position::default()).unwrap();
    let mut writer = f.log.writer().unwrap();
    let (mut seen, mut expected, mut epoch) = (Vec::new(), 0, 0);
    for round in 0..40 {
        let mut t = Transaction::default();
        for _ in 0..=round % 3 {
            let one = transaction(
                epoch,
                (0..50)
                    .map(|i| record(topics[i % 3], epoch, &format!("key {}", i * 7), Some("1")))
                    .collect(),
            );
            t.bindings.extend(one.bindings);
            t.records.extend(one.records);
            t.progress.extend(one.progress);
            epoch += 1;
        }
        expected += t.records.len();
        commit(&f, &mut *writer, &t);
        if round % 4 == 3 {
            seen.extend(read(&mut *following, 10_000));
            assert_eq!(seen.len(), expected);
        }
    }
    let late = all(&again(&prefix), &topics, 77);
    assert_eq!(late.len(), expected);
    assert_eq!(seen, late);
    let epochs: Vec<u64> =
        late.iter().map(|line| line.split(' ').nth(1).unwrap().parse().unwrap()).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn what_goes_out_beside_transactions_comes_and_its_end_too() {
    let (f, prefix) = fixture();
    let mut writer = f.log.writer().unwrap();
    let live = |epoch, value| record(Topic::LiveMetrics, epoch, "k", value);
    let status = record(Topic::JobStatus, 3, "job", Some("{}"));
    writer.commit(&transaction(3, vec![live(3, Some("1")), status])).unwrap();
    writer.commit(&transaction(4, vec![live(4, None)])).unwrap();
    let log = again(&prefix);
    let mut reader =
        log.reader(&[Topic::LiveMetrics, Topic::JobStatus], Position::default()).unwrap();
    let mut seen = Vec::new();
    for _ in 0..200 {
        seen.extend(read(&mut *reader, 10));
        if seen.len() == 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    seen.sort();
    assert_eq!(
        seen,
        ["job-status 3 job Some(\"{}\")", "live-metrics 3 k Some(\"1\")", "live-metrics 4 k None"]
    );
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn dead_letters_of_others_are_read_without_a_job() {
    let (f, prefix) = fixture();
    let letter = record(Topic::DeadLetters, 0, "a/1", Some("{}"));
    f.log.append(&[letter]).unwrap();
    let seen = all(&again(&prefix), &[Topic::DeadLetters], 10);
    assert_eq!(seen, ["dead-letters 0 a/1 Some(\"{}\")"]);
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn whoever_takes_over_finds_where_the_other_was() {
    let (f, prefix) = fixture();
    let mut number = 0;
    for round in 0..6 {
        let log = again(&prefix);
        let mut writer = log.writer().unwrap();
        assert!(writer.number() > number);
        number = writer.number();
        let state = log.state().unwrap();
        let first: u64 = round * 1_000;
        assert_eq!(state.committed, first.checked_sub(1).map(progress));
        assert_eq!(state.first_bound, (round > 0).then_some(0));
        // Records of bindings alone, and of progress, and both, many of them.
        for epoch in first..first + 1_000 {
            let mut t = transaction(epoch, vec![record(METRICS, epoch, "a", Some("1"))]);
            if epoch % 250 != 249 {
                // One transaction has the effects of several epochs.
                t.progress.clear();
                t.records.clear();
            } else {
                t.progress = (epoch - 249..=epoch).map(progress).collect();
            }
            if epoch % 50 == 0 || epoch % 250 == 249 {
                writer.commit(&t).unwrap();
            } else if epoch % 50 == 1 {
                let more = (epoch..epoch + 49).filter(|e| e % 250 != 249);
                t.bindings = more.flat_map(|e| transaction(e, vec![]).bindings).collect();
                writer.commit(&t).unwrap();
            }
        }
    }
    let log = again(&prefix);
    let writer = log.writer().unwrap();
    for epoch in [0, 1, 77, 249, 250, 3_000, 5_998, 5_999] {
        let found = log.bindings(epoch, 2).unwrap();
        assert_eq!(found.first().map(|b| b.epoch), Some(epoch));
        assert_eq!(found.len(), if epoch == 5_999 { 1 } else { 2 });
    }
    for epoch in [0, 1, 4_000, 5_999, 6_000] {
        assert_eq!(writer.progress(epoch).unwrap(), (epoch < 6_000).then(|| progress(epoch)));
    }
    let bound: Vec<u64> = log.bindings(0, usize::MAX).unwrap().iter().map(|b| b.epoch).collect();
    assert_eq!(bound, (0..6_000).collect::<Vec<_>>());
    drop(f);
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn topics_are_as_they_were_wanted_and_what_differs_is_named() {
    let (_f, prefix) = fixture();
    let admin = Admin::new(&kafka()).unwrap();
    assert_eq!(admin.brokers().unwrap().len(), 1);
    assert_eq!(admin.find("no-such-topic").unwrap(), None);
    let mut named = BTreeMap::new();
    for topic in wanted_results(&prefix, 1) {
        assert!(!admin.create(&topic, 1).unwrap(), "it is there");
        let found = admin.find(&topic.name).unwrap().unwrap();
        let what: Vec<_> = topic.differences(&found, 1).into_iter().map(|d| d.what).collect();
        named.insert(topic.name.trim_start_matches(&prefix).to_owned(), what);
    }
    // The fixture keeps all for good.
    let with_retention =
        ["cep-alerts", "dead-letters", "live-metrics", "processed-metrics", "sessions"];
    for (name, differs) in named {
        let expected = with_retention.contains(&&*name).then_some("retention.ms".to_owned());
        assert_eq!(differs, expected.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn what_is_missing_or_was_cut_is_said() {
    let missing = KafkaResults::connect(&kafka(), "none-", Arc::new(ManualClock::new(0)));
    let missing = missing.err().unwrap().to_string();
    assert!(missing.contains("none-processed-metrics"), "{missing}");
    assert!(missing.contains("streamgauge topics create"), "{missing}");
    let (f, _) = fixture();
    let beyond = Position(vec![1, 5]);
    // A position beyond the end is one of another topic: what comes is read.
    let mut reader = f.log.reader(&[METRICS], beyond).unwrap();
    assert_eq!(reader.poll(1, &mut |_: Stored<'_>| {}).unwrap(), 0);
    let _: ResultError = ResultError::Fenced { newer: 1, own: 0 };
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn which_partitions_retention_has_cut_is_told_and_whose_keys_they_keep() {
    let (f, prefix) = fixture();
    let keys: Vec<String> = (0..60).map(|i| format!("key {i}")).collect();
    let records = keys.iter().map(|key| record(METRICS, 1, key, Some("1"))).collect();
    commit(&f, &mut *f.log.writer().unwrap(), &transaction(1, records));
    assert_eq!(f.log.is_cut(METRICS).unwrap(), [false; 6]);
    let is_in_first = |key: &&String| f.log.partition(METRICS, key.as_bytes()) == 0;
    let (cut, kept): (Vec<_>, Vec<_>) = keys.iter().partition(is_in_first);
    let admin = Admin::new(&kafka()).unwrap();
    admin.cut(&format!("{prefix}processed-metrics"), cut.len() as u64).unwrap();
    assert_eq!(f.log.is_cut(METRICS).unwrap(), [true, false, false, false, false, false]);
    assert_eq!(f.log.is_cut(Topic::Sessions).unwrap(), [false; 6]);
    let mut seen = all(&again(&prefix), &[METRICS], 9);
    let mut expected: Vec<_> =
        kept.iter().map(|key| format!("processed-metrics 1 {key} Some(\"1\")")).collect();
    seen.sort();
    expected.sort();
    assert!(!cut.is_empty() && !kept.is_empty());
    assert_eq!(seen, expected);
}
