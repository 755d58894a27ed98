//! Tests of the job from outside: one binary, one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by a panic, and its numbers are small"
)]

mod checkpoints;
mod cli;
mod closing;
#[allow(
    unreachable_pub,
    unused_imports,
    dead_code,
    reason = "the oracle is a library of its own; not every test uses all of it"
)]
mod oracle;
mod properties;
mod reference;
mod rows;
#[cfg(feature = "kafka-tls")]
#[path = "../../../ingest/tests/it/secured.rs"]
mod secured;
mod session;
mod simulation;
mod values;
