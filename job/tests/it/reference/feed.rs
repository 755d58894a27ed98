//! Running a case: the same events and ticks for operator and reference, in one
//! dataflow.

use super::Collection;
use super::case::{Case, EpochInput};
use super::event::Event;
use differential_dataflow::input::InputSession;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use streamgauge::dataflow::Place;
use streamgauge::time::{Epoch, Tick};
use streamgauge_ingest::batch::EventBatch;
use timely::dataflow::operators::Inspect;
use timely::dataflow::{InputHandle, ProbeHandle, Scope, Stream};
use timely::worker::Worker;

/// What a dataflow under test is built from.
pub(super) struct Inputs<'s> {
    pub(super) scope: Scope<'s, Epoch>,
    pub(super) place: Place,
    /// As the operators get them.
    pub(super) batches: Stream<'s, Epoch, Vec<EventBatch>>,
    /// On every worker.
    pub(super) ticks: Stream<'s, Epoch, Vec<Tick>>,
    /// All events so far.
    pub(super) events: Collection<'s, Event>,
    /// The tick of the epoch, and no other.
    pub(super) clock: Collection<'s, Tick>,
}

/// Data collected from all workers.
pub(super) struct Gathered<D>(Arc<Mutex<Vec<D>>>);

impl<D> Clone for Gathered<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<D> Default for Gathered<D> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<D: Clone + Send + 'static> Gathered<D> {
    /// Adds one.
    pub(super) fn push(&self, datum: D) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(datum);
    }

    /// Adds all that a stream carries.
    pub(super) fn all_of<E: Clone + 'static>(
        &self,
        stream: Stream<'_, Epoch, Vec<E>>,
        map: impl Fn(&E) -> D + 'static,
    ) {
        let all = self.clone();
        stream.inspect(move |datum| all.push(map(datum)));
    }

    /// Takes what was added.
    pub(super) fn take(&self) -> Vec<D> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Builds a dataflow on every worker, feeds it with the case and runs it to its end.
///
/// Epochs are fed as the case says, ahead of what is done; but if a probe is
/// given, none before the one before it is done.
pub(super) fn run(
    case: &Case,
    build: impl Fn(Inputs<'_>) -> Option<ProbeHandle<Epoch>> + Send + Sync + 'static,
) {
    let (workers, epochs) = (case.workers, case.epochs.clone());
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        work(worker, &epochs, &build);
    });
    for result in guards.expect("workers start").join() {
        result.expect("no worker panics");
    }
}

fn work(
    worker: &mut Worker,
    epochs: &[EpochInput],
    build: &impl Fn(Inputs<'_>) -> Option<ProbeHandle<Epoch>>,
) {
    let place = Place { worker: worker.index(), workers: worker.peers() };
    let (mut batches, mut ticks) = (InputHandle::new(), InputHandle::new());
    let (mut events, mut clock) = (InputSession::new(), InputSession::new());
    let probe = worker.dataflow(|scope| {
        build(Inputs {
            scope,
            place,
            batches: batches.to_stream(scope),
            ticks: ticks.to_stream(scope),
            events: events.to_collection(scope),
            clock: clock.to_collection(scope),
        })
    });
    let mut shown = None;
    for input in epochs {
        batches.advance_to(input.epoch);
        ticks.advance_to(input.epoch);
        events.advance_to(input.epoch);
        clock.advance_to(input.epoch);
        while probe.as_ref().is_some_and(|probe| probe.less_than(&input.epoch)) {
            worker.step_or_park(Some(Duration::from_millis(1)));
        }
        for (_, batch) in input.batches.iter().filter(|(at, _)| *at == place.worker) {
            Event::all_of(batch).for_each(|event| events.insert(event));
            batches.send(batch.clone());
        }
        ticks.send(input.tick);
        if place.worker == 0 {
            if let Some(before) = shown.replace(input.tick) {
                clock.remove(before);
            }
            clock.insert(input.tick);
        }
        batches.flush();
        ticks.flush();
        events.flush();
        clock.flush();
        for _ in 0..input.turns {
            worker.step();
        }
    }
}
