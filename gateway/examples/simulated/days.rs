//! Days of the simulated site, and those before from a history that makes them up.

use crate::Shop;
use streamgauge_sink::store::{FieldValue, Found, History, HistoryQuery, HistoryStore, StoreError};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const BY_HOUR: [i64; 24] = [
    40, 22, 14, 11, 13, 30, 74, 140, 210, 246, 251, 240, 262, 255, 231, 224, 218, 226, 244, 271,
    286, 240, 160, 82,
];
const FIGURES: [(&str, f64); 6] = [
    ("VISITORS", 0.31),
    ("PAGE_VIEWS", 1.0),
    ("SESSIONS", 0.36),
    ("BOUNCE_RATE", 0.0),
    ("AVERAGE_SESSION_DURATION", 0.0),
    ("CONVERSIONS", 0.0121),
];
const LISTS: [(&str, &[&str]); 6] = [
    (
        "PAGES",
        &[
            "/",
            "/products/laptops",
            "/products/phones",
            "/cart",
            "/blog/how-we-measure-what-happens-on-our-website-in-real-time",
            "/about",
        ],
    ),
    (
        "ENTRY_PAGES",
        &[
            "/",
            "/products/laptops",
            "/blog/how-we-measure-what-happens-on-our-website-in-real-time",
        ],
    ),
    ("EXIT_PAGES", &["/checkout", "/", "/cart", "/help"]),
    ("REFERRERS", &["google.com", "(direct)", "news.ycombinator.com", "bing.com"]),
    ("COUNTRIES", &["US", "DE", "FR", "IN", "BR", "(unknown)"]),
    ("DEVICES", &["desktop", "mobile", "tablet"]),
];

/// Page views of an hour of a day that is told by its number.
fn views(day: i64, hour: usize) -> i64 {
    let n = i64::try_from(hour).unwrap_or(0);
    BY_HOUR[hour] * (80 + (day * 13 + n * day * 7) % 60) / 10
}

fn figure(name: &str, share: f64, views: i64, day: i64) -> f64 {
    match name {
        "BOUNCE_RATE" => 41.25 + (day % 5) as f64,
        "AVERAGE_SESSION_DURATION" => 154.2 + (day % 7) as f64,
        _ => (views as f64 * share).floor(),
    }
}

/// What the current day has come to.
pub(crate) fn day(shop: &mut Shop, now_ms: i64) {
    let (day, start) = (now_ms / DAY_MS, now_ms / DAY_MS * DAY_MS);
    let passed = usize::try_from((now_ms - start) / HOUR_MS).unwrap_or(0);
    let minutes = (now_ms - start) / 60_000 % 60 + 1;
    let of = |hour| views(day, hour) * if hour == passed { minutes } else { 60 } / 60;
    let all: i64 = (0..=passed).map(of).sum();
    let window = (start, start + DAY_MS);
    let mut put = |metric: &str, dims: &str, fields: &str| {
        shop.result(&format!("DAY_{metric}"), dims, window, fields, "provisional");
    };
    for (name, share) in FIGURES {
        let value = figure(name, share, all, day);
        put(name, "", &format!(r#""value":{value},"count":{all}"#));
    }
    put("REVENUE", "currency=USD", &format!(r#""value":{}.9,"count":31"#, all / 3));
    put("REVENUE", "currency=EUR", &format!(r#""value":{}.5,"count":9"#, all / 11));
    for (name, places) in LISTS {
        let item = |(i, place): (usize, &&str)| {
            let views = all / (i64::try_from(i).unwrap_or(0) * 2 + 3);
            format!(r#"{{"name":"{place}","views":{views},"users":{}}}"#, views / 3)
        };
        let items: Vec<_> = places.iter().enumerate().map(item).collect();
        put(name, "", &format!(r#""items":[{}],"other":3,"count":{all}"#, items.join(",")));
    }
    let campaign = r#"{"source":"newsletter","medium":"email","campaign":"november","views":310,"users":120},{"source":"x","medium":"(none)","campaign":"launch","views":44,"users":31}"#;
    put("CAMPAIGNS", "", &format!(r#""items":[{campaign}],"other":0,"count":354"#));
    let item = |hour| {
        let (views, at_ms) = (of(hour), start + i64::try_from(hour).unwrap_or(0) * HOUR_MS);
        format!(r#"{{"hour":{hour},"start":{at_ms},"views":{views},"users":{}}}"#, views * 2 / 5)
    };
    let items: Vec<_> = (0..=passed).map(item).collect();
    put("HOURS", "", &format!(r#""items":[{}],"count":{all}"#, items.join(",")));
}

/// Has some figures and the hours of every day.
pub(crate) struct Past;

impl HistoryStore for Past {
    fn history(&self, _: &HistoryQuery) -> Result<History, StoreError> {
        Ok(History::default())
    }

    fn moment(&self, measurements: &[&str], time_ms: i64) -> Result<Vec<Found>, StoreError> {
        let day = time_ms / DAY_MS - 1;
        let point = |name: &str, tags: &[(&str, String)], fields: Vec<(&str, FieldValue)>| Found {
            measurement: name.to_owned(),
            tags: tags.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
            fields: fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        };
        let state = || ("state", FieldValue::Text("final".into()));
        let all: i64 = (0..24).map(|hour| views(day, hour)).sum();
        let mut found = Vec::new();
        for measurement in measurements {
            if *measurement == "day_hours" {
                found.extend((0..24).map(|hour| {
                    let views = views(day, hour);
                    let fields = vec![
                        ("views", FieldValue::Integer(views)),
                        ("users", FieldValue::Integer(views * 2 / 5)),
                        state(),
                    ];
                    point(measurement, &[("hour", format!("{hour:02}"))], fields)
                }));
            }
            let is =
                |(name, _): &&(&str, f64)| format!("day_{}", name.to_lowercase()) == *measurement;
            if let Some((name, share)) = FIGURES.iter().find(is) {
                let value = FieldValue::Float(figure(name, *share, all, day));
                found.push(point(measurement, &[], vec![("value", value), state()]));
            }
            if *measurement == "day_revenue" {
                let value = FieldValue::Float(all as f64 / 3.0);
                let currency = [("currency", "USD".to_owned())];
                found.push(point(measurement, &currency, vec![("value", value), state()]));
            }
        }
        Ok(found)
    }
}
