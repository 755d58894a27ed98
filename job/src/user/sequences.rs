//! What a user did that sequence rules want, and the alerts that follow.
//!
//! Invariant: of each rule, the events that match its steps are in order, and `told` has
//! the alerts that stand: for each time of a first step what the rule says of it, once
//! the watermark has passed that.

use crate::alert::{AlertRule, Sequence, SequenceAlert};
use crate::funnel::{Mark, Step};
use crate::window::Windows;
use std::collections::BTreeMap;
use std::sync::Arc;
use streamgauge_ingest::BEFORE_TIME_MS;

/// Which steps of a rule an event matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) first: bool,
    pub(super) then: bool,
}

impl Steps {
    /// The steps of a rule for which this holds; none if it is no sequence.
    pub(super) fn of(rule: &AlertRule, is_match: impl Fn(&Step) -> bool) -> Self {
        rule.sequence().map_or(Self::default(), |sequence| Self {
            first: is_match(&sequence.first),
            then: is_match(&sequence.then),
        })
    }
}

/// What an event, or a time, changed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Alerts that stand no longer (−1), or now (+1).
    pub(super) alerts: Vec<(SequenceAlert, isize)>,
    /// First steps to be looked at again when the watermark is at so many ms: due, rule,
    /// time of the step.
    pub(super) timers: Vec<(i64, u8, i64)>,
}

/// A rule, its place, and where the watermark stands.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub(super) place: u8,
    pub(super) rule: &'a Arc<AlertRule>,
    pub(super) sequence: &'a Sequence,
    pub(super) user: &'a str,
    pub(super) watermark_ms: i64,
}

/// The events of one user that rules want.
#[derive(Debug, Default)]
pub(super) struct Sequences(Vec<OfRule>);

#[derive(Debug, Default)]
struct OfRule {
    place: u8,
    firsts: Vec<Mark>,
    thens: Vec<Mark>,
    /// Time of the first step, end of the alert, ms.
    told: BTreeMap<i64, i64>,
}

impl Sequences {
    /// Takes an event that matches a step of a rule.
    pub(super) fn insert(
        &mut self,
        rule: Rule<'_>,
        mark: Mark,
        steps: Steps,
        effects: &mut Effects,
    ) {
        let of_rule = self.of(rule.place);
        if steps.then {
            insert(&mut of_rule.thens, mark);
        }
        if steps.first {
            insert(&mut of_rule.firsts, mark);
        }
        let mut touched = if steps.then { of_rule.before(mark, rule.sequence) } else { Vec::new() };
        if steps.first {
            touched.push(mark.0);
        }
        touched.dedup();
        for at_ms in touched {
            of_rule.look(rule, at_ms, effects);
        }
    }

    /// Looks again at a first step, whose time has come.
    pub(super) fn due(&mut self, rule: Rule<'_>, at_ms: i64, effects: &mut Effects) {
        self.of(rule.place).look(rule, at_ms, effects);
    }

    fn of(&mut self, place: u8) -> &mut OfRule {
        let at = self.0.binary_search_by_key(&place, |r| r.place).unwrap_or_else(|at| {
            self.0.insert(at, OfRule { place, ..OfRule::default() });
            at
        });
        &mut self.0[at]
    }

    /// Drops what the watermark has made useless; `rule` gives the rule at a place. What
    /// is due of it is told before.
    pub(super) fn expire<'a>(
        &mut self,
        windows: &Windows,
        rule: impl Fn(u8) -> Option<Rule<'a>>,
        effects: &mut Effects,
    ) {
        for of_rule in &mut self.0 {
            if let Some(rule) = rule(of_rule.place) {
                of_rule.expire(windows, rule, effects);
            }
        }
        self.0.retain(|r| !r.firsts.is_empty() || !r.thens.is_empty());
    }

    /// When the last of it can be dropped, ms; −∞ if there is nothing.
    pub(super) fn expires_ms(&self, windows: &Windows, within_ms: impl Fn(u8) -> i64) -> i64 {
        let of_rule = |r: &OfRule| {
            let last = r.firsts.last().max(r.thens.last())?;
            Some(windows.sequence_expires_ms(last.0, within_ms(r.place)))
        };
        self.0.iter().filter_map(of_rule).max().unwrap_or(BEFORE_TIME_MS)
    }

    /// All events, by rule: place, first steps, second steps.
    pub(super) fn all(&self) -> impl Iterator<Item = (u8, &[Mark], &[Mark])> {
        self.0.iter().map(|r| (r.place, &*r.firsts, &*r.thens))
    }

    /// Goes on from events of a rule, in order: what has been told of them is told.
    pub(super) fn load(&mut self, rule: Rule<'_>, firsts: Vec<Mark>, thens: Vec<Mark>) -> Effects {
        let of_rule = self.of(rule.place);
        (of_rule.firsts, of_rule.thens) = (firsts, thens);
        let mut effects = Effects::default();
        let mut times: Vec<i64> = of_rule.firsts.iter().map(|mark| mark.0).collect();
        times.dedup();
        for at_ms in times {
            of_rule.look(rule, at_ms, &mut effects);
        }
        effects.alerts.clear();
        effects
    }
}

