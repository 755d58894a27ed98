//! `explain`: whatever was published agrees with the log, adds up, and where something
//! was changed it says so.

mod agreement;
mod changed;
mod faults;
mod usage;

use super::durable::{PARTITIONS, Site, started};
use super::log::{START_MS, log};
use super::{Folder, ended, signal};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge::config::Config;
use streamgauge::dataflow::Settings;
use streamgauge::explain::{Explainer, Explanation, Key, Origin, Rules};
use streamgauge::publish::Output;
use streamgauge::settings::{deciding, funnels, input_settings, windows};
use streamgauge_ingest::clock::{Clock, ManualClock};
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::log::{EmbeddedLog, EventLog, NewRecord, Retention};
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{Position, Topic};

/// Everything that can leave a record out, sessions that end, and a day that does: there
/// it is midnight an hour after the first event.
const SETTINGS: &str = "[input]\ndedup = \"on\"\n[time]\nsession_gap = \"3m\"\n\
    [checkpoint]\nevery = \"1s\"\n[site]\ntime_zone = \"Atlantic/Cape_Verde\"\n";

/// Rules of both kinds, over results of every kind.
const RULES: &str = r#"
[[alert]]
name = "bought"
first = "/cart"
then = "CONVERSION"
within = "10m"
[[alert]]
name = "left"
first = "/cart"
without = "/checkout"
within = "5m"
[[alert]]
name = "on"
first = "PAGE_VIEW"
then = "PAGE_VIEW"
within = "1m"
[[alert]]
name = "busy"
metric = "ACTIVE_USERS"
above = 2
windows = 2
[[alert]]
name = "quiet"
metric = "ACTIVE_USERS_5M"
below = 33
windows = 3
[[alert]]
name = "bounced"
metric = "BOUNCE_RATE"
above = 50
[[alert]]
name = "unsold"
metric = "CONVERSION_RATE"
below = 12.5
windows = 2
[[alert]]
name = "rich"
metric = "REVENUE_PER_USER"
above = 10
windows = 2
[[alert]]
name = "abandoned"
metric = "ABANDONMENT_RATE"
above = 10
"#;

/// The names of their alerts.
const SEQUENCES: [&str; 3] = ["BOUGHT", "LEFT", "ON"];
const THRESHOLDS: [&str; 6] = ["BUSY", "QUIET", "BOUNCED", "UNSOLD", "RICH", "ABANDONED"];

/// A directory in which a job has worked through a recorded afternoon, in pieces, so that
/// late events correct what was published.
fn worked(records: usize) -> (Folder, Site) {
    let folder = Folder::new();
    folder.put("streamgauge.toml", format!("{SETTINGS}{RULES}").as_bytes());
    let site = Site::open(&folder);
    let job = started(&folder, "job --data-dir d --workers 2");
    // Partitions that have no user are idle after 5 s; until then they hold everything.
    thread::sleep(Duration::from_millis(5_500));
    let text = with_campaigns(log(records));
    let lines: Vec<&[u8]> = super::lines(&text);
    // What is appended is appended when it happened, but for what is late.
    let clock = Arc::new(ManualClock::new(START_MS));
    let retention = Retention::default();
    let log =
        EmbeddedLog::open(&folder.path("d"), PARTITIONS, retention, Sync::Normal, clock.clone());
    let log = log.unwrap();
    for piece in lines.chunks(records.div_ceil(24)) {
        let latest = |line: &&[u8]| {
            let event: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
            event["timestamp"].as_i64().unwrap_or(0)
        };
        let latest = piece.iter().map(latest).max().unwrap_or(0);
        clock.advance((latest - clock.now_ms()).max(0));
        append(&log, piece);
        thread::sleep(Duration::from_millis(120));
    }
    let appended = site.appended();
    let until = Instant::now() + Duration::from_secs(60);
    while bound(&site) < appended {
        assert!(Instant::now() < until, "{} of {appended} were read", bound(&site));
        thread::sleep(Duration::from_millis(20));
    }
    // Corrections come once a second.
    thread::sleep(Duration::from_millis(1_200));
    signal(job.id(), "TERM");
    let ran = ended(job, "job");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    (folder, site)
}

/// The same, where some page views come from campaigns.
fn with_campaigns(log: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(log).unwrap();
    text.replace("?color=blue", "?color=blue&utm_source=mail&utm_campaign=a+b").into_bytes()
}

fn append(log: &EmbeddedLog, lines: &[&[u8]]) {
    let record = |line: &&'_ [u8]| {
        let event: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        let key = event["userId"].as_str().or(event["sessionId"].as_str()).unwrap_or_default();
        partition_of(key, PARTITIONS)
    };
    let new: Vec<_> = lines
        .iter()
        .map(|line| NewRecord { partition: record(line), key: b"", value: line })
        .collect();
    log.append(&new).unwrap();
}

fn bound(site: &Site) -> u64 {
    let Some(last) = site.results.state().unwrap().bound else { return 0 };
    let last = site.results.bindings(last, 1).unwrap().pop();
    last.map_or(0, |b| b.partitions.iter().map(|p| p.hi).sum())
}

/// The last record of every key that ever was, and its topic.
fn published(site: &Site) -> BTreeMap<String, (Topic, Option<String>)> {
    let topics = [Topic::ProcessedMetrics, Topic::Sessions, Topic::Alerts];
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (records, _) = site.records(&topics, Position::default());
    records.into_iter().map(|r| (text(r.key), (r.topic, r.value.map(text)))).collect()
}

/// Explains in this process, with the defaults as the settings that are given: those of
/// the directory are others.
fn explain(site: &Site, keys: &[String], limit: usize) -> Vec<Explanation> {
    let config = Config::defaults();
    let (hash, json) = deciding(&config);
    let clock = ManualClock::new(0);
    let progress = Progress::default();
    let explainer = Explainer {
        origin: Origin::Directory { log: &*site.log, results: &*site.results, clock: &clock },
        given: Rules {
            input: input_settings(&config, PARTITIONS),
            dataflow: Settings {
                windows: windows(&config, false),
                funnels: funnels(&config),
                alerts: Vec::new(),
                output: Output { provisional: false, digests: false },
            },
            hash,
            json,
        },
        limit,
        late: false,
        progress: &progress,
    };
    let keys: Vec<_> = keys.iter().map(|key| Key::parse(key).unwrap()).collect();
    explainer.explain(&keys).unwrap()
}
