//! What was committed, beside what the history has of it.

use super::Site;
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};
use streamgauge_sink::points::{Point, ResultKey, points};
use streamgauge_sink::results::{Position, Topic};
use streamgauge_sink::store::{FieldValue, HistoryQuery, HistoryStore};

/// A measurement, its tags but for `metric`, and a field.
type Series = (&'static str, Vec<(String, String)>, &'static str);
/// Values by their times, ms.
type Values = BTreeMap<i64, FieldValue>;

pub(in super::super) fn check(history: &dyn HistoryStore, site: &Site) {
    let expected = expected(site);
    // It gathers for a second what it writes.
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let differing = expected.iter().find(|(series, values)| found(history, series) != **values);
        let Some((series, values)) = differing else { break };
        assert!(
            Instant::now() < until,
            "{series:?} is {:?}, and committed was {values:?}",
            found(history, series)
        );
        thread::sleep(Duration::from_millis(200));
    }
    let values: usize = expected.values().map(BTreeMap::len).sum();
    println!("the history has all {values} values of {} series", expected.len());
}

/// Every series that there ever was, with the values of the results that stand.
fn expected(site: &Site) -> BTreeMap<Series, Values> {
    let mut expected: BTreeMap<Series, Values> = BTreeMap::new();
    let mut last: BTreeMap<Vec<u8>, Vec<Point>> = BTreeMap::new();
    for record in site.records(&[Topic::ProcessedMetrics], Position::default()).0 {
        let key = ResultKey::parse(&record.key).unwrap();
        let mut now = Vec::new();
        if let Some(value) = &record.value {
            points(&key, value, &mut now).unwrap();
        }
        for point in &now {
            for (series, _) in fields(point) {
                expected.entry(series).or_default();
            }
        }
        last.insert(record.key, now);
    }
    for point in last.values().flatten() {
        for (series, value) in fields(point) {
            expected.entry(series).or_default().insert(point.time_ms, value);
        }
    }
    assert!(!expected.is_empty(), "nothing to compare");
    expected
}

fn fields(point: &Point) -> impl Iterator<Item = (Series, FieldValue)> + '_ {
    let tags = point.tags.iter().filter(|(name, _)| *name != "metric");
    let tags: Vec<_> = tags.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let series = move |field| (point.measurement, tags.clone(), field);
    point.fields.iter().map(move |(field, value)| (series(*field), value.clone()))
}

fn found(history: &dyn HistoryStore, (measurement, tags, field): &Series) -> Values {
    let query = HistoryQuery {
        measurement: (*measurement).to_owned(),
        tags: tags.clone(),
        field: (*field).to_owned(),
        from_ms: 0,
        to_ms: i64::MAX,
        step_ms: None,
        most: usize::MAX,
    };
    history.history(&query).unwrap().points.into_iter().collect()
}
