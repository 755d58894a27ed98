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

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Mutex;
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The epoch.
    pub epoch: u64,
    /// What it holds of each partition, also where it holds nothing, by partition.
    pub partitions: Vec<PartitionBinding>,
    /// Partitions that are idle in it.
    pub idle: Vec<u32>,
    /// The global watermark after it, ms.
    pub watermark_ms: i64,
    /// Hash of the settings that it is judged by.
    pub settings_hash: u64,
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

/// Keeps bindings.
pub trait BindingLog: Send + Sync {
    /// The error of the place that keeps them.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Keeps a binding; it is durable when this returns.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn append(&self, binding: &Binding) -> Result<(), Self::Error>;

    /// The bindings from `epoch` on, in order.
    ///
    /// # Errors
    /// If they cannot be read.
    fn starting_at(&self, epoch: u64) -> Result<Vec<Binding>, Self::Error>;
}

/// Bindings in memory: the last `most` of them.
#[derive(Debug)]
pub struct MemoryBindings {
    most: usize,
    kept: Mutex<VecDeque<Binding>>,
}

impl MemoryBindings {
    /// Keeps the last `most` bindings.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(VecDeque::new()) }
    }
}

impl BindingLog for MemoryBindings {
    type Error = std::convert::Infallible;

    fn append(&self, binding: &Binding) -> Result<(), Self::Error> {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.push_back(binding.clone());
        if kept.len() > self.most {
            kept.pop_front();
        }
        Ok(())
    }

    fn starting_at(&self, epoch: u64) -> Result<Vec<Binding>, Self::Error> {
        let kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(kept.iter().filter(|b| b.epoch >= epoch).cloned().collect())
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

    #[test]
    fn memory_keeps_the_last_bindings() {
        let bindings = MemoryBindings::new(2);
        let mut kept = Vec::new();
        for epoch in 0..4 {
            let (partitions, idle) = (Vec::new(), Vec::new());
            let binding = Binding { epoch, partitions, idle, watermark_ms: 0, settings_hash: 0 };
            bindings.append(&binding).unwrap();
            let all = bindings.starting_at(0).unwrap();
            kept.push(all.iter().map(|b| b.epoch).collect::<Vec<_>>());
        }
        assert_eq!(kept, [vec![0], vec![0, 1], vec![1, 2], vec![2, 3]]);
        assert_eq!(bindings.starting_at(3).unwrap().len(), 1);
    }
}
