//! Days: dates in the time zone of a site.
//!
//! A day goes from the first instant of a date up to that of the next. Most have 24
//! hours; where clocks are changed they have more or fewer. Which it is says the
//! time zone database that the program has within it, so it is the same everywhere.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The milliseconds of a usual day.
const DAY_MS: i64 = 86_400_000;
/// An hour, ms.
pub const HOUR_MS: i64 = 3_600_000;

/// A day, in ms since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Its first instant.
    pub start_ms: i64,
    /// That of the next.
    pub end_ms: i64,
}

impl Day {
    /// Whether a time lies in it.
    #[must_use]
    pub fn holds(&self, at_ms: i64) -> bool {
        self.start_ms <= at_ms && at_ms < self.end_ms
    }

    /// The hour of it that a time lies in, from 0.
    #[must_use]
    pub fn hour(&self, at_ms: i64) -> u8 {
        u8::try_from((at_ms - self.start_ms) / HOUR_MS).unwrap_or(u8::MAX)
    }
}

/// The days of a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days(&'static TimeZone);

impl Days {
    /// The days of the time zone of this name; none if there is no such zone.
    ///
    /// What is known of the zone is kept as long as the process lives.
    #[must_use]
    pub fn of(zone: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
        Some(Self(Box::leak(Box::new(zone))))
    }

    /// The name of the time zone.
    #[must_use]
    pub fn zone(self) -> &'static str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The names of all zones.
    #[must_use]
    pub fn zones() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// The day that a time lies in.
    #[must_use]
    pub fn day(self, at_ms: i64) -> Day {
        let usual = |start_ms: i64| Day { start_ms, end_ms: start_ms.saturating_add(DAY_MS) };
        let Ok(at) = Timestamp::from_millisecond(at_ms) else {
            return usual(at_ms.div_euclid(DAY_MS).saturating_mul(DAY_MS));
        };
        let start = at.to_zoned_datetime(self.0.clone()).start_of_day();
        let Ok(start) = start else { return usual(at_ms.div_euclid(DAY_MS) * DAY_MS) };
        let start_ms = start.timestamp().as_millisecond();
        // There is none after the last that a calendar has.
        let next = start.tomorrow().and_then(|next| next.start_of_day());
        let end_ms = next.map(|next| next.timestamp().as_millisecond());
        end_ms.map_or(usual(start_ms), |end_ms| Day { start_ms, end_ms })
    }

    /// The day that ends at a time that is the end of one.
    #[must_use]
    pub fn ending(self, end_ms: i64) -> Day {
        self.day(end_ms - 1)
    }
}

/// The day that was asked for last: most often the next time lies in it, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecentDay(Option<Day>);

impl RecentDay {
    /// The day that a time lies in.
    pub fn of(&mut self, days: Days, at_ms: i64) -> Day {
        match self.0 {
            Some(day) if day.holds(at_ms) => day,
            _ => *self.0.insert(days.day(at_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str, at: &str) -> i64 {
        let at_ms = at.parse::<Timestamp>().unwrap().as_millisecond();
        let day = Days::of(zone).unwrap().day(at_ms);
        assert!(day.holds(at_ms) && day.holds(day.end_ms - 1) && !day.holds(day.end_ms));
        assert_eq!(Days::of(zone).unwrap().ending(day.end_ms), day);
        (day.end_ms - day.start_ms) / HOUR_MS
    }

    #[test]
    fn days_are_as_long_as_the_clocks_say() {
        assert_eq!(hours("UTC", "2024-03-31T12:00:00Z"), 24);
        assert_eq!(hours("Europe/Berlin", "2024-03-31T12:00:00Z"), 23);
        assert_eq!(hours("Europe/Berlin", "2024-10-27T12:00:00Z"), 25);
        // The first hour of the day is left out.
        assert_eq!(hours("America/Sao_Paulo", "2018-11-04T12:00:00Z"), 23);
        // A whole date was left out.
        assert_eq!(hours("Pacific/Apia", "2011-12-29T20:00:00Z"), 24);
        assert_eq!(hours("UTC", "9999-12-30T20:00:00Z"), 24);
    }

    #[test]
    fn zones_are_known_by_name() {
        assert_eq!(Days::of("Europe/Berlin").map(Days::zone), Some("Europe/Berlin"));
        assert_eq!(Days::of("UTC").map(Days::zone), Some("UTC"));
        assert!(Days::of("Europe/Atlantis").is_none());
        assert!(Days::zones().iter().any(|name| name == "Asia/Kathmandu"));
    }
}
