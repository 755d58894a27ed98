//! A topic of events that is given more partitions: while a job reads it, and while none does.

use super::super::{ended, signal};
use super::kafka::{brokers, site};
use super::{Site, again, started};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::log::KafkaSettings;

/// Gives a topic partitions up to so many; the site with them.
fn grown(site: Site, topic: &str, partitions: usize) -> Site {
    let admin: AdminClient<DefaultClientContext> =
        KafkaSettings::new(brokers(), topic).client().create().unwrap();
    let (more, options) = (NewPartitions::new(topic, partitions), AdminOptions::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let made = runtime.block_on(admin.create_partitions([&more], &options)).unwrap();
    made[0].as_ref().unwrap();
    for _ in 0..100 {
        let log = site.log.grown().unwrap();
        if let Some(log) = log.filter(|log| log.all_bounds().is_ok()) {
            assert_eq!(log.partitions() as usize, partitions);
            return Site { log, results: Arc::clone(&site.results) };
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{topic} has no more partitions");
}

#[test]
#[ignore = "needs Kafka: deploy/dev/kafka.sh start"]
fn partitions_added_over_kafka_are_read_and_replayed_as_they_were() {
    let (folder, site) = site("");
    let file = folder.text("streamgauge.toml");
    let topic = file.split("topic = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let simulate = |seed: u32| {
        let events = "simulate --to log --rate 500 --events 1500";
        folder.done(&format!("{events} --seed {seed}"));
    };
    let line = "job --data-dir d --workers 2";
    let mut job = started(&folder, line);
    simulate(1);
    site.wait_until_read();
    let site = grown(site, &topic, 24);
    simulate(2);
    site.wait_until_read();
    job.kill().unwrap();
    let said = ended(job, line).stderr;
    assert!(said.contains("the log has 24 partitions, 12 before"), "{said}");
    let site = grown(site, &topic, 30);
    simulate(3);
    let job = started(&folder, line);
    let appended = site.wait_until_read();
    assert_eq!(appended, 4_500);
    // The last windows become final by the clock.
    thread::sleep(Duration::from_secs(12));
    signal(job.id(), "TERM");
    let ran = ended(job, line);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("the log has 30 partitions, 24 before"), "{}", ran.stderr);
    let bound = site.results.bindings(0, usize::MAX).unwrap();
    let mut counts: Vec<_> = bound.iter().map(|b| b.partitions.len()).collect();
    counts.dedup();
    assert_eq!(counts, [12, 24, 30]);
    let added = &bound.last().unwrap().partitions[12..];
    assert!(added.iter().filter(|p| p.hi > 0).count() > 9, "{added:?}");
    again::check(&folder, &site, appended);
    folder.done("replay --from log --data-dir d --to none --verify");
}
