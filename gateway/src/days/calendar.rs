//! The dates of a time zone.
//!
//! A day goes from the first instant of a date up to that of the next, so it has 23, 24,
//! 25 or some other number of hours: the job makes its windows the same way, and the
//! time zone database is within the program for either.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

const HOUR_MS: i64 = 3_600_000;
/// No day of any zone has more hours.
const MOST_HOURS: i64 = 48;

/// The dates of a time zone.
#[derive(Debug)]
pub(crate) struct Calendar {
    name: String,
    zone: TimeZone,
}

/// A date, from its first instant up to that of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Day {
    /// Which one.
    pub(crate) date: Date,
    /// Where it starts, ms.
    pub(crate) start_ms: i64,
    /// Where it ends, ms.
    pub(crate) end_ms: i64,
}

/// An hour of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hour {
    /// Its number, from 0.
    pub(crate) number: i64,
    /// Where it starts, ms.
    pub(crate) start_ms: i64,
    /// What clocks on the wall say then, without minutes.
    pub(crate) wall: i8,
}

impl Calendar {
    /// That of the zone of this name; none if there is no such zone.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        Some(Self { name: name.to_owned(), zone })
    }

    /// The name of its zone.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The date at a time.
    pub(crate) fn date(&self, at_ms: i64) -> Option<Date> {
        let at = Timestamp::from_millisecond(at_ms).ok()?;
        Some(self.zone.to_datetime(at).date())
    }

    /// The day of this date; none if the zone leaves it out, or nothing comes after it.
    pub(crate) fn day(&self, date: Date) -> Option<Day> {
        let start =
            date.to_zoned_datetime(self.zone.clone()).and_then(|day| day.start_of_day()).ok()?;
        if start.date() != date {
            return None;
        }
        let end = start.tomorrow().and_then(|next| next.start_of_day()).ok()?;
        let ms = |zoned: &jiff::ZonedDateTime| zoned.timestamp().as_millisecond();
        Some(Day { date, start_ms: ms(&start), end_ms: ms(&end) })
    }

    /// The hours of a day.
    pub(crate) fn hours(&self, day: Day) -> impl Iterator<Item = Hour> {
        let starts = (0..MOST_HOURS).map(move |n| (n, day.start_ms + n * HOUR_MS));
        starts.take_while(move |(_, start_ms)| *start_ms < day.end_ms).filter_map(
            |(number, start_ms)| {
                let at = Timestamp::from_millisecond(start_ms).ok()?;
                Some(Hour { number, start_ms, wall: self.zone.to_datetime(at).hour() })
            },
        )
    }
}

/// The date so many days before.
pub(crate) fn before(date: Date, days: i32) -> Option<Date> {
    date.checked_sub(jiff::Span::new().try_days(days).ok()?).ok()
}

/// A date as it is written in full, such as 2026-01-31.
pub(crate) fn parse(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(zone: &str, date: &str) -> Option<(Calendar, Day)> {
        let calendar = Calendar::of(zone).unwrap();
        let day = calendar.day(parse(date).unwrap())?;
        assert_eq!(calendar.date(day.start_ms), Some(day.date));
        assert_eq!(calendar.date(day.end_ms - 1), Some(day.date));
        assert_ne!(calendar.date(day.end_ms), Some(day.date));
        Some((calendar, day))
    }

    fn walls(zone: &str, date: &str) -> Vec<i8> {
        let (calendar, day) = day(zone, date).unwrap();
        calendar.hours(day).map(|hour| hour.wall).collect()
    }

    #[test]
    fn hours_are_as_the_clocks_say() {
        assert_eq!(walls("UTC", "2024-03-31"), (0..24).collect::<Vec<_>>());
        let short: Vec<_> = (0..24).filter(|hour| *hour != 2).collect();
        assert_eq!(walls("Europe/Berlin", "2024-03-31"), short);
        let long = walls("Europe/Berlin", "2024-10-27");
        assert_eq!((long.len(), &long[..5]), (25, &[0, 1, 2, 2, 3][..]));
        // The first hour is left out.
        assert_eq!(walls("America/Sao_Paulo", "2018-11-04")[..2], [1, 2]);
        // Clocks go back by half an hour.
        assert_eq!(walls("Australia/Lord_Howe", "2024-04-07").len(), 25);
    }

    #[test]
    fn dates_that_a_zone_leaves_out_are_no_days() {
        assert_eq!(day("Pacific/Apia", "2011-12-30").map(|(_, day)| day), None);
        let (_, day) = day("Pacific/Apia", "2011-12-29").unwrap();
        assert_eq!(day.end_ms - day.start_ms, 24 * HOUR_MS);
        assert!(Calendar::of("Europe/Atlantis").is_none());
    }

    #[test]
    fn dates_are_written_in_full() {
        for date in ["2026-01-31", "2024-02-29", "0001-01-01"] {
            assert_eq!(parse(date).unwrap().to_string(), date);
        }
        for wrong in ["2026-02-29", "20260131", "2026-1-31", "2026-01-31T00:00", "", "monday"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        let first = parse("2024-03-01").unwrap();
        assert_eq!(before(first, 1).unwrap().to_string(), "2024-02-29");
        assert_eq!(before(Date::MIN, 1), None);
    }
}
