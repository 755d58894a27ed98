//! A log as a source of epochs: live, or as it was bound before.
//!
//! Live, each epoch goes through four steps: *read* what is there, *propose* a
//! binding of it, *bind* it durably, *release* its rows. A replay takes the
//! bindings that were kept, reads exactly what they name, checks it against their
//! digests, and releases the same.

mod binder;
mod bound;
mod live;
mod reader;

pub use binder::Binder;
pub use bound::replay_bound;
pub use live::Live;
pub use reader::{EpochReader, Read};

use crate::log::LogError;
use std::ops::Range;
use thiserror::Error;

/// Why a source had to stop.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A binding could not be kept or read.
    #[error("cannot keep or read the bindings: {0}")]
    Bindings(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// The log has another number of partitions than the settings.
    #[error("the log has {log} partitions, the settings say {settings}")]
    OtherPartitions {
        /// Partitions of the log.
        log: u32,
        /// Partitions by the settings.
        settings: u32,
    },
    /// Epochs were bound over different partitions.
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
