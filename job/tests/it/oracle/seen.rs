//! What a reader sees who has applied every update up to an epoch.
//!
//! It exists because what is published depends on when: provisional records stay as they were last
//! shown, corrections wait for their turn, and a correction of a correction is one, whatever it says.
//!
//! Invariant: what a window shows was its content at the epoch at which it was last refreshed, and
//! from one epoch to the next only the windows change whose turn it is.
//!
//! It tells nothing of the updates themselves: one that says what was shown already is none.

mod window;

use std::collections::{BTreeMap, BTreeSet};

use super::Settings;
use super::epochs::{Epoch, epochs};
use super::judge::Judged;
use super::log::Log;
use super::record::{Record, State};
use super::rules;
use super::sessions::Session;
use super::view::{Kind, Span, View};
use window::{Shown, Turn, Window, replace};

/// When records are published.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Whether windows show anything before they close.
    pub provisional: bool,
    /// Every how many epochs provisional records outside the real-time family are refreshed.
    pub provisional_epochs: u64,
    /// Every how many epochs corrections are published.
    pub correction_epochs: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { provisional: true, provisional_epochs: 10, correction_epochs: 1 }
    }
}

/// What is there to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The lines with their state, by key, without epoch and watermark.
    pub results: BTreeMap<String, String>,
    /// The lines of the alerts that fire, by `alertId`, without epoch.
    pub alerts: BTreeMap<String, String>,
}

/// What is seen after epoch `e`.
///
/// `cuts[e]` is the number of records bound up to and with epoch `e`. If the input has ended, one
/// more epoch follows the last cut, at the end of time: `e == cuts.len()`.
///
/// # Panics
/// If `e` is greater than that, or a cut than the number of records.
#[must_use]
pub fn seen_at(j: &[Judged], cuts: &[usize], e: usize, pace: Pace, s: &Settings) -> Seen {
    assert!(e <= cuts.len(), "epoch {e} is behind the end of time");
    let log = Log::new(j, s);
    let mut reader = Reader::new(pace, s);
    for epoch in epochs(j, cuts).take(e + 1) {
        reader.apply(&log, epoch);
    }
    reader.seen()
}

/// What is seen after each epoch, the one at the end of time included: `cuts.len() + 1` answers.
///
/// # Panics
/// If a cut is greater than the number of records.
#[must_use]
pub fn seen_all(j: &[Judged], cuts: &[usize], pace: Pace, s: &Settings) -> Vec<Seen> {
    let log = Log::new(j, s);
    let mut reader = Reader::new(pace, s);
    epochs(j, cuts)
        .map(|epoch| {
            reader.apply(&log, epoch);
            reader.seen()
        })
        .collect()
}

struct Reader<'s> {
    pace: Pace,
    settings: &'s Settings,
    windows: BTreeMap<(Kind, Span), Window>,
    sessions: Shown,
    /// Per session shown: when no record can change it any more.
    sessions_frozen_ms: BTreeMap<String, i64>,
    /// Alerts of sequence rules, by id.
    sequences: BTreeMap<String, rules::Alert>,
}

impl<'s> Reader<'s> {
    fn new(pace: Pace, settings: &'s Settings) -> Self {
        Self {
            pace,
            settings,
            windows: BTreeMap::new(),
            sessions: Shown::new(),
            sessions_frozen_ms: BTreeMap::new(),
            sequences: BTreeMap::new(),
        }
    }

    /// Sees what the epoch publishes.
    fn apply(&mut self, log: &Log<'_>, epoch: Epoch) {
        let view = View::new(log, self.settings, epoch.bound, epoch.watermark_ms);
        for kind in Kind::RESULTS.into_iter().chain([Kind::Alerts]) {
            for window_ms in self.candidates(&view, kind, epoch) {
                if let Some(turn) = self.turn(kind, window_ms, epoch) {
                    self.windows
                        .entry((kind, window_ms))
                        .or_default()
                        .refresh(&view, kind, window_ms, turn);
                }
            }
        }
        self.apply_sessions(&view, epoch);
        self.apply_sequences(log, epoch);
    }

    /// What ends in this epoch is shown at once; all else that has changed waits for its turn.
    fn apply_sequences(&mut self, log: &Log<'_>, epoch: Epoch) {
        let alerts = rules::of_users(log, epoch.bound, epoch.watermark_ms, self.settings);
        let is_tick = epoch.is_last || epoch.is_tick_of(self.pace.correction_epochs);
        let is_due = |alert: &rules::Alert| is_tick || epoch.has_passed(alert.frozen_ms);
        let ids: BTreeSet<String> = alerts.iter().map(|alert| alert.id.clone()).collect();
        self.sequences.retain(|id, alert| ids.contains(id) || !is_due(alert));
        for alert in alerts {
            let ends_now =
                epoch.watermark_before_ms.is_none_or(|before_ms| before_ms <= alert.end_ms);
            if ends_now || is_due(&alert) {
                self.sequences.insert(alert.id.clone(), alert);
            }
        }
    }

