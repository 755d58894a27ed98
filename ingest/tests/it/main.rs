//! Tests of the crate from outside: one binary, one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

mod away;
mod bindings;
mod conformance;
mod embedded;
mod growth;
mod judging;
mod kafka;
#[cfg(feature = "kafka-tls")]
mod secured;
