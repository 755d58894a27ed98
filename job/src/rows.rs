//! The rows that leave the state per user: keys that begin with the time at
//! which nobody needs them any more, and differences that add up.

use crate::expiry::Expiring;
use crate::window::Sliding;
use differential_dataflow::difference::{IsZero, Semigroup};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::cmp::Ordering;
use std::sync::Arc;
use std::thread::LocalKey;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::batch::Dimension;

/// Declares where the horizon of a key type is kept: one per worker thread.
macro_rules! expires {
    ($key:ty) => {
        impl Expiring for $key {
            fn expires_ms(&self) -> i64 {
                self.expires_ms
            }
            fn horizon() -> &'static LocalKey<Cell<i64>> {
                thread_local! { static HORIZON: Cell<i64> = const { Cell::new(BEFORE_TIME_MS) }; }
                &HORIZON
            }
        }
    };
}

/// What a tally is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TallyKind {
    /// A real-time window: events, users, page views.
    RealTime,
    /// Users active in the five minutes before a window's end: users.
    ActiveUsers5m,
    /// Sessions that ended in a real-time window: sessions, those with a page
    /// view, those that bounced; the sum is their duration in ms.
    Sessions,
    /// A business window: events, users, conversions, users with one.
    Business,
    /// A currency in a business window: conversions; the sum is their value in
    /// minor units.
    Revenue,
    /// A day: events, users, page views, users with one.
    Day,
    /// A day: conversions, users with one.
    DayConversions,
    /// A currency in a day: as in a business window.
    DayRevenue,
    /// Sessions that ended in a day: as in a real-time window.
    DaySessions,
}

/// The key of a tally: a window, and what is counted in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TallyKey {
    /// When no accepted record can change it any more, in ms of the global watermark.
    pub expires_ms: i64,
    /// What it is of.
    pub kind: TallyKind,
    /// End of its window, ms.
    pub end_ms: i64,
    /// The currency of revenue; else zeros.
    pub currency: [u8; 3],
}
expires!(TallyKey);

/// Counts of one window, by the places that [`TallyKind`] names, and a sum.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Tally {
    /// The counts.
    pub n: [i64; 4],
    /// The sum: 128 bits, because each summand may take 63.
    pub sum: i128,
}

impl IsZero for Tally {
    fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl Semigroup for Tally {
    fn plus_equals(&mut self, rhs: &Self) {
        self.n.iter_mut().zip(rhs.n).for_each(|(a, b)| *a += b);
        self.sum += rhs.sum;
    }
}

/// The text of a value. Its order is by bytes, first part first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Name {
    /// The text.
    pub text: Arc<str>,
    /// Where its second part begins (a city after its country), else 0.
    pub split: u32,
}

impl Name {
    /// Both parts; the second is empty but for cities.
    #[must_use]
    pub fn parts(&self) -> (&str, &str) {
        match self.split {
            0 => (&self.text, ""),
            at => self.text.split_at(at as usize),
        }
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.split == other.split
            && (Arc::ptr_eq(&self.text, &other.text) || self.text == other.text)
    }
}
impl Eq for Name {}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.split.hash(state);
        self.text.hash(state);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.split == other.split && Arc::ptr_eq(&self.text, &other.text) {
            return Ordering::Equal;
        }
        self.parts().cmp(&other.parts()).then(self.split.cmp(&other.split))
    }
}
impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A list: page views of business windows or days, or sessions of the hour's or of days,
/// broken down by something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum List {
    /// By the values of a dimension.
    By(Dimension),
    /// By load time.
    LoadTimes,
    /// The ways of sessions, cut at their first pages.
    Journeys,
    /// From page to page within sessions.
    Transitions,
    /// What is counted of sessions, see [`crate::hour::HourCount`].
    HourCounts,
    /// What a day is broken down by.
    Day(DayList),
}

/// What a day is broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DayList {
    /// Page views by page.
    Pages,
    /// Page views by referring host.
    Referrers,
    /// Page views by country.
    Countries,
    /// Page views by kind of device.
    Devices,
    /// Page views by campaign, those without one left out.
    Campaigns,
    /// Sessions by the page that they began with.
    EntryPages,
    /// Sessions by the page that they ended with.
    ExitPages,
    /// Page views by hour; its users are those of any event.
    Hours,
}

impl DayList {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Pages,
        Self::Referrers,
        Self::Countries,
        Self::Devices,
        Self::Campaigns,
        Self::EntryPages,
        Self::ExitPages,
        Self::Hours,
    ];
}

impl List {
    /// The windows that it belongs to.
    #[must_use]
    pub fn windows(self) -> Sliding {
        match self {
            Self::By(_) | Self::LoadTimes => Sliding::Business,
            Self::Journeys | Self::Transitions | Self::HourCounts => Sliding::Hour,
            Self::Day(_) => Sliding::Day,
        }
    }

    /// Whether its values are numbers, of which all are told and none has a place.
    #[must_use]
    pub fn is_of_numbers(self) -> bool {
        matches!(self, Self::LoadTimes | Self::HourCounts)
    }

    /// All lists.
    pub const ALL: [Self; 19] = {
        let mut all = [Self::LoadTimes; 19];
        let mut i = 0;
        while i < Dimension::ALL.len() {
            all[i] = Self::By(Dimension::ALL[i]);
            i += 1;
        }
        (all[8], all[9], all[10]) = (Self::Journeys, Self::Transitions, Self::HourCounts);
        let mut i = 0;
        while i < DayList::ALL.len() {
            all[11 + i] = Self::Day(DayList::ALL[i]);
            i += 1;
        }
        all
    };
}

/// The key of a list's row: a value in a pane.
///
/// The pane is told by the expiry, which lies a fixed time after its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListKey {
    /// When no window that contains the pane can change any more, in ms of the
    /// global watermark.
    pub expires_ms: i64,
    /// Which list.
    pub list: List,
    /// Hash of the value; of load times and counts the number as it is.
    pub hash: u64,
    /// The value; none for load times and counts.
    pub name: Option<Name>,
}
expires!(ListKey);

/// Number of business panes in a business window.
pub const PANES: usize = 6;

/// What a pane adds to the windows that contain it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct ListDiff {
    /// Page views (or sessions) in the pane; they count in every window that contains it.
    pub views: i64,
    /// Users of the pane that are new in the window that ends j panes after it:
    /// that were in none of the window's earlier panes.
    pub users: [i32; PANES],
}

impl IsZero for ListDiff {
    fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl Semigroup for ListDiff {
    fn plus_equals(&mut self, rhs: &Self) {
        self.views += rhs.views;
        self.users.iter_mut().zip(rhs.users).for_each(|(a, b)| *a += b);
    }
}

/// A user with exactly one page view in a closed window of five minutes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bounce {
    /// End of the window, ms.
    pub end_ms: i64,
    /// The user.
    pub user: Arc<str>,
}
