//! What is in memory of the days of the site: of the current one and the one before.

use super::State;
use super::series::{Cell, Span};
use crate::days::{Extent, Facts};
use crate::wire::number;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::percent_decode;

impl State {
    /// What is known of the day with this window.
    pub(crate) fn day(&self, span: Span, extent: Extent) -> Facts {
        let mut facts = Facts::default();
        for metric in extent.metrics() {
            for (dimension, series) in self.series_of(metric) {
                if let Some(cell) = series.of(span)
                    && take(metric, dimension, cell, &mut facts).is_some()
                {
                    facts.heard(cell.standing);
                }
            }
        }
        facts
    }
}

/// Takes in a result; none if it is not such a one.
fn take(metric: Metric, dimension: &str, cell: &Cell, facts: &mut Facts) -> Option<()> {
    if let Some(value) = cell.value.as_deref() {
        let value = number(value.to_owned())?;
        if metric == Metric::DayRevenue {
            let currency = percent_decode(dimension.strip_prefix("currency=")?)?;
            facts.revenue.insert(currency, value);
        } else {
            facts.figures.insert(metric, value);
        }
        return Some(());
    }
    let body = cell.body.as_deref()?;
    if metric == Metric::DayHours {
        return facts.read_hours(body).then_some(());
    }
    facts.lists.insert(metric, serde_json::from_str(body.get()).ok()?);
    Some(())
}
