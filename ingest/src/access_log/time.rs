//! Times as access logs have them: `17/May/2015:10:05:03 +0000`.

use crate::decode::LAST_TIMESTAMP_MS;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// The time in ms since the Unix epoch; none if it is no time, or before 1970.
///
/// A leap second (`:60`) is the first of the next minute.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let &[
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y1,
        y2,
        y3,
        y4,
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        oh1,
        oh2,
        om1,
        om2,
    ] = text
    else {
        return None;
    };
    let name = [m1, m2, m3].map(|b| b.to_ascii_lowercase());
    let month = i64::try_from(MONTHS.iter().position(|month| **month == name)?).ok()? + 1;
    let (day, year) = (number(&[d1, d2])?, number(&[y1, y2, y3, y4])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    let (offset_hours, offset_minutes) = (number(&[oh1, oh2])?, number(&[om1, om2])?);
    let is_time = (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && offset_hours < 24
        && offset_minutes < 60;
    if !is_time {
        return None;
    }
    let offset_s = (offset_hours * 60 + offset_minutes) * 60;
    let offset_s = match sign {
        b'+' => offset_s,
        b'-' => -offset_s,
        _ => return None,
    };
    let local_s = ((days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    let timestamp_ms = (local_s - offset_s) * 1000;
    (0..=LAST_TIMESTAMP_MS).contains(&timestamp_ms).then_some(timestamp_ms)
}

fn number(digits: &[u8]) -> Option<i64> {
    let add = |sum: i64, b: &u8| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0'));
    digits.iter().try_fold(0, add)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the Unix epoch to the first of a month of the Gregorian calendar.
fn days_before(year: i64, month: i64) -> i64 {
    let years = year - 1;
    let to_year = years * 365 + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let in_year: i64 = (1..month).map(|month| days_of(year, month)).sum();
    to_year + in_year - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn times_with_their_zones() {
        check("01/Jan/1970:00:00:00 +0000", Some(0));
        check("17/May/2015:10:05:03 +0000", Some(1_431_857_103_000));
        check("17/May/2015:12:05:03 +0200", Some(1_431_857_103_000));
        check("17/may/2015:04:35:03 -0530", Some(1_431_857_103_000));
        check("29/Feb/2000:23:59:59 +0000", Some(951_868_799_000));
        check("31/Dec/2016:23:59:60 +0000", Some(1_483_228_800_000));
        check("31/Dec/9999:23:59:59 +0000", Some(LAST_TIMESTAMP_MS - 999));
    }

    #[test]
    fn what_is_no_time() {
        check("", None);
        check("17/May/2015:10:05:03", None);
        check("2015-05-17T10:05:03+00:00", None);
        check("00/May/2015:10:05:03 +0000", None);
        check("29/Feb/1900:10:05:03 +0000", None);
        check("31/Apr/2015:10:05:03 +0000", None);
        check("17/Mai/2015:10:05:03 +0000", None);
        check("17/May/2015:24:05:03 +0000", None);
        check("17/May/2015:10:60:03 +0000", None);
        check("17/May/2015:10:05:61 +0000", None);
        check("17/May/2015:10:05:03 *0000", None);
        check("17/May/2015:10:05:03 +0060", None);
        check("17/May/2015:1a:05:03 +0000", None);
        check("01/Jan/1970:00:00:00 +0001", None);
        check("31/Dec/9999:23:59:59 -0001", None);
    }
}
