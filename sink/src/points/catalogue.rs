//! What each type of result becomes: the part of the catalogue that stores need.
//!
//! It names types by their text and not by [`Metric`](crate::metric::Metric): a
//! store reads what any version of the job has published.

/// The form of a result's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `value`, and `count` if the flag is set.
    Value { count: bool },
    /// A list of pages.
    Pages,
    /// A list of names.
    Names,
    /// Countries and cities.
    Geo,
    /// Three percentiles.
    Percentiles,
    /// Paths and transitions.
    Journeys,
    /// Steps.
    Funnel,
    /// Two histograms.
    Behaviour,
    /// Names of a day.
    DayNames,
    /// Campaigns.
    Campaigns,
    /// Hours.
    Hours,
    /// No points at all.
    Nothing,
}

/// A type of result.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) metric: &'static str,
    pub(super) measurement: &'static str,
    pub(super) category: &'static str,
    pub(super) dimension: Option<&'static str>,
    pub(super) shape: Shape,
}

impl Entry {
    const fn new(
        metric: &'static str,
        measurement: &'static str,
        category: &'static str,
        dimension: Option<&'static str>,
        shape: Shape,
    ) -> Self {
        Self { metric, measurement, category, dimension, shape }
    }
}

/// Places in a list of pages or names, in one of paths, and in one of cities.
pub(super) const MOST_PLACES: usize = 20;
/// Places in the lists of a day.
pub(super) const MOST_OF_DAY: usize = 50;
/// Places in the list of countries.
pub(super) const MOST_COUNTRIES: usize = 300;
/// Places in the list of transitions.
pub(super) const MOST_TRANSITIONS: usize = 50;
/// The measurement of cities.
pub(super) const CITIES: &str = "geo_cities";
/// The measurement of transitions.
pub(super) const TRANSITIONS: &str = "journey_transitions";

const REAL_TIME: &str = "real_time";
const BUSINESS: &str = "business";
const SESSION: &str = "session";
const DAY: &str = "day";
const COUNTED: Shape = Shape::Value { count: true };

const ENTRIES: [Entry; 34] = [
    Entry::new("PAGE_VIEWS_PER_SECOND", "page_views_per_second", REAL_TIME, None, COUNTED),
    Entry::new("ACTIVE_USERS", "active_users", REAL_TIME, None, COUNTED),
    Entry::new(
        "ACTIVE_USERS_5M",
        "active_users_5m",
        REAL_TIME,
        None,
        Shape::Value { count: false },
    ),
    Entry::new("BOUNCE_RATE", "bounce_rate", REAL_TIME, None, COUNTED),
    Entry::new("AVERAGE_SESSION_DURATION", "average_session_duration", REAL_TIME, None, COUNTED),
    Entry::new("CONVERSION_RATE", "conversion_rate", BUSINESS, None, COUNTED),
    Entry::new("REVENUE_PER_USER", "revenue_per_user", BUSINESS, Some("currency"), COUNTED),
    Entry::new("POPULAR_CONTENT", "popular_content", BUSINESS, None, Shape::Pages),
    Entry::new("GEO_DISTRIBUTION", "geo_distribution", BUSINESS, None, Shape::Geo),
    Entry::new("DEVICES", "devices", BUSINESS, None, Shape::Names),
    Entry::new("BROWSERS", "browsers", BUSINESS, None, Shape::Names),
    Entry::new("OS", "os", BUSINESS, None, Shape::Names),
    Entry::new("REFERRERS", "referrers", BUSINESS, None, Shape::Names),
    Entry::new("PAGE_LOAD_TIME", "page_load_time", BUSINESS, None, Shape::Percentiles),
    Entry::new("SESSION", "session", SESSION, None, Shape::Nothing),
    Entry::new("JOURNEYS", "journeys", SESSION, None, Shape::Journeys),
    Entry::new("FUNNEL", "funnel", SESSION, Some("funnel"), Shape::Funnel),
    Entry::new("BEHAVIOUR", "behaviour", SESSION, None, Shape::Behaviour),
    Entry::new("ABANDONMENT_RATE", "abandonment_rate", SESSION, Some("funnel"), COUNTED),
    Entry::new("DAY_VISITORS", "day_visitors", DAY, None, COUNTED),
    Entry::new("DAY_PAGE_VIEWS", "day_page_views", DAY, None, COUNTED),
    Entry::new("DAY_CONVERSIONS", "day_conversions", DAY, None, COUNTED),
    Entry::new("DAY_REVENUE", "day_revenue", DAY, Some("currency"), COUNTED),
    Entry::new("DAY_SESSIONS", "day_sessions", DAY, None, COUNTED),
    Entry::new("DAY_BOUNCE_RATE", "day_bounce_rate", DAY, None, COUNTED),
    Entry::new("DAY_AVERAGE_SESSION_DURATION", "day_average_session_duration", DAY, None, COUNTED),
    Entry::new("DAY_PAGES", "day_pages", DAY, None, Shape::DayNames),
    Entry::new("DAY_REFERRERS", "day_referrers", DAY, None, Shape::DayNames),
    Entry::new("DAY_COUNTRIES", "day_countries", DAY, None, Shape::DayNames),
    Entry::new("DAY_DEVICES", "day_devices", DAY, None, Shape::DayNames),
    Entry::new("DAY_CAMPAIGNS", "day_campaigns", DAY, None, Shape::Campaigns),
    Entry::new("DAY_ENTRY_PAGES", "day_entry_pages", DAY, None, Shape::DayNames),
    Entry::new("DAY_EXIT_PAGES", "day_exit_pages", DAY, None, Shape::DayNames),
    Entry::new("DAY_HOURS", "day_hours", DAY, None, Shape::Hours),
];

/// The type of this name.
pub(super) fn find(metric: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.metric == metric)
}

/// The category of a measurement: the value of its tag `metric`. None if there is no
/// such measurement.
#[must_use]
pub fn category_of(measurement: &str) -> Option<&'static str> {
    match measurement {
        CITIES => Some(BUSINESS),
        TRANSITIONS => Some(SESSION),
        _ => {
            let entry = ENTRIES.iter().find(|entry| entry.measurement == measurement)?;
            (entry.shape != Shape::Nothing).then_some(entry.category)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Metric;

    #[test]
    fn every_type_of_result_is_known_with_its_category() {
        for metric in Metric::ALL {
            let entry = find(metric.name()).unwrap();
            assert_eq!(entry.category, metric.category(), "{metric:?}");
            assert_eq!(entry.measurement, metric.name().to_lowercase());
        }
    }
}
