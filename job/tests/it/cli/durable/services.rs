//! The whole pipeline over a real Kafka and a real InfluxDB: a log of events at full speed,
//! a job with two workers and one in two processes, and what InfluxDB has of it.
//!
//! They need both, and are ignored without being asked for; deploy/test.sh asks:
//! `STREAMGAUGE_KAFKA=… STREAMGAUGE_INFLUXDB=… STREAMGAUGE_INFLUXDB_TOKEN=… cargo test … --
//! --ignored services`. With `STREAMGAUGE_LONG` there are a million events.

use super::super::{ended, influx, signal};
use super::{Shows, is_long, kafka, started, store};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use streamgauge_sink::store::InfluxHistory;

/// Runs a job of this command line over a log of past events, and holds all of it against
/// the oracle.
fn everything_is_right(job: &str) {
    let history = influx::settings();
    let (folder, site) = kafka::site(&influx::toml(&history));
    let events: u32 = if is_long() { 1_000_000 } else { 60_000 };
    // The shop makes 200 events a second: the last is in the past.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let start = now - u128::from(events / 200 + 120) * 1_000;
    let made = Instant::now();
    folder.done(&format!(
        "simulate --to log --events {events} --rate max --start {start} --late-share 0.01 \
         --malformed-share 0.005 --duplicate-share 0.01"
    ));
    let made = made.elapsed();
    let _shows = Shows::over(&folder);
    let began = Instant::now();
    let job = started(&folder, job);
    let appended = site.wait_until_read();
    let read = began.elapsed();
    // The last windows become final by the clock.
    thread::sleep(Duration::from_secs(12));
    signal(job.id(), "TERM");
    let ran = ended(job, "job");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    println!("{appended} events appended in {made:.1?}, and read in {read:.1?}");
    site.check(&folder, appended);
    store::check(&InfluxHistory::new(&history).unwrap(), &site);
    println!("{}", folder.done("replay --from log --data-dir d --to none --verify").stderr);
    println!("{}", String::from_utf8(folder.run("doctor --data-dir d").stdout).unwrap());
}

#[test]
#[ignore = "needs a Kafka and an InfluxDB"]
fn with_two_workers() {
    everything_is_right("job --data-dir d --workers 2");
}

#[test]
#[ignore = "needs a Kafka and an InfluxDB"]
fn with_two_processes() {
    everything_is_right("launch --processes 2 --workers 1 --data-dir d");
}
