//! Alerts of configured rules: of results beyond a limit, and of users who go through two steps.
//!
//! Invariant: what a threshold rule says is a function of the results that are shown; what a
//! sequence rule says of the events bound so far and of the watermark.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::Settings;
use super::event::Event;
use super::funnels::matches;
use super::log::Log;
use super::record::quoted;

/// A rule; its alerts have its name as title, and value and threshold as description.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unlike that of all others.
    pub name: String,
    /// When it fires.
    pub when: When,
}

/// When a rule fires.
#[derive(Clone, Debug)]
pub enum When {
    /// In so many windows in a row a result of this type is beyond the limit.
    Threshold {
        /// The `metricType`.
        metric: String,
        /// Whether beyond is above.
        above: bool,
        /// In millionths.
        limit: i128,
        /// At least 1.
        windows: i64,
    },
    /// A user does the first and then, or not, the second.
    Sequence {
        /// As a funnel's step.
        first: String,
        /// As a funnel's step.
        then: String,
        /// Whether it fires where the second does not come.
        without: bool,
        /// The longest time between them, in ms.
        within_ms: i64,
    },
}

/// An alert, and from when it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    pub(super) id: String,
    pub(super) line: String,
    /// `windowEnd`, in ms.
    pub(super) end_ms: i64,
    /// When nothing can change it any more, in ms.
    pub(super) frozen_ms: i64,
    /// Its place in the file: rule, start, subject.
    pub(super) place: (String, i64, String),
}

/// The longest time of a sequence rule, in ms; 0 if there is none.
pub(super) fn longest_ms(s: &Settings) -> i64 {
    let within = |rule: &Rule| match rule.when {
        When::Sequence { within_ms, .. } => within_ms,
        When::Threshold { .. } => 0,
    };
    s.rules.iter().map(within).max().unwrap_or(0)
}

/// The alerts of all threshold rules over results as they are shown: lines by key.
pub(super) fn of_results(results: &BTreeMap<String, String>, s: &Settings) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for rule in &s.rules {
        let When::Threshold { metric, above, limit, windows } = &rule.when else { continue };
        let mut beyond = BTreeMap::<&str, BTreeMap<i64, (i64, i128)>>::new();
        for (key, line) in results {
            let parts: Vec<&str> = key.splitn(4, '|').collect();
            if parts[0] != metric || line.contains(r#""state":"provisional""#) {
                continue;
            }
            let value = millionths(line);
            if if *above { value > *limit } else { value < *limit } {
                let (start, end): (i64, i64) =
                    (parts[1].parse().unwrap(), parts[2].parse().unwrap());
                beyond.entry(parts[3]).or_default().insert(end, (start, value));
            }
        }
        let step_ms = match metric.as_str() {
            "CONVERSION_RATE" | "REVENUE_PER_USER" => 10_000,
            "ABANDONMENT_RATE" => 300_000,
            _ => 5_000,
        };
        for (dimensions, ends) in beyond {
            let is_first = |end: &i64| !ends.contains_key(&(end - step_ms));
            for first in ends.keys().filter(|end| is_first(end)) {
                let last = first + (windows - 1) * step_ms;
                let mut row = (0..*windows).map(|i| first + i * step_ms);
                if row.all(|end| ends.contains_key(&end)) {
                    let window_ms = (ends[first].0, last);
                    let subject = format!("{metric}|{dimensions}");
                    alerts.push(alert(rule, &subject, None, window_ms, ends[&last].1, *limit));
                }
            }
        }
    }
    alerts
}

/// The millionths of the `value` of a line.
fn millionths(line: &str) -> i128 {
    let (_, rest) = line.split_once(r#""value":"#).unwrap();
    let text = &rest[..rest.find([',', '}']).unwrap()];
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: i128 = format!("{whole}{fraction:0<6}").parse().unwrap();
    digits
}

/// The alerts of all sequence rules over the first `bound` records, whose time has come.
pub(super) fn of_users(
    log: &Log<'_>,
    bound: usize,
    watermark_ms: Option<i64>,
    s: &Settings,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for rule in &s.rules {
        let When::Sequence { first, then, without, within_ms } = &rule.when else { continue };
        let mut events = BTreeMap::<&str, Vec<((i64, u32, u64), &Event)>>::new();
        for (entry, partition_watermark_ms) in &log.watched {
            let at_ms = entry.event.timestamp_ms;
            let is_late = partition_watermark_ms
                .is_some_and(|watermark_ms| at_ms + within_ms + s.lateness_ms <= watermark_ms);
            if entry.place < bound && !is_late {
                let order = (at_ms, entry.origin.0, entry.origin.1);
                events.entry(&entry.event.user).or_default().push((order, entry.event));
            }
        }
        for (user, events) in events {
            let mut told = BTreeSet::new();
            let mut ends = BTreeMap::<i64, i64>::new();
            for (order, _) in events.iter().filter(|(_, event)| matches(first, event)) {
                let second = events
                    .iter()
                    .filter(|(o, event)| {
                        o > order && o.0 - order.0 <= *within_ms && matches(then, event)
                    })
                    .map(|(o, _)| o.0)
                    .min();
                let end_ms = match (without, second) {
                    (false, Some(end_ms)) => end_ms,
                    (true, None) => order.0 + within_ms,
                    _ => continue,
                };
                let earliest = ends.entry(order.0).or_insert(end_ms);
                *earliest = end_ms.min(*earliest);
            }
            for (start_ms, end_ms) in ends {
                if watermark_ms.is_some_and(|watermark_ms| watermark_ms > end_ms)
                    && told.insert(start_ms)
                {
                    let (took, most) = ((end_ms - start_ms) * 1_000, within_ms * 1_000);
                    let mut alert =
                        alert(rule, user, Some(user), (start_ms, end_ms), took.into(), most.into());
                    alert.frozen_ms = start_ms + 2 * within_ms + s.lateness_ms;
                    alerts.push(alert);
                }
            }
        }
    }
    alerts
}

fn alert(
    rule: &Rule,
    subject: &str,
    user: Option<&str>,
    (start_ms, end_ms): (i64, i64),
    value: i128,
    threshold: i128,
) -> Alert {
    let name = &rule.name;
    let digest = Sha256::digest(format!("{name}|1|{subject}|{start_ms}"));
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let user = user.map_or(String::new(), |user| format!(r#""userId":{},"#, quoted(user)));
    let (value, threshold) = (decimal(value), decimal(threshold));
    let line = format!(
        concat!(
            r#"{{"alertId":"{}","alertType":"{}","severity":"HIGH","title":"{}","#,
            r#""description":"{} {}",{}"windowStart":{},"windowEnd":{},"state":"firing","#,
            r#""value":{},"threshold":{},"rule":"{}","ruleVersion":1}}"#
        ),
        id,
        name.to_uppercase(),
        name,
        value,
        threshold,
        user,
        start_ms,
        end_ms,
        value,
        threshold,
        name
    );
    let place = (name.clone(), start_ms, subject.to_owned());
    Alert { id, line, end_ms, frozen_ms: i64::MAX, place }
}

fn decimal(millionths: i128) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, rest) = (millionths.abs() / 1_000_000, millionths.abs() % 1_000_000);
    let text = format!("{sign}{whole}.{rest:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
