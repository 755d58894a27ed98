//! What became of each record, for whoever asks.
//!
//! Counts and dead letters say what became of records in sum; a watcher is told of each
//! one, as it is judged. Nothing depends on it, and nobody watches a live job.

use crate::batch::{Row, Texts};
use crate::decode::Reason;
use crate::lateness::Families;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Rejected for this reason, which is not that it is late.
    Rejected(Reason),
    /// Dropped: its event id was seen before.
    Duplicate,
    /// Accepted, and in no result: it is a bot's.
    Bot,
    /// Accepted, and in no result: its type is not known.
    UnknownType,
    /// Of a known type, and late for these families; for all of them: rejected.
    Known(Families),
}

/// A record that was judged.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// When it was appended, where the input knows that, ms.
    pub appended_ms: Option<i64>,
    /// Its value; none if it was too large to keep.
    pub value: Option<&'a [u8]>,
    /// Its event time, ms; none if it could not be read.
    pub at_ms: Option<i64>,
    /// As it was decoded, if its type is known.
    pub row: Option<&'a Row>,
    /// What the row speaks of.
    pub texts: &'a Texts,
    /// The watermark that its partition has after it, ms.
    pub watermark_ms: i64,
    /// What became of it.
    pub fate: Fate,
}

/// Is told of every record, in the order in which they are judged.
pub type Watcher = Box<dyn FnMut(&Judged<'_>) + Send>;