    /// The windows whose turn it may be: not frozen before, and begun if M is the watermark and
    /// the allowed disorder. They have content now or show something.
    fn candidates(&self, view: &View<'_>, kind: Kind, epoch: Epoch) -> BTreeSet<Span> {
        let Some(watermark_ms) = epoch.watermark_ms else {
            return BTreeSet::new();
        };
        let m_ms = watermark_ms.saturating_add(self.settings.allowed_disorder_ms);
        let is_open = |(_, end_ms): &Span| {
            let frozen_ms = end_ms + kind.slack_ms(self.settings);
            epoch.watermark_before_ms.is_none_or(|before_ms| before_ms <= frozen_ms)
        };
        let of_kind = (kind, (i64::MIN, i64::MIN))..=(kind, (m_ms, i64::MAX));
        let shown = self.windows.range(of_kind).map(|((_, window_ms), _)| window_ms);
        let begun = view.windows(kind).range(..=(m_ms, i64::MAX));
        begun.chain(shown).copied().filter(is_open).collect()
    }

    fn turn(&self, kind: Kind, window_ms: Span, epoch: Epoch) -> Option<Turn> {
        let (_, end_ms) = window_ms;
        let frozen_ms = end_ms + kind.slack_ms(self.settings);
        if !epoch.has_passed(end_ms) {
            return self.is_provisional(kind, window_ms, epoch).then_some(Turn::Provisional);
        }
        if !epoch.had_passed(end_ms) {
            return Some(Turn::Closing);
        }
        let freezes = epoch.has_passed(frozen_ms) && !epoch.had_passed(frozen_ms);
        (freezes || epoch.is_tick_of(self.pace.correction_epochs)).then_some(Turn::Correction)
    }

    /// Whether a window that has not closed is refreshed.
    fn is_provisional(&self, kind: Kind, (start_ms, end_ms): Span, epoch: Epoch) -> bool {
        let Some(watermark_ms) = epoch.watermark_ms.filter(|_| self.pace.provisional) else {
            return false;
        };
        let paced = match kind {
            Kind::RealTime | Kind::ActiveUsers | Kind::EndedSessions => true,
            Kind::Business | Kind::Hour | Kind::Day => {
                epoch.is_tick_of(self.pace.provisional_epochs)
            }
            Kind::Alerts => false,
        };
        let m_ms = watermark_ms.saturating_add(self.settings.allowed_disorder_ms);
        let begun = match kind.step_ms() {
            Some(step_ms) => end_ms - step_ms <= m_ms && m_ms < end_ms,
            None => start_ms <= m_ms,
        };
        paced && begun
    }

    /// What ends in this epoch is shown at once; all else that has changed waits for its turn.
    fn apply_sessions(&mut self, view: &View<'_>, epoch: Epoch) {
        let ends_now =
            |ended_ms: i64| epoch.watermark_before_ms.is_none_or(|before| before <= ended_ms);
        let (now, before): (Vec<_>, Vec<_>) =
            view.ended().iter().partition(|session| ends_now(session.ended_ms));
        let record = |session: &&Session<'_>| {
            let record = session.record(&self.settings.funnels);
            (record.key.clone(), record)
        };
        let now: BTreeMap<String, Record> = now.iter().map(record).collect();
        let frozen_now: BTreeMap<String, i64> = view
            .ended()
            .iter()
            .map(|session| (session.record(&self.settings.funnels).key, self.frozen_ms(session)))
            .collect();
        let mut before: BTreeMap<String, Record> = before.iter().map(record).collect();
        let is_tick = epoch.is_last || epoch.is_tick_of(self.pace.correction_epochs);
        // A change waits for a tick, but not beyond the time at which neither what is shown nor
        // what is to be shown can change any more.
        let waits = |key: &String| {
            let shown = self.sessions_frozen_ms.get(key);
            let frozen_ms = shown.into_iter().chain(frozen_now.get(key)).max();
            !is_tick && frozen_ms.is_none_or(|frozen_ms| !epoch.has_passed(*frozen_ms))
        };
        before.retain(|key, _| !waits(key));
        self.sessions.retain(|key, _| before.contains_key(key) || waits(key));
        replace(&mut self.sessions, before, State::Corrected);
        self.sessions.extend(now.into_iter().map(|(key, record)| (key, (record, State::Final))));
        let shown = &self.sessions;
        self.sessions_frozen_ms.retain(|key, _| shown.contains_key(key));
        for (key, frozen_ms) in frozen_now {
            if shown.contains_key(&key) {
                self.sessions_frozen_ms.insert(key, frozen_ms);
            }
        }
    }

    /// When no record that could still be accepted can change a session.
    fn frozen_ms(&self, session: &Session<'_>) -> i64 {
        let last_ms = session.events.last().map_or(session.ended_ms, |event| event.timestamp_ms);
        last_ms + 2 * self.settings.session_gap_ms + self.settings.lateness_ms
    }

    fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for (key, (record, state)) in &self.sessions {
            seen.results.insert(key.clone(), record.line(*state));
        }
        for ((kind, _), window) in &self.windows {
            for (key, (record, state)) in &window.shown {
                if *kind == Kind::Alerts {
                    seen.alerts.insert(key.clone(), record.whole_line().to_owned());
                } else {
                    seen.results.insert(key.clone(), record.line(*state));
                }
            }
        }
        let of_results = rules::of_results(&seen.results, self.settings);
        for alert in self.sequences.values().chain(&of_results) {
            seen.alerts.insert(alert.id.clone(), alert.line.clone());
        }
        seen
    }
}

#[cfg(test)]
mod days;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
