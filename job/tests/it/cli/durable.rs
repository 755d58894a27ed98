//! A job over a data directory, killed again and again.
//!
//! The short form kills it a few times; with `STREAMGAUGE_LONG` a hundred times, and it
//! says how long a new job took to catch up.

use super::{Folder, ended, signal};
use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{EmbeddedLog, EventLog, Retention};
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{EmbeddedResults, Position, Record, ResultLog, Topic};

const PARTITIONS: u32 = 12;
/// Windows are short, so that state is dropped while the test runs.
const TIMES: &str =
    "[time]\nlateness = \"10s\"\nsession_gap = \"5s\"\n[checkpoint]\nevery = \"1s\"\n";

fn is_long() -> bool {
    std::env::var_os("STREAMGAUGE_LONG").is_some()
}

fn started(folder: &Folder, line: &str) -> Child {
    let mut command = folder.command(line);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect(line)
}

struct Site {
    log: EmbeddedLog,
    results: EmbeddedResults,
}

impl Site {
    fn open(folder: &Folder) -> Self {
        let clock = Arc::new(ManualClock::new(0));
        let directory = folder.path("d");
        std::fs::create_dir_all(&directory).unwrap();
        let retention = Retention::default();
        let log = EmbeddedLog::open(&directory, PARTITIONS, retention, Sync::Normal, clock.clone());
        let results = EmbeddedResults::open(&directory, Sync::Normal, clock);
        Self { log: log.unwrap(), results: results.unwrap() }
    }

    fn appended(&self) -> u64 {
        (0..PARTITIONS).map(|p| self.log.bounds(p).unwrap().end).sum()
    }

