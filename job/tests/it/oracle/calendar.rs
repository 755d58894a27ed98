//! The days of a site: when each begins.
//!
//! Invariant: days have no gaps between them, so each time in what they cover is in exactly one.
//!
//! What becomes of a day is not told here, and nothing here asks the zone once the days are made.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::view::Span;

const DAY_S: i64 = 86_400;

/// Days in a row; they cover all events and all ends of sessions.
#[derive(Clone, Debug)]
pub struct Days {
    /// When they begin, in ms and ascending; the last one is only the end of the one before.
    pub starts_ms: Vec<i64>,
}

impl Days {
    /// The days in a zone that touch this time, in ms.
    ///
    /// # Panics
    /// Where there is no such zone or time.
    #[must_use]
    pub fn of_zone(name: &str, from_ms: i64, to_ms: i64) -> Self {
        let zone = TimeZoneDatabase::bundled().get(name).unwrap();
        // Far enough that the day that is cut first and last is not one of them.
        let from_s = from_ms.div_euclid(1_000) - 4 * DAY_S;
        let to_s = to_ms.div_euclid(1_000) + 4 * DAY_S;
        let time = |at_s| Timestamp::from_second(at_s).unwrap();
        let changes = zone.following(time(from_s)).map(|change| change.timestamp().as_second());
        let mut pieces_s: Vec<i64> = changes.take_while(|at_s| *at_s < to_s).collect();
        pieces_s.insert(0, from_s);
        pieces_s.push(to_s);
        // Between two changes dates follow each other, and each begins once: a clock that is set
        // back over midnight does not begin the new date anew.
        let mut starts_ms = Vec::new();
        let mut latest = i64::MIN;
        for piece in pieces_s.windows(2) {
            let offset_s = i64::from(zone.to_offset(time(piece[0])).seconds());
            let mut at_s = piece[0];
            while at_s < piece[1] {
                let date = (at_s + offset_s).div_euclid(DAY_S);
                if date > latest {
                    starts_ms.push(at_s * 1_000);
                    latest = date;
                }
                at_s = (date + 1) * DAY_S - offset_s;
            }
        }
        let first = starts_ms.partition_point(|start_ms| *start_ms <= from_ms) - 1;
        let behind = starts_ms.partition_point(|start_ms| *start_ms <= to_ms);
        Self { starts_ms: starts_ms[first..=behind].to_vec() }
    }

    /// The day of this time.
    pub(super) fn around(&self, at_ms: i64) -> Span {
        let behind = self.starts_ms.partition_point(|start_ms| *start_ms <= at_ms);
        let is_covered = behind > 0 && behind < self.starts_ms.len();
        assert!(is_covered, "{at_ms} is in none of the days");
        (self.starts_ms[behind - 1], self.starts_ms[behind])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The days from this one on, as times in UTC.
    fn check(zone: &str, from: &str, expected: &[&str]) {
        let ms = |text: &&str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let starts_ms: Vec<i64> = expected.iter().map(ms).collect();
        let last = starts_ms.len() - 1;
        let days = Days::of_zone(zone, ms(&from), starts_ms[last] - 1);
        assert_eq!(days.starts_ms, starts_ms, "{zone}");
        for day in starts_ms.windows(2) {
            assert_eq!(days.around(day[0]), (day[0], day[1]));
            assert_eq!(days.around(day[1] - 1), (day[0], day[1]));
        }
    }

    #[test]
    fn days_begin_where_their_zone_says() {
        check("UTC", "2024-02-28T13:00Z", &["2024-02-28T00:00Z", "2024-02-29T00:00Z"]);
        // 23 and 25 hours.
        check(
            "Europe/Berlin",
            "2024-03-30T12:00Z",
            &["2024-03-29T23:00Z", "2024-03-30T23:00Z", "2024-03-31T22:00Z", "2024-04-01T22:00Z"],
        );
        check(
            "Europe/Berlin",
            "2024-10-26T22:00Z",
            &["2024-10-26T22:00Z", "2024-10-27T23:00Z", "2024-10-28T23:00Z"],
        );
        check("Asia/Kathmandu", "2024-01-01T00:00Z", &["2023-12-31T18:15Z", "2024-01-01T18:15Z"]);
    }

    #[test]
    fn clocks_are_set_at_midnight() {
        // There is no 0:00: the day begins at 1:00.
        check(
            "America/Sao_Paulo",
            "2018-11-04T02:59:59Z",
            &["2018-11-03T03:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"],
        );
        // From 24:00 back to 23:00: the day before has 25 hours.
        check(
            "America/Sao_Paulo",
            "2018-02-17T12:00Z",
            &["2018-02-17T02:00Z", "2018-02-18T03:00Z", "2018-02-19T03:00Z"],
        );
        // From 0:01 back to 23:01: the new date has begun, and goes on.
        check(
            "America/St_Johns",
            "2010-11-06T12:00Z",
            &["2010-11-06T02:30Z", "2010-11-07T02:30Z", "2010-11-08T03:30Z"],
        );
        // There was no 30 December.
        check(
            "Pacific/Apia",
            "2011-12-29T12:00Z",
            &["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"],
        );
    }
}
