//! `streamgauge replay`: files of events to results.

mod log;
mod output;
mod resumed;
mod summary;
mod target;
mod to_log;
mod verify;

pub(crate) use log::anew;
pub use log::{Begin, Cut, LogInput, LogInputError, Stretch};
pub use output::{Message, OutputCounts, OutputError, Outputs, Wanted};
pub use resumed::{Gone, Resumed};
pub use summary::Summary;
pub use target::partial;
pub use verify::{Verified, VerifyError};

use crate::collect::EpochChanges;
use crate::dataflow::{Durable, Settings};
use crate::run::{Feeder, Workers, run};
use crate::share::Share;
use crate::time::{Pace, Ticks};
use crossbeam_channel::{Receiver, bounded};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use streamgauge_ingest::files::{FileError, FileSource, Progress, check};
use streamgauge_ingest::judge::Released;
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::{ResultError, ResultLog};
use target::Waiting;
use thiserror::Error;
use to_log::ToLog;
use verify::Verifier;

/// Epochs that may wait to be written.
const QUEUE_EPOCHS: usize = 64;

/// Why a replay failed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// An input could not be read.
    #[error(transparent)]
    Input(#[from] FileError),
    /// A log could not be read as it should be.
    #[error("{0}")]
    Log(#[from] LogInputError),
    /// An output could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A log of results cannot be written.
    #[error("{0}")]
    Results(#[from] ResultError),
    /// It is not what was committed.
    #[error("{0}")]
    Verify(#[from] VerifyError),
}

/// A replay that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: ReplayError,
    /// Files with a part of the outputs; the outputs are as they were.
    pub incomplete: Vec<PathBuf>,
}

impl<E: Into<ReplayError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { error: error.into(), incomplete: Vec::new() }
    }
}

/// Where the records come from.
pub enum Input<'a> {
    /// Files, in order.
    Files(&'a [PathBuf]),
    /// A log.
    Log(&'a LogInput<'a>),
}

/// What to replay, and how.
pub struct Replay<'a> {
    /// Where the records come from.
    pub from: Input<'a>,
    /// How records are judged.
    pub input: &'a InputSettings,
    /// What the dataflow is built from.
    pub dataflow: &'a Settings,
    /// How often what is not final is published.
    pub pace: Pace,
    /// Records per epoch.
    pub epoch_records: u64,
    /// Worker threads.
    pub workers: usize,
    /// What is written.
    pub outputs: &'a Wanted,
    /// A log of results that it goes to, too.
    pub to_log: Option<&'a dyn ResultLog>,
    /// What it is held against: the results that were committed, from an epoch on.
    pub against: Option<(&'a dyn ResultLog, u64)>,
    /// Where progress is told, and where the replay can be asked to stop.
    pub progress: Arc<Progress>,
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// What was read.
    pub source: SourceCounts,
    /// What was published.
    pub output: OutputCounts,
    /// What was compared with what was committed, if that was asked for.
    pub verified: Option<Verified>,
}

