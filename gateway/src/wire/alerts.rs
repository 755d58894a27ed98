//! Alerts as clients get them.

use crate::state::alerts::{Alert, Group, GroupKey};
use crate::times::rfc3339;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Debug, Serialize)]
struct AlertWindow {
    start: String,
    end: String,
}

/// An alert.
#[derive(Debug, Serialize)]
pub(crate) struct AlertItem<'a> {
    id: &'a str,
    kind: &'a str,
    rule: &'a str,
    severity: String,
    state: &'static str,
    title: &'a str,
    description: &'a str,
    user: &'a str,
    since: String,
    window: AlertWindow,
    value: Option<&'a RawValue>,
    threshold: Option<&'a RawValue>,
    seq: String,
}

impl<'a> AlertItem<'a> {
    pub(crate) fn new(alert: &'a Alert) -> Self {
        let end = rfc3339(alert.window_end_ms);
        Self {
            id: &alert.id,
            kind: &alert.kind,
            rule: &alert.rule,
            severity: alert.severity.to_lowercase(),
            state: if alert.firing { "firing" } else { "retracted" },
            title: &alert.title,
            description: &alert.description,
            user: &alert.user,
            since: end.clone(),
            window: AlertWindow { start: rfc3339(alert.window_start_ms), end },
            value: alert.value.as_deref(),
            threshold: alert.threshold.as_deref(),
            seq: alert.seq.to_string(),
        }
    }
}

/// How many alerts there are of a rule and window.
#[derive(Debug, Serialize)]
pub(crate) struct GroupItem<'a> {
    rule: &'a str,
    severity: String,
    title: &'a str,
    window: AlertWindow,
    firing: u64,
    retracted: u64,
}

impl<'a> GroupItem<'a> {
    pub(crate) fn new((key, group): (&'a GroupKey, &'a Group)) -> Self {
        let start = rfc3339(key.window_start_ms);
        Self {
            rule: &key.rule,
            severity: group.severity.to_lowercase(),
            title: &group.title,
            window: AlertWindow { start, end: rfc3339(key.window_end_ms) },
            firing: group.firing,
            retracted: group.retracted,
        }
    }
}
