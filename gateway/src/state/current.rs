//! What clients are shown of the state: current values, the original's map, rows.
//!
//! Where a window has ended without a record, page views and users are 0, as on a
//! quiet site; all else is left out: nothing is made up.

use super::State;
use super::series::{Cell, Series, Span, Standing};
use crate::catalogue::{Family, SINGLES, Single, hundredth};
use streamgauge_sink::metric::Metric;

/// A rate or a mean that no window newer than so has: it is not current any more, ms.
const STALE_AFTER_MS: i64 = 60_000;

/// A value and the window it is of.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    /// The number, as JSON.
    pub(crate) value: String,
    /// What it was counted over.
    pub(crate) count: Option<i64>,
    /// Its window.
    pub(crate) span: Span,
    /// How sure it is.
    pub(crate) standing: Standing,
}

impl State {
    pub(super) fn series_of(&self, metric: Metric) -> impl Iterator<Item = (&str, &Series)> {
        let from = (metric.name().into(), "".into());
        let own = move |((name, _), _): &(&super::SeriesKey, &Series)| **name == *metric.name();
        self.series.range(from..).take_while(own).map(|((_, dims), series)| (&**dims, series))
    }

    /// The newest end of a window of a family, with or without a record.
    fn newest_end_ms(&self, family: Family) -> Option<i64> {
        let of_family = SINGLES.iter().filter(|single| single.family == family);
        let newest = of_family
            .flat_map(|single| self.series_of(single.metric))
            .filter_map(|(_, series)| series.newest().map(|(span, _)| span.end_ms))
            .max();
        newest.max(self.settled_ms.map(|ms| family.last_end_ms(ms)))
    }

    /// The current value: that of the newest window.
    pub(crate) fn current(&self, single: &Single) -> Option<Current> {
        let found = self
            .series_of(single.metric)
            .filter_map(|(dims, series)| series.newest().map(|(span, cell)| (dims, span, cell)))
            .max_by(|a, b| (a.1, rank(a.0, a.2)).cmp(&(b.1, rank(b.0, b.2))));
        let newest_ms = self.newest_end_ms(single.family)?;
        let last_ms = self.settled_ms.map(|ms| single.family.last_end_ms(ms));
        if let Some((_, span, cell)) = found {
            let fresh = if single.zero {
                last_ms.is_none_or(|last_ms| span.end_ms >= last_ms)
            } else {
                span.end_ms > newest_ms - STALE_AFTER_MS
            };
            if fresh {
                return current(single, span, cell);
            }
        }
        last_ms.filter(|_| single.zero).map(|end_ms| nothing(single.family, end_ms))
    }

    /// The currency with most conversions in its newest window.
    pub(crate) fn currency(&self) -> Option<&str> {
        let (dims, _, _) = self
            .series_of(Metric::RevenuePerUser)
            .filter_map(|(dims, series)| series.newest().map(|(span, cell)| (dims, span, cell)))
            .max_by(|a, b| (a.1, rank(a.0, a.2)).cmp(&(b.1, rank(b.0, b.2))))?;
        dims.strip_prefix("currency=")
    }

    /// Revenue per user in each currency.
    pub(crate) fn revenue(&self) -> Vec<(&str, Current)> {
        let Some(single) = crate::catalogue::by_flat("revenuePerUser") else { return Vec::new() };
        let Some(newest_ms) = self.newest_end_ms(Family::Business) else { return Vec::new() };
        self.series_of(Metric::RevenuePerUser)
            .filter_map(|(dims, series)| {
                let (span, cell) = series.newest()?;
                let fresh = span.end_ms > newest_ms - STALE_AFTER_MS;
                let currency = dims.strip_prefix("currency=").filter(|_| fresh)?;
                Some((currency, current(single, span, cell)?))
            })
            .collect()
    }

    /// The map of the original's clients, without the time: each value of the last
    /// final window of its family.
    pub(crate) fn legacy(&self) -> Vec<(&'static str, String)> {
        let shown = SINGLES.iter().filter(|single| single.legacy);
        shown
            .filter_map(|single| {
                let value = self.last_final(single).and_then(|cell| shown_value(single, cell));
                let value = value.or_else(|| single.zero.then(|| "0".into()))?;
                Some((single.flat, value))
            })
            .collect()
    }

    fn last_final(&self, single: &Single) -> Option<&Cell> {
        let end_ms = single.family.last_end_ms(self.settled_ms?);
        let span = Span { end_ms, start_ms: end_ms - single.family.length_ms() };
        self.series_of(single.metric)
            .filter_map(|(dims, series)| Some((dims, series.settled(span)?)))
            .max_by(|a, b| rank(a.0, a.1).cmp(&rank(b.0, b.1)))
            .map(|(_, cell)| cell)
    }

    /// The newest record of a list, if it is current.
    pub(crate) fn list(&self, metric: Metric) -> Option<(Span, &Cell)> {
        let (_, series) = self.series_of(metric).next()?;
        let newest_ms = self.newest_end_ms(Family::Business);
        series
            .newest()
            .filter(|(span, _)| newest_ms.is_none_or(|ms| span.end_ms > ms - STALE_AFTER_MS))
    }

    /// The ends of the last real-time windows that have a record, in order.
    pub(crate) fn row_ends(&self, most: usize) -> Vec<i64> {
        let real_time = SINGLES.iter().filter(|single| single.family == Family::RealTime);
        let mut ends: Vec<i64> = real_time
            .flat_map(|single| self.series_of(single.metric))
            .flat_map(|(_, series)| series.ends_after(i64::MIN).take(most))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        ends.split_off(ends.len().saturating_sub(most))
    }

    /// What a single value was in the window that ends here.
    pub(crate) fn at(&self, single: &Single, end_ms: i64) -> Option<Current> {
        self.series_of(single.metric)
            .filter_map(|(dims, series)| {
                series.ending(end_ms).map(|(span, cell)| (dims, span, cell))
            })
            .max_by(|a, b| rank(a.0, a.2).cmp(&rank(b.0, b.2)))
            .and_then(|(_, span, cell)| current(single, span, cell))
    }
}

/// Of several currencies the one with most conversions, then the first by its bytes.
fn rank<'a>(dims: &'a str, cell: &Cell) -> (Option<i64>, std::cmp::Reverse<&'a str>) {
    (cell.count, std::cmp::Reverse(dims))
}

fn current(single: &Single, span: Span, cell: &Cell) -> Option<Current> {
    let value = shown_value(single, cell)?;
    Some(Current { value, count: cell.count, span, standing: cell.standing })
}

fn shown_value(single: &Single, cell: &Cell) -> Option<String> {
    let value = cell.value.as_deref()?;
    match single.metric {
        Metric::ConversionRate => Some(hundredth(value)),
        _ => Some(value.into()),
    }
}

fn nothing(family: Family, end_ms: i64) -> Current {
    let span = Span { end_ms, start_ms: end_ms - family.step_ms() };
    Current { value: "0".into(), count: Some(0), span, standing: Standing::Final }
}
