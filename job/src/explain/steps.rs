//! Which of a user's events are the two steps of a sequence rule, for one time of a first
//! step.
//!
//! Which second step decides is only known when all are: one that comes later may lie
//! before those that came.

use super::counted::what;
use super::listing::{Listed, Records, Verdict};
use crate::alert::Sequence;
use crate::funnel::{Mark, Step};
use std::sync::Arc;
use streamgauge_ingest::batch::{Dimension, Row, Texts};
use streamgauge_ingest::decode::{Decoded, Kind};

/// Whether an event matches a step.
pub(super) fn is_step(step: &Step, row: &Row, texts: &Texts) -> bool {
    if step.is_type(row.kind) {
        return true;
    }
    let page = texts.values.get(row.values[Dimension::Page as usize] as usize);
    row.kind == Kind::PageView && page.is_some_and(|page| step.is_page(texts.get(page.span)))
}

/// What an event is to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// A first step, at the time that is asked about.
    pub(super) is_first: bool,
    /// A first step, at another time.
    pub(super) is_another: bool,
    /// A second step.
    pub(super) is_then: bool,
}

/// The events of a user from a first step on.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    sequence: Arc<Sequence>,
    start_ms: i64,
    /// Those that match a step and may count.
    matching: Vec<(Mark, Role, Option<Listed>)>,
}

impl Steps {
    pub(super) fn new(sequence: &Sequence, start_ms: i64) -> Self {
        Self { sequence: Arc::new(sequence.clone()), start_ms, matching: Vec::new() }
    }

    /// What an event that is not late is to the rule.
    pub(super) fn role(&self, row: &Row, texts: &Texts) -> Role {
        let is_start = row.at_ms == self.start_ms;
        let is_first = is_step(&self.sequence.first, row, texts);
        Role {
            is_first: is_first && is_start,
            is_another: is_first && !is_start,
            is_then: is_step(&self.sequence.then, row, texts),
        }
    }

    /// Takes an event that may count.
    pub(super) fn take(&mut self, mark: Mark, role: Role, listed: Option<Listed>) {
        self.matching.push((mark, role, listed));
    }

    /// An event that cannot count, in words.
    pub(super) fn in_words(&self, event: &Decoded<'_>, role: Role) -> String {
        let then = self.sequence.then.text();
        let another = if role.is_another { ", and begins an alert of its own" } else { "" };
        format!("{}, which does not match {then}{another}", what(event))
    }

    /// All records: those that count before all others, which are `rest`.
    pub(super) fn finish(&self, rest: &Records) -> Records {
        let mut matching: Vec<_> = self.matching.iter().collect();
        matching.sort_by_key(|(mark, ..)| *mark);
        let mut firsts = matching.iter().filter(|(_, role, _)| role.is_first).map(|(m, ..)| *m);
        // Of several at one time any lets the rule fire: the earliest has most that can
        // follow, the last least.
        let first = if self.sequence.is_without { firsts.next_back() } else { firsts.next() };
        let is_it = |(mark, role, _): &&&(Mark, Role, _)| {
            role.is_then && first.is_some_and(|first| *mark > first)
        };
        let then = matching.iter().find(is_it).map(|(mark, ..)| *mark);
        let (mut records, mut others) = (rest.empty(), rest.empty());
        for (mark, role, listed) in matching {
            let is_then = then == Some(*mark);
            let (to, verdict) = match role.is_first || is_then {
                true => (&mut records, Verdict::Counted),
                false => (&mut others, Verdict::Taken),
            };
            let reason = |what: &str| self.reason(*mark, *role, is_then, then, what);
            to.note(verdict, || {
                let listed = listed.clone()?;
                Some(Listed { verdict, reason: reason(&listed.reason), ..listed })
            });
        }
        records.append(&others);
        records.append(rest);
        records
    }

    fn reason(
        &self,
        mark: Mark,
        role: Role,
        is_then: bool,
        then: Option<Mark>,
        what: &str,
    ) -> String {
        let after_ms = mark.0 - self.start_ms;
        let after = format!("{}.{:03} s after the first", after_ms / 1_000, after_ms % 1_000);
        match (role.is_first, is_then) {
            (true, true) => format!("first step, and second of the one before: {what}"),
            (true, false) => format!("first step: {what}"),
            (false, true) => format!("second step, {after}: {what}"),
            (false, false) if then.is_some_and(|then| then < mark) => {
                format!(
                    "{what}, which matches {}, after the second step",
                    self.sequence.then.text()
                )
            }
            (false, false) => {
                format!(
                    "{what}, which matches {}, and is not after the first step",
                    self.sequence.then.text()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Role = Role { is_first: true, is_another: false, is_then: false };
    const THEN: Role = Role { is_first: false, is_another: false, is_then: true };
    const BOTH: Role = Role { is_first: true, is_another: false, is_then: true };

    /// Which of these events at (ms, offset) count, in their order.
    fn check(is_without: bool, events: &[(i64, u64, Role)], expected: &[(i64, u64)]) {
        let (first, then) = (Step::Type(Kind::PageView), Step::Type(Kind::Conversion));
        let sequence = Sequence { first, then, is_without, within_ms: 10_000 };
        let mut steps = Steps::new(&sequence, 5);
        for (timestamp, offset, role) in events.iter().copied() {
            let text = String::new;
            let listed = Listed {
                partition: 0,
                offset,
                timestamp,
                event_type: text(),
                user: text(),
                session: text(),
                verdict: Verdict::Taken,
                reason: text(),
            };
            steps.take((timestamp, 0, offset), role, Some(listed));
        }
        let records = steps.finish(&Records::new(9)).listed();
        let counted = records.iter().filter(|r| r.verdict == Verdict::Counted);
        assert_eq!(counted.map(|r| (r.timestamp, r.offset)).collect::<Vec<_>>(), expected);
        assert_eq!(records.len(), events.len());
    }

    #[test]
    fn the_second_step_is_the_first_that_follows() {
        check(false, &[(5, 1, FIRST), (9, 3, THEN), (7, 9, THEN)], &[(5, 1), (7, 9)]);
        check(false, &[(5, 2, FIRST), (5, 1, THEN)], &[(5, 2)]);
        check(true, &[(5, 1, FIRST), (6, 4, THEN)], &[(5, 1), (6, 4)]);
        check(false, &[(6, 4, THEN)], &[]);
    }

    #[test]
    fn of_several_at_one_time_the_one_that_lets_it_fire_decides() {
        let events = [(5, 1, FIRST), (5, 2, THEN), (5, 3, FIRST)];
        check(false, &events, &[(5, 1), (5, 2), (5, 3)]);
        check(true, &events, &[(5, 1), (5, 3)]);
    }

    #[test]
    fn an_event_never_follows_itself() {
        check(false, &[(5, 1, BOTH)], &[(5, 1)]);
        check(false, &[(5, 1, BOTH), (5, 2, BOTH), (8, 1, THEN)], &[(5, 1), (5, 2)]);
        check(true, &[(5, 1, BOTH), (5, 2, BOTH), (8, 1, THEN)], &[(5, 1), (5, 2), (8, 1)]);
    }
}
