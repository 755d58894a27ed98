//! The workers of a life, each in a thread that waits for its turn.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use streamgauge::checkpoint::{Parts, rows};
use streamgauge::dataflow::{Durable, Restored, Settings};
use streamgauge::live::{Start, ToCheckpoints, ToWriter};
use streamgauge::run::{Feed, Turn, Work};
use streamgauge::user::Carried;
use timely::communication::WorkerGuards;

pub(super) type Queue<T> = Arc<Mutex<VecDeque<T>>>;

/// The workers, each in a thread that waits for its turn.
pub(super) struct Hands {
    turns: Vec<(Sender<()>, Receiver<Turn>)>,
    guards: Option<WorkerGuards<()>>,
}

impl Hands {
    /// Gives a worker its turn.
    pub(super) fn step(&self, worker: usize) -> Turn {
        let (go, done) = &self.turns[worker];
        go.send(()).unwrap();
        done.recv().unwrap()
    }

    /// How many workers there are.
    pub(super) fn count(&self) -> usize {
        self.turns.len()
    }

    /// Lets go of them; their threads end.
    pub(super) fn end(mut self) {
        self.turns.clear();
        drop(self.guards.take());
    }

    pub(super) fn begin(
        workers: usize,
        settings: &Settings,
        feeds: Vec<Receiver<Feed>>,
        start: &mut Start,
        to_writer: &Queue<ToWriter>,
        to_checkpoints: &Queue<ToCheckpoints>,
    ) -> Hands {
        let (mut turns, mut inner) = (Vec::new(), Vec::new());
        for feed in feeds {
            let ((go, wait), (tell, done)) = (bounded::<()>(1), bounded::<Turn>(1));
            turns.push((go, done));
            let restored = start.checkpoint.as_mut().map(|c| {
                let index = inner.len();
                let users = std::mem::take(&mut c.users[index]);
                let (tallies, lists) =
                    (std::mem::take(&mut c.tallies), std::mem::take(&mut c.lists));
                let runs = c.runs.clone();
                (c.manifest.epoch, c.manifest.watermark_ms, users, (tallies, lists, runs))
            });
            inner.push(Mutex::new(Some((feed, wait, tell, restored))));
        }
        let (settings, to_writer, to_checkpoints) =
            (settings.clone(), Arc::clone(to_writer), Arc::clone(to_checkpoints));
        let guards = timely::execute(timely::Config::process(workers), move |worker| {
            let index = worker.index();
            let (feed, wait, tell, restored) = inner[index].lock().unwrap().take().unwrap();
            let (effects, parts) = (Arc::clone(&to_writer), Arc::clone(&to_checkpoints));
            let carried = Carried::all(settings.alerts.len());
            let restored = restored.map(|(epoch, watermark_ms, users, held)| Restored {
                epoch,
                state: Box::new(move |state| {
                    state.load((epoch, watermark_ms), &carried, rows(&users).unwrap()).unwrap();
                }),
                tallies: held.0,
                lists: held.1,
                runs: held.2,
            });
            let parts = Parts::new(move |part| {
                parts.lock().unwrap().push_back(ToCheckpoints::Part(part));
            });
            let durable = Durable { restored, parts: Some(parts) };
            let each = (index == 0).then_some(move |changes| {
                effects.lock().unwrap().push_back(ToWriter::Changes(changes));
            });
            // The dataflow is built by all at once, before the first turn.
            let mut work = Work::new(worker, &settings, durable, feed, each, |_| {});
            while wait.recv().is_ok() {
                let turn = work.turn(worker);
                if turn == Turn::Idle {
                    worker.step();
                }
                tell.send(turn).unwrap();
            }
        });
        Hands { turns, guards: Some(guards.unwrap()) }
    }
}
