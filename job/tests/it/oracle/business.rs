//! The business family: 60 s windows that begin every 10 s.

use std::collections::BTreeMap;

use super::event::{Event, EventKind};
use super::leaves::minor_digits;
use super::lists::{LIST_PLACES, geo_distribution, known, names, popular_content, said, users};
use super::log::Entry;
use super::number::{nearest_rank, ratio, wide};
use super::record::Record;

const CATEGORY: &str = "business";

/// All records of a window.
pub(super) fn of_window(window_ms: (i64, i64), entries: &[Entry<'_>]) -> Vec<Record> {
    let events: Vec<&Event> = entries.iter().map(|entry| entry.event).collect();
    let views: Vec<&Event> = of_kind(&events, EventKind::PageView);
    let conversions: Vec<&Event> = of_kind(&events, EventKind::Conversion);
    let record = |metric: &str, dimensions: &[(&str, &str)]| {
        Record::new(metric, CATEGORY, window_ms, dimensions)
    };
    let mut records = Vec::new();
    if !events.is_empty() {
        let rate = ratio(100 * wide(users(&conversions)), wide(users(&events)));
        records.push(
            record("CONVERSION_RATE", &[]).with("value", rate).with("count", conversions.len()),
        );
    }
    for (currency, values) in by_currency(&conversions) {
        let minor: i128 = values.iter().copied().map(i128::from).sum();
        let per_user = ratio(minor, wide(users(&events)) * 10_i128.pow(minor_digits(currency)));
        records.push(
            record("REVENUE_PER_USER", &[("currency", currency)])
                .with("value", per_user)
                .with("count", values.len()),
        );
    }
    if !views.is_empty() {
        records.push(popular_content(record("POPULAR_CONTENT", &[]), &views));
        records.push(geo_distribution(record("GEO_DISTRIBUTION", &[]), &views));
        let list = |metric, name: fn(&Event) -> &str| {
            names(record(metric, &[]), said(&views, name), LIST_PLACES)
        };
        records.push(list("DEVICES", |event| known(&event.device)));
        records.push(list("BROWSERS", |event| known(&event.browser)));
        records.push(list("OS", |event| known(&event.os)));
        records.push(list("REFERRERS", |event| &event.referrer));
    }
    let mut load_ms: Vec<i64> = views.iter().filter_map(|event| event.load_ms).collect();
    load_ms.sort_unstable();
    if !load_ms.is_empty() {
        let rank = |percent| nearest_rank(&load_ms, percent);
        let ranks = record("PAGE_LOAD_TIME", &[])
            .with("p50", rank(50))
            .with("p95", rank(95))
            .with("p99", rank(99));
        records.push(ranks.with("count", load_ms.len()));
    }
    records
}

/// The events of one kind.
pub(super) fn of_kind<'a>(events: &[&'a Event], kind: EventKind) -> Vec<&'a Event> {
    events.iter().copied().filter(|event| event.kind == kind).collect()
}

/// The values of conversions in minor units, by currency.
pub(super) fn by_currency<'a>(conversions: &[&'a Event]) -> BTreeMap<&'a str, Vec<i64>> {
    let mut values = BTreeMap::<&str, Vec<i64>>::new();
    for event in conversions {
        values.entry(&event.currency).or_default().push(event.value_minor);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::Finals;
    use super::super::example::{conversion, event, fields, finals_of, page_view};

    fn check(finals: &Finals, metric: &str, expected: &str) {
        // The window of the first minute; every event of it is in 5 others as well.
        let (name, dimension) = metric.split_once('|').unwrap_or((metric, ""));
        assert_eq!(fields(finals, &format!("{name}|0|60000|{dimension}")), expected, "{metric}");
    }

    #[test]
    fn events_are_in_6_windows() {
        let finals = finals_of(&[page_view("a", 10_000, "/")]);
        let keys: Vec<&str> = finals
            .results
            .keys()
            .map(String::as_str)
            .filter(|key| key.starts_with("OS|"))
            .collect();
        assert_eq!(
            keys,
            [
                "OS|-10000|50000|",
                "OS|-20000|40000|",
                "OS|-30000|30000|",
                "OS|-40000|20000|",
                "OS|0|60000|",
                "OS|10000|70000|"
            ]
        );
    }

    #[test]
    fn conversions_and_revenue() {
        let finals = finals_of(&[
            page_view("a", 0, "/"),
            conversion("a", 1, "10.005", "usd"),
            conversion("a", 2, "-1", "usd"),
            conversion("b", 3, "5", "JPY"),
            event("c", 59_999, "CONVERSION", ""),
            conversion("d", 60_000, "99", "EUR"),
        ]);
        check(&finals, "CONVERSION_RATE", r#""value":100,"count":4"#);
        check(&finals, "REVENUE_PER_USER|currency=USD", r#""value":3.003333,"count":3"#);
        check(&finals, "REVENUE_PER_USER|currency=JPY", r#""value":1.666667,"count":1"#);
        check(&finals, "REVENUE_PER_USER|currency=EUR", "");
    }

    #[test]
    fn load_times_are_ranked() {
        let loaded = |ms: &str| {
            event("a", 5, "PAGE_VIEW", &format!(r#","pageViewData":{{"pageLoadTime":{ms}}}"#))
        };
        let finals = finals_of(&[loaded("1250"), loaded("7"), loaded("-1"), loaded("20.5")]);
        check(&finals, "PAGE_LOAD_TIME", r#""p50":21,"p95":1248,"p99":1248,"count":3"#);
    }
}
