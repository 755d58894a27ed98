//! One late event on its way through everything: which records it changes, and that it
//! changes no other. The story is told in ARCHITECTURE.md.

use super::Folder;
use std::collections::BTreeMap;

/// 2024-03-11T10:00:00Z.
const TEN_MS: i64 = 1_710_151_200_000;

const RULES: &str = r#"
[[alert]]
name = "bounces"
metric = "BOUNCE_RATE"
above = 50

[[alert]]
name = "fills_a_cart"
first = "/products/*"
then = "/cart"
within = "1m"
"#;

/// An event of a user, so many seconds after ten.
fn event(user: &str, second: i64, rest: &str) -> String {
    let at_ms = TEN_MS + second * 1_000;
    format!(r#"{{"timestamp":{at_ms},"userId":"{user}","sessionId":"s-{user}",{rest}}}"#)
}

fn view(user: &str, second: i64, url: &str) -> String {
    let rest = format!(
        r#""eventType":"PAGE_VIEW","pageViewData":{{"url":"{url}","pageLoadTime":100}},"sessionData":{{"country":"DE","city":"Bonn","deviceType":"MOBILE","browser":"b","os":"o"}}"#
    );
    event(user, second, &rest)
}

/// What the story is: ann looks at a product and leaves, bob does this and that around
/// her, and six minutes later, long after all of it was published, her view of the cart
/// arrives.
fn story() -> Vec<String> {
    let end = |user, second| event(user, second, r#""eventType":"SESSION_END""#);
    vec![
        view("bob", 1, "/"),
        view("ann", 3, "/products/1"),
        view("bob", 12, "/products/2"),
        end("ann", 21),
        view("bob", 55, "/cart"),
        end("bob", 90),
        // It makes the watermark pass 10:06.
        view("cid", 366, "/"),
        view("cid", 367, "/"),
        view("ann", 12, "/cart"),
    ]
}

/// The changes of the last event, by key: the line, and what it replaces.
fn changes() -> BTreeMap<String, (serde_json::Value, Option<serde_json::Value>)> {
    let folder = Folder::new();
    folder.put("streamgauge.toml", RULES.as_bytes());
    let story = story();
    folder.put("story.jsonl", story.join("\n").as_bytes());
    folder.done(
        "replay --from story.jsonl --to changes.jsonl --alerts alerts.jsonl --partitions 1 --epoch-records 1",
    );
    let mut shown = BTreeMap::new();
    let mut changes = BTreeMap::new();
    let last = u64::try_from(story.len()).unwrap() - 1;
    for file in ["changes.jsonl", "alerts.jsonl"] {
        for line in folder.text(file).lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let key = key(&record);
            let epoch = record["epoch"].as_u64().unwrap();
            let before = shown.insert(key.clone(), record.clone());
            if epoch == last {
                changes.insert(key, (record, before));
            }
        }
    }
    changes
}

/// Type (or rule), end of the window in seconds after ten, dimensions.
fn key(record: &serde_json::Value) -> String {
    let name = record["metricType"].as_str().or(record["rule"].as_str()).unwrap();
    let second = (record["windowEnd"].as_i64().unwrap() - TEN_MS) / 1_000;
    let of = match record["dimensions"].as_object() {
        Some(dimensions) => dimensions.values().filter_map(|v| v.as_str()).collect(),
        None => record["userId"].as_str().unwrap_or_default().to_owned(),
    };
    format!("{name} {second} {of}")
}

#[test]
fn a_late_event_changes_what_follows_from_it_and_nothing_else() {
    let changes = changes();
    let mut expected: Vec<String> = Vec::new();
    // The five seconds in which it lies: bob was in them, too, and she is new.
    expected.extend(["PAGE_VIEWS_PER_SECOND 15 ", "ACTIVE_USERS 15 "].map(str::to_owned));
    // The minutes that contain its ten seconds. Who was active and who converted does not
    // change, for she was there before.
    for end in [20, 30, 40, 50, 60, 70] {
        let lists = ["POPULAR_CONTENT", "GEO_DISTRIBUTION", "DEVICES", "BROWSERS", "OS"];
        let lists = lists.into_iter().chain(["REFERRERS", "PAGE_LOAD_TIME"]);
        expected.extend(lists.map(|list| format!("{list} {end} ")));
    }
    // Her session: no bounce any more, a journey of two, a funnel given up at its second
    // step. In the hours that have closed, and in the one that runs.
    expected.push("SESSION 21 s-annann".to_owned());
    expected.push("BOUNCE_RATE 25 ".to_owned());
    for metric in ["JOURNEYS 300 ", "FUNNEL 300 checkout", "BEHAVIOUR 300 "] {
        expected.push(metric.to_owned());
    }
    expected.push("ABANDONMENT_RATE 300 checkout".to_owned());
    // Alerts: hers and the one on the bounce rate are taken back, and one is new.
    expected.push("high_bounce_rate 300 ann".to_owned());
    expected.push("bounces 25 ".to_owned());
    expected.push("fills_a_cart 12 ann".to_owned());
    expected.sort();
    let got: Vec<&String> = changes.keys().collect();
    assert_eq!(got, expected.iter().collect::<Vec<_>>());
    for (key, (record, before)) in &changes {
        let state = record["state"].as_str().unwrap();
        let expected = match key.as_str() {
            "high_bounce_rate 300 ann" | "bounces 25 " => "retracted",
            "fills_a_cart 12 ann" => "firing",
            _ => "corrected",
        };
        assert_eq!(state, expected, "{key}");
        assert_eq!(before.is_some(), key != "fills_a_cart 12 ann", "{key}");
    }
}

#[test]
fn what_it_changes_becomes_what_it_would_be_had_it_come_in_time() {
    let mut in_time = story();
    let late = in_time.pop().unwrap();
    in_time.insert(3, late);
    let finals = |story: &[String]| {
        let folder = Folder::new();
        folder.put("streamgauge.toml", RULES.as_bytes());
        folder.put("story.jsonl", story.join("\n").as_bytes());
        folder.done(
            "replay --from story.jsonl --to r.jsonl --alerts a.jsonl --partitions 1 --final-only",
        );
        (folder.text("r.jsonl"), folder.text("a.jsonl"))
    };
    assert_eq!(finals(&story()), finals(&in_time));
}
