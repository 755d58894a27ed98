//! What was changed behind the job's back is said to differ, and why.

use super::super::lines;
use super::*;
use serde_json::Value;
use streamgauge::explain::Outcome;
use streamgauge_sink::results::{Record, Transaction};

/// A key of this type whose record is such.
fn key(site: &Site, name: &str, is_such: impl Fn(&Value) -> bool) -> (String, String) {
    let such = |line: &str| is_such(&serde_json::from_str(line).unwrap());
    let mut all = published(site).into_iter().filter_map(|(key, (_, line))| Some((key, line?)));
    all.find(|(key, line)| key.starts_with(&format!("{name}|")) && such(line)).expect(name)
}

fn put(site: &Site, topic: Topic, key: &str, value: Option<&str>) {
    let epoch = site.results.state().unwrap().committed.unwrap().epoch;
    let value = value.map(|value| value.as_bytes().to_vec());
    let record = Record { topic, epoch, key: key.as_bytes().to_vec(), value };
    let transaction = Transaction { records: vec![record], ..Transaction::default() };
    site.results.writer().unwrap().commit(&transaction).unwrap();
}

fn one(site: &Site, key: &str) -> Explanation {
    explain(site, &[key.to_owned()], 5).pop().unwrap()
}

#[test]
fn what_was_changed_differs_and_says_why() {
    let (folder, site) = worked(1_200);
    let (views, line) = key(&site, "PAGE_VIEWS_PER_SECOND", |r| r["count"].as_u64() > Some(0));
    let (session, _) = key(&site, "SESSION", |_| true);
    assert_eq!(one(&site, &views).outcome, Outcome::Agrees);
    // Another value, and none at all.
    let count = serde_json::from_str::<Value>(&line).unwrap()["count"].as_u64().unwrap();
    let other = line.replace(&format!("\"count\":{count}"), &format!("\"count\":{}", count + 1));
    put(&site, Topic::ProcessedMetrics, &views, Some(&other));
    let found = one(&site, &views);
    assert_eq!(found.outcome, Outcome::Differs);
    assert!(found.reasons[0].contains("changed by something else"), "{:?}", found.reasons);
    put(&site, Topic::Sessions, &session, None);
    assert_eq!(one(&site, &session).outcome, Outcome::Differs);
    let line = folder.command("explain --data-dir d").arg(&views).output().unwrap();
    let said = String::from_utf8(line.stderr).unwrap();
    assert_eq!(line.status.code(), Some(1));
    assert!(said.contains("is not what the log gives"), "{said}");
    assert!(String::from_utf8(line.stdout).unwrap().contains("DIFFERS"));
    // A window that no event lies in.
    let (first, _) = key(&site, "POPULAR_CONTENT", |_| true);
    let start: i64 = first.split('|').nth(1).unwrap().parse().unwrap();
    let start = start - 86_400_000;
    let nothing = one(&site, &format!("POPULAR_CONTENT|{start}|{}|", start + 60_000));
    assert_eq!(nothing.outcome, Outcome::NotFound);
    assert_eq!(nothing.near.first(), Some(&first));
    // An alert of a rule that there is not.
    let id = "0123456789abcdef0123456789abcdef";
    let alert = r#"{"alertId":"","windowStart":0,"windowEnd":5,"state":"firing","rule":"gone","ruleVersion":1,"epoch":1}"#;
    put(&site, Topic::Alerts, id, Some(alert));
    let found = one(&site, id);
    assert_eq!(found.outcome, Outcome::NotFound);
    assert!(found.reasons[0].contains("the rule `gone`"), "{:?}", found.reasons);
    // An event that was forged: the log is not what was bound.
    put(&site, Topic::ProcessedMetrics, &views, None);
    let found = one(&site, &views);
    assert_eq!(found.outcome, Outcome::Differs);
    let said = found.reasons.join("; ");
    assert!(said.contains("larger than its topic takes"), "{said}");
}

#[test]
fn what_retention_has_cut_is_said() {
    let (folder, site) = worked(1_200);
    let (views, _) = key(&site, "ACTIVE_USERS", |r| r["count"].as_u64() > Some(0));
    let last = published(&site).into_keys().rfind(|k| k.starts_with("ACTIVE_USERS|")).unwrap();
    // What is appended makes room for itself.
    let clock = Arc::new(ManualClock::new(START_MS));
    let retention = Retention { stored_bytes: 20_000, ..Retention::default() };
    let directory = folder.path("d");
    let small = EmbeddedLog::open(&directory, PARTITIONS, retention, Sync::Normal, clock).unwrap();
    let value = lines(b"{}\n")[0];
    small.append(&[NewRecord { partition: 0, key: b"", value }]).unwrap();
    assert!(site.log.bounds(1).unwrap().start > 0, "something is cut");
    let found = one(&site, &views);
    assert_eq!(found.outcome, Outcome::Differs, "{}", found.json());
    let said = found.reasons.join("; ");
    assert!(said.contains("retention has cut") && said.contains("partition 1 [0, "), "{said}");
    // What came after it agrees.
    let found = one(&site, &last);
    assert_eq!(found.outcome, Outcome::Agrees, "{}", found.json());
}
