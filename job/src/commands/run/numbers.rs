//! The numbers of the last final windows, for a line on a terminal.

use std::collections::BTreeMap;
use streamgauge::collect::EpochChanges;
use streamgauge_sink::change::{Change, State, Topic};
use streamgauge_sink::metric::Metric;

/// A value and the end of its window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Latest {
    end_ms: i64,
    value: f64,
    count: i64,
}

/// The last final value of each type that is told.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    latest: BTreeMap<(Metric, String), Latest>,
    sessions: i64,
    alerts: i64,
    watermark_ms: i64,
}

impl Numbers {
    /// Takes the changes of an epoch.
    pub(super) fn apply(&mut self, epoch: &EpochChanges) {
        self.watermark_ms = epoch.watermark_ms;
        for change in &epoch.changes {
            match change.topic {
                Topic::Alert => self.alerts += standing(change),
                Topic::Result(Metric::Session) => self.sessions += standing(change),
                Topic::Result(metric) if is_told(metric) => self.note(metric, change),
                Topic::Result(_) => {}
            }
        }
    }

    fn note(&mut self, metric: Metric, change: &Change) {
        if change.state == State::Provisional {
            return;
        }
        let mut line = change.body.clone();
        line.push(b'}');
        let Ok(record) = serde_json::from_slice::<serde_json::Value>(&line) else {
            return;
        };
        let Some(end_ms) = record["windowEnd"].as_i64() else {
            return;
        };
        let currency = record["dimensions"]["currency"].as_str().unwrap_or_default().to_owned();
        let key = (metric, currency);
        let kept_ms = self.latest.get(&key).map(|kept| kept.end_ms);
        // Of a retracted one only what identifies it is there.
        match record["value"].as_f64() {
            Some(value) if kept_ms.is_none_or(|kept_ms| kept_ms <= end_ms) => {
                let count = record["count"].as_i64().unwrap_or(0);
                self.latest.insert(key, Latest { end_ms, value, count });
            }
            None if kept_ms == Some(end_ms) => {
                self.latest.remove(&key);
            }
            _ => {}
        }
    }

    /// One line: `rate` is events read a second, `now_ms` the clock.
    pub(super) fn line(&self, rate: f64, now_ms: i64) -> String {
        if self.latest.is_empty() {
            return format!("no window is final yet · {rate:.0} events/s");
        }
        let value = |metric| self.value(metric);
        let (currency, revenue) = self.revenue();
        format!(
            "page views/s {} · active users {} (5 min {}) · bounce rate {} % · session {} s · \
             conversion rate {} % · revenue/user {revenue}{currency} · sessions ended {} · \
             alerts {} · {rate:.0} events/s · behind {:.1} s",
            value(Metric::PageViewsPerSecond),
            value(Metric::ActiveUsers),
            value(Metric::ActiveUsers5m),
            value(Metric::BounceRate),
            value(Metric::AverageSessionDuration),
            value(Metric::ConversionRate),
            self.sessions,
            self.alerts,
            (now_ms - self.watermark_ms) as f64 / 1000.0,
        )
    }

    fn value(&self, metric: Metric) -> String {
        let latest = self.latest.get(&(metric, String::new()));
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

/// By how much a change moves the number of what stands.
fn standing(change: &Change) -> i64 {
    let stands = matches!(change.state, State::Final | State::Corrected);
    i64::from(stands) - i64::from(change.replaces)
}

fn is_told(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::PageViewsPerSecond
            | Metric::ActiveUsers
            | Metric::ActiveUsers5m
            | Metric::BounceRate
            | Metric::AverageSessionDuration
            | Metric::ConversionRate
            | Metric::RevenuePerUser
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(metric: Metric, state: State, replaces: bool, body: &str) -> Change {
        let (topic, body) = (Topic::Result(metric), body.as_bytes().to_vec());
        Change { topic, key: Vec::new(), state, body, was: None, now: None, replaces }
    }

    /// The line after these changes.
    fn line(changes: Vec<Change>) -> String {
        let mut numbers = Numbers::default();
        numbers.apply(&EpochChanges { epoch: 0, watermark_ms: 1_000, changes });
        numbers.line(3.0, 3_500)
    }

    #[test]
    fn what_is_retracted_is_told_no_more() {
        let views = |state, replaces, rest: &str| {
            let body = format!("{{\"windowEnd\":5000,\"dimensions\":{{}}{rest}");
            change(Metric::PageViewsPerSecond, state, replaces, &body)
        };
        let users =
            change(Metric::ActiveUsers, State::Final, false, "{\"windowEnd\":5,\"value\":8");
        let session = |state, replaces| change(Metric::Session, state, replaces, "{");
        let before = vec![
            users,
            views(State::Final, false, ",\"value\":2.5,\"count\":5"),
            session(State::Final, false),
            session(State::Final, false),
        ];
        let told = line(before.clone());
        assert!(told.contains("page views/s 2.5 · active users 8.0"), "{told}");
        assert!(told.contains("sessions ended 2 ") && told.ends_with("behind 2.5 s"), "{told}");
        let mut after = before;
        after.push(views(State::Retracted, true, ""));
        after.push(session(State::Retracted, true));
        let told = line(after);
        assert!(told.contains("page views/s — · active users 8.0"), "{told}");
        assert!(told.contains("sessions ended 1 "), "{told}");
    }

    #[test]
    fn before_the_first_final_window_the_line_says_so() {
        let early = change(Metric::ActiveUsers, State::Provisional, false, "{\"windowEnd\":5");
        let list = change(Metric::Devices, State::Final, false, "{\"windowEnd\":5,\"value\":8");
        assert_eq!(line(vec![early, list]), "no window is final yet · 3 events/s");
    }
}