impl OfRule {
    /// The times of the first steps for which an event that matches the second decides:
    /// no other such event lies between.
    fn before(&self, mark: Mark, sequence: &Sequence) -> Vec<i64> {
        let until = self.firsts.partition_point(|first| *first < mark);
        let last_then = self.thens.partition_point(|then| *then < mark).checked_sub(1);
        let from = match last_then.map(|i| self.thens[i]) {
            // Both steps can be one event, and its first step comes after its second.
            Some(then) => self.firsts.partition_point(|first| *first < then),
            None => 0,
        };
        let near = self.firsts[from..until].iter().rev();
        near.map(|first| first.0).take_while(|at_ms| mark.0 - at_ms <= sequence.within_ms).collect()
    }

    fn expire(&mut self, windows: &Windows, rule: Rule<'_>, effects: &mut Effects) {
        let within_ms = rule.sequence.within_ms;
        let expires_ms = |at_ms: i64| windows.sequence_expires_ms(at_ms, within_ms);
        let is_old = |mark: &Mark| expires_ms(mark.0) <= rule.watermark_ms;
        let old = self.firsts.partition_point(is_old);
        for first in 0..old {
            self.look(rule, self.firsts[first].0, effects);
        }
        self.firsts.drain(..old);
        let old = self.thens.partition_point(is_old);
        self.thens.drain(..old);
        while self.told.first_entry().is_some_and(|t| expires_ms(*t.key()) <= rule.watermark_ms) {
            self.told.pop_first();
        }
    }

    /// Tells what the rule says of the first steps at a time, if that has changed.
    fn look(&mut self, rule: Rule<'_>, at_ms: i64, effects: &mut Effects) {
        let outcome = self.outcome(rule.sequence, at_ms);
        let due = outcome.filter(|end_ms| *end_ms < rule.watermark_ms);
        let told = self.told.get(&at_ms).copied();
        if told != due {
            let alert = |end_ms| SequenceAlert {
                rule: Arc::clone(rule.rule),
                user: rule.user.into(),
                start_ms: at_ms,
                end_ms,
            };
            effects.alerts.extend(told.map(|end_ms| (alert(end_ms), -1)));
            effects.alerts.extend(due.map(|end_ms| (alert(end_ms), 1)));
            match due {
                Some(end_ms) => self.told.insert(at_ms, end_ms),
                None => self.told.remove(&at_ms),
            };
        }
        if let (Some(end_ms), None) = (outcome, due) {
            effects.timers.push((end_ms + 1, rule.place, at_ms));
        }
    }

    /// The end of the alert of the first steps at a time, if there is one.
    fn outcome(&self, sequence: &Sequence, at_ms: i64) -> Option<i64> {
        let from = self.firsts.partition_point(|first| first.0 < at_ms);
        let to = self.firsts.partition_point(|first| first.0 <= at_ms);
        // Where several are at one time, any of them lets the rule fire.
        let first = match sequence.is_without {
            false => self.firsts[from..to].first()?,
            true => self.firsts[from..to].last()?,
        };
        let next = self.thens.partition_point(|then| then <= first);
        let last_ms = at_ms + sequence.within_ms;
        let then_ms = self.thens.get(next).map(|then| then.0).filter(|then| *then <= last_ms);
        match sequence.is_without {
            false => then_ms,
            true => then_ms.is_none().then_some(last_ms),
        }
    }
}

fn insert(marks: &mut Vec<Mark>, mark: Mark) {
    let at = marks.partition_point(|other| *other <= mark);
    marks.insert(at, mark);
}

#[cfg(test)]
mod tests;
