//! Rows of lists, by their definition: page views of a value in a pane, and for
//! each window that holds the pane the users whom the window has seen with the
//! value in none of its earlier panes.

use super::Collection;
use super::event::{Event, Seen};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use streamgauge::rows::{List, ListDiff, ListKey, PANES};
use streamgauge::window::Windows;
use streamgauge_ingest::lateness::Family;

const PANE_MS: i64 = 10_000;

/// Something that adds to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Part {
    View,
    /// A user new in the window that ends so many panes later.
    User(usize),
}

/// The rows of page views.
pub(super) fn rows(
    events: Collection<'_, Event>,
    windows: Windows,
) -> Collection<'_, (ListKey, ListDiff)> {
    let key = move |pane_end_ms: i64, list, hash, name| ListKey {
        expires_ms: pane_end_ms + 50_000 + windows.lateness_ms,
        list,
        hash,
        name,
    };
    let of_value = move |pane_end_ms, seen: Seen| {
        key(pane_end_ms, List::By(seen.dimension), seen.hash, Some(seen.name))
    };
    let views = events.filter(|e| e.is_taken(Family::Business) && e.is_view());
    let load_times = views.clone().flat_map(move |e| {
        let load_ms = e.load_ms?;
        Some((key(pane_end_ms(&e), List::LoadTimes, load_ms.cast_unsigned(), None), Part::View))
    });
    let seen = views.flat_map(|e| {
        let (pane_end_ms, user) = (pane_end_ms(&e), e.user);
        e.seen.into_iter().map(move |seen| (pane_end_ms, seen, user.clone()))
    });
    let users = new_users(seen.clone().distinct())
        .map(move |(pane_end_ms, seen, j)| (of_value(pane_end_ms, seen), Part::User(j)));
    let views = seen.map(move |(pane_end_ms, seen, _)| (of_value(pane_end_ms, seen), Part::View));
    load_times.concat(views).concat(users).reduce(|_, parts, out| {
        let mut row = ListDiff::default();
        for (part, times) in parts {
            match part {
                Part::View => row.views += i64::try_from(*times).unwrap(),
                Part::User(j) => row.users[*j] += i32::try_from(*times).unwrap(),
            }
        }
        out.push((row, 1));
    })
}

fn pane_end_ms(event: &Event) -> i64 {
    event.at_ms - event.at_ms.rem_euclid(PANE_MS) + PANE_MS
}

/// Presence of users with values in panes: in which windows a pane is the first.
///
/// The window that ends j panes after a pane begins 5 − j panes before it. So each
/// presence is laid beside the panes that follow, and whoever is present takes
/// the windows that don't reach back to any presence before.
fn new_users<'s>(
    present: Collection<'s, (i64, Seen, Arc<str>)>,
) -> Collection<'s, (i64, Seen, usize)> {
    present
        .flat_map(|(pane_end_ms, seen, user)| {
            (0i64..)
                .take(PANES)
                .map(move |ago| ((pane_end_ms + ago * PANE_MS, seen.clone(), user.clone()), ago))
        })
        .reduce(|_, agos, out| {
            let agos: Vec<i64> = agos.iter().map(|(ago, _)| **ago).collect();
            if !agos.contains(&0) {
                return;
            }
            for (j, reach) in (0..PANES).zip((0i64..6).rev()) {
                if !agos.iter().any(|ago| (1..=reach).contains(ago)) {
                    out.push((j, 1));
                }
            }
        })
        .map(|((pane_end_ms, seen, _), j)| (pane_end_ms, seen, j))
}
