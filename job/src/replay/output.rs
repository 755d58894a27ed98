//! Where a replay's results go: one thread that writes what the dataflow and the
//! source give it, in the order of epochs.

use super::target::{Target, Waiting};
use crate::collect::EpochChanges;
use crate::time::Epoch;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use streamgauge_ingest::dead_letter::DeadLetter;
use streamgauge_sink::change::{Change, State, Topic};
use streamgauge_sink::digest::Digest;
use thiserror::Error;

/// An output that could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The system refuses it.
    #[error("cannot write {path}", path = .path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is written, but not in its place.
    #[error(
        "cannot rename {partial} to {path}; the first is complete, move it yourself",
        partial = .partial.display(), path = .path.display()
    )]
    Rename {
        /// Where the output is.
        partial: PathBuf,
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What is written.
pub enum Message {
    /// The changes of an epoch.
    Changes(EpochChanges),
    /// Rejected and partly late records of an epoch, before its changes.
    DeadLetters(Epoch, Vec<DeadLetter>),
}

/// What was published in the end, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputCounts {
    /// Results and alerts that stand.
    pub standing: BTreeMap<Topic, i64>,
    /// The digest of their lines, if digests were asked for.
    pub digest: Digest,
}

impl OutputCounts {
    fn note(&mut self, change: &Change) {
        let stands = matches!(change.state, State::Final | State::Corrected);
        *self.standing.entry(change.topic).or_default() +=
            i64::from(stands) - i64::from(change.replaces);
        if let Some(was) = change.was {
            self.digest.take_back(was);
        }
        if let Some(now) = change.now {
            self.digest.add(now);
        }
    }
}

/// The outputs of a replay.
pub struct Outputs {
    results: Option<Target>,
    alerts: Option<Target>,
    dead_letters: Option<Target>,
    counts: OutputCounts,
}

/// Which outputs are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Results to this file.
    pub results: Option<PathBuf>,
    /// Results to standard output.
    pub results_to_stdout: bool,
    /// Alerts to this file.
    pub alerts: Option<PathBuf>,
    /// Dead letters to this file.
    pub dead_letters: Option<PathBuf>,
    /// Each result and alert once, as it is at the end, in order.
    pub final_only: bool,
}

impl Outputs {
    /// Opens the outputs. What was in files before stays until all is done.
    ///
    /// # Errors
    /// If one cannot be opened; none has changed then.
    pub fn create(wanted: &Wanted) -> Result<Self, OutputError> {
        let mut outputs = Self {
            results: wanted.results_to_stdout.then(|| Target::stdout(wanted.final_only)),
            alerts: None,
            dead_letters: None,
            counts: OutputCounts::default(),
        };
        let opened = outputs.open(wanted);
        if opened.is_err() {
            outputs.discard();
        }
        opened.map(|()| outputs)
    }

    fn open(&mut self, wanted: &Wanted) -> Result<(), OutputError> {
        if let Some(path) = &wanted.results {
            self.results = Some(Target::file(path, wanted.final_only)?);
        }
        if let Some(path) = &wanted.alerts {
            self.alerts = Some(Target::file(path, wanted.final_only)?);
        }
        if let Some(path) = &wanted.dead_letters {
            self.dead_letters = Some(Target::file(path, true)?);
        }
        Ok(())
    }

    /// The files that have their new content under another name.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let targets = [&self.results, &self.alerts, &self.dead_letters];
        targets.into_iter().flatten().filter_map(|t| t.waiting().cloned()).collect()
    }

    /// Takes away what was begun and holds nothing yet.
    fn discard(&self) {
        for waiting in self.waiting() {
            // What is left behind is empty.
            let _ = fs::remove_file(waiting.partial());
        }
    }

    /// Writes a message.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn write(&mut self, message: &Message) -> Result<(), OutputError> {
        match message {
            Message::Changes(EpochChanges { epoch, watermark_ms, changes }) => {
                for change in changes {
                    self.counts.note(change);
                    let target = match change.topic {
                        Topic::Alert => &mut self.alerts,
                        Topic::Result(_) => &mut self.results,
                    };
                    if let Some(target) = target {
                        target.change(change, *epoch, *watermark_ms)?;
                    }
                }
            }
            Message::DeadLetters(_, letters) => {
                if let Some(target) = &mut self.dead_letters {
                    letters.iter().try_for_each(|letter| target.dead_letter(letter))?;
                }
            }
        }
        Ok(())
    }

    /// Writes what waits for its order, and tells what was counted.
    ///
    /// # Errors
    /// If an output cannot be written.
    pub fn finish(self) -> Result<OutputCounts, OutputError> {
        for target in [self.results, self.alerts, self.dead_letters].into_iter().flatten() {
            target.finish()?;
        }
        Ok(self.counts)
    }
}
