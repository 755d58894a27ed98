//! A window's lists, added up.

use super::{Batch, Counted, PartContent, place_order, places};
use crate::rows::{List, ListDiff, ListKey, Name, PANES};
use crate::time::Epoch;
use crate::window::Windows;
use hashbrown::HashTable;
use std::borrow::Borrow;
use std::cmp::Ordering;
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::lateness::BUSINESS_PANE_MS;

/// A value of a list, summed over panes.
struct Sum<N> {
    hash: u64,
    name: Option<N>,
    views: i64,
    users: i64,
    is_changed: bool,
}

impl<N: Borrow<Name>> Sum<N> {
    fn name(&self) -> Option<&Name> {
        self.name.as_ref().map(Borrow::borrow)
    }

    fn order(&self, other: &Self) -> Ordering {
        place_order((self.views, self.name()), (other.views, other.name()))
    }

    fn counted(&self) -> Option<Counted> {
        Some(Counted { name: self.name()?.clone(), views: self.views, users: self.users })
    }
}

/// The values of a list, found by the hash that their rows carry.
struct ListSums<N> {
    sums: Vec<Sum<N>>,
    index: HashTable<usize>,
    /// Views of all values.
    views: i64,
}

impl<N> Default for ListSums<N> {
    fn default() -> Self {
        Self { sums: Vec::new(), index: HashTable::new(), views: 0 }
    }
}

impl<N: Borrow<Name>> ListSums<N> {
    /// Adds a row; returns the place of its value.
    fn add<'k>(
        &mut self,
        key: &'k ListKey,
        own: impl Fn(&'k Name) -> N,
        views: i64,
        users: i32,
    ) -> usize {
        let (hash, name) = (key.hash, key.name.as_ref());
        let sums = &mut self.sums;
        let same = |&i: &usize| sums[i].hash == hash && sums[i].name() == name;
        let place = match self.index.find(spread(hash), same) {
            Some(&place) => place,
            None => {
                let name = name.map(own);
                sums.push(Sum { hash, name, views: 0, users: 0, is_changed: false });
                let place = sums.len() - 1;
                self.index.insert_unique(spread(hash), place, |&i| spread(sums[i].hash));
                place
            }
        };
        sums[place].views += views;
        sums[place].users += i64::from(users);
        self.views += views;
        place
    }

    /// Of these values, the places of the first. Load times have none: all are told.
    fn first(&self, list: List, mut values: Vec<usize>) -> Vec<usize> {
        if list == List::LoadTimes {
            return Vec::new();
        }
        let order = |a: &usize, b: &usize| self.sums[*a].order(&self.sums[*b]);
        let most = places(list);
        if values.len() > most {
            values.select_nth_unstable_by(most - 1, order);
            values.truncate(most);
        }
        values.sort_unstable_by(order);
        values
    }

    fn content(&self, list: List, first: &[usize]) -> PartContent {
        if list == List::LoadTimes {
            let mut times: Vec<_> =
                self.sums.iter().map(|s| (s.hash.cast_signed(), s.views)).collect();
            times.sort_unstable();
            return PartContent::LoadTimes(times);
        }
        let first = first.iter().filter_map(|i| self.sums[*i].counted());
        PartContent::Places { views: self.views, first: first.collect() }
    }

    /// The places of all values that were seen at all.
    fn all(&self) -> Vec<usize> {
        (0..self.sums.len()).filter(|i| self.sums[*i].views > 0).collect()
    }
}

/// Load times stand for their own hash, and are small numbers.
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn list_index(list: List) -> usize {
    match list {
        List::By(dimension) => dimension as usize,
        List::LoadTimes => Dimension::ALL.len(),
    }
}

/// The sums of one window.
pub(super) struct WindowSums<N>([ListSums<N>; List::ALL.len()]);

impl<N: Borrow<Name>> WindowSums<N> {
    /// Adds up the rows of a window's panes as of an epoch.
    pub(super) fn scan<'b>(
        batches: &'b [Batch],
        epoch: Epoch,
        windows: Windows,
        window_end_ms: i64,
        own: impl Fn(&'b Name) -> N,
    ) -> Self {
        let mut lists: [ListSums<N>; List::ALL.len()] = Default::default();
        for (j, back) in (0..PANES).zip(0..) {
            let pane_end_ms = window_end_ms - back * BUSINESS_PANE_MS;
            let expires_ms = windows.business_pane_expires_ms(pane_end_ms);
            for batch in batches {
                let from = batch.rows.partition_point(|row| row.0.expires_ms < expires_ms);
                let rows = batch.rows[from..].iter().take_while(|r| r.0.expires_ms == expires_ms);
                for (key, _, diff) in rows.filter(|row| row.1 <= epoch) {
                    lists[list_index(key.list)].add(key, &own, diff.views, diff.users[j]);
                }
            }
        }
        Self(lists)
    }

    /// What the lists say that have anything to say.
    pub(super) fn contents(&self) -> impl Iterator<Item = (List, PartContent)> {
        let lists = List::ALL.into_iter().zip(&self.0).filter(|(_, sums)| !sums.sums.is_empty());
        lists.map(|(list, sums)| (list, sums.content(list, &sums.first(list, sums.all()))))
    }
}

/// The sums of a closed window that late records change again and again, kept so
/// that a correction costs what has changed and not what there is.
///
/// Page views are never taken back, so a value that has not changed cannot move
/// into the first places: these come from what they were and what has changed.
pub(super) struct Kept {
    sums: WindowSums<Name>,
    first: [Vec<usize>; List::ALL.len()],
    changed: [Vec<usize>; List::ALL.len()],
}

impl Kept {
    /// Sums of which everything has still to be told.
    pub(super) fn new(sums: WindowSums<Name>) -> Self {
        let mut kept = Self { sums, first: Default::default(), changed: Default::default() };
        for (changed, list) in kept.changed.iter_mut().zip(&mut kept.sums.0) {
            *changed = list.all();
            changed.iter().for_each(|i| list.sums[*i].is_changed = true);
        }
        kept
    }

    /// Adds a row of the pane that lies `j` panes before the window's last.
    pub(super) fn add(&mut self, key: &ListKey, diff: &ListDiff, j: usize) {
        let list = list_index(key.list);
        let sums = &mut self.sums.0[list];
        let place = sums.add(key, Name::clone, diff.views, diff.users[j]);
        if !std::mem::replace(&mut sums.sums[place].is_changed, true) {
            self.changed[list].push(place);
        }
    }

    /// What the lists say that have changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> Vec<(List, PartContent)> {
        let mut told = Vec::new();
        for list in List::ALL {
            let i = list_index(list);
            let mut values = std::mem::take(&mut self.changed[i]);
            if values.is_empty() {
                continue;
            }
            let sums = &mut self.sums.0[i];
            values.extend(self.first[i].iter().filter(|i| !sums.sums[**i].is_changed));
            values.iter().for_each(|i| sums.sums[*i].is_changed = false);
            values.retain(|i| sums.sums[*i].views > 0);
            self.first[i] = sums.first(list, values);
            told.push((list, sums.content(list, &self.first[i])));
        }
        told
    }
}
