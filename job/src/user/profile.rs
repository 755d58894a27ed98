//! Where a user was present: per pane, what decides whether the next event of the
//! user makes it count once more.
//!
//! One row per business pane serves three purposes: it says that the user was
//! there (business), in which of its two real-time panes (real time), and with
//! which values (lists). A record that is late for the business family is late for
//! the real-time family, too, so there is no real-time presence without a row.
//!
//! Invariant: rows are in ascending order; a row is kept until no record that
//! could still be accepted is counted differently because of it. That is when the
//! five minutes of real time have passed; lists and business windows have long
//! done without it then.

use super::deltas::Deltas;
use super::pane::{CONTEXT, Context, Pane};
use super::presence::Gap;
use super::values::Value;
use crate::rows::PANES;
use crate::window::{ACTIVE_WINDOW_MS, Windows, business_pane_end_ms, real_time_end_ms};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::rc::Rc;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::lateness::{BUSINESS_PANE_MS, REAL_TIME_PANE_MS};

/// Page views of the user in an alert window.
pub(super) struct AlertWindow {
    pub(super) end_ms: i64,
    pub(super) views: u64,
}

/// The presence of one user.
#[derive(Default)]
pub(super) struct Profile {
    pub(super) panes: VecDeque<Pane>,
    pub(super) alerts: SmallVec<[AlertWindow; 2]>,
    /// The context of the last page view.
    pub(super) context: Option<Rc<Context>>,
}

impl Profile {
    /// An event of the business family: returns its row.
    pub(super) fn business(&mut self, at_ms: i64, deltas: &mut Deltas) -> usize {
        let end_ms = business_pane_end_ms(at_ms);
        let place = match self.panes.back() {
            None => Err(0),
            Some(last) if last.end_ms < end_ms => Err(self.panes.len()),
            Some(last) if last.end_ms == end_ms => Ok(self.panes.len() - 1),
            Some(_) => self.panes.binary_search_by_key(&end_ms, |p| p.end_ms),
        };
        match place {
            Ok(pane) => {
                deltas.business(end_ms, None);
                pane
            }
            Err(pane) => {
                self.panes.insert(pane, Pane::new(end_ms));
                deltas.business(end_ms, Some(self.gap(pane, |_| true)));
                pane
            }
        }
    }

    /// An event of the real-time family, in its row.
    pub(super) fn real_time(
        &mut self,
        pane: usize,
        at_ms: i64,
        is_view: bool,
        deltas: &mut Deltas,
    ) {
        let end_ms = real_time_end_ms(at_ms);
        let half = usize::from(end_ms == self.panes[pane].end_ms);
        let new = !self.panes[pane].active[half];
        if new {
            self.newly_active(pane, end_ms, deltas);
            self.panes[pane].active[half] = true;
        }
        deltas.real_time(end_ms, is_view, new);
    }

    /// The user counts in the windows that end with this pane and up to five
    /// minutes later, less those in which it counts by the panes around.
    fn newly_active(&self, pane: usize, end_ms: i64, deltas: &mut Deltas) {
        let span_ms = ACTIVE_WINDOW_MS - REAL_TIME_PANE_MS;
        let before = self
            .panes
            .range(..=pane)
            .rev()
            .take_while(|p| p.end_ms + ACTIVE_WINDOW_MS > end_ms)
            .flat_map(|p| p.active_ends_ms().rev())
            .find(|active_ms| *active_ms < end_ms);
        let after = self
            .panes
            .range(pane..)
            .take_while(|p| p.end_ms - BUSINESS_PANE_MS <= end_ms + span_ms)
            .flat_map(Pane::active_ends_ms)
            .find(|active_ms| *active_ms > end_ms);
        let from_ms = before.map_or(end_ms, |b| end_ms.max(b + ACTIVE_WINDOW_MS));
        let last_ms = end_ms + span_ms;
        let to_ms = after.map_or(last_ms, |a| last_ms.min(a - REAL_TIME_PANE_MS));
        if from_ms <= to_ms {
            deltas.active(from_ms, to_ms);
        }
    }

    /// A conversion, in its row.
    pub(super) fn conversion(
        &mut self,
        pane: usize,
        currency: [u8; 3],
        minor: i64,
        deltas: &mut Deltas,
    ) {
        let end_ms = self.panes[pane].end_ms;
        let new = !std::mem::replace(&mut self.panes[pane].converted, true);
        let gap = new.then(|| self.gap(pane, |p| p.converted));
        deltas.conversion(end_ms, currency, minor, gap);
    }

