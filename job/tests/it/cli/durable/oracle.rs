//! What was committed, beside what the oracle finds in the log.

use super::super::super::oracle::{Rule, Settings, When, finals, judge};
use super::super::super::properties::final_line;
use super::{LATENESS_MS, PARTITIONS, SESSION_GAP_MS, Site};
use std::collections::BTreeMap;
use streamgauge_ingest::log::Position as LogPosition;
use streamgauge_sink::results::{Position, Topic};

pub(super) fn check(site: &Site) {
    let settings = Settings {
        partitions: PARTITIONS,
        lateness_ms: LATENESS_MS,
        session_gap_ms: SESSION_GAP_MS,
        rules: rules(),
        ..Settings::default()
    };
    let judged = judge(&values(site), &settings);
    let finals = finals(&judged, &settings);
    let expected = &finals.results;
    let results = standing(site, &[Topic::ProcessedMetrics, Topic::Sessions]);
    for (key, value) in &results {
        let line = final_line(value);
        assert_eq!(expected.get(key), Some(&line), "committed, and the oracle has another");
    }
    // What had not come to its end before the job ended is not there yet.
    let bound = site.results.state().unwrap().bound.unwrap();
    let watermark_ms = site.results.bindings(bound, 1).unwrap()[0].watermark_ms;
    let is_over = |line: &str| end_ms(line) + SESSION_GAP_MS < watermark_ms;
    let missing = expected.iter().find(|(key, l)| is_over(l) && !results.contains_key(*key));
    assert_eq!(missing, None, "at watermark {watermark_ms}");
    let alerts = standing(site, &[Topic::Alerts]);
    let firing = alerts.values().filter(|alert| alert.contains(r#""state":"firing""#));
    let firing: BTreeMap<String, &str> = firing.map(|alert| by_id(alert)).collect();
    // An alert of a sequence counts from after its end, as a session does.
    let is_sequence = |line: &str| line.contains(r#""rule":"left_the_cart""#);
    let is_over = |line: &&String| end_ms(line) + i64::from(is_sequence(line)) <= watermark_ms;
    let over = finals.alerts.iter().filter(is_over);
    let over: BTreeMap<String, &str> = over.map(|alert| by_id(alert)).collect();
    for rule in ["high_bounce_rate", "many_bounce", "left_the_cart"] {
        let of_rule = |alerts: &BTreeMap<String, &str>| {
            let name = format!(r#""rule":"{rule}""#);
            alerts.values().filter(|line| line.contains(&name)).count()
        };
        assert_eq!(of_rule(&firing), of_rule(&over), "alerts of {rule} that fire");
    }
    for (id, line) in &over {
        let got = firing.get(id).and_then(|got| got.split(r#","epoch""#).next());
        assert_eq!(got, line.strip_suffix('}'), "an alert of the oracle");
    }
    let firing = firing.len();
    let (letters, _) = site.records(&[Topic::DeadLetters], Position::default());
    assert_eq!(letters.len(), finals.dead_letters.len(), "dead letters");
    println!(
        "as the oracle says: {} results, {firing} alerts, {} dead letters",
        results.len(),
        letters.len()
    );
}

/// The rules of [`super::RULES`].
fn rules() -> Vec<Rule> {
    let bounce = When::Threshold {
        metric: "BOUNCE_RATE".to_owned(),
        above: true,
        limit: 60_000_000,
        windows: 2,
    };
    let left = When::Sequence {
        first: "/cart".to_owned(),
        then: "CONVERSION".to_owned(),
        without: true,
        within_ms: 3_000,
    };
    let rules = [("many_bounce", bounce), ("left_the_cart", left)];
    rules.map(|(name, when)| Rule { name: name.to_owned(), when }).into()
}

/// An alert by its id.
fn by_id(line: &str) -> (String, &str) {
    let alert: serde_json::Value = serde_json::from_str(line).unwrap();
    (alert["alertId"].as_str().unwrap().to_owned(), line)
}

/// All records of the log, in the order in which they were appended.
fn values(site: &Site) -> Vec<Vec<u8>> {
    let from: Vec<_> =
        (0..PARTITIONS).map(|partition| LogPosition { partition, offset: 0 }).collect();
    let mut reader = site.log.reader(&from).unwrap();
    let mut all = Vec::new();
    let mut note = |r: streamgauge_ingest::log::Record<'_>| {
        all.push(((r.appended_ms, r.partition, r.offset), r.value.to_vec()));
    };
    while reader.poll(10_000, &mut note).unwrap() > 0 {}
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, value)| value).collect()
}

/// The last value of each key that has one.
fn standing(site: &Site, topics: &[Topic]) -> BTreeMap<String, String> {
    let mut standing = BTreeMap::new();
    for record in site.records(topics, Position::default()).0 {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        match record.value {
            Some(value) => drop(standing.insert(text(record.key), text(value))),
            None => drop(standing.remove(&text(record.key))),
        }
    }
    standing
}

fn end_ms(line: &str) -> i64 {
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["windowEnd"].as_i64().unwrap()
}
