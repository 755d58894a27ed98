//! Results as points of InfluxDB's data model: measurement, tags, time, fields.
//!
//! Every store of the past (embedded or not) writes the same points, so what they
//! are is decided here, once, without I/O.
//!
//! The unit is the result: it *owns* a set of points, all of one time (the end of
//! its window), and no other result owns any of them. A correction replaces the
//! set, a result that ends takes its set with it. What a store must do for that
//! depends on what it knows: [`gone`] compares the new points with the old ones,
//! [`stale`] needs the new ones alone.
//!
//! Provisional results are refused, and sessions have no points: a point per session
//! would be a series per session. Who wants that all the same has [`session_point`].

mod catalogue;
mod json;
mod key;
mod line;
mod read;
mod replace;
mod session;

#[cfg(test)]
mod tests;

pub use catalogue::category_of;
pub use key::ResultKey;
pub use line::{read_series, write_line, write_series};
pub use read::points;
pub use replace::{Selector, gone, owned, stale};
pub use session::{SESSION_MEASUREMENT, SESSION_TAG, SessionKey, session_point};

use crate::store::FieldValue;
use thiserror::Error;

/// A point: what a result says under one set of tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The measurement: a metricType in lower case, or a list within one.
    pub measurement: &'static str,
    /// Its tags in the order of their names, `metric` (the category) among them.
    pub tags: Vec<(&'static str, String)>,
    /// The end of the result's window, ms since the Unix epoch.
    pub time_ms: i64,
    /// Its fields, `state` last.
    pub fields: Vec<(&'static str, FieldValue)>,
}

impl Point {
    /// Whether both are the same place: of one series, and of one time.
    #[must_use]
    pub fn is_place_of(&self, other: &Self) -> bool {
        self.time_ms == other.time_ms
            && self.measurement == other.measurement
            && self.tags == other.tags
    }
}

/// Why a record has no points although it should.
#[derive(Debug, Error)]
pub enum PointError {
    /// Its key is not that of a result.
    #[error("not the key of a result: {0}")]
    Key(&'static str),
    /// Its value is not the JSON of such a result.
    #[error("not a result: {0}")]
    Value(#[from] serde_json::Error),
    /// A field that the type of result demands is missing.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// Key and value speak of different results.
    #[error("key and value differ in `{0}`")]
    Mismatch(&'static str),
    /// A list is longer than the catalogue allows: its last places could never be
    /// deleted.
    #[error("{len} places in `{list}`, {most} at most")]
    TooLong {
        /// The list.
        list: &'static str,
        /// Its length.
        len: usize,
        /// Most places.
        most: usize,
    },
    /// It is neither final nor corrected.
    #[error("its state is `{0}`")]
    State(String),
}
