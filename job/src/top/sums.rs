//! A window's lists, added up.

use super::{Batch, Counted, PartContent, place_order, places};
use crate::rows::{List, ListDiff, ListKey, Name};
use crate::time::Epoch;
use crate::window::{Sliding, Windows};
use hashbrown::HashTable;
use std::borrow::Borrow;
use std::cmp::Ordering;
use streamgauge_ingest::batch::Dimension;

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

    /// Whether there is anything of it: an hour can have users without page views.
    fn is_seen(&self) -> bool {
        self.views > 0 || self.users > 0
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

    /// Of these values, the places of the first. Numbers have none: all are told.
    fn first(&self, list: List, mut values: Vec<usize>) -> Vec<usize> {
        if list.is_of_numbers() {
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
        if list.is_of_numbers() {
            let seen = self.sums.iter().filter(|s| s.views != 0);
            let mut numbers: Vec<_> = seen.map(|s| (s.hash, s.views)).collect();
            numbers.sort_unstable();
            return PartContent::Numbers(numbers);
        }
        let first = first.iter().filter_map(|i| self.sums[*i].counted());
        PartContent::Places { views: self.views, first: first.collect() }
    }

    /// The places of all values that were seen at all.
    fn all(&self) -> Vec<usize> {
        (0..self.sums.len()).filter(|i| self.sums[*i].is_seen()).collect()
    }
}

/// Numbers stand for their own hash, and many are small.
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn list_index(list: List) -> usize {
    match list {
        List::By(dimension) => dimension as usize,
        List::LoadTimes => Dimension::ALL.len(),
        List::Journeys => Dimension::ALL.len() + 1,
        List::Transitions => Dimension::ALL.len() + 2,
        List::HourCounts => Dimension::ALL.len() + 3,
        List::Day(list) => Dimension::ALL.len() + 4 + list as usize,
    }
}

/// The sums of one window.
pub(super) struct WindowSums<N> {
    kind: Sliding,
    lists: [ListSums<N>; List::ALL.len()],
}

impl<N: Borrow<Name>> WindowSums<N> {
    /// Adds up the rows of a window's panes as of an epoch.
    pub(super) fn scan<'b>(
        batches: &'b [Batch],
        epoch: Epoch,
        (kind, windows): (Sliding, Windows),
        window_end_ms: i64,
        own: impl Fn(&'b Name) -> N,
    ) -> Self {
        let mut lists: [ListSums<N>; List::ALL.len()] = Default::default();
        for (j, back_ms) in kind.windows_of(0) {
            let expires_ms = kind.pane_expires_ms(&windows, window_end_ms - back_ms);
            for batch in batches {
                let from = batch.rows.partition_point(|row| row.0.expires_ms < expires_ms);
                let rows = batch.rows[from..].iter().take_while(|r| r.0.expires_ms == expires_ms);
                for (key, _, diff) in rows.filter(|row| row.1 <= epoch) {
                    // A pane of the other kind can expire at the same time.
                    if key.list.windows() == kind {
                        lists[list_index(key.list)].add(key, &own, diff.views, users(diff, j));
                    }
                }
            }
        }
        Self { kind, lists }
    }

    /// What its lists say; those of sessions also that they have nothing to say, for what
    /// they said before may have been taken back.
    pub(super) fn contents(&self) -> impl Iterator<Item = (List, PartContent)> {
        let lists = List::ALL.into_iter().zip(&self.lists).filter(|(list, sums)| {
            list.windows() == self.kind && (self.kind != Sliding::Business || !sums.sums.is_empty())
        });
        lists.map(|(list, sums)| (list, sums.content(list, &sums.first(list, sums.all()))))
    }
}

/// Users of a pane that are new in the window that ends `j` panes after it; sessions
/// are counted without.
fn users(diff: &ListDiff, j: usize) -> i32 {
    diff.users.get(j).copied().unwrap_or(0)
}

/// The sums of a window that is told again and again, kept so that this costs what has
/// changed and not what there is.
///
/// As long as nothing among the first places is taken back, a value that has not
/// changed cannot move into them: they come from what they were and what has changed.
pub(super) struct Kept {
    sums: WindowSums<Name>,
    /// The first places, and their views when they were told.
    first: [Vec<(usize, i64)>; List::ALL.len()],
    changed: [Vec<usize>; List::ALL.len()],
    /// Whether the lists were told at all.
    is_told: bool,
}

impl Kept {
    /// Sums of which everything has still to be told.
    pub(super) fn new(sums: WindowSums<Name>) -> Self {
        let (first, changed) = Default::default();
        Self { sums, first, changed, is_told: false }
    }

    /// Adds a row of the pane that lies `j` panes before the window's last.
    pub(super) fn add(&mut self, key: &ListKey, diff: &ListDiff, j: usize) {
        let list = list_index(key.list);
        let sums = &mut self.sums.lists[list];
        let place = sums.add(key, Name::clone, diff.views, users(diff, j));
        if !std::mem::replace(&mut sums.sums[place].is_changed, true) {
            self.changed[list].push(place);
        }
    }

    /// What the lists say that have changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> Vec<(List, PartContent)> {
        let was_told = std::mem::replace(&mut self.is_told, true);
        let kind = self.sums.kind;
        let mut told = Vec::new();
        for list in List::ALL.into_iter().filter(|list| list.windows() == kind) {
            let i = list_index(list);
            let sums = &mut self.sums.lists[i];
            let mut values = std::mem::take(&mut self.changed[i]);
            let says_nothing = sums.sums.is_empty() && kind == Sliding::Business;
            if says_nothing || (was_told && values.is_empty()) {
                continue;
            }
            values.iter().for_each(|i| sums.sums[*i].is_changed = false);
            let is_behind = |(i, told): &(usize, i64)| sums.sums[*i].views < *told;
            if !was_told || self.first[i].iter().any(is_behind) {
                values = sums.all();
            } else {
                values.extend(self.first[i].iter().map(|(i, _)| *i));
                values.sort_unstable();
                values.dedup();
                values.retain(|i| sums.sums[*i].is_seen());
            }
            let first = sums.first(list, values);
            told.push((list, sums.content(list, &first)));
            self.first[i] = first.into_iter().map(|i| (i, sums.sums[i].views)).collect();
        }
        told
    }
}
