//! The changes of one epoch, added up before they leave the state per user.
//!
//! Many events change the same few sums; what is sent is one row per sum. The
//! order of rows does not matter: they are arranged behind this.

use super::presence::{Gap, gaps};
use super::values::{Slot, Value};
use crate::expiry::Update;
use crate::rows::{List, ListDiff, ListKey, PANES, Tally, TallyKey, TallyKind};
use crate::time::Epoch;
use crate::window::Windows;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::rc::Rc;
use streamgauge_ingest::lateness::{BUSINESS_PANE_MS, REAL_TIME_PANE_MS};

/// Sums per pane, with the one touched last at hand: events come nearly in order.
struct PerPane<T> {
    panes: BTreeMap<i64, T>,
    last: Option<(i64, T)>,
}

impl<T> Default for PerPane<T> {
    fn default() -> Self {
        Self { panes: BTreeMap::new(), last: None }
    }
}

impl<T: Default> PerPane<T> {
    fn at(&mut self, pane_end_ms: i64) -> &mut T {
        if self.last.as_ref().is_none_or(|(end, _)| *end != pane_end_ms) {
            if let Some((end, sums)) = self.last.take() {
                self.panes.insert(end, sums);
            }
            let sums = self.panes.remove(&pane_end_ms).unwrap_or_default();
            self.last = Some((pane_end_ms, sums));
        }
        &mut self.last.as_mut().expect("it was set above").1
    }

    fn drain(&mut self) -> impl Iterator<Item = (i64, T)> {
        self.panes.extend(self.last.take());
        std::mem::take(&mut self.panes).into_iter()
    }
}

#[derive(Default)]
struct RealTimeSums {
    events: i64,
    users: i64,
    views: i64,
}

/// Sums of a business pane; users by the window they are new in.
#[derive(Default)]
struct BusinessSums {
    events: i64,
    users: [i64; PANES],
    conversions: i64,
    converters: [i64; PANES],
}

#[derive(Default)]
struct RevenueSums {
    conversions: i64,
    minor: i128,
}

struct ListSums {
    pane_end_ms: i64,
    value: Rc<Value>,
    diff: ListDiff,
}

/// Adds up what the events of an epoch change.
pub(super) struct Deltas {
    real_time: PerPane<RealTimeSums>,
    /// At the end of a window: users active from it on, less users active until the one before.
    active: HashMap<i64, i64>,
    business: PerPane<BusinessSums>,
    revenue: HashMap<(i64, [u8; 3]), RevenueSums>,
    lists: Vec<ListSums>,
    list_places: HashMap<(i64, usize), usize>,
    load_times: HashMap<(i64, i64), i64>,
    flush: u64,
}

impl Default for Deltas {
    fn default() -> Self {
        Self {
            real_time: PerPane::default(),
            active: HashMap::new(),
            business: PerPane::default(),
            revenue: HashMap::new(),
            lists: Vec::new(),
            list_places: HashMap::new(),
            load_times: HashMap::new(),
            // 0 stands for a slot that was never set.
            flush: 1,
        }
    }
}

impl Deltas {
    /// An event of the real-time family; `new_user` if its user had none in the pane.
    pub(super) fn real_time(&mut self, pane_end_ms: i64, is_view: bool, new_user: bool) {
        let sums = self.real_time.at(pane_end_ms);
        sums.events += 1;
        sums.views += i64::from(is_view);
        sums.users += i64::from(new_user);
    }

    /// A user is counted in the windows that end from `from_ms` up to and with `to_ms`.
    pub(super) fn active(&mut self, from_ms: i64, to_ms: i64) {
        *self.active.entry(from_ms).or_default() += 1;
        *self.active.entry(to_ms + REAL_TIME_PANE_MS).or_default() -= 1;
    }

    /// An event of the business family; `gap` if its user had none in the pane.
    pub(super) fn business(&mut self, pane_end_ms: i64, gap: Option<Gap>) {
        self.business.at(pane_end_ms).events += 1;
        for (end_ms, new) in gap.into_iter().flat_map(|g| gaps(pane_end_ms, g)) {
            let users = &mut self.business.at(end_ms).users;
            users.iter_mut().zip(new).for_each(|(u, n)| *u += i64::from(n));
        }
    }

    /// A conversion; `gap` if its user had none in the pane.
    pub(super) fn conversion(
        &mut self,
        pane_end_ms: i64,
        currency: [u8; 3],
        minor: i64,
        gap: Option<Gap>,
    ) {
        self.business.at(pane_end_ms).conversions += 1;
        let revenue = self.revenue.entry((pane_end_ms, currency)).or_default();
        revenue.conversions += 1;
        revenue.minor += i128::from(minor);
        for (end_ms, new) in gap.into_iter().flat_map(|g| gaps(pane_end_ms, g)) {
            let users = &mut self.business.at(end_ms).converters;
            users.iter_mut().zip(new).for_each(|(u, n)| *u += i64::from(n));
        }
    }

    /// A page view with this value; `gap` if its user had none with it in the pane.
    pub(super) fn view(&mut self, pane_end_ms: i64, value: &Rc<Value>, gap: Option<Gap>) {
        self.list(pane_end_ms, value).views += 1;
        for (end_ms, new) in gap.into_iter().flat_map(|g| gaps(pane_end_ms, g)) {
            let users = &mut self.list(end_ms, value).users;
            users.iter_mut().zip(new).for_each(|(u, n)| *u += n);
        }
    }

