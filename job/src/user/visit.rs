//! The sessions of one user under one session id.
//!
//! The events of a visit, in order, are cut where the silence is longer than the
//! gap, and after a SESSION_END. A late event can extend a session, join two, cut
//! one, or stand alone; each changes only its neighbours.
//!
//! Invariant: sessions are in order and no two share a time, so a time names at
//! most one of them.

use super::people::NO_VISIT;
use crate::alert::AlertRule;
use crate::one_or_many::OneOrMany;
use crate::session::{Ended, Entry, Rules, Session};
use crate::window::Windows;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;

/// What an event did to the sessions of its visit.
#[derive(Default)]
pub(super) struct Effects {
    /// Records that no longer stand.
    pub(super) retracted: Vec<Arc<Ended>>,
    /// A time within each session that needs its timer looked at.
    pub(super) touched: SmallVec<[i64; 2]>,
    /// Beginnings of sessions that are no longer there, and of others that are: in
    /// order, what an event that only makes its session longer has none of, ms.
    pub(super) gone: SmallVec<[i64; 2]>,
    pub(super) begun: SmallVec<[i64; 2]>,
}

/// What decides about sessions.
pub(super) struct SessionRules<'a> {
    pub(super) fold: &'a Rules,
    pub(super) gap_ms: i64,
    /// Nothing that is accepted comes at or before this time.
    pub(super) settled_ms: i64,
    /// The user's name.
    pub(super) user: &'a str,
    /// What a record calls what no event tells.
    pub(super) unknown: &'a Arc<str>,
}

/// What the rules of all sessions have in common.
pub(super) struct Constants {
    pub(super) fold: Rules,
    pub(super) windows: Windows,
    /// The configured rules, in the order of their names.
    pub(super) alerts: Rc<[Arc<AlertRule>]>,
    /// What a record calls what no event tells.
    pub(super) unknown: Arc<str>,
}

impl Constants {
    /// The rules for the sessions of a user at a watermark.
    pub(super) fn of<'a>(&'a self, watermark_ms: i64, user: &'a str) -> SessionRules<'a> {
        SessionRules {
            fold: &self.fold,
            gap_ms: self.windows.session_gap_ms,
            settled_ms: self.windows.settled_ms(watermark_ms),
            user,
            unknown: &self.unknown,
        }
    }
}

/// One session id of one user.
pub(super) struct Visit {
    pub(super) user: usize,
    pub(super) session: CompactString,
    pub(super) sessions: OneOrMany<Session>,
    /// Its neighbours in the chain of the user's visits.
    pub(super) previous: u32,
    pub(super) next: u32,
}

impl Visit {
    /// A visit without sessions, at the head of its user's chain.
    pub(super) fn new(user: usize, session: &str, next: u32) -> Self {
        let (session, sessions) = (session.into(), OneOrMany::default());
        Self { user, session, sessions, previous: NO_VISIT, next }
    }

