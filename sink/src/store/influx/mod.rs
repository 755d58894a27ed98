//! The past in an InfluxDB 2.
//!
//! It is fed from the log of results by a position of its own, and asked in Flux. Its
//! points are those of [`crate::points`], the same as the embedded store has, so both give
//! the same answers to the same records.
//!
//! Invariants: what keeps InfluxDB from being written is waited for, told and shown, and
//! touches nothing else; nothing is dropped in silence; the token is in no text that leaves
//! here. A single feed writes a bucket: whoever runs it sees to that.
//!
//! It deliberately changes nothing that it did not make: neither a bucket's retention nor
//! points of others.

mod batch;
mod client;
mod delete;
mod feed;
mod flux;
mod history;
mod http;
mod link;
mod look;
mod resolve;
mod sessions;
mod setup;
mod state;
mod trouble;

pub use history::InfluxHistory;
pub use look::{InfluxBucket, influx_bucket, influx_fed, influx_version};

use super::{FeedError, FeedStatus, StoreError};
use crate::results::ResultLog;
use crate::webhook::{Backoff, Jitter, Url, random};
use feed::{Feeder, Told};
use http::Http;
use link::Link;
use state::State;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;
use streamgauge_ingest::clock::Clock;
use streamgauge_ingest::secret::Secret;

/// The name that is told of it.
const NAME: &str = "InfluxDB";

/// Where an InfluxDB is, and what of it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InfluxSettings {
    /// Its address: a scheme, a host, and a port if need be.
    pub url: Url,
    /// What opens it: it must be able to read and write the bucket.
    pub token: Secret,
    /// The organisation.
    pub org: String,
    /// The bucket.
    pub bucket: String,
    /// How long a bucket keeps points that is made here.
    pub retention: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether it has a point for every session, which is a series each.
    pub has_sessions: bool,
}

/// What a feed needs besides.
pub struct Means<'a> {
    /// The time, by which results are too old for a bucket.
    pub clock: Arc<dyn Clock>,
    /// How pauses grow.
    pub backoff: Backoff,
    /// The part of a pause that is taken.
    pub jitter: Jitter,
    /// Sleeps.
    pub sleep: Arc<dyn Fn(Duration) + Send + Sync>,
    /// Hears what somebody should know.
    pub tell: &'a dyn Fn(&str),
}

impl<'a> Means<'a> {
    /// The usual ones.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, tell: &'a dyn Fn(&str)) -> Self {
        let backoff = Backoff { first_ms: 500, most_ms: 30_000 };
        Self { clock, backoff, jitter: random(), sleep: Arc::new(thread::sleep), tell }
    }
}

/// The feed of an InfluxDB.
pub struct InfluxFeed {
    settings: InfluxSettings,
    http: Http,
    history: InfluxHistory,
    state: State,
    status: Arc<FeedStatus>,
}

impl InfluxFeed {
    /// What a feed tells how it does by, for those who wait to open it, too.
    #[must_use]
    pub fn new_status() -> Arc<FeedStatus> {
        Arc::new(FeedStatus::new(NAME))
    }

    /// A feed that keeps how far it is in this directory, and tells by `status` how it does;
    /// whether there is an InfluxDB is found out when it runs.
    ///
    /// # Errors
    /// If what it keeps cannot be opened.
    pub fn open(
        directory: &Path,
        settings: &InfluxSettings,
        status: Arc<FeedStatus>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            settings: settings.clone(),
            http: Http::new(settings),
            history: InfluxHistory::new(settings)?,
            state: State::open(directory, settings)?,
            status,
        })
    }

    /// Follows the results until `stop` is set.
    ///
    /// # Errors
    /// If the log cannot be read or added to, or the position not be kept. What InfluxDB
    /// does is no error: it is waited for.
    pub fn run(
        &mut self,
        results: &dyn ResultLog,
        means: &Means<'_>,
        stop: &AtomicBool,
    ) -> Result<(), FeedError> {
        let link = Link {
            settings: &self.settings,
            http: &self.http,
            history: &self.history,
            status: &self.status,
            means,
            stop,
            setup: None,
            attempts: 0,
            told: None,
        };
        let told = Told::default();
        Feeder { results, state: &mut self.state, link, told }.follow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_refused_where_it_cannot_be_and_the_token_is_not_shown() {
        let settings = InfluxSettings {
            url: Url::parse("https://influx.example.com").unwrap(),
            token: Secret::new("open-sesame"),
            org: "analytics".into(),
            bucket: "metrics".into(),
            retention: Duration::from_secs(3_600),
            timeout: Duration::from_secs(1),
            has_sessions: false,
        };
        assert!(!format!("{settings:?}").contains("sesame"));
        let can_do = cfg!(feature = "influxdb-tls");
        let refusal = InfluxHistory::new(&settings).err().map(|error| error.to_string());
        assert_eq!(refusal.is_none(), can_do);
        assert!(refusal.is_none_or(|said| said.contains("--features influxdb-tls")));
    }
}
