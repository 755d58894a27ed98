//! One worker at its work: a dataflow, and what comes to it.

use super::mail::{Mail, Outbox};
use super::{Feed, PARK};
use crate::checkpoint::{PartOf, Parts};
use crate::collect::EpochChanges;
use crate::dataflow::{self, Durable, Place, Settings};
use crate::share::Share;
use crate::time::{Epoch, Tick};
use crate::user::Held;
use crossbeam_channel::{Receiver, TryRecvError};
use std::collections::VecDeque;
use streamgauge_ingest::batch::EventBatch;
use streamgauge_ingest::binary;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::{InputHandle, ProbeHandle};
use timely::worker::Worker;

/// Epochs that a worker may be given before the first of them is done.
const EPOCHS_IN_FLIGHT: usize = 8;

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

/// What the first worker does for those that are not fed.
pub struct Away {
    /// The share of a worker that is not fed, if there is a checkpoint.
    pub share: Box<dyn FnMut(usize) -> Option<Share> + Send>,
    /// Gets their parts of checkpoints.
    pub part: Box<dyn Fn(PartOf) + Send>,
}

/// A worker at its work: a dataflow and the feed of it.
pub struct Work {
    /// None where nothing comes in any more, or at all.
    inputs: Option<Inputs>,
    probe: ProbeHandle<Epoch>,
    /// Epochs that were closed and are perhaps not done.
    in_flight: VecDeque<Epoch>,
    /// Where not all workers are fed.
    mail: Option<Mail>,
    /// Gets what comes by mail.
    part: Option<Box<dyn Fn(PartOf) + Send>>,
}

struct Inputs {
    batches: InputHandle<Epoch, CapacityContainerBuilder<Vec<EventBatch>>>,
    ticks: InputHandle<Epoch, CapacityContainerBuilder<Vec<Tick>>>,
    feed: Receiver<Feed>,
    /// Whether its ticks are sent: not if another worker's reach it.
    gives_ticks: bool,
}

/// How the workers of a dataflow share what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ticks {
    /// Each gets its own.
    Own,
    /// The first sends them to all.
    OfFirst,
}

impl Work {
    /// Builds the dataflow on a worker, where each is fed. `each` is for the first one
    /// alone.
    pub fn new(
        worker: &mut Worker,
        settings: &Settings,
        durable: Durable,
        feed: Receiver<Feed>,
        each: Option<impl FnMut(EpochChanges) + 'static>,
        held: impl FnMut(Held) + 'static,
    ) -> Self {
        Self::build(worker, settings, durable, (Some(feed), Ticks::Own), each, held)
    }

    /// The same where only the first so many are fed. A worker that is not begins with
    /// its share of a checkpoint, for which it waits.
    pub(super) fn among_unfed(
        worker: &mut Worker,
        settings: &Settings,
        (durable, feed): (Durable, Option<Receiver<Feed>>),
        (fed, away): (usize, Option<Away>),
        each: Option<impl FnMut(EpochChanges) + 'static>,
        held: impl FnMut(Held) + 'static,
    ) -> Self {
        let mut mail = Mail::new(worker);
        let mut durable = durable;
        let mut part = None;
        if let Some(mut away) = away {
            for to in fed..worker.peers() {
                mail.outbox().send(to, binary::encode(&(away.share)(to)));
                while !mail.is_idle() {
                    mail.send();
                    worker.step_or_park(Some(PARK));
                }
            }
            part = Some(away.part);
        }
        if worker.index() >= fed {
            durable = Durable {
                restored: share(&mail, worker).map(Share::restored),
                parts: Some(parts(mail.outbox().clone())),
            };
        }
        let input = (feed, Ticks::OfFirst);
        let work = Self::build(worker, settings, durable, input, each, held);
        Self { mail: Some(mail), part, ..work }
    }

    fn build(
        worker: &mut Worker,
        settings: &Settings,
        durable: Durable,
        (feed, whose): (Option<Receiver<Feed>>, Ticks),
        each: Option<impl FnMut(EpochChanges) + 'static>,
        held: impl FnMut(Held) + 'static,
    ) -> Self {
        let place = Place { worker: worker.index(), workers: worker.peers() };
        let (mut batches, mut ticks) = (InputHandle::new(), InputHandle::new());
        let probe = worker.dataflow(|scope| {
            let batches = batches.to_stream(scope);
            let ticks = ticks.to_stream(scope);
            let ticks = if whose == Ticks::Own { ticks } else { ticks.broadcast() };
            dataflow::build(batches, ticks, settings, place, durable, held, each)
        });
        let gives_ticks = whose == Ticks::Own || place.worker == 0;
        let inputs = feed.map(|feed| Inputs { batches, ticks, feed, gives_ticks });
        Self { inputs, probe, in_flight: VecDeque::new(), mail: None, part: None }
    }

    /// Takes the next message of the feed, if it is time for it.
    pub fn turn(&mut self, worker: &mut Worker) -> Turn {
        let has_mail = self.mail();
        let turn = self.take(worker);
        if turn == Turn::Idle && has_mail { Turn::Worked } else { turn }
    }

    fn take(&mut self, worker: &mut Worker) -> Turn {
        let Some(inputs) = &mut self.inputs else {
            worker.step();
            let is_done = self.probe.done() && self.mail.as_mut().is_none_or(Mail::end);
            return if is_done { Turn::Ended } else { Turn::Idle };
        };
        while self.in_flight.front().is_some_and(|epoch| !self.probe.less_equal(epoch)) {
            self.in_flight.pop_front();
        }
        if self.in_flight.len() >= EPOCHS_IN_FLIGHT {
            return Turn::Idle;
        }
        match inputs.feed.try_recv() {
            Ok(Feed::Rows(epoch, batch)) => {
                inputs.batches.advance_to(epoch);
                inputs.batches.send(batch);
                Turn::Worked
            }
            Ok(Feed::Close(epoch, tick)) => {
                inputs.ticks.advance_to(epoch);
                if inputs.gives_ticks {
                    inputs.ticks.send(tick);
                }
                inputs.batches.advance_to(epoch + 1);
                inputs.ticks.advance_to(epoch + 1);
                self.in_flight.push_back(epoch);
                worker.step();
                Turn::Worked
            }
            Err(TryRecvError::Empty) => Turn::Idle,
            Err(TryRecvError::Disconnected) => {
                self.inputs = None;
                Turn::Worked
            }
        }
    }

    /// Sends and takes letters; returns whether there were any.
    fn mail(&mut self) -> bool {
        let Some(mail) = &mut self.mail else { return false };
        let mut has_mail = mail.send();
        while let Some(letter) = mail.receive() {
            has_mail = true;
            if let Some(part) = &self.part {
                part(binary::decode(&letter).expect("all processes are of one build"));
            }
        }
        has_mail
    }
}

/// Waits for this worker's share of a checkpoint.
fn share(mail: &Mail, worker: &mut Worker) -> Option<Share> {
    loop {
        if let Some(letter) = mail.receive() {
            return binary::decode(&letter).expect("all processes are of one build");
        }
        worker.step_or_park(Some(PARK));
    }
}

/// Parts of checkpoints, by mail.
fn parts(outbox: Outbox) -> Parts {
    Parts::new(move |part| outbox.send(0, binary::encode(&part)))
}
