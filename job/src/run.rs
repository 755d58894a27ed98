//! Running the dataflow: workers, and how epochs reach them.
//!
//! Each worker has a bounded feed. Rows of an epoch may come in at any worker,
//! its close comes to all of them. A worker takes no more from its feed while
//! the dataflow is too many epochs behind, so a slow dataflow slows the source.

use crate::collect::EpochChanges;
use crate::dataflow::{self, Durable, Place, Settings};
use crate::time::{Epoch, Tick};
use crate::user::Held;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::Thread;
use std::time::Duration;
use streamgauge_ingest::batch::EventBatch;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

/// Messages that may wait in the feed of a worker.
const FEED_MESSAGES: usize = 16;
/// Epochs that a worker may be given before the first of them is done.
const EPOCHS_IN_FLIGHT: usize = 8;
/// How long an idle worker sleeps unless it is woken, by its feed or another worker.
const PARK: Duration = Duration::from_millis(100);

/// What comes to a worker.
#[derive(Debug)]
pub enum Feed {
    /// Rows of an epoch that is not closed yet.
    Rows(Epoch, EventBatch),
    /// The epoch is closed.
    Close(Epoch, Tick),
}

/// The feeds of all workers, from the source's side.
pub struct Feeder {
    feeds: Vec<Sender<Feed>>,
    threads: Arc<Mutex<Vec<Option<Thread>>>>,
    turn: usize,
}

impl Feeder {
    /// Gives rows to one of the workers, in turn. False if the job has ended.
    pub fn rows(&mut self, epoch: Epoch, batch: EventBatch) -> bool {
        self.turn = (self.turn + 1) % self.feeds.len();
        self.send(self.turn, Feed::Rows(epoch, batch))
    }

    /// Whether one or two epochs can be given without waiting for anybody.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.feeds.iter().all(|feed| feed.len() + 4 <= FEED_MESSAGES)
    }

    /// Closes an epoch on all workers. False if the job has ended.
    pub fn close(&mut self, epoch: Epoch, tick: Tick) -> bool {
        (0..self.feeds.len()).all(|worker| self.send(worker, Feed::Close(epoch, tick)))
    }

    fn send(&self, worker: usize, feed: Feed) -> bool {
        if self.feeds[worker].send(feed).is_err() {
            return false;
        }
        let threads = self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(thread) = &threads[worker] {
            thread.unpark();
        }
        true
    }
}

/// What runs the workers of this process.
pub struct Workers<D, E, H> {
    /// How many.
    pub workers: usize,
    /// What each of them, by its index, goes on from and where its parts of
    /// checkpoints go.
    pub durable: D,
    /// Gets the changes of every epoch in order.
    pub each: E,
    /// Is told by each worker after each epoch what it holds.
    pub held: H,
}

/// Runs the dataflow on threads of this process until the feed that `source` is given
/// ends; returns what `source` returns.
///
/// # Panics
/// If a worker cannot be started or panics.
pub fn run<R, D, E, H>(
    settings: &Settings,
    workers: Workers<D, E, H>,
    source: impl FnOnce(Feeder) -> R,
) -> R
where
    D: Fn(usize) -> Durable + Send + Sync + 'static,
    E: FnMut(EpochChanges) + Send + 'static,
    H: Fn(usize, Held) + Send + Sync + 'static,
{
    let Workers { workers, durable, each, held } = workers;
    let (feeder, feeds) = feeds(workers);
    let feeds: Vec<_> = feeds.into_iter().map(|feed| Mutex::new(Some(feed))).collect();
    let threads = Arc::clone(&feeder.threads);
    let each = Mutex::new(Some(each));
    let (held, settings) = (Arc::new(held), settings.clone());
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let index = worker.index();
        let lock = || threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lock()[index] = Some(std::thread::current());
        let feed = feeds[index].lock().ok().and_then(|mut feed| feed.take());
        let feed = feed.expect("each worker takes its own feed, once");
        // Only the first worker collects.
        let each = (index == 0).then(|| each.lock().ok().and_then(|mut e| e.take())).flatten();
        let held = Arc::clone(&held);
        let mut work =
            Work::new(worker, &settings, durable(index), feed, each, move |h| held(index, h));
        loop {
            match work.turn(worker) {
                Turn::Worked => {}
                Turn::Idle => drop(worker.step_or_park(Some(PARK))),
                Turn::Ended => break,
            }
        }
    })
    .expect("workers of this process can be started");
    let result = source(feeder);
    for worker in guards.join() {
        worker.expect("no worker panics");
    }
    result
}

