//! The judgement of records in their order: number, watermark, duplicate, late.
//!
//! Decoding needs no order and may run anywhere; what depends on the order of
//! the records is done here, cheaply. The result for a record depends on the
//! records before it and on the settings alone. [`FileJudge`] takes the records
//! of files in the order of the files; [`LogJudge`] takes each partition of a log
//! in its own order.

mod chunk;
mod files;
mod log;
mod record;
mod seen;
mod watch;

pub use chunk::{Chunk, ChunkDecoder, DecodedChunk, Line};
pub use files::FileJudge;
pub use log::{JudgedChunk, LogJudge, Place};
pub use seen::SeenId;
pub use watch::{Fate, Judged, Watcher};

use crate::batch::EventBatch;
use crate::dead_letter::DeadLetter;

/// What is let go of an epoch, in this order: all its rows and dead letters, then
/// its close.
#[derive(Debug)]
pub enum Released {
    /// Rows of the epoch that is open.
    Rows(u64, EventBatch),
    /// Rejected records, and partly late ones, of the epoch that is open.
    DeadLetters(u64, Vec<DeadLetter>),
    /// The epoch is complete, and bound to this global watermark.
    Close(Close),
}

/// The end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The epoch.
    pub epoch: u64,
    /// The global watermark after it, ms.
    pub watermark_ms: i64,
}
