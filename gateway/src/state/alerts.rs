//! The last alerts, and how many there are of a rule and window.
//!
//! Alerts are a log: clients get what was appended, in order, and can go on from where
//! they were as long as it is in the ring. Texts are cut to a length that is shown, so
//! that an enormous name of a user takes no memory.

use super::seq::Seq;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// Number of alerts that are kept.
pub(crate) const RING: usize = 720;
const GROUPS: usize = 64;
/// Alerts about users are counted by so much time, ms.
const GROUP_MS: i64 = 300_000;
const SHORT: usize = 128;
const LONG: usize = 512;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    alert_id: Cow<'a, str>,
    #[serde(borrow, default)]
    alert_type: Cow<'a, str>,
    #[serde(borrow, default)]
    severity: Cow<'a, str>,
    #[serde(borrow, default)]
    title: Cow<'a, str>,
    #[serde(borrow, default)]
    description: Cow<'a, str>,
    #[serde(borrow, default)]
    user_id: Cow<'a, str>,
    window_start: i64,
    window_end: i64,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    threshold: Option<&'a RawValue>,
    #[serde(borrow, default)]
    rule: Cow<'a, str>,
}

/// An alert.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) seq: Seq,
    pub(crate) id: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) rule: Box<str>,
    pub(crate) severity: Box<str>,
    pub(crate) title: Box<str>,
    pub(crate) description: Box<str>,
    pub(crate) user: Box<str>,
    pub(crate) window_start_ms: i64,
    pub(crate) window_end_ms: i64,
    pub(crate) firing: bool,
    pub(crate) value: Option<Box<RawValue>>,
    pub(crate) threshold: Option<Box<RawValue>>,
}

impl Alert {
    /// The window that it is counted in: alerts about users are many, and each can have a
    /// time of its own, so they are taken together by five minutes.
    fn group_window_ms(&self) -> (i64, i64) {
        if self.user.is_empty() {
            return (self.window_start_ms, self.window_end_ms);
        }
        let start_ms = self.window_start_ms.div_euclid(GROUP_MS).saturating_mul(GROUP_MS);
        (start_ms, start_ms.saturating_add(GROUP_MS))
    }
}

/// The alerts of one rule and window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) severity: Box<str>,
    pub(crate) title: Box<str>,
    pub(crate) firing: u64,
    pub(crate) retracted: u64,
}

/// What alerts are grouped by, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupKey {
    pub(crate) window_end_ms: i64,
    pub(crate) window_start_ms: i64,
    pub(crate) rule: Box<str>,
}

/// The last alerts.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    ring: VecDeque<Alert>,
    groups: BTreeMap<GroupKey, Group>,
    appended: u64,
}

impl Alerts {
    /// Takes in the value of a record; false if it cannot be read.
    pub(crate) fn apply(&mut self, value: &[u8], seq: Seq) -> bool {
        let Ok(line) = serde_json::from_slice::<Line<'_>>(value) else { return false };
        let firing = match &*line.state {
            "firing" => true,
            "retracted" => false,
            _ => return false,
        };
        let alert = line.alert(firing, seq);
        self.count(&alert);
        self.ring.push_back(alert);
        if self.ring.len() > RING {
            self.ring.pop_front();
        }
        self.appended += 1;
        true
    }

    fn count(&mut self, alert: &Alert) {
        let last = self.ring.iter().rev().find(|other| other.id == alert.id);
        let is_known = last.is_some_and(|last| last.firing);
        let (window_start_ms, window_end_ms) = alert.group_window_ms();
        let key = GroupKey { window_end_ms, window_start_ms, rule: alert.rule.clone() };
        let group = self.groups.entry(key).or_default();
        group.severity.clone_from(&alert.severity);
        group.title.clone_from(&alert.title);
        if alert.firing {
            // What fires already and says something else now is no other.
            group.firing += u64::from(!is_known);
        } else {
            // What fired before the beginning of what was read cannot be taken off.
            group.firing = group.firing.saturating_sub(1);
            group.retracted += 1;
        }
        if self.groups.len() > GROUPS {
            self.groups.pop_first();
        }
    }

    /// How many there have been: the place behind the last.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// The alerts from this place on, and the place of the first that is still there.
    pub(crate) fn from(&self, place: u64) -> (u64, impl Iterator<Item = &Alert>) {
        let kept_from = self.appended - self.ring.len() as u64;
        let first = place.clamp(kept_from, self.appended);
        let skip = usize::try_from(first - kept_from).unwrap_or(usize::MAX);
        (first, self.ring.iter().skip(skip))
    }

    /// The place behind the alert with this number, if it is still there.
    pub(crate) fn behind(&self, seq: Seq) -> Option<u64> {
        let at = self.ring.iter().position(|alert| alert.seq == seq)?;
        Some(self.appended - self.ring.len() as u64 + at as u64 + 1)
    }

    /// The alerts that are firing, the newest first.
    pub(crate) fn firing(&self) -> Vec<&Alert> {
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, alert) in self.ring.iter().enumerate() {
            last.insert(&alert.id, at);
        }
        let newest = self.ring.iter().enumerate().rev();
        newest
            .filter(|(at, alert)| alert.firing && last.get(&*alert.id) == Some(at))
            .map(|(_, alert)| alert)
            .collect()
    }

    /// The groups, the newest first.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&GroupKey, &Group)> {
        self.groups.iter().rev()
    }
}

