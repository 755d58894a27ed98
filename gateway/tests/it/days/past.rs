//! Days that come from a store.

use super::*;
use std::sync::Arc;
use std::time::Duration;
use streamgauge_gateway::{Parts, Settings};
use streamgauge_ingest::clock::ManualClock;
use streamgauge_sink::results::{MemoryResults, Position, Record};
use streamgauge_sink::store::{
    EmbeddedStore, Found, History, HistoryQuery, HistoryStore, Retention, StoreError,
};

/// What a gateway in this zone is made of.
pub(super) fn parts(zone: &str) -> Parts {
    let clock = Arc::new(ManualClock::new(NOW_MS));
    Parts {
        results: Arc::new(MemoryResults::new(clock.clone())),
        history: None,
        explain: None,
        clock,
        webhooks: Vec::new(),
        store: None,
        settings: Settings { days: Some(zone.to_owned()), ..Settings::default() },
    }
}

struct Store {
    store: EmbeddedStore,
    position: u64,
    _folder: tempfile::TempDir,
}

impl Store {
    fn new(clock: &Arc<ManualClock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let retention = Retention::new(Duration::from_secs(30 * 86_400), clock.clone());
        let store = EmbeddedStore::open(&folder.path().join("store.db"), retention).unwrap();
        Self { store, position: 0, _folder: folder }
    }

    fn put(&mut self, metric: &str, (start, end): (i64, i64), state: &str, fields: &str) {
        let (name, dims) = metric.split_once(' ').unwrap_or((metric, ""));
        let pair = dims.split_once('=').map(|(k, v)| format!("\"{k}\":\"{v}\""));
        let dimensions = pair.unwrap_or_default();
        let value = format!(
            r#"{{"metricType":"{name}","category":"day","windowStart":{start},"windowEnd":{end},"dimensions":{{{dimensions}}},{fields},"state":"{state}","watermark":{end},"epoch":1}}"#
        );
        let key = format!("{name}|{start}|{end}|{dims}").into_bytes();
        let value = Some(value.into_bytes());
        let record = Record { topic: Topic::ProcessedMetrics, epoch: 1, key, value };
        self.position += 1;
        let applied = self.store.apply(&[record], &Position(vec![self.position])).unwrap();
        assert_eq!(applied.unreadable, 0, "{:?}", applied.first_unreadable);
    }

    fn everything(&mut self, window: (i64, i64)) {
        self.put("DAY_VISITORS", window, "final", r#""value":700,"count":9000"#);
        self.put("DAY_PAGE_VIEWS", window, "final", r#""value":8000,"count":690"#);
        self.put("DAY_BOUNCE_RATE", window, "final", r#""value":41.666667,"count":600"#);
        self.put(
            "DAY_AVERAGE_SESSION_DURATION",
            window,
            "corrected",
            r#""value":60.5,"count":600"#,
        );
        self.put("DAY_REVENUE currency=EUR", window, "final", r#""value":19.99,"count":2"#);
        self.put("DAY_PAGES", window, "final", PAGES);
        self.put("DAY_EXIT_PAGES", window, "final", r#""items":[],"other":0,"count":3"#);
        self.put("DAY_CAMPAIGNS", window, "final", CAMPAIGNS);
        self.put("DAY_HOURS", window, "final", &hours(window.0, &[(0, 10, 9), (1, 11, 8)]));
    }
}

const WEEK_BEFORE: (i64, i64) = (TODAY.0 - 7 * DAY_MS, TODAY.1 - 7 * DAY_MS);

#[tokio::test]
async fn what_is_not_in_memory_comes_from_the_store() {
    let mut site = Site::new();
    let mut store = Store::new(&site.clock);
    store.everything(WEEK_BEFORE);
    store.everything(YESTERDAY);
    site.window("DAY_VISITORS", YESTERDAY, "corrected", r#""value":701,"count":9001"#);
    today_so_far(&mut site);
    site.views(0, "final", 1);
    site.commit();
    let history = Arc::new(store.store.history().unwrap());
    let site = site.serve(|parts| {
        parts.history = Some(history);
        parts.settings.days = Some("UTC".to_owned());
    });
    let site = site.await;
    let today = ask(&site, "/api/v1/days/today").await;
    assert_eq!(today["note"], json!(null));
    assert_eq!(today["hours"][1]["dayBefore"], json!({"views": 11, "users": 8}));
    assert_eq!(today["hours"][1]["weekBefore"], json!({"views": 11, "users": 8}));
    assert_eq!(today["hours"][5]["weekBefore"], json!({"views": 0, "users": 0}));
    let figures = |day: &Value| (day["visitors"].clone(), day["bounceRate"].clone());
    assert_eq!(figures(&today["weekBefore"]), (json!(700), json!(41.666667)));
    assert_eq!(figures(&today["dayBefore"]), (json!(701), json!(41.666667)), "memory is newer");
    let all = ask(&site, "/api/v1/days").await;
    assert_eq!(all["days"][1], today["dayBefore"]);
    assert_eq!(all["days"][7], today["weekBefore"]);
    assert_eq!(all["days"][6]["note"], "nothing is known of this day");

    let week = ask(&site, "/api/v1/days/2023-12-14").await;
    assert_eq!((&week["window"]["state"], &week["sessions"]), (&json!("corrected"), &json!(null)));
    assert_eq!(week["revenue"], json!({"EUR": 19.99}));
    assert_eq!(week["averageSessionDuration"], json!(60.5));
    let list = |fields: &str| serde_json::from_str::<Value>(&format!("{{{fields}}}")).unwrap();
    assert_eq!((&week["pages"], &week["campaigns"]), (&list(PAGES), &list(CAMPAIGNS)));
    assert_eq!(week["exitPages"], json!({"items": [], "other": 0, "count": 3}));
    assert_eq!(week["hours"][0]["views"], 10);

    // What was read is kept for a while, and then read anew.
    store.put("DAY_VISITORS", WEEK_BEFORE, "corrected", r#""value":699,"count":9000"#);
    let path = "/api/v1/days/2023-12-14";
    assert_eq!(ask(&site, path).await["visitors"], 700);
    site.clock.advance(20_000);
    assert_eq!(ask(&site, path).await["visitors"], 699);
}

struct Broken;

impl HistoryStore for Broken {
    fn history(&self, _: &HistoryQuery) -> Result<History, StoreError> {
        Ok(History::default())
    }

    fn moment(&self, _: &[&str], _: i64) -> Result<Vec<Found>, StoreError> {
        Err(StoreError { what: "opening the store".into(), reason: "no such file".into() })
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_read_takes_nothing_from_what_is_in_memory() {
    let mut site = Site::new();
    yesterday(&mut site, "final", 15);
    today_so_far(&mut site);
    site.commit();
    let site = site.serve(|parts| {
        parts.history = Some(Arc::new(Broken));
        parts.settings.days = Some("UTC".to_owned());
    });
    let site = site.await;
    for path in ["/api/v1/days", "/api/v1/days/today"] {
        let answer = ask(&site, path).await;
        let first = answer["days"].get(0).unwrap_or(&answer);
        assert_eq!(first["visitors"], 12);
        let note = answer["note"].as_str().unwrap();
        assert!(note.contains("cannot be read") && !note.contains("no such file"), "{note}");
    }
    assert_eq!(ask(&site, "/api/v1/days/today").await["dayBefore"]["visitors"], 15);
}
