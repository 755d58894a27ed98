//! Splitting decoded rows by worker, so that what is exchanged is a few batches
//! and not single events.

use crate::time::Epoch;
use std::sync::Arc;
use streamgauge_ingest::batch::{EventBatch, Row};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

/// Cuts each batch into one per worker that has rows in it. All rows of a user
/// go to one worker.
pub fn by_user<'s>(
    batches: Stream<'s, Epoch, Vec<EventBatch>>,
    workers: usize,
) -> Stream<'s, Epoch, Vec<EventBatch>> {
    batches.unary::<CapacityContainerBuilder<Vec<EventBatch>>, _, _, _>(
        Pipeline,
        "route by user",
        move |_, _| {
            move |input, output| {
                input.for_each(|capability, batches| {
                    let mut session = output.session(&capability);
                    for batch in batches.drain(..) {
                        split(batch, workers, |part| session.give(part));
                    }
                });
            }
        },
    )
}

fn split(batch: EventBatch, workers: usize, mut give: impl FnMut(EventBatch)) {
    if workers == 1 {
        give(batch);
        return;
    }
    let mut parts: Vec<Vec<Row>> = vec![Vec::new(); workers];
    let workers = workers as u64;
    for row in batch.rows {
        let target = usize::try_from(row.user_hash % workers).unwrap_or(0);
        parts[target].push(row);
    }
    for (target, rows) in (0..workers).zip(parts) {
        if !rows.is_empty() {
            give(EventBatch { target, rows, texts: Arc::clone(&batch.texts) });
        }
    }
}
