//! What can be explained: one entry for each type of result, one for each rule.
//!
//! A new type is a line here, and what its records count as in
//! [`counted`](super::counted).

use crate::day::HOUR_MS;
use crate::window::{ACTIVE_WINDOW_MS, BUSINESS_WINDOW_MS, HOUR_PANE_MS, HOUR_WINDOW_MS, Windows};
use std::ops::RangeInclusive;
use streamgauge_ingest::lateness::{ALERT_PANE_MS, BUSINESS_PANE_MS, Family, REAL_TIME_PANE_MS};
use streamgauge_sink::metric::Metric;

/// What a result is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The events of a span of event time.
    Events,
    /// The sessions that ended in its window.
    Sessions,
    /// The same, and whether their users had others before.
    SessionsOfUsers,
    /// One session.
    Session,
}

impl Of {
    /// Whether it is made from sessions that must be found first.
    pub(super) fn is_of_windows_of_sessions(self) -> bool {
        matches!(self, Self::Sessions | Self::SessionsOfUsers)
    }
}

/// A type of result.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) metric: Metric,
    pub(super) of: Of,
    /// The family whose lateness decides.
    pub(super) family: Family,
    /// Length of its windows, ms; 0 of days, which differ.
    pub(super) window_ms: i64,
    /// From one window to the next, ms; 0 of days.
    pub(super) step_ms: i64,
    /// How long before its window's end an event may count, ms; 0 if not before its start.
    pub(super) reach_ms: i64,
    /// Its dimension, if it has one.
    pub(super) dimension: Option<&'static str>,
}

const fn real_time(metric: Metric, reach_ms: i64) -> Kind {
    let (window_ms, step_ms) = (REAL_TIME_PANE_MS, REAL_TIME_PANE_MS);
    let (of, family) = (Of::Events, Family::RealTime);
    Kind { metric, of, family, window_ms, step_ms, reach_ms, dimension: None }
}

const fn business(metric: Metric, dimension: Option<&'static str>) -> Kind {
    let (window_ms, step_ms) = (BUSINESS_WINDOW_MS, BUSINESS_PANE_MS);
    let (of, family) = (Of::Events, Family::Business);
    Kind { metric, of, family, window_ms, step_ms, reach_ms: window_ms, dimension }
}

const fn hour(metric: Metric, of: Of, dimension: Option<&'static str>) -> Kind {
    let (window_ms, step_ms) = (HOUR_WINDOW_MS, HOUR_PANE_MS);
    Kind { metric, of, family: Family::Session, window_ms, step_ms, reach_ms: 0, dimension }
}

/// Of sessions that ended in a real-time window, or of one session.
const fn sessions(metric: Metric, of: Of) -> Kind {
    let (window_ms, step_ms) = (REAL_TIME_PANE_MS, REAL_TIME_PANE_MS);
    Kind { metric, of, family: Family::Session, window_ms, step_ms, reach_ms: 0, dimension: None }
}

const fn day(metric: Metric, of: Of, dimension: Option<&'static str>) -> Kind {
    let family = match of {
        Of::Events => Family::Business,
        _ => Family::Session,
    };
    Kind { metric, of, family, window_ms: 0, step_ms: 0, reach_ms: 0, dimension }
}

/// All types, in the order of the catalogue.
pub(super) const KINDS: [Kind; 34] = [
    real_time(Metric::PageViewsPerSecond, REAL_TIME_PANE_MS),
    real_time(Metric::ActiveUsers, REAL_TIME_PANE_MS),
    real_time(Metric::ActiveUsers5m, ACTIVE_WINDOW_MS),
    sessions(Metric::BounceRate, Of::Sessions),
    sessions(Metric::AverageSessionDuration, Of::Sessions),
    business(Metric::ConversionRate, None),
    business(Metric::RevenuePerUser, Some("currency")),
    business(Metric::PopularContent, None),
    business(Metric::GeoDistribution, None),
    business(Metric::Devices, None),
    business(Metric::Browsers, None),
    business(Metric::Os, None),
    business(Metric::Referrers, None),
    business(Metric::PageLoadTime, None),
    sessions(Metric::Session, Of::Session),
    hour(Metric::Journeys, Of::Sessions, None),
    hour(Metric::Funnel, Of::Sessions, Some("funnel")),
    hour(Metric::Behaviour, Of::SessionsOfUsers, None),
    hour(Metric::AbandonmentRate, Of::Sessions, Some("funnel")),
    day(Metric::DayVisitors, Of::Events, None),
    day(Metric::DayPageViews, Of::Events, None),
    day(Metric::DayConversions, Of::Events, None),
    day(Metric::DayRevenue, Of::Events, Some("currency")),
    day(Metric::DaySessions, Of::Sessions, None),
    day(Metric::DayBounceRate, Of::Sessions, None),
    day(Metric::DayAverageSessionDuration, Of::Sessions, None),
    day(Metric::DayPages, Of::Events, None),
    day(Metric::DayReferrers, Of::Events, None),
    day(Metric::DayCountries, Of::Events, None),
    day(Metric::DayDevices, Of::Events, None),
    day(Metric::DayCampaigns, Of::Events, None),
    day(Metric::DayEntryPages, Of::Sessions, None),
    day(Metric::DayExitPages, Of::Sessions, None),
    day(Metric::DayHours, Of::Events, None),
];

/// How long a day can be, ms, with room for any change of clocks.
pub(super) const DAYS_MS: RangeInclusive<i64> = HOUR_MS..=49 * HOUR_MS;

/// The windows of the rule HIGH_BOUNCE_RATE.
pub(super) const ALERT_WINDOW_MS: i64 = ALERT_PANE_MS;

impl Kind {
    /// The type of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.metric.name() == name)
    }

    /// Whether its windows are days.
    pub(super) fn is_of_days(&self) -> bool {
        self.metric.is_of_days()
    }

    /// How long before the end of a window of this length an event may count, ms.
    pub(super) fn reach_ms(&self, window_ms: i64) -> i64 {
        self.reach_ms.max(window_ms)
    }

    /// When a result of a window that ends at `end_ms` is frozen, in ms of the global
    /// watermark. Of a session: when it is dropped at the latest, given the time it
    /// ended at.
    pub(super) fn frozen_ms(&self, windows: &Windows, end_ms: i64) -> i64 {
        match self.of {
            Of::Events if self.is_of_days() => windows.sessions_frozen_ms(end_ms),
            Of::Events => windows.frozen_ms(end_ms),
            Of::Sessions | Of::SessionsOfUsers => windows.sessions_frozen_ms(end_ms),
            Of::Session => windows.session_expires_ms(end_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_can_be_explained() {
        for (metric, kind) in Metric::ALL.into_iter().zip(&KINDS) {
            assert_eq!(kind.metric, metric);
            assert_eq!(Kind::find(metric.name()).map(|k| k.metric), Some(metric));
        }
    }
}
