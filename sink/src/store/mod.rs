//! The history of results: what a store promises to those who ask it.
//!
//! A store is fed from the topic of final and corrected results by its own position,
//! so it can lag or be away and nothing else notices. Names and places follow
//! InfluxDB's data model: a *measurement* has points, a point has *tags*, a time (the
//! end of the window) and *fields*.

mod embedded;
mod feeder;
mod influx;
mod status;

pub use embedded::{
    Applied, EmbeddedHistory, EmbeddedStore, FILE_NAME as EMBEDDED_FILE_NAME, Retention, Totals,
};

pub use feeder::{FeedError, FeedNote, feed};
pub use influx::{
    InfluxBucket, InfluxFeed, InfluxHistory, InfluxSettings, Means as InfluxMeans, influx_bucket,
    influx_fed, influx_version,
};
pub use status::{FeedReport, FeedStatus};

use thiserror::Error;

/// What to look up: one field of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The measurement: a metricType in lower case, such as `page_views_per_second`.
    pub measurement: String,
    /// The tags of the series besides `metric`, by name; exactly these.
    pub tags: Vec<(String, String)>,
    /// The field, such as `value` or `count`.
    pub field: String,
    /// Points with times from here on, ms.
    pub from_ms: i64,
    /// Up to here, not with it, ms.
    pub to_ms: i64,
    /// If given, above 0: of each aligned step of this length only the last point.
    pub step_ms: Option<i64>,
    /// Most points to give: the first ones.
    pub most: usize,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue {
    /// An integer.
    Integer(i64),
    /// A number with a point.
    Float(f64),
    /// A text.
    Text(String),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Times (ends of windows, ms) and values, in order of time.
    pub points: Vec<(i64, FieldValue)>,
    /// Whether there were more than were asked for.
    pub truncated: bool,
}

/// A point of a moment, as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its measurement.
    pub measurement: String,
    /// Its tags by name, `metric` among them.
    pub tags: Vec<(String, String)>,
    /// Its fields by name, `state` among them.
    pub fields: Vec<(String, FieldValue)>,
}

impl Found {
    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

/// Why a store could not do what was asked.
#[derive(Debug, Error)]
#[error("{what}: {reason}")]
pub struct StoreError {
    /// What was tried.
    pub what: String,
    /// What came of it, and what to do.
    pub reason: String,
}

/// Answers questions about the past.
pub trait HistoryStore: Send + Sync {
    /// The points of a series.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn history(&self, query: &HistoryQuery) -> Result<History, StoreError>;

    /// All points of these measurements at one time, whatever their tags: what there is
    /// of the windows that end then. In the order of measurements, then of tags, so that
    /// places of lists are in the order of their ranks.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn moment(&self, measurements: &[&str], time_ms: i64) -> Result<Vec<Found>, StoreError>;
}
