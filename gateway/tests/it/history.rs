//! The past, from a store.

use crate::site::{NOW_MS, Site};
use serde_json::json;
use std::sync::{Arc, Mutex};
use streamgauge_sink::store::{FieldValue, Found, History, HistoryQuery, HistoryStore, StoreError};

/// Has a point every 5 s, and notes what it was asked.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<HistoryQuery>>,
    fails: bool,
}

impl HistoryStore for Fake {
    fn history(&self, query: &HistoryQuery) -> Result<History, StoreError> {
        self.asked.lock().unwrap().push(query.clone());
        if self.fails {
            let reason = "no such file".into();
            return Err(StoreError { what: "opening the store".into(), reason });
        }
        let step = usize::try_from(query.step_ms.unwrap_or(5_000)).unwrap();
        let all = (query.from_ms..query.to_ms).step_by(step);
        let value = match query.field.as_str() {
            "count" => FieldValue::Integer(62),
            _ => FieldValue::Float(12.4),
        };
        let points = all.clone().take(query.most).map(|at_ms| (at_ms, value.clone())).collect();
        Ok(History { points, truncated: all.count() > query.most })
    }

    fn moment(&self, _: &[&str], _: i64) -> Result<Vec<Found>, StoreError> {
        Ok(Vec::new())
    }
}

async fn with(store: &Arc<Fake>) -> Site {
    let store = store.clone();
    Site::new().serve(|parts| parts.history = Some(store)).await
}

#[tokio::test]
async fn series_have_flat_names_and_types() {
    let store = Arc::new(Fake::default());
    let site = with(&store).await;
    let path = "/api/v1/history?metrics=pageViewsPerSecond,pageViews,conversionRate,\
        CONVERSION_RATE,revenuePerUser,PAGE_LOAD_TIME.p95&from=1703123450000\
        &to=2023-12-21T01%3A51%3A00Z&step=5s";
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["from"], "2023-12-21T01:50:50.000Z");
    assert_eq!((&answer["step_ms"], &answer["truncated"]), (&json!(5_000), &json!(false)));
    let series = answer["series"].as_array().unwrap();
    let first = |n: usize| series[n]["points"][0].clone();
    assert_eq!(first(0), json!(["2023-12-21T01:50:50.000Z", 12.4]));
    assert_eq!(first(1)[1], 62);
    assert_eq!(first(2)[1], json!(0.124), "a flat name is a fraction");
    assert_eq!(first(3)[1], json!(12.4), "a type is as on the log");
    assert_eq!(series[4]["currency"], "USD");
    assert_eq!(series[0]["points"].as_array().unwrap().len(), 2);
    let asked = store.asked.lock().unwrap();
    let names: Vec<_> = asked.iter().map(|q| (q.measurement.as_str(), q.field.as_str())).collect();
    assert_eq!(names[0], ("page_views_per_second", "value"));
    assert_eq!(names[1], ("page_views_per_second", "count"));
    assert_eq!(names[5], ("page_load_time", "p95"));
    assert_eq!(asked[4].tags, [("currency".to_owned(), "USD".to_owned())]);
    assert!(asked[0].tags.is_empty());
}

#[tokio::test]
async fn the_last_half_hour_is_the_default_and_points_are_bounded() {
    let store = Arc::new(Fake::default());
    let site = with(&store).await;
    let answer = site.get("/api/v1/history?metrics=activeUsers").await.json();
    assert_eq!(answer["series"][0]["points"].as_array().unwrap().len(), 360);
    let asked = store.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.from_ms, asked.to_ms), (NOW_MS - 1_800_000, NOW_MS));
    let answer =
        site.get("/api/v1/history?metrics=activeUsers,bounceRate&from=0&to=1000000000").await;
    let answer = answer.json();
    assert_eq!(answer["truncated"], true);
    let points = |n: usize| answer["series"][n]["points"].as_array().unwrap().len();
    assert_eq!((points(0), points(1)), (5_000, 5_000));
}

#[tokio::test]
async fn faults_are_problems() {
    let site = with(&Arc::default()).await;
    for (query, what) in [
        ("", "name at least one"),
        ("?metrics=", "name at least one"),
        ("?metrics=foo", "pageViewsPerSecond"),
        ("?metrics=SESSION", "unknown metric"),
        ("?metrics=activeUsers&from=yesterday", "RFC 3339"),
        ("?metrics=activeUsers&from=2000&to=1000", "from must be before to"),
        ("?metrics=activeUsers&step=5", "5s"),
        ("?metrics=activeUsers&stop=5s", "there are metrics"),
        ("?metrics=activeUsers&currency=aaaaaaaaaaaaaaaaaaaaaaaa", "currency"),
    ] {
        let answer = site.get(&format!("/api/v1/history{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let problem = answer.problem();
        assert!(problem.contains(what), "{query}: {problem}");
    }
    let many = vec!["activeUsers"; 17].join(",");
    assert_eq!(site.get(&format!("/api/v1/history?metrics={many}")).await.status, 400);
}

#[tokio::test]
async fn no_store_and_a_broken_one_are_said() {
    let site = Site::start().await;
    let answer = site.get("/api/v1/history?metrics=activeUsers").await;
    assert_eq!(answer.status, 503);
    assert!(answer.problem().contains("configure one"));
    let site = with(&Arc::new(Fake { fails: true, ..Fake::default() })).await;
    let answer = site.get("/api/v1/history?metrics=activeUsers").await;
    assert_eq!(answer.status, 503);
    assert!(!answer.problem().contains("no such file"), "the inside is nobody's business");
}
