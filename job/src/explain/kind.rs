//! What can be explained: one entry for each type of result, one for each rule.
//!
//! A new type is a line here, and what its records count as in
//! [`counted`](super::counted).

use crate::window::{ACTIVE_WINDOW_MS, BUSINESS_WINDOW_MS, HOUR_PANE_MS, HOUR_WINDOW_MS, Windows};
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
    /// Length of its windows, ms.
    pub(super) window_ms: i64,
    /// From one window to the next, ms.
    pub(super) step_ms: i64,
    /// How long before its window's end an event may count, ms.
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

/// All types, in the order of the catalogue.
pub(super) const KINDS: [Kind; 19] = [
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
];

/// The windows of the rule HIGH_BOUNCE_RATE, the one that alerts.
pub(super) const ALERT_WINDOW_MS: i64 = ALERT_PANE_MS;

impl Kind {
    /// The type of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.metric.name() == name)
    }

    /// When a result of a window that ends at `end_ms` is frozen, in ms of the global
    /// watermark. Of a session: when it is dropped at the latest, given the time it
    /// ended at.
    pub(super) fn frozen_ms(&self, windows: &Windows, end_ms: i64) -> i64 {
        match self.of {
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
    fn every_type_but_those_of_days_can_be_explained() {
        let metrics = Metric::ALL.into_iter().filter(|metric| !metric.is_of_days());
        for (metric, kind) in metrics.zip(&KINDS) {
            assert_eq!(kind.metric, metric);
            assert_eq!(Kind::find(metric.name()).map(|k| k.metric), Some(metric));
        }
    }
}
