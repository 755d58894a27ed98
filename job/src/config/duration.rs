//! Durations as people write them: `250ms`, `5s`, `10m`, `1h30m`, `2d`.
//!
//! Everything inside counts whole milliseconds, so this is the only place that
//! knows units. A number without a unit is refused (except `0`): whether `5`
//! means seconds or milliseconds would be a guess, and a wrong guess changes
//! which records are late.
//!
//! Invariant: `parse(&format(ms)) == Ok(ms)` for every `ms >= 0`.
//!
//! It deliberately knows no fractions (`1.5h` is `1h30m`), no months or years,
//! and no bounds; those belong to the key that is being set.

/// The units from large to small: the letters and their length in ms.
const UNITS: [(&str, i64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Spellings that people try, and the unit they mean; used for suggestions only.
const LONG_UNITS: [(&str, &str); 18] = [
    ("milliseconds", "ms"),
    ("millisecond", "ms"),
    ("millis", "ms"),
    ("msec", "ms"),
    ("seconds", "s"),
    ("second", "s"),
    ("secs", "s"),
    ("sec", "s"),
    ("minutes", "m"),
    ("minute", "m"),
    ("mins", "m"),
    ("min", "m"),
    ("hours", "h"),
    ("hour", "h"),
    ("hrs", "h"),
    ("hr", "h"),
    ("days", "d"),
    ("day", "d"),
];

/// What a duration looks like, for messages.
pub(super) const SHAPE: &str = "a duration such as `250ms`, `5s`, `10m` or `1h30m`";

/// Reads a duration, in ms. The error is the reason, a lower-case fragment.
pub fn parse(text: &str) -> Result<i64, String> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err(format!("empty; expected {SHAPE}"));
    }
    let mut rest = text;
    let mut total_ms: i64 = 0;
    let mut smallest_ms = i64::MAX;
    while !rest.is_empty() {
        let digits = leading(rest, |c| c.is_ascii_digit());
        let after = &rest[digits.len()..];
        let unit = leading(after, |c| !c.is_ascii_digit());
        if digits.is_empty() {
            return Err(format!("not {SHAPE}"));
        }
        if unit.is_empty() {
            return Err(format!("a number needs a unit after it: {SHAPE}"));
        }
        let Some(&(_, unit_ms)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("unknown unit `{unit}`; units are d, h, m, s and ms"));
        };
        if unit_ms >= smallest_ms {
            return Err("units must go from large to small, each at most once".into());
        }
        smallest_ms = unit_ms;
        total_ms = digits
            .parse::<i64>()
            .ok()
            .and_then(|count| count.checked_mul(unit_ms))
            .and_then(|part_ms| total_ms.checked_add(part_ms))
            .ok_or("far too long")?;
        rest = &after[unit.len()..];
    }
    Ok(total_ms)
}

/// The shortest text that [`parse`] reads back as `ms`; expects `ms >= 0`.
pub fn format(ms: i64) -> String {
    let mut text = String::new();
    let mut rest_ms = ms;
    for (name, unit_ms) in UNITS {
        let count = rest_ms / unit_ms;
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
            rest_ms -= count * unit_ms;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

/// What `text` was probably meant to be, if a change of spelling makes it valid.
pub(super) fn mend(text: &str) -> Option<i64> {
    let mut plain: String = text.to_ascii_lowercase();
    plain.retain(|c| !c.is_whitespace() && c != '_');
    for (long, unit) in LONG_UNITS {
        plain = plain.replace(long, unit);
    }
    if !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit()) {
        // Whole thousands were most likely counted in ms, small numbers in s.
        let unit = if plain.len() > 3 && plain.ends_with("000") { "ms" } else { "s" };
        plain.push_str(unit);
    }
    parse(&plain).ok()
}

/// The longest prefix of `text` whose characters all satisfy `keep`.
fn leading(text: &str, keep: impl Fn(char) -> bool) -> &str {
    &text[..text.find(|c| !keep(c)).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        let check = |text: &str, expected_ms: i64| {
            assert_eq!(parse(text), Ok(expected_ms), "{text}");
        };
        check("0", 0);
        check("0s", 0);
        check("250ms", 250);
        check("5s", 5_000);
        check("10m", 600_000);
        check("1h", 3_600_000);
        check("1h30m", 5_400_000);
        check("1d2h3m4s5ms", 93_784_005);
        check("90m", 5_400_000);
        check("0001s", 1_000);
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let check = |text: &str, reason: &str| {
            let error = parse(text).expect_err(text);
            assert!(error.contains(reason), "{text}: {error}");
        };
        check("", "empty");
        check("5", "needs a unit");
        check("1h30", "needs a unit");
        check("s", "not a duration");
        check("-5s", "not a duration");
        check("+5s", "not a duration");
        check("1.5h", "unknown unit `.`");
        check("5 s", "unknown unit ` s`");
        check("10min", "unknown unit `min`");
        check("5S", "unknown unit `S`");
        check("1m1h", "large to small");
        check("1m1m", "large to small");
        check("9223372036854775808ms", "far too long");
        check("9223372036854775807s", "far too long");
        check("106751991167d9223372036854775807ms", "far too long");
        check("٣s", "not a duration");
    }

    #[test]
    fn what_is_written_reads_back() {
        let check = |ms: i64, text: &str| {
            assert_eq!(format(ms), text);
            assert_eq!(parse(text), Ok(ms), "{text}");
        };
        check(0, "0s");
        check(1, "1ms");
        check(1_500, "1s500ms");
        check(600_000, "10m");
        check(5_400_000, "1h30m");
        check(366 * 86_400_000, "366d");
        for ms in [i64::MAX, 86_399_999, 59_999, 61_001] {
            assert_eq!(parse(&format(ms)), Ok(ms));
        }
    }

    #[test]
    fn near_misses_are_mended() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(mend(text).map(format).as_deref(), expected, "{text}");
        };
        check("10 min", Some("10m"));
        check("1 Hour 30 Minutes", Some("1h30m"));
        check("5", Some("5s"));
        check("600000", Some("10m"));
        check("250 msec", Some("250ms"));
        check("soon", None);
        check("", None);
    }
}
