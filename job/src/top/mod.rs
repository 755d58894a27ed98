//! Top lists, percentiles and counts of sliding windows, from the arranged rows of
//! their panes.
//!
//! For every window that is due — it closes, a provisional one is asked for, or
//! a late record has changed it — the rows of its panes that this worker
//! holds are added up, and the first places go out as this worker's part. The
//! parts of all workers are joined where the window is published: a value lives on
//! one worker, so the first places overall are among the first places of each.
//!
//! Beyond the arrangement the operator remembers which windows have something to
//! say and have not said it yet, and the sums of a few that late records keep
//! changing.

mod due;
mod sums;
mod unsaved;

use crate::checkpoint::Parts;
use crate::epochs::TickInbox;
use crate::expiry::{ForgettingSpine, Rows, forget_until};
use crate::rows::{List, ListDiff, ListKey, Name};
use crate::time::{Epoch, Tick};
use crate::window::{Sliding, Windows};
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::TraceReader;
use due::{Changed, note};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use streamgauge_ingest::batch::Dimension;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::{Antichain, frontier::AntichainRef};
use unsaved::Unsaved;

/// One value's row in a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Counted {
    /// The value.
    pub name: Name,
    /// Page views.
    pub views: i64,
    /// Distinct users.
    pub users: i64,
}

/// What one worker knows of a list in a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PartContent {
    /// All page views, and the first places.
    Places {
        /// Page views of all values.
        views: i64,
        /// First places: most views first, then by name.
        first: Vec<Counted>,
    },
    /// Numbers in ascending order, and how often each was seen.
    Numbers(Vec<(u64, i64)>),
}

/// One worker's part of a list in a window; it replaces the part before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// End of the window, ms.
    pub window_end_ms: i64,
    /// The list.
    pub list: List,
    /// The worker.
    pub worker: usize,
    /// What it knows.
    pub content: PartContent,
}

/// Places of a list that are published.
#[must_use]
pub fn places(list: List) -> usize {
    match list {
        List::By(Dimension::Country) => 300,
        List::Transitions | List::Day(_) => 50,
        _ => 20,
    }
}

/// The order of places, of views and name: most views first, ties by name.
#[must_use]
pub fn place_order<N: Ord>(a: (i64, N), b: (i64, N)) -> std::cmp::Ordering {
    b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1))
}

/// Where the rows of a value are arranged. Numbers are few, and are kept together.
#[must_use]
pub fn list_route(key: &ListKey) -> u64 {
    if key.list.is_of_numbers() { 0 } else { key.hash >> 16 }
}

type Batch = Rc<Rows<ListKey, ListDiff>>;

/// Emits this worker's parts of the windows that are due. With `parts_out`, rows go
/// into checkpoints.
pub fn top_lists<'s>(
    rows: Arranged<'s, TraceAgent<ForgettingSpine<ListKey, ListDiff>>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    windows: Windows,
    worker: usize,
    parts_out: Option<Parts>,
) -> Stream<'s, Epoch, Vec<Part>> {
    let mut trace = rows.trace;
    let mut builder = OperatorBuilder::new("top lists".to_owned(), ticks.scope());
    let mut batch_input = builder.new_input(rows.stream, Pipeline);
    let mut tick_input = builder.new_input(ticks, Pipeline);
    let (out, parts) = builder.new_output();
    let mut out = OutputBuilder::<Epoch, CapacityContainerBuilder<Vec<Part>>>::from(out);
    builder.build(move |initial| {
        drop(initial);
        let mut ticks = TickInbox::<1>::default();
        let mut arrived: Vec<Batch> = Vec::new();
        let mut changed = Sliding::ALL.map(|kind| Changed::new(kind, windows));
        let mut unsaved = parts_out.map(Unsaved::new);
        move |frontiers| {
            batch_input.for_each_stamp(|_, spans| {
                for span in spans.flat_map(|batch| batch.drain(..)) {
                    if let Some(unsaved) = &mut unsaved {
                        unsaved.arrived(span.inner.as_ref());
                    }
                    arrived.extend(span.inner);
                }
            });
            ticks.receive(&mut tick_input);
            while let Some((epoch, tick, [capability])) = ticks.next_complete(frontiers) {
                note(&mut arrived, &mut changed, epoch, tick);
                for changed in &mut changed {
                    let due = changed.due(tick);
                    if !due.is_empty() {
                        let mut batches: Vec<Batch> = Vec::new();
                        trace.map_spans(|span| batches.extend(span.inner.clone()));
                        let mut handle = out.activate();
                        let mut session = handle.session(&capability);
                        changed.tell(epoch, due, &batches, |window_end_ms, (list, content)| {
                            session.give(Part { window_end_ms, list, worker, content });
                        });
                    }
                    changed.forget(tick);
                }
                if let Some(unsaved) = &mut unsaved {
                    unsaved.epoch(epoch, tick, || {
                        let mut batches = Vec::new();
                        trace.map_spans(|span| batches.extend(span.inner.clone()));
                        batches
                    });
                }
                forget_until::<ListKey>(tick.watermark_ms);
                let done = Antichain::from_elem(epoch + 1);
                trace.set_logical_compaction(done.borrow());
                trace.set_physical_compaction(AntichainRef::new(&[]));
            }
        }
    });
    parts
}
