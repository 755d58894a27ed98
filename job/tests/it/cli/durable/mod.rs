//! A job over a data directory, killed again and again.
//!
//! The short form kills it a few times; with `STREAMGAUGE_LONG` a hundred times, and it
//! says how long a new job took to catch up. What it has committed is held against an
//! uninterrupted job over the same bindings, against the oracle over the log, and against
//! the history, whose gateway is killed now and then, too.

mod again;
mod growth;
mod kafka;
mod oracle;
mod outages;
mod services;
mod shows;
pub(super) mod store;
mod takeover;

use super::{Folder, ended, influx, signal};
use shows::{Running, Shows};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::log::{EmbeddedLog, EventLog, LogError, Retention};
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{EmbeddedResults, Position, Record, ResultError, ResultLog, Topic};
use streamgauge_sink::store::{EMBEDDED_FILE_NAME, EmbeddedHistory, HistoryStore, InfluxHistory};

pub(super) const PARTITIONS: u32 = 12;
/// Windows are short, so that state is dropped while the test runs.
pub(super) const TIMES: &str =
    "[time]\nlateness = \"10s\"\nsession_gap = \"5s\"\n[checkpoint]\nevery = \"1s\"\n";
/// Rules of each kind, whose texts are those of the oracle.
pub(super) const RULES: &str = r#"
[[alert]]
name = "many_bounce"
metric = "BOUNCE_RATE"
above = 60
windows = 2
severity = "HIGH"
title = "{rule}"
description = "{value} {threshold}"

[[alert]]
name = "left_the_cart"
first = "/cart"
without = "CONVERSION"
within = "3s"
severity = "HIGH"
title = "{rule}"
description = "{value} {threshold}"
"#;
/// Those of the settings above, ms.
const LATENESS_MS: i64 = 10_000;
const SESSION_GAP_MS: i64 = 5_000;

pub(super) fn is_long() -> bool {
    std::env::var_os("STREAMGAUGE_LONG").is_some()
}

pub(super) fn started(folder: &Folder, line: &str) -> Child {
    let mut command = folder.command(line);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect(line)
}

/// The logs of a site, looked at from outside.
pub(super) struct Site {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) results: Arc<dyn ResultLog>,
}

impl Site {
    pub(super) fn open(folder: &Folder) -> Self {
        let clock = Arc::new(ManualClock::new(0));
        let directory = folder.path("d");
        std::fs::create_dir_all(&directory).unwrap();
        let retention = Retention::default();
        let log = EmbeddedLog::open(&directory, PARTITIONS, retention, Sync::Normal, clock.clone());
        let results = EmbeddedResults::open(&directory, Sync::Normal, clock);
        Self { log: Arc::new(log.unwrap()), results: Arc::new(results.unwrap()) }
    }

    pub(super) fn appended(&self) -> u64 {
        let is_away = |error: &LogError| matches!(error, LogError::Away { .. });
        let bounds = patiently(is_away, || self.log.all_bounds());
        bounds.iter().map(|bounds| bounds.end).sum()
    }

