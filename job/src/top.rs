//! Top lists and percentiles of business windows, from the arranged rows of panes.
//!
//! For every window that is due — it closes, a provisional one is asked for, or
//! a late record has changed it — the rows of its six panes that this worker
//! holds are added up, and the first places go out as this worker's part. The
//! parts of all workers are joined where the window is published: a value lives on
//! one worker, so the first places overall are among the first places of each.
//!
//! Beyond the arrangement the operator remembers only which windows have
//! something to say and have not said it yet.

use crate::epochs::TickInbox;
use crate::expiry::{ForgettingSpine, Rows, forget_until};
use crate::rows::{List, ListDiff, ListKey, Name, PANES};
use crate::time::{Epoch, Tick};
use crate::window::{BUSINESS_WINDOW_MS, Windows};
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::TraceReader;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::rc::Rc;
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::lateness::{BUSINESS_PANE_MS, slice_end_ms};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::progress::{Antichain, frontier::AntichainRef};

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
    /// Load times in ascending order, and how often each was seen.
    LoadTimes(Vec<(i64, i64)>),
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
        _ => 20,
    }
}

/// The order of places: most views first, ties by name.
#[must_use]
pub fn place_order(a: &Counted, b: &Counted) -> std::cmp::Ordering {
    b.views.cmp(&a.views).then_with(|| a.name.cmp(&b.name))
}

/// Where the rows of a value are arranged. Load times are few, and are kept
/// together: percentiles need all of them.
#[must_use]
pub fn list_route(key: &ListKey) -> u64 {
    match key.list {
        List::By(_) => key.hash >> 16,
        List::LoadTimes => 0,
    }
}

type Batch = Rc<Rows<ListKey, ListDiff>>;

