//! Alerts of threshold rules: the windows that they follow from.
//!
//! What such an alert says depends on the windows of its row up to the k-th, and on the one
//! before, after which the row begins. These are computed again; what the row goes on with
//! changes nothing, and is not looked at.

use super::kind::{Kind, Of};
use crate::alert::{AlertRule, Threshold};
use crate::funnel::Funnel;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use streamgauge_sink::alert::alert_id;
use streamgauge_sink::decimal::Decimal;
use streamgauge_sink::record::dimensions_of_key;

/// Windows in a row beyond the limit of a rule.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The rule: a threshold.
    pub(super) rule: Arc<AlertRule>,
    /// The type of the results.
    pub(super) kind: &'static Kind,
    /// Their dimensions as keys have them.
    pub(super) dimensions: String,
    /// Start of the first window, ms.
    pub(super) start_ms: i64,
}

/// A window that an alert looks at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowPart {
    /// The key of its result, which can be explained itself.
    pub key: String,
    /// Start of the window, ms since the Unix epoch.
    pub window_start: i64,
    /// End of the window, ms.
    pub window_end: i64,
    /// The value of its result; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<RawValue>>,
    /// Whether the value is beyond the limit.
    pub beyond: bool,
    /// Its place in the row from 1; 0 of the window before it.
    pub place: u32,
}

/// Values of results by the end of the window, ms.
pub(super) type Values = BTreeMap<i64, Box<RawValue>>;

impl Row {
    /// The row of a rule that begins with a window; none if it is no threshold.
    pub(super) fn new(rule: &Arc<AlertRule>, dimensions: String, start_ms: i64) -> Option<Self> {
        let kind = Kind::find(rule.threshold()?.metric.name())?;
        Some(Self { rule: Arc::clone(rule), kind, dimensions, start_ms })
    }

    /// The row that an alert is of: its dimensions are only in its id.
    pub(super) fn of_alert(
        rule: &Arc<AlertRule>,
        id: &str,
        start_ms: i64,
        funnels: &[Funnel],
    ) -> Option<Self> {
        let row = |dimensions| Self::new(rule, dimensions, start_ms);
        let asked = &rule.threshold()?.dimensions;
        let is_it = |row: &Self| row.id() == id;
        match row(asked.to_string())? {
            row if !asked.is_empty() || row.kind.dimension.is_none() => Some(row).filter(is_it),
            Self { kind: Kind { dimension: Some("funnel"), .. }, .. } => {
                let named = |funnel: &Funnel| row(dimensions_of_key(&[("funnel", &funnel.name)]));
                funnels.iter().filter_map(named).find(is_it)
            }
            _ => currencies().filter_map(|name| row(of_currency(&name))).find(is_it),
        }
    }

    /// The id of its alert.
    pub(super) fn id(&self) -> String {
        let subject = format!("{}|{}", self.kind.metric.name(), self.dimensions);
        alert_id(&self.rule.name, self.rule.version, &subject, self.start_ms)
    }

    fn windows(&self) -> u32 {
        self.rule.threshold().map_or(1, |threshold| threshold.windows)
    }

    /// From the start of the first window to the end of the one that made it fire, ms.
    pub(super) fn window(&self) -> Range<i64> {
        let steps_ms = i64::from(self.windows() - 1) * self.kind.step_ms;
        self.start_ms..self.start_ms + self.kind.window_ms + steps_ms
    }

    /// Start of the window before it, ms.
    pub(super) fn before_ms(&self) -> i64 {
        self.start_ms - self.kind.step_ms
    }

    /// The event times that can matter to results over events, ms.
    pub(super) fn span(&self) -> Range<i64> {
        let before_end_ms = self.before_ms() + self.kind.window_ms;
        before_end_ms - self.kind.reach_ms(self.kind.window_ms)..self.window().end
    }

    /// The times at which sessions that can matter to results over sessions ended, ms.
    pub(super) fn ended(&self) -> Range<i64> {
        self.before_ms()..self.window().end
    }

    /// The end of each window, ms, and the key of its result: first of the one before.
    pub(super) fn keys(&self) -> impl Iterator<Item = (i64, String)> {
        let Kind { metric, window_ms, step_ms, .. } = self.kind;
        (0..=i64::from(self.windows())).map(move |place| {
            let start_ms = self.before_ms() + place * step_ms;
            let end_ms = start_ms + window_ms;
            (end_ms, format!("{}|{start_ms}|{end_ms}|{}", metric.name(), self.dimensions))
        })
    }

    /// Its windows with their values.
    pub(super) fn parts(&self, values: &Values) -> Vec<WindowPart> {
        let limit = self.rule.threshold().map(|Threshold { limit, .. }| *limit);
        let part = |(place, (window_end, key)): (u32, (i64, String))| {
            let value = values.get(&window_end).cloned();
            let number = value.as_ref().and_then(|value| Decimal::parse(value.get()));
            let beyond = number.zip(limit).is_some_and(|(number, limit)| limit.is_passed(number));
            let window_start = window_end - self.kind.window_ms;
            WindowPart { key, window_start, window_end, value, beyond, place }
        };
        (0..).zip(self.keys()).map(part).collect()
    }

