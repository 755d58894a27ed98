//! Users who return: what is known of their other sessions.
//!
//! A session is one of a returning user if another session of that user began before
//! it and had its last event in the 24 hours before it, or later. Sessions are held
//! for as long as they can change, and of those that went before only the latest
//! beginning and the latest end are kept: for a session that begins later than all of
//! them the latest end decides, and what the others need to know of them is noted in
//! them when one goes.
//!
//! Invariant: a session that began at or before the latest beginning of the past, or
//! whose beginning is settled when the past is forgotten, has noted what the past says
//! of it.

use super::people::People;
use super::state::State;
use crate::session::Session;
use crate::window::Windows;
use std::collections::VecDeque;

/// How long after its last event a session makes another one of a returning user, ms.
pub(super) const RETURN_MS: i64 = 86_400_000;

/// When sessions began, in order: a user can have thousands of them.
#[derive(Debug, Default)]
pub(super) struct Starts(VecDeque<i64>);

impl Starts {
    pub(super) fn add(&mut self, first_ms: i64) {
        let place = match self.0.back() {
            Some(last) if *last > first_ms => self.0.partition_point(|at| *at < first_ms),
            _ => self.0.len(),
        };
        self.0.insert(place, first_ms);
    }

    pub(super) fn remove(&mut self, first_ms: i64) {
        let place = self.0.partition_point(|at| *at < first_ms);
        debug_assert_eq!(self.0.get(place), Some(&first_ms), "what ends has begun");
        self.0.remove(place);
    }

    /// The last before a time.
    fn before(&self, at_ms: i64) -> Option<i64> {
        let place = self.0.partition_point(|at| *at < at_ms);
        place.checked_sub(1).map(|place| self.0[place])
    }

    /// The first of all.
    fn first(&self) -> Option<i64> {
        self.0.front().copied()
    }
}

/// The sessions of a user that are no longer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    /// The latest beginning of one, ms.
    pub(super) first_ms: i64,
    /// The latest last event of one, ms.
    pub(super) last_ms: i64,
}

impl Past {
    /// When nobody can return after it any more, ms.
    pub(super) fn expires_ms(&self, windows: &Windows) -> i64 {
        windows.session_expires_ms(self.last_ms).saturating_add(RETURN_MS)
    }

    /// Whether it makes a session that begins then one of a returning user.
    fn makes_return(&self, start_ms: i64) -> bool {
        makes_return((self.first_ms, self.last_ms), start_ms)
    }
}

/// Whether a session with this first and last event makes another that begins then one
/// of a returning user.
fn makes_return((first_ms, last_ms): (i64, i64), start_ms: i64) -> bool {
    first_ms < start_ms && last_ms >= start_ms - RETURN_MS
}

impl People {
    /// Whether a session of a user is one of a user who returns.
    pub(super) fn is_returning(&self, user: usize, session: &Session) -> bool {
        let (start_ms, held) = (session.first_ms(), &self.users[user]);
        if session.has_returned || held.past.is_some_and(|past| past.makes_return(start_ms)) {
            return true;
        }
        match held.starts.before(start_ms) {
            None => false,
            Some(before_ms) if before_ms >= start_ms - RETURN_MS => true,
            // Only one that went on for long can reach so far.
            Some(_) => self
                .visits_of(user)
                .flat_map(|visit| visit.sessions.iter())
                .any(|other| makes_return((other.first_ms(), other.last_ms()), start_ms)),
        }
    }

    /// Takes a session that is dropped into the past of its user.
    pub(super) fn add_to_past(&mut self, user: usize, first_ms: i64, last_ms: i64) {
        let user_held = &mut self.users[user];
        user_held.starts.remove(first_ms);
        let past = user_held.past;
        let (first, last) = past.map_or((first_ms, last_ms), |past| {
            (past.first_ms.max(first_ms), past.last_ms.max(last_ms))
        });
        // Those that began after all of the past are told by it.
        if user_held.starts.first().is_some_and(|held_ms| held_ms <= first) {
            self.note_in_sessions(user, |start_ms| {
                makes_return((first_ms, last_ms), start_ms)
                    || past.is_some_and(|past| past.makes_return(start_ms))
            });
        }
        self.users[user].past = Some(Past { first_ms: first, last_ms: last });
    }

    /// Forgets the past of a user, if it is time.
    pub(super) fn forget_past(&mut self, user: usize, watermark_ms: i64, windows: &Windows) {
        let past = self.users[user].past;
        if let Some(past) = past.filter(|past| past.expires_ms(windows) <= watermark_ms) {
            self.note_in_sessions(user, |start_ms| past.makes_return(start_ms));
            self.users[user].past = None;
        }
    }

    /// Notes in the sessions of a user that they are of one who returns.
    fn note_in_sessions(&mut self, user: usize, makes_return: impl Fn(i64) -> bool) {
        let mut next = self.users[user].first_visit();
        while let Some(visit) = self.visits.get_mut(next) {
            for session in visit.sessions.iter_mut() {
                session.has_returned |= makes_return(session.first_ms());
            }
            next = visit.next as usize;
        }
    }
}

impl State {
    /// Looks anew at all published sessions of a user of whom an earlier session has
    /// changed.
    pub(super) fn recheck_returning(&mut self, user: usize) {
        let mut changed = Vec::new();
        let mut next = self.people.users[user].first_visit();
        while let Some(visit) = self.people.visits.get(next) {
            for (i, session) in visit.sessions.iter().enumerate() {
                let is_returning = self.people.is_returning(user, session);
                if session.is_published && session.is_returning != is_returning {
                    changed.push((next, i));
                }
            }
            next = visit.next as usize;
        }
        for (slot, i) in changed {
            let rules = self.constants.of(self.watermark_ms, &self.people.users[user].name);
            let visit = &mut self.people.visits[slot];
            self.updates.sessions.push((visit.ended(i, &rules), self.epoch, -1));
            visit.sessions[i].is_returning ^= true;
            self.updates.sessions.push((visit.ended(i, &rules), self.epoch, 1));
        }
    }
}
