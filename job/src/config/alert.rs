//! Alert rules as they are configured, checked in full.
//!
//! Invariant: a rule has a name of its own, and it can fire.

use super::format_duration;
use super::problem::Origin;
use super::schema::Key;
use super::value::Value;
use crate::alert::{AlertRule, Sequence, Threshold, When};

/// A rule, and where it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The rule.
    pub rule: AlertRule,
    /// Where it stands.
    pub origin: Origin,
}

impl Alert {
    /// The value of a key of the rule's section, as the file has it; none where the rule
    /// has no use for it.
    pub(super) fn value(&self, key: &Key) -> Option<Value> {
        let rule = &self.rule;
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match (key.name, &rule.when) {
            ("name", _) => text(&rule.name),
            ("version", _) => Some(Value::Integer(rule.version.into())),
            ("severity", _) => text(rule.severity),
            ("title", _) => text(rule.title.text()),
            ("description", _) => text(rule.description.text()),
            ("metric", When::Threshold(Threshold { metric, .. })) => text(metric.name()),
            ("dimensions", When::Threshold(Threshold { dimensions, .. })) => text(dimensions),
            ("windows", When::Threshold(Threshold { windows, .. })) => {
                Some(Value::Integer((*windows).into()))
            }
            (side, When::Threshold(Threshold { limit, .. })) if side == limit.side.word() => {
                Some(Value::Number(limit.value.to_string()))
            }
            ("first", When::Sequence(Sequence { first, .. })) => text(first.text()),
            ("then", When::Sequence(Sequence { then, is_without: false, .. }))
            | ("without", When::Sequence(Sequence { then, is_without: true, .. })) => {
                text(then.text())
            }
            ("within", When::Sequence(Sequence { within_ms, .. })) => {
                Some(Value::DurationMs(*within_ms))
            }
            _ => None,
        }
    }

    /// What it says where nothing is configured: title and description.
    pub(super) fn usual_texts(name: &str, when: &When) -> (String, String) {
        let mut title = name.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let description = match when {
            When::Threshold(Threshold { limit, windows: 1, .. }) => {
                format!(
                    "{{metric}} {{dimensions}} was {{value}}, {} {{threshold}}",
                    limit.side.word()
                )
            }
            When::Threshold(Threshold { limit, .. }) => format!(
                "{{metric}} {{dimensions}} was {{value}}, {} {{threshold}} in {{windows}} windows in a row",
                limit.side.word()
            ),
            When::Sequence(Sequence { is_without, within_ms, .. }) => {
                let not = if *is_without { "not " } else { "" };
                let within = format_duration(*within_ms);
                format!("User {{user}}: {{first}}, and {not}{{then}} within {within}")
            }
        };
        (
            title,
            description
                .replace(" {dimensions}", if has_dimensions(when) { " {dimensions}" } else { "" }),
        )
    }
}

fn has_dimensions(when: &When) -> bool {
    matches!(when, When::Threshold(t) if super::alert_file::dimension_of(t.metric).is_some())
}
