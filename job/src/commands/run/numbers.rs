//! The numbers of the last final windows, for a line on a terminal.

use serde_json::Value;
use std::collections::BTreeMap;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::results::{Stored, Topic};

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
    watermark_ms: Option<i64>,
    rate: f64,
}

impl Numbers {
    /// Takes a record of one of the topics.
    pub(super) fn apply(&mut self, record: &Stored<'_>) {
        let json = record.value.and_then(|value| serde_json::from_slice::<Value>(value).ok());
        match (record.topic, json) {
            (Topic::Alerts, Some(alert)) => {
                self.alerts += if alert["state"] == "firing" { 1 } else { -1 };
            }
            (Topic::Sessions, Some(session)) => {
                // One that is corrected stood before.
                self.sessions += i64::from(session["state"] == "final");
            }
            (Topic::Sessions, None) => self.sessions -= 1,
            (Topic::ProcessedMetrics, json) => self.note(record.key, json.as_ref()),
            (Topic::JobStatus, Some(status)) => {
                self.watermark_ms = status["watermark"].as_i64();
                self.rate = status["eventsPerSecond"].as_f64().unwrap_or(0.0);
            }
            _ => {}
        }
    }

    fn note(&mut self, key: &[u8], json: Option<&Value>) {
        let key = String::from_utf8_lossy(key);
        let mut parts = key.split('|');
        let metric =
            parts.next().and_then(|name| Metric::ALL.into_iter().find(|m| m.name() == name));
        let end_ms = parts.nth(1).and_then(|end| end.parse().ok());
        let (Some(metric), Some(end_ms)) = (metric.filter(|m| is_told(*m)), end_ms) else {
            return;
        };
        let currency = parts.next().and_then(|d| d.strip_prefix("currency=")).unwrap_or_default();
        let key = (metric, currency.to_owned());
        let kept_ms = self.latest.get(&key).map(|kept| kept.end_ms);
        match json.and_then(|json| Some((json["value"].as_f64()?, json["count"].as_i64()))) {
            Some((value, count)) if kept_ms.is_none_or(|kept_ms| kept_ms <= end_ms) => {
                let count = count.unwrap_or(0);
                self.latest.insert(key, Latest { end_ms, value, count });
            }
            None if kept_ms == Some(end_ms) => {
                self.latest.remove(&key);
            }
            _ => {}
        }
    }

    /// One line; `now_ms` is the clock.
    pub(super) fn line(&self, now_ms: i64) -> String {
        let rate = self.rate;
        if self.latest.is_empty() {
            return format!("no window is final yet · {rate:.0} events/s");
        }
        let value = |metric| self.value(metric);
        let (currency, revenue) = self.revenue();
        let behind = self.watermark_ms.map_or_else(
            || "no event yet".to_owned(),
            |watermark_ms| format!("behind {:.1} s", (now_ms - watermark_ms) as f64 / 1000.0),
        );
        format!(
            "page views/s {} · active users {} (5 min {}) · bounce rate {} % · session {} s · \
             conversion rate {} % · revenue/user {revenue}{currency} · sessions ended {} · \
             alerts {} · {rate:.0} events/s · {behind}",
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

    /// The line after these records: topic, key, value.
    fn line(records: &[(Topic, &str, Option<&str>)]) -> String {
        let mut numbers = Numbers::default();
        for &(topic, key, value) in records {
            let (key, value) = (key.as_bytes(), value.map(str::as_bytes));
            numbers.apply(&Stored {
                at_ms: 0,
                partition: 0,
                offset: 0,
                topic,
                epoch: 0,
                key,
                value,
            });
        }
        numbers.line(3_500)
    }

    #[test]
    fn what_is_retracted_is_told_no_more() {
        const VIEWS: &str = "PAGE_VIEWS_PER_SECOND|0|5000|";
        let mut records = vec![
            (Topic::ProcessedMetrics, "ACTIVE_USERS|0|5000|", Some(r#"{"value":8,"count":9}"#)),
            (Topic::ProcessedMetrics, VIEWS, Some(r#"{"value":2.5,"count":5}"#)),
            (Topic::Sessions, "SESSION|1||", Some(r#"{"state":"final"}"#)),
            (Topic::Sessions, "SESSION|2||", Some(r#"{"state":"final"}"#)),
            (Topic::Sessions, "SESSION|2||", Some(r#"{"state":"corrected"}"#)),
            (Topic::JobStatus, "job", Some(r#"{"watermark":1000,"eventsPerSecond":3}"#)),
        ];
        let told = line(&records);
        assert!(told.contains("page views/s 2.5 · active users 8.0"), "{told}");
        assert!(told.contains("sessions ended 2 ") && told.ends_with("behind 2.5 s"), "{told}");
        records.push((Topic::ProcessedMetrics, VIEWS, None));
        records.push((Topic::Sessions, "SESSION|2||", None));
        let told = line(&records);
        assert!(told.contains("page views/s — · active users 8.0"), "{told}");
        assert!(told.contains("sessions ended 1 "), "{told}");
    }

    #[test]
    fn before_the_first_final_window_the_line_says_so() {
        let list = (Topic::ProcessedMetrics, "DEVICES|0|5|", Some(r#"{"value":8}"#));
        assert_eq!(line(&[list]), "no window is final yet · 0 events/s");
    }
}
