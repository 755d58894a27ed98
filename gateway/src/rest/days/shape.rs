//! What is said of a day.

use crate::catalogue::{DAY_FIGURES, DAY_LISTS};
use crate::days::calendar::{Calendar, Day, Hour};
use crate::days::{Facts, InHour, List};
use crate::times::rfc3339;
use crate::wire::{Number, Pairs, number};
use serde::Serialize;

const NOTHING: &str = "nothing is known of this day";

/// A day, and how sure what is told of it is; null if that is nothing.
#[derive(Serialize)]
struct Window {
    start: String,
    end: String,
    state: Option<&'static str>,
}

/// The figures of a day.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    date: String,
    window: Window,
    #[serde(flatten)]
    figures: Pairs<&'static str, Number>,
    revenue: Pairs<&'a str, Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl<'a> Summary<'a> {
    pub(super) fn new(day: Day, facts: &'a Facts) -> Self {
        let figure =
            |(name, metric): &(&'static str, _)| (*name, facts.figures.get(metric).cloned());
        let revenue =
            facts.revenue.iter().map(|(currency, value)| (&**currency, Some(value.clone())));
        let state = facts.standing.map(|standing| standing.name());
        Self {
            date: day.date.to_string(),
            window: Window { start: rfc3339(day.start_ms), end: rfc3339(day.end_ms), state },
            figures: Pairs(DAY_FIGURES.iter().map(figure).collect()),
            revenue: Pairs(revenue.collect()),
            note: facts.standing.is_none().then_some(NOTHING),
        }
    }
}

/// A day that another is compared with.
pub(super) struct Compared {
    pub(super) day: Day,
    pub(super) facts: Facts,
}

/// What an hour has come to; null where that is not known.
#[derive(Serialize)]
struct Values {
    views: Number,
    users: Number,
}

/// An hour, and beside it the same of other days.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HourRow {
    hour: i64,
    start: String,
    #[serde(flatten)]
    own: Values,
    day_before: Option<Values>,
    week_before: Option<Values>,
}

/// Everything of a day.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    current_hour: Option<HourRow>,
    hours: Vec<HourRow>,
    #[serde(flatten)]
    lists: Pairs<&'static str, Option<&'a List>>,
    day_before: Option<Summary<'a>>,
    week_before: Option<Summary<'a>>,
}

impl<'a> Whole<'a> {
    /// Of a day, compared with the one before and the one a week before, at a time and
    /// where events have been seen up to some other.
    pub(super) fn new(
        calendar: &Calendar,
        (day, facts): (Day, &'a Facts),
        compared: &'a [Option<Compared>; 2],
        (now_ms, watermark_ms): (i64, Option<i64>),
        note: Option<&'static str>,
    ) -> Self {
        let earlier = compared.each_ref().map(|other| {
            let Compared { day, facts } = other.as_ref()?;
            Some((calendar.hours(*day).collect::<Vec<_>>(), facts))
        });
        let row = |hour: Hour| {
            let same = |other: &Option<(Vec<Hour>, &Facts)>| {
                let (hours, facts) = other.as_ref()?;
                let same = hours.iter().find(|other| other.wall == hour.wall)?;
                in_hour(facts, *same, watermark_ms)
            };
            let nothing = Values { views: None, users: None };
            HourRow {
                hour: hour.number,
                start: rfc3339(hour.start_ms),
                own: in_hour(facts, hour, watermark_ms).unwrap_or(nothing),
                day_before: same(&earlier[0]),
                week_before: same(&earlier[1]),
            }
        };
        let is_now = |hour: &Hour| (0..HOUR_MS).contains(&(now_ms - hour.start_ms));
        let mut summary = Summary::new(day, facts);
        summary.note = note.or(summary.note);
        let list = |(name, metric): &(&'static str, _)| (*name, facts.lists.get(metric));
        let of = |other: &'a Option<Compared>| {
            other.as_ref().map(|Compared { day, facts }| Summary::new(*day, facts))
        };
        let [day_before, week_before] = compared.each_ref().map(of);
        Self {
            summary,
            current_hour: calendar.hours(day).find(is_now).map(row),
            hours: calendar.hours(day).map(row).collect(),
            lists: Pairs(DAY_LISTS.iter().map(list).collect()),
            day_before,
            week_before,
        }
    }
}

const HOUR_MS: i64 = 3_600_000;

/// What an hour has come to. Where others of its day are known and it has begun, that it
/// is not among them says that there was nothing; else nothing is known.
fn in_hour(facts: &Facts, hour: Hour, watermark_ms: Option<i64>) -> Option<Values> {
    let hours = facts.hours.as_ref()?;
    if let Some(InHour { views, users }) = hours.get(&hour.number) {
        return Some(Values { views: Some(views.clone()), users: Some(users.clone()) });
    }
    let has_begun = watermark_ms.is_some_and(|ms| hour.start_ms < ms);
    has_begun.then(|| Values { views: number("0".into()), users: number("0".into()) })
}
