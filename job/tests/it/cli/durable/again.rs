//! What was committed, beside what an uninterrupted job commits over the same bindings.

use super::super::Folder;
use super::Site;
use std::collections::BTreeMap;
use streamgauge_sink::results::{Position, Record, Topic};

pub(super) fn check(folder: &Folder, site: &Site, appended: u64) {
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
