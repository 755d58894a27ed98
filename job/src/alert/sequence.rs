//! An alert of a sequence rule.

use super::threshold::rfc3339;
use super::{AlertRule, Sequence, When};
use crate::config::format_duration;
use crate::publish::Item;
use crate::window::Windows;
use std::sync::Arc;
use streamgauge_sink::alert::Alert;
use streamgauge_sink::change::Topic;
use streamgauge_sink::decimal::Decimal;

/// A user who did the first step of a rule, and then, or not, the second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SequenceAlert {
    /// The rule: a sequence.
    pub rule: Arc<AlertRule>,
    /// The user.
    pub user: Arc<str>,
    /// The time of the first step, ms.
    pub start_ms: i64,
    /// The time of the second, or until when it did not come, ms.
    pub end_ms: i64,
}

impl SequenceAlert {
    fn within_ms(&self) -> i64 {
        self.rule.sequence().map_or(0, |sequence| sequence.within_ms)
    }

    fn with<T>(&self, make: impl Fn(&Alert<'_>) -> T) -> T {
        let (rule, within_ms) = (&*self.rule, self.within_ms());
        let seconds = |ms: i64| Decimal::ratio(i128::from(ms), 1_000);
        let (value, threshold) = (seconds(self.end_ms - self.start_ms), seconds(within_ms));
        let (first, then) = match &rule.when {
            When::Sequence(Sequence { first, then, .. }) => (first.text(), then.text()),
            When::Threshold(_) => ("", ""),
        };
        let values = [
            ("rule", &*rule.name),
            ("severity", rule.severity),
            ("user", &*self.user),
            ("first", first),
            ("then", then),
            ("value", &value.to_string()),
            ("threshold", &threshold.to_string()),
            ("within", &format_duration(within_ms)),
            ("start", &rfc3339(self.start_ms)),
            ("end", &rfc3339(self.end_ms)),
        ];
        make(&Alert {
            rule: &rule.name,
            version: rule.version,
            alert_type: &rule.alert_type(),
            severity: rule.severity,
            title: &rule.title.fill(&values),
            description: &rule.description.fill(&values),
            subject: &self.user,
            user: Some(&self.user),
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            value,
            threshold,
        })
    }
}

impl Item for SequenceAlert {
    const TOPIC: Topic = Topic::Alert;

    fn key(&self) -> Vec<u8> {
        self.with(|alert| alert.key())
    }

    fn body(&self) -> Vec<u8> {
        self.with(|alert| alert.body(true))
    }

    fn retraction(&self) -> Vec<u8> {
        self.with(|alert| alert.body(false))
    }

    fn is_passed(&self, watermark_ms: i64) -> bool {
        watermark_ms > self.end_ms
    }

    fn frozen_ms(&self, windows: &Windows) -> i64 {
        windows.sequence_expires_ms(self.start_ms, self.within_ms())
    }
}
