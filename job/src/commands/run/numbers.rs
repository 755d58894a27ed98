//! The numbers of the last final windows, for a line on a terminal.

use std::collections::BTreeMap;
use streamgauge::collect::EpochChanges;
use streamgauge_sink::change::{State, Topic};
use streamgauge_sink::metric::Metric;

/// A value and the end of its window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Latest {
    end_ms: i64,
    value: f64,
    count: i64,
}

/// The last final value of each single-value type.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    latest: BTreeMap<(Metric, String), Latest>,
    sessions: u64,
    alerts: u64,
    watermark_ms: i64,
}

impl Numbers {
    /// Takes the changes of an epoch.
    pub(super) fn apply(&mut self, epoch: &EpochChanges) {
        self.watermark_ms = epoch.watermark_ms;
        for change in &epoch.changes {
            if !matches!(change.state, State::Final | State::Corrected) {
                continue;
            }
            match change.topic {
                Topic::Alert => self.alerts += u64::from(!change.replaces),
                Topic::Result(Metric::Session) => self.sessions += u64::from(!change.replaces),
                Topic::Result(metric) => self.note(metric, &change.body),
            }
        }
    }

    fn note(&mut self, metric: Metric, body: &[u8]) {
        let mut line = body.to_vec();
        line.push(b'}');
        let Ok(record) = serde_json::from_slice::<serde_json::Value>(&line) else {
            return;
        };
        let (Some(value), Some(end_ms)) = (record["value"].as_f64(), record["windowEnd"].as_i64())
        else {
            return;
        };
        let dimension = record["dimensions"]["currency"].as_str().unwrap_or_default().to_owned();
        let count = record["count"].as_i64().unwrap_or(0);
        let latest = Latest { end_ms, value, count };
        let kept = self.latest.entry((metric, dimension)).or_insert(latest);
        if end_ms >= kept.end_ms {
            *kept = latest;
        }
    }

    /// One line: `rate` is events read a second, `now_ms` the clock.
    pub(super) fn line(&self, rate: f64, now_ms: i64) -> String {
        let behind_s = if self.watermark_ms > 0 {
            format!("{:.1} s", (now_ms - self.watermark_ms) as f64 / 1000.0)
        } else {
            "no watermark yet".to_owned()
        };
        let value = |metric| self.value(metric, "");
        let (currency, revenue) = self.revenue();
        format!(
            "page views/s {} · active users {} (5 min {}) · bounce rate {} % · session {} s · \
             conversion rate {} % · revenue/user {revenue}{currency} · sessions ended {} · \
             alerts {} · {rate:.0} events/s · behind {behind_s}",
            value(Metric::PageViewsPerSecond),
            value(Metric::ActiveUsers),
            value(Metric::ActiveUsers5m),
            value(Metric::BounceRate),
            value(Metric::AverageSessionDuration),
            value(Metric::ConversionRate),
            self.sessions,
            self.alerts,
        )
    }

    fn value(&self, metric: Metric, dimension: &str) -> String {
        let latest = self.latest.get(&(metric, dimension.to_owned()));
        latest.map_or_else(|| "—".to_owned(), |l| format!("{:.1}", l.value))
    }

    /// Revenue in the currency that had most conversions in the last window.
    fn revenue(&self) -> (String, String) {
        let revenues = self.latest.iter().filter(|((m, _), _)| *m == Metric::RevenuePerUser);
        let newest = revenues.clone().map(|(_, l)| l.end_ms).max();
        let most = revenues.filter(|(_, l)| Some(l.end_ms) == newest).max_by_key(|(_, l)| l.count);
        match most {
            Some(((_, currency), l)) => (format!(" {currency}"), format!("{:.2}", l.value)),
            None => (String::new(), "—".to_owned()),
        }
    }
}
