//! Times for people.

/// RFC 3339 in UTC, to the millisecond; what no calendar has, as a number.
pub(super) fn rfc3339(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => ms.to_string(),
    }
}
