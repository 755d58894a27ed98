//! The job on threads: one drives, one writes, one makes checkpoints, and the
//! workers, with bounded queues between them. A slow disk slows the writer, that the
//! workers, those the driver, and that leaves events in the log.

use super::checkpoints::{CheckpointState, Checkpoints, ToCheckpoints};
use super::driver::{Driver, Given, Step};
use super::start::{Start, StartError};
use super::status::{Phase, Status};
use super::writer::{Committed, ToWriter, Writer, WriterError};
use crate::checkpoint::{Keep, PARTS_OF_A_WORKER, Parts, Storage, rows};
use crate::dataflow::{Durable, Restored, Settings};
use crate::run::{Feeder, Workers, run as run_workers};
use crate::time::{Epoch, Pace};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use streamgauge_ingest::binding::Binding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::EventLog;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::{BoundEpoch, Pacing, Source, SourceError};
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::{ResultError, ResultLog};
use thiserror::Error;

/// Epochs and their effects that may wait to be written.
const QUEUE: usize = 64;
const STATUS_EVERY_MS: i64 = 1_000;
/// More unread records than this, and more than two seconds' worth, is behind.
const FEW_UNREAD: u64 = 5_000;

/// How often what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Length of an epoch, ms.
    pub epoch_ms: i64,
    /// Time between checkpoints, ms.
    pub checkpoint_every_ms: i64,
    /// Which checkpoints are kept.
    pub keep: Keep,
    /// How long bindings are kept that no checkpoint needs, ms.
    pub keep_bindings_ms: i64,
}

/// A job to be run.
pub struct Job<'a> {
    /// The events.
    pub log: &'a dyn EventLog,
    /// The results.
    pub results: &'a dyn ResultLog,
    /// The checkpoints.
    pub storage: &'a dyn Storage,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// How records are judged.
    pub input: &'a InputSettings,
    /// What the dataflow is built from.
    pub dataflow: &'a Settings,
    /// How often what is not final is published.
    pub pace: Pace,
    /// Worker threads.
    pub workers: usize,
    /// How often what is done.
    pub tuning: Tuning,
    /// All settings that decide about results: their hash, and they as JSON.
    pub settings: (u64, String),
    /// Asks the job to end.
    pub stop: &'a AtomicBool,
    /// Is told how many records were read.
    pub read: &'a AtomicU64,
    /// Is told what people should know.
    pub tell: &'a (dyn Fn(&str) + Sync),
}

/// Why a job ended.
#[derive(Debug, Error)]
pub enum LiveError {
    /// It could not begin.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The events could not be read as they should be.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The results could not be written.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// The results could not be opened.
    #[error(transparent)]
    Results(#[from] ResultError),
}

/// How far the writer is, for whoever waits for it.
#[derive(Default)]
struct Reached {
    state: Mutex<(Committed, bool)>,
    moved: Condvar,
}

impl Reached {
    fn lock(&self) -> MutexGuard<'_, (Committed, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, committed: Committed) {
        self.lock().0 = committed;
        self.moved.notify_all();
    }

    fn end(&self) {
        self.lock().1 = true;
        self.moved.notify_all();
    }

