//! Other alert rules on a directory that has data.

use super::{Folder, ended, signal};
use std::process::Child;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_ingest::decode::partition_of;
use streamgauge_ingest::log::{EmbeddedLog, EventLog, NewRecord, Retention};
use streamgauge_ingest::sqlite::Sync;
use streamgauge_sink::results::{EmbeddedResults, Position, ResultLog, Topic};

const PARTITIONS: u32 = 12;
const START_MS: i64 = 1_750_000_000_000;
const TIMES: &str = "[time]\nlateness = \"1h\"\n[checkpoint]\nevery = \"1s\"\n";

fn rule(name: &str, first: &str) -> String {
    format!("[[alert]]\nname = \"{name}\"\nfirst = \"{first}\"\nthen = \"/b\"\nwithin = \"1h\"\n")
}

/// Appends ann's view of a page, so many ms after the start.
fn append_view(folder: &Folder, url: &str, after_ms: i64) {
    let clock = Arc::new(ManualClock::new(START_MS + after_ms));
    let directory = folder.path("d");
    std::fs::create_dir_all(&directory).unwrap();
    let retention = Retention { age_ms: i64::MAX, ..Retention::default() };
    let log = EmbeddedLog::open(&directory, PARTITIONS, retention, Sync::Normal, clock).unwrap();
    let at_ms = START_MS + after_ms;
    let value = format!(
        r#"{{"timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"ann","pageViewData":{{"url":"{url}"}}}}"#
    );
    let partition = partition_of("ann", PARTITIONS);
    log.append(&[NewRecord { partition, key: b"ann", value: value.as_bytes() }]).unwrap();
}

fn job(folder: &Folder, rules: &str) -> Child {
    folder.put("streamgauge.toml", format!("{TIMES}{rules}").as_bytes());
    folder.command("job --data-dir d --workers 2").spawn().unwrap()
}

fn end(job: Child) {
    signal(job.id(), "TERM");
    let ran = ended(job, "job");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// The rules and beginnings of the alerts that there are.
fn alerts(folder: &Folder) -> Vec<(String, i64)> {
    let clock = Arc::new(ManualClock::new(START_MS));
    let results = EmbeddedResults::open(&folder.path("d"), Sync::Normal, clock).unwrap();
    let mut reader = results.reader(&[Topic::Alerts], Position::default()).unwrap();
    let mut all = Vec::new();
    let mut note = |stored: streamgauge_sink::results::Stored<'_>| {
        let alert: serde_json::Value = serde_json::from_slice(stored.value.unwrap()).unwrap();
        let rule = alert["rule"].as_str().unwrap().to_owned();
        all.push((rule, alert["windowStart"].as_i64().unwrap()));
    };
    while reader.poll(1_000, &mut note).unwrap() > 0 {}
    all.retain(|(rule, _)| rule != "high_bounce_rate");
    all
}

#[test]
fn a_rule_goes_on_beside_others_and_a_new_one_begins_anew() {
    let folder = Folder::new();
    append_view(&folder, "/a", 0);
    let first = job(&folder, &rule("z_old", "/a"));
    thread::sleep(Duration::from_millis(2_000));
    end(first);
    // Its place is another now; the one before it wants the same, and has seen nothing.
    append_view(&folder, "/b", 60_000);
    let second = job(&folder, &format!("{}{}", rule("z_old", "/a"), rule("b_new", "/a")));
    let until = Instant::now() + Duration::from_secs(60);
    while alerts(&folder).is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(200));
    }
    end(second);
    assert_eq!(alerts(&folder), [("z_old".to_owned(), START_MS)]);
}