impl Line<'_> {
    fn alert(&self, firing: bool, seq: Seq) -> Alert {
        Alert {
            seq,
            id: cut(&self.alert_id, SHORT),
            kind: cut(&self.alert_type, SHORT),
            rule: cut(&self.rule, SHORT),
            severity: cut(&self.severity, SHORT),
            title: cut(&self.title, LONG),
            description: cut(&self.description, LONG),
            user: cut(&self.user_id, SHORT),
            window_start_ms: self.window_start,
            window_end_ms: self.window_end,
            firing,
            value: number(self.value),
            threshold: number(self.threshold),
        }
    }
}

fn number(raw: Option<&RawValue>) -> Option<Box<RawValue>> {
    raw.filter(|raw| raw.get().len() <= SHORT).map(ToOwned::to_owned)
}

/// The beginning of a text, at most so many bytes and an ellipsis.
fn cut(text: &str, most: usize) -> Box<str> {
    if text.len() <= most {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(id: &str, window_end: i64, state: &str) -> String {
        let start = window_end - 300_000;
        format!(
            r#"{{"alertId":"{id}","alertType":"HIGH_BOUNCE_RATE","severity":"MEDIUM","title":"T","description":"D","userId":"u","windowStart":{start},"windowEnd":{window_end},"state":"{state}","value":1,"threshold":1,"rule":"high_bounce_rate","ruleVersion":1,"epoch":7}}"#
        )
    }

    fn apply(alerts: &mut Alerts, id: &str, window_end: i64, state: &str) {
        let seq = Seq { epoch: 7, place: alerts.appended() };
        assert!(alerts.apply(alert(id, window_end, state).as_bytes(), seq));
    }

    #[test]
    fn groups_count_what_the_ring_no_longer_has() {
        let mut alerts = Alerts::default();
        for n in 0..1_000 {
            apply(&mut alerts, &format!("a{n}"), 300_000, "firing");
        }
        apply(&mut alerts, "a999", 300_000, "retracted");
        let (_, group) = alerts.groups().next().unwrap();
        assert_eq!((group.firing, group.retracted), (999, 1));
        assert_eq!(alerts.firing().len(), RING - 2);
        let (first, all) = alerts.from(0);
        assert_eq!((first, all.count()), (1_001 - RING as u64, RING));
        let (first, all) = alerts.from(1_000);
        assert_eq!((first, all.count()), (1_000, 1));
    }

    #[test]
    fn an_alert_that_says_something_else_is_counted_once() {
        let mut alerts = Alerts::default();
        for state in ["firing", "firing", "retracted", "firing"] {
            apply(&mut alerts, "a", 300_000, state);
        }
        let (_, group) = alerts.groups().next().unwrap();
        assert_eq!((group.firing, group.retracted), (1, 1));
        assert_eq!(alerts.firing().len(), 1);
    }

    #[test]
    fn alerts_about_users_are_taken_together_and_others_are_not() {
        let mut alerts = Alerts::default();
        let line = |id: &str, user: &str, start: i64| {
            format!(
                r#"{{"alertId":"{id}",{user}"windowStart":{start},"windowEnd":{},"state":"firing","rule":"r"}}"#,
                start + 20_000
            )
        };
        let all = [("a", 300_000), ("b", 310_001), ("c", 599_999), ("d", 600_000)];
        for (id, start) in all {
            let seq = Seq { epoch: 7, place: alerts.appended() };
            assert!(alerts.apply(line(id, r#""userId":"u","#, start).as_bytes(), seq));
            assert!(alerts.apply(line(&format!("{id}2"), "", start).as_bytes(), seq));
        }
        let firing: Vec<_> =
            alerts.groups().map(|(key, group)| (key.window_end_ms, group.firing)).collect();
        assert_eq!(
            firing,
            [(900_000, 1), (620_000, 1), (619_999, 1), (600_000, 3), (330_001, 1), (320_000, 1)]
        );
    }

    #[test]
    fn one_can_go_on_from_what_is_in_the_ring() {
        let mut alerts = Alerts::default();
        for n in 0..RING + 1 {
            apply(&mut alerts, &format!("a{n}"), 300_000, "firing");
        }
        assert_eq!(alerts.behind(Seq { epoch: 7, place: 0 }), None);
        assert_eq!(alerts.behind(Seq { epoch: 7, place: 1 }), Some(2));
    }

    #[test]
    fn what_is_no_alert_is_refused() {
        let mut alerts = Alerts::default();
        let seq = Seq::default();
        for text in ["", "{}", "[]", "nonsense", r#"{"alertId":1}"#] {
            assert!(!alerts.apply(text.as_bytes(), seq), "{text}");
        }
        assert!(!alerts.apply(alert("a", 0, "smouldering").as_bytes(), seq));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(&*cut("äöü", 3), "ä…");
        assert_eq!(&*cut("abc", 3), "abc");
    }
}
