//! Publishing what is published one by one: sessions and alerts.
//!
//! An item that is passed by the watermark in this very epoch goes out at once;
//! any other change of what stands under its key waits for the next time that
//! corrections are due, or for its state to be dropped. Nothing else is
//! remembered than changes that wait.

use super::Output;
use crate::epochs::by_epoch;
use crate::rows::Bounce;
use crate::time::{Epoch, Tick};
use crate::window::Windows;
use std::collections::BTreeMap;
use std::sync::Arc;
use streamgauge_ingest::lateness::ALERT_PANE_MS;
use streamgauge_sink::alert::{Alert, bounce_alert, bounce_description};
use streamgauge_sink::change::{Change, State, Topic, final_digest};
use streamgauge_sink::metric::Metric;
use streamgauge_sink::session::SessionRecord;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;

/// Something that is published under a key of its own.
pub trait Item: Ord + Clone + 'static {
    /// Where it goes.
    const TOPIC: Topic;

    /// Key of its line.
    fn key(&self) -> Vec<u8>;

    /// Its line up to the tail.
    fn body(&self) -> Vec<u8>;

    /// What stands for its retraction: the line up to the tail.
    fn retraction(&self) -> Vec<u8>;

    /// Whether a watermark has passed the time from which it counts.
    fn is_passed(&self, watermark_ms: i64) -> bool;

    /// When it is dropped, ms.
    fn frozen_ms(&self, windows: &Windows) -> i64;
}

impl Item for Arc<SessionRecord> {
    const TOPIC: Topic = Topic::Result(Metric::Session);

    fn key(&self) -> Vec<u8> {
        SessionRecord::key(self)
    }

    fn body(&self) -> Vec<u8> {
        SessionRecord::body(self).0
    }

    fn retraction(&self) -> Vec<u8> {
        SessionRecord::head(self)
    }

    fn is_passed(&self, watermark_ms: i64) -> bool {
        watermark_ms > self.ended_at_ms
    }

    fn frozen_ms(&self, windows: &Windows) -> i64 {
        windows.session_expires_ms(self.end_ms)
    }
}

impl Item for Bounce {
    const TOPIC: Topic = Topic::Alert;

    fn key(&self) -> Vec<u8> {
        with_alert(self, |alert| alert.key())
    }

    fn body(&self) -> Vec<u8> {
        with_alert(self, |alert| alert.body(true))
    }

    fn retraction(&self) -> Vec<u8> {
        with_alert(self, |alert| alert.body(false))
    }

    fn is_passed(&self, watermark_ms: i64) -> bool {
        watermark_ms >= self.end_ms
    }

    fn frozen_ms(&self, windows: &Windows) -> i64 {
        windows.frozen_ms(self.end_ms)
    }
}

fn with_alert<T>(bounce: &Bounce, make: impl Fn(&Alert<'_>) -> T) -> T {
    let Bounce { end_ms, user } = bounce;
    make(&bounce_alert(user, &bounce_description(user), end_ms - ALERT_PANE_MS, *end_ms))
}

/// What stood under a key, and what is to stand there.
struct Waiting<I> {
    was: Option<I>,
    now: Option<I>,
}

/// Publishes items from updates of the collection of those that stand.
pub fn publish_items<'s, I: Item>(
    items: Stream<'s, Epoch, Vec<(I, Epoch, isize)>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    windows: Windows,
    output: Output,
    name: &str,
) -> Stream<'s, Epoch, Vec<Change>> {
    let mut waiting: BTreeMap<Vec<u8>, Waiting<I>> = BTreeMap::new();
    by_epoch((items, Pipeline), ticks, name, move |_, tick, mut updates, changes| {
        differential_dataflow::consolidation::consolidate_updates(&mut updates);
        // What goes comes before what comes: then each key's end is what stands.
        updates.sort_by_key(|(_, _, diff)| *diff);
        let mut passed = Vec::new();
        for (item, _, diff) in updates {
            let key = item.key();
            let entry =
                waiting.entry(key.clone()).or_insert_with(|| Waiting { was: None, now: None });
            if diff < 0 {
                // What was never told needs no taking back.
                if entry.now.take().is_none() {
                    entry.was = Some(item);
                }
            } else {
                if !item.is_passed(tick.before_ms) {
                    passed.push(key);
                }
                entry.now = Some(item);
            }
        }
        for key in passed {
            let Some(w) = waiting.remove(&key) else {
                continue;
            };
            changes.extend(change(key, &w, State::Final, output));
        }
        waiting.retain(|key, w| {
            let frozen_ms =
                w.was.iter().chain(&w.now).map(|i| i.frozen_ms(&windows)).max().unwrap_or(0);
            let due = tick.corrections || frozen_ms <= tick.watermark_ms;
            if due {
                changes.extend(change(key.clone(), w, State::Corrected, output));
            }
            !due
        });
    })
}

/// The change of a key, if what stands under it changes.
fn change<I: Item>(key: Vec<u8>, w: &Waiting<I>, state: State, output: Output) -> Option<Change> {
    if w.was == w.now {
        return None;
    }
    let digest = |item: &Option<I>| {
        let item = item.as_ref().filter(|_| output.digests)?;
        Some(final_digest(I::TOPIC, &item.body()))
    };
    let (state, body) = match (&w.now, &w.was) {
        (Some(now), _) => (state, now.body()),
        (None, Some(was)) => (State::Retracted, was.retraction()),
        (None, None) => return None,
    };
    let now = w.now.as_ref().filter(|_| output.digests).map(|_| final_digest(I::TOPIC, &body));
    let was = digest(&w.was);
    Some(Change { topic: I::TOPIC, key, state, body, was, now, replaces: w.was.is_some() })
}
