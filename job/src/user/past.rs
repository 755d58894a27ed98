//! Users who return: what is known of their other sessions.
//!
//! A session is one of a returning user if another session of that user began before
//! it and had its last event in the 24 hours before it, or later. Sessions are held
//! for as long as they can change, and of those that went before only the latest
//! beginning and the latest end are kept: for a session that begins later than all of
//! them the latest end decides, and what the others need to know of them is noted
//! beside their beginnings when one goes.
//!
//! Invariant: a session that began at or before the latest beginning of the past, or
//! is held when the past is forgotten, has a note of what the past says of it.

use super::people::People;
use super::state::State;
use crate::session::Session;
use crate::window::Windows;
use std::collections::VecDeque;

/// How long after its last event a session makes another one of a returning user, ms.
pub(super) const RETURN_MS: i64 = 86_400_000;

/// When a session that is held began.
#[derive(Debug)]
struct Start {
    first_ms: i64,
    /// Whether one that is no longer held makes it one of a user who returns.
    has_returned: bool,
}

/// When the sessions of a user began that are held, in order: there can be thousands.
#[derive(Debug, Default)]
pub(super) struct Starts(VecDeque<Start>);

impl Starts {
    /// A session that is held from now on.
    pub(super) fn add(&mut self, first_ms: i64, has_returned: bool) {
        let place = match self.0.back() {
            Some(last) if last.first_ms > first_ms => self.place(first_ms),
            _ => self.0.len(),
        };
        self.0.insert(place, Start { first_ms, has_returned });
    }

    pub(super) fn remove(&mut self, first_ms: i64) {
        let place = self.place(first_ms);
        debug_assert!(self.0.get(place).is_some_and(|start| start.first_ms == first_ms));
        self.0.remove(place);
    }

    /// What was noted of a session that began then.
    pub(super) fn has_returned(&self, first_ms: i64) -> bool {
        self.0.get(self.place(first_ms)).is_some_and(|start| start.has_returned)
    }

    /// The last before a time.
    fn before(&self, at_ms: i64) -> Option<i64> {
        self.place(at_ms).checked_sub(1).map(|place| self.0[place].first_ms)
    }

    /// Notes what sessions that are dropped say of those that began until a time.
    fn note(&mut self, until_ms: i64, makes_return: impl Fn(i64) -> bool) {
        for start in self.0.iter_mut().take_while(|start| start.first_ms <= until_ms) {
            start.has_returned |= makes_return(start.first_ms);
        }
    }

    fn place(&self, first_ms: i64) -> usize {
        self.0.partition_point(|start| start.first_ms < first_ms)
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
        let is_noted = held.starts.has_returned(start_ms);
        if is_noted || held.past.is_some_and(|past| past.makes_return(start_ms)) {
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
        user_held.starts.note(first, |start_ms| {
            makes_return((first_ms, last_ms), start_ms)
                || past.is_some_and(|past| past.makes_return(start_ms))
        });
        user_held.past = Some(Past { first_ms: first, last_ms: last });
    }

    /// Forgets the past of a user, if it is time.
    pub(super) fn forget_past(&mut self, user: usize, watermark_ms: i64, windows: &Windows) {
        let user = &mut self.users[user];
        if let Some(past) = user.past.filter(|past| past.expires_ms(windows) <= watermark_ms) {
            user.starts.note(i64::MAX, |start_ms| past.makes_return(start_ms));
            user.past = None;
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
