//! Running the dataflow: workers, and how epochs reach them.
//!
//! Each worker of this process has a bounded feed. Rows of an epoch may come in at any
//! worker, its close comes to all of them. A worker takes no more from its feed while
//! the dataflow is too many epochs behind, so a slow dataflow slows the source.
//!
//! Where there are several processes, only the first is fed; see [`Links`].

mod links;
mod mail;
mod work;

pub use links::Links;
pub(crate) use mail::as_bytes;
pub use work::{Away, Turn, Work};

use crate::collect::EpochChanges;
use crate::dataflow::{Durable, Settings};
use crate::time::{Epoch, Tick};
use crate::user::Held;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::Duration;
use streamgauge_ingest::batch::EventBatch;
use timely::WorkerConfig;
use timely::communication::WorkerGuards;
use timely::execute::execute_from;

/// Messages that may wait in the feed of a worker.
const FEED_MESSAGES: usize = 16;
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
        let threads = lock(&self.threads);
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
    run_linked(settings, Links::threads(workers.workers), workers, None, source)
}

/// The same over these links, in the first process. `away` is for workers that are not
/// fed, if there are any.
///
/// # Panics
/// If a worker cannot be started or panics.
pub fn run_linked<R, D, E, H>(
    settings: &Settings,
    links: Links,
    workers: Workers<D, E, H>,
    away: Option<Away>,
    source: impl FnOnce(Feeder) -> R,
) -> R
where
    D: Fn(usize) -> Durable + Send + Sync + 'static,
    E: FnMut(EpochChanges) + Send + 'static,
    H: Fn(usize, Held) + Send + Sync + 'static,
{
    let (feeder, feeds) = feeds(links.fed);
    let guards = start(settings, links, workers, away, &feeder, feeds);
    let result = source(feeder);
    join(guards);
    result
}

/// The same in another process than the first, until the first ends the dataflow.
///
/// # Panics
/// If a worker cannot be started or panics.
pub fn follow(settings: &Settings, links: Links) {
    let workers = Workers {
        workers: links.peers,
        durable: |_| Durable::default(),
        each: |_: EpochChanges| {},
        held: |_, _| {},
    };
    let (feeder, _) = feeds(0);
    join(start(settings, links, workers, None, &feeder, Vec::new()));
}

/// Starts the workers of this process.
fn start<D, E, H>(
    settings: &Settings,
    links: Links,
    workers: Workers<D, E, H>,
    away: Option<Away>,
    feeder: &Feeder,
    feeds: Vec<Receiver<Feed>>,
) -> WorkerGuards<()>
where
    D: Fn(usize) -> Durable + Send + Sync + 'static,
    E: FnMut(EpochChanges) + Send + 'static,
    H: Fn(usize, Held) + Send + Sync + 'static,
{
    let Workers { durable, each, held, .. } = workers;
    let Links { builders, others, fed, peers } = links;
    let feeds: Vec<_> = feeds.into_iter().map(|feed| Mutex::new(Some(feed))).collect();
    let threads = Arc::clone(&feeder.threads);
    let first = Mutex::new((Some(each), away));
    let (held, settings) = (Arc::new(held), settings.clone());
    let guards = execute_from(builders, others, WorkerConfig::default(), move |worker| {
        let index = worker.index();
        let feed = feeds.get(index).map(|feed| {
            lock(&threads)[index] = Some(std::thread::current());
            lock(feed).take().expect("each worker takes its own feed, once")
        });
        // Only the first worker collects.
        let (each, away) = match index {
            0 => std::mem::take(&mut *lock(&first)),
            _ => (None, None),
        };
        let held = Arc::clone(&held);
        let held = move |h| held(index, h);
        let mut work = match feed {
            Some(feed) if fed == peers => {
                Work::new(worker, &settings, durable(index), feed, each, held)
            }
            feed => {
                let durable = if index < fed { durable(index) } else { Durable::default() };
                let comes = (durable, feed);
                Work::among_unfed(worker, &settings, comes, (fed, away), each, held)
            }
        };
        loop {
            match work.turn(worker) {
                Turn::Worked => {}
                Turn::Idle => drop(worker.step_or_park(Some(PARK))),
                Turn::Ended => break,
            }
        }
    });
    guards.expect("workers of this process can be started")
}

fn join(guards: WorkerGuards<()>) {
    for worker in guards.join() {
        worker.expect("no worker panics");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Feeds for so many workers: the source's side, and theirs.
#[must_use]
pub fn feeds(workers: usize) -> (Feeder, Vec<Receiver<Feed>>) {
    let (feeds, receivers) = (0..workers).map(|_| bounded(FEED_MESSAGES)).unzip();
    let threads = Arc::new(Mutex::new(vec![None; workers]));
    (Feeder { feeds, threads, turn: 0 }, receivers)
}
