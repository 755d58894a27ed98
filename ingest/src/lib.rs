//! Everything between the bytes of a record and the dataflow: decoding, the
//! judgement of each record (partition, offset, watermark, lateness, duplicate),
//! and the cutting into epochs.
//!
//! Invariant: what leaves this crate for an epoch is a function of the log and
//! of the settings alone. The crate knows nothing of timely, and computes no
//! result.

pub mod access_log;
pub mod batch;
pub mod binary;
pub mod binding;
pub mod bots;
pub mod clock;
pub mod compress;
pub mod dead_letter;
pub mod decode;
pub mod files;
pub mod judge;
pub mod lateness;
pub mod log;
pub mod secret;
pub mod settings;
pub mod source;
pub mod sqlite;
pub mod summary;
pub mod varint;
pub mod watermark;

/// A watermark before any: below every event time.
pub const BEFORE_TIME_MS: i64 = i64::MIN;
/// The watermark at the end of bounded input: above every event time.
pub const END_OF_TIME_MS: i64 = i64::MAX;
