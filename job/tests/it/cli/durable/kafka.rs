//! The same over a Kafka: events and results in topics of it.
//!
//! They need a broker, and are ignored without being asked for:
//! `STREAMGAUGE_KAFKA=host:port cargo test … -- --ignored kafka`, as deploy/test.sh does.

use super::super::{Folder, ended};
use super::{RULES, Site, TIMES, embedded_history, is_long, kill_again_and_again, started};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{KafkaLog, KafkaSettings};
use streamgauge_sink::results::KafkaResults;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A site in topics of its own, and a folder whose configuration names them and has `more`.
pub(super) fn site(more: &str) -> (Folder, Site) {
    let brokers = std::env::var("STREAMGAUGE_KAFKA")
        .expect("STREAMGAUGE_KAFKA=host:port of a Kafka: deploy/dev/kafka.sh start");
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let prefix = format!("job-{nanos}-{}-", COUNT.fetch_add(1, Ordering::Relaxed));
    let kafka = format!(
        "[log]\nkind = \"kafka\"\n[kafka]\nbrokers = \"{brokers}\"\ntopic = \"{prefix}events\"\nprefix = \"{prefix}\"\n"
    );
    let folder = Folder::new();
    folder.put("streamgauge.toml", format!("{TIMES}{kafka}{more}{RULES}").as_bytes());
    folder.refused("topics check", 1, &["9 topics are missing", "streamgauge topics create"]);
    folder.done("topics create");
    folder.done("topics check");
    let clock = Arc::new(ManualClock::new(0));
    let events = KafkaSettings::new(&brokers, format!("{prefix}events"));
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
