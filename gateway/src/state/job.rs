//! What the job says of itself, and what follows from it.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Reasons for dead letters that are kept; the contract names fewer.
const MOST_REASONS: usize = 32;

/// A job that has said nothing for longer is silent, ms.
pub(crate) const SILENT_AFTER_MS: i64 = 5_000;

/// The last that the job wrote.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobStatus {
    pub(crate) state: String,
    pub(crate) at_ms: i64,
    pub(crate) writer: u64,
    pub(crate) epoch: Option<u64>,
    pub(crate) watermark: Option<i64>,
    pub(crate) lag_records: Option<u64>,
    pub(crate) lag_ms: Option<u64>,
    pub(crate) workers: Option<u64>,
    pub(crate) read: Option<u64>,
    pub(crate) accepted: Option<u64>,
    #[serde(default)]
    pub(crate) dead_letters: BTreeMap<String, u64>,
    pub(crate) duplicates: Option<u64>,
    pub(crate) too_large: Option<u64>,
    /// There while a clock must be wrong.
    pub(crate) ahead: Option<Ahead>,
    pub(crate) checkpoint: Option<Checkpoint>,
    /// The record itself, as it is handed on.
    #[serde(skip)]
    pub(crate) raw: Option<Box<RawValue>>,
}

/// Records of the last minute that are further ahead of their appending than is taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ahead {
    pub(crate) records: u64,
    /// Of so many that were read.
    pub(crate) of: u64,
    /// How far the one in the middle is ahead.
    pub(crate) by_ms: i64,
}

/// The last checkpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checkpoint {
    pub(crate) epoch: u64,
    /// 0 if there is none.
    pub(crate) at_ms: i64,
    pub(crate) bytes: u64,
    /// Why the last attempt after it failed, if it did.
    #[serde(default)]
    pub(crate) failed: Option<String>,
}

/// How the job does, seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// No status has been read.
    Unknown,
    /// The last status is old.
    Silent,
    /// Its dataflow is being built.
    Starting,
    /// It reads its last checkpoint.
    Restoring,
    /// It keeps up.
    Live,
    /// It works off what has piled up.
    Behind,
    /// It was told to end.
    Stopping,
    /// It says something that is not known here.
    Other,
}

impl Health {
    /// All that there are.
    pub(crate) const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Silent,
        Self::Starting,
        Self::Restoring,
        Self::Live,
        Self::Behind,
        Self::Stopping,
        Self::Other,
    ];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Silent => "silent",
            Self::Starting => "starting",
            Self::Restoring => "restoring",
            Self::Live => "live",
            Self::Behind => "behind",
            Self::Stopping => "stopping",
            Self::Other => "other",
        }
    }
}

impl JobStatus {
    /// Reads a status.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let mut status: Self = serde_json::from_slice(value).ok()?;
        while status.dead_letters.len() > MOST_REASONS {
            status.dead_letters.pop_last();
        }
        status.raw = Some(serde_json::from_slice::<Box<RawValue>>(value).ok()?);
        Some(status)
    }

    /// How the job does at this time.
    pub(crate) fn health(&self, now_ms: i64) -> Health {
        if now_ms.saturating_sub(self.at_ms) > SILENT_AFTER_MS {
            return Health::Silent;
        }
        match self.state.as_str() {
            "starting" => Health::Starting,
            "restoring" => Health::Restoring,
            "live" => Health::Live,
            "behind" => Health::Behind,
            "stopping" => Health::Stopping,
            _ => Health::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_three_fields_may_be_absent() {
        let status = JobStatus::parse(br#"{"state":"starting","atMs":1000,"writer":3}"#).unwrap();
        assert_eq!((status.writer, status.health(6_000)), (3, Health::Starting));
        assert_eq!(status.health(6_001), Health::Silent);
        assert!(JobStatus::parse(br#"{"state":"live","atMs":1000}"#).is_none());
    }
}
