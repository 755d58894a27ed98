//! Lists with more values than they have places, and percentiles of many values.

use super::log::{START_MS, text};
use super::{Folder, objects};
use serde_json::{Value, json};

/// A page view with these objects, each of a user of its own.
fn view(user: usize, rest: &str) -> String {
    format!(r#"{{"timestamp":{START_MS},"eventType":"PAGE_VIEW","userId":"u{user}",{rest}}}"#)
}

/// The record of a type in the first window, the same for any number of workers.
fn first_window(views: &[String], metric: &str) -> Value {
    let folder = Folder::new();
    folder.put("events", &text(views));
    let of_workers = |workers: usize| {
        folder.done(&format!("replay --from events --to r --final-only --workers {workers}"));
        let results = objects(&folder.get("r"));
        let first = results.into_iter().find(|result| result["metricType"] == metric);
        first.expect(metric)
    };
    let record = of_workers(1);
    assert_eq!(of_workers(3), record);
    record
}

#[test]
fn three_hundred_countries_have_a_place() {
    let country = |i: usize| format!(r#""sessionData":{{"country":"c{i:03}"}}"#);
    let views: Vec<_> = (0..401).map(|i| view(i, &country(i.min(399)))).collect();
    let record = first_window(&views, "GEO_DISTRIBUTION");
    let items = record["items"].as_array().unwrap();
    assert_eq!(items.len(), 300);
    assert_eq!(items[0], json!({"country": "c399", "views": 2, "users": 2}));
    assert_eq!(items[299], json!({"country": "c298", "views": 1, "users": 1}));
    assert_eq!((&record["other"], &record["count"]), (&json!(100), &json!(401)));
    let cities = record["cities"].as_array().unwrap();
    assert_eq!(cities.len(), 20);
    let last = json!({"country": "c018", "city": "(unknown)", "views": 1, "users": 1});
    assert_eq!(cities[19], last);
}

#[test]
fn twenty_pages_have_a_place() {
    for (pages, other) in [(19, 0), (20, 0), (21, 1), (50, 30)] {
        let page = |i: usize| format!(r#""pageViewData":{{"url":"/{i:02}"}}"#);
        let views: Vec<_> = (0..pages).map(|i| view(i, &page(i))).collect();
        let record = first_window(&views, "POPULAR_CONTENT");
        let items = record["items"].as_array().unwrap();
        assert_eq!(items.len(), pages.min(20));
        assert!(items.iter().zip(0..).all(|(item, i)| item["url"] == format!("/{i:02}")));
        assert_eq!((&record["other"], &record["count"]), (&json!(other), &json!(pages)));
    }
}

#[test]
fn percentiles_are_by_nearest_rank_over_values_as_kept() {
    let time = |ms: usize| format!(r#""pageViewData":{{"pageLoadTime":{ms}}}"#);
    for (most, [p50, p95, p99]) in
        [(1, [1, 1, 1]), (2, [1, 2, 2]), (100, [50, 95, 99]), (1_000, [500, 948, 988])]
    {
        let views: Vec<_> = (1..=most).map(|ms| view(ms, &time(ms))).collect();
        let record = first_window(&views, "PAGE_LOAD_TIME");
        let got = [&record["p50"], &record["p95"], &record["p99"], &record["count"]];
        assert_eq!(got, [&json!(p50), &json!(p95), &json!(p99), &json!(most)]);
    }
}
