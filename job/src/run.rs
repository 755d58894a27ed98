//! Running the dataflow: workers, and how epochs reach them.
//!
//! Each worker has a bounded feed. Rows of an epoch may come in at any worker,
//! its close comes to all of them. A worker takes no more from its feed while
//! the dataflow is too many epochs behind, so a slow dataflow slows the source.

use crate::collect::EpochChanges;
use crate::dataflow::{self, Place, Settings};
use crate::time::{Epoch, Tick};
use crate::user::Held;
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use std::sync::{Arc, Mutex};
use std::thread::Thread;
use std::time::Duration;
use streamgauge_ingest::batch::EventBatch;
use timely::dataflow::InputHandle;
use timely::worker::Worker;

/// Messages that may wait in the feed of a worker.
const FEED_MESSAGES: usize = 16;
/// Epochs that a worker may be given before the first of them is done.
const EPOCHS_IN_FLIGHT: u64 = 8;
/// How long an idle worker sleeps unless it is woken.
const PARK: Duration = Duration::from_millis(10);

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

/// Runs the dataflow on `workers` threads of this process until the feed that
/// `source` gives ends; returns what `source` returns.
///
/// `each` gets the changes of every epoch in order; `held` is told by each worker
/// after each epoch what it holds.
///
/// # Panics
/// If a worker cannot be started or panics.
pub fn run<R>(
    settings: &Settings,
    workers: usize,
    source: impl FnOnce(Feeder) -> R,
    each: impl FnMut(EpochChanges) + Send + 'static,
    held: impl Fn(usize, Held) + Send + Sync + 'static,
) -> R {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..workers).map(|_| bounded(FEED_MESSAGES)).unzip();
    let receivers: Vec<_> = receivers.into_iter().map(|r| Mutex::new(Some(r))).collect();
    let threads = Arc::new(Mutex::new(vec![None; workers]));
    let each = Mutex::new(Some(each));
    let (held, settings) = (Arc::new(held), settings.clone());
    let worker_threads = Arc::clone(&threads);
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let index = worker.index();
        let lock = || worker_threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        lock()[index] = Some(std::thread::current());
        let take = |r: &Mutex<Option<Receiver<Feed>>>| r.lock().ok().and_then(|mut r| r.take());
        let feed = take(&receivers[index]).expect("each worker takes its own feed, once");
        // Only the first worker collects.
        let each = (index == 0).then(|| each.lock().ok().and_then(|mut e| e.take())).flatten();
        let held = Arc::clone(&held);
        work(worker, &settings, &feed, each, move |h| held(index, h));
    })
    .expect("workers of this process can be started");
    let result = source(Feeder { feeds: senders, threads, turn: 0 });
    for worker in guards.join() {
        worker.expect("no worker panics");
    }
    result
}

fn work(
    worker: &mut Worker,
    settings: &Settings,
    feed: &Receiver<Feed>,
    each: Option<impl FnMut(EpochChanges) + 'static>,
    held: impl FnMut(Held) + 'static,
) {
    let place = Place { worker: worker.index(), workers: worker.peers() };
    let mut batches = InputHandle::new();
    let mut ticks = InputHandle::new();
    let probe = worker.dataflow(|scope| {
        let batches = batches.to_stream(scope);
        let ticks = ticks.to_stream(scope);
        dataflow::build(batches, ticks, settings, place, held, each)
    });
    let mut next: Epoch = 0;
    let mut open = true;
    while open {
        if probe.less_than(&next.saturating_sub(EPOCHS_IN_FLIGHT)) {
            worker.step_or_park(Some(PARK));
            continue;
        }
        match feed.try_recv() {
            Ok(Feed::Rows(epoch, batch)) => {
                debug_assert!(epoch >= next, "rows of a closed epoch");
                batches.send(batch);
            }
            Ok(Feed::Close(epoch, tick)) => {
                ticks.send(tick);
                next = epoch + 1;
                batches.advance_to(next);
                ticks.advance_to(next);
                worker.step();
            }
            Err(TryRecvError::Empty) => {
                worker.step_or_park(Some(PARK));
            }
            Err(TryRecvError::Disconnected) => open = false,
        }
    }
    drop((batches, ticks));
    while !probe.done() {
        worker.step_or_park(Some(PARK));
    }
}
