//! What sessions add to the windows over the hour that they ended in: a map over the
//! collection of sessions to rows of lists, so that a corrected session corrects
//! every window that it is counted in.

mod count;
mod path;

pub use count::{DURATION_FROM_MS, HourCount, PAGE_VIEWS_FROM};
pub use path::Path;

use crate::expiry::Update;
use crate::rows::{List, ListDiff, ListKey, PANES};
use crate::session::Ended;
use crate::time::Epoch;
use crate::window::{Windows, hour_pane_end_ms};
use path::Names;
use std::sync::Arc;
use timely::dataflow::Stream;
use timely::dataflow::operators::vec::Map as _;

/// Pages at which the journeys of JOURNEYS are cut.
const JOURNEY_PAGES: usize = 5;

/// The rows that follow from updates of sessions.
pub fn hour_rows<'s>(
    sessions: Stream<'s, Epoch, Vec<(Arc<Ended>, Epoch, isize)>>,
    windows: Windows,
) -> Stream<'s, Epoch, Vec<Update<ListKey, ListDiff>>> {
    let mut names = Names::default();
    sessions.flat_map(move |(session, epoch, diff)| {
        let diff = ListDiff { views: diff as i64, users: [0; PANES] };
        keys(&session, windows, &mut names).into_iter().map(move |key| ((key, ()), epoch, diff))
    })
}

/// Whether a row counts what sessions reached in a funnel: it means something else when
/// the funnels are others.
#[must_use]
pub fn is_of_funnels(key: &ListKey) -> bool {
    key.list == List::HourCounts && matches!(HourCount::of_number(key.hash), HourCount::Step(_))
}

/// The rows that a session counts in, once each.
fn keys(session: &Ended, windows: Windows, names: &mut Names) -> Vec<ListKey> {
    let pane_end_ms = hour_pane_end_ms(session.record.ended_at_ms);
    let expires_ms = windows.hour_pane_expires_ms(pane_end_ms);
    let record = &session.record;
    let mut keys = Vec::with_capacity(8 + record.journey.len());
    let mut count = |count: HourCount| {
        let (list, hash) = (List::HourCounts, count.number());
        keys.push(ListKey { expires_ms, list, hash, name: None });
    };
    count(HourCount::class(record.page_views, record.duration_ms(), session.is_returning));
    session.steps.iter().for_each(|step| count(HourCount::Step(*step)));
    if record.journey.is_empty() {
        return keys;
    }
    let mut path = |list, pages: &[Arc<str>]| {
        let (hash, name) = names.of(pages);
        keys.push(ListKey { expires_ms, list, hash, name: Some(name) });
    };
    path(List::Journeys, &record.journey[..record.journey.len().min(JOURNEY_PAGES)]);
    record.journey.windows(2).for_each(|pair| path(List::Transitions, pair));
    keys
}
