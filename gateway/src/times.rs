//! Times as clients write and read them.

use jiff::Timestamp;

/// RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => format!("{time:.3}"),
        // Beyond what a calendar says: the number is better than nothing.
        Err(_) => ms.to_string(),
    }
}

/// A time: RFC 3339, or ms since the Unix epoch.
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(ms).is_ok().then_some(ms);
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// A length of time above 0, such as `500ms`, `5s`, `1m`, `2h` or `1d`, in ms.
pub(crate) fn parse_step(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit_ms).filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_both_ways() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse_time(text), expected);
        check("1703123456789", Some(1_703_123_456_789));
        check("2023-12-21T01:50:56.789Z", Some(1_703_123_456_789));
        check("2023-12-21T02:50:56.789+01:00", Some(1_703_123_456_789));
        check("yesterday", None);
        check("9223372036854775807", None);
        assert_eq!(rfc3339(1_703_123_456_780), "2023-12-21T01:50:56.780Z");
        assert_eq!(rfc3339(i64::MAX), "9223372036854775807");
    }

    #[test]
    fn steps_have_a_unit() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse_step(text), expected);
        check("5s", Some(5_000));
        check("1m", Some(60_000));
        check("250ms", Some(250));
        check("0s", None);
        check("5", None);
        check("s", None);
        check("1w", None);
        check("99999999999999999d", None);
        check("", None);
    }
}
