//! Looking at an InfluxDB without changing it: for those who ask what is wrong.

use super::client::Client;
use super::http::Http;
use super::state::{FILE_NAME, State};
use super::trouble::Trouble;
use super::{InfluxSettings, NAME};
use crate::results::Position;
use crate::store::StoreError;
use std::path::Path;

/// What was found of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfluxBucket {
    /// It is there, and the token may see it.
    There,
    /// There is none that the token may see.
    Missing,
}

/// Whether an InfluxDB serves, and has the bucket.
///
/// # Errors
/// If it does not answer, or does not take the token.
pub fn influx_bucket(settings: &InfluxSettings) -> Result<InfluxBucket, StoreError> {
    let failed = |trouble: Trouble| StoreError {
        what: format!("cannot use {NAME} at {}", settings.url.as_str()),
        reason: trouble.reason,
    };
    let client = Client::new(settings)?;
    client.ready().map_err(failed)?;
    let bucket = client.bucket(&settings.org, &settings.bucket).map_err(failed)?;
    Ok(if bucket.is_some() { InfluxBucket::There } else { InfluxBucket::Missing })
}

/// The version that an InfluxDB says it is; none if it says nothing.
#[must_use]
pub fn influx_version(settings: &InfluxSettings) -> Option<String> {
    Http::new(settings).version()
}

/// Up to where in the results of a data directory a bucket was fed; none if it never was.
///
/// # Errors
/// If that cannot be read.
pub fn influx_fed(
    directory: &Path,
    settings: &InfluxSettings,
) -> Result<Option<Position>, StoreError> {
    if !directory.join(FILE_NAME).exists() {
        return Ok(None);
    }
    Ok(State::open(directory, settings)?.position().cloned())
}
