//! The client that others have made, for all that reads and sets up.
//!
//! It is asynchronous and has no timeout of its own, so it gets both a runtime and a
//! timeout here. Answers are read by its iterator alone: its other ways of reading end the
//! process where a connection breaks off in the middle of an answer.

use super::InfluxSettings;
use super::flux::{self, Row};
use super::http::shown;
use super::trouble::Trouble;
use crate::store::StoreError;
use fallible_iterator::FallibleIterator;
use influxdb2::api::buckets::ListBucketsRequest;
use influxdb2::api::organization::ListOrganizationRequest;
use influxdb2::models::{Bucket, PostBucketRequest, Query};
use influxdb2::{ClientBuilder, RequestError};
use reqwest::redirect::Policy;
use std::error::Error;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// A client with what it runs on.
pub(super) struct Client {
    inner: influxdb2::Client,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

fn failed(reason: impl ToString) -> StoreError {
    StoreError { what: "cannot talk to InfluxDB".into(), reason: reason.to_string() }
}

impl Client {
    pub(super) fn new(settings: &InfluxSettings) -> Result<Self, StoreError> {
        if settings.url.as_str().starts_with("https:") && !cfg!(feature = "influxdb-tls") {
            let reason = "https needs a program that was built with `--features influxdb-tls`";
            return Err(failed(reason));
        }
        let http = reqwest::ClientBuilder::new()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            // Where an address leads elsewhere, the token must not follow.
            .redirect(Policy::none());
        // The address was checked: it is the one thing that this would panic at.
        let url = settings.url.as_str();
        let (org, token) = (settings.org.as_str(), settings.token.expose());
        let inner = ClientBuilder::with_builder(http, url, org, token).build().map_err(failed)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("influxdb")
            .enable_all()
            .build()
            .map_err(failed)?;
        Ok(Self { inner, runtime: Some(runtime) })
    }

    fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(answer),
            None => Err(RequestError::Deserializing { text: "it is closed".into() }),
        }
    }

    /// Whether it serves.
    pub(super) fn ready(&self) -> Result<(), Trouble> {
        self.wait(self.inner.ready()).map(|_| ()).map_err(|e| trouble(&e))
    }

    /// The rows of a question.
    pub(super) fn query(&self, flux: String) -> Result<Vec<Row>, Trouble> {
        let answer = self.wait(self.inner.query_raw_iter(Some(Query::new(flux))));
        let answer = answer.map_err(|e| trouble(&e))?;
        let mut rows = Vec::new();
        let mut records = answer.result();
        while let Some(record) = records.next().map_err(|e| trouble(&e))? {
            rows.extend(flux::row(record.values).map_err(Trouble::away)?);
        }
        Ok(rows)
    }

    /// The bucket of a name; none if there is none, or none that may be seen.
    pub(super) fn bucket(&self, org: &str, name: &str) -> Result<Option<Bucket>, Trouble> {
        let request = ListBucketsRequest {
            org: Some(org.to_owned()),
            name: Some(name.to_owned()),
            ..ListBucketsRequest::default()
        };
        let found = self.wait(self.inner.list_buckets(Some(request)));
        let buckets = unless_missing(found)?.map(|found| found.buckets).unwrap_or_default();
        Ok(buckets.into_iter().find(|bucket| bucket.name == name))
    }

    /// The identity of an organisation; none if there is none, or none that may be seen.
    pub(super) fn org(&self, name: &str) -> Result<Option<String>, Trouble> {
        let request = ListOrganizationRequest {
            org: Some(name.to_owned()),
            ..ListOrganizationRequest::default()
        };
        let found = unless_missing(self.wait(self.inner.list_organizations(request)))?;
        let orgs = found.map(|found| found.orgs).unwrap_or_default();
        Ok(orgs.into_iter().find(|org| org.name == name).and_then(|org| org.id))
    }

    pub(super) fn create_bucket(&self, bucket: PostBucketRequest) -> Result<(), Trouble> {
        self.wait(self.inner.create_bucket(Some(bucket))).map_err(|e| trouble(&e))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // To wait for a runtime is not allowed within another, where this may be dropped.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn unless_missing<T>(found: Result<T, RequestError>) -> Result<Option<T>, Trouble> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(RequestError::Http { status, .. }) if status.as_u16() == 404 => Ok(None),
        Err(error) => Err(trouble(&error)),
    }
}

fn trouble(error: &RequestError) -> Trouble {
    let (code, text) = match error {
        RequestError::Http { status, text } => (status.as_u16(), text),
        error => {
            // The last cause says what has happened, those before it where.
            let mut last: &dyn Error = error;
            while let Some(cause) = last.source() {
                last = cause;
            }
            return Trouble::away(format!("it cannot be asked: {}", shown(&last.to_string())));
        }
    };
    let own = super::http::told(text);
    let said = shown(own.as_ref().map_or(text.as_str(), |(_, message)| message));
    match (code, own) {
        (401 | 403, _) => Trouble::unauthorized(code, &said),
        (404, Some(_)) => Trouble::missing(&said),
        _ => Trouble::away(format!("it answered {code}: {said}")),
    }
}