/// Emits this worker's parts of the windows that are due.
pub fn top_lists<'s>(
    rows: Arranged<'s, TraceAgent<ForgettingSpine<ListKey, ListDiff>>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    windows: Windows,
    worker: usize,
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
        let mut changed = Changed::new(windows);
        move |frontiers| {
            batch_input.for_each_stamp(|_, spans| {
                for span in spans.flat_map(|batch| batch.drain(..)) {
                    changed.arrived.extend(span.inner);
                }
            });
            ticks.receive(&mut tick_input);
            while let Some((epoch, tick, [capability])) = ticks.next_complete(frontiers) {
                let due = changed.due(epoch, tick);
                if !due.is_empty() {
                    let mut batches: Vec<Batch> = Vec::new();
                    trace.map_spans(|span| batches.extend(span.inner.clone()));
                    let mut handle = out.activate();
                    let mut session = handle.session(&capability);
                    for window_end_ms in due {
                        let scan = Scan { epoch, windows, window_end_ms, worker };
                        scan.parts(&batches, |part| session.give(part));
                    }
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

/// Windows whose rows have changed since they were last told.
struct Changed {
    windows: Windows,
    /// Batches with rows that were not looked at yet: one can hold several epochs.
    arrived: Vec<Batch>,
    /// Ends of windows that the watermark has not passed.
    open: BTreeSet<i64>,
    /// Ends of windows that it has.
    closed: BTreeSet<i64>,
}

impl Changed {
    fn new(windows: Windows) -> Self {
        Self { windows, arrived: Vec::new(), open: BTreeSet::new(), closed: BTreeSet::new() }
    }

    /// Notes the windows changed in `epoch`, and takes those that are due.
    fn due(&mut self, epoch: Epoch, tick: Tick) -> Vec<i64> {
        self.note(epoch, tick);
        let mut due = Vec::new();
        let later = self.open.split_off(&tick.watermark_ms.saturating_add(1));
        due.extend(std::mem::replace(&mut self.open, later));
        if tick.elsewhere && tick.watermark_ms < i64::MAX - BUSINESS_WINDOW_MS {
            let ahead_ms = tick.watermark_ms.saturating_add(self.windows.allowed_disorder_ms);
            let current = slice_end_ms(ahead_ms, BUSINESS_PANE_MS);
            due.extend(self.open.contains(&current).then_some(current));
        }
        // What is frozen in this epoch must be told before it is forgotten.
        let windows = self.windows;
        let corrections = tick.corrections;
        self.closed.retain(|end_ms| {
            let is_due = corrections || windows.frozen_ms(*end_ms) <= tick.watermark_ms;
            if is_due {
                due.push(*end_ms);
            }
            !is_due
        });
        due
    }

    fn note(&mut self, epoch: Epoch, tick: Tick) {
        let windows = self.windows;
        let (open, closed) = (&mut self.open, &mut self.closed);
        self.arrived.retain(|batch| {
            let mut later = false;
            let mut last_ms = i64::MIN;
            for (key, at, _) in &batch.rows {
                later |= *at > epoch;
                let pane_end_ms = pane_end_ms(windows, key);
                if *at != epoch || pane_end_ms == last_ms {
                    continue;
                }
                last_ms = pane_end_ms;
                for j in (0..).take(PANES) {
                    let end_ms = pane_end_ms + j * BUSINESS_PANE_MS;
                    let set = if tick.was_closed(end_ms) { &mut *closed } else { &mut *open };
                    set.insert(end_ms);
                }
            }
            later
        });
    }
}

/// The pane of a row.
fn pane_end_ms(windows: Windows, key: &ListKey) -> i64 {
    key.expires_ms - windows.business_pane_expires_ms(0)
}

/// Adds up one window as of an epoch.
struct Scan {
    epoch: Epoch,
    windows: Windows,
    window_end_ms: i64,
    worker: usize,
}

/// A value of a list, summed over panes.
struct Sum<'a> {
    hash: u64,
    name: Option<&'a Name>,
    views: i64,
    users: i64,
}

/// The values of a list, found by the hash that their rows carry.
#[derive(Default)]
struct Sums<'a>(HashTable<Sum<'a>>);

impl<'a> Sums<'a> {
    fn at(&mut self, key: &'a ListKey) -> &mut Sum<'a> {
        let (hash, name) = (key.hash, key.name.as_ref());
        let same = |s: &Sum<'_>| s.hash == hash && s.name == name;
        let new = || Sum { hash, name, views: 0, users: 0 };
        self.0.entry(spread(hash), same, |s| spread(s.hash)).or_insert_with(new).into_mut()
    }
}

/// Load times stand for their own hash, and are small numbers.
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Scan {
    fn parts(&self, batches: &[Batch], mut give: impl FnMut(Part)) {
        let mut sums: [Sums<'_>; List::ALL.len()] = Default::default();
        for (j, back) in (0..PANES).zip(0..) {
            let pane_end_ms = self.window_end_ms - back * BUSINESS_PANE_MS;
            let expires_ms = self.windows.business_pane_expires_ms(pane_end_ms);
            for batch in batches {
                let from = batch.rows.partition_point(|row| row.0.expires_ms < expires_ms);
                let rows = batch.rows[from..].iter().take_while(|r| r.0.expires_ms == expires_ms);
                for (key, _, diff) in rows.filter(|row| row.1 <= self.epoch) {
                    let sum = sums[list_index(key.list)].at(key);
                    sum.views += diff.views;
                    sum.users += i64::from(diff.users[j]);
                }
            }
        }
        for (list, sums) in List::ALL.into_iter().zip(sums) {
            if sums.0.is_empty() {
                continue;
            }
            let content = match list {
                List::LoadTimes => load_times(sums),
                List::By(_) => first_places(list, sums),
            };
            let (window_end_ms, worker) = (self.window_end_ms, self.worker);
            give(Part { window_end_ms, list, worker, content });
        }
    }
}

fn list_index(list: List) -> usize {
    match list {
        List::By(dimension) => dimension as usize,
        List::LoadTimes => Dimension::ALL.len(),
    }
}

fn load_times(sums: Sums<'_>) -> PartContent {
    let mut times: Vec<_> = sums.0.into_iter().map(|s| (s.hash.cast_signed(), s.views)).collect();
    times.sort_unstable();
    PartContent::LoadTimes(times)
}

fn first_places(list: List, sums: Sums<'_>) -> PartContent {
    let mut rows: Vec<Sum<'_>> = sums.0.into_iter().filter(|s| s.views > 0).collect();
    let views = rows.iter().map(|s| s.views).sum();
    let order = |a: &Sum<'_>, b: &Sum<'_>| b.views.cmp(&a.views).then_with(|| a.name.cmp(&b.name));
    let most = places(list);
    if rows.len() > most {
        rows.select_nth_unstable_by(most - 1, order);
        rows.truncate(most);
    }
    rows.sort_unstable_by(order);
    let counted =
        |s: Sum<'_>| Some(Counted { name: s.name?.clone(), views: s.views, users: s.users });
    PartContent::Places { views, first: rows.into_iter().filter_map(counted).collect() }
}
