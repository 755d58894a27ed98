//! A log as the input of a replay: epochs as they were bound, or as if it were a file.

mod anew;
mod begin;
mod bound;

pub(crate) use anew::anew;
pub use begin::{Begin, Stretch};

use super::Resumed;
use bound::Bound;
use std::sync::atomic::Ordering;
use streamgauge_ingest::binding::PartitionBinding;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::files::Progress;
use streamgauge_ingest::judge::{FileJudge, Released};
use streamgauge_ingest::log::{EventLog, LogError};
use streamgauge_ingest::settings::InputSettings;
use streamgauge_ingest::source::SourceError;
use streamgauge_ingest::summary::SourceCounts;
use streamgauge_sink::results::{ResultError, ResultLog};

/// A log to be replayed.
pub struct LogInput<'a> {
    /// The events.
    pub log: &'a dyn EventLog,
    /// The clock, for what is no result.
    pub clock: &'a dyn Clock,
    /// How its epochs are cut.
    pub cut: Cut<'a>,
    /// Records per epoch where none is bound.
    pub epoch_records: u64,
}

/// How the epochs of a log are cut.
pub enum Cut<'a> {
    /// As they were bound.
    Bound {
        /// Where the bindings are.
        results: &'a dyn ResultLog,
        /// The hash of the settings given.
        settings_hash: u64,
        /// Where it begins.
        begin: Box<Begin>,
        /// The checkpoint that it goes on from, if it does.
        resumed: Option<&'a Resumed>,
        /// Epochs bound before this time, ms.
        until_ms: i64,
    },
    /// Anew, the records in the order of their times of appending, partitions and
    /// offsets.
    Anew {
        /// From where to where.
        stretch: Stretch,
    },
}

impl Cut<'_> {
    /// How many offsets of a log are read, or nearly so many where a time ends it.
    ///
    /// # Errors
    /// If the log can't be asked.
    pub fn offsets(&self, log: &dyn EventLog) -> Result<u64, LogError> {
        Ok(match self {
            Self::Anew { stretch } => stretch.offsets(),
            Self::Bound { begin, .. } => {
                let bound = begin.after.as_ref().map(|after| {
                    let ends = log.all_bounds()?;
                    let of = |p: &PartitionBinding| {
                        let end = ends.get(p.partition as usize).map_or(0, |b| b.end);
                        end.saturating_sub(p.hi)
                    };
                    Ok::<u64, LogError>(after.partitions.iter().map(of).sum())
                });
                begin.anew.as_ref().map_or(0, Stretch::offsets) + bound.transpose()?.unwrap_or(0)
            }
        })
    }
}

/// Why a log could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum LogInputError {
    /// Events cannot be read, or are not what was bound.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// Bindings cannot be read.
    #[error("{0}")]
    Results(#[from] ResultError),
    /// Bindings were dropped before they were read.
    #[error(
        "how epochs before {before} were bound was dropped while they were replayed: begin again, or keep it for longer (`checkpoint.keep_bindings`)"
    )]
    Dropped {
        /// The first epoch that is still known.
        before: u64,
    },
    /// The settings have changed.
    #[error("epoch {epoch} was bound with other settings than those given{}; give those (or, but for a verification, compute it anew with `--rebind`)", .with.as_ref().map(|s| format!(": {s}")).unwrap_or_default())]
    OtherSettings {
        /// The first epoch with them.
        epoch: u64,
        /// The settings it was bound with.
        with: Option<String>,
    },
}

impl LogInput<'_> {
    /// Releases all epochs, and a last one at the end of time.
    pub(super) fn run(
        &self,
        settings: &InputSettings,
        progress: &Progress,
        release: &mut impl FnMut(Released),
    ) -> Result<SourceCounts, LogInputError> {
        match &self.cut {
            Cut::Bound { results, settings_hash, begin, resumed, until_ms } => {
                let bound = Bound { input: self, settings, results: *results, progress };
                bound.run(*settings_hash, begin, *resumed, *until_ms, release)
            }
            Cut::Anew { stretch } => self.run_anew(stretch, settings, progress, release),
        }
    }

    /// Judges a stretch anew, and nothing else.
    fn run_anew(
        &self,
        stretch: &Stretch,
        settings: &InputSettings,
        progress: &Progress,
        release: &mut impl FnMut(Released),
    ) -> Result<SourceCounts, LogInputError> {
        let mut judge = FileJudge::new(settings, self.epoch_records);
        self.anew(stretch, settings, progress, &mut judge, release)?;
        judge.end(release);
        progress.complete.store(!progress.stop.load(Ordering::Relaxed), Ordering::SeqCst);
        Ok(judge.counts().clone())
    }

    fn anew(
        &self,
        stretch: &Stretch,
        settings: &InputSettings,
        progress: &Progress,
        judge: &mut FileJudge,
        release: &mut impl FnMut(Released),
    ) -> Result<(), LogInputError> {
        let Stretch { from, until } = stretch;
        let read = anew(self.log, from, until, settings, progress, judge, release);
        Ok(read.map_err(SourceError::from)?)
    }
}
