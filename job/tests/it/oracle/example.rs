//! Records for the unit tests, as short as they can be.

use super::event::Family;
use super::judge::{Judged, judge};
use super::{Finals, Settings, finals};

/// An event with further members, which begin with a comma.
pub(super) fn event(user: &str, timestamp_ms: i64, kind: &str, rest: &str) -> Vec<u8> {
    format!(r#"{{"timestamp":{timestamp_ms},"eventType":"{kind}","userId":"{user}"{rest}}}"#)
        .into_bytes()
}

/// A page view.
pub(super) fn page_view(user: &str, timestamp_ms: i64, url: &str) -> Vec<u8> {
    event(user, timestamp_ms, "PAGE_VIEW", &format!(r#","pageViewData":{{"url":"{url}"}}"#))
}

/// A conversion of so much.
pub(super) fn conversion(user: &str, timestamp_ms: i64, value: &str, currency: &str) -> Vec<u8> {
    event(
        user,
        timestamp_ms,
        "CONVERSION",
        &format!(r#","conversionData":{{"value":{value},"currency":"{currency}"}}"#),
    )
}

/// Which families take a record.
pub(super) fn by_family(judged: &Judged) -> [bool; 4] {
    Family::ALL.map(|family| judged.taken_by(family).is_some())
}

/// One partition, all else as it is by default.
pub(super) fn settings() -> Settings {
    Settings { partitions: 1, ..Settings::default() }
}

/// What stands at the end.
pub(super) fn finals_of(values: &[Vec<u8>]) -> Finals {
    finals(&judge(values, &settings()), &settings())
}

/// The fields between `dimensions` and `state` of the result with this key; empty without one.
pub(super) fn fields(finals: &Finals, key: &str) -> String {
    let line = finals.results.get(key).cloned().unwrap_or_default();
    let after = line.split_once(r#""dimensions":{"#).and_then(|(_, rest)| rest.split_once("},"));
    after
        .map_or(String::new(), |(_, rest)| rest.trim_end_matches(r#","state":"final"}"#).to_owned())
}