/// Feeds for so many workers: the source's side, and theirs.
#[must_use]
pub fn feeds(workers: usize) -> (Feeder, Vec<Receiver<Feed>>) {
    let (feeds, receivers) = (0..workers).map(|_| bounded(FEED_MESSAGES)).unzip();
    let threads = Arc::new(Mutex::new(vec![None; workers]));
    (Feeder { feeds, threads, turn: 0 }, receivers)
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something came in.
    Worked,
    /// Nothing came in, or nothing more is taken for now: the worker may sleep.
    Idle,
    /// The feed has ended and everything is done.
    Ended,
}

/// A worker at its work: a dataflow and the feed of it.
pub struct Work {
    batches: Option<InputHandle<Epoch, CapacityContainerBuilder<Vec<EventBatch>>>>,
    ticks: Option<InputHandle<Epoch, CapacityContainerBuilder<Vec<Tick>>>>,
    probe: ProbeHandle<Epoch>,
    feed: Receiver<Feed>,
    /// Epochs that were closed and are perhaps not done.
    in_flight: VecDeque<Epoch>,
}

impl Work {
    /// Builds the dataflow on a worker. `each` is for the first one alone.
    pub fn new(
        worker: &mut Worker,
        settings: &Settings,
        durable: Durable,
        feed: Receiver<Feed>,
        each: Option<impl FnMut(EpochChanges) + 'static>,
        held: impl FnMut(Held) + 'static,
    ) -> Self {
        let place = Place { worker: worker.index(), workers: worker.peers() };
        let (mut batches, mut ticks) = (InputHandle::new(), InputHandle::new());
        let probe = worker.dataflow(|scope| {
            let batches = batches.to_stream(scope);
            let ticks = ticks.to_stream(scope);
            dataflow::build(batches, ticks, settings, place, durable, held, each)
        });
        Self { batches: Some(batches), ticks: Some(ticks), probe, feed, in_flight: VecDeque::new() }
    }

    /// Takes the next message of the feed, if it is time for it.
    pub fn turn(&mut self, worker: &mut Worker) -> Turn {
        let (Some(batches), Some(ticks)) = (&mut self.batches, &mut self.ticks) else {
            worker.step();
            return if self.probe.done() { Turn::Ended } else { Turn::Idle };
        };
        while self.in_flight.front().is_some_and(|epoch| !self.probe.less_equal(epoch)) {
            self.in_flight.pop_front();
        }
        if self.in_flight.len() >= EPOCHS_IN_FLIGHT {
            return Turn::Idle;
        }
        match self.feed.try_recv() {
            Ok(Feed::Rows(epoch, batch)) => {
                batches.advance_to(epoch);
                batches.send(batch);
                Turn::Worked
            }
            Ok(Feed::Close(epoch, tick)) => {
                ticks.advance_to(epoch);
                ticks.send(tick);
                batches.advance_to(epoch + 1);
                ticks.advance_to(epoch + 1);
                self.in_flight.push_back(epoch);
                worker.step();
                Turn::Worked
            }
            Err(TryRecvError::Empty) => Turn::Idle,
            Err(TryRecvError::Disconnected) => {
                (self.batches, self.ticks) = (None, None);
                Turn::Worked
            }
        }
    }
}
