//! Where a user was present: per pane, what decides whether the next event of the
//! user makes it count once more.
//!
//! One row per business pane serves three purposes: it says that the user was
//! there (business), in which of its two real-time panes (real time), and with
//! which values (lists). A record that is late for the business family is late for
//! the real-time family, too, so there is no real-time presence without a row.
//!
//! Invariants: rows are in ascending order; a row is kept until no record that
//! could still be accepted is counted differently because of it, its values until
//! the same holds of them.

use super::deltas::Deltas;
use super::presence::Gap;
use super::values::Value;
use crate::rows::PANES;
use crate::window::{ACTIVE_WINDOW_MS, Windows, business_pane_end_ms, real_time_end_ms};
use hashbrown::HashSet;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::rc::Rc;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::lateness::{BUSINESS_PANE_MS, REAL_TIME_PANE_MS};

/// Values beyond this number are looked up by hash.
const FEW: usize = 24;

/// The values of one user's page views in one pane.
enum PaneValues {
    Few(SmallVec<[Rc<Value>; 7]>),
    Many(Box<HashSet<ByAddress>>),
}

/// A value compared as the pointer it is: there is one per value.
struct ByAddress(Rc<Value>);

impl PartialEq for ByAddress {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
impl Eq for ByAddress {}
impl std::hash::Hash for ByAddress {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl PaneValues {
    fn contains(&self, value: &Rc<Value>) -> bool {
        match self {
            Self::Few(values) => values.iter().any(|v| Rc::ptr_eq(v, value)),
            Self::Many(values) => values.contains(&ByAddress(Rc::clone(value))),
        }
    }

    fn insert(&mut self, value: &Rc<Value>) {
        match self {
            Self::Few(values) if values.len() < FEW => values.push(Rc::clone(value)),
            Self::Few(values) => {
                let mut many: HashSet<_> = values.drain(..).map(ByAddress).collect();
                many.insert(ByAddress(Rc::clone(value)));
                *self = Self::Many(Box::new(many));
            }
            Self::Many(values) => {
                values.insert(ByAddress(Rc::clone(value)));
            }
        }
    }
}

/// A business pane in which the user had an event.
struct Pane {
    end_ms: i64,
    /// Whether it had one of the real-time family in the first and the second half.
    active: [bool; 2],
    converted: bool,
    values: PaneValues,
}

impl Pane {
    fn new(end_ms: i64) -> Self {
        let values = PaneValues::Few(SmallVec::new());
        Self {
            end_ms,
            active: [false; 2],
            converted: false,
            values,
        }
    }

    /// Ends of its real-time panes with an event.
    fn active_ends_ms(&self) -> impl DoubleEndedIterator<Item = i64> {
        let ends_ms = [self.end_ms - REAL_TIME_PANE_MS, self.end_ms];
        ends_ms
            .into_iter()
            .zip(self.active)
            .filter_map(|(end_ms, active)| active.then_some(end_ms))
    }
}

/// Page views of the user in an alert window.
struct AlertWindow {
    end_ms: i64,
    views: u64,
}

/// The presence of one user.
#[derive(Default)]
pub(super) struct Profile {
    panes: VecDeque<Pane>,
    /// Number of rows at the front whose values were dropped.
    without_values: usize,
    alerts: SmallVec<[AlertWindow; 2]>,
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

    /// A page view with a value, in its row.
    pub(super) fn view(&mut self, pane: usize, value: &Rc<Value>, deltas: &mut Deltas) {
        let Pane { end_ms, values, .. } = &mut self.panes[pane];
        let end_ms = *end_ms;
        let gap = if values.contains(value) {
            None
        } else {
            values.insert(value);
            Some(self.gap(pane, |p| p.values.contains(value)))
        };
        deltas.view(end_ms, value, gap);
    }

    /// The nearest panes before and after one that are as asked for.
    fn gap(&self, pane: usize, is_there: impl Fn(&Pane) -> bool) -> Gap {
        let end_ms = self.panes[pane].end_ms;
        let distance = |p: &Pane| {
            usize::try_from((p.end_ms - end_ms).abs() / BUSINESS_PANE_MS).unwrap_or(Gap::NONE)
        };
        let near = |p: &&Pane| distance(p) < PANES;
        let before = self
            .panes
            .range(..pane)
            .rev()
            .take_while(near)
            .find(|p| is_there(p));
        let after = self
            .panes
            .range(pane + 1..)
            .take_while(near)
            .find(|p| is_there(p));
        Gap {
            before: before.map_or(Gap::NONE, distance),
            after: after.map_or(Gap::NONE, distance),
        }
    }

    /// A page view in an alert window; returns the number of its views.
    pub(super) fn alert_view(&mut self, end_ms: i64) -> u64 {
        let at = self
            .alerts
            .binary_search_by_key(&end_ms, |w| w.end_ms)
            .unwrap_or_else(|at| {
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
            self.without_values = self.without_values.saturating_sub(1);
        }
        while let Some(pane) = self.panes.get_mut(self.without_values) {
            if windows.business_pane_expires_ms(pane.end_ms) > watermark_ms {
                break;
            }
            pane.values = PaneValues::Few(SmallVec::new());
            self.without_values += 1;
        }
        let frozen = self
            .alerts
            .iter()
            .take_while(|w| windows.frozen_ms(w.end_ms) <= watermark_ms);
        match frozen.count() {
            0 => {}
            frozen => drop(self.alerts.drain(..frozen)),
        }
    }

    /// When the last of it can be dropped, ms; −∞ if there is nothing.
    pub(super) fn expires_ms(&self, windows: &Windows) -> i64 {
        let pane = self
            .panes
            .back()
            .map(|p| windows.real_time_pane_expires_ms(p.end_ms));
        let alert = self.alerts.last().map(|w| windows.frozen_ms(w.end_ms));
        pane.max(alert).unwrap_or(BEFORE_TIME_MS)
    }
}
