//! What the watermark makes due, at the very millisecond and not before.

use std::rc::Rc;
use std::sync::Arc;
use streamgauge::session::Rules;
use streamgauge::time::Tick;
use streamgauge::user::State;
use streamgauge::window::Windows;
use streamgauge_ingest::BEFORE_TIME_MS;
use streamgauge_ingest::batch::{BatchBuilder, EventBatch};
use streamgauge_ingest::decode::Decoder;
use streamgauge_sink::session::SessionRecord;

const GAP_MS: i64 = 10_000;
const WINDOWS: Windows =
    Windows { lateness_ms: 3_000, session_gap_ms: GAP_MS, allowed_disorder_ms: 0, days: None };

/// A worker's state, one epoch after the other.
struct Site {
    state: State,
    epoch: u64,
    watermark_ms: i64,
}

impl Site {
    fn new() -> Self {
        let state = State::new(Rules { funnels: Rc::from([]) }, Rc::from([]), WINDOWS);
        Self { state, epoch: 0, watermark_ms: BEFORE_TIME_MS }
    }

    /// An epoch with starts of a session at these times; the ends of the sessions
    /// that come out of it, those taken back negative.
    fn epoch(&mut self, watermark_ms: i64, starts_ms: &[i64]) -> Vec<i64> {
        let start = |at_ms: &i64| {
            format!(
                r#"{{"timestamp":{at_ms},"eventType":"SESSION_START","userId":"u","sessionId":"s"}}"#
            )
        };
        let sessions = self.records(watermark_ms, starts_ms.iter().map(start));
        sessions.into_iter().map(|(session, diff)| session.ended_at_ms * diff).collect()
    }

    /// An epoch with these events; the sessions that come out of it.
    fn records(
        &mut self,
        watermark_ms: i64,
        events: impl IntoIterator<Item = String>,
    ) -> Vec<(Arc<SessionRecord>, i64)> {
        let (mut decoder, mut batch) = (Decoder::new(1 << 20), BatchBuilder::default());
        for event in events {
            batch.push(&decoder.decode(event.as_bytes()).unwrap());
        }
        let (rows, texts) = batch.finish();
        let batch = EventBatch { target: 0, rows, texts: Arc::new(texts) };
        let before_ms = std::mem::replace(&mut self.watermark_ms, watermark_ms);
        let tick = Tick { before_ms, watermark_ms, corrections: true, ..Tick::default() };
        self.epoch += 1;
        let updates = self.state.epoch(self.epoch, tick, [batch]);
        updates
            .sessions
            .drain(..)
            .map(|(s, _, diff)| (Arc::clone(&s.record), diff as i64))
            .collect()
    }
}

#[test]
fn a_session_that_went_on_ends_behind_its_new_end() {
    let mut site = Site::new();
    assert!(site.epoch(1_000, &[1_000]).is_empty());
    assert!(site.epoch(5_000, &[5_000]).is_empty());
    let end_ms = 5_000 + GAP_MS;
    // Where it would have ended, where it ends, and behind that.
    assert!(site.epoch(1_000 + GAP_MS + 1, &[]).is_empty());
    assert!(site.epoch(end_ms, &[]).is_empty());
    assert_eq!(site.epoch(end_ms + 1, &[]), [end_ms]);
    // A late event takes it back, and it ends anew.
    assert_eq!(site.epoch(end_ms + 2, &[6_000]), [-end_ms]);
    assert!(site.epoch(end_ms + 1_000, &[]).is_empty());
    assert_eq!(site.epoch(end_ms + 1_001, &[]), [end_ms + 1_000]);
}

#[test]
fn a_session_is_held_until_nothing_can_change_it() {
    let mut site = Site::new();
    site.epoch(1_000, &[1_000]);
    let expires_ms = WINDOWS.session_expires_ms(1_000);
    assert_eq!(site.epoch(expires_ms - 1, &[]), [1_000 + GAP_MS]);
    assert_eq!(site.state.held().visits, 1);
    assert!(site.epoch(expires_ms, &[]).is_empty());
    assert_eq!(site.state.held().visits, 0);
}

#[test]
fn a_long_session_takes_the_latest_event_in_its_place() {
    let view = |at_ms: i64, page: i64| {
        format!(
            r#"{{"timestamp":{at_ms},"eventType":"PAGE_VIEW","userId":"u","sessionId":"s","pageViewData":{{"url":"/{page}"}}}}"#
        )
    };
    let mut site = Site::new();
    for second in 1..=200 {
        site.records(second * 1_000, [view(second * 1_000, second)]);
    }
    // The oldest slice that is still taken ends a gap and the lateness ago. In its
    // place the event repeats the page before it, which is no step of the journey.
    let at_ms = 200_000 - GAP_MS - WINDOWS.lateness_ms + 500;
    let late = view(at_ms, at_ms / 1_000);
    assert!(site.records(200_000, [late]).is_empty());
    let sessions = site.records(200_000 + GAP_MS + 1, []);
    let [(session, 1)] = sessions.as_slice() else {
        panic!("{sessions:?}");
    };
    assert_eq!((session.page_views, session.journey_length), (201, 200));
    assert_eq!(session.entry_exit, Some(("/1".into(), "/200".into())));
}
