//! Why a result could not be explained.

use streamgauge_ingest::files::FileError;
use streamgauge_ingest::log::LogError;
use streamgauge_ingest::source::SourceError;
use streamgauge_sink::results::ResultError;

/// Why a result could not be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log of events cannot be read.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The log does not hold what was bound.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The results cannot be read.
    #[error("{0}")]
    Results(#[from] ResultError),
    /// The settings of an epoch are not known.
    #[error(
        "the settings that its epochs were bound with are not kept in a form that this version reads"
    )]
    Settings,
    /// It was asked to stop.
    #[error("stopped before all was read")]
    Stopped,
}
