//! Bindings: what an epoch is, in terms of the log.
//!
//! A binding says which offsets of each partition belong to an epoch, what was
//! there (count, digest), and what depends on all partitions at once: who is idle
//! and the global watermark. Order: records are read, a binding is proposed and
//! kept durably, and only then do effects of the epoch leave. So the same bindings
//! give the same outputs from the same log, whoever reads it and whenever.
//!
//! Invariants: the bindings of a log have no gap (the `lo` of a partition is the
//! `hi` bound before), epochs only grow, and so does the global watermark.

use crate::decode::Reason;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// The part of one partition in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionBinding {
    /// The partition.
    pub partition: u32,
    /// First offset.
    pub lo: u64,
    /// The offset after the last.
    pub hi: u64,
    /// Number of records: offsets can have gaps.
    pub count: u64,
    /// Digest of their offsets, times and values.
    pub digest: u64,
    /// The partition's watermark after them, ms.
    pub watermark_ms: i64,
}

/// An epoch, bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The epoch.
    pub epoch: u64,
    /// What it holds of each partition, also where it holds nothing, by partition.
    pub partitions: Vec<PartitionBinding>,
    /// Partitions that are idle in it.
    pub idle: Vec<u32>,
    /// The global watermark after it, ms.
    pub watermark_ms: i64,
    /// Hash of the settings that its outputs are computed by.
    pub settings_hash: u64,
    /// When it was bound, ms of the clock.
    pub at_ms: i64,
    /// What became of its records.
    pub counts: EpochCounts,
}

/// What became of the records of an epoch: `read = accepted + rejected + duplicates`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochCounts {
    /// All records.
    pub read: u64,
    /// Accepted, by at least one family.
    pub accepted: u64,
    /// Rejected, by reason.
    pub dead_letters: [u64; Reason::ALL.len()],
    /// Dropped as seen before.
    pub duplicates: u64,
}

impl EpochCounts {
    /// Number of rejected records of all reasons.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.dead_letters.iter().sum()
    }

    /// Whether every record read is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.read == self.accepted + self.rejected() + self.duplicates
    }
}

/// Digests the records of a partition within an epoch.
#[derive(Default)]
pub struct RecordDigest(Xxh3);

impl RecordDigest {
    /// Adds a record.
    pub fn update(&mut self, offset: u64, appended_ms: i64, value: &[u8]) {
        self.0.update(&offset.to_le_bytes());
        self.0.update(&appended_ms.to_le_bytes());
        self.0.update(&(value.len() as u64).to_le_bytes());
        self.0.update(value);
    }

    /// The digest of all records added.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(records: &[(u64, i64, &[u8])]) -> u64 {
        let mut digest = RecordDigest::default();
        records.iter().for_each(|(offset, at_ms, value)| digest.update(*offset, *at_ms, value));
        digest.finish()
    }

    #[test]
    fn whatever_differs_in_a_record_shows_in_the_digest() {
        let records: [&[(u64, i64, &[u8])]; 8] = [
            &[],
            &[(1, 2, b"ab")],
            &[(3, 2, b"ab")],
            &[(1, 3, b"ab")],
            &[(1, 2, b"ac")],
            &[(1, 2, b"")],
            &[(1, 2, b"ab"), (2, 2, b"ab")],
            &[(2, 2, b"ab"), (1, 2, b"ab")],
        ];
        let digests = records.map(digest);
        assert_eq!(digests, records.map(digest), "the same records, the same digest");
        let distinct: std::collections::BTreeSet<_> = digests.into_iter().collect();
        assert_eq!(distinct.len(), records.len(), "{digests:x?}");
    }
}