    /// A page view with this load time.
    pub(super) fn load_time(&mut self, pane_end_ms: i64, load_ms: i64) {
        *self.load_times.entry((pane_end_ms, load_ms)).or_default() += 1;
    }

    fn list(&mut self, pane_end_ms: i64, value: &Rc<Value>) -> &mut ListDiff {
        let parity = usize::from(pane_end_ms.div_euclid(BUSINESS_PANE_MS).rem_euclid(2) == 1);
        let slot = value.slots[parity].get();
        let index = if slot.flush == self.flush && slot.pane_end_ms == pane_end_ms {
            slot.index
        } else {
            let place = (pane_end_ms, Rc::as_ptr(value).addr());
            let lists = &mut self.lists;
            let index = *self.list_places.entry(place).or_insert_with(|| {
                let diff = ListDiff::default();
                lists.push(ListSums { pane_end_ms, value: Rc::clone(value), diff });
                lists.len() - 1
            });
            value.slots[parity].set(Slot { flush: self.flush, pane_end_ms, index });
            index
        };
        &mut self.lists[index].diff
    }

    /// Hands over everything as updates of `epoch`, leaving nothing.
    pub(super) fn drain(
        &mut self,
        epoch: Epoch,
        windows: &Windows,
        tallies: &mut Vec<Update<TallyKey, Tally>>,
        rows: &mut Vec<Update<ListKey, ListDiff>>,
    ) {
        let mut give = |kind, end_ms, currency, tally| {
            let expires_ms = windows.frozen_ms(end_ms);
            tallies.push(((TallyKey { expires_ms, kind, end_ms, currency }, ()), epoch, tally));
        };
        self.drain_real_time(&mut give);
        self.drain_business(&mut give);
        self.drain_lists(epoch, windows, rows);
        self.flush += 1;
    }

    fn drain_real_time(&mut self, give: &mut impl FnMut(TallyKind, i64, [u8; 3], Tally)) {
        for (end_ms, s) in self.real_time.drain() {
            let tally = Tally { n: [s.events, s.users, s.views, 0], sum: 0 };
            give(TallyKind::RealTime, end_ms, [0; 3], tally);
        }
        // Every range that was counted lies within five minutes, so the running
        // sum comes back to zero: the rows are as many as the windows touched.
        let mut edges: Vec<_> = self.active.drain().collect();
        edges.sort_unstable();
        let mut users = 0;
        for (i, (end_ms, change)) in edges.iter().enumerate() {
            users += change;
            let next_ms = edges.get(i + 1).map_or(*end_ms, |(next, _)| *next);
            let mut at_ms = *end_ms;
            while users != 0 && at_ms < next_ms {
                let tally = Tally { n: [0, users, 0, 0], sum: 0 };
                give(TallyKind::ActiveUsers5m, at_ms, [0; 3], tally);
                at_ms += REAL_TIME_PANE_MS;
            }
        }
        debug_assert_eq!(users, 0, "every range ends within five minutes");
    }

    fn drain_business(&mut self, give: &mut impl FnMut(TallyKind, i64, [u8; 3], Tally)) {
        let window_ends = |pane_end_ms: i64| (0..).map(move |j| pane_end_ms + j * BUSINESS_PANE_MS);
        let mut windows: BTreeMap<i64, Tally> = BTreeMap::new();
        for (pane_end_ms, s) in self.business.drain() {
            for (j, end_ms) in (0..PANES).zip(window_ends(pane_end_ms)) {
                let n = &mut windows.entry(end_ms).or_default().n;
                n[0] += s.events;
                n[1] += s.users[j];
                n[2] += s.conversions;
                n[3] += s.converters[j];
            }
        }
        for (end_ms, tally) in windows {
            give(TallyKind::Business, end_ms, [0; 3], tally);
        }
        let mut revenue: BTreeMap<(i64, [u8; 3]), Tally> = BTreeMap::new();
        let mut panes: Vec<_> = self.revenue.drain().collect();
        panes.sort_unstable_by_key(|(key, _)| *key);
        for ((pane_end_ms, currency), s) in panes {
            for (_, end_ms) in (0..PANES).zip(window_ends(pane_end_ms)) {
                let tally = revenue.entry((end_ms, currency)).or_default();
                tally.n[0] += s.conversions;
                tally.sum += s.minor;
            }
        }
        for ((end_ms, currency), tally) in revenue {
            give(TallyKind::Revenue, end_ms, currency, tally);
        }
    }

    fn drain_lists(
        &mut self,
        epoch: Epoch,
        windows: &Windows,
        rows: &mut Vec<Update<ListKey, ListDiff>>,
    ) {
        self.list_places.clear();
        rows.extend(self.lists.drain(..).map(|s| {
            let key = ListKey {
                expires_ms: windows.business_pane_expires_ms(s.pane_end_ms),
                list: List::By(s.value.dimension),
                hash: s.value.hash,
                name: Some(s.value.name.clone()),
            };
            ((key, ()), epoch, s.diff)
        }));
        let mut load_times: Vec<_> = self.load_times.drain().collect();
        load_times.sort_unstable();
        rows.extend(load_times.into_iter().map(|((pane_end_ms, load_ms), views)| {
            let key = ListKey {
                expires_ms: windows.business_pane_expires_ms(pane_end_ms),
                list: List::LoadTimes,
                hash: load_ms.cast_unsigned(),
                name: None,
            };
            ((key, ()), epoch, ListDiff { views, users: [0; PANES] })
        }));
    }
}
