//! Who there is: users and their visits, found by name.
//!
//! Places are stable until removed. Names are compared as they are; hashes only
//! find candidates.

use super::day::UserDays;
use super::past::{Past, Starts};
use super::profile::Profile;
use super::sequences::Sequences;
use super::visit::Visit;
use compact_str::CompactString;
use hashbrown::HashTable;
use slab::Slab;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Stands for the end of a chain of visits: no slab gets so far.
pub(super) const NO_VISIT: u32 = u32::MAX;

/// One user.
pub(super) struct User {
    pub(super) name: CompactString,
    pub(super) hash: u64,
    pub(super) profile: Profile,
    /// One of its visits; they are a chain.
    first_visit: u32,
    /// The visit of its last event: most often that of the next, too.
    last_visit: usize,
    /// The timer that is set for its profile, ms; others are stale.
    pub(super) timer_ms: Option<i64>,
    /// When its sessions began that are held.
    pub(super) starts: Starts,
    /// What it did that alert rules want, if there is anything.
    pub(super) sequences: Option<Box<Sequences>>,
    /// What it did on the days of the site.
    pub(super) days: UserDays,
    /// The sessions of it that are no longer held.
    pub(super) past: Option<Past>,
    /// The latest beginning of a session of it that was ever published, ms.
    pub(super) published_ms: i64,
    /// Whether it is on the list of those that have changed.
    pub(super) is_touched: bool,
}

impl User {
    /// The place of the first of its visits.
    pub(super) fn first_visit(&self) -> usize {
        self.first_visit as usize
    }

    /// Whether it has any visit.
    pub(super) fn has_visits(&self) -> bool {
        self.first_visit != NO_VISIT
    }
}

/// All users and visits of a worker.
#[derive(Default)]
pub(super) struct People {
    pub(super) users: Slab<User>,
    user_index: HashTable<usize>,
    pub(super) visits: Slab<Visit>,
    visit_index: HashTable<usize>,
    /// Users that have changed since the last checkpoint, if there are checkpoints.
    pub(super) touched: Vec<usize>,
}

impl People {
    /// The place of a user; a new one if it isn't known.
    pub(super) fn user(&mut self, hash: u64, name: &str) -> usize {
        let users = &self.users;
        let is_same = |&i: &usize| users[i].hash == hash && *users[i].name == *name;
        if let Some(&user) = self.user_index.find(hash, is_same) {
            return user;
        }
        let user = self.users.insert(User {
            name: name.into(),
            hash,
            profile: Profile::default(),
            first_visit: NO_VISIT,
            last_visit: usize::MAX,
            timer_ms: None,
            starts: Starts::default(),
            sequences: None,
            days: UserDays::default(),
            past: None,
            published_ms: i64::MIN,
            is_touched: false,
        });
        let users = &self.users;
        self.user_index.insert_unique(hash, user, |&i| users[i].hash);
        user
    }

    /// The place of a session id of a user; a new one if it isn't known.
    pub(super) fn visit(&mut self, user: usize, session: &str) -> usize {
        let last = self.users[user].last_visit;
        if self.visits.get(last).is_some_and(|v| v.user == user && *v.session == *session) {
            return last;
        }
        let hash = self.visit_hash(user, session);
        let visits = &self.visits;
        let is_same = |&i: &usize| visits[i].user == user && *visits[i].session == *session;
        let visit = match self.visit_index.find(hash, is_same) {
            Some(&visit) => visit,
            None => self.new_visit(user, session, hash),
        };
        self.users[user].last_visit = visit;
        visit
    }

    fn new_visit(&mut self, user: usize, session: &str, hash: u64) -> usize {
        let next = self.users[user].first_visit;
        let visit = self.visits.insert(Visit::new(user, session, next));
        let place = u32::try_from(visit).expect("a worker has fewer than 4 billion visits");
        self.users[user].first_visit = place;
        if let Some(next) = self.visits.get_mut(next as usize) {
            next.previous = place;
        }
        let (visits, users) = (&self.visits, &self.users);
        let hash_of = |&i: &usize| {
            let v = &visits[i];
            xxh3_64_with_seed(v.session.as_bytes(), users[v.user].hash)
        };
        self.visit_index.insert_unique(hash, visit, hash_of);
        visit
    }

    /// The visits of a user.
    pub(super) fn visits_of(&self, user: usize) -> impl Iterator<Item = &Visit> {
        let visit_at = |place: u32| self.visits.get(place as usize);
        let first = visit_at(self.users[user].first_visit);
        std::iter::successors(first, move |visit| visit_at(visit.next))
    }

    /// Removes a visit; returns its user.
    pub(super) fn remove_visit(&mut self, visit: usize) -> usize {
        let removed = self.visits.remove(visit);
        let hash = self.visit_hash(removed.user, &removed.session);
        if let Ok(found) = self.visit_index.find_entry(hash, |&i| i == visit) {
            found.remove();
        }
        if let Some(next) = self.visits.get_mut(removed.next as usize) {
            next.previous = removed.previous;
        }
        match self.visits.get_mut(removed.previous as usize) {
            Some(previous) => previous.next = removed.next,
            None => self.users[removed.user].first_visit = removed.next,
        }
        removed.user
    }

    /// Removes a user, who must have no visit.
    pub(super) fn remove_user(&mut self, user: usize) {
        debug_assert!(!self.users[user].has_visits());
        let removed = self.users.remove(user);
        if let Ok(found) = self.user_index.find_entry(removed.hash, |&i| i == user) {
            found.remove();
        }
    }

    fn visit_hash(&self, user: usize, session: &str) -> u64 {
        xxh3_64_with_seed(session.as_bytes(), self.users[user].hash)
    }
}
