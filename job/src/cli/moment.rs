//! Times as arguments: RFC 3339, or ms since the Unix epoch.
//!
//! It deliberately has no "now" and no local time zone: a time says its offset.

use jiff::Timestamp;
use streamgauge_ingest::decode::LAST_TIMESTAMP_MS;

/// Reads a time, in ms since the Unix epoch; parts of a ms are dropped.
///
/// # Errors
/// A reason, if it is neither, before 1970 or after the year 9999.
pub fn parse_time(text: &str) -> Result<i64, String> {
    let ms = match text.parse::<i64>() {
        Ok(ms) => ms,
        Err(_) => parse_rfc3339(text)?,
    };
    if (0..=LAST_TIMESTAMP_MS).contains(&ms) {
        Ok(ms)
    } else {
        Err("before 1970 or after the year 9999".into())
    }
}

fn parse_rfc3339(text: &str) -> Result<i64, String> {
    let shape = "expected RFC 3339 such as `2026-01-31T12:00:00Z`, or ms since 1970";
    // The parser also takes a zone in brackets and shorter forms, which others
    // that read RFC 3339 would not.
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let strict = !text.contains('[') && separators.iter().all(|(i, c)| bytes.get(*i) == Some(c));
    let time: Timestamp = match text.parse() {
        Ok(time) if strict => time,
        _ => return Err(shape.into()),
    };
    Ok(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse_time(text).ok(), expected, "{text}");
        };
        check("0", Some(0));
        check("1703123456789", Some(1_703_123_456_789));
        check("2023-12-21T01:50:56.789Z", Some(1_703_123_456_789));
        check("2023-12-21T01:50:56.7899Z", Some(1_703_123_456_789));
        check("2023-12-21T02:50:56.789+01:00", Some(1_703_123_456_789));
        check("2023-12-21 01:50:56z", Some(1_703_123_456_000));
        check("9999-12-31T23:59:59.999Z", None);
        check("253402300799999", Some(LAST_TIMESTAMP_MS));
        check("253402300800000", None);
        check("-1", None);
        check("1969-12-31T23:59:59Z", None);
        check("2023-12-21T01:50:56", None);
        check("2023-12-21", None);
        check("2023-12-21T01:50:56Z[UTC]", None);
        check("20231221T015056Z", None);
        check("yesterday", None);
        check("", None);
    }
}
