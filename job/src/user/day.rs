//! What a user did on a day: with which values, in which hours.
//!
//! Invariant: rows are in ascending order; a row is kept until its day is frozen, so a
//! user counts once in it, whatever comes late.

use super::day_deltas::DayDeltas;
use super::pane::ByAddress;
use super::values::Value;
use crate::day::Day;
use crate::rows::DayList;
use crate::window::Windows;
use hashbrown::HashSet;
use smallvec::SmallVec;
use std::rc::Rc;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::decode::Kind;

/// Values beyond this number are looked up by hash.
const FEW_VALUES: usize = 16;

/// The values of one user's page views of a day.
enum Values {
    Few(SmallVec<[Rc<Value>; 4]>),
    Many(HashSet<ByAddress>),
}

impl Values {
    /// Adds a value; returns whether it is new.
    fn add(&mut self, value: &Rc<Value>) -> bool {
        match self {
            Self::Few(few) if few.iter().any(|known| Rc::ptr_eq(known, value)) => false,
            Self::Few(few) if few.len() < FEW_VALUES => {
                few.push(Rc::clone(value));
                true
            }
            Self::Few(few) => {
                let mut many: HashSet<_> = few.drain(..).map(ByAddress).collect();
                many.insert(ByAddress(Rc::clone(value)));
                *self = Self::Many(many);
                true
            }
            Self::Many(many) => many.insert(ByAddress(Rc::clone(value))),
        }
    }

    /// All of them in the order of their hashes.
    fn all(&self) -> Vec<&Rc<Value>> {
        let mut all: Vec<_> = match self {
            Self::Few(few) => few.iter().collect(),
            Self::Many(many) => many.iter().map(|value| &value.0).collect(),
        };
        all.sort_by_key(|value| (value.dimension, value.hash));
        all
    }
}

/// A day on which the user had an event, or a session that ended.
pub(super) struct DayRow {
    pub(super) end_ms: i64,
    /// Whether it had any event, a page view, a conversion.
    pub(super) did: [bool; 3],
    /// Bit h: whether it had an event in hour h.
    pub(super) hours: u32,
    values: Values,
    /// Pages that sessions began or ended with, and how many did.
    pub(super) ways: Vec<(DayList, Rc<Value>, u32)>,
}

impl DayRow {
    fn new(end_ms: i64) -> Self {
        let values = Values::Few(SmallVec::new());
        Self { end_ms, did: [false; 3], hours: 0, values, ways: Vec::new() }
    }

    /// Its values, in an order of their own.
    pub(super) fn values(&self) -> Vec<&Rc<Value>> {
        self.values.all()
    }

    /// The row that a checkpoint has.
    pub(super) fn load(
        end_ms: i64,
        did: [bool; 3],
        hours: u32,
        values: &[Rc<Value>],
        ways: Vec<(DayList, Rc<Value>, u32)>,
    ) -> Self {
        let mut row = Self { did, hours, ways, ..Self::new(end_ms) };
        for value in values {
            row.values.add(value);
        }
        row
    }
}

/// An event of a day.
pub(super) struct DayEvent<'a> {
    pub(super) day: Day,
    pub(super) at_ms: i64,
    pub(super) kind: Kind,
    /// Of a page view: the values by which a day lists it.
    pub(super) values: [Option<(DayList, &'a Rc<Value>)>; 5],
    /// Of a conversion.
    pub(super) currency: [u8; 3],
    pub(super) value_minor: i64,
}

/// The days of one user.
#[derive(Default)]
pub(super) struct UserDays(pub(super) SmallVec<[DayRow; 1]>);

impl UserDays {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn row(&mut self, end_ms: i64) -> &mut DayRow {
        let at = self.0.partition_point(|row| row.end_ms < end_ms);
        if self.0.get(at).is_none_or(|row| row.end_ms != end_ms) {
            self.0.insert(at, DayRow::new(end_ms));
        }
        &mut self.0[at]
    }

    /// Takes an event of the business family.
    pub(super) fn event(&mut self, event: &DayEvent<'_>, deltas: &mut DayDeltas) {
        let end_ms = event.day.end_ms;
        let row = self.row(end_ms);
        let is_view = event.kind == Kind::PageView;
        let is_conversion = event.kind == Kind::Conversion;
        let did = [true, is_view, is_conversion];
        let new: [bool; 3] = std::array::from_fn(|i| did[i] && !row.did[i]);
        row.did.iter_mut().zip(did).for_each(|(was, is)| *was |= is);
        let hour = event.day.hour(event.at_ms);
        let bit = 1u32.checked_shl(u32::from(hour)).unwrap_or(0);
        let is_new_in_hour = row.hours & bit == 0;
        row.hours |= bit;
        deltas.event(end_ms, did, new);
        deltas.hour(end_ms, hour, is_view, is_new_in_hour);
        if is_conversion {
            deltas.revenue(end_ms, event.currency, event.value_minor);
        }
        for (list, value) in event.values.iter().flatten() {
            deltas.view(end_ms, *list, value, row.values.add(value));
        }
    }

    /// A session with these first and last pages ended in a day, or did not after all.
    pub(super) fn session(
        &mut self,
        end_ms: i64,
        ends: [(DayList, &Rc<Value>); 2],
        is_taken_back: bool,
        deltas: &mut DayDeltas,
    ) {
        let row = self.row(end_ms);
        for (list, page) in ends {
            let is_way = |(l, p, _): &(DayList, Rc<Value>, u32)| *l == list && Rc::ptr_eq(p, page);
            let at = row.ways.iter().position(is_way);
            let users = match (at, is_taken_back) {
                (Some(at), false) => {
                    row.ways[at].2 += 1;
                    0
                }
                (None, false) => {
                    row.ways.push((list, Rc::clone(page), 1));
                    1
                }
                (Some(at), true) => {
                    row.ways[at].2 -= 1;
                    if row.ways[at].2 == 0 {
                        row.ways.swap_remove(at);
                        -1
                    } else {
                        0
                    }
                }
                (None, true) => 0,
            };
            deltas.way(end_ms, list, page, if is_taken_back { -1 } else { 1 }, users);
        }
    }

    /// Drops the days that are frozen.
    pub(super) fn expire(&mut self, watermark_ms: i64, windows: &Windows) {
        let frozen = |row: &DayRow| windows.sessions_frozen_ms(row.end_ms) <= watermark_ms;
        let count = self.0.iter().take_while(|row| frozen(row)).count();
        drop(self.0.drain(..count));
    }

    /// When the last of it can be dropped, ms; −∞ if there is nothing.
    pub(super) fn expires_ms(&self, windows: &Windows) -> i64 {
        self.0.last().map_or(BEFORE_TIME_MS, |row| windows.sessions_frozen_ms(row.end_ms))
    }
}
