//! The sequence rules within the state per user: what events and times do to them.

use super::load::Carried;
use super::sequences::{Effects, Rule, Sequences, Steps};
use super::state::{RowValues, State};
use super::timers::Due;
use crate::funnel::Mark;
use streamgauge_ingest::batch::{Dimension, Row};
use streamgauge_ingest::lateness::Family;

impl State {
    /// The time of the rule at a place, ms; 0 if it is no sequence.
    pub(super) fn within_ms(&self, place: u8) -> i64 {
        let rule = self.constants.alerts.get(usize::from(place));
        rule.and_then(|rule| rule.sequence()).map_or(0, |sequence| sequence.within_ms)
    }

    /// Takes an event of a user into the rules that want it.
    pub(super) fn watch(&mut self, slot: usize, row: &Row, values: &RowValues<'_>) {
        if row.late.contains(Family::Alerts) {
            return;
        }
        let rules = std::rc::Rc::clone(&self.constants.alerts);
        let page = values[Dimension::Page as usize].map(|page| page.rule_steps(&rules));
        // Besides, a rule leaves out what is late for its own slice.
        let late_ms = usize::from(row.late_spans).checked_sub(1).map(|i| self.spans_ms[i]);
        for (place, rule) in (0..).zip(&*rules) {
            let Some(sequence) = rule.sequence() else { continue };
            let by_type = Steps::of(rule, |step| step.is_type(row.kind));
            let by_page = page.map_or(Steps::default(), |page| page[usize::from(place)]);
            let (first, then) = (by_type.first || by_page.first, by_type.then || by_page.then);
            let is_late = late_ms.is_some_and(|late_ms| sequence.within_ms <= late_ms);
            if is_late || !(first || then) {
                continue;
            }
            let watermark_ms = self.watermark_ms;
            let user = &mut self.people.users[slot];
            let of = Rule { place, rule, sequence, user: &user.name, watermark_ms };
            let mut effects = Effects::default();
            let mark = (row.at_ms, row.partition, row.offset);
            let sequences = user.sequences.get_or_insert_default();
            sequences.insert(of, mark, Steps { first, then }, &mut effects);
            self.take_effects(slot, effects);
            self.expire_sequences(slot);
            self.set_user_timer(slot);
        }
    }

    /// Looks again at a first step of a user.
    pub(super) fn sequence_due(&mut self, slot: usize, place: u8, at_ms: i64) {
        // The user can be gone, and another one have its place.
        let Some(user) = self.people.users.get_mut(slot) else { return };
        let Some(rule) = self.constants.alerts.get(usize::from(place)) else { return };
        let (Some(sequence), Some(sequences)) = (rule.sequence(), &mut user.sequences) else {
            return;
        };
        let watermark_ms = self.watermark_ms;
        let of = Rule { place, rule, sequence, user: &user.name, watermark_ms };
        let mut effects = Effects::default();
        sequences.due(of, at_ms, &mut effects);
        self.take_effects(slot, effects);
    }

    fn take_effects(&mut self, slot: usize, effects: Effects) {
        for (alert, diff) in effects.alerts {
            self.updates.sequences.push((alert, self.epoch, diff));
        }
        for (due_ms, rule, at_ms) in effects.timers {
            self.timers.set(due_ms, Due::Sequence { user: slot, rule, at_ms });
        }
    }

    /// Drops what the watermark has made useless of a user's sequences.
    pub(super) fn expire_sequences(&mut self, slot: usize) {
        let Some(mut sequences) = self.people.users[slot].sequences.take() else { return };
        let (watermark_ms, windows) = (self.watermark_ms, &self.constants.windows);
        let (user, mut effects) = (&self.people.users[slot].name, Effects::default());
        let rule = |place: u8| {
            let rule = self.constants.alerts.get(usize::from(place))?;
            Some(Rule { place, rule, sequence: rule.sequence()?, user, watermark_ms })
        };
        sequences.expire(windows, rule, &mut effects);
        let is_empty = sequences.all().next().is_none();
        self.people.users[slot].sequences = (!is_empty).then_some(sequences);
        self.take_effects(slot, effects);
    }

    /// Goes on from the events that a checkpoint held of a user.
    pub(super) fn load_sequences(
        &mut self,
        slot: usize,
        saved: &[(u8, Vec<Mark>, Vec<Mark>)],
        carried: &Carried,
    ) {
        for (place, firsts, thens) in saved {
            let Some(place) = carried.rule(*place) else { continue };
            let Some(rule) = self.constants.alerts.get(usize::from(place)) else { continue };
            let Some(sequence) = rule.sequence() else { continue };
            let watermark_ms = self.watermark_ms;
            let user = &mut self.people.users[slot];
            let of = Rule { place, rule, sequence, user: &user.name, watermark_ms };
            let sequences: &mut Sequences = user.sequences.get_or_insert_default();
            let effects = sequences.load(of, firsts.clone(), thens.clone());
            self.take_effects(slot, effects);
        }
        self.expire_sequences(slot);
    }
}
