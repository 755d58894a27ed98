//! Records of results, made by hand.

use serde_json::{Value, json};
pub(crate) use streamgauge_sink::results::Record;
use streamgauge_sink::results::Topic;

/// A result of the window that ends here: its fields after `dimensions`.
pub(crate) fn record(
    metric: &str,
    end_ms: i64,
    dimension: Option<(&str, &str)>,
    fields: Value,
    state: &str,
) -> Record {
    let start_ms = end_ms - 5_000;
    let (mut key, mut dimensions) = (String::new(), json!({}));
    if let Some((name, value)) = dimension {
        key = format!("{name}={}", encoded(value));
        dimensions = json!({name: value});
    }
    let mut value = json!({
        "metricType": metric, "category": "", "windowStart": start_ms, "windowEnd": end_ms,
        "dimensions": dimensions, "state": state,
    });
    let all = value.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    Record {
        topic: Topic::ProcessedMetrics,
        epoch: 1,
        key: format!("{metric}|{start_ms}|{end_ms}|{key}").into_bytes(),
        value: Some(value.to_string().into_bytes()),
    }
}

/// As the keys of results have it.
fn encoded(text: &str) -> String {
    let plain = |c: char| match c {
        '%' | '|' | ',' | '=' | '\0'..='\x1f' => format!("%{:02X}", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(plain).collect()
}

/// The end of a result.
pub(crate) fn ended(record: &Record) -> Record {
    Record { value: None, ..record.clone() }
}

/// Page views of a window.
pub(crate) fn page_views(end_ms: i64, value: f64, count: i64) -> Record {
    let fields = json!({"value": value, "count": count});
    record("PAGE_VIEWS_PER_SECOND", end_ms, None, fields, "final")
}

/// Pages, each with as many views as its place from the end.
pub(crate) fn pages(end_ms: i64, urls: &[&str], state: &str) -> Record {
    let places = urls.iter().rev().enumerate();
    let mut items: Vec<_> = places
        .map(|(i, url)| json!({"url": url, "views": i + 1, "users": 1, "share": 12.5}))
        .collect();
    items.reverse();
    let fields = json!({"items": items, "other": 0, "count": 77});
    record("POPULAR_CONTENT", end_ms, None, fields, state)
}

/// Countries, and the first of them as a city.
pub(crate) fn geo(end_ms: i64, countries: &[&str], state: &str) -> Record {
    let items: Vec<_> =
        countries.iter().map(|name| json!({"country": name, "views": 2, "users": 1})).collect();
    let cities: Vec<_> = countries
        .iter()
        .take(1)
        .map(|name| json!({"country": name, "city": "A \"b\"\n", "views": 2, "users": 1}))
        .collect();
    let fields = json!({"items": items, "other": 3, "cities": cities, "count": 9});
    record("GEO_DISTRIBUTION", end_ms, None, fields, state)
}

/// A funnel of two steps; the second is reached or not.
pub(crate) fn funnel(end_ms: i64, name: &str, is_reached: bool, state: &str) -> Record {
    let mut second = json!({"step": 2, "name": "/b", "sessions": i32::from(is_reached)});
    if is_reached {
        second["dropOff"] = json!(66.666_667);
        second["medianMs"] = json!(5024);
    }
    let items = json!([{"step": 1, "name": "/a*", "sessions": 3}, second]);
    let fields = json!({"items": items, "count": 4});
    record("FUNNEL", end_ms, Some(("funnel", name)), fields, state)
}

/// Revenue in a currency.
pub(crate) fn revenue(end_ms: i64, currency: &str, value: f64) -> Record {
    let fields = json!({"value": value, "count": 2});
    record("REVENUE_PER_USER", end_ms, Some(("currency", currency)), fields, "final")
}

/// Two histograms.
pub(crate) fn behaviour(end_ms: i64) -> Record {
    let fields = json!({
        "pageViews": [{"from": 0, "to": 0, "sessions": 1}, {"from": 21, "sessions": 2}],
        "duration": [{"from": 0, "to": 0, "sessions": 3}],
        "newUsers": 2, "returningUsers": 1, "count": 3,
    });
    record("BEHAVIOUR", end_ms, None, fields, "final")
}

/// Journeys and transitions.
pub(crate) fn journeys(end_ms: i64) -> Record {
    let fields = json!({
        "items": [{"path": ["/", "/cart"], "sessions": 4}],
        "transitions": [{"from": "/", "to": "/cart", "count": 5}],
        "count": 9,
    });
    record("JOURNEYS", end_ms, None, fields, "final")
}

/// Texts that are hard to keep.
pub(crate) const ODD: [&str; 9] = [
    "",
    "plain",
    "a \"b\", c=d",
    "line\nend\r\nand \r alone",
    "back\\slash, n: \\n \\\\ at the end \\",
    "${now()} $x {y}",
    "Köln 東京 \u{1F600}",
    "'; drop",
    "\ttab\u{1}and\u{7f}",
];
