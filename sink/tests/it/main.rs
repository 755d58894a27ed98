//! Tests of the crate from outside.

#![allow(clippy::unwrap_used, reason = "tests")]

mod history;
mod influx;
mod kafka;
mod results;
#[cfg(feature = "kafka-tls")]
#[path = "../../../ingest/tests/it/secured.rs"]
mod secured;
mod webhook;
