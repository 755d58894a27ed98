//! What sessions add to the windows that they ended in: a map over the
//! collection of sessions, so that a corrected session corrects its windows.

use super::Ended;
use crate::day::RecentDay;
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
    let mut recent = RecentDay::default();
    sessions.flat_map(move |(session, epoch, diff)| {
        let record = &session.record;
        let real_time_ms = real_time_end_ms(record.ended_at_ms);
        let day_ms = windows.days.map(|days| recent.of(days, record.ended_at_ms).end_ms);
        let day = day_ms.map(|end_ms| (TallyKind::DaySessions, end_ms));
        let of = [Some((TallyKind::Sessions, real_time_ms)), day];
        of.map(|of| {
            let (kind, end_ms) = of?;
            let expires_ms = windows.sessions_frozen_ms(end_ms);
            let key = TallyKey { expires_ms, kind, end_ms, currency: [0; 3] };
            Some(((key, ()), epoch, tally_of(record, diff as i64)))
        })
        .into_iter()
        .flatten()
    })
}

/// What is published of sessions: what else is known of them changes nothing here.
pub fn session_records<'s>(
    sessions: Stream<'s, Epoch, Vec<(Arc<Ended>, Epoch, isize)>>,
) -> Stream<'s, Epoch, Vec<(Arc<SessionRecord>, Epoch, isize)>> {
    sessions.map(|(session, epoch, diff)| (Arc::clone(&session.record), epoch, diff))
}

fn tally_of(session: &SessionRecord, times: i64) -> Tally {
    let viewed = i64::from(session.page_views > 0);
    let bounced = i64::from(session.bounced());
    let sum = i128::from(session.duration_ms()) * i128::from(times);
    Tally { n: [times, viewed * times, bounced * times, 0], sum }
}
