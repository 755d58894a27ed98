//! An explanation as it is given, and as JSON has it.

use super::key::Key;
use super::listing::Listed;
use super::sessions::SessionPart;
use super::threshold::WindowPart;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What came of comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The published record is what the log gives.
    Agrees,
    /// It is not.
    Differs,
    /// Its window is still open.
    Open,
    /// There is no published record beside the events: it was computed.
    Computed,
    /// There is nothing under this key.
    NotFound,
}

/// A published record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedRecord {
    /// The epoch that it is an effect of.
    pub epoch: u64,
    /// When it was kept, ms since the Unix epoch.
    pub at: i64,
    /// Its line; none where the result has ended.
    pub record: Option<Box<RawValue>>,
}

/// The sessions of a result.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sessions {
    /// All that ended in its window.
    pub ended: u64,
    /// Those that it counts: its `count`, where it has one.
    pub counted: u64,
    /// The first of them, each with its records.
    pub listed: Vec<SessionPart>,
}

/// What was read.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadRecords {
    /// All records, whatever they are to the result.
    pub records: u64,
    /// Those that were rejected (as late only where that shows in no result), by reason.
    pub rejected: BTreeMap<&'static str, u64>,
}

/// A result, and what it was made from.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The key.
    pub key: String,
    /// `metricType`, or `alertType`; empty where that is not known.
    pub r#type: String,
    /// Start of its window, ms since the Unix epoch.
    pub window_start: i64,
    /// End of its window, ms.
    pub window_end: i64,
    /// Whether what is published is what the log gives.
    pub outcome: Outcome,
    /// Why they differ.
    pub reasons: Vec<String>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The last published record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedRecord>,
    /// What the log gives: the record without what depends on its epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed: Option<Box<RawValue>>,
    /// What was read.
    pub read: ReadRecords,
    /// The records that concern it, by verdict.
    pub records: BTreeMap<&'static str, u64>,
    /// Distinct users, where they are part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<usize>,
    /// The first of these records, by time.
    pub listed: Vec<Listed>,
    /// The sessions that it was made from, if it is one over sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Sessions>,
    /// The windows that it follows from, if it is an alert of a threshold rule: first the
    /// one before its row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowPart>,
    /// Keys that exist, where there is nothing under this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
}

impl Explanation {
    /// That there is nothing, for this reason.
    pub(super) fn of_nothing(key: &Key, reason: String) -> Self {
        Self {
            key: key.text.clone(),
            r#type: String::new(),
            window_start: 0,
            window_end: 0,
            outcome: Outcome::NotFound,
            reasons: vec![reason],
            notes: Vec::new(),
            published: None,
            computed: None,
            read: ReadRecords::default(),
            records: BTreeMap::new(),
            users: None,
            listed: Vec::new(),
            sessions: None,
            windows: Vec::new(),
            near: Vec::new(),
        }
    }

    /// As one JSON object, without a line end.
    #[must_use]
    pub fn json(&self) -> String {
        // A structure of texts, numbers and JSON always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether there is something, and nothing contradicts it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !matches!(self.outcome, Outcome::Differs | Outcome::NotFound)
    }
}
