//! What is said to clients of version 1, as JSON.
//!
//! Fields stand in the order in which people read them. Values of results are handed
//! on as they stand on the log, digit for digit. Nothing here knows a connection.

mod alerts;
mod channels;

pub(crate) use alerts::{AlertItem, GroupItem};
pub(crate) use channels::{Context, Frame, MOST_ROWS, alerts_since, snapshot, update};

use crate::state::job::JobStatus;
use crate::state::series::{Span, Standing};
use crate::times::rfc3339;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
pub(crate) use tokio_tungstenite::tungstenite::Utf8Bytes;

/// A map in the order given.
#[derive(Clone, Debug)]
pub(crate) struct Pairs<K, V>(pub(crate) Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for Pairs<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A window and how sure it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Window {
    start: String,
    end: String,
    state: &'static str,
}

impl Window {
    pub(crate) fn new(span: Span, standing: Standing) -> Self {
        let (start, end) = (rfc3339(span.start_ms), rfc3339(span.end_ms));
        Self { start, end, state: standing.name() }
    }
}

/// A JSON number, or null.
pub(crate) type Number = Option<Box<RawValue>>;

/// A number that stands as text.
pub(crate) fn number(text: String) -> Number {
    RawValue::from_string(text).ok()
}

/// How far the job is behind.
#[derive(Debug, Serialize)]
pub(crate) struct Lag {
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Number,
}

impl Lag {
    pub(crate) fn of(job: &JobStatus) -> Option<Self> {
        let (kafka_records, ms) = (job.lag_records, job.lag_ms);
        let some = kafka_records.is_some() || ms.is_some();
        let seconds = ms.and_then(|ms| number(format!("{}.{:03}", ms / 1_000, ms % 1_000)));
        some.then_some(Self { kafka_records, seconds })
    }
}

/// A message that belongs to no channel.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Message<'a> {
    Hello {
        protocol: &'static str,
        session: String,
        window_ms: u64,
        heartbeat_ms: u64,
        auth: &'static str,
        limits: Limits,
    },
    Ack {
        id: &'a serde_json::Value,
        action: &'a str,
        subscriptions: &'a [&'static str],
        #[serde(skip_serializing_if = "Option::is_none")]
        metrics: Option<&'a [&'static str]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        available: Option<Available>,
        #[serde(skip_serializing_if = "Option::is_none")]
        resumed: Option<Pairs<&'a str, bool>>,
    },
    Error {
        id: &'a serde_json::Value,
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<serde_json::Value>,
        retryable: bool,
    },
    Heartbeat {
        n: u64,
        server_time: String,
        watermark: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lag: Option<Lag>,
    },
    Pong {
        id: &'a serde_json::Value,
        server_time: String,
    },
    Bye {
        reason: &'static str,
        retry_after_ms: u64,
    },
}

/// What one client may do.
#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    pub(crate) message_bytes: usize,
    pub(crate) subscriptions: usize,
    pub(crate) requests_per_s: u32,
}

/// What can be subscribed to.
#[derive(Debug, Serialize)]
pub(crate) struct Available {
    pub(crate) channels: Vec<&'static str>,
    pub(crate) metrics: Vec<&'static str>,
}

/// The bytes of anything.
pub(crate) fn text(value: &impl Serialize) -> Utf8Bytes {
    // Only maps with keys that are no texts fail, and there are none.
    serde_json::to_string(value).unwrap_or_default().into()
}
