//! What sessions add to the windows that they ended in: a map over the
//! collection of sessions, so that a corrected session corrects its windows.

use super::Ended;
use crate::expiry::Update;
use crate::rows::{Tally, TallyKey, TallyKind};
use crate::time::Epoch;
use crate::window::{Windows, real_time_end_ms};
use std::sync::Arc;
use streamgauge_sink::session::SessionRecord;
use timely::dataflow::Stream;
use timely::dataflow::operators::vec::Map as _;

/// The updates of the counts of windows that follow from updates of sessions.
pub fn session_tallies<'s>(
    sessions: Stream<'s, Epoch, Vec<(Arc<Ended>, Epoch, isize)>>,
    windows: Windows,
) -> Stream<'s, Epoch, Vec<Update<TallyKey, Tally>>> {
    sessions.map(move |(session, epoch, diff)| {
        let (key, tally) = tally_of(&session.record, windows, diff as i64);
        ((key, ()), epoch, tally)
    })
}

/// What is published of sessions: what else is known of them changes nothing here.
pub fn session_records<'s>(
    sessions: Stream<'s, Epoch, Vec<(Arc<Ended>, Epoch, isize)>>,
) -> Stream<'s, Epoch, Vec<(Arc<SessionRecord>, Epoch, isize)>> {
    sessions.map(|(session, epoch, diff)| (Arc::clone(&session.record), epoch, diff))
}

fn tally_of(session: &SessionRecord, windows: Windows, times: i64) -> (TallyKey, Tally) {
    let end_ms = real_time_end_ms(session.ended_at_ms);
    let key = TallyKey {
        expires_ms: windows.sessions_frozen_ms(end_ms),
        kind: TallyKind::Sessions,
        end_ms,
        currency: [0; 3],
    };
    let viewed = i64::from(session.page_views > 0);
    let bounced = i64::from(session.bounced());
    let sum = i128::from(session.duration_ms()) * i128::from(times);
    (key, Tally { n: [times, viewed * times, bounced * times, 0], sum })
}
