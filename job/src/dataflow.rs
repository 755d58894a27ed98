//! The dataflow, as its diagram:
//!
//! ```text
//! batches -> route by user -> state per user -+-> tallies --(+ session tallies)--> counts ----+
//! ticks  ---(to all)---                       +-> list rows --(+ hour rows)--> top lists -----+-> publish windows -+
//!                                             +-> sessions -+-> publish sessions ----------------------------------+-> collect
//!                                             |             +-> session tallies, hour rows                         |
//!                                             +-> bounces ----> publish alerts ------------------------------------+
//! ```

use crate::alert::{AlertRule, Held as HeldRuns, beyond, is_of_worker, thresholds};
use crate::checkpoint::Parts;
use crate::collect::{EpochChanges, collect};
use crate::expiry::Update;
use crate::expiry::arrange;
use crate::funnel::Funnel;
use crate::hour::hour_rows;
use crate::publish::{Output, publish_items, publish_windows, tally_route};
use crate::route::by_user;
use crate::rows::{ListDiff, ListKey, Tally, TallyKey};
use crate::session::{Rules, session_records, session_tallies};
use crate::time::{Epoch, Tick};
use crate::top::{list_route, top_lists};
use crate::user::{Held, State, state_per_user};
use crate::window::Windows;
use differential_dataflow::operators::CountTotal;
use std::rc::Rc;
use std::sync::Arc;
use streamgauge_ingest::batch::EventBatch;
use timely::dataflow::operators::vec::{Map as _, ToStream};
use timely::dataflow::operators::{Concat, Concatenate, Probe};
use timely::dataflow::{ProbeHandle, Scope, Stream};

/// What the dataflow is built from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where windows lie and how long they live.
    pub windows: Windows,
    /// The funnels, in the order of their names' bytes.
    pub funnels: Vec<Funnel>,
    /// The configured rules, in the order of their names' bytes.
    pub alerts: Vec<Arc<AlertRule>>,
    /// What is published.
    pub output: Output,
}

/// Where this worker is among the others.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its index.
    pub worker: usize,
    /// How many there are.
    pub workers: usize,
}

/// What goes beyond the life of a worker.
#[derive(Default)]
pub struct Durable {
    /// What it goes on from.
    pub restored: Option<Restored>,
    /// Where its parts of checkpoints go.
    pub parts: Option<Parts>,
}

/// What a worker goes on from: its share of a checkpoint.
pub struct Restored {
    /// The epoch of the checkpoint.
    pub epoch: Epoch,
    /// The users of this worker.
    pub state: Box<dyn FnOnce(&mut State)>,
    /// Any share of the counts of windows; they find their workers.
    pub tallies: Vec<(TallyKey, Tally)>,
    /// Any share of the rows of lists.
    pub lists: Vec<(ListKey, ListDiff)>,
    /// What all workers held of threshold rules.
    pub runs: Vec<HeldRuns>,
}

/// Builds the dataflow on one worker. Every worker must be given the tick of
/// every epoch; batches may come in at any of them.
///
/// `each`, which the first worker alone is given, gets the changes of every epoch in
/// order; `held` is told after each epoch what this worker holds. The probe tells
/// what is done.
pub fn build<'s>(
    batches: Stream<'s, Epoch, Vec<EventBatch>>,
    ticks: Stream<'s, Epoch, Vec<Tick>>,
    settings: &Settings,
    Place { worker, workers }: Place,
    durable: Durable,
    held: impl FnMut(Held) + 'static,
    each: Option<impl FnMut(EpochChanges) + 'static>,
) -> ProbeHandle<Epoch> {
    let (windows, output) = (settings.windows, settings.output);
    let scope = ticks.scope();
    let funnels: Rc<[Funnel]> = Rc::from(settings.funnels.as_slice());
    let rules = Rules { funnels: Rc::clone(&funnels) };

    let alerts: Rc<[Arc<AlertRule>]> = Rc::from(settings.alerts.as_slice());

    let Durable { mut restored, parts: saved } = durable;
    let mut runs = restored.as_mut().map(|r| std::mem::take(&mut r.runs)).unwrap_or_default();
    runs.retain(|held| is_of_worker(held, worker, workers));
    let state = State::new(rules, Rc::clone(&alerts), windows);
    let (state, old_tallies, old_lists) = restore(scope, state, restored);

    let routed = by_user(batches, workers);
    let users = state_per_user(routed, ticks.clone(), state, saved.clone(), held);

    let tallies = users.tallies.concat(session_tallies(users.sessions.clone(), windows));
    let tallies = tallies.concat(old_tallies);
    let counts = arrange(tallies, "tallies", tally_route).count_total().inner;
    let rows = users.lists.concat(hour_rows(users.sessions.clone(), windows)).concat(old_lists);
    let rows = arrange(rows, "list rows", list_route);
    let parts = top_lists(rows, ticks.clone(), windows, worker, saved.clone());

    let told = (windows, output, funnels);
    let told = publish_windows(counts, parts, ticks.clone(), told, saved.clone());
    let beyond = beyond(told.clone(), Rc::clone(&alerts));
    let changes = scope.concatenate([
        told.map(|told| told.change),
        thresholds(beyond, ticks.clone(), (alerts, windows, output), runs, saved),
        publish_items(
            session_records(users.sessions),
            ticks.clone(),
            windows,
            output,
            "publish sessions",
        ),
        publish_items(users.bounces, ticks.clone(), windows, output, "publish bounces"),
        publish_items(users.sequences, ticks.clone(), windows, output, "publish sequences"),
    ]);
    collect(changes, ticks, each).probe().0
}

/// Updates of tallies and of list rows.
type Updates<'s, K, R> = Stream<'s, Epoch, Vec<Update<K, R>>>;

/// The state to begin with, and what the arrangements begin with.
fn restore<'s>(
    scope: Scope<'s, Epoch>,
    mut state: State,
    restored: Option<Restored>,
) -> (State, Updates<'s, TallyKey, Tally>, Updates<'s, ListKey, ListDiff>) {
    let (mut tallies, mut lists) = (Vec::new(), Vec::new());
    if let Some(Restored { epoch, state: load, tallies: old_tallies, lists: old_lists, .. }) =
        restored
    {
        load(&mut state);
        tallies.extend(old_tallies.into_iter().map(|(key, tally)| ((key, ()), epoch, tally)));
        lists.extend(old_lists.into_iter().map(|(key, diff)| ((key, ()), epoch, diff)));
    }
    (state, tallies.to_stream(scope), lists.to_stream(scope))
}

/// The horizons of the forgetting arrangements in this thread: what they were
/// told to forget until, ms.
#[must_use]
pub fn horizons_ms() -> [i64; 2] {
    use crate::expiry::Expiring;
    [TallyKey::horizon().with(std::cell::Cell::get), ListKey::horizon().with(std::cell::Cell::get)]
}
