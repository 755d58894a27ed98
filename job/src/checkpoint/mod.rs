//! Checkpoints: from where a job goes on after it has ended, however it ended.
//!
//! A checkpoint at epoch c says what the job held when c was complete: the users, the
//! rows of lists, the counts of windows, and the ids seen. Positions and watermarks
//! are those of the binding of c. What is published is not in it: a checkpoint is
//! made only in an epoch in which corrections are due, so nothing waits to be
//! published then, and what stands follows from what is held.
//!
//! Each checkpoint writes what has changed since the one before, and for a few of its
//! [`SHARDS`] all of it, so its cost follows the traffic and not what is held. Its
//! *manifest*, written last, names for each shard the frames that make it up, in its
//! own file and in earlier ones.
//!
//! Order: data durable, then its manifest. A checkpoint is used only if its epoch is
//! committed, see `crate::live`.

mod chain;
mod frame;
mod manifest;
mod merge;
mod read;
mod row;
mod storage;
mod write;

pub use chain::FrameRef;
pub use frame::Collection;
pub use manifest::{Manifest, checkpoint_names, manifest_name, read as read_manifest};
pub use read::{Restored, Usable, newest_usable, oldest_usable, read, verify};
pub use row::{Row, rows};
pub use storage::{DirectoryStorage, MemoryStorage, Storage};
pub use write::{Checkpointer, Keep, Position};

use crate::alert::Held;
use crate::rows::{ListDiff, ListKey, Tally, TallyKey};
use crate::time::Epoch;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use thiserror::Error;

/// Parts into which users, rows and ids are cut, by hash: any number of workers can
/// load them.
pub const SHARDS: usize = 64;

/// The shard of a hash.
#[must_use]
pub fn shard_of(hash: u64) -> usize {
    // Routing takes the hash modulo the workers: its high bits are free.
    usize::try_from(hash >> 58).unwrap_or(0)
}

/// What one operator of one worker adds to a checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Part {
    /// Users, as rows by shard.
    Users(Vec<Vec<u8>>),
    /// Rows of lists.
    Lists(Vec<(ListKey, ListDiff)>),
    /// The counts of all windows that are not frozen.
    Tallies(Vec<(TallyKey, Tally)>),
    /// What threshold rules hold.
    Runs(Vec<Held>),
    /// Ids seen: partition, id, the largest timestamp it came with, when it may be
    /// forgotten.
    Seen(Vec<(u32, u128, i64, i64)>),
}

/// Where the operators of a worker give their parts.
#[derive(Clone)]
pub struct Parts(Rc<dyn Fn(PartOf)>);

impl Parts {
    /// Parts go to this function.
    pub fn new(give: impl Fn(PartOf) + 'static) -> Self {
        Self(Rc::new(give))
    }

    /// Gives a part of the checkpoint of an epoch.
    pub fn give(&self, epoch: Epoch, part: Part) {
        (self.0)(PartOf { epoch, part });
    }
}

/// Parts that each worker adds.
pub const PARTS_OF_A_WORKER: usize = 4;

/// A part of the checkpoint of an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartOf {
    /// The epoch.
    pub epoch: Epoch,
    /// The part.
    pub part: Part,
}

/// Why a checkpoint cannot be written or used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// It could not be written or read.
    #[error("{name}: {source}")]
    Io {
        /// Its file.
        name: String,
        /// What came of it.
        source: std::io::Error,
    },
    /// What is there is not what was written.
    #[error("{name} is damaged: {what}")]
    Damaged {
        /// Its file.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// It is of another version of the program.
    #[error("{name} has format {found}, this version of streamgauge knows format {known}")]
    OtherFormat {
        /// Its file.
        name: String,
        /// Its format.
        found: u64,
        /// The one that is known.
        known: u64,
    },
}