    /// Waits until an epoch is committed; false if the writer has ended before.
    fn wait_for(&self, epoch: Epoch) -> bool {
        let mut state = self.lock();
        loop {
            if state.0.epoch.is_some_and(|committed| committed >= epoch) {
                return true;
            }
            if state.1 {
                return false;
            }
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Runs the job until it is asked to end; returns what it has read.
///
/// # Errors
/// If it cannot begin, or the events or the results fail it.
///
/// # Panics
/// If a worker panics.
pub fn run(job: &Job<'_>) -> Result<SourceCounts, LiveError> {
    // First of all: an older job must not go on beside this one.
    let results = job.results.writer()?;
    let mut start = Start::find(job.results, job.storage, job.log, job.workers, &job.settings)?;
    tell_start(job, &start);
    let pacing = Pacing { epoch_ms: job.tuning.epoch_ms, settings_hash: job.settings.0 };
    let source = Source::new(job.log, job.clock, job.input, pacing, start.after.as_ref())?;
    let state = Arc::new(CheckpointState::default());
    let manifest = start.checkpoint.as_ref().map(|c| c.manifest.clone());
    let restored = manifest.as_ref().map(|m| m.epoch);
    let settings = Some(job.settings.clone());
    let mut writer = Writer::new(results, start.state, restored, settings);
    let number = writer.number();
    let (driver, first) = Driver::new(
        source,
        job.clock,
        job.pace,
        &start,
        Arc::clone(&state),
        job.tuning.checkpoint_every_ms,
        job.settings.0,
    );
    let (to_writer, of_writer) = bounded(QUEUE);
    let (to_checkpoints, of_checkpoints) = bounded(job.workers * PARTS_OF_A_WORKER + 2);
    let reached = Reached::default();
    thread::scope(|scope| {
        let writing = named(scope, "writer", || {
            let result = write(&mut writer, of_writer, &reached);
            reached.end();
            result
        });
        let retain = to_writer.clone();
        let (made, reached) = (Arc::clone(&state), &reached);
        named(scope, "checkpoints", move || {
            let mut checkpoints = Checkpoints::new(
                job.storage,
                made,
                job.tuning.keep,
                job.workers,
                manifest.as_ref(),
            );
            make_checkpoints(job, &mut checkpoints, &of_checkpoints, &retain, reached);
        });
        let workers = Workers {
            workers: job.workers,
            durable: durable(&mut start, job.workers, job.settings.0, to_checkpoints.clone()),
            each: {
                let to_writer = to_writer.clone();
                // A writer that has failed tells so when it is joined.
                move |changes| drop(to_writer.send(ToWriter::Changes(changes)))
            },
            held: |_, _| {},
        };
        let driven = run_workers(job.dataflow, workers, |mut feeder| {
            if let Some((epoch, tick)) = first {
                feeder.close(epoch, tick);
            }
            let driving = Driving { job, driver, to_writer, to_checkpoints, feeder, state, number };
            driving.drive()
        });
        // Why nothing can be written comes before that nothing can be sent.
        writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        driven
    })
}

/// A thread that profilers and debuggers can tell from others.
///
/// # Panics
/// If the system has no room for it.
pub fn named<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> thread::ScopedJoinHandle<'scope, T> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn_scoped(scope, work).expect("the system has room for a thread")
}

fn tell_start(job: &Job<'_>, start: &Start) {
    for (epoch, reason) in &start.refused {
        (job.tell)(&format!("checkpoint {epoch} is not used: {reason}"));
    }
    if let Some(checkpoint) = &start.checkpoint {
        (job.tell)(&format!(
            "going on from the checkpoint of epoch {}, {} epochs were bound since",
            checkpoint.manifest.epoch,
            start.again.len()
        ));
    } else if !start.again.is_empty() {
        (job.tell)(&format!("going on from the beginning: {} epochs", start.again.len()));
    }
}

/// What each worker goes on from.
fn durable(
    start: &mut Start,
    workers: usize,
    settings_hash: u64,
    to_checkpoints: Sender<ToCheckpoints>,
) -> impl Fn(usize) -> Durable + Send + Sync + 'static {
    let mut shares: Vec<_> = (0..workers).map(|_| Mutex::new(None)).collect();
    if let Some(checkpoint) = &mut start.checkpoint {
        let (epoch, watermark_ms) = (checkpoint.manifest.epoch, checkpoint.manifest.watermark_ms);
        let is_same = checkpoint.manifest.settings_hash == settings_hash;
        let mut tallies = std::mem::take(&mut checkpoint.tallies);
        let mut lists = std::mem::take(&mut checkpoint.lists);
        for (share, users) in shares.iter_mut().zip(checkpoint.users.drain(..)) {
            // The first takes what finds its way by itself.
            let (tallies, lists) = (std::mem::take(&mut tallies), std::mem::take(&mut lists));
            *share = Mutex::new(Some((epoch, watermark_ms, is_same, users, tallies, lists)));
        }
    }
    move |index| {
        let share = shares[index].lock().unwrap_or_else(PoisonError::into_inner).take();
        let restored =
            share.map(|(epoch, watermark_ms, is_same, users, tallies, lists)| Restored {
                epoch,
                state: Box::new(move |state| {
                    let rows = rows(&users).expect("the rows were merged a moment ago");
                    let loaded = state.load(watermark_ms, is_same, rows);
                    loaded.expect("a checkpoint that verifies can be loaded");
                }),
                tallies,
                lists,
            });
        let to_checkpoints = to_checkpoints.clone();
        let parts = Parts::new(move |part| drop(to_checkpoints.send(ToCheckpoints::Part(part))));
        Durable { restored, parts: Some(parts) }
    }
}

/// Commits what comes, as much at once as there is.
fn write(
    writer: &mut Writer,
    messages: Receiver<ToWriter>,
    reached: &Reached,
) -> Result<(), WriterError> {
    // When it fails, nobody waits for its queue any more.
    while let Ok(message) = messages.recv() {
        writer.take(message)?;
        while !writer.is_full()
            && let Ok(message) = messages.try_recv()
        {
            writer.take(message)?;
        }
        reached.set(writer.commit()?);
    }
    Ok(())
}

fn make_checkpoints(
    job: &Job<'_>,
    checkpoints: &mut Checkpoints<'_>,
    messages: &Receiver<ToCheckpoints>,
    retain: &Sender<ToWriter>,
    reached: &Reached,
) {
    let failed = |error: &dyn std::fmt::Display| {
        (job.tell)(&format!("a checkpoint failed, the job goes on: {error}"));
    };
    for message in messages {
        let now_ms = job.clock.now_ms();
        if let Err(error) = checkpoints.take(message, now_ms) {
            failed(&error);
        }
        let Some(epoch) = checkpoints.waits_for() else {
            continue;
        };
        if !reached.wait_for(epoch) {
            return;
        }
        match checkpoints.finish() {
            Ok(Some(oldest)) => {
                let bound_before_ms = now_ms - job.tuning.keep_bindings_ms;
                drop(retain.send(ToWriter::Retain(oldest, bound_before_ms)));
            }
            Ok(None) => {}
            Err(error) => failed(&error),
        }
    }
}

/// The driver and all that it gives to.
struct Driving<'a> {
    job: &'a Job<'a>,
    driver: Driver<'a>,
    to_writer: Sender<ToWriter>,
    to_checkpoints: Sender<ToCheckpoints>,
    feeder: Feeder,
    state: Arc<CheckpointState>,
    number: u64,
}

