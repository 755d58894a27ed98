//! Threshold rules: from what windows tell to alerts.
//!
//! What is remembered could be read back from the results: the values beyond the limit
//! of windows that can still change. The results come at their own pace, and the alerts
//! that follow from them in the same epoch.

use super::{Alarm, AlertRule, Runs, Threshold};
use crate::checkpoint::{Part, Parts};
use crate::epochs::by_epoch;
use crate::publish::Output;
use crate::time::{Epoch, Tick};
use crate::window::{Grid, Windows};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use streamgauge_sink::alert::Alert;
use streamgauge_sink::change::{Change, State, Topic, final_digest};
use streamgauge_sink::decimal::Decimal;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::vec::Map as _;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A change of a window's result, and the single value that it tells.
#[derive(Clone, Debug)]
pub struct Told {
    /// The change.
    pub change: Change,
    /// End of the window, ms.
    pub end_ms: i64,
    /// The value, where the result is one.
    pub value: Option<Decimal>,
}

/// What a closed window is to a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Beyond {
    /// The place of the rule.
    pub rule: u8,
    /// The dimensions of the result, as in its key.
    pub dimensions: String,
    /// End of the window, ms.
    pub end_ms: i64,
    /// The value in millionths, if it is beyond the limit.
    pub value: Option<i128>,
}

/// What changes of results are to the rules.
pub fn beyond<'s>(
    told: Stream<'s, Epoch, Vec<Told>>,
    rules: Rc<[Arc<AlertRule>]>,
) -> Stream<'s, Epoch, Vec<Beyond>> {
    told.flat_map(move |told| {
        let rules = Rc::clone(&rules);
        let is_closed = told.change.state != State::Provisional;
        let of_rule = move |(place, rule): (u8, &Arc<AlertRule>)| {
            let threshold = rule.threshold()?;
            let (change, end_ms) = (&told.change, told.end_ms);
            let is_of = change.topic == Topic::Result(threshold.metric);
            let dimensions = dimensions(&change.key).filter(|_| is_of)?;
            let is_asked = threshold.dimensions.is_empty() || *threshold.dimensions == *dimensions;
            let value = told.value.filter(|value| threshold.limit.is_passed(*value));
            let value = value.map(Decimal::millionths);
            is_asked.then_some(Beyond { rule: place, dimensions, end_ms, value })
        };
        let all: Vec<_> =
            if is_closed { (0..).zip(&*rules).filter_map(of_rule).collect() } else { Vec::new() };
        all
    })
}

/// The dimensions in the key of a result: what follows its third bar.
fn dimensions(key: &[u8]) -> Option<String> {
    let part = key.splitn(4, |b| *b == b'|').nth(3)?;
    String::from_utf8(part.to_vec()).ok()
}

/// What is held of one rule and one result.
pub type Held = ((u8, String), Runs);

fn route(rule: u8, dimensions: &str) -> u64 {
    xxh3_64_with_seed(dimensions.as_bytes(), u64::from(rule)) >> 32
}

/// Whether a worker of so many has to do with one rule and one result.
#[must_use]
pub fn is_of_worker(((rule, dimensions), _): &Held, worker: usize, workers: usize) -> bool {
    route(*rule, dimensions) % workers as u64 == worker as u64
}

/// Publishes the alerts of threshold rules, going on from what was `held`.
pub fn thresholds<'s>(
    beyond: Stream<'s, Epoch, Vec<Beyond>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    (rules, windows, output): (Rc<[Arc<AlertRule>]>, Windows, Output),
    held: Vec<Held>,
    parts: Option<Parts>,
) -> Stream<'s, Epoch, Vec<Change>> {
    let mut held: BTreeMap<(u8, String), Runs> = held.into_iter().collect();
    let route = Exchange::new(|b: &Beyond| route(b.rule, &b.dimensions));
    by_epoch((beyond, route), ticks, "threshold alerts", move |epoch, tick, updates, changes| {
        let mut by_result: BTreeMap<(u8, String), BTreeMap<i64, Option<i128>>> = BTreeMap::new();
        for Beyond { rule, dimensions, end_ms, value } in updates {
            by_result.entry((rule, dimensions)).or_default().insert(end_ms, value);
        }
        for ((place, dimensions), windows) in by_result {
            let Some((rule, threshold)) =
                rules.get(usize::from(place)).and_then(|rule| Some((rule, rule.threshold()?)))
            else {
                continue;
            };
            let runs = held.entry((place, dimensions.clone())).or_default();
            let (gone, come) = apply(runs, threshold, windows);
            let told = Telling { rule, threshold, dimensions: &dimensions, tick, output };
            told.changes(&gone, &come, changes);
        }
        held.retain(|(place, _), runs| {
            let threshold = rules.get(usize::from(*place)).and_then(|rule| rule.threshold());
            let Some(Threshold { metric, .. }) = threshold else {
                return false;
            };
            let grid = Grid::of(*metric);
            let slack_ms = grid.frozen_ms(&windows, 0);
            runs.forget(tick.watermark_ms.saturating_sub(slack_ms), grid.step_ms);
            !runs.is_empty()
        });
        if let (Some(parts), true) = (&parts, tick.checkpoint.is_some()) {
            let all = held.iter().map(|(of, runs)| (of.clone(), runs.clone()));
            parts.give(epoch, Part::Runs(all.collect()));
        }
    })
}