    /// A page view, in its row.
    pub(super) fn view(
        &mut self,
        pane: usize,
        page: &Rc<Value>,
        values: &[&Rc<Value>; CONTEXT],
        deltas: &mut Deltas,
    ) {
        let end_ms = self.panes[pane].end_ms;
        let page_gap = if self.panes[pane].has_page(page) {
            None
        } else {
            self.panes[pane].add_page(page);
            Some(self.gap(pane, |p| p.has_page(page)))
        };
        deltas.view(end_ms, page, page_gap);
        let context = self.context(values);
        if self.panes[pane].has_context(&context) {
            context.0.iter().for_each(|value| deltas.view(end_ms, value, None));
            return;
        }
        let here = &self.panes[pane];
        let new: [bool; CONTEXT] = std::array::from_fn(|i| !here.has_value(&context, i));
        let before = self.nearest(pane, self.panes.range(..pane).rev(), &context);
        let after = self.nearest(pane, self.panes.range(pane + 1..), &context);
        self.panes[pane].add_context(&context);
        for (i, value) in context.0.iter().enumerate() {
            let gap = Gap { before: before[i], after: after[i] };
            deltas.view(end_ms, value, new[i].then_some(gap));
        }
    }

    /// These values as one object: most often that of the event before.
    fn context(&mut self, values: &[&Rc<Value>; CONTEXT]) -> Rc<Context> {
        match &self.context {
            Some(context) if context.is(values) => Rc::clone(context),
            _ => {
                let context = Rc::new(Context(values.map(Rc::clone)));
                self.context = Some(Rc::clone(&context));
                context
            }
        }
    }

    /// How far from a pane the first of `others` with each value of a context is.
    fn nearest<'a>(
        &self,
        pane: usize,
        others: impl Iterator<Item = &'a Pane>,
        context: &Rc<Context>,
    ) -> [usize; CONTEXT] {
        let end_ms = self.panes[pane].end_ms;
        let mut found = [Gap::NONE; CONTEXT];
        for other in others {
            let distance = panes_between(end_ms, other.end_ms);
            if distance >= PANES || !found.contains(&Gap::NONE) {
                break;
            }
            let all = other.has_context(context);
            for (i, nearest) in found.iter_mut().enumerate() {
                if *nearest == Gap::NONE && (all || other.has_value(context, i)) {
                    *nearest = distance;
                }
            }
        }
        found
    }

    /// The nearest panes before and after one that are as asked for.
    fn gap(&self, pane: usize, is_there: impl Fn(&Pane) -> bool) -> Gap {
        let end_ms = self.panes[pane].end_ms;
        let distance = |p: &Pane| panes_between(end_ms, p.end_ms);
        let near = |p: &&Pane| distance(p) < PANES;
        let before = self.panes.range(..pane).rev().take_while(near).find(|p| is_there(p));
        let after = self.panes.range(pane + 1..).take_while(near).find(|p| is_there(p));
        Gap { before: before.map_or(Gap::NONE, distance), after: after.map_or(Gap::NONE, distance) }
    }

    /// A page view in an alert window; returns the number of its views.
    pub(super) fn alert_view(&mut self, end_ms: i64) -> u64 {
        let at = self.alerts.binary_search_by_key(&end_ms, |w| w.end_ms).unwrap_or_else(|at| {
            self.alerts.insert(at, AlertWindow { end_ms, views: 0 });
            at
        });
        self.alerts[at].views += 1;
        self.alerts[at].views
    }

    /// Number of page views in an alert window.
    pub(super) fn alert_views(&self, end_ms: i64) -> u64 {
        let at = self.alerts.binary_search_by_key(&end_ms, |w| w.end_ms);
        at.map_or(0, |at| self.alerts[at].views)
    }

    /// Drops what the watermark has made useless.
    pub(super) fn expire(&mut self, watermark_ms: i64, windows: &Windows) {
        while self
            .panes
            .front()
            .is_some_and(|p| windows.real_time_pane_expires_ms(p.end_ms) <= watermark_ms)
        {
            self.panes.pop_front();
        }
        let frozen = self.alerts.iter().take_while(|w| windows.frozen_ms(w.end_ms) <= watermark_ms);
        match frozen.count() {
            0 => {}
            frozen => drop(self.alerts.drain(..frozen)),
        }
    }

    /// Reads the row and the context that the next event is likely to need.
    pub(super) fn look(&self) -> i64 {
        let pane_ms = self.panes.back().map_or(0, |pane| pane.end_ms);
        pane_ms ^ self.context.as_ref().map_or(0, |c| c.0[0].hash.cast_signed())
    }

    /// When the last of it can be dropped, ms; −∞ if there is nothing.
    pub(super) fn expires_ms(&self, windows: &Windows) -> i64 {
        let pane = self.panes.back().map(|p| windows.real_time_pane_expires_ms(p.end_ms));
        let alert = self.alerts.last().map(|w| windows.frozen_ms(w.end_ms));
        pane.max(alert).unwrap_or(BEFORE_TIME_MS)
    }
}

/// How many panes lie between the ends of two.
fn panes_between(a_ms: i64, b_ms: i64) -> usize {
    usize::try_from((a_ms - b_ms).abs() / BUSINESS_PANE_MS).unwrap_or(Gap::NONE)
}