    fn records(&self, topics: &[Topic], from: Position) -> (Vec<Record>, Position) {
        let mut reader = self.results.reader(topics, from).unwrap();
        let mut all = Vec::new();
        let mut note = |s: streamgauge_sink::results::Stored<'_>| {
            let (topic, epoch, key) = (s.topic, s.epoch, s.key.to_vec());
            all.push(Record { topic, epoch, key, value: s.value.map(<[u8]>::to_vec) });
        };
        while reader.poll(1_000, &mut note).unwrap() > 0 {}
        let position = reader.position();
        (all, position)
    }

    /// What the last status of a writer after `writer` says, once it is live: its number.
    fn wait_until_live(&self, writer: u64) -> u64 {
        let until = Instant::now() + Duration::from_secs(60);
        let mut from = Position::default();
        loop {
            let (statuses, position) = self.records(&[Topic::JobStatus], from);
            from = position;
            for status in statuses {
                let status: serde_json::Value =
                    serde_json::from_slice(&status.value.unwrap()).unwrap();
                let number = status["writer"].as_u64().unwrap();
                if number > writer && status["state"] == "live" {
                    return number;
                }
            }
            assert!(Instant::now() < until, "no job after writer {writer} is live");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

#[test]
fn killed_again_and_again_it_commits_what_an_uninterrupted_job_commits() {
    let folder = Folder::new();
    folder.put("streamgauge.toml", TIMES.as_bytes());
    let (kills, rate) = if is_long() { (100, 2_000) } else { (5, 2_000) };
    let site = Site::open(&folder);
    let line = format!(
        "simulate --to log --data-dir d --rate {rate} --late-share 0.01 --malformed-share 0.005 \
         --duplicate-share 0.01"
    );
    let simulator = started(&folder, &line);
    let mut writer = 0;
    let mut caught_up = Vec::new();
    for kill in 0..kills {
        let workers = 1 + kill % 3;
        let began = Instant::now();
        let mut job = started(&folder, &format!("job --data-dir d --workers {workers}"));
        writer = site.wait_until_live(writer);
        caught_up.push(began.elapsed());
        thread::sleep(Duration::from_millis(300 + kill * 7_919 % 2_500));
        job.kill().unwrap();
        job.wait().unwrap();
    }
    signal(simulator.id(), "TERM");
    assert_eq!(ended(simulator, &line).code, Some(0));
    let job = started(&folder, "job --data-dir d --workers 2");
    site.wait_until_live(writer);
    let appended = site.appended();
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let bound = site.results.state().unwrap().bound.unwrap_or(0);
        let last = site.results.bindings(bound, 1).unwrap().pop();
        let read: u64 = last.map_or(0, |b| b.partitions.iter().map(|p| p.hi).sum());
        if read == appended {
            break;
        }
        assert!(Instant::now() < until, "{read} of {appended} were read");
        thread::sleep(Duration::from_millis(50));
    }
    // The last windows become final by the clock.
    thread::sleep(Duration::from_secs(12));
    signal(job.id(), "TERM");
    let ran = ended(job, "job");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    println!(
        "{kills} kills, {appended} events; from its start until a job was live: p50 {:?}, p99 {:?}",
        percentile(&mut caught_up, 50),
        percentile(&mut caught_up, 99)
    );
    check(&folder, &site, appended);
}

fn check(folder: &Folder, site: &Site, appended: u64) {
    // Every event is in one epoch, and is accounted for.
    let bindings = site.results.bindings(0, usize::MAX).unwrap();
    assert_eq!(bindings[0].epoch, 0, "all bindings are kept for a day");
    for pair in bindings.windows(2) {
        let gaps = pair[0].partitions.iter().zip(&pair[1].partitions).find(|(a, b)| a.hi != b.lo);
        assert_eq!(gaps, None);
    }
    assert!(bindings.iter().all(|b| b.counts.balances()));
    assert_eq!(bindings.iter().map(|b| b.counts.read).sum::<u64>(), appended);
    let state = site.results.state().unwrap();
    assert_eq!(state.committed.map(|p| p.epoch), state.bound, "everything is committed");
    // The committed output is that of an uninterrupted job over the same bindings.
    folder.done(
        "replay --from log --data-dir d --to again.jsonl --alerts alerts.jsonl --dead-letters \
         dead.jsonl --workers 1",
    );
    let last = state.bound.unwrap();
    let (results, _) =
        site.records(&[Topic::ProcessedMetrics, Topic::Sessions], Position::default());
    let committed: Vec<_> = results.iter().map(|r| (r.epoch, line_of(r))).collect();
    let again: Vec<_> = folder
        .text("again.jsonl")
        .lines()
        .filter(|line| !line.contains(r#""state":"provisional""#))
        .map(|line| (epoch_of(line), line.to_owned()))
        .filter(|(epoch, _)| *epoch <= last)
        .map(|(epoch, line)| (epoch, if is_retracted(&line) { key_of(&line) } else { line }))
        .collect();
    assert!(committed.len() > 100, "{}", committed.len());
    same(sorted(committed), sorted(again));
    let (alerts, _) = site.records(&[Topic::Alerts], Position::default());
    let again = folder.text("alerts.jsonl");
    let again: Vec<_> = again.lines().map(|l| (epoch_of(l), l.to_owned())).collect();
    let again = again.into_iter().filter(|(epoch, _)| *epoch <= last).collect();
    same(sorted(alerts.iter().map(|r| (r.epoch, line_of(r))).collect()), sorted(again));
    let (letters, _) = site.records(&[Topic::DeadLetters], Position::default());
    assert_eq!(letters.len(), folder.text("dead.jsonl").lines().count());
    // Nothing stands twice under one key.
    let mut stands = BTreeMap::new();
    for record in &results {
        let before = stands.insert(record.key.clone(), record.value.clone());
        assert_ne!(before.as_ref(), Some(&record.value), "{:?}", line_of(record));
    }
}

/// A transaction keeps its topics one after the other: within an epoch their order is
/// theirs.
fn sorted(mut lines: Vec<(u64, String)>) -> Vec<(u64, String)> {
    lines.sort();
    lines
}

fn same(got: Vec<(u64, String)>, expected: Vec<(u64, String)>) {
    let differs = got.iter().zip(&expected).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(got.len(), expected.len());
}

/// The value, or of what has ended its key.
fn line_of(record: &Record) -> String {
    let bytes = record.value.as_ref().unwrap_or(&record.key);
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

fn epoch_of(line: &str) -> u64 {
    json(line)["epoch"].as_u64().unwrap()
}

fn is_retracted(line: &str) -> bool {
    !line.contains("alertId") && line.contains(r#""state":"retracted""#)
}

/// The key of a result's line, given that nothing in it needs encoding.
fn key_of(line: &str) -> String {
    let record = json(line);
    let dimensions = record["dimensions"].as_object().unwrap();
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
    let dimensions: Vec<_> = dimensions.iter().map(|(k, v)| format!("{k}={}", text(v))).collect();
    let metric = text(&record["metricType"]);
    let end = if metric == "SESSION" { String::new() } else { record["windowEnd"].to_string() };
    format!("{metric}|{}|{end}|{}", record["windowStart"], dimensions.join(","))
}
