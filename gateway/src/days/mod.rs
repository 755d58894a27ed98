//! What is known of the days of a site.
//!
//! The current day and the one before stand in the [`State`](crate::state::State) as they
//! came; what is not there comes from the history. Either gives [`Facts`], and what is in
//! memory stands before what was kept, result by result: it is never older.

pub(crate) mod calendar;
mod past;
mod stored;

pub(crate) use past::Past;
pub(crate) use stored::shown;

use crate::catalogue::{DAY_FIGURES, DAY_LISTS};
use crate::state::series::Standing;
use calendar::Calendar;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use streamgauge_sink::metric::Metric;

/// JSON as it stands on the log.
pub(crate) type Raw = Box<RawValue>;

/// The days of a site.
#[derive(Debug)]
pub(crate) struct Days {
    /// Its dates.
    pub(crate) calendar: Calendar,
    /// What was read of those that are over.
    pub(crate) past: Past,
}

impl Days {
    /// Those of the time zone of this name; none if there is no such zone.
    pub(crate) fn of(zone: &str) -> Option<Self> {
        Some(Self { calendar: Calendar::of(zone)?, past: Past::default() })
    }
}

/// How much of a day is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Its figures.
    Figures,
    /// Those, and its hours.
    Hours,
    /// Those, and its lists.
    All,
}

impl Extent {
    /// The results that it takes.
    pub(crate) fn metrics(self) -> impl Iterator<Item = Metric> {
        let figures = DAY_FIGURES.iter().map(|(_, metric)| *metric).chain([Metric::DayRevenue]);
        let hours = (self >= Self::Hours).then_some(Metric::DayHours);
        let lists = DAY_LISTS.iter().filter(move |_| self == Self::All);
        figures.chain(hours).chain(lists.map(|(_, metric)| *metric))
    }
}

/// A list of a day.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct List {
    /// Its places.
    pub(crate) items: Vec<Raw>,
    other: Raw,
    count: Raw,
}

/// What an hour of a day has come to.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct InHour {
    /// Page views.
    pub(crate) views: Raw,
    /// Distinct users.
    pub(crate) users: Raw,
}

#[derive(Deserialize)]
struct Hours {
    items: Vec<HourItem>,
}

#[derive(Deserialize)]
struct HourItem {
    hour: i64,
    views: Raw,
    users: Raw,
}

/// What is known of a day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// How sure all of it is: as the least sure result.
    pub(crate) standing: Option<Standing>,
    /// Single values.
    pub(crate) figures: BTreeMap<Metric, Raw>,
    /// Revenue by currency.
    pub(crate) revenue: BTreeMap<String, Raw>,
    /// Lists.
    pub(crate) lists: BTreeMap<Metric, List>,
    /// Hours with an event, by number; none if nothing is known of any.
    pub(crate) hours: Option<BTreeMap<i64, InHour>>,
}

impl Facts {
    /// Notes how sure one of its results is.
    pub(crate) fn heard(&mut self, standing: Standing) {
        let sureness = |standing| match standing {
            Standing::Provisional => 0,
            Standing::Corrected => 1,
            Standing::Final => 2,
        };
        let all = [self.standing, Some(standing)].into_iter().flatten();
        self.standing = all.min_by_key(|standing| sureness(*standing));
    }

    /// Takes in the hours as the log has them; whether they can be understood.
    pub(crate) fn read_hours(&mut self, body: &RawValue) -> bool {
        let Ok(hours) = serde_json::from_str::<Hours>(body.get()) else { return false };
        let item = |HourItem { hour, views, users }| (hour, InHour { views, users });
        self.hours = Some(hours.items.into_iter().map(item).collect());
        true
    }

    /// These, and what they do not have of others.
    pub(crate) fn or(mut self, others: &Self) -> Self {
        let Self { standing, figures, revenue, lists, hours } = others;
        for (metric, value) in figures {
            self.figures.entry(*metric).or_insert_with(|| value.clone());
        }
        for (currency, value) in revenue {
            self.revenue.entry(currency.clone()).or_insert_with(|| value.clone());
        }
        for (metric, list) in lists {
            self.lists.entry(*metric).or_insert_with(|| list.clone());
        }
        self.hours = self.hours.or_else(|| hours.clone());
        if let Some(standing) = standing {
            self.heard(*standing);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_day_is_as_sure_as_its_least_sure_result() {
        let check = |all: &[Standing], expected| {
            let mut facts = Facts::default();
            all.iter().for_each(|standing| facts.heard(*standing));
            assert_eq!(facts.standing, expected);
        };
        use Standing::{Corrected, Final, Provisional};
        check(&[], None);
        check(&[Final, Final], Some(Final));
        check(&[Final, Corrected, Final], Some(Corrected));
        check(&[Corrected, Provisional, Final], Some(Provisional));
    }

    #[test]
    fn what_is_in_memory_stands_before_what_was_kept() {
        let mut memory = Facts::default();
        memory.figures.insert(Metric::DayVisitors, raw("8"));
        memory.heard(Standing::Corrected);
        let mut kept = Facts::default();
        kept.figures.insert(Metric::DayVisitors, raw("7"));
        kept.figures.insert(Metric::DaySessions, raw("9"));
        kept.revenue.insert("USD".into(), raw("1.5"));
        assert!(kept.read_hours(&raw(r#"{"items":[{"hour":3,"start":0,"views":2,"users":1}]}"#)));
        kept.heard(Standing::Final);
        let both = memory.or(&kept);
        assert_eq!(both.standing, Some(Standing::Corrected));
        assert_eq!(both.figures[&Metric::DayVisitors].get(), "8");
        assert_eq!(both.figures[&Metric::DaySessions].get(), "9");
        assert_eq!(both.revenue["USD"].get(), "1.5");
        assert_eq!(both.hours.unwrap()[&3].views.get(), "2");
    }

    #[test]
    fn every_result_over_days_is_told() {
        let mut all: Vec<_> = Extent::All.metrics().collect();
        all.sort_unstable();
        let expected = Metric::ALL.into_iter().filter(|metric| metric.is_of_days());
        assert_eq!(all, expected.collect::<Vec<_>>());
        assert_eq!((Extent::Figures.metrics().count(), Extent::Hours.metrics().count()), (7, 8));
    }
}