impl Replay<'_> {
    /// Reads the files to their end and writes the outputs.
    ///
    /// # Errors
    /// If an input cannot be read to its end or an output cannot be written.
    /// Files that were there before are unchanged then, unless all could be
    /// written and one could not be put in its place.
    ///
    /// # Panics
    /// If a worker panics.
    pub fn run(&self) -> Result<Counts, Failed> {
        if let Input::Files(files) = self.from {
            check(files)?;
        }
        let outputs = Outputs::create(self.outputs)?;
        let waiting = outputs.waiting();
        let counts = self.process(outputs).map_err(|error| {
            let incomplete = waiting.iter().map(|w| w.partial().to_owned()).collect();
            Failed { error, incomplete }
        })?;
        waiting.iter().try_for_each(Waiting::keep)?;
        Ok(counts)
    }

    fn resumed(&self) -> Option<&Resumed> {
        match &self.from {
            Input::Log(LogInput { cut: Cut::Bound { resumed, .. }, .. }) => *resumed,
            _ => None,
        }
    }

    fn process(&self, outputs: Outputs) -> Result<Counts, ReplayError> {
        let (messages, to_write) = bounded(QUEUE_EPOCHS);
        let resumed = self.resumed();
        thread::scope(|scope| {
            // The writer owns its queue: when it fails, nobody waits for it any more.
            let writer = scope.spawn(move || self.write(outputs, to_write));
            let changes = messages.clone();
            let each = move |epoch: EpochChanges| {
                // A writer that has failed tells so when it is joined.
                let _ = changes.send(Message::Changes(epoch));
            };
            let keep_letters = self.outputs.dead_letters.is_some() || self.to_log.is_some();
            let letters = keep_letters.then_some(messages);
            let workers = Workers {
                workers: self.workers,
                durable: {
                    let shares = resumed.map(|resumed| resumed.shares.clone());
                    move |index| Durable {
                        restored: shares.as_ref().and_then(|s| s.take(index)).map(Share::restored),
                        parts: None,
                    }
                },
                each,
                held: |_, _| {},
            };
            let source = run(self.dataflow, workers, |feeder| {
                self.read(feeder, |l| {
                    if let Some(messages) = &letters {
                        let _ = messages.send(l);
                    }
                })
            });
            drop(letters);
            let output = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // What stopped the source may well be that nothing can be written.
            let output = output?;
            let (output, verified) = output;
            Ok(Counts { source: source?, output, verified })
        })
    }

    fn read(
        &self,
        mut feeder: Feeder,
        dead_letters: impl Fn(Message),
    ) -> Result<SourceCounts, ReplayError> {
        let mut ticks = Ticks::new(self.pace);
        if let Some(Resumed { close, .. }) = self.resumed() {
            feeder.close(close.epoch, ticks.restore(*close));
        }
        let mut release = |released| match released {
            Released::Rows(epoch, batch) => {
                feeder.rows(epoch, batch);
            }
            Released::DeadLetters(epoch, letters) => {
                dead_letters(Message::DeadLetters(epoch, letters));
            }
            Released::Close(close) => {
                feeder.close(close.epoch, ticks.next(close));
            }
        };
        match &self.from {
            Input::Files(files) => {
                let source = FileSource {
                    files,
                    settings: self.input,
                    epoch_records: self.epoch_records,
                    decoders: self.workers,
                    progress: Arc::clone(&self.progress),
                };
                Ok(source.run(&mut release)?)
            }
            Input::Log(log) => Ok(log.run(self.input, &self.progress, &mut release)?),
        }
    }

    fn write(
        &self,
        mut outputs: Outputs,
        messages: Receiver<Message>,
    ) -> Result<(OutputCounts, Option<Verified>), ReplayError> {
        let stopped = |error: ReplayError| {
            self.progress.stop.store(true, Ordering::Relaxed);
            error
        };
        let verifier =
            self.against.map(|(results, from)| Verifier::open(results, from)).transpose();
        let mut verifier = verifier.map_err(|error| stopped(error.into()))?;
        let to_log = self.to_log.map(ToLog::open).transpose();
        let mut to_log = to_log.map_err(|error| stopped(error.into()))?;
        let restored = self.resumed().map(Resumed::epoch);
        for message in &messages {
            // What a checkpoint makes of its own epoch was published then.
            if matches!(&message, Message::Changes(c) if Some(c.epoch) == restored) {
                continue;
            }
            outputs.write(&message).map_err(|error| stopped(error.into()))?;
            if let Some(to_log) = &mut to_log {
                to_log.take(&message).map_err(|error| stopped(error.into()))?;
            }
            if let (Some(verifier), Message::Changes(changes)) = (&mut verifier, &message) {
                verifier.epoch(changes).map_err(|error| stopped(error.into()))?;
            }
        }
        to_log.as_mut().map_or(Ok(()), ToLog::commit)?;
        let output = outputs.finish()?;
        let verified = match self.progress.complete.load(Ordering::SeqCst) {
            true => verifier.map(Verifier::finish).transpose()?,
            false => verifier.map(Verifier::so_far),
        };
        Ok((output, verified))
    }
}
