//! The state per user: all that must be known of what can still change.
//!
//! Invariant: after the close of an epoch, the sum of everything emitted is what
//! the definitions give over the events accepted so far at the epoch's watermark
//! (but for what is frozen), and nothing is held that no accepted record could
//! make use of.

use super::day_deltas::DayDeltas;
use super::deltas::Deltas;
use super::past::RETURN_MS;
use super::people::{People, User};
use super::timers::{Due, Timers};
use super::values::{Value, Values};
use super::visit::{Constants, Visit};
use crate::alert::{AlertRule, SequenceAlert, sequence_spans_ms};
use crate::day::RecentDay;
use crate::expiry::Update;
use crate::rows::{Bounce, ListDiff, ListKey, Tally, TallyKey};
use crate::session::{Ended, Entry, Rules};
use crate::time::{Epoch, Tick};
use crate::window::{Windows, alert_end_ms, business_pane_end_ms};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::batch::{Dimension, EventBatch, Row, Texts, UNKNOWN};
use streamgauge_ingest::decode::Kind;
use streamgauge_ingest::lateness::Family;

/// Stands for a row that is late for its session.
const NO_VISIT: usize = usize::MAX;

/// The values of a row, by dimension.
pub(super) type RowValues<'a> = [Option<&'a Rc<Value>>; Dimension::ALL.len()];

/// What an epoch changes, as updates to be summed.
#[derive(Default)]
pub struct Updates {
    /// Counts of windows.
    pub tallies: Vec<Update<TallyKey, Tally>>,
    /// Rows of lists.
    pub lists: Vec<Update<ListKey, ListDiff>>,
    /// Sessions that have ended.
    pub sessions: Vec<(Arc<Ended>, Epoch, isize)>,
    /// Users with one page view in a closed alert window.
    pub bounces: Vec<(Bounce, Epoch, isize)>,
    /// Users who went through the steps of rules.
    pub sequences: Vec<(SequenceAlert, Epoch, isize)>,
}

/// How much is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Users.
    pub users: usize,
    /// Session ids of users.
    pub visits: usize,
    /// Timers, stale ones included.
    pub timers: usize,
    /// Distinct values of dimensions.
    pub values: usize,
}

/// The state per user of one worker.
pub struct State {
    pub(super) constants: Constants,
    /// The times of sequence rules as rows count them.
    pub(super) spans_ms: Vec<i64>,
    pub(super) values: Values,
    pub(super) people: People,
    pub(super) timers: Timers,
    /// Per alert window that is not closed: users that had a page view in it.
    pub(super) alert_windows: BTreeMap<i64, Vec<usize>>,
    pub(super) deltas: Deltas,
    pub(super) day_deltas: DayDeltas,
    /// The day that was asked for last.
    pub(super) recent_day: RecentDay,
    pub(super) updates: Updates,
    pub(super) epoch: Epoch,
    pub(super) watermark_ms: i64,
    /// Whether what changes is noted for checkpoints.
    pub(super) has_checkpoints: bool,
}

impl State {
    /// An empty state. `alerts` are the configured rules, in the order of their names.
    #[must_use]
    pub fn new(rules: Rules, alerts: Rc<[Arc<AlertRule>]>, windows: Windows) -> Self {
        Self {
            spans_ms: sequence_spans_ms(&alerts),
            constants: Constants { fold: rules, windows, alerts, unknown: UNKNOWN.into() },
            values: Values::default(),
            people: People::default(),
            timers: Timers::default(),
            alert_windows: BTreeMap::new(),
            deltas: Deltas::default(),
            day_deltas: DayDeltas::default(),
            recent_day: RecentDay::default(),
            updates: Updates::default(),
            epoch: 0,
            watermark_ms: BEFORE_TIME_MS,
            has_checkpoints: false,
        }
    }

    /// Notes what changes from now on, for checkpoints.
    pub fn note_changes(&mut self) {
        self.has_checkpoints = true;
    }

