//! What is kept, and what is read: topics, records, transactions, positions.

use serde::{Deserialize, Serialize};
use streamgauge_ingest::binding::Binding;

/// Where records of one kind go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// Final and corrected results of windows. The last record of a key stands; a
    /// record without a value ends it.
    ProcessedMetrics,
    /// Records of sessions; as above.
    Sessions,
    /// Alerts that fire, or are taken back (their `state` says so).
    Alerts,
    /// Rejected records, and those that came late for some results.
    DeadLetters,
    /// Provisional results: superseded at once, never part of the history.
    LiveMetrics,
    /// How the job does, about once a second. The last record stands.
    JobStatus,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 6] = [
        Self::ProcessedMetrics,
        Self::Sessions,
        Self::Alerts,
        Self::DeadLetters,
        Self::LiveMetrics,
        Self::JobStatus,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProcessedMetrics => "processed-metrics",
            Self::Sessions => "sessions",
            Self::Alerts => "cep-alerts",
            Self::DeadLetters => "dead-letters",
            Self::LiveMetrics => "live-metrics",
            Self::JobStatus => "job-status",
        }
    }
}

/// A record to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// Where it goes.
    pub topic: Topic,
    /// The epoch that it is an effect of.
    pub epoch: u64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value, one JSON object; none where what stood under the key has ended.
    pub value: Option<Vec<u8>>,
}

/// How far a job has come: the epochs up to and with this one are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The epoch.
    pub epoch: u64,
    /// Number of its records in the topics that a job commits to exactly once.
    pub records: u64,
    /// Their hash.
    pub hash: u64,
    /// The hash of all epochs' hashes up to and with this one, in order.
    pub chain: u64,
}

/// What is kept at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Bindings of epochs whose effects may leave with this transaction or later.
    pub bindings: Vec<Binding>,
    /// The settings that the hashes in bindings stand for, as JSON, when they are new.
    pub settings: Option<(u64, String)>,
    /// The effects of epochs, in the order of epochs.
    pub records: Vec<Record>,
    /// The epochs that are complete with these records, in order.
    pub progress: Vec<Progress>,
}

impl Transaction {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
            && self.settings.is_none()
            && self.records.is_empty()
            && self.progress.is_empty()
    }
}

/// A place between two records of a log of results: the next to be read.
///
/// Only the log that gave it knows what is in it; others keep it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub Vec<u64>);

/// A record as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// When it was kept, ms since the Unix epoch.
    pub at_ms: i64,
    /// Where it is.
    pub topic: Topic,
    /// The partition of the topic; 0 where there is but one order.
    pub partition: u32,
    /// Its place in the partition.
    pub offset: u64,
    /// The epoch that it is an effect of.
    pub epoch: u64,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; none where what stood under the key has ended.
    pub value: Option<&'a [u8]>,
}
