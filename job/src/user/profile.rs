//! Where a user was present: per pane, what decides whether the next event of the
//! user makes it count once more.
//!
//! Invariant: panes are in ascending order, and a pane is kept until no record
//! that could still be accepted is counted differently because of it.

use super::deltas::Deltas;
use super::presence::Gap;
use super::values::Value;
use crate::rows::PANES;
use crate::window::{ACTIVE_PANES, Windows};
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
    Many(HashSet<ByAddress>),
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
                *self = Self::Many(many);
            }
            Self::Many(values) => {
                values.insert(ByAddress(Rc::clone(value)));
            }
        }
    }
}

/// A business pane in which the user had an event.
struct BusinessPane {
    end_ms: i64,
    converted: bool,
    values: PaneValues,
}

/// Page views of the user in an alert window.
struct AlertWindow {
    end_ms: i64,
    views: u64,
}

/// The presence of one user.
#[derive(Default)]
pub(super) struct Profile {
    /// Ends of the real-time panes with an event.
    real_time: VecDeque<i64>,
    business: VecDeque<BusinessPane>,
    alerts: VecDeque<AlertWindow>,
}

impl Profile {
    /// An event of the real-time family in the pane that ends at `end_ms`.
    pub(super) fn real_time(&mut self, end_ms: i64, is_view: bool, deltas: &mut Deltas) {
        let place = place_from_back(&self.real_time, |end| *end, end_ms);
        let new = place.is_err();
        if let Err(at) = place {
            let span_ms = (ACTIVE_PANES - 1) * REAL_TIME_PANE_MS;
            let before = at.checked_sub(1).map(|i| self.real_time[i] + span_ms + REAL_TIME_PANE_MS);
            let after = self.real_time.get(at).map(|end| end - REAL_TIME_PANE_MS);
            let from_ms = before.map_or(end_ms, |b| b.max(end_ms));
            let to_ms = after.map_or(end_ms + span_ms, |a| a.min(end_ms + span_ms));
            if from_ms <= to_ms {
                deltas.active(from_ms, to_ms);
            }
            self.real_time.insert(at, end_ms);
        }
        deltas.real_time(end_ms, is_view, new);
    }

    /// An event of the business family; returns its pane.
    pub(super) fn business(&mut self, end_ms: i64, deltas: &mut Deltas) -> usize {
        match place_from_back(&self.business, |p| p.end_ms, end_ms) {
            Ok(at) => {
                deltas.business(end_ms, None);
                at
            }
            Err(at) => {
                let values = PaneValues::Few(SmallVec::new());
                self.business.insert(at, BusinessPane { end_ms, converted: false, values });
                deltas.business(end_ms, Some(self.gap(at, |_| true)));
                at
            }
        }
    }

    /// A conversion in a pane.
    pub(super) fn conversion(
        &mut self,
        pane: usize,
        currency: [u8; 3],
        minor: i64,
        deltas: &mut Deltas,
    ) {
        let end_ms = self.business[pane].end_ms;
        let new = !std::mem::replace(&mut self.business[pane].converted, true);
        let gap = new.then(|| self.gap(pane, |p| p.converted));
        deltas.conversion(end_ms, currency, minor, gap);
    }

    /// A page view with a value in a pane.
    pub(super) fn view(&mut self, pane: usize, value: &Rc<Value>, deltas: &mut Deltas) {
        let BusinessPane { end_ms, values, .. } = &mut self.business[pane];
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
    fn gap(&self, pane: usize, is_there: impl Fn(&BusinessPane) -> bool) -> Gap {
        let end_ms = self.business[pane].end_ms;
        let reach_ms = i64::try_from(PANES).unwrap_or(0) * BUSINESS_PANE_MS;
        let distance = |p: &BusinessPane| {
            usize::try_from((p.end_ms - end_ms).abs() / BUSINESS_PANE_MS).unwrap_or(Gap::NONE)
        };
        let before = (0..pane)
            .rev()
            .map(|i| &self.business[i])
            .take_while(|p| end_ms - p.end_ms < reach_ms)
            .find(|p| is_there(p));
        let after = (pane + 1..self.business.len())
            .map(|i| &self.business[i])
            .take_while(|p| p.end_ms - end_ms < reach_ms)
            .find(|p| is_there(p));
        Gap {
            before: before.map_or(Gap::NONE, distance),
            after: after.map_or(Gap::NONE, distance),
        }
    }

    /// A page view in an alert window; returns the number of its views.
    pub(super) fn alert_view(&mut self, end_ms: i64) -> u64 {
        let at = place_from_back(&self.alerts, |w| w.end_ms, end_ms).unwrap_or_else(|at| {
            self.alerts.insert(at, AlertWindow { end_ms, views: 0 });
            at
        });
        self.alerts[at].views += 1;
        self.alerts[at].views
    }

    /// Number of page views in an alert window.
    pub(super) fn alert_views(&self, end_ms: i64) -> u64 {
        place_from_back(&self.alerts, |w| w.end_ms, end_ms).map_or(0, |at| self.alerts[at].views)
    }

    /// Drops what the watermark has made useless.
    pub(super) fn expire(&mut self, watermark_ms: i64, windows: &Windows) {
        while self.real_time.front().is_some_and(|e| windows.real_time_pane_expires_ms(*e) <= watermark_ms) {
            self.real_time.pop_front();
        }
        while self.business.front().is_some_and(|p| windows.business_pane_expires_ms(p.end_ms) <= watermark_ms) {
            self.business.pop_front();
        }
        while self.alerts.front().is_some_and(|w| windows.frozen_ms(w.end_ms) <= watermark_ms) {
            self.alerts.pop_front();
        }
    }

    /// When the last of it can be dropped, ms; −∞ if there is nothing.
    pub(super) fn expires_ms(&self, windows: &Windows) -> i64 {
        [
            self.real_time.back().map(|end| windows.real_time_pane_expires_ms(*end)),
            self.business.back().map(|p| windows.business_pane_expires_ms(p.end_ms)),
            self.alerts.back().map(|w| windows.frozen_ms(w.end_ms)),
        ]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(BEFORE_TIME_MS)
    }
}

/// Where `end_ms` stands, or where it belongs: most often at the back.
fn place_from_back<T>(
    panes: &VecDeque<T>,
    end_of: impl Fn(&T) -> i64,
    end_ms: i64,
) -> Result<usize, usize> {
    match panes.back() {
        None => Err(0),
        Some(last) if end_of(last) < end_ms => Err(panes.len()),
        Some(last) if end_of(last) == end_ms => Ok(panes.len() - 1),
        Some(_) => panes.binary_search_by_key(&end_ms, end_of),
    }
}
