//! Questions about the past, answered by InfluxDB as the embedded store answers them.

use super::InfluxSettings;
use super::client::Client;
use super::flux::{self, Row};
use super::trouble::Trouble;
use crate::points::write_series;
use crate::store::{FieldValue, Found, History, HistoryQuery, HistoryStore, StoreError};
use std::collections::BTreeMap;

/// A handle to ask an InfluxDB. It may not be asked from within an asynchronous task: it
/// waits for the answer.
pub struct InfluxHistory {
    client: Client,
    bucket: String,
}

impl InfluxHistory {
    /// A handle; whether there is an InfluxDB is found out when it is asked.
    ///
    /// # Errors
    /// If there can be no client.
    pub fn new(settings: &InfluxSettings) -> Result<Self, StoreError> {
        Ok(Self { client: Client::new(settings)?, bucket: settings.bucket.clone() })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// As [`HistoryStore::moment`], with what keeps it from being answered.
    pub(super) fn found(&self, measurements: &[&str], time_ms: i64) -> Result<Vec<Found>, Trouble> {
        let Some(question) = flux::moment(&self.bucket, measurements, time_ms) else {
            return Ok(Vec::new());
        };
        Ok(in_order(measurements, self.client.query(question)?))
    }

    /// The points of sessions with this id that began at `start_ms` or later: their times
    /// and durations.
    pub(super) fn sessions(
        &self,
        id: &str,
        start_ms: i64,
    ) -> Result<Vec<(i64, FieldValue)>, Trouble> {
        let rows = self.client.query(flux::sessions(&self.bucket, id, start_ms))?;
        Ok(rows.into_iter().map(|row| (row.time_ms, row.value)).collect())
    }
}

impl HistoryStore for InfluxHistory {
    fn history(&self, query: &HistoryQuery) -> Result<History, StoreError> {
        let Some(question) = flux::history(&self.bucket, query) else {
            return Ok(History::default());
        };
        let mut rows = self.client.query(question).map_err(unanswered)?;
        rows.sort_by_key(|row| row.time_ms);
        let truncated = rows.len() > query.most;
        let points = rows.into_iter().take(query.most).map(|row| (row.time_ms, row.value));
        Ok(History { points: points.collect(), truncated })
    }

    fn moment(&self, measurements: &[&str], time_ms: i64) -> Result<Vec<Found>, StoreError> {
        self.found(measurements, time_ms).map_err(unanswered)
    }
}

fn unanswered(trouble: Trouble) -> StoreError {
    StoreError { what: "cannot read the history from InfluxDB".into(), reason: trouble.reason }
}

/// Rows as points, in the order of measurements as asked, then of series.
fn in_order(measurements: &[&str], rows: Vec<Row>) -> Vec<Found> {
    let mut points: BTreeMap<(usize, Vec<u8>), Found> = BTreeMap::new();
    for row in rows {
        let Row { measurement, mut tags, field, value, .. } = row;
        let Some(place) = measurements.iter().position(|name| *name == measurement) else {
            continue;
        };
        tags.sort_unstable();
        let mut series = Vec::new();
        let plain = tags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        write_series(&measurement, plain, &mut series);
        let point = points.entry((place, series));
        let point = point.or_insert_with(|| Found { measurement, tags, fields: Vec::new() });
        point.fields.push((field, value));
    }
    points.into_values().collect()
}