    /// How much is held.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            users: self.people.users.len(),
            visits: self.people.visits.len(),
            timers: self.timers.len(),
            values: self.values.held(),
        }
    }

    /// Takes the events of one epoch and closes it; what it changes is handed over.
    pub fn epoch(
        &mut self,
        epoch: Epoch,
        tick: Tick,
        batches: impl IntoIterator<Item = EventBatch>,
    ) -> &mut Updates {
        self.epoch = epoch;
        for batch in batches {
            self.apply(&batch);
        }
        self.close(tick);
        &mut self.updates
    }

    /// In passes: where the users are, where their visits are, what the events will
    /// touch of them, and what they change. All but the last wait for memory, and for
    /// several rows at once.
    fn apply(&mut self, batch: &EventBatch) {
        let texts = &batch.texts;
        let users: Vec<usize> = batch
            .rows
            .iter()
            .map(|row| self.people.user(row.user_hash, texts.get(row.user)))
            .collect();
        if self.has_checkpoints {
            users.iter().for_each(|slot| self.people.touch(*slot));
        }
        let rows = batch.rows.iter().zip(&users);
        let visits: Vec<usize> =
            rows.map(|(row, user)| self.row_visit(*user, row, texts)).collect();
        self.look_ahead(&users, &visits);
        let mut resolved: Vec<Option<Rc<Value>>> = vec![None; texts.values.len()];
        for (i, row) in batch.rows.iter().enumerate() {
            for &index in row.values.iter().chain([&row.campaign]) {
                if let Some(place @ None) = resolved.get_mut(index as usize) {
                    *place = Some(self.values.resolve(texts, &texts.values[index as usize]));
                }
            }
            let values = row.values.map(|index| resolved.get(index as usize)?.as_ref());
            self.profile(users[i], row, &values);
            if self.constants.windows.days.is_some() {
                let campaign = resolved.get(row.campaign as usize).and_then(Option::as_ref);
                self.day_event(users[i], row, &values, campaign);
            }
            if visits[i] != NO_VISIT {
                self.session(visits[i], row, &values);
            }
            if !self.spans_ms.is_empty() {
                self.watch(users[i], row, &values);
            }
        }
        // A family can take an event and have no use for it: an alert wants views.
        for user in users {
            let idle = |u: &User| u.timer_ms.is_none() && !u.has_visits() && u.past.is_none();
            if self.people.users.get(user).is_some_and(idle) {
                self.drop_user_if_idle(user);
            }
        }
    }

    /// Reads where the next pass will write, so that the waits for it overlap: 0.2 µs
    /// an event. What is read is of no use.
    fn look_ahead(&self, users: &[usize], visits: &[usize]) {
        let read = users.iter().zip(visits).map(|(user, visit)| {
            let visit = self.people.visits.get(*visit).map_or(0, Visit::look);
            visit ^ self.people.users[*user].profile.look()
        });
        std::hint::black_box(read.fold(0, |all, one| all ^ one));
    }

    fn row_visit(&mut self, user: usize, row: &Row, texts: &Texts) -> usize {
        if row.late.contains(Family::Session) {
            NO_VISIT
        } else {
            self.people.visit(user, texts.get(row.session))
        }
    }

    fn profile(&mut self, slot: usize, row: &Row, values: &RowValues<'_>) {
        let user = &mut self.people.users[slot];
        let profile = &mut user.profile;
        let is_view = row.kind == Kind::PageView;
        profile.expire(self.watermark_ms, &self.constants.windows);
        if !row.late.contains(Family::Business) {
            let pane = profile.business(row.at_ms, &mut self.deltas);
            if !row.late.contains(Family::RealTime) {
                profile.real_time(pane, row.at_ms, is_view, &mut self.deltas);
            }
            if is_view {
                let value =
                    |d: usize| values[d].expect("a page view has a value in each dimension");
                let context = std::array::from_fn(|i| value(i + 1));
                profile.view(pane, value(0), &context, &mut self.deltas);
                if let Some(load_ms) = row.load_time.ms() {
                    self.deltas.load_time(business_pane_end_ms(row.at_ms), load_ms);
                }
            } else if row.kind == Kind::Conversion {
                profile.conversion(pane, row.currency, row.value_minor, &mut self.deltas);
            }
        }
        if is_view && !row.late.contains(Family::Alerts) {
            let end_ms = alert_end_ms(row.at_ms);
            let views = profile.alert_view(end_ms);
            let is_closed = end_ms <= self.watermark_ms;
            match views {
                1 if !is_closed => self.alert_windows.entry(end_ms).or_default().push(slot),
                1 | 2 if is_closed => {
                    let bounce = Bounce { end_ms, user: user.name.as_str().into() };
                    let diff = if views == 1 { 1 } else { -1 };
                    self.updates.bounces.push((bounce, self.epoch, diff));
                }
                _ => {}
            }
        }
        if user.timer_ms.is_none() {
            self.set_user_timer(slot);
        }
    }

    fn session(&mut self, slot: usize, row: &Row, values: &RowValues<'_>) {
        let [page, _, country, _, device, _, _] = *values;
        let entry = Entry {
            at_ms: row.at_ms,
            partition: row.partition,
            offset: row.offset,
            kind: row.kind,
            currency: row.currency,
            value_minor: row.value_minor,
            page: page.cloned(),
            device: device.filter(|_| row.names_device).cloned(),
            country: country.filter(|_| row.names_country).cloned(),
        };
        let visit = &mut self.people.visits[slot];
        let rules = self.constants.of(self.watermark_ms, &self.people.users[visit.user].name);
        let effects = visit.insert(&rules, entry);
        for ended in effects.retracted {
            let user = self.people.visits[slot].user;
            self.day_session(user, &ended.record, true);
            self.updates.sessions.push((ended, self.epoch, -1));
        }
        for at_ms in effects.touched {
            self.set_session_timer(slot, at_ms);
        }
        // An event that only makes its session longer lets nobody return: a session
        // that begins after a silence of a day is not the same.
        let has_long_gaps = self.constants.windows.session_gap_ms >= RETURN_MS;
        if !effects.begun.is_empty() || !effects.gone.is_empty() || has_long_gaps {
            let visit = &mut self.people.visits[slot];
            let slot = visit.user;
            let first_ms = visit.find(row.at_ms).map_or(i64::MAX, |(_, s)| s.first_ms());
            let user = &mut self.people.users[slot];
            effects.gone.into_iter().for_each(|first_ms| user.starts.remove(first_ms));
            effects.begun.into_iter().for_each(|first_ms| user.starts.add(first_ms, false));
            if first_ms < user.published_ms {
                self.recheck_returning(slot);
            }
        }
    }

    /// Sets the timer for when the session that `at_ms` lies in ends.
    fn set_session_timer(&mut self, visit: usize, at_ms: i64) {
        let gap_ms = self.constants.windows.session_gap_ms;
        let Some((_, session)) = self.people.visits[visit].find(at_ms) else {
            return;
        };
        let due_ms = session.ended_at_ms(gap_ms) + 1;
        session.timer_ms = Some(due_ms);
        self.timers.set(due_ms, Due::Session { visit, at_ms });
    }
}
