//! What a key is of: a result, or an alert of a rule.

use super::kind::{Kind, Of};
use super::threshold::Row;
use crate::alert::{AlertRule, Sequence, Threshold};
use crate::config::format_duration;
use std::sync::Arc;
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::alert::HIGH_BOUNCE_RATE;
use streamgauge_sink::metric::Metric;

/// What a key is of.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// A result.
    Result(&'static Kind),
    /// An alert of HIGH_BOUNCE_RATE.
    Bounce,
    /// An alert of a sequence rule.
    Sequence(Arc<AlertRule>),
    /// An alert of a threshold rule.
    Threshold(Row),
}

impl Subject {
    pub(super) fn of(&self) -> Of {
        match self {
            Self::Result(kind) => kind.of,
            Self::Bounce | Self::Sequence(_) => Of::Events,
            Self::Threshold(row) => row.kind.of,
        }
    }

    pub(super) fn family(&self) -> Family {
        match self {
            Self::Result(kind) => kind.family,
            Self::Bounce | Self::Sequence(_) => Family::Alerts,
            Self::Threshold(row) => row.kind.family,
        }
    }

    pub(super) fn metric(&self) -> Option<Metric> {
        match self {
            Self::Result(kind) => Some(kind.metric),
            _ => None,
        }
    }

    /// The sequence, if it is an alert of one.
    pub(super) fn sequence(&self) -> Option<&Sequence> {
        match self {
            Self::Sequence(rule) => rule.sequence(),
            _ => None,
        }
    }

    /// The row of windows, if it is an alert of one.
    pub(super) fn row(&self) -> Option<&Row> {
        match self {
            Self::Threshold(row) => Some(row),
            _ => None,
        }
    }

    /// Whether it is an alert of a rule of the configuration.
    pub(super) fn is_of_configured_rule(&self) -> bool {
        matches!(self, Self::Sequence(_) | Self::Threshold(_))
    }

    /// The type of the result, or of the alert.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Result(kind) => kind.metric.name().to_owned(),
            Self::Bounce => HIGH_BOUNCE_RATE.alert_type.to_owned(),
            Self::Sequence(rule) => rule.alert_type(),
            Self::Threshold(row) => row.rule.alert_type(),
        }
    }

    /// When its rule fires, in words, if that is one of the configuration.
    pub(super) fn rule_in_words(&self) -> Option<String> {
        match self {
            Self::Result(_) | Self::Bounce => None,
            Self::Sequence(rule) => {
                let Sequence { first, then, is_without, within_ms } = rule.sequence()?;
                let not = if *is_without { "not " } else { "" };
                let (first, then) = (first.text(), then.text());
                let within = format_duration(*within_ms);
                Some(format!("its rule is {}: {first}, and {not}{then} within {within}", rule.name))
            }
            Self::Threshold(Row { rule, dimensions, .. }) => {
                let Threshold { metric, limit, windows, .. } = rule.threshold()?;
                let of = if dimensions.is_empty() { "" } else { " of " };
                let in_a_row = match windows {
                    1 => String::new(),
                    n => format!(" in {n} windows in a row"),
                };
                let (name, metric, side) = (&rule.name, metric.name(), limit.side.word());
                let value = limit.value;
                Some(format!(
                    "its rule is {name}: {metric}{of}{dimensions} {side} {value}{in_a_row}"
                ))
            }
        }
    }
}