/// Sets what windows are; gives the alarms that are no longer, and those that are new.
fn apply(
    runs: &mut Runs,
    Threshold { metric, windows, .. }: &Threshold,
    updates: BTreeMap<i64, Option<i128>>,
) -> (BTreeSet<Alarm>, BTreeSet<Alarm>) {
    let step_ms = Grid::of(*metric).step_ms;
    let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
    let ends: Vec<i64> = updates.keys().copied().collect();
    for end_ms in &ends {
        before.extend(runs.alarms_around(*end_ms, step_ms, *windows));
    }
    for (end_ms, value) in updates {
        runs.set(end_ms, value, step_ms);
    }
    for end_ms in &ends {
        after.extend(runs.alarms_around(*end_ms, step_ms, *windows));
    }
    (&before - &after, &after - &before)
}

/// Tells what became of the alarms of one rule and one result.
struct Telling<'a> {
    rule: &'a AlertRule,
    threshold: &'a Threshold,
    dimensions: &'a str,
    tick: Tick,
    output: Output,
}

impl Telling<'_> {
    fn changes(&self, gone: &BTreeSet<Alarm>, come: &BTreeSet<Alarm>, changes: &mut Vec<Change>) {
        let digest = |body: &[u8]| self.output.digests.then(|| final_digest(Topic::Alert, body));
        let firing = |alarm: &Alarm| self.with(alarm, |alert| (alert.key(), alert.body(true)));
        let same = |a: &Alarm, b: &Alarm| a.first_end_ms == b.first_end_ms;
        for alarm in come {
            let (key, body) = firing(alarm);
            let was = gone.iter().find(|was| same(was, alarm)).map(|was| firing(was).1);
            let is_new = alarm.last_end_ms > self.tick.before_ms;
            let state = if is_new { State::Final } else { State::Corrected };
            let (was_digest, now) = (was.as_deref().and_then(digest), digest(&body));
            let (topic, was, replaces) = (Topic::Alert, was_digest, was.is_some());
            changes.push(Change { topic, key, state, body, was, now, replaces });
        }
        for alarm in gone.iter().filter(|was| !come.iter().any(|alarm| same(was, alarm))) {
            let (key, body) = firing(alarm);
            let was = digest(&body);
            let body = self.with(alarm, |alert| alert.body(false));
            let (topic, state) = (Topic::Alert, State::Retracted);
            changes.push(Change { topic, key, state, body, was, now: None, replaces: true });
        }
    }

    fn with<T>(&self, alarm: &Alarm, make: impl Fn(&Alert<'_>) -> T) -> T {
        let Threshold { metric, limit, windows, .. } = self.threshold;
        let start_ms = alarm.first_end_ms - Grid::of(*metric).length_ms;
        let value = Decimal::from_millionths(alarm.value);
        let values = [
            ("rule", &*self.rule.name),
            ("severity", self.rule.severity),
            ("metric", metric.name()),
            ("dimensions", self.dimensions),
            ("value", &value.to_string()),
            ("threshold", &limit.value.to_string()),
            ("windows", &windows.to_string()),
            ("start", &rfc3339(start_ms)),
            ("end", &rfc3339(alarm.last_end_ms)),
        ];
        make(&Alert {
            rule: &self.rule.name,
            version: self.rule.version,
            alert_type: &self.rule.alert_type(),
            severity: self.rule.severity,
            title: &self.rule.title.fill(&values),
            description: &self.rule.description.fill(&values),
            subject: &format!("{}|{}", metric.name(), self.dimensions),
            user: None,
            start_ms,
            end_ms: alarm.last_end_ms,
            value,
            threshold: limit.value,
        })
    }
}

/// A time for people: RFC 3339 in UTC.
pub(super) fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.to_string())
}
