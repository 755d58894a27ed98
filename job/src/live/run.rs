//! The job on threads: one drives, one writes, one makes checkpoints, and the
//! workers, with bounded queues between them. A slow disk slows the writer, that the
//! workers, those the driver, and that leaves events in the log.

use super::begin::{Begun, begin};
use super::checkpoints::{CheckpointState, Checkpoints, ToCheckpoints};
use super::driver::Driver;
use super::driving::Driving;
use super::loops::{Reached, make_checkpoints, write};
use super::shares::Shares;
use super::start::{Start, StartError};
use super::writer::{ToWriter, Writer, WriterError};
use crate::checkpoint::{Keep, PARTS_OF_A_WORKER, PartOf, Parts, Storage};
use crate::cluster::{ClusterError, Place};
use crate::dataflow::{Durable, Settings};
use crate::run::{Away, Links, Workers, run_linked};
use crate::share::Share;
use crate::time::Pace;
use crossbeam_channel::{Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::log::EventLog;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::SourceError;
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::{ResultError, ResultLog};
use thiserror::Error;

/// Epochs and their effects that may wait to be written.
const QUEUE: usize = 64;

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
    /// Worker threads, in all processes.
    pub workers: usize,
    /// The place of this process, the first, among several; none if it is the only one.
    pub place: Option<&'a Place>,
    /// How often what is done.
    pub tuning: Tuning,
    /// All settings that decide about results: their hash, and they as JSON.
    pub settings: (u64, String),
    /// Asks the job to end.
    pub stop: &'a Arc<AtomicBool>,
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
    /// The other processes could not be joined.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

impl LiveError {
    /// Whether a job that begins again where this one was can go on: its writer has come
    /// to an end, and only another can tell what it has left.
    #[must_use]
    pub fn calls_for_another_start(&self) -> bool {
        let error = match self {
            Self::Writer(WriterError::Results(error)) | Self::Results(error) => error,
            _ => return false,
        };
        matches!(error, ResultError::Ended { .. } | ResultError::Away { .. })
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
    let Some(Begun { mut results, mut start, source }) = begin(job)? else {
        return Ok(SourceCounts::default());
    };
    tell_start(job, &start);
    let (links, joined) = match job.place {
        None => (Links::threads(job.workers), None),
        Some(place) => match place.join(job.tell)? {
            Some((links, joined)) => (links, Some(joined)),
            None => return Ok(SourceCounts::default()),
        },
    };
    // Rows that do not change speak of the rules by the places that they had.
    let has_new_settings = !start.carried.is_all(job.dataflow.alerts.len());
    let state = Arc::new(CheckpointState::new(has_new_settings));
    let manifest = start.checkpoint.as_ref().map(|c| c.manifest.clone());
    let restored = manifest.as_ref().map(|m| m.epoch);
    let settings = Some(job.settings.clone());
    results.end_when(job.stop);
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
    let last = start.again.last().or(start.after.as_ref());
    let partitions = last.map(|binding| binding.partitions.len());
    let shares = Shares::of(&start.carried, start.checkpoint.as_mut(), job.workers);
    let (to_writer, of_writer) = bounded(QUEUE);
    let (to_checkpoints, of_checkpoints) = bounded(job.workers * PARTS_OF_A_WORKER + 2);
    let (reached, too_large) = (Reached::default(), AtomicU64::new(0));
    thread::scope(|scope| {
        let writing = named(scope, "writer", || {
            let result = write(job, &mut writer, of_writer, &reached, &too_large);
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
            durable: {
                let (shares, to_checkpoints) = (shares.clone(), to_checkpoints.clone());
                move |index| Durable {
                    restored: shares.take(index).map(Share::restored),
                    parts: Some(Parts::new(to(&to_checkpoints))),
                }
            },
            each: {
                let to_writer = to_writer.clone();
                // A writer that has failed tells so when it is joined.
                move |changes| drop(to_writer.send(ToWriter::Changes(changes)))
            },
            held: |_, _| {},
        };
        let away = Away {
            share: Box::new(move |index| shares.take(index)),
            part: Box::new(to(&to_checkpoints)),
        };
        let driven = run_linked(job.dataflow, links, workers, Some(away), |mut feeder| {
            if let Some((epoch, tick)) = first {
                feeder.close(epoch, tick);
            }
            let driving = Driving {
                job,
                driver,
                to_writer,
                to_checkpoints,
                feeder,
                state,
                number,
                partitions,
                too_large: &too_large,
            };
            driving.drive()
        });
        if let Some(joined) = joined {
            joined.done();
        }
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

/// Where parts of checkpoints go.
fn to(checkpoints: &Sender<ToCheckpoints>) -> impl Fn(PartOf) + Send + 'static {
    let checkpoints = checkpoints.clone();
    move |part| drop(checkpoints.send(ToCheckpoints::Part(part)))
}