impl Driving<'_> {
    fn drive(mut self) -> Result<SourceCounts, LiveError> {
        let mut told = Told::default();
        let mut binding = None;
        loop {
            let is_redoing = self.driver.epochs_to_redo() > 0;
            if self.job.stop.load(Ordering::SeqCst) {
                self.tell_status(Phase::Stopping, binding.as_ref(), &mut told);
                if !is_redoing {
                    let last = self.driver.last_epoch()?;
                    self.give(last);
                }
                return Ok(self.driver.source().counts().clone());
            }
            let (given, is_full) = match self.driver.step()? {
                Step::Again(given) => (Some(given), true),
                Step::New(given) => {
                    let is_full = given.bound.binding.counts.read >= 10_000;
                    (Some(given), is_full)
                }
                Step::Nothing => (None, false),
            };
            if let Some(given) = given {
                binding = Some(given.bound.binding.clone());
                self.job.read.store(self.driver.source().counts().read, Ordering::SeqCst);
                if !self.give(given) {
                    // Somebody has ended, and says why.
                    return Ok(self.driver.source().counts().clone());
                }
            }
            let phase = if is_redoing { Phase::Restoring } else { Phase::Live };
            if !self.tell_status(phase, binding.as_ref(), &mut told) {
                return Ok(self.driver.source().counts().clone());
            }
            if !is_full {
                let wait_ms = u64::try_from(self.driver.source().wait_ms()).unwrap_or(1);
                thread::sleep(Duration::from_millis(wait_ms));
            }
        }
    }

    /// Gives an epoch to everybody; false if somebody has ended.
    fn give(&mut self, given: Given) -> bool {
        let Given { bound, checkpoint, tick } = given;
        let BoundEpoch { binding, batch, dead_letters } = bound;
        let epoch = binding.epoch;
        if self.to_writer.send(ToWriter::Bound(binding, dead_letters)).is_err() {
            return false;
        }
        for message in checkpoint {
            if self.to_checkpoints.send(message).is_err() {
                return false;
            }
        }
        batch.is_none_or(|batch| self.feeder.rows(epoch, batch)) && self.feeder.close(epoch, tick)
    }

    /// Tells how the job does, once a second; false if nobody listens any more.
    fn tell_status(&self, phase: Phase, binding: Option<&Binding>, told: &mut Told) -> bool {
        let now_ms = self.job.clock.now_ms();
        let passed_ms = now_ms - told.at_ms;
        let is_new = told.phase != Some(phase);
        if !is_new && (0..STATUS_EVERY_MS).contains(&passed_ms) {
            return true;
        }
        let asked = phase;
        let counts = self.driver.source().counts();
        let lag_records = self.unread(binding);
        let rate = (counts.read - told.read) as f64 * 1_000.0 / passed_ms.max(1) as f64;
        let is_behind = lag_records > FEW_UNREAD && lag_records as f64 > rate * 2.0;
        let phase = if phase == Phase::Live && is_behind { Phase::Behind } else { phase };
        let status = Status {
            phase,
            at_ms: now_ms,
            writer: self.number,
            binding,
            lag_records,
            lag_ms: match self.driver.source().last_appended_ms() {
                Some(appended_ms) if lag_records > 0 => (now_ms - appended_ms).max(0),
                _ => 0,
            },
            workers: self.job.workers,
            events_per_second: if told.at_ms == 0 { 0.0 } else { rate },
            counts,
            checkpoint: self.state.last(),
        };
        *told = Told { at_ms: now_ms, read: counts.read, phase: Some(asked) };
        let epoch = binding.map_or(0, |b| b.epoch);
        self.to_writer.send(ToWriter::Status(epoch, status.to_json())).is_ok()
    }

    /// Records that wait in the log.
    fn unread(&self, binding: Option<&Binding>) -> u64 {
        let next = |partition| {
            let part = binding.and_then(|b| b.partitions.iter().find(|p| p.partition == partition));
            part.map_or(0, |p| p.hi)
        };
        let unread = |partition| {
            let bounds = self.job.log.bounds(partition).unwrap_or_default();
            bounds.end.saturating_sub(next(partition).max(bounds.start))
        };
        (0..self.job.log.partitions()).map(unread).sum()
    }
}

/// What was told last.
#[derive(Default)]
struct Told {
    at_ms: i64,
    read: u64,
    phase: Option<Phase>,
}
