//! Where a replay's results go: one thread that writes what the dataflow and the
//! source give it, in the order of epochs.

use crate::collect::EpochChanges;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use streamgauge_ingest::dead_letter::DeadLetter;
use streamgauge_sink::change::{Change, State, Topic};
use streamgauge_sink::dead_letters;
use streamgauge_sink::digest::Digest;
use streamgauge_sink::sorted::SortedLines;
use thiserror::Error;

/// An output that could not be written.
#[derive(Debug, Error)]
#[error("cannot write {}", .path.display())]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

/// What is written.
pub enum Message {
    /// The changes of an epoch.
    Changes(EpochChanges),
    /// Rejected and partly late records.
    DeadLetters(Vec<DeadLetter>),
}

/// A file, or standard output, that is being written.
struct Target {
    path: PathBuf,
    out: BufWriter<Box<dyn Write + Send>>,
    /// Lines that wait for their order.
    sorted: Option<SortedLines>,
    line: Vec<u8>,
}

impl Target {
    fn file(path: &Path, sorted: bool) -> Result<Self, OutputError> {
        let fail = |source| OutputError { path: path.to_owned(), source };
        let file = File::create(path).map_err(fail)?;
        Ok(Self::new(path.to_owned(), Box::new(file), sorted))
    }

    fn new(path: PathBuf, out: Box<dyn Write + Send>, sorted: bool) -> Self {
        let out = BufWriter::with_capacity(1 << 18, out);
        Self { path, out, sorted: sorted.then(SortedLines::default), line: Vec::new() }
    }

    fn fail(&self) -> impl Fn(io::Error) -> OutputError + use<> {
        let path = self.path.clone();
        move |source| OutputError { path: path.clone(), source }
    }

    fn change(
        &mut self,
        change: &Change,
        epoch: u64,
        watermark_ms: i64,
    ) -> Result<(), OutputError> {
        let fail = self.fail();
        self.line.clear();
        if let Some(sorted) = &mut self.sorted {
            let line = match change.state {
                State::Provisional => return Ok(()),
                State::Retracted if !change.replaces => return Ok(()),
                State::Retracted => None,
                State::Final | State::Corrected => {
                    let mut line = Vec::with_capacity(change.body.len() + 20);
                    change.write_final_line(&mut line);
                    Some(line)
                }
            };
            return sorted.set(change.key.clone(), line).map_err(fail);
        }
        change.write_line(epoch, watermark_ms, &mut self.line);
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(fail)
    }

    fn dead_letter(&mut self, letter: &DeadLetter) -> Result<(), OutputError> {
        let fail = self.fail();
        let Some(sorted) = &mut self.sorted else {
            return Ok(());
        };
        let mut line = Vec::with_capacity(512);
        dead_letters::write_line(letter, &mut line);
        sorted.set(dead_letters::key(letter), Some(line)).map_err(fail)
    }

    fn finish(mut self) -> Result<(), OutputError> {
        let fail = self.fail();
        if let Some(sorted) = self.sorted.take() {
            let out = &mut self.out;
            sorted
                .finish(|line| out.write_all(line).and_then(|()| out.write_all(b"\n")))
                .map_err(&fail)?;
        }
        self.out.flush().map_err(fail)
    }
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
    /// Creates the files.
    ///
    /// # Errors
    /// If one cannot be created.
    pub fn create(wanted: &Wanted) -> Result<Self, OutputError> {
        let open = |path: &Option<PathBuf>, sorted| {
            path.as_deref().map(|p| Target::file(p, sorted)).transpose()
        };
        let mut results = open(&wanted.results, wanted.final_only)?;
        if wanted.results_to_stdout {
            let path = PathBuf::from("standard output");
            results = Some(Target::new(path, Box::new(io::stdout()), wanted.final_only));
        }
        Ok(Self {
            results,
            alerts: open(&wanted.alerts, wanted.final_only)?,
            dead_letters: open(&wanted.dead_letters, true)?,
            counts: OutputCounts::default(),
        })
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
            Message::DeadLetters(letters) => {
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
