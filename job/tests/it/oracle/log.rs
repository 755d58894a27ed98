//! The events of a log by family and pane, so that a window finds its own without a scan of all.
//!
//! Invariant: an event is in the index of a family if and only if the family takes it. What has
//! been bound up to an epoch is a prefix of the log, so one index serves all epochs: readers leave
//! out the entries whose place is behind the prefix.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Settings;
use super::event::{Event, Family};
use super::judge::Judged;
use super::sessions;
use super::view::{Kind, Span};

/// An event that a family takes, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// Its number among all records of the log, from 0.
    pub(super) place: usize,
    /// Partition and offset.
    pub(super) origin: (u32, u64),
    pub(super) event: &'a Event,
}

/// Entries by the start of their pane, in the order of the log within one.
pub(super) type Panes<'a> = BTreeMap<i64, Vec<Entry<'a>>>;

/// The index.
pub(super) struct Log<'a> {
    pub(super) real_time: Panes<'a>,
    pub(super) business: Panes<'a>,
    pub(super) alerts: Panes<'a>,
    /// By day, what the business family takes; nothing where days are off.
    days: Panes<'a>,
    /// What the alerts take, with the watermark of the partition after it.
    pub(super) watched: Vec<(Entry<'a>, Option<i64>)>,
    /// By user and session id, in the order time, partition, offset.
    pub(super) by_session: BTreeMap<(&'a str, &'a str), Vec<Entry<'a>>>,
    real_time_windows: BTreeSet<Span>,
    active_windows: BTreeSet<Span>,
    business_windows: BTreeSet<Span>,
    alert_windows: BTreeSet<Span>,
    day_windows: BTreeSet<Span>,
}

impl<'a> Log<'a> {
    pub(super) fn new(judged: &'a [Judged], s: &Settings) -> Self {
        let taken = |family| {
            judged.iter().enumerate().filter_map(move |(place, record)| {
                let event = record.taken_by(family)?;
                Some(Entry { place, origin: (record.partition, record.offset), event })
            })
        };
        let by_start = |family, start_of: &dyn Fn(i64) -> i64| {
            let mut panes = Panes::new();
            for entry in taken(family) {
                panes.entry(start_of(entry.event.timestamp_ms)).or_default().push(entry);
            }
            panes
        };
        let panes = |family, length_ms: i64| {
            by_start(family, &|at_ms| at_ms.div_euclid(length_ms) * length_ms)
        };
        let real_time = panes(Family::RealTime, 5_000);
        let business = panes(Family::Business, 10_000);
        let alerts = panes(Family::Alerts, 300_000);
        let days =
            s.days.as_ref().map(|days| by_start(Family::Business, &|at_ms| days.around(at_ms).0));
        let around = |panes: &Panes<'_>, kind: Kind| -> BTreeSet<Span> {
            panes.keys().flat_map(|pane| kind.around(*pane, s)).collect()
        };
        Self {
            real_time_windows: around(&real_time, Kind::RealTime),
            active_windows: around(&real_time, Kind::ActiveUsers),
            business_windows: around(&business, Kind::Business),
            alert_windows: around(&alerts, Kind::Alerts),
            by_session: sessions::grouped(taken(Family::Session)),
            day_windows: around(days.as_ref().unwrap_or(&Panes::new()), Kind::Day),
            days: days.unwrap_or_default(),
            real_time,
            business,
            alerts,
            watched: taken(Family::Alerts)
                .map(|entry| (entry, judged[entry.place].partition_watermark_ms))
                .collect(),
        }
    }

    /// The panes from which a window of this kind is made and all windows that have some; `None`
    /// for windows that are made from sessions alone.
    pub(super) fn panes_of(&self, kind: Kind) -> Option<(&Panes<'a>, &BTreeSet<Span>)> {
        match kind {
            Kind::RealTime => Some((&self.real_time, &self.real_time_windows)),
            Kind::ActiveUsers => Some((&self.real_time, &self.active_windows)),
            Kind::Business => Some((&self.business, &self.business_windows)),
            Kind::Alerts => Some((&self.alerts, &self.alert_windows)),
            Kind::Day => Some((&self.days, &self.day_windows)),
            Kind::EndedSessions | Kind::Hour => None,
        }
    }
}

/// The first `bound` records' entries in these panes.
pub(super) fn entries_in<'p, 'a>(
    panes: &'p Panes<'a>,
    range_ms: Range<i64>,
    bound: usize,
) -> impl Iterator<Item = Entry<'a>> + Clone + use<'p, 'a> {
    panes
        .range(range_ms)
        .flat_map(|(_, entries)| entries.iter().copied())
        .filter(move |entry| entry.place < bound)
}
