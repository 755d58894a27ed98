//! What is current of the results over the sessions of an hour.
//!
//! They slide by 5 min, so the newest window is the one that is filling. One is current
//! until the next has ended: where that came without a record, no session has ended
//! within its hour, and nothing is shown rather than what was.

use super::State;
use super::series::{Cell, Span};
use crate::catalogue::Family;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::{dimensions_of_key, percent_decode};

/// The dimension of what is told by funnel.
const FUNNEL: &str = "funnel=";

impl State {
    /// The newest window of such a result without dimensions, if it is current.
    pub(crate) fn hour(&self, metric: Metric) -> Option<(Span, &Cell)> {
        self.hour_of(metric, "")
    }

    /// The newest window of a funnel, if it is current.
    pub(crate) fn funnel(&self, name: &str) -> Option<(Span, &Cell)> {
        self.hour_of(Metric::Funnel, &dimension(name))
    }

    /// How many percent have abandoned a funnel in a window, if anybody could have.
    pub(crate) fn abandonment(&self, name: &str, span: Span) -> Option<&Cell> {
        let dimension = dimension(name);
        let (_, series) = self.series_of(Metric::AbandonmentRate).find(|(d, _)| *d == dimension)?;
        series.ending(span.end_ms).map(|(_, cell)| cell)
    }

    /// The names of the funnels of which there are results.
    pub(crate) fn funnels(&self) -> impl Iterator<Item = String> {
        let all = self.series_of(Metric::Funnel);
        all.filter_map(|(dimension, _)| percent_decode(dimension.strip_prefix(FUNNEL)?))
    }

    fn hour_of(&self, metric: Metric, dimension: &str) -> Option<(Span, &Cell)> {
        let (_, series) = self.series_of(metric).find(|(own, _)| *own == dimension)?;
        let last_ms = self.settled_ms.map(|ms| Family::Hour.last_end_ms(ms));
        series.newest().filter(|(span, _)| last_ms.is_none_or(|last_ms| span.end_ms >= last_ms))
    }
}

/// A funnel as the keys of results have it.
fn dimension(name: &str) -> String {
    dimensions_of_key(&[("funnel", name)])
}