    pub(super) fn records(&self, topics: &[Topic], from: Position) -> (Vec<Record>, Position) {
        let mut reader = patiently(is_away, || self.results.reader(topics, from.clone()));
        let mut all = Vec::new();
        let mut note = |s: streamgauge_sink::results::Stored<'_>| {
            let (topic, epoch, key) = (s.topic, s.epoch, s.key.to_vec());
            all.push(Record { topic, epoch, key, value: s.value.map(<[u8]>::to_vec) });
        };
        while patiently(is_away, || reader.poll(1_000, &mut note)) > 0 {}
        let position = reader.position();
        (all, position)
    }

    /// The number of a writer after `writer` that is live, if its status since `from` says
    /// so.
    pub(super) fn live_after(&self, writer: u64, from: &mut Position) -> Option<u64> {
        let (statuses, position) = self.records(&[Topic::JobStatus], from.clone());
        *from = position;
        statuses.into_iter().find_map(|status| {
            let status: serde_json::Value = serde_json::from_slice(&status.value.unwrap()).unwrap();
            let number = status["writer"].as_u64().unwrap();
            (number > writer && status["state"] == "live").then_some(number)
        })
    }

    /// What the last status of a writer after `writer` says, once it is live: its number.
    fn wait_until_live(&self, writer: u64) -> u64 {
        let until = Instant::now() + Duration::from_secs(60);
        let mut from = Position::default();
        loop {
            if let Some(number) = self.live_after(writer, &mut from) {
                return number;
            }
            assert!(Instant::now() < until, "no job after writer {writer} is live");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until all that was appended is bound; how much that is.
    pub(super) fn wait_until_read(&self) -> u64 {
        let appended = self.appended();
        let until = Instant::now() + Duration::from_secs(if is_long() { 900 } else { 120 });
        loop {
            let bound = patiently(is_away, || self.results.state()).bound.unwrap_or(0);
            let last = patiently(is_away, || self.results.bindings(bound, 1)).pop();
            let read: u64 = last.map_or(0, |b| b.partitions.iter().map(|p| p.hi).sum());
            if read == appended {
                return appended;
            }
            assert!(Instant::now() < until, "{read} of {appended} were read");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Holds what was committed against an uninterrupted job in one process over the same
    /// bindings, and against the oracle.
    pub(super) fn check(&self, folder: &Folder, appended: u64) {
        again::check(folder, self, appended);
        oracle::check(self);
    }
}

fn is_away(error: &ResultError) -> bool {
    matches!(error, ResultError::Away { .. })
}

/// Asks again while brokers are away, or so busy that they do not answer, for a minute.
fn patiently<T, E: std::fmt::Debug>(
    is_away: impl Fn(&E) -> bool,
    mut ask: impl FnMut() -> Result<T, E>,
) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match ask() {
            Err(error) if is_away(&error) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(500));
            }
            answer => return answer.unwrap(),
        }
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

#[test]
fn killed_again_and_again_it_commits_what_an_uninterrupted_job_commits() {
    killed_again_and_again("", embedded_history);
}

/// The history in the directory of a site.
fn embedded_history(folder: &Folder) -> Box<dyn HistoryStore> {
    let path = folder.path("d").join(EMBEDDED_FILE_NAME);
    Box::new(EmbeddedHistory::open(&path).unwrap())
}

#[test]
#[ignore = "needs an InfluxDB"]
fn killed_again_and_again_influxdb_has_what_was_committed() {
    let settings = influx::settings();
    let history = InfluxHistory::new(&settings).unwrap();
    killed_again_and_again(&influx::toml(&settings), move |_| Box::new(history));
}

fn killed_again_and_again(toml: &str, history: impl FnOnce(&Folder) -> Box<dyn HistoryStore>) {
    let folder = Folder::new();
    folder.put("streamgauge.toml", format!("{TIMES}{RULES}{toml}").as_bytes());
    let kills = if is_long() { 100 } else { 5 };
    let site = Site::open(&folder);
    kill_again_and_again(&folder, &site, kills, |_, _| {}, history);
}

/// Kills a job over a site so often, under load, each time with another number of workers;
/// `meanwhile` may do what it likes to each that is live.
fn kill_again_and_again(
    folder: &Folder,
    site: &Site,
    kills: u64,
    mut meanwhile: impl FnMut(u64, &mut Child),
    history: impl FnOnce(&Folder) -> Box<dyn HistoryStore>,
) {
    let rate = 2_000;
    let line = format!(
        "simulate --to log --data-dir d --rate {rate} --late-share 0.01 --malformed-share 0.005 \
         --duplicate-share 0.01"
    );
    let simulator = started(folder, &line);
    let mut shows = Shows::over(folder);
    let mut writer = 0;
    let mut caught_up = Vec::new();
    for kill in 0..kills {
        let workers = 1 + kill % 3;
        let began = Instant::now();
        let mut job = started(folder, &format!("job --data-dir d --workers {workers}"));
        writer = site.wait_until_live(writer);
        caught_up.push(began.elapsed());
        thread::sleep(Duration::from_millis(300 + kill * 7_919 % 2_500));
        meanwhile(kill, &mut job);
        job.kill().unwrap();
        job.wait().unwrap();
        if kill % 5 == 2 {
            drop(shows);
            shows = Shows::over(folder);
        }
    }
    signal(simulator.id(), "TERM");
    assert_eq!(ended(simulator, &line).code, Some(0));
    let job = started(folder, "job --data-dir d --workers 2");
    site.wait_until_live(writer);
    let appended = site.wait_until_read();
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
    site.check(folder, appended);
    store::check(history(folder).as_ref(), site);
}
