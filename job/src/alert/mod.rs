//! Alert rules as data: what fires, and how it is told.
//!
//! A *threshold* rule looks at a single value of a result: it fires where the value is
//! beyond a limit in some windows in a row. It follows what is published
//! ([`thresholds`]). A *sequence* rule looks at the events of a user: one that matches
//! its first step, and then another that matches its second within a time, or none that
//! does. It is kept in the state per user.

mod limit;
mod runs;
mod sequence;
mod text;
mod threshold;

pub use limit::{Limit, Side};
pub use runs::{Alarm, Runs};
pub use sequence::SequenceAlert;
pub use text::{Placeholders, Template, UnknownPlaceholder};
pub use threshold::{Beyond, Held, Told, beyond, is_of_worker, thresholds};

use crate::funnel::Step;
use std::collections::BTreeSet;
use std::sync::Arc;
use streamgauge_sink::json::Object;
use streamgauge_sink::metric::Metric;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertRule {
    /// Its name.
    pub name: Arc<str>,
    /// Its version: a part of the identity of its alerts.
    pub version: u32,
    /// `severity` of its alerts.
    pub severity: &'static str,
    /// `title` of its alerts.
    pub title: Template,
    /// `description` of its alerts.
    pub description: Template,
    /// When it fires.
    pub when: When,
}

/// When a rule fires.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// A result is beyond a limit.
    Threshold(Threshold),
    /// A user does something, and then something else, or not.
    Sequence(Sequence),
}

/// A result is beyond a limit in some windows in a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold {
    /// The type of the result.
    pub metric: Metric,
    /// The dimensions as in its key (`currency=EUR`); empty: each result of the type for
    /// itself.
    pub dimensions: Arc<str>,
    /// The limit.
    pub limit: Limit,
    /// In how many windows in a row, from 1.
    pub windows: u32,
}

/// Two steps of one user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sequence {
    /// The first step.
    pub first: Step,
    /// The second.
    pub then: Step,
    /// Whether it fires where the second does *not* come.
    pub is_without: bool,
    /// The longest time from the first to the second, ms; above 0.
    pub within_ms: i64,
}

/// The times of sequence rules, each once, in ascending order, ms.
#[must_use]
pub fn sequence_spans_ms(rules: &[Arc<AlertRule>]) -> Vec<i64> {
    let sequences = rules.iter().filter_map(|rule| rule.sequence());
    let spans: BTreeSet<i64> = sequences.map(|sequence| sequence.within_ms).collect();
    spans.into_iter().collect()
}

impl AlertRule {
    /// `alertType` of its alerts.
    #[must_use]
    pub fn alert_type(&self) -> String {
        self.name.to_ascii_uppercase()
    }

    /// The rule as a sequence.
    #[must_use]
    pub fn sequence(&self) -> Option<&Sequence> {
        match &self.when {
            When::Sequence(sequence) => Some(sequence),
            When::Threshold(_) => None,
        }
    }

    /// The rule as a threshold.
    #[must_use]
    pub fn threshold(&self) -> Option<&Threshold> {
        match &self.when {
            When::Threshold(threshold) => Some(threshold),
            When::Sequence(_) => None,
        }
    }

    /// Appends all of it as one JSON object.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut o = Object::open(out);
        o.text("rule", &self.name)
            .integer("ruleVersion", self.version)
            .text("severity", self.severity)
            .text("title", self.title.text())
            .text("description", self.description.text());
        match &self.when {
            When::Threshold(Threshold { metric, dimensions, limit, windows }) => {
                o.text("metric", metric.name()).text("dimensions", dimensions);
                limit.value.write(o.field(limit.side.word()));
                o.integer("windows", *windows);
            }
            When::Sequence(Sequence { first, then, is_without, within_ms }) => {
                o.text("first", first.text())
                    .text(if *is_without { "without" } else { "then" }, then.text())
                    .integer("withinMs", *within_ms);
            }
        }
        o.close();
    }
}
