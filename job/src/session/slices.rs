//! The events of one session, in slices.
//!
//! A slice holds a bounded number of events in order; the fold over a slice is
//! kept until the slice changes. Events so old that no accepted record can come
//! before them any more are folded into `settled` and let go. So an event costs
//! the same in a session of ten events and of a million, and what a long session
//! holds in memory follows gap and lateness, not its length.
//!
//! Invariants: slices are in order and none is empty; all of `settled` comes
//! before them; `first_ms`, `last_ms` and `ends_last` describe all events.

use super::{Ended, Entry, Rules, Running, SliceSummary, StepTaken};
use crate::one_or_many::OneOrMany;
use std::rc::Rc;
use std::sync::Arc;
use streamgauge_sink::session::{EndedBy, SessionRecord};

/// Most events in a slice.
const SLICE_EVENTS: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) entries: Vec<Entry>,
    summary: Option<Box<SliceSummary>>,
}

impl Slice {
    pub(super) fn of_entries(entries: Vec<Entry>) -> Self {
        Self { entries, summary: None }
    }

    fn of(entry: Entry) -> Self {
        Self { entries: vec![entry], summary: None }
    }

    fn first_ms(&self) -> i64 {
        self.entries.first().map_or(i64::MAX, |e| e.at_ms)
    }

    fn last_ms(&self) -> i64 {
        self.entries.last().map_or(i64::MIN, |e| e.at_ms)
    }
}

/// One session and its events.
#[derive(Debug)]
pub struct Session {
    pub(super) settled: Option<Box<Running>>,
    pub(super) slices: OneOrMany<Slice>,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    /// One of the events at `last_ms` is a SESSION_END.
    pub(super) ends_last: bool,
    /// Whether its record stands. The record is not kept: it is a function of the
    /// events, and is made again before they change.
    pub is_published: bool,
    /// Whether it stands as one of a user who returns.
    pub is_returning: bool,
    /// The timer that is set for it, ms; others are stale.
    pub timer_ms: Option<i64>,
}

impl Session {
    /// A session of one event.
    #[must_use]
    pub fn new(entry: Entry) -> Self {
        Self {
            settled: None,
            first_ms: entry.at_ms,
            last_ms: entry.at_ms,
            ends_last: entry.is_end(),
            slices: OneOrMany::one(Slice::of(entry)),
            is_published: false,
            is_returning: false,
            timer_ms: None,
        }
    }

    /// Time of its first event, ms.
    #[must_use]
    pub fn first_ms(&self) -> i64 {
        self.first_ms
    }

    /// Time of its last event, ms.
    #[must_use]
    pub fn last_ms(&self) -> i64 {
        self.last_ms
    }

    /// Whether a SESSION_END is among its last events: later ones begin another.
    #[must_use]
    pub fn is_ended_by_event(&self) -> bool {
        self.ends_last
    }

    /// The time it ended at, or would if nothing else comes, ms.
    #[must_use]
    pub fn ended_at_ms(&self, gap_ms: i64) -> i64 {
        if self.ends_last { self.last_ms } else { self.last_ms + gap_ms }
    }

    /// The last of the events held one by one.
    pub(crate) fn last_entry(&self) -> Option<&Entry> {
        self.slices.last()?.entries.last()
    }

    /// Number of events held one by one.
    #[must_use]
    pub fn held_events(&self) -> usize {
        self.slices.iter().map(|s| s.entries.len()).sum()
    }

    /// Adds an event in its place. Whether it cuts the session is for the caller.
    pub fn insert(&mut self, rules: &Rules, settled_ms: i64, entry: Entry) {
        if entry.at_ms > self.last_ms {
            self.ends_last = false;
        }
        self.ends_last |= entry.at_ms >= self.last_ms && entry.is_end();
        self.first_ms = self.first_ms.min(entry.at_ms);
        self.last_ms = self.last_ms.max(entry.at_ms);
        let order = entry.order();
        if self.slices.is_empty() {
            self.slices.push(Slice::of(entry));
            return;
        }
        let slice = self.slice_of(order);
        let is_last = slice + 1 == self.slices.len();
        let s = &mut self.slices[slice];
        s.summary = None;
        let in_order = s.entries.last().is_none_or(|last| last.order() < order);
        if in_order && is_last && s.entries.len() >= SLICE_EVENTS {
            self.settle(rules, settled_ms);
            self.slices.push(Slice::of(entry));
        } else if in_order {
            s.entries.push(entry);
        } else {
            let place = s.entries.partition_point(|e| e.order() < order);
            s.entries.insert(place, entry);
        }
        self.halve_if_large(slice);
    }

    /// The slice that an event belongs into: the last that begins before it, most
    /// often the last of all, else the first.
    fn slice_of(&self, order: (i64, u32, u64)) -> usize {
        let begins_before = |s: &Slice| s.entries[0].order() < order;
        let last = self.slices.len() - 1;
        if begins_before(&self.slices[last]) {
            return last;
        }
        self.slices.partition_point(begins_before).saturating_sub(1)
    }

