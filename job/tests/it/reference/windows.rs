//! From what is counted to what stands in each window: everything that is known
//! of a window is brought together, and its records are told anew whenever any of
//! it changes.

use super::Collection;
use super::pacing::{Early, Line};
use super::records::{Row, of_active, of_business, of_real_time, of_sessions};
use serde::{Deserialize, Serialize};
use streamgauge::rows::{List, ListDiff, ListKey, Name, PANES, Tally, TallyKey, TallyKind};
use streamgauge::window::Windows;
use streamgauge_sink::change::Topic;
use streamgauge_sink::metric::Metric;
use streamgauge_sink::record::{Fields, Identity};

/// Windows that are published together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Kind {
    RealTime,
    Active,
    Sessions,
    Business,
}

/// A window: its kind and its end.
pub(super) type Window = (Kind, i64);

/// What is known of a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Fact {
    Tally(TallyKind, [u8; 3], Tally),
    Row(List, Row),
}

/// The lines that stand in each window.
pub(super) fn lines<'s>(
    tallies: Collection<'s, (TallyKey, Tally)>,
    rows: Collection<'s, (ListKey, ListDiff)>,
    windows: Windows,
) -> Collection<'s, (Window, Line)> {
    let tallies = tallies.map(|(key, tally)| {
        let kind = match key.kind {
            TallyKind::RealTime => Kind::RealTime,
            TallyKind::ActiveUsers5m => Kind::Active,
            TallyKind::Sessions => Kind::Sessions,
            TallyKind::Business | TallyKind::Revenue => Kind::Business,
            TallyKind::Day
            | TallyKind::DayConversions
            | TallyKind::DayRevenue
            | TallyKind::DaySessions => unreachable!("the cases have no days"),
        };
        ((kind, key.end_ms), Fact::Tally(key.kind, key.currency, tally))
    });
    let rows = window_rows(rows, windows)
        .map(|(end_ms, list, row)| ((Kind::Business, end_ms), Fact::Row(list, row)));
    tallies.concat(rows).reduce(move |window, facts, out| {
        let facts: Vec<&Fact> = facts.iter().map(|(fact, _)| *fact).collect();
        out.extend(told(*window, &facts, windows).into_iter().map(|line| (line, 1)));
    })
}

/// The rows of lists in whole windows: of six panes the views, and the users that
/// each of them is the first to have.
fn window_rows<'s>(
    rows: Collection<'s, (ListKey, ListDiff)>,
    windows: Windows,
) -> Collection<'s, (i64, List, Row)> {
    rows.flat_map(move |(key, row)| {
        let pane_end_ms = key.expires_ms - 50_000 - windows.lateness_ms;
        (0..PANES).zip(0i64..).map(move |(j, ahead)| {
            let value = (key.hash, key.name.clone());
            let window = (pane_end_ms + ahead * 10_000, key.list);
            ((window, value), (pane_end_ms, row.views, i64::from(row.users[j])))
        })
    })
    .reduce(|_, panes, out| {
        let sum =
            panes.iter().fold((0, 0), |sum, ((_, views, users), _)| (sum.0 + views, sum.1 + users));
        out.push((sum, 1));
    })
    .map(|(((end_ms, list), (hash, name)), (views, users)): (ListedValue, _)| {
        (end_ms, list, Row { name, load_ms: hash.cast_signed(), views, users })
    })
}

/// A value in the list of a window: (window end and list, hash and name).
type ListedValue = ((i64, List), (u64, Option<Name>));

/// The lines of one window.
fn told((kind, end_ms): Window, facts: &[&Fact], windows: Windows) -> Vec<Line> {
    let (length_ms, early, frozen_ms) = match kind {
        Kind::RealTime => (5_000, Early::Begun { length_ms: 5_000 }, 0),
        Kind::Active => (5_000, Early::Current { slide_ms: 5_000 }, 0),
        Kind::Sessions => (5_000, Early::Begun { length_ms: 5_000 }, windows.session_gap_ms),
        Kind::Business => (60_000, Early::CurrentElsewhere { slide_ms: 10_000 }, 0),
    };
    let mut lines = Vec::new();
    let mut give = |metric: Metric, dimensions: &[(&str, &str)], fields: &Fields<'_>| {
        let identity = Identity { metric, start_ms: end_ms - length_ms, end_ms, dimensions };
        lines.push(Line {
            topic: Topic::Result(metric),
            key: identity.key(),
            body: identity.body(fields).0,
            retraction: identity.head(),
            final_ms: end_ms,
            frozen_ms: end_ms + windows.lateness_ms + frozen_ms,
            early,
        });
    };
    let tallies: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Tally(kind, currency, tally) => Some((*kind, *currency, *tally)),
            Fact::Row(..) => None,
        })
        .collect();
    let rows = |of: List| -> Vec<Row> {
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Row(list, row) if *list == of => Some(row.clone()),
                _ => None,
            })
            .collect()
    };
    match (kind, tallies.first()) {
        (_, None) => {}
        (Kind::RealTime, Some((.., tally))) => of_real_time(tally, &mut give),
        (Kind::Active, Some((.., tally))) => of_active(tally, &mut give),
        (Kind::Sessions, Some((.., tally))) => of_sessions(tally, &mut give),
        (Kind::Business, Some(_)) => of_business(&tallies, rows, &mut give),
    }
    lines
}
