//! What the records bound so far say about a window: the same question for every family.
//!
//! Invariant: a view is a function of a prefix of the log and of one watermark. Earlier views, and
//! what was published from them, have no influence.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::log::{Entry, Log, entries_in};
use super::record::Record;
use super::sessions::{self, Session};
use super::{Settings, alerts, business, days, hour, real_time};

/// How far back ACTIVE_USERS_5M looks from the end of its window, in ms.
const ACTIVE_MS: i64 = 300_000;

/// Where a window begins and ends, in ms: without the end itself.
pub(super) type Span = (i64, i64);

/// The windows that are made, closed and frozen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// PAGE_VIEWS_PER_SECOND and ACTIVE_USERS.
    RealTime,
    /// ACTIVE_USERS_5M.
    ActiveUsers,
    /// BOUNCE_RATE and AVERAGE_SESSION_DURATION.
    EndedSessions,
    /// All that slides over 60 s.
    Business,
    /// All that slides over an hour.
    Hour,
    /// All of a day.
    Day,
    /// HIGH_BOUNCE_RATE.
    Alerts,
}

impl Kind {
    /// The kinds of results; alerts are apart.
    pub(super) const RESULTS: [Self; 6] = [
        Self::RealTime,
        Self::ActiveUsers,
        Self::EndedSessions,
        Self::Business,
        Self::Hour,
        Self::Day,
    ];

    /// The windows of this kind in which counts what happens at this time.
    pub(super) fn around(self, at_ms: i64, s: &Settings) -> Vec<Span> {
        let length_ms = match self {
            Self::RealTime | Self::ActiveUsers | Self::EndedSessions => 5_000,
            Self::Business => 60_000,
            Self::Hour => 3_600_000,
            Self::Alerts => 300_000,
            Self::Day => return s.days.iter().map(|days| days.around(at_ms)).collect(),
        };
        let seen_ms = if self == Self::ActiveUsers { ACTIVE_MS } else { length_ms };
        let step_ms = self.step_ms().unwrap_or(length_ms);
        let end = |step| (at_ms.div_euclid(step_ms) + step) * step_ms;
        (1..=seen_ms / step_ms).map(|step| (end(step) - length_ms, end(step))).collect()
    }

    /// What a window of this kind is made from: all that happens in it, or more before it.
    pub(super) fn made_from(self, (start_ms, end_ms): Span) -> Range<i64> {
        if self == Self::ActiveUsers { end_ms - ACTIVE_MS..end_ms } else { start_ms..end_ms }
    }

    /// From one window's end to the next one's, in ms, where windows slide: of these only one at a
    /// time has provisional records.
    pub(super) fn step_ms(self) -> Option<i64> {
        match self {
            Self::ActiveUsers => Some(5_000),
            Self::Business => Some(10_000),
            Self::Hour => Some(300_000),
            Self::RealTime | Self::EndedSessions | Self::Day | Self::Alerts => None,
        }
    }

    /// How long after its end a window can change, in ms.
    pub(super) fn slack_ms(self, s: &Settings) -> i64 {
        match self {
            Self::EndedSessions | Self::Hour | Self::Day => s.session_gap_ms + s.lateness_ms,
            _ => s.lateness_ms,
        }
    }
}

/// The sessions of the users, as (start, end) in ms: those that have not ended, too.
pub(super) type Visits<'a> = BTreeMap<&'a str, Vec<(i64, i64)>>;

/// A prefix of the log under a watermark.
pub(super) struct View<'a> {
    log: &'a Log<'a>,
    settings: &'a Settings,
    bound: usize,
    /// The sessions whose end the watermark has passed, in the order of the time they ended at.
    ended: Vec<Session<'a>>,
    visits: Visits<'a>,
    /// The windows of those kinds that are made from sessions.
    windows: BTreeMap<Kind, BTreeSet<Span>>,
}

impl<'a> View<'a> {
    /// The view of the first `bound` records; `None` is a watermark before all time.
    pub(super) fn new(
        log: &'a Log<'a>,
        settings: &'a Settings,
        bound: usize,
        watermark_ms: Option<i64>,
    ) -> Self {
        let all = sessions::all(&log.by_session, bound, settings.session_gap_ms);
        let mut visits = Visits::new();
        for session in &all {
            visits.entry(session.user).or_default().push((session.start_ms(), session.end_ms()));
        }
        let passed = |session: &Session<'_>| {
            watermark_ms.is_some_and(|watermark_ms| watermark_ms > session.ended_ms)
        };
        let mut ended: Vec<Session<'a>> = all.into_iter().filter(passed).collect();
        ended.sort_by_key(|session| session.ended_ms);
        let around = |kind: Kind| -> BTreeSet<Span> {
            ended.iter().flat_map(|session| kind.around(session.ended_ms, settings)).collect()
        };
        let mut windows: BTreeMap<Kind, BTreeSet<Span>> =
            [Kind::EndedSessions, Kind::Hour, Kind::Day].map(|kind| (kind, around(kind))).into();
        for (kind, of_sessions) in &mut windows {
            let of_events = log.panes_of(*kind).into_iter().flat_map(|(_, windows)| windows);
            of_sessions.extend(of_events);
        }
        Self { log, settings, bound, ended, visits, windows }
    }

    /// The sessions that have ended.
    pub(super) fn ended(&self) -> &[Session<'a>] {
        &self.ended
    }

    /// All windows of a kind that can have content.
    pub(super) fn windows(&self, kind: Kind) -> &BTreeSet<Span> {
        match self.windows.get(&kind) {
            Some(windows) => windows,
            None => self.log.panes_of(kind).expect("made from events").1,
        }
    }

    /// The records of a window, in any order but for alerts: by user.
    pub(super) fn content(&self, kind: Kind, window_ms: Span) -> Vec<Record> {
        let entries: Vec<Entry<'a>> = self.entries(kind, window_ms).collect();
        match kind {
            Kind::RealTime => real_time::of_pane(window_ms, &entries),
            Kind::ActiveUsers => real_time::active_users(window_ms, &entries),
            Kind::EndedSessions => real_time::of_ended(window_ms, self.ended_in(window_ms)),
            Kind::Business => business::of_window(window_ms, &entries),
            Kind::Hour => hour::of_window(
                window_ms,
                self.ended_in(window_ms),
                &self.visits,
                &self.settings.funnels,
            ),
            Kind::Day => days::of_day(window_ms, &entries, self.ended_in(window_ms)),
            Kind::Alerts => alerts::of_window(window_ms, &entries),
        }
    }

    /// How many events a window is made from: the same number at a later epoch means the same
    /// events, for a window only gains them. `None` for windows made from sessions.
    pub(super) fn event_count(&self, kind: Kind, window_ms: Span) -> Option<usize> {
        let of_sessions = self.windows.contains_key(&kind);
        (!of_sessions).then(|| self.entries(kind, window_ms).count())
    }

    fn entries(&self, kind: Kind, window_ms: Span) -> impl Iterator<Item = Entry<'a>> {
        let panes = self.log.panes_of(kind).into_iter();
        panes.flat_map(move |(panes, _)| entries_in(panes, kind.made_from(window_ms), self.bound))
    }

    fn ended_in(&self, (start_ms, end_ms): Span) -> &[Session<'a>] {
        let before =
            |limit_ms: i64| self.ended.partition_point(|session| session.ended_ms < limit_ms);
        &self.ended[before(start_ms)..before(end_ms)]
    }
}
