//! Counts of windows, by their definitions: every event is copied into each
//! window that it lies in, and users are made distinct window by window.

use super::Collection;
use super::event::Event;
use serde::{Deserialize, Serialize};
use streamgauge::rows::{Tally, TallyKey, TallyKind};
use streamgauge::window::Windows;
use streamgauge_ingest::lateness::Family;
use streamgauge_sink::session::SessionRecord;

/// Ends of the windows of `length_ms`, sliding by `slide_ms`, that hold a time.
pub(super) fn window_ends(at_ms: i64, length_ms: i64, slide_ms: i64) -> impl Iterator<Item = i64> {
    let first_ms = at_ms - at_ms.rem_euclid(slide_ms) + slide_ms;
    (0..length_ms / slide_ms).map(move |i| first_ms + i * slide_ms)
}

/// Something that adds to a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    /// One more at this place.
    One(usize),
    /// So much more of the sum.
    Sum(i64),
}

type Parts<'s> = Collection<'s, (TallyKey, Part)>;

/// The tallies of events.
pub(super) fn tallies(
    events: Collection<'_, Event>,
    windows: Windows,
) -> Collection<'_, (TallyKey, Tally)> {
    let key = move |kind, end_ms: i64, currency| TallyKey {
        expires_ms: end_ms + windows.lateness_ms,
        kind,
        end_ms,
        currency,
    };
    let real_time = events.clone().filter(|e| e.is_taken(Family::RealTime));
    let business = events.filter(|e| e.is_taken(Family::Business));
    total(
        real_time_parts(real_time.clone(), key)
            .concat(active_parts(real_time, key))
            .concat(business_parts(business.clone(), key))
            .concat(revenue_parts(business, key)),
    )
}

/// The tallies of sessions that have ended.
pub(super) fn session_tallies(
    sessions: Collection<'_, SessionRecord>,
    windows: Windows,
) -> Collection<'_, (TallyKey, Tally)> {
    total(sessions.flat_map(move |session| {
        let end_ms = session.ended_at_ms - session.ended_at_ms.rem_euclid(5_000) + 5_000;
        let key = TallyKey {
            expires_ms: end_ms + windows.session_gap_ms + windows.lateness_ms,
            kind: TallyKind::Sessions,
            end_ms,
            currency: [0; 3],
        };
        let bounced = session.page_views == 1 && session.conversions == 0;
        [
            Some(Part::One(0)),
            (session.page_views > 0).then_some(Part::One(1)),
            bounced.then_some(Part::One(2)),
            Some(Part::Sum(session.end_ms - session.start_ms)),
        ]
        .into_iter()
        .flatten()
        .map(move |part| (key, part))
    }))
}

/// One tally per key: the sum of its parts.
fn total(parts: Parts<'_>) -> Collection<'_, (TallyKey, Tally)> {
    parts.reduce(|_, parts, out| {
        let mut tally = Tally::default();
        for (part, times) in parts {
            match part {
                Part::One(place) => tally.n[*place] += i64::try_from(*times).unwrap(),
                Part::Sum(amount) => {
                    tally.sum += i128::from(*amount) * i128::try_from(*times).unwrap()
                }
            }
        }
        out.push((tally, 1));
    })
}

/// Events, users and page views of five seconds.
fn real_time_parts<'s>(
    events: Collection<'s, Event>,
    key: impl Fn(TallyKind, i64, [u8; 3]) -> TallyKey + Copy + 'static,
) -> Parts<'s> {
    let key = move |end_ms| key(TallyKind::RealTime, end_ms, [0; 3]);
    let here =
        events.flat_map(|e| window_ends(e.at_ms, 5_000, 5_000).map(move |end| (end, e.clone())));
    let users = here
        .clone()
        .map(|(end_ms, e)| (end_ms, e.user))
        .distinct()
        .map(move |(end_ms, _)| (key(end_ms), Part::One(1)));
    let views = here
        .clone()
        .filter(|(_, e)| e.is_view())
        .map(move |(end_ms, _)| (key(end_ms), Part::One(2)));
    here.map(move |(end_ms, _)| (key(end_ms), Part::One(0))).concat(users).concat(views)
}

/// Users of the five minutes that end every five seconds.
fn active_parts<'s>(
    events: Collection<'s, Event>,
    key: impl Fn(TallyKind, i64, [u8; 3]) -> TallyKey + Copy + 'static,
) -> Parts<'s> {
    events
        .map(|e| (e.at_ms - e.at_ms.rem_euclid(5_000), e.user))
        .distinct()
        .flat_map(|(at_ms, user)| {
            window_ends(at_ms, 300_000, 5_000).map(move |end_ms| (end_ms, user.clone()))
        })
        .distinct()
        .map(move |(end_ms, _)| (key(TallyKind::ActiveUsers5m, end_ms, [0; 3]), Part::One(1)))
}

/// Events, users, conversions and users with one, of the minute that ends every
/// ten seconds.
fn business_parts<'s>(
    events: Collection<'s, Event>,
    key: impl Fn(TallyKind, i64, [u8; 3]) -> TallyKey + Copy + 'static,
) -> Parts<'s> {
    let key = move |end_ms| key(TallyKind::Business, end_ms, [0; 3]);
    let all = events.map(|e| (e.at_ms, e.user.clone(), e.is_conversion()));
    let here = all.flat_map(|(at_ms, user, converts)| {
        window_ends(at_ms, 60_000, 10_000).map(move |end_ms| (end_ms, user.clone(), converts))
    });
    let conversions = here.clone().filter(|(_, _, converts)| *converts);
    let users = |of: Collection<'s, (i64, _, bool)>, place| {
        of.map(|(end_ms, user, _)| (end_ms, user))
            .distinct()
            .map(move |(end_ms, _)| (key(end_ms), Part::One(place)))
    };
    users(here.clone(), 1)
        .concat(users(conversions.clone(), 3))
        .concat(here.map(move |(end_ms, ..)| (key(end_ms), Part::One(0))))
        .concat(conversions.map(move |(end_ms, ..)| (key(end_ms), Part::One(2))))
}

/// Conversions and their values, per currency, of the same minutes.
fn revenue_parts<'s>(
    events: Collection<'s, Event>,
    key: impl Fn(TallyKind, i64, [u8; 3]) -> TallyKey + Copy + 'static,
) -> Parts<'s> {
    events.filter(Event::is_conversion).flat_map(move |e| {
        window_ends(e.at_ms, 60_000, 10_000)
            .map(move |end_ms| key(TallyKind::Revenue, end_ms, e.currency))
            .flat_map(move |key| [(key, Part::One(0)), (key, Part::Sum(e.value_minor))])
    })
}
