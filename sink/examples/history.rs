//! How fast the embedded history takes results and answers, and how large it becomes.
//!
//! `cargo run --release -p streamgauge-sink --example history [DAYS]` writes so many days
//! of a site's results (default 1) into a temporary folder.

use std::sync::Arc;
use std::time::{Duration, SystemTime};
use streamgauge_ingest::clock::Clock;
use streamgauge_sink::results::{Position, Record, Topic};
use streamgauge_sink::store::{EmbeddedStore, HistoryQuery, HistoryStore, Retention};

struct Now;

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        let since = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn wall() -> SystemTime {
    SystemTime::now()
}

const DAY_MS: i64 = 86_400_000;

fn result(metric: &str, end_ms: i64, fields: &str) -> Record {
    let start_ms = end_ms - 10_000;
    let value = format!(
        r#"{{"metricType":"{metric}","category":"","windowStart":{start_ms},"windowEnd":{end_ms},"dimensions":{{}},{fields},"state":"final","watermark":{end_ms},"epoch":1}}"#
    );
    let key = format!("{metric}|{start_ms}|{end_ms}|").into_bytes();
    Record { topic: Topic::ProcessedMetrics, epoch: 1, key, value: Some(value.into_bytes()) }
}

/// The results of 10 s: values, and lists of 20 places, of 40 countries and 20 cities.
fn results(end_ms: i64, out: &mut Vec<Record>) {
    let n = end_ms / 10_000;
    let number = |i: i64| (n.wrapping_mul(2_654_435_761) >> (i % 20)) & 0x3f;
    for half in [0, 5000] {
        for metric in ["PAGE_VIEWS_PER_SECOND", "ACTIVE_USERS", "BOUNCE_RATE"] {
            let fields = format!(r#""value":{}.{},"count":{}"#, number(1), half % 9, number(2));
            out.push(result(metric, end_ms - half, &fields));
        }
    }
    let list = |len: i64, name: &str, extra: &str| {
        let item = |i: i64| {
            let name = format!(r#""{name}":"name-{}""#, (i + number(i) / 16) % (len + 3));
            format!(r#"{{{name}{extra},"views":{},"users":{}}}"#, number(i), number(i + 1))
        };
        (0..len).map(item).collect::<Vec<_>>().join(",")
    };
    for metric in ["DEVICES", "BROWSERS", "OS", "REFERRERS"] {
        let fields = format!(r#""items":[{}],"other":1,"count":9"#, list(20, "name", ""));
        out.push(result(metric, end_ms, &fields));
    }
    let items = list(20, "url", r#","share":1.25"#);
    let fields = format!(r#""items":[{items}],"other":1,"count":9"#);
    out.push(result("POPULAR_CONTENT", end_ms, &fields));
    let (items, cities) = (list(40, "country", ""), list(20, "city", r#","country":"DE""#));
    let fields = format!(r#""items":[{items}],"other":1,"cities":[{cities}],"count":9"#);
    out.push(result("GEO_DISTRIBUTION", end_ms, &fields));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let days = std::env::args().nth(1).map_or(Ok(1), |days| days.parse::<i64>())?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store.db");
    let keep = Duration::from_secs(30 * 86_400);
    let mut store = EmbeddedStore::open(&path, Retention::new(keep, Arc::new(Now)))?;
    let end_ms = Now.now_ms() / DAY_MS * DAY_MS;
    let mut records = Vec::new();
    let (mut points, mut taken, mut batches) = (0, Duration::ZERO, 0u64);
    for i in 0..days * 8640 {
        results(end_ms - days * DAY_MS + i * 10_000, &mut records);
        if records.len() >= 1000 || i == days * 8640 - 1 {
            batches += 1;
            let start = wall();
            points += store.apply(&records, &Position(vec![batches]))?.points;
            taken += start.elapsed()?;
            records.clear();
        }
    }
    let bytes = std::fs::metadata(&path)?.len();
    let seconds = taken.as_secs_f64();
    println!(
        "{points} points in {seconds:.1} s: {:.0} a second, {:.1} bytes each",
        points as f64 / seconds,
        bytes as f64 / points as f64
    );
    let history = store.history()?;
    for (measurement, tags, field) in [
        ("page_views_per_second", vec![], "value"),
        ("geo_distribution", vec![("country".to_owned(), "name-1".to_owned())], "views"),
        ("devices", vec![("rank".to_owned(), "01".to_owned())], "name"),
    ] {
        for (name, span_ms) in [("an hour", 3_600_000), ("a day", DAY_MS), ("all", days * DAY_MS)] {
            let query = HistoryQuery {
                measurement: measurement.to_owned(),
                tags: tags.clone(),
                field: field.to_owned(),
                from_ms: end_ms - span_ms,
                to_ms: end_ms,
                step_ms: None,
                most: usize::MAX,
            };
            let start = wall();
            let found = history.history(&query)?.points.len();
            println!("{measurement} {field}, {name}: {found} points in {:?}", start.elapsed()?);
        }
    }
    Ok(())
}
