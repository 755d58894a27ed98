//! What the events of an epoch change of days, summed.

use super::values::{Slot, Value};
use crate::expiry::Update;
use crate::rows::{DayList, List, ListDiff, ListKey, Name, PANES, Tally, TallyKey, TallyKind};
use crate::time::Epoch;
use crate::window::Windows;
use std::collections::BTreeMap;
use std::rc::Rc;
use xxhash_rust::xxh3::xxh3_64;

#[derive(Default)]
struct Sums {
    events: i64,
    users: i64,
    views: i64,
    viewers: i64,
    conversions: i64,
    converters: i64,
}

struct ListSums {
    end_ms: i64,
    list: DayList,
    value: Rc<Value>,
    views: i64,
    users: i32,
}

/// Adds up what the events of an epoch change of days.
pub(super) struct DayDeltas {
    days: BTreeMap<i64, Sums>,
    /// By day and hour: page views, users.
    hours: BTreeMap<(i64, u8), (i64, i32)>,
    revenue: BTreeMap<(i64, [u8; 3]), (i64, i128)>,
    lists: Vec<ListSums>,
    flush: u64,
}

impl Default for DayDeltas {
    fn default() -> Self {
        let (days, hours, revenue) = Default::default();
        // 0 stands for a slot that was never set.
        Self { days, hours, revenue, lists: Vec::new(), flush: 1 }
    }
}

impl DayDeltas {
    /// An event: whether it is any, a page view, a conversion; for which of these its user
    /// is new in the day.
    pub(super) fn event(&mut self, end_ms: i64, did: [bool; 3], new: [bool; 3]) {
        let sums = self.days.entry(end_ms).or_default();
        let [events, views, conversions] = did.map(i64::from);
        let [users, viewers, converters] = new.map(i64::from);
        sums.events += events;
        sums.views += views;
        sums.conversions += conversions;
        sums.users += users;
        sums.viewers += viewers;
        sums.converters += converters;
    }

    /// The same by hour.
    pub(super) fn hour(&mut self, end_ms: i64, hour: u8, is_view: bool, is_new: bool) {
        let (views, users) = self.hours.entry((end_ms, hour)).or_default();
        *views += i64::from(is_view);
        *users += i32::from(is_new);
    }

    /// A conversion.
    pub(super) fn revenue(&mut self, end_ms: i64, currency: [u8; 3], minor: i64) {
        let (conversions, sum) = self.revenue.entry((end_ms, currency)).or_default();
        *conversions += 1;
        *sum += i128::from(minor);
    }

    /// A page view with a value; each value is in one list of views.
    pub(super) fn view(&mut self, end_ms: i64, list: DayList, value: &Rc<Value>, is_new: bool) {
        let slot = value.day_slot.get();
        let index = if slot.flush == self.flush && slot.pane_end_ms == end_ms {
            slot.index
        } else {
            let index = self.lists.len();
            let value = Rc::clone(value);
            self.lists.push(ListSums { end_ms, list, value, views: 0, users: 0 });
            let slot = Slot { flush: self.flush, pane_end_ms: end_ms, index };
            self.lists[index].value.day_slot.set(slot);
            index
        };
        self.lists[index].views += 1;
        self.lists[index].users += i32::from(is_new);
    }

    /// Sessions that began or ended with a page.
    pub(super) fn way(
        &mut self,
        end_ms: i64,
        list: DayList,
        page: &Rc<Value>,
        views: i64,
        users: i32,
    ) {
        self.lists.push(ListSums { end_ms, list, value: Rc::clone(page), views, users });
    }

    /// Hands over everything as updates of `epoch`, leaving nothing.
    pub(super) fn drain(
        &mut self,
        epoch: Epoch,
        windows: &Windows,
        tallies: &mut Vec<Update<TallyKey, Tally>>,
        rows: &mut Vec<Update<ListKey, ListDiff>>,
    ) {
        self.flush += 1;
        let mut give = |kind, end_ms, currency, n, sum| {
            let expires_ms = windows.sessions_frozen_ms(end_ms);
            let key = TallyKey { expires_ms, kind, end_ms, currency };
            tallies.push(((key, ()), epoch, Tally { n, sum }));
        };
        for (end_ms, s) in std::mem::take(&mut self.days) {
            let n = [s.events, s.users, s.views, s.viewers];
            give(TallyKind::Day, end_ms, [0; 3], n, 0);
            if s.conversions != 0 {
                let n = [s.conversions, s.converters, 0, 0];
                give(TallyKind::DayConversions, end_ms, [0; 3], n, 0);
            }
        }
        for ((end_ms, currency), (conversions, sum)) in std::mem::take(&mut self.revenue) {
            give(TallyKind::DayRevenue, end_ms, currency, [conversions, 0, 0, 0], sum);
        }
        let mut row = |end_ms, list, hash, name, views, users| {
            let expires_ms = windows.sessions_frozen_ms(end_ms);
            let key = ListKey { expires_ms, list: List::Day(list), hash, name: Some(name) };
            let mut diff = ListDiff { views, users: [0; PANES] };
            diff.users[0] = users;
            rows.push(((key, ()), epoch, diff));
        };
        for ((end_ms, hour), (views, users)) in std::mem::take(&mut self.hours) {
            let name = format!("{hour:02}");
            let hash = xxh3_64(name.as_bytes());
            let name = Name { text: name.into(), split: 0 };
            row(end_ms, DayList::Hours, hash, name, views, users);
        }
        for s in self.lists.drain(..) {
            row(s.end_ms, s.list, s.value.hash, s.value.name.clone(), s.views, s.users);
        }
    }
}