    /// Starts of the windows to which an event at a time can matter, or the end of a
    /// session then, ms.
    pub(super) fn starts_around(kind: &Kind, at_ms: i64) -> impl Iterator<Item = i64> {
        let Kind { window_ms, step_ms, .. } = *kind;
        let reach_ms = match kind.of {
            Of::Events => kind.reach_ms(window_ms),
            _ => window_ms,
        };
        let first_ms = (at_ms.div_euclid(step_ms) + 1) * step_ms;
        let ends = (0..).map(move |n| first_ms + n * step_ms);
        ends.take_while(move |end_ms| end_ms - reach_ms <= at_ms).map(move |end| end - window_ms)
    }
}

/// The single value that a result is; none if it is another.
pub(super) fn value(body: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Single {
        value: Box<RawValue>,
    }
    let line = [body, b"}"].concat();
    serde_json::from_slice::<Single>(&line).ok().map(|single| single.value)
}

/// The dimensions of a result of this currency.
pub(super) fn of_currency(name: &str) -> String {
    dimensions_of_key(&[("currency", name)])
}

/// All names that a currency can have.
fn currencies() -> impl Iterator<Item = String> {
    let letters = || 'A'..='Z';
    letters().flat_map(move |a| {
        letters().flat_map(move |b| letters().map(move |c| String::from_iter([a, b, c])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Limit, Side, Template, When};
    use streamgauge_sink::metric::Metric;

    fn rule(metric: Metric, dimensions: &str, windows: u32) -> Arc<AlertRule> {
        let limit = Limit { side: Side::Above, value: Decimal::whole(2) };
        let when = Threshold { metric, dimensions: dimensions.into(), limit, windows };
        Arc::new(AlertRule {
            name: "busy".into(),
            version: 1,
            severity: "LOW",
            title: Template::kept(""),
            description: Template::kept(""),
            when: When::Threshold(when),
        })
    }

    #[test]
    fn a_row_is_its_windows_and_the_one_before() {
        let row = Row::new(&rule(Metric::ConversionRate, "", 2), String::new(), 60_000).unwrap();
        let keys: Vec<_> = row.keys().map(|(_, key)| key).collect();
        let expected = ["50000|110000", "60000|120000", "70000|130000"];
        assert_eq!(keys, expected.map(|window| format!("CONVERSION_RATE|{window}|")));
        assert_eq!((row.window(), row.span()), (60_000..130_000, 50_000..130_000));
        let number = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let values = Values::from([(110_000, number("2")), (120_000, number("2.000001"))]);
        let parts = row.parts(&values);
        let beyond: Vec<_> = parts.iter().map(|p| (p.place, p.value.is_some(), p.beyond)).collect();
        assert_eq!(beyond, [(0, true, false), (1, true, true), (2, false, false)]);
    }

    #[test]
    fn the_five_minutes_of_a_window_are_looked_at() {
        let row = Row::new(&rule(Metric::ActiveUsers5m, "", 1), String::new(), 600_000).unwrap();
        assert_eq!((row.window(), row.span()), (600_000..605_000, 300_000..605_000));
    }

    #[test]
    fn dimensions_are_found_by_the_id() {
        let found = |metric, asked: &str, meant: &str| {
            let rule = rule(metric, asked, 1);
            let id = Row::new(&rule, meant.to_owned(), 5_000).unwrap().id();
            let funnels = ["a", "b=c"].map(|name| Funnel {
                name: name.into(),
                steps: Vec::new(),
                strict: false,
                abandonment_step: 1,
            });
            Row::of_alert(&rule, &id, 5_000, &funnels).map(|row| row.dimensions)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found(Metric::BounceRate, "", ""), some(""));
        assert_eq!(found(Metric::RevenuePerUser, "", "currency=XYZ"), some("currency=XYZ"));
        assert_eq!(
            found(Metric::RevenuePerUser, "currency=EUR", "currency=EUR"),
            some("currency=EUR")
        );
        assert_eq!(found(Metric::RevenuePerUser, "currency=EUR", "currency=USD"), None);
        assert_eq!(found(Metric::AbandonmentRate, "", "funnel=b%3Dc"), some("funnel=b%3Dc"));
        assert_eq!(found(Metric::AbandonmentRate, "", "funnel=d"), None);
    }

    #[test]
    fn windows_around_a_time_are_those_that_hold_it() {
        let starts = |metric: Metric, at_ms| {
            let kind = Kind::find(metric.name()).unwrap();
            Row::starts_around(kind, at_ms).collect::<Vec<_>>()
        };
        assert_eq!(starts(Metric::ActiveUsers, 5_000), [5_000]);
        assert_eq!(starts(Metric::BounceRate, 4_999), [0]);
        let business = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000];
        assert_eq!(starts(Metric::ConversionRate, 60_000), business);
        assert_eq!(starts(Metric::ActiveUsers5m, 0).len(), 60);
        assert_eq!(starts(Metric::AbandonmentRate, 0).len(), 12);
    }
}