    /// Reads the place behind which the next event is likely to go.
    pub(super) fn look(&self) -> i64 {
        self.sessions.last().and_then(Session::last_entry).map_or(0, |entry| entry.at_ms)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Adds an event.
    pub(super) fn insert(&mut self, rules: &SessionRules<'_>, entry: Entry) -> Effects {
        let mut effects = Effects::default();
        let (at_ms, is_end) = (entry.at_ms, entry.is_end());
        let right = self.sessions.partition_point(|s| s.first_ms() <= at_ms);
        let left = right.checked_sub(1).filter(|&i| {
            let s = &self.sessions[i];
            at_ms <= s.last_ms() || (!s.is_ended_by_event() && at_ms - s.last_ms() <= rules.gap_ms)
        });
        // A SESSION_END cuts what comes later off, so it never joins it.
        let joins_right = !is_end
            && self.sessions.get(right).is_some_and(|s| s.first_ms() - at_ms <= rules.gap_ms);
        match left {
            Some(i) => {
                let within = at_ms <= self.sessions[i].last_ms();
                self.extend(i, rules, entry, &mut effects);
                if within && is_end {
                    self.cut(i, at_ms, &mut effects);
                } else if !within && joins_right {
                    self.join(i, rules, &mut effects);
                }
            }
            None if joins_right => {
                self.extend(right, rules, entry, &mut effects);
            }
            None => {
                self.sessions.insert(right, Session::new(entry));
                effects.touched.push(at_ms);
                effects.begun.push(at_ms);
            }
        }
        effects
    }

    /// Takes back the record of a session, if it stands.
    fn retract(&mut self, i: usize, rules: &SessionRules<'_>, effects: &mut Effects) {
        if self.sessions[i].is_published {
            effects.retracted.push(self.ended(i, rules));
            self.sessions[i].is_published = false;
            self.sessions[i].timer_ms = None;
        }
    }

    /// What a session is that has ended.
    pub(super) fn ended(&mut self, i: usize, rules: &SessionRules<'_>) -> Arc<Ended> {
        let (user, session) = (rules.user.into(), self.session.as_str().into());
        let ended = self.sessions[i].ended(rules.fold, rules.gap_ms, user, session, rules.unknown);
        Arc::new(ended)
    }

    /// Adds an event to a session; its record, if it has one, stands no longer.
    fn extend(&mut self, i: usize, rules: &SessionRules<'_>, entry: Entry, effects: &mut Effects) {
        self.retract(i, rules, effects);
        let session = &mut self.sessions[i];
        let (ended_by_event, first_ms) = (session.is_ended_by_event(), session.first_ms());
        session.insert(rules.fold, rules.settled_ms, entry);
        if session.first_ms() != first_ms {
            effects.gone.push(first_ms);
            effects.begun.push(session.first_ms());
        }
        // A SESSION_END brings its end forward; otherwise the timer finds out by itself.
        if session.timer_ms.is_none() || session.is_ended_by_event() != ended_by_event {
            session.timer_ms = None;
            effects.touched.push(session.last_ms());
        }
    }

    fn cut(&mut self, i: usize, at_ms: i64, effects: &mut Effects) {
        let Some(rest) = self.sessions[i].cut_after(at_ms) else {
            return;
        };
        self.sessions[i].timer_ms = None;
        effects.touched.clear();
        effects.touched.extend([self.sessions[i].last_ms(), rest.last_ms()]);
        effects.begun.push(rest.first_ms());
        self.sessions.insert(i + 1, rest);
    }

    fn join(&mut self, i: usize, rules: &SessionRules<'_>, effects: &mut Effects) {
        self.retract(i + 1, rules, effects);
        let Some(later) = self.sessions.remove(i + 1) else {
            return;
        };
        effects.gone.push(later.first_ms());
        let session = &mut self.sessions[i];
        session.append(later);
        session.timer_ms = None;
        effects.touched.clear();
        effects.touched.push(session.last_ms());
    }

    /// The session that a time lies in.
    pub(super) fn find(&mut self, at_ms: i64) -> Option<(usize, &mut Session)> {
        let i = self.sessions.partition_point(|s| s.first_ms() <= at_ms).checked_sub(1)?;
        self.sessions.get_mut(i).filter(|s| at_ms <= s.last_ms()).map(|s| (i, s))
    }

    /// Drops a session.
    pub(super) fn remove(&mut self, i: usize) {
        self.sessions.remove(i);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use streamgauge_ingest::decode::Kind;

    const GAP_MS: i64 = 10;

    fn entry(offset: u64, at_ms: i64, is_end: bool) -> Entry {
        Entry {
            at_ms,
            partition: 0,
            offset,
            kind: if is_end { Kind::SessionEnd } else { Kind::SessionStart },
            currency: *b"USD",
            value_minor: 0,
            page: None,
            device: None,
            country: None,
        }
    }

    /// Start, end and whether a SESSION_END ended it, by the definition.
    fn naive(events: &[(i64, bool)]) -> Vec<(i64, i64, bool, u64)> {
        let mut sorted: Vec<_> = events.to_vec();
        sorted.sort_by_key(|e| e.0);
        let mut sessions: Vec<(i64, i64, bool, u64)> = Vec::new();
        for (at, is_end) in sorted {
            match sessions.last_mut() {
                Some((_, end, ended, n)) if at - *end <= GAP_MS && !(*ended && at > *end) => {
                    *ended |= is_end;
                    *end = at;
                    *n += 1;
                }
                _ => sessions.push((at, at, is_end, 1)),
            }
        }
        sessions
    }

    proptest! {
        #[test]
        fn sessions_are_those_of_the_definition(
            events in proptest::collection::vec((0i64..60, proptest::bool::weighted(0.2)), 1..40),
        ) {
            let rules = Rules { funnels: Rc::from([]) };
            let mut visit = Visit::new(0, "s", NO_VISIT);
            for (i, &(at, is_end)) in events.iter().enumerate() {
                let name: Arc<str> = "".into();
                let rules = SessionRules {
                    fold: &rules,
                    gap_ms: GAP_MS,
                    settled_ms: -1,
                    user: "u",
                    unknown: &name,
                };
                visit.insert(&rules, entry(i as u64, at, is_end));
                let got: Vec<_> = (0..visit.sessions.len())
                    .map(|i| {
                        let s = &mut visit.sessions[i];
                        let n = s.ended(rules.fold, GAP_MS, name.clone(), name.clone(), &name);
                        (s.first_ms(), s.last_ms(), s.is_ended_by_event(), n.record.events)
                    })
                    .collect();
                prop_assert_eq!(got, naive(&events[..=i]));
            }
        }
    }
}
