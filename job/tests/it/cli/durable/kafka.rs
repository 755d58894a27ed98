//! The same over a Kafka: events and results in topics of it.
//!
//! They need a broker, and are ignored without being asked for:
//! `STREAMGAUGE_KAFKA=host:port cargo test … -- --ignored kafka`, as deploy/test.sh does.

use super::super::{Folder, ended, signal};
use super::{
    PARTITIONS, RULES, Site, TIMES, embedded_history, is_long, kill_again_and_again, started,
};
use std::collections::BTreeMap;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{
    EventLog, KafkaLog, KafkaSettings, NewRecord, Position as At, Record,
};
use streamgauge_sink::results::{KafkaResults, Position, Topic};
use streamgauge_sink::topics::{Admin, Wanted};

static COUNT: AtomicU32 = AtomicU32::new(0);

pub(super) fn brokers() -> String {
    std::env::var("STREAMGAUGE_KAFKA")
        .expect("STREAMGAUGE_KAFKA=host:port of a Kafka: deploy/dev/kafka.sh start")
}

/// A site in topics of its own, and a folder whose configuration names them and has `more`.
pub(super) fn site(more: &str) -> (Folder, Site) {
    site_at(&brokers(), more)
}

/// The same in the Kafka of these brokers.
pub(super) fn site_at(brokers: &str, more: &str) -> (Folder, Site) {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let prefix = format!("job-{nanos}-{}-", COUNT.fetch_add(1, Ordering::Relaxed));
    let kafka = format!(
        "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{brokers}\"\ntopic = \"{prefix}events\"\nprefix = \"{prefix}\"\n"
    );
    let folder = Folder::new();
    folder.put("streamgauge.toml", format!("{TIMES}{kafka}{more}{RULES}").as_bytes());
    folder.refused("topics check", 1, &["9 topics are missing", "streamgauge topics create"]);
    folder.done("topics create --config streamgauge.toml");
    folder.done("topics check");
    let clock = Arc::new(ManualClock::new(0));
    let events = KafkaSettings::new(brokers, format!("{prefix}events"));
    let log = Arc::new(KafkaLog::connect(events.clone(), clock.clone()).unwrap());
    let results = Arc::new(KafkaResults::connect(&events, &prefix, clock).unwrap());
    (folder, Site { log, results })
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn killed_again_and_again_over_kafka_it_commits_what_an_uninterrupted_job_commits() {
    let (folder, site) = site("");
    let kills = if is_long() { 30 } else { 5 };
    let a_second = |kill, job: &mut Child| {
        // A second one that is started by mistake, elsewhere, takes over; the first must
        // end by itself. It begins with the first epoch, and what it computes is known.
        if kill % 5 == 1 {
            let line = format!("job --data-dir elsewhere-{kill} --workers 1");
            let mut second = started(&folder, &line);
            let status = job.wait().unwrap();
            assert_eq!(status.code(), Some(1), "the first is told that it is not in charge");
            second.kill().unwrap();
            let said = ended(second, &line).stderr;
            assert!(!said.contains("differs"), "{said}");
        }
    };
    kill_again_and_again(&folder, &site, kills, a_second, embedded_history);
}

/// The partition, key and value of a record.
type Copied = (u32, Vec<u8>, Vec<u8>);

/// The records of a log of events, copied to another topic with their times; `change` says
/// what becomes of each.
fn copy(site: &Site, to: &str, change: impl Fn(u32, u64, &mut Vec<u8>)) {
    let settings = KafkaSettings::new(brokers(), to);
    let topic = Wanted {
        name: to.to_owned(),
        what: "a copy",
        partitions: PARTITIONS,
        settings: vec![("retention.ms", "-1".to_owned())],
        usual: Vec::new(),
    };
    let admin = Admin::new(&settings).unwrap();
    assert!(admin.create(&topic, 1).unwrap() && admin.wait_for_leaders(&topic).unwrap());
    let mut records: BTreeMap<i64, Vec<Copied>> = BTreeMap::new();
    let from: Vec<_> = (0..PARTITIONS).map(|partition| At { partition, offset: 0 }).collect();
    let mut reader = site.log.reader(&from).unwrap();
    let mut note = |r: Record<'_>| {
        let mut value = r.value.to_vec();
        change(r.partition, r.offset, &mut value);
        let record = (r.partition, r.key.to_vec(), value);
        records.entry(r.appended_ms).or_default().push(record);
    };
    while reader.poll(10_000, &mut note).unwrap() > 0 {}
    let clock = Arc::new(ManualClock::new(0));
    let log = KafkaLog::connect(settings, clock.clone()).unwrap();
    let mut now_ms = 0;
    for (at_ms, records) in records {
        clock.advance(at_ms - now_ms);
        now_ms = at_ms;
        let mut new = Vec::new();
        for (partition, key, value) in &records {
            new.push(NewRecord { partition: *partition, key, value });
        }
        log.append(&new).unwrap();
    }
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn a_replay_over_kafka_is_verified_and_a_changed_record_is_named() {
    let (folder, site) = site("");
    let events = "simulate --to log --events 3000 --rate max --start 2026-01-01T00:00:00Z";
    folder.done(events);
    let job = started(&folder, "job --data-dir d --workers 2");
    site.wait_until_read();
    std::thread::sleep(std::time::Duration::from_secs(8));
    signal(job.id(), "TERM");
    let ran = ended(job, "job");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let verify = "replay --from log --to none --verify --data-dir";
    let said = folder.done(&format!("{verify} d")).stderr;
    assert!(said.contains("committed records up to epoch") && said.contains("are equal"), "{said}");
    let file = folder.text("streamgauge.toml");
    let topic = file.split("topic = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // To other topics it gives the same records, and what the end of time makes final.
    folder.done(&format!("replay --from log --data-dir d --to log --into {topic}-again-"));
    let clock = Arc::new(ManualClock::new(0));
    let again = KafkaSettings::new(brokers(), "");
    let again = KafkaResults::connect(&again, &format!("{topic}-again-"), clock).unwrap();
    let again = Site { results: Arc::new(again), log: Arc::clone(&site.log) };
    let [live, again] = [&site, &again].map(|site| {
        let topics = [Topic::ProcessedMetrics, Topic::Sessions, Topic::Alerts];
        let mut records = site.records(&topics, Position::default()).0;
        records.sort_by(|a, b| (a.epoch, a.topic, &a.key).cmp(&(b.epoch, b.topic, &b.key)));
        records
    });
    assert!(live.len() > 100 && again.len() > live.len());
    assert!(again[..live.len()] == live, "the same, in topics with another prefix");
    // A copy is as good; with one byte changed it is not.
    let (changed_partition, changed_offset) = (3, 70);
    for (copied, changes) in [("same", false), ("changed", true)] {
        let to = format!("{topic}-{copied}");
        copy(&site, &to, |partition, offset, value| {
            if changes && (partition, offset) == (changed_partition, changed_offset) {
                let last = value.len() - 2;
                value[last] = b' ';
            }
        });
        folder.put("streamgauge.toml", file.replace(&topic, &to).as_bytes());
        let ran = folder.run(&format!("{verify} {copied}"));
        if !changes {
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            continue;
        }
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let named = ran.stderr.split(&format!("partition {changed_partition} [")).nth(1);
        let offsets = named.and_then(|rest| rest.split(')').next()).expect(&ran.stderr);
        let (lo, hi) = offsets.split_once(", ").expect(&ran.stderr);
        let (lo, hi): (u64, u64) = (lo.parse().unwrap(), hi.parse().unwrap());
        assert!((lo..hi).contains(&changed_offset), "{}", ran.stderr);
    }
}