    fn halve_if_large(&mut self, slice: usize) {
        let Some(s) = self.slices.get_mut(slice) else {
            return;
        };
        if s.entries.len() <= 2 * SLICE_EVENTS {
            return;
        }
        let back = s.entries.split_off(SLICE_EVENTS);
        s.summary = None;
        self.slices.insert(slice + 1, Slice { entries: back, summary: None });
    }

    /// Folds away the slices that no accepted record can change or precede.
    fn settle(&mut self, rules: &Rules, settled_ms: i64) {
        while self.slices.first().is_some_and(|s| s.last_ms() <= settled_ms) {
            let Some(mut slice) = self.slices.remove(0) else {
                break;
            };
            let settled = self.settled.get_or_insert_with(|| Box::new(Running::new(rules)));
            push_slice(rules, settled, &mut slice, true);
        }
    }

    /// Adds all of a later session behind this one.
    pub fn append(&mut self, later: Self) {
        debug_assert!(later.settled.is_none(), "what is joined from before is not settled");
        self.slices.append(later.slices);
        self.last_ms = later.last_ms;
        self.ends_last = later.ends_last;
    }

    /// Cuts off what comes after `at_ms` as a session of its own, if anything
    /// does. What remains ends at a SESSION_END.
    #[must_use]
    pub fn cut_after(&mut self, at_ms: i64) -> Option<Self> {
        if self.last_ms <= at_ms {
            return None;
        }
        let keep = self.slices.partition_point(|s| s.first_ms() <= at_ms);
        let mut after = self.slices.split_off(keep);
        if let Some(slice) = self.slices.last_mut() {
            let place = slice.entries.partition_point(|e| e.at_ms <= at_ms);
            if place < slice.entries.len() {
                slice.summary = None;
                let entries = slice.entries.split_off(place);
                after.insert(0, Slice { entries, summary: None });
            }
        }
        let first_ms = after.first().map_or(at_ms, Slice::first_ms);
        let rest = Self {
            settled: None,
            slices: after,
            first_ms,
            last_ms: self.last_ms,
            ends_last: self.ends_last,
            is_published: false,
            is_returning: false,
            timer_ms: None,
        };
        self.last_ms = at_ms;
        self.ends_last = true;
        Some(rest)
    }

    /// What it is, given that it has ended.
    pub fn ended(
        &mut self,
        rules: &Rules,
        gap_ms: i64,
        user: Arc<str>,
        session: Arc<str>,
        unknown: &Arc<str>,
    ) -> Ended {
        let mut fold = match &self.settled {
            Some(settled) => Running::clone(settled),
            None => Running::new(rules),
        };
        let last = self.slices.len().saturating_sub(1);
        for i in 0..self.slices.len() {
            push_slice(rules, &mut fold, &mut self.slices[i], i == last);
        }
        let text = |v: &Rc<crate::user::Value>| Arc::clone(&v.name.text);
        let pages = fold.journey().first().zip(fold.last_page());
        let abandoned = rules.funnels.iter().zip(fold.reached());
        let steps = (0..).zip(fold.reached()).flat_map(|(funnel, reached)| {
            StepTaken::of(funnel, reached.iter().map(|(at_ms, _, _)| *at_ms))
        });
        let steps = steps.collect();
        let record = SessionRecord {
            start_ms: self.first_ms,
            end_ms: self.last_ms,
            ended_at_ms: self.ended_at_ms(gap_ms),
            user,
            session,
            page_views: fold.page_views(),
            events: fold.events(),
            entry_exit: pages.map(|(entry, exit)| (text(entry), text(exit))),
            journey: fold.journey().iter().map(text).collect(),
            journey_length: fold.journey_length(),
            conversions: fold.conversions(),
            revenue_minor: fold.revenue_minor().clone(),
            abandoned: abandoned
                .map(|(f, n)| (Arc::clone(&f.name), f.is_abandoned(n.len())))
                .collect(),
            ended_by: if self.ends_last { EndedBy::Event } else { EndedBy::Gap },
            device: fold.device().map_or_else(|| Arc::clone(unknown), text),
            country: fold.country().map_or_else(|| Arc::clone(unknown), text),
        };
        Ended { record: Arc::new(record), steps, is_returning: self.is_returning }
    }
}

/// Goes on by a slice; what is used once only is folded event by event, the fold
/// of the others is kept.
fn push_slice(rules: &Rules, fold: &mut Running, slice: &mut Slice, once: bool) {
    if once && slice.summary.is_none() {
        slice.entries.iter().for_each(|e| fold.push(rules, e));
        return;
    }
    let entries = &slice.entries;
    let summary = slice.summary.get_or_insert_with(|| Box::new(SliceSummary::of(rules, entries)));
    fold.push_slice(summary);
}
