//! What stands in the topics that only jobs write and read: `bindings` and `settings`.
//!
//! Each record is one JSON object that says its `kind`. Records of `bindings` are in the
//! order of epochs; those of `settings` are compacted to the last of a key.

use super::super::Progress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use streamgauge_ingest::binding::Binding;

/// The end of each partition of each topic, by the topic's name.
pub(super) type Ends = BTreeMap<String, Vec<u64>>;

/// A record of `bindings` or `settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Entry {
    /// What an epoch is.
    Binding(Binding),
    /// Epochs are committed with the transaction that has this.
    Commit {
        /// The epochs.
        progress: Vec<Progress>,
        /// Where the records of all transactions up to and with this one end: a reader
        /// that has reached it has all of them.
        ends: Ends,
    },
    /// The settings that a hash in bindings stands for, as JSON.
    Settings {
        /// The hash.
        hash: u64,
        /// The settings.
        json: String,
    },
    /// The number of the writer that is in charge.
    Writer {
        /// Its number.
        writer: u64,
    },
}

impl Entry {
    /// The key of its record.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Binding(binding) => format!("binding/{}", binding.epoch),
            Self::Commit { progress, .. } => {
                format!("commit/{}", progress.last().map_or(0, |p| p.epoch))
            }
            Self::Settings { hash, .. } => format!("settings/{hash:016x}"),
            Self::Writer { .. } => "writer".to_owned(),
        }
    }

    /// Its bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("it has texts as keys, and writing to memory does not fail")
    }

    /// What bytes say; none if they are no entry.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgauge_ingest::binding::PartitionBinding;

    #[test]
    fn what_is_written_is_read() {
        let part = PartitionBinding {
            partition: 3,
            lo: 1,
            hi: u64::MAX,
            count: 7,
            digest: u64::MAX - 1,
            watermark_ms: i64::MIN,
        };
        let binding = Binding {
            epoch: 9,
            partitions: vec![part],
            idle: vec![1],
            settings_hash: u64::MAX,
            ..Binding::default()
        };
        let progress = Progress { epoch: 9, records: 2, hash: u64::MAX, chain: 4 };
        let ends = Ends::from([("sessions".to_owned(), vec![0, 5])]);
        for (entry, key) in [
            (Entry::Binding(binding), "binding/9"),
            (Entry::Commit { progress: vec![progress], ends }, "commit/9"),
            (Entry::Settings { hash: 255, json: "{}".to_owned() }, "settings/00000000000000ff"),
            (Entry::Writer { writer: 3 }, "writer"),
        ] {
            assert_eq!(Entry::parse(&entry.to_bytes()).as_ref(), Some(&entry));
            assert_eq!(entry.key(), key);
        }
        assert_eq!(Entry::parse(b"{\"kind\":\"other\"}"), None);
    }
}
