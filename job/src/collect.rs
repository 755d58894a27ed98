//! The end of the dataflow: all changes of an epoch, from all workers, in one
//! order, on one worker.

use crate::epochs::by_epoch;
use crate::time::{Epoch, Tick};
use streamgauge_sink::change::Change;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Exchange;

/// All that an epoch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochChanges {
    /// The epoch.
    pub epoch: Epoch,
    /// The global watermark it is bound to, ms.
    pub watermark_ms: i64,
    /// Its changes, ordered by topic and key; one per key.
    pub changes: Vec<Change>,
}

/// Hands every epoch to the first worker's `each`, in order, also one without
/// changes; the other workers have none. Returns a stream whose frontier tells what
/// was handed over.
pub fn collect<'s>(
    changes: Stream<'s, Epoch, Vec<Change>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    mut each: Option<impl FnMut(EpochChanges) + 'static>,
) -> Stream<'s, Epoch, Vec<()>> {
    let to_first = Exchange::new(|_: &Change| 0);
    by_epoch((changes, to_first), ticks, "collect", move |epoch, tick, mut changes, _| {
        if let Some(each) = &mut each {
            changes.sort_unstable_by(|a, b| (a.topic, &a.key).cmp(&(b.topic, &b.key)));
            each(EpochChanges { epoch, watermark_ms: tick.watermark_ms, changes });
        }
    })
}
