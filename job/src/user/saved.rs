//! A user as a checkpoint keeps it.
//!
//! A row says all that the state per user holds of one user, and no more: what
//! follows from it and the watermark (what is published, which timers are set) is
//! not in it. Texts stand once per row, and everything else names them by their
//! place, 0 being none where there may be none.
//!
//! Changing a type here changes the format of checkpoints: its version must go up.

use super::daily::SavedDay;
use crate::funnel::{Mark, Progress};
use serde::{Deserialize, Serialize};
use streamgauge_ingest::batch::Dimension;
use streamgauge_ingest::decode::Kind;

/// A user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SavedUser<'a> {
    /// Distinct values: dimension, where the second part begins, text.
    #[serde(borrow)]
    pub(super) texts: Vec<(Dimension, u32, &'a str)>,
    /// Distinct combinations of six values.
    pub(super) contexts: Vec<[u32; 6]>,
    /// The context of the last page view; a place after 0.
    pub(super) last_context: u32,
    pub(super) panes: Vec<SavedPane>,
    /// Alert windows: end, page views.
    pub(super) alerts: Vec<(i64, u64)>,
    /// Of sessions that are no longer held: the latest beginning, the latest last event.
    pub(super) past: Option<(i64, i64)>,
    #[serde(borrow)]
    pub(super) visits: Vec<SavedVisit<'a>>,
    /// Of alert rules, by their place: the events that match the first step, and the
    /// second.
    pub(super) sequences: Vec<(u8, Vec<Mark>, Vec<Mark>)>,
    pub(super) days: Vec<SavedDay>,
}

/// A business pane of a user.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedPane {
    pub(super) end_ms: i64,
    pub(super) active: [bool; 2],
    pub(super) converted: bool,
    pub(super) contexts: Vec<u32>,
    pub(super) pages: Vec<u32>,
    /// All values, where they are too many to be held by context and page.
    pub(super) many: Option<Vec<u32>>,
}

/// A session id of a user.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedVisit<'a> {
    pub(super) session: &'a str,
    pub(super) sessions: Vec<SavedSession>,
}

/// A session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedSession {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) ends_last: bool,
    pub(crate) has_returned: bool,
    pub(crate) settled: Option<SavedRunning>,
    pub(crate) slices: Vec<Vec<SavedEntry>>,
}

/// The fold of events that are no longer held.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedRunning {
    pub(crate) events: u64,
    pub(crate) page_views: u64,
    pub(crate) conversions: u64,
    pub(crate) revenue_minor: Vec<([u8; 3], i128)>,
    pub(crate) journey: Vec<u32>,
    pub(crate) journey_length: u64,
    /// Places after 0.
    pub(crate) last_page: u32,
    pub(crate) device: u32,
    pub(crate) country: u32,
    pub(crate) funnels: Vec<Progress>,
}

/// An event of a session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedEntry {
    /// After the first event of the session.
    pub(crate) after_ms: i64,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) kind: Kind,
    /// Of a conversion: its currency and value.
    pub(crate) value: Option<([u8; 3], i64)>,
    /// Places after 0.
    pub(crate) page: u32,
    pub(crate) device: u32,
    pub(crate) country: u32,
}
