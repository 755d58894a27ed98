//! A log as a source of epochs: live, or as it was bound before.
//!
//! Each epoch goes through four steps: *read* what is there, *propose* a binding of
//! it, *bind* it durably, let its *effects* leave. The source does the first two.
//! Whoever keeps bindings does the third, and holds effects back until it is done.
//! An epoch that was bound before is read exactly as it was bound, and checked
//! against the digests of its binding.
//!
//! A log may be given more partitions. Each binding says over how many its epoch is; those
//! behind them begin with a later one, at the global watermark of the epoch before it.

mod added;
mod binder;
mod epochs;
mod reader;

pub use binder::Binder;
pub use epochs::{BoundEpoch, Pacing, Source};
pub use reader::{EpochReader, Read};

use crate::log::LogError;
use std::ops::Range;
use thiserror::Error;

/// Why a source had to stop.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The log could not be read.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The log does not hold what was bound.
    #[error(
        "partition {partition} [{}, {}) is not what was bound to epoch {epoch}: it was changed since (recreated, or cut by an unclean election)",
        .offsets.start, .offsets.end
    )]
    Changed {
        /// The epoch.
        epoch: u64,
        /// The partition.
        partition: u32,
        /// The offsets bound.
        offsets: Range<u64>,
    },
    /// The records of an epoch are judged in another way than when it was bound.
    #[error(
        "the records of epoch {epoch} are judged otherwise than when it was bound: by another version of the program?"
    )]
    JudgedOtherwise {
        /// The epoch.
        epoch: u64,
    },
    /// An epoch was bound over more partitions than there are.
    #[error(
        "epoch {epoch} was bound over {bound} partitions, and the log has {log}: is it another topic, or was it made anew?"
    )]
    FewerPartitions {
        /// The epoch.
        epoch: u64,
        /// Partitions of its binding.
        bound: usize,
        /// Partitions of the log.
        log: u32,
    },
    /// An epoch was bound over partitions that do not follow on those before.
    #[error("epoch {epoch} was bound over other partitions than the epochs before it")]
    PartitionsChanged {
        /// The first such epoch.
        epoch: u64,
    },
    /// The settings are not those that were bound.
    #[error("epoch {epoch} was bound with other settings than those given")]
    OtherSettings {
        /// The first such epoch.
        epoch: u64,
    },
}
