//! `replay --days`: the results over days beside all others.

use super::Folder;

/// 2026-03-29T00:30:00Z: in Berlin half an hour before the clocks are set forward.
const NIGHT_MS: i64 = 1_774_744_200_000;

fn events() -> String {
    let view = |user: &str, minute: i64, url: &str| {
        let at_ms = NIGHT_MS + minute * 60_000;
        format!(
            r#"{{"timestamp":{at_ms},"userId":"{user}","sessionId":"s","eventType":"PAGE_VIEW","pageViewData":{{"url":"{url}"}}}}"#
        )
    };
    [
        view("ann", 0, "/?utm_source=news&utm_medium=mail"),
        view("ann", 20, "/b"),
        view("bob", 90, "/?utm_source=news&utm_medium=mail"),
        // 23:50 of that day in Berlin, and a quarter past midnight.
        view("bob", 1_280, "/"),
        view("cid", 1_305, "/"),
    ]
    .join("\n")
}

fn replayed(config: &str, flags: &str) -> (String, serde_json::Value) {
    let folder = Folder::new();
    folder.put("streamgauge.toml", config.as_bytes());
    folder.put("events.jsonl", events().as_bytes());
    let ran = folder.done(&format!(
        "replay --from events.jsonl --to results.jsonl --final-only --summary json {flags}"
    ));
    let summary = ran.stderr.lines().last().unwrap();
    (folder.text("results.jsonl"), serde_json::from_str(summary).unwrap())
}

#[test]
fn days_are_beside_all_others() {
    let (without, summary) = replayed("", "");
    assert!(!without.contains("DAY_"), "{without}");
    assert!(summary["results"].get("DAY_VISITORS").is_none(), "{summary}");
    let (with, summary) = replayed("", "--days");
    let others: Vec<_> =
        with.lines().filter(|line| !line.contains(r#""category":"day""#)).collect();
    assert_eq!(others, without.lines().collect::<Vec<_>>());
    assert_eq!(summary["results"]["DAY_VISITORS"], 1, "{summary}");
    assert_eq!(summary["results"]["DAY_REVENUE"], 0, "{summary}");
}

#[test]
fn a_day_is_one_of_the_time_zone() {
    let (results, _) = replayed("[site]\ntime_zone = \"Europe/Berlin\"\n", "--days");
    // It has 23 hours.
    let day =
        r#""category":"day","windowStart":1774738800000,"windowEnd":1774821600000,"dimensions":{}"#;
    let next =
        r#""category":"day","windowStart":1774821600000,"windowEnd":1774908000000,"dimensions":{}"#;
    let holds = |line: String| {
        assert!(results.lines().any(|l| l == line), "{line}\nis not in\n{results}");
    };
    holds(format!(r#"{{"metricType":"DAY_VISITORS",{day},"value":2,"count":4,"state":"final"}}"#));
    holds(format!(r#"{{"metricType":"DAY_VISITORS",{next},"value":1,"count":1,"state":"final"}}"#));
    holds(format!(
        r#"{{"metricType":"DAY_CAMPAIGNS",{day},"items":[{{"source":"news","medium":"mail","campaign":"(none)","views":2,"users":2}}],"other":0,"count":2,"state":"final"}}"#
    ));
    holds(format!(
        r#"{{"metricType":"DAY_HOURS",{day},"items":[{{"hour":1,"start":1774742400000,"views":2,"users":1}},{{"hour":3,"start":1774749600000,"views":1,"users":1}},{{"hour":22,"start":1774818000000,"views":1,"users":1}}],"count":4,"state":"final"}}"#
    ));
    // Sessions are of the day in which they ended: half an hour after their last view,
    // so that of 23:50 is one of the next day.
    holds(format!(r#"{{"metricType":"DAY_SESSIONS",{day},"value":2,"count":2,"state":"final"}}"#));
    holds(format!(r#"{{"metricType":"DAY_SESSIONS",{next},"value":2,"count":2,"state":"final"}}"#));
}

#[test]
fn a_time_zone_that_does_not_exist_is_refused_with_the_nearest() {
    let folder = Folder::new();
    folder.put("streamgauge.toml", b"[site]\ntime_zone = \"Europe/Berlim\"\n");
    folder.put("events.jsonl", events().as_bytes());
    let ran = folder.run("replay --from events.jsonl --to none --days");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for word in ["site.time_zone", "Europe/Berlim", "Europe/Berlin"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
}

#[test]
fn fifty_places_are_told_and_what_is_in_none() {
    let view = |user: usize, page: usize| {
        let at_ms = NIGHT_MS + i64::try_from(user).unwrap();
        format!(
            r#"{{"timestamp":{at_ms},"userId":"u{user}","sessionId":"s","eventType":"PAGE_VIEW","pageViewData":{{"url":"/{page:02}"}}}}"#
        )
    };
    // Two views of each of the first forty pages, one of each of twenty more.
    let events = (0..100).map(|i| view(i, if i < 80 { i / 2 } else { i - 40 }));
    let folder = Folder::new();
    folder.put("events.jsonl", events.collect::<Vec<_>>().join("\n").as_bytes());
    folder.done("replay --from events.jsonl --to results.jsonl --final-only --days");
    let results = folder.text("results.jsonl");
    for metric in ["DAY_PAGES", "DAY_ENTRY_PAGES"] {
        let line = results.lines().find(|line| line.contains(&format!("\"{metric}\""))).unwrap();
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let items = record["items"].as_array().unwrap();
        assert_eq!(items.len(), 50, "{record}");
        assert_eq!(items[49], serde_json::json!({"name": "/49", "views": 1, "users": 1}));
        assert_eq!((&record["other"], &record["count"]), (&10.into(), &100.into()), "{record}");
    }
}
