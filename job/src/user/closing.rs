//! The close of an epoch: what the watermark has made due.
//!
//! Alert windows and sessions that it has passed are published, and what no
//! accepted record can make use of any more is dropped.

use super::state::{State, Updates};
use super::timers::Due;
use crate::rows::Bounce;
use crate::time::Tick;
use streamgauge_ingest::BEFORE_TIME_MS;

impl State {
    pub(super) fn close(&mut self, tick: Tick) {
        self.watermark_ms = tick.watermark_ms;
        while let Some(window) = self.alert_windows.first_entry() {
            let end_ms = *window.key();
            if end_ms > tick.watermark_ms {
                break;
            }
            for slot in window.remove() {
                let user = &self.people.users[slot];
                if user.profile.alert_views(end_ms) == 1 {
                    let bounce = Bounce { end_ms, user: user.name.as_str().into() };
                    self.updates.bounces.push((bounce, self.epoch, 1));
                }
            }
        }
        // What is kept of users is of use to sessions: those end first.
        let mut users = Vec::new();
        loop {
            let timers = self.timers.take_due(tick.watermark_ms);
            if timers.is_empty() {
                break;
            }
            for (due_ms, due) in timers {
                match due {
                    Due::Session { visit, at_ms } => self.session_due(visit, at_ms, due_ms),
                    Due::User(user) => users.push((user, due_ms)),
                    Due::Sequence { user, rule, at_ms } => self.sequence_due(user, rule, at_ms),
                }
            }
        }
        for (user, due_ms) in users {
            self.user_due(user, due_ms);
        }
        let Updates { tallies, lists, .. } = &mut self.updates;
        let (epoch, windows) = (self.epoch, &self.constants.windows);
        self.deltas.drain(epoch, windows, tallies, lists);
        self.day_deltas.drain(epoch, windows, tallies, lists);
    }

    /// Publishes a session that has ended, or drops one that nothing can change.
    fn session_due(&mut self, slot: usize, at_ms: i64, due_ms: i64) {
        let Some(visit) = self.people.visits.get_mut(slot) else {
            return;
        };
        let Some((i, session)) = visit.find(at_ms) else {
            return;
        };
        if session.timer_ms != Some(due_ms) {
            return;
        }
        let ended_at_ms = session.ended_at_ms(self.constants.windows.session_gap_ms);
        if ended_at_ms < self.watermark_ms && !session.is_published {
            let user = visit.user;
            let session = &self.people.visits[slot].sessions[i];
            let is_returning = self.people.is_returning(user, session);
            let (visit, user) = (&mut self.people.visits[slot], &mut self.people.users[user]);
            let session = &mut visit.sessions[i];
            (session.is_published, session.is_returning) = (true, is_returning);
            user.published_ms = user.published_ms.max(session.first_ms());
            let rules = self.constants.of(self.watermark_ms, &user.name);
            let (ended, user) = (visit.ended(i, &rules), visit.user);
            self.day_session(user, &ended.record, false);
            self.updates.sessions.push((ended, self.epoch, 1));
        }
        let visit = &mut self.people.visits[slot];
        let session = &mut visit.sessions[i];
        let next_ms = if session.is_published {
            self.constants.windows.session_expires_ms(session.last_ms())
        } else {
            ended_at_ms + 1
        };
        if next_ms > self.watermark_ms || !session.is_published {
            let at_ms = session.last_ms();
            session.timer_ms = Some(next_ms);
            self.timers.set(next_ms, Due::Session { visit: slot, at_ms });
            return;
        }
        let (user, first_ms, last_ms) = (visit.user, session.first_ms(), session.last_ms());
        visit.remove(i);
        if visit.is_empty() {
            self.people.remove_visit(slot);
        }
        self.people.add_to_past(user, first_ms, last_ms);
        self.set_user_timer(user);
        self.drop_user_if_idle(user);
    }

    /// When nothing is needed of a user any more but its visits, ms.
    pub(super) fn user_expires_ms(&self, slot: usize) -> i64 {
        let (user, windows) = (&self.people.users[slot], &self.constants.windows);
        let past_ms = user.past.map_or(BEFORE_TIME_MS, |past| past.expires_ms(windows));
        let sequences = user.sequences.as_ref();
        let sequences_ms = sequences.map(|s| s.expires_ms(windows, |rule| self.within_ms(rule)));
        let rest_ms = user.days.expires_ms(windows).max(sequences_ms.unwrap_or(BEFORE_TIME_MS));
        user.profile.expires_ms(windows).max(past_ms).max(rest_ms)
    }

    /// Sets a timer for a user who has none and needs one.
    pub(super) fn set_user_timer(&mut self, slot: usize) {
        let due_ms = self.user_expires_ms(slot);
        let user = &mut self.people.users[slot];
        // A user of sessions only has no profile, and goes with what follows from them.
        if user.timer_ms.is_none() && due_ms != BEFORE_TIME_MS {
            user.timer_ms = Some(due_ms);
            self.timers.set(due_ms, Due::User(slot));
        }
    }

    fn user_due(&mut self, slot: usize, due_ms: i64) {
        let Some(user) = self.people.users.get_mut(slot) else {
            return;
        };
        if user.timer_ms != Some(due_ms) {
            return;
        }
        self.people.forget_past(slot, self.watermark_ms, &self.constants.windows);
        self.expire_sequences(slot);
        let user = &mut self.people.users[slot];
        user.days.expire(self.watermark_ms, &self.constants.windows);
        let next_ms = self.user_expires_ms(slot);
        let user = &mut self.people.users[slot];
        if next_ms > self.watermark_ms {
            user.timer_ms = Some(next_ms);
            self.timers.set(next_ms, Due::User(slot));
            return;
        }
        user.timer_ms = None;
        self.drop_user_if_idle(slot);
    }

    /// Drops a user of whom nothing is needed any more.
    pub(super) fn drop_user_if_idle(&mut self, slot: usize) {
        let user = &mut self.people.users[slot];
        user.profile.expire(self.watermark_ms, &self.constants.windows);
        let has_profile = user.profile.expires_ms(&self.constants.windows) != BEFORE_TIME_MS;
        // As long as there are visits, a session may still end in one of its days.
        if user.has_visits() || has_profile || user.past.is_some() || user.sequences.is_some() {
            return;
        }
        user.days.expire(self.watermark_ms, &self.constants.windows);
        if !user.days.is_empty() {
            return;
        }
        self.people.remove_user(slot);
    }
}
